//! One execution: its threads, the decisions between them, and how it ends.
//!
//! All threads of an execution are coroutines of one OS thread. A primitive publishes its
//! operation through `point`, which may let other threads go first, and then acts. Whether a
//! thread can take its step is kept exact: a thread whose pending lock is held is not a candidate.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

mod decide;
mod record;
mod run;
mod trace;

pub(crate) use self::record::note;
pub(crate) use self::run::text_of;
pub use self::run::{Left, Outcome, Runner};

use conclint_schedule::{Candidate, Deviation, Strategy};

use crate::caller::Callers;
use crate::coro::{self, Coro, Pool};
use crate::cycles::Cycles;
use crate::local::Locals;
use crate::op::{Event, Kind, Op};
use crate::thread::Thread;

/// A thread's number in its execution; the main thread is 0.
pub(crate) type Id = usize;

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
    /// A wait on a condition variable returns without a notification.
    pub spurious: bool,
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
    /// What the thread has done so far, and what that depended on; see `trace`.
    pub chain: u64,
    pub stack_base: usize,
    decisions: u32,
    idle: u32,
    slice: u32,
    /// The stretch in which the thread took its last operation, and how many it took in it.
    looked: (u64, u32),
    /// The time at which the thread last took a step, or became able to.
    pub able: u64,
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
    /// Timeouts may fire although other threads can move, but hold none up for long.
    pub early_timers: bool,
    /// Waits on condition variables may return without a notification while other threads can move.
    pub spurious: bool,
    /// What others can see gets a scheduling point after it too.
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
            spurious: false,
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
    /// Threads that had work before them when the main thread ended.
    left: Vec<Left>,
    /// Operations so far.
    pub steps: u64,
    decisions: u64,
    preemptions: u64,
    last_progress: u64,
    pub(crate) clock: u64,
    /// For how long threads that could move have been held up by timeouts that fired early.
    held_up: u64,
    /// Waits that returned without a notification.
    spurious: u32,
    candidates: Vec<Candidate>,
    /// The threads that have not ended, in order.
    pub(crate) live: Vec<Id>,
    boost: u64,
    /// Counts the stretches of the execution in which nothing changed and no time passed.
    stretch: u64,
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
    /// The first `Relaxed` load or store of the project's own text beside other threads.
    pub(crate) weak: Option<&'static Location<'static>>,
    chains: trace::Chains,
    /// Call stacks, while the execution is recorded.
    pub(crate) callers: Option<Box<Callers>>,
    pool: Pool,
    mark: (bool, bool),
    /// The last thread id given out; the main thread's is 1.
    pub(crate) thread_ids: u64,
    /// Threads that wait in an event loop, and its descriptor.
    pub(super) watched: Vec<(Id, std::ffi::c_int)>,
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
        if task.looked.0 == x.stretch {
            task.looked.1 += 1;
        } else {
            task.looked = (x.stretch, 1);
        }
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
        let panicked = Panicked {
            thread: u32::try_from(me).unwrap_or(u32::MAX),
            message,
            file: file.to_owned(),
            line,
            column,
        };
        if x.settings.trace {
            crate::tape::panicked(&panicked);
        }
        x.panics.push(panicked);
    });
}

/// Lets others come in right after an operation whose effect they see, where that is wanted: what
/// the thread does next may be nothing that is scheduled, such as giving up an `Arc`.
pub(crate) fn point_after(object: usize, at: &'static Location<'static>) {
    if with(|x| x.settings.points_after).unwrap_or(false) {
        point(Kind::After, object, at);
    }
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

impl Exec {
    fn moved(&mut self) {
        let me = self.current;
        if let Some(cycles) = &mut self.cycles {
            cycles.moved(me);
        }
        self.tasks[me].idle = 0;
        self.last_progress = self.steps;
        self.new_stretch();
    }

    /// Something changed, or a sleeper woke: who waits for something looks for it anew.
    fn new_stretch(&mut self) {
        self.stretch += 1;
        self.boost = decide::BOOST;
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
            left: Vec::new(),
            steps: 0,
            decisions: 0,
            preemptions: 0,
            last_progress: 0,
            clock: 0,
            held_up: 0,
            spurious: 0,
            candidates: Vec::with_capacity(8),
            live: Vec::with_capacity(8),
            boost: decide::BOOST,
            stretch: 1,
            cycles: None,
            deviations: Vec::new(),
            events: Vec::new(),
            events_dropped: 0,
            panics: Vec::new(),
            touched_static: None,
            missed: Vec::new(),
            weak: None,
            chains: trace::Chains::default(),
            callers: settings.trace.then(Box::default),
            pool,
            mark: (false, false),
            thread_ids: 1,
            watched: Vec::new(),
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
