//! Whether an expression makes the object that it gives: `Node { .. }`,
//! `Arc::new(Node::new())`, `Node::open(path)?`.
//!
//! Of a function all results are looked at; one that may give what was there
//! before makes nothing.

use conclint_facts::ObjectKind;
use smol_str::SmolStr;

use super::body::Lower;
use super::types;
use crate::hir::{Block, Expr, ExprKind, Pat, StmtKind};
use crate::index::{FnIdx, Index, Scope, Ty, ValueRes};

/// How deep functions that make an object call each other.
const DEPTH: u32 = 4;

impl Lower<'_> {
    /// Whether what `expr` gives is an object that is made there.
    pub fn makes(&self, expr: &Expr) -> bool {
        let maker = Maker {
            index: self.index(),
            scope: &self.scope,
            body: None,
            depth: DEPTH,
        };
        maker.makes(expr)
    }

    /// Whether a value of this type is an object of the program's own, or a lock.
    pub fn is_object(&self, ty: &Ty) -> bool {
        matches!(types::peel_wrappers(self.index(), ty), Ty::Adt(..))
            || matches!(self.object_kind(ty), Some(ObjectKind::Lock(_)))
    }
}

#[derive(Clone, Copy)]
struct Maker<'a> {
    index: &'a Index,
    scope: &'a Scope,
    /// Of the function that is looked into.
    body: Option<&'a Block>,
    depth: u32,
}

impl<'a> Maker<'a> {
    fn makes(self, expr: &'a Expr) -> bool {
        match &expr.kind {
            ExprKind::Struct { .. } => true,
            ExprKind::Try(inner) | ExprKind::Await { expr: inner, .. } => self.makes(inner),
            ExprKind::Block(block) => block.tail.as_deref().is_some_and(|tail| self.makes(tail)),
            ExprKind::MethodCall { receiver, name, .. } => {
                matches!(name.as_str(), "unwrap" | "expect") && self.makes(receiver)
            }
            ExprKind::Call { callee, args } => self.call(callee, args),
            ExprKind::Path(path) => path.as_name().is_some_and(|name| self.variable(name)),
            _ => false,
        }
    }

    /// A variable of the function that is looked into, bound once.
    fn variable(self, name: &SmolStr) -> bool {
        let stmts = self.body.map_or(&[][..], |body| &body.stmts);
        let mut bound = stmts.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Let(stmt) => match &stmt.pat {
                Pat::Bind { name: n, .. } if n == name => Some(stmt.init.as_ref()),
                _ => None,
            },
            _ => None,
        });
        match (bound.next(), bound.next()) {
            // `let node = node?` is about another one.
            (Some(Some(init)), None) if self.depth > 0 => {
                let depth = self.depth - 1;
                Maker { depth, ..self }.makes(init)
            }
            _ => false,
        }
    }

    fn call(self, callee: &'a Expr, args: &'a [Expr]) -> bool {
        let ExprKind::Path(path) = &callee.kind else {
            return false;
        };
        match self.index.resolve_value(self.scope, path) {
            ValueRes::Ctor { .. } => true,
            ValueRes::Ext(path) => match wrapper(&path) {
                true => args.first().is_some_and(|arg| self.makes(arg)),
                false => makes_a_lock(&path),
            },
            ValueRes::Fns(res) => match res.fns[..] {
                [one] => self.function(one),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether all that the function gives is made in it.
    fn function(self, id: FnIdx) -> bool {
        let entry = self.index.functions().get(id.index());
        let Some((entry, body)) = entry.and_then(|e| Some((e, e.def.body.as_ref()?))) else {
            return false;
        };
        if self.depth == 0 || entry.def.has_self {
            return false;
        }
        let inside = Maker {
            index: self.index,
            scope: &entry.scope,
            body: Some(body),
            depth: self.depth - 1,
        };
        let results = results(body);
        let mut given = results.into_iter().filter(|it| !is_nothing(it)).peekable();
        given.peek().is_some() && given.all(|it| inside.makes(it))
    }
}

/// What is in it is what goes in.
fn wrapper(path: &str) -> bool {
    let mut names = path.rsplit("::");
    match (names.next(), names.next()) {
        (Some("Some" | "Ok"), _) => true,
        (Some("new" | "pin"), Some(of)) => matches!(of, "Arc" | "Rc" | "Box"),
        _ => false,
    }
}

/// `Mutex::new(state)`: a lock is an object of its own, whatever it guards.
fn makes_a_lock(path: &str) -> bool {
    let mut names = path.rsplit("::");
    matches!(
        (names.next(), names.next()),
        (
            Some("new"),
            Some("Mutex" | "RwLock" | "FairMutex" | "ReentrantMutex")
        )
    )
}

/// No object at all; a macro in that place mostly leaves with an error.
fn is_nothing(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Macro(_)) || super::accessor::is_nothing(expr)
}

/// The expressions whose value a function of this body gives.
pub(super) fn results(body: &Block) -> Vec<&Expr> {
    let mut results = Vec::new();
    of_block(body, true, &mut results);
    results
}

/// The expressions whose value a function gives; `last`: what the block gives
/// is one of them.
fn of_block<'a>(block: &'a Block, last: bool, found: &mut Vec<&'a Expr>) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Expr(expr) => of(expr, false, found),
            StmtKind::Let(stmt) => {
                if let Some(init) = &stmt.init {
                    of(init, false, found);
                }
                if let Some(otherwise) = &stmt.else_ {
                    of_block(otherwise, false, found);
                }
            }
            StmtKind::Item(_) => {}
        }
    }
    if let Some(tail) = &block.tail {
        of(tail, last, found);
    }
}

fn of<'a>(expr: &'a Expr, last: bool, found: &mut Vec<&'a Expr>) {
    match &expr.kind {
        ExprKind::Return(value) => found.extend(value.as_deref()),
        ExprKind::Block(block) => of_block(block, last, found),
        ExprKind::If { then, else_, .. } => {
            of_block(then, last, found);
            if let Some(otherwise) = else_ {
                of(otherwise, last, found);
            }
        }
        ExprKind::Match { arms, .. } => {
            for arm in arms {
                of(&arm.body, last, found);
            }
        }
        ExprKind::Loop { body, .. } | ExprKind::While { body, .. } | ExprKind::For { body, .. } => {
            of_block(body, false, found);
            if last {
                found.push(expr);
            }
        }
        _ if last => found.push(expr),
        _ => {}
    }
}
