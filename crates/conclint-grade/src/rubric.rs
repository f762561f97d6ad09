//! From evidence to marks. Pure.

use serde::{Deserialize, Serialize};

use crate::assignment::{Assignment, Criterion, Source, Visibility};
use crate::evidence::{Evidence, Kind, Lint, Seen};
use crate::intake::LATE;
use crate::text;

/// What became of a submission as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every criterion was judged.
    Graded,
    /// Some criteria wait for a person.
    PartlyGraded,
    /// Nothing can be graded, by the submission's own doing.
    Ungradable,
    /// Nothing could be graded, by ours. Never a zero.
    Failed,
}

impl Outcome {
    /// The words for it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Outcome::Graded => "graded",
            Outcome::PartlyGraded => "partly graded",
            Outcome::Ungradable => "ungradable",
            Outcome::Failed => "failed",
        }
    }

    /// A person has to look before there is a mark.
    #[must_use]
    pub fn needs_human(self) -> bool {
        matches!(self, Outcome::PartlyGraded | Outcome::Failed)
    }
}

/// What became of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All points.
    Met,
    /// Some points.
    Partly,
    /// No points.
    Lost,
    /// What it needs is lost; no points, and no second blame.
    NotRun,
    /// A person has to look.
    Pending,
}

impl Status {
    /// The words for it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Status::Met => "met",
            Status::Partly => "partly met",
            Status::Lost => "lost",
            Status::NotRun => "not run",
            Status::Pending => "waits for a person",
        }
    }
}

/// A criterion's mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The criterion.
    pub id: String,
    /// For students.
    pub title: String,
    /// What became of it.
    pub status: Status,
    /// Points; `None` while it waits for a person.
    pub points: Option<f64>,
    /// Points to get.
    pub max_points: f64,
    /// Beyond the total.
    pub extra_credit: bool,
    /// Who sees it.
    pub visibility: Visibility,
    /// Why points are missing, a sentence each.
    pub reasons: Vec<String>,
}

/// A submission's marks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    /// As a whole.
    pub outcome: Outcome,
    /// Why, where it is not graded.
    pub reasons: Vec<String>,
    /// Points after lateness; `None` while there is no mark.
    pub points: Option<f64>,
    /// Points before lateness; of a partly graded submission, those that are certain.
    pub raw_points: f64,
    /// Points to get.
    pub max_points: f64,
    /// Per cent taken off for lateness.
    pub late_percent: f64,
    /// One for each criterion, in the rubric's order.
    pub criteria: Vec<Mark>,
}

/// To hundredths, so that sums of parts read well everywhere.
fn round(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

/// Marks for what was seen. `submitted_at` decides on lateness, where the assignment has a rule.
#[must_use]
pub fn marks(assignment: &Assignment, evidence: &Evidence, submitted_at: Option<&str>) -> Marks {
    let mut out = Marks {
        outcome: Outcome::Graded,
        reasons: Vec::new(),
        points: None,
        raw_points: 0.0,
        max_points: round(assignment.max_points()),
        late_percent: 0.0,
        criteria: Vec::new(),
    };
    if let Some(why) = &evidence.broken {
        out.outcome = Outcome::Failed;
        out.reasons.push(why.clone());
        return out;
    }
    out.reasons.extend(evidence.unreadable.iter().cloned());
    out.reasons
        .extend(evidence.refusals.iter().map(|r| match r.line {
            0 => format!("{}: {}", r.file, r.what),
            line => format!("{}:{line}: {}", r.file, r.what),
        }));
    if !out.reasons.is_empty() {
        out.outcome = Outcome::Ungradable;
        return out;
    }
    for criterion in &assignment.manifest.criteria {
        let mark = mark(criterion, evidence, &out.criteria);
        out.criteria.push(mark);
    }
    out.raw_points = round(out.criteria.iter().filter_map(|c| c.points).sum());
    if out.criteria.iter().any(|c| c.status == Status::Pending) {
        out.outcome = Outcome::PartlyGraded;
    }
    if let (Some(late), Some(time)) = (&assignment.manifest.late, submitted_at) {
        match late.penalty(time) {
            Some(percent) => out.late_percent = percent,
            None => {
                out.outcome = Outcome::PartlyGraded;
                out.reasons.push(if time == LATE {
                    "handed in late, and the time is not known".to_owned()
                } else {
                    format!(
                        "the time of submission is unreadable: {}",
                        text::clean(time, 40)
                    )
                });
            }
        }
    }
    if out.outcome == Outcome::Graded {
        out.points = Some(round(out.raw_points * (1.0 - out.late_percent / 100.0)));
    }
    out
}

fn mark(criterion: &Criterion, evidence: &Evidence, above: &[Mark]) -> Mark {
    let mut out = Mark {
        id: criterion.id.clone(),
        title: criterion.title.clone(),
        status: Status::Met,
        points: Some(round(criterion.points)),
        max_points: round(criterion.points),
        extra_credit: criterion.extra_credit,
        visibility: criterion.visibility,
        reasons: Vec::new(),
    };
    let missing = |need: &&String| {
        let met = |m: &Mark| m.id == **need && matches!(m.status, Status::Met | Status::Partly);
        !above.iter().any(met)
    };
    if let Some(need) = criterion.needs.iter().find(missing) {
        let waits = |m: &Mark| m.id == *need && m.status == Status::Pending;
        out.status = if above.iter().any(waits) {
            Status::Pending
        } else {
            Status::NotRun
        };
        out.points = (out.status == Status::NotRun).then_some(0.0);
        out.reasons
            .push(match above.iter().find(|m| m.id == *need) {
                Some(m) if m.visibility == Visibility::Visible => {
                    format!("it needs \"{}\"", m.title)
                }
                _ => "it needs a criterion that is not shown".to_owned(),
            });
        return out;
    }
    let share = match &criterion.source {
        Source::Compiles => compiles(evidence, &mut out.reasons),
        Source::NoPanic => no_panic(evidence, &mut out.reasons),
        Source::Run(tests) => ran(criterion, tests, false, evidence, &mut out.reasons),
        Source::Explore(tests) => ran(criterion, tests, true, evidence, &mut out.reasons),
        Source::Lints(lints) => match &evidence.unlinted {
            None => Some(linted(criterion, lints, evidence, &mut out.reasons)),
            Some(limit) => {
                let reason = format!("a person has to look: the lints came to {limit}");
                out.reasons.push(reason);
                None
            }
        },
    };
    out.points = share.map(|share| round(criterion.points * share));
    out.status = match share {
        None => Status::Pending,
        Some(share) if share >= 1.0 => Status::Met,
        Some(share) if share > 0.0 => Status::Partly,
        Some(_) => Status::Lost,
    };
    out
}

/// The tests to explore, given what has run so far: those of criteria whose needs are met, or not
/// known yet.
pub(crate) fn reachable<'a>(assignment: &'a Assignment, evidence: &Evidence) -> Vec<&'a str> {
    let mut marks = Vec::new();
    let mut out: Vec<&str> = Vec::new();
    for criterion in &assignment.manifest.criteria {
        let mark = mark(criterion, evidence, &marks);
        if let Source::Explore(tests) = &criterion.source
            && mark.status != Status::NotRun
        {
            for test in tests {
                if !out.contains(&test.as_str()) {
                    out.push(test);
                }
            }
        }
        marks.push(mark);
    }
    out
}

fn compiles(evidence: &Evidence, reasons: &mut Vec<String>) -> Option<f64> {
    if evidence.compiled {
        return Some(1.0);
    }
    for error in &evidence.errors {
        reasons.push(match &error.file {
            Some(file) => format!("{file}:{}: {}", error.line, error.message),
            None => error.message.clone(),
        });
    }
    Some(0.0)
}

fn no_panic(evidence: &Evidence, reasons: &mut Vec<String>) -> Option<f64> {
    if !evidence.compiled {
        reasons.push("it does not compile".to_owned());
        return Some(0.0);
    }
    for seen in &evidence.tests {
        if let Some(story) = seen.story.as_ref().filter(|s| s.own_panic) {
            let reason = match &story.at {
                Some(at) => format!("{}:{} panics: {}", at.file, at.line, story.panic),
                None => format!("panics: {}", story.panic),
            };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    Some(if reasons.is_empty() { 1.0 } else { 0.0 })
}

/// What a failure is called in a sentence.
#[must_use]
pub fn describe(seen: &Seen) -> String {
    let story = seen.story.as_ref();
    let place = story.and_then(|s| s.at.as_ref());
    let at = place.map_or(String::new(), |at| format!(" ({}:{})", at.file, at.line));
    let said = story.map_or("", |s| s.message.as_str());
    let switches = match story.map_or(0, |s| s.preemptions) {
        _ if seen.how == crate::evidence::How::Once => String::new(),
        0 if story.is_some_and(|s| !s.deviations.is_empty()) => {
            " when the threads run in another order".to_owned()
        }
        0 => " without any interruption".to_owned(),
        1 => " when a thread is interrupted once".to_owned(),
        n => format!(" when threads are interrupted {n} times"),
    };
    match seen.kind {
        Kind::Passed => "passes".to_owned(),
        Kind::Failed if said.is_empty() => format!("fails{switches}{at}"),
        Kind::Failed => format!("fails{switches}{at}: {said}"),
        Kind::Deadlock => format!("deadlock{switches}: threads wait for ever{at}"),
        Kind::Livelock => format!("livelock{switches}: threads are busy for ever{at}"),
        Kind::Crashed => format!("the process dies{switches}{at}"),
        Kind::Hangs => format!("a thread computes for ever{at}"),
        Kind::Unclear => format!("a person has to look: {}", seen.reason),
    }
}

fn ran(
    criterion: &Criterion,
    tests: &[String],
    explored: bool,
    evidence: &Evidence,
    reasons: &mut Vec<String>,
) -> Option<f64> {
    if !evidence.compiled {
        reasons.push("it does not compile".to_owned());
        return Some(0.0);
    }
    let (mut good, mut certain, mut unclear) = (0usize, false, false);
    for test in tests {
        let once = crate::evidence::How::Once;
        let runs = evidence
            .tests
            .iter()
            .filter(|s| s.test == *test && (s.how != once) == explored);
        let runs: Vec<&Seen> = runs.collect();
        let bad = |s: &&&Seen| !matches!(s.kind, Kind::Passed | Kind::Unclear);
        if let Some(seen) = runs.iter().find(bad) {
            certain = true;
            reasons.push(describe(seen));
        } else if let Some(seen) = runs.iter().find(|s| s.kind == Kind::Unclear) {
            unclear = true;
            reasons.push(describe(seen));
        } else if runs.is_empty() {
            unclear = true;
            reasons.push("a test has no result".to_owned());
        } else {
            good += 1;
        }
    }
    // Several tests may fail for one reason.
    let mut told = Vec::new();
    reasons.retain(|reason| {
        let new = !told.contains(reason);
        told.push(reason.clone());
        new
    });
    if good == tests.len() {
        return Some(1.0);
    }
    if unclear && (criterion.each || !certain) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of tests")]
    let share = good as f64 / tests.len().max(1) as f64;
    Some(if criterion.each { share } else { 0.0 })
}

/// The findings that a criterion counts.
pub(crate) fn counted<'a>(
    lints: &'a [String],
    evidence: &'a Evidence,
) -> impl Iterator<Item = &'a Lint> {
    evidence.lints.iter().filter(move |finding| {
        finding.severity != "note"
            && finding.code != "CL001"
            && lints.iter().any(|l| {
                l == "grading" || *l == finding.rule || l.eq_ignore_ascii_case(&finding.code)
            })
    })
}

fn linted(
    criterion: &Criterion,
    lints: &[String],
    evidence: &Evidence,
    reasons: &mut Vec<String>,
) -> f64 {
    let mut seen: Vec<&str> = Vec::new();
    let mut costs = 0usize;
    for finding in counted(lints, evidence) {
        reasons.push(finding.reason());
        if !(criterion.deduct_once && seen.contains(&finding.rule.as_str())) {
            costs += 1;
        }
        seen.push(&finding.rule);
    }
    if costs == 0 {
        return 1.0;
    }
    match criterion.deduct {
        None => 0.0,
        Some(_) if criterion.points <= 0.0 => 0.0,
        #[expect(clippy::cast_precision_loss, reason = "a number of findings")]
        Some(each) => (1.0 - each * costs as f64 / criterion.points).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::How;

    /// The share of a criterion whose tests came out like this, and the reasons.
    fn share(kinds: &[Kind], each: bool) -> (Option<f64>, Vec<String>) {
        let tests: Vec<String> = (0..kinds.len()).map(|n| format!("t{n}")).collect();
        let seen = tests.iter().zip(kinds).map(|(test, kind)| Seen {
            test: test.clone(),
            how: How::Once,
            kind: *kind,
            reason: "no operation".to_owned(),
            schedules: 1,
            story: None,
        });
        let evidence = Evidence {
            compiled: true,
            tests: seen.collect(),
            ..Evidence::default()
        };
        let criterion: Criterion = toml::from_str(&format!(
            "id = \"a\"\ntitle = \"a\"\npoints = 1\neach = {each}\nsource = {{ run = [] }}"
        ))
        .expect("a criterion");
        let mut reasons = Vec::new();
        let share = ran(&criterion, &tests, false, &evidence, &mut reasons);
        (share, reasons)
    }

    #[test]
    fn what_is_only_known_to_be_late_goes_to_a_person() {
        let counter = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/assignments/counter"
        );
        let assignment = Assignment::load(std::path::Path::new(counter)).expect("an assignment");
        let evidence = Evidence::default();
        let at = |time| marks(&assignment, &evidence, time);
        assert_eq!(at(None).outcome, Outcome::Graded);
        let late = at(Some(LATE));
        assert_eq!((late.outcome, late.points), (Outcome::PartlyGraded, None));
        assert_eq!(late.reasons, ["handed in late, and the time is not known"]);
    }

    #[test]
    fn lints_that_came_to_a_limit_cost_nothing_and_give_nothing() {
        let criterion: Criterion = toml::from_str(
            "id = \"a\"\ntitle = \"a\"\npoints = 1\nsource = { lints = [\"grading\"] }",
        )
        .expect("a criterion");
        let mut evidence = Evidence {
            compiled: true,
            ..Evidence::default()
        };
        assert_eq!(mark(&criterion, &evidence, &[]).points, Some(1.0));
        evidence.unlinted = Some("the limit of processor time".to_owned());
        let pending = mark(&criterion, &evidence, &[]);
        assert_eq!((pending.points, pending.status), (None, Status::Pending));
        assert!(pending.reasons[0].contains("the limit of processor time"));
    }

    #[test]
    fn what_a_person_has_to_look_at_is_not_lost() {
        let (share, reasons) = share(&[Kind::Unclear, Kind::Unclear, Kind::Passed], false);
        assert_eq!(share, None);
        // Several tests, one reason.
        assert_eq!(reasons.len(), 1, "{reasons:?}");
    }

    #[test]
    fn what_has_failed_is_lost_whatever_else_is_unclear() {
        let tests = [Kind::Unclear, Kind::Hangs, Kind::Passed];
        assert_eq!(share(&tests, false).0, Some(0.0));
        assert_eq!(share(&tests, true).0, None);
        assert_eq!(share(&[Kind::Hangs, Kind::Passed], true).0, Some(0.5));
    }

    #[test]
    fn what_is_needed_is_named_by_its_title_unless_it_is_hidden() {
        let criterion = |text: &str| -> Criterion { toml::from_str(text).expect("a criterion") };
        let reasons = |visibility: &str| {
            let compiles = criterion(&format!(
                "id = \"a\"\ntitle = \"It compiles\"\npoints = 1\nsource = \"compiles\"\n\
                 visibility = \"{visibility}\""
            ));
            let next = criterion(
                "id = \"b\"\ntitle = \"b\"\npoints = 1\nsource = { run = [] }\nneeds = [\"a\"]",
            );
            let evidence = Evidence::default();
            let above = [mark(&compiles, &evidence, &[])];
            mark(&next, &evidence, &above).reasons
        };
        assert_eq!(reasons("visible"), ["it needs \"It compiles\""]);
        assert_eq!(
            reasons("hidden"),
            ["it needs a criterion that is not shown"]
        );
    }
}
