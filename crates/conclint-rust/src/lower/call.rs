//! Calls by path, arguments, and calls of the workspace's own functions.

use std::sync::Arc;

use conclint_facts::{
    Arg, BlockKind, Call, EventKind, FnId, GuardId, ReleaseWhy, Resolution, WorkKind,
};
use smol_str::SmolStr;

use super::body::{Lower, NESTED_BASE, end_of};
use super::types::{self, GuardTy};
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{FnIdx, How, MethodRes, Ty, Tys, ValueRes, last_segment};
use crate::table::{self};

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
        if let Some(id) = path.as_name().and_then(|name| self.lookup(name)) {
            return self.call_local(id, args, span);
        }
        match self.index().resolve_value(&self.scope, path) {
            ValueRes::Fns(res) => {
                let turbofish: Vec<Ty> = path
                    .segments
                    .last()
                    .map(|s| s.args().iter().map(|ty| self.resolve_type(ty)).collect())
                    .unwrap_or_default();
                let name = short_path(path);
                self.workspace_call(
                    &res, None, args, &name, span, span, &turbofish, None, awaited,
                )
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
        self.other(span);
        let name = self.locals[id.0 as usize].name.clone();
        if let Some(closure) = val.closure {
            if let Ty::Fn(_, ret) = &val.ty
                && let guard @ Some(GuardTy::Guard(_)) = self.guard_ty(ret)
            {
                let call = closure_call(closure, name);
                return self.acquire_through(call, &ret.clone(), guard, span, None);
            }
            self.call_callable(closure, name, &vals, span);
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
    fn call_callable(&mut self, callee: FnId, name: SmolStr, vals: &[Val], span: Span) {
        if callee.0 >= NESTED_BASE {
            return self.call_closure(callee, name, span);
        }
        let mut call = closure_call(callee, name);
        call.args = vals.iter().map(|val| self.arg_fact(val)).collect();
        self.emit(EventKind::Call(call), span);
    }

    pub fn call_closure(&mut self, closure: FnId, name: SmolStr, span: Span) {
        self.emit(EventKind::Call(closure_call(closure, name)), span);
        for (_, guard) in self.used_up.clone().iter().filter(|(f, _)| *f == closure) {
            self.release(*guard, ReleaseWhy::Moved, end_of(span));
        }
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
                },
                span,
            );
        }
        match types::peel_wrappers(self.index(), &val.ty) {
            Ty::Fn(_, ret) => Val::of((*ret).clone()),
            _ => Val::unknown(),
        }
    }

    /// An argument of a call: closures are lowered on their own.
    pub fn arg(&mut self, expr: &Expr) -> Val {
        self.expr(expr)
    }

    pub fn arg_fact(&mut self, val: &Val) -> Arg {
        let kind = self.object_kind(&val.ty);
        let class = match (&val.class, kind) {
            (Some(key), Some(kind)) => Some(self.class_id(key.clone(), &kind, &val.ty)),
            _ => None,
        };
        Arg {
            place: val.place.clone(),
            class,
            closure: val.closure,
            guards: val.guards.to_vec(),
            borrows: val.borrows,
            from: val.from,
            exclusive: val.exclusive,
            channel: val.channel,
            flag: val.flag,
        }
    }

    /// Guards that closures take along: what the closure does with them
    /// happens while it runs, which may be to let go first thing.
    pub fn taken_along(&mut self, vals: &mut [Val], span: Span) {
        for val in vals.iter_mut().filter(|val| val.closure.is_some()) {
            for guard in std::mem::take(&mut val.guards) {
                self.release(guard, ReleaseWhy::Moved, span);
            }
        }
    }

    /// By-value guards and handles that go into a call nobody looks into.
    pub fn swallow(&mut self, vals: &[Val], span: Span) {
        for val in vals {
            for guard in val.guards.clone() {
                self.escapes(guard);
                self.release(guard, ReleaseWhy::Moved, end_of(span));
            }
            self.lose_handles(val);
        }
    }

    /// Closures that go where nobody looks may run later.
    pub fn escaping_closures(&mut self, name: &SmolStr, vals: &[Val], span: Span) {
        if vals.iter().any(|val| val.closure.is_some()) {
            let args = vals.iter().map(|val| self.arg_fact(val)).collect();
            let call = Call {
                name: name.clone(),
                targets: Vec::new(),
                resolution: Resolution::External,
                args,
            };
            self.emit(EventKind::Call(call), span);
        }
    }

    pub fn unresolved(&mut self, name: SmolStr, vals: &[Val], span: Span) {
        let args = vals.iter().map(|val| self.arg_fact(val)).collect();
        self.emit(
            EventKind::Call(Call {
                name,
                targets: Vec::new(),
                resolution: Resolution::Unknown,
                args,
            }),
            span,
        );
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site each for paths and methods"
    )]
    pub fn workspace_call(
        &mut self,
        res: &MethodRes,
        recv: Option<Val>,
        args: &[Expr],
        name: &SmolStr,
        site: Span,
        span: Span,
        turbofish: &[Ty],
        resolution: Option<Resolution>,
        awaited: bool,
    ) -> Val {
        let mut vals: Vec<Val> = recv.into_iter().collect();
        let has_recv = !vals.is_empty();
        for arg in args {
            let val = self.arg(arg);
            vals.push(val);
        }
        self.taken_along(&mut vals, site);
        let resolution = resolution.unwrap_or(match res.how {
            How::Exact => Resolution::Exact,
            How::Trait => Resolution::Trait,
        });
        let Some(&first) = res.fns.first() else {
            return Val::unknown();
        };
        if has_recv
            && self.takes_self(first)
            && let Some(local) = vals.first().and_then(|val| val.local)
        {
            self.locals[local.0 as usize].moved = true;
        }
        self.out.compares_order |= orders(&entry_name(self, first));
        let arg_tys: Vec<&Ty> = vals.iter().map(|val| &val.ty).collect();
        let ret = self
            .index()
            .fn_ret_of_args(first, Some(&res.self_ty), turbofish, &arg_tys);
        let ret = self.in_scope(ret);
        let call = Call {
            name: name.clone(),
            targets: self.candidates(&res.fns, resolution),
            resolution,
            args: vals.iter().map(|val| self.arg_fact(val)).collect(),
        };
        let guard_ty = self.guard_ty(&ret);
        let passed: Vec<GuardId> = vals
            .iter()
            .skip(usize::from(has_recv && !self.takes_self(first)))
            .flat_map(|val| val.guards.iter().copied())
            .collect();
        let accessed = self.accessed(first, &vals);
        if guard_ty.is_some() && passed.is_empty() && !matches!(guard_ty, Some(GuardTy::None)) {
            return self.acquire_through(call, &ret, guard_ty, site, accessed);
        }
        if !awaited && self.is_async_fn(first) {
            // Nothing runs yet; the future takes its arguments along.
            self.swallow(&vals, span);
            let mut val = Val::of(ret);
            val.future = Some(Arc::new(call));
            return val;
        }
        self.emit(EventKind::Call(call), site);
        let result = self.event_origin();
        self.stored_by_call(first, has_recv, &vals, site);
        let mut val = accessed.unwrap_or_else(Val::unknown).with_ty(ret.clone());
        val.from = result;
        if let Some(GuardTy::Guard(data)) = &guard_ty {
            // A guard goes in and comes out again; with most errors, and `None`, it does not.
            if types::is_option_or_result(&ret) && !self.error_has_guard(&ret) {
                self.may_be_gone(&passed);
            }
            val.guards = passed;
            val.ty = rewrap(&ret, types::guard_of(data.clone()));
        } else if guard_ty == Some(GuardTy::Holder) {
            // `Transaction::new(self.state.lock())`: it lives on in there.
            val.guards = passed;
        } else {
            for guard in passed {
                self.escapes(guard);
                self.release(guard, ReleaseWhy::Moved, end_of(span));
            }
        }
        for moved in &vals {
            self.lose_handles(moved);
        }
        if val.borrows.is_none() {
            // A reference that comes out may point into what went in.
            val.borrows = vals
                .iter()
                .find_map(|v| v.borrows)
                .filter(|_| !types::owns(self.shared.index, &val.ty));
        }
        val
    }

    fn error_has_guard(&self, ret: &Ty) -> bool {
        let error = types::error_of(ret);
        let poisoned =
            |ty: &Ty| matches!(ty, Ty::Ext(path, _) if last_segment(path) == "PoisonError");
        error.is_some_and(|error| poisoned(error) || self.guard_ty(error).is_some())
    }

    /// What a call may run. An implementation for tests is no choice for code
    /// that is none, unless it is named.
    fn candidates(&self, fns: &[FnIdx], resolution: Resolution) -> Vec<FnId> {
        let entries = self.index().functions();
        let guessed = matches!(resolution, Resolution::Trait | Resolution::ByName);
        let for_tests = |f: &FnIdx| entries.get(f.index()).is_some_and(|entry| entry.is_test);
        fns.iter()
            .filter(|f| !guessed || self.base.is_test || !for_tests(f))
            .map(|f| FnId(f.0))
            .collect()
    }

    /// Guarded data that is handed to `f` as `&mut`.
    fn stored_by_call(&mut self, f: FnIdx, has_recv: bool, vals: &[Val], span: Span) {
        if vals.iter().all(|val| val.borrows.is_none()) {
            return;
        }
        let entry = self.index().functions().get(f.index());
        let mut_self = entry
            .and_then(|entry| entry.def.params.first())
            .is_some_and(|param| matches!(param.ty, hir::Ty::Ref { mutable: true, .. }));
        let from = vals
            .iter()
            .fold(conclint_facts::Origins::NONE, |all, val| all.or(val.from));
        for (i, val) in vals.iter().enumerate() {
            if matches!(val.ty, Ty::Ref(true, _)) || i == 0 && has_recv && mut_self {
                self.store_guarded(val, conclint_facts::Writing::Call, from, span);
            }
        }
    }

    fn is_async_fn(&self, f: FnIdx) -> bool {
        let entry = self.index().functions().get(f.index());
        entry.is_some_and(|entry| entry.def.is_async)
    }

    /// A future is run to its end here: what it stands for happens now.
    pub fn run_future(&mut self, val: &Val, span: Span) {
        if let Some(call) = &val.future {
            self.emit(EventKind::Call((**call).clone()), span);
        } else if let Some(closure) = val.closure {
            self.call_closure(closure, SmolStr::new_static("await"), span);
        }
    }

    /// `fn f(self)`.
    pub fn takes_self(&self, f: FnIdx) -> bool {
        let entry = self.index().functions().get(f.index());
        entry
            .and_then(|entry| entry.def.params.first())
            .is_some_and(|param| !matches!(param.ty, hir::Ty::Ref { .. }))
    }

    /// Type parameters that mean nothing here are not known.
    pub fn in_scope(&self, ty: Ty) -> Ty {
        match ty {
            Ty::Param(name) => {
                let known = self
                    .scope
                    .generics
                    .iter()
                    .any(|g| g.params.iter().any(|p| p.name == name));
                if known { Ty::Param(name) } else { Ty::Unknown }
            }
            Ty::Ref(mutable, inner) => Ty::Ref(mutable, Arc::new(self.in_scope((*inner).clone()))),
            Ty::Ext(path, args)
                if args
                    .iter()
                    .any(|arg| matches!(arg, Ty::Param(_) | Ty::Ref(..) | Ty::Ext(..))) =>
            {
                Ty::Ext(
                    path,
                    args.iter()
                        .map(|arg| self.in_scope(arg.clone()))
                        .collect::<Vec<_>>()
                        .into(),
                )
            }
            other => other,
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

pub(super) fn entry_name(lower: &Lower<'_>, f: FnIdx) -> SmolStr {
    lower
        .index()
        .functions()
        .get(f.index())
        .map(|entry| entry.def.name.clone())
        .unwrap_or_default()
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

/// The result type with its guard type replaced by the pseudo guard.
pub(super) fn rewrap(ret: &Ty, guard: Ty) -> Ty {
    match ret {
        Ty::Ext(path, args) if types::is_option_or_result(ret) => {
            let inner = args
                .first()
                .map_or_else(|| guard.clone(), |inner| rewrap(inner, guard.clone()));
            let rest = args.iter().skip(1).cloned();
            Ty::Ext(
                path.clone(),
                std::iter::once(inner)
                    .chain(rest)
                    .collect::<Vec<_>>()
                    .into(),
            )
        }
        _ => guard,
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
        | "Sender" | "Receiver" | "SyncSender" | "FairMutex" | "ReentrantMutex" => true,
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
