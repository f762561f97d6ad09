//! Branches: `if`, `match`, chains of conditions and `let`, and the way out of a
//! function. Which branch is taken is not asked; what a pattern says of a guard is.

use conclint_facts::EventKind;

use super::body::{Lower, end_of};
use super::parts::leaves_block;
use super::pattern::{
    binds_success, is_any_some, is_bare, is_failure, is_not_ready, is_nothing, tells_of_event,
    was_missed,
};
use super::retries::is_any_success;
use super::scopes::ScopeKind;
use super::types;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Pat, Span};
use crate::index::Ty;

impl Lower<'_> {
    pub fn if_expr(
        &mut self,
        cond: &Expr,
        then: &hir::Block,
        else_: Option<&Expr>,
        extend: Option<usize>,
    ) -> Val {
        self.note_parts(cond, then, else_);
        let has_let = chain_has_let(cond);
        let mark = self.assigned.len();
        let otherwise = self.new_block();
        let join = self.new_block();
        // From 2024 on, what an `if let` looks at ends before `else`; before,
        // it lives as long as the whole statement.
        let own_scope = has_let && self.tail_scopes;
        if own_scope {
            self.push(ScopeKind::Temp);
        }
        self.push(ScopeKind::Block);
        let around = std::mem::replace(&mut self.asserting, else_.is_none() && only_panics(then));
        self.chain(cond, otherwise, own_scope);
        self.note_end(cond, then);
        self.asserting = around;
        self.note_retry(cond, then, else_);
        let known = self.known.len();
        self.know(cond, true);
        self.push(ScopeKind::Temp);
        let val = self.block(then, extend);
        self.known.truncate(known);
        self.pop(Some(&val), then.span);
        self.pop(Some(&val), then.span);
        if own_scope {
            self.pop(Some(&val), then.span);
        }
        self.go(join);
        self.perhaps_assigned(mark);
        self.out.cur = otherwise;
        let other = match else_ {
            Some(else_) => {
                self.know(cond, false);
                self.push(ScopeKind::Temp);
                let val = match extend {
                    Some(scope) => self.expr_extended(else_, scope),
                    None => self.expr(else_),
                };
                self.known.truncate(known);
                self.pop(Some(&val), else_.span);
                val
            }
            None => Val::of(Ty::Never),
        };
        self.go(join);
        self.perhaps_assigned(mark);
        if else_.is_none() && super::threads::takes_only_success(cond) {
            self.ignore_join(true);
        }
        if else_.is_none() && leaves_block(then) {
            self.know(cond, false);
        }
        val.join(other)
    }

    /// A condition, a `let` or a chain of both; where one fails, control goes
    /// to `otherwise`. The innermost scope takes the bindings.
    pub(super) fn chain(
        &mut self,
        cond: &Expr,
        otherwise: conclint_facts::BlockId,
        own_scope: bool,
    ) {
        match &cond.kind {
            ExprKind::Binary {
                op: hir::BinOp::And,
                left,
                right,
            } if chain_has_let(cond) || exchanges(right) => {
                self.chain(left, otherwise, own_scope);
                self.chain(right, otherwise, own_scope);
            }
            ExprKind::Let { pat, expr } => {
                let val = self.expr(expr);
                let look = self.look_of_pattern(pat, expr);
                self.test(val.from, look, expr.span);
                let matched = self.new_block();
                let failed = self.new_block();
                if binds_success(pat) {
                    self.missing(self.out.cur, val.from, failed);
                }
                self.edge(self.out.cur, matched);
                self.edge(self.out.cur, failed);
                self.out.cur = failed;
                self.fail(pat, &val, own_scope, expr.span);
                self.edge(self.out.cur, otherwise);
                self.out.cur = matched;
                self.matched_variant(pat, &val, expr.span);
                if matches!(&**pat, Pat::TupleStruct { path, .. } if path.last() == "Err") {
                    // Whoever asks for the error only has nothing to join.
                    self.drop_handles(&val);
                }
                self.bind(pat, val);
                if was_missed(pat) {
                    self.other(expr.span);
                }
            }
            _ => {
                self.condition(cond);
                let empty = [false, true].map(|holds| self.empty_where(cond, holds));
                let failed = self.fork();
                let fine = self.fork();
                for (end, empty) in [failed, fine].into_iter().zip(empty) {
                    self.out.cur = end;
                    for (val, all) in empty {
                        self.without_guards(&val, all, end_of(cond.span));
                    }
                }
                self.out.cur = failed;
                let depth = self.out.scopes.len() - if own_scope { 2 } else { 1 };
                self.unwind(depth, &[], end_of(cond.span));
                self.edge(failed, otherwise);
                self.out.cur = fine;
            }
        }
    }

    /// Variables that hold no guard where `cond` holds, or does not hold:
    /// `guard.is_none()`. With each, whether it then holds nothing at all: what
    /// is no `Ok` may still have a guard, of a lock that is poisoned.
    fn empty_where(&mut self, cond: &Expr, holds: bool) -> Vec<(Val, bool)> {
        use hir::{BinOp, UnOp};
        let (receiver, name) = match &cond.kind {
            ExprKind::Binary { op, left, right }
                if *op == (if holds { BinOp::And } else { BinOp::Or }) =>
            {
                let mut empty = self.empty_where(left, holds);
                empty.extend(self.empty_where(right, holds));
                return empty;
            }
            ExprKind::Unary {
                op: UnOp::Not,
                expr,
            } => return self.empty_where(expr, !holds),
            ExprKind::MethodCall { receiver, name, .. } => (receiver, name.as_str()),
            _ => return Vec::new(),
        };
        let asked = match holds {
            true => matches!(name, "is_none" | "is_err"),
            false => matches!(name, "is_some" | "is_ok"),
        };
        if !asked || !matches!(receiver.kind, ExprKind::Path(_)) {
            return Vec::new();
        }
        let val = self.expr(receiver);
        let all = matches!(name, "is_none" | "is_some") && types::is_option(&val.ty);
        match val.guards.is_empty() {
            true => Vec::new(),
            false => vec![(val, all)],
        }
    }

    /// The releases on the way from a pattern that did not match.
    fn fail(&mut self, pat: &Pat, val: &Val, own_scope: bool, span: Span) {
        self.not_taken(pat, val, end_of(span));
        let depth = self.out.scopes.len() - if own_scope { 2 } else { 1 };
        self.unwind(depth, &[], end_of(span));
    }

    /// `extend`: where extended temporaries of the arms go.
    pub fn match_expr(
        &mut self,
        scrutinee: &Expr,
        arms: &[hir::Arm],
        extend: Option<usize>,
    ) -> Val {
        self.note_arms(scrutinee, arms);
        // A place is not moved by being looked at.
        let val = self.expr(scrutinee);
        let look = self.look_of_arms(scrutinee, arms);
        self.test(val.from, look, scrutinee.span);
        self.out.cuts_off |= super::cut::cuts_off(scrutinee);
        let tested = self.out.cur;
        let join = self.new_block();
        let mut result = Val::of(Ty::Never);
        let mark = self.assigned.len();
        let mut next = self.new_block();
        self.edge(self.out.cur, next);
        let mut only_none_left = false;
        let waits_elsewhere = arms.iter().any(|arm| is_not_ready(&arm.pat));
        for arm in arms {
            let start = next;
            next = self.new_block();
            // Which arm is taken is not known: each can be passed over.
            self.edge(start, next);
            let body = self.new_block();
            self.edge(start, body);
            if arm.guard.is_none() && (only_none_left || is_nothing(&arm.pat)) {
                self.missing(tested, val.from, body);
            }
            self.out.cur = body;
            self.push(ScopeKind::Temp);
            self.push(ScopeKind::Block);
            let bare = only_none_left || is_bare(&arm.pat);
            if bare || is_failure(&arm.pat) {
                self.without_guards(&val, bare, arm.body.span);
            }
            self.matched_variant(&arm.pat, &val, arm.body.span);
            only_none_left |= arm.guard.is_none() && is_any_some(&arm.pat);
            self.bind(&arm.pat, val.clone());
            if let Some(guard) = &arm.guard {
                // `if let` guards bind for the arm.
                if chain_has_let(guard) {
                    self.chain(guard, next, false);
                } else {
                    self.condition(guard);
                    self.edge(self.out.cur, next);
                    let go_on = self.fork();
                    self.out.cur = go_on;
                }
            }
            let outer = self.enter_stmt(arm.body.span, conclint_facts::StmtKind::Expr);
            // Another item was taken: a loop around it works. It is told of
            // something that happened: what waits, if anything, is another arm.
            if takes_item(scrutinee) && binds_success(&arm.pat)
                || waits_elsewhere && tells_of_event(&arm.pat)
                || was_missed(&arm.pat)
            {
                self.other(arm.body.span);
            }
            if is_any_success(&arm.pat) && super::retries::leaves_loop_with_success(&arm.body) {
                self.note_retried(scrutinee);
            }
            if super::threads::ignores_failure(scrutinee, arm) {
                self.ignore_join(true);
            }
            let arm_val = match extend {
                Some(scope) => self.expr_extended(&arm.body, scope),
                None => self.expr(&arm.body),
            };
            self.out.stmt = outer;
            self.pop(Some(&arm_val), arm.body.span);
            self.pop(Some(&arm_val), arm.body.span);
            self.go(join);
            self.perhaps_assigned(mark);
            result = result.join(arm_val);
        }
        // The last arm's pass-over edge: only an empty match or a `!` goes there.
        if arms.is_empty() {
            self.out.cur = next;
            self.go(join);
        }
        self.out.cur = join;
        result
    }

    pub fn return_expr(&mut self, value: Option<&Expr>, span: Span) -> Val {
        let val = value.map(|value| self.expr(value));
        self.pin();
        let (depth, exit) = self.return_target();
        let mut keep = Vec::new();
        if let Some(val) = &val {
            keep.clone_from(&val.guards);
            self.lose_handles(val);
            if depth == 0 {
                self.out.returns = self.out.returns.or(val.from);
                self.give_back(val, span);
            }
        }
        self.unwind(depth, &keep, end_of(span));
        self.leave(exit);
        Val::of(Ty::Never)
    }

    /// The function's own result: its guards leave with it.
    pub fn give_back(&mut self, val: &Val, span: Span) {
        for &guard in &val.guards {
            if let Some(guard) = self.out.guards.get_mut(guard.index()) {
                guard.returned = true;
            }
            self.emit(EventKind::ReturnGuard { guard }, span);
        }
    }
}

/// `assert!(..)` in other words: it decides whether the program goes on.
fn only_panics(block: &hir::Block) -> bool {
    let last = match (&block.stmts[..], block.tail.as_deref()) {
        ([], Some(tail)) => tail,
        (
            [
                hir::Stmt {
                    kind: hir::StmtKind::Expr(expr),
                    ..
                },
            ],
            None,
        ) => expr,
        _ => return false,
    };
    matches!(&last.kind, ExprKind::Macro(call) if call.kind == hir::MacroKind::Panic)
}

/// `a.compare_exchange(..).is_err()`: it is not tried where what stands before it
/// does not hold, so the way there is one of its own.
fn exchanges(cond: &Expr) -> bool {
    match &cond.kind {
        ExprKind::MethodCall { receiver, name, .. } => {
            name.starts_with("compare_exchange")
                || matches!(name.as_str(), "is_ok" | "is_err") && exchanges(receiver)
        }
        ExprKind::Unary { expr, .. } => exchanges(expr),
        ExprKind::Binary { left, .. } => exchanges(left),
        _ => false,
    }
}

pub(super) fn chain_has_let(cond: &Expr) -> bool {
    match &cond.kind {
        ExprKind::Let { .. } => true,
        ExprKind::Binary {
            op: hir::BinOp::And,
            left,
            right,
        } => chain_has_let(left) || chain_has_let(right),
        _ => false,
    }
}

/// `rx.try_recv()`: what it gives is out of the queue.
pub(super) fn takes_item(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::MethodCall { name, .. }
        if matches!(name.as_str(), "try_recv" | "try_next" | "try_pop" | "pop" | "pop_front" | "pop_back" | "next"))
}
