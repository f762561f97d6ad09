//! `std::thread::scope`: threads that may borrow, because the scope waits for them.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::{Builder, Handle, Result, Thread, is_done};
use crate::exec::{self, point, point_if, progress, with};
use crate::op::Kind;

pub(super) struct ScopeData {
    pub(super) running: Cell<usize>,
    /// Threads that panicked and were not joined.
    panicked: Cell<usize>,
}

// SAFETY: all threads of an execution run on one OS thread.
unsafe impl Sync for ScopeData {}
// SAFETY: as above.
unsafe impl Send for ScopeData {}

impl ScopeData {
    pub(super) fn leave(self: Arc<Self>, failed: bool) {
        if failed {
            self.panicked.set(self.panicked.get() + 1);
        }
        self.running.set(self.running.get() - 1);
        if self.running.get() == 0 {
            let key = Arc::as_ptr(&self) as usize;
            with(|x| x.wake(key, |t| t.op.kind == Kind::Scope));
        }
    }
}

/// See [`std::thread::Scope`].
pub struct Scope<'scope, 'env: 'scope> {
    pub(super) data: Arc<ScopeData>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("num_running_threads", &self.data.running.get())
            .finish_non_exhaustive()
    }
}

/// See [`std::thread::ScopedJoinHandle`].
pub struct ScopedJoinHandle<'scope, T> {
    pub(super) handle: Handle<T>,
    pub(super) data: Arc<ScopeData>,
    pub(super) _scope: PhantomData<&'scope ()>,
}

// SAFETY: as for `JoinHandle`.
unsafe impl<T> Send for ScopedJoinHandle<'_, T> {}
// SAFETY: as for `JoinHandle`.
unsafe impl<T> Sync for ScopedJoinHandle<'_, T> {}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// See [`std::thread::ScopedJoinHandle::join`].
    ///
    /// # Errors
    /// The payload of the panic that ended the thread.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        let result = self.handle.join(Location::caller());
        if result.is_err() {
            // The panic has been handed over, and the scope need not mention it.
            self.data
                .panicked
                .set(self.data.panicked.get().saturating_sub(1));
        }
        result
    }

    /// See [`std::thread::ScopedJoinHandle::thread`].
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.handle.thread
    }

    /// See [`std::thread::ScopedJoinHandle::is_finished`].
    #[must_use]
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        point(Kind::Finished, self.handle.thread.key(), Location::caller());
        is_done(&self.handle.thread)
    }
}

impl<'scope> Scope<'scope, '_> {
    /// See [`std::thread::Scope::spawn`].
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match Builder::new().spawn_scoped(self, f) {
            Ok(handle) => handle,
            Err(error) => panic!("failed to spawn thread: {error}"),
        }
    }
}

/// See [`std::thread::scope`].
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        data: Arc::new(ScopeData {
            running: Cell::new(0),
            panicked: Cell::new(0),
        }),
        scope: PhantomData,
        env: PhantomData,
    };
    let at = Location::caller();
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    exec::unwound();
    let key = Arc::as_ptr(&scope.data) as usize;
    if scope.data.running.get() > 0 {
        point_if(Kind::Scope, key, at, false);
        progress();
    }
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if scope.data.panicked.get() > 0 => panic!("a scoped thread panicked"),
        Ok(result) => result,
    }
}
