//! Threads that are started again until one ends well: their join decides whether
//! the loop around them goes on.

use conclint_facts::{BlockId, Origin};

use super::body::Lower;
use super::threads::is_join;
use super::value::SpawnId;
use crate::hir::{self, Expr, ExprKind, Pat, UnOp};

impl Lower<'_> {
    /// `if handle.join().is_ok() { break }`, and its other forms.
    pub fn note_retry(&mut self, cond: &Expr, then: &hir::Block, else_: Option<&Expr>) {
        let (joined, success) = match &cond.kind {
            ExprKind::Unary {
                op: UnOp::Not,
                expr,
            } => match asked(expr) {
                Some((joined, success)) => (joined, !success),
                None => return,
            },
            _ => match asked(cond) {
                Some(asked) => asked,
                None => return,
            },
        };
        let left = match success {
            true => block_leaves_loop(then),
            false => else_.is_some_and(leaves_loop),
        };
        if left {
            self.note_retried(joined);
        }
    }

    /// Where `joined` is what the last join gave, its thread ends the loop.
    pub fn note_retried(&mut self, joined: &Expr) {
        let Some((block, index)) = self.out.last_join else {
            return;
        };
        let join = (block, index as u32);
        if !is_join(joined) && !self.is_result_of(joined, join) {
            return;
        }
        for number in 0..self.out.spawns.len() {
            if let Some(spawn) = self.out.spawn_mut(SpawnId(number as u32)) {
                spawn.retried |= spawn.joined == Some(join);
            }
        }
        for called in &mut self.out.called {
            called.retried |= called.joined == Some(join);
        }
    }

    /// A variable that depends on the event there.
    fn is_result_of(&self, expr: &Expr, (block, index): (BlockId, u32)) -> bool {
        let ExprKind::Path(path) = &expr.kind else {
            return false;
        };
        let local = path.as_name().and_then(|name| self.lookup(name));
        let info = local.and_then(|id| self.locals.get(id.0 as usize));
        let this = Origin::Event { block, index };
        let position = self.out.origins.iter().position(|origin| *origin == this);
        match (info, position) {
            (Some(info), Some(position)) => info.val.from.contains(position),
            _ => false,
        }
    }
}

/// Of which result is asked, and whether it is success that is asked for.
fn asked(cond: &Expr) -> Option<(&Expr, bool)> {
    match &cond.kind {
        ExprKind::MethodCall { receiver, name, .. } => match name.as_str() {
            "is_ok" => Some((receiver, true)),
            "is_err" => Some((receiver, false)),
            _ => None,
        },
        ExprKind::Let { pat, expr } if is_any_success(pat) => Some((expr, true)),
        ExprKind::Let { pat, expr } => {
            let failure = matches!(&**pat, Pat::TupleStruct { path, .. } if path.last() == "Err");
            failure.then_some((expr, false))
        }
        _ => None,
    }
}

/// `Ok(value)`, whatever the value.
pub(super) fn is_any_success(pat: &Pat) -> bool {
    let open = |pat: &Pat| match pat {
        Pat::Wild | Pat::Bind { sub: None, .. } => true,
        Pat::Tuple(parts) => parts.is_empty(),
        _ => false,
    };
    matches!(pat, Pat::TupleStruct { path, pats } if path.last() == "Ok" && pats.iter().all(open))
}

/// Control leaves the loop there, or where the value that a success brought is
/// a success itself.
pub(super) fn leaves_loop_with_success(expr: &Expr) -> bool {
    let success = |pat: &Pat| matches!(pat, Pat::TupleStruct { path, .. } if matches!(path.last(), "Ok" | "Some"));
    let inner = |expr: &Expr| match &expr.kind {
        ExprKind::Match { arms, .. } => arms
            .iter()
            .any(|arm| success(&arm.pat) && leaves_loop(&arm.body)),
        _ => false,
    };
    leaves_loop(expr)
        || match &expr.kind {
            ExprKind::Block(block) => block.tail.as_deref().is_some_and(inner),
            _ => inner(expr),
        }
}

/// Control leaves the loop there.
pub(super) fn leaves_loop(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Return(_) | ExprKind::Break { .. } => true,
        ExprKind::Block(block) => block.label.is_none() && block_leaves_loop(block),
        _ => false,
    }
}

fn block_leaves_loop(block: &hir::Block) -> bool {
    match (&block.tail, block.stmts.last()) {
        (Some(tail), _) => leaves_loop(tail),
        (None, Some(stmt)) => match &stmt.kind {
            hir::StmtKind::Expr(expr) => leaves_loop(expr),
            hir::StmtKind::Let(_) | hir::StmtKind::Item(_) => false,
        },
        (None, None) => false,
    }
}
