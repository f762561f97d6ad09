//! `Mutex`.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use crate::exec::{panicking, point, point_after, point_if, progress, with};
use crate::op::Kind;

/// See [`std::sync::Mutex`].
pub struct Mutex<T: ?Sized> {
    locked: Cell<bool>,
    poisoned: Cell<bool>,
    data: UnsafeCell<T>,
}

// SAFETY: the guard is exclusive, and all threads of an execution run on one OS thread.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: as for std.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// See [`std::sync::MutexGuard`].
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    lock: &'a Mutex<T>,
    at: &'static Location<'static>,
    panicking: bool,
    not_send: PhantomData<*const ()>,
}

// SAFETY: as for std.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// See [`std::sync::Mutex::new`].
    pub const fn new(value: T) -> Self {
        Self {
            locked: Cell::new(false),
            poisoned: Cell::new(false),
            data: UnsafeCell::new(value),
        }
    }

    /// See [`std::sync::Mutex::into_inner`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.poisoned.get();
        let data = self.data.into_inner();
        if poisoned {
            Err(PoisonError::new(data))
        } else {
            Ok(data)
        }
    }
}

impl<T: ?Sized> Mutex<T> {
    fn key(&self) -> usize {
        &raw const self.locked as usize
    }

    /// See [`std::sync::Mutex::lock`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        point_if(Kind::Lock, self.key(), at, !self.locked.get());
        self.acquire(at)
    }

    /// See [`std::sync::Mutex::try_lock`].
    ///
    /// # Errors
    /// When the mutex is held or poisoned.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let at = Location::caller();
        point(Kind::TryLock, self.key(), at);
        if self.locked.get() {
            crate::exec::note(|| "held".to_owned());
            return Err(TryLockError::WouldBlock);
        }
        Ok(self.acquire(at)?)
    }

    /// Takes the free mutex.
    fn acquire(&self, at: &'static Location<'static>) -> LockResult<MutexGuard<'_, T>> {
        self.locked.set(true);
        let key = self.key();
        with(|x| {
            x.hold(key, Kind::Lock, at);
            x.disable(key, |t| t.op.kind == Kind::Lock);
        });
        let guard = MutexGuard {
            lock: self,
            at,
            panicking: panicking(),
            not_send: PhantomData,
        };
        if self.poisoned.get() {
            Err(PoisonError::new(guard))
        } else {
            Ok(guard)
        }
    }

    fn unlock(&self) {
        self.locked.set(false);
        let key = self.key();
        with(|x| {
            x.release(key, Kind::Lock);
            x.wake(key, |t| t.op.kind == Kind::Lock);
        });
    }

    /// See [`std::sync::Mutex::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.get()
    }

    /// See [`std::sync::Mutex::clear_poison`].
    pub fn clear_poison(&self) {
        self.poisoned.set(false);
    }

    /// See [`std::sync::Mutex::get_mut`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.poisoned.get();
        let data = self.data.get_mut();
        if poisoned {
            Err(PoisonError::new(data))
        } else {
            Ok(data)
        }
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("Mutex");
        if self.locked.get() {
            d.field("data", &"<locked>");
        } else {
            // SAFETY: nobody holds the lock, and formatting cannot be interrupted by a holder
            // without a scheduling point of its own inside `T`'s formatting.
            let data = unsafe { &*self.data.get() };
            d.field("data", &data);
        }
        d.field("poisoned", &self.poisoned.get());
        d.finish_non_exhaustive()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Gives the mutex up for a condition variable; `relock` takes it back.
    pub(super) fn release(self) -> (&'a Mutex<T>, &'static Location<'static>) {
        let (lock, at) = (self.lock, self.at);
        std::mem::forget(self);
        lock.unlock();
        (lock, at)
    }
}

/// The part of a mutex that a condition variable needs.
impl<T: ?Sized> Mutex<T> {
    pub(super) fn relock_info(&self) -> (usize, *const Cell<bool>) {
        (self.key(), &raw const self.locked)
    }

    /// Takes the mutex after a wait; `must_queue` where nobody has checked that it is free.
    pub(super) fn relock(
        &self,
        at: &'static Location<'static>,
        must_queue: bool,
    ) -> LockResult<MutexGuard<'_, T>> {
        if must_queue {
            point_if(Kind::Lock, self.key(), at, !self.locked.get());
        }
        self.acquire(at)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        progress();
        // SAFETY: the guard holds the lock.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        let (key, at) = (self.lock.key(), self.at);
        point(Kind::Unlock, key, at);
        if !self.panicking && panicking() {
            self.lock.poisoned.set(true);
        }
        self.lock.unlock();
        point_after(key, at);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
