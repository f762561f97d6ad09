//! Threads that are started and joined one after another.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Step, Trace};
use conclint_facts::{
    Analysis, BlockId, Called, Event, EventKind, FnId, Function, Origin, Origins, Per, Site, Spawn,
    SpawnKind, WorkKind,
};

use crate::flow::{Point, event_at, events, passes_by, reaches};
use crate::reads::target;
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "join-in-spawn-loop",
    code: "CL203",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "each thread is joined before the next one starts: they run one after another",
    page: include_str!("lint.md"),
    check,
};

/// How many calls away a thread may be pinned to a processor.
const PINNED: u32 = 2;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        for (at, event) in events(function) {
            if let EventKind::Spawn(spawn) = &event.kind
                && matches!(spawn.kind, SpawnKind::Thread | SpawnKind::Scoped)
                && let Some(join) = serial(function, at, event, spawn)
                && !spawn
                    .body
                    .is_some_and(|body| is_pinned(analysis, body, PINNED))
            {
                let what = format!("starts a thread (`{}`)", spawn.what);
                let start = draw.step(id, event.site, Role::Spawn, "", what);
                findings.push(report(&draw, id, vec![start], (id, join), Confidence::High));
            }
        }
        for called in &function.called {
            findings.extend(through(analysis, settings, &draw, id, function, called));
        }
    }
}

/// Where the thread is joined, if that is before the loop starts the next one
/// and nothing is done meanwhile.
fn serial(function: &Function, at: Point, event: &Event, spawn: &Spawn) -> Option<Site> {
    if let Some(site) = spawn.in_turn {
        return Some(site);
    }
    let over = spawn.per.filter(|per| *per != Per::Loop)?;
    let (block, index) = match (spawn.joined, spawn.kind) {
        (Some(joined), _) => joined,
        (None, SpawnKind::Scoped) => spawn.scope_end?,
        (None, _) => return None,
    };
    let join = Point { block, index };
    let site = match (event_at(function, join), spawn.joined) {
        (Some(join), Some(_)) => join.site,
        (None, Some(_)) => return None,
        // At the end of its scope nobody writes a join.
        (_, None) => event.site,
    };
    // What somebody else handed over may panic: whoever asks for that has the
    // thread for it.
    let guards = spawn.body.is_none() && looks_at(function, join);
    (!spawn.retried && !guards && in_turn(function, at, join, over)).then_some(site)
}

/// Whether the function chooses the processor that it runs on: its thread is
/// there for the place, and may have it to itself.
fn is_pinned(analysis: &Analysis, id: FnId, calls: u32) -> bool {
    let Some(function) = analysis.program().functions.get(id.index()) else {
        return false;
    };
    events(function).any(|(_, event)| match &event.kind {
        EventKind::Call(call) => {
            let further = || {
                call.targets
                    .iter()
                    .any(|to| is_pinned(analysis, *to, calls - 1))
            };
            call.name.to_ascii_lowercase().contains("affinity") || calls > 0 && further()
        }
        _ => false,
    })
}

/// Whether the loop joins there what it starts at `at`, before it goes on. (A `loop`
/// starts a thread again when it has ended: that is its purpose.)
fn in_turn(function: &Function, at: Point, join: Point, per: Per) -> bool {
    per != Per::Loop
        && reaches(function, at, join)
        && reaches(function, join, at)
        && !passes(function, at, join)
}

/// Whether it depends on the result of the join how control goes on.
fn looks_at(function: &Function, join: Point) -> bool {
    let this = Origin::Event {
        block: join.block,
        index: join.index,
    };
    let position = function.origins.iter().position(|origin| *origin == this);
    let result = position.map_or(Origins::NONE, Origins::one);
    events(function).any(|(_, event)| {
        matches!(&event.kind, EventKind::Test { from, .. } if !from.and(result).is_empty())
    })
}

/// The call starts a thread of which the loop joins the handle in the same round,
/// or that it has joined itself when it comes back.
fn through(
    analysis: &Analysis,
    settings: &Settings,
    draw: &Draw<'_>,
    id: FnId,
    function: &Function,
    called: &Called,
) -> Option<Finding> {
    let (block, index) = called.at;
    let at = Point { block, index };
    let event = event_at(function, at)?;
    let EventKind::Call(call) = &event.kind else {
        return None;
    };
    let (inner, callee) = target(analysis, call)?;
    let (start, spawn) = only_thread(callee)?;
    let step = draw.step(
        id,
        event.site,
        Role::Call,
        "",
        format!("calls `{}`", call.name),
    );
    let what = format!("starts a thread (`{}`)", spawn.what);
    let steps = vec![
        step,
        draw.step(inner, event_at(callee, start)?.site, Role::Spawn, "", what),
    ];
    if let Some((block, index)) = called.joined {
        let join = Point { block, index };
        let site = event_at(function, join)?.site;
        let serial = spawn.joined.is_none() && in_turn(function, at, join, called.per);
        return (serial && !called.retried)
            .then(|| report(draw, id, steps, (id, site), Confidence::High));
    }
    let (block, index) = spawn.joined?;
    let join = Point { block, index };
    let site = event_at(callee, join)?.site;
    let all = matches!(called.per, Per::Count | Per::Item | Per::Connection { .. });
    let serial = all && !passes(callee, start, join) && !looks_at(callee, join);
    // Some have a thread for its stack, or what is local to it.
    let confidence = match settings.level {
        Level::Default => Confidence::Low,
        _ => Confidence::Medium,
    };
    serial.then(|| report(draw, id, steps, (inner, site), confidence))
}

/// The one thread that the function starts, whenever it runs.
fn only_thread(function: &Function) -> Option<(Point, &Spawn)> {
    let mut starts = events(function).filter_map(|(at, event)| match &event.kind {
        EventKind::Spawn(spawn) => Some((at, &**spawn)),
        _ => None,
    });
    let (at, spawn) = starts.next().filter(|_| starts.next().is_none())?;
    let plain =
        spawn.kind == SpawnKind::Thread && spawn.per.is_none() && spawn.what != "Builder::spawn";
    (plain && spawn.body.is_some() && !passes_by(function, at)).then_some((at, spawn))
}

/// Whether control can get from `spawn` on to its next round without `join`,
/// or something is done on the way to `join`.
fn passes(function: &Function, spawn: Point, join: Point) -> bool {
    let mut seen: BTreeSet<BlockId> = BTreeSet::new();
    let mut work = vec![(spawn.block, spawn.index as usize + 1)];
    while let Some((block, first)) = work.pop() {
        let Some(body) = function.blocks.get(block.index()) else {
            continue;
        };
        let mut joined = false;
        for (index, event) in body.events.iter().enumerate().skip(first) {
            let here = Point {
                block,
                index: index as u32,
            };
            if here == join {
                joined = true;
                break;
            }
            if here == spawn || is_done(event) {
                return true;
            }
        }
        // The end of a scope may be that of its block.
        joined |= join.block == block && join.index as usize >= body.events.len();
        if !joined {
            work.extend(
                body.successors
                    .iter()
                    .filter(|next| seen.insert(**next))
                    .map(|next| (*next, 0)),
            );
        }
    }
    false
}

fn is_done(event: &Event) -> bool {
    !matches!(
        event.kind,
        EventKind::Release { .. }
            | EventKind::Use { .. }
            | EventKind::Test { .. }
            | EventKind::Insist { .. }
            | EventKind::Asks { .. }
            | EventKind::Work {
                kind: WorkKind::Print | WorkKind::Format | WorkKind::Alloc,
                ..
            }
    )
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    mut steps: Vec<Step>,
    join: (FnId, Site),
    confidence: Confidence,
) -> Finding {
    let function = draw.function_name(id);
    steps.push(draw.step(
        join.0,
        join.1,
        Role::Join,
        "",
        "waits for it to end, and only then goes on".to_owned(),
    ));
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence,
        message: format!(
            "`{function}` starts a thread in a loop and joins it before the next one starts: they run one after \
             another, slower than without threads"
        ),
        paths: vec![Trace {
            title: "in each round".to_owned(),
            steps,
        }],
        help: vec![
            "start all of them first: `let handles: Vec<_> = ..map(|..| spawn(..)).collect();`, then join in a second \
             loop"
                .to_owned(),
            "or, where a round needs what the one before gave, do it in this thread".to_owned(),
        ],
        identity: vec![function],
        in_test: draw.in_test(id),
    })
}
