//! Explores one test: forks children that run executions, watches them, shrinks what fails.
//!
//! The supervisor is the test binary's own first process. It never runs code of the program, so
//! each child starts from a clean image, and a crash, an `exit` or a hang ends a child only. It
//! judges by what children leave in shared memory, not by their exit status.

mod batch;
mod child;
mod judge;
mod notes;
mod search;

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use conclint_schedule::Replay;

use self::child::{COUNT, Child, TEMP, in_child};
pub(crate) use self::judge::EARLY;
use self::judge::{body, fingerprint, once};
use self::search::Supervisor;
use crate::exec::{End, Runner, Settings};
use crate::wire::{Job, Mode};
use crate::{channel, journal, report};

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

/// Tests are hidden from what they test: their threads do not have their names.
static HIDDEN: AtomicBool = AtomicBool::new(false);

impl Test {
    /// The name of its thread: as with libtest, which runs tests one at a time in `main`.
    fn thread(&self) -> &str {
        match HIDDEN.load(Ordering::Relaxed) {
            true => "main",
            false => &self.name,
        }
    }
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

/// Does what the job file says. `false` where there is none: the binary was started by hand.
#[must_use]
pub fn run(tests: &[Test]) -> bool {
    let Some(path) = std::env::var_os("CONCLINT_JOB") else {
        return false;
    };
    fix_addresses();
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
    if let Some(parent) = job.parent {
        child::end_with(parent);
    }
    if let Some(file) = &job.count {
        let _ = COUNT.set(file.clone());
    }
    if let Some(dir) = &job.temp {
        let _ = TEMP.set(dir.clone());
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

/// Begins this process anew at addresses that are not random: they are seen in values, and tables
/// keyed by them lead to other steps. Where that is not allowed, everything else works as well.
fn fix_addresses() {
    use std::os::unix::process::CommandExt as _;
    const ASK: libc::c_ulong = 0xffff_ffff;
    let fixed = libc::ADDR_NO_RANDOMIZE;
    // SAFETY: reads, then sets, a property of this process.
    let set = unsafe {
        let now = libc::personality(ASK);
        now >= 0
            && now & fixed == 0
            && libc::personality(libc::c_ulong::from((now | fixed).cast_unsigned())) >= 0
    };
    let mut arguments = std::env::args_os();
    if let (true, Some(name)) = (set, arguments.next()) {
        let program = std::env::current_exe().unwrap_or_else(|_| name.clone().into());
        // Comes back only where it fails.
        let _ = std::process::Command::new(program)
            .arg0(name)
            .args(arguments)
            .exec();
    }
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

/// Does the job that `job` describes, in the lines of a job file, on `test`, inside of a process that
/// may have other threads: a test that explores a part of itself. `None` where the job is none. One
/// call at a time: the journal is shared.
///
/// A child has only the calling thread of its parent. Memory can be allocated in it, but a lock that
/// another thread held at the fork stays held, and who waits for it ends as silent.
#[must_use]
pub fn explore_here(job: &str, test: &Test) -> Option<Answer> {
    let job = Job::parse(job)?;
    if job.mode == Mode::List {
        return None;
    }
    let json = Supervisor::new(&job, test).verdict();
    // Quotes in texts are escaped, so this can only be the member itself.
    let passed = json.contains(",\"verdict\":\"passed\"");
    Some(Answer { passed, json })
}

/// What [`explore_here`] came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// No schedule breaks the test.
    pub passed: bool,
    /// The whole answer, with the failing schedule and what happens under it.
    pub json: String,
}

/// Does jobs from the private channel, one after the other. They are separated by lines that say
/// `next`; each answer begins with the job's number.
fn serve(tests: &[Test]) -> bool {
    let Some(text) = channel::open() else {
        return false;
    };
    HIDDEN.store(true, Ordering::Relaxed);
    for (number, job) in text.split("\nnext\n").enumerate() {
        let Some(job) = Job::parse(job) else {
            return false;
        };
        if let Some(millis) = job.clock {
            crate::interpose::begin_at(millis);
        }
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
