//! Which reads a value depends on.
//!
//! Every value carries a set of origins; an expression has those of its parts,
//! a variable those of all that was ever assigned to it. Branches and writes
//! to shared data are written down with the origins of what they depend on.

use conclint_facts::{
    BlockId, EventKind, GuardId, LocalId, Look, ObjectKind, Origin, Origins, PauseKind, Target,
    Tells, Writing,
};
use smol_str::SmolStr;

use super::body::Lower;
use super::types;
use super::value::Val;
use crate::hir::{BinOp, Expr, ExprKind, Span};

impl Lower<'_> {
    fn add_origin(&mut self, origin: Origin) -> Origins {
        let known = self.out.origins.iter().position(|known| *known == origin);
        let position = known.unwrap_or_else(|| {
            self.out.origins.push(origin);
            self.out.origins.len() - 1
        });
        Origins::one(position)
    }

    /// A parameter of this function.
    pub fn param_origin(&mut self, param: u16) -> Origins {
        let one = self.add_origin(Origin::Param(param));
        self.out.params = self.out.params.or(one);
        one
    }

    /// Data behind a guard.
    pub fn guard_origin(&mut self, guard: GuardId, field: Option<SmolStr>) -> Origins {
        self.add_origin(Origin::Guarded { guard, field })
    }

    /// The result of the event that was just written.
    pub fn event_origin(&mut self) -> Origins {
        let block = self.out.cur;
        let events = self.out.blocks[block.index()].events.len();
        let Some(index) = events.checked_sub(1) else {
            return Origins::NONE;
        };
        self.out.origins.push(Origin::Event {
            block,
            index: index as u32,
        });
        Origins::one(self.out.origins.len() - 1)
    }

    /// A part of guarded data: only this field of it was read.
    pub fn narrow(&mut self, part: &mut Val, field: &SmolStr) {
        let Some(guard) = part.borrows else { return };
        let whole = Origin::Guarded { guard, field: None };
        let Some(position) = self.out.origins.iter().position(|origin| *origin == whole) else {
            return;
        };
        if part.from.contains(position) {
            let narrow = self.guard_origin(guard, Some(field.clone()));
            part.from = part.from.without(Origins::one(position)).or(narrow);
        }
    }

    /// A variable is assigned to: from now on, it depends on `from` alone.
    pub fn reassigned(&mut self, id: LocalId, from: Origins) {
        if let Some(info) = self.locals.get_mut(id.0 as usize) {
            self.assigned.push((id, info.val.from));
            info.val.from = from;
            self.known.retain(|known| *known != id);
        }
    }

    /// What was assigned since `mark` was assigned on some path only.
    pub fn perhaps_assigned(&mut self, mark: usize) {
        for &(id, before) in self.assigned.get(mark..).unwrap_or(&[]) {
            if let Some(info) = self.locals.get_mut(id.0 as usize) {
                info.val.from = info.val.from.or(before);
                info.chosen = true;
            }
        }
    }

    /// The field of the data of `guard` that `val` is a part of.
    fn field_of(&self, val: &Val, guard: GuardId) -> Option<SmolStr> {
        val.from
            .iter()
            .find_map(|position| match self.out.origins.get(position) {
                Some(Origin::Guarded { guard: g, field }) if *g == guard => Some(field.clone()),
                _ => None,
            })?
    }

    /// Control goes one way or the other, by a value of these origins.
    pub fn test(&mut self, from: Origins, look: Look, span: Span) {
        if !self.asserting && !from.without(self.out.params).is_empty() {
            let tells = Tells::Each;
            self.emit(EventKind::Test { from, look, tells }, span);
        }
    }

    /// The same for a condition.
    pub fn test_of(&mut self, from: Origins, cond: &Expr) {
        if !from.without(self.out.params).is_empty() {
            let look = self.look(cond);
            let tells = tells(cond);
            if !self.asserting {
                self.emit(EventKind::Test { from, look, tells }, cond.span);
            }
        } else if self.singles_out(cond) {
            let look = match cond.kind {
                ExprKind::Unary { .. } | ExprKind::Binary { op: BinOp::Ne, .. } => Look::Other,
                _ => Look::Own,
            };
            let tells = tells(cond);
            self.emit(EventKind::Test { from, look, tells }, cond.span);
        }
    }

    /// The test of a value of these origins, in which `block` ends, sends control
    /// to `nothing` where the value is missing.
    pub fn missing(&mut self, block: BlockId, of: Origins, nothing: BlockId) {
        let last = self.out.blocks[block.index()].events.last_mut();
        if let Some(EventKind::Test { from, tells, .. }) = last.map(|event| &mut event.kind)
            && *from == of
        {
            *tells = Tells::Missing(nothing);
        }
    }

    /// `name` is called on `val`, and may panic for want of a value behind a guard.
    pub fn insist(&mut self, val: &Val, name: &str, span: Span) {
        let insists = match name {
            "unwrap" | "expect" => types::is_option(&val.ty),
            "remove" | "swap_remove" => types::is_list(&val.ty),
            _ => false,
        };
        let guarded = |position: usize| {
            matches!(self.out.origins.get(position), Some(Origin::Guarded { .. }))
        };
        if insists && val.from.iter().any(guarded) {
            self.emit(EventKind::Insist { from: val.from }, span);
        }
    }

    /// Guarded data is written through `place`.
    pub fn store_guarded(&mut self, place: &Val, how: Writing, from: Origins, span: Span) {
        if let Some(guard) = place.borrows {
            let field = self.field_of(place, guard);
            let target = Target::Guarded { guard, field };
            self.emit(EventKind::Store { target, how, from }, span);
        }
    }

    /// A method of a collection, an `Option` and the like was called on guarded data.
    pub fn stored_by_method(&mut self, recv: &Val, name: &SmolStr, span: Span) {
        if !types::mutates(name) {
            return;
        }
        let mut place = recv.clone();
        if types::is_guard(&recv.ty) {
            place.borrows = recv.guards.first().copied();
        }
        if place.borrows.is_none() {
            return;
        }
        let from = self.seen;
        self.store_guarded(&place, Writing::Method(name.clone()), from, span);
        if looks_first(name)
            && let Some(guard) = place.borrows
        {
            let from = self.guard_origin(guard, None);
            let look = match name.as_str() {
                "retain" | "dedup" => Look::Value,
                _ => Look::Presence,
            };
            self.test(from, look, span);
        }
    }

    /// `a.store(v, ..)`, and what else tells of an atomic's value.
    pub fn atomic_written(
        &mut self,
        atomic: &Val,
        name: &str,
        args: &[Expr],
        from: Origins,
        span: Span,
    ) -> Origins {
        let object = self.object(atomic, &ObjectKind::Atomic);
        let relaxed = args.last().is_some_and(is_relaxed);
        match name {
            "store" => {
                let target = Target::Atomic {
                    object,
                    relaxed,
                    constant: args.first().is_some_and(|value| self.is_constant(value)),
                };
                let how = Writing::Assign;
                self.emit(EventKind::Store { target, how, from }, span);
                Origins::NONE
            }
            "swap" | "compare_exchange" | "compare_exchange_weak" => {
                let kind = EventKind::Load {
                    object,
                    exchange: true,
                    relaxed,
                };
                self.emit(kind, span);
                // An exchange of what was read before is an update, not a look.
                if from.without(self.out.params).is_empty() {
                    self.event_origin()
                } else {
                    Origins::NONE
                }
            }
            // No two threads get the same number.
            name if name.starts_with("fetch_") => self.event_origin(),
            _ => Origins::NONE,
        }
    }

    /// `a.load(..)`.
    pub fn atomic_load(&mut self, atomic: &Val, args: &[Expr], span: Span) -> Val {
        let object = self.object(atomic, &ObjectKind::Atomic);
        let kind = EventKind::Load {
            object,
            exchange: false,
            relaxed: args.last().is_some_and(is_relaxed),
        };
        self.emit(kind, span);
        let mut val = Val::of(types::atomic_value(&atomic.ty));
        val.from = self.event_origin();
        val
    }

    /// A pause in a loop that waits.
    pub fn pause(&mut self, kind: PauseKind, span: Span) {
        self.emit(EventKind::Pause(kind), span);
    }

    /// What another thread changes is asked by the method `what` of `val`.
    pub fn asks(&mut self, val: &Val, what: SmolStr, ty: &'static str, span: Span) -> Val {
        let of = self.name_of(val);
        self.emit(EventKind::Asks { of, what }, span);
        let mut asked = Val::of(types::ext(ty, vec![]));
        asked.from = self.event_origin();
        asked
    }

    /// Something is done that no other event tells of. In a loop, that is an event.
    pub fn other(&mut self, span: Span) {
        if self.out.loop_depth == 0 {
            self.out.acts = true;
            return;
        }
        let last = self.out.blocks[self.out.cur.index()].events.last();
        if !last.is_some_and(|event| matches!(event.kind, EventKind::Other)) {
            self.emit(EventKind::Other, span);
        }
    }
}

/// The value of such an expression depends on all of its parts.
pub(super) fn combines(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Call { .. }
            | ExprKind::MethodCall { .. }
            | ExprKind::Binary { .. }
            | ExprKind::Unary { .. }
            | ExprKind::Ref { .. }
            | ExprKind::Try(_)
            | ExprKind::Await { .. }
            | ExprKind::Cast { .. }
            | ExprKind::Tuple(_)
            | ExprKind::Array(_)
            | ExprKind::Repeat { .. }
            | ExprKind::Struct { .. }
            | ExprKind::Range(..)
            | ExprKind::Macro(_)
            | ExprKind::Index { .. }
    )
}

/// Methods that look at what is there before they change it.
fn looks_first(name: &str) -> bool {
    matches!(
        name,
        "entry" | "get_or_insert_with" | "get_or_insert" | "retain" | "dedup" | "get_mut"
    )
}

/// Methods that neither do anything nor tell what a loop waits for.
pub(super) fn is_cheap(name: &str) -> bool {
    name.starts_with("is_")
        || name.starts_with("as_")
        || name.starts_with("unwrap")
        || matches!(
            name,
            "expect"
                | "len"
                | "clone"
                | "cloned"
                | "copied"
                | "ok"
                | "err"
                | "load"
                | "iter"
                | "borrow"
                | "deref"
                | "into"
                | "get"
                | "contains"
                | "contains_key"
                | "front"
                | "peek"
                | "first"
                | "last"
                | "to_owned"
                | "get_ref"
        )
}

fn is_relaxed(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Path(path) if path.last() == "Relaxed")
}

/// What the way on tells of the parts of a condition.
fn tells(cond: &Expr) -> Tells {
    match cond.kind {
        ExprKind::Binary { op: BinOp::And, .. } => Tells::Both,
        ExprKind::Binary { op: BinOp::Or, .. } => Tells::Neither,
        _ => Tells::Each,
    }
}
