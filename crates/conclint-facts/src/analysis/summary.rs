//! What a call may lead to: locks taken and operations that block.
//!
//! Summaries grow breadth first from the acquisitions outward, one call a
//! round, so that the shortest chain to each is found first and recursion ends
//! by itself (no chain passes one function twice). Only functions that are
//! reached from a call under a lock get a summary. A chain is a linked list in
//! one arena: neighbours share their tails.

use rustc_hash::FxHashMap as HashMap;

use super::entry::{self, Gate};
use super::graph::{self, Edge, Graph, MAX_GUESSES, Via};
use super::held::HeldSets;
use super::{ChainStep, EventRef, instance};
use crate::program::*;

/// Calls in a chain.
const MAX_CHAIN: u8 = 10;
/// Chains to one acquisition of one lock.
const CHAINS_PER_KEY: usize = 4;
/// Those of them that hang on parameters; one more stands for all others.
const CONDITIONS_PER_KEY: usize = 8;
/// Entries of one kind in a summary.
const MAX_LOCKS: usize = 512;
const MAX_BLOCKING: usize = 128;
/// Entries of all summaries: beyond, the longest chains of the whole program
/// are dropped. Only code in which everything calls everything comes near.
const MAX_ENTRIES: usize = 200_000;

/// A lock by number: summaries name the same few over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LockId(u32);

/// Numbers for locks, and what they read as along edges.
#[derive(Debug, Default)]
struct Locks {
    all: Vec<ObjectRef>,
    numbers: HashMap<ObjectRef, LockId>,
    /// By position of the edge and number in the callee.
    translated: HashMap<(u32, LockId), LockId>,
}

impl Locks {
    fn number(&mut self, lock: ObjectRef) -> LockId {
        if let Some(&known) = self.numbers.get(&lock) {
            return known;
        }
        let id = LockId(self.all.len() as u32);
        self.all.push(lock.clone());
        self.numbers.insert(lock, id);
        id
    }

    fn translate(&mut self, program: &Program, edge: &Edge, number: u32, lock: LockId) -> LockId {
        if edge.via == Via::Captured {
            return lock;
        }
        if let Some(&known) = self.translated.get(&(number, lock)) {
            return known;
        }
        let Some(inner) = self.all.get(lock.0 as usize) else {
            return lock;
        };
        let outer = self.number(instance::translate(program, edge, inner));
        self.translated.insert((number, lock), outer);
        outer
    }
}

/// Something that a call of a function may lead to.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// The acquisition or the blocking operation.
    pub at: EventRef,
    /// The lock, in terms of the summarised function; `None` for an operation.
    pub lock: Option<LockId>,
    /// Guesses along the way.
    pub guesses: u8,
    /// Steps along the way.
    pub length: u8,
    /// Held on every path along the way.
    pub gates: Vec<Gate>,
    /// What parameters of the summarised function have to be for it.
    pub when: Vec<(u16, Variants)>,
    /// The first step; 0 is none.
    chain: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    step: EventRef,
    next: u32,
}

/// Summaries of all functions that need one.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    of: Vec<Vec<Reach>>,
    nodes: Vec<Node>,
    locks: Vec<ObjectRef>,
    /// Entries that found a full summary.
    pub dropped: usize,
}

impl Summaries {
    /// Computes the summaries of `needed` and what they reach.
    pub(super) fn of(program: &Program, graph: &Graph, held: &[HeldSets], needed: &[bool]) -> Self {
        let mut growing = Growing {
            program,
            graph,
            held,
            done: Summaries {
                of: vec![Vec::new(); program.functions.len()],
                ..Summaries::default()
            },
            known: HashMap::default(),
            gates: HashMap::default(),
            locks: Locks::default(),
            total: 0,
            counts: vec![[0; 2]; program.functions.len()],
        };
        let mut frontier = growing.seed(needed);
        while !frontier.is_empty() {
            frontier = growing.round(needed, &frontier);
        }
        growing.done.locks = growing.locks.all;
        growing.done
    }

    /// The lock of an entry, in the terms of the function summarised.
    pub(super) fn lock(&self, id: LockId) -> Option<&ObjectRef> {
        self.locks.get(id.0 as usize)
    }

    /// The summary of `function`.
    pub(super) fn get(&self, function: FnId) -> &[Reach] {
        self.of.get(function.index()).map_or(&[], Vec::as_slice)
    }

    /// The steps of `reach`, outermost first.
    pub(super) fn chain(&self, reach: &Reach) -> impl Iterator<Item = EventRef> {
        let node = |id: u32| self.nodes.get((id as usize).checked_sub(1)?).copied();
        std::iter::successors(node(reach.chain), move |n| node(n.next)).map(|n| n.step)
    }

    fn push(&mut self, step: EventRef, next: u32) -> u32 {
        self.nodes.push(Node { step, next });
        self.nodes.len() as u32
    }
}

/// The functions that are reached from a call under a lock.
pub(super) fn needed(program: &Program, graph: &Graph, held: &[HeldSets]) -> Vec<bool> {
    let mut needed = vec![false; program.functions.len()];
    let mut work: Vec<FnId> = Vec::new();
    for edge in &graph.edges {
        let under = |at: &EventRef| {
            held.get(at.function.index())
                .is_some_and(|sets| !sets.before(*at).is_empty())
        };
        let moved = || {
            graph::call_at(program, edge.at)
                .is_some_and(|call| call.args.iter().any(|a| !a.guards.is_empty()))
        };
        if edge.guesses <= MAX_GUESSES
            && (under(&edge.at) || edge.through.iter().any(under) || moved())
        {
            work.push(edge.callee);
        }
    }
    while let Some(function) = work.pop() {
        if let Some(flag) = needed.get_mut(function.index()).filter(|flag| !**flag) {
            *flag = true;
            work.extend(
                graph
                    .out(function)
                    .iter()
                    .filter(|e| e.guesses <= MAX_GUESSES)
                    .map(|edge| edge.callee),
            );
        }
    }
    needed
}

/// What parameters of the caller have to be for `reach`, which the call at `edge`
/// leads to; `None` where the call switches it off: `play(index, false)` or
/// `emit(Event::Found(id))`, where the function, or what it hands the flag on to,
/// looks at its parameter.
pub(super) fn conditions(
    program: &Program,
    edge: &Edge,
    reach: &Reach,
) -> Option<Vec<(u16, Variants)>> {
    let mut when = Vec::new();
    add_flags(program, edge.at, &mut when);
    let call = graph::call_at(program, edge.at).filter(|_| matches!(edge.via, Via::Call));
    for &(param, values) in &reach.when {
        let Some(arg) = call.and_then(|call| call.args.get(usize::from(param))) else {
            continue;
        };
        let own = match (arg.flag, &arg.place) {
            (Some(Flag::Written(given)), _) if given.excludes(values) => return None,
            (Some(Flag::Param(own)), _) => own,
            // Of a place it is only known where nothing changes what it is.
            (None, Some(place)) if values.of() == Choice::Bool && place.path.is_empty() => {
                let Root::Param(own) = place.root else {
                    continue;
                };
                own
            }
            _ => continue,
        };
        let excluded = |&(param, known): &(u16, Variants)| param == own && known.excludes(values);
        if when.iter().any(excluded) {
            return None;
        }
        if !when.contains(&(own, values)) {
            when.push((own, values));
        }
    }
    Some(when)
}

/// What the parameters of its function have to be for `at` to be reached.
fn add_flags(program: &Program, at: EventRef, when: &mut Vec<(u16, Variants)>) {
    let Some(function) = program.functions.get(at.function.index()) else {
        return;
    };
    if function.parts.is_empty() {
        return;
    }
    let Some(site) = graph::event_at(program, at).map(|event| event.site) else {
        return;
    };
    for part in function.parts.iter().filter(|part| part.contains(site)) {
        if let When::Flag { param, values } = part.when
            && !when.contains(&(param, values))
        {
            when.push((param, values));
        }
    }
}

/// Whether `when` says as much of a parameter, or more.
fn is_implied(when: &[(u16, Variants)], (param, values): (u16, Variants)) -> bool {
    when.iter()
        .any(|(other, known)| *other == param && known.is_within(values))
}

/// The operation may keep its thread waiting for long.
pub(super) fn blocks(event: &Event) -> bool {
    match &event.kind {
        EventKind::Block { .. } | EventKind::Join { .. } | EventKind::Wait { .. } => true,
        EventKind::Recv { blocking, .. } => *blocking == Blocking::Waits,
        EventKind::Send {
            bounded, blocking, ..
        } => *bounded == Some(true) && *blocking == Blocking::Waits,
        _ => false,
    }
}

/// The chain as results show it.
pub(super) fn steps(program: &Program, chain: impl Iterator<Item = EventRef>) -> Vec<ChainStep> {
    let step = |at: EventRef| {
        let event = graph::event_at(program, at)?;
        let name = match &event.kind {
            EventKind::CallParam { param } => {
                let param = program
                    .functions
                    .get(at.function.index())
                    .and_then(|f| f.params.get(usize::from(*param)));
                param.map_or_else(String::new, |param| param.name.to_string())
            }
            _ => graph::call_of(event).map_or_else(String::new, |call| call.name.to_string()),
        };
        Some(ChainStep {
            function: at.function,
            site: event.site,
            name,
        })
    };
    chain.filter_map(step).collect()
}

type Key = (FnId, EventRef, Option<LockId>);

struct Growing<'a> {
    program: &'a Program,
    graph: &'a Graph,
    held: &'a [HeldSets],
    done: Summaries,
    /// Positions of the entries of one key.
    known: HashMap<Key, Vec<u32>>,
    /// Gates along each edge into a needed function.
    gates: HashMap<u32, Vec<Gate>>,
    locks: Locks,
    /// Entries per function: locks, operations.
    counts: Vec<[usize; 2]>,
    total: usize,
}

impl Growing<'_> {
    /// What functions do themselves.
    fn seed(&mut self, needed: &[bool]) -> Vec<(FnId, u32)> {
        let mut frontier = Vec::new();
        for index in (0..self.program.functions.len()).filter(|&index| needed[index]) {
            let function = FnId(index as u32);
            for (at, event) in graph::events_of(self.program, function) {
                let lock = match &event.kind {
                    EventKind::Acquire {
                        source: LockSource::Direct(lock),
                        blocking,
                        ..
                    } if *blocking != Blocking::Try => Some(self.locks.number(lock.clone())),
                    _ if blocks(event) => None,
                    _ => continue,
                };
                let gates = entry::at(self.program, self.held, at);
                let mut when = Vec::new();
                add_flags(self.program, at, &mut when);
                self.add(
                    function,
                    Reach {
                        at,
                        lock,
                        guesses: 0,
                        length: 0,
                        gates,
                        when,
                        chain: 0,
                    },
                    &mut frontier,
                );
            }
        }
        self.by_site(&mut frontier);
        frontier
    }

    /// One call further out.
    fn round(&mut self, needed: &[bool], frontier: &[(FnId, u32)]) -> Vec<(FnId, u32)> {
        let mut next = Vec::new();
        for &(function, position) in frontier {
            let Some(reach) = self.done.of[function.index()]
                .get(position as usize)
                .cloned()
            else {
                continue;
            };
            let graph = self.graph;
            for &number in &graph.into[function.index()] {
                let edge = &graph.edges[number as usize];
                if needed[edge.at.function.index()] {
                    self.extend(edge, number, &reach, &mut next);
                }
            }
        }
        self.by_site(&mut next);
        next
    }

    fn extend(&mut self, edge: &Edge, number: u32, reach: &Reach, next: &mut Vec<(FnId, u32)>) {
        let caller = edge.at.function;
        let guesses = reach.guesses + edge.guesses;
        let length = reach.length.saturating_add(1 + edge.through.len() as u8);
        let again = || {
            reach.at.function == caller
                || self.done.chain(reach).any(|step| step.function == caller)
        };
        if guesses > MAX_GUESSES || length > MAX_CHAIN || edge.callee == caller || again() {
            return;
        }
        let Some(when) = conditions(self.program, edge, reach) else {
            return;
        };
        let (program, held) = (self.program, self.held);
        let lock = reach
            .lock
            .map(|lock| self.locks.translate(program, edge, number, lock));
        let mut gates = reach.gates.clone();
        let more = self
            .gates
            .entry(number)
            .or_insert_with(|| entry::along(program, held, edge));
        entry::union(&mut gates, more);
        let mut extended = Reach {
            at: reach.at,
            lock,
            guesses,
            length,
            gates,
            when,
            chain: reach.chain,
        };
        if self.hangs_on_many(caller, &extended) {
            extended.when.clear();
        }
        if self.worth(caller, &extended) {
            let inner = edge
                .through
                .iter()
                .rev()
                .fold(reach.chain, |chain, &step| self.done.push(step, chain));
            let chain = self.done.push(edge.at, inner);
            self.add(caller, Reach { chain, ..extended }, next);
        }
    }

    /// Whether there are enough entries of its key that parameters decide
    /// about: a big `match` of which each arm leads there.
    fn hangs_on_many(&self, function: FnId, reach: &Reach) -> bool {
        if reach.when.is_empty() {
            return false;
        }
        let entries = &self.done.of[function.index()];
        let known = self.known.get(&(function, reach.at, reach.lock));
        let hang = |&&position: &&u32| !entries[position as usize].when.is_empty();
        known.is_some_and(|known| known.iter().filter(hang).count() >= CONDITIONS_PER_KEY)
    }

    /// `reach` says something that no entry of its key says.
    fn worth(&mut self, function: FnId, reach: &Reach) -> bool {
        let key = (function, reach.at, reach.lock);
        let known = self.known.get(&key).map_or(&[][..], Vec::as_slice);
        let entries = &self.done.of[function.index()];
        let as_good = |&position: &u32| {
            let other = &entries[position as usize];
            other.guesses <= reach.guesses
                && other.gates.iter().all(|gate| reach.gates.contains(gate))
                && other.when.iter().all(|&flag| is_implied(&reach.when, flag))
        };
        let alike =
            |&&position: &&u32| reach.when.is_empty() == entries[position as usize].when.is_empty();
        let limit = match reach.when.is_empty() {
            true => CHAINS_PER_KEY,
            false => CONDITIONS_PER_KEY,
        };
        if known.iter().filter(alike).count() >= limit || known.iter().any(as_good) {
            return false;
        }
        let [locks, operations] = self.counts[function.index()];
        let full = if reach.lock.is_some() {
            locks >= MAX_LOCKS
        } else {
            operations >= MAX_BLOCKING
        };
        let full = full || self.total >= MAX_ENTRIES;
        self.done.dropped += usize::from(full);
        !full
    }

    fn add(&mut self, function: FnId, reach: Reach, frontier: &mut Vec<(FnId, u32)>) {
        let entries = &mut self.done.of[function.index()];
        let position = entries.len() as u32;
        self.counts[function.index()][usize::from(reach.lock.is_none())] += 1;
        self.total += 1;
        self.known
            .entry((function, reach.at, reach.lock))
            .or_default()
            .push(position);
        entries.push(reach);
        frontier.push((function, position));
    }

    /// The order of functions in the program shall not decide which chain wins.
    fn by_site(&self, frontier: &mut [(FnId, u32)]) {
        frontier.sort_by_key(|&(function, position)| {
            (
                self.program.functions[function.index()].site,
                function,
                position,
            )
        });
    }
}
