//! A thread whose end nobody waits for.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Blocking, ClassId, Event, EventKind, FnId, FnKind, Function, Handle, Kinds,
    Resolution, Spawn, SpawnKind,
};

use crate::flow::{events, never_ends};
use crate::trace::{Draw, lower};
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "unjoined-thread",
    code: "CL201",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a thread is started and nobody ever waits for it to end",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let joins = Joins::of(analysis);
    for (id, function) in analysis.functions_with(Kinds::SPAWN) {
        for (_, event) in events(function) {
            if let EventKind::Spawn(spawn) = &event.kind
                && spawn.kind == SpawnKind::Thread
                && let Some(loss) = joins.lost(function, &spawn.handle)
            {
                findings.push(report(analysis, &draw, id, event, spawn, &loss));
            }
        }
    }
}

/// How a handle is lost.
enum Loss {
    Dropped,
    Variable(String),
    Field {
        class: ClassId,
        /// Joins were seen in the crate whose handles could not be followed.
        perhaps_joined: bool,
    },
}

/// Where handles are joined, or handed to something that may join them.
struct Joins {
    classes: BTreeSet<ClassId>,
    /// Crates with a join on a handle that was not recognised.
    unclear: BTreeSet<String>,
}

impl Joins {
    fn of(analysis: &Analysis) -> Self {
        let mut joins = Joins {
            classes: BTreeSet::new(),
            unclear: BTreeSet::new(),
        };
        for (_, function) in analysis.functions_with(Kinds::JOIN | Kinds::OBJECT_ARG) {
            for (_, event) in events(function) {
                match &event.kind {
                    EventKind::Join { handle, .. } => {
                        match handle.as_ref().and_then(|handle| handle.class) {
                            Some(class) => joins.classes.extend([class]),
                            None => joins.unclear.extend([function.krate.to_string()]),
                        }
                    }
                    EventKind::Call(call) => joins
                        .classes
                        .extend(call.args.iter().filter_map(|arg| arg.class)),
                    _ => {}
                }
            }
        }
        joins
    }

    fn lost(&self, function: &Function, handle: &Handle) -> Option<Loss> {
        match handle {
            Handle::DroppedAtOnce => Some(Loss::Dropped),
            Handle::NeverJoined(name) => Some(Loss::Variable(name.to_string())),
            Handle::Stored(class) if !self.classes.contains(class) => Some(Loss::Field {
                class: *class,
                perhaps_joined: self.unclear.contains(function.krate.as_str()),
            }),
            Handle::Stored(_) | Handle::Joined | Handle::Elsewhere | Handle::Excused => None,
        }
    }
}

/// How many calls away from a thread's body a message still counts as its own.
const CALLS: u32 = 2;

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
            let exact = call.resolution == Resolution::Exact;
            calls > 0
                && exact
                && call
                    .targets
                    .iter()
                    .any(|target| sends(analysis, *target, calls - 1))
        }
        _ => false,
    })
}

/// Whether the function receives, and never waits for a message.
fn only_looks(function: &Function) -> bool {
    let mut receives = events(function).filter_map(|(_, event)| match event.kind {
        EventKind::Recv { blocking, .. } => Some(blocking),
        _ => None,
    });
    let first = receives.next();
    first == Some(Blocking::Try) && receives.all(|blocking| blocking == Blocking::Try)
}

/// How sure we are that nobody meant it.
fn confidence(
    analysis: &Analysis,
    function: &Function,
    body: Option<&Function>,
    spawn: &Spawn,
    loss: &Loss,
) -> Confidence {
    let sure = match loss {
        // A name was given: the author meant to come back to it.
        // (A builder gives a `Result`, whose error may be all it is about.)
        Loss::Variable(name) if !name.starts_with('_') && !spawn.what.contains("Builder") => {
            Confidence::High
        }
        Loss::Field {
            perhaps_joined: true,
            ..
        } => Confidence::Low,
        _ => Confidence::Medium,
    };
    // A body that runs for ever has no end to wait for, and a server's loop
    // outlives its threads: people detach those on purpose.
    let for_ever = body.is_some_and(never_ends);
    // What is sent on a channel has a receiver that waits for it, and learns
    // from a closed channel that the thread is gone: it stands in for the handle.
    // Not where the spawning function only takes what happens to be there.
    let told = spawn.body.is_some_and(|body| sends(analysis, body, CALLS)) && !only_looks(function);
    // `fn spawn(..)`: whoever wraps the spawning decides about the joining.
    let wraps = function.name.contains("spawn");
    let serves = spawn.in_loop && (never_ends(function) || function.kind == FnKind::SpawnBody);
    if for_ever || serves || told || wraps {
        lower(lower(sure))
    } else {
        sure
    }
}

fn report(
    analysis: &Analysis,
    draw: &Draw<'_>,
    id: FnId,
    event: &Event,
    spawn: &Spawn,
    loss: &Loss,
) -> Finding {
    let name = draw.function_name(id);
    let function = analysis.program().functions.get(id.index());
    let body = spawn
        .body
        .and_then(|body| analysis.program().functions.get(body.index()));
    let what = &spawn.what;
    let (found, object) = match loss {
        Loss::Dropped => (
            format!("`{name}` starts a thread (`{what}`) and drops its handle"),
            String::new(),
        ),
        Loss::Variable(variable) => (
            format!("`{name}` starts a thread (`{what}`) and never joins its handle `{variable}`"),
            variable.clone(),
        ),
        Loss::Field { class, .. } => {
            let field = draw.class_name(*class).to_owned();
            (
                format!("`{name}` keeps a thread's handle in `{field}`, which is never joined"),
                field,
            )
        }
    };
    let main = function.is_some_and(|function| function.kind == FnKind::Main);
    let end = if main {
        "the program ends"
    } else {
        "`main` returns"
    };
    let step = format!("starts a thread that nobody joins (`{what}`)");
    let join = match loss {
        Loss::Dropped => {
            "keep the handle and `join` it, or use `std::thread::scope`, which joins by itself"
                .to_owned()
        }
        Loss::Variable(variable) => {
            format!("call `{variable}.join()` where its work is needed, at the latest at the end")
        }
        Loss::Field { .. } => {
            format!("join `{object}` in a `Drop` or a `shutdown` of the type that keeps it")
        }
    };
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence: function.map_or(Confidence::Low, |function| confidence(analysis, function, body, spawn, loss)),
        message: format!("{found}: when {end}, the thread is cut off in the middle, and a panic in it goes unseen"),
        paths: vec![Trace {
            title: "started here, joined nowhere".to_owned(),
            steps: vec![draw.step(id, event.site, Role::Spawn, object, step)],
        }],
        help: vec![
            join,
            "if it is meant to run on alone, say why in a comment at the spawn: `// detached: reason`".to_owned(),
        ],
        identity: vec![name, what.to_string()],
        in_test: draw.in_test(id),
    })
}
