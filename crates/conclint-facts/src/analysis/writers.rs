//! Who takes a lock for writing, and when: readers wait for nobody else.
//!
//! Says nothing of tests, nor of what happens while an object is made or
//! something is set up.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet as HashSet;

use super::compute::{MAX_WRITER_DEPTH, named};
use super::graph::{self, Graph};
use super::setup::{Setup, initialisers, makes_an_object};
use super::threads::Threads;
use super::{EventRef, Kinds, Nesting, instance};
use crate::program::*;

/// Who takes which lock for writing.
#[derive(Debug, Default)]
pub(super) struct Writers {
    /// Per class the places where it has its name, by their sites, and who writes.
    places: BTreeMap<ClassId, Vec<(EventRef, FnId)>>,
    /// What callers pass for a parameter that a function takes, and who runs that.
    passed: BTreeMap<(FnId, ClassId), BTreeSet<(ClassId, FnId)>>,
    /// Functions that set something up, before anybody else is there.
    initialisers: HashSet<FnId>,
}

impl Writers {
    pub(super) fn of(program: &Program, graph: &Graph, setup: &Setup<'_>) -> Self {
        let initialisers = initialisers(program, graph);
        let mut writers: BTreeMap<ClassId, Vec<(Site, EventRef, FnId)>> = BTreeMap::new();
        let mut passed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (at, event) in graph.events_with(program, Kinds::ACQUIRE) {
            let EventKind::Acquire {
                source: LockSource::Direct(lock),
                mode,
                blocking,
                ..
            } = &event.kind
            else {
                continue;
            };
            if let Some(param) = lock
                .class
                .filter(|_| instance::is_param(program, lock.class))
            {
                passed.entry((at.function, param)).or_insert_with(|| {
                    let named = named(program, graph, at, lock, MAX_WRITER_DEPTH);
                    named.into_iter().map(|of| (of.class, of.by)).collect()
                });
            }
            let function = &program.functions[at.function.index()];
            // While an object is made, nobody else reads in it; what is offered to
            // everybody may be called later, too.
            let offered = function.is_pub && function.in_library && is_method(function);
            let early = !offered && setup.is_of_made(at.function, lock);
            // Readers queue behind who waits; `try_write` does not.
            if function.is_test
                || *blocking == Blocking::Try
                || early
                || initialisers.contains(&graph.family(at.function))
                || lock.exclusive
                || !matches!(mode, Mode::Exclusive | Mode::Upgradable)
            {
                continue;
            }
            for of in named(program, graph, at, lock, MAX_WRITER_DEPTH) {
                // Where the lock has a name is what tells people which it is.
                if let Some(event) = graph::event_at(program, of.at) {
                    let place = (event.site, of.at, of.by);
                    writers.entry(of.class).or_default().push(place);
                }
            }
        }
        let sorted = |mut places: Vec<(Site, EventRef, FnId)>| {
            places.sort();
            places.dedup();
            places.into_iter().map(|(_, at, by)| (at, by)).collect()
        };
        let all = writers.into_iter();
        Writers {
            places: all.map(|(class, places)| (class, sorted(places))).collect(),
            passed,
            initialisers,
        }
    }

    /// The first of them.
    pub(super) fn first(&self, class: ClassId) -> Option<EventRef> {
        self.places.get(&class)?.first().map(|(at, _)| *at)
    }

    /// The first in another function than `reader`.
    pub(super) fn outside(&self, class: ClassId, reader: FnId) -> Option<EventRef> {
        let mut places = self.places.get(&class)?.iter();
        let found = places.find(|(at, by)| at.function != reader || *by != reader);
        found.map(|(at, _)| *at)
    }

    /// The first that another thread can come to, with the same object, between two
    /// reads. A program without threads is a piece of one: there, the first of all.
    pub(super) fn beside(
        &self,
        program: &Program,
        threads: &Threads,
        class: ClassId,
        reads: &Nesting,
    ) -> Option<EventRef> {
        let reader = reads.function;
        // What a function makes, and keeps in a variable, no writer has yet.
        let is_new = reads.context.is_empty()
            && matches!(reads.held.lock.place.root, Root::Local(_))
            && makes_an_object(&program.functions[reader.index()]);
        if self.initialisers.contains(&reader) || is_new {
            return None;
        }
        // Each call of the function has one of its own, and writes at another time.
        let is_own = reads.context.is_empty()
            && is_made_here(&program.functions[reader.index()], &reads.held.lock);
        // With a context, the lock reads as in another function.
        let flags = match reads.context.is_empty() {
            true => flags(program, reader, reads.held.site, &reads.held.lock),
            false => Vec::new(),
        };
        let itself = BTreeSet::from([(class, reader)]);
        let read = self.passed.get(&(reader, class)).unwrap_or(&itself);
        read.iter().find_map(|&(class, reader)| {
            let of = program.classes.get(class.index())?;
            let statics = of.scope == ClassScope::Static;
            let beside = |by: FnId| {
                threads.parallel(by, reader, statics)
                    && !threads.is_one_worker(program, by, reader, class)
            };
            let mut all = self.places.get(&class)?.iter().copied();
            let found = all.find(|&(writer, by)| {
                let itself = is_own && by == reads.function;
                let elsewhere =
                    || is_of_others(program, &flags, writer) && has_its_own(program, class);
                (!threads.are_there() || beside(by)) && !itself && !elsewhere()
            });
            found.map(|(writer, _)| writer)
        })
    }
}

/// Whether `lock` is in a variable that is bound to an object made there.
fn is_made_here(function: &Function, lock: &ObjectRef) -> bool {
    let Root::Local(id) = lock.place.root else {
        return false;
    };
    let mut locals = function.locals.iter();
    locals.any(|local| local.id == id && local.made)
}

/// What the flags of `self` are, by name, where `site` is reached, and `lock` is a
/// field of `self`.
fn flags<'p>(
    program: &'p Program,
    function: FnId,
    site: Site,
    lock: &ObjectRef,
) -> Vec<(&'p str, bool)> {
    let of_self = lock.place.root == Root::Param(0) && lock.place.path.len() == 1;
    let function = program.functions.get(function.index()).filter(|_| of_self);
    function
        .into_iter()
        .flat_map(|function| &function.parts)
        .filter(|part| part.contains(site))
        .filter_map(|part| match &part.when {
            When::Kept { field, value } => Some((field.as_str(), *value)),
            _ => None,
        })
        .collect()
}

/// Whether the writer comes there with other objects only: one of these flags is
/// not so for its own.
fn is_of_others(program: &Program, flags_of_reader: &[(&str, bool)], writer: EventRef) -> bool {
    let Some(event) = graph::event_at(program, writer) else {
        return false;
    };
    let EventKind::Acquire {
        source: LockSource::Direct(lock),
        ..
    } = &event.kind
    else {
        return false;
    };
    flags(program, writer.function, event.site, lock)
        .iter()
        .any(|(name, value)| flags_of_reader.contains(&(name, !value)))
}

/// Whether each object has a lock of its own in the field: it lies in it, or all
/// that is seen to be put there comes from nowhere else.
fn has_its_own(program: &Program, class: ClassId) -> bool {
    let inline = program
        .classes
        .get(class.index())
        .is_some_and(instance::is_inline);
    let mut made = program
        .functions
        .iter()
        .flat_map(|function| &function.made)
        .filter(|made| made.field == Some(class))
        .peekable();
    inline
        || made.peek().is_some()
            && made
                .all(|made| made.element.is_none() && made.source.is_none() && made.param.is_none())
}

fn is_method(function: &Function) -> bool {
    function.params.first().is_some_and(|p| p.name == "self")
}
