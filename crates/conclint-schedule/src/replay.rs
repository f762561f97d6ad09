//! Follows a recorded list of deviations and otherwise the default.

use std::collections::BTreeMap;

use crate::{Decision, Deviation, Strategy};

/// Repeats one schedule.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    wanted: BTreeMap<(u32, u32), u32>,
    counts: Vec<u32>,
    applied: Vec<Deviation>,
}

impl Replay {
    /// Repeats the schedule that `deviations` describe.
    #[must_use]
    pub fn new(deviations: &[Deviation]) -> Self {
        Self {
            wanted: deviations
                .iter()
                .map(|d| ((d.thread, d.nth), d.to))
                .collect(),
            counts: Vec::new(),
            applied: Vec::new(),
        }
    }

    /// The deviations that were met and possible in the execution so far.
    #[must_use]
    pub fn applied(&self) -> &[Deviation] {
        &self.applied
    }
}

impl Strategy for Replay {
    fn begin(&mut self, _execution: u64) -> bool {
        self.counts.clear();
        self.applied.clear();
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> usize {
        let thread = decision.current as usize;
        if self.counts.len() <= thread {
            self.counts.resize(thread + 1, 0);
        }
        let Some(count) = self.counts.get_mut(thread) else {
            return usize::MAX;
        };
        let nth = *count;
        *count += 1;
        let Some(to) = self.wanted.get(&(decision.current, nth)) else {
            return usize::MAX;
        };
        let found = decision.candidates.iter().position(|c| c.thread == *to);
        if found.is_some() {
            self.applied.push(Deviation {
                thread: decision.current,
                nth,
                to: *to,
            });
        }
        found.unwrap_or(usize::MAX)
    }

    fn end(&mut self, _steps: u64) {}
}
