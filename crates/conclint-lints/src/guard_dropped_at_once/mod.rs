//! A lock that is taken and released in one breath: it protects nothing.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Blocking, Call, ClassScope, Event, EventKind, FnId, Function, GuardId, Kinds,
    LockSource, ObjectKind, ObjectRef, ReleaseWhy, StmtKind,
};

use crate::contention::guards_nothing;
use crate::flow::{Point, after, event_at, events, touches};
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "guard-dropped-at-once",
    code: "CL105",
    severity: Severity::Error,
    level: Level::Default,
    summary: "a guard is dropped in the statement that takes the lock: nothing is protected",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in analysis.functions_with(Kinds::ACQUIRE) {
        for (point, event) in events(function) {
            let EventKind::Acquire {
                guard,
                source,
                blocking,
                ..
            } = &event.kind
            else {
                continue;
            };
            if let Some(how) = dropped(function, point, *guard, *blocking) {
                let lock = analysis
                    .guard(id, *guard)
                    .and_then(|info| info.locks.first())
                    .map(|held| &held.lock);
                if locks_itself(analysis, lock) || is_made_now(analysis, function, event, lock) {
                    continue;
                }
                let wanted =
                    matches!(source, LockSource::Callee(call) if does_more(analysis, call));
                let taken = Taken {
                    source,
                    lock,
                    wanted,
                };
                let gate = settings.level == Level::Default
                    && is_gate(&draw, function, point, event, lock);
                findings.push(report(&draw, id, event, taken, how, gate));
            }
        }
    }
}

/// `map.entry(key).or_default();`: the call has done its work, and nobody holds
/// a `DashMap` to protect something else.
fn locks_itself(analysis: &Analysis, lock: Option<&ObjectRef>) -> bool {
    let class = lock.and_then(|lock| lock.class);
    class
        .and_then(|class| analysis.lock_traits(class))
        .is_some_and(|traits| traits.self_locking)
}

/// `CONFIG.lock();` with a static that is made when it is first used: that is a
/// way to have it made now. (`let _ = CONFIG.lock();` looks like a guard.)
fn is_made_now(
    analysis: &Analysis,
    function: &Function,
    event: &Event,
    lock: Option<&ObjectRef>,
) -> bool {
    let stmt = function.stmts.get(event.stmt.index());
    if stmt.is_none_or(|stmt| stmt.kind != StmtKind::Expr) {
        return false;
    }
    let class = lock.and_then(|lock| lock.class);
    class
        .map(|class| analysis.class(class))
        .is_some_and(|class| {
            class.scope == ClassScope::Static
                && ["LazyLock<", "Lazy<", "OnceLock<", "OnceCell<"]
                    .iter()
                    .any(|lazy| class.type_text.contains(lazy))
        })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// A statement of its own, or bound to `_`.
    AtOnce,
    /// In the condition of an `if` or `while`, before the body.
    InCondition,
}

/// How the guard that comes to life at `point` is dropped, where it is before
/// anything is done with it.
fn dropped(function: &Function, point: Point, guard: GuardId, blocking: Blocking) -> Option<How> {
    let declared = function.guards.get(guard.index())?;
    if declared.returned || declared.escapes {
        return None;
    }
    let block = function.blocks.get(point.block.index())?;
    let mut rest = block.events.iter().skip(point.index as usize + 1);
    let release = rest.by_ref().find_map(|event| match &event.kind {
        EventKind::Release { guard: g, why } if *g == guard => Some(Some((event, *why))),
        _ if touches(event, guard) => Some(None),
        _ => None,
    })??;
    let why = match release {
        // `drop(m.lock())` is how people write a barrier: it says what it does.
        (_, ReleaseWhy::AtOnce)
            if !is_barrier(rest.next()) && something_follows(function, point) =>
        {
            How::AtOnce
        }
        (event, ReleaseWhy::ScopeEnd)
            if declared.name.is_none()
                && blocking == Blocking::Waits
                && in_condition(function, event) =>
        {
            How::InCondition
        }
        _ => return None,
    };
    Some(why)
}

/// `gate.lock().await;` with a `Mutex<()>`, a statement of its own: to come by is
/// what it is for. (Of a `let _ =` no compiler says a word.) So it is where
/// nothing follows that a lock could protect, and with an `RwLock<()>`: its
/// writers wait for all who read, which means for all who are at work.
fn is_gate(
    draw: &Draw<'_>,
    function: &Function,
    at: Point,
    event: &Event,
    lock: Option<&ObjectRef>,
) -> bool {
    let stmt = function.stmts.get(event.stmt.index());
    let mut protects = false;
    after(
        function,
        at,
        |_, event| {
            protects |= !matches!(
                event.kind,
                EventKind::Release { .. }
                    | EventKind::Await
                    | EventKind::Work { .. }
                    | EventKind::Test { .. }
                    | EventKind::Insist { .. }
                    | EventKind::EndsOn { .. }
                    | EventKind::Closed { .. }
                    | EventKind::Asks { .. }
                    | EventKind::Other
            );
        },
        |_| false,
    );
    let by_itself = !protects || stmt.is_some_and(|stmt| stmt.kind == StmtKind::Expr);
    lock.and_then(|lock| draw.class(lock)).is_some_and(|class| {
        guards_nothing(&class.type_text) && (by_itself || class.type_text.contains("RwLock"))
    })
}

/// Taking and releasing a lock right before a notification or a join orders
/// the two with whoever held it.
fn is_barrier(next: Option<&Event>) -> bool {
    matches!(
        next.map(|event| &event.kind),
        Some(EventKind::Notify { .. } | EventKind::Join { .. })
    )
}

/// Whether the function goes on behind the statement: one that does nothing
/// else waits for the current holder, and leaves nothing unprotected.
fn something_follows(function: &Function, point: Point) -> bool {
    let Some(event) = event_at(function, point) else {
        return false;
    };
    let own = event.site;
    let mut follows = function
        .stmts
        .iter()
        .any(|stmt| (stmt.site.line, stmt.site.column) > (own.end_line, own.end_column));
    after(
        function,
        point,
        |_, event| follows |= !matches!(event.kind, EventKind::Release { .. } | EventKind::Await),
        |_| false,
    );
    follows
}

fn in_condition(function: &Function, event: &Event) -> bool {
    let stmt = function.stmts.get(event.stmt.index());
    stmt.is_some_and(|stmt| matches!(stmt.kind, StmtKind::Branch | StmtKind::Loop))
}

/// What is taken, and how it is written.
struct Taken<'a> {
    source: &'a LockSource,
    lock: Option<&'a ObjectRef>,
    /// By a function that does more, for which it may be called.
    wanted: bool,
}

/// Whether what is called does more than to take the lock: `renderer()`, which
/// makes one where there is none yet. What it calls in turn counts, too.
fn does_more(analysis: &Analysis, call: &Call) -> bool {
    const FAR: usize = 3;
    let mut seen: BTreeSet<FnId> = call.targets.iter().copied().collect();
    let mut next: Vec<FnId> = seen.iter().copied().collect();
    for _ in 0..FAR {
        let bodies = next.iter().map(|target| analysis.function(*target));
        if bodies.clone().any(works) {
            return true;
        }
        let called: BTreeSet<FnId> = bodies
            .flat_map(events)
            .filter_map(|(_, event)| match &event.kind {
                EventKind::Call(call) => Some(&call.targets),
                EventKind::Acquire {
                    source: LockSource::Callee(call),
                    ..
                } => Some(&call.targets),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        next = called
            .into_iter()
            .filter(|target| seen.insert(*target))
            .collect();
    }
    false
}

/// It takes several locks, or does something to what is not its own.
fn works(body: &Function) -> bool {
    let taken = events(body)
        .filter(|(_, event)| matches!(event.kind, EventKind::Acquire { .. }))
        .count();
    let changes = events(body).any(|(_, event)| {
        matches!(
            event.kind,
            EventKind::Store { .. }
                | EventKind::SharedWrite { .. }
                | EventKind::Send { .. }
                | EventKind::Spawn(_)
                | EventKind::CallParam { .. }
                | EventKind::Use { write: true, .. }
        )
    });
    taken > 1 || changes
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    event: &Event,
    taken: Taken<'_>,
    how: How,
    gate: bool,
) -> Finding {
    let (written, through) = match taken.source {
        LockSource::Direct(object) => (draw.name(object), String::new()),
        LockSource::Callee(call) => (call.name.to_string(), format!(" through `{}`", call.name)),
    };
    let (lock, key) = match taken.lock {
        Some(object) => (draw.name(object), draw.key(object)),
        None => (written.clone(), written),
    };
    let known = taken
        .lock
        .and_then(|object| draw.class(object))
        .is_some_and(
            |class| matches!(&class.kind, ObjectKind::Lock(traits) if traits.family != "unknown"),
        );
    let name = draw.function_name(id);
    let message = match how {
        How::AtOnce => format!(
            "`{name}` takes `{lock}`{through} and drops the guard in the same statement: \
             what follows runs without the lock, and other threads run between"
        ),
        How::InCondition => format!(
            "`{name}` takes `{lock}`{through} in a condition, where the guard ends before the body runs: \
             the body is not protected"
        ),
    };
    let help = match how {
        How::AtOnce => vec![
            "give the guard a name that lives as long as the work it protects: `let _guard = ..` (not `let _ = ..`)"
                .to_owned(),
            "if only waiting for the current holder is meant, say so: `drop(..)`".to_owned(),
        ],
        How::InCondition => vec!["bind the guard in front: `let guard = ..;`, then test and work through it".to_owned()],
    };
    let what = format!("takes `{lock}` and lets it go at once");
    LINT.finding(Found {
        severity: match how {
            How::AtOnce => Severity::Error,
            How::InCondition => Severity::Warning,
        },
        confidence: match how {
            // A `lock` of unknown type need not give a guard at all.
            _ if taken.wanted => Confidence::Low,
            How::AtOnce if !known || gate => Confidence::Low,
            How::AtOnce => Confidence::High,
            // A helper may be asked whether there is something to lock at all.
            How::InCondition if matches!(taken.source, LockSource::Callee(_)) => Confidence::Low,
            How::InCondition => Confidence::Medium,
        },
        message,
        paths: vec![Trace {
            title: format!("`{lock}` is free again at the end of this statement"),
            steps: vec![draw.step(id, event.site, Role::Hold, lock, what)],
        }],
        help,
        identity: vec![key, name],
        in_test: draw.in_test(id),
    })
}
