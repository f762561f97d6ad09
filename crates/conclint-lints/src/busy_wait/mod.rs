//! A loop that does nothing but look whether another thread is done.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, BlockId, BlockKind, Blocking, Call, ClassId, Event, EventKind, FnId, Function,
    ObjectRef, Origin, Origins, PauseKind, Resolution, WorkKind,
};

use crate::flow::{Point, event_at, events, leads_to_block, reaches};
use crate::reads::origins_of;
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

mod signals;

/// The lint.
pub static LINT: Lint = Lint {
    name: "busy-wait",
    code: "CL403",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a loop waits for another thread by looking again and again",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let signalled = signals::told(analysis);
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        if function.origins.is_empty() {
            continue;
        }
        let mut found: Vec<(Point, &Event, Look, Round)> = Vec::new();
        for (at, event) in events(function) {
            let Some(look) = Look::of(analysis, id, function, at, event) else {
                continue;
            };
            let Some(round) = Round::of(function, at, &look) else {
                continue;
            };
            // Of several looks in one loop, one is what it waits for.
            let rank = |at: Point, event: &Event, look: &Look| {
                (
                    matches!(event.kind, EventKind::Recv { .. }),
                    !leaves(function, at, look),
                    event.site.line,
                )
            };
            let known = found
                .iter_mut()
                .find(|(other, ..)| reaches(function, *other, at) && reaches(function, at, *other));
            match known {
                Some(known) if rank(at, event, &look) > rank(known.0, known.1, &known.2) => {
                    *known = (at, event, look, round);
                }
                Some(_) => {}
                None => found.push((at, event, look, round)),
            }
        }
        for (at, event, look, round) in &found {
            // A loop that has work in other rounds does it from time to time, or
            // tries again; what waits in it, if anything, is its author's choice.
            let works = !matches!(event.kind, EventKind::Recv { .. }) && comes_back(function, *at);
            // What is asked need not be a question: its answer has to end the wait.
            // Without a standard library there is nothing to wait on but the value.
            let asks = look.needs_pause && !leaves(function, *at, look);
            // A look now and then costs little, and whoever put a pause in between
            // knew that: of 65 that were read, 35 were worth a word.
            let polls =
                round.sleeps && !function.is_async && !matches!(event.kind, EventKind::Recv { .. });
            let careful = settings.level == Level::Default
                && (works
                    || polls
                    || asks
                    || function.no_std
                    || look.object.is_some_and(|class| signalled.contains(&class))
                    || steps(function, *at)
                    || takes_along(function, event)
                    || is_a_lock(function) && round.pauses());
            findings.push(report(&draw, id, event, look, round, careful));
        }
    }
}

/// The function is itself a lock, by its name: it has nothing to wait on.
fn is_a_lock(function: &Function) -> bool {
    matches!(
        function.name.as_str(),
        "lock" | "read" | "write" | "acquire" | "lock_shared" | "lock_exclusive"
    )
}

/// Whether a test of what is looked at leaves the loop one way: the flag of
/// `while !stopped`, beside which the loop may wait for something else.
fn leaves(function: &Function, look: Point, of: &Look) -> bool {
    events(function).any(|(at, event)| {
        let EventKind::Test { from, .. } = &event.kind else {
            return false;
        };
        let tests = !from.and(of.from).is_empty();
        let block = function.blocks.get(at.block.index());
        tests
            && block.is_some_and(|block| {
                block
                    .successors
                    .iter()
                    .any(|next| !leads_to_block(function, *next, look.block))
            })
    })
}

/// A look at what another thread changes.
struct Look {
    /// What is looked at, for people.
    name: String,
    what: String,
    /// The atomic that is looked at.
    object: Option<ClassId>,
    /// The results that tell of it.
    from: Origins,
    /// It is an exchange: where it fails, the state is another one, and the next
    /// round may go another way.
    exchanges: bool,
    /// A pause must show that the loop waits: the look itself may do some work.
    needs_pause: bool,
}

impl Look {
    fn of(
        analysis: &Analysis,
        id: FnId,
        function: &Function,
        at: Point,
        event: &Event,
    ) -> Option<Look> {
        let draw = Draw::new(analysis.program());
        let (name, what, needs_pause) = match &event.kind {
            EventKind::Load { object, .. } if !object.exclusive => {
                let name = draw.name(object);
                (name.clone(), format!("looks at `{name}`"), false)
            }
            EventKind::Acquire {
                guard, blocking, ..
            } if *blocking != Blocking::Timed => {
                let info = analysis.guard(id, *guard)?;
                let name = draw.name(&info.locks.first()?.lock);
                let data = origins_of(function, *guard);
                if *blocking == Blocking::Waits && !data.is_empty() {
                    let what = format!("takes `{name}` to look at what it guards");
                    return Some(Look {
                        name,
                        what,
                        object: None,
                        from: data,
                        exchanges: false,
                        needs_pause: false,
                    });
                }
                (name.clone(), format!("tries to take `{name}`"), false)
            }
            EventKind::Recv {
                channel,
                blocking: Blocking::Try | Blocking::Spins,
                ..
            } => {
                let name = channel.as_ref().map_or_else(String::new, |c| draw.name(c));
                (name, "looks for a message".to_owned(), false)
            }
            EventKind::Call(call) if asks(analysis, call) => {
                (call.name.to_string(), format!("asks `{}`", call.name), true)
            }
            _ => return None,
        };
        Some(Look {
            name,
            what,
            object: match &event.kind {
                EventKind::Load { object, .. } => object.class,
                _ => None,
            },
            from: Origins::one(position(function, at)?),
            exchanges: matches!(event.kind, EventKind::Load { exchange: true, .. }),
            needs_pause,
        })
    }
}

/// Whether the loop has rounds that wait as they should, if only for a time.
fn waits_well(function: &Function, look: Point) -> bool {
    events(function).any(|(at, event)| {
        let waits = match &event.kind {
            EventKind::Wait { .. } | EventKind::Await => true,
            EventKind::Recv { .. } => position(function, at).is_none(),
            _ => false,
        };
        waits && reaches(function, look, at) && reaches(function, at, look)
    })
}

/// Whether the loop has rounds in which something is done.
fn comes_back(function: &Function, look: Point) -> bool {
    let works = |event: &Event| {
        matches!(
            event.kind,
            EventKind::Call(_)
                | EventKind::Wait { .. }
                | EventKind::Await
                | EventKind::Other
                | EventKind::Block { .. }
        ) && !matches!(
            event.kind,
            EventKind::Block {
                kind: BlockKind::Sleep,
                ..
            }
        )
    };
    events(function).any(|(at, event)| {
        at != look && works(event) && reaches(function, look, at) && reaches(function, at, look)
    })
}

/// Whether the loop exchanges the same atomic elsewhere, too: where one exchange
/// fails, the next round starts from what the state is then.
fn steps(function: &Function, look: Point) -> bool {
    let exchanged = |event: &Event| match &event.kind {
        EventKind::Load {
            exchange: true,
            object,
            ..
            // Two elements of a list are hardly the same one.
        } if !object.place.path.iter().any(|part| conclint_facts::is_element(part)) => Some(object.clone()),
        _ => None,
    };
    let this = event_at(function, look).and_then(exchanged);
    this.is_some()
        && events(function).any(|(at, event)| {
            at != look
                && exchanged(event) == this
                && reaches(function, look, at)
                && reaches(function, at, look)
        })
}

/// Whether the guard that is taken to look leaves with the function: the loop
/// is about which lock to take.
fn takes_along(function: &Function, event: &Event) -> bool {
    let EventKind::Acquire { guard, .. } = &event.kind else {
        return false;
    };
    let guard = function.guards.get(guard.index());
    guard.is_some_and(|guard| guard.returned || guard.escapes)
}

/// Where the result of the event stands among the origins.
fn position(function: &Function, at: Point) -> Option<usize> {
    let this = Origin::Event {
        block: at.block,
        index: at.index,
    };
    function.origins.iter().position(|origin| *origin == this)
}

/// Two loads of one atomic are compared: a look at several things is tried
/// again until nothing changed meanwhile.
fn compares(function: &Function, from: Origins) -> bool {
    let loads: Vec<&ObjectRef> = from
        .iter()
        .filter_map(|position| match function.origins.get(position)? {
            Origin::Event { block, index } => {
                let at = Point {
                    block: *block,
                    index: *index,
                };
                match &event_at(function, at)?.kind {
                    EventKind::Load {
                        object,
                        exchange: false,
                        ..
                    } => Some(object),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect();
    let again = |(i, object): (usize, &&ObjectRef)| loads.iter().skip(i + 1).any(|o| o == object);
    loads.iter().enumerate().any(again)
}

/// The call takes a lock or reads an atomic, and does nothing that waits.
fn asks(analysis: &Analysis, call: &Call) -> bool {
    let (Resolution::Exact, &[callee]) = (call.resolution, call.targets.as_slice()) else {
        return false;
    };
    // What is polled under that name is mostly a device, or a future.
    let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
    if name.starts_with("poll") {
        return false;
    }
    let Some(body) = analysis.program().functions.get(callee.index()) else {
        return false;
    };
    let looks = |event: &Event| {
        matches!(
            event.kind,
            EventKind::Acquire { .. }
                | EventKind::Load { .. }
                | EventKind::Recv {
                    blocking: Blocking::Try | Blocking::Spins,
                    ..
                }
        )
    };
    let waits = |event: &Event| {
        matches!(
            event.kind,
            EventKind::Wait { .. }
                | EventKind::Block { .. }
                | EventKind::Await
                | EventKind::Join { .. }
                | EventKind::Recv {
                    blocking: Blocking::Waits | Blocking::Timed,
                    ..
                }
        )
    };
    !body.is_async
        && events(body).any(|(_, event)| looks(event))
        && !events(body).any(|(_, event)| waits(event))
}

/// One way round the loop on which nothing is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Round {
    tested: bool,
    yields: bool,
    spins: bool,
    sleeps: bool,
}

impl Round {
    /// Others get the processor meanwhile.
    fn pauses(self) -> bool {
        self.yields || self.sleeps
    }

    fn of(function: &Function, look: Point, of: &Look) -> Option<Round> {
        let mut all = Vec::new();
        let mut seen: BTreeSet<(BlockId, Round)> = BTreeSet::new();
        let mut work = vec![(look.block, look.index as usize + 1, Round::default())];
        while let Some((block, first, mut round)) = work.pop() {
            let Some(body) = function.blocks.get(block.index()) else {
                continue;
            };
            let mut over = false;
            for (index, event) in body.events.iter().enumerate().skip(first) {
                let here = Point {
                    block,
                    index: index as u32,
                };
                if here == look {
                    all.push(round);
                    over = true;
                } else if !round.add(function, here, event, look, of) {
                    over = true;
                }
                if over {
                    break;
                }
            }
            if !over {
                work.extend(
                    body.successors
                        .iter()
                        .filter(|next| seen.insert((**next, round)))
                        .map(|next| (*next, 0, round)),
                );
            }
        }
        let fits = |round: &&Round| {
            round.tested && (!of.needs_pause || round.yields || round.sleeps || round.spins)
        };
        let found: Vec<&Round> = all.iter().filter(fits).collect();
        if found.is_empty()
            || of.exchanges && comes_back(function, look)
            || waits_well(function, look)
        {
            return None;
        }
        let any = |what: fn(&Round) -> bool| found.iter().any(|round| what(round));
        Some(Round {
            tested: true,
            yields: any(|round| round.yields),
            spins: any(|round| round.spins),
            sleeps: any(|round| round.sleeps),
        })
    }

    /// Takes in one more event; false where the round is one in which something is done.
    fn add(
        &mut self,
        function: &Function,
        here: Point,
        event: &Event,
        look: Point,
        of: &Look,
    ) -> bool {
        match &event.kind {
            // It goes round because the value changed under its eyes.
            EventKind::Test { from, .. } if compares(function, *from) => return false,
            EventKind::Test { from, .. } => self.tested |= !from.and(of.from).is_empty(),
            EventKind::Pause(PauseKind::Yield) => self.yields = true,
            EventKind::Pause(PauseKind::Spin) => self.spins = true,
            EventKind::Block {
                kind: BlockKind::Sleep,
                ..
            } => self.sleeps = true,
            EventKind::Acquire { .. }
            | EventKind::Release { .. }
            | EventKind::Use { .. }
            | EventKind::Take { .. }
            | EventKind::Work {
                kind: WorkKind::Print | WorkKind::Format | WorkKind::Alloc,
                ..
            } => {}
            // `recv_timeout` waits, if not for ever.
            EventKind::Recv {
                blocking: Blocking::Try | Blocking::Spins,
                ..
            } => return position(function, here).is_some(),
            EventKind::Load { .. } => return !of.exchanges,
            // The write of an exchange that is the look itself.
            EventKind::SharedWrite { .. } => {
                let next = Point {
                    index: here.index + 1,
                    ..here
                };
                return next == look
                    && event_at(function, next).is_some_and(|event| {
                        matches!(event.kind, EventKind::Load { exchange: true, .. })
                    });
            }
            _ => return false,
        }
        true
    }
}

fn report(
    draw: &Draw<'_>,
    id: FnId,
    event: &Event,
    look: &Look,
    round: &Round,
    careful: bool,
) -> Finding {
    let function = draw.function_name(id);
    let between = if round.sleeps {
        "sleeps, and looks again"
    } else if round.yields || round.spins {
        "makes room for others, and looks again"
    } else {
        "looks again at once"
    };
    let cost = if round.sleeps {
        "it wakes up for nothing, and late when there is something"
    } else {
        "it burns a processor that the thread it waits for could use"
    };
    let of = match look.name.as_str() {
        "" => "for a message".to_owned(),
        name => format!("on `{name}`"),
    };
    let confidence = if round.spins || careful {
        // Whoever knows the hint wrote a spin loop on purpose.
        Confidence::Low
    } else if round.sleeps || round.yields {
        Confidence::Medium
    } else {
        Confidence::High
    };
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence,
        message: format!("`{function}` waits {of} in a loop that {between}: {cost}"),
        paths: vec![Trace {
            title: "round and round".to_owned(),
            steps: vec![draw.step(
                id,
                event.site,
                Role::Wait,
                look.name.clone(),
                format!("{}, {between}", look.what),
            )],
        }],
        help: vec![
            "wait for the change itself: a `Condvar` with the mutex of the state, a blocking `recv`, a `join`, or \
             `thread::park` and `unpark`"
                .to_owned(),
        ],
        identity: vec![look.name.clone(), function],
        in_test: draw.in_test(id),
    })
}
