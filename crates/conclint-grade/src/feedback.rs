//! Feedback that teaches: what happened, why it matters, what to do, and the interleaving drawn on
//! the student's own lines. Never a hidden test's source or name.

mod html;
mod markdown;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Assignment;
use crate::assignment::{Criterion, Source, Visibility};
use crate::batch::Graded;
use crate::evidence::{How, Kind, Seen, Story};
use crate::rubric::{Mark, Outcome, Status, counted, describe};
use crate::text;

pub use html::html;
pub use markdown::markdown;

/// Rows of a drawing; the middle of a longer one is left out.
const ROWS: usize = 36;
/// Comments at the top, and drawings.
const MOST: usize = 3;

/// One of at most three comments at the top.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    /// What is wrong.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub advice: String,
    /// The submission's file, where there is one.
    pub file: Option<String>,
    /// The line there; 0 without one.
    pub line: u32,
}

/// Everything on a student's page, not yet in any format.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The assignment's title.
    pub title: String,
    /// The submission's name.
    pub name: String,
    /// Points or what else became of it.
    pub result: String,
    /// Why there is no mark, and lateness.
    pub remarks: Vec<String>,
    /// At most three.
    pub headlines: Vec<Headline>,
    /// Criteria that a student may see now.
    pub criteria: Vec<Mark>,
    /// Failing schedules.
    pub drawings: Vec<Drawing>,
    /// What was left out or guessed on the way in.
    pub notes: Vec<String>,
}

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
    /// `src/lib.rs:12`, empty in the test.
    pub place: String,
    /// The source line, trimmed; empty in the test.
    pub code: String,
    /// The thread before it could have gone on.
    pub preempting: bool,
}

/// The most important things to say. The rubric's order counts: what is basic comes first there, and
/// a later criterion is often lost to the same mistake.
#[must_use]
pub fn headlines(assignment: &Assignment, graded: &Graded) -> Vec<Headline> {
    let lost = graded.marks.criteria.iter().filter(|m| {
        m.visibility == Visibility::Visible && matches!(m.status, Status::Lost | Status::Partly)
    });
    let told = lost.filter_map(|mark| {
        let all = &assignment.manifest.criteria;
        let criterion = all.iter().find(|c| c.id == mark.id)?;
        Some((criterion, headline(criterion, mark, graded)?))
    });
    let told: Vec<_> = told.collect();
    let same = |a: &Headline, b: &Headline| a.line != 0 && a.line == b.line && a.file == b.file;
    let mut out: Vec<Headline> = Vec::new();
    for (criterion, headline) in &told {
        if out.iter().any(|h| same(h, headline)) {
            continue;
        }
        // One mistake that costs several criteria is not what each of them is about.
        let alone = told.iter().filter(|(_, h)| same(h, headline)).count() < 2;
        let mut headline = headline.clone();
        if !criterion.advice.is_empty() && (alone || headline.advice.is_empty()) {
            headline.advice.clone_from(&criterion.advice);
        }
        out.push(headline);
        if out.len() == MOST {
            break;
        }
    }
    out
}

/// What a lost criterion has to say.
fn headline(criterion: &Criterion, mark: &Mark, graded: &Graded) -> Option<Headline> {
    match &criterion.source {
        Source::Compiles => compile(graded),
        Source::Run(tests) => test(graded, tests, false),
        Source::Explore(tests) => test(graded, tests, true),
        Source::Lints(lints) => counted(lints, &graded.evidence).next().map(|l| Headline {
            what: sentence(&text::clean(&l.message, 300)),
            why: format!("The lint {} reads it in the source.", l.rule),
            advice: l
                .help
                .first()
                .map_or(String::new(), |h| text::clean(h, 300)),
            file: Some(l.at.file.clone()),
            line: l.at.line,
        }),
        Source::NoPanic => Some(Headline {
            what: mark.reasons.first().cloned().unwrap_or_default(),
            why: "A panic in a thread takes its work with it, and poisons the locks it holds."
                .to_owned(),
            advice: String::new(),
            file: None,
            line: 0,
        }),
    }
}

fn compile(graded: &Graded) -> Option<Headline> {
    let error = graded.evidence.errors.first()?;
    Some(Headline {
        what: format!("It does not compile: {}", error.message),
        why: "Nothing else could be looked at.".to_owned(),
        advice: match error.message.starts_with("there is no `") {
            true => "Names and types have to be those of the starter.".to_owned(),
            false => "Build it with the starter's Cargo.toml before you hand it in: the compiler \
                      then says the same, and shows the code."
                .to_owned(),
        },
        file: error.file.clone(),
        line: error.line,
    })
}

fn failing<'a>(graded: &'a Graded, tests: &[String], explored: bool) -> Option<&'a Seen> {
    let bad = |s: &&Seen| !matches!(s.kind, Kind::Passed | Kind::Unclear);
    let seen = graded.evidence.tests.iter().filter(bad);
    let mut fitting = seen.filter(|s| (s.how != How::Once) == explored && tests.contains(&s.test));
    fitting.next()
}

fn test(graded: &Graded, tests: &[String], explored: bool) -> Option<Headline> {
    let seen = failing(graded, tests, explored)?;
    let why = match (seen.kind, seen.how) {
        (Kind::Hangs, _) => "The thread never comes to an operation that others can see.",
        (_, How::Once) => "It needs no unusual timing to go wrong.",
        (Kind::Deadlock, _) => {
            "No thread can go on: each waits for something that none of the others will do."
        }
        _ => {
            "Threads can be interrupted between any two operations; in the order drawn below the \
             result is wrong."
        }
    };
    let advice = match (seen.kind, explored) {
        (Kind::Deadlock, _) => {
            "Look at who waits for what at the end of the drawing: one of them has to be released, \
             notified or closed before."
        }
        (_, true) => {
            "Find in the drawing what another thread changes between two steps that belong \
             together, and make them one step."
        }
        _ => "",
    };
    let at = seen.story.as_ref().and_then(|s| s.at.as_ref());
    let told = seen.story.as_ref().map_or("", |s| s.explanation.as_str());
    // What was read off the schedule says more than the kind of failure.
    let why = match (seen.how, told) {
        (_, "") => why.to_owned(),
        (How::Once, told) => format!("{} {why}", sentence(told)),
        _ => sentence(told),
    };
    let own = seen
        .story
        .as_ref()
        .filter(|s| s.own_panic && s.panic != s.message);
    let why = match (own, at) {
        (Some(story), Some(at)) => {
            format!(
                "{why} Before that, {}:{} panics: {}.",
                at.file, at.line, story.panic
            )
        }
        _ => why,
    };
    Some(Headline {
        what: sentence(&describe(seen)),
        why,
        advice: advice.to_owned(),
        file: at.map(|a| a.file.clone()),
        line: at.map_or(0, |a| a.line),
    })
}

/// With a capital at the beginning and a full stop at the end.
fn sentence(text: &str) -> String {
    let mut out = text.to_owned();
    if let Some(first) = out.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    if !out.is_empty() && !out.ends_with(['.', '!', '?', '…']) {
        out.push('.');
    }
    out
}

/// The page for a student.
#[must_use]
pub fn page(assignment: &Assignment, graded: &Graded) -> Page {
    let marks = &graded.marks;
    let visible = |m: &&Mark| m.visibility == Visibility::Visible;
    let criteria: Vec<Mark> = marks.criteria.iter().filter(visible).cloned().collect();
    let mut remarks: Vec<String> = marks.reasons.iter().map(|r| text::clean(r, 300)).collect();
    if marks.late_percent > 0.0 {
        let percent = text::points(marks.late_percent);
        remarks.push(format!("{percent} per cent off for lateness."));
    }
    let hidden = criteria.len() < marks.criteria.len();
    if hidden {
        remarks.push("Some criteria are not shown now, so there is no total.".to_owned());
    }
    let result = match marks.points {
        Some(_) if hidden => "Graded".to_owned(),
        Some(points) => format!(
            "{} of {} points",
            text::points(points),
            text::points(marks.max_points)
        ),
        None => match marks.outcome {
            Outcome::Failed => {
                "Not graded: the grader failed. This is not your doing, and no zero.".to_owned()
            }
            Outcome::PartlyGraded => "Partly graded: a person will look at the rest.".to_owned(),
            outcome => format!("Not graded: {}", outcome.text()),
        },
    };
    Page {
        title: assignment.manifest.title.clone(),
        name: graded.submission.name.clone(),
        result,
        remarks,
        headlines: headlines(assignment, graded),
        drawings: drawings(assignment, graded),
        criteria,
        notes: graded.submission.notes.clone(),
    }
}

/// The drawings of failing schedules, each failure once.
fn drawings(assignment: &Assignment, graded: &Graded) -> Vec<Drawing> {
    let mut out = Vec::new();
    let mut drawn = BTreeSet::new();
    for criterion in &assignment.manifest.criteria {
        let (tests, explored) = match &criterion.source {
            Source::Run(tests) => (tests, false),
            Source::Explore(tests) => (tests, true),
            _ => continue,
        };
        let not_run = graded
            .marks
            .criteria
            .iter()
            .any(|m| m.id == criterion.id && m.status == Status::NotRun);
        if criterion.visibility != Visibility::Visible || not_run || out.len() == MOST {
            continue;
        }
        let Some(seen) = failing(graded, tests, explored) else {
            continue;
        };
        let Some(story) = seen.story.as_ref().filter(|s| !s.steps.is_empty()) else {
            continue;
        };
        if drawn.insert((&seen.test, &story.fingerprint)) {
            let title = criterion.title.clone();
            out.push(drawing(title, sentence(&describe(seen)), story, graded));
        }
    }
    out
}

fn drawing(title: String, what: String, story: &Story, graded: &Graded) -> Drawing {
    let source = |file: &str, line: u32| -> String {
        let bytes = graded.submission.files.get(file);
        let text = bytes
            .map(|b| String::from_utf8_lossy(b))
            .unwrap_or_default();
        let line = text.lines().nth((line as usize).saturating_sub(1));
        text::clean(line.unwrap_or_default(), 100)
    };
    let place = |at: Option<&crate::evidence::Line>| {
        at.map_or(String::new(), |l| format!("{}:{}", l.file, l.line))
    };
    let mut rows: Vec<Row> = story
        .steps
        .iter()
        .map(|step| Row {
            thread: step.thread,
            what: match &step.at {
                Some(_) => text::clean(&step.what, 80),
                None => "(in the test)".to_owned(),
            },
            place: place(step.at.as_ref()),
            code: step
                .at
                .as_ref()
                .map_or(String::new(), |l| source(&l.file, l.line)),
            preempting: step.preempting,
        })
        .collect();
    if rows.len() > ROWS {
        let left = rows.len() - ROWS;
        let gap = Row {
            what: format!("… {left} steps left out …"),
            ..Row::default()
        };
        rows.splice(8..8 + left, [gap]);
    }
    let most = rows.iter().map(|r| r.thread + 1).max().unwrap_or(1);
    Drawing {
        title,
        what,
        threads: (0..most)
            .map(|n| match n {
                0 => "test".to_owned(),
                n => format!("thread {n}"),
            })
            .collect(),
        rows,
        end: story
            .stuck
            .iter()
            .map(|s| {
                let who = match s.thread {
                    0 => "The test".to_owned(),
                    n => format!("Thread {n}"),
                };
                let at = place(s.at.as_ref());
                let at = if at.is_empty() {
                    String::new()
                } else {
                    format!(" ({at})")
                };
                let holds = if s.holds.is_empty() {
                    String::new()
                } else {
                    format!(", and holds `{}`", s.holds.join("`, `"))
                };
                format!("{who} {}{at}{holds}.", s.what)
            })
            .collect(),
    }
}
