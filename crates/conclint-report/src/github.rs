//! GitHub Actions: workflow commands that the runner turns into annotations,
//! and a step summary in Markdown.
//!
//! A runner shows 10 annotations of each kind for a step and drops the rest,
//! so the most severe come first, what does not fit stays as plain lines in
//! the log, and one more annotation says so. A summary over 1 MiB is dropped
//! whole by the runner, so it is cut before that.

use std::borrow::Cow;
use std::io::{self, Write};

use conclint_diag::{Finding, Severity};

use crate::text::one_line;
use crate::{Report, markdown, plain};

/// Annotations of one kind that a runner shows for a step.
const SHOWN: usize = 10;

/// Longer annotations are cut; the runner takes 64 KiB.
const LONGEST: usize = 60_000;

/// The file of a step summary may hold so many bytes.
const SUMMARY_BYTES: usize = 1024 * 1024;

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let of_kind: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|f| f.suppressed.is_none() && f.severity == severity)
            .collect();
        // The line about the rest is a notice and needs a place of its own.
        let room = match severity {
            Severity::Note if !rest.is_empty() || of_kind.len() > SHOWN => SHOWN - 1,
            _ => SHOWN,
        };
        for finding in of_kind.iter().take(room) {
            annotate(report, finding, out)?;
        }
        rest.extend(of_kind.into_iter().skip(room));
    }
    for finding in &rest {
        let at = finding.primary();
        writeln!(
            out,
            "{}[{}] {}:{}:{}: {}",
            finding.severity,
            finding.code,
            harmless(&one_line(&report.places.from_root(&at.file))),
            at.line,
            at.column,
            harmless(&one_line(&finding.message)),
        )?;
    }
    if !rest.is_empty() {
        let more = rest.len();
        writeln!(
            out,
            "::notice title=conclint::{more} more in the log of this step"
        )?;
    }
    writeln!(out, "{}", report.closing())
}

fn annotate(report: &Report<'_>, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let at = finding.primary();
    write!(
        out,
        "::{command} file={},line={},endLine={}",
        property(&report.places.from_root(&at.file)),
        at.line,
        at.end_line,
    )?;
    // With columns on different lines the runner shows no annotation at all.
    if at.line == at.end_line {
        write!(out, ",col={},endColumn={}", at.column, at.end_column)?;
    }
    let title = format!("conclint {} {}", finding.code, finding.rule);
    let text = plain::text(finding, |file| report.places.from_root(file));
    writeln!(
        out,
        ",title={}::{}",
        property(&title),
        data(&plain::cut(&text, LONGEST))
    )
}

/// Appends the findings as Markdown to a step summary that already holds
/// `present` bytes; writes less, or nothing, where the whole would be dropped.
pub fn write_step_summary(
    report: &Report<'_>,
    present: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let present = usize::try_from(present).unwrap_or(usize::MAX);
    markdown::write_within(report, SUMMARY_BYTES.saturating_sub(present), out)
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(&one_line(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}

/// Text in the log that the runner must not take for a command: the older kind
/// of command counts anywhere in a line.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.contains("##[") {
        Cow::Owned(text.replace("##[", "## ["))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use conclint_diag::Fingerprint;

    use super::*;
    use crate::Format;
    use crate::sample::Sample;

    #[test]
    fn an_annotation_has_place_title_and_paths() {
        assert_eq!(
            Sample::inversion().render(Format::Github),
            "::error file=src/registry.rs,line=3,endLine=3,col=17,endColumn=37,\
             title=conclint CL101 lock-order-inversion::locks in opposite order%0A\
             one thread: Registry.sessions, then Registry.users%0A\
             \x20 1. src/registry.rs:3:17: takes Registry.sessions, in Registry::close%0A\
             \x20 2. src/registry.rs:5:9: calls Registry::forget, in Registry::close%0A\
             \x20 3. src/registry.rs:8:9: takes Registry.users, in Registry::forget%0A\
             another thread: Registry.users, then Registry.sessions%0A\
             \x20 1. src/admin.rs:2:13: takes Registry.users, in report%0A\
             \x20 2. src/admin.rs:4:9: takes Registry.sessions, in report%0A\
             help: take Registry.sessions first everywhere%0A\
             confidence: medium\n\
             2 files, 20 lines, 2 locks, 2 spawns, 0 calls under a lock not resolved: \
             1 finding (1 error); 1 suppressed\n"
        );
    }

    #[test]
    fn columns_are_left_out_across_lines() {
        let mut sample = Sample::inversion();
        sample.findings[0].paths[0].steps[0].span.end_line = 4;
        let text = sample.render(Format::Github);
        assert!(text.starts_with("::error file=src/registry.rs,line=3,endLine=4,title="));
    }

    #[test]
    fn ten_of_a_kind_and_the_rest_in_the_log() {
        let mut sample = Sample::inversion();
        let shown = sample.findings[0].clone();
        sample.findings.clear();
        for (severity, count) in [
            (Severity::Note, 12),
            (Severity::Warning, 11),
            (Severity::Error, 3),
        ] {
            for i in 0..count {
                let mut finding = shown.clone();
                finding.severity = severity;
                finding.message = format!("{severity} ##[group] ::error::x {i}");
                finding.fingerprint = Fingerprint::of([&finding.message]);
                sample.findings.push(finding);
            }
        }
        let text = sample.render(Format::Github);
        let commands = |kind: &str| text.lines().filter(|l| l.starts_with(kind)).count();
        assert_eq!(commands("::error "), 3);
        assert_eq!(commands("::warning "), 10);
        assert_eq!(commands("::notice "), 10);
        assert!(text.contains("\n::notice title=conclint::4 more in the log of this step\n"));
        let logged: Vec<_> = text.lines().filter(|l| !l.starts_with("::")).collect();
        assert_eq!(logged.len(), 5, "four findings and the summary");
        assert!(logged.iter().all(|l| !l.contains("##[")), "{logged:?}");
        assert!(text.starts_with("::error "), "most severe first");
    }

    #[test]
    fn hostile_text_makes_no_second_command() {
        let mut sample = Sample::hostile();
        sample.findings.truncate(1);
        let text = sample.render(Format::Github);
        assert_eq!(text.lines().count(), 2, "{text}");
        let (command, _) = text
            .split_once("::")
            .map(|(_, rest)| rest)
            .unwrap()
            .split_once("::")
            .unwrap();
        assert!(
            !command.contains('\u{1b}') && command.contains("%3A%3A") && command.contains("%2C")
        );
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains(&"n".repeat(10_000)));
    }

    #[test]
    fn a_summary_stays_below_what_the_runner_takes() {
        let mut sample = Sample::inversion();
        let shown = sample.findings[0].clone();
        sample.findings = vec![shown; 5_000];
        let summary = |present: u64| {
            let mut out = Vec::new();
            sample.with_report(|report| write_step_summary(report, present, &mut out).unwrap());
            out.len()
        };
        assert!(summary(0) <= SUMMARY_BYTES && summary(0) > SUMMARY_BYTES - 10_000);
        assert!(summary(1_000_000) <= SUMMARY_BYTES - 1_000_000);
        assert_eq!(summary(1 << 21), 0);
    }
}
