//! PrairieLearn: `/grade/results/results.json` (`docs/externalGrading.md`).

use anyhow::Result;
use serde_json::{Value, json};

use super::{pretty, reasons, summary, visible};
use crate::batch::Entry;

/// The file. What cannot be graded is `gradable: false`, which costs no attempt.
pub(super) fn write(entry: &Entry) -> Result<String> {
    let marks = &entry.marks;
    let Some(points) = marks.points else {
        return pretty(&json!({
            "gradable": false,
            "format_errors": [summary(entry)],
        }));
    };
    let tests: Vec<Value> = visible(entry)
        .map(|mark| {
            json!({
                "name": mark.title,
                "points": mark.points.unwrap_or(0.0),
                "max_points": mark.max_points,
                "message": reasons(mark),
            })
        })
        .collect();
    let share = if marks.max_points > 0.0 {
        (points / marks.max_points).clamp(0.0, 1.0)
    } else {
        1.0
    };
    pretty(&json!({
        "gradable": true,
        "score": share,
        "message": summary(entry),
        "tests": tests,
    }))
}
