//! Fields, methods, `Deref`, `Drop`: what belongs to a type.

use smol_str::SmolStr;

use crate::hir::{self, ExprKind};

use super::defs::{Head, HeadImplsRef};
use super::finish::strip;
use super::subst::{lookup, subst};
use super::types::Budget;
use super::{
    Bound, FieldInfo, FnIdx, How, ImplId, Index, MethodRes, Scope, TraitId, TraitRef, Ty, TypeId,
};

/// `Deref` impls that are followed from one type.
const MAX_DEREFS: usize = 8;
/// Supertraits and blanket bounds that are followed.
const MAX_TRAITS: usize = 32;

impl Index {
    fn at_head(&self, ty: &Ty) -> HeadImplsRef<'_> {
        self.by_head.get(&Head::of(ty)?)
    }

    /// The impls for a type, those for a parameter apart.
    pub(super) fn impls_for(&self, ty: &Ty) -> &[ImplId] {
        self.at_head(ty).map_or(&[], |h| &h.impls)
    }

    /// A field by name, without any dereferencing.
    pub fn field(&self, ty: &Ty, name: &str) -> Option<FieldInfo> {
        let Ty::Adt(id, args) = strip(ty) else {
            return None;
        };
        let mut at = Some(*id);
        for _ in 0..MAX_TRAITS {
            let owner = at?;
            let def = self.types.get(owner.index())?;
            if def.kind == super::TypeKind::Struct
                && let Some(ty) = self.variant_field(owner, 0, name)
            {
                return Some(FieldInfo {
                    owner,
                    ty: self.put_args(owner, args, &ty),
                });
            }
            at = def.twin;
        }
        None
    }

    /// The field is an array, or a reference to one: its length is part of its type.
    pub fn is_array_field(&self, owner: TypeId, name: &str) -> bool {
        let variant = self
            .types
            .get(owner.index())
            .and_then(|def| def.variants.first());
        let field = variant.and_then(|variant| variant.fields.iter().find(|f| f.name == name));
        field.is_some_and(|field| field.hir.is_array())
    }

    /// The type of a variant's field, its owner's parameters as they are.
    pub fn variant_field(&self, ty: TypeId, variant: u32, name: &str) -> Option<Ty> {
        let def = self.types.get(ty.index())?;
        let field = def
            .variants
            .get(variant as usize)?
            .fields
            .iter()
            .find(|f| f.name == name)?;
        Some(
            field
                .ty
                .get_or_init(|| self.resolve_type(&self.type_scope(ty), &field.hir))
                .clone(),
        )
    }

    /// The scope of a type's declaration.
    pub fn type_scope(&self, ty: TypeId) -> Scope {
        let def = self.type_def(ty);
        let args = def
            .generics
            .params
            .iter()
            .map(|p| Ty::Param(p.name.clone()))
            .collect();
        Scope {
            module: def.module,
            generics: vec![def.generics.clone()],
            self_ty: Some(Ty::Adt(ty, args)),
        }
    }

    fn put_args(&self, owner: TypeId, args: &[Ty], ty: &Ty) -> Ty {
        let params = self
            .types
            .get(owner.index())
            .map(|d| &d.generics.params[..])
            .unwrap_or_default();
        if params.is_empty() {
            return ty.clone();
        }
        subst(ty, &|name| {
            let i = params.iter().position(|p| p.name == name)?;
            Some(args.get(i).cloned().unwrap_or(Ty::Unknown))
        })
    }

    /// A method by name: inherent, of the traits that the type implements, of
    /// the bounds of a parameter; through `Deref` impls of the workspace.
    pub fn method(&self, scope: &Scope, ty: &Ty, name: &str) -> Option<MethodRes> {
        if !self.by_method.contains_key(name) {
            return None;
        }
        let mut ty = strip(ty).clone();
        for _ in 0..MAX_DEREFS {
            if let Some((mut fns, how)) = self.method_of(scope, &ty, name)
                && self.keep_methods(&mut fns)
            {
                return Some(MethodRes {
                    fns,
                    how,
                    self_ty: ty,
                });
            }
            ty = strip(&self.deref_target(&ty)?).clone();
        }
        None
    }

    /// A method that a trait of this name gives to the very type, without any
    /// dereferencing: what an operator calls.
    pub fn method_of_trait(&self, ty: &Ty, trait_name: &str, name: &str) -> Option<MethodRes> {
        let ty = strip(ty);
        let all = self.at_head(ty)?.methods.get(name)?;
        let fits = |f: &&FnIdx| {
            let imp = self.fns.get(f.index()).and_then(|f| f.impl_);
            imp.is_some_and(|id| {
                let of = self
                    .impls
                    .get(id.index())
                    .and_then(|i| i.trait_ref.as_ref());
                of.is_some_and(|of| self.trait_name(of) == trait_name)
                    && self.bind_impl(id, ty).is_some()
            })
        };
        let (fns, how) = self.with_how(all.iter().filter(fits).copied().collect())?;
        Some(MethodRes {
            fns,
            how,
            self_ty: ty.clone(),
        })
    }

    /// Leaves those that take `self`; whether there are any.
    fn keep_methods(&self, fns: &mut Vec<FnIdx>) -> bool {
        fns.retain(|f| self.fns.get(f.index()).is_some_and(|f| f.def.has_self));
        !fns.is_empty()
    }

    /// A method that the workspace gives to a type of others, by an extension
    /// trait, without any dereferencing.
    pub fn extension_method(&self, scope: &Scope, ty: &Ty, name: &str) -> Option<MethodRes> {
        if !self.by_method.contains_key(name) {
            return None;
        }
        let (mut fns, how) = self.method_of(scope, ty, name)?;
        self.keep_methods(&mut fns).then(|| MethodRes {
            fns,
            how,
            self_ty: ty.clone(),
        })
    }

    /// A method that a trait of the workspace gives to one type of others, such
    /// as `Arc<RwLock<Node>>`, without any dereferencing. What an impl does for
    /// any `Arc<T>` is mostly to pass the call on: not asked.
    pub fn method_of_one_type(&self, ty: &Ty, name: &str) -> Option<MethodRes> {
        if !self.by_method.contains_key(name) || self.at_head(ty).is_none() {
            return None;
        }
        let is_open = |arg: &Ty| matches!(arg, Ty::Param(_) | Ty::Unknown);
        let is_one = |ty: &Ty| !matches!(ty, Ty::Ext(_, args) if args.iter().any(is_open));
        let for_one = |id: ImplId| {
            let imp = self.impls.get(id.index());
            imp.is_some_and(|imp| is_one(strip(&imp.self_ty)))
        };
        if !is_one(ty) {
            return None;
        }
        let own = self.of_impls(ty, name, None).map(|(mut fns, how)| {
            let imp = |f: &FnIdx| self.fns.get(f.index()).and_then(|f| f.impl_);
            fns.retain(|f| imp(f).is_some_and(for_one));
            (fns, how)
        });
        let default = || {
            let traits = self.traits_by_method.get(name)?;
            let f = traits.iter().find_map(|&t| {
                let f = self.traits.get(t.index())?.find(name)?;
                for_one(self.impl_of_trait(ty, t)?).then_some(f)
            })?;
            Some((vec![f], How::Exact))
        };
        let (mut fns, how) = own.or_else(default)?;
        self.keep_methods(&mut fns).then(|| MethodRes {
            fns,
            how,
            self_ty: ty.clone(),
        })
    }

    /// A method without any dereferencing.
    pub(super) fn method_of(
        &self,
        scope: &Scope,
        ty: &Ty,
        name: &str,
    ) -> Option<(Vec<FnIdx>, How)> {
        match ty {
            Ty::Unknown | Ty::Never => None,
            Ty::Param(param) => self.of_bounds(&self.bounds(scope, param), name),
            Ty::Bounded(false, bounds) => self.of_bounds(bounds, name),
            Ty::Bounded(true, bounds) => self
                .of_impls(ty, name, None)
                .or_else(|| self.of_bounds(bounds, name)),
            _ => self
                .of_impls(ty, name, None)
                .or_else(|| self.of_traits(ty, name)),
        }
    }

    /// Methods of impl blocks; inherent ones first.
    pub(super) fn of_impls(
        &self,
        ty: &Ty,
        name: &str,
        only: Option<&TraitRef>,
    ) -> Option<(Vec<FnIdx>, How)> {
        let all = self.at_head(ty)?.methods.get(name)?;
        let matching = |inherent: bool| -> Vec<FnIdx> {
            let fits = |f: &&FnIdx| {
                let Some(id) = self.fns.get(f.index()).and_then(|f| f.impl_) else {
                    return false;
                };
                let Some(imp) = self.impls.get(id.index()) else {
                    return false;
                };
                imp.trait_ref.is_none() == inherent
                    && (only.is_none() || imp.trait_ref.as_ref() == only)
                    && self.bind_impl(id, ty).is_some()
            };
            all.iter().filter(fits).copied().collect()
        };
        let mut fns = if only.is_none() {
            matching(true)
        } else {
            Vec::new()
        };
        if fns.is_empty() {
            fns = matching(false);
        }
        self.with_how(fns)
    }

    /// Several functions of one key are `cfg` twins; of several keys, any of
    /// them can be meant.
    fn with_how(&self, fns: Vec<FnIdx>) -> Option<(Vec<FnIdx>, How)> {
        let key = |f: &FnIdx| self.fns.get(f.index()).map(|f| f.key.as_str());
        let first = key(fns.first()?);
        let how = if fns.iter().all(|f| key(f) == first) {
            How::Exact
        } else {
            How::Trait
        };
        Some((fns, how))
    }

    /// Default methods of implemented traits, then impls for a parameter.
    fn of_traits(&self, ty: &Ty, name: &str) -> Option<(Vec<FnIdx>, How)> {
        let at_head = self.at_head(ty);
        for &t in self.traits_by_method.get(name)? {
            let Some(f) = self.traits.get(t.index()).and_then(|t| t.find(name)) else {
                continue;
            };
            if at_head.is_some_and(|h| h.traits.contains(&t)) && self.impl_of_trait(ty, t).is_some()
            {
                return Some((vec![f], How::Exact));
            }
            if let Some(blanket) = self.blanket_for(ty, t, 0) {
                let own = self
                    .impls
                    .get(blanket.index())
                    .into_iter()
                    .flat_map(|i| &i.fns);
                let own = own
                    .copied()
                    .find(|f| self.fns.get(f.index()).is_some_and(|f| f.def.name == name));
                return Some((vec![own.unwrap_or(f)], How::Exact));
            }
        }
        None
    }

    fn impl_of_trait(&self, ty: &Ty, t: TraitId) -> Option<ImplId> {
        let is_for = |id: &&ImplId| {
            self.impls
                .get(id.index())
                .is_some_and(|i| i.trait_ref == Some(TraitRef::Here(t)))
                && self.bind_impl(**id, ty).is_some()
        };
        self.impls_for(ty).iter().find(is_for).copied()
    }

    fn blanket_for(&self, ty: &Ty, t: TraitId, depth: usize) -> Option<ImplId> {
        if depth > 4 {
            return None;
        }
        self.blanket.iter().copied().find(|id| {
            let Some(imp) = self.impls.get(id.index()) else {
                return false;
            };
            let Ty::Param(param) = strip(&imp.self_ty) else {
                return false;
            };
            imp.trait_ref == Some(TraitRef::Here(t))
                && self
                    .bounds(&imp.scope(), param)
                    .iter()
                    .all(|b| self.meets(ty, b, depth + 1))
        })
    }

    fn meets(&self, ty: &Ty, bound: &Bound, depth: usize) -> bool {
        match &bound.trait_ {
            TraitRef::Here(t) => {
                self.impl_of_trait(ty, *t).is_some() || self.blanket_for(ty, *t, depth).is_some()
            }
            TraitRef::Ext(path) => {
                let last = last_of(path);
                !matches!(ty, Ty::Adt(..)) || is_auto_or_derived(last) || self.implements(ty, last)
            }
        }
    }

    /// Whether there is an impl of a trait of that name for the type.
    pub fn implements(&self, ty: &Ty, trait_name: &str) -> bool {
        let ty = strip(ty);
        if let Ty::Bounded(_, bounds) = ty {
            return bounds
                .iter()
                .any(|b| self.trait_name(&b.trait_) == trait_name);
        }
        self.impls_for(ty).iter().any(|id| {
            let name = self
                .impls
                .get(id.index())
                .and_then(|i| Some(self.trait_name(i.trait_ref.as_ref()?)));
            name == Some(trait_name) && self.bind_impl(*id, ty).is_some()
        })
    }

    pub(super) fn trait_name<'a>(&'a self, t: &'a TraitRef) -> &'a str {
        match t {
            TraitRef::Here(t) => self.traits.get(t.index()).map_or("", |t| &t.name),
            TraitRef::Ext(path) => last_of(path),
        }
    }

    /// A method of the traits of bounds and of their supertraits: the default,
    /// then all impls; the bare declaration where there is nothing else.
    fn of_bounds(&self, bounds: &[Bound], name: &str) -> Option<(Vec<FnIdx>, How)> {
        let start = bounds.iter().rev().filter_map(here);
        let mut pending: Vec<(TraitId, TraitId)> = start.map(|t| (t, t)).collect();
        let mut seen = Vec::new();
        while let Some((t, bound)) = pending.pop() {
            if seen.contains(&t) || seen.len() > MAX_TRAITS {
                continue;
            }
            seen.push(t);
            if let Some(mut found) = self.all_of_trait(t, name) {
                if t != bound {
                    self.keep_implementors(&mut found, bound);
                }
                return Some((found, How::Trait));
            }
            let supers = self
                .traits
                .get(t.index())
                .map(|t| &t.supers[..])
                .unwrap_or_default();
            pending.extend(supers.iter().rev().filter_map(here).map(|t| (t, bound)));
        }
        None
    }

    /// Of methods of a supertrait, those of types that implement `bound`, too:
    /// no other type can be behind it. All, where one of its impls is for any type.
    fn keep_implementors(&self, fns: &mut Vec<FnIdx>, bound: TraitId) {
        let heads: Option<Vec<Head>> = self
            .impls_by_trait
            .get(&bound)
            .into_iter()
            .flatten()
            .filter_map(|id| self.impls.get(id.index()))
            .map(|imp| Head::of(&imp.self_ty))
            .collect();
        let Some(heads) = heads.filter(|heads| !heads.is_empty()) else {
            return;
        };
        let fits = |id: &FnIdx| {
            let of = self.fns.get(id.index()).and_then(|f| f.impl_);
            let head = of.and_then(|id| Head::of(&self.impls.get(id.index())?.self_ty));
            head.is_none_or(|head| heads.contains(&head))
        };
        let kept: Vec<FnIdx> = fns.iter().copied().filter(fits).collect();
        if !kept.is_empty() {
            *fns = kept;
        }
    }

    /// A trait's method with all its implementations.
    pub(super) fn all_of_trait(&self, t: TraitId, name: &str) -> Option<Vec<FnIdx>> {
        let decl = self.traits.get(t.index())?.find(name)?;
        let mut fns = Vec::new();
        if self
            .fns
            .get(decl.index())
            .is_some_and(|f| f.def.body.is_some())
        {
            fns.push(decl);
        }
        for id in self.impls_by_trait.get(&t).into_iter().flatten() {
            let own = self
                .impls
                .get(id.index())
                .into_iter()
                .flat_map(|i| i.fns.iter().copied());
            fns.extend(own.filter(|f| self.fns.get(f.index()).is_some_and(|f| f.def.name == name)));
        }
        if fns.is_empty() {
            fns.push(decl);
        }
        Some(fns)
    }

    /// The target of a `Deref` impl of the workspace.
    pub fn deref_target(&self, ty: &Ty) -> Option<Ty> {
        let ty = strip(ty);
        let is_deref = |t: &TraitRef| self.trait_name(t) == "Deref";
        if let Ty::Bounded(_, bounds) = ty {
            let bound = bounds.iter().find(|b| is_deref(&b.trait_))?;
            return bound
                .assoc
                .iter()
                .find(|(n, _)| n == "Target")
                .map(|(_, t)| t.clone());
        }
        for &id in &self.at_head(ty)?.derefs {
            let imp = self.impls.get(id.index())?;
            let Some(bindings) = self.bind_impl(id, ty) else {
                continue;
            };
            let (_, hir) = imp.assoc.iter().find(|(n, _)| n == "Target")?;
            return Some(subst(
                &self.ty(&imp.scope(), hir, &Budget::default()),
                &|n| lookup(&bindings, n),
            ));
        }
        None
    }

    /// The field that the `Deref` impl of a type hands out:
    /// `fn deref(&self) -> &Target { &self.0 }`.
    pub fn deref_field(&self, ty: &Ty) -> Option<&SmolStr> {
        let imp = self.impls.get(self.at_head(ty)?.derefs.first()?.index())?;
        let fns = imp.fns.iter().filter_map(|f| self.fns.get(f.index()));
        let deref = fns.map(|f| &f.def).find(|def| def.name == "deref")?;
        let body = deref.body.as_ref()?;
        match (&body.stmts[..], &body.tail) {
            ([], Some(tail)) => field_of_self(tail),
            _ => None,
        }
    }

    /// Whether a type can be copied, by a derive or an impl of `Clone`.
    pub fn is_clone(&self, t: TypeId) -> bool {
        let derived = self.types.get(t.index()).is_some_and(|def| def.is_clone);
        derived
            || self
                .impls_for(&Ty::Adt(t, super::Tys::default()))
                .iter()
                .any(|imp| {
                    let imp = self.impls.get(imp.index());
                    imp.and_then(|imp| imp.trait_ref.as_ref())
                        .is_some_and(|of| self.trait_name(of) == "Clone")
                })
    }

    /// The `Drop` impl of a type.
    pub fn drop_fn(&self, t: TypeId) -> Option<FnIdx> {
        let at = self.by_head.get(&Head::Adt(t))?;
        at.methods.get("drop")?.iter().copied().find(|f| {
            let imp = self
                .fns
                .get(f.index())
                .and_then(|f| self.impls.get(f.impl_?.index()));
            imp.and_then(|i| i.trait_ref.as_ref())
                .is_some_and(|t| self.trait_name(t) == "Drop")
        })
    }

    /// A constant of an impl.
    pub(super) fn assoc_const(&self, ty: &Ty, name: &str) -> Option<Ty> {
        for &id in self.impls_for(ty) {
            let imp = self.impls.get(id.index())?;
            let Some((_, c)) = imp.consts.iter().find(|(n, _)| n == name) else {
                continue;
            };
            let Some(bindings) = self.bind_impl(id, ty) else {
                continue;
            };
            return Some(subst(&self.consts.get(c.index())?.ty, &|n| {
                lookup(&bindings, n)
            }));
        }
        None
    }
}

fn here(bound: &Bound) -> Option<TraitId> {
    match bound.trait_ {
        TraitRef::Here(t) => Some(t),
        TraitRef::Ext(_) => None,
    }
}

/// The name of `&self.name`, `&*self.name`, `self.name.deref()`.
fn field_of_self(expr: &hir::Expr) -> Option<&SmolStr> {
    match &expr.kind {
        ExprKind::Ref { expr, .. }
        | ExprKind::Unary {
            op: hir::UnOp::Deref,
            expr,
        }
        | ExprKind::Return(Some(expr)) => field_of_self(expr),
        ExprKind::MethodCall {
            receiver,
            name,
            args,
            ..
        } if args.is_empty() && matches!(name.as_str(), "deref" | "as_ref" | "borrow") => {
            field_of_self(receiver)
        }
        ExprKind::Field { base, name, .. } => match &base.kind {
            ExprKind::Path(path) => path.as_name().filter(|of| *of == "self").map(|_| name),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn last_of(path: &SmolStr) -> &str {
    super::last_segment(path)
}

/// Traits that a type can have without an impl that is seen.
fn is_auto_or_derived(name: &str) -> bool {
    matches!(
        name,
        "Send"
            | "Sync"
            | "Sized"
            | "Unpin"
            | "Any"
            | "UnwindSafe"
            | "RefUnwindSafe"
            | "Clone"
            | "Copy"
            | "Debug"
            | "Default"
            | "PartialEq"
            | "Eq"
            | "PartialOrd"
            | "Ord"
            | "Hash"
            | "ToOwned"
            | "Borrow"
            | "Into"
            | "ToString"
            | "Serialize"
            | "Deserialize"
            | "DeserializeOwned"
    )
}
