//! Uniform choice at every decision.

use crate::{Decision, Rng, Strategy};

/// Runs any candidate with the same probability; a timeout only once in a while.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    rng: Rng,
}

impl Random {
    /// A search from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: Rng::new(seed, 0),
        }
    }
}

impl Strategy for Random {
    fn begin(&mut self, execution: u64) -> bool {
        self.rng = Rng::new(self.seed, execution);
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> usize {
        let index = self.rng.below(decision.candidates.len());
        match decision.candidates.get(index) {
            // A timer that always may fire would hide what happens when it does not.
            Some(c) if c.is_timer() && self.rng.below(4) != 0 => {
                self.rng.below(decision.candidates.len())
            }
            _ => index,
        }
    }

    fn end(&mut self, _steps: u64) {}
}
