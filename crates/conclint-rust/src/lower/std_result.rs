//! What the methods of the standard library give, and of whoever names methods
//! like it: from the type and the name, by the table in `types`.
//!
//! Only results: what such a method does is an effect, and in the table of those.

use std::sync::Arc;

use super::body::Lower;
use super::call::is_builder_ty;
use super::types::{self, StdRet};
use super::value::Val;
use crate::index::{Index, Ty, Tys, last_segment};
use crate::table::{self, MethodReturn};

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
        if let Some(ty) = library_result(&cur.ty, name) {
            return val.with_ty(ty);
        }
        if let Some(ty) = types::swapped(&cur.ty, name) {
            return val.with_ty(ty);
        }
        if let Some(ty) = in_skip_map(&cur.ty, name) {
            // The parts of an entry lie where it does.
            return match matches!(name, "iter" | "range" | "key" | "value") {
                true => val.with_ty(ty),
                false => cur.project("[]", ty),
            };
        }
        match types::std_method(&cur.ty, name) {
            StdRet::Same => same_kind(index, val, cur, name),
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
                // What an insertion takes the place of is no part any more.
                part.handles = match name {
                    "insert" => Vec::new(),
                    _ => cur.handles,
                };
                part
            }
            StdRet::Entry => {
                let mut ty = types::value_of(index, &cur.ty);
                if cur.borrows.is_some() {
                    ty = Ty::Ref(true, Arc::new(ty));
                }
                cur.entered(ty)
            }
            StdRet::Iter => {
                let item = self.item_of(&cur).ty;
                val.with_ty(iterator(item_given(index, item, name, vals)))
            }
            StdRet::Pair(true) => {
                let pair = types::element(index, &cur.ty);
                cur.project("[]", types::option_of(pair))
            }
            StdRet::Upgraded if cur.ty == Ty::Unknown => val,
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
            ret => val.with_ty(other_type(index, &cur.ty, &ret, name)),
        }
    }
}

/// The type that `ret` stands for, where the value is the same in other terms.
fn other_type(index: &Index, ty: &Ty, ret: &StdRet, name: &str) -> Ty {
    let list = || Ty::Slice(Arc::new(types::value_of(index, ty)));
    let of_entry = |part: usize| match types::element(index, ty) {
        Ty::Tuple(parts) => parts.get(part).cloned().unwrap_or(Ty::Unknown),
        _ => Ty::Unknown,
    };
    match ret {
        StdRet::Chunks => iterator(list()),
        StdRet::Halves => Ty::Tuple(Tys::from([list(), list()])),
        StdRet::Pair(_) => iterator(types::element(index, ty)),
        StdRet::Keys => iterator(of_entry(0)),
        StdRet::Values => iterator(of_entry(1)),
        StdRet::MapEntry => types::ext(types::MAP_ENTRY, vec![types::value_of(index, ty)]),
        StdRet::Held(wrapped) => {
            let held = Ty::Ref(name.ends_with("mut"), Arc::new(types::arg(ty, 0)));
            match wrapped {
                true => types::option_of(held),
                false => held,
            }
        }
        StdRet::Upgraded => types::option_of(types::shared(ty.clone())),
        StdRet::Same
        | StdRet::Inner
        | StdRet::Element(_)
        | StdRet::Entry
        | StdRet::Iter
        | StdRet::Owned(_)
        | StdRet::Unknown => Ty::Unknown,
    }
}

/// A method of `cur` that gives a value of its own kind: `val`, which was `cur`.
fn same_kind(index: &Index, mut val: Val, cur: Val, name: &str) -> Val {
    val.parts = cur.parts;
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

/// What the iterator that the method `name` gives goes over, where the items of
/// what it is called on are an `item`.
fn item_given(index: &Index, item: Ty, name: &str, vals: &[Val]) -> Ty {
    match (name, &item) {
        ("enumerate", _) => Ty::Tuple(Tys::from([types::ext("usize", vec![]), item])),
        ("zip", _) => {
            let other = vals
                .first()
                .map_or(Ty::Unknown, |val| types::element(index, &val.ty));
            Ty::Tuple(Tys::from([item, other]))
        }
        ("iter" | "iter_mut", Ty::Adt(..)) => Ty::Ref(name == "iter_mut", Arc::new(item)),
        _ => item,
    }
}

/// What the methods of the ordered map of `crossbeam` give of its entries.
const SKIP_ENTRY: &str = "crossbeam_skiplist::map::Entry";

/// What a method of such a map, or of one of its entries, gives of it.
pub(super) fn in_skip_map(ty: &Ty, name: &str) -> Option<Ty> {
    let Ty::Ext(path, args) = ty else {
        return None;
    };
    let [key, value] = &args[..] else {
        return None;
    };
    let borrowed = |ty: &Ty| Ty::Ref(false, Arc::new(ty.clone()));
    if path == SKIP_ENTRY {
        return match name {
            "key" => Some(borrowed(key)),
            "value" => Some(borrowed(value)),
            _ => None,
        };
    }
    if !path.starts_with("crossbeam") || last_segment(path) != "SkipMap" {
        return None;
    }
    let entry = types::ext(SKIP_ENTRY, args.to_vec());
    match name {
        "get" | "front" | "back" | "lower_bound" | "upper_bound" | "pop_front" | "pop_back"
        | "remove" => Some(types::option_of(entry)),
        "insert" | "get_or_insert" | "get_or_insert_with" => Some(entry),
        "iter" | "range" => Some(iterator(entry)),
        _ => None,
    }
}

/// An iterator of any kind over `item`s.
fn iterator(item: Ty) -> Ty {
    types::ext("conclint::Iter", vec![item])
}

/// What a method of a library's type gives, where the table says so.
pub(super) fn library_result(ty: &Ty, name: &str) -> Option<Ty> {
    let Ty::Ext(path, _) = ty else {
        return None;
    };
    let ext = |path| types::ext(path, vec![]);
    Some(match table::method_returns(path, name)? {
        MethodReturn::Plain(path) => ext(path),
        MethodReturn::Same => types::result_of(ty.clone()),
        MethodReturn::Pair(path) => {
            types::result_of(Ty::Tuple(Tys::from([ext(path), Ty::Unknown])))
        }
        MethodReturn::Iter(path) => iterator(types::result_of(ext(path))),
    })
}
