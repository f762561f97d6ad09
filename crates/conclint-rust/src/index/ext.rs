//! What is known of names outside the workspace: the prelude, the primitive
//! types, one spelling per item, and what a glob of a well-known module
//! brings in. Data only; lock and effect tables are elsewhere.

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
    name.starts_with(|c: char| c.is_ascii_lowercase()) || matches!(name, "Some" | "None" | "Ok" | "Err")
}

/// Primitive types.
pub(super) fn is_primitive(name: &str) -> bool {
    matches!(
        name,
        "bool" | "char" | "str" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
            | "i128" | "isize" | "f32" | "f64" | "f16" | "f128"
    )
}

/// One spelling for items that are reachable by several paths.
pub(super) fn canonical(path: SmolStr) -> SmolStr {
    let path = match path.split_once("::") {
        Some(("core" | "alloc", rest)) => format_smolstr!("std::{rest}"),
        None if path == "core" || path == "alloc" => return SmolStr::new_static("std"),
        _ => path,
    };
    let Some(rest) = path.strip_prefix("std::") else { return path };
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
    ("collections::linked_list::LinkedList", "collections::LinkedList"),
    ("collections::binary_heap::BinaryHeap", "collections::BinaryHeap"),
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
    match path.strip_prefix("std::").or_else(|| path.strip_prefix("std::primitive::")) {
        Some(name) if is_primitive(name) => name.to_lowercase_smolstr(),
        _ => path.clone(),
    }
}

/// Names that `use path::*` brings in, as far as they matter here.
pub fn known_ext_names(path: &str) -> &'static [&'static str] {
    match path {
        "std" => &[
            "sync", "thread", "time", "io", "fs", "mem", "net", "process", "collections", "cell", "rc", "fmt",
            "ops", "iter", "future", "pin", "task", "env", "path", "ptr",
        ],
        "std::sync" => &[
            "Arc", "Weak", "Mutex", "MutexGuard", "RwLock", "RwLockReadGuard", "RwLockWriteGuard", "Condvar",
            "Barrier", "BarrierWaitResult", "Once", "OnceLock", "OnceState", "LazyLock", "ReentrantLock",
            "ReentrantLockGuard", "MappedMutexGuard", "MappedRwLockReadGuard", "MappedRwLockWriteGuard",
            "LockResult", "TryLockResult", "PoisonError", "TryLockError", "WaitTimeoutResult", "atomic", "mpsc",
        ],
        "std::sync::atomic" => &[
            "AtomicBool", "AtomicU8", "AtomicU16", "AtomicU32", "AtomicU64", "AtomicUsize", "AtomicI8",
            "AtomicI16", "AtomicI32", "AtomicI64", "AtomicIsize", "AtomicPtr", "Ordering", "fence",
            "compiler_fence",
        ],
        "std::sync::mpsc" => &[
            "channel", "sync_channel", "Sender", "SyncSender", "Receiver", "Iter", "TryIter", "SendError",
            "RecvError", "TryRecvError", "TrySendError", "RecvTimeoutError",
        ],
        "std::thread" => &[
            "spawn", "scope", "sleep", "yield_now", "current", "park", "park_timeout", "unpark", "Builder",
            "JoinHandle", "Scope", "ScopedJoinHandle", "Thread", "ThreadId", "LocalKey", "panicking",
            "available_parallelism",
        ],
        "std::time" => &["Duration", "Instant", "SystemTime", "UNIX_EPOCH"],
        "std::collections" => {
            &["HashMap", "HashSet", "BTreeMap", "BTreeSet", "VecDeque", "BinaryHeap", "LinkedList", "hash_map"]
        }
        "std::cell" => &["Cell", "RefCell", "Ref", "RefMut", "UnsafeCell", "OnceCell", "LazyCell"],
        "std::rc" => &["Rc", "Weak"],
        "std::io" => &[
            "Read", "Write", "BufRead", "Seek", "BufReader", "BufWriter", "Cursor", "Error", "ErrorKind", "Result",
            "stdin", "stdout", "stderr", "Stdin", "Stdout", "Stderr", "copy", "read_to_string", "empty", "sink",
        ],
        "std::io::prelude" => &["Read", "Write", "BufRead", "Seek"],
        "std::fs" => &[
            "File", "OpenOptions", "read", "write", "read_to_string", "read_dir", "create_dir", "create_dir_all",
            "remove_file", "remove_dir", "remove_dir_all", "rename", "copy", "metadata", "canonicalize",
        ],
        "std::net" => &[
            "TcpStream", "TcpListener", "UdpSocket", "SocketAddr", "IpAddr", "Ipv4Addr", "Ipv6Addr", "Shutdown",
            "ToSocketAddrs",
        ],
        "std::mem" => &["drop", "forget", "replace", "swap", "take", "ManuallyDrop", "MaybeUninit", "size_of"],
        "std::ops" => &["Deref", "DerefMut", "Drop", "Fn", "FnMut", "FnOnce", "Index", "IndexMut", "Range"],
        "std::process" => &["Command", "Child", "Stdio", "Output", "ExitStatus", "exit", "abort"],
        "std::future" => &["Future", "IntoFuture", "ready", "pending", "poll_fn"],
        "std::prelude::v1" => &[
            "Option", "Some", "None", "Result", "Ok", "Err", "Vec", "String", "Box", "ToString", "ToOwned", "Clone",
            "Send", "Sync", "Drop", "Fn", "FnMut", "FnOnce", "Iterator", "IntoIterator", "Default", "From", "Into",
        ],
        "parking_lot" => &[
            "Mutex", "MutexGuard", "MappedMutexGuard", "RwLock", "RwLockReadGuard", "RwLockWriteGuard",
            "RwLockUpgradableReadGuard", "MappedRwLockReadGuard", "MappedRwLockWriteGuard", "FairMutex",
            "FairMutexGuard", "ReentrantMutex", "ReentrantMutexGuard", "Condvar", "Once", "OnceState",
            "WaitTimeoutResult", "RawMutex", "RawRwLock", "RawFairMutex", "ArcMutexGuard", "ArcRwLockReadGuard",
            "ArcRwLockWriteGuard", "const_mutex", "const_rwlock",
        ],
        "lock_api" | "parking_lot::lock_api" => &[
            "Mutex", "MutexGuard", "MappedMutexGuard", "RwLock", "RwLockReadGuard", "RwLockWriteGuard",
            "RwLockUpgradableReadGuard", "ReentrantMutex", "RawMutex", "RawRwLock", "ArcMutexGuard",
        ],
        "tokio" => &["spawn", "sync", "time", "task", "net", "io", "fs", "runtime", "process", "signal"],
        "tokio::sync" | "tokio::sync::mutex" => &[
            "Mutex", "MutexGuard", "OwnedMutexGuard", "MappedMutexGuard", "RwLock", "RwLockReadGuard",
            "RwLockWriteGuard", "OwnedRwLockReadGuard", "OwnedRwLockWriteGuard", "Semaphore", "SemaphorePermit",
            "OwnedSemaphorePermit", "Notify", "Barrier", "OnceCell", "mpsc", "oneshot", "watch", "broadcast",
        ],
        "tokio::sync::mpsc" => &[
            "channel", "unbounded_channel", "Sender", "Receiver", "UnboundedSender", "UnboundedReceiver", "Permit",
            "OwnedPermit", "WeakSender", "error",
        ],
        "tokio::sync::oneshot" | "tokio::sync::watch" | "tokio::sync::broadcast" => {
            &["channel", "Sender", "Receiver", "error", "Ref"]
        }
        "tokio::time" => &["sleep", "sleep_until", "timeout", "timeout_at", "interval", "Duration", "Instant"],
        "tokio::task" => &["spawn", "spawn_blocking", "spawn_local", "yield_now", "block_in_place", "JoinHandle", "JoinSet"],
        "async_std::sync" | "smol::lock" | "async_lock" => &[
            "Arc", "Mutex", "MutexGuard", "MutexGuardArc", "RwLock", "RwLockReadGuard", "RwLockWriteGuard",
            "RwLockUpgradableReadGuard", "Condvar", "Barrier", "Semaphore", "OnceCell",
        ],
        "futures::lock" | "futures_util::lock" => {
            &["Mutex", "MutexGuard", "OwnedMutexGuard", "MappedMutexGuard", "BiLock", "BiLockGuard"]
        }
        "spin" => &[
            "Mutex", "MutexGuard", "RwLock", "RwLockReadGuard", "RwLockWriteGuard", "RwLockUpgradableGuard", "Once",
            "Lazy", "Barrier", "mutex", "rwlock",
        ],
        "spin::mutex" => &["Mutex", "MutexGuard", "SpinMutex", "SpinMutexGuard", "TicketMutex", "FairMutex"],
        "spin::rwlock" => &["RwLock", "RwLockReadGuard", "RwLockWriteGuard", "RwLockUpgradableGuard"],
        "crossbeam" => &["channel", "scope", "thread", "sync", "utils", "queue", "deque", "epoch", "atomic"],
        "crossbeam_channel" | "crossbeam::channel" => &[
            "bounded", "unbounded", "Sender", "Receiver", "Select", "after", "tick", "never", "SendError",
            "RecvError", "TryRecvError", "TrySendError", "RecvTimeoutError", "SendTimeoutError",
        ],
        "crossbeam_utils::sync" | "crossbeam::sync" => {
            &["WaitGroup", "Parker", "Unparker", "ShardedLock", "ShardedLockReadGuard", "ShardedLockWriteGuard"]
        }
        "rayon" => &["spawn", "scope", "join", "ThreadPool", "ThreadPoolBuilder", "prelude", "iter"],
        "once_cell::sync" => &["Lazy", "OnceCell"],
        "flume" => &["bounded", "unbounded", "Sender", "Receiver"],
        _ => &[],
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
            ("std::collections::hash_map::HashMap", "std::collections::HashMap"),
            ("std::collections::hash_map::HashMap::new", "std::collections::HashMap::new"),
            ("std::collections::hash_map::Entry", "std::collections::hash_map::Entry"),
            ("std::sync::poison::Mutex", "std::sync::Mutex"),
            ("parking_lot::lock_api::Mutex", "parking_lot::lock_api::Mutex"),
        ] {
            assert_eq!(canonical(from.into()), to);
        }
        assert_eq!(as_type(&"std::u32".into()), "u32");
        assert_eq!(as_type(&"std::sync".into()), "std::sync");
    }
}
