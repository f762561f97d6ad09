//! Paths in expressions and patterns.

use smol_str::{SmolStr, format_smolstr};

use super::defs::{Def, Ns};
use super::types::Budget;
use super::{FnIdx, How, Index, MethodRes, Scope, TraitRef, Ty, TypeId, ValueRes, ext};
use crate::hir;
use crate::table::function_effect;

impl Index {
    /// What a path in an expression names; local variables come before.
    pub fn resolve_value(&self, scope: &Scope, path: &hir::Path) -> ValueRes {
        let b = Budget::default();
        if path.qself.is_some() {
            return self.qualified_value(scope, path, &b);
        }
        let Some((first, rest)) = path.segments.split_first() else {
            return ValueRes::Unknown;
        };
        if !path.global {
            let base = if first.name == "Self" {
                Some(scope.self_ty.clone().unwrap_or(Ty::Unknown))
            } else if !rest.is_empty() && self.is_param(scope, &first.name) {
                Some(Ty::Param(first.name.clone()))
            } else {
                None
            };
            if let Some(base) = base {
                return self.member_value(scope, base, rest, &b);
            }
        }
        let found = self.walk_path(scope, &path.segments, path.global, Ns::Value);
        if found.used == path.segments.len() {
            return self.def_value(scope, &found.defs, path, &b);
        }
        let Some(seg) = found.used.checked_sub(1).and_then(|i| path.segments.get(i)) else {
            return ValueRes::Unknown;
        };
        let Some(rest) = path.segments.get(found.used..) else {
            return ValueRes::Unknown;
        };
        for def in &found.defs {
            if let (Def::Trait(t), [only]) = (def, rest) {
                if let Some(fns) = self.all_of_trait(*t, &only.name) {
                    let self_ty = Ty::Unknown;
                    return ValueRes::Fns(MethodRes {
                        fns,
                        how: How::Trait,
                        self_ty,
                    });
                }
                continue;
            }
            let ty = self.def_ty(scope, def, seg, &b);
            if ty != Ty::Unknown {
                return self.member_value(scope, ty, rest, &b);
            }
        }
        ValueRes::Unknown
    }

    fn def_value(&self, scope: &Scope, defs: &[Def], path: &hir::Path, b: &Budget) -> ValueRes {
        let fns: Vec<FnIdx> = defs
            .iter()
            .filter_map(|d| if let Def::Fn(f) = d { Some(*f) } else { None })
            .collect();
        if !fns.is_empty() {
            return ValueRes::Fns(MethodRes {
                fns,
                how: How::Exact,
                self_ty: Ty::Unknown,
            });
        }
        match defs.first() {
            Some(Def::Static(id)) => ValueRes::Static(*id),
            Some(Def::Const(id)) => ValueRes::Const(
                self.consts
                    .get(id.index())
                    .map_or(Ty::Unknown, |c| c.ty.clone()),
            ),
            Some(Def::Variant(ty, i)) => ValueRes::Ctor {
                ty: *ty,
                variant: Some(*i),
            },
            Some(Def::Type(ty)) => self.ctor(*ty),
            Some(def @ Def::Alias(_)) => {
                let Some(seg) = path.segments.last() else {
                    return ValueRes::Unknown;
                };
                let ty = self.def_ty(scope, def, seg, b);
                self.member_value(scope, ty, &[], b)
            }
            Some(Def::Ext(whole)) => self.ext_value(scope, whole, path),
            _ => ValueRes::Unknown,
        }
    }

    fn ctor(&self, ty: TypeId) -> ValueRes {
        match self.types.get(ty.index()) {
            Some(def) if def.kind == super::TypeKind::Struct => {
                ValueRes::Ctor { ty, variant: None }
            }
            _ => ValueRes::Unknown,
        }
    }

    /// `path::Type::name` outside; a trait of the workspace may give the type
    /// a function of that name, where it has none of its own.
    fn ext_value(&self, scope: &Scope, whole: &SmolStr, path: &hir::Path) -> ValueRes {
        if let Some((ty, name)) = whole.rsplit_once("::")
            && self.by_method.contains_key(name)
            && function_effect(whole).is_none()
            && !(name == "new" && ty.starts_with("std::"))
        {
            let args = path
                .segments
                .iter()
                .rev()
                .nth(1)
                .map(|s| s.args())
                .unwrap_or_default();
            let args = args.iter().map(|t| self.resolve_type(scope, t)).collect();
            let self_ty = Ty::Ext(ext::as_type(&SmolStr::new(ty)), args);
            if let Some((fns, how)) = self.of_impls(&self_ty, name, None) {
                return ValueRes::Fns(MethodRes { fns, how, self_ty });
            }
        }
        ValueRes::Ext(whole.clone())
    }

    /// `Type::name`, `Type::Assoc::name`, or `Self` alone.
    fn member_value(&self, scope: &Scope, base: Ty, rest: &[hir::Segment], b: &Budget) -> ValueRes {
        let Some((last, before)) = rest.split_last() else {
            return match base {
                Ty::Adt(ty, _) => self.ctor(ty),
                Ty::Ext(path, _) => ValueRes::Ext(path),
                _ => ValueRes::Unknown,
            };
        };
        let mut ty = base;
        for (i, seg) in before.iter().enumerate() {
            let variant = match (&ty, i + 1 == before.len()) {
                (Ty::Adt(t, _), true) => self.variant_of(*t, &seg.name),
                _ => None,
            };
            if variant.is_some() {
                return ValueRes::Unknown;
            }
            ty = self.project(scope, &ty, None, &seg.name, b);
        }
        let name = last.name.as_str();
        if let Ty::Adt(t, _) = &ty
            && let Some(i) = self.variant_of(*t, name)
        {
            return ValueRes::Ctor {
                ty: *t,
                variant: Some(i),
            };
        }
        if let Some((fns, how)) = self.method_of(scope, &ty, name) {
            return ValueRes::Fns(MethodRes {
                fns,
                how,
                self_ty: ty,
            });
        }
        if let Some(ty) = self.assoc_const(&ty, name) {
            return ValueRes::Const(ty);
        }
        match &ty {
            Ty::Ext(path, _) => ValueRes::Ext(ext::join(path, name)),
            Ty::Param(param) => self.ext_bound_value(scope, param, name),
            _ => ValueRes::Unknown,
        }
    }

    /// `T::default` where the only bounds are external.
    fn ext_bound_value(&self, scope: &Scope, param: &str, name: &str) -> ValueRes {
        match &self.bounds(scope, param)[..] {
            [one] => match &one.trait_ {
                TraitRef::Ext(path) => ValueRes::Ext(format_smolstr!("{path}::{name}")),
                TraitRef::Here(_) => ValueRes::Unknown,
            },
            _ => ValueRes::Unknown,
        }
    }

    /// `<T>::name`, `<T as Trait>::name`.
    fn qualified_value(&self, scope: &Scope, path: &hir::Path, b: &Budget) -> ValueRes {
        let Some(qself) = &path.qself else {
            return ValueRes::Unknown;
        };
        let ty = self.ty(scope, qself, b);
        let Some(rest) = path.segments.get(usize::from(path.qself_position)..) else {
            return ValueRes::Unknown;
        };
        let trait_ = if path.qself_position > 0 {
            self.trait_of_qself(scope, path)
        } else {
            None
        };
        let ([only], Some(trait_)) = (rest, &trait_) else {
            return self.member_value(scope, ty, rest, b);
        };
        let self_ty = super::finish::strip(&ty).clone();
        if let Some((fns, how)) = self.of_impls(&self_ty, &only.name, Some(trait_)) {
            return ValueRes::Fns(MethodRes { fns, how, self_ty });
        }
        match trait_ {
            TraitRef::Here(t) => {
                let decl = self.traits.get(t.index()).and_then(|t| t.find(&only.name));
                let has_body = decl
                    .and_then(|f| self.fns.get(f.index()))
                    .is_some_and(|f| f.def.body.is_some());
                let exact =
                    decl.filter(|_| has_body && matches!(self_ty, Ty::Adt(..) | Ty::Ext(..)));
                match (exact, self.all_of_trait(*t, &only.name)) {
                    (Some(f), _) => ValueRes::Fns(MethodRes {
                        fns: vec![f],
                        how: How::Exact,
                        self_ty,
                    }),
                    (None, Some(fns)) => ValueRes::Fns(MethodRes {
                        fns,
                        how: How::Trait,
                        self_ty,
                    }),
                    (None, None) => ValueRes::Unknown,
                }
            }
            TraitRef::Ext(path) => ValueRes::Ext(format_smolstr!("{path}::{}", only.name)),
        }
    }
}
