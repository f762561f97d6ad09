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

/// Delta debugging over deviations.
#[derive(Clone, Debug)]
pub struct Shrinker {
    best: Vec<Deviation>,
    chunk: usize,
    at: usize,
    progressed: bool,
}

impl Shrinker {
    /// Starts from a failing schedule.
    #[must_use]
    pub fn new(failing: Vec<Deviation>) -> Self {
        let chunk = failing.len().max(1);
        Self {
            best: failing,
            chunk,
            at: 0,
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
            if self.best.is_empty() {
                return None;
            }
            if self.at < self.best.len() {
                let end = (self.at + self.chunk).min(self.best.len());
                let mut deviations = self.best.clone();
                deviations.drain(self.at..end);
                return Some(Trial { deviations });
            }
            self.at = 0;
            if self.chunk > 1 {
                self.chunk = self.chunk.div_ceil(2);
                self.progressed = false;
            } else if std::mem::take(&mut self.progressed) {
                // Another round of single removals: one success can make others possible.
            } else {
                return None;
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
            _ => self.at += self.chunk,
        }
    }
}
