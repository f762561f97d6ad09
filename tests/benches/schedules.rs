//! Schedules per second against shuttle, on the same programs, in one run.
//!
//! `cargo bench -p conclint-tests --bench schedules`. Both sides choose at random, have a step
//! bound and record what a replay needs. Rounds alternate, so that a slow moment of the machine
//! meets both; the best round of each counts.

// A benchmark talks through its standard output.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use conclint_rt::exec::{Runner, Settings};
use conclint_schedule::{Random, Strategy as _};

const ROUNDS: u32 = 7;
const EXECUTIONS: u64 = 20_000;
const THREADS: usize = 4;
const TURNS: usize = 5;

/// The programs, once with each side's primitives.
macro_rules! programs {
    ($root:ident) => {
        use std::sync::Arc;
        use std::sync::atomic::Ordering;

        use $root::sync::Mutex;
        use $root::sync::atomic::AtomicUsize;
        use $root::thread;

        pub fn mutex() {
            let counter = Arc::new(Mutex::new(0));
            let threads: Vec<_> = (0..super::THREADS)
                .map(|_| {
                    let counter = counter.clone();
                    thread::spawn(move || {
                        for _ in 0..super::TURNS {
                            *counter.lock().expect("no thread panics") += 1;
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().expect("no thread panics");
            }
            let total = *counter.lock().expect("no thread panics");
            assert_eq!(total, super::THREADS * super::TURNS);
        }

        pub fn atomic() {
            let counter = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..super::THREADS)
                .map(|_| {
                    let counter = counter.clone();
                    thread::spawn(move || {
                        for _ in 0..super::TURNS {
                            let seen = counter.load(Ordering::SeqCst);
                            counter.store(seen + 1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().expect("no thread panics");
            }
            assert!(counter.load(Ordering::SeqCst) <= super::THREADS * super::TURNS);
        }
    };
}

mod ours {
    programs!(conclint_rt);
}

mod theirs {
    programs!(shuttle);
}

fn run_ours(program: fn()) -> Duration {
    let mut strategy = Random::new(7);
    let mut runner = Runner::default();
    let began = Instant::now();
    for execution in 0..EXECUTIONS {
        strategy.begin(execution);
        let main = Box::new(program);
        let outcome = runner.run(&mut strategy, Settings::default(), "main", main);
        strategy.end(outcome.decisions);
    }
    began.elapsed()
}

fn run_theirs(program: fn()) -> Duration {
    let count = usize::try_from(EXECUTIONS).unwrap_or(usize::MAX);
    let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(7, count);
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    let runner = shuttle::Runner::new(scheduler, config);
    let began = Instant::now();
    runner.run(program);
    began.elapsed()
}

fn compare(name: &str, ours: fn(), theirs: fn()) {
    let (mut mine, mut other) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        mine = mine.min(run_ours(ours));
        other = other.min(run_theirs(theirs));
    }
    let rate = |time: Duration| EXECUTIONS as f64 / time.as_secs_f64();
    println!(
        "{name}: {:.0} schedules a second, shuttle {:.0}: {:.2} times",
        rate(mine),
        rate(other),
        other.as_secs_f64() / mine.as_secs_f64()
    );
}

fn main() {
    if std::env::args().any(|a| a == "--list" || a == "--test") {
        return;
    }
    println!("{THREADS} threads of {TURNS} turns, random choices, best of {ROUNDS} rounds");
    compare("mutex", ours::mutex, theirs::mutex);
    compare("atomic", ours::atomic, theirs::atomic);
}
