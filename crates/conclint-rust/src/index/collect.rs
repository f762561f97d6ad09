//! Takes all items of all files into the index. Nothing is resolved yet.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use smol_str::SmolStr;

use super::builds;
use super::defs::{
    AliasDef, ConstDef, CrateInfo, Def, Entry, FieldEntry, ImplEntry, Import, Module, StaticDef,
    TraitEntry, TypeDef, TypeKind, VariantEntry,
};
use super::{
    AliasId, ConstId, CrateId, FnEntry, FnIdx, ImplId, Index, ModId, Scope, StaticId, TraitId, Ty,
    TypeId, nested,
};
use crate::hir::{self, Item, ItemKind, Vis};
use crate::workspace::{CrateKind, Workspace};

/// How deep modules and functions may stand in each other.
const MAX_DEPTH: u32 = 100;
/// Items of one name in one module.
pub(super) const MAX_TWINS: usize = 64;

/// Fills the tables.
pub(super) fn collect(ws: &Workspace) -> Index {
    let mut c = Collector {
        ws,
        ix: Index::default(),
        file: 0,
        krate: CrateId(0),
        self_bound: BTreeMap::new(),
    };
    c.crates();
    for file in &ws.files {
        let mut module = c.new_module(file.krate, None, SmolStr::default());
        module.is_test = file.is_test || builds::is_test(&file.hir.attrs.cfg);
        module.cfgs = file.hir.attrs.cfg.clone();
        c.ix.modules.push(module);
    }
    for (file, i) in ws.files.iter().zip(0..) {
        c.file = i;
        c.krate = file.krate;
        for item in &file.hir.items {
            c.item(item, ModId(i), 0);
        }
    }
    c.ix
}

struct Collector<'a> {
    ws: &'a Workspace,
    ix: Index,
    file: u32,
    krate: CrateId,
    /// `Self: Trait` by the trait's name and number of parameters.
    self_bound: BTreeMap<(SmolStr, Vec<SmolStr>), Arc<hir::Generics>>,
}

/// What a function stands in.
#[derive(Clone, Copy)]
enum Around<'a> {
    Nothing,
    Impl(ImplId, &'a hir::ImplDef),
    Trait(TraitId),
}

impl<'a> Collector<'a> {
    fn crates(&mut self) {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for krate in &self.ws.crates {
            let path = self
                .ws
                .files
                .get(krate.root as usize)
                .map_or("", |f| &*f.path);
            let mut key = match krate.kind {
                CrateKind::Lib | CrateKind::Bin => krate.name.to_string(),
                CrateKind::Loose => path.strip_suffix(".rs").unwrap_or(path).to_owned(),
                _ => format!("{}/{}", krate.package, krate.name),
            };
            let count = seen.entry(key.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                // A program beside the library of the same name.
                key = path.strip_suffix(".rs").unwrap_or(path).to_owned();
            }
            self.ix.crates.push(CrateInfo {
                key,
                edition: krate.edition,
                root: ModId(krate.root),
                deps: krate.deps.clone(),
                host: krate.host,
                has_manifest: krate.has_manifest,
                is_lib: matches!(krate.kind, CrateKind::Lib | CrateKind::Loose),
                externs: BTreeMap::new(),
            });
        }
    }

    fn new_module(&self, krate: CrateId, parent: Option<ModId>, name: SmolStr) -> Module {
        Module {
            krate,
            parent,
            name,
            block: false,
            included: false,
            is_test: false,
            shared: false,
            cfgs: Vec::new(),
            path: String::new(),
            names: Default::default(),
            ext_globs: Vec::new(),
            changed: 0,
            is_pub: false,
        }
    }

    fn define(&mut self, m: ModId, item: &Item, def: Def) {
        let entry = Entry {
            def,
            vis: item.vis,
            rank: builds::rank(&item.attrs.cfg),
        };
        if let Some(module) = self.ix.modules.get_mut(m.index()) {
            let twins = module.names.entry(item.name.clone()).or_default();
            if twins.len() < MAX_TWINS {
                twins.push(entry);
            }
        }
    }

    fn items<I: IntoIterator<Item = &'a Item>>(&mut self, items: I, m: ModId, depth: u32) {
        if depth < MAX_DEPTH {
            for item in items {
                self.item(item, m, depth + 1);
            }
        }
    }

    fn item(&mut self, item: &'a Item, m: ModId, depth: u32) {
        match &item.kind {
            ItemKind::Mod(inner) => self.module(item, inner.as_deref(), m, depth),
            ItemKind::Include(_) => self.include(item, m),
            ItemKind::Use(names) => {
                let rank = builds::rank(&item.attrs.cfg);
                for name in names {
                    self.import(m, name.clone(), item.vis, rank, false);
                }
            }
            ItemKind::ExternCrate { krate } => {
                let path = vec![krate.clone()];
                let name = hir::UseName {
                    path,
                    global: false,
                    alias: item.name.clone(),
                    glob: false,
                };
                self.import(m, name, item.vis, builds::rank(&item.attrs.cfg), true);
            }
            ItemKind::Struct(def) => {
                let only = VariantEntry {
                    name: item.name.clone(),
                    fields: fields(&def.fields),
                };
                self.type_(item, m, TypeKind::Struct, &def.generics, vec![only]);
            }
            ItemKind::Enum(def) => {
                let variants = def
                    .variants
                    .iter()
                    .map(|v| VariantEntry {
                        name: v.name.clone(),
                        fields: fields(&v.fields),
                    })
                    .collect();
                self.type_(item, m, TypeKind::Enum, &def.generics, variants);
            }
            ItemKind::Trait(def) => self.trait_(item, def, m, depth),
            ItemKind::Impl(def) => self.impl_(item, def, m, depth),
            ItemKind::Fn(def) => {
                let f = self.fn_(item, def, m, Around::Nothing, depth);
                self.define(m, item, Def::Fn(f));
            }
            ItemKind::Static { ty, init, .. } => self.static_(item, ty, init.as_ref(), m, depth),
            ItemKind::Const { ty, init } => {
                let scope = Scope {
                    module: m,
                    generics: Vec::new(),
                    self_ty: None,
                };
                let id = self.const_(ty, scope, None);
                self.define(m, item, Def::Const(id));
                if let Some(init) = init {
                    self.items(nested::of_body(init), m, depth);
                }
            }
            ItemKind::TypeAlias { generics, ty, .. } => {
                let id = AliasId(self.ix.aliases.len() as u32);
                let (generics, hir_ty) = (generics.clone(), ty.clone());
                self.ix.aliases.push(AliasDef {
                    module: m,
                    generics,
                    hir_ty,
                    ty: OnceLock::new(),
                });
                self.define(m, item, Def::Alias(id));
            }
            ItemKind::TraitAlias | ItemKind::MacroRules => {}
        }
    }

    fn module(&mut self, item: &'a Item, inner: Option<&'a [Item]>, m: ModId, depth: u32) {
        if let Some(inner) = inner {
            let id = ModId(self.ix.modules.len() as u32);
            let mut module = self.new_module(self.krate, Some(m), item.name.clone());
            module.cfgs = item.attrs.cfg.clone();
            module.is_test = builds::is_test(&item.attrs.cfg);
            self.ix.modules.push(module);
            self.define(m, item, Def::Mod(id));
            self.items(inner, id, depth);
            return;
        }
        let Some((child, owned)) = self.child(item.span) else {
            return;
        };
        self.define(m, item, Def::Mod(ModId(child)));
        let Some(module) = self.ix.modules.get_mut(child as usize) else {
            return;
        };
        module.shared |= !owned;
        if owned {
            module.parent = Some(m);
            module.name = item.name.clone();
            module.cfgs.extend(item.attrs.cfg.iter().cloned());
            module.is_test |= builds::is_test(&item.attrs.cfg);
        }
    }

    fn include(&mut self, item: &Item, m: ModId) {
        let Some((child, owned)) = self.child(item.span) else {
            return;
        };
        let Some(module) = self.ix.modules.get_mut(child as usize) else {
            return;
        };
        module.shared |= !owned;
        if owned {
            module.parent = Some(m);
            module.block = true;
            module.included = true;
        }
    }

    /// The file that an item of this file names, and whether it hangs there.
    fn child(&self, span: hir::Span) -> Option<(u32, bool)> {
        let child = *self.ws.files.get(self.file as usize)?.links.get(&span)?;
        let owner = self.ws.files.get(child as usize)?.owner;
        Some((
            child,
            owner.is_some_and(|o| o.file == self.file && o.span == span),
        ))
    }

    fn import(&mut self, m: ModId, name: hir::UseName, vis: Vis, rank: u8, krate: bool) {
        let (done, sources) = (false, Vec::new());
        self.ix.imports.push(Import {
            module: m,
            into: m,
            name,
            vis,
            rank,
            krate,
            done,
            sources,
        });
    }

    fn type_(
        &mut self,
        item: &Item,
        m: ModId,
        kind: TypeKind,
        generics: &Arc<hir::Generics>,
        variants: Vec<VariantEntry>,
    ) {
        let id = TypeId(self.ix.types.len() as u32);
        self.ix.types.push(TypeDef {
            name: item.name.clone(),
            key: String::new(),
            module: m,
            file: self.file,
            span: item.span,
            kind,
            generics: generics.clone(),
            variants,
            is_clone: item.attrs.clone,
            is_test: builds::is_test(&item.attrs.cfg),
            twin: None,
            glue: OnceLock::new(),
        });
        self.define(m, item, Def::Type(id));
    }

    fn trait_(&mut self, item: &'a Item, def: &'a hir::TraitDef, m: ModId, depth: u32) {
        let id = TraitId(self.ix.traits.len() as u32);
        let self_generics = self.self_generics(&item.name, &def.generics);
        self.ix.traits.push(TraitEntry {
            name: item.name.clone(),
            key: String::new(),
            module: m,
            fns: Vec::new(),
            fn_names: Vec::new(),
            generics: vec![self_generics, def.generics.clone()],
            hir_supers: def.supers.clone(),
            supers: Vec::new(),
            hir_assoc: Vec::new(),
            is_pub: false,
        });
        self.define(m, item, Def::Trait(id));
        for member in &def.items {
            if let ItemKind::Fn(def) = &member.kind {
                let f = self.fn_(member, def, m, Around::Trait(id), depth);
                self.ix.fns[f.index()]
                    .cfgs
                    .extend(item.attrs.cfg.iter().cloned());
                let entry = &mut self.ix.traits[id.index()];
                entry.fns.push(f);
                entry.fn_names.push(def.name.clone());
            }
            if let ItemKind::TypeAlias { bounds, .. } = &member.kind
                && !bounds.is_empty()
            {
                let entry = &mut self.ix.traits[id.index()];
                entry.hir_assoc.push((member.name.clone(), bounds.clone()));
            }
        }
    }

    /// `Self: Trait<Params>` as a parameter list.
    fn self_generics(&mut self, name: &SmolStr, generics: &hir::Generics) -> Arc<hir::Generics> {
        let params: Vec<SmolStr> = generics.params.iter().map(|p| p.name.clone()).collect();
        let make = |params: &[SmolStr]| {
            let arg = |name: &SmolStr| {
                hir::Ty::Path(hir::Path {
                    segments: [hir::Segment::plain(name.clone())].into(),
                    ..hir::Path::default()
                })
            };
            let args = hir::GenericArgs {
                args: params.iter().map(arg).collect(),
                ..hir::GenericArgs::default()
            };
            let bound = hir::Path {
                segments: [hir::Segment {
                    name: name.clone(),
                    generic: Some(Box::new(args)),
                }]
                .into(),
                ..hir::Path::default()
            };
            let own = hir::GenericParam {
                name: SmolStr::new_static("Self"),
                bounds: vec![bound],
                default: None,
            };
            Arc::new(hir::Generics {
                params: vec![own],
                wheres: Vec::new(),
            })
        };
        let key = (name.clone(), params);
        if let Some(found) = self.self_bound.get(&key) {
            return found.clone();
        }
        let made = make(&key.1);
        self.self_bound.insert(key, made.clone());
        made
    }

    fn impl_(&mut self, item: &'a Item, def: &'a hir::ImplDef, m: ModId, depth: u32) {
        let id = ImplId(self.ix.impls.len() as u32);
        self.ix.impls.push(ImplEntry {
            module: m,
            generics: Arc::new((*def.generics).clone()),
            hir_self: def.self_ty.clone(),
            hir_trait: def.trait_.clone(),
            fns: Vec::new(),
            consts: Vec::new(),
            assoc: Vec::new(),
            self_ty: Ty::Unknown,
            trait_ref: None,
            trait_args: super::Tys::default(),
        });
        for member in &def.items {
            match &member.kind {
                ItemKind::Fn(f) => {
                    let f = self.fn_(member, f, m, Around::Impl(id, def), depth);
                    let entry = &mut self.ix.fns[f.index()];
                    entry.cfgs.extend(item.attrs.cfg.iter().cloned());
                    entry.is_test |= builds::is_test(&item.attrs.cfg);
                    self.ix.impls[id.index()].fns.push(f);
                }
                ItemKind::Const { ty, .. } => {
                    let scope = self.ix.impls[id.index()].scope();
                    let const_ = self.const_(ty, scope, Some(id));
                    self.ix.impls[id.index()]
                        .consts
                        .push((member.name.clone(), const_));
                }
                ItemKind::TypeAlias { ty: Some(ty), .. } => {
                    self.ix.impls[id.index()]
                        .assoc
                        .push((member.name.clone(), ty.clone()));
                }
                _ => {}
            }
        }
    }

    fn fn_(
        &mut self,
        item: &Item,
        def: &'a Arc<hir::FnDef>,
        m: ModId,
        around: Around<'a>,
        depth: u32,
    ) -> FnIdx {
        let id = FnIdx(self.ix.fns.len() as u32);
        let mut generics = Vec::new();
        let (mut impl_, mut in_trait, mut self_ty) = (None, None, None);
        let qualified = match around {
            Around::Nothing => def.name.to_string(),
            Around::Impl(i, hir) => {
                impl_ = Some(i);
                generics.push(self.ix.impls[i.index()].generics.clone());
                format!("{}::{}", short(&hir.self_ty), def.name)
            }
            Around::Trait(t) => {
                in_trait = Some(t);
                let entry = &self.ix.traits[t.index()];
                generics.extend(entry.generics.iter().cloned());
                self_ty = Some(Ty::Param(SmolStr::new_static("Self")));
                format!("{}::{}", entry.name, def.name)
            }
        };
        if !def.generics.params.is_empty() || !def.generics.wheres.is_empty() {
            generics.push(def.generics.clone());
        }
        let mut cfgs = def.attrs.cfg.clone();
        cfgs.extend(
            item.attrs
                .cfg
                .iter()
                .filter(|c| !def.attrs.cfg.contains(c))
                .cloned(),
        );
        let is_test = def.attrs.test || item.attrs.test || builds::is_test(&cfgs);
        self.ix.fns.push(FnEntry {
            def: def.clone(),
            krate: self.krate,
            file: self.file,
            scope: Scope {
                module: m,
                generics,
                self_ty,
            },
            impl_,
            in_trait,
            qualified,
            key: String::new(),
            is_pub: item.vis == Vis::Public,
            is_test,
            cfgs,
            is_built: true,
            of_static: false,
            trait_path: None,
        });
        let inner = nested::of_fn(def);
        if !inner.is_empty() {
            let block = self.block(m, def.name.clone(), inner, depth);
            self.ix.fns[id.index()].scope.module = block;
        }
        id
    }

    /// A nameless module for the items of a body.
    fn block(&mut self, m: ModId, name: SmolStr, items: Vec<&'a Item>, depth: u32) -> ModId {
        let id = ModId(self.ix.modules.len() as u32);
        let mut module = self.new_module(self.krate, Some(m), name);
        module.block = true;
        self.ix.modules.push(module);
        self.items(items, id, depth);
        id
    }

    fn static_(
        &mut self,
        item: &'a Item,
        ty: &hir::Ty,
        init: Option<&'a Arc<hir::Body>>,
        m: ModId,
        depth: u32,
    ) {
        let id = StaticId(self.ix.statics.len() as u32);
        let is_thread_local = matches!(ty, hir::Ty::Path(p) if p.last() == "LocalKey");
        self.ix.statics.push(StaticDef {
            name: item.name.clone(),
            key: String::new(),
            ty: Ty::Unknown,
            file: self.file,
            span: item.span,
            is_thread_local,
            is_test: builds::is_test(&item.attrs.cfg),
            initialiser: None,
            scope: Scope {
                module: m,
                generics: Vec::new(),
                self_ty: None,
            },
            hir_ty: ty.clone(),
        });
        self.define(m, item, Def::Static(id));
        let inner = init.map(nested::of_body).unwrap_or_default();
        if !inner.is_empty() {
            let block = self.block(m, item.name.clone(), inner, depth);
            self.ix.statics[id.index()].scope.module = block;
        }
        if let Some(init) = init.filter(|init| init.does_something()) {
            self.initialiser(item, init, id);
        }
    }

    /// What a static's initialiser runs is a function that nobody can name.
    fn initialiser(&mut self, item: &Item, init: &hir::Body, of: StaticId) {
        let def = hir::FnDef::of_initialiser(item, init);
        self.ix.statics[of.index()].initialiser = Some(FnIdx(self.ix.fns.len() as u32));
        self.ix.fns.push(FnEntry {
            krate: self.krate,
            file: self.file,
            scope: self.ix.statics[of.index()].scope.clone(),
            impl_: None,
            in_trait: None,
            qualified: item.name.to_string(),
            key: String::new(),
            // Whoever uses the static runs it.
            is_pub: true,
            is_test: builds::is_test(&item.attrs.cfg),
            cfgs: item.attrs.cfg.clone(),
            is_built: true,
            of_static: true,
            trait_path: None,
            def: Arc::new(def),
        });
    }

    fn const_(&mut self, ty: &hir::Ty, scope: Scope, impl_: Option<ImplId>) -> ConstId {
        let id = ConstId(self.ix.consts.len() as u32);
        self.ix.consts.push(ConstDef {
            scope,
            hir_ty: ty.clone(),
            ty: Ty::Unknown,
            impl_,
        });
        id
    }
}

fn fields(fields: &[hir::FieldDef]) -> Vec<FieldEntry> {
    fields
        .iter()
        .map(|f| FieldEntry {
            name: f.name.clone(),
            hir: f.ty.clone(),
            span: f.span,
            ty: OnceLock::new(),
        })
        .collect()
}

/// A type's own name, for people.
pub(super) fn short(ty: &hir::Ty) -> &str {
    let mut ty = ty;
    for _ in 0..MAX_DEPTH {
        match ty {
            hir::Ty::Path(path) => return path.last(),
            hir::Ty::Ref { inner, .. }
            | hir::Ty::Ptr(inner)
            | hir::Ty::Slice(inner)
            | hir::Ty::Array(inner) => ty = inner,
            hir::Ty::Dyn(bounds) | hir::Ty::Impl(bounds) => {
                return bounds.first().map_or("_", |b| b.last());
            }
            hir::Ty::Tuple(_) => return "tuple",
            hir::Ty::Fn { .. } => return "fn",
            _ => return "_",
        }
    }
    "_"
}
