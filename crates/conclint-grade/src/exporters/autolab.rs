//! Autolab: the last line of standard output is the scores, the line before it the table with
//! hints (`docs/lab.md`, `docs/features/formatted-feedback.md`).

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::{summary, visible};
use crate::batch::Entry;
use crate::rubric::Status;
use crate::text;

/// The lines. Students see standard output as it comes, so only visible criteria are in it.
pub(super) fn write(entry: &Entry) -> Result<String> {
    let marks = &entry.marks;
    ensure!(
        marks.points.is_some(),
        "{} has no mark ({}), and Autolab would take none for a zero",
        entry.id,
        marks.outcome.text()
    );
    let (mut cases, mut scores) = (Map::new(), Map::new());
    for mark in visible(entry) {
        let hint = mark.reasons.first().map(|r| text::clean(r, 500));
        cases.insert(
            mark.id.clone(),
            json!({ "passed": mark.status == Status::Met, "hint": hint.unwrap_or_default() }),
        );
        scores.insert(mark.id.clone(), json!(mark.points.unwrap_or(0.0)));
    }
    if marks.late_percent > 0.0 {
        let off = marks.points.unwrap_or(0.0) - marks.raw_points;
        scores.insert("lateness".to_owned(), json!((off * 100.0).round() / 100.0));
    }
    let feedback = json!({
        "_presentation": "semantic",
        "stages": ["Criteria"],
        "Criteria": Value::Object(cases),
    });
    Ok(format!(
        "{}\n{feedback}\n{}\n",
        summary(entry),
        json!({ "scores": scores })
    ))
}
