//! MarkUs: one JSON object a line on standard output (autotest-template-tester, `tester`).

use anyhow::Result;
use serde_json::json;

use super::{reasons, summary};
use crate::batch::Entry;
use crate::rubric::Status;

/// The lines: a test for each criterion, the last with annotations of the lints. MarkUs shows them
/// to instructors unless they release them, so none is left out.
pub(super) fn write(entry: &Entry) -> Result<String> {
    let mut out = String::new();
    let mut push = |value: serde_json::Value| -> Result<()> {
        out.push_str(&serde_json::to_string(&value)?);
        out.push('\n');
        Ok(())
    };
    if entry.marks.points.is_none() && entry.marks.criteria.is_empty() {
        push(json!({
            "test_name": "grading",
            "output": summary(entry),
            "marks_earned": 0,
            "marks_total": 0,
            "status": "error",
            "time": null,
        }))?;
    }
    for mark in &entry.marks.criteria {
        push(json!({
            "test_name": mark.title,
            "output": reasons(mark),
            "marks_earned": mark.points.unwrap_or(0.0),
            "marks_total": mark.max_points,
            "status": match mark.status {
                Status::Met => "pass",
                Status::Partly => "partial",
                Status::Lost | Status::NotRun => "fail",
                Status::Pending => "error",
            },
            "time": null,
        }))?;
    }
    let annotations = entry.lints.iter().map(|lint| {
        json!({
            "filename": lint.at.file,
            "content": format!("{} [{}]", lint.message, lint.rule),
            "line_start": lint.at.line,
            "line_end": lint.at.line,
            "column_start": 0,
            "column_end": 0,
        })
    });
    let annotations: Vec<_> = annotations.collect();
    if !annotations.is_empty() {
        push(json!({ "annotations": annotations }))?;
    }
    Ok(out)
}
