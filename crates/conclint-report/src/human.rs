//! For people: a header, then each path drawn into its source lines.
//!
//! The last step of a path is its primary label, the steps before it are
//! secondary: where the first lock is held, and the calls on the way. A
//! finding with several paths shows the first below its header and each
//! further one below a note of its own, so that two threads never share a
//! snippet. Of very many paths the last ones are named by their lines only.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use codespan_reporting::diagnostic::{Diagnostic, Label, LabelStyle};
use codespan_reporting::files::{Error as FilesError, SimpleFiles};
use codespan_reporting::term::{self, Config, termcolor};
use conclint_diag::{Confidence, Finding, Severity, Span, Step, Trace, Unparsed};

use crate::text::{one_line, printable};
use crate::{Report, Sources};

/// A line longer than this is generated or hostile; it is named, not drawn.
const LONGEST_LINE: usize = 1_000;

pub(crate) fn write(report: &Report<'_>, color: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut painter = Painter::new(report.sources);
    for finding in report.findings.iter().filter(|f| f.suppressed.is_none()) {
        for diagnostic in painter.diagnostics(finding) {
            painter.emit(&diagnostic, color, out)?;
        }
    }
    unparsed(report, out)?;
    writeln!(out, "{}", report.closing())
}

/// So many paths of a finding are drawn; of the others it is said where they end.
const DRAWN: usize = 4;
/// And of so many of them.
const LISTED: usize = 12;

/// So many of the items that were not parsed are named.
const NAMED: usize = 3;

/// Names a few of the items that were not parsed; those that matter were
/// remarked upon while reading.
fn unparsed(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let items = report.summary.unparsed.iter();
    let items: Vec<&Unparsed> = items.filter(|item| !item.matters()).collect();
    for item in items.iter().take(NAMED) {
        let Unparsed {
            file,
            line,
            what,
            why,
            ..
        } = item;
        let text = format!("not parsed: {file}:{line}: {what}: {why}");
        writeln!(out, "{}", one_line(&text))?;
    }
    let more = items.len().saturating_sub(NAMED);
    if more > 0 {
        writeln!(out, "not parsed: {more} more, all in `--format json`")?;
    }
    Ok(())
}

/// Draws diagnostics; loads a file the first time something points into it.
struct Painter<'a> {
    sources: &'a Sources,
    files: SimpleFiles<String, String>,
    loaded: BTreeMap<&'a str, Option<Loaded>>,
    config: Config,
}

struct Loaded {
    id: usize,
    /// Where each line starts, and the end of the text.
    starts: Vec<usize>,
}

impl<'a> Painter<'a> {
    fn new(sources: &'a Sources) -> Self {
        Painter {
            sources,
            files: SimpleFiles::new(),
            loaded: BTreeMap::new(),
            config: Config::default(),
        }
    }

    /// One diagnostic for each path.
    fn diagnostics(&mut self, finding: &'a Finding) -> Vec<Diagnostic<usize>> {
        let several = finding.paths.len() > 1;
        let mut out = Vec::new();
        for (i, path) in finding.paths.iter().take(DRAWN).enumerate() {
            let mut diagnostic = if i == 0 {
                Diagnostic::new(severity(finding.severity))
                    .with_code(format!("{} {}", finding.code, finding.rule))
                    .with_message(one_line(&finding.message))
            } else {
                Diagnostic::note().with_message(one_line(&path.title))
            };
            self.draw(path, &mut diagnostic);
            if i == 0 && several && !path.title.is_empty() {
                diagnostic.notes.push(one_line(&path.title).into_owned());
            }
            out.push(diagnostic);
        }
        if let Some(last) = out.last_mut() {
            last.notes.extend(not_drawn(finding));
            last.notes.extend(
                finding
                    .help
                    .iter()
                    .map(|help| format!("help: {}", one_line(help))),
            );
            if finding.confidence != Confidence::High {
                last.notes
                    .push(format!("confidence: {}", finding.confidence));
            }
        }
        out
    }

    /// Adds a label for each step, or a note where its line cannot be shown.
    fn draw(&mut self, path: &'a Trace, diagnostic: &mut Diagnostic<usize>) {
        let numbered = path.steps.len() > 2;
        let mut function = None;
        for (i, step) in path.steps.iter().enumerate() {
            let mut text = if numbered {
                format!("{}. ", i + 1)
            } else {
                String::new()
            };
            text.push_str(&one_line(&step.what));
            if i > 0 && function != Some(&step.function) && !step.function.is_empty() {
                text.push_str(&format!(", in {}", one_line(&step.function)));
            }
            function = Some(&step.function);
            let style = if i + 1 == path.steps.len() {
                LabelStyle::Primary
            } else {
                LabelStyle::Secondary
            };
            match self.locate(step) {
                Some((file, range)) => {
                    diagnostic
                        .labels
                        .push(Label::new(style, file, range).with_message(text));
                }
                None => {
                    let at = &step.span;
                    diagnostic.notes.push(format!(
                        "{}:{}:{}: {text}",
                        one_line(&at.file),
                        at.line,
                        at.column
                    ));
                }
            }
        }
    }

    /// The file and byte range of a step, cut to its first line.
    fn locate(&mut self, step: &'a Step) -> Option<(usize, Range<usize>)> {
        let span = &step.span;
        let (sources, files) = (self.sources, &mut self.files);
        let loaded = self
            .loaded
            .entry(&span.file)
            .or_insert_with(|| {
                let text = printable(sources.get(&span.file)?).into_owned();
                let starts = line_starts(&text);
                Some(Loaded {
                    id: files.add(one_line(&span.file).into_owned(), text),
                    starts,
                })
            })
            .as_ref()?;
        let text = self.files.get(loaded.id).ok()?.source();
        Some((loaded.id, bytes_of(span, text, &loaded.starts)?))
    }

    fn emit(
        &self,
        diagnostic: &Diagnostic<usize>,
        color: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let result = if color {
            let mut ansi = termcolor::Ansi::new(Vec::new());
            let drawn = term::emit_to_write_style(&mut ansi, &self.config, &self.files, diagnostic);
            drawn.and_then(|()| Ok(out.write_all(ansi.get_ref())?))
        } else {
            term::emit_to_io_write(&mut &mut *out, &self.config, &self.files, diagnostic)
        };
        result.map_err(|error| match error {
            FilesError::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

/// A line for each path that is not drawn, and does not end as another one:
/// where it ends, and what it is.
fn not_drawn(finding: &Finding) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for path in finding.paths.get(DRAWN..).unwrap_or_default() {
        let Some(last) = path.steps.last() else {
            continue;
        };
        let (file, title) = (one_line(&last.span.file), one_line(&path.title));
        let (line, column) = (last.span.line, last.span.column);
        let text = format!("{file}:{line}:{column}: {title}");
        if !lines.contains(&text) {
            lines.push(text);
        }
    }
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    lines.extend((more > 0).then(|| format!("and {more} more, all in `--format json`")));
    lines
}

fn severity(severity: Severity) -> codespan_reporting::diagnostic::Severity {
    use codespan_reporting::diagnostic::Severity as Out;
    match severity {
        Severity::Error => Out::Error,
        Severity::Warning => Out::Warning,
        Severity::Note => Out::Note,
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let mut starts: Vec<usize> = std::iter::once(0)
        .chain(text.match_indices('\n').map(|(i, _)| i + 1))
        .collect();
    starts.push(text.len());
    starts
}

/// The bytes of the first line that `span` covers. `None` where the text has
/// no such line or it is too long to show.
fn bytes_of(span: &Span, text: &str, starts: &[usize]) -> Option<Range<usize>> {
    let line = (span.line as usize).checked_sub(1)?;
    let (from, to) = (*starts.get(line)?, *starts.get(line + 1)?);
    let content = text.get(from..to)?.trim_end_matches(['\n', '\r']);
    if content.len() > LONGEST_LINE {
        return None;
    }
    let byte = |column: u32| {
        let column = (column as usize).saturating_sub(1);
        content
            .char_indices()
            .nth(column)
            .map_or(content.len(), |(i, _)| i)
    };
    let start = byte(span.column);
    let end = if span.end_line > span.line {
        content.trim_end().len()
    } else {
        byte(span.end_column)
    };
    Some(from + start..from + end.max(start))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Format;
    use crate::sample::{REGISTRY, Sample};

    #[test]
    fn draws_both_paths() {
        assert_eq!(
            Sample::inversion().render(Format::Human),
            "\
error[CL101 lock-order-inversion]: locks in opposite order
  ┌─ src/registry.rs:8:9
  │
3 │         let s = self.sessions.lock();
  │                 -------------------- 1. takes Registry.sessions
4 │         let name = s.get(&id);
5 │         self.forget(name);
  │         ----------------- 2. calls Registry::forget
  ·
8 │         self.users.lock().remove(name);
  │         ^^^^^^^^^^^^^^^^^ 3. takes Registry.users, in Registry::forget
  │
  = one thread: Registry.sessions, then Registry.users

note: another thread: Registry.users, then Registry.sessions
  ┌─ src/admin.rs:4:9
  │
2 │     let u = r.users.lock();
  │             -------------- takes Registry.users
3 │     for x in u.iter() {
4 │         r.sessions.lock().touch(x);
  │         ^^^^^^^^^^^^^^^^^ takes Registry.sessions
  │
  = help: take Registry.sessions first everywhere
  = confidence: medium

2 files, 20 lines, 2 locks, 2 spawns, 0 calls under a lock not resolved: 1 finding (1 error); 1 suppressed
"
        );
    }

    #[test]
    fn colour_only_when_asked() {
        let sample = Sample::inversion();
        assert!(!sample.render_with(Format::Human, false).contains('\u{1b}'));
        assert!(sample.render_with(Format::Human, true).contains("\u{1b}["));
    }

    #[test]
    fn escape_codes_of_the_source_do_not_reach_the_terminal() {
        let mut sample = Sample::inversion();
        let hostile = REGISTRY.replace("self.users", "self\u{1b}]0;x\u{7}.users");
        sample
            .sources
            .insert(Arc::from("src/registry.rs"), Arc::from(hostile));
        sample.findings[0].message = "a \u{1b}[2J b".to_owned();
        sample.findings[0].paths[0].steps[0].what = "takes \u{1b}[31m".to_owned();
        assert!(!sample.render(Format::Human).contains('\u{1b}'));
        assert!(!sample.render(Format::Short).contains('\u{1b}'));
    }

    #[test]
    fn of_many_paths_the_last_ones_are_lines() {
        let mut sample = Sample::inversion();
        let second = sample.findings[0].paths[1].clone();
        let paths = &mut sample.findings[0].paths;
        for line in 100..130 {
            let mut path = second.clone();
            path.title = format!("path {line}");
            path.steps.last_mut().unwrap().span.line = line;
            paths.extend((line == 110).then(|| path.clone()));
            paths.push(path);
        }
        let text = sample.render(Format::Human);
        // Two of their own, and two: the third is a line.
        assert!(text.contains("note: path 101\n"), "{text}");
        assert!(!text.contains("note: path 102"), "{text}");
        let line = "= src/admin.rs:102:9: path 102\n";
        assert_eq!(text.matches(line).count(), 1, "{text}");
        assert!(text.contains("path 113\n"), "{text}");
        assert!(!text.contains("path 114"), "{text}");
        let more = "= and 16 more, all in `--format json`\n";
        assert!(text.contains(more), "{text}");
    }

    #[test]
    fn a_line_that_cannot_be_shown_is_named() {
        let mut sample = Sample::inversion();
        sample
            .sources
            .insert(Arc::from("src/admin.rs"), Arc::from("x".repeat(5_000)));
        let text = sample.render(Format::Human);
        assert!(
            text.contains("= src/admin.rs:2:13: takes Registry.users"),
            "{text}"
        );
        assert!(!text.contains("xxxx"));
        sample.sources.clear();
        assert!(
            sample
                .render(Format::Human)
                .contains("= src/registry.rs:8:9: 3. takes Registry.users")
        );
    }

    #[test]
    fn spans_outside_the_text_are_cut() {
        let span = |line, column, end_line, end_column| Span {
            file: Arc::from("x"),
            line,
            column,
            end_line,
            end_column,
        };
        let text = "aé\r\nbc\n";
        let starts = line_starts(text);
        assert_eq!(bytes_of(&span(1, 2, 1, 3), text, &starts), Some(1..3));
        assert_eq!(bytes_of(&span(1, 2, 2, 1), text, &starts), Some(1..3));
        assert_eq!(bytes_of(&span(2, 9, 2, 1), text, &starts), Some(7..7));
        assert_eq!(bytes_of(&span(3, 1, 3, 1), text, &starts), Some(8..8));
        assert_eq!(bytes_of(&span(4, 1, 4, 1), text, &starts), None);
        assert_eq!(bytes_of(&span(0, 0, 0, 0), text, &starts), None);
    }

    #[test]
    fn names_what_was_not_parsed() {
        let mut sample = Sample::inversion();
        sample.summary.unparsed = (1..=10).map(crate::sample::unparsed).collect();
        let text = sample.render(Format::Human);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("not parsed"))
            .collect();
        assert_eq!(
            lines,
            [
                "not parsed: src/macros.rs:1: macro `select!`: expected `,`",
                "not parsed: src/macros.rs:3: macro `select!`: expected `,`",
                "not parsed: src/macros.rs:5: macro `select!`: expected `,`",
                "not parsed: 2 more, all in `--format json`",
            ]
        );
    }
}
