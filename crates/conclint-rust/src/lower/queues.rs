//! Queues and channels that threads take work from: where an item is taken, and
//! what is put in to stop who takes.
//!
//! Goes by the names of methods and messages; whose queue it is, the lints ask.

use conclint_facts::{EventKind, Queue};
use smol_str::SmolStr;

use super::body::Lower;
use super::method::MethodCall;
use super::value::Val;
use crate::hir::{Expr, ExprKind};

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
