//! Accessors: functions whose result is a place of their receiver, an argument
//! or a static: `fn sessions(&self) -> &Mutex<..> { &self.sessions }`.
//!
//! Only bodies that are one expression (after nothing or plain `let`s) are
//! looked into, a few calls deep.

use conclint_facts::{Place, Root};
use smol_str::SmolStr;

use super::body::Lower;
use super::types;
use super::value::{ClassBase, ClassKey, Val};
use crate::hir::{self, Expr, ExprKind};
use crate::index::{FnIdx, Scope, Ty, ValueRes};

/// How deep accessors call accessors.
const DEPTH: u32 = 4;

struct Eval<'l, 'a> {
    lower: &'l Lower<'a>,
    f: FnIdx,
    scope: &'l Scope,
    params: &'l [hir::FnParam],
    args: &'l [Val],
    /// Variables of the body.
    env: Vec<(&'l SmolStr, Val)>,
    depth: u32,
}

impl Lower<'_> {
    /// What the result of `f` is, in this function's terms, when `f` only
    /// hands out something it was given.
    pub fn accessed(&self, f: FnIdx, args: &[Val]) -> Option<Val> {
        accessed(self, f, args, DEPTH)
    }
}

fn accessed<'l>(lower: &'l Lower<'_>, f: FnIdx, args: &'l [Val], depth: u32) -> Option<Val> {
    let entry = lower.index().functions().get(f.index())?;
    let body = entry.def.body.as_ref()?;
    if depth == 0 || body.stmts.len() > 2 {
        return None;
    }
    let tail = body.tail.as_deref()?;
    if !may_be_place(tail) {
        // Most functions: not worth a look at the arguments.
        return None;
    }
    let mut eval = Eval {
        lower,
        f,
        scope: &entry.scope,
        params: &entry.def.params,
        args,
        env: Vec::new(),
        depth,
    };
    for stmt in &body.stmts {
        match &stmt.kind {
            hir::StmtKind::Let(stmt) => {
                let (hir::Pat::Bind { name, .. }, Some(init)) = (&stmt.pat, &stmt.init) else {
                    return None;
                };
                let val = eval.expr(init)?;
                eval.env.push((name, val));
            }
            _ => return None,
        }
    }
    let val = eval.expr(tail)?;
    // A copy of plain data is not the place it came from.
    (val.place.is_some() && (val.class.is_some() || !matches!(val.ty, Ty::Unknown))).then_some(val)
}

/// Whether what an expression starts from can be a place, by its syntax.
fn may_be_place(expr: &Expr) -> bool {
    let mut expr = expr;
    loop {
        expr = match &expr.kind {
            ExprKind::Path(_) => return true,
            ExprKind::Call { callee, .. } => return matches!(callee.kind, ExprKind::Path(_)),
            ExprKind::Field { base: inner, .. }
            | ExprKind::Ref { expr: inner, .. }
            | ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr: inner,
            }
            | ExprKind::Try(inner)
            | ExprKind::Index { base: inner, .. }
            | ExprKind::MethodCall {
                receiver: inner, ..
            } => inner,
            ExprKind::Block(block) if block.stmts.is_empty() => match &block.tail {
                Some(tail) => tail,
                None => return false,
            },
            _ => return false,
        };
    }
}

impl Eval<'_, '_> {
    /// A variable or parameter.
    fn named(&self, name: &SmolStr) -> Option<Val> {
        if let Some((_, val)) = self.env.iter().rev().find(|(n, _)| *n == name) {
            return Some(val.clone());
        }
        let is_named = |param: &hir::FnParam| matches!(&param.pat, hir::Pat::Bind { name: n, .. } if n == name);
        let i = self.params.iter().rposition(is_named)?;
        let mut val = self.args.get(i).cloned().unwrap_or_else(Val::unknown);
        val.local = None;
        val.guards.clear();
        val.handles.clear();
        let ty = self.lower.index().fn_param_ty(self.f, i);
        if val.ty == Ty::Unknown || ty != Ty::Unknown && !matches!(ty, Ty::Param(_)) {
            val.ty = ty;
        }
        Some(val)
    }

    fn expr(&mut self, expr: &Expr) -> Option<Val> {
        match &expr.kind {
            ExprKind::Path(path) => {
                if let Some(val) = path.as_name().and_then(|name| self.named(name)) {
                    return Some(val);
                }
                let ValueRes::Static(id) = self.lower.index().resolve_value(self.scope, path)
                else {
                    return None;
                };
                let entry = self.lower.index().static_(id);
                let mut val = Val::of(entry.ty.clone());
                val.place = Some(Place {
                    root: Root::Static(SmolStr::new(&entry.key)),
                    path: Vec::new(),
                });
                val.class = Some(ClassKey::new(ClassBase::Static(id)));
                Some(val)
            }
            ExprKind::Field { base, name, .. } => {
                let mut cur = self.expr(base)?;
                for _ in 0..8 {
                    if let Some(info) = self.lower.index().field(&cur.ty, name) {
                        let mut part = cur.project(name, info.ty);
                        part.class =
                            Some(ClassKey::new(ClassBase::Field(info.owner, name.clone())));
                        return Some(part);
                    }
                    cur = self.lower.step(&cur)?;
                }
                None
            }
            ExprKind::Ref { expr, .. }
            | ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr,
            }
            | ExprKind::Try(expr) => self.expr(expr),
            ExprKind::Block(block) if block.stmts.is_empty() => self.expr(block.tail.as_deref()?),
            ExprKind::Index { base, index } if !matches!(index.kind, ExprKind::Range(..)) => {
                let val = self.expr(base)?;
                let ty = types::value_of(self.lower.index(), &val.ty);
                Some(val.project("[]", ty))
            }
            ExprKind::Call { callee, args } => self.call(callee, args),
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } => self.method(receiver, name, args),
            _ => None,
        }
    }

    fn call(&mut self, callee: &Expr, args: &[Expr]) -> Option<Val> {
        let ExprKind::Path(path) = &callee.kind else {
            return None;
        };
        match self.lower.index().resolve_value(self.scope, path) {
            ValueRes::Ext(path)
                if path.ends_with("::clone")
                    || path.ends_with("::Some")
                    || path.ends_with("::Ok") =>
            {
                self.expr(args.first()?)
            }
            ValueRes::Fns(res) => {
                let vals: Vec<Val> = args
                    .iter()
                    .map(|arg| self.expr(arg).unwrap_or_else(Val::unknown))
                    .collect();
                accessed(self.lower, *res.fns.first()?, &vals, self.depth - 1)
            }
            _ => None,
        }
    }

    fn method(&mut self, receiver: &Expr, name: &SmolStr, args: &[Expr]) -> Option<Val> {
        let mut cur = self.expr(receiver)?;
        for _ in 0..8 {
            if let Ty::Ext(path, targs) = &cur.ty
                && let Some(lock) = self.lower.shared.table.get(path)
            {
                // Through a lock to what it guards.
                self.lower.shared.table.op(lock.traits.shape, name)?;
                let data = targs.last().cloned().unwrap_or(Ty::Unknown);
                let mut val = cur.clone();
                val.class = cur.class.as_ref().map(ClassKey::element);
                return Some(val.with_ty(data));
            }
            if let Ty::Adt(..) = &cur.ty
                && let Some(res) = self.lower.index().method(self.scope, &cur.ty, name)
            {
                let mut vals = vec![cur];
                vals.extend(
                    args.iter()
                        .map(|arg| self.expr(arg).unwrap_or_else(Val::unknown)),
                );
                return accessed(self.lower, *res.fns.first()?, &vals, self.depth - 1);
            }
            match self.lower.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        let index = self.lower.index();
        match types::std_method(&cur.ty, name) {
            types::StdRet::Same | types::StdRet::MapEntry => Some(cur),
            types::StdRet::Inner => {
                let ty = types::unwrap_ty(&cur.ty);
                Some(cur.with_ty(ty))
            }
            types::StdRet::Element(_) | types::StdRet::Entry => {
                let ty = types::value_of(index, &cur.ty);
                Some(cur.project("[]", types::option_of(ty)))
            }
            _ => None,
        }
    }
}
