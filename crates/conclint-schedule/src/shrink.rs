//! Makes a failing schedule shorter while it keeps failing in the same way.
//!
//! The shrinker proposes, the caller runs: [`Shrinker::next`] gives a schedule to try, and
//! [`Shrinker::result`] takes what the run really did. Failure is not monotonic in the deviations,
//! so halves are tried before single ones, and a run that failed by another, shorter path counts.

use crate::Deviation;

/// A schedule to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The proposed deviations.
    pub deviations: Vec<Deviation>,
}

/// More deviations than this are not left out in pairs: there are too many.
const PAIRS: usize = 14;

/// Which deviations the next trial leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// So many neighbours from a position on.
    Chunk {
        size: usize,
        at: usize,
    },
    /// Two that need not be neighbours: a switch away and the switch back, of which neither can
    /// be left out alone.
    Pair {
        first: usize,
        second: usize,
    },
    Done,
}

/// Delta debugging over deviations.
#[derive(Clone, Debug)]
pub struct Shrinker {
    best: Vec<Deviation>,
    phase: Phase,
    progressed: bool,
}

impl Shrinker {
    /// Starts from a failing schedule.
    #[must_use]
    pub fn new(failing: Vec<Deviation>) -> Self {
        let size = failing.len().max(1);
        Self {
            best: failing,
            phase: Phase::Chunk { size, at: 0 },
            progressed: false,
        }
    }

    /// The shortest failing schedule known.
    #[must_use]
    pub fn best(&self) -> &[Deviation] {
        &self.best
    }

    /// The next schedule to try; `None` when no removal helps any more.
    #[must_use]
    pub fn next_trial(&mut self) -> Option<Trial> {
        loop {
            let length = self.best.len();
            if length == 0 {
                return None;
            }
            let mut deviations = self.best.clone();
            match self.phase {
                Phase::Chunk { size, at } if at < length => {
                    deviations.drain(at..(at + size).min(length));
                    return Some(Trial { deviations });
                }
                Phase::Chunk { size, .. } if size > 1 => {
                    let size = size.div_ceil(2);
                    self.phase = Phase::Chunk { size, at: 0 };
                    self.progressed = false;
                }
                // One success can make others possible.
                Phase::Chunk { .. } if std::mem::take(&mut self.progressed) => {
                    self.phase = Phase::Chunk { size: 1, at: 0 };
                }
                Phase::Chunk { .. } if length <= PAIRS => {
                    self.phase = Phase::Pair {
                        first: 0,
                        second: 1,
                    };
                }
                Phase::Pair { first, second } if second < length => {
                    deviations.remove(second);
                    deviations.remove(first);
                    return Some(Trial { deviations });
                }
                Phase::Pair { first, .. } if first + 2 < length => {
                    self.phase = Phase::Pair {
                        first: first + 1,
                        second: first + 2,
                    };
                }
                Phase::Pair { .. } if std::mem::take(&mut self.progressed) => {
                    self.phase = Phase::Chunk { size: 1, at: 0 };
                }
                Phase::Chunk { .. } | Phase::Pair { .. } => self.phase = Phase::Done,
                Phase::Done => return None,
            }
        }
    }

    /// Takes the outcome of the last trial: the deviations that the run really made, where it
    /// failed in the same way.
    pub fn result(&mut self, failed_with: Option<Vec<Deviation>>) {
        match failed_with {
            Some(done) if done.len() < self.best.len() => {
                self.best = done;
                self.progressed = true;
            }
            _ => match &mut self.phase {
                Phase::Chunk { size, at } => *at += *size,
                Phase::Pair { second, .. } => *second += 1,
                Phase::Done => {}
            },
        }
    }
}
