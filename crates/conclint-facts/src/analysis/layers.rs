//! Objects of one type that stand on one another: a file system on a file
//! system, a store around a store.
//!
//! A method that calls a method of its own type through a trait, on something
//! that it has, calls that of the object below. What is taken there is not what
//! was taken above, and the object below knows nothing of the one above it. As
//! little is an object its own part: a function that comes back to itself by
//! way of a field works on another one.

use super::EventRef;
use super::apart;
use super::graph::{self, Graph};
use crate::program::*;

/// Whether `way` leads from an object to another one of its type: calls from
/// where a lock is held to where another is taken, which is the last.
pub(super) fn leads_down(program: &Program, graph: &Graph, way: &[EventRef]) -> bool {
    let Some(holder) = way.first() else {
        return false;
    };
    way.windows(2).enumerate().any(|(depth, step)| {
        let [at, inner] = step else { return false };
        let Some(call) = graph::call_at(program, *at) else {
            return false;
        };
        let many = call.resolution == Resolution::Trait && call.targets.len() > 1;
        let again = inner.function == holder.function;
        let place = call.args.first().and_then(|arg| arg.place.as_ref());
        let a_part = place.is_some_and(|place| !place.path.is_empty());
        let callee = program.functions.get(inner.function.index());
        let own = callee.and_then(|f| f.params.first()).and_then(|own| own.of);
        let Some(own) = own.filter(|_| many || again && a_part) else {
            return false;
        };
        let above = &way[..=depth];
        (again || has_it(program, graph, place, above, own))
            && !place.is_some_and(|place| is_given(program, graph, place, above, own))
    })
}

/// Whether what `place` names, in the last function of `way`, was got in one
/// that works on the type `own`: there, or on the way to where it is handed.
fn has_it(
    program: &Program,
    graph: &Graph,
    place: Option<&Place>,
    way: &[EventRef],
    own: u32,
) -> bool {
    let family = |at: usize| way.get(at).map(|at| graph.family(at.function));
    let Some(mut from) = way.len().checked_sub(1) else {
        return false;
    };
    let mut place = place.cloned();
    loop {
        if works_on(program, graph, way[from], own) {
            return true;
        }
        let handed = |it: &Place| matches!(it.root, Root::Param(_)) && it.path.is_empty();
        let Some(here) = place.filter(handed) else {
            return false;
        };
        // What a closure names is what the function has that it stands in.
        let around = (0..from).rev().find(|at| family(*at) == family(from));
        let inside = family(from) != Some(way[from].function);
        (from, place) = match (around.filter(|_| inside), from.checked_sub(1)) {
            (Some(around), _) => (around, Some(here)),
            (None, Some(caller)) => {
                let outer = apart::outward(program, graph, &here, &way[caller..=from]);
                (caller, outer)
            }
            (None, None) => return false,
        };
    }
}

/// Whether the function of `at` is a method of the type `own`, or is given one.
fn works_on(program: &Program, graph: &Graph, at: EventRef, own: u32) -> bool {
    let function = program.functions.get(graph.family(at.function).index());
    function.is_some_and(|f| f.params.iter().any(|param| param.of == Some(own)))
}

/// Whether `place`, which the last of `way` names, is an object of the type
/// `own` that one of the functions on the way was given.
fn is_given(program: &Program, graph: &Graph, place: &Place, way: &[EventRef], own: u32) -> bool {
    (0..way.len()).any(|from| {
        let Some(place) = apart::outward(program, graph, place, &way[from..]) else {
            return false;
        };
        let Root::Param(number) = place.root else {
            return false;
        };
        let function = graph.family(way[from].function);
        let param = program
            .functions
            .get(function.index())
            .and_then(|f| f.params.get(usize::from(number)));
        place.path.is_empty() && param.is_some_and(|param| param.of == Some(own))
    })
}
