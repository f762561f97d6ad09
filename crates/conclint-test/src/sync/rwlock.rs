//! `RwLock`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, TryLockError, TryLockResult};

use conclint_rt::sync as model;

use super::{active, poison_of, tried, with_poison};

/// See [`std::sync::RwLock`].
#[derive(Default)]
pub struct RwLock<T: ?Sized> {
    gate: model::RwLock<()>,
    data: std::sync::RwLock<T>,
}

/// See [`std::sync::RwLockReadGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    // Dropped before the gate opens.
    data: std::sync::RwLockReadGuard<'a, T>,
    _gate: Option<model::RwLockReadGuard<'a, ()>>,
}

/// See [`std::sync::RwLockWriteGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    data: std::sync::RwLockWriteGuard<'a, T>,
    gate: Option<model::RwLockWriteGuard<'a, ()>>,
}

impl<T> RwLock<T> {
    /// See [`std::sync::RwLock::new`].
    pub const fn new(value: T) -> Self {
        Self {
            gate: model::RwLock::new(()),
            data: std::sync::RwLock::new(value),
        }
    }

    /// See [`std::sync::RwLock::into_inner`].
    ///
    /// # Errors
    /// When the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let poisoned = self.is_poisoned();
        with_poison(poison_of(self.data.into_inner()).0, poisoned)
    }
}

impl<T: ?Sized> RwLock<T> {
    /// See [`std::sync::RwLock::read`].
    ///
    /// # Errors
    /// When the lock is poisoned.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let gate = match active() {
            true => Some(poison_of(self.gate.read())),
            false => None,
        };
        let (data, poisoned) = poison_of(self.data.read());
        Self::reading(data, poisoned, gate)
    }

    /// See [`std::sync::RwLock::try_read`].
    ///
    /// # Errors
    /// When the lock is held for writing or poisoned.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let gate = match active() {
            true => Some(tried(self.gate.try_read()).ok_or(TryLockError::WouldBlock)?),
            false => None,
        };
        let (data, poisoned) = tried(self.data.try_read()).ok_or(TryLockError::WouldBlock)?;
        Ok(Self::reading(data, poisoned, gate)?)
    }

    fn reading<'a>(
        data: std::sync::RwLockReadGuard<'a, T>,
        poisoned: bool,
        gate: Option<(model::RwLockReadGuard<'a, ()>, bool)>,
    ) -> LockResult<RwLockReadGuard<'a, T>> {
        let poisoned = gate.as_ref().map_or(poisoned, |(_, poisoned)| *poisoned);
        let _gate = gate.map(|(gate, _)| gate);
        with_poison(RwLockReadGuard { data, _gate }, poisoned)
    }

    /// See [`std::sync::RwLock::write`].
    ///
    /// # Errors
    /// When the lock is poisoned.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let gate = match active() {
            true => Some(poison_of(self.gate.write())),
            false => None,
        };
        let (data, poisoned) = poison_of(self.data.write());
        Self::writing(data, poisoned, gate)
    }

    /// See [`std::sync::RwLock::try_write`].
    ///
    /// # Errors
    /// When the lock is held or poisoned.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let gate = match active() {
            true => Some(tried(self.gate.try_write()).ok_or(TryLockError::WouldBlock)?),
            false => None,
        };
        let (data, poisoned) = tried(self.data.try_write()).ok_or(TryLockError::WouldBlock)?;
        Ok(Self::writing(data, poisoned, gate)?)
    }

    fn writing<'a>(
        data: std::sync::RwLockWriteGuard<'a, T>,
        poisoned: bool,
        gate: Option<(model::RwLockWriteGuard<'a, ()>, bool)>,
    ) -> LockResult<RwLockWriteGuard<'a, T>> {
        let poisoned = gate.as_ref().map_or(poisoned, |(_, poisoned)| *poisoned);
        let gate = gate.map(|(gate, _)| gate);
        with_poison(RwLockWriteGuard { data, gate }, poisoned)
    }

    /// See [`std::sync::RwLock::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        match active() {
            true => self.gate.is_poisoned(),
            false => self.data.is_poisoned(),
        }
    }

    /// See [`std::sync::RwLock::clear_poison`].
    pub fn clear_poison(&self) {
        if active() {
            self.gate.clear_poison();
        }
        self.data.clear_poison();
    }

    /// See [`std::sync::RwLock::get_mut`].
    ///
    /// # Errors
    /// When the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let poisoned = self.is_poisoned();
        with_poison(poison_of(self.data.get_mut()).0, poisoned)
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        if let Some(gate) = &mut self.gate {
            // Tells the runtime that something changes.
            **gate = ();
        }
        &mut self.data
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
