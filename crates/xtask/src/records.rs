//! Reads `records.txt`: real bugs, with the commits and the lines.
//!
//! The format is described in `fixtures/real-bugs/README.md`.

use std::fmt;

use anyhow::{Context, Result, bail};

/// What kind of bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    DoubleLock,
    DoubleRead,
    Conflict,
    Condvar,
    Blocking,
}

/// What an analyser has to know for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difficulty {
    E,
    M,
    H,
}

impl fmt::Display for Difficulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difficulty::E => "E",
            Difficulty::M => "M",
            Difficulty::H => "H",
        })
    }
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordStep {
    pub file: String,
    pub line: u32,
    pub function: String,
}

/// A path: first lock first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPath {
    pub name: char,
    pub first: RecordStep,
    /// The steps after the first.
    pub rest: Vec<RecordStep>,
}

impl RecordPath {
    /// The step that takes the second lock; the first one where one line takes both.
    pub fn last(&self) -> &RecordStep {
        self.rest.last().unwrap_or(&self.first)
    }

    /// All steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &RecordStep> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

/// One bug.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    pub kind: Kind,
    pub difficulty: Difficulty,
    /// `owner/name`.
    pub repository: String,
    pub buggy: String,
    pub fix: String,
    pub paths: Vec<RecordPath>,
    /// What a right finding says.
    pub say: String,
}

impl Record {
    /// All steps of all paths.
    pub fn steps(&self) -> impl Iterator<Item = &RecordStep> {
        self.paths.iter().flat_map(RecordPath::steps)
    }
}

/// Reads all records; an error names the line.
pub fn parse(text: &str) -> Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        parse_line(line.trim(), &mut records).with_context(|| format!("line {number}: {line}"))?;
    }
    for record in &records {
        if record.buggy.is_empty() || record.fix.is_empty() || record.paths.is_empty() {
            bail!("record {} lacks a commit or a path", record.id);
        }
    }
    Ok(records)
}

fn parse_line(line: &str, records: &mut Vec<Record>) -> Result<()> {
    if line.is_empty() {
        return Ok(());
    }
    if let Some(head) = line.strip_prefix('[') {
        records.push(parse_head(head)?);
        return Ok(());
    }
    let record = records
        .last_mut()
        .context("a line before the first record")?;
    let (key, value) = line
        .split_once(char::is_whitespace)
        .context("a key without a value")?;
    let value = value.trim();
    match key {
        "buggy" => record.buggy = value.to_owned(),
        "fix" => record.fix = value.to_owned(),
        "say" => record.say = value.to_owned(),
        "needs" | "from" => {}
        _ => {
            let mut letters = key.chars();
            let (Some(name @ 'A'..='Z'), None) = (letters.next(), letters.next()) else {
                bail!("unknown key {key}");
            };
            let step = parse_step(value)?;
            match record.paths.iter_mut().find(|path| path.name == name) {
                Some(path) => path.rest.push(step),
                None => record.paths.push(RecordPath {
                    name,
                    first: step,
                    rest: Vec::new(),
                }),
            }
        }
    }
    Ok(())
}

fn parse_head(head: &str) -> Result<Record> {
    let (id, rest) = head.split_once(']').context("no ] after the id")?;
    let mut words = rest.split_whitespace();
    let mut word = |what| words.next().with_context(|| format!("no {what}"));
    let kind = match word("kind")? {
        "double-lock" => Kind::DoubleLock,
        "double-read" => Kind::DoubleRead,
        "conflict" => Kind::Conflict,
        "condvar" => Kind::Condvar,
        "blocking" => Kind::Blocking,
        other => bail!("unknown kind {other}"),
    };
    let difficulty = match word("difficulty")? {
        "E" => Difficulty::E,
        "M" => Difficulty::M,
        "H" => Difficulty::H,
        other => bail!("unknown difficulty {other}"),
    };
    Ok(Record {
        id: id.to_owned(),
        kind,
        difficulty,
        repository: word("repository")?.to_owned(),
        buggy: String::new(),
        fix: String::new(),
        paths: Vec::new(),
        say: String::new(),
    })
}

fn parse_step(text: &str) -> Result<RecordStep> {
    let (place, function) = text
        .split_once(char::is_whitespace)
        .context("no function")?;
    let (file, line) = place.rsplit_once(':').context("no line number")?;
    Ok(RecordStep {
        file: file.to_owned(),
        line: line.parse().context("no line number")?,
        function: function.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: &str = include_str!("../../../fixtures/real-bugs/records.txt");

    #[test]
    fn all_records_are_read() {
        let records = parse(RECORDS).unwrap();
        let count = |difficulty| {
            records
                .iter()
                .filter(|r| r.difficulty == difficulty)
                .count()
        };
        assert_eq!(
            (
                count(Difficulty::E),
                count(Difficulty::M),
                count(Difficulty::H)
            ),
            (26, 18, 4)
        );
        assert!(
            records
                .iter()
                .all(|r| r.buggy.len() == 40 && r.fix.len() == 40)
        );
        let conflicts = records.iter().filter(|r| r.kind == Kind::Conflict);
        assert!(conflicts.clone().all(|r| r.paths.len() >= 2));
        assert_eq!(conflicts.count(), 14);
    }

    #[test]
    fn guards_held_across_what_waits_are_records_too() {
        let records = parse(include_str!("../../../fixtures/real-bugs/blind.txt")).unwrap();
        let blocking = records.iter().filter(|r| r.kind == Kind::Blocking);
        assert_eq!((records.len(), blocking.count()), (62, 5));
        let more = parse(include_str!("../../../fixtures/real-bugs/blind2.txt")).unwrap();
        let blocking = more.iter().filter(|r| r.kind == Kind::Blocking);
        assert_eq!((more.len(), blocking.count()), (58, 1));
    }

    #[test]
    fn a_path_of_one_step_takes_both_locks_there() {
        let records = parse(RECORDS).unwrap();
        let record = records.iter().find(|r| r.id == "PE22").unwrap();
        assert_eq!(record.paths.len(), 2);
        assert_eq!(record.paths[0].last(), &record.paths[0].first);
        assert_eq!(record.paths[0].first.line, 520);
        assert_eq!(record.paths[1].first.function, "local_url");
    }

    #[test]
    fn errors_name_the_line() {
        let error = parse("[X1] conflict E a/b 2020-01-01\n  A file fn").unwrap_err();
        assert!(format!("{error:#}").starts_with("line 2: "), "{error:#}");
        assert!(parse("[X1] conflict E a/b 2020-01-01\n").is_err());
        assert!(parse("  buggy 12\n").is_err());
    }
}
