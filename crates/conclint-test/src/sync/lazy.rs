//! `OnceLock` and `LazyLock`.

use std::fmt;
use std::ops::Deref;
use std::sync::PoisonError;

use conclint_rt::sync as model;

use super::active;

/// See [`std::sync::OnceLock`].
pub struct OnceLock<T> {
    /// Decides who initialises, in an execution.
    gate: model::Once,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// See [`std::sync::OnceLock::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            gate: model::Once::new(),
            value: std::sync::OnceLock::new(),
        }
    }

    /// See [`std::sync::OnceLock::get`].
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        if active() {
            // A scheduling point; whether there is a value, the value says itself.
            self.gate.is_completed();
        }
        self.value.get()
    }

    /// See [`std::sync::OnceLock::get_mut`].
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// See [`std::sync::OnceLock::set`].
    ///
    /// # Errors
    /// The value, where there is one already.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        if !active() {
            return self.value.set(value);
        }
        let mut result = Err(None);
        let mut value = Some(value);
        self.gate.call_once_force(|_| {
            if let Some(value) = value.take() {
                result = self.value.set(value).map_err(Some);
            }
        });
        match (result, value) {
            (Ok(()), _) => Ok(()),
            (Err(Some(value)), _) | (Err(None), Some(value)) => Err(value),
            // The value is either set, refused or still here.
            (Err(None), None) => Ok(()),
        }
    }

    /// See [`std::sync::OnceLock::get_or_init`].
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if !active() {
            return self.value.get_or_init(f);
        }
        let mut f = Some(f);
        self.gate.call_once_force(|_| {
            if let (None, Some(f)) = (self.value.get(), f.take()) {
                // Nobody else is behind the gate, so there is no value to be refused for.
                let _ = self.value.set(f());
            }
        });
        match self.value.get() {
            Some(value) => value,
            None => unreachable!("the gate is passed once the value is there"),
        }
    }

    /// See [`std::sync::OnceLock::into_inner`].
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// See [`std::sync::OnceLock::take`].
    pub fn take(&mut self) -> Option<T> {
        self.gate = model::Once::new();
        self.value.take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        Self {
            gate: model::Once::new(),
            value: value.into(),
        }
    }
}

/// See [`std::sync::LazyLock`].
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    init: std::sync::Mutex<Option<F>>,
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// See [`std::sync::LazyLock::new`].
    pub const fn new(f: F) -> Self {
        Self {
            value: OnceLock::new(),
            init: std::sync::Mutex::new(Some(f)),
        }
    }

    /// See [`std::sync::LazyLock::force`].
    ///
    /// # Panics
    /// When the initialiser has panicked before.
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.value.get_or_init(|| {
            let init = this
                .init
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            match init {
                Some(init) => init(),
                None => panic!("LazyLock instance has previously been poisoned"),
            }
        })
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
