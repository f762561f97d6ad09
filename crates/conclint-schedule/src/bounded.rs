//! Every schedule with at most so many preemptions, in order of their number.
//!
//! Depth-first: the path is the list of answers given so far, and the next execution repeats it up
//! to the deepest decision that still has an untried answer within the bound. Switches at points
//! where the running thread cannot go on (or yields) are free; firing a timeout early costs one.

use crate::{Decision, Strategy, default_choice};

#[derive(Clone, Copy, Debug)]
struct Choice {
    /// The answers tried here, in order: 0 is the default.
    tried: u32,
    /// How many answers there are.
    options: u32,
    /// Preemptions on the way to this decision.
    spent: u32,
}

/// Exhaustive search with an iteratively raised preemption bound.
#[derive(Clone, Debug)]
pub struct Bounded {
    limit: u32,
    bound: u32,
    path: Vec<Choice>,
    depth: usize,
    spent: u32,
    /// A decision within this bound's search had an answer that only the bound forbade.
    pruned: bool,
    started: bool,
    done: Option<u32>,
    complete: bool,
}

impl Bounded {
    /// All schedules with up to `limit` preemptions.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            bound: 0,
            path: Vec::new(),
            depth: 0,
            spent: 0,
            pruned: false,
            started: false,
            done: None,
            complete: false,
        }
    }

    /// There is nothing left to try.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.complete
    }

    /// Moves on to the next untried path. `false` when the bound is exhausted.
    fn advance(&mut self) -> bool {
        while let Some(last) = self.path.last_mut() {
            if last.tried + 1 < last.options {
                last.tried += 1;
                return true;
            }
            self.path.pop();
        }
        false
    }
}

/// The `nth` answer at a decision: the default first, the others in candidate order.
fn answer(decision: &Decision<'_>, nth: u32) -> usize {
    let default = default_choice(decision);
    let nth = nth as usize;
    if nth == 0 {
        default
    } else if nth <= default {
        nth - 1
    } else {
        nth
    }
}

/// The default's answer never costs; any other costs one where it preempts or fires a timer early.
fn cost(decision: &Decision<'_>, index: usize) -> u32 {
    let timer = decision.candidates.get(index).is_some_and(|c| c.is_timer());
    let default_timer = decision
        .candidates
        .get(default_choice(decision))
        .is_some_and(|c| c.is_timer());
    u32::from(decision.preempts(index) || (timer && !default_timer))
}

impl Strategy for Bounded {
    fn begin(&mut self, _execution: u64) -> bool {
        self.depth = 0;
        self.spent = 0;
        if self.complete {
            return false;
        }
        if !self.started {
            self.started = true;
            return true;
        }
        if self.advance() {
            return true;
        }
        self.done = Some(self.bound);
        if self.bound >= self.limit || !self.pruned {
            if !self.pruned {
                self.done = Some(u32::MAX);
            }
            self.complete = true;
            return false;
        }
        self.bound += 1;
        self.pruned = false;
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> usize {
        if self.depth == self.path.len() {
            let options = decision.candidates.len();
            let affordable = self.spent < self.bound;
            // With the bound used up only the free answers remain; they are all or none, except
            // that early timers are never free.
            let free = (0..options)
                .filter(|i| cost(decision, *i) == 0)
                .count()
                .max(1);
            let open = if affordable { options } else { free };
            if open < options {
                self.pruned = true;
            }
            self.path.push(Choice {
                tried: 0,
                options: u32::try_from(open).unwrap_or(u32::MAX),
                spent: self.spent,
            });
        }
        let Some(choice) = self.path.get(self.depth).copied() else {
            return usize::MAX;
        };
        self.depth += 1;
        let mut index = answer(decision, choice.tried);
        if choice.spent >= self.bound && cost(decision, index) > 0 {
            // Count through the free answers only.
            let default = default_choice(decision);
            index = (0..decision.candidates.len())
                .filter(|i| *i != default && cost(decision, *i) == 0)
                .nth((choice.tried as usize).saturating_sub(1))
                .unwrap_or(default);
        }
        self.spent = choice.spent + cost(decision, index);
        index
    }

    fn end(&mut self, _steps: u64) {
        // A shorter execution than the path promised: the program is not deterministic.
        self.path.truncate(self.depth);
    }

    fn exhausted(&self) -> Option<u32> {
        self.done
    }

    fn save(&self) -> Vec<u32> {
        let mut out = vec![
            self.bound,
            u32::from(self.pruned),
            u32::from(self.started),
            self.done.map_or(0, |d| d.saturating_add(1)),
            u32::from(self.complete),
        ];
        for choice in &self.path {
            out.extend([choice.tried, choice.options, choice.spent]);
        }
        out
    }

    fn restore(&mut self, saved: &[u32]) {
        let [bound, pruned, started, done, complete, path @ ..] = saved else {
            return;
        };
        self.bound = *bound;
        self.pruned = *pruned != 0;
        self.started = *started != 0;
        self.done = match *done {
            0 => None,
            u32::MAX => Some(u32::MAX),
            d => Some(d - 1),
        };
        self.complete = *complete != 0;
        self.path = path
            .as_chunks::<3>()
            .0
            .iter()
            .map(|[tried, options, spent]| Choice {
                tried: *tried,
                options: *options,
                spent: *spent,
            })
            .collect();
    }
}
