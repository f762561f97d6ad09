//! Channels made in the function itself: which senders are alive where their
//! receiver is read to its end, here or in what is called; and which receivers
//! that came in as parameters are.
//!
//! A sender counts as alive while its variable is in scope and was not moved
//! anywhere: dropped, given to a thread, returned. One that was moved on some
//! path only does not count. Ends of channels in structs and collections are
//! out of sight.

use conclint_facts::{Drain, DryWait, EventKind, FnId, Handed, LocalId, Root};
use smol_str::SmolStr;

use super::body::Lower;
use super::method::MethodCall;
use super::types;
use super::value::{SpawnId, Val};
use super::ways_out::{leaves, leaves_at_end, takes_any, ways_out};
use super::workspace_call::WorkspaceCall;
use crate::hir::{self, Expr, ExprKind, Pat, Span};
use crate::index::{Ty, last_segment};

/// Variables that are bound on the way, and to what.
type Inits<'e> = [(&'e SmolStr, &'e Expr)];

/// A place where a receiver is read to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dry {
    pub channel: u32,
    pub drain: Drain,
    /// How deep in closures.
    pub level: u32,
}

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

    pub fn is_sender(&self, ty: &Ty) -> bool {
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
        if self.narrow.is_empty() || ways_out(body) > 0 {
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

    fn sender_alive(&mut self, channel: u32, wait: DryWait, receive: Drain, span: Span) {
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
        if ways_out(body) == 0 {
            self.runs_dry(channel, false, span);
        }
    }

    fn runs_dry(&mut self, channel: u32, by_panic: bool, span: Span) {
        if let Some(receiver) = self.received_as(channel) {
            let keeps = self.kept_senders();
            let kind = EventKind::RunsDry {
                receiver,
                keeps,
                by_panic,
            };
            return self.emit(kind, span);
        }
        let drain = Drain {
            site: self.site(span),
            by: None,
            by_panic,
        };
        self.note_dry(channel, drain);
        self.sender_alive(channel, DryWait::Loop, drain, span);
    }

    fn note_dry(&mut self, channel: u32, drain: Drain) {
        let level = self.out.level;
        self.dry.push(Dry {
            channel,
            drain,
            level,
        });
    }

    /// The parameter that the receiver of the channel came in as.
    fn received_as(&self, channel: u32) -> Option<u16> {
        let mut given = self.given_channels.iter();
        given.find_map(|&(number, param)| (number == channel).then_some(param))
    }

    /// A receiver of it came in as a parameter.
    pub fn is_given(&self, channel: u32) -> bool {
        self.received_as(channel).is_some()
    }

    /// Parameters that are senders, and were not moved away.
    fn kept_senders(&self) -> Vec<u16> {
        let kept = |&(_, id): &(SmolStr, LocalId)| {
            let info = self.locals.get(id.0 as usize)?;
            let place = info
                .val
                .place
                .as_ref()
                .filter(|place| place.path.is_empty())?;
            match place.root {
                Root::Param(number) if !info.moved && self.is_sender(&info.val.ty) => Some(number),
                _ => None,
            }
        };
        self.env.iter().filter_map(kept).collect()
    }

    /// What comes in as a parameter is an end of a channel of its own.
    pub fn given_end(&mut self, val: &mut Val, param: u16) {
        let receiver = self.leads_to_receiver(&val.ty);
        if receiver || self.is_sender(&val.ty) {
            self.channels += 1;
            val.channel = self.channels;
        }
        if receiver {
            self.given_channels.push((self.channels, param));
        }
    }

    /// A receiver, also behind pointers and a lock.
    fn leads_to_receiver(&self, ty: &Ty) -> bool {
        match types::peel(self.index(), ty) {
            Ty::Ext(path, args) => match last_segment(&path) {
                "Receiver" => true,
                "Mutex" => args
                    .first()
                    .is_some_and(|data| self.leads_to_receiver(data)),
                _ => false,
            },
            _ => false,
        }
    }

    /// A function is handed the receiver of a channel that is made here: it may
    /// read it to its end, or start a thread that does, whose handle it gives as
    /// (part of) `result`.
    pub fn handed_receiver(&mut self, call: &WorkspaceCall<'_>, vals: &[Val], result: &mut Val) {
        let &[one] = call.res.fns.as_slice() else {
            return;
        };
        if self.channels == 0 || call.resolution != conclint_facts::Resolution::Exact {
            return;
        }
        let callee = FnId(one.0);
        for (receiver, val) in (0..).zip(vals) {
            let channel = val.channel;
            if channel == 0 || self.is_sender(&val.ty) || self.received_as(channel).is_some() {
                continue;
            }
            let drain = |sender, started| Drain {
                site: self.site(call.site),
                by: Some(Handed {
                    callee,
                    receiver,
                    sender,
                    started,
                }),
                by_panic: false,
            };
            let (runs, starts) = (drain(None, false), drain(None, true));
            let kept: Vec<Drain> = (0..)
                .zip(vals)
                .filter(|(_, given)| given.channel == channel && self.is_own_sender(&given.ty))
                .map(|(number, _)| drain(Some(number), false))
                .collect();
            self.note_dry(channel, runs);
            self.sender_alive(channel, DryWait::Loop, runs, call.site);
            for receive in kept {
                let kind = EventKind::SenderAlive {
                    sender: SmolStr::default(),
                    wait: DryWait::Own,
                    receive,
                };
                self.emit(kind, call.site);
            }
            if self.out.level == 0 && self.keeps_handle(&result.ty) {
                let id = SpawnId::of_call(self.dry_spawns.len());
                self.dry_spawns.push((id, channel, starts));
                result.handles.push(id);
            }
        }
    }

    fn is_own_sender(&self, ty: &Ty) -> bool {
        !matches!(ty, Ty::Ref(..)) && self.is_sender(ty)
    }

    /// A handle of a thread, or a type of the program's own that may have one.
    fn keeps_handle(&self, ty: &Ty) -> bool {
        match types::peel(self.index(), ty) {
            Ty::Adt(..) => true,
            Ty::Ext(path, _) => last_segment(&path) == "JoinHandle",
            _ => false,
        }
    }

    /// `while let Ok(x) = rx.recv()`.
    pub fn while_receiving(&mut self, cond: &Expr, body: &hir::Block) {
        if let ExprKind::Let { pat, expr } = &cond.kind
            && takes_any(pat)
            && let Some(channel) = self.received(expr)
        {
            self.dry_loop(channel, body, cond.span);
        }
    }

    /// `loop { match rx.recv() { Ok(x) => .., Err(_) => break } }`, and what comes
    /// to the same.
    pub fn loop_receiving(&mut self, body: &hir::Block) {
        if self.channels == 0 {
            return;
        }
        let (mut ended, mut unwrapped) = (None, None);
        let inits = initialisers(body);
        let received = |expr: &Expr| self.received_in(expr, &inits);
        body.each_expr(&mut |expr| match &expr.kind {
            ExprKind::Match { scrutinee, arms } if leaves_at_end(arms) => {
                ended = ended.or_else(|| received(scrutinee));
            }
            ExprKind::If {
                cond,
                else_: Some(else_),
                ..
            } => {
                if let ExprKind::Let { pat, expr } = &cond.kind
                    && takes_any(pat)
                    && leaves(else_)
                {
                    ended = ended.or_else(|| received(expr));
                }
            }
            ExprKind::MethodCall { receiver, name, .. }
                if matches!(name.as_str(), "unwrap" | "expect") =>
            {
                unwrapped = unwrapped.or_else(|| received(receiver));
            }
            _ => {}
        });
        for stmt in &body.stmts {
            if let hir::StmtKind::Let(stmt) = &stmt.kind
                && let (Some(init), Some(_)) = (&stmt.init, &stmt.else_)
                && takes_any(&stmt.pat)
            {
                ended = ended.or_else(|| received(init));
            }
        }
        match (ways_out(body), ended, unwrapped) {
            (1, Some((channel, span)), _) => self.runs_dry(channel, false, span),
            (0, _, Some((channel, span))) => self.runs_dry(channel, true, span),
            _ => {}
        }
    }

    /// `rx.recv()` of a variable: its channel.
    fn received(&self, expr: &Expr) -> Option<u32> {
        Some(self.received_in(expr, &[])?.0)
    }

    /// The same where variables are bound on the way, and where it stands.
    fn received_in(&self, expr: &Expr, inits: &Inits<'_>) -> Option<(u32, Span)> {
        match &expr.kind {
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if name == "recv" && args.is_empty() => {
                Some((self.channel_in(receiver, inits)?, expr.span))
            }
            ExprKind::MethodCall { receiver, name, .. } if name == "ok" => {
                self.received_in(receiver, inits)
            }
            ExprKind::Path(path) => {
                let (init, before) = bound(inits, path)?;
                self.received_in(init, before)
            }
            ExprKind::Block(block) => {
                let mut inits = inits.to_vec();
                inits.extend(initialisers(block));
                self.received_in(block.tail.as_deref()?, &inits)
            }
            _ => None,
        }
    }

    /// The channel whose receiver a variable is, also behind a lock.
    fn channel_of(&self, expr: &Expr) -> Option<u32> {
        self.channel_in(expr, &[])
    }

    fn channel_in(&self, expr: &Expr, inits: &Inits<'_>) -> Option<u32> {
        match &expr.kind {
            ExprKind::Path(path) => {
                if let Some((init, before)) = bound(inits, path) {
                    return self.channel_in(init, before);
                }
                let id = self.lookup(path.as_name()?)?;
                let info = self.locals.get(id.0 as usize)?;
                (info.val.channel != 0 && !self.is_sender(&info.val.ty)).then_some(info.val.channel)
            }
            ExprKind::MethodCall { receiver, name, .. }
                if matches!(name.as_str(), "lock" | "unwrap" | "expect") =>
            {
                self.channel_in(receiver, inits)
            }
            ExprKind::Ref { expr, .. } => self.channel_in(expr, inits),
            _ => None,
        }
    }

    /// What a method call, once it is written, says about channels.
    pub fn noted_channels(&mut self, receiver: &Expr, call: &MethodCall) {
        let name = call.name.as_str();
        if self.channels > 0
            && CONSUMERS.contains(&name)
            && let Some(channel) = self.iterated(receiver)
        {
            self.runs_dry(channel, false, call.span);
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
                && let Some(dry) = self
                    .dry
                    .get(dry..)
                    .unwrap_or(&[])
                    .iter()
                    // What a closure in this one takes along is that one's matter.
                    .find(|dry| dry.channel == channel && dry.level == self.out.level + 1)
            {
                let kind = EventKind::SenderAlive {
                    sender,
                    wait: DryWait::Own,
                    receive: dry.drain,
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
        self.waited_for(|id| handles.contains(&id), DryWait::Join, span);
    }

    /// A scope ends: it waits for the threads that were started in it.
    pub fn scope_ends(&mut self, started: usize, span: Span) {
        if self.out.level == 0 {
            let end = super::body::end_of(span);
            let left: Vec<SpawnId> = (started..self.out.spawns.len())
                .map(|number| SpawnId(number as u32))
                .filter(|id| self.out.spawn_mut(*id).is_some_and(|s| s.joined.is_none()))
                .collect();
            self.waited_for(|id| left.contains(&id), DryWait::Scope, end);
        }
    }

    fn waited_for(&mut self, fits: impl Fn(SpawnId) -> bool, wait: DryWait, span: Span) {
        let waited: Vec<(u32, Drain)> = self
            .dry_spawns
            .iter()
            .filter(|(id, ..)| fits(*id))
            .map(|&(_, channel, drain)| (channel, drain))
            .collect();
        for (channel, drain) in waited {
            self.sender_alive(channel, wait, drain, span);
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

/// The variables that a block binds as a whole, and to what.
fn initialisers(block: &hir::Block) -> Vec<(&SmolStr, &Expr)> {
    let mut found = Vec::new();
    for stmt in &block.stmts {
        if let hir::StmtKind::Let(stmt) = &stmt.kind
            && let (Pat::Bind { name, .. }, Some(init)) = (&stmt.pat, &stmt.init)
        {
            found.push((name, init));
        }
    }
    found
}

/// What a variable was bound to, and those bound before it.
fn bound<'b, 'e>(inits: &'b Inits<'e>, path: &hir::Path) -> Option<(&'e Expr, &'b Inits<'e>)> {
    let name = path.as_name()?;
    let at = inits.iter().rposition(|(bound, _)| *bound == name)?;
    Some((inits.get(at)?.1, inits.get(..at)?))
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
