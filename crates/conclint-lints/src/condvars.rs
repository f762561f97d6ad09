//! Who waits on a condition variable, as results show it.

use conclint_diag::{Role, Trace};
use conclint_facts::{Analysis, ClassId, EventKind};

use crate::flow::{Point, events};
use crate::trace::Draw;
use crate::ways::decides;

/// The waits on this condition variable: the function's name and the trace.
pub(crate) fn waits(analysis: &Analysis, draw: &Draw<'_>, class: ClassId) -> Vec<(String, Trace)> {
    let mut found = Vec::new();
    for &at in analysis.condvar_waits(class) {
        let event = analysis.event(at);
        let EventKind::Wait { guard, .. } = &event.kind else {
            continue;
        };
        let name = draw.class_name(class).to_owned();
        let held = guard
            .and_then(|guard| analysis.guard(at.function, guard))
            .and_then(|info| info.locks.first());
        let mut steps: Vec<_> = held
            .map(|held| draw.hold(at.function, held))
            .into_iter()
            .collect();
        steps.push(draw.step(
            at.function,
            event.site,
            Role::Wait,
            name.clone(),
            format!("waits on `{name}`"),
        ));
        let function = draw.function_name(at.function);
        let title = format!("path B: the waiting thread in `{function}`");
        found.push((
            draw.in_test(at.function),
            event.site,
            function,
            Trace { title, steps },
        ));
    }
    found.sort_by_key(|(test, site, ..)| (*test, *site));
    found
        .into_iter()
        .map(|(_, _, function, trace)| (function, trace))
        .collect()
}

/// Whether every wait ends after some time, in a loop that looks again: a lost
/// wake-up is a delay.
pub(crate) fn wakes_by_itself(analysis: &Analysis, condvar: ClassId) -> bool {
    analysis.condvar_waits(condvar).iter().all(|at| {
        let EventKind::Wait {
            timed: true,
            in_loop: true,
            predicate_read,
            ..
        } = analysis.event(*at).kind
        else {
            return false;
        };
        // What is asked may be an atomic beside the guarded data.
        let function = analysis.function(at.function);
        let wait = Point::of(*at);
        let mut tests = events(function)
            .filter(|(_, event)| matches!(event.kind, EventKind::Test { .. }))
            .map(|(test, _)| test);
        predicate_read || tests.any(|test| decides(function, test, wait))
    })
}

/// Whether a function of this name ends something.
pub(crate) fn ends_something(name: &str) -> bool {
    [
        "shutdown",
        "stop",
        "close",
        "terminate",
        "quit",
        "kill",
        "join",
        "finish",
    ]
    .iter()
    .any(|word| name.contains(word))
}
