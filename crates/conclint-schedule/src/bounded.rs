//! Every schedule with at most so many preemptions, in order of their number.
//!
//! Depth-first: the path is the list of answers given so far, and the next execution repeats it up
//! to the deepest decision that still has an untried answer within the bound. Switches at points
//! where the running thread cannot go on (or yields) are free; firing a timeout early costs one.

use crate::{Candidate, Decision, Strategy, default_choice};

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

    /// Stops the search short of its limit; what was exhausted so far stays so.
    pub(crate) fn give_up(&mut self) {
        self.complete = true;
        self.path.clear();
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

/// What the answers at one decision cost.
struct Costs<'a> {
    decision: &'a Decision<'a>,
    default: usize,
    default_is_timer: bool,
    /// The running thread can go on, so that running any other preempts it.
    runs_on: bool,
}

impl<'a> Costs<'a> {
    fn new(decision: &'a Decision<'a>) -> Self {
        let default = default_choice(decision);
        let first = decision.candidates.get(default);
        Self {
            decision,
            default,
            default_is_timer: first.is_some_and(Candidate::is_timer),
            runs_on: !decision.yielding && decision.current_index().is_some(),
        }
    }

    /// The default's answer never costs; any other costs one where it preempts, fires a timer
    /// early, or goes on with a thread that asked to let others go first. Were that free, a loop
    /// that yields could be gone round for ever before anything else is tried.
    fn of(&self, index: usize) -> u32 {
        let timer = || {
            let candidate = self.decision.candidates.get(index);
            candidate.is_some_and(Candidate::is_timer) && !self.default_is_timer
        };
        let stays = || self.decision.current_index() == Some(index);
        u32::from(index != self.default && (self.runs_on || timer() || stays()))
    }

    /// How many answers are free; the default's always is.
    fn free(&self) -> usize {
        let count = self.decision.candidates.len();
        if self.runs_on {
            return 1;
        }
        (0..count).filter(|i| self.of(*i) == 0).count().max(1)
    }

    /// The `nth` answer: the default first, the others in candidate order.
    fn answer(&self, nth: u32) -> usize {
        let nth = nth as usize;
        if nth == 0 {
            self.default
        } else if nth <= self.default {
            nth - 1
        } else {
            nth
        }
    }

    /// The `nth` of the free answers.
    fn free_answer(&self, nth: u32) -> usize {
        if nth == 0 {
            return self.default;
        }
        (0..self.decision.candidates.len())
            .filter(|i| *i != self.default && self.of(*i) == 0)
            .nth(nth as usize - 1)
            .unwrap_or(self.default)
    }
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
        let costs = Costs::new(decision);
        if self.depth == self.path.len() {
            let options = decision.candidates.len();
            // With the bound used up only the free answers remain.
            let open = if self.spent < self.bound {
                options
            } else {
                costs.free()
            };
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
        let index = if choice.spent < self.bound {
            costs.answer(choice.tried)
        } else {
            costs.free_answer(choice.tried)
        };
        self.spent = choice.spent + costs.of(index);
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
