//! Assignments: what is overwritten, and what moves in.

use conclint_facts::{EventKind, Handle, ObjectKind, Place, ReleaseWhy, Root, Writing};

use super::body::{Lower, end_of};
use super::types;
use super::value::{ClassBase, Val};
use crate::hir::{Expr, ExprKind, Operator, Span};
use crate::index::Ty;

impl Lower<'_> {
    pub fn assign(&mut self, left: &Expr, right: &Expr, span: Span) -> Val {
        let unit = Val::of(Ty::unit());
        if matches!(&left.kind, ExprKind::Path(path) if path.as_name().is_some_and(|n| n == "_")) {
            self.thrown_away(right);
            return unit;
        }
        // The right side runs first; the old value is dropped after it.
        let val = self.expr(right);
        if let ExprKind::Path(path) = &left.kind
            && let Some(id) = path.as_name().and_then(|name| self.lookup(name))
        {
            self.assign_local(id, val, span);
            return unit;
        }
        if let ExprKind::Tuple(parts) = &left.kind {
            for (i, part) in parts.iter().enumerate() {
                let name = match &part.kind {
                    ExprKind::Path(path) => path.as_name(),
                    _ => None,
                };
                match (name.and_then(|name| self.lookup(name)), val.parts.get(i)) {
                    (Some(id), Some(given)) => self.assign_local(id, given.clone(), span),
                    _ => {
                        self.base(part);
                    }
                }
            }
            return unit;
        }
        if let ExprKind::Field { base, name, .. } = &left.kind
            && let ExprKind::Path(path) = &base.kind
            && let Some(id) = path.as_name().and_then(|name| self.lookup(name))
            && let Some(info) = self.locals.get_mut(id.0 as usize)
        {
            info.val.views.retain(|(of, _)| of != name);
            info.val.fields = None;
        }
        self.pin();
        let place = self.base(left);
        self.write_through(&place, span);
        let none = matches!(&right.kind, ExprKind::Path(path) if path.last() == "None");
        self.overwritten(&place, none, span);
        self.store_guarded(&place, Writing::Assign, val.from, span);
        self.other(span);
        self.note_filled(&place, &val);
        if !val.handles.is_empty() {
            match &place.class {
                Some(class) if matches!(class.base, ClassBase::Field(..)) => {
                    let class = self.class_id(class.clone(), &ObjectKind::Handle, &place.ty);
                    for &spawn in &val.handles {
                        self.set_handle(spawn, Handle::Stored(class));
                    }
                }
                _ => self.lose_handles(&val),
            }
        }
        for guard in val.guards.clone() {
            self.escapes(guard);
            self.release(guard, ReleaseWhy::Moved, end_of(span));
        }
        unit
    }

    /// Something is written through a place that is not a variable.
    pub fn write_through(&mut self, place: &Val, span: Span) {
        match (place.borrows, &place.place) {
            (Some(guard), _) => self.emit(EventKind::Use { guard, write: true }, span),
            (
                None,
                Some(Place {
                    root: Root::Param(_) | Root::Static(_),
                    path,
                }),
            ) if !path.is_empty() => {
                self.emit(
                    EventKind::SharedWrite {
                        object: None,
                        idempotent: false,
                    },
                    span,
                );
            }
            _ => {}
        }
    }

    fn assign_local(&mut self, id: conclint_facts::LocalId, val: Val, span: Span) {
        let level = self.out.level;
        let index = id.0 as usize;
        let old = self.locals[index].val.guards.clone();
        if self.locals[index].level == level {
            for guard in old.iter().filter(|guard| !val.guards.contains(guard)) {
                self.release(*guard, ReleaseWhy::Overwritten, end_of(span));
            }
        }
        let stmt = self.out.stmt.index();
        self.out.stmts[stmt].defs.push(id);
        let scope = self.scope_of(id);
        for &guard in &val.guards {
            self.move_to_scope(guard, scope);
            self.name_guard(guard, id);
        }
        if val.guards.is_empty() {
            self.learn(id, &val.ty);
        }
        // A lock that is taken anew is told of by its acquisition.
        let taken = !val.guards.is_empty();
        let info = &mut self.locals[index];
        info.val.guards = val.guards.iter().chain(&old).copied().collect();
        info.val.guards.dedup();
        if info.level == level {
            info.val.handles.extend(val.handles);
        }
        info.val.borrows = val.borrows.or(info.val.borrows);
        info.val.closure = val.closure.or(info.val.closure);
        if info.val.ty == Ty::Unknown || !val.guards.is_empty() {
            info.val.ty = val.ty;
        }
        let from = val.from;
        // The variable is another object from now on (and was, in a loop).
        info.val.place = Some(super::value::local_place(id));
        if val.class.is_some() {
            info.val.class = val.class;
        }
        info.val.exclusive = false;
        info.val.views.clear();
        info.val.fields = val.fields;
        self.reassigned(id, from);
        if !taken {
            self.other(span);
        }
    }

    pub fn assign_op(&mut self, op: Operator, left: &Expr, right: &Expr) -> Val {
        // Primitive operands: the right side first. Overloaded operators: the
        // left side first. Both orders are laid out as blocks and wired once
        // the type is known.
        let entry = self.out.cur;
        let left_block = self.new_block();
        self.out.cur = left_block;
        let place = self.base(left);
        self.write_through(&place, left.span);
        if let Some(id) = place.local {
            let stmt = self.out.stmt.index();
            self.out.stmts[stmt].defs.push(id);
        } else {
            self.pin();
        }
        let left_end = self.out.cur;
        let right_block = self.new_block();
        self.out.cur = right_block;
        let from = self.base(right).from;
        let right_end = self.out.cur;
        let overloaded =
            place.ty != Ty::Unknown && !types::is_number(&types::peel(self.index(), &place.ty));
        let (first, first_end, second, second_end) = if overloaded {
            (left_block, left_end, right_block, right_end)
        } else {
            (right_block, right_end, left_block, left_end)
        };
        self.edge(entry, first);
        self.edge(first_end, second);
        self.out.cur = second_end;
        self.assigning_operator(&place, op, left.span);
        self.store_guarded(&place, Writing::Update, from, left.span);
        self.other(left.span);
        if let Some(info) = place
            .local
            .and_then(|id| self.locals.get_mut(id.0 as usize))
        {
            info.val.from = info.val.from.or(from);
            info.val.fields = None;
        }
        Val::of(Ty::unit())
    }
}
