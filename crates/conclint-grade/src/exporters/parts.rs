//! What a mark is the sum of, as far as students may be told: systems that only add up get lines
//! that add up to the mark, whatever is hidden or taken off.

use super::{late, reasons, visible};
use crate::assignment::Visibility;
use crate::batch::Entry;
use crate::rubric::{Mark, Marks, Status};

/// Name of all that is not shown.
const NOT_SHOWN: &str = "not-shown";
/// Name of what lateness takes off.
const LATENESS: &str = "lateness";

/// A line of a sum.
pub(super) struct Part {
    /// The criterion, `not-shown` or `lateness`.
    pub(super) id: String,
    /// For students; no two lines have the same.
    pub(super) title: String,
    /// What became of it.
    pub(super) status: Status,
    /// Points; less than nothing for lateness.
    pub(super) points: f64,
    /// Points to get, without extra ones.
    pub(super) max_points: f64,
    /// Why points are missing.
    pub(super) reasons: String,
}

/// The criteria that may be seen, then all others as one line without a word about them.
pub(super) fn criteria(entry: &Entry) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for mark in visible(entry) {
        let part = Part {
            id: mark.id.clone(),
            title: mark.title.clone(),
            status: mark.status,
            points: mark.points.unwrap_or(0.0),
            max_points: base(mark),
            reasons: reasons(mark),
        };
        push(&mut out, part);
    }
    let all = entry.marks.criteria.iter();
    let others: Vec<&Mark> = all
        .filter(|m| m.visibility != Visibility::Visible)
        .collect();
    if !others.is_empty() {
        let part = Part {
            id: NOT_SHOWN.to_owned(),
            title: "Not shown".to_owned(),
            status: together(&others),
            points: cents(others.iter().filter_map(|m| m.points).sum()),
            max_points: cents(others.iter().map(|m| base(m)).sum()),
            reasons: String::new(),
        };
        push(&mut out, part);
    }
    out
}

/// What lateness takes off, as a line.
pub(super) fn lateness(entry: &Entry) -> Option<Part> {
    let marks = &entry.marks;
    Some(Part {
        id: LATENESS.to_owned(),
        title: "Lateness".to_owned(),
        status: Status::Lost,
        points: cents(marks.points? - marks.raw_points),
        max_points: 0.0,
        reasons: late(marks, Some(marks.raw_points))?,
    })
}

/// Takes lateness off every line instead and says so there, to hundredths, so that none is below
/// nothing and the sum is the mark: for systems that know no negative points.
pub(super) fn less_lateness(parts: &mut [Part], marks: &Marks) {
    let Some(points) = marks.points else { return };
    let (mut before, mut after) = (0.0, 0.0);
    for part in parts.iter_mut().filter(|part| part.points > 0.0) {
        if let Some(line) = late(marks, Some(part.points)) {
            part.reasons = format!("{}\n{line}", part.reasons).trim().to_owned();
        }
        before += part.points;
        let all = cents(before * points / marks.raw_points);
        part.points = cents(all - after);
        after = all;
    }
}

/// Extra points come on top of what is to be got.
fn base(mark: &Mark) -> f64 {
    if mark.extra_credit {
        0.0
    } else {
        mark.max_points
    }
}

fn cents(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

fn push(parts: &mut Vec<Part>, mut part: Part) {
    if parts.iter().any(|p| p.title == part.title) {
        part.title = format!("{} ({})", part.title, part.id);
    }
    parts.push(part);
}

/// The status of several criteria as one.
fn together(marks: &[&Mark]) -> Status {
    let all = |list: &[Status]| marks.iter().all(|m| list.contains(&m.status));
    if marks.iter().any(|m| m.status == Status::Pending) {
        Status::Pending
    } else if all(&[Status::Met]) {
        Status::Met
    } else if all(&[Status::NotRun]) {
        Status::NotRun
    } else if all(&[Status::Lost, Status::NotRun]) {
        Status::Lost
    } else {
        Status::Partly
    }
}
