//! Lock types and the methods that take them.

use std::collections::HashMap;

use conclint_facts::{Blocking, LockShape, LockTraits, Mode};
use smol_str::SmolStr;

use crate::index::last_segment;

/// How a lock method hands out its guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardWrap {
    /// `Guard` (`try_lock`: `Option<Guard>`).
    Plain,
    /// `Result<Guard, PoisonError<Guard>>`.
    Result,
    /// A future of the guard (`try_lock`: `Result` or `Option`).
    Future,
}

/// A lock type added by `[[lock-type]]` in `conclint.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockTypeConfig {
    /// Canonical path, `my_sync::Mutex`.
    pub path: String,
    /// Mutual exclusion or readers and writers.
    pub shape: LockShape,
    /// Taking it gives a `Result` (std), the guard itself, or a future.
    pub guard: GuardWrap,
    /// One thread may take it twice.
    pub reentrant: bool,
}

/// One lock type.
#[derive(Debug, Clone)]
pub struct LockType {
    /// What it does.
    pub traits: LockTraits,
    /// How its guards come.
    pub wrap: GuardWrap,
}

/// What a method of a lock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    /// How it takes the lock.
    pub mode: Mode,
    /// Whether it can wait.
    pub blocking: Blocking,
    /// `blocking_lock` and the like: waits even on an async lock, gives the
    /// plain guard.
    pub sync_on_async: bool,
}

/// All lock types, by canonical path.
#[derive(Debug, Clone)]
pub struct LockTable {
    types: HashMap<SmolStr, LockType>,
    /// Some configured name does not end like a lock's.
    has_odd_names: bool,
}

type Row = (&'static str, LockShape, GuardWrap, bool, bool);

/// Canonical path, shape, how guards come, reentrant, reads reentrant.
const TYPES: &[Row] = {
    use GuardWrap::*;
    use LockShape::{Mutex, RwLock};
    &[
        ("std::sync::Mutex", Mutex, Result, false, false),
        ("std::sync::RwLock", RwLock, Result, false, false),
        // Its name before Rust 1.0, when no guard was poisoned.
        ("std::sync::RWLock", RwLock, Plain, false, false),
        ("std::sync::ReentrantLock", Mutex, Plain, true, true),
        ("std::sync::nonpoison::Mutex", Mutex, Plain, false, false),
        ("std::sync::nonpoison::RwLock", RwLock, Plain, false, false),
        ("std::sync::poison::Mutex", Mutex, Result, false, false),
        ("std::sync::poison::RwLock", RwLock, Result, false, false),
        // The std of programs in an SGX enclave, which is imported as `std`.
        ("std::sync::SgxMutex", Mutex, Result, false, false),
        ("std::sync::SgxRwLock", RwLock, Result, false, false),
        ("sgx_tstd::sync::SgxMutex", Mutex, Result, false, false),
        ("sgx_tstd::sync::SgxRwLock", RwLock, Result, false, false),
        ("parking_lot::Mutex", Mutex, Plain, false, false),
        ("parking_lot::RwLock", RwLock, Plain, false, false),
        ("parking_lot::FairMutex", Mutex, Plain, false, false),
        ("parking_lot::ReentrantMutex", Mutex, Plain, true, true),
        ("lock_api::Mutex", Mutex, Plain, false, false),
        ("lock_api::RwLock", RwLock, Plain, false, false),
        ("lock_api::ReentrantMutex", Mutex, Plain, true, true),
        ("antidote::Mutex", Mutex, Plain, false, false),
        ("antidote::RwLock", RwLock, Plain, false, false),
        ("tokio::sync::Mutex", Mutex, Future, false, false),
        ("tokio::sync::RwLock", RwLock, Future, false, false),
        ("async_std::sync::Mutex", Mutex, Future, false, false),
        ("async_std::sync::RwLock", RwLock, Future, false, false),
        ("async_lock::Mutex", Mutex, Future, false, false),
        ("async_lock::RwLock", RwLock, Future, false, false),
        ("smol::lock::Mutex", Mutex, Future, false, false),
        ("smol::lock::RwLock", RwLock, Future, false, false),
        ("futures::lock::Mutex", Mutex, Future, false, false),
        ("futures_util::lock::Mutex", Mutex, Future, false, false),
        // Two handles lead to one such lock.
        ("futures::lock::BiLock", Mutex, Future, false, false),
        ("futures_util::lock::BiLock", Mutex, Future, false, false),
        ("futures_locks::Mutex", Mutex, Future, false, false),
        ("futures_locks::RwLock", RwLock, Future, false, false),
        ("spin::Mutex", Mutex, Plain, false, true),
        ("spin::mutex::Mutex", Mutex, Plain, false, true),
        ("spin::mutex::SpinMutex", Mutex, Plain, false, true),
        ("spin::mutex::spin::SpinMutex", Mutex, Plain, false, true),
        ("spin::mutex::TicketMutex", Mutex, Plain, false, true),
        ("spin::RwLock", RwLock, Plain, false, true),
        ("spin::rwlock::RwLock", RwLock, Plain, false, true),
        ("spinning_top::Spinlock", Mutex, Plain, false, true),
        // The spin locks of kernels, named after what they turn off.
        ("kspin::SpinNoIrq", Mutex, Plain, false, true),
        ("kspin::SpinNoPreempt", Mutex, Plain, false, true),
        ("kspin::SpinRaw", Mutex, Plain, false, true),
        ("spinlock::SpinNoIrq", Mutex, Plain, false, true),
        ("spinlock::SpinNoIrqOnly", Mutex, Plain, false, true),
        ("spinlock::SpinNoPreempt", Mutex, Plain, false, true),
        ("spinlock::SpinRaw", Mutex, Plain, false, true),
        ("irq_safety::MutexIrqSafe", Mutex, Plain, false, true),
        ("irq_safety::RwLockIrqSafe", RwLock, Plain, false, true),
        ("shuttle::sync::Mutex", Mutex, Result, false, false),
        ("shuttle::sync::RwLock", RwLock, Result, false, false),
        ("loom::sync::Mutex", Mutex, Result, false, false),
        ("loom::sync::RwLock", RwLock, Result, false, false),
        (
            "crossbeam_utils::sync::ShardedLock",
            RwLock,
            Result,
            false,
            false,
        ),
        ("crossbeam::sync::ShardedLock", RwLock, Result, false, false),
    ]
};

impl LockTable {
    /// The built-in table and what the configuration adds.
    pub fn new(extra: &[LockTypeConfig]) -> Self {
        let mut types = HashMap::new();
        for &(path, shape, wrap, reentrant, read_reentrant) in TYPES {
            types.insert(
                SmolStr::new(path),
                entry(path, shape, wrap, reentrant, read_reentrant),
            );
        }
        for config in extra {
            let (wrap, twice) = (config.guard, config.reentrant);
            types.insert(
                SmolStr::new(&config.path),
                entry(&config.path, config.shape, wrap, twice, twice),
            );
        }
        let odd = |config: &LockTypeConfig| {
            !config.path.ends_with("ock") && !config.path.ends_with("utex")
        };
        LockTable {
            types,
            has_odd_names: extra.iter().any(odd),
        }
    }

    /// The lock type at a canonical path. A path of a crate that is not in the
    /// table still counts when its last segment says what it is: re-exports
    /// of forks and facades are common.
    pub fn get(&self, path: &str) -> Option<LockType> {
        // Asked for nearly every type there is: the last letters say no to most.
        let last = last_segment(path);
        let likely = last.ends_with("ock")
            || last.ends_with("utex")
            || last.starts_with("Spin")
            || last.ends_with("IrqSafe");
        if !likely && !self.has_odd_names {
            return None;
        }
        if let Some(found) = self.types.get(path) {
            return Some(found.clone());
        }
        let (crate_name, _) = path.split_once("::")?;
        // Locks between processes, on files: no threads of this one wait.
        let between_processes = matches!(
            crate_name,
            "fd_lock" | "fslock" | "file_lock" | "file_guard" | "named_lock" | "fs2" | "fs4"
        );
        if crate_name == "std" || between_processes {
            return None;
        }
        let (shape, reentrant) = match last {
            "SpinLock" | "Spinlock" => (LockShape::Mutex, false),
            // What a raw one locks is somewhere else.
            raw if raw.starts_with("Raw") => return None,
            name if name.ends_with("RwLock") => (LockShape::RwLock, false),
            name if name.ends_with("Mutex") => (LockShape::Mutex, name.contains("Reentrant")),
            _ => return None,
        };
        let wrap = if path.contains("async") || path.contains("tokio") || path.contains("futures") {
            GuardWrap::Future
        } else {
            GuardWrap::Plain
        };
        Some(entry(path, shape, wrap, reentrant, reentrant))
    }

    /// What a zero-argument (or timed) method does to a lock.
    pub fn op(&self, shape: LockShape, method: &str) -> Option<Op> {
        op(shape, method)
    }
}

fn entry(
    path: &str,
    shape: LockShape,
    wrap: GuardWrap,
    reentrant: bool,
    read_reentrant: bool,
) -> LockType {
    let family = path.split("::").next().unwrap_or(path);
    LockType {
        traits: LockTraits {
            family: SmolStr::new(family),
            type_name: SmolStr::new(last_segment(path)),
            shape,
            reentrant,
            read_reentrant,
            is_async: wrap == GuardWrap::Future,
            self_locking: false,
        },
        wrap,
    }
}

fn op(shape: LockShape, method: &str) -> Option<Op> {
    use Blocking::{Timed, Try, Waits};
    use Mode::{Exclusive, Read, ReadRecursive, Upgradable};
    let (mode, blocking) = match (shape, method) {
        (
            LockShape::Mutex,
            "lock" | "lock_arc" | "lock_owned" | "lock_blocking" | "blocking_lock",
        ) => (Exclusive, Waits),
        (LockShape::Mutex, "blocking_lock_owned" | "lock_arc_blocking") => (Exclusive, Waits),
        (LockShape::Mutex, "try_lock" | "try_lock_arc" | "try_lock_owned") => (Exclusive, Try),
        (
            LockShape::Mutex,
            "try_lock_for" | "try_lock_until" | "try_lock_arc_for" | "try_lock_arc_until",
        ) => (Exclusive, Timed),
        (
            LockShape::RwLock,
            "read" | "read_arc" | "read_owned" | "blocking_read" | "read_blocking",
        ) => (Read, Waits),
        (LockShape::RwLock, "read_recursive" | "read_arc_recursive") => (ReadRecursive, Waits),
        (
            LockShape::RwLock,
            "write" | "write_arc" | "write_owned" | "blocking_write" | "write_blocking",
        ) => (Exclusive, Waits),
        (LockShape::RwLock, "upgradable_read" | "upgradeable_read" | "upgradable_read_arc") => {
            (Upgradable, Waits)
        }
        (
            LockShape::RwLock,
            "try_read"
            | "try_read_arc"
            | "try_read_owned"
            | "try_read_recursive"
            | "try_read_recursive_arc",
        ) => (Read, Try),
        (LockShape::RwLock, "try_write" | "try_write_arc" | "try_write_owned") => (Exclusive, Try),
        (LockShape::RwLock, "try_upgradable_read" | "try_upgradable_read_arc") => (Upgradable, Try),
        (LockShape::RwLock, "try_read_for" | "try_read_until") => (Read, Timed),
        (LockShape::RwLock, "try_write_for" | "try_write_until") => (Exclusive, Timed),
        _ => return None,
    };
    let sync_on_async = method.contains("blocking") || blocking != Waits;
    Some(Op {
        mode,
        blocking,
        sync_on_async,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_is_known_by_its_last_segment() {
        let table = LockTable::new(&[]);
        assert_eq!(
            table.get("my_fork::Mutex").map(|t| t.wrap),
            Some(GuardWrap::Plain)
        );
        assert!(table.get("hermit_sync::InterruptTicketMutex").is_some());
        assert!(table.get("my_fork::RawMutex").is_none());
        assert!(table.get("std::cell::RefCell").is_none());
        assert!(table.get("Mutex").is_none(), "a bare name says nothing");
    }

    #[test]
    fn try_never_waits() {
        assert_eq!(
            op(LockShape::Mutex, "try_lock").map(|o| o.blocking),
            Some(Blocking::Try)
        );
        assert!(op(LockShape::Mutex, "read").is_none());
    }
}
