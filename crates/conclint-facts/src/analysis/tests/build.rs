//! A small language for programs.
//!
//! Each function stands on its own hundred of lines, each event on its own
//! line, so that sites in assertions are easy to read.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::analysis::*;

/// A program in the making.
#[derive(Default)]
pub(super) struct Build {
    pub program: Program,
}

/// A function body in the making.
pub(super) struct Body<'a> {
    f: &'a mut Function,
    id: FnId,
    block: usize,
    stmt: StmtId,
    line: u32,
}

pub(super) fn std_lock(shape: LockShape) -> ObjectKind {
    let type_name = if shape == LockShape::Mutex {
        "Mutex"
    } else {
        "RwLock"
    };
    ObjectKind::Lock(LockTraits {
        family: "std".into(),
        type_name: type_name.into(),
        shape,
        reentrant: false,
        read_reentrant: false,
        is_async: false,
        self_locking: false,
    })
}

fn site(line: u32) -> Site {
    Site {
        file: FileId(0),
        line,
        column: 1,
        end_line: line,
        end_column: 2,
    }
}

/// `root.field.field`
pub(super) fn place(root: Root, path: &[&str]) -> Place {
    Place {
        root,
        path: path.iter().map(|field| SmolStr::from(*field)).collect(),
    }
}

/// A lock of class `class` at `self.path`.
pub(super) fn own(class: ClassId, path: &[&str]) -> ObjectRef {
    at(class, Root::Param(0), path)
}

/// A lock of class `class`.
pub(super) fn at(class: ClassId, root: Root, path: &[&str]) -> ObjectRef {
    ObjectRef {
        class: Some(class),
        place: place(root, path),
        exclusive: false,
        field: None,
    }
}

/// An argument that is a place.
pub(super) fn arg(root: Root, path: &[&str]) -> Arg {
    Arg {
        place: Some(place(root, path)),
        ..Arg::default()
    }
}

/// An argument that is itself a lock.
pub(super) fn lock_arg(class: ClassId, root: Root, path: &[&str]) -> Arg {
    Arg {
        class: Some(class),
        ..arg(root, path)
    }
}

/// `self`
pub(super) fn this() -> Arg {
    arg(Root::Param(0), &[])
}

/// An argument that is a closure.
pub(super) fn closure_arg(id: FnId) -> Arg {
    Arg {
        closure: Some(id),
        ..Arg::default()
    }
}

pub(super) fn call(targets: &[FnId], resolution: Resolution, args: &[Arg]) -> Call {
    let name = targets
        .first()
        .map_or("unknown".to_owned(), |id| format!("self.f{}", id.0));
    Call {
        name: name.into(),
        targets: targets.to_vec(),
        resolution,
        args: args.to_vec(),
    }
}

pub(super) fn spawn(body: Option<FnId>, in_loop: bool) -> EventKind {
    EventKind::Spawn(Box::new(Spawn {
        kind: SpawnKind::Thread,
        what: "thread::spawn".into(),
        body,
        in_loop,
        named: false,
        per: None,
        over: SmolStr::default(),
        joined: None,
        scope_end: None,
        in_turn: None,
        retried: false,
        detached: false,
        handle: Handle::Elsewhere,
    }))
}

pub(super) fn sleep() -> EventKind {
    EventKind::Block {
        of: None,
        kind: BlockKind::Sleep,
        what: "thread::sleep".into(),
    }
}

impl Build {
    /// A program of one file in a library.
    pub(super) fn new() -> Self {
        let mut build = Build::default();
        build.program.files.push(SourceFile {
            path: Arc::from("src/lib.rs"),
            lines: 10_000,
            is_test: false,
            unreached: false,
        });
        build
    }

    pub(super) fn class(&mut self, name: &str, kind: ObjectKind, scope: ClassScope) -> ClassId {
        let id = ClassId(self.program.classes.len() as u32);
        self.program.classes.push(Class {
            is_inner: false,
            is_unshared: false,
            also: Vec::new(),
            key: format!("k::{name}"),
            name: name.to_owned(),
            kind,
            type_text: String::new(),
            whole: None,
            site: None,
            scope,
        });
        id
    }

    /// A mutex in a field.
    pub(super) fn mutex(&mut self, name: &str) -> ClassId {
        self.class(name, std_lock(LockShape::Mutex), ClassScope::Field)
    }

    /// A reader-writer lock in a field.
    pub(super) fn rwlock(&mut self, name: &str) -> ClassId {
        self.class(name, std_lock(LockShape::RwLock), ClassScope::Field)
    }

    /// A private function of a library with two parameters.
    pub(super) fn function(&mut self, name: &str) -> FnId {
        let id = FnId(self.program.functions.len() as u32);
        let param = |name: &str| Param {
            name: name.into(),
            class: None,
            callable: false,
            token: false,
            of: None,
        };
        self.program.functions.push(Function {
            qualified: format!("S::{name}"),
            krate: "k".into(),
            in_library: true,
            params: vec![param("self"), param("other")],
            stmts: vec![Stmt {
                site: site(id.0 * 100 + 1),
                parent: None,
                kind: StmtKind::Expr,
                defs: Vec::new(),
                uses: Vec::new(),
                pinned: false,
            }],
            blocks: vec![Block::default()],
            ..Function::new(name.into(), site(id.0 * 100 + 1))
        });
        id
    }

    /// A public function of a library.
    pub(super) fn public(&mut self, name: &str) -> FnId {
        let id = self.function(name);
        self.f(id).is_pub = true;
        id
    }

    /// A function that stands in another one.
    pub(super) fn nested(&mut self, parent: FnId, kind: FnKind) -> FnId {
        let id = self.function("nested");
        self.f(id).parent = Some(parent);
        self.f(id).kind = kind;
        id
    }

    pub(super) fn f(&mut self, id: FnId) -> &mut Function {
        &mut self.program.functions[id.index()]
    }

    /// Fills a function.
    pub(super) fn body(&mut self, id: FnId, fill: impl FnOnce(&mut Body<'_>)) {
        let f = self.f(id);
        let line = f.site.line;
        let block = f.blocks.len() - 1;
        fill(&mut Body {
            f,
            id,
            block,
            stmt: StmtId(0),
            line,
        });
    }

    pub(super) fn analyse(self) -> Analysis {
        Analysis::of(self.program)
    }
}

impl Body<'_> {
    /// Adds an event; returns where it stands.
    pub(super) fn event(&mut self, kind: EventKind) -> EventRef {
        self.line += 1;
        let events = &mut self.f.blocks[self.block].events;
        events.push(Event {
            kind,
            site: site(self.line),
            stmt: self.stmt,
        });
        EventRef {
            function: self.id,
            block: BlockId(self.block as u32),
            index: events.len() as u32 - 1,
        }
    }

    pub(super) fn acquire(
        &mut self,
        source: LockSource,
        mode: Mode,
        blocking: Blocking,
    ) -> GuardId {
        let guard = GuardId(self.f.guards.len() as u32);
        self.f.guards.push(Guard {
            name: None,
            site: site(self.line + 1),
            stmt: self.stmt,
            returned: false,
            escapes: false,
            given: None,
        });
        self.event(EventKind::Acquire {
            guard,
            source,
            mode,
            blocking,
        });
        guard
    }

    pub(super) fn lock(&mut self, lock: ObjectRef) -> GuardId {
        self.acquire(LockSource::Direct(lock), Mode::Exclusive, Blocking::Waits)
    }

    pub(super) fn read(&mut self, lock: ObjectRef) -> GuardId {
        self.acquire(LockSource::Direct(lock), Mode::Read, Blocking::Waits)
    }

    pub(super) fn try_lock(&mut self, lock: ObjectRef) -> GuardId {
        self.acquire(LockSource::Direct(lock), Mode::Exclusive, Blocking::Try)
    }

    /// Takes the guard that a call returns.
    pub(super) fn lock_by(&mut self, call: Call) -> GuardId {
        self.acquire(LockSource::Callee(call), Mode::Exclusive, Blocking::Waits)
    }

    pub(super) fn release(&mut self, guard: GuardId) {
        self.event(EventKind::Release {
            guard,
            why: ReleaseWhy::ScopeEnd,
        });
    }

    /// Locks and releases at once.
    pub(super) fn touch(&mut self, lock: ObjectRef) {
        let guard = self.lock(lock);
        self.release(guard);
    }

    pub(super) fn ret(&mut self, guard: GuardId) {
        self.f.guards[guard.index()].returned = true;
        self.event(EventKind::ReturnGuard { guard });
    }

    /// `self.target()`
    pub(super) fn call(&mut self, target: FnId) -> EventRef {
        self.call_with(target, &[this()])
    }

    pub(super) fn call_with(&mut self, target: FnId, args: &[Arg]) -> EventRef {
        self.event(EventKind::Call(call(&[target], Resolution::Exact, args)))
    }

    fn new_block(&mut self) -> usize {
        self.f.blocks.push(Block::default());
        self.f.blocks.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize) {
        self.f.blocks[from].successors.push(BlockId(to as u32));
    }

    /// `if .. { then } else { other }`
    pub(super) fn branch(&mut self, then: impl FnOnce(&mut Self), other: impl FnOnce(&mut Self)) {
        let before = self.block;
        let first = self.new_block();
        self.edge(before, first);
        self.block = first;
        then(self);
        let first_end = self.block;
        let second = self.new_block();
        self.edge(before, second);
        self.block = second;
        other(self);
        let second_end = self.block;
        let after = self.new_block();
        self.edge(first_end, after);
        self.edge(second_end, after);
        self.block = after;
    }

    /// `for local in .. { body }`
    pub(super) fn repeat(&mut self, local: LocalId, body: impl FnOnce(&mut Self)) {
        let stmt = StmtId(self.f.stmts.len() as u32);
        let outer = std::mem::replace(&mut self.stmt, stmt);
        self.f.stmts.push(Stmt {
            site: site(self.line),
            parent: Some(outer),
            kind: StmtKind::Loop,
            defs: vec![local],
            uses: Vec::new(),
            pinned: false,
        });
        let before = self.block;
        let head = self.new_block();
        self.edge(before, head);
        self.block = head;
        body(self);
        let end = self.block;
        self.edge(end, head);
        let after = self.new_block();
        self.edge(end, after);
        self.block = after;
        self.stmt = outer;
    }

    /// `let local = ..;` in a statement of its own.
    pub(super) fn define(&mut self, local: LocalId) {
        self.f.stmts.push(Stmt {
            site: site(self.line),
            parent: Some(self.stmt),
            kind: StmtKind::Let,
            defs: vec![local],
            uses: Vec::new(),
            pinned: false,
        });
    }
}

/// `held > taken`, with the names of classes, for each nesting in order.
pub(super) fn pairs(analysis: &Analysis) -> Vec<String> {
    let name = |lock: &ObjectRef, f| analysis.object_name(lock, f);
    analysis
        .nestings()
        .iter()
        .map(|n| {
            format!(
                "{} > {}",
                name(&n.held.lock, n.function),
                name(&n.taken, n.function)
            )
        })
        .collect()
}

pub(super) fn confidences(analysis: &Analysis) -> Vec<Certainty> {
    analysis.nestings().iter().map(|n| n.confidence).collect()
}

/// Names of the classes of each cycle.
pub(super) fn cycles(analysis: &Analysis) -> Vec<Vec<&str>> {
    analysis
        .cycles()
        .iter()
        .map(|cycle| {
            cycle
                .classes
                .iter()
                .map(|id| analysis.class(*id).name.as_str())
                .collect()
        })
        .collect()
}

/// Functions along a chain.
pub(super) fn through(chain: &[ChainStep]) -> Vec<u32> {
    chain.iter().map(|step| step.function.0).collect()
}
