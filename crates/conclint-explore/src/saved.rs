//! Failing schedules as files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::answer::TestResult;
use crate::build::{Binary, Project};
use crate::drive::schedules_dir;

const SCHEMA: &str = "conclint/schedule/1";

/// What a schedule file holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saved {
    pub schema: String,
    pub tool: String,
    pub rustc: String,
    pub package: String,
    pub target: String,
    pub test: String,
    /// Arguments of the build.
    pub cargo_args: Vec<String>,
    pub max_steps: u64,
    pub fingerprint: String,
    pub flags: u64,
    pub deviations: Vec<(u32, u32, u32)>,
    /// The same in words, for when the code has changed and one of them no longer applies.
    #[serde(default)]
    pub switches: Vec<String>,
}

/// Letters, digits and dashes only.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect()
}

/// Saves a failing schedule under a name that the same test always gets.
pub(crate) fn save(project: &Project, saved: &Saved) -> Result<PathBuf> {
    let dir = schedules_dir(project);
    fs::create_dir_all(&dir)?;
    let name = format!(
        "{}.{}.{}.json",
        plain(&saved.package),
        plain(&saved.target),
        plain(&saved.test)
    );
    let path = dir.join(name);
    let mut text = serde_json::to_string_pretty(saved)?;
    text.push('\n');
    fs::write(&path, text)?;
    Ok(path)
}

pub(crate) fn load(path: &Path) -> Result<Saved> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let saved: Saved = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a schedule", path.display()))?;
    if saved.schema != SCHEMA {
        bail!("{}: {} is not {SCHEMA}", path.display(), saved.schema);
    }
    Ok(saved)
}

/// The file for an explored test that failed.
pub(crate) fn of(
    binary: &Binary,
    answer: &TestResult,
    rustc: &str,
    cargo_args: &[String],
) -> Option<Saved> {
    let failure = answer.failure.as_ref()?;
    Some(Saved {
        schema: SCHEMA.to_owned(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: rustc.to_owned(),
        package: binary.package.clone(),
        target: binary.target.clone(),
        test: answer.test.clone(),
        cargo_args: cargo_args.to_vec(),
        max_steps: answer.max_steps,
        fingerprint: failure.fingerprint.clone(),
        flags: failure.flags,
        deviations: failure.deviations.clone(),
        switches: Vec::new(),
    })
}

/// The path to write on a command line in `dir`.
pub(crate) fn shown(path: &Path, dir: &Path) -> String {
    let absolute = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
    let (path, dir) = (absolute(path), absolute(dir));
    for (up, ancestor) in dir.ancestors().enumerate() {
        // Far up, the whole path is easier to read.
        if up > 3 {
            break;
        }
        if let Ok(rest) = path.strip_prefix(ancestor) {
            return Path::new(&"../".repeat(up))
                .join(rest)
                .display()
                .to_string();
        }
    }
    path.display().to_string()
}
