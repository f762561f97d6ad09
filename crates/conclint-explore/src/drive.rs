//! Starts the test binaries, one process a test, and reads what they leave.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use conclint_diag::explore::Verdict;

use crate::answer::{Listed, TestResult};
use crate::attributes;
use crate::build::{Binary, Project};
use crate::request::{Ignored, Request};
use crate::temp::Temp;

/// Is told how far a run is. Called from several threads.
pub trait Progress: Sync {
    /// Something takes long that a user does not expect; said once.
    fn notice(&self, _what: &str) {}

    /// The project is built, and the tests begin.
    fn exploring(&self) {}

    /// Somebody looks on, so that schedules are worth counting while they run.
    fn watched(&self) -> bool {
        false
    }

    /// So many tests are going to be explored.
    fn tests(&self, _count: usize) {}

    /// A test is being explored.
    fn test(&self, _name: &str) {}

    /// So many more schedules have been run.
    fn schedules(&self, _more: u64) {}

    /// A test is done.
    fn test_done(&self) {}
}

/// Nobody looks on.
impl Progress for () {}

/// Runs a binary with a job, and gives the lines it answered.
fn call(
    binary: &Binary,
    dir: &Path,
    name: &str,
    job: &str,
    temp: Option<&Temp>,
    progress: &dyn Progress,
) -> Result<Vec<String>> {
    let file = |end: &str| dir.join(format!("{name}.{end}"));
    let (input, output, count) = (file("job"), file("out"), file("count"));
    let watched = progress.watched();
    let parent = std::process::id();
    let mut text = format!("out {}\nparent {parent}\n{job}", output.display());
    if watched {
        let _ = writeln!(text, "count {}", count.display());
    }
    fs::write(&input, text)?;
    let _ = fs::remove_file(&output);
    let mut child = Command::new(&binary.executable)
        .env("CONCLINT_JOB", &input)
        .env("CARGO_MANIFEST_DIR", &binary.dir)
        .env("CARGO_PKG_NAME", &binary.package)
        .envs(temp.map(|temp| ("TMPDIR", temp.path())))
        .current_dir(&binary.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", binary.executable.display()))?;
    let mut seen = 0;
    while watched && child.try_wait()?.is_none() {
        seen = counted(&count, seen, progress);
        std::thread::sleep(POLL);
    }
    let status = child.wait()?;
    let text = fs::read_to_string(&output);
    for file in [&input, &output, &count] {
        let _ = fs::remove_file(file);
    }
    let text = text.with_context(|| {
        format!(
            "{} {} gave no answer ({status})",
            binary.package, binary.target
        )
    })?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// How often running schedules are counted.
const POLL: Duration = Duration::from_millis(50);

/// Reads how many schedules have been run, and tells of the new ones.
fn counted(file: &Path, before: u64, progress: &dyn Progress) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let now = text.trim().parse().unwrap_or(before).max(before);
    progress.schedules(now - before);
    now
}

fn list(binary: &Binary, dir: &Path, name: &str) -> Result<Vec<Listed>> {
    let lines = call(binary, dir, name, "mode list\n", None, &())?;
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
        traces: 0,
        exhausted: None,
        max_steps: 0,
        milliseconds: 0,
        fresh_process: String::new(),
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
    progress: &dyn Progress,
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
    if request.timeouts_when_due {
        job.push_str("timeouts due\n");
    }
    if let Some(fixed) = fixed {
        let _ = writeln!(job, "flags {}", fixed.flags);
        for (thread, nth, to) in &fixed.deviations {
            let _ = writeln!(job, "deviation {thread} {nth} {to}");
        }
    }
    let temp = Temp::of(dir, binary, test).ok();
    if let Some(temp) = &temp {
        let _ = writeln!(job, "temp {}", temp.path().display());
    }
    let answer = call(binary, dir, name, &job, temp.as_ref(), progress).and_then(|lines| {
        let line = lines.first().context("no such test")?;
        serde_json::from_str(line).context("unreadable answer")
    });
    match answer {
        Ok(answer) => needs_arguments(binary, answer),
        Err(error) => empty(test, Verdict::Inconclusive, format!("{error:#}")),
    }
}

/// A failure after which nothing more is explored. One that only comes when a timeout fires early is
/// the least of failures, and does not hide the others.
fn ends_the_run(result: &TestResult) -> bool {
    let timing = result.failure.as_ref().is_some_and(|f| f.kind == "timing");
    result.verdict.is_failure() && !timing
}

/// A `main` that refuses to run without arguments says nothing about its threads. One that has
/// started threads had what it needs.
fn needs_arguments(binary: &Binary, answer: TestResult) -> TestResult {
    let code = answer.failure.as_ref().and_then(|f| {
        let said = f
            .panics
            .first()
            .map_or(f.fingerprint.as_str(), |p| p.message.as_str());
        let after = |start| said.strip_prefix(start).map(str::to_owned);
        let returned = after("main ended with exit code ");
        let exited = || Some(after("process::exit(")?.split_once(')')?.0.to_owned());
        let code = returned.or_else(exited)?;
        (f.deviations.is_empty() && f.threads.len() == 1).then_some(code)
    });
    match code {
        Some(code) if binary.target.starts_with("main ") => empty(
            &answer.test,
            Verdict::Inconclusive,
            format!("ends with exit code {code} when it is started without arguments"),
        ),
        _ => answer,
    }
}

struct Item<'a> {
    binary: &'a Binary,
    test: Listed,
    /// What the test itself asks for.
    settings: Option<String>,
    skipped: bool,
    /// Why the binary did not even say what its tests are.
    broken: Option<String>,
}

/// Explores every wanted test of `binaries`, or runs a fixed schedule of them.
pub(crate) fn run<'a>(
    request: &Request,
    project: &Project,
    binaries: &'a [Binary],
    fixed: Option<&Fixed>,
    progress: &dyn Progress,
) -> Result<Vec<(&'a Binary, TestResult)>> {
    let dir = project.conclint_dir.join("jobs");
    fs::create_dir_all(&dir)?;
    progress.exploring();
    // Two runs at once must not read each other's answers.
    let run = std::process::id();
    let items = wanted(request, binaries, &dir, run);
    progress.tests(items.iter().filter(|i| !i.skipped).count());
    let next = AtomicUsize::new(0);
    // The first failure ends the run. Which one is first is a matter of order, not of time, so
    // that the number of jobs changes nothing.
    let first_failure = AtomicUsize::new(usize::MAX);
    let results: Vec<Mutex<Option<TestResult>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..request.jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(item), Some(slot)) = (items.get(index), results.get(index)) else {
                        return;
                    };
                    if item.skipped || index > first_failure.load(Ordering::Relaxed) {
                        continue;
                    }
                    let name = &item.test.test;
                    progress.test(name);
                    let job = format!("{run}-{index}");
                    let own = item.settings.as_deref();
                    let own = own.map(|settings| attributes::applied(request, settings));
                    let request = own.as_ref().unwrap_or(request);
                    let result = match &item.broken {
                        Some(why) => empty(name, Verdict::Inconclusive, why.clone()),
                        None => {
                            let binary = item.binary;
                            one(request, binary, &dir, &job, name, fixed, progress)
                        }
                    };
                    progress.test_done();
                    if ends_the_run(&result) && !request.keep_going {
                        first_failure.fetch_min(index, Ordering::Relaxed);
                    }
                    if let Ok(mut slot) = slot.lock() {
                        *slot = Some(result);
                    }
                }
            });
        }
    });
    let last = first_failure.load(Ordering::Relaxed);
    let done = items.iter().zip(results).enumerate();
    let done = done.map(|(index, (item, slot))| {
        let name = &item.test.test;
        let result = match slot.into_inner() {
            _ if item.skipped => empty(name, Verdict::Skipped, ignored(&item.test)),
            Ok(Some(result)) if index <= last => result,
            _ => {
                let why = "stopped at the first failure; --keep-going goes on".to_owned();
                empty(name, Verdict::Skipped, why)
            }
        };
        (item.binary, result)
    });
    Ok(done.collect())
}

/// The tests that the request asks for, in order.
fn wanted<'a>(request: &Request, binaries: &'a [Binary], dir: &Path, run: u32) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for (index, binary) in binaries.iter().enumerate() {
        if binary.proc_macro {
            items.push(Item {
                binary,
                test: Listed::left_out("a procedural macro runs inside the compiler"),
                settings: None,
                skipped: true,
                broken: None,
            });
            continue;
        }
        let mut tests = match list(binary, dir, &format!("{run}-list-{index}")) {
            Ok(listed) => listed,
            Err(error) => {
                items.push(Item {
                    binary,
                    test: Listed::unknown(),
                    settings: None,
                    skipped: false,
                    broken: Some(format!("its tests cannot be listed: {error:#}")),
                });
                continue;
            }
        };
        let settings = attributes::take(&mut tests);
        for test in tests {
            if !request.wants(&test.test) {
                continue;
            }
            let skipped = match request.ignored {
                Ignored::Skip => test.ignored,
                Ignored::Only if !test.ignored => continue,
                Ignored::Only | Ignored::Include => false,
            };
            items.push(Item {
                binary,
                settings: settings.get(&test.test).cloned(),
                test,
                skipped,
                broken: None,
            });
        }
    }
    if let Some((number, count)) = request.partition {
        // Neighbours take alike long more often than not, so the parts take turns.
        let mut turns = (1..=count.max(1)).cycle();
        items.retain(|_| turns.next() == Some(number));
    }
    items
}

fn ignored(test: &Listed) -> String {
    match test.ignore_reason.as_str() {
        "" => "ignored".to_owned(),
        reason => format!("ignored: {reason}"),
    }
}

/// Where jobs and answers are written.
pub(crate) fn schedules_dir(project: &Project) -> PathBuf {
    project.conclint_dir.join("schedules")
}
