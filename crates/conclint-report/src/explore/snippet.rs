//! The source lines of a failure, with what happens at each drawn in.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use codespan_reporting::diagnostic::{Diagnostic, Label, LabelStyle, Severity};
use codespan_reporting::files::{Error as FilesError, SimpleFiles};
use codespan_reporting::term::{self, Config, termcolor};
use conclint_diag::explore::{Explored, Failure, Place};

use crate::Sources;
use crate::summary::count;
use crate::text::{one_line, printable};

/// A line longer than this is generated or hostile; it is named, not drawn.
const LONGEST_LINE: usize = 1_000;
/// More labels than this hide the code they point at.
const MOST_LABELS: usize = 10;

/// Columns before the text of a note.
const MARGIN: usize = 8;

/// Draws the header of a failure and the lines it is about.
pub(super) fn write(
    out: &mut dyn Write,
    color: bool,
    sources: &Sources,
    test: &Explored,
    failure: &Failure,
    width: usize,
) -> io::Result<()> {
    // Who is to be blamed for a failure that only time stands before is not sure.
    let (severity, word, code) = match failure.kind.as_str() {
        kind @ "timing" => (Severity::Warning, "warning", kind),
        _ => (Severity::Error, "error", test.verdict.as_str()),
    };
    let title = format!(
        "{}: {}",
        one_line(&test.test),
        one_line(&failure.explanation)
    );
    let mut drawing = Drawing {
        sources,
        files: SimpleFiles::new(),
        loaded: BTreeMap::new(),
        diagnostic: Diagnostic::new(severity).with_code(code).with_message(wrap(
            &title,
            width,
            "[]: ".len() + word.len() + code.len(),
        )),
    };
    panics(&mut drawing, failure);
    waits(&mut drawing, failure);
    if failure.panics.is_empty()
        && failure.stuck.is_empty()
        && let Some(place) = &failure.place
    {
        drawing.point(LabelStyle::Primary, place, "the last operation before it");
    }
    interruptions(&mut drawing, failure);
    let names: Vec<&str> = failure.cycle.iter().map(|t| name(failure, *t)).collect();
    if let Some(first) = names.first() {
        drawing.note(&format!("cycle: {} -> {first}", names.join(" -> ")));
    }
    for note in &failure.notes {
        let text = wrap(&one_line(note), width.saturating_sub(MARGIN), 0);
        drawing.diagnostic.notes.push(text);
    }
    drawing.emit(out, color)
}

/// Breaks a text that does not fit at its spaces. The first line begins at column `used`.
fn wrap(text: &str, width: usize, used: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut column = used;
    for word in text.split(' ') {
        let length = word.chars().count();
        if !out.is_empty() {
            if column + 1 + length > width.max(40) {
                out.push_str("\n  ");
                column = 2;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(word);
        column += length;
    }
    out
}

pub(super) fn name(failure: &Failure, thread: usize) -> &str {
    failure.threads.get(thread).map_or("?", String::as_str)
}

fn panics(drawing: &mut Drawing<'_>, failure: &Failure) {
    for (index, panicked) in failure.panics.iter().enumerate() {
        let mut lines = panicked.message.lines();
        let first = lines.next().unwrap_or_default();
        let text = format!("{} panics: {first}", name(failure, panicked.thread));
        let style = match index {
            0 => LabelStyle::Primary,
            _ => LabelStyle::Secondary,
        };
        drawing.point(style, &panicked.place, &text);
        for line in lines {
            drawing.note(line);
        }
    }
}

fn waits(drawing: &mut Drawing<'_>, failure: &Failure) {
    for stuck in &failure.stuck {
        let who = name(failure, stuck.thread);
        let whom: Vec<&str> = stuck.waits_for.iter().map(|t| name(failure, *t)).collect();
        let mut text = format!("{who} {}", stuck.what);
        // Of threads that are stuck themselves, their own labels tell what they hold.
        let told = |w: &usize| failure.stuck.iter().any(|s| s.thread == *w);
        if !whom.is_empty() && !stuck.waits_for.iter().all(told) {
            text.push_str(&format!(", held by {}", whom.join(" and ")));
        }
        let style = if failure.cycle.is_empty() || failure.cycle.contains(&stuck.thread) {
            LabelStyle::Primary
        } else {
            LabelStyle::Secondary
        };
        drawing.point(style, &stuck.place, &text);
        for held in &stuck.holds {
            let text = format!("{who} holds `{}` from here", held.object);
            drawing.point(LabelStyle::Secondary, &held.place, &text);
        }
    }
}

/// Where the threads stood that a switch took the processor from.
fn interruptions(drawing: &mut Drawing<'_>, failure: &Failure) {
    let mut left_out = 0;
    for (index, event) in failure.timeline.iter().enumerate() {
        if !event.preempting || index == 0 {
            continue;
        }
        let Some(before) = failure.timeline.get(index - 1) else {
            continue;
        };
        let mut later = failure.timeline.iter().skip(index);
        if let Some(next) = later.find(|e| e.thread == before.thread) {
            let place = match next.package() {
                Some(package) => format!("inside {package} here"),
                None if next.op.ends_with("unlock") => "before the guard from here ends".to_owned(),
                None => "before this".to_owned(),
            };
            let text = format!(
                "{} is interrupted {place}, {} runs",
                name(failure, before.thread),
                name(failure, event.thread)
            );
            if drawing.diagnostic.labels.len() < MOST_LABELS {
                drawing.point(LabelStyle::Secondary, &next.place, &text);
            } else {
                left_out += 1;
            }
        }
    }
    if left_out > 0 {
        let more = count(left_out, "more switch", "more switches");
        drawing.note(&format!("and {more}, marked below"));
    }
}

struct Drawing<'a> {
    sources: &'a Sources,
    files: SimpleFiles<String, String>,
    loaded: BTreeMap<Arc<str>, Option<(usize, String)>>,
    diagnostic: Diagnostic<usize>,
}

impl Drawing<'_> {
    /// A label, or a note where the line cannot be shown.
    fn point(&mut self, style: LabelStyle, place: &Place, text: &str) {
        let text = one_line(text).into_owned();
        let labels = &mut self.diagnostic.labels;
        match located(self.sources, &mut self.files, &mut self.loaded, place) {
            Some((file, range)) if labels.len() < MOST_LABELS => {
                let same = |l: &Label<usize>| l.range == range && l.message == text;
                if !labels.iter().any(|l| l.file_id == file && same(l)) {
                    labels.push(Label::new(style, file, range).with_message(text));
                }
            }
            _ => self.diagnostic.notes.push(format!(
                "{}:{}:{}: {text}",
                one_line(&place.file),
                place.line,
                place.column
            )),
        }
    }

    fn note(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.diagnostic.notes.push(one_line(text).into_owned());
        }
    }

    fn emit(self, out: &mut dyn Write, color: bool) -> io::Result<()> {
        let config = Config::default();
        let result = if color {
            let mut ansi = termcolor::Ansi::new(Vec::new());
            term::emit_to_write_style(&mut ansi, &config, &self.files, &self.diagnostic)
                .and_then(|()| Ok(out.write_all(ansi.get_ref())?))
        } else {
            term::emit_to_io_write(&mut &mut *out, &config, &self.files, &self.diagnostic)
        };
        result.map_err(|error| match error {
            FilesError::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

/// The file and the bytes that a place stands for; the file is loaded at its first use.
fn located(
    sources: &Sources,
    files: &mut SimpleFiles<String, String>,
    loaded: &mut BTreeMap<Arc<str>, Option<(usize, String)>>,
    place: &Place,
) -> Option<(usize, Range<usize>)> {
    let entry = loaded.entry(place.file.clone()).or_insert_with(|| {
        let text = printable(sources.get(&place.file)?).into_owned();
        let id = files.add(one_line(&place.file).into_owned(), text.clone());
        Some((id, text))
    });
    let (id, text) = entry.as_ref()?;
    Some((*id, bytes_of(text, place)?))
}

/// The word at a place, or the macro call that starts there, to the end of its line.
fn bytes_of(text: &str, place: &Place) -> Option<Range<usize>> {
    let index = (place.line as usize).checked_sub(1)?;
    let line = text.split_inclusive('\n').nth(index)?;
    let from: usize = text.split_inclusive('\n').take(index).map(str::len).sum();
    let line = line.trim_end();
    if line.len() > LONGEST_LINE {
        return None;
    }
    let column = (place.column as usize).saturating_sub(1);
    let start = line.char_indices().nth(column)?.0;
    let rest = &line[start..];
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .unwrap_or(rest.len());
    let length = if rest[word..].starts_with('!') {
        rest.trim_end_matches([';', ',', '{', ' ']).len()
    } else {
        word.max(rest.chars().next().map_or(0, char::len_utf8))
    };
    Some(from + start..from + start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Place {
        Place {
            file: Arc::from("x"),
            line,
            column,
            function: String::new(),
        }
    }

    #[test]
    fn long_titles_are_broken_at_spaces() {
        let text = "one two three four five six seven eight nine ten";
        let broken = wrap(text, 40, 10);
        assert_eq!(
            broken,
            "one two three four five six\n  seven eight nine ten"
        );
        assert_eq!(wrap("", 40, 10), "");
    }

    #[test]
    fn words_and_macro_calls() {
        let text = "é.lock();\n    assert!(a, \"b\");\nhint::spin_loop();\n";
        let cut = |place| bytes_of(text, &place).map(|range| &text[range]);
        assert_eq!(cut(at(1, 3)), Some("lock"));
        assert_eq!(cut(at(2, 5)), Some("assert!(a, \"b\")"));
        assert_eq!(cut(at(3, 1)), Some("hint::spin_loop"));
        assert_eq!(cut(at(1, 2)), Some("."));
        assert_eq!(cut(at(1, 99)), None);
        assert_eq!(cut(at(9, 1)), None);
        assert_eq!(cut(at(0, 0)), None);
    }
}
