//! Types put into types, and types matched against patterns.
//!
//! Aliases can be written so that their expansion grows without end; all
//! walks here carry a budget, and what exceeds it reads as unknown.

use std::cell::Cell;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{Bound, Ty, Tys};

/// Nodes that one substitution may visit.
const MAX_NODES: u32 = 4096;
/// Nesting of a type.
const MAX_DEPTH: u32 = 96;

/// Puts types in the place of parameters; `None` leaves a parameter as it is.
pub fn subst(ty: &Ty, put: &dyn Fn(&str) -> Option<Ty>) -> Ty {
    if is_closed(ty) {
        return ty.clone();
    }
    let walk = Subst {
        put,
        left: Cell::new(MAX_NODES),
    };
    walk.ty(ty, 0)
}

struct Subst<'a> {
    put: &'a dyn Fn(&str) -> Option<Ty>,
    left: Cell<u32>,
}

impl Subst<'_> {
    fn ty(&self, ty: &Ty, depth: u32) -> Ty {
        let left = self.left.get();
        if left == 0 || depth > MAX_DEPTH {
            return Ty::Unknown;
        }
        self.left.set(left - 1);
        match ty {
            Ty::Unknown | Ty::Never => ty.clone(),
            Ty::Param(name) => match (self.put)(name) {
                Some(new) => self.replacement(new, depth),
                None => ty.clone(),
            },
            Ty::Adt(id, args) => Ty::Adt(*id, self.tys(args, depth)),
            Ty::Ext(path, args) => Ty::Ext(path.clone(), self.tys(args, depth)),
            Ty::Ref(mutable, inner) => Ty::Ref(*mutable, Arc::new(self.ty(inner, depth + 1))),
            Ty::Ptr(inner) => Ty::Ptr(Arc::new(self.ty(inner, depth + 1))),
            Ty::Slice(inner) => Ty::Slice(Arc::new(self.ty(inner, depth + 1))),
            Ty::Tuple(parts) => Ty::Tuple(self.tys(parts, depth)),
            Ty::Fn(params, ret) => {
                Ty::Fn(self.tys(params, depth), Arc::new(self.ty(ret, depth + 1)))
            }
            Ty::Bounded(is_dyn, bounds) => Ty::Bounded(
                *is_dyn,
                bounds.iter().map(|b| self.bound(b, depth)).collect(),
            ),
        }
    }

    fn tys(&self, tys: &Tys, depth: u32) -> Tys {
        if tys.is_empty() {
            tys.clone()
        } else {
            tys.iter().map(|t| self.ty(t, depth + 1)).collect()
        }
    }

    fn bound(&self, bound: &Bound, depth: u32) -> Bound {
        Bound {
            trait_: bound.trait_.clone(),
            args: self.tys(&bound.args, depth),
            assoc: bound
                .assoc
                .iter()
                .map(|(n, t)| (n.clone(), self.ty(t, depth + 1)))
                .collect(),
        }
    }

    /// What is put in counts too.
    fn replacement(&self, new: Ty, depth: u32) -> Ty {
        let Some(room) = MAX_DEPTH.checked_sub(depth) else {
            return Ty::Unknown;
        };
        if fits(&new, room, &self.left) {
            new
        } else {
            Ty::Unknown
        }
    }
}

/// Whether a type is no deeper than `room`; takes its nodes off `left`.
fn fits(ty: &Ty, room: u32, left: &Cell<u32>) -> bool {
    if left.get() == 0 || room == 0 {
        return false;
    }
    left.set(left.get() - 1);
    let mut ok = true;
    children(ty, &mut |child| ok = ok && fits(child, room - 1, left));
    ok
}

/// Whether a type is small enough to be walked. Aliases without parameters
/// share their parts, so that few lines can stand for a tree of any size.
pub(super) fn is_small(ty: &Ty) -> bool {
    fits(ty, MAX_DEPTH, &Cell::new(MAX_NODES))
}

/// Whether a type is the same whatever is put in the place of parameters.
pub(super) fn is_closed(ty: &Ty) -> bool {
    !has_param(ty, MAX_DEPTH)
}

fn has_param(ty: &Ty, room: u32) -> bool {
    if room == 0 || matches!(ty, Ty::Param(_)) {
        return true;
    }
    let mut found = false;
    children(ty, &mut |child| found = found || has_param(child, room - 1));
    found
}

/// Whether nothing in a type is unknown.
pub(super) fn is_whole(ty: &Ty) -> bool {
    let mut ok = !matches!(ty, Ty::Unknown);
    children(ty, &mut |child| ok = ok && is_whole(child));
    ok
}

fn children(ty: &Ty, visit: &mut dyn FnMut(&Ty)) {
    match ty {
        Ty::Unknown | Ty::Never | Ty::Param(_) => {}
        Ty::Adt(_, list) | Ty::Ext(_, list) | Ty::Tuple(list) => list.iter().for_each(visit),
        Ty::Ref(_, inner) | Ty::Ptr(inner) | Ty::Slice(inner) => visit(inner),
        Ty::Fn(params, ret) => {
            params.iter().for_each(&mut *visit);
            visit(ret);
        }
        Ty::Bounded(_, bounds) => {
            for bound in bounds.iter() {
                bound.args.iter().for_each(&mut *visit);
                bound.assoc.iter().for_each(|(_, t)| visit(t));
            }
        }
    }
}

/// What parameters stand for.
pub(super) type Bindings = Vec<(SmolStr, Ty)>;

pub(super) fn lookup(bindings: &Bindings, name: &str) -> Option<Ty> {
    bindings
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, t)| t.clone())
}

/// Matches a type against a pattern with parameters. Lenient: what is not
/// known on either side matches, and references are seen through.
pub(super) fn unify(
    pattern: &Ty,
    ty: &Ty,
    is_param: &dyn Fn(&str) -> bool,
    out: &mut Bindings,
) -> bool {
    let walk = Unify {
        is_param,
        left: Cell::new(MAX_NODES),
    };
    walk.ty(pattern, ty, out)
}

struct Unify<'a> {
    is_param: &'a dyn Fn(&str) -> bool,
    left: Cell<u32>,
}

impl Unify<'_> {
    fn ty(&self, pattern: &Ty, ty: &Ty, out: &mut Bindings) -> bool {
        let left = self.left.get();
        if left == 0 {
            return true;
        }
        self.left.set(left - 1);
        match (pattern, ty) {
            (Ty::Param(name), _) if (self.is_param)(name) => bind(name, ty, out),
            (Ty::Unknown, _) | (_, Ty::Unknown | Ty::Param(_)) => true,
            (Ty::Adt(a, xs), Ty::Adt(b, ys)) => a == b && self.tys(xs, ys, out),
            (Ty::Ext(a, xs), Ty::Ext(b, ys)) => a == b && self.tys(xs, ys, out),
            (Ty::Ref(_, a), Ty::Ref(_, b))
            | (Ty::Ptr(a), Ty::Ptr(b))
            | (Ty::Slice(a), Ty::Slice(b)) => self.ty(a, b, out),
            (Ty::Ref(_, a), b) => self.ty(a, b, out),
            (a, Ty::Ref(_, b)) => self.ty(a, b, out),
            (Ty::Tuple(xs), Ty::Tuple(ys)) => xs.len() == ys.len() && self.tys(xs, ys, out),
            (Ty::Fn(xs, a), Ty::Fn(ys, b)) => self.tys(xs, ys, out) && self.ty(a, b, out),
            (Ty::Bounded(_, xs), Ty::Bounded(_, ys)) => match (xs.first(), ys.first()) {
                (Some(x), Some(y)) => x.trait_ == y.trait_ && self.tys(&x.args, &y.args, out),
                _ => true,
            },
            (_, Ty::Bounded(false, _)) | (Ty::Never, Ty::Never) => true,
            _ => false,
        }
    }

    fn tys(&self, patterns: &[Ty], tys: &[Ty], out: &mut Bindings) -> bool {
        patterns.iter().zip(tys).all(|(p, t)| self.ty(p, t, out))
    }
}

fn bind(name: &SmolStr, ty: &Ty, out: &mut Bindings) -> bool {
    match out.iter_mut().find(|(n, _)| n == name) {
        Some((_, old)) => {
            if matches!(old, Ty::Unknown) {
                *old = ty.clone();
            }
        }
        None => out.push((name.clone(), ty.clone())),
    }
    true
}
