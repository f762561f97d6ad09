//! Atomics: std's own, with a scheduling point before each operation.
//!
//! They keep std's size, alignment and representation, because some crates transmute them; so an
//! atomic is known by its address. Every execution is sequentially consistent.

use std::fmt;
use std::panic::Location;
use std::sync::atomic as real;

pub use std::sync::atomic::Ordering;

use crate::caller::tried;
use crate::exec::{changed, note, point, point_after, with};
use crate::frames::foreign;
use crate::op::Kind;

/// See [`std::sync::atomic::fence`].
#[track_caller]
pub fn fence(order: Ordering) {
    point(Kind::Fence, 0, Location::caller());
    real::fence(order);
}

/// See [`std::sync::atomic::compiler_fence`].
pub fn compiler_fence(order: Ordering) {
    real::compiler_fence(order);
}

/// See `std::sync::atomic::spin_loop_hint`.
#[track_caller]
pub fn spin_loop_hint() {
    point(Kind::Spin, 0, Location::caller());
}

/// The bits of a value of an atomic, none of which has padding.
fn bits<T: Copy>(value: &T) -> u64 {
    let mut word = 0_u64;
    // SAFETY: atomics hold integers, booleans and pointers of at most eight bytes.
    unsafe {
        std::ptr::from_ref(value)
            .cast::<u8>()
            .copy_to_nonoverlapping((&raw mut word).cast::<u8>(), size_of::<T>().min(8));
    }
    word
}

/// Ends a write: says whether it changed anything, and lets others come in right after it.
fn after<T: Copy + PartialEq>(old: T, new: T, key: usize, at: &'static Location<'static>) {
    if old != new {
        changed(key, bits(&old), bits(&new));
    }
    point_after(key, at);
}

/// Marks an operation that other threads may see late on some machines, while there are others.
#[inline]
fn weak(order: Ordering, at: &'static Location<'static>) {
    if order == Ordering::Relaxed {
        with(|x| {
            if x.weak.is_none() && x.live.len() > 1 && !foreign(at.file()) {
                x.weak = Some(at);
            }
        });
    }
}

macro_rules! common {
    ($name:ident, $t:ty $(, $g:ident)?) => {
        impl$(<$g>)? $name$(<$g>)? {
            /// See the method of std's type.
            #[must_use]
            pub const fn new(value: $t) -> Self {
                Self(real::$name::new(value))
            }

            fn key(&self) -> usize {
                std::ptr::from_ref(self) as usize
            }

            /// See the method of std's type.
            ///
            /// # Safety
            /// As for std.
            pub const unsafe fn from_ptr<'a>(ptr: *mut $t) -> &'a Self {
                // SAFETY: the caller promises what std asks for; the layout is the same.
                unsafe { &*ptr.cast() }
            }

            /// See the method of std's type.
            pub const fn as_ptr(&self) -> *mut $t {
                self.0.as_ptr()
            }

            /// See the method of std's type.
            pub fn get_mut(&mut self) -> &mut $t {
                self.0.get_mut()
            }

            /// See the method of std's type.
            pub const fn into_inner(self) -> $t {
                self.0.into_inner()
            }

            /// See the method of std's type.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $t {
                let at = Location::caller();
                point(Kind::Load, self.key(), at);
                weak(order, at);
                let value = self.0.load(order);
                note(|| format!("= {value:?}"));
                value
            }

            /// See the method of std's type.
            #[track_caller]
            pub fn store(&self, value: $t, order: Ordering) {
                let at = Location::caller();
                point(Kind::Store, self.key(), at);
                weak(order, at);
                let old = self.0.load(Ordering::Relaxed);
                self.0.store(value, order);
                note(|| format!("= {value:?} (was {old:?})"));
                tried(self.key(), Some(order));
                after(old, value, self.key(), at);
            }

            #[track_caller]
            fn modify(&self, order: Ordering, f: impl FnOnce(&real::$name$(<$g>)?) -> $t) -> $t {
                let at = Location::caller();
                point(Kind::Rmw, self.key(), at);
                let old = f(&self.0);
                let new = self.0.load(Ordering::Relaxed);
                note(|| format!("{old:?} -> {new:?}"));
                tried(self.key(), Some(order));
                after(old, new, self.key(), at);
                old
            }

            /// See the method of std's type.
            #[track_caller]
            pub fn swap(&self, value: $t, order: Ordering) -> $t {
                self.modify(order, |a| a.swap(value, order))
            }

            /// See the method of std's type.
            ///
            /// # Errors
            /// The value found, where it is not `current`.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $t,
                new: $t,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$t, $t> {
                let at = Location::caller();
                point(Kind::Cas, self.key(), at);
                let result = self.0.compare_exchange(current, new, success, failure);
                note(|| match result {
                    Ok(old) => format!("{old:?} -> {new:?}"),
                    Err(found) => format!("failed: {found:?}, wanted {current:?}"),
                });
                tried(self.key(), result.is_ok().then_some(success));
                let written = if result.is_ok() { new } else { current };
                after(current, written, self.key(), at);
                result
            }

            /// See the method of std's type. It never fails without a reason here.
            ///
            /// # Errors
            /// The value found, where it is not `current`.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $t,
                new: $t,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$t, $t> {
                self.compare_exchange(current, new, success, failure)
            }

            /// See the method of std's type.
            #[track_caller]
            pub fn compare_and_swap(&self, current: $t, new: $t, order: Ordering) -> $t {
                let failure = match order {
                    Ordering::Release => Ordering::Relaxed,
                    Ordering::AcqRel => Ordering::Acquire,
                    other => other,
                };
                match self.compare_exchange(current, new, order, failure) {
                    Ok(old) | Err(old) => old,
                }
            }

            /// See the method of std's type.
            ///
            /// # Errors
            /// The value found, where `f` refuses it.
            #[track_caller]
            pub fn fetch_update<F>(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut f: F,
            ) -> Result<$t, $t>
            where
                F: FnMut($t) -> Option<$t>,
            {
                let mut old = self.load(fetch);
                while let Some(new) = f(old) {
                    match self.compare_exchange_weak(old, new, set, fetch) {
                        Ok(old) => return Ok(old),
                        Err(found) => old = found,
                    }
                }
                Err(old)
            }

            /// See the method of std's type.
            ///
            /// # Errors
            /// The value found, where `f` refuses it.
            #[track_caller]
            pub fn try_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                f: impl FnMut($t) -> Option<$t>,
            ) -> Result<$t, $t> {
                self.fetch_update(set, fetch, f)
            }

            /// See the method of std's type.
            #[track_caller]
            pub fn update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut f: impl FnMut($t) -> $t,
            ) -> $t {
                match self.fetch_update(set, fetch, |old| Some(f(old))) {
                    Ok(old) | Err(old) => old,
                }
            }
        }

        impl$(<$g>)? From<$t> for $name$(<$g>)? {
            fn from(value: $t) -> Self {
                Self::new(value)
            }
        }

        impl$(<$g>)? fmt::Debug for $name$(<$g>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0.load(Ordering::Relaxed), f)
            }
        }
    };
}

macro_rules! fetch {
    ($t:ty: $($method:ident)*) => {
        fetch!($t => $t: $($method)*);
    };
    ($value:ty => $t:ty: $($method:ident)*) => {
        $(
            /// See the method of std's type.
            #[track_caller]
            pub fn $method(&self, value: $value, order: Ordering) -> $t {
                self.modify(order, |a| a.$method(value, order))
            }
        )*
    };
}

macro_rules! integer {
    ($($name:ident $t:ty;)*) => {$(
        #[doc = concat!("See [`std::sync::atomic::", stringify!($name), "`].")]
        #[repr(transparent)]
        #[derive(Default)]
        pub struct $name(real::$name);

        common!($name, $t);

        impl $name {
            fetch!($t: fetch_add fetch_sub fetch_and fetch_nand fetch_or fetch_xor fetch_max fetch_min);
        }
    )*};
}

integer! {
    AtomicI8 i8;
    AtomicU8 u8;
    AtomicI16 i16;
    AtomicU16 u16;
    AtomicI32 i32;
    AtomicU32 u32;
    AtomicI64 i64;
    AtomicU64 u64;
    AtomicIsize isize;
    AtomicUsize usize;
}

/// See [`std::sync::atomic::AtomicBool`].
#[repr(transparent)]
#[derive(Default)]
pub struct AtomicBool(real::AtomicBool);

common!(AtomicBool, bool);

impl AtomicBool {
    fetch!(bool: fetch_and fetch_nand fetch_or fetch_xor);

    /// See the method of std's type.
    #[track_caller]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        self.modify(order, |a| a.fetch_not(order))
    }
}

/// See [`std::sync::atomic::AtomicPtr`].
#[repr(transparent)]
pub struct AtomicPtr<T>(real::AtomicPtr<T>);

common!(AtomicPtr, *mut T, T);

impl<T> Default for AtomicPtr<T> {
    fn default() -> Self {
        Self::new(std::ptr::null_mut())
    }
}

impl<T> fmt::Pointer for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.0.load(Ordering::Relaxed), f)
    }
}

impl<T> AtomicPtr<T> {
    fetch!(usize => *mut T: fetch_ptr_add fetch_ptr_sub fetch_byte_add fetch_byte_sub fetch_or fetch_and fetch_xor);
}

macro_rules! init {
    ($($name:ident $atomic:ident $value:expr;)*) => {$(
        #[doc = concat!("See `std::sync::atomic::", stringify!($name), "`.")]
        #[expect(clippy::declare_interior_mutable_const, reason = "std has it")]
        pub const $name: $atomic = $atomic::new($value);
    )*};
}

init! {
    ATOMIC_BOOL_INIT AtomicBool false;
    ATOMIC_I8_INIT AtomicI8 0;
    ATOMIC_U8_INIT AtomicU8 0;
    ATOMIC_I16_INIT AtomicI16 0;
    ATOMIC_U16_INIT AtomicU16 0;
    ATOMIC_I32_INIT AtomicI32 0;
    ATOMIC_U32_INIT AtomicU32 0;
    ATOMIC_I64_INIT AtomicI64 0;
    ATOMIC_U64_INIT AtomicU64 0;
    ATOMIC_ISIZE_INIT AtomicIsize 0;
    ATOMIC_USIZE_INIT AtomicUsize 0;
}
