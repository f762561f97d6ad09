//! What a run looked at, in numbers.

use std::sync::Arc;

/// Counts over one run of `check`. Nothing that was left out is silent: each
/// reason for not showing something has its own count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Which part of the lints ran, from 1, and of how many; `None`: all.
    pub partition: Option<(usize, usize)>,
    /// Source files that were read.
    pub files: usize,
    /// Their lines.
    pub lines: usize,
    /// Files and directories that could not be read.
    pub unread_files: usize,
    /// Items and macros inside files that were not understood, by file and line.
    pub unparsed: Vec<Unparsed>,
    /// Declared locks.
    pub locks: usize,
    /// Places where a lock is taken.
    pub acquisitions: usize,
    /// Places where a thread or task starts.
    pub spawns: usize,
    /// Calls that were made under a lock and could not be followed.
    pub unresolved_calls_under_lock: usize,
    /// Chains of calls that were not followed to their end.
    pub cut_chains: usize,
    /// Findings that are shown and not suppressed, by severity.
    pub errors: usize,
    /// See [`Summary::errors`].
    pub warnings: usize,
    /// See [`Summary::errors`].
    pub notes: usize,
    /// Findings suppressed in the source.
    pub suppressed: usize,
    /// Findings in test code that were not asked for.
    pub in_tests: usize,
    /// Findings below the confidence that was asked for.
    pub below_confidence: usize,
    /// Findings that the baseline knows.
    pub in_baseline: usize,
    /// Findings that touch no line changed since the revision given.
    pub unchanged: usize,
}

/// Something inside a file that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unparsed {
    /// Relative to the directory given.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
    /// What, `macro select_loop!` or `item`.
    pub what: String,
    /// Why.
    pub why: String,
    /// Something that looks like taking a lock stands inside.
    pub mentions_lock: bool,
}

impl Unparsed {
    /// Worth a remark of its own: an item, or what may take a lock. Most programs have many other
    /// macros, and nothing follows from them.
    pub fn matters(&self) -> bool {
        self.mentions_lock || !self.what.starts_with("macro ")
    }
}

impl Summary {
    /// Findings that are shown and not suppressed.
    pub fn findings(&self) -> usize {
        self.errors + self.warnings + self.notes
    }
}
