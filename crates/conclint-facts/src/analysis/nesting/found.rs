//! What was found under a lock, and how it is told.
//!
//! Of much the same the best is kept; only that is spelled out, with the calls
//! that lead there and what conditions on the way say of the two locks.
//! Nothing new is found here.

use rustc_hash::FxHashMap as HashMap;

use super::{Beneath, Context, LockRef, Under, certainty};
use crate::analysis::apart::{self, Said};
use crate::analysis::entry::{self, Gate};
use crate::analysis::graph::{self, Edge};
use crate::analysis::summary::{self, Reach};
use crate::analysis::{
    BlockedUnder, Certainty, ChainStep, EventRef, KeyOrder, Nesting, SameInstance, instance, layers,
};
use crate::program::*;

/// Nestings of one guard with one lock, and in all, best first.
const MAX_PER_LOCK: usize = 16;
const MAX_PER_GUARD: usize = 256;
/// So many calls between the lock and what happens beneath it are too many for
/// anybody to have in view: each has conditions that are not seen, and another
/// object may be meant. Of 21 such deadlocks that were judged, three were right.
const FAR: usize = 4;
/// Operations reached by one call under one guard.
const MAX_PER_CALL: usize = 16;

/// How what happens is reached from where the lock is held.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// At once.
    Here,
    /// By a call, and from there by a chain.
    Call(&'a Edge, &'a Reach),
    /// From the step of this number on, within the functions called.
    Closure(&'a Edge, usize, &'a Reach),
}

/// Found, not yet spelled out.
#[derive(Clone)]
pub(super) struct Found<'a> {
    /// The event under the lock, in the function that holds.
    pub(super) at: EventRef,
    /// Position in [`Under::holders`].
    pub(super) held: u32,
    /// The acquisition or operation.
    pub(super) target: EventRef,
    pub(super) way: Way<'a>,
    pub(super) guesses: u8,
    /// The lock taken, and whether it is the one held; `None` for an operation.
    pub(super) taken: Option<(LockRef, SameInstance)>,
    /// How the lock taken is held already, by another guard.
    pub(super) again: Option<Mode>,
    pub(super) gates: Vec<Gate>,
}

impl Found<'_> {
    fn length(&self) -> u8 {
        match self.way {
            Way::Here => 0,
            Way::Call(_, reach) | Way::Closure(_, _, reach) => reach.length.saturating_add(1),
        }
    }
}

impl Under<'_> {
    /// Keeps the best of much the same, and spells it out.
    pub(super) fn finish(mut self) -> Beneath {
        // Best first; a stable sort keeps the order of evaluation.
        self.found
            .sort_by_key(|found| (found.guesses, found.gates.len(), found.length()));
        let mut locks: HashMap<(u32, LockRef), usize> = HashMap::default();
        let mut guards: HashMap<u32, usize> = HashMap::default();
        let mut operations: HashMap<(EventRef, u32), Vec<EventRef>> = HashMap::default();
        let mut all = Beneath::default();
        for found in std::mem::take(&mut self.found) {
            if let Some((taken, same)) = found.taken {
                let per_lock = locks.entry((found.held, taken)).or_default();
                let per_guard = guards.entry(found.held).or_default();
                if *per_lock < MAX_PER_LOCK && *per_guard < MAX_PER_GUARD {
                    *per_lock += 1;
                    *per_guard += 1;
                    all.nestings.extend(self.nesting(found, taken, same));
                } else {
                    all.dropped += 1;
                }
            } else {
                let known = operations.entry((found.at, found.held)).or_default();
                if known.contains(&found.target) {
                    continue;
                }
                if known.len() < MAX_PER_CALL {
                    known.push(found.target);
                    all.blocked.push(self.blocked(found));
                } else {
                    all.dropped += 1;
                }
            }
        }
        all
    }

    fn chain(&self, way: Way<'_>) -> Vec<ChainStep> {
        summary::steps(self.context.program, self.way(way).into_iter())
    }

    /// The calls of a way, outermost first.
    fn way(&self, way: Way<'_>) -> Vec<EventRef> {
        let summaries = self.context.summaries;
        match way {
            Way::Here => Vec::new(),
            Way::Call(edge, reach) => {
                let call = std::iter::once(edge.at).chain(edge.through.iter().copied());
                call.chain(summaries.chain(reach)).collect()
            }
            Way::Closure(edge, depth, reach) => {
                let inner = edge.through.iter().skip(depth).copied();
                inner.chain(summaries.chain(reach)).collect()
            }
        }
    }

    /// What conditions on the way to `found` say of the two locks, which read
    /// in the terms of the function that holds.
    fn said_on_the_way(
        &self,
        found: &Found<'_>,
        held: &ObjectRef,
        taken: &ObjectRef,
    ) -> (Said, Vec<KeyOrder>) {
        let Context { program, graph, .. } = self.context;
        let mut way = self.way(found.way);
        way.push(found.target);
        let (mut said, mut orders) = (Said::Nothing, Vec::new());
        for (depth, &at) in way.iter().enumerate() {
            for part in apart::parts(program, at) {
                let outward = |place: &Place| apart::outward(program, graph, place, &way[..=depth]);
                orders.extend(apart::order(program, part, outward, held, taken));
                if matches!(part.when, When::LastOwner(_)) && !self.drops(&way[..=depth]) {
                    continue;
                }
                match apart::said(program, part, outward, held, taken) {
                    Said::NotReached => return (Said::NotReached, orders),
                    Said::Apart => said = Said::Apart,
                    Said::Nothing => {}
                }
            }
        }
        (said, orders)
    }

    /// Whether a `Drop` is among the functions of these steps: only that of one
    /// owner says something of the others.
    fn drops(&self, way: &[EventRef]) -> bool {
        let functions = &self.context.program.functions;
        way.iter().any(|step| {
            let function = functions.get(step.function.index());
            function.is_some_and(|function| function.qualified.ends_with("::drop"))
        })
    }

    /// Whether `taken` is of an object that is made here, and `held` of one that was
    /// there before: from the older to the younger one, never the other way.
    fn is_younger(&self, function: FnId, held: &ObjectRef, taken: &ObjectRef) -> bool {
        let Context { program, graph, .. } = self.context;
        let locals = program.functions.get(function.index());
        let locals = locals.map_or(&[][..], |function| &function.locals);
        let made = match taken.place.root {
            Root::Local(id) => {
                !graph.bindings.rebound(function, id, false)
                    && locals.iter().any(|local| local.id == id && local.made)
            }
            _ => false,
        };
        made && matches!(held.place.root, Root::Param(_)) && held.class != taken.class
    }

    /// Whether `taken` is of an object below the one that `held` is of.
    fn leads_down(&self, found: &Found<'_>, held: &ObjectRef, taken: &ObjectRef) -> bool {
        let Context { program, graph, .. } = self.context;
        let one =
            |lock: &ObjectRef| instance::scope(program, lock.class) == Some(ClassScope::Static);
        let mut way = self.way(found.way);
        way.push(found.target);
        !one(held) && !one(taken) && layers::leads_down(program, graph, &way)
    }

    fn blocked(&self, found: Found<'_>) -> BlockedUnder {
        let chain = self.chain(found.way);
        BlockedUnder {
            function: found.at.function,
            event: found.target,
            confidence: at_the_end_of(&chain, found.guesses),
            chain,
            held: self.holders[found.held as usize].clone(),
        }
    }

    fn nesting(&self, found: Found<'_>, taken: LockRef, same: SameInstance) -> Option<Nesting> {
        let program = self.context.program;
        let event = graph::event_at(program, found.target)?;
        let EventKind::Acquire { mode, blocking, .. } = event.kind else {
            return None;
        };
        let (held, taken) = (
            self.holders[found.held as usize].clone(),
            self.locks[taken as usize].clone(),
        );
        let (said, in_order) = self.said_on_the_way(&found, &held.lock, &taken);
        if said == Said::NotReached {
            return None;
        }
        let apart = said == Said::Apart;
        let same = match is_back_pointer(program, &held.lock, &taken, found.target.function) {
            true => SameInstance::Maybe,
            false => same,
        };
        let chain = self.chain(found.way);
        let young = self.is_younger(found.at.function, &held.lock, &taken);
        let confidence = match young || self.leads_down(&found, &held.lock, &taken) {
            true => Certainty::Low,
            false => at_the_end_of(&chain, found.guesses),
        };
        let mut gates = found.gates;
        entry::union(
            &mut gates,
            self.context
                .entry
                .get(found.at.function.index())
                .map_or(&[], Vec::as_slice),
        );
        gates.retain(|gate| Some(gate.class) != held.lock.class && Some(gate.class) != taken.class);
        let is_test = |id: FnId| program.functions.get(id.index()).is_some_and(|f| f.is_test);
        Some(Nesting {
            function: found.at.function,
            taken,
            taken_mode: mode,
            blocking,
            site: event.site,
            taken_in: found.target.function,
            same: if apart { SameInstance::Unlikely } else { same },
            apart,
            in_order,
            again: found.again,
            gates: gates.iter().map(|gate| gate.class).collect(),
            shared_gates: gates
                .iter()
                .filter(|gate| gate.shared)
                .map(|gate| gate.class)
                .collect(),
            context: Vec::new(),
            in_test: is_test(found.at.function)
                || is_test(found.target.function)
                || chain.iter().any(|step| is_test(step.function)),
            confidence,
            held,
            chain,
        })
    }
}

/// The certainty of what stands at the end of these calls.
fn at_the_end_of(chain: &[ChainStep], guesses: u8) -> Certainty {
    if chain.len() < FAR {
        certainty(guesses)
    } else {
        Certainty::Low
    }
}

/// What is dropped under the lock of its keeper takes that lock, by a field
/// that leads back: `drop` of an entry takes it out of its table.
fn is_back_pointer(program: &Program, held: &ObjectRef, taken: &ObjectRef, taken_in: FnId) -> bool {
    let drops = |f: &Function| f.kind == FnKind::Drop;
    let beyond = taken.place.path.len().checked_sub(held.place.path.len());
    held.class.is_some()
        && held.class == taken.class
        && held.place.root == taken.place.root
        && taken.place.path.starts_with(&held.place.path)
        && beyond.is_some_and(|steps| steps >= 2)
        && program.functions.get(taken_in.index()).is_some_and(drops)
}
