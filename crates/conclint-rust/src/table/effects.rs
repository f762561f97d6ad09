//! Functions and methods outside the workspace that matter to concurrency.

use conclint_facts::{BlockKind, PauseKind, SpawnKind, WorkKind};

use crate::index::last_segment;

/// What a function of a known path does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `drop(x)`.
    Drop,
    /// `mem::forget(x)`, `Box::leak`.
    Forget,
    /// Gives its first argument (or what it wraps) back: `Arc::new`, `Some`, `Arc::clone`.
    Identity,
    /// Guard functions that give the guard back: `MutexGuard::map`, `RwLockWriteGuard::downgrade`.
    GuardMap,
    /// `MutexGuard::try_map`: the guard again, in either variant of a `Result`.
    GuardTryMap,
    /// `RwLockUpgradableReadGuard::upgrade`: the same lock, now exclusive.
    GuardUpgrade,
    /// `MutexGuard::unlocked`: lets go while the closure runs.
    GuardUnlocked,
    /// `mem::replace`, `mem::take`, `mem::swap`.
    Replace,
    /// Starts a thread or task; the body is the last argument.
    Spawn(SpawnKind),
    /// `thread::scope`: runs its closure in place, then joins.
    Scope,
    /// Makes a channel; `true` is bounded.
    Channel(bool),
    /// Runs its closures here and waits for them (rayon).
    PoolInPlace,
    /// Can block for long.
    Block(BlockKind),
    /// Work of some weight.
    Work(WorkKind),
    /// Runs its closure arguments here.
    InPlace,
    /// Does nothing for a moment.
    Pause(PauseKind),
}

/// What a function at a canonical path does.
pub fn function_effect(path: &str) -> Option<Effect> {
    use BlockKind::*;
    let effect = match path {
        "std::mem::drop" | "drop" => Effect::Drop,
        "std::mem::forget" | "std::boxed::Box::leak" | "std::mem::ManuallyDrop::new" => {
            Effect::Forget
        }
        "std::sync::Arc::new"
        | "std::sync::Arc::clone"
        | "std::rc::Rc::new"
        | "std::rc::Rc::clone"
        | "std::boxed::Box::new"
        | "std::boxed::Box::pin"
        | "std::pin::Pin::new"
        | "std::pin::Pin::new_unchecked"
        | "std::option::Option::Some"
        | "std::result::Result::Ok"
        | "std::result::Result::Err"
        | "std::clone::Clone::clone"
        | "std::convert::Into::into"
        | "std::convert::From::from"
        | "std::sync::Arc::downgrade"
        | "std::sync::Arc::as_ref"
        | "std::borrow::Borrow::borrow"
        | "std::ops::Deref::deref"
        | "std::sync::PoisonError::into_inner"
        | "std::panic::AssertUnwindSafe"
        | "std::sync::Weak::upgrade" => Effect::Identity,
        "std::mem::replace" | "std::mem::take" | "std::mem::swap" => Effect::Replace,
        "std::thread::spawn" => Effect::Spawn(SpawnKind::Thread),
        "std::thread::scope"
        | "crossbeam::scope"
        | "crossbeam::thread::scope"
        | "crossbeam_utils::thread::scope" => Effect::Scope,
        "tokio::spawn"
        | "tokio::task::spawn"
        | "tokio::task::spawn_local"
        | "async_std::task::spawn"
        | "smol::spawn"
        | "actix_rt::spawn"
        | "actix_web::rt::spawn"
        | "wasm_bindgen_futures::spawn_local"
        | "async_global_executor::spawn" => Effect::Spawn(SpawnKind::Task),
        "tokio::task::spawn_blocking"
        | "tokio::spawn_blocking"
        | "async_std::task::spawn_blocking"
        | "smol::unblock" => Effect::Spawn(SpawnKind::BlockingTask),
        "rayon::spawn" | "rayon::spawn_fifo" => Effect::Spawn(SpawnKind::Pool),
        "rayon::join"
        | "rayon::scope"
        | "rayon::in_place_scope"
        | "rayon_core::join"
        | "rayon_core::scope" => Effect::PoolInPlace,
        "std::sync::mpsc::channel"
        | "crossbeam_channel::unbounded"
        | "crossbeam::channel::unbounded"
        | "flume::unbounded"
        | "async_channel::unbounded"
        | "kanal::unbounded"
        | "tokio::sync::mpsc::unbounded_channel" => Effect::Channel(false),
        "std::sync::mpsc::sync_channel"
        | "crossbeam_channel::bounded"
        | "crossbeam::channel::bounded"
        | "flume::bounded"
        | "async_channel::bounded"
        | "kanal::bounded"
        | "tokio::sync::mpsc::channel" => Effect::Channel(true),
        "serde_json::to_string"
        | "serde_json::to_string_pretty"
        | "serde_json::to_vec"
        | "serde_json::from_str"
        | "serde_json::from_slice"
        | "serde_json::to_value"
        | "serde_json::from_value"
        | "bincode::serialize"
        | "bincode::deserialize"
        | "toml::to_string"
        | "toml::from_str"
        | "zstd::encode_all"
        | "zstd::decode_all" => Effect::Work(WorkKind::Heavy),
        "std::thread::sleep" | "std::thread::sleep_ms" | "std::thread::sleep_until" => {
            Effect::Block(Sleep)
        }
        "std::thread::park" | "std::thread::park_timeout" => Effect::Block(Park),
        "std::thread::yield_now" | "libc::sched_yield" => Effect::Pause(PauseKind::Yield),
        "std::hint::spin_loop" | "core::hint::spin_loop" | "std::sync::atomic::spin_loop_hint" => {
            Effect::Pause(PauseKind::Spin)
        }
        "tokio::task::block_in_place" => Effect::InPlace,
        "std::panic::catch_unwind" => Effect::InPlace,
        "std::iter::from_fn" | "std::iter::repeat_with" | "std::array::from_fn" => Effect::InPlace,
        "futures::executor::block_on"
        | "tokio::runtime::Handle::block_on"
        | "tokio::runtime::Runtime::block_on"
        | "async_std::task::block_on"
        | "smol::block_on"
        | "smol::future::block_on"
        | "async_io::block_on"
        | "async_global_executor::block_on"
        | "futures_executor::block_on"
        | "tokio_uring::start"
        | "pollster::block_on"
        | "futures_lite::future::block_on" => Effect::Block(BlockOn),
        _ => return by_prefix(path),
    };
    Some(effect)
}

/// The type that a function outside the workspace returns, where it matters, and
/// whether in a `Result`: the streams of the process have a `lock` that is no
/// lock of the program, the others have methods that wait.
pub fn returns(path: &str) -> Option<(&'static str, bool)> {
    Some(match path {
        "std::io::stdin" => ("std::io::Stdin", false),
        "std::io::stdout" => ("std::io::Stdout", false),
        "std::io::stderr" => ("std::io::Stderr", false),
        "tokio::runtime::Handle::current" => ("tokio::runtime::Handle", false),
        "tokio::runtime::Handle::try_current" => ("tokio::runtime::Handle", true),
        "std::net::TcpListener::bind" => ("std::net::TcpListener", true),
        "std::net::UdpSocket::bind" => ("std::net::UdpSocket", true),
        "std::os::unix::net::UnixListener::bind" => ("std::os::unix::net::UnixListener", true),
        "std::os::unix::net::UnixStream::connect" => ("std::os::unix::net::UnixStream", true),
        _ => return None,
    })
}

/// What `method` of an external type gives, where it matters; a listener's
/// connections come one by one.
pub fn method_returns(ty: &str, method: &str) -> Option<MethodReturn> {
    use MethodReturn::*;
    let stream = match ty {
        "std::net::TcpListener" => "std::net::TcpStream",
        "std::os::unix::net::UnixListener" => "std::os::unix::net::UnixStream",
        "tokio::runtime::Runtime" if method == "handle" => {
            return Some(Plain("tokio::runtime::Handle"));
        }
        _ => "",
    };
    Some(match method {
        "accept" if !stream.is_empty() => Pair(stream),
        "incoming" | "into_incoming" if !stream.is_empty() => Iter(stream),
        "try_clone" if ty.starts_with("std::") => Same,
        _ => return None,
    })
}

/// How the result of a method comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodReturn {
    /// Just so.
    Plain(&'static str),
    /// Another of the same type, in a `Result`.
    Same,
    /// With something else, in a `Result`.
    Pair(&'static str),
    /// One by one, each in a `Result`.
    Iter(&'static str),
}

fn by_prefix(path: &str) -> Option<Effect> {
    use BlockKind::*;
    let (head, name) = path.rsplit_once("::")?;
    let effect = match head {
        "std::fs" => match name {
            // `File` and friends are types; cheap queries stay out.
            "metadata" | "symlink_metadata" | "exists" => return None,
            _ => Effect::Block(File),
        },
        "std::fs::File" => match name {
            "open" | "create" | "create_new" | "options" => Effect::Block(File),
            _ => return None,
        },
        "std::net::TcpStream" => Effect::Block(Network),
        "reqwest::blocking" if name == "get" => Effect::Block(Http),
        "reqwest" if name == "get" => return None,
        "ureq" if matches!(name, "get" | "post" | "put" | "delete" | "request") => return None,
        _ => {
            let last = last_segment(head);
            match (last, name) {
                (
                    "MutexGuard"
                    | "MappedMutexGuard"
                    | "RwLockReadGuard"
                    | "RwLockWriteGuard"
                    | "MappedRwLockReadGuard"
                    | "MappedRwLockWriteGuard"
                    | "RwLockUpgradableReadGuard"
                    | "OwnedMutexGuard"
                    | "ReentrantMutexGuard",
                    _,
                ) => match name {
                    "try_map" | "filter_map" => Effect::GuardTryMap,
                    "map" | "downgrade" | "downgrade_to_upgradable" | "downgrade_map" | "leak" => {
                        Effect::GuardMap
                    }
                    "upgrade" | "try_upgrade" => Effect::GuardUpgrade,
                    "unlocked" | "unlocked_fair" | "bump" => Effect::GuardUnlocked,
                    "unlock_fair" => Effect::Drop,
                    _ => return None,
                },
                (_, "try_map") if super::maps::is_reference(head) => Effect::GuardTryMap,
                (_, "map" | "downgrade") if super::maps::is_reference(head) => Effect::GuardMap,
                _ => return None,
            }
        }
    };
    Some(effect)
}

/// What a method of a type outside the workspace does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodEffect {
    /// Can block for long.
    Block(BlockKind),
    /// Joins a thread, task or child; the result is what the handle gives.
    Join,
    /// Asks whether a thread has ended.
    Asks,
    /// Sends a message and may wait.
    Send,
    /// Sends and never waits.
    TrySend,
    /// Receives a message and may wait.
    Recv,
    /// Receives and never (or not for ever) waits.
    TryRecv,
    /// Starts a thread or task.
    Spawn(SpawnKind),
    /// Writes an atomic.
    AtomicWrite,
    /// Reads an atomic.
    AtomicLoad,
    /// Work of some weight.
    Work(WorkKind),
    /// Notifies a condition variable; `true` for all.
    Notify(bool),
}

/// What `method` with `args` arguments does on a value of the external type
/// `ty` (canonical path; empty when it is not known).
pub fn method_effect(ty: &str, method: &str, args: usize) -> Option<MethodEffect> {
    use MethodEffect::*;
    let last = last_segment(ty);
    let effect = match (last, method, args) {
        ("JoinHandle" | "ScopedJoinHandle" | "", "join", 0) => Join,
        ("JoinHandle" | "ScopedJoinHandle", "is_finished", 0) => Asks,
        ("Child", "wait" | "wait_with_output", 0) => Join,
        ("Command", "output" | "status", 0) => Block(BlockKind::Process),
        ("Barrier", "wait", 0) => Block(BlockKind::Barrier),
        ("WaitGroup", "wait", 0) => Block(BlockKind::Barrier),
        ("Receiver" | "IntoIter" | "", "recv", 0) => Recv,
        ("Receiver", "recv_timeout" | "recv_deadline" | "try_recv" | "try_iter", _) => TryRecv,
        ("Receiver", "blocking_recv", 0) => Recv,
        ("Sender" | "SyncSender" | "UnboundedSender", "send" | "blocking_send", 1) => Send,
        ("Sender" | "SyncSender", "try_send" | "send_timeout", _) => TrySend,
        ("Condvar" | "SgxCondvar" | "", "notify_one", 0) => Notify(false),
        ("Condvar" | "SgxCondvar" | "", "notify_all", 0) => Notify(true),
        ("Scope" | "ScopedThreadBuilder", "spawn" | "builder", _) => Spawn(SpawnKind::Scoped),
        ("Builder", "spawn" | "spawn_local" | "spawn_on", _) if ty.starts_with("tokio") => {
            Spawn(SpawnKind::Task)
        }
        ("Builder", "spawn_blocking", _) if ty.starts_with("tokio") => {
            Spawn(SpawnKind::BlockingTask)
        }
        ("Builder", "spawn", 1) => Spawn(SpawnKind::Thread),
        ("Builder", "spawn_scoped", 2) => Spawn(SpawnKind::Scoped),
        (
            "Runtime" | "Handle" | "JoinSet" | "LocalSet" | "TaskTracker",
            "spawn" | "spawn_local",
            1,
        ) => Spawn(SpawnKind::Task),
        ("Runtime" | "Handle" | "JoinSet", "spawn_blocking", 1) => Spawn(SpawnKind::BlockingTask),
        ("Runtime" | "Handle" | "LocalSet", "block_on", 1) => Block(BlockKind::BlockOn),
        ("ThreadPool", "execute" | "spawn", 1) => Spawn(SpawnKind::Pool),
        ("ThreadPool", "install" | "join" | "scope", _) => Block(BlockKind::Pool),
        // Those of mio return at once.
        ("TcpStream" | "UnixStream" | "UdpSocket" | "TcpListener", m, _)
            if NETWORK.contains(&m) && !ty.starts_with("mio") =>
        {
            Block(BlockKind::Network)
        }
        ("File", m, _) if FILE.contains(&m) => Block(BlockKind::File),
        (
            "Stdin" | "StdinLock",
            "read_line" | "read_to_string" | "read_to_end" | "read" | "lines",
            _,
        ) => Block(BlockKind::Stdin),
        ("OpenOptions", "open", 1) => Block(BlockKind::File),
        (t, m, _) if t.starts_with("Atomic") && ATOMIC_WRITES.contains(&m) => AtomicWrite,
        // With a second argument: those of `crossbeam-epoch`.
        (t, "load", 1 | 2) if t.starts_with("Atomic") => AtomicLoad,
        (
            _,
            "par_iter" | "par_iter_mut" | "into_par_iter" | "par_chunks" | "par_bridge"
            | "par_sort",
            _,
        ) => Block(BlockKind::Pool),
        (
            _,
            "sort"
            | "sort_by"
            | "sort_by_key"
            | "sort_unstable"
            | "sort_unstable_by"
            | "sort_unstable_by_key",
            _,
        ) => Work(WorkKind::Heavy),
        (_, "to_vec" | "to_string" | "to_owned" | "collect" | "concat" | "repeat", _) => {
            Work(WorkKind::Alloc)
        }
        _ => return None,
    };
    Some(effect)
}

/// Whether a method that [`method_effect`] knows only makes a future, which does
/// nothing until it is awaited.
pub fn is_future(ty: &str, method: &str) -> bool {
    let krate = ty.split("::").next().unwrap_or_default();
    let at_once = match last_segment(ty) {
        // Those of tokio take a message at once, or not at all.
        "UnboundedSender" => krate == "tokio",
        "Sender" => ["oneshot", "broadcast", "watch"]
            .iter()
            .any(|module| ty.split("::").any(|part| part == *module)),
        _ => false,
    };
    let waits = match method {
        "send" => !at_once,
        "send_timeout" | "wait" | "wait_with_output" | "output" | "status" | "open" => true,
        _ => NETWORK.contains(&method) || FILE.contains(&method),
    };
    waits
        && matches!(
            krate,
            "tokio" | "async_std" | "async_channel" | "smol" | "futures" | "futures_channel"
        )
}

/// Whether the future that the method makes is done when it is first polled: the
/// channel always has room.
pub fn is_ready_sink(ty: &str, method: &str) -> bool {
    matches!(
        ty,
        "futures::channel::mpsc::UnboundedSender" | "futures_channel::mpsc::UnboundedSender"
    ) && matches!(method, "send" | "feed" | "flush" | "close")
}

const NETWORK: &[&str] = &[
    "read",
    "write",
    "read_exact",
    "read_to_end",
    "read_to_string",
    "write_all",
    "flush",
    "connect",
    "accept",
    "recv",
    "recv_from",
    "send",
    "send_to",
    "peek",
];

const FILE: &[&str] = &[
    "read",
    "write",
    "read_exact",
    "read_to_end",
    "read_to_string",
    "write_all",
    "sync_all",
    "sync_data",
    "set_len",
];

const ATOMIC_WRITES: &[&str] = &[
    "store",
    "swap",
    "fetch_add",
    "fetch_sub",
    "fetch_or",
    "fetch_and",
    "fetch_xor",
    "fetch_max",
    "fetch_min",
    "fetch_update",
    "compare_exchange",
    "compare_exchange_weak",
    "compare_and_swap",
];

/// A method of `Result` or `Option` that runs its closure where there is no
/// success, which it leaves alone.
pub fn runs_on_failure(method: &str) -> bool {
    matches!(
        method,
        "unwrap_or_else" | "map_err" | "or_else" | "ok_or_else" | "inspect_err"
    )
}

/// A method that libraries for errors give to `Result`, which leaves the success
/// alone; `Some(true)` when it unwraps that, too.
pub fn tells_of_error(method: &str) -> Option<bool> {
    match method {
        "wrap_err"
        | "wrap_err_with"
        | "into_diagnostic"
        | "change_context"
        | "change_context_lazy"
        | "attach"
        | "attach_with"
        | "attach_printable"
        | "attach_printable_lazy" => Some(false),
        "unwrap_or_log" | "expect_or_log" => Some(true),
        // `ignore_poison()` of some extension trait.
        "is_poisoned" | "clear_poison" => None,
        _ => method.contains("poison").then_some(true),
    }
}

/// A method of std (or of the collections everybody uses) that runs its
/// closure before it returns, or as part of an iterator chain that is
/// consumed in the same expression; `Some(true)` when it may run it many times.
pub fn runs_in_place(method: &str) -> Option<bool> {
    Some(match method {
        "map" | "and_then" | "or_else" | "unwrap_or_else" | "map_or" | "map_or_else"
        | "map_err" | "ok_or_else" | "then" | "get_or_insert_with" | "or_insert_with"
        | "or_insert_with_key" | "and_modify" | "is_some_and" | "is_ok_and" | "is_none_or"
        | "inspect_err" | "unwrap_or_default" | "get_or_init" | "get_or_try_init" | "call_once"
        | "call_once_force" | "with" | "with_borrow" | "with_borrow_mut" | "xor" | "zip_with"
        | "take_if" | "unlocked" | "block_in_place" => false,
        "for_each"
        | "filter"
        | "filter_map"
        | "flat_map"
        | "fold"
        | "try_fold"
        | "try_for_each"
        | "any"
        | "all"
        | "find"
        | "find_map"
        | "position"
        | "rposition"
        | "retain"
        | "retain_mut"
        | "drain_filter"
        | "extract_if"
        | "inspect"
        | "take_while"
        | "skip_while"
        | "map_while"
        | "scan"
        | "max_by"
        | "max_by_key"
        | "min_by"
        | "min_by_key"
        | "partition"
        | "reduce"
        | "sort_by"
        | "sort_by_key"
        | "sort_unstable_by"
        | "sum_by"
        | "sort_unstable_by_key"
        | "sort_by_cached_key"
        | "binary_search_by"
        | "binary_search_by_key"
        | "dedup_by"
        | "dedup_by_key"
        | "fetch_update"
        | "resize_with"
        | "splitn"
        | "split"
        | "rsplit"
        | "trim_matches"
        | "group_by"
        | "chunk_by"
        | "partition_point"
        | "is_sorted_by"
        | "rev_map"
        | "wait_while"
        | "wait_timeout_while" => true,
        // `insert_with`, `get_or_try_insert_with`, `with_context` ..
        _ if method.ends_with("_with") || method.starts_with("with_") => false,
        _ => return None,
    })
}
