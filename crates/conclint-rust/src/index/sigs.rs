//! Parameter and return types of functions, as a caller sees them.

use super::defs::Sig;
use super::subst::{Bindings, is_closed, lookup, subst, unify};
use std::sync::Arc;

use super::{Bound, FnEntry, FnIdx, Index, Scope, Ty, last_segment};

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
        self.for_caller((entry, sig), ret, self_ty, turbofish, args)
    }

    /// The types of the arguments that a closure gets which is passed as
    /// parameter `i` (`self` is the first).
    pub fn closure_params(
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
        let mut ty = sig.params.get(i).unwrap_or(&Ty::Unknown);
        loop {
            ty = match ty {
                Ty::Ref(_, inner) => inner,
                Ty::Ext(path, args) if matches!(last_segment(path), "Box" | "Arc" | "Rc") => {
                    args.first().unwrap_or(&Ty::Unknown)
                }
                _ => break,
            };
        }
        let of_bounds = |bounds: &[Bound]| {
            let is_fn = |bound: &&Bound| {
                let name = self.trait_name(&bound.trait_);
                matches!(
                    name.strip_prefix("Async").unwrap_or(name),
                    "Fn" | "FnMut" | "FnOnce"
                )
            };
            bounds.iter().find(is_fn).map(|bound| bound.args.clone())
        };
        let given = match ty {
            Ty::Fn(params, _) => Some(params.clone()),
            Ty::Param(name) => of_bounds(&self.bounds(&entry.scope, name)),
            Ty::Bounded(_, bounds) => of_bounds(bounds),
            _ => None,
        };
        let for_caller = |ty: &Ty| self.for_caller((entry, sig), ty, self_ty, turbofish, args);
        given
            .iter()
            .flat_map(|tys| tys.iter())
            .map(for_caller)
            .collect()
    }

    /// What a type in the signature of a function is to a caller.
    fn for_caller(
        &self,
        (entry, sig): (&FnEntry, &Sig),
        ty: &Ty,
        self_ty: Option<&Ty>,
        turbofish: &[Ty],
        args: &[&Ty],
    ) -> Ty {
        if is_closed(ty) {
            // As most are.
            return ty.clone();
        }
        let is_param = |n: &str| n == "Self" || self.is_param(&entry.scope, n);
        let mut bindings = Bindings::new();
        let own_self = entry.scope.self_ty.as_ref();
        if let (Some(pattern), Some(own)) = (own_self, self_ty) {
            unify(pattern, own, &is_param, &mut bindings);
        }
        for (param, given) in entry.def.generics.params.iter().zip(turbofish) {
            if *given != Ty::Unknown {
                bindings.push((param.name.clone(), given.clone()));
            }
        }
        for (pattern, arg) in sig.params.iter().zip(args) {
            unify(pattern, arg, &is_param, &mut bindings);
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
