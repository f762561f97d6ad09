//! What well-known libraries give, where neither the standard library's rules
//! nor the program's own declarations tell: what is pinned or behind a raw
//! pointer, wrappers of one value, and what is asked for by its type.

use std::sync::Arc;

use super::body::Lower;
use super::method::MethodCall;
use super::types;
use super::value::Val;
use crate::index::{Ty, last_segment};

/// What a method of a `Pin` or of a raw pointer gives, which what it points to
/// has no part in; `to` is what a cast names.
pub(super) fn of_pointer(ty: &Ty, name: &str, to: Ty) -> Option<Ty> {
    let mut ty = ty;
    // Methods of a pointer are not called through another.
    while let Ty::Ref(_, inner) = ty
        && !matches!(**inner, Ty::Ref(..))
    {
        ty = inner;
    }
    match ty {
        Ty::Ptr(inner) => match name {
            "as_ref" | "as_mut" => {
                let reference = Ty::Ref(name == "as_mut", inner.clone());
                Some(types::option_of(reference))
            }
            "cast_mut" | "cast_const" => Some(ty.clone()),
            "cast" => Some(Ty::Ptr(Arc::new(to))),
            _ => None,
        },
        Ty::Ext(path, args) => match (last_segment(path), &args[..]) {
            ("Pin", [pointer]) => match name {
                "get_mut"
                | "get_unchecked_mut"
                | "into_inner"
                | "into_inner_unchecked"
                | "get_ref" => Some(pointer.clone()),
                "as_mut" | "as_ref" => {
                    let inner = pointee(pointer)?;
                    let reference = Ty::Ref(name == "as_mut", Arc::new(inner.clone()));
                    Some(Ty::Ext(path.clone(), [reference].into()))
                }
                _ => None,
            },
            ("NonNull", [inner]) => match name {
                "as_ref" | "as_mut" => Some(Ty::Ref(name == "as_mut", Arc::new(inner.clone()))),
                "as_ptr" => Some(Ty::Ptr(Arc::new(inner.clone()))),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// What a pointer that can be pinned points to.
fn pointee(pointer: &Ty) -> Option<&Ty> {
    match pointer {
        Ty::Ref(_, inner) => Some(inner),
        Ty::Ext(path, args) if matches!(last_segment(path), "Box" | "Arc" | "Rc") => args.first(),
        _ => None,
    }
}

/// `Arc::from_raw(pointer)` and back.
pub(super) fn of_pointer_function(head: &str, name: &str, first: &Ty) -> Option<Ty> {
    let owner = match last_segment(head) {
        "Arc" => "std::sync::Arc",
        "Rc" => "std::rc::Rc",
        "Box" => "std::boxed::Box",
        _ => return None,
    };
    match (name, first) {
        ("from_raw", Ty::Ptr(inner)) => Some(types::ext(owner, vec![(**inner).clone()])),
        ("into_raw" | "as_ptr", first) => {
            let mut first = first;
            while let Ty::Ref(_, inner) = first {
                first = inner;
            }
            let inner = types::arg(first, 0);
            (inner != Ty::Unknown).then(|| Ty::Ptr(Arc::new(inner)))
        }
        _ => None,
    }
}

/// What is in a wrapper of others that a pattern takes apart by its name:
/// `State(state)` of a `State<Arc<Service>>`.
pub(super) fn only_field(ty: &Ty, name: &str) -> Option<Ty> {
    match ty {
        Ty::Ext(path, args) if last_segment(path) == name => match &args[..] {
            [one] => Some(one.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// What `.0` of a wrapper of others is.
pub(super) fn wrapped(ty: &Ty) -> Option<Ty> {
    let Ty::Ext(path, args) = ty else {
        return None;
    };
    let is_open = match last_segment(path) {
        "AssertUnwindSafe" | "Reverse" | "Wrapping" => true,
        // The field of other wrappers of that name is their own.
        "Extension" | "Json" | "State" => path.starts_with("axum"),
        _ => false,
    };
    args.last().filter(|_| is_open).cloned()
}

impl Lower<'_> {
    /// What a method of a library gives, as its turbofish or its receiver's
    /// type says: `app.state::<Service>()`, `any.downcast_ref::<Service>()`.
    pub fn library_getter(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        let name = call.name.as_str();
        if !call.args.is_empty() {
            return None;
        }
        let mut val = cur.clone();
        val.local = None;
        val.parts.clear();
        if let [ty] = call.generics {
            let ty = self.resolve_type(ty);
            if ty == Ty::Unknown {
                return None;
            }
            let text = types::text(self.index(), &ty);
            let ty = asked_for(name, ty)?;
            // The same object seen as what it is, or one of those it keeps.
            return Some(match name.contains("cast") {
                true => val.with_ty(ty),
                false => cur.project(&format!("{name}::<{text}>"), ty),
            });
        }
        match (&cur.ty, name) {
            // A view of all fields, made by `pin_project`.
            (Ty::Adt(..), "project" | "project_ref") => {
                let ty = Ty::Ref(name == "project", Arc::new(cur.ty.clone()));
                Some(val.with_ty(ty))
            }
            (Ty::Ext(path, args), "context") if last_segment(path) == "RequestContext" => {
                let ty = Ty::Ref(false, Arc::new(args.first()?.clone()));
                Some(val.project("context", ty))
            }
            // What the host of a WebAssembly program keeps with it.
            (Ty::Ext(path, args), "data" | "data_mut") if keeps_data(last_segment(path)) => {
                let ty = Ty::Ref(name == "data_mut", Arc::new(args.last()?.clone()));
                Some(cur.project("data", ty))
            }
            // An entry of a map, as its iterator gives it.
            (Ty::Tuple(parts), "key" | "value" | "value_mut") => {
                let at = usize::from(name != "key");
                let ty = Ty::Ref(name == "value_mut", Arc::new(parts.get(at)?.clone()));
                Some(val.with_ty(ty))
            }
            _ => None,
        }
    }
}

fn keeps_data(name: &str) -> bool {
    matches!(
        name,
        "Caller" | "FunctionEnvMut" | "Store" | "StoreContext" | "StoreContextMut"
    )
}

/// What a getter of this name gives, that was asked for a `ty`.
fn asked_for(name: &str, ty: Ty) -> Option<Ty> {
    let by_ref = |ty| Ty::Ref(name.ends_with("mut"), Arc::new(ty));
    Some(match name {
        "state" | "resource" | "resource_mut" | "data_unchecked" | "upcast_ref" => by_ref(ty),
        "try_state" | "get_resource" | "get_resource_mut" | "app_data" | "data_opt"
        | "downcast_ref" | "downcast_mut" | "dynamic_cast_ref" | "get" | "get_mut" => {
            types::option_of(by_ref(ty))
        }
        "data" => types::result_of(by_ref(ty)),
        "downcast" | "dynamic_cast" => types::result_of(types::shared(ty)),
        "upcast" => ty,
        _ => return None,
    })
}
