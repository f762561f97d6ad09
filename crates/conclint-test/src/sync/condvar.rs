//! `Condvar`.

use std::fmt;
use std::sync::LockResult;
use std::time::{Duration, Instant};

use conclint_rt::sync as model;

use super::{MutexGuard, active, poison_of, with_poison};

/// See [`std::sync::WaitTimeoutResult`].
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// See [`std::sync::WaitTimeoutResult::timed_out`].
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// See [`std::sync::Condvar`].
#[derive(Default)]
pub struct Condvar {
    model: model::Condvar,
    real: std::sync::Condvar,
}

impl Condvar {
    /// See [`std::sync::Condvar::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            model: model::Condvar::new(),
            real: std::sync::Condvar::new(),
        }
    }

    /// See [`std::sync::Condvar::wait`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let MutexGuard { lock, data, gate } = guard;
        match gate {
            Some(gate) => {
                drop(data);
                lock.enter(self.model.wait(gate))
            }
            None => {
                let (data, poisoned) = poison_of(self.real.wait(data));
                with_poison(MutexGuard { lock, data, gate }, poisoned)
            }
        }
    }

    /// See [`std::sync::Condvar::wait_while`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// See [`std::sync::Condvar::wait_timeout`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let MutexGuard { lock, data, gate } = guard;
        match gate {
            Some(gate) => {
                drop(data);
                let ((gate, result), poisoned) = poison_of(self.model.wait_timeout(gate, duration));
                let (guard, _) = poison_of(lock.enter(Ok(gate)));
                with_poison((guard, WaitTimeoutResult(result.timed_out())), poisoned)
            }
            None => {
                let ((data, result), poisoned) = poison_of(self.real.wait_timeout(data, duration));
                let guard = MutexGuard { lock, data, gate };
                with_poison((guard, WaitTimeoutResult(result.timed_out())), poisoned)
            }
        }
    }

    /// See [`std::sync::Condvar::wait_timeout_while`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        duration: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        // The clock of an execution is virtual, also for std's `Instant`.
        let start = Instant::now();
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let Some(left) = duration.checked_sub(start.elapsed()) else {
                return Ok((guard, WaitTimeoutResult(true)));
            };
            guard = self.wait_timeout(guard, left)?.0;
        }
    }

    /// See [`std::sync::Condvar::notify_one`].
    #[track_caller]
    pub fn notify_one(&self) {
        match active() {
            true => self.model.notify_one(),
            false => self.real.notify_one(),
        }
    }

    /// See [`std::sync::Condvar::notify_all`].
    #[track_caller]
    pub fn notify_all(&self) {
        match active() {
            true => self.model.notify_all(),
            false => self.real.notify_all(),
        }
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
