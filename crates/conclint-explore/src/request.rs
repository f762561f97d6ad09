//! What is to be explored, and how.

use std::path::PathBuf;
use std::time::Duration;

/// A request, in the terms of `cargo test` and of the search.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to run; the project is found from here.
    pub dir: PathBuf,
    /// Arguments that are handed to `cargo test` as they are: `-p`, `--features`, `--lib` ...
    pub cargo_args: Vec<String>,
    /// `--manifest-path`.
    pub manifest_path: Option<PathBuf>,
    /// `--target-dir`.
    pub target_dir: Option<PathBuf>,
    /// Only tests whose name contains one of these.
    pub filters: Vec<String>,
    /// Filters are whole names.
    pub exact: bool,
    /// Not these.
    pub skip: Vec<String>,
    /// Which of the ignored tests to run.
    pub ignored: Ignored,
    /// Schedules a test.
    pub schedules: u64,
    /// Time a test.
    pub time: Duration,
    /// Steps of one execution before a fair scheduler takes over.
    pub max_steps: u64,
    /// `portfolio`, `random`, `pct`, `pos`, `bounded`, `exhaustive`, or `bounded N` for at
    /// most N preemptions.
    pub strategy: String,
    /// Sleeps and timeouts end only when nobody else can move, or when they are due.
    pub timeouts_when_due: bool,
    /// Where the random strategies begin.
    pub seed: u64,
    /// How many tests are explored at a time.
    pub jobs: usize,
    /// Go on after the first failure.
    pub keep_going: bool,
    /// Only this part of the tests, from 1, of so many.
    pub partition: Option<(usize, usize)>,
}

/// Ignored tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Are skipped.
    Skip,
    /// Are the only ones that run.
    Only,
    /// Run with the others.
    Include,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("."),
            cargo_args: Vec::new(),
            manifest_path: None,
            target_dir: None,
            filters: Vec::new(),
            exact: false,
            skip: Vec::new(),
            ignored: Ignored::Skip,
            schedules: 10_000,
            time: Duration::from_secs(30),
            max_steps: 100_000,
            strategy: "portfolio".to_owned(),
            timeouts_when_due: false,
            seed: 0,
            jobs: 1,
            keep_going: true,
            partition: None,
        }
    }
}

impl Request {
    /// The test is asked for by the filters.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let hit = |pattern: &String| {
            if self.exact {
                name == pattern
            } else {
                name.contains(pattern.as_str())
            }
        };
        (self.filters.is_empty() || self.filters.iter().any(hit)) && !self.skip.iter().any(hit)
    }
}
