//! Who calls whom.
//!
//! An edge is a call, or the run of a closure by a function it was passed to:
//! then it leads from the call straight into the closure, and remembers the
//! steps between. Spawned bodies are no callees: they start with nothing held.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet as HashSet;

use rayon::prelude::*;

use super::{EventRef, Kinds, cfgs};
use crate::program::*;

mod bindings;
mod runs;

pub(super) use bindings::Bindings;
use runs::Runs;
pub(super) use runs::passed_on;

/// Guesses behind a call that nobody should build on; such edges are followed
/// for reachability only.
pub(super) const MAX_GUESSES: u8 = 3;
/// Trait calls with more targets are two guesses, with more than
/// [`CROWD`] none is followed under a lock.
const MANY_TARGETS: usize = 8;
const CROWD: usize = 32;

/// How the callee's names read in the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Via {
    /// Parameters are the arguments.
    Call,
    /// A closure of the same outermost function: names mean the same.
    Captured,
    /// A function run with arguments nobody sees.
    Foreign,
}

/// A way from one function into another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// The call, in the caller.
    pub at: EventRef,
    /// The function entered.
    pub callee: FnId,
    /// How names read.
    pub via: Via,
    /// How many guesses stand behind it.
    pub guesses: u8,
    /// Steps inside the functions called, down to the run of the parameter.
    pub through: Vec<EventRef>,
}

/// All calls of a program.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Of the events of each function.
    pub kinds: Vec<Kinds>,
    /// Sorted by caller and place.
    pub edges: Vec<Edge>,
    /// Per function, its range in `edges`.
    first: Vec<u32>,
    /// Per function, indices of the edges into it, by the caller's site.
    pub into: Vec<Vec<u32>>,
    /// Functions and closures used as values other than in a call that is
    /// known to run them: anyone may run them.
    pub taken: BTreeSet<FnId>,
    /// Parameters that are run with something else than a known closure.
    pub open_params: HashSet<(FnId, u16)>,
    /// How variables are bound.
    pub bindings: Bindings,
}

/// Call sites of each function, for lints.
#[derive(Debug, Default)]
pub(super) struct Callers(Vec<Vec<EventRef>>);

impl Callers {
    pub(super) fn of(&self, function: FnId) -> &[EventRef] {
        self.0.get(function.index()).map_or(&[], Vec::as_slice)
    }
}

/// All events of a program.
pub(super) fn events(program: &Program) -> impl Iterator<Item = (EventRef, &Event)> {
    (0..program.functions.len()).flat_map(move |index| events_of(program, FnId(index as u32)))
}

/// The functions that have an event of one of the kinds `wanted`.
pub(super) fn functions_with<'p>(
    program: &'p Program,
    kinds: &'p [Kinds],
    wanted: Kinds,
) -> impl Iterator<Item = (FnId, &'p Function)> {
    (0..)
        .map(FnId)
        .zip(&program.functions)
        .zip(kinds)
        .filter(move |(_, kinds)| kinds.meets(wanted))
        .map(|(function, _)| function)
}

/// The events of one function.
pub(super) fn events_of(
    program: &Program,
    function: FnId,
) -> impl Iterator<Item = (EventRef, &Event)> {
    let blocks = program
        .functions
        .get(function.index())
        .map_or(&[][..], |f| &f.blocks);
    blocks.iter().enumerate().flat_map(move |(block, b)| {
        b.events.iter().enumerate().map(move |(index, event)| {
            (
                EventRef {
                    function,
                    block: BlockId(block as u32),
                    index: index as u32,
                },
                event,
            )
        })
    })
}

/// The event `at`, if there is one.
pub(super) fn event_at(program: &Program, at: EventRef) -> Option<&Event> {
    program
        .functions
        .get(at.function.index())?
        .blocks
        .get(at.block.index())?
        .events
        .get(at.index as usize)
}

/// The call of an event: of a plain one, or of one that returns a guard.
pub(super) fn call_of(event: &Event) -> Option<&Call> {
    match &event.kind {
        EventKind::Call(call)
        | EventKind::Acquire {
            source: LockSource::Callee(call),
            ..
        } => Some(call),
        _ => None,
    }
}

/// The call at `at`.
pub(super) fn call_at(program: &Program, at: EventRef) -> Option<&Call> {
    call_of(event_at(program, at)?)
}

/// Guesses behind the choice of a call's targets.
fn guesses(call: &Call) -> u8 {
    match call.resolution {
        Resolution::Exact => 0,
        Resolution::FirstUse => 1,
        Resolution::Trait if call.targets.len() <= 1 => 0,
        Resolution::Trait if call.targets.len() <= MANY_TARGETS => 1,
        Resolution::Trait if call.targets.len() <= CROWD => 2,
        Resolution::ByName if call.targets.len() <= 1 => 1,
        Resolution::ByName if call.targets.len() <= MANY_TARGETS => 2,
        Resolution::External | Resolution::Unknown => 2,
        Resolution::Trait | Resolution::ByName => MAX_GUESSES + 1,
    }
}

impl Graph {
    /// Reads all calls of `program`.
    pub(super) fn of(program: &Program) -> Self {
        let outermost = outermost(program);
        let (kinds, (of, edges)) = rayon::join(
            || Kinds::of(program),
            || {
                rayon::join(
                    || bindings::counted(program, &outermost),
                    || plain_edges(program, &outermost),
                )
            },
        );
        let mut graph = Graph {
            kinds,
            edges,
            bindings: Bindings { of, outermost },
            ..Graph::default()
        };
        graph.index(program);
        let found = Runs::of(program, &graph);
        graph.edges.extend(found.edges);
        graph.taken = found.taken;
        graph.open_params = found.open_params;
        graph.edges.sort();
        graph.edges.dedup();
        graph.index(program);
        graph
    }

    /// The events of the functions that have one of the kinds `wanted`.
    pub(super) fn events_with<'p>(
        &'p self,
        program: &'p Program,
        wanted: Kinds,
    ) -> impl Iterator<Item = (EventRef, &'p Event)> {
        functions_with(program, &self.kinds, wanted)
            .flat_map(|(function, _)| events_of(program, function))
    }

    /// The edges that leave `function`.
    pub(super) fn out(&self, function: FnId) -> &[Edge] {
        let range = self
            .first
            .get(function.index())
            .zip(self.first.get(function.index() + 1));
        range
            .and_then(|(&from, &to)| self.edges.get(from as usize..to as usize))
            .unwrap_or(&[])
    }

    /// The edges that leave at one event.
    pub(super) fn out_at(&self, at: EventRef) -> &[Edge] {
        let edges = self.out(at.function);
        let from = edges.partition_point(|edge| edge.at < at);
        let to = edges.partition_point(|edge| edge.at <= at);
        &edges[from..to]
    }

    /// The edges that enter `function`, by the caller's site.
    pub(super) fn entering(&self, function: FnId) -> impl Iterator<Item = &Edge> {
        let ids = self
            .into
            .get(function.index())
            .map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|&id| self.edges.get(id as usize))
    }

    /// The outermost function that `function` stands in.
    pub(super) fn family(&self, function: FnId) -> FnId {
        self.bindings.family(function)
    }

    /// For lints.
    pub(super) fn callers(&self) -> Callers {
        let sites = |ids: &Vec<u32>| {
            let mut sites: Vec<_> = ids
                .iter()
                .filter_map(|&id| self.edges.get(id as usize))
                .map(|e| e.at)
                .collect();
            sites.dedup();
            sites
        };
        Callers(self.into.iter().map(sites).collect())
    }

    fn index(&mut self, program: &Program) {
        let count = program.functions.len();
        self.first = vec![0; count + 1];
        self.into = vec![Vec::new(); count];
        for (id, edge) in self.edges.iter().enumerate() {
            self.first[edge.at.function.index() + 1] += 1;
            self.into[edge.callee.index()].push(id as u32);
        }
        for index in 0..count {
            self.first[index + 1] += self.first[index];
        }
        let edges = &self.edges;
        let key = |id: &u32| {
            let edge = &edges[*id as usize];
            (
                program.functions[edge.at.function.index()].site,
                edge.at.function,
                edge.at,
                *id,
            )
        };
        self.into
            .par_iter_mut()
            .with_min_len(256)
            .filter(|ids| ids.len() > 1)
            .for_each(|ids| ids.sort_by_key(key));
    }
}

fn plain_edges(program: &Program, outermost: &[FnId]) -> Vec<Edge> {
    let count = program.functions.len();
    let per_function = |index: usize| {
        let mut edges = Vec::new();
        for (at, event) in events_of(program, FnId(index as u32)) {
            let Some(call) = call_of(event) else { continue };
            let guesses = guesses(call);
            for &callee in call.targets.iter().filter(|id| id.index() < count) {
                if compatible(program, at.function, callee) {
                    edges.push(Edge {
                        at,
                        callee,
                        via: via(program, outermost, at, callee),
                        guesses,
                        through: Vec::new(),
                    });
                }
            }
        }
        edges
    };
    (0..count)
        .into_par_iter()
        .flat_map_iter(per_function)
        .collect()
}

fn via(program: &Program, outermost: &[FnId], at: EventRef, callee: FnId) -> Via {
    let family = |id: FnId| outermost.get(id.index()).copied().unwrap_or(id);
    match program.functions[callee.index()].kind {
        FnKind::Closure | FnKind::SpawnBody if family(at.function) == family(callee) => {
            Via::Captured
        }
        FnKind::Closure | FnKind::SpawnBody => Via::Foreign,
        FnKind::Fn | FnKind::Drop | FnKind::Main => Via::Call,
    }
}

/// Both can be in one build.
fn compatible(program: &Program, a: FnId, b: FnId) -> bool {
    !cfgs::exclusive(
        &program.functions[a.index()].cfgs,
        &program.functions[b.index()].cfgs,
    )
}

fn outermost(program: &Program) -> Vec<FnId> {
    let of = |index: usize| {
        let mut id = FnId(index as u32);
        // The bound keeps a malformed parent chain from running for ever.
        for _ in 0..64 {
            match program.functions[id.index()]
                .parent
                .filter(|parent| parent.index() < program.functions.len())
            {
                Some(parent) => id = parent,
                None => break,
            }
        }
        id
    };
    (0..program.functions.len()).map(of).collect()
}

/// The statement, or one it stands in, is a loop.
pub(super) fn in_loop(function: &Function, stmt: Option<StmtId>) -> bool {
    let outward = |id: &StmtId| function.stmts.get(id.index()).and_then(|s| s.parent);
    std::iter::successors(stmt, outward)
        .take(function.stmts.len() + 1)
        .any(|id| {
            function
                .stmts
                .get(id.index())
                .is_some_and(|s| s.kind == StmtKind::Loop)
        })
}

/// The blocks reached from `start` by at least one step, or those that reach it.
pub(super) fn reach(function: &Function, start: BlockId, backwards: bool) -> HashSet<BlockId> {
    let mut seen = HashSet::default();
    let mut work = vec![start];
    while let Some(block) = work.pop() {
        let near: Vec<BlockId> = if backwards {
            (0..)
                .map(BlockId)
                .zip(&function.blocks)
                .filter(|(_, b)| b.successors.contains(&block))
                .map(|(id, _)| id)
                .collect()
        } else {
            function
                .blocks
                .get(block.index())
                .map_or_else(Vec::new, |b| b.successors.to_vec())
        };
        work.extend(near.into_iter().filter(|id| seen.insert(*id)));
    }
    seen
}

/// Whether control can come back to `block`: a loop, also that of an iterator
/// whose closure runs in place. Statements do not tell in functions that have
/// no guard, since most of those are not kept.
pub(super) fn comes_back(function: &Function, block: BlockId) -> bool {
    reach(function, block, false).contains(&block)
}
