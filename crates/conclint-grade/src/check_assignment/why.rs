//! Why a criterion came out as it did, for the assignment's author: with the names of tests, which
//! students never see.

use std::fmt;

use crate::assignment::{Assignment, Criterion, Source};
use crate::evidence::{Evidence, How, Kind, Seen};
use crate::rubric::{Mark, Marks, Status, counted, describe};

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The test, or the lint; empty where it is the compiler.
    pub by: String,
    /// What is wrong.
    pub what: String,
    /// Only time stands between.
    pub timing: bool,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.by.is_empty() {
            write!(f, "{}: ", self.by)?;
        }
        write!(f, "{}", self.what)?;
        if self.timing {
            write!(f, " (timing)")?;
        }
        Ok(())
    }
}

fn why(by: &str, what: impl Into<String>) -> Why {
    Why {
        by: by.to_owned(),
        what: what.into(),
        timing: false,
    }
}

/// A test that has not passed.
fn failed(seen: &Seen) -> Why {
    Why {
        timing: seen.story.as_ref().is_some_and(|s| s.timing),
        ..why(&seen.test, describe(seen))
    }
}

/// What keeps a criterion from its points; empty where it has all of them.
pub(crate) fn reasons(criterion: &Criterion, mark: &Mark, evidence: &Evidence) -> Vec<Why> {
    let plain = || mark.reasons.iter().map(|r| why("", r.clone())).collect();
    match mark.status {
        Status::Met => return Vec::new(),
        Status::NotRun => return plain(),
        Status::Partly | Status::Lost | Status::Pending => {}
    }
    match &criterion.source {
        _ if !evidence.compiled => plain(),
        Source::Compiles => plain(),
        Source::Run(tests) => ran(tests, false, evidence),
        Source::Explore(tests) => ran(tests, true, evidence),
        Source::NoPanic => {
            let own = |s: &&Seen| s.story.as_ref().is_some_and(|s| s.own_panic);
            let panics = evidence.tests.iter().filter(own).map(|seen| {
                let story = seen.story.clone().unwrap_or_default();
                let at = story
                    .at
                    .map_or(String::new(), |at| format!("{}:{} ", at.file, at.line));
                why(&seen.test, format!("{at}panics: {}", story.panic))
            });
            panics.collect()
        }
        Source::Lints(_) if evidence.unlinted.is_some() => plain(),
        Source::Lints(lints) => counted(lints, evidence)
            .map(|l| {
                why(
                    &l.rule,
                    format!("{}:{}: {}", l.at.file, l.at.line, l.message),
                )
            })
            .collect(),
    }
}

fn ran(tests: &[String], explored: bool, evidence: &Evidence) -> Vec<Why> {
    let mut out = Vec::new();
    for test in tests {
        let of = |s: &&Seen| s.test == *test && (s.how != How::Once) == explored;
        let mut seen = evidence.tests.iter().filter(of).peekable();
        if seen.peek().is_none() {
            out.push(why(test, "has no result"));
        }
        out.extend(seen.find(|s| s.kind != Kind::Passed).map(failed));
    }
    out
}

/// What is said of a criterion that has come out otherwise than it should, a line for each reason:
/// `exact is lost: two_adders: fails ..`.
pub(crate) fn lines(
    assignment: &Assignment,
    marks: &Marks,
    evidence: &Evidence,
    id: &str,
) -> Vec<Why> {
    let criteria = &assignment.manifest.criteria;
    let Some(criterion) = criteria.iter().find(|c| c.id == id) else {
        return Vec::new();
    };
    let Some(mark) = marks.criteria.iter().find(|m| m.id == id) else {
        return Vec::new();
    };
    let is = match mark.status {
        Status::Met => "is not lost",
        Status::Partly => "is lost in part",
        Status::Lost => "is lost",
        Status::NotRun => "is not run",
        Status::Pending => "waits for a person",
    };
    let mut all = reasons(criterion, mark, evidence);
    match mark.status {
        Status::Met => all.push(why("", met(criterion))),
        // The author knows criteria by their ids.
        Status::NotRun => all = vec![why("", unmet(criterion, marks))],
        _ => {}
    }
    for why in &mut all {
        let by = match why.by.as_str() {
            "" => String::new(),
            by => format!(": {by}"),
        };
        why.by = format!("{id} {is}{by}");
    }
    all
}

/// Why a criterion has its points.
fn met(criterion: &Criterion) -> String {
    match &criterion.source {
        Source::Compiles => "it compiles".to_owned(),
        Source::NoPanic => "no test fails by a panic of its code".to_owned(),
        Source::Run(tests) | Source::Explore(tests) => match tests.as_slice() {
            [test] => format!("{test} passes"),
            tests => format!("all of its tests pass: {}", tests.join(", ")),
        },
        Source::Lints(_) => "its lints find nothing".to_owned(),
    }
}

/// Which criteria stand before one that is not run.
fn unmet(criterion: &Criterion, marks: &Marks) -> String {
    let unmet = criterion.needs.iter().filter_map(|need| {
        let mark = marks.criteria.iter().find(|m| m.id == *need)?;
        let met = matches!(mark.status, Status::Met | Status::Partly);
        (!met).then(|| format!("{need}, which is {}", mark.status.text()))
    });
    let unmet = unmet.collect::<Vec<_>>().join(", and ");
    format!("it needs {unmet}, and `loses` does not name what is not run")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Story;
    use crate::rubric::marks;

    fn counter() -> Assignment {
        let dir = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/assignments/counter"
        );
        Assignment::load(std::path::Path::new(dir)).expect("an assignment")
    }

    /// All tests of the counter pass but `test`, which fails.
    fn evidence(assignment: &Assignment, test: &str, timing: bool) -> Evidence {
        let seen = |name: &str, how| Seen {
            test: name.to_owned(),
            how,
            kind: if name == test {
                Kind::Failed
            } else {
                Kind::Passed
            },
            reason: String::new(),
            schedules: 1,
            story: Some(Story {
                timing,
                message: "1 is not 2".to_owned(),
                deviations: vec![(0, 0, 1)],
                ..Story::default()
            }),
        };
        let (once, explored) = assignment.tests();
        let once = once.iter().map(|name| seen(name, How::Once));
        let explored = explored.iter().map(|name| seen(name, How::Explored(1)));
        Evidence {
            compiled: true,
            tests: once.chain(explored).collect(),
            ..Evidence::default()
        }
    }

    fn said(test: &str, timing: bool, id: &str) -> Vec<String> {
        let assignment = counter();
        let evidence = evidence(&assignment, test, timing);
        let marks = marks(&assignment, &evidence, None);
        let lines = lines(&assignment, &marks, &evidence, id);
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_lost_criterion_names_its_tests() {
        let lost = "exact is lost: three_adders: fails when the threads run in another order: \
                    1 is not 2";
        assert_eq!(said("three_adders", false, "exact"), [lost]);
        assert_eq!(
            said("three_adders", true, "exact"),
            [format!("{lost} (timing)")]
        );
    }

    #[test]
    fn a_criterion_that_is_not_lost_says_why() {
        assert_eq!(
            said("", false, "exact"),
            [
                "exact is not lost: all of its tests pass: two_adders, three_adders, \
              total_while_adding"
            ]
        );
        assert_eq!(
            said("one_thread", false, "mean"),
            [
                "mean is not run: it needs alone, which is lost, and `loses` does not name what is not run"
            ]
        );
        assert_eq!(
            said("", false, "lints"),
            ["lints is not lost: its lints find nothing"]
        );
    }
}
