//! Ways out of a loop, by what is written: which of them are there, and which
//! are for the end of what is received.

use std::collections::BTreeSet;

use crate::hir::{self, Expr, ExprKind, Pat};

/// How many ways out of a loop's body there are, besides its end.
pub(super) fn ways_out(body: &hir::Block) -> usize {
    // What only leaves a loop or a closure inside.
    let mut inner = BTreeSet::new();
    body.each_expr(&mut |expr| match &expr.kind {
        ExprKind::Loop { body, .. } | ExprKind::While { body, .. } | ExprKind::For { body, .. } => {
            body.each_expr(&mut |expr| {
                if matches!(expr.kind, ExprKind::Break { label: None, .. }) {
                    inner.insert(expr.span);
                }
            })
        }
        ExprKind::Closure(closure) => closure.body.each_expr(&mut |expr| {
            if is_exit(expr) {
                inner.insert(expr.span);
            }
        }),
        _ => {}
    });
    let mut count = 0;
    body.each_expr(&mut |expr| {
        let ends_all = match &expr.kind {
            ExprKind::Call { callee, .. } => {
                matches!(&callee.kind, ExprKind::Path(path) if matches!(path.last(), "exit" | "abort"))
            }
            _ => false,
        };
        count += usize::from(ends_all || is_exit(expr) && !inner.contains(&expr.span));
    });
    count
}

fn is_exit(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Break { .. } | ExprKind::Return(_) | ExprKind::Try(_)
    )
}

/// `Ok(x)`, whatever the message is.
pub(super) fn takes_any(pat: &Pat) -> bool {
    fn any(pat: &Pat) -> bool {
        match pat {
            Pat::Wild | Pat::Rest => true,
            Pat::Bind { name, sub, .. } => {
                sub.is_none() && name.starts_with(|c: char| c == '_' || c.is_lowercase())
            }
            Pat::Tuple(pats) => pats.iter().all(any),
            Pat::Ref(pat) | Pat::Typed(pat, _) => any(pat),
            _ => false,
        }
    }
    matches!(pat, Pat::TupleStruct { path, pats } if matches!(path.last(), "Ok" | "Some") && pats.iter().all(any))
}

/// Of a match on what was received: it leaves where there is no sender left, and
/// not because of a message.
pub(super) fn leaves_at_end(arms: &[hir::Arm]) -> bool {
    let any = || {
        arms.iter()
            .any(|arm| arm.guard.is_none() && takes_any(&arm.pat))
    };
    arms.iter().any(|arm| {
        let at_end = match &arm.pat {
            Pat::TupleStruct { path, .. } => path.last() == "Err",
            Pat::Wild => any(),
            _ => false,
        };
        at_end && leaves(&arm.body)
    })
}

pub(super) fn leaves(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Break { .. } | ExprKind::Return(_) => true,
        ExprKind::Block(block) => leaves_loop(block),
        _ => false,
    }
}

/// The block ends with a way out.
pub(super) fn leaves_loop(block: &hir::Block) -> bool {
    let last = block.stmts.last();
    block.tail.as_deref().is_some_and(leaves)
        || last.is_some_and(|stmt| matches!(&stmt.kind, hir::StmtKind::Expr(expr) if leaves(expr)))
}
