//! The line that says what a run looked at.

use conclint_diag::Summary;

/// `212 files, 48 911 lines, 41 locks, 9 spawns, 3 calls under a lock not
/// resolved: 2 findings (1 error, 1 warning)`. What was left out follows
/// after a semicolon, each only where there is any.
pub fn summary_line(summary: &Summary) -> String {
    let mut seen = Vec::new();
    if let Some((number, of)) = summary.partition {
        seen.push(format!("part {number} of {of}"));
    }
    seen.extend([
        count(summary.files, "file", "files"),
        count(summary.lines, "line", "lines"),
        count(summary.locks, "lock", "locks"),
        count(summary.spawns, "spawn", "spawns"),
        format!(
            "{} under a lock not resolved",
            count(summary.unresolved_calls_under_lock, "call", "calls")
        ),
    ]);
    if summary.cut_chains > 0 {
        seen.push(format!(
            "{} cut short",
            count(summary.cut_chains, "call chain", "call chains")
        ));
    }
    if !summary.unparsed.is_empty() {
        seen.push(format!(
            "{} not parsed",
            count(summary.unparsed.len(), "item", "items")
        ));
    }
    if summary.unread_files > 0 {
        seen.push(format!(
            "{} not read",
            count(summary.unread_files, "file", "files")
        ));
    }

    let mut line = format!(
        "{}: {}",
        seen.join(", "),
        count(summary.findings(), "finding", "findings")
    );
    let kinds: Vec<String> = [
        (summary.errors, "error", "errors"),
        (summary.warnings, "warning", "warnings"),
        (summary.notes, "note", "notes"),
    ]
    .into_iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, one, many)| count(n, one, many))
    .collect();
    if !kinds.is_empty() {
        line.push_str(&format!(" ({})", kinds.join(", ")));
    }

    let hidden: Vec<String> = [
        (summary.suppressed, "suppressed"),
        (summary.in_tests, "in test code not shown"),
        (summary.below_confidence, "of low confidence not shown"),
        (summary.in_baseline, "in the baseline"),
        (summary.unchanged, "outside the changes"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", grouped(n)))
    .collect();
    if !hidden.is_empty() {
        line.push_str(&format!("; {}", hidden.join(", ")));
    }
    line
}

pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// `48911` as `48 911`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_design() {
        let summary = Summary {
            files: 212,
            lines: 48_911,
            locks: 41,
            spawns: 9,
            unresolved_calls_under_lock: 3,
            errors: 1,
            warnings: 1,
            ..Summary::default()
        };
        assert_eq!(
            summary_line(&summary),
            "212 files, 48 911 lines, 41 locks, 9 spawns, 3 calls under a lock not resolved: \
             2 findings (1 error, 1 warning)"
        );
    }

    #[test]
    fn says_what_was_left_out() {
        let summary = Summary {
            files: 1,
            lines: 1_000_000,
            unread_files: 1,
            partition: Some((2, 3)),
            unparsed: vec![crate::sample::unparsed(1), crate::sample::unparsed(2)],
            cut_chains: 6,
            suppressed: 3,
            in_tests: 4,
            below_confidence: 5,
            in_baseline: 6,
            unchanged: 7,
            ..Summary::default()
        };
        assert_eq!(
            summary_line(&summary),
            "part 2 of 3, 1 file, 1 000 000 lines, 0 locks, 0 spawns, 0 calls under a lock not resolved, \
             6 call chains cut short, 2 items not parsed, 1 file not read: 0 findings; \
             3 suppressed, 4 in test code not shown, 5 of low confidence not shown, \
             6 in the baseline, 7 outside the changes"
        );
    }
}
