//! Closures and async blocks: run in place, lowered on their own, or started
//! as threads and tasks.

use std::sync::Arc;

use conclint_facts::{
    BlockId, Call, Event, EventKind, FnId, FnKind, GuardId, Handle, LocalId, ObjectKind,
    ReleaseWhy, Spawn, SpawnKind,
};
use smol_str::SmolStr;

use super::body::{Lower, NESTED_BASE, Nested, Out};
use super::method::MethodCall;
use super::scopes::ScopeKind;
use super::types::{self, GuardTy};
use super::value::{LocalInfo, SpawnId, Val};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{Ty, Tys};

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
        self.push(ScopeKind::Temp);
        self.push_closure(join);
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
        if scope && let Some(last) = args.last() {
            self.scope_ends(started, last.span);
            self.scope_joins(started, last.span);
        }
        val
    }

    /// A method of `Option`, `Result`, an iterator or a collection that runs
    /// its closure before it returns.
    pub fn combinator(&mut self, cur: &Val, many: bool, call: &MethodCall) -> Val {
        let name = call.name.as_str();
        let container = types::is_option_or_result(&cur.ty);
        // `value.map(f).unwrap_or(..)` runs `f` once, whatever `value` is.
        let once = container || call.outer.as_deref().is_some_and(is_of_option);
        let many = many || (name == "map" && !once && !self.is_no_iterator(&cur.ty));
        // An iterator bound to a variable has not run yet.
        let in_rounds = many && !self.lazy.contains(&call.name_span);
        let mut param = if container {
            let mut inner = cur.clone();
            inner.ty = match name {
                "map_err" | "or_else" | "unwrap_or_else" | "ok_or_else" => Ty::Unknown,
                _ => types::unwrap_ty(&cur.ty),
            };
            inner
        } else if matches!(
            name,
            "get_or_init" | "or_insert_with" | "call_once" | "then"
        ) {
            Val::unknown()
        } else if matches!(name, "with" | "with_borrow" | "with_borrow_mut") {
            cur.clone()
        } else {
            self.item_of(cur)
        };
        param.local = None;
        param.handles.clone_from(&cur.handles);
        self.test(cur.from, call.site());
        let per = self.per_of_iterator(cur);
        let around = std::mem::replace(&mut self.closure_per, per);
        let result = self
            .in_place_closures(call.args, &param, in_rounds)
            .unwrap_or_else(Val::unknown);
        self.closure_per = around;
        if name.starts_with("with") {
            self.other(call.site());
        }
        self.swallowed_in_turn(name, call.args);
        let index = self.index();
        let wrap = |ty: Ty| {
            if container {
                types::option_of(ty)
            } else if many {
                types::ext("conclint::Iter", vec![ty])
            } else {
                ty
            }
        };
        match name {
            "map" => {
                let ty = wrap(result.ty.clone());
                let mut val = result;
                val.local = None;
                val.with_ty(ty)
            }
            "and_then" | "with" | "with_borrow" | "with_borrow_mut" | "map_or" | "map_or_else"
            | "then" => {
                let mut val = result;
                val.local = None;
                if name == "then" {
                    wrap_option(val)
                } else {
                    val
                }
            }
            "filter_map" | "flat_map" | "map_while" => {
                let inside = match name {
                    "flat_map" => types::element(index, &result.ty),
                    _ => types::unwrap_ty(&result.ty),
                };
                let ty = wrap(inside);
                let mut val = result;
                val.local = None;
                val.with_ty(ty)
            }
            "unwrap_or_else" | "get_or_init" | "or_insert_with" | "get_or_insert_with" => {
                let ty = match name {
                    "unwrap_or_else" => types::unwrap_ty(&cur.ty),
                    "get_or_init" => match &cur.ty {
                        Ty::Ext(path, args) if path.contains("Once") || path.contains("Lazy") => {
                            args.first().cloned().unwrap_or(Ty::Unknown)
                        }
                        inside => inside.clone(),
                    },
                    _ => types::value_of(index, &cur.ty),
                };
                let mut val = cur.clone().with_ty(ty);
                val.local = None;
                val.guards.extend(result.guards);
                val
            }
            "find" | "max_by_key" | "min_by_key" | "max_by" | "min_by" | "reduce" => {
                let item = self.item_of(cur);
                let ty = types::option_of(item.ty.clone());
                item.with_ty(ty)
            }
            "any" | "all" | "is_some_and" | "is_ok_and" | "is_none_or" => {
                Val::of(types::ext("bool", vec![]))
            }
            "position" | "for_each" | "retain" | "fold" | "try_for_each" | "try_fold"
            | "partition" | "sort_by" | "sort_by_key" | "find_map" => {
                let mut val = if matches!(name, "fold" | "find_map" | "try_fold") {
                    result
                } else {
                    Val::unknown()
                };
                val.local = None;
                val
            }
            _ => {
                let mut val = cur.clone();
                val.local = None;
                val
            }
        }
    }

    /// A type of the workspace that does not say it iterates: what `map` does
    /// to a future, a parser or a guard, it does once.
    fn is_no_iterator(&self, ty: &Ty) -> bool {
        let index = self.index();
        match types::peel(index, ty) {
            ty @ Ty::Adt(..) => !index.implements(&ty, "Iterator"),
            _ => false,
        }
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
                    val.ty = lower.resolve_type(ty);
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

    fn nested(
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
        self.fill(&mut function, out);
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

    /// Variables that still hold a handle nobody joined.
    fn settle_handles(&mut self) {
        let level = self.out.level;
        let mut verdicts: Vec<(SpawnId, SmolStr)> = Vec::new();
        for info in self
            .locals
            .iter()
            .filter(|info| info.level == level && !info.handles_used)
        {
            for &spawn in info
                .val
                .handles
                .iter()
                .filter(|spawn| !self.out.lost.contains(spawn))
            {
                verdicts.push((spawn, info.name.clone()));
            }
        }
        for (spawn, name) in verdicts {
            let Some(&(block, index)) = self.out.spawns.get(spawn.0 as usize) else {
                continue;
            };
            if let Some(EventKind::Spawn(spawn)) = self.out.blocks[block.index()]
                .events
                .get_mut(index)
                .map(|event| &mut event.kind)
                && spawn.handle == Handle::Elsewhere
            {
                spawn.handle = Handle::NeverJoined(name);
            }
        }
    }

    // ---- threads and tasks ----

    pub fn spawn(
        &mut self,
        kind: SpawnKind,
        what: SmolStr,
        body: Option<&Expr>,
        span: Span,
        named: bool,
    ) -> Val {
        let dry = self.dry.len();
        let function = body.and_then(|body| self.spawn_body(body));
        let dry: Vec<_> = self.dry.drain(dry..).collect();
        let handle = if kind == SpawnKind::Scoped || self.is_detached(span) {
            Handle::Excused
        } else {
            Handle::Elsewhere
        };
        let spawn = Spawn {
            kind,
            what,
            body: function,
            in_loop: self.out.loop_depth > 0,
            named,
            handle,
            per: self.out.per.last().copied(),
            over: self.loop_over.clone(),
            joined: None,
            scope_end: None,
            in_turn: None,
        };
        let id = SpawnId(self.out.spawns.len() as u32);
        if self.out.level == 0 {
            self.dry_spawns.extend(
                dry.into_iter()
                    .map(|(channel, site, _)| (id, channel, site)),
            );
        }
        let block = self.out.cur;
        self.out
            .spawns
            .push((block, self.out.blocks[block.index()].events.len()));
        let event = Event {
            kind: EventKind::Spawn(spawn),
            site: self.site(span),
            stmt: self.out.stmt,
        };
        self.out.blocks[block.index()].events.push(event);
        let path = match kind {
            SpawnKind::Thread => "std::thread::JoinHandle",
            SpawnKind::Scoped => "std::thread::ScopedJoinHandle",
            _ => "conclint::TaskHandle",
        };
        let mut val = Val::of(types::ext(path, vec![Ty::Unknown]));
        if matches!(kind, SpawnKind::Thread | SpawnKind::Scoped) {
            val.handles = vec![id];
        }
        val
    }

    fn spawn_body(&mut self, body: &Expr) -> Option<FnId> {
        match &body.kind {
            ExprKind::Closure(closure) => {
                self.nested_closure(closure, body.span, FnKind::SpawnBody, &[])
                    .closure
            }
            ExprKind::Async { block } => {
                let outer = std::mem::take(&mut self.captures);
                let function = self.nested(body.span, FnKind::SpawnBody, true, |lower| {
                    lower.block(block, None)
                });
                let captures = std::mem::replace(&mut self.captures, outer);
                self.captured_by_task(captures);
                Some(function)
            }
            // `spawn(self.run())` of an async function: it runs over there.
            _ => {
                let val = self.expr(body);
                val.closure
                    .or_else(|| self.task_of(val.future.as_deref()?, body.span))
            }
        }
    }

    /// The body of a task that is one call. What the call is handed, locks for
    /// one, is only seen where it is made: there it is, as in
    /// `async move { run(a, b).await }`.
    fn task_of(&mut self, call: &Call, span: Span) -> Option<FnId> {
        if call.args.iter().all(|arg| arg.class.is_none()) {
            return call.targets.first().copied();
        }
        let mut call = call.clone();
        for arg in &mut call.args {
            // Guards were moved where the future was made.
            arg.guards.clear();
        }
        Some(self.nested(span, FnKind::SpawnBody, true, |lower| {
            lower.emit(EventKind::Call(call), span);
            Val::unknown()
        }))
    }

    /// A comment `detached: reason` on the statement or just above it.
    fn is_detached(&self, span: Span) -> bool {
        let start = self.out.stmts[self.out.stmt.index()]
            .site
            .line
            .min(span.line);
        self.shared
            .detached
            .get(self.file_index)
            .is_some_and(|lines| {
                lines
                    .iter()
                    .any(|&line| line + 3 >= start && line <= span.end_line)
            })
    }

    /// Handles that are pushed into a collection go with it.
    pub fn push_handles(&mut self, cur: &Val, vals: &[Val], name: &str) {
        let handles: Vec<SpawnId> = vals
            .iter()
            .flat_map(|val| val.handles.iter().copied())
            .collect();
        if !handles.is_empty() {
            for val in vals {
                if let Some(info) = val
                    .local
                    .and_then(|local| self.locals.get_mut(local.0 as usize))
                {
                    info.handles_used = true;
                }
            }
            let level = self.out.level;
            let own = cur.local.filter(|local| {
                self.locals
                    .get(local.0 as usize)
                    .is_some_and(|info| info.level == level)
            });
            match (own, &cur.class) {
                (Some(local), _) => self.locals[local.0 as usize].val.handles.extend(handles),
                (None, Some(class)) if matches!(class.base, super::value::ClassBase::Field(..)) => {
                    let class = self.class_id(class.clone(), &ObjectKind::Handle, &cur.ty);
                    for spawn in handles {
                        self.set_handle(spawn, Handle::Stored(class));
                    }
                }
                _ => {
                    for spawn in handles {
                        self.set_handle(spawn, Handle::Elsewhere);
                    }
                }
            }
        } else if !cur.handles.is_empty()
            && !matches!(
                name,
                "push"
                    | "push_back"
                    | "len"
                    | "is_empty"
                    | "thread"
                    | "id"
                    | "is_finished"
                    | "unwrap"
                    | "expect"
            )
            && let Some(info) = cur
                .local
                .and_then(|local| self.locals.get_mut(local.0 as usize))
        {
            info.handles_used = true;
        }
    }
}

fn wrap_option(val: Val) -> Val {
    let ty = types::option_of(val.ty.clone());
    val.with_ty(ty)
}

fn arg_path(arg: &Expr) -> hir::Path {
    match &arg.kind {
        ExprKind::Path(path) => path.clone(),
        _ => hir::Path::default(),
    }
}

/// The adaptors of an iterator that is not consumed where it is written, by
/// the places of their names.
pub(super) fn lazy_adaptors(init: &Expr) -> Vec<Span> {
    const ADAPTORS: &[&str] = &[
        "filter",
        "filter_map",
        "flat_map",
        "inspect",
        "map",
        "map_while",
        "scan",
        "skip_while",
        "take_while",
    ];
    const WALKS: &[&str] = &[
        "cloned",
        "copied",
        "enumerate",
        "rev",
        "skip",
        "take",
        "zip",
    ];
    let mut lazy = Vec::new();
    let mut next = init;
    while let ExprKind::MethodCall {
        receiver,
        name,
        name_span,
        ..
    } = &next.kind
    {
        if ADAPTORS.contains(&name.as_str()) {
            lazy.push(*name_span);
        } else if !WALKS.contains(&name.as_str()) {
            break;
        }
        next = receiver;
    }
    lazy
}

/// Methods that `Option` and `Result` have, and iterators have not.
fn is_of_option(name: &str) -> bool {
    matches!(
        name,
        "err"
            | "expect"
            | "is_err"
            | "is_none"
            | "is_ok"
            | "is_some"
            | "is_some_and"
            | "map_err"
            | "ok"
            | "ok_or"
            | "ok_or_else"
            | "unwrap"
            | "unwrap_or"
            | "unwrap_or_default"
            | "unwrap_or_else"
    )
}
