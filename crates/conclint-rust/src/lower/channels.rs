//! Channels made in the function itself: which senders are alive where their
//! receiver is read to its end, and what is put into queues to stop their
//! consumers.
//!
//! A sender counts as alive while its variable is in scope and was not moved
//! anywhere: dropped, given to a thread, returned. One that was moved on some
//! path only does not count. Ends of channels in structs and collections are
//! out of sight.

use conclint_facts::{DryWait, EventKind, LocalId, Queue, Site};
use smol_str::SmolStr;

use super::body::Lower;
use super::method::MethodCall;
use super::types;
use super::value::{SpawnId, Val};
use crate::hir::{self, Expr, ExprKind, Pat, Span};
use crate::index::Ty;

/// Methods that take every item of an iterator.
const CONSUMERS: &[&str] = &[
    "sum",
    "product",
    "collect",
    "count",
    "for_each",
    "fold",
    "last",
    "max",
    "min",
    "max_by_key",
    "min_by_key",
    "max_by",
    "min_by",
    "partition",
    "unzip",
];
/// Methods of an iterator that can end before its source does.
const LIMITS: &[&str] = &[
    "take",
    "take_while",
    "map_while",
    "zip",
    "scan",
    "try_iter",
    "try_fold",
    "peekable",
    "next",
];
/// Methods that put an item into a queue.
const PUTS: &[&str] = &[
    "send",
    "try_send",
    "push",
    "push_back",
    "put",
    "enqueue",
    "add",
    "submit",
    "offer",
    "give",
];
/// Methods that take an item out of a queue.
const TAKES: &[&str] = &[
    "recv",
    "try_recv",
    "pop",
    "pop_front",
    "take",
    "get",
    "dequeue",
    "next",
    "receive",
];
/// Words in the names of stop messages.
const STOPS: &[&str] = &[
    "stop",
    "shutdown",
    "terminate",
    "quit",
    "exit",
    "end",
    "done",
    "poison",
    "kill",
    "finish",
    "finished",
    "close",
    "halt",
    "sentinel",
    "eof",
    "die",
];

/// A method that puts something into a queue or takes it out, by its name.
pub(super) fn is_queue_method(name: &str) -> bool {
    PUTS.contains(&name) || TAKES.contains(&name)
}

impl Lower<'_> {
    /// Senders of `channel` that live here: variables of this function, in scope.
    fn living_sender(&self, channel: u32) -> Option<LocalId> {
        self.env.iter().map(|&(_, id)| id).find(|id| {
            self.locals.get(id.0 as usize).is_some_and(|info| {
                info.val.channel == channel
                    && info.level == self.out.level
                    && !info.moved
                    && self.is_sender(&info.val.ty)
            })
        })
    }

    fn is_sender(&self, ty: &Ty) -> bool {
        matches!(types::peel(self.index(), ty), Ty::Ext(path, _)
            if path.ends_with("Sender") && !path.ends_with("oneshot::Sender"))
    }

    /// The channel just made has room for as many as its first argument says.
    pub fn note_room(&mut self, args: &[Expr]) {
        if let Some(Expr {
            kind: ExprKind::Lit(hir::Lit::Int(Some(0 | 1))),
            ..
        }) = args.first()
        {
            self.narrow.push(self.channels);
        }
    }

    /// A loop that does not end early sends into channels whose receivers are
    /// variables of this function that nothing has touched: who sends a second
    /// message there waits for ever.
    pub fn note_unread(&mut self, body: &hir::Block) {
        if self.narrow.is_empty() || exits(body) > 0 {
            return;
        }
        let level = self.out.level;
        let waiting = |id: LocalId| {
            let info = self.locals.get(id.0 as usize)?;
            let here = info.level == level && !info.moved && self.is_receiver(&info.val.ty);
            let used = || self.out.stmts.iter().any(|stmt| stmt.uses.contains(&id));
            let untouched = here && !used() && !names(body, &info.name);
            (untouched && self.narrow.contains(&info.val.channel))
                .then_some((info.val.channel, level))
        };
        let unread: Vec<(u32, u32)> = self.env.iter().filter_map(|&(_, id)| waiting(id)).collect();
        self.unread.extend(unread);
    }

    /// Whether a message that is sent here is one of many that nobody can receive yet.
    pub fn is_unread(&self, channel: u32) -> bool {
        channel != 0 && self.unread.contains(&(channel, self.out.level))
    }

    fn is_receiver(&self, ty: &Ty) -> bool {
        matches!(types::peel(self.index(), ty), Ty::Ext(path, _) if path.ends_with("Receiver"))
    }

    fn sender_alive(&mut self, channel: u32, wait: DryWait, receive: Site, span: Span) {
        if let Some(id) = self.living_sender(channel) {
            let sender = self.locals[id.0 as usize].name.clone();
            let kind = EventKind::SenderAlive {
                sender,
                wait,
                receive,
            };
            self.emit(kind, span);
        }
    }

    /// A loop over a receiver, which nothing but its end ends.
    pub fn dry_loop(&mut self, channel: u32, body: &hir::Block, span: Span) {
        if exits(body) == 0 {
            self.runs_dry(channel, span);
        }
    }

    fn runs_dry(&mut self, channel: u32, span: Span) {
        let site = self.site(span);
        self.dry.push((channel, site, self.out.level));
        self.sender_alive(channel, DryWait::Loop, site, span);
    }

    /// `while let Ok(x) = rx.recv()`.
    pub fn while_receiving(&mut self, cond: &Expr, body: &hir::Block) {
        if let ExprKind::Let { pat, expr } = &cond.kind
            && super::pattern::binds_success(pat)
            && let Some(channel) = self.received(expr)
        {
            self.dry_loop(channel, body, cond.span);
        }
    }

    /// `loop { match rx.recv() { Ok(x) => .., Err(_) => break } }`.
    pub fn loop_receiving(&mut self, body: &hir::Block) {
        if self.channels == 0 || exits(body) != 1 {
            return;
        }
        let mut found = None;
        body.each_expr(&mut |expr| {
            let (received, leaves) = match &expr.kind {
                ExprKind::Match { scrutinee, arms } => {
                    let leaves = arms.iter().any(|arm| is_err(&arm.pat) && leaves(&arm.body));
                    (&**scrutinee, leaves)
                }
                _ => return,
            };
            if leaves && let Some(channel) = self.received(received) {
                found = Some((channel, received.span));
            }
        });
        for stmt in &body.stmts {
            if let hir::StmtKind::Let(stmt) = &stmt.kind
                && let (Some(init), Some(_)) = (&stmt.init, &stmt.else_)
                && let Some(channel) = self.received(init)
            {
                found = Some((channel, init.span));
            }
        }
        if let Some((channel, span)) = found {
            self.runs_dry(channel, span);
        }
    }

    /// `rx.recv()` of a variable: its channel.
    fn received(&self, expr: &Expr) -> Option<u32> {
        match &expr.kind {
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if name == "recv" && args.is_empty() => self.channel_of(receiver),
            _ => None,
        }
    }

    /// The channel whose receiver a variable is, also behind a lock.
    fn channel_of(&self, expr: &Expr) -> Option<u32> {
        match &expr.kind {
            ExprKind::Path(path) => {
                let id = self.lookup(path.as_name()?)?;
                let info = self.locals.get(id.0 as usize)?;
                (info.val.channel != 0 && !self.is_sender(&info.val.ty)).then_some(info.val.channel)
            }
            ExprKind::MethodCall { receiver, name, .. }
                if matches!(name.as_str(), "lock" | "unwrap" | "expect") =>
            {
                self.channel_of(receiver)
            }
            ExprKind::Ref { expr, .. } => self.channel_of(expr),
            _ => None,
        }
    }

    /// What a method call, once it is written, says about channels and queues.
    pub fn noted_channels(&mut self, target: Option<&Val>, receiver: &Expr, call: &MethodCall) {
        let name = call.name.as_str();
        if self.channels > 0
            && CONSUMERS.contains(&name)
            && let Some(channel) = self.iterated(receiver)
        {
            self.runs_dry(channel, call.span);
        }
        let Some(target) = target else { return };
        let queue = || Queue {
            place: target.place.clone(),
            channel: target.channel,
        };
        if let [message] = call.args
            && PUTS.contains(&name)
            && let Some(message) = stop_message(message)
        {
            let in_loop = self.out.loop_depth > 0;
            let queue = queue();
            let kind = EventKind::Stop {
                queue,
                in_loop,
                message,
            };
            self.emit(kind, call.site());
        } else if call.args.is_empty() && self.out.loop_depth > 0 && TAKES.contains(&name) {
            let queue = queue();
            self.emit(EventKind::Take { queue }, call.site());
        }
    }

    /// The chain of iterators runs over all of a receiver.
    fn iterated(&self, expr: &Expr) -> Option<u32> {
        match &expr.kind {
            ExprKind::MethodCall { receiver, name, .. } => {
                if matches!(name.as_str(), "iter" | "into_iter") {
                    self.channel_of(receiver)
                } else if LIMITS.contains(&name.as_str()) {
                    None
                } else {
                    self.iterated(receiver)
                }
            }
            _ => None,
        }
    }

    /// Senders that a closure takes along are gone from here; one that it takes
    /// into its own loop over the receiver keeps that loop alive.
    pub fn captured_senders(
        &mut self,
        captures: &[(LocalId, bool)],
        is_move: bool,
        dry: usize,
        span: Span,
    ) {
        for &(id, by_value) in captures {
            let Some(info) = self.locals.get(id.0 as usize) else {
                continue;
            };
            let (channel, level) = (info.val.channel, info.level);
            if channel == 0 || !(by_value || is_move) {
                continue;
            }
            let sender = info.name.clone();
            if self.is_sender(&info.val.ty)
                && !info.moved
                && let Some(&(_, receive, _)) = self
                    .dry
                    .get(dry..)
                    .unwrap_or(&[])
                    .iter()
                    // What a closure in this one takes along is that one's matter.
                    .find(|(other, _, level)| *other == channel && *level == self.out.level + 1)
            {
                let kind = EventKind::SenderAlive {
                    sender,
                    wait: DryWait::Own,
                    receive,
                };
                self.emit(kind, span);
            }
            // A variable of a function further out is moved there.
            if level == self.out.level {
                self.locals[id.0 as usize].moved = true;
            }
        }
    }

    /// What an async block names is taken to move into it.
    pub fn captured_by_task(&mut self, captures: Vec<(LocalId, bool)>) {
        for (id, by_value) in captures {
            let drops = self.is_dropped(id);
            if let Some(info) = self.locals.get_mut(id.0 as usize) {
                info.moved |= info.val.channel != 0 || drops;
            }
            self.captures.push((id, by_value));
        }
    }

    /// A thread that reads a receiver to its end is joined.
    pub fn joined_before_dry(&mut self, handles: &[SpawnId], span: Span) {
        if self.out.level != 0 {
            return;
        }
        let waited: Vec<(u32, Site)> = self
            .dry_spawns
            .iter()
            .filter(|(id, ..)| handles.contains(id))
            .map(|&(_, channel, site)| (channel, site))
            .collect();
        for (channel, receive) in waited {
            self.sender_alive(channel, DryWait::Join, receive, span);
        }
    }

    /// A scope ends: it waits for the threads that were started in it.
    pub fn scope_ends(&mut self, started: usize, span: Span) {
        if self.out.level != 0 {
            return;
        }
        let waited: Vec<(u32, Site)> = self
            .dry_spawns
            .iter()
            .filter(|(id, ..)| id.0 as usize >= started)
            .map(|&(_, channel, site)| (channel, site))
            .collect();
        let end = super::body::end_of(span);
        for (channel, receive) in waited {
            self.sender_alive(channel, DryWait::Scope, receive, end);
        }
    }
}

/// The iterator over a receiver ends only when the receiver does.
pub(super) fn to_the_end(iter: &Expr) -> bool {
    match &iter.kind {
        ExprKind::Path(_) => true,
        ExprKind::Ref { expr, .. } => to_the_end(expr),
        ExprKind::MethodCall { receiver, name, .. } => {
            !LIMITS.contains(&name.as_str()) && to_the_end(receiver)
        }
        _ => false,
    }
}

/// How many ways out of a loop's body there are, besides its end.
fn exits(body: &hir::Block) -> usize {
    let mut count = 0;
    body.each_expr(&mut |expr| {
        let exit = match &expr.kind {
            ExprKind::Break { .. } | ExprKind::Return(_) | ExprKind::Try(_) => true,
            ExprKind::Call { callee, .. } => {
                matches!(&callee.kind, ExprKind::Path(path) if matches!(path.last(), "exit" | "abort"))
            }
            _ => false,
        };
        count += usize::from(exit);
    });
    count
}

/// Whether a variable of this name stands anywhere in `body`.
fn names(body: &hir::Block, name: &str) -> bool {
    let mut found = false;
    body.each_expr(&mut |expr| {
        found |=
            matches!(&expr.kind, ExprKind::Path(path) if path.as_name().is_some_and(|n| n == name));
    });
    found
}

fn is_err(pat: &Pat) -> bool {
    matches!(pat, Pat::TupleStruct { path, .. } if path.last() == "Err") || matches!(pat, Pat::Wild)
}

fn leaves(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Break { .. } | ExprKind::Return(_) => true,
        ExprKind::Block(block) => {
            block.tail.as_deref().is_some_and(leaves)
                || block.stmts.last().is_some_and(
                    |stmt| matches!(&stmt.kind, hir::StmtKind::Expr(expr) if leaves(expr)),
                )
        }
        _ => false,
    }
}

/// `None`, `Message::Stop`: what tells a consumer to end.
fn stop_message(expr: &Expr) -> Option<SmolStr> {
    let ExprKind::Path(path) = &expr.kind else {
        return None;
    };
    let last = path.last();
    let word = last.to_ascii_lowercase().replace('_', "");
    let variant =
        path.segments.len() > 1 || last.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let stops = last == "None" || variant && STOPS.iter().any(|stop| word.starts_with(stop));
    stops.then(|| super::call::short_path(path))
}
