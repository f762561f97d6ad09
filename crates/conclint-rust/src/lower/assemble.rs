//! Lowers every function, in parallel, and puts the results together into one
//! [`Program`].
//!
//! Only sets up what lowering needs: `function` reads one, `link` gives what
//! they name its numbers, `orders` reads the comments.

use std::sync::OnceLock;

use conclint_facts::{
    FileId, FnKind, Function, LockShape, Program, SourceFile, Unread, cfgs_exclusive, names_system,
};
use rayon::prelude::*;
use smol_str::SmolStr;

use super::body::{ClassDraft, Lower, Out, Shared, site_of};
use super::own::OwnLock;
use super::value::{ClassKey, LocalInfo};
use super::{link, orders, own, types};
use crate::hir::{self, CommentKind};
use crate::index::{CrateId, FnEntry, FnIdx, Index, Ty, TypeId, last_segment};
use crate::table::LockTable;
use crate::workspace::{Crate, CrateKind, Edition, Workspace};

/// One named function with its closures, numbers still its own.
pub(super) struct Lowered {
    pub function: Function,
    pub nested: Vec<Function>,
    pub classes: Vec<(ClassKey, ClassDraft)>,
    /// Guarded types (by number) whose lock is made here, and whether only once
    /// in each run.
    pub locks_made: Vec<(u32, bool)>,
}

/// The facts of a whole workspace.
pub(crate) fn program(ws: &Workspace, index: &Index, table: &LockTable) -> Program {
    let detached: Vec<Vec<u32>> = ws
        .files
        .iter()
        .map(|file| detached_lines(&file.hir))
        .collect();
    let (guards, (behind, never)) = rayon::join(
        || guards(index, table),
        || {
            rayon::join(
                || super::behind::behind(index, table),
                || super::never::never(index),
            )
        },
    );
    let Guards {
        holders,
        own_guards,
        own_locks,
    } = guards;
    let shared = Shared {
        index,
        table,
        detached: &detached,
        holders,
        own_guards,
        own_locks,
        behind,
        ways: std::iter::repeat_with(OnceLock::new)
            .take(index.functions().len())
            .collect(),
        never,
        no_std: ws.crates.iter().map(|krate| ws.no_std(krate)).collect(),
        in_program: in_programs(&ws.crates),
    };
    let lowered: Vec<Lowered> = index
        .functions()
        .par_iter()
        .enumerate()
        .with_min_len(16)
        .map_init(Vec::new, |locals, (i, entry)| {
            lower_one(&shared, ws, FnIdx(i as u32), entry, locals)
        })
        .collect();
    let mut program = Program {
        files: ws.files.iter().map(source_file).collect(),
        ..Program::default()
    };
    link::link(&mut program, lowered, index);
    program.unread = unread(ws);
    program.orders = orders::orders(ws, index, &program);
    super::shared::merge(&mut program);
    program
}

fn source_file(file: &crate::workspace::File) -> SourceFile {
    SourceFile {
        path: file.path.clone(),
        lines: file.hir.lines,
        is_test: file.is_test,
        unreached: file.unreached,
    }
}

fn detached_lines(file: &hir::HirFile) -> Vec<u32> {
    file.comments
        .iter()
        .filter(|c| matches!(c.kind, CommentKind::Detached(_)))
        .map(|c| c.line)
        .collect()
}

/// What types (by number) have to do with guards.
struct Guards {
    /// Holds one in a field (through two levels of structs).
    holders: Vec<bool>,
    /// Is the guard of one of the program's own locks.
    own_guards: Vec<bool>,
    /// Is such a lock.
    own_locks: Vec<Option<OwnLock>>,
}

fn guards(index: &Index, table: &LockTable) -> Guards {
    let count = index.type_count();
    let mut holders = vec![false; count];
    add_holders(index, &mut holders, &[]);
    let mut own = vec![false; count];
    let mut own_locks = vec![None; count];
    let methods = (0..).map(FnIdx).zip(index.functions());
    for (f, entry) in methods.filter(|(_, entry)| own::may_take(table, entry)) {
        let Some(Ty::Adt(lock, _)) = entry.scope.self_ty else {
            continue;
        };
        let ret = index.fn_ret(f, None, &[]);
        let takes = |shape: &LockShape| own::op(table, *shape, &entry.def.name).is_some();
        let named = own::shape(index.type_name(lock)).filter(takes);
        let guard = named.and_then(|_| own::guard(index, &holders, &ret));
        let (shape, guard, wraps) = match (named, guard) {
            (Some(shape), Some(guard)) => (shape, Some(guard), None),
            _ => {
                let around = own::wrapped(index, table, lock).filter(|lock| takes(&lock.shape));
                // Who comes by way of a trait does not name the wrapper.
                let plain = entry.trait_path.is_none() && own::waits(table, entry, &ret);
                let Some(traits) = around.filter(|_| plain) else {
                    continue;
                };
                let Some(guard) = own::wrapped_guard(index, &holders, &ret) else {
                    continue;
                };
                (traits.shape, guard, Some(traits))
            }
        };
        if let Some(guard) = guard {
            own[guard.index()] = true;
        }
        own_locks[lock.index()] = Some(OwnLock {
            shape,
            is_async: entry.def.is_async,
            wraps,
        });
    }
    if own.contains(&true) {
        add_holders(index, &mut holders, &own);
    }
    Guards {
        holders,
        own_guards: own,
        own_locks,
    }
}

fn add_holders(index: &Index, holders: &mut [bool], own: &[bool]) {
    let is_own = |id: TypeId| own.get(id.index()).copied().unwrap_or(false);
    for _ in 0..2 {
        for id in (0..holders.len() as u32).map(TypeId) {
            if holders[id.index()] || is_own(id) {
                continue;
            }
            let fields = index.field_types(id);
            // In an `Option` it is there to be let go of in between.
            let is_guard = |ty: &Ty| matches!(ty, Ty::Adt(id, _) if is_own(*id));
            holders[id.index()] = fields
                .iter()
                .any(|ty| is_guard(ty) || is_guard_field(ty, holders));
        }
    }
}

fn is_guard_field(ty: &Ty, holders: &[bool]) -> bool {
    match ty {
        Ty::Ext(path, args) => {
            types::is_guard_name(last_segment(path))
                || crate::table::is_reference(path)
                || (types::is_option_or_result(ty)
                    && args.first().is_some_and(|arg| is_guard_field(arg, holders)))
        }
        Ty::Adt(id, _) => holders.get(id.index()).copied().unwrap_or(false),
        _ => false,
    }
}

/// `locals` is empty, before and after: its memory serves one function after the other.
fn lower_one(
    shared: &Shared<'_>,
    ws: &Workspace,
    id: FnIdx,
    entry: &FnEntry,
    locals: &mut Vec<LocalInfo>,
) -> Lowered {
    let krate = ws.crates.get(entry.krate.index());
    let tail_scopes = krate.is_some_and(|krate| krate.edition >= Edition::E2024);
    let mut function = declared(shared, krate, entry);
    function.never_returns = matches!(shared.never.get(id.index()), Some(Some(_)));
    let mut lower = Lower::new(shared, entry, function, tail_scopes);
    std::mem::swap(&mut lower.locals, locals);
    lower.function(id, entry);
    let out = std::mem::replace(&mut lower.out, Out::new(0, lower.base.site));
    let mut function = lower.base.clone();
    lower.fill(&mut function, out);
    let classes = lower
        .class_order
        .iter()
        .filter_map(|key| Some((lower.alias_of(key), lower.classes.get(key)?.clone())))
        .collect();
    lower.locals.clear();
    std::mem::swap(&mut lower.locals, locals);
    Lowered {
        function,
        nested: lower
            .nested
            .into_iter()
            .map(|nested| nested.function)
            .collect(),
        classes,
        locks_made: lower.locks_made,
    }
}

/// The facts that a function's declaration tells.
fn declared(shared: &Shared<'_>, krate: Option<&Crate>, entry: &FnEntry) -> Function {
    let site = site_of(FileId(entry.file), entry.def.name_span);
    Function {
        qualified: entry.qualified.clone(),
        krate: krate.map(|krate| krate.name.clone()).unwrap_or_default(),
        no_std: shared
            .no_std
            .get(entry.krate.index())
            .and_then(Option::as_ref)
            .is_some_and(|when| !has_system(&entry.cfgs, when)),
        in_library: krate
            .is_some_and(|krate| matches!(krate.kind, CrateKind::Lib | CrateKind::Loose)),
        in_program: shared.in_program.get(entry.krate.index()) == Some(&true),
        kind: kind_of(entry, krate.map(|krate| krate.kind)),
        is_pub: entry.is_pub,
        is_test: entry.is_test,
        is_test_root: entry.def.attrs.test,
        is_async: entry.def.is_async,
        is_foreign: entry.def.is_foreign,
        mut_self: entry.def.has_self
            && matches!(
                entry.def.params.first().map(|p| &p.ty),
                Some(hir::Ty::Ref { mutable: true, .. })
            ),
        cfgs: entry.cfgs.clone(),
        ..Function::new(entry.def.name.clone(), site)
    }
}

/// By crate: it is a program, or a library that one of them asks for.
fn in_programs(crates: &[Crate]) -> Vec<bool> {
    let mut found = vec![false; crates.len()];
    let programs = crates.iter().enumerate();
    let mut next: Vec<usize> = programs
        .filter(|(_, krate)| krate.kind == CrateKind::Bin)
        .map(|(at, _)| at)
        .collect();
    while let Some(at) = next.pop() {
        if !std::mem::replace(&mut found[at], true) {
            let asked = crates[at].deps.values().filter_map(|dep| dep.krate);
            next.extend(asked.map(CrateId::index));
        }
    }
    found
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
