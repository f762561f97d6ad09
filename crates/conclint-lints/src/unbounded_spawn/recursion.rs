//! A function that starts a thread which calls it again: a thread for each part of
//! the work, however small.

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{Analysis, EventKind, FnId, Function, Spawn, SpawnKind};

use super::{CALLS, LINT, is_permit, is_thread};
use crate::flow::{Point, events, reaches};
use crate::reads::{ReadKind, is_ticket, reads, target};
use crate::trace::Draw;
use crate::ways::decides;
use crate::{Found, Level, Settings};

pub(super) fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        // One finding for a function, however many it starts.
        let found = events(function).find_map(|(at, event)| match &event.kind {
            EventKind::Spawn(spawn)
                if is_thread(spawn)
                    && !function.cuts_off
                    && runs_again(analysis, id, spawn)
                    && branches(analysis, id, function, at, spawn)
                    && !is_bounded(analysis, id, function, at) =>
            {
                Some((event, spawn))
            }
            _ => None,
        });
        let Some((event, spawn)) = found else {
            continue;
        };
        let name = draw.function_name(id);
        let what = format!("starts a thread (`{}`) that calls `{name}`", spawn.what);
        findings.push(LINT.finding(Found {
            severity: Severity::Warning,
            // What it goes down is mostly known to be flat where programs do so on purpose.
            confidence: match settings.level {
                Level::Default => Confidence::Low,
                _ => Confidence::Medium,
            },
            message: format!(
                "`{name}` starts a thread that calls `{name}` again, however small what is left to do: enough of them \
                 use up memory and threads, and the rest fails"
            ),
            paths: vec![Trace {
                title: "each time".to_owned(),
                steps: vec![draw.step(id, event.site, Role::Spawn, "", what)],
            }],
            help: vec![
                "start threads down to some depth only (`if depth < 3`), or for parts of some size, and go on in the \
                 same thread below that"
                    .to_owned(),
                "or a fixed number of threads that take their next part from a queue, or a thread pool".to_owned(),
            ],
            identity: vec![name],
            in_test: draw.in_test(id),
        }));
    }
}

/// What the thread runs calls the function.
fn runs_again(analysis: &Analysis, id: FnId, spawn: &Spawn) -> bool {
    let body = spawn.body.map(|body| analysis.function(body));
    body.is_some_and(|body| calls(analysis, body, id))
}

fn calls(analysis: &Analysis, function: &Function, id: FnId) -> bool {
    events(function).any(|(_, event)| match &event.kind {
        EventKind::Call(call) => target(analysis, call).is_some_and(|(callee, _)| callee == id),
        _ => false,
    })
}

/// It does not end while the thread runs, or starts more than one: a thread that
/// takes the place of the one before is one at a time.
fn branches(analysis: &Analysis, id: FnId, function: &Function, at: Point, spawn: &Spawn) -> bool {
    let another = events(function).any(|(other, event)| match &event.kind {
        EventKind::Spawn(_) | EventKind::Join { .. } => other != at && reaches(function, at, other),
        _ => false,
    });
    spawn.kind == SpawnKind::Scoped || spawn.in_loop || another || calls(analysis, function, id)
}

/// A count that threads share decides whether the thread is started, or a permit is taken.
fn is_bounded(analysis: &Analysis, id: FnId, function: &Function, spawn: Point) -> bool {
    events(function).any(|(at, event)| match &event.kind {
        EventKind::Call(call) => is_permit(analysis, call, CALLS) && reaches(function, at, spawn),
        EventKind::Test { from, .. } => {
            let counts = is_ticket(function, *from)
                || reads(analysis, id, *from)
                    .iter()
                    .any(|read| read.kind == ReadKind::Atomic);
            counts && decides(function, at, spawn)
        }
        _ => false,
    })
}
