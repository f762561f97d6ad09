//! A wait on a condition variable that does not look at its condition again.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Arg, Event, EventKind, FnId, FnKind, Function, GuardId, Held, Kinds, ObjectKind,
    ObjectRef, Resolution, Root, Site, Target, Writing,
};

use crate::flow::{Point, after, ends, event_at, events, reaches};
use crate::reads::origins_of;
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "wait-without-loop",
    code: "CL121",
    severity: Severity::Error,
    level: Level::Default,
    summary: "a wait on a condition variable outside a loop, or before its condition is looked at",
    page: include_str!("lint.md"),
    check,
};

/// Callers of callers that are asked for a loop.
const CALLERS: u32 = 1;

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in analysis.functions_with(Kinds::WAIT) {
        for (point, event) in events(function) {
            // With its caller's guard the wait stands in a helper, and the loop at the caller.
            if let EventKind::Wait {
                condvar,
                guard: Some(guard),
                checks_predicate: false,
                in_loop,
                predicate_read,
                timed: false,
                by_reference,
            } = &event.kind
                && taken_here(function, *guard)
                && let Some(fault) = fault(
                    *in_loop || comes_again(id, function, *guard, condvar, point),
                    *predicate_read || avoidable(function, *guard, point),
                )
                && !(fault == Fault::NoLoop
                    && (looked_at_again(analysis, function, *guard, point)
                        || avoidable(function, *guard, point) && is_the_last(function, point))
                    && called_in_loops(analysis, id, CALLERS))
            {
                let held = analysis
                    .guard(id, *guard)
                    .and_then(|info| info.locks.first());
                // Whoever runs a closure may do so in a loop.
                let wakes_alone = !by_reference
                    && !is_parking_lot(&draw, held)
                    && function.kind != FnKind::Closure;
                findings.push(report(
                    &draw,
                    id,
                    event.site,
                    condvar,
                    held,
                    fault,
                    wakes_alone,
                ));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It stands in no loop.
    NoLoop,
    /// It stands in a loop, but whoever takes the mutex waits, whatever the state.
    NotLookedAt,
}

/// Whether nothing is done after the wait but to let go of the lock: nobody goes
/// on as if anything held.
fn is_the_last(function: &Function, wait: Point) -> bool {
    let does = |event: &Event| {
        !matches!(
            event.kind,
            EventKind::Release { .. } | EventKind::Acquire { .. } | EventKind::Test { .. }
        )
    };
    let mut more = false;
    after(function, wait, |_, event| more |= does(event), |_| false);
    !more
}

/// Whether the lock can be taken and let go without this wait: then something
/// was looked at in between, be it no part of the guarded data.
fn avoidable(function: &Function, guard: GuardId, wait: Point) -> bool {
    let taken =
        |event: &Event| matches!(event.kind, EventKind::Acquire { guard: g, .. } if g == guard);
    let Some(at_wait) = event_at(function, wait) else {
        return false;
    };
    events(function)
        .filter(|(_, event)| taken(event))
        .any(|(point, _)| {
            let mut avoided = false;
            after(
                function,
                point,
                |_, event| avoided |= ends(event, guard),
                |event| std::ptr::eq(event, at_wait) || ends(event, guard),
            );
            avoided
        })
}

/// Whether the guard is of this function, and not of its caller.
fn taken_here(function: &Function, guard: GuardId) -> bool {
    let guard = function.guards.get(guard.index());
    guard.is_some_and(|guard| guard.given.is_none())
}

/// Whether the code after the wait looks at the guarded data before it goes
/// on, here or in a function that is handed them.
fn looked_at_again(analysis: &Analysis, function: &Function, guard: GuardId, wait: Point) -> bool {
    let of_guard = origins_of(function, guard);
    let branches = |id: &FnId| {
        let blocks = &analysis.function(*id).blocks;
        blocks.iter().any(|block| block.successors.len() > 1)
    };
    let mut again = false;
    after(
        function,
        wait,
        |_, event| match &event.kind {
            EventKind::Test { from, .. } => again |= !from.and(of_guard).is_empty(),
            EventKind::Call(call) if call.resolution == Resolution::Exact => {
                let handed = |arg: &Arg| arg.borrows == Some(guard) || arg.guards.contains(&guard);
                again |= call.args.iter().any(handed) && call.targets.iter().any(branches);
            }
            _ => {}
        },
        |event| ends(event, guard),
    );
    again
}

/// Whether the function calls itself after the wait, whatever it then goes on
/// to do, or looks at the guarded data to tell whether it should: a loop in
/// other words. Who gives the data another state first did not look again.
fn comes_again(
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
fn called_in_loops(analysis: &Analysis, id: FnId, depth: u32) -> bool {
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

fn is_parking_lot(draw: &Draw<'_>, held: Option<&Held>) -> bool {
    let class = held.and_then(|held| draw.class(&held.lock));
    matches!(class.map(|class| &class.kind), Some(ObjectKind::Lock(traits)) if traits.family == "parking_lot")
}

fn fault(in_loop: bool, looked_at: bool) -> Option<Fault> {
    match (in_loop, looked_at) {
        (false, _) => Some(Fault::NoLoop),
        (true, false) => Some(Fault::NotLookedAt),
        (true, true) => None,
    }
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    site: Site,
    condvar: &ObjectRef,
    held: Option<&Held>,
    fault: Fault,
    wakes_alone: bool,
) -> Finding {
    let (name, key) = (draw.name(condvar), draw.key(condvar));
    let lock = held.map_or_else(|| "the mutex".to_owned(), |held| draw.name(&held.lock));
    let function = draw.function_name(id);
    let mut steps: Vec<_> = held.map(|held| draw.hold(id, held)).into_iter().collect();
    let what = format!("waits on `{name}`, giving up `{lock}` meanwhile");
    steps.push(draw.step(id, site, Role::Wait, name.clone(), what));
    let (message, first) = match fault {
        Fault::NoLoop => (
            format!(
                "`{function}` waits on `{name}` outside a loop: a wait may return without any notification, or after \
                 another thread has used up what was notified, and the code goes on as if its condition held"
            ),
            format!(
                "let the wait check for itself: `{name}.wait_while(guard, |data| !ready(data))`"
            ),
        ),
        Fault::NotLookedAt => (
            format!(
                "`{function}` takes `{lock}` and waits on `{name}` without looking at its condition first: \
                 when it was notified before this thread came here, nobody wakes it again"
            ),
            format!(
                "under `{lock}`, test the condition before each wait: `while !ready(&guard) {{ guard = .. }}`"
            ),
        ),
    };
    LINT.finding(Found {
        severity: Severity::Error,
        confidence: match fault {
            // parking_lot promises that nothing but a notification wakes.
            Fault::NoLoop if !wakes_alone => Confidence::Low,
            Fault::NoLoop => Confidence::High,
            Fault::NotLookedAt => Confidence::Medium,
        },
        message,
        paths: vec![Trace {
            title: format!("the waiting thread: `{lock}`, then `{name}`"),
            steps,
        }],
        help: vec![
            first,
            format!("change what the condition reads only while `{lock}` is held"),
        ],
        identity: vec![key, function],
        in_test: draw.in_test(id),
    })
}
