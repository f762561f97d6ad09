//! Nestings whose locks only the caller can name.
//!
//! `fn transfer(a: &Mutex<u32>, b: &Mutex<u32>)` says nothing about lock
//! order; `transfer(&self.x, &self.y)` does. So nestings of locks that are
//! parameters are read again in the terms of each caller. The same shows
//! whether two parameters of one type are one object (`merge(&a, &a)`).

use super::entry::{self, Gate};
use super::graph::{self, Edge, MAX_GUESSES, Via};
use super::nesting::{Context, certainty};
use super::{Certainty, Nesting, SameInstance, apart, instance, summary};
use crate::program::*;

/// Callers of callers of ..
const MAX_DEPTH: usize = 4;
/// Readings of one nesting.
const MAX_READINGS: usize = 64;

/// A nesting on its way outward.
struct Lift {
    nesting: Nesting,
    /// The function in whose terms it reads.
    here: FnId,
    guesses: u8,
    /// What is taken reads in terms of `here`, too: it is taken by a closure
    /// that this function wrote, or one that calls it.
    met: bool,
}

/// The readings of `nestings` by callers.
pub(super) fn of(context: Context<'_>, nestings: &[Nesting]) -> Vec<Nesting> {
    let mut found = Vec::new();
    for nesting in nestings {
        let parameters = has_parameters(context.program, nesting);
        if parameters || may_be_one(nesting) {
            lift(context, nesting, &mut found);
        }
    }
    found
}

fn has_parameters(program: &Program, nesting: &Nesting) -> bool {
    [nesting.held.lock.class, nesting.taken.class]
        .into_iter()
        .any(|class| instance::is_param(program, class))
}

/// Two parameters, which a caller may have passed one object for.
fn may_be_one(nesting: &Nesting) -> bool {
    let is_param = |lock: &ObjectRef| matches!(lock.place.root, Root::Param(_));
    nesting.same == SameInstance::Maybe && is_param(&nesting.held.lock) && is_param(&nesting.taken)
}

fn lift(context: Context<'_>, nesting: &Nesting, found: &mut Vec<Nesting>) {
    let Context { program, graph, .. } = context;
    // One parameter taken twice is one object whatever it is.
    let settled = nesting.same == SameInstance::Certain;
    let guesses = match nesting.confidence {
        Certainty::High => 0,
        Certainty::Medium => 1,
        Certainty::Low => 2,
    };
    let owner = closure_owner(context, nesting);
    let mut level = vec![Lift {
        nesting: nesting.clone(),
        here: nesting.function,
        guesses,
        met: owner.is_none(),
    }];
    let mut budget = MAX_READINGS;
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for lifted in &level {
            for edge in graph.entering(graph.family(lifted.here)) {
                let guesses = lifted.guesses + edge.guesses;
                let passed = lifted
                    .nesting
                    .context
                    .iter()
                    .any(|step| step.function == edge.at.function);
                let met = lifted.met || owner == Some(graph.family(edge.at.function));
                if budget == 0
                    || guesses > MAX_GUESSES
                    || passed
                    || !met && !hands_on(context, edge)
                {
                    continue;
                }
                budget -= 1;
                let outer = outward(context, lifted, edge, guesses);
                if !met || has_parameters(program, &outer) {
                    next.push(Lift {
                        nesting: outer,
                        here: edge.at.function,
                        guesses,
                        met,
                    });
                } else if says_more(nesting, &outer, settled) {
                    found.push(outer);
                }
            }
        }
        level = next;
    }
}

/// The function that wrote the closure on the way, which it gave to the one that
/// holds the lock, or to one that this one calls. Others give closures of their
/// own, and what this one captures has its names from there.
fn closure_owner(context: Context<'_>, nesting: &Nesting) -> Option<FnId> {
    let own = context.graph.family(nesting.function);
    nesting
        .chain
        .iter()
        .map(|step| step.function)
        .chain([nesting.taken_in])
        .filter(|id| {
            let function = context.program.functions.get(id.index());
            function.is_some_and(|function| function.parent.is_some())
        })
        .map(|id| context.graph.family(id))
        .find(|family| *family != own)
}

/// Whether the closure on the way can have come by this call: it gives on what
/// its caller gave, and no closure of its own in its place.
fn hands_on(context: Context<'_>, edge: &Edge) -> bool {
    let Context { program, graph, .. } = context;
    let of_caller = |arg: &Arg| graph::passed_on(program, graph, edge.at.function, arg).is_some();
    edge.via == Via::Captured
        || graph::call_at(program, edge.at).is_none_or(|call| call.args.iter().any(of_caller))
}

fn says_more(nesting: &Nesting, outer: &Nesting, settled: bool) -> bool {
    let known = outer.held.lock.class.is_some() && outer.taken.class.is_some();
    let one = outer.same == SameInstance::Certain;
    let classes_differ = outer.held.lock.class != outer.taken.class;
    if may_be_one(nesting) {
        one
    } else {
        known && !settled && (classes_differ || outer.same > SameInstance::Unlikely)
    }
}

/// `lifted` as the caller along `edge` reads it.
fn outward(context: Context<'_>, lifted: &Lift, edge: &Edge, guesses: u8) -> Nesting {
    let Context {
        program,
        graph,
        held,
        entry,
        ..
    } = context;
    let mut nesting = lifted.nesting.clone();
    nesting.held.lock = instance::translate(program, edge, &nesting.held.lock);
    if lifted.met {
        nesting.taken = instance::translate(program, edge, &nesting.taken);
    }
    let caller = edge.at.function;
    nesting.apart |= apart::at(context, edge.at, &nesting.held.lock, &nesting.taken);
    nesting.in_order.extend(apart::orders_at(
        context,
        edge.at,
        &nesting.held.lock,
        &nesting.taken,
    ));
    nesting.same = if nesting.apart {
        SameInstance::Unlikely
    } else {
        instance::same_instance(
            program,
            graph,
            caller,
            &nesting.held.lock,
            &nesting.taken,
            false,
        )
    };
    let steps = std::iter::once(edge.at).chain(edge.through.iter().copied());
    nesting.context = [
        summary::steps(program, steps),
        std::mem::take(&mut nesting.context),
    ]
    .concat();
    nesting.confidence = certainty(guesses);
    nesting.in_test |= program.functions[caller.index()].is_test;

    let mut gates: Vec<Gate> = nesting
        .gates
        .iter()
        .map(|&class| Gate {
            class,
            shared: nesting.shared_gates.contains(&class),
        })
        .collect();
    entry::union(&mut gates, &entry::along(program, held, edge));
    entry::union(
        &mut gates,
        entry.get(caller.index()).map_or(&[], Vec::as_slice),
    );
    gates.retain(|gate| {
        Some(gate.class) != nesting.held.lock.class && Some(gate.class) != nesting.taken.class
    });
    nesting.gates = gates.iter().map(|gate| gate.class).collect();
    nesting.shared_gates = gates
        .iter()
        .filter(|gate| gate.shared)
        .map(|gate| gate.class)
        .collect();
    nesting
}
