//! What an execution that is shown has done so far, in memory that the supervisor shares: a process
//! that dies still leaves the way to its death.
//!
//! Places and kinds are stored as they are in memory: the supervisor was forked from the same
//! image, so that they mean the same to it.

use std::panic::Location;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::exec::Panicked;
use crate::frames::Frames;
use crate::op::{Event, Kind};

/// How many of the last operations are kept.
const EVENTS: usize = 1 << 12;
/// Room for a value.
const NOTE: usize = 79;
/// Room for names of threads, and for panics.
const TEXT: usize = 1 << 16;

#[repr(C)]
#[derive(Clone, Copy)]
struct Record {
    object: usize,
    at: Option<&'static Location<'static>>,
    thread: u32,
    kind: Kind,
    deviated: bool,
    preempting: bool,
    frames: Frames,
    length: u8,
    note: [u8; NOTE],
}

#[repr(C)]
struct Tape {
    events: AtomicU64,
    names_len: AtomicU64,
    panics_len: AtomicU64,
    ring: [Record; EVENTS],
    names: [u8; TEXT],
    panics: [u8; TEXT],
}

static SHARED: AtomicPtr<Tape> = AtomicPtr::new(std::ptr::null_mut());

/// What was on the tape when its writer ended.
#[derive(Default)]
pub(crate) struct Played {
    pub events: Vec<Event>,
    /// Operations before those.
    pub dropped: usize,
    pub threads: Vec<String>,
    pub panics: Vec<Panicked>,
}

/// Maps the tape where that has not been done, and rewinds it. Called before a fork.
pub(crate) fn rewind() {
    if SHARED.load(Ordering::Relaxed).is_null() {
        // SAFETY: a fresh anonymous mapping; all-zero is a valid `Tape` (`Kind`'s first variant is 0).
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Tape>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return;
        }
        SHARED.store(memory.cast(), Ordering::Relaxed);
    }
    if let Some((counters, _)) = tape() {
        counters.events.store(0, Ordering::Relaxed);
        counters.names_len.store(0, Ordering::Relaxed);
        counters.panics_len.store(0, Ordering::Relaxed);
    }
}

/// The counters, and the whole for access by pointer.
fn tape() -> Option<(&'static Tape, *mut Tape)> {
    let pointer = SHARED.load(Ordering::Relaxed);
    // SAFETY: mapped for the life of the process; through the reference only atomics are used.
    (!pointer.is_null()).then(|| (unsafe { &*pointer }, pointer))
}

/// As much of a text as there is room for, in whole characters.
pub(crate) fn head(text: &str, room: usize) -> &str {
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The operation with this number, counted from the start of the execution.
pub(crate) fn event(number: usize, event: &Event) {
    let Some((counters, pointer)) = tape() else {
        return;
    };
    let mut record = Record {
        object: event.object,
        at: Some(event.at),
        thread: event.thread,
        kind: event.kind,
        deviated: event.deviated,
        preempting: event.preempting,
        frames: event.frames,
        length: 0,
        note: [0; NOTE],
    };
    record.set_note(&event.note);
    // SAFETY: within the array, and only this process writes now.
    unsafe { (&raw mut (*pointer).ring[number % EVENTS]).write(record) };
    counters.events.store(number as u64 + 1, Ordering::Relaxed);
}

/// The value of an operation that was written before.
pub(crate) fn note(number: usize, text: &str) {
    let Some((counters, pointer)) = tape() else {
        return;
    };
    if counters.events.load(Ordering::Relaxed) as usize > number + EVENTS {
        return;
    }
    // SAFETY: within the array, written before, and only this process writes now.
    unsafe { (*pointer).ring[number % EVENTS].set_note(text) };
}

impl Record {
    fn set_note(&mut self, text: &str) {
        let text = head(text, NOTE);
        self.note[..text.len()].copy_from_slice(text.as_bytes());
        self.length = u8::try_from(text.len()).unwrap_or(0);
    }

    fn event(&self) -> Option<Event> {
        let note = self.note.get(..usize::from(self.length))?;
        Some(Event {
            thread: self.thread,
            kind: self.kind,
            object: self.object,
            at: self.at?,
            frames: self.frames,
            note: String::from_utf8_lossy(note).into_owned(),
            deviated: self.deviated,
            preempting: self.preempting,
        })
    }
}

/// Appends to one of the texts.
fn append(length: &AtomicU64, bytes: *mut [u8; TEXT], text: &str) {
    let used = (length.load(Ordering::Relaxed) as usize).min(TEXT);
    let text = head(text, TEXT - used);
    // SAFETY: within the array, and only this process writes now.
    unsafe {
        bytes
            .cast::<u8>()
            .add(used)
            .copy_from_nonoverlapping(text.as_ptr(), text.len());
    }
    // conclint: allow(non-atomic-update) only one thread of one process writes
    length.store((used + text.len()) as u64, Ordering::Relaxed);
}

fn text(length: &AtomicU64, bytes: *const [u8; TEXT]) -> String {
    let used = (length.load(Ordering::Relaxed) as usize).min(TEXT);
    let mut out = vec![0_u8; used];
    // SAFETY: within the array; the writer has ended.
    unsafe {
        bytes
            .cast::<u8>()
            .copy_to_nonoverlapping(out.as_mut_ptr(), used);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Separators that no text of a program should hold; where one does, the rest is misread.
const FIELD: char = '\u{1f}';
const END: char = '\u{1e}';

/// A thread has been made.
pub(crate) fn thread(name: &str) {
    if let Some((counters, pointer)) = tape() {
        // SAFETY: only the address is taken.
        let names = unsafe { &raw mut (*pointer).names };
        append(&counters.names_len, names, &format!("{name}{END}"));
    }
}

/// A panic has begun.
pub(crate) fn panicked(p: &Panicked) {
    if let Some((counters, pointer)) = tape() {
        // SAFETY: only the address is taken.
        let panics = unsafe { &raw mut (*pointer).panics };
        let (thread, line, column, file) = (p.thread, p.line, p.column, &p.file);
        let message = head(&p.message, 4096);
        let fields =
            format!("{thread}{FIELD}{line}{FIELD}{column}{FIELD}{file}{FIELD}{message}{END}");
        append(&counters.panics_len, panics, &fields);
    }
}

/// What is on the tape. The writer must have ended.
pub(crate) fn play() -> Played {
    let Some((counters, pointer)) = tape() else {
        return Played::default();
    };
    let count = counters.events.load(Ordering::Relaxed) as usize;
    let dropped = count.saturating_sub(EVENTS);
    // SAFETY: the entries have been written, by a child that has ended.
    let record = |number: usize| unsafe { (&raw const (*pointer).ring[number % EVENTS]).read() };
    // SAFETY: only the addresses are taken.
    let (names, panics) = unsafe { (&raw const (*pointer).names, &raw const (*pointer).panics) };
    let panics = text(&counters.panics_len, panics);
    let panics = panics.split_terminator(END).filter_map(|fields| {
        let mut fields = fields.splitn(5, FIELD);
        Some(Panicked {
            thread: fields.next()?.parse().ok()?,
            line: fields.next()?.parse().ok()?,
            column: fields.next()?.parse().ok()?,
            file: fields.next()?.to_owned(),
            message: fields.next()?.to_owned(),
        })
    });
    Played {
        events: (dropped..count).filter_map(|n| record(n).event()).collect(),
        dropped,
        threads: text(&counters.names_len, names)
            .split_terminator(END)
            .map(str::to_owned)
            .collect(),
        panics: panics.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        rewind();
        let at = Location::caller();
        for n in 0..EVENTS + 3 {
            let one = Event {
                thread: 1,
                kind: Kind::Store,
                object: n,
                at,
                frames: Frames::default(),
                note: String::new(),
                deviated: n == EVENTS,
                preempting: false,
            };
            event(n, &one);
        }
        let long = "ä".repeat(NOTE);
        note(EVENTS + 2, &long);
        note(0, "gone already");
        thread("main");
        thread("a worker");
        panicked(&Panicked {
            thread: 1,
            message: "no".to_owned(),
            file: "a.rs".to_owned(),
            line: 3,
            column: 4,
        });
        let played = play();
        assert_eq!((played.events.len(), played.dropped), (EVENTS, 3));
        let last = &played.events[EVENTS - 1];
        assert_eq!((last.object, last.kind), (EVENTS + 2, Kind::Store));
        assert_eq!(last.note, "ä".repeat(NOTE / 2));
        assert!(played.events[EVENTS - 3].deviated);
        assert_eq!(played.events[0].note, "");
        assert_eq!(played.threads, ["main", "a worker"]);
        assert_eq!(
            (played.panics[0].line, played.panics[0].message.as_str()),
            (3, "no")
        );
    }
}
