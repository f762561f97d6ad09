//! `equivalent-mutants.toml`: mutants that no test can tell from the reference, and why.
//!
//! ```toml
//! [[mutant]]
//! function = "pop"
//! kind = "split"
//! code = "item"          # the line that is edited, without the space around it
//! why = "Nothing of the state is read or written after the split."
//! ```

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::operators::Mutant;

/// An entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Equivalent {
    function: String,
    kind: String,
    code: String,
    pub(super) why: String,
}

impl Equivalent {
    pub(super) fn fits(&self, mutant: &Mutant) -> bool {
        self.function == mutant.function && self.kind == mutant.kind && self.code == mutant.code
    }
}

impl fmt::Display for Equivalent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, `{}`", self.function, self.kind, self.code)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ledger {
    #[serde(default)]
    mutant: Vec<Equivalent>,
}

/// Reads a ledger; an assignment without one has no entries.
pub(super) fn load(path: &Path) -> Result<Vec<Equivalent>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path)?;
    let ledger: Ledger = toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
    for entry in &ledger.mutant {
        let short = entry.why.split_whitespace().count() < 5;
        ensure!(
            !short,
            "{}: {entry}: the reason is too short",
            path.display()
        );
    }
    Ok(ledger.mutant)
}
