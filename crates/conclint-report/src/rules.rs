//! The list of lints, for `conclint rules`.

use std::io::{self, Write};

use serde::Serialize;

/// One lint.
#[derive(Debug, Clone, Serialize)]
pub struct RuleRow<'a> {
    /// `lock-order-inversion`.
    pub name: &'a str,
    /// `CL101`.
    pub code: &'a str,
    /// `default`, `pedantic` or `grading`.
    pub level: &'a str,
    /// `error`, `warning` or `note`.
    pub severity: &'a str,
    /// One line.
    pub summary: &'a str,
}

/// How to list the lints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RulesFormat {
    /// A table.
    #[default]
    Human,
    /// `conclint/rules/1`.
    Json,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    rules: &'a [RuleRow<'a>],
}

/// Writes the list.
pub fn write_rules(
    rows: &[RuleRow<'_>],
    format: RulesFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        RulesFormat::Human => write_table(rows, out),
        RulesFormat::Json => {
            let document = Document {
                schema: "conclint/rules/1",
                rules: rows,
            };
            serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
            writeln!(out)
        }
    }
}

fn write_table(rows: &[RuleRow<'_>], out: &mut dyn Write) -> io::Result<()> {
    let name = width(rows, |r| r.name);
    let severity = width(rows, |r| r.severity);
    let level = width(rows, |r| r.level);
    for row in rows {
        writeln!(
            out,
            "{}  {:name$}  {:severity$}  {:level$}  {}",
            row.code, row.name, row.severity, row.level, row.summary
        )?;
    }
    Ok(())
}

fn width<'a>(rows: &[RuleRow<'a>], column: impl Fn(&RuleRow<'a>) -> &'a str) -> usize {
    rows.iter()
        .map(|row| column(row).chars().count())
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [RuleRow<'_>; 2] = [
        RuleRow {
            name: "a-b",
            code: "CL001",
            level: "default",
            severity: "error",
            summary: "One.",
        },
        RuleRow {
            name: "a-longer-one",
            code: "CL002",
            level: "pedantic",
            severity: "note",
            summary: "Two.",
        },
    ];

    #[test]
    fn columns_line_up() {
        let mut out = Vec::new();
        write_rules(&ROWS, RulesFormat::Human, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "CL001  a-b           error  default   One.\n\
             CL002  a-longer-one  note   pedantic  Two.\n"
        );
    }

    #[test]
    fn json_is_versioned() {
        let mut out = Vec::new();
        write_rules(&ROWS, RulesFormat::Json, &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["schema"], "conclint/rules/1");
        assert_eq!(value["rules"][1]["name"], "a-longer-one");
    }
}
