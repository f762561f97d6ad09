//! Parameter and return types of functions, as a caller sees them.

use super::defs::Sig;
use super::subst::{Bindings, is_closed, lookup, subst, unify};
use std::sync::Arc;

use super::members::last_of;
use super::{Bound, FnEntry, FnIdx, Index, Scope, TraitRef, Ty, Tys};

impl Index {
    fn sig(&self, f: FnIdx) -> Option<(&FnEntry, &Sig)> {
        let entry = self.fns.get(f.index())?;
        let sig = self.sigs.get(f.index())?.get_or_init(|| Sig {
            params: entry
                .def
                .params
                .iter()
                .map(|p| self.resolve_type(&entry.scope, &p.ty))
                .collect(),
            ret: match &entry.def.ret {
                Some(ret) => self.resolve_type(&entry.scope, ret),
                None => Ty::unit(),
            },
        });
        Some((entry, sig))
    }

    /// The type of a parameter (`self` is the first), seen from inside.
    pub fn fn_param_ty(&self, f: FnIdx, i: usize) -> Ty {
        self.sig(f)
            .and_then(|(_, sig)| sig.params.get(i).cloned())
            .unwrap_or(Ty::Unknown)
    }

    /// The return type as declared, seen from inside.
    pub fn fn_declared_ret(&self, f: FnIdx) -> &Ty {
        self.sig(f).map_or(&Ty::Unknown, |(_, sig)| &sig.ret)
    }

    /// The return type for a caller; the output of an `async fn`.
    ///
    /// `self_ty` is the type the method was found on. Parameters that nothing
    /// tells become their bounds, or unknown.
    pub fn fn_ret(&self, f: FnIdx, self_ty: Option<&Ty>, turbofish: &[Ty]) -> Ty {
        self.fn_ret_of_args(f, self_ty, turbofish, &[])
    }

    /// As [`Self::fn_ret`], with the types of the arguments (`self` first,
    /// where there is one) for parameters that only they tell.
    pub fn fn_ret_of_args(
        &self,
        f: FnIdx,
        self_ty: Option<&Ty>,
        turbofish: &[Ty],
        args: &[&Ty],
    ) -> Ty {
        let Some((entry, sig)) = self.sig(f) else {
            return Ty::Unknown;
        };
        let ret = match (entry.in_trait, self_ty, &entry.def.ret) {
            // `Self::Item` of a known `Self`.
            (Some(_), Some(ty @ (Ty::Adt(..) | Ty::Ext(..))), Some(ret)) => {
                let mut scope = entry.scope.clone();
                scope.self_ty = Some(ty.clone());
                &self.resolve_type(&scope, ret)
            }
            _ => &sig.ret,
        };
        if is_closed(ret) {
            // As most are.
            return ret.clone();
        }
        self.for_caller(ret, (entry, sig), self_ty, turbofish, args)
    }

    /// What a call of `f` gives to the closure that it is passed as its `i`th
    /// argument (`self` is the first): as for [`Self::fn_ret_of_args`].
    pub fn given_to_closure(
        &self,
        f: FnIdx,
        i: usize,
        self_ty: Option<&Ty>,
        turbofish: &[Ty],
        args: &[&Ty],
    ) -> Vec<Ty> {
        let Some((entry, sig)) = self.sig(f) else {
            return Vec::new();
        };
        let callable = sig.params.get(i);
        let given = callable.and_then(|ty| self.given_by(&entry.scope, ty, 0));
        let seen = |ty: &Ty| self.for_caller(ty, (entry, sig), self_ty, turbofish, args);
        given.unwrap_or_default().iter().map(seen).collect()
    }

    /// The parameters of a callable type: `F: Fn(A)`, `Box<dyn Fn(A)>`, `fn(A)`.
    fn given_by(&self, scope: &Scope, ty: &Ty, depth: u32) -> Option<Tys> {
        if depth > 4 {
            return None;
        }
        let of_bound = |bound: &Bound| match &bound.trait_ {
            TraitRef::Ext(path) => {
                let is_fn = matches!(
                    last_of(path).trim_start_matches("Async"),
                    "Fn" | "FnMut" | "FnOnce"
                );
                is_fn.then(|| bound.args.clone())
            }
            TraitRef::Here(_) => None,
        };
        match ty {
            Ty::Fn(params, _) => Some(params.clone()),
            Ty::Ref(_, inner) => self.given_by(scope, inner, depth + 1),
            Ty::Ext(_, args) => match &args[..] {
                [one] => self.given_by(scope, one, depth + 1),
                _ => None,
            },
            Ty::Param(param) => self.bounds(scope, param).iter().find_map(of_bound),
            Ty::Bounded(_, bounds) => bounds.iter().find_map(of_bound),
            _ => None,
        }
    }

    /// A type of a function's signature as a caller sees it.
    fn for_caller(
        &self,
        ty: &Ty,
        (entry, sig): (&FnEntry, &Sig),
        self_ty: Option<&Ty>,
        turbofish: &[Ty],
        args: &[&Ty],
    ) -> Ty {
        let is_param = |n: &str| n == "Self" || self.is_param(&entry.scope, n);
        let mut bindings = Bindings::new();
        if !entry.def.has_self {
            // `Entry::new(guard)`: what a path leaves out is told by the arguments,
            // and not by the default of `struct Entry<D = Arc<Data>>`.
            for (pattern, ty) in sig.params.iter().zip(args) {
                unify(pattern, ty, &is_param, &mut bindings);
            }
            bindings.retain(|(_, ty)| *ty != Ty::Unknown);
        }
        let own_self = entry.scope.self_ty.as_ref();
        if let (Some(pattern), Some(ty)) = (own_self, self_ty) {
            unify(pattern, ty, &is_param, &mut bindings);
        }
        for (param, ty) in entry.def.generics.params.iter().zip(turbofish) {
            if *ty != Ty::Unknown {
                bindings.push((param.name.clone(), ty.clone()));
            }
        }
        for (pattern, ty) in sig.params.iter().zip(args) {
            unify(pattern, ty, &is_param, &mut bindings);
        }
        subst(ty, &|name| {
            if !is_param(name) {
                return None;
            }
            match lookup(&bindings, name) {
                Some(Ty::Unknown) | None => Some(self.bounds_as_ty(entry, name)),
                found => found,
            }
        })
    }

    /// What `as_ref` and the like give of a type of which only its bounds are
    /// known: `impl AsRef<Cache>`.
    pub fn viewed_as(&self, scope: &Scope, ty: &Ty, method: &str) -> Option<Ty> {
        let trait_ = match method {
            "as_ref" => "AsRef",
            "as_mut" => "AsMut",
            "borrow" => "Borrow",
            "borrow_mut" => "BorrowMut",
            _ => return None,
        };
        let named = |bounds: &[Bound]| {
            let is_it = |bound: &&Bound| self.trait_name(&bound.trait_) == trait_;
            bounds.iter().find(is_it)?.args.first().cloned()
        };
        let target = match ty {
            Ty::Param(param) => named(&self.bounds(scope, param)),
            Ty::Bounded(_, bounds) => named(bounds),
            _ => None,
        };
        Some(Ty::Ref(method.ends_with("mut"), Arc::new(target?)))
    }

    fn bounds_as_ty(&self, entry: &FnEntry, name: &str) -> Ty {
        let bounds = self.bounds(&entry.scope, name);
        if bounds.is_empty() {
            return Ty::Unknown;
        }
        // Not again the parameters of the callee.
        let hide = |ty: &Ty| subst(ty, &|_| Some(Ty::Unknown));
        let bounds = bounds.into_iter().map(|mut bound| {
            bound.args = bound.args.iter().map(hide).collect();
            for (_, ty) in &mut bound.assoc {
                *ty = hide(ty);
            }
            bound
        });
        Ty::Bounded(false, bounds.collect())
    }
}
