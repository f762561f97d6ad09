//! Probabilistic concurrency testing: random priorities and a few points where they change.

use crate::{Decision, Rng, Strategy};

/// Priority scheduling with `depth - 1` random change points.
#[derive(Clone, Debug)]
pub struct Pct {
    seed: u64,
    depth: usize,
    rng: Rng,
    /// Priority of each thread; higher runs first.
    priorities: Vec<u64>,
    /// Steps at which the running thread falls to the bottom, ascending.
    changes: Vec<u64>,
    next_low: u64,
    longest: u64,
}

impl Pct {
    /// A search for bugs that `depth` ordering constraints expose.
    #[must_use]
    pub fn new(seed: u64, depth: usize) -> Self {
        Self {
            seed,
            depth: depth.max(1),
            rng: Rng::new(seed, 0),
            priorities: Vec::new(),
            changes: Vec::new(),
            next_low: 0,
            longest: 0,
        }
    }

    fn priority(&mut self, thread: u32) -> u64 {
        let index = thread as usize;
        while self.priorities.len() <= index {
            // The upper half, so that a demoted thread is below every fresh one.
            let fresh = self.rng.next_u64() | (1 << 63);
            self.priorities.push(fresh);
        }
        self.priorities.get(index).copied().unwrap_or_default()
    }

    fn demote(&mut self, thread: u32) {
        self.priority(thread);
        self.next_low = self.next_low.saturating_sub(1);
        if let Some(p) = self.priorities.get_mut(thread as usize) {
            *p = self.next_low;
        }
    }
}

impl Strategy for Pct {
    fn begin(&mut self, execution: u64) -> bool {
        self.rng = Rng::new(self.seed, execution);
        self.priorities.clear();
        self.next_low = 1 << 62;
        // More change points than the program has room for would all land on its first steps.
        let length = self.longest.max(16);
        let points = (self.depth - 1).min(usize::try_from(length / 4).unwrap_or(usize::MAX));
        self.changes.clear();
        for _ in 0..points {
            let at = self.rng.next_u64() % length;
            self.changes.push(at);
        }
        self.changes.sort_unstable();
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> usize {
        let due = self.changes.iter().take_while(|at| **at <= decision.step);
        let due = due.count();
        if due > 0 {
            self.changes.drain(..due);
            self.demote(decision.current);
        } else if decision.yielding {
            self.demote(decision.current);
        }
        let mut best = (0, 0);
        let mut only_timers = true;
        for (index, candidate) in decision.candidates.iter().enumerate() {
            let mut priority = self.priority(candidate.thread);
            if candidate.is_timer() {
                priority >>= 2;
            }
            only_timers &= candidate.is_timer();
            if priority >= best.1 {
                best = (index, priority);
            }
        }
        if only_timers { usize::MAX } else { best.0 }
    }

    fn end(&mut self, steps: u64) {
        self.longest = self.longest.max(steps);
    }

    fn save(&self) -> Vec<u32> {
        vec![u32::try_from(self.longest).unwrap_or(u32::MAX)]
    }

    fn restore(&mut self, saved: &[u32]) {
        if let Some(longest) = saved.first() {
            self.longest = u64::from(*longest);
        }
    }
}
