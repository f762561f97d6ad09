//! A wait that nobody ends: a condition variable that nothing notifies, a thread
//! that is told to stop, and joined, while it may sleep on one, and a `notify_one`
//! where threads wait for different things.
//!
//! Says nothing of waits that end after some time, nor where a notification
//! cannot be told to be of another condition variable.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, ClassId, ClassScope, Event, EventKind, FnId, FnKind, Function, Handle, Kinds,
};

use crate::condvars::{ends_something, waits};
use crate::flow::{Point, events, reaches};
use crate::trace::{Draw, list};
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "never-notified",
    code: "CL124",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a wait that nothing ends: never notified, joined asleep, or the wrong one woken",
    page: include_str!("lint.md"),
    check,
};

/// Waiting places shown.
const WAITS: usize = 4;

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let asleep = asleep(analysis);
    if asleep.is_empty() {
        return;
    }
    let notified = notified(analysis);
    never_at_all(analysis, &draw, &asleep, &notified, findings);
    before_a_join(analysis, &draw, &asleep, &notified, findings);
    the_wrong_one(analysis, &draw, &asleep, findings);
}

/// Condition variables that are notified.
struct Notified {
    known: BTreeSet<ClassId>,
    /// It is not always seen which one.
    unknown: bool,
}

fn notified(analysis: &Analysis) -> Notified {
    // A condition variable of the program's own has methods of its own.
    let own = |function: &Function| {
        function.name.starts_with("notify")
            && !events(function).any(|(_, event)| matches!(event.kind, EventKind::Notify { .. }))
    };
    let mut notified = Notified {
        known: BTreeSet::new(),
        unknown: analysis.program().functions.iter().any(own),
    };
    for (_, function) in analysis.functions_with(Kinds::NOTIFY) {
        for (_, event) in events(function) {
            let EventKind::Notify { condvar, .. } = &event.kind else {
                continue;
            };
            match condvar.class {
                // One that nobody waits on is one of the others, by another name.
                Some(class)
                    if is_one(analysis, class) && !analysis.condvar_waits(class).is_empty() =>
                {
                    notified.known.insert(class);
                }
                _ => notified.unknown = true,
            }
        }
    }
    notified
}

/// Condition variables on which some wait, test code aside, goes on until it is
/// notified, and the functions of these waits.
fn asleep(analysis: &Analysis) -> BTreeMap<ClassId, BTreeSet<FnId>> {
    let mut found: BTreeMap<ClassId, BTreeSet<FnId>> = BTreeMap::new();
    for (id, function) in analysis.functions_with(Kinds::WAIT) {
        for (_, event) in events(function).filter(|_| !function.is_test) {
            if let EventKind::Wait {
                condvar,
                timed: false,
                ..
            } = &event.kind
                && let Some(class) = condvar.class
            {
                found.entry(class).or_default().insert(id);
            }
        }
    }
    found
}

/// Condition variables that nobody notifies, anywhere.
fn never_at_all(
    analysis: &Analysis,
    draw: &Draw<'_>,
    asleep: &BTreeMap<ClassId, BTreeSet<FnId>>,
    notified: &Notified,
    findings: &mut Vec<Finding>,
) {
    for &class in asleep.keys() {
        if notified.unknown || notified.known.contains(&class) || !is_one(analysis, class) {
            continue;
        }
        let name = draw.class_name(class).to_owned();
        let (waiters, paths): (Vec<String>, Vec<Trace>) =
            waits(analysis, draw, class).into_iter().take(WAITS).unzip();
        let Some(waiter) = waiters.first() else {
            continue;
        };
        findings.push(LINT.finding(Found {
            severity: Severity::Warning,
            confidence: Confidence::Medium,
            message: format!(
                "`{waiter}` waits on `{name}`, which nothing in this program ever notifies: once it sleeps, it sleeps on"
            ),
            paths,
            help: vec![
                format!("call `{name}.notify_one()` or `notify_all()` where the condition of the wait becomes true"),
            ],
            identity: vec![analysis.class(class).key.to_string()],
            in_test: false,
        }));
    }
}

/// Whether the class is one that all places name alike: a field or a static.
fn is_one(analysis: &Analysis, class: ClassId) -> bool {
    matches!(
        analysis.class(class).scope,
        ClassScope::Field | ClassScope::Static
    )
}

/// Functions that say that it is over, and then join a thread that may sleep,
/// without a notification of anything on the way.
fn before_a_join(
    analysis: &Analysis,
    draw: &Draw<'_>,
    asleep: &BTreeMap<ClassId, BTreeSet<FnId>>,
    notified: &Notified,
    findings: &mut Vec<Finding>,
) {
    let program = analysis.program();
    let runners = analysis.runners();
    let notifies = runners.reaching(program, |function| {
        events(function).any(|(_, event)| matches!(event.kind, EventKind::Notify { .. }))
    });
    let threads = threads(analysis);
    // Of one that nobody is seen to notify it is not known who does.
    let sleeping: Vec<(ClassId, BTreeSet<FnId>)> = asleep
        .iter()
        .filter(|(class, _)| notified.known.contains(class))
        .map(|(class, waiters)| (*class, runners.reaching_these(waiters.iter().copied())))
        .collect();
    for (id, function) in analysis.functions_with(Kinds::JOIN) {
        let ends = function.kind == FnKind::Drop || ends_something(&function.name);
        if function.is_test || !ends || notifies.get(id.index()) != Some(&false) {
            continue;
        }
        let Some((told, join, handle)) = told_and_joined(function) else {
            continue;
        };
        let bodies: Vec<FnId> = threads
            .iter()
            .filter(|(kept, _)| is_kept_in(analysis, *kept, handle))
            .map(|(_, body)| *body)
            .collect();
        let found = sleeping.iter().find(|(_, reach)| {
            !bodies.is_empty() && bodies.iter().all(|body| reach.contains(body))
        });
        if let Some((class, _)) = found {
            findings.extend(joined_asleep(analysis, draw, id, (told, join), *class));
        }
    }
}

/// Whether both name one field: the handle itself, or what a lock around it holds.
fn is_kept_in(analysis: &Analysis, kept: ClassId, handle: ClassId) -> bool {
    let field = |class: ClassId| analysis.class(class).key.trim_end_matches("[]");
    field(kept) == field(handle)
}

/// Bodies of threads, by where their handle is kept.
fn threads(analysis: &Analysis) -> Vec<(ClassId, FnId)> {
    let mut found = Vec::new();
    for (_, function) in analysis.functions_with(Kinds::SPAWN) {
        found.extend(events(function).filter_map(|(_, event)| match &event.kind {
            EventKind::Spawn(spawn) => match spawn.handle {
                Handle::Stored(class) => Some((class, spawn.body?)),
                _ => None,
            },
            _ => None,
        }));
    }
    found
}

/// A write of shared state, and the join after it, of a handle that is kept in a
/// field.
fn told_and_joined(function: &Function) -> Option<(&Event, &Event, ClassId)> {
    let (at, join, handle) = events(function).find_map(|(at, event)| match &event.kind {
        EventKind::Join {
            handle: Some(handle),
            ..
        } => Some((at, event, handle.class?)),
        _ => None,
    })?;
    let tells = |event: &Event| {
        matches!(
            event.kind,
            EventKind::SharedWrite {
                object: Some(_),
                ..
            } | EventKind::Use { write: true, .. }
        )
    };
    // A message ends a thread that receives it, whatever else it waits for.
    let sends = events(function).any(|(_, event)| matches!(event.kind, EventKind::Send { .. }));
    let (_, told) =
        events(function).find(|(point, event)| tells(event) && reaches(function, *point, at))?;
    (!sends).then_some((told, join, handle))
}

fn joined_asleep(
    analysis: &Analysis,
    draw: &Draw<'_>,
    id: FnId,
    (told, join): (&Event, &Event),
    condvar: ClassId,
) -> Option<Finding> {
    let name = draw.class_name(condvar).to_owned();
    let function = draw.function_name(id);
    let waits = waits(analysis, draw, condvar);
    let waiter = waits.first()?.0.clone();
    let mut paths = vec![Trace {
        title: "path A: who ends the thread".to_owned(),
        steps: vec![
            draw.step(
                id,
                told.site,
                Role::Use,
                "",
                "says that it is over".to_owned(),
            ),
            draw.step(
                id,
                join.site,
                Role::Join,
                "",
                "waits for the thread to end".to_owned(),
            ),
        ],
    }];
    paths.extend(waits.into_iter().map(|(_, trace)| trace).take(WAITS));
    Some(LINT.finding(Found {
        severity: Severity::Warning,
        confidence: Confidence::Medium,
        message: format!(
            "`{function}` joins a thread that may sleep on `{name}` in `{waiter}`, and notifies nobody: a thread \
             that sleeps does not see that it is over, and the join never returns"
        ),
        paths,
        help: vec![format!(
            "say that it is over while the mutex of the wait is held, `{name}.notify_all()`, then join"
        )],
        identity: vec![analysis.class(condvar).key.to_string(), function],
        in_test: false,
    }))
}

/// Methods that wait on one condition variable for what the other one does, and
/// each wake one of those that sleep there: that may be one of their own kind,
/// which goes back to sleep, and the wake-up is used up.
fn the_wrong_one(
    analysis: &Analysis,
    draw: &Draw<'_>,
    asleep: &BTreeMap<ClassId, BTreeSet<FnId>>,
    findings: &mut Vec<Finding>,
) {
    for (&class, waiters) in asleep {
        let wakes_all = analysis
            .functions_with(Kinds::NOTIFY)
            .any(|(_, function)| notifications(function, class).any(|(_, _, all)| all));
        if wakes_all || !is_one(analysis, class) {
            continue;
        }
        // What follows a wait of its own is for those who wait for something else.
        let both: Vec<(FnId, &Event)> = waiters
            .iter()
            .filter_map(|&id| {
                let function = analysis.function(id);
                let method = function.kind == FnKind::Fn
                    && function
                        .params
                        .first()
                        .is_some_and(|param| param.name == "self");
                let (_, event, _) = notifications(function, class).next()?;
                method.then_some((id, event))
            })
            .collect();
        let crowd = |id: FnId| analysis.may_run_in_parallel(id, id);
        if both.len() < 2 || !both.iter().any(|(id, _)| crowd(*id)) {
            continue;
        }
        findings.extend(woken_in_vain(analysis, draw, class, &both));
    }
}

/// Notifications of this condition variable, and whether they wake all.
fn notifications(
    function: &Function,
    class: ClassId,
) -> impl Iterator<Item = (Point, &Event, bool)> {
    events(function).filter_map(move |(point, event)| match &event.kind {
        EventKind::Notify { condvar, all } if condvar.class == Some(class) => {
            Some((point, event, *all))
        }
        _ => None,
    })
}

fn woken_in_vain(
    analysis: &Analysis,
    draw: &Draw<'_>,
    class: ClassId,
    both: &[(FnId, &Event)],
) -> Option<Finding> {
    let name = draw.class_name(class).to_owned();
    let (first, notify) = both.first()?;
    let function = draw.function_name(*first);
    let others: Vec<String> = both
        .iter()
        .map(|(id, _)| format!("`{}`", draw.function_name(*id)))
        .collect();
    let mut paths = vec![Trace {
        title: "path A: who wakes one".to_owned(),
        steps: vec![draw.step(
            *first,
            notify.site,
            Role::Notify,
            name.as_str(),
            format!("wakes one of those that wait on `{name}`, whichever"),
        )],
    }];
    paths.extend(
        waits(analysis, draw, class)
            .into_iter()
            .map(|(_, trace)| trace)
            .take(WAITS),
    );
    Some(LINT.finding(Found {
        severity: Severity::Warning,
        confidence: Confidence::Medium,
        message: format!(
            "`{function}` wakes one of those that wait on `{name}`, and {} wait there for different things: when \
             it is one that cannot go on, it sleeps again, and whoever could go on is not woken",
            list(&others)
        ),
        paths,
        help: vec![
            format!("call `{name}.notify_all()`: who cannot go on waits again"),
            "or give each condition a condition variable of its own".to_owned(),
        ],
        identity: vec![analysis.class(class).key.to_string(), function],
        in_test: false,
    }))
}
