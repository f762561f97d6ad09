//! What tests ask of a value, and which results of a function are written out.

use conclint_facts::Look;

use super::body::Lower;
use super::method::MethodCall;
use crate::hir::{Arm, BinOp, Expr, ExprKind, Lit, Pat, UnOp};

impl Lower<'_> {
    /// What the condition `cond` asks.
    pub fn look(&self, cond: &Expr) -> Look {
        match &cond.kind {
            ExprKind::Unary {
                op: UnOp::Not,
                expr,
            } => match self.look(expr) {
                Look::Own => Look::Other,
                Look::Other => Look::Own,
                look => look,
            },
            ExprKind::Path(path) => {
                let local = path.as_name().and_then(|name| self.lookup(name));
                let info = local.and_then(|id| self.locals.get(id.0 as usize));
                info.map_or(Look::Value, |info| info.look)
            }
            ExprKind::Binary { op, left, right } => match op {
                BinOp::And | BinOp::Or => self.look(left).max(self.look(right)),
                BinOp::Eq | BinOp::Ne => {
                    let written = |side| self.is_constant(side) || self.written(side).is_some();
                    match is_none(left) || is_none(right) {
                        true => Look::Presence,
                        false if written(left) || written(right) => Look::Constant,
                        false if *op == BinOp::Ne => Look::Other,
                        false => Look::Own,
                    }
                }
                BinOp::Order { .. } => Look::Order,
                BinOp::Arith(_) => Look::Value,
            },
            ExprKind::Let { pat, expr } => self.look_of_pattern(pat, expr),
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } => match (name.as_str(), &args[..]) {
                ("is_leader", []) => Look::Own,
                ("is_some" | "is_none" | "contains" | "contains_key", _) => Look::Presence,
                ("unwrap_or" | "unwrap_or_default", _) => self.look(receiver),
                ("is_some_and" | "is_none_or" | "is_ok_and" | "map" | "map_or", [.., last]) => {
                    match &last.kind {
                        ExprKind::Closure(closure) => self.look(&closure.body),
                        _ => Look::Value,
                    }
                }
                _ => Look::Value,
            },
            _ => Look::Value,
        }
    }

    /// Only one of several threads finds that the condition holds: it leads the
    /// others, or has a certain number.
    pub fn singles_out(&self, cond: &Expr) -> bool {
        match &cond.kind {
            ExprKind::MethodCall { name, args, .. } => name == "is_leader" && args.is_empty(),
            ExprKind::Unary {
                op: UnOp::Not,
                expr,
            } => self.singles_out(expr),
            ExprKind::Binary {
                op: BinOp::Eq | BinOp::Ne,
                left,
                right,
            } => is_number(right) && names_thread(left) || is_number(left) && names_thread(right),
            _ => false,
        }
    }

    /// What a method asks that runs a closure: `find(|it| it.id == id)` asks whether
    /// there is one.
    pub fn look_of_combinator(&self, of_option: bool, call: &MethodCall) -> Look {
        match call.name.as_str() {
            "and_modify" | "or_insert_with" | "or_default" => Look::Presence,
            "find" | "position" | "any" | "filter" if self.is_by_key(call.args) => Look::Presence,
            _ if of_option => Look::Presence,
            _ => Look::Value,
        }
    }

    /// What the results of a function ask, where they are tests.
    pub fn look_of_results(&self, results: &[&Expr]) -> Look {
        let tests = results
            .iter()
            .filter(|result| self.written(result).is_none());
        tests.map(|test| self.look(test)).max().unwrap_or_default()
    }

    /// The result that `expr` is, where it is one that is written out.
    pub fn answer(&mut self, expr: &Expr) {
        if let Some(variants) = self.written(expr) {
            self.out.answers.push((self.out.cur, variants));
        }
    }

    /// `if let Some(entry) = map.get_mut(key)` asks whether it is there.
    pub fn look_of_pattern(&self, pat: &Pat, expr: &Expr) -> Look {
        match asks_presence(pat) && self.is_lookup(expr) {
            true => Look::Presence,
            false => Look::Value,
        }
    }

    /// The same for the arms of a `match`.
    pub fn look_of_arms(&self, scrutinee: &Expr, arms: &[Arm]) -> Look {
        let plain = |arm: &Arm| arm.guard.is_none() && asks_presence(&arm.pat);
        match self.is_lookup(scrutinee) && arms.iter().all(plain) {
            true => Look::Presence,
            false => Look::Value,
        }
    }

    /// `map.get_mut(key)`, `list.iter().find(|it| it.id == id)`, perhaps with a way
    /// out for what is not there.
    fn is_lookup(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } => match name.as_str() {
                "get" | "get_mut" | "get_key_value" | "first_mut" | "last_mut" => true,
                "find" | "position" => self.is_by_key(args),
                "copied" | "cloned" | "ok_or" | "ok_or_else" | "as_ref" | "as_mut" => {
                    self.is_lookup(receiver)
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// The closure compares with a key.
    fn is_by_key(&self, args: &[Expr]) -> bool {
        match args {
            [
                Expr {
                    kind: ExprKind::Closure(closure),
                    ..
                },
            ] => self.look(&closure.body) == Look::Own,
            _ => false,
        }
    }
}

/// Whether the value of `expr` may be written out at all.
pub(super) fn may_be_written(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Lit(_) | ExprKind::Path(_) | ExprKind::Call { .. } | ExprKind::Struct { .. }
    )
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Lit(Lit::Int(_)))
}

/// The variable is called what numbers of threads are.
fn names_thread(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Path(path) if path.as_name().is_some_and(|name| {
        matches!(
            name.as_str(),
            "id" | "tid" | "me" | "rank" | "i" | "t" | "index" | "worker" | "thread_id" | "worker_id"
        )
    }))
}

fn is_none(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Path(path) if path.last() == "None")
}

fn asks_presence(pat: &Pat) -> bool {
    match pat {
        Pat::TupleStruct { path, pats } => {
            let open = |pat: &Pat| matches!(pat, Pat::Wild | Pat::Bind { sub: None, .. });
            matches!(path.last(), "Some" | "Ok" | "Err") && pats.iter().all(open)
        }
        Pat::Path(path) => path.last() == "None",
        Pat::Bind { sub: None, .. } | Pat::Wild => true,
        _ => false,
    }
}
