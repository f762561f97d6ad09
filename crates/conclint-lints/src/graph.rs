//! Who calls whom, for the questions that only a lint asks.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{Analysis, EventKind, FnId, FnKind, Function, Kinds, LockSource, Program};

use crate::flow::{Point, events, reaches};

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
    for_each_call(function, |_, callee| visit(callee));
}

/// The same, with the place of each call.
fn for_each_call(function: &Function, mut visit: impl FnMut(Point, FnId)) {
    for (at, event) in events(function) {
        let call = match &event.kind {
            EventKind::Call(call)
            | EventKind::Acquire {
                source: LockSource::Callee(call),
                ..
            } => call,
            _ => continue,
        };
        let closures = call.args.iter().filter_map(|arg| arg.closure);
        let targets = call.targets.iter().copied();
        targets.chain(closures).for_each(|callee| visit(at, callee));
    }
}

/// The functions that several threads are seen to run, by known calls: from
/// two spawns, from one that is done again and again, or from one and the
/// `main` beside it.
pub(crate) fn run_by_several(analysis: &Analysis) -> BTreeSet<FnId> {
    let functions = &analysis.program().functions;
    let all = || (0..).map(FnId).zip(functions);
    let starters: BTreeSet<FnId> = analysis
        .functions_with(Kinds::SPAWN)
        .map(|(id, _)| id)
        .collect();
    let mut repeated = BTreeSet::new();
    for (_, function) in all() {
        for_each_call(function, |at, callee| {
            if starters.contains(&callee) && reaches(function, at, at) {
                repeated.insert(callee);
            }
        });
    }
    let mut work: Vec<(FnId, Runs)> = Vec::new();
    let mut threads = 0;
    for (id, function) in all() {
        // Each `main` is a program of its own, in which one thread runs it.
        if function.kind == FnKind::Main {
            work.push((id, Runs::One(0)));
        }
        for (_, event) in events(function) {
            if let EventKind::Spawn(spawn) = &event.kind
                && let Some(body) = spawn.body
            {
                threads += 1;
                let again = spawn.in_loop || repeated.contains(&id);
                let runs = if again {
                    Runs::Several
                } else {
                    Runs::One(threads)
                };
                work.push((body, runs));
            }
        }
    }
    let mut runs: BTreeMap<FnId, Runs> = BTreeMap::new();
    while let Some((id, new)) = work.pop() {
        let known = runs.get(&id).copied();
        let both = known.map_or(new, |known| if known == new { new } else { Runs::Several });
        if known == Some(both) {
            continue;
        }
        runs.insert(id, both);
        if let Some(function) = functions.get(id.index()) {
            for_each_callee(function, |callee| work.push((callee, both)));
        }
    }
    let several = |(id, runs)| (runs == Runs::Several).then_some(id);
    runs.into_iter().filter_map(several).collect()
}

/// Who runs a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// The thread with this number.
    One(u32),
    Several,
}
