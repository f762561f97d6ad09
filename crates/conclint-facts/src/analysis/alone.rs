//! Which methods have their object to themselves while they run.

use super::graph::{self, Edge, Graph, Via};
use super::instance;
use crate::program::*;

/// Whether a function's `self` is no one else's while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alone {
    /// Others may have it, too.
    #[default]
    No,
    /// All calls outside tests that are seen say so; code outside of the
    /// program can call it as well.
    AsSeen,
    /// It takes `&mut self`, or only such callers can call it.
    Surely,
}

/// By function.
///
/// Methods that take `&mut self`, and methods that are called by nothing but
/// such ones, on their own `self` or on a part of it that they alone have.
pub(super) fn of(program: &Program, graph: &Graph) -> Vec<Alone> {
    let functions = &program.functions;
    let given = |f: &Function| {
        if f.mut_self { Alone::Surely } else { Alone::No }
    };
    let mut alone: Vec<Alone> = functions.iter().map(given).collect();
    let lent = |index: &usize| {
        let function = &functions[*index];
        is_method(function)
            && !function.mut_self
            && !graph.taken.contains(&FnId(*index as u32))
            && graph.entering(FnId(*index as u32)).next().is_some()
    };
    let lent: Vec<usize> = (0..functions.len()).filter(lent).collect();
    // Each round can only raise: it ends.
    loop {
        let raised = |&index: &usize| {
            let new = by_callers(program, graph, &alone, FnId(index as u32));
            (new > alone[index]).then_some((index, new))
        };
        let more: Vec<(usize, Alone)> = lent.iter().filter_map(raised).collect();
        if more.is_empty() {
            return alone;
        }
        for (index, new) in more {
            alone[index] = new;
        }
    }
}

/// What the callers of the method `id` make of it.
fn by_callers(program: &Program, graph: &Graph, alone: &[Alone], id: FnId) -> Alone {
    let function = &program.functions[id.index()];
    let mut callers = graph.entering(id).filter(|edge| {
        // Test code that starts no threads is no evidence that there are any.
        let caller = &program.functions[edge.at.function.index()];
        !(caller.is_test && caller.kind == FnKind::Fn && !function.is_test)
    });
    let start = match callers.next() {
        None => return Alone::No,
        Some(first) => by_call(program, alone, first),
    };
    let least = callers.fold(start, |least, edge| {
        least.min(by_call(program, alone, edge))
    });
    if function.is_pub {
        least.min(Alone::AsSeen)
    } else {
        least
    }
}

/// What one call makes of the method at its end.
fn by_call(program: &Program, alone: &[Alone], edge: &Edge) -> Alone {
    let caller = &program.functions[edge.at.function.index()];
    if edge.via != Via::Call || !edge.through.is_empty() {
        return Alone::No;
    }
    let Some(receiver) = graph::call_at(program, edge.at).and_then(|call| call.args.first()) else {
        return Alone::No;
    };
    let own = receiver
        .place
        .as_ref()
        .filter(|place| place.root == Root::Param(0) && is_method(caller));
    match own {
        Some(place) if place.path.is_empty() => alone[edge.at.function.index()],
        // A field, with nothing shared on the way.
        Some(_) if receiver.exclusive && caller.mut_self => Alone::Surely,
        _ => Alone::No,
    }
}

/// Whether `object`, as `function` names it, is a field of its `self` that each
/// object has one of.
pub(super) fn is_own_field(program: &Program, function: &Function, object: &ObjectRef) -> bool {
    let class = object.class.and_then(|id| program.classes.get(id.index()));
    is_method(function)
        && object.place.root == Root::Param(0)
        && object.place.path.len() == 1
        && class.is_some_and(instance::is_inline)
}

fn is_method(function: &Function) -> bool {
    function.kind == FnKind::Fn && function.params.first().is_some_and(|p| p.name == "self")
}
