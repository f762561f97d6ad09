//! Loops that try a lock until they have it: `loop { if let Ok(guard) =
//! lock.try_lock() { break guard; } }`. To whoever holds it already, that is a
//! lock that waits.

use super::pattern::binds_success;
use crate::hir::{Block, Expr, ExprKind, Span, StmtKind};

/// The name of the method in a loop whose only way out is to get the lock.
pub(super) fn tried_until_taken(body: &Block) -> Option<Span> {
    let only = only_way_out(body)?;
    match &only.kind {
        ExprKind::If { cond, then, else_ } => {
            let ExprKind::Let { pat, expr } = &cond.kind else {
                return None;
            };
            let stays = else_.as_deref().is_none_or(stays);
            let out = super::parts::leaves_block(then);
            tried(expr).filter(|_| binds_success(pat) && out && stays)
        }
        ExprKind::Match { scrutinee, arms } => {
            let fits = arms
                .iter()
                .all(|arm| arm.guard.is_none() && binds_success(&arm.pat) != stays(&arm.body));
            let taken = arms.iter().any(|arm| binds_success(&arm.pat));
            tried(scrutinee).filter(|_| fits && taken)
        }
        _ => None,
    }
}

/// The only expression of these that leaves the loop, whatever else is done on
/// the way round.
fn only_way_out(body: &Block) -> Option<&Expr> {
    let mut leaving = Vec::new();
    for stmt in &body.stmts {
        match &stmt.kind {
            StmtKind::Expr(expr) => leaving.extend(Some(expr).filter(|expr| !stays(expr))),
            StmtKind::Let(binding) => {
                let stays = binding.init.as_ref().is_none_or(stays) && binding.else_.is_none();
                if !stays {
                    return None;
                }
            }
            StmtKind::Item(_) => {}
        }
    }
    leaving.extend(body.tail.as_deref().filter(|expr| !stays(expr)));
    match leaving[..] {
        [only] => Some(only),
        _ => None,
    }
}

fn tried(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::MethodCall {
            name,
            name_span,
            args,
            ..
        } if args.is_empty() && name.starts_with("try_") => Some(*name_span),
        _ => None,
    }
}

/// Nothing in it leaves the loop.
fn stays(expr: &Expr) -> bool {
    let mut stays = true;
    expr.each_expr(&mut |inner| {
        let leaves = matches!(
            inner.kind,
            ExprKind::Break { .. }
                | ExprKind::Continue { label: Some(_) }
                | ExprKind::Return(_)
                | ExprKind::Try(_)
        );
        stays &= !leaves;
    });
    stays
}
