//! Exit codes. Part of the contract: scripts and graders rely on them.

/// Nothing was found at or above the fail level; also after `--help` and when
/// the reader of the output went away.
pub const CLEAN: u8 = 0;

/// Findings at or above the fail level; a schedule breaks a test.
pub const FINDINGS: u8 = 1;

/// Wrong usage or configuration, a project that does not build, output that
/// could not be written, or a bug in conclint. Says nothing about the code.
pub const ERROR: u8 = 2;

/// There was nothing to do: no Rust file was found or none could be read; no
/// test was explored.
pub const NOTHING_TO_DO: u8 = 3;

/// Grading: every submission has an outcome, but some need a human before
/// they have a mark.
pub const NEEDS_HUMAN: u8 = 4;
