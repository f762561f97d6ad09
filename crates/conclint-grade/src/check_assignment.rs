//! Checks an assignment before students meet it: the reference gets full marks, the starter at
//! most its bound, and each known-bad submission loses exactly the criteria that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::assignment::{parse, tree};
use crate::batch::lost;
use crate::evidence::Evidence;
use crate::intake::{self, Submission};
use crate::judge::Grader;
use crate::rubric::{Marks, Outcome, marks};
use crate::text;

/// What `known-bad/expect.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    /// Criteria that lose points; `not run` ones are not named.
    #[serde(default)]
    loses: BTreeSet<String>,
    /// It is not graded at all.
    #[serde(default)]
    ungradable: bool,
}

/// One thing that was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// `reference`, `starter`, `known-bad/NAME`.
    pub what: String,
    /// What was seen.
    pub seen: String,
    /// What is wrong; `None` where it is as it should be.
    pub problem: Option<String>,
}

/// Checks everything there is.
///
/// # Errors
/// Where the assignment's directories cannot be read.
pub fn check(grader: &Grader) -> Result<Vec<Checked>> {
    let assignment = &grader.assignment;
    let mut out = Vec::new();
    let judge = |name: &str| -> Result<(Evidence, Marks)> {
        let submission = intake::read_one(assignment, &assignment.dir.join(name))?;
        let evidence = grader.judge(&submission);
        let marks = marks(assignment, &evidence, None);
        Ok((evidence, marks))
    };
    let (evidence, reference) = judge("reference")?;
    out.push(Checked {
        what: "reference".to_owned(),
        seen: seen(&reference),
        problem: full(grader, &evidence, &reference),
    });
    let (_, starter) = judge("starter")?;
    let bound = assignment.manifest.starter_bound;
    out.push(Checked {
        what: "starter".to_owned(),
        seen: seen(&starter),
        problem: match starter.points {
            None => Some("has no marks".to_owned()),
            Some(points) if points > bound => {
                Some(format!("gets more than {}", text::points(bound)))
            }
            Some(_) => None,
        },
    });
    out.extend(known_bad(grader)?);
    Ok(out)
}

fn seen(marks: &Marks) -> String {
    let points = match (marks.outcome, marks.points) {
        (_, Some(points)) => text::points(points),
        (outcome, None) => outcome.text().to_owned(),
    };
    let lost = lost(marks);
    let max = text::points(marks.max_points);
    if lost.is_empty() {
        format!("{points} of {max}")
    } else {
        format!("{points} of {max}, loses {}", lost.join(", "))
    }
}

fn full(grader: &Grader, evidence: &Evidence, marks: &Marks) -> Option<String> {
    if let Some(broken) = &evidence.broken {
        return Some(broken.clone());
    }
    if !marks.reasons.is_empty() {
        return Some(marks.reasons.join("; "));
    }
    let short = marks
        .criteria
        .iter()
        .find(|m| m.points != Some(m.max_points));
    if let Some(mark) = short {
        let why = mark.reasons.join("; ");
        return Some(format!("{}: {}: {why}", mark.id, mark.status.text()));
    }
    let (once, explored) = grader.assignment.tests();
    let expected = once.len() + explored.len() * grader.assignment.manifest.budget.seeds.len();
    (evidence.tests.len() != expected).then(|| "tests are missing".to_owned())
}

fn known_bad(grader: &Grader) -> Result<Vec<Checked>> {
    let assignment = &grader.assignment;
    let dir = assignment.dir.join("known-bad");
    let path = dir.join("expect.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let expected: BTreeMap<String, Expectation> = parse(&path, &text)?;
    let ids: BTreeSet<&str> = assignment
        .manifest
        .criteria
        .iter()
        .map(|c| c.id.as_str())
        .collect();
    for (name, expectation) in &expected {
        if let Some(wrong) = expectation.loses.iter().find(|l| !ids.contains(l.as_str())) {
            bail!(
                "{}: [{name}]: there is no criterion {wrong:?}",
                path.display()
            );
        }
    }
    let mut names: BTreeSet<String> = expected.keys().cloned().collect();
    for file in tree(&dir)?.keys().filter(|f| *f != "expect.toml") {
        let top = file.split('/').next().unwrap_or(file);
        names.insert(top.strip_suffix(".rs").unwrap_or(top).to_owned());
    }
    let mut out = Vec::new();
    for name in names {
        let what = format!("known-bad/{name}");
        let Some(expectation) = expected.get(&name) else {
            out.push(Checked {
                what,
                seen: String::new(),
                problem: Some("expect.toml says nothing about it".to_owned()),
            });
            continue;
        };
        let folder = dir.join(&name);
        let file = dir.join(format!("{name}.rs"));
        let path = if folder.is_dir() { folder } else { file };
        let submission = match intake::read_one(assignment, &path) {
            Ok(submission) => submission,
            Err(error) => {
                out.push(Checked {
                    what,
                    seen: String::new(),
                    problem: Some(format!("{error:#}")),
                });
                continue;
            }
        };
        out.push(compare(grader, what, &submission, expectation));
    }
    Ok(out)
}

fn compare(
    grader: &Grader,
    what: String,
    submission: &Submission,
    expected: &Expectation,
) -> Checked {
    let evidence = grader.judge(submission);
    let marks = marks(&grader.assignment, &evidence, None);
    let lost: BTreeSet<String> = lost(&marks).into_iter().map(str::to_owned).collect();
    let problem = match (marks.outcome, expected.ungradable) {
        (Outcome::Ungradable, true) => None,
        (Outcome::Graded, false) if lost == expected.loses => None,
        (Outcome::Graded, false) => {
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
            Some(format!("should lose {}", list(&expected.loses)))
        }
        (outcome, _) => Some(format!(
            "is {}: {}",
            outcome.text(),
            marks
                .reasons
                .iter()
                .chain(marks.criteria.iter().flat_map(|m| &m.reasons))
                .cloned()
                .collect::<Vec<_>>()
                .join("; ")
        )),
    };
    Checked {
        what,
        seen: seen(&marks),
        problem,
    }
}
