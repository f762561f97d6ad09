//! What keeps others out besides locks that are seen: a token, an exchange, a lock
//! by hand.

use conclint_facts::{
    Analysis, Event, EventKind, EventRef, FnId, FnKind, Function, LockSource, Mode, Resolution,
    Root,
};

use crate::flow::{Point, events, goes_round};

/// The function is handed, as `&mut`, what a lock beside the atomic guards, by
/// callers that all have it from that lock.
pub(super) fn has_token(analysis: &Analysis, id: FnId, depth: u32) -> bool {
    let function = analysis.function(id);
    let callers = analysis.callers(id);
    if callers.is_empty() || function.is_pub && function.in_library {
        return false;
    }
    let params = (0..).zip(&function.params);
    params.filter(|(_, param)| param.token).any(|(index, _)| {
        callers
            .iter()
            .all(|at| gives_token(analysis, *at, index, depth))
    })
}

/// The call `at` passes the data of a lock that is held alone, or a token that
/// the caller was given itself.
fn gives_token(analysis: &Analysis, at: EventRef, index: usize, depth: u32) -> bool {
    let (EventKind::Call(call)
    | EventKind::Acquire {
        source: LockSource::Callee(call),
        ..
    }) = &analysis.event(at).kind
    else {
        return false;
    };
    let Some(arg) = call.args.get(index) else {
        return false;
    };
    let alone = |guard| {
        let mut held = analysis.held_before(at).iter();
        held.any(|held| held.guard == guard && held.must && held.mode == Mode::Exclusive)
    };
    if let Some(guard) = arg.borrows {
        return alone(guard);
    }
    let caller = analysis.function(at.function);
    let passed = arg.place.as_ref().is_some_and(|place| {
        let Root::Param(param) = place.root else {
            return false;
        };
        let param = caller.params.get(usize::from(param));
        place.path.is_empty() && param.is_some_and(|param| param.token)
    });
    passed && depth > 0 && has_token(analysis, at.function, depth - 1)
}

/// The function exchanges an atomic, which may be what gives it the right to
/// store, or locks and unlocks by hand.
pub(super) fn has_protocol(analysis: &Analysis, function: &Function) -> bool {
    exchanges(function)
        || events(function).any(|(_, event)| match &event.kind {
            EventKind::Call(call) => match (call.resolution, call.targets.as_slice()) {
                (Resolution::Exact, &[one]) => spins(analysis.function(one)),
                _ => false,
            },
            _ => false,
        })
}

/// The function waits in a loop for an atomic: a lock by hand.
fn spins(function: &Function) -> bool {
    let looks = |(_, event): (Point, &Event)| matches!(event.kind, EventKind::Load { .. });
    events(function).any(looks) && goes_round(function)
}

/// The function exchanges an atomic, or calls what locks and unlocks.
fn exchanges(function: &Function) -> bool {
    events(function).any(|(_, event)| match &event.kind {
        EventKind::Load { exchange, .. } => *exchange,
        EventKind::Call(call) => {
            let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
            matches!(
                name,
                "lock" | "unlock" | "lock_exclusive" | "unlock_exclusive"
            )
        }
        _ => false,
    })
}

/// The closure is run by a function that exchanges an atomic: `with_write(|header| ..)`.
pub(super) fn runs_in_protocol(analysis: &Analysis, id: FnId) -> bool {
    let runs = |at: &EventRef| {
        let called = match &analysis.event(*at).kind {
            EventKind::Call(call) => &call.targets[..],
            _ => &[],
        };
        let mut near = called.iter().copied().chain([at.function]);
        near.any(|id| exchanges(analysis.function(id)))
    };
    analysis.function(id).kind == FnKind::Closure && analysis.callers(id).iter().any(runs)
}
