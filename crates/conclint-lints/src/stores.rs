//! Plain stores to atomics, in a function and in what it calls.

use conclint_facts::{
    Analysis, BlockId, Call, ChainStep, EventKind, Flag, FnId, Function, ObjectRef, Origin,
    Origins, Root, Site, Target,
};

use crate::flow::{Point, events};
use crate::reads::{arguments, bind, one_object, target};
use crate::ways::leads_to;

/// A plain store to an atomic, or an update of one, here or in a called function.
#[derive(Debug, Clone)]
pub(crate) struct AtomicStore {
    /// The atomic, as the asking function names it.
    pub(crate) object: ObjectRef,
    pub(crate) relaxed: bool,
    /// The value is written out.
    pub(crate) constant: bool,
    /// In a called function: it stores what it is given, or always the same.
    pub(crate) sets: bool,
    /// It is no store, but a `fetch_add` or the like.
    pub(crate) updates: bool,
    /// What is stored, as far as the asking function's values go.
    pub(crate) from: Origins,
    /// Where, in the asking function: the store, the call.
    pub(crate) at: Point,
    /// Calls to where it is stored.
    pub(crate) chain: Vec<ChainStep>,
    pub(crate) site: Site,
    pub(crate) store_in: FnId,
}

/// The stores of `function` to atomics, those of called functions included.
pub(crate) fn stores(analysis: &Analysis, function: FnId, depth: u32) -> Vec<AtomicStore> {
    let Some(body) = analysis.program().functions.get(function.index()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (at, event) in events(body) {
        match &event.kind {
            EventKind::Store {
                target:
                    Target::Atomic {
                        object,
                        relaxed,
                        constant,
                    },
                from,
                ..
            } => found.push(AtomicStore {
                object: object.clone(),
                relaxed: *relaxed,
                constant: *constant,
                sets: *constant || !given(body, *from).is_empty(),
                updates: false,
                from: *from,
                at,
                chain: Vec::new(),
                site: event.site,
                store_in: function,
            }),
            EventKind::SharedWrite {
                object: Some(object),
                idempotent: false,
            } if is_update(body, at) => found.push(AtomicStore {
                object: object.clone(),
                relaxed: true,
                constant: false,
                sets: true,
                updates: true,
                from: Origins::NONE,
                at,
                chain: Vec::new(),
                site: event.site,
                store_in: function,
            }),
            EventKind::Call(call) if depth > 0 => {
                let Some((callee, inner)) = target(analysis, call) else {
                    continue;
                };
                if callee == function || inner.blocks.len() > SMALL {
                    continue;
                }
                for mut store in stores(analysis, callee, depth - 1) {
                    // What it does on some ways only, it may look into first.
                    if !is_surely_reached(inner, store.at) {
                        continue;
                    }
                    store.object = bind(analysis, inner, &call.args, &store.object);
                    store.constant |= writes_out(inner, call, store.from);
                    store.from = arguments(inner, call, store.from);
                    store.at = at;
                    let step = ChainStep {
                        function,
                        site: event.site,
                        name: call.name.to_string(),
                    };
                    store.chain.insert(0, step);
                    found.push(store);
                }
            }
            _ => {}
        }
    }
    found
}

/// Those of `from` that are parameters.
fn given(function: &Function, from: Origins) -> Origins {
    let is_param =
        |position: &usize| matches!(function.origins.get(*position), Some(Origin::Param(_)));
    let params = from.iter().filter(is_param);
    params.fold(Origins::NONE, |all, position| {
        all.or(Origins::one(position))
    })
}

/// Whether what the callee makes `from` of is written out at the call.
fn writes_out(callee: &Function, call: &Call, from: Origins) -> bool {
    let written = |position| match callee.origins.get(position) {
        Some(Origin::Param(param)) => {
            let arg = call.args.get(usize::from(*param));
            arg.is_some_and(|arg| matches!(arg.flag, Some(Flag::Written(_))))
        }
        _ => false,
    };
    !from.is_empty() && from.iter().all(written)
}

/// Whether the change of an atomic at `at` is neither a store nor an exchange, and
/// nobody asks what was there.
fn is_update(function: &Function, at: Point) -> bool {
    let block = function.blocks.get(at.block.index());
    let site = |index: u32| block.and_then(|block| block.events.get(index as usize));
    let next = at.index.checked_add(1).and_then(site);
    let told_by_next = next.is_some_and(|next| {
        Some(next.site) == site(at.index).map(|event| event.site)
            && matches!(next.kind, EventKind::Store { .. } | EventKind::Load { .. })
    });
    let own = function.origins.iter().position(|origin| {
        *origin
            == Origin::Event {
                block: at.block,
                index: at.index,
            }
    });
    let asked = own.is_some_and(|own| {
        function.returns.contains(own)
            || events(function).any(|(_, event)| {
                matches!(&event.kind, EventKind::Test { from, .. } if from.contains(own))
            })
    });
    !told_by_next && !asked
}

/// So many blocks a function may have that is a setter.
const SMALL: usize = 16;

/// Whether control comes to `at` on every way through the function.
pub(crate) fn is_surely_reached(function: &Function, at: Point) -> bool {
    let (entry, exit) = (BlockId(0), BlockId(1));
    at.block == entry || at.block == exit || !leads_to(function, entry, at.block, exit)
}

/// Whether two references of one function are one atomic: as [`one_object`], or
/// one element of a list by what tells which.
pub(crate) fn one_atomic(a: &ObjectRef, b: &ObjectRef) -> bool {
    let told = |object: &ObjectRef| {
        let mut steps = object.place.path.iter();
        steps.all(|step| !conclint_facts::is_element(step) || conclint_facts::is_one_element(step))
    };
    one_object(a, b)
        || !matches!(a.place.root, Root::Opaque(_))
            && a.place == b.place
            && a.class == b.class
            && told(a)
            && !(a.exclusive || b.exclusive)
}
