//! Expressions.

use std::sync::Arc;

use conclint_facts::{Call, EventKind, Flag, FnId, Origins, Place, Resolution, Root};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::looks::may_be_written;
use super::rounds::numbered;
use super::scopes::ScopeKind;
use super::types::{self, GuardTy};
use super::value::{ClassBase, ClassKey, Val};
use super::written::keeps_variant;
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{FnIdx, Ty, Tys, ValueRes};

impl Lower<'_> {
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
    pub fn moved(&self, expr: &Expr) -> bool {
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
    pub fn captured_in_place(&mut self, val: &Val, since: usize) {
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
        let thrown = std::mem::take(&mut self.thrown);
        self.depth += 1;
        let around = std::mem::take(&mut self.seen);
        let mut val = self.expr_inner(expr, outer_method, (awaited, thrown));
        match &expr.kind {
            ExprKind::MethodCall { name, .. } => {
                val.flag = val.flag.filter(|_| keeps_variant(name));
            }
            ExprKind::Try(_) | ExprKind::Await { .. } | ExprKind::Call { .. } => {
                val.flag = self.written(expr).map(Flag::Written);
            }
            ExprKind::Path(_) | ExprKind::Lit(_) | ExprKind::Struct { .. } => {
                val.flag = val.flag.or_else(|| self.written(expr).map(Flag::Written));
            }
            _ => {}
        }
        if super::origin::combines(expr) {
            val.from = val.from.or(self.seen);
        }
        self.seen = around.or(val.from);
        if may_be_written(expr) && self.results.contains(&expr.span) {
            self.answer(expr);
        }
        self.depth -= 1;
        val
    }

    /// `awaited`, `thrown`: what becomes of the value at once.
    fn expr_inner(
        &mut self,
        expr: &Expr,
        outer: Option<SmolStr>,
        (awaited, thrown): (bool, bool),
    ) -> Val {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Path(path) => {
                let val = self.path(path, span);
                match outer.as_deref() {
                    Some("lock" | "read" | "write") if val.place.is_none() => {
                        self.static_of_a_macro(val, path)
                    }
                    _ => val,
                }
            }
            ExprKind::Lit(lit) => {
                let mut val = Val::of(lit_ty(lit));
                val.number = match lit {
                    hir::Lit::Int(number) => *number,
                    _ => None,
                };
                val
            }
            ExprKind::Field { base, name, .. } => {
                let val = self.base(base);
                let ty = val.ty.clone();
                let part = self.field(val, name);
                self.field_is_named(&ty, name, &part, span);
                part
            }
            ExprKind::Index { base, index } => {
                let val = self.base(base);
                self.expr(index);
                let given = self.index_operator(&val, span);
                let mut element = self.indexed(val, base, index);
                if let Some(ty) = given {
                    element.ty = ty;
                }
                element
            }
            ExprKind::Call { callee, args } => self.call(callee, args, span, awaited),
            ExprKind::MethodCall {
                receiver,
                name,
                name_span,
                generics,
                args,
            } => {
                self.note_closures(receiver, name, args);
                self.outer_method = Some(name.clone());
                self.only_looks(receiver, Some(name));
                let moved = self.moved(receiver);
                let captured = self.captures.len();
                let mut recv = self.expr(receiver);
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
                    thrown,
                };
                let seen = std::mem::take(&mut self.seen);
                let target = (types::mutates(name) || super::queues::is_queue_method(name))
                    .then(|| recv.clone());
                self.counted = super::threads::counted(receiver);
                self.numbers = super::threads::numbers(receiver);
                self.numbered = numbered(receiver);
                let captured = self.captured_in(&mut recv);
                self.noted_listener(&recv.ty, name);
                let mut val = self.method(recv, &call);
                self.goes_on(&mut val, captured, &call);
                if let Some(target) = &target {
                    self.stored_by_method(target, name, call.site());
                }
                let val = self.map_iterated(val, receiver, &call);
                self.noted_threads(&val, receiver, &call);
                self.noted_channels(receiver, &call);
                self.noted_queues(target.as_ref(), &call);
                self.seen = self.seen.or(seen);
                val
            }
            ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr: inner,
            } => {
                if let Some(val) = self.out_of_box(inner) {
                    return val;
                }
                let val = self.base(inner);
                self.deref(val)
            }
            ExprKind::Unary { op, expr: inner } => {
                let val = self.base(inner);
                let given = self.prefix_operator(&val, *op, span);
                given.unwrap_or_else(|| Val::of(val.ty))
            }
            ExprKind::Ref {
                mutable,
                expr: inner,
            } => {
                if *mutable {
                    self.filled(inner);
                } else {
                    self.only_looks(inner, None);
                }
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
                self.cast(val, ty)
            }
            ExprKind::Binary {
                op: hir::BinOp::And | hir::BinOp::Or,
                left,
                right,
            } => self.lazy(left, right),
            ExprKind::Binary { op, left, right } => {
                let val = self.base(left);
                let given = self.operator(&val, *op, right, span);
                if given.is_none() {
                    self.base(right);
                }
                let by_address = self.out.has_addresses && matches!(op, hir::BinOp::Order { .. });
                self.out.compares_order |=
                    by_address || op.compares() && names_identity(left) && names_identity(right);
                if op.compares() {
                    Val::of(types::ext("bool", vec![]))
                } else {
                    given.unwrap_or_else(|| Val::of(val.ty))
                }
            }
            ExprKind::Assign { left, right } => self.assign(left, right, span),
            ExprKind::AssignOp { op, left, right } => self.assign_op(*op, left, right),
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
                self.out.chooses = true;
                self.if_expr(cond, then, else_.as_deref(), None)
            }
            ExprKind::Match { scrutinee, arms } => {
                self.out.chooses = true;
                self.match_expr(scrutinee, arms, None)
            }
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
                let given = std::mem::take(&mut self.given);
                self.nested_closure(closure, span, conclint_facts::FnKind::Closure, &given)
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
                self.struct_literal(path, vals, base.as_deref(), span)
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

    /// `*b` of a box with a guard in it: the guard can be moved out.
    fn out_of_box(&mut self, inner: &Expr) -> Option<Val> {
        let ExprKind::Path(path) = &inner.kind else {
            return None;
        };
        let id = path.as_name().and_then(|name| self.lookup(name))?;
        let val = &self.locals.get(id.0 as usize)?.val;
        let boxed = matches!(&val.ty, Ty::Ext(path, _) if path == "std::boxed::Box");
        let ty = types::arg(&val.ty, 0);
        if !boxed || val.guards.is_empty() || !types::is_guard(&ty) {
            return None;
        }
        Some(self.expr(inner).with_ty(ty))
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
                if types::is_lazy(&entry.ty)
                    && let Some(initialiser) = entry.initialiser
                {
                    self.call_initialiser(&entry.name, initialiser, span);
                }
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
                val.closure = res.fns.first().map(|f| FnId(f.0));
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

    /// Whoever comes first to a static that is made on demand makes it. A guess:
    /// most often it is there already.
    fn call_initialiser(&mut self, name: &SmolStr, initialiser: FnIdx, span: Span) {
        let call = Call {
            name: name.clone(),
            targets: vec![FnId(initialiser.0)],
            resolution: Resolution::FirstUse,
            args: Vec::new(),
        };
        self.emit(EventKind::Call(call), span);
    }

    /// `CACHE.lock()`, where nobody sees a `static CACHE`: a macro declares it.
    fn static_of_a_macro(&self, mut val: Val, path: &hir::Path) -> Val {
        let name = path.last();
        let shouts = name.len() > 2
            && name.chars().any(|c| c.is_ascii_uppercase())
            && !name.chars().any(|c| c.is_ascii_lowercase());
        if shouts && val.ty == Ty::Unknown {
            let of: Vec<&str> = path.segments.iter().map(|s| s.name.as_str()).collect();
            let module = self.index().module_path(self.scope.module);
            let key = SmolStr::new(format!("{module}::{}", of.join("::")));
            val.class = Some(ClassKey::new(ClassBase::Named(key.clone())));
            val.place = Some(Place {
                root: Root::Static(key),
                path: Vec::new(),
            });
        }
        val
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
        if super::control::takes_item(inner) {
            // Whoever comes on has another item: a loop around it works.
            self.other(span);
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
        let mut val = val;
        if let Some(given) = types::of_ready(&val.ty) {
            val.ty = given;
        } else if !took && !is_ready_made(inner) {
            self.run_future(&val, span);
            self.emit(EventKind::Await, span);
        }
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
        self.test_of(from, expr);
        self.out.cuts_off |= super::cut::cuts_off(expr);
        from
    }

    pub fn holds_guard(&self, val: &Val) -> bool {
        !val.guards.is_empty() || self.guard_ty(&val.ty).is_some_and(|ty| ty != GuardTy::None)
    }

    /// `val as ty`.
    pub fn cast(&mut self, val: Val, ty: &hir::Ty) -> Val {
        let ty = self.resolve_type(ty);
        self.out.has_addresses |= matches!(val.ty, Ty::Ptr(_)) && !matches!(ty, Ty::Ptr(_));
        val.with_ty(ty)
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

pub(super) fn has_unknown(ty: &Ty) -> bool {
    match ty {
        Ty::Unknown => true,
        Ty::Ext(_, args) | Ty::Adt(_, args) | Ty::Tuple(args) => args.iter().any(has_unknown),
        Ty::Ref(_, inner) | Ty::Slice(inner) | Ty::Ptr(inner) => has_unknown(inner),
        _ => false,
    }
}

/// The operand tells objects apart: an id, an index, an address.
pub(super) fn names_identity(expr: &Expr) -> bool {
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
        "id", "ino", "uuid", "index", "idx", "ptr", "addr", "key", "num", "rank", "order", "from",
        "to", "left", "right", "a", "b", "i", "j",
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

/// The builder of a response (actix-web), `HttpResponse::Ok()`: done when it is
/// first polled. What stands in for a real future, as `ready(..)`, is not let by.
fn is_ready_made(expr: &Expr) -> bool {
    let ExprKind::Call { callee, .. } = &expr.kind else {
        return false;
    };
    let ExprKind::Path(path) = &callee.kind else {
        return false;
    };
    let before = path.segments.iter().rev().nth(1);
    before.is_some_and(|segment| segment.name == "HttpResponse")
}
