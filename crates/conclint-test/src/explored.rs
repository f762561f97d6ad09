//! [`explored`]: a body that explores itself under plain `cargo test`.

use std::process::{ExitCode, Termination};
use std::time::Duration;

/// How schedules are chosen, as for `conclint explore --strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// Several of the others by turns.
    #[default]
    Portfolio,
    /// At random at every operation.
    Random,
    /// Probabilistic concurrency testing: random priorities, changed at few points.
    Pct,
    /// Partial order sampling.
    Pos,
    /// All schedules with at most so many preemptions, fewer first.
    Bounded(u32),
    /// All schedules there are.
    Exhaustive,
}

impl Strategy {
    /// As a job file has it.
    #[cfg(conclint_explores)]
    fn text(self) -> String {
        match self {
            Strategy::Portfolio => "portfolio".to_owned(),
            Strategy::Random => "random".to_owned(),
            Strategy::Pct => "pct".to_owned(),
            Strategy::Pos => "pos".to_owned(),
            Strategy::Bounded(preemptions) => format!("bounded {preemptions}"),
            Strategy::Exhaustive => "exhaustive".to_owned(),
        }
    }
}

/// How [`explored_with`] searches.
///
/// ```
/// use conclint_test::{Options, Strategy};
///
/// let options = Options::new().schedules(10_000).strategy(Strategy::Bounded(2));
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "settings do nothing by themselves: `explored_with(options, || ..)`"]
pub struct Options {
    schedules: u64,
    time: Duration,
    strategy: Strategy,
    seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schedules: 1000,
            time: Duration::from_secs(10),
            strategy: Strategy::Portfolio,
            seed: 0,
        }
    }
}

impl Options {
    /// At most 1000 schedules in at most ten seconds, by [`Strategy::Portfolio`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Most schedules to try; at least one is.
    pub fn schedules(self, schedules: u64) -> Self {
        Self {
            schedules: schedules.max(1),
            ..self
        }
    }

    /// Most time to take.
    pub fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// How schedules are chosen.
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    /// Where the random strategies begin.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

/// Runs `body` again and again, each time in another order of its threads, and
/// fails with the interleaving that breaks it: a panic, an error that it
/// returns, a deadlock, a livelock, a crash.
///
/// What `body` calls must be written against [`sync`](crate::sync) and
/// [`thread`](crate::thread): only their operations are scheduled. Every
/// execution is sequentially consistent, time is virtual, and nothing that
/// `body` does to its process stays.
///
/// Under `conclint explore` the test around it is explored, and `body` runs
/// once in each of its schedules. On platforms other than x86-64 Linux with
/// glibc it runs once.
///
/// ```
/// use conclint_test::{explored, sync, thread};
/// use sync::atomic::{AtomicU32, Ordering};
///
/// explored(|| {
///     let hits = AtomicU32::new(0);
///     thread::scope(|scope| {
///         scope.spawn(|| hits.fetch_add(1, Ordering::SeqCst));
///         scope.spawn(|| hits.fetch_add(1, Ordering::SeqCst));
///     });
///     assert_eq!(hits.into_inner(), 2);
/// });
/// ```
///
/// # Panics
///
/// With the interleaving, where a schedule breaks `body`, and how to run that
/// one again: `CONCLINT_SCHEDULE=.. cargo test NAME`. With the reason, where
/// `body` cannot be explored: it uses the network, say.
#[track_caller]
pub fn explored<F, R>(body: F)
where
    F: Fn() -> R + 'static,
    R: Termination,
{
    explored_with(Options::new(), body);
}

/// [`explored`], with settings of its own.
///
/// # Panics
///
/// As [`explored`].
#[track_caller]
pub fn explored_with<F, R>(options: Options, body: F)
where
    F: Fn() -> R + 'static,
    R: Termination,
{
    #[cfg(conclint_explores)]
    if !crate::sync::active() {
        search::run(&options, body);
        return;
    }
    // Within an execution already, or where none can be.
    let _ = options;
    if let Err(message) = result(&body) {
        panic!("{message}");
    }
}

/// Runs the body once.
fn result<R: Termination>(body: &dyn Fn() -> R) -> Result<(), String> {
    match body().report() {
        code if code == ExitCode::SUCCESS => Ok(()),
        code => Err(format!("the body returned an error ({code:?})")),
    }
}

#[cfg(conclint_explores)]
mod search {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::panic::Location;
    use std::path::{Path, PathBuf};
    use std::process::Stdio;
    use std::rc::Rc;
    use std::sync::{Mutex, PoisonError};

    use conclint_rt::supervise::{Answer, Test, explore_here};

    use super::{Options, Termination, result};
    use crate::{lint, tool};

    /// The variable with the one schedule to run.
    const SCHEDULE: &str = "CONCLINT_SCHEDULE";

    /// Operations of one execution before a fair scheduler takes over.
    const MAX_STEPS: u64 = 100_000;

    /// One search at a time: they share memory with their children.
    static TURN: Mutex<()> = Mutex::new(());

    /// Fails with the story of the schedule that breaks `body`.
    #[track_caller]
    pub(super) fn run<R: Termination>(options: &Options, body: impl Fn() -> R + 'static) {
        let (answer, test) = search(options, body);
        if !answer.passed {
            panic!("\n{}", story(&answer.json, &test));
        }
    }

    /// No schedule breaks `body`.
    #[cfg(test)]
    #[track_caller]
    pub(super) fn passes<R: Termination>(
        options: &Options,
        body: impl Fn() -> R + 'static,
    ) -> bool {
        search(options, body).0.passed
    }

    /// What came of it, and the name of the test around.
    #[track_caller]
    fn search<R: Termination>(
        options: &Options,
        body: impl Fn() -> R + 'static,
    ) -> (Answer, String) {
        let at = Location::caller();
        let test = Test {
            name: std::thread::current().name().unwrap_or("main").to_owned(),
            ignored: None,
            should_panic: None,
            file: at.file().to_owned(),
            line: usize::try_from(at.line()).unwrap_or_default(),
            body: Rc::new(move || result(&body)),
        };
        let job = match std::env::var(SCHEDULE) {
            Ok(schedule) => match replay(&schedule) {
                Some(job) => job,
                None => panic!("{SCHEDULE}={schedule:?} is no schedule; `explored` prints them"),
            },
            Err(_) => explore(options),
        };
        let answer = {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            explore_here(&job, &test)
        };
        match answer {
            Some(answer) => (answer, test.name),
            None => panic!("conclint: the runtime does not understand its job, {job:?}"),
        }
    }

    fn explore(options: &Options) -> String {
        let Options {
            schedules,
            time,
            strategy,
            seed,
        } = options;
        format!(
            "mode explore\ntest explored\nmax-steps {MAX_STEPS}\nschedules {schedules}\n\
             time-ms {}\nstrategy {}\nseed {seed}\n",
            // No time is no limit to the runtime.
            time.as_millis().max(1),
            strategy.text(),
        )
    }

    /// `FLAGS:THREAD.NTH.TO,..` as a job.
    fn replay(schedule: &str) -> Option<String> {
        let (flags, deviations) = schedule.split_once(':')?;
        let flags: u64 = flags.parse().ok()?;
        let mut job = format!("mode replay\ntest explored\nmax-steps {MAX_STEPS}\nflags {flags}\n");
        for deviation in deviations.split(',').filter(|text| !text.is_empty()) {
            let numbers = deviation.split('.').map(str::parse::<u32>);
            let numbers = numbers.collect::<Result<Vec<_>, _>>().ok()?;
            let [thread, nth, to] = numbers[..] else {
                return None;
            };
            let _ = writeln!(job, "deviation {thread} {nth} {to}");
        }
        Some(job)
    }

    /// What happened, told by `conclint`; where there is none, as it came.
    fn story(json: &str, test: &str) -> String {
        match told(json, test) {
            Ok(story) => story,
            Err(why) => format!("{why}\nso the interleaving is not drawn:\n{json}"),
        }
    }

    fn told(json: &str, test: &str) -> Result<String, String> {
        // The compiler names files from the root of the workspace.
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = lint::workspace_of(package.as_deref().unwrap_or(Path::new(".")));
        let mut child = tool::conclint()?
            .args(["tell", "--test", test, "--color", "never"])
            .current_dir(&root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("conclint does not start: {error}"))?;
        if let Some(mut pipe) = child.stdin.take() {
            // Where it does not read, it says so.
            let _ = pipe.write_all(json.as_bytes());
        }
        let output = child
            .wait_with_output()
            .map_err(|error| format!("conclint: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn schedules_as_text() {
            let job = replay("2:0.3.1,1.0.2").unwrap();
            assert!(job.ends_with("flags 2\ndeviation 0 3 1\ndeviation 1 0 2\n"));
            assert!(replay("0:").is_some_and(|job| job.ends_with("flags 0\n")));
            for wrong in ["", "0", "x:", "0:1.2", "0:1.2.3.4", "0:1.2.x", "-1:"] {
                assert_eq!(replay(wrong), None, "{wrong}");
            }
        }
    }
}

#[cfg(all(test, conclint_explores))]
#[path = "explored_tests.rs"]
mod explored_tests;
