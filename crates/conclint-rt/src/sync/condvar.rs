//! `Condvar`.

use std::fmt;
use std::panic::Location;
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use crate::exec::{State, active, block, moved, point, point_after, with};
use crate::op::{Kind, Op};
use crate::sync::MutexGuard;
use crate::thread::due_in;

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
pub struct Condvar {
    /// Gives the condition variable an address of its own.
    _place: u32,
}

impl Condvar {
    /// See [`std::sync::Condvar::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self { _place: 0 }
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        due: Option<u64>,
        at: &'static Location<'static>,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        if !active() {
            return Ok((guard, WaitTimeoutResult(due.is_some())));
        }
        point(Kind::Wait, self.key(), at);
        let (lock, _) = guard.release();
        with(|x| {
            let me = x.current;
            x.tasks[me].since = x.steps;
            x.tasks[me].relock = Some(lock.relock_info());
        });
        let timed_out = block(due);
        let spurious = with(|x| std::mem::take(&mut x.tasks[x.current].spurious)) == Some(true);
        moved();
        let result = WaitTimeoutResult(timed_out);
        match lock.relock(at, timed_out || spurious) {
            Ok(guard) => Ok((guard, result)),
            Err(error) => Err(PoisonError::new((error.into_inner(), result))),
        }
    }

    /// See [`std::sync::Condvar::wait`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        match self.wait_until(guard, None, Location::caller()) {
            Ok((guard, _)) => Ok(guard),
            Err(error) => Err(PoisonError::new(error.into_inner().0)),
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
        self.wait_until(guard, due_in(duration), Location::caller())
    }

    /// See [`std::sync::Condvar::wait_timeout_ms`].
    ///
    /// # Errors
    /// When the mutex is poisoned.
    #[track_caller]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let duration = Duration::from_millis(u64::from(ms));
        match self.wait_timeout(guard, duration) {
            Ok((guard, result)) => Ok((guard, !result.timed_out())),
            Err(error) => {
                let (guard, result) = error.into_inner();
                Err(PoisonError::new((guard, !result.timed_out())))
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
        let at = Location::caller();
        let due = due_in(duration);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let late = with(|x| due.is_none_or(|due| x.clock >= due)).unwrap_or(true);
            if late {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.wait_until(guard, due, at)?.0;
        }
    }

    /// Wakes the thread that has waited longest.
    fn notify(&self, all: bool) -> usize {
        let key = self.key();
        let mut woken = 0;
        loop {
            let found = with(|x| {
                let Some(id) = x.oldest(key, Kind::Wait) else {
                    return false;
                };
                let task = &mut x.tasks[id];
                task.due = None;
                let (mutex, locked) = task.relock.take().unwrap_or((0, std::ptr::null()));
                // SAFETY: the waiter borrows its mutex for as long as it waits.
                let locked = unsafe { locked.as_ref() }.is_some_and(std::cell::Cell::get);
                task.op = Op {
                    kind: Kind::Lock,
                    object: mutex,
                    at: task.op.at,
                };
                task.state = if locked { State::Blocked } else { State::Ready };
                task.able = x.clock;
                true
            });
            if found != Some(true) {
                return woken;
            }
            woken += 1;
            if !all {
                return woken;
            }
        }
    }

    /// See [`std::sync::Condvar::notify_one`].
    #[track_caller]
    pub fn notify_one(&self) {
        let at = Location::caller();
        point(Kind::NotifyOne, self.key(), at);
        self.told(self.notify(false), at);
    }

    /// See [`std::sync::Condvar::notify_all`].
    #[track_caller]
    pub fn notify_all(&self) {
        let at = Location::caller();
        point(Kind::NotifyAll, self.key(), at);
        self.told(self.notify(true), at);
    }

    fn told(&self, woken: usize, at: &'static Location<'static>) {
        let key = self.key();
        if woken > 0 {
            moved();
        } else {
            with(|x| x.unheard(key));
        }
        crate::exec::note(|| match woken {
            0 => "nobody waits".to_owned(),
            n => format!("wakes {n}"),
        });
        point_after(key, at);
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
