//! Enums of which only some variants hold a guard: where a pattern says which
//! variant a value is, the guard of another one was not taken.

use super::body::Lower;
use super::types::GuardTy;
use super::value::Val;
use crate::hir::{Pat, Span};
use crate::index::{Ty, TypeId, ValueRes};

impl Lower<'_> {
    /// Releases the guards of `val` where `pat` matches variants without one.
    pub fn matched_variant(&mut self, pat: &Pat, val: &Val, span: Span) {
        if !val.guards.is_empty() && self.matches_free(pat) {
            self.without_guards(val, true, span);
        }
    }

    /// Whether what `pat` does not match holds no guard: `pat` takes all of
    /// the one variant that has one.
    pub fn leaves_free(&self, pat: &Pat) -> bool {
        let Some((ty, taken, parts)) = self.variant(pat) else {
            return false;
        };
        let count = self.index().type_def(ty).variants.len() as u32;
        parts.iter().all(is_any) && (0..count).all(|n| n == taken || self.is_free(ty, n))
    }

    /// The pattern matches only variants without a guard, in a type that has
    /// others.
    fn matches_free(&self, pat: &Pat) -> bool {
        match pat {
            Pat::Or(pats) => !pats.is_empty() && pats.iter().all(|pat| self.matches_free(pat)),
            Pat::Ref(inner) | Pat::Typed(inner, _) => self.matches_free(inner),
            Pat::Bind { sub: Some(sub), .. } => self.matches_free(sub),
            Pat::TupleStruct { path, pats } if matches!(path.last(), "Some" | "Ok" | "Err") => {
                matches!(&pats[..], [pat] if self.matches_free(pat))
            }
            _ => self.variant(pat).is_some_and(|(ty, variant, _)| {
                let count = self.index().type_def(ty).variants.len() as u32;
                self.is_free(ty, variant) && (0..count).any(|n| !self.is_free(ty, n))
            }),
        }
    }

    /// The variant of an enum of the workspace that a pattern names, and the
    /// patterns of its fields.
    fn variant<'p>(&self, pat: &'p Pat) -> Option<(TypeId, u32, Vec<&'p Pat>)> {
        let (path, parts) = match pat {
            Pat::Path(path) => (path, Vec::new()),
            Pat::TupleStruct { path, pats } => (path, pats.iter().collect()),
            Pat::Struct { path, fields } => (path, fields.iter().map(|(_, pat)| pat).collect()),
            _ => return None,
        };
        match self.index().resolve_value(&self.scope, path) {
            ValueRes::Ctor {
                ty,
                variant: Some(variant),
            } => Some((ty, variant, parts)),
            _ => None,
        }
    }

    /// No field of the variant can hold a guard.
    fn is_free(&self, ty: TypeId, variant: u32) -> bool {
        let index = self.index();
        let def = index.type_def(ty);
        def.variants.get(variant as usize).is_some_and(|entry| {
            entry.fields.iter().all(|field| {
                index
                    .variant_field(ty, variant, &field.name)
                    .is_some_and(|ty| self.is_free_type(&ty))
            })
        })
    }

    fn is_free_type(&self, ty: &Ty) -> bool {
        if self
            .guard_ty(ty)
            .is_some_and(|found| found != GuardTy::None)
        {
            return false;
        }
        match ty {
            Ty::Unknown | Ty::Param(_) | Ty::Bounded(..) => false,
            Ty::Ext(_, args) | Ty::Adt(_, args) | Ty::Tuple(args) => {
                args.iter().all(|arg| self.is_free_type(arg))
            }
            Ty::Slice(inner) => self.is_free_type(inner),
            // What is only borrowed ends elsewhere.
            Ty::Ref(..) | Ty::Ptr(_) | Ty::Fn(..) | Ty::Never => true,
        }
    }
}

/// The pattern matches every value.
pub(super) fn is_any(pat: &&Pat) -> bool {
    match pat {
        Pat::Wild | Pat::Rest => true,
        Pat::Bind { sub, name, .. } => {
            sub.is_none() && !name.starts_with(|c: char| c.is_ascii_uppercase())
        }
        _ => false,
    }
}
