//! Items declared inside of bodies.
//!
//! Bodies are walked with a stack of their own: nesting in the source never
//! becomes recursion here.

use std::sync::Arc;

use crate::hir::{Block, Body, Expr, ExprKind, FnDef, Item, StmtKind};

/// The items of a function's body, not those of the functions among them.
pub(super) fn of_fn(def: &FnDef) -> Vec<&Item> {
    let mut walk = Walk::default();
    if let Some(body) = def.body.as_ref().filter(|_| def.has_items) {
        walk.block(body);
    }
    walk.finish()
}

/// The items inside of an initialiser.
pub(super) fn of_body(body: &Arc<Body>) -> Vec<&Item> {
    let mut walk = Walk::default();
    if body.has_items {
        walk.pending.push(&body.expr);
    }
    walk.finish()
}

#[derive(Default)]
struct Walk<'a> {
    pending: Vec<&'a Expr>,
    found: Vec<&'a Item>,
}

impl<'a> Walk<'a> {
    fn finish(mut self) -> Vec<&'a Item> {
        while let Some(expr) = self.pending.pop() {
            self.expr(expr);
        }
        self.found
            .sort_by_key(|item| (item.span.line, item.span.column));
        self.found
    }

    fn block(&mut self, block: &'a Block) {
        // Blocks in blocks (`let .. else`) only go one level down before the
        // next expression.
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for stmt in &block.stmts {
                match &stmt.kind {
                    StmtKind::Let(stmt) => {
                        self.pending.extend(&stmt.init);
                        blocks.extend(&stmt.else_);
                    }
                    StmtKind::Expr(expr) => self.pending.push(expr),
                    StmtKind::Item(item) => self.found.push(item),
                }
            }
            self.pending.extend(block.tail.as_deref());
        }
    }

    fn expr(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Path(_) | ExprKind::Lit(_) | ExprKind::Continue { .. } | ExprKind::Other => {}
            ExprKind::Field { base: one, .. }
            | ExprKind::Unary { expr: one, .. }
            | ExprKind::Ref { expr: one, .. }
            | ExprKind::Try(one)
            | ExprKind::Await { expr: one, .. }
            | ExprKind::Cast { expr: one, .. }
            | ExprKind::Let { expr: one, .. }
            | ExprKind::Repeat { elem: one, .. } => self.pending.push(one),
            ExprKind::Index { base: a, index: b }
            | ExprKind::Binary {
                left: a, right: b, ..
            }
            | ExprKind::Assign { left: a, right: b }
            | ExprKind::AssignOp {
                left: a, right: b, ..
            } => self.pending.extend([&**a, &**b]),
            ExprKind::Call { callee, args } => {
                self.pending.push(callee);
                self.pending.extend(args);
            }
            ExprKind::MethodCall { receiver, args, .. } => {
                self.pending.push(receiver);
                self.pending.extend(args);
            }
            ExprKind::Block(block)
            | ExprKind::Async { block }
            | ExprKind::Loop { body: block, .. } => {
                self.block(block);
            }
            ExprKind::If { cond, then, else_ } => {
                self.pending.push(cond);
                self.block(then);
                self.pending.extend(else_.as_deref());
            }
            ExprKind::Match { scrutinee, arms } => {
                self.pending.push(scrutinee);
                for arm in arms {
                    self.pending.extend(&arm.guard);
                    self.pending.push(&arm.body);
                }
            }
            ExprKind::While {
                cond: one, body, ..
            }
            | ExprKind::For {
                iter: one, body, ..
            } => {
                self.pending.push(one);
                self.block(body);
            }
            ExprKind::Break { value, .. } => self.pending.extend(value.as_deref()),
            ExprKind::Return(value) => self.pending.extend(value.as_deref()),
            ExprKind::Closure(closure) => self.pending.push(&closure.body),
            ExprKind::Tuple(list) | ExprKind::Array(list) => self.pending.extend(list),
            ExprKind::Struct { fields, base, .. } => {
                self.pending.extend(fields.iter().map(|(_, e)| e));
                self.pending.extend(base.as_deref());
            }
            ExprKind::Range(a, b) => self
                .pending
                .extend(a.as_deref().into_iter().chain(b.as_deref())),
            ExprKind::Macro(call) => self.pending.extend(&call.args),
        }
    }
}
