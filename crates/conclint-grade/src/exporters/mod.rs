//! One file for each system that takes marks. All read `marks.json`; none knows how it came about.
//!
//! Visibility is kept: what students may not see yet is hidden where the system can hide it, and
//! left out where it cannot. A submission without a mark is never exported as a zero.

mod autolab;
mod canvas;
mod codegrade;
mod exercism;
mod gradescope;
mod junit;
mod markus;
mod moodle;
mod plain;
mod prairielearn;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};

use crate::assignment::Visibility;
use crate::batch::{Batch, Entry};
use crate::rubric::Mark;
use crate::text;

/// A system that takes marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `results.json`, one submission.
    Gradescope,
    /// `results.json`, one submission.
    PrairieLearn,
    /// The last lines of the autograder's output, one submission.
    Autolab,
    /// `results.json` version 3, one submission.
    Exercism,
    /// One object a line, one submission.
    MarkUs,
    /// Objects for file descriptor 3, one submission.
    CodeGrade,
    /// A suite for each submission.
    JUnit,
    /// A gradebook, filled in.
    Canvas,
    /// A gradebook import, or an offline worksheet filled in.
    Moodle,
    /// A table.
    Csv,
    /// `conclint/marks/1`.
    Json,
}

/// The marks in another system's form. `template` is a file of that system to fill in.
///
/// # Errors
/// Where the system takes one submission at a time and there are more, or the template does not
/// look like one.
pub fn export(format: Format, batch: &Batch, template: Option<&str>) -> Result<String> {
    let one = || match batch.submissions.as_slice() {
        [entry] => Ok(entry),
        list => bail!(
            "this system takes one submission at a time and there are {}: give --submission",
            list.len()
        ),
    };
    match format {
        Format::Gradescope => gradescope::write(batch, one()?),
        Format::PrairieLearn => prairielearn::write(one()?),
        Format::Autolab => autolab::write(one()?),
        Format::Exercism => exercism::write(one()?),
        Format::MarkUs => markus::write(one()?),
        Format::CodeGrade => codegrade::write(one()?),
        Format::JUnit => Ok(junit::write(batch)),
        Format::Canvas => canvas::write(batch, template),
        Format::Moodle => moodle::write(batch, template),
        Format::Csv => plain::csv(batch),
        Format::Json => plain::json(batch),
    }
}

fn pretty(value: &serde_json::Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Criteria that students may see now.
fn visible(entry: &Entry) -> impl Iterator<Item = &Mark> {
    let criteria = entry.marks.criteria.iter();
    criteria.filter(|m| m.visibility == Visibility::Visible)
}

/// All criteria may be seen now, so a total gives nothing away.
fn open(entry: &Entry) -> bool {
    visible(entry).count() == entry.marks.criteria.len()
}

/// Reasons of a criterion as one text.
fn reasons(mark: &Mark) -> String {
    let lines = mark.reasons.iter().map(|r| text::clean(r, 1000));
    lines.collect::<Vec<_>>().join("\n")
}

/// What became of the submission, for people.
fn summary(entry: &Entry) -> String {
    let marks = &entry.marks;
    let mut lines = match marks.points {
        Some(_) if !open(entry) => vec!["Graded; some criteria are shown later.".to_owned()],
        Some(points) => vec![format!(
            "{} of {} points.",
            text::points(points),
            text::points(marks.max_points)
        )],
        None => vec![format!("No mark: {}.", marks.outcome.text())],
    };
    lines.extend(marks.reasons.iter().cloned());
    for headline in &entry.headlines {
        lines.push(format!(
            "{} {} {}",
            headline.what, headline.why, headline.advice
        ));
    }
    let lines: Vec<String> = lines.iter().map(|l| text::clean(l, 1000)).collect();
    lines.join("\n")
}

/// A table as CSV.
fn table(rows: Vec<Vec<String>>) -> Result<String> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row)?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads a downloaded table: its rows, and whether `;` separates them.
fn read_table(text: &str) -> Result<(Vec<Vec<String>>, u8)> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.matches(';').count() > first.matches(',').count() {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        rows.push(row?.iter().map(str::to_owned).collect());
    }
    Ok((rows, delimiter))
}

/// Writes a table back the way it came.
fn write_table(rows: &[Vec<String>], delimiter: u8) -> Result<String> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
