//! Method calls: dereferencing to the type that has the method, and what the
//! methods of other people's types give.

use std::sync::Arc;

use conclint_facts::{Blocking, GuardId, ReleaseWhy, Resolution};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::call::{is_builder_ty, orders};
use super::types::{self, StdRet};
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{FnIdx, How, MethodRes, Ty, Tys};
use crate::table::{self};

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
    "write_fmt",
    "write_str",
    "write_all",
    "read_exact",
    "read_to_end",
    "read_to_string",
    "write_char",
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
    pub fn method(&mut self, recv: Val, call: &MethodCall) -> Val {
        if let Some(val) = self.map_reference_method(&recv, call) {
            return val;
        }
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
        if (types::is_guard(&recv.ty) || !recv.guards.is_empty()) && !self.consumes(&recv, call) {
            self.look_through(&mut recv, call.name_span, types::mutates(call.name));
        }
        let mut cur = recv;
        for _ in 0..12 {
            if let Some(val) = self.method_here(&mut cur, call) {
                return val;
            }
            match self.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        let future = cur.future.clone();
        let mut val = self.method_outside(cur, call);
        // `f().instrument(span)`: still that future.
        val.future = val.future.or(future);
        val
    }

    /// Whether the call takes a value that holds guards away: `transaction.commit()`.
    fn consumes(&self, recv: &Val, call: &MethodCall) -> bool {
        matches!(recv.ty, Ty::Adt(..))
            && self
                .index()
                .method(&self.scope, &recv.ty, call.name)
                .and_then(|res| res.fns.first().copied())
                .is_some_and(|first| self.takes_self(first))
    }

    /// `x.clone()`: a shared pointer to the same object, or a copy.
    pub fn cloned(&mut self, recv: Val) -> Val {
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

    /// Methods of the type as it stands, before any dereference. Takes the
    /// value only where there is such a method.
    pub fn method_here(&mut self, cur: &mut Val, call: &MethodCall) -> Option<Val> {
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
                    return self.extension_method(cur, call);
                }
                if let Some(val) = self.map_method(cur, call) {
                    return Some(val);
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
                if let Some(val) = self.own_lock(cur, &res, call) {
                    return Some(val);
                }
                let cur = std::mem::replace(cur, Val::unknown());
                Some(self.resolved_method(cur, &res, call))
            }
            // Another element of the same array.
            Ty::Ptr(_) if moves_pointer(name) => {
                for arg in call.args {
                    self.base(arg);
                }
                Some(cur.project("[]", cur.ty.clone()))
            }
            _ => None,
        }
    }

    /// `mutex.lock_ignoring_poison()`: the workspace's own trait on a type of others.
    fn extension_method(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        let res = self
            .index()
            .extension_method(&self.scope, &cur.ty, call.name)?;
        Some(self.resolved_method(cur.clone(), &res, call))
    }

    fn resolved_method(&mut self, cur: Val, res: &MethodRes, call: &MethodCall) -> Val {
        let turbofish: Vec<Ty> = call
            .generics
            .iter()
            .map(|ty| self.resolve_type(ty))
            .collect();
        self.workspace_call(
            res,
            Some(cur),
            call.args,
            call.name,
            call.site(),
            call.span,
            &turbofish,
            None,
            call.awaited,
        )
    }

    /// A method of a type that is not of the workspace.
    pub fn method_outside(&mut self, cur: Val, call: &MethodCall) -> Val {
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
        let with_closure = call
            .args
            .iter()
            .any(|arg| matches!(arg.kind, ExprKind::Closure(_)));
        if with_closure && self.is_future(&cur) {
            return self.combined_future(cur, call);
        }
        if let Some(many) = table::runs_in_place(name)
            && with_closure
        {
            return self.combinator(&cur, many, call);
        }
        let mut vals = vec![];
        for arg in call.args {
            let val = self.arg(arg);
            vals.push(val);
        }
        self.push_handles(&cur, &vals, name);
        if name == "clear" && call.args.is_empty() {
            self.guards_cleared(&cur, call.span);
        }
        if !super::origin::is_cheap(name) {
            self.other(call.site());
        }
        self.escaping_closures(call.name, &vals, call.site());
        if !known && !matches!(name, "clone" | "unwrap" | "expect") && self.any_guard_in_scope() {
            self.unresolved(call.name.clone(), &[], call.site());
        }
        if let Some(local) = cur.local
            && types::mutates(name)
        {
            let stmt = self.out.stmt.index();
            self.out.stmts[stmt].defs.push(local);
            let from = self.seen;
            if let Some(info) = self.locals.get_mut(local.0 as usize) {
                info.val.from = info.val.from.or(from);
            }
        } else if types::mutates(name) && cur.borrows.is_none() {
            self.pin();
        }
        self.guards_into(&cur, &vals, call.span);
        self.std_result(cur, name, &vals)
    }

    /// A value that is a future by its type, and none of this crate's own.
    fn is_future(&self, val: &Val) -> bool {
        let by_type = match &val.ty {
            Ty::Ext(path, _) => path == types::CATCH_UNWIND,
            ty @ Ty::Bounded(..) => self.index().implements(ty, "Future"),
            _ => false,
        };
        by_type && val.closure.is_none() && val.guards.is_empty()
    }

    /// `future.map(|it| ..)`: the closure runs when the future does, and
    /// whoever runs the one runs the other.
    fn combined_future(&mut self, cur: Val, call: &MethodCall) -> Val {
        let vals: Vec<Val> = call.args.iter().map(|arg| self.arg(arg)).collect();
        let mut val = Val::of(types::ext(types::CATCH_UNWIND, vec![]));
        val.closure = vals.iter().find_map(|val| val.closure);
        val.from = cur.from;
        val
    }

    /// A collection of guards is emptied.
    fn guards_cleared(&mut self, cur: &Val, span: Span) {
        let Some(info) = cur
            .local
            .and_then(|local| self.locals.get_mut(local.0 as usize))
        else {
            return;
        };
        for guard in std::mem::take(&mut info.val.guards) {
            self.release(guard, ReleaseWhy::Dropped, end_of(span));
        }
    }

    /// Guards that are pushed into a collection live as long as it does.
    pub fn guards_into(&mut self, cur: &Val, vals: &[Val], span: Span) {
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
    pub fn std_result(&mut self, cur: Val, name: &str, vals: &[Val]) -> Val {
        let index = self.index();
        let mut val = cur.clone();
        val.local = None;
        val.parts.clear();
        if is_builder_ty(&cur.ty) {
            val.named |= name == "name";
            return val;
        }
        if name == "catch_unwind" && vals.is_empty() {
            return val.with_ty(types::ext(types::CATCH_UNWIND, vec![]));
        }
        if let Some(ty) = types::swapped(&cur.ty, name) {
            return val.with_ty(ty);
        }
        match types::std_method(&cur.ty, name) {
            StdRet::Same => {
                val.parts = cur.parts.clone();
                if name == "collect" && !matches!(cur.ty, Ty::Ext(..)) {
                    val.ty = Ty::Unknown;
                }
                if name == "flatten"
                    && let Ty::Ext(path, args) = &cur.ty
                    && let Some(inside) = args.first()
                {
                    val.ty = match types::is_option_or_result(&cur.ty) {
                        true => inside.clone(),
                        false => Ty::Ext(path.clone(), [types::element(index, inside)].into()),
                    };
                }
                // What is inside is borrowed, not moved out.
                if types::is_option_or_result(&cur.ty)
                    && matches!(name, "as_ref" | "as_mut" | "as_deref" | "as_deref_mut")
                {
                    let inner = types::unwrap_ty(&cur.ty);
                    val.ty = types::option_of(Ty::Ref(name.ends_with("mut"), Arc::new(inner)));
                }
                if matches!(cur.ty, Ty::Adt(..)) && types::is_view(name) {
                    val.ty = Ty::Ref(name.ends_with("mut"), Arc::new(cur.ty));
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
                let ty = match types::gives_reference(name) {
                    true => Ty::Ref(name.ends_with("mut"), Arc::new(ty)),
                    false => ty,
                };
                let ty = if wrapped { types::option_of(ty) } else { ty };
                let mut part = cur.project("[]", ty);
                part.handles = cur.handles;
                part
            }
            StdRet::Entry => {
                let mut ty = types::value_of(index, &cur.ty);
                if cur.borrows.is_some() {
                    ty = Ty::Ref(true, Arc::new(ty));
                }
                cur.project("[]", ty)
            }
            StdRet::Iter => {
                let item = self.item_of(&cur);
                let ty = if name == "enumerate" {
                    Ty::Tuple(Tys::from([types::ext("usize", vec![]), item.ty.clone()]))
                } else if name == "zip" {
                    let other = vals
                        .first()
                        .map_or(Ty::Unknown, |val| types::element(index, &val.ty));
                    Ty::Tuple(Tys::from([item.ty.clone(), other]))
                } else if matches!((name, &item.ty), ("iter" | "iter_mut", Ty::Adt(..))) {
                    Ty::Ref(name == "iter_mut", Arc::new(item.ty))
                } else {
                    item.ty.clone()
                };
                val.ty = types::ext("conclint::Iter", vec![ty]);
                val
            }
            StdRet::Chunks => {
                let list = Ty::Slice(Arc::new(types::value_of(index, &cur.ty)));
                val.with_ty(types::ext("conclint::Iter", vec![list]))
            }
            StdRet::Halves => {
                let half = Ty::Slice(Arc::new(types::value_of(index, &cur.ty)));
                val.with_ty(Ty::Tuple(Tys::from([half.clone(), half])))
            }
            StdRet::Pair(wrapped) => {
                let pair = types::element(index, &cur.ty);
                if wrapped {
                    cur.project("[]", types::option_of(pair))
                } else {
                    val.with_ty(types::ext("conclint::Iter", vec![pair]))
                }
            }
            StdRet::MapEntry => {
                let value = types::value_of(index, &cur.ty);
                val.with_ty(types::ext(types::MAP_ENTRY, vec![value]))
            }
            StdRet::Held(wrapped) => {
                let held = Ty::Ref(name.ends_with("mut"), Arc::new(types::arg(&cur.ty, 0)));
                val.with_ty(if wrapped {
                    types::option_of(held)
                } else {
                    held
                })
            }
            StdRet::Upgraded => match &cur.ty {
                Ty::Unknown => val,
                ty => {
                    let ty = types::option_of(types::shared(ty.clone()));
                    val.with_ty(ty)
                }
            },
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

    /// A method whose name only one function of the workspace has.
    pub fn method_by_name(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
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
            call.awaited,
        ))
    }
}

/// `p.add(n)`.
fn moves_pointer(name: &str) -> bool {
    matches!(
        name,
        "add" | "sub" | "offset" | "wrapping_add" | "wrapping_sub" | "wrapping_offset"
    )
}
