//! Who takes a lock for writing, and when: readers wait for nobody else.
//!
//! Says nothing of tests, nor of what happens while an object is made or
//! something is set up.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet as HashSet;

use super::compute::{MAX_WRITER_DEPTH, classes_of};
use super::graph::{self, Graph};
use super::setup::{Setup, initialisers};
use super::threads::Threads;
use super::{EventRef, Kinds};
use crate::program::*;

/// Who takes which lock for writing.
#[derive(Debug, Default)]
pub(super) struct Writers {
    /// Per class the places, by their sites.
    places: BTreeMap<ClassId, Vec<EventRef>>,
    /// Functions that set something up, before anybody else is there.
    initialisers: HashSet<FnId>,
}

impl Writers {
    pub(super) fn of(program: &Program, graph: &Graph, setup: &Setup<'_>) -> Self {
        let initialisers = initialisers(program, graph);
        let mut writers: BTreeMap<ClassId, Vec<(Site, EventRef)>> = BTreeMap::new();
        for (at, event) in graph.events_with(program, Kinds::ACQUIRE) {
            let EventKind::Acquire {
                source: LockSource::Direct(lock),
                mode,
                ..
            } = &event.kind
            else {
                continue;
            };
            let function = &program.functions[at.function.index()];
            // While an object is made, nobody else reads in it; what is offered to
            // everybody may be called later, too.
            let offered = function.is_pub && function.in_library && is_method(function);
            let early = !offered && setup.is_of_made(at.function, lock);
            if function.is_test
                || early
                || initialisers.contains(&graph.family(at.function))
                || lock.exclusive
                || !matches!(mode, Mode::Exclusive | Mode::Upgradable)
            {
                continue;
            }
            for (class, named) in classes_of(program, graph, at, lock, MAX_WRITER_DEPTH) {
                // Where the lock has a name is what tells people which it is.
                if let Some(event) = graph::event_at(program, named) {
                    writers.entry(class).or_default().push((event.site, named));
                }
            }
        }
        let sorted = |mut places: Vec<(Site, EventRef)>| {
            places.sort();
            places.dedup();
            places.into_iter().map(|(_, at)| at).collect()
        };
        let all = writers.into_iter();
        Writers {
            places: all.map(|(class, places)| (class, sorted(places))).collect(),
            initialisers,
        }
    }

    /// The first of them.
    pub(super) fn first(&self, class: ClassId) -> Option<EventRef> {
        self.places.get(&class)?.first().copied()
    }

    /// The first that another thread can come to while one is in `reader`. A
    /// program without threads is a piece of one: there, the first of all.
    pub(super) fn beside(
        &self,
        program: &Program,
        threads: &Threads,
        class: ClassId,
        reader: FnId,
    ) -> Option<EventRef> {
        if self.initialisers.contains(&reader) {
            return None;
        }
        if !threads.are_there() {
            return self.first(class);
        }
        let statics = program
            .classes
            .get(class.index())
            .is_some_and(|class| class.scope == ClassScope::Static);
        let mut all = self.places.get(&class)?.iter().copied();
        all.find(|writer| {
            threads.parallel(writer.function, reader, statics)
                && !threads.is_one_worker(program, writer.function, reader, class)
        })
    }
}

fn is_method(function: &Function) -> bool {
    function.params.first().is_some_and(|p| p.name == "self")
}
