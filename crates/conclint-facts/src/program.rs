//! What a front end delivers: one [`Program`].

mod event;
mod lock;
mod part;
mod place;

use std::sync::Arc;

use smol_str::SmolStr;

use crate::values::{Look, Origin, Origins, Own};

pub use event::*;
pub use lock::*;
pub use part::*;
pub use place::*;

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
    /// In a package, and none of its targets reaches it: nothing builds it.
    pub unreached: bool,
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
    /// Of a lock, the type that it guards, by number, where every object of that
    /// type is in such a lock ([`Function::behind`]).
    pub whole: Option<u32>,
    /// Where it is declared, when known.
    pub site: Option<Site>,
    /// How it is reached.
    pub scope: ClassScope,
    /// It is the lock inside a lock type of the program's own
    /// (`struct FairLock<T> { inner: Mutex<T> }`): which lock it is depends on
    /// what holds the wrapper.
    pub is_inner: bool,
    /// The object that has it is never at two threads at once, for what else is
    /// in it (an `Rc`, a `Cell`).
    pub is_unshared: bool,
    /// The fields that hold it as well, by name: clones of one `Arc`.
    pub also: Vec<String>,
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
    /// The field that has it, where several have clones of one pointer, and
    /// `class` stands for all of them.
    pub field: Option<ClassId>,
}

/// A lock that is put into the field of an object: `Pair { left: list[0].clone() }`,
/// or a thread's handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The field.
    pub field: Option<ClassId>,
    /// What is put there, where it is an element of a collection.
    pub element: Option<ClassId>,
    /// What is put there, where it is a field, a static or a variable.
    pub source: Option<ClassId>,
    /// What is put there, where it is a parameter.
    pub param: Option<u16>,
}

/// An object that is written out: `Seat { left: 0, right: 1 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Making {
    /// Its type, by number.
    pub of: u32,
    /// The numbers in its fields, as far as they are told.
    pub numbers: Vec<(SmolStr, Number)>,
}

/// What tells a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// It is written out.
    Written(u64),
    /// It came in as this parameter.
    Param(u16),
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
    /// The crate is a program of the workspace, or a library that one is made of.
    pub in_program: bool,
    /// The crate has no standard library where this is built, and no operating
    /// system is named there: nobody can be parked.
    pub no_std: bool,
    /// Whoever calls it never gets to what follows: it loops for ever, panics or
    /// ends the process on every way.
    pub never_returns: bool,
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
    /// `extern "C"`: other languages call it, and so may a signal handler be.
    pub is_foreign: bool,
    /// `&mut self`.
    pub mut_self: bool,
    /// Which thread runs it, where types tell.
    pub bound: Bound,
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
    /// The results that are written out, `false`, `Err(..)`, and where they are given.
    pub answers: Vec<(BlockId, Variants)>,
    /// Of a test whose outcome is the result: what it asks.
    pub look: Look,
    /// Of a thread's body: variables around it of which each of the threads that
    /// are started there has another one.
    pub own: Vec<(LocalId, Own)>,
    /// Types that a lock guards as a whole, by number, of which a `&mut`
    /// parameter is a part: who runs it has come through that lock, or has the
    /// object all alone.
    pub behind: Vec<u32>,
    /// Parts of it about which a condition says something.
    pub parts: Vec<Part>,
    /// Locks that it puts into the fields of an object.
    pub made: Vec<Made>,
    /// The objects of the program's own types that it writes out.
    pub makes: Vec<Making>,
    /// It has an `if`, a `match` or a `swap`: what it makes may be one thing
    /// here and another there.
    pub chooses: bool,
    /// It runs over numbers, not over what there is: `for n in 2..limit`. So
    /// many rounds take time, whatever is in them.
    pub counts: bool,
    /// Calls of one certain function in loops.
    pub called: Vec<Called>,
    /// It compares with more than a handful, or with a limit by its name: `depth < 4`,
    /// `items.len() > GRAIN`.
    pub cuts_off: bool,
    /// Outside of its loops, something is done that no event tells of.
    pub acts: bool,
}

impl Function {
    /// A private function of this name, of which nothing else is known.
    pub fn new(name: SmolStr, site: Site) -> Self {
        Function {
            qualified: name.to_string(),
            name,
            krate: SmolStr::default(),
            in_library: false,
            in_program: false,
            no_std: false,
            never_returns: false,
            site,
            kind: FnKind::Fn,
            parent: None,
            is_pub: false,
            is_test: false,
            is_test_root: false,
            is_async: false,
            is_foreign: false,
            mut_self: false,
            bound: Bound::default(),
            cfgs: Vec::new(),
            params: Vec::new(),
            guards: Vec::new(),
            stmts: Vec::new(),
            locals: Vec::new(),
            blocks: Vec::new(),
            compares_order: false,
            origins: Vec::new(),
            returns: Origins::NONE,
            answers: Vec::new(),
            look: Look::default(),
            own: Vec::new(),
            behind: Vec::new(),
            parts: Vec::new(),
            made: Vec::new(),
            makes: Vec::new(),
            chooses: false,
            counts: false,
            called: Vec::new(),
            cuts_off: false,
            acts: false,
        }
    }
}

/// Which thread runs a function, by the types of what it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Bound {
    /// Any that comes to it.
    #[default]
    Free,
    /// The one that made it: a closure that holds an `Rc`, say.
    Maker,
    /// The one thread of the user interface: a parameter is what no other has.
    Ui,
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
    /// A `&mut` to what a lock in a field of `self` guards: whoever has it out
    /// of that lock keeps others away from `self`'s other fields as well.
    pub token: bool,
    /// The program's own type that it is (a reference to) an object of, by number.
    pub of: Option<u32>,
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
    /// It is bound to an object that is made there.
    pub made: bool,
    /// A test has chosen its value: `if last { right } else { left }`.
    pub chosen: bool,
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
    /// It came in as this parameter, by value: the caller has taken the lock.
    pub given: Option<u16>,
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
    /// Where control goes next; behind a condition, first where it fails.
    pub successors: Vec<BlockId>,
}
