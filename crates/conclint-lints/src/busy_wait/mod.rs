//! A loop that does nothing but look whether another thread is done.

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{Analysis, BlockKind, Event, EventKind, FnId, Function};

use crate::flow::{Point, event_at, events, goes_round, leads_to_block, reaches};
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};

mod look;
mod round;
mod signals;

use look::{Look, Questions, position};
use round::{Round, writes_back};

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
    let questions = Questions::new(analysis);
    let signalled = signals::told(analysis);
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        if function.origins.is_empty() || !goes_round(function) {
            continue;
        }
        let mut found: Vec<(Point, &Event, Look, Round)> = Vec::new();
        for (at, event) in events(function) {
            let Some(look) = Look::of(analysis, &questions, id, function, at, event) else {
                continue;
            };
            let Some(round) = Round::of(&questions, function, at, &look) else {
                continue;
            };
            // Of several looks in one loop, one is what it waits for.
            let rank = |at: Point, event: &Event, look: &Look| {
                (
                    matches!(event.kind, EventKind::Recv { .. }),
                    !look.object.is_some_and(|class| signalled.contains(&class)),
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
            let works = !matches!(event.kind, EventKind::Recv { .. })
                && comes_back(&questions, function, *at);
            // What is asked need not be a question: its answer has to end the wait.
            // Without a standard library there is nothing to wait on but the value.
            let asks = look.asks && !leaves(function, *at, look);
            // A look now and then costs little, and whoever put a pause in between
            // knew that: of 65 that were read, 35 were worth a word.
            let polls =
                round.sleeps && !function.is_async && !matches!(event.kind, EventKind::Recv { .. });
            let default = settings.level == Level::Default;
            let careful = default
                && (works
                    || polls
                    || asks
                    || function.no_std
                    || look.object.is_some_and(|class| signalled.contains(&class))
                    || steps(function, *at)
                    || writes_back(function, *at, look)
                    || takes_along(function, event)
                    || is_a_lock(function) && round.pauses());
            let on_purpose = round.spins && (default || is_structure(function))
                || round.prints && (default || is_all(function, *at))
                || backs_off(look, *round);
            let careful = careful || on_purpose;
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

/// The function is part of a data structure: whoever knows the hint
/// (`spin_loop`) wrote its loop on purpose.
fn is_structure(function: &Function) -> bool {
    let is_method = function.params.first().is_some_and(|p| p.name == "self");
    let exchanges = |event: &Event| matches!(event.kind, EventKind::Load { exchange: true, .. });
    is_method || is_a_lock(function) || events(function).any(|(_, event)| exchanges(event))
}

/// Nothing follows the loop: to print now and then may be what it is there for.
fn is_all(function: &Function, look: Point) -> bool {
    !events(function).any(|(at, event)| {
        let nothing = matches!(
            event.kind,
            EventKind::Release { .. }
                | EventKind::Use { .. }
                | EventKind::Test { .. }
                | EventKind::Insist { .. }
                | EventKind::Join { .. }
                | EventKind::Load { .. }
                | EventKind::Work { .. }
        );
        !nothing && reaches(function, look, at) && !reaches(function, at, look)
    })
}

/// The second of two locks is tried while the first one is held, and the first one
/// is let go where that fails: so two that go round cannot wait for each other.
fn backs_off(look: &Look, round: Round) -> bool {
    look.tries && round.locks
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
fn comes_back(questions: &Questions<'_>, function: &Function, look: Point) -> bool {
    let works = |event: &Event| match &event.kind {
        EventKind::Call(call) => !questions.asked(call).is_some_and(|asked| asked.only),
        EventKind::Block { kind, .. } => *kind != BlockKind::Sleep,
        EventKind::Wait { .. } | EventKind::Await | EventKind::Other => true,
        _ => false,
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
    let confidence = if careful {
        Confidence::Low
    } else if round.sleeps || round.yields || round.spins {
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
