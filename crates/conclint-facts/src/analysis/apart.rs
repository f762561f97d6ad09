//! What conditions say of two locks of which one is taken under the other:
//! that they are two objects, which of them comes first, or that it never comes
//! to that.

use super::graph::{self, Graph};
use super::nesting::Context;
use super::{EventRef, KeyOrder, instance};
use crate::program::*;

/// What is said of a pair of locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    /// They are not one object.
    Apart,
    /// The second is not taken while the first is held.
    NotReached,
}

/// The parts of its function that the event `at` stands in.
pub(super) fn parts(program: &Program, at: EventRef) -> impl Iterator<Item = &Part> {
    let parts = program
        .functions
        .get(at.function.index())
        .map_or(&[][..], |function| function.parts.as_slice());
    let site = graph::event_at(program, at).map(|event| event.site);
    parts
        .iter()
        .filter(move |part| site.is_some_and(|site| part.contains(site)))
}

/// Whether a condition around the call `at` says that `held` and `taken`, as
/// its function names them, are two objects.
pub(super) fn at(context: Context<'_>, at: EventRef, held: &ObjectRef, taken: &ObjectRef) -> bool {
    let Context { program, graph, .. } = context;
    let here = |place: &Place| outward(program, graph, place, &[at]);
    parts(program, at).any(|part| said(program, part, here, held, taken) == Said::Apart)
}

/// What `part` says of `held` and `taken`; `outward` puts its places into the
/// terms in which these read.
pub(super) fn said(
    program: &Program,
    part: &Part,
    outward: impl Fn(&Place) -> Option<Place>,
    held: &ObjectRef,
    taken: &ObjectRef,
) -> Said {
    match &part.when {
        When::Flag { .. } | When::Ordered { .. } | When::Kept { .. } => Said::Nothing,
        When::Apart { a, b, by_address } => {
            let (Some(a), Some(b)) = (outward(a), outward(b)) else {
                return Said::Nothing;
            };
            let told = |rest: usize| !by_address || told_by_address(program, held, rest);
            let differ = held.class == taken.class
                && (differ(&a, &b, &held.place, &taken.place, told)
                    || differ(&b, &a, &held.place, &taken.place, told));
            if differ { Said::Apart } else { Said::Nothing }
        }
        // While a lock is held that is reached through an owner, that owner is
        // there: what is dropped meanwhile is not the last one.
        When::LastOwner(owner) => match outward(owner) {
            Some(owner) if rest(&owner, &held.place).is_some_and(|rest| rest > 0) => {
                Said::NotReached
            }
            _ => Said::Nothing,
        },
    }
}

/// The orders in which conditions around the call `at` put `held` and `taken`,
/// as its function names them.
pub(super) fn orders_at<'a>(
    context: Context<'a>,
    at: EventRef,
    held: &'a ObjectRef,
    taken: &'a ObjectRef,
) -> impl Iterator<Item = KeyOrder> + 'a {
    let Context { program, graph, .. } = context;
    let here = move |place: &Place| outward(program, graph, place, &[at]);
    parts(program, at).filter_map(move |part| order(program, part, here, held, taken))
}

/// The order in which `part` puts `held` and `taken`; `outward` as for [`said`].
pub(super) fn order(
    program: &Program,
    part: &Part,
    outward: impl Fn(&Place) -> Option<Place>,
    held: &ObjectRef,
    taken: &ObjectRef,
) -> Option<KeyOrder> {
    let When::Ordered { low, high, key } = &part.when else {
        return None;
    };
    let (low, high) = (outward(low)?, outward(high)?);
    let has = |owner: &Place, lock: &ObjectRef| {
        rest(owner, &lock.place)
            .is_some_and(|rest| key != When::ADDRESS || told_by_address(program, lock, rest))
    };
    let rising = has(&low, held) && has(&high, taken);
    let falling = has(&low, taken) && has(&high, held);
    (rising != falling).then(|| KeyOrder {
        key: key.clone(),
        rising,
    })
}

/// Whether the address of an object tells which `lock` it has, `rest` steps
/// away: what lies behind a pointer may be shared by several.
fn told_by_address(program: &Program, lock: &ObjectRef, rest: usize) -> bool {
    let class = lock.class.and_then(|id| program.classes.get(id.index()));
    rest == 0 || rest == 1 && class.is_some_and(instance::is_inline)
}

/// `a` and `b` differ, or what they are the same part of does: whether `held`
/// and `taken` are the same part of the two, `told` steps away.
fn differ(a: &Place, b: &Place, held: &Place, taken: &Place, told: impl Fn(usize) -> bool) -> bool {
    let (mut a, mut b) = (a.clone(), b.clone());
    loop {
        if a == b {
            return false;
        }
        if let (Some(left), Some(right)) = (rest(&a, held), rest(&b, taken))
            && left == right
            && held.path[a.path.len()..] == taken.path[b.path.len()..]
            && told(left)
        {
            return true;
        }
        match (a.path.pop(), b.path.pop()) {
            (Some(left), Some(right)) if left == right => {}
            _ => return false,
        }
    }
}

/// How many steps `place` lies behind `base`.
fn rest(base: &Place, place: &Place) -> Option<usize> {
    (base.root == place.root && place.path.starts_with(&base.path))
        .then(|| place.path.len() - base.path.len())
}

/// `place` of the function in which the last of `way` stands, as the function
/// of the first one names it; `None` where it cannot.
pub(super) fn outward(
    program: &Program,
    graph: &Graph,
    place: &Place,
    way: &[EventRef],
) -> Option<Place> {
    if let (Root::Local(local), Some(last)) = (&place.root, way.last())
        && graph.bindings.rebound(last.function, *local, false)
    {
        return None;
    }
    let mut lock = ObjectRef {
        class: None,
        place: place.clone(),
        exclusive: false,
        field: None,
    };
    for step in way.windows(2).rev() {
        let [call, inner] = step else { return None };
        let edge = graph
            .out_at(*call)
            .iter()
            .find(|edge| edge.callee == inner.function && edge.through.is_empty())?;
        lock = instance::translate(program, edge, &lock);
    }
    (!matches!(lock.place.root, Root::Opaque(_))).then_some(lock.place)
}
