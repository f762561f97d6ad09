//! Which functions several threads are seen to run.
//!
//! `threads` answers for what may be: whoever may be called from outside may
//! run anywhere. Here only starts that are seen count.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashSet as HashSet;

use super::graph::{self, Graph};
use super::kinds::Kinds;
use crate::program::*;

/// Who runs a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    Nobody,
    /// The thread with this number.
    One(u32),
    Several,
}

/// By function that is run from two spawns, from one that is done again and
/// again, or from one and the `main` beside it, by known calls: how many calls
/// it lies behind the nearest body that is started.
pub(super) fn of(program: &Program, graph: &Graph) -> Vec<Option<u32>> {
    let mut work: Vec<(FnId, Runs)> = Vec::new();
    let mut bodies: Vec<FnId> = Vec::new();
    // Each `main` is a program of its own, in which one thread runs it.
    for (id, function) in (0..).map(FnId).zip(&program.functions) {
        if function.kind == FnKind::Main {
            work.push((id, Runs::One(0)));
        }
    }
    let mut threads = 0;
    for (id, _) in graph::functions_with(program, &graph.kinds, Kinds::SPAWN) {
        if program
            .functions
            .get(id.index())
            .is_none_or(|function| function.is_test)
        {
            continue;
        }
        let again = is_repeated(program, graph, id);
        for (_, event) in graph::events_of(program, id) {
            if let EventKind::Spawn(spawn) = &event.kind
                && let Some(body) = spawn.body
            {
                threads += 1;
                let several = again || spawn.in_loop;
                let runs = if several {
                    Runs::Several
                } else {
                    Runs::One(threads)
                };
                work.push((body, runs));
                bodies.push(body);
            }
        }
    }
    let mut runs = vec![Runs::Nobody; program.functions.len()];
    while let Some((id, new)) = work.pop() {
        let Some(known) = runs.get_mut(id.index()) else {
            continue;
        };
        let both = match *known {
            Runs::Nobody => new,
            same if same == new => continue,
            _ => Runs::Several,
        };
        if *known == both {
            continue;
        }
        *known = both;
        work.extend(graph.out(id).iter().map(|edge| (edge.callee, both)));
    }
    let calls = distances(program, graph, bodies);
    runs.into_iter()
        .zip(calls)
        .map(|(runs, calls)| calls.filter(|_| runs == Runs::Several))
        .collect()
}

/// What a test calls on two threads, or again and again on new ones: whoever
/// wrote that test means it to be called so. Only what the bodies call
/// themselves; further on, each thread mostly has objects of its own.
pub(super) fn tested(program: &Program, graph: &Graph) -> BTreeSet<FnId> {
    let mut called = BTreeSet::new();
    for (id, _) in graph::functions_with(program, &graph.kinds, Kinds::SPAWN) {
        let test = program.functions.get(id.index());
        if test.is_none_or(|function| !function.is_test) {
            continue;
        }
        let again = is_repeated(program, graph, id);
        let mut once = HashSet::default();
        for (_, event) in graph::events_of(program, id) {
            if let EventKind::Spawn(spawn) = &event.kind
                && let Some(body) = spawn.body
            {
                let calls: HashSet<FnId> = graph.out(body).iter().map(|edge| edge.callee).collect();
                for callee in calls {
                    if again || spawn.in_loop || !once.insert(callee) {
                        called.insert(callee);
                    }
                }
            }
        }
    }
    called
}

/// By function, how many calls lead to it from the nearest of `bodies`.
fn distances(program: &Program, graph: &Graph, bodies: Vec<FnId>) -> Vec<Option<u32>> {
    let mut calls: Vec<Option<u32>> = vec![None; program.functions.len()];
    let mut work: VecDeque<(FnId, u32)> = bodies.into_iter().map(|body| (body, 0)).collect();
    while let Some((id, steps)) = work.pop_front() {
        let Some(known) = calls.get_mut(id.index()) else {
            continue;
        };
        if known.is_none() {
            *known = Some(steps);
            work.extend(graph.out(id).iter().map(|edge| (edge.callee, steps + 1)));
        }
    }
    calls
}

/// Whether the function is called in a loop.
fn is_repeated(program: &Program, graph: &Graph, id: FnId) -> bool {
    let blocks: HashSet<(FnId, BlockId)> = graph
        .entering(id)
        .map(|edge| (edge.at.function, edge.at.block))
        .collect();
    blocks.into_iter().any(|(caller, block)| {
        let caller = program.functions.get(caller.index());
        caller.is_some_and(|caller| graph::comes_back(caller, block))
    })
}
