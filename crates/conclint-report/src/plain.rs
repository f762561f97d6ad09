//! A finding as plain text of several lines: what formats show that have one
//! field for everything a reader should know.

use std::fmt::Write;

use conclint_diag::{Confidence, Finding};

use crate::text::one_line;

/// The message, each path with its steps, the help. `path_of` says how a file
/// is named. Ends without a line feed; every character is safe to print.
pub(crate) fn text(finding: &Finding, path_of: impl Fn(&str) -> String) -> String {
    let mut out = one_line(&finding.message).into_owned();
    // Writing to a string does not fail.
    let _ = details(finding, path_of, &mut out);
    out
}

fn details(
    finding: &Finding,
    path_of: impl Fn(&str) -> String,
    out: &mut String,
) -> std::fmt::Result {
    for path in &finding.paths {
        if !path.title.is_empty() {
            write!(out, "\n{}", one_line(&path.title))?;
        }
        for (i, step) in path.steps.iter().enumerate() {
            let at = &step.span;
            write!(
                out,
                "\n  {}. {}:{}:{}: {}",
                i + 1,
                one_line(&path_of(&at.file)),
                at.line,
                at.column,
                one_line(&step.what),
            )?;
            if !step.function.is_empty() {
                write!(out, ", in {}", one_line(&step.function))?;
            }
        }
    }
    for help in &finding.help {
        write!(out, "\nhelp: {}", one_line(help))?;
    }
    if finding.confidence != Confidence::High {
        write!(out, "\nconfidence: {}", finding.confidence)?;
    }
    Ok(())
}

/// `text` cut to at most `limit` bytes, with `…` where something is missing.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    const MARK: char = '…';
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(MARK.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = text.get(..end).unwrap_or_default().to_owned();
    out.push(MARK);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    #[test]
    fn message_paths_and_help() {
        let sample = Sample::inversion();
        assert_eq!(
            text(&sample.findings[0], str::to_owned),
            "\
locks in opposite order
one thread: Registry.sessions, then Registry.users
  1. src/registry.rs:3:17: takes Registry.sessions, in Registry::close
  2. src/registry.rs:5:9: calls Registry::forget, in Registry::close
  3. src/registry.rs:8:9: takes Registry.users, in Registry::forget
another thread: Registry.users, then Registry.sessions
  1. src/admin.rs:2:13: takes Registry.users, in report
  2. src/admin.rs:4:9: takes Registry.sessions, in report
help: take Registry.sessions first everywhere
confidence: medium"
        );
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüx", 6), "ä…");
        assert_eq!(cut("abcdef", 4), "a…");
    }
}
