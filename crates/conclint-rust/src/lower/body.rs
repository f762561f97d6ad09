//! The walk over one function: what is being written, its control-flow blocks,
//! statements and the objects that they name. Drop scopes are in `scopes`,
//! variables in `locals`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use conclint_facts::{
    Block, BlockId, Called, ClassId, Drain, Event, EventKind, FileId, FnId, Guard, GuardId,
    LocalId, Made, Making, ObjectKind, ObjectRef, Origin, Origins, Part, Per, Place, ReleaseWhy,
    Root, Site, Stmt, StmtId, StmtKind, Variants,
};
use smol_str::SmolStr;

use super::accessor;
use super::channels::Dry;
use super::never::Never;
use super::own::OwnLock;
use super::rounds::Numbered;
use super::scopes::DropScope;
use super::value::{ClassBase, ClassKey, LocalInfo, Sort, SpawnId, Val};
use crate::hir;
use crate::index::{FnEntry, FnIdx, Index, Scope, Ty, TypeId};
use crate::table::LockTable;

/// What all functions share while they are lowered.
pub(super) struct Shared<'a> {
    pub index: &'a Index,
    pub table: &'a LockTable,
    /// Lines with a `detached:` comment, by file.
    pub detached: &'a [Vec<u32>],
    /// Which types (by number) hold a lock guard.
    pub holders: Vec<bool>,
    /// Which types (by number) are the guards of the program's own locks.
    pub own_guards: Vec<bool>,
    /// By type (by number): it is a lock of the program's own, and which.
    pub own_locks: Vec<Option<OwnLock>>,
    /// By type (by number): the guarded type whose parts its objects are.
    pub behind: Vec<Option<super::behind::Guarded>>,
    /// By function (by number): what it takes to tell what it gives, if it can be
    /// told at all. Found out when it is first called.
    pub ways: Vec<OnceLock<Option<accessor::Ways>>>,
    /// By function (by number): that it never comes back, and how that is known.
    pub never: Vec<Option<Never>>,
    /// By crate: that it has no standard library, and when.
    pub no_std: Vec<Option<Vec<SmolStr>>>,
    /// By crate: a program of the workspace runs it.
    pub in_program: Vec<bool>,
}

#[derive(Debug, Clone)]
pub(super) struct LoopFrame {
    pub label: Option<SmolStr>,
    /// `break` goes here; `None` target for `continue` on labelled blocks.
    pub break_to: BlockId,
    pub continue_to: Option<BlockId>,
    /// Scopes that stay alive.
    pub depth: usize,
    /// What breaks give.
    pub value: Option<Val>,
}

/// What is known of a guard besides its facts.
#[derive(Debug, Clone)]
pub(super) struct GuardInfo {
    /// It may not have been taken (`try_lock`).
    pub fallible: bool,
}

/// The function (or separately running closure) being written.
#[derive(Clone)]
pub(super) struct Out {
    pub blocks: Vec<Block>,
    pub cur: BlockId,
    pub exit: BlockId,
    pub guards: Vec<Guard>,
    pub infos: Vec<GuardInfo>,
    pub stmts: Vec<Stmt>,
    pub stmt: StmtId,
    pub scopes: Vec<DropScope>,
    pub loops: Vec<LoopFrame>,
    /// Loops around the current point, closures of iterators included.
    pub loop_depth: u32,
    pub spawns: Vec<(BlockId, usize)>,
    /// What the loops around the current point go over, innermost last.
    pub per: Vec<Per>,
    /// The last join that was written.
    pub last_join: Option<(BlockId, usize)>,
    pub level: u32,
    /// Spawns whose handles went where this function does not look.
    pub lost: BTreeSet<SpawnId>,
    /// Objects are put in order by id, index or address.
    pub compares_order: bool,
    /// Pointers are made numbers.
    pub has_addresses: bool,
    /// Parts about which a condition says something.
    pub parts: Vec<Part>,
    /// Locks put into the fields of an object.
    pub made: Vec<Made>,
    /// Objects of the program's own types that are written out.
    pub makes: Vec<Making>,
    /// An `if`, a `match` or a `swap` was seen.
    pub chooses: bool,
    /// It runs over numbers.
    pub counts: bool,
    pub called: Vec<Called>,
    /// A condition says that enough of something is there.
    pub cuts_off: bool,
    /// Outside of loops, something is done that no event tells of.
    pub acts: bool,
    /// Items were taken from a queue, in a loop.
    pub takes: bool,
    /// Iterators over maps that lock inside: the call that makes one, and its guard.
    pub map_iterators: Vec<(hir::Span, GuardId)>,
    /// Guards that iterators have taken along in their closures.
    pub captured: Vec<GuardId>,
    /// It holds what cannot leave its thread: the level of the outermost function
    /// that has such a variable.
    pub stays: Option<u32>,
    /// A parameter tells that the thread of the interface runs it.
    pub ui: bool,
    /// Reads whose results are followed.
    pub origins: Vec<Origin>,
    /// Those of `origins` that are parameters.
    pub params: Origins,
    /// What the result depends on.
    pub returns: Origins,
    /// The results that are written out.
    pub answers: Vec<(BlockId, Variants)>,
}

/// A closure or async block that was lowered on its own.
pub(super) struct Nested {
    pub function: conclint_facts::Function,
}

/// Closures get numbers from here up until all functions are put together.
pub(super) const NESTED_BASE: u32 = 0x8000_0000;

/// The lowering of one named function and of the closures in it.
pub(super) struct Lower<'a> {
    pub shared: &'a Shared<'a>,
    pub scope: Scope,
    pub file: FileId,
    pub file_index: usize,
    /// Edition 2024 or later.
    pub tail_scopes: bool,
    /// It is the initialiser of a static.
    pub initialises: bool,
    /// The function itself.
    pub id: Option<FnIdx>,
    pub out: Out,
    pub env: Vec<(SmolStr, LocalId)>,
    pub locals: Vec<LocalInfo>,
    pub nested: Vec<Nested>,
    /// As [`super::assemble::Lowered::locks_made`].
    pub locks_made: Vec<(u32, bool)>,
    pub classes: BTreeMap<ClassKey, ClassDraft>,
    pub class_order: Vec<ClassKey>,
    /// Variables whose object ends up in a field.
    pub aliases: BTreeMap<ClassKey, ClassKey>,
    /// Template for closures' facts.
    pub base: conclint_facts::Function,
    pub opaque: u32,
    /// The method that is called on the value now being lowered.
    pub outer_method: Option<SmolStr>,
    /// The value now being lowered is awaited at once.
    pub awaited: bool,
    /// The value now being lowered is thrown away at once: a future of it never runs.
    pub thrown: bool,
    /// The next receive is the head of its loop.
    pub recv_loop: bool,
    /// Variables of outer functions that a closure being lowered names, and
    /// whether by value.
    pub captures: Vec<(LocalId, bool)>,
    /// Some variable of this function has a `Drop` of its own.
    pub any_drops: bool,
    /// A pattern has gone through a reference, through `&mut` alone or not:
    /// what it names borrows.
    pub binds_by_ref: Option<bool>,
    /// The adaptors of an iterator that a variable is about to be bound to:
    /// their closures run where it is consumed.
    pub lazy: Vec<hir::Span>,
    /// Depth of the walk.
    pub depth: u32,
    /// What the parts of the expression now being lowered depend on.
    pub seen: Origins,
    /// The condition now being lowered is that of an assertion.
    pub asserting: bool,
    /// What the iterator whose closure is being lowered goes over.
    pub closure_per: Per,
    /// Guards that were not taken where the next closure does not run:
    /// `try_lock().map(|guard| ..)`.
    pub not_taken: Vec<GuardId>,
    /// The method that a loop tries until it has the lock.
    pub tried_until_taken: Option<hir::Span>,
    /// Guards that the next closure that runs here finds not taken.
    pub not_held: Vec<GuardId>,
    /// Guards that a closure takes along and lets go of when it is called.
    pub used_up: Vec<(FnId, GuardId)>,
    /// What the next closure is given by the function that it is passed to.
    pub given: Vec<Val>,
    /// Where the results of the function stand that may be written out.
    pub results: Vec<hir::Span>,
    /// Variables that were assigned to, and what they depended on before.
    pub assigned: Vec<(LocalId, Origins)>,
    /// Variables that a test around this place gives one certain value.
    pub known: Vec<LocalId>,
    /// Channels made so far.
    pub channels: u32,
    /// Those that have room for one message at most.
    pub narrow: Vec<u32>,
    /// Those of them that the loops around this place send into, in closures
    /// this deep, while nobody else has the receiver.
    pub unread: Vec<(u32, u32)>,
    /// Those of them whose receiver came in as a parameter, and as which.
    pub given_channels: Vec<(u32, u16)>,
    /// Where receivers are read to their end, or may be.
    pub dry: Vec<Dry>,
    /// Threads that read, or may read, the receiver of a channel to its end.
    pub dry_spawns: Vec<(SpawnId, u32, Drain)>,
    /// A field that is about to be named, and is only looked at.
    pub looked_at: Option<hir::Span>,
    /// What the last loop that was entered goes over, by name.
    pub loop_over: SmolStr,
    /// Parameters that are arrays, by number.
    pub arrays: Vec<u16>,
    /// The iterator whose method is being lowered has a length that the program sets.
    pub counted: bool,
    /// What was last asked for connections has only those of the same machine.
    pub listens_locally: bool,
    /// The receiver of the method call at hand runs over numbers.
    pub numbers: bool,
    /// What the closure of that method is given.
    pub numbered: Numbered,
}

/// A class this function refers to.
#[derive(Debug, Clone)]
pub(super) struct ClassDraft {
    pub id: ClassId,
    pub kind: ObjectKind,
    pub type_text: String,
    /// As [`conclint_facts::Class::whole`].
    pub whole: Option<u32>,
    pub name: String,
    pub site: Option<Site>,
}

impl Out {
    pub fn new(level: u32, site: Site) -> Self {
        let root = Stmt {
            site,
            parent: None,
            kind: StmtKind::Block,
            defs: Vec::new(),
            uses: Vec::new(),
            pinned: false,
        };
        Out {
            blocks: vec![Block::default(), Block::default()],
            cur: BlockId(0),
            exit: BlockId(1),
            guards: Vec::new(),
            infos: Vec::new(),
            stmts: vec![root],
            stmt: StmtId(0),
            scopes: Vec::new(),
            loops: Vec::new(),
            loop_depth: 0,
            spawns: Vec::new(),
            per: Vec::new(),
            last_join: None,
            level,
            lost: BTreeSet::new(),
            compares_order: false,
            has_addresses: false,
            parts: Vec::new(),
            made: Vec::new(),
            makes: Vec::new(),
            chooses: false,
            counts: false,
            called: Vec::new(),
            cuts_off: false,
            acts: false,
            takes: false,
            map_iterators: Vec::new(),
            captured: Vec::new(),
            stays: None,
            ui: false,
            origins: Vec::new(),
            params: Origins::NONE,
            returns: Origins::NONE,
            answers: Vec::new(),
        }
    }
}

impl<'a> Lower<'a> {
    /// Nothing is written yet; `base` is what the declaration tells.
    pub fn new(
        shared: &'a Shared<'a>,
        entry: &FnEntry,
        base: conclint_facts::Function,
        tail_scopes: bool,
    ) -> Self {
        let file = FileId(entry.file);
        Lower {
            shared,
            scope: entry.scope.clone(),
            file,
            file_index: entry.file as usize,
            tail_scopes,
            initialises: entry.of_static,
            id: None,
            out: Out::new(0, site_of(file, entry.def.span)),
            env: Vec::new(),
            locals: Vec::new(),
            nested: Vec::new(),
            locks_made: Vec::new(),
            classes: BTreeMap::new(),
            class_order: Vec::new(),
            aliases: BTreeMap::new(),
            base,
            opaque: 0,
            outer_method: None,
            awaited: false,
            thrown: false,
            recv_loop: false,
            captures: Vec::new(),
            any_drops: false,
            binds_by_ref: None,
            lazy: Vec::new(),
            depth: 0,
            seen: Origins::NONE,
            asserting: false,
            closure_per: Per::Count,
            not_taken: Vec::new(),
            tried_until_taken: None,
            not_held: Vec::new(),
            used_up: Vec::new(),
            given: Vec::new(),
            results: Vec::new(),
            assigned: Vec::new(),
            known: Vec::new(),
            channels: 0,
            narrow: Vec::new(),
            unread: Vec::new(),
            given_channels: Vec::new(),
            dry: Vec::new(),
            dry_spawns: Vec::new(),
            looked_at: None,
            loop_over: SmolStr::default(),
            arrays: Vec::new(),
            counted: false,
            listens_locally: false,
            numbers: false,
            numbered: Numbered::None,
        }
    }

    pub fn index(&self) -> &'a Index {
        self.shared.index
    }

    pub fn site(&self, span: hir::Span) -> Site {
        site_of(self.file, span)
    }

    // ---- control flow ----

    pub fn new_block(&mut self) -> BlockId {
        let id = BlockId(self.out.blocks.len() as u32);
        self.out.blocks.push(Block::default());
        id
    }

    pub fn edge(&mut self, from: BlockId, to: BlockId) {
        let successors = &mut self.out.blocks[from.index()].successors;
        if !successors.contains(&to) {
            successors.push(to);
        }
    }

    /// Control goes on at `to`; what follows is written there.
    pub fn go(&mut self, to: BlockId) {
        self.edge(self.out.cur, to);
        self.out.cur = to;
    }

    /// A new block after the current one.
    pub fn fork(&mut self) -> BlockId {
        let block = self.new_block();
        self.edge(self.out.cur, block);
        block
    }

    /// Control leaves for `to`; what follows is not reached.
    pub fn leave(&mut self, to: BlockId) {
        self.edge(self.out.cur, to);
        self.out.cur = self.new_block();
    }

    /// Control does not come to what follows: a panic, or the end of the process.
    pub fn dead_end(&mut self, span: hir::Span) -> Val {
        let (depth, exit) = self.return_target();
        self.unwind(depth, &[], end_of(span));
        self.leave(exit);
        Val::of(Ty::Never)
    }

    pub fn emit(&mut self, kind: EventKind, span: hir::Span) {
        let event = Event {
            kind,
            site: self.site(span),
            stmt: self.out.stmt,
        };
        self.out.blocks[self.out.cur.index()].events.push(event);
    }

    pub fn release(&mut self, guard: GuardId, why: ReleaseWhy, span: hir::Span) {
        self.emit(EventKind::Release { guard, why }, span);
    }

    // ---- statements ----

    pub fn enter_stmt(&mut self, span: hir::Span, kind: StmtKind) -> StmtId {
        let outer = self.out.stmt;
        let id = StmtId(self.out.stmts.len() as u32);
        let site = self.site(span);
        self.out.stmts.push(Stmt {
            site,
            parent: Some(outer),
            kind,
            defs: Vec::new(),
            uses: Vec::new(),
            pinned: false,
        });
        self.out.stmt = id;
        outer
    }

    pub fn pin(&mut self) {
        let stmt = self.out.stmt.index();
        self.out.stmts[stmt].pinned = true;
    }

    // ---- objects ----

    pub fn fresh_opaque(&mut self) -> Place {
        self.opaque += 1;
        Place {
            root: Root::Opaque(self.opaque),
            path: Vec::new(),
        }
    }

    /// How this function names the object that `val` is.
    pub fn object(&mut self, val: &Val, kind: &ObjectKind) -> ObjectRef {
        let class = val.class.clone().or_else(|| self.whole_class(val, kind));
        let class = class.map(|key| self.class_id(key, kind, &val.ty));
        let place = val.place.clone().unwrap_or_else(|| self.fresh_opaque());
        ObjectRef {
            class,
            place,
            exclusive: val.exclusive
                || *kind == ObjectKind::Atomic && self.stays_on_its_thread(val),
            field: None,
        }
    }

    /// A lock of which no more is known than the type that it guards.
    fn whole_class(&self, val: &Val, kind: &ObjectKind) -> Option<ClassKey> {
        match kind {
            ObjectKind::Lock(_) => self
                .whole_in(&val.ty)
                .map(|whole| ClassKey::new(ClassBase::Whole(TypeId(whole)))),
            _ => None,
        }
    }

    /// A field, as such, of a type with an `Rc` in it: no object of that type is
    /// ever seen by two threads.
    fn stays_on_its_thread(&self, val: &Val) -> bool {
        let Some(ClassKey {
            base: ClassBase::Field(owner, field),
            ..
        }) = &val.class
        else {
            return false;
        };
        let index = self.index();
        let is_rc = |ty: &Ty| matches!(ty, Ty::Ext(path, _) if path.starts_with("std::rc::"));
        index.field_types(*owner).iter().any(is_rc)
            && index
                .variant_field(*owner, 0, field)
                .is_some_and(|ty| super::types::is_inline(&ty))
    }

    /// The field that a variable's object ends up in, else the class itself.
    pub fn alias_of(&self, key: &ClassKey) -> ClassKey {
        let plain = ClassKey {
            sort: Sort::Other,
            ..key.clone()
        };
        match self.aliases.get(&plain) {
            Some(field) => ClassKey {
                sort: key.sort,
                ..field.clone()
            },
            None => key.clone(),
        }
    }

    pub fn class_id(&mut self, key: ClassKey, kind: &ObjectKind, ty: &Ty) -> ClassId {
        // A handle in an `Option` or `Vec` is still the field's handle.
        let key = if matches!(kind, ObjectKind::Handle | ObjectKind::Child) {
            ClassKey::new(key.base)
        } else {
            key
        };
        let key = ClassKey {
            sort: match kind {
                ObjectKind::Atomic => Sort::Atomic,
                ObjectKind::Condvar => Sort::Condvar,
                _ => Sort::Other,
            },
            ..key
        };
        if let Some(draft) = self.classes.get(&key) {
            return draft.id;
        }
        let id = ClassId(self.class_order.len() as u32);
        let (name, site) = match &key.base {
            ClassBase::Local(local) => (
                self.locals
                    .get(local.0 as usize)
                    .map(|l| l.name.to_string())
                    .unwrap_or_default(),
                None,
            ),
            ClassBase::Param(i) => (
                self.base
                    .params
                    .get(*i as usize)
                    .map(|p| p.name.to_string())
                    .unwrap_or_default(),
                None,
            ),
            _ => (String::new(), None),
        };
        let type_text = super::types::text(self.index(), ty);
        let whole = match kind {
            ObjectKind::Lock(_) => self.whole_in(ty),
            _ => None,
        };
        self.classes.insert(
            key.clone(),
            ClassDraft {
                id,
                kind: kind.clone(),
                type_text,
                whole,
                name,
                site,
            },
        );
        self.class_order.push(key);
        id
    }
}

/// The last character of a span, where a scope ends.
pub(super) fn end_of(span: hir::Span) -> hir::Span {
    hir::Span {
        line: span.end_line,
        column: span.end_column.saturating_sub(1).max(1),
        end_line: span.end_line,
        end_column: span.end_column,
    }
}

/// Where `span` is, for the facts.
pub(super) fn site_of(file: FileId, span: hir::Span) -> Site {
    Site {
        file,
        line: span.line,
        column: span.column,
        end_line: span.end_line,
        end_column: span.end_column,
    }
}
