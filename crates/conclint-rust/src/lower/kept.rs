//! Senders in the fields of objects: who makes an object that keeps one, together
//! with the handle of what reads the receiver, and where such a field is let go.

use conclint_facts::{EventKind, Kept};
use smol_str::SmolStr;

use super::body::Lower;
use super::types;
use super::value::Val;
use crate::hir::{Expr, ExprKind, Span};
use crate::index::Ty;

/// Methods of a sender, or of an `Option` of one, after which it is still there.
const LEAVES: &[&str] = &[
    "as_mut",
    "as_ref",
    "clone",
    "is_none",
    "is_some",
    "len",
    "send",
    "send_timeout",
    "try_send",
];

impl Lower<'_> {
    /// An object of the type `owner` is made with these fields.
    pub(super) fn keeps_senders(&mut self, owner: &Ty, fields: &[(SmolStr, Val)], span: Span) {
        let Ty::Adt(owner, _) = owner else { return };
        let mut kept = Vec::new();
        for (sender, val) in fields {
            if val.channel == 0 || !self.has_sender(&val.ty) {
                continue;
            }
            for (handles, with) in fields {
                let read = self
                    .dry_spawns
                    .iter()
                    .find(|(id, channel, _)| *channel == val.channel && with.handles.contains(id));
                kept.extend(read.map(|&(_, _, receive)| Kept {
                    of: owner.0,
                    sender: sender.clone(),
                    handles: handles.clone(),
                    receive,
                }));
            }
        }
        for kept in kept {
            self.emit(EventKind::SenderKept(Box::new(kept)), span);
        }
    }

    /// A sender, or an `Option` of one.
    fn has_sender(&self, ty: &Ty) -> bool {
        let peeled = types::peel(self.index(), ty);
        self.is_sender(ty)
            || matches!(&peeled, Ty::Ext(_, args) if types::is_option(&peeled)
                && args.first().is_some_and(|inner| self.is_sender(inner)))
    }

    /// What follows only looks at the place, or calls a method that leaves it.
    pub(super) fn only_looks(&mut self, place: &Expr, method: Option<&str>) {
        let leaves = method.is_none_or(|name| LEAVES.contains(&name));
        if leaves && matches!(place.kind, ExprKind::Field { .. }) {
            self.looked_at = Some(place.span);
        }
    }

    /// The field `name` of `base` is named, and has this value.
    pub(super) fn field_is_named(&mut self, base: &Ty, name: &SmolStr, val: &Val, span: Span) {
        let looks = self.looked_at.take_if(|looked_at| *looked_at == span);
        if looks.is_none() && self.has_sender(&val.ty) {
            self.lets_go(base, name, span);
        }
    }

    /// The field is moved out of an object of the type `base`, or may be.
    fn lets_go(&mut self, base: &Ty, name: &SmolStr, span: Span) {
        if let Some(info) = self.index().field(base, name) {
            let (of, field) = (info.owner.0, name.clone());
            self.emit(EventKind::SenderLetGo { of, field }, span);
        }
    }
}
