//! What a run tells while it works.

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Walking directories.
    Finding,
    /// Reading files.
    Reading {
        /// How many.
        files: usize,
    },
    /// Parsing and lowering.
    Parsing,
    /// Linking functions into a program.
    Linking,
    /// Running lints.
    Linting,
}

/// Listens to a run. Called from any thread.
pub trait Progress: Sync {
    /// A new stage begins.
    fn stage(&self, stage: Stage);

    /// One more file was read.
    fn file_read(&self) {}
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn stage(&self, _: Stage) {}
}
