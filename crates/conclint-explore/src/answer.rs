//! What a test binary answers, as it comes over the wire.

use conclint_diag::explore::Verdict;
use serde::Deserialize;

/// The verdicts of [`conclint_diag::explore`], readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", remote = "conclint_diag::explore::Verdict")]
enum WireVerdict {
    Passed,
    Failed,
    Deadlock,
    Livelock,
    Crashed,
    Inconclusive,
    Skipped,
}

/// What the runtime says of a test.
#[derive(Clone, Debug, Deserialize)]
pub struct TestResult {
    /// The test's name.
    pub test: String,
    /// The verdict.
    #[serde(with = "WireVerdict")]
    pub verdict: Verdict,
    /// Why, for `inconclusive` and `skipped`.
    pub reason: String,
    /// Schedules tried.
    pub executions: u64,
    /// Operations taken.
    pub steps: u64,
    /// Different schedules among them.
    pub distinct: u64,
    /// Those that differ in more than the order of independent steps.
    #[serde(default)]
    pub traces: u64,
    /// All schedules with at most so many preemptions were tried; `u32::MAX`: all schedules.
    pub exhausted: Option<u32>,
    /// Steps of one execution before a fair scheduler took over.
    pub max_steps: u64,
    /// How long it took.
    pub milliseconds: u64,
    /// The static because of which each execution had a process of its own; empty: none.
    pub fresh_process: String,
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
    /// The sort of failure in one word: `panic`, `lock-cycle`, `lost-wakeup`, `stack-overflow` ...
    #[serde(default)]
    pub kind: String,
    /// Settings of the execution.
    pub flags: u64,
    /// Preemptions in the schedule.
    pub preemptions: u64,
    /// For how many milliseconds threads that could move were held up by early timeouts; 0 where
    /// that is not known.
    #[serde(default)]
    pub held_up_ms: u64,
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

impl Failure {
    /// The panic that makes the test fail, where there is one.
    pub fn decisive(&self) -> Option<&Panicked> {
        conclint_diag::explore::decisive(&self.panics, |panic| (panic.thread, &panic.message))
    }
}

/// A source position.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
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
    /// Return addresses of the calls that led to the wait, as those of a [`Step`].
    #[serde(default)]
    pub frames: Vec<u32>,
    /// Locks of other crates that it took last and that somebody waits for.
    #[serde(default)]
    pub took: Vec<Taken>,
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

/// A lock that another crate has built, and a thread has taken.
#[derive(Clone, Debug, Deserialize)]
pub struct Taken {
    /// The lock.
    pub object: String,
    /// Return addresses of the calls that took it, as those of a [`Step`].
    #[serde(default)]
    pub frames: Vec<u32>,
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
    /// Return addresses of the calls that led there, innermost first and relative to the
    /// executable, for steps inside of dependencies.
    #[serde(default)]
    pub frames: Vec<u32>,
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

impl Listed {
    /// Stands for the tests of a binary that is not run, and says why.
    pub(crate) fn left_out(why: &str) -> Self {
        Self {
            ignored: true,
            ignore_reason: why.to_owned(),
            ..Self::unknown()
        }
    }

    /// Stands for the tests of a binary that does not list them.
    pub(crate) fn unknown() -> Self {
        Self {
            test: "(all)".to_owned(),
            ignored: false,
            ignore_reason: String::new(),
        }
    }
}
