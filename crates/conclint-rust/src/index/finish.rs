//! From collected items to an index that answers: imports, aliases, impls,
//! keys, what is public and what is a test.

use std::sync::{Arc, OnceLock};

use conclint_facts::never_built;
use rayon::prelude::*;
use smol_str::SmolStr;

use super::collect::{self, short};
use super::defs::{ConstDef, Def, Head, ImplEntry};
use super::subst::{is_small, is_whole};
use super::types::Budget;
use super::{AliasId, FnIdx, ImplId, Index, ModId, TraitId, TraitRef, Ty, TypeId, Tys};
use crate::hir::{self, Vis};
use crate::workspace::Workspace;

/// Length of a module's path; modules below keep that of their parent.
const MAX_PATH: usize = 1000;
/// Predicates kept of those around a module.
const MAX_CFGS: usize = 64;

/// Where a function stands.
struct Placed {
    /// The module that it is declared in.
    around: ModId,
    key: String,
    trait_path: Option<SmolStr>,
}

/// What an impl is of.
struct Resolved {
    self_ty: Ty,
    trait_ref: Option<TraitRef>,
    trait_args: Tys,
}

impl Index {
    /// Takes in all items of a workspace.
    pub fn build(ws: &Workspace) -> Self {
        let mut ix = collect::collect(ws);
        ix.finish_modules();
        ix.splice_included();
        ix.import_all();
        ix.resolve_aliases(false);
        ix.resolve_impls();
        ix.resolve_aliases(true);
        ix.mark_public();
        ix.finish_types();
        ix.finish_fns();
        ix.finish_values();
        ix
    }

    /// Hands `cfg`s, test marks and paths down the module tree.
    fn finish_modules(&mut self) {
        let mut done = vec![false; self.modules.len()];
        for start in 0..self.modules.len() {
            // Up to the first finished one, then down again.
            let mut chain = Vec::new();
            let mut at = Some(ModId(start as u32));
            while let Some(m) = at.filter(|m| done.get(m.index()) == Some(&false)) {
                if let Some(mark) = done.get_mut(m.index()) {
                    *mark = true;
                }
                chain.push(m);
                at = self.modules.get(m.index()).and_then(|m| m.parent);
            }
            for m in chain.into_iter().rev() {
                self.finish_module(m);
            }
        }
    }

    fn finish_module(&mut self, m: ModId) {
        let Some(module) = self.modules.get(m.index()) else {
            return;
        };
        let parent = module.parent.and_then(|p| self.modules.get(p.index()));
        let shared = parent.is_some_and(|parent| parent.shared);
        let (path, mut cfgs, is_test) = match parent {
            Some(parent) if module.included => {
                (parent.path.clone(), parent.cfgs.clone(), parent.is_test)
            }
            Some(parent) => (
                format!("{}::{}", parent.path, module.name),
                parent.cfgs.clone(),
                parent.is_test,
            ),
            None => (
                self.crates
                    .get(module.krate.index())
                    .map_or_else(String::new, |c| c.key.clone()),
                vec![],
                false,
            ),
        };
        let path = if path.len() > MAX_PATH {
            parent.map_or(path, |p| p.path.clone())
        } else {
            path
        };
        if let Some(module) = self.modules.get_mut(m.index()) {
            cfgs.append(&mut module.cfgs);
            cfgs.truncate(MAX_CFGS);
            module.cfgs = cfgs;
            module.is_test |= is_test;
            module.shared |= shared;
            module.path = path;
        }
    }

    /// The names of an included file are those of the module around.
    fn splice_included(&mut self) {
        let included: Vec<ModId> = (0..self.modules.len())
            .filter(|&i| self.modules[i].included)
            .map(|i| ModId(i as u32))
            .collect();
        for m in included {
            let into = self.target_module(m);
            if into == m {
                continue;
            }
            let mut names: Vec<_> = self.modules[m.index()]
                .names
                .iter()
                .map(|(n, e)| (n.clone(), e.clone()))
                .collect();
            names.sort_by(|a, b| a.0.cmp(&b.0));
            for (name, entries) in names {
                self.modules[into.index()]
                    .names
                    .entry(name)
                    .or_default()
                    .extend(entries);
            }
        }
        for i in 0..self.imports.len() {
            let into = self.target_module(self.imports[i].module);
            self.imports[i].into = into;
        }
    }

    fn target_module(&self, m: ModId) -> ModId {
        let mut at = m;
        for _ in 0..64 {
            match self.modules.get(at.index()) {
                Some(module) if module.included => match module.parent {
                    Some(parent) => at = parent,
                    None => break,
                },
                _ => break,
            }
        }
        at
    }

    /// The second time only for those that need impls.
    fn resolve_aliases(&mut self, again: bool) {
        for i in 0..self.aliases.len() {
            let def = &self.aliases[i];
            if again && def.ty.get().is_some_and(is_whole) {
                continue;
            }
            let scope = super::Scope {
                module: def.module,
                generics: vec![def.generics.clone()],
                self_ty: None,
            };
            let budget = Budget::of_alias(AliasId(i as u32));
            let ty = def
                .hir_ty
                .as_ref()
                .map(|t| self.ty(&scope, t, &budget))
                .filter(is_small);
            self.aliases[i].ty = OnceLock::from(ty.unwrap_or(Ty::Unknown));
        }
    }

    fn resolve_impls(&mut self) {
        // What needs another impl to be known waits for its turn.
        let resolved: Vec<Resolved> = self
            .impls
            .par_iter()
            .with_min_len(64)
            .map(|entry| self.resolve_impl(entry))
            .collect();
        for (i, resolved) in resolved.into_iter().enumerate() {
            let id = ImplId(i as u32);
            let whole = is_whole(&resolved.self_ty) && resolved.trait_args.iter().all(is_whole);
            let Resolved {
                self_ty,
                trait_ref,
                trait_args,
            } = match whole {
                true => resolved,
                false => self.resolve_impl(&self.impls[i]),
            };
            let entry = &mut self.impls[i];
            entry.self_ty = self_ty.clone();
            entry.trait_ref = trait_ref.clone();
            entry.trait_args = trait_args;
            for f in entry.fns.clone() {
                if let Some(f) = self.fns.get_mut(f.index()) {
                    f.scope.self_ty = Some(self_ty.clone());
                }
            }
            self.enter_impl(id, &self_ty, trait_ref.as_ref());
        }
        for i in 0..self.traits.len() {
            let id = TraitId(i as u32);
            for name in self.traits[i].fn_names.clone() {
                self.traits_by_method.entry(name).or_default().push(id);
            }
            let def = &self.traits[i];
            let self_ty = Some(Ty::Param(SmolStr::new_static("Self")));
            let scope = super::Scope {
                module: def.module,
                generics: def.generics.clone(),
                self_ty,
            };
            let budget = Budget::default();
            let supers = def
                .hir_supers
                .iter()
                .filter_map(|p| self.bound(&scope, p, &budget))
                .collect();
            self.traits[i].supers = supers;
        }
        for (entry, i) in self.fns.iter().zip(0..) {
            if entry.impl_.is_some() || entry.in_trait.is_some() {
                self.by_method
                    .entry(entry.def.name.clone())
                    .or_default()
                    .push(FnIdx(i));
            }
        }
    }

    fn resolve_impl(&self, entry: &ImplEntry) -> Resolved {
        let mut scope = entry.scope();
        scope.self_ty = None;
        let self_ty = self.resolve_type(&scope, &entry.hir_self);
        scope.self_ty = Some(self_ty.clone());
        let bound = entry
            .hir_trait
            .as_ref()
            .and_then(|p| self.bound(&scope, p, &Budget::default()));
        let (trait_ref, trait_args) = match (bound, &entry.hir_trait) {
            (Some(bound), _) => (Some(bound.trait_), bound.args),
            // Its name is all that is known.
            (None, Some(path)) => (
                Some(TraitRef::Ext(SmolStr::new(path.last()))),
                Tys::default(),
            ),
            (None, None) => (None, Tys::default()),
        };
        Resolved {
            self_ty,
            trait_ref,
            trait_args,
        }
    }

    fn enter_impl(&mut self, id: ImplId, self_ty: &Ty, trait_ref: Option<&TraitRef>) {
        if let Some(TraitRef::Here(t)) = trait_ref {
            self.impls_by_trait.entry(*t).or_default().push(id);
        }
        let Some(head) = Head::of(self_ty) else {
            if trait_ref.is_some() && matches!(strip(self_ty), Ty::Param(_)) {
                self.blanket.push(id);
            }
            return;
        };
        let is_deref = trait_ref.is_some_and(|t| self.trait_name(t) == "Deref");
        let at = self.by_head.entry(head).or_default();
        at.impls.push(id);
        if is_deref {
            at.derefs.push(id);
        }
        if let Some(TraitRef::Here(t)) = trait_ref {
            at.traits.insert(*t);
        }
        for f in &self.impls[id.index()].fns {
            if let Some(entry) = self.fns.get(f.index()) {
                at.methods
                    .entry(entry.def.name.clone())
                    .or_default()
                    .push(*f);
            }
        }
    }

    /// Follows public names from the roots of libraries.
    fn mark_public(&mut self) {
        let mut pending: Vec<ModId> = self
            .crates
            .iter()
            .filter(|c| c.is_lib)
            .map(|c| c.root)
            .collect();
        let mut fns: Vec<FnIdx> = Vec::new();
        let mut types = vec![false; self.types.len()];
        while let Some(m) = pending.pop() {
            let Some(module) = self.modules.get_mut(m.index()).filter(|m| !m.is_pub) else {
                continue;
            };
            module.is_pub = true;
            let public = module
                .names
                .values()
                .flatten()
                .filter(|e| e.vis == Vis::Public);
            for entry in public {
                match entry.def {
                    Def::Mod(m) => pending.push(m),
                    Def::Fn(f) => fns.push(f),
                    Def::Trait(t) => self.traits[t.index()].is_pub = true,
                    Def::Type(t) => types[t.index()] = true,
                    _ => {}
                }
            }
        }
        for entry in &mut self.fns {
            let declared = std::mem::take(&mut entry.is_pub);
            let of_trait = |t: TraitId| self.traits.get(t.index()).is_some_and(|t| t.is_pub);
            let in_impl = entry.impl_.and_then(|i| self.impls.get(i.index()));
            entry.is_pub = match (entry.in_trait, in_impl) {
                (Some(t), _) => of_trait(t),
                (None, Some(imp)) => match &imp.trait_ref {
                    Some(TraitRef::Here(t)) => of_trait(*t),
                    Some(TraitRef::Ext(_)) => is_pub_type(&imp.self_ty, &types),
                    None => declared && is_pub_type(&imp.self_ty, &types),
                },
                (None, None) => false,
            };
        }
        for f in fns {
            self.fns[f.index()].is_pub = true;
        }
    }

    /// Where a module is: `my_crate::net`.
    pub fn module_path(&self, m: ModId) -> &str {
        self.modules.get(m.index()).map_or("", |m| &m.path)
    }

    fn finish_types(&mut self) {
        let mut last = rustc_hash::FxHashMap::<String, TypeId>::default();
        for i in 0..self.types.len() {
            let key = format!(
                "{}::{}",
                self.module_path(self.types[i].module),
                self.types[i].name
            );
            let in_test = self
                .modules
                .get(self.types[i].module.index())
                .is_some_and(|m| m.is_test);
            let def = &mut self.types[i];
            def.is_test |= in_test;
            def.key.clone_from(&key);
            if let Some(before) = last.insert(key, TypeId(i as u32)) {
                self.types[before.index()].twin = Some(TypeId(i as u32));
            }
        }
        for i in 0..self.traits.len() {
            self.traits[i].key = format!(
                "{}::{}",
                self.module_path(self.traits[i].module),
                self.traits[i].name
            );
        }
    }

    fn finish_fns(&mut self) {
        let places: Vec<Placed> = self
            .fns
            .par_iter()
            .with_min_len(64)
            .map(|entry| self.placed(entry))
            .collect();
        for (entry, placed) in self.fns.iter_mut().zip(places) {
            if let Some(module) = self.modules.get(placed.around.index()) {
                entry.cfgs.splice(0..0, module.cfgs.iter().cloned());
                entry.is_test |= module.is_test;
                entry.is_built = module.shared || !never_built(&entry.cfgs);
            }
            entry.key = placed.key;
            entry.trait_path = placed.trait_path;
        }
        // A function inside of a test is test code.
        for i in 0..self.fns.len() {
            let m = self.fns[i].scope.module;
            if self.fns[i].is_test && self.modules.get(m.index()).is_some_and(|m| m.block) {
                self.modules[m.index()].is_test = true;
            }
            let around = self.module_around(&self.fns[i]);
            if self
                .modules
                .get(around.index())
                .is_some_and(|m| m.block && m.is_test)
            {
                self.fns[i].is_test = true;
            }
        }
        self.sigs = (0..self.fns.len()).map(|_| OnceLock::new()).collect();
    }

    fn placed(&self, entry: &super::FnEntry) -> Placed {
        let (name, around) = (&entry.def.name, self.module_around(entry));
        let path = self.module_path(around);
        let mut trait_path = None;
        let key = match (entry.impl_, entry.in_trait) {
            (Some(imp), _) => {
                let imp = &self.impls[imp.index()];
                trait_path = imp.trait_ref.as_ref().map(|t| self.trait_path(t));
                let ty = type_text(&imp.hir_self, 4);
                match &imp.hir_trait {
                    Some(t) => format!("{path}::<{ty} as {}>::{name}", path_text(t, 4)),
                    None => format!("{path}::{ty}::{name}"),
                }
            }
            (None, Some(t)) => {
                let def = &self.traits[t.index()];
                trait_path = Some(SmolStr::new(&def.key));
                format!("{}::{name}", def.key)
            }
            (None, None) => format!("{path}::{name}"),
        };
        Placed {
            around,
            key,
            trait_path,
        }
    }

    /// The module that a function is declared in.
    fn module_around(&self, entry: &super::FnEntry) -> ModId {
        if let Some(imp) = entry.impl_ {
            return self.impls[imp.index()].module;
        }
        if let Some(t) = entry.in_trait {
            return self.traits[t.index()].module;
        }
        let m = entry.scope.module;
        match self.modules.get(m.index()) {
            Some(module) if module.block && !module.included && self.is_body_of(m, entry) => {
                module.parent.unwrap_or(m)
            }
            _ => m,
        }
    }

    /// Whether a nameless module holds the items of this function: it is not
    /// among them.
    fn is_body_of(&self, m: ModId, entry: &super::FnEntry) -> bool {
        let module = &self.modules[m.index()];
        module.name == entry.def.name
            && !module
                .names
                .get(&entry.def.name)
                .into_iter()
                .flatten()
                .any(|e| match e.def {
                    Def::Fn(f) => self
                        .fns
                        .get(f.index())
                        .is_some_and(|f| Arc::ptr_eq(&f.def, &entry.def)),
                    _ => false,
                })
    }

    pub(super) fn trait_path(&self, t: &TraitRef) -> SmolStr {
        match t {
            TraitRef::Here(t) => SmolStr::new(&self.traits[t.index()].key),
            TraitRef::Ext(path) => path.clone(),
        }
    }

    fn finish_values(&mut self) {
        for i in 0..self.statics.len() {
            let def = &self.statics[i];
            let ty = self.resolve_type(&def.scope, &def.hir_ty);
            let m = self.normal(def.scope.module);
            let key = format!("{}::{}", self.module_path(m), def.name);
            let in_test = self.modules.get(m.index()).is_some_and(|m| m.is_test);
            let def = &mut self.statics[i];
            def.ty = ty;
            def.key = key;
            def.is_test |= in_test;
        }
        let type_of = |def: &ConstDef| {
            let mut scope = def.scope.clone();
            if let Some(imp) = def.impl_ {
                scope.self_ty = Some(self.impls[imp.index()].self_ty.clone());
            }
            self.resolve_type(&scope, &def.hir_ty)
        };
        let consts = self.consts.par_iter().with_min_len(64);
        let types: Vec<Ty> = consts.map(type_of).collect();
        for (def, ty) in self.consts.iter_mut().zip(types) {
            def.ty = ty;
        }
    }
}

fn is_pub_type(ty: &Ty, public: &[bool]) -> bool {
    match strip(ty) {
        Ty::Adt(t, _) => public.get(t.index()).copied().unwrap_or(false),
        _ => true,
    }
}

/// Without references.
pub(super) fn strip(ty: &Ty) -> &Ty {
    let mut ty = ty;
    while let Ty::Ref(_, inner) = ty {
        ty = inner;
    }
    ty
}

impl Head {
    /// What a type is found by; `None` for parameters and the unknown.
    pub(super) fn of(ty: &Ty) -> Option<Head> {
        Some(match strip(ty) {
            Ty::Adt(t, _) => Head::Adt(*t),
            Ty::Ext(path, _) => Head::Ext(path.clone()),
            Ty::Bounded(true, bounds) => match &bounds.first()?.trait_ {
                TraitRef::Here(t) => Head::Dyn(*t),
                TraitRef::Ext(path) => Head::DynExt(path.clone()),
            },
            Ty::Tuple(parts) => Head::Tuple(parts.len()),
            Ty::Slice(_) => Head::Slice,
            Ty::Ptr(_) => Head::Ptr,
            Ty::Fn(..) => Head::Fn,
            Ty::Never => Head::Never,
            Ty::Unknown | Ty::Param(_) | Ty::Ref(..) | Ty::Bounded(false, _) => return None,
        })
    }
}

/// A type as written, for keys.
fn type_text(ty: &hir::Ty, depth: u32) -> String {
    match ty {
        hir::Ty::Path(path) if depth > 0 => path_text(path, depth - 1),
        hir::Ty::Ref { mutable, inner } if depth > 0 => {
            format!(
                "&{}{}",
                if *mutable { "mut " } else { "" },
                type_text(inner, depth - 1)
            )
        }
        hir::Ty::Slice(inner) | hir::Ty::Array(inner) if depth > 0 => {
            format!("[{}]", type_text(inner, depth - 1))
        }
        hir::Ty::Tuple(parts) if depth > 0 => {
            format!(
                "({})",
                parts
                    .iter()
                    .map(|t| type_text(t, depth - 1))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        }
        hir::Ty::Dyn(bounds) | hir::Ty::Impl(bounds) if depth > 0 => {
            format!(
                "dyn {}",
                bounds
                    .iter()
                    .map(|p| path_text(p, depth - 1))
                    .collect::<Vec<_>>()
                    .join(" + ")
            )
        }
        _ => short(ty).to_owned(),
    }
}

fn path_text(path: &hir::Path, depth: u32) -> String {
    match path.segments.last() {
        Some(last) if !last.args().is_empty() && depth > 0 => {
            let args: Vec<_> = last
                .args()
                .iter()
                .map(|t| type_text(t, depth - 1))
                .collect();
            format!("{}<{}>", last.name, args.join(", "))
        }
        _ => path.last().to_owned(),
    }
}
