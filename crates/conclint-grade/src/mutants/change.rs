//! What an edit makes of a text, line by line.

use std::fmt;

/// Lines that are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first of them, from 1.
    pub line: usize,
    /// What stood there, as one line without the space around it.
    pub before: String,
    /// What stands there instead; may be empty.
    pub after: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| match text {
            "" => "nothing".to_owned(),
            text => format!("`{text}`"),
        };
        let (before, after) = (quoted(&self.before), quoted(&self.after));
        write!(f, "{}: {before} -> {after}", self.line)
    }
}

/// The lines that differ; where lines were added or removed, all from the first to the last that
/// does, as one.
pub(super) fn between(before: &str, after: &str) -> Vec<Change> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let flat = |lines: &[&str]| {
        let lines = lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    };
    let change = |line: usize, old: &[&str], new: &[&str]| Change {
        line: line + 1,
        before: flat(old),
        after: flat(new),
    };
    if old.len() == new.len() {
        let lines = old.chunks(1).zip(new.chunks(1)).enumerate();
        let differing = lines.filter(|(_, (old, new))| old != new);
        return differing
            .map(|(line, (old, new))| change(line, old, new))
            .collect();
    }
    let same = |(old, new): &(&&str, &&str)| old == new;
    let head = old.iter().zip(&new).take_while(same).count();
    let rest = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rest.take_while(same).count();
    vec![change(
        head,
        &old[head..old.len() - tail],
        &new[head..new.len() - tail],
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(before: &str, after: &str) -> Vec<String> {
        let changes = between(before, after);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_line_that_differs() {
        assert_eq!(
            said("a\n  let b;\nc\n", "a\n  \nd\n"),
            ["2: `let b;` -> nothing", "3: `c` -> `d`"]
        );
        assert!(said("a\nb\n", "a\nb\n").is_empty());
    }

    #[test]
    fn lines_that_are_gone_are_one_change() {
        assert_eq!(
            said("a\nb\n  .c()\n  .d()\ne\n", "a\nx\ne\n"),
            ["2: `b .c() .d()` -> `x`"]
        );
        assert_eq!(said("a\na\n", "a\n"), ["2: `a` -> nothing"]);
    }
}
