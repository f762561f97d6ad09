//! State is changed and a condition variable notified without the mutex of
//! the wait: the wake-up can fall between the waiter's test and its wait.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, ClassId, ClassScope, Event, EventKind, EventRef, FnId, FnKind, Function, GuardId,
    Kinds, LockSource, ObjectRef,
};

use crate::condvars::{ends_something, waits, wakes_by_itself};
use crate::flow::{Point, after, events, reaches};
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
    let mut known: BTreeSet<ClassId> = BTreeSet::new();
    for (id, function) in analysis.functions_with(Kinds::NOTIFY) {
        let mut told: BTreeSet<ClassId> = BTreeSet::new();
        for (point, notify) in notifications(analysis, function) {
            let seen = change(function, point);
            let Some(change) = seen.or_else(|| later(analysis, id, function, point, notify)) else {
                continue;
            };
            if told.contains(&notify.class) || is_repeated(function, point, notify.class) {
                continue;
            }
            if lockers.had_lock(id, function, point, notify.locks) {
                continue;
            }
            told.insert(notify.class);
            findings.extend(report(analysis, &draw, &Case { id, change, notify }));
        }
        known.append(&mut told);
    }
    // One word for a condition variable whose mutex says nothing.
    for (id, function) in analysis.functions_with(Kinds::NOTIFY) {
        for (point, notify) in notifications(analysis, function) {
            if !function.is_test
                && !is_repeated(function, point, notify.class)
                && !lockers.had_lock(id, function, point, notify.locks)
                && known.insert(notify.class)
                && are_waiters_alone(analysis, notify.class, notify.locks)
            {
                let change = Change::Unseen;
                findings.extend(report(analysis, &draw, &Case { id, change, notify }));
            }
        }
    }
}

/// A notification of a condition variable that somebody waits on.
#[derive(Clone, Copy)]
struct Notification<'a> {
    event: &'a Event,
    condvar: &'a ObjectRef,
    class: ClassId,
    /// What its waits hand over.
    locks: &'a BTreeSet<ClassId>,
}

fn notifications<'a>(
    analysis: &'a Analysis,
    function: &'a Function,
) -> impl Iterator<Item = (Point, Notification<'a>)> {
    events(function).filter_map(|(point, event)| {
        let EventKind::Notify { condvar, .. } = &event.kind else {
            return None;
        };
        let class = condvar.class?;
        let locks = analysis.condvar_locks(class)?;
        let notification = Notification {
            event,
            condvar,
            class,
            locks,
        };
        Some((point, notification))
    })
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
    /// Whatever it is: who waits takes the mutex, and nobody else ever does.
    Unseen,
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
    let ends = function.kind == FnKind::Drop || ends_something(&function.name);
    write
        .map(Change::Write)
        .or(join.filter(|_| ends).map(Change::Join))
}

/// Whether a loop there, or further on, does nothing but to notify until something
/// has come about (`while !worker.is_finished() { .. }`): a wake-up that is lost
/// is made good.
fn is_repeated(function: &Function, point: Point, class: ClassId) -> bool {
    let question =
        |event: &Event| matches!(event.kind, EventKind::Asks { .. } | EventKind::Test { .. });
    // The next thing after the notification is a question, and the next thing
    // after its answer the notification.
    let asks_next = |at: Point| {
        let mut alone = true;
        let mut back = false;
        let visit = |next: Point, event: &Event| {
            let block = function.blocks.get(next.block.index());
            back |= block.is_some_and(|block| block.successors.contains(&at.block));
            alone &= question(event);
        };
        after(function, at, visit, question);
        alone && back
    };
    let first = |at: Point| {
        let block = function.blocks.get(at.block.index());
        block.is_some_and(|block| block.events.iter().take(at.index as usize).all(question))
    };
    events(function).any(|(at, event)| {
        matches!(&event.kind, EventKind::Notify { condvar, .. } if condvar.class == Some(class))
            && (at == point || reaches(function, point, at))
            && reaches(function, at, at)
            && first(at)
            && asks_next(at)
    })
}

/// A write under one of `locks`, or of an atomic beside the condition variable,
/// that comes after the notification at `point`, with no notification after it.
fn later<'f>(
    analysis: &Analysis,
    id: FnId,
    function: &'f Function,
    point: Point,
    notify: Notification<'_>,
) -> Option<Change<'f>> {
    let Notification { class, locks, .. } = notify;
    let owner = |class: ClassId| {
        let class = analysis.class(class);
        (class.scope == ClassScope::Field)
            .then(|| class.key.rsplit_once('.'))
            .flatten()
            .map(|(owner, _)| owner)
    };
    let beside = |object: &ObjectRef| {
        let home = owner(class);
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
            ..
        } if beside(object) && reaches(function, point, at) && !notified(at) => {
            Some(Change::Later(event))
        }
        _ => None,
    })
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

/// Whether none of `locks` is ever taken but to wait on `condvar`: whatever the
/// waits ask about, those who change it do not keep out who is about to wait.
fn are_waiters_alone(analysis: &Analysis, condvar: ClassId, locks: &BTreeSet<ClassId>) -> bool {
    let classes = analysis.program().classes.as_slice();
    // The guard may be taken outside of the closure that waits with it.
    let waiters: BTreeSet<FnId> = analysis
        .condvar_waits(condvar)
        .iter()
        .flat_map(|at| {
            let parent = analysis.function(at.function).parent;
            [Some(at.function), parent].into_iter().flatten()
        })
        .collect();
    let timed = |at: &EventRef| {
        matches!(
            analysis.event(*at).kind,
            EventKind::Wait { timed: true, .. }
        )
    };
    // Who also wakes others does so with what it changed under the mutex.
    let wakes = |id: &FnId| {
        events(analysis.function(*id)).any(|(_, event)| {
            matches!(&event.kind, EventKind::Notify { condvar: other, .. } if other.class == Some(condvar))
        })
    };
    let named = |lock: &ClassId| {
        let scope = analysis.class(*lock).scope;
        scope != ClassScope::Param && scope != ClassScope::Element
    };
    let may_take = |object: &ObjectRef, lock: ClassId| match object.class {
        Some(class)
            if classes
                .get(class.index())
                .is_some_and(|c| c.scope == ClassScope::Param) =>
        {
            analysis.class(class).type_text == analysis.class(lock).type_text
        }
        class => class == Some(lock),
    };
    let others = |id: FnId, function: &Function| {
        !waiters.contains(&id)
            && (0..function.guards.len()).any(|guard| {
                let guard = analysis.guard(id, GuardId(guard as u32));
                guard.is_some_and(|info| {
                    info.locks
                        .iter()
                        .any(|held| locks.iter().any(|lock| may_take(&held.lock, *lock)))
                })
            })
    };
    !locks.is_empty()
        && locks.iter().all(named)
        && !analysis.condvar_waits(condvar).iter().any(timed)
        && !waiters.iter().any(wakes)
        && !analysis
            .functions_with(Kinds::ACQUIRE)
            .any(|(id, function)| others(id, function))
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
    change: Change<'a>,
    notify: Notification<'a>,
}

fn report(analysis: &Analysis, draw: &Draw<'_>, case: &Case<'_>) -> Option<Finding> {
    let condvar = draw.name(case.notify.condvar);
    let function = draw.function_name(case.id);
    let locks: Vec<String> = case
        .notify
        .locks
        .iter()
        .map(|lock| format!("`{}`", draw.class_name(*lock)))
        .collect();
    // The parts of one pair have one name.
    let locks = match list(&locks) {
        same if same == format!("`{condvar}`") => "the mutex that belongs to it".to_owned(),
        locks => locks,
    };
    let waits = waits(analysis, draw, case.notify.class);
    let (waiter, _) = waits.first()?;
    let waiter = waiter.clone();
    let mut paths = vec![notifier(draw, case, &condvar, &locks)];
    paths.extend(waits.into_iter().map(|(_, trace)| trace).take(WAITS));
    let changed = match case.change {
        Change::Write(_) => "changes state and notifies",
        Change::Join(_) => "notifies",
        Change::Later(_) => "changes state only after it notifies",
        Change::Unseen => "notifies",
    };
    let late = wakes_by_itself(analysis, case.notify.class);
    let then = match case.change {
        _ if late => "the wake-up is lost and the waiter sleeps until its time is over",
        Change::Write(_) | Change::Later(_) => "the wake-up is lost and the waiter sleeps on",
        Change::Unseen => {
            "the wake-up is lost and the waiter sleeps on, for nobody but those who wait ever takes that mutex"
        }
        Change::Join(_) => {
            "the wake-up is lost, the waiter sleeps on, and the join behind it never returns"
        }
    };
    Some(LINT.finding(Found {
        severity: Severity::Warning,
        confidence: match late {
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
        identity: vec![draw.key(case.notify.condvar), function],
        in_test: draw.in_test(case.id),
    }))
}

fn notifier(draw: &Draw<'_>, case: &Case<'_>, condvar: &str, locks: &str) -> Trace {
    let what = format!("notifies `{condvar}` without {locks}");
    let notify = draw.step(case.id, case.notify.event.site, Role::Notify, condvar, what);
    let steps = match case.change {
        Change::Write(write) => {
            let object = match &write.kind {
                EventKind::SharedWrite {
                    object: Some(object),
                    ..
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
        Change::Unseen => vec![notify],
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
