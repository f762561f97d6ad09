//! Reads `conclint/check/1` back: reports of parts of a run become findings
//! again.
//!
//! Takes what this version writes. A field that is missing is an error, an
//! unknown one is not: versions only ever add.

use std::fmt;
use std::sync::Arc;

use conclint_diag::{
    Confidence, Finding, Fingerprint, Role, Severity, Span, Step, Summary, Trace, Unparsed,
};
use serde::Deserialize;

use crate::explore::EXPLORE_SCHEMA_NAME as EXPLORE;
use crate::json::SCHEMA;

/// A report that was read back.
#[derive(Debug, Clone)]
pub struct ReadBack {
    /// As written.
    pub findings: Vec<Finding>,
    /// As written.
    pub summary: Summary,
    /// Codes of the lints that ran.
    pub lints: Vec<String>,
}

/// Why a report cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub(crate) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// What a report says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHeader {
    /// It is one of `explore`.
    pub explores: bool,
    /// The version of conclint that wrote it.
    pub version: String,
    /// Which part of a run it is, from 1, and of how many; `None`: the whole.
    pub partition: Option<(usize, usize)>,
}

#[derive(Deserialize)]
struct Header {
    schema: String,
    tool: Tool,
    partition: Option<Part>,
}

#[derive(Deserialize)]
struct Tool {
    version: String,
}

#[derive(Deserialize)]
pub(crate) struct Part {
    number: usize,
    count: usize,
}

impl From<Part> for (usize, usize) {
    fn from(part: Part) -> Self {
        (part.number, part.count)
    }
}

/// Reads what a report of either schema says of itself.
///
/// # Errors
///
/// When the text is no report, or one of another schema.
pub fn read_header(text: &str) -> Result<ReportHeader, Unreadable> {
    let header: Header = serde_json::from_str(text)
        .map_err(|error| Unreadable(format!("not a report of conclint: {error}")))?;
    let explores = header.schema == EXPLORE;
    if !explores && header.schema != SCHEMA {
        return Err(Unreadable(format!(
            "the schema is `{}`, expected `{SCHEMA}` or `{EXPLORE}`",
            header.schema
        )));
    }
    Ok(ReportHeader {
        explores,
        version: header.tool.version,
        partition: header.partition.map(Part::into),
    })
}

#[derive(Deserialize)]
struct Document {
    schema: String,
    summary: Totals,
    lints: Vec<String>,
    partition: Option<Part>,
    #[serde(default)]
    unparsed: Vec<WireUnparsed>,
    findings: Vec<WireFinding>,
}

#[derive(Deserialize)]
struct Totals {
    files: usize,
    lines: usize,
    unread_files: usize,
    locks: usize,
    acquisitions: usize,
    spawns: usize,
    unresolved_calls_under_lock: usize,
    cut_chains: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    suppressed: usize,
    in_tests: usize,
    below_confidence: usize,
    in_baseline: usize,
    unchanged: usize,
}

#[derive(Deserialize)]
struct WireUnparsed {
    file: String,
    line: u32,
    what: String,
    why: String,
    mentions_lock: bool,
}

#[derive(Deserialize)]
struct WireFinding {
    code: String,
    severity: String,
    confidence: String,
    message: String,
    fingerprint: String,
    suppressed: Option<String>,
    in_test: bool,
    paths: Vec<WirePath>,
    help: Vec<String>,
}

#[derive(Deserialize)]
struct WirePath {
    title: String,
    steps: Vec<WireStep>,
}

#[derive(Deserialize)]
struct WireStep {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    function: String,
    role: String,
    object: String,
    what: String,
}

/// Reads a report. `lint` gives name and code of the lint with this code.
///
/// # Errors
///
/// When the text is no report of this schema, names a lint that `lint` does
/// not know, or holds a finding without evidence.
pub fn read_json(
    text: &str,
    lint: impl Fn(&str) -> Option<(&'static str, &'static str)>,
) -> Result<ReadBack, Unreadable> {
    let bad = |error: serde_json::Error| Unreadable(format!("not a report of a check: {error}"));
    let document: Document = serde_json::from_str(text).map_err(bad)?;
    if document.schema != SCHEMA {
        return Err(Unreadable(format!(
            "the schema is `{}`, expected `{SCHEMA}`",
            document.schema
        )));
    }
    let mut summary = summary(&document.summary);
    summary.partition = document.partition.map(Part::into);
    summary.unparsed = document.unparsed.into_iter().map(unparsed).collect();
    Ok(ReadBack {
        findings: document
            .findings
            .into_iter()
            .map(|f| finding(f, &lint))
            .collect::<Result<_, _>>()?,
        summary,
        lints: document.lints,
    })
}

fn finding(
    wire: WireFinding,
    lint: &impl Fn(&str) -> Option<(&'static str, &'static str)>,
) -> Result<Finding, Unreadable> {
    let (rule, code) =
        lint(&wire.code).ok_or_else(|| Unreadable(format!("unknown lint `{}`", wire.code)))?;
    let paths: Vec<Trace> = wire
        .paths
        .into_iter()
        .map(trace)
        .collect::<Result<_, _>>()?;
    if paths.is_empty() || paths.iter().any(|path| path.steps.is_empty()) {
        return Err(Unreadable("a finding without evidence".to_owned()));
    }
    Ok(Finding {
        rule,
        code,
        severity: word(&wire.severity, Severity::ALL, Severity::as_str)?,
        confidence: word(&wire.confidence, Confidence::ALL, Confidence::as_str)?,
        message: wire.message,
        paths,
        help: wire.help,
        fingerprint: Fingerprint::of_digits(&wire.fingerprint)
            .ok_or_else(|| Unreadable(format!("`{}` is no fingerprint", wire.fingerprint)))?,
        in_test: wire.in_test,
        suppressed: wire.suppressed,
    })
}

fn trace(wire: WirePath) -> Result<Trace, Unreadable> {
    let steps = wire.steps.into_iter().map(step).collect::<Result<_, _>>()?;
    Ok(Trace {
        title: wire.title,
        steps,
    })
}

fn step(wire: WireStep) -> Result<Step, Unreadable> {
    Ok(Step {
        span: Span {
            file: Arc::from(wire.file),
            line: wire.line,
            column: wire.column,
            end_line: wire.end_line,
            end_column: wire.end_column,
        },
        function: wire.function,
        role: word(&wire.role, Role::ALL, Role::as_str)?,
        object: wire.object,
        what: wire.what,
    })
}

fn unparsed(wire: WireUnparsed) -> Unparsed {
    Unparsed {
        file: Arc::from(wire.file),
        line: wire.line,
        what: wire.what,
        why: wire.why,
        mentions_lock: wire.mentions_lock,
    }
}

fn word<T: Copy, const N: usize>(
    text: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, Unreadable> {
    all.into_iter()
        .find(|&value| name(value) == text)
        .ok_or_else(|| Unreadable(format!("unknown word `{text}`")))
}

fn summary(totals: &Totals) -> Summary {
    Summary {
        files: totals.files,
        lines: totals.lines,
        unread_files: totals.unread_files,
        locks: totals.locks,
        acquisitions: totals.acquisitions,
        spawns: totals.spawns,
        unresolved_calls_under_lock: totals.unresolved_calls_under_lock,
        cut_chains: totals.cut_chains,
        errors: totals.errors,
        warnings: totals.warnings,
        notes: totals.notes,
        suppressed: totals.suppressed,
        in_tests: totals.in_tests,
        below_confidence: totals.below_confidence,
        in_baseline: totals.in_baseline,
        unchanged: totals.unchanged,
        ..Summary::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::sample::Sample;

    fn lint(code: &str) -> Option<(&'static str, &'static str)> {
        (code == "CL101").then_some(("lock-order-inversion", "CL101"))
    }

    #[test]
    fn what_is_written_is_read_back() {
        for sample in [Sample::inversion(), Sample::hostile()] {
            let back = read_json(&sample.render(Format::Json), lint).unwrap();
            assert_eq!(back.findings, sample.findings);
            assert_eq!(back.summary, sample.summary);
            assert_eq!(back.lints, ["CL101", "CL102"]);
        }
    }

    #[test]
    fn what_is_something_else_is_refused_with_the_reason() {
        let text = Sample::inversion().render(Format::Json);
        let says = |text: &str| read_json(text, lint).unwrap_err().to_string();
        assert!(says("{}").starts_with("not a report of a check: missing field `schema`"));
        assert_eq!(
            says(&text.replace("conclint/check/1", "conclint/explore/1")),
            "the schema is `conclint/explore/1`, expected `conclint/check/1`"
        );
        assert_eq!(
            says(&text.replace("\"CL101\"", "\"CL999\"")),
            "unknown lint `CL999`"
        );
        assert_eq!(
            says(&text.replace("\"hold\"", "\"holt\"")),
            "unknown word `holt`"
        );
    }
}
