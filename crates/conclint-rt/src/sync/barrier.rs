//! `Barrier`.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use crate::exec::{block, point, point_after, progress, publish, with};
use crate::op::Kind;

/// See [`std::sync::Barrier`].
pub struct Barrier {
    /// How many have arrived, and in which round.
    count: Cell<(usize, usize)>,
    size: usize,
}

// SAFETY: all threads of an execution run on one OS thread.
unsafe impl Sync for Barrier {}

/// See [`std::sync::BarrierWaitResult`].
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// See [`std::sync::BarrierWaitResult::is_leader`].
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.0)
            .finish()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl Barrier {
    /// See [`std::sync::Barrier::new`].
    #[must_use]
    pub const fn new(size: usize) -> Self {
        Self {
            count: Cell::new((0, 0)),
            size,
        }
    }

    /// See [`std::sync::Barrier::wait`].
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let at = Location::caller();
        let key = std::ptr::from_ref(self) as usize;
        point(Kind::Barrier, key, at);
        let (arrived, round) = self.count.get();
        if arrived + 1 >= self.size {
            self.count.set((0, round + 1));
            with(|x| {
                x.wake(key, |t| {
                    t.op.kind == Kind::Barrier && t.since == round as u64
                })
            });
            progress();
            point_after(key, at);
            return BarrierWaitResult(true);
        }
        self.count.set((arrived + 1, round));
        publish(Kind::Barrier, key, at);
        with(|x| {
            let me = x.current;
            x.tasks[me].since = round as u64;
        });
        block(None);
        progress();
        BarrierWaitResult(false)
    }
}
