//! What a front end delivers: one [`Program`].

use std::sync::Arc;

use smol_str::SmolStr;

use crate::values::{Origin, Origins, PauseKind, Target, Writing};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the table it names.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// Index into [`Program::files`].
    FileId
);
id!(
    /// Index into [`Program::functions`].
    FnId
);
id!(
    /// Index into [`Program::classes`].
    ClassId
);
id!(
    /// Index into [`Function::guards`].
    GuardId
);
id!(
    /// Index into [`Function::blocks`].
    BlockId
);
id!(
    /// Index into [`Function::stmts`].
    StmtId
);
id!(
    /// A local variable; unique within an outermost function and its closures.
    LocalId
);

/// A place in a source file. Lines and columns count from 1, columns in
/// characters; the end is one past the last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// Which file.
    pub file: FileId,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// One past the last column.
    pub end_column: u32,
}

/// Everything a front end read.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Source files, in a stable order.
    pub files: Vec<SourceFile>,
    /// Functions, closures that do not run in place, and spawned bodies.
    pub functions: Vec<Function>,
    /// Declared locks, condition variables, channels and the like.
    pub classes: Vec<Class>,
    /// Lock orders written down in comments.
    pub orders: Vec<DeclaredOrder>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Inputs besides source files (manifests) that could not be read.
    pub problems: Vec<InputProblem>,
}

/// An input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblem {
    /// The file.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// What is wrong with it.
    pub message: String,
}

/// One source file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Relative to the directory given, with `/`.
    pub path: Arc<str>,
    /// Number of lines.
    pub lines: u32,
    /// Test code as a whole (`tests/`, `benches/`).
    pub is_test: bool,
}

/// Something that was not understood.
#[derive(Debug, Clone)]
pub struct Unread {
    /// Where.
    pub site: Site,
    /// What, `macro select_loop!` or `item`.
    pub what: String,
    /// Why.
    pub why: String,
    /// A lock-looking token (`.lock(`, `.read(`, `.write(`) stands inside.
    pub mentions_lock: bool,
}

/// A lock order that the source states.
#[derive(Debug, Clone)]
pub struct DeclaredOrder {
    /// Where it is stated.
    pub site: Site,
    /// Names as written, outermost first (`sessions`, `Registry.users`).
    pub names: Vec<String>,
    /// Classes the names were resolved to, where they were.
    pub classes: Vec<Option<ClassId>>,
}

/// A declared synchronisation object: every instance of `Registry.sessions` is
/// one class (lockdep's notion: the declaration site).
#[derive(Debug, Clone)]
pub struct Class {
    /// Stable and unique: crate, module path and declaration, `grin_chain::chain::Chain.header_pmmr`.
    pub key: String,
    /// For people: `Chain.header_pmmr`, `LOGGING_CONFIG`, `counter`.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// The type as written, `Arc<RwLock<Vec<u32>>>`.
    pub type_text: String,
    /// Where it is declared, when known.
    pub site: Option<Site>,
    /// How it is reached.
    pub scope: ClassScope,
    /// It is the lock inside a lock type of the program's own
    /// (`struct FairLock<T> { inner: Mutex<T> }`): which lock it is depends on
    /// what holds the wrapper.
    pub is_inner: bool,
}

/// Where an object is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassScope {
    /// A field of a type: many instances.
    Field,
    /// A static: one instance.
    Static,
    /// A local variable.
    Local,
    /// A parameter that is itself (a reference to) the object: replaced by the
    /// argument's class when the call is known.
    Param,
    /// An element of a collection: many instances under one place.
    Element,
}

/// What kind of object a class is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A lock.
    Lock(LockTraits),
    /// A condition variable.
    Condvar,
    /// A barrier.
    Barrier,
    /// The sending half of a channel; `bounded` where known.
    Sender {
        /// A bounded or rendezvous channel.
        bounded: Option<bool>,
    },
    /// The receiving half of a channel.
    Receiver,
    /// An atomic.
    Atomic,
    /// `Once`, `OnceLock`, `LazyLock`.
    Once,
    /// A handle of a thread or task.
    Handle,
    /// A child process.
    Child,
}

/// What a kind of lock does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockTraits {
    /// The library, `std`, `parking_lot`, `tokio`.
    pub family: SmolStr,
    /// The type, `Mutex`.
    pub type_name: SmolStr,
    /// Mutual exclusion or readers and writers.
    pub shape: LockShape,
    /// One thread may take it twice.
    pub reentrant: bool,
    /// A second read by one thread never waits, even for a waiting writer.
    pub read_reentrant: bool,
    /// Its guards are made to live across `.await`.
    pub is_async: bool,
}

/// Mutual exclusion or readers and writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockShape {
    /// One holder.
    Mutex,
    /// Many readers or one writer.
    RwLock,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Alone.
    Exclusive,
    /// Shared with other readers.
    Read,
    /// Shared with readers, alone among upgradable ones.
    Upgradable,
    /// A read that never waits for a waiting writer.
    ReadRecursive,
}

/// Whether taking it can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blocking {
    /// Waits until it is free.
    Waits,
    /// Gives up at once (`try_lock`): holds afterwards, never waits.
    Try,
    /// Gives up after a time.
    Timed,
}

/// An access path: which object, seen from one function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Where the path starts.
    pub root: Root,
    /// Fields followed; `[]` is an element of a collection. Dereferences,
    /// borrows, `Arc::clone` and `unwrap` leave no trace here.
    pub path: Vec<SmolStr>,
}

/// Where an access path starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// A parameter; 0 is the first one, `self` included. In a closure: of the
    /// outermost function, so that captured places read alike in both.
    Param(u16),
    /// A local variable of the outermost function or of one of its closures.
    Local(LocalId),
    /// A static, by its stable key.
    Static(SmolStr),
    /// The result of something not looked into; equal to nothing else.
    Opaque(u32),
}

/// A lock (or other object) as one function names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its class, where it is known.
    pub class: Option<ClassId>,
    /// The path to the instance.
    pub place: Place,
    /// Reached through `&mut` with no shared pointer on the way, or a local
    /// that was never shared: no other thread can hold it.
    pub exclusive: bool,
}

/// A function, method, spawned body or stored closure.
#[derive(Debug, Clone)]
pub struct Function {
    /// `commit`; a closure carries the name of the function it stands in.
    pub name: SmolStr,
    /// For people: `BlockChain::commit`; a closure ends in `::{closure}`.
    pub qualified: String,
    /// Crate it belongs to.
    pub krate: SmolStr,
    /// The crate is a library (its public functions may be called from anywhere).
    pub in_library: bool,
    /// Its name in the source.
    pub site: Site,
    /// What it is.
    pub kind: FnKind,
    /// The function a closure stands in.
    pub parent: Option<FnId>,
    /// Reachable from outside the crate.
    pub is_pub: bool,
    /// `#[test]`, `#[cfg(test)]`, a test or bench target.
    pub is_test: bool,
    /// `#[test]` itself: a thread root.
    pub is_test_root: bool,
    /// `async fn` or async block.
    pub is_async: bool,
    /// `&mut self`.
    pub mut_self: bool,
    /// `cfg` conditions on it and on what encloses it, normalised text.
    pub cfgs: Vec<SmolStr>,
    /// Parameters, `self` included.
    pub params: Vec<Param>,
    /// Guards that live in it.
    pub guards: Vec<Guard>,
    /// Statements, outer before inner.
    pub stmts: Vec<Stmt>,
    /// Local variables named by statements, by [`LocalId`] (sorted).
    pub locals: Vec<Local>,
    /// The control-flow graph; block 0 is the entry.
    pub blocks: Vec<Block>,
    /// It compares or sorts by id, index or address: locks of one class taken
    /// here are most likely taken in order.
    pub compares_order: bool,
    /// Reads whose results are followed; [`Origins`] are sets of positions here.
    pub origins: Vec<Origin>,
    /// What the result depends on.
    pub returns: Origins,
    /// Parts that run only if a parameter is `true`, or only if it is `false`.
    pub flagged: Vec<Flagged>,
}

/// A part of a function that a parameter switches on or off: `if flag { .. }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flagged {
    /// The parameter.
    pub param: u16,
    /// The value with which the part runs.
    pub value: bool,
    /// Where it begins: line and column.
    pub from: (u32, u32),
    /// Where it ends.
    pub to: (u32, u32),
}

impl Flagged {
    /// Whether the place lies in this part.
    pub fn contains(&self, site: Site) -> bool {
        let start = (site.line, site.column);
        self.from <= start && start < self.to
    }
}

/// What a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FnKind {
    /// A free function or method.
    Fn,
    /// `Drop::drop`.
    Drop,
    /// `fn main`.
    Main,
    /// A closure whose time of running is not known, or that a callee runs.
    Closure,
    /// A body handed to a spawn.
    SpawnBody,
}

/// A parameter.
#[derive(Debug, Clone)]
pub struct Param {
    /// Name, where it is a plain binding.
    pub name: SmolStr,
    /// Its class when it is itself (a reference to) a lock or the like
    /// (scope [`ClassScope::Param`]).
    pub class: Option<ClassId>,
    /// Something callable: a closure, function pointer or `dyn Fn`.
    pub callable: bool,
}

/// A local variable.
#[derive(Debug, Clone)]
pub struct Local {
    /// Which.
    pub id: LocalId,
    /// Its name.
    pub name: SmolStr,
    /// The guard whose data it borrows, if any.
    pub borrows: Option<GuardId>,
    /// Its type is known, and cannot hold a borrow.
    pub owned: bool,
}

/// A guard: the time between one acquisition and its release.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The variable it is bound to first; `None` for a temporary.
    pub name: Option<SmolStr>,
    /// Where the lock is taken.
    pub site: Site,
    /// The statement that takes it.
    pub stmt: StmtId,
    /// The guard leaves the function as (part of) its result.
    pub returned: bool,
    /// It is handed to a call or stored away; its end is not known here.
    pub escapes: bool,
}

/// A statement (or the tail expression of a block).
#[derive(Debug, Clone)]
pub struct Stmt {
    /// From its first to its last character.
    pub site: Site,
    /// The statement it stands in.
    pub parent: Option<StmtId>,
    /// What it is.
    pub kind: StmtKind,
    /// Variables it binds or assigns (not those of nested statements).
    pub defs: Vec<LocalId>,
    /// Variables it reads (not those of nested statements).
    pub uses: Vec<LocalId>,
    /// It writes through a place that is not one of its `defs` (a field, a
    /// `&mut` argument), or leaves the block (`return`, `?`, `break`).
    pub pinned: bool,
}

/// What a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StmtKind {
    /// `let`.
    Let,
    /// An expression.
    Expr,
    /// `for`, `while`, `loop`.
    Loop,
    /// `if`, `match`.
    Branch,
    /// A plain block.
    Block,
}

/// A basic block.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// In order of evaluation.
    pub events: Vec<Event>,
    /// Where control goes next.
    pub successors: Vec<BlockId>,
}

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
    Spawn(Spawn),
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
    },
    /// State that other threads read is changed: an atomic store or
    /// read-modify-write, or an assignment through `&self` data.
    SharedWrite {
        /// The atomic, where it is one.
        object: Option<ObjectRef>,
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
    /// what was read before is no [`Origin`]: it is an update, not a look.
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
        /// What the value depends on; parameters alone are left out.
        from: Origins,
    },
    /// Nothing is done for a moment, so that others may.
    Pause(PauseKind),
    /// In a loop: something else is done, of no interest but that it is done.
    Other,
    /// A connection from outside is taken (`accept`).
    Accept,
    /// A panic in what follows is caught (`catch_unwind`).
    Catch,
    /// Control waits for a receiver to run dry while a sender of its channel
    /// lives on in the same function.
    SenderAlive {
        /// The sender's variable.
        sender: SmolStr,
        /// What waits.
        wait: DryWait,
        /// Where the receiver is read to its end.
        receive: Site,
    },
    /// A stop message (`None`, `Message::Stop`) is put into a queue.
    Stop {
        /// The queue or channel.
        queue: Queue,
        /// In a loop.
        in_loop: bool,
        /// As people write it.
        message: SmolStr,
    },
    /// In a loop, the next item is taken from a queue.
    Take {
        /// The queue or channel.
        queue: Queue,
    },
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
    /// A guard that moves into the call.
    pub guard: Option<GuardId>,
    /// What it depends on.
    pub from: Origins,
    /// As [`ObjectRef::exclusive`]: nobody else reaches it now.
    pub exclusive: bool,
    /// The channel it is an end of, as in [`Queue`].
    pub channel: u32,
    /// It is `true` or `false`, written out.
    pub flag: Option<bool>,
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
    /// The end of its scope, by which it has ended: block and position.
    pub scope_end: Option<(BlockId, u32)>,
    /// A lazy iterator joins it before it starts the next one; where.
    pub in_turn: Option<Site>,
}

/// What a loop goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// A range, chunks, or something else whose length the program sets.
    Count,
    /// The items of something that is handed in: as many as there are.
    Item,
    /// Connections from outside.
    Connection,
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
    /// A comment `detached: reason` stands at the spawn, or the scope joins.
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
