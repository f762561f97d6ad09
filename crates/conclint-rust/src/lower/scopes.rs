//! Drop scopes: which guards and variables end where.
//!
//! Guards are registered with the scope that drops them. When a scope ends, a
//! release is written for each; a release of a guard that is not held on that
//! path means nothing, so moves and explicit drops on some arms only need no
//! bookkeeping here: the data flow of `conclint-facts` sorts them out.
//!
//! Rules: the Rust reference, chapter "Destructors" (drop scopes, temporary
//! lifetime extension), for editions up to 2021 and from 2024.

use conclint_facts::{
    BlockId, Blocking, EventKind, FnId, Guard, GuardId, LocalId, Place, ReleaseWhy,
};

use super::body::{GuardInfo, Lower, end_of};
use super::value::Val;
use crate::hir;

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

impl Lower<'_> {
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
        self.drop_value(&ty, place, span);
    }

    /// A call of a type's own `Drop::drop`; a guess where there may be no value.
    pub fn call_drop(
        &mut self,
        (ty, surely): (crate::index::TypeId, bool),
        place: Option<Place>,
        span: hir::Span,
    ) {
        if let Some(drop) = self.index().drop_fn(ty) {
            let arg = conclint_facts::Arg {
                place,
                ..Default::default()
            };
            let call = conclint_facts::Call {
                name: smol_str::format_smolstr!("{}::drop", self.index().type_name(ty)),
                targets: vec![FnId(drop.0)],
                resolution: match surely {
                    true => conclint_facts::Resolution::Exact,
                    false => conclint_facts::Resolution::ByName,
                },
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

    /// What comes may be without these guards.
    pub fn may_be_gone(&mut self, guards: &[GuardId]) {
        for guard in guards {
            if let Some(info) = self.out.infos.get_mut(guard.index()) {
                info.fallible = true;
            }
        }
    }

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
            given: None,
        });
        self.out.infos.push(GuardInfo {
            fallible: blocking != Blocking::Waits,
        });
        self.register_temp(id);
        id
    }

    /// A guard that the caller of this function hands over as parameter `number`.
    pub fn given_guard(&mut self, number: u16, span: hir::Span) -> GuardId {
        let guard = self.new_guard(span, Blocking::Waits);
        if let Some(given) = self.out.guards.get_mut(guard.index()) {
            given.given = Some(number);
        }
        guard
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
}
