//! Why nobody can go on: for every unfinished thread what it wants and what it holds.

use std::panic::Location;

use crate::caller::Callers;
use crate::exec::{Exec, Id, State};
use crate::frames::{Frames, foreign};
use crate::op::Kind;

/// A thread that cannot go on.
#[derive(Clone, Debug)]
pub struct Stuck {
    /// The thread's number.
    pub thread: u32,
    /// What it wants.
    pub kind: Kind,
    /// On which object (address).
    pub object: usize,
    /// Where.
    pub at: &'static Location<'static>,
    /// The threads it waits for, where they are known.
    pub waits_for: Vec<u32>,
    /// What it holds, with the place where it took it.
    pub holds: Vec<(Kind, usize, &'static Location<'static>)>,
    /// A notification came when nobody waited, and was lost.
    pub missed: usize,
    /// The calls that led to the wait, where that is not what `at` says: in other crates.
    pub frames: Frames,
    /// The atomic of another crate's lock, where the thread waits for who took it.
    pub wanted: Option<usize>,
    /// Locks of other crates that it took last, and the calls that led there.
    pub took: Vec<(usize, Frames)>,
    /// The thread can run; it is only listed because the step bound was reached.
    pub runnable: bool,
}

/// What sort of deadlock it is, most telling first: `self-lock`, `lock-cycle`,
/// `join-on-blocked-thread`, `lost-wakeup`, `receiver-with-live-senders` and a few more.
pub(crate) fn kind(stuck: &[Stuck]) -> &'static str {
    let blocked = || stuck.iter().filter(|s| !s.runnable);
    if blocked().any(|s| is_lock(s) && s.waits_for.contains(&s.thread)) {
        return "self-lock";
    }
    match cycle(stuck) {
        Some(path) if path.iter().all(|s| is_lock(s)) => return "lock-cycle",
        Some(_) => return "join-on-blocked-thread",
        None => {}
    }
    let any = |kinds: &[Kind]| blocked().any(|s| kinds.contains(&s.kind));
    if blocked().any(|s| s.kind == Kind::Wait && s.missed > 0) {
        "lost-wakeup"
    } else if any(&[Kind::Recv]) {
        "receiver-with-live-senders"
    } else if any(&[Kind::Wait]) {
        "wait-without-notify"
    } else if any(&[Kind::Park]) {
        "park-without-unpark"
    } else if any(&[Kind::Send]) {
        "sender-on-full-channel"
    } else if any(&[Kind::Barrier]) {
        "barrier-never-full"
    } else if any(&[Kind::Lock, Kind::Read, Kind::Write]) {
        "lock-never-released"
    } else if any(&[Kind::Once]) {
        "initialiser-waits-for-itself"
    } else if any(&[Kind::Poll]) {
        "event-never-comes"
    } else if any(&[Kind::FutexWait]) {
        "futex-never-woken"
    } else {
        "join-on-blocked-thread"
    }
}

fn is_lock(stuck: &Stuck) -> bool {
    stuck.wanted.is_some() || matches!(stuck.kind, Kind::Lock | Kind::Read | Kind::Write)
}

/// The threads of a cycle of waits, where there is one.
fn cycle(stuck: &[Stuck]) -> Option<Vec<&Stuck>> {
    for start in stuck {
        let mut path = vec![start];
        let mut at = start;
        while let Some(next) = at
            .waits_for
            .iter()
            .find_map(|id| stuck.iter().find(|s| s.thread == *id && !s.runnable))
        {
            if next.thread == start.thread {
                return Some(path);
            }
            if path.iter().any(|s| s.thread == next.thread) {
                break;
            }
            path.push(next);
            at = next;
        }
    }
    None
}

fn number(id: usize) -> u32 {
    u32::try_from(id).unwrap_or(u32::MAX)
}

/// Everybody who has not finished.
pub(crate) fn stuck(exec: &Exec) -> Vec<Stuck> {
    let unfinished = exec.live.iter().map(|id| (*id, &exec.tasks[*id]));
    let callers = exec.callers.as_deref();
    // Locks of other crates that somebody waits for, by the thread that does.
    let wanted: Vec<(Id, usize)> = callers.map_or_else(Vec::new, |callers| {
        let futexes = unfinished
            .clone()
            .filter(|(_, t)| t.op.kind == Kind::FutexWait);
        let wanted = futexes.filter_map(|(id, _)| Some((id, callers.wanted(id)?)));
        wanted.collect()
    });
    unfinished
        .map(|(id, task)| {
            let object = task.op.object;
            let waits = wanted.iter().find(|(thread, _)| *thread == id);
            let takers = |callers: &Callers, object| {
                let takers = callers.takers(object).map(|(thread, _)| number(thread));
                takers.collect()
            };
            let waits_for = match task.op.kind {
                Kind::FutexWait => match (callers, waits) {
                    (Some(callers), Some((_, object))) => takers(callers, *object),
                    _ => Vec::new(),
                },
                Kind::Join => indices(exec, |t| t.handle.key() == object),
                Kind::Read if !writes(exec, object) => {
                    // Readers let it in; a writer that has waited for longer does not.
                    indices(exec, |t| {
                        t.state == State::Blocked
                            && t.op.kind == Kind::Write
                            && t.op.object == object
                    })
                }
                Kind::Lock | Kind::Read | Kind::Write => {
                    indices(exec, |t| t.held.iter().any(|h| h.object == object))
                }
                _ => Vec::new(),
            };
            Stuck {
                thread: number(id),
                kind: task.op.kind,
                object,
                at: task.op.at,
                waits_for,
                holds: task.held.iter().map(|h| (h.kind, h.object, h.at)).collect(),
                missed: exec.missed.iter().filter(|k| **k == object).count(),
                frames: callers
                    .filter(|_| task.state != State::Ready && foreign(task.op.at.file()))
                    .map_or_else(Frames::default, |callers| callers.waiting(id)),
                wanted: waits.map(|(_, object)| *object),
                took: callers.map_or_else(Vec::new, |callers| took(callers, id, &wanted)),
                runnable: task.state == State::Ready,
            }
        })
        .collect()
}

/// Somebody holds the lock alone.
fn writes(exec: &Exec, object: usize) -> bool {
    let mut held = exec.live.iter().flat_map(|id| &exec.tasks[*id].held);
    held.any(|h| h.object == object && h.kind == Kind::Write)
}

/// The locks of other crates that the thread took and somebody waits for.
fn took(callers: &Callers, thread: Id, wanted: &[(Id, usize)]) -> Vec<(usize, Frames)> {
    let mut objects: Vec<usize> = wanted.iter().map(|(_, object)| *object).collect();
    objects.sort_unstable();
    objects.dedup();
    let mut took = Vec::new();
    for object in objects {
        let mine = callers.takers(object).filter(|(taker, _)| *taker == thread);
        took.extend(mine.map(|(_, frames)| (object, frames)));
    }
    took
}

fn indices(exec: &Exec, f: impl Fn(&crate::exec::Task) -> bool) -> Vec<u32> {
    let live = exec.live.iter().copied();
    live.filter(|id| f(&exec.tasks[*id])).map(number).collect()
}
