//! Schedules, search strategies and shrinking, with no idea of how threads are run.
//!
//! A program under exploration reaches *decisions*: points at which one of several threads may go
//! on. A deterministic default ([`default_choice`]) answers every one of them without preempting
//! anybody, so a schedule is only the short list of [`Deviation`]s from that default. Such a list
//! shrinks, draws, and survives an edit of the program better than a list of steps.
//!
//! The crate is pure: no I/O, no clock, no unsafe code, no randomness that does not come from a
//! seed. The runtime asks a [`Strategy`] at every decision and records where its answer differs.

mod bounded;
mod pct;
mod portfolio;
mod pos;
mod random;
mod replay;
mod rng;
mod shrink;

pub use bounded::Bounded;
pub use pct::Pct;
pub use portfolio::{Mix, Portfolio};
pub use pos::Pos;
pub use random::Random;
pub use replay::Replay;
pub use rng::Rng;
pub use shrink::{Shrinker, Trial};

/// What a pending step does to the object it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing that another thread can observe: a spawn, the start of a thread, a yield.
    None,
    /// Only looks at the object.
    Read,
    /// May change the object.
    Write,
}

/// A thread that may be chosen, with the step it would take.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The thread's number in order of creation; the main thread is 0.
    pub thread: u32,
    /// Identity of the object the step works on; 0 for none. Only equality means anything.
    pub object: u64,
    /// How the step uses the object.
    pub access: Access,
    /// The thread sleeps or waits with a timeout, and choosing it fires that timeout, which is
    /// due at this (virtual) time. `None` for a thread that can take its step.
    pub due: Option<u64>,
}

impl Candidate {
    /// Choosing this thread fires its timeout.
    #[must_use]
    pub fn is_timer(&self) -> bool {
        self.due.is_some()
    }
}

/// One decision.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Position in the execution, counted in decisions.
    pub step: u64,
    /// The thread that ran last.
    pub current: u32,
    /// The thread that ran last asked to let others go first.
    pub yielding: bool,
    /// Everybody who may go on, ordered by thread number; never empty.
    pub candidates: &'a [Candidate],
}

impl Decision<'_> {
    /// Index of the thread that ran last, where it may go on by an enabled step.
    #[must_use]
    pub fn current_index(&self) -> Option<usize> {
        let index = self
            .candidates
            .binary_search_by_key(&self.current, |c| c.thread);
        let index = index.ok()?;
        (!self.candidates.get(index)?.is_timer()).then_some(index)
    }

    /// Choosing `index` takes the processor from a thread that could have gone on and did not ask
    /// to be interrupted.
    #[must_use]
    pub fn preempts(&self, index: usize) -> bool {
        !self.yielding && self.current_index().is_some_and(|c| c != index)
    }
}

/// Index of the candidate that the non-preemptive default runs next.
///
/// The running thread goes on while it can. Otherwise, or if it yields, the next thread in cyclic
/// order of creation runs. The earliest timeout fires only when nobody else can move.
#[must_use]
pub fn default_choice(decision: &Decision<'_>) -> usize {
    let candidates = decision.candidates;
    let current = decision.current_index();
    if !decision.yielding
        && let Some(index) = current
    {
        return index;
    }
    let ready = |c: &Candidate| !c.is_timer() && c.thread != decision.current;
    let earliest = || {
        let timers = candidates.iter().enumerate();
        timers
            .filter_map(|(index, c)| c.due.map(|due| (due, index)))
            .min()
            .map(|(_, index)| index)
    };
    let next = candidates.partition_point(|c| c.thread <= decision.current);
    let after = candidates.get(next..).unwrap_or_default();
    after
        .iter()
        .position(ready)
        .map(|index| next + index)
        .or_else(|| candidates.iter().position(ready))
        .or(current)
        .or_else(earliest)
        .unwrap_or(0)
}

/// A place where a schedule leaves the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deviation {
    /// The thread that was running.
    pub thread: u32,
    /// Which of that thread's decisions this is, counted from 0.
    pub nth: u32,
    /// The thread that runs instead of the default's choice.
    pub to: u32,
}

/// Answers decisions, execution after execution.
pub trait Strategy {
    /// Prepares for the next execution. `false` ends the search: everything has been tried.
    fn begin(&mut self, execution: u64) -> bool;

    /// Index of the candidate that goes on. An index out of range means the default.
    fn choose(&mut self, decision: &Decision<'_>) -> usize;

    /// Learns how many decisions the execution had.
    fn end(&mut self, steps: u64);

    /// The preemption bound below which every schedule has been tried, if that can be claimed.
    fn exhausted(&self) -> Option<u32> {
        None
    }

    /// Progress that a later [`Strategy::restore`] in another process continues from.
    fn save(&self) -> Vec<u32> {
        Vec::new()
    }

    /// Continues where [`Strategy::save`] left off.
    fn restore(&mut self, _saved: &[u32]) {}
}

#[cfg(test)]
mod tests;
