//! Feedback that teaches: what happened, why it matters, what to do, and the interleaving drawn on
//! the student's own lines. Never a hidden test's source or name.

mod drawing;
mod html;
mod markdown;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Assignment;
use crate::assignment::{AdviceFor, Criterion, Source, Visibility};
use crate::batch::Graded;
use crate::evidence::{Evidence, How, Kind, Lint, Seen};
use crate::rubric::{Mark, Outcome, Status, counted, describe};
use crate::text;

pub use drawing::{Drawing, Row};
pub use html::html;
pub use markdown::markdown;

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
        let fits = fits(criterion, &graded.evidence);
        if !criterion.advice.is_empty() && fits && (alone || headline.advice.is_empty()) {
            headline.advice.clone_from(&criterion.advice);
        }
        out.push(headline);
        if out.len() == MOST {
            break;
        }
    }
    out
}

/// The advice of `criterion` can be about what was seen to fail.
fn fits(criterion: &Criterion, evidence: &Evidence) -> bool {
    let Source::Explore(tests) = &criterion.source else {
        return true;
    };
    let Some(seen) = failing(evidence, tests, true) else {
        return true;
    };
    match seen.kind {
        _ if panics(seen) || timing(seen) => false,
        Kind::Deadlock | Kind::Livelock | Kind::Hangs => criterion.advice_for != AdviceFor::Values,
        _ => !needs_nothing(seen),
    }
}

/// The submission's own code panics.
fn panics(seen: &Seen) -> bool {
    seen.story.as_ref().is_some_and(|s| s.own_panic)
}

/// Only time stands between.
fn timing(seen: &Seen) -> bool {
    seen.story.as_ref().is_some_and(|s| s.timing)
}

/// No thread is interrupted, none runs out of its turn, and none comes too late.
fn needs_nothing(seen: &Seen) -> bool {
    let plain = ["", "it fails without any interruption"];
    let story = seen.story.as_ref();
    story.is_some_and(|s| s.deviations.is_empty() && plain.contains(&s.explanation.as_str()))
}

/// What a lost criterion has to say.
fn headline(criterion: &Criterion, mark: &Mark, graded: &Graded) -> Option<Headline> {
    match &criterion.source {
        Source::Compiles => compile(graded),
        Source::Run(tests) => test(&graded.evidence, tests, false),
        Source::Explore(tests) => test(&graded.evidence, tests, true),
        Source::Lints(lints) => counted(lints, &graded.evidence).next().map(|l| Headline {
            what: sentence(&text::clean(&l.message, 300)),
            why: read(l),
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

/// Where a lint reads what it says.
fn read(lint: &Lint) -> String {
    let paths: Vec<String> = match lint.paths.as_slice() {
        // The headline has the line of the only step.
        [one] if !one.contains(", ") => Vec::new(),
        [one] => vec![sentence(&text::clean(one, 300))],
        all => {
            let number = |(n, path): (usize, &String)| {
                format!("Path {}: {}.", n + 1, text::clean(path, 300))
            };
            all.iter().take(3).enumerate().map(number).collect()
        }
    };
    let rule = format!("The lint {} reads it in the source.", lint.rule);
    [vec![rule], paths].concat().join(" ")
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

fn failing<'a>(evidence: &'a Evidence, tests: &[String], explored: bool) -> Option<&'a Seen> {
    let bad = |s: &&Seen| !matches!(s.kind, Kind::Passed | Kind::Unclear);
    let seen = evidence.tests.iter().filter(bad);
    let mut fitting = seen.filter(|s| (s.how != How::Once) == explored && tests.contains(&s.test));
    fitting.next()
}

fn test(evidence: &Evidence, tests: &[String], explored: bool) -> Option<Headline> {
    let seen = failing(evidence, tests, explored)?;
    let why = match (seen.kind, seen.how) {
        (Kind::Hangs, _) => "The thread never comes to an operation that others can see.",
        (_, How::Once) => "It needs no unusual timing to go wrong.",
        (Kind::Deadlock, _) => {
            "No thread can go on: each waits for something that none of the others will do."
        }
        _ if needs_nothing(seen) => {
            "No thread is interrupted, and in the order drawn below the result is wrong."
        }
        _ => {
            "Threads can be interrupted between any two operations; in the order drawn below the \
             result is wrong."
        }
    };
    let advice = match (seen.kind, explored) {
        _ if timing(seen) => {
            "Do not rely on time: a thread may be held up for up to a second. Wait for the thing \
             itself, a notification, a message or the end of a thread, and not for as long as it \
             should take."
        }
        (Kind::Deadlock, _) => {
            "Look at who waits for what at the end of the drawing: one of them has to be released, \
             notified or closed before."
        }
        (Kind::Hangs, _) | (_, false) => "",
        _ if panics(seen) => {
            "Find out why it panics: what leads there is in the drawing, and what is wrong \
             afterwards may follow from it."
        }
        (Kind::Livelock, _) => {
            "Look at what the threads do over and over at the end of the drawing: what would have \
             to change so that they stop?"
        }
        _ if needs_nothing(seen) => "This is not about timing: follow the drawing from the top.",
        _ if seen.story.as_ref().is_some_and(|s| s.preemptions == 0) => {
            "Find in the drawing who has to wait for whom."
        }
        _ => {
            "Find in the drawing what another thread changes between two steps that belong \
             together, and make them one step."
        }
    };
    let at = seen.story.as_ref().and_then(|s| s.at.as_ref());
    let told = seen.story.as_ref().map_or("", |s| s.explanation.as_str());
    // What the headline says already.
    let what = describe(seen);
    let again = told
        .strip_prefix("it ")
        .is_some_and(|told| what.starts_with(told));
    let told = if again { "" } else { told };
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
        what: sentence(&what),
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
        let Some(seen) = failing(&graded.evidence, tests, explored) else {
            continue;
        };
        let Some(story) = seen.story.as_ref().filter(|s| !s.steps.is_empty()) else {
            continue;
        };
        if drawn.insert((&seen.test, &story.fingerprint)) {
            let title = criterion.title.clone();
            let what = sentence(&describe(seen));
            out.push(drawing::draw(title, what, story, &graded.submission.files));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Line, Story};

    const ADVICE: &str = "Keep the lock.";

    /// The headline of a criterion with this advice whose test came out as `kind`.
    fn told(advice_for: &str, kind: Kind, story: Story) -> Headline {
        let seen = Seen {
            test: "t".to_owned(),
            how: How::Explored(1),
            kind,
            reason: String::new(),
            schedules: 1,
            story: Some(story),
        };
        let evidence = Evidence {
            tests: vec![seen],
            ..Evidence::default()
        };
        let criterion = format!(
            "id = \"a\"\ntitle = \"a\"\npoints = 1\nsource = {{ explore = [\"t\"] }}\n\
             advice = \"{ADVICE}\"\nadvice-for = \"{advice_for}\""
        );
        let criterion: Criterion = toml::from_str(&criterion).unwrap();
        let mut headline = test(&evidence, &["t".to_owned()], true).unwrap();
        if fits(&criterion, &evidence) {
            headline.advice = criterion.advice;
        }
        headline
    }

    #[test]
    fn advice_is_given_where_it_applies() {
        let story = |deviations: usize, own_panic| Story {
            deviations: vec![(0, 0, 0); deviations],
            preemptions: deviations as u64,
            own_panic,
            ..Story::default()
        };
        let late = Story {
            timing: true,
            ..story(1, false)
        };
        let advice = |values, kind, story| told(values, kind, story).advice;
        assert_eq!(advice("values", Kind::Failed, story(1, false)), ADVICE);
        assert_eq!(advice("all", Kind::Deadlock, story(1, false)), ADVICE);
        assert_eq!(advice("all", Kind::Deadlock, story(0, false)), ADVICE);
        let others = [
            (
                "values",
                Kind::Deadlock,
                story(1, false),
                "Look at who waits",
            ),
            (
                "values",
                Kind::Livelock,
                story(1, false),
                "Look at what the threads do",
            ),
            (
                "all",
                Kind::Failed,
                story(1, true),
                "Find out why it panics",
            ),
            (
                "all",
                Kind::Failed,
                story(0, false),
                "This is not about timing",
            ),
            ("all", Kind::Failed, late, "Do not rely on time"),
        ];
        for (values, kind, story, begins) in others {
            let advice = advice(values, kind, story);
            assert!(advice.starts_with(begins), "{advice}");
        }
    }

    #[test]
    fn a_thread_that_comes_too_late_is_about_timing() {
        let story = Story {
            explanation: "the test fails while thread 1 has not begun".to_owned(),
            ..Story::default()
        };
        assert_eq!(told("all", Kind::Failed, story.clone()).advice, ADVICE);
        let seen = told("values", Kind::Crashed, story);
        assert_eq!(seen.why, "The test fails while thread 1 has not begun.");
    }

    #[test]
    fn nothing_is_said_twice() {
        let story = Story {
            explanation: "it fails without any interruption".to_owned(),
            ..Story::default()
        };
        let told = told("all", Kind::Failed, story);
        assert_eq!(told.what, "Fails without any interruption.");
        assert_eq!(
            told.why,
            "No thread is interrupted, and in the order drawn below the result is wrong."
        );
    }

    #[test]
    fn a_lint_names_the_lines_of_all_paths() {
        let lint = |paths: &[&str]| Lint {
            rule: "lock-order-inversion".to_owned(),
            code: "CL101".to_owned(),
            severity: "error".to_owned(),
            confidence: "high".to_owned(),
            message: "opposite orders".to_owned(),
            at: Line {
                file: "src/lib.rs".to_owned(),
                line: 81,
            },
            help: Vec::new(),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        };
        let rule = "The lint lock-order-inversion reads it in the source.";
        assert_eq!(read(&lint(&["starts a thread (line 81)"])), rule);
        assert_eq!(
            read(&lint(&[
                "takes a (line 81), takes b (line 82)",
                "takes b (line 73), takes a (line 76)"
            ])),
            format!(
                "{rule} Path 1: takes a (line 81), takes b (line 82). Path 2: takes b (line 73), \
                 takes a (line 76)."
            )
        );
    }
}
