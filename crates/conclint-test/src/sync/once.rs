//! `Once`.

use std::fmt;

use conclint_rt::sync as model;

use super::active;

/// See [`std::sync::Once`].
pub struct Once {
    model: model::Once,
    real: std::sync::Once,
}

/// See [`std::sync::OnceState`].
#[derive(Debug)]
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

#[expect(clippy::new_without_default, reason = "std's has none")]
impl Once {
    /// See [`std::sync::Once::new`].
    #[must_use]
    pub const fn new() -> Self {
        Self {
            model: model::Once::new(),
            real: std::sync::Once::new(),
        }
    }

    /// See [`std::sync::Once::call_once`].
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !active() {
            self.real.call_once(f);
        } else if !self.done_outside() {
            self.model.call_once(f);
            self.real.call_once_force(|_| {});
        }
    }

    /// See [`std::sync::Once::call_once_force`].
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !active() {
            self.real.call_once_force(|state| {
                f(&OnceState {
                    poisoned: state.is_poisoned(),
                });
            });
        } else if !self.done_outside() {
            self.model.call_once_force(|state| {
                f(&OnceState {
                    poisoned: state.is_poisoned(),
                });
            });
            self.real.call_once_force(|_| {});
        }
    }

    /// It was run before the execution began.
    fn done_outside(&self) -> bool {
        self.real.is_completed() && !self.model.is_completed()
    }

    /// See [`std::sync::Once::is_completed`].
    #[track_caller]
    pub fn is_completed(&self) -> bool {
        match active() {
            true => self.model.is_completed() || self.real.is_completed(),
            false => self.real.is_completed(),
        }
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
