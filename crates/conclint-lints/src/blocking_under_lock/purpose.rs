//! Where waiting under the lock is what the lock is for.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, BlockKind, BlockedUnder, Blocking, ClassId, ClassScope, EventKind, EventRef,
    ObjectKind, Root,
};

use super::{Reason, first_step, given_guarded_data, on_guarded_data, used_after, used_before};
use crate::contention::{Contention, guards_nothing, message};
use crate::flow::{events, touches};
use crate::reads::origins_of;
use crate::serialised::{is_serialised, names_any};
use crate::trace::Draw;
use crate::ways::decides_alone;

/// Whether this operation is what the held lock is there to serialise.
pub(super) fn is_meant(
    analysis: &Analysis,
    draw: &Draw<'_>,
    blocked: &BlockedUnder,
    reason: Reason,
) -> bool {
    let guarded = draw
        .class(&blocked.held.lock)
        .map(|class| class.type_text.as_str())
        .unwrap_or_default();
    let on_it = on_guarded_data(analysis, blocked);
    match reason {
        Reason::Recv if is_sent_under_it_alone(analysis, blocked, guarded) => false,
        // The callback is given the guarded data: `with(|data| ..)` is an API.
        Reason::Block(BlockKind::Callback) => given_guarded_data(analysis, blocked),
        Reason::Recv | Reason::Send => {
            (on_it && !on_channel_elsewhere(analysis, blocked))
                || is_serialised(guarded)
                || (on_it && guards_the_owner(analysis, blocked, guarded))
        }
        Reason::Await => guards_nothing(guarded) || is_serialised(guarded),
        // A list of ends and nothing else, and its lock, are one channel to many.
        Reason::Block(BlockKind::Room) => guards_nothing(guarded) || guards_ends(guarded),
        _ if reason.is_io() => {
            let owner = draw
                .class(&blocked.held.lock)
                .and_then(|class| class.name.split_once('.'))
                .map_or("", |(owner, _)| owner);
            // `Mutex<()>` guards no data: it serialises what is done under it.
            guards_nothing(guarded)
                || !is_used(analysis, blocked)
                || is_serialised(guarded)
                || is_serialised(owner)
                // A method of the guarded object, or of a part of it, does it:
                // its own business.
                || (on_it && (!blocked.chain.is_empty() || is_method(analysis, blocked)))
        }
        _ => false,
    }
}

/// Whether the channel is a field of the very type that the lock guards:
/// `Mutex<Worker>`, and `Worker.jobs`.
fn guards_the_owner(analysis: &Analysis, blocked: &BlockedUnder, guarded: &str) -> bool {
    let (EventKind::Recv { channel, .. } | EventKind::Send { channel, .. }) =
        &analysis.event(blocked.event).kind
    else {
        return false;
    };
    let class = channel.as_ref().and_then(|channel| channel.class);
    class
        .and_then(|class| analysis.class(class).name.split_once('.'))
        .is_some_and(|(owner, _)| {
            guarded
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == owner)
        })
}

/// Whether both ends of the channel are fields of the type that the lock
/// guards, and who sends holds that lock, each time.
fn is_sent_under_it_alone(analysis: &Analysis, blocked: &BlockedUnder, guarded: &str) -> bool {
    let EventKind::Recv {
        channel: Some(channel),
        blocking: Blocking::Waits,
        ..
    } = &analysis.event(blocked.event).kind
    else {
        return false;
    };
    let (Some(lock), Some(channel)) = (blocked.held.lock.class, channel.class) else {
        return false;
    };
    let owner = |class: ClassId| {
        let (owner, _) = analysis.class(class).name.split_once('.')?;
        Some(owner)
    };
    let carried = message(&analysis.class(channel).type_text);
    if carried.is_none()
        || owner(channel).is_none()
        || !guards_the_owner(analysis, blocked, guarded)
    {
        return false;
    }
    let mut sends = analysis
        .events()
        .filter(|(at, _)| !analysis.function(at.function).is_test)
        .filter_map(|(at, event)| match &event.kind {
            EventKind::Send { channel, .. } => Some((at, channel.as_ref()?.class?)),
            _ => None,
        })
        .filter(|(_, class)| message(&analysis.class(*class).type_text) == carried)
        .peekable();
    sends.peek().is_some()
        && sends
            .all(|(at, class)| owner(class) == owner(channel) && is_done_under(analysis, at, lock))
}

/// Whether the lock is held at `at`, by its function or by all that call it.
fn is_done_under(analysis: &Analysis, at: EventRef, lock: ClassId) -> bool {
    let here = |at: EventRef| {
        let mut held = analysis.held_before(at).iter();
        held.any(|held| held.must && held.lock.class == Some(lock))
            || analysis.entry_held(at.function).contains(&lock)
    };
    let callers = analysis.callers(at.function);
    here(at) || !callers.is_empty() && callers.iter().all(|call| here(*call))
}

/// Whether the channel is a field or static of its own, outside of the guarded
/// data, whatever else its statement does.
fn on_channel_elsewhere(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let (EventKind::Recv { channel, .. } | EventKind::Send { channel, .. }) =
        &analysis.event(blocked.event).kind
    else {
        return false;
    };
    // A method of the guarded data waits on a channel of its own.
    let inside = channel.as_ref().is_some_and(|channel| {
        !blocked.chain.is_empty()
            && channel.place.root == Root::Param(0)
            && !channel.place.path.is_empty()
    });
    let class = channel.as_ref().and_then(|channel| channel.class);
    !inside
        && class.is_some_and(|class| {
            matches!(
                analysis.class(class).scope,
                ClassScope::Field | ClassScope::Static
            )
        })
}

/// Whether the channel was part of the guarded data itself: taken out of it, or
/// still in there.
fn came_out_of_it(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let EventKind::Recv {
        channel: Some(channel),
        ..
    } = &analysis.event(blocked.event).kind
    else {
        return false;
    };
    let lock = &blocked.held.lock.place;
    let inside = channel.place.path.len() > lock.path.len();
    blocked.chain.is_empty()
        && inside
        && channel.place.root == lock.root
        && channel.place.path.starts_with(&lock.path)
}

/// Whether anything is done with the guarded data at all. If not, the lock is
/// there to keep others from what is done under it.
fn is_used(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let guard = blocked.held.guard;
    let function = analysis.function(blocked.function);
    let named = function
        .guards
        .get(guard.index())
        .is_some_and(|guard| guard.name.is_some());
    !named || events(function).any(|(_, event)| touches(event, guard))
}

/// Whether it depends on the guarded data whether the operation is come to: what
/// they say may be that the other thread is past its last use of the lock.
fn is_decided_by_data(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let function = analysis.function(blocked.function);
    let data = origins_of(function, blocked.held.guard);
    let way = first_step(analysis, blocked);
    let Some((at, _)) = events(function).find(|(_, event)| event.site == way) else {
        return false;
    };
    events(function).any(|(point, event)| match &event.kind {
        EventKind::Test { from, .. } => {
            !from.and(data).is_empty() && decides_alone(function, point, at)
        }
        _ => false,
    })
}

/// `Mutex<Vec<Sender<Job>>>`: ends of channels, and nothing else.
fn guards_ends(type_text: &str) -> bool {
    let is_end = |name: &str| name.ends_with("Sender") || name.ends_with("Receiver");
    let mut rest = type_text;
    while let Some((head, inner)) = rest.split_once('<') {
        let head = head.rsplit("::").next().unwrap_or(head);
        if !matches!(head, "Arc" | "Mutex" | "RwLock" | "Option" | "Box" | "Vec") {
            return is_end(head);
        }
        rest = inner;
    }
    is_end(rest.trim_end_matches('>'))
}

/// `Mutex<LockFile>`: a lock of another kind, which other processes wait for.
fn guards_a_lock(type_text: &str) -> bool {
    names_any(type_text, &["FdLock", "FileLock", "Flock", "LockFile"])
}

/// Whether the callback only answers a question, by its name: that takes no time.
fn is_question(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    const QUESTIONS: &[&str] = &[
        "cmp",
        "compare",
        "cond",
        "condition",
        "eq",
        "filter",
        "hash",
        "hasher",
        "key",
        "key_fn",
        "matcher",
        "matches",
        "pred",
        "predicate",
    ];
    let at = blocked.event;
    let name = match &analysis.event(at).kind {
        EventKind::Block { what, .. } => what.rsplit(['.', ':']).next().unwrap_or(what),
        EventKind::CallParam { param } => analysis
            .function(at.function)
            .params
            .get(usize::from(*param))
            .map_or("", |param| param.name.as_str()),
        _ => "",
    };
    QUESTIONS.contains(&name)
}

/// Whether those who notify the condition variable take the lock, too.
fn is_taken_by_waker(
    analysis: &Analysis,
    contention: &mut Contention<'_>,
    blocked: &BlockedUnder,
) -> bool {
    match &analysis.event(blocked.event).kind {
        EventKind::Wait { condvar, .. } => {
            contention.is_taken_by_wakers(&blocked.held.lock, blocked.held.mode, condvar)
        }
        _ => true,
    }
}

/// `_guard`: kept for its life alone.
fn is_nameless(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    let guard = blocked.held.guard.index();
    let name = analysis.function(blocked.function).guards.get(guard);
    name.and_then(|guard| guard.name.as_ref())
        .is_some_and(|name| name.starts_with('_'))
}

/// Locks under which the guarded data itself is read, written or synced: files
/// and sockets are part of it, and the lock keeps what is done with them in order.
pub(super) fn locks_for_io(analysis: &Analysis) -> BTreeSet<ClassId> {
    analysis
        .blocked()
        .iter()
        .filter(|blocked| {
            let reason = super::reason(analysis, blocked);
            reason.is_some_and(Reason::is_io)
                && blocked.chain.is_empty()
                && is_of_guarded_data(analysis, blocked)
        })
        .filter_map(|blocked| blocked.held.lock.class)
        .collect()
}

/// Whether the operation is a method of the guarded data, or of a part of it: not
/// just one that is given some of it to write.
fn is_of_guarded_data(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    matches!(
        &analysis.event(blocked.event).kind,
        EventKind::Block { of, .. } if *of == Some(blocked.held.guard)
    )
}

/// Whether the operation is a method of some value, `file.write_all(..)`.
fn is_method(analysis: &Analysis, blocked: &BlockedUnder) -> bool {
    matches!(
        &analysis.event(blocked.event).kind,
        EventKind::Block { what, .. } if !what.contains("::")
    )
}

/// Whether somebody is kept waiting who should not be: the lock is wanted by
/// other threads, and by the one that is waited for where that one is part of
/// the guarded data (its handle, its channel): holding that lock then says
/// only that nobody else shall wait for it, too.
pub(super) fn hurts(
    analysis: &Analysis,
    draw: &Draw<'_>,
    contention: &mut Contention<'_>,
    blocked: &BlockedUnder,
    reason: Reason,
) -> bool {
    let lock = &blocked.held.lock;
    let class = draw.class(lock);
    let guarded = class.map_or("", |class| class.type_text.as_str());
    // Of a lock without a name, nobody knows what it is for.
    if lock.class.is_none() {
        return false;
    }
    // A `lock` of unknown type may lock a file, say.
    let known = class.is_none_or(|class| {
        let ObjectKind::Lock(traits) = &class.kind else {
            return true;
        };
        traits.family != "unknown" && traits.type_name != "Stdin"
    });
    if !known || !contention.is_wanted(lock, blocked.held.mode, blocked.function) {
        return false;
    }
    // The lock inside a lock type of the program's own is every lock of it.
    if class.is_some_and(|class| class.is_inner) {
        return false;
    }
    let way = first_step(analysis, blocked);
    let holder = analysis.function(blocked.function);
    let at = events(holder).find(|(_, event)| event.site == way);
    if at.is_some_and(|(at, _)| {
        contention.is_owned_for_life(blocked.function, blocked.held.guard, at)
    }) {
        return false;
    }
    let takes_long = reason.is_io()
        || matches!(
            reason,
            Reason::Await | Reason::Block(BlockKind::Sleep | BlockKind::BlockOn)
        );
    if takes_long && contention.is_cold(blocked.function) {
        return false;
    }
    // Who wants it wants to do just that, one after the other.
    if reason.is_io() && contention.is_taken_by_nobody_else(lock, blocked.function) {
        return false;
    }
    let on_it = on_guarded_data(analysis, blocked);
    match reason {
        // It is a matter of whether a thread that is waited for wants the lock.
        Reason::Join => {
            let EventKind::Join { handle, .. } = &analysis.event(blocked.event).kind else {
                return false;
            };
            let handle = handle.as_ref().and_then(|handle| handle.class);
            // A child process takes no lock of ours.
            let thread = handle.is_none_or(|class| analysis.class(class).kind != ObjectKind::Child);
            // `spawn(..).join()`: the thread is this function's own.
            let local = handle.is_none_or(|class| analysis.class(class).scope == ClassScope::Local);
            let started = local && contention.started_by(blocked.event.function);
            thread
                && !is_decided_by_data(analysis, blocked)
                && match handle {
                    _ if started => contention.is_taken_by_threads_of(lock, blocked.event.function),
                    _ => contention.is_taken_by_joined(lock, handle),
                }
        }
        // Room comes when the other end takes something out: that must need the lock.
        Reason::Send => {
            let EventKind::Send { channel, .. } = &analysis.event(blocked.event).kind else {
                return false;
            };
            let class = channel.as_ref().and_then(|channel| channel.class);
            (!on_it || on_channel_elsewhere(analysis, blocked))
                && !guards_nothing(guarded)
                && class.is_some_and(|class| contention.is_taken_by_receivers(lock, class))
        }
        Reason::Recv if is_sent_under_it_alone(analysis, blocked, guarded) => true,
        // One asks, all others wait for the same answer, and find it in its place.
        Reason::Recv if came_out_of_it(analysis, blocked) && used_after(analysis, blocked) => false,
        // Nobody sleeps to keep others out, unless the guard's name says so.
        Reason::Block(BlockKind::Sleep) => {
            let unused = || guards_nothing(guarded) || is_nameless(analysis, blocked);
            let kept_out = guards_a_lock(guarded) || on_it && is_serialised(guarded);
            (is_used(analysis, blocked) || !unused()) && !kept_out
        }
        // To take the lock and to say so at once: the others are told that it is taken.
        Reason::Block(BlockKind::Barrier) if !used_before(analysis, blocked) => false,
        // Where its own work wants the lock, that is taken twice. That other work
        // keeps all threads of the pool waiting is so one time in seven.
        Reason::Block(BlockKind::Pool) => false,
        // Where it is given to every thread to run, they run it one by one.
        Reason::Block(BlockKind::Callback) => {
            is_used(analysis, blocked)
                && contention.is_run_by_many(blocked.function)
                && !is_question(analysis, blocked)
        }
        // Whoever wakes it comes by without: the others are kept out, on purpose or
        // not, but everybody goes on.
        Reason::Wait if !is_taken_by_waker(analysis, contention, blocked) => false,
        // The own data takes part: a connection, a runtime, a worker's channel.
        Reason::Wait if on_it => contention.is_taken_by_any_thread(lock),
        _ if reason.is_wait() => {
            (!on_it || on_channel_elsewhere(analysis, blocked)) && !guards_nothing(guarded)
        }
        _ => true,
    }
}
