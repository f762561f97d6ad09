//! What a thread leaves behind in what it shares, and who reads it.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, Call, ClassId, EventKind, FnId, Function, LockSource, Resolution, Target,
};

use crate::flow::{Point, after, events, reaches};

/// How many calls away something still counts as done here.
const CALLS: u32 = 2;

/// The functions that a call runs for certain.
pub(crate) fn exact(call: &Call) -> impl Iterator<Item = FnId> {
    let sure = call.resolution == Resolution::Exact;
    call.targets.iter().copied().filter(move |_| sure)
}

/// Whether `function` goes on behind `at` to read what the thread `body`
/// writes. A look in a loop is a way of waiting, and none of reading.
pub(crate) fn reads_what_it_writes(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    at: Point,
    body: FnId,
) -> bool {
    let mut written = BTreeSet::new();
    touched(analysis, body, CALLS, Touch::Write, &mut written);
    if written.is_empty() {
        return false;
    }
    let mut reads = false;
    after(
        function,
        at,
        |point, event| {
            if reads || reaches(function, point, point) {
                return;
            }
            let mut read = BTreeSet::new();
            touch(analysis, id, &event.kind, Touch::Read, &mut read);
            if let EventKind::Call(call) = &event.kind {
                for target in exact(call) {
                    touched(analysis, target, CALLS - 1, Touch::Read, &mut read);
                }
            }
            reads = !read.is_disjoint(&written);
        },
        |_| false,
    );
    reads
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    Read,
    Write,
}

/// The locks and atomics whose values a function reads or writes.
fn touched(
    analysis: &Analysis,
    function: FnId,
    calls: u32,
    how: Touch,
    found: &mut BTreeSet<ClassId>,
) {
    let Some(body) = analysis.program().functions.get(function.index()) else {
        return;
    };
    for (_, event) in events(body) {
        if let EventKind::Call(call) = &event.kind
            && calls > 0
        {
            for target in exact(call) {
                touched(analysis, target, calls - 1, how, found);
            }
        }
        touch(analysis, function, &event.kind, how, found);
    }
}

fn touch(
    analysis: &Analysis,
    function: FnId,
    event: &EventKind,
    how: Touch,
    found: &mut BTreeSet<ClassId>,
) {
    let guard = match (how, event) {
        (Touch::Read, EventKind::Acquire { guard, source, .. }) => {
            if let LockSource::Direct(object) = source {
                found.extend(object.class);
            }
            *guard
        }
        (
            Touch::Write,
            EventKind::Store {
                target: Target::Guarded { guard, .. },
                ..
            }
            | EventKind::Use { guard, write: true },
        ) => *guard,
        (Touch::Read, EventKind::Load { object, .. }) => {
            found.extend(object.class);
            return;
        }
        (
            Touch::Write,
            EventKind::SharedWrite {
                object: Some(object),
                ..
            },
        ) => {
            found.extend(object.class);
            return;
        }
        _ => return,
    };
    let locks = analysis.guard(function, guard).map(|info| &info.locks);
    found.extend(
        locks
            .into_iter()
            .flatten()
            .filter_map(|held| held.lock.class),
    );
}
