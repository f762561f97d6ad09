//! Two methods that take two locks of one object in opposite orders.

use syn::visit::{self, Visit};
use syn::{Expr, ImplItem, Item, ItemImpl};

use super::acquisition::{Acquisition, Text, path_of_self};
use super::places::Seed;
use crate::lines::is_test_code;

/// The seed of an inherent impl that locks two fields somewhere.
pub(super) fn seed(item: &ItemImpl, text: Text<'_>) -> Option<Seed> {
    if item.trait_.is_some() {
        return None;
    }
    let mut locks = Locks::default();
    for item in &item.items {
        if let ImplItem::Fn(method) = item
            && !is_test_code(&method.attrs)
        {
            locks.visit_block(&method.block);
        }
    }
    let [(_, first), (_, second), ..] = locks.found.as_slice() else {
        return None;
    };
    let method = |name: &str, outer: &str, inner: &str| {
        format!(
            " pub fn {name}(&self) {{ let _a = {outer}; let _b = {inner}; let _ = (&_a, &_b); }}"
        )
    };
    let methods = method("conclint_there", first, second) + &method("conclint_back", second, first);
    let end = text.range(&item.brace_token.span.close()).start;
    Some(Seed {
        text: format!("{first} and {second}"),
        ..Seed::at(text, end, vec![(end, methods + " ")])
    })
}

/// The fields whose locks are taken at once, not awaited, each with an
/// acquisition as it is written there.
#[derive(Default)]
struct Locks {
    found: Vec<(String, String)>,
}

impl<'e> Visit<'e> for Locks {
    fn visit_item(&mut self, _: &'e Item) {}

    fn visit_expr(&mut self, expr: &'e Expr) {
        // Outermost first, so that what unwraps the result is seen.
        if let Some(taken) = Acquisition::exclusive(expr)
            && let Some(path) = path_of_self(taken.receiver)
        {
            let known = self.found.iter().any(|(other, _)| *other == path);
            if !known && !taken.awaited && !path.contains('.') {
                let again = taken.again(&format!("self.{path}"));
                self.found.push((path, again));
            }
            return;
        }
        visit::visit_expr(self, expr);
    }
}
