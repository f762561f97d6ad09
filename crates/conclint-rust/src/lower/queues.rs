//! Queues and channels that threads take work from: where an item is taken, and
//! what is put in to stop who takes.
//!
//! Goes by the names of methods and messages; whose queue it is, the lints ask.

use conclint_facts::{EventKind, Queue};
use smol_str::{SmolStr, format_smolstr};

use super::body::Lower;
use super::method::MethodCall;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Lit, Span};
use crate::index::Ty;

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
/// Methods that give the same value as an owned one.
const OWNED: &[&str] = &["clone", "into", "to_owned", "to_string"];
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
    /// What a call of a method of `target`, once it is written, says about queues.
    pub fn noted_queues(&mut self, target: Option<&Val>, call: &MethodCall) {
        let name = call.name.as_str();
        let Some(target) = target else { return };
        let queue = || Queue {
            place: target.place.clone(),
            channel: target.channel,
        };
        if let [message] = call.args
            && PUTS.contains(&name)
            && let Some((message, named)) = stop_message(message)
            && (named || is_shared(target))
        {
            let in_loop = self.out.loop_depth > 0;
            let queue = queue();
            let kind = EventKind::Stop {
                queue,
                in_loop,
                message,
                named,
            };
            self.emit(kind, call.site());
        } else if call.args.is_empty() && self.out.loop_depth > 0 && TAKES.contains(&name) {
            let queue = queue();
            self.out.takes = true;
            self.emit(EventKind::Take { queue }, call.site());
        }
    }

    /// `if item == END { break; }`, where items are taken: a value that ends the loop.
    pub fn note_end(&mut self, cond: &Expr, then: &hir::Block) {
        let ExprKind::Binary {
            op: hir::BinOp::Eq,
            left,
            right,
        } = &cond.kind
        else {
            return;
        };
        if self.out.takes && super::ways_out::leaves_loop(then) {
            for side in [left, right] {
                if let Some((message, _)) = stop_message(side) {
                    self.emit(EventKind::EndsOn { message }, cond.span);
                }
            }
        }
    }

    /// At the function's end: the channels made here that no sender keeps open.
    pub fn closed_channels(&mut self, span: Span) {
        for channel in 1..=self.channels {
            let mut senders = self.locals.iter().filter(|info| {
                let own = info.level == self.out.level && info.val.channel == channel;
                own && self.is_sender(&info.val.ty)
            });
            if senders.all(|info| info.moved) && !self.is_given(channel) {
                let end = super::body::end_of(span);
                self.emit(EventKind::Closed { channel }, end);
            }
        }
    }
}

/// Something that threads may share: a channel, what a lock guards, a type of the
/// program's own.
fn is_shared(target: &Val) -> bool {
    let guarded = target.borrows.is_some() || !target.guards.is_empty();
    target.channel != 0 || guarded || matches!(target.ty, Ty::Adt(..))
}

/// What may tell a consumer to end: `None`, `Message::Stop`, `END`, `-1`; as
/// people write it, and whether it is called so.
fn stop_message(expr: &Expr) -> Option<(SmolStr, bool)> {
    match &expr.kind {
        ExprKind::Path(path) => {
            let last = path.last();
            let word = last.to_ascii_lowercase().replace('_', "");
            let constant = last.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            let variant = path.segments.len() > 1 || constant;
            let named =
                last == "None" || variant && STOPS.iter().any(|stop| word.starts_with(stop));
            (named || constant).then(|| (super::call::short_path(path), named))
        }
        ExprKind::Lit(Lit::Int(Some(value))) => Some((format_smolstr!("{value}"), false)),
        ExprKind::Lit(Lit::Str(text)) => Some((format_smolstr!("\"{text}\""), false)),
        ExprKind::Unary {
            op: hir::UnOp::Neg,
            expr,
        } => {
            let (value, _) =
                stop_message(expr).filter(|_| matches!(expr.kind, ExprKind::Lit(_)))?;
            Some((format_smolstr!("-{value}"), false))
        }
        ExprKind::Ref { expr, .. } => stop_message(expr),
        ExprKind::MethodCall {
            receiver,
            name,
            args,
            ..
        } if args.is_empty() && OWNED.contains(&name.as_str()) => stop_message(receiver),
        ExprKind::Call { callee, args } => match (&callee.kind, &args[..]) {
            (ExprKind::Path(path), [value]) if path.segments.len() > 1 && path.last() == "from" => {
                stop_message(value)
            }
            _ => None,
        },
        _ => None,
    }
}
