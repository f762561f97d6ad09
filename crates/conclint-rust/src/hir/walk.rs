//! A walk over all expressions of a body, outer before inner. Items inside have
//! bodies of their own: they are not entered.

use super::{Block, Expr, ExprKind, Pat, StmtKind};

impl Block {
    /// Every expression inside, outer before inner; closures' bodies included.
    pub fn each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        for stmt in &self.stmts {
            match &stmt.kind {
                StmtKind::Let(stmt) => {
                    if let Some(init) = &stmt.init {
                        init.each_expr(f);
                    }
                    if let Some(block) = &stmt.else_ {
                        block.each_expr(f);
                    }
                }
                StmtKind::Expr(expr) => expr.each_expr(f),
                StmtKind::Item(_) => {}
            }
        }
        if let Some(tail) = &self.tail {
            tail.each_expr(f);
        }
    }
}

impl Pat {
    /// Whether it brings the name into scope.
    pub fn binds(&self, wanted: &str) -> bool {
        let any = |pats: &[Pat]| pats.iter().any(|pat| pat.binds(wanted));
        match self {
            Pat::Bind { name, sub, .. } => {
                name == wanted || sub.as_ref().is_some_and(|sub| sub.binds(wanted))
            }
            Pat::Tuple(pats) | Pat::TupleStruct { pats, .. } | Pat::Slice(pats) | Pat::Or(pats) => {
                any(pats)
            }
            Pat::Struct { fields, .. } => fields.iter().any(|(_, pat)| pat.binds(wanted)),
            Pat::Ref(pat) | Pat::Typed(pat, _) => pat.binds(wanted),
            Pat::Wild | Pat::Path(_) | Pat::Rest | Pat::Lit => false,
        }
    }
}

impl Expr {
    /// This expression and every one inside.
    pub fn each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        f(self);
        let all = |list: &[Expr], f: &mut dyn FnMut(&Expr)| {
            list.iter().for_each(|expr| expr.each_expr(f))
        };
        match &self.kind {
            ExprKind::Path(_) | ExprKind::Lit(_) | ExprKind::Continue { .. } | ExprKind::Other => {}
            ExprKind::Field { base: expr, .. }
            | ExprKind::Unary { expr, .. }
            | ExprKind::Ref { expr, .. }
            | ExprKind::Try(expr)
            | ExprKind::Await { expr, .. }
            | ExprKind::Cast { expr, .. }
            | ExprKind::Let { expr, .. }
            | ExprKind::Repeat { elem: expr, .. } => expr.each_expr(f),
            ExprKind::Index {
                base: left,
                index: right,
            }
            | ExprKind::Binary { left, right, .. }
            | ExprKind::Assign { left, right }
            | ExprKind::AssignOp { left, right, .. } => {
                left.each_expr(f);
                right.each_expr(f);
            }
            ExprKind::Call { callee, args } => {
                callee.each_expr(f);
                all(args, f);
            }
            ExprKind::MethodCall { receiver, args, .. } => {
                receiver.each_expr(f);
                all(args, f);
            }
            ExprKind::Block(block)
            | ExprKind::Async { block }
            | ExprKind::Loop { body: block, .. } => block.each_expr(f),
            ExprKind::If { cond, then, else_ } => {
                cond.each_expr(f);
                then.each_expr(f);
                if let Some(else_) = else_ {
                    else_.each_expr(f);
                }
            }
            ExprKind::Match { scrutinee, arms } => {
                scrutinee.each_expr(f);
                for arm in arms {
                    if let Some(guard) = &arm.guard {
                        guard.each_expr(f);
                    }
                    arm.body.each_expr(f);
                }
            }
            ExprKind::While {
                cond: head, body, ..
            }
            | ExprKind::For {
                iter: head, body, ..
            } => {
                head.each_expr(f);
                body.each_expr(f);
            }
            ExprKind::Break { value, .. } | ExprKind::Return(value) => {
                if let Some(value) = value {
                    value.each_expr(f);
                }
            }
            ExprKind::Closure(closure) => closure.body.each_expr(f),
            ExprKind::Tuple(list) | ExprKind::Array(list) => all(list, f),
            ExprKind::Struct { fields, base, .. } => {
                for (_, value) in fields {
                    value.each_expr(f);
                }
                if let Some(base) = base {
                    base.each_expr(f);
                }
            }
            ExprKind::Range(from, to) => {
                for end in [from, to].into_iter().flatten() {
                    end.each_expr(f);
                }
            }
            ExprKind::Macro(call) => all(&call.args, f),
        }
    }
}
