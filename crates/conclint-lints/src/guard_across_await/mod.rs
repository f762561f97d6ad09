//! A guard of a thread lock that lives across `.await`.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, BlockKind, ClassId, Event, EventKind, FnId, FnKind, GuardId, Held, Kinds, Mode,
    ObjectKind, Site,
};

use crate::contention::{Contention, is_of_one_thread};
use crate::flow::{events, within};
use crate::futures::{guard_awaited, held_for_long, is_ready};
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "guard-across-await",
    code: "CL106",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a std or parking_lot guard is alive at an `.await`",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let contention = Contention::of(analysis);
    let alone = alone(analysis);
    let long = held_for_long(analysis);
    for (id, function) in analysis.functions_with(Kinds::AWAIT) {
        let mut awaits: BTreeMap<GuardId, (Held, Vec<(bool, Site)>)> = BTreeMap::new();
        for (point, event) in events(function) {
            if !matches!(event.kind, EventKind::Await) || is_ready(analysis, function, point) {
                continue;
            }
            let over_at_once = guard_awaited(function, point, event)
                .is_some_and(|guard| !may_take_long(analysis, &long, id, guard));
            for held in analysis.held_before(point.in_function(id)) {
                if blocks_threads(&draw, held) {
                    let (known, sites) = awaits
                        .entry(held.guard)
                        .or_insert_with(|| (held.clone(), Vec::new()));
                    known.must |= held.must;
                    sites.push((over_at_once, event.site));
                }
            }
        }
        findings.extend(awaits.into_values().map(|(held, mut sites)| {
            // What may take long is told first, and alone.
            let brief = sites.iter().all(|(over_at_once, _)| *over_at_once);
            sites.retain(|(over_at_once, _)| brief || !over_at_once);
            let sites = sites.into_iter().map(|(_, site)| site).collect();
            // Who wants it waits for another lock first.
            let gated = held
                .lock
                .class
                .is_some_and(|class| contention.is_gated(class));
            let meant = gated
                || brief
                || draw.class(&held.lock).is_some_and(is_of_one_thread)
                || alone.contains(&id)
                || is_output(&draw, &held)
                || !shuts_anyone_out(analysis, id, &held);
            report(&draw, id, &held, sites, meant)
        }));
    }
}

/// Whether the guard that is awaited may be with somebody else for long.
fn may_take_long(
    analysis: &Analysis,
    long: &BTreeSet<ClassId>,
    function: FnId,
    guard: GuardId,
) -> bool {
    analysis.guard(function, guard).is_none_or(|info| {
        let unknown = |held: &Held| held.lock.class.is_none_or(|class| long.contains(&class));
        info.locks.is_empty() || info.locks.iter().any(unknown)
    })
}

/// What has its thread to itself, so that nobody else's task is kept waiting on
/// it: a future written down in a `block_on`, and functions that are called by such
/// futures alone.
fn alone(analysis: &Analysis) -> BTreeSet<FnId> {
    let functions = &analysis.program().functions;
    let calls: Vec<Site> = functions
        .iter()
        .flat_map(events)
        .filter(|(_, event)| blocks_on(event))
        .map(|(_, event)| event.site)
        .collect();
    let mut alone: BTreeSet<FnId> = (0..)
        .map(FnId)
        .zip(functions)
        .filter(|(_, function)| calls.iter().any(|call| within(function.site, *call)))
        .map(|(id, _)| id)
        .collect();
    if alone.is_empty() {
        return alone;
    }
    loop {
        let more: Vec<FnId> = analysis
            .functions_with(Kinds::AWAIT)
            .map(|(id, _)| id)
            .filter(|id| !alone.contains(id))
            .filter(|id| {
                let callers = analysis.callers(*id);
                !callers.is_empty() && callers.iter().all(|call| alone.contains(&call.function))
            })
            .collect();
        if more.is_empty() {
            return alone;
        }
        alone.extend(more);
    }
}

/// `block_on(..)`, of a runtime that is known or of the program's own.
fn blocks_on(event: &Event) -> bool {
    match &event.kind {
        EventKind::Block { kind, .. } => *kind == BlockKind::BlockOn,
        EventKind::Call(call) => call.name.rsplit("::").next() == Some("block_on"),
        _ => false,
    }
}

/// Whether somebody may have to wait for it: readers stop writers only, and a
/// map that is filled before it is shared has none. (Where nobody makes the
/// object that it belongs to, the code at hand is a part only.)
fn shuts_anyone_out(analysis: &Analysis, reader: FnId, held: &Held) -> bool {
    let reads = matches!(held.mode, Mode::Read | Mode::ReadRecursive);
    let Some(class) = held.lock.class.filter(|_| reads) else {
        return true;
    };
    // What takes `&mut self` does not run twice at a time.
    let writer = match analysis.function(reader).mut_self {
        true => analysis.has_writer_beside(class, reader),
        false => analysis.has_writer(class),
    };
    writer.is_some() || !is_made(analysis, &analysis.class(class).name)
}

/// Whether the type of the field `Type.field` has an associated function
/// without `self`, as those that make an object are.
fn is_made(analysis: &Analysis, field: &str) -> bool {
    let Some((owner, _)) = field.split_once('.') else {
        return false;
    };
    analysis.program().functions.iter().any(|function| {
        let makes = |rest: &str| rest.starts_with("::");
        function.kind == FnKind::Fn
            && !function.is_test
            && function.qualified.strip_prefix(owner).is_some_and(makes)
            && function
                .params
                .first()
                .is_none_or(|first| first.name != "self")
    })
}

/// The lock of the standard output, held for what is printed meanwhile, or one
/// of unknown type, which may be the like.
fn is_output(draw: &Draw<'_>, held: &Held) -> bool {
    let class = draw.class(&held.lock);
    class.is_some_and(|class| match &class.kind {
        ObjectKind::Lock(traits) => {
            traits.family == "unknown"
                || matches!(traits.type_name.as_str(), "Stdout" | "Stderr" | "Stdin")
        }
        _ => false,
    })
}

/// Whether the lock makes a thread, not a task, wait. A map that is a variable
/// of its own, with nothing shared on the way to it, is nobody else's.
fn blocks_threads(draw: &Draw<'_>, held: &Held) -> bool {
    let Some(ObjectKind::Lock(traits)) = draw.class(&held.lock).map(|class| &class.kind) else {
        return false;
    };
    let own_map = traits.self_locking && held.lock.exclusive;
    !traits.is_async && !own_map
}

fn report(
    draw: &Draw<'_>,
    function: FnId,
    held: &Held,
    mut awaits: Vec<Site>,
    meant: bool,
) -> Finding {
    awaits.sort();
    awaits.dedup();
    let lock = draw.name(&held.lock);
    let name = draw.function_name(function);
    let paths = awaits
        .into_iter()
        .map(|site| Trace {
            title: format!("`{lock}` held across `.await`"),
            steps: vec![
                draw.hold(function, held),
                draw.step(
                    function,
                    site,
                    Role::Block,
                    lock.clone(),
                    format!("awaits while `{lock}` is held"),
                ),
            ],
        })
        .collect();
    let sometimes = if held.must { "" } else { " on some paths" };
    let guard = draw
        .function(function)
        .and_then(|f| f.guards.get(held.guard.index()))
        .and_then(|g| g.name.clone());
    let first = match guard {
        Some(guard) => format!("`drop({guard})` before the `.await`, or end its block there"),
        None => "bind the value in a `let` of its own, so that the guard ends before the `.await`"
            .to_owned(),
    };
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence: match held.must {
            _ if meant => Confidence::Low,
            true => Confidence::High,
            false => Confidence::Medium,
        },
        message: format!(
            "`{name}` awaits while it holds `{lock}`{sometimes}: the task may sleep there for long, and every thread \
             that wants `{lock}` blocks, the one that has to wake this task among them"
        ),
        paths,
        help: vec![
            first,
            "if the lock must stay across the `.await`, use an async lock (`tokio::sync::Mutex`)".to_owned(),
        ],
        identity: vec![draw.key(&held.lock), name],
        in_test: draw.in_test(function),
    })
}
