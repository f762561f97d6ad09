// What the probes of `lifetimes.rs` are compiled with: locks whose guards are
// counted, in place of those of std and of parking_lot. Nothing blocks: a
// second `lock` gives a second guard.

#![allow(warnings)]

use std::cell::Cell;

thread_local! {
    static ALIVE: Cell<i32> = const { Cell::new(0) };
    static SEEN: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<bool> = const { Cell::new(false) };
    static STEPS: Cell<i32> = const { Cell::new(0) };
}

/// Ends probes that loop for ever.
fn step() {
    STEPS.set(STEPS.get() + 1);
    if STEPS.get() > 50 && !std::thread::panicking() {
        std::panic::resume_unwind(Box::new(()));
    }
}

fn here() -> i32 {
    SEEN.set(true);
    HELD.set(HELD.get() || ALIVE.get() > 0);
    step();
    0
}

mod parking_lot {
    /// `refuses`: `try_lock` finds it taken.
    pub struct Mutex<T> {
        pub make: Box<dyn Fn() -> T>,
        pub refuses: bool,
    }

    pub struct MutexGuard<'a, T> {
        lock: &'a Mutex<T>,
        value: T,
    }

    impl<T> Mutex<T> {
        pub fn lock(&self) -> MutexGuard<'_, T> {
            super::step();
            super::ALIVE.set(super::ALIVE.get() + 1);
            MutexGuard { lock: self, value: (self.make)() }
        }

        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            (!self.refuses).then(|| self.lock())
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            super::ALIVE.set(super::ALIVE.get() - 1);
        }
    }

    impl<T> std::ops::Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            &self.value
        }
    }

    impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.value
        }
    }
}

mod poisoning {
    use super::parking_lot::MutexGuard;

    /// `refuses`: poisoned for `lock`, taken for `try_lock`.
    pub struct Mutex<T>(pub super::parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn lock(&self) -> std::sync::LockResult<MutexGuard<'_, T>> {
            let guard = self.0.lock();
            if self.0.refuses {
                return Err(std::sync::PoisonError::new(guard));
            }
            Ok(guard)
        }

        pub fn try_lock(&self) -> std::sync::TryLockResult<MutexGuard<'_, T>> {
            self.0.try_lock().ok_or(std::sync::TryLockError::WouldBlock)
        }
    }
}

/// Runs a probe with each answer that its conditions can give: the places it
/// names `here()` at, or `None` when it comes to none.
fn probe(number: usize, run: fn(&parking_lot::Mutex<D>, &poisoning::Mutex<D>, bool)) {
    SEEN.set(false);
    HELD.set(false);
    for bits in 0..8 {
        let lock = || parking_lot::Mutex {
            make: Box::new(move || D { v: 1, b: bits & 1 == 1, field: 1, o: Over(1) }),
            refuses: bits & 2 == 2,
        };
        ALIVE.set(0);
        STEPS.set(0);
        let (plain, poisoning) = (lock(), poisoning::Mutex(lock()));
        let run = std::panic::AssertUnwindSafe(|| run(&plain, &poisoning, bits & 4 == 4));
        let _ = std::panic::catch_unwind(run);
    }
    let answer = match (SEEN.get(), HELD.get()) {
        (false, _) => "never",
        (true, false) => "free",
        (true, true) => "alive",
    };
    println!("\nprobe {number} {answer}");
}
