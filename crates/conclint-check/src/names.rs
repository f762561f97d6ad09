//! Lints by name or code, and what a misspelt name may have meant.

use conclint_diag::Severity;
use conclint_lints::{Level, Lint};

use crate::UnknownLint;

/// An `expect` that nothing fulfils. It is about the run and not about facts,
/// so it is no lint of `conclint-lints`; for people it is one like the others.
pub(crate) static UNFULFILLED: Lint = Lint {
    name: "unfulfilled-expectation",
    code: "CL001",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a `conclint: expect(..)` where the lint no longer fires",
    page: include_str!("unfulfilled_expectation.md"),
    check: |_, _, _| {},
};

/// Every lint, by code; those that this crate reports itself included.
pub fn catalogue() -> impl Iterator<Item = &'static Lint> {
    std::iter::once(&UNFULFILLED).chain(conclint_lints::registry().iter().copied())
}

/// The lint of this name or code. Case does not matter, and `_` reads as `-`.
pub fn lint(name_or_code: &str) -> Result<&'static Lint, UnknownLint> {
    let wanted = name_or_code.trim().replace('_', "-");
    catalogue()
        .find(|lint| {
            lint.name.eq_ignore_ascii_case(&wanted) || lint.code.eq_ignore_ascii_case(&wanted)
        })
        .ok_or_else(|| {
            let lower = wanted.to_ascii_lowercase();
            UnknownLint {
                name: name_or_code.to_owned(),
                suggestion: closest(&lower, catalogue().map(|lint| lint.name)),
            }
        })
}

/// The candidate most like `word`, if one is like it at all.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = strsim::jaro_winkler(word, candidate);
        if score >= 0.8 && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_by_code_and_with_underscores() {
        for text in ["double-lock", "double_lock", "CL102", "cl102", " CL102 "] {
            assert_eq!(lint(text).map(|l| l.name), Ok("double-lock"), "{text}");
        }
        assert_eq!(lint("CL001").map(|l| l.name), Ok("unfulfilled-expectation"));
    }

    #[test]
    fn a_slip_gets_a_suggestion_and_nonsense_gets_none() {
        let suggestion = |text| lint(text).err().and_then(|e| e.suggestion);
        assert_eq!(
            suggestion("lock-order-invertion"),
            Some("lock-order-inversion")
        );
        assert_eq!(suggestion("Doubel-Lock"), Some("double-lock"));
        assert_eq!(suggestion("zzzz"), None);
    }

    #[test]
    fn no_two_lints_share_a_name_or_code() {
        let mut names: Vec<_> = catalogue().flat_map(|l| [l.name, l.code]).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
