//! Mistakes around the critical sections of a block: a lock that is dropped, two that are swapped,
//! a section that is split.
//!
//! A section is split where its guard is used on both sides; a split before the first use or after
//! the last one changes nothing, so it is no mistake.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Local, Pat, Stmt};

use super::operators::{Edit, Finder, range};

/// A `let` that takes a lock, or an `if let` that does.
struct Guard {
    /// Its name.
    name: String,
    /// How the lock is taken.
    taken: String,
    /// What makes it mutable.
    mutable: Option<Edit>,
}

/// The expression ends in a fresh guard: `..lock().unwrap()`, dereferenced or not.
pub(super) fn takes_a_lock(expr: &Expr) -> bool {
    match expr {
        Expr::Unary(unary) => takes_a_lock(&unary.expr),
        Expr::Paren(inner) => takes_a_lock(&inner.expr),
        Expr::Try(inner) => takes_a_lock(&inner.expr),
        Expr::MethodCall(call) => match call.method.to_string().as_str() {
            "lock" | "write" | "read" => call.args.is_empty(),
            "unwrap" | "expect" | "unwrap_or_else" => takes_a_lock(&call.receiver),
            _ => false,
        },
        _ => false,
    }
}

/// The tokens hold the name as a variable: not behind a dot.
fn mentions(text: &str, name: &str) -> bool {
    fn inside(stream: TokenStream, name: &str) -> bool {
        let mut dot = false;
        stream.into_iter().any(|token| {
            let found = match &token {
                TokenTree::Ident(ident) => !dot && ident == name,
                TokenTree::Group(group) => inside(group.stream(), name),
                _ => false,
            };
            dot = matches!(&token, TokenTree::Punct(p) if p.as_char() == '.');
            found
        })
    }
    text.parse().is_ok_and(|tokens| inside(tokens, name))
}

/// Every mistake in the sections of a function's body and the blocks in it.
pub(super) fn sections(finder: &mut Finder<'_>, body: &Block) {
    let mut blocks = Blocks(Vec::new());
    blocks.visit_block(body);
    for block in blocks.0 {
        for (at, stmt) in block.stmts.iter().enumerate() {
            if let Stmt::Local(local) = stmt
                && let Some(guard) = guard(finder, local)
            {
                let rest = live(finder, &guard, &block.stmts[at + 1..]);
                unlocked(finder, &guard, local, rest);
                split(finder, &guard, rest, Around::default());
                swapped(finder, stmt, rest);
            }
            if let Stmt::Expr(Expr::If(branch), _) = stmt
                && let Some(guard) = tried(finder, &branch.cond)
            {
                split(finder, &guard, &branch.then_branch.stmts, Around::default());
            }
        }
    }
}

/// Every block below a node, closures included.
struct Blocks<'a>(Vec<&'a Block>);

impl<'a> Visit<'a> for Blocks<'a> {
    fn visit_block(&mut self, block: &'a Block) {
        self.0.push(block);
        visit::visit_block(self, block);
    }
}

fn guard(finder: &Finder<'_>, local: &Local) -> Option<Guard> {
    let Pat::Ident(pat) = &local.pat else {
        return None;
    };
    let init = local.init.as_ref().filter(|i| i.diverge.is_none())?;
    if matches!(*init.expr, Expr::Unary(_)) || !takes_a_lock(&init.expr) {
        return None;
    }
    let start = range(&pat.ident).start;
    Some(Guard {
        name: pat.ident.to_string(),
        taken: finder.of(&*init.expr).to_owned(),
        mutable: pat
            .mutability
            .is_none()
            .then(|| (start..start, "mut ".to_owned())),
    })
}

/// `if let Ok(mut guard) = x.lock()`.
fn tried(finder: &Finder<'_>, condition: &Expr) -> Option<Guard> {
    let Expr::Let(condition) = condition else {
        return None;
    };
    let Pat::TupleStruct(pat) = &*condition.pat else {
        return None;
    };
    let Some(Pat::Ident(ident)) = pat.elems.first() else {
        return None;
    };
    if !takes_a_lock(&condition.expr) {
        return None;
    }
    let start = range(&ident.ident).start;
    Some(Guard {
        name: ident.ident.to_string(),
        taken: format!("{}.unwrap()", finder.of(&*condition.expr)),
        mutable: ident
            .mutability
            .is_none()
            .then(|| (start..start, "mut ".to_owned())),
    })
}

/// The statements up to the guard's `drop`.
fn live<'a>(finder: &Finder<'_>, guard: &Guard, rest: &'a [Stmt]) -> &'a [Stmt] {
    let end = rest.iter().position(|s| is_drop(finder, guard, s));
    &rest[..end.unwrap_or(rest.len())]
}

fn is_drop(finder: &Finder<'_>, guard: &Guard, stmt: &Stmt) -> bool {
    finder.of(stmt).trim_end_matches(';') == format!("drop({})", guard.name)
}

/// Every access takes the lock for itself alone.
fn unlocked(finder: &mut Finder<'_>, guard: &Guard, local: &Local, rest: &[Stmt]) {
    let mut uses = Uses {
        name: &guard.name,
        out: Vec::new(),
    };
    for stmt in rest {
        uses.visit_stmt(stmt);
    }
    if let [used] = uses.out.as_slice()
        && !stands_for_more(rest, used)
    {
        // The section only becomes shorter.
        return;
    }
    let mut edits: Vec<Edit> = uses
        .out
        .into_iter()
        .map(|range| (range, format!("(*{})", guard.taken)))
        .collect();
    edits.push((range(local), String::new()));
    finder.add("no lock", range(local).start, edits);
}

/// A single use of the guard is several, in a loop or a closure, or the section stands for more
/// than what the guard is used for: another lock is taken in it.
fn stands_for_more(list: &[Stmt], used: &Range<usize>) -> bool {
    struct More<'a>(&'a Range<usize>, bool);
    impl<'ast> Visit<'ast> for More<'_> {
        fn visit_expr(&mut self, expr: &'ast Expr) {
            self.1 |= match expr {
                Expr::While(_) | Expr::Loop(_) | Expr::ForLoop(_) | Expr::Closure(_) => {
                    range(expr).contains(&self.0.start)
                }
                other => takes_a_lock(other),
            };
            visit::visit_expr(self, expr);
        }
    }
    let mut more = More(used, false);
    list.iter().for_each(|stmt| more.visit_stmt(stmt));
    more.1
}

/// What is done under a guard of a block.
pub(super) struct Section {
    /// The lock, as it is written.
    pub(super) lock: String,
    /// Nobody else holds it meanwhile.
    pub(super) alone: bool,
    pub(super) range: Range<usize>,
}

/// The sections of the guards that a block's statements bind.
pub(super) fn live_sections(block: &Block) -> Vec<Section> {
    let mut out = Vec::new();
    for (at, stmt) in block.stmts.iter().enumerate() {
        let Stmt::Local(Local {
            pat: Pat::Ident(pat),
            init: Some(init),
            ..
        }) = stmt
        else {
            continue;
        };
        let Some(call) = lock_call(&init.expr) else {
            continue;
        };
        let gone = |stmt: &Stmt| {
            let text = stmt.to_token_stream().to_string().replace([' ', ';'], "");
            text == format!("drop({})", pat.ident)
        };
        let rest = &block.stmts[at + 1..];
        let end = rest.iter().find(|s| gone(s)).map(|s| range(s).start);
        out.push(Section {
            lock: call.receiver.to_token_stream().to_string(),
            alone: call.method != "read",
            range: range(stmt).end..end.unwrap_or(range(block).end),
        });
    }
    out
}

/// The call that takes the lock, where the expression is the guard itself.
fn lock_call(expr: &Expr) -> Option<&syn::ExprMethodCall> {
    match expr {
        Expr::Try(inner) => lock_call(&inner.expr),
        Expr::MethodCall(call) if takes_a_lock(expr) => match call.method.to_string().as_str() {
            "lock" | "write" | "read" => Some(call),
            _ => lock_call(&call.receiver),
        },
        _ => None,
    }
}

/// Where a variable is used, in the arguments of macros as well.
struct Uses<'a> {
    name: &'a str,
    out: Vec<Range<usize>>,
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if path.path.is_ident(self.name) {
            self.out.push(range(path));
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

impl Uses<'_> {
    fn tokens(&mut self, stream: TokenStream) {
        let mut dot = false;
        for token in stream {
            match &token {
                TokenTree::Ident(ident) if !dot && ident == self.name => {
                    self.out.push(ident.span().byte_range());
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
            dot = matches!(&token, TokenTree::Punct(p) if p.as_char() == '.');
        }
    }
}

fn used(finder: &Finder<'_>, guard: &Guard, part: &[Stmt]) -> bool {
    part.iter()
        .any(|stmt| mentions(finder.of(stmt), &guard.name))
}

/// Where a guard is used besides a list of statements.
#[derive(Clone, Copy, Debug, Default)]
struct Around {
    before: bool,
    after: bool,
    /// After the innermost loop.
    outside: bool,
}

/// Gives the guard up between every two statements.
fn split(finder: &mut Finder<'_>, guard: &Guard, list: &[Stmt], mut around: Around) {
    // What follows the block does not follow its end.
    match list.last() {
        Some(Stmt::Expr(Expr::Return(_), _)) => around.after = false,
        Some(Stmt::Expr(Expr::Break(_), _)) => around.after = around.outside,
        _ => {}
    }
    for (at, stmt) in list.iter().enumerate() {
        let before = around.before || used(finder, guard, &list[..at]);
        let after = around.after || used(finder, guard, &list[at..]);
        if before && after && !is_drop(finder, guard, stmt) {
            let start = range(stmt).start;
            let again = format!("drop({0}); {0} = {1}; ", guard.name, guard.taken);
            let mut edits = vec![(start..start, again)];
            edits.extend(guard.mutable.clone());
            finder.add("split", start, edits);
        }
        let after = around.after || used(finder, guard, &list[at + 1..]);
        if let Stmt::Expr(expr, _) = stmt {
            let outside = around.outside;
            inner(
                finder,
                guard,
                expr,
                Around {
                    before,
                    after,
                    outside,
                },
            );
        }
    }
}

/// The blocks of a statement, with what its head and its other rounds use.
fn inner(finder: &mut Finder<'_>, guard: &Guard, expr: &Expr, around: Around) {
    let head = |finder: &Finder<'_>, node: &Expr| mentions(finder.of(node), &guard.name);
    let round = |before: bool, again: bool| Around {
        before: around.before || before,
        after: around.after || again,
        outside: around.after,
    };
    match expr {
        Expr::If(branch) => {
            let before = around.before || head(finder, &branch.cond);
            let around = Around { before, ..around };
            split(finder, guard, &branch.then_branch.stmts, around);
            if let Some((_, other)) = &branch.else_branch {
                inner(finder, guard, other, around);
            }
        }
        Expr::Block(block) => split(finder, guard, &block.block.stmts, around),
        Expr::While(whole) => {
            let head = head(finder, &whole.cond);
            split(finder, guard, &whole.body.stmts, round(head, head));
        }
        Expr::ForLoop(whole) => {
            let again = mentions(finder.of(&whole.body), &guard.name);
            let around = round(head(finder, &whole.expr), again);
            split(finder, guard, &whole.body.stmts, around);
        }
        Expr::Loop(whole) => {
            let again = mentions(finder.of(&whole.body), &guard.name);
            split(finder, guard, &whole.body.stmts, round(false, again));
        }
        Expr::Match(whole) => {
            let before = around.before || head(finder, &whole.expr);
            for arm in &whole.arms {
                inner(finder, guard, &arm.body, Around { before, ..around });
            }
        }
        _ => {}
    }
}

/// A guard and each later one that is taken while it lives, taken in the other order.
fn swapped(finder: &mut Finder<'_>, first: &Stmt, rest: &[Stmt]) {
    for other in rest {
        if let Stmt::Local(local) = other
            && guard(finder, local).is_some()
            && !finder.locked.is_only_nesting(&range(other))
        {
            let (a, b) = (finder.of(first).to_owned(), finder.of(other).to_owned());
            let edits = vec![(range(first), b), (range(other), a)];
            finder.add("locks swapped", range(first).start, edits);
        }
    }
}
