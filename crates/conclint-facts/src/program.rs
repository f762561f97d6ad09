//! What a front end delivers: one [`Program`].

mod event;
mod lock;
mod part;

use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use crate::values::{Origin, Origins};

pub use event::*;
pub use lock::*;
pub use part::*;

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
    /// Where it is declared, when known.
    pub site: Option<Site>,
    /// How it is reached.
    pub scope: ClassScope,
    /// It is the lock inside a lock type of the program's own
    /// (`struct FairLock<T> { inner: Mutex<T> }`): which lock it is depends on
    /// what holds the wrapper.
    pub is_inner: bool,
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

/// An access path: which object, seen from one function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Where the path starts.
    pub root: Root,
    /// Fields followed; `[]` is an element of a collection, `[7]` the one that
    /// the variable 7 of this function has, `[=7]` the one at the index, or under
    /// the key, that the variable 7 has, `[8=7]` both, `[#7]` the one at 7, and
    /// `[=@key]` the one under what stands at a place (see [`Place::keyed`]).
    /// Dereferences, borrows, `Arc::clone` and `unwrap` leave no trace here.
    pub path: Vec<SmolStr>,
}

/// The step of a path to some element of a collection.
const ELEMENT: &str = "[]";

/// Whether a step of a path leads to an element of a collection.
pub fn is_element(step: &str) -> bool {
    step.starts_with('[')
}

/// Whether the path leads to an element that no variable has, and of which no
/// literal tells which it is.
pub fn is_any_element(step: &str) -> bool {
    step == ELEMENT || step.starts_with("[=")
}

/// The step of a path to the element of a collection at `index`.
pub fn element_at(index: u64) -> SmolStr {
    format_smolstr!("[#{index}]")
}

/// The step of a path to the element of a collection at the index, or under the
/// key, that the variable `local` has.
pub fn element_by(local: LocalId) -> SmolStr {
    format_smolstr!("[={}]", local.0)
}

/// The variables that tell to which element a step leads: the one that has it,
/// and the one that has its index.
fn tellers(step: &str) -> (Option<LocalId>, Option<LocalId>) {
    let inside = step.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    let inside = inside.unwrap_or("");
    let inside = inside.split_once(KEY).map_or(inside, |(inside, _)| inside);
    let (has, at) = inside.split_once('=').unwrap_or((inside, ""));
    let local = |number: &str| number.parse().ok().map(LocalId);
    (local(has), local(at))
}

/// Whether both steps are one field, or lead to one element of a collection, as
/// long as the variables that tell so are `unchanged`.
pub fn is_one_step(a: &str, b: &str, unchanged: impl Fn(LocalId) -> bool) -> bool {
    if !is_element(a) || element_index(a).is_some() {
        return a == b;
    }
    let ((has, at), (other_has, other_at)) = (tellers(a), tellers(b));
    let same =
        |a: Option<LocalId>, b: Option<LocalId>| a.is_some_and(|a| b == Some(a) && unchanged(a));
    same(has, other_has) || same(at, other_at)
}

/// The variable that has the element that a step leads to.
pub fn element_owner(step: &str) -> Option<LocalId> {
    tellers(step).0
}

/// Before the key of an element, in a step.
const KEY: char = '@';

/// The key of the element that a step leads to, as [`written`].
fn key_of(step: &str) -> Option<&str> {
    let inside = step.strip_prefix('[')?.strip_suffix(']')?;
    inside.split_once(KEY).map(|(_, key)| key)
}

/// A place as the key of an element: `p0/id` of the first parameter, `l7` is
/// the variable 7.
fn written(key: &Place) -> Option<SmolStr> {
    let root = match &key.root {
        Root::Param(number) => format_smolstr!("p{number}"),
        Root::Local(local) => format_smolstr!("l{}", local.0),
        Root::Static(name) => format_smolstr!("s{name}"),
        Root::Opaque(_) => return None,
    };
    if key.path.iter().any(|step| is_element(step)) {
        return None;
    }
    Some(
        key.path
            .iter()
            .fold(root, |key, step| format_smolstr!("{key}/{step}")),
    )
}

/// The key of an element as a caller writes it who gave `given`.
fn key_from_outside<'p>(key: &str, given: impl Fn(u16) -> Option<&'p Place>) -> Option<SmolStr> {
    if key.starts_with('s') {
        return Some(SmolStr::new(key));
    }
    let key = key.strip_prefix('p')?;
    let number = key.split('/').next()?;
    let outer = written(given(number.parse().ok()?)?)?;
    Some(format_smolstr!("{outer}{}", &key[number.len()..]))
}

/// Whether both steps lead to one element of a collection by what is read from
/// one place, as long as variables are `unchanged`.
pub fn is_one_key(a: &str, b: &str, unchanged: impl Fn(LocalId) -> bool) -> bool {
    let local = |key: &str| key.strip_prefix('l')?.split('/').next()?.parse().ok();
    key_of(a).is_some_and(|key| {
        key_of(b) == Some(key) && local(key).is_none_or(|local| unchanged(LocalId(local)))
    })
}

/// The index of the element that a step leads to, where a literal tells it.
pub fn element_index(step: &str) -> Option<u64> {
    step.strip_prefix("[#")?.strip_suffix(']')?.parse().ok()
}

impl Place {
    /// Of the elements on the way, nothing tells which they are.
    pub fn forget_elements(&mut self) {
        for step in self.path.iter_mut().filter(|step| is_element(step)) {
            *step = SmolStr::new_static(ELEMENT);
        }
    }

    /// The elements on the way become the ones that the variable `local` has,
    /// where no other one has them.
    pub fn bind_elements(&mut self, local: LocalId) {
        for step in &mut self.path {
            if is_any_element(step) {
                *step = format_smolstr!("[{}{}", local.0, &step[1..]);
            }
        }
    }

    /// The element that the path leads to last is the one under the key that
    /// stands at `key`.
    pub fn keyed(&mut self, key: &Place) {
        if let Some(step) = self.path.last_mut().filter(|step| is_any_element(step))
            && key_of(step).is_none()
            && let Some(key) = written(key)
        {
            let inside = step.trim_matches(['[', '=', ']']);
            *step = format_smolstr!("[={inside}{KEY}{key}]");
        }
    }

    /// What `inner`, a place of a called function, is for the caller, to whom
    /// its root is this place.
    pub fn then(&self, inner: &Place) -> Place {
        self.then_with(inner, |_| None)
    }

    /// The same where the caller knows what it gave: the places of arguments.
    pub fn then_with<'p>(&self, inner: &Place, given: impl Fn(u16) -> Option<&'p Place>) -> Place {
        let path = self.path.iter().cloned();
        Place {
            root: self.root.clone(),
            path: path.chain(inner.path_from_outside(given)).collect(),
        }
    }

    /// The path as another function sees it, to which the variables of this
    /// one say nothing, but its parameters do that were `given`.
    pub fn path_from_outside<'p>(
        &self,
        given: impl Fn(u16) -> Option<&'p Place>,
    ) -> impl Iterator<Item = SmolStr> {
        self.path.iter().map(move |step| {
            if !is_element(step) || element_index(step).is_some() {
                return step.clone();
            }
            match key_of(step).and_then(|key| key_from_outside(key, &given)) {
                Some(key) => format_smolstr!("[={KEY}{key}]"),
                None => SmolStr::new_static(ELEMENT),
            }
        })
    }
}

/// What the element at `place` of a class called `name` is called, where a
/// literal tells which it is: `Device.frames[0]`, `Frame.n` of `frames[0]`.
pub fn element_name(name: &str, place: &Place) -> String {
    let told = |step: &SmolStr| element_index(step);
    let Some((at, index)) = place
        .path
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, step)| Some((at, told(step)?)))
    else {
        return name.to_owned();
    };
    match name.strip_suffix(ELEMENT) {
        Some(list) => format!("{list}[{index}]"),
        None => match at.checked_sub(1).and_then(|at| place.path.get(at)) {
            Some(list) if !is_element(list) => {
                let inner = place.path[at + 1..].iter().filter(|step| !is_element(step));
                let inner: Vec<&str> = inner.map(SmolStr::as_str).collect();
                format!("{list}[{index}].{}", inner.join("."))
            }
            _ => name.to_owned(),
        },
    }
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

/// A lock that is put into the field of an object: `Pair { left: list[0].clone() }`.
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
    /// Types that a lock guards as a whole, by number, of which a `&mut`
    /// parameter is a part: who runs it has come through that lock, or has the
    /// object all alone.
    pub behind: Vec<u32>,
    /// Parts of it about which a condition says something.
    pub parts: Vec<Part>,
    /// Locks that it puts into the fields of an object.
    pub made: Vec<Made>,
    /// It has an `if`, a `match` or a `swap`: what it makes may be one thing
    /// here and another there.
    pub chooses: bool,
    /// It runs over numbers, not over what there is: `for n in 2..limit`. So
    /// many rounds take time, whatever is in them.
    pub counts: bool,
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
            site,
            kind: FnKind::Fn,
            parent: None,
            is_pub: false,
            is_test: false,
            is_test_root: false,
            is_async: false,
            mut_self: false,
            cfgs: Vec::new(),
            params: Vec::new(),
            guards: Vec::new(),
            stmts: Vec::new(),
            locals: Vec::new(),
            blocks: Vec::new(),
            compares_order: false,
            origins: Vec::new(),
            returns: Origins::NONE,
            behind: Vec::new(),
            parts: Vec::new(),
            made: Vec::new(),
            chooses: false,
            counts: false,
        }
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
    /// Where control goes next.
    pub successors: Vec<BlockId>,
}
