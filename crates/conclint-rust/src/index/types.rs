//! Types as written to types as meant.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use smol_str::SmolStr;

use super::defs::{Def, Ns};
use super::names::{Found, Reading, Segments};
use super::subst::{Bindings, lookup, subst, unify};
use super::{AliasId, Bound, ImplId, Index, Scope, TraitId, TraitRef, Ty, TypeId, Tys, ext};
use crate::hir;

/// Nesting of a type as written.
const MAX_DEPTH: u32 = 64;
/// Types looked at for one type as written.
const MAX_STEPS: u32 = 4096;

/// Ends every resolution, whatever the input.
#[derive(Default)]
pub(super) struct Budget {
    depth: Cell<u32>,
    steps: Cell<u32>,
    /// Aliases being expanded.
    aliases: RefCell<Vec<AliasId>>,
}

impl Budget {
    fn enter(&self) -> bool {
        if self.depth.get() >= MAX_DEPTH || self.steps.get() >= MAX_STEPS {
            return false;
        }
        self.depth.set(self.depth.get() + 1);
        self.steps.set(self.steps.get() + 1);
        true
    }

    fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }
}

impl Index {
    /// What a type as written means in a scope; aliases are expanded.
    pub fn resolve_type(&self, scope: &Scope, ty: &hir::Ty) -> Ty {
        self.ty(scope, ty, &Budget::default())
    }

    pub(super) fn ty(&self, scope: &Scope, ty: &hir::Ty, b: &Budget) -> Ty {
        if !b.enter() {
            return Ty::Unknown;
        }
        let found = match ty {
            hir::Ty::Path(path) => self.path_ty(scope, path, b),
            hir::Ty::Ref { mutable, inner } => {
                Ty::Ref(*mutable, Arc::new(self.ty(scope, inner, b)))
            }
            hir::Ty::Ptr(inner) => Ty::Ptr(Arc::new(self.ty(scope, inner, b))),
            hir::Ty::Slice(inner) | hir::Ty::Array(inner) => {
                Ty::Slice(Arc::new(self.ty(scope, inner, b)))
            }
            hir::Ty::Tuple(parts) => Ty::Tuple(self.tys(scope, parts, b)),
            hir::Ty::Fn { params, ret } => self.fn_ty(scope, params, ret.as_deref(), b),
            hir::Ty::Impl(bounds) => self.bounded(scope, false, bounds, b),
            hir::Ty::Dyn(bounds) => self.bounded(scope, true, bounds, b),
            hir::Ty::Never => Ty::Never,
            hir::Ty::Infer => Ty::Unknown,
        };
        b.leave();
        found
    }

    fn tys(&self, scope: &Scope, tys: &[hir::Ty], b: &Budget) -> Tys {
        tys.iter().map(|t| self.ty(scope, t, b)).collect()
    }

    fn fn_ty(&self, scope: &Scope, params: &[hir::Ty], ret: Option<&hir::Ty>, b: &Budget) -> Ty {
        let ret = ret.map_or_else(Ty::unit, |r| self.ty(scope, r, b));
        Ty::Fn(self.tys(scope, params, b), Arc::new(ret))
    }

    fn bounded(&self, scope: &Scope, is_dyn: bool, bounds: &[hir::Bound], b: &Budget) -> Ty {
        let call = bounds.iter().find_map(|p| p.segments.last()?.fn_args());
        if let Some((params, ret)) = call {
            return self.fn_ty(scope, params, ret.as_deref(), b);
        }
        let found: Arc<[Bound]> = bounds
            .iter()
            .filter_map(|p| self.bound(scope, p, b))
            .collect();
        if found.is_empty() {
            Ty::Unknown
        } else {
            Ty::Bounded(is_dyn, found)
        }
    }

    /// A trait bound; `None` where the path is no trait.
    pub(super) fn bound(&self, scope: &Scope, path: &hir::Path, b: &Budget) -> Option<Bound> {
        let trait_ = self.trait_ref(scope, path)?;
        let last = path.segments.last()?;
        if !b.enter() {
            return None;
        }
        let mut assoc: Vec<(SmolStr, Ty)> = last
            .assoc()
            .iter()
            .map(|(n, t)| (n.clone(), self.ty(scope, t, b)))
            .collect();
        let args = match last.fn_args() {
            Some((params, ret)) => {
                let ret = ret
                    .as_deref()
                    .map_or_else(Ty::unit, |r| self.ty(scope, r, b));
                assoc.push((SmolStr::new_static("Output"), ret));
                self.tys(scope, params, b)
            }
            None => self.tys(scope, last.args(), b),
        };
        b.leave();
        Some(Bound {
            trait_,
            args,
            assoc,
        })
    }

    pub(super) fn trait_ref(&self, scope: &Scope, path: &hir::Path) -> Option<TraitRef> {
        let found = self.walk_path(scope, &path.segments, path.global, Ns::Type);
        if found.used < path.segments.len() {
            return None;
        }
        found.defs.into_iter().find_map(|def| match def {
            Def::Trait(t) => Some(TraitRef::Here(t)),
            Def::Ext(p) => Some(TraitRef::Ext(p)),
            _ => None,
        })
    }

    /// As `walk`; without a manifest, `name::..` of nothing known is taken for
    /// an external crate.
    pub(super) fn walk_path(
        &self,
        scope: &Scope,
        segs: &[hir::Segment],
        global: bool,
        ns: Ns,
    ) -> Found {
        let found = self.walk(
            scope.module,
            segs,
            Reading {
                ns,
                global,
                import: false,
            },
        );
        let first = segs.name(0);
        if found.used > 0
            || segs.len() < 2
            || !first.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        {
            return found;
        }
        let krate = self
            .modules
            .get(scope.module.index())
            .and_then(|m| self.crates.get(m.krate.index()));
        if krate.is_none_or(|c| c.has_manifest) || matches!(first, "crate" | "self" | "super") {
            return found;
        }
        let path = segs
            .iter()
            .map(|s| s.name.as_str())
            .collect::<Vec<_>>()
            .join("::");
        Found {
            defs: [Def::Ext(ext::canonical(path.into()))].into(),
            used: segs.len(),
        }
    }

    /// Whether a name is a type parameter of the scope.
    pub(super) fn is_param(&self, scope: &Scope, name: &str) -> bool {
        scope
            .generics
            .iter()
            .any(|g| g.params.iter().any(|p| p.name == name))
    }

    fn path_ty(&self, scope: &Scope, path: &hir::Path, b: &Budget) -> Ty {
        let (base, used) = self.base_ty(scope, path, b);
        let mut ty = base;
        for (i, seg) in path.segments.iter().enumerate().skip(used) {
            let trait_ = match (&path.qself, i == usize::from(path.qself_position) && i > 0) {
                (Some(_), true) => self.trait_of_qself(scope, path),
                _ => None,
            };
            ty = self.project(scope, &ty, trait_.as_ref(), &seg.name, b);
        }
        ty
    }

    /// The trait of `<T as Trait>::x`.
    pub(super) fn trait_of_qself(&self, scope: &Scope, path: &hir::Path) -> Option<TraitRef> {
        let segments = path
            .segments
            .get(..usize::from(path.qself_position))?
            .into();
        self.trait_ref(
            scope,
            &hir::Path {
                segments,
                global: path.global,
                ..hir::Path::default()
            },
        )
    }

    /// The type that the first segments name, and how many those are.
    fn base_ty(&self, scope: &Scope, path: &hir::Path, b: &Budget) -> (Ty, usize) {
        if let Some(qself) = &path.qself {
            return (self.ty(scope, qself, b), usize::from(path.qself_position));
        }
        let Some(first) = path.segments.first() else {
            return (Ty::Unknown, 0);
        };
        if !path.global {
            if first.name == "Self" {
                return (scope.self_ty.clone().unwrap_or(Ty::Unknown), 1);
            }
            if self.is_param(scope, &first.name) {
                return (Ty::Param(first.name.clone()), 1);
            }
        }
        self.named_ty(scope, &path.segments, path.global, b)
    }

    /// The type that the first segments name as a path.
    pub(super) fn named_ty(
        &self,
        scope: &Scope,
        segs: &[hir::Segment],
        global: bool,
        b: &Budget,
    ) -> (Ty, usize) {
        let found = self.walk_path(scope, segs, global, Ns::Type);
        let Some(last) = found.used.checked_sub(1).and_then(|i| segs.get(i)) else {
            return (Ty::Unknown, segs.len());
        };
        let ty = match found.defs.first() {
            Some(def) => self.def_ty(scope, def, last, b),
            None => Ty::Unknown,
        };
        let used = if ty == Ty::Unknown {
            segs.len()
        } else {
            found.used
        };
        (ty, used)
    }

    /// The type that a definition with arguments is.
    pub(super) fn def_ty(&self, scope: &Scope, def: &Def, seg: &hir::Segment, b: &Budget) -> Ty {
        match def {
            Def::Type(t) => Ty::Adt(*t, self.adt_args(scope, *t, seg.args(), b)),
            Def::Alias(a) => self.alias(scope, *a, seg.args(), b),
            Def::Trait(t) => {
                // `Box<Trait>` of old.
                let args = self.tys(scope, seg.args(), b);
                let bound = Bound {
                    trait_: TraitRef::Here(*t),
                    args,
                    assoc: Vec::new(),
                };
                Ty::Bounded(true, Arc::new([bound]))
            }
            Def::Ext(path) => match seg.fn_args() {
                Some((params, ret)) => self.fn_ty(scope, params, ret.as_deref(), b),
                None => Ty::Ext(ext::as_type(path), self.tys(scope, seg.args(), b)),
            },
            _ => Ty::Unknown,
        }
    }

    /// All of a type's arguments: as written, else the defaults, else unknown.
    fn adt_args(&self, scope: &Scope, t: TypeId, written: &[hir::Ty], b: &Budget) -> Tys {
        let Some(def) = self.types.get(t.index()) else {
            return Tys::default();
        };
        if def.generics.params.is_empty() {
            return Tys::default();
        }
        let own = Scope {
            module: def.module,
            generics: vec![def.generics.clone()],
            self_ty: None,
        };
        self.all_args(scope, &own, &def.generics, written, b)
            .into_iter()
            .map(|(_, ty)| ty)
            .collect()
    }

    fn all_args(
        &self,
        scope: &Scope,
        own: &Scope,
        generics: &hir::Generics,
        written: &[hir::Ty],
        b: &Budget,
    ) -> Bindings {
        let mut bound: Bindings = Vec::with_capacity(generics.params.len());
        for (i, param) in generics.params.iter().enumerate() {
            let ty = match (written.get(i), &param.default) {
                (Some(ty), _) => self.ty(scope, ty, b),
                (None, Some(default)) => subst(&self.ty(own, default, b), &|n| lookup(&bound, n)),
                (None, None) => Ty::Unknown,
            };
            bound.push((param.name.clone(), ty));
        }
        bound
    }

    fn alias(&self, scope: &Scope, id: AliasId, written: &[hir::Ty], b: &Budget) -> Ty {
        let Some(def) = self.aliases.get(id.index()) else {
            return Ty::Unknown;
        };
        let own = Scope {
            module: def.module,
            generics: vec![def.generics.clone()],
            self_ty: None,
        };
        let plain = match def.ty.get() {
            Some(ty) => ty.clone(),
            None => {
                // Only while the index is built.
                if b.aliases.borrow().contains(&id) {
                    return Ty::Unknown;
                }
                b.aliases.borrow_mut().push(id);
                let ty = def
                    .hir_ty
                    .as_ref()
                    .map_or(Ty::Unknown, |t| self.ty(&own, t, b));
                b.aliases.borrow_mut().pop();
                ty
            }
        };
        if def.generics.params.is_empty() {
            return plain;
        }
        let args = self.all_args(scope, &own, &def.generics, written, b);
        subst(&plain, &|n| lookup(&args, n))
    }

    /// `T::Name`, `<T as Trait>::Name`.
    pub(super) fn project(
        &self,
        scope: &Scope,
        ty: &Ty,
        trait_: Option<&TraitRef>,
        name: &str,
        b: &Budget,
    ) -> Ty {
        if !b.enter() {
            return Ty::Unknown;
        }
        let found = match ty {
            Ty::Param(param) => {
                let bounds = self.bounds_in(scope, param, b);
                self.assoc_of_bounds(&bounds, trait_, name, b)
            }
            Ty::Bounded(_, bounds) => self.assoc_of_bounds(bounds, trait_, name, b),
            Ty::Unknown | Ty::Never => Ty::Unknown,
            Ty::Ext(_, args) if name == "Target" && args.len() == 1 => {
                args.first().cloned().unwrap_or(Ty::Unknown)
            }
            _ => self
                .impl_assoc(Some(scope), ty, trait_, name, b)
                .unwrap_or(Ty::Unknown),
        };
        b.leave();
        found
    }

    /// What a bound says that `Name` is, else what its trait asks of it.
    fn assoc_of_bounds(
        &self,
        bounds: &[Bound],
        trait_: Option<&TraitRef>,
        name: &str,
        b: &Budget,
    ) -> Ty {
        let of_trait = |bound: &Bound| match &bound.trait_ {
            TraitRef::Here(id) if trait_.is_none_or(|t| *t == bound.trait_) => {
                self.declared_assoc(*id, &bound.args, name, b)
            }
            _ => None,
        };
        bounds
            .iter()
            .find_map(|bound| assoc_of(bound, trait_, name))
            .or_else(|| bounds.iter().find_map(of_trait))
            .unwrap_or(Ty::Unknown)
    }

    /// `type Name: Bound;` of a trait, or of one above it: whatever implements
    /// the bounds.
    fn declared_assoc(&self, id: TraitId, args: &[Ty], name: &str, b: &Budget) -> Option<Ty> {
        let entry = self.traits.get(id.index())?;
        if !b.enter() {
            return None;
        }
        let found = match entry.hir_assoc.iter().find(|(n, _)| n == name) {
            Some((_, bounds)) => {
                let scope = Scope {
                    module: entry.module,
                    generics: entry.generics.clone(),
                    self_ty: Some(Ty::Param(SmolStr::new_static("Self"))),
                };
                let own = entry.generics.get(1).map_or(&[][..], |g| &g.params);
                let given = |n: &str| {
                    own.iter()
                        .position(|p| p.name == n)
                        .and_then(|i| args.get(i))
                };
                let is_own = |n: &str| n == "Self" || own.iter().any(|p| p.name == n);
                Some(subst(&self.bounded(&scope, false, bounds, b), &|n| {
                    is_own(n).then(|| given(n).cloned().unwrap_or(Ty::Unknown))
                }))
            }
            None => entry.supers.iter().find_map(|bound| match &bound.trait_ {
                TraitRef::Here(above) => self.declared_assoc(*above, &bound.args, name, b),
                TraitRef::Ext(_) => None,
            }),
        };
        b.leave();
        found
    }

    /// `type Name = ..` of the impls for a type: that of the impl one stands
    /// in, else the only one.
    pub(super) fn impl_assoc(
        &self,
        scope: Option<&Scope>,
        ty: &Ty,
        trait_: Option<&TraitRef>,
        name: &str,
        b: &Budget,
    ) -> Option<Ty> {
        let here = scope.and_then(|s| s.generics.first());
        let mut found: Option<Ty> = None;
        for &id in self.impls_for(ty) {
            let entry = self.impls.get(id.index())?;
            let Some((_, hir)) = entry.assoc.iter().find(|(n, _)| n == name) else {
                continue;
            };
            if trait_.is_some() && entry.trait_ref.as_ref() != trait_ {
                continue;
            }
            let Some(bindings) = self.bind_impl(id, ty) else {
                continue;
            };
            let is_here = here.is_some_and(|g| Arc::ptr_eq(g, &entry.generics));
            let resolved = subst(&self.ty(&entry.scope(), hir, b), &|n| lookup(&bindings, n));
            if is_here {
                return Some(resolved);
            }
            found = match found {
                Some(other) if other != resolved => Some(Ty::Unknown),
                _ => Some(resolved),
            };
        }
        found
    }

    /// What an impl's parameters are for a type; `None` where it is not for it.
    pub(super) fn bind_impl(&self, id: ImplId, ty: &Ty) -> Option<Bindings> {
        let entry = self.impls.get(id.index())?;
        let mut out = Bindings::new();
        let is_param = |n: &str| entry.generics.params.iter().any(|p| p.name == n);
        unify(&entry.self_ty, ty, &is_param, &mut out).then_some(out)
    }

    /// All that is known of a type parameter: bounds where it is declared and
    /// in `where` clauses.
    pub fn bounds(&self, scope: &Scope, param: &str) -> Vec<Bound> {
        self.bounds_in(scope, param, &Budget::default())
    }

    fn bounds_in(&self, scope: &Scope, param: &str, b: &Budget) -> Vec<Bound> {
        let mut found = Vec::new();
        for generics in &scope.generics {
            let declared = generics
                .params
                .iter()
                .filter(|p| p.name == param)
                .map(|p| &p.bounds);
            let wheres = generics.wheres.iter().filter_map(|(ty, bounds)| match ty {
                hir::Ty::Path(path) if path.as_name().is_some_and(|n| n == param) => Some(bounds),
                _ => None,
            });
            for path in declared.chain(wheres).flatten() {
                found.extend(self.bound(scope, path, b));
            }
        }
        found
    }
}

fn assoc_of(bound: &Bound, trait_: Option<&TraitRef>, name: &str) -> Option<Ty> {
    if trait_.is_some_and(|t| *t != bound.trait_) {
        return None;
    }
    bound
        .assoc
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, ty)| ty.clone())
}

impl Budget {
    /// For the expansion of one alias: cycles back to it read as unknown.
    pub(super) fn of_alias(id: AliasId) -> Self {
        Budget {
            aliases: RefCell::new(vec![id]),
            ..Budget::default()
        }
    }
}
