//! One at a time by an exchange: whoever does not win it leaves.

use conclint_facts::{Analysis, Event, EventKind, FnId, Function, ObjectRef, Origin};

use crate::flow::{Point, events, reaches};
use crate::ways::decides;

/// How many calls up the exchange may stand.
const CALLS: u32 = 2;

/// Whether `from` and `to` are only reached by who has won an exchange that nobody
/// else wins meanwhile: `if running.swap(true) { return; }` here, or where all
/// callers call a private function.
pub(crate) fn is_single_flight(
    analysis: &Analysis,
    function: FnId,
    from: Point,
    to: Point,
) -> bool {
    within(analysis, function, from, to, CALLS)
}

fn within(analysis: &Analysis, id: FnId, from: Point, to: Point, calls: u32) -> bool {
    let function = analysis.function(id);
    let wins = |(at, event): (Point, &Event)| match &event.kind {
        EventKind::Load {
            object,
            exchange: true,
            ..
        } => {
            reaches(function, at, from)
                && [from, to].iter().all(|to| is_decided(function, at, *to))
                && !is_given_back(function, object, from, to)
        }
        _ => false,
    };
    if events(function).any(wins) {
        return true;
    }
    let callers = analysis.callers(id);
    calls > 0
        && !function.is_pub
        && !callers.is_empty()
        && callers.iter().all(|call| {
            let at = Point::of(*call);
            call.function != id && within(analysis, call.function, at, at, calls - 1)
        })
}

/// Whether what the exchange at `exchange` gives decides that `to` is reached.
fn is_decided(function: &Function, exchange: Point, to: Point) -> bool {
    let this = Origin::Event {
        block: exchange.block,
        index: exchange.index,
    };
    let Some(result) = function.origins.iter().position(|origin| *origin == this) else {
        return false;
    };
    events(function).any(|(test, event)| {
        matches!(&event.kind, EventKind::Test { from, .. } if from.contains(result))
            && decides(function, test, to)
    })
}

/// Whether the atomic is written between the two, so that another one may win.
fn is_given_back(function: &Function, atomic: &ObjectRef, from: Point, to: Point) -> bool {
    events(function).any(|(at, event)| {
        matches!(&event.kind, EventKind::SharedWrite { object: Some(object), .. }
            if object.class == atomic.class)
            && reaches(function, from, at)
            && reaches(function, at, to)
    })
}
