//! Loops, and the jumps that stay inside a function: `break` and `continue`.
//!
//! A body is walked once, or twice where a guard is handed from one round to the
//! next. How often it runs is never counted.

use conclint_facts::{BlockId, EventKind, GuardId, LocalId, Per};
use smol_str::SmolStr;

use super::body::{LoopFrame, Lower, end_of};
use super::call::place_text;
use super::control::{chain_has_let, takes_item};
use super::pattern::{binds_success, is_nothing};
use super::rounds::numbered;
use super::scopes::ScopeKind;
use super::types;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Pat, Span};
use crate::index::Ty;

impl Lower<'_> {
    pub fn push_label(&mut self, label: SmolStr) -> BlockId {
        let join = self.new_block();
        let depth = self.out.scopes.len();
        self.out.loops.push(LoopFrame {
            label: Some(label),
            break_to: join,
            continue_to: None,
            depth,
            value: None,
        });
        join
    }

    /// Ends the innermost frame; control that falls off its end brings `val`.
    pub fn pop_loop(&mut self, join: BlockId, val: Option<Val>) -> Val {
        let frame = self.out.loops.pop();
        if val.is_some() {
            self.edge(self.out.cur, join);
        }
        self.out.cur = join;
        let broken = frame.and_then(|frame| frame.value);
        match (val, broken) {
            (Some(a), Some(b)) => a.join(b),
            (Some(a), None) | (None, Some(a)) => a,
            (None, None) => Val::of(Ty::unit()),
        }
    }

    /// Begins a loop with the block `head` that goes over `per`.
    fn push_loop(&mut self, label: Option<SmolStr>, head: BlockId, per: Per) -> BlockId {
        let join = self.new_block();
        let depth = self.out.scopes.len();
        self.out.loops.push(LoopFrame {
            label,
            break_to: join,
            continue_to: Some(head),
            depth,
            value: None,
        });
        self.out.loop_depth += 1;
        self.out.per.push(per);
        join
    }

    /// The end of a loop's body: back to `head`, and what is left by `join`.
    fn end_loop(&mut self, head: BlockId, join: BlockId) -> Val {
        self.edge(self.out.cur, head);
        self.out.loop_depth -= 1;
        self.out.per.pop();
        self.pop_loop(join, None)
    }

    /// Walks a loop; twice where its body gives a guard to a variable from
    /// outside: what stands further up in the body meets that guard in the
    /// next round.
    fn rounds(&mut self, body: &hir::Block, walk: impl Fn(&mut Self) -> Val) -> Val {
        let mark = self.assigned.len();
        let assigned = self.guard_variables(body);
        if assigned.is_empty() {
            let val = walk(self);
            self.perhaps_assigned(mark);
            return val;
        }
        let before = (
            self.out.clone(),
            self.locals.clone(),
            self.env.clone(),
            self.captures.clone(),
        );
        let (nested, opaque) = (self.nested.len(), self.opaque);
        let val = walk(self);
        let mut given: Vec<(LocalId, Vec<GuardId>)> = Vec::new();
        for id in assigned {
            let old = before
                .1
                .get(id.0 as usize)
                .map_or(&[][..], |info| &info.val.guards);
            let new = self
                .locals
                .get(id.0 as usize)
                .map_or(&[][..], |info| &info.val.guards);
            let more: Vec<GuardId> = new
                .iter()
                .copied()
                .filter(|guard| !old.contains(guard))
                .collect();
            if !more.is_empty() {
                given.push((id, more));
            }
        }
        if given.is_empty() {
            return val;
        }
        // The second walk gives the same numbers to the same guards.
        (self.out, self.locals, self.env, self.captures) = before;
        self.nested.truncate(nested);
        self.opaque = opaque;
        for (id, more) in given {
            if let Some(info) = self.locals.get_mut(id.0 as usize) {
                info.val.guards.extend(more);
            }
        }
        walk(self)
    }

    /// Variables from outside that the body assigns and that may hold a guard.
    fn guard_variables(&self, body: &hir::Block) -> Vec<LocalId> {
        let mut found = Vec::new();
        body.each_expr(&mut |expr| {
            if let ExprKind::Assign { left, .. } = &expr.kind
                && let ExprKind::Path(path) = &left.kind
                && let Some(id) = path.as_name().and_then(|name| self.lookup(name))
                && let Some(info) = self.locals.get(id.0 as usize)
                && (self.holds_guard(&info.val) || super::expr::has_unknown(&info.val.ty))
                && !found.contains(&id)
            {
                found.push(id);
            }
        });
        found
    }

    pub fn loop_expr(&mut self, label: Option<SmolStr>, body: &hir::Block) -> Val {
        self.rounds(body, |lower| lower.loop_once(label.clone(), body))
    }

    fn loop_once(&mut self, label: Option<SmolStr>, body: &hir::Block) -> Val {
        let head = self.new_block();
        self.go(head);
        self.loop_receiving(body);
        let join = self.push_loop(label, head, Per::Loop);
        self.push(ScopeKind::Temp);
        let outer = self.tried_until_taken;
        self.tried_until_taken = super::spin::tried_until_taken(body);
        self.block(body, None);
        self.tried_until_taken = outer;
        self.pop(None, body.span);
        self.end_loop(head, join)
    }

    pub fn while_expr(&mut self, label: Option<SmolStr>, cond: &Expr, body: &hir::Block) -> Val {
        self.rounds(body, |lower| lower.while_once(label.clone(), cond, body))
    }

    fn while_once(&mut self, label: Option<SmolStr>, cond: &Expr, body: &hir::Block) -> Val {
        let head = self.new_block();
        self.go(head);
        let join = self.push_loop(label, head, Per::While);
        if chain_has_let(cond) {
            self.note_recv_loop(cond);
        }
        self.while_receiving(cond, body);
        self.push(ScopeKind::Temp);
        self.push(ScopeKind::Block);
        self.chain(cond, join, true);
        self.recv_loop = false;
        // Another item was taken: the loop works.
        let binds = matches!(&cond.kind, ExprKind::Let { pat, .. } if binds_success(pat));
        if binds || takes_another(cond, true) || empties(cond, body) {
            self.other(cond.span);
        }
        self.block(body, None);
        self.pop(None, body.span);
        self.pop(None, body.span);
        self.end_loop(head, join);
        Val::of(Ty::unit())
    }

    /// `while let Ok(x) = rx.recv()` ends when the senders are gone: the
    /// receive event is marked by the call that writes it.
    fn note_recv_loop(&mut self, cond: &Expr) {
        if let ExprKind::Let { expr, .. } = &cond.kind
            && let ExprKind::MethodCall { name, .. } = &expr.kind
            && name == "recv"
        {
            self.recv_loop = true;
        }
    }

    pub fn for_expr(
        &mut self,
        label: Option<SmolStr>,
        pat: &Pat,
        iter: &Expr,
        body: &hir::Block,
    ) -> Val {
        self.rounds(body, |lower| lower.for_once(label.clone(), pat, iter, body))
    }

    fn for_once(
        &mut self,
        label: Option<SmolStr>,
        pat: &Pat,
        iter: &Expr,
        body: &hir::Block,
    ) -> Val {
        let mut over = self.expr(iter);
        if let Some(items) = self.items_of_map(&over, iter) {
            over = items;
        }
        // The iterator lives as long as the loop; a guard it is built on, too.
        self.becomes_temporary(&over);
        self.look_through(&mut over, iter.span, false);
        let receiver = self.receiver_of(&over);
        if over.channel != 0 && super::channels::to_the_end(iter) {
            self.dry_loop(over.channel, body, iter.span);
        }
        let head = self.new_block();
        self.go(head);
        if let Some(channel) = receiver {
            let kind = EventKind::Recv {
                channel: Some(channel),
                blocking: conclint_facts::Blocking::Waits,
                loop_head: true,
            };
            self.emit(kind, iter.span);
        }
        let around = self.loop_over.clone();
        let per = self.per_of_loop(&over, iter);
        let join = self.push_loop(label, head, per);
        // Sooner or later it ends: no way to wait.
        self.other(iter.span);
        self.edge(head, join);
        let inside = self.fork();
        self.out.cur = inside;
        self.push(ScopeKind::Temp);
        self.push(ScopeKind::Block);
        let mut item = self.item_of(&over);
        item.handles = over.handles.clone();
        item.local = None;
        let first = self.locals.len();
        self.bind(pat, item);
        self.bound_in_round(first, pat, numbered(iter));
        let outside = self.unread.len();
        self.note_unread(body);
        self.block(body, None);
        self.unread.truncate(outside);
        self.pop(None, body.span);
        self.pop(None, body.span);
        self.end_loop(head, join);
        self.loop_over = around;
        Val::of(Ty::unit())
    }

    /// What iterating over `val` binds.
    pub fn item_of(&mut self, val: &Val) -> Val {
        let cur = self.behind_pointers(val.clone());
        let ty = types::element(self.index(), &cur.ty);
        let mut item = cur.project("[]", ty);
        if let Ty::Tuple(parts) = item.ty.clone() {
            // A map's entry: key and value.
            let part = |i: usize, ty: &Ty| {
                let mut part = item.project(if i == 0 { "key" } else { "value" }, ty.clone());
                part.class = item.class.clone();
                part
            };
            item.parts = parts
                .iter()
                .enumerate()
                .map(|(i, ty)| part(i, ty))
                .collect();
        }
        item
    }

    pub fn break_expr(&mut self, label: Option<&SmolStr>, value: Option<&Expr>, span: Span) -> Val {
        let val = value.map(|value| self.expr(value));
        self.pin();
        let found = self.out.loops.iter().rposition(|frame| match label {
            Some(label) => frame.label.as_ref() == Some(label),
            None => frame.continue_to.is_some(),
        });
        if let Some(found) = found {
            let (depth, target) = (self.out.loops[found].depth, self.out.loops[found].break_to);
            let keep: Vec<GuardId> = val
                .as_ref()
                .map(|val| val.guards.clone())
                .unwrap_or_default();
            self.unwind(depth, &keep, end_of(span));
            if let Some(val) = val {
                for &guard in &val.guards {
                    let outside = self.out.scopes[..depth]
                        .iter()
                        .rposition(|scope| scope.kind == ScopeKind::Temp);
                    if let Some(outside) = outside {
                        self.register(guard, outside);
                    }
                }
                let frame = &mut self.out.loops[found];
                frame.value = Some(match frame.value.take() {
                    Some(before) => before.join(val),
                    None => val,
                });
            }
            self.leave(target);
        }
        Val::of(Ty::Never)
    }

    pub fn continue_expr(&mut self, label: Option<&SmolStr>, span: Span) -> Val {
        self.pin();
        let found = self.out.loops.iter().rposition(|frame| {
            frame.continue_to.is_some()
                && label.is_none_or(|label| frame.label.as_ref() == Some(label))
        });
        if let Some(found) = found
            && let Some(head) = self.out.loops[found].continue_to
        {
            let depth = self.out.loops[found].depth;
            self.unwind(depth, &[], end_of(span));
            self.leave(head);
        }
        Val::of(Ty::Never)
    }
}

/// `while !rx.is_empty() { rx.try_recv().. }`: there is something each time.
fn empties(cond: &Expr, body: &hir::Block) -> bool {
    let ExprKind::Unary {
        op: hir::UnOp::Not,
        expr,
    } = &cond.kind
    else {
        return false;
    };
    let ExprKind::MethodCall { receiver, name, .. } = &expr.kind else {
        return false;
    };
    let of = place_text(receiver);
    let mut takes = false;
    body.each_expr(&mut |expr| {
        takes |= takes_item(expr)
            && matches!(&expr.kind, ExprKind::MethodCall { receiver, .. } if place_text(receiver) == of);
    });
    name == "is_empty" && takes
}

/// `while rx.try_recv().is_ok() {}` empties the channel: where `cond` is `truth`,
/// there was something.
fn takes_another(cond: &Expr, truth: bool) -> bool {
    match &cond.kind {
        ExprKind::Unary {
            op: hir::UnOp::Not,
            expr,
        } => takes_another(expr, !truth),
        ExprKind::MethodCall { receiver, name, .. } => {
            let told = match truth {
                true => matches!(name.as_str(), "is_ok" | "is_some"),
                false => matches!(name.as_str(), "is_err" | "is_none"),
            };
            told && takes_item(receiver)
        }
        // `matches!`.
        ExprKind::Match { scrutinee, arms } => {
            let hits = |arm: &hir::Arm| matches!(&arm.body.kind, ExprKind::Lit(hir::Lit::Bool(value)) if *value);
            let mut hits = arms.iter().filter(|arm| hits(arm));
            let hit = hits.next().filter(|_| hits.next().is_none());
            takes_item(scrutinee)
                && hit.is_some_and(|arm| match truth {
                    true => binds_success(&arm.pat),
                    false => is_nothing(&arm.pat),
                })
        }
        _ => false,
    }
}
