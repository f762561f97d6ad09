//! `cargo xtask speed`: `check` beside bare parsing, over the same files and
//! with the same number of threads.
//!
//! Both run in this process, in turns, with the same allocator and from a warm
//! page cache (the files are read once before anything is timed). *Parsing* is
//! reading each file, `syn::parse_file` and dropping the tree, on a pool like
//! that of `check`. *Checking* is all that `conclint check` does up to its
//! findings: finding the files, reading them, facts, analysis, lints. What the
//! command throws away in the background is waited for outside of both timings.
//!
//! What a round gives back to the allocator stays with the process, for both
//! (`MIMALLOC_PURGE_DELAY` in `.cargo/config.toml`; in a virtual machine, the first
//! touch of a page can cost more than all that is done with it). A command that
//! runs once pays for its pages: the first check of the process, which does not
//! count, is printed as well.
//!
//! The ratio is that of the medians. On a machine that others use, too, that of
//! the processor times below it is the steadier one; it counts all threads and
//! says nothing about how well the work is spread over them.

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
    /// How often each is timed.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
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
        let started = Instant::now();
        let first = self.check()?;
        println!(
            "first check, not counted: {:.2} s",
            started.elapsed().as_secs_f64()
        );
        let files: Vec<PathBuf> = first
            .sources
            .keys()
            .map(|path| self.resolve(path))
            .collect();
        let pool = conclint_check::workers(self.jobs)?;
        let lines: usize = pool.install(|| files.par_iter().map(|path| line_count(path)).sum());
        let threads = pool.current_num_threads();
        println!("{} files, {lines} lines, {threads} threads", files.len());

        let (mut parses, mut checks) = (Vec::new(), Vec::new());
        // This thread and the pool that parses.
        let alone = u64::try_from(threads)? + 1;
        settle(alone);
        for round in 1..=self.rounds {
            let parse = timed(|| {
                pool.install(|| parse_all(&files));
                Ok(())
            })?;
            let check = timed(|| self.check().map(drop))?;
            settle(alone);
            println!(
                "round {round}: parse {:.2} s, check {:.2} s",
                parse.wall.as_secs_f64(),
                check.wall.as_secs_f64()
            );
            parses.push(parse);
            checks.push(check);
        }
        let walls = |times: &[Times]| median(times.iter().map(|t| t.wall.as_secs_f64()).collect());
        let busy = |times: &[Times]| median(times.iter().filter_map(|t| t.busy).collect());
        let (parse, check) = (walls(&parses), walls(&checks));
        println!(
            "parse {:.0} lines/s, check {:.0} lines/s",
            lines as f64 / parse,
            lines as f64 / check
        );
        println!(
            "processor time: parse {:.2} s, check {:.2} s, ratio {:.2}",
            busy(&parses),
            busy(&checks),
            busy(&checks) / busy(&parses)
        );
        println!("ratio {:.2}", check / parse);
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

/// What one run took.
struct Times {
    wall: Duration,
    /// Of all threads, in seconds, where it can be read.
    busy: Option<f64>,
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Times> {
    let (started, before) = (Instant::now(), processor_time());
    work()?;
    let wall = started.elapsed();
    let busy = processor_time()
        .zip(before)
        .map(|(after, before)| after - before);
    Ok(Times { wall, busy })
}

/// The middle one; the mean of the middle two.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let half = times.len() / 2;
    match (times.get(half.wrapping_sub(1)), times.get(half)) {
        (Some(low), Some(high)) if times.len().is_multiple_of(2) => (low + high) / 2.0,
        (_, Some(middle)) => *middle,
        _ => f64::NAN,
    }
}

/// Seconds that the threads of this process ran, those that ended included; on
/// Linux, in steps of a hundredth.
fn processor_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program can hold anything, but no later bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// Waits until the threads of a check that is over have ended: they take apart
/// what it left, and would take time from what is timed next.
fn settle(threads: u64) {
    let started = Instant::now();
    while thread_count() > Some(threads) && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn line_count(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Reads and parses every file, and drops the trees, as `check` must.
fn parse_all(files: &[PathBuf]) {
    files.par_iter().with_max_len(1).for_each(|path| {
        if let Ok(text) = fs::read_to_string(path) {
            let _ = std::hint::black_box(syn::parse_file(&text));
        }
        // The line tables would pile up otherwise.
        proc_macro2::extra::invalidate_current_thread_spans();
    });
}

/// The largest resident set so far.
fn peak_memory_kib() -> Option<u64> {
    status("VmHWM:")
}

fn thread_count() -> Option<u64> {
    status("Threads:")
}

/// A figure the kernel keeps of this process, on Linux.
fn status(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
