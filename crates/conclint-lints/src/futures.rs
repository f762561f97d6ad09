//! What a future does when it is polled, as far as the program's own `async
//! fn`s tell. Says nothing of the futures of libraries: those may sleep.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, ClassId, Event, EventKind, FnId, Function, GuardId, Kinds, ObjectKind, ReleaseWhy,
    Resolution, Writing,
};

use crate::flow::{Point, event_at, events};

/// Calls that are followed.
const FAR: usize = 4;

/// Whether the `.await` at this place never suspends: what it awaits is a call
/// of the program's own `async fn` that itself awaits nothing that suspends.
pub(crate) fn is_ready(analysis: &Analysis, function: &Function, at: Point) -> bool {
    awaited(function, at)
        .is_some_and(|event| never_suspends(analysis, event) && does_something(analysis, event))
}

/// The guard that is awaited at this place, where it is one: `lock.lock().await`.
pub(crate) fn guard_awaited(function: &Function, at: Point, event: &Event) -> Option<GuardId> {
    let next = Point {
        index: at.index + 1,
        ..at
    };
    match event_at(function, next) {
        Some(Event {
            kind: EventKind::Acquire { guard, .. },
            site,
            ..
        }) if *site == event.site => Some(*guard),
        _ => None,
    }
}

/// Async locks that somebody holds across an `.await` that may suspend, or
/// while something else waits or takes another lock: to wait for one of the
/// others is over at once.
pub(crate) fn held_for_long(analysis: &Analysis) -> BTreeSet<ClassId> {
    let is_async = |class: &ClassId| matches!(&analysis.class(*class).kind, ObjectKind::Lock(traits) if traits.is_async);
    let blocked = analysis.blocked().iter();
    let mut long: BTreeSet<ClassId> = blocked.filter_map(|b| b.held.lock.class).collect();
    let nested = analysis.nestings().iter();
    long.extend(nested.filter_map(|nesting| nesting.held.lock.class));
    for (id, function) in analysis.functions_with(Kinds::AWAIT) {
        for (at, event) in events(function) {
            if matches!(event.kind, EventKind::Await)
                && guard_awaited(function, at, event).is_none()
                && !is_ready(analysis, function, at)
            {
                let held = analysis.held_before(at.in_function(id));
                long.extend(held.iter().filter_map(|held| held.lock.class));
            }
        }
    }
    long.retain(is_async);
    long
}

/// The call whose future is awaited at this place: what comes right before, but
/// for what the call itself writes to and takes over. (A future that is only bound
/// to a variable has run nothing yet.)
pub(crate) fn awaited(function: &Function, at: Point) -> Option<&Event> {
    let of_call = |event: &Event| match &event.kind {
        EventKind::Store { how, .. } => *how == Writing::Call,
        EventKind::Release { why, .. } => *why == ReleaseWhy::Moved,
        _ => false,
    };
    let event = (0..at.index)
        .rev()
        .map_while(|index| event_at(function, Point { index, ..at }))
        .find(|event| !of_call(event))?;
    matches!(event.kind, EventKind::Call(_)).then_some(event)
}

/// Whether the event is a call of `async fn`s that are known and are done when
/// they are first polled.
pub(crate) fn never_suspends(analysis: &Analysis, event: &Event) -> bool {
    ends_at_once(analysis, event, FAR)
}

fn ends_at_once(analysis: &Analysis, event: &Event, far: usize) -> bool {
    let EventKind::Call(call) = &event.kind else {
        return false;
    };
    let ready = |target: &FnId| {
        let target = analysis.function(*target);
        let mut awaits = events(target).filter(|(_, event)| matches!(event.kind, EventKind::Await));
        target.is_async
            && awaits.all(|(at, _)| {
                far > 0
                    && awaited(target, at).is_some_and(|event| {
                        ends_at_once(analysis, event, far - 1) && does_something(analysis, event)
                    })
            })
    };
    call.resolution == Resolution::Exact
        && !call.targets.is_empty()
        && call.targets.iter().all(ready)
}

/// What is called takes a lock, changes what is shared, or calls the program's
/// own code. A body without any of that stands in for one that will do more,
/// in examples and drafts.
fn does_something(analysis: &Analysis, event: &Event) -> bool {
    let works = |event: &Event| match &event.kind {
        EventKind::Acquire { .. }
        | EventKind::Notify { .. }
        | EventKind::Send { .. }
        | EventKind::SharedWrite { .. }
        | EventKind::Store { .. } => true,
        EventKind::Call(call) => !call.targets.is_empty(),
        _ => false,
    };
    let EventKind::Call(call) = &event.kind else {
        return false;
    };
    let mut bodies = call.targets.iter().map(|target| analysis.function(*target));
    bodies.any(|body| events(body).any(|(_, event)| works(event)))
}
