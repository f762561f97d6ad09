//! The rounds of a loop that waits: the ways from a look back to it on which
//! nothing is done.

use std::collections::BTreeSet;

use conclint_facts::{
    BlockId, BlockKind, Blocking, Event, EventKind, Function, ObjectRef, Origin, Origins,
    PauseKind, Target, Tells, WorkKind,
};

use super::look::{Look, Questions, is_taking, position};
use super::{comes_back, waits_well};
use crate::flow::{Point, event_at, events, reaches};
use crate::reads::origins_of;

/// Of a function with more ways than this, nothing is claimed.
const MANY: usize = 10_000;

/// One way round the loop on which nothing is done, or what all of them have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Round {
    tested: bool,
    pub(super) yields: bool,
    pub(super) spins: bool,
    pub(super) sleeps: bool,
    pub(super) prints: bool,
    /// A lock is waited for.
    pub(super) locks: bool,
    /// What there was something of may have been taken out.
    taken: Origins,
    /// A test does not say whether there was.
    unsure: bool,
    /// Loads that are compared with others of the same atomic.
    compared: Origins,
    /// Loads of such atomics on the way.
    loaded: Origins,
}

impl Round {
    /// Others get the processor meanwhile.
    pub(super) fn pauses(self) -> bool {
        self.yields || self.sleeps
    }

    pub(super) fn of(
        questions: &Questions<'_>,
        function: &Function,
        at: Point,
        look: &Look,
    ) -> Option<Round> {
        if !reaches(function, at, at) {
            return None;
        }
        let way = Way {
            questions,
            function,
            at,
            look,
        };
        let all = way.rounds()?;
        let fits = |round: &&Round| {
            let pause = look.needs_pause || round.unsure;
            let pauses = round.yields || round.sleeps || round.spins;
            round.tested && (!pause || pauses) && !changed(function, **round)
        };
        let found: Vec<&Round> = all.iter().filter(fits).collect();
        if found.is_empty()
            || look.exchanges && comes_back(questions, function, at)
            || waits_well(function, at)
        {
            return None;
        }
        let any = |what: fn(&Round) -> bool| found.iter().any(|round| what(round));
        Some(Round {
            tested: true,
            yields: any(|round| round.yields),
            spins: any(|round| round.spins),
            sleeps: any(|round| round.sleeps),
            prints: found.iter().all(|round| round.prints),
            locks: found.iter().all(|round| round.locks),
            ..Round::default()
        })
    }
}

/// What a walk around the loop needs to know.
struct Way<'a> {
    questions: &'a Questions<'a>,
    function: &'a Function,
    at: Point,
    look: &'a Look,
}

/// What an event means to the round that comes to it.
enum Step {
    /// It goes on, by all ways.
    On,
    /// It goes on there.
    To(BlockId),
    /// Something is done: it is no round of waiting.
    Done,
}

impl Way<'_> {
    fn rounds(&self) -> Option<Vec<Round>> {
        let mut all = Vec::new();
        let mut seen: BTreeSet<(BlockId, Round)> = BTreeSet::new();
        let mut first = Round {
            loaded: self.several(self.at),
            ..Round::default()
        };
        if self.look.takes {
            first.taken = self.look.from;
        }
        let mut work = vec![(self.at.block, self.at.index as usize + 1, first)];
        while let Some((block, first, mut round)) = work.pop() {
            let Some(body) = self.function.blocks.get(block.index()) else {
                continue;
            };
            let mut next = body.successors.clone();
            for (index, event) in body.events.iter().enumerate().skip(first) {
                let here = Point {
                    block,
                    index: index as u32,
                };
                if here == self.at {
                    all.push(round);
                    next.clear();
                    break;
                }
                match self.step(&mut round, here, event) {
                    Step::On => {}
                    Step::To(only) => next = vec![only],
                    Step::Done => {
                        next.clear();
                        break;
                    }
                }
            }
            let fresh = next.into_iter().filter(|next| seen.insert((*next, round)));
            work.extend(fresh.map(|next| (next, 0, round)).collect::<Vec<_>>());
            if seen.len() > MANY {
                return None;
            }
        }
        Some(all)
    }

    fn step(&self, round: &mut Round, here: Point, event: &Event) -> Step {
        let on = |goes: bool| if goes { Step::On } else { Step::Done };
        match &event.kind {
            EventKind::Test { from, tells, .. } => return self.test(round, *from, *tells),
            EventKind::Pause(PauseKind::Yield) => round.yields = true,
            EventKind::Pause(PauseKind::Spin) => round.spins = true,
            EventKind::Block {
                kind: BlockKind::Sleep,
                ..
            } => round.sleeps = true,
            EventKind::Acquire { blocking, .. } => round.locks |= *blocking == Blocking::Waits,
            EventKind::Work {
                kind: WorkKind::Print | WorkKind::Format,
                ..
            } => round.prints = true,
            EventKind::Release { .. }
            | EventKind::Use { .. }
            | EventKind::Take { .. }
            | EventKind::EndsOn { .. }
            | EventKind::Asks { .. }
            | EventKind::Work {
                kind: WorkKind::Alloc,
                ..
            } => {}
            // `recv_timeout` waits, if not for ever.
            EventKind::Recv {
                blocking: Blocking::Try | Blocking::Spins,
                ..
            } => return on(position(self.function, here).is_some()),
            EventKind::Load { .. } => {
                round.loaded = round.loaded.or(self.several(here));
                return on(!self.look.exchanges);
            }
            EventKind::Store {
                target: Target::Guarded { guard, .. },
                how,
                ..
            } if is_taking(how) => {
                round.taken = round.taken.or(origins_of(self.function, *guard));
            }
            EventKind::Call(call) => {
                let asked = self.questions.asked(call).filter(|asked| asked.only);
                let result = position(self.function, here).map(Origins::one);
                return match (asked, result) {
                    (Some(asked), Some(result)) => {
                        if asked.takes {
                            round.taken = round.taken.or(result);
                        }
                        Step::On
                    }
                    _ => Step::Done,
                };
            }
            // The write of an exchange that is the look itself.
            EventKind::SharedWrite { .. } => {
                let next = here.index + 1;
                let is_look = self.at.block == here.block && self.at.index == next;
                return on(is_look && tries(self.function, here));
            }
            _ => return Step::Done,
        }
        Step::On
    }

    fn test(&self, round: &mut Round, from: Origins, tells: Tells) -> Step {
        round.tested |= !from.and(self.look.from).is_empty();
        let same = compared(self.function, from);
        round.compared = round.compared.or(same);
        if from.and(round.taken).is_empty() {
            return Step::On;
        }
        // Where there was something, the loop works.
        match tells {
            Tells::Missing(nothing) => Step::To(nothing),
            _ => {
                round.unsure = true;
                Step::On
            }
        }
    }

    /// The load, where the function has others of the same atomic.
    fn several(&self, at: Point) -> Origins {
        let (Some(this), Some(place)) = (loaded(self.function, at), position(self.function, at))
        else {
            return Origins::NONE;
        };
        let other = |origin: &Origin| match origin {
            Origin::Event { block, index } => {
                let there = Point {
                    block: *block,
                    index: *index,
                };
                there != at && loaded(self.function, there) == Some(this)
            }
            _ => false,
        };
        match self.function.origins.iter().any(other) {
            true => Origins::one(place),
            false => Origins::NONE,
        }
    }
}

/// The loop has rounds that write what it looks at: it changes a value, and tries
/// again where another thread came first. `lock` and its like exchange constants,
/// which is a look, and a plain store lets go.
pub(super) fn writes_back(function: &Function, look: Point, of: &Look) -> bool {
    let in_loop = |at| reaches(function, look, at) && reaches(function, at, look);
    events(function).any(|(at, event)| match &event.kind {
        EventKind::SharedWrite {
            object: Some(object),
            ..
        } => {
            of.object.is_some()
                && object.class == of.object
                && in_loop(at)
                && !tries(function, at)
                && !stores(function, at)
        }
        _ => false,
    })
}

/// The write at `at` is that of an exchange that is a look: it does not depend on
/// what was read before.
fn tries(function: &Function, at: Point) -> bool {
    let next = after(at);
    let exchanges = event_at(function, next)
        .is_some_and(|event| matches!(event.kind, EventKind::Load { exchange: true, .. }));
    exchanges && position(function, next).is_some()
}

/// The write at `at` is a plain store.
fn stores(function: &Function, at: Point) -> bool {
    event_at(function, after(at)).is_some_and(|event| matches!(event.kind, EventKind::Store { .. }))
}

fn after(at: Point) -> Point {
    Point {
        index: at.index + 1,
        ..at
    }
}

/// The atomic that is loaded there.
fn loaded(function: &Function, at: Point) -> Option<&ObjectRef> {
    match &event_at(function, at)?.kind {
        EventKind::Load {
            object,
            exchange: false,
            ..
        } => Some(object),
        _ => None,
    }
}

/// Of the values that a test depends on, loads of which there are two of one atomic.
fn compared(function: &Function, from: Origins) -> Origins {
    let loads = loads(function, from);
    let twice = |(position, object): &(usize, &ObjectRef)| {
        loads
            .iter()
            .any(|(other, of)| other != position && of == object)
    };
    let all = loads.iter().filter(|load| twice(load));
    all.fold(Origins::NONE, |all, (position, _)| {
        all.or(Origins::one(*position))
    })
}

/// The round compares two loads of one atomic, and both are on its way: it looks
/// at several things, and tries again until nothing changed meanwhile. (Where only
/// one is, it waits for a change since the other.)
fn changed(function: &Function, round: Round) -> bool {
    !compared(function, round.compared.and(round.loaded)).is_empty()
}

fn loads(function: &Function, from: Origins) -> Vec<(usize, &ObjectRef)> {
    from.iter()
        .filter_map(|position| match function.origins.get(position)? {
            Origin::Event { block, index } => {
                let at = Point {
                    block: *block,
                    index: *index,
                };
                loaded(function, at).map(|object| (position, object))
            }
            _ => None,
        })
        .collect()
}
