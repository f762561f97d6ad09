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
    /// How often the bounded search has come to its end, and what the first one could claim.
    phase: u32,
    claimed: Option<u32>,
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

/// How deep it goes when it begins again, and how often it begins.
const LATER_BOUND: u32 = 2;
const PHASES: u32 = 3;

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
            phase: 0,
            claimed: None,
        }
    }

    /// The phase of the bounded search to which the execution that [`Strategy::begin`] announced
    /// belongs; `None` for one of the samplers'.
    ///
    /// Where the first phase comes to its end within the budget, the search begins again, and the
    /// caller may let more happen in the program than before. Only the first phase is claimed.
    #[must_use]
    pub fn phase(&self) -> Option<u32> {
        (self.turn == Turn::Bounded).then_some(self.phase)
    }

    /// Leaves the rest to the samplers, because the state of the bounded search has become too
    /// large to be kept. `false` where there are no samplers.
    pub fn give_up_bounded(&mut self) -> bool {
        self.claimed = self.exhausted();
        self.phase = PHASES;
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
        loop {
            self.turn = self.turn_for(execution);
            if self.member().begin(execution) {
                return true;
            }
            // Only a bounded search ends.
            if self.mix != Mix::Portfolio || self.phase >= PHASES {
                return false;
            }
            self.claimed = self.exhausted();
            self.phase += 1;
            if self.phase < PHASES {
                self.bounded = Bounded::new(LATER_BOUND);
            } else if self.claimed == Some(u32::MAX) {
                return false;
            }
        }
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
        match self.phase {
            0 => self.bounded.exhausted(),
            _ => self.claimed,
        }
    }

    fn save(&self) -> Vec<u32> {
        let mut out = self.pct2.save();
        let claimed = self.claimed.map_or(0, |c| c.saturating_add(1));
        out.extend([self.phase, claimed]);
        out.extend(self.bounded.save());
        out
    }

    fn restore(&mut self, saved: &[u32]) {
        let [longest, phase, claimed, rest @ ..] = saved else {
            return;
        };
        self.pct2.restore(&[*longest]);
        self.pct3.restore(&[*longest]);
        self.phase = *phase;
        self.claimed = match *claimed {
            0 => None,
            u32::MAX => Some(u32::MAX),
            c => Some(c - 1),
        };
        self.bounded.restore(rest);
    }
}
