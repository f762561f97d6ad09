//! Types of libraries with locks inside: maps, and channels of one value, whose
//! references are guards.
//!
//! `DashMap::get` gives a reference that keeps a shard locked, and `insert`
//! waits for it: to hold one across a call of the other blocks the thread on
//! itself, as the documentation of each such method says. Which keys share a
//! shard cannot be seen, so a map counts as one lock.

use conclint_facts::{LockShape, LockTraits, Mode};
use smol_str::SmolStr;

use crate::index::last_segment;

/// How long a method keeps the lock that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Until it returns; closures that it is given run under it.
    Within,
    /// As long as the reference that it gives.
    Reference,
    /// As long as the reference, if there is one: `Option<Ref>`.
    MaybeReference,
    /// As long as the entry, or the reference that is made of it.
    Entry,
    /// As long as the iterator.
    Iterator,
}

/// What a method of such a type takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// How it takes the lock, and for how long.
    pub mode: Mode,
    pub hold: Hold,
    /// Before that it may change the map, as `get_or_create` does.
    pub writes_first: bool,
}

/// One type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `dashmap`: its readers never wait for a writer that waits.
    Dash,
    /// `chashmap`, over `parking_lot`.
    Concurrent,
    /// The metrics of `prometheus_client`, over `parking_lot`.
    Family,
    /// Both ends of `tokio`'s `watch`: what is borrowed keeps senders out, and
    /// other borrowers, too, once a sender waits.
    Watch,
}

fn kind(path: &str) -> Option<Kind> {
    Some(match path {
        "dashmap::DashMap" | "dashmap::DashSet" => Kind::Dash,
        "chashmap::CHashMap" => Kind::Concurrent,
        "prometheus_client::metrics::family::Family" => Kind::Family,
        "tokio::sync::watch::Sender" | "tokio::sync::watch::Receiver" => Kind::Watch,
        _ => return None,
    })
}

/// Whether a clone of the type is a map of its own, with locks of its own.
pub fn is_copied(path: &str) -> bool {
    matches!(kind(path), Some(Kind::Dash | Kind::Concurrent))
}

/// The lock of a type at a canonical path.
pub fn lock_inside(path: &str) -> Option<LockTraits> {
    let kind = kind(path)?;
    Some(LockTraits {
        family: SmolStr::new(path.split("::").next().unwrap_or(path)),
        type_name: SmolStr::new(last_segment(path)),
        shape: LockShape::RwLock,
        reentrant: false,
        read_reentrant: kind == Kind::Dash,
        is_async: false,
        self_locking: true,
    })
}

/// What a method of the type at a canonical path takes.
pub fn taking(path: &str, method: &str) -> Option<Taking> {
    use Hold::{Entry, Iterator, MaybeReference, Reference, Within};
    use Mode::{Exclusive, Read};
    let (mode, hold) = match (kind(path)?, method) {
        (Kind::Family, "get_or_create") => (Read, Reference),
        (Kind::Family, "remove" | "clear") => (Exclusive, Within),
        (Kind::Watch, "borrow" | "borrow_and_update") => (Read, Reference),
        (Kind::Watch, "send" | "send_replace" | "send_modify" | "send_if_modified") => {
            (Exclusive, Within)
        }
        (Kind::Watch, _) => return None,
        (_, "get") => (Read, MaybeReference),
        (Kind::Family, _) => return None,
        (_, "get_mut") => (Exclusive, MaybeReference),
        (Kind::Concurrent, "len" | "is_empty") => return None,
        (_, "contains_key" | "contains" | "len" | "is_empty" | "view") => (Read, Within),
        (
            _,
            "insert" | "remove" | "remove_if" | "remove_if_mut" | "alter" | "alter_all" | "retain"
            | "clear" | "shrink_to_fit",
        ) => (Exclusive, Within),
        (Kind::Concurrent, "insert_new" | "upsert") => (Exclusive, Within),
        (Kind::Dash, "entry") => (Exclusive, Entry),
        (Kind::Dash, "iter") => (Read, Iterator),
        (Kind::Dash, "iter_mut") => (Exclusive, Iterator),
        _ => return None,
    };
    Some(Taking {
        mode,
        hold,
        writes_first: method == "get_or_create",
    })
}

/// Methods that run an iterator to its end, and give one of its items or all.
const ENDS_WITH_ITEMS: [&str; 10] = [
    "collect",
    "last",
    "max",
    "max_by",
    "max_by_key",
    "min",
    "min_by",
    "min_by_key",
    "partition",
    "reduce",
];

/// Methods that take an iterator away and run it to its end.
pub fn ends_iterator(method: &str) -> bool {
    ENDS_WITH_ITEMS.contains(&method)
        || matches!(
            method,
            "count" | "fold" | "for_each" | "product" | "sum" | "unzip"
        )
}

/// Methods that leave an iterator where it is: they take `&mut self` or `&self`.
pub fn advances_iterator(method: &str) -> bool {
    matches!(
        method,
        "all"
            | "any"
            | "by_ref"
            | "find"
            | "find_map"
            | "len"
            | "next"
            | "next_back"
            | "next_if"
            | "next_if_eq"
            | "nth"
            | "nth_back"
            | "peek"
            | "peek_mut"
            | "position"
            | "rfind"
            | "rposition"
            | "size_hint"
            | "try_fold"
            | "try_for_each"
    )
}

/// Methods of an iterator that give one of its items, or all of them.
pub fn gives_items(method: &str) -> bool {
    ENDS_WITH_ITEMS.contains(&method) || matches!(method, "find" | "next" | "nth")
}

/// Methods of an iterator behind which its items are other ones.
pub fn maps_items(method: &str) -> bool {
    matches!(
        method,
        "cloned" | "copied" | "filter_map" | "flat_map" | "map" | "map_into" | "map_while" | "scan"
    )
}

/// The types of the references and entries that such maps give.
pub fn is_reference(path: &str) -> bool {
    match path.split("::").next() {
        Some("dashmap") => matches!(
            last_segment(path),
            "Ref"
                | "RefMut"
                | "MappedRef"
                | "MappedRefMut"
                | "Entry"
                | "OccupiedEntry"
                | "VacantEntry"
        ),
        Some("tokio") => path == "tokio::sync::watch::Ref",
        Some("chashmap") => matches!(last_segment(path), "ReadGuard" | "WriteGuard"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_told_from_that_of_a_cell() {
        assert!(is_reference("dashmap::mapref::one::Ref"));
        assert!(!is_reference("std::cell::Ref"));
    }

    #[test]
    fn only_what_locks_is_known() {
        let map = "dashmap::DashMap";
        assert_eq!(taking(map, "insert").map(|t| t.hold), Some(Hold::Within));
        assert_eq!(taking(map, "try_get"), None);
        assert_eq!(taking("std::collections::HashMap", "insert"), None);
    }
}
