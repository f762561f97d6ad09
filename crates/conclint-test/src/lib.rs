//! conclint in the `cargo test` that is there already: a dev-dependency.
//!
//! ```
//! // tests/conclint.rs, all of it:
//! conclint_test::lint!();
//! # fn main() {}
//! ```
//!
//! - [`lint!`] is a test that checks the crate and fails with the findings, drawn
//!   into its source lines, as `conclint check` does.
//! - [`explore`](macro@explore) and [`skip`](macro@skip) tell `conclint explore` what
//!   to do with a test. Under plain `cargo test` they change nothing.
//! - [`explored`] runs a body under many schedules under plain `cargo test`, where
//!   the code is written against [`sync`] and [`thread`]. Outside of it these are
//!   std's, so that the code's other tests run as ever:
//!
//! ```
//! #[cfg(not(any(test, doctest)))]
//! use std::{sync, thread};
//! #[cfg(any(test, doctest))]
//! use conclint_test::{sync, thread};
//! ```
//!
//! The analyser is not linked in: it would be built without optimisation, as
//! everything under `cargo test`, and looking at a large workspace would take
//! many seconds each time. [`lint!`] runs the `conclint` that is installed, and
//! where there is none it is built once, with optimisation.

mod explored;
mod lint;
mod tool;

#[cfg(conclint_explores)]
pub mod sync;
#[cfg(conclint_explores)]
pub mod thread;

/// Under `conclint explore`, and on platforms that cannot explore, std's own.
#[cfg(not(conclint_explores))]
pub use std::{hint, sync, thread, thread_local};

/// `std::hint`, with a point at which others may go first.
#[cfg(conclint_explores)]
pub mod hint {
    pub use std::hint::black_box;

    /// See [`std::hint::spin_loop`].
    #[track_caller]
    pub fn spin_loop() {
        std::hint::spin_loop();
        conclint_rt::hint::spin_loop();
    }
}

/// See [`std::thread_local`]: one value for each thread, also for threads of an execution.
#[cfg(conclint_explores)]
#[doc(inline)]
pub use conclint_rt::__thread_local as thread_local;

pub use conclint_macros::{explore, skip};
pub use explored::{Options, Strategy, explored, explored_with};
pub use lint::report_on;

#[doc(hidden)]
pub use lint::lint_test;
