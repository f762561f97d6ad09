//! Who calls whom, for the questions that only a lint asks.

use std::collections::BTreeSet;

use conclint_facts::{EventKind, FnId, Function, LockSource, Program};

use crate::flow::events;

/// The callers of every function.
#[derive(Debug)]
pub(crate) struct Callers {
    of: Vec<Vec<FnId>>,
}

impl Callers {
    pub(crate) fn of(program: &Program) -> Self {
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
        Callers { of }
    }

    /// For each function: whether it or something it calls fits.
    pub(crate) fn reaching(
        &self,
        program: &Program,
        fits: impl Fn(&Function) -> bool,
    ) -> Vec<bool> {
        let mut reaches: Vec<bool> = program.functions.iter().map(fits).collect();
        let mut work: Vec<FnId> = (0..)
            .map(FnId)
            .zip(&reaches)
            .filter(|(_, r)| **r)
            .map(|(id, _)| id)
            .collect();
        while let Some(id) = work.pop() {
            for caller in self.callers(id) {
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
    pub(crate) fn reaching_these(&self, starts: impl Iterator<Item = FnId>) -> BTreeSet<FnId> {
        let mut reaching: BTreeSet<FnId> = starts.collect();
        let mut work: Vec<FnId> = reaching.iter().copied().collect();
        while let Some(id) = work.pop() {
            let callers = self.callers(id).iter().copied();
            work.extend(callers.filter(|caller| reaching.insert(*caller)));
        }
        reaching
    }

    /// The functions that call this one.
    pub(crate) fn callers(&self, id: FnId) -> &[FnId] {
        self.of.get(id.index()).map_or(&[], Vec::as_slice)
    }
}

/// The functions that may run as part of this one: call targets and the
/// closures handed to them. Spawned bodies are not part of it.
pub(crate) fn for_each_callee(function: &Function, mut visit: impl FnMut(FnId)) {
    for (_, event) in events(function) {
        let call = match &event.kind {
            EventKind::Call(call)
            | EventKind::Acquire {
                source: LockSource::Callee(call),
                ..
            } => call,
            _ => continue,
        };
        call.targets.iter().copied().for_each(&mut visit);
        call.args
            .iter()
            .filter_map(|arg| arg.closure)
            .for_each(&mut visit);
    }
}
