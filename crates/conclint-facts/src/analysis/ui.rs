//! Which closures the thread of a user interface runs.
//!
//! What such a thread is called back for is told by the types of parameters
//! ([`Bound::Ui`]); the closures that this code gives to its toolkit
//! (`ui.horizontal(|ui| ..)`, `cx.listener(|this, ..| ..)`) run there, too. By
//! the name of what they are given to they may as well go to a worker; of those
//! nothing is said.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::Kinds;
use super::graph::{self, Graph};
use crate::program::*;

/// In the names of functions that run a closure elsewhere.
const ELSEWHERE: &[&str] = &[
    "spawn",
    "thread",
    "background",
    "fetch",
    "execute",
    "submit",
    "schedule",
    "job",
    "task",
    "worker",
    "pool",
    "send",
    "async",
    "par",
    "install",
    "detach",
];

/// The closures that stay on the thread of the interface.
pub(super) fn closures(program: &Program, graph: &Graph) -> HashSet<FnId> {
    let is_ui = |id: &FnId| program.functions[id.index()].bound == Bound::Ui;
    if !program.functions.iter().any(|f| f.bound == Bound::Ui) {
        return HashSet::default();
    }
    // By the function that gives it away.
    let mut given: HashMap<FnId, Vec<FnId>> = HashMap::default();
    for (at, event) in graph.events_with(program, Kinds::CLOSURE_ARG) {
        let Some(call) = graph::call_of(event).filter(|call| stays(call)) else {
            continue;
        };
        let closures = call.args.iter().filter_map(|arg| arg.closure);
        let closures = closures.filter(|id| {
            let function = program.functions.get(id.index());
            let awaited = |f: &Function| f.is_async && !is_local(call);
            function.is_some_and(|f| f.kind == FnKind::Closure && !awaited(f))
        });
        given.entry(at.function).or_default().extend(closures);
    }
    let mut found = HashSet::default();
    let mut work: Vec<FnId> = given.keys().copied().filter(is_ui).collect();
    while let Some(function) = work.pop() {
        for closure in given.get(&function).into_iter().flatten() {
            if found.insert(*closure) {
                work.push(*closure);
            }
        }
    }
    found
}

/// The libraries that the user interface of a program is made of: their public
/// functions are for that program, and not for any thread that comes.
pub(super) fn crates(program: &Program) -> HashSet<&str> {
    let functions = program.functions.iter();
    functions
        .filter(|f| f.bound == Bound::Ui && f.in_program)
        .map(|f| f.krate.as_str())
        .collect()
}

fn stays(call: &Call) -> bool {
    let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
    let outside = matches!(call.resolution, Resolution::External | Resolution::Unknown);
    outside && (is_local(call) || !ELSEWHERE.iter().any(|word| name.contains(word)))
}

/// Tasks of the thread that starts them: `cx.spawn_in(window, ..)`.
fn is_local(call: &Call) -> bool {
    let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
    matches!(name, "spawn_in" | "spawn_local")
}
