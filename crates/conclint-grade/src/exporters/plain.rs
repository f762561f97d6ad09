//! A table with a column for each criterion, and the whole document as JSON.

use anyhow::Result;

use super::sheet::table;
use crate::batch::Batch;
use crate::text::{cell, points};

/// Everything as a table; an empty cell is no mark, and not a zero.
pub(super) fn csv(batch: &Batch) -> Result<String> {
    let mut criteria: Vec<&str> = Vec::new();
    for mark in batch.submissions.iter().flat_map(|e| &e.marks.criteria) {
        if !criteria.contains(&mark.id.as_str()) {
            criteria.push(&mark.id);
        }
    }
    let mut head: Vec<String> = [
        "id",
        "name",
        "email",
        "student_id",
        "submitted_at",
        "outcome",
        "points",
        "max_points",
        "late_percent",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(criteria.iter().map(|c| cell(c)));
    head.push("reasons".to_owned());
    let mut rows = vec![head];
    for entry in &batch.submissions {
        let marks = &entry.marks;
        let mut row = vec![
            cell(&entry.id),
            cell(&entry.name),
            cell(&entry.email),
            cell(&entry.student_id),
            entry.submitted_at.clone().unwrap_or_default(),
            marks.outcome.text().to_owned(),
            marks.points.map_or(String::new(), points),
            points(marks.max_points),
            points(marks.late_percent),
        ];
        for id in &criteria {
            let mark = marks.criteria.iter().find(|m| m.id == **id);
            row.push(mark.and_then(|m| m.points).map_or(String::new(), points));
        }
        row.push(cell(&marks.reasons.join("; ")));
        rows.push(row);
    }
    table(&rows)
}

/// The document itself.
pub(super) fn json(batch: &Batch) -> Result<String> {
    Ok(serde_json::to_string_pretty(batch)? + "\n")
}
