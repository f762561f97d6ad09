//! `OnceLock` and `LazyLock`.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use super::once::{Once, Phase};
use crate::exec::point;
use crate::op::Kind;

/// See [`std::sync::OnceLock`].
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: `once` orders the write before every read, and there is one OS thread.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}
// SAFETY: as for std.
unsafe impl<T: Send> Send for OnceLock<T> {}
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// See [`std::sync::OnceLock::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            once: Once::new(),
            value: UnsafeCell::new(None),
        }
    }

    fn peek(&self) -> Option<&T> {
        if self.once.phase() != Phase::Done {
            return None;
        }
        // SAFETY: the value is complete and not written again through a shared reference.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// See [`std::sync::OnceLock::get`].
    #[track_caller]
    pub fn get(&self) -> Option<&T> {
        let key = std::ptr::from_ref(&self.once) as usize;
        point(Kind::OnceGet, key, Location::caller());
        self.peek()
    }

    /// See [`std::sync::OnceLock::get_mut`].
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// See [`std::sync::OnceLock::wait`].
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        match self.peek() {
            Some(value) => value,
            None => unreachable!("a completed OnceLock has a value"),
        }
    }

    /// See [`std::sync::OnceLock::set`].
    ///
    /// # Errors
    /// Gives the value back where there was one.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.fill(Location::caller(), || value.take());
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// See [`std::sync::OnceLock::get_or_init`].
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        self.fill(Location::caller(), || Some(f()));
        match self.peek() {
            Some(value) => value,
            None => unreachable!("the initialiser gave a value"),
        }
    }

    fn fill(&self, at: &'static Location<'static>, f: impl FnOnce() -> Option<T>) {
        // A panicking initialiser leaves the cell empty, not poisoned.
        self.once.run(at, true, |_| match f() {
            Some(value) => {
                // SAFETY: `once` lets nobody else in, and nobody reads before it is done.
                unsafe { *self.value.get() = Some(value) };
                Phase::Done
            }
            None => Phase::New,
        });
    }

    /// See [`std::sync::OnceLock::into_inner`].
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// See [`std::sync::OnceLock::take`].
    pub fn take(&mut self) -> Option<T> {
        self.once.reset();
        self.value.get_mut().take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_tuple("OnceLock");
        match self.peek() {
            Some(value) => d.field(value),
            None => d.field(&format_args!("<uninit>")),
        };
        d.finish()
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.peek().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let cell = Self::new();
        let _ = cell.set(value);
        cell
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.peek() == other.peek()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

/// See [`std::sync::LazyLock`].
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    init: Cell<Option<F>>,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: as for `OnceLock`; the initialiser is only used by whoever `once` lets in.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// See [`std::sync::LazyLock::new`].
    pub const fn new(f: F) -> Self {
        Self {
            once: Once::new(),
            init: Cell::new(Some(f)),
            value: UnsafeCell::new(None),
        }
    }

    /// See [`std::sync::LazyLock::force`].
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.once.run(Location::caller(), false, |_| {
            let Some(f) = this.init.take() else {
                panic!("LazyLock instance has previously been poisoned");
            };
            let value = f();
            // SAFETY: `once` lets nobody else in, and nobody reads before it is done.
            unsafe { *this.value.get() = Some(value) };
            Phase::Done
        });
        // SAFETY: complete, and not written again through a shared reference.
        match unsafe { &*this.value.get() } {
            Some(value) => value,
            None => unreachable!("a completed LazyLock has a value"),
        }
    }

    /// See [`std::sync::LazyLock::force_mut`].
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        Self::force(this);
        match this.value.get_mut() {
            Some(value) => value,
            None => unreachable!("a completed LazyLock has a value"),
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        Self::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut d = f.debug_tuple("LazyLock");
        if self.once.phase() == Phase::Done {
            // SAFETY: complete, and not written again through a shared reference.
            if let Some(value) = unsafe { &*self.value.get() } {
                d.field(value);
            }
        } else {
            d.field(&format_args!("<uninit>"));
        }
        d.finish()
    }
}
