//! Concurrency facts, free of any syntax, and what follows from them.
//!
//! A front end (`conclint-rust`) delivers a [`Program`]: for each function a
//! small control-flow graph of [`Event`]s: guards acquired and released, calls,
//! waits, spawns, sends. [`Analysis`] links them into what holds for the whole
//! program: held sets, summaries over the call graph, the lock-order graph,
//! what blocks under which lock. Lints read both and nothing else.
//!
//! This crate refuses to know about Rust syntax, files on disk or output.

mod analysis;
mod program;
mod values;

pub use analysis::*;
pub use program::*;
pub use values::*;
