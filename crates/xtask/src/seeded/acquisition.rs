//! Expressions that take a lock.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::{Expr, ExprMethodCall, Local, Member, Pat, UnOp};

/// Methods without arguments that give a guard nobody else can have.
const EXCLUSIVE: [&str; 9] = [
    "lock",
    "write",
    "blocking_lock",
    "blocking_write",
    "lock_irqsave",
    "lock_irq_disabled",
    "lock_irq",
    "lock_bh",
    "write_irqsave",
];

/// Those that give a guard at all.
const SHARED: [&str; 3] = ["read", "blocking_read", "read_irqsave"];

/// What becomes of the acquisition's result before it is bound.
const UNWRAPS: [&str; 4] = ["unwrap", "expect", "unwrap_or_else", "map_err"];

/// Methods that give something else each time.
const NOT_AGAIN: [&str; 9] = [
    "next",
    "next_back",
    "pop",
    "pop_front",
    "pop_back",
    "recv",
    "take",
    "stdin",
    "stdout",
];

/// `RECEIVER.lock()`, with what follows it.
pub(super) struct Acquisition<'e> {
    pub receiver: &'e Expr,
    pub method: String,
    pub awaited: bool,
    /// The result is unwrapped, by whatever means.
    pub unwrapped: bool,
}

/// The text of a file, for the tree that was read from it.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    pub text: &'t str,
    /// What the parser left out at the beginning.
    pub skipped: usize,
}

impl<'t> Text<'t> {
    pub(super) fn range(self, node: &impl Spanned) -> Range<usize> {
        let range = node.span().byte_range();
        range.start + self.skipped..range.end + self.skipped
    }

    /// The text of a node, in one line. None where a comment is in the way.
    pub(super) fn line(self, node: &impl Spanned) -> Option<String> {
        let text = self.text.get(self.range(node))?;
        if !text.contains('\n') {
            return Some(text.to_owned());
        }
        if text.contains("//") || text.contains('"') {
            return None;
        }
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(joined.replace(" .", "."))
    }

    /// The line of the text's byte, from 1.
    pub(super) fn number(self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    /// The whole line that a byte is in, trimmed.
    pub(super) fn whole_line(self, at: usize) -> &'t str {
        let line = self.text.lines().nth(self.number(at) - 1);
        line.unwrap_or_default().trim()
    }
}

impl<'e> Acquisition<'e> {
    /// An acquisition that nobody else can hold beside it.
    pub(super) fn exclusive(expr: &'e Expr) -> Option<Self> {
        Self::of(expr).filter(|it| EXCLUSIVE.contains(&it.method.as_str()))
    }

    /// Whatever gives a guard.
    pub(super) fn of(expr: &'e Expr) -> Option<Self> {
        match expr {
            Expr::Try(it) => Self::of(&it.expr).map(Self::unwrap),
            Expr::Await(it) => Self::of(&it.base)
                .filter(|it| !it.awaited)
                .map(|it| Acquisition {
                    awaited: true,
                    ..it
                }),
            Expr::MethodCall(call) => {
                let method = call.method.to_string();
                if UNWRAPS.contains(&method.as_str()) {
                    return Self::of(&call.receiver).map(Self::unwrap);
                }
                Self::call(call, method)
            }
            _ => None,
        }
    }

    fn call(call: &'e ExprMethodCall, method: String) -> Option<Self> {
        let takes = EXCLUSIVE.contains(&method.as_str()) || SHARED.contains(&method.as_str());
        (takes && call.args.is_empty()).then_some(Acquisition {
            receiver: &call.receiver,
            method,
            awaited: false,
            unwrapped: false,
        })
    }

    fn unwrap(self) -> Self {
        Acquisition {
            unwrapped: true,
            ..self
        }
    }

    /// The same acquisition of another place, in a function of its own.
    pub(super) fn again(&self, receiver: &str) -> String {
        let awaited = if self.awaited { ".await" } else { "" };
        let unwrapped = if self.unwrapped { ".unwrap()" } else { "" };
        format!("{receiver}.{}(){awaited}{unwrapped}", self.method)
    }
}

/// A `let` that binds a guard to a name.
pub(super) struct Guard<'e> {
    pub name: String,
    pub init: &'e Expr,
    pub acquisition: Acquisition<'e>,
    /// Behind its semicolon, in bytes of the parsed text.
    pub end: usize,
}

impl<'e> Guard<'e> {
    /// The guard of a `let`, where the same expression means the same lock on its line.
    pub(super) fn of(local: &'e Local, text: Text<'_>) -> Option<Self> {
        let init = local.init.as_ref().filter(|init| init.diverge.is_none())?;
        let pat = match &local.pat {
            Pat::Type(typed) => &*typed.pat,
            pat => pat,
        };
        let Pat::Ident(pat) = pat else {
            return None;
        };
        let name = pat.ident.to_string();
        if pat.by_ref.is_some() || pat.subpat.is_some() || !local.attrs.is_empty() {
            return None;
        }
        let acquisition = Acquisition::exclusive(&init.expr)?;
        let receiver = text.text.get(text.range(acquisition.receiver))?;
        if ["stdin", "stdout", "stderr"]
            .iter()
            .any(|s| receiver.contains(s))
        {
            return None;
        }
        steady(acquisition.receiver, &name).then(|| Guard {
            name,
            init: &init.expr,
            acquisition,
            end: text.range(&local.semi_token).end,
        })
    }
}

/// Whether an expression gives the same object once more, after `name` is bound.
fn steady(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Path(path) => !path.path.is_ident(name),
        Expr::Field(it) => steady(&it.base, name),
        Expr::Index(it) => steady(&it.expr, name) && steady_index(&it.index, name),
        Expr::Paren(it) => steady(&it.expr, name),
        Expr::Reference(it) => steady(&it.expr, name),
        Expr::Unary(it) => matches!(it.op, UnOp::Deref(_)) && steady(&it.expr, name),
        Expr::Call(it) => it.args.is_empty() && steady(&it.func, name),
        Expr::MethodCall(it) => {
            it.args.is_empty()
                && !NOT_AGAIN.contains(&it.method.to_string().as_str())
                && steady(&it.receiver, name)
        }
        _ => false,
    }
}

fn steady_index(index: &Expr, name: &str) -> bool {
    matches!(index, Expr::Lit(_)) || steady(index, name)
}

/// The fields from `self` to a place: `a.b` of `self.a.b`.
pub(super) fn path_of_self(expr: &Expr) -> Option<String> {
    let Expr::Field(field) = expr else {
        return None;
    };
    let member = match &field.member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    };
    match &*field.base {
        Expr::Path(path) if path.path.is_ident("self") => Some(member),
        base => Some(format!("{}.{member}", path_of_self(base)?)),
    }
}
