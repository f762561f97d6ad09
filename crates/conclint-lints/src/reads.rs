//! What a value was read from, and what is written.
//!
//! For the lints about updates in two steps: which lock's data or atomic a value
//! comes from (through getters, too), and what is written under locks.

use conclint_facts::{
    Analysis, Arg, Call, ChainStep, ClassScope, EventKind, FnId, Function, GuardId, Look, Mode,
    ObjectRef, Origin, Origins, Place, Resolution, Root, Site, Target, Writing,
};
use smol_str::SmolStr;

use crate::flow::{Point, event_at, events, reaches};
use crate::single_flight::is_single_flight;

/// How deep getters call getters.
const DEPTH: u32 = 3;

/// A read of what threads share.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// The lock or atomic, as the asking function names it.
    pub(crate) object: ObjectRef,
    /// Behind which guard of the asking function, if any.
    pub(crate) guard: Option<GuardId>,
    /// Of an atomic, with `Relaxed`.
    pub(crate) relaxed: bool,
    pub(crate) kind: ReadKind,
    /// The field of the data, where only one was read.
    pub(crate) field: Option<SmolStr>,
    /// What was read is changed in the same critical section: taken out, counted up.
    pub(crate) claimed: bool,
    /// Where, in the asking function: the load, the acquisition, the call.
    pub(crate) at: Point,
    /// Calls to where it is read, and the read itself.
    pub(crate) chain: Vec<ChainStep>,
    pub(crate) site: Site,
    pub(crate) read_in: FnId,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadKind {
    Lock,
    Atomic,
}

/// The reads behind a value of `function`.
pub(crate) fn reads(analysis: &Analysis, function: FnId, from: Origins) -> Vec<Read> {
    let mut found = Vec::new();
    collect(analysis, function, from, DEPTH, &mut found);
    found
}

fn collect(analysis: &Analysis, function: FnId, from: Origins, depth: u32, found: &mut Vec<Read>) {
    let Some(body) = analysis.program().functions.get(function.index()) else {
        return;
    };
    for position in from.iter() {
        match body.origins.get(position) {
            Some(Origin::Guarded { guard, field }) => {
                found.extend(guarded(analysis, function, body, *guard, field.as_ref()));
            }
            Some(Origin::Event { block, index }) => {
                let at = Point {
                    block: *block,
                    index: *index,
                };
                let Some(event) = event_at(body, at) else {
                    continue;
                };
                match &event.kind {
                    EventKind::Load {
                        object,
                        relaxed,
                        exchange: false,
                    } => found.push(Read {
                        object: object.clone(),
                        guard: None,
                        relaxed: *relaxed,
                        kind: ReadKind::Atomic,
                        field: None,
                        claimed: false,
                        at,
                        chain: Vec::new(),
                        site: event.site,
                        read_in: function,
                    }),
                    EventKind::Call(call) if depth > 0 => {
                        through(analysis, function, at, event.site, call, depth, found);
                    }
                    _ => {}
                }
            }
            Some(Origin::Param(_)) | None => {}
        }
    }
}

fn guarded(
    analysis: &Analysis,
    function: FnId,
    body: &Function,
    guard: GuardId,
    field: Option<&SmolStr>,
) -> Option<Read> {
    let info = analysis.guard(function, guard)?;
    let [held] = info.locks.as_slice() else {
        return None;
    };
    // A guard that leaves the function guards what it gives.
    if body.guards.get(guard.index())?.returned {
        return None;
    }
    let claimed = events(body).any(|(_, event)| match &event.kind {
        EventKind::Store {
            target:
                Target::Guarded {
                    guard: g,
                    field: written,
                },
            ..
        } => *g == guard && may_be_one_field(field, written.as_ref()),
        EventKind::Wait { guard: g, .. } => *g == Some(guard),
        _ => false,
    });
    Some(Read {
        object: held.lock.clone(),
        guard: Some(guard),
        relaxed: false,
        kind: ReadKind::Lock,
        field: field.cloned(),
        claimed,
        at: Point::of(info.acquire),
        chain: held.via.clone(),
        site: held.site,
        read_in: function,
    })
}

/// What a called function read to give its result.
fn through(
    analysis: &Analysis,
    function: FnId,
    at: Point,
    site: Site,
    call: &Call,
    depth: u32,
    found: &mut Vec<Read>,
) {
    let Some((callee, body)) = target(analysis, call) else {
        return;
    };
    let mut inner = Vec::new();
    collect(analysis, callee, body.returns, depth - 1, &mut inner);
    for mut read in inner {
        read.object = bind(analysis, body, &call.args, &read.object);
        read.guard = None;
        read.at = at;
        let step = ChainStep {
            function,
            site,
            name: call.name.to_string(),
        };
        read.chain.insert(0, step);
        found.push(read);
    }
}

/// Whether a value comes from a read-modify-write of an atomic: no two threads
/// get the same one.
pub(crate) fn is_ticket(function: &Function, from: Origins) -> bool {
    from.iter().any(|position| {
        matches!(function.origins.get(position), Some(Origin::Event { block, index })
            if event_at(function, Point { block: *block, index: *index })
                .is_some_and(|event| matches!(event.kind, EventKind::SharedWrite { .. })))
    })
}

/// The one function that is called, where that is certain: a method of a trait
/// that one type implements is one, too.
pub(crate) fn target<'a>(analysis: &'a Analysis, call: &Call) -> Option<(FnId, &'a Function)> {
    match (call.resolution, call.targets.as_slice()) {
        (Resolution::Exact | Resolution::Trait, &[one]) => {
            Some((one, analysis.program().functions.get(one.index())?))
        }
        _ => None,
    }
}

/// A write under a lock that a call leads to.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    /// The lock, as the asking function names it.
    pub(crate) object: ObjectRef,
    pub(crate) field: Option<SmolStr>,
    pub(crate) how: Writing,
    /// What is written, as far as the asking function's values go.
    pub(crate) from: Origins,
    /// Behind which guard of the asking function, if any.
    pub(crate) guard: Option<GuardId>,
    /// The critical section asks first whether there is something to write to:
    /// `get_mut`, `entry`. Nothing more is asked.
    pub(crate) asks_presence: bool,
    /// What is there now goes into what is written: `*best = (*best).max(found)`.
    pub(crate) renews: bool,
    /// Where the lock is taken, in the asking function: the acquisition, the call.
    pub(crate) taken: Point,
    /// Where it is written, in the asking function.
    pub(crate) at: Point,
    pub(crate) chain: Vec<ChainStep>,
    pub(crate) site: Site,
    pub(crate) write_in: FnId,
}

/// The writes of `function` to guarded data, those of called functions
/// included; left out are those that look at the data in the same section.
pub(crate) fn writes(analysis: &Analysis, function: FnId, depth: u32) -> Vec<Write> {
    let Some(body) = analysis.program().functions.get(function.index()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (at, event) in events(body) {
        match &event.kind {
            EventKind::Store {
                target: Target::Guarded { guard, field },
                how,
                from,
            } => {
                let Some(info) = analysis.guard(function, *guard) else {
                    continue;
                };
                let [held] = info.locks.as_slice() else {
                    continue;
                };
                let looked = looked_at(body, *guard, at, how);
                if looked.is_some_and(|look| look > Look::Presence) {
                    continue;
                }
                found.push(Write {
                    object: held.lock.clone(),
                    field: field.clone(),
                    how: how.clone(),
                    from: *from,
                    guard: Some(*guard),
                    asks_presence: looked.is_some(),
                    renews: *how == Writing::Assign
                        && renews(body, *guard, field.as_ref(), *from, looked.is_some()),
                    taken: Point::of(info.acquire),
                    at,
                    chain: Vec::new(),
                    site: event.site,
                    write_in: function,
                });
            }
            EventKind::Call(call) if depth > 0 => {
                let Some((callee, inner)) = target(analysis, call) else {
                    continue;
                };
                if callee == function || inner.guards.is_empty() {
                    continue;
                }
                for mut write in writes(analysis, callee, depth - 1) {
                    write.object = bind(analysis, inner, &call.args, &write.object);
                    write.from = arguments(inner, call, write.from);
                    write.guard = None;
                    write.taken = at;
                    write.at = at;
                    let step = ChainStep {
                        function,
                        site: event.site,
                        name: call.name.to_string(),
                    };
                    write.chain.insert(0, step);
                    found.push(write);
                }
            }
            _ => {}
        }
    }
    found
}

/// What of the caller's values `from` of the callee stands for.
pub(crate) fn arguments(callee: &Function, call: &Call, from: Origins) -> Origins {
    from.iter()
        .filter_map(|position| match callee.origins.get(position) {
            Some(Origin::Param(param)) => call.args.get(usize::from(*param)),
            _ => None,
        })
        .fold(Origins::NONE, |all, arg| all.or(arg.from))
}

/// Whether what is written to `field` behind `guard` depends on what is there. Of
/// what is `found` by a key, any part of it: the key may be what was read before.
fn renews(
    function: &Function,
    guard: GuardId,
    field: Option<&SmolStr>,
    from: Origins,
    found: bool,
) -> bool {
    from.iter()
        .any(|position| match function.origins.get(position) {
            Some(Origin::Guarded { guard: g, field: f }) => {
                *g == guard && (found || may_be_one_field(f.as_ref(), field))
            }
            _ => false,
        })
}

/// What is asked of the data of `guard` before the write at `write`, if anything is.
fn looked_at(function: &Function, guard: GuardId, write: Point, how: &Writing) -> Option<Look> {
    // `entry(..).or_insert(..)` looks by itself.
    let itself = matches!(how, Writing::Method(name) if matches!(
        name.as_str(),
        "entry" | "get_or_insert_with" | "get_or_insert" | "get_mut"
    ) || name.starts_with("or_"));
    let of_guard = origins_of(function, guard);
    let looks = events(function).filter_map(|(at, event)| match &event.kind {
        EventKind::Test { from, look, .. } => {
            let before = !from.and(of_guard).is_empty() && (itself || reaches(function, at, write));
            let look = if itself { Look::Value } else { *look };
            before.then_some(look)
        }
        EventKind::Wait { guard: g, .. } => (*g == Some(guard)).then_some(Look::Value),
        EventKind::Store {
            target: Target::Guarded { guard: g, .. },
            how: Writing::Call,
            ..
        } => (*g == guard).then_some(Look::Value),
        _ => None,
    });
    looks.max()
}

/// The origins that are data of `guard`.
pub(crate) fn origins_of(function: &Function, guard: GuardId) -> Origins {
    function
        .origins
        .iter()
        .enumerate()
        .filter(|(_, origin)| matches!(origin, Origin::Guarded { guard: g, .. } if *g == guard))
        .fold(Origins::NONE, |all, (position, _)| {
            all.or(Origins::one(position))
        })
}

/// Whether two fields of one datum may be one; no field is all of it.
pub(crate) fn may_be_one_field(a: Option<&SmolStr>, b: Option<&SmolStr>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// How a callee names an object, in its caller's terms.
pub(crate) fn bind(
    analysis: &Analysis,
    callee: &Function,
    args: &[Arg],
    object: &ObjectRef,
) -> ObjectRef {
    // A closure names what it captures as the function around it does.
    if callee.parent.is_some() {
        return object.clone();
    }
    let elsewhere = Place {
        root: Root::Opaque(u32::MAX),
        path: Vec::new(),
    };
    let arg = match object.place.root {
        Root::Param(param) => args.get(usize::from(param)),
        _ => None,
    };
    let is_param = object.class.is_some_and(|class| {
        let class = analysis.program().classes.get(class.index());
        class.is_some_and(|class| class.scope == ClassScope::Param)
    });
    let class = if is_param {
        arg.and_then(|arg| arg.class)
    } else {
        object.class
    };
    let place = match (&object.place.root, arg.and_then(|arg| arg.place.as_ref())) {
        (Root::Static(_), _) => object.place.clone(),
        (Root::Param(_), Some(base)) => base.then(&object.place),
        _ => elsewhere,
    };
    ObjectRef {
        class,
        place,
        exclusive: object.exclusive,
        field: None,
    }
}

/// Whether two references of one function are one object, for certain. (Not
/// an element of a list: which thread has which one is mostly agreed on.)
pub(crate) fn one_object(a: &ObjectRef, b: &ObjectRef) -> bool {
    let indexed = |object: &ObjectRef| {
        object
            .place
            .path
            .iter()
            .any(|part| conclint_facts::is_element(part))
    };
    !matches!(a.place.root, Root::Opaque(_))
        && a.place == b.place
        && a.class == b.class
        && !indexed(a)
        && !(a.exclusive || b.exclusive)
}

/// What the test at the end of `function`'s values `from` asks: a call's result
/// is what the called function asks.
pub(crate) fn look(analysis: &Analysis, function: &Function, from: Origins, look: Look) -> Look {
    if look != Look::Value {
        return look;
    }
    let asked = from.iter().filter_map(|position| {
        let Some(Origin::Event { block, index }) = function.origins.get(position) else {
            return None;
        };
        let at = Point {
            block: *block,
            index: *index,
        };
        match &event_at(function, at)?.kind {
            EventKind::Call(call) => target(analysis, call).map(|(_, callee)| callee.look),
            _ => None,
        }
    });
    asked.max().unwrap_or(look)
}

/// Whether both are one element of a collection, by what the variables and keys tell.
pub(crate) fn one_element(
    analysis: &Analysis,
    function: FnId,
    a: &ObjectRef,
    b: &ObjectRef,
) -> bool {
    !matches!(a.place.root, Root::Opaque(_))
        && a.class == b.class
        && !(a.exclusive || b.exclusive)
        && analysis.is_one_element(function, &a.place, &b.place)
}

/// Whether one and the same lock keeps others out at both places, or an exchange
/// that only one wins. Who reads keeps out no other reader.
pub(crate) fn gated(analysis: &Analysis, function: FnId, a: Point, b: Point) -> bool {
    let before = |at: Point| analysis.held_before(at.in_function(function));
    !analysis.entry_held(function).is_empty()
        || before(a).iter().any(|held| {
            held.must
                && !matches!(held.mode, Mode::Read | Mode::ReadRecursive)
                && before(b)
                    .iter()
                    .any(|other| other.must && other.guard == held.guard)
        })
        || is_single_flight(analysis, function, a, b)
}
