//! One stop message for several consumers of one queue.

use std::collections::BTreeMap;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Call, Event, EventKind, FnId, Kinds, Place, Queue, Resolution, Root, Spawn, SpawnKind,
};

use crate::flow::events;
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "sentinel-lost",
    code: "CL303",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "one stop message for several consumers of one queue: all but one wait on",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    // A function and its closures name things alike.
    let mut families: BTreeMap<FnId, Vec<FnId>> = analysis
        .functions_with(Kinds::STOP)
        .map(|(id, function)| (function.parent.unwrap_or(id), Vec::new()))
        .collect();
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        if let Some(family) = families.get_mut(&function.parent.unwrap_or(id)) {
            family.push(id);
        }
    }
    for family in families.values() {
        let stops: Vec<Stop<'_>> = family.iter().flat_map(|id| stops(analysis, *id)).collect();
        for stop in &stops {
            let alone = stops
                .iter()
                .filter(|other| one(stop.queue, other.queue))
                .count()
                == 1;
            if alone
                && !stop.in_loop
                && let Some(consumers) = consumers(analysis, family, stop)
            {
                findings.push(report(&draw, stop, &consumers));
            }
        }
    }
}

/// A stop message that is sent.
struct Stop<'a> {
    function: FnId,
    event: &'a Event,
    queue: &'a Queue,
    in_loop: bool,
    message: &'a str,
}

fn stops(analysis: &Analysis, id: FnId) -> Vec<Stop<'_>> {
    let Some(function) = analysis.program().functions.get(id.index()) else {
        return Vec::new();
    };
    events(function)
        .filter_map(|(_, event)| match &event.kind {
            EventKind::Stop {
                queue,
                in_loop,
                message,
            } => Some(Stop {
                function: id,
                event,
                queue,
                in_loop: *in_loop,
                message,
            }),
            _ => None,
        })
        .collect()
}

/// Whether two ends belong to one queue.
fn one(a: &Queue, b: &Queue) -> bool {
    if a.channel != 0 || b.channel != 0 {
        return a.channel == b.channel;
    }
    same_place(a.place.as_ref(), b.place.as_ref())
}

fn same_place(a: Option<&Place>, b: Option<&Place>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let shared = !matches!(a.root, Root::Opaque(_))
                && !a.path.iter().any(|p| conclint_facts::is_any_element(p));
            shared && a == b
        }
        _ => false,
    }
}

/// Threads that take from a queue.
struct Consumers<'a> {
    function: FnId,
    spawn: &'a Event,
    take: &'a Event,
    take_in: FnId,
}

/// The threads that take from the queue of `stop`, where there are several and
/// none of them is the one that stops the rest.
fn consumers<'a>(
    analysis: &'a Analysis,
    family: &[FnId],
    stop: &Stop<'_>,
) -> Option<Consumers<'a>> {
    let mut found: Vec<Consumers<'a>> = Vec::new();
    let mut many = false;
    for &id in family {
        let function = analysis.program().functions.get(id.index())?;
        for (_, event) in events(function) {
            if let EventKind::Spawn(spawn) = &event.kind
                && matches!(spawn.kind, SpawnKind::Thread | SpawnKind::Scoped)
                && spawn.body != Some(stop.function)
                && let Some((take_in, take)) = takes(analysis, spawn, stop.queue)
            {
                many |= spawn.in_loop;
                found.push(Consumers {
                    function: id,
                    spawn: event,
                    take,
                    take_in,
                });
            }
        }
    }
    let several = many || found.len() > 1;
    found.into_iter().next().filter(|_| several)
}

/// Where the thread takes from the queue, in its body or in a function that is
/// handed the queue.
fn takes<'a>(analysis: &'a Analysis, spawn: &Spawn, queue: &Queue) -> Option<(FnId, &'a Event)> {
    let body = spawn.body?;
    let function = analysis.program().functions.get(body.index())?;
    events(function).find_map(|(_, event)| match &event.kind {
        EventKind::Take { queue: taken } => one(taken, queue).then_some((body, event)),
        EventKind::Call(call) => handed(analysis, call, queue),
        _ => None,
    })
}

fn handed<'a>(analysis: &'a Analysis, call: &Call, queue: &Queue) -> Option<(FnId, &'a Event)> {
    let (Resolution::Exact, &[callee]) = (call.resolution, call.targets.as_slice()) else {
        return None;
    };
    let position = call.args.iter().position(|arg| {
        let arg = Queue {
            place: arg.place.clone(),
            channel: arg.channel,
        };
        one(&arg, queue)
    })?;
    let place = Place {
        root: Root::Param(u16::try_from(position).ok()?),
        path: Vec::new(),
    };
    let function = analysis.program().functions.get(callee.index())?;
    let is_it = |queue: &Queue| same_place(queue.place.as_ref(), Some(&place));
    // Whoever stops puts the message back for the next one.
    let passed_on =
        |event: &Event| matches!(&event.kind, EventKind::Stop { queue, .. } if is_it(queue));
    if events(function).any(|(_, event)| passed_on(event)) {
        return None;
    }
    events(function).find_map(|(_, event)| match &event.kind {
        EventKind::Take { queue } => is_it(queue).then_some((callee, event)),
        _ => None,
    })
}

fn report(draw: &Draw<'_>, stop: &Stop<'_>, consumers: &Consumers<'_>) -> Finding {
    let function = draw.function_name(stop.function);
    let message = stop.message;
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence: Confidence::Medium,
        message: format!(
            "`{function}` puts one `{message}` into a queue that several threads take from: one of them gets it and \
             ends, the others wait for ever"
        ),
        paths: vec![
            Trace {
                title: "path A: one stop message".to_owned(),
                steps: vec![draw.step(
                    stop.function,
                    stop.event.site,
                    Role::Send,
                    "",
                    format!("puts in one `{message}`"),
                )],
            },
            Trace {
                title: "path B: several threads".to_owned(),
                steps: vec![
                    draw.step(
                        consumers.function,
                        consumers.spawn.site,
                        Role::Spawn,
                        "",
                        "starts several threads".to_owned(),
                    ),
                    draw.step(
                        consumers.take_in,
                        consumers.take.site,
                        Role::Recv,
                        "",
                        "takes the next item, and ends with the stop message".to_owned(),
                    ),
                ],
            },
        ],
        help: vec![
            format!("put in one `{message}` for each consumer: `for _ in 0..workers {{ .. }}`"),
            "or close the queue: drop the last sender, or set a flag under its lock and notify all".to_owned(),
        ],
        identity: vec![message.to_owned(), function],
        in_test: draw.in_test(stop.function),
    })
}
