//! Calls of the workspace's own functions: what they may run, which guards go in
//! and come out again, and what their result is.
//!
//! Which functions are meant was decided before, by `call` and `method`.

use std::sync::Arc;

use conclint_facts::{Call, EventKind, FnId, GuardId, PauseKind, ReleaseWhy, Resolution};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::call::orders;
use super::link;
use super::never::Never;
use super::types::{self, GuardTy};
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{FnIdx, How, MethodRes, Ty, last_segment};

/// A call of a function of the workspace, but for its receiver.
pub(super) struct WorkspaceCall<'c> {
    /// What it may run.
    pub res: &'c MethodRes,
    pub resolution: Resolution,
    pub args: &'c [Expr],
    /// As people write it.
    pub name: &'c SmolStr,
    /// What is pointed at: of a method from its name on.
    pub site: Span,
    /// The whole call.
    pub span: Span,
    pub turbofish: &'c [Ty],
    pub awaited: bool,
}

/// How sure it is that these functions are meant.
pub(super) fn resolution(res: &MethodRes) -> Resolution {
    match res.how {
        How::Exact => Resolution::Exact,
        How::Trait => Resolution::Trait,
    }
}

impl Lower<'_> {
    /// A call of one of the functions in `call.res`.
    pub fn workspace_call(&mut self, recv: Option<Val>, call: &WorkspaceCall<'_>) -> Val {
        let &WorkspaceCall {
            res, site, span, ..
        } = call;
        let has_recv = recv.is_some();
        let mut vals: Vec<Val> = recv.into_iter().collect();
        for arg in call.args {
            self.note_given(call, arg, &vals);
            let val = self.arg(arg);
            vals.push(val);
        }
        self.taken_along(&mut vals, site);
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
            .fn_ret_of_args(first, Some(&res.self_ty), call.turbofish, &arg_tys);
        let ret = self.in_scope(ret);
        let fact = Call {
            name: call.name.clone(),
            targets: self.candidates(&res.fns, call.resolution),
            resolution: call.resolution,
            args: vals.iter().map(|val| self.arg_fact(val)).collect(),
        };
        let guard_ty = self.guard_ty(&ret);
        let passed: Vec<GuardId> = vals
            .iter()
            .skip(usize::from(has_recv && !self.takes_self(first)))
            .flat_map(|val| val.guards.iter().copied())
            .collect();
        let accessed = self.accessed(first, &vals).or_else(|| {
            let recv = vals.first().filter(|_| has_recv)?;
            self.lent(res, recv, call.name, call.args)
        });
        if guard_ty.is_some() && passed.is_empty() && !matches!(guard_ty, Some(GuardTy::None)) {
            return self.acquire_through(fact, &ret, guard_ty, site, accessed);
        }
        if !call.awaited && self.is_async_fn(first) {
            // Nothing runs yet; the future takes its arguments along.
            self.swallow(&vals, span);
            let mut val = Val::of(ret);
            val.future = Some(Arc::new(fact));
            return val;
        }
        self.emit(EventKind::Call(fact), site);
        let mut started = Val::of(ret.clone());
        self.called(&mut started);
        self.learn_filled(call, &vals);
        if !has_recv && vals.is_empty() && entry_name(self, first) == "sched_yield" {
            // POSIX's: whoever writes it, it does what it is called.
            self.pause(PauseKind::Yield, site);
        }
        let result = self.event_origin();
        self.stored_by_call(first, has_recv, &vals, site);
        let mut val = accessed.unwrap_or_else(Val::unknown).with_ty(ret.clone());
        val.from = result;
        val.handles.append(&mut started.handles);
        self.handed_through(&mut val, &ret, guard_ty, passed, span);
        vals.iter().for_each(|moved| self.lose_handles(moved));
        self.handed_receiver(call, &vals, &mut val);
        if val.borrows.is_none() {
            // A reference that comes out may point into what went in.
            val.borrows = vals
                .iter()
                .find_map(|v| v.borrows)
                .filter(|_| !types::owns(self.shared.index, &val.ty));
        }
        match self.never_comes_back(call) {
            true => self.dead_end(span),
            false => val,
        }
    }

    /// Whether whatever this call runs never comes back. What a body tells of
    /// one function is told of the one that is called, in every build that has
    /// the call.
    fn never_comes_back(&self, call: &WorkspaceCall<'_>) -> bool {
        let never = |f: &FnIdx| self.shared.never.get(f.index()).copied().flatten();
        match (call.resolution, call.res.fns.as_slice()) {
            (Resolution::Exact, [one]) if never(one) == Some(Never::Body) => {
                let entry = self.index().functions().get(one.index());
                entry.is_some_and(|entry| entry.cfgs.iter().all(|c| self.base.cfgs.contains(c)))
            }
            (Resolution::Exact | Resolution::Trait, fns) => {
                !fns.is_empty() && fns.iter().all(|f| never(f) == Some(Never::Declared))
            }
            _ => false,
        }
    }

    /// What the callee gives to `arg`, where that is a closure; `before` are the
    /// arguments before it.
    fn note_given(&mut self, call: &WorkspaceCall<'_>, arg: &Expr, before: &[Val]) {
        self.given.clear();
        let is_closure = |expr: &Expr| matches!(expr.kind, ExprKind::Closure(_));
        let boxed = match &arg.kind {
            ExprKind::Call { args, .. } => matches!(&args[..], [one] if is_closure(one)),
            _ => false,
        };
        if (is_closure(arg) || boxed)
            && let Some(&first) = call.res.fns.first()
        {
            let tys: Vec<&Ty> = before.iter().map(|val| &val.ty).collect();
            let self_ty = Some(&call.res.self_ty);
            let index = self.index();
            let given = index.given_to_closure(first, before.len(), self_ty, call.turbofish, &tys);
            self.given = given.into_iter().map(|ty| self.given_val(ty)).collect();
        }
    }

    /// `fill(&mut list)`: a list of what the callee says.
    fn learn_filled(&mut self, call: &WorkspaceCall<'_>, vals: &[Val]) {
        let Some(&first) = call.res.fns.first() else {
            return;
        };
        for (i, val) in vals.iter().enumerate() {
            if let (Some(id), Ty::Ref(true, _)) = (val.local, &val.ty)
                && let Ty::Ref(true, told) = self.index().fn_param_ty(first, i)
                && !link::names_parameter(&told)
            {
                self.learn(id, &told);
            }
        }
    }

    fn given_val(&self, ty: Ty) -> Val {
        let ty = self.in_scope(ty);
        // Whose guard it would be is not known.
        if self.guard_ty(&ty).is_some() {
            return Val::unknown();
        }
        let mut val = Val::of(ty);
        val.exclusive = matches!(val.ty, Ty::Ref(true, _) | Ty::Adt(..));
        val
    }

    /// Guards that were `passed` to a call come out again with what it gives,
    /// which is of type `ret`, or stay where nobody looks.
    fn handed_through(
        &mut self,
        val: &mut Val,
        ret: &Ty,
        guard_ty: Option<GuardTy>,
        passed: Vec<GuardId>,
        span: Span,
    ) {
        match guard_ty {
            Some(GuardTy::Guard(data)) => {
                // With most errors, and `None`, it does not.
                if types::is_option_or_result(ret) && !self.error_has_guard(ret) {
                    self.may_be_gone(&passed);
                }
                val.guards = passed;
                val.ty = rewrap(ret, super::maps::guard_like(ret, data));
            }
            // `Transaction::new(self.state.lock())`: it lives on in there.
            Some(GuardTy::Holder) => val.guards = passed,
            // `map(self.inner.lock(), |inner| Guard { inner })` in a function that gives
            // a guard: what the closure makes of it is not seen, but what is promised.
            None if !passed.is_empty() && is_open(ret) && self.promises_guard() => {
                val.guards = passed;
            }
            _ => {
                for guard in passed {
                    self.escapes(guard);
                    self.release(guard, ReleaseWhy::Moved, end_of(span));
                }
            }
        }
    }

    /// Whether this function gives a guard, by its declaration.
    fn promises_guard(&self) -> bool {
        self.id.is_some_and(|id| {
            let ret = self.index().fn_ret(id, None, &[]);
            self.guard_ty(&ret).is_some()
        })
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
}

pub(super) fn entry_name(lower: &Lower<'_>, f: FnIdx) -> SmolStr {
    lower
        .index()
        .functions()
        .get(f.index())
        .map(|entry| entry.def.name.clone())
        .unwrap_or_default()
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

/// A type that only the caller, or a closure, tells.
pub(super) fn is_open(ty: &Ty) -> bool {
    match ty {
        Ty::Unknown | Ty::Param(_) => true,
        Ty::Bounded(_, bounds) => bounds.is_empty(),
        Ty::Ext(_, args) if types::is_option_or_result(ty) => args.first().is_none_or(is_open),
        _ => false,
    }
}
