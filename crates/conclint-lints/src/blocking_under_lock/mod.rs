//! Something that can wait for long, while a lock is held.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, BlockKind, BlockedUnder, Blocking, Event, EventKind, EventRef, FnId, Local, LocalId,
    Mode, Site, StmtId, StmtKind,
};

use crate::contention::Contention;
use crate::flow::{Point, after, ends, event_at, events, touches, used_in_statement, within};
use crate::trace::{Draw, confidence, is_drop, lower};
use crate::{Found, Level, Lint, Settings};

mod awaits;
mod purpose;
mod waits;

use waits::{is_passing, is_ready, is_taken_each_round};

/// The lint.
pub static LINT: Lint = Lint {
    name: "blocking-under-lock",
    code: "CL103",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "a sleep, join, receive, file or network operation runs while a lock is held",
    page: include_str!("lint.md"),
    check,
};

/// Calls from a holder to an operation.
type Way = Vec<(FnId, Site)>;

/// Places shown for one critical section and one reason.
const PLACES: usize = 4;

/// From so many holders on an operation is nobody's in particular.
const MANY: usize = 3;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let mut contention = Contention::of(analysis);
    // For each operation, the ways to it that start at some holder.
    let mut ways: BTreeMap<EventRef, BTreeSet<Way>> = BTreeMap::new();
    let awaits = awaits::under_async_locks(analysis);
    for blocked in analysis.blocked() {
        ways.entry(blocked.event).or_default().insert(way(blocked));
    }
    let mut sections: BTreeMap<(FnId, Site, Reason), Vec<&BlockedUnder>> = BTreeMap::new();
    let mut explained: BTreeSet<(FnId, Way, EventRef)> = BTreeSet::new();
    let mut holders: BTreeMap<EventRef, BTreeSet<FnId>> = BTreeMap::new();
    let for_io = purpose::locks_for_io(analysis);
    for blocked in analysis.blocked().iter().chain(&awaits) {
        let Some(reason) = reason(analysis, blocked) else {
            continue;
        };
        let serialises = |class| for_io.contains(&class);
        if reason.is_io() && blocked.held.lock.class.is_some_and(serialises) {
            continue;
        }
        let inner = ways
            .get(&blocked.event)
            .is_some_and(|known| held_further_in(blocked, known));
        if inner || purpose::is_meant(analysis, &draw, blocked, reason) {
            continue;
        }
        // Several locks held at once: the first one taken speaks for all.
        if explained.insert((blocked.function, way(blocked), blocked.event)) {
            sections
                .entry((blocked.function, blocked.held.site, reason))
                .or_default()
                .push(blocked);
            holders
                .entry(blocked.event)
                .or_default()
                .insert(blocked.function);
        }
    }
    let known = |blocked: &BlockedUnder| holders.get(&blocked.event).map_or(0, BTreeSet::len);
    for ((function, _, reason), places) in sections {
        let mut places: Vec<Place<'_>> = places
            .into_iter()
            .map(|blocked| Place {
                blocked,
                // In course work the threads may all be the tests'.
                sure: if purpose::hurts(analysis, &draw, &mut contention, blocked, reason)
                    && (settings.level != Level::Default
                        || contention.is_shared(&blocked.held.lock))
                {
                    sure(analysis, blocked, reason, known(blocked))
                } else {
                    Confidence::Low
                },
            })
            .collect();
        places.sort_by_key(|place| {
            (
                std::cmp::Reverse(place.sure),
                place.blocked.chain.len(),
                first_step(analysis, place.blocked),
            )
        });
        findings.extend(report(analysis, &draw, function, reason, &places));
    }
}

/// An operation under the lock, and how sure it is worth a word.
struct Place<'a> {
    blocked: &'a BlockedUnder,
    sure: Confidence,
}

/// Why a critical section takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Block(BlockKind),
    Join,
    Recv,
    Send,
    Wait,
    Yield,
    Await,
}

impl Reason {
    /// What the thread does there, after "while".
    fn in_words(self) -> &'static str {
        match self {
            Reason::Block(BlockKind::Sleep) => "the thread sleeps",
            Reason::Block(BlockKind::File) => "it works on files",
            Reason::Block(BlockKind::Network) => "it talks to the network",
            Reason::Block(BlockKind::Http) => "it makes an HTTP request",
            Reason::Block(BlockKind::Process) => "it waits for another process",
            Reason::Block(BlockKind::Stdin) => "it waits for input",
            Reason::Block(BlockKind::Barrier) => "it waits at a barrier",
            Reason::Block(BlockKind::Park) => "the thread is parked",
            Reason::Block(BlockKind::Pool) => "it waits for a thread pool",
            Reason::Block(BlockKind::BlockOn) => "it blocks on a future",
            Reason::Block(BlockKind::Callback) => "it runs code that the caller supplied",
            Reason::Block(BlockKind::NoReceiver) => {
                "it waits for room in a channel from which nobody can receive yet"
            }
            Reason::Block(BlockKind::Room) => "the task waits for room in a bounded channel",
            Reason::Join => "it waits for another thread to end",
            Reason::Recv => "it waits for a message",
            Reason::Send => "it waits for room in a bounded channel",
            Reason::Wait => "it waits on a condition variable that hands back another lock",
            Reason::Yield => "the thread gives way to others",
            Reason::Await => "the task may sleep there for long",
        }
    }

    /// What that does to the others.
    fn consequence(self, lock: &str) -> String {
        match self {
            Reason::Block(BlockKind::Callback) => format!(
                "nobody knows how long it takes, and when it comes back for `{lock}`, the thread waits for itself"
            ),
            Reason::Block(BlockKind::NoReceiver) => format!(
                "a second message never finds any: this thread hangs, and all that want `{lock}` do, too"
            ),
            Reason::Block(BlockKind::Room) => format!(
                "while that one is full, nobody gets `{lock}` for another; and if whoever empties it needs `{lock}`, nobody ever does"
            ),
            Reason::Yield => {
                format!(
                    "who could change what it waits for needs `{lock}`, which is free between two rounds only"
                )
            }
            Reason::Join
            | Reason::Recv
            | Reason::Send
            | Reason::Wait
            | Reason::Block(BlockKind::Barrier | BlockKind::Park) => {
                format!("if the one it waits for needs `{lock}` first, neither ever goes on")
            }
            Reason::Block(BlockKind::Pool | BlockKind::BlockOn) => {
                format!(
                    "if the work it waits for needs `{lock}`, or this thread picks up such work, nothing goes on"
                )
            }
            Reason::Block(_) => format!("every thread that wants `{lock}` waits just as long"),
            Reason::Await => format!("every task that wants `{lock}` waits just as long"),
        }
    }

    /// Plain input and output: slow, and at times what the lock is there for.
    fn is_io(self) -> bool {
        matches!(
            self,
            Reason::Block(
                BlockKind::File
                    | BlockKind::Network
                    | BlockKind::Http
                    | BlockKind::Process
                    | BlockKind::Stdin
            )
        )
    }

    /// It goes on when another thread has got somewhere.
    fn is_wait(self) -> bool {
        match self {
            Reason::Join | Reason::Recv | Reason::Send | Reason::Wait => true,
            Reason::Yield | Reason::Await => false,
            Reason::Block(kind) => matches!(
                kind,
                BlockKind::Barrier | BlockKind::Park | BlockKind::Pool | BlockKind::BlockOn
            ),
        }
    }

    fn role(self) -> Role {
        match self {
            Reason::Block(_) | Reason::Yield | Reason::Await => Role::Block,
            Reason::Join => Role::Join,
            Reason::Recv => Role::Recv,
            Reason::Send => Role::Send,
            Reason::Wait => Role::Wait,
        }
    }
}

/// The reason, where the operation really waits.
fn reason(analysis: &Analysis, blocked: &BlockedUnder) -> Option<Reason> {
    let event = analysis.event(blocked.event);
    let passing = |channel| is_passing(analysis, blocked.event.function, channel);
    match &event.kind {
        // `block_on(lock.read())`: what it waits for is this lock.
        EventKind::Block {
            kind: BlockKind::BlockOn,
            ..
        } if blocked.chain.is_empty() && within(blocked.held.site, event.site) => None,
        EventKind::Block {
            kind: BlockKind::BlockOn,
            ..
        } if is_ready(analysis, blocked.event) => None,
        // A guard that threads wait for is another lint's matter (CL106).
        EventKind::Block {
            kind: BlockKind::Room,
            of,
            ..
        } if !blocked.chain.is_empty()
            || *of != Some(blocked.held.guard)
            || !awaits::is_async(analysis, &blocked.held) =>
        {
            None
        }
        EventKind::Block { kind, .. } => Some(Reason::Block(*kind)),
        EventKind::CallParam { .. } => Some(Reason::Block(BlockKind::Callback)),
        EventKind::Pause(_) => is_taken_each_round(analysis, blocked).then_some(Reason::Yield),
        EventKind::Join { .. } => Some(Reason::Join),
        EventKind::Await => Some(Reason::Await),
        EventKind::Recv {
            blocking, channel, ..
        } => (*blocking != Blocking::Try && !passing(channel.as_ref())).then_some(Reason::Recv),
        EventKind::Send {
            bounded: Some(true),
            blocking,
            channel,
        } => (*blocking != Blocking::Try && !passing(channel.as_ref())).then_some(Reason::Send),
        // A wait gives back its own guard; which one that is must be known.
        EventKind::Wait {
            guard: Some(own), ..
        } => {
            let same = blocked.event.function == blocked.function && *own == blocked.held.guard;
            let handed = analysis.guard(blocked.event.function, *own);
            let one_class = handed.is_some_and(|info| {
                let classes = info.locks.iter().map(|held| held.lock.class);
                classes
                    .flatten()
                    .any(|class| blocked.held.lock.class == Some(class))
            });
            (!same && !one_class).then_some(Reason::Wait)
        }
        _ => None,
    }
}

/// The calls from the holder to the operation.
fn way(blocked: &BlockedUnder) -> Way {
    blocked
        .chain
        .iter()
        .map(|call| (call.function, call.site))
        .collect()
}

/// Whether a function further along the way holds a lock there, too: its
/// author is the one to tell.
fn held_further_in(blocked: &BlockedUnder, known: &BTreeSet<Way>) -> bool {
    let way = way(blocked);
    (1..=way.len()).any(|start| way.get(start..).is_some_and(|rest| known.contains(rest)))
}

/// The statement of the holding function in which the operation is reached.
fn statement(analysis: &Analysis, blocked: &BlockedUnder) -> Option<StmtId> {
    let function = analysis.program().functions.get(blocked.function.index())?;
    match blocked.chain.first() {
        None => event_at(function, Point::of(blocked.event)).map(|event| event.stmt),
        Some(call) => events(function)
            .find(|(_, event)| event.site == call.site && runs_code(event))
            .map(|(_, event)| event.stmt),
    }
}

fn runs_code(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Call(_) | EventKind::CallParam { .. } | EventKind::Acquire { .. }
    )
}

/// Whether the guarded data takes part in the statement that blocks.
fn on_guarded_data(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let function = analysis.program().functions.get(blocked.function.index());
    match (function, statement(analysis, blocked)) {
        (Some(function), Some(stmt)) => used_in_statement(function, blocked.held.guard, stmt),
        _ => false,
    }
}

/// Whether the operation only removes what was taken out of the guarded data:
/// that can wait until the lock is released. The statement yields
/// nothing, the guarded data takes no part in it, but something does that came
/// out of it.
fn disposes(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let Some(function) = analysis.program().functions.get(blocked.function.index()) else {
        return false;
    };
    let EventKind::Block { what, .. } = &analysis.event(blocked.event).kind else {
        return false;
    };
    let operation = what.rsplit("::").next().unwrap_or(what);
    if !operation.starts_with("remove") {
        return false;
    }
    let guard = blocked.held.guard;
    let id = statement(analysis, blocked);
    let Some(stmt) = id.and_then(|id| function.stmts.get(id.index())) else {
        return false;
    };
    let yields_nothing =
        matches!(stmt.kind, StmtKind::Let | StmtKind::Expr) && stmt.defs.is_empty() && !stmt.pinned;
    let touched: BTreeSet<StmtId> = events(function)
        .filter(|(_, event)| touches(event, guard))
        .map(|(_, event)| event.stmt)
        .collect();
    let came_out = |local: &LocalId| {
        let borrows = |l: &Local| l.id == *local && l.borrows == Some(guard);
        !function.locals.iter().any(borrows)
            && (0..)
                .map(StmtId)
                .zip(&function.stmts)
                .any(|(id, stmt)| stmt.defs.contains(local) && touched.contains(&id))
    };
    yields_nothing && stmt.uses.iter().any(came_out) && !on_guarded_data(analysis, blocked)
}

/// Whether the guarded data is touched between taking the lock and the
/// statement that blocks.
fn used_before(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let Some(function) = analysis.program().functions.get(blocked.function.index()) else {
        return false;
    };
    let end = first_step(analysis, blocked);
    let earlier = |site: Site| {
        site.file == end.file
            && (site.line, site.column) > (blocked.held.site.line, blocked.held.site.column)
            && (site.line, site.column) < (end.line, end.column)
    };
    events(function).any(|(_, event)| touches(event, blocked.held.guard) && earlier(event.site))
}

/// Whether the guarded data can be touched after the statement that blocks,
/// before the lock is released.
fn used_after(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let Some(function) = analysis.program().functions.get(blocked.function.index()) else {
        return false;
    };
    let guard = blocked.held.guard;
    let site = first_step(analysis, blocked);
    let Some((at, _)) = events(function).find(|(_, event)| event.site == site) else {
        return false;
    };
    let mut used = false;
    after(
        function,
        at,
        |_, event| used |= touches(event, guard),
        |event| ends(event, guard),
    );
    used || on_guarded_data(analysis, blocked)
}

/// Whether the guarded data is among what the call that blocks is given.
fn given_guarded_data(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let Some(function) = analysis.program().functions.get(blocked.function.index()) else {
        return false;
    };
    let call = first_step(analysis, blocked);
    events(function)
        .any(|(_, event)| touches(event, blocked.held.guard) && within(event.site, call))
}

/// How sure it is that the author wants to know. Further calls make it more
/// likely that it is known: such a lock is held around a whole operation. And
/// what many sections reach, deep down, is not the fault of each of them.
fn sure(analysis: &Analysis, blocked: &BlockedUnder, reason: Reason, holders: usize) -> Confidence {
    let sure = confidence(blocked.confidence);
    let alone = blocked.held.mode == Mode::Exclusive;
    let calls = blocked.chain.len();
    let reads = matches!(blocked.held.mode, Mode::Read | Mode::ReadRecursive);
    match reason {
        // Mostly that is what the lock is for: of six that were read, where the
        // guarded data was not even used afterwards, one was worth a word.
        Reason::Await => Confidence::Low,
        // Of 33 that were read, 5 of 7 were right where the sender is one of many that
        // the lock guards, and 4 of 26 elsewhere.
        Reason::Block(BlockKind::Room) if !blocked.held.must => Confidence::Low,
        Reason::Block(BlockKind::Room) => lower(sure),
        _ if calls > 1 && (reason.is_io() || holders > MANY) => Confidence::Low,
        // Readers let each other by, and writers of what is read this much
        // are mostly set-up. A temporary that lives on is no decision.
        _ if reads && named(analysis, blocked) && reason.is_io() => Confidence::Low,
        Reason::Block(BlockKind::File) if disposes(analysis, blocked) => lower(sure),
        // What comes back goes into the guarded data: that only one thread asks
        // is what the lock is for.
        _ if reason.is_io() && used_after(analysis, blocked) => Confidence::Low,
        Reason::Block(BlockKind::File) if calls > 0 || changes_files(analysis, blocked) => {
            Confidence::Low
        }
        Reason::Block(BlockKind::Sleep) if calls > 1 => Confidence::Low,
        // A pause or a wait in a function that is called belongs to what that does, and
        // so to what the lock is held for, if the guarded data is used afterwards.
        Reason::Block(BlockKind::Sleep | BlockKind::Barrier | BlockKind::Park) | Reason::Recv
            if calls > 0 && used_after(analysis, blocked) =>
        {
            Confidence::Low
        }
        Reason::Block(BlockKind::File) => lower(sure),
        // Whether there is something to wait for at the end of a variable's
        // life is mostly a matter of what became of it.
        _ if blocked.chain.iter().any(is_drop) => Confidence::Low,
        // What a function that is called waits for is what that function is about.
        Reason::Join | Reason::Block(BlockKind::BlockOn | BlockKind::Network) if calls > 0 => {
            Confidence::Low
        }
        // A callback under a read lock is mostly a reader itself.
        Reason::Block(BlockKind::Callback) if calls > 0 || !alone => Confidence::Low,
        Reason::Block(BlockKind::Callback) => lower(sure),
        _ if calls > 2 => Confidence::Low,
        _ => sure,
    }
}

/// Whether the guard has a name.
fn named(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let guards = &analysis.function(blocked.function).guards;
    let guard = guards.get(blocked.held.guard.index());
    guard.is_some_and(|guard| guard.name.is_some())
}

/// To open, remove, rename, create or write something is mostly part of the
/// change that the lock makes one step, or keeps in order; to read it is not.
fn changes_files(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let EventKind::Block { what, .. } = &analysis.event(blocked.event).kind else {
        return false;
    };
    let name = what.rsplit("::").next().unwrap_or(what);
    let changes = [
        "open",
        "remove",
        "rename",
        "write",
        "copy",
        "flush",
        "create",
        "set_",
        "sync_",
        "hard_link",
        "truncate",
    ];
    changes.iter().any(|word| name.starts_with(word))
}

fn first_step(analysis: &Analysis, blocked: &BlockedUnder) -> Site {
    blocked
        .chain
        .first()
        .map_or_else(|| analysis.event(blocked.event).site, |call| call.site)
}

/// The operation as people write it.
fn operation(analysis: &Analysis, draw: &Draw<'_>, at: EventRef) -> (String, String) {
    let object_name = |object: Option<&_>| object.map(|o| draw.name(o)).unwrap_or_default();
    match &analysis.event(at).kind {
        EventKind::Block { what, .. } => (what.to_string(), String::new()),
        EventKind::CallParam { param } => {
            let params = draw.function(at.function).map_or(&[][..], |f| &f.params);
            let name = params
                .get(usize::from(*param))
                .map_or("a callback", |p| p.name.as_str());
            (name.to_owned(), String::new())
        }
        EventKind::Join { handle, .. } => ("join".to_owned(), object_name(handle.as_ref())),
        EventKind::Recv { channel, .. } => ("recv".to_owned(), object_name(channel.as_ref())),
        EventKind::Send { channel, .. } => ("send".to_owned(), object_name(channel.as_ref())),
        EventKind::Wait { condvar, .. } => ("wait".to_owned(), draw.name(condvar)),
        EventKind::Pause(_) => ("yield".to_owned(), String::new()),
        EventKind::Await => (awaits::what(analysis, at), String::new()),
        _ => (String::new(), String::new()),
    }
}

fn report(
    analysis: &Analysis,
    draw: &Draw<'_>,
    function: FnId,
    reason: Reason,
    places: &[Place<'_>],
) -> Option<Finding> {
    let Place {
        blocked: best,
        sure,
    } = *places.first()?;
    let lock = draw.name(&best.held.lock);
    let name = draw.function_name(function);
    let (op, _) = operation(analysis, draw, best.event);
    let paths: Vec<Trace> = places
        .iter()
        .take(PLACES)
        .map(|p| trace(analysis, draw, p.blocked, reason))
        .collect();
    let sometimes = if best.held.must { "" } else { " on some paths" };
    let how = match best.chain.first() {
        None => format!("runs `{op}`"),
        Some(call) => format!("reaches `{op}` through `{}`", call.name),
    };
    let more = places.len().saturating_sub(PLACES);
    let mut help = help(draw, best, reason, &op);
    if more > 0 {
        help.push(format!("{more} more places in this section do the same"));
    }
    Some(LINT.finding(Found {
        severity: Severity::Warning,
        confidence: sure,
        message: format!(
            "`{name}` {how} while it holds `{lock}`{sometimes}: {}, and {}",
            reason.in_words(),
            reason.consequence(&lock)
        ),
        paths,
        help,
        identity: vec![draw.key(&best.held.lock), name, format!("{reason:?}")],
        in_test: draw.in_test(function)
            || draw.in_test(best.event.function)
            || best.chain.iter().any(|call| draw.in_test(call.function)),
    }))
}

fn trace(analysis: &Analysis, draw: &Draw<'_>, blocked: &BlockedUnder, reason: Reason) -> Trace {
    let lock = draw.name(&blocked.held.lock);
    let (op, object) = operation(analysis, draw, blocked.event);
    let what = if object.is_empty() {
        format!("`{op}`: {}", reason.in_words())
    } else {
        format!("`{op}` on `{object}`: {}", reason.in_words())
    };
    let mut steps = vec![draw.hold(blocked.function, &blocked.held)];
    steps.extend(draw.calls(&blocked.chain));
    steps.push(draw.step(
        blocked.event.function,
        analysis.event(blocked.event).site,
        reason.role(),
        object,
        what,
    ));
    Trace {
        title: format!("`{lock}` is held during `{op}`"),
        steps,
    }
}

fn help(draw: &Draw<'_>, blocked: &BlockedUnder, reason: Reason, op: &str) -> Vec<String> {
    let guard = draw
        .function(blocked.function)
        .and_then(|f| f.guards.get(blocked.held.guard.index()))
        .and_then(|g| g.name.clone());
    let call = blocked
        .chain
        .first()
        .map_or_else(|| op.to_owned(), |call| call.name.clone());
    let release = match guard {
        Some(guard) => format!(
            "take what `{call}` needs out of the guarded data, `drop({guard})`, then call `{call}`"
        ),
        None => format!(
            "bind what `{call}` needs in a `let` of its own, so that the guard ends before `{call}`"
        ),
    };
    let second = match reason {
        Reason::Join => {
            Some("move the handles out (`mem::take`) under the lock and join them after it")
        }
        Reason::Block(BlockKind::Callback) => {
            Some("or say in the documentation that the callback runs under the lock")
        }
        Reason::Block(BlockKind::NoReceiver) => {
            Some("or make the channel wide enough for all there is, and send with `try_send`")
        }
        Reason::Block(BlockKind::Sleep) => {
            Some("to wait for a change of the guarded data, use a `Condvar`")
        }
        _ => None,
    };
    std::iter::once(release)
        .chain(second.map(str::to_owned))
        .collect()
}
