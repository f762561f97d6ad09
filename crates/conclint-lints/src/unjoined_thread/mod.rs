//! A thread whose end nobody waits for.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, ClassId, Event, EventKind, FnId, FnKind, Function, Handle, Kinds, ObjectKind, Per,
    Spawn, SpawnKind,
};

use crate::flow::{Point, events, never_ends, runs_for_ever};
use crate::trace::{Draw, lower};
use crate::{Found, Level, Lint, Settings};

mod need;

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

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let joins = Joins::of(analysis);
    for (id, function) in analysis.functions_with(Kinds::SPAWN) {
        for (at, event) in events(function) {
            if let EventKind::Spawn(spawn) = &event.kind
                && spawn.kind == SpawnKind::Thread
                && !(spawn.detached && settings.excuses)
                && let Some(loss) = joins.lost(analysis, function, &spawn.handle)
            {
                let all = settings.level != Level::Default || !is_let_go(&loss, spawn);
                // In course work, whoever starts a thread has to wait for its end.
                let course = settings.level == Level::Grading;
                let wanted = Wanted { all, course };
                let confidence = confidence(analysis, id, function, at, spawn, &loss, wanted);
                findings.push(report(&draw, id, event, spawn, &loss, confidence));
            }
        }
    }
}

/// The handle is dropped, or only asked whether there is one. Of 59 such threads
/// that were read, five were missed: whoever lets one go mostly knows.
fn is_let_go(loss: &Loss, spawn: &Spawn) -> bool {
    match loss {
        Loss::Dropped => true,
        Loss::Variable(_) => spawn.what.contains("Builder"),
        Loss::Field { .. } => false,
    }
}

/// What is wanted to be told.
#[derive(Clone, Copy)]
struct Wanted {
    /// Also of threads that are let go, where others read what they do.
    all: bool,
    /// Of every thread that is let go.
    course: bool,
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
        joins.move_on(analysis);
        joins
    }

    /// `Waiting { handle: self.handle }`: who joins the one joins the other.
    fn move_on(&mut self, analysis: &Analysis) {
        let functions = &analysis.program().functions;
        let moves: Vec<(ClassId, ClassId)> = functions
            .iter()
            .flat_map(|function| &function.made)
            .filter_map(|made| Some((made.source?, made.field?)))
            .filter(|(from, _)| analysis.class(*from).kind == ObjectKind::Handle)
            .collect();
        loop {
            let joined = self.classes.len();
            for (from, to) in &moves {
                if self.classes.contains(to) {
                    self.classes.insert(*from);
                }
            }
            if self.classes.len() == joined {
                return;
            }
        }
    }

    /// Of types that no build has both, under one name, one may be joined for all.
    fn is_joined(&self, analysis: &Analysis, function: &Function, class: ClassId) -> bool {
        let name = &analysis.class(class).name;
        let mut named = self
            .classes
            .iter()
            .map(|joined| &analysis.class(*joined).name);
        self.classes.contains(&class)
            || !function.cfgs.is_empty() && named.any(|joined| joined == name)
    }

    fn lost(&self, analysis: &Analysis, function: &Function, handle: &Handle) -> Option<Loss> {
        match handle {
            Handle::DroppedAtOnce => Some(Loss::Dropped),
            Handle::NeverJoined(name) => Some(Loss::Variable(name.to_string())),
            Handle::Stored(class) if !self.is_joined(analysis, function, *class) => {
                Some(Loss::Field {
                    class: *class,
                    perhaps_joined: self.unclear.contains(function.krate.as_str()),
                })
            }
            Handle::Stored(_) | Handle::Joined | Handle::Elsewhere | Handle::Excused => None,
        }
    }
}

/// How sure we are that somebody should wait.
///
/// Most threads that nobody joins are services that end with the process, or
/// helpers whose work nobody misses; people detach those on purpose. So there
/// has to be a sign that the end matters: a handle that was given a name or a
/// place, or work that is missed when it is cut off: with `wanted.all`, what others
/// read and what it writes to files, else only where the program ends right then.
fn confidence(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    at: Point,
    spawn: &Spawn,
    loss: &Loss,
    wanted: Wanted,
) -> Confidence {
    let cut_off = need::ends_the_program(analysis, function, at);
    let missed = cut_off
        || wanted.all
            && (need::writes_files(analysis, spawn)
                || need::is_missed(analysis, id, function, at, spawn));
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
        Loss::Field { class, .. }
            if !is_unused(analysis, *class)
                && (!function.in_library
                    || need::keeper_ends(analysis, &analysis.class(*class).name)) =>
        {
            Confidence::Medium
        }
        Loss::Dropped if wanted.course => Confidence::Medium,
        _ if missed => Confidence::Medium,
        _ => Confidence::Low,
    };
    // A body that runs for ever has no end to wait for, and a server's loop
    // outlives its threads: people detach those on purpose.
    let body = spawn
        .body
        .and_then(|body| analysis.program().functions.get(body.index()));
    let for_ever = body.is_some_and(|body| runs_for_ever(analysis, body));
    // What is sent on a channel has a receiver that waits for it, and learns
    // from a closed channel that the thread is gone: it stands in for the handle.
    // Not where the spawning function only takes what happens to be there.
    let told = !cut_off && need::tells(analysis, spawn) && !need::only_looks(function);
    // `fn spawn(..)`: whoever wraps the spawning decides about the joining.
    let wraps = function.name.contains("spawn");
    let serves = spawn.in_loop && function.kind == FnKind::SpawnBody
        || (spawn.in_loop || function.kind == FnKind::Main) && never_ends(function)
        // What is known of it is in the other end's hands.
        || matches!(spawn.per, Some(Per::Connection { .. }));
    if for_ever || serves || told || wraps {
        lower(lower(sure))
    } else {
        sure
    }
}

/// `_thread`: the author says that nobody looks at it again.
fn is_unused(analysis: &Analysis, class: ClassId) -> bool {
    let name = &analysis.class(class).name;
    name.rsplit('.')
        .next()
        .is_some_and(|field| field.starts_with('_'))
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    event: &Event,
    spawn: &Spawn,
    loss: &Loss,
    confidence: Confidence,
) -> Finding {
    let name = draw.function_name(id);
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
    let main = draw
        .function(id)
        .is_some_and(|function| function.kind == FnKind::Main);
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
        confidence,
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
