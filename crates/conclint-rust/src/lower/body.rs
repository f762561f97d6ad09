//! The walk over one function: control-flow blocks, scopes and who owns which
//! guard.
//!
//! Guards are registered with the scope that drops them. When a scope ends, a
//! release is written for each; a release of a guard that is not held on that
//! path means nothing, so moves and explicit drops on some arms only need no
//! bookkeeping here: the data flow of `conclint-facts` sorts them out.
//!
//! Rules: the Rust reference, chapter "Destructors" (drop scopes, temporary
//! lifetime extension), for editions up to 2021 and from 2024.

use std::collections::BTreeMap;

use conclint_facts::{
    Block, BlockId, Blocking, ClassId, Event, EventKind, FnId, Guard, GuardId, LocalId, Made,
    ObjectKind, ObjectRef, Origin, Origins, Part, Per, Place, ReleaseWhy, Root, Site, Stmt, StmtId,
    StmtKind,
};
use smol_str::SmolStr;

use super::value::{ClassBase, ClassKey, LocalInfo, SpawnId, Val, local_place};
use crate::hir;
use crate::index::{Index, Scope, Ty};
use crate::table::LockTable;

/// What all functions share while they are lowered.
pub(super) struct Shared<'a> {
    pub index: &'a Index,
    pub table: &'a LockTable,
    /// Lines with a `detached:` comment, by file.
    pub detached: &'a [Vec<u32>],
    /// Which types (by number) hold a lock guard.
    pub holders: Vec<bool>,
    /// By type (by number): the guarded type whose parts its objects are.
    pub behind: Vec<Option<crate::index::TypeId>>,
    /// By crate: that it has no standard library, and when.
    pub no_std: Vec<Option<Vec<SmolStr>>>,
}

/// What kind of scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScopeKind {
    /// Temporaries of a statement, condition, arm or body end here.
    Temp,
    /// Variables of a block end here.
    Block,
    /// A closure that runs in place: `return` and `?` stop here.
    Closure,
}

#[derive(Debug, Clone)]
pub(super) struct DropScope {
    pub kind: ScopeKind,
    pub guards: Vec<GuardId>,
    /// Variables whose `Drop` runs here, and after how many guards each was declared.
    pub drops: Vec<(LocalId, usize)>,
    pub env_mark: usize,
    /// For `Closure`: where `return` goes.
    exit: Option<BlockId>,
}

/// What happens when a scope ends.
enum Exit {
    Guard(GuardId),
    Drop(LocalId),
}

impl DropScope {
    /// Guards and variables in the reverse order of their declaration.
    fn exits(&self) -> Vec<Exit> {
        let mut exits = Vec::with_capacity(self.guards.len() + self.drops.len());
        let mut drops = self.drops.iter().rev().peekable();
        for (position, &guard) in self.guards.iter().enumerate().rev() {
            while let Some(&(local, _)) = drops.next_if(|&&(_, after)| after > position) {
                exits.push(Exit::Drop(local));
            }
            exits.push(Exit::Guard(guard));
        }
        exits.extend(drops.map(|&(local, _)| Exit::Drop(local)));
        exits
    }
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
    pub lost: std::collections::BTreeSet<SpawnId>,
    /// Objects are put in order by id, index or address.
    pub compares_order: bool,
    /// Parts about which a condition says something.
    pub parts: Vec<Part>,
    /// Locks put into the fields of an object.
    pub made: Vec<Made>,
    /// An `if`, a `match` or a `swap` was seen.
    pub chooses: bool,
    /// Reads whose results are followed.
    pub origins: Vec<Origin>,
    /// Those of `origins` that are parameters.
    pub params: Origins,
    /// What the result depends on.
    pub returns: Origins,
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
    pub file: conclint_facts::FileId,
    pub file_index: usize,
    /// Edition 2024 or later.
    pub tail_scopes: bool,
    pub out: Out,
    pub env: Vec<(SmolStr, LocalId)>,
    pub locals: Vec<LocalInfo>,
    pub nested: Vec<Nested>,
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
    /// Guards that the next closure that runs here finds not taken.
    pub not_held: Vec<GuardId>,
    /// Guards that a closure takes along and lets go of when it is called.
    pub used_up: Vec<(FnId, GuardId)>,
    /// Variables that were assigned to, and what they depended on before.
    pub assigned: Vec<(LocalId, Origins)>,
    /// Variables that a test around this place gives one certain value.
    pub known: Vec<LocalId>,
    /// Channels made so far.
    pub channels: u32,
    /// Loops over a receiver: its channel, where, and how deep in closures.
    pub dry: Vec<(u32, Site, u32)>,
    /// Threads that loop over a receiver.
    pub dry_spawns: Vec<(SpawnId, u32, Site)>,
    /// What the last loop that was entered goes over, by name.
    pub loop_over: SmolStr,
    /// The iterator whose method is being lowered has a length that the program sets.
    pub counted: bool,
}

/// A class this function refers to.
#[derive(Debug, Clone)]
pub(super) struct ClassDraft {
    pub id: ClassId,
    pub kind: ObjectKind,
    pub type_text: String,
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
            lost: std::collections::BTreeSet::new(),
            compares_order: false,
            parts: Vec::new(),
            made: Vec::new(),
            chooses: false,
            origins: Vec::new(),
            params: Origins::NONE,
            returns: Origins::NONE,
        }
    }
}

impl<'a> Lower<'a> {
    pub fn index(&self) -> &'a Index {
        self.shared.index
    }

    pub fn site(&self, span: hir::Span) -> Site {
        Site {
            file: self.file,
            line: span.line,
            column: span.column,
            end_line: span.end_line,
            end_column: span.end_column,
        }
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

    // ---- scopes ----

    pub fn push(&mut self, kind: ScopeKind) {
        let env_mark = self.env.len();
        self.out.scopes.push(DropScope {
            kind,
            guards: Vec::new(),
            drops: Vec::new(),
            env_mark,
            exit: None,
        });
    }

    pub fn push_closure(&mut self, exit: BlockId) {
        self.push(ScopeKind::Closure);
        if let Some(scope) = self.out.scopes.last_mut() {
            scope.exit = Some(exit);
        }
    }

    /// Ends the innermost scope. What `keep` owns moves on to the next
    /// temporary scope outside.
    pub fn pop(&mut self, keep: Option<&Val>, span: hir::Span) {
        let Some(scope) = self.out.scopes.pop() else {
            return;
        };
        if scope.kind != ScopeKind::Temp {
            self.env.truncate(scope.env_mark);
        }
        if scope.guards.is_empty() && scope.drops.is_empty() {
            return;
        }
        let end = end_of(span);
        for exit in scope.exits() {
            match exit {
                Exit::Drop(local) => self.run_drop(local, keep, end),
                Exit::Guard(guard) if keep.is_some_and(|val| val.guards.contains(&guard)) => {
                    self.register_temp(guard)
                }
                Exit::Guard(guard) => self.release(guard, ReleaseWhy::ScopeEnd, end),
            }
        }
    }

    /// The `Drop` of a variable that was not moved away.
    fn run_drop(&mut self, local: LocalId, keep: Option<&Val>, span: hir::Span) {
        let Some(info) = self.locals.get(local.0 as usize) else {
            return;
        };
        if info.moved || keep.is_some_and(|val| val.local == Some(local)) {
            return;
        }
        let (ty, place) = (info.val.ty.clone(), info.val.place.clone());
        if let Ty::Adt(id, _) = &ty {
            self.call_drop(*id, place, span);
        }
    }

    /// A call of a type's own `Drop::drop`.
    pub fn call_drop(&mut self, ty: crate::index::TypeId, place: Option<Place>, span: hir::Span) {
        if let Some(drop) = self.index().drop_fn(ty) {
            let arg = conclint_facts::Arg {
                place,
                ..Default::default()
            };
            let call = conclint_facts::Call {
                name: SmolStr::new_static("drop"),
                targets: vec![FnId(drop.0)],
                resolution: conclint_facts::Resolution::Exact,
                args: vec![arg],
            };
            self.emit(EventKind::Call(call), span);
        }
    }

    /// Writes the releases of all scopes above `depth`, which stay open: a
    /// jump out of them.
    pub fn unwind(&mut self, depth: usize, keep: &[GuardId], span: hir::Span) {
        let exits: Vec<Exit> = self.out.scopes[depth.min(self.out.scopes.len())..]
            .iter()
            .rev()
            .flat_map(DropScope::exits)
            .collect();
        for exit in exits {
            match exit {
                Exit::Drop(local) => self.run_drop(local, None, span),
                Exit::Guard(guard) if keep.contains(&guard) => {}
                Exit::Guard(guard) => self.release(guard, ReleaseWhy::ScopeEnd, span),
            }
        }
    }

    pub fn register(&mut self, guard: GuardId, scope: usize) {
        if let Some(scope) = self.out.scopes.get_mut(scope)
            && !scope.guards.contains(&guard)
        {
            scope.guards.push(guard);
        }
    }

    pub fn register_temp(&mut self, guard: GuardId) {
        if let Some(depth) = self
            .out
            .scopes
            .iter()
            .rposition(|scope| scope.kind == ScopeKind::Temp)
        {
            self.register(guard, depth);
        }
    }

    /// `guard` now belongs to `scope`; narrower scopes forget it, wider ones
    /// keep it (they matter on the paths where the move did not happen).
    pub fn move_to_scope(&mut self, guard: GuardId, scope: usize) {
        for inner in self.out.scopes.iter_mut().skip(scope + 1) {
            inner.guards.retain(|&g| g != guard);
        }
        self.register(guard, scope);
    }

    /// No scope of this function drops `guard` any more.
    pub fn forget(&mut self, guard: GuardId) {
        for scope in &mut self.out.scopes {
            scope.guards.retain(|&g| g != guard);
        }
    }

    pub fn block_scope(&self) -> usize {
        self.out
            .scopes
            .iter()
            .rposition(|scope| scope.kind != ScopeKind::Temp)
            .unwrap_or(0)
    }

    /// The scopes that a `return` leaves, and where it goes.
    pub fn return_target(&self) -> (usize, BlockId) {
        for (depth, scope) in self.out.scopes.iter().enumerate().rev() {
            if let Some(exit) = scope.exit {
                return (depth, exit);
            }
        }
        (0, self.out.exit)
    }

    pub fn any_guard_in_scope(&self) -> bool {
        self.out.scopes.iter().any(|scope| !scope.guards.is_empty())
    }

    // ---- guards ----

    /// Whether a guard may not have been taken.
    pub fn is_fallible(&self, guard: GuardId) -> bool {
        self.out
            .infos
            .get(guard.index())
            .is_some_and(|info| info.fallible)
    }

    /// The guard goes where its end is not seen.
    pub fn escapes(&mut self, guard: GuardId) {
        if let Some(guard) = self.out.guards.get_mut(guard.index()) {
            guard.escapes = true;
        }
    }

    pub fn new_guard(&mut self, span: hir::Span, blocking: Blocking) -> GuardId {
        let id = GuardId(self.out.guards.len() as u32);
        let site = self.site(span);
        let stmt = self.out.stmt;
        self.out.guards.push(Guard {
            name: None,
            site,
            stmt,
            returned: false,
            escapes: false,
        });
        self.out.infos.push(GuardInfo {
            fallible: blocking != Blocking::Waits,
        });
        self.register_temp(id);
        id
    }

    /// The value is looked through (a method, field or dereference): its
    /// guards stay where they are, and the result borrows from their data.
    pub fn look_through(&mut self, val: &mut Val, span: hir::Span, write: bool) {
        if val.guards.is_empty() {
            return;
        }
        for guard in val.guards.clone() {
            self.emit(EventKind::Use { guard, write }, span);
            let from = self.guard_origin(guard, None);
            val.from = val.from.or(from);
            self.seen = self.seen.or(from);
        }
        val.borrows = val.guards.first().copied();
        val.guards.clear();
    }

    /// A value is thrown away: temporaries end with their scope, a lone guard
    /// at once.
    pub fn discard(&mut self, val: &Val) {
        self.drop_handles(val);
    }

    /// A thread handle is dropped where it is made.
    pub fn drop_handles(&mut self, val: &Val) {
        for &spawn in &val.handles {
            if val.local.is_none() {
                self.set_handle(spawn, conclint_facts::Handle::DroppedAtOnce);
            }
        }
    }

    pub fn set_handle(&mut self, spawn: SpawnId, to: conclint_facts::Handle) {
        use conclint_facts::Handle;
        let Some(&(block, index)) = self.out.spawns.get(spawn.0 as usize) else {
            return;
        };
        if let Some(EventKind::Spawn(spawn)) = self.out.blocks[block.index()]
            .events
            .get_mut(index)
            .map(|event| &mut event.kind)
            && !matches!(spawn.handle, Handle::Excused | Handle::Joined)
        {
            spawn.handle = to;
        }
    }

    /// The handles in `val` go where this function does not look.
    pub fn lose_handles(&mut self, val: &Val) {
        for &spawn in &val.handles {
            self.set_handle(spawn, conclint_facts::Handle::Elsewhere);
            self.out.lost.insert(spawn);
        }
        if let Some(local) = val.local
            && let Some(info) = self.locals.get_mut(local.0 as usize)
        {
            info.handles_used = true;
        }
    }

    // ---- variables ----

    pub fn declare(&mut self, name: SmolStr, mut val: Val) -> LocalId {
        let id = LocalId(self.locals.len() as u32);
        if val.place.is_none() {
            val.place = Some(local_place(id));
            if val.class.is_none() {
                val.class = Some(ClassKey::new(ClassBase::Local(id)));
            }
        }
        if let Some(place) = &mut val.place {
            place.bind_elements(id);
        }
        val.local = Some(id);
        self.any_drops |= val.channel != 0;
        self.locals.push(LocalInfo {
            name: name.clone(),
            val,
            level: self.out.level,
            handles_used: false,
            moved: false,
            identity: None,
        });
        self.env.push((name, id));
        let stmt = self.out.stmt.index();
        self.out.stmts[stmt].defs.push(id);
        id
    }

    /// The variable that `pat` just bound as a whole owns its value: a `Drop`
    /// of its own runs at the scope's end. What a pattern takes apart, or a
    /// loop hands out, may be borrowed; nothing is claimed of that.
    pub fn bound_whole(&mut self, pat: &hir::Pat) {
        self.dropped_in(pat, self.block_scope());
    }

    /// As for a variable, but a parameter outlives even the temporaries of the
    /// body's last expression (Reference, "Scopes of function parameters").
    pub fn bound_param(&mut self, pat: &hir::Pat) {
        self.dropped_in(pat, self.block_scope().saturating_sub(1));
    }

    fn dropped_in(&mut self, pat: &hir::Pat, scope: usize) {
        let hir::Pat::Bind {
            name,
            by_ref: false,
            ..
        } = pat
        else {
            return;
        };
        let Some(id) = self.lookup(name) else { return };
        if let Some(info) = self.locals.get(id.0 as usize)
            && info.val.borrows.is_none()
            && matches!(&info.val.ty, Ty::Adt(ty, _) if self.index().drop_fn(*ty).is_some())
            && let Some(scope) = self.out.scopes.get_mut(scope)
        {
            scope.drops.push((id, scope.guards.len()));
            self.any_drops = true;
        }
    }

    pub fn lookup(&self, name: &str) -> Option<LocalId> {
        self.env
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|&(_, id)| id)
    }

    /// Reads a variable: its value as this function sees it.
    pub fn local_val(&mut self, id: LocalId, span: hir::Span) -> Val {
        let level = self.out.level;
        let Some(info) = self.locals.get(id.0 as usize) else {
            return Val::unknown();
        };
        let mut val = info.val.clone();
        let owner = info.level;
        let same_level = owner == level;
        let noted = !val.guards.is_empty() || val.borrows.is_some() || val.channel != 0;
        if !same_level && noted {
            self.captures.push((id, true));
        }
        if !same_level {
            if !val.handles.is_empty()
                && let Some(info) = self.locals.get_mut(id.0 as usize)
            {
                info.handles_used = true;
            }
            val.guards.clear();
            val.borrows = None;
            val.exclusive = false;
            val.handles.clear();
            val.from = Origins::NONE;
        }
        val.local = Some(id);
        val.flag = None;
        let stmt = self.out.stmt.index();
        let uses = &mut self.out.stmts[stmt].uses;
        if !uses.contains(&id) {
            uses.push(id);
        }
        if let Some(guard) = val.borrows {
            self.emit(
                EventKind::Use {
                    guard,
                    write: false,
                },
                span,
            );
        }
        val
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
        let class = val
            .class
            .clone()
            .map(|key| self.class_id(key, kind, &val.ty));
        let place = val.place.clone().unwrap_or_else(|| self.fresh_opaque());
        ObjectRef {
            class,
            place,
            exclusive: val.exclusive
                || *kind == ObjectKind::Atomic && self.stays_on_its_thread(val),
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

    pub fn class_id(&mut self, key: ClassKey, kind: &ObjectKind, ty: &Ty) -> ClassId {
        // A handle in an `Option` or `Vec` is still the field's handle.
        let key = if matches!(kind, ObjectKind::Handle | ObjectKind::Child) {
            ClassKey::new(key.base)
        } else {
            key
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
        self.classes.insert(
            key.clone(),
            ClassDraft {
                id,
                kind: kind.clone(),
                type_text,
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
