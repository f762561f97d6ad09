//! How often, and where, the variables of a function are bound: whether two places
//! that begin with one, or lead by way of what one has, are one object.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use smol_str::SmolStr;

use super::in_loop;
use crate::program::*;

/// One variable's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Binding {
    times: u32,
    in_loop: bool,
}

/// How the variables of all functions are bound.
#[derive(Debug, Default)]
pub(in crate::analysis) struct Bindings {
    /// Per outermost function, how often a local is bound or assigned, and
    /// whether in a loop.
    pub(super) of: HashMap<(FnId, LocalId), Binding>,
    /// Per function, the outermost function it stands in.
    pub outermost: Vec<FnId>,
}

impl Bindings {
    /// The variable names another object at another time: it is assigned more
    /// than once, or (asked for `round_a_loop`) bound anew in each iteration.
    pub(in crate::analysis) fn rebound(
        &self,
        function: FnId,
        local: LocalId,
        round_a_loop: bool,
    ) -> bool {
        let binding = self
            .of
            .get(&(self.family(function), local))
            .copied()
            .unwrap_or_default();
        binding.times > 1 || (round_a_loop && (binding.in_loop || binding.times == 0))
    }

    /// Whether both lead by way of the same elements, which variables tell that
    /// name nothing else.
    pub(in crate::analysis) fn is_told(
        &self,
        function: FnId,
        a: &Place,
        b: &Place,
        round_a_loop: bool,
    ) -> bool {
        let unchanged = |local: LocalId| !self.rebound(function, local, round_a_loop);
        agree(a, b, |a, b| is_one_step(a, b, unchanged))
    }

    /// Whether both lead by way of the same elements, as far as variables tell,
    /// and else because what the key was read from is one place.
    pub(in crate::analysis) fn is_keyed(&self, function: FnId, a: &Place, b: &Place) -> bool {
        let unchanged = |local: LocalId| !self.rebound(function, local, false);
        agree(a, b, |a, b| {
            is_one_step(a, b, unchanged) || is_one_key(a, b, unchanged)
        })
    }

    /// Both are the element that one variable names, whatever becomes of its
    /// collection since.
    pub(in crate::analysis) fn is_named(
        &self,
        function: FnId,
        a: &Place,
        b: &Place,
        round_a_loop: bool,
    ) -> bool {
        let names_one = |(a, b): (&SmolStr, &SmolStr)| {
            let name = element_owner(a);
            name == element_owner(b)
                && name.is_some_and(|local| !self.rebound(function, local, round_a_loop))
        };
        self.is_told(function, a, b, round_a_loop) && a.path.iter().zip(&b.path).any(names_one)
    }

    /// The outermost function that `function` stands in.
    pub(in crate::analysis) fn family(&self, function: FnId) -> FnId {
        let outermost = self.outermost.get(function.index());
        outermost.copied().unwrap_or(function)
    }
}

/// How often the variables of each outermost function are bound.
pub(super) fn counted(program: &Program, outermost: &[FnId]) -> HashMap<(FnId, LocalId), Binding> {
    // Only families with a guard are ever asked about.
    let families = || program.functions.iter().zip(outermost);
    let locking: HashSet<FnId> = families()
        .filter(|(f, _)| !f.guards.is_empty())
        .map(|(_, &outer)| outer)
        .collect();
    let mut bindings: HashMap<(FnId, LocalId), Binding> = HashMap::default();
    for (function, &outer) in families().filter(|(_, outer)| locking.contains(outer)) {
        for stmt in function.stmts.iter().filter(|stmt| !stmt.defs.is_empty()) {
            let in_loop = stmt.kind == StmtKind::Loop || in_loop(function, stmt.parent);
            for &local in &stmt.defs {
                let binding = bindings.entry((outer, local)).or_default();
                binding.times += 1;
                binding.in_loop |= in_loop;
            }
        }
    }
    bindings
}

/// Whether both begin with one variable and go on by steps of which each is the `same`.
fn agree(a: &Place, b: &Place, same: impl Fn(&str, &str) -> bool) -> bool {
    a.root == b.root
        && a.path.len() == b.path.len()
        && a.path.iter().zip(&b.path).all(|(a, b)| same(a, b))
}
