//! State is changed and a condition variable notified without the mutex of
//! the wait: the wake-up can fall between the waiter's test and its wait.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, ClassId, ClassScope, Event, EventKind, EventRef, FnId, FnKind, Function, Kinds,
    LockSource, ObjectRef,
};

use crate::flow::{Point, events, reaches};
use crate::trace::{Draw, list};
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "notify-without-lock",
    code: "CL123",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "state is changed and notified without the mutex of the wait: the wake-up can be lost",
    page: include_str!("lint.md"),
    check,
};

/// Waiting places shown.
const WAITS: usize = 4;

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let mut lockers = Lockers::new(analysis);
    for (id, function) in analysis.functions_with(Kinds::NOTIFY) {
        let mut told: BTreeSet<ClassId> = BTreeSet::new();
        for (point, event) in events(function) {
            let EventKind::Notify { condvar, .. } = &event.kind else {
                continue;
            };
            let Some(class) = condvar.class else { continue };
            let Some(locks) = analysis.condvar_locks(class) else {
                continue;
            };
            let seen = change(function, point);
            let Some(change) = seen.or_else(|| later(analysis, id, function, point, class, locks))
            else {
                continue;
            };
            if told.contains(&class) || lockers.had_lock(id, function, point, locks) {
                continue;
            }
            told.insert(class);
            let case = Case {
                id,
                class,
                condvar,
                locks,
                change,
                notify: event,
            };
            findings.extend(report(analysis, &draw, &case));
        }
    }
}

/// What the notification tells of.
#[derive(Clone, Copy)]
enum Change<'f> {
    /// Shared state is written before it.
    Write(&'f Event),
    /// The function ends something: it joins the thread it notifies.
    Join(&'f Event),
    /// The mutex is taken, and its data written, only after it.
    Later(&'f Event),
}

/// What a notification at `point` tells of, where it is seen in this function.
fn change(function: &Function, point: Point) -> Option<Change<'_>> {
    let mut write = None;
    let mut join = None;
    for (at, event) in events(function) {
        match event.kind {
            EventKind::SharedWrite { .. } if reaches(function, at, point) => write = Some(event),
            EventKind::Join { .. } if reaches(function, point, at) => join = join.or(Some(event)),
            _ => {}
        }
    }
    let ends = function.kind == FnKind::Drop || is_shutdown(&function.name);
    write
        .map(Change::Write)
        .or(join.filter(|_| ends).map(Change::Join))
}

/// A write under one of `locks`, or of an atomic beside the condition variable,
/// that comes after the notification at `point`, with no notification after it.
fn later<'f>(
    analysis: &Analysis,
    id: FnId,
    function: &'f Function,
    point: Point,
    condvar: ClassId,
    locks: &BTreeSet<ClassId>,
) -> Option<Change<'f>> {
    let owner = |class: ClassId| {
        let class = analysis.class(class);
        (class.scope == ClassScope::Field)
            .then(|| class.key.rsplit_once('.'))
            .flatten()
            .map(|(owner, _)| owner)
    };
    let beside = |object: &ObjectRef| {
        let home = owner(condvar);
        home.is_some() && object.class.and_then(owner) == home
    };
    let guards = |guard| {
        let info = analysis.guard(id, guard);
        info.is_some_and(|info| {
            info.locks
                .iter()
                .any(|held| held.lock.class.is_some_and(|class| locks.contains(&class)))
        })
    };
    let notified = |at: Point| {
        events(function).any(|(later, event)| {
            matches!(event.kind, EventKind::Notify { .. }) && reaches(function, at, later)
        })
    };
    events(function).find_map(|(at, event)| match event.kind {
        EventKind::Use { guard, write: true }
            if reaches(function, point, at) && guards(guard) && !notified(at) =>
        {
            Some(Change::Later(event))
        }
        EventKind::SharedWrite {
            object: Some(ref object),
        } if beside(object) && reaches(function, point, at) && !notified(at) => {
            Some(Change::Later(event))
        }
        _ => None,
    })
}

fn is_shutdown(name: &str) -> bool {
    [
        "shutdown",
        "stop",
        "close",
        "terminate",
        "quit",
        "kill",
        "join",
        "finish",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Which functions take which locks, calls included.
struct Lockers<'a> {
    analysis: &'a Analysis,
    known: BTreeMap<ClassId, Vec<bool>>,
}

impl<'a> Lockers<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        Lockers {
            analysis,
            known: BTreeMap::new(),
        }
    }

    /// Whether one of `locks` is held at `point`, or was taken on a way to it:
    /// to notify after the release is fine.
    fn had_lock(
        &mut self,
        id: FnId,
        function: &Function,
        point: Point,
        locks: &BTreeSet<ClassId>,
    ) -> bool {
        let analysis = self.analysis;
        let among = |class: Option<ClassId>| class.is_none_or(|class| locks.contains(&class));
        // A lock that only variables name may be the one of the wait by another name.
        let alike = |class: Option<ClassId>| {
            let local = |class: ClassId| {
                Some(analysis.class(class))
                    .filter(|class| matches!(class.scope, ClassScope::Local | ClassScope::Element))
            };
            class.and_then(local).is_some_and(|held| {
                let mut named = locks.iter().filter_map(|lock| local(*lock));
                named.any(|lock| lock.type_text == held.type_text)
            })
        };
        if self
            .analysis
            .held_before(point.in_function(id))
            .iter()
            .any(|held| among(held.lock.class) || alike(held.lock.class))
            || self
                .analysis
                .entry_held(id)
                .iter()
                .any(|class| locks.contains(class))
            || self.took_before(id, function, point, locks)
        {
            return true;
        }
        // A private helper: its callers may hold the lock. That they held it
        // once does not help, the change is made here.
        let calls = self.analysis.callers(id);
        let holds = |call: &EventRef| {
            self.analysis
                .held_before(*call)
                .iter()
                .any(|held| among(held.lock.class))
        };
        !calls.is_empty() && !function.is_pub && calls.iter().all(holds)
    }

    /// Whether one of `locks` is taken in `function` on a way to `point`.
    fn took_before(
        &mut self,
        id: FnId,
        function: &Function,
        point: Point,
        locks: &BTreeSet<ClassId>,
    ) -> bool {
        events(function).any(|(at, event)| {
            self.takes(
                EventRef {
                    function: id,
                    ..at.in_function(id)
                },
                event,
                locks,
            ) && reaches(function, at, point)
        })
    }

    fn takes(&mut self, at: EventRef, event: &Event, locks: &BTreeSet<ClassId>) -> bool {
        match &event.kind {
            EventKind::Acquire { guard, .. } => match self.analysis.guard(at.function, *guard) {
                Some(info) => info
                    .locks
                    .iter()
                    .any(|held| held.lock.class.is_none_or(|c| locks.contains(&c))),
                None => true,
            },
            EventKind::Call(call) => {
                let called: Vec<FnId> = call
                    .targets
                    .iter()
                    .copied()
                    .chain(call.args.iter().filter_map(|arg| arg.closure))
                    .collect();
                called
                    .into_iter()
                    .any(|callee| locks.iter().any(|lock| self.function_takes(callee, *lock)))
            }
            _ => false,
        }
    }

    fn function_takes(&mut self, function: FnId, lock: ClassId) -> bool {
        let program = self.analysis.program();
        let runners = self.analysis.runners();
        let known = self.known.entry(lock).or_insert_with(|| {
            runners.reaching(program, |function| {
                events(function).any(|(_, event)| match &event.kind {
                    EventKind::Acquire {
                        source: LockSource::Direct(object),
                        ..
                    } => may_be(program.classes.as_slice(), object, lock),
                    _ => false,
                })
            })
        });
        known.get(function.index()).copied().unwrap_or(false)
    }
}

/// Whether `object` may be of class `lock`: it is, or only its caller knows.
fn may_be(classes: &[conclint_facts::Class], object: &ObjectRef, lock: ClassId) -> bool {
    match object.class {
        None => true,
        Some(class) => {
            class == lock
                || classes
                    .get(class.index())
                    .is_some_and(|class| class.scope == ClassScope::Param)
        }
    }
}

struct Case<'a> {
    id: FnId,
    class: ClassId,
    condvar: &'a ObjectRef,
    locks: &'a BTreeSet<ClassId>,
    change: Change<'a>,
    notify: &'a Event,
}

fn report(analysis: &Analysis, draw: &Draw<'_>, case: &Case<'_>) -> Option<Finding> {
    let condvar = draw.name(case.condvar);
    let function = draw.function_name(case.id);
    let locks: Vec<String> = case
        .locks
        .iter()
        .map(|lock| format!("`{}`", draw.class_name(*lock)))
        .collect();
    let locks = list(&locks);
    let waits = waits(analysis, draw, case.class);
    let (waiter, _) = waits.first()?;
    let waiter = waiter.clone();
    let mut paths = vec![notifier(draw, case, &condvar, &locks)];
    paths.extend(waits.into_iter().map(|(_, trace)| trace).take(WAITS));
    let changed = match case.change {
        Change::Write(_) => "changes state and notifies",
        Change::Join(_) => "notifies",
        Change::Later(_) => "changes state only after it notifies",
    };
    let then = match case.change {
        Change::Write(_) | Change::Later(_) => "the wake-up is lost and the waiter sleeps on",
        Change::Join(_) => {
            "the wake-up is lost, the waiter sleeps on, and the join behind it never returns"
        }
    };
    Some(LINT.finding(Found {
        severity: Severity::Warning,
        confidence: match wakes_by_itself(analysis, case.class) {
            true => Confidence::Low,
            false => Confidence::Medium,
        },
        message: format!(
            "`{function}` {changed} `{condvar}` without {locks}: when that falls between the test and the wait in \
             `{waiter}`, {then}"
        ),
        paths,
        help: vec![
            format!("change the state while {locks} is held; the notification may follow after the release"),
            format!("where the state is an atomic, take and release {locks} between the store and the notification"),
        ],
        identity: vec![draw.key(case.condvar), function],
        in_test: draw.in_test(case.id),
    }))
}

/// Whether every wait ends after some time, in a loop that looks again: a lost
/// wake-up is a delay.
fn wakes_by_itself(analysis: &Analysis, condvar: ClassId) -> bool {
    analysis.condvar_waits(condvar).iter().all(|at| {
        matches!(
            analysis.event(*at).kind,
            EventKind::Wait {
                timed: true,
                in_loop: true,
                predicate_read: true,
                ..
            }
        )
    })
}

fn notifier(draw: &Draw<'_>, case: &Case<'_>, condvar: &str, locks: &str) -> Trace {
    let what = format!("notifies `{condvar}` without {locks}");
    let notify = draw.step(case.id, case.notify.site, Role::Notify, condvar, what);
    let steps = match case.change {
        Change::Write(write) => {
            let object = match &write.kind {
                EventKind::SharedWrite {
                    object: Some(object),
                } => draw.name(object),
                _ => String::new(),
            };
            let what = match object.as_str() {
                "" => format!("changes shared state without {locks}"),
                name => format!("changes `{name}` without {locks}"),
            };
            vec![
                draw.step(case.id, write.site, Role::Use, object, what),
                notify,
            ]
        }
        Change::Later(write) => {
            let what = "changes the state, too late for whoever woke up".to_owned();
            vec![notify, draw.step(case.id, write.site, Role::Use, "", what)]
        }
        Change::Join(join) => {
            vec![
                notify,
                draw.step(
                    case.id,
                    join.site,
                    Role::Join,
                    "",
                    "waits for a thread to end".to_owned(),
                ),
            ]
        }
    };
    Trace {
        title: format!("path A: the notifying thread, without {locks}"),
        steps,
    }
}

/// The waits on this condition variable: the function's name and the trace.
fn waits(analysis: &Analysis, draw: &Draw<'_>, class: ClassId) -> Vec<(String, Trace)> {
    let mut found = Vec::new();
    for &at in analysis.condvar_waits(class) {
        let event = analysis.event(at);
        let EventKind::Wait { guard, .. } = &event.kind else {
            continue;
        };
        let name = draw.class_name(class).to_owned();
        let held = guard
            .and_then(|guard| analysis.guard(at.function, guard))
            .and_then(|info| info.locks.first());
        let mut steps: Vec<_> = held
            .map(|held| draw.hold(at.function, held))
            .into_iter()
            .collect();
        steps.push(draw.step(
            at.function,
            event.site,
            Role::Wait,
            name.clone(),
            format!("waits on `{name}`"),
        ));
        let function = draw.function_name(at.function);
        let title = format!("path B: the waiting thread in `{function}`");
        found.push((
            draw.in_test(at.function),
            event.site,
            function,
            Trace { title, steps },
        ));
    }
    found.sort_by_key(|(test, site, ..)| (*test, *site));
    found
        .into_iter()
        .map(|(_, _, function, trace)| (function, trace))
        .collect()
}
