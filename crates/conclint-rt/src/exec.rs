//! One execution: its threads, the decisions between them, and how it ends.
//!
//! All threads of an execution are coroutines of one OS thread. A primitive publishes its
//! operation through `point`, which may let other threads go first, and then acts. Whether a
//! thread can take its step is kept exact: a thread whose pending lock is held is not a candidate.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use conclint_schedule::{Candidate, Decision, Deviation, Strategy, default_choice};

use crate::coro::{self, Coro, Pool};
use crate::cycles::{Cycles, Mixer};
use crate::local::Locals;
use crate::op::{Event, Kind, Op};
use crate::thread::Thread;

/// A thread's number in its execution; the main thread is 0.
pub(crate) type Id = usize;

/// After so many operations that changed nothing, a thread is taken to be waiting for somebody.
const SPIN: u32 = 48;
/// How far the clock moves at first when a thread that only looks goes on looking, and at most.
/// In between it doubles: who polls for something that comes after a second shall see it come.
const BOOST: u64 = 50_000;
const BOOST_MAX: u64 = 1_000_000_000;
/// How long the default lets a thread run on while others can.
const SLICE: u32 = 4096;
/// Operations that threads may still take once the main thread has ended.
const DRAIN: u64 = 2000;
/// How long a repeating state is looked for, and after how many fair steps without any change
/// nothing is expected to happen any more.
const CYCLE_STEPS: u64 = 200_000;
const IDLE_STEPS: u64 = 2_000_000;
/// How many of the last operations of a long execution are kept, at least.
const EVENTS: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Blocked,
    Done,
}

/// A lock that a thread holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub object: usize,
    pub kind: Kind,
    pub at: &'static Location<'static>,
}

pub(crate) struct Task {
    pub coro: Option<Coro>,
    yielder: Rc<Cell<coro::YielderPtr>>,
    pub state: State,
    pub op: Op,
    /// When a blocked thread's timeout is due.
    pub due: Option<u64>,
    pub timed_out: bool,
    pub held: Vec<Held>,
    /// When the thread began to wait on a condition variable, and for which mutex.
    pub since: u64,
    pub relock: Option<(usize, *const Cell<bool>)>,
    pub locals: Locals,
    pub handle: Thread,
    /// Unpark token.
    pub token: bool,
    /// The thread is unwinding from a panic, as the panic hook saw it.
    pub panicking: bool,
    /// What lay on the thread's stack at its last operation, while cycles are looked for.
    pub stack_hash: u64,
    pub stack_base: usize,
    decisions: u32,
    idle: u32,
    slice: u32,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The main thread returned.
    Finished,
    /// The main thread panicked.
    Panicked,
    /// Nobody can move and the main thread has not ended.
    Deadlock,
    /// The step bound was reached twice, the second time under a fair scheduler.
    TooLong {
        /// Nothing changed any more during the fair part.
        livelock: bool,
    },
    /// The program called `process::exit`.
    Exited(i32, &'static Location<'static>),
    /// The runtime ran out of something.
    Broken(&'static str),
}

/// What may differ from execution to execution.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Steps after which a fair scheduler takes over.
    pub max_steps: u64,
    /// Steps that the fair scheduler may take.
    pub fair_steps: u64,
    /// When the execution must have ended, in milliseconds of the monotonic clock; 0: never.
    pub deadline: u64,
    /// Timeouts may fire although other threads can move.
    pub early_timers: bool,
    /// Atomic writes get a scheduling point after them too.
    pub points_after: bool,
    /// Record every operation.
    pub trace: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_steps: 100_000,
            fair_steps: 100_000,
            deadline: 0,
            early_timers: true,
            points_after: false,
            trace: false,
        }
    }
}

/// A panic that the hook saw.
#[derive(Clone, Debug)]
pub struct Panicked {
    /// The thread.
    pub thread: u32,
    /// The payload as text.
    pub message: String,
    /// File, line and column.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// Everything known about the execution that is running.
pub struct Exec {
    pub(crate) tasks: Vec<Task>,
    pub(crate) current: Id,
    strategy: *mut dyn Strategy,
    pub(crate) settings: Settings,
    pub(crate) end: Option<End>,
    over: bool,
    main_ended_at: Option<u64>,
    /// Operations so far.
    pub steps: u64,
    decisions: u64,
    preemptions: u64,
    last_progress: u64,
    pub(crate) clock: u64,
    candidates: Vec<Candidate>,
    /// The threads that have not ended, in order.
    pub(crate) live: Vec<Id>,
    boost: u64,
    /// Looks for a repeating state once the fair scheduler has taken over.
    pub(crate) cycles: Option<Box<Cycles>>,
    /// Where the schedule left the default.
    pub deviations: Vec<Deviation>,
    /// The operations, where they are recorded.
    pub events: Vec<Event>,
    events_dropped: usize,
    /// Panics in order.
    pub panics: Vec<Panicked>,
    /// An object in the image of the program was written: its state outlives the execution.
    pub touched_static: Option<&'static Location<'static>>,
    /// Condition variables that were notified while nobody waited.
    pub(crate) missed: Vec<usize>,
    pool: Pool,
    mark: (bool, bool),
    /// The last thread id given out; the main thread's is 1.
    pub(crate) thread_ids: u64,
}

thread_local! {
    static EXEC: Cell<*mut Exec> = const { Cell::new(std::ptr::null_mut()) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// The program is inside an execution, and the runtime itself is not at work.
#[must_use]
pub fn active() -> bool {
    !EXEC.get().is_null() && !BUSY.get()
}

/// Works on the running execution. `None` outside of one, and where the runtime is entered from
/// within itself (by a global allocator that uses atomics, say).
pub(crate) fn with<R>(f: impl FnOnce(&mut Exec) -> R) -> Option<R> {
    let exec = EXEC.get();
    if exec.is_null() || BUSY.get() {
        return None;
    }
    BUSY.set(true);
    // SAFETY: the pointer is set only while `run` keeps the execution alive, on this OS thread,
    // and `BUSY` makes the reference unique. No `f` switches threads or runs foreign code that
    // could come back here without meeting `BUSY`.
    let result = f(unsafe { &mut *exec });
    BUSY.set(false);
    Some(result)
}

/// Publishes an operation and lets the strategy decide who goes on. Returns when it is this
/// thread's turn, or at once outside of an execution.
#[inline]
pub(crate) fn point(kind: Kind, object: usize, at: &'static Location<'static>) {
    point_if(kind, object, at, true);
}

/// Like `point`, for an operation that may be impossible at the moment: a thread with
/// `enabled == false` is not run before somebody makes it ready.
pub(crate) fn point_if(kind: Kind, object: usize, at: &'static Location<'static>, enabled: bool) {
    if crate::cycles::WATCHED.get() {
        crate::cycles::look();
    }
    let yielder = with(|x| {
        let me = x.current;
        let task = &mut x.tasks[me];
        task.op = Op { kind, object, at };
        task.idle += 1;
        if !std::thread::panicking() {
            task.panicking = false;
        } else if enabled {
            // Destructors of an unwinding thread are not interrupted: the count of panics belongs
            // to the OS thread that all threads share.
            return None;
        }
        if !enabled {
            task.state = State::Blocked;
            x.record_wait();
        }
        x.reschedule(me)
    });
    if let Some(Some(yielder)) = yielder {
        coro::suspend(yielder);
    }
    with(Exec::record);
    if crate::cycles::WATCHED.get() {
        crate::cycles::scrub();
    }
}

/// Blocks the current thread until somebody makes it ready or, where `due` is set, its timeout
/// fires. Returns whether it did.
pub(crate) fn block(due: Option<u64>) -> bool {
    if crate::cycles::WATCHED.get() {
        crate::cycles::look();
    }
    let yielder = with(|x| {
        let me = x.current;
        let task = &mut x.tasks[me];
        task.state = State::Blocked;
        task.due = due;
        task.timed_out = false;
        x.record_wait();
        x.reschedule(me)
    });
    if let Some(Some(yielder)) = yielder {
        coro::suspend(yielder);
    }
    if crate::cycles::WATCHED.get() {
        crate::cycles::scrub();
    }
    with(|x| {
        x.record_resumed();
        let me = x.current;
        let task = &mut x.tasks[me];
        task.due = None;
        std::mem::take(&mut task.timed_out)
    })
    .unwrap_or(true)
}

/// Publishes an operation that [`block`] is about to carry out, without a scheduling point.
pub(crate) fn publish(kind: Kind, object: usize, at: &'static Location<'static>) {
    with(|x| {
        let me = x.current;
        x.tasks[me].op = Op { kind, object, at };
    });
}

/// A thread has been chosen for the first time.
pub(crate) fn started() {
    with(Exec::record);
}

/// Where the current thread was last seen: for operations of destructors, which have no caller.
#[track_caller]
pub(crate) fn here() -> &'static Location<'static> {
    with(|x| x.tasks[x.current].op.at).unwrap_or(Location::caller())
}

/// The current thread has caught its panic.
pub(crate) fn unwound() {
    with(|x| {
        let me = x.current;
        x.tasks[me].panicking = false;
    });
}

/// The current thread, rather than another one on the same OS thread, is unwinding.
pub(crate) fn panicking() -> bool {
    std::thread::panicking()
        && with(|x| {
            let other = |id: &Id| *id != x.current && x.tasks[*id].panicking;
            x.tasks[x.current].panicking || !x.live.iter().any(other)
        })
        .unwrap_or(true)
}

/// Called by the panic hook.
pub(crate) fn panicked(message: String, at: Option<(&str, u32, u32)>) {
    with(|x| {
        let me = x.current;
        x.tasks[me].panicking = true;
        let (file, line, column) = at.unwrap_or_default();
        x.panics.push(Panicked {
            thread: u32::try_from(me).unwrap_or(u32::MAX),
            message,
            file: file.to_owned(),
            line,
            column,
        });
    });
}

/// Scheduling points are wanted after atomic writes too.
pub(crate) fn wants_points_after() -> bool {
    with(|x| x.settings.points_after).unwrap_or(false)
}

/// Something changed that other threads can see: the thread is not merely waiting.
pub(crate) fn progress() {
    with(|x| {
        x.moved();
        if let Some(cycles) = &mut x.cycles {
            cycles.unseen();
        }
    });
}

/// Like [`progress`], for an atomic whose value was changed.
pub(crate) fn changed(object: usize, old: u64, new: u64) {
    with(|x| {
        x.moved();
        if let Some(cycles) = &mut x.cycles {
            cycles.changed(object, old, new);
        }
    });
}

/// Like [`progress`], for a change that the states of the threads show.
pub(crate) fn moved() {
    with(Exec::moved);
}

/// Ends the execution as if the process had ended.
pub(crate) fn exit(code: i32, at: &'static Location<'static>) -> ! {
    loop {
        let yielder = with(|x| {
            if x.main_ended_at.is_none() {
                x.end = Some(End::Exited(code, at));
            }
            x.over = true;
            x.tasks[x.current].yielder.get()
        });
        match yielder {
            Some(yielder) => coro::suspend(yielder),
            None => std::process::exit(code),
        }
    }
}

/// Adds a value to the last recorded operation.
pub(crate) fn note(text: impl FnOnce() -> String) {
    with(|x| {
        if x.settings.trace {
            let text = text();
            let me = u32::try_from(x.current).unwrap_or_default();
            if let Some(event) = x.events.iter_mut().rev().find(|e| e.thread == me) {
                event.note = text;
            }
        }
    });
}

impl Exec {
    fn moved(&mut self) {
        let me = self.current;
        self.tasks[me].idle = 0;
        self.last_progress = self.steps;
        self.boost = BOOST;
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

    fn new(strategy: *mut dyn Strategy, settings: Settings, pool: Pool) -> Self {
        Self {
            tasks: Vec::with_capacity(8),
            current: 0,
            strategy,
            settings,
            end: None,
            over: false,
            main_ended_at: None,
            steps: 0,
            decisions: 0,
            preemptions: 0,
            last_progress: 0,
            clock: 0,
            candidates: Vec::with_capacity(8),
            live: Vec::with_capacity(8),
            boost: BOOST,
            cycles: None,
            deviations: Vec::new(),
            events: Vec::new(),
            events_dropped: 0,
            panics: Vec::new(),
            touched_static: None,
            missed: Vec::new(),
            pool,
            mark: (false, false),
            thread_ids: 1,
        }
    }

    /// Adds a thread, which starts when it is first chosen.
    pub(crate) fn spawn(
        &mut self,
        handle: Thread,
        stack_size: usize,
        at: &'static Location<'static>,
        body: Box<dyn FnOnce()>,
    ) -> Option<Id> {
        let id = self.tasks.len();
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
            held: Vec::new(),
            since: 0,
            relock: None,
            locals: Locals::default(),
            handle,
            token: false,
            panicking: false,
            stack_hash: 0,
            stack_base: coro.base,
            coro: Some(coro),
            decisions: 0,
            idle: 0,
            slice: 0,
        });
        Some(id)
    }

    /// Chooses who goes on after `me` published its operation or blocked. `None`: `me` does.
    fn reschedule(&mut self, me: Id) -> Option<coro::YielderPtr> {
        let object = self.tasks[me].op.object;
        if self.touched_static.is_none()
            && crate::image::contains(object)
            && self.tasks[me].op.kind.access() == conclint_schedule::Access::Write
        {
            self.touched_static = Some(self.tasks[me].op.at);
        }
        if self.choose() && self.current == me {
            return None;
        }
        Some(self.tasks[me].yielder.get())
    }

    /// Sets `current` to the thread that goes on; `false` where the execution is over.
    fn choose(&mut self) -> bool {
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
        self.candidates.clear();
        for id in &self.live {
            let (id, task) = (*id, &self.tasks[*id]);
            let due = match (task.state, task.due) {
                (State::Ready, _) => None,
                // A timeout that is due makes its thread ready like any other event.
                (State::Blocked, Some(due)) => (due > self.clock).then_some(due),
                _ => continue,
            };
            self.candidates.push(Candidate {
                thread: u32::try_from(id).unwrap_or(u32::MAX),
                object: task.op.object as u64,
                access: task.op.kind.access(),
                due,
            });
        }
        let Some(first) = self.candidates.first() else {
            self.stuck();
            return false;
        };
        if self.candidates.len() == 1 {
            let next = first.thread as Id;
            self.tasks[next].idle = 0;
            self.go_to(next, (false, false));
            return true;
        }
        let task = &mut self.tasks[me];
        task.slice += 1;
        let yielding = fair
            || matches!(task.op.kind, Kind::Yield | Kind::Spin)
            || task.idle >= SPIN
            || task.slice >= SLICE;
        if task.idle >= SPIN {
            task.idle = 0;
            self.clock += self.boost;
            self.boost = (self.boost * 2).min(BOOST_MAX);
        }
        let decision = Decision {
            step: self.decisions,
            current: u32::try_from(me).unwrap_or(u32::MAX),
            yielding,
            candidates: &self.candidates,
        };
        let default = default_choice(&decision);
        let mut pick = default;
        if !fair && self.main_ended_at.is_none() {
            // SAFETY: `run` holds the strategy for as long as the execution lives and touches it
            // only between executions.
            pick = unsafe { &mut *self.strategy }.choose(&decision);
            let timer = |i: usize| decision.candidates.get(i).is_none_or(Candidate::is_timer);
            if timer(pick) && (pick >= decision.candidates.len() || !self.settings.early_timers) {
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

    /// The fair scheduler has come back to a state it has been in before.
    fn repeats(&mut self) -> bool {
        if self.cycles.is_none() {
            self.cycles = Some(Box::default());
            crate::cycles::WATCHED.set(true);
        }
        let state = self.state();
        let fair_steps = self.steps - self.settings.max_steps;
        let Some(cycles) = &mut self.cycles else {
            return false;
        };
        if !crate::cycles::WATCHED.get() {
            return false;
        }
        if fair_steps > CYCLE_STEPS {
            crate::cycles::WATCHED.set(false);
        }
        cycles.step(state)
    }

    fn go_to(&mut self, next: Id, mark: (bool, bool)) {
        if next != self.current {
            self.mark = mark;
            self.preemptions += u64::from(mark.1);
            self.tasks[next].slice = 0;
        }
        let task = &mut self.tasks[next];
        if task.state == State::Blocked {
            self.clock = self.clock.max(task.due.unwrap_or_default());
            task.timed_out = true;
            task.state = State::Ready;
        }
        self.current = next;
    }

    /// Nobody can move.
    fn stuck(&mut self) {
        self.over = true;
        if self.main_ended_at.is_none() {
            self.end = Some(End::Deadlock);
        }
    }

    /// Makes every thread that is blocked on `object` (and for which `f` holds) ready.
    pub(crate) fn wake(&mut self, object: usize, f: impl Fn(&Task) -> bool) -> usize {
        let mut woken = 0;
        for id in &self.live {
            let task = &mut self.tasks[*id];
            if task.state == State::Blocked && task.op.object == object && f(task) {
                task.state = State::Ready;
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

    /// A thread that has not ended, by its handle.
    pub(crate) fn find(&mut self, key: usize) -> Option<&mut Task> {
        let tasks = &self.tasks;
        let id = *self
            .live
            .iter()
            .find(|id| tasks[**id].handle.key() == key)?;
        self.tasks.get_mut(id)
    }

    /// Takes ready threads off the list of candidates while a lock they want is held.
    pub(crate) fn disable(&mut self, object: usize, f: impl Fn(&Task) -> bool) {
        let me = self.current;
        for id in &self.live {
            let task = &mut self.tasks[*id];
            if *id != me && task.state == State::Ready && task.op.object == object && f(task) {
                task.state = State::Blocked;
            }
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

    fn record(&mut self) {
        if self.settings.trace {
            self.push_event(String::new());
        }
    }

    fn record_wait(&mut self) {
        if self.settings.trace {
            self.push_event("waits".to_owned());
        }
    }

    fn record_resumed(&mut self) {
        if self.settings.trace {
            let timed_out = self.tasks[self.current].timed_out;
            let note = if timed_out { "timeout" } else { "goes on" };
            self.push_event(note.to_owned());
        }
    }

    fn push_event(&mut self, note: String) {
        if self.events.len() >= 2 * EVENTS {
            self.events.drain(..EVENTS);
            self.events_dropped += EVENTS;
        }
        let op = self.tasks[self.current].op;
        let (deviated, preempting) = std::mem::take(&mut self.mark);
        self.events.push(Event {
            thread: u32::try_from(self.current).unwrap_or(u32::MAX),
            kind: op.kind,
            object: op.object,
            at: op.at,
            note,
            deviated,
            preempting,
        });
    }

    fn finish(&mut self, id: Id) {
        self.tasks[id].state = State::Done;
        self.live.retain(|live| *live != id);
        if let Some(coro) = self.tasks[id].coro.take() {
            self.pool.recycle(coro);
        }
        let object = self.tasks[id].handle.key();
        self.wake(object, |t| t.op.kind == Kind::Join);
        self.last_progress = self.steps;
        if id == 0 {
            self.main_ended_at = Some(self.steps);
        }
    }

    /// Runs threads until the execution is over.
    fn drive(exec: *mut Self) {
        loop {
            // SAFETY: between resumptions nothing else uses the execution.
            let x = unsafe { &mut *exec };
            let id = x.current;
            let Some(mut coro) = x.tasks[id].coro.take() else {
                return;
            };
            // The runtime's own allocations must not be taken for the program's.
            BUSY.set(false);
            let done = coro.resume();
            BUSY.set(true);
            // SAFETY: as above; the thread that ran may have added threads.
            let x = unsafe { &mut *exec };
            x.tasks[id].coro = Some(coro);
            if done {
                x.finish(id);
                if x.live.is_empty() || !x.choose() {
                    return;
                }
            } else if x.over {
                return;
            }
        }
    }
}

/// What an execution left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Where the schedule left the default.
    pub deviations: Vec<Deviation>,
    /// The operations, where they were recorded.
    pub events: Vec<Event>,
    /// Operations before those.
    pub events_dropped: usize,
    /// Panics in order.
    pub panics: Vec<Panicked>,
    /// Operations taken.
    pub steps: u64,
    /// Decisions that a strategy answered.
    pub decisions: u64,
    /// Those that took the processor from a thread that could have gone on.
    pub preemptions: u64,
    /// Stacks that cut-off threads have cost since the runner began.
    pub leaked: usize,
    /// A static was written.
    pub touched_static: Option<&'static Location<'static>>,
    /// The unfinished threads at a deadlock or at the step bound.
    pub stuck: Vec<crate::explain::Stuck>,
    /// Names of the threads.
    pub threads: Vec<String>,
}

/// Runs executions one after another, sharing the stacks.
#[derive(Default)]
pub struct Runner {
    pool: Pool,
    leaked: usize,
}

impl Runner {
    /// Runs `main` once under `strategy`.
    pub fn run(
        &mut self,
        strategy: &mut (dyn Strategy + 'static),
        settings: Settings,
        main_name: &str,
        main: Box<dyn FnOnce()>,
    ) -> Outcome {
        let pool = std::mem::take(&mut self.pool);
        let mut exec = Exec::new(std::ptr::from_mut(strategy), settings, pool);
        let panicked = Rc::new(Cell::new(false));
        let flag = panicked.clone();
        let body = Box::new(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(main));
            flag.set(result.is_err());
            // A payload's destructor belongs to the program as much as any other.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(result)));
            crate::local::run_destructors();
        });
        let main = Thread::main(main_name);
        if exec
            .spawn(main, coro::STACK, Location::caller(), body)
            .is_none()
        {
            exec.end = Some(End::Broken("no memory for a stack"));
        } else {
            let exec: *mut Exec = &raw mut exec;
            let outer = EXEC.replace(exec);
            BUSY.set(true);
            crate::cycles::WATCHED.set(false);
            Exec::drive(exec);
            crate::cycles::WATCHED.set(false);
            EXEC.set(outer);
            BUSY.set(false);
        }
        let stuck = match exec.end {
            Some(End::Deadlock | End::TooLong { .. }) => crate::explain::stuck(&exec),
            _ => Vec::new(),
        };
        let end = exec.end.take().unwrap_or(if panicked.get() {
            End::Panicked
        } else if exec.main_ended_at.is_some() {
            End::Finished
        } else {
            End::Broken("the main thread never ended")
        });
        let names = exec.tasks.iter().enumerate();
        let threads = names.map(|(id, t)| t.handle.label(id)).collect();
        for task in exec.tasks.drain(..) {
            if let Some(coro) = task.coro {
                self.leaked += 1;
                exec.pool.recycle(coro);
            }
            // Values of threads that were cut off are leaked, like their stacks.
            std::mem::forget(task.locals);
        }
        self.pool = std::mem::take(&mut exec.pool);
        Outcome {
            end,
            deviations: std::mem::take(&mut exec.deviations),
            events: std::mem::take(&mut exec.events),
            events_dropped: exec.events_dropped,
            panics: std::mem::take(&mut exec.panics),
            steps: exec.steps,
            decisions: exec.decisions,
            preemptions: exec.preemptions,
            leaked: self.leaked,
            touched_static: exec.touched_static,
            stuck,
            threads,
        }
    }
}
