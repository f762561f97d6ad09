//! One execution: its threads, the decisions between them, and how it ends.
//!
//! All threads of an execution are coroutines of one OS thread. A primitive publishes its
//! operation through `point`, which may let other threads go first, and then acts. Whether a
//! thread can take its step is kept exact: a thread whose pending lock is held is not a candidate.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

mod decide;
mod points;
mod record;
mod run;
mod tasks;
mod trace;

pub(crate) use self::points::{
    block, changed, exit, here, moved, panicked, panicking, point, point_after, point_if, progress,
    publish, started, unwound,
};
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
    /// The main thread panicked. There is no payload where its destructors do not come to an end.
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
    /// Operations of threads that unwind from a panic.
    unwinding: u64,
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
            unwinding: 0,
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
}
