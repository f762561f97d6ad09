//! What happens before there are others: while an object is made, and in `main`
//! before it starts anything.
//!
//! Orders of locks that are taken there meet nobody.

use rustc_hash::FxHashSet as HashSet;

use super::graph::{self, Edge, Graph};
use super::{EventRef, Nesting};
use crate::program::*;

/// Functions that run before others can have the object, or exist.
pub(super) struct Setup<'a> {
    program: &'a Program,
    graph: &'a Graph,
    /// Functions that make an object, and those that only they call.
    makers: Vec<bool>,
    /// The parameters of those by which objects come that others may have.
    given: HashSet<(FnId, u16)>,
    /// Functions that start a thread or task, and those that call them.
    starters: Vec<bool>,
}

impl<'a> Setup<'a> {
    pub(super) fn of(program: &'a Program, graph: &'a Graph) -> Self {
        let makers = setups(program, graph);
        Setup {
            program,
            graph,
            given: given(program, graph, &makers),
            makers,
            starters: starters(program, graph),
        }
    }

    /// Whether nobody else can be there yet where both locks are held.
    pub(super) fn covers(&self, nesting: &Nesting) -> bool {
        nesting.context.is_empty() && (self.is_made(nesting) || self.is_early(nesting))
    }

    /// Whether the object whose lock is held is still being made there.
    fn is_made(&self, nesting: &Nesting) -> bool {
        let own = |lock: &ObjectRef| self.is_of_made(nesting.function, lock);
        own(&nesting.held.lock) && (own(&nesting.taken) || !nesting.chain.is_empty())
    }

    /// Whether `lock`, which `function` takes, is of an object that is still
    /// being made there.
    pub(super) fn is_of_made(&self, function: FnId, lock: &ObjectRef) -> bool {
        let setup = self.makers.get(function.index());
        let maker = self.program.functions.get(function.index());
        setup.copied().unwrap_or_default()
            && match lock.place.root {
                Root::Local(_) => true,
                // What a maker is given, others may have.
                Root::Param(index) => {
                    !maker.is_some_and(makes_an_object) && !self.given.contains(&(function, index))
                }
                Root::Static(_) | Root::Opaque(_) => false,
            }
    }

    /// Whether it is `main` that takes both, and nothing was started before.
    fn is_early(&self, nesting: &Nesting) -> bool {
        let Some(function) = self.program.functions.get(nesting.function.index()) else {
            return false;
        };
        let site = nesting.chain.first().map_or(nesting.site, |call| call.site);
        let taken = graph::events_of(self.program, nesting.function)
            .find(|(_, event)| event.site == site)
            .map(|(at, _)| at);
        let Some(taken) = taken.filter(|_| function.kind == FnKind::Main) else {
            return false;
        };
        let before: HashSet<BlockId> = graph::reach(function, taken.block, true);
        graph::events_of(self.program, nesting.function)
            .filter(|(at, _)| {
                before.contains(&at.block) || at.block == taken.block && at.index <= taken.index
            })
            .all(|(at, event)| !self.starts(at, event))
    }

    /// Whether a thread or task may run from here on.
    fn starts(&self, at: EventRef, event: &Event) -> bool {
        match &event.kind {
            EventKind::Spawn(_) | EventKind::Await => true,
            EventKind::Call(call) => {
                call.args.iter().any(|arg| arg.closure.is_some())
                    || self
                        .graph
                        .out_at(at)
                        .iter()
                        .any(|edge| self.starters.get(edge.callee.index()) != Some(&false))
            }
            _ => false,
        }
    }
}

/// Functions that start a thread or task, and those that lead to one.
fn starters(program: &Program, graph: &Graph) -> Vec<bool> {
    let spawns = |function: &Function| {
        let mut events = function.blocks.iter().flat_map(|block| &block.events);
        events.any(|event| matches!(event.kind, EventKind::Spawn(_)))
    };
    let mut starters: Vec<bool> = program.functions.iter().map(spawns).collect();
    let mut work: Vec<FnId> = (0..)
        .map(FnId)
        .zip(&starters)
        .filter(|(_, starts)| **starts)
        .map(|(id, _)| id)
        .collect();
    while let Some(id) = work.pop() {
        for edge in graph.entering(id) {
            let caller = edge.at.function;
            if !std::mem::replace(&mut starters[caller.index()], true) {
                work.push(caller);
            }
        }
    }
    starters
}

/// Functions that make an object, `Database::recover(config)`, and those that
/// only such functions call: until they are done, nobody else has the object.
fn setups(program: &Program, graph: &Graph) -> Vec<bool> {
    let functions = &program.functions;
    let mut setups: Vec<bool> = functions.iter().map(makes_an_object).collect();
    loop {
        let found: Vec<usize> = (0..functions.len())
            .filter(|&index| {
                // A test may do with an object what the program never does.
                let in_test = |edge: &&Edge| functions[edge.at.function.index()].is_test;
                let test = functions[index].is_test;
                let mut callers = graph
                    .entering(FnId(index as u32))
                    .filter(|edge| test || !in_test(edge))
                    .peekable();
                !setups[index]
                    && functions[index].kind == FnKind::Fn
                    && callers.peek().is_some()
                    && callers.all(|edge| setups[edge.at.function.index()])
            })
            .collect();
        if found.is_empty() {
            return setups;
        }
        for index in found {
            setups[index] = true;
        }
    }
}

/// The parameters of functions that only makers call, by which these hand on
/// what they were given themselves.
fn given(program: &Program, graph: &Graph, makers: &[bool]) -> HashSet<(FnId, u16)> {
    let is_maker = |id: FnId| makers.get(id.index()) == Some(&true);
    let mut given = HashSet::default();
    let mut work: Vec<FnId> = (0..).map(FnId).take(makers.len()).collect();
    work.retain(|id| is_maker(*id) && makes_an_object(&program.functions[id.index()]));
    while let Some(caller) = work.pop() {
        let makes = makes_an_object(&program.functions[caller.index()]);
        for edge in graph.out(caller) {
            let helps =
                is_maker(edge.callee) && !makes_an_object(&program.functions[edge.callee.index()]);
            let Some(call) = graph::call_at(program, edge.at).filter(|_| helps) else {
                continue;
            };
            let before = given.len();
            for (index, arg) in (0..).zip(&call.args) {
                if let Some(Root::Param(of)) = arg.place.as_ref().map(|place| &place.root)
                    && (makes || given.contains(&(caller, *of)))
                {
                    given.insert((edge.callee, index));
                }
            }
            if given.len() > before {
                work.push(edge.callee);
            }
        }
    }
    given
}

/// `Type::open(..)`, without `self`, or a builder's `build`.
pub(super) fn makes_an_object(function: &Function) -> bool {
    let owner = function.qualified.rsplit("::").nth(1).unwrap_or_default();
    let of_a_type = owner.starts_with(char::is_uppercase);
    let method = function.params.first().is_some_and(|p| p.name == "self");
    let mut words = function.name.split('_');
    let first = words.next().unwrap_or_default();
    function.kind == FnKind::Fn
        && of_a_type
        && (!method || owner.ends_with("Builder"))
        && matches!(
            first,
            "new" | "open" | "create" | "recover" | "restore" | "load" | "build" | "from" | "with"
        )
}

/// Functions that set something up, once, before anybody else is there: by
/// their names, `init_controller` or `irq_init`, and by those who call them,
/// which make an object, start the program or are the like.
pub(super) fn initialisers(program: &Program, graph: &Graph) -> HashSet<FnId> {
    let calls_early = |at: EventRef| {
        let caller = &program.functions[graph.family(at.function).index()];
        caller.is_test
            || caller.kind == FnKind::Main
            || sounds_early(&caller.name)
            || makes_an_object(caller)
    };
    (0..)
        .map(FnId)
        .zip(&program.functions)
        .filter(|(_, function)| sounds_early(&function.name))
        .filter(|(id, _)| graph.entering(*id).all(|edge| calls_early(edge.at)))
        .map(|(id, _)| id)
        .collect()
}

fn sounds_early(name: &str) -> bool {
    let mut words = name.split('_');
    let ends = [words.next(), words.next_back()];
    ends.into_iter().flatten().any(|word| {
        matches!(
            word,
            "init" | "initialize" | "initialise" | "setup" | "bootstrap"
        )
    })
}
