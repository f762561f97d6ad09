//! Where the program called into a crate that waits on its behalf.
//!
//! A lock of another crate waits at a line of that crate, which tells a reader nothing about the
//! program. While an execution is recorded, a thread that begins to wait leaves its call stack
//! behind, and so does one that takes a lock which another crate has built of an atomic: such a
//! lock is taken by an acquiring change and given back by a releasing one. What is read off the
//! orderings is a good guess and no more, and says who took a lock last.

use std::sync::atomic::Ordering;

use crate::exec::{Id, with};
use crate::frames::Frames;

/// Longer executions are recorded without call stacks, which would take longer than they do.
const STEPS: u64 = 200_000;
/// So many of the atomics that a thread has changed last are looked at for the one it waits for.
const RECENT: usize = 16;

/// Who took a lock that another crate has built of an atomic.
struct Taken {
    object: usize,
    thread: Id,
    stack: Frames,
}

/// The call stacks of one execution.
#[derive(Default)]
pub(crate) struct Callers {
    /// Of the threads that wait.
    waiting: Vec<Option<Frames>>,
    taken: Vec<Taken>,
    /// The atomics that each thread has changed or tried to, the last one last, and whether it
    /// gave them back.
    recent: Vec<Vec<(usize, bool)>>,
}

fn slot<T: Default>(list: &mut Vec<T>, index: usize) -> Option<&mut T> {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    list.get_mut(index)
}

impl Callers {
    /// A thread begins to wait.
    pub(crate) fn waits(&mut self, thread: Id, steps: u64) {
        if let Some(waiting) = slot(&mut self.waiting, thread) {
            *waiting = (steps < STEPS).then(Frames::here);
        }
    }

    fn tried(&mut self, thread: Id, object: usize, done: Option<Ordering>, steps: u64) {
        let released = done == Some(Ordering::Release);
        if let Some(recent) = slot(&mut self.recent, thread) {
            recent.retain(|(o, _)| *o != object);
            if recent.len() >= RECENT {
                recent.remove(0);
            }
            recent.push((object, released));
        }
        let mine = |t: &Taken| t.object == object && t.thread == thread;
        let index = self.taken.iter().position(mine);
        if released {
            let any = || self.taken.iter().position(|t| t.object == object);
            if let Some(index) = index.or_else(any) {
                self.taken.remove(index);
            }
        } else if done == Some(Ordering::Acquire) && index.is_none() && steps < STEPS {
            // Who holds it already and waits for more of it took it at the first place.
            self.taken.push(Taken {
                object,
                thread,
                stack: Frames::here(),
            });
        }
    }

    /// How the thread came to wait.
    pub(crate) fn waiting(&self, thread: Id) -> Frames {
        let waiting = self.waiting.get(thread).copied().flatten();
        waiting.unwrap_or_default()
    }

    /// The atomic on which the thread waits for whoever took it, where that can be told.
    pub(crate) fn wanted(&self, thread: Id) -> Option<usize> {
        let mut recent = self.recent.get(thread)?.iter().rev();
        let taken = |object: usize| self.taken.iter().any(|t| t.object == object);
        let wanted = recent.find(|(object, released)| !released && taken(*object));
        wanted.map(|(object, _)| *object)
    }

    /// Who took `object`, and how they came to.
    pub(crate) fn takers(&self, object: usize) -> impl Iterator<Item = (Id, Frames)> {
        let taken = self.taken.iter().filter(move |t| t.object == object);
        taken.map(|t| (t.thread, t.stack))
    }
}

/// An atomic was changed with this ordering; `None` where the change failed.
pub(crate) fn tried(object: usize, done: Option<Ordering>) {
    with(|x| {
        let (me, steps) = (x.current, x.steps);
        if let Some(callers) = &mut x.callers {
            callers.tried(me, object, done, steps);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_taken_and_given_back() {
        let mut callers = Callers::default();
        callers.tried(0, 8, Some(Ordering::Acquire), 1);
        callers.tried(1, 8, None, 2);
        assert_eq!(callers.wanted(1), Some(8));
        assert_eq!(callers.takers(8).map(|t| t.0).collect::<Vec<_>>(), [0]);
        callers.tried(0, 8, Some(Ordering::Release), 3);
        assert_eq!(callers.wanted(1), None);
        // Who has given it back does not wait for it.
        callers.tried(1, 8, Some(Ordering::Acquire), 4);
        assert_eq!(callers.wanted(0), None);
    }
}
