//! Functions that surely never come back: what stands after their calls is not
//! reached.
//!
//! Told by their signature, or by their body alone: what it calls is not looked
//! into. In doubt, a function comes back.

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::hir::{self, Block, Expr, ExprKind, MacroCall, MacroKind, StmtKind};
use crate::index::{FnEntry, FnIdx, Index, Scope, ValueRes};

/// By function (by number): how it is known that it never comes back, if it is.
pub(super) fn never(index: &Index) -> Vec<Option<Never>> {
    let declared = |entry: &&FnEntry| is_declared(entry);
    let entries = index.functions();
    let names = entries.iter().filter(declared);
    let names = names.map(|entry| entry.def.name.clone()).collect();
    let of = |entry: &FnEntry| {
        if is_declared(entry) {
            return Some(Never::Declared);
        }
        // Of a default body, nobody knows who replaces it.
        let body = entry.def.body.as_ref();
        let body = body.filter(|_| entry.is_built && entry.in_trait.is_none())?;
        let mut walk = Walk {
            index,
            scope: &entry.scope,
            names: &names,
            frames: Vec::new(),
        };
        (walk.block(body) == Way::Never).then_some(Never::Body)
    };
    entries.par_iter().with_min_len(64).map(of).collect()
}

fn is_declared(entry: &FnEntry) -> bool {
    matches!(entry.def.ret, Some(hir::Ty::Never))
}

/// How it is known that a function never comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Never {
    /// `-> !`: so does every other function that it may stand for.
    Declared,
    /// Its body ends in a panic, in an endless loop or with the process.
    Body,
}

/// Whether a function outside the workspace ends the process.
pub(super) fn ends_all(path: &str) -> bool {
    matches!(
        path,
        "std::process::exit"
            | "std::process::abort"
            | "std::hint::unreachable_unchecked"
            | "libc::exit"
            | "libc::_exit"
            | "libc::abort"
    )
}

/// Where control goes from an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// On to the next one, for all that is known.
    On,
    /// Not there, and not out of the function.
    Never,
    /// It may leave the function.
    Back,
}

impl Way {
    /// One of the two is taken.
    fn or(self, other: Way) -> Way {
        match (self, other) {
            (Way::Back, _) | (_, Way::Back) => Way::Back,
            (Way::Never, Way::Never) => Way::Never,
            _ => Way::On,
        }
    }

    /// It may be left out.
    fn perhaps(self) -> Way {
        self.or(Way::On)
    }
}

/// Something that `break` may leave.
struct Frame<'b> {
    label: Option<&'b str>,
    is_loop: bool,
    left: bool,
}

/// The walk over one body, in the order of evaluation.
struct Walk<'b> {
    index: &'b Index,
    scope: &'b Scope,
    /// Names of functions that return `!`.
    names: &'b FxHashSet<SmolStr>,
    frames: Vec<Frame<'b>>,
}

impl<'b> Walk<'b> {
    fn block(&mut self, block: &'b Block) -> Way {
        let framed = block.label.is_some();
        if framed {
            self.enter(&block.label, false);
        }
        let mut way = Way::On;
        for stmt in &block.stmts {
            way = match &stmt.kind {
                StmtKind::Let(bound) => self.bound(bound),
                StmtKind::Expr(expr) => self.expr(expr),
                StmtKind::Item(_) => Way::On,
            };
            if block.conditional {
                way = way.perhaps();
            }
            if way != Way::On {
                break;
            }
        }
        if let (Way::On, Some(tail)) = (way, &block.tail) {
            way = self.expr(tail);
            if block.conditional {
                way = way.perhaps();
            }
        }
        match framed && self.leave() {
            true => way.perhaps(),
            false => way,
        }
    }

    fn bound(&mut self, bound: &'b hir::Let) -> Way {
        let way = self.maybe(bound.init.as_ref());
        match (way, &bound.else_) {
            (Way::On, Some(otherwise)) => self.block(otherwise).perhaps(),
            _ => way,
        }
    }

    fn enter(&mut self, label: &'b hir::Label, is_loop: bool) {
        self.frames.push(Frame {
            label: label.as_deref().map(SmolStr::as_str),
            is_loop,
            left: false,
        });
    }

    /// Whether some `break` leaves what ends here.
    fn leave(&mut self) -> bool {
        self.frames.pop().is_some_and(|frame| frame.left)
    }

    fn maybe(&mut self, expr: Option<&'b Expr>) -> Way {
        expr.map_or(Way::On, |expr| self.expr(expr))
    }

    /// One after the other.
    fn each(&mut self, exprs: impl IntoIterator<Item = &'b Expr>) -> Way {
        let ways = exprs.into_iter().map(|expr| self.expr(expr));
        ways.into_iter()
            .find(|way| *way != Way::On)
            .unwrap_or(Way::On)
    }

    /// The second one perhaps, where control gets past the first one.
    fn then(&mut self, first: &'b Expr, rest: impl FnOnce(&mut Self) -> Way) -> Way {
        match self.expr(first) {
            Way::On => rest(self),
            way => way,
        }
    }

    fn expr(&mut self, expr: &'b Expr) -> Way {
        match &expr.kind {
            ExprKind::Path(_)
            | ExprKind::Lit(_)
            | ExprKind::Closure(_)
            | ExprKind::Async { .. }
            | ExprKind::Other => Way::On,
            ExprKind::Field { base: inner, .. }
            | ExprKind::Unary { expr: inner, .. }
            | ExprKind::Ref { expr: inner, .. }
            | ExprKind::Await { expr: inner, .. }
            | ExprKind::Cast { expr: inner, .. }
            | ExprKind::Let { expr: inner, .. }
            | ExprKind::Repeat { elem: inner, .. } => self.expr(inner),
            ExprKind::Try(inner) => self.then(inner, |_| Way::Back),
            ExprKind::Binary {
                op: hir::BinOp::And | hir::BinOp::Or,
                left,
                right,
            } => self.then(left, |walk| walk.expr(right).perhaps()),
            ExprKind::Index {
                base: left,
                index: right,
            }
            | ExprKind::Binary { left, right, .. }
            | ExprKind::Assign { left, right }
            | ExprKind::AssignOp { left, right, .. } => self.each([&**left, &**right]),
            ExprKind::Range(from, to) => {
                self.each(from.as_deref().into_iter().chain(to.as_deref()))
            }
            ExprKind::Tuple(all) | ExprKind::Array(all) => self.each(all),
            ExprKind::Struct { fields, base, .. } => {
                let fields = fields.iter().map(|(_, value)| value);
                self.each(fields.chain(base.as_deref()))
            }
            ExprKind::Call { callee, args } => match self.each(args) {
                Way::On if self.ends(callee) => Way::Never,
                way => way,
            },
            ExprKind::MethodCall { receiver, args, .. } => {
                self.then(receiver, |walk| walk.each(&**args))
            }
            ExprKind::Block(block) => self.block(block),
            ExprKind::If { cond, then, else_ } => self.then(cond, |walk| {
                let way = walk.block(then);
                way.or(walk.maybe(else_.as_deref()))
            }),
            ExprKind::Match { scrutinee, arms } => self.then(scrutinee, |walk| walk.arms(arms)),
            ExprKind::Loop { .. } | ExprKind::While { .. } | ExprKind::For { .. } => {
                self.round(expr)
            }
            ExprKind::Break { label, value } => {
                let way = self.maybe(value.as_deref());
                self.breaks(label.as_deref());
                match way {
                    Way::Back => Way::Back,
                    _ => Way::Never,
                }
            }
            ExprKind::Continue { .. } => Way::Never,
            ExprKind::Return(_) => Way::Back,
            ExprKind::Macro(call) => self.macro_call(call),
        }
    }

    fn arms(&mut self, arms: &'b [hir::Arm]) -> Way {
        let mut all: Option<Way> = None;
        for arm in arms {
            let guard = self.maybe(arm.guard.as_ref());
            let mut way = self.expr(&arm.body);
            if guard == Way::Back {
                way = Way::Back;
            }
            all = Some(all.map_or(way, |all| all.or(way)));
        }
        all.unwrap_or(Way::On)
    }

    fn round(&mut self, expr: &'b Expr) -> Way {
        match &expr.kind {
            ExprKind::Loop { label, body } => {
                self.enter(label, true);
                let way = self.block(body);
                match (self.leave(), way) {
                    (_, Way::Back) => Way::Back,
                    (true, _) => Way::On,
                    (false, _) => Way::Never,
                }
            }
            ExprKind::While { label, cond, body } => {
                self.enter(label, true);
                let way = self.then(cond, |walk| walk.block(body).perhaps());
                match self.leave() {
                    true => way.perhaps(),
                    false => way,
                }
            }
            ExprKind::For {
                label, iter, body, ..
            } => self.then(iter, |walk| {
                walk.enter(label, true);
                let way = walk.block(body);
                walk.leave();
                way.perhaps()
            }),
            _ => Way::On,
        }
    }

    fn breaks(&mut self, label: Option<&SmolStr>) {
        let frame = self.frames.iter_mut().rev().find(|frame| match label {
            Some(label) => frame.label == Some(label.as_str()),
            None => frame.is_loop,
        });
        if let Some(frame) = frame {
            frame.left = true;
        }
    }

    fn macro_call(&mut self, call: &'b MacroCall) -> Way {
        if call.kind == MacroKind::Select {
            let ways: Vec<Way> = call.args.iter().map(|arg| self.expr(arg)).collect();
            return ways.into_iter().reduce(Way::or).unwrap_or(Way::On);
        }
        // Nobody knows what is in it, and what of its arguments runs.
        if call.kind == MacroKind::Unknown {
            return Way::Back;
        }
        let way = self.each(&call.args);
        match (&call.kind, way) {
            (MacroKind::Panic, Way::On) => match call.path.last() {
                "panic" | "unreachable" | "todo" | "unimplemented" | "assert" | "assert_eq"
                | "assert_ne" | "debug_assert" | "debug_assert_eq" | "debug_assert_ne" => {
                    Way::Never
                }
                // `bail!` and its like return an error.
                _ => Way::Back,
            },
            // Nothing is formatted for a log that nobody keeps.
            (MacroKind::Log, way) => way.perhaps(),
            (_, way) => way,
        }
    }

    /// The call of a function that is known never to come back.
    fn ends(&self, callee: &Expr) -> bool {
        let ExprKind::Path(path) = &callee.kind else {
            return false;
        };
        let name = path.last();
        let outside = matches!(name, "exit" | "_exit" | "abort" | "unreachable_unchecked");
        if !outside && !self.names.contains(name) {
            return false;
        }
        match self.index.resolve_value(self.scope, path) {
            ValueRes::Ext(path) => ends_all(&path),
            ValueRes::Fns(res) => self.all_declared(&res.fns),
            _ => false,
        }
    }

    fn all_declared(&self, fns: &[FnIdx]) -> bool {
        let entries = self.index.functions();
        let declared = |f: &FnIdx| {
            let entry = entries.get(f.index());
            // Nothing runs before it is awaited.
            entry.is_some_and(|entry| is_declared(entry) && !entry.def.is_async)
        };
        !fns.is_empty() && fns.iter().all(declared)
    }
}
