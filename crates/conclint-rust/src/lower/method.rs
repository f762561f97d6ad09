//! Method calls: dereferencing to the type that has the method.
//!
//! What the methods of other people's types give is in `std_result`, what they
//! do in `effect`.

use conclint_facts::{Blocking, GuardId, ReleaseWhy, Resolution, takes_out};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::call::orders;
use super::data::MAX_DEREFS;
use super::library;
use super::own;
use super::types;
use super::value::Val;
use super::workspace_call::{WorkspaceCall, resolution};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{MethodRes, Ty, last_segment};
use crate::table;

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
    /// Its result is thrown away at once.
    pub thrown: bool,
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

    /// The same call, now that it is known what it may run.
    pub fn of_workspace<'c>(
        &'c self,
        res: &'c MethodRes,
        resolution: Resolution,
        turbofish: &'c [Ty],
    ) -> WorkspaceCall<'c> {
        WorkspaceCall {
            res,
            resolution,
            args: self.args,
            name: self.name,
            site: self.site(),
            span: self.span,
            turbofish,
            awaited: self.awaited,
        }
    }
}

impl Lower<'_> {
    pub fn method(&mut self, recv: Val, call: &MethodCall) -> Val {
        if let Some(val) = self.map_reference_method(&recv, call) {
            return val;
        }
        let to = match call.generics {
            [to] if call.name == "cast" => self.resolve_type(to),
            _ => Ty::Unknown,
        };
        if let Some(ty) = library::of_pointer(&recv.ty, call.name, to) {
            let mut val = recv.with_ty(ty);
            val.local = None;
            return val;
        }
        if !recv.guards.is_empty()
            && !types::is_guard(&recv.ty)
            && let Some(val) = self.method_on_wrapped_guard(&recv, call)
        {
            return val;
        }
        if call.name == "into" && types::is_guard(&recv.ty) && !recv.guards.is_empty() {
            // `Some(guard)` or a struct around it: what is converted is the guard.
            let mut val = recv;
            val.local = None;
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
        // A method of its own of that name comes first.
        if call.name == "to_string"
            && call.args.is_empty()
            && self
                .index()
                .method(&self.scope, &cur.ty, call.name)
                .is_none()
            && self.shown(&cur, false, call.span)
        {
            return Val::of(types::ext("std::string::String", vec![]));
        }
        for _ in 0..MAX_DEREFS {
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
        if matches!(&val.ty, Ty::Ext(path, _) if table::is_copied(path)) {
            return Val::of(val.ty);
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
                        && (call.args.is_empty()
                            || op.blocking != Blocking::Waits
                            || own::queues(name, call.args))
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
                if matches!(last_segment(path), "Condvar" | "SgxCondvar")
                    && name.starts_with("wait")
                {
                    return Some(self.wait(cur, call));
                }
                let res = self.index().method_of_one_type(&cur.ty, call.name)?;
                let cur = std::mem::replace(cur, Val::unknown());
                Some(self.resolved_method(cur, &res, call))
            }
            Ty::Adt(..) | Ty::Param(_) | Ty::Bounded(..) => {
                if call.args.is_empty()
                    && let Some(ty) = self.index().viewed_as(&self.scope, &cur.ty, name)
                {
                    return Some(cur.clone().with_ty(ty));
                }
                let res = self.index().method(&self.scope, &cur.ty, name)?;
                if !self.takes_as_many(&res, call) {
                    return None;
                }
                if let Some(val) = self.own_lock(cur, &res, call) {
                    return Some(val);
                }
                if let Some(val) = self.own_wait(cur, &res, call) {
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

    /// Some of the functions found takes as many arguments as the call has: a
    /// trait that is not in scope may have another method of that name.
    fn takes_as_many(&self, res: &MethodRes, call: &MethodCall) -> bool {
        let functions = self.index().functions();
        res.fns.iter().any(|f| {
            let entry = functions.get(f.index());
            entry.is_some_and(|entry| entry.def.params.len() == call.args.len() + 1)
        })
    }

    /// `mutex.lock_ignoring_poison()`: the workspace's own trait on a type of others.
    fn extension_method(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        let res = self
            .index()
            .extension_method(&self.scope, &cur.ty, call.name)?;
        Some(self.resolved_method(cur.clone(), &res, call))
    }

    pub fn resolved_method(&mut self, cur: Val, res: &MethodRes, call: &MethodCall) -> Val {
        let turbofish: Vec<Ty> = call
            .generics
            .iter()
            .map(|ty| self.resolve_type(ty))
            .collect();
        self.workspace_call(
            Some(cur),
            &call.of_workspace(res, resolution(res), &turbofish),
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
        // Whoever else's type it is: who waits for a `lock()` has to wait for it.
        let foreign = call.awaited && !path.is_empty() && !path.starts_with("std::");
        if (!known || matches!(cur.ty, Ty::Param(_)) || foreign)
            && let Some(val) = self.lock_by_name(&cur, call)
        {
            return val;
        }
        if !known && let Some(val) = self.method_by_name(&cur, call) {
            return val;
        }
        if let Some(val) = self.library_getter(&cur, call) {
            return val;
        }
        if table::is_ready_sink(&path, name) {
            return self.ready_sink(&cur, call);
        }
        if let Some(effect) = table::method_effect(&path, name, call.args.len())
            && (known || !self.may_be_own_join(call))
            && let Some(val) = self.method_effect(&cur, effect, call)
        {
            return val;
        }
        if let Some(args) = self.named_as_closures(call) {
            let call = MethodCall {
                args: &args,
                outer: call.outer.clone(),
                ..*call
            };
            return self.method_outside(cur, &call);
        }
        let with_closure = call
            .args
            .iter()
            .any(|arg| matches!(arg.kind, ExprKind::Closure(_)));
        if with_closure && self.is_future(&cur) {
            return self.combined_future(cur, call);
        }
        if with_closure && self.is_stream(&cur) && self.lazy.contains(&call.name_span) {
            return self.combined_stream(cur, call);
        }
        if with_closure
            && let Some(many) = table::runs_in_place(name)
                .or_else(|| self.runs_before_it_returns(call).then_some(true))
        {
            return self.combinator(&cur, many, call);
        }
        let mut vals = vec![];
        for arg in call.args {
            let val = self.arg(arg);
            vals.push(val);
        }
        self.push_handles(&cur, &vals, name);
        self.learn_items(&cur, name, &vals);
        if name == "clear" && call.args.is_empty() {
            self.guards_cleared(&cur, call.span);
            self.overwritten(&cur, true, call.span);
        }
        // What is taken out behind a guard is written down as a store.
        let taken = cur.borrows.is_some() && call.args.is_empty() && takes_out(name);
        if !taken && !super::origin::is_cheap(name) {
            self.other(call.site());
        }
        self.escaping_closures(call.name, &vals, call.site());
        if name == "block_on" {
            // Whoever's runtime it is; what an async block does is seen above.
            let futures = vals.iter().filter(|val| val.future.is_some());
            futures.for_each(|val| self.run_future(val, call.span));
        }
        if !known && !matches!(name, "clone" | "unwrap" | "expect") && self.any_guard_in_scope() {
            self.unresolved(call.name.clone(), &[], call.site());
        }
        // What locks inside is changed as others' data is; the variable stays.
        let shared = table::lock_inside(&path).is_some();
        if let Some(local) = cur.local
            && types::mutates(name)
            && !shared
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
        let steps = |val: &Val| val.place.as_ref().map_or(0, |place| place.path.len());
        let outside = steps(&cur);
        // `get` of an asynchronous one waits until there is a value.
        let awaited = call.awaited && types::is_once(&cur.ty);
        self.insist(&cur, name, call.site());
        let mut val = self.std_result(cur, name, &vals);
        if let ("get" | "get_mut", [key]) = (name, call.args)
            && steps(&val) > outside
        {
            self.found_by(&mut val, key);
        }
        if let ("entry", [key]) = (name, call.args)
            && types::is_map_entry(&val.ty)
        {
            val.note_key(self.key_place(key));
        }
        if awaited && name == "get" {
            val.ty = types::unwrap_ty(&val.ty);
        }
        val
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

    /// A stream by its type: who polls it is seen nowhere near.
    fn is_stream(&self, val: &Val) -> bool {
        match types::peel(self.index(), &val.ty) {
            Ty::Ext(path, _) => last_segment(&path).ends_with("Stream"),
            ty @ Ty::Bounded(..) => self.index().implements(&ty, "Stream"),
            _ => false,
        }
    }

    /// `let events = stream.filter_map(|it| ..)`: the closure runs when somebody
    /// polls the variable, or what it is moved into.
    fn combined_stream(&mut self, cur: Val, call: &MethodCall) -> Val {
        let vals: Vec<Val> = call.args.iter().map(|arg| self.arg(arg)).collect();
        self.escaping_closures(call.name, &vals, call.site());
        Val::of(cur.ty)
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
}

/// `p.add(n)`.
fn moves_pointer(name: &str) -> bool {
    matches!(
        name,
        "add" | "sub" | "offset" | "wrapping_add" | "wrapping_sub" | "wrapping_offset"
    )
}
