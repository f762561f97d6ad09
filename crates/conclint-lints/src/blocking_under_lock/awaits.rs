//! Tasks that sleep in the middle of a section of an async lock.
//!
//! An async lock may be held across an `.await`, that is what it is for; how long
//! the others wait then is up to what is awaited. Says so where nothing else is
//! known of it, in the function that holds the lock, and with little weight.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, BlockedUnder, Certainty, EventKind, EventRef, FnId, GuardId, Held, Kinds, ObjectKind,
    StmtId,
};

use super::statement;
use crate::flow::{Point, events};
use crate::futures::{self, guard_awaited, is_ready};

/// Awaits under async locks, of which no other reason to wait is known.
pub(super) fn under_async_locks(analysis: &Analysis) -> Vec<BlockedUnder> {
    let known: BTreeSet<(FnId, GuardId, StmtId)> = analysis
        .blocked()
        .iter()
        .filter_map(|blocked| {
            let stmt = statement(analysis, blocked)?;
            Some((blocked.function, blocked.held.guard, stmt))
        })
        .collect();
    let mut found = Vec::new();
    for (id, function) in analysis.functions_with(Kinds::AWAIT) {
        for (at, event) in events(function) {
            if !matches!(event.kind, EventKind::Await)
                // Orders of locks are looked at elsewhere.
                || guard_awaited(function, at, event).is_some()
                || is_ready(analysis, function, at)
            {
                continue;
            }
            let at = at.in_function(id);
            for held in analysis.held_before(at) {
                if is_async(analysis, held)
                    && held.must
                    && !known.contains(&(id, held.guard, event.stmt))
                {
                    found.push(BlockedUnder {
                        function: id,
                        held: held.clone(),
                        chain: Vec::new(),
                        event: at,
                        confidence: Certainty::Low,
                    });
                }
            }
        }
    }
    found
}

/// Whether tasks, not threads, wait for this lock.
pub(super) fn is_async(analysis: &Analysis, held: &Held) -> bool {
    let class = held.lock.class.map(|class| &analysis.class(class).kind);
    matches!(class, Some(ObjectKind::Lock(traits)) if traits.is_async)
}

/// What is awaited at this place, as people write it.
pub(super) fn what(analysis: &Analysis, at: EventRef) -> String {
    let function = analysis.function(at.function);
    match futures::awaited(function, Point::of(at)).map(|event| &event.kind) {
        Some(EventKind::Call(call)) => call.name.to_string(),
        _ => ".await".to_owned(),
    }
}
