//! What was seen of a submission's content, and nothing that depends on who handed it in or when.

use std::collections::BTreeMap;

use conclint_diag::explore::{Event, Failure, Place, Stuck, follows};
use conclint_explore::TestResult;
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
    /// The limit that the lints came to, and so said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlinted: Option<String>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// What tells this failure from another.
    pub fingerprint: String,
    /// Settings of the execution.
    pub flags: u64,
    /// The schedule: thread, which of its decisions, and who runs instead.
    pub deviations: Vec<(u32, u32, u32)>,
    /// Preemptions in it.
    pub preemptions: u64,
    /// A sleep or a timeout ends before threads that could move have moved, and no failure was
    /// found without that.
    #[serde(default)]
    pub timing: bool,
    /// What goes wrong, in a sentence on the submission's own names; may be empty.
    pub explanation: String,
    /// What the test said, fit for students.
    pub message: String,
    /// The submission's own code panics.
    pub own_panic: bool,
    /// What that says.
    #[serde(default)]
    pub panic: String,
    /// The thread that it happens in.
    #[serde(default)]
    pub panics: usize,
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
    /// A guard ends, and `at` is where it was taken: nothing says where it ends.
    #[serde(default)]
    pub ends_guard: bool,
    /// The thread before it could have gone on.
    pub preempting: bool,
    /// The explanation speaks of it.
    #[serde(default)]
    pub named: bool,
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
    /// The function there; empty in the test.
    #[serde(default)]
    pub function: String,
    /// What it holds of the submission's, and since which line.
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
    /// The ways through the source that it speaks of, each with its lines.
    #[serde(default)]
    pub paths: Vec<String>,
}

impl Lint {
    /// What it says, with its name.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} [{}]", self.message, self.rule)
    }

    /// The same with its place: what a criterion says of it.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("{}:{}: {}", self.at.file, self.at.line, self.text())
    }
}

/// Longest list of steps that is kept, of its beginning, where threads are interrupted, and of its
/// end.
const STEPS: usize = 400;

impl Seen {
    /// From the runtime's words, told on the submission's own files.
    pub(crate) fn of(how: How, result: &TestResult, own: &BTreeMap<String, Vec<u8>>) -> Self {
        use conclint_diag::explore::Verdict;
        let kind = match result.verdict {
            Verdict::Passed => Kind::Passed,
            Verdict::Failed => Kind::Failed,
            // The test has failed before; whom it leaves behind, nobody releases.
            Verdict::Deadlock if result.failure.as_ref().is_some_and(has_failed) => Kind::Failed,
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
            reason: without_places(&result.reason, own),
            schedules: result.executions,
            story: result.failure.as_ref().filter(|_| failed).and_then(|raw| {
                let told = conclint_explore::explain(result.clone(), own).failure?;
                Some(Story::of(raw, &told))
            }),
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
    /// `told` is `raw` on the submission's own lines and by its own names.
    fn of(raw: &conclint_explore::Failure, told: &Failure) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        for (index, event) in told.timeline.iter().enumerate() {
            let at = line(&event.place);
            let named = told.named.contains(&index);
            let last = steps.last_mut();
            let same = |s: &&mut Step| s.at.is_none() && s.thread == event.thread;
            if let Some(last) = last.filter(|s| at.is_none() && same(s)) {
                last.named |= named;
                continue;
            }
            steps.push(Step {
                thread: event.thread,
                what: words(event),
                at,
                ends_guard: event.op.ends_with("unlock"),
                preempting: event.preempting,
                named,
            });
        }
        if steps.len() > STEPS {
            steps.drain(STEPS / 2..steps.len() - STEPS / 2);
        }
        let stuck: Vec<Waiting> = told.stuck.iter().map(waiting).collect();
        let decisive = told.decisive();
        // The first is the cause: later ones are often only its echo.
        let inside = || told.panics.iter().filter(|p| p.place.line != 0);
        let own = decisive
            .filter(|p| p.place.line != 0 && !follows(&p.message))
            .or_else(|| inside().find(|p| !follows(&p.message)))
            .or_else(|| inside().next());
        let at = own
            .and_then(|p| line(&p.place))
            .or_else(|| told.place.as_ref().and_then(line))
            .or_else(|| stuck.iter().find_map(|s| s.at.clone()))
            .or_else(|| {
                let switch = steps.iter().rposition(|s| s.preempting)?;
                steps[..switch].iter().rev().find_map(|s| s.at.clone())
            })
            .or_else(|| steps.iter().rev().find_map(|s| s.at.clone()));
        Story {
            fingerprint: raw.fingerprint.clone(),
            flags: raw.flags,
            deviations: raw.deviations.clone(),
            preemptions: raw.preemptions,
            timing: raw.kind == "timing",
            explanation: crate::text::clean(&told.explanation, 300),
            message: decisive.map_or(String::new(), |p| public(&p.message, p.place.line != 0)),
            own_panic: own.is_some(),
            panic: own.map_or(String::new(), |p| public(&p.message, true)),
            panics: own.map_or(0, |p| p.thread),
            at,
            threads: told.threads.len(),
            steps,
            stuck,
        }
    }
}

/// A thread that waits; what it wants and holds in the test is the test's.
fn waiting(stuck: &Stuck) -> Waiting {
    let at = line(&stuck.place);
    let ends = ["waits to join", "waits for the threads of its scope"];
    let shown = at.is_some() || ends.iter().any(|what| stuck.what.starts_with(what));
    let holds = stuck.holds.iter().filter(|h| h.place.line != 0);
    Waiting {
        thread: stuck.thread,
        what: match shown {
            true => stuck.what.clone(),
            false => "waits in the test".to_owned(),
        },
        at,
        function: stuck.place.function.clone(),
        holds: holds
            .map(|h| format!("`{}` (since line {})", h.object, h.place.line))
            .collect(),
    }
}

/// The test's own thread has panicked.
fn has_failed(failure: &conclint_explore::Failure) -> bool {
    failure.panics.iter().any(|panic| panic.thread == 0)
}

/// A place in the submission; what is elsewhere has line 0.
fn line(place: &Place) -> Option<Line> {
    (place.line != 0).then(|| Line {
        file: place.file.to_string(),
        line: place.line,
    })
}

/// An operation as a student says it.
fn words(event: &Event) -> String {
    let verb = match event.op.as_str() {
        "lock" => "locks",
        "try-lock" => "tries to lock",
        "unlock" => "unlocks",
        "read-lock" => "locks for reading",
        "try-read-lock" => "tries to lock for reading",
        "read-unlock" | "write-unlock" => "unlocks",
        "write-lock" => "locks for writing",
        "try-write-lock" => "tries to lock for writing",
        "wait" => "waits on",
        "notify-one" => "notifies one on",
        "notify-all" => "notifies all on",
        "load" => "reads",
        "store" => "writes",
        "modify" => "changes",
        "compare-exchange" => "compares and changes",
        "send" => "sends into",
        "try-send" => "tries to send into",
        "recv" => "receives from",
        "try-recv" => "tries to receive from",
        "drop-sender" => "drops a sender of",
        "drop-receiver" => "drops the receiver of",
        "barrier" => "arrives at",
        "spawn" => "starts",
        "join" => "joins",
        "scope-end" => "waits for the threads of its scope",
        "start" => "begins",
        "exit" => "ends",
        "yield" | "spin-hint" => "gives way",
        "sleep" => "sleeps",
        "park" => "parks",
        "unpark" => "unparks",
        other => other,
    };
    let mut out = verb.to_owned();
    if !event.object.is_empty() && !matches!(event.op.as_str(), "start" | "exit" | "scope-end") {
        let is_thread = event.object.starts_with("thread ") || event.object == "the test";
        out.push_str(&if is_thread {
            format!(" {}", event.object)
        } else {
            format!(" `{}`", event.object)
        });
    }
    match event.note.as_str() {
        "" => {}
        value if value.starts_with("= ") => out.push_str(&format!(" {value}")),
        note => out.push_str(&format!(": {note}")),
    }
    crate::text::clean(&out, 120)
}

/// A reason without the place of the last operation, where that is not in the submission's `own`
/// files: the lines of the hidden tests are nobody's business.
fn without_places(reason: &str, own: &BTreeMap<String, Vec<u8>>) -> String {
    const BEFORE: &str = "; the last operation was at ";
    match reason.split_once(BEFORE) {
        Some((said, place)) => {
            let file = place.split(':').next().unwrap_or_default();
            match own.contains_key(file) {
                true => reason.to_owned(),
                false => said.to_owned(),
            }
        }
        None => reason.to_owned(),
    }
}

/// A panic's message without source text of the hidden test: `assert!` without a message of its
/// own prints its condition. The two sides of a comparison come behind what it says.
fn public(message: &str, own: bool) -> String {
    if !own && message.starts_with("assertion failed: ") {
        return "an assertion of the test does not hold".to_owned();
    }
    let message = compared(message).unwrap_or_else(|| message.to_owned());
    crate::text::clean(&message, 300)
}

/// `assert_eq!` and `assert_ne!` with a text of their own.
fn compared(message: &str) -> Option<String> {
    let rest = message.strip_prefix("assertion `left ")?;
    let (operator, rest) = rest.split_once(" right` failed")?;
    let (said, sides) = rest.rsplit_once("\n  left: ")?;
    let (left, right) = sides.split_once("\n right: ")?;
    let said = said.strip_prefix(": ").unwrap_or("compared values").trim();
    Some(match operator {
        "==" => format!("{said}: {left} is not {right}"),
        _ => format!("{said}: both are {left}"),
    })
}

#[cfg(test)]
mod tests {
    use conclint_diag::explore::{Held, Panicked};

    use super::*;

    #[test]
    fn lines_of_hidden_tests_stay_hidden() {
        let own = BTreeMap::from([("src/lib.rs".to_owned(), Vec::new())]);
        let reason = |place| {
            format!("no operation for 10 s: it computes; the last operation was at {place}")
        };
        let test = without_places(&reason("hidden/tests.rs:186:58"), &own);
        assert_eq!(test, "no operation for 10 s: it computes");
        let lib = reason("src/lib.rs:12:5");
        assert_eq!(without_places(&lib, &own), lib);
    }

    #[test]
    fn who_waits_for_a_test_that_has_failed_is_no_deadlock() {
        let kind = |panics: &str| {
            let raw = format!(
                r#"{{"test": "t", "verdict": "deadlock", "reason": "", "executions": 1, "steps": 9, "distinct": 1,
                "exhausted": null, "max_steps": 9, "milliseconds": 1, "fresh_process": "", "failure": {{
                "fingerprint": "f", "flags": 0, "preemptions": 0, "deviations": [], "threads": ["main", "worker"],
                "panics": [{panics}], "stuck": [], "skipped": 0, "timeline": [], "last": null}}}}"#
            );
            let result: TestResult = serde_json::from_str(&raw).unwrap();
            Seen::of(How::Explored(1), &result, &BTreeMap::new()).kind
        };
        let panic = |thread: usize| {
            format!(
                r#"{{"thread": {thread}, "message": "no", "file": "t.rs", "line": 1, "column": 1}}"#
            )
        };
        assert_eq!(kind(""), Kind::Deadlock);
        assert_eq!(kind(&panic(1)), Kind::Deadlock);
        assert_eq!(kind(&panic(0)), Kind::Failed);
    }

    fn place(line: u32) -> Place {
        Place {
            file: "src/lib.rs".into(),
            line,
            column: 1,
            function: String::new(),
        }
    }

    #[test]
    fn the_first_panic_is_named_and_not_its_echo() {
        let said = |panics: &[(usize, &str, u32)]| {
            let panics = panics.iter().map(|(thread, message, line)| Panicked {
                thread: *thread,
                message: (*message).to_owned(),
                place: place(*line),
            });
            let told = Failure {
                panics: panics.collect(),
                ..Failure::default()
            };
            let story = Story::of(&raw(), &told);
            (story.panic, story.panics, story.at.map(|at| at.line))
        };
        let none = (2, "a `None` value", 45);
        let echo = (1, "an `Err` value: PoisonError { .. }", 51);
        let wrong = (0, "3 is not 4", 0);
        let first = (none.1.to_owned(), 2, Some(45));
        assert_eq!(said(&[none, echo, wrong]), first);
        assert_eq!(said(&[none, echo]), first);
        assert_eq!(said(&[echo, wrong]).2, Some(51));
    }

    #[test]
    fn a_failure_that_time_stands_before_is_known() {
        let timing = |kind: &str| {
            let mut raw = raw();
            raw.kind = kind.to_owned();
            Story::of(&raw, &Failure::default()).timing
        };
        assert!(timing("timing"));
        assert!(!timing("panic"));
    }

    #[test]
    fn what_a_test_waits_for_and_holds_stays_hidden() {
        let held = |object: &str, line| Held {
            object: object.to_owned(),
            place: place(line),
        };
        let stuck = |what: &str, line| Stuck {
            thread: 2,
            what: what.to_owned(),
            place: place(line),
            waits_for: Vec::new(),
            holds: vec![held("mutex 3", 0), held("state", 21)],
        };
        let hidden = waiting(&stuck("waits to receive from `channel 2`", 0));
        assert_eq!(hidden.what, "waits in the test");
        assert_eq!(hidden.holds, ["`state` (since line 21)"]);
        let what = |what, line| waiting(&stuck(what, line)).what;
        assert_eq!(what("waits to lock `state`", 9), "waits to lock `state`");
        assert_eq!(what("waits to join thread 1", 0), "waits to join thread 1");
    }

    #[test]
    fn of_a_long_story_the_beginning_is_kept_too() {
        let step = |n: u32| Event {
            thread: 1,
            op: "load".to_owned(),
            object: String::new(),
            place: place(n + 1),
            inside: None,
            note: String::new(),
            deviated: false,
            preempting: n == 5,
        };
        let told = Failure {
            timeline: (0..1000).map(step).collect(),
            ..Failure::default()
        };
        let steps = Story::of(&raw(), &told).steps;
        assert_eq!(steps.len(), STEPS);
        assert!(steps[5].preempting);
        assert_eq!(steps[STEPS - 1].at.as_ref().map(|at| at.line), Some(1000));
    }

    fn raw() -> conclint_explore::Failure {
        let raw = r#"{"fingerprint": "f", "flags": 0, "preemptions": 0, "deviations": [], "threads": [],
            "panics": [], "stuck": [], "skipped": 0, "timeline": [], "last": null}"#;
        serde_json::from_str(raw).unwrap()
    }

    #[test]
    fn conditions_of_hidden_tests_stay_hidden() {
        assert!(!public("assertion failed: secret() == 42", false).contains("secret"));
        assert!(public("assertion failed: mine()", true).contains("mine"));
        let equal = "assertion `left == right` failed: the total\n  left: 1\n right: 2";
        assert_eq!(public(equal, false), "the total: 1 is not 2");
        let same = "assertion `left != right` failed\n  left: 1\n right: 1";
        assert_eq!(public(same, false), "compared values: both are 1");
    }
}
