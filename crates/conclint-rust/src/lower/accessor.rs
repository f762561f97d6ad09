//! Accessors: functions whose result is a place of their receiver, an argument
//! or a static: `fn sessions(&self) -> &Mutex<..> { &self.sessions }`.
//!
//! What a body ends in is looked into, with the plain `let`s that it names, a
//! few calls deep: one place, a tuple of them, or one in a branch whose others
//! give nothing.

use std::sync::OnceLock;

use conclint_facts::{Blocking, Place, Root};
use smol_str::SmolStr;

use super::body::Lower;
use super::types;
use super::value::{ClassBase, ClassKey, Val};
use super::{fixed, link};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{FnEntry, FnIdx, Index, MethodRes, Scope, Ty, ValueRes, is_number};
use crate::table::GuardWrap;

mod found;

/// How deep accessors call accessors.
const DEPTH: u32 = 4;

struct Eval<'l, 'a> {
    lower: &'l Lower<'a>,
    f: FnIdx,
    scope: &'l Scope,
    params: &'l [hir::FnParam],
    args: &'l [Val],
    body: &'l hir::Block,
    /// Variables of the body that are being looked at.
    looked_at: Vec<&'l SmolStr>,
    /// What patterns and inner blocks bind, where these count.
    bindings: Vec<found::Binding<'l>>,
    depth: u32,
}

impl Lower<'_> {
    /// What the result of `f` is, in this function's terms, when `f` only
    /// hands out something it was given.
    pub fn accessed(&self, f: FnIdx, args: &[Val]) -> Option<Val> {
        accessed(self, f, args, DEPTH)
    }

    /// What a method of `recv` lends where its body does not tell: a reference
    /// that comes out of `&self` and nothing else is a part of it, the same one
    /// each time it is asked for. So are what cells of the program's own keep
    /// (`ONCE.call_once(|| ..)`) and getters of traits (`iface.common()`).
    pub fn lent(&self, res: &MethodRes, recv: &Val, name: &str, args: &[Expr]) -> Option<Val> {
        let f = *res.fns.first()?;
        let takes = &self
            .index()
            .functions()
            .get(f.index())?
            .def
            .params
            .first()?
            .ty;
        if recv.place.is_none()
            || !matches!(takes, hir::Ty::Ref { mutable: false, .. })
            || !args.iter().all(is_closure)
        {
            return None;
        }
        // Most give no reference, and are asked no further.
        let declared = self.index().fn_declared_ret(f);
        if !matches!(declared, Ty::Ref(..)) {
            return None;
        }
        let Ty::Ref(_, part) = self.index().fn_ret(f, Some(&res.self_ty), &[]) else {
            return None;
        };
        let part = part.as_ref().clone();
        if link::names_parameter(declared) {
            // Inside of one collection of all sorts it would be one for all.
            let of_all = |class: &ClassKey| link::is_of_parameter(self.index(), class);
            let is_cell = !recv.class.as_ref().is_some_and(of_all);
            return is_cell.then(|| recv.clone().with_ty(part));
        }
        let name = SmolStr::new(format!("{name}()"));
        let mut val = recv.project(&name, part);
        val.class = match &res.self_ty {
            Ty::Adt(id, _) => Some(ClassKey::new(ClassBase::Field(*id, name))),
            _ => None,
        };
        Some(val)
    }
}

fn accessed<'l>(lower: &'l Lower<'_>, f: FnIdx, args: &'l [Val], depth: u32) -> Option<Val> {
    let entry = lower.index().functions().get(f.index())?;
    let ways = lower.shared.ways.get(f.index())?;
    // Most functions: not worth a look at the arguments.
    let ways = ways
        .get_or_init(|| Ways::of(lower.index(), f, entry))
        .as_ref()?;
    if let Some(val) = &ways.fixed {
        return Some(val.clone());
    }
    let idle = ways.idle.get((depth as usize).checked_sub(1)?)?;
    let is_idle = || evaluated(lower, f, entry, ways, &symbols(lower, f, entry), depth).is_none();
    if ways.is_told && *idle.get_or_init(is_idle) {
        return None;
    }
    evaluated(lower, f, entry, ways, args, depth)
}

/// Arguments of the types that are declared, each of which is a place.
fn symbols(lower: &Lower<'_>, f: FnIdx, entry: &FnEntry) -> Vec<Val> {
    let symbol = |param: usize| {
        let mut val = Val::of(lower.index().fn_param_ty(f, param));
        let number = u16::try_from(param).unwrap_or(u16::MAX);
        val.place = Some(Place {
            root: Root::Param(number),
            path: Vec::new(),
        });
        val.class = Some(ClassKey::new(ClassBase::Param(number)));
        val
    };
    (0..entry.def.params.len()).map(symbol).collect()
}

fn evaluated<'l>(
    lower: &'l Lower<'_>,
    f: FnIdx,
    entry: &'l FnEntry,
    ways: &Ways,
    args: &'l [Val],
    depth: u32,
) -> Option<Val> {
    let Ways {
        one_way, shared, ..
    } = *ways;
    let body = entry.def.body.as_ref()?;
    let tail = body.tail.as_deref()?;
    let mut eval = Eval {
        lower,
        f,
        scope: &entry.scope,
        params: &entry.def.params,
        args,
        body,
        looked_at: Vec::new(),
        bindings: Vec::new(),
        depth,
    };
    let val = one_way.then(|| eval.expr(tail)).flatten();
    let val = match val {
        // Guards that come back among the parts are followed elsewhere.
        None if matches!(tail.kind, ExprKind::Tuple(_)) => {
            let guarded = args.iter().any(|arg| !arg.guards.is_empty());
            (!guarded).then(|| eval.parts_of_ways())??
        }
        None if shared => eval.found_or_made()?,
        val => val?,
    };
    // A copy of plain data is not the place it came from.
    let is_place =
        |val: &Val| val.place.is_some() && (val.class.is_some() || !matches!(val.ty, Ty::Unknown));
    (is_place(&val) || !val.views.is_empty() || val.parts.iter().any(is_place)).then_some(val)
}

/// What there is to look at in a function, whatever it is called with.
#[derive(Debug)]
pub(super) struct Ways {
    /// An object at an address that a constant says.
    fixed: Option<Val>,
    /// What its body ends in may be a place, and nothing else is given.
    one_way: bool,
    /// It gives a pointer that others may have, too.
    shared: bool,
    /// Its parameters are what their declarations say, whoever calls: where it
    /// gives no place of theirs, it gives none of its arguments.
    is_told: bool,
    /// By depth: that it gives no place, whatever it is given.
    idle: [OnceLock<bool>; DEPTH as usize],
}

impl Ways {
    fn of(index: &Index, f: FnIdx, entry: &FnEntry) -> Option<Ways> {
        let body = entry.def.body.as_ref()?;
        let tail = body.tail.as_deref()?;
        let fixed = fixed::object_at(index, f, entry);
        let mut given = index.fn_declared_ret(f);
        while types::is_option_or_result(given)
            && let Ty::Ext(_, args) = given
            && let Some(inner) = args.first()
        {
            given = inner;
        }
        let shared = types::is_shared_pointer(given);
        let is_told = |param: usize| is_told(index, &index.fn_param_ty(f, param));
        let ways = Ways {
            one_way: may_be_place(tail) && (body.stmts.is_empty() || !returns_more(body)),
            shared,
            fixed,
            is_told: !shared && (0..entry.def.params.len()).all(is_told),
            idle: Default::default(),
        };
        let any = ways.fixed.is_some()
            || ways.one_way
            || ways.shared
            || matches!(tail.kind, ExprKind::Tuple(_));
        (any && !is_plain(given)).then_some(ways)
    }
}

/// Whoever calls, a parameter declared so is of this type.
fn is_told(index: &Index, ty: &Ty) -> bool {
    *ty != Ty::Unknown && !matches!(types::peel_wrappers(index, ty), Ty::Param(_))
}

/// Numbers, texts of one's own and nothing at all: a copy is no place.
fn is_plain(ty: &Ty) -> bool {
    match ty {
        Ty::Ext(path, args) => {
            is_number(path)
                || path == "std::string::String"
                || path == "std::vec::Vec" && args.iter().all(is_plain)
        }
        Ty::Tuple(parts) => parts.iter().all(is_plain),
        _ => false,
    }
}

/// Whether a body gives something back before its end.
fn returns_more(body: &hir::Block) -> bool {
    let mut more = false;
    body.each_expr(&mut |expr| {
        if let ExprKind::Return(Some(value)) = &expr.kind {
            more |= !is_nothing(value);
        }
    });
    more
}

/// `None`, `Err(..)`, and what never gets to give anything.
pub(super) fn is_nothing(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Path(path) => path.last() == "None",
        ExprKind::Call { callee, .. } => {
            matches!(&callee.kind, ExprKind::Path(path) if path.last() == "Err")
        }
        ExprKind::Block(block) => gives_nothing(block),
        ExprKind::Return(value) => value.as_deref().is_none_or(is_nothing),
        ExprKind::Macro(call) => call.kind == hir::MacroKind::Panic,
        _ => false,
    }
}

/// As [`is_nothing`], of what a block gives; `panic!("no");` is the end of one, too.
fn gives_nothing(block: &hir::Block) -> bool {
    match (block.tail.as_deref(), block.stmts.last()) {
        (Some(tail), _) => is_nothing(tail),
        (None, Some(last)) => match &last.kind {
            hir::StmtKind::Expr(last) => {
                matches!(last.kind, ExprKind::Return(_) | ExprKind::Macro(_)) && is_nothing(last)
            }
            _ => false,
        },
        (None, None) => false,
    }
}

fn is_closure(arg: &Expr) -> bool {
    matches!(arg.kind, ExprKind::Closure { .. })
}

/// Whether what an expression starts from can be a place, by its syntax.
fn may_be_place(expr: &Expr) -> bool {
    let mut expr = expr;
    loop {
        expr = match &expr.kind {
            ExprKind::Path(_) => return true,
            ExprKind::Tuple(parts) => return parts.iter().any(may_be_place),
            ExprKind::Struct { fields, .. } => {
                return fields.iter().any(|(_, value)| may_be_place(value));
            }
            ExprKind::If {
                then,
                else_: Some(else_),
                ..
            } => {
                let then = then.tail.as_deref();
                return then.is_some_and(may_be_place) || may_be_place(else_);
            }
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

impl<'l> Eval<'l, '_> {
    /// A variable or parameter.
    fn named(&mut self, name: &'l SmolStr, at: Span) -> Option<Val> {
        if let Some(init) = self.bound(name, at) {
            return self.taken_from(name, init);
        }
        let of_this_name = |stmt: &'l hir::Stmt| match &stmt.kind {
            hir::StmtKind::Let(stmt) => match &stmt.pat {
                hir::Pat::Bind { name: bound, .. } if bound == name => Some(stmt),
                _ => None,
            },
            _ => None,
        };
        let mut bound = self.body.stmts.iter().filter_map(of_this_name);
        if let Some(stmt) = bound.next() {
            // Which of several is meant, or itself: not told here.
            if bound.next().is_some() || self.looked_at.contains(&name) {
                return None;
            }
            self.looked_at.push(name);
            let val = self.expr(stmt.init.as_ref()?);
            self.looked_at.pop();
            return val;
        }
        let is_named = |param: &hir::FnParam| matches!(&param.pat, hir::Pat::Bind { name: n, .. } if n == name);
        let i = self.params.iter().rposition(is_named)?;
        let mut val = self.args.get(i).cloned().unwrap_or_else(Val::unknown);
        val.local = None;
        val.guards.clear();
        val.handles.clear();
        let ty = self.lower.index().fn_param_ty(self.f, i);
        if val.ty == Ty::Unknown || is_told(self.lower.index(), &ty) {
            val.ty = ty;
        }
        Some(val)
    }

    fn expr(&mut self, expr: &'l Expr) -> Option<Val> {
        match &expr.kind {
            ExprKind::Path(path) => {
                if let Some(val) = path.as_name().and_then(|name| self.named(name, expr.span)) {
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
            } => self.expr(expr),
            // What an `async fn` or an async lock gives, it gives when it is awaited.
            ExprKind::Await { expr, .. } => self.expr(expr),
            ExprKind::Try(expr) => {
                let val = self.expr(expr)?;
                let wrapped = types::is_option_or_result(&val.ty);
                let ty = types::unwrap_ty(&val.ty);
                Some(if wrapped { val.with_ty(ty) } else { val })
            }
            ExprKind::Block(block) if block.stmts.is_empty() => self.expr(block.tail.as_deref()?),
            ExprKind::Index { base, index } if !matches!(index.kind, ExprKind::Range(..)) => {
                let val = self.expr(base)?;
                let ty = types::value_of(self.lower.index(), &val.ty);
                Some(val.project("[]", ty))
            }
            ExprKind::Tuple(parts) => {
                let parts: Vec<Val> = parts
                    .iter()
                    .map(|part| self.expr(part).unwrap_or_else(Val::unknown))
                    .collect();
                let types = parts.iter().map(|part| part.ty.clone()).collect();
                let mut val = Val::of(Ty::Tuple(types));
                val.parts = parts;
                Some(val)
            }
            // A new object that only points to what was there.
            ExprKind::Struct { fields, .. } => {
                let mut val = Val::unknown();
                for (name, value) in fields {
                    if let Some(field) = self.expr(value) {
                        val.note_view(name, &field);
                    }
                }
                Some(val)
            }
            ExprKind::If {
                then,
                else_: Some(else_),
                ..
            } => match then.tail.as_deref() {
                _ if gives_nothing(then) => self.expr(else_),
                Some(given) if then.stmts.is_empty() && is_nothing(else_) => self.expr(given),
                _ => None,
            },
            ExprKind::Call { callee, args } => self.call(callee, args),
            ExprKind::MethodCall {
                receiver,
                name,
                generics,
                args,
                ..
            } => match (&generics[..], name.as_str()) {
                ([ty], "downcast_ref" | "downcast_mut") => {
                    let ty = self.lower.index().resolve_type(self.scope, ty);
                    Some(self.expr(receiver)?.with_ty(types::option_of(ty)))
                }
                _ => self.method(receiver, name, args),
            },
            _ => None,
        }
    }

    fn call(&mut self, callee: &Expr, args: &'l [Expr]) -> Option<Val> {
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

    /// Where a key is read from, as the caller sees it.
    fn key(&mut self, key: &'l Expr) -> Option<Place> {
        match &key.kind {
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if args.is_empty() && types::keeps_value(name) => self.key(receiver),
            ExprKind::Ref { expr, .. } => self.key(expr),
            _ => self.expr(key)?.place,
        }
    }

    fn method(&mut self, receiver: &'l Expr, name: &SmolStr, args: &'l [Expr]) -> Option<Val> {
        let mut cur = self.expr(receiver)?;
        if types::is_lazy(&cur.ty) {
            cur = self.lower.step(&cur)?;
        }
        if name == "clone" && args.is_empty() && types::is_shared_pointer(&cur.ty) {
            return Some(cur);
        }
        for _ in 0..8 {
            if let Ty::Ext(path, targs) = &cur.ty
                && let Some(lock) = self.lower.shared.table.get(path)
            {
                // Through a lock to what it guards.
                let op = self.lower.shared.table.op(lock.traits.shape, name)?;
                let data = targs.last().cloned().unwrap_or(Ty::Unknown);
                let data = match (lock.wrap, op.blocking) {
                    (GuardWrap::Result, _) => types::result_of(data),
                    (_, Blocking::Waits) => data,
                    _ => types::option_of(data),
                };
                let mut val = cur.clone();
                val.class = cur.class.as_ref().map(ClassKey::element);
                return Some(val.with_ty(data));
            }
            if let Ty::Adt(..) | Ty::Bounded(..) = &cur.ty
                && let Some(res) = self.lower.index().method(self.scope, &cur.ty, name)
            {
                if args.is_empty()
                    && let Some(data) = self.lower.behind_own_lock(&cur, &res, name)
                {
                    return Some(data);
                }
                let (whole, place) = (cur.class.clone(), cur.place.clone());
                let mut vals = vec![cur];
                vals.extend(
                    args.iter()
                        .map(|arg| self.expr(arg).unwrap_or_else(Val::unknown)),
                );
                let f = *res.fns.first()?;
                let val = accessed(self.lower, f, &vals, self.depth - 1);
                let Some(mut val) = val else {
                    return self.lower.lent(&res, vals.first()?, name, args);
                };
                // A collection of the program's own: its field is that of all.
                if let (Some(whole), Some(part)) = (whole, &val.class)
                    && link::is_of_parameter(self.lower.index(), part)
                {
                    if args.iter().all(is_closure) {
                        // What no key chooses is the one thing that a cell keeps.
                        val.class = Some(whole);
                        val.place = place;
                    } else {
                        val.class = Some(whole.element());
                    }
                }
                return Some(val);
            }
            match self.lower.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        let index = self.lower.index();
        match types::std_method(&cur.ty, name) {
            types::StdRet::Same => Some(cur),
            types::StdRet::MapEntry => {
                let key = args.first().and_then(|key| self.key(key));
                cur.note_key(key);
                Some(cur)
            }
            types::StdRet::Inner => {
                let ty = types::unwrap_ty(&cur.ty);
                Some(cur.with_ty(ty))
            }
            types::StdRet::Held(wrapped) => {
                let ty = types::arg(&cur.ty, 0);
                Some(cur.with_ty(if wrapped { types::option_of(ty) } else { ty }))
            }
            types::StdRet::Entry => {
                let ty = types::value_of(index, &cur.ty);
                Some(cur.entered(types::option_of(ty)))
            }
            types::StdRet::Element(_) => {
                let ty = types::value_of(index, &cur.ty);
                let mut part = cur.project("[]", types::option_of(ty));
                if let ("get" | "get_mut", [key]) = (name.as_str(), args)
                    && let Some(key) = self.key(key)
                    && let Some(place) = &mut part.place
                {
                    place.keyed(&key);
                }
                Some(part)
            }
            _ => None,
        }
    }
}
