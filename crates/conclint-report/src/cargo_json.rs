//! The lines that `cargo check --message-format=json` writes, for
//! rust-analyzer's `check.overrideCommand` and everything else that reads
//! them.
//!
//! One `compiler-message` for each finding, with a diagnostic in rustc's
//! shape, then `build-finished`. Which package a file belongs to is cargo's
//! knowledge, not ours: package and target name conclint, which readers
//! treat as opaque. The code is `conclint::NAME`, which editors split into a
//! source and a code.

use std::io::{self, Write};

use conclint_diag::{Finding, Severity, Step};
use serde::Serialize;

use crate::lines::Lines;
use crate::text::one_line;
use crate::{Report, plain};

/// A line of source longer than this is not repeated.
const LONGEST_LINE: usize = 1_000;

#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message<'a> {
    CompilerMessage {
        package_id: &'static str,
        manifest_path: &'static str,
        target: Target,
        message: Box<Diagnostic<'a>>,
    },
    BuildFinished {
        success: bool,
    },
}

#[derive(Serialize)]
struct Target {
    kind: [&'static str; 1],
    crate_types: [&'static str; 1],
    name: &'static str,
    src_path: String,
    edition: &'static str,
    doc: bool,
    doctest: bool,
    test: bool,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    #[serde(rename = "$message_type")]
    message_type: &'static str,
    message: String,
    code: Option<Code<'a>>,
    level: &'static str,
    spans: Vec<Span>,
    children: Vec<Diagnostic<'a>>,
    rendered: Option<String>,
}

#[derive(Serialize)]
struct Code<'a> {
    code: String,
    explanation: Option<&'a str>,
}

#[derive(Serialize)]
struct Span {
    file_name: String,
    byte_start: u32,
    byte_end: u32,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    is_primary: bool,
    text: Vec<SpanLine>,
    label: Option<String>,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
    expansion: Option<()>,
}

#[derive(Serialize)]
struct SpanLine {
    text: String,
    highlight_start: u32,
    highlight_end: u32,
}

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Lines::new(report.sources);
    let mut success = true;
    for finding in report.findings.iter().filter(|f| f.suppressed.is_none()) {
        success &= finding.severity != Severity::Error;
        line(&message(report, finding, &mut lines), out)?;
    }
    line(&Message::BuildFinished { success }, out)
}

fn line(message: &Message<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, message).map_err(io::Error::from)?;
    writeln!(out)
}

fn message<'a>(report: &Report<'a>, finding: &Finding, lines: &mut Lines<'_>) -> Message<'a> {
    Message::CompilerMessage {
        package_id: "conclint",
        manifest_path: "Cargo.toml",
        target: Target {
            kind: ["lib"],
            crate_types: ["lib"],
            name: "conclint",
            src_path: one_line(&report.places.from_here(&finding.primary().file)).into_owned(),
            edition: "2024",
            doc: false,
            doctest: false,
            test: false,
        },
        message: Box::new(diagnostic(report, finding, lines)),
    }
}

/// The first path makes up the diagnostic itself; each further path and each
/// piece of help is a child, as rustc does it.
fn diagnostic<'a>(report: &Report<'a>, finding: &Finding, lines: &mut Lines<'_>) -> Diagnostic<'a> {
    let page = report.rules.iter().find(|rule| rule.code == finding.code);
    let mut paths = finding.paths.iter();
    let spans = paths.next().map_or(Vec::new(), |path| {
        spans(report, &path.steps, Primary::First, lines)
    });
    let mut children: Vec<Diagnostic<'_>> = paths
        .map(|path| Diagnostic {
            spans: spans_of_child(report, &path.steps, lines),
            ..child("note", &path.title)
        })
        .collect();
    children.extend(finding.help.iter().map(|help| child("help", help)));
    let mut text = format!(
        "{}[{} {}]: {}",
        finding.severity,
        finding.code,
        finding.rule,
        plain::text(finding, |file| report.places.from_here(file))
    );
    text.push('\n');
    Diagnostic {
        message_type: "diagnostic",
        message: one_line(&finding.message).into_owned(),
        code: Some(Code {
            code: format!("conclint::{}", finding.rule),
            explanation: page.map(|rule| rule.page),
        }),
        level: finding.severity.as_str(),
        spans,
        children,
        rendered: Some(text),
    }
}

fn child<'a>(level: &'static str, message: &str) -> Diagnostic<'a> {
    Diagnostic {
        message_type: "diagnostic",
        message: one_line(message).into_owned(),
        code: None,
        level,
        spans: Vec::new(),
        children: Vec::new(),
        rendered: None,
    }
}

/// Which step of a path the diagnostic points at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Primary {
    First,
    Last,
}

fn spans_of_child(report: &Report<'_>, steps: &[Step], lines: &mut Lines<'_>) -> Vec<Span> {
    spans(report, steps, Primary::Last, lines)
}

fn spans(
    report: &Report<'_>,
    steps: &[Step],
    primary: Primary,
    lines: &mut Lines<'_>,
) -> Vec<Span> {
    let at = match primary {
        Primary::First => 0,
        Primary::Last => steps.len().saturating_sub(1),
    };
    steps
        .iter()
        .enumerate()
        .map(|(i, step)| span(report, step, i == at, lines))
        .collect()
}

fn span(report: &Report<'_>, step: &Step, is_primary: bool, lines: &mut Lines<'_>) -> Span {
    let at = &step.span;
    let (start, end) = lines.bytes(at).unwrap_or((0, 0));
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let text = lines
        .get(&at.file, at.line)
        .filter(|line| line.text.len() <= LONGEST_LINE)
        .map(|line| SpanLine {
            text: line.text.to_owned(),
            highlight_start: at.column,
            highlight_end: if at.end_line == at.line {
                at.end_column
            } else {
                small(line.text.chars().count() + 1)
            },
        });
    Span {
        file_name: one_line(&report.places.from_here(&at.file)).into_owned(),
        byte_start: small(start),
        byte_end: small(end),
        line_start: at.line,
        line_end: at.end_line,
        column_start: at.column,
        column_end: at.end_column,
        is_primary,
        text: text.into_iter().collect(),
        label: Some(one_line(&step.what).into_owned()),
        suggested_replacement: None,
        suggestion_applicability: None,
        expansion: None,
    }
}

#[cfg(test)]
mod tests {
    use cargo_metadata::Message;
    use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};

    use crate::Format;
    use crate::sample::Sample;

    /// Every line, read the way cargo's readers do.
    fn read(sample: &Sample) -> (Vec<Diagnostic>, bool) {
        let text = sample.render(Format::CargoJson);
        let mut diagnostics = Vec::new();
        let mut finished = None;
        for line in text.lines() {
            assert_eq!(finished, None, "nothing follows the end");
            match serde_json::from_str::<Message>(line).unwrap() {
                Message::CompilerMessage(message) => diagnostics.push(message.message),
                Message::BuildFinished(end) => finished = Some(end.success),
                other => panic!("{other:?}"),
            }
        }
        (diagnostics, finished.unwrap())
    }

    #[test]
    fn a_diagnostic_in_the_shape_of_rustc() {
        let (diagnostics, success) = read(&Sample::inversion());
        assert!(!success);
        let [d] = diagnostics.as_slice() else {
            panic!("{diagnostics:?}")
        };
        assert_eq!(d.message, "locks in opposite order");
        assert_eq!(d.level, DiagnosticLevel::Error);
        let code = d.code.as_ref().unwrap();
        assert_eq!(code.code, "conclint::lock-order-inversion");
        assert_eq!(code.explanation.as_deref(), Some("# The page\n"));
        let primary: Vec<_> = d.spans.iter().filter(|s| s.is_primary).collect();
        assert_eq!(primary.len(), 1);
        let span = primary[0];
        assert_eq!(
            (
                &*span.file_name,
                span.line_start,
                span.column_start,
                span.column_end
            ),
            ("src/registry.rs", 3, 17, 37)
        );
        let source = crate::sample::REGISTRY;
        assert_eq!(
            &source[span.byte_start as usize..span.byte_end as usize],
            "self.sessions.lock()"
        );
        assert_eq!(span.text[0].text, "        let s = self.sessions.lock();");
        assert_eq!(span.label.as_deref(), Some("takes Registry.sessions"));
        let levels: Vec<_> = d.children.iter().map(|c| c.level).collect();
        assert_eq!(levels, [DiagnosticLevel::Note, DiagnosticLevel::Help]);
        assert_eq!(d.children[0].spans.len(), 2);
        assert!(
            d.rendered
                .as_deref()
                .unwrap()
                .starts_with("error[CL101 lock-order-inversion]: locks")
        );
    }

    #[test]
    fn a_clean_run_ends_well() {
        let mut sample = Sample::inversion();
        sample.findings.clear();
        assert_eq!(read(&sample), (Vec::new(), true));
    }

    #[test]
    fn hostile_text_survives() {
        let (diagnostics, _) = read(&Sample::hostile());
        let d = &diagnostics[0];
        assert!(d.message.contains("\"quoted\"") && d.message.contains(&"n".repeat(10_000)));
        assert!(!d.message.contains(['\n', '\u{1b}']));
        assert!(!d.rendered.as_deref().unwrap().contains('\u{1b}'));
    }
}
