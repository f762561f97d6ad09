//! Where callables are run that were passed as arguments.
//!
//! A closure runs in the function that calls its parameter, some calls further
//! down. What is stored first and run later is not followed: such a closure
//! counts as taken, and a parameter that may get one nobody sees stays open.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet as HashSet;

use super::{Edge, Graph, MAX_GUESSES, Via, call_at, call_of, compatible, guesses, via};
use crate::analysis::{EventRef, Kinds};
use crate::program::*;

/// Runs of one callable parameter that are kept.
const MAX_RUNS: usize = 4;
/// Calls between passing a closure and running it.
const MAX_RUN_STEPS: usize = 6;

/// A callable parameter is run.
#[derive(Debug, Clone)]
struct Run {
    param: u16,
    guesses: u8,
    /// From the function that owns the parameter to the run.
    steps: Vec<EventRef>,
}

/// What [`Runs`] adds to a graph.
pub(super) struct Found {
    pub(super) edges: Vec<Edge>,
    pub(super) taken: BTreeSet<FnId>,
    pub(super) open_params: HashSet<(FnId, u16)>,
}

/// Which callable parameters are run where, to a fixpoint.
pub(super) struct Runs<'a> {
    program: &'a Program,
    graph: &'a Graph,
    /// Per function, runs of its own (or of its outermost function's) parameters.
    of: BTreeMap<FnId, Vec<Run>>,
    /// Found edges into closures, by the closure.
    closures: BTreeMap<FnId, Vec<Edge>>,
    work: Vec<(FnId, Run)>,
}

impl<'a> Runs<'a> {
    /// Returns the edges into closures, and notes which functions and
    /// parameters stay open.
    pub(super) fn of(program: &'a Program, graph: &'a Graph) -> Found {
        let mut passed = BTreeMap::new();
        let mut first = Vec::new();
        for (at, event) in graph.events_with(program, Kinds::CALL_PARAM | Kinds::CLOSURE_ARG) {
            if let EventKind::CallParam { param } = event.kind {
                first.push((
                    at.function,
                    Run {
                        param,
                        guesses: 0,
                        steps: vec![at],
                    },
                ));
            }
            let Some(call) = call_of(event) else { continue };
            for closure in call.args.iter().filter_map(|arg| arg.closure) {
                if closure.index() < program.functions.len() {
                    passed.entry((at, closure)).or_insert(call);
                }
            }
        }
        let mut runs = Runs {
            program,
            graph,
            of: BTreeMap::new(),
            closures: BTreeMap::new(),
            work: Vec::new(),
        };
        for (function, run) in first {
            runs.add(function, run);
        }
        // Nobody knows what a function that was not found does with a closure:
        // most run it in place.
        for (&(at, closure), call) in passed
            .iter()
            .filter(|(_, call)| call.resolution == Resolution::Unknown)
        {
            runs.edge(at, closure, guesses(call), Vec::new());
        }
        runs.finish();
        let edges: Vec<Edge> = runs.closures.into_values().flatten().collect();

        let known: HashSet<(EventRef, FnId)> = edges
            .iter()
            .filter(|edge| !edge.through.is_empty())
            .map(|edge| (edge.at, edge.callee))
            .collect();
        let taken = passed
            .keys()
            .filter(|key| !known.contains(key))
            .map(|&(_, closure)| closure);
        let ran = runs
            .of
            .iter()
            .flat_map(|(&f, runs)| runs.iter().map(move |run| (f, run.param)));
        let open_params = ran
            .filter(|&(function, param)| is_open(program, graph, function, param))
            .collect();
        let taken = taken.collect();
        Found {
            edges,
            taken,
            open_params,
        }
    }

    fn add(&mut self, function: FnId, run: Run) {
        if run.steps.len() > MAX_RUN_STEPS || run.guesses > MAX_GUESSES {
            return;
        }
        let runs = self.of.entry(function).or_default();
        let same = runs.iter().filter(|r| r.param == run.param);
        // A longer way to the same place says nothing new.
        if same.clone().count() >= MAX_RUNS
            || same.clone().any(|r| r.steps.last() == run.steps.last())
        {
            return;
        }
        runs.push(run.clone());
        self.work.push((function, run));
    }

    fn edge(&mut self, at: EventRef, closure: FnId, guesses: u8, through: Vec<EventRef>) {
        if !compatible(self.program, at.function, closure) {
            return;
        }
        let via = match via(self.program, &self.graph.bindings.outermost, at, closure) {
            // A function given by name: its arguments are the callee's affair.
            Via::Call => Via::Foreign,
            via => via,
        };
        let edge = Edge {
            at,
            callee: closure,
            via,
            guesses,
            through,
        };
        let known = self.closures.entry(closure).or_default();
        if known.contains(&edge) {
            return;
        }
        known.push(edge.clone());
        for run in self.of.get(&closure).cloned().unwrap_or_default() {
            self.outward(&edge, &run);
        }
    }

    /// A closure runs a parameter of the function it stands in.
    fn outward(&mut self, edge: &Edge, run: &Run) {
        if edge.via == Via::Captured {
            let steps = [&[edge.at], edge.through.as_slice(), &run.steps].concat();
            self.add(
                edge.at.function,
                Run {
                    param: run.param,
                    guesses: edge.guesses + run.guesses,
                    steps,
                },
            );
        }
    }

    fn finish(&mut self) {
        while !self.work.is_empty() {
            // Breadth first: the shortest way is found first.
            for (function, run) in std::mem::take(&mut self.work) {
                let graph = self.graph;
                for edge in graph.entering(function) {
                    self.passed(edge, &run);
                }
                for edge in self.closures.get(&function).cloned().unwrap_or_default() {
                    self.outward(&edge, &run);
                }
            }
        }
    }

    /// A call reaches a function that runs its parameter.
    fn passed(&mut self, edge: &Edge, run: &Run) {
        if edge.via == Via::Captured {
            self.outward(edge, run);
            return;
        }
        let arg =
            call_at(self.program, edge.at).and_then(|call| call.args.get(usize::from(run.param)));
        let Some(arg) = arg else { return };
        let guesses = edge.guesses + run.guesses;
        if let Some(closure) = arg
            .closure
            .filter(|id| id.index() < self.program.functions.len())
        {
            self.edge(edge.at, closure, guesses, run.steps.clone());
        } else if let Some(param) = passed_on(self.program, self.graph, edge.at.function, arg) {
            let steps = [&[edge.at], run.steps.as_slice()].concat();
            self.add(
                edge.at.function,
                Run {
                    param,
                    guesses,
                    steps,
                },
            );
        }
    }
}

/// The argument is a callable parameter of `function` itself.
pub(in crate::analysis) fn passed_on(
    program: &Program,
    graph: &Graph,
    function: FnId,
    arg: &Arg,
) -> Option<u16> {
    let place = arg.place.as_ref().filter(|place| place.path.is_empty())?;
    let Root::Param(index) = place.root else {
        return None;
    };
    let owner = program.functions.get(graph.family(function).index())?;
    owner
        .params
        .get(usize::from(index))
        .filter(|param| param.callable)
        .map(|_| index)
}

/// Callers of callers of .. that are asked for what they pass on.
const MAX_PASSED_ON: u8 = 4;

/// Somebody may pass `function` a callable that was not seen.
fn is_open(program: &Program, graph: &Graph, function: FnId, param: u16) -> bool {
    may_be_passed(program, graph, function, param, MAX_PASSED_ON)
}

fn may_be_passed(program: &Program, graph: &Graph, function: FnId, param: u16, depth: u8) -> bool {
    let owner = graph.family(function);
    let f = &program.functions[owner.index()];
    if f.is_pub && f.in_library {
        return true;
    }
    let mut callers = graph.entering(owner).peekable();
    callers.peek().is_none()
        || callers.any(|edge| {
            let arg = call_at(program, edge.at).and_then(|call| call.args.get(usize::from(param)));
            arg.is_none_or(|a| {
                let outer = passed_on(program, graph, edge.at.function, a);
                a.closure.is_none()
                    && outer.is_none_or(|outer| {
                        depth > 0
                            && may_be_passed(program, graph, edge.at.function, outer, depth - 1)
                    })
            })
        })
}
