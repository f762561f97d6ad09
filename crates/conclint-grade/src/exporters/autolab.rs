//! Autolab: the last line of standard output is the scores, the line before it the table with
//! hints (`docs/lab.md`, `docs/features/formatted-feedback.md`).

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::parts::{criteria, lateness};
use super::summary;
use crate::batch::Entry;
use crate::rubric::Status;
use crate::text;

/// The lines. Students see standard output as it comes, so what is not shown is one line of it.
/// The assessment has to have a problem for each score: the ids of the criteria, `not-shown` and
/// `lateness`.
pub(super) fn write(entry: &Entry) -> Result<String> {
    let marks = &entry.marks;
    ensure!(
        marks.points.is_some(),
        "{} has no mark ({}), and Autolab would take none for a zero",
        entry.id,
        marks.outcome.text()
    );
    let (mut cases, mut scores) = (Map::new(), BTreeMap::new());
    for part in criteria(entry).into_iter().chain(lateness(entry)) {
        let hint = part.reasons.lines().next().unwrap_or_default();
        let hint = text::clean(hint, 500);
        *scores.entry(part.id).or_insert(0.0) += part.points;
        cases.insert(
            part.title,
            json!({ "passed": part.status == Status::Met, "hint": hint }),
        );
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
