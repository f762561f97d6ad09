//! MarkUs: one JSON object a line on standard output (autotest-template-tester, `tester`).

use anyhow::Result;
use serde_json::json;

use super::parts::{criteria, less_lateness};
use super::{lints, summary};
use crate::batch::Entry;
use crate::rubric::Status;

/// The lines: a test for each criterion, one for all that is not shown, the last with annotations of
/// the lints. MarkUs releases all or nothing, and takes no negative points: lateness is taken off
/// each test.
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
    let mut parts = criteria(entry);
    less_lateness(&mut parts, &entry.marks);
    for part in parts {
        push(json!({
            "test_name": part.title,
            "output": part.reasons,
            "marks_earned": part.points,
            "marks_total": part.max_points,
            "status": match part.status {
                Status::Met => "pass",
                Status::Partly => "partial",
                Status::Lost | Status::NotRun => "fail",
                Status::Pending => "error",
            },
            "time": null,
        }))?;
    }
    let annotations = lints(entry).map(|lint| {
        json!({
            "filename": lint.at.file,
            "content": lint.text(),
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
