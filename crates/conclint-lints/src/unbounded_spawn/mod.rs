//! A thread for each item or connection, however many there are.

use conclint_diag::{Confidence, Finding, Role, Severity, Step, Trace};
use conclint_facts::{
    Analysis, Blocking, Call, Event, EventKind, FnId, Function, Per, Spawn, SpawnKind,
};

use crate::flow::{Point, event_at, events, passes_by, reaches};
use crate::reads::{is_ticket, reads, target};
use crate::trace::Draw;
use crate::ways::decides;
use crate::{Found, Level, Lint, Settings};

mod recursion;

/// The lint.
pub static LINT: Lint = Lint {
    name: "unbounded-spawn",
    code: "CL204",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a thread for each item or connection, with no bound on how many run at once",
    page: include_str!("lint.md"),
    check,
};

/// How many calls away a bound may be.
const CALLS: u32 = 2;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        let mut seen: Vec<Point> = Vec::new();
        for start in Start::all(analysis, function) {
            let at = start.at;
            // One finding for a loop, whatever it starts in a round.
            if !seen
                .iter()
                .any(|other| reaches(function, *other, at) && reaches(function, at, *other))
                && let Some(feed) = Feed::of(function, &start)
                && !is_bounded(analysis, id, function, &start, &feed)
            {
                let mut finding = report(&draw, id, &start, &feed);
                // Large programs start a thread for each of a few configured things,
                // and one for each of the few programs of this machine that ask them.
                let few = matches!(feed, Feed::Items | Feed::Connections { local: true, .. });
                if few && settings.level == Level::Default {
                    finding.confidence = Confidence::Low;
                }
                findings.push(finding);
                seen.push(at);
            }
        }
    }
    recursion::check(analysis, settings, findings);
}

/// A place where a thread is started: here, or in the function that is called.
struct Start<'a> {
    at: Point,
    event: &'a Event,
    spawn: &'a Spawn,
    /// The call's name.
    through: Option<&'a str>,
    per: Option<Per>,
    over: &'a str,
}

impl<'a> Start<'a> {
    fn all(analysis: &'a Analysis, function: &'a Function) -> Vec<Self> {
        let own = events(function).filter_map(|(at, event)| match &event.kind {
            EventKind::Spawn(spawn) if is_thread(spawn) => Some(Start {
                at,
                event,
                spawn,
                through: None,
                per: spawn.per,
                over: &spawn.over,
            }),
            _ => None,
        });
        let called = function.called.iter().filter_map(|called| {
            let (block, index) = called.at;
            let at = Point { block, index };
            let event = event_at(function, at)?;
            let EventKind::Call(call) = &event.kind else {
                return None;
            };
            Some(Start {
                at,
                event,
                spawn: started(analysis, call)?,
                through: Some(&call.name),
                per: Some(called.per),
                over: &called.over,
            })
        });
        let mut all: Vec<_> = own.chain(called).collect();
        all.sort_by_key(|start| start.at);
        all
    }
}

fn is_thread(spawn: &Spawn) -> bool {
    matches!(spawn.kind, SpawnKind::Thread | SpawnKind::Scoped)
}

/// The thread that the called function starts each time it runs, and leaves running.
fn started<'a>(analysis: &'a Analysis, call: &Call) -> Option<&'a Spawn> {
    let (_, callee) = target(analysis, call)?;
    let start = events(callee).find_map(|(at, event)| match &event.kind {
        EventKind::Spawn(spawn)
            if spawn.kind == SpawnKind::Thread
                && spawn.per.is_none()
                && spawn.joined.is_none()
                && !passes_by(callee, at) =>
        {
            Some(&**spawn)
        }
        _ => None,
    })?;
    let bounded = events(callee).any(|(_, event)| waits(analysis, event, CALLS));
    (!bounded).then_some(start)
}

/// What decides how many threads there will be.
enum Feed<'a> {
    /// Connections from outside.
    Connections {
        /// Where they are taken, if not in a `for`.
        taken: Option<(Point, &'a Event)>,
        /// Only from the same machine.
        local: bool,
    },
    /// Messages of a channel.
    Messages(Point, &'a Event),
    /// Items of something that was handed in.
    Items,
}

impl<'a> Feed<'a> {
    fn of(function: &'a Function, start: &Start<'_>) -> Option<Self> {
        let (spawn, per) = (start.at, start.per?);
        if let Per::Connection { local } = per {
            return Some(Feed::Connections { taken: None, local });
        }
        let in_round = |at: Point| reaches(function, at, spawn) && reaches(function, spawn, at);
        if per != Per::Count {
            for (at, event) in events(function) {
                match &event.kind {
                    EventKind::Accept { local } if in_round(at) => {
                        return Some(Feed::Connections {
                            taken: Some((at, event)),
                            local: *local,
                        });
                    }
                    EventKind::Recv {
                        blocking: Blocking::Waits,
                        ..
                    } if in_round(at) => return Some(Feed::Messages(at, event)),
                    _ => {}
                }
            }
        }
        (per == Per::Item && !is_split(start.over)).then_some(Feed::Items)
    }
}

/// What is called so is work that was split among threads, or the threads themselves.
fn is_split(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "part",
        "chunk",
        "worker",
        "thread",
        "shard",
        "range",
        "slice",
        "segment",
        "band",
        "tile",
        "group",
        "batch",
        "fork",
        "philosopher",
        "stage",
        "bucket",
        "half",
        "halves",
        "core",
        "cpu",
        "strip",
        "block",
        "interval",
        "share",
        "slot",
        "lane",
        "node",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether something in the loop, or first thing in the thread, keeps the
/// number down: a wait, a join, a permit, a count that is looked at.
fn is_bounded(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    start: &Start<'_>,
    feed: &Feed<'_>,
) -> bool {
    let spawn = start.at;
    let taken = match feed {
        Feed::Connections {
            taken: Some((at, _)),
            ..
        }
        | Feed::Messages(at, _) => Some(*at),
        Feed::Connections { taken: None, .. } | Feed::Items => None,
    };
    let in_round = |at: Point| reaches(function, at, spawn) && reaches(function, spawn, at);
    let in_loop = events(function).any(|(at, event)| {
        Some(at) != taken
            && at != spawn
            && in_round(at)
            && (waits(analysis, event, CALLS)
                || matches!(&event.kind, EventKind::Test { from, .. }
                    if (is_ticket(function, *from) || !reads(analysis, id, *from).is_empty())
                        && decides(function, at, spawn)))
    });
    let body = start
        .spawn
        .body
        .and_then(|body| analysis.program().functions.get(body.index()));
    // A permit taken by the thread bounds the work, if not the threads.
    in_loop
        || body.is_some_and(|body| {
            events(body).any(|(_, event)| {
                matches!(&event.kind, EventKind::Call(call) if is_permit(analysis, call, CALLS))
            })
        })
}

fn waits(analysis: &Analysis, event: &Event, calls: u32) -> bool {
    match &event.kind {
        EventKind::Wait { .. } | EventKind::Join { .. } => true,
        EventKind::Recv { blocking, .. } => *blocking == Blocking::Waits,
        EventKind::Send { bounded, .. } => *bounded == Some(true),
        EventKind::Call(call) => is_permit(analysis, call, calls),
        _ => false,
    }
}

/// The call takes a permit, by its name or because it waits for others.
fn is_permit(analysis: &Analysis, call: &Call, calls: u32) -> bool {
    let name = call.name.to_ascii_lowercase();
    if [
        "acquire",
        "permit",
        "semaphore",
        "throttle",
        "limit",
        "wait",
    ]
    .iter()
    .any(|word| name.contains(word))
    {
        return true;
    }
    calls > 0
        && call.targets.iter().any(|target| {
            analysis
                .program()
                .functions
                .get(target.index())
                .is_some_and(|body| {
                    events(body).any(|(_, event)| waits(analysis, event, calls - 1))
                })
        })
}

fn report(draw: &Draw<'_>, id: FnId, start: &Start<'_>, feed: &Feed<'_>) -> Finding {
    let function = draw.function_name(id);
    let (each, confidence) = match feed {
        Feed::Connections { .. } => ("connection", Confidence::High),
        Feed::Messages(..) => ("message", Confidence::Medium),
        Feed::Items => ("item", Confidence::Medium),
    };
    let mut steps: Vec<Step> = Vec::new();
    if let Feed::Connections {
        taken: Some((_, taken)),
        ..
    }
    | Feed::Messages(_, taken) = feed
    {
        let what = format!("takes the next {each}");
        steps.push(draw.step(id, taken.site, Role::Recv, "", what));
    }
    let what = match start.through {
        Some(name) => format!(
            "starts a thread for it, in `{name}` (`{}`)",
            start.spawn.what
        ),
        None => format!("starts a thread for it (`{}`)", start.spawn.what),
    };
    steps.push(draw.step(id, start.event.site, Role::Spawn, "", what));
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence,
        message: format!(
            "`{function}` starts a thread for each {each}, however many there are: enough of them use up memory and \
             threads, and the rest fails"
        ),
        paths: vec![Trace {
            title: "in each round".to_owned(),
            steps,
        }],
        help: vec![
            format!("a fixed number of threads that take their next {each} from a queue"),
            "or a bound: a semaphore, `chunks` of the items, a thread pool".to_owned(),
        ],
        identity: vec![function],
        in_test: draw.in_test(id),
    })
}
