//! Verdicts, as plain data.

use serde::{Deserialize, Serialize};

/// What exploring a test came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No schedule that was tried fails.
    Passed,
    /// A schedule makes it panic, or fail in another way of its own.
    Failed,
    /// A schedule leaves everybody waiting.
    Deadlock,
    /// A schedule leaves everybody busy without getting anywhere.
    Livelock,
    /// A schedule ends the process.
    Crashed,
    /// Nothing can be said; the reason is given.
    Inconclusive,
    /// Not explored; the reason is given.
    Skipped,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Deadlock => "deadlock",
            Self::Livelock => "livelock",
            Self::Crashed => "crashed",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
        }
    }

    /// It is a bug in the program.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Deadlock | Self::Livelock | Self::Crashed
        )
    }
}

/// One test's result.
#[derive(Clone, Debug)]
pub struct Explored {
    /// The package.
    pub package: String,
    /// The target, as cargo names it.
    pub target: String,
    /// What the runtime said.
    pub result: TestResult,
    /// Where the failing schedule was saved, relative to the project.
    pub schedule_file: Option<String>,
}

/// What the runtime says of a test.
#[derive(Clone, Debug, Deserialize)]
pub struct TestResult {
    /// The test's name.
    pub test: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for `inconclusive` and `skipped`.
    pub reason: String,
    /// Schedules tried.
    pub executions: u64,
    /// Operations taken.
    pub steps: u64,
    /// Different schedules among them.
    pub distinct: u64,
    /// All schedules with at most so many preemptions were tried; `u32::MAX`: all schedules.
    pub exhausted: Option<u32>,
    /// Steps of one execution before a fair scheduler took over.
    pub max_steps: u64,
    /// How long it took.
    pub milliseconds: u64,
    /// The static because of which each execution had a process of its own; empty: none.
    pub fresh_process: String,
    /// Deviations of the failing schedule before it was shrunk; -1: not shrunk.
    #[serde(default)]
    pub found_deviations: i64,
    /// Deviations of a saved schedule that no longer apply.
    #[serde(default)]
    pub unapplied: Vec<(u32, u32, u32)>,
    /// The failure.
    pub failure: Option<Failure>,
}

/// A failing schedule and what happens under it.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    /// What tells this failure from another.
    pub fingerprint: String,
    /// Settings of the execution.
    pub flags: u64,
    /// Preemptions in the schedule.
    pub preemptions: u64,
    /// Thread, which of its decisions, and who runs instead.
    pub deviations: Vec<(u32, u32, u32)>,
    /// Names of the threads.
    pub threads: Vec<String>,
    /// Panics in order.
    pub panics: Vec<Panicked>,
    /// Threads that could not finish.
    pub stuck: Vec<Stuck>,
    /// Steps left out of the timeline's middle.
    pub skipped: u64,
    /// What happened.
    pub timeline: Vec<Step>,
    /// The last operation, where the process died.
    pub last: Option<Place>,
}

/// A source position.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Place {
    /// As the compiler was given it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// A panic.
#[derive(Clone, Debug, Deserialize)]
pub struct Panicked {
    /// The thread's number.
    pub thread: usize,
    /// What it said.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
}

/// A thread that could not finish.
#[derive(Clone, Debug, Deserialize)]
pub struct Stuck {
    /// The thread's number.
    pub thread: usize,
    /// What it wants to do.
    pub op: String,
    /// On what.
    pub object: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Threads it waits for.
    pub waits_for: Vec<usize>,
    /// What it holds.
    pub holds: Vec<Held>,
    /// Notifications of the object that found nobody waiting.
    pub missed: u64,
    /// It could run on; it is stuck only in not getting anywhere.
    pub runnable: bool,
}

/// A lock that is held.
#[derive(Clone, Debug, Deserialize)]
pub struct Held {
    /// The lock.
    pub object: String,
    /// Where it was taken.
    #[serde(flatten)]
    pub place: Place,
}

/// One operation of a timeline.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// The thread's number.
    pub thread: usize,
    /// What it does.
    pub op: String,
    /// On what.
    pub object: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Values, or that it waits.
    pub note: String,
    /// The schedule left the default to get here.
    pub deviated: bool,
    /// The thread that ran before could have gone on.
    pub preempting: bool,
}

/// A listed test.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Listed {
    pub test: String,
    pub ignored: bool,
    pub ignore_reason: String,
}

/// Everything a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The compiler's release.
    pub rustc: String,
    /// One entry a test, in the order of targets and names.
    pub tests: Vec<Explored>,
    /// Directory that source paths are relative to.
    pub root: std::path::PathBuf,
}

impl Outcome {
    /// How many tests a schedule breaks.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.tests
            .iter()
            .filter(|t| t.result.verdict.is_failure())
            .count()
    }
}
