//! Edits that no schedule can tell from the reference, by rules that hold for any program.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprForLoop, ExprMethodCall, ExprWhile, Local, Member, Pat};

use super::critical::{self, Section};
use super::operators::range;

/// A call that changes an atomic.
struct Change {
    /// The field or variable.
    name: String,
    at: usize,
}

/// What is done under locks in a file.
#[derive(Default)]
pub(super) struct Locked {
    sections: Vec<Section>,
    changes: Vec<Change>,
    /// Where locks are taken.
    taken: Vec<usize>,
    /// Calls, with the name of what is called.
    calls: Vec<(usize, String)>,
    /// The functions that are being read, and those that take locks.
    within: Vec<String>,
    takers: Vec<String>,
    /// A closure gives guards away, so that many may be held at once.
    gives_guards: bool,
}

impl<'ast> Visit<'ast> for Locked {
    fn visit_block(&mut self, block: &'ast Block) {
        self.sections.extend(critical::live_sections(block));
        visit::visit_block(self, block);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.within.push(item.sig.ident.to_string());
        visit::visit_item_fn(self, item);
        self.within.pop();
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.within.push(item.sig.ident.to_string());
        visit::visit_impl_item_fn(self, item);
        self.within.pop();
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.gives_guards |= critical::takes_a_lock(&closure.body);
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Some(name) = name(&call.func) {
            self.calls.push((range(call).start, name));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let method = call.method.to_string();
        let at = range(&call.method).start;
        if call.args.is_empty() && matches!(method.as_str(), "lock" | "read" | "write") {
            self.taken.push(at);
            self.takers.extend(self.within.last().cloned());
        } else {
            self.calls.push((at, method.clone()));
        }
        let changes = matches!(method.as_str(), "store" | "swap")
            || ["fetch_", "compare_"].iter().any(|p| method.starts_with(p));
        if let Some(name) = name(&call.receiver).filter(|_| changes) {
            self.changes.push(Change { name, at });
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// The last part of `self.shared.hits`.
fn name(place: &Expr) -> Option<String> {
    match place {
        Expr::Field(field) => match &field.member {
            Member::Named(ident) => Some(ident.to_string()),
            Member::Unnamed(_) => None,
        },
        Expr::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        Expr::Paren(inner) => name(&inner.expr),
        _ => None,
    }
}

impl Locked {
    /// The step at `at` is made with a lock held alone that is held, alone or not, at every other
    /// change of the same atomic.
    pub(super) fn holds(&self, at: usize, place: &Expr) -> bool {
        let Some(name) = name(place) else {
            return false;
        };
        let around = |at: usize| self.sections.iter().filter(move |s| s.range.contains(&at));
        let mut others = self.changes.iter().filter(|c| c.name == name);
        around(at)
            .find(|section| section.alone)
            .is_some_and(|section| {
                others.all(|other| around(other.at).any(|s| s.lock == section.lock))
            })
    }
}

impl Locked {
    /// Nowhere in the file a lock is taken under another one but in the statement at `place`. Where
    /// the order of the two leads to no deadlock, the other way round leads to none either:
    /// turned about, an order is an order.
    pub(super) fn is_only_nesting(&self, place: &Range<usize>) -> bool {
        let under = |at: usize| self.sections.iter().any(|s| s.range.contains(&at));
        let takes = |name: &String| self.takers.contains(name);
        let mut nested = self.taken.iter().filter(|at| under(**at));
        let mut calls = self
            .calls
            .iter()
            .filter(|(at, name)| under(*at) && takes(name));
        !self.gives_guards && nested.all(|at| place.contains(at)) && calls.next().is_none()
    }
}

/// Where a function has taken everything from a channel, to its end: who has sent on it has ended,
/// or does nothing more, so that a join from there on waits for nothing.
pub(super) fn drained(body: &Block) -> Option<usize> {
    let mut drains = Drains::default();
    drains.visit_block(body);
    drains.at
}

#[derive(Default)]
struct Drains {
    receivers: Vec<String>,
    at: Option<usize>,
}

impl Drains {
    fn is_receiver(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Reference(inner) => self.is_receiver(&inner.expr),
            Expr::Path(path) => self.receivers.iter().any(|r| path.path.is_ident(r)),
            _ => false,
        }
    }

    fn drained(&mut self, whole: Range<usize>, body: Option<&Block>) {
        if !body.is_some_and(|body| leaves(body.to_token_stream())) {
            self.at = Some(self.at.map_or(whole.end, |at| at.min(whole.end)));
        }
    }
}

/// A loop that may end before the channel does.
fn leaves(body: TokenStream) -> bool {
    body.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Group(group) => leaves(group.stream()),
        proc_macro2::TokenTree::Ident(ident) => ident == "break" || ident == "return",
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Drains {
    fn visit_local(&mut self, local: &'ast Local) {
        let pat = match &local.pat {
            Pat::Type(typed) => &*typed.pat,
            pat => pat,
        };
        if let (Pat::Tuple(pair), Some(init)) = (pat, &local.init)
            && let Expr::Call(call) = &*init.expr
            && let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
            && (last.ident == "channel" || last.ident == "sync_channel")
            && let Some(Pat::Ident(receiver)) = pair.elems.iter().nth(1)
        {
            self.receivers.push(receiver.ident.to_string());
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_for_loop(&mut self, whole: &'ast ExprForLoop) {
        if self.is_receiver(&whole.expr) {
            self.drained(range(whole), Some(&whole.body));
        }
        visit::visit_expr_for_loop(self, whole);
    }

    fn visit_expr_while(&mut self, whole: &'ast ExprWhile) {
        if let Expr::Let(condition) = &*whole.cond
            && let Expr::MethodCall(call) = &*condition.expr
            && call.method == "recv"
            && self.is_receiver(&call.receiver)
        {
            self.drained(range(whole), Some(&whole.body));
        }
        visit::visit_expr_while(self, whole);
    }

    /// What runs elsewhere, or later, is no part of the function's own way.
    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
}
