//! What is known of threads besides their start: what the loops that start
//! them go over, where they are joined, and whether anybody looks at the result.

use conclint_facts::{Called, EventKind, Per, Root, SpawnKind};

use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::method::MethodCall;
use super::types;
use super::value::{ClassBase, SpawnId, Val};
use crate::hir::{self, Expr, ExprKind, Lit, Pat, Span};
use crate::index::{Ty, last_segment};

/// In how many types a listener may be wrapped.
const WITHIN: usize = 3;

impl Lower<'_> {
    /// The join that was just written is one of these threads.
    pub fn joined(&mut self, handles: &[SpawnId]) {
        let block = self.out.cur;
        let index = self.out.blocks[block.index()].events.len() - 1;
        self.out.last_join = Some((block, index));
        for &spawn in handles {
            if let Some(spawn) = self.out.spawn_mut(spawn) {
                spawn.joined.get_or_insert((block, index as u32));
            }
            if let Some(call) = spawn.start()
                && let Some(called) = self.out.called.get_mut(call)
            {
                called.joined.get_or_insert((block, index as u32));
            }
        }
    }

    /// A scope ends here: its threads, from number `started` on, have ended.
    pub fn scope_joins(&mut self, started: usize, span: Span) {
        let block = self.out.cur;
        let index = self.out.blocks[block.index()].events.len() as u32;
        let mut any = false;
        for spawn in started..self.out.spawns.len() {
            if let Some(spawn) = self.out.spawn_mut(SpawnId(spawn as u32))
                && spawn.kind == SpawnKind::Scoped
            {
                spawn.scope_end.get_or_insert((block, index));
                any = true;
            }
        }
        // It is a join that nobody writes: of interest to those who hold a lock.
        if any && self.any_guard_in_scope() {
            let join = EventKind::Join {
                handle: None,
                result_ignored: false,
                value_wanted: false,
            };
            self.emit(join, end_of(span));
        }
    }

    /// Nobody looks at the result of the last join; `wanted`: the value would
    /// have been used.
    pub fn ignore_join(&mut self, wanted: bool) {
        if let Some((block, index)) = self.out.last_join
            && let Some(EventKind::Join {
                result_ignored,
                value_wanted,
                ..
            }) = self.out.blocks[block.index()]
                .events
                .get_mut(index)
                .map(|event| &mut event.kind)
        {
            *result_ignored = true;
            *value_wanted |= wanted;
        }
    }

    /// Whether the listener of type `ty`, whose connections are asked for, hears
    /// programs of the same machine only.
    pub fn noted_listener(&mut self, ty: &Ty, name: &str) {
        if matches!(name, "accept" | "incoming") {
            self.listens_locally = self.is_local(ty);
        }
    }

    /// A listener for the same machine, or its connections, or what has one and
    /// no other.
    fn is_local(&self, ty: &Ty) -> bool {
        let mut parts = Vec::new();
        self.listeners(ty, WITHIN, &mut parts);
        !parts.is_empty() && parts.iter().all(|local| *local)
    }

    /// Of each listener or connection in `ty`, whether it is for the same machine.
    fn listeners(&self, ty: &Ty, depth: usize, found: &mut Vec<bool>) {
        match ty {
            Ty::Ext(path, args) => {
                if path.contains("::Unix") || path.contains("::local_socket::") {
                    found.push(true);
                } else if path.contains("::Tcp") {
                    found.push(false);
                }
                args.iter()
                    .for_each(|arg| self.listeners(arg, depth, found));
            }
            Ty::Tuple(types) => types
                .iter()
                .for_each(|part| self.listeners(part, depth, found)),
            Ty::Ref(_, inner) => self.listeners(inner, depth, found),
            Ty::Adt(id, _) if depth > 0 => {
                for field in self.index().field_types(*id) {
                    self.listeners(&field, depth - 1, found);
                }
            }
            _ => {}
        }
    }

    /// What a method call, which gives `taken`, says about threads, once it is
    /// written: a result that is replaced, a connection that is taken, a thread
    /// joined in turn.
    pub fn noted_threads(&mut self, taken: &Val, receiver: &Expr, call: &MethodCall) {
        match call.name.as_str() {
            "unwrap_or" | "unwrap_or_default" if is_join(receiver) => self.ignore_join(true),
            "flatten" if joins_each(receiver) => self.ignore_join(true),
            "filter_map" | "flat_map" if joins_each(receiver) && keeps_success(call.args) => {
                self.ignore_join(true);
            }
            "unwrap_or_else" if is_join(receiver) && call.args.first().is_some_and(ignores) => {
                self.ignore_join(true);
            }
            "accept" if call.args.is_empty() => {
                let local = self.is_local(&taken.ty) || self.listens_locally;
                self.emit(EventKind::Accept { local }, call.site());
            }
            "map" | "for_each" | "filter_map" | "flat_map" => {
                if starts_lazily(receiver)
                    && call.args.iter().any(|arg| mentions(arg, &is_join))
                    && let Some((block, index)) = self.out.last_join
                {
                    let site = self.out.blocks[block.index()].events[index].site;
                    let last = SpawnId(self.out.spawns.len().saturating_sub(1) as u32);
                    if let Some(spawn) = self.out.spawn_mut(last) {
                        spawn.in_turn = Some(site);
                    }
                }
            }
            _ => {}
        }
    }

    /// `filter_map(|h| h.join().ok())`: what panicked is left out.
    pub fn swallowed_in_turn(&mut self, name: &str, args: &[Expr]) {
        let errors =
            |expr: &Expr| matches!(&expr.kind, ExprKind::MethodCall { name, .. } if name == "err");
        let swallowed = |arg: &Expr| match &arg.kind {
            ExprKind::Closure(closure) => swallows(&closure.body) && !errors(&closure.body),
            _ => false,
        };
        if matches!(name, "filter_map" | "flat_map" | "for_each") && args.iter().any(swallowed) {
            self.ignore_join(true);
        }
    }

    /// The name of what a loop goes over.
    pub fn name_of(&self, val: &Val) -> SmolStr {
        let local = val.local.and_then(|id| self.locals.get(id.0 as usize));
        if let Some(info) = local {
            return info.name.clone();
        }
        let Some(place) = &val.place else {
            return SmolStr::default();
        };
        let field = place
            .path
            .iter()
            .rev()
            .find(|part| !conclint_facts::is_element(part));
        match (field, &place.root) {
            (Some(field), _) => field.clone(),
            (None, Root::Param(param)) => self
                .base
                .params
                .get(usize::from(*param))
                .map(|param| param.name.clone())
                .unwrap_or_default(),
            _ => SmolStr::default(),
        }
    }

    /// What the `for` loop over `iter` goes over.
    pub fn per_of_loop(&mut self, over: &Val, iter: &Expr) -> Per {
        self.loop_over = self.name_of(over);
        self.out.counts |= numbers(iter);
        if mentions_method(iter, &["incoming"]) {
            let local = self.is_local(&over.ty) || self.listens_locally;
            return Per::Connection { local };
        }
        if counted(iter) {
            return Per::Count;
        }
        if self.reads_lines(iter) {
            return Per::Item;
        }
        self.per_of(over)
    }

    /// The chain goes over the lines of a file, or of what somebody types in.
    fn reads_lines(&self, iter: &Expr) -> bool {
        let ExprKind::MethodCall { receiver, name, .. } = &iter.kind else {
            return false;
        };
        if !matches!(name.as_str(), "lines" | "split") {
            return self.reads_lines(receiver);
        }
        self.is_input(receiver)
    }

    fn is_input(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::MethodCall { receiver, .. } => self.is_input(receiver),
            ExprKind::Call { callee, .. } => matches!(&callee.kind, ExprKind::Path(path)
                if path.last() == "stdin" || path.segments.iter().any(|s| s.name == "BufReader")),
            ExprKind::Path(path) => {
                let local = path.as_name().and_then(|name| self.lookup(name));
                let info = local.and_then(|id| self.locals.get(id.0 as usize));
                info.is_some_and(|info| {
                    let ty = types::peel(self.index(), &info.val.ty);
                    matches!(ty, Ty::Ext(path, _)
                        if matches!(last_segment(&path), "BufReader" | "Stdin" | "StdinLock"))
                })
            }
            _ => false,
        }
    }

    /// What an iterator on whose items a closure is run goes over.
    pub fn per_of_iterator(&mut self, cur: &Val) -> Per {
        self.loop_over = self.name_of(cur);
        self.out.counts |= std::mem::take(&mut self.numbers);
        if std::mem::take(&mut self.counted) {
            return Per::Count;
        }
        self.per_of(cur)
    }

    /// Something that is handed in, or all messages of a channel: as many as
    /// there are.
    fn per_of(&self, val: &Val) -> Per {
        let ty = types::peel(self.index(), &val.ty);
        if matches!(&ty, Ty::Ext(path, _) if path.ends_with("::Receiver")) {
            return Per::Item;
        }
        if matches!(&ty, Ty::Ext(path, _) if path == "std::ops::Range") {
            return Per::Count;
        }
        match &val.place {
            Some(place) if matches!(place.root, Root::Param(_)) && !self.is_few(val) => Per::Item,
            _ => Per::Count,
        }
    }

    /// The type says how many items there are.
    fn is_few(&self, val: &Val) -> bool {
        let ty = types::peel(self.index(), &val.ty);
        let array = match (&val.class, &val.place) {
            (Some(class), _) if matches!(class.base, ClassBase::Field(..)) && !class.elem => {
                matches!(&class.base, ClassBase::Field(owner, name)
                    if self.index().is_array_field(*owner, name))
            }
            (_, Some(place)) if place.path.is_empty() => {
                matches!(place.root, Root::Param(param) if self.arrays.contains(&param))
            }
            _ => false,
        };
        array || types::is_option_or_result(&ty)
    }

    /// In a loop, a function of the workspace was called that gives `result`.
    pub fn called(&mut self, result: &mut Val) {
        let Some(&per) = self.out.per.last() else {
            return;
        };
        let block = self.out.cur;
        let index = self.out.blocks[block.index()].events.len() as u32 - 1;
        if matches!(&result.ty, Ty::Ext(path, _) if last_segment(path) == "JoinHandle") {
            let id = SpawnId::of_start(self.out.called.len());
            result.handles.push(id);
        }
        self.out.called.push(Called {
            at: (block, index),
            per,
            over: self.loop_over.clone(),
            joined: None,
            retried: false,
        });
    }
}

/// `h.join()` of a thread.
pub(super) fn is_join(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::MethodCall { name, args, .. } if name == "join" && args.is_empty())
}

/// The expression joins a thread and keeps nothing of the error: `h.join()`,
/// `h.join().ok()`, `drop(h.join())`, where its value goes nowhere.
fn swallows(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::MethodCall { receiver, name, .. } => {
            is_join(expr)
                || matches!(name.as_str(), "ok" | "err" | "is_ok" | "is_err") && is_join(receiver)
        }
        ExprKind::Call { callee, args } => {
            matches!(&callee.kind, ExprKind::Path(path) if path.last() == "drop")
                && args.first().is_some_and(swallows)
        }
        ExprKind::Block(block) => {
            block.stmts.is_empty() && block.tail.as_deref().is_some_and(swallows)
        }
        _ => false,
    }
}

/// As a statement, the expression throws away what a join gives:
/// `self.thread.take().map(|thread| thread.join());` does so, too.
pub(super) fn throws_away(expr: &Expr) -> bool {
    swallows(expr) || joins_each(expr)
}

/// `.map(|h| h.join())`, of one that may be there or of many.
fn joins_each(expr: &Expr) -> bool {
    let ExprKind::MethodCall { name, args, .. } = &expr.kind else {
        return false;
    };
    let [arg] = &args[..] else {
        return false;
    };
    let joins = match &arg.kind {
        ExprKind::Closure(closure) => swallows(&closure.body),
        ExprKind::Path(path) => path.segments.len() > 1 && path.last() == "join",
        _ => false,
    };
    name == "map" && joins
}

/// `filter_map(Result::ok)`, `filter_map(|result| result.ok())`, `flat_map(|result| result)`.
fn keeps_success(args: &[Expr]) -> bool {
    let [arg] = args else {
        return false;
    };
    match &arg.kind {
        ExprKind::Path(path) => path.segments.len() > 1 && path.last() == "ok",
        ExprKind::Closure(closure) => match &closure.body.kind {
            ExprKind::MethodCall { receiver, name, .. } => {
                name == "ok" && matches!(receiver.kind, ExprKind::Path(_))
            }
            ExprKind::Path(_) => true,
            _ => false,
        },
        _ => false,
    }
}

/// `if let Ok(x) = h.join()`, of which there is no `else`.
pub(super) fn takes_only_success(cond: &Expr) -> bool {
    match &cond.kind {
        ExprKind::Let { pat, expr } => {
            let success = matches!(&**pat, Pat::TupleStruct { path, .. } if matches!(path.last(), "Ok" | "Some"));
            success && (is_join(expr) || swallows(expr))
        }
        _ => false,
    }
}

/// `match h.join() { .., Err(_) => {} }`.
pub(super) fn ignores_failure(scrutinee: &Expr, arm: &hir::Arm) -> bool {
    let failure = match &arm.pat {
        Pat::TupleStruct { path, pats } => {
            path.last() == "Err" && pats.iter().all(|pat| matches!(pat, Pat::Wild))
        }
        Pat::Wild => true,
        _ => false,
    };
    let nothing = match &arm.body.kind {
        ExprKind::Block(block) => block.stmts.is_empty() && block.tail.is_none(),
        ExprKind::Tuple(parts) => parts.is_empty(),
        ExprKind::Continue { .. } => true,
        _ => false,
    };
    failure && nothing && is_join(scrutinee)
}

/// `|_| value`: whatever the error was.
fn ignores(arg: &Expr) -> bool {
    let ExprKind::Closure(closure) = &arg.kind else {
        return false;
    };
    let panics = |expr: &Expr| matches!(&expr.kind, ExprKind::Macro(call) if call.kind == hir::MacroKind::Panic);
    matches!(closure.params.as_slice(), [(Pat::Wild, _)])
        && !mentions(&closure.body, &panics)
        && !matches!(
            closure.body.kind,
            ExprKind::Call { .. } | ExprKind::Block(_)
        )
}

/// `.map(|x| spawn(..))`, not collected yet.
fn starts_lazily(expr: &Expr) -> bool {
    let is_spawn = |expr: &Expr| match &expr.kind {
        ExprKind::Call { callee, .. } => {
            matches!(&callee.kind, ExprKind::Path(path) if path.last() == "spawn")
        }
        ExprKind::MethodCall { name, .. } => name == "spawn",
        _ => false,
    };
    match &expr.kind {
        ExprKind::MethodCall { name, args, .. } if name == "map" => {
            args.iter().any(|arg| mentions(arg, &is_spawn))
        }
        _ => false,
    }
}

fn mentions(expr: &Expr, fits: &dyn Fn(&Expr) -> bool) -> bool {
    let mut found = false;
    expr.each_expr(&mut |part| found |= fits(part));
    found
}

/// One of the methods stands in the chain that ends in `expr`.
fn mentions_method(expr: &Expr, names: &[&str]) -> bool {
    match &expr.kind {
        ExprKind::MethodCall { receiver, name, .. } => {
            names.contains(&name.as_str()) || mentions_method(receiver, names)
        }
        ExprKind::Try(inner) => mentions_method(inner, names),
        _ => false,
    }
}

/// The chain runs over a range of numbers: neither over a few, nor over the
/// positions of a list.
pub(super) fn numbers(expr: &Expr) -> bool {
    const FEW: u64 = 64;
    match &expr.kind {
        ExprKind::Range(_, Some(to)) => match &to.kind {
            ExprKind::Lit(Lit::Int(end)) => end.is_none_or(|end| end > FEW),
            _ => !mentions_method(to, &["len", "count"]),
        },
        ExprKind::MethodCall { receiver, .. } => numbers(receiver),
        _ => false,
    }
}

/// The chain has a length that the program sets.
pub(super) fn counted(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Range(..) | ExprKind::Array(_) | ExprKind::Repeat { .. } => true,
        ExprKind::MethodCall { receiver, name, .. } => {
            name.contains("chunk")
                || matches!(name.as_str(), "take" | "step_by" | "windows" | "split_at")
                || counted(receiver)
        }
        ExprKind::Ref { expr, .. } => counted(expr),
        _ => false,
    }
}
