//! Gates: classes held on every way to a point, callers included.

use std::collections::VecDeque;

use rustc_hash::FxHashSet as HashSet;

use super::graph::{self, Edge, Graph};
use super::held::HeldSets;
use super::{EventRef, Held, Mode, instance};
use crate::program::*;

/// A class held on every path, and whether for reading only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gate {
    pub class: ClassId,
    pub shared: bool,
}

/// Adds `more` to `gates`, sorted by class; held alone wins over shared.
pub(super) fn union(gates: &mut Vec<Gate>, more: &[Gate]) {
    if more.is_empty() {
        return;
    }
    gates.extend_from_slice(more);
    // Alone sorts before shared.
    gates.sort_unstable();
    gates.dedup_by_key(|gate| gate.class);
}

/// What `a` and `b` have in common, held as weakly as in either.
fn intersection(a: &[Gate], b: &[Gate]) -> Vec<Gate> {
    let common = |gate: &Gate| {
        let other = b.iter().find(|other| other.class == gate.class)?;
        Some(Gate {
            class: gate.class,
            shared: gate.shared || other.shared,
        })
    };
    a.iter().filter_map(common).collect()
}

/// The gates that `held` makes.
pub(super) fn gates(program: &Program, held: &[Held]) -> Vec<Gate> {
    let mut gates = Vec::new();
    for held in held.iter().filter(|held| held.must) {
        let Some(class) = held.lock.class else {
            continue;
        };
        if !instance::is_param(program, held.lock.class) {
            let shared = matches!(held.mode, Mode::Read | Mode::ReadRecursive);
            union(&mut gates, &[Gate { class, shared }]);
        }
    }
    gates
}

/// What the functions along `edge` hold while it is followed.
pub(super) fn along(program: &Program, held: &[HeldSets], edge: &Edge) -> Vec<Gate> {
    let mut all = at(program, held, edge.at);
    for &step in &edge.through {
        union(&mut all, &at(program, held, step));
    }
    all
}

/// What is held on every path to `at` within its function.
pub(super) fn at(program: &Program, held: &[HeldSets], at: EventRef) -> Vec<Gate> {
    held.get(at.function.index())
        .map_or_else(Vec::new, |sets| gates(program, sets.before(at)))
}

/// Per function, the gates on every way into it: nothing where it can be
/// entered from outside the calls that are known.
pub(super) fn entry_sets(program: &Program, graph: &Graph, held: &[HeldSets]) -> Vec<Vec<Gate>> {
    let count = program.functions.len();
    let mut sets: Vec<Option<Vec<Gate>>> = vec![None; count];
    let mut work = VecDeque::new();
    for (index, open) in open_functions(program, graph).into_iter().enumerate() {
        if open {
            sets[index] = Some(Vec::new());
            work.push_back(FnId(index as u32));
        }
    }
    // From above: a caller not reached yet does not weaken the set, so calls
    // in a circle do not lose what they keep.
    while let Some(function) = work.pop_front() {
        let Some(own) = sets[function.index()].clone() else {
            continue;
        };
        for edge in graph.out(function) {
            let settled = sets[edge.callee.index()]
                .as_ref()
                .is_some_and(Vec::is_empty);
            if settled || only_tests(program, function, edge.callee) {
                continue;
            }
            let mut incoming = along(program, held, edge);
            union(&mut incoming, &own);
            let next = match &sets[edge.callee.index()] {
                Some(known) => intersection(known, &incoming),
                None => incoming,
            };
            if sets[edge.callee.index()].as_ref() != Some(&next) {
                sets[edge.callee.index()] = Some(next);
                work.push_back(edge.callee);
            }
        }
    }
    sets.into_iter().map(Option::unwrap_or_default).collect()
}

/// Functions that may be entered by somebody who is not seen.
fn open_functions(program: &Program, graph: &Graph) -> Vec<bool> {
    // Who is asked for by a program of the workspace is asked for there.
    let mut in_program = vec![false; program.functions.len()];
    let mut open = Vec::with_capacity(program.functions.len());
    for (id, function) in (0..).map(FnId).zip(&program.functions) {
        let called = |edge: &Edge| !only_tests(program, edge.at.function, id);
        let called = graph.entering(id).any(called);
        in_program[id.index()] = called && function.in_program;
        let seen = in_program[id.index()] && !is_root(function);
        open.push(!called || graph.taken.contains(&id) || !seen && is_open(function));
    }
    let mut unknown = HashSet::default();
    let mut mark = |id: FnId| {
        if let Some(flag) = open.get_mut(id.index()) {
            *flag = true;
        }
    };
    for (_, event) in graph::events(program) {
        if let EventKind::Spawn(spawn) = &event.kind
            && let Some(body) = spawn.body
        {
            mark(body);
        }
        let Some(call) = graph::call_of(event) else {
            continue;
        };
        match call.resolution {
            // Whoever has the trait may call its methods.
            Resolution::Trait => {
                let outside = |target: &&FnId| in_program.get(target.index()) != Some(&true);
                call.targets
                    .iter()
                    .filter(outside)
                    .for_each(|&target| mark(target));
            }
            Resolution::Unknown => {
                unknown.insert(last_segment(&call.name));
            }
            Resolution::Exact
            | Resolution::ByName
            | Resolution::FirstUse
            | Resolution::External => {}
        }
    }
    // A call that was not resolved may be a call of any function of its name.
    // Where a program calls it as well, that call is mostly one of another type.
    let functions = program.functions.iter().zip(in_program);
    for (flag, (f, in_program)) in open.iter_mut().zip(functions) {
        *flag |= f.kind != FnKind::Closure && !in_program && unknown.contains(f.name.as_str());
    }
    open
}

fn is_open(f: &Function) -> bool {
    is_root(f) || f.kind == FnKind::Fn && f.is_pub && f.in_library
}

/// Entered by the runtime.
fn is_root(f: &Function) -> bool {
    matches!(f.kind, FnKind::Drop | FnKind::Main | FnKind::SpawnBody) || f.is_test_root
}

/// A test calls what is no test: it may leave out what everybody else takes first.
fn only_tests(program: &Program, caller: FnId, callee: FnId) -> bool {
    let in_test = |id: FnId| program.functions.get(id.index()).is_some_and(|f| f.is_test);
    in_test(caller) && !in_test(callee)
}

fn last_segment(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}
