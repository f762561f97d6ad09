//! Statements and expressions.

use std::sync::Arc;

use conclint_facts::{
    EventKind, GuardId, Handle, ObjectKind, Origins, Place, ReleaseWhy, Root, StmtKind, WorkKind,
    Writing,
};
use smol_str::SmolStr;

use super::body::{Lower, ScopeKind, end_of};
use super::types::{self, GuardTy};
use super::value::{ClassBase, ClassKey, Val};
use crate::hir::{self, Expr, ExprKind, MacroKind, Pat, Span};
use crate::index::{Ty, Tys, ValueRes};

impl Lower<'_> {
    // ---- blocks and statements ----

    /// A block; `extend` is the scope that extended temporaries of its tail go to.
    pub fn block(&mut self, block: &hir::Block, extend: Option<usize>) -> Val {
        let frame = block
            .label
            .as_ref()
            .map(|label| self.push_label(SmolStr::clone(label)));
        self.push(ScopeKind::Block);
        for stmt in &block.stmts {
            self.statement(stmt);
        }
        let val = match &block.tail {
            Some(tail) => self.tail(tail, extend),
            None => Val::of(Ty::unit()),
        };
        self.pop(Some(&val), block.span);
        match frame {
            Some(join) => self.pop_loop(join, Some(val)),
            None => val,
        }
    }

    fn tail(&mut self, tail: &Expr, extend: Option<usize>) -> Val {
        let outer = self.enter_stmt(tail.span, stmt_kind(tail));
        if self.tail_scopes {
            self.push(ScopeKind::Temp);
        }
        let val = match extend {
            Some(scope) => self.expr_extended(tail, scope),
            None => self.expr(tail),
        };
        if self.tail_scopes {
            self.pop(Some(&val), tail.span);
        }
        self.out.stmt = outer;
        val
    }

    fn statement(&mut self, stmt: &hir::Stmt) {
        match &stmt.kind {
            hir::StmtKind::Let(written) => {
                let hir::Let {
                    pat,
                    ty,
                    init,
                    else_,
                } = &**written;
                let outer = self.enter_stmt(stmt.span, StmtKind::Let);
                self.push(ScopeKind::Temp);
                self.let_stmt(pat, ty.as_ref(), init.as_ref(), else_.as_ref());
                self.pop(None, stmt.span);
                self.out.stmt = outer;
            }
            hir::StmtKind::Expr(expr) => {
                let outer = self.enter_stmt(stmt.span, stmt_kind(expr));
                self.push(ScopeKind::Temp);
                let val = self.expr(expr);
                if super::threads::swallows(expr) {
                    self.ignore_join(false);
                }
                let why = if val.local.is_some() {
                    ReleaseWhy::Dropped
                } else {
                    ReleaseWhy::AtOnce
                };
                for guard in val.guards.clone() {
                    self.release(guard, why, end_of(expr.span));
                }
                self.discard(&val);
                self.pop(None, stmt.span);
                self.out.stmt = outer;
            }
            hir::StmtKind::Item(_) => {}
        }
    }

    fn let_stmt(
        &mut self,
        pat: &Pat,
        ty: Option<&hir::Ty>,
        init: Option<&Expr>,
        else_: Option<&hir::Block>,
    ) {
        let declared = ty.map(|ty| self.resolve_type(ty));
        let Some(init) = init else {
            self.bind(pat, Val::of(declared.unwrap_or(Ty::Unknown)));
            return;
        };
        let scope = self.block_scope();
        let mut val = if matches!(pat, Pat::Wild) && is_place(init) {
            // `let _ = g;` moves nothing.
            let mut val = self.base(init);
            val.handles.clear();
            val
        } else {
            self.expr_extended(init, scope)
        };
        if let Some(declared) = declared
            && !self.holds_guard(&val)
            && (val.ty == Ty::Unknown || !has_unknown(&declared))
        {
            val.ty = declared;
        }
        if by_ref(pat) {
            self.extend(&mut val, scope);
        }
        if let Some(else_) = else_ {
            self.let_else(pat, &val, else_);
        }
        let discarded = matches!(pat, Pat::Wild) && val.local.is_none();
        if discarded {
            for guard in val.guards.clone() {
                self.release(guard, ReleaseWhy::AtOnce, end_of(init.span));
            }
            self.drop_handles(&val);
            if super::threads::swallows(init) {
                self.ignore_join(false);
            }
        }
        self.bind(pat, val);
        self.bound_whole(pat);
    }

    /// The scrutinee's temporaries end before the `else` block runs.
    fn let_else(&mut self, pat: &Pat, val: &Val, else_: &hir::Block) {
        self.test(val.from, else_.span);
        let otherwise = self.fork();
        let matched = self.fork();
        self.out.cur = otherwise;
        self.not_taken(pat, val, else_.span);
        let depth = self.out.scopes.len().saturating_sub(1);
        self.unwind(depth, &[], else_.span);
        self.block(else_, None);
        self.out.cur = matched;
    }

    /// On the path where `pat` did not match, a guard that `try_lock` may
    /// give was not given.
    fn not_taken(&mut self, pat: &Pat, val: &Val, span: Span) {
        if !binds_success(pat) {
            return;
        }
        for guard in val.guards.clone() {
            if self.is_fallible(guard) {
                self.release(guard, ReleaseWhy::NotTaken, span);
            }
        }
    }

    // ---- expressions ----

    /// The initialiser of a `let`: borrows of temporaries in extending
    /// position live as long as the variable (reference: "Temporary lifetime
    /// extension").
    pub fn expr_extended(&mut self, expr: &Expr, scope: usize) -> Val {
        match &expr.kind {
            ExprKind::Ref {
                mutable,
                expr: inner,
            } => {
                let mut val = self.base_extended(inner, scope);
                self.extend(&mut val, scope);
                self.look_through(&mut val, inner.span, false);
                let ty = Ty::Ref(*mutable, Arc::new(val.ty.clone()));
                val.exclusive &= *mutable;
                val.with_ty(ty)
            }
            ExprKind::Tuple(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.expr_extended(part, scope))
                    .collect();
                self.tuple(parts)
            }
            ExprKind::Array(parts) => {
                let vals: Vec<Val> = parts
                    .iter()
                    .map(|part| self.expr_extended(part, scope))
                    .collect();
                self.array(vals)
            }
            ExprKind::Call { callee, args } if self.is_constructor(callee) => {
                let vals = args
                    .iter()
                    .map(|arg| self.expr_extended(arg, scope))
                    .collect();
                self.construct(callee, vals)
            }
            ExprKind::Struct { path, fields, base } => {
                let vals = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), self.expr_extended(value, scope)))
                    .collect();
                self.struct_literal(path, vals, base.as_deref())
            }
            ExprKind::Cast { expr: inner, ty } => {
                let val = self.expr_extended(inner, scope);
                let ty = self.resolve_type(ty);
                val.with_ty(ty)
            }
            ExprKind::Block(block) => self.block(block, Some(scope)),
            ExprKind::If { cond, then, else_ } => {
                self.if_expr(cond, then, else_.as_deref(), expr.span, Some(scope))
            }
            _ => self.expr(expr),
        }
    }

    /// The operand of an extending borrow: the temporary it is built on lives on.
    fn base_extended(&mut self, expr: &Expr, scope: usize) -> Val {
        match &expr.kind {
            ExprKind::Field { base, name, .. } => {
                let mut val = self.base_extended(base, scope);
                self.extend(&mut val, scope);
                self.look_through(&mut val, expr.span, false);
                self.field(val, name)
            }
            ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr: inner,
            } => {
                let mut val = self.base_extended(inner, scope);
                self.extend(&mut val, scope);
                self.look_through(&mut val, expr.span, false);
                self.deref(val)
            }
            ExprKind::Index { base, index } => {
                let mut val = self.base_extended(base, scope);
                self.extend(&mut val, scope);
                self.look_through(&mut val, expr.span, false);
                self.expr(index);
                self.element_of(val)
            }
            _ => self.expr(expr),
        }
    }

    /// Gives the guards of a temporary to the scope of the variable.
    fn extend(&mut self, val: &mut Val, scope: usize) {
        if val.local.is_none() {
            for &guard in &val.guards {
                self.move_to_scope(guard, scope);
            }
        }
    }

    /// An expression that is looked at in place: what a method is called on,
    /// the operand of a borrow, a macro argument. Guards in it are used, not moved.
    pub fn base(&mut self, expr: &Expr) -> Val {
        let moved = self.moved(expr);
        let captured = self.captures.len();
        let mut val = self.expr(expr);
        self.set_moved(&val, moved);
        self.captured_in_place(&val, captured);
        self.look_through(&mut val, expr.span, false);
        val
    }

    /// Whether the variable that `expr` is was moved before.
    fn moved(&self, expr: &Expr) -> bool {
        if !self.any_drops {
            return true;
        }
        let ExprKind::Path(path) = &expr.kind else {
            return true;
        };
        let id = path.as_name().and_then(|name| self.lookup(name));
        id.and_then(|id| self.locals.get(id.0 as usize))
            .is_none_or(|info| info.moved)
    }

    /// The captured variable that `val` is was only looked at.
    fn captured_in_place(&mut self, val: &Val, since: usize) {
        if val.local.is_some()
            && self.captures.len() > since
            && let Some((id, by_value)) = self.captures.last_mut()
            && Some(*id) == val.local
        {
            *by_value = false;
        }
    }

    pub fn set_moved(&mut self, val: &Val, moved: bool) {
        if !self.any_drops {
            return;
        }
        if let Some(info) = val.local.and_then(|id| self.locals.get_mut(id.0 as usize)) {
            info.moved = moved;
        }
    }

    pub fn expr(&mut self, expr: &Expr) -> Val {
        // `outer_method` speaks of this very expression.
        let outer_method = self.outer_method.take();
        let awaited = std::mem::take(&mut self.awaited);
        self.depth += 1;
        let around = std::mem::take(&mut self.seen);
        let mut val = self.expr_inner(expr, outer_method, awaited);
        if super::origin::combines(expr) {
            val.from = val.from.or(self.seen);
        }
        self.seen = around.or(val.from);
        self.depth -= 1;
        val
    }

    fn expr_inner(&mut self, expr: &Expr, outer: Option<SmolStr>, awaited: bool) -> Val {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Path(path) => self.path(path, span),
            ExprKind::Lit(lit) => {
                let mut val = Val::of(lit_ty(lit));
                if let hir::Lit::Bool(value) = lit {
                    val.flag = Some(*value);
                }
                val
            }
            ExprKind::Field { base, name, .. } => {
                let val = self.base(base);
                self.field(val, name)
            }
            ExprKind::Index { base, index } => {
                let val = self.base(base);
                self.expr(index);
                self.element_of(val)
            }
            ExprKind::Call { callee, args } => self.call(callee, args, span, awaited),
            ExprKind::MethodCall {
                receiver,
                name,
                name_span,
                generics,
                args,
            } => {
                self.outer_method = Some(name.clone());
                let moved = self.moved(receiver);
                let captured = self.captures.len();
                let recv = self.expr(receiver);
                self.set_moved(&recv, moved);
                self.captured_in_place(&recv, captured);
                self.outer_method = None;
                let call = super::method::MethodCall {
                    name,
                    generics,
                    args,
                    span,
                    name_span: *name_span,
                    outer,
                    awaited,
                };
                let seen = std::mem::take(&mut self.seen);
                let target = (types::mutates(name) || super::channels::is_queue_method(name))
                    .then(|| recv.clone());
                self.counted = super::threads::counted(receiver);
                let val = self.method(recv, &call);
                if let Some(target) = &target {
                    self.stored_by_method(target, name, call.site());
                }
                self.noted_threads(receiver, &call);
                self.noted_channels(target.as_ref(), receiver, &call);
                self.seen = self.seen.or(seen);
                val
            }
            ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr: inner,
            } => {
                let val = self.base(inner);
                self.deref(val)
            }
            ExprKind::Unary { expr: inner, .. } => {
                let val = self.base(inner);
                Val::of(val.ty)
            }
            ExprKind::Ref {
                mutable,
                expr: inner,
            } => {
                let mut val = self.base(inner);
                val.exclusive &= *mutable;
                let ty = Ty::Ref(*mutable, Arc::new(val.ty.clone()));
                val.with_ty(ty)
            }
            ExprKind::Try(inner) => self.try_expr(inner, span),
            ExprKind::Await {
                expr: inner,
                await_span,
            } => self.await_expr(inner, *await_span),
            ExprKind::Cast { expr: inner, ty } => {
                let val = self.expr(inner);
                let ty = self.resolve_type(ty);
                val.with_ty(ty)
            }
            ExprKind::Binary {
                op: hir::BinOp::And | hir::BinOp::Or,
                left,
                right,
            } => self.lazy(left, right),
            ExprKind::Binary { op, left, right } => {
                let val = self.base(left);
                self.base(right);
                self.out.compares_order |=
                    *op == hir::BinOp::Order && names_identity(left) && names_identity(right);
                if matches!(op, hir::BinOp::Compare | hir::BinOp::Order) {
                    Val::of(types::ext("bool", vec![]))
                } else {
                    Val::of(val.ty)
                }
            }
            ExprKind::Assign { left, right } => self.assign(left, right, span),
            ExprKind::AssignOp { left, right } => self.assign_op(left, right),
            ExprKind::Let { expr: inner, .. } => {
                self.base(inner);
                Val::of(types::ext("bool", vec![]))
            }
            ExprKind::Block(block) => self.block(block, None),
            ExprKind::Async { block } => {
                if awaited {
                    return self.block(block, None);
                }
                self.nested_async(block, span)
            }
            ExprKind::If { cond, then, else_ } => {
                self.if_expr(cond, then, else_.as_deref(), span, None)
            }
            ExprKind::Match { scrutinee, arms } => self.match_expr(scrutinee, arms, span),
            ExprKind::Loop { label, body } => self.loop_expr(label.as_deref().cloned(), body),
            ExprKind::While { label, cond, body } => {
                self.while_expr(label.as_deref().cloned(), cond, body)
            }
            ExprKind::For {
                label,
                pat,
                iter,
                body,
            } => self.for_expr(label.as_deref().cloned(), pat, iter, body),
            ExprKind::Break { label, value } => {
                self.break_expr(label.as_deref(), value.as_deref(), span)
            }
            ExprKind::Continue { label } => self.continue_expr(label.as_deref(), span),
            ExprKind::Return(value) => self.return_expr(value.as_deref(), span),
            ExprKind::Closure(closure) => {
                self.nested_closure(closure, span, conclint_facts::FnKind::Closure, &[])
            }
            ExprKind::Tuple(parts) => {
                let parts = parts.iter().map(|part| self.expr(part)).collect();
                self.tuple(parts)
            }
            ExprKind::Array(parts) => {
                let vals = parts.iter().map(|part| self.expr(part)).collect();
                self.array(vals)
            }
            ExprKind::Repeat { elem, .. } => {
                let val = self.expr(elem);
                self.array(vec![val])
            }
            ExprKind::Struct { path, fields, base } => {
                let vals = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), self.expr(value)))
                    .collect();
                self.struct_literal(path, vals, base.as_deref())
            }
            ExprKind::Range(from, to) => {
                let mut ty = Ty::Unknown;
                for end in [from, to].into_iter().flatten() {
                    let val = self.base(end);
                    if ty == Ty::Unknown {
                        ty = val.ty;
                    }
                }
                Val::of(types::ext("std::ops::Range", vec![ty]))
            }
            ExprKind::Macro(call) => self.macro_call(call, span),
            ExprKind::Other => {
                self.other(span);
                Val::unknown()
            }
        }
    }

    fn path(&mut self, path: &hir::Path, span: Span) -> Val {
        if let Some(name) = path.as_name()
            && let Some(id) = self.lookup(name)
        {
            let val = self.local_val(id, span);
            // By value unless whoever looks at it in place says otherwise.
            self.set_moved(&val, true);
            return val;
        }
        match self.index().resolve_value(&self.scope, path) {
            ValueRes::Static(id) => {
                let entry = self.index().static_(id);
                let mut val = Val::of(entry.ty.clone());
                val.place = Some(Place {
                    root: Root::Static(SmolStr::new(&entry.key)),
                    path: Vec::new(),
                });
                // What belongs to one thread is no other thread's.
                val.class = (!entry.is_thread_local).then(|| ClassKey::new(ClassBase::Static(id)));
                val
            }
            ValueRes::Fns(res) => {
                let mut val = Val::unknown();
                val.closure = res.fns.first().map(|f| conclint_facts::FnId(f.0));
                val
            }
            ValueRes::Const(ty) => Val::of(ty),
            ValueRes::Ctor { ty, .. } => Val::of(Ty::Adt(ty, Tys::default())),
            ValueRes::Ext(path) if path.ends_with("::None") => {
                Val::of(types::option_of(Ty::Unknown))
            }
            ValueRes::Ext(_) | ValueRes::Unknown => Val::unknown(),
        }
    }

    /// `val.name`, through references, smart pointers and guards.
    pub fn field(&mut self, val: Val, name: &SmolStr) -> Val {
        if let Some(part) = name.parse::<usize>().ok().and_then(|i| val.parts.get(i)) {
            return part.clone();
        }
        let mut cur = val;
        for _ in 0..12 {
            if let Some(info) = self.index().field(&cur.ty, name) {
                let mut part = cur.project(name, info.ty);
                part.class = Some(ClassKey::new(ClassBase::Field(info.owner, name.clone())));
                self.narrow(&mut part, name);
                if matches!(self.guard_ty(&part.ty), Some(GuardTy::Guard(_))) {
                    part.guards.extend(self.only_guard(&cur));
                }
                return part;
            }
            if let Ty::Tuple(parts) = &cur.ty
                && let Some(ty) = name.parse::<usize>().ok().and_then(|i| parts.get(i))
            {
                let mut part = cur.project(name, ty.clone());
                part.class = cur.class.clone();
                return part;
            }
            match self.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        let mut part = cur.project(name, Ty::Unknown);
        part.class = None;
        part
    }

    /// The guard that `val`, or the variable it is, holds if it is the only
    /// one: it can be moved out.
    fn only_guard(&self, val: &Val) -> Option<GuardId> {
        let of_variable = || {
            let local = self.locals.get(val.local?.0 as usize)?;
            Some(local.val.guards.as_slice())
        };
        let guards = match val.guards.as_slice() {
            [] if !matches!(val.ty, Ty::Ref(..)) => of_variable()?,
            guards => guards,
        };
        match guards {
            [guard] => Some(*guard),
            _ => None,
        }
    }

    /// One automatic dereference, of a guard too.
    pub fn step(&self, val: &Val) -> Option<Val> {
        let guard = types::is_guard(&val.ty);
        // Asked once more than it answers for every value: look before copying.
        let ty = if guard {
            types::arg(&val.ty, 0)
        } else {
            types::deref_step(self.index(), &val.ty)?
        };
        let mut next = Val::of(ty);
        next.place.clone_from(&val.place);
        next.guards.clone_from(&val.guards);
        next.handles.clone_from(&val.handles);
        next.borrows = val.borrows;
        next.named = val.named;
        next.from = val.from;
        next.channel = val.channel;
        if guard {
            next.class = val.class.as_ref().map(ClassKey::element);
        } else {
            next.class.clone_from(&val.class);
            next.local = val.local;
            next.exclusive = val.exclusive
                && !types::is_shared_pointer(&val.ty)
                && !matches!(val.ty, Ty::Ref(false, _));
        }
        Some(next)
    }

    fn deref(&mut self, val: Val) -> Val {
        self.step(&val).unwrap_or_else(|| {
            let mut val = val;
            val.ty = Ty::Unknown;
            val
        })
    }

    pub fn element_of(&mut self, val: Val) -> Val {
        let mut cur = val;
        while let Some(next) = self.step(&cur) {
            cur = next;
        }
        let ty = types::value_of(self.index(), &cur.ty);
        cur.project("[]", ty)
    }

    fn tuple(&mut self, parts: Vec<Val>) -> Val {
        let mut val = Val::of(Ty::Tuple(
            parts
                .iter()
                .map(|part| part.ty.clone())
                .collect::<Vec<_>>()
                .into(),
        ));
        for part in &parts {
            val.guards.extend(part.guards.iter().copied());
            val.handles.extend(part.handles.iter().copied());
            val.borrows = val.borrows.or(part.borrows);
            val.from = val.from.or(part.from);
        }
        val.parts = parts;
        val
    }

    fn array(&mut self, vals: Vec<Val>) -> Val {
        let ty = vals.first().map_or(Ty::Unknown, |val| val.ty.clone());
        let mut val = Val::of(Ty::Slice(Arc::new(ty)));
        for part in vals {
            val.guards.extend(part.guards.iter().copied());
            val.handles.extend(part.handles.iter().copied());
            val.borrows = val.borrows.or(part.borrows);
        }
        val
    }

    fn struct_literal(
        &mut self,
        path: &hir::Path,
        fields: Vec<(SmolStr, Val)>,
        base: Option<&Expr>,
    ) -> Val {
        let ty = self.resolve_type(&hir::Ty::Path(path.clone()));
        let mut val = Val::of(ty.clone());
        // Nobody else has seen it yet.
        val.exclusive = true;
        if let ValueRes::Ctor { ty, .. } = self.index().resolve_value(&self.scope, path)
            && matches!(val.ty, Ty::Unknown)
        {
            val.ty = Ty::Adt(ty, Tys::default());
        }
        for (name, field) in fields {
            self.alias_field(&field, &val.ty, &name);
            val.guards.extend(field.guards.iter().copied());
            val.borrows = val.borrows.or(field.borrows);
            if !field.handles.is_empty() {
                self.store_handles(&field, &val.ty.clone(), &name);
            }
        }
        if let Some(base) = base {
            self.base(base);
        }
        val
    }

    /// A variable's object moves into a field: both names mean one class.
    fn alias_field(&mut self, val: &Val, owner: &Ty, name: &SmolStr) {
        let Some(key) = val
            .class
            .as_ref()
            .filter(|key| matches!(key.base, ClassBase::Local(_)) && !key.elem)
        else {
            return;
        };
        if !self.aliases.contains_key(key)
            && let Some(info) = self.index().field(owner, name)
            && self.object_kind(&info.ty).is_some()
        {
            self.aliases.insert(
                key.clone(),
                ClassKey::new(ClassBase::Field(info.owner, name.clone())),
            );
        }
    }

    /// Thread handles end up in a field.
    pub fn store_handles(&mut self, val: &Val, owner: &Ty, name: &SmolStr) {
        match self.index().field(owner, name) {
            Some(info) => {
                let key = ClassKey::new(ClassBase::Field(info.owner, name.clone()));
                let class = self.class_id(key, &ObjectKind::Handle, &info.ty);
                for &spawn in &val.handles {
                    self.set_handle(spawn, Handle::Stored(class));
                }
                if let Some(info) = val
                    .local
                    .and_then(|local| self.locals.get_mut(local.0 as usize))
                {
                    info.handles_used = true;
                }
            }
            None => self.lose_handles(val),
        }
    }

    fn try_expr(&mut self, inner: &Expr, span: Span) -> Val {
        self.outer_method = Some(SmolStr::new_static("?"));
        let mut val = self.expr(inner);
        self.outer_method = None;
        self.pin();
        if self.any_guard_in_scope() || val.guards.iter().any(|g| self.is_fallible(*g)) {
            let fine = self.fork();
            let failed = self.fork();
            self.out.cur = failed;
            let (depth, exit) = self.return_target();
            self.unwind(depth, &[], end_of(span));
            self.edge(failed, exit);
            self.out.cur = fine;
        }
        val.ty = types::unwrap_ty(&val.ty);
        val
    }

    fn await_expr(&mut self, inner: &Expr, span: Span) -> Val {
        let before = self.out.guards.len();
        self.awaited = true;
        let val = self.expr(inner);
        self.awaited = false;
        // An async lock that is awaited at once has said so itself, before it was taken.
        let took = val.guards.iter().any(|guard| guard.index() >= before) && val.local.is_none();
        if !took {
            self.run_future(&val, span);
            self.emit(EventKind::Await, span);
        }
        let mut val = val;
        val.future = None;
        val
    }

    /// `a && b`, `a || b`: each operand is a scope of its own.
    fn lazy(&mut self, left: &Expr, right: &Expr) -> Val {
        let first = self.condition(left);
        let join = self.new_block();
        let second = self.fork();
        self.edge(self.out.cur, join);
        self.out.cur = second;
        let mark = self.assigned.len();
        let second = self.condition(right);
        self.perhaps_assigned(mark);
        self.go(join);
        let mut val = Val::of(types::ext("bool", vec![]));
        val.from = first.or(second);
        val
    }

    /// A condition without `let`: its temporaries end with it. Gives what it
    /// depends on.
    pub fn condition(&mut self, expr: &Expr) -> Origins {
        self.push(ScopeKind::Temp);
        let from = self.base(expr).from;
        self.pop(None, expr.span);
        self.test(from, expr.span);
        from
    }

    fn assign(&mut self, left: &Expr, right: &Expr, span: Span) -> Val {
        let unit = Val::of(Ty::unit());
        // The right side runs first; the old value is dropped after it.
        let val = self.expr(right);
        if let ExprKind::Path(path) = &left.kind
            && let Some(id) = path.as_name().and_then(|name| self.lookup(name))
        {
            self.assign_local(id, val, span);
            return unit;
        }
        if let ExprKind::Tuple(parts) = &left.kind {
            for part in parts {
                self.base(part);
            }
            return unit;
        }
        if matches!(left.kind, ExprKind::Other) {
            for guard in val.guards.clone() {
                self.release(guard, ReleaseWhy::AtOnce, end_of(span));
            }
            self.drop_handles(&val);
            return unit;
        }
        self.pin();
        let place = self.base(left);
        self.write_through(&place, span);
        self.store_guarded(&place, Writing::Assign, val.from, span);
        self.other(span);
        if !val.handles.is_empty() {
            match &place.class {
                Some(class) if matches!(class.base, ClassBase::Field(..)) => {
                    let class = self.class_id(class.clone(), &ObjectKind::Handle, &place.ty);
                    for &spawn in &val.handles {
                        self.set_handle(spawn, Handle::Stored(class));
                    }
                }
                _ => self.lose_handles(&val),
            }
        }
        for guard in val.guards.clone() {
            self.escapes(guard);
            self.release(guard, ReleaseWhy::Moved, end_of(span));
        }
        unit
    }

    /// Something is written through a place that is not a variable.
    pub fn write_through(&mut self, place: &Val, span: Span) {
        match (place.borrows, &place.place) {
            (Some(guard), _) => self.emit(EventKind::Use { guard, write: true }, span),
            (
                None,
                Some(Place {
                    root: Root::Param(_) | Root::Static(_),
                    path,
                }),
            ) if !path.is_empty() => {
                self.emit(EventKind::SharedWrite { object: None }, span);
            }
            _ => {}
        }
    }

    fn assign_local(&mut self, id: conclint_facts::LocalId, val: Val, span: Span) {
        let level = self.out.level;
        let index = id.0 as usize;
        let old = self.locals[index].val.guards.clone();
        if self.locals[index].level == level {
            for guard in old.iter().filter(|guard| !val.guards.contains(guard)) {
                self.release(*guard, ReleaseWhy::Overwritten, end_of(span));
            }
        }
        let stmt = self.out.stmt.index();
        self.out.stmts[stmt].defs.push(id);
        let scope = self.scope_of(id);
        for &guard in &val.guards {
            self.move_to_scope(guard, scope);
            self.name_guard(guard, id);
        }
        let info = &mut self.locals[index];
        info.val.guards = val.guards.iter().chain(&old).copied().collect();
        info.val.guards.dedup();
        if info.level == level {
            info.val.handles.extend(val.handles);
        }
        info.val.borrows = val.borrows.or(info.val.borrows);
        info.val.closure = val.closure.or(info.val.closure);
        if info.val.ty == Ty::Unknown || !val.guards.is_empty() {
            info.val.ty = val.ty;
        }
        let from = val.from;
        // The variable is another object from now on (and was, in a loop).
        info.val.place = Some(super::value::local_place(id));
        if val.class.is_some() {
            info.val.class = val.class;
        }
        info.val.exclusive = false;
        self.reassigned(id, from);
        self.other(span);
    }

    fn assign_op(&mut self, left: &Expr, right: &Expr) -> Val {
        // Primitive operands: the right side first. Overloaded operators: the
        // left side first. Both orders are laid out as blocks and wired once
        // the type is known.
        let entry = self.out.cur;
        let left_block = self.new_block();
        self.out.cur = left_block;
        let place = self.base(left);
        self.write_through(&place, left.span);
        if let Some(id) = place.local {
            let stmt = self.out.stmt.index();
            self.out.stmts[stmt].defs.push(id);
        } else {
            self.pin();
        }
        let left_end = self.out.cur;
        let right_block = self.new_block();
        self.out.cur = right_block;
        let from = self.base(right).from;
        let right_end = self.out.cur;
        let overloaded =
            place.ty != Ty::Unknown && !types::is_number(&types::peel(self.index(), &place.ty));
        let (first, first_end, second, second_end) = if overloaded {
            (left_block, left_end, right_block, right_end)
        } else {
            (right_block, right_end, left_block, left_end)
        };
        self.edge(entry, first);
        self.edge(first_end, second);
        self.out.cur = second_end;
        self.store_guarded(&place, Writing::Update, from, left.span);
        self.other(left.span);
        if let Some(info) = place
            .local
            .and_then(|id| self.locals.get_mut(id.0 as usize))
        {
            info.val.from = info.val.from.or(from);
        }
        Val::of(Ty::unit())
    }

    fn macro_call(&mut self, call: &hir::MacroCall, span: Span) -> Val {
        let name = call.path.last();
        let work = |kind| EventKind::Work {
            kind,
            what: SmolStr::new(format!("{name}!")),
        };
        match call.kind {
            MacroKind::Format | MacroKind::Print | MacroKind::Log | MacroKind::Panic => {
                self.push(ScopeKind::Temp);
                for arg in &call.args {
                    self.base(arg);
                }
                let kind = if call.kind == MacroKind::Format {
                    WorkKind::Format
                } else {
                    WorkKind::Print
                };
                if call.kind != MacroKind::Panic {
                    self.emit(work(kind), span);
                }
                self.pop(None, span);
                if call.kind == MacroKind::Panic {
                    let (depth, exit) = self.return_target();
                    self.unwind(depth, &[], end_of(span));
                    self.leave(exit);
                    return Val::of(Ty::Never);
                }
                if call.kind == MacroKind::Format {
                    return Val::of(types::ext("std::string::String", vec![]));
                }
                Val::of(Ty::unit())
            }
            MacroKind::Write => {
                for arg in &call.args {
                    self.base(arg);
                }
                self.emit(work(WorkKind::Format), span);
                Val::of(types::result_of(Ty::unit()))
            }
            MacroKind::Vec => {
                let vals: Vec<Val> = call.args.iter().map(|arg| self.expr(arg)).collect();
                self.emit(work(WorkKind::Alloc), span);
                let val = self.array(vals);
                let elem = match &val.ty {
                    Ty::Slice(elem) => (**elem).clone(),
                    _ => Ty::Unknown,
                };
                val.with_ty(types::ext("std::vec::Vec", vec![elem]))
            }
            MacroKind::Select => {
                self.emit(EventKind::Await, span);
                let join = self.new_block();
                for arg in &call.args {
                    let arm = self.fork();
                    let before = self.out.cur;
                    self.out.cur = arm;
                    self.push(ScopeKind::Temp);
                    self.expr(arg);
                    self.pop(None, arg.span);
                    self.go(join);
                    self.out.cur = before;
                }
                self.go(join);
                Val::unknown()
            }
            MacroKind::JoinFutures => {
                for arg in &call.args {
                    let val = self.base(arg);
                    self.run_future(&val, arg.span);
                }
                self.emit(EventKind::Await, span);
                Val::unknown()
            }
            MacroKind::Unknown => {
                for arg in &call.args {
                    let val = self.base(arg);
                    self.lose_handles(&val);
                }
                self.other(span);
                Val::unknown()
            }
        }
    }

    pub fn holds_guard(&self, val: &Val) -> bool {
        !val.guards.is_empty() || self.guard_ty(&val.ty).is_some_and(|ty| ty != GuardTy::None)
    }
}

fn stmt_kind(expr: &Expr) -> StmtKind {
    match &expr.kind {
        ExprKind::Loop { .. } | ExprKind::While { .. } | ExprKind::For { .. } => StmtKind::Loop,
        ExprKind::If { .. } | ExprKind::Match { .. } => StmtKind::Branch,
        ExprKind::Block(_) => StmtKind::Block,
        _ => StmtKind::Expr,
    }
}

/// A place expression: naming it moves or copies nothing by itself.
pub(super) fn is_place(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(_) => true,
        ExprKind::Field { base, .. } | ExprKind::Index { base, .. } => is_place(base),
        ExprKind::Unary {
            op: hir::UnOp::Deref,
            ..
        } => true,
        _ => false,
    }
}

fn by_ref(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { by_ref, sub, .. } => *by_ref || sub.as_deref().is_some_and(by_ref_inner),
        Pat::Typed(inner, _) => by_ref(inner),
        _ => by_ref_inner(pat),
    }
}

fn by_ref_inner(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { by_ref, .. } => *by_ref,
        Pat::Tuple(pats) | Pat::Slice(pats) | Pat::Or(pats) => pats.iter().any(by_ref_inner),
        Pat::TupleStruct { pats, .. } => pats.iter().any(by_ref_inner),
        Pat::Struct { fields, .. } => fields.iter().any(|(_, pat)| by_ref_inner(pat)),
        Pat::Ref(inner) | Pat::Typed(inner, _) => by_ref_inner(inner),
        _ => false,
    }
}

/// The pattern matches the success of a `try_lock`: `Some(g)`, `Ok(g)`.
pub(super) fn binds_success(pat: &Pat) -> bool {
    match pat {
        Pat::TupleStruct { path, .. } => matches!(path.last(), "Some" | "Ok"),
        Pat::Typed(inner, _) | Pat::Ref(inner) => binds_success(inner),
        Pat::Bind { sub: Some(sub), .. } => binds_success(sub),
        _ => false,
    }
}

pub(super) fn has_unknown(ty: &Ty) -> bool {
    match ty {
        Ty::Unknown => true,
        Ty::Ext(_, args) | Ty::Adt(_, args) | Ty::Tuple(args) => args.iter().any(has_unknown),
        Ty::Ref(_, inner) | Ty::Slice(inner) | Ty::Ptr(inner) => has_unknown(inner),
        _ => false,
    }
}

/// The operand tells objects apart: an id, an index, an address.
fn names_identity(expr: &Expr) -> bool {
    let name = match &expr.kind {
        ExprKind::Path(path) => path.last().to_owned(),
        ExprKind::Field { name, .. } | ExprKind::MethodCall { name, .. } => name.to_string(),
        ExprKind::Call { callee, .. } => return names_identity(callee),
        ExprKind::Cast { expr, .. } | ExprKind::Unary { expr, .. } | ExprKind::Ref { expr, .. } => {
            return names_identity(expr);
        }
        _ => return false,
    };
    let name = name.to_ascii_lowercase();
    [
        "id", "index", "idx", "ptr", "addr", "key", "num", "rank", "order", "from", "to", "left",
        "right", "a", "b", "i", "j",
    ]
    .iter()
    .any(|word| {
        name == *word
            || (word.len() > 1
                && (name.ends_with(&format!("_{word}")) || name.starts_with(&format!("{word}_"))))
    }) || name == "as_ptr"
}

fn lit_ty(lit: &hir::Lit) -> Ty {
    match lit {
        hir::Lit::Int(_) => types::ext("i32", vec![]),
        hir::Lit::Float => types::ext("f64", vec![]),
        hir::Lit::Bool(_) => types::ext("bool", vec![]),
        hir::Lit::Str(_) => Ty::Ref(false, Arc::new(types::ext("str", vec![]))),
        hir::Lit::Other => Ty::Unknown,
    }
}
