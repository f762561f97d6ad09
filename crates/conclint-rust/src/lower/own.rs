//! Locks that the program itself defines: what tells them, how their methods
//! take them. A kernel has no other locks.
//!
//! Told by names and types alone: the type is called a lock, and the method
//! takes nothing but `&self` and gives back a guard of the program's own. What
//! the method does inside is not asked.

use conclint_facts::{Blocking, LockShape, Mode};

use crate::index::{FnEntry, Index, Ty, TypeId};
use crate::table::{LockTable, Op};

use super::types;

/// What a type of the workspace is by its name, if it is a lock.
pub(super) fn shape(type_name: &str) -> Option<LockShape> {
    let name = type_name.to_ascii_lowercase();
    let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
    if ends(&["rwlock", "rwsem", "rwmutex", "rwspinlock"]) {
        Some(LockShape::RwLock)
    } else if ends(&["mutex", "lock"]) && !ends(&["block", "clock"]) {
        Some(LockShape::Mutex)
    } else {
        None
    }
}

/// A lock of the program's own, or a pointer to one.
pub(super) fn is_lock(index: &Index, ty: &Ty) -> bool {
    match types::peel_wrappers(index, ty) {
        Ty::Adt(id, _) => shape(index.type_name(id)).is_some(),
        _ => false,
    }
}

/// In the name of a method that waits for nobody.
const TRIES: [&str; 4] = ["noblock", "nonblock", "nowait", "no_wait"];

/// How a method of such a lock takes it, by its name: as locks of libraries do,
/// or with more words (`lock_irqsave`, `write_interruptible`, `try_lock_bh`).
pub(super) fn op(table: &LockTable, shape: LockShape, method: &str) -> Option<Op> {
    table.op(shape, method).or_else(|| {
        let verb = method.strip_prefix("try_");
        let tries = verb.is_some() || TRIES.iter().any(|word| method.contains(word));
        let verb = verb.unwrap_or(method);
        let mode = match (shape, verb.split('_').next()?) {
            (LockShape::Mutex, "lock") => Mode::Exclusive,
            (LockShape::RwLock, "read") => Mode::Read,
            (LockShape::RwLock, "write") => Mode::Exclusive,
            (LockShape::RwLock, "upread" | "upgradable" | "upgradeable") => Mode::Upgradable,
            _ => return None,
        };
        Some(Op {
            mode,
            blocking: if tries {
                Blocking::Try
            } else {
                Blocking::Waits
            },
            sync_on_async: false,
        })
    })
}

/// `lock`, `read`, `write` of a lock that the workspace itself defines.
pub(super) fn takes(table: &LockTable, entry: &FnEntry) -> bool {
    let owner = entry.qualified.rsplit("::").nth(1);
    entry.def.params.len() == 1
        && owner
            .and_then(shape)
            .is_some_and(|shape| op(table, shape, &entry.def.name).is_some())
}

/// The guard type of the workspace's own that such a function gives back.
pub(super) fn guard(index: &Index, holders: &[bool], ret: &Ty) -> Option<TypeId> {
    let Ty::Adt(guard, _) = types::peel_wrappers(index, ret) else {
        return None;
    };
    let is_own =
        index.type_name(guard).ends_with("Guard") && !holders.get(guard.index()).copied()?;
    is_own.then_some(guard)
}
