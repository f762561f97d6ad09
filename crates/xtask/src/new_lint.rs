//! `cargo xtask new-lint NAME`: lays out a lint's folder.
//!
//! What it writes fails the tests until it is filled in: a page whose example
//! must fire, and a check that finds nothing yet.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::codegen::{Codegen, lints_dir, scan};

/// Lay out the folder of a new lint.
#[derive(Debug, Args)]
pub struct NewLint {
    /// Kebab-case, reads after "allow": `check-then-act`.
    name: String,
    /// Its code for ever (CL1xx locks, CL2xx threads, CL3xx channels, CL4xx
    /// atomics, CL5xx async); the next free one of the group by default.
    #[arg(long)]
    code: Option<String>,
    /// Group of the computed code: 1 to 5.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=9))]
    group: u32,
}

impl NewLint {
    /// Runs the command.
    pub fn run(&self) -> Result<()> {
        ensure!(is_kebab(&self.name), "`{}` is not kebab-case", self.name);
        let dir = lints_dir();
        let taken: Vec<String> = scan(&dir)?.into_iter().map(|lint| lint.code).collect();
        let code = match &self.code {
            Some(code) => code.clone(),
            None => next_code(&taken, self.group)?,
        };
        ensure!(is_code(&code), "`{code}` is no code: CL and three digits");
        if taken.contains(&code) {
            bail!("{code} is taken");
        }
        let folder = dir.join(self.name.replace('-', "_"));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::write(folder.join("mod.rs"), source(&self.name, &code))?;
        fs::write(folder.join("lint.md"), page(&self.name, &code))?;
        Codegen::write()?;
        println!(
            "crates/conclint-lints/src/{}: fill in lint.md first, it is the test",
            self.name.replace('-', "_")
        );
        Ok(())
    }
}

fn is_kebab(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

fn is_code(code: &str) -> bool {
    code.strip_prefix("CL")
        .is_some_and(|digits| digits.len() == 3 && digits.chars().all(|c| c.is_ascii_digit()))
}

/// One more than the highest code of the group: a code is never used again.
fn next_code(taken: &[String], group: u32) -> Result<String> {
    let first = group * 100;
    let highest = taken
        .iter()
        .filter_map(|code| code.strip_prefix("CL")?.parse::<u32>().ok())
        .filter(|code| (first..first + 100).contains(code))
        .max()
        .unwrap_or(first);
    ensure!(highest + 1 < first + 100, "group {group} is full");
    Ok(format!("CL{}", highest + 1))
}

fn source(name: &str, code: &str) -> String {
    format!(
        r#"//! FILL IN: one sentence, what it finds.

use conclint_diag::{{Finding, Severity}};
use conclint_facts::Analysis;

use crate::{{Level, Lint, Settings}};

/// The lint.
pub static LINT: Lint = Lint {{
    name: "{name}",
    code: "{code}",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "FILL IN: one line",
    page: include_str!("lint.md"),
    check,
}};

fn check(_analysis: &Analysis, _: &Settings, _findings: &mut Vec<Finding>) {{
    // FILL IN: until findings are pushed here, the page's example fails.
}}
"#
    )
}

fn page(name: &str, code: &str) -> String {
    format!(
        "# {name} ({code})

FILL IN: one sentence, the summary.

## What it finds

FILL IN

## Why it hurts

FILL IN: the two threads, or the one that waits.

## Example

```rust
// FILL IN: a whole program, std only; the mark stands where the lint must fire.
fn main() {{}} //~ {name}
```

## Write this instead

```rust
// FILL IN: the same program, right.
fn main() {{}}
```

## Known limits

FILL IN
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        assert!(is_kebab("check-then-act") && is_kebab("x2"));
        assert!(
            !is_kebab("Check")
                && !is_kebab("a--b")
                && !is_kebab("")
                && !is_kebab("a_b")
                && !is_kebab("-a")
        );
        assert!(is_code("CL107") && !is_code("CL1") && !is_code("107") && !is_code("CL10a"));
    }

    #[test]
    fn the_next_code_follows_the_highest_of_its_group() {
        let taken = ["CL101", "CL108", "CL201"].map(str::to_owned);
        assert_eq!(next_code(&taken, 1).ok().as_deref(), Some("CL109"));
        assert_eq!(next_code(&taken, 2).ok().as_deref(), Some("CL202"));
        assert_eq!(next_code(&taken, 3).ok().as_deref(), Some("CL301"));
        assert!(next_code(&["CL199".to_owned()], 1).is_err());
    }

    #[test]
    fn a_fresh_page_cannot_pass() {
        let page = page("check-then-act", "CL107");
        assert!(page.contains("//~ check-then-act"), "the example must fire");
        assert!(page.contains("FILL IN"), "pages with this word are refused");
    }
}
