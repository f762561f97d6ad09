//! The one lock of a program around an object of a type, under all its names.
//!
//! `Arc<RwLock<GlobalContext>>` is made once, by `main` or what `main` runs once,
//! and everybody is given it: as a parameter, by a framework, in a field. Where
//! every object of the type lies in such a lock (`behind`), all of these are one
//! lock, whatever way it has come. Told by calls alone: who is named otherwise
//! (handed to somebody as a value, called in a loop or twice) may run again, and
//! nothing is claimed.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{EventKind, FnId, FnKind, LockSource};
use rustc_hash::FxHashMap as HashMap;

use super::assemble::Lowered;
use super::value::{ClassBase, ClassKey};
use crate::index::TypeId;

/// Callers of callers that are asked.
const DEPTH: u32 = 12;

/// By guarded type (by number): what its only lock is called by.
pub(super) fn soles(lowered: &[Lowered]) -> BTreeMap<u32, ClassKey> {
    let mut makers: BTreeMap<u32, Vec<(FnId, bool)>> = BTreeMap::new();
    for (id, one) in (0..).map(FnId).zip(lowered) {
        if !one.function.is_test {
            for &(whole, once) in &one.locks_made {
                makers.entry(whole).or_default().push((id, once));
            }
        }
    }
    let made_in_one_place: BTreeMap<u32, FnId> = makers
        .into_iter()
        .filter_map(|(whole, makers)| match makers[..] {
            [(maker, true)] => Some((whole, maker)),
            _ => None,
        })
        .collect();
    if made_in_one_place.is_empty() {
        return BTreeMap::new();
    }
    let calls = Calls::of(lowered);
    let mut soles: BTreeMap<u32, ClassKey> = made_in_one_place
        .into_iter()
        .filter(|(_, maker)| calls.runs_once(lowered, *maker, DEPTH))
        .map(|(whole, _)| (whole, ClassKey::new(ClassBase::Whole(TypeId(whole)))))
        .collect();
    name(&mut soles, lowered);
    soles
}

/// Where one field has it and no other one, it is called by that. A static of
/// the type is another object.
fn name(soles: &mut BTreeMap<u32, ClassKey>, lowered: &[Lowered]) {
    let mut fields: BTreeMap<u32, BTreeSet<&ClassKey>> = BTreeMap::new();
    for one in lowered.iter().filter(|one| !one.function.is_test) {
        for (key, draft) in &one.classes {
            let Some(whole) = draft.whole else { continue };
            match &key.base {
                ClassBase::Field(..) if !key.elem => {
                    fields.entry(whole).or_default().insert(key);
                }
                ClassBase::Static(_) | ClassBase::Named(_) => {
                    soles.remove(&whole);
                }
                // What an extractor hands out counts as an element of it.
                ClassBase::Field(..)
                | ClassBase::Local(_)
                | ClassBase::Param(_)
                | ClassBase::Whole(_) => {}
            }
        }
    }
    for (whole, fields) in fields {
        if let Some(sole) = soles.get_mut(&whole)
            && fields.len() == 1
            && let Some(field) = fields.first()
        {
            *sole = (*field).clone();
        }
    }
}

/// The calls of named functions outside of tests.
struct Calls {
    /// By function that is called from one place alone: the caller, and whether it calls
    /// once in each run.
    once: HashMap<FnId, (FnId, bool)>,
    /// Called from several places, or used as a value.
    more: BTreeSet<FnId>,
}

impl Calls {
    fn of(lowered: &[Lowered]) -> Self {
        let mut calls = Calls {
            once: HashMap::default(),
            more: BTreeSet::new(),
        };
        for (id, one) in (0..).map(FnId).zip(lowered) {
            if one.function.is_test {
                continue;
            }
            calls.read(id, &one.function, true);
            for nested in &one.nested {
                calls.read(id, nested, false);
            }
        }
        calls
    }

    fn read(&mut self, caller: FnId, function: &conclint_facts::Function, own: bool) {
        for (number, block) in function.blocks.iter().enumerate() {
            for event in &block.events {
                let call = match &event.kind {
                    EventKind::Call(call)
                    | EventKind::Acquire {
                        source: LockSource::Callee(call),
                        ..
                    } => call,
                    EventKind::Spawn(spawn) => {
                        self.more.extend(spawn.body);
                        continue;
                    }
                    _ => continue,
                };
                self.more
                    .extend(call.args.iter().filter_map(|arg| arg.closure));
                for &target in &call.targets {
                    let in_turn = own && !comes_back(function, number);
                    if self.once.insert(target, (caller, in_turn)).is_some() {
                        self.more.insert(target);
                    }
                }
            }
        }
    }

    fn runs_once(&self, lowered: &[Lowered], id: FnId, depth: u32) -> bool {
        let function = lowered.get(id.index()).map(|one| &one.function);
        if self.more.contains(&id) || depth == 0 {
            return false;
        }
        match self.once.get(&id) {
            None => function.is_some_and(|function| function.kind == FnKind::Main),
            Some((caller, in_turn)) => *in_turn && self.runs_once(lowered, *caller, depth - 1),
        }
    }
}

/// Whether control can come to the block again.
fn comes_back(function: &conclint_facts::Function, start: usize) -> bool {
    let next = |block: usize| {
        let block = function.blocks.get(block);
        block.into_iter().flat_map(|block| &block.successors)
    };
    let mut seen = vec![false; function.blocks.len()];
    let mut work: Vec<usize> = next(start).map(|id| id.index()).collect();
    while let Some(block) = work.pop() {
        if block == start {
            return true;
        }
        if seen.get(block) == Some(&false) {
            seen[block] = true;
            work.extend(next(block).map(|id| id.index()));
        }
    }
    false
}
