//! Variables whose value a test has chosen: which of two locks comes first.

use super::body::Lower;
use super::parts::leaves;
use crate::hir::{Expr, ExprKind};

impl Lower<'_> {
    /// The variables from the one numbered `first` on were chosen.
    pub(super) fn chosen_since(&mut self, first: usize) {
        for local in self.locals.iter_mut().skip(first) {
            local.chosen = true;
        }
    }

    /// `swap(&mut left, &mut right)`.
    pub(super) fn swapped(&mut self, args: &[Expr]) {
        self.out.chooses = true;
        for arg in args {
            let ExprKind::Ref { expr, .. } = &arg.kind else {
                continue;
            };
            if let ExprKind::Path(path) = &expr.kind
                && let Some(id) = path.as_name().and_then(|name| self.lookup(name))
                && let Some(info) = self.locals.get_mut(id.0 as usize)
            {
                info.chosen = true;
            }
        }
    }
}

/// Whether it is an `if` or a `match` of which two ways give a value.
pub(super) fn is_choice(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::If {
            then,
            else_: Some(else_),
            ..
        } => is_choice(else_) || !super::parts::leaves_block(then) && !leaves(else_),
        ExprKind::Match { arms, .. } => {
            let gives = |arm: &&crate::hir::Arm| !leaves(&arm.body);
            arms.iter().filter(gives).count() > 1
        }
        ExprKind::Block(block) => block.tail.as_deref().is_some_and(is_choice),
        _ => false,
    }
}
