//! The runtime of exploring: std's primitives on coroutines, publishing every operation.
//!
//! The shadow crates `conclint-std` and `conclint-core` re-export what stands here in std's place,
//! so that an unedited program compiled against them runs on it. Each primitive says what it is
//! about to do, on which object and at which source line, before its scheduling point. Strategies,
//! timelines, deadlock explanations and shrinking all feed on that.
//!
//! All threads of an execution run on one OS thread. The runtime refuses to model weak memory:
//! every execution is sequentially consistent.
//!
//! `unsafe` is allowed here; each use gives its reason.

mod caller;
mod channel;
mod coro;
mod crash;
mod cycles;
mod entry;
mod events;
pub mod exec;
mod explain;
mod frames;
mod futex;
mod hashing;
mod image;
mod interpose;
mod journal;
mod local;
mod op;
mod outside;
pub mod process;
mod report;
mod statics;
pub mod supervise;
pub mod sync;
mod tape;
pub mod thread;
mod watch;
mod wire;

pub use explain::Stuck;
pub use frames::Frames;
pub use op::{Event, Kind};

/// `std::hint`.
pub mod hint {
    /// See [`std::hint::spin_loop`].
    #[track_caller]
    pub fn spin_loop() {
        crate::exec::point(crate::Kind::Spin, 0, std::panic::Location::caller());
    }
}

#[cfg(test)]
mod tests;
