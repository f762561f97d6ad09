//! A thread's panic that nobody gets to see.

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, BlockKind, Event, EventKind, FnId, FnKind, Function, Handle, Kinds, ObjectKind,
    ObjectRef, Spawn, SpawnKind,
};

use crate::flow::{Point, events, reaches};
use crate::trace::{Draw, lower};
use crate::yields::reads_what_it_writes;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "panic-swallowed",
    code: "CL202",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a thread's panic is thrown away, or ends a worker while nobody looks",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    // A panic is printed, and often ends the program all the same (a hook,
    // `panic = "abort"`): of 55 that were judged, 8 were worth acting on.
    let by_default = settings.level == Level::Default;
    for (id, function) in analysis.functions_with(Kinds::JOIN | Kinds::SPAWN) {
        for (at, event) in events(function) {
            match &event.kind {
                EventKind::Join {
                    handle,
                    result_ignored: true,
                    value_wanted,
                } => {
                    let child = handle
                        .as_ref()
                        .and_then(|handle| draw.class(handle))
                        .is_some_and(|class| class.kind == ObjectKind::Child);
                    let given = handle
                        .as_ref()
                        .and_then(|handle| draw.class(handle))
                        .is_some_and(|class| gives_a_value(&class.type_text));
                    let missed = !by_default
                        && (*value_wanted || given || is_missed(analysis, id, function, at))
                        && !is_looked_at(function, at, handle.as_ref());
                    if !child {
                        findings.push(ignored(analysis, &draw, id, function, event, missed));
                    }
                }
                EventKind::Spawn(spawn) => {
                    if let Some((body, callback)) = unwatched(analysis, spawn) {
                        findings.push(dies(&draw, id, event, body, callback, !by_default));
                    }
                }
                _ => {}
            }
        }
    }
}

/// `Vec<JoinHandle<u32>>`: the threads compute something.
fn gives_a_value(type_text: &str) -> bool {
    type_text
        .split_once("Handle<")
        .is_some_and(|(_, value)| !value.starts_with("()") && !value.starts_with('_'))
}

/// Whether the work of the thread joined at `at` is missed when it panicked: it
/// was started here to do something, and not told to stop in between; or what
/// it writes is read afterwards. A thread that has run its time and is only
/// put away leaves nothing open.
fn is_missed(analysis: &Analysis, id: FnId, function: &Function, at: Point) -> bool {
    is_read(analysis, id, function, at)
        || joined_at(function, at).any(|(started, _)| !is_told(function, started, at))
}

/// Whether what the thread joined at `at` writes is read afterwards.
fn is_read(analysis: &Analysis, id: FnId, function: &Function, at: Point) -> bool {
    joined_at(function, at)
        .filter_map(|(_, spawn)| spawn.body)
        .any(|body| reads_what_it_writes(analysis, id, function, at, body))
}

/// Whether another branch of the function wants what the same thread's join
/// gives: where this one ends, the work has failed already.
fn is_looked_at(function: &Function, at: Point, handle: Option<&ObjectRef>) -> bool {
    let Some(joined) = handle else {
        return false;
    };
    events(function).any(|(there, event)| match &event.kind {
        EventKind::Join {
            handle: Some(other),
            result_ignored,
            value_wanted,
        } => there != at && other.place == joined.place && (*value_wanted || !*result_ignored),
        _ => false,
    })
}

/// The threads that are started in the function and joined at `at`.
fn joined_at(function: &Function, at: Point) -> impl Iterator<Item = (Point, &Spawn)> {
    events(function).filter_map(move |(started, event)| match &event.kind {
        EventKind::Spawn(spawn) => spawn
            .joined
            .is_some_and(|(block, index)| block == at.block && index == at.index)
            .then_some((started, &**spawn)),
        _ => None,
    })
}

/// Whether something that may tell the thread to stop happens between its
/// start and its join.
fn is_told(function: &Function, start: Point, join: Point) -> bool {
    events(function).any(|(at, event)| {
        let tells = match &event.kind {
            EventKind::Call(_)
            | EventKind::Send { .. }
            | EventKind::Notify { .. }
            | EventKind::Stop { named: true, .. } => true,
            EventKind::SharedWrite { object, .. } => object.is_some(),
            _ => false,
        };
        tells
            && reaches(function, start, at)
            && reaches(function, at, join)
            && !reaches(function, at, start)
    })
}

fn ignored(
    analysis: &Analysis,
    draw: &Draw<'_>,
    id: FnId,
    function: &Function,
    event: &Event,
    missed: bool,
) -> Finding {
    let name = draw.function_name(id);
    // A `Drop` must not panic, and often has nobody to tell.
    let is_drop = |id: FnId| draw.function(id).is_some_and(|f| f.kind == FnKind::Drop);
    let drops = function.kind == FnKind::Drop
        || analysis
            .callers(id)
            .iter()
            .any(|caller| is_drop(caller.function));
    let confidence = if drops || !missed {
        lower(Confidence::Medium)
    } else {
        Confidence::Medium
    };
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence,
        message: format!(
            "`{name}` joins a thread and throws the result away: if the thread panicked, its work is missing and \
             nobody knows"
        ),
        paths: vec![Trace {
            title: "the panic ends here".to_owned(),
            steps: vec![draw.step(
                id,
                event.site,
                Role::Join,
                "",
                "joins, and ignores whether the thread panicked".to_owned(),
            )],
        }],
        help: vec![
            "`join().unwrap()` passes the panic on; `if let Err(panic) = ..join()` can report it".to_owned(),
        ],
        identity: vec![name],
        in_test: draw.in_test(id),
    })
}

/// A thread that nobody joins and that runs other people's code in a loop
/// without catching its panics; and where it does.
fn unwatched<'a>(analysis: &'a Analysis, spawn: &Spawn) -> Option<(FnId, &'a Event)> {
    // A comment excuses that nobody joins, not that nobody looks.
    let alone = matches!(spawn.handle, Handle::DroppedAtOnce | Handle::NeverJoined(_));
    if spawn.kind != SpawnKind::Thread || !alone {
        return None;
    }
    let body = spawn.body?;
    let function = analysis.program().functions.get(body.index())?;
    if events(function).any(|(_, event)| matches!(event.kind, EventKind::Catch)) {
        return None;
    }
    let foreign = |event: &Event| {
        matches!(
            event.kind,
            EventKind::CallParam { .. }
                | EventKind::Block {
                    kind: BlockKind::Callback,
                    ..
                }
        )
    };
    let (at, event) =
        events(function).find(|(at, event)| foreign(event) && reaches(function, *at, *at))?;
    (!has_sentinel(analysis, function, at)).then_some((body, event))
}

/// A value of the program's own whose `Drop` runs when the loop at `at` is left,
/// by a panic too: it can tell that the worker is gone.
fn has_sentinel(analysis: &Analysis, function: &Function, at: Point) -> bool {
    events(function).any(|(drop, event)| {
        let EventKind::Call(call) = &event.kind else {
            return false;
        };
        let drops = call.targets.iter().any(|target| {
            let target = analysis.program().functions.get(target.index());
            target.is_some_and(|target| target.kind == FnKind::Drop)
        });
        drops && reaches(function, at, drop) && !reaches(function, drop, at)
    })
}

fn dies(
    draw: &Draw<'_>,
    id: FnId,
    event: &Event,
    body: FnId,
    callback: &Event,
    missed: bool,
) -> Finding {
    let name = draw.function_name(id);
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence: if missed {
            Confidence::Medium
        } else {
            Confidence::Low
        },
        message: format!(
            "`{name}` starts a worker that runs jobs in a loop, and nobody looks whether it lives: the first job that \
             panics ends it, and later jobs wait for ever"
        ),
        paths: vec![Trace {
            title: "the worker, joined by nobody".to_owned(),
            steps: vec![
                draw.step(id, event.site, Role::Spawn, "", "starts the worker".to_owned()),
                draw.step(
                    body,
                    callback.site,
                    Role::Call,
                    "",
                    "runs a job: its panic unwinds the worker's loop".to_owned(),
                ),
            ],
        }],
        help: vec![
            "run the job in `std::panic::catch_unwind` and hand its failure to whoever waits for it".to_owned(),
            "or keep the handles and look at what `join` gives".to_owned(),
        ],
        identity: vec![name],
        in_test: draw.in_test(id),
    })
}
