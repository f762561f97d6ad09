//! Threads that are started and joined one after another.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, BlockId, Event, EventKind, FnId, Function, Kinds, Per, Site, Spawn, SpawnKind,
    WorkKind,
};

use crate::flow::{Point, event_at, events, reaches};
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

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in analysis.functions_with(Kinds::SPAWN) {
        for (at, event) in events(function) {
            if let EventKind::Spawn(spawn) = &event.kind
                && matches!(spawn.kind, SpawnKind::Thread | SpawnKind::Scoped)
                && let Some(join) = serial(function, at, spawn)
            {
                findings.push(report(&draw, id, event, join));
            }
        }
    }
}

/// Where the thread is joined, if that is before the loop starts the next one
/// and nothing is done meanwhile.
fn serial(function: &Function, at: Point, spawn: &Spawn) -> Option<Site> {
    if let Some(site) = spawn.in_turn {
        return Some(site);
    }
    // A `loop` starts a thread again when it has ended: that is its purpose.
    if matches!(spawn.per, None | Some(Per::Loop)) {
        return None;
    }
    let (block, index) = spawn.joined?;
    let join = Point { block, index };
    let event = event_at(function, join)?;
    let around = reaches(function, at, join) && reaches(function, join, at);
    (around && !passes(function, at, join)).then_some(event.site)
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
            | EventKind::Work {
                kind: WorkKind::Print | WorkKind::Format | WorkKind::Alloc,
                ..
            }
    )
}

fn report(draw: &Draw<'_>, id: FnId, event: &Event, join: Site) -> Finding {
    let function = draw.function_name(id);
    let what = match &event.kind {
        EventKind::Spawn(spawn) => spawn.what.to_string(),
        _ => String::new(),
    };
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence: Confidence::High,
        message: format!(
            "`{function}` starts a thread in a loop and joins it before the next one starts: they run one after \
             another, slower than without threads"
        ),
        paths: vec![Trace {
            title: "in each round".to_owned(),
            steps: vec![
                draw.step(
                    id,
                    event.site,
                    Role::Spawn,
                    "",
                    format!("starts a thread (`{what}`)"),
                ),
                draw.step(
                    id,
                    join,
                    Role::Join,
                    "",
                    "waits for it to end, and only then goes on".to_owned(),
                ),
            ],
        }],
        help: vec![
            "start all of them first: `let handles: Vec<_> = ..map(|..| spawn(..)).collect();`, then join in a second \
             loop"
                .to_owned(),
        ],
        identity: vec![function],
        in_test: draw.in_test(id),
    })
}
