//! An interleaving as a table. Of a long one the rows are kept that the failure hangs on.

use std::collections::BTreeMap;

use crate::evidence::{Line, Step, Story, Waiting};
use crate::text;

/// Rows of a drawing, as long as those that the failure hangs on are no more.
const ROWS: usize = 36;
/// Rows that are kept at the beginning and at the end.
const ENDS: (usize, usize) = (3, 5);
/// Rows that are kept on both sides of an interruption, and of a step that the headline names.
const AROUND: usize = 3;
/// So few rows are not worth a gap.
const GAP: usize = 2;

/// An interleaving as a table: a column for each thread.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// The criterion that it takes the points of.
    pub title: String,
    /// What happens.
    pub what: String,
    /// Heads of the columns.
    pub threads: Vec<String>,
    /// Rows in order of time.
    pub rows: Vec<Row>,
    /// Who waits for what at the end.
    pub end: Vec<String>,
}

/// An operation.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The column.
    pub thread: usize,
    /// What is done.
    pub what: String,
    /// `src/lib.rs:12`, empty in the test and where a guard ends.
    pub place: String,
    /// The source line, trimmed, or which guard ends; empty in the test.
    pub code: String,
    /// The thread before it could have gone on.
    pub preempting: bool,
}

/// Draws `story`; `files` are the submission's.
pub(super) fn draw(
    title: String,
    what: String,
    story: &Story,
    files: &BTreeMap<String, Vec<u8>>,
) -> Drawing {
    let all: Vec<Row> = story.steps.iter().map(|step| row(step, files)).collect();
    let kept = kept(&story.steps, &all);
    let mut rows = Vec::new();
    let mut left = 0;
    for (index, row) in all.iter().enumerate() {
        if !kept[index] {
            left += 1;
            continue;
        }
        rows.extend(gap(left));
        left = 0;
        rows.push(row.clone());
    }
    rows.extend(gap(left));
    let most = all.iter().map(|r| r.thread + 1).max().unwrap_or(1);
    let threads = (0..most).map(|n| match n {
        0 => "test".to_owned(),
        n => format!("thread {n}"),
    });
    Drawing {
        title,
        what,
        threads: threads.collect(),
        rows,
        end: panic(story)
            .into_iter()
            .chain(story.stuck.iter().map(waiting))
            .collect(),
    }
}

fn gap(left: usize) -> Option<Row> {
    (left > 0).then(|| Row {
        what: match left {
            1 => "… 1 step left out …".to_owned(),
            left => format!("… {left} steps left out …"),
        },
        ..Row::default()
    })
}

/// Which rows are drawn.
fn kept(steps: &[Step], rows: &[Row]) -> Vec<bool> {
    let repeated = repeated(steps, rows);
    let mut out = vec![true; rows.len()];
    for around in (0..=AROUND).rev() {
        let matters = |index: usize| {
            let from = index.saturating_sub(around);
            let to = (index + around + 1).min(steps.len());
            steps[from..to].iter().any(|s| s.preempting || s.named)
        };
        let end = rows.len().saturating_sub(ENDS.1);
        for (index, kept) in out.iter_mut().enumerate() {
            let itself = steps[index].preempting || steps[index].named;
            let at_end = index < ENDS.0 || index >= end;
            // What goes round and round is shown twice, wherever it is.
            *kept = itself || (at_end || matters(index)) && !repeated[index];
        }
        if out.iter().filter(|kept| **kept).count() <= ROWS {
            break;
        }
    }
    fill(&mut out, &repeated);
    out
}

/// Draws more where there is room, the end first, and small gaps in any case.
fn fill(out: &mut [bool], repeated: &[bool]) {
    let mut room = ROWS.saturating_sub(out.iter().filter(|kept| **kept).count());
    for index in (0..out.len()).rev() {
        if room > 0 && !out[index] && !repeated[index] {
            out[index] = true;
            room -= 1;
        }
    }
    let mut from = 0;
    while from < out.len() {
        let length = out[from..].iter().take_while(|kept| !**kept).count();
        if length <= GAP {
            out[from..from + length].fill(true);
        }
        from += length.max(1);
    }
}

/// Rows that say once more what the last one to four have said.
fn repeated(steps: &[Step], rows: &[Row]) -> Vec<bool> {
    let mut out = vec![false; rows.len()];
    let same = |a: usize, b: usize| {
        let (a, b) = (&rows[a], &rows[b]);
        a.thread == b.thread && a.what == b.what && a.place == b.place && a.code == b.code
    };
    for period in 1..=4 {
        let mut from = period;
        while from < rows.len() {
            let again = |n: &usize| same(*n, n - period) && !steps[*n].named;
            let run = (from..rows.len()).take_while(again).count();
            // The first time and once more are drawn, so that it is seen to go round.
            if run > period + GAP {
                out[from + period..from + run].fill(true);
            }
            from += run.max(1);
        }
    }
    out
}

fn row(step: &Step, files: &BTreeMap<String, Vec<u8>>) -> Row {
    let at = step.at.as_ref();
    Row {
        thread: step.thread,
        what: match at {
            Some(_) => text::clean(&step.what, 80),
            None => "(in the test)".to_owned(),
        },
        place: place(at.filter(|_| !step.ends_guard)),
        code: at.map_or(String::new(), |at| match step.ends_guard {
            true => format!("(the guard of line {} ends)", at.line),
            false => source(at, files),
        }),
        preempting: step.preempting,
    }
}

fn place(at: Option<&Line>) -> String {
    at.map_or(String::new(), |l| format!("{}:{}", l.file, l.line))
}

fn source(at: &Line, files: &BTreeMap<String, Vec<u8>>) -> String {
    let bytes = files.get(&at.file);
    let text = bytes
        .map(|b| String::from_utf8_lossy(b))
        .unwrap_or_default();
    let line = text.lines().nth((at.line as usize).saturating_sub(1));
    text::clean(line.unwrap_or_default(), 100)
}

fn who(thread: usize) -> String {
    match thread {
        0 => "The test".to_owned(),
        n => format!("Thread {n}"),
    }
}

/// The submission's own panic, which has no row.
fn panic(story: &Story) -> Option<String> {
    let at = story.at.as_ref().filter(|_| story.own_panic)?;
    let who = who(story.panics);
    Some(format!(
        "{who} panics ({}:{}): {}",
        at.file, at.line, story.panic
    ))
}

/// Who waits for what at the end.
fn waiting(stuck: &Waiting) -> String {
    let who = match (stuck.thread, stuck.function.as_str()) {
        (0, function) if !function.is_empty() => format!("The test, in `{function}`,"),
        (thread, _) => who(thread),
    };
    let at = match place(stuck.at.as_ref()) {
        at if at.is_empty() => at,
        at => format!(" ({at})"),
    };
    let holds = match stuck.holds.is_empty() {
        true => String::new(),
        false => format!(", and holds {}", stuck.holds.join(", ")),
    };
    format!("{who} {}{at}{holds}.", stuck.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(thread: usize, what: &str, line: u32) -> Step {
        Step {
            thread,
            what: what.to_owned(),
            at: Some(Line {
                file: "src/lib.rs".to_owned(),
                line,
            }),
            ends_guard: what.starts_with("unlocks"),
            preempting: false,
            named: false,
        }
    }

    fn drawn(steps: Vec<Step>) -> Vec<Row> {
        let story = Story {
            steps,
            ..Story::default()
        };
        let text = b"let state = self.state.lock().unwrap();\nstate.0\n".to_vec();
        let files = BTreeMap::from([("src/lib.rs".to_owned(), text)]);
        draw(String::new(), String::new(), &story, &files).rows
    }

    #[test]
    fn a_release_has_no_line_of_its_own() {
        let rows = drawn(vec![
            step(1, "locks `state`", 1),
            step(1, "unlocks `state`", 1),
        ]);
        assert_eq!(rows[0].place, "src/lib.rs:1");
        assert_eq!(rows[0].code, "let state = self.state.lock().unwrap();");
        assert_eq!(rows[1].place, "");
        assert_eq!(rows[1].code, "(the guard of line 1 ends)");
    }

    #[test]
    fn the_end_says_who_waits_where_and_since_when() {
        let stuck = |function: &str, holds: &[&str]| Waiting {
            thread: 0,
            what: "waits to lock `state`".to_owned(),
            at: None,
            function: function.to_owned(),
            holds: holds.iter().map(|h| (*h).to_owned()).collect(),
        };
        assert_eq!(
            waiting(&stuck("Counter::mean", &["`state` (since line 21)"])),
            "The test, in `Counter::mean`, waits to lock `state`, and holds `state` (since line 21)."
        );
        assert_eq!(waiting(&stuck("", &[])), "The test waits to lock `state`.");
        let at = step(0, "", 45).at;
        let story = Story {
            own_panic: true,
            panics: 2,
            panic: "None".to_owned(),
            at,
            ..Story::default()
        };
        let end = draw(String::new(), String::new(), &story, &BTreeMap::new()).end;
        assert_eq!(end, ["Thread 2 panics (src/lib.rs:45): None"]);
    }

    #[test]
    fn what_the_failure_hangs_on_is_drawn() {
        let mut steps: Vec<Step> = (0..200).map(|n| step(1, &format!("step {n}"), n)).collect();
        steps[90].preempting = true;
        steps[40].named = true;
        let rows = drawn(steps);
        let shown = |n: u32| rows.iter().any(|r| r.what == format!("step {n}"));
        assert!([0, 37, 40, 43, 87, 90, 93, 199].into_iter().all(shown));
        assert!(![20, 60].into_iter().any(shown));
        let gaps = rows.iter().filter(|r| r.what.starts_with('…')).count();
        assert_eq!((rows.len(), gaps), (ROWS + 3, 3));
    }

    #[test]
    fn no_gap_takes_the_place_of_two_rows() {
        let steps = |n: u32| (0..n).map(|n| step(1, &format!("step {n}"), n)).collect();
        assert_eq!(drawn(steps(38)).len(), 38);
        let rows = drawn(steps(39));
        assert_eq!(rows[3].what, "… 3 steps left out …");
    }

    #[test]
    fn what_goes_round_is_drawn_twice() {
        let mut steps = vec![step(0, "starts", 9)];
        for _ in 0..30 {
            steps.extend([step(1, "reads", 1), step(1, "compares", 2)]);
        }
        steps.insert(41, step(2, "writes", 3));
        let rows = drawn(steps);
        let times = |what: &str| rows.iter().filter(|r| r.what == what).count();
        assert_eq!((times("reads"), times("writes")), (4, 1), "{rows:?}");
    }
}
