//! Gradescope: `/autograder/results/results.json` (autograder_samples, `docs/specs.md`).

use anyhow::Result;
use serde_json::{Value, json};

use super::{pretty, reasons, result, summary};
use crate::assignment::Visibility;
use crate::batch::{Batch, Entry};
use crate::rubric::{Outcome, Status};

/// The file. What cannot be graded by the student's doing is a zero with the reason. Otherwise there
/// is without a mark neither a score nor a test with one: Gradescope then shows an error instead of a
/// zero.
pub(super) fn write(batch: &Batch, entry: &Entry) -> Result<String> {
    let marks = &entry.marks;
    let tests = marks.criteria.iter().enumerate().map(|(index, mark)| {
        let mut test = json!({
            "name": mark.title,
            "number": format!("{}", index + 1),
            "max_score": if mark.extra_credit { 0.0 } else { mark.max_points },
            "output": reasons(mark),
            "output_format": "text",
            "name_format": "text",
            "tags": [mark.id],
            "visibility": match mark.visibility {
                Visibility::Visible => "visible",
                Visibility::AfterDueDate => "after_due_date",
                Visibility::Hidden => "hidden",
            },
        });
        if let Some(points) = mark.points {
            test["score"] = json!(points);
            let good = mark.status == Status::Met;
            test["status"] = json!(if good { "passed" } else { "failed" });
        }
        test
    });
    let tests: Vec<Value> = tests.collect();
    let mut out = json!({
        "output": summary(entry),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": { "conclint": batch.assignment_hash, "submission": entry.hash },
    });
    if let Some(points) = marks.points {
        out["score"] = json!(points);
        out["tests"] = json!(tests);
    } else if marks.outcome == Outcome::Ungradable {
        out["score"] = json!(0.0);
        out["tests"] = json!([{
            "name": "Grading",
            "score": 0.0,
            "max_score": marks.max_points,
            "status": "failed",
            "output": result(entry).join("\n"),
            "output_format": "text",
            "visibility": "visible",
        }]);
    }
    pretty(&out)
}
