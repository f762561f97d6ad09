//! Threads and tasks where they are started: the body, which is a function of its
//! own, and what the start itself says of it.
//!
//! What happens to them afterwards is in `handles` and `threads`.

use conclint_facts::{Call, Event, EventKind, FnId, FnKind, Handle, Spawn, SpawnKind};
use smol_str::SmolStr;

use super::body::Lower;
use super::types;
use super::value::{SpawnId, Val};
use crate::hir::{Expr, ExprKind, Span};
use crate::index::Ty;

impl Lower<'_> {
    pub fn spawn(
        &mut self,
        kind: SpawnKind,
        what: SmolStr,
        body: Option<&Expr>,
        span: Span,
        named: bool,
    ) -> Val {
        // Loops in the body go over something else.
        let over = self.loop_over.clone();
        let dry = self.dry.len();
        let function = body.and_then(|body| self.spawn_body(body));
        let dry: Vec<_> = self.dry.drain(dry..).collect();
        let handle = if kind == SpawnKind::Scoped {
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
            over,
            joined: None,
            retried: false,
            scope_end: None,
            in_turn: None,
            detached: self.is_detached(span),
        };
        let id = SpawnId(self.out.spawns.len() as u32);
        if self.out.level == 0 {
            let dry = dry.iter().map(|dry| (id, dry.channel, dry.drain));
            self.dry_spawns.extend(dry);
        }
        let block = self.out.cur;
        self.out
            .spawns
            .push((block, self.out.blocks[block.index()].events.len()));
        let event = Event {
            kind: EventKind::Spawn(Box::new(spawn)),
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
}
