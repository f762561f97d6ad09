//! A wait on a condition variable that does not look at its condition again.

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{Analysis, EventKind, FnId, Held, ObjectRef, Site};

use crate::flow::events;
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "wait-without-loop",
    code: "CL121",
    severity: Severity::Error,
    level: Level::Default,
    summary: "a wait on a condition variable outside a loop, or before its condition is looked at",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        for (_, event) in events(function) {
            // Without its guard the wait stands in a helper, and the loop at its caller.
            if let EventKind::Wait {
                condvar,
                guard: Some(guard),
                checks_predicate: false,
                in_loop,
                predicate_read,
                timed: false,
            } = &event.kind
                && let Some(fault) = fault(*in_loop, *predicate_read)
            {
                let held = analysis.guard(id, *guard).and_then(|info| info.locks.first());
                findings.push(report(&draw, id, event.site, condvar, held, fault));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It stands in no loop.
    NoLoop,
    /// It stands in a loop, but nothing is read between taking the mutex and waiting.
    NotLookedAt,
}

fn fault(in_loop: bool, predicate_read: bool) -> Option<Fault> {
    match (in_loop, predicate_read) {
        (false, _) => Some(Fault::NoLoop),
        (true, false) => Some(Fault::NotLookedAt),
        (true, true) => None,
    }
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    site: Site,
    condvar: &ObjectRef,
    held: Option<&Held>,
    fault: Fault,
) -> Finding {
    let (name, key) = (draw.name(condvar), draw.key(condvar));
    let lock = held.map_or_else(|| "the mutex".to_owned(), |held| draw.name(&held.lock));
    let function = draw.function_name(id);
    let mut steps: Vec<_> = held.map(|held| draw.hold(id, held)).into_iter().collect();
    let what = format!("waits on `{name}`, giving up `{lock}` meanwhile");
    steps.push(draw.step(id, site, Role::Wait, name.clone(), what));
    let (message, first) = match fault {
        Fault::NoLoop => (
            format!(
                "`{function}` waits on `{name}` outside a loop: a wait may return without any notification, or after \
                 another thread has used up what was notified, and the code goes on as if its condition held"
            ),
            format!("let the wait check for itself: `{name}.wait_while(guard, |data| !ready(data))`"),
        ),
        Fault::NotLookedAt => (
            format!(
                "`{function}` takes `{lock}` and waits on `{name}` without looking at its condition first: \
                 when it was notified before this thread came here, nobody wakes it again"
            ),
            format!("under `{lock}`, test the condition before each wait: `while !ready(&guard) {{ guard = .. }}`"),
        ),
    };
    LINT.finding(Found {
        severity: Severity::Error,
        confidence: match fault {
            Fault::NoLoop => Confidence::High,
            Fault::NotLookedAt => Confidence::Medium,
        },
        message,
        paths: vec![Trace {
            title: format!("the waiting thread: `{lock}`, then `{name}`"),
            steps,
        }],
        help: vec![first, format!("change what the condition reads only while `{lock}` is held")],
        identity: vec![key, function],
        in_test: draw.in_test(id),
    })
}
