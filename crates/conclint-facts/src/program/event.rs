//! What happens at a place of a function: one [`Event`] each.

use smol_str::SmolStr;

use super::{
    BlockId, Blocking, ClassId, Flag, FnId, GuardId, Mode, ObjectRef, Place, Site, StmtId,
};
use crate::values::{Look, Origins, PauseKind, Target, Writing};

/// Something that happens.
#[derive(Debug, Clone)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Where.
    pub site: Site,
    /// In which statement.
    pub stmt: StmtId,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// A guard comes to life.
    Acquire {
        /// Which guard.
        guard: GuardId,
        /// Which lock.
        source: LockSource,
        /// How.
        mode: Mode,
        /// Whether it can wait.
        blocking: Blocking,
    },
    /// A guard ends (scope end, `drop`, overwritten, moved away).
    Release {
        /// Which guard.
        guard: GuardId,
        /// Why.
        why: ReleaseWhy,
    },
    /// The guarded data (or something borrowed from it) is touched.
    Use {
        /// Which guard.
        guard: GuardId,
        /// Written, or borrowed mutably.
        write: bool,
    },
    /// The guard is (part of) what the function returns.
    ReturnGuard {
        /// Which guard.
        guard: GuardId,
    },
    /// A call that is not one of the other kinds.
    Call(Call),
    /// A callable parameter is run here.
    CallParam {
        /// Which parameter.
        param: u16,
    },
    /// `.await`.
    Await,
    /// A thread or task starts.
    Spawn(Box<Spawn>),
    /// A thread, task or child is joined or waited for.
    Join {
        /// The handle.
        handle: Option<ObjectRef>,
        /// The result is thrown away, the panic with it.
        result_ignored: bool,
        /// Of an ignored result: the value would have been used, had there been
        /// one (`if let Ok(sum) = ..`, `unwrap_or(0)`).
        value_wanted: bool,
    },
    /// A wait on a condition variable.
    Wait {
        /// Which one.
        condvar: ObjectRef,
        /// The guard handed over, where it was recognised.
        guard: Option<GuardId>,
        /// `wait_while`: loops by itself.
        checks_predicate: bool,
        /// The wait stands in a loop.
        in_loop: bool,
        /// Something of the guarded data is read between taking the guard (or
        /// the loop's head) and the wait.
        predicate_read: bool,
        /// It ends after a time.
        timed: bool,
        /// `wait(&mut guard)`, as in parking_lot: std's takes the guard.
        by_reference: bool,
    },
    /// A condition variable is notified.
    Notify {
        /// Which one.
        condvar: ObjectRef,
        /// `notify_all`.
        all: bool,
    },
    /// A message is sent.
    Send {
        /// The channel.
        channel: Option<ObjectRef>,
        /// It can wait for room: the channel is known to be bounded.
        bounded: Option<bool>,
        /// How.
        blocking: Blocking,
    },
    /// A message is received.
    Recv {
        /// The channel.
        channel: Option<ObjectRef>,
        /// How.
        blocking: Blocking,
        /// It is the head of a loop that ends when the senders are gone.
        loop_head: bool,
    },
    /// An operation that can block for long.
    Block {
        /// What kind.
        kind: BlockKind,
        /// As people write it, `thread::sleep`, `File::open`.
        what: SmolStr,
        /// It is a method of what this guard guards, or of a part of it.
        of: Option<GuardId>,
    },
    /// State that other threads read is changed: an atomic store or
    /// read-modify-write, or an assignment through `&self` data.
    SharedWrite {
        /// The atomic, where it is one.
        object: Option<ObjectRef>,
        /// To do it twice is to do it once: `fetch_max`, `fetch_or`.
        idempotent: bool,
    },
    /// Work of some weight.
    Work {
        /// What kind.
        kind: WorkKind,
        /// As people write it, `format!`, `sort`.
        what: SmolStr,
    },
    /// An atomic is read: by `load`, or by an exchange (`swap`, `compare_exchange`),
    /// of which the [`EventKind::SharedWrite`] stands just before. An exchange of
    /// what was read before is no [`Origin`](crate::Origin): it is an update, not a look.
    Load {
        /// The atomic.
        object: ObjectRef,
        /// By an exchange.
        exchange: bool,
        /// The ordering is `Relaxed`.
        relaxed: bool,
    },
    /// A value is written to what threads share. The other events of the write
    /// ([`EventKind::Use`], [`EventKind::SharedWrite`]) stand beside it.
    Store {
        /// Where to.
        target: Target,
        /// How.
        how: Writing,
        /// What the value depends on.
        from: Origins,
    },
    /// Which way control goes on depends on a value: `if`, `match`, a loop's
    /// condition, `entry(..)` of a map.
    Test {
        /// What the value depends on; parameters alone are left out, unless
        /// only one of the threads can pass.
        from: Origins,
        /// What is asked of it.
        look: Look,
        /// What going the one way or the other tells.
        tells: Tells,
    },
    /// The program panics unless a value is there that depends on guarded
    /// data: `unwrap` and `expect` of an `Option`, `remove` of a `Vec`.
    Insist {
        /// What the value depends on.
        from: Origins,
    },
    /// Nothing is done for a moment, so that others may.
    Pause(PauseKind),
    /// What another thread changes is asked, and is no atomic and behind no lock:
    /// whether a thread has ended, how many pointers there are.
    Asks {
        /// Of what, by its name.
        of: SmolStr,
        /// As people write it, `is_finished`.
        what: SmolStr,
    },
    /// In a loop: something else is done, of no interest but that it is done.
    Other,
    /// A connection from outside is taken (`accept`).
    Accept {
        /// Only from the same machine: a Unix socket.
        local: bool,
    },
    /// A panic in what follows is caught (`catch_unwind`).
    Catch,
    /// Control waits for a receiver to run dry while a sender of its channel
    /// lives on in the same function.
    SenderAlive {
        /// The sender's variable.
        sender: SmolStr,
        /// What waits.
        wait: DryWait,
        /// What reads the receiver to its end.
        receive: Drain,
    },
    /// An object is made that keeps a sender of a channel, and the handle of what
    /// reads its receiver.
    SenderKept(Box<Kept>),
    /// A field with a sender is moved, taken or overwritten, or lent to who may.
    SenderLetGo {
        /// The type that has the field, by number.
        of: u32,
        /// The field.
        field: SmolStr,
    },
    /// A receiver that came in as a parameter is read until no sender is left.
    RunsDry {
        /// Which parameter.
        receiver: u16,
        /// Senders that came in as parameters, and are still there.
        keeps: Vec<u16>,
        /// As [`Drain::by_panic`].
        by_panic: bool,
    },
    /// A stop message (`None`, `Message::Stop`) is put into a queue, or some other
    /// plain value that could be one.
    Stop {
        /// The queue or channel.
        queue: Queue,
        /// In a loop.
        in_loop: bool,
        /// As people write it.
        message: SmolStr,
        /// It is called so. If not, whoever takes it has to tell.
        named: bool,
    },
    /// A loop is left because some value is this message (as in [`EventKind::Stop`]).
    EndsOn {
        /// As people write it.
        message: SmolStr,
    },
    /// The function ends with no sender left of this channel that it has made: who
    /// reads on comes to its end.
    Closed {
        /// As [`Queue::channel`].
        channel: u32,
    },
    /// In a loop, the next item is taken from a queue.
    Take {
        /// The queue or channel.
        queue: Queue,
    },
}

/// What the ways out of a [`EventKind::Test`] tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tells {
    /// Each way tells, as far as is known.
    Each,
    /// It is `a && b`: only the last way out of its block, where it holds, tells
    /// of both.
    Both,
    /// It is `a || b`: only the first way out of its block, where it does not
    /// hold, tells of both.
    Neither,
    /// The value may be missing (`None`); control goes to this block then.
    Missing(BlockId),
}

/// A queue or a channel's end, as one function names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The path to it.
    pub place: Option<Place>,
    /// The channel of the outermost function that it is an end of, from 1; 0
    /// for all else.
    pub channel: u32,
}

/// An object that keeps a sender of a channel, and the handle of what reads its
/// receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its type, by number.
    pub of: u32,
    /// The field with the sender.
    pub sender: SmolStr,
    /// The field with the handle, or with all handles.
    pub handles: SmolStr,
    /// What reads the receiver to its end.
    pub receive: Drain,
}

/// What reads a receiver to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Drain {
    /// The loop, or the call.
    pub site: Site,
    /// It is a call, and what it calls has to tell whether it does.
    pub by: Option<Handed>,
    /// Only a panic ends the loop: `recv().unwrap()`.
    pub by_panic: bool,
}

/// A function that is handed a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handed {
    /// The function.
    pub callee: FnId,
    /// By which parameter.
    pub receiver: u16,
    /// The parameter by which it is handed a sender of the channel, to keep.
    pub sender: Option<u16>,
    /// What reads is not the function, but a thread whose handle it gives.
    pub started: bool,
}

/// What waits for a receiver to run dry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DryWait {
    /// The loop over the receiver itself.
    Loop,
    /// The join of a thread that loops over it.
    Join,
    /// The end of a scope with such a thread.
    Scope,
    /// The thread that loops over it holds the sender itself.
    Own,
}

/// Where an acquired lock is named.
#[derive(Debug, Clone)]
pub enum LockSource {
    /// Here.
    Direct(ObjectRef),
    /// In a function that returns the guard.
    Callee(Call),
}

/// Why a guard ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReleaseWhy {
    /// Its variable or temporary scope ends.
    ScopeEnd,
    /// `drop(guard)` or the like.
    Dropped,
    /// It is a statement of its own or bound to `_`: it ends where it begins.
    AtOnce,
    /// Overwritten by an assignment.
    Overwritten,
    /// Handed to something that takes it over.
    Moved,
    /// It was never taken on this path (the failed arm of a `try_lock`).
    NotTaken,
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// As people write it, `self.close`, `update_nodes`.
    pub name: SmolStr,
    /// Functions it may reach; several for a trait method.
    pub targets: Vec<FnId>,
    /// How the targets were found.
    pub resolution: Resolution,
    /// Arguments, the receiver first.
    pub args: Vec<Arg>,
}

/// How a call's targets were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// By path or by the receiver's type.
    Exact,
    /// The trait's implementations: one of several.
    Trait,
    /// By a method name that is unique in the workspace.
    ByName,
    /// The initialiser of a static that is made on demand: who comes first runs it,
    /// and most often somebody else was there before.
    FirstUse,
    /// Code outside the workspace that is known not to come back.
    External,
    /// Not found.
    Unknown,
}

/// An argument of a call.
#[derive(Debug, Clone, Default)]
pub struct Arg {
    /// The place, where it is one.
    pub place: Option<Place>,
    /// Its class, when it is itself (a reference to) a lock or the like.
    pub class: Option<ClassId>,
    /// The closure (or named function), where it is one.
    pub closure: Option<FnId>,
    /// The guards that move into the call: a variable may have had several.
    pub guards: Vec<GuardId>,
    /// The guard whose data it borrows.
    pub borrows: Option<GuardId>,
    /// What it depends on.
    pub from: Origins,
    /// As [`ObjectRef::exclusive`]: nobody else reaches it now.
    pub exclusive: bool,
    /// The channel it is an end of, as in [`Queue`].
    pub channel: u32,
    /// Which value it is, where that can be told.
    pub flag: Option<Flag>,
    /// The number that it is, where that is written out.
    pub number: Option<u64>,
    /// Its fields that only point to another object, and to which:
    /// `View { of: self }`.
    pub views: Vec<(SmolStr, Place)>,
}

/// A start of a thread or task.
#[derive(Debug, Clone)]
pub struct Spawn {
    /// What is started.
    pub kind: SpawnKind,
    /// As people write it, `thread::spawn`.
    pub what: SmolStr,
    /// The body, where it is known.
    pub body: Option<FnId>,
    /// It stands in a loop (or in the closure of an iterator).
    pub in_loop: bool,
    /// The thread has a name.
    pub named: bool,
    /// What becomes of the handle.
    pub handle: Handle,
    /// What the innermost loop around it goes over; `None` outside of loops.
    pub per: Option<Per>,
    /// The name of what that loop goes over, where it has one.
    pub over: SmolStr,
    /// The first join of its handle in this function: block and position.
    pub joined: Option<(BlockId, u32)>,
    /// Once it has ended well, the loop is left: it is tried again until then.
    pub retried: bool,
    /// The end of its scope, by which it has ended: block and position.
    pub scope_end: Option<(BlockId, u32)>,
    /// A lazy iterator joins it before it starts the next one; where.
    pub in_turn: Option<Site>,
    /// A comment `detached: reason` stands at it.
    pub detached: bool,
}

/// A call of the program's own function in a loop.
#[derive(Debug, Clone)]
pub struct Called {
    /// Block and position of the [`EventKind::Call`].
    pub at: (BlockId, u32),
    /// What the innermost loop around it goes over.
    pub per: Per,
    /// As [`Spawn::over`].
    pub over: SmolStr,
    /// The first join of the handle that it gives: block and position.
    pub joined: Option<(BlockId, u32)>,
    /// As [`Spawn::retried`].
    pub retried: bool,
}

/// What a loop goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// A range, chunks, or something else whose length the program sets.
    Count,
    /// The items of something that is handed in: as many as there are.
    Item,
    /// Connections from outside.
    Connection {
        /// Only from the same machine: a Unix socket.
        local: bool,
    },
    /// It is a `while`.
    While,
    /// It is a `loop`.
    Loop,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpawnKind {
    /// An operating-system thread.
    Thread,
    /// A thread that its scope joins.
    Scoped,
    /// An async task.
    Task,
    /// Blocking work on an async runtime's pool.
    BlockingTask,
    /// Work on a pool (rayon and the like) with no handle.
    Pool,
}

/// What becomes of a thread's handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handle {
    /// Dropped where it is made (`;`, `let _ =`, `drop(..)`).
    DroppedAtOnce,
    /// Bound to a variable (named) on which no join is reached.
    NeverJoined(SmolStr),
    /// Joined here.
    Joined,
    /// Stored in a field of this class.
    Stored(ClassId),
    /// Returned, passed on, or lost from sight: nothing is claimed.
    Elsewhere,
    /// The scope joins.
    Excused,
}

/// An operation that can block for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockKind {
    /// Sleeping.
    Sleep,
    /// Files and directories.
    File,
    /// Sockets.
    Network,
    /// HTTP clients.
    Http,
    /// Child processes.
    Process,
    /// Standard input.
    Stdin,
    /// A barrier.
    Barrier,
    /// Parking the thread.
    Park,
    /// Entering a thread pool and waiting for it (rayon).
    Pool,
    /// Blocking on a future.
    BlockOn,
    /// Code supplied by the caller.
    Callback,
    /// Sending more than there is room for to who cannot receive yet.
    NoReceiver,
    /// Awaiting room in one of several bounded channels that a lock guards.
    Room,
}

/// Work of some weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    /// Allocation.
    Alloc,
    /// Formatting into memory.
    Format,
    /// Printing or logging.
    Print,
    /// Sorting, hashing, compressing, encoding, parsing.
    Heavy,
}
