//! What a test says of a variable's value: that it is one which is written out.
//!
//! Behind `if n == 0`, what `fill(&mut n)` makes of `n` does not depend on the
//! atomic that `n` was loaded from: every thread that comes there makes the
//! same of it. What is computed from `n` by name is left as it is.

use conclint_facts::{EventKind, LocalId, Origin, Origins};

use super::body::Lower;
use crate::hir::{BinOp, Expr, ExprKind, UnOp};

impl Lower<'_> {
    /// From here on, and up to where [`Lower::known`] is cut back, `cond` is
    /// `truth`.
    pub fn know(&mut self, cond: &Expr, truth: bool) {
        let mut constant = Vec::new();
        self.constants(cond, truth, &mut constant);
        self.known.append(&mut constant);
    }

    /// Someone is handed `&mut expr`: a variable whose value was a known one
    /// depends on no load of an atomic any more.
    pub fn filled(&mut self, expr: &Expr) {
        let Some(id) = self.variable(expr).filter(|id| self.known.contains(id)) else {
            return;
        };
        let Some(info) = self.locals.get(id.0 as usize) else {
            return;
        };
        let from = info.val.from;
        let without = from.without(self.loads(from));
        if info.level == self.out.level && without != from {
            self.reassigned(id, without);
        }
    }

    /// Those of `from` that are loads of atomics.
    fn loads(&self, from: Origins) -> Origins {
        let is_load = |position: &usize| match self.out.origins.get(*position) {
            Some(Origin::Event { block, index }) => {
                let block = self.out.blocks.get(block.index());
                let event = block.and_then(|block| block.events.get(*index as usize));
                event.is_some_and(|event| matches!(event.kind, EventKind::Load { .. }))
            }
            _ => false,
        };
        let loads = from.iter().filter(is_load);
        loads.fold(Origins::NONE, |all, position| {
            all.or(Origins::one(position))
        })
    }

    /// Variables that have one certain value where `cond` is `truth`.
    fn constants(&self, cond: &Expr, truth: bool, found: &mut Vec<LocalId>) {
        match &cond.kind {
            ExprKind::Unary {
                op: UnOp::Not,
                expr,
            } => self.constants(expr, !truth, found),
            ExprKind::Binary {
                op: op @ (BinOp::And | BinOp::Or),
                left,
                right,
            } if truth == (*op == BinOp::And) => {
                self.constants(left, truth, found);
                self.constants(right, truth, found);
            }
            ExprKind::Binary {
                op: op @ (BinOp::Eq | BinOp::Ne),
                left,
                right,
            } if truth == (*op == BinOp::Eq) => {
                if self.is_constant(right) {
                    found.extend(self.variable(left));
                }
                if self.is_constant(left) {
                    found.extend(self.variable(right));
                }
            }
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if truth && args.is_empty() && name == "is_null" => {
                found.extend(self.variable(receiver));
            }
            _ => {}
        }
    }

    fn variable(&self, expr: &Expr) -> Option<LocalId> {
        match &expr.kind {
            ExprKind::Path(path) => self.lookup(path.as_name()?),
            _ => None,
        }
    }

    /// A literal, or the name of a constant.
    pub fn is_constant(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Cast { expr, .. } => self.is_constant(expr),
            // `State::Busy`, `u32::MAX`.
            ExprKind::Path(path) if path.segments.len() > 1 => true,
            ExprKind::Lit(_) => true,
            ExprKind::Unary { expr, .. } => matches!(expr.kind, ExprKind::Lit(_)),
            ExprKind::Path(path) => {
                let name = path.last();
                let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                self.variable(expr).is_none() && name.len() > 1 && name.chars().all(upper)
            }
            _ => false,
        }
    }
}
