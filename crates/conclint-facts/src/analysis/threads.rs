//! Which functions threads start in, and which may therefore run in parallel.
//!
//! Roots are
//! - *any*: public functions of libraries, and functions that nobody is seen
//!   to call (callbacks, trait methods called from outside, stored closures):
//!   any number of threads may come in;
//! - *tests*: each `#[test]` is a thread with its own objects, so tests meet
//!   in statics only, and never meet a `main`;
//! - *main*, one for each binary, each a process of its own, and what the thread
//!   of a user interface is called back for, which is a `main`, too;
//! - each spawned body, once, or many times if it is started in a loop or by
//!   code that itself runs more than once.
//!
//! A program without a spawn and without a library has one thread. When within
//! a function its threads run is the matter of `lifespans`.

use std::cell::OnceCell;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::graph::{self, Graph};
use super::{EventRef, Kinds, ui};
use crate::program::*;

const ANY: usize = 0;
const TESTS: usize = 1;
/// Spawned bodies that are told apart; the rest counts as *any*.
const MAX_ROOTS: usize = 512;

/// Threads and what they reach.
#[derive(Debug, Default)]
pub(super) struct Threads {
    width: usize,
    /// Per function a row of `width` words, one bit for each root.
    reached_from: Vec<u64>,
    /// Roots that are no thread of the same process, or one and the same.
    sequential: Vec<u64>,
    /// Roots of which several may run.
    many: Vec<u64>,
    /// Each `main` that starts no thread and no task.
    quiet: Vec<u64>,
    /// Per root, the one `main` that it comes from, if there is one.
    mains: Vec<Option<FnId>>,
    /// Per root, the one place where its body is started, once each time.
    started: Vec<Option<EventRef>>,
    /// Where a body is spawned.
    spawns: HashMap<FnId, Vec<EventRef>>,
    parallel: bool,
}

struct Root {
    starts: Vec<FnId>,
    sequential: bool,
    many: bool,
    /// The spawn it comes from.
    spawn: Option<EventRef>,
}

impl Threads {
    /// Finds the roots and what they reach.
    pub(super) fn of(program: &Program, graph: &Graph) -> Self {
        let mut roots = roots(program, graph);
        let width = roots.len().div_ceil(64);
        let count = program.functions.len();
        let library = program
            .functions
            .iter()
            .any(|f| f.in_library && f.is_pub && !f.is_test);
        let mut threads = Threads {
            width,
            reached_from: vec![0; width * count],
            sequential: vec![0; width],
            many: vec![0; width],
            quiet: vec![0; width],
            mains: vec![None; roots.len()],
            started: roots
                .iter()
                .map(|root| root.spawn.filter(|_| !root.many))
                .collect(),
            spawns: HashMap::default(),
            parallel: library
                || roots.iter().any(|root| root.spawn.is_some())
                || roots.len() == MAX_ROOTS,
        };
        if !threads.parallel {
            return threads;
        }
        let inner = inner_closures(program, graph);
        for (bit, root) in roots.iter().enumerate() {
            threads.reach(graph, &inner, bit, &root.starts);
        }
        threads.reach_orphans();
        threads.multiply(program, graph, &mut roots);
        threads.find_quiet(program, graph, &roots);
        threads.find_mains(program, graph, &roots);
        for (bit, root) in roots.iter().enumerate() {
            let mask = 1 << (bit % 64);
            if root.sequential {
                threads.sequential[bit / 64] |= mask;
            }
            if root.many {
                threads.many[bit / 64] |= mask;
            }
        }
        threads
    }

    /// Something in the program starts a thread, or offers itself to others'.
    pub(super) fn are_there(&self) -> bool {
        self.parallel
    }

    /// Two threads may be in `a` and `b` at one time. `statics`: two tests count.
    pub(super) fn parallel(&self, a: FnId, b: FnId, statics: bool) -> bool {
        if !self.parallel {
            return false;
        }
        if self.alone(a) || self.alone(b) {
            return false;
        }
        let (a, b) = (self.row(a), self.row(b));
        if statics && has(a, TESTS) && has(b, TESTS) {
            return true;
        }
        self.meets(a, b) || self.meets(b, a)
    }

    /// `a` and `b` are run by one worker alone that is started for an object by
    /// the function that makes it, and `lock` is that object's: every worker has
    /// its own, however many there are.
    pub(super) fn is_one_worker(&self, program: &Program, a: FnId, b: FnId, lock: ClassId) -> bool {
        let Some(start) = self
            .only_start(a)
            .filter(|at| self.only_start(b) == Some(*at))
        else {
            return false;
        };
        let maker = program.functions.get(start.function.index());
        maker.is_some_and(|maker| maker.made.iter().any(|made| made.field == Some(lock)))
    }

    /// The one start of the one worker that comes to `function`.
    fn only_start(&self, function: FnId) -> Option<EventRef> {
        let row = self.row(function);
        let mut roots = (0..self.started.len()).filter(|bit| has(row, *bit));
        let only = roots.next()?;
        roots.next().is_none().then_some(self.started[only])?
    }

    /// Only a `main` that starts nothing comes to `function`.
    pub(super) fn alone(&self, function: FnId) -> bool {
        let row = self.row(function);
        let other = |(word, quiet): (&u64, &u64)| word & !quiet != 0;
        row.iter().any(|word| *word != 0) && !row.iter().zip(&self.quiet).any(other)
    }

    /// The `main` from which alone, itself or by threads, `function` is reached.
    pub(super) fn main_of(&self, function: FnId) -> Option<FnId> {
        let row = self.row(function);
        let mut mains = (0..self.mains.len())
            .filter(|bit| has(row, *bit))
            .map(|bit| self.mains[bit]);
        let first = mains.next()??;
        mains.all(|main| main == Some(first)).then_some(first)
    }

    /// Where threads start that run the body `function`.
    pub(super) fn spawns_of(&self, function: FnId) -> &[EventRef] {
        self.spawns.get(&function).map_or(&[], Vec::as_slice)
    }

    /// A root of `a` that is neither a `main` nor the tests runs beside a root of `b`.
    fn meets(&self, a: &[u64], b: &[u64]) -> bool {
        let rows = || a.iter().zip(b).zip(self.sequential.iter().zip(&self.many));
        if b.iter().all(|word| *word == 0) {
            return false;
        }
        let threads: u32 = rows()
            .map(|((a, _), (sequential, _))| (a & !sequential).count_ones())
            .sum();
        let many = rows().any(|((a, _), (_, many))| a & many != 0);
        // One thread alone meets only what another root reaches.
        threads > 1
            || many
            || (threads == 1 && rows().any(|((a, b), (sequential, _))| b & !(a & !sequential) != 0))
    }

    fn row(&self, function: FnId) -> &[u64] {
        let start = function.index() * self.width;
        self.reached_from
            .get(start..start + self.width)
            .unwrap_or(&[])
    }

    fn set(&mut self, function: FnId, bit: usize) -> bool {
        let Some(word) = self
            .reached_from
            .get_mut(function.index() * self.width + bit / 64)
        else {
            return false;
        };
        let mask = 1 << (bit % 64);
        let new = *word & mask == 0;
        *word |= mask;
        new
    }

    fn reach(
        &mut self,
        graph: &Graph,
        inner: &HashMap<FnId, Vec<FnId>>,
        bit: usize,
        starts: &[FnId],
    ) {
        let mut work: Vec<FnId> = starts.to_vec();
        while let Some(function) = work.pop() {
            if self.set(function, bit) {
                work.extend(graph.out(function).iter().map(|edge| edge.callee));
                work.extend(inner.get(&function).into_iter().flatten());
            }
        }
    }

    /// Functions that only call each other in a circle: anyone may have started them.
    fn reach_orphans(&mut self) {
        for row in self.reached_from.chunks_mut(self.width) {
            if row.iter().all(|word| *word == 0) {
                row[ANY / 64] |= 1 << ANY;
            }
        }
    }

    /// Marks each `main` in whose reach nothing is started, and no closure that
    /// others would notice goes where somebody else may start it.
    fn find_quiet(&mut self, program: &Program, graph: &Graph, roots: &[Root]) {
        let mains = |(_, root): &(usize, &Root)| {
            let main = root
                .starts
                .first()
                .and_then(|id| program.functions.get(id.index()));
            root.sequential && main.is_some_and(|f| f.kind == FnKind::Main && !f.is_async)
        };
        let own = Own::of(program, graph);
        let starts_something = |f: &Function| {
            f.blocks
                .iter()
                .flat_map(|block| &block.events)
                .any(|event| {
                    matches!(event.kind, EventKind::Spawn(_) | EventKind::Await)
                        || graph::call_of(event).is_some_and(|call| {
                            matches!(call.resolution, Resolution::External | Resolution::Unknown)
                                // A panic's hook runs in the thread that panics.
                                && !call.name.ends_with("set_hook")
                                && call
                                    .args
                                    .iter()
                                    .filter_map(|arg| arg.closure)
                                    .any(|closure| !own.keeps_to_itself(closure))
                        })
                })
        };
        let mut busy = vec![0_u64; self.width];
        let kinds = Kinds::SPAWN | Kinds::AWAIT | Kinds::CLOSURE_ARG;
        for (id, f) in graph::functions_with(program, &graph.kinds, kinds) {
            if starts_something(f) {
                let row = self.row(id).to_vec();
                busy.iter_mut()
                    .zip(row)
                    .for_each(|(word, more)| *word |= more);
            }
        }
        for (bit, _) in roots.iter().enumerate().filter(mains) {
            if !has(&busy, bit) {
                self.quiet[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    /// Finds which roots go back to one `main` only.
    fn find_mains(&mut self, program: &Program, graph: &Graph, roots: &[Root]) {
        for (at, event) in graph.events_with(program, Kinds::SPAWN) {
            if let EventKind::Spawn(spawn) = &event.kind
                && let Some(body) = spawn.body
            {
                self.spawns.entry(body).or_default().push(at);
            }
        }
        for (bit, root) in roots.iter().enumerate() {
            let main = root.starts.first().filter(|id| {
                let function = program.functions.get(id.index());
                root.sequential && function.is_some_and(|f| f.kind == FnKind::Main)
            });
            self.mains[bit] = main.copied();
        }
        // Threads of threads, a generation in each round.
        loop {
            let mut changed = false;
            for (bit, root) in roots.iter().enumerate() {
                let [body] = root.starts.as_slice() else {
                    continue;
                };
                if root.spawn.is_none() || self.mains[bit].is_some() {
                    continue;
                }
                let mut mains = self
                    .spawns_of(*body)
                    .iter()
                    .map(|at| self.main_of(at.function));
                let first = mains.next().flatten();
                if first.is_some() && mains.all(|main| main == first) {
                    self.mains[bit] = first;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Marks spawned bodies that several threads may be in.
    fn multiply(&mut self, program: &Program, graph: &Graph, roots: &mut [Root]) {
        let often = called_often(program, graph, roots);
        loop {
            let mut changed = false;
            for index in 0..roots.len() {
                let Some(at) = roots[index].spawn.filter(|_| !roots[index].many) else {
                    continue;
                };
                let row = self.row(at.function);
                let by_many = roots
                    .iter()
                    .enumerate()
                    .any(|(bit, root)| root.many && has(row, bit));
                let threads = roots
                    .iter()
                    .enumerate()
                    .filter(|(bit, r)| !r.sequential && has(row, *bit))
                    .count();
                let owner = graph.family(at.function);
                if by_many || threads > 1 || often.contains(&owner) {
                    roots[index].many = true;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}

/// Closures that do nothing another thread could notice, whoever runs them.
struct Own<'a> {
    program: &'a Program,
    graph: &'a Graph,
    names: OnceCell<HashSet<&'a str>>,
}

impl<'a> Own<'a> {
    fn of(program: &'a Program, graph: &'a Graph) -> Self {
        Own {
            program,
            graph,
            names: OnceCell::new(),
        }
    }

    fn names(&self) -> &HashSet<&'a str> {
        self.names.get_or_init(|| {
            let functions = &self.program.functions;
            functions.iter().map(|f| f.name.as_str()).collect()
        })
    }

    /// Neither the closure nor what it leads to locks, waits, starts something
    /// or touches what threads share; what is not found is by its name not the
    /// program's own.
    fn keeps_to_itself(&self, closure: FnId) -> bool {
        const MANY: usize = 32;
        let mut seen = HashSet::default();
        let mut work = vec![closure];
        while let Some(function) = work.pop() {
            if !seen.insert(function) {
                continue;
            }
            let Some(f) = self.program.functions.get(function.index()) else {
                return false;
            };
            let mut events = f.blocks.iter().flat_map(|block| &block.events);
            if f.is_async || seen.len() > MANY || events.any(|event| !self.is_own(event)) {
                return false;
            }
            work.extend(self.graph.out(function).iter().map(|edge| edge.callee));
        }
        true
    }

    fn is_own(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Call(call) => {
                let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
                let given = |arg: &Arg| arg.closure.is_some() || !arg.guards.is_empty();
                !call.args.iter().any(given)
                    && (call.resolution != Resolution::Unknown || !self.names().contains(name))
            }
            EventKind::Block { kind, .. } => *kind != BlockKind::Callback,
            EventKind::Work { .. }
            | EventKind::Test { .. }
            | EventKind::Insist { .. }
            | EventKind::EndsOn { .. }
            | EventKind::Closed { .. }
            | EventKind::Pause(_)
            | EventKind::Asks { .. }
            | EventKind::Other
            | EventKind::Catch => true,
            _ => false,
        }
    }
}

fn has(row: &[u64], bit: usize) -> bool {
    row.get(bit / 64)
        .is_some_and(|word| word >> (bit % 64) & 1 == 1)
}

fn roots(program: &Program, graph: &Graph) -> Vec<Root> {
    let mut any = Root {
        starts: Vec::new(),
        sequential: false,
        many: true,
        spawn: None,
    };
    let mut tests = Root {
        starts: Vec::new(),
        sequential: true,
        many: false,
        spawn: None,
    };
    let mut ui = Root {
        starts: Vec::new(),
        sequential: true,
        many: false,
        spawn: None,
    };
    let mut mains = Vec::new();
    let mut spawns: HashMap<FnId, usize> = HashMap::default();
    let mut bodies: Vec<Root> = Vec::new();
    for (at, event) in graph.events_with(program, Kinds::SPAWN) {
        let EventKind::Spawn(spawn) = &event.kind else {
            continue;
        };
        let Some(body) = spawn
            .body
            .filter(|body| body.index() < program.functions.len())
        else {
            continue;
        };
        let function = &program.functions[at.function.index()];
        let in_loop = spawn.in_loop || graph::in_loop(function, Some(event.stmt));
        if let Some(&known) = spawns.get(&body) {
            // Started from two places.
            bodies[known].many = true;
        } else if bodies.len() + 2 < MAX_ROOTS / 2 {
            spawns.insert(body, bodies.len());
            bodies.push(Root {
                starts: vec![body],
                sequential: false,
                many: in_loop,
                spawn: Some(at),
            });
        } else {
            any.starts.push(body);
        }
    }
    let unresolved = passed_to_unknown(program, graph);
    let on_ui = ui::closures(program, graph);
    let windows = ui::crates(program);
    for (index, f) in program.functions.iter().enumerate() {
        let id = FnId(index as u32);
        let uncalled = graph.into[index].is_empty();
        if spawns.contains_key(&id) {
            continue;
        }
        if f.kind == FnKind::Main && mains.len() < MAX_ROOTS / 2 {
            mains.push(Root {
                starts: vec![id],
                sequential: true,
                many: false,
                spawn: None,
            });
        } else if f.is_test {
            // Helpers of tests run in a test.
            if f.is_test_root || uncalled {
                tests.starts.push(id);
            }
        } else if uncalled
            || (f.is_pub && f.in_library && !windows.contains(f.krate.as_str()))
            || graph.taken.contains(&id)
            || unresolved.contains(&id)
        {
            match f.bound {
                Bound::Free if on_ui.contains(&id) => {}
                Bound::Free => any.starts.push(id),
                Bound::Ui => ui.starts.push(id),
                // Whoever comes to where it is made comes to it (`inner_closures`).
                Bound::Maker => {}
            }
        }
    }
    let ui = (!ui.starts.is_empty()).then_some(ui);
    [any, tests]
        .into_iter()
        .chain(ui)
        .chain(mains)
        .chain(bodies)
        .collect()
}

/// Closures handed to functions that were not found: they may be kept and run
/// by another thread.
fn passed_to_unknown(program: &Program, graph: &Graph) -> HashSet<FnId> {
    graph
        .events_with(program, Kinds::CLOSURE_ARG)
        .filter_map(|(_, event)| graph::call_of(event))
        .filter(|call| call.resolution == Resolution::Unknown)
        .flat_map(|call| call.args.iter().filter_map(|arg| arg.closure))
        .collect()
}

/// Closures that no call is seen to run: by the function they stand in.
fn inner_closures(program: &Program, graph: &Graph) -> HashMap<FnId, Vec<FnId>> {
    let mut inner: HashMap<FnId, Vec<FnId>> = HashMap::default();
    for (index, f) in program.functions.iter().enumerate() {
        if let Some(parent) = f
            .parent
            .filter(|_| f.kind == FnKind::Closure && graph.into[index].is_empty())
        {
            inner.entry(parent).or_default().push(FnId(index as u32));
        }
    }
    inner
}

/// Of the functions that start threads, and those that lead to them: which are
/// called from more than one place, in a loop, or by such functions.
fn called_often(program: &Program, graph: &Graph, roots: &[Root]) -> HashSet<FnId> {
    let owners = roots.iter().filter_map(|root| root.spawn);
    let mut leading = HashSet::default();
    let mut often = HashSet::default();
    let mut work: Vec<FnId> = owners.map(|at| graph.family(at.function)).collect();
    while let Some(function) = work.pop() {
        if !leading.insert(function) {
            continue;
        }
        let sites = sites(program, graph, function);
        let looped = |at: &EventRef| {
            let caller = &program.functions[at.function.index()];
            graph::comes_back(caller, at.block)
        };
        if sites.len() > 1 || sites.iter().any(looped) {
            often.insert(function);
        }
        work.extend(sites.iter().map(|at| at.function));
    }
    let mut work: Vec<FnId> = often.iter().copied().collect();
    while let Some(function) = work.pop() {
        let callees = graph.out(function).iter().map(|edge| edge.callee);
        work.extend(callees.filter(|callee| leading.contains(callee) && often.insert(*callee)));
    }
    often
}

/// Where `function` is called; each test is a run of its own.
fn sites(program: &Program, graph: &Graph, function: FnId) -> Vec<EventRef> {
    let in_test = |id: FnId| program.functions[id.index()].is_test;
    let mut sites: Vec<EventRef> = graph
        .entering(function)
        .map(|edge| edge.at)
        .filter(|at| in_test(function) || !in_test(at.function))
        .collect();
    sites.dedup();
    sites
}
