//! `cargo xtask explore-crates`: unedited packages under exploration.
//!
//! Each directory below the given one is a package as the registry has it. All of its tests are
//! explored with the whole dependency tree on the shadows. The table says how many tests reach a
//! verdict; the lines below each row name every failure and every test without one, with its
//! reason, so that each can be looked into.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use conclint_diag::explore::{Explored, Verdict};
use conclint_explore::{Ignored, Request};

/// The least share of tests that reach `passed` or `failed`, in percent.
const BAR: usize = 80;

/// Explores the packages in a directory.
#[derive(Debug, clap::Args)]
pub struct ExploreCrates {
    /// Where the packages are, each in a directory of its own.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only packages whose directory's name begins with one of these.
    #[arg(value_name = "NAME")]
    only: Vec<String>,
    /// Schedules a test.
    #[arg(long, value_name = "N", default_value_t = 300)]
    schedules: u64,
    /// Seconds a test.
    #[arg(long, value_name = "S", default_value_t = 5)]
    seconds: u64,
}

impl ExploreCrates {
    /// Explores them one after the other.
    pub fn run(self) -> Result<()> {
        let mut dirs = Vec::new();
        let entries = fs::read_dir(&self.dir);
        for entry in entries.with_context(|| format!("cannot read {}", self.dir.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let wanted = self.only.is_empty() || self.only.iter().any(|o| name.starts_with(o));
            if wanted && path.join("Cargo.toml").is_file() {
                dirs.push(path);
            }
        }
        dirs.sort();
        println!("package                        tests  judged  share  verdicts");
        let mut low = Vec::new();
        for dir in &dirs {
            let name = dir.file_name().unwrap_or_default().to_string_lossy();
            match self.explore(dir) {
                Ok(tests) => {
                    if row(&name, &tests) < BAR {
                        low.push(name.into_owned());
                    }
                    for note in tests.iter().filter_map(note) {
                        println!("  {note}");
                    }
                }
                Err(error) => {
                    println!("{name:30} {error:#}");
                    low.push(name.into_owned());
                }
            }
        }
        if !low.is_empty() {
            bail!("below {BAR} %: {}", low.join(", "));
        }
        Ok(())
    }

    fn explore(&self, dir: &Path) -> Result<Vec<Explored>> {
        let request = Request {
            dir: dir.to_path_buf(),
            schedules: self.schedules,
            time: Duration::from_secs(self.seconds),
            ignored: Ignored::Skip,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            keep_going: true,
            ..Request::default()
        };
        let outcome = conclint_explore::run(&request, &())?;
        Ok(outcome.exploration.tests)
    }
}

/// Prints a package's row and gives the share of judged tests among those that were run.
fn row(name: &str, tests: &[Explored]) -> usize {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for test in tests {
        *counts.entry(test.verdict).or_default() += 1;
    }
    let of = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    let run = tests.len() - of(Verdict::Skipped);
    let judged = run - of(Verdict::Inconclusive);
    let share = (judged * 100).checked_div(run).unwrap_or(100);
    let counts: Vec<String> = counts
        .iter()
        .map(|(verdict, n)| format!("{n} {}", verdict.as_str()))
        .collect();
    let counts = counts.join(", ");
    println!("{name:30} {run:5}  {judged:6}  {share:4} %  {counts}");
    share
}

/// What has to be looked into.
fn note(test: &Explored) -> Option<String> {
    let name = format!("{} {} {}", test.package, test.target, test.test);
    let verdict = test.verdict.as_str();
    match &test.failure {
        Some(failure) => Some(format!(
            "{verdict}: {name}: {}, {} preemptions: {} {}",
            failure.kind,
            failure.preemptions,
            failure.explanation,
            failure.notes.join(" "),
        )),
        None if test.verdict == Verdict::Inconclusive => {
            Some(format!("{verdict}: {name}: {}", test.reason))
        }
        None => None,
    }
}
