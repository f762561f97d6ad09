//! Explores one test: forks children that run executions, watches them, shrinks what fails.
//!
//! The supervisor is the test binary's own first process. It never runs code of the program, so
//! each child starts from a clean image, and a crash, an `exit` or a hang ends a child only. It
//! judges by what children leave in shared memory, not by their exit status.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;

use conclint_schedule::{Deviation, Mix, Portfolio, Replay, Shrinker, Strategy};

use crate::channel;
use crate::exec::{self, End, Outcome, Runner, Settings};
use crate::interpose::real_millis;
use crate::journal;
use crate::report;
use crate::wire::{Job, Mode, Object};

/// A test as the harness of the program hands it over.
#[derive(Clone)]
pub struct Test {
    /// Its path in the crate.
    pub name: String,
    /// `#[ignore]`, with the reason.
    pub ignored: Option<String>,
    /// `#[should_panic]`, with the text it expects.
    pub should_panic: Option<Option<String>>,
    /// Where it stands.
    pub file: String,
    /// The line.
    pub line: usize,
    /// Its body.
    pub body: Body,
}

/// A test's body: an error is a failure, like a panic.
pub type Body = std::rc::Rc<dyn Fn() -> Result<(), String>>;

impl std::fmt::Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Test")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a child's memory may grow to.
const MEMORY: u64 = 2 << 30;
/// A child that takes no step for so long hangs outside of the runtime.
const SILENCE_MS: u64 = 10_000;
/// The step bound of a test for which the usual one is too small, and how many more steps a fair
/// scheduler may then take.
const LONG: u64 = 4_000_000;
const LONG_FAIR: u64 = 400_000_000;
/// An execution may take so long even where a test's time is shorter.
const EXECUTION_MS: u64 = 20_000;
/// How much shrinking may cost.
const SHRINK_TRIALS: u32 = 400;
const SHRINK_MS: u64 = 8_000;
/// A job's time limit that means none: budgets count schedules and trials only, so that the answer
/// is the same on every machine. A thread that is silent for [`SILENCE_MS`] still ends its child.
const NO_CLOCK: u64 = 0;
/// How much the search for a failing schedule with fewer preemptions may cost.
const SIMPLER_SCHEDULES: u64 = 5_000;
const SIMPLER_MS: u64 = 3_000;

/// Bits of [`Settings`] that a schedule depends on.
fn flags_for(execution: u64) -> u64 {
    match execution % 8 {
        // Timeouts that fire early and points after atomics are the exception, not the rule.
        3 => 1,
        5 => 2,
        7 => 3,
        _ => 0,
    }
}

fn settings(flags: u64, max_steps: u64, trace: bool) -> Settings {
    Settings {
        max_steps,
        fair_steps: if max_steps < LONG {
            max_steps
        } else {
            LONG_FAIR
        },
        deadline: real_millis() + EXECUTION_MS,
        early_timers: flags & 1 != 0,
        points_after: flags & 2 != 0,
        trace,
    }
}

/// Does what the job file says. `false` where there is none: the binary was started by hand.
#[must_use]
pub fn run(tests: &[Test]) -> bool {
    let Some(path) = std::env::var_os("CONCLINT_JOB") else {
        return false;
    };
    // Programs that the tests start must not take the job for theirs.
    // SAFETY: nothing else runs yet.
    unsafe { std::env::remove_var("CONCLINT_JOB") };
    if path == "-" {
        std::process::exit(if serve(tests) { 0 } else { 2 });
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let Some(job) = Job::parse(&text) else {
        std::process::exit(2)
    };
    if let Some(file) = &job.count {
        let _ = COUNT.set(file.clone());
    }
    let lines = answer(&job, tests);
    let written = std::fs::File::create(&job.out).and_then(|mut file| {
        for line in lines {
            writeln!(file, "{line}")?;
        }
        file.sync_data()
    });
    std::process::exit(if written.is_ok() { 0 } else { 2 })
}

fn answer(job: &Job, tests: &[Test]) -> Vec<String> {
    match job.mode {
        Mode::List => tests.iter().map(report::listed).collect(),
        Mode::Explore | Mode::Replay => match tests.iter().find(|t| t.name == job.test) {
            Some(test) => vec![Supervisor::new(job, test).verdict()],
            None => Vec::new(),
        },
    }
}

/// Does jobs from the private channel, one after the other. They are separated by lines that say
/// `next`; each answer begins with the job's number.
fn serve(tests: &[Test]) -> bool {
    let Some(text) = channel::open() else {
        return false;
    };
    for (number, job) in text.split("\nnext\n").enumerate() {
        let Some(job) = Job::parse(job) else {
            return false;
        };
        let lines = answer(&job, tests);
        if !lines
            .iter()
            .all(|l| channel::send(&format!("{number} {l}")))
        {
            return false;
        }
    }
    channel::send("end")
}

/// Runs every test once under the default schedule, for a binary that was started by hand.
/// Returns how many failed.
#[must_use]
pub fn run_once(tests: &[Test]) -> usize {
    journal::map();
    let failed = tests.iter().filter(|test| {
        test.ignored.is_none() && {
            let end = in_child(|| {
                let outcome = once(test, &mut Replay::new(&[]), Settings::default());
                fingerprint(test, &outcome).unwrap_or_default()
            });
            !matches!(end, Child::Report(print) if print.is_empty())
        }
    });
    failed.count()
}

/// Runs a `main` once in this process, for a binary that was not started by the explorer (a test
/// may run the program it tests). Returns the exit code.
pub(crate) fn run_main(test: &Test) -> isize {
    let settings = Settings {
        max_steps: u64::MAX / 4,
        ..Settings::default()
    };
    let mut strategy = Replay::new(&[]);
    let outcome = Runner::default().run(&mut strategy, settings, "main", body(test));
    match outcome.end {
        End::Finished => 0,
        End::Exited(code, _) => code as isize,
        _ => 101,
    }
}

/// Where the number of schedules is written while they run, where somebody looks on.
static COUNT: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();

/// Tells how many schedules have been run, now and then.
fn tell_count(told: &mut u64) {
    let now = real_millis();
    if let (Some(file), Some(journal), true) = (COUNT.get(), journal::get(), now >= *told + 100) {
        *told = now;
        let count = journal.execution.load(std::sync::atomic::Ordering::Relaxed);
        // It is only shown; a number that is lost is followed by another.
        let _ = std::fs::write(file, count.to_string());
    }
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Child {
    Report(String),
    Signal(i32),
    Overflow,
    Exit(i32),
    /// It took no step for a long time; what it was doing instead.
    Silent(String),
    /// It used more memory than it may.
    Large,
    NoFork,
}

/// Runs `f` in a forked child and waits for its report.
fn in_child(f: impl FnOnce() -> String) -> Child {
    if let Some(journal) = journal::get() {
        journal.done.store(0, std::sync::atomic::Ordering::SeqCst);
    }
    // SAFETY: the supervisor has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        channel::forget();
        crate::crash::watch();
        let report = f();
        journal::write(&report);
        // SAFETY: ends the child without running the program's `atexit` handlers.
        unsafe { libc::_exit(0) };
    }
    if child < 0 {
        return Child::NoFork;
    }
    let mut seen = (0, real_millis());
    let mut told = seen.1;
    let mut pause = 50;
    let mut looks = 0_u32;
    let mut killed = None;
    let status = loop {
        tell_count(&mut told);
        let mut status = 0;
        // SAFETY: waits for the child just made.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 => {}
            _ => break Some(status),
        }
        let steps = journal::get().map_or(0, |j| {
            let order = std::sync::atomic::Ordering::Relaxed;
            j.steps.load(order) ^ (j.execution.load(order) << 32)
        });
        if steps != seen.0 {
            seen = (steps, real_millis());
        } else if real_millis() > seen.1 + SILENCE_MS {
            killed = Some(Child::Silent(crate::watch::doing(child)));
        }
        looks += 1;
        if looks.is_multiple_of(16) && crate::watch::resident(child) > MEMORY {
            killed = Some(Child::Large);
        }
        if killed.is_some() {
            // SAFETY: ends and reaps the child just made.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            break None;
        }
        // SAFETY: sleeps.
        unsafe { libc::usleep(pause) };
        pause = (pause * 2).min(5_000);
    };
    match (journal::read(), status) {
        (Some(report), _) => Child::Report(report),
        (None, None) => killed.unwrap_or(Child::NoFork),
        (None, Some(_)) if overflowed() => Child::Overflow,
        (None, Some(status)) if libc::WIFSIGNALED(status) => Child::Signal(libc::WTERMSIG(status)),
        (None, Some(status)) => Child::Exit(libc::WEXITSTATUS(status)),
    }
}

fn overflowed() -> bool {
    let order = std::sync::atomic::Ordering::Relaxed;
    journal::get().is_some_and(|j| j.overflow.load(order) != 0)
}

/// Installs the hook that keeps panics of executions to itself.
fn quiet() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "Box<dyn Any>".to_owned());
        let at = info.location();
        exec::panicked(text, at.map(|l| (l.file(), l.line(), l.column())));
    }));
}

/// One execution of a test in this process.
fn once(test: &Test, strategy: &mut (dyn Strategy + 'static), settings: Settings) -> Outcome {
    quiet();
    strategy.begin(0);
    Runner::default().run(strategy, settings, &test.name, body(test))
}

fn body(test: &Test) -> Box<dyn FnOnce()> {
    let body = test.body.clone();
    Box::new(move || {
        if let Err(message) = body() {
            panic!("{message}");
        }
    })
}

/// What tells one failure from another; `None` where the test passed.
fn fingerprint(test: &Test, outcome: &Outcome) -> Option<String> {
    match (&outcome.end, &test.should_panic) {
        (End::Finished, None) => None,
        (End::Finished, Some(_)) => Some("no-panic".to_owned()),
        (End::Panicked, Some(expected)) => {
            let said = outcome.panics.iter().rev().find(|p| p.thread == 0);
            let said = said.map_or("", |p| p.message.as_str());
            match expected {
                Some(expected) if !said.contains(expected.as_str()) => Some("wrong-panic".into()),
                _ => None,
            }
        }
        (End::Panicked, None) => {
            let at = outcome.panics.first();
            let at = at.map(|p| format!("{}:{}", p.file, p.line));
            Some(format!("panic {}", at.unwrap_or_default()))
        }
        (End::Deadlock, _) => {
            let mut lines: Vec<String> = outcome
                .stuck
                .iter()
                .map(|s| format!("{} {}", s.kind.text(), s.at))
                .collect();
            lines.sort();
            Some(format!("deadlock {}", lines.join(", ")))
        }
        (End::Exited(0, _), None) if test.name == "main" => None,
        (End::Exited(code, at), _) => Some(format!("process::exit({code}) at {at}")),
        (End::TooLong { livelock: true }, _) => Some("livelock".to_owned()),
        (End::TooLong { livelock: false }, _) => Some("long".to_owned()),
        (End::Broken(why), _) => Some(format!("broken {why}")),
    }
}

/// The state of one test's exploration.
struct Supervisor<'a> {
    job: &'a Job,
    test: &'a Test,
    began: u64,
    executions: u64,
    steps: u64,
    distinct: u64,
    exhausted: Option<u32>,
    fresh: Option<String>,
    max_steps: u64,
}

/// What a schedule came to when it was run.
#[derive(Clone, Debug)]
struct Tried {
    done: Vec<Deviation>,
    preemptions: u64,
}

/// What a batch of executions found.
enum Batch {
    More,
    Finished,
    Failed(String, Vec<Deviation>, u64),
    Crashed(Child),
}

impl<'a> Supervisor<'a> {
    fn new(job: &'a Job, test: &'a Test) -> Self {
        Self {
            job,
            test,
            began: real_millis(),
            executions: 0,
            steps: 0,
            distinct: 0,
            exhausted: None,
            fresh: None,
            max_steps: job.max_steps,
        }
    }

    fn verdict(mut self) -> String {
        if !journal::map() {
            return self.plain("inconclusive", "no shared memory");
        }
        crate::image::prepare();
        crate::outside::watch();
        if self.job.mode == Mode::Replay {
            let (deviations, flags) = (self.job.deviations.clone(), self.job.flags);
            let (known, _) = self.trial(&deviations, flags);
            return self.show(&deviations, flags, None, known.as_deref());
        }
        loop {
            let batch = self.batch();
            if let Some(why) = crate::outside::wanted() {
                return self.plain("inconclusive", &why);
            }
            match batch {
                Batch::More => {
                    if self.executions >= self.job.schedules
                        || self.overdue(self.began, self.job.time_ms)
                    {
                        return self.plain("passed", "");
                    }
                }
                Batch::Finished => return self.plain("passed", ""),
                Batch::Failed(print, ..) if print == "long" && self.max_steps < LONG => {
                    // A stress test: fewer schedules, but whole ones.
                    self.max_steps = LONG;
                    self.executions = 0;
                    journal::save(&[]);
                }
                Batch::Failed(print, deviations, flags) => {
                    return self.failed(&print, deviations, flags);
                }
                Batch::Crashed(child) => {
                    self.executions += 1;
                    if crash_verdict(&child) == "inconclusive" {
                        // Trying again would take as long again.
                        return self.hung(&child);
                    }
                    let flags = journal::get()
                        .map_or(0, |j| j.flags.load(std::sync::atomic::Ordering::Relaxed));
                    return self.failed(&crash(&child), journal::deviations(), flags);
                }
            }
        }
    }

    /// Executions in one child: many, or a single one where statics carry state over.
    fn batch(&mut self) -> Batch {
        let (job, test) = (self.job, self.test);
        let (first, fresh) = (self.executions, self.fresh.is_some());
        let deadline = match job.time_ms {
            NO_CLOCK => u64::MAX,
            limit => self.began.saturating_add(limit),
        };
        let saved = journal::saved();
        let max_steps = self.max_steps;
        let child = in_child(|| run_batch(job, test, max_steps, first, fresh, deadline, &saved));
        let Child::Report(report) = child else {
            let order = std::sync::atomic::Ordering::Relaxed;
            self.executions = journal::get().map_or(first, |j| j.execution.load(order));
            return Batch::Crashed(child);
        };
        let mut lines = report.lines();
        let mut number = || {
            lines
                .next()
                .and_then(|l| l.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let (executions, steps, distinct, exhausted) = (number(), number(), number(), number());
        let (over, flags) = (number(), number());
        self.executions = executions;
        self.steps += steps;
        self.distinct += distinct;
        self.exhausted = exhausted.checked_sub(1).and_then(|e| u32::try_from(e).ok());
        let touched = lines.next().unwrap_or_default();
        if !touched.is_empty() {
            self.fresh = Some(touched.to_owned());
        }
        match lines.next().unwrap_or_default() {
            "" if over == 1 => Batch::Finished,
            "" => Batch::More,
            print => Batch::Failed(print.to_owned(), journal::deviations(), flags),
        }
    }

    /// `limit` milliseconds have passed since `began`, in a job that looks at the clock.
    fn overdue(&self, began: u64, limit: u64) -> bool {
        self.job.time_ms != NO_CLOCK && real_millis() >= began.saturating_add(limit)
    }

    /// Runs one schedule in a child of its own.
    fn trial(&self, deviations: &[Deviation], flags: u64) -> (Option<String>, Tried) {
        let (max_steps, test) = (self.max_steps, self.test);
        let child = in_child(|| {
            journal::begin(0, flags);
            let settings = settings(flags, max_steps, false);
            let outcome = once(test, &mut Replay::new(deviations), settings);
            let print = fingerprint(test, &outcome).unwrap_or_default();
            format!("{}\n{print}", outcome.preemptions)
        });
        let done = journal::deviations();
        let (preemptions, print) = match &child {
            Child::Report(text) => {
                let (preemptions, print) = text.split_once('\n').unwrap_or_default();
                (preemptions.parse().unwrap_or(0), print.to_owned())
            }
            child => (done.len() as u64, crash(child)),
        };
        let print = (!print.is_empty()).then_some(print);
        (print, Tried { done, preemptions })
    }

    fn failed(&mut self, print: &str, deviations: Vec<Deviation>, flags: u64) -> String {
        if print == "long" {
            return self.plain(
                "inconclusive",
                "too long: one execution did not end within its steps or its time",
            );
        }
        let (again, first) = self.trial(&deviations, flags);
        if again.as_deref() != Some(print) {
            let why = format!("not reproducible: {print}, then {again:?} under the same schedule");
            return self.plain("inconclusive", &why);
        }
        let found = deviations.len();
        // Settings that the failure does not need only make it harder to read.
        let mut flags = flags;
        let mut first = first;
        for simpler in [0, flags & 2, flags & 1] {
            if flags.count_ones() > simpler.count_ones() {
                let (result, tried) = self.trial(&first.done, simpler);
                if result.as_deref() == Some(print) {
                    (flags, first) = (simpler, tried);
                }
            }
        }
        let mut best = self.shrink(print, first, flags);
        if best.preemptions > 0
            && let Some(simpler) = self.simpler(print, best.preemptions, flags)
        {
            best = self.shrink(print, simpler, flags);
        }
        self.show(&best.done, flags, Some(found), Some(print))
    }

    /// Leaves out deviations while the failure stays the same.
    fn shrink(&self, print: &str, first: Tried, flags: u64) -> Tried {
        let mut best = first;
        let mut shrinker = Shrinker::new(best.done.clone());
        let began = real_millis();
        for _ in 0..SHRINK_TRIALS {
            let Some(trial) = shrinker.next_trial() else {
                break;
            };
            let (result, tried) = self.trial(&trial.deviations, flags);
            if result.as_deref() == Some(print) {
                if tried.done.len() < best.done.len() {
                    best = tried.clone();
                }
                shrinker.result(Some(tried.done));
            } else {
                shrinker.result(None);
            }
            if self.overdue(began, SHRINK_MS) {
                break;
            }
        }
        best
    }

    /// Looks for a schedule with fewer preemptions that fails in the same way.
    fn simpler(&self, print: &str, preemptions: u64, flags: u64) -> Option<Tried> {
        let bound = u32::try_from(preemptions - 1).unwrap_or(u32::MAX).min(2);
        let job = Job {
            mix: Mix::Bounded(bound),
            schedules: SIMPLER_SCHEDULES,
            time_ms: self.job.time_ms.min(SIMPLER_MS),
            flags,
            ..self.job.clone()
        };
        journal::save(&[]);
        let mut search = Supervisor::new(&job, self.test);
        search.fresh.clone_from(&self.fresh);
        search.max_steps = self.max_steps;
        while search.executions < job.schedules && !search.overdue(search.began, job.time_ms) {
            match search.batch() {
                Batch::More => {}
                Batch::Failed(found, deviations, _) if found == print => {
                    let (again, tried) = self.trial(&deviations, flags);
                    return (again.as_deref() == Some(print)).then_some(tried);
                }
                Batch::Failed(..) => {}
                Batch::Crashed(child) if crash(&child) == print => {
                    let (again, tried) = self.trial(&journal::deviations(), flags);
                    return (again.as_deref() == Some(print)).then_some(tried);
                }
                Batch::Crashed(_) | Batch::Finished => return None,
            }
        }
        None
    }

    /// Runs a schedule with every operation recorded, and reports it.
    ///
    /// `known` is how it ended without the record, which leaves traces on the stacks: a livelock
    /// is found by states that repeat, and these do not.
    fn show(
        &mut self,
        deviations: &[Deviation],
        flags: u64,
        found: Option<usize>,
        known: Option<&str>,
    ) -> String {
        let (max_steps, test) = (self.max_steps, self.test);
        let child = in_child(|| {
            journal::begin(0, flags);
            let settings = settings(flags, max_steps, true);
            let mut outcome = once(test, &mut Replay::new(deviations), settings);
            if let (End::TooLong { livelock }, Some("livelock")) = (&mut outcome.end, known) {
                *livelock = true;
            }
            let print = fingerprint(test, &outcome);
            let failure = report::failure(&outcome, flags, print.as_deref());
            match print {
                None => format!("passed\n{failure}"),
                Some(_) => format!("{}\n{failure}", report::verdict_of(&outcome)),
            }
        });
        if let Some(why) = crate::outside::wanted() {
            return self.plain("inconclusive", &why);
        }
        let (verdict, failure) = match &child {
            Child::Report(text) => match text.split_once('\n') {
                Some((verdict, failure)) => (verdict.to_owned(), failure.to_owned()),
                None => ("inconclusive".to_owned(), "null".to_owned()),
            },
            child => {
                let verdict = crash_verdict(child);
                let done = journal::deviations();
                let (print, kind) = (crash(child), crash_kind(child));
                let failure = report::crashed(&print, kind, journal::last(), &done, flags);
                (verdict.to_owned(), failure)
            }
        };
        let unapplied = deviations
            .iter()
            .filter(|d| !journal::deviations().contains(d));
        let unapplied: Vec<Deviation> = unapplied.copied().collect();
        self.head(
            &verdict,
            &match &child {
                child if verdict == "inconclusive" => why(child),
                _ => String::new(),
            },
        )
        .raw(
            "found_deviations",
            found.map_or(-1, |f| i64::try_from(f).unwrap_or(-1)),
        )
        .raw("unapplied", report::deviations(&unapplied))
        .raw("failure", failure)
        .end()
    }

    /// A child had to be ended: why, and where it was.
    fn hung(&self, child: &Child) -> String {
        self.plain("inconclusive", &why(child))
    }

    fn head(&self, verdict: &str, reason: &str) -> Object {
        let exhausted = match self.exhausted {
            None => "null".to_owned(),
            Some(bound) => bound.to_string(),
        };
        Object::default()
            .text("test", &self.test.name)
            .text("verdict", verdict)
            .text("reason", reason)
            .raw("executions", self.executions)
            .raw("steps", self.steps)
            .raw("distinct", self.distinct)
            .raw("exhausted", exhausted)
            .raw("max_steps", self.max_steps)
            .raw("milliseconds", real_millis() - self.began)
            .text("fresh_process", self.fresh.as_deref().unwrap_or_default())
    }

    fn plain(&self, verdict: &str, reason: &str) -> String {
        self.head(verdict, reason).raw("failure", "null").end()
    }
}

/// Why a child had to be ended, and where it was.
fn why(child: &Child) -> String {
    let place = journal::last().map(|at| format!("; the last operation was at {at}"));
    format!("{}{}", crash(child), place.unwrap_or_default())
}

/// What tells one crash from another.
fn crash(child: &Child) -> String {
    match child {
        Child::Signal(n) => format!("signal {n}"),
        Child::Overflow => "stack overflow".to_owned(),
        Child::Exit(code) => format!("exit {code}"),
        Child::Silent(doing) => format!("no operation for {} s: {doing}", SILENCE_MS / 1000),
        Child::Large => format!("uses more than {} MiB of memory", MEMORY >> 20),
        Child::NoFork | Child::Report(_) => "cannot start a process".to_owned(),
    }
}

fn crash_kind(child: &Child) -> &'static str {
    match child {
        Child::Signal(libc::SIGABRT) => "abort",
        Child::Signal(_) => "signal",
        Child::Overflow => "stack-overflow",
        Child::Exit(_) => "exit",
        Child::Silent(_) => "hang",
        Child::Large => "memory",
        Child::NoFork | Child::Report(_) => "broken",
    }
}

/// A crash is the program's doing; a hang or a lack of memory may also be ours.
fn crash_verdict(child: &Child) -> &'static str {
    match child {
        Child::Signal(_) | Child::Overflow | Child::Exit(_) => "crashed",
        _ => "inconclusive",
    }
}

/// The body of a batch's child. Its report: executions so far, steps, distinct schedules, the
/// bound exhausted + 1, whether the search is over, flags of the last execution, the static that
/// was touched, and the failure's fingerprint.
fn run_batch(
    job: &Job,
    test: &Test,
    max_steps: u64,
    first: u64,
    fresh: bool,
    deadline: u64,
    saved: &[u32],
) -> String {
    quiet();
    let mut strategy = Portfolio::new(job.mix, job.seed);
    strategy.restore(saved);
    let mut runner = Runner::default();
    let (mut execution, mut steps, mut over) = (first, 0, 0);
    let mut seen = std::collections::HashSet::new();
    let (mut touched, mut failure, mut flags) = (String::new(), String::new(), 0);
    while execution < job.schedules {
        let check = execution.is_multiple_of(16) || max_steps == LONG;
        if execution > first && check && real_millis() > deadline {
            break;
        }
        if !strategy.begin(execution) {
            over = 1;
            break;
        }
        flags = flags_for(execution);
        if strategy.systematic() {
            // A search that claims completeness must see the same program every time.
            flags = job.flags;
        }
        journal::begin(execution, flags);
        let settings = settings(flags, max_steps, false);
        let outcome = runner.run(&mut strategy, settings, &test.name, body(test));
        strategy.end(outcome.decisions);
        execution += 1;
        steps += outcome.steps;
        let mut hasher = DefaultHasher::new();
        (flags, &outcome.deviations).hash(&mut hasher);
        if seen.len() < 100_000 {
            seen.insert(hasher.finish());
        }
        failure = fingerprint(test, &outcome).unwrap_or_default();
        if let Some(at) = outcome.touched_static {
            touched = at.to_string();
        }
        if !failure.is_empty() || fresh || !touched.is_empty() || outcome.leaked > 20_000 {
            break;
        }
    }
    let distinct = seen.len();
    let exhausted = strategy.exhausted().map_or(0, |e| u64::from(e) + 1);
    let kept = journal::save(&strategy.save())
        || strategy.give_up_bounded() && journal::save(&strategy.save());
    if !kept {
        over = 1;
    }
    format!(
        "{execution}\n{steps}\n{distinct}\n{exhausted}\n{over}\n{flags}\n{touched}\n{failure}\n"
    )
}
