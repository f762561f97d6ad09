//! One sentence that says what goes wrong, read off the story.
//!
//! A sentence is only as sure as what it was read from: where no pattern is
//! seen, it names the switch that the failure needs and nothing more.

mod deadlock;
mod pairs;

use conclint_diag::explore::{Event, Failure, Verdict};

use self::deadlock::deadlock;
use self::pairs::{lost_update, switch, torn};
use super::sources::Texts;
use crate::answer;

/// Bit of a schedule's flags: timeouts fired although other threads could move.
const EARLY_TIMEOUTS: u64 = 1;

/// A sentence, and the steps of the timeline that it speaks of, where it says so.
pub(super) struct Told {
    pub(super) text: String,
    pub(super) steps: Vec<usize>,
}

impl From<String> for Told {
    fn from(text: String) -> Self {
        let steps = Vec::new();
        Self { text, steps }
    }
}

impl From<&str> for Told {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// The sentence. `told` has its timeline, threads and waits already; `texts` are those that it is
/// told on.
pub(super) fn sentence(
    verdict: Verdict,
    raw: &answer::Failure,
    told: &Failure,
    texts: &Texts,
) -> Told {
    let mut out = match verdict {
        Verdict::Deadlock => deadlock(raw, told),
        Verdict::Livelock => livelock(told).into(),
        Verdict::Crashed => crashed(&raw.fingerprint, told, texts),
        Verdict::Failed => return failed(raw, told, texts),
        Verdict::Passed | Verdict::Inconclusive | Verdict::Skipped => {
            return "the schedule does not fail".into();
        }
    };
    let early = (raw.flags & EARLY_TIMEOUTS != 0).then(|| timing(told));
    if let Some(early) = early.flatten() {
        out.text = format!("{}; {early}", out.text);
    }
    out
}

fn name(told: &Failure, thread: usize) -> &str {
    told.threads.get(thread).map_or("?", String::as_str)
}

fn at(event: &Event) -> String {
    match event.op.as_str() {
        // The call of another crate into the kernel, where no line of the project led to it.
        "futex-wait" | "futex-wake" if event.inside.as_ref().is_none_or(|i| *i == event.place) => {
            "inside a lock of another crate".to_owned()
        }
        // Where it ends is not known: what we have is the line that took it.
        op if op.ends_with("unlock") && event.place.line != 0 => {
            format!("the guard of line {} ends", event.place.line)
        }
        _ => line(event.place.line),
    }
}

/// A line, where it is one of the texts that may be shown.
fn line(number: u32) -> String {
    match number {
        0 => "in the test".to_owned(),
        number => format!("line {number}"),
    }
}

/// `load of count`, or that it is something inside of a dependency.
fn step(event: &Event) -> String {
    match (event.package(), event.object.as_str()) {
        (Some(package), _) => format!("step inside `{package}`"),
        (None, "") => event.op.clone(),
        (None, object) => format!("{} of `{object}`", event.op),
    }
}

fn livelock(told: &Failure) -> String {
    let lines: Vec<String> = told
        .stuck
        .iter()
        .map(|s| match (name(told, s.thread), s.place.line) {
            (who @ "the test", 0) => who.to_owned(),
            (who, number) => format!("{who} ({})", line(number)),
        })
        .collect();
    match lines.as_slice() {
        [] => "the threads run on and on, and nothing changes any more".to_owned(),
        lines => format!(
            "nothing changes any more, and the program runs on: {}",
            lines.join(", ")
        ),
    }
}

fn crashed(print: &str, told: &Failure, texts: &Texts) -> Told {
    let mut panics = told.panics.iter().rev();
    if let (Some(last), "signal 6") = (panics.next(), print) {
        let who = name(told, last.thread);
        let again = match panics.next() {
            Some(first) if first.thread == last.thread => {
                " again while it unwinds from its first panic"
            }
            _ => " where it must not",
        };
        let line = last.place.line;
        let message = last.message.lines().next().unwrap_or_default();
        let text = format!("{who} panics{again} (line {line}: {message}), and the process aborts");
        return text.into();
    }
    let signal = match print {
        "signal 4" => " (SIGILL)",
        "signal 6" => " (SIGABRT: abort, a double free or other damage to the heap)",
        "stack overflow" => ": a thread has used up its stack",
        "signal 7" => " (SIGBUS)",
        "signal 8" => " (SIGFPE)",
        "signal 9" => " (SIGKILL: perhaps out of memory)",
        "signal 11" => " (SIGSEGV: memory that is not there)",
        _ => "",
    };
    let operations = Operations::of(told, texts);
    let patterns = [lost_update, torn];
    let cause = patterns.iter().find_map(|pattern| pattern(&operations));
    let cause = cause.or_else(|| switch(told)).unwrap_or_else(|| "".into());
    let and = if cause.text.is_empty() { "" } else { "; " };
    Told {
        text: format!("the process ends with {print}{signal}{and}{}", cause.text),
        ..cause
    }
}

fn failed(raw: &answer::Failure, told: &Failure, texts: &Texts) -> Told {
    match raw.fingerprint.as_str() {
        "no-panic" => return "the test should panic and does not".into(),
        "wrong-panic" => return "the test panics, but not with the text it should".into(),
        _ if raw.flags & EARLY_TIMEOUTS != 0 => {
            if let Some(text) = timing(told) {
                return text.into();
            }
        }
        print if print.starts_with("process::exit") => {
            return format!("the program ends itself by {print}").into();
        }
        _ => {}
    }
    if let Some(text) = woken_by_nobody(told) {
        return text.into();
    }
    let patterns = [lost_update, woken_in_vain, torn];
    let operations = Operations::of(told, texts);
    if let Some(told) = patterns.iter().find_map(|pattern| pattern(&operations)) {
        return told;
    }
    if told.preemptions == 0 {
        let text = unbegun(told).or_else(|| order(told));
        let text = text.unwrap_or_else(|| match told.deviations {
            0 => "it fails without any interruption".to_owned(),
            _ => "it fails when the threads run in another order".to_owned(),
        });
        return text.into();
    }
    switch(told).unwrap_or_else(|| "a switch at the wrong moment breaks it".into())
}

/// The steps of a failure without the points after operations, which say nothing of their own.
struct Operations<'a> {
    failure: &'a Failure,
    texts: &'a Texts,
    steps: Vec<Event>,
    /// Where each of them is in the timeline.
    at: Vec<usize>,
}

impl<'a> Operations<'a> {
    fn of(failure: &'a Failure, texts: &'a Texts) -> Self {
        let (mut steps, mut at) = (Vec::new(), Vec::new());
        let mut mark = (false, false);
        for (index, event) in failure.timeline.iter().enumerate() {
            mark = (mark.0 || event.deviated, mark.1 || event.preempting);
            if event.op != "after" {
                let (deviated, preempting) = std::mem::take(&mut mark);
                steps.push(Event {
                    deviated,
                    preempting,
                    ..event.clone()
                });
                at.push(index);
            }
        }
        Self {
            failure,
            texts,
            steps,
            at,
        }
    }

    fn name(&self, thread: usize) -> &str {
        name(self.failure, thread)
    }

    fn told(&self, text: String, steps: &[usize]) -> Told {
        let steps = steps.iter().map(|n| self.at[*n]).collect();
        Told { text, steps }
    }
}

/// The thread whose panic counts has just come out of a wait.
fn woken_in_vain(ops: &Operations<'_>) -> Option<Told> {
    let thread = ops.failure.cause()?.thread;
    let own = (0..ops.steps.len()).filter(|n| ops.steps[*n].thread == thread);
    let own: Vec<usize> = own.collect();
    let wait = own.iter().rposition(|n| ops.steps[*n].op == "wait")?;
    let (relock, rest) = own.get(wait + 1..)?.split_first()?;
    let ends = |n: &usize| matches!(ops.steps[*n].op.as_str(), "unlock" | "exit");
    (ops.steps[*relock].op == "lock" && rest.iter().all(ends)).then(|| {
        let text = format!(
            "{} wakes from its wait ({}) and fails at once: what it waited for is not there",
            ops.name(thread),
            at(&ops.steps[own[wait]])
        );
        ops.told(text, &[own[wait], *relock])
    })
}

/// A sleep or a timeout is over while another thread could still have gone on.
fn timing(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let over = |e: &Event| e.note == "timeout" && e.deviated;
    let index = steps.iter().position(over)?;
    let event = steps.get(index)?;
    let what = match event.op.as_str() {
        "sleep" => "sleep",
        "park" => "park",
        _ => "wait",
    };
    let mut later = steps.iter().skip(index);
    let other = later.find(|e| e.thread != event.thread)?;
    Some(format!(
        "the {what} of {} ({}) is over before {} has come to its {} ({}): only time stands \
         between them",
        name(told, event.thread),
        at(event),
        name(told, other.thread),
        step(other),
        at(other)
    ))
}

/// The failing thread goes on after a wait that nobody has ended.
fn woken_by_nobody(told: &Failure) -> Option<String> {
    let failing = told.cause()?.thread;
    let spurious = |e: &&Event| e.thread == failing && e.note == "spurious wake-up";
    let event = told.timeline.iter().rfind(spurious)?;
    Some(format!(
        "the wait of {} ({}) returns without a notification, as waits on condition variables may, \
         and what it waits for is not looked at again",
        name(told, event.thread),
        at(event),
    ))
}

/// A thread that the failing one has started, or started beside it, has not begun.
fn unbegun(told: &Failure) -> Option<String> {
    let failing = told.decisive()?.thread;
    let steps = &told.timeline;
    let last = steps
        .iter()
        .rposition(|e| e.thread == failing && e.op != "scope-end")?;
    let begun = |thread: usize| steps[..last].iter().any(|e| e.thread == thread);
    let spawned = |thread: usize| {
        let who = name(told, thread);
        steps[..last]
            .iter()
            .any(|e| e.op == "spawn" && e.object == who)
    };
    let waiting = (0..told.threads.len()).find(|t| *t != failing && spawned(*t) && !begun(*t))?;
    Some(format!(
        "{} fails while {} has not begun",
        name(told, failing),
        name(told, waiting)
    ))
}

/// Who goes first without interrupting anybody.
fn order(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let begins: Vec<usize> = steps
        .iter()
        .filter(|e| e.op == "start")
        .map(|e| e.thread)
        .collect();
    if let Some(pair) = begins.windows(2).find(|p| p[1] < p[0]) {
        let (first, then) = (name(told, pair[0]), name(told, pair[1]));
        return Some(format!("it fails when {first} runs before {then}"));
    }
    let index = steps.iter().position(|e| e.deviated)?;
    let first = steps.get(index)?.thread;
    let then = steps[index..].iter().find(|e| {
        let seen = steps[..index]
            .iter()
            .any(|b| b.thread == e.thread && b.op != "start");
        e.thread != first && !seen
    })?;
    Some(format!(
        "it fails when {} runs before {}",
        name(told, first),
        name(told, then.thread)
    ))
}
