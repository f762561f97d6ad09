//! `cargo xtask build-ratio`: what exploring adds to a project's build.
//!
//! Each project is built twice from nothing, once as `cargo test --no-run` builds it and once for
//! exploring, with the runtime in the cache already. The rounds alternate, so that a slow moment
//! of the machine meets both; the median of the rounds' ratios counts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use conclint_explore::Request;

/// The most that building for exploring may cost, in plain builds.
const BAR: f64 = 1.5;

/// A test that no project has, so that nothing is explored.
const NO_TEST: &str = "conclint::build_ratio::no_such_test";

/// Compares building for exploring with a plain build of the tests.
#[derive(Debug, clap::Args)]
pub struct BuildRatio {
    /// The projects.
    #[arg(value_name = "DIR", required = true)]
    projects: Vec<PathBuf>,
    /// How often each is built.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

impl BuildRatio {
    /// Builds them one after the other.
    pub fn run(self) -> Result<()> {
        conclint_explore::prepare(Path::new("."), &())?;
        let mut over = Vec::new();
        for project in &self.projects {
            let name = project.display().to_string();
            let mut rounds = Vec::new();
            for _ in 0..self.rounds.max(1) {
                rounds.push((plain(project)?, explored(project)?));
            }
            let ratio = |(plain, explored): &(Duration, Duration)| {
                explored.as_secs_f64() / plain.as_secs_f64()
            };
            rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
            let Some(median) = rounds.get(rounds.len() / 2) else {
                continue;
            };
            println!(
                "{name}: {:.2} times ({:.1} s plain, {:.1} s for exploring; best round {:.2})",
                ratio(median),
                median.0.as_secs_f64(),
                median.1.as_secs_f64(),
                rounds.first().map_or(0.0, ratio),
            );
            if ratio(median) > BAR {
                over.push(name);
            }
        }
        if !over.is_empty() {
            bail!("over {BAR} times: {}", over.join(", "));
        }
        Ok(())
    }
}

fn plain(project: &Path) -> Result<Duration> {
    let target = tempfile::tempdir()?;
    let began = Instant::now();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--no-run", "--quiet", "--target-dir"])
        .arg(target.path())
        .current_dir(project)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    let took = began.elapsed();
    ensure!(status.success(), "{} does not build", project.display());
    Ok(took)
}

fn explored(project: &Path) -> Result<Duration> {
    let target = tempfile::tempdir()?;
    let request = Request {
        dir: project.to_owned(),
        target_dir: Some(target.path().to_owned()),
        filters: vec![NO_TEST.to_owned()],
        exact: true,
        ..Request::default()
    };
    let began = Instant::now();
    conclint_explore::run(&request, &())?;
    Ok(began.elapsed())
}
