//! Two locks of one kind, of which a test has chosen the first: the last of the
//! philosophers takes the right fork first, or all the odd ones do.
//!
//! What the test asks is not looked at: whoever chooses has the order in view.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{
    Analysis, Event, EventKind, FnId, Function, Nesting, Number, ObjectRef, Place, Root,
    SameInstance, Site, element_field, element_tellers, is_element,
};

use smol_str::SmolStr;

use crate::flow::{self, Point, events};

/// Whether the order of the two is chosen, here or where they come from.
pub(crate) fn is_chosen(analysis: &Analysis, nesting: &Nesting) -> bool {
    let (held, taken) = (&nesting.held.lock, &nesting.taken);
    let function = analysis.function(nesting.function);
    chosen(function, &held.place) && chosen(function, &taken.place)
        || nesting.chain.is_empty()
            && (by_callers(analysis, nesting) || by_maker(analysis, function, held, taken))
}

/// Whether a test has chosen a variable that tells which object it is.
fn chosen(function: &Function, place: &Place) -> bool {
    let root = match place.root {
        Root::Local(local) => Some(local),
        _ => None,
    };
    let mut tellers = place.path.iter().flat_map(|step| element_tellers(step));
    let is_chosen = |id| function.locals.iter().any(|l| l.id == id && l.chosen);
    root.is_some_and(is_chosen) || tellers.any(is_chosen)
}

/// Both are parameters, and each caller has chosen which is which.
fn by_callers(analysis: &Analysis, nesting: &Nesting) -> bool {
    let function = outermost(analysis, nesting.function);
    let (Root::Param(first), Root::Param(second)) =
        (&nesting.held.lock.place.root, &nesting.taken.place.root)
    else {
        return false;
    };
    let mut given = Vec::new();
    for at in analysis.callers(function) {
        let EventKind::Call(call) = &analysis.event(*at).kind else {
            return false;
        };
        let arg = |number: &u16| call.args.get(usize::from(*number))?.place.as_ref();
        let (Some(first), Some(second)) = (arg(first), arg(second)) else {
            return false;
        };
        given.push((at.function, Point::of(*at), first, second));
    }
    let fine = |(caller, at, first, second): &(FnId, Point, &Place, &Place)| {
        let function = analysis.function(*caller);
        chosen(function, first) && chosen(function, second)
            || given.iter().any(|(other, point, one, another)| {
                other == caller
                    && crossed((first, second), (one, another))
                    && !flow::leads_on(function, *at, *point)
                    && !flow::leads_on(function, *point, *at)
            })
    };
    first != second && !given.is_empty() && given.iter().all(fine)
}

/// Whether whoever comes here has waited for leave before: of five philosophers,
/// four may sit down.
pub(crate) fn is_admitted(analysis: &Analysis, nesting: &Nesting) -> bool {
    let function = analysis.function(nesting.function);
    let mut here = events(function).filter(|(_, event)| event.site == nesting.held.site);
    let waits_here = here
        .next()
        .is_some_and(|(at, _)| waits_before(analysis, nesting.function, at));
    let callers = analysis.callers(outermost(analysis, nesting.function));
    waits_here
        || !callers.is_empty()
            && callers
                .iter()
                .all(|at| waits_before(analysis, at.function, Point::of(*at)))
}

/// Whether control waits on a condition variable before it comes to `to`.
fn waits_before(analysis: &Analysis, id: FnId, to: Point) -> bool {
    let function = analysis.function(id);
    let is_wait = |event: &Event| matches!(event.kind, EventKind::Wait { .. });
    let waits = |event: &Event| match &event.kind {
        EventKind::Call(call) => match call.targets.as_slice() {
            &[target] => events(analysis.function(target)).any(|(_, event)| is_wait(event)),
            _ => false,
        },
        _ => is_wait(event),
    };
    events(function).any(|(at, event)| waits(event) && flow::leads_on(function, at, to))
}

/// Fields of an object tell which two they are, and who makes it chooses, or has
/// written out numbers that make no circle.
fn by_maker(analysis: &Analysis, function: &Function, held: &ObjectRef, taken: &ObjectRef) -> bool {
    let field = |lock: &ObjectRef| {
        let mut steps = lock.place.path.iter();
        let (param, name) = steps.find_map(|step| element_field(step))?;
        Some((param, SmolStr::new(name)))
    };
    let of = |number: u16| {
        let around = function.parent.map(|parent| analysis.function(parent));
        let params = &around.unwrap_or(function).params;
        params.get(usize::from(number))?.of
    };
    let (Some((owner, first)), Some((other, second))) = (field(held), field(taken)) else {
        return false;
    };
    let Some(of) = of(owner).filter(|_| owner == other) else {
        return false;
    };
    let chooses = |id: FnId| {
        analysis.function(id).chooses || analysis.function(outermost(analysis, id)).chooses
    };
    let functions = (0..).map(FnId).zip(&analysis.program().functions);
    let mut makers =
        functions.filter(|(_, function)| function.makes.iter().any(|making| making.of == of));
    makers.any(|(id, _)| {
        let callers = analysis.callers(outermost(analysis, id));
        chooses(id) || callers.iter().any(|at| chooses(at.function))
    }) || written(analysis, of, &first, &second).is_some_and(|pairs| !has_circle(&pairs))
}

/// The numbers in two fields of all objects of a type; `None` where some are not
/// written out.
fn written(analysis: &Analysis, of: u32, first: &str, second: &str) -> Option<Vec<(u64, u64)>> {
    let mut pairs = Vec::new();
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        for making in function.makes.iter().filter(|making| making.of == of) {
            let number = |field: &str| {
                let (_, number) = making.numbers.iter().find(|(name, _)| name == field)?;
                Some(*number)
            };
            match (number(first)?, number(second)?) {
                (Number::Written(first), Number::Written(second)) => pairs.push((first, second)),
                (Number::Param(first), Number::Param(second)) => {
                    for at in analysis.callers(outermost(analysis, id)) {
                        let EventKind::Call(call) = &analysis.event(*at).kind else {
                            return None;
                        };
                        let given = |param: u16| call.args.get(usize::from(param))?.number;
                        pairs.push((given(first)?, given(second)?));
                    }
                }
                _ => return None,
            }
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// Whether one can come back to where one started.
fn has_circle(pairs: &[(u64, u64)]) -> bool {
    let comes_back = |start: u64| {
        let mut seen = BTreeSet::new();
        let mut work = vec![start];
        while let Some(from) = work.pop() {
            for (_, to) in pairs.iter().filter(|(first, _)| *first == from) {
                if *to == start {
                    return true;
                }
                if seen.insert(*to) {
                    work.push(*to);
                }
            }
        }
        false
    };
    pairs.iter().any(|(first, _)| comes_back(*first))
}

fn outermost(analysis: &Analysis, id: FnId) -> FnId {
    analysis.function(id).parent.unwrap_or(id)
}

/// The pairs that a test of their function takes the one way or the other: the
/// function, and where each of the two is taken.
pub(crate) fn crossed_pairs(analysis: &Analysis) -> BTreeSet<(FnId, Site, Site)> {
    let direct = analysis.nestings().iter().filter(|nesting| {
        nesting.chain.is_empty()
            && nesting.blocking.needs_lock()
            && nesting.held.lock.class != nesting.taken.class
            || nesting.same == SameInstance::Maybe
    });
    let mut by_function: BTreeMap<FnId, Vec<&Nesting>> = BTreeMap::new();
    for nesting in direct {
        by_function
            .entry(nesting.function)
            .or_default()
            .push(nesting);
    }
    let mut crossed = BTreeSet::new();
    for nestings in by_function.into_values() {
        for one in &nestings {
            if nestings
                .iter()
                .any(|other| is_crossed(analysis, one, other))
            {
                crossed.insert((one.function, one.held.site, one.site));
            }
        }
    }
    crossed
}

/// Whether two nestings of one function take their two the one way and the other,
/// and no way leads from the one to the other: `if even { .. } else { .. }`.
pub(crate) fn is_crossed(analysis: &Analysis, one: &Nesting, other: &Nesting) -> bool {
    let places = |n: &'_ Nesting| (n.held.lock.place.clone(), n.taken.place.clone());
    let ((a, b), (c, d)) = (places(one), places(other));
    one.function == other.function
        && one.chain.is_empty()
        && other.chain.is_empty()
        && crossed((&a, &b), (&c, &d))
        && apart(analysis.function(one.function), one, other)
}

/// What is first here is second there, of one list or one object.
fn crossed(one: (&Place, &Place), other: (&Place, &Place)) -> bool {
    let told = |place: &Place| {
        !place
            .path
            .iter()
            .any(|step| is_element(step) && step == "[]")
    };
    let same = |a: &Place, b: &Place| a == b && told(a);
    one.0 != one.1
        && one.0.root == one.1.root
        && (same(one.0, other.1) || same(one.1, other.0) || one.0 == other.1 && one.1 == other.0)
}

/// Whether control comes to one of them only, unless it goes round a loop.
fn apart(function: &Function, one: &Nesting, other: &Nesting) -> bool {
    let point = |nesting: &Nesting| {
        let mut found = events(function).filter(|(_, event)| event.site == nesting.held.site);
        found.next().map(|(point, _)| point)
    };
    point(one).zip(point(other)).is_some_and(|(one, other)| {
        !flow::leads_on(function, one, other) && !flow::leads_on(function, other, one)
    })
}
