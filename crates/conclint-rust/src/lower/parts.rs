//! What conditions say of the code they decide about: that it runs with a flag
//! set, for two objects that differ or are in order, for the last owner of
//! something shared.
//!
//! Only what can be told from the condition's own words (and from getters of
//! one expression) is noted; a condition that is not understood says nothing.

use conclint_facts::{Part, Place, Root, Variants, When};
use smol_str::SmolStr;

use super::body::Lower;
use super::expr::names_identity;
use super::pattern::binds_success;
use super::types;
use crate::hir::{self, BinOp, Expr, ExprKind, Lit, Pat, Span, UnOp};
use crate::index::Ty;

/// What tells objects apart: something that is read from a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Where it is read from.
    place: Place,
    /// Getters called on that.
    getters: Vec<SmolStr>,
    /// It is the address of what stands there.
    by_address: bool,
    /// It is called what identities are called, `id`.
    named: bool,
}

type Point = (u32, u32);

impl Lower<'_> {
    /// The two ways of `if cond { then } else { else_ }`.
    pub fn note_parts(&mut self, cond: &Expr, then: &hir::Block, else_: Option<&Expr>) {
        for conjunct in conjuncts(cond) {
            self.note(conjunct, true, end(conjunct.span), end(then.span));
        }
        // What a macro wrote has one place for both.
        if let Some(else_) = else_.filter(|else_| end(then.span) <= start(else_.span)) {
            self.note(cond, false, start(else_.span), end(else_.span));
        }
    }

    /// The rest of `block` behind the statement `stmt`, where that leaves the
    /// block in one of two cases: `if a == b { return }`.
    pub fn note_rest(&mut self, stmt: &Expr, block: Span) {
        let (from, to) = (end(stmt.span), end(block));
        match &stmt.kind {
            ExprKind::If { cond, then, else_ } => {
                if leaves_block(then) {
                    self.note(cond, false, from, to);
                }
                if else_.as_deref().is_some_and(leaves) {
                    self.note(cond, true, from, to);
                }
            }
            // `assert_ne!(a, b)`.
            ExprKind::Match { scrutinee, arms } => {
                if let (ExprKind::Tuple(sides), [equal, _]) = (&scrutinee.kind, &arms[..])
                    && let [left, right] = &sides[..]
                    && matches!(equal.pat, Pat::Lit)
                    && leaves(&equal.body)
                {
                    let mut found = Vec::new();
                    self.compared(BinOp::Ne, left, right, true, &mut found);
                    self.add_parts(found, from, to);
                }
                let rest = self.rest_of_match(scrutinee, arms);
                self.add_parts(rest.into_iter().collect(), from, to);
            }
            _ => {}
        }
    }

    /// What follows in `block` on a `let` that leaves it for some values.
    pub fn note_let(&mut self, written: &hir::Let, block: Span) {
        let Some(init) = &written.init else { return };
        let to = end(block);
        if let Some(else_) = &written.else_ {
            let found = |taken| self.asked_of(&written.pat, init, taken);
            let (rest, other) = (found(true), found(false));
            self.add_parts(rest.into_iter().collect(), end(else_.span), to);
            self.add_parts(
                other.into_iter().collect(),
                start(else_.span),
                end(else_.span),
            );
        } else if let ExprKind::Match { scrutinee, arms } = &init.kind {
            let rest = self.rest_of_match(scrutinee, arms);
            self.add_parts(rest.into_iter().collect(), end(init.span), to);
        }
    }

    /// The arms of `match a.id.cmp(&b.id) { .. }`.
    pub fn note_arms(&mut self, scrutinee: &Expr, arms: &[hir::Arm]) {
        self.note_variant_arms(scrutinee, arms);
        let ExprKind::MethodCall {
            receiver,
            name,
            args,
            ..
        } = &scrutinee.kind
        else {
            return;
        };
        let ("cmp", [other]) = (name.as_str(), &args[..]) else {
            return;
        };
        for arm in arms {
            let mut found = Vec::new();
            let outcomes = outcomes(&arm.pat);
            let equal = outcomes.contains(&"Equal");
            match (outcomes.contains(&"Less"), outcomes.contains(&"Greater")) {
                (true, false) => self.ordered(receiver, other, &mut found),
                (false, true) => self.ordered(other, receiver, &mut found),
                (true, true) | (false, false) => {}
            }
            if !equal && !outcomes.is_empty() {
                self.apart(receiver, other, false, &mut found);
            }
            self.add_parts(found, start(arm.body.span), end(arm.body.span));
        }
    }

    /// What the initialiser of a `let` reads, where that can tell objects apart.
    pub fn identity_of_let(&self, pat: &Pat, init: &Expr) -> Option<Identity> {
        let Pat::Bind { mutable: false, .. } = pat else {
            return None;
        };
        match &init.kind {
            ExprKind::MethodCall { args, .. } if args.is_empty() => {}
            ExprKind::Field { .. } | ExprKind::Cast { .. } | ExprKind::Call { .. } => {}
            _ => return None,
        }
        self.identity(init)
            .filter(|identity| identity.named || identity.by_address)
    }

    /// The place that the initialiser of a `let` takes its value from, in
    /// another form: `let name = name.into();`.
    pub fn key_of_let(&self, pat: &Pat, init: &Expr) -> Option<Place> {
        match (pat, &init.kind) {
            (Pat::Bind { mutable: false, .. }, ExprKind::MethodCall { .. }) => self.key_place(init),
            _ => None,
        }
    }

    fn note(&mut self, cond: &Expr, truth: bool, from: Point, to: Point) {
        let mut found = Vec::new();
        self.implied(cond, truth, &mut found);
        self.add_parts(found, from, to);
    }

    pub fn add_parts(&mut self, found: Vec<When>, from: Point, to: Point) {
        let parts = found.into_iter().map(|when| Part { when, from, to });
        self.out.parts.extend(parts);
    }

    /// What is so where `cond` is `truth`.
    fn implied(&self, cond: &Expr, truth: bool, found: &mut Vec<When>) {
        found.extend(self.asked(cond, truth));
        match &cond.kind {
            ExprKind::Unary {
                op: UnOp::Not,
                expr,
            } => self.implied(expr, !truth, found),
            ExprKind::Binary { op, left, right } => match op {
                BinOp::And | BinOp::Or => {
                    if truth == (*op == BinOp::And) {
                        self.implied(left, truth, found);
                        self.implied(right, truth, found);
                    }
                }
                _ => self.compared(*op, left, right, truth, found),
            },
            ExprKind::Path(_) => found.extend(self.flag(cond, truth)),
            ExprKind::Field { base, name, .. } => found.extend(self.kept_flag(base, name, truth)),
            ExprKind::Call { callee, args } => {
                if let [a, b] = &args[..]
                    && !truth
                    && compares_addresses(callee)
                {
                    self.apart(a, b, true, found);
                }
            }
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if !truth && name == "ptr_eq" && args.len() == 1 => {
                self.apart(receiver, &args[0], true, found);
            }
            ExprKind::Let { pat, expr } if truth && binds_success(pat) => {
                found.extend(self.sole_owner(expr).map(When::LastOwner));
            }
            _ => {}
        }
    }

    /// `flag`, a parameter that keeps its value.
    fn flag(&self, cond: &Expr, value: bool) -> Option<When> {
        let place = self.place_of(cond)?;
        match (&place.root, place.path.as_slice()) {
            (Root::Param(param), []) if self.out.level == 0 => Some(When::Flag {
                param: *param,
                values: Variants::flag(value),
            }),
            _ => None,
        }
    }

    /// `self.flag`, a plain field behind `&self` or `self: Arc<Self>`.
    fn kept_flag(&self, base: &Expr, field: &SmolStr, value: bool) -> Option<When> {
        let ExprKind::Path(path) = &base.kind else {
            return None;
        };
        let this = path.as_name().filter(|name| *name == "self")?;
        let ty = &self.locals.get(self.lookup(this)?.0 as usize)?.val.ty;
        let shared = matches!(ty, Ty::Ref(false, _)) || types::is_shared_pointer(ty);
        let flag = self
            .index()
            .field(&types::peel(self.index(), ty), field)?
            .ty;
        let plain = matches!(&flag, Ty::Ext(path, _) if path == "bool");
        (shared && plain).then(|| When::Kept {
            field: field.clone(),
            value,
        })
    }

    fn compared(&self, op: BinOp, left: &Expr, right: &Expr, truth: bool, found: &mut Vec<When>) {
        let differ = match op {
            BinOp::Eq => !truth,
            BinOp::Ne => truth,
            BinOp::Order { or_equal, .. } => truth != or_equal,
            BinOp::And | BinOp::Or | BinOp::Arith(_) => return,
        };
        if differ {
            self.apart(left, right, false, found);
        }
        if let BinOp::Order { less, .. } = op {
            let (low, high) = if less == truth {
                (left, right)
            } else {
                (right, left)
            };
            self.ordered(low, high, found);
        }
        let one = match (literal(left), literal(right)) {
            (None, Some(limit)) => at_most_one(op, limit, truth).then_some(left),
            (Some(limit), None) => at_most_one(turned(op), limit, truth).then_some(right),
            _ => None,
        };
        found.extend(
            one.and_then(|count| self.counted_owner(count))
                .map(When::LastOwner),
        );
    }

    /// The two were read in the same way, and differ.
    fn apart(&self, left: &Expr, right: &Expr, addresses: bool, found: &mut Vec<When>) {
        let (Some(a), Some(b)) = (self.identity(left), self.identity(right)) else {
            return;
        };
        let by_address = addresses || a.by_address && b.by_address;
        let whole = |side: &Identity| side.getters.is_empty() && side.place.path.is_empty();
        if a.getters == b.getters
            && a.by_address == b.by_address
            && a.place != b.place
            && (by_address || a.named && b.named || whole(&a) && whole(&b))
        {
            found.push(When::Apart {
                a: a.place,
                b: b.place,
                by_address,
            });
        }
    }

    /// The same key was read from two objects, and that of `low` is not the
    /// higher one.
    fn ordered(&self, low: &Expr, high: &Expr, found: &mut Vec<When>) {
        let key = |side| keyed(self.identity(side)?);
        if let (Some((low, key)), Some((high, other))) = (key(low), key(high))
            && key == other
            && low != high
        {
            found.push(When::Ordered { low, high, key });
        }
    }

    fn identity(&self, expr: &Expr) -> Option<Identity> {
        let plain = |place: Place| Identity {
            place,
            getters: Vec::new(),
            by_address: false,
            named: names_identity(expr),
        };
        match &expr.kind {
            ExprKind::Path(path) => {
                let local = self.lookup(path.as_name()?)?;
                let info = self.locals.get(local.0 as usize)?;
                match &info.identity {
                    Some(identity) => Some(identity.clone()),
                    None => info.val.place.clone().map(plain),
                }
            }
            ExprKind::Field { .. } => self.place_of(expr).map(plain),
            ExprKind::Ref { expr: inner, .. }
            | ExprKind::Unary {
                op: UnOp::Deref,
                expr: inner,
            } => self.identity(inner),
            ExprKind::Cast { expr: inner, ty } => {
                let mut identity = self.identity(inner)?;
                identity.by_address |= matches!(ty, hir::Ty::Ptr(_));
                Some(identity)
            }
            ExprKind::Call { callee, args } => {
                let ([arg], ExprKind::Path(path)) = (&args[..], &callee.kind) else {
                    return None;
                };
                let addressed = matches!(path.last(), "as_ptr" | "from_ref" | "from_mut");
                let mut identity = self.identity(arg).filter(|_| addressed)?;
                identity.by_address = true;
                Some(identity)
            }
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if args.is_empty() => {
                let mut identity = self.identity(receiver)?;
                match name.as_str() {
                    "as_ptr" => identity.by_address = true,
                    "clone" | "as_ref" | "borrow" | "deref" | "to_owned" | "copied" => {}
                    _ => {
                        identity.getters.push(name.clone());
                        identity.named = names_identity(expr);
                    }
                }
                Some(identity)
            }
            _ => None,
        }
    }

    /// The place that an expression without calls names.
    pub fn place_of(&self, expr: &Expr) -> Option<Place> {
        match &expr.kind {
            ExprKind::Path(path) => {
                let local = self.lookup(path.as_name()?)?;
                self.locals.get(local.0 as usize)?.val.place.clone()
            }
            ExprKind::Field { base, name, .. } => {
                let mut place = self.place_of(base)?;
                place.path.push(name.clone());
                Some(place)
            }
            ExprKind::Ref { expr: inner, .. }
            | ExprKind::Unary {
                op: UnOp::Deref,
                expr: inner,
            } => self.place_of(inner),
            _ => None,
        }
    }

    /// `Arc::strong_count(&self.state)`, or a getter of just that: the object
    /// that has the pointer.
    fn counted_owner(&self, count: &Expr) -> Option<Place> {
        match &count.kind {
            ExprKind::Call { .. } => owner(self.place_of(counted_pointer(count)?)?),
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if args.is_empty() => {
                let place = self.place_of(receiver)?;
                let ExprKind::Path(path) = &receiver.kind else {
                    return None;
                };
                let local = self.lookup(path.as_name()?)?;
                let ty = &self.locals.get(local.0 as usize)?.val.ty;
                let getter = self.index().method(&self.scope, ty, name)?;
                let entry = self.index().functions().get(getter.fns.first()?.index())?;
                let body = entry.def.body.as_ref()?;
                let pointer = counted_pointer(body.tail.as_deref()?)?;
                (body.stmts.is_empty() && is_field_of_self(pointer)).then_some(place)
            }
            _ => None,
        }
    }

    /// `Arc::get_mut(&mut self.state)`: something only for who is alone with it.
    fn sole_owner(&self, expr: &Expr) -> Option<Place> {
        let ExprKind::Call { callee, args } = &expr.kind else {
            return None;
        };
        let ([pointer], ExprKind::Path(path)) = (&args[..], &callee.kind) else {
            return None;
        };
        let asks = matches!(path.last(), "get_mut" | "try_unwrap" | "into_inner");
        let of_arc = path.segments.iter().rev().nth(1)?.name == "Arc";
        owner(self.place_of(pointer).filter(|_| asks && of_arc)?)
    }
}

/// The object that an identity is read from, and what is read of it.
fn keyed(identity: Identity) -> Option<(Place, SmolStr)> {
    let Identity {
        mut place,
        getters,
        by_address,
        named,
    } = identity;
    match (by_address, getters.as_slice()) {
        (true, []) => Some((place, SmolStr::new_static(When::ADDRESS))),
        (false, []) if named => place.path.pop().map(|key| (place, key)),
        (false, [getter]) if named => Some((place, getter.clone())),
        _ => None,
    }
}

/// The values of `Ordering` that a pattern names; none where it takes others.
fn outcomes(pat: &Pat) -> Vec<&str> {
    let named = match pat {
        Pat::Path(path) => path.last(),
        Pat::Bind {
            name, sub: None, ..
        } => name.as_str(),
        Pat::Or(pats) => {
            let each: Vec<Vec<&str>> = pats.iter().map(outcomes).collect();
            let all = each.iter().all(|names| !names.is_empty());
            return if all { each.concat() } else { Vec::new() };
        }
        _ => return Vec::new(),
    };
    match named {
        "Less" | "Equal" | "Greater" => vec![named],
        _ => Vec::new(),
    }
}

/// Whose field (or who) a pointer is.
fn owner(mut pointer: Place) -> Option<Place> {
    (pointer.path.len() <= 1).then(|| {
        pointer.path.clear();
        pointer
    })
}

fn is_field_of_self(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Ref { expr, .. } => is_field_of_self(expr),
        ExprKind::Field { base, .. } => {
            matches!(&base.kind, ExprKind::Path(path) if path.as_name().is_some_and(|n| n == "self"))
        }
        _ => false,
    }
}

/// What `Arc::strong_count(..)` counts the owners of.
fn counted_pointer(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Call { callee, args } = &expr.kind else {
        return None;
    };
    match (&args[..], &callee.kind) {
        ([pointer], ExprKind::Path(path)) if path.last() == "strong_count" => Some(pointer),
        _ => None,
    }
}

/// `ptr::eq`, `Arc::ptr_eq`, `ptr::addr_eq`.
fn compares_addresses(callee: &Expr) -> bool {
    let ExprKind::Path(path) = &callee.kind else {
        return false;
    };
    let head = path.segments.iter().rev().nth(1);
    match path.last() {
        "ptr_eq" | "addr_eq" => true,
        "eq" => head.is_some_and(|segment| segment.name == "ptr"),
        _ => false,
    }
}

fn literal(expr: &Expr) -> Option<u64> {
    match &expr.kind {
        ExprKind::Lit(Lit::Int(value)) => *value,
        _ => None,
    }
}

/// A count of at least one is one where `count <op> limit` is `truth`.
fn at_most_one(op: BinOp, limit: u64, truth: bool) -> bool {
    match op {
        BinOp::Eq => truth && limit == 1,
        BinOp::Ne => !truth && limit == 1,
        BinOp::Order { less, or_equal } => {
            // `count > n` is `!(count <= n)`.
            let largest = if less == or_equal {
                Some(limit)
            } else {
                limit.checked_sub(1)
            };
            less == truth && largest == Some(1)
        }
        BinOp::And | BinOp::Or | BinOp::Arith(_) => false,
    }
}

/// The operator with its sides exchanged.
fn turned(op: BinOp) -> BinOp {
    match op {
        BinOp::Order { less, or_equal } => BinOp::Order {
            less: !less,
            or_equal,
        },
        other => other,
    }
}

/// The operands of `a && b && ..`.
fn conjuncts(cond: &Expr) -> Vec<&Expr> {
    match &cond.kind {
        ExprKind::Binary {
            op: BinOp::And,
            left,
            right,
        } => [conjuncts(left), conjuncts(right)].concat(),
        _ => vec![cond],
    }
}

/// Control does not come to the end of the block.
pub(super) fn leaves_block(block: &hir::Block) -> bool {
    match (&block.tail, block.stmts.last()) {
        (Some(tail), _) => leaves(tail),
        (None, Some(stmt)) => match &stmt.kind {
            hir::StmtKind::Expr(expr) => leaves(expr),
            hir::StmtKind::Let(_) | hir::StmtKind::Item(_) => false,
        },
        (None, None) => false,
    }
}

pub(super) fn leaves(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Return(_) | ExprKind::Break { .. } | ExprKind::Continue { .. } => true,
        ExprKind::Macro(call) => call.kind == hir::MacroKind::Panic,
        ExprKind::Block(block) => block.label.is_none() && leaves_block(block),
        ExprKind::If {
            then,
            else_: Some(else_),
            ..
        } => leaves_block(then) && leaves(else_),
        _ => false,
    }
}

fn start(span: Span) -> Point {
    (span.line, span.column)
}

fn end(span: Span) -> Point {
    (span.end_line, span.end_column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_are_one() {
        let order = |less, or_equal| BinOp::Order { less, or_equal };
        assert!(at_most_one(BinOp::Eq, 1, true));
        assert!(!at_most_one(BinOp::Eq, 1, false));
        assert!(at_most_one(BinOp::Ne, 1, false));
        assert!(at_most_one(order(true, true), 1, true));
        assert!(at_most_one(order(true, false), 2, true));
        assert!(!at_most_one(order(true, true), 2, true));
        assert!(at_most_one(order(false, false), 1, false));
        assert!(at_most_one(order(false, true), 2, false));
        assert!(!at_most_one(order(false, false), 1, true));
        assert_eq!(turned(order(true, false)), order(false, false));
    }
}
