//! `RwLock`. As in std, a reader that finds a writer waiting waits too.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use crate::exec::{panicking, point, point_after, point_if, progress, with};
use crate::op::Kind;

/// See [`std::sync::RwLock`].
pub struct RwLock<T: ?Sized> {
    readers: Cell<usize>,
    writer: Cell<bool>,
    poisoned: Cell<bool>,
    data: UnsafeCell<T>,
}

// SAFETY: guards enforce the rules, and all threads of an execution run on one OS thread.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: as for std.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

/// See [`std::sync::RwLockReadGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    at: &'static Location<'static>,
    not_send: PhantomData<*const ()>,
}

/// See [`std::sync::RwLockWriteGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    at: &'static Location<'static>,
    panicking: bool,
    not_send: PhantomData<*const ()>,
}

// SAFETY: as for std.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: as for std.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// See [`std::sync::RwLock::new`].
    pub const fn new(value: T) -> Self {
        Self {
            readers: Cell::new(0),
            writer: Cell::new(false),
            poisoned: Cell::new(false),
            data: UnsafeCell::new(value),
        }
    }

    /// See [`std::sync::RwLock::into_inner`].
    ///
    /// # Errors
    /// When the lock is poisoned.
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

impl<T: ?Sized> RwLock<T> {
    fn key(&self) -> usize {
        &raw const self.readers as usize
    }

    /// A reader may enter.
    fn readable(&self) -> bool {
        let key = self.key();
        !self.writer.get() && !with(|x| x.oldest(key, Kind::Write).is_some()).unwrap_or(false)
    }

    fn writable(&self) -> bool {
        !self.writer.get() && self.readers.get() == 0
    }

    /// See [`std::sync::RwLock::read`].
    ///
    /// # Errors
    /// When the lock is poisoned.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let at = Location::caller();
        point_if(Kind::Read, self.key(), at, self.readable());
        self.enter(at)
    }

    /// See [`std::sync::RwLock::try_read`].
    ///
    /// # Errors
    /// When the lock is held by a writer or poisoned.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let at = Location::caller();
        point(Kind::TryRead, self.key(), at);
        if self.writer.get() {
            return Err(TryLockError::WouldBlock);
        }
        Ok(self.enter(at)?)
    }

    fn enter(&self, at: &'static Location<'static>) -> LockResult<RwLockReadGuard<'_, T>> {
        self.readers.set(self.readers.get() + 1);
        let key = self.key();
        with(|x| {
            x.hold(key, Kind::Read, at);
            x.disable(key, |t| t.op.kind == Kind::Write);
        });
        let guard = RwLockReadGuard {
            lock: self,
            at,
            not_send: PhantomData,
        };
        if self.poisoned.get() {
            Err(PoisonError::new(guard))
        } else {
            Ok(guard)
        }
    }

    /// See [`std::sync::RwLock::write`].
    ///
    /// # Errors
    /// When the lock is poisoned.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let at = Location::caller();
        point_if(Kind::Write, self.key(), at, self.writable());
        self.take(at)
    }

    /// See [`std::sync::RwLock::try_write`].
    ///
    /// # Errors
    /// When the lock is held or poisoned.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let at = Location::caller();
        point(Kind::TryWrite, self.key(), at);
        if !self.writable() {
            return Err(TryLockError::WouldBlock);
        }
        Ok(self.take(at)?)
    }

    fn take(&self, at: &'static Location<'static>) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.writer.set(true);
        let key = self.key();
        with(|x| {
            x.hold(key, Kind::Write, at);
            x.disable(key, |t| matches!(t.op.kind, Kind::Read | Kind::Write));
        });
        let guard = RwLockWriteGuard {
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

    /// Lets those who wait try again.
    fn wake(&self, released: Kind) {
        let key = self.key();
        let free = self.writable();
        with(|x| {
            x.release(key, released);
            if free {
                x.wake(key, |t| matches!(t.op.kind, Kind::Read | Kind::Write));
            }
        });
    }

    /// See [`std::sync::RwLock::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.get()
    }

    /// See [`std::sync::RwLock::clear_poison`].
    pub fn clear_poison(&self) {
        self.poisoned.set(false);
    }

    /// See [`std::sync::RwLock::get_mut`].
    ///
    /// # Errors
    /// When the lock is poisoned.
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

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// See [`std::sync::RwLockWriteGuard::downgrade`].
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let (lock, at) = (s.lock, s.at);
        std::mem::forget(s);
        point(Kind::WriteUnlock, lock.key(), at);
        lock.writer.set(false);
        lock.readers.set(1);
        let key = lock.key();
        with(|x| {
            x.release(key, Kind::Write);
            x.hold(key, Kind::Read, at);
            x.wake(key, |t| t.op.kind == Kind::Read);
        });
        RwLockReadGuard {
            lock,
            at,
            not_send: PhantomData,
        }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        let (key, at) = (self.lock.key(), self.at);
        point(Kind::ReadUnlock, key, at);
        self.lock
            .readers
            .set(self.lock.readers.get().saturating_sub(1));
        self.lock.wake(Kind::Read);
        point_after(key, at);
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        let (key, at) = (self.lock.key(), self.at);
        point(Kind::WriteUnlock, key, at);
        if !self.panicking && panicking() {
            self.lock.poisoned.set(true);
        }
        self.lock.writer.set(false);
        self.lock.wake(Kind::Write);
        point_after(key, at);
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard keeps writers out.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard is exclusive.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        progress();
        // SAFETY: the guard is exclusive.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_struct("RwLock");
        if self.writer.get() {
            d.field("data", &"<locked>");
        } else {
            // SAFETY: no writer holds the lock.
            let data = unsafe { &*self.data.get() };
            d.field("data", &data);
        }
        d.field("poisoned", &self.poisoned.get());
        d.finish_non_exhaustive()
    }
}

macro_rules! show {
    ($guard:ident) => {
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}
show!(RwLockReadGuard);
show!(RwLockWriteGuard);
