//! reviewdog's diagnostic format (`rdjson`).
//!
//! Columns count bytes of UTF-8 there; where the source is not at hand, only
//! lines are given, which its contract allows.

use std::io::{self, Write};

use conclint_diag::{Finding, Severity, Span};
use serde::Serialize;

use crate::lines::Lines;
use crate::text::one_line;
use crate::{Report, plain};

#[derive(Serialize)]
struct Document<'a> {
    source: Source,
    diagnostics: Vec<Diagnostic<'a>>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    message: String,
    location: Location,
    severity: &'static str,
    code: Code<'a>,
}

#[derive(Serialize)]
struct Code<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Location {
    path: String,
    range: Range,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Lines::new(report.sources);
    let diagnostics = report
        .findings
        .iter()
        .filter(|f| f.suppressed.is_none())
        .map(|finding| diagnostic(report, finding, &mut lines))
        .collect();
    let document = Document {
        source: Source { name: "conclint" },
        diagnostics,
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

fn diagnostic<'a>(
    report: &Report<'_>,
    finding: &'a Finding,
    lines: &mut Lines<'_>,
) -> Diagnostic<'a> {
    let at = finding.primary();
    Diagnostic {
        message: plain::text(finding, |file| report.places.from_here(file)),
        location: Location {
            path: one_line(&report.places.from_here(&at.file)).into_owned(),
            range: range(at, lines),
        },
        severity: match finding.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Note => "INFO",
        },
        code: Code {
            value: finding.code,
        },
    }
}

fn range(at: &Span, lines: &mut Lines<'_>) -> Range {
    let mut column = |line, column| Some(lines.get(&at.file, line)?.bytes_before(column) + 1);
    let (start, end) = (
        column(at.line, at.column),
        column(at.end_line, at.end_column),
    );
    // Both or neither: one alone would mean something else.
    let (start, end) = match (start, end) {
        (Some(start), Some(end)) => (Some(start), Some(end)),
        _ => (None, None),
    };
    Range {
        start: Position {
            line: at.line,
            column: start,
        },
        end: Position {
            line: at.end_line,
            column: end,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::Format;
    use crate::sample::Sample;

    fn parsed(sample: &Sample) -> Value {
        serde_json::from_str(&sample.render(Format::Rdjson)).unwrap()
    }

    #[test]
    fn one_diagnostic_for_each_finding_that_is_not_suppressed() {
        let mut value = parsed(&Sample::inversion());
        let message = value["diagnostics"][0]["message"].take();
        assert!(
            message
                .as_str()
                .is_some_and(|m| m.starts_with("locks in opposite order\n"))
        );
        assert_eq!(
            value,
            json!({
                "source": {"name": "conclint"},
                "diagnostics": [{
                    "message": null,
                    "location": {
                        "path": "src/registry.rs",
                        "range": {
                            "start": {"line": 3, "column": 17},
                            "end": {"line": 3, "column": 37},
                        },
                    },
                    "severity": "ERROR",
                    "code": {"value": "CL101"},
                }],
            })
        );
    }

    #[test]
    fn columns_count_bytes_and_are_left_out_without_the_source() {
        let mut sample = Sample::inversion();
        let text = "\n\n        let é𐐀 = self.sessions.lock();\n";
        sample
            .sources
            .insert(Arc::from("src/registry.rs"), Arc::from(text));
        sample.findings[0].paths[0].steps[0].span.column = 18;
        let range = |sample: &Sample| parsed(sample)["diagnostics"][0]["location"]["range"].clone();
        assert_eq!(range(&sample)["start"], json!({"line": 3, "column": 22}));
        sample.sources.clear();
        assert_eq!(
            range(&sample),
            json!({"start": {"line": 3}, "end": {"line": 3}})
        );
    }

    #[test]
    fn hostile_text_survives() {
        let value = parsed(&Sample::hostile());
        let message = value["diagnostics"][0]["message"].as_str().unwrap();
        assert!(message.contains("\"quoted\"") && message.contains(&"n".repeat(10_000)));
        assert!(!message.contains('\u{1b}'));
    }
}
