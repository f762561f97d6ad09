//! Why nobody can go on: for every unfinished thread what it wants and what it holds.

use std::panic::Location;

use crate::exec::{Exec, State};
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
    /// The thread can run; it is only listed because the step bound was reached.
    pub runnable: bool,
}

fn number(id: usize) -> u32 {
    u32::try_from(id).unwrap_or(u32::MAX)
}

/// Everybody who has not finished.
pub(crate) fn stuck(exec: &Exec) -> Vec<Stuck> {
    let unfinished = exec
        .tasks
        .iter()
        .enumerate()
        .filter(|(_, t)| t.state != State::Done);
    unfinished
        .map(|(id, task)| {
            let object = task.op.object;
            let waits_for = match task.op.kind {
                Kind::Join => indices(exec, |t| t.handle.key() == object),
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
                runnable: task.state == State::Ready,
            }
        })
        .collect()
}

fn indices(exec: &Exec, f: impl Fn(&crate::exec::Task) -> bool) -> Vec<u32> {
    let all = exec.tasks.iter().enumerate();
    all.filter(|(_, t)| f(t))
        .map(|(id, _)| number(id))
        .collect()
}
