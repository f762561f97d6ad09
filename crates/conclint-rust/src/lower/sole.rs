//! The one lock of a program around an object of a type, under all its names.
//!
//! `Arc<RwLock<GlobalContext>>` is made once, by `main` or what `main` runs once,
//! and everybody is given it: as a parameter, by a framework, in a field. Where
//! every object of the type lies in such a lock (`behind`), all of these are one
//! lock, whatever way it has come. Told by calls alone: who is named otherwise
//! (handed to somebody as a value, called in a loop or twice) may run again, and
//! nothing is claimed.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{EventKind, FnId, FnKind, Function, LockSource};
use rayon::prelude::*;

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
        .filter(|(_, maker)| calls.runs_once(*maker, DEPTH))
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
struct Calls<'a> {
    lowered: &'a [Lowered],
    /// By named function.
    to: Vec<Called<'a>>,
}

#[derive(Clone, Copy)]
enum Called<'a> {
    Nowhere,
    /// In one place alone.
    Once(Place<'a>),
    /// In several places, or it is used as a value.
    Again,
}

/// Where something is called.
#[derive(Clone, Copy)]
struct Place<'a> {
    caller: FnId,
    /// Nobody knows how often a closure in it runs.
    body: Option<&'a Function>,
    block: usize,
}

/// A function that is called, or else used as a value.
struct Named<'a> {
    target: FnId,
    call: Option<Place<'a>>,
}

/// What a function names, its closures included.
fn named(caller: FnId, one: &Lowered) -> Vec<Named<'_>> {
    let mut named = Vec::new();
    let value = |target| Named { target, call: None };
    let bodies = one.nested.iter().map(|nested| (nested, None));
    for (function, body) in bodies.chain([(&one.function, Some(&one.function))]) {
        for (number, block) in function.blocks.iter().enumerate() {
            for event in &block.events {
                let call = match &event.kind {
                    EventKind::Call(call)
                    | EventKind::Acquire {
                        source: LockSource::Callee(call),
                        ..
                    } => call,
                    EventKind::Spawn(spawn) => {
                        named.extend(spawn.body.map(value));
                        continue;
                    }
                    _ => continue,
                };
                named.extend(call.args.iter().filter_map(|arg| arg.closure).map(value));
                let place = Place {
                    caller,
                    body,
                    block: number,
                };
                named.extend(call.targets.iter().map(|&target| Named {
                    target,
                    call: Some(place),
                }));
            }
        }
    }
    named
}

impl<'a> Calls<'a> {
    fn of(lowered: &'a [Lowered]) -> Self {
        let mut calls = Calls {
            lowered,
            to: vec![Called::Nowhere; lowered.len()],
        };
        let named: Vec<Named<'a>> = lowered
            .par_iter()
            .enumerate()
            .filter(|(_, one)| !one.function.is_test)
            .flat_map_iter(|(id, one)| named(FnId(id as u32), one))
            .collect();
        for Named { target, call } in named {
            if let Some(known) = calls.to.get_mut(target.index()) {
                *known = match (&known, call) {
                    (Called::Nowhere, Some(call)) => Called::Once(call),
                    _ => Called::Again,
                };
            }
        }
        calls
    }

    fn runs_once(&self, id: FnId, depth: u32) -> bool {
        let own = self.lowered.get(id.index()).map(|one| &one.function);
        match self.to.get(id.index()) {
            Some(Called::Nowhere) => own.is_some_and(|own| own.kind == FnKind::Main),
            Some(Called::Once(call)) => {
                let in_turn = |body| !comes_back(body, call.block);
                depth > 0
                    && call.body.is_some_and(in_turn)
                    && self.runs_once(call.caller, depth - 1)
            }
            Some(Called::Again) | None => false,
        }
    }
}

/// Whether control can come to the block again.
fn comes_back(function: &Function, start: usize) -> bool {
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
