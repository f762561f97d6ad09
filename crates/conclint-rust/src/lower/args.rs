//! What arguments carry into a call: objects, guards, handles and closures.
//!
//! Only what leaves this function is noted; what a callee makes of it is found
//! out when all functions are known.

use conclint_facts::{Arg, Call, EventKind, ReleaseWhy, Resolution};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::value::Val;
use crate::hir::{Expr, Span};

impl Lower<'_> {
    /// An argument of a call: closures are lowered on their own.
    pub fn arg(&mut self, expr: &Expr) -> Val {
        self.expr(expr)
    }

    pub fn arg_fact(&mut self, val: &Val) -> Arg {
        let kind = self.given_kind(&val.ty);
        let class = match (&val.class, kind) {
            (Some(key), Some(kind)) => Some(self.class_id(key.clone(), &kind, &val.ty)),
            _ => None,
        };
        Arg {
            place: val.place.clone(),
            class,
            closure: val.closure,
            guards: val.guards.to_vec(),
            borrows: val.borrows,
            from: val.from,
            exclusive: val.exclusive,
            channel: val.channel,
            flag: val.flag,
            number: val.number,
            views: val.views.clone(),
        }
    }

    /// Guards that closures take along: what the closure does with them
    /// happens while it runs, which may be to let go first thing.
    pub fn taken_along(&mut self, vals: &mut [Val], span: Span) {
        for val in vals.iter_mut().filter(|val| val.closure.is_some()) {
            for guard in std::mem::take(&mut val.guards) {
                self.release(guard, ReleaseWhy::Moved, span);
            }
        }
    }

    /// By-value guards and handles that go into a call nobody looks into.
    pub fn swallow(&mut self, vals: &[Val], span: Span) {
        for val in vals {
            for guard in val.guards.clone() {
                self.escapes(guard);
                self.release(guard, ReleaseWhy::Moved, end_of(span));
            }
            self.lose_handles(val);
        }
    }

    /// Closures that go where nobody looks may run later.
    pub fn escaping_closures(&mut self, name: &SmolStr, vals: &[Val], span: Span) {
        if vals.iter().any(|val| val.closure.is_some()) {
            self.escaping(name, vals, span);
        }
    }

    /// A call of a function of others, of which something is to be said.
    pub fn escaping(&mut self, name: &SmolStr, vals: &[Val], span: Span) {
        self.call_outside(name.clone(), vals, Resolution::External, span);
    }

    /// A call of a function that was not found.
    pub fn unresolved(&mut self, name: SmolStr, vals: &[Val], span: Span) {
        self.call_outside(name, vals, Resolution::Unknown, span);
    }

    fn call_outside(&mut self, name: SmolStr, vals: &[Val], resolution: Resolution, span: Span) {
        let call = Call {
            name,
            targets: Vec::new(),
            resolution,
            args: vals.iter().map(|val| self.arg_fact(val)).collect(),
        };
        self.emit(EventKind::Call(call), span);
    }
}
