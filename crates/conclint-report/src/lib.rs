//! What conclint prints: one file per output format.
//!
//! A format is given a [`Report`], which is plain data, and a writer. It finds
//! nothing, sorts nothing and decides nothing. Wire types of machine formats
//! live with their format and are versioned there.
//!
//! To add a format: one file beside `short.rs`, one variant in [`Format`].

mod cargo_json;
mod explore;
mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod lines;
mod markdown;
mod plain;
mod rdjson;
mod read;
mod rules;
mod sarif;
mod short;
mod summary;
mod text;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use conclint_diag::{Finding, Severity, Summary};

pub use conclint_diag::Places;
pub use explore::{ExploreFormat, ExploreReport, explore_summary_line, read_explore_json};

pub use github::write_step_summary;
pub use read::{ReadBack, ReportHeader, Unreadable, read_header, read_json};
pub use rules::{RuleRow, RulesFormat, write_rules};
pub use summary::summary_line;
pub use text::{one_line, printable};

/// JSON schema of `conclint/check/1`.
pub const CHECK_SCHEMA: &str = include_str!("../schemas/check-1.json");

/// JSON schema of `conclint/explore/1`.
pub const EXPLORE_SCHEMA: &str = include_str!("../schemas/explore-1.json");

/// Everything a format may want to know.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Sorted; suppressed ones included.
    pub findings: &'a [Finding],
    /// What was looked at.
    pub summary: &'a Summary,
    /// Source texts by the paths that the findings name.
    pub sources: &'a Sources,
    /// The lints that ran, by code.
    pub rules: &'a [RulePage<'a>],
    /// Where the paths of findings lead.
    pub places: &'a Places,
    /// Version of the tool, for machine formats.
    pub version: &'a str,
    /// What stands at the end for people, where that is not the summary.
    pub closing: Option<&'a str>,
}

impl Report<'_> {
    /// The line that says what was looked at.
    pub(crate) fn closing(&self) -> String {
        match self.closing {
            Some(line) => line.to_owned(),
            None => summary_line(self.summary),
        }
    }
}

/// What formats say about a lint.
#[derive(Debug, Clone, Copy)]
pub struct RulePage<'a> {
    /// `CL101`.
    pub code: &'a str,
    /// `lock-order-inversion`.
    pub name: &'a str,
    /// Of its findings, unless one is milder.
    pub severity: Severity,
    /// One line.
    pub summary: &'a str,
    /// Its page, Markdown.
    pub page: &'a str,
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
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// GitLab Code Quality.
    Gitlab,
    /// JUnit XML.
    Junit,
    /// What `cargo check --message-format=json` writes, for editors.
    CargoJson,
    /// reviewdog's `rdjson`.
    Rdjson,
    /// Markdown, for notes and summaries.
    Markdown,
}

impl Format {
    /// All of them, in the order they are documented.
    pub const ALL: [Format; 10] = [
        Format::Human,
        Format::Short,
        Format::Json,
        Format::Sarif,
        Format::Github,
        Format::Gitlab,
        Format::Junit,
        Format::CargoJson,
        Format::Rdjson,
        Format::Markdown,
    ];

    /// The word used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Human => "human",
            Format::Short => "short",
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::Github => "github",
            Format::Gitlab => "gitlab",
            Format::Junit => "junit",
            Format::CargoJson => "cargo-json",
            Format::Rdjson => "rdjson",
            Format::Markdown => "markdown",
        }
    }

    /// The format of this name.
    pub fn of_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
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
            Format::Sarif => sarif::write(report, out),
            Format::Github => github::write(report, out),
            Format::Gitlab => gitlab::write(report, out),
            Format::Junit => junit::write(report, out),
            Format::CargoJson => cargo_json::write(report, out),
            Format::Rdjson => rdjson::write(report, out),
            Format::Markdown => markdown::write(report, out),
        }
    }
}

#[cfg(test)]
mod sample;
