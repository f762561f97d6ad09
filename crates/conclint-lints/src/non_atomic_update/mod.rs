//! An atomic that is changed in two steps: a load, then a store that depends
//! on what was loaded.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Step, Trace};
use conclint_facts::{
    Alone, Analysis, ClassId, Event, EventKind, FnId, Function, Held, Look, Mode, ObjectRef,
    Origins, Root, Target,
};

use crate::contention::is_of_one_thread;
use crate::flow::{Point, events, reaches};
use crate::reads::{Read, ReadKind, gated, one_object, origins_of, reads};
use crate::stores::{AtomicStore, is_surely_reached, one_atomic, stores};
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

mod decided;
mod protocol;

use decided::{Decision, Hangs, decided, one_passes, turns_of};
use protocol::{has_protocol, has_token, runs_in_protocol};

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

/// How many calls away a store may be.
const CALLS: u32 = 2;

/// So many calls behind the body of a thread, what it changes is still likely
/// to be shared with the other threads.
const NEAR: u32 = 3;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let mut exchanged = exchanged(analysis);
    exchanged.extend(turns_of(analysis));
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        if function.origins.is_empty()
            || !analysis.may_run_in_parallel(id, id)
            || has_token(analysis, id, TOKEN_DEPTH)
        {
            continue;
        }
        let stores = stores(analysis, id, CALLS);
        for store in &stores {
            if store.object.exclusive
                || draw.class(&store.object).is_some_and(is_of_one_thread)
                || analysis.is_alone_with(id, &store.object) == Alone::Surely
            {
                continue;
            }
            let asked = Asked {
                analysis,
                id,
                function,
                store,
                stores: &stores,
            };
            let Some(case) = case(&draw, &asked, settings.level) else {
                continue;
            };
            if analysis.is_owned(id, &store.object) {
                continue;
            }
            let careful = case.careful
                || is_careful(&asked, settings.level)
                || store
                    .object
                    .class
                    .is_some_and(|class| exchanged.contains(&class));
            findings.push(report(&draw, &asked, &case, careful, settings.level));
        }
    }
}

/// A store that is looked at, and where it happens.
struct Asked<'a> {
    analysis: &'a Analysis,
    id: FnId,
    function: &'a Function,
    store: &'a AtomicStore,
    /// All stores of the function.
    stores: &'a [AtomicStore],
}

impl Asked<'_> {
    /// Whether it was read of the same atomic, before, with nothing that keeps
    /// others out in between.
    fn is_of(&self, read: &Read) -> bool {
        read.kind == ReadKind::Atomic
            && read.at != self.store.at
            && one_atomic(&read.object, &self.store.object)
            && reaches(self.function, read.at, self.store.at)
            && !gated(self.analysis, self.id, read.at, self.store.at)
    }

    fn read(&self, from: Origins) -> Option<Read> {
        let found = reads(self.analysis, self.id, from);
        found.into_iter().find(|read| self.is_of(read))
    }
}

/// What is wrong with a store.
struct Case {
    read: Read,
    link: Link,
    careful: bool,
}

/// How a store depends on a load.
enum Link {
    /// What is stored does.
    Value,
    /// Whether it is stored does.
    Decision(Decision),
    /// Not at all, but the function gives what it has loaded as what was there
    /// before.
    Exchange,
}

fn case(draw: &Draw<'_>, asked: &Asked<'_>, level: Level) -> Option<Case> {
    let (function, store) = (asked.function, asked.store);
    let by_default = |careful: bool| level == Level::Default && careful;
    if let Some(read) = asked.read(store.from) {
        return Some(Case {
            careful: by_default(
                read.relaxed && store.relaxed && hands_over(function, &store.object),
            ),
            read,
            link: Link::Value,
        });
    }
    // Of what a called function does, only a setter is looked at.
    if is_pointer(draw, &store.object) || !store.chain.is_empty() && !store.sets {
        return None;
    }
    let Some((read, decision)) = decided(asked) else {
        let always = is_surely_reached(function, store.at) && !store.updates;
        let read = asked.read(function.returns).filter(|_| always)?;
        return Some(Case {
            careful: by_default(true),
            read,
            link: Link::Exchange,
        });
    };
    // A value from elsewhere is the same one for whoever comes.
    let careful = by_default(!store.from.is_empty() || decision.hangs != Hangs::Work)
        || is_mirror(asked.analysis, &store.object);
    Some(Case {
        read,
        link: Link::Decision(decision),
        careful,
    })
}

/// Whether whoever wrote this may know that nobody comes in between.
fn is_careful(asked: &Asked<'_>, level: Level) -> bool {
    let Asked {
        analysis,
        id,
        function,
        store,
        ..
    } = *asked;
    // Of what a library offers, nobody knows on how many threads it
    // runs, unless its tests show it; what one thread alone runs,
    // loses nothing. Far behind the start of a thread, the object is
    // mostly one that the thread has to itself. And what all callers
    // that are seen have to themselves, others most likely have, too.
    let near = |calls| calls <= NEAR;
    let elsewhere = || {
        !(analysis.calls_from_several(id).is_some_and(near) || analysis.is_tested_on_several(id))
            || analysis.is_alone_with(id, &store.object) == Alone::AsSeen
    };
    // Setters follow a protocol, and which thread has which element is mostly
    // agreed on.
    let agreed = || {
        let mut steps = store.object.place.path.iter();
        !store.chain.is_empty() || steps.any(|step| conclint_facts::is_element(step))
    };
    level == Level::Default && (elsewhere() || agreed() || awaits_before(function, store.at))
        || has_protocol(analysis, function)
        || runs_in_protocol(analysis, id)
        || is_its_own(function, &store.object)
        || is_saved(function, store)
        || one_passes(asked)
}

/// An await comes before: what an async function does over several steps, its
/// caller does once at a time.
fn awaits_before(function: &Function, store: Point) -> bool {
    events(function)
        .any(|(at, event)| matches!(event.kind, EventKind::Await) && reaches(function, at, store))
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

/// The function changes other shared state, too, and gives this atomic no
/// ordering: what others go by is the other state, and the atomic is mostly an
/// index that only its owner moves.
fn hands_over(function: &Function, object: &ObjectRef) -> bool {
    events(function).any(|(_, event)| match &event.kind {
        EventKind::SharedWrite { object: other, .. } => !other
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
        EventKind::SharedWrite { object, .. } => {
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
fn is_saved(function: &Function, store: &AtomicStore) -> bool {
    events(function).any(|(at, event)| match &event.kind {
        EventKind::Store {
            target: Target::Atomic { object: other, .. },
            ..
        } => {
            at != store.at
                && one_object(&store.object, other)
                && reaches(function, at, store.at)
                && !reaches(function, store.at, at)
        }
        _ => false,
    })
}

fn report(draw: &Draw<'_>, asked: &Asked<'_>, case: &Case, careful: bool, level: Level) -> Finding {
    let (id, store, read) = (asked.id, asked.store, &case.read);
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
    let (message, what, help) = match &case.link {
        Link::Value => (
            format!(
                "`{function}` loads `{name}` and stores a value that depends on it: what another thread stores in \
                 between is lost"
            ),
            format!("stores what depends on the load: `{name}` may be another one by now"),
            "one operation does both: `fetch_add`, `fetch_max`, `fetch_update` .., or `compare_exchange` in a loop",
        ),
        Link::Exchange => (
            format!(
                "`{function}` loads `{name}` for its result, then stores another value: what another thread stores \
                 in between is lost"
            ),
            format!("stores over `{name}`, which may be another one by now"),
            "one operation does both: `swap`",
        ),
        Link::Decision(decision) => {
            steps.push(draw.step(
                id,
                decision.site,
                Role::Use,
                name.clone(),
                format!("decides by `{name}`"),
            ));
            let (stores, each) = match store.updates {
                true => ("changes", "another thread may have changed"),
                false => ("stores", "another thread may have stored"),
            };
            (
                format!(
                    "`{function}` tests `{name}`, then {stores} it: two threads can both pass the test before either \
                     {stores}"
                ),
                format!("{stores} `{name}`, which {each} since the test"),
                match decision.look {
                    _ if store.updates => {
                        "test and change in one operation: `fetch_update`, or `compare_exchange` in a loop"
                    }
                    Look::Order => {
                        "compare and store in one operation: `fetch_max`, `fetch_min`, or `compare_exchange` in a loop"
                    }
                    _ => {
                        "test and set in one operation: `swap`, `compare_exchange`; or use `Once`, `OnceLock`"
                    }
                },
            )
        }
    };
    steps.extend(draw.calls(&store.chain));
    steps.push(draw.step(store.store_in, store.site, Role::Use, name.clone(), what));
    // A relaxed load of one's own last store, published by the next one: the
    // idiom of data structures in which one thread alone writes.
    let one_writer = read.relaxed && !store.relaxed;
    let confidence = match (one_writer || careful, &case.link) {
        (true, _) => Confidence::Low,
        (false, Link::Value) => Confidence::High,
        (false, Link::Decision(_) | Link::Exchange) => Confidence::Medium,
    };
    // In code of every day there may be one owner at a time by a rule that
    // only people know; in course work there is none.
    let severity = match case.link {
        Link::Value if level == Level::Grading => Severity::Error,
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
