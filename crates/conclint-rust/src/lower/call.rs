//! Calls by path, method calls, and what their results are.

use std::sync::Arc;

use conclint_facts::{
    Arg, BlockKind, Blocking, Call, EventKind, FnId, GuardId, LockSource, Mode, ObjectKind,
    ObjectRef, ReleaseWhy, Resolution, WorkKind,
};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::types::{self, GuardTy, StdRet};
use super::value::{ClassBase, ClassKey, Val};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{FnIdx, How, MethodRes, Ty, ValueRes};
use crate::table::{self, Effect};

/// A method call, but for its receiver.
pub(super) struct MethodCall<'a> {
    pub name: &'a SmolStr,
    pub generics: &'a [hir::Ty],
    pub args: &'a [Expr],
    pub span: Span,
    pub name_span: Span,
    /// The method called on the result, if any.
    pub outer: Option<SmolStr>,
    pub awaited: bool,
}

impl MethodCall<'_> {
    /// From the method's name to the end of the call, where that is one line.
    pub fn site(&self) -> Span {
        if self.span.end_line == self.name_span.line {
            Span {
                end_column: self.span.end_column,
                ..self.name_span
            }
        } else {
            self.name_span
        }
    }
}

/// Methods too common to be resolved by name alone.
const STOP: &[&str] = &[
    "new",
    "get",
    "get_mut",
    "insert",
    "remove",
    "len",
    "clone",
    "read",
    "write",
    "lock",
    "send",
    "next",
    "push",
    "pop",
    "iter",
    "into",
    "from",
    "map",
    "unwrap",
    "expect",
    "take",
    "replace",
    "is_empty",
    "clear",
    "contains",
    "join",
    "wait",
    "run",
    "start",
    "stop",
    "close",
    "flush",
    "poll",
    "call",
    "drop",
    "as_ref",
    "as_mut",
    "to_string",
    "fmt",
    "eq",
    "hash",
    "name",
    "id",
    "key",
    "value",
    "extend",
    "drain",
    "find",
    "filter",
    "collect",
    "min",
    "max",
    "set",
    "load",
    "store",
    "swap",
    "update",
    "add",
    "sub",
    "with",
    "borrow",
    "index",
    "default",
    "build",
    "parse",
    "open",
    "connect",
    "accept",
    "bind",
    "spawn",
    "execute",
    "handle",
    "process",
    "reset",
    "init",
    "size",
    "count",
    "path",
    "split",
    "append",
    "first",
    "last",
    "entry",
    "keys",
    "values",
    "try_lock",
    "and_then",
    "or_else",
    "ok",
    "err",
    "then",
    "unpark",
    "park",
    "recv",
    "try_recv",
    "abs",
    "hash_one",
    "write_all",
    "finish",
];

impl Lower<'_> {
    pub fn resolve_type(&self, ty: &hir::Ty) -> Ty {
        self.index().resolve_type(&self.scope, ty)
    }

    /// Whether a value of this type is, or holds, a lock guard.
    pub fn guard_ty(&self, ty: &Ty) -> Option<GuardTy> {
        match ty {
            Ty::Ext(path, args) => {
                if path == super::value::GUARD {
                    return Some(GuardTy::Guard(args.first().cloned().unwrap_or(Ty::Unknown)));
                }
                if types::is_option_or_result(ty) {
                    return self.guard_ty(args.first()?);
                }
                let last = path.rsplit("::").next()?;
                if types::is_guard_name(last) {
                    return Some(GuardTy::Guard(args.last().cloned().unwrap_or(Ty::Unknown)));
                }
                if last == "Box" || last == "Pin" {
                    return self.guard_ty(args.first()?);
                }
                None
            }
            Ty::Adt(id, _) => self
                .shared
                .holders
                .get(id.index())
                .copied()
                .unwrap_or(false)
                .then_some(GuardTy::Holder),
            Ty::Tuple(parts) => parts
                .iter()
                .find_map(|part| self.guard_ty(part))
                .map(|_| GuardTy::Holder),
            Ty::Bounded(false, bounds) => bounds.iter().find_map(|bound| match &bound.trait_ {
                crate::index::TraitRef::Ext(path)
                    if path.ends_with("::Deref") || path.ends_with("::DerefMut") =>
                {
                    let target = bound.assoc.iter().find(|(name, _)| name == "Target");
                    Some(GuardTy::Guard(
                        target.map_or(Ty::Unknown, |(_, ty)| ty.clone()),
                    ))
                }
                _ => None,
            }),
            _ => None,
        }
    }

    // ---- calls by path ----

    pub fn is_constructor(&self, callee: &Expr) -> bool {
        let ExprKind::Path(path) = &callee.kind else {
            return false;
        };
        match path.as_name() {
            Some(name) if self.lookup(name).is_some() => false,
            _ => match self.index().resolve_value(&self.scope, path) {
                ValueRes::Ctor { .. } => true,
                ValueRes::Ext(path) => {
                    matches!(path.rsplit("::").next(), Some("Some" | "Ok" | "Err"))
                }
                _ => false,
            },
        }
    }

    pub fn construct(&mut self, callee: &Expr, vals: Vec<Val>) -> Val {
        let ExprKind::Path(path) = &callee.kind else {
            return Val::unknown();
        };
        let first = vals.first().cloned().unwrap_or_else(Val::unknown);
        let mut val = match self.index().resolve_value(&self.scope, path) {
            ValueRes::Ctor { ty, variant } => {
                let mut val = Val::of(Ty::Adt(ty, Arc::from([])));
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
                val.ty = match path.rsplit("::").next() {
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
                    .map(|s| s.args.iter().map(|ty| self.resolve_type(ty)).collect())
                    .unwrap_or_default();
                let name = short_path(path);
                self.workspace_call(&res, None, args, &name, span, span, &turbofish, None)
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
                self.swallow(&vals, span);
                Val::unknown()
            }
        }
    }

    /// A call of a variable: a closure, or a callable parameter.
    fn call_local(&mut self, id: conclint_facts::LocalId, args: &[Expr], span: Span) -> Val {
        let val = self.local_val(id, span);
        let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
        self.swallow(&vals, span);
        let name = self.locals[id.0 as usize].name.clone();
        if let Some(closure) = val.closure {
            self.call_closure(closure, name, span);
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

    pub fn call_closure(&mut self, closure: FnId, name: SmolStr, span: Span) {
        let call = Call {
            name,
            targets: vec![closure],
            resolution: Resolution::Exact,
            args: Vec::new(),
        };
        self.emit(EventKind::Call(call), span);
    }

    /// `(self.callback)(x)`, `(make())(x)`, `(|| ..)()`.
    fn call_value(&mut self, callee: &Expr, args: &[Expr], span: Span) -> Val {
        if let ExprKind::Closure(closure) = &callee.kind {
            let vals: Vec<Val> = args.iter().map(|arg| self.expr(arg)).collect();
            return self.inline_closure(closure, vals, false, callee.span);
        }
        let val = self.base(callee);
        let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
        self.swallow(&vals, span);
        if let Some(closure) = val.closure {
            self.call_closure(closure, SmolStr::new_static("closure"), span);
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

    fn external_call(
        &mut self,
        ext: &str,
        path: &hir::Path,
        args: &[Expr],
        span: Span,
        awaited: bool,
    ) -> Val {
        let what = short_path(path);
        if let Some(effect) = table::function_effect(ext) {
            return self.effect_call(effect, what, args, span);
        }
        let (head, name) = ext.rsplit_once("::").unwrap_or(("", ext));
        // `Mutex::lock(&m)`, `Option::map(x, f)`: the method in other words.
        let is_type = head
            .rsplit("::")
            .next()
            .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase()));
        let constructor = matches!(
            name,
            "new" | "default" | "from" | "with_capacity" | "const_new" | "new_in" | "with_hasher"
        );
        if is_type && !constructor && !args.is_empty() && is_method_name(head, name) {
            let recv = self.expr(&args[0]);
            let name = SmolStr::new(name);
            let call = MethodCall {
                name: &name,
                generics: &[],
                args: &args[1..],
                span,
                name_span: span,
                outer: None,
                awaited,
            };
            return self.method(recv, &call);
        }
        let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
        self.escaping_closures(&what, &vals, span);
        if is_type {
            let inner = vals.first().map_or(Ty::Unknown, |val| val.ty.clone());
            self.swallow(&vals, span);
            let last = head.rsplit("::").next().unwrap_or(head);
            let args = match last {
                "Mutex" | "RwLock" | "RefCell" | "Cell" | "OnceCell" | "FairMutex"
                | "ReentrantMutex" | "CachePadded" | "AtomicCell" | "LazyLock" | "Lazy"
                | "ShardedLock" => vec![inner],
                _ => path_type_args(self, path),
            };
            if constructor || is_builder(head) {
                return Val::of(types::ext(head, args));
            }
            return match table::method_effect(head, name, vals.len()) {
                Some(table::MethodEffect::Block(kind)) => {
                    self.emit(EventKind::Block { kind, what }, span);
                    Val::unknown()
                }
                _ => Val::unknown(),
            };
        }
        self.swallow(&vals, span);
        Val::unknown()
    }

    fn effect_call(&mut self, effect: Effect, what: SmolStr, args: &[Expr], span: Span) -> Val {
        match effect {
            Effect::Spawn(kind) => return self.spawn(kind, what, args.last(), span, false),
            Effect::Scope | Effect::InPlace | Effect::PoolInPlace => {
                if effect == Effect::PoolInPlace {
                    self.emit(
                        EventKind::Block {
                            kind: BlockKind::Pool,
                            what,
                        },
                        span,
                    );
                }
                return self.in_place_args(args, effect == Effect::Scope);
            }
            _ => {}
        }
        let vals: Vec<Val> = args.iter().map(|arg| self.expr(arg)).collect();
        let first = vals.first().cloned().unwrap_or_else(Val::unknown);
        match effect {
            Effect::Drop => {
                if let (Ty::Adt(ty, _), true) = (&first.ty, first.guards.is_empty()) {
                    self.call_drop(*ty, first.place.clone(), span);
                }
                for guard in first.guards.clone() {
                    self.release(guard, ReleaseWhy::Dropped, end_of(span));
                }
                if first.local.is_none() {
                    self.drop_handles(&first);
                } else {
                    for &spawn in &first.handles {
                        self.set_handle(spawn, conclint_facts::Handle::DroppedAtOnce);
                    }
                }
                Val::of(Ty::Tuple(Arc::from([])))
            }
            Effect::Forget => {
                for guard in first.guards.clone() {
                    self.escapes(guard);
                    self.forget(guard);
                }
                self.lose_handles(&first);
                Val::unknown()
            }
            Effect::Identity => {
                self.rehome(&first);
                let mut val = first;
                val.local = None;
                val.exclusive = false;
                val.ty = match what.rsplit("::").nth(1) {
                    Some("Arc") if what.ends_with("new") => {
                        types::ext("std::sync::Arc", vec![val.ty])
                    }
                    Some("Box") if what.ends_with("new") => {
                        types::ext("std::boxed::Box", vec![val.ty])
                    }
                    Some("Rc") if what.ends_with("new") => types::ext("std::rc::Rc", vec![val.ty]),
                    _ => match what.as_str() {
                        "Some" => types::option_of(val.ty),
                        "Ok" => types::result_of(val.ty),
                        "PoisonError::into_inner" => types::unwrap_ty(&val.ty),
                        "Arc::clone" | "Rc::clone" => match &val.ty {
                            Ty::Ref(_, inner) => (**inner).clone(),
                            ty => ty.clone(),
                        },
                        _ => val.ty,
                    },
                };
                val
            }
            Effect::GuardMap => {
                let mut val = first;
                val.local = None;
                val.ty = types::guard_of(Ty::Unknown);
                val
            }
            Effect::GuardUpgrade => self.upgrade(first, span),
            Effect::GuardUnlocked => {
                let held: Vec<GuardId> =
                    first.guards.iter().copied().chain(first.borrows).collect();
                for &guard in &held {
                    self.release(guard, ReleaseWhy::Dropped, span);
                }
                if let Some(closure) = vals.get(1).and_then(|val| val.closure) {
                    self.call_closure(closure, what, span);
                }
                // Taken again afterwards.
                for &guard in &held {
                    self.acquire_again(guard, span);
                }
                Val::unknown()
            }
            Effect::Replace => {
                for val in vals.iter().skip(1) {
                    self.lose_handles(val);
                }
                if let Some(guard) = first.borrows {
                    self.emit(EventKind::Use { guard, write: true }, span);
                }
                let ty = match &first.ty {
                    Ty::Ref(_, inner) => (**inner).clone(),
                    ty => ty.clone(),
                };
                let mut val = Val::of(ty);
                val.class = first.class;
                val.place = first.place;
                val
            }
            Effect::Channel(bounded) => self.channel(bounded),
            Effect::Block(kind) => {
                self.swallow(&vals, span);
                self.emit(EventKind::Block { kind, what }, span);
                Val::unknown()
            }
            Effect::Work(kind) => {
                self.emit(EventKind::Work { kind, what }, span);
                Val::unknown()
            }
            Effect::Spawn(_) | Effect::Scope | Effect::InPlace | Effect::PoolInPlace => {
                Val::unknown()
            }
        }
    }

    fn channel(&mut self, bounded: bool) -> Val {
        let mut val = Val::of(Ty::Tuple(Arc::from([
            types::ext(
                if bounded {
                    "std::sync::mpsc::SyncSender"
                } else {
                    "std::sync::mpsc::Sender"
                },
                vec![Ty::Unknown],
            ),
            types::ext("std::sync::mpsc::Receiver", vec![Ty::Unknown]),
        ])));
        if let Ty::Tuple(parts) = val.ty.clone() {
            val.parts = parts.iter().map(|ty| Val::of(ty.clone())).collect();
        }
        val
    }

    fn upgrade(&mut self, first: Val, span: Span) -> Val {
        for &guard in &first.guards {
            self.release(guard, ReleaseWhy::Moved, span);
            self.forget(guard);
        }
        let mut val = first;
        if val.guards.is_empty() {
            return val.with_ty(types::guard_of(Ty::Unknown));
        }
        let fresh = self.new_guard(span, Blocking::Waits);
        let source = self.source_of(val.guards[0]);
        if let Some(source) = source {
            let kind = EventKind::Acquire {
                guard: fresh,
                source,
                mode: Mode::Exclusive,
                blocking: Blocking::Waits,
            };
            self.emit(kind, span);
        }
        val.guards = vec![fresh];
        val.local = None;
        val
    }

    fn acquire_again(&mut self, guard: GuardId, span: Span) {
        let found = self
            .out
            .blocks
            .iter()
            .flat_map(|block| &block.events)
            .find_map(|event| match &event.kind {
                EventKind::Acquire { guard: g, .. } if *g == guard => Some(event.kind.clone()),
                _ => None,
            });
        if let Some(kind) = found {
            self.emit(kind, span);
        }
    }

    fn source_of(&self, guard: GuardId) -> Option<LockSource> {
        self.out
            .blocks
            .iter()
            .flat_map(|block| &block.events)
            .find_map(|event| match &event.kind {
                EventKind::Acquire {
                    guard: g, source, ..
                } if *g == guard => Some(source.clone()),
                _ => None,
            })
    }

    // ---- arguments ----

    /// An argument of a call: closures are lowered on their own.
    pub fn arg(&mut self, expr: &Expr) -> Val {
        self.expr(expr)
    }

    fn arg_fact(&mut self, val: &Val) -> Arg {
        let kind = self.object_kind(&val.ty);
        let class = match (&val.class, kind) {
            (Some(key), Some(kind)) => Some(self.class_id(key.clone(), &kind, &val.ty)),
            _ => None,
        };
        Arg {
            place: val.place.clone(),
            class,
            closure: val.closure,
            guard: val.guards.first().copied(),
        }
    }

    /// Guards that closures take along: what the closure does with them
    /// happens while it runs, which may be to let go first thing.
    fn taken_along(&mut self, vals: &mut [Val], span: Span) {
        for val in vals.iter_mut().filter(|val| val.closure.is_some()) {
            for guard in std::mem::take(&mut val.guards) {
                self.release(guard, ReleaseWhy::Moved, span);
            }
        }
    }

    /// By-value guards and handles that go into a call nobody looks into.
    fn swallow(&mut self, vals: &[Val], span: Span) {
        for val in vals {
            for guard in val.guards.clone() {
                self.escapes(guard);
                self.release(guard, ReleaseWhy::Moved, end_of(span));
            }
            self.lose_handles(val);
        }
    }

    /// The handles of a variable move on into another value.
    pub fn rehome(&mut self, val: &Val) {
        if !val.handles.is_empty()
            && let Some(info) = val
                .local
                .and_then(|local| self.locals.get_mut(local.0 as usize))
        {
            info.handles_used = true;
        }
    }

    /// Closures that go where nobody looks may run later.
    fn escaping_closures(&mut self, name: &SmolStr, vals: &[Val], span: Span) {
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

    fn unresolved(&mut self, name: SmolStr, vals: &[Val], span: Span) {
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

    // ---- the workspace's own functions ----

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
        let arg_tys: Vec<Ty> = vals.iter().map(|val| val.ty.clone()).collect();
        let ret = self
            .index()
            .fn_ret_of_args(first, Some(&res.self_ty), turbofish, &arg_tys);
        let ret = self.in_scope(ret);
        let call = Call {
            name: name.clone(),
            targets: res.fns.iter().map(|f| FnId(f.0)).collect(),
            resolution,
            args: vals.iter().map(|val| self.arg_fact(val)).collect(),
        };
        let guard_ty = self.guard_ty(&ret);
        let passed: Vec<GuardId> = vals
            .iter()
            .skip(usize::from(has_recv))
            .flat_map(|val| val.guards.iter().copied())
            .collect();
        let accessed = self.accessed(first, &vals);
        if guard_ty.is_some() && passed.is_empty() && !matches!(guard_ty, Some(GuardTy::None)) {
            return self.acquire_through(call, &ret, guard_ty, site, accessed);
        }
        self.emit(EventKind::Call(call), site);
        let mut val = accessed.unwrap_or_else(Val::unknown).with_ty(ret.clone());
        if let Some(GuardTy::Guard(data)) = &guard_ty {
            // A guard goes in and comes out again.
            val.guards = passed;
            val.ty = rewrap(&ret, types::guard_of(data.clone()));
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
                .filter(|_| !types::is_owned(&val.ty));
        }
        val
    }

    /// `fn f(self)`.
    fn takes_self(&self, f: FnIdx) -> bool {
        let entry = self.index().functions().get(f.index());
        entry
            .and_then(|entry| entry.def.params.first())
            .is_some_and(|param| !matches!(param.ty, hir::Ty::Ref { .. }))
    }

    /// A call that returns a guard: the lock is found in the callee.
    fn acquire_through(
        &mut self,
        call: Call,
        ret: &Ty,
        guard_ty: Option<GuardTy>,
        site: Span,
        accessed: Option<Val>,
    ) -> Val {
        let fallible = types::is_option_or_result(ret);
        let guard = self.new_guard(
            site,
            if fallible {
                Blocking::Try
            } else {
                Blocking::Waits
            },
        );
        let kind = EventKind::Acquire {
            guard,
            source: LockSource::Callee(call),
            mode: Mode::Exclusive,
            blocking: Blocking::Waits,
        };
        self.emit(kind, site);
        let ty = match guard_ty {
            Some(GuardTy::Guard(data)) => rewrap(ret, types::guard_of(data)),
            _ => ret.clone(),
        };
        let mut val = accessed.unwrap_or_else(Val::unknown).with_ty(ty);
        val.guards = vec![guard];
        val
    }

    /// Type parameters that mean nothing here are not known.
    fn in_scope(&self, ty: Ty) -> Ty {
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

    // ---- method calls ----

    pub fn method(&mut self, recv: Val, call: &MethodCall) -> Val {
        if !recv.guards.is_empty()
            && !types::is_guard(&recv.ty)
            && let Some(val) = self.method_on_wrapped_guard(&recv, call)
        {
            return val;
        }
        if matches!(call.name.as_str(), "clone" | "cloned")
            && call.args.is_empty()
            && recv.guards.is_empty()
        {
            return self.cloned(recv);
        }
        let mut recv = recv;
        if types::is_guard(&recv.ty) || !recv.guards.is_empty() {
            self.look_through(&mut recv, call.name_span, types::mutates(call.name));
        }
        let mut cur = recv;
        for _ in 0..12 {
            if let Some(val) = self.method_here(&cur, call) {
                return val;
            }
            match self.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        self.method_outside(cur, call)
    }

    /// `x.clone()`: a shared pointer to the same object, or a copy.
    fn cloned(&mut self, recv: Val) -> Val {
        let mut val = recv;
        while let Ty::Ref(_, inner) = &val.ty {
            val.ty = (**inner).clone();
        }
        val.local = None;
        val.exclusive = false;
        val.handles.clear();
        if types::is_guard(&val.ty) {
            return self.step(&val).unwrap_or(val);
        }
        if types::is_owned(&val.ty) || !matches!(val.ty, Ty::Unknown) {
            val.borrows = None;
        }
        val
    }

    /// Methods of the type as it stands, before any dereference.
    fn method_here(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        let name = call.name.as_str();
        match &cur.ty {
            Ty::Ext(path, args) => {
                if let Some(lock) = self.shared.table.get(path) {
                    if let Some(op) = self.shared.table.op(lock.traits.shape, name)
                        && (call.args.is_empty() || op.blocking != Blocking::Waits)
                    {
                        let data = args.last().cloned().unwrap_or(Ty::Unknown);
                        return Some(self.acquire(cur, &lock, op, data, call));
                    }
                    if matches!(name, "get_mut" | "into_inner") {
                        let ty = types::result_of(args.last().cloned().unwrap_or(Ty::Unknown));
                        let mut val = cur.project("data", ty);
                        val.local = None;
                        return Some(val);
                    }
                    return None;
                }
                if path == "std::io::Stdin" && name == "lock" {
                    return Some(self.acquire_stdin(call));
                }
                if path.ends_with("::Condvar") && name.starts_with("wait") {
                    return Some(self.wait(cur, call));
                }
                None
            }
            Ty::Adt(..) | Ty::Param(_) | Ty::Bounded(..) => {
                let res = self.index().method(&self.scope, &cur.ty, name)?;
                let turbofish: Vec<Ty> = call
                    .generics
                    .iter()
                    .map(|ty| self.resolve_type(ty))
                    .collect();
                if let Some(val) = self.own_lock(cur, &res, call) {
                    return Some(val);
                }
                let shown = SmolStr::new(name);
                Some(self.workspace_call(
                    &res,
                    Some(cur.clone()),
                    call.args,
                    &shown,
                    call.site(),
                    call.span,
                    &turbofish,
                    None,
                ))
            }
            _ => None,
        }
    }

    /// A lock that the workspace itself defines: `fn lock(&self) -> XGuard`.
    fn own_lock(&mut self, cur: &Val, res: &MethodRes, call: &MethodCall) -> Option<Val> {
        let Ty::Adt(id, args) = &cur.ty else {
            return None;
        };
        let type_name = self.index().type_name(*id);
        let shape = match type_name {
            n if n.ends_with("RwLock") => conclint_facts::LockShape::RwLock,
            n if n.ends_with("Mutex") || n.ends_with("Lock") => conclint_facts::LockShape::Mutex,
            _ => return None,
        };
        let op = self.shared.table.op(shape, call.name)?;
        if !call.args.is_empty() {
            return None;
        }
        let ret = self
            .index()
            .fn_ret(*res.fns.first()?, Some(&res.self_ty), &[]);
        let inner = types::peel_wrappers(self.index(), &ret);
        let Ty::Adt(guard, _) = &inner else {
            return None;
        };
        if !self.index().type_name(*guard).ends_with("Guard")
            || self.shared.holders.get(guard.index()).copied()?
        {
            return None;
        }
        let lock = table::LockType {
            traits: conclint_facts::LockTraits {
                family: SmolStr::new(self.index().type_key(*id).split("::").next().unwrap_or("")),
                type_name: SmolStr::new(type_name),
                shape,
                reentrant: type_name.contains("Reentrant"),
                read_reentrant: type_name.contains("Spin") || type_name.contains("Reentrant"),
                is_async: call.awaited,
            },
            wrap: if call.awaited {
                table::GuardWrap::Future
            } else if types::is_option_or_result(&ret) && op.blocking == Blocking::Waits {
                table::GuardWrap::Result
            } else {
                table::GuardWrap::Plain
            },
        };
        let data = args.last().cloned().unwrap_or(Ty::Unknown);
        Some(self.acquire(cur, &lock, op, data, call))
    }

    pub fn acquire(
        &mut self,
        lock_val: &Val,
        lock: &table::LockType,
        op: table::Op,
        data: Ty,
        call: &MethodCall,
    ) -> Val {
        for arg in call.args {
            self.base(arg);
        }
        let is_async = lock.wrap == table::GuardWrap::Future && !op.sync_on_async;
        if is_async && call.awaited {
            self.emit(EventKind::Await, call.site());
        }
        let kind = ObjectKind::Lock(lock.traits.clone());
        let object = self.object(lock_val, &kind);
        let guard = self.new_guard(call.site(), op.blocking);
        let event = EventKind::Acquire {
            guard,
            source: LockSource::Direct(object),
            mode: op.mode,
            blocking: op.blocking,
        };
        self.emit(event, call.site());
        let inner = types::guard_of(data);
        let ty = match (lock.wrap, op.blocking) {
            (table::GuardWrap::Result, _) => types::result_of(inner),
            (_, Blocking::Waits) => inner,
            (table::GuardWrap::Plain, _) => types::option_of(inner),
            (table::GuardWrap::Future, _) => types::result_of(inner),
        };
        let mut val = Val::of(ty);
        val.place = lock_val.place.clone();
        val.class = lock_val.class.clone();
        val.guards = vec![guard];
        val
    }

    fn acquire_stdin(&mut self, call: &MethodCall) -> Val {
        let lock = table::LockType {
            traits: conclint_facts::LockTraits {
                family: SmolStr::new_static("std"),
                type_name: SmolStr::new_static("Stdin"),
                shape: conclint_facts::LockShape::Mutex,
                reentrant: false,
                read_reentrant: false,
                is_async: false,
            },
            wrap: table::GuardWrap::Plain,
        };
        let mut stdin = Val::of(types::ext("std::io::Stdin", vec![]));
        let name = SmolStr::new_static("std::io::stdin");
        stdin.place = Some(conclint_facts::Place {
            root: conclint_facts::Root::Static(name.clone()),
            path: Vec::new(),
        });
        stdin.class = Some(ClassKey::new(ClassBase::Named(name)));
        let op = table::Op {
            mode: Mode::Exclusive,
            blocking: Blocking::Waits,
            sync_on_async: true,
        };
        self.acquire(
            &stdin,
            &lock,
            op,
            types::ext("std::io::StdinLock", vec![]),
            call,
        )
    }

    /// Methods on an `Option` or `Result` with a guard inside.
    fn method_on_wrapped_guard(&mut self, recv: &Val, call: &MethodCall) -> Option<Val> {
        if !types::is_option_or_result(&recv.ty) && recv.ty != Ty::Unknown {
            return None;
        }
        let inner = types::unwrap_ty(&recv.ty);
        let mut val = recv.clone();
        val.local = None;
        match call.name.as_str() {
            "unwrap" | "expect" | "unwrap_or_default" | "into_inner" | "unwrap_unchecked" => {
                for arg in call.args {
                    self.base(arg);
                }
                Some(val.with_ty(inner))
            }
            "unwrap_or_else" | "map_err" | "or_else" | "ok_or_else" => {
                let keep = val.clone();
                let error = val.clone();
                let name = call.name.as_str();
                let result = self.in_place_closures(call.args, &error, false);
                let ty = if name == "unwrap_or_else" {
                    inner
                } else {
                    keep.ty.clone()
                };
                let mut joined = keep.with_ty(ty);
                if let Some(result) = result {
                    for guard in result.guards {
                        if !joined.guards.contains(&guard) {
                            joined.guards.push(guard);
                        }
                    }
                }
                Some(joined)
            }
            "ok" | "ok_or" | "or" | "err" | "context" | "with_context" | "take" | "into_future" => {
                for arg in call.args {
                    self.base(arg);
                }
                Some(val)
            }
            // Whether the lock was taken: no look at its data.
            "is_ok" | "is_err" | "is_some" | "is_none" if recv.ty != Ty::Unknown => {
                Some(Val::of(types::ext("bool", vec![])))
            }
            "map" | "and_then" | "map_or" | "map_or_else" => {
                let payload = val.with_ty(inner);
                let result = self.in_place_closures(call.args, &payload, false);
                let mut result = result.unwrap_or_else(Val::unknown);
                if call.name == "map" {
                    result.ty = types::option_of(result.ty);
                }
                Some(result)
            }
            _ => None,
        }
    }

    /// A method of a type that is not of the workspace.
    fn method_outside(&mut self, cur: Val, call: &MethodCall) -> Val {
        let name = call.name.as_str();
        let path = match &cur.ty {
            Ty::Ext(path, _) => path.clone(),
            _ => SmolStr::default(),
        };
        let known = !path.is_empty() || !matches!(cur.ty, Ty::Unknown);
        self.out.compares_order |= orders(name);
        if (!known || matches!(cur.ty, Ty::Param(_)))
            && let Some(val) = self.lock_by_name(&cur, call)
        {
            return val;
        }
        if !known && let Some(val) = self.method_by_name(&cur, call) {
            return val;
        }
        if let Some(effect) = table::method_effect(&path, name, call.args.len())
            && let Some(val) = self.method_effect(&cur, effect, call)
        {
            return val;
        }
        if let Some(many) = table::runs_in_place(name)
            && call
                .args
                .iter()
                .any(|arg| matches!(arg.kind, ExprKind::Closure(_)))
        {
            return self.combinator(&cur, many, call);
        }
        let mut vals = vec![];
        for arg in call.args {
            let val = self.arg(arg);
            vals.push(val);
        }
        self.push_handles(&cur, &vals, name);
        self.escaping_closures(call.name, &vals, call.site());
        if !known && !matches!(name, "clone" | "unwrap" | "expect") && self.any_guard_in_scope() {
            self.unresolved(call.name.clone(), &[], call.site());
        }
        if let Some(local) = cur.local
            && types::mutates(name)
        {
            let stmt = self.out.stmt.index();
            self.out.stmts[stmt].defs.push(local);
        } else if types::mutates(name) && cur.borrows.is_none() {
            self.pin();
        }
        self.guards_into(&cur, &vals, call.span);
        self.std_result(cur, name, &vals)
    }

    /// Guards that are pushed into a collection live as long as it does.
    fn guards_into(&mut self, cur: &Val, vals: &[Val], span: Span) {
        let guards: Vec<GuardId> = vals
            .iter()
            .flat_map(|val| val.guards.iter().copied())
            .collect();
        if guards.is_empty() {
            return;
        }
        match cur.local {
            Some(local) => {
                let scope = self.scope_of(local);
                for guard in guards {
                    self.move_to_scope(guard, scope);
                    self.locals[local.0 as usize].val.guards.push(guard);
                }
            }
            None => {
                for guard in guards {
                    self.escapes(guard);
                    self.release(guard, ReleaseWhy::Moved, end_of(span));
                }
            }
        }
    }

    /// What a method of the standard library gives, as far as its name tells.
    fn std_result(&mut self, cur: Val, name: &str, vals: &[Val]) -> Val {
        let index = self.index();
        let mut val = cur.clone();
        val.local = None;
        val.parts.clear();
        if is_builder_ty(&cur.ty) {
            val.named |= name == "name";
            return val;
        }
        match types::std_method(&cur.ty, name) {
            StdRet::Same => {
                val.parts = cur.parts.clone();
                if name == "collect" && !matches!(cur.ty, Ty::Ext(..)) {
                    val.ty = Ty::Unknown;
                }
                val
            }
            StdRet::Inner => {
                val.parts = cur.parts.clone();
                let ty = types::unwrap_ty(&cur.ty);
                val.with_ty(ty)
            }
            StdRet::Element(wrapped) => {
                let ty = types::value_of(index, &cur.ty);
                let ty = if wrapped { types::option_of(ty) } else { ty };
                let mut part = cur.project("[]", ty);
                part.handles = cur.handles;
                part
            }
            StdRet::Entry => {
                let ty = types::value_of(index, &cur.ty);
                cur.project("[]", ty)
            }
            StdRet::Iter => {
                let item = self.item_of(&cur);
                let ty = if name == "enumerate" {
                    Ty::Tuple(Arc::from([types::ext("usize", vec![]), item.ty.clone()]))
                } else if name == "zip" {
                    let other = vals
                        .first()
                        .map_or(Ty::Unknown, |val| types::element(index, &val.ty));
                    Ty::Tuple(Arc::from([item.ty.clone(), other]))
                } else {
                    item.ty.clone()
                };
                val.ty = types::ext("conclint::Iter", vec![ty]);
                val
            }
            StdRet::Keys | StdRet::Values => {
                let at = usize::from(matches!(types::std_method(&cur.ty, name), StdRet::Values));
                let ty = match types::element(index, &cur.ty) {
                    Ty::Tuple(parts) => parts.get(at).cloned().unwrap_or(Ty::Unknown),
                    _ => Ty::Unknown,
                };
                val.ty = types::ext("conclint::Iter", vec![ty]);
                val
            }
            StdRet::Owned(ty) => {
                let mut owned = Val::of(ty);
                owned.handles = if name == "join" {
                    Vec::new()
                } else {
                    cur.handles
                };
                owned
            }
            StdRet::Unknown => {
                let mut unknown = Val::unknown();
                unknown.borrows = cur.borrows;
                unknown
            }
        }
    }

    /// `.lock()`, `.read().unwrap()` and the like on something whose type is
    /// not known.
    fn lock_by_name(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        if !call.args.is_empty() || cur.place.is_none() {
            return None;
        }
        let unwrapped = matches!(
            call.outer.as_deref(),
            Some("unwrap" | "expect" | "unwrap_or_else" | "map_err" | "?" | "ok")
        );
        let shape = match call.name.as_str() {
            "lock" => conclint_facts::LockShape::Mutex,
            "read" | "write" if unwrapped || call.awaited => conclint_facts::LockShape::RwLock,
            _ => return None,
        };
        if self
            .scope
            .generics
            .iter()
            .any(|g| matches!(&cur.ty, Ty::Param(name) if g.params.iter().any(|p| p.name == *name)))
        {
            return None;
        }
        let op = self.shared.table.op(shape, call.name)?;
        let wrap = if call.awaited {
            table::GuardWrap::Future
        } else if unwrapped {
            table::GuardWrap::Result
        } else {
            table::GuardWrap::Plain
        };
        let lock = table::LockType {
            traits: conclint_facts::LockTraits {
                family: SmolStr::new_static("unknown"),
                type_name: SmolStr::new_static(if shape == conclint_facts::LockShape::Mutex {
                    "Mutex"
                } else {
                    "RwLock"
                }),
                shape,
                reentrant: false,
                read_reentrant: false,
                is_async: call.awaited,
            },
            wrap,
        };
        Some(self.acquire(cur, &lock, op, Ty::Unknown, call))
    }

    /// A method whose name only one function of the workspace has.
    fn method_by_name(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        if STOP.contains(&call.name.as_str()) || table::runs_in_place(call.name).is_some() {
            return None;
        }
        let found: Vec<FnIdx> = self.index().methods_named(call.name).to_vec();
        let entries = self.index().functions();
        let fits = |f: &FnIdx| {
            entries
                .get(f.index())
                .is_some_and(|entry| entry.def.params.len() == call.args.len() + 1)
        };
        let &[one] = &found[..] else { return None };
        if !fits(&one) || !matches!(types::std_method(&Ty::Unknown, call.name), StdRet::Unknown) {
            return None;
        }
        let self_ty = entries
            .get(one.index())
            .and_then(|entry| entry.scope.self_ty.clone())
            .unwrap_or(Ty::Unknown);
        let res = MethodRes {
            fns: vec![one],
            how: How::Exact,
            self_ty,
        };
        let name = call.name.clone();
        Some(self.workspace_call(
            &res,
            Some(cur.clone()),
            call.args,
            &name,
            call.site(),
            call.span,
            &[],
            Some(Resolution::ByName),
        ))
    }

    /// The receiving end that a `for` loop runs over.
    pub fn receiver_of(&mut self, val: &Val) -> Option<ObjectRef> {
        let ty = types::peel(self.index(), &val.ty);
        match &ty {
            Ty::Ext(path, _) if path.ends_with("::Receiver") => {
                Some(self.object(val, &ObjectKind::Receiver))
            }
            _ => None,
        }
    }

    /// What kind of synchronisation object a type is.
    pub fn object_kind(&self, ty: &Ty) -> Option<ObjectKind> {
        let ty = types::peel_wrappers(self.index(), ty);
        let Ty::Ext(path, args) = &ty else {
            return None;
        };
        if let Some(lock) = self.shared.table.get(path) {
            return Some(ObjectKind::Lock(lock.traits));
        }
        Some(match path.rsplit("::").next()? {
            "Condvar" => ObjectKind::Condvar,
            "Barrier" => ObjectKind::Barrier,
            "SyncSender" => ObjectKind::Sender {
                bounded: Some(true),
            },
            "Sender" | "UnboundedSender" => {
                let bounded = match path.as_str() {
                    "std::sync::mpsc::Sender" | "tokio::sync::mpsc::UnboundedSender" => Some(false),
                    "tokio::sync::mpsc::Sender" => Some(true),
                    _ => None,
                };
                ObjectKind::Sender { bounded }
            }
            "Receiver" | "UnboundedReceiver" => ObjectKind::Receiver,
            "Once" | "OnceLock" | "LazyLock" | "OnceCell" => ObjectKind::Once,
            "JoinHandle" | "ScopedJoinHandle" => ObjectKind::Handle,
            "Child" => ObjectKind::Child,
            "Vec" | "VecDeque" => {
                return args
                    .first()
                    .and_then(|arg| self.object_kind(arg))
                    .filter(|kind| *kind == ObjectKind::Handle);
            }
            name if name.starts_with("Atomic") => ObjectKind::Atomic,
            _ => return None,
        })
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

/// Methods that put things in order: whoever calls them before taking two
/// locks of one kind most likely orders the locks.
fn orders(name: &str) -> bool {
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

fn entry_name(lower: &Lower<'_>, f: FnIdx) -> SmolStr {
    lower
        .index()
        .functions()
        .get(f.index())
        .map(|entry| entry.def.name.clone())
        .unwrap_or_default()
}

fn is_callable(ty: &Ty) -> bool {
    match ty {
        Ty::Fn(..) => true,
        Ty::Bounded(_, bounds) => bounds.iter().any(|bound| {
            matches!(&bound.trait_, crate::index::TraitRef::Ext(path)
                if matches!(path.rsplit("::").next(), Some("Fn" | "FnMut" | "FnOnce")))
        }),
        _ => false,
    }
}

/// The result type with its guard type replaced by the pseudo guard.
fn rewrap(ret: &Ty, guard: Ty) -> Ty {
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

fn is_builder(head: &str) -> bool {
    matches!(
        head.rsplit("::").next(),
        Some("Builder" | "ThreadPoolBuilder" | "OpenOptions" | "Command")
    )
}

fn is_builder_ty(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if is_builder(path))
}

/// `Type::name` that takes the value first.
fn is_method_name(head: &str, name: &str) -> bool {
    let last = head.rsplit("::").next().unwrap_or("");
    match last {
        "Mutex" | "RwLock" | "Condvar" | "Option" | "Result" | "JoinHandle" | "Iterator"
        | "Sender" | "Receiver" | "SyncSender" | "FairMutex" | "ReentrantMutex" => true,
        _ => {
            table::method_effect(head, name, 0).is_some()
                || table::method_effect(head, name, 1).is_some()
        }
    }
}

fn path_type_args(lower: &Lower<'_>, path: &hir::Path) -> Vec<Ty> {
    let before_last = path
        .segments
        .len()
        .checked_sub(2)
        .and_then(|i| path.segments.get(i));
    before_last
        .map(|segment| {
            segment
                .args
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
