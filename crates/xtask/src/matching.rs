//! When a finding hits a record, and when it survives the fix.
//!
//! The rule is that of `fixtures/real-bugs/README.md`, to the letter. A hit is
//! looked for with the record's own lines. Whether the pair is still there
//! after the fix is looked for with the lines as the fix moved them, and, as
//! code may move further than a diff can tell, with the identity of the
//! finding (rule, functions, roles, objects): as many of that identity after
//! the fix as before it count as the same pair.

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
    }
}

/// Whether `finding` hits `record` at the buggy commit.
pub fn hits(record: &Record, finding: &Finding) -> bool {
    !sites(record, finding, at_recorded_line).is_empty()
}

/// Whether `finding`, of the fixing commit, is at the record's sites; `image`
/// tells which lines a recorded line became.
pub fn hits_after(
    record: &Record,
    finding: &Finding,
    image: impl Fn(&RecordStep) -> (u32, u32),
) -> bool {
    let near = |step: &RecordStep, found: &Step| {
        let (first, last) = image(step);
        let line = found.span.line;
        same_function(step, found)
            && line + TOLERANCE >= first
            && line <= last.saturating_add(TOLERANCE)
    };
    !sites(record, finding, near).is_empty()
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

/// The steps of `finding` that stand for the record, where it hits.
fn sites<'a>(
    record: &Record,
    finding: &'a Finding,
    near: impl Fn(&RecordStep, &Step) -> bool,
) -> Vec<&'a Step> {
    if !class_fits(record.kind, finding.rule) {
        return Vec::new();
    }
    let named = |step: &RecordStep| all_steps(finding).find(|found| near(step, found));
    let found = match record.kind {
        Kind::DoubleLock | Kind::DoubleRead => record.paths.iter().find_map(|path| {
            finding
                .paths
                .iter()
                .find_map(|trace| ends_match(path, trace, &near))
        }),
        Kind::Conflict => {
            let last_of = |name| {
                record
                    .paths
                    .iter()
                    .find(|path| path.name == name)
                    .map(RecordPath::last)
            };
            match (last_of('A').and_then(named), last_of('B').and_then(named)) {
                (Some(a), Some(b)) => Some(vec![a, b]),
                _ => None,
            }
        }
        Kind::Condvar => record.steps().find_map(named).map(|step| vec![step]),
    };
    found.unwrap_or_default()
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

    fn record(kind: &str, steps: &str) -> Record {
        let text = format!("[X1] {kind} E a/b 2020-01-01\n buggy 1\n fix 2\n{steps}");
        parse(&text).unwrap().remove(0)
    }

    #[test]
    fn a_double_lock_needs_both_ends_of_one_path() {
        let record = record("double-read", "A a.rs:10 f\nA a.rs:12 f\nA a.rs:40 g\n");
        let hit = |rule, steps: &[(u32, &str)]| hits(&record, &finding(rule, &[steps]));
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
        assert!(!hits(&record, &ends_in_two_traces));
    }

    #[test]
    fn one_line_may_take_both() {
        let record = record("double-lock", "A a.rs:10 f\nB a.rs:20 g\n");
        let hit = |line, function| {
            hits(
                &record,
                &finding("double-lock", &[&[(line, function), (line, function)]]),
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
        let hit = |paths: &[&[(u32, &str)]]| hits(&record, &finding("lock-order-inversion", paths));
        assert!(hit(&[&[(10, "f"), (11, "f")], &[(20, "g"), (21, "g")]]));
        assert!(hit(&[&[(1, "x"), (11, "f")], &[(2, "y"), (21, "g")]]));
        assert!(!hit(&[&[(10, "f"), (11, "f")], &[(60, "h"), (61, "h")]]));
    }

    #[test]
    fn a_condvar_finding_names_one_step() {
        let record = record("condvar", "A a.rs:10 set\nB a.rs:20 wait\n");
        assert!(hits(
            &record,
            &finding("notify-without-lock", &[&[(12, "Latch::set")]])
        ));
        assert!(!hits(
            &record,
            &finding("notify-without-lock", &[&[(12, "Latch::wait")]])
        ));
        assert!(!hits(
            &record,
            &finding("double-lock", &[&[(10, "set"), (10, "set")]])
        ));
    }

    #[test]
    fn after_the_fix_lines_move() {
        let record = record("double-lock", "A a.rs:10 f\nA a.rs:20 f\n");
        let after = finding("double-lock", &[&[(30, "f"), (40, "f")]]);
        assert!(hits_after(&record, &after, |step| (
            step.line + 20,
            step.line + 20
        )));
        assert!(!hits_after(&record, &after, |step| (step.line, step.line)));
        assert!(hits_after(&record, &after, |step| (
            step.line,
            step.line + 20
        )));
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
