//! Objects that one thread alone can be at, by their type: an `Rc` or a `Cell`
//! beside the lock keeps the whole object from being `Sync`.
//!
//! Read off the declarations, as the compiler does for auto traits (Reference,
//! "Auto traits"): in doubt, and behind types of other crates, a type is `Sync`.

use super::value::{ClassBase, ClassKey};
use crate::index::{Index, Ty, TypeId, last_segment};

/// Types of types that are looked into.
const DEPTH: u32 = 3;

/// Whether the field `key` belongs to objects that no two threads can be at, and
/// is not itself handed from one to another (`Arc<Mutex<..>>`).
pub(super) fn is_unshared(index: &Index, key: &ClassKey) -> bool {
    let ClassBase::Field(owner, field) = &key.base else {
        return false;
    };
    let own = index.variant_field(*owner, 0, field);
    own.is_some_and(|ty| !is_handed_on(&ty)) && keeps_from_sync(index, *owner, DEPTH)
}

/// Whether a closure that holds a variable of this type cannot leave the thread
/// that makes it: it is surely not `Send`.
pub(super) fn stays_with_its_thread(index: &Index, ty: &Ty) -> bool {
    is_unsend(index, ty, DEPTH)
}

/// Something else may have it, too.
fn is_handed_on(ty: &Ty) -> bool {
    match ty {
        Ty::Adt(..) | Ty::Ext(..) => {
            let pointer = matches!(ty, Ty::Ext(path, _) if last_segment(path) == "Arc");
            pointer || args(ty).iter().any(is_handed_on)
        }
        Ty::Tuple(parts) => parts.iter().any(is_handed_on),
        Ty::Slice(inner) => is_handed_on(inner),
        Ty::Unknown | Ty::Ref(..) | Ty::Ptr(_) | Ty::Param(_) | Ty::Bounded(..) => true,
        Ty::Fn(..) | Ty::Never => false,
    }
}

fn args(ty: &Ty) -> &[Ty] {
    match ty {
        Ty::Adt(_, args) | Ty::Ext(_, args) => args,
        _ => &[],
    }
}

/// Whether a type has a field that is not `Sync`, and nobody says that it is
/// nevertheless.
fn keeps_from_sync(index: &Index, owner: TypeId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    fields(index, owner).any(|ty| is_unsync(index, &ty, false, depth))
        && !says_otherwise(index, owner)
}

fn says_otherwise(index: &Index, owner: TypeId) -> bool {
    let ty = Ty::Adt(owner, crate::index::Tys::default());
    index.implements(&ty, "Sync") || index.implements(&ty, "Send")
}

/// Whether a type is surely not `Sync`; below a lock, whether it is not `Send`.
fn is_unsync(index: &Index, ty: &Ty, locked: bool, depth: u32) -> bool {
    match ty {
        Ty::Ext(path, args) => match &**path {
            "std::rc::Rc" | "std::rc::Weak" => true,
            "std::cell::Cell" | "std::cell::RefCell" | "std::cell::OnceCell" => {
                !locked || args.iter().any(|ty| is_unsync(index, ty, true, depth))
            }
            "std::sync::Mutex" | "std::sync::RwLock" => {
                args.iter().any(|ty| is_unsync(index, ty, true, depth))
            }
            path if is_transparent(path) => {
                args.iter().any(|ty| is_unsync(index, ty, locked, depth))
            }
            _ => false,
        },
        Ty::Tuple(parts) => parts.iter().any(|ty| is_unsync(index, ty, locked, depth)),
        Ty::Slice(inner) => is_unsync(index, inner, locked, depth),
        // What is only `Send` may be behind a lock.
        Ty::Adt(id, _) if !locked => keeps_from_sync(index, *id, depth),
        _ => false,
    }
}

/// Whether a type is surely not `Send`.
fn is_unsend(index: &Index, ty: &Ty, depth: u32) -> bool {
    match ty {
        Ty::Ref(false, inner) => is_unsync(index, inner, false, depth),
        Ty::Ref(true, inner) | Ty::Slice(inner) => is_unsend(index, inner, depth),
        Ty::Ext(path, args) if &**path == "std::sync::Arc" => {
            let mut args = args.iter();
            args.any(|ty| is_unsync(index, ty, false, depth) || is_unsend(index, ty, depth))
        }
        Ty::Tuple(parts) => parts.iter().any(|ty| is_unsend(index, ty, depth)),
        Ty::Adt(id, _) => depth > 0 && has_unsend(index, *id, depth - 1),
        // As behind a lock.
        _ => is_unsync(index, ty, true, depth),
    }
}

fn has_unsend(index: &Index, owner: TypeId, depth: u32) -> bool {
    fields(index, owner).any(|ty| is_unsend(index, &ty, depth)) && !says_otherwise(index, owner)
}

/// The types of all fields of a type.
fn fields(index: &Index, owner: TypeId) -> impl Iterator<Item = Ty> {
    let def = index.type_def(owner);
    let names = (0..).zip(&def.variants).flat_map(|(variant, fields)| {
        let names = fields.fields.iter().map(|field| &field.name);
        names.map(move |name| (variant, name))
    });
    names.filter_map(move |(variant, name)| index.variant_field(owner, variant, name))
}

/// What it holds is shared with it.
fn is_transparent(path: &str) -> bool {
    matches!(
        path,
        "std::boxed::Box"
            | "std::collections::BTreeMap"
            | "std::collections::BTreeSet"
            | "std::collections::HashMap"
            | "std::collections::HashSet"
            | "std::collections::VecDeque"
            | "std::option::Option"
            | "std::result::Result"
            | "std::sync::Arc"
            | "std::vec::Vec"
    )
}
