//! Access paths across calls, and whether two references are one object.

use smol_str::SmolStr;

use super::SameInstance;
use super::graph::{self, Edge, Graph, Via};
use crate::program::*;

/// Longer paths (recursion over a linked structure) are not told apart.
const MAX_PATH: usize = 8;

/// A root that is equal to nothing. Comparisons never look at the number.
const ELSEWHERE: Root = Root::Opaque(u32::MAX);

/// How the callee at the end of `edge` names `lock`, in the caller's terms.
/// An edge through a callable parameter leads to a closure, whose names are
/// those of the function it stands in.
pub(super) fn translate(program: &Program, edge: &Edge, lock: &ObjectRef) -> ObjectRef {
    match edge.via {
        Via::Captured => lock.clone(),
        Via::Foreign => bind(program, &[], lock),
        Via::Call => match graph::call_at(program, edge.at) {
            Some(call) => bind(program, &call.args, lock),
            None => bind(program, &[], lock),
        },
    }
}

/// Puts the arguments of a call in the place of parameters.
pub(super) fn bind(program: &Program, args: &[Arg], lock: &ObjectRef) -> ObjectRef {
    let arg = match lock.place.root {
        Root::Param(index) => args.get(usize::from(index)),
        _ => None,
    };
    let of_param = is_param(program, lock.class);
    // What lies behind the lock that is passed is no place of its own, but it is
    // not that lock.
    let behind = of_param && lock.place.path.is_empty() && is_element_class(program, lock.class);
    let class = match of_param {
        true => arg
            .filter(|_| lock.place.path.is_empty() && !behind)
            .and_then(|arg| arg.class),
        false => lock.class,
    };
    let mut place = bind_place(args, arg, &lock.place);
    if behind {
        place.path.push(SmolStr::new_static("[]"));
    }
    // A field of what the caller alone has; behind a shared pointer it may be
    // anybody's.
    let inline = |class: &ClassId| {
        let class = program.classes.get(class.index());
        class.is_some_and(|class| {
            let text = &class.type_text;
            !text.contains(['&', '*']) && !text.contains("Arc") && !text.contains("Weak")
        })
    };
    let owned = arg.is_some_and(|arg| arg.exclusive)
        && lock.place.path.len() == 1
        && lock.class.as_ref().is_some_and(inline);
    ObjectRef {
        class,
        place,
        exclusive: lock.exclusive || owned,
        field: lock.field,
    }
}

/// Whether the class is of what a collection or another lock holds.
fn is_element_class(program: &Program, class: Option<ClassId>) -> bool {
    let class = class.and_then(|id| program.classes.get(id.index()));
    class.is_some_and(|class| class.key.ends_with("[]"))
}

fn bind_place(args: &[Arg], arg: Option<&Arg>, place: &Place) -> Place {
    let given = |number: u16| args.get(usize::from(number))?.place.as_ref();
    let elsewhere = || Place {
        root: ELSEWHERE,
        path: Vec::new(),
    };
    match place.root {
        Root::Static(_) => Place {
            root: place.root.clone(),
            path: place.path_from_outside(given).collect(),
        },
        Root::Local(_) | Root::Opaque(_) => elsewhere(),
        Root::Param(_) => {
            let viewed = arg.and_then(|arg| viewed(arg, place));
            let (base, place) = match &viewed {
                Some((base, rest)) => (Some(*base), rest),
                None => (arg.and_then(|arg| arg.place.as_ref()), place),
            };
            match base {
                Some(base) if base.path.len() + place.path.len() <= MAX_PATH => {
                    base.then_with(place, given)
                }
                _ => elsewhere(),
            }
        }
    }
}

/// What a field of the argument points to, and the way from there to `place`.
fn viewed<'a>(arg: &'a Arg, place: &Place) -> Option<(&'a Place, Place)> {
    let (field, rest) = place.path.split_first()?;
    let (_, base) = arg.views.iter().find(|(name, _)| name == field)?;
    let rest = Place {
        root: place.root.clone(),
        path: rest.to_vec(),
    };
    Some((base, rest))
}

/// Each object that has the lock as a field has one of its own: no pointer
/// stands around it.
pub(super) fn is_inline(class: &Class) -> bool {
    let around = match &class.kind {
        ObjectKind::Lock(traits) => class.type_text.split(traits.type_name.as_str()).next(),
        _ => None,
    };
    let around = around.unwrap_or(&class.type_text);
    !around.contains(['&', '*'])
        && !["Arc<", "Rc<", "Weak<"]
            .iter()
            .any(|pointer| around.contains(pointer))
}

/// The class stands for whatever the caller passes.
pub(super) fn is_param(program: &Program, class: Option<ClassId>) -> bool {
    scope(program, class) == Some(ClassScope::Param)
}

pub(super) fn scope(program: &Program, class: Option<ClassId>) -> Option<ClassScope> {
    program.classes.get(class?.index()).map(|class| class.scope)
}

/// Whether `a` and `b`, both in the terms of one function, are one object.
/// `same_guard`: the guard of `a` meets its own acquisition again, round a loop.
pub(super) fn same_instance(
    program: &Program,
    graph: &Graph,
    function: FnId,
    a: &ObjectRef,
    b: &ObjectRef,
    same_guard: bool,
) -> SameInstance {
    if let (Some(left), Some(right)) = (a.class, b.class)
        && left != right
    {
        return SameInstance::Unlikely;
    }
    let known_class = a.class.is_some() && a.class == b.class;
    if known_class && (held_apart(program, a, b) || made_apart(program, graph, function, a, b)) {
        return SameInstance::Unlikely;
    }
    let indexed = |place: &Place| place.path.iter().any(is_index);
    let element = indexed(&a.place) || indexed(&b.place);
    if known_class && scope(program, a.class) == Some(ClassScope::Static) && !element {
        return match in_two_fields(&a.place, &b.place) {
            true => SameInstance::Unlikely,
            false => SameInstance::Certain,
        };
    }
    match (&a.place.root, &b.place.root) {
        (Root::Opaque(_), _) | (_, Root::Opaque(_)) => SameInstance::Unlikely,
        (left, right) if left == right => {
            if a.place.path != b.place.path && !(element && alike(&a.place, &b.place)) {
                // One root, two paths: a parent and its child, which may have
                // clones of one pointer.
                let rebound = matches!(left, Root::Local(local) if graph.bindings.rebound(function, *local, same_guard));
                let of_one = known_class && !element && !rebound;
                match of_one && are_clones(a, b) {
                    true => SameInstance::Likely,
                    false => SameInstance::Unlikely,
                }
            } else if let Root::Local(local) = left
                && graph.bindings.rebound(function, *local, same_guard)
                && !graph
                    .bindings
                    .is_named(function, &a.place, &b.place, same_guard)
            {
                SameInstance::Unlikely
            } else if !element
                || graph
                    .bindings
                    .is_told(function, &a.place, &b.place, same_guard)
            {
                SameInstance::Certain
            } else if same_guard || !known_class {
                SameInstance::Unlikely
            } else if graph.bindings.is_keyed(function, &a.place, &b.place) {
                SameInstance::Likely
            } else {
                SameInstance::Maybe
            }
        }
        _ if element || !known_class || in_unknown_holders(program, a, b) => SameInstance::Unlikely,
        _ => SameInstance::Maybe,
    }
}

/// A field of some object, and one of what that object holds, have clones of
/// one pointer. (Not what the lock itself guards: who keeps a clone of a pointer
/// in what it points to is never freed.)
fn are_clones(a: &ObjectRef, b: &ObjectRef) -> bool {
    if a.place.path.starts_with(&b.place.path) || b.place.path.starts_with(&a.place.path) {
        return false;
    }
    let holder = |place: &Place| place.path.split_last().map(|(_, holder)| holder.to_vec());
    match (a.field, b.field, holder(&a.place), holder(&b.place)) {
        (Some(field), Some(other), Some(a), Some(b)) => {
            field != other && (a.starts_with(&b) || b.starts_with(&a))
        }
        _ => false,
    }
}

/// Two parts of one tuple.
fn in_two_fields(a: &Place, b: &Place) -> bool {
    let mut steps = a.path.iter().zip(&b.path);
    let is_number = |step: &SmolStr| step.parse::<u8>().is_ok();
    a.root == b.root
        && steps
            .find(|(a, b)| a != b)
            .is_some_and(|(a, b)| is_number(a) && is_number(b))
}

/// Whether both may lead by way of the same elements.
fn alike(a: &Place, b: &Place) -> bool {
    let same = |(a, b): (&SmolStr, &SmolStr)| {
        let told = || element_index(a).is_some() && element_index(b).is_some();
        a == b || is_element(a) && is_element(b) && !told()
    };
    a.path.len() == b.path.len() && a.path.iter().zip(&b.path).all(same)
}

/// Two elements of one collection, by literals: at which index the first is,
/// and at which the second.
pub(super) fn elements(a: &ObjectRef, b: &ObjectRef) -> Option<(u64, u64)> {
    let (first, second) = (&a.place, &b.place);
    if a.class.is_none() || a.class != b.class || first.root != second.root {
        return None;
    }
    let mut steps = first.path.iter().zip(&second.path);
    let mut differing = steps.by_ref().filter(|(a, b)| a != b);
    let (one, other) = differing.next()?;
    let indices = element_index(one).zip(element_index(other));
    indices.filter(|_| first.path.len() == second.path.len() && differing.next().is_none())
}

/// Whether two locks of one wrapper type are held by fields of different
/// names: `a` and `b` are of one class.
pub(super) fn held_apart(program: &Program, a: &ObjectRef, b: &ObjectRef) -> bool {
    is_inner(program, a) && matches!((holder(a), holder(b)), (Some(a), Some(b)) if a != b)
}

/// Whether `a` or `b` is of an object that is made here, and the other of one
/// that was there before: both are fields of one name.
fn made_apart(
    program: &Program,
    graph: &Graph,
    function: FnId,
    a: &ObjectRef,
    b: &ObjectRef,
) -> bool {
    let class = a.class.and_then(|id| program.classes.get(id.index()));
    let own = |lock: &ObjectRef| lock.place.path.len() == 1;
    let locals = program
        .functions
        .get(function.index())
        .map_or(&[][..], |f| &f.locals);
    let made = |lock: &ObjectRef| match lock.place.root {
        Root::Local(id) => {
            !graph.bindings.rebound(function, id, false)
                && locals.iter().any(|local| local.id == id && local.made)
        }
        _ => false,
    };
    let given = |lock: &ObjectRef| matches!(lock.place.root, Root::Param(_));
    let apart = made(a) && given(b)
        || made(b) && given(a)
        || made(a) && made(b) && a.place.root != b.place.root;
    apart && own(a) && own(b) && class.is_some_and(is_inline)
}

/// Whether two locks of one wrapper type lie in fields of which at least one is
/// not known: that wrapper is around every lock of the program.
fn in_unknown_holders(program: &Program, a: &ObjectRef, b: &ObjectRef) -> bool {
    is_inner(program, a) && (holder(a).is_none() || holder(b).is_none())
}

fn is_inner(program: &Program, lock: &ObjectRef) -> bool {
    let class = lock.class.and_then(|id| program.classes.get(id.index()));
    class.is_some_and(|class| class.is_inner)
}

/// The field that holds the wrapper in which the lock lies.
fn holder(lock: &ObjectRef) -> Option<&SmolStr> {
    let path = lock.place.path.iter().rev();
    path.filter(|field| !is_index(field)).nth(1)
}

fn is_index(field: &SmolStr) -> bool {
    is_element(field)
}
