//! Tries that are made again: `loop { let a = a.lock(); if let Ok(b) = b.try_lock()
//! { return } drop(a); }` waits for `b`, but never with `a` in its hand.

use rustc_hash::FxHashSet as HashSet;

use crate::analysis::EventRef;
use crate::program::*;

/// Whether the guard ends on each way from `at` back to `at`.
pub(super) fn lets_go(function: &Function, at: EventRef, guard: GuardId) -> bool {
    let ends =
        |event: &Event| matches!(event.kind, EventKind::Release { guard: g, .. } if g == guard);
    let mut seen = HashSet::default();
    let mut work = vec![(at.block, at.index as usize + 1)];
    while let Some((block, first)) = work.pop() {
        let Some(body) = function.blocks.get(block.index()) else {
            continue;
        };
        let mut rest = body.events.iter().enumerate().skip(first);
        let comes_back = |index: usize| block == at.block && index == at.index as usize;
        match rest.find(|(index, event)| comes_back(*index) || ends(event)) {
            Some((index, _)) if comes_back(index) => return false,
            Some(_) => {}
            None => {
                let next = body.successors.iter().filter(|next| seen.insert(**next));
                work.extend(next.map(|next| (*next, 0)));
            }
        }
    }
    true
}
