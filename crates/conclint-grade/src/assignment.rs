//! An assignment: a directory with `assignment.toml` and the instructor's files.
//!
//! ```text
//! assignment.toml   rubric, budget, limits, what the gate allows
//! skeleton/         Cargo.toml: edition and crate name are the instructor's; modules to be used
//! starter/          what students begin with
//! reference/        gets full marks
//! hidden/tests.rs   the hidden tests, with modules beside it
//! public/           tests for students (not graded)
//! known-bad/        NAME.rs or NAME/, with expect.toml saying what each must lose
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::interface::{self, Interface};
use crate::late::Late;
use crate::test_names::{self, Tests};
use crate::text;

/// What `assignment.toml` holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// `conclint/assignment/1`.
    pub schema: String,
    /// Short name.
    pub name: String,
    /// For people.
    pub title: String,
    /// Files taken from a submission, relative to it, with `/`. Nothing else reaches the build.
    pub files: Vec<String>,
    /// The starter gets at most so many points.
    #[serde(default)]
    pub starter_bound: f64,
    /// The starter has to compile; not where making it compile is the exercise.
    #[serde(default = "yes")]
    pub starter_compiles: bool,
    /// Public functions and fields must have the types that the starter gives them. Without this,
    /// hidden tests have to pin types themselves: see [`crate::interface`].
    #[serde(default = "yes")]
    pub fixed_interface: bool,
    /// How much is explored.
    pub budget: Budget,
    /// What programs may use up.
    #[serde(default)]
    pub limits: Limits,
    /// What the safety gate lets through.
    #[serde(default)]
    pub gate: Gate,
    /// What lateness costs.
    pub late: Option<Late>,
    /// The rubric.
    #[serde(rename = "criterion")]
    pub criteria: Vec<Criterion>,
}

/// How much is explored. Counted in schedules, never in seconds.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Schedules for each explored test, shared by the seeds.
    pub schedules: u64,
    /// The seeds; the same for everybody, secret until the due date.
    pub seeds: Vec<u64>,
    /// The search strategy.
    #[serde(default = "portfolio")]
    pub strategy: String,
    /// Steps of one execution before a fair scheduler takes over.
    #[serde(default = "max_steps")]
    pub max_steps: u64,
}

fn yes() -> bool {
    true
}

fn portfolio() -> String {
    "portfolio".to_owned()
}

fn max_steps() -> u64 {
    20_000
}

/// What programs may use up. They protect the grader; no mark hangs on them in the usual case.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// Processor seconds of the compiler.
    pub compile_seconds: u64,
    /// Processor seconds of a test process.
    pub run_seconds: u64,
    /// Address space of the compiler, in MiB.
    pub compile_memory: u64,
    /// Address space of a test process, in MiB.
    pub run_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            compile_seconds: 60,
            run_seconds: 300,
            compile_memory: 4096,
            run_memory: 2048,
        }
    }
}

/// What the safety gate lets through.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Gate {
    /// Modules of std that are refused otherwise: `env`, `fs`, `net`, `os`, `path`, `process` ...
    pub allow: Vec<String>,
}

/// A line of the rubric.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Criterion {
    /// Short name, unique.
    pub id: String,
    /// For students. Must not give a hidden test away.
    pub title: String,
    /// Points to get.
    pub points: f64,
    /// What the points hang on.
    pub source: Source,
    /// Criteria that have to be met first, in part at least; otherwise this one is not run.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Points are shared by the tests instead of lost with the first.
    #[serde(default)]
    pub each: bool,
    /// Lints: points off for each finding.
    pub deduct: Option<f64>,
    /// Lints: each lint costs once, however often it fires.
    #[serde(default)]
    pub deduct_once: bool,
    /// Points beyond the total.
    #[serde(default)]
    pub extra_credit: bool,
    /// Who sees it, and when.
    #[serde(default)]
    pub visibility: Visibility,
    /// What to do when it is lost, for students.
    #[serde(default)]
    pub advice: String,
    /// Which failures that is said of.
    #[serde(default)]
    pub advice_for: AdviceFor,
}

/// Which failures a criterion's advice is about. A panic is none of them, nor is a wrong result
/// that needs no interruption: what an author has in mind is interleavings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum AdviceFor {
    /// Wrong results, and threads that never end.
    #[default]
    All,
    /// Wrong results only.
    Values,
}

/// What a criterion hangs on.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The submission compiles, and the hidden tests against it.
    Compiles,
    /// No code of the submission panics in any test.
    NoPanic,
    /// Hidden tests that run once, under the default schedule.
    Run(Vec<String>),
    /// Hidden tests that are explored.
    Explore(Vec<String>),
    /// Lints, by name or code, that must find nothing; `grading` stands for all of that level.
    Lints(Vec<String>),
}

/// Who sees a criterion.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Students, at once.
    #[default]
    Visible,
    /// Students, after the due date.
    AfterDueDate,
    /// The instructor only.
    Hidden,
}

impl Visibility {
    /// Who sees it after the due date.
    #[must_use]
    pub fn released(self) -> Self {
        match self {
            Visibility::Visible | Visibility::AfterDueDate => Visibility::Visible,
            Visibility::Hidden => Visibility::Hidden,
        }
    }
}

/// An assignment that was read and found sound.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Its directory.
    pub dir: PathBuf,
    /// What `assignment.toml` says.
    pub manifest: Manifest,
    /// Name of the crate that submissions are compiled as.
    pub crate_name: String,
    /// Its edition.
    pub edition: String,
    /// The hidden tests, by path relative to `hidden/`.
    pub hidden: BTreeMap<String, Vec<u8>>,
    /// Modules that the instructor provides, by path relative to `skeleton/`.
    pub provided: BTreeMap<String, Vec<u8>>,
    /// The starter's functions and types, which a submission has to keep.
    pub interface: Interface,
    /// The skeleton depends on crates besides std.
    pub has_dependencies: bool,
    /// SHA-256 over everything that marks depend on.
    pub hash: String,
}

impl Assignment {
    /// Reads an assignment.
    ///
    /// # Errors
    /// Where a file is missing or says something that makes no sense, with its name.
    pub fn load(dir: &Path) -> Result<Self> {
        let dir = dir
            .canonicalize()
            .with_context(|| format!("no assignment at {}", dir.display()))?;
        let path = dir.join("assignment.toml");
        let text = read(&path)?;
        let manifest: Manifest = parse(&path, &text)?;
        validate(&manifest).with_context(|| format!("{}", path.display()))?;
        let skeleton = Skeleton::read(&dir.join("skeleton/Cargo.toml"))?;
        let hidden = tree(&dir.join("hidden"))?;
        if !hidden.contains_key(test_names::ROOT) {
            bail!("{}: there is no hidden/tests.rs", dir.display());
        }
        let tests = Tests::of(&hidden);
        unknown_tests(&manifest, &tests).with_context(|| format!("{}", path.display()))?;
        for (name, bytes) in hidden.iter().filter(|(name, _)| name.ends_with(".rs")) {
            let text = String::from_utf8_lossy(bytes);
            interface::no_globs(&skeleton.name, name, &text)
                .with_context(|| format!("{}", dir.display()))?;
        }
        let mut provided = tree(&dir.join("skeleton"))?;
        provided.retain(|name, _| name.ends_with(".rs") && !name.starts_with("vendor/"));
        let interface = if manifest.fixed_interface {
            let file = dir.join("starter").join(&manifest.files[0]);
            Interface::of(&skeleton.name, &read(&file)?)
                .with_context(|| format!("{}", file.display()))?
        } else {
            Interface::default()
        };
        let mut parts: Vec<Vec<u8>> = vec![text.into_bytes(), skeleton.text.into_bytes()];
        parts.push(interface.text.clone().into_bytes());
        parts.push(fs::read(dir.join("skeleton/Cargo.lock")).unwrap_or_default());
        for (name, bytes) in hidden.iter().chain(&provided) {
            parts.push(name.clone().into_bytes());
            parts.push(bytes.clone());
        }
        Ok(Assignment {
            hash: text::hash(parts),
            dir,
            manifest,
            crate_name: skeleton.name,
            edition: skeleton.edition,
            has_dependencies: skeleton.has_dependencies,
            hidden,
            provided,
            interface,
        })
    }

    /// Shows students what they see after the due date. No mark hangs on it, nor the hash.
    pub fn release(&mut self) {
        for criterion in &mut self.manifest.criteria {
            criterion.visibility = criterion.visibility.released();
        }
    }

    /// Points for everything that is no extra credit.
    #[must_use]
    pub fn max_points(&self) -> f64 {
        let criteria = self.manifest.criteria.iter();
        criteria.filter(|c| !c.extra_credit).map(|c| c.points).sum()
    }

    /// The file that a submission of a single file is taken for.
    #[must_use]
    pub fn main_file(&self) -> &str {
        self.manifest.files.first().map_or("src/lib.rs", |f| f)
    }

    /// Every test that is run once, and every test that is explored, in the rubric's order.
    #[must_use]
    pub fn tests(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut run, mut explored) = (Vec::new(), Vec::new());
        for criterion in &self.manifest.criteria {
            let (list, tests) = match &criterion.source {
                Source::Run(tests) => (&mut run, tests),
                Source::Explore(tests) => (&mut explored, tests),
                _ => continue,
            };
            for test in tests {
                if !list.contains(&test.as_str()) {
                    list.push(test.as_str());
                }
            }
        }
        (run, explored)
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads TOML; what is wrong comes with its line.
///
/// # Errors
/// `FILE:LINE: what is wrong`.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        anyhow::anyhow!("{}:{line}: {}", path.display(), error.message())
    })
}

/// Every file below `dir`, by its relative path with `/`.
pub(crate) fn tree(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", dir.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let relative = entry.path().strip_prefix(dir).unwrap_or(entry.path());
        let name: Vec<_> = relative.iter().map(|p| p.to_string_lossy()).collect();
        files.insert(name.join("/"), fs::read(entry.path())?);
    }
    Ok(files)
}

/// What the skeleton's manifest says.
struct Skeleton {
    name: String,
    edition: String,
    has_dependencies: bool,
    text: String,
}

impl Skeleton {
    fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let table: toml::Table = parse(path, &text)?;
        let filled = |key: &str| {
            let list = table.get(key).and_then(toml::Value::as_table);
            list.is_some_and(|list| !list.is_empty())
        };
        ensure!(
            !filled("build-dependencies"),
            "{}: [build-dependencies]: submissions have no build script",
            path.display()
        );
        let field = |key: &str| {
            let value = table.get("package").and_then(|p| p.get(key));
            value.and_then(toml::Value::as_str).map(str::to_owned)
        };
        let name = field("name").with_context(|| format!("{}: no package.name", path.display()))?;
        let edition = field("edition").unwrap_or_else(|| "2024".to_owned());
        if !["2015", "2018", "2021", "2024"].contains(&edition.as_str()) {
            bail!("{}: no such edition: {edition}", path.display());
        }
        Ok(Skeleton {
            name: name.replace('-', "_"),
            edition,
            has_dependencies: filled("dependencies") || filled("dev-dependencies"),
            text,
        })
    }
}

/// Refuses names of tests that there are not. Macros could define tests that are not seen here, so
/// files with one are left to the run.
fn unknown_tests(manifest: &Manifest, tests: &Tests) -> Result<()> {
    if !tests.all {
        return Ok(());
    }
    for criterion in &manifest.criteria {
        if let Source::Run(named) | Source::Explore(named) = &criterion.source {
            for test in named {
                ensure!(
                    tests.names.contains(test),
                    "criterion {}: hidden/tests.rs has no test {test:?}{}",
                    criterion.id,
                    similar(test, tests.names.iter().map(String::as_str))
                );
            }
        }
    }
    Ok(())
}

/// `; did you mean ..?`, where a name is close.
fn similar<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
    let close = |name: &&str| {
        let (a, b) = (wrong.replace('-', "_"), name.replace('-', "_"));
        a == b || a.contains(&b) || b.contains(&a) || {
            let same = a.chars().zip(b.chars()).filter(|(x, y)| x == y).count();
            same + 2 >= a.chars().count().max(b.chars().count())
        }
    };
    let mut near = names.filter(close);
    near.next()
        .map_or(String::new(), |name| format!("; did you mean {name:?}?"))
}

fn validate(manifest: &Manifest) -> Result<()> {
    ensure!(
        manifest.schema == "conclint/assignment/1",
        "schema: {:?} is not \"conclint/assignment/1\"",
        manifest.schema
    );
    ensure!(!manifest.files.is_empty(), "files: there are none");
    for file in &manifest.files {
        ensure!(
            crate::intake::is_plain_path(file) && file.ends_with(".rs"),
            "files: {file:?} is not a relative path of a Rust file"
        );
    }
    let budget = &manifest.budget;
    ensure!(!budget.seeds.is_empty(), "budget.seeds: there are none");
    ensure!(
        budget.schedules >= budget.seeds.len() as u64,
        "budget.schedules: fewer than seeds"
    );
    let known = ["portfolio", "random", "pct", "pos", "bounded", "exhaustive"];
    ensure!(
        known.contains(&budget.strategy.as_str()),
        "budget.strategy: {:?} is none of {}",
        budget.strategy,
        known.join(", ")
    );
    if let Some(late) = &manifest.late {
        ensure!(
            late.penalty(&late.due).is_some(),
            "late.due: {:?} is no time; write it as 2026-12-01T23:59:59Z",
            late.due
        );
        ensure!(
            late.per_day.is_finite() && late.per_day >= 0.0,
            "late.per-day must not be negative"
        );
    }
    ensure!(!manifest.criteria.is_empty(), "criterion: there are none");
    let mut seen = BTreeSet::new();
    for criterion in &manifest.criteria {
        let id = &criterion.id;
        let sound = |points: f64| points.is_finite() && points >= 0.0;
        ensure!(
            sound(criterion.points),
            "criterion {id}: points must not be negative"
        );
        ensure!(
            criterion.deduct.is_none_or(sound),
            "criterion {id}: deduct must not be negative"
        );
        for need in &criterion.needs {
            ensure!(
                seen.contains(need),
                "criterion {id}: needs {need:?}, which is no criterion above it"
            );
        }
        let one_line = |t: &String| !t.is_empty() && !t.contains(char::is_whitespace);
        match &criterion.source {
            Source::Run(tests) | Source::Explore(tests) => ensure!(
                !tests.is_empty() && tests.iter().all(one_line),
                "criterion {id}: names of tests are missing or no names"
            ),
            Source::Lints(lints) => {
                for lint in lints.iter().filter(|l| *l != "grading") {
                    conclint_check::lint(lint)
                        .map_err(|e| anyhow::anyhow!("criterion {id}: {e}"))?;
                }
            }
            Source::Compiles | Source::NoPanic => {}
        }
        ensure!(seen.insert(id.clone()), "criterion {id}: there are two");
    }
    Ok(())
}
