//! Several strategies taking turns, because no single one finds everything.

use crate::{Bounded, Decision, Pct, Pos, Random, Strategy};

/// Which strategies a search uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Bounded search on every second turn, the samplers in between.
    Portfolio,
    /// Uniform random choices only.
    Random,
    /// Probabilistic concurrency testing only.
    Pct,
    /// Partial order sampling only.
    Pos,
    /// All schedules with up to this many preemptions, and nothing else.
    Bounded(u32),
}

/// The strategy behind a [`Mix`].
#[derive(Clone, Debug)]
pub struct Portfolio {
    mix: Mix,
    bounded: Bounded,
    random: Random,
    pos: Pos,
    pct2: Pct,
    pct3: Pct,
    turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Bounded,
    Random,
    Pos,
    Pct2,
    Pct3,
}

/// The order of the samplers between two turns of the bounded search.
const SAMPLERS: [Turn; 8] = [
    Turn::Pos,
    Turn::Random,
    Turn::Pos,
    Turn::Pct2,
    Turn::Pos,
    Turn::Random,
    Turn::Pct3,
    Turn::Pos,
];

/// How deep the portfolio's bounded search goes.
const PORTFOLIO_BOUND: u32 = 3;

impl Portfolio {
    /// The strategies of `mix`, all from `seed`.
    #[must_use]
    pub fn new(mix: Mix, seed: u64) -> Self {
        let limit = match mix {
            Mix::Bounded(limit) => limit,
            _ => PORTFOLIO_BOUND,
        };
        Self {
            mix,
            bounded: Bounded::new(limit),
            random: Random::new(seed),
            pos: Pos::new(seed.wrapping_add(1)),
            pct2: Pct::new(seed.wrapping_add(2), 2),
            pct3: Pct::new(seed.wrapping_add(3), 3),
            turn: Turn::Bounded,
        }
    }

    /// The execution that [`Strategy::begin`] announced belongs to the bounded search.
    #[must_use]
    pub fn systematic(&self) -> bool {
        self.turn == Turn::Bounded
    }

    /// Leaves the rest to the samplers, because the state of the bounded search has become too
    /// large to be kept. `false` where there are no samplers.
    pub fn give_up_bounded(&mut self) -> bool {
        self.bounded.give_up();
        !matches!(self.mix, Mix::Bounded(_))
    }

    fn turn_for(&self, execution: u64) -> Turn {
        match self.mix {
            Mix::Random => Turn::Random,
            Mix::Pos => Turn::Pos,
            Mix::Pct => Turn::Pct3,
            Mix::Bounded(_) => Turn::Bounded,
            Mix::Portfolio => {
                if execution.is_multiple_of(2) && !self.bounded.finished() {
                    Turn::Bounded
                } else {
                    let index = (execution / 2) as usize % SAMPLERS.len();
                    SAMPLERS.get(index).copied().unwrap_or(Turn::Random)
                }
            }
        }
    }

    fn member(&mut self) -> &mut dyn Strategy {
        match self.turn {
            Turn::Bounded => &mut self.bounded,
            Turn::Random => &mut self.random,
            Turn::Pos => &mut self.pos,
            Turn::Pct2 => &mut self.pct2,
            Turn::Pct3 => &mut self.pct3,
        }
    }
}

impl Strategy for Portfolio {
    fn begin(&mut self, execution: u64) -> bool {
        self.turn = self.turn_for(execution);
        if self.member().begin(execution) {
            return true;
        }
        if self.bounded.exhausted() == Some(u32::MAX) || self.mix != Mix::Portfolio {
            return false;
        }
        self.turn = self.turn_for(execution);
        self.member().begin(execution)
    }

    fn choose(&mut self, decision: &Decision<'_>) -> usize {
        self.member().choose(decision)
    }

    fn end(&mut self, steps: u64) {
        self.pct2.end(steps);
        self.pct3.end(steps);
        if self.turn == Turn::Bounded {
            self.bounded.end(steps);
        }
    }

    fn exhausted(&self) -> Option<u32> {
        self.bounded.exhausted()
    }

    fn save(&self) -> Vec<u32> {
        let mut out = self.pct2.save();
        out.extend(self.bounded.save());
        out
    }

    fn restore(&mut self, saved: &[u32]) {
        let [longest, rest @ ..] = saved else { return };
        self.pct2.restore(&[*longest]);
        self.pct3.restore(&[*longest]);
        self.bounded.restore(rest);
    }
}
