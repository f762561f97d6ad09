//! Outside of `explored`, `sync` and `thread` are std's.

use std::time::Duration;

use conclint_test::sync::atomic::{AtomicU32, Ordering};
use conclint_test::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, mpsc};
use conclint_test::thread;

#[test]
fn locks_exclude_real_threads() {
    let count = Arc::new((Mutex::new(0), RwLock::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let count = count.clone();
            thread::spawn(move || {
                for _ in 0..1000 {
                    *count.0.lock().unwrap() += 1;
                    *count.1.write().unwrap() += 1;
                    assert!(*count.1.read().unwrap() > 0);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*count.0.lock().unwrap(), 4000);
    assert_eq!(*count.1.read().unwrap(), 4000);
}

#[test]
fn waits_end() {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = pair.clone();
    let waker = thread::spawn(move || {
        *theirs.0.lock().unwrap() = true;
        theirs.1.notify_all();
    });
    let done = pair.1.wait_while(pair.0.lock().unwrap(), |done| !*done);
    assert!(*done.unwrap());
    waker.join().unwrap();
    let (_guard, result) = pair
        .1
        .wait_timeout_while(pair.0.lock().unwrap(), Duration::from_millis(1), |done| {
            *done
        })
        .unwrap();
    assert!(result.timed_out());
}

#[test]
fn poison_is_kept() {
    let lock = Arc::new(Mutex::new(1));
    let theirs = lock.clone();
    let result = thread::spawn(move || {
        let _guard = theirs.lock().unwrap();
        panic!("on purpose");
    })
    .join();
    assert!(result.is_err());
    assert!(lock.is_poisoned());
    assert_eq!(*lock.lock().unwrap_err().into_inner(), 1);
    assert!(lock.try_lock().is_err());
    lock.clear_poison();
    assert_eq!(*lock.try_lock().unwrap(), 1);
}

#[test]
fn channels_scopes_and_the_rest() {
    static LAZY: LazyLock<u32> = LazyLock::new(|| 7);
    static ONCE: Once = Once::new();
    static CELL: OnceLock<u32> = OnceLock::new();
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let (sender, receiver) = mpsc::channel();
    let barrier = Barrier::new(3);
    let leaders: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let (sender, barrier) = (sender.clone(), &barrier);
                scope.spawn(move || {
                    ONCE.call_once(|| {
                        RUNS.fetch_add(1, Ordering::SeqCst);
                    });
                    sender.send(n + *LAZY + *CELL.get_or_init(|| 1)).unwrap();
                    usize::from(barrier.wait().is_leader())
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    drop(sender);
    assert_eq!(leaders, 1);
    assert_eq!(receiver.iter().sum::<u32>(), 27);
    assert_eq!(RUNS.load(Ordering::SeqCst), 1);
    assert_eq!(CELL.set(2), Err(2));

    let (sender, receiver) = mpsc::sync_channel(1);
    sender.send(1).unwrap();
    assert!(sender.try_send(2).is_err());
    drop(sender);
    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn threads_are_parked_and_told_apart() {
    let parked = thread::spawn(|| {
        thread::park();
        thread::current().id()
    });
    let id = parked.thread().id();
    parked.thread().unpark();
    assert_eq!(parked.join().unwrap(), id);
    assert_ne!(id, thread::current().id());
    conclint_test::thread_local! {
        static MINE: std::cell::Cell<u32> = const { std::cell::Cell::new(1) };
    }
    MINE.set(2);
    assert_eq!(thread::spawn(|| MINE.get()).join().unwrap(), 1);
    assert_eq!(MINE.get(), 2);
}
