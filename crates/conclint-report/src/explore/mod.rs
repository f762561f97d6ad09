//! What `conclint explore` and `conclint replay` print: one file per format.

mod columns;
mod findings;
mod human;
mod json;
mod junit;
mod read;
mod snippet;

use std::io;

use conclint_diag::explore::Exploration;
use conclint_diag::{Places, Summary};

use crate::{Format, Report, Sources};

/// Everything a format may want to know of a run of `explore` or `replay`.
#[derive(Debug, Clone, Copy)]
pub struct ExploreReport<'a> {
    /// The verdicts.
    pub exploration: &'a Exploration,
    /// Source texts by the paths that the stories name.
    pub sources: &'a Sources,
    /// Where the paths of stories lead.
    pub places: &'a Places,
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
    /// A format of findings: each failing schedule is one.
    Finding(Format),
}

impl From<Format> for ExploreFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => ExploreFormat::Human,
            Format::Json => ExploreFormat::Json,
            other => ExploreFormat::Finding(other),
        }
    }
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
            ExploreFormat::Finding(Format::Junit) => junit::write(report, out),
            ExploreFormat::Finding(format) => {
                report.with_findings(|report| format.write(report, color, out))
            }
        }
    }
}

impl ExploreReport<'_> {
    /// The failing schedules as a report of findings.
    pub fn with_findings<T>(&self, use_it: impl FnOnce(&Report<'_>) -> T) -> T {
        use_it(&Report {
            findings: &findings::of(self),
            summary: &Summary::default(),
            sources: self.sources,
            rules: &findings::RULES,
            places: self.places,
            version: self.version,
            closing: Some(&explore_summary_line(self.exploration)),
        })
    }
}

pub use human::explore_summary_line;
pub(crate) use json::SCHEMA as EXPLORE_SCHEMA_NAME;
pub use read::read_explore_json;

#[cfg(test)]
mod sample;
