//! Lowers every function, in parallel, and puts the results together into one
//! [`Program`] with stable numbers.

use std::collections::BTreeMap;

use conclint_facts::{
    Arg, Class, ClassId, ClassScope, DeclaredOrder, EventKind, FileId, FnId, FnKind, Function,
    Handle, LockSource, ObjectKind, ObjectRef, Param, Place, Program, Root, Site, SourceFile,
    Target, Unread, cfgs_exclusive, names_system,
};
use rayon::prelude::*;
use smol_str::SmolStr;

use super::body::{ClassDraft, Lower, NESTED_BASE, Out, Shared};
use super::types;
use super::types::GuardTy;
use super::value::{ClassBase, ClassKey, Val};
use crate::hir::{self, CommentKind};
use crate::index::{FnEntry, FnIdx, Index, Ty, TypeId, last_segment};
use crate::table::LockTable;
use crate::workspace::{CrateKind, Workspace};

/// One named function with its closures, numbers still its own.
struct Lowered {
    function: Function,
    nested: Vec<Function>,
    classes: Vec<(ClassKey, ClassDraft)>,
}

/// The facts of a whole workspace.
pub(crate) fn program(ws: &Workspace, index: &Index, table: &LockTable) -> Program {
    let detached: Vec<Vec<u32>> = ws
        .files
        .iter()
        .map(|file| detached_lines(&file.hir))
        .collect();
    let shared = Shared {
        index,
        table,
        detached: &detached,
        holders: holders(index),
        behind: super::behind::behind(index, table),
        no_std: ws.crates.iter().map(|krate| ws.no_std(krate)).collect(),
    };
    let lowered: Vec<Lowered> = index
        .functions()
        .par_iter()
        .enumerate()
        .with_min_len(16)
        .map(|(i, entry)| lower_one(&shared, ws, FnIdx(i as u32), entry))
        .collect();
    let mut program = Program {
        files: ws.files.iter().map(source_file).collect(),
        ..Program::default()
    };
    link(&mut program, lowered, index);
    program.unread = unread(ws);
    program.orders = orders(ws, index, &program);
    super::shared::merge(&mut program);
    program
}

fn source_file(file: &crate::workspace::File) -> SourceFile {
    SourceFile {
        path: file.path.clone(),
        lines: file.hir.lines,
        is_test: file.is_test,
    }
}

fn detached_lines(file: &hir::HirFile) -> Vec<u32> {
    file.comments
        .iter()
        .filter(|c| matches!(c.kind, CommentKind::Detached(_)))
        .map(|c| c.line)
        .collect()
}

/// Which types hold a lock guard in a field (through two levels of structs).
fn holders(index: &Index) -> Vec<bool> {
    let count = index.type_count();
    let mut holders = vec![false; count];
    for _ in 0..2 {
        for i in 0..count {
            if !holders[i] {
                holders[i] = index
                    .field_types(TypeId(i as u32))
                    .iter()
                    .any(|ty| is_guard_field(ty, &holders));
            }
        }
    }
    holders
}

fn is_guard_field(ty: &Ty, holders: &[bool]) -> bool {
    match ty {
        Ty::Ext(path, args) => {
            types::is_guard_name(last_segment(path))
                || (types::is_option_or_result(ty)
                    && args.first().is_some_and(|arg| is_guard_field(arg, holders)))
        }
        Ty::Adt(id, _) => holders.get(id.index()).copied().unwrap_or(false),
        _ => false,
    }
}

fn lower_one(shared: &Shared<'_>, ws: &Workspace, id: FnIdx, entry: &FnEntry) -> Lowered {
    let krate = ws.crates.get(entry.krate.index());
    let file = FileId(entry.file);
    let span = entry.def.span;
    let site = site_of(file, entry.def.name_span);
    let base = Function {
        name: entry.def.name.clone(),
        qualified: entry.qualified.clone(),
        krate: krate.map(|krate| krate.name.clone()).unwrap_or_default(),
        no_std: shared
            .no_std
            .get(entry.krate.index())
            .and_then(Option::as_ref)
            .is_some_and(|when| !has_system(&entry.cfgs, when)),
        in_library: krate
            .is_some_and(|krate| matches!(krate.kind, CrateKind::Lib | CrateKind::Loose)),
        site,
        kind: kind_of(entry, krate.map(|krate| krate.kind)),
        parent: None,
        is_pub: entry.is_pub,
        is_test: entry.is_test,
        is_test_root: entry.def.attrs.test,
        is_async: entry.def.is_async,
        mut_self: entry.def.has_self
            && matches!(
                entry.def.params.first().map(|p| &p.ty),
                Some(hir::Ty::Ref { mutable: true, .. })
            ),
        cfgs: entry.cfgs.clone(),
        params: Vec::new(),
        guards: Vec::new(),
        stmts: Vec::new(),
        locals: Vec::new(),
        blocks: Vec::new(),
        compares_order: false,
        behind: Vec::new(),
        parts: Vec::new(),
        made: Vec::new(),
        chooses: false,
        counts: false,
        origins: Vec::new(),
        returns: conclint_facts::Origins::NONE,
    };
    let mut lower = Lower {
        shared,
        scope: entry.scope.clone(),
        file,
        file_index: entry.file as usize,
        tail_scopes: krate.is_some_and(|krate| krate.edition >= crate::workspace::Edition::E2024),
        out: Out::new(0, site_of(file, span)),
        env: Vec::new(),
        locals: Vec::new(),
        nested: Vec::new(),
        classes: BTreeMap::new(),
        class_order: Vec::new(),
        aliases: BTreeMap::new(),
        base,
        opaque: 0,
        outer_method: None,
        awaited: false,
        recv_loop: false,
        captures: Vec::new(),
        any_drops: false,
        binds_by_ref: None,
        lazy: Vec::new(),
        depth: 0,
        seen: conclint_facts::Origins::NONE,
        asserting: false,
        closure_per: conclint_facts::Per::Count,
        not_taken: Vec::new(),
        tried_until_taken: None,
        not_held: Vec::new(),
        used_up: Vec::new(),
        assigned: Vec::new(),
        known: Vec::new(),
        channels: 0,
        dry: Vec::new(),
        dry_spawns: Vec::new(),
        loop_over: SmolStr::default(),
        counted: false,
        numbers: false,
    };
    lower.function(id, entry);
    let out = std::mem::replace(&mut lower.out, Out::new(0, site));
    let mut function = lower.base.clone();
    lower.fill(&mut function, out);
    let classes = lower
        .class_order
        .iter()
        .filter_map(|key| {
            Some((
                lower.aliases.get(key).unwrap_or(key).clone(),
                lower.classes.get(key)?.clone(),
            ))
        })
        .collect();
    Lowered {
        function,
        nested: lower
            .nested
            .into_iter()
            .map(|nested| nested.function)
            .collect(),
        classes,
    }
}

/// Code of these conditions has an operating system or a standard library to
/// ask, in a crate that has no standard library `when`.
fn has_system(cfgs: &[SmolStr], when: &[SmolStr]) -> bool {
    names_system(cfgs) || names_system(when) || cfgs_exclusive(cfgs, when)
}

fn kind_of(entry: &FnEntry, krate: Option<CrateKind>) -> FnKind {
    let free = entry.impl_.is_none() && entry.in_trait.is_none();
    if entry.def.name == "main" && free && !matches!(krate, Some(CrateKind::Lib)) {
        FnKind::Main
    } else if entry.def.name == "drop"
        && entry
            .trait_path
            .as_ref()
            .is_some_and(|path| path.ends_with("Drop"))
    {
        FnKind::Drop
    } else {
        FnKind::Fn
    }
}

impl Lower<'_> {
    fn function(&mut self, id: FnIdx, entry: &FnEntry) {
        let body = entry.def.body.as_ref().filter(|_| entry.is_built);
        let Some(body) = body else { return };
        let index = self.index();
        let mut vals = Vec::new();
        for (i, param) in entry.def.params.iter().enumerate() {
            let ty = index.fn_param_ty(id, i);
            let name = match &param.pat {
                hir::Pat::Bind { name, .. } => name.clone(),
                _ => SmolStr::new_static("_"),
            };
            let callable = matches!(types::peel(index, &ty), Ty::Fn(..))
                || matches!(types::peel(index, &ty), Ty::Param(_) | Ty::Bounded(..))
                    && self.is_fn_bound(&types::peel(index, &ty));
            self.base.behind.extend(self.lies_behind(&ty));
            let token = vals
                .first()
                .is_some_and(|own| entry.def.has_self && self.is_token(own, &ty));
            self.base.params.push(Param {
                name,
                class: None,
                callable,
                token,
                of: match types::peel(index, &ty) {
                    Ty::Adt(id, _) => Some(id.0),
                    _ => None,
                },
            });
            vals.push(ty);
        }
        let mut params = Vec::new();
        for (i, ty) in vals.into_iter().enumerate() {
            let mut val = Val::of(ty);
            let number = u16::try_from(i).unwrap_or(u16::MAX);
            val.place = Some(Place {
                root: Root::Param(number),
                path: Vec::new(),
            });
            val.exclusive = matches!(val.ty, Ty::Ref(true, _) | Ty::Adt(..));
            val.from = self.param_origin(number);
            let is_object = !matches!(types::peel(index, &val.ty), Ty::Adt(..));
            if is_object && let Some(kind) = self.object_kind(&val.ty) {
                let key = ClassKey::new(ClassBase::Param(number));
                val.class = Some(key.clone());
                let class = self.class_id(key, &kind, &val.ty);
                self.base.params[i].class = Some(class);
            }
            params.push(val);
        }
        let def = entry.def.clone();
        self.run_body(body.span, |lower| {
            for (number, (param, mut val)) in (0_u16..).zip(def.params.iter().zip(params)) {
                if let Some(GuardTy::Guard(_)) = lower.guard_ty(&val.ty) {
                    val.guards = vec![lower.given_guard(number, body.span)];
                }
                lower.bind(&param.pat, val);
                lower.bound_param(&param.pat);
            }
            lower.block(body, None)
        });
    }

    /// Of `&mut T`, the guarded type that every `T` is a part of.
    fn lies_behind(&self, ty: &Ty) -> Option<u32> {
        let Ty::Ref(true, inner) = ty else {
            return None;
        };
        let Ty::Adt(id, _) = &**inner else {
            return None;
        };
        self.shared.behind.get(id.index())?.map(|root| root.0)
    }

    /// `&mut T`, where a field of the type `own` is a lock around a `T`.
    fn is_token(&self, own: &Ty, ty: &Ty) -> bool {
        let index = self.index();
        let (Ty::Ref(true, data), Ty::Adt(owner, _)) = (ty, types::peel(index, own)) else {
            return false;
        };
        let Ty::Adt(data, _) = &**data else {
            return false;
        };
        index.field_types(owner).iter().any(|field| {
            let Ty::Ext(path, args) = types::peel_wrappers(index, field) else {
                return false;
            };
            matches!(args.last(), Some(Ty::Adt(guarded, _)) if guarded == data)
                && self.shared.table.get(&path).is_some()
        })
    }

    fn is_fn_bound(&self, ty: &Ty) -> bool {
        let is_fn = |bound: &crate::index::Bound| {
            matches!(&bound.trait_, crate::index::TraitRef::Ext(path)
                if matches!(last_segment(path), "Fn" | "FnMut" | "FnOnce"))
        };
        match ty {
            Ty::Param(name) => self.index().bounds(&self.scope, name).iter().any(is_fn),
            Ty::Bounded(_, bounds) => bounds.iter().any(is_fn),
            _ => false,
        }
    }

    /// Moves what was written into the function's facts.
    pub(super) fn fill(&self, function: &mut Function, out: Out) {
        let level = out.level;
        function.guards = out.guards;
        function.blocks = out.blocks;
        function.stmts = out.stmts;
        function.compares_order = out.compares_order;
        function.parts = out.parts;
        function.made = out.made;
        function.chooses = out.chooses;
        function.counts = out.counts;
        function.origins = out.origins;
        function.returns = out.returns;
        if function.kind != FnKind::Closure && function.kind != FnKind::SpawnBody {
            function.params = self.base.params.clone();
        }
        if function.guards.is_empty() {
            // Statements and variables only matter inside critical sections.
            for block in &mut function.blocks {
                for event in &mut block.events {
                    event.stmt = conclint_facts::StmtId(0);
                }
            }
            // That it loops matters to whoever calls it under a lock.
            let a_loop = function
                .stmts
                .iter()
                .skip(1)
                .find(|stmt| stmt.kind == conclint_facts::StmtKind::Loop)
                .cloned();
            function.stmts.truncate(1);
            function
                .stmts
                .extend(a_loop.map(|stmt| conclint_facts::Stmt {
                    parent: Some(conclint_facts::StmtId(0)),
                    defs: Vec::new(),
                    uses: Vec::new(),
                    ..stmt
                }));
            if function.blocks.iter().all(|block| block.events.is_empty()) {
                function.blocks.clear();
                function.blocks.push(conclint_facts::Block::default());
            }
            return;
        }
        function.locals = self
            .locals
            .iter()
            .enumerate()
            .map(|(i, info)| conclint_facts::Local {
                id: conclint_facts::LocalId(i as u32),
                name: info.name.clone(),
                borrows: info.val.borrows.filter(|_| info.level == level),
                owned: types::owns(self.shared.index, &info.val.ty),
                made: info.made,
            })
            .collect();
    }
}

fn site_of(file: FileId, span: hir::Span) -> Site {
    Site {
        file,
        line: span.line,
        column: span.column,
        end_line: span.end_line,
        end_column: span.end_column,
    }
}

// ---- putting together ----

fn link(program: &mut Program, lowered: Vec<Lowered>, index: &Index) {
    let mut known: BTreeMap<ClassKey, ClassId> = BTreeMap::new();
    let named = lowered.len() as u32;
    let mut next_closure = named;
    let mut closures = Vec::new();
    for (i, mut one) in lowered.into_iter().enumerate() {
        let base = next_closure;
        next_closure += one.nested.len() as u32;
        let owner = FnId(i as u32);
        let map: Vec<ClassId> = one
            .classes
            .iter()
            .map(|(key, draft)| class(program, &mut known, key, draft, &one.function, owner, index))
            .collect();
        // Most functions name nothing that has a number of its own.
        if !map.is_empty() || !one.nested.is_empty() {
            let mut relink = Relink { map: &map, base };
            relink.function(&mut one.function);
            for nested in &mut one.nested {
                nested.parent = Some(owner);
                relink.function(nested);
            }
        }
        program.functions.push(one.function);
        closures.append(&mut one.nested);
    }
    program.functions.append(&mut closures);
}

/// A field declared as a lock of the type's own parameter: `RwLock<T>`.
fn is_inner(index: &Index, key: &ClassKey) -> bool {
    let ClassBase::Field(owner, field) = &key.base else {
        return false;
    };
    let declared = index.variant_field(*owner, 0, field);
    matches!(
        declared.map(|ty| types::peel_wrappers(index, &ty)),
        Some(Ty::Ext(_, args)) if matches!(args.last(), Some(Ty::Param(_)))
    )
}

/// A field's type as it is declared: where it is used, the pointers around the
/// lock are out of sight.
fn declared_text(index: &Index, key: &ClassKey) -> Option<String> {
    let ClassBase::Field(owner, field) = &key.base else {
        return None;
    };
    let declared = index.variant_field(*owner, 0, field)?;
    (!is_inner(index, key) && declared != Ty::Unknown).then(|| types::text(index, &declared))
}

/// The program-wide number of a class.
fn class(
    program: &mut Program,
    known: &mut BTreeMap<ClassKey, ClassId>,
    key: &ClassKey,
    draft: &ClassDraft,
    function: &Function,
    owner: FnId,
    index: &Index,
) -> ClassId {
    let own = matches!(key.base, ClassBase::Local(_) | ClassBase::Param(_));
    if !own && let Some(&id) = known.get(key) {
        // One function saw that it is awaited: then so it is everywhere.
        if let Some(Class { kind, .. }) = program.classes.get_mut(id.index())
            && let ObjectKind::Lock(traits) = kind
            && let ObjectKind::Lock(seen) = &draft.kind
        {
            traits.is_async |= seen.is_async;
        }
        return id;
    }
    let id = ClassId(program.classes.len() as u32);
    let suffix = if key.elem { "[]" } else { "" };
    let (name, full, site, scope) = match &key.base {
        ClassBase::Field(ty, field) => {
            let name = format!("{}.{field}", index.type_name(*ty));
            let full = format!("{}.{field}", index.type_key(*ty));
            (name, full, index.field_site(*ty, field), ClassScope::Field)
        }
        ClassBase::Static(id) => {
            let entry = index.static_(*id);
            (
                entry.name.to_string(),
                entry.key.to_string(),
                Some((entry.file, entry.span)),
                ClassScope::Static,
            )
        }
        ClassBase::Named(name) => (name.to_string(), name.to_string(), None, ClassScope::Static),
        ClassBase::Local(_) => (
            draft.name.clone(),
            local_key(function, owner, &draft.name),
            None,
            ClassScope::Local,
        ),
        ClassBase::Param(_) => (
            draft.name.clone(),
            local_key(function, owner, &draft.name),
            None,
            ClassScope::Param,
        ),
    };
    program.classes.push(Class {
        key: format!("{full}{suffix}"),
        name: format!("{name}{suffix}"),
        kind: draft.kind.clone(),
        type_text: declared_text(index, key).unwrap_or_else(|| draft.type_text.clone()),
        site: draft
            .site
            .or_else(|| site.map(|(file, span)| site_of(FileId(file), span))),
        is_inner: is_inner(index, key),
        also: Vec::new(),
        scope: if key.elem && scope != ClassScope::Param {
            ClassScope::Element
        } else {
            scope
        },
    });
    if !own {
        known.insert(key.clone(), id);
    }
    id
}

fn local_key(function: &Function, owner: FnId, name: &str) -> String {
    let _ = owner;
    format!("{}::{}::{name}", function.krate, function.qualified)
}

/// Replaces a function's own numbers by the program's.
pub(super) struct Relink<'m> {
    pub map: &'m [ClassId],
    pub base: u32,
}

impl Relink<'_> {
    pub fn function(&mut self, function: &mut Function) {
        for param in &mut function.params {
            self.class(&mut param.class);
        }
        for made in &mut function.made {
            self.class(&mut made.field);
            self.class(&mut made.element);
            self.class(&mut made.source);
        }
        for block in &mut function.blocks {
            for event in &mut block.events {
                self.event(&mut event.kind);
            }
        }
    }

    fn class(&self, class: &mut Option<ClassId>) {
        *class = class.and_then(|id| self.map.get(id.index()).copied());
    }

    fn object(&self, object: &mut ObjectRef) {
        self.class(&mut object.class);
    }

    fn target(&self, f: &mut FnId) {
        if f.0 >= NESTED_BASE {
            f.0 = f.0 - NESTED_BASE + self.base;
        }
    }

    fn call(&self, call: &mut conclint_facts::Call) {
        for target in &mut call.targets {
            self.target(target);
        }
        for Arg { class, closure, .. } in &mut call.args {
            self.class(class);
            if let Some(closure) = closure {
                self.target(closure);
            }
        }
    }

    fn event(&self, event: &mut EventKind) {
        match event {
            EventKind::Acquire {
                source: LockSource::Direct(object),
                ..
            } => self.object(object),
            EventKind::Acquire {
                source: LockSource::Callee(call),
                ..
            }
            | EventKind::Call(call) => self.call(call),
            EventKind::Spawn(spawn) => {
                if let Some(body) = &mut spawn.body {
                    self.target(body);
                }
                if let Handle::Stored(class) = &mut spawn.handle
                    && let Some(&to) = self.map.get(class.index())
                {
                    *class = to;
                }
            }
            EventKind::Join {
                handle: Some(handle),
                ..
            } => self.object(handle),
            EventKind::Wait { condvar, .. } | EventKind::Notify { condvar, .. } => {
                self.object(condvar)
            }
            EventKind::Send { channel, .. } | EventKind::Recv { channel, .. } => {
                if let Some(channel) = channel {
                    self.object(channel);
                }
            }
            EventKind::SharedWrite {
                object: Some(object),
            }
            | EventKind::Load { object, .. }
            | EventKind::Store {
                target: Target::Atomic { object, .. },
                ..
            } => self.object(object),
            _ => {}
        }
    }
}

// ---- what else the files say ----

fn unread(ws: &Workspace) -> Vec<Unread> {
    let mut all = Vec::new();
    for (i, file) in ws.files.iter().enumerate() {
        for part in &file.hir.unread {
            all.push(Unread {
                site: site_of(FileId(i as u32), part.span),
                what: part.what.clone(),
                why: part.why.clone(),
                mentions_lock: part.mentions_lock,
            });
        }
    }
    all
}

/// Lock orders written in comments, with the names resolved where one class fits.
fn orders(ws: &Workspace, index: &Index, program: &Program) -> Vec<DeclaredOrder> {
    let mut all = Vec::new();
    for (i, file) in ws.files.iter().enumerate() {
        for comment in &file.hir.comments {
            let names = match &comment.kind {
                CommentKind::LockOrder(names) => names.clone(),
                CommentKind::DeclarationOrder => {
                    match declared_fields(index, program, i as u32, comment.line) {
                        Some(names) => names,
                        None => continue,
                    }
                }
                CommentKind::Detached(_) => continue,
            };
            let line = comment.line;
            let site = Site {
                file: FileId(i as u32),
                line,
                column: 1,
                end_line: line,
                end_column: 1,
            };
            let classes = names
                .iter()
                .map(|name| class_named(program, name, site.file))
                .collect();
            all.push(DeclaredOrder {
                site,
                names,
                classes,
            });
        }
    }
    all
}

/// The lock fields, in order, of the struct that encloses or follows a line.
fn declared_fields(index: &Index, program: &Program, file: u32, line: u32) -> Option<Vec<String>> {
    let owner = index.struct_at(file, line)?;
    let prefix = format!("{}.", index.type_key(owner));
    let mut fields: Vec<&Class> = program
        .classes
        .iter()
        .filter(|class| class.scope == ClassScope::Field && class.key.starts_with(&prefix))
        .filter(|class| matches!(class.kind, ObjectKind::Lock(_)))
        .filter(|class| class.site.is_some_and(|site| site.line > line))
        .collect();
    fields.sort_by_key(|class| class.site.map(|site| (site.line, site.column)));
    (fields.len() >= 2).then(|| fields.iter().map(|class| class.name.clone()).collect())
}

/// The one class a written name can mean: exactly, else by its last part,
/// those of the same file first.
fn class_named(program: &Program, name: &str, file: FileId) -> Option<ClassId> {
    let name = name.trim_start_matches("self.");
    let is_lock = |class: &Class| matches!(class.kind, ObjectKind::Lock(_));
    let fits = |class: &Class| {
        is_lock(class)
            && (class.name == name
                || class.name.rsplit('.').next() == Some(name) && !name.contains('.'))
    };
    let all: Vec<usize> = (0..program.classes.len())
        .filter(|&i| fits(&program.classes[i]))
        .collect();
    let near: Vec<usize> = all
        .iter()
        .copied()
        .filter(|&i| {
            program.classes[i]
                .site
                .is_some_and(|site| site.file == file)
        })
        .collect();
    match (&near[..], &all[..]) {
        (&[one], _) | (&[], &[one]) => Some(ClassId(one as u32)),
        _ => None,
    }
}
