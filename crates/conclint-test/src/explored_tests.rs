//! What `explored` finds and what it lets pass. How a failure reads, the
//! end-to-end tests see from outside.

use std::time::{Duration, Instant};

use super::search::passes;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};
use crate::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, OnceLock, RwLock, mpsc};
use crate::{Options, Strategy, explored, explored_with, thread};

/// Some schedule breaks the body.
#[track_caller]
fn breaks(body: fn()) {
    assert!(!passes(&Options::new(), body), "not found");
}

#[test]
fn a_lost_update_is_found_and_a_whole_one_is_not() {
    breaks(|| {
        let hits = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| hits.store(hits.load(SeqCst) + 1, SeqCst));
            }
        });
        assert_eq!(hits.into_inner(), 2);
    });
    let all = Options::new()
        .schedules(100_000)
        .strategy(Strategy::Exhaustive);
    explored_with(all, || {
        let hits = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| hits.fetch_add(1, SeqCst));
            }
        });
        assert_eq!(hits.into_inner(), 2);
    });
}

#[test]
fn an_inversion_deadlocks() {
    breaks(|| {
        let locks = Arc::new((Mutex::new(0), Mutex::new(0)));
        let theirs = locks.clone();
        let other = thread::spawn(move || {
            let _second = theirs.1.lock().unwrap();
            let _first = theirs.0.lock().unwrap();
        });
        {
            let _first = locks.0.lock().unwrap();
            let _second = locks.1.lock().unwrap();
        }
        other.join().unwrap();
    });
}

#[test]
fn a_lost_wake_up_is_found() {
    breaks(|| {
        let pair = Arc::new((Mutex::new(()), Condvar::new()));
        let theirs = pair.clone();
        let waker = thread::spawn(move || theirs.1.notify_one());
        let guard = pair.0.lock().unwrap();
        drop(pair.1.wait(guard));
        waker.join().unwrap();
    });
}

#[test]
fn a_receiver_that_nobody_ends() {
    breaks(|| {
        let (sender, receiver) = mpsc::channel::<u32>();
        let kept = sender.clone();
        let thread = thread::spawn(move || sender.send(1));
        assert_eq!(receiver.iter().sum::<u32>(), 1);
        drop(kept);
        drop(thread.join());
    });
}

#[test]
fn errors_are_failures_and_results_are_not() {
    explored(|| -> Result<(), std::fmt::Error> { Ok(()) });
    let error = || -> Result<(), std::fmt::Error> { Err(std::fmt::Error) };
    assert!(!passes(&Options::new(), error));
}

/// Everything at once, right, under schedules that interrupt it everywhere.
#[test]
fn what_is_right_passes() {
    explored_with(Options::new().schedules(300).seed(7), || {
        static LAZY: LazyLock<u32> = LazyLock::new(|| 1);
        let state = Arc::new((Mutex::new(0), Condvar::new(), RwLock::new(0)));
        let cell = Arc::new(OnceLock::new());
        let barrier = Arc::new(Barrier::new(2));
        let (sender, receiver) = mpsc::sync_channel(1);
        let theirs = (state.clone(), cell.clone(), barrier.clone());
        let other = thread::Builder::new()
            .name("other".to_owned())
            .spawn(move || {
                let (state, cell, barrier) = theirs;
                *state.2.write().unwrap() += *LAZY;
                *state.0.lock().unwrap() += 1;
                state.1.notify_one();
                sender.send(*cell.get_or_init(|| 3)).unwrap();
                barrier.wait();
            })
            .unwrap();
        let mut guard = state.0.lock().unwrap();
        while *guard == 0 {
            guard = state.1.wait(guard).unwrap();
        }
        drop(guard);
        assert_eq!(*state.2.read().unwrap(), *LAZY);
        assert_eq!(receiver.recv(), Ok(*cell.get_or_init(|| 3)));
        barrier.wait();
        other.join().unwrap();
    });
}

#[test]
fn time_is_virtual() {
    let start = Instant::now();
    explored_with(Options::new().schedules(3), || {
        let start = Instant::now();
        thread::sleep(Duration::from_secs(3600));
        assert!(start.elapsed() >= Duration::from_secs(3600));
    });
    assert!(start.elapsed() < Duration::from_secs(3600));
}

/// What an execution does to the process does not reach the next one, nor us.
#[test]
fn statics_begin_anew() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    explored_with(Options::new().schedules(20), || {
        assert_eq!(RUNS.fetch_add(1, SeqCst), 0);
    });
    assert_eq!(RUNS.load(SeqCst), 0);
}

#[test]
fn what_leaves_the_program_is_not_explored() {
    breaks(|| {
        let _ = std::net::TcpListener::bind("127.0.0.1:0");
    });
    assert!(std::net::TcpListener::bind("127.0.0.1:0").is_ok());
}
