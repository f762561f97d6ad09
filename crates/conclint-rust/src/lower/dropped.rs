//! Values that end without a variable: thrown away, overwritten, cleared.
//!
//! Their `Drop` runs there, under whatever is locked: `map.lock().remove(&id);`
//! drops what it removed before its guard. (Reference: "Destructors"; an
//! assignment drops the old value.)

use conclint_facts::Place;

use super::body::{Lower, end_of};
use super::value::Val;
use crate::hir::{Expr, ExprKind, Span};
use crate::index::Ty;

impl Lower<'_> {
    /// The value of a statement is thrown away: before its temporaries end, a
    /// lone guard at once.
    pub fn discard(&mut self, expr: &Expr, val: &Val) {
        self.drop_handles(val);
        let given = match &expr.kind {
            ExprKind::MethodCall { name, .. } => takes_out(name),
            _ => false,
        };
        if given && val.local.is_none() && val.guards.is_empty() {
            self.drop_contents(&val.ty, val.place.clone(), end_of(expr.span));
        }
    }

    /// What stood at `place` ends, and something else stands there; or nothing,
    /// which is done where there was something, mostly.
    pub fn overwritten(&mut self, place: &Val, emptied: bool, span: Span) {
        if !place.guards.is_empty() || !self.any_guard_in_scope() {
            return;
        }
        let ty = match &place.ty {
            Ty::Ref(_, inner) => Ty::clone(inner),
            ty => ty.clone(),
        };
        let (place, end) = (place.place.clone(), end_of(span));
        if emptied {
            self.drop_contents(&ty, place, end);
        } else {
            self.drop_value(&ty, place, end);
        }
    }

    /// What an `Option` or a collection holds ends.
    fn drop_contents(&mut self, ty: &Ty, place: Option<Place>, span: Span) {
        match ty {
            Ty::Ext(path, args) if path.starts_with("std::") => {
                for arg in args.iter() {
                    self.drop_value(arg, place.clone(), span);
                }
            }
            _ => self.drop_value(ty, place, span),
        }
    }

    /// Calls the destructors of a value.
    pub fn drop_value(&mut self, ty: &Ty, place: Option<Place>, span: Span) {
        for (id, surely) in self.index().drop_glue(ty) {
            self.call_drop((id, surely), place.clone(), span);
        }
    }
}

/// Methods of collections and of `Option` that give what they held.
fn takes_out(name: &str) -> bool {
    matches!(
        name,
        "remove"
            | "remove_entry"
            | "swap_remove"
            | "pop"
            | "pop_front"
            | "pop_back"
            | "pop_first"
            | "pop_last"
            | "take"
    )
}
