//! `conclint/check/1`: the versioned machine format.
//!
//! Fields are only ever added within a version. The types here are the
//! contract; the core types may change under them.

use std::io::{self, Write};

use conclint_diag::{Finding, Step, Summary, Trace, Unparsed};
use serde::Serialize;

use crate::Report;

pub(crate) const SCHEMA: &str = "conclint/check/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool<'a>,
    summary: Totals,
    lints: Vec<&'a str>,
    /// Of a run of some of the lints: which part.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<Part>,
    unparsed: Vec<WireUnparsed<'a>>,
    findings: Vec<WireFinding<'a>>,
}

/// A part of a run, from 1, and of how many.
#[derive(Serialize)]
pub(crate) struct Part {
    number: usize,
    count: usize,
}

impl From<(usize, usize)> for Part {
    fn from((number, count): (usize, usize)) -> Self {
        Part { number, count }
    }
}

#[derive(Serialize)]
struct WireUnparsed<'a> {
    file: &'a str,
    line: u32,
    what: &'a str,
    why: &'a str,
    mentions_lock: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
struct Totals {
    files: usize,
    lines: usize,
    unread_files: usize,
    unparsed_items: usize,
    locks: usize,
    acquisitions: usize,
    spawns: usize,
    unresolved_calls_under_lock: usize,
    cut_chains: usize,
    findings: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    suppressed: usize,
    in_tests: usize,
    below_confidence: usize,
    in_baseline: usize,
    unchanged: usize,
}

#[derive(Serialize)]
struct WireFinding<'a> {
    rule: &'a str,
    code: &'a str,
    severity: &'static str,
    confidence: &'static str,
    message: &'a str,
    fingerprint: &'a str,
    suppressed: Option<&'a str>,
    in_test: bool,
    paths: Vec<WirePath<'a>>,
    help: &'a [String],
}

#[derive(Serialize)]
struct WirePath<'a> {
    title: &'a str,
    steps: Vec<WireStep<'a>>,
}

#[derive(Serialize)]
struct WireStep<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    function: &'a str,
    role: &'static str,
    object: &'a str,
    what: &'a str,
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        tool: Tool {
            name: "conclint",
            version: report.version,
        },
        summary: Totals::from(report.summary),
        lints: report.rules.iter().map(|rule| rule.code).collect(),
        partition: report.summary.partition.map(Part::from),
        unparsed: report.summary.unparsed.iter().map(unparsed).collect(),
        findings: report.findings.iter().map(WireFinding::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

fn unparsed(item: &Unparsed) -> WireUnparsed<'_> {
    WireUnparsed {
        file: &item.file,
        line: item.line,
        what: &item.what,
        why: &item.why,
        mentions_lock: item.mentions_lock,
    }
}

impl From<&Summary> for Totals {
    fn from(s: &Summary) -> Self {
        Totals {
            files: s.files,
            lines: s.lines,
            unread_files: s.unread_files,
            unparsed_items: s.unparsed.len(),
            locks: s.locks,
            acquisitions: s.acquisitions,
            spawns: s.spawns,
            unresolved_calls_under_lock: s.unresolved_calls_under_lock,
            cut_chains: s.cut_chains,
            findings: s.findings(),
            errors: s.errors,
            warnings: s.warnings,
            notes: s.notes,
            suppressed: s.suppressed,
            in_tests: s.in_tests,
            below_confidence: s.below_confidence,
            in_baseline: s.in_baseline,
            unchanged: s.unchanged,
        }
    }
}

impl<'a> From<&'a Finding> for WireFinding<'a> {
    fn from(f: &'a Finding) -> Self {
        WireFinding {
            rule: f.rule,
            code: f.code,
            severity: f.severity.as_str(),
            confidence: f.confidence.as_str(),
            message: &f.message,
            fingerprint: f.fingerprint.as_str(),
            suppressed: f.suppressed.as_deref(),
            in_test: f.in_test,
            paths: f.paths.iter().map(WirePath::from).collect(),
            help: &f.help,
        }
    }
}

impl<'a> From<&'a Trace> for WirePath<'a> {
    fn from(trace: &'a Trace) -> Self {
        WirePath {
            title: &trace.title,
            steps: trace.steps.iter().map(WireStep::from).collect(),
        }
    }
}

impl<'a> From<&'a Step> for WireStep<'a> {
    fn from(step: &'a Step) -> Self {
        WireStep {
            file: &step.span.file,
            line: step.span.line,
            column: step.span.column,
            end_line: step.span.end_line,
            end_column: step.span.end_column,
            function: &step.function,
            role: step.role.as_str(),
            object: &step.object,
            what: &step.what,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Format;
    use crate::sample::Sample;

    fn parsed() -> Value {
        serde_json::from_str(&Sample::inversion().render(Format::Json)).unwrap()
    }

    #[test]
    fn carries_schema_tool_and_totals() {
        let value = parsed();
        assert_eq!(value["schema"], "conclint/check/1");
        assert_eq!(
            value["tool"],
            json!({"name": "conclint", "version": "9.9.9"})
        );
        for key in [
            "files",
            "lines",
            "unparsed_items",
            "locks",
            "acquisitions",
            "spawns",
            "unresolved_calls_under_lock",
            "findings",
        ] {
            assert!(value["summary"][key].is_u64(), "summary.{key}");
        }
        assert_eq!(value["summary"]["findings"], 1);
    }

    #[test]
    fn carries_every_field_of_a_finding() {
        let value = parsed();
        let finding = &value["findings"][0];
        assert_eq!(finding["rule"], "lock-order-inversion");
        assert_eq!(finding["code"], "CL101");
        assert_eq!(finding["severity"], "error");
        assert_eq!(finding["confidence"], "medium");
        assert_eq!(finding["suppressed"], Value::Null);
        assert_eq!(finding["fingerprint"].as_str().map(str::len), Some(16));
        assert_eq!(
            finding["help"][0],
            "take Registry.sessions first everywhere"
        );
        assert_eq!(
            finding["paths"][0]["steps"][0],
            json!({
                "file": "src/registry.rs", "line": 3, "column": 17, "end_line": 3, "end_column": 37,
                "function": "Registry::close", "role": "hold", "object": "Registry.sessions",
                "what": "takes Registry.sessions",
            })
        );
    }

    #[test]
    fn suppressed_findings_stay_with_their_reason() {
        assert_eq!(parsed()["findings"][1]["suppressed"], "measured, 2 ms");
    }

    /// A field that the schema does not know fails here, and so does one that
    /// it wants and that is not written.
    #[test]
    fn keeps_to_its_schema() {
        let schema: Value = serde_json::from_str(crate::CHECK_SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut value = parsed();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        value["surprise"] = json!(1);
        assert!(!validator.is_valid(&value));
    }
}
