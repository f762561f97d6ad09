//! The tests for students, against the reference.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::{Checked, why};
use crate::assignment::{Assignment, Criterion, Source, tree};
use crate::build::HIDDEN;
use crate::evidence::Evidence;
use crate::intake::Submission;
use crate::interface::Interface;
use crate::judge::Grader;
use crate::rubric::marks;
use crate::test_names::{self, Tests};

const PUBLIC: &str = "public";
const ID: &str = "public";

/// Compiles and runs `public/tests.rs` once with the reference; `None` where there is no such file.
///
/// # Errors
/// Where the directory cannot be read.
pub(super) fn check(grader: &Grader, reference: &Submission) -> Result<Option<Checked>> {
    let dir = grader.assignment.dir.join(PUBLIC);
    if !dir.join(test_names::ROOT).is_file() {
        return Ok(None);
    }
    let mut files = tree(&dir)?;
    files.retain(|name, _| name.ends_with(".rs"));
    let tests = Tests::of(&files);
    let names: Vec<String> = tests.names.difference(&tests.ignored).cloned().collect();
    let count = names.len();
    let grader = Grader {
        assignment: stand_in(&grader.assignment, files, names),
        toolchain: grader.toolchain.clone(),
        sandbox: grader.sandbox.clone(),
        work: grader.work.clone(),
        spent: crate::Spent::default(),
    };
    let evidence = grader.judge_openly(reference);
    let mut checked = told(&grader.assignment, &evidence);
    if evidence.compiled {
        checked.seen = match count {
            1 => "1 test".to_owned(),
            count => format!("{count} tests"),
        };
    }
    Ok(Some(checked))
}

/// The same assignment, with these as its only tests.
fn stand_in(
    assignment: &Assignment,
    files: BTreeMap<String, Vec<u8>>,
    names: Vec<String>,
) -> Assignment {
    let mut out = assignment.clone();
    out.hidden = files;
    out.interface = Interface::default();
    out.manifest.criteria = vec![Criterion {
        id: ID.to_owned(),
        source: match names.is_empty() {
            true => Source::Compiles,
            false => Source::Run(names),
        },
        title: String::new(),
        points: 1.0,
        needs: Vec::new(),
        each: false,
        deduct: None,
        deduct_once: false,
        extra_credit: false,
        visibility: crate::assignment::Visibility::Visible,
        advice: String::new(),
        advice_for: crate::assignment::AdviceFor::All,
    }];
    out
}

fn told(assignment: &Assignment, evidence: &Evidence) -> Checked {
    let mut checked = Checked {
        what: "public tests".to_owned(),
        ..Checked::default()
    };
    if let Some(broken) = &evidence.broken {
        checked.problem = Some(broken.clone());
    } else if !evidence.compiled {
        checked.problem = Some("do not compile with the reference".to_owned());
        let errors = evidence.errors.iter().map(|error| match &error.file {
            Some(file) => {
                let file = Path::new(file);
                let own = file.strip_prefix(HIDDEN).map(|f| Path::new(PUBLIC).join(f));
                let file = own.unwrap_or_else(|_| file.to_owned());
                format!("{}:{}: {}", file.display(), error.line, error.message)
            }
            None => error.message.clone(),
        });
        checked.details = errors.collect();
    } else {
        let marks = marks(assignment, evidence, None);
        let criteria = assignment.manifest.criteria.iter().zip(&marks.criteria);
        let failed = criteria.flat_map(|(c, mark)| why::reasons(c, mark, evidence));
        let failed: Vec<_> = failed.collect();
        checked.timing = failed.iter().any(|why| why.timing);
        checked.details = failed.iter().map(ToString::to_string).collect();
        if !checked.details.is_empty() {
            checked.problem = Some("the reference does not pass them".to_owned());
        }
    }
    checked
}
