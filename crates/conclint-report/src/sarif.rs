//! SARIF 2.1.0, for code scanning.
//!
//! One run. A rule for each lint, with its page as help; a result for each
//! finding, its paths as thread flows of one code flow; fingerprints that
//! survive edits elsewhere. What the receiving side refuses is left out and
//! said so in a notification: GitHub takes 25 000 results and rules, 10 MB of
//! gzip (we stay below 10 MB before packing), shows 1 000 locations of a
//! thread flow, and 10 tags of a rule.

use std::io::{self, Write};

use conclint_diag::{Confidence, Finding, Role, Severity, Span, Step, Trace};
use serde::Serialize;
use serde_json::{Value, json};

use crate::text::{one_line, printable};
use crate::{Report, RulePage};

/// Results of a run that are taken.
const RESULTS: usize = 25_000;

/// Bytes of all results together.
const BYTES: usize = 9_000_000;

/// Locations of all thread flows of a result that are shown.
const STEPS: usize = 1_000;

/// The name under which fingerprints are compared; a new number whenever the
/// way they are made changes.
const FINGERPRINT: &str = "conclint/1";

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Value,
    locations: [Value; 1],
    code_flows: [Value; 1],
    partial_fingerprints: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Value>,
    properties: Value,
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (results, left_out) = results(report)?;
    let notifications: Vec<Value> = (left_out > 0)
        .then(|| {
            json!({
                "level": "warning",
                "message": {"text": format!(
                    "{left_out} results are left out, the least severe ones: \
                     the receiving side takes no more"
                )},
            })
        })
        .into_iter()
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "conclint",
                "version": report.version,
                "semanticVersion": report.version,
                "rules": report.rules.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"ROOT": {
                "description": {"text": "The root of the repository"},
            }},
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    serde_json::to_writer(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

fn rule(page: &RulePage<'_>) -> Value {
    json!({
        "id": page.code,
        "name": page.name,
        "shortDescription": {"text": plain(page.summary)},
        "fullDescription": {"text": plain(page.summary)},
        "help": {"text": printable(page.page), "markdown": printable(page.page)},
        "defaultConfiguration": {"level": page.severity.as_str()},
        "properties": {
            "tags": ["concurrency"],
            "problem.severity": problem(page.severity),
        },
    })
}

/// GitHub's word for a severity.
fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "recommendation",
    }
}

/// As many results as are taken, and how many are left out. Where some must
/// go, the least severe go first; the others keep their order.
fn results(report: &Report<'_>) -> io::Result<(Vec<Value>, usize)> {
    let mut order: Vec<usize> = (0..report.findings.len()).collect();
    order.sort_by_key(|&i| {
        let finding = &report.findings[i];
        (
            finding.suppressed.is_some(),
            std::cmp::Reverse(finding.severity),
        )
    });
    let mut bytes = 0;
    let mut kept: Vec<(usize, Value)> = Vec::new();
    for &i in order.iter().take(RESULTS) {
        let result = result(report, &report.findings[i]);
        let value = serde_json::to_value(&result).map_err(io::Error::from)?;
        bytes += value.to_string().len();
        if bytes > BYTES {
            break;
        }
        kept.push((i, value));
    }
    let left_out = order.len() - kept.len();
    kept.sort_by_key(|(i, _)| *i);
    Ok((kept.into_iter().map(|(_, value)| value).collect(), left_out))
}

fn result<'a>(report: &Report<'_>, finding: &'a Finding) -> SarifResult<'a> {
    let mut text = one_line(&finding.message).into_owned();
    for help in &finding.help {
        text.push_str("\nhelp: ");
        text.push_str(&one_line(help));
    }
    let fingerprint = finding.fingerprint.as_str();
    let suppression =
        |reason: &String| json!({"kind": "inSource", "justification": one_line(reason)});
    SarifResult {
        rule_id: finding.code,
        rule_index: report.rules.iter().position(|r| r.code == finding.code),
        level: finding.severity.as_str(),
        message: json!({"text": plain(&text)}),
        locations: [location(report, finding.primary(), None)],
        code_flows: [flows(report, finding)],
        partial_fingerprints: json!({
            FINGERPRINT: fingerprint,
            // The one key that GitHub compares; without it, it hashes the line.
            "primaryLocationLineHash": format!("{fingerprint}:1"),
        }),
        suppressions: finding.suppressed.iter().map(suppression).collect(),
        properties: json!({
            "precision": precision(finding.confidence),
            "confidence": finding.confidence.as_str(),
            "inTest": finding.in_test,
        }),
    }
}

fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "very-high",
        Confidence::Medium => "high",
        Confidence::Low => "medium",
    }
}

/// One code flow: a thread flow for each path, cut where all of them together
/// are longer than what is shown. Every path keeps its first and last steps.
fn flows(report: &Report<'_>, finding: &Finding) -> Value {
    let each = (STEPS / finding.paths.len().max(1)).max(2);
    let flows: Vec<Value> = finding
        .paths
        .iter()
        .take(STEPS / 2)
        .enumerate()
        .map(|(i, path)| flow(report, i, path, each))
        .collect();
    json!({"threadFlows": flows})
}

fn flow(report: &Report<'_>, number: usize, path: &Trace, limit: usize) -> Value {
    let skipped = path.steps.len().saturating_sub(limit);
    let head = limit.div_ceil(2);
    let mut title = one_line(&path.title).into_owned();
    if skipped > 0 {
        title.push_str(&format!(" ({skipped} steps in the middle are left out)"));
    }
    let steps: Vec<Value> = path
        .steps
        .iter()
        .enumerate()
        .filter(|(i, _)| skipped == 0 || *i < head || *i >= head + skipped)
        .map(|(i, step)| {
            let last = i + 1 == path.steps.len();
            json!({
                "location": location(report, &step.span, Some(step)),
                "kinds": kinds(step.role),
                "importance": if i == 0 || last { "essential" } else { "important" },
            })
        })
        .collect();
    json!({
        "id": format!("path {}", number + 1),
        "message": {"text": plain(&title)},
        "locations": steps,
    })
}

/// The standard's words for what a step does, and our own.
fn kinds(role: Role) -> Vec<&'static str> {
    match role {
        Role::Hold | Role::Acquire => vec!["acquire", "lock"],
        Role::Call => vec!["call", "function"],
        Role::Use => vec!["usage"],
        role => vec![role.as_str()],
    }
}

fn location(report: &Report<'_>, span: &Span, step: Option<&Step>) -> Value {
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": artifact(&report.places.from_root(&span.file)),
            "region": {
                "startLine": span.line.max(1),
                "startColumn": span.column.max(1),
                "endLine": span.end_line.max(span.line).max(1),
                "endColumn": span.end_column.max(1),
            },
        },
    });
    let Some(step) = step else { return value };
    value["message"] = json!({"text": plain(&one_line(&step.what))});
    if !step.function.is_empty() {
        value["logicalLocations"] =
            json!([{"fullyQualifiedName": one_line(&step.function), "kind": "function"}]);
    }
    value
}

/// A file below the root, or one that lies elsewhere.
fn artifact(path: &str) -> Value {
    if path.starts_with('/') {
        json!({"uri": format!("file://{}", uri(path))})
    } else {
        json!({"uri": uri(path), "uriBaseId": "ROOT"})
    }
}

/// Percent-encodes everything that means something in a URI but `/`.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Message text: brackets that would make a link are escaped, as the standard
/// wants it (3.11.6).
fn plain(text: &str) -> String {
    let text = printable(text);
    if text.contains("](") {
        text.replace('\\', "\\\\")
            .replace('[', "\\[")
            .replace(']', "\\]")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use serde_json::Value;

    use super::*;
    use crate::sample::Sample;
    use crate::{Format, Places};

    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        let text = include_str!("../../../fixtures/schemas/sarif-schema-2.1.0.json");
        let schema: Value = serde_json::from_str(text).unwrap();
        jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    });

    /// The document, which keeps to the public schema.
    fn valid(sample: &Sample) -> Value {
        let value: Value = serde_json::from_str(&sample.render(Format::Sarif)).unwrap();
        let errors: Vec<String> = VALIDATOR
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        value
    }

    #[test]
    fn the_validator_refuses_what_is_wrong() {
        let mut value = valid(&Sample::inversion());
        value["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] =
            json!(0);
        assert!(!VALIDATOR.is_valid(&value));
    }

    #[test]
    fn both_paths_are_thread_flows() {
        let value = valid(&Sample::inversion());
        let result = &value["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "CL101");
        assert_eq!(result["ruleIndex"], 0);
        assert_eq!(result["level"], "error");
        let flows = result["codeFlows"][0]["threadFlows"].as_array().unwrap();
        assert_eq!(flows.len(), 2);
        let steps = flows[0]["locations"].as_array().unwrap();
        assert_eq!(steps.len(), 3);
        let first = &steps[0]["location"];
        assert_eq!(first["message"]["text"], "takes Registry.sessions");
        assert_eq!(
            first["physicalLocation"],
            json!({
                "artifactLocation": {"uri": "src/registry.rs", "uriBaseId": "ROOT"},
                "region": {"startLine": 3, "startColumn": 17, "endLine": 3, "endColumn": 37},
            })
        );
        assert_eq!(
            first["logicalLocations"][0]["fullyQualifiedName"],
            "Registry::close"
        );
    }

    #[test]
    fn rules_carry_their_page_and_results_their_fingerprint() {
        let sample = Sample::inversion();
        let value = valid(&sample);
        let rules = &value["runs"][0]["tool"]["driver"]["rules"];
        assert_eq!(rules[0]["id"], "CL101");
        assert_eq!(rules[0]["help"]["markdown"], "# The page\n");
        let fingerprint = sample.findings[0].fingerprint.as_str();
        let result = &value["runs"][0]["results"][0];
        assert_eq!(result["partialFingerprints"]["conclint/1"], fingerprint);
        assert_eq!(result.get("suppressions"), None);
        let suppressed = &value["runs"][0]["results"][1];
        assert_eq!(
            suppressed["suppressions"],
            json!([{"kind": "inSource", "justification": "measured, 2 ms"}])
        );
    }

    #[test]
    fn paths_are_those_of_the_repository_and_safe_in_a_uri() {
        let mut sample = Sample::inversion();
        sample.places = Places {
            base: "/w/repo/a b".to_owned(),
            here: "/w/repo/a b".to_owned(),
            root: "/w/repo".to_owned(),
        };
        sample.findings[0].paths[0].steps[0].span.file = Arc::from("c:d%#?é.rs");
        let value = valid(&sample);
        let place = &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "a%20b/c%3Ad%25%23%3F%C3%A9.rs"
        );
    }

    #[test]
    fn hostile_text_survives() {
        let value = valid(&Sample::hostile());
        let text = value["runs"][0]["results"][0]["message"]["text"]
            .as_str()
            .unwrap();
        assert!(text.contains("\"quoted\"") && text.contains("\\[link\\](x)"));
        assert!(text.contains(&"n".repeat(10_000)) && !text.contains('\u{1b}'));
    }

    #[test]
    fn long_paths_keep_their_ends() {
        let mut sample = Sample::inversion();
        let steps = &mut sample.findings[0].paths[0].steps;
        let (call, last) = (steps[1].clone(), steps[2].clone());
        steps.truncate(1);
        steps.extend(vec![call; 5_000]);
        steps.push(last);
        let value = valid(&sample);
        let flows = &value["runs"][0]["results"][0]["codeFlows"][0]["threadFlows"];
        let steps = flows[0]["locations"].as_array().unwrap();
        assert_eq!(steps.len(), 500);
        assert_eq!(
            steps.last().unwrap()["location"]["message"]["text"],
            "takes Registry.users"
        );
        assert!(
            flows[0]["message"]["text"]
                .as_str()
                .unwrap()
                .contains("4502 steps in the middle are left out")
        );
    }

    #[test]
    fn too_many_results_lose_the_least_severe_and_say_so() {
        let mut sample = Sample::inversion();
        let mut shown = sample.findings[0].clone();
        shown.severity = Severity::Note;
        sample.findings.truncate(1);
        sample.findings.splice(0..0, vec![shown; 12_000]);
        let text = sample.render(Format::Sarif);
        assert!(text.len() < 10_000_000, "{}", text.len());
        let value: Value = serde_json::from_str(&text).unwrap();
        let results = value["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.last().unwrap()["level"], "error", "order is kept");
        let said = &value["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
        let expected = format!("{} results are left out", 12_001 - results.len());
        assert!(
            said["message"]["text"]
                .as_str()
                .unwrap()
                .starts_with(&expected)
        );
        assert!(results.len() > 1_000);
    }
}
