//! `Barrier`.

use std::fmt;

use conclint_rt::sync as model;

use super::active;

/// See [`std::sync::Barrier`].
pub struct Barrier {
    model: model::Barrier,
    real: std::sync::Barrier,
}

/// See [`std::sync::BarrierWaitResult`].
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// See [`std::sync::BarrierWaitResult::is_leader`].
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// See [`std::sync::Barrier::new`].
    #[must_use]
    pub const fn new(n: usize) -> Self {
        Self {
            model: model::Barrier::new(n),
            real: std::sync::Barrier::new(n),
        }
    }

    /// See [`std::sync::Barrier::wait`].
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        BarrierWaitResult(match active() {
            true => self.model.wait().is_leader(),
            false => self.real.wait().is_leader(),
        })
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
