//! Lines changed since a revision.
//!
//! git is asked for the contents of that revision and nothing else: no work
//! tree, no index, no filter, hook or helper of the repository runs, nothing
//! is fetched and nothing is written. The comparison is our own. A file that
//! the revision does not have is new, all of it; renames are not followed.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use conclint_diag::{Finding, Span};
use similar::{DiffTag, TextDiff};

use crate::Error;

/// Lines of the texts as they are now, by the paths of findings.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    by_file: BTreeMap<Arc<str>, Lines>,
}

#[derive(Debug)]
enum Lines {
    All,
    /// First and last line of each change, from 1.
    Some(Vec<(u32, u32)>),
}

/// A text to compare.
pub(crate) struct Text<'a> {
    /// As findings name it.
    pub(crate) shown: &'a Arc<str>,
    /// From the root of the repository.
    pub(crate) in_repository: String,
    pub(crate) now: &'a str,
}

impl Changes {
    /// Compares `texts` with the revision `rev` of the repository around `dir`.
    pub(crate) fn since(rev: &str, dir: &Path, texts: &[Text<'_>]) -> Result<Self, Error> {
        let commit = commit(rev, dir)?;
        let before = contents(&commit, dir, texts).map_err(|error| failed(rev, &error))?;
        let by_file = texts
            .iter()
            .zip(before)
            .map(|(text, before)| {
                let lines = match before {
                    Some(before) => Lines::Some(changed(&before, text.now)),
                    None => Lines::All,
                };
                (text.shown.clone(), lines)
            })
            .collect();
        Ok(Changes { by_file })
    }

    /// Whether a step of the finding stands on a changed line.
    pub(crate) fn touch(&self, finding: &Finding) -> bool {
        let mut steps = finding.paths.iter().flat_map(|path| &path.steps);
        steps.any(|step| self.touched(&step.span))
    }

    fn touched(&self, span: &Span) -> bool {
        let last = span.end_line.max(span.line);
        match self.by_file.get(&span.file) {
            None => false,
            Some(Lines::All) => true,
            Some(Lines::Some(ranges)) => ranges
                .iter()
                .any(|&(from, to)| from <= last && span.line <= to),
        }
    }
}

/// Changed lines of `now`. Where lines were taken out, their neighbours count:
/// what stands there means something else than before.
fn changed(before: &str, now: &str) -> Vec<(u32, u32)> {
    let (before, now) = (before.replace("\r\n", "\n"), now.replace("\r\n", "\n"));
    if before == now {
        return Vec::new();
    }
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    TextDiff::from_lines(&*before, &*now)
        .ops()
        .iter()
        .filter(|op| op.tag() != DiffTag::Equal)
        .map(|op| {
            let range = op.new_range();
            if range.is_empty() {
                (number(range.start), number(range.start + 1))
            } else {
                (number(range.start + 1), number(range.end))
            }
        })
        .collect()
}

fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("--no-optional-locks")
        .arg("--no-replace-objects")
        .args(["-c", "core.fsmonitor=false"])
        .current_dir(dir)
        // A partial clone would run what its configuration names.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// The commit that `rev` names.
fn commit(rev: &str, dir: &Path) -> Result<String, Error> {
    let output = git(dir)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{rev}^{{commit}}"))
        .output()
        .map_err(|error| failed(rev, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !text.is_empty() {
        return Ok(text);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Revision {
        revision: rev.to_owned(),
        reason: match said.lines().next() {
            Some(line) => line.to_owned(),
            None if is_shallow(dir) => {
                "no such revision in this shallow clone: fetch more of its history".to_owned()
            }
            None => "no such revision in this repository".to_owned(),
        },
    })
}

/// A clone without its older commits, as CI systems like to make them.
fn is_shallow(dir: &Path) -> bool {
    git(dir)
        .args(["rev-parse", "--is-shallow-repository"])
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"true"))
}

fn failed(rev: &str, error: &io::Error) -> Error {
    Error::Revision {
        revision: rev.to_owned(),
        reason: format!("git could not be asked: {error}"),
    }
}

/// What each text was in `commit`; `None` where it was not there or no text.
fn contents(commit: &str, dir: &Path, texts: &[Text<'_>]) -> io::Result<Vec<Option<String>>> {
    let mut child = git(dir)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (Some(mut input), Some(output)) = (input, output) else {
        return Err(io::Error::other("no pipe"));
    };
    let answers = thread::scope(|scope| {
        // Asked from a thread of its own, so that no pipe fills up.
        let asked = scope.spawn(move || -> io::Result<()> {
            for text in texts {
                // A line feed would be a second question.
                let path = text.in_repository.replace('\n', "\u{fffd}");
                writeln!(input, "{commit}:{path}")?;
            }
            Ok(())
        });
        let mut output = BufReader::new(output);
        let answers: io::Result<Vec<_>> = texts.iter().map(|_| answer(&mut output)).collect();
        drop(output);
        match asked.join() {
            Ok(Ok(())) => answers,
            Ok(Err(error)) => answers.and(Err(error)),
            Err(_) => Err(io::Error::other("the thread that asks has ended")),
        }
    });
    child.wait()?;
    answers
}

/// One answer of `cat-file --batch`: `<name> <kind> <size>` and the contents,
/// or a line that says why there are none.
fn answer(output: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    output.read_until(b'\n', &mut head)?;
    if head.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.trim_end().rsplit(' ');
    let (size, kind) = (words.next(), words.next());
    let Some(size) = size.and_then(|size| size.parse::<u64>().ok()) else {
        return Ok(None);
    };
    let mut contents = Vec::new();
    output.take(size).read_to_end(&mut contents)?;
    // The line feed after the contents.
    output.read_until(b'\n', &mut Vec::new())?;
    if kind != Some("blob") {
        return Ok(None);
    }
    let text = String::from_utf8(contents).ok();
    Ok(text.map(|text| match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_replaced_and_removed_lines() {
        let before = "a\nb\nc\nd\n";
        assert_eq!(changed(before, before), []);
        assert_eq!(changed(before, "a\r\nb\r\nc\r\nd\r\n"), []);
        assert_eq!(changed(before, "a\nb\nx\ny\nc\nd\n"), [(3, 4)]);
        assert_eq!(changed(before, "a\nX\nc\nd\n"), [(2, 2)]);
        assert_eq!(changed(before, "a\nb\nd\n"), [(2, 3)]);
        assert_eq!(changed("", "a\n"), [(1, 1)]);
        assert_eq!(changed("a\n", ""), [(0, 1)]);
    }

    #[test]
    fn a_span_is_touched_where_it_overlaps() {
        let file: Arc<str> = Arc::from("a.rs");
        let new: Arc<str> = Arc::from("new.rs");
        let changes = Changes {
            by_file: [
                (file.clone(), Lines::Some(vec![(3, 4), (9, 9)])),
                (new.clone(), Lines::All),
            ]
            .into(),
        };
        let at = |file: &Arc<str>, line, end_line| Span {
            file: file.clone(),
            line,
            column: 1,
            end_line,
            end_column: 1,
        };
        assert!(changes.touched(&at(&file, 4, 4)));
        assert!(changes.touched(&at(&file, 1, 3)));
        assert!(!changes.touched(&at(&file, 5, 8)));
        assert!(changes.touched(&at(&file, 5, 9)));
        assert!(changes.touched(&at(&new, 500, 500)));
        assert!(!changes.touched(&at(&Arc::from("other.rs"), 3, 3)));
    }

    #[test]
    fn answers_are_taken_apart() {
        let mut input: &[u8] =
            b"0a1b blob 3\nx\ny\nHEAD:no such missing\n0a1b tree 2\nzz\n0a blob 1\n\xff\n";
        let mut next = || answer(&mut input).unwrap();
        assert_eq!(next().as_deref(), Some("x\ny"));
        assert_eq!(next(), None);
        assert_eq!(next(), None, "a directory");
        assert_eq!(next(), None, "no text");
        assert!(answer(&mut input).is_err(), "nothing follows");
    }
}
