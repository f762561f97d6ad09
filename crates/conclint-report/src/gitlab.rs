//! GitLab Code Quality: an array of issues.
//!
//! GitLab keeps one of several issues with the same fingerprint, so the second
//! one gets a number; it does not show `check_name`, so the description begins
//! with it. Paths are relative to the root of the repository, without `./`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use conclint_diag::{Finding, Severity};
use serde::Serialize;

use crate::Report;
use crate::text::one_line;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    positions: Positions,
}

#[derive(Serialize)]
struct Positions {
    begin: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
    column: u32,
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let issues: Vec<Issue<'_>> = report
        .findings
        .iter()
        .filter(|f| f.suppressed.is_none())
        .map(|finding| {
            let count = seen.entry(finding.fingerprint.as_str()).or_insert(0);
            *count += 1;
            issue(report, finding, *count)
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &issues).map_err(io::Error::from)?;
    writeln!(out)
}

fn issue<'a>(report: &Report<'_>, finding: &'a Finding, count: usize) -> Issue<'a> {
    let at = finding.primary();
    let mut fingerprint = finding.fingerprint.as_str().to_owned();
    if count > 1 {
        fingerprint.push_str(&format!("-{count}"));
    }
    Issue {
        description: format!(
            "{} {}: {}",
            finding.code,
            finding.rule,
            one_line(&finding.message)
        ),
        check_name: finding.rule,
        fingerprint,
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Note => "info",
        },
        location: Location {
            path: one_line(&report.places.from_root(&at.file)).into_owned(),
            positions: Positions {
                begin: Position {
                    line: at.line,
                    column: at.column,
                },
                end: Position {
                    line: at.end_line,
                    column: at.end_column,
                },
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use crate::sample::Sample;
    use crate::{Format, Places};

    fn parsed(sample: &Sample) -> Value {
        serde_json::from_str(&sample.render(Format::Gitlab)).unwrap()
    }

    #[test]
    fn one_issue_for_each_finding_that_is_not_suppressed() {
        let sample = Sample::inversion();
        assert_eq!(
            parsed(&sample),
            json!([{
                "description": "CL101 lock-order-inversion: locks in opposite order",
                "check_name": "lock-order-inversion",
                "fingerprint": sample.findings[0].fingerprint.as_str(),
                "severity": "critical",
                "location": {
                    "path": "src/registry.rs",
                    "positions": {
                        "begin": {"line": 3, "column": 17},
                        "end": {"line": 3, "column": 37},
                    },
                },
            }])
        );
    }

    #[test]
    fn fingerprints_are_unique_in_the_file() {
        let mut sample = Sample::inversion();
        let shown = sample.findings[0].clone();
        sample.findings = vec![shown; 4];
        let value = parsed(&sample);
        let prints: BTreeSet<_> = value
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["fingerprint"].as_str().unwrap())
            .collect();
        assert_eq!(prints.len(), 4);
    }

    #[test]
    fn paths_are_those_of_the_repository() {
        let mut sample = Sample::inversion();
        sample.places = Places {
            base: "/w/repo/./crates/a".to_owned(),
            here: "/w/repo/crates".to_owned(),
            root: "/w/repo".to_owned(),
        };
        assert_eq!(
            parsed(&sample)[0]["location"]["path"],
            "crates/a/src/registry.rs"
        );
    }

    #[test]
    fn hostile_text_survives() {
        let value = parsed(&Sample::hostile());
        let text = value[0]["description"].as_str().unwrap();
        assert!(text.contains("\"quoted\"") && text.contains("]]>") && !text.contains('\n'));
        assert!(text.contains(&"n".repeat(10_000)));
    }
}
