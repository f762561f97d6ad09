//! Conditions that say that enough threads are there: `depth < 4`, `list.len() >
//! GRAIN`. That nothing is left to do (`n < 2`, `list.is_empty()`) is no such one.

use crate::hir::{BinOp, Expr, ExprKind, Lit};

/// Up to so many, a number tells of the end of the work.
const FEW: u64 = 4;

/// Whether the condition, or what is matched, is one of those.
pub(super) fn cuts_off(cond: &Expr) -> bool {
    let mut found = names_limit(cond);
    cond.each_expr(&mut |part| {
        if let ExprKind::Binary { op, left, right } = &part.kind
            && matches!(op, BinOp::Order { .. } | BinOp::Eq | BinOp::Ne)
        {
            found |= [left, right].into_iter().any(|side| is_limit(side));
        }
    });
    found
}

fn is_limit(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Lit(Lit::Int(number)) => number.is_none_or(|number| number > FEW),
        ExprKind::Path(path) if path.last().chars().all(|c| !c.is_lowercase()) => true,
        _ => names_limit(expr),
    }
}

/// Something in it is called what limits are, or counts of threads.
fn names_limit(expr: &Expr) -> bool {
    const WORDS: &[&str] = &[
        "active",
        "budget",
        "cores",
        "cpus",
        "cut",
        "depth",
        "fork",
        "grain",
        "level",
        "limit",
        "max_",
        "min_",
        "parallel",
        "spawn",
        "thread",
        "threshold",
        "worker",
    ];
    let is_limit = |name: &str| {
        let name = name.to_ascii_lowercase();
        WORDS.iter().any(|word| name.contains(word))
    };
    let mut found = false;
    expr.each_expr(&mut |part| {
        found |= match &part.kind {
            ExprKind::Path(path) => is_limit(path.last()),
            ExprKind::Field { name, .. } | ExprKind::MethodCall { name, .. } => is_limit(name),
            _ => false,
        };
    });
    found
}
