//! Exercism: `results.json` version 3 (`building/tooling/test-runners/interface.md`).

use anyhow::Result;
use serde_json::{Value, json};

use super::{pretty, reasons, summary, visible};
use crate::batch::Entry;
use crate::rubric::Status;

/// Longest text of a test.
const OUTPUT: usize = 500;
/// Longest text of all.
const MESSAGE: usize = 65_535;

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// The file. `error` means that nothing ran.
pub(super) fn write(entry: &Entry) -> Result<String> {
    let marks = &entry.marks;
    let compiled = marks
        .criteria
        .iter()
        .all(|m| m.id != "compiles" || m.status == Status::Met);
    if marks.points.is_none() || !compiled {
        let why: Vec<String> = visible(entry).map(reasons).collect();
        let text = format!("{}\n{}", summary(entry), why.join("\n"));
        return pretty(&json!({
            "version": 3,
            "status": "error",
            "message": cut(text.trim(), MESSAGE),
            "tests": [],
        }));
    }
    let tests: Vec<Value> = visible(entry)
        .map(|mark| {
            let good = mark.status == Status::Met;
            let mut test = json!({
                "name": mark.title,
                "status": if good { "pass" } else { "fail" },
                "test_code": mark.title,
            });
            if !good {
                test["message"] = json!(cut(&reasons(mark), MESSAGE));
                test["output"] = json!(cut(&reasons(mark), OUTPUT));
            }
            test
        })
        .collect();
    let good = visible(entry).all(|m| m.status == Status::Met);
    pretty(&json!({
        "version": 3,
        "status": if good { "pass" } else { "fail" },
        "tests": tests,
    }))
}
