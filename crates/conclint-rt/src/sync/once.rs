//! `Once`.

use std::cell::Cell;
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crate::exec::{point, point_if, progress, with};
use crate::op::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    New,
    Running,
    Poisoned,
    Done,
}

/// See [`std::sync::Once`].
pub struct Once {
    phase: Cell<Phase>,
}

// SAFETY: all threads of an execution run on one OS thread.
unsafe impl Sync for Once {}
impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// See [`std::sync::OnceState`].
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// See [`std::sync::OnceState::is_poisoned`].
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState")
            .field("poisoned", &self.poisoned)
            .finish()
    }
}

/// See `std::sync::ONCE_INIT`.
#[expect(clippy::declare_interior_mutable_const, reason = "std has it")]
pub const ONCE_INIT: Once = Once::new();

/// Ends the initialisation, also where it panics.
struct Running<'a> {
    once: &'a Once,
    end: Phase,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.once.phase.set(self.end);
        let key = self.once.key();
        with(|x| x.wake(key, |t| t.op.kind == Kind::Once));
        progress();
        crate::exec::point_after(key, crate::exec::here());
    }
}

#[expect(clippy::new_without_default, reason = "std's has none")]
impl Once {
    /// See [`std::sync::Once::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Cell::new(Phase::New),
        }
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Runs `f` unless it has been run; `f` says how it ended. Nobody enters meanwhile.
    pub(super) fn run(
        &self,
        at: &'static Location<'static>,
        ignore_poison: bool,
        f: impl FnOnce(&OnceState) -> Phase,
    ) {
        if self.phase.get() == Phase::Done {
            point(Kind::OnceGet, self.key(), at);
            return;
        }
        point_if(
            Kind::Once,
            self.key(),
            at,
            self.phase.get() != Phase::Running,
        );
        let poisoned = match self.phase.get() {
            Phase::Done => return,
            Phase::Poisoned if !ignore_poison => {
                panic!("Once instance has previously been poisoned")
            }
            Phase::Poisoned => true,
            Phase::New | Phase::Running => false,
        };
        self.phase.set(Phase::Running);
        let key = self.key();
        with(|x| x.disable(key, |t| t.op.kind == Kind::Once));
        let mut running = Running {
            once: self,
            end: Phase::Poisoned,
        };
        running.end = f(&OnceState { poisoned });
        drop(running);
    }

    /// See [`std::sync::Once::call_once`].
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        self.run(Location::caller(), false, |_| {
            f();
            Phase::Done
        });
    }

    /// See [`std::sync::Once::call_once_force`].
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        self.run(Location::caller(), true, |state| {
            f(state);
            Phase::Done
        });
    }

    /// See [`std::sync::Once::is_completed`].
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        point(Kind::OnceGet, self.key(), Location::caller());
        self.phase.get() == Phase::Done
    }

    /// See [`std::sync::Once::wait`].
    #[track_caller]
    pub fn wait(&self) {
        let at = Location::caller();
        while self.phase.get() != Phase::Done {
            assert!(
                self.phase.get() != Phase::Poisoned,
                "Once instance has previously been poisoned"
            );
            point_if(Kind::Once, self.key(), at, false);
        }
    }

    /// See [`std::sync::Once::wait_force`].
    #[track_caller]
    pub fn wait_force(&self) {
        let at = Location::caller();
        while self.phase.get() != Phase::Done {
            point_if(Kind::Once, self.key(), at, false);
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(super) fn reset(&mut self) {
        self.phase.set(Phase::New);
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
