//! Whether an operation under a lock really waits, and for others.

use conclint_facts::{
    Analysis, BlockedUnder, Event, EventKind, EventRef, FnId, ObjectRef, Resolution, Root,
};

use crate::flow::{Point, after, ends, events, reaches};
use crate::futures;

/// Whether the way on from the operation leads back to where the guard is taken,
/// and not to the operation with the guard still alive: a loop looks at the guarded
/// data, and gives way before it lets go. Who holds the lock around the loop waits
/// for something else.
pub(super) fn is_taken_each_round(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let function = analysis.function(blocked.function);
    let guard = blocked.held.guard;
    let here = Point::of(blocked.event);
    let mut kept = false;
    after(
        function,
        here,
        |at, _| kept |= at == here,
        |event| ends(event, guard),
    );
    let takes = |event: &Event| matches!(event.kind, EventKind::Acquire { guard: taken, .. } if taken == guard);
    blocked.held.must
        && !kept
        && events(function).any(|(at, event)| takes(event) && reaches(function, here, at))
}

/// `block_on(start(..))` where `start` never awaits: it is done when it is first
/// polled.
pub(super) fn is_ready(analysis: &Analysis, at: EventRef) -> bool {
    let function = analysis.function(at.function);
    let stmt = analysis.event(at).stmt;
    let starts = |event: &&Event| match &event.kind {
        EventKind::Call(call) if call.resolution == Resolution::Exact => {
            let mut targets = call.targets.iter();
            targets.any(|target| analysis.function(*target).is_async)
        }
        _ => false,
    };
    let mut futures = events(function)
        .map(|(_, event)| event)
        .filter(|event| event.stmt == stmt)
        .filter(starts)
        .peekable();
    futures.peek().is_some() && futures.all(|event| futures::never_suspends(analysis, event))
}

/// A channel made for one exchange: a variable of this function, whose other
/// end is here, too, or part of what this function was given, for the answer.
pub(super) fn is_passing(analysis: &Analysis, function: FnId, channel: Option<&ObjectRef>) -> bool {
    let function = analysis.function(function);
    channel.is_some_and(|channel| match channel.place.root {
        Root::Local(local) => function.stmts.iter().any(|stmt| stmt.defs.contains(&local)),
        Root::Param(number) => number > 0 && !channel.place.path.is_empty(),
        Root::Static(_) | Root::Opaque(_) => false,
    })
}
