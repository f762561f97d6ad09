//! Closures and async blocks: run in place, or functions of their own.
//!
//! Which methods run them in place is known by `combinator` and the table, and
//! what starts threads and tasks is in `spawn`.

use std::sync::Arc;

use conclint_facts::{BlockId, Bound, EventKind, FnId, FnKind, GuardId, LocalId, ReleaseWhy};

use super::body::{Lower, NESTED_BASE, Nested, Out};
use super::method::MethodCall;
use super::scopes::ScopeKind;
use super::types::{self, GuardTy};
use super::value::{LocalInfo, Val};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{Ty, Tys};
use crate::table::is_of_ui_thread;

impl Lower<'_> {
    // ---- closures that run here ----

    /// The body of a closure in the place where it runs; `many` times perhaps.
    pub fn inline_closure(
        &mut self,
        closure: &hir::Closure,
        params: Vec<Val>,
        many: bool,
        span: Span,
    ) -> Val {
        let numbered = self.numbered;
        let join = self.new_block();
        let head = if many { self.fork() } else { self.out.cur };
        let known = self.out.guards.len();
        self.out.cur = head;
        let body = self.fork();
        let not_taken = std::mem::take(&mut self.not_taken);
        if not_taken.is_empty() {
            self.edge(head, join);
        } else {
            self.out.cur = head;
            self.out.cur = self.fork();
            for guard in not_taken {
                self.release(guard, ReleaseWhy::NotTaken, span);
            }
            self.edge(self.out.cur, join);
        }
        self.out.cur = body;
        for guard in std::mem::take(&mut self.not_held) {
            self.release(guard, ReleaseWhy::NotTaken, span);
        }
        if many {
            self.out.loop_depth += 1;
            self.out.per.push(self.closure_per);
            // Sooner or later its items end: no way to wait.
            self.other(span);
        }
        self.push_closure(join);
        let first = self.locals.len();
        let mut params = params.into_iter();
        for (pat, ty) in &closure.params {
            let mut val = params.next().unwrap_or_else(Val::unknown);
            if let Some(ty) = ty {
                let ty = self.resolve_type(ty);
                if ty != Ty::Unknown && !self.holds_guard(&val) {
                    val.ty = ty;
                }
            }
            self.bind(pat, val);
        }
        if let (true, [(pat, _)]) = (many, &closure.params[..]) {
            self.bound_in_round(first, pat, numbered);
        }
        // Within, so that a `?` ends what its own expression has made.
        self.push(ScopeKind::Temp);
        let mark = self.assigned.len();
        let outer = self.enter_stmt(closure.body.span, conclint_facts::StmtKind::Expr);
        let val = self.expr(&closure.body);
        self.perhaps_assigned(mark);
        self.out.stmt = outer;
        self.pop(Some(&val), span);
        self.pop(Some(&val), span);
        if !many {
            self.goes_with_it(head, body, join, known, span);
        }
        if many {
            self.out.loop_depth -= 1;
            self.out.per.pop();
            self.edge(self.out.cur, head);
        }
        self.go(join);
        val
    }

    /// A guard that the closure moves on is part of it: where the closure is not
    /// run, the guard ends together with it. `head` leads to it, `body` is its
    /// first block, and `known` guards there were before.
    fn goes_with_it(
        &mut self,
        head: BlockId,
        body: BlockId,
        join: BlockId,
        known: usize,
        span: Span,
    ) {
        let mut moved: Vec<GuardId> = Vec::new();
        for block in self.out.blocks.iter().skip(body.index()) {
            for event in &block.events {
                if let EventKind::Release { guard, why } = event.kind
                    && why != ReleaseWhy::NotTaken
                    && guard.index() < known
                    && !moved.contains(&guard)
                {
                    moved.push(guard);
                }
            }
        }
        let successors = &mut self.out.blocks[head.index()].successors;
        let Some(skips) = successors.iter().position(|next| *next == join) else {
            return;
        };
        if moved.is_empty() {
            return;
        }
        successors.remove(skips);
        let cur = std::mem::replace(&mut self.out.cur, head);
        self.out.cur = self.fork();
        for guard in moved {
            self.release(guard, ReleaseWhy::Moved, span);
        }
        self.edge(self.out.cur, join);
        self.out.cur = cur;
    }

    /// Runs the closures among `args` in place, each given `param`; other
    /// arguments are evaluated first. Gives what the last closure gives.
    pub fn in_place_closures(&mut self, args: &[Expr], param: &Val, many: bool) -> Option<Val> {
        let mut named = None;
        for arg in args {
            if !matches!(arg.kind, ExprKind::Closure(_)) {
                let val = self.base(arg);
                // `for_each_with(sender, |sender, item| ..)` takes it along.
                if val.channel != 0 && matches!(arg.kind, ExprKind::Path(_)) {
                    self.set_moved(&val, true);
                }
                if let Some(function) = val.closure {
                    self.call_closure(function, super::call::short_path(&arg_path(arg)), arg.span);
                    named = Some(Val::unknown());
                } else if let ExprKind::Path(path) = &arg.kind {
                    named = self.method_by_path(path, param, arg.span).or(named);
                }
            }
        }
        let mut result = named;
        for arg in args {
            if let ExprKind::Closure(closure) = &arg.kind {
                // `fold(init, |acc, x| ..)`: the element comes last.
                let params = match closure.params.len() {
                    2 => vec![Val::unknown(), param.clone()],
                    _ => vec![param.clone()],
                };
                result = Some(self.inline_closure(closure, params, many, arg.span));
            }
        }
        result
    }

    /// The closures among `args` have run and are no more, and what `move` ones
    /// name is gone with them.
    pub fn gone_with_closures(&mut self, args: &[Expr]) {
        for (id, span) in self.named_in_closures(args) {
            let info = &mut self.locals[id.0 as usize];
            info.moved |= info.val.channel != 0;
            for guard in info.val.guards.clone() {
                self.release(guard, ReleaseWhy::Moved, span);
            }
        }
    }

    /// The guards that `move` closures among `args` take along: an iterator keeps
    /// them until it has run. So it does with an end of a channel, which is gone
    /// from here.
    pub fn kept_by_closures(&mut self, args: &[Expr]) -> Vec<GuardId> {
        let mut kept = Vec::new();
        for (id, _) in self.named_in_closures(args) {
            let info = &mut self.locals[id.0 as usize];
            info.moved |= info.val.channel != 0;
            for guard in info.val.guards.clone() {
                if !kept.contains(&guard) {
                    kept.push(guard);
                }
            }
        }
        for &guard in &kept {
            self.register_temp(guard);
            self.out.captured.push(guard);
        }
        kept
    }

    /// The variables of this function that `move` closures among `args` name.
    fn named_in_closures(&self, args: &[Expr]) -> Vec<(LocalId, Span)> {
        let mut named = Vec::new();
        for arg in args {
            let ExprKind::Closure(closure) = &arg.kind else {
                continue;
            };
            if !closure.is_move {
                continue;
            }
            closure.body.each_expr(&mut |expr| {
                if let ExprKind::Path(path) = &expr.kind
                    && let [segment] = &path.segments[..]
                    && !closure
                        .params
                        .iter()
                        .any(|(pat, _)| pat.binds(&segment.name))
                    && let Some(id) = self.lookup(&segment.name)
                    && self.locals[id.0 as usize].level == self.out.level
                {
                    named.push((id, arg.span));
                }
            });
        }
        named
    }

    /// `handle.take().map(JoinHandle::join)`: a method of a library type, given
    /// as a function.
    fn method_by_path(&mut self, path: &hir::Path, param: &Val, span: Span) -> Option<Val> {
        let [.., owner, method] = &path.segments[..] else {
            return None;
        };
        crate::table::method_effect(&owner.name, &method.name, 0)?;
        let call = MethodCall {
            name: &method.name,
            generics: &[],
            args: &[],
            span,
            name_span: span,
            outer: None,
            awaited: false,
            thrown: false,
        };
        Some(self.method(param.clone(), &call))
    }

    /// `thread::scope(|s| ..)`, `catch_unwind(|| ..)`, `rayon::join(a, b)`.
    pub fn in_place_args(&mut self, args: &[Expr], scope: bool) -> Val {
        let param = if scope {
            Val::of(types::ext("std::thread::Scope", vec![]))
        } else {
            Val::unknown()
        };
        let started = self.out.spawns.len();
        let val = self
            .in_place_closures(args, &param, false)
            .unwrap_or_else(Val::unknown);
        self.gone_with_closures(args);
        if scope && let Some(last) = args.last() {
            self.scope_ends(started, last.span);
            self.scope_joins(started, last.span);
        }
        val
    }

    // ---- closures that are functions of their own ----

    pub fn nested_closure(
        &mut self,
        closure: &Arc<hir::Closure>,
        span: Span,
        kind: FnKind,
        params: &[Val],
    ) -> Val {
        let params = params.to_vec();
        let outer_captures = std::mem::take(&mut self.captures);
        let dry = self.dry.len();
        let mut ret = Ty::Unknown;
        let function = self.nested(span, kind, closure.is_async, |lower| {
            let mut params = params.into_iter();
            for (pat, ty) in &closure.params {
                let mut val = params.next().unwrap_or_else(Val::unknown);
                if let Some(ty) = ty {
                    // `&_` says less than who gives it.
                    let ty = lower.resolve_type(ty);
                    lower.out.ui |= is_of_ui_thread(&types::peel(lower.index(), &ty));
                    if val.ty == Ty::Unknown || types::peel(lower.index(), &ty) != Ty::Unknown {
                        val.ty = ty;
                    }
                }
                lower.bind(pat, val);
            }
            let val = lower.expr(&closure.body);
            if matches!(lower.guard_ty(&val.ty), Some(GuardTy::Guard(_))) {
                ret = val.ty.clone();
            }
            val
        });
        let mut val = Val::of(Ty::Fn(Tys::default(), Arc::new(ret)));
        val.closure = Some(function);
        // A guard that the closure takes along lives and dies with it.
        let captures = std::mem::replace(&mut self.captures, outer_captures);
        self.captured_senders(&captures, closure.is_move, dry, span);
        for (id, by_value) in captures {
            let Some(info) = self.locals.get(id.0 as usize) else {
                continue;
            };
            if info.level != self.out.level {
                self.captures.push((id, by_value || closure.is_move));
                continue;
            }
            let (taken, guards) = (by_value || closure.is_move, info.val.guards.clone());
            self.used_by_closure(id, taken, span);
            if taken {
                let drops = self.is_dropped(id);
                self.locals[id.0 as usize].moved |= drops;
                for guard in guards {
                    if !val.guards.contains(&guard) {
                        val.guards.push(guard);
                    }
                    if by_value {
                        self.used_up.push((function, guard));
                    }
                }
            }
        }
        val
    }

    /// What a closure or async block names is used where that is given away.
    fn used_by_closure(&mut self, id: LocalId, taken: bool, span: Span) {
        let Some(info) = self.locals.get(id.0 as usize) else {
            return;
        };
        // A guard that moves into it is not used here; a reference that does
        // still borrows.
        let guard = info.val.guards.first().copied().filter(|_| !taken);
        let borrowed = info.val.borrows.or(guard);
        let uses = &mut self.out.stmts[self.out.stmt.index()].uses;
        if !uses.contains(&id) {
            uses.push(id);
        }
        if let Some(guard) = borrowed {
            self.emit(
                EventKind::Use {
                    guard,
                    write: false,
                },
                span,
            );
        }
    }

    pub fn nested_async(&mut self, block: &hir::Block, span: Span) -> Val {
        let outer_captures = std::mem::take(&mut self.captures);
        let function = self.nested(span, FnKind::Closure, true, |lower| {
            lower.block(block, None)
        });
        let captures = std::mem::replace(&mut self.captures, outer_captures);
        let level = self.out.level;
        let here = |info: &LocalInfo| info.level == level && info.val.borrows.is_some();
        for &(id, _) in &captures {
            if self.locals.get(id.0 as usize).is_some_and(here) {
                self.used_by_closure(id, true, span);
            }
        }
        self.captured_by_task(captures);
        let mut val = Val::unknown();
        val.closure = Some(function);
        val
    }

    pub(super) fn nested(
        &mut self,
        span: Span,
        kind: FnKind,
        is_async: bool,
        body: impl FnOnce(&mut Self) -> Val,
    ) -> FnId {
        let level = self.out.level + 1;
        let site = self.site(span);
        let outer = std::mem::replace(&mut self.out, Out::new(level, site));
        let env_mark = self.env.len();
        let (outer_method, awaited) = (self.outer_method.take(), std::mem::take(&mut self.awaited));
        // The number is taken first: closures inside come after it.
        let id = FnId(NESTED_BASE + self.nested.len() as u32);
        let mut shell = self.base.clone();
        shell.kind = kind;
        shell.is_async = is_async;
        shell.site = site;
        shell.is_test_root = false;
        shell.bound = Bound::Free;
        shell.is_pub = false;
        shell.qualified = format!("{}::{{closure}}", self.base.qualified);
        self.nested.push(Nested { function: shell });
        self.run_body(span, body);
        self.env.truncate(env_mark);
        self.outer_method = outer_method;
        self.awaited = awaited;
        let out = std::mem::replace(&mut self.out, outer);
        let at = (id.0 - NESTED_BASE) as usize;
        let mut function = self.nested[at].function.clone();
        if out.ui {
            function.bound = Bound::Ui;
        }
        if let Some(owner) = out.stays {
            function.bound = Bound::Maker;
            if owner < self.out.level {
                self.out.stays = Some(self.out.stays.map_or(owner, |known| known.min(owner)));
            }
        }
        self.fill(&mut function, out);
        if kind == FnKind::SpawnBody {
            function.own = self.own_of_thread();
        }
        self.nested[at].function = function;
        id
    }

    /// The frame around a body: scopes, the way out, the result's guards.
    pub fn run_body(&mut self, span: Span, body: impl FnOnce(&mut Self) -> Val) {
        self.push(ScopeKind::Temp);
        self.push(ScopeKind::Block);
        let val = body(self);
        self.out.returns = self.out.returns.or(val.from);
        self.lose_handles(&val);
        if !val.guards.is_empty() {
            self.give_back(&val, super::body::end_of(span));
            for guard in val.guards.clone() {
                self.forget(guard);
            }
        }
        self.pop(None, span);
        self.pop(None, span);
        let exit = self.out.exit;
        self.go(exit);
        self.settle_handles();
    }
}

fn arg_path(arg: &Expr) -> hir::Path {
    match &arg.kind {
        ExprKind::Path(path) => path.clone(),
        _ => hir::Path::default(),
    }
}
