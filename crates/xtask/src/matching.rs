//! When a finding hits a record, and when it survives the fix.
//!
//! A hit is by the rule of `fixtures/real-bugs/README.md`, to the letter. Where
//! several findings hit, those that name most of the record's steps stand for
//! it: a line of tolerance can make a finding on other locks hit as well.
//!
//! The pair of sites is still there after the fix when a finding of the same
//! rule names the same lines, as the fix moved them, in the same functions,
//! roles and on the same locks. As code may move further than a diff can tell,
//! findings are also compared without lines: as many of the hit's identity
//! after the fix as before it count as the same pair.

use conclint_diag::{Finding, Step, Trace};

use crate::records::{Kind, Record, RecordPath, RecordStep};

/// How far a line may be off.
const TOLERANCE: u32 = 3;

/// Whether findings of `rule` are of the record's class.
pub fn class_fits(kind: Kind, rule: &str) -> bool {
    match kind {
        Kind::DoubleLock | Kind::DoubleRead => rule == "double-lock",
        Kind::Conflict => rule == "lock-order-inversion",
        Kind::Condvar => matches!(
            rule,
            "wait-without-loop"
                | "wait-holding-other-lock"
                | "notify-without-lock"
                | "never-notified"
        ),
        Kind::Blocking => matches!(rule, "blocking-under-lock" | "guard-across-await"),
    }
}

/// The findings that stand for `record` at the buggy commit: those that hit it
/// and name most of its steps.
pub fn hits<'a>(record: &Record, findings: &'a [Finding]) -> Vec<Hit<'a>> {
    let mut hits: Vec<Hit<'a>> = findings
        .iter()
        .filter_map(|finding| {
            let sites = sites(record, finding, at_recorded_line)?;
            let is_named =
                |step: &RecordStep| all_steps(finding).any(|found| at_recorded_line(step, found));
            let named = record.steps().filter(|step| is_named(step)).count();
            let opposite = record.paths.iter().take(2);
            let whole =
                record.kind != Kind::Conflict || opposite.map(|path| &path.first).all(is_named);
            Some(Hit {
                finding,
                sites,
                named,
                whole,
            })
        })
        .collect();
    let most = hits.iter().map(|hit| hit.named).max();
    hits.retain(|hit| Some(hit.named) == most);
    hits
}

/// A finding that hits a record.
#[derive(Debug)]
pub struct Hit<'a> {
    pub finding: &'a Finding,
    /// Its steps that stand for those the rule asks for.
    sites: Vec<&'a Step>,
    /// How many of the record's steps it names.
    named: usize,
    /// Of a conflict it also names where the first locks are taken, for which
    /// the rule does not ask: else it may be about other locks.
    pub whole: bool,
}

/// The finding among `after`, the findings of the fixing commit, that shows
/// that the pair of sites of `hit` is still there. `image` tells which lines a
/// recorded line became.
pub fn survivor<'a>(
    record: &Record,
    hit: &Hit<'_>,
    before: &[Finding],
    after: &'a [Finding],
    image: impl Fn(&RecordStep) -> (u32, u32),
) -> Option<&'a Finding> {
    let near = |step: &RecordStep, found: &Step| {
        moved(step, found, &image) && hit.sites.iter().any(|site| same_part(site, found))
    };
    let there = |finding: &&Finding| {
        finding.rule == hit.finding.rule && sites(record, finding, near).is_some()
    };
    after.iter().find(there).or_else(|| {
        let wanted = identity(hit.finding);
        let same = |finding: &&Finding| identity(finding) == wanted;
        let all_left = after.iter().filter(same).count() >= before.iter().filter(same).count();
        after.iter().filter(|_| all_left).find(same)
    })
}

/// A finding among `after` that hits the record's lines as they moved, on
/// whatever locks: worth a look, and not the same pair.
pub fn neighbour<'a>(
    record: &Record,
    after: &'a [Finding],
    image: impl Fn(&RecordStep) -> (u32, u32),
) -> Option<&'a Finding> {
    let near = |step: &RecordStep, found: &Step| moved(step, found, &image);
    after
        .iter()
        .find(|finding| sites(record, finding, near).is_some())
}

/// Whether `found` is at the lines that `step` became.
fn moved(step: &RecordStep, found: &Step, image: impl Fn(&RecordStep) -> (u32, u32)) -> bool {
    let (first, last) = image(step);
    let line = found.span.line;
    same_function(step, found)
        && line.saturating_add(TOLERANCE) >= first
        && line <= last.saturating_add(TOLERANCE)
}

/// Whether two steps do the same with the same object.
fn same_part(one: &Step, other: &Step) -> bool {
    one.role == other.role && one.object == other.object
}

fn at_recorded_line(step: &RecordStep, found: &Step) -> bool {
    same_function(step, found) && found.span.line.abs_diff(step.line) <= TOLERANCE
}

/// Whether a step of a finding lies in the function that the record names.
pub fn same_function(step: &RecordStep, found: &Step) -> bool {
    *found.span.file == *step.file && plain_name(&found.function) == step.function
}

/// `commit` of `BlockChain::commit` and of `BlockChain::commit::{closure}`.
pub fn plain_name(function: &str) -> &str {
    function
        .rsplit("::")
        .find(|part| !part.starts_with('{'))
        .unwrap_or(function)
}

/// The steps of `finding` that stand for those the rule asks for, where it hits.
fn sites<'a>(
    record: &Record,
    finding: &'a Finding,
    near: impl Fn(&RecordStep, &Step) -> bool,
) -> Option<Vec<&'a Step>> {
    if !class_fits(record.kind, finding.rule) {
        return None;
    }
    // Within the tolerance the closest: both locks are often taken line by line.
    let named = |step: &RecordStep| {
        all_steps(finding)
            .filter(|found| near(step, found))
            .min_by_key(|found| found.span.line.abs_diff(step.line))
    };
    match record.kind {
        Kind::DoubleLock | Kind::DoubleRead | Kind::Blocking => {
            record.paths.iter().find_map(|path| {
                finding
                    .paths
                    .iter()
                    .find_map(|trace| ends_match(path, trace, &near))
            })
        }
        Kind::Conflict => {
            let last_of = |name| {
                let path = record.paths.iter().find(|path| path.name == name);
                path.map(RecordPath::last)
            };
            Some(vec![
                last_of('A').and_then(named)?,
                last_of('B').and_then(named)?,
            ])
        }
        Kind::Condvar => record.steps().find_map(named).map(|step| vec![step]),
    }
}

fn ends_match<'a>(
    path: &RecordPath,
    trace: &'a Trace,
    near: impl Fn(&RecordStep, &Step) -> bool,
) -> Option<Vec<&'a Step>> {
    let (first, last) = (trace.steps.first()?, trace.steps.last()?);
    (near(&path.first, first) && near(path.last(), last)).then(|| vec![first, last])
}

/// All steps of all traces.
pub fn all_steps(finding: &Finding) -> impl Iterator<Item = &Step> {
    finding.paths.iter().flat_map(|trace| &trace.steps)
}

/// What stays the same of a finding when its lines move: rule, and for each
/// trace the function, role and object of its first and last step.
pub fn identity(finding: &Finding) -> Vec<String> {
    let mut traces: Vec<String> = finding
        .paths
        .iter()
        .map(|trace| {
            let ends = [trace.steps.first(), trace.steps.last()];
            let ends = ends.iter().flatten().map(|step| {
                format!(
                    "{} {} {}",
                    plain_name(&step.function),
                    step.role.as_str(),
                    step.object
                )
            });
            ends.collect::<Vec<_>>().join(" -> ")
        })
        .collect();
    traces.sort();
    traces.insert(0, finding.rule.to_owned());
    traces
}

/// The findings most like the record, best first: those of its class before
/// others, those that share more of its functions before those that share
/// fewer, then the closest.
pub fn nearest<'a>(record: &Record, findings: &'a [Finding]) -> Vec<&'a Finding> {
    let mut ranked: Vec<_> = findings
        .iter()
        .filter_map(|finding| {
            let shared = record
                .steps()
                .filter(|step| all_steps(finding).any(|found| same_function(step, found)))
                .count();
            let distance = record
                .steps()
                .flat_map(|step| {
                    all_steps(finding)
                        .filter(|found| same_function(step, found))
                        .map(|found| found.span.line.abs_diff(step.line))
                })
                .min()?;
            let other_class = !class_fits(record.kind, finding.rule);
            Some(((other_class, usize::MAX - shared, distance), finding))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::parse;
    use conclint_diag::{Confidence, Fingerprint, Role, Severity, Span};

    fn step(file: &str, line: u32, function: &str, role: Role) -> Step {
        Step {
            span: Span {
                file: file.into(),
                line,
                column: 1,
                end_line: line,
                end_column: 2,
            },
            function: function.to_owned(),
            role,
            object: "S.a".to_owned(),
            what: String::new(),
        }
    }

    fn finding(rule: &'static str, paths: &[&[(u32, &str)]]) -> Finding {
        let trace = |steps: &&[(u32, &str)]| Trace {
            title: String::new(),
            steps: steps
                .iter()
                .map(|&(line, function)| step("a.rs", line, function, Role::Acquire))
                .collect(),
        };
        Finding {
            rule,
            code: "CL000",
            severity: Severity::Error,
            confidence: Confidence::High,
            message: String::new(),
            paths: paths.iter().map(trace).collect(),
            help: Vec::new(),
            fingerprint: Fingerprint::of([rule]),
            in_test: false,
            suppressed: None,
        }
    }

    fn is_hit(record: &Record, finding: Finding) -> bool {
        !hits(record, &[finding]).is_empty()
    }

    fn record(kind: &str, steps: &str) -> Record {
        let text = format!("[X1] {kind} E a/b 2020-01-01\n buggy 1\n fix 2\n{steps}");
        parse(&text).unwrap().remove(0)
    }

    #[test]
    fn a_double_lock_needs_both_ends_of_one_path() {
        let record = record("double-read", "A a.rs:10 f\nA a.rs:12 f\nA a.rs:40 g\n");
        let hit = |rule, steps: &[(u32, &str)]| is_hit(&record, finding(rule, &[steps]));
        assert!(hit("double-lock", &[(10, "S::f"), (40, "S::g")]));
        assert!(hit(
            "double-lock",
            &[(13, "S::f"), (12, "S::f"), (37, "g::{closure}")]
        ));
        assert!(
            !hit("double-lock", &[(14, "S::f"), (40, "S::g")]),
            "four lines off"
        );
        assert!(
            !hit("double-lock", &[(10, "S::f"), (40, "S::h")]),
            "another function"
        );
        assert!(
            !hit("double-lock", &[(40, "S::g"), (10, "S::f")]),
            "the other way round"
        );
        assert!(
            !hit("lock-order-inversion", &[(10, "S::f"), (40, "S::g")]),
            "another class"
        );
        let ends_in_two_traces = finding("double-lock", &[&[(10, "S::f")], &[(40, "S::g")]]);
        assert!(!is_hit(&record, ends_in_two_traces));
    }

    #[test]
    fn one_line_may_take_both() {
        let record = record("double-lock", "A a.rs:10 f\nB a.rs:20 g\n");
        let hit = |line, function| {
            is_hit(
                &record,
                finding("double-lock", &[&[(line, function), (line, function)]]),
            )
        };
        assert!(hit(10, "f"));
        assert!(hit(20, "g"), "either path will do");
        assert!(!hit(20, "f"));
    }

    #[test]
    fn a_conflict_needs_the_last_steps_of_a_and_b() {
        let record = record(
            "conflict",
            "A a.rs:10 f\nA a.rs:11 f\nB a.rs:20 g\nB a.rs:21 g\nC a.rs:60 h\nC a.rs:61 h\n",
        );
        let hit =
            |paths: &[&[(u32, &str)]]| is_hit(&record, finding("lock-order-inversion", paths));
        assert!(hit(&[&[(10, "f"), (11, "f")], &[(20, "g"), (21, "g")]]));
        assert!(hit(&[&[(1, "x"), (11, "f")], &[(2, "y"), (21, "g")]]));
        assert!(!hit(&[&[(10, "f"), (11, "f")], &[(60, "h"), (61, "h")]]));
    }

    #[test]
    fn a_condvar_finding_names_one_step() {
        let record = record("condvar", "A a.rs:10 set\nB a.rs:20 wait\n");
        let hit = |rule, steps: &[(u32, &str)]| is_hit(&record, finding(rule, &[steps]));
        assert!(hit("notify-without-lock", &[(12, "Latch::set")]));
        assert!(!hit("notify-without-lock", &[(12, "Latch::wait")]));
        assert!(!hit("double-lock", &[(10, "set"), (10, "set")]));
    }

    #[test]
    fn the_finding_that_names_most_steps_stands_for_the_record() {
        let record = record(
            "conflict",
            "A a.rs:10 f\nA a.rs:20 f\nB a.rs:30 g\nB a.rs:40 g\n",
        );
        let findings = [
            finding("lock-order-inversion", &[&[(21, "f")], &[(41, "g")]]),
            finding(
                "lock-order-inversion",
                &[&[(10, "f"), (20, "f")], &[(30, "g"), (40, "g")]],
            ),
        ];
        let hits = hits(&record, &findings);
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].finding.paths[0].steps.len(), 2);
    }

    #[test]
    fn after_the_fix_lines_move() {
        let record = record("double-lock", "A a.rs:10 f\nA a.rs:20 f\n");
        let before = [finding("double-lock", &[&[(10, "f"), (20, "f")]])];
        let hit = hits(&record, &before).remove(0);
        let survives = |after: &[Finding], by| {
            survivor(&record, &hit, &before, after, |step| {
                (step.line + by, step.line + by)
            })
            .is_some()
        };
        let mut after = finding("double-lock", &[&[(30, "f"), (40, "f")]]);
        assert!(survives(&[after.clone()], 20));
        assert!(survives(&[after.clone()], 0), "as many of its identity");
        assert!(!survives(&[], 20));
        for step in &mut after.paths[0].steps {
            step.object = "S.b".to_owned();
        }
        assert!(!survives(&[after], 20), "another lock");
    }

    #[test]
    fn another_of_its_kind_is_not_the_same_pair() {
        let record = record("double-lock", "A a.rs:10 f\nA a.rs:12 f\n");
        let other = finding("double-lock", &[&[(80, "f"), (90, "f")]]);
        let before = [
            finding("double-lock", &[&[(10, "f"), (12, "f")]]),
            other.clone(),
        ];
        let hit = hits(&record, &before).remove(0);
        let same = |step: &RecordStep| (step.line, step.line);
        assert!(survivor(&record, &hit, &before, &[other], same).is_none());
        assert!(survivor(&record, &hit, &before, &before, same).is_some());
    }

    #[test]
    fn identity_has_no_lines() {
        let first = finding("double-lock", &[&[(10, "S::f"), (20, "S::g")]]);
        let moved = finding("double-lock", &[&[(11, "S::f"), (29, "S::g")]]);
        let other = finding("double-lock", &[&[(10, "S::f"), (20, "S::f")]]);
        assert_eq!(identity(&first), identity(&moved));
        assert_ne!(identity(&first), identity(&other));
    }

    #[test]
    fn the_nearest_shares_class_and_functions() {
        let record = record("double-lock", "A a.rs:10 f\nA a.rs:20 g\n");
        let findings = [
            finding("blocking-under-lock", &[&[(10, "f"), (20, "g")]]),
            finding("double-lock", &[&[(90, "f"), (95, "f")]]),
            finding("double-lock", &[&[(80, "f"), (85, "g")]]),
            finding("double-lock", &[&[(10, "x"), (20, "x")]]),
        ];
        let nearest = nearest(&record, &findings);
        assert_eq!(nearest.len(), 3);
        assert_eq!(nearest[0].paths[0].steps[0].span.line, 80);
        assert_eq!(nearest[2].rule, "blocking-under-lock");
    }
}
