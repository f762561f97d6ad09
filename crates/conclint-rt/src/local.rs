//! Thread-local storage: one set of slots per thread of the execution.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;

use crate::exec;

type Slot = (usize, Option<Box<dyn Any>>);

/// The slots of one thread, in order of their creation.
#[derive(Default)]
pub(crate) struct Locals {
    slots: Vec<Slot>,
}

thread_local! {
    /// Slots for code that runs outside of an execution.
    static OUTSIDE: RefCell<Locals> = const { RefCell::new(Locals { slots: Vec::new() }) };
}

fn with_locals<R>(f: impl FnOnce(&mut Locals) -> R) -> Option<R> {
    if exec::active() {
        return exec::with(|x| {
            let me = x.current;
            f(&mut x.tasks[me].locals)
        });
    }
    OUTSIDE
        .try_with(|l| l.try_borrow_mut().ok().map(|mut l| f(&mut l)))
        .ok()?
}

/// Drops the current thread's slots in the order of their creation. Destructors may create more.
pub(crate) fn run_destructors() {
    while let Some(Some(value)) = with_locals(|l| {
        let slot = l.slots.iter_mut().find(|(_, value)| value.is_some())?;
        slot.1.take()
    }) {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(value)));
    }
}

/// The value is being or has been destroyed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl std::error::Error for AccessError {}

/// A thread-local storage key, as `thread_local!` declares it.
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(init: fn() -> T) -> Self {
        Self { init }
    }

    fn key(&'static self) -> usize {
        // The function tells keys apart that the linker may have put at one address.
        std::ptr::from_ref(self) as usize ^ (self.init as usize).rotate_left(17)
    }

    /// Address of the value. The box keeps it in place until the thread ends.
    fn find(&'static self) -> Option<Result<*const T, AccessError>> {
        let key = self.key();
        with_locals(|l| {
            let (_, value) = l.slots.iter().find(|(k, _)| *k == key)?;
            Some(match value {
                Some(value) => value
                    .downcast_ref::<T>()
                    .map(std::ptr::from_ref)
                    .ok_or(AccessError),
                None => Err(AccessError),
            })
        })
        .unwrap_or(Some(Err(AccessError)))
    }

    fn get_or_init(&'static self, first: Option<T>) -> Result<(*const T, Option<T>), AccessError> {
        if let Some(found) = self.find() {
            return found.map(|p| (p, first));
        }
        let value = first.unwrap_or_else(self.init);
        // The initialiser may have used the key itself; the later value wins, as in std.
        let key = self.key();
        let boxed: Box<dyn Any> = Box::new(value);
        let old = with_locals(move |l| match l.slots.iter_mut().find(|(k, _)| *k == key) {
            Some(slot) => slot.1.replace(boxed),
            None => {
                l.slots.push((key, Some(boxed)));
                None
            }
        });
        drop(old);
        match self.find() {
            Some(found) => found.map(|p| (p, None)),
            None => Err(AccessError),
        }
    }

    /// See [`std::thread::LocalKey::try_with`].
    ///
    /// # Errors
    /// When the key has been destroyed.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let (value, _) = self.get_or_init(None)?;
        // SAFETY: the slot's box stays until the thread's destructors run; a destructor that drops
        // this very slot while `f` uses it would have to run on this thread, inside `f`.
        Ok(f(unsafe { &*value }))
    }

    /// See [`std::thread::LocalKey::with`].
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!(
                "cannot access a Thread Local Storage value during or after destruction: {error:?}"
            ),
        }
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// See [`std::thread::LocalKey::set`].
    pub fn set(&'static self, value: T) {
        match self.get_or_init(Some(Cell::new(value))) {
            // SAFETY: as in `try_with`.
            Ok((cell, Some(value))) => unsafe { &*cell }.set(value.into_inner()),
            Ok((_, None)) => {}
            Err(error) => panic!("cannot access a Thread Local Storage value: {error:?}"),
        }
    }

    /// See [`std::thread::LocalKey::get`].
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// See [`std::thread::LocalKey::take`].
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// See [`std::thread::LocalKey::replace`].
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }

    /// See [`std::thread::LocalKey::update`].
    pub fn update(&'static self, f: impl FnOnce(T) -> T)
    where
        T: Copy,
    {
        self.with(|cell| cell.set(f(cell.get())));
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// See [`std::thread::LocalKey::with_borrow`].
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| f(&cell.borrow()))
    }

    /// See [`std::thread::LocalKey::with_borrow_mut`].
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// See [`std::thread::LocalKey::set`].
    pub fn set(&'static self, value: T) {
        match self.get_or_init(Some(RefCell::new(value))) {
            // SAFETY: as in `try_with`.
            Ok((cell, Some(value))) => *unsafe { &*cell }.borrow_mut() = value.into_inner(),
            Ok((_, None)) => {}
            Err(error) => panic!("cannot access a Thread Local Storage value: {error:?}"),
        }
    }

    /// See [`std::thread::LocalKey::take`].
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// See [`std::thread::LocalKey::replace`].
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

/// See [`std::thread_local`].
#[macro_export]
macro_rules! __thread_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = const $init:block; $($rest:tt)*) => {
        $crate::__thread_local!(@one [$(#[$attr])*] $vis $name, $t, $init);
        $crate::__thread_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = const $init:block) => {
        $crate::__thread_local!(@one [$(#[$attr])*] $vis $name, $t, $init);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::__thread_local!(@one [$(#[$attr])*] $vis $name, $t, $init);
        $crate::__thread_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr) => {
        $crate::__thread_local!(@one [$(#[$attr])*] $vis $name, $t, $init);
    };
    (@one [$(#[$attr:meta])*] $vis:vis $name:ident, $t:ty, $init:expr) => {
        $(#[$attr])*
        $vis static $name: $crate::thread::LocalKey<$t> = {
            fn __init() -> $t { $init }
            $crate::thread::LocalKey::__new(__init)
        };
    };
}
