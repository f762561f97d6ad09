//! The threads of an execution: how they begin, what they wait for, what they hold.
//!
//! Says who can go on, never who does: a thread whose lock is held is no candidate, and among
//! those that wait the oldest is woken.

use std::panic::Location;

use super::{Exec, Held, Id, State, Task};
use crate::local::Locals;
use crate::op::{Kind, Op};
use crate::thread::Thread;

impl Exec {
    /// Adds a thread, which starts when it is first chosen.
    pub(crate) fn spawn(
        &mut self,
        handle: Thread,
        stack_size: usize,
        at: &'static Location<'static>,
        body: Box<dyn FnOnce()>,
    ) -> Option<Id> {
        let id = self.tasks.len();
        if self.settings.trace {
            crate::tape::thread(&handle.label(id));
        }
        let coro = self.pool.start(stack_size, body)?;
        self.live.push(id);
        self.tasks.push(Task {
            yielder: coro.yielder(),
            state: State::Ready,
            op: Op {
                kind: Kind::Start,
                object: 0,
                at,
            },
            due: None,
            timed_out: false,
            spurious: false,
            held: Vec::new(),
            since: 0,
            relock: None,
            locals: Locals::default(),
            handle,
            token: false,
            panicking: false,
            stack_hash: 0,
            chain: self.tasks.get(self.current).map_or(0, |t| t.chain),
            stack_base: coro.base,
            coro: Some(coro),
            decisions: 0,
            idle: 0,
            slice: 0,
            looked: (0, 0),
            able: self.clock,
        });
        Some(id)
    }

    /// A thread that has not ended, by its handle.
    pub(crate) fn find(&mut self, key: usize) -> Option<&mut Task> {
        let tasks = &self.tasks;
        let id = *self
            .live
            .iter()
            .find(|id| tasks[**id].handle.key() == key)?;
        self.tasks.get_mut(id)
    }

    /// Makes every thread that is blocked on `object` (and for which `f` holds) ready.
    pub(crate) fn wake(&mut self, object: usize, f: impl Fn(&Task) -> bool) -> usize {
        let mut woken = 0;
        for id in &self.live {
            let task = &mut self.tasks[*id];
            if task.state == State::Blocked && task.op.object == object && f(task) {
                task.state = State::Ready;
                task.able = self.clock;
                task.due = None;
                woken += 1;
            }
        }
        woken
    }

    /// Makes the lowest-numbered thread that waits on `object` by `kind` ready.
    pub(crate) fn wake_one(&mut self, object: usize, kind: Kind) -> bool {
        let Some(id) = self.oldest(object, kind) else {
            return false;
        };
        let task = &mut self.tasks[id];
        task.state = State::Ready;
        task.able = self.clock;
        task.due = None;
        true
    }

    /// The thread that has waited longest on `object` by `kind`.
    pub(crate) fn oldest(&self, object: usize, kind: Kind) -> Option<Id> {
        let waiting = |id: &Id| {
            let t = &self.tasks[*id];
            t.state == State::Blocked && t.op.object == object && t.op.kind == kind
        };
        let waiting = self.live.iter().copied().filter(waiting);
        waiting.min_by_key(|id| self.tasks[*id].since)
    }

    /// Takes ready threads off the list of candidates while a lock they want is held.
    pub(crate) fn disable(&mut self, object: usize, f: impl Fn(&Task) -> bool) {
        let me = self.current;
        let mut queued = Vec::new();
        for id in &self.live {
            let task = &mut self.tasks[*id];
            if *id != me && task.state == State::Ready && task.op.object == object && f(task) {
                task.state = State::Blocked;
                // From now on readers wait behind this one, which a story must show.
                if self.settings.trace && task.op.kind == Kind::Write {
                    queued.push(*id);
                }
            }
        }
        for id in queued {
            self.record_queued(id);
        }
    }

    /// A notification found nobody.
    pub(crate) fn unheard(&mut self, object: usize) {
        if self.missed.len() < 1000 {
            self.missed.push(object);
        }
    }

    pub(crate) fn hold(&mut self, object: usize, kind: Kind, at: &'static Location<'static>) {
        let me = self.current;
        self.tasks[me].held.push(Held { object, kind, at });
    }

    /// Forgets that some thread holds `object`: guards may be dropped by another thread.
    pub(crate) fn release(&mut self, object: usize, kind: Kind) -> Option<Held> {
        let me = self.current;
        let others = self.live.iter().copied().filter(|t| *t != me);
        for id in std::iter::once(me).chain(others) {
            let held = &mut self.tasks[id].held;
            if let Some(at) = held
                .iter()
                .rposition(|h| h.object == object && h.kind == kind)
            {
                return Some(held.remove(at));
            }
        }
        None
    }
}
