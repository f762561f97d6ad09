//! What was judged by reading: `fixtures/corpus/ledger.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Whether a finding is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// What it says is so, and worth acting on.
    Right,
    /// It is not.
    Wrong,
    /// Reading did not settle it.
    Unsure,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Right => "right",
            Verdict::Wrong => "wrong",
            Verdict::Unsure => "unsure",
        })
    }
}

/// One finding, judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// `owner/name`.
    pub repository: String,
    /// The commit at which it was read.
    pub commit: String,
    /// The lint's name.
    pub lint: String,
    /// The finding's fingerprint.
    pub fingerprint: String,
    /// The judgement.
    pub verdict: Verdict,
    /// The reason, one or two sentences.
    pub why: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    judgement: Vec<Judgement>,
}

/// All judgements, by repository, lint and fingerprint.
#[derive(Debug, Default)]
pub struct Ledger {
    judgements: BTreeMap<(String, String, String), Judgement>,
}

impl Ledger {
    /// Reads the ledger; one that does not exist is empty.
    pub fn read(path: &Path) -> Result<Ledger> {
        if !path.exists() {
            return Ok(Ledger::default());
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Ledger::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Ledger> {
        let file: File = toml::from_str(text)?;
        let mut judgements = BTreeMap::new();
        for judgement in file.judgement {
            if judgement.why.trim().is_empty() {
                bail!("{} is judged without a reason", judgement.fingerprint);
            }
            let key = (
                judgement.repository.clone(),
                judgement.lint.clone(),
                judgement.fingerprint.clone(),
            );
            if let Some(other) = judgements.insert(key, judgement) {
                bail!("{} is judged twice", other.fingerprint);
            }
        }
        Ok(Ledger { judgements })
    }

    /// What was said about a finding.
    pub fn judgement(&self, repository: &str, lint: &str, fingerprint: &str) -> Option<&Judgement> {
        let key = (
            repository.to_owned(),
            lint.to_owned(),
            fingerprint.to_owned(),
        );
        self.judgements.get(&key)
    }

    /// Judgements that `seen` does not hold: the finding is no longer there.
    pub fn stale<'a>(
        &'a self,
        seen: impl Fn(&Judgement) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Judgement> {
        self.judgements
            .values()
            .filter(move |judgement| !seen(judgement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
[[judgement]]
repository = "a/b"
commit = "12"
lint = "double-lock"
fingerprint = "00ff"
verdict = "right"
why = "Both are the same lock."
"#;

    #[test]
    fn a_judgement_is_found_by_its_finding() {
        let ledger = Ledger::parse(ONE).unwrap();
        let judgement = ledger.judgement("a/b", "double-lock", "00ff").unwrap();
        assert_eq!(judgement.verdict, Verdict::Right);
        assert!(ledger.judgement("a/c", "double-lock", "00ff").is_none());
        assert_eq!(ledger.stale(|_| false).count(), 1);
    }

    #[test]
    fn a_judgement_needs_a_reason_and_is_given_once() {
        assert!(Ledger::parse(&ONE.replace("Both are the same lock.", " ")).is_err());
        assert!(Ledger::parse(&format!("{ONE}{ONE}")).is_err());
        assert!(Ledger::parse(&ONE.replace("verdict", "judged")).is_err());
    }

    #[test]
    fn the_ledger_in_the_repository_can_be_read() {
        Ledger::parse(include_str!("../../../fixtures/corpus/ledger.toml")).unwrap();
    }
}
