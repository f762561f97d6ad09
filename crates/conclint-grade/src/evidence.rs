//! What was seen of a submission's content, and nothing that depends on who handed it in or when.

use conclint_explore::{Failure, Place, TestResult};
use serde::{Deserialize, Serialize};

use crate::gate::Refusal;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// It could not be read, or files are missing.
    pub unreadable: Vec<String>,
    /// What the gate refused.
    pub refusals: Vec<Refusal>,
    /// What the compiler said; empty where it was content.
    pub errors: Vec<CompileError>,
    /// It came to running tests.
    pub compiled: bool,
    /// Tests that ran.
    pub tests: Vec<Seen>,
    /// What the lints found.
    pub lints: Vec<Lint>,
    /// Attempts to silence a lint, which do not count here: file and line.
    pub silenced: Vec<(String, u32)>,
    /// The grader itself failed. Never the submission's doing.
    pub broken: Option<String>,
}

/// An error of the compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileError {
    /// The message, without source text.
    pub message: String,
    /// The file, where it is the submission's.
    pub file: Option<String>,
    /// The line there.
    pub line: u32,
}

/// How a test was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Once, under the default schedule.
    Once,
    /// Explored from this seed.
    Explored(u64),
}

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No schedule that was tried fails.
    Passed,
    /// A panic, or another failure of its own.
    Failed,
    /// Everybody waits.
    Deadlock,
    /// Everybody is busy without getting anywhere.
    Livelock,
    /// The process died.
    Crashed,
    /// A thread computes without end.
    Hangs,
    /// Nothing can be said; a person has to look.
    Unclear,
}

/// A test that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The test.
    pub test: String,
    /// How it was run.
    pub how: How,
    /// What became of it.
    pub kind: Kind,
    /// Why, where it is unclear.
    pub reason: String,
    /// Schedules that were tried.
    pub schedules: u64,
    /// The failing schedule and what happens under it.
    pub story: Option<Story>,
}

/// A failing schedule and what happens under it, on the submission's own lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// What tells this failure from another.
    pub fingerprint: String,
    /// Settings of the execution.
    pub flags: u64,
    /// The schedule: thread, which of its decisions, and who runs instead.
    pub deviations: Vec<(u32, u32, u32)>,
    /// Preemptions in it.
    pub preemptions: u64,
    /// What the test said, fit for students.
    pub message: String,
    /// The panic is in the submission's own code.
    pub own_panic: bool,
    /// The submission's line that matters most.
    pub at: Option<Line>,
    /// Number of threads.
    pub threads: usize,
    /// Operations in order; those outside the submission are joined.
    pub steps: Vec<Step>,
    /// Who waits for what at the end.
    pub stuck: Vec<Waiting>,
}

/// A line of the submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The file, as the assignment names it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The thread.
    pub thread: usize,
    /// What it does, on what, with which values.
    pub what: String,
    /// Where; `None` in the test or in std.
    pub at: Option<Line>,
    /// The thread before it could have gone on.
    pub preempting: bool,
}

/// A thread that could not finish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The thread.
    pub thread: usize,
    /// What it wants.
    pub what: String,
    /// Where.
    pub at: Option<Line>,
    /// What it holds.
    pub holds: Vec<String>,
}

/// A finding of a lint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// The lint.
    pub rule: String,
    /// Its code.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// It runs only at the level for course work.
    pub confidence: String,
    /// What it says.
    pub message: String,
    /// Where.
    pub at: Line,
    /// What to do.
    pub help: Vec<String>,
}

/// Longest list of steps that is kept; the end matters most.
const STEPS: usize = 400;

impl Seen {
    /// From the runtime's words. `own` says whether a file is the submission's.
    pub(crate) fn of(how: How, result: &TestResult, own: &dyn Fn(&str) -> bool) -> Self {
        use conclint_diag::explore::Verdict;
        let kind = match result.verdict {
            Verdict::Passed => Kind::Passed,
            Verdict::Failed => Kind::Failed,
            Verdict::Deadlock => Kind::Deadlock,
            Verdict::Livelock => Kind::Livelock,
            Verdict::Crashed => Kind::Crashed,
            // The runtime cannot tell an endless loop from a wait that it does not see; the gate
            // has refused everything that such a wait would need.
            Verdict::Inconclusive if result.reason.contains("an endless loop") => Kind::Hangs,
            Verdict::Inconclusive | Verdict::Skipped => Kind::Unclear,
        };
        let failed = !matches!(kind, Kind::Passed | Kind::Unclear);
        Seen {
            test: result.test.clone(),
            how,
            kind,
            reason: result.reason.clone(),
            schedules: result.executions,
            story: result
                .failure
                .as_ref()
                .filter(|_| failed)
                .map(|f| Story::of(f, own)),
        }
    }

    /// Nothing came back.
    pub(crate) fn missing(test: &str, how: How, reason: String) -> Self {
        Seen {
            test: test.to_owned(),
            how,
            kind: Kind::Unclear,
            reason,
            schedules: 0,
            story: None,
        }
    }
}

impl Story {
    fn of(failure: &Failure, own: &dyn Fn(&str) -> bool) -> Self {
        let line = |place: &Place| {
            own(&place.file).then(|| Line {
                file: place.file.clone(),
                line: place.line,
            })
        };
        let mut steps: Vec<Step> = Vec::new();
        for step in &failure.timeline {
            let at = line(&step.place);
            let what = match (&at, step.note.as_str()) {
                (None, _) => step.op.clone(),
                (Some(_), "") => format!("{} {}", step.op, step.object),
                (Some(_), note) => format!("{} {}: {note}", step.op, step.object),
            };
            let joined = steps
                .last()
                .is_some_and(|s| s.at.is_none() && at.is_none() && s.thread == step.thread);
            if joined {
                continue;
            }
            steps.push(Step {
                thread: step.thread,
                what,
                at,
                preempting: step.preempting,
            });
        }
        if steps.len() > STEPS {
            steps.drain(..steps.len() - STEPS);
        }
        let stuck: Vec<Waiting> = failure
            .stuck
            .iter()
            .map(|s| Waiting {
                thread: s.thread,
                what: format!("{} {}", s.op, s.object),
                at: line(&s.place),
                holds: s.holds.iter().map(|h| h.object.clone()).collect(),
            })
            .collect();
        let first = failure.panics.first();
        let own_panic = first.is_some_and(|p| own(&p.place.file));
        let at = first
            .and_then(|p| line(&p.place))
            .or_else(|| stuck.iter().find_map(|s| s.at.clone()))
            .or_else(|| {
                let switch = steps.iter().rposition(|s| s.preempting)?;
                steps[..switch].iter().rev().find_map(|s| s.at.clone())
            })
            .or_else(|| failure.last.as_ref().and_then(line))
            .or_else(|| steps.iter().rev().find_map(|s| s.at.clone()));
        Story {
            fingerprint: failure.fingerprint.clone(),
            flags: failure.flags,
            deviations: failure.deviations.clone(),
            preemptions: failure.preemptions,
            message: first.map_or(String::new(), |p| public(&p.message, own_panic)),
            own_panic,
            at,
            threads: failure.threads.len(),
            steps,
            stuck,
        }
    }
}

/// A panic's message without source text of the hidden test: `assert!` without a message of its
/// own prints its condition.
fn public(message: &str, own: bool) -> String {
    if !own && message.starts_with("assertion failed: ") {
        "an assertion of the test does not hold".to_owned()
    } else {
        crate::text::clean(message, 300)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_hidden_tests_stay_hidden() {
        assert!(!public("assertion failed: secret() == 42", false).contains("secret"));
        assert!(public("assertion failed: mine()", true).contains("mine"));
        let equal = "assertion `left == right` failed: the total\n  left: 1\n right: 2";
        assert!(public(equal, false).contains("left: 1"));
    }
}
