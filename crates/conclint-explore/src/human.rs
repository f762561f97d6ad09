//! The result for people: a line a test, and the story of each failure.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::outcome::{Explored, Failure, Outcome, Place, Step, Stuck, TestResult, Verdict};

/// Longest timeline that is printed whole.
const SHOWN: usize = 60;

/// Source lines by file.
struct Sources<'a> {
    root: &'a Path,
    files: BTreeMap<PathBuf, Vec<String>>,
}

impl Sources<'_> {
    fn line(&mut self, place: &Place) -> String {
        let path = self.root.join(&place.file);
        let lines = self.files.entry(path).or_insert_with_key(|path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.lines().map(|l| l.trim().to_owned()).collect()
        });
        let index = (place.line as usize).wrapping_sub(1);
        lines.get(index).cloned().unwrap_or_default()
    }
}

/// Writes the result of a run.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let mut sources = Sources {
        root: &outcome.root,
        files: BTreeMap::new(),
    };
    for test in &outcome.tests {
        summary(out, test)?;
    }
    for test in &outcome.tests {
        if let Some(failure) = &test.result.failure {
            story(out, &mut sources, test, failure)?;
        }
    }
    totals(out, outcome)
}

fn summary(out: &mut dyn Write, test: &Explored) -> io::Result<()> {
    let r = &test.result;
    write!(
        out,
        "{:>12}  {} {}",
        r.verdict.text(),
        test.package,
        test.target
    )?;
    write!(out, "  {}", r.test)?;
    if !r.reason.is_empty() {
        write!(out, "  ({})", r.reason)?;
    }
    if r.executions > 0 {
        write!(out, "  [{}]", effort(r))?;
    }
    writeln!(out)
}

fn effort(r: &TestResult) -> String {
    let seconds = r.milliseconds / 1000;
    let tenths = r.milliseconds % 1000 / 100;
    let claim = match r.exhausted {
        Some(u32::MAX) if r.verdict == Verdict::Passed => "; all of them",
        _ => "",
    };
    let bound = match r.exhausted {
        Some(bound) if bound != u32::MAX && r.verdict == Verdict::Passed => {
            format!("; all with at most {bound} preemptions")
        }
        _ => String::new(),
    };
    format!(
        "{} schedules, {seconds}.{tenths} s{claim}{bound}",
        r.executions
    )
}

fn thread(failure: &Failure, id: usize) -> &str {
    failure.threads.get(id).map_or("?", String::as_str)
}

fn at(place: &Place) -> String {
    format!("{}:{}:{}", short(&place.file), place.line, place.column)
}

/// A file of a registry package or of a toolchain, without the machine's directories.
fn short(file: &str) -> &str {
    let after = |marker: &str| file.find(marker).map(|at| &file[at + marker.len()..]);
    if let Some(rest) = after("/registry/src/") {
        return rest.split_once('/').map_or(rest, |(_, rest)| rest);
    }
    after("/rustlib/src/rust/library/").unwrap_or(file)
}

fn story(
    out: &mut dyn Write,
    sources: &mut Sources<'_>,
    test: &Explored,
    failure: &Failure,
) -> io::Result<()> {
    let r = &test.result;
    writeln!(
        out,
        "\n{}: {} {}: {}",
        r.verdict.text(),
        test.package,
        test.target,
        r.test
    )?;
    for panicked in &failure.panics {
        writeln!(
            out,
            "  thread {} panicked at {}",
            thread(failure, panicked.thread),
            at(&panicked.place)
        )?;
        for line in panicked.message.lines() {
            writeln!(out, "    {line}")?;
        }
    }
    if let Some(last) = &failure.last {
        writeln!(
            out,
            "  {}; the last operation was at {}",
            failure.fingerprint,
            at(last)
        )?;
        writeln!(out, "    {}", sources.line(last))?;
    }
    for stuck in &failure.stuck {
        wait(out, sources, failure, stuck)?;
    }
    if let Some(cycle) = cycle(failure) {
        writeln!(out, "  cycle: {cycle}")?;
    }
    writeln!(out)?;
    timeline(out, sources, failure)?;
    let schedules = match r.executions {
        0 => String::new(),
        n => format!("found with schedule {n}; "),
    };
    writeln!(
        out,
        "  {schedules}{} deviations from the default schedule, {} preemptions",
        failure.deviations.len(),
        failure.preemptions
    )?;
    if failure.flags & 1 != 0 {
        writeln!(
            out,
            "  a sleep or a timeout ends here although other threads could move: the test may \
             only depend on timing"
        )?;
    }
    for (from, nth, to) in &r.unapplied {
        writeln!(
            out,
            "  no longer applies: decision {nth} of thread {from}, switch to thread {to}"
        )?;
    }
    if let Some(file) = &test.schedule_file {
        writeln!(out, "  replay: conclint replay {file}")?;
    }
    Ok(())
}

fn wait(
    out: &mut dyn Write,
    sources: &mut Sources<'_>,
    failure: &Failure,
    stuck: &Stuck,
) -> io::Result<()> {
    let what = match stuck.op.as_str() {
        "lock" | "read-lock" | "write-lock" => format!("waits to {} {}", stuck.op, stuck.object),
        "join" => "waits to join".to_owned(),
        "wait" if stuck.missed > 0 => format!(
            "waits on {}, which was notified {} times while nobody waited (a lost wake-up)",
            stuck.object, stuck.missed
        ),
        "wait" => format!("waits on {}, and nobody is left to notify it", stuck.object),
        "recv" => format!(
            "waits to receive from {}, whose senders are still alive",
            stuck.object
        ),
        "send" => format!("waits for room in {}", stuck.object),
        "scope-end" => "waits for the threads of its scope".to_owned(),
        _ if stuck.runnable => format!("keeps running: {} {}", stuck.op, stuck.object),
        op => format!("waits in {op} {}", stuck.object),
    };
    let whom: Vec<&str> = stuck
        .waits_for
        .iter()
        .map(|t| thread(failure, *t))
        .collect();
    let whom = if whom.is_empty() {
        String::new()
    } else {
        format!(" ({})", whom.join(", "))
    };
    writeln!(
        out,
        "  {} {what}{whom} at {}",
        thread(failure, stuck.thread),
        at(&stuck.place)
    )?;
    writeln!(out, "      {}", sources.line(&stuck.place))?;
    for held in &stuck.holds {
        writeln!(out, "    holds {} since {}", held.object, at(&held.place))?;
        writeln!(out, "      {}", sources.line(&held.place))?;
    }
    Ok(())
}

/// The threads of a wait-for cycle, where there is one.
fn cycle(failure: &Failure) -> Option<String> {
    let next = |id: usize| {
        let stuck = failure.stuck.iter().find(|s| s.thread == id)?;
        stuck.waits_for.first().copied()
    };
    for start in failure.stuck.iter().map(|s| s.thread) {
        let mut path = vec![start];
        while let Some(id) = path.last().copied().and_then(next) {
            if id == start {
                path.push(id);
                let names: Vec<&str> = path.iter().map(|t| thread(failure, *t)).collect();
                return Some(names.join(" -> "));
            }
            if path.contains(&id) {
                break;
            }
            path.push(id);
        }
    }
    None
}

fn timeline(out: &mut dyn Write, sources: &mut Sources<'_>, failure: &Failure) -> io::Result<()> {
    let steps: Vec<&Step> = failure.timeline.iter().collect();
    if steps.is_empty() {
        return Ok(());
    }
    let columns = steps.iter().map(|s| s.thread).max().unwrap_or(0) + 1;
    let width = if columns > 4 { 12 } else { 20 };
    write!(out, "   ")?;
    for id in 0..columns {
        write!(out, "{:width$}", clip(thread(failure, id), width - 1))?;
    }
    writeln!(out)?;
    let hidden = steps.len().saturating_sub(SHOWN);
    for (index, step) in steps.iter().enumerate() {
        if index < hidden {
            continue;
        }
        if index == hidden && hidden > 0 {
            writeln!(out, "   ... {hidden} earlier steps")?;
        }
        let mark = match (step.preempting, step.deviated) {
            (true, _) => ">>",
            (false, true) => " >",
            _ => "  ",
        };
        let what = if step.object.is_empty() {
            step.op.clone()
        } else {
            format!("{} {}", step.op, step.object)
        };
        write!(out, " {mark}{}", " ".repeat(width * step.thread))?;
        let rest = width * (columns - step.thread);
        write!(
            out,
            "{:rest$}",
            clip(&what, rest.saturating_sub(1).max(width))
        )?;
        let place = format!("{}:{}", short(&step.place.file), step.place.line);
        write!(out, " {place:24} {}", clip(&sources.line(&step.place), 60))?;
        if !step.note.is_empty() {
            write!(out, "  // {}", step.note)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

fn totals(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for test in &outcome.tests {
        *counts.entry(test.result.verdict.text()).or_insert(0) += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(v, n)| format!("{n} {v}")).collect();
    let schedules: u64 = outcome.tests.iter().map(|t| t.result.executions).sum();
    writeln!(
        out,
        "\n{} tests, {schedules} schedules: {} (rustc {})",
        outcome.tests.len(),
        if counts.is_empty() {
            "nothing to do".to_owned()
        } else {
            counts.join(", ")
        },
        outcome.rustc
    )
}
