//! Checks an assignment before students meet it: the reference gets full marks, the starter at
//! most its bound, and each known-bad submission loses exactly the criteria that it names. Every
//! hidden test is graded by a criterion, and the tests for students fit the reference.

mod public;
pub(crate) mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::assignment::{parse, tree};
use crate::batch::lost;
use crate::build::HIDDEN;
use crate::evidence::{CompileError, Evidence};
use crate::intake::{self, Submission};
use crate::judge::Grader;
use crate::rubric::{Marks, Outcome, Status, marks};
use crate::test_names::Tests;
use crate::{parallel, text};

/// What the known-bad submissions have to lose.
const EXPECT: &str = "expect.toml";

/// What [`EXPECT`] says of one.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// `reference`, `starter`, `known-bad/NAME`, `hidden tests`, `public tests`.
    pub what: String,
    /// What was seen; may be empty.
    pub seen: String,
    /// What is wrong; `None` where it is as it should be.
    pub problem: Option<String>,
    /// The tests and reasons behind what is wrong, a line each.
    pub details: Vec<String>,
    /// Only time stands between in one of them.
    pub timing: bool,
}

impl Checked {
    fn bad(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Checked {
            what: what.into(),
            problem: Some(problem.into()),
            ..Checked::default()
        }
    }

    /// The reasons why these criteria came out as they did.
    fn because<'a>(
        &mut self,
        grader: &Grader,
        judged: &Judged,
        ids: impl IntoIterator<Item = &'a String>,
    ) {
        for id in ids {
            let lines = why::lines(&grader.assignment, &judged.marks, &judged.evidence, id);
            self.timing |= lines.iter().any(|why| why.timing);
            self.details.extend(lines.iter().map(ToString::to_string));
        }
    }
}

/// What a check came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One by one.
    pub checked: Vec<Checked>,
    /// The reference has full marks.
    pub full: bool,
    /// What was not looked at and why; empty where all was.
    pub left: String,
}

/// A submission's evidence and marks.
struct Judged {
    evidence: Evidence,
    marks: Marks,
}

fn judge(grader: &Grader, submission: &Submission) -> Judged {
    let evidence = grader.judge_openly(submission);
    let marks = marks(&grader.assignment, &evidence, None);
    Judged { evidence, marks }
}

/// Checks everything there is, `jobs` submissions at a time.
///
/// # Errors
/// Where the assignment's directories cannot be read.
pub fn check(grader: &Grader, jobs: usize) -> Result<Report> {
    let assignment = &grader.assignment;
    let mut out = Report {
        checked: unnamed(grader),
        ..Report::default()
    };
    let read = |name: &str| intake::read_one(assignment, &assignment.dir.join(name));
    let (reference, starter) = (read("reference")?, read("starter")?);
    let judged = judge(grader, &reference);
    if let Some(errors) = in_hidden_tests(&judged.evidence) {
        out.checked.push(Checked {
            details: errors.iter().map(error_line).collect(),
            ..Checked::bad("hidden tests", "do not compile with the reference")
        });
        "nothing else was graded: all submissions need the hidden tests".clone_into(&mut out.left);
        return Ok(out);
    }
    let checked = full(grader, &judged);
    out.full = checked.problem.is_none();
    out.checked.push(checked);
    out.checked.push(bound(grader, &judge(grader, &starter)));
    out.checked.extend(public::check(grader, &reference)?);
    out.checked.extend(known_bad(grader, jobs)?);
    Ok(out)
}

/// Hidden tests that no criterion names.
fn unnamed(grader: &Grader) -> Vec<Checked> {
    let (once, explored) = grader.assignment.tests();
    let named: BTreeSet<&str> = once.into_iter().chain(explored).collect();
    let tests = Tests::of(&grader.assignment.hidden).names;
    let unnamed = tests.iter().filter(|name| !named.contains(name.as_str()));
    let bad = |name| Checked::bad(format!("hidden test {name}"), "no criterion names it");
    unnamed.map(bad).collect()
}

/// The compiler's errors, where the library compiles and the hidden tests are to blame.
fn in_hidden_tests(evidence: &Evidence) -> Option<&[CompileError]> {
    let inside = |e: &CompileError| {
        let file = e.file.as_deref().map(Path::new);
        file.is_some_and(|file| file.starts_with(HIDDEN))
    };
    let any = evidence.errors.iter().any(inside);
    any.then_some(evidence.errors.as_slice())
}

fn error_line(error: &CompileError) -> String {
    match &error.file {
        Some(file) => format!("{file}:{}: {}", error.line, error.message),
        None => error.message.clone(),
    }
}

fn seen(marks: &Marks) -> String {
    let points = match marks.points {
        Some(points) => format!(
            "{} of {}",
            text::points(points),
            text::points(marks.max_points)
        ),
        None => marks.outcome.text().to_owned(),
    };
    match lost(marks).as_slice() {
        [] => points,
        lost => format!("{points}, loses {}", lost.join(", ")),
    }
}

/// Why a submission has no marks at all.
fn without_marks(judged: &Judged) -> Option<String> {
    let marks = &judged.marks;
    (marks.criteria.is_empty() || !marks.reasons.is_empty())
        .then(|| format!("is {}: {}", marks.outcome.text(), marks.reasons.join("; ")))
}

/// The reference.
fn full(grader: &Grader, judged: &Judged) -> Checked {
    let marks = &judged.marks;
    let mut out = Checked {
        what: "reference".to_owned(),
        seen: seen(marks),
        problem: without_marks(judged),
        ..Checked::default()
    };
    let short = marks.criteria.iter();
    let short = short.filter(|m| m.points != Some(m.max_points) && m.status != Status::NotRun);
    out.because(grader, judged, short.map(|m| &m.id));
    if out.problem.is_none()
        && marks
            .criteria
            .iter()
            .any(|m| m.points != Some(m.max_points))
    {
        out.problem = Some("should have all points".to_owned());
    }
    let (once, explored) = grader.assignment.tests();
    let expected = once.len() + explored.len() * grader.assignment.manifest.budget.seeds.len();
    if out.problem.is_none() && judged.evidence.tests.len() != expected {
        out.problem = Some("tests are missing".to_owned());
    }
    out
}

/// The starter.
fn bound(grader: &Grader, judged: &Judged) -> Checked {
    let manifest = &grader.assignment.manifest;
    let marks = &judged.marks;
    let mut out = Checked {
        what: "starter".to_owned(),
        seen: seen(marks),
        problem: without_marks(judged),
        ..Checked::default()
    };
    if out.problem.is_some() {
        return out;
    }
    if !judged.evidence.compiled && manifest.starter_compiles {
        let problem = match in_hidden_tests(&judged.evidence) {
            None => "does not compile, and students begin with it",
            Some(_) => "the hidden tests do not compile with it",
        };
        out.problem = Some(problem.to_owned());
        out.details = judged.evidence.errors.iter().map(error_line).collect();
        return out;
    }
    match marks.points {
        None => {
            out.problem = Some("has no marks".to_owned());
            let open = marks.criteria.iter().filter(|m| m.points.is_none());
            out.because(grader, judged, open.map(|m| &m.id));
        }
        Some(points) if points > manifest.starter_bound => {
            let bound = text::points(manifest.starter_bound);
            out.problem = Some(format!("should have at most starter-bound = {bound}"));
            let gained = marks.criteria.iter().filter_map(|m| {
                let points = m.points.filter(|points| *points > 0.0)?;
                Some(format!("{} gives {}", m.id, text::points(points)))
            });
            out.details = gained.collect();
        }
        Some(_) => {}
    }
    out
}

fn known_bad(grader: &Grader, jobs: usize) -> Result<Vec<Checked>> {
    let assignment = &grader.assignment;
    let dir = assignment.dir.join("known-bad");
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut names = BTreeSet::new();
    for file in tree(&dir)?.keys().filter(|f| *f != EXPECT) {
        let top = file.split('/').next().unwrap_or(file);
        names.insert(top.strip_suffix(".rs").unwrap_or(top).to_owned());
    }
    let path = dir.join(EXPECT);
    if !path.exists() {
        let missing = "there is no such file: it says what each submission beside it has to lose";
        let bad = Checked::bad(format!("known-bad/{EXPECT}"), missing);
        return Ok(if names.is_empty() {
            Vec::new()
        } else {
            vec![bad]
        });
    }
    let expected = expectations(grader, &path)?;
    names.extend(expected.keys().cloned());
    let names: Vec<String> = names.into_iter().collect();
    let one = |name: &String| {
        let what = format!("known-bad/{name}");
        let Some(expectation) = expected.get(name) else {
            return Checked::bad(what, format!("{EXPECT} says nothing about it"));
        };
        let folder = dir.join(name);
        let file = dir.join(format!("{name}.rs"));
        let path = if folder.is_dir() { folder } else { file };
        match intake::read_one(assignment, &path) {
            Ok(submission) => compare(grader, what, &judge(grader, &submission), expectation),
            Err(error) => Checked::bad(what, format!("{error:#}")),
        }
    };
    Ok(parallel::map(&names, jobs, one))
}

/// Reads [`EXPECT`].
fn expectations(grader: &Grader, path: &Path) -> Result<BTreeMap<String, Expectation>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let expected: BTreeMap<String, Expectation> = parse(path, &text)?;
    let criteria = &grader.assignment.manifest.criteria;
    for (name, expectation) in &expected {
        let known = |id: &String| criteria.iter().any(|c| c.id == *id);
        if let Some(wrong) = expectation.loses.iter().find(|id| !known(id)) {
            bail!(
                "{}: [{name}]: there is no criterion {wrong:?}",
                path.display()
            );
        }
    }
    Ok(expected)
}

fn compare(grader: &Grader, what: String, judged: &Judged, expected: &Expectation) -> Checked {
    let marks = &judged.marks;
    let mut out = Checked {
        what,
        seen: seen(marks),
        ..Checked::default()
    };
    let lost: BTreeSet<String> = lost(marks).into_iter().map(str::to_owned).collect();
    match (marks.outcome, expected.ungradable) {
        (Outcome::Ungradable, true) => {}
        (Outcome::Graded, false) if lost == expected.loses => {}
        (Outcome::Graded, false) => {
            let list: Vec<&str> = expected.loses.iter().map(String::as_str).collect();
            let list = match list.as_slice() {
                [] => "nothing".to_owned(),
                list => list.join(", "),
            };
            out.problem = Some(format!("should lose {list}"));
            let other = |id: &&String| lost.contains(*id) != expected.loses.contains(*id);
            let ids = marks.criteria.iter().map(|m| &m.id);
            out.because(grader, judged, ids.filter(other));
        }
        (Outcome::Graded, true) => out.problem = Some("should be ungradable".to_owned()),
        (outcome, _) => {
            out.problem = Some(match marks.reasons.as_slice() {
                [] => format!("is {}", outcome.text()),
                reasons => format!("is {}: {}", outcome.text(), reasons.join("; ")),
            });
            let open = marks.criteria.iter().filter(|m| m.points.is_none());
            out.because(grader, judged, open.map(|m| &m.id));
        }
    }
    out
}
