//! Which lints run, and which of their findings are shown.

use std::collections::BTreeSet;

use conclint_diag::{Finding, Severity, Summary};
use conclint_lints::Lint;

use crate::names;
use crate::settings::{LintSeverity, Settings};

/// Whether a lint runs under these settings, in the part of the run at hand.
pub(crate) fn runs(lint: &Lint, settings: &Settings) -> bool {
    let in_part = || {
        settings.partition.is_none_or(|partition| {
            let mut wanted = names::catalogue().filter(|other| wanted(other, settings));
            wanted
                .position(|other| other.name == lint.name)
                .is_some_and(|place| partition.holds(place))
        })
    };
    wanted(lint, settings) && in_part()
}

/// Whether a lint runs under these settings, in whatever part.
pub(crate) fn wanted(lint: &Lint, settings: &Settings) -> bool {
    if settings.ignore.contains(&lint.name) {
        return false;
    }
    if !settings.select.is_empty() {
        return settings.select.contains(&lint.name);
    }
    match settings.severities.get(lint.name) {
        Some(LintSeverity::Allow) => false,
        Some(LintSeverity::Warn | LintSeverity::Deny) => true,
        None => lint.level <= settings.level,
    }
}

/// Applies severities, takes out what was not asked for and sorts the rest.
/// Everything taken out is counted; what stays is counted by [`count`].
pub(crate) fn shown(
    findings: Vec<Finding>,
    settings: &Settings,
    summary: &mut Summary,
) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for mut finding in findings {
        match settings.severities.get(finding.rule) {
            Some(LintSeverity::Warn) => finding.severity = Severity::Warning,
            Some(LintSeverity::Deny) => finding.severity = Severity::Error,
            Some(LintSeverity::Allow) | None => {}
        }
        if finding.in_test && !settings.include_tests {
            summary.in_tests += 1;
        } else if finding.confidence < settings.min_confidence {
            summary.below_confidence += 1;
        } else {
            kept.push(finding);
        }
    }
    sort(&mut kept);

    let mut seen = BTreeSet::new();
    kept.retain(|f| seen.insert((f.fingerprint.clone(), f.primary().clone())));
    kept
}

/// Counts what is shown.
pub(crate) fn count(findings: &[Finding], summary: &mut Summary) {
    for finding in findings {
        match (&finding.suppressed, finding.severity) {
            (Some(_), _) => summary.suppressed += 1,
            (None, Severity::Error) => summary.errors += 1,
            (None, Severity::Warning) => summary.warnings += 1,
            (None, Severity::Note) => summary.notes += 1,
        }
    }
}

/// The order in which findings are shown.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| key(a).cmp(&key(b)));
}

fn key(f: &Finding) -> impl Ord + '_ {
    (f.primary(), f.code, &f.message, &f.paths, &f.fingerprint)
}

#[cfg(test)]
mod tests {
    use conclint_diag::Confidence;
    use conclint_lints::Level;

    use super::*;
    use crate::suppress::tests::finding;

    fn lint(name: &str) -> &'static Lint {
        names::lint(name).unwrap()
    }

    #[test]
    fn level_select_ignore_and_severity_decide_what_runs() {
        let lock = lint("double-lock");
        let mut settings = Settings::default();
        assert!(runs(lock, &settings));
        settings
            .severities
            .insert("double-lock", LintSeverity::Allow);
        assert!(!runs(lock, &settings));
        settings.select = vec!["double-lock"];
        assert!(runs(lock, &settings), "a lint that is named runs");
        assert!(!runs(lint("lock-order-inversion"), &settings));
        settings.ignore = vec!["double-lock"];
        assert!(!runs(lock, &settings), "ignore wins");
    }

    #[test]
    fn a_lint_of_a_higher_level_runs_when_its_severity_is_set() {
        let quiet = Lint {
            level: Level::Grading,
            ..*lint("double-lock")
        };
        let mut settings = Settings::default();
        assert!(!runs(&quiet, &settings));
        settings
            .severities
            .insert("double-lock", LintSeverity::Warn);
        assert!(runs(&quiet, &settings));
    }

    #[test]
    fn every_lint_runs_in_exactly_one_part() {
        let mut settings = Settings::default();
        for lint in names::catalogue() {
            settings.partition = None;
            let whole = usize::from(runs(lint, &settings));
            for parts in 1..=30 {
                let ran = (1..=parts)
                    .filter(|&part| {
                        settings.partition = crate::Partition::new(part, parts);
                        runs(lint, &settings)
                    })
                    .count();
                assert_eq!(ran, whole, "{} in {parts} parts", lint.name);
            }
        }
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", ""] {
            assert!(wrong.parse::<crate::Partition>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let mut low = finding("double-lock", "a.rs", 1);
        low.confidence = Confidence::Low;
        let mut test = finding("double-lock", "a.rs", 2);
        test.in_test = true;
        let mut quiet = finding("double-lock", "a.rs", 3);
        quiet.suppressed = Some("why".to_owned());
        let second = finding("double-lock", "a.rs", 9);
        let first = finding("double-lock", "a.rs", 4);
        let all = vec![low, test, quiet, second.clone(), first, second];

        let mut settings = Settings::default();
        settings
            .severities
            .insert("double-lock", LintSeverity::Warn);
        let mut summary = Summary::default();
        let kept = shown(all.clone(), &settings, &mut summary);
        count(&kept, &mut summary);
        assert_eq!(
            kept.iter().map(|f| f.primary().line).collect::<Vec<_>>(),
            [3, 4, 9]
        );
        assert_eq!(
            summary,
            Summary {
                suppressed: 1,
                warnings: 2,
                in_tests: 1,
                below_confidence: 1,
                ..Summary::default()
            }
        );

        settings.include_tests = true;
        settings.min_confidence = Confidence::Low;
        let mut summary = Summary::default();
        assert_eq!(shown(all, &settings, &mut summary).len(), 5);
        assert_eq!((summary.in_tests, summary.below_confidence), (0, 0));
    }
}
