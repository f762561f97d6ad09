//! Partial order sampling: a random priority per pending step, drawn again when a step it races
//! with is taken.
//!
//! Steps on objects that nobody else uses go first ("local first"): they commute with everything,
//! so no behaviour is lost, and all threads exist before the first shared step is ordered.

use crate::{Access, Candidate, Decision, Rng, Strategy};

/// Partial order sampling.
#[derive(Clone, Debug)]
pub struct Pos {
    seed: u64,
    rng: Rng,
    /// Per thread: the priority of its pending step; 0 means not drawn.
    priorities: Vec<u64>,
}

impl Pos {
    /// A search from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: Rng::new(seed, 0),
            priorities: Vec::new(),
        }
    }

    fn priority(&mut self, thread: u32) -> u64 {
        let index = thread as usize;
        if self.priorities.len() <= index {
            self.priorities.resize(index + 1, 0);
        }
        let Some(slot) = self.priorities.get_mut(index) else {
            return 1;
        };
        if *slot == 0 {
            *slot = self.rng.next_u64() | 1;
        }
        *slot
    }

    fn forget(&mut self, thread: u32) {
        if let Some(slot) = self.priorities.get_mut(thread as usize) {
            *slot = 0;
        }
    }
}

fn race(a: &Candidate, b: &Candidate) -> bool {
    a.object != 0
        && a.object == b.object
        && (a.access == Access::Write || b.access == Access::Write)
}

impl Strategy for Pos {
    fn begin(&mut self, execution: u64) -> bool {
        self.rng = Rng::new(self.seed, execution);
        self.priorities.clear();
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> usize {
        let mut best = (usize::MAX, 0);
        for (index, candidate) in decision.candidates.iter().enumerate() {
            let mut priority = self.priority(candidate.thread);
            if candidate.is_timer() || (decision.yielding && candidate.thread == decision.current) {
                priority >>= 3;
            } else if candidate.access == Access::None {
                priority = u64::MAX;
            }
            if best.0 == usize::MAX || priority > best.1 {
                best = (index, priority);
            }
        }
        let Some(chosen) = decision.candidates.get(best.0) else {
            return usize::MAX;
        };
        for other in decision.candidates {
            if other.thread != chosen.thread && race(other, chosen) {
                self.forget(other.thread);
            }
        }
        self.forget(chosen.thread);
        best.0
    }

    fn end(&mut self, _steps: u64) {}
}
