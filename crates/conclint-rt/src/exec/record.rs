//! The record of an execution that is shown: its operations with their values.

use super::{Exec, with};
use crate::frames::{Frames, foreign};
use crate::op::Event;
use crate::tape;

/// How many of the last operations of a long execution are kept, at least.
const EVENTS: usize = 10_000;

/// Adds a value to the last recorded operation.
pub(crate) fn note(text: impl FnOnce() -> String) {
    with(|x| {
        if x.settings.trace {
            let text = text();
            let me = u32::try_from(x.current).unwrap_or_default();
            if let Some(index) = x.events.iter().rposition(|e| e.thread == me) {
                tape::note(x.events_dropped + index, &text);
                x.events[index].note = text;
            }
        }
    });
}

impl Exec {
    pub(super) fn record(&mut self) {
        self.step_taken();
        if self.settings.trace {
            self.push_event(String::new());
        }
    }

    pub(super) fn record_wait(&mut self) {
        if let Some(callers) = &mut self.callers {
            callers.waits(self.current, self.steps);
            self.push_event("waits".to_owned());
        }
    }

    pub(super) fn record_resumed(&mut self) {
        self.step_taken();
        if self.settings.trace {
            let task = &self.tasks[self.current];
            let note = match (task.timed_out, task.spurious) {
                (true, _) => "timeout",
                (_, true) => "spurious wake-up",
                _ => "goes on",
            };
            self.push_event(note.to_owned());
        }
    }

    /// A thread that stands before an operation has to wait, by what the current one has done.
    pub(super) fn record_queued(&mut self, id: super::Id) {
        let op = self.tasks[id].op;
        self.push(Event {
            thread: u32::try_from(id).unwrap_or(u32::MAX),
            kind: op.kind,
            object: op.object,
            at: op.at,
            frames: Frames::default(),
            note: "waits".to_owned(),
            deviated: false,
            preempting: false,
        });
    }

    fn push_event(&mut self, note: String) {
        let op = self.tasks[self.current].op;
        let (deviated, preempting) = std::mem::take(&mut self.mark);
        self.push(Event {
            thread: u32::try_from(self.current).unwrap_or(u32::MAX),
            kind: op.kind,
            object: op.object,
            at: op.at,
            frames: match foreign(op.at.file()) {
                true => Frames::here(),
                false => Frames::default(),
            },
            note,
            deviated,
            preempting,
        });
    }

    fn push(&mut self, event: Event) {
        if self.events.len() >= 2 * EVENTS {
            self.events.drain(..EVENTS);
            self.events_dropped += EVENTS;
        }
        tape::event(self.events_dropped + self.events.len(), &event);
        self.events.push(event);
    }
}
