//! The lint catalogue: one folder a lint, `mod.rs` for the check and `lint.md`
//! for the page, which is at once its test.
//!
//! A lint reads [`Analysis`] and yields [`Finding`]s. It sees no syntax, does
//! no I/O and knows no output format; which lints run, and what becomes of a
//! finding (levels, suppressions, baselines), is for `conclint-check` to say.
//!
//! Adding a lint touches its folder alone: `cargo xtask new-lint NAME` lays it
//! out, `cargo xtask codegen` takes it into `registry.rs`.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use std::fmt;

use conclint_diag::{Confidence, Finding, Fingerprint, Severity, Trace};
use conclint_facts::Analysis;

mod choice;
mod condvars;
mod contention;
mod flow;
mod futures;
mod neighbours;
mod reads;
mod registry;
mod serialised;
mod single_flight;
mod stores;
pub mod trace;
mod ways;
mod yields;

/// A lint: what it is called, what it says about itself, and its check.
#[derive(Debug, Clone, Copy)]
pub struct Lint {
    /// Kebab-case, reads after "allow": `lock-order-inversion`.
    pub name: &'static str,
    /// Short and never changed or reused: `CL101`.
    pub code: &'static str,
    /// Of its findings, unless one is milder.
    pub severity: Severity,
    /// From which level on it runs.
    pub level: Level,
    /// One line: what it finds.
    pub summary: &'static str,
    /// The page that `conclint explain` prints, Markdown.
    pub page: &'static str,
    /// Adds what it finds.
    pub check: fn(&Analysis, &Settings, &mut Vec<Finding>),
}

/// Who wants to hear it, fewest findings first. A level runs what the levels
/// before it run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What a CI gate can live with.
    #[default]
    Default,
    /// What teaches.
    Pedantic,
    /// What an instructor wants to see in course work.
    Grading,
}

impl Level {
    /// The word used on the command line and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Default => "default",
            Level::Pedantic => "pedantic",
            Level::Grading => "grading",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The lints that run.
    pub lints: Vec<&'static Lint>,
    /// Lock orders from the configuration, each outermost first. A name is a
    /// lock's name or its end: `users`, `Registry.users`.
    pub orders: Vec<Vec<String>>,
    /// How much is wanted: from `pedantic` on, what is right only now and then
    /// has a confidence that shows it.
    pub level: Level,
    /// Comments in the code count that say that a thread is let go on purpose.
    pub excuses: bool,
}

impl Settings {
    /// All lints of `level`, no declared orders.
    pub fn at_level(level: Level) -> Self {
        Settings {
            lints: registry()
                .iter()
                .copied()
                .filter(|lint| lint.level <= level)
                .collect(),
            orders: Vec::new(),
            level,
            excuses: true,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings::at_level(Level::Default)
    }
}

/// Every lint, by code.
pub fn registry() -> &'static [&'static Lint] {
    registry::LINTS
}

/// The lint of this name or code (in any case).
pub fn find(name_or_code: &str) -> Option<&'static Lint> {
    registry()
        .iter()
        .copied()
        .find(|lint| lint.name == name_or_code || lint.code.eq_ignore_ascii_case(name_or_code))
}

/// Runs the selected lints: findings by place, then by code, with fingerprints
/// that no two share.
pub fn run(analysis: &Analysis, settings: &Settings) -> Vec<Finding> {
    let files = analysis.program().files.iter();
    let left_over: BTreeSet<&str> = files
        .filter(|file| file.unreached)
        .map(|file| &*file.path)
        .collect();
    let run_one = |lint: &&'static Lint| {
        let mut findings = Vec::new();
        (lint.check)(analysis, settings, &mut findings);
        for finding in findings.iter_mut().filter(|f| is_left_over(f, &left_over)) {
            finding.confidence = Confidence::Low;
        }
        if settings.level == Level::Default {
            for finding in findings.iter_mut().filter(|f| is_shown_once(f)) {
                finding.confidence = Confidence::Low;
            }
        }
        findings
    };
    // One by one: a few take most of the time.
    let lints = settings.lints.par_iter().with_max_len(1);
    let mut findings: Vec<Finding> = lints.flat_map_iter(run_one).collect();
    debug_assert!(
        findings
            .iter()
            .all(|f| !f.paths.is_empty() && f.paths.iter().all(|p| !p.steps.is_empty())),
        "a finding without evidence"
    );
    findings.sort_by(|a, b| {
        (a.primary(), a.code, &a.message, &a.paths).cmp(&(
            b.primary(),
            b.code,
            &b.message,
            &b.paths,
        ))
    });
    tell_apart(&mut findings);
    findings
}

/// It is about a file that nothing builds.
fn is_left_over(finding: &Finding, files: &BTreeSet<&str>) -> bool {
    let mut steps = finding.paths.iter().flat_map(|path| &path.steps);
    !files.is_empty() && steps.any(|step| files.contains(&*step.span.file))
}

/// A warning about an example, a benchmark or a program for tests: somebody
/// runs it by hand and looks on, so that what it costs others to wait is no
/// matter. A deadlock is one there, too.
fn is_shown_once(finding: &Finding) -> bool {
    let mut directories = finding.primary().file.split('/').rev().skip(1);
    finding.severity < Severity::Error
        && directories.any(|part| {
            let mut words = part.split(['_', '-']);
            // `bench-server`: a tool for it.
            let tests = words
                .clone()
                .any(|word| matches!(word, "test" | "tests" | "e2e" | "testing" | "bench"));
            let last = words.next_back();
            tests
                || matches!(
                    last,
                    Some(
                        "examples"
                            | "example"
                            | "benches"
                            | "bench"
                            | "benchmark"
                            | "benchmarks"
                            | "demo"
                            | "demos"
                    )
                )
        })
}

/// Two like findings in one function have one fingerprint: the second and
/// later ones get their number mixed in.
fn tell_apart(findings: &mut [Finding]) {
    let mut seen: BTreeMap<Fingerprint, u32> = BTreeMap::new();
    for finding in findings {
        let count = seen.entry(finding.fingerprint.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            finding.fingerprint =
                Fingerprint::of([finding.fingerprint.as_str(), &count.to_string()]);
        }
    }
}

/// The parts of a finding that differ between findings of one lint.
pub(crate) struct Found {
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) message: String,
    pub(crate) paths: Vec<Trace>,
    pub(crate) help: Vec<String>,
    /// Lock keys and function names, never line numbers.
    pub(crate) identity: Vec<String>,
    pub(crate) in_test: bool,
}

impl Lint {
    /// A finding of this lint.
    pub(crate) fn finding(&self, found: Found) -> Finding {
        let identity = std::iter::once(self.name.to_owned()).chain(found.identity);
        Finding {
            rule: self.name,
            code: self.code,
            severity: found.severity,
            confidence: found.confidence,
            message: found.message,
            paths: found.paths,
            help: found.help,
            fingerprint: Fingerprint::of(identity),
            in_test: found.in_test,
            suppressed: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_unique_and_well_formed() {
        for (i, lint) in registry().iter().enumerate() {
            let kebab = lint.name.split('-').all(|part| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            });
            assert!(kebab, "{} is not kebab-case", lint.name);
            let digits = lint.code.strip_prefix("CL").unwrap_or_default();
            assert!(
                digits.len() == 3 && digits.chars().all(|c| c.is_ascii_digit()),
                "{} is no code",
                lint.code
            );
            for other in registry().iter().skip(i + 1) {
                assert_ne!(lint.name, other.name);
                assert!(
                    lint.code < other.code,
                    "{} stands before {}",
                    lint.code,
                    other.code
                );
            }
        }
    }

    #[test]
    fn summaries_are_one_line() {
        for lint in registry() {
            assert!(
                !lint.summary.is_empty() && !lint.summary.contains('\n'),
                "{}",
                lint.name
            );
            assert!(
                lint.summary.len() <= 100,
                "{}: the summary is too long for a table",
                lint.name
            );
        }
    }

    #[test]
    fn lints_are_found_by_name_and_by_code() {
        assert_eq!(find("double-lock").map(|l| l.code), Some("CL102"));
        assert_eq!(find("cl102").map(|l| l.name), Some("double-lock"));
        assert!(find("double_lock").is_none());
    }

    #[test]
    fn a_level_runs_what_the_levels_before_it_run() {
        let count = |level| Settings::at_level(level).lints.len();
        assert!(count(Level::Default) <= count(Level::Pedantic));
        assert_eq!(count(Level::Grading), registry().len());
    }

    #[test]
    fn like_findings_are_told_apart() {
        let lint = registry()[0];
        let found = || Found {
            severity: Severity::Error,
            confidence: Confidence::High,
            message: String::new(),
            paths: Vec::new(),
            help: Vec::new(),
            identity: vec!["a".to_owned()],
            in_test: false,
        };
        let mut findings = vec![
            lint.finding(found()),
            lint.finding(found()),
            lint.finding(found()),
        ];
        let first = findings[0].fingerprint.clone();
        tell_apart(&mut findings);
        assert_eq!(findings[0].fingerprint, first);
        assert_ne!(findings[1].fingerprint, first);
        assert_ne!(findings[2].fingerprint, findings[1].fingerprint);
    }
}
