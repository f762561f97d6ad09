//! What conclint prints: one file per output format.
//!
//! A format is given a [`Report`], which is plain data, and a writer. It finds
//! nothing, sorts nothing and decides nothing. Wire types of machine formats
//! live with their format and are versioned there.
//!
//! To add a format: one file beside `short.rs`, one variant in [`Format`].

mod explore;
mod human;
mod json;
mod rules;
mod short;
mod summary;
mod text;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use conclint_diag::{Finding, Summary};

pub use explore::{ExploreFormat, ExploreReport, explore_summary_line};
pub use rules::{RuleRow, RulesFormat, write_rules};
pub use summary::summary_line;
pub use text::{one_line, printable};

/// Everything a format may want to know.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Sorted; suppressed ones included.
    pub findings: &'a [Finding],
    /// What was looked at.
    pub summary: &'a Summary,
    /// Source texts by the paths that the findings name.
    pub sources: &'a Sources,
    /// Version of the tool, for machine formats.
    pub version: &'a str,
}

/// Source texts by path.
pub type Sources = BTreeMap<Arc<str>, Arc<str>>;

/// An output format of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Source lines with the paths drawn in, for people.
    #[default]
    Human,
    /// One line for each finding.
    Short,
    /// `conclint/check/1`.
    Json,
}

impl Format {
    /// All of them, in the order they are documented.
    pub const ALL: [Format; 3] = [Format::Human, Format::Short, Format::Json];

    /// The word used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Short => "short",
            Format::Json => "json",
        }
    }

    /// Writes the report. `color` adds ANSI escape codes where the format has any.
    pub fn write(
        self,
        report: &Report<'_>,
        color: bool,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        match self {
            Format::Human => human::write(report, color, out),
            Format::Short => short::write(report, out),
            Format::Json => json::write(report, out),
        }
    }
}

#[cfg(test)]
mod sample;
