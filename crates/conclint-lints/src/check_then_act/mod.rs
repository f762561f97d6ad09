//! What is read in one critical section decides what a later one writes.

use conclint_diag::{Confidence, Finding, Role, Severity, Step, Trace};
use conclint_facts::{
    Alone, Analysis, EventKind, FnId, Function, Look, Mode, ObjectRef, Origin, Origins, ReleaseWhy,
    Writing,
};

use crate::flow::{Point, events, reaches};
use crate::reads::{
    Read, ReadKind, Write, gated, is_ticket, look, may_be_one_field, one_element, one_object,
    reads, writes,
};
use crate::trace::Draw;
use crate::ways::{decides, tells};
use crate::{Found, Level, Lint, Settings};

mod writers;

use writers::Writers;

/// The lint.
pub static LINT: Lint = Lint {
    name: "check-then-act",
    code: "CL107",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a value read in one critical section decides what a later one of the same lock writes",
    page: include_str!("lint.md"),
    check,
};

/// How many calls away a write may be.
const CALLS: u32 = 2;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let writers = Writers::of(analysis);
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        let looks = function
            .origins
            .iter()
            .any(|origin| !matches!(origin, Origin::Param(_)));
        if !looks || !analysis.entry_held(id).is_empty() {
            continue;
        }
        let mut found: Vec<Case> = Vec::new();
        for write in writes(analysis, id, CALLS) {
            if let Some(case) = Case::of(analysis, id, function, &write, settings.level)
                && analysis.is_alone_with(id, &write.object) < Alone::Surely
                && writers.meets(analysis, id, write.object.class)
                && !found.iter().any(|other| other.covers(&case))
                && !analysis.is_owned(id, &write.object)
            {
                found.push(case);
            }
        }
        found.extend(counted_and_read(analysis, id, function));
        for mut case in found {
            if settings.level == Level::Default
                && (case.link == Link::Decision
                    || case.is_far_apart()
                    || case.adds()
                    || case.inserts()
                    // Which thread has which element is mostly agreed on.
                    || !one_object(&case.read.object, &case.write.object)
                    || !(analysis.runs_on_several(id)
                        || is_offered(function) && writers.others(id, case.write.object.class))
                    || analysis.is_alone_with(id, &case.write.object) == Alone::AsSeen
                    || waits_between(function, &case))
            {
                case.confidence = Confidence::Low;
            }
            findings.push(report(&draw, id, &case));
        }
    }
}

/// Anybody may call it, from any thread: a library offers it.
fn is_offered(function: &Function) -> bool {
    function.is_pub && function.in_library
}

/// Whether the function awaits something, or takes other locks, between the read
/// and the write: it lets go on purpose, and something else keeps its likes out
/// meanwhile, such as a state or that one thread alone does this.
fn waits_between(function: &Function, case: &Case) -> bool {
    case.link == Link::Value
        && events(function).any(|(at, event)| {
            matches!(event.kind, EventKind::Await | EventKind::Acquire { .. })
                && at != case.write.taken
                && at != case.read.at
                && reaches(function, case.read.at, at)
                && reaches(function, at, case.write.taken)
                && !reaches(function, case.write.at, at)
        })
}

/// How the write depends on the read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// The value written does.
    Value,
    /// Whether it is written does.
    Decision,
    /// The other way round: counted up first, read in a later section.
    CountedThenRead,
}

struct Case {
    read: Read,
    /// Where it is decided.
    test: Option<conclint_facts::Site>,
    write: Write,
    link: Link,
    confidence: Confidence,
}

impl Case {
    /// What is wrong with this write, if anything.
    fn of(
        analysis: &Analysis,
        id: FnId,
        function: &Function,
        write: &Write,
        level: Level,
    ) -> Option<Case> {
        if !takes_alone(analysis, id, write) {
            return None;
        }
        let stale = |read: &Read| is_stale(analysis, id, function, read, write);
        if matters(&write.how)
            && let Some(read) = reads(analysis, id, write.from).into_iter().find(stale)
            && (read.field == write.field || read.field.is_none())
            && !write.renews
        {
            return Some(Case {
                confidence: if is_put_back(analysis, id, function, &read, write) {
                    Confidence::Low
                } else {
                    Confidence::High
                },
                test: None,
                write: write.clone(),
                link: Link::Value,
                read,
            });
        }
        if !matters(&write.how) {
            return None;
        }
        events(function).find_map(|(at, event)| {
            let EventKind::Test {
                from, look: asks, ..
            } = &event.kind
            else {
                return None;
            };
            let fits = |read: &Read| stale(read) && read.field == write.field;
            let read = reads(analysis, id, *from).into_iter().find(fits)?;
            // Whether there is something says nothing about what it is.
            let by_value = look(analysis, function, *from, *asks) >= Look::Constant;
            let fits = (by_value || !write.asks_presence)
                && !is_ticket(function, *from)
                && !leaves_the_loop(function, at, write.at)
                && reaches(function, read.at, at)
                && decides(function, at, write.at);
            let fits = fits && !looks_again(analysis, id, function, &read, write, by_value);
            fits.then(|| Case {
                confidence: if is_cache(analysis, id, function, &read, write)
                    || level != Level::Grading && is_protocol(&read, write)
                    || spares_a_write(function, at, *from, write)
                    || computes_between(function, at, write)
                {
                    Confidence::Low
                } else {
                    Confidence::Medium
                },
                test: Some(event.site),
                write: write.clone(),
                link: Link::Decision,
                read,
            })
        })
    }

    /// The write is in a called function, or the read two calls away: between
    /// the two lie steps of a protocol whose rules are not seen here, such as
    /// that one thread alone takes them.
    fn is_far_apart(&self) -> bool {
        self.link == Link::Value && (!self.write.chain.is_empty() || self.read.chain.len() > 1)
    }

    /// What is there stays there: at worst a limit is passed by a little.
    fn adds(&self) -> bool {
        let adds = |name: &str| matches!(name, "extend" | "append" | "push" | "push_back");
        self.link == Link::Value && matches!(&self.write.how, Writing::Method(name) if adds(name))
    }

    /// An entry of a map, and most often another one than was read: what others
    /// wrote in between stays.
    fn inserts(&self) -> bool {
        self.link == Link::Value
            && matches!(&self.write.how, Writing::Method(name) if matches!(name.as_str(), "insert" | "put"))
    }

    /// One finding for each pair of a lock and a way.
    fn covers(&self, other: &Case) -> bool {
        self.read.object == other.read.object && self.read.site == other.read.site
    }
}

/// Removing what is gone does no harm; all other writes rely on what was read.
fn matters(how: &Writing) -> bool {
    match how {
        Writing::Assign | Writing::Update => true,
        Writing::Method(name) => !matches!(
            name.as_str(),
            "remove"
                | "clear"
                | "retain"
                | "take"
                | "drain"
                | "truncate"
                | "replace"
                | "split_off"
                | "iter_mut"
                | "values_mut"
                | "get_mut"
                | "as_mut"
                | "send"
                | "write"
                | "write_all"
                | "sort"
                | "reverse"
        ),
        Writing::Call => false,
    }
}

/// The lock is taken for the write alone, in this function.
fn takes_alone(analysis: &Analysis, id: FnId, write: &Write) -> bool {
    write.guard.is_none_or(|guard| {
        analysis
            .guard(id, guard)
            .is_some_and(|info| info.locks.iter().all(|held| held.mode == Mode::Exclusive))
    })
}

/// Whether the read belongs to an earlier critical section of the lock that
/// the write is made under, and nothing keeps others out in between.
fn is_stale(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    read: &Read,
    write: &Write,
) -> bool {
    if read.kind != ReadKind::Lock
        || read.claimed
        || !(one_object(&read.object, &write.object)
            || one_element(analysis, id, &read.object, &write.object))
        || !may_be_one_field(read.field.as_ref(), write.field.as_ref())
        || read.guard.is_some() && read.guard == write.guard
        || through_one(read, write)
    {
        return false;
    }
    let held = |at: Point| analysis.held_before(at.in_function(id));
    let still = |at: Point| {
        held(at).iter().any(|held| {
            Some(held.guard) == read.guard
                || one_object(&held.lock, &read.object)
                || one_element(analysis, id, &held.lock, &read.object)
        })
    };
    !still(write.taken)
        && !is_upgrade(function, read, write)
        && read.at != write.taken
        && reaches(function, read.at, write.taken)
        && !gated(analysis, id, read.at, write.taken)
}

/// The guard that was read by becomes the one that is written by: nobody comes
/// between the two.
fn is_upgrade(function: &Function, read: &Read, write: &Write) -> bool {
    let block = function.blocks.get(write.taken.block.index());
    let before = write.taken.index.checked_sub(1);
    block
        .zip(before)
        .and_then(|(block, index)| block.events.get(index as usize))
        .is_some_and(|event| {
            matches!(event.kind, EventKind::Release { guard, why: ReleaseWhy::Moved } if Some(guard) == read.guard)
        })
}

/// The test is made in each round of a loop that the write comes after: what
/// it found the last time decided nothing about the write.
fn leaves_the_loop(function: &Function, test: Point, write: Point) -> bool {
    reaches(function, test, test) && !reaches(function, write, test)
}

/// Whether the function looks again before it writes: under the guard that it
/// writes by, or under another lock that it then keeps until the write.
fn looks_again(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    first: &Read,
    write: &Write,
    by_value: bool,
) -> bool {
    events(function).any(|(at, event)| {
        let EventKind::Test { from, look, .. } = &event.kind else {
            return false;
        };
        (!by_value || *look > Look::Presence)
            && reaches(function, at, write.at)
            && reads(analysis, id, *from).iter().any(|read| {
                let under_it = read.guard.is_some() && read.guard == write.guard;
                let gated = read.at != first.at
                    && one_object(&read.object, &write.object)
                    && gated(analysis, id, read.at, write.taken);
                under_it || gated
            })
    })
}

/// A cache that is read through: what was found is what the function gives,
/// and what was not is computed and kept for the next one. Two threads then
/// compute it twice, and nothing else happens.
fn is_cache(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    read: &Read,
    write: &Write,
) -> bool {
    let keeps = match &write.how {
        Writing::Assign => true,
        Writing::Method(name) => matches!(name.as_str(), "insert" | "put" | "push" | "set"),
        Writing::Update | Writing::Call => false,
    };
    // What the caller gives may be meant to run once.
    let supplied = events(function).any(|(at, event)| {
        matches!(event.kind, EventKind::CallParam { .. })
            && reaches(function, read.at, at)
            && reaches(function, at, write.at)
    });
    keeps
        && !supplied
        && reads(analysis, id, function.returns)
            .iter()
            .any(|given| given.at == read.at && one_object(&given.object, &read.object))
}

/// `let groups = match cache.get(key) { Some(groups) => groups, None => compute() };
/// cache.insert(key, groups)`: what was found is put back, and what was not is
/// kept for the next one. The write is made either way.
fn is_put_back(
    analysis: &Analysis,
    id: FnId,
    function: &Function,
    read: &Read,
    write: &Write,
) -> bool {
    let inserts =
        matches!(&write.how, Writing::Method(name) if matches!(name.as_str(), "insert" | "put"));
    let mut looks = events(function)
        .filter(|(at, event)| {
            let EventKind::Test { from, .. } = &event.kind else {
                return false;
            };
            reaches(function, *at, write.at)
                && reads(analysis, id, *from)
                    .iter()
                    .any(|other| other.at == read.at && one_object(&other.object, &read.object))
        })
        .peekable();
    inserts
        && looks.peek().is_some()
        && looks.all(|(at, _)| {
            !decides(function, at, write.at) && !leaves_early(function, at, write.at)
        })
}

/// What is missing is computed with the lock released, and then kept: a cache,
/// where two threads compute the same twice, and the later one stays. What the
/// caller gives to compute it may be meant to run once.
fn computes_between(function: &Function, test: Point, write: &Write) -> bool {
    let keeps =
        matches!(&write.how, Writing::Method(name) if matches!(name.as_str(), "insert" | "put"));
    let mut between = events(function)
        .filter(|(at, _)| {
            *at != write.at
                && *at != write.taken
                && reaches(function, test, *at)
                && reaches(function, *at, write.taken)
                && !reaches(function, write.at, *at)
        })
        .map(|(_, event)| &event.kind)
        .filter(|kind| {
            matches!(
                kind,
                EventKind::Call(_)
                    | EventKind::CallParam { .. }
                    | EventKind::Await
                    | EventKind::Block { .. }
                    | EventKind::Work { .. }
            )
        })
        .peekable();
    keeps
        && between.peek().is_some()
        && between.all(|kind| !matches!(kind, EventKind::CallParam { .. }))
}

/// Whether control can leave the function behind the test without the write.
fn leaves_early(function: &Function, test: Point, write: Point) -> bool {
    let mut left = false;
    let mut seen = std::collections::BTreeSet::new();
    let mut work = vec![test.block];
    while let Some(block) = work.pop() {
        let Some(body) = function.blocks.get(block.index()) else {
            continue;
        };
        left |= body.successors.is_empty() && block != write.block;
        work.extend(
            body.successors
                .iter()
                .filter(|next| **next != write.block && seen.insert(**next)),
        );
    }
    left
}

/// `if *m.read() != new { *m.write() = new }`, `if m.read().is_some() { *m.write()
/// = None }`: the test only spares a write that could as well be made each
/// time, as nothing else hangs on it.
fn spares_a_write(function: &Function, test: Point, from: Origins, write: &Write) -> bool {
    let compared = write.from.without(from).is_empty();
    // `true` for the one who came first.
    let claims = write.from.is_empty() && tells(function, test, write.at);
    write.how == Writing::Assign
        && compared
        && !claims
        && !events(function).any(|(at, event)| {
            let counts = match &event.kind {
                EventKind::Call(call) => !call.targets.is_empty(),
                EventKind::Spawn(_)
                | EventKind::Send { .. }
                | EventKind::Block { .. }
                | EventKind::Await
                | EventKind::Notify { .. }
                | EventKind::CallParam { .. }
                | EventKind::Store { .. } => true,
                _ => false,
            };
            counts && at != write.at && decides(function, test, at)
        })
}

/// Reading and assigning are functions of their own, `state()` and
/// `set_state()`: the author of the type has given them a protocol, which is
/// not seen here.
fn is_protocol(read: &Read, write: &Write) -> bool {
    !read.chain.is_empty() && !write.chain.is_empty() && write.how == Writing::Assign
}

/// Both lie in one called function, where they are looked at on their own.
fn through_one(read: &Read, write: &Write) -> bool {
    match (read.chain.first(), write.chain.first()) {
        (Some(read), Some(write)) => read.name == write.name,
        _ => false,
    }
}

/// `*m.lock() += 1; *m.lock()`: what is given back is not what was counted.
fn counted_and_read(analysis: &Analysis, id: FnId, function: &Function) -> Option<Case> {
    if function.returns.is_empty() || !analysis.may_run_in_parallel(id, id) {
        return None;
    }
    let given = reads(analysis, id, function.returns);
    writes(analysis, id, 0).into_iter().find_map(|write| {
        if write.how != Writing::Update {
            return None;
        }
        let later = |read: &&Read| {
            read.kind == ReadKind::Lock
                && !read.claimed
                && read.guard != write.guard
                && read.field == write.field
                && one_object(&read.object, &write.object)
                && reaches(function, write.at, read.at)
                && !reaches(function, read.at, write.at)
                && !gated(analysis, id, write.at, read.at)
        };
        let read = given.iter().find(later)?.clone();
        let held = analysis.held_before(read.at.in_function(id));
        let apart = !held.iter().any(|held| Some(held.guard) == write.guard);
        apart.then_some(Case {
            read,
            test: None,
            write,
            link: Link::CountedThenRead,
            confidence: Confidence::Medium,
        })
    })
}

fn report(draw: &Draw<'_>, id: FnId, case: &Case) -> Finding {
    let name = draw.name(&case.read.object);
    let function = draw.function_name(id);
    let message = match case.link {
        Link::Value => format!(
            "`{function}` reads under `{name}`, lets go, and writes a value that depends on it: what another thread \
             writes in between is lost"
        ),
        Link::Decision => format!(
            "`{function}` decides by what it read under `{name}`, lets go, and acts on it in another critical section: \
             another thread can act in between"
        ),
        Link::CountedThenRead => format!(
            "`{function}` changes a value under `{name}`, lets go, and reads it again for its result: another thread \
             can change it in between"
        ),
    };
    let mut reading: Vec<Step> = draw.calls(&case.read.chain).collect();
    reading.push(draw.step(
        case.read.read_in,
        case.read.site,
        Role::Hold,
        name.clone(),
        format!("reads under `{name}` and lets go"),
    ));
    let mut writing: Vec<Step> = draw.calls(&case.write.chain).collect();
    writing.push(draw.step(
        case.write.write_in,
        case.write.site,
        Role::Use,
        name.clone(),
        format!("writes under `{name}`, taken again"),
    ));
    let steps = match case.link {
        Link::CountedThenRead => [writing, reading].concat(),
        Link::Value | Link::Decision => {
            if let Some(test) = case.test {
                let what = "decides by what was read".to_owned();
                reading.push(draw.step(id, test, Role::Use, name.clone(), what));
            }
            [reading, writing].concat()
        }
    };
    LINT.finding(Found {
        severity: Severity::Warning,
        confidence: case.confidence,
        message,
        paths: vec![Trace {
            title: "each thread, in two critical sections".to_owned(),
            steps,
        }],
        help: vec![
            format!("keep the guard of `{name}` from the read to the write: one critical section"),
            "or look again once the lock is taken the second time (`entry` of a map, the result of `insert`)".to_owned(),
        ],
        identity: vec![key(draw, &case.read.object), function],
        in_test: draw.in_test(id),
    })
}

fn key(draw: &Draw<'_>, object: &ObjectRef) -> String {
    draw.key(object)
}
