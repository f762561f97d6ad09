//! When the threads of a program run, seen from the function that starts them.
//!
//! What `main` does before it starts a thread, and after it has joined it, is
//! never beside that thread; two threads of which one is joined before the
//! other starts are never beside each other. The same holds in any function
//! for locks that are its own variables, since each call has others.
//!
//! Only joins that stand in that very function count, and the end of a scope
//! (`thread::scope` and its like). A thread that is joined elsewhere, in a
//! `drop` say, counts as running on.

use rustc_hash::FxHashSet as HashSet;

use super::EventRef;
use super::graph::{self, Graph};
use super::threads::Threads;
use crate::program::*;

/// Functions looked at on the way to a common one.
const MAX_LIFTED: usize = 256;

/// Answers whether two places can be reached at the same time.
#[derive(Clone, Copy)]
pub(super) struct Lifespans<'a> {
    pub program: &'a Program,
    pub graph: &'a Graph,
    pub threads: &'a Threads,
}

/// Something that a function does, or starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Deed {
    at: EventRef,
    /// It goes on after `at`, in a thread of its own.
    thread: bool,
    /// Where that thread is joined.
    joined: Option<(BlockId, u32)>,
}

impl Lifespans<'_> {
    /// Whether the events `a` and `b` are surely not reached by two threads at
    /// one time. `own`: both are about variables of the function they stand in.
    pub(super) fn apart(&self, a: EventRef, b: EventRef, own: bool) -> bool {
        let family = self.graph.family(a.function);
        let root = if own && family == self.graph.family(b.function) {
            Some(family)
        } else {
            self.threads
                .main_of(a.function)
                .filter(|main| self.threads.main_of(b.function) == Some(*main))
        };
        let Some(root) = root else { return false };
        let (Some(a), Some(b)) = (self.lift(a, root), self.lift(b, root)) else {
            return false;
        };
        let meet = |x: &Deed, y: &Deed| {
            x.at == y.at || (x.thread && self.runs_on(x, y)) || (y.thread && self.runs_on(y, x))
        };
        !a.iter().any(|x| b.iter().any(|y| meet(x, y)))
    }

    /// The events of `root` that lead to `at`; `None` where not all ways to it
    /// start there.
    fn lift(&self, at: EventRef, root: FnId) -> Option<HashSet<Deed>> {
        let mut deeds = HashSet::default();
        let mut seen = HashSet::default();
        let mut work = vec![Deed {
            at,
            thread: false,
            joined: None,
        }];
        while let Some(deed) = work.pop() {
            if !seen.insert(deed) {
                continue;
            }
            if seen.len() > MAX_LIFTED {
                return None;
            }
            if deed.at.function == root {
                deeds.insert(deed);
                continue;
            }
            let before = work.len();
            let spawns = self.threads.spawns_of(deed.at.function);
            work.extend(spawns.iter().map(|at| self.started(*at)));
            for edge in self.graph.entering(deed.at.function) {
                work.push(Deed {
                    at: edge.at,
                    thread: deed.thread,
                    // A join inside of a callee is not seen from here.
                    joined: None,
                });
            }
            if work.len() == before {
                return None;
            }
        }
        Some(deeds)
    }

    /// The thread that is started at `at`.
    fn started(&self, at: EventRef) -> Deed {
        let joined = match graph::event_at(self.program, at).map(|event| &event.kind) {
            Some(EventKind::Spawn(spawn)) => spawn
                .joined
                .filter(|_| spawn.handle == Handle::Joined)
                .or(spawn.scope_end),
            _ => None,
        };
        Deed {
            at,
            thread: true,
            joined,
        }
    }

    /// Whether `other` can come after the start of `thread` and before its end.
    fn runs_on(&self, thread: &Deed, other: &Deed) -> bool {
        let Some(function) = self.program.functions.get(thread.at.function.index()) else {
            return true;
        };
        let ended = thread
            .joined
            .map(|join| (join, round(function, join.0, thread.at.block)));
        // Within a block, events run in order.
        let passes = |block: BlockId, from: u32| {
            let events = function
                .blocks
                .get(block.index())
                .map_or(0, |b| b.events.len() as u32);
            let end = match &ended {
                Some(((at, index), _)) if *at == block && *index >= from => *index,
                _ => events.max(from),
            };
            let meets = other.at.block == block && (from..end).contains(&other.at.index);
            (meets, end >= events)
        };
        let (meets, goes_on) = passes(thread.at.block, thread.at.index + 1);
        if meets {
            return true;
        }
        let next = |block: BlockId| {
            function
                .blocks
                .get(block.index())
                .map_or(&[][..], |b| b.successors.as_slice())
        };
        let mut work: Vec<BlockId> = Vec::new();
        if goes_on {
            work.extend(next(thread.at.block));
        }
        let mut seen = HashSet::default();
        while let Some(block) = work.pop() {
            let joins = ended
                .as_ref()
                .is_some_and(|(_, ring)| ring.contains(&block));
            if joins || !seen.insert(block) {
                continue;
            }
            let (meets, goes_on) = passes(block, 0);
            if meets {
                return true;
            }
            if goes_on {
                work.extend(next(block));
            }
        }
        false
    }
}

/// The blocks of the loop that joins at `join`, unless the thread starts in
/// the same loop: who enters it has joined all when leaving it.
fn round(function: &Function, join: BlockId, start: BlockId) -> HashSet<BlockId> {
    let onward = graph::reach(function, join, false);
    let ring: HashSet<BlockId> = graph::reach(function, join, true)
        .intersection(&onward)
        .copied()
        .collect();
    if ring.contains(&start) {
        HashSet::default()
    } else {
        ring
    }
}
