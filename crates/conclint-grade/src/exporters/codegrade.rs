//! CodeGrade: JSON objects for file descriptor 3 of an AutoTest step (help.codegrade.com).

use anyhow::Result;
use serde_json::{Value, json};

use super::visible;
use crate::batch::Entry;
use crate::text;

/// A longer message is dropped without a word.
const MESSAGE: usize = 4000;

/// The objects, one a line: comments on lines, then points as a fraction. Without a mark there are
/// no points.
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
            let message = format!("{} {} {}", headline.what, headline.why, headline.advice);
            comment(file, headline.line, "error", &message);
        }
    }
    for lint in &entry.lints {
        let message = format!("{} [{}]", lint.message, lint.rule);
        let severity = match lint.severity.as_str() {
            "note" => "info",
            other => other,
        };
        comment(&lint.at.file, lint.at.line, severity, &message);
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
    if let Some(points) = entry.marks.points {
        let shown: f64 = visible(entry)
            .filter(|m| !m.extra_credit)
            .map(|m| m.max_points)
            .sum();
        let points = if super::open(entry) {
            points
        } else {
            visible(entry).filter_map(|m| m.points).sum()
        };
        let share = if shown > 0.0 { points / shown } else { 1.0 };
        out += &json!({ "tag": "points", "points": share.clamp(0.0, 1.0) }).to_string();
        out.push('\n');
    }
    Ok(out)
}
