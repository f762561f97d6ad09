//! An atomic that is changed in two steps: a load, then a store that depends
//! on what was loaded.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Step, Trace};
use conclint_facts::{
    Alone, Analysis, ClassId, Event, EventKind, EventRef, FnId, FnKind, Function, Held, LockSource,
    Mode, ObjectRef, Root, Site, Target,
};

use crate::contention::is_of_one_thread;
use crate::flow::{Point, events, reaches};
use crate::reads::{Read, ReadKind, decides, decides_alone, gated, one_object, origins_of, reads};
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "non-atomic-update",
    code: "CL401",
    severity: Severity::Error,
    level: Level::Default,
    summary: "a load, then a store that depends on it: what another thread stores in between is lost",
    page: include_str!("lint.md"),
    check,
};

/// Callers of callers of .. that pass a token on.
const TOKEN_DEPTH: u32 = 3;

/// So many calls behind the body of a thread, what it changes is still likely
/// to be shared with the other threads.
const NEAR: u32 = 3;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let exchanged = exchanged(analysis);
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        if function.origins.is_empty()
            || !analysis.may_run_in_parallel(id, id)
            || has_token(analysis, id, TOKEN_DEPTH)
        {
            continue;
        }
        for (at, event) in events(function) {
            if let EventKind::Store {
                target: Target::Atomic { object, relaxed },
                from,
                ..
            } = &event.kind
                && !object.exclusive
                && !draw.class(object).is_some_and(is_of_one_thread)
                && analysis.is_alone_with(id, object) < Alone::Surely
            {
                let store = Store {
                    at,
                    site: event.site,
                    relaxed: *relaxed,
                };
                let same = |read: &Read| {
                    read.kind == ReadKind::Atomic
                        && one_object(&read.object, object)
                        && reaches(function, read.at, at)
                        && !gated(analysis, id, read.at, at)
                };
                // Of what a library offers, nobody knows on how many threads it
                // runs, unless its tests show it; what one thread alone runs,
                // loses nothing. Far behind the start of a thread, the object is
                // mostly one that the thread has to itself. And what all callers
                // that are seen have to themselves, others most likely have, too.
                let near = |calls| calls <= NEAR;
                let elsewhere = settings.level == Level::Default
                    && (!(analysis.calls_from_several(id).is_some_and(near)
                        || analysis.is_tested_on_several(id))
                        || analysis.is_alone_with(id, object) == Alone::AsSeen);
                let careful = elsewhere
                    || object.class.is_some_and(|class| exchanged.contains(&class))
                    || has_protocol(function)
                    || runs_in_protocol(analysis, id)
                    || is_its_own(function, object)
                    || is_saved(function, object, &store)
                    || settings.level == Level::Default && awaits_before(function, at);
                if let Some(read) = reads(analysis, id, *from).into_iter().find(same) {
                    let careful = careful
                        || settings.level == Level::Default
                            && read.relaxed
                            && store.relaxed
                            && hands_over(function, object);
                    findings.push(report(
                        &draw,
                        id,
                        &read,
                        &store,
                        None,
                        careful,
                        settings.level,
                    ));
                } else if !is_pointer(&draw, object)
                    && let Some((test, read)) = decided(analysis, id, function, &store, same)
                {
                    // A value from elsewhere is the same one for whoever comes.
                    let careful = careful
                        || settings.level == Level::Default && !from.is_empty()
                        || is_mirror(analysis, object);
                    findings.push(report(
                        &draw,
                        id,
                        &read,
                        &store,
                        Some(test),
                        careful,
                        settings.level,
                    ));
                }
            }
        }
    }
}

/// The function is handed, as `&mut`, what a lock beside the atomic guards, by
/// callers that all have it from that lock.
fn has_token(analysis: &Analysis, id: FnId, depth: u32) -> bool {
    let function = analysis.function(id);
    let callers = analysis.callers(id);
    if callers.is_empty() || function.is_pub && function.in_library {
        return false;
    }
    let params = (0..).zip(&function.params);
    params.filter(|(_, param)| param.token).any(|(index, _)| {
        callers
            .iter()
            .all(|at| gives_token(analysis, *at, index, depth))
    })
}

/// The call `at` passes the data of a lock that is held alone, or a token that
/// the caller was given itself.
fn gives_token(analysis: &Analysis, at: EventRef, index: usize, depth: u32) -> bool {
    let (EventKind::Call(call)
    | EventKind::Acquire {
        source: LockSource::Callee(call),
        ..
    }) = &analysis.event(at).kind
    else {
        return false;
    };
    let Some(arg) = call.args.get(index) else {
        return false;
    };
    let alone = |guard| {
        let mut held = analysis.held_before(at).iter();
        held.any(|held| held.guard == guard && held.must && held.mode == Mode::Exclusive)
    };
    if let Some(guard) = arg.borrows {
        return alone(guard);
    }
    let caller = analysis.function(at.function);
    let passed = arg.place.as_ref().is_some_and(|place| {
        let Root::Param(param) = place.root else {
            return false;
        };
        let param = caller.params.get(usize::from(param));
        place.path.is_empty() && param.is_some_and(|param| param.token)
    });
    passed && depth > 0 && has_token(analysis, at.function, depth - 1)
}

/// An await comes before: what an async function does over several steps, its
/// caller does once at a time.
fn awaits_before(function: &Function, store: Point) -> bool {
    events(function)
        .any(|(at, event)| matches!(event.kind, EventKind::Await) && reaches(function, at, store))
}

struct Store {
    at: Point,
    site: Site,
    relaxed: bool,
}

/// Atomics that are changed by an exchange somewhere: whoever wrote that knows
/// what a plain store does.
fn exchanged(analysis: &Analysis) -> BTreeSet<ClassId> {
    analysis
        .program()
        .functions
        .iter()
        .flat_map(events)
        .filter_map(|(_, event)| match &event.kind {
            EventKind::Load {
                object,
                exchange: true,
                ..
            } => object.class,
            _ => None,
        })
        .collect()
}

/// The function exchanges an atomic, which may be what gives it the right to
/// store, or locks and unlocks by hand.
fn has_protocol(function: &Function) -> bool {
    events(function).any(|(_, event)| match &event.kind {
        EventKind::Load { exchange, .. } => *exchange,
        EventKind::Call(call) => {
            let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
            matches!(
                name,
                "lock" | "unlock" | "lock_exclusive" | "unlock_exclusive"
            )
        }
        _ => false,
    })
}

/// The closure is run by a function that exchanges an atomic: `with_write(|header| ..)`.
fn runs_in_protocol(analysis: &Analysis, id: FnId) -> bool {
    let runs = |at: &EventRef| {
        let called = match &analysis.event(*at).kind {
            EventKind::Call(call) => &call.targets[..],
            _ => &[],
        };
        let mut near = called.iter().copied().chain([at.function]);
        near.any(|id| has_protocol(analysis.function(id)))
    };
    analysis.function(id).kind == FnKind::Closure && analysis.callers(id).iter().any(runs)
}

/// The function changes other shared state, too, and gives this atomic no
/// ordering: what others go by is the other state, and the atomic is mostly an
/// index that only its owner moves.
fn hands_over(function: &Function, object: &ObjectRef) -> bool {
    events(function).any(|(_, event)| match &event.kind {
        EventKind::SharedWrite { object: other } => !other
            .as_ref()
            .is_some_and(|other| one_object(object, other)),
        _ => false,
    })
}

/// `&mut self` reaches the atomic: the object that writes is one thread's at a
/// time, and others mostly only look at what it writes (a sequence lock, a
/// gauge).
fn is_its_own(function: &Function, object: &ObjectRef) -> bool {
    function.mut_self && object.place.root == Root::Param(0)
}

/// A pointer is not a state that is tested to do something once.
fn is_pointer(draw: &Draw<'_>, object: &ObjectRef) -> bool {
    draw.class(object)
        .is_some_and(|class| class.type_text.contains("AtomicPtr"))
}

/// The atomic repeats what a lock guards: whoever writes it holds that lock
/// alone, and what is written comes from its data somewhere. A look at the
/// atomic only spares the lock; what is done is decided by the data.
fn is_mirror(analysis: &Analysis, object: &ObjectRef) -> bool {
    let Some(class) = object.class else {
        return false;
    };
    let writes = |event: &Event| match &event.kind {
        EventKind::Store {
            target: Target::Atomic { object, .. },
            ..
        } => object.class == Some(class),
        EventKind::SharedWrite { object } => {
            object.as_ref().and_then(|object| object.class) == Some(class)
        }
        _ => false,
    };
    let mut locks: Option<BTreeSet<ClassId>> = None;
    let mut copied: BTreeSet<ClassId> = BTreeSet::new();
    for (at, event) in analysis.events().filter(|(_, event)| writes(event)) {
        let function = analysis.function(at.function);
        if function.is_test {
            continue;
        }
        let alone = |held: &&Held| held.must && held.mode == Mode::Exclusive;
        let mut here = BTreeSet::new();
        for held in analysis.held_before(at).iter().filter(alone) {
            here.extend(held.lock.class);
            if let EventKind::Store { from, .. } = &event.kind
                && !from.and(origins_of(function, held.guard)).is_empty()
            {
                copied.extend(held.lock.class);
            }
        }
        locks = Some(match locks {
            Some(locks) => locks.intersection(&here).copied().collect(),
            None => here,
        });
    }
    locks.is_some_and(|locks| !locks.is_disjoint(&copied))
}

/// The atomic gets another value in between: it is saved and put back.
fn is_saved(function: &Function, object: &ObjectRef, store: &Store) -> bool {
    events(function).any(|(at, event)| match &event.kind {
        EventKind::Store {
            target: Target::Atomic { object: other, .. },
            ..
        } => {
            at != store.at
                && one_object(object, other)
                && reaches(function, at, store.at)
                && !reaches(function, store.at, at)
        }
        _ => false,
    })
}

/// A test of the atomic that decides whether the store happens, where more
/// than the store hangs on it.
fn decided(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    store: &Store,
    same: impl Fn(&Read) -> bool,
) -> Option<(Site, Read)> {
    events(function).find_map(|(at, event)| {
        let EventKind::Test { from, .. } = &event.kind else {
            return None;
        };
        let found = reads(analysis, id, *from);
        let read = found.into_iter().find(|read| same(read))?;
        let once =
            decides_alone(function, at, store.at) && more_hangs_on_it(function, at, store.at);
        once.then_some((event.site, read))
    })
}

/// Whether, besides the store, something that should happen once is decided by
/// the test: a flag that is set only to spare a write needs no care.
fn more_hangs_on_it(function: &Function, test: Point, store: Point) -> bool {
    events(function).any(|(at, event)| {
        let counts = match &event.kind {
            EventKind::Call(call) => !call.targets.is_empty(),
            EventKind::Spawn(_)
            | EventKind::Send { .. }
            | EventKind::Block { .. }
            | EventKind::CallParam { .. } => true,
            _ => false,
        };
        counts && at != store && decides(function, test, at) && reaches(function, store, at)
    })
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    read: &Read,
    store: &Store,
    test: Option<Site>,
    careful: bool,
    level: Level,
) -> Finding {
    let name = draw.name(&read.object);
    let function = draw.function_name(id);
    let mut steps: Vec<Step> = draw.calls(&read.chain).collect();
    steps.push(draw.step(
        read.read_in,
        read.site,
        Role::Use,
        name.clone(),
        format!("loads `{name}`"),
    ));
    let (message, what, help) = match test {
        None => (
            format!(
                "`{function}` loads `{name}` and stores a value that depends on it: what another thread stores in \
                 between is lost"
            ),
            format!("stores what depends on the load: `{name}` may be another one by now"),
            "one operation does both: `fetch_add`, `fetch_max`, `fetch_update` .., or `compare_exchange` in a loop",
        ),
        Some(site) => {
            steps.push(draw.step(
                id,
                site,
                Role::Use,
                name.clone(),
                format!("decides by `{name}`"),
            ));
            (
                format!(
                    "`{function}` tests `{name}`, then stores it: two threads can both pass the test before either stores"
                ),
                format!("stores `{name}`, which another thread may have stored since the test"),
                "test and set in one operation: `swap`, `compare_exchange`; or use `Once`, `OnceLock`",
            )
        }
    };
    steps.push(draw.step(id, store.site, Role::Use, name.clone(), what));
    // A relaxed load of one's own last store, published by the next one: the
    // idiom of data structures in which one thread alone writes.
    let one_writer = read.relaxed && !store.relaxed;
    let confidence = match (one_writer || careful, test) {
        (true, _) => Confidence::Low,
        (false, None) => Confidence::High,
        (false, Some(_)) => Confidence::Medium,
    };
    // In code of every day there may be one owner at a time by a rule that
    // only people know; in course work there is none.
    let severity = match test {
        None if level == Level::Grading => Severity::Error,
        _ => Severity::Warning,
    };
    LINT.finding(Found {
        severity,
        confidence,
        message,
        paths: vec![Trace {
            title: "both threads: the load, then the store".to_owned(),
            steps,
        }],
        help: vec![help.to_owned()],
        identity: vec![draw.key(&read.object), function],
        in_test: draw.in_test(id),
    })
}
