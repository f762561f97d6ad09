//! Which functions may run as part of which others, for the questions that only
//! a lint asks: a closure is counted where it is handed over, whoever runs it.

use std::collections::BTreeSet;

use super::graph;
use crate::program::{FnId, Function, Program};

/// The functions that each function may run as a part of.
#[derive(Debug, Default)]
pub struct Runners {
    of: Vec<Vec<FnId>>,
}

impl Runners {
    pub(super) fn of(program: &Program) -> Self {
        let mut of = vec![Vec::new(); program.functions.len()];
        for (index, function) in program.functions.iter().enumerate() {
            let caller = FnId(index as u32);
            for_each_callee(function, |callee| {
                if let Some(callers) = of.get_mut(callee.index())
                    && callers.last() != Some(&caller)
                {
                    callers.push(caller);
                }
            });
        }
        Runners { of }
    }

    /// For each function, by number: whether it or something that may run as a
    /// part of it fits.
    pub fn reaching(&self, program: &Program, fits: impl Fn(&Function) -> bool) -> Vec<bool> {
        let mut reaches: Vec<bool> = program.functions.iter().map(fits).collect();
        let mut work: Vec<FnId> = (0..)
            .map(FnId)
            .zip(&reaches)
            .filter(|(_, r)| **r)
            .map(|(id, _)| id)
            .collect();
        while let Some(id) = work.pop() {
            for caller in self.runners(id) {
                if let Some(known) = reaches.get_mut(caller.index())
                    && !*known
                {
                    *known = true;
                    work.push(*caller);
                }
            }
        }
        reaches
    }

    /// These functions, and all that lead to one of them.
    pub fn reaching_these(&self, starts: impl Iterator<Item = FnId>) -> BTreeSet<FnId> {
        let mut reaching: BTreeSet<FnId> = starts.collect();
        let mut work: Vec<FnId> = reaching.iter().copied().collect();
        while let Some(id) = work.pop() {
            let callers = self.runners(id).iter().copied();
            work.extend(callers.filter(|caller| reaching.insert(*caller)));
        }
        reaching
    }

    /// The functions that may run this one as a part of theirs.
    pub fn runners(&self, id: FnId) -> &[FnId] {
        self.of.get(id.index()).map_or(&[], Vec::as_slice)
    }
}

/// The functions that may run as part of this one: call targets and the
/// closures handed to them. Spawned bodies are not part of it.
fn for_each_callee(function: &Function, mut visit: impl FnMut(FnId)) {
    let events = function.blocks.iter().flat_map(|block| &block.events);
    for call in events.filter_map(graph::call_of) {
        call.targets.iter().copied().for_each(&mut visit);
        call.args
            .iter()
            .filter_map(|arg| arg.closure)
            .for_each(&mut visit);
    }
}
