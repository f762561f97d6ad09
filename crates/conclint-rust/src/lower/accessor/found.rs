//! What is looked up, and made where it is missing: every way to the end gives
//! an element of one collection, found there or put there.
//!
//! Follows names through `let`, `if let` and `match`; what loops find is left out.

use smol_str::SmolStr;

use super::{Eval, is_nothing};
use crate::hir::{Block, Expr, ExprKind, Pat, Span, StmtKind};
use crate::lower::fresh;
use crate::lower::types;
use crate::lower::value::Val;

/// Methods that put an argument into their receiver.
const PUTS: &[&str] = &["insert", "push", "push_back", "push_front", "put", "add"];

/// How far names lead to names.
const MANY: usize = 8;

/// A place in a file: line and column.
type At = (u32, u32);

/// A name, what it is taken from, and where it is known.
pub(super) struct Binding<'l> {
    name: &'l SmolStr,
    init: &'l Expr,
    from: At,
    to: At,
}

fn start(span: Span) -> At {
    (span.line, span.column)
}

fn end(span: Span) -> At {
    (span.end_line, span.end_column)
}

impl<'l> Eval<'l, '_> {
    /// The element that the body gives, whichever way it takes.
    pub(super) fn found_or_made(&mut self) -> Option<Val> {
        of_block(self.body, &mut self.bindings);
        let mut found: Option<Val> = None;
        let mut made = Vec::new();
        for result in fresh::results(self.body) {
            if is_nothing(result) {
                continue;
            }
            match self.expr(result).filter(|val| val.class.is_some()) {
                Some(val) if found.as_ref().is_some_and(|known| known.class != val.class) => {
                    return None;
                }
                Some(val) => found = found.or(Some(val)),
                None => made.push(result),
            }
        }
        let found = found.filter(|val| val.place.is_some())?;
        made.into_iter()
            .all(|result| self.is_put_beside(result, &found))
            .then_some(found)
    }

    /// Of several ways that each give a tuple, the parts that are one thing on all.
    pub(super) fn parts_of_ways(&mut self) -> Option<Val> {
        of_block(self.body, &mut self.bindings);
        let mut known: Option<Val> = None;
        for result in fresh::results(self.body) {
            if is_nothing(result) {
                continue;
            }
            let ExprKind::Tuple(_) = &result.kind else {
                return None;
            };
            let way = self.expr(result)?;
            let Some(known) = &mut known else {
                known = Some(way);
                continue;
            };
            for (part, other) in known.parts.iter_mut().zip(&way.parts) {
                if part.class != other.class {
                    *part = Val::unknown();
                }
            }
        }
        known
    }

    /// What `name` is taken from where it is used at `at`.
    pub(super) fn bound(&self, name: &SmolStr, at: Span) -> Option<&'l Expr> {
        let known = self.bindings.iter().filter(|it| it.name == name);
        known
            .filter(|it| it.from <= start(at) && start(at) < it.to)
            .max_by_key(|it| it.from)
            .map(|it| it.init)
    }

    pub(super) fn taken_from(&mut self, name: &'l SmolStr, init: &'l Expr) -> Option<Val> {
        if self.looked_at.len() > MANY {
            return None;
        }
        self.looked_at.push(name);
        let val = self.expr(init);
        self.looked_at.pop();
        let val = val?;
        let wrapped = types::is_option_or_result(&val.ty);
        let ty = types::unwrap_ty(&val.ty);
        Some(if wrapped { val.with_ty(ty) } else { val })
    }

    /// Whether `result`, a variable, was put into the collection of `found`.
    fn is_put_beside(&mut self, result: &'l Expr, found: &Val) -> bool {
        let Some(name) = variable(result) else {
            return false;
        };
        let mut puts = Vec::new();
        puts_of_block(self.body, name, &mut puts);
        puts.into_iter().any(|into| {
            let into = self.expr(into);
            into.is_some_and(|into| into.class.is_some() && into.class == found.class)
        })
    }
}

/// `x`, `x.clone()`, `Arc::clone(&x)`, `Ok(x)`.
fn variable(expr: &Expr) -> Option<&SmolStr> {
    match &expr.kind {
        ExprKind::Path(path) => path.as_name(),
        ExprKind::Ref { expr, .. } => variable(expr),
        ExprKind::MethodCall {
            receiver,
            name,
            args,
            ..
        } if args.is_empty() && name == "clone" => variable(receiver),
        ExprKind::Call { callee, args } => match (&callee.kind, &args[..]) {
            (ExprKind::Path(path), [one]) if matches!(path.last(), "clone" | "Ok" | "Some") => {
                variable(one)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The receivers of what puts `name` somewhere.
fn puts_of_block<'l>(block: &'l Block, name: &SmolStr, found: &mut Vec<&'l Expr>) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Let(stmt) => {
                if let Some(init) = &stmt.init {
                    puts(init, name, found);
                }
            }
            StmtKind::Expr(expr) => puts(expr, name, found),
            StmtKind::Item(_) => {}
        }
    }
    if let Some(tail) = &block.tail {
        puts(tail, name, found);
    }
}

fn puts<'l>(expr: &'l Expr, name: &SmolStr, found: &mut Vec<&'l Expr>) {
    match &expr.kind {
        ExprKind::MethodCall {
            receiver,
            name: method,
            args,
            ..
        } => {
            let named = |arg: &Expr| variable(arg) == Some(name);
            if PUTS.contains(&method.as_str()) && args.iter().any(named) {
                found.push(receiver);
            }
            puts(receiver, name, found);
        }
        ExprKind::Try(inner) | ExprKind::Await { expr: inner, .. } => puts(inner, name, found),
        ExprKind::Block(block) => puts_of_block(block, name, found),
        ExprKind::If { then, else_, .. } => {
            puts_of_block(then, name, found);
            if let Some(otherwise) = else_ {
                puts(otherwise, name, found);
            }
        }
        ExprKind::Match { arms, .. } => arms.iter().for_each(|arm| puts(&arm.body, name, found)),
        _ => {}
    }
}

fn of_block<'l>(block: &'l Block, found: &mut Vec<Binding<'l>>) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Let(written) => {
                if let Some(init) = &written.init {
                    found.extend(name_in(&written.pat).map(|name| Binding {
                        name,
                        init,
                        from: end(stmt.span),
                        to: end(block.span),
                    }));
                    of(init, found);
                }
            }
            StmtKind::Expr(expr) => of(expr, found),
            StmtKind::Item(_) => {}
        }
    }
    if let Some(tail) = &block.tail {
        of(tail, found);
    }
}

fn of<'l>(expr: &'l Expr, found: &mut Vec<Binding<'l>>) {
    match &expr.kind {
        ExprKind::Block(block) => of_block(block, found),
        ExprKind::If { cond, then, else_ } => {
            if let ExprKind::Let { pat, expr: init } = &cond.kind {
                found.extend(name_in(pat).map(|name| Binding {
                    name,
                    init,
                    from: start(then.span),
                    to: end(then.span),
                }));
            }
            of_block(then, found);
            if let Some(otherwise) = else_ {
                of(otherwise, found);
            }
        }
        ExprKind::Match { scrutinee, arms } => {
            for arm in arms {
                found.extend(name_in(&arm.pat).map(|name| Binding {
                    name,
                    init: scrutinee,
                    from: start(arm.body.span),
                    to: end(arm.body.span),
                }));
                of(&arm.body, found);
            }
        }
        _ => {}
    }
}

/// The one name of `x`, `Some(x)`, `Ok(x)`.
fn name_in(pat: &Pat) -> Option<&SmolStr> {
    match pat {
        Pat::Bind { name, .. } if !name.starts_with(char::is_uppercase) => Some(name),
        Pat::TupleStruct { path, pats } => match &pats[..] {
            [one] if matches!(path.last(), "Some" | "Ok") => name_in(one),
            _ => None,
        },
        Pat::Ref(inner) | Pat::Typed(inner, _) => name_in(inner),
        _ => None,
    }
}
