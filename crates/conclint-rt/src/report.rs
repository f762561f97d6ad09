//! What a test binary tells about tests, schedules and failures, as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::Location;

use conclint_schedule::Deviation;

use crate::exec::{End, Outcome, Panicked};
use crate::frames::Frames;
use crate::op::{Event, Kind};
use crate::supervise::{EARLY, Test};
use crate::wire::{Object, array};

/// Longest timeline that is written; the middle of a longer one is left out.
const TIMELINE: usize = 4000;

pub(crate) fn listed(test: &Test) -> String {
    let ignored = test.ignored.as_deref();
    Object::default()
        .text("test", &test.name)
        .text("file", &test.file)
        .raw("line", test.line)
        .raw("ignored", ignored.is_some())
        .text("ignore_reason", ignored.unwrap_or_default())
        .raw("should_panic", test.should_panic.is_some())
        .end()
}

pub(crate) fn verdict_of(outcome: &Outcome) -> &'static str {
    match outcome.end {
        End::Finished | End::Panicked | End::Exited(..) => "failed",
        End::Deadlock => "deadlock",
        End::TooLong { livelock: true } => "livelock",
        End::TooLong { livelock: false } | End::Broken(_) => "inconclusive",
    }
}

pub(crate) fn deviations(list: &[Deviation]) -> String {
    array(
        list.iter()
            .map(|d| format!("[{},{},{}]", d.thread, d.nth, d.to)),
    )
}

/// How long all panics' messages may be together, in bytes. What a child tells has to fit into the
/// journal.
const MESSAGES: usize = 1 << 20;
/// The same for one of them, and for the name of a thread.
const MESSAGE: usize = 1 << 16;
const NAME: usize = 1 << 10;

/// A text of a program, which may be of any length: what is too long ends in an ellipsis.
fn short(text: &str, most: usize) -> Cow<'_, str> {
    match text.len() > most {
        true => Cow::Owned(format!("{}…", crate::tape::head(text, most))),
        false => Cow::Borrowed(text),
    }
}

/// Gives objects names that do not depend on where they lie in memory.
#[derive(Default)]
struct Names {
    known: BTreeMap<usize, String>,
    counts: BTreeMap<&'static str, usize>,
    /// Addresses in values, in the order in which they are met.
    addresses: Vec<u64>,
}

/// Where programs, heaps and stacks lie, with addresses that are not random.
const ADDRESSES: std::ops::Range<u64> = 0x5500_0000_0000..0x8000_0000_0000;
/// Bits of an address that programs use for marks of their own.
const MARKS: u64 = 7;

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Lock | Kind::TryLock | Kind::Unlock => "mutex",
        Kind::Read
        | Kind::TryRead
        | Kind::ReadUnlock
        | Kind::Write
        | Kind::TryWrite
        | Kind::WriteUnlock => "rwlock",
        Kind::Wait | Kind::NotifyOne | Kind::NotifyAll => "condvar",
        Kind::Load | Kind::Store | Kind::Rmw | Kind::Cas | Kind::After => "atomic",
        Kind::Send
        | Kind::TrySend
        | Kind::Recv
        | Kind::TryRecv
        | Kind::DropSender
        | Kind::DropReceiver => "channel",
        Kind::Barrier => "barrier",
        Kind::Once | Kind::OnceGet => "once",
        Kind::FutexWait | Kind::FutexWake => "futex",
        Kind::Park | Kind::Unpark | Kind::Join | Kind::Spawn | Kind::Finished => "thread",
        _ => "object",
    }
}

impl Names {
    /// Threads have their own numbers, whoever is met first.
    fn of_threads(keys: &[usize]) -> Self {
        let named = keys.iter().enumerate();
        let known = named.map(|(id, key)| (*key, format!("thread {id}")));
        Self {
            known: known.collect(),
            ..Self::default()
        }
    }

    fn name(&mut self, kind: Kind, object: usize) -> String {
        if object == 0 {
            return String::new();
        }
        // A rendezvous waits beside its channel, to be woken by another event.
        let object = match kind {
            Kind::Send => object & !1,
            _ => object,
        };
        let counts = &mut self.counts;
        let name = self.known.entry(object).or_insert_with(|| {
            let what = type_of(kind);
            let count = counts.entry(what).or_insert(0);
            *count += 1;
            format!("{what} {count}")
        });
        name.clone()
    }

    /// A note without addresses: another process has others.
    fn values(&mut self, note: &str) -> String {
        let mut out = String::with_capacity(note.len());
        let mut rest = note;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(start);
            out.push_str(before);
            let hex = number.starts_with("0x");
            let digits = if hex { &number[2..] } else { number };
            let (end, radix): (fn(char) -> bool, _) = match hex {
                true => (|c| !c.is_ascii_hexdigit(), 16),
                false => (|c| !c.is_ascii_digit(), 10),
            };
            let digits = &digits[..digits.find(end).unwrap_or(digits.len())];
            let length = digits.len() + if hex { 2 } else { 0 };
            match u64::from_str_radix(digits, radix) {
                Ok(value) if ADDRESSES.contains(&value) => out.push_str(&self.address(value)),
                _ => out.push_str(&number[..length]),
            }
            rest = &number[length..];
        }
        out.push_str(rest);
        out
    }

    fn address(&mut self, value: u64) -> String {
        let (base, mark) = (value & !MARKS, value & MARKS);
        let known = self.addresses.iter().position(|a| *a == base);
        let index = known.unwrap_or_else(|| {
            self.addresses.push(base);
            self.addresses.len() - 1
        });
        match mark {
            0 => format!("address {}", index + 1),
            mark => format!("address {} + {mark}", index + 1),
        }
    }

    /// A lock that another crate has built of the atomic at this address; the atomic itself has a
    /// name of its own.
    fn lock(&mut self, atomic: usize) -> String {
        // No object begins at an address that is not the program's.
        self.name(Kind::Lock, !atomic)
    }
}

/// Return addresses, where there are any.
fn called(object: Object, frames: &Frames) -> Object {
    match frames.addresses() {
        [] => object,
        frames => object.raw("frames", array(frames.iter().map(u32::to_string))),
    }
}

fn at(object: Object, at: &Location<'_>) -> Object {
    object
        .text("file", at.file())
        .raw("line", at.line())
        .raw("column", at.column())
}

fn event(names: &mut Names, event: &Event) -> String {
    let object = names.name(event.kind, event.object);
    let entry = Object::default()
        .raw("thread", event.thread)
        .text("op", event.kind.text())
        .text("object", &object);
    at(called(entry, &event.frames), event.at)
        .text("note", &names.values(&event.note))
        .raw("deviated", event.deviated)
        .raw("preempting", event.preempting)
        .end()
}

/// The sort of failure, in one word.
fn kind_of(outcome: &Outcome, print: Option<&str>) -> &'static str {
    match (&outcome.end, print) {
        (_, None) => "",
        (End::Finished, _) => "no-panic",
        (End::Panicked, Some("wrong-panic")) => "wrong-panic",
        (End::Panicked, _) => "panic",
        (End::Deadlock, _) => crate::explain::kind(&outcome.stuck),
        (End::TooLong { livelock: true }, _) => "livelock",
        (End::TooLong { livelock: false }, _) => "too-long",
        (End::Exited(..), _) => "exit",
        (End::Broken(_), _) => "broken",
    }
}

/// The whole story of one execution.
pub(crate) fn failure(outcome: &Outcome, flags: u64, print: Option<&str>) -> String {
    let kind = timing_or(kind_of(outcome, print), flags);
    story(outcome, flags, print.unwrap_or_default(), kind).end()
}

/// Whatever comes of a sleep or a timeout that ends early is first of all that.
fn timing_or(kind: &str, flags: u64) -> &str {
    match kind {
        "" => "",
        _ if flags & EARLY != 0 => "timing",
        kind => kind,
    }
}

/// How a process died.
pub(crate) struct Death<'a> {
    pub print: &'a str,
    pub kind: &'a str,
    /// The last operation before.
    pub last: Option<&'a Location<'a>>,
}

/// What is known of an execution whose process died.
pub(crate) fn crashed(outcome: &Outcome, flags: u64, death: &Death<'_>) -> String {
    let kind = timing_or(death.kind, flags);
    let entry = story(outcome, flags, death.print, kind);
    match death.last {
        Some(place) => entry.raw("last", at(Object::default(), place).end()).end(),
        None => entry.end(),
    }
}

fn panics(panics: &[Panicked]) -> String {
    let room = (MESSAGES / panics.len().max(1)).min(MESSAGE);
    array(panics.iter().map(|p| {
        Object::default()
            .raw("thread", p.thread)
            .text("message", &short(&p.message, room))
            .text("file", &p.file)
            .raw("line", p.line)
            .raw("column", p.column)
            .end()
    }))
}

fn story(outcome: &Outcome, flags: u64, print: &str, kind: &str) -> Object {
    let mut names = Names::of_threads(&outcome.thread_keys);
    // Names are given in order of first use, also for events that are left out.
    let events: Vec<String> = outcome
        .events
        .iter()
        .map(|e| event(&mut names, e))
        .collect();
    let skipped = events.len().saturating_sub(TIMELINE);
    let half = events.len().min(TIMELINE) / 2;
    let tail = events.len() - (events.len().min(TIMELINE) - half);
    let timeline = events[..half].iter().chain(&events[tail..]).cloned();
    let stuck = outcome.stuck.iter().map(|s| {
        let object = match s.wanted {
            Some(wanted) => names.lock(wanted),
            None => names.name(s.kind, s.object),
        };
        let holds: Vec<String> = s
            .holds
            .iter()
            .map(|(kind, object, place)| {
                let name = names.name(*kind, *object);
                at(Object::default().text("object", &name), place).end()
            })
            .collect();
        let took: Vec<String> = s
            .took
            .iter()
            .map(|(object, frames)| {
                let name = names.lock(*object);
                called(Object::default().text("object", &name), frames).end()
            })
            .collect();
        let op = match s.kind {
            Kind::Send if s.object & 1 == 1 => "hand-over",
            kind => kind.text(),
        };
        let entry = Object::default()
            .raw("thread", s.thread)
            .text("op", op)
            .text("object", &object);
        at(called(entry, &s.frames), s.at)
            .raw("waits_for", array(s.waits_for.iter().map(u32::to_string)))
            .raw("holds", array(holds))
            .raw("took", array(took))
            .raw("missed", s.missed)
            .raw("runnable", s.runnable)
            .end()
    });
    let stuck = array(stuck);
    Object::default()
        .text("fingerprint", print)
        .text("kind", kind)
        .raw("flags", flags)
        .raw("preemptions", outcome.preemptions)
        .raw("held_up_ms", outcome.held_up.div_ceil(1_000_000))
        .raw("deviations", deviations(&outcome.deviations))
        .raw(
            "threads",
            array(
                outcome
                    .threads
                    .iter()
                    .map(|n| crate::wire::quote(&short(n, NAME))),
            ),
        )
        .raw("panics", panics(&outcome.panics))
        .raw("stuck", stuck)
        .raw("skipped", skipped + outcome.events_dropped)
        .raw("timeline", array(timeline))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_is_told() {
        let panicked = |message: String| Panicked {
            thread: 0,
            message,
            file: "a.rs".to_owned(),
            line: 1,
            column: 1,
        };
        let told = |panics| {
            let played = crate::tape::Played {
                panics,
                threads: vec!["ö".repeat(1 << 20)],
                ..Default::default()
            };
            failure(
                &Outcome::cut_off(played, Vec::new()),
                0,
                Some("panic a.rs:1"),
            )
        };
        assert!(told(vec![panicked("3 is not 4".to_owned())]).contains("\"3 is not 4\""));
        let long = told(vec![panicked("\u{1}".repeat(50 << 20))]);
        assert!(long.contains("…") && long.len() < 1 << 20, "{}", long.len());
        let many = told(vec![panicked("\u{1}".repeat(1 << 16)); 1000]);
        assert!(many.len() < 1 << 23, "{}", many.len());
    }

    #[test]
    fn threads_have_their_own_numbers() {
        let mut names = Names::of_threads(&[0x50, 0x70]);
        assert_eq!(names.name(Kind::Unpark, 0x50), "thread 0");
        assert_eq!(names.name(Kind::Join, 0x70), "thread 1");
    }

    #[test]
    fn values_name_no_addresses() {
        let mut names = Names::default();
        let mut values = |note| names.values(note);
        assert_eq!(values("= 0x555555687f70"), "= address 1");
        assert_eq!(
            values("0x555555687f71 -> 140737322679808"),
            "address 1 + 1 -> address 2"
        );
        assert_eq!(values("= 0x0 (was 17)"), "= 0x0 (was 17)");
        assert_eq!(values("failed: -3, wanted 0x"), "failed: -3, wanted 0x");
        assert_eq!(values("= 99999999999999999999"), "= 99999999999999999999");
        assert_eq!(values(""), "");
    }
}
