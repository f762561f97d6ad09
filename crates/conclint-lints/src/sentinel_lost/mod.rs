//! One stop message for several consumers of one queue.

use std::collections::BTreeMap;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Call, Event, EventKind, EventRef, FnId, Function, Kinds, Place, Queue, Resolution,
    Root, Spawn, SpawnKind,
};

use crate::flow::{Point, event_at, events, passes_by, reaches};
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
    let mut families: BTreeMap<FnId, Family<'_>> = BTreeMap::new();
    for stop in stops(analysis) {
        let family = families.entry(outermost(analysis, stop.function));
        family.or_default().stops.push(stop);
    }
    for id in (0..).map(FnId).take(analysis.program().functions.len()) {
        if let Some(family) = families.get_mut(&outermost(analysis, id)) {
            family.functions.push(id);
        }
    }
    for family in families.values() {
        for stop in &family.stops {
            if family.is_only(stop)
                && !stop.in_loop
                && !stop.perhaps
                && !family.closes(analysis, &stop.queue)
                && let Some(consumers) = consumers(analysis, &family.functions, stop)
            {
                findings.push(report(&draw, stop, &consumers));
            }
        }
    }
}

/// A function with its closures, and the stop messages that they send.
#[derive(Default)]
struct Family<'a> {
    functions: Vec<FnId>,
    stops: Vec<Stop<'a>>,
}

impl Family<'_> {
    fn is_only(&self, stop: &Stop<'_>) -> bool {
        let alike = |other: &&Stop<'_>| {
            let stops = stop.named && other.named || stop.message == other.message;
            stops && one(&stop.queue, &other.queue)
        };
        self.stops.iter().filter(alike).count() == 1
    }

    /// Whether no sender is left in the end: who waits for more is told so.
    fn closes(&self, analysis: &Analysis, queue: &Queue) -> bool {
        let closed = |event: &Event| matches!(event.kind, EventKind::Closed { channel } if channel == queue.channel);
        queue.channel != 0
            && self
                .functions
                .iter()
                .any(|id| events(analysis.function(*id)).any(|(_, event)| closed(event)))
    }
}

fn outermost(analysis: &Analysis, id: FnId) -> FnId {
    analysis.function(id).parent.unwrap_or(id)
}

/// A stop message that is sent.
struct Stop<'a> {
    function: FnId,
    /// In the function: what sends, or the call of what does.
    at: Point,
    /// Where it is sent.
    sent: (FnId, &'a Event),
    /// As the function names it.
    queue: Queue,
    in_loop: bool,
    /// What is called may do without.
    perhaps: bool,
    message: &'a str,
    /// It is called so.
    named: bool,
}

/// All stop messages: where they are sent, and where what sends them is called.
fn stops(analysis: &Analysis) -> Vec<Stop<'_>> {
    /// Calls of calls that are followed.
    const DEPTH: u32 = 3;
    let functions = analysis.functions_with(Kinds::STOP);
    let mut found: Vec<Stop<'_>> = functions.flat_map(|(id, f)| sent_by(id, f)).collect();
    let mut known = 0;
    for _ in 0..DEPTH {
        let fresh = found.get(known..).unwrap_or(&[]);
        let called: Vec<Stop<'_>> = fresh.iter().flat_map(|s| called(analysis, s)).collect();
        known = found.len();
        found.extend(called);
    }
    found
}

fn sent_by(id: FnId, function: &Function) -> impl Iterator<Item = Stop<'_>> {
    events(function).filter_map(move |(at, event)| match &event.kind {
        EventKind::Stop {
            queue,
            in_loop,
            message,
            named,
        } => Some(Stop {
            function: id,
            at,
            sent: (id, event),
            queue: queue.clone(),
            in_loop: *in_loop,
            perhaps: false,
            message,
            named: *named,
        }),
        _ => None,
    })
}

/// The calls of the function that puts the stop message into a queue it is handed.
fn called<'a>(analysis: &'a Analysis, stop: &Stop<'a>) -> Vec<Stop<'a>> {
    let sends = analysis.function(stop.function);
    let Some(Place {
        root: Root::Param(param),
        path,
    }) = &stop.queue.place
    else {
        return Vec::new();
    };
    if !path.is_empty() || sends.parent.is_some() {
        return Vec::new();
    }
    let by = |site: &EventRef| {
        let caller = analysis.function(site.function);
        let at = Point::of(*site);
        let EventKind::Call(call) = &event_at(caller, at)?.kind else {
            return None;
        };
        let arg = call.args.get(usize::from(*param))?;
        (call.resolution == Resolution::Exact).then(|| Stop {
            function: site.function,
            at,
            queue: Queue {
                place: arg.place.clone(),
                channel: arg.channel,
            },
            in_loop: stop.in_loop || reaches(caller, at, at),
            perhaps: stop.perhaps || passes_by(sends, stop.at),
            ..*stop
        })
    };
    let callers = analysis.callers(stop.function);
    callers.iter().filter_map(by).collect()
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
    take: Take<'a>,
}

/// Where an item is taken from a queue.
struct Take<'a> {
    function: FnId,
    at: Point,
    event: &'a Event,
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
                && let Some(take) = takes(analysis, spawn, &stop.queue)
                && (stop.named || ends_on(analysis, &take, stop.message))
            {
                many |= spawn.in_loop;
                found.push(Consumers {
                    function: id,
                    spawn: event,
                    take,
                });
            }
        }
    }
    let several = many || found.len() > 1;
    found.into_iter().next().filter(|_| several)
}

/// Where the thread takes from the queue, in its body or in a function that is
/// handed the queue.
fn takes<'a>(analysis: &'a Analysis, spawn: &Spawn, queue: &Queue) -> Option<Take<'a>> {
    let body = spawn.body?;
    let function = analysis.program().functions.get(body.index())?;
    events(function).find_map(|(at, event)| match &event.kind {
        EventKind::Take { queue: taken } => one(taken, queue).then_some(Take {
            function: body,
            at,
            event,
        }),
        EventKind::Call(call) => handed(analysis, call, queue),
        _ => None,
    })
}

/// Whether the message makes the loop end that takes: what is behind the test
/// takes no more.
fn ends_on(analysis: &Analysis, take: &Take<'_>, wanted: &str) -> bool {
    let function = analysis.function(take.function);
    events(function).any(|(at, event)| {
        let ends = matches!(&event.kind, EventKind::EndsOn { message } if message == wanted);
        ends && reaches(function, take.at, at) && !reaches(function, at, take.at)
    })
}

fn handed<'a>(analysis: &'a Analysis, call: &Call, queue: &Queue) -> Option<Take<'a>> {
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
    events(function).find_map(|(at, event)| match &event.kind {
        EventKind::Take { queue } => is_it(queue).then_some(Take {
            function: callee,
            at,
            event,
        }),
        _ => None,
    })
}

fn report(draw: &Draw<'_>, stop: &Stop<'_>, consumers: &Consumers<'_>) -> Finding {
    let function = draw.function_name(stop.function);
    let message = stop.message;
    let (sender, sent) = stop.sent;
    let mut puts = Vec::new();
    if sender != stop.function
        && let Some(call) = draw
            .function(stop.function)
            .and_then(|f| event_at(f, stop.at))
    {
        let what = format!("calls `{}`", draw.function_name(sender));
        puts.push(draw.step(stop.function, call.site, Role::Call, "", what));
    }
    let what = format!("puts in one `{message}`");
    puts.push(draw.step(sender, sent.site, Role::Send, "", what));
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
                steps: puts,
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
                        consumers.take.function,
                        consumers.take.event.site,
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
