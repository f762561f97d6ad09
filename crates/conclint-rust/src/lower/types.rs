//! Types, as far as they matter: what a smart pointer points to, what a
//! collection holds, what the methods of `Option`, `Result`, iterators and
//! collections give.

use smol_str::SmolStr;

use super::value::GUARD;
use crate::index::{Index, Ty, Tys, last_segment};

pub(super) fn ext(path: &'static str, args: Vec<Ty>) -> Ty {
    Ty::Ext(SmolStr::new_static(path), args.into())
}

pub(super) fn guard_of(data: Ty) -> Ty {
    ext(GUARD, vec![data])
}

pub(super) fn option_of(inner: Ty) -> Ty {
    ext("std::option::Option", vec![inner])
}

pub(super) fn result_of(inner: Ty) -> Ty {
    ext("std::result::Result", vec![inner, Ty::Unknown])
}

/// The error type of a `Result` that names it.
pub(super) fn error_of(ty: &Ty) -> Option<&Ty> {
    match ty {
        Ty::Ext(path, args) if path == "std::result::Result" => args.get(1),
        _ => None,
    }
}

pub(super) fn is_option_or_result(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path == "std::option::Option" || path == "std::result::Result" || path == "std::task::Poll")
}

pub(super) fn is_option(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path == "std::option::Option")
}

/// A future that is done when it is first polled, with what it gives.
pub(super) const READY: &str = "conclint::Ready";

/// What a future gives of which that is known.
pub(super) fn of_ready(future: &Ty) -> Option<Ty> {
    match future {
        Ty::Ext(path, args) if path == READY => args.first().cloned(),
        _ => None,
    }
}

/// The future that `FutureExt::catch_unwind` makes of another.
pub(super) const CATCH_UNWIND: &str = "futures::future::CatchUnwind";

pub(super) fn is_guard(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path == GUARD)
}

/// `Arc`, `Rc`, `Weak`: what is behind is shared.
pub(super) fn is_shared_pointer(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if matches!(last_segment(path), "Arc" | "Rc" | "Weak"))
}

/// A value that is made when it is first used, and has no methods of its own.
pub(super) fn is_lazy(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if is_lazy_path(path))
}

pub(super) fn is_lazy_path(path: &str) -> bool {
    matches!(last_segment(path), "LazyLock" | "Lazy" | "LazyCell")
}

/// `Arc<T>` of a type of the program's own: one of several owners.
pub(super) fn shared(ty: Ty) -> Ty {
    match ty {
        Ty::Adt(..) => ext("std::sync::Arc", vec![ty]),
        ty => ty,
    }
}

/// One step of automatic dereferencing through references, smart pointers and
/// cells' guards. Lock guards are not followed here.
pub(super) fn deref_step(index: &Index, ty: &Ty) -> Option<Ty> {
    match ty {
        Ty::Ref(_, inner) | Ty::Ptr(inner) => Some((**inner).clone()),
        Ty::Ext(path, args)
            if crate::table::POINTERS.contains(&last_segment(path)) && path != GUARD =>
        {
            args.last().cloned()
        }
        Ty::Adt(..) => index.deref_target(ty),
        _ => None,
    }
}

/// Strips references and smart pointers.
pub(super) fn peel(index: &Index, ty: &Ty) -> Ty {
    let mut ty = ty.clone();
    for _ in 0..8 {
        match deref_step(index, &ty) {
            Some(inner) if !matches!(ty, Ty::Adt(..)) => ty = inner,
            _ => break,
        }
    }
    ty
}

/// Strips references, smart pointers, `Option` and `Result`.
pub(super) fn peel_wrappers(index: &Index, ty: &Ty) -> Ty {
    let mut ty = peel(index, ty);
    for _ in 0..4 {
        if !is_option_or_result(&ty) {
            break;
        }
        ty = peel(index, &arg(&ty, 0));
    }
    ty
}

/// A type argument of an external type.
pub(super) fn arg(ty: &Ty, i: usize) -> Ty {
    match ty {
        Ty::Ext(_, args) => args.get(i).cloned().unwrap_or(Ty::Unknown),
        _ => Ty::Unknown,
    }
}

/// Whether a type is, or holds, the guard of a lock.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum GuardTy {
    None,
    /// A guard of this data (perhaps in an `Option` or `Result`).
    Guard(Ty),
    /// A struct of the workspace with a guard inside.
    Holder,
}

/// The guard types of the lock libraries, by their last segment.
pub(super) fn is_guard_name(name: &str) -> bool {
    matches!(
        name,
        "MutexGuard"
            | "RwLockReadGuard"
            | "RwLockWriteGuard"
            | "MappedMutexGuard"
            | "MappedRwLockReadGuard"
            | "MappedRwLockWriteGuard"
            | "RwLockUpgradableReadGuard"
            | "OwnedMutexGuard"
            | "OwnedRwLockReadGuard"
            | "OwnedRwLockWriteGuard"
            | "OwnedMappedMutexGuard"
            | "OwnedRwLockMappedWriteGuard"
            | "RwLockMappedWriteGuard"
            | "ReentrantMutexGuard"
            | "FairMutexGuard"
            | "MappedFairMutexGuard"
            | "MappedReentrantMutexGuard"
            | "ArcMutexGuard"
            | "ArcRwLockReadGuard"
            | "ArcRwLockWriteGuard"
            | "ArcRwLockUpgradableReadGuard"
            | "ArcReentrantMutexGuard"
            | "ReentrantLockGuard"
            | "ShardedLockReadGuard"
            | "ShardedLockWriteGuard"
            | "MutexGuardArc"
            | "RwLockReadGuardArc"
            | "RwLockWriteGuardArc"
            | "RwLockUpgradableReadGuardArc"
            | "SpinMutexGuard"
            | "RwLockUpgradeableGuard"
            | "RwLockUpgradableGuard"
            | "SgxMutexGuard"
            | "SgxRwLockReadGuard"
            | "SgxRwLockWriteGuard"
    )
}

/// What `unwrap` or `?` gives.
pub(super) fn unwrap_ty(ty: &Ty) -> Ty {
    let mut ty = ty.clone();
    while let Ty::Ref(_, inner) = &ty {
        ty = (**inner).clone();
    }
    if is_option_or_result(&ty) {
        arg(&ty, 0)
    } else if is_guard(&ty) {
        ty
    } else {
        Ty::Unknown
    }
}

/// What iterating over it gives.
pub(super) fn element(index: &Index, ty: &Ty) -> Ty {
    match peel(index, ty) {
        Ty::Slice(inner) => (*inner).clone(),
        Ty::Ext(path, args) => match last_segment(&path) {
            name if args.len() >= 2 && name.ends_with("Map") && path != "std::iter::Map" => {
                Ty::Tuple(Tys::from([args[0].clone(), args[1].clone()]))
            }
            // The iterators of a map.
            "Values" | "ValuesMut" | "IntoValues" => args.last().cloned().unwrap_or(Ty::Unknown),
            "Iter" | "IterMut" | "IntoIter" if args.len() == 2 => {
                Ty::Tuple(Tys::from([args[0].clone(), args[1].clone()]))
            }
            _ => args.first().cloned().unwrap_or(Ty::Unknown),
        },
        _ => Ty::Unknown,
    }
}

/// What indexing or `get` gives.
pub(super) fn value_of(index: &Index, ty: &Ty) -> Ty {
    match peel(index, ty) {
        Ty::Slice(inner) => (*inner).clone(),
        Ty::Ext(path, args) => match last_segment(&path) {
            name if args.len() >= 2 && (name.ends_with("Map") || name.ends_with("Cache")) => {
                args[1].clone()
            }
            _ => args.first().cloned().unwrap_or(Ty::Unknown),
        },
        _ => Ty::Unknown,
    }
}

/// A value of this type cannot hold a borrow of the data it came from.
pub(super) fn is_owned(ty: &Ty) -> bool {
    match ty {
        Ty::Unknown | Ty::Ref(..) | Ty::Ptr(_) | Ty::Param(_) | Ty::Bounded(..) | Ty::Fn(..) => {
            false
        }
        Ty::Never => true,
        Ty::Adt(_, args) => args.iter().all(is_owned),
        Ty::Tuple(parts) => parts.iter().all(is_owned),
        Ty::Slice(inner) => is_owned(inner),
        Ty::Ext(path, args) => match last_segment(path) {
            "Arc" | "Rc" | "String" | "Instant" | "Duration" | "PathBuf" | "bool" | "char"
            | "usize" | "u8" | "u16" | "u32" | "u64" | "u128" | "isize" | "i8" | "i16" | "i32"
            | "i64" | "i128" | "f32" | "f64" => true,
            "str" | "Iter" | "Ref" | "RefMut" | "Entry" | "Cow" => false,
            _ => !args.is_empty() && args.iter().all(is_owned),
        },
    }
}

/// Whether a field of this type lies in its object as a whole: no pointer that
/// others may have, too.
pub(super) fn is_inline(ty: &Ty) -> bool {
    match ty {
        Ty::Adt(..) => true,
        Ty::Ext(path, args) => {
            !matches!(last_segment(path), "Arc" | "Rc" | "Weak") && args.iter().all(is_inline)
        }
        Ty::Tuple(parts) => parts.iter().all(is_inline),
        Ty::Slice(inner) => is_inline(inner),
        _ => false,
    }
}

/// Whether a value of this type keeps no borrow of anything: as [`is_owned`],
/// and no field of the program's own types holds one either.
pub(super) fn owns(index: &Index, ty: &Ty) -> bool {
    // What `borrow` gives of a `RefCell` reads as the cell.
    let cell = matches!(ty, Ty::Ext(path, _)
        if matches!(last_segment(path), "RefCell" | "Ref" | "RefMut"));
    is_owned(ty) && !cell && !has_borrow_inside(index, ty, 2)
}

/// Whether a reference or a guard lies in a field, `depth` types deep. A
/// `&str` is mostly a name that is always there.
fn has_borrow_inside(index: &Index, ty: &Ty, depth: u32) -> bool {
    let lies_in = |ty: &Ty| match ty {
        Ty::Ref(_, inner) => !matches!(&**inner, Ty::Ext(path, _) if path == "str"),
        Ty::Ext(path, _) if last_segment(path).ends_with("Guard") => true,
        _ => depth > 0 && has_borrow_inside(index, ty, depth - 1),
    };
    match ty {
        Ty::Adt(id, args) => index
            .field_types(*id)
            .iter()
            .chain(args.iter())
            .any(lies_in),
        Ty::Ext(_, args) => args.iter().any(lies_in),
        Ty::Tuple(parts) => parts.iter().any(lies_in),
        Ty::Slice(inner) => lies_in(inner),
        _ => false,
    }
}

/// What loading an `ArcSwap` gives: the pointer that lies in it, which is the
/// same object until somebody stores another.
pub(super) fn swapped(ty: &Ty, method: &str) -> Option<Ty> {
    let Ty::Ext(path, args) = ty else {
        return None;
    };
    let pointer = match path.as_str() {
        "arc_swap::ArcSwap" => ext("std::sync::Arc", args.to_vec()),
        "arc_swap::ArcSwapOption" => option_of(ext("std::sync::Arc", args.to_vec())),
        _ => return None,
    };
    match method {
        "load_full" => Some(pointer),
        "load" => Some(ext("arc_swap::Guard", vec![pointer])),
        _ => None,
    }
}

/// What an atomic holds.
pub(super) fn atomic_value(ty: &Ty) -> Ty {
    match ty {
        Ty::Ext(path, _) if path.ends_with("::AtomicBool") => ext("bool", vec![]),
        _ => ext("u64", vec![]),
    }
}

pub(super) fn is_number(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if matches!(
        path.as_str(),
        "usize" | "u8" | "u16" | "u32" | "u64" | "u128" | "isize" | "i8" | "i16" | "i32" | "i64" | "i128" | "f32" | "f64" | "bool"
    ))
}

/// What a method of the standard library gives, by its name and the type it
/// is called on (references and smart pointers stripped).
pub(super) enum StdRet {
    /// The value itself, another view of it.
    Same,
    /// What `Option` or `Result` wraps.
    Inner,
    /// An element: `get`, `first`, `iter().next()`; `true` when in an `Option`.
    Element(bool),
    /// The value of an entry.
    Entry,
    /// An iterator over it.
    Iter,
    /// An iterator over parts of it that are lists again.
    Chunks,
    /// Two parts of it, lists again.
    Halves,
    /// Key and value: `true` when in an `Option`, else of an iterator.
    Pair(bool),
    /// The place of a key in a map.
    MapEntry,
    /// The one value of a cell; `true` when in an `Option` or `Result`.
    Held(bool),
    /// `Weak::upgrade`.
    Upgraded,
    /// Keys, values of a map.
    Keys,
    Values,
    /// An owned value of its own.
    Owned(Ty),
    /// Not known.
    Unknown,
}

pub(super) fn std_method(ty: &Ty, name: &str) -> StdRet {
    let container = is_option_or_result(ty);
    match name {
        "upgrade" if !container => StdRet::Upgraded,
        "get" | "get_mut" | "get_or_try_init" if is_once(ty) => StdRet::Held(true),
        "get_or_init" | "get_unchecked" | "wait" if is_once(ty) => StdRet::Held(false),
        "borrow" | "borrow_mut" | "get_mut" if is_ref_cell(ty) => StdRet::Held(false),
        "assume_init_ref" | "assume_init_mut" => StdRet::Held(false),
        "try_borrow" | "try_borrow_mut" if is_ref_cell(ty) => StdRet::Held(true),
        "insert" | "get" | "get_mut" | "into_mut" | "remove" if is_map_entry(ty) => StdRet::Entry,
        "and_modify" if is_map_entry(ty) => StdRet::Same,
        "unwrap" | "expect" | "unwrap_or" | "unwrap_or_else" | "unwrap_or_default"
        | "unwrap_unchecked" | "unwrap_err" | "expect_err"
            if container =>
        {
            StdRet::Inner
        }
        "as_ref" | "as_mut" | "as_deref" | "as_deref_mut" | "borrow" | "borrow_mut" | "deref"
        | "deref_mut" | "clone" | "cloned" | "copied" | "to_owned" | "by_ref" | "as_slice"
        | "as_mut_slice" | "into" | "ok" | "map_err" | "ok_or" | "ok_or_else" | "or"
        | "or_else" | "filter" | "take" | "replace" | "insert_unique" | "inspect" | "rev"
        | "skip" | "take_while" | "skip_while" | "step_by" | "peekable" | "fuse" | "chain"
        | "into_boxed_slice" | "as_pin_mut" | "get_ref" | "downgrade" | "into_inner"
        | "get_mut_unchecked" | "flatten" | "clone_arc" | "as_any" | "leak" | "collect"
        | "sorted" | "lock_ref" | "name" | "stack_size" | "cycle" | "into_future"
        | "instrument" | "boxed" | "as_arc" | "err" | "unwrap_or_clone"
            if !(name == "take" && !container && !is_iter(ty)) || is_iter(ty) =>
        {
            StdRet::Same
        }
        "take" => StdRet::Same,
        "get" | "get_mut" | "first" | "last" | "first_mut" | "last_mut" | "pop" | "pop_front"
        | "pop_back" | "front" | "back" | "front_mut" | "back_mut" | "peek" | "peek_mut"
        | "remove" | "swap_remove" | "next" | "next_back" | "find" | "max_by_key"
        | "min_by_key" | "nth" | "max" | "min" | "last_entry" | "get_or_insert_with"
        | "get_unchecked" | "get_unchecked_mut"
            if !container =>
        {
            StdRet::Element(
                !(matches!(name, "swap_remove" | "get_unchecked" | "get_unchecked_mut")
                    || name == "remove" && is_vec(ty)),
            )
        }
        "get_or_insert_with" | "get_or_insert" | "insert" if container => StdRet::Inner,
        // The value that was there before.
        "insert" if is_map(ty) => StdRet::Element(true),
        "get" | "get_mut" | "get_or_init" => StdRet::Same,
        "or_insert" | "or_insert_with" | "or_default" | "or_insert_with_key" => StdRet::Entry,
        "entry" => StdRet::MapEntry,
        "chunks" | "chunks_mut" | "chunks_exact" | "rchunks" | "windows" | "split_inclusive" => {
            StdRet::Chunks
        }
        "split_at" | "split_at_mut" => StdRet::Halves,
        "first_key_value" | "last_key_value" | "pop_first" | "pop_last" if is_map(ty) => {
            StdRet::Pair(true)
        }
        "pop_first" | "pop_last" => StdRet::Element(true),
        "range" | "range_mut" if is_map(ty) => StdRet::Pair(false),
        "iter" | "iter_mut" | "into_iter" | "drain" | "par_iter" | "par_iter_mut"
        | "into_par_iter" | "enumerate" | "zip" | "lines" | "chars" | "bytes" => StdRet::Iter,
        "keys" | "into_keys" => StdRet::Keys,
        "values" | "values_mut" | "into_values" => StdRet::Values,
        "len" | "count" | "capacity" | "strong_count" => StdRet::Owned(ext("usize", vec![])),
        "is_some" | "is_none" | "is_ok" | "is_err" | "is_empty" | "contains" | "contains_key"
        | "any" | "all" | "starts_with" | "ends_with" | "is_some_and" | "is_finished" | "eq"
        | "ne" | "lt" | "gt" => StdRet::Owned(ext("bool", vec![])),
        "to_string" | "to_lowercase" | "to_uppercase" | "join" => {
            StdRet::Owned(ext("std::string::String", vec![]))
        }
        "sum" | "product" | "load" | "elapsed" | "fold" | "duration_since" | "cmp"
        | "partial_cmp" => StdRet::Owned(ext("u64", vec![])),
        "push" | "push_back" | "push_front" | "extend" | "clear" | "retain" | "sort"
        | "truncate" | "store" | "push_str" => StdRet::Owned(Ty::unit()),
        _ => StdRet::Unknown,
    }
}

/// Methods that hand out their object to look at, or a way to it that does
/// not own it alone.
pub(super) fn is_view(name: &str) -> bool {
    name.starts_with("as_")
        || name.starts_with("borrow")
        || name.starts_with("deref")
        || matches!(
            name,
            "by_ref"
                | "get_ref"
                | "lock_ref"
                | "get_mut_unchecked"
                | "downgrade"
                | "clone_arc"
                | "to_owned"
        )
}

/// Methods that give the same value in another form.
pub(super) fn keeps_value(name: &str) -> bool {
    matches!(
        name,
        "as_deref"
            | "as_path"
            | "as_ref"
            | "as_str"
            | "borrow"
            | "clone"
            | "cloned"
            | "copied"
            | "deref"
            | "into"
            | "into_owned"
            | "to_owned"
            | "to_path_buf"
            | "to_string"
            | "to_vec"
    )
}

/// Methods of collections that hand out an element by reference.
pub(super) fn gives_reference(name: &str) -> bool {
    matches!(
        name,
        "get"
            | "get_mut"
            | "first"
            | "first_mut"
            | "last"
            | "last_mut"
            | "front"
            | "front_mut"
            | "back"
            | "back_mut"
            | "peek"
            | "peek_mut"
            | "get_unchecked"
            | "get_unchecked_mut"
    )
}

pub(super) fn is_iter(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path == "conclint::Iter")
}

/// What `entry` gives of a map of the standard library.
pub(super) const MAP_ENTRY: &str = "conclint::Entry";

pub(super) fn is_map_entry(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path == MAP_ENTRY)
}

pub(super) fn is_once(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, args) if args.len() == 1
        && matches!(last_segment(path), "OnceLock" | "OnceCell"))
}

fn is_ref_cell(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if matches!(last_segment(path), "RefCell" | "AtomicRefCell"))
}

fn is_map(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, args) if args.len() >= 2 && path.ends_with("Map"))
}

fn is_vec(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path.ends_with("::Vec") || path.ends_with("::VecDeque"))
}

/// A `Vec`, whose `remove` panics where there is no such element.
pub(super) fn is_list(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path.ends_with("::Vec"))
}

/// Methods that change what they are called on (for `Use` and statement
/// dependencies); not complete, and need not be.
pub(super) fn mutates(name: &str) -> bool {
    matches!(
        name,
        "push"
            | "push_back"
            | "push_front"
            | "push_str"
            | "insert"
            | "remove"
            | "extend"
            | "clear"
            | "retain"
            | "sort"
            | "sort_by"
            | "sort_by_key"
            | "truncate"
            | "pop"
            | "pop_front"
            | "pop_back"
            | "take"
            | "replace"
            | "append"
            | "drain"
            | "entry"
            | "get_mut"
            | "iter_mut"
            | "values_mut"
            | "as_mut"
            | "swap"
            | "resize"
            | "dedup"
            | "reverse"
            | "swap_remove"
            | "split_off"
            | "get_or_insert_with"
            | "first_mut"
            | "last_mut"
            | "send"
            | "write"
            | "write_all"
            | "read_line"
            | "extend_from_slice"
            | "fill"
    )
}

/// The type as people write it, without paths.
pub(super) fn text(index: &Index, ty: &Ty) -> String {
    let list = |args: &[Ty]| {
        args.iter()
            .map(|a| text(index, a))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let with_args = |name: &str, args: &[Ty]| {
        if args.is_empty() {
            name.to_owned()
        } else {
            format!("{name}<{}>", list(args))
        }
    };
    match ty {
        Ty::Unknown => "_".to_owned(),
        Ty::Adt(id, args) => with_args(index.type_name(*id), args),
        Ty::Ext(path, args) => with_args(last_segment(path), args),
        Ty::Ref(mutable, inner) => format!(
            "&{}{}",
            if *mutable { "mut " } else { "" },
            text(index, inner)
        ),
        Ty::Ptr(inner) => format!("*const {}", text(index, inner)),
        Ty::Param(name) => name.to_string(),
        Ty::Bounded(is_dyn, _) => (if *is_dyn { "dyn _" } else { "impl _" }).to_owned(),
        Ty::Tuple(parts) => format!("({})", list(parts)),
        Ty::Slice(inner) => format!("[{}]", text(index, inner)),
        Ty::Fn(..) => "fn(..)".to_owned(),
        Ty::Never => "!".to_owned(),
    }
}
