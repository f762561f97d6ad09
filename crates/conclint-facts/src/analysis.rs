//! What follows from the facts of a whole program.
//!
//! The shape of the results; see [`Analysis`].

use crate::program::*;

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
    /// The same static, or the same path from the same root.
    Certain,
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
    /// Classes held on every path to `site` besides these two, callers of
    /// `function` included where all callers are known: gate locks.
    pub gates: Vec<ClassId>,
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
    /// One edge for each step of the cycle, best evidence first choice.
    pub edges: Vec<Nesting>,
    /// The weakest link.
    pub confidence: Certainty,
}
