//! Starts the test binaries, one process a test, and reads what they leave.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context as _, Result};

use crate::build::{Binary, Project};
use crate::outcome::{Explored, Listed, TestResult, Verdict};
use crate::request::{Ignored, Request};

/// Runs a binary with a job, and gives the lines it answered.
fn call(binary: &Binary, dir: &Path, name: &str, job: &str) -> Result<Vec<String>> {
    let (input, output) = (
        dir.join(format!("{name}.job")),
        dir.join(format!("{name}.out")),
    );
    fs::write(&input, format!("out {}\n{job}", output.display()))?;
    let _ = fs::remove_file(&output);
    let status = Command::new(&binary.executable)
        .env("CONCLINT_JOB", &input)
        .env("CARGO_MANIFEST_DIR", &binary.dir)
        .current_dir(&binary.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", binary.executable.display()))?;
    let text = fs::read_to_string(&output)
        .with_context(|| format!("{} gave no answer ({status})", binary.executable.display()))?;
    let _ = fs::remove_file(&input);
    let _ = fs::remove_file(&output);
    Ok(text.lines().map(str::to_owned).collect())
}

fn list(binary: &Binary, dir: &Path, name: &str) -> Result<Vec<Listed>> {
    let lines = call(binary, dir, name, "mode list\n")?;
    let tests = lines.iter().map(|l| serde_json::from_str(l));
    let mut tests: Vec<Listed> = tests
        .collect::<Result<_, _>>()
        .context("unreadable answer")?;
    tests.sort_by(|a, b| a.test.cmp(&b.test));
    Ok(tests)
}

fn empty(test: &str, verdict: Verdict, reason: String) -> TestResult {
    TestResult {
        test: test.to_owned(),
        verdict,
        reason,
        executions: 0,
        steps: 0,
        distinct: 0,
        exhausted: None,
        max_steps: 0,
        milliseconds: 0,
        fresh_process: String::new(),
        found_deviations: -1,
        unapplied: Vec::new(),
        failure: None,
    }
}

/// A saved schedule to run instead of exploring.
#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    pub flags: u64,
    pub deviations: Vec<(u32, u32, u32)>,
}

fn one(
    request: &Request,
    binary: &Binary,
    dir: &Path,
    name: &str,
    test: &str,
    fixed: Option<&Fixed>,
) -> TestResult {
    let mut job = format!(
        "mode {}\ntest {test}\nseed {}\nschedules {}\ntime-ms {}\nmax-steps {}\nstrategy {}\n",
        if fixed.is_some() { "replay" } else { "explore" },
        request.seed,
        request.schedules,
        request.time.as_millis(),
        request.max_steps,
        request.strategy,
    );
    if let Some(fixed) = fixed {
        let _ = writeln!(job, "flags {}", fixed.flags);
        for (thread, nth, to) in &fixed.deviations {
            let _ = writeln!(job, "deviation {thread} {nth} {to}");
        }
    }
    let answer = call(binary, dir, name, &job).and_then(|lines| {
        let line = lines.first().context("no such test")?;
        serde_json::from_str(line).context("unreadable answer")
    });
    answer.unwrap_or_else(|error| empty(test, Verdict::Inconclusive, format!("{error:#}")))
}

struct Item<'a> {
    binary: &'a Binary,
    test: Listed,
    skipped: bool,
}

/// Explores every wanted test of `binaries`, or runs a fixed schedule of them.
pub(crate) fn run(
    request: &Request,
    project: &Project,
    binaries: &[Binary],
    fixed: Option<&Fixed>,
    progress: &(dyn Fn(usize, usize, &str) + Sync),
) -> Result<Vec<Explored>> {
    let dir = project.conclint_dir.join("jobs");
    fs::create_dir_all(&dir)?;
    // Two runs at once must not read each other's answers.
    let run = std::process::id();
    let mut items = Vec::new();
    for (index, binary) in binaries.iter().enumerate() {
        for test in list(binary, &dir, &format!("{run}-list-{index}"))? {
            if !request.wants(&test.test) {
                continue;
            }
            let skipped = match request.ignored {
                Ignored::Skip => test.ignored,
                Ignored::Only => !test.ignored,
                Ignored::Include => false,
            };
            if skipped && request.ignored == Ignored::Only {
                continue;
            }
            items.push(Item {
                binary,
                test,
                skipped,
            });
        }
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Vec<Mutex<Option<TestResult>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..request.jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(item), Some(slot)) = (items.get(index), results.get(index)) else {
                        return;
                    };
                    let name = &item.test.test;
                    let result = if item.skipped {
                        let why = match item.test.ignore_reason.as_str() {
                            "" => "ignored".to_owned(),
                            reason => format!("ignored: {reason}"),
                        };
                        empty(name, Verdict::Skipped, why)
                    } else if stop.load(Ordering::Relaxed) {
                        empty(
                            name,
                            Verdict::Skipped,
                            "stopped at the first failure".to_owned(),
                        )
                    } else {
                        progress(index, items.len(), name);
                        one(
                            request,
                            item.binary,
                            &dir,
                            &format!("{run}-{index}"),
                            name,
                            fixed,
                        )
                    };
                    if result.verdict.is_failure() && !request.keep_going {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if let Ok(mut slot) = slot.lock() {
                        *slot = Some(result);
                    }
                }
            });
        }
    });
    let done =
        items.iter().zip(results).map(|(item, slot)| Explored {
            package: item.binary.package.clone(),
            target: item.binary.target.clone(),
            result: slot.into_inner().ok().flatten().unwrap_or_else(|| {
                empty(&item.test.test, Verdict::Inconclusive, "lost".to_owned())
            }),
            schedule_file: None,
        });
    Ok(done.collect())
}

/// Where jobs and answers are written.
pub(crate) fn schedules_dir(project: &Project) -> PathBuf {
    project.conclint_dir.join("schedules")
}
