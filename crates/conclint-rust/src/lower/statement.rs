//! Blocks, statements and `let`: which temporaries end with a statement, and
//! which live as long as the variable.

use std::sync::Arc;

use conclint_facts::{Flag, ReleaseWhy, StmtKind};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::expr::{has_unknown, is_place};
use super::pattern::{binds_success, by_ref, is_any_some};
use super::scopes::ScopeKind;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Pat, Span};
use crate::index::Ty;

impl Lower<'_> {
    /// A block; `extend` is the scope that extended temporaries of its tail go to.
    pub fn block(&mut self, block: &hir::Block, extend: Option<usize>) -> Val {
        let frame = block
            .label
            .as_ref()
            .map(|label| self.push_label(SmolStr::clone(label)));
        self.push(ScopeKind::Block);
        let known = self.known.len();
        for stmt in &block.stmts {
            if let hir::StmtKind::Let(written) = &stmt.kind {
                // Names still mean what they mean in the initialiser.
                self.note_let(written, block.span);
            }
            self.statement(stmt);
            if let hir::StmtKind::Expr(expr) = &stmt.kind {
                self.note_rest(expr, block.span);
            }
        }
        let val = match &block.tail {
            Some(tail) => self.tail(tail, extend),
            None if super::parts::leaves_block(block) => Val::of(Ty::Never),
            None => Val::of(Ty::unit()),
        };
        self.pop(Some(&val), block.span);
        self.known.truncate(known);
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
                let bound = self.locals.len();
                self.let_stmt(pat, ty.as_ref(), init.as_ref(), else_.as_ref());
                if init.as_ref().is_some_and(super::chosen::is_choice) {
                    self.chosen_since(bound);
                }
                self.outlive(bound);
                self.pop(None, stmt.span);
                self.out.stmt = outer;
            }
            hir::StmtKind::Expr(expr) => {
                let outer = self.enter_stmt(stmt.span, stmt_kind(expr));
                self.push(ScopeKind::Temp);
                self.thrown = is_method_call(expr);
                let val = self.expr(expr);
                if super::threads::throws_away(expr) {
                    self.ignore_join(false);
                }
                let open = matches!(expr.kind, ExprKind::Block(_)) && stmt.span == expr.span;
                if open && !val.guards.is_empty() {
                    self.ends_here_in_some_build(&val, expr.span);
                }
                let why = if open || val.local.is_some() {
                    ReleaseWhy::Dropped
                } else {
                    ReleaseWhy::AtOnce
                };
                for guard in val.guards.clone() {
                    self.release(guard, why, end_of(expr.span));
                }
                self.discard(expr, &val);
                self.pop(None, stmt.span);
                self.out.stmt = outer;
            }
            hir::StmtKind::Item(_) => {}
        }
    }

    /// `#[cfg(a)] { self.inner.lock() }` before more of the like: a block without a
    /// semicolon that has a value ends the function, or it would not be compiled.
    fn ends_here_in_some_build(&mut self, val: &Val, span: Span) {
        let rest = self.fork();
        let (depth, exit) = self.return_target();
        if depth == 0 {
            self.give_back(val, span);
        }
        self.unwind(depth, &val.guards, end_of(span));
        self.leave(exit);
        self.out.cur = rest;
    }

    /// The variables bound since then borrow from no guard that ends with this
    /// statement: the borrow checker would not have it.
    fn outlive(&mut self, bound: usize) {
        let Some(ending) = self.out.scopes.last().map(|scope| &scope.guards) else {
            return;
        };
        for local in self.locals.iter_mut().skip(bound) {
            if local
                .val
                .borrows
                .is_some_and(|guard| ending.contains(&guard))
            {
                local.val.borrows = None;
            }
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
        self.lazy = super::combinator::lazy_adaptors(init);
        let mut val = if matches!(pat, Pat::Wild) && is_place(init) {
            // `let _ = g;` moves nothing.
            let mut val = self.base(init);
            val.handles.clear();
            val
        } else if by_ref(pat) {
            // `let ref x = ..` borrows as `let x = &..` does.
            self.base_extended(init, scope)
        } else {
            self.thrown = matches!(pat, Pat::Wild) && is_method_call(init);
            self.expr_extended(init, scope)
        };
        if let Some(declared) = declared
            && !self.holds_guard(&val)
            && (val.ty == Ty::Unknown || !has_unknown(&declared))
        {
            if let Ty::Tuple(tys) = &declared
                && tys.len() == val.parts.len()
            {
                // `let (tx, rx): (Sender<Job>, Receiver<Job>) = channel();`
                for (part, ty) in val.parts.iter_mut().zip(tys.iter()) {
                    if has_unknown(&part.ty) && part.guards.is_empty() {
                        part.ty = ty.clone();
                    }
                }
            }
            val.ty = declared;
        }
        if by_ref(pat) {
            self.extend(&mut val, scope);
        }
        if let Some(else_) = else_ {
            self.let_else(pat, init, &val, else_);
        }
        if matches!(pat, Pat::Wild) {
            self.discarded(&val, init);
        }
        let identity = self.identity_of_let(pat, init);
        let key = self.key_of_let(pat, init);
        let function = self.library_function(pat, init);
        let made = is_own_name(pat) && self.is_object(&val.ty) && self.makes(init);
        self.bind(pat, val);
        if let Some(info) = self.locals.last_mut().filter(|_| identity.is_some()) {
            info.identity = identity;
        }
        if let Some(info) = self.locals.last_mut().filter(|_| key.is_some()) {
            info.key = key;
        }
        if let Some(info) = self.locals.last_mut().filter(|_| function.is_some()) {
            info.function = function;
        }
        if let Some(info) = self.locals.last_mut().filter(|_| made) {
            info.made = true;
        }
        if is_own_name(pat) {
            self.made_in_round(init);
            let look = self.look(init);
            if let Some(info) = self.locals.last_mut() {
                info.look = look;
            }
        }
        if !lends(init) {
            self.bound_whole(pat);
        }
    }

    /// `_ = init;`: as `let _ = init;`.
    pub fn thrown_away(&mut self, init: &Expr) {
        if is_place(init) {
            self.base(init);
            return;
        }
        self.thrown = is_method_call(init);
        let val = self.expr(init);
        self.discarded(&val, init);
    }

    /// What `init` gave ends at once, unless a variable has it.
    fn discarded(&mut self, val: &Val, init: &Expr) {
        if val.local.is_some() {
            return;
        }
        for guard in val.guards.clone() {
            self.release(guard, ReleaseWhy::AtOnce, end_of(init.span));
        }
        self.drop_handles(val);
        if super::threads::throws_away(init) {
            self.ignore_join(false);
        }
    }

    /// The scrutinee's temporaries end before the `else` block runs.
    fn let_else(&mut self, pat: &Pat, init: &Expr, val: &Val, else_: &hir::Block) {
        let look = self.look_of_pattern(pat, init);
        self.test(val.from, look, else_.span);
        let tested = self.out.cur;
        let otherwise = self.fork();
        if binds_success(pat) {
            self.missing(tested, val.from, otherwise);
        }
        let matched = self.fork();
        self.out.cur = otherwise;
        self.not_taken(pat, val, else_.span);
        let depth = self.out.scopes.len().saturating_sub(1);
        self.unwind(depth, &[], else_.span);
        self.block(else_, None);
        self.out.cur = matched;
        self.matched_variant(pat, val, else_.span);
    }

    /// On the path where `pat` did not match, a guard that `try_lock` may
    /// give was not given, and `None` holds no guard at all.
    pub fn not_taken(&mut self, pat: &Pat, val: &Val, span: Span) {
        if binds_success(pat) {
            self.without_guards(val, is_any_some(pat), span);
        } else if !val.guards.is_empty() && self.leaves_free(pat) {
            self.without_guards(val, true, span);
        }
    }

    /// The value has none of its guards on this path; with `all` not even
    /// those that were taken for certain.
    pub fn without_guards(&mut self, val: &Val, all: bool, span: Span) {
        for &guard in &val.guards {
            if all || self.is_fallible(guard) {
                self.release(guard, ReleaseWhy::NotTaken, span);
            }
        }
    }

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
                let mut val = self.construct(callee, vals);
                val.flag = self.written(expr).map(Flag::Written);
                val
            }
            ExprKind::Struct { path, fields, base } => {
                let vals = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), self.expr_extended(value, scope)))
                    .collect();
                let mut val = self.struct_literal(path, vals, base.as_deref(), expr.span);
                val.flag = self.written(expr).map(Flag::Written);
                val
            }
            ExprKind::Cast { expr: inner, ty } => {
                let val = self.expr_extended(inner, scope);
                self.cast(val, ty)
            }
            ExprKind::Block(block) => self.block(block, Some(scope)),
            ExprKind::If { cond, then, else_ } => {
                self.if_expr(cond, then, else_.as_deref(), Some(scope))
            }
            ExprKind::Match { scrutinee, arms } => self.match_expr(scrutinee, arms, Some(scope)),
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
                self.indexed(val, base, index)
            }
            _ => {
                let moved = self.moved(expr);
                let captured = self.captures.len();
                let val = self.expr_extended(expr, scope);
                self.set_moved(&val, moved);
                self.captured_in_place(&val, captured);
                val
            }
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
}

/// A variable for the whole value.
fn is_own_name(pat: &Pat) -> bool {
    matches!(
        pat,
        Pat::Bind {
            by_ref: false,
            sub: None,
            ..
        }
    )
}

/// `x.send(1)`, and nothing around it.
pub(super) fn is_method_call(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::MethodCall { .. })
}

fn stmt_kind(expr: &Expr) -> StmtKind {
    match &expr.kind {
        ExprKind::Loop { .. } | ExprKind::While { .. } | ExprKind::For { .. } => StmtKind::Loop,
        ExprKind::If { .. } | ExprKind::Match { .. } => StmtKind::Branch,
        ExprKind::Block(_) => StmtKind::Block,
        _ => StmtKind::Expr,
    }
}

/// Whether the value is mostly lent by a collection, an iterator or a reference
/// with methods of its own: `list.iter().next().unwrap()`, `entry.value()`. Its
/// owner drops it.
fn lends(init: &Expr) -> bool {
    match &init.kind {
        ExprKind::Try(inner) | ExprKind::Await { expr: inner, .. } => lends(inner),
        ExprKind::MethodCall { receiver, name, .. } => match name.as_str() {
            "unwrap" | "expect" | "ok_or" | "ok_or_else" | "unwrap_or_else" | "copied" => {
                lends(receiver)
            }
            "next" | "next_back" | "nth" | "last" | "peek" | "find" | "max_by_key"
            | "min_by_key" | "max_by" | "min_by" | "get" | "get_mut" | "first" | "first_mut"
            | "last_mut" | "back" | "front" | "back_mut" | "front_mut" | "as_ref" | "as_mut"
            | "borrow" | "borrow_mut" | "deref" | "deref_mut" | "value" | "value_mut" | "key"
            | "or_insert" | "or_insert_with" | "or_default" | "downcast_ref" | "downcast_mut" => {
                true
            }
            _ => false,
        },
        _ => false,
    }
}
