//! A test of an atomic that decides whether it is stored.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, BlockId, ClassId, EventKind, FnId, Function, Look, Origin, Origins, Site,
};

use super::Asked;
use crate::flow::{Point, after, event_at, events, reaches};
use crate::reads::{Read, ReadKind, look, reads};
use crate::ways::{decides, decides_alone, leads_to, outcomes, tells};

/// A test, and what makes it matter.
pub(super) struct Decision {
    pub(super) site: Site,
    pub(super) look: Look,
    pub(super) hangs: Hangs,
}

/// What hangs on a test, besides the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hangs {
    /// Something that is done after the store.
    Work,
    /// Something smaller: what is printed, what is done before the store, what
    /// the function gives.
    Little,
    /// The test waits: whoever passes it has what the others wait for.
    Wait,
    /// The value itself: it is the higher or the lower one, or turned over.
    Value,
}

/// A test of the atomic that decides whether the store happens, where more
/// than the store hangs on it.
pub(super) fn decided(asked: &Asked<'_>) -> Option<(Read, Decision)> {
    let (function, store) = (asked.function, asked.store);
    let mut found = None;
    for (at, event) in events(function) {
        let EventKind::Test {
            from, look: asks, ..
        } = &event.kind
        else {
            continue;
        };
        if !decides_alone(function, at, store.at) || passes_another(asked, at) {
            continue;
        }
        let Some(read) = asked.read(*from) else {
            continue;
        };
        let look = look(asked.analysis, function, *from, *asks);
        let Some(hangs) = hangs_on(asked, at, look) else {
            continue;
        };
        let site = event.site;
        let decision = (read, Decision { site, look, hangs });
        if hangs == Hangs::Work {
            return Some(decision);
        }
        found = found.or(Some(decision));
    }
    found
}

/// What hangs on the test at `test` of the atomic, if anything does: a flag that
/// is set only to spare a write needs no care.
fn hangs_on(asked: &Asked<'_>, test: Point, look: Look) -> Option<Hangs> {
    let (function, store) = (asked.function, asked.store);
    let counts = |large: bool, either: bool| {
        events(function).any(|(at, event)| {
            let counts = match &event.kind {
                EventKind::Call(call) => !call.targets.is_empty(),
                EventKind::Spawn(_)
                | EventKind::Send { .. }
                | EventKind::Block { .. }
                | EventKind::CallParam { .. } => true,
                EventKind::Work { .. } => !large,
                _ => false,
            };
            counts
                && at != store.at
                && decides(function, test, at)
                && (reaches(function, store.at, at) || either && reaches(function, at, store.at))
        })
    };
    // Of a limit, the value is compared. (What another function makes of the value
    // need not be about it; whether it is one or none, a flag says.)
    let limits = matches!(look, Look::Order | Look::Constant);
    if store.updates && !limits {
        None
    } else if counts(true, false) {
        Some(Hangs::Work)
    } else if waits(function, test) {
        Some(Hangs::Wait)
    } else if store.updates || look == Look::Order && !store.constant || turns(asked, test) {
        Some(Hangs::Value)
    } else {
        // What is computed and kept for the next one is a cache.
        let once = store.constant && (counts(false, true) || gives(asked, test));
        (once || tells(function, test, store.at)).then_some(Hangs::Little)
    }
}

/// Whether the atomic is stored on the other way, too: it is turned over.
fn turns(asked: &Asked<'_>, test: Point) -> bool {
    let (function, store) = (asked.function, asked.store);
    asked.stores.iter().any(|other| {
        // One finding for both.
        (store.site.line, store.site.column) < (other.site.line, other.site.column)
            && other.object.class == store.object.class
            && other.object.place == store.object.place
            && other.constant
            && store.constant
            && decides(function, test, other.at)
            && !reaches(function, store.at, other.at)
            && !reaches(function, other.at, store.at)
    })
}

/// Whether the function gives what the test asked: `if free { .. } free`.
fn gives(asked: &Asked<'_>, test: Point) -> bool {
    let Some(EventKind::Test { from, .. }) =
        event_at(asked.function, test).map(|event| &event.kind)
    else {
        return false;
    };
    let both = asked.function.returns.and(*from);
    asked.read(both).is_some()
}

/// Whether the test is that of a loop in which nothing is done but to wait.
fn waits(function: &Function, test: Point) -> bool {
    outcomes(function, test.block)
        .into_iter()
        .any(|way| comes_back_idle(function, way, test))
}

/// Whether control, from the start of `way`, can only come back to the test, with
/// nothing done in between.
fn comes_back_idle(function: &Function, way: BlockId, test: Point) -> bool {
    let mut seen = vec![way];
    let mut next = 0;
    let mut back = false;
    while let Some(&block) = seen.get(next) {
        next += 1;
        if block == test.block {
            back = true;
            continue;
        }
        let Some(body) = function.blocks.get(block.index()) else {
            return false;
        };
        let idle = |index: usize, kind: &EventKind| {
            let index = index as u32;
            match kind {
                EventKind::Call(call) => {
                    call.targets.is_empty() || is_asked(function, test, Point { block, index })
                }
                EventKind::Spawn(_)
                | EventKind::Send { .. }
                | EventKind::Recv { .. }
                | EventKind::CallParam { .. }
                | EventKind::Store { .. }
                | EventKind::Acquire { .. }
                | EventKind::Wait { .. } => false,
                _ => true,
            }
        };
        let mut events = body.events.iter().enumerate();
        if body.successors.is_empty() || !events.all(|(index, event)| idle(index, &event.kind)) {
            return false;
        }
        for successor in &body.successors {
            if !seen.contains(successor) {
                seen.push(*successor);
            }
        }
    }
    back
}

/// Whether what is called at `at` is what the test asks.
fn is_asked(function: &Function, test: Point, at: Point) -> bool {
    let Some(EventKind::Test { from, .. }) = event_at(function, test).map(|event| &event.kind)
    else {
        return false;
    };
    from.iter().any(|position| {
        matches!(function.origins.get(position), Some(Origin::Event { block, index })
            if *block == at.block && *index == at.index)
    })
}

/// Whether each way from the test to the store leads by another store of the atomic.
fn passes_another(asked: &Asked<'_>, test: Point) -> bool {
    let others = asked.stores.iter().filter(|other| {
        other.at != asked.store.at
            && other.object.class == asked.store.object.class
            && other.object.place == asked.store.object.place
    });
    let others: Vec<_> = others
        .filter_map(|other| event_at(asked.function, other.at))
        .collect();
    if others.is_empty() {
        return false;
    }
    let mut reached = false;
    after(
        asked.function,
        test,
        |at, _| reached |= at == asked.store.at,
        |event| others.iter().any(|other| std::ptr::eq(*other, event)),
    );
    !reached
}

/// Whether at most one thread at a time comes to the store: it is this one's turn,
/// or it leads the others.
pub(super) fn one_passes(asked: &Asked<'_>) -> bool {
    let (function, store) = (asked.function, asked.store);
    events(function).any(|(at, event)| {
        let EventKind::Test {
            from, look: asks, ..
        } = &event.kind
        else {
            return false;
        };
        let look = look(asked.analysis, function, *from, *asks);
        let waits = || waits(function, at);
        // Called functions may say the opposite.
        let fits = || {
            look != *asks
                || waits()
                || (look == Look::Own) == is_on_true_side(function, at, store.at)
        };
        let is_turn = || {
            let found = reads(asked.analysis, asked.id, *from);
            found.iter().any(|read| {
                read.kind == ReadKind::Atomic && (asked.is_of(read) && fits() || waits())
            })
        };
        look >= Look::Other
            && decides(function, at, store.at)
            && (*from == Origins::NONE && fits() || is_turn())
    })
}

/// Whether control comes to `to` where the condition at `test` holds.
fn is_on_true_side(function: &Function, test: Point, to: Point) -> bool {
    let body = function.blocks.get(test.block.index());
    let holds = body.and_then(|body| body.successors.last());
    holds.is_some_and(|way| leads_to(function, *way, test.block, to.block))
}

/// Atomics that are handed on by turns: each thread waits until they have a value
/// of its own.
pub(super) fn turns_of(analysis: &Analysis) -> BTreeSet<ClassId> {
    let mut found = BTreeSet::new();
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        for (at, event) in events(function) {
            if let EventKind::Test {
                from, look: asks, ..
            } = &event.kind
                && look(analysis, function, *from, *asks) >= Look::Other
                && waits(function, at)
            {
                let reads = reads(analysis, id, *from);
                let atomics = reads.iter().filter(|read| read.kind == ReadKind::Atomic);
                found.extend(atomics.filter_map(|read| read.object.class));
            }
        }
    }
    found
}
