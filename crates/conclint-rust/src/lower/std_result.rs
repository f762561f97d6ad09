//! What the methods of the standard library give, and of whoever names methods
//! like it: from the type and the name, by the table in `types`.
//!
//! Only results: what such a method does is an effect, and in the table of those.

use std::sync::Arc;

use super::body::Lower;
use super::call::is_builder_ty;
use super::types::{self, StdRet};
use super::value::Val;
use crate::index::{Ty, Tys};

impl Lower<'_> {
    /// What a method of the standard library gives, as far as its name tells.
    pub fn std_result(&mut self, cur: Val, name: &str, vals: &[Val]) -> Val {
        let index = self.index();
        let mut val = cur.clone();
        val.local = None;
        val.parts.clear();
        if is_builder_ty(&cur.ty) {
            val.named |= name == "name";
            return val;
        }
        if name == "catch_unwind" && vals.is_empty() {
            return val.with_ty(types::ext(types::CATCH_UNWIND, vec![]));
        }
        if let Some(ty) = types::swapped(&cur.ty, name) {
            return val.with_ty(ty);
        }
        match types::std_method(&cur.ty, name) {
            StdRet::Same => {
                val.parts = cur.parts.clone();
                if name == "collect" && !matches!(cur.ty, Ty::Ext(..)) {
                    val.ty = Ty::Unknown;
                }
                if name == "flatten"
                    && let Ty::Ext(path, args) = &cur.ty
                    && let Some(inside) = args.first()
                {
                    val.ty = match types::is_option_or_result(&cur.ty) {
                        true => inside.clone(),
                        false => Ty::Ext(path.clone(), [types::element(index, inside)].into()),
                    };
                }
                // What is inside is borrowed, not moved out.
                if types::is_option_or_result(&cur.ty)
                    && matches!(name, "as_ref" | "as_mut" | "as_deref" | "as_deref_mut")
                {
                    let inner = types::unwrap_ty(&cur.ty);
                    val.ty = types::option_of(Ty::Ref(name.ends_with("mut"), Arc::new(inner)));
                }
                if matches!(cur.ty, Ty::Adt(..)) && types::is_view(name) {
                    val.ty = Ty::Ref(name.ends_with("mut"), Arc::new(cur.ty));
                }
                val
            }
            StdRet::Inner => {
                val.parts = cur.parts.clone();
                let ty = types::unwrap_ty(&cur.ty);
                val.with_ty(ty)
            }
            StdRet::Element(wrapped) => {
                let ty = types::value_of(index, &cur.ty);
                let ty = match types::gives_reference(name) {
                    true => Ty::Ref(name.ends_with("mut"), Arc::new(ty)),
                    false => ty,
                };
                let ty = if wrapped { types::option_of(ty) } else { ty };
                let mut part = cur.project("[]", ty);
                part.handles = cur.handles;
                part
            }
            StdRet::Entry => {
                let mut ty = types::value_of(index, &cur.ty);
                if cur.borrows.is_some() {
                    ty = Ty::Ref(true, Arc::new(ty));
                }
                cur.project("[]", ty)
            }
            StdRet::Iter => {
                let item = self.item_of(&cur);
                let ty = if name == "enumerate" {
                    Ty::Tuple(Tys::from([types::ext("usize", vec![]), item.ty.clone()]))
                } else if name == "zip" {
                    let other = vals
                        .first()
                        .map_or(Ty::Unknown, |val| types::element(index, &val.ty));
                    Ty::Tuple(Tys::from([item.ty.clone(), other]))
                } else if matches!((name, &item.ty), ("iter" | "iter_mut", Ty::Adt(..))) {
                    Ty::Ref(name == "iter_mut", Arc::new(item.ty))
                } else {
                    item.ty.clone()
                };
                val.ty = types::ext("conclint::Iter", vec![ty]);
                val
            }
            StdRet::Chunks => {
                let list = Ty::Slice(Arc::new(types::value_of(index, &cur.ty)));
                val.with_ty(types::ext("conclint::Iter", vec![list]))
            }
            StdRet::Halves => {
                let half = Ty::Slice(Arc::new(types::value_of(index, &cur.ty)));
                val.with_ty(Ty::Tuple(Tys::from([half.clone(), half])))
            }
            StdRet::Pair(wrapped) => {
                let pair = types::element(index, &cur.ty);
                if wrapped {
                    cur.project("[]", types::option_of(pair))
                } else {
                    val.with_ty(types::ext("conclint::Iter", vec![pair]))
                }
            }
            StdRet::MapEntry => {
                let value = types::value_of(index, &cur.ty);
                val.with_ty(types::ext(types::MAP_ENTRY, vec![value]))
            }
            StdRet::Held(wrapped) => {
                let held = Ty::Ref(name.ends_with("mut"), Arc::new(types::arg(&cur.ty, 0)));
                val.with_ty(if wrapped {
                    types::option_of(held)
                } else {
                    held
                })
            }
            StdRet::Upgraded => match &cur.ty {
                Ty::Unknown => val,
                ty => {
                    let ty = types::option_of(types::shared(ty.clone()));
                    val.with_ty(ty)
                }
            },
            StdRet::Keys | StdRet::Values => {
                let at = usize::from(matches!(types::std_method(&cur.ty, name), StdRet::Values));
                let ty = match types::element(index, &cur.ty) {
                    Ty::Tuple(parts) => parts.get(at).cloned().unwrap_or(Ty::Unknown),
                    _ => Ty::Unknown,
                };
                val.ty = types::ext("conclint::Iter", vec![ty]);
                val
            }
            StdRet::Owned(ty) => {
                let mut owned = Val::of(ty);
                owned.handles = if name == "join" {
                    Vec::new()
                } else {
                    cur.handles
                };
                owned
            }
            StdRet::Unknown => {
                let mut unknown = Val::unknown();
                unknown.borrows = cur.borrows;
                unknown
            }
        }
    }
}
