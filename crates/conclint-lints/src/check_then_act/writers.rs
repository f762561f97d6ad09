//! Who else writes under a lock.

use std::collections::BTreeMap;

use conclint_facts::{Alone, Analysis, ClassId, EventKind, FnId, Kinds, Target};

use crate::flow::events;

/// The functions that write under each lock, left out those that have the
/// object with the lock all to themselves: meanwhile no other function has it.
pub(super) struct Writers {
    of: BTreeMap<ClassId, Vec<FnId>>,
}

impl Writers {
    pub(super) fn of(analysis: &Analysis) -> Self {
        let mut of: BTreeMap<ClassId, Vec<FnId>> = BTreeMap::new();
        for (id, function) in analysis.functions_with(Kinds::STORE) {
            for (_, event) in events(function) {
                let EventKind::Store {
                    target: Target::Guarded { guard, .. },
                    ..
                } = &event.kind
                else {
                    continue;
                };
                for held in analysis.guard(id, *guard).iter().flat_map(|i| &i.locks) {
                    let alone = held.lock.exclusive
                        || analysis.is_alone_with(id, &held.lock) == Alone::Surely;
                    if let Some(class) = held.lock.class.filter(|_| !alone) {
                        let known = of.entry(class).or_default();
                        if known.last() != Some(&id) {
                            known.push(id);
                        }
                    }
                }
            }
        }
        Writers { of }
    }

    /// Whether a function other than this one writes.
    pub(super) fn others(&self, function: FnId, class: Option<ClassId>) -> bool {
        let writers = class.and_then(|class| self.of.get(&class));
        writers.is_some_and(|writers| writers.iter().any(|writer| *writer != function))
    }

    /// Whether another thread may write while `function` runs.
    pub(super) fn meets(
        &self,
        analysis: &Analysis,
        function: FnId,
        class: Option<ClassId>,
    ) -> bool {
        if analysis.may_run_in_parallel(function, function) {
            return true;
        }
        let writers = class.and_then(|class| self.of.get(&class));
        writers.is_some_and(|writers| {
            writers
                .iter()
                .any(|writer| analysis.may_run_in_parallel(function, *writer))
        })
    }
}
