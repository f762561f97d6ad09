//! Whether control looks again after a wait: at the guarded data, or by coming
//! to the function once more.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, Arg, Call, Event, EventKind, FnId, Function, GuardId, ObjectRef, Resolution, Root,
    Target, Writing,
};

use crate::flow::{Point, after, ends, reaches};
use crate::reads::origins_of;

/// Whether the code after the wait looks at the guarded data before it goes
/// on, here or in a function that is handed them.
pub(super) fn looked_at_again(
    analysis: &Analysis,
    function: &Function,
    guard: GuardId,
    wait: Point,
) -> bool {
    let of_guard = origins_of(function, guard);
    let mut again = false;
    after(
        function,
        wait,
        |_, event| match &event.kind {
            EventKind::Test { from, .. } => again |= !from.and(of_guard).is_empty(),
            EventKind::Call(call) if call.resolution == Resolution::Exact => {
                let handed = |arg: &Arg| arg.borrows == Some(guard) || arg.guards.contains(&guard);
                again |= call.args.iter().any(handed) && may_look(analysis, call);
            }
            _ => {}
        },
        |event| ends(event, guard),
    );
    again
}

/// Whether the callee may look at what it is handed: it has branches, or is not
/// known.
pub(super) fn may_look(analysis: &Analysis, call: &Call) -> bool {
    let branches = |id: &FnId| {
        let function = analysis.function(*id);
        let mut blocks = function.blocks.iter();
        function.chooses || blocks.any(|block| block.successors.len() > 1)
    };
    call.resolution != Resolution::Exact || call.targets.iter().any(branches)
}

/// Whether the function calls itself after the wait, whatever it then goes on
/// to do, or looks at the guarded data to tell whether it should: a loop in
/// other words. Who gives the data another state first did not look again.
pub(super) fn comes_again(
    id: FnId,
    function: &Function,
    guard: GuardId,
    condvar: &ObjectRef,
    wait: Point,
) -> bool {
    let again = |event: &Event| calls_itself(id, condvar, event);
    let leads_there = |from: Point| {
        let mut found = false;
        after(function, from, |_, event| found |= again(event), again);
        found
    };
    let mut settled = false;
    after(
        function,
        wait,
        |at, event| settled |= settles(event, guard) && leads_there(at),
        again,
    );
    if settled || !leads_there(wait) {
        return false;
    }
    let of_guard = origins_of(function, guard);
    let asks = |at: Point, event: &Event| match &event.kind {
        EventKind::Test { from, .. } => !from.and(of_guard).is_empty() && leads_there(at),
        _ => false,
    };
    let mut entered = BTreeSet::new();
    let mut work = vec![(wait.block, wait.index + 1)];
    while let Some((block, first)) = work.pop() {
        let Some(body) = function.blocks.get(block.index()) else {
            return false;
        };
        let rest = (first..).zip(body.events.iter().skip(first as usize));
        let mut rest = rest.map(|(index, event)| (Point { block, index }, event));
        if rest.any(|(at, event)| again(event) || asks(at, event)) {
            continue;
        }
        if body.successors.is_empty() {
            return false;
        }
        let next = body.successors.iter().filter(|next| entered.insert(**next));
        work.extend(next.map(|next| (*next, 0)));
    }
    true
}

/// The guarded data are given a value, as if what was waited for had come.
fn settles(event: &Event, of: GuardId) -> bool {
    matches!(
        &event.kind,
        EventKind::Store {
            target: Target::Guarded { guard, .. },
            how: Writing::Assign,
            ..
        } if *guard == of
    )
}

/// The call of the function itself, for the object that has the condition variable.
fn calls_itself(id: FnId, condvar: &ObjectRef, event: &Event) -> bool {
    let EventKind::Call(call) = &event.kind else {
        return false;
    };
    let same_object = match condvar.place.root {
        Root::Param(param) => call
            .args
            .get(usize::from(param))
            .and_then(|arg| arg.place.as_ref())
            .is_some_and(|place| place.root == condvar.place.root && place.path.is_empty()),
        _ => true,
    };
    call.resolution == Resolution::Exact && call.targets == [id] && same_object
}

/// Whether every call of the function stands in a loop, or in a function of
/// which the same is true: who came back for nothing comes again.
pub(super) fn called_in_loops(analysis: &Analysis, id: FnId, depth: u32) -> bool {
    let mut calls = analysis
        .callers(id)
        .iter()
        .filter(|call| !analysis.function(call.function).is_test)
        .peekable();
    calls.peek().is_some()
        && calls.all(|call| {
            let (caller, at) = (analysis.function(call.function), Point::of(*call));
            reaches(caller, at, at)
                || depth > 0 && called_in_loops(analysis, call.function, depth - 1)
        })
}
