//! One file for each system that takes marks. All read `marks.json`; none knows how it came about.
//!
//! Visibility is kept: what students may not see yet is hidden where the system can hide it. Where it
//! cannot, the points stand under `not shown`, so that the system's sum is the mark; no word of such
//! a criterion is written. What the grader could not do is never exported as a zero.

mod autolab;
mod canvas;
mod codegrade;
mod exercism;
mod gradescope;
mod junit;
mod markus;
mod moodle;
mod parts;
mod plain;
mod prairielearn;
mod sheet;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};

use crate::assignment::Visibility;
use crate::batch::{Batch, Entry};
use crate::evidence::Lint;
use crate::feedback::Headline;
use crate::rubric::{Mark, Marks, Outcome};
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

/// Marks in another system's form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The file.
    pub text: String,
    /// What is good to know about it.
    pub notes: Vec<String>,
    /// Marks that are not in it, with the reason: a person has to enter them.
    pub unplaced: Vec<String>,
}

impl From<String> for Export {
    fn from(text: String) -> Self {
        Export {
            text,
            ..Export::default()
        }
    }
}

/// Shows the criteria that students see after the due date.
pub fn release(batch: &mut Batch) {
    let marks = batch.submissions.iter_mut();
    for mark in marks.flat_map(|e| &mut e.marks.criteria) {
        mark.visibility = mark.visibility.released();
    }
}

/// The marks in another system's form. `template` is a file of that system to fill in.
///
/// # Errors
/// Where the system takes one submission at a time and there are more, or the template does not
/// look like one, or has another maximum.
pub fn export(format: Format, batch: &Batch, template: Option<&str>) -> Result<Export> {
    let one = || match batch.submissions.as_slice() {
        [entry] => Ok(entry),
        list => bail!(
            "this system takes one submission at a time and there are {}: give --submission",
            list.len()
        ),
    };
    let text = match format {
        Format::Gradescope => gradescope::write(batch, one()?)?,
        Format::PrairieLearn => prairielearn::write(one()?)?,
        Format::Autolab => autolab::write(one()?)?,
        Format::Exercism => exercism::write(one()?)?,
        Format::MarkUs => markus::write(one()?)?,
        Format::CodeGrade => codegrade::write(one()?)?,
        Format::JUnit => junit::write(batch),
        Format::Canvas => return canvas::write(batch, template),
        Format::Moodle => return moodle::write(batch, template),
        Format::Csv => plain::csv(batch)?,
        Format::Json => plain::json(batch)?,
    };
    Ok(text.into())
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

/// Findings of lints, without those that only a criterion tells which is not shown.
fn lints(entry: &Entry) -> impl Iterator<Item = &Lint> {
    let says = |mark: &Mark, reason: &String| mark.reasons.contains(reason);
    entry.lints.iter().filter(move |lint| {
        let reason = lint.reason();
        let all = &entry.marks.criteria;
        !all.iter().any(|m| says(m, &reason)) || visible(entry).any(|m| says(m, &reason))
    })
}

/// What lateness costs, in words, of so many points; without points where a total would give away
/// what is not shown.
fn late(marks: &Marks, before: Option<f64>) -> Option<String> {
    let percent = text::points(marks.late_percent);
    let before = before.map_or(String::new(), |points| {
        format!(": {} points before", text::points(points))
    });
    (marks.late_percent > 0.0).then(|| format!("{percent} per cent off for lateness{before}."))
}

/// What became of the submission, for people: the mark, lateness, and why there is none.
fn result(entry: &Entry) -> Vec<String> {
    let marks = &entry.marks;
    let mut lines = vec![match (marks.points, marks.outcome) {
        (Some(_), _) if !open(entry) => "Graded; some criteria are not shown now.".to_owned(),
        (Some(points), _) => format!(
            "{} of {} points.",
            text::points(points),
            text::points(marks.max_points)
        ),
        (None, Outcome::Failed) => "The grader failed; this is no zero.".to_owned(),
        (None, Outcome::PartlyGraded) => {
            "Partly graded: a person will look at the rest.".to_owned()
        }
        (None, _) => "It could not be graded.".to_owned(),
    }];
    let total_is_told = marks.points.is_some() && open(entry);
    lines.extend(late(marks, total_is_told.then_some(marks.raw_points)));
    lines.extend(marks.reasons.iter().map(|r| text::clean(r, 1000)));
    lines
}

/// A comment as sentences in one line.
fn in_a_line(headline: &Headline) -> String {
    let stop = match headline.what.ends_with(['.', '!', '?', '…']) {
        true => "",
        false => ".",
    };
    let Headline {
        what, why, advice, ..
    } = headline;
    format!("{what}{stop} {why} {advice}")
}

/// The result, and the most important things to say.
fn summary(entry: &Entry) -> String {
    let mut lines = result(entry);
    for headline in &entry.headlines {
        lines.push(text::clean(&in_a_line(headline), 1000));
    }
    lines.join("\n")
}
