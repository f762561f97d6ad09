//! What `conclint explore` and `conclint replay` print: one file per format.

mod columns;
mod human;
mod json;
mod snippet;

use std::io;

use conclint_diag::explore::Exploration;

use crate::Sources;

/// Everything a format may want to know of a run of `explore` or `replay`.
#[derive(Debug, Clone, Copy)]
pub struct ExploreReport<'a> {
    /// The verdicts.
    pub exploration: &'a Exploration,
    /// Source texts by the paths that the stories name.
    pub sources: &'a Sources,
    /// Version of the tool, for machine formats.
    pub version: &'a str,
    /// Columns of the terminal, for people.
    pub width: usize,
}

/// An output format of `explore` and `replay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExploreFormat {
    /// A line a test, and the story of each failure.
    #[default]
    Human,
    /// `conclint/explore/1`.
    Json,
}

impl ExploreFormat {
    /// Writes the report. `color` adds ANSI escape codes where the format has any.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(
        self,
        report: &ExploreReport<'_>,
        color: bool,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        match self {
            ExploreFormat::Human => human::write(report, color, out),
            ExploreFormat::Json => json::write(report, out),
        }
    }
}

pub use human::explore_summary_line;

#[cfg(test)]
mod sample;
