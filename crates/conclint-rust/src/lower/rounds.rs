//! Variables that are others in each round of a loop: of what a thread takes along
//! that is started there, it has one of its own.

use conclint_facts::{LocalId, Own};

use super::body::Lower;
use super::types;
use super::value::LocalInfo;
use crate::hir::{Expr, ExprKind, Pat};

impl Lower<'_> {
    /// The variables from the one numbered `first` on were bound by the loop that
    /// was just entered.
    pub fn bound_in_round(&mut self, first: usize, pat: &Pat, iter: Numbered) {
        let numbers = match iter {
            Numbered::All => usize::MAX,
            Numbered::First if matches!(pat, Pat::Tuple(_)) => 1,
            Numbered::First | Numbered::None => 0,
        };
        let depth = self.out.loop_depth;
        for (at, info) in self.locals.iter_mut().skip(first).enumerate() {
            let own = if at < numbers { Own::Number } else { Own::Item };
            info.round = Some((own, depth));
        }
    }

    /// The variable that was bound last has an object that is made there.
    pub fn made_in_round(&mut self, init: &Expr) {
        let depth = self.out.loop_depth;
        if depth > 0
            && makes(init)
            && let Some(info) = self.locals.last_mut()
            && !types::is_guard(&info.val.ty)
        {
            info.round = Some((Own::Made, depth));
        }
    }

    /// The variables of which each thread that is started here has another one.
    pub fn own_of_thread(&self) -> Vec<(LocalId, Own)> {
        let here = (self.out.level, self.out.loop_depth);
        let own = |info: &LocalInfo| {
            let (own, depth) = info.round?;
            ((info.level, depth) == here).then_some(own)
        };
        let locals = (0..).map(LocalId).zip(&self.locals);
        locals
            .filter_map(|(id, info)| Some((id, own(info)?)))
            .collect()
    }
}

/// Which of the variables that a loop binds are numbers that come once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    All,
    First,
    None,
}

/// What a loop over `iter` binds.
pub(super) fn numbered(iter: &Expr) -> Numbered {
    match &iter.kind {
        ExprKind::Range(..) => Numbered::All,
        ExprKind::MethodCall { receiver, name, .. } => match name.as_str() {
            "enumerate" => Numbered::First,
            "rev" | "into_iter" | "iter" => numbered(receiver),
            "zip" => match numbered(receiver) {
                Numbered::All => Numbered::First,
                _ => Numbered::None,
            },
            _ => Numbered::None,
        },
        _ => Numbered::None,
    }
}

/// `AtomicU64::new(0)`, in whatever pointer, or a lock.
fn makes(expr: &Expr) -> bool {
    let ExprKind::Call { callee, args } = &expr.kind else {
        return false;
    };
    let ExprKind::Path(path) = &callee.kind else {
        return false;
    };
    let of = path.segments.iter().rev().nth(1);
    let of = of.map_or("", |segment| segment.name.as_str());
    match (of, path.last()) {
        ("Arc" | "Box", "new") => args.first().is_some_and(makes),
        (of, "new" | "default") => of.starts_with("Atomic") || matches!(of, "Mutex" | "RwLock"),
        _ => false,
    }
}
