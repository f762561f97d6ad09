//! What happens under a lock: other locks taken, operations that block.

use rustc_hash::FxHashMap as HashMap;

use rayon::prelude::*;

use super::entry::{self, Gate};
use super::graph::{self, Edge, Graph, MAX_GUESSES};
use super::held::HeldSets;
use super::summary::{self, LockId, Reach, Summaries};
use super::{BlockedUnder, Certainty, EventRef, Held, Nesting, SameInstance, instance};
use crate::program::*;
use crate::values::PauseKind;

mod found;
mod retry;

use found::{Found, Way};

/// Guesses behind a guard that moves into a call: the callee may end it at once.
pub(super) const MOVED: u8 = 2;

/// What all steps read.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub program: &'a Program,
    pub graph: &'a Graph,
    pub held: &'a [HeldSets],
    pub entry: &'a [Vec<Gate>],
    pub summaries: &'a Summaries,
}

/// What happens under locks.
#[derive(Default)]
pub(super) struct Beneath {
    pub nestings: Vec<Nesting>,
    pub blocked: Vec<BlockedUnder>,
    /// Ways beyond the limits that were left out.
    pub dropped: usize,
}

/// What follows for the functions that hold.
pub(super) fn of(context: Context<'_>) -> Beneath {
    let per_function = |index: usize| {
        let mut under = Under {
            context,
            function: FnId(index as u32),
            found: Vec::new(),
            holders: Vec::new(),
            locks: Vec::new(),
            numbers: HashMap::default(),
        };
        under.walk();
        under.finish()
    };
    let holds = |index: &usize| {
        let passes_closures = || {
            context
                .graph
                .out(FnId(*index as u32))
                .iter()
                .any(|edge| !edge.through.is_empty())
        };
        !context.program.functions[*index].guards.is_empty() || passes_closures()
    };
    let found: Vec<_> = (0..context.program.functions.len())
        .into_par_iter()
        .filter(holds)
        .map(per_function)
        .collect();
    let mut all = Beneath {
        dropped: context.held.iter().map(|sets| sets.dropped).sum(),
        ..Beneath::default()
    };
    for more in found {
        all.nestings.extend(more.nestings);
        all.blocked.extend(more.blocked);
        all.dropped += more.dropped;
    }
    all
}

/// Certainty after so many guesses.
pub(super) fn certainty(guesses: u8) -> Certainty {
    match guesses {
        0 => Certainty::High,
        1 => Certainty::Medium,
        _ => Certainty::Low,
    }
}

/// Held at a point (a position in [`Under::holders`]), and guesses behind that.
type Holding = (u32, u8);

/// Names a lock in [`Under::locks`].
type LockRef = u32;

pub(super) struct Under<'a> {
    pub(super) context: Context<'a>,
    function: FnId,
    found: Vec<Found<'a>>,
    holders: Vec<Held>,
    locks: Vec<ObjectRef>,
    numbers: HashMap<ObjectRef, LockRef>,
}

impl<'a> Under<'a> {
    fn number(&mut self, lock: ObjectRef) -> LockRef {
        if let Some(&known) = self.numbers.get(&lock) {
            return known;
        }
        let number = self.locks.len() as LockRef;
        self.locks.push(lock.clone());
        self.numbers.insert(lock, number);
        number
    }

    fn holder(&mut self, held: Held) -> u32 {
        if let Some(known) = self.holders.iter().position(|other| *other == held) {
            return known as u32;
        }
        self.holders.push(held);
        self.holders.len() as u32 - 1
    }

    fn walk(&mut self) {
        for (at, event) in graph::events_of(self.context.program, self.function) {
            self.through_closures(at);
            let holding = self.holding(at, event);
            if holding.is_empty() {
                continue;
            }
            match &event.kind {
                EventKind::Acquire {
                    source: LockSource::Direct(lock),
                    guard,
                    blocking,
                    ..
                } if *blocking != Blocking::Try => {
                    let waits = self.kept(at, *blocking, &holding);
                    self.direct(at, &waits, *guard, lock);
                }
                EventKind::CallParam { param }
                    if self
                        .context
                        .graph
                        .open_params
                        .contains(&(self.function, *param)) =>
                {
                    self.operation(at, &holding, 0);
                }
                EventKind::Wait { guard, .. } => self.wait(at, holding.clone(), *guard),
                // Here only: what a function that is called waits for so is its own.
                EventKind::Pause(PauseKind::Yield) => self.operation(at, &holding, 0),
                _ if summary::blocks(event) => self.operation(at, &holding, 0),
                _ => {}
            }
            self.calls(at, &holding);
        }
    }

    /// What is held while `event` happens: before it, and the guards that move
    /// into a call.
    fn holding(&mut self, at: EventRef, event: &Event) -> Vec<Holding> {
        let held = self.context.held;
        let Some(sets) = held.get(self.function.index()) else {
            return Vec::new();
        };
        let mut holding: Vec<(Held, u8)> = sets
            .before(at)
            .iter()
            .map(|held| (held.clone(), sets.guesses(held)))
            .collect();
        for (guard, _) in self.moved_guards(at, event) {
            for (_, guesses) in holding.iter_mut().filter(|(held, _)| held.guard == guard) {
                *guesses = guesses.saturating_add(MOVED);
            }
            if holding.iter().all(|(held, _)| held.guard != guard) {
                let locks = sets
                    .guard(guard)
                    .map_or(&[][..], |info| info.locks.as_slice());
                holding.extend(locks.iter().map(|held| {
                    (
                        Held {
                            must: false,
                            ..held.clone()
                        },
                        MOVED,
                    )
                }));
            }
        }
        holding
            .into_iter()
            .map(|(held, guesses)| (self.holder(held), guesses))
            .collect()
    }

    /// What stays held while control waits at `at` for a lock: not what is let
    /// go before each new try.
    fn kept(&self, at: EventRef, blocking: Blocking, holding: &[Holding]) -> Vec<Holding> {
        let function = self.context.program.functions.get(at.function.index());
        let let_go = |held: u32| {
            let guard = self.holders.get(held as usize).map(|held| held.guard);
            blocking == Blocking::Spins
                && guard.is_some_and(|guard| function.is_some_and(|f| retry::lets_go(f, at, guard)))
        };
        let kept = holding.iter().filter(|(held, _)| !let_go(*held));
        kept.copied().collect()
    }

    fn direct(&mut self, at: EventRef, holding: &[Holding], guard: GuardId, lock: &ObjectRef) {
        let gates = entry::at(self.context.program, self.context.held, at);
        let taken = self.number(lock.clone());
        let again = self.again(at, holding, taken);
        for &(held, guesses) in holding {
            let holder = &self.holders[held as usize];
            let same = self.same(&holder.lock, lock, holder.guard == guard);
            self.found.push(Found {
                at,
                held,
                target: at,
                way: Way::Here,
                guesses,
                taken: Some((taken, same)),
                again: again.filter(|_| same != SameInstance::Certain),
                gates: gates.clone(),
            });
        }
    }

    /// How `taken` is held already on every path to `at`: by one of `holding`,
    /// or by a read guard that is being upgraded.
    fn again(&self, at: EventRef, holding: &[Holding], taken: LockRef) -> Option<Mode> {
        let lock = self.locks.get(taken as usize)?;
        let certain =
            |held: &Held| held.must && self.same(&held.lock, lock, false) == SameInstance::Certain;
        let held = holding
            .iter()
            .filter_map(|(held, _)| self.holders.get(*held as usize))
            .find(|held| certain(held));
        if let Some(held) = held {
            return Some(held.mode);
        }
        let before = EventRef {
            index: at.index.checked_sub(1)?,
            ..at
        };
        let EventKind::Release {
            guard,
            why: ReleaseWhy::Moved,
        } = graph::event_at(self.context.program, before)?.kind
        else {
            return None;
        };
        let sets = self.context.held.get(self.function.index())?;
        let moved = sets
            .before(before)
            .iter()
            .find(|held| held.guard == guard)?;
        certain(moved).then_some(moved.mode)
    }

    fn same(&self, held: &ObjectRef, taken: &ObjectRef, same_guard: bool) -> SameInstance {
        instance::same_instance(
            self.context.program,
            self.context.graph,
            self.function,
            held,
            taken,
            same_guard,
        )
    }

    /// Everything that calls at `at` lead to.
    fn calls(&mut self, at: EventRef, holding: &[Holding]) {
        let Context {
            program,
            graph,
            held,
            summaries,
            ..
        } = self.context;
        let moved = graph::event_at(program, at)
            .map(|event| self.moved_guards(at, event))
            .unwrap_or_default();
        for edge in graph
            .out_at(at)
            .iter()
            .filter(|edge| edge.guesses <= MAX_GUESSES)
        {
            let along = entry::along(program, held, edge);
            let mut known: HashMap<LockId, LockRef> = HashMap::default();
            for reach in summaries.get(edge.callee) {
                let guesses = reach.guesses + edge.guesses;
                if guesses > MAX_GUESSES || summary::conditions(program, edge, reach).is_none() {
                    continue;
                }
                let taken = self.taken(&mut known, edge, reach);
                let again = taken.and_then(|taken| self.again(at, holding, taken));
                let mut gates = reach.gates.clone();
                entry::union(&mut gates, &along);
                for &(held, own) in holding {
                    let guard = &self.holders[held as usize];
                    let Some(own) = self.doubt(&moved, edge, reach, guard, own) else {
                        continue;
                    };
                    if taken.is_none() && own >= MOVED {
                        continue;
                    }
                    let taken = taken.map(|taken| {
                        let (holder, lock) = (
                            &self.holders[held as usize].lock,
                            &self.locks[taken as usize],
                        );
                        (taken, self.same(holder, lock, false))
                    });
                    self.found.push(Found {
                        at,
                        held,
                        target: reach.at,
                        way: Way::Call(edge, reach),
                        guesses: guesses.saturating_add(own),
                        taken,
                        again: again.filter(|_| {
                            taken.is_some_and(|(_, same)| same != SameInstance::Certain)
                        }),
                        gates: gates.clone(),
                    });
                }
            }
        }
    }

    /// The lock of `reach` in the terms of the caller; `None` for an operation.
    fn taken(
        &mut self,
        known: &mut HashMap<LockId, LockRef>,
        edge: &Edge,
        reach: &Reach,
    ) -> Option<LockRef> {
        let id = reach.lock?;
        if let Some(&taken) = known.get(&id) {
            return Some(taken);
        }
        let Context {
            program, summaries, ..
        } = self.context;
        let taken = self.number(instance::translate(program, edge, summaries.lock(id)?));
        known.insert(id, taken);
        Some(taken)
    }

    /// Closures passed from here and run under locks of the functions called:
    /// those functions hold, what they take is known here only.
    fn through_closures(&mut self, at: EventRef) {
        let Context { graph, held, .. } = self.context;
        for edge in graph
            .out_at(at)
            .iter()
            .filter(|edge| edge.guesses <= MAX_GUESSES)
        {
            for (depth, &step) in edge.through.iter().enumerate() {
                if let Some(sets) = held
                    .get(step.function.index())
                    .filter(|sets| !sets.before(step).is_empty())
                {
                    self.run_under(edge, depth, step, sets);
                }
            }
        }
    }

    fn run_under(&mut self, edge: &'a Edge, depth: usize, step: EventRef, sets: &HeldSets) {
        let Context {
            program,
            held,
            summaries,
            ..
        } = self.context;
        let outward: Vec<EventRef> = std::iter::once(edge.at)
            .chain(edge.through[..depth].iter().copied())
            .collect();
        let along = entry::along(program, held, edge);
        let holders: Vec<(u32, u8, ObjectRef)> = sets
            .before(step)
            .iter()
            .map(|holder| {
                let here = self.outward(&holder.lock, step.function, &outward);
                (self.holder(holder.clone()), sets.guesses(holder), here)
            })
            .collect();
        let mut known: HashMap<LockId, LockRef> = HashMap::default();
        for reach in summaries.get(edge.callee) {
            let taken = self.taken(&mut known, edge, reach);
            let mut gates = reach.gates.clone();
            entry::union(&mut gates, &along);
            for (held, own, here) in &holders {
                let taken =
                    taken.map(|taken| (taken, self.same(here, &self.locks[taken as usize], false)));
                self.found.push(Found {
                    at: step,
                    held: *held,
                    target: reach.at,
                    way: Way::Closure(edge, depth, reach),
                    guesses: own.saturating_add(reach.guesses + edge.guesses),
                    taken,
                    again: None,
                    gates: gates.clone(),
                });
            }
        }
    }

    /// `lock` of `holder` in the terms of the function that makes the first of `calls`.
    fn outward(&self, lock: &ObjectRef, holder: FnId, calls: &[EventRef]) -> ObjectRef {
        let Context { program, graph, .. } = self.context;
        let mut lock = lock.clone();
        let mut callee = holder;
        for &call in calls.iter().rev() {
            let edge = graph
                .out_at(call)
                .iter()
                .find(|edge| edge.callee == callee && edge.through.is_empty());
            lock = match edge {
                Some(edge) => instance::translate(program, edge, &lock),
                None => instance::bind(program, &[], &lock),
            };
            callee = call.function;
        }
        lock
    }

    fn wait(&mut self, at: EventRef, mut holding: Vec<Holding>, guard: Option<GuardId>) {
        holding.retain(|(held, _)| Some(self.holders[*held as usize].guard) != guard);
        // Where the guard handed over is not known, it is one of them.
        if guard.is_some() {
            self.operation(at, &holding, 0);
        } else if holding.len() > 1 {
            self.operation(at, &holding, MOVED);
        }
    }

    fn operation(&mut self, at: EventRef, holding: &[Holding], doubt: u8) {
        for &(held, guesses) in holding {
            let guesses = guesses.saturating_add(doubt);
            self.found.push(Found {
                at,
                held,
                target: at,
                way: Way::Here,
                guesses,
                taken: None,
                again: None,
                gates: Vec::new(),
            });
        }
    }
}
