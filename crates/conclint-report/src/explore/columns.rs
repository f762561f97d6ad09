//! An interleaving: one column a thread, one row a step, and the source line
//! beside it.

use std::io::{self, Write};

use conclint_diag::explore::{Event, Failure, Place};

use super::snippet::name;
use crate::Sources;
use crate::summary::count;
use crate::text::one_line;

/// Longest timeline that is printed whole.
const SHOWN: usize = 60;
/// Of a longer one, how many rows of its beginning.
const HEAD: usize = 12;
/// Narrowest and widest column of a thread.
const COLUMN: (usize, usize) = (13, 30);
/// What is left to the source lines, at least.
const SOURCE: usize = 30;
/// The margin that marks switches.
const MARGIN: usize = 2;
/// Longest loop that is looked for.
const LONGEST_LOOP: usize = 12;

/// How a timeline is laid out.
struct Layout {
    /// Threads that have a column, in order; empty: too many, a row names its thread.
    threads: Vec<usize>,
    column: usize,
    /// Where a row names its thread, the width of that.
    names: usize,
    /// The width of all columns of steps together.
    steps: usize,
    /// For `src/lib.rs:12` or, where there is one file only, `12`.
    place: usize,
    /// The file of all steps, where there is only one.
    file: Option<String>,
    source: usize,
}

impl Layout {
    fn of(failure: &Failure, events: &[&Event], width: usize) -> Self {
        let width = width.clamp(60, 200);
        let mut threads: Vec<usize> = events.iter().map(|e| e.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        let mut files: Vec<&str> = events.iter().map(|e| &*e.place.file).collect();
        files.sort_unstable();
        files.dedup();
        let file = match files.as_slice() {
            [one] => Some((*one).to_owned()),
            _ => None,
        };
        let shown = |e: &&Event| place(e, file.is_some()).chars().count();
        let place = events.iter().map(shown).max().unwrap_or(0).min(20);
        let longest = events
            .iter()
            .map(|e| what(e, COLUMN.0).chars().count())
            .max();
        let names = threads.iter().map(|t| name(failure, *t).chars().count());
        let wanted = longest.unwrap_or(0).max(names.max().unwrap_or(0)) + 1;
        let count = threads.len().max(1);
        // The threads get more than half where they want it, and all but the least that the
        // source needs where they are many.
        let fixed = MARGIN + place + 2;
        let fair = (width * 3 / 5).saturating_sub(fixed) / count;
        let most = width.saturating_sub(fixed + SOURCE) / count;
        let column = wanted.min(fair.max(most.min(COLUMN.0)));
        let collapsed = column < COLUMN.0.min(wanted);
        let column = column.clamp(COLUMN.0, COLUMN.1);
        let (names, steps) = if collapsed {
            let longest = threads
                .iter()
                .map(|t| name(failure, *t).chars().count())
                .max();
            threads.clear();
            (
                longest.unwrap_or(0).min(18) + 2,
                wanted.clamp(COLUMN.0, COLUMN.1),
            )
        } else {
            (0, column * count)
        };
        Layout {
            threads,
            column,
            names,
            steps,
            place,
            file,
            source: width.saturating_sub(fixed + names + steps),
        }
    }

    fn indent(&self, thread: usize) -> usize {
        let index = self.threads.iter().position(|t| *t == thread);
        self.column * index.unwrap_or(0)
    }
}

fn place(event: &Event, one_file: bool) -> String {
    if one_file {
        event.place.line.to_string()
    } else {
        let file = one_line(&event.place.file);
        let tail: Vec<&str> = file.rsplit('/').take(2).collect();
        let file = match tail.as_slice() {
            [name, "src"] | [name] => (*name).to_owned(),
            [name, dir, ..] => format!("{dir}/{name}"),
            [] => String::new(),
        };
        format!("{}:{}", clip_left(&file, 14), event.place.line)
    }
}

/// What a step does, in at most `width` characters where it can be said in so few.
fn what(event: &Event, width: usize) -> String {
    let said = |note: &str| {
        let mut text = event.op.clone();
        for part in [&event.object, note] {
            if !part.is_empty() {
                text.push(' ');
                text.push_str(&one_line(part));
            }
        }
        text
    };
    let text = said(&event.note);
    // The old value of a store stands a few rows further up.
    match event.note.split_once(" (was ") {
        Some((new, _)) if text.chars().count() > width => said(new),
        _ => text,
    }
}

/// A row of the drawing.
enum Row {
    Step(Event),
    /// The last so many rows are repeated so often, and that is left out.
    Again(usize, usize),
}

/// Steps of one thread inside of dependencies that one line led to, as one: what a lock of another
/// crate does within says nothing to who wrote the line.
fn folded(steps: Vec<Event>) -> Vec<Event> {
    // Each with how many steps it stands for.
    let mut out: Vec<(Event, usize)> = Vec::with_capacity(steps.len());
    for event in steps {
        match out.last_mut() {
            Some((last, count)) if together(last, &event) => {
                *count += 1;
                // How it ends is what the next row follows from.
                last.note = event.note;
            }
            _ => out.push((event, 1)),
        }
    }
    let named = out.into_iter().map(|(mut event, count)| {
        if let Some(package) = event.package() {
            let how = match event.note.as_str() {
                note @ ("waits" | "timeout" | "spurious wake-up") => format!(", {note}"),
                _ => String::new(),
            };
            event.op = format!("{} in {package}{how}", steps_of(count));
            event.object = String::new();
            event.note = String::new();
        }
        event
    });
    named.collect()
}

/// Both are inside of dependencies, and one line of the project, or none, led to both.
fn together(last: &Event, event: &Event) -> bool {
    let (Some(before), Some(inside)) = (&last.inside, &event.inside) else {
        return false;
    };
    let line = |e: &Event, inside: &Place| (e.place != *inside).then_some(e.place.line);
    let same = match (line(last, before), line(event, inside)) {
        (None, None) => true,
        (one, other) => one == other && last.place.file == event.place.file,
    };
    same && last.thread == event.thread && !event.deviated && !event.preempting
}

/// The steps worth a row: a thread's start, or that it goes on after an operation, says nothing that the row of its
/// first operation does not say, and what is repeated is shown once.
fn rows(failure: &Failure) -> Vec<Row> {
    let steps = folded(steps(failure));
    let mut out = Vec::new();
    let mut at = 0;
    while at < steps.len() {
        let repeats = (1..=LONGEST_LOOP).find_map(|period| {
            let more = repeats(&steps, at, period);
            (more >= 3).then_some((period, more))
        });
        let (period, more) = repeats.unwrap_or((1, 0));
        let shown = steps.iter().skip(at).take(period);
        out.extend(shown.cloned().map(Row::Step));
        if more > 0 {
            out.push(Row::Again(period, more));
        }
        at += period * (1 + more);
    }
    out
}

/// `second` is what became of `first`.
fn begins(first: &Event, second: &Event) -> bool {
    first.note.is_empty()
        && (first.thread, &first.op, &first.object) == (second.thread, &second.op, &second.object)
        && first.place == second.place
}

/// How often the `period` steps from `at` on follow once more.
fn repeats(steps: &[Event], at: usize, period: usize) -> usize {
    let same = |a: &Event, b: &Event| {
        (a.thread, &a.op, &a.object, &a.place, &a.note)
            == (b.thread, &b.op, &b.object, &b.place, &b.note)
    };
    let mut next = at + period;
    while next < steps.len() && same(&steps[next], &steps[next - period]) {
        next += 1;
    }
    (next - at) / period - 1
}

fn steps(failure: &Failure) -> Vec<Event> {
    let mut out: Vec<Event> = Vec::with_capacity(failure.timeline.len());
    let mut mark = (false, false);
    for event in &failure.timeline {
        mark = (mark.0 || event.deviated, mark.1 || event.preempting);
        if matches!(event.op.as_str(), "start" | "exit" | "after") {
            continue;
        }
        let mut event = event.clone();
        (event.deviated, event.preempting) = std::mem::take(&mut mark);
        match out.last_mut() {
            // An operation that has to wait is one row, not two.
            Some(last) if event.note == "waits" && !event.deviated && begins(last, &event) => {
                last.note = event.note;
            }
            _ => out.push(event),
        }
    }
    out
}

/// Draws the interleaving in `width` columns.
pub(super) fn write(
    out: &mut dyn Write,
    sources: &Sources,
    failure: &Failure,
    width: usize,
) -> io::Result<()> {
    let rows = rows(failure);
    let hidden = rows.len().saturating_sub(SHOWN);
    let cut = if hidden > 0 {
        HEAD..HEAD + hidden
    } else {
        0..0
    };
    let shown = rows.iter().enumerate().filter(|(i, _)| !cut.contains(i));
    let events: Vec<&Event> = shown
        .filter_map(|(_, row)| match row {
            Row::Step(event) => Some(event),
            Row::Again(..) => None,
        })
        .collect();
    if events.is_empty() {
        return Ok(());
    }
    let layout = Layout::of(failure, &events, width);
    header(out, &layout, failure)?;
    let mut before: Option<&Event> = None;
    for (index, row) in rows.iter().enumerate() {
        let shown = !cut.contains(&index);
        if index == cut.start && !shown {
            writeln!(
                out,
                "  ... {} (all of them: --format json)",
                steps_of(hidden)
            )?;
        }
        match row {
            Row::Step(event) => {
                if shown {
                    interruption(out, failure, before, event, width)?;
                    step(out, sources, &layout, failure, event)?;
                }
                before = Some(event);
            }
            Row::Again(1, times) if shown => {
                writeln!(
                    out,
                    "  ... the same {} more",
                    count(*times, "time", "times")
                )?;
            }
            Row::Again(steps, times) if shown => {
                let times = count(*times, "time", "times");
                writeln!(out, "  ... these {steps} steps {times} more")?;
            }
            Row::Again(..) => {}
        }
    }
    if failure.omitted > 0 {
        let omitted = usize::try_from(failure.omitted).unwrap_or(usize::MAX);
        writeln!(out, "  ({} of the middle were not kept)", steps_of(omitted))?;
    }
    Ok(())
}

fn steps_of(n: usize) -> String {
    count(n, "step", "steps")
}

/// Says that a thread was interrupted which could have gone on.
fn interruption(
    out: &mut dyn Write,
    failure: &Failure,
    before: Option<&Event>,
    event: &Event,
    width: usize,
) -> io::Result<()> {
    let Some(before) = before.filter(|b| event.preempting && b.thread != event.thread) else {
        return Ok(());
    };
    let text = format!(
        ">> {} is interrupted, {} runs",
        one_line(name(failure, before.thread)),
        one_line(name(failure, event.thread))
    );
    writeln!(out, "{}", clip(&text, width))
}

fn header(out: &mut dyn Write, layout: &Layout, failure: &Failure) -> io::Result<()> {
    let mut line = " ".repeat(MARGIN);
    for thread in &layout.threads {
        let name = one_line(name(failure, *thread));
        line.push_str(&fit(&name, layout.column));
    }
    if layout.threads.is_empty() {
        line.push_str(&fit("thread", layout.names));
        line.push_str(&fit("step", layout.steps));
    }
    line.push_str(layout.file.as_deref().unwrap_or("source"));
    writeln!(out, "{}", line.trim_end())
}

fn step(
    out: &mut dyn Write,
    sources: &Sources,
    layout: &Layout,
    failure: &Failure,
    event: &Event,
) -> io::Result<()> {
    let mark = if event.deviated && !event.preempting {
        "> "
    } else {
        "  "
    };
    let mut line = String::from(mark);
    if layout.threads.is_empty() {
        let name = one_line(name(failure, event.thread));
        line.push_str(&fit(&name, layout.names));
        line.push_str(&fit(&what(event, layout.steps - 1), layout.steps));
    } else {
        line.push_str(&" ".repeat(layout.indent(event.thread)));
        // To the right of its own column the row is free.
        let free = layout.steps - layout.indent(event.thread);
        line.push_str(&fit(&what(event, free - 1), free));
    }
    let place = place(event, layout.file.is_some());
    line.push_str(&format!("{place:>width$}  ", width = layout.place));
    line.push_str(&clip(&text_of(sources, event), layout.source));
    writeln!(out, "{}", line.trim_end())
}

/// The trimmed source line of a step. A guard is dropped without a line of its own.
fn text_of(sources: &Sources, event: &Event) -> String {
    if event.op.ends_with("unlock") {
        return format!("(the guard of line {} ends)", event.place.line);
    }
    let index = (event.place.line as usize).wrapping_sub(1);
    let text = sources.get(&event.place.file);
    let line = text.and_then(|t| t.lines().nth(index)).unwrap_or_default();
    one_line(line.trim()).into_owned()
}

/// Exactly `width` characters, the last of them a space.
fn fit(text: &str, width: usize) -> String {
    let text = clip(text, width.saturating_sub(1));
    format!("{text:width$}")
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

fn clip_left(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let tail: String = text.chars().skip(count + 1 - width).collect();
    format!("…{tail}")
}
