//! A loop over a receiver that cannot end, as a sender of the same channel
//! lives on.

mod drain;
mod kept;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{Analysis, DryWait, Event, EventKind, FnId, Function, Kinds};

use self::drain::Dry;
use crate::flow::{events, runs_for_ever};
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "receiver-never-ends",
    code: "CL301",
    severity: Severity::Error,
    level: Level::Default,
    summary: "a receiver is read to its end while a sender of its channel is kept alive",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in analysis.functions_with(Kinds::SENDER_ALIVE) {
        let feeds = feeds_for_ever(analysis, function);
        for (_, event) in events(function) {
            if let EventKind::SenderAlive {
                sender,
                wait,
                receive,
            } = &event.kind
                && let Some(dry) = Dry::of(analysis, id, *receive, sender)
            {
                let mut finding = report(&draw, id, event, *wait, &dry);
                let meant = feeds || dry.by_panic;
                if dry.perhaps || meant && settings.level == Level::Default {
                    finding.confidence = Confidence::Low;
                }
                findings.push(finding);
            }
        }
    }
    for joined in kept::joined(analysis) {
        let mut finding = report(
            &draw,
            joined.function,
            joined.event,
            DryWait::Join,
            &joined.dry,
        );
        let own = &joined.dry.sender;
        finding.help = vec![
            format!(
                "let `{own}` go before the threads are joined: keep it as an `Option` and `drop({own}.take())`"
            ),
            "or send each thread a message that tells it to stop".to_owned(),
        ];
        if joined.dry.perhaps || joined.dry.by_panic && settings.level == Level::Default {
            finding.confidence = Confidence::Low;
        }
        findings.push(finding);
    }
}

/// Whether the function starts a thread that sends for ever: its receiver has no
/// end to wait for anyway.
fn feeds_for_ever(analysis: &Analysis, function: &Function) -> bool {
    events(function).any(|(_, event)| {
        let EventKind::Spawn(spawn) = &event.kind else {
            return false;
        };
        let body = spawn.body.map(|body| analysis.function(body));
        body.is_some_and(|body| {
            runs_for_ever(analysis, body)
                && (sends(body)
                    || events(body).any(|(_, event)| match &event.kind {
                        EventKind::Call(call) => call
                            .targets
                            .iter()
                            .any(|target| sends(analysis.function(*target))),
                        _ => false,
                    }))
        })
    })
}

fn sends(function: &Function) -> bool {
    events(function).any(|(_, event)| matches!(event.kind, EventKind::Send { .. }))
}

/// What there is to say, and what happens last on the way, besides the reading.
fn told(
    draw: &Draw<'_>,
    function: &str,
    wait: DryWait,
    dry: &Dry,
) -> (String, Option<(Role, &'static str)>) {
    let sender = &dry.sender;
    let callee = dry.callee.map(|callee| draw.function_name(callee));
    match (wait, callee) {
        (DryWait::Loop, None) => (
            format!(
                "`{function}` reads a receiver to its end while its own sender `{sender}` is still alive: the end \
                 never comes"
            ),
            None,
        ),
        (DryWait::Loop, Some(callee)) => (
            format!(
                "`{function}` calls `{callee}`, which reads a receiver to its end, while the sender `{sender}` is \
                 still alive here: the end never comes"
            ),
            Some((Role::Call, "the call comes back when the receiver ends")),
        ),
        (DryWait::Join, _) => (
            format!(
                "`{function}` joins a thread that reads a receiver to its end, while the sender `{sender}` is still \
                 alive here: both wait for ever"
            ),
            Some((Role::Join, "waits for the thread to end")),
        ),
        (DryWait::Scope, _) => (
            format!(
                "the scope in `{function}` ends with a thread that reads a receiver to its end, while the sender \
                 `{sender}` is still alive here: both wait for ever"
            ),
            Some((Role::Join, "the scope waits for the thread to end")),
        ),
        (DryWait::Own, Some(callee)) if dry.keeps => (
            format!(
                "`{callee}` reads a receiver to its end and holds the sender `{sender}` itself: the end never comes"
            ),
            None,
        ),
        (DryWait::Own, _) => (
            format!(
                "a closure in `{function}` reads a receiver to its end and holds the sender `{sender}` itself: the end \
                 never comes"
            ),
            None,
        ),
    }
}

fn report(draw: &Draw<'_>, id: FnId, event: &Event, wait: DryWait, dry: &Dry) -> Finding {
    let function = draw.function_name(id);
    let sender = &dry.sender;
    let (message, last) = told(draw, &function, wait, dry);
    let what = match (wait, &last) {
        (DryWait::Join | DryWait::Scope, _) => {
            "the thread reads until no sender is left".to_owned()
        }
        (_, Some(_)) => "reads until no sender is left".to_owned(),
        _ => format!("reads until no sender is left, but `{sender}` is"),
    };
    let name = sender.to_string();
    let mut steps = Vec::new();
    if dry.keeps {
        let what = format!("hands over the receiver and `{sender}`");
        steps.push(draw.step(id, event.site, Role::Call, name.clone(), what));
    }
    steps.push(draw.step(dry.reader, dry.site, Role::Recv, name.clone(), what));
    if let Some((role, what)) = last {
        let what = format!("{what}, with `{sender}` alive");
        steps.push(draw.step(id, event.site, role, name, what));
    }
    // `_keep` says that it is kept on purpose.
    let confidence = if sender.starts_with('_') {
        Confidence::Low
    } else {
        Confidence::High
    };
    // Nobody may wait for a thread that feeds itself.
    let severity = match wait {
        DryWait::Own => Severity::Warning,
        DryWait::Loop | DryWait::Join | DryWait::Scope => Severity::Error,
    };
    LINT.finding(Found {
        severity,
        confidence,
        message,
        paths: vec![Trace {
            title: "the receiver ends when the last sender is gone".to_owned(),
            steps,
        }],
        help: vec![
            format!("`drop({sender})` before it, once all clones are handed out"),
            format!("or move `{sender}` itself into the last thread that needs it"),
        ],
        identity: vec![sender.to_string(), function],
        in_test: draw.in_test(id),
    })
}
