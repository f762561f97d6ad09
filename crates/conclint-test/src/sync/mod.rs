//! `std::sync`, explorable: inside of [`explored`](crate::explored) every
//! operation is a point at which another thread may go first; outside of it
//! these are std's own primitives.
//!
//! A primitive consists of both. In an execution all threads share one OS
//! thread: the runtime's primitive decides who goes on, and std's, which is
//! then always free, holds the value. No `unsafe` is needed for that.

pub mod atomic;
mod barrier;
mod condvar;
mod lazy;
pub mod mpsc;
mod mutex;
mod once;
mod rwlock;

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak};

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy::{LazyLock, OnceLock};
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Inside of an execution.
pub(crate) use conclint_rt::exec::active;

/// A guard, and whether the lock is poisoned, as std gives them.
fn with_poison<G>(guard: G, poisoned: bool) -> LockResult<G> {
    match poisoned {
        true => Err(PoisonError::new(guard)),
        false => Ok(guard),
    }
}

/// What a lock gave, and whether it is poisoned.
fn poison_of<G>(result: LockResult<G>) -> (G, bool) {
    match result {
        Ok(guard) => (guard, false),
        Err(error) => (error.into_inner(), true),
    }
}

/// As [`poison_of`]; `None` where the lock is held.
fn tried<G>(result: TryLockResult<G>) -> Option<(G, bool)> {
    match result {
        Ok(guard) => Some((guard, false)),
        Err(TryLockError::Poisoned(error)) => Some((error.into_inner(), true)),
        Err(TryLockError::WouldBlock) => None,
    }
}
