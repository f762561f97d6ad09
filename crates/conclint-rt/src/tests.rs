//! Executions of small programs, straight on the runtime.

use std::sync::Arc;
use std::time::{Duration, Instant};

use conclint_schedule::{Bounded, Mix, Portfolio, Random, Replay, Strategy};

use crate::exec::{End, Outcome, Runner, Settings};
use crate::op::Kind;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Condvar, LazyLock, Mutex, RwLock, mpsc};
use crate::thread;

/// One test at a time: a lock of another OS thread would look like one of the execution.
pub(crate) fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn once(strategy: &mut (dyn Strategy + 'static), trace: bool, main: fn()) -> Outcome {
    let _turn = alone();
    let settings = Settings {
        trace,
        ..Settings::default()
    };
    Runner::default().run(strategy, settings, "main", Box::new(main))
}

/// The first failing execution of a search.
fn search(strategy: impl Strategy + 'static, limit: u64, main: fn()) -> Option<Outcome> {
    search_under(Settings::default(), strategy, limit, main)
}

fn search_under(
    settings: Settings,
    mut strategy: impl Strategy + 'static,
    limit: u64,
    main: fn(),
) -> Option<Outcome> {
    let _turn = alone();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut runner = Runner::default();
    let mut found = None;
    for execution in 0..limit {
        if !strategy.begin(execution) {
            break;
        }
        let outcome = runner.run(&mut strategy, settings, "main", Box::new(main));
        strategy.end(outcome.decisions);
        if outcome.end != End::Finished {
            found = Some(outcome);
            break;
        }
    }
    std::panic::set_hook(hook);
    found
}

fn racy_counter() {
    let counter = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let counter = counter.clone();
            thread::spawn(move || {
                let seen = counter.load(Ordering::SeqCst);
                counter.store(seen + 1, Ordering::SeqCst);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(counter.load(Ordering::SeqCst), 2);
}

#[test]
fn every_strategy_finds_the_lost_update() {
    for mix in [
        Mix::Portfolio,
        Mix::Random,
        Mix::Pct,
        Mix::Pos,
        Mix::Bounded(1),
    ] {
        let outcome = search(Portfolio::new(mix, 1), 200, racy_counter);
        let outcome = outcome.unwrap_or_else(|| panic!("{mix:?} finds nothing"));
        assert_eq!(outcome.end, End::Panicked, "{mix:?}");
    }
}

#[test]
fn one_preemption_is_needed() {
    assert!(search(Bounded::new(0), 1000, racy_counter).is_none());
    let found = search(Bounded::new(1), 1000, racy_counter).map(|o| o.preemptions);
    assert_eq!(found, Some(1));
}

#[test]
fn a_schedule_replays() {
    let found = search(Random::new(7), 200, racy_counter).expect("a failure");
    for _ in 0..3 {
        let mut replay = Replay::new(&found.deviations);
        assert!(replay.begin(0));
        let again = once(&mut replay, true, racy_counter);
        assert_eq!(again.end, End::Panicked);
        assert_eq!(again.deviations, found.deviations);
        assert_eq!(again.steps, found.steps);
    }
}

fn opposite_order() {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let theirs = locks.clone();
    let thread = thread::spawn(move || {
        let _b = theirs.1.lock().unwrap();
        let _a = theirs.0.lock().unwrap();
    });
    {
        let _a = locks.0.lock().unwrap();
        let _b = locks.1.lock().unwrap();
    }
    thread.join().unwrap();
}

#[test]
fn a_deadlock_names_its_cycle() {
    let found = search(Bounded::new(1), 1000, opposite_order).expect("a deadlock");
    assert_eq!(found.end, End::Deadlock);
    assert_eq!(found.stuck.len(), 2);
    assert_eq!(found.stuck[0].waits_for, [1]);
    assert_eq!(found.stuck[1].waits_for, [0]);
    assert!(
        found
            .stuck
            .iter()
            .all(|s| s.kind == Kind::Lock && s.holds.len() == 1)
    );
}

fn lost_wakeup() {
    let pair = Arc::new((Mutex::new(()), Condvar::new()));
    let theirs = pair.clone();
    let thread = thread::spawn(move || theirs.1.notify_one());
    let guard = pair.0.lock().unwrap();
    drop(pair.1.wait(guard));
    thread.join().unwrap();
}

#[test]
fn a_lost_wakeup_is_told() {
    let found = search(Bounded::new(1), 1000, lost_wakeup).expect("a deadlock");
    assert_eq!(found.end, End::Deadlock);
    assert_eq!(
        (found.stuck[0].kind, found.stuck[0].missed),
        (Kind::Wait, 1)
    );
}

fn waits_for_a_flag(again: bool) {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = pair.clone();
    let thread = thread::spawn(move || {
        *theirs.0.lock().unwrap() = true;
        theirs.1.notify_all();
    });
    let mut set = pair.0.lock().unwrap();
    if !*set {
        set = pair.1.wait(set).unwrap();
    }
    while again && !*set {
        set = pair.1.wait(set).unwrap();
    }
    assert!(*set);
    drop(set);
    thread.join().unwrap();
}

/// A wait may return without a notification, and then has to look again.
#[test]
fn a_spurious_wakeup_is_a_choice() {
    let spurious = Settings {
        spurious: true,
        ..Settings::default()
    };
    let once = || waits_for_a_flag(false);
    assert!(search(Bounded::new(2), 1000, once).is_none());
    let found = search_under(spurious, Bounded::new(1), 100, once);
    assert_eq!(found.map(|o| o.end), Some(End::Panicked));
    let again = || waits_for_a_flag(true);
    assert!(search_under(spurious, Bounded::new(2), 5000, again).is_none());
    // It saves nobody from a deadlock.
    let found = search_under(spurious, Bounded::new(1), 1000, lost_wakeup);
    assert_eq!(found.map(|o| o.end), Some(End::Deadlock));
}

#[test]
fn receiver_with_a_live_sender() {
    let found = search(Bounded::new(0), 10, || {
        let (tx, rx) = mpsc::channel::<u8>();
        let _ = rx.recv();
        drop(tx);
    });
    assert_eq!(found.map(|o| o.stuck[0].kind), Some(Kind::Recv));
}

#[test]
fn a_read_lock_behind_a_waiting_writer() {
    let found = search(Bounded::new(2), 1000, || {
        let lock = Arc::new(RwLock::new(0));
        let theirs = lock.clone();
        let thread = thread::spawn(move || *theirs.write().unwrap() += 1);
        let first = lock.read().unwrap();
        let second = lock.read().unwrap();
        drop((first, second));
        thread.join().unwrap();
    });
    assert_eq!(found.map(|o| o.end), Some(End::Deadlock));
}

#[test]
fn time_is_virtual() {
    let before = crate::interpose::real_millis();
    let found = search(Bounded::new(0), 1, || {
        let start = Instant::now();
        thread::sleep(Duration::from_secs(3600));
        assert!(start.elapsed() >= Duration::from_secs(3600));
    });
    assert!(found.is_none());
    assert!(crate::interpose::real_millis() < before + 1000);
}

#[test]
fn endless_programs_end() {
    let _turn = alone();
    let settings = Settings {
        max_steps: 2000,
        fair_steps: 2000,
        ..Settings::default()
    };
    let main = || {
        let never = AtomicU32::new(0);
        while never.load(Ordering::SeqCst) == 0 {}
    };
    let mut replay = Replay::new(&[]);
    let outcome = Runner::default().run(&mut replay, settings, "main", Box::new(main));
    assert_eq!(outcome.end, End::TooLong { livelock: true });
    assert!(outcome.steps < 3000, "the repetition is seen at once");
    assert!(outcome.stuck[0].runnable);
}

/// Runs `main` with a fair scheduler from step 500 on.
fn soon_fair(main: fn()) -> End {
    let _turn = alone();
    let settings = Settings {
        max_steps: 500,
        fair_steps: 5000,
        ..Settings::default()
    };
    let mut replay = Replay::new(&[]);
    let outcome = Runner::default().run(&mut replay, settings, "main", Box::new(main));
    outcome.end
}

#[test]
fn a_long_loop_is_no_livelock() {
    let bounded = || {
        let never = AtomicU32::new(0);
        for _ in 0..4000 {
            std::hint::black_box(never.load(Ordering::SeqCst));
        }
    };
    assert_eq!(soon_fair(bounded), End::Finished);
    let longer = || {
        let never = AtomicU32::new(0);
        for _ in 0..100_000 {
            std::hint::black_box(never.load(Ordering::SeqCst));
        }
    };
    assert_eq!(soon_fair(longer), End::TooLong { livelock: false });
    let guarded = || {
        let count = Mutex::new(0);
        while *count.lock().unwrap() < 100_000 {
            *count.lock().unwrap() += 1;
        }
    };
    assert_eq!(soon_fair(guarded), End::TooLong { livelock: false });
}

#[test]
fn two_who_give_way_to_each_other_for_ever() {
    let polite = || {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let theirs = locks.clone();
        let dance = |first: &Mutex<()>, second: &Mutex<()>| {
            loop {
                let _held = first.lock().unwrap();
                thread::yield_now();
                if second.try_lock().is_ok() {
                    return;
                }
                thread::yield_now();
            }
        };
        let other = thread::spawn(move || dance(&theirs.1, &theirs.0));
        dance(&locks.0, &locks.1);
        other.join().unwrap();
    };
    assert_eq!(soon_fair(polite), End::TooLong { livelock: true });
}

#[test]
fn who_polls_sees_a_sleeper_wake() {
    let main = || {
        let done = Arc::new(AtomicU32::new(0));
        let theirs = done.clone();
        let sleeper = thread::spawn(move || {
            thread::sleep(Duration::from_secs(2));
            theirs.store(1, Ordering::SeqCst);
        });
        let ours = done.clone();
        let poller = thread::spawn(move || {
            while ours.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
        });
        while done.load(Ordering::SeqCst) == 0 {}
        sleeper.join().unwrap();
        poller.join().unwrap();
    };
    let outcome = once(&mut Replay::new(&[]), false, main);
    assert_eq!(outcome.end, End::Finished);
    assert!(outcome.steps < 20_000, "{}", outcome.steps);
}

#[test]
fn a_panic_is_handed_over_by_join() {
    let found = search(Random::new(1), 20, || {
        let result = thread::spawn(|| panic!("on purpose")).join();
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"on purpose"));
    });
    assert!(found.is_none());
}

#[test]
fn a_lazy_value_that_is_contended() {
    let found = search(Bounded::new(2), 5000, || {
        let calls = Arc::new(AtomicU32::new(0));
        let inner = calls.clone();
        let lazy = Arc::new(LazyLock::new(move || inner.fetch_add(1, Ordering::SeqCst)));
        let theirs = lazy.clone();
        let thread = thread::spawn(move || **theirs);
        assert_eq!(**lazy, thread.join().unwrap());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    });
    assert!(found.is_none(), "{found:?}");
}

#[test]
fn threads_that_nobody_waits_for() {
    let outcome = once(&mut Replay::new(&[]), false, || {
        thread::spawn(thread::park);
    });
    assert_eq!(outcome.end, End::Finished);
}

/// Maps must iterate alike in every execution, or a schedule does not replay.
#[test]
fn hash_seeds_begin_anew() {
    let orders = std::thread::spawn(|| {
        let _turn = alone();
        static SEEN: std::sync::Mutex<Vec<Vec<u32>>> = std::sync::Mutex::new(Vec::new());
        let mut runner = Runner::default();
        for _ in 0..3 {
            let main = || {
                let map = |from: u32| (from..from + 64).collect::<std::collections::HashSet<u32>>();
                let orders = [map(0), map(7)].map(|m| m.into_iter().collect::<Vec<u32>>());
                SEEN.lock().unwrap().push(orders.concat());
            };
            let mut strategy = Replay::new(&[]);
            runner.run(&mut strategy, Settings::default(), "main", Box::new(main));
            assert!(!crate::hashing::lost());
        }
        SEEN.lock().unwrap().clone()
    });
    let orders = orders.join().unwrap();
    assert_eq!(orders.len(), 3);
    assert!(orders.iter().all(|o| *o == orders[0]), "{orders:?}");
}

/// Independent steps in another order are the same trace, dependent ones are not.
#[test]
fn traces_tell_dependent_steps_apart() {
    fn traces(main: fn()) -> (usize, usize) {
        let _turn = alone();
        let mut strategy = Bounded::new(u32::MAX);
        let (mut runner, mut executions) = (Runner::default(), 0);
        let mut traces = std::collections::BTreeSet::new();
        while strategy.begin(executions) {
            let outcome = runner.run(&mut strategy, Settings::default(), "main", Box::new(main));
            strategy.end(outcome.decisions);
            traces.insert(outcome.trace);
            executions += 1;
        }
        (usize::try_from(executions).unwrap(), traces.len())
    }
    fn two(own: bool) {
        let atomics = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        thread::scope(|s| {
            for index in 0..2 {
                let atomics = &atomics;
                s.spawn(move || {
                    atomics[if own { index } else { 0 }].fetch_add(1, Ordering::SeqCst)
                });
            }
        });
    }
    let (executions, own) = traces(|| two(true));
    assert!(executions > 2);
    assert_eq!(own, 1);
    let (_, shared) = traces(|| two(false));
    assert_eq!(shared, 2);
}

/// The only thread that can move polls for one that sleeps: time passes, to the moment it wakes.
#[test]
fn who_polls_for_a_sleeper_sees_it_wake() {
    let _turn = alone();
    let settings = Settings {
        early_timers: false,
        max_steps: 2_000,
        fair_steps: 2_000,
        ..Settings::default()
    };
    let main = || {
        let done = Arc::new(AtomicU32::new(0));
        let theirs = done.clone();
        let began = Instant::now();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            theirs.store(1, Ordering::SeqCst);
        });
        while done.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        other.join().unwrap();
        assert!(began.elapsed() < Duration::from_millis(1500));
    };
    let mut strategy = Replay::new(&[]);
    let outcome = Runner::default().run(&mut strategy, settings, "main", Box::new(main));
    assert_eq!(outcome.end, End::Finished);
}

/// Runs whom nobody else would run: the last thread where it can move, the running one otherwise.
struct Unfair;

impl Strategy for Unfair {
    fn begin(&mut self, _execution: u64) -> bool {
        true
    }

    fn choose(&mut self, decision: &conclint_schedule::Decision<'_>) -> usize {
        let last = decision.candidates.iter().position(|c| c.thread == 2);
        last.or_else(|| decision.current_index())
            .unwrap_or(usize::MAX)
    }

    fn end(&mut self, _steps: u64) {}
}

/// Somebody polls while another thread, which could move, has not had its turn: no time passes.
#[test]
fn no_time_passes_before_everybody_had_a_turn() {
    let _turn = alone();
    let settings = Settings {
        early_timers: false,
        max_steps: 2_000,
        ..Settings::default()
    };
    let main = || {
        let ready = Arc::new(AtomicU32::new(0));
        let done = Arc::new(AtomicU32::new(0));
        let theirs = ready.clone();
        let worker = thread::spawn(move || theirs.store(1, Ordering::SeqCst));
        let (seen, theirs) = (ready, done.clone());
        let sleeper = thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            assert_eq!(seen.load(Ordering::SeqCst), 1);
            theirs.store(1, Ordering::SeqCst);
        });
        while done.load(Ordering::SeqCst) == 0 {}
        worker.join().unwrap();
        sleeper.join().unwrap();
    };
    let outcome = Runner::default().run(&mut Unfair, settings, "main", Box::new(main));
    assert_eq!(outcome.end, End::Finished, "{:?}", outcome.panics);
}

/// Who looks a few times before each of many short sleeps does not lose the time of one long wait.
#[test]
fn polling_before_short_sleeps_does_not_add_up() {
    let _turn = alone();
    let settings = Settings {
        early_timers: false,
        ..Settings::default()
    };
    let main = || {
        let flag = AtomicU32::new(0);
        let began = Instant::now();
        for _ in 0..10 {
            for _ in 0..200 {
                assert_eq!(flag.load(Ordering::SeqCst), 0);
            }
            thread::sleep(Duration::from_millis(10));
        }
        let took = began.elapsed();
        assert!(took < Duration::from_millis(120), "{took:?}");
    };
    let mut strategy = Replay::new(&[]);
    let outcome = Runner::default().run(&mut strategy, settings, "main", Box::new(main));
    assert_eq!(outcome.end, End::Finished, "{:?}", outcome.panics);
}

/// Gives way for ever while its thread unwinds.
struct Unending;

impl Drop for Unending {
    fn drop(&mut self) {
        while std::thread::panicking() {
            thread::yield_now();
        }
    }
}

/// Runs `main` on an OS thread of its own: the count of panics is that thread's.
fn unwinding(main: fn()) -> Outcome {
    let _turn = alone();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        crate::exec::panicked(crate::exec::text_of(info.payload()), None);
    }));
    let outcome = std::thread::spawn(move || {
        let mut strategy = Replay::new(&[]);
        Runner::default().run(&mut strategy, Settings::default(), "main", Box::new(main))
    });
    let outcome = outcome.join();
    std::panic::set_hook(hook);
    outcome.unwrap()
}

#[test]
fn a_test_that_has_failed_ends_although_its_destructors_do_not() {
    let outcome = unwinding(|| {
        let _unending = Unending;
        panic!("3 is not 4");
    });
    assert_eq!((outcome.end, outcome.payload), (End::Panicked, None));
    assert_eq!(outcome.panics[0].message, "3 is not 4");
    let outcome = unwinding(|| {
        let worker = thread::spawn(|| {
            let _unending = Unending;
            panic!("none of the test");
        });
        worker.join().unwrap_err();
    });
    assert!(matches!(outcome.end, End::Broken(_)), "{:?}", outcome.end);
}
