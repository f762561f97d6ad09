//! What executions show that is no failure by itself. Of a `main`, work that is lost when it ends,
//! and output that is not the same under all schedules: a program without assertions has no other
//! way to tell that it is wrong. Of any test, that memory was taken to be stronger than it is.

use std::io::Write as _;

use crate::exec::Outcome;

/// More of an output is not compared.
const MOST: usize = 1 << 14;
/// How much of a line is shown.
const SHOWN: usize = 60;
/// Between lines, on the way from a child.
const LINE: char = '\u{1e}';

/// What has been seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// What the first execution printed: its lines in order of the alphabet, since threads may
    /// print in any order.
    first: Option<String>,
    /// What another one prints instead.
    other: String,
    /// Work that is lost.
    lost: String,
    /// Where it relies on weak memory.
    weak: String,
}

/// What goes to standard output in this process, from now on.
pub(super) struct Output(i32);

impl Output {
    pub(super) fn catch() -> Option<Self> {
        // SAFETY: makes a file in memory and puts it in standard output's place.
        let file = unsafe {
            let file = libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC);
            (file >= 0 && libc::dup2(file, 1) >= 0).then_some(file)
        };
        file.map(Self)
    }

    /// What has been printed since the last time.
    fn take(&self) -> String {
        let _ = std::io::stdout().flush();
        let mut bytes = vec![0_u8; MOST];
        // SAFETY: reads into the buffer, then empties the file.
        let length = unsafe {
            let length = libc::pread(self.0, bytes.as_mut_ptr().cast(), MOST, 0);
            libc::ftruncate(self.0, 0);
            libc::lseek(self.0, 0, libc::SEEK_SET);
            length
        };
        bytes.truncate(usize::try_from(length).unwrap_or(0));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Notes {
    /// Looks at an execution that has not failed. Where timeouts end early, all sorts of things
    /// may be printed.
    pub(super) fn look(&mut self, output: Option<&Output>, outcome: &Outcome, early: bool) {
        if let (Some(at), true) = (outcome.weak, self.weak.is_empty()) {
            let (file, line) = (at.file(), at.line());
            self.weak = format!("Relaxed taken as SeqCst ({file}:{line})");
        }
        let Some(said) = output.map(|output| sorted(&output.take())) else {
            return;
        };
        if early {
            return;
        }
        if let (Some(left), true) = (outcome.left.first(), self.lost.is_empty()) {
            let (name, at) = (&left.name, left.at);
            self.lost = format!(
                "main ends before {name} has ({}:{}), and what it still has to do is lost",
                at.file(),
                at.line()
            );
        }
        match &self.first {
            None => self.first = Some(said),
            Some(first) if self.other.is_empty() => {
                if let Some((one, two)) = differing(first, &said) {
                    self.other = format!("what it prints depends on the schedule: {one} or {two}");
                }
            }
            Some(_) => {}
        }
    }

    /// For a reader; empty where there is nothing to say.
    pub(super) fn text(&self) -> String {
        let all = [&self.weak, &self.lost, &self.other];
        let said = all.map(String::as_str).into_iter();
        let said: Vec<&str> = said.filter(|s| !s.is_empty()).collect();
        said.join("; ")
    }

    pub(super) fn write(&self) -> String {
        let first = self
            .first
            .as_ref()
            .map_or(String::new(), |f| format!("{LINE}{f}"));
        format!("{}\n{}\n{}\n{first}\n", self.other, self.lost, self.weak)
    }

    pub(super) fn read<'a>(mut line: impl FnMut() -> &'a str) -> Self {
        Self {
            other: line().to_owned(),
            lost: line().to_owned(),
            weak: line().to_owned(),
            first: line().strip_prefix(LINE).map(str::to_owned),
        }
    }
}

/// The lines that say something, in order. Times are another thing in each execution.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().filter(|l| !has_time(l)).collect();
    lines.sort_unstable();
    lines.join(&LINE.to_string())
}

/// `took 12.5ms`.
fn has_time(line: &str) -> bool {
    line.split(|c: char| c.is_whitespace() || ",;()[]{}=".contains(c))
        .any(|word| {
            let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let seconds = ["ns", "µs", "us", "ms", "s", "sec", "secs", "seconds"];
            unit.len() < word.len() && seconds.contains(&unit)
        })
}

/// The first lines that only one of both has, for a reader.
fn differing(one: &str, two: &str) -> Option<(String, String)> {
    if one == two {
        return None;
    }
    let (mut a, mut b) = (one.split(LINE).peekable(), two.split(LINE).peekable());
    while a.peek().is_some() && a.peek() == b.peek() {
        a.next();
        b.next();
    }
    let shown = |line: Option<&str>| match line.map(str::trim) {
        None | Some("") => "nothing".to_owned(),
        Some(line) if line.chars().count() > SHOWN => {
            let head: String = line.chars().take(SHOWN).collect();
            format!("`{head}…`")
        }
        Some(line) => format!("`{line}`"),
    };
    Some((shown(a.next()), shown(b.next())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_compared_as_sets_of_lines() {
        let differ = |a: &str, b: &str| differing(&sorted(a), &sorted(b));
        assert_eq!(differ("b\na\n", "a\nb\n"), None);
        assert_eq!(differ("took 3ms\n", "took 4ms\n"), None);
        let found = differ("a\nhits = 2\n", "hits = 1\na\n");
        assert_eq!(found, Some(("`hits = 2`".into(), "`hits = 1`".into())));
        assert_eq!(differ("a\n", ""), Some(("`a`".into(), "nothing".into())));
    }

    #[test]
    fn notes_cross_whole() {
        for first in [None, Some(String::new()), Some("a".to_owned())] {
            let notes = Notes {
                first,
                other: "o".to_owned(),
                lost: String::new(),
                weak: "w".to_owned(),
            };
            let text = notes.write();
            let mut lines = text.lines();
            assert_eq!(Notes::read(|| lines.next().unwrap_or_default()), notes);
        }
    }
}
