//! CodeGrade: JSON objects for file descriptor 3 of an AutoTest step (help.codegrade.com,
//! cg-pytest-reporter).

use anyhow::Result;
use serde_json::{Value, json};

use super::parts::{criteria, lateness};
use super::{in_a_line, lints, result};
use crate::batch::Entry;
use crate::rubric::{Outcome, Status};
use crate::text;

/// A longer message is dropped without a word.
const MESSAGE: usize = 4000;

/// The objects, one a line: comments on lines, the criteria, then the mark as a fraction; there is no
/// more than all. What cannot be graded by the student's doing is a zero with the reason; otherwise
/// there are no points without a mark.
pub(super) fn write(entry: &Entry) -> Result<String> {
    let mut items: Vec<(String, Value)> = Vec::new();
    let mut comment = |file: &str, line: u32, severity: &str, message: &str| {
        let place = json!({ "line": line, "column": 1 });
        let item = json!({
            "loc": { "start": place, "end": place },
            "severity": severity,
            "msg": text::clean(message, MESSAGE),
        });
        items.push((file.to_owned(), item));
    };
    for headline in &entry.headlines {
        if let Some(file) = &headline.file {
            comment(file, headline.line, "error", &in_a_line(headline));
        }
    }
    for lint in lints(entry) {
        let severity = match lint.severity.as_str() {
            "note" => "info",
            other => other,
        };
        comment(&lint.at.file, lint.at.line, severity, &lint.text());
    }
    let mut out = String::new();
    let files: std::collections::BTreeSet<&String> = items.iter().map(|(f, _)| f).collect();
    let comments: Vec<Value> = files
        .iter()
        .map(|file| {
            let items = items.iter().filter(|(f, _)| f == *file);
            let items: Vec<&Value> = items.map(|(_, item)| item).collect();
            json!({ "filename": file, "origin": "conclint", "items": items })
        })
        .collect();
    if !comments.is_empty() {
        out += &json!({ "tag": "comments", "comments": comments }).to_string();
        out.push('\n');
    }
    let marks = &entry.marks;
    let points = match marks.outcome {
        Outcome::Ungradable => 0.0,
        Outcome::Graded => marks.points.unwrap_or(0.0),
        Outcome::PartlyGraded | Outcome::Failed => return Ok(out),
    };
    let share = if marks.max_points > 0.0 {
        points / marks.max_points
    } else {
        1.0
    };
    out += &format!("{}\n", tests(entry));
    out += &json!({ "tag": "points", "points": share.clamp(0.0, 1.0) }).to_string();
    out.push('\n');
    Ok(out)
}

/// The criteria as cases of a unit test, for people to read: the points are told apart.
fn tests(entry: &Entry) -> Value {
    let case = |name: &str, status: &str, reason: &str| {
        let reason: String = reason.chars().take(MESSAGE).collect();
        json!({ "name": name, "status": status, "reason": reason })
    };
    let parts = criteria(entry).into_iter().chain(lateness(entry));
    let mut cases: Vec<Value> = parts
        .map(|part| {
            let status = match part.status {
                Status::Met => "success",
                Status::NotRun => "skipped",
                Status::Partly | Status::Lost | Status::Pending => "failure",
            };
            case(&part.title, status, &part.reasons)
        })
        .collect();
    if cases.is_empty() {
        cases.push(case("Grading", "failure", &result(entry).join("\n")));
    }
    let suite = json!({ "id": "conclint", "name": "Criteria", "testCases": cases });
    json!({ "tag": "unit-test", "results": [suite] })
}
