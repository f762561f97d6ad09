//! Branches, loops, jumps and patterns.

use conclint_facts::{EventKind, GuardId, LocalId, Per};
use smol_str::SmolStr;

use super::body::{LoopFrame, Lower, end_of};
use super::parts::leaves_block;
use super::pattern::{
    binds_success, is_any_some, is_bare, is_failure, is_not_ready, tells_of_event,
};
use super::scopes::ScopeKind;
use super::types;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Pat, Span};
use crate::index::Ty;

impl Lower<'_> {
    // ---- if, match ----

    pub fn if_expr(
        &mut self,
        cond: &Expr,
        then: &hir::Block,
        else_: Option<&Expr>,
        span: Span,
        extend: Option<usize>,
    ) -> Val {
        self.note_parts(cond, then, else_);
        let has_let = chain_has_let(cond);
        let mark = self.assigned.len();
        let otherwise = self.new_block();
        let join = self.new_block();
        // From 2024 on, what an `if let` looks at ends before `else`; before,
        // it lives as long as the whole statement.
        let own_scope = has_let && self.tail_scopes;
        if own_scope {
            self.push(ScopeKind::Temp);
        }
        self.push(ScopeKind::Block);
        let around = std::mem::replace(&mut self.asserting, else_.is_none() && only_panics(then));
        self.chain(cond, otherwise, own_scope);
        self.asserting = around;
        let known = self.known.len();
        self.know(cond, true);
        self.push(ScopeKind::Temp);
        let val = self.block(then, extend);
        self.known.truncate(known);
        self.pop(Some(&val), then.span);
        self.pop(Some(&val), then.span);
        if own_scope {
            self.pop(Some(&val), then.span);
        }
        self.go(join);
        self.perhaps_assigned(mark);
        self.out.cur = otherwise;
        let other = match else_ {
            Some(else_) => {
                self.know(cond, false);
                self.push(ScopeKind::Temp);
                let val = match extend {
                    Some(scope) => self.expr_extended(else_, scope),
                    None => self.expr(else_),
                };
                self.known.truncate(known);
                self.pop(Some(&val), else_.span);
                val
            }
            None => Val::of(Ty::Never),
        };
        self.go(join);
        self.perhaps_assigned(mark);
        if else_.is_none() && super::threads::takes_only_success(cond) {
            self.ignore_join(true);
        }
        if else_.is_none() && leaves_block(then) {
            self.know(cond, false);
        }
        let _ = span;
        val.join(other)
    }

    /// A condition, a `let` or a chain of both; where one fails, control goes
    /// to `otherwise`. The innermost scope takes the bindings.
    fn chain(&mut self, cond: &Expr, otherwise: conclint_facts::BlockId, own_scope: bool) {
        match &cond.kind {
            ExprKind::Binary {
                op: hir::BinOp::And,
                left,
                right,
            } if chain_has_let(cond) => {
                self.chain(left, otherwise, own_scope);
                self.chain(right, otherwise, own_scope);
            }
            ExprKind::Let { pat, expr } => {
                let val = self.expr(expr);
                self.test(val.from, expr.span);
                let matched = self.new_block();
                let failed = self.new_block();
                self.edge(self.out.cur, matched);
                self.edge(self.out.cur, failed);
                self.out.cur = failed;
                self.fail(pat, &val, own_scope, expr.span);
                self.edge(self.out.cur, otherwise);
                self.out.cur = matched;
                self.matched_variant(pat, &val, expr.span);
                self.bind(pat, val);
            }
            _ => {
                self.condition(cond);
                let asked = self.asks_for_guard(cond);
                let failed = self.fork();
                let fine = self.fork();
                if let Some((val, there)) = asked {
                    self.out.cur = if there { failed } else { fine };
                    self.without_guards(&val, false, end_of(cond.span));
                }
                self.out.cur = failed;
                let depth = self.out.scopes.len() - if own_scope { 2 } else { 1 };
                self.unwind(depth, &[], end_of(cond.span));
                self.edge(failed, otherwise);
                self.out.cur = fine;
            }
        }
    }

    /// `guard.is_none()`: a variable that may hold a guard, and whether it does
    /// where the condition holds.
    fn asks_for_guard(&mut self, cond: &Expr) -> Option<(Val, bool)> {
        let ExprKind::MethodCall { receiver, name, .. } = &cond.kind else {
            return None;
        };
        let there = match name.as_str() {
            "is_some" | "is_ok" => true,
            "is_none" | "is_err" => false,
            _ => return None,
        };
        if !matches!(receiver.kind, ExprKind::Path(_)) {
            return None;
        }
        let val = self.expr(receiver);
        (!val.guards.is_empty()).then_some((val, there))
    }

    /// The releases on the way from a pattern that did not match.
    fn fail(&mut self, pat: &Pat, val: &Val, own_scope: bool, span: Span) {
        self.not_taken(pat, val, end_of(span));
        let depth = self.out.scopes.len() - if own_scope { 2 } else { 1 };
        self.unwind(depth, &[], end_of(span));
    }

    /// `extend`: where extended temporaries of the arms go.
    pub fn match_expr(
        &mut self,
        scrutinee: &Expr,
        arms: &[hir::Arm],
        extend: Option<usize>,
    ) -> Val {
        self.note_arms(scrutinee, arms);
        // A place is not moved by being looked at.
        let val = self.expr(scrutinee);
        self.test(val.from, scrutinee.span);
        let join = self.new_block();
        let mut result = Val::of(Ty::Never);
        let mark = self.assigned.len();
        let mut next = self.new_block();
        self.edge(self.out.cur, next);
        let mut only_none_left = false;
        let waits_elsewhere = arms.iter().any(|arm| is_not_ready(&arm.pat));
        for arm in arms {
            let start = next;
            next = self.new_block();
            // Which arm is taken is not known: each can be passed over.
            self.edge(start, next);
            let body = self.new_block();
            self.edge(start, body);
            self.out.cur = body;
            self.push(ScopeKind::Temp);
            self.push(ScopeKind::Block);
            let bare = only_none_left || is_bare(&arm.pat);
            if bare || is_failure(&arm.pat) {
                self.without_guards(&val, bare, arm.body.span);
            }
            self.matched_variant(&arm.pat, &val, arm.body.span);
            only_none_left |= arm.guard.is_none() && is_any_some(&arm.pat);
            self.bind(&arm.pat, val.clone());
            if let Some(guard) = &arm.guard {
                // `if let` guards bind for the arm.
                if chain_has_let(guard) {
                    self.chain(guard, next, false);
                } else {
                    self.condition(guard);
                    self.edge(self.out.cur, next);
                    let go_on = self.fork();
                    self.out.cur = go_on;
                }
            }
            let outer = self.enter_stmt(arm.body.span, conclint_facts::StmtKind::Expr);
            // Another item was taken: a loop around it works. It is told of
            // something that happened: what waits, if anything, is another arm.
            if takes_item(scrutinee)
                && (binds_success(&arm.pat) || waits_elsewhere && tells_of_event(&arm.pat))
            {
                self.other(arm.body.span);
            }
            if super::threads::ignores_failure(scrutinee, arm) {
                self.ignore_join(true);
            }
            let arm_val = match extend {
                Some(scope) => self.expr_extended(&arm.body, scope),
                None => self.expr(&arm.body),
            };
            self.out.stmt = outer;
            self.pop(Some(&arm_val), arm.body.span);
            self.pop(Some(&arm_val), arm.body.span);
            self.go(join);
            self.perhaps_assigned(mark);
            result = result.join(arm_val);
        }
        // The last arm's pass-over edge: only an empty match or a `!` goes there.
        if arms.is_empty() {
            self.out.cur = next;
            self.go(join);
        }
        self.out.cur = join;
        result
    }

    // ---- loops ----

    pub fn push_label(&mut self, label: SmolStr) -> conclint_facts::BlockId {
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
    pub fn pop_loop(&mut self, join: conclint_facts::BlockId, val: Option<Val>) -> Val {
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

    fn push_loop(
        &mut self,
        label: Option<SmolStr>,
        head: conclint_facts::BlockId,
    ) -> conclint_facts::BlockId {
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
        join
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
        let join = self.push_loop(label, head);
        self.out.per.push(Per::Loop);
        self.push(ScopeKind::Temp);
        let outer = self.tried_until_taken;
        self.tried_until_taken = super::spin::tried_until_taken(body);
        self.block(body, None);
        self.tried_until_taken = outer;
        self.pop(None, body.span);
        self.edge(self.out.cur, head);
        self.out.loop_depth -= 1;
        self.out.per.pop();
        self.pop_loop(join, None)
    }

    pub fn while_expr(&mut self, label: Option<SmolStr>, cond: &Expr, body: &hir::Block) -> Val {
        self.rounds(body, |lower| lower.while_once(label.clone(), cond, body))
    }

    fn while_once(&mut self, label: Option<SmolStr>, cond: &Expr, body: &hir::Block) -> Val {
        let head = self.new_block();
        self.go(head);
        let join = self.push_loop(label, head);
        let has_let = chain_has_let(cond);
        if has_let {
            self.note_recv_loop(cond);
        }
        self.out.per.push(Per::While);
        self.push(ScopeKind::Temp);
        self.push(ScopeKind::Block);
        self.chain(cond, join, true);
        self.recv_loop = false;
        self.while_receiving(cond, body);
        // Another item was taken: the loop works.
        let binds = matches!(&cond.kind, ExprKind::Let { pat, .. } if binds_success(pat));
        if binds || takes_another(cond) {
            self.other(cond.span);
        }
        self.block(body, None);
        self.pop(None, body.span);
        self.pop(None, body.span);
        self.edge(self.out.cur, head);
        self.out.loop_depth -= 1;
        self.out.per.pop();
        self.pop_loop(join, None);
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
        let join = self.push_loop(label, head);
        let per = self.per_of_loop(&over, iter);
        self.out.per.push(per);
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
        self.bind(pat, item);
        self.block(body, None);
        self.pop(None, body.span);
        self.pop(None, body.span);
        self.edge(self.out.cur, head);
        self.out.loop_depth -= 1;
        self.out.per.pop();
        self.pop_loop(join, None);
        Val::of(Ty::unit())
    }

    /// What iterating over `val` binds.
    pub fn item_of(&mut self, val: &Val) -> Val {
        let mut cur = val.clone();
        while let Some(next) = self.step(&cur) {
            cur = next;
        }
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

    // ---- jumps ----

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

    pub fn return_expr(&mut self, value: Option<&Expr>, span: Span) -> Val {
        let val = value.map(|value| self.expr(value));
        self.pin();
        let (depth, exit) = self.return_target();
        let mut keep = Vec::new();
        if let Some(val) = &val {
            keep.clone_from(&val.guards);
            self.lose_handles(val);
            if depth == 0 {
                self.out.returns = self.out.returns.or(val.from);
                self.give_back(val, span);
            }
        }
        self.unwind(depth, &keep, end_of(span));
        self.leave(exit);
        Val::of(Ty::Never)
    }

    /// The function's own result: its guards leave with it.
    pub fn give_back(&mut self, val: &Val, span: Span) {
        for &guard in &val.guards {
            if let Some(guard) = self.out.guards.get_mut(guard.index()) {
                guard.returned = true;
            }
            self.emit(EventKind::ReturnGuard { guard }, span);
        }
    }
}

/// `assert!(..)` in other words: it decides whether the program goes on.
fn only_panics(block: &hir::Block) -> bool {
    let last = match (&block.stmts[..], block.tail.as_deref()) {
        ([], Some(tail)) => tail,
        (
            [
                hir::Stmt {
                    kind: hir::StmtKind::Expr(expr),
                    ..
                },
            ],
            None,
        ) => expr,
        _ => return false,
    };
    matches!(&last.kind, ExprKind::Macro(call) if call.kind == hir::MacroKind::Panic)
}

pub(super) fn chain_has_let(cond: &Expr) -> bool {
    match &cond.kind {
        ExprKind::Let { .. } => true,
        ExprKind::Binary {
            op: hir::BinOp::And,
            left,
            right,
        } => chain_has_let(left) || chain_has_let(right),
        _ => false,
    }
}

/// `while rx.try_recv().is_ok() {}` empties the channel.
fn takes_another(cond: &Expr) -> bool {
    let ExprKind::MethodCall { receiver, name, .. } = &cond.kind else {
        return false;
    };
    matches!(name.as_str(), "is_ok" | "is_some") && takes_item(receiver)
}

/// `rx.try_recv()`: what it gives is out of the queue.
fn takes_item(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::MethodCall { name, .. }
        if matches!(name.as_str(), "try_recv" | "try_next" | "try_pop" | "pop" | "pop_front" | "pop_back" | "next"))
}
