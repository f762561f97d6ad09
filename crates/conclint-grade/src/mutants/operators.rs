//! The mistakes that are made in references, one at a time.
//!
//! Edits replace ranges of the text, found in its syntax tree, so that everything else stays as it
//! was written and lines keep their numbers.

use std::fmt;
use std::ops::Range;

use anyhow::{Context as _, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, ExprMethodCall, ExprWhile, ImplItemFn, ItemFn, Stmt};

use super::change::{self, Change};
use super::critical;
use super::harmless::{Locked, drained};

/// A replacement of a range of the text.
pub(super) type Edit = (Range<usize>, String);

/// The reference with one mistake.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The file that is edited.
    pub file: String,
    /// The function it is in.
    pub function: String,
    /// The operator.
    pub kind: &'static str,
    /// The line that is edited, from 1.
    pub line: usize,
    /// Its text, trimmed.
    pub code: String,
    /// The whole text, edited.
    pub text: String,
    /// The lines that are not as in the reference, in their order.
    pub changes: Vec<Change>,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mutant {
            file,
            function,
            kind,
            line,
            code,
            ..
        } = self;
        write!(f, "{file}:{line}: {function}, {kind}, `{code}`")
    }
}

/// Every mutant of a file of a reference, in the order of its lines.
///
/// # Errors
/// Where the text is no Rust.
pub(super) fn mutants(name: &str, text: &str) -> Result<Vec<Mutant>> {
    let parsed = syn::parse_file(text);
    let file = parsed.with_context(|| format!("the reference's {name} does not parse"))?;
    let mut finder = Finder {
        name,
        text,
        function: Vec::new(),
        drained: None,
        locked: Locked::default(),
        out: Vec::new(),
    };
    finder.locked.visit_file(&file);
    finder.visit_file(&file);
    finder.out.sort_by_key(|m| m.line);
    Ok(finder.out)
}

/// Walks the tree and collects mutants.
pub(super) struct Finder<'t> {
    name: &'t str,
    pub(super) text: &'t str,
    function: Vec<String>,
    /// From where on the function's joins wait for nothing.
    drained: Option<usize>,
    pub(super) locked: Locked,
    out: Vec<Mutant>,
}

/// Where a node stands in the text.
pub(super) fn range(node: &impl Spanned) -> Range<usize> {
    node.span().byte_range()
}

const SEQCST: &str = "::std::sync::atomic::Ordering::SeqCst";

impl<'t> Finder<'t> {
    /// The text of a node.
    pub(super) fn of(&self, node: &impl Spanned) -> &'t str {
        self.text.get(range(node)).unwrap_or_default()
    }

    /// Adds a mutant; `at` is the offset of the place that it is named by.
    pub(super) fn add(&mut self, kind: &'static str, at: usize, mut edits: Vec<Edit>) {
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = self.text.to_owned();
        for (range, with) in edits {
            text.replace_range(range, &with);
        }
        let line = self.text[..at].matches('\n').count();
        let code = self.text.lines().nth(line).unwrap_or_default().trim();
        self.out.push(Mutant {
            changes: change::between(self.text, &text),
            file: self.name.to_owned(),
            function: self.function.join("::"),
            kind,
            line: line + 1,
            code: code.to_owned(),
            text,
        });
    }

    fn notification(&mut self, call: &ExprMethodCall) {
        if call.method == "notify_all" {
            let method = range(&call.method);
            let edit = (method.clone(), "notify_one".to_owned());
            self.add("notify_one for notify_all", method.start, vec![edit]);
        }
        if call.method == "notify_all" || call.method == "notify_one" {
            let start = range(&call.method).start;
            self.add(
                "no notification",
                start,
                vec![(range(call), "()".to_owned())],
            );
        }
        if call.method == "wait_while"
            && let Some(guard) = call.args.first()
        {
            let with = format!("{}.wait({})", self.of(&call.receiver), self.of(guard));
            let start = range(&call.method).start;
            self.add("if for while", start, vec![(range(call), with)]);
        }
    }

    /// One atomic step becomes a load and a store.
    fn atomic(&mut self, call: &ExprMethodCall) {
        if self.locked.holds(range(&call.method).start, &call.receiver) {
            return;
        }
        let place = self.of(&*call.receiver);
        let Some(first) = call.args.first().map(|a| self.of(a)) else {
            return;
        };
        let new = match call.method.to_string().as_str() {
            "fetch_add" => format!("old.wrapping_add({first})"),
            "fetch_sub" => format!("old.wrapping_sub({first})"),
            "fetch_and" => format!("old & ({first})"),
            "fetch_or" => format!("old | ({first})"),
            "fetch_xor" => format!("old ^ ({first})"),
            "fetch_max" => format!("old.max({first})"),
            "fetch_min" => format!("old.min({first})"),
            "swap" if call.args.len() == 2 => first.to_owned(),
            "compare_exchange" | "compare_exchange_weak" => {
                let Some(new) = call.args.iter().nth(1).map(|a| self.of(a)) else {
                    return;
                };
                let with = format!(
                    "{{ let old = {place}.load({SEQCST}); if old == {first} {{ \
                     {place}.store({new}, {SEQCST}); Ok(old) }} else {{ Err(old) }} }}"
                );
                let start = range(&call.method).start;
                self.add("load and store", start, vec![(range(call), with)]);
                return;
            }
            _ => return,
        };
        let with =
            format!("{{ let old = {place}.load({SEQCST}); {place}.store({new}, {SEQCST}); old }}");
        let start = range(&call.method).start;
        self.add("load and store", start, vec![(range(call), with)]);
    }

    /// `*x.lock().unwrap() += 1` in two critical sections.
    fn update(&mut self, update: &syn::ExprBinary) {
        let operator = match update.op {
            BinOp::AddAssign(_) => "+",
            BinOp::SubAssign(_) => "-",
            BinOp::MulAssign(_) => "*",
            BinOp::BitOrAssign(_) => "|",
            BinOp::BitAndAssign(_) => "&",
            _ => return,
        };
        let place = self.of(&update.left);
        if !critical::takes_a_lock(&update.left) {
            return;
        }
        let with = format!(
            "{{ let old = {place}; let new = old {operator} ({}); {place} = new; }}",
            self.of(&update.right)
        );
        let start = range(update).start;
        self.add("split", start, vec![(range(update), with)]);
    }

    /// `handle.join().unwrap();` becomes `drop(handle);`.
    fn join(&mut self, whole: &Expr) {
        let mut chain = whole;
        let handle = loop {
            match chain {
                Expr::MethodCall(call) if call.method == "join" && call.args.is_empty() => {
                    break &call.receiver;
                }
                Expr::MethodCall(call) => chain = &call.receiver,
                Expr::Try(inner) => chain = &inner.expr,
                _ => return,
            }
        };
        if self.drained.is_some_and(|at| range(whole).start >= at) {
            return;
        }
        let with = format!("drop({})", self.of(handle));
        self.add("no join", range(whole).start, vec![(range(whole), with)]);
    }

    fn named(&mut self, name: &syn::Ident, body: &Block, visit: impl FnOnce(&mut Self)) {
        self.function.push(name.to_string());
        critical::sections(self, body);
        let outer = std::mem::replace(&mut self.drained, drained(body));
        visit(self);
        self.drained = outer;
        self.function.pop();
    }
}

/// A wait of a condition variable that gives the guard back.
struct Waits(bool);

impl<'ast> Visit<'ast> for Waits {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let takes = !call.args.is_empty();
        self.0 |= takes && (call.method == "wait" || call.method == "wait_timeout");
        visit::visit_expr_method_call(self, call);
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.named(&item.sig.ident, &item.block, |finder| {
            visit::visit_item_fn(finder, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.named(&item.sig.ident, &item.block, |finder| {
            visit::visit_impl_item_fn(finder, item);
        });
    }

    fn visit_expr_while(&mut self, whole: &'ast ExprWhile) {
        let mut waits = Waits(false);
        waits.visit_block(&whole.body);
        if waits.0 {
            let keyword = range(&whole.while_token);
            let edit = (keyword.clone(), "if".to_owned());
            self.add("if for while", keyword.start, vec![edit]);
        }
        visit::visit_expr_while(self, whole);
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        if let Stmt::Expr(expr, Some(_)) = stmt {
            self.join(expr);
        }
        visit::visit_stmt(self, stmt);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.join(&closure.body);
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        self.update(binary);
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.notification(call);
        self.atomic(call);
        visit::visit_expr_method_call(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let mutants = mutants("src/lib.rs", text).expect("Rust");
        for mutant in &mutants {
            assert!(
                syn::parse_file(&mutant.text).is_ok(),
                "{mutant}:\n{}",
                mutant.text
            );
        }
        mutants
            .iter()
            .map(|m| format!("{} {}", m.line, m.kind))
            .collect()
    }

    #[test]
    fn each_kind() {
        let text = "\
fn f(&self) {
    let mut state = self.state.lock().unwrap();
    while state.empty {
        state = self.c.wait(state).unwrap();
    }
    state.n += 1;
    self.c.notify_all();
}
fn g() {
    for a in list {
        a.join().unwrap();
    }
    let b = n.fetch_add(1, Ordering::Relaxed);
    *total.lock().unwrap() += 2;
}
";
        assert_eq!(
            kinds(text),
            [
                "2 no lock",
                "3 if for while",
                "4 split",
                "6 split",
                "7 notify_one for notify_all",
                "7 no notification",
                "11 no join",
                "13 load and store",
                "14 split",
            ]
        );
    }

    #[test]
    fn locks_are_swapped() {
        let text = "\
fn f(&self) {
    let a = self.a.lock().unwrap();
    let b = self.b.lock().unwrap();
    drop(a);
    let c = self.c.lock().unwrap();
    b.use_it();
}
";
        let all = mutants("src/lib.rs", text).expect("Rust");
        let swapped = all.iter().find(|m| m.kind == "locks swapped");
        let text = swapped.map(|m| m.text.as_str()).unwrap_or_default();
        assert!(text.find("self.b.lock()") < text.find("self.a.lock()"));
    }

    #[test]
    fn the_only_two_locks_may_be_swapped() {
        let eat = "\
fn eat(&self) {
    let a = self.low.lock().unwrap();
    let b = self.high.lock().unwrap();
    bite();
}
";
        let swaps = |text: &str| kinds(text).iter().any(|k| k.ends_with("locks swapped"));
        assert!(!swaps(eat));
        let elsewhere = "fn g(&self) { let a = self.a.lock().unwrap(); self.eat(); a.use_it(); }";
        assert!(swaps(&format!("{eat}{elsewhere}")));
        let all = "fn g(&self) { let all: Vec<_> = self.f.iter().map(|f| f.lock().unwrap()); }";
        assert!(swaps(&format!("{eat}{all}")));
    }

    #[test]
    fn a_guard_is_given_up_between_its_uses_only() {
        let text = "\
fn f(&self) -> u8 {
    let state = self.state.lock().unwrap();
    let x = state.x;
    work();
    if state.y {
        return x + state.z;
    }
    drop(state);
    x
}
";
        assert_eq!(kinds(text), ["2 no lock", "4 split", "5 split", "6 split"]);
    }

    #[test]
    fn a_section_that_only_becomes_shorter_is_no_mistake() {
        let text = "\
fn close(&self) {
    let mut state = self.state.lock().unwrap();
    state.closed = true;
    self.changed.wake();
}
fn log(&self) {
    let mut out = self.out.lock().unwrap();
    let now = self.clock.lock().unwrap();
    out.push(now.time);
}
fn sum(&self) {
    let state = self.state.lock().unwrap();
    for _ in 0..2 {
        work(state.n);
    }
}
";
        assert_eq!(kinds(text), ["7 no lock", "12 no lock"]);
    }

    #[test]
    fn an_atomic_that_a_lock_guards() {
        let text = "\
fn miss(&self) {
    let mut map = self.map.write().unwrap();
    map.touch();
    self.misses.fetch_add(1, Relaxed);
    self.hits.fetch_add(1, Relaxed);
    self.all.fetch_add(1, Relaxed);
    map.touch();
}
fn hit(&self) {
    let map = self.map.read().unwrap();
    self.hits.fetch_add(1, Relaxed);
    drop(map);
    self.all.fetch_add(1, Relaxed);
}
";
        let all = kinds(text);
        let atomics = all.iter().filter(|kind| kind.ends_with("load and store"));
        let atomics: Vec<_> = atomics.collect();
        assert_eq!(
            atomics,
            ["6 load and store", "11 load and store", "13 load and store"]
        );
    }

    #[test]
    fn a_drained_channel_has_told_of_the_threads() {
        let text = "\
fn drains() {
    let (sender, results) = mpsc::channel();
    for result in results {
        work(result);
    }
    handle.join().unwrap();
}
fn looks() {
    let (sender, results) = mpsc::channel();
    for result in results {
        break;
    }
    handle.join().unwrap();
}
";
        assert_eq!(kinds(text), ["13 no join"]);
    }
}
