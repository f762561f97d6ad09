//! Who goes on: the decisions between threads, and the ends that they lead to.

use conclint_schedule::{Access, Candidate, Decision, Deviation, default_choice};

use super::{End, Exec, Id, State, Task};
use crate::coro;
use crate::cycles::Mixer;
use crate::op::Kind;

/// After so many operations that changed nothing, a thread is taken to be waiting for somebody.
const SPIN: u32 = 48;
/// How far the clock moves at first when threads that only look go on looking, and at most. In
/// between it grows by a quarter: who polls for something that comes after a second shall see it
/// come, and not much later.
pub(super) const BOOST: u64 = 50_000;
const BOOST_MAX: u64 = 1_000_000_000;
/// How long, in nanoseconds, a thread that could move may be held up so that a timeout fires early,
/// and threads may be all in all. A busy machine holds a thread up for so long; a failure that needs
/// more, or that needs it again and again, is nobody's.
const HELD_UP: u64 = 1_000_000_000;
/// How much less that is for a wait with a timeout: the round second that tests give a receive or a
/// condition is a watchdog, while a sleep of a second is a guess.
const WATCHDOG: u64 = 10_000_000;
/// So many waits may return without a notification in one execution: one is enough for code that
/// does not look again, and each more makes that execution less like what happens.
const SPURIOUS: u32 = 2;
/// How long the default lets a thread run on while others can.
const SLICE: u32 = 4096;
/// Operations that threads may still take once the main thread has ended.
const DRAIN: u64 = 2000;
/// How long a repeating state is looked for, and after how many fair steps without any change
/// nothing is expected to happen any more.
const CYCLE_STEPS: u64 = 200_000;
const IDLE_STEPS: u64 = 2_000_000;

impl Task {
    /// The thread waits on a condition variable, without a timeout and not yet notified.
    fn waits(&self) -> bool {
        self.state == State::Blocked && self.op.kind == Kind::Wait && self.due.is_none()
    }
}

impl Exec {
    /// Chooses who goes on after `me` published its operation or blocked. `None`: `me` does.
    pub(super) fn reschedule(&mut self, me: Id) -> Option<coro::YielderPtr> {
        let object = self.tasks[me].op.object;
        if self.touched_static.is_none()
            && crate::image::contains(object)
            && self.tasks[me].op.kind.access() == Access::Write
        {
            self.touched_static = Some(self.tasks[me].op.at);
        }
        if self.choose() && self.current == me {
            return None;
        }
        Some(self.tasks[me].yielder.get())
    }

    /// Sets `current` to the thread that goes on; `false` where the execution is over.
    pub(super) fn choose(&mut self) -> bool {
        self.steps += 1;
        self.clock += 1000;
        crate::journal::heartbeat(self.steps, self.tasks[self.current].op.at);
        let over = match self.main_ended_at {
            Some(at) => self.steps > at + DRAIN,
            None => {
                self.steps
                    > self
                        .settings
                        .max_steps
                        .saturating_add(self.settings.fair_steps)
            }
        };
        let deadline = self.settings.deadline;
        let late = deadline != 0
            && self.steps.is_multiple_of(4096)
            && crate::interpose::real_millis() > deadline;
        let fair = self.steps > self.settings.max_steps;
        let repeats = fair && self.main_ended_at.is_none() && self.repeats();
        if over || late || repeats {
            self.over = true;
            if self.main_ended_at.is_none() {
                let idle = self.steps.saturating_sub(self.settings.max_steps) > IDLE_STEPS
                    && self.last_progress < self.settings.max_steps;
                self.end = Some(End::TooLong {
                    livelock: repeats || idle,
                });
            }
            return false;
        }
        let me = self.current;
        self.gather();
        let Some(first) = self.candidates.first() else {
            self.stuck();
            return false;
        };
        if self.candidates.len() == 1 {
            let next = first.thread as Id;
            if next != me {
                self.tasks[next].idle = 0;
            } else if self.tasks[me].idle >= SPIN {
                // It may be polling for a sleeper.
                self.time_passes();
            }
            self.go_to(next, (false, false));
            return true;
        }
        let idle = self.tasks[me].idle >= SPIN;
        if idle {
            self.time_passes();
        }
        let task = &mut self.tasks[me];
        task.slice += 1;
        let yielding =
            fair || matches!(task.op.kind, Kind::Yield | Kind::Spin) || idle || task.slice >= SLICE;
        let decision = Decision {
            step: self.decisions,
            current: u32::try_from(me).unwrap_or(u32::MAX),
            yielding,
            candidates: &self.candidates,
        };
        let default = default_choice(&decision);
        let drawn = self.cycles.as_mut();
        let drawn = drawn.and_then(|cycles| cycles.draw(decision.candidates.len()));
        let default = drawn
            .filter(|index| !decision.candidates[*index].is_timer())
            .unwrap_or(default);
        let mut pick = default;
        if !fair && self.main_ended_at.is_none() {
            // SAFETY: `run` holds the strategy for as long as the execution lives and touches it
            // only between executions.
            pick = unsafe { &mut *self.strategy }.choose(&decision);
            if pick >= decision.candidates.len() {
                pick = default;
            }
            let nth = task.decisions;
            task.decisions += 1;
            self.decisions += 1;
            if pick != default {
                let deviation = Deviation {
                    thread: decision.current,
                    nth,
                    to: decision.candidates[pick].thread,
                };
                self.deviations.push(deviation);
                crate::journal::deviation(deviation);
            }
        }
        let chosen = decision.candidates[pick];
        let mark = (pick != default, decision.preempts(pick));
        self.go_to(chosen.thread as Id, mark);
        true
    }

    /// The current thread has looked for something often enough. Where everybody else who can move
    /// has, too, the clock moves on, but not past the time at which somebody wakes. Otherwise the
    /// thread goes on giving way.
    fn time_passes(&mut self) {
        if !self.live.iter().all(|id| self.looks_in_vain(*id)) {
            return;
        }
        for id in &self.live {
            self.tasks[*id].idle = 0;
        }
        let next = self.live.iter().filter_map(|id| self.pending(*id)).min();
        let then = self.clock.saturating_add(self.boost);
        self.clock = next.map_or(then, |due| then.min(due));
        self.stretch += 1;
        self.boost = (self.boost + self.boost / 4).min(BOOST_MAX);
    }

    /// The thread cannot move, or has moved often enough since anything changed.
    fn looks_in_vain(&self, id: Id) -> bool {
        let task = &self.tasks[id];
        match (task.state, task.due) {
            (State::Ready, _) => task.looked.0 == self.stretch && task.looked.1 >= SPIN,
            (_, Some(due)) => due > self.clock,
            _ => true,
        }
    }

    /// When the thread wakes by itself, where that is still to come.
    fn pending(&self, id: Id) -> Option<u64> {
        let task = &self.tasks[id];
        let due = task.due.filter(|_| task.state == State::Blocked)?;
        (due > self.clock).then_some(due)
    }

    /// Lists who may go on. A timeout that is not due is only offered where it may fire early and
    /// nobody is held up for too long by that, or where nobody else can move: then the earliest.
    fn gather(&mut self) {
        self.candidates.clear();
        self.look_for_events();
        let latest = if self.settings.early_timers {
            let others = self.live.iter().filter(|id| **id != self.current);
            let able = others.filter_map(|id| self.able(*id)).min();
            let left = HELD_UP.saturating_sub(self.held_up);
            let by_able = able.unwrap_or(self.clock).saturating_add(HELD_UP);
            by_able.min(self.clock.saturating_add(left))
        } else {
            0
        };
        let mut next: Option<Candidate> = None;
        for id in &self.live {
            let (id, task) = (*id, &self.tasks[*id]);
            let due = match (task.state, task.due) {
                (State::Ready, _) => None,
                // A timeout that is due makes its thread ready like any other event.
                (State::Blocked, Some(due)) => (due > self.clock).then_some(due),
                _ => continue,
            };
            let candidate = Candidate {
                thread: u32::try_from(id).unwrap_or(u32::MAX),
                object: task.op.object as u64,
                access: task.op.kind.access(),
                due,
            };
            let latest = match task.op.kind {
                Kind::Sleep => latest,
                _ => latest.saturating_sub(WATCHDOG),
            };
            if due.is_none_or(|due| due <= latest) {
                self.candidates.push(candidate);
            } else if next.is_none_or(|n| due < n.due) {
                next = Some(candidate);
            }
        }
        if self.candidates.is_empty() {
            self.candidates.extend(next);
        } else if self.settings.spurious && self.spurious < SPURIOUS {
            self.offer_waits();
        }
    }

    /// The current thread waits until an event loop has something to tell.
    pub(crate) fn watch(&mut self, epoll: std::ffi::c_int) {
        self.watched.push((self.current, epoll));
    }

    /// The current thread waits for no event any more.
    pub(crate) fn unwatch(&mut self) {
        let me = self.current;
        self.watched.retain(|(id, _)| *id != me);
    }

    /// Lists the waits that may return without a notification. Not where nobody else can move: that
    /// would hide a deadlock.
    fn offer_waits(&mut self) {
        if self.candidates.iter().all(Candidate::is_timer) {
            return;
        }
        let waits = self.live.iter().filter(|id| self.tasks[**id].waits());
        let waits = waits.map(|id| Candidate {
            thread: u32::try_from(*id).unwrap_or(u32::MAX),
            object: self.tasks[*id].op.object as u64,
            access: self.tasks[*id].op.kind.access(),
            due: Some(self.clock),
        });
        self.candidates.extend(waits);
        self.candidates.sort_by_key(|c| c.thread);
    }

    /// Makes threads ready whose event loop has something to tell.
    fn look_for_events(&mut self) {
        for (id, epoll) in &self.watched {
            let task = &mut self.tasks[*id];
            if task.state == State::Blocked && crate::events::ready(*epoll) {
                task.state = State::Ready;
                task.able = self.clock;
                task.due = None;
            }
        }
    }

    /// Since when the thread could have moved, where it can.
    fn able(&self, id: Id) -> Option<u64> {
        let task = &self.tasks[id];
        match (task.state, task.due) {
            (State::Ready, _) => Some(task.able),
            (State::Blocked, Some(due)) => (due <= self.clock).then_some(due),
            _ => None,
        }
    }

    /// The fair scheduler has come back to a state it has been in before.
    fn repeats(&mut self) -> bool {
        if self.cycles.is_none() {
            self.cycles = Some(Box::default());
            crate::cycles::WATCHED.set(true);
        }
        if self.live.iter().any(|id| self.pending(*id).is_some()) {
            // Somebody will wake, and may change everything.
            return false;
        }
        let fair_steps = self.steps - self.settings.max_steps;
        if let Some(in_vain) = self.cycles.as_ref().and_then(|c| c.in_vain(fair_steps)) {
            return in_vain;
        }
        let state = self.state();
        let Some(cycles) = &mut self.cycles else {
            return false;
        };
        if !crate::cycles::WATCHED.get() {
            return false;
        }
        if fair_steps > CYCLE_STEPS {
            crate::cycles::WATCHED.set(false);
        }
        if !cycles.step(state) {
            return false;
        }
        let tasks = &self.tasks;
        let ready = |id: &Id| tasks[*id].state == State::Ready;
        let shaken = cycles.shake(self.live.iter().copied().filter(ready), fair_steps);
        if shaken {
            crate::cycles::WATCHED.set(false);
        }
        !shaken
    }

    fn go_to(&mut self, next: Id, mark: (bool, bool)) {
        if next != self.current || mark.0 {
            self.mark = mark;
            self.preemptions += u64::from(mark.1);
            self.tasks[next].slice = 0;
        }
        if self.tasks[next].waits() {
            let task = &mut self.tasks[next];
            task.spurious = true;
            task.state = State::Ready;
            self.spurious += 1;
            self.new_stretch();
        } else if self.tasks[next].state == State::Blocked {
            let mut others = self.live.iter().filter(|id| **id != next);
            let early = others.any(|id| self.able(*id).is_some());
            let task = &mut self.tasks[next];
            let due = self.clock.max(task.due.unwrap_or_default());
            if early {
                self.held_up += due - self.clock;
            }
            self.clock = due;
            task.timed_out = true;
            task.state = State::Ready;
            self.new_stretch();
        }
        self.tasks[next].able = self.clock;
        self.current = next;
    }

    /// Nobody can move.
    fn stuck(&mut self) {
        self.over = true;
        if self.main_ended_at.is_none() {
            self.end = Some(End::Deadlock);
        }
    }

    /// The states of all threads, as far as the runtime sees them.
    fn state(&self) -> u64 {
        let mut hasher = Mixer::default();
        for id in &self.live {
            let t = &self.tasks[*id];
            hasher.add(*id as u64);
            hasher.add(t.op.kind as u64);
            hasher.add(t.op.object as u64);
            hasher.add(std::ptr::from_ref(t.op.at) as u64);
            hasher.add(t.state as u64 | u64::from(t.token) << 8);
            hasher.add(t.stack_hash);
        }
        hasher.finish()
    }
}
