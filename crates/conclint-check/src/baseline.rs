//! The baseline: findings that are known and not to be fixed today.
//!
//! An entry names lint, file, the enclosing item of the first step and the
//! locks concerned, never a line, and how often that occurs. So it survives
//! edits elsewhere, and a second finding of the same kind in the same function
//! is a new one. Counts only fall: [`Baseline::pruned`] lowers them to what is
//! still there, and nothing but writing a baseline anew raises them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use conclint_diag::{Finding, Places};
use serde::Deserialize;

use crate::find::{read_text, slashes};
use crate::{ConfigError, Outcome};

pub use crate::narrow::directory;

/// The usual name of the file.
pub const FILE_NAME: &str = "conclint-baseline.toml";

const VERSION: u32 = 1;

/// More than a large code base needs.
const MAX_BYTES: u64 = 64 << 20;

const HEAD: &str = "\
# Findings that conclint knows of and does not report. Counts only fall:
# `conclint baseline prune` takes out what is fixed, `conclint baseline check`
# fails where something new or something fixed is found.
version = 1
";

/// What a finding is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The file, from the directory of the baseline.
    pub path: String,
    /// The lint's name.
    pub lint: String,
    /// The function of the first step.
    pub item: String,
    /// Locks and other objects concerned, sorted.
    pub locks: Vec<String>,
}

/// Known findings and how often each occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    counts: BTreeMap<Key, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u32,
    #[serde(default)]
    finding: Vec<WireEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    path: String,
    lint: String,
    item: String,
    locks: Vec<String>,
    count: usize,
}

/// How findings and a baseline differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Kinds of findings that occur more often than the baseline says, and by how many.
    pub risen: Vec<(Key, usize)>,
    /// Kinds that occur less often, and by how many.
    pub fallen: Vec<(Key, usize)>,
}

impl Baseline {
    /// The baseline of what is not suppressed in `outcome`, for a file in the directory `dir`.
    pub fn of(outcome: &Outcome, dir: &Path) -> Self {
        let names = Names::new(&outcome.base, dir);
        let mut counts = BTreeMap::new();
        for finding in outcome.findings.iter().filter(|f| f.suppressed.is_none()) {
            *counts.entry(names.key(finding)).or_insert(0) += 1;
        }
        Baseline { counts }
    }

    /// Reads a file.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = read_text(file, MAX_BYTES).map_err(|message| ConfigError {
            file: slashes(file),
            line: None,
            message,
        })?;
        Baseline::parse(&slashes(file), &text)
    }

    /// Reads the text of a file; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let bad = |line, message| ConfigError {
            file: file.to_owned(),
            line,
            message,
        };
        let wire: Wire = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            bad(line.and_then(|line| u32::try_from(line).ok()), message)
        })?;
        if wire.version != VERSION {
            let message = format!("version {} is not known, only {VERSION}", wire.version);
            return Err(bad(None, message));
        }
        let mut counts = BTreeMap::new();
        for entry in wire.finding {
            let mut locks = entry.locks;
            locks.sort();
            let key = Key {
                path: entry.path,
                lint: entry.lint,
                item: entry.item,
                locks,
            };
            let count: &mut usize = counts.entry(key).or_insert(0);
            *count = count.saturating_add(entry.count);
        }
        counts.retain(|_, count| *count > 0);
        Ok(Baseline { counts })
    }

    /// The text of a file: sorted, so that two branches merge well.
    pub fn text(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut out = HEAD.to_owned();
        for (key, count) in &self.counts {
            let locks: Vec<String> = key.locks.iter().map(|lock| quoted(lock)).collect();
            // Writing to a string does not fail.
            let _ = write!(
                out,
                "\n[[finding]]\npath = {}\nlint = {}\nitem = {}\nlocks = [{}]\ncount = {count}\n",
                quoted(&key.path),
                quoted(&key.lint),
                quoted(&key.item),
                locks.join(", "),
            );
        }
        out
    }

    /// How many findings it knows.
    pub fn len(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Compares with `now`. Entries that `looked_at` does not cover are taken
    /// to be as they were.
    pub fn compare(&self, now: &Baseline, looked_at: &LookedAt) -> Difference {
        let mut difference = Difference::default();
        let keys: BTreeSet<&Key> = self.counts.keys().chain(now.counts.keys()).collect();
        for key in keys {
            let count = |b: &Baseline| b.counts.get(key).copied().unwrap_or(0);
            let (known, found) = (count(self), count(now));
            if found > known {
                difference.risen.push((key.clone(), found - known));
            } else if found < known && looked_at.covers(key) {
                difference.fallen.push((key.clone(), known - found));
            }
        }
        difference
    }

    /// Lowers every count to what was found; nothing is added.
    #[must_use]
    pub fn pruned(&self, difference: &Difference) -> Baseline {
        let mut counts = self.counts.clone();
        for (key, fewer) in &difference.fallen {
            if let Some(count) = counts.get_mut(key) {
                *count = count.saturating_sub(*fewer);
            }
        }
        counts.retain(|_, count| *count > 0);
        Baseline { counts }
    }

    /// Takes out of `findings` those it knows, first ones first, and returns
    /// how many. Suppressed ones stay and use up nothing.
    pub(crate) fn hide(&self, findings: &mut Vec<Finding>, names: &Names) -> usize {
        let mut left = self.counts.clone();
        let before = findings.len();
        findings.retain(|finding| {
            if finding.suppressed.is_some() {
                return true;
            }
            match left.get_mut(&names.key(finding)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            }
        });
        before - findings.len()
    }
}

/// How the files of findings are called in a baseline.
pub(crate) struct Names {
    places: Places,
    dir: String,
}

impl Names {
    /// Paths of findings are relative to `base`, the baseline lies in `dir`.
    pub(crate) fn new(base: &Path, dir: &Path) -> Self {
        Names {
            places: Places {
                base: slashes(base),
                ..Places::default()
            },
            dir: slashes(dir),
        }
    }

    fn path(&self, shown: &str) -> String {
        self.places.from_dir(&self.dir, shown)
    }

    fn key(&self, finding: &Finding) -> Key {
        let steps = || finding.paths.iter().flat_map(|path| &path.steps);
        let locks: BTreeSet<&str> = steps()
            .map(|step| step.object.as_str())
            .filter(|object| !object.is_empty())
            .collect();
        Key {
            path: self.path(&finding.primary().file),
            lint: finding.rule.to_owned(),
            item: steps()
                .next()
                .map_or_else(String::new, |s| s.function.clone()),
            locks: locks.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// What a run covers: an entry outside of it is neither fixed nor stale.
#[derive(Debug, Clone)]
pub struct LookedAt {
    lints: BTreeSet<&'static str>,
    files: BTreeSet<String>,
    dir: PathBuf,
}

impl LookedAt {
    /// What `outcome` covers, for a baseline in the directory `dir`.
    pub fn of(outcome: &Outcome, dir: &Path) -> Self {
        let names = Names::new(&outcome.base, dir);
        LookedAt {
            lints: outcome.lints.iter().map(|lint| lint.name).collect(),
            files: outcome.sources.keys().map(|f| names.path(f)).collect(),
            dir: dir.to_owned(),
        }
    }

    /// The lint ran over the file, or the file is gone.
    fn covers(&self, key: &Key) -> bool {
        self.lints.contains(&*key.lint)
            && (self.files.contains(&key.path) || !self.dir.join(&key.path).exists())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::suppress::tests::finding;

    fn outcome(findings: Vec<Finding>) -> Outcome {
        let mut outcome = Outcome {
            findings,
            lints: vec![crate::lint("double-lock").unwrap()],
            base: PathBuf::from("/w/repo/crates"),
            ..Outcome::default()
        };
        for file in ["a.rs", "b.rs"] {
            outcome.sources.insert(Arc::from(file), Arc::from(""));
        }
        outcome
    }

    fn known(findings: Vec<Finding>) -> Baseline {
        Baseline::of(&outcome(findings), Path::new("/w/repo"))
    }

    #[test]
    fn lines_do_not_matter_and_counts_do() {
        let baseline = known(vec![finding("double-lock", "a.rs", 1)]);
        let names = Names::new(Path::new("/w/repo/crates"), Path::new("/w/repo"));
        let mut findings = vec![
            finding("double-lock", "a.rs", 70),
            finding("double-lock", "a.rs", 90),
            finding("double-lock", "b.rs", 70),
        ];
        assert_eq!(baseline.hide(&mut findings, &names), 1);
        let left: Vec<_> = findings.iter().map(|f| f.primary().line).collect();
        assert_eq!(left, [90, 70]);
    }

    #[test]
    fn what_is_suppressed_uses_up_nothing() {
        let baseline = known(vec![finding("double-lock", "a.rs", 1)]);
        let names = Names::new(Path::new("/w/repo/crates"), Path::new("/w/repo"));
        let mut quiet = finding("double-lock", "a.rs", 1);
        quiet.suppressed = Some("why".to_owned());
        let mut findings = vec![quiet, finding("double-lock", "a.rs", 2)];
        assert_eq!(baseline.hide(&mut findings, &names), 1);
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn the_text_is_read_back() {
        let mut odd = finding("double-lock", "b.rs", 1);
        odd.paths[0].steps[0].function = "a\"b\n]'''".to_owned();
        let baseline = known(vec![finding("double-lock", "a.rs", 1), odd]);
        let text = baseline.text();
        assert!(text.contains("\npath = \"crates/a.rs\"\n"), "{text}");
        assert_eq!(Baseline::parse("x", &text).unwrap(), baseline);
        assert_eq!(Baseline::default().text(), HEAD);
    }

    #[test]
    fn a_broken_file_says_where() {
        let error = |text| Baseline::parse("b.toml", text).unwrap_err().to_string();
        assert_eq!(
            error("version = 2\n"),
            "b.toml: version 2 is not known, only 1"
        );
        assert!(
            error("version = 1\n[[finding]]\nlin = 1\n")
                .starts_with("b.toml:3: unknown field `lin`")
        );
        assert!(error("version = ").starts_with("b.toml:1: "));
    }

    #[test]
    fn counts_only_fall() {
        let two = known(vec![
            finding("double-lock", "a.rs", 1),
            finding("double-lock", "a.rs", 2),
        ]);
        let now = outcome(vec![
            finding("double-lock", "a.rs", 1),
            finding("double-lock", "b.rs", 2),
        ]);
        let dir = Path::new("/w/repo");
        let (found, looked_at) = (Baseline::of(&now, dir), LookedAt::of(&now, dir));
        let difference = two.compare(&found, &looked_at);
        let paths = |list: &[(Key, usize)]| -> Vec<(String, usize)> {
            list.iter().map(|(k, n)| (k.path.clone(), *n)).collect()
        };
        assert_eq!(paths(&difference.risen), [("crates/b.rs".to_owned(), 1)]);
        assert_eq!(paths(&difference.fallen), [("crates/a.rs".to_owned(), 1)]);
        let pruned = two.pruned(&difference);
        assert_eq!((pruned.len(), pruned.is_empty()), (1, false));
        let again = pruned.compare(&found, &looked_at);
        assert!(again.fallen.is_empty());
        assert_eq!(again.risen, difference.risen);
    }

    #[test]
    fn what_did_not_run_is_not_fixed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("c.rs"), "").unwrap();
        let mut now = outcome(Vec::new());
        now.base = dir.path().to_owned();
        let baseline = |lint, file| {
            let text = format!(
                "version = 1\n[[finding]]\npath = '{file}'\nlint = '{lint}'\nitem = ''\nlocks = []\ncount = 1\n"
            );
            Baseline::parse("x", &text).unwrap()
        };
        let looked_at = LookedAt::of(&now, dir.path());
        let fallen = |lint, file| {
            let known: Baseline = baseline(lint, file);
            known.compare(&Baseline::default(), &looked_at).fallen.len()
        };
        assert_eq!(fallen("double-lock", "a.rs"), 1, "looked at");
        assert_eq!(fallen("double-lock", "gone.rs"), 1, "deleted");
        assert_eq!(fallen("double-lock", "c.rs"), 0, "there, and not looked at");
        assert_eq!(fallen("unjoined-thread", "a.rs"), 0, "did not run");
    }
}
