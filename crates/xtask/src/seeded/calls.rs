//! Calls, under a guard, of what takes the lock once more.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Block, Expr, ImplItem, ImplItemFn, Item, ItemImpl, Local, Member,
    ReceiverKind, Safety, Signature, Stmt, Type,
};

use super::Kind;
use super::acquisition::{Acquisition, Guard, Text, path_of_self};
use super::places::Seed;
use crate::lines::is_test_code;

/// One seed for each method that binds the guard of a field's lock. What is
/// added has a name with `tag` and its number, from `taken` on: a type has
/// impls in several files.
pub(super) fn seeds(
    kind: Kind,
    item: &ItemImpl,
    beside: &[Item],
    text: Text<'_>,
    (tag, taken): (usize, usize),
) -> Vec<Seed> {
    let methods: Vec<&ImplItemFn> = item
        .items
        .iter()
        .filter_map(|item| match item {
            ImplItem::Fn(method) if by_reference(&method.sig) && !is_cfg(&method.attrs) => {
                Some(method)
            }
            _ => None,
        })
        .collect();
    let mut out = Vec::new();
    // Who is called does not call in turn: the seeds are no recursion.
    let mut calling = BTreeSet::new();
    let mut called = BTreeSet::new();
    for method in &methods {
        let Some((guard, path)) = guard(&method.block, text) else {
            continue;
        };
        if called.contains(&method.sig.ident) || is_test_code(&method.attrs) {
            continue;
        }
        let there = methods.iter().find(|other| {
            other.sig.ident != method.sig.ident
                && !calling.contains(&other.sig.ident)
                && fits(&method.sig, &other.sig)
                && takes(&other.block, &path)
        });
        let number = format!("{tag}_{}", taken + out.len());
        let insert = match (kind, there) {
            (Kind::Call, Some(other)) => {
                called.insert(&other.sig.ident);
                let wait = wait(other.sig.asyncness.is_some());
                let call = format!(" let _ = self.{}(){wait};", other.sig.ident);
                Some(vec![(guard.end, call)])
            }
            (Kind::Call | Kind::Deep, _) => added(kind, item, &guard, &path, text, &number),
            (Kind::Free, _) => free(item, beside, &guard, &path, text, &number),
            (Kind::Double | Kind::Sleep | Kind::Order, _) => None,
        };
        if let Some(insert) = insert {
            calling.insert(&method.sig.ident);
            out.push(Seed::at(text, guard.end - 1, insert));
        }
    }
    out
}

/// The first guard of a field's lock that a body binds at its top level.
fn guard<'e>(block: &'e Block, text: Text<'_>) -> Option<(Guard<'e>, String)> {
    block.stmts.iter().find_map(|stmt| match stmt {
        Stmt::Local(local) => {
            let guard = Guard::of(local, text)?;
            let path = path_of_self(guard.acquisition.receiver)?;
            Some((guard, path))
        }
        _ => None,
    })
}

/// Methods of an inherent impl, written before its closing brace.
fn added(
    kind: Kind,
    item: &ItemImpl,
    guard: &Guard<'_>,
    path: &str,
    text: Text<'_>,
    number: &str,
) -> Option<Vec<(usize, String)>> {
    if item.trait_.is_some() {
        return None;
    }
    let again = guard.acquisition.again(&format!("self.{path}"));
    let (head, wait) = (head(guard), wait(guard.acquisition.awaited));
    let mut methods =
        format!(" {head} conclint_again_{number}(&self) {{ let _g = {again}; let _ = &_g; }} ");
    let mut call = format!(" self.conclint_again_{number}(){wait};");
    if kind == Kind::Deep {
        methods.push_str(&format!(
            "{head} conclint_outer_{number}(&self) {{{call} }} "
        ));
        call = format!(" self.conclint_outer_{number}(){wait};");
    }
    let end = text.range(&item.brace_token.span.close()).start;
    Some(vec![(guard.end, call), (end, methods)])
}

/// A function that is handed the lock, where the field's type can be named.
fn free(
    item: &ItemImpl,
    beside: &[Item],
    guard: &Guard<'_>,
    path: &str,
    text: Text<'_>,
    number: &str,
) -> Option<Vec<(usize, String)>> {
    let Type::Path(own) = &*item.self_ty else {
        return None;
    };
    let own = own.path.get_ident()?;
    let structure = beside.iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == *own => Some(item),
        _ => None,
    })?;
    if !structure.generics.params.is_empty() || is_cfg(&structure.attrs) {
        return None;
    }
    let field = structure.fields.members().zip(&structure.fields);
    let (_, field) = field
        .filter(|(_, field)| !is_cfg(&field.attrs))
        .find(|(member, _)| match member {
            Member::Named(name) => name == path,
            Member::Unnamed(index) => index.index.to_string() == path,
        })?;
    let ty = text.line(&field.ty)?;
    let (head, wait) = (head(guard), wait(guard.acquisition.awaited));
    let again = guard.acquisition.again("x");
    let function =
        format!(" {head} conclint_free_{number}(x: &{ty}) {{ let _g = {again}; let _ = &_g; }}");
    let call = format!(" conclint_free_{number}(&self.{path}){wait};");
    let end = text.range(&item.brace_token.span.close()).end;
    Some(vec![(guard.end, call), (end, function)])
}

fn head(guard: &Guard<'_>) -> &'static str {
    if guard.acquisition.awaited {
        "async fn"
    } else {
        "fn"
    }
}

fn wait(awaited: bool) -> &'static str {
    if awaited { ".await" } else { "" }
}

fn by_reference(sig: &Signature) -> bool {
    let receiver = sig.receiver().map(|receiver| &receiver.kind);
    matches!(receiver, Some(ReceiverKind::Reference(_, _, None)))
}

/// Whether `other` can be called in a line of `own`.
fn fits(own: &Signature, other: &Signature) -> bool {
    other.inputs.len() == 1
        && other.generics.params.is_empty()
        && !matches!(other.safety, Safety::Unsafe(_))
        && (other.asyncness.is_none() || own.asyncness.is_some())
}

fn is_cfg(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|it| it.path().is_ident("cfg"))
}

/// Whether a body takes the lock whatever happens.
fn takes(block: &Block, path: &str) -> bool {
    let mut always = Always { path, found: false };
    always.visit_block(block);
    always.found
}

/// Walks what is evaluated in any case.
struct Always<'p> {
    path: &'p str,
    found: bool,
}

impl<'e> Visit<'e> for Always<'_> {
    fn visit_item(&mut self, _: &'e Item) {}

    fn visit_local(&mut self, local: &'e Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
        }
    }

    fn visit_expr(&mut self, expr: &'e Expr) {
        if let Some(taken) = Acquisition::of(expr) {
            self.found |= path_of_self(taken.receiver).is_some_and(|path| path == self.path);
        }
        match expr {
            Expr::Closure(_) | Expr::Async(_) | Expr::While(_) | Expr::Loop(_) => {}
            Expr::ForLoop(it) => self.visit_expr(&it.expr),
            Expr::If(it) => self.visit_expr(&it.cond),
            Expr::Match(it) => self.visit_expr(&it.expr),
            Expr::Binary(it) if matches!(it.op, BinOp::And(_) | BinOp::Or(_)) => {
                self.visit_expr(&it.left);
            }
            _ => visit::visit_expr(self, expr),
        }
    }
}
