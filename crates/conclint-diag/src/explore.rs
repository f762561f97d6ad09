//! What exploring came to: a verdict for each test, and the story of each
//! failure.
//!
//! A story has the columns of an interleaving, which a [`crate::Trace`] of a
//! lint does not have, so its steps are of a type of their own; their parts
//! (place, function, object, what happens) are the same.

use std::sync::Arc;

/// What exploring a test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// All of them, in the order they are counted in.
    pub const ALL: [Verdict; 7] = [
        Verdict::Failed,
        Verdict::Deadlock,
        Verdict::Livelock,
        Verdict::Crashed,
        Verdict::Passed,
        Verdict::Inconclusive,
        Verdict::Skipped,
    ];

    /// The lower-case word used in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Deadlock => "deadlock",
            Verdict::Livelock => "livelock",
            Verdict::Crashed => "crashed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Skipped => "skipped",
        }
    }

    /// It is a bug in the program.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Verdict::Failed | Verdict::Deadlock | Verdict::Livelock | Verdict::Crashed
        )
    }
}

/// Everything a run came to.
#[derive(Debug, Clone, Default)]
pub struct Exploration {
    /// The compiler's release.
    pub rustc: String,
    /// How the search was set.
    pub settings: Settings,
    /// One entry a test, in the order of targets and names.
    pub tests: Vec<Explored>,
    /// A saved schedule was run again; nothing was searched.
    pub replay: bool,
    /// Which part of the tests it is, from 1, and of how many.
    pub partition: Option<(usize, usize)>,
    /// What `conclint replay` needs beside the file to find the project.
    pub replay_arguments: Vec<String>,
}

impl Exploration {
    /// How many tests a schedule breaks.
    pub fn failures(&self) -> usize {
        let failed = self.tests.iter().filter(|t| t.verdict.is_failure());
        failed.count()
    }

    /// No test was run: there is none, or all were skipped.
    pub fn nothing_ran(&self) -> bool {
        self.tests.iter().all(|t| t.verdict == Verdict::Skipped)
    }
}

/// How a search was set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Schedules a test.
    pub schedules: u64,
    /// Time a test, in milliseconds.
    pub milliseconds: u64,
    /// The strategy's name.
    pub strategy: String,
    /// Where the random strategies began.
    pub seed: u64,
    /// Steps of one execution before a fair scheduler takes over.
    pub max_steps: u64,
}

/// A claim of completeness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// All schedules with at most so many preemptions were tried.
    Preemptions(u32),
    /// All schedules were tried.
    All,
}

/// One test's result.
#[derive(Debug, Clone)]
pub struct Explored {
    /// The package.
    pub package: String,
    /// The target: `lib`, `bin x`, `test x`, `example x`, `main x`.
    pub target: String,
    /// The test, as `cargo test` names it.
    pub test: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for `inconclusive` and `skipped`.
    pub reason: String,
    /// Schedules tried.
    pub executions: u64,
    /// Operations taken in all of them.
    pub steps: u64,
    /// Different schedules among them.
    pub distinct: u64,
    /// Executions that differ in more than the order of independent steps.
    pub traces: u64,
    /// What can be claimed of the search.
    pub exhausted: Option<Exhausted>,
    /// How long it took.
    pub milliseconds: u64,
    /// Where a static was written that outlives a schedule, because of which
    /// each schedule had a process of its own; empty: none.
    pub isolated_for: String,
    /// The failure, or what happened under a schedule that was run again.
    pub failure: Option<Failure>,
}

/// A failing schedule and what happens under it.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// The sort of failure in one word (`panic`, `lock-cycle`, `stack-overflow` ...); empty where
    /// the verdict says enough.
    pub kind: String,
    /// What goes wrong, in one sentence.
    pub explanation: String,
    /// What the program said, or how it ended.
    pub message: String,
    /// Where a reader should look first.
    pub place: Option<Place>,
    /// Names of the threads by number; the test's own thread is the first.
    pub threads: Vec<String>,
    /// Panics in order.
    pub panics: Vec<Panicked>,
    /// Threads that could not finish.
    pub stuck: Vec<Stuck>,
    /// The threads of a wait-for cycle, each waiting for the next; empty: none.
    pub cycle: Vec<usize>,
    /// What happened, step by step.
    pub timeline: Vec<Event>,
    /// The steps of the timeline that the explanation speaks of, where it says so.
    pub named: Vec<usize>,
    /// Steps left out of the timeline's middle.
    pub omitted: u64,
    /// Switches away from a thread that could have gone on.
    pub preemptions: u64,
    /// Places where the schedule leaves the default.
    pub deviations: usize,
    /// Deviations of a saved schedule that no longer apply, in words.
    pub unapplied: Vec<String>,
    /// What else a reader must know.
    pub notes: Vec<String>,
    /// Where the schedule was saved, as a path to hand to `conclint replay`.
    pub schedule_file: Option<String>,
}

impl Failure {
    /// The panic that makes the test fail, where there is one.
    pub fn decisive(&self) -> Option<&Panicked> {
        decisive(&self.panics, |panic| (panic.thread, &panic.message))
    }

    /// The panic that a reader has to look at: the first of those that another one follows from
    /// (a lock is poisoned, a channel closed), else the one that makes the test fail.
    pub fn cause(&self) -> Option<&Panicked> {
        let first = self.panics.iter().position(|p| !follows(&p.message))?;
        let later = &self.panics[first + 1..];
        let echo = later.iter().any(|p| follows(&p.message));
        match echo {
            true => self.panics.get(first),
            false => self.decisive(),
        }
    }
}

/// A source position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path relative to the workspace, or inside the package it belongs to.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The enclosing function, `Registry::close`; empty where it is unknown.
    pub function: String,
}

/// A panic.
#[derive(Debug, Clone)]
pub struct Panicked {
    /// The thread's number.
    pub thread: usize,
    /// What it said.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// The panic that makes a test fail, of all in their order. Programs panic on purpose, too, and catch
/// that; what ends a test is the panic of its own thread (0), or the one that this only passes on.
/// What follows from another thread's panic is no cause of its own.
///
/// `of` gives a panic's thread and message.
pub fn decisive<P>(panics: &[P], of: impl Fn(&P) -> (usize, &str)) -> Option<&P> {
    let last = |own: bool| {
        panics
            .iter()
            .rev()
            .find(|p| (of(p).0 == 0) == own && !follows(of(p).1))
    };
    last(true).or_else(|| last(false)).or(panics.first())
}

/// A panic with this message is only the echo of another thread's.
pub fn follows(message: &str) -> bool {
    message == "a scoped thread panicked"
        || message.ends_with("Any { .. }")
        || ["PoisonError", "RecvError", "SendError"]
            .iter()
            .any(|error| message.contains(error))
}

/// A thread that could not finish.
#[derive(Debug, Clone)]
pub struct Stuck {
    /// The thread's number.
    pub thread: usize,
    /// What it waits for, `waits to lock accounts`.
    pub what: String,
    /// Where.
    pub place: Place,
    /// Threads it waits for, where they are known.
    pub waits_for: Vec<usize>,
    /// What it holds.
    pub holds: Vec<Held>,
}

/// A lock that is held.
#[derive(Debug, Clone)]
pub struct Held {
    /// The lock.
    pub object: String,
    /// Where it was taken.
    pub place: Place,
}

/// One operation of a timeline.
#[derive(Debug, Clone)]
pub struct Event {
    /// The thread's number.
    pub thread: usize,
    /// What it does, `lock`.
    pub op: String,
    /// On what; empty for nothing in particular.
    pub object: String,
    /// Where: the line of the project, also of a step inside of a dependency that it led to.
    pub place: Place,
    /// Of a step inside of a dependency: where in there. The same as `place` where no line of the
    /// project led to it.
    pub inside: Option<Place>,
    /// Values, or that it waits.
    pub note: String,
    /// The schedule left the default to get here.
    pub deviated: bool,
    /// The thread that ran before could have gone on.
    pub preempting: bool,
}

impl Event {
    /// The dependency that the step is inside of, without its version.
    pub fn package(&self) -> Option<&str> {
        let file = &*self.inside.as_ref()?.file;
        let dir = file.split('/').next().unwrap_or_default();
        let version = dir.match_indices('-').find(|(at, _)| {
            let rest = dir.get(at + 1..).unwrap_or_default();
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('.')
        });
        Some(version.map_or(dir, |(at, _)| dir.get(..at).unwrap_or(dir)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(file: &str) -> Option<String> {
        let place = Place {
            file: file.into(),
            line: 1,
            column: 1,
            function: String::new(),
        };
        let event = Event {
            thread: 0,
            op: String::new(),
            object: String::new(),
            place: place.clone(),
            inside: Some(place),
            note: String::new(),
            deviated: false,
            preempting: false,
        };
        event.package().map(str::to_owned)
    }

    #[test]
    fn what_ends_a_test() {
        let said = |panics: &[(usize, &'static str)]| {
            decisive(panics, |panic| *panic).map(|(_, message)| *message)
        };
        let purpose = (1, "on purpose");
        let poison = (
            2,
            "called `Result::unwrap()` on an `Err` value: PoisonError { .. }",
        );
        let wrong = (0, "the second job never ran");
        assert_eq!(said(&[purpose, poison, wrong]), Some(wrong.1));
        let scoped = (0, "a scoped thread panicked");
        let index = (2, "index out of bounds");
        assert_eq!(said(&[index, poison, scoped]), Some(index.1));
        assert_eq!(said(&[purpose]), Some(purpose.1));
        assert_eq!(said(&[poison]), Some(poison.1));
        assert_eq!(said(&[]), None);
    }

    #[test]
    fn what_others_follow_from() {
        let cause = |panics: &[(usize, &str)]| {
            let place = |thread, message: &str| Panicked {
                thread,
                message: message.to_owned(),
                place: Place {
                    file: "".into(),
                    line: 1,
                    column: 1,
                    function: String::new(),
                },
            };
            let failure = Failure {
                panics: panics.iter().map(|(t, m)| place(*t, m)).collect(),
                ..Failure::default()
            };
            failure.cause().map(|p| p.message.clone()).unwrap()
        };
        let (first, poison, wrong) = ((2, "None"), (1, "PoisonError { .. }"), (0, "3 is not 4"));
        assert_eq!(cause(&[first, poison, wrong]), "None");
        // On purpose, as far as anybody can tell.
        assert_eq!(cause(&[first, wrong]), "3 is not 4");
        assert_eq!(cause(&[first]), "None");
    }

    #[test]
    fn packages_have_no_versions() {
        assert_eq!(package("flume-0.11.0/src/lib.rs").as_deref(), Some("flume"));
        let with_dash = package("crossbeam-channel-0.5.14-rc.1/src/lib.rs");
        assert_eq!(with_dash.as_deref(), Some("crossbeam-channel"));
        assert_eq!(package("std/src/io.rs").as_deref(), Some("std"));
        assert_eq!(package("a-2/src/io.rs").as_deref(), Some("a-2"));
    }
}
