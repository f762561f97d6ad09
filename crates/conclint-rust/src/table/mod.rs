//! What is known about code outside the workspace, as data: lock types, and
//! functions and methods that block, spawn, run their closures in place or do
//! work of some weight.
//!
//! Nothing here looks at source; the lowering asks these tables by canonical
//! path (`core` and `alloc` read as `std`).

mod effects;
mod locks;
mod maps;
mod ui;

pub use effects::{
    Effect, MethodEffect, MethodReturn, function_effect, is_future, is_ready_sink, method_effect,
    method_returns, returns, runs_in_place, runs_on_failure, tells_of_error,
};
pub use locks::{GuardWrap, LockTable, LockType, LockTypeConfig, Op};
pub use maps::{
    Hold, advances_iterator, ends_iterator, gives_items, is_copied, is_reference, lock_inside,
    maps_items, taking,
};

pub use ui::is_of_ui_thread;

/// Types of others that are dereferenced to their last argument.
pub const POINTERS: &[&str] = &[
    "Arc",
    "Rc",
    "Box",
    "Ref",
    "RefMut",
    "RefMulti",
    "LazyLock",
    "Lazy",
    "LazyCell",
    "LazyInit",
    "Pin",
    "Cow",
    "ManuallyDrop",
    "CachePadded",
    "AssertUnwindSafe",
    "Weak",
    "UniqueArc",
    "RefPtr",
    "Guard",
    "Owned",
    "State",
    "Data",
    "Extension",
    "Res",
    "ResMut",
    "NonSend",
    "NonSendMut",
    "AtomicRef",
    "AtomicRefMut",
    "PyRef",
    "PyRefMut",
    "WeakRef",
    "ObjectImplWeakRef",
    "ObjectImplRef",
    "BorrowedObject",
    "Reverse",
    "Wrapping",
    "MutexGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "MappedMutexGuard",
    "MappedRwLockReadGuard",
    "MappedRwLockWriteGuard",
    "RwLockUpgradableReadGuard",
    "OwnedMutexGuard",
    "OwnedRwLockReadGuard",
    "OwnedRwLockWriteGuard",
    "ReentrantMutexGuard",
    "ArcMutexGuard",
    "ArcRwLockReadGuard",
    "ArcRwLockWriteGuard",
    "ArcRwLockUpgradableReadGuard",
    "SgxMutexGuard",
    "SgxRwLockReadGuard",
    "SgxRwLockWriteGuard",
];
