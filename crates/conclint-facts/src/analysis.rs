//! What follows from the facts of a whole program.
//!
//! [`Analysis::of`] links the facts of single functions: held sets by data
//! flow, summaries along the call graph, nestings and blocking operations
//! under a lock, thread roots, and at last the lock-order graph. Each step is a
//! module of its own. Nothing here looks at instances beyond access paths:
//! what cannot be told apart by class and path is graded, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::program::*;

mod alone;
mod apart;
mod cfgs;
mod compute;
mod cycles;
mod entry;
mod graph;
mod handed;
mod held;
mod instance;
mod kinds;
mod layers;
mod lifespans;
mod lifted;
mod names;
mod nesting;
mod owned;
mod owners;
mod runners;
mod setup;
mod several;
mod sources;
mod summary;
#[cfg(test)]
mod tests;
mod threads;
mod ui;
mod writers;

pub use alone::Alone;
pub use cfgs::{exclusive as cfgs_exclusive, names_system, never_built};
pub use kinds::Kinds;
pub use runners::Runners;

/// Names one event of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventRef {
    /// The function.
    pub function: FnId,
    /// The block.
    pub block: BlockId,
    /// The position in the block.
    pub index: u32,
}

/// A lock that is held at some point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The guard, of the function the point lies in.
    pub guard: GuardId,
    /// The lock, as that function names it.
    pub lock: ObjectRef,
    /// How it is held.
    pub mode: Mode,
    /// Held on every path to this point (else on some).
    pub must: bool,
    /// Some way to this point does not pass by where it is taken: whether it
    /// is held mostly hangs on a condition that the code at this point shares.
    pub sometimes: bool,
    /// Where it was taken: in this function, or where the callee that
    /// returned the guard was called.
    pub site: Site,
    /// The callee's step(s) that really took it, when it was taken by a
    /// guard-returning helper; empty otherwise.
    pub via: Vec<ChainStep>,
}

/// One call on the way from where a lock is held to what happens under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStep {
    /// The function in which the call stands.
    pub function: FnId,
    /// The call.
    pub site: Site,
    /// As people write it, `self.update_nodes`.
    pub name: String,
}

/// Whether two references of one class are one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SameInstance {
    /// Different objects for all that is known (two parameters, two elements).
    Unlikely,
    /// Perhaps.
    Maybe,
    /// Found under one key, which is read from its place once more, or in two
    /// fields that have clones of one pointer.
    Likely,
    /// The same static, or the same path from the same root.
    Certain,
}

/// Two locks are taken in the order of something that their objects were
/// compared by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyOrder {
    /// What was compared: a field or getter of the objects that have the
    /// locks, or their address.
    pub key: SmolStr,
    /// The lower one is held first.
    pub rising: bool,
}

/// Lock `taken` is taken while lock `held` is held: an edge of the lock-order
/// graph, and a double lock where both are one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nesting {
    /// The function that holds.
    pub function: FnId,
    /// What it holds.
    pub held: Held,
    /// What is taken, as `function` names it where it can.
    pub taken: ObjectRef,
    /// How.
    pub taken_mode: Mode,
    /// Whether it can wait. (`Try` never makes an edge into `taken`, and none is recorded.)
    pub blocking: Blocking,
    /// Calls from `function` to where it is taken, outermost first; empty when in `function` itself.
    pub chain: Vec<ChainStep>,
    /// Where it is taken.
    pub site: Site,
    /// The function in which it is taken.
    pub taken_in: FnId,
    /// Evidence that both are one object; `Unlikely` when the classes differ.
    pub same: SameInstance,
    /// A condition on the way makes sure that they are not one object.
    pub apart: bool,
    /// Conditions on the way put the two in order.
    pub in_order: Vec<KeyOrder>,
    /// `taken` is already held at that time, by another guard than `held`: how.
    pub again: Option<Mode>,
    /// Classes held on every path to `site` besides these two, callers of
    /// `function` included where all callers are known: gate locks. Sorted.
    pub gates: Vec<ClassId>,
    /// Those of `gates` that are held for reading only: two readers do not
    /// keep each other out.
    pub shared_gates: Vec<ClassId>,
    /// Calls that lead to `function`, outermost first, where only they tell
    /// which locks its parameters are (`transfer(&self.a, &self.b)`); `held`
    /// and `taken` then read as the outermost caller names them. Else empty.
    pub context: Vec<ChainStep>,
    /// Test code takes part.
    pub in_test: bool,
    /// The weakest link: call resolution, may-held.
    pub confidence: Certainty,
}

/// How sure a fact is, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// More than one guess.
    Low,
    /// One guess.
    Medium,
    /// None.
    High,
}

impl Certainty {
    /// One guess more.
    #[must_use]
    pub fn lower(self) -> Self {
        match self {
            Certainty::High => Certainty::Medium,
            Certainty::Medium | Certainty::Low => Certainty::Low,
        }
    }
}

/// Something that can block is reached while a lock is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedUnder {
    /// The function that holds.
    pub function: FnId,
    /// What it holds.
    pub held: Held,
    /// Calls from `function` to the operation, outermost first.
    pub chain: Vec<ChainStep>,
    /// The operation.
    pub event: EventRef,
    /// The weakest link.
    pub confidence: Certainty,
}

/// A cycle in the lock-order graph: two or more nestings, each taking what
/// the next one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The classes, in a canonical order.
    pub classes: Vec<ClassId>,
    /// One edge for each step of the cycle, best evidence first choice; edge
    /// `i` takes the class that edge `i + 1` holds, the last one what the first holds.
    pub edges: Vec<Nesting>,
    /// For each step, the other nestings that would close a cycle of these
    /// classes as well ("also at .."), best first.
    pub alternatives: Vec<Vec<Nesting>>,
    /// The weakest link.
    pub confidence: Certainty,
    /// Writers without which two readers would not wait for each other: one for
    /// each class at which the cycle needs a queued writer.
    pub writers: Vec<EventRef>,
}

/// What is known of a guard, whatever point is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardInfo {
    /// Where it comes to life.
    pub acquire: EventRef,
    /// Whether taking it can wait.
    pub blocking: Blocking,
    /// What it locks: one entry for each lock it may belong to (several when it
    /// comes from a trait method). `must` is true when there is only one.
    pub locks: Vec<Held>,
}

/// Figures for the summary line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Declared locks.
    pub locks: usize,
    /// Places that take a lock.
    pub acquisitions: usize,
    /// Places that start a thread or task.
    pub spawns: usize,
    /// Calls under a lock whose target is not known.
    pub unresolved_calls_under_lock: usize,
    /// Call chains dropped because a function's summary, or the list of what
    /// happens under one guard, was full.
    pub dropped_chains: usize,
}

/// The facts of a whole program and what follows from them.
#[derive(Debug)]
pub struct Analysis {
    program: Program,
    /// Per function; empty for a function without guards.
    held: Vec<held::HeldSets>,
    nestings: Vec<Nesting>,
    cycles: Vec<Cycle>,
    blocked: Vec<BlockedUnder>,
    kinds: Vec<Kinds>,
    threads: threads::Threads,
    entry: Vec<Vec<ClassId>>,
    callers: graph::Callers,
    bindings: graph::Bindings,
    /// Per function that several threads are seen to run: how many calls lie
    /// between it and the body of one of them.
    several: Vec<Option<u32>>,
    /// What a test calls on several threads.
    tested: BTreeSet<FnId>,
    runners: Runners,
    /// Functions used as values that no call is known to run.
    handed_on: BTreeSet<FnId>,
    alone: Vec<Alone>,
    writers: writers::Writers,
    condvars: BTreeMap<ClassId, compute::Condvar>,
    counts: Counts,
}

impl Analysis {
    /// Links `program`.
    pub fn of(program: Program) -> Self {
        compute::analyse(program)
    }

    /// The facts.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The function `id` of this program.
    pub fn function(&self, id: FnId) -> &Function {
        &self.program.functions[id.index()]
    }

    /// The class `id` of this program.
    pub fn class(&self, id: ClassId) -> &Class {
        &self.program.classes[id.index()]
    }

    /// What a lock class does; `None` for anything else.
    pub fn lock_traits(&self, id: ClassId) -> Option<&LockTraits> {
        match &self.class(id).kind {
            ObjectKind::Lock(traits) => Some(traits),
            _ => None,
        }
    }

    /// For people: the class's name, else the place as written in `function`.
    pub fn object_name(&self, object: &ObjectRef, function: FnId) -> String {
        names::object(&self.program, object, function)
    }

    /// Path of the file `site` lies in.
    pub fn path(&self, site: Site) -> &Arc<str> {
        &self.program.files[site.file.index()].path
    }

    /// The event `at`.
    pub fn event(&self, at: EventRef) -> &Event {
        &self.program.functions[at.function.index()].blocks[at.block.index()].events
            [at.index as usize]
    }

    /// All events, in the order of functions, blocks and evaluation.
    pub fn events(&self) -> impl Iterator<Item = (EventRef, &Event)> {
        graph::events(&self.program)
    }

    /// The functions that have an event of one of these kinds.
    pub fn functions_with(&self, kinds: Kinds) -> impl Iterator<Item = (FnId, &Function)> {
        graph::functions_with(&self.program, &self.kinds, kinds)
    }

    /// The events of one function.
    pub fn events_of(&self, function: FnId) -> impl Iterator<Item = (EventRef, &Event)> {
        graph::events_of(&self.program, function)
    }

    /// Locks held just before `at`: on every path (`must`) or on some.
    pub fn held_before(&self, at: EventRef) -> &[Held] {
        self.held
            .get(at.function.index())
            .map_or(&[], |sets| sets.before(at))
    }

    /// What is known of a guard; `None` when nothing takes it.
    pub fn guard(&self, function: FnId, guard: GuardId) -> Option<&GuardInfo> {
        self.held.get(function.index())?.guard(guard)
    }

    /// Every lock taken under another (or the same) one, ordered by the site of
    /// the function that holds.
    pub fn nestings(&self) -> &[Nesting] {
        &self.nestings
    }

    /// Smallest cycles of the lock-order graph, one for each set of classes,
    /// that can happen for all that is known.
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// What can block while a lock is held, ordered by the site of the function
    /// that holds.
    pub fn blocked(&self) -> &[BlockedUnder] {
        &self.blocked
    }

    /// Whether two threads can be in `a` and `b` at one time, with objects they
    /// share (each test has its own, except for statics).
    pub fn may_run_in_parallel(&self, a: FnId, b: FnId) -> bool {
        self.threads.parallel(a, b, false)
    }

    /// As [`Self::may_run_in_parallel`], for statics: there two tests meet, too.
    pub fn may_run_in_parallel_on_statics(&self, a: FnId, b: FnId) -> bool {
        self.threads.parallel(a, b, true)
    }

    /// Whether `function` is reached from a `main` only that starts no thread and
    /// no task: of its process there is no other thread.
    pub fn runs_alone(&self, function: FnId) -> bool {
        self.threads.alone(function)
    }

    /// Whether several threads are seen to run `function`: by known calls, from
    /// two spawns, one that is done again and again, or one and the `main`
    /// beside it. Of what may be called from outside nothing is assumed.
    pub fn runs_on_several(&self, function: FnId) -> bool {
        self.calls_from_several(function).is_some()
    }

    /// How many calls lie between `function`, which several threads are seen to
    /// run, and the body of one of them; 0 is that body itself.
    pub fn calls_from_several(&self, function: FnId) -> Option<u32> {
        self.several.get(function.index()).copied().flatten()
    }

    /// Whether a test calls `function` itself on two threads or more.
    pub fn is_tested_on_several(&self, function: FnId) -> bool {
        self.tested.contains(&function)
    }

    /// Which functions may run as part of which others.
    pub fn runners(&self) -> &Runners {
        &self.runners
    }

    /// Whether `function` is a closure or a function that is handed to somebody
    /// who is not seen to run it: a job of a thread pool, a handler.
    pub fn is_handed_on(&self, function: FnId) -> bool {
        self.handed_on.contains(&function)
    }

    /// Whether nobody else reaches `object`, as `function` names it, while
    /// `function` runs: it is a field of its `self`, which is all its own.
    pub fn is_alone_with(&self, function: FnId, object: &ObjectRef) -> Alone {
        match self.alone.get(function.index()) {
            Some(alone) if alone::is_own_field(&self.program, self.function(function), object) => {
                *alone
            }
            _ => Alone::No,
        }
    }

    /// Classes held on every known way into `function`; empty when it can be
    /// entered from outside.
    pub fn entry_held(&self, function: FnId) -> &[ClassId] {
        self.entry.get(function.index()).map_or(&[], Vec::as_slice)
    }

    /// Where `function` is called, by known calls.
    pub fn callers(&self, function: FnId) -> &[EventRef] {
        self.callers.of(function)
    }

    /// Whether `a` and `b`, as `function` names them, lead to one element of a
    /// collection, by the variables and keys that tell which.
    pub fn is_one_element(&self, function: FnId, a: &Place, b: &Place) -> bool {
        self.bindings.is_told(function, a, b, false) || self.bindings.is_keyed(function, a, b)
    }

    /// A place outside tests that takes `class` for writing.
    pub fn has_writer(&self, class: ClassId) -> Option<EventRef> {
        self.writers.first(class)
    }

    /// As [`Self::has_writer`], in another function than `reader`.
    pub fn has_writer_beside(&self, class: ClassId, reader: FnId) -> Option<EventRef> {
        self.writers.outside(class, reader)
    }

    /// A place outside tests that takes `class` for writing, and that another
    /// thread can come to, with the same object, between the two reads.
    pub fn writer_beside(&self, class: ClassId, reads: &Nesting) -> Option<EventRef> {
        self.writers
            .beside(&self.program, &self.threads, class, reads)
    }

    /// The waits on the condition variable `class`, also those that name it as
    /// a parameter.
    pub fn condvar_waits(&self, class: ClassId) -> &[EventRef] {
        self.condvars.get(&class).map_or(&[], |known| &known.waits)
    }

    /// The locks that waits on the condition variable `class` hand over.
    pub fn condvar_locks(&self, class: ClassId) -> Option<&BTreeSet<ClassId>> {
        let known = self.condvars.get(&class)?;
        (!known.locks.is_empty()).then_some(&known.locks)
    }

    /// Figures for the summary line.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
