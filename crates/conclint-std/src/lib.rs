//! Stands in `std`'s place: `--extern std=` this crate, and an unedited program runs on
//! `conclint-rt`.
//!
//! An ordinary crate under an ordinary name; only the compiler's command line gives it `std`'s.
//! Everything is re-exported by one glob, and what differs by name: two globs would be ambiguous.

pub use ::std::*;
#[doc(no_inline)]
pub use conclint_rt::__thread_local as thread_local;

/// `std::sync`.
pub mod sync {
    pub use ::std::sync::*;
    pub use conclint_rt::sync::{
        Barrier, BarrierWaitResult, Condvar, LazyLock, Mutex, MutexGuard, ONCE_INIT, Once,
        OnceLock, OnceState, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult, mpsc,
    };

    /// `std::sync::atomic`.
    pub mod atomic {
        pub use ::std::sync::atomic::*;
        pub use conclint_rt::sync::atomic::{
            ATOMIC_BOOL_INIT, ATOMIC_I8_INIT, ATOMIC_I16_INIT, ATOMIC_I32_INIT, ATOMIC_I64_INIT,
            ATOMIC_ISIZE_INIT, ATOMIC_U8_INIT, ATOMIC_U16_INIT, ATOMIC_U32_INIT, ATOMIC_U64_INIT,
            ATOMIC_USIZE_INIT, AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize,
            AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence,
            spin_loop_hint,
        };
    }
}

/// `std::thread`.
pub mod thread {
    pub use ::std::thread::*;
    pub use conclint_rt::thread::{
        AccessError, Builder, JoinHandle, LocalKey, Scope, ScopedJoinHandle, Thread, ThreadId,
        available_parallelism, current, panicking, park, park_timeout, scope, sleep, sleep_ms,
        spawn, yield_now,
    };
}

/// `std::process`.
pub mod process {
    pub use ::std::process::*;
    pub use conclint_rt::process::exit;
}

/// `std::hint`.
pub mod hint {
    pub use ::std::hint::*;
    pub use conclint_rt::hint::spin_loop;
}

/// `std::prelude`: every edition's, with our `thread_local!`.
pub mod prelude {
    macro_rules! editions {
        ($($name:ident)*) => {$(
            #[expect(missing_docs, reason = "std's")]
            pub mod $name {
                pub use ::std::prelude::$name::*;
                #[doc(no_inline)]
                pub use conclint_rt::__thread_local as thread_local;
            }
        )*};
    }
    editions!(v1 rust_2015 rust_2018 rust_2021 rust_2024);
}

/// `std::os`.
pub mod os {
    pub use ::std::os::*;

    /// `std::os::unix`.
    pub mod unix {
        pub use ::std::os::unix::*;

        /// `std::os::unix::thread`.
        pub mod thread {
            pub use conclint_rt::thread::{JoinHandleExt, RawPthread};
        }

        /// `std::os::unix::prelude`.
        pub mod prelude {
            pub use super::thread::JoinHandleExt;
            pub use ::std::os::unix::prelude::*;
        }
    }
}
