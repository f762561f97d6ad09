//! Markdown: for step summaries, merge request notes and chats.
//!
//! Text from the code is shown, never obeyed: everything outside code spans is
//! escaped, and a code span has a fence that its content does not contain.

use std::fmt::Write as _;
use std::io::{self, Write};

use conclint_diag::{Confidence, Finding};

use crate::Report;
use crate::text::one_line;

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_within(report, usize::MAX, out)
}

/// Writes at most `limit` bytes: whole findings, then how many are missing.
pub(crate) fn write_within(
    report: &Report<'_>,
    limit: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    /// What the line about missing findings may take.
    const RESERVE: usize = 100;

    let head = format!("## conclint\n\n{}\n", escape(&report.closing()));
    let Some(mut left) = limit.checked_sub(head.len() + RESERVE) else {
        return Ok(());
    };
    out.write_all(head.as_bytes())?;
    let shown: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| f.suppressed.is_none())
        .collect();
    for (i, finding) in shown.iter().enumerate() {
        let section = section(report, finding);
        match left.checked_sub(section.len()) {
            Some(rest) => left = rest,
            None => return writeln!(out, "\n{} more are not shown here.", shown.len() - i),
        }
        out.write_all(section.as_bytes())?;
    }
    Ok(())
}

fn section(report: &Report<'_>, finding: &Finding) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = draw(report, finding, &mut out);
    out
}

fn draw(report: &Report<'_>, finding: &Finding, out: &mut String) -> std::fmt::Result {
    let at = finding.primary();
    writeln!(
        out,
        "\n### {} {} {}\n\n{}\n\n{}",
        finding.severity,
        finding.code,
        escape(finding.rule),
        place(report, &at.file, at.line),
        prose(&finding.message),
    )?;
    for path in &finding.paths {
        writeln!(out)?;
        if !path.title.is_empty() {
            writeln!(out, "{}\n", prose(&path.title))?;
        }
        for (i, step) in path.steps.iter().enumerate() {
            let span = &step.span;
            write!(
                out,
                "{}. {} {}",
                i + 1,
                place(report, &span.file, span.line),
                prose(&step.what)
            )?;
            if !step.function.is_empty() {
                write!(out, ", in {}", code(&step.function))?;
            }
            writeln!(out)?;
        }
    }
    if !finding.help.is_empty() || finding.confidence != Confidence::High {
        writeln!(out)?;
    }
    for help in &finding.help {
        writeln!(out, "- help: {}", prose(help))?;
    }
    if finding.confidence != Confidence::High {
        writeln!(out, "- confidence: {}", finding.confidence)?;
    }
    Ok(())
}

fn place(report: &Report<'_>, file: &str, line: u32) -> String {
    code(&format!("{}:{line}", report.places.from_root(file)))
}

/// Our own sentences: what stands between single backticks is code, the rest
/// is text. Where backticks do not pair up, all of it is text.
fn prose(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(&text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (i, part) in parts.iter().enumerate() {
        match (i % 2, part.is_empty()) {
            (0, _) => out.push_str(&escape(part)),
            (_, true) => out.push_str(&escape("``")),
            _ => out.push_str(&code(part)),
        }
    }
    out
}

/// A code span with a fence longer than any row of backticks inside.
fn code(text: &str) -> String {
    let text = one_line(text);
    let mut longest = 0;
    let mut row = 0;
    for c in text.chars() {
        row = if c == '`' { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    let fence = "`".repeat(longest + 1);
    let touches = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty();
    let space = if touches { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text that means nothing but itself.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A mention would write to somebody.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::sample::Sample;

    #[test]
    fn a_section_for_each_finding() {
        assert_eq!(
            Sample::inversion().render(Format::Markdown),
            "\
## conclint

2 files, 20 lines, 2 locks, 2 spawns, 0 calls under a lock not resolved: 1 finding (1 error); 1 suppressed

### error CL101 lock-order-inversion

`src/registry.rs:3`

locks in opposite order

one thread: Registry.sessions, then Registry.users

1. `src/registry.rs:3` takes Registry.sessions, in `Registry::close`
2. `src/registry.rs:5` calls Registry::forget, in `Registry::close`
3. `src/registry.rs:8` takes Registry.users, in `Registry::forget`

another thread: Registry.users, then Registry.sessions

1. `src/admin.rs:2` takes Registry.users, in `report`
2. `src/admin.rs:4` takes Registry.sessions, in `report`

- help: take Registry.sessions first everywhere
- confidence: medium
"
        );
    }

    #[test]
    fn code_spans_are_kept_and_closed() {
        assert_eq!(prose("`a_b` then *c*"), "`a_b` then \\*c\\*");
        assert_eq!(prose("odd ` one <b>"), "odd \\` one &lt;b&gt;");
        assert_eq!(prose("`` x"), "\\`\\` x");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(escape("@all [x](y) #1"), "&#64;all \\[x\\](y) \\#1");
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = Sample::hostile().render(Format::Markdown);
        assert!(!text.contains('\u{1b}'));
        assert!(!text.contains("<script>") || text.contains("`"));
        assert!(
            text.lines()
                .all(|l| !l.starts_with("::") && !l.starts_with("<"))
        );
        assert!(text.contains(&"n".repeat(10_000)));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let sample = Sample::inversion();
        let mut out = Vec::new();
        sample.with_report(|report| write_within(report, 300, &mut out).unwrap());
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("\n1 more are not shown here.\n"), "{text}");
        assert!(text.len() <= 300);
    }
}
