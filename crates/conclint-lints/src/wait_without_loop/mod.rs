//! A wait on a condition variable that does not look at its condition again.

mod again;
mod unseen;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Event, EventKind, FnId, FnKind, Function, GuardId, Held, Kinds, ObjectKind,
    ObjectRef, Resolution, Root,
};

use crate::flow::{Point, after, ends, event_at, events, reaches};
use crate::reads::origins_of;
use crate::trace::Draw;
use crate::{Found, Level, Lint, Settings};
use again::{called_in_loops, comes_again, looked_at_again};
use unseen::{Act, Awaited, How};

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

/// Callers of callers that are asked for a loop.
const CALLERS: u32 = 1;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    for (id, function) in analysis.functions_with(Kinds::WAIT) {
        for (point, event) in events(function) {
            let EventKind::Wait {
                condvar,
                guard: Some(guard),
                checks_predicate: false,
                predicate_read,
                timed,
                by_reference,
                ..
            } = &event.kind
            else {
                continue;
            };
            let mut wait = Wait {
                id,
                function,
                point,
                guard: *guard,
                condvar,
                helper: None,
                looked: *predicate_read,
                timed: *timed,
                by_reference: *by_reference,
            };
            if taken_here(function, *guard) {
                let fault = wait.fault(analysis, settings);
                findings.extend(fault.and_then(|fault| report(analysis, &draw, &wait, fault)));
            } else if let Some(param) = wait.only_waits() {
                wait.helper = Some(id);
                let calls = wait.calls(analysis, param);
                let faults = calls
                    .into_iter()
                    .filter_map(|wait| Some((wait.fault(analysis, settings)?, wait)));
                findings.extend(
                    faults.filter_map(|(fault, wait)| report(analysis, &draw, &wait, fault)),
                );
            }
        }
    }
}

/// A wait, or the call of a helper that does nothing but wait, where its guard
/// is taken.
#[derive(Clone, Copy)]
struct Wait<'a> {
    id: FnId,
    function: &'a Function,
    point: Point,
    guard: GuardId,
    /// As the function that waits names it.
    condvar: &'a ObjectRef,
    helper: Option<FnId>,
    /// The guarded data were looked at before.
    looked: bool,
    timed: bool,
    by_reference: bool,
}

#[derive(Debug, Clone, Copy)]
enum Fault<'a> {
    /// It stands in no loop.
    NoLoop,
    /// It stands in a loop, but whoever takes the mutex waits, whatever the state.
    NotLookedAt,
    /// It stands in a loop that does not look again before this is done.
    TooLate(Act<'a>),
}

impl<'a> Wait<'a> {
    fn fault(&self, analysis: &'a Analysis, settings: &Settings) -> Option<Fault<'a>> {
        let Wait {
            id,
            function,
            guard,
            point,
            ..
        } = *self;
        let unseen = |again: bool| {
            let awaited = Awaited::new(analysis, function, guard, point)?;
            let graded = || {
                awaited
                    .beside()
                    .filter(|_| settings.level == Level::Grading)
            };
            awaited.act(again).or_else(graded)
        };
        if self.timed {
            // Who is back in time goes on in whatever way, unless it panics then.
            let act = unseen(false).filter(|act| act.how == How::Insists)?;
            return Some(Fault::TooLate(act));
        }
        if self.helper.is_none() && comes_again(id, function, guard, self.condvar, point) {
            return (!self.looked && !avoidable(function, guard, point))
                .then_some(Fault::NotLookedAt);
        }
        let looked = self.looked || avoidable(function, guard, point);
        if reaches(function, point, point) {
            return match looked {
                true => unseen(false).map(Fault::TooLate),
                false => Some(Fault::NotLookedAt),
            };
        }
        let comes_back = looked_at_again(analysis, function, guard, point)
            || avoidable(function, guard, point) && is_the_last(function, point);
        match comes_back && called_in_loops(analysis, id, CALLERS) {
            true => unseen(true).map(Fault::TooLate),
            false => Some(Fault::NoLoop),
        }
    }

    /// The parameter that brings the guard, where the function waits once and
    /// gives it back, whatever the state: the loop is its caller's.
    fn only_waits(&self) -> Option<u16> {
        let guard = self.function.guards.get(self.guard.index())?;
        let of_guard = origins_of(self.function, self.guard);
        let looks = |event: &Event| match &event.kind {
            EventKind::Test { from, .. } => !from.and(of_guard).is_empty(),
            _ => false,
        };
        let looks = events(self.function).any(|(_, event)| looks(event));
        let once = !self.timed && !self.by_reference && !looks;
        guard
            .given
            .filter(|_| once && guard.returned && !reaches(self.function, self.point, self.point))
    }

    /// The calls of this helper, by those who took the lock.
    fn calls<'b>(&self, analysis: &'b Analysis, param: u16) -> Vec<Wait<'b>>
    where
        'a: 'b,
    {
        let call = |at: &conclint_facts::EventRef| {
            let function = analysis.function(at.function);
            let EventKind::Call(call) = &analysis.event(*at).kind else {
                return None;
            };
            let arg = call.args.get(usize::from(param))?;
            let [guard] = arg.guards.as_slice() else {
                return None;
            };
            let exact = call.resolution == Resolution::Exact && call.targets == [self.id];
            let point = Point::of(*at);
            let looked = events(function).any(|(before, event)| {
                matches!(event.kind, EventKind::Use { guard: g, .. } if g == *guard)
                    && reaches(function, before, point)
            });
            (exact && taken_here(function, *guard)).then_some(Wait {
                id: at.function,
                function,
                point,
                guard: *guard,
                looked,
                ..*self
            })
        };
        analysis.callers(self.id).iter().filter_map(call).collect()
    }
}

/// Whether nothing is done after the wait but to let go of the lock: nobody goes
/// on as if anything held.
fn is_the_last(function: &Function, wait: Point) -> bool {
    let does = |event: &Event| {
        !matches!(
            event.kind,
            EventKind::Release { .. } | EventKind::Acquire { .. } | EventKind::Test { .. }
        )
    };
    let mut more = false;
    after(function, wait, |_, event| more |= does(event), |_| false);
    !more
}

/// Whether the lock can be taken and let go without this wait: then something
/// was looked at in between, be it no part of the guarded data.
fn avoidable(function: &Function, guard: GuardId, wait: Point) -> bool {
    let taken =
        |event: &Event| matches!(event.kind, EventKind::Acquire { guard: g, .. } if g == guard);
    let Some(at_wait) = event_at(function, wait) else {
        return false;
    };
    events(function)
        .filter(|(_, event)| taken(event))
        .any(|(point, _)| {
            let mut avoided = false;
            after(
                function,
                point,
                |_, event| avoided |= ends(event, guard),
                |event| std::ptr::eq(event, at_wait) || ends(event, guard),
            );
            avoided
        })
}

/// Whether the guard is of this function, and not of its caller.
fn taken_here(function: &Function, guard: GuardId) -> bool {
    let guard = function.guards.get(guard.index());
    guard.is_some_and(|guard| guard.given.is_none())
}

fn is_parking_lot(draw: &Draw<'_>, held: Option<&Held>) -> bool {
    let class = held.and_then(|held| draw.class(&held.lock));
    matches!(class.map(|class| &class.kind), Some(ObjectKind::Lock(traits)) if traits.family == "parking_lot")
}

/// The message and the first help.
fn words(wait: &Wait<'_>, fault: Fault<'_>, names: [&str; 3]) -> (String, String) {
    let [function, name, lock] = names;
    let check_itself =
        format!("let the wait check for itself: `{name}.wait_while(guard, |data| !ready(data))`");
    match fault {
        Fault::NoLoop => (
            format!(
                "`{function}` waits on `{name}` outside a loop: a wait may return without any notification, or after \
                 another thread has used up what was notified, and the code goes on as if its condition held"
            ),
            check_itself,
        ),
        Fault::NotLookedAt => (
            format!(
                "`{function}` takes `{lock}` and waits on `{name}` without looking at its condition first: \
                 when it was notified before this thread came here, nobody wakes it again"
            ),
            format!(
                "under `{lock}`, test the condition before each wait: `while !ready(&guard) {{ guard = .. }}`"
            ),
        ),
        Fault::TooLate(act) => {
            let then = match act.how {
                How::Changes => format!("changes what `{lock}` guards"),
                How::Insists => "takes for granted what it waited for".to_owned(),
                How::Leaves => "gives up when nothing is there".to_owned(),
            };
            let what = format!(
                "`{function}` waits on `{name}` and then {then}, with no second look in between"
            );
            match wait.timed {
                true => (
                    format!(
                        "{what}: a wait may return without any notification before its time is over"
                    ),
                    format!(
                        "let the wait check for itself: `{name}.wait_timeout_while(guard, limit, |data| !ready(data))`"
                    ),
                ),
                false => (
                    format!(
                        "{what}: a wait may return without any notification, or after another thread has used up \
                         what was notified, and a loop further out looks again too late"
                    ),
                    check_itself,
                ),
            }
        }
    }
}

/// `pair.1`, where it came in as a part of this parameter and has no other name.
fn part_of_pair(function: &Function, object: &ObjectRef) -> Option<String> {
    let (Root::Param(param), None) = (&object.place.root, object.class) else {
        return None;
    };
    let param = function.params.get(usize::from(*param))?;
    let [part] = object.place.path.as_slice() else {
        return None;
    };
    let is_part = part.parse::<u8>().is_ok() && !param.name.is_empty();
    is_part.then(|| format!("{}.{part}", param.name))
}

fn report(
    analysis: &Analysis,
    draw: &Draw<'_>,
    wait: &Wait<'_>,
    fault: Fault<'_>,
) -> Option<Finding> {
    let id = wait.id;
    let held = analysis
        .guard(id, wait.guard)
        .and_then(|info| info.locks.first());
    let key = draw.key(wait.condvar);
    let namer = analysis.function(wait.helper.unwrap_or(id));
    let name = part_of_pair(namer, wait.condvar).unwrap_or_else(|| draw.name(wait.condvar));
    let lock = held.map_or_else(|| "the mutex".to_owned(), |held| draw.name(&held.lock));
    let function = draw.function_name(id);
    let mut steps: Vec<_> = held.map(|held| draw.hold(id, held)).into_iter().collect();
    let what = match wait.helper {
        Some(helper) => format!(
            "waits on `{name}` in `{}`, giving up `{lock}` meanwhile",
            draw.function_name(helper)
        ),
        None => format!("waits on `{name}`, giving up `{lock}` meanwhile"),
    };
    let site = event_at(wait.function, wait.point)?.site;
    steps.push(draw.step(id, site, Role::Wait, name.clone(), what));
    let mut paths = vec![Trace {
        title: format!("the waiting thread: `{lock}`, then `{name}`"),
        steps,
    }];
    if let Fault::TooLate(act) = fault {
        let what = "goes on as if the condition held".to_owned();
        paths.push(Trace {
            title: "after the wait, before another look".to_owned(),
            steps: vec![draw.step(id, act.event.site, Role::Use, "", what)],
        });
    }
    // parking_lot promises that nothing but a notification wakes, and whoever
    // runs a closure may do so in a loop.
    let wakes_alone = !wait.by_reference && !is_parking_lot(draw, held);
    let (message, first) = words(wait, fault, [&function, &name, &lock]);
    Some(LINT.finding(Found {
        severity: Severity::Error,
        confidence: match fault {
            Fault::NoLoop if !wakes_alone || wait.function.kind == FnKind::Closure => {
                Confidence::Low
            }
            Fault::TooLate(_) if !wakes_alone => Confidence::Low,
            Fault::NoLoop => Confidence::High,
            Fault::NotLookedAt | Fault::TooLate(_) => Confidence::Medium,
        },
        message,
        paths,
        help: vec![
            first,
            format!("change what the condition reads only while `{lock}` is held"),
        ],
        identity: vec![key, function],
        in_test: draw.in_test(id),
    }))
}
