//! `Mutex`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, TryLockError, TryLockResult};

use conclint_rt::sync as model;

use super::{active, poison_of, tried, with_poison};

/// See [`std::sync::Mutex`].
#[derive(Default)]
pub struct Mutex<T: ?Sized> {
    pub(super) gate: model::Mutex<()>,
    pub(super) data: std::sync::Mutex<T>,
}

/// See [`std::sync::MutexGuard`].
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    pub(super) lock: &'a Mutex<T>,
    // Dropped before the gate opens.
    pub(super) data: std::sync::MutexGuard<'a, T>,
    pub(super) gate: Option<model::MutexGuard<'a, ()>>,
}

impl<T> Mutex<T> {
    /// See [`std::sync::Mutex::new`].
    pub const fn new(value: T) -> Self {
        Self {
            gate: model::Mutex::new(()),
            data: std::sync::Mutex::new(value),
        }
    }

    /// See [`std::sync::Mutex::into_inner`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        with_poison(poison_of(self.data.into_inner()).0, poisoned)
    }
}

impl<T: ?Sized> Mutex<T> {
    /// See [`std::sync::Mutex::lock`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        if active() {
            return self.enter(self.gate.lock());
        }
        let (data, poisoned) = poison_of(self.data.lock());
        with_poison(self.guard(data, None), poisoned)
    }

    /// See [`std::sync::Mutex::try_lock`].
    ///
    /// # Errors
    /// When the mutex is held or poisoned.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if active() {
            let (gate, poisoned) = tried(self.gate.try_lock()).ok_or(TryLockError::WouldBlock)?;
            return Ok(self.enter(with_poison(gate, poisoned))?);
        }
        let (data, poisoned) = tried(self.data.try_lock()).ok_or(TryLockError::WouldBlock)?;
        Ok(with_poison(self.guard(data, None), poisoned)?)
    }

    /// Takes the value behind an open gate, which nobody else can have.
    pub(super) fn enter<'a>(
        &'a self,
        gate: LockResult<model::MutexGuard<'a, ()>>,
    ) -> LockResult<MutexGuard<'a, T>> {
        let (gate, poisoned) = poison_of(gate);
        let (data, _) = poison_of(self.data.lock());
        with_poison(self.guard(data, Some(gate)), poisoned)
    }

    fn guard<'a>(
        &'a self,
        data: std::sync::MutexGuard<'a, T>,
        gate: Option<model::MutexGuard<'a, ()>>,
    ) -> MutexGuard<'a, T> {
        MutexGuard {
            lock: self,
            data,
            gate,
        }
    }

    /// See [`std::sync::Mutex::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        match active() {
            true => self.gate.is_poisoned(),
            false => self.data.is_poisoned(),
        }
    }

    /// See [`std::sync::Mutex::clear_poison`].
    pub fn clear_poison(&self) {
        if active() {
            self.gate.clear_poison();
        }
        self.data.clear_poison();
    }

    /// See [`std::sync::Mutex::get_mut`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned();
        with_poison(poison_of(self.data.get_mut()).0, poisoned)
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        if let Some(gate) = &mut self.gate {
            // Tells the runtime that something changes.
            **gate = ();
        }
        &mut self.data
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
