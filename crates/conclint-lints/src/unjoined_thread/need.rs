//! Whether the work of a thread is missed when nobody waits for its end.

use conclint_facts::{
    Analysis, BlockKind, Blocking, Call, EventKind, FnId, FnKind, Function, Root, Spawn,
};

use crate::flow::{Point, after, events, never_ends, reaches};
use crate::yields::{exact, reads_what_it_writes};

/// How many calls away from a thread's body work still counts as its own.
const CALLS: u32 = 2;

/// Whether something shows that the end of the thread matters.
pub(super) fn is_missed(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    at: Point,
    spawn: &Spawn,
) -> bool {
    let Some(body) = spawn.body else {
        return false;
    };
    tells(analysis, spawn) && only_looks(function) && receives_on_its_own(function)
        || !waits_after(function, at) && reads_what_it_writes(analysis, id, function, at, body)
}

/// Whether the thread makes, moves or writes files.
pub(super) fn writes_files(analysis: &Analysis, spawn: &Spawn) -> bool {
    spawn
        .body
        .is_some_and(|body| writes_files_in(analysis, body, CALLS))
}

/// Whether the thread sends messages.
pub(super) fn tells(analysis: &Analysis, spawn: &Spawn) -> bool {
    spawn.body.is_some_and(|body| sends(analysis, body, CALLS))
}

/// Whether `function` sends a message: in the functions it calls, on a channel
/// that it gives them, since the inner workings of an object are no report.
fn sends(analysis: &Analysis, function: FnId, calls: u32) -> bool {
    let Some(body) = analysis.program().functions.get(function.index()) else {
        return false;
    };
    events(body).any(|(_, event)| match &event.kind {
        EventKind::Send { channel, .. } => {
            calls == CALLS
                || channel
                    .as_ref()
                    .is_none_or(|channel| channel.place.path.is_empty())
        }
        EventKind::Call(call) => {
            calls > 0 && exact(call).any(|target| sends(analysis, target, calls - 1))
        }
        _ => false,
    })
}

/// Whether the function receives, and never waits for a message: neither at
/// once nor by looking again and again.
pub(super) fn only_looks(function: &Function) -> bool {
    let mut receives = events(function).filter_map(|(at, event)| match event.kind {
        EventKind::Recv { blocking, .. } => {
            Some(blocking == Blocking::Try && !reaches(function, at, at))
        }
        _ => None,
    });
    receives.next() == Some(true) && receives.all(|looks| looks)
}

/// Whether it receives on a channel that it keeps for no later call.
fn receives_on_its_own(function: &Function) -> bool {
    events(function).any(|(_, event)| match &event.kind {
        EventKind::Recv { channel, .. } => channel
            .as_ref()
            .is_none_or(|channel| matches!(channel.place.root, Root::Local(_))),
        _ => false,
    })
}

/// `main` runs out behind the spawn without anything that could be the rest of
/// the program: the thread has the time that is left, and a sleep is a guess.
pub(super) fn ends_the_program(analysis: &Analysis, function: &Function, at: Point) -> bool {
    if function.kind != FnKind::Main || never_ends(function) {
        return false;
    }
    let mut goes_on = false;
    after(
        function,
        at,
        |point, event| {
            goes_on |= match &event.kind {
                EventKind::Join { .. }
                | EventKind::Accept { .. }
                | EventKind::Wait { .. }
                | EventKind::Await => true,
                // A call speaks for itself.
                EventKind::SenderAlive { receive, .. } => receive.by.is_none(),
                // To look again and again is to wait, too.
                EventKind::Recv { .. } => reaches(function, point, point),
                EventKind::Block { kind, .. } => {
                    !matches!(kind, BlockKind::Sleep | BlockKind::File)
                }
                EventKind::Call(call) => goes_on_in(analysis, call, CALLS),
                _ => false,
            };
        },
        |_| false,
    );
    !goes_on
}

/// Whether the call may be the program itself: it waits for something, or,
/// where it is not looked into, is called as if.
fn goes_on_in(analysis: &Analysis, call: &Call, calls: u32) -> bool {
    const VERBS: &[&str] = &[
        "run", "serve", "listen", "wait", "block", "start", "loop", "exec", "join", "launch",
        "main", "shutdown", "forever", "incoming", "accept", "recv", "read",
    ];
    if VERBS.iter().any(|verb| call.name.contains(verb)) {
        return true;
    }
    calls > 0
        && exact(call).any(|target| {
            let body = analysis.program().functions.get(target.index());
            body.is_some_and(|body| {
                events(body).any(|(_, event)| match &event.kind {
                    EventKind::Join { .. }
                    | EventKind::Accept { .. }
                    | EventKind::Wait { .. }
                    | EventKind::Recv { .. }
                    | EventKind::Await => true,
                    EventKind::Block { kind, .. } => {
                        !matches!(kind, BlockKind::Sleep | BlockKind::File)
                    }
                    EventKind::Call(call) => goes_on_in(analysis, call, calls - 1),
                    _ => false,
                })
            })
        })
}

/// Whether the type that keeps the handle is one that ends in order: it has a
/// `Drop`, or a function by whose name it stops.
pub(super) fn keeper_ends(analysis: &Analysis, field: &str) -> bool {
    const ENDS: &[&str] = &[
        "stop",
        "shutdown",
        "close",
        "finish",
        "join",
        "terminate",
        "wait",
    ];
    let Some((keeper, _)) = field.rsplit_once('.') else {
        return true;
    };
    let prefix = format!("{keeper}::");
    analysis.program().functions.iter().any(|function| {
        let ends = || {
            let mut words = function.name.split('_');
            words.any(|word| ENDS.contains(&word))
        };
        function.qualified.starts_with(&prefix) && (function.kind == FnKind::Drop || ends())
    })
}

/// Whether the thread makes or moves files: cut off, it leaves half of the work.
/// (What is written to may be a socket or a pipe.)
fn writes_files_in(analysis: &Analysis, function: FnId, calls: u32) -> bool {
    let Some(body) = analysis.program().functions.get(function.index()) else {
        return false;
    };
    events(body).any(|(_, event)| match &event.kind {
        EventKind::Block {
            kind: BlockKind::File,
            what,
            ..
        } => {
            let name = what.rsplit([':', '.']).next().unwrap_or(what);
            matches!(
                name,
                "create" | "create_new" | "copy" | "rename" | "set_len"
            ) || name == "write" && what.contains("::")
        }
        EventKind::Call(call) => {
            calls > 0 && exact(call).any(|target| writes_files_in(analysis, target, calls - 1))
        }
        _ => false,
    })
}

/// Whether the function waits for something behind the spawn, which may be the
/// thread's word that it is done.
fn waits_after(function: &Function, at: Point) -> bool {
    let mut waits = false;
    after(
        function,
        at,
        |_, event| {
            waits |= match &event.kind {
                EventKind::Wait { .. } | EventKind::Accept { .. } | EventKind::Await => true,
                EventKind::Recv { blocking, .. } => *blocking != Blocking::Try,
                EventKind::Block { kind, .. } => *kind == BlockKind::Barrier,
                _ => false,
            };
        },
        |_| false,
    );
    waits
}
