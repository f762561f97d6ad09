//! The steps of the analysis, in order.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::graph::{self, Graph};
use super::held::HeldSets;
use super::lifespans::Lifespans;
use super::nesting::Context;
use super::runners::Runners;
use super::setup::Setup;
use super::sources::Returned;
use super::summary::{self, Summaries};
use super::threads::Threads;
use super::writers::Writers;
use super::{
    Analysis, BlockedUnder, ChainStep, Counts, EventRef, Kinds, Nesting, alone, cycles, entry,
    instance, lifted, nesting, several,
};
use crate::program::*;

/// Callers asked what a parameter is that is taken for writing or waited on.
pub(super) const MAX_WRITER_DEPTH: usize = 4;

/// Links `program`.
pub(super) fn analyse(program: Program) -> Analysis {
    let graph = Graph::of(&program);
    let ((held, (entry, summaries)), (threads, setup, alone, (writers, callers))) = rayon::join(
        || {
            let returned = Returned::of(&program, &graph);
            let held: Vec<HeldSets> = (0..program.functions.len())
                .into_par_iter()
                .with_min_len(64)
                .map(|index| HeldSets::of(&program, &graph, &returned, FnId(index as u32)))
                .collect();
            let rest = rayon::join(
                || entry::entry_sets(&program, &graph, &held),
                || {
                    let needed = summary::needed(&program, &graph, &held);
                    Summaries::of(&program, &graph, &held, &needed)
                },
            );
            (held, rest)
        },
        || {
            let ((threads, alone), (setup, writers)) = rayon::join(
                || {
                    let threads = Threads::of(&program, &graph);
                    (threads, alone::of(&program, &graph))
                },
                || {
                    let setup = Setup::of(&program, &graph);
                    let writers = Writers::of(&program, &graph, &setup);
                    (setup, writers)
                },
            );
            (threads, setup, alone, (writers, graph.callers()))
        },
    );

    let context = Context {
        program: &program,
        graph: &graph,
        held: &held,
        entry: &entry,
        summaries: &summaries,
    };
    let ((nestings, blocked, cycles, dropped), (mut counts, condvars, several, tested, runners)) =
        rayon::join(
            || {
                let nesting::Beneath {
                    mut nestings,
                    mut blocked,
                    dropped,
                } = nesting::of(context);
                nestings.extend(lifted::of(context, &nestings));
                sort(&program, &mut nestings, &mut blocked);
                let lifespans = Lifespans {
                    program: &program,
                    graph: &graph,
                    threads: &threads,
                };
                let cycles = cycles::of(lifespans, &held, &setup, &writers, &alone, &nestings);
                (nestings, blocked, cycles, dropped)
            },
            || {
                (
                    counts(&program, &graph, &held),
                    condvars(&program, &graph, &held),
                    several::of(&program, &graph),
                    several::tested(&program, &graph),
                    Runners::of(&program),
                )
            },
        );
    counts.dropped_chains = summaries.dropped + dropped;
    Analysis {
        condvars,
        several,
        tested,
        runners,
        alone,
        callers,
        bindings: graph.bindings,
        kinds: graph.kinds,
        handed_on: graph.taken,
        entry: entry
            .iter()
            .map(|gates| gates.iter().map(|gate| gate.class).collect())
            .collect(),
        program,
        held,
        nestings,
        cycles,
        blocked,
        threads,
        writers,
        counts,
    }
}

/// By site, whatever the order of functions in the program.
fn sort(program: &Program, nestings: &mut Vec<Nesting>, blocked: &mut Vec<BlockedUnder>) {
    let site = |id: FnId| program.functions.get(id.index()).map(|f| f.site);
    let chains =
        |a: &[ChainStep], b: &[ChainStep]| a.iter().map(|s| s.site).cmp(b.iter().map(|s| s.site));
    nestings.par_sort_by(|a, b| {
        let key = |n: &Nesting| {
            (
                site(n.function),
                n.function,
                n.held.site,
                n.held.guard,
                n.site,
                n.taken_in,
            )
        };
        key(a)
            .cmp(&key(b))
            .then_with(|| chains(&a.chain, &b.chain))
            .then_with(|| chains(&a.context, &b.context))
            .then_with(|| (&a.held.lock, &a.taken).cmp(&(&b.held.lock, &b.taken)))
    });
    nestings.dedup();
    blocked.par_sort_by(|a, b| {
        let at = |b: &BlockedUnder| graph::event_at(program, b.event).map(|event| event.site);
        let key = |b: &BlockedUnder| {
            (
                site(b.function),
                b.function,
                b.held.site,
                b.held.guard,
                at(b),
                b.event,
            )
        };
        key(a)
            .cmp(&key(b))
            .then_with(|| chains(&a.chain, &b.chain))
            .then_with(|| a.held.lock.cmp(&b.held.lock))
    });
    blocked.dedup();
}

fn counts(program: &Program, graph: &Graph, held: &[HeldSets]) -> Counts {
    let is_lock = |class: &&Class| {
        matches!(class.kind, ObjectKind::Lock(_)) && class.scope != ClassScope::Param
    };
    let mut counts = Counts {
        locks: program.classes.iter().filter(is_lock).count(),
        ..Counts::default()
    };
    let counted = Kinds::ACQUIRE | Kinds::SPAWN | Kinds::UNKNOWN_CALL;
    for (at, event) in graph.events_with(program, counted) {
        match &event.kind {
            EventKind::Acquire { .. } => counts.acquisitions += 1,
            EventKind::Spawn(_) => counts.spawns += 1,
            EventKind::Call(call) if call.resolution == Resolution::Unknown => {
                let under = held
                    .get(at.function.index())
                    .is_some_and(|sets| !sets.before(at).is_empty());
                counts.unresolved_calls_under_lock += usize::from(under);
            }
            _ => {}
        }
    }
    counts
}

/// The class of `lock`, which the event `at` is about, and that event; of a
/// parameter, those that callers outside tests pass, and their calls.
pub(super) fn classes_of(
    program: &Program,
    graph: &Graph,
    at: EventRef,
    lock: &ObjectRef,
    depth: usize,
) -> BTreeSet<(ClassId, EventRef)> {
    let named = named(program, graph, at, lock, depth);
    named.into_iter().map(|of| (of.class, of.at)).collect()
}

/// A class, where it has its name, and who runs what was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) class: ClassId,
    pub(super) at: EventRef,
    /// The innermost body of a thread or task on the way to `at`, or the
    /// function of `at`.
    pub(super) by: FnId,
}

/// As [`classes_of`], and who runs the event `at`.
pub(super) fn named(
    program: &Program,
    graph: &Graph,
    at: EventRef,
    lock: &ObjectRef,
    depth: usize,
) -> BTreeSet<Named> {
    let function = at.function;
    let body = &program.functions[function.index()];
    let by = Some(function).filter(|_| body.kind == FnKind::SpawnBody);
    if !instance::is_param(program, lock.class) {
        let by = by.unwrap_or(function);
        let itself = lock.class.map(|class| Named { class, at, by });
        return itself.into_iter().collect();
    }
    let mut found = BTreeSet::new();
    if depth > 0 {
        for edge in graph.entering(graph.family(function)) {
            if !program.functions[edge.at.function.index()].is_test {
                let passed = instance::translate(program, edge, lock);
                let outer = named(program, graph, edge.at, &passed, depth - 1);
                found.extend(outer.into_iter().map(|of| Named {
                    by: by.unwrap_or(of.by),
                    ..of
                }));
            }
        }
    }
    found
}

/// What is known of a condition variable: the locks its waits hand over, and
/// the waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Condvar {
    pub(super) locks: BTreeSet<ClassId>,
    pub(super) waits: Vec<EventRef>,
}

/// A wait on a parameter is one on whatever the callers pass.
fn condvars(program: &Program, graph: &Graph, held: &[HeldSets]) -> BTreeMap<ClassId, Condvar> {
    let mut condvars: BTreeMap<ClassId, Condvar> = BTreeMap::new();
    for (at, event) in graph.events_with(program, Kinds::WAIT) {
        let EventKind::Wait { condvar, guard, .. } = &event.kind else {
            continue;
        };
        let info = guard.and_then(|guard| held.get(at.function.index())?.guard(guard));
        let classes = |object: &ObjectRef| {
            let named = classes_of(program, graph, at, object, MAX_WRITER_DEPTH);
            let mut classes: BTreeSet<ClassId> =
                named.into_iter().map(|(class, _)| class).collect();
            classes.extend(object.class);
            classes
        };
        let locks: BTreeSet<ClassId> = info
            .iter()
            .flat_map(|info| &info.locks)
            .flat_map(|held| classes(&held.lock))
            .collect();
        for class in classes(condvar) {
            let known = condvars.entry(class).or_default();
            known.waits.push(at);
            known.locks.extend(&locks);
        }
    }
    condvars
}
