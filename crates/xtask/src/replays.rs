//! `cargo xtask replays`: saved failures, run again.
//!
//! Every project is explored with several seeds and strategies, and each failing schedule is kept.
//! Then all that was built is removed, and every one is replayed by a process of its own, which
//! builds the project anew. A replay counts where the whole story is the same: verdict, sentence,
//! waits and timeline.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use conclint_diag::explore::Explored;
use conclint_explore::Request;

/// The strategies by turns: each finds another schedule of the same failure.
const STRATEGIES: [&str; 4] = ["portfolio", "random", "pos", "pct"];

/// Replays saved failures after `cargo clean`, each in a new process.
#[derive(Debug, clap::Args)]
pub struct Replays {
    /// Cargo projects, or directories of them; `fixtures/programs` unless given.
    #[arg(value_name = "DIR")]
    projects: Vec<PathBuf>,
    /// Stop collecting after so many failures.
    #[arg(long, value_name = "N", default_value_t = 120)]
    failures: usize,
    /// Go round the projects at most so often, each time with another seed.
    #[arg(long, value_name = "N", default_value_t = 4)]
    rounds: u64,
    /// Schedules a test while collecting.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    schedules: u64,
    /// Seconds a test while collecting.
    #[arg(long, value_name = "S", default_value_t = 5)]
    seconds: u64,
    /// Only replay this file, in the one project, and print what came of it.
    #[arg(long, value_name = "FILE", requires = "target_dir", hide = true)]
    one: Option<PathBuf>,
    /// Where to build; a temporary directory unless given.
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

/// A failure that was found, and the story that it had.
struct Saved {
    project: usize,
    test: String,
    file: PathBuf,
    story: String,
}

impl Replays {
    /// Collects and replays.
    pub fn run(mut self) -> Result<()> {
        if self.projects.is_empty() {
            self.projects.push("fixtures/programs".into());
        }
        let projects = projects(&self.projects)?;
        if let (Some(file), [project]) = (&self.one, projects.as_slice()) {
            let request = self.request(project, self.target_dir.clone(), 0);
            let outcome = conclint_explore::replay(&request, file, &())?;
            let test = outcome.exploration.tests.first();
            println!("{}", story(test.context("no such test")?));
            return Ok(());
        }
        let scratch = tempfile::tempdir()?;
        let target = |project: usize| match &self.target_dir {
            Some(dir) => dir.join(project.to_string()),
            None => scratch.path().join(project.to_string()),
        };
        let store = tempfile::tempdir()?;
        let mut saved = Vec::new();
        for round in 0..self.rounds {
            for (index, project) in projects.iter().enumerate() {
                if saved.len() < self.failures {
                    let request = self.request(project, Some(target(index)), round);
                    collect(&request, index, store.path(), &mut saved)?;
                }
            }
        }
        for index in 0..projects.len() {
            let target = target(index);
            if target.exists() {
                fs::remove_dir_all(target)?;
            }
        }
        let different: BTreeSet<Vec<u8>> = saved
            .iter()
            .map(|s| fs::read(&s.file))
            .collect::<Result<_, _>>()?;
        let different = different.len();
        let mut same = 0;
        for failure in &saved {
            let project = projects.get(failure.project).context("no such project")?;
            match again(project, &target(failure.project), &failure.file) {
                Ok(story) if story == failure.story => same += 1,
                Ok(story) => {
                    let (was, test) = (&failure.story, &failure.test);
                    println!("{}: {test}: was {was}, is {story}", project.display());
                }
                Err(error) => println!("{}: {}: {error:#}", project.display(), failure.test),
            }
        }
        let all = saved.len();
        println!("{same} of {all} saved failures replay ({different} different schedules)");
        ensure!(same == all, "{} do not", all - same);
        Ok(())
    }

    fn request(&self, project: &Path, target_dir: Option<PathBuf>, round: u64) -> Request {
        let turn = usize::try_from(round).unwrap_or(0) % STRATEGIES.len();
        Request {
            dir: project.to_owned(),
            target_dir,
            schedules: self.schedules,
            time: Duration::from_secs(self.seconds),
            seed: round,
            strategy: STRATEGIES.get(turn).copied().unwrap_or_default().to_owned(),
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            keep_going: true,
            ..Request::default()
        }
    }
}

/// The given directories, or the projects in them.
fn projects(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let is_project = |dir: &Path| dir.join("Cargo.toml").is_file();
    let mut projects = Vec::new();
    for dir in given {
        let dir = std::path::absolute(dir)?;
        if is_project(&dir) {
            projects.push(dir);
            continue;
        }
        let entries = fs::read_dir(&dir).with_context(|| dir.display().to_string())?;
        let mut inside = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if is_project(&path) {
                inside.push(path);
            }
        }
        inside.sort();
        projects.append(&mut inside);
    }
    Ok(projects)
}

/// Explores a project and keeps the schedules of what fails.
fn collect(request: &Request, project: usize, store: &Path, saved: &mut Vec<Saved>) -> Result<()> {
    let outcome =
        conclint_explore::run(request, &()).with_context(|| request.dir.display().to_string())?;
    for test in &outcome.exploration.tests {
        let file = test.failure.as_ref().and_then(|f| f.schedule_file.as_ref());
        let Some(file) = file else {
            continue;
        };
        let kept = store.join(format!("{}.json", saved.len()));
        fs::copy(request.dir.join(file), &kept)?;
        saved.push(Saved {
            project,
            test: test.test.clone(),
            file: kept,
            story: story(test),
        });
    }
    Ok(())
}

/// Replays a schedule in a process of its own and gives the story that it tells.
fn again(project: &Path, target: &Path, file: &Path) -> Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .args(["replays", "--one"])
        .arg(file)
        .arg("--target-dir")
        .arg(target)
        .arg(project)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The verdict in a word, and everything that is shown of the failure as a hash.
fn story(test: &Explored) -> String {
    let mut hasher = DefaultHasher::new();
    let kind = match &test.failure {
        None => "",
        Some(f) => {
            let shown = format!(
                "{}\n{}\n{:?}\n{:?}\n{:?}",
                f.message, f.explanation, f.panics, f.stuck, f.timeline
            );
            shown.hash(&mut hasher);
            &f.kind
        }
    };
    let verdict = test.verdict.as_str();
    format!("{verdict} {kind} {:016x}", hasher.finish())
}
