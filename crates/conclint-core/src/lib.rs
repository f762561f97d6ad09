//! Stands in `core`'s place: `--extern core=` this crate, and `core::sync::atomic` publishes.
//!
//! An ordinary crate under an ordinary name; only the compiler's command line gives it `core`'s.
//! Everything is re-exported by one glob, and what differs by name: two globs would be ambiguous.

#![no_std]

pub use ::core::*;

/// `core::sync`.
pub mod sync {
    pub use ::core::sync::*;

    /// `core::sync::atomic`.
    pub mod atomic {
        pub use ::core::sync::atomic::*;
        pub use conclint_rt::sync::atomic::{
            ATOMIC_BOOL_INIT, ATOMIC_I8_INIT, ATOMIC_I16_INIT, ATOMIC_I32_INIT, ATOMIC_I64_INIT,
            ATOMIC_ISIZE_INIT, ATOMIC_U8_INIT, ATOMIC_U16_INIT, ATOMIC_U32_INIT, ATOMIC_U64_INIT,
            ATOMIC_USIZE_INIT, AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize,
            AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
            spin_loop_hint,
        };
    }
}

/// `core::hint`.
pub mod hint {
    pub use ::core::hint::*;
    pub use conclint_rt::hint::spin_loop;
}
