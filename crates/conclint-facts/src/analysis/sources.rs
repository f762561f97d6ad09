//! Which locks guards belong to, also those that come from helpers.

use std::collections::BTreeMap;

use super::graph::{self, Graph};
use super::{ChainStep, EventRef, instance, names};
use crate::program::*;

/// Helpers that return the guard of a helper that returns the guard of ..
const MAX_ROUNDS: usize = 8;
/// Locks that one guard may belong to.
const MAX_LOCKS: usize = 8;

/// A lock that a guard may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub lock: ObjectRef,
    pub mode: Mode,
    /// Steps inside the helpers.
    pub via: Vec<ChainStep>,
    /// Guesses behind the choice of the helper.
    pub guesses: u8,
}

/// The locks of returned guards, per function, in its own terms.
#[derive(Debug, Default)]
pub(super) struct Returned(BTreeMap<FnId, Vec<Source>>);

impl Returned {
    /// Follows returned guards through helpers, to a fixpoint.
    pub(super) fn of(program: &Program, graph: &Graph) -> Self {
        let returning: Vec<FnId> = (0..program.functions.len())
            .filter(|&index| {
                program.functions[index]
                    .guards
                    .iter()
                    .any(|guard| guard.returned)
            })
            .map(|index| FnId(index as u32))
            .collect();
        let mut returned = Returned::default();
        for _ in 0..MAX_ROUNDS {
            let next: BTreeMap<FnId, Vec<Source>> = returning
                .iter()
                .map(|&id| (id, returned.of_function(program, graph, id)))
                .collect();
            if next == returned.0 {
                break;
            }
            returned.0 = next;
        }
        returned
    }

    fn of_function(&self, program: &Program, graph: &Graph, id: FnId) -> Vec<Source> {
        let mut found = Vec::new();
        for (at, event) in graph::events_of(program, id) {
            let EventKind::Acquire { guard, .. } = event.kind else {
                continue;
            };
            if !program.functions[id.index()]
                .guards
                .get(guard.index())
                .is_some_and(|guard| guard.returned)
            {
                continue;
            }
            for mut source in self.of_acquire(program, graph, at, event) {
                if source.via.is_empty() {
                    let name = names::object(program, &source.lock, id);
                    source.via = vec![ChainStep {
                        function: id,
                        site: event.site,
                        name,
                    }];
                } else if let Some(call) = graph::call_of(event) {
                    source.via.insert(
                        0,
                        ChainStep {
                            function: id,
                            site: event.site,
                            name: call.name.to_string(),
                        },
                    );
                }
                if found.len() < MAX_LOCKS && !found.contains(&source) {
                    found.push(source);
                }
            }
        }
        found
    }

    /// The locks that the acquisition `event` may take; empty where a helper's
    /// lock is not known.
    pub(super) fn of_acquire(
        &self,
        program: &Program,
        graph: &Graph,
        at: EventRef,
        event: &Event,
    ) -> Vec<Source> {
        let EventKind::Acquire { source, mode, .. } = &event.kind else {
            return Vec::new();
        };
        if let LockSource::Direct(lock) = source {
            return vec![Source {
                lock: lock.clone(),
                mode: *mode,
                via: Vec::new(),
                guesses: 0,
            }];
        }
        let mut found = Vec::new();
        for edge in graph
            .out_at(at)
            .iter()
            .filter(|edge| edge.through.is_empty())
        {
            for source in self.0.get(&edge.callee).map_or(&[][..], Vec::as_slice) {
                let translated = Source {
                    lock: instance::translate(program, edge, &source.lock),
                    guesses: edge.guesses.saturating_add(source.guesses),
                    ..source.clone()
                };
                let known = found
                    .iter()
                    .any(|s: &Source| s.lock == translated.lock && s.mode == translated.mode);
                if !known && found.len() < MAX_LOCKS {
                    found.push(translated);
                }
            }
        }
        found
    }
}
