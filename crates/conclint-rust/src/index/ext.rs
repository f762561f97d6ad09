//! What is known of names outside the workspace: the prelude, the primitive
//! types, one spelling per item. Data only; lock and effect tables are
//! elsewhere.

use smol_str::{SmolStr, StrExt as _, format_smolstr};

/// The canonical path of a name of the standard prelude (types, traits,
/// variants, functions).
pub(super) fn prelude(name: &str) -> Option<&'static str> {
    Some(match name {
        "Option" => "std::option::Option",
        "Some" => "std::option::Option::Some",
        "None" => "std::option::Option::None",
        "Result" => "std::result::Result",
        "Ok" => "std::result::Result::Ok",
        "Err" => "std::result::Result::Err",
        "Vec" => "std::vec::Vec",
        "String" => "std::string::String",
        "Box" => "std::boxed::Box",
        "drop" => "std::mem::drop",
        "size_of" => "std::mem::size_of",
        "size_of_val" => "std::mem::size_of_val",
        "align_of" => "std::mem::align_of",
        "align_of_val" => "std::mem::align_of_val",
        "ToString" => "std::string::ToString",
        "ToOwned" => "std::borrow::ToOwned",
        "Clone" => "std::clone::Clone",
        "Copy" => "std::marker::Copy",
        "Send" => "std::marker::Send",
        "Sync" => "std::marker::Sync",
        "Sized" => "std::marker::Sized",
        "Unpin" => "std::marker::Unpin",
        "Drop" => "std::ops::Drop",
        "Fn" => "std::ops::Fn",
        "FnMut" => "std::ops::FnMut",
        "FnOnce" => "std::ops::FnOnce",
        "AsyncFn" => "std::ops::AsyncFn",
        "AsyncFnMut" => "std::ops::AsyncFnMut",
        "AsyncFnOnce" => "std::ops::AsyncFnOnce",
        "AsRef" => "std::convert::AsRef",
        "AsMut" => "std::convert::AsMut",
        "From" => "std::convert::From",
        "Into" => "std::convert::Into",
        "TryFrom" => "std::convert::TryFrom",
        "TryInto" => "std::convert::TryInto",
        "Default" => "std::default::Default",
        "Iterator" => "std::iter::Iterator",
        "IntoIterator" => "std::iter::IntoIterator",
        "FromIterator" => "std::iter::FromIterator",
        "Extend" => "std::iter::Extend",
        "DoubleEndedIterator" => "std::iter::DoubleEndedIterator",
        "ExactSizeIterator" => "std::iter::ExactSizeIterator",
        "Future" => "std::future::Future",
        "IntoFuture" => "std::future::IntoFuture",
        "Eq" => "std::cmp::Eq",
        "PartialEq" => "std::cmp::PartialEq",
        "Ord" => "std::cmp::Ord",
        "PartialOrd" => "std::cmp::PartialOrd",
        "Debug" => "std::fmt::Debug",
        "Hash" => "std::hash::Hash",
        _ => return None,
    })
}

/// Prelude names that are only values.
pub(super) fn is_prelude_value(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        || matches!(name, "Some" | "None" | "Ok" | "Err")
}

/// Primitive types.
pub(super) fn is_primitive(name: &str) -> bool {
    matches!(
        name,
        "bool"
            | "char"
            | "str"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "i8"
            | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "isize"
            | "f32"
            | "f64"
            | "f16"
            | "f128"
    )
}

/// The standard library, a part of it, or the one of enclaves.
fn is_std(krate: &str) -> bool {
    matches!(krate, "core" | "alloc" | "sgx_tstd")
}

/// One spelling for items that are reachable by several paths.
pub(super) fn canonical(path: SmolStr) -> SmolStr {
    let path = match path.split_once("::") {
        Some((krate, rest)) if is_std(krate) => format_smolstr!("std::{rest}"),
        None if is_std(&path) => return SmolStr::new_static("std"),
        _ => path,
    };
    // `io::Result`, `anyhow::Result`: by long custom aliases of the one.
    if matches!(
        path.rsplit("::").next(),
        Some("Result" | "LockResult" | "TryLockResult")
    ) && path.contains("::")
    {
        return SmolStr::new_static("std::result::Result");
    }
    let Some(rest) = path.strip_prefix("std::") else {
        return path;
    };
    // `use std::prelude::v1::*;`, of whoever has no prelude by itself.
    if let Some((_, name)) = rest
        .strip_prefix("prelude::")
        .and_then(|rest| rest.split_once("::"))
        && let Some(known) = prelude(name)
    {
        return SmolStr::new_static(known);
    }
    for (from, to) in SAME {
        if let Some(tail) = rest.strip_prefix(from)
            && (tail.is_empty() || tail.starts_with("::"))
        {
            return format_smolstr!("std::{to}{tail}");
        }
    }
    path
}

/// Behind `std::`: as written sometimes, and the usual path.
const SAME: &[(&str, &str)] = &[
    ("collections::hash_map::HashMap", "collections::HashMap"),
    ("collections::hash_set::HashSet", "collections::HashSet"),
    ("collections::btree_map::BTreeMap", "collections::BTreeMap"),
    ("collections::btree_set::BTreeSet", "collections::BTreeSet"),
    ("collections::vec_deque::VecDeque", "collections::VecDeque"),
    (
        "collections::linked_list::LinkedList",
        "collections::LinkedList",
    ),
    (
        "collections::binary_heap::BinaryHeap",
        "collections::BinaryHeap",
    ),
    ("sync::poison::mutex", "sync"),
    ("sync::poison::rwlock", "sync"),
    ("sync::poison", "sync"),
    ("ops::drop", "mem::drop"),
    ("prelude::rust_2021", "prelude::v1"),
    ("prelude::rust_2024", "prelude::v1"),
    ("prelude::v1::drop", "mem::drop"),
];

/// `base::name`, canonical.
pub(super) fn join(base: &str, name: &str) -> SmolStr {
    canonical(format_smolstr!("{base}::{name}"))
}

/// A primitive's name where a path names its module of old (`std::u32`).
pub(super) fn as_type(path: &SmolStr) -> SmolStr {
    match path
        .strip_prefix("std::")
        .or_else(|| path.strip_prefix("std::primitive::"))
    {
        Some(name) if is_primitive(name) => name.to_lowercase_smolstr(),
        _ => path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_item() {
        for (from, to) in [
            ("core::ops::Deref", "std::ops::Deref"),
            ("alloc::sync::Arc", "std::sync::Arc"),
            ("core", "std"),
            (
                "std::collections::hash_map::HashMap",
                "std::collections::HashMap",
            ),
            (
                "std::collections::hash_map::HashMap::new",
                "std::collections::HashMap::new",
            ),
            (
                "std::collections::hash_map::Entry",
                "std::collections::hash_map::Entry",
            ),
            ("std::sync::poison::Mutex", "std::sync::Mutex"),
            (
                "parking_lot::lock_api::Mutex",
                "parking_lot::lock_api::Mutex",
            ),
        ] {
            assert_eq!(canonical(from.into()), to);
        }
        assert_eq!(as_type(&"std::u32".into()), "u32");
        assert_eq!(as_type(&"std::sync".into()), "std::sync");
    }
}
