//! `cargo xtask speed`: `check` beside bare parsing, over the same files and
//! with the same number of threads.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use conclint_check::{NoProgress, Request};
use rayon::prelude::*;

/// Times parsing and checking of a directory.
#[derive(Debug, clap::Args)]
pub struct Speed {
    /// What to read.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// How often each is timed; the best time counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Threads; as many as there are cores unless given.
    #[arg(long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,
    /// Check once and print the peak memory of that alone.
    #[arg(long, hide = true)]
    memory_only: bool,
}

impl Speed {
    /// Times both and prints the ratio and the peak memory.
    pub fn run(&self) -> Result<()> {
        if self.memory_only {
            self.check()?;
            println!(
                "{}",
                peak_memory_kib().context("the peak memory cannot be read")?
            );
            return Ok(());
        }
        let files: Vec<PathBuf> = self
            .check()?
            .sources
            .keys()
            .map(|path| self.resolve(path))
            .collect();
        let pool = conclint_check::workers(self.jobs)?;
        let lines: usize = pool.install(|| files.par_iter().map(|path| line_count(path)).sum());
        let threads = pool.current_num_threads();
        println!("{} files, {lines} lines, {threads} threads", files.len());

        let (mut parse, mut check) = (Duration::MAX, Duration::MAX);
        for round in 1..=self.rounds {
            let parsing = timed(|| {
                pool.install(|| parse_all(&files));
                Ok(())
            })?;
            let checking = timed(|| self.check().map(drop))?;
            println!(
                "round {round}: parse {:.2} s, check {:.2} s",
                parsing.as_secs_f64(),
                checking.as_secs_f64()
            );
            parse = parse.min(parsing);
            check = check.min(checking);
        }
        println!(
            "parse {:.0} lines/s, check {:.0} lines/s",
            per_second(lines, parse),
            per_second(lines, check)
        );
        println!(
            "ratio {:.2}",
            check.as_secs_f64() / parse.as_secs_f64().max(f64::MIN_POSITIVE)
        );
        println!("peak memory {} MiB", self.peak_of_check()? / 1024);
        Ok(())
    }

    fn check(&self) -> Result<conclint_check::Outcome> {
        let request = Request {
            paths: vec![self.dir.clone()],
            jobs: self.jobs,
            ..Request::default()
        };
        Ok(conclint_check::check(&request, &NoProgress)?)
    }

    /// Paths of an outcome are relative to the directory checked, or to the
    /// current one.
    fn resolve(&self, path: &str) -> PathBuf {
        let below = self.dir.join(path);
        if below.is_file() {
            below
        } else {
            PathBuf::from(path)
        }
    }

    /// In a process of its own: here, parsing has left its mark.
    fn peak_of_check(&self) -> Result<u64> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("speed").arg("--memory-only").arg(&self.dir);
        if let Some(jobs) = self.jobs {
            command.arg("--jobs").arg(jobs.to_string());
        }
        let output = command.output()?;
        if !output.status.success() {
            bail!(
                "the measuring process failed: {}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim()
            .parse()
            .with_context(|| format!("the measuring process says {text:?}"))
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed())
}

fn per_second(lines: usize, time: Duration) -> f64 {
    lines as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn line_count(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Reads and parses every file, and drops the trees, as `check` must.
fn parse_all(files: &[PathBuf]) {
    files.par_iter().for_each(|path| {
        if let Ok(text) = fs::read_to_string(path) {
            let _ = std::hint::black_box(syn::parse_file(&text));
        }
    });
}

/// The largest resident set so far, on Linux.
fn peak_memory_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
