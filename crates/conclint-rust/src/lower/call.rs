//! Calls by path and of values: who is called, and what constructors build.
//!
//! What arguments carry along is in `args`; functions of the workspace are
//! `workspace_call`, those of others `external`.

use std::sync::Arc;

use conclint_facts::{BlockKind, Call, EventKind, FnId, Origins, ReleaseWhy, Resolution, WorkKind};
use smol_str::SmolStr;

use super::body::{Lower, NESTED_BASE, end_of};
use super::types::{self, GuardTy};
use super::value::Val;
use super::workspace_call::{WorkspaceCall, resolution};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{Ty, Tys, ValueRes, last_segment};
use crate::table;

impl Lower<'_> {
    pub fn resolve_type(&self, ty: &hir::Ty) -> Ty {
        self.index().resolve_type(&self.scope, ty)
    }

    pub fn is_constructor(&self, callee: &Expr) -> bool {
        let ExprKind::Path(path) = &callee.kind else {
            return false;
        };
        match path.as_name() {
            Some(name) if self.lookup(name).is_some() => false,
            _ => match self.index().resolve_value(&self.scope, path) {
                ValueRes::Ctor { .. } => true,
                ValueRes::Ext(path) => {
                    matches!(last_segment(&path), "Some" | "Ok" | "Err")
                }
                _ => false,
            },
        }
    }

    pub fn construct(&mut self, callee: &Expr, vals: Vec<Val>) -> Val {
        let ExprKind::Path(path) = &callee.kind else {
            return Val::unknown();
        };
        for part in &vals {
            self.becomes_temporary(part);
        }
        let first = vals.first().cloned().unwrap_or_else(Val::unknown);
        let mut val = match self.index().resolve_value(&self.scope, path) {
            ValueRes::Ctor { ty, variant } => {
                let mut val = Val::of(Ty::Adt(ty, Tys::default()));
                for (i, part) in vals.iter().enumerate() {
                    self.note_constructed(part, (ty, variant), path, i);
                    if !part.handles.is_empty() && variant.is_none() {
                        let owner = val.ty.clone();
                        self.store_handles(part, &owner, &SmolStr::new(i.to_string()));
                    } else {
                        self.lose_handles(part);
                    }
                }
                val.borrows = vals.iter().find_map(|part| part.borrows);
                val
            }
            ValueRes::Ext(path) => {
                let mut val = first.clone();
                self.rehome(&first);
                val.ty = match Some(last_segment(&path)) {
                    Some("Some") => types::option_of(first.ty),
                    Some("Ok") => types::result_of(first.ty),
                    _ => types::ext("std::result::Result", vec![Ty::Unknown, first.ty]),
                };
                val.local = None;
                val.parts.clear();
                return val;
            }
            _ => Val::unknown(),
        };
        val.guards = vals
            .iter()
            .flat_map(|val| val.guards.iter().copied())
            .collect();
        val
    }

    pub fn call(&mut self, callee: &Expr, args: &[Expr], span: Span, awaited: bool) -> Val {
        let ExprKind::Path(path) = &callee.kind else {
            return self.call_value(callee, args, span);
        };
        let local = path.as_name().and_then(|name| self.lookup(name));
        let info = local.and_then(|id| self.locals.get(id.0 as usize));
        let function = info.and_then(|info| info.function.clone());
        let path = match (local, &function) {
            (_, Some(function)) => &**function,
            (Some(id), None) => return self.call_local(id, args, span),
            (None, None) => path,
        };
        match self.index().resolve_value(&self.scope, path) {
            ValueRes::Fns(res) => {
                let turbofish: Vec<Ty> = path
                    .segments
                    .last()
                    .map(|s| s.args().iter().map(|ty| self.resolve_type(ty)).collect())
                    .unwrap_or_default();
                let call = WorkspaceCall {
                    res: &res,
                    resolution: resolution(&res),
                    args,
                    name: &short_path(path),
                    site: span,
                    span,
                    turbofish: &turbofish,
                    awaited,
                };
                self.workspace_call(None, &call)
            }
            ValueRes::Ctor { .. } => {
                let vals = args.iter().map(|arg| self.expr(arg)).collect();
                self.construct(callee, vals)
            }
            ValueRes::Ext(ext) => self.external_call(&ext, path, args, span, awaited),
            ValueRes::Static(_) | ValueRes::Const(_) => self.call_value(callee, args, span),
            ValueRes::Unknown => {
                let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
                self.unresolved(short_path(path), &vals, span);
                self.other(span);
                self.swallow(&vals, span);
                self.derived_default(path)
            }
        }
    }

    /// The function of a library that `pat` is bound to for good: a name for it.
    pub fn library_function(&self, pat: &hir::Pat, init: &Expr) -> Option<Arc<hir::Path>> {
        let ExprKind::Path(path) = &init.kind else {
            return None;
        };
        let hir::Pat::Bind { mutable: false, .. } = pat else {
            return None;
        };
        let is_local = path
            .as_name()
            .is_some_and(|name| self.lookup(name).is_some());
        let is_function = !is_local
            && match self.index().resolve_value(&self.scope, path) {
                ValueRes::Ext(ext) => last_segment(&ext).starts_with(|c: char| c.is_lowercase()),
                _ => false,
            };
        is_function.then(|| Arc::new(path.clone()))
    }

    /// `T::default()` of a type that derives it.
    fn derived_default(&self, path: &hir::Path) -> Val {
        let mut head = path.clone();
        match head.segments.pop() {
            Some(last) if last.name == "default" && !head.segments.is_empty() => {
                Val::of(self.resolve_type(&hir::Ty::Path(head)))
            }
            _ => Val::unknown(),
        }
    }

    /// A call of a variable: a closure, or a callable parameter.
    pub fn call_local(&mut self, id: conclint_facts::LocalId, args: &[Expr], span: Span) -> Val {
        let val = self.local_val(id, span);
        let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
        self.swallow(&vals, span);
        let closure = val.closure.filter(|closure| closure.0 >= NESTED_BASE);
        if closure.is_none() {
            self.other(span);
        }
        let name = self.locals[id.0 as usize].name.clone();
        if let Some(closure) = val.closure {
            if let Ty::Fn(_, ret) = &val.ty
                && let guard @ Some(GuardTy::Guard(_)) = self.guard_ty(ret)
            {
                let call = closure_call(closure, name);
                return self.acquire_through(call, &ret.clone(), guard, span, None);
            }
            let from = self.call_callable(closure, name, &vals, span);
            let mut given = match types::peel(self.index(), &val.ty) {
                Ty::Fn(_, ret) => Val::of((*ret).clone()),
                _ => Val::unknown(),
            };
            given.from = from;
            return given;
        } else if let Some(conclint_facts::Place {
            root: conclint_facts::Root::Param(param),
            path,
        }) = &val.place
            && path.is_empty()
            && self.out.level == self.locals[id.0 as usize].level
        {
            self.emit(EventKind::CallParam { param: *param }, span);
        } else if is_callable(&types::peel(self.index(), &val.ty)) {
            self.emit(
                EventKind::Block {
                    kind: BlockKind::Callback,
                    what: name,
                    of: None,
                },
                span,
            );
        }
        match types::peel(self.index(), &val.ty) {
            Ty::Fn(_, ret) => Val::of((*ret).clone()),
            _ => Val::unknown(),
        }
    }

    /// A closure reaches what it names by itself; a function needs to be given it.
    fn call_callable(&mut self, callee: FnId, name: SmolStr, vals: &[Val], span: Span) -> Origins {
        if callee.0 >= NESTED_BASE {
            return self.call_closure(callee, name, span);
        }
        let mut call = closure_call(callee, name);
        call.args = vals.iter().map(|val| self.arg_fact(val)).collect();
        self.emit(EventKind::Call(call), span);
        self.event_origin()
    }

    /// Gives what the result depends on.
    pub fn call_closure(&mut self, closure: FnId, name: SmolStr, span: Span) -> Origins {
        self.emit(EventKind::Call(closure_call(closure, name)), span);
        let result = self.event_origin();
        for (_, guard) in self.used_up.clone().iter().filter(|(f, _)| *f == closure) {
            self.release(*guard, ReleaseWhy::Moved, end_of(span));
        }
        result
    }

    /// `(self.callback)(x)`, `(make())(x)`, `(|| ..)()`.
    pub fn call_value(&mut self, callee: &Expr, args: &[Expr], span: Span) -> Val {
        if let ExprKind::Closure(closure) = &callee.kind {
            let vals: Vec<Val> = args.iter().map(|arg| self.expr(arg)).collect();
            return self.inline_closure(closure, vals, false, callee.span);
        }
        let val = self.base(callee);
        let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
        self.swallow(&vals, span);
        self.other(span);
        if let Some(closure) = val.closure {
            self.call_callable(closure, SmolStr::new_static("closure"), &vals, span);
        } else if is_callable(&types::peel_wrappers(self.index(), &val.ty)) {
            let what = SmolStr::new(place_text(callee));
            self.emit(
                EventKind::Block {
                    kind: BlockKind::Callback,
                    what,
                    of: None,
                },
                span,
            );
        }
        match types::peel_wrappers(self.index(), &val.ty) {
            Ty::Fn(_, ret) => Val::of((*ret).clone()),
            _ => Val::unknown(),
        }
    }

    /// A heavy call that is worth naming.
    pub fn work(&mut self, kind: WorkKind, what: &SmolStr, span: Span) {
        self.emit(
            EventKind::Work {
                kind,
                what: what.clone(),
            },
            span,
        );
    }
}

fn closure_call(closure: FnId, name: SmolStr) -> Call {
    Call {
        name,
        targets: vec![closure],
        resolution: Resolution::Exact,
        args: Vec::new(),
    }
}

/// Methods that put things in order: whoever calls them before taking two
/// locks of one kind most likely orders the locks.
pub(super) fn orders(name: &str) -> bool {
    matches!(
        name,
        "min"
            | "max"
            | "minmax"
            | "cmp"
            | "sort"
            | "sort_by_key"
            | "sort_by"
            | "sort_unstable"
            | "sort_unstable_by_key"
    )
}

pub(super) fn is_callable(ty: &Ty) -> bool {
    match ty {
        Ty::Fn(..) => true,
        Ty::Bounded(_, bounds) => bounds.iter().any(|bound| {
            matches!(&bound.trait_, crate::index::TraitRef::Ext(path)
                if matches!(last_segment(path), "Fn" | "FnMut" | "FnOnce"))
        }),
        _ => false,
    }
}

pub(super) fn is_builder(head: &str) -> bool {
    matches!(
        Some(last_segment(head)),
        Some("Builder" | "ThreadPoolBuilder" | "OpenOptions" | "Command")
    )
}

pub(super) fn is_builder_ty(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if is_builder(path))
}

/// `Type::name` that takes the value first.
pub(super) fn is_method_name(head: &str, name: &str) -> bool {
    let last = last_segment(head);
    match last {
        "Mutex" | "RwLock" | "Condvar" | "Option" | "Result" | "JoinHandle" | "Iterator"
        | "Pin" | "Sender" | "Receiver" | "SyncSender" | "FairMutex" | "ReentrantMutex" => true,
        _ => {
            table::method_effect(head, name, 0).is_some()
                || table::method_effect(head, name, 1).is_some()
        }
    }
}

pub(super) fn path_type_args(lower: &Lower<'_>, path: &hir::Path) -> Vec<Ty> {
    let before_last = path
        .segments
        .len()
        .checked_sub(2)
        .and_then(|i| path.segments.get(i));
    before_last
        .map(|segment| {
            segment
                .args()
                .iter()
                .map(|ty| lower.resolve_type(ty))
                .collect()
        })
        .unwrap_or_default()
}

/// The last two segments, as people write a call.
pub(super) fn short_path(path: &hir::Path) -> SmolStr {
    let from = path.segments.len().saturating_sub(2);
    let names: Vec<&str> = path.segments[from..]
        .iter()
        .map(|segment| segment.name.as_str())
        .collect();
    SmolStr::new(names.join("::"))
}

pub(super) fn place_text(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Path(path) => path.last().to_owned(),
        ExprKind::Field { base, name, .. } => format!("{}.{name}", place_text(base)),
        ExprKind::MethodCall { receiver, name, .. } => format!("{}.{name}()", place_text(receiver)),
        ExprKind::Unary { expr, .. } | ExprKind::Ref { expr, .. } | ExprKind::Try(expr) => {
            place_text(expr)
        }
        ExprKind::Index { base, .. } => format!("{}[_]", place_text(base)),
        _ => "closure".to_owned(),
    }
}
