//! Texts that do not parse as a whole, and old syntax.

use super::super::parse_file;
use super::dump;
use crate::hir::CommentKind;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(dump::file(&parse_file(text)), expected, "{text}");
}

#[test]
fn one_bad_item_does_not_cost_the_others() {
    let file = parse_file("fn a() {}\nstruct B { c: }\nfn d() { e.lock(); }");
    let items: Vec<String> = file.items.iter().map(dump::item).collect();
    assert_eq!(items, ["fn a() {  }", "fn d() { e.lock(); }"]);
    assert_eq!(
        (
            file.unread.len(),
            file.unread[0].what.as_str(),
            file.unread[0].span.line
        ),
        (1, "struct B", 2)
    );
    assert!(
        file.unread[0].why.starts_with("unexpected end of input"),
        "{:?}",
        file.unread
    );
}

#[test]
fn members_are_read_one_by_one() {
    let file = parse_file(
        "impl A {\n  fn b(&self) { c.lock(); }\n  fn d(&self) = 3;\n  fn e(&self) {}\n}",
    );
    assert_eq!(
        dump::item(&file.items[0]),
        "impl A { fn b(self: &Self) { c.lock(); }, fn e(self: &Self) {  } }"
    );
    assert_eq!(
        (
            file.unread.len(),
            file.unread[0].what.as_str(),
            file.unread[0].span.line
        ),
        (1, "fn d", 3)
    );
    let file = parse_file("mod a {\n fn b() {}\n trait C { fn d(); fn e(=); }\n fn f() {} }");
    assert_eq!(
        dump::item(&file.items[0]),
        "mod a { fn b() {  }, trait C:  { fn d(); }, fn f() {  } }"
    );
    assert_eq!(file.unread[0].what, "fn e");
}

#[test]
fn a_lifetime_is_no_keyword() {
    let text = "trait A: B + 'static { fn c(&self) = 1; }\nfn d(e: &'static F<=>) {}\nfn g() {}";
    let file = parse_file(text);
    let items: Vec<String> = file.items.iter().map(dump::item).collect();
    assert_eq!(items, ["trait A: B {  }", "fn g() {  }"]);
    let unread: Vec<&str> = file.unread.iter().map(|part| part.what.as_str()).collect();
    assert_eq!(unread, ["fn c", "fn d"]);
}

#[test]
fn an_item_without_its_end_does_not_take_the_next_with_it() {
    let file = parse_file("use a::b\npub fn c() { d.lock(); }\nstruct E;");
    let items: Vec<String> = file.items.iter().map(dump::item).collect();
    assert_eq!(items, ["fn c() { d.lock(); }", "struct E {  }"]);
    assert_eq!((file.unread.len(), file.unread[0].span.line), (1, 1));
}

#[test]
fn statements_are_read_one_by_one() {
    let file = parse_file("fn a() {\n  let g = b.lock();\n  let x = = 3;\n  g.c()\n}");
    assert_eq!(
        dump::item(&file.items[0]),
        "fn a() { let g = b.lock(); g.c() }"
    );
    assert_eq!(
        (file.unread[0].what.as_str(), file.unread[0].span.line),
        ("statement in fn a", 3)
    );
}

#[test]
fn a_bad_statement_that_locks_says_so() {
    let file = parse_file("fn a() { let x = = b.lock(); }");
    assert!(file.unread[0].mentions_lock);
    let file = parse_file("fn a() { let x = = b.look(); }");
    assert!(!file.unread[0].mentions_lock);
}

#[test]
fn unbalanced_texts() {
    for text in [
        "fn a() { b.lock(); }\nfn c() { d.lock();",
        "fn a() { b.lock(); } }\nfn c() { d.lock(); }",
        "fn a() { b.lock(); )\n}\nfn c() { d.lock(); }",
        "fn a() { b.lock(); }\nfn c() { d.lock(); }\nconst X: &str = \"never closed",
        "fn a() { b.lock(); }\nfn c() { d.lock(); } /* never closed",
        "fn a() { b.lock(); }\nfn c() { d.lock(); } \\ `",
    ] {
        let file = parse_file(text);
        let text_of = dump::file(&file);
        assert!(
            text_of.contains("fn a() { b.lock(); }"),
            "{text}: {text_of}"
        );
        assert!(
            text_of.contains("fn c() { d.lock(); }"),
            "{text}: {text_of}"
        );
        assert!(!file.unread.is_empty(), "{text}");
    }
}

#[test]
fn a_truncated_impl_keeps_its_members() {
    let file =
        parse_file("impl A {\n    fn b(&self) { c.lock(); }\n    fn d(&self) { e.lock(); f.g(");
    let text = dump::file(&file);
    assert!(text.contains("fn b(self: &Self) { c.lock(); }"), "{text}");
    assert!(text.contains("fn d(self: &Self) { e.lock();"), "{text}");
}

#[test]
fn syntax_of_older_editions() {
    check(
        "trait A { fn b(&self, u8, Vec<C>) -> D; fn e(&mut F); }",
        "trait A:  { fn b(self: &Self, _: u8, _: Vec<C>) -> D;, fn e(_: &mut F); }",
    );
    check(
        "fn a() { match b { 1...5 => c, _ => d } }",
        "fn a() { match b { lit => c, _ => d } }",
    );
    check(
        "fn a(b: Box<C>, d: &E) { try!(f()); }",
        "fn a(b: Box<C>, d: &E) { f()?; }",
    );
    check(
        "fn a(b: Box<Fn(C) -> D + Send + 'static>) {}",
        "fn a(b: Box<dyn Fn(C) -> D>) {  }",
    );
    check(
        "type A<'a> = for<'b> FnMut(&'b B) + 'a;",
        "type A = dyn FnMut(&B)",
    );
    check(
        "fn a<F: Fn(B)>(f: F, g: &mut FnMut(C)) where F: Fn(B) {}",
        "fn a(f: F, g: &mut dyn FnMut(C)) {  }",
    );
    check(
        "use async::b; fn a() { let async = async::c(); }",
        "use async::b as b\nfn a() { let async = async::c(); }",
    );
    check(
        "fn a() { let b = box c; match d { box e => f } }",
        "fn a() { let b = c; match d { e => f } }",
    );
    check("fn a() { b(); /// nothing follows\n }", "fn a() { b(); }");
}

#[test]
fn texts_of_many_parts_keep_their_lines() {
    let item = "/// Filler, so that the text gets long enough to be read in parts.\nfn filler() { a.b(c, d, e, f, g); }\n";
    let count = (super::super::PART / item.len()) * 2 + 10;
    let text = format!(
        "use a::{{b, c}};\n{}use d::{{\n    e,\n}};\nfn last() {{}}\n",
        item.repeat(count)
    );
    let file = parse_file(&text);
    assert!(file.unread.is_empty(), "{:?}", file.unread.first());
    assert_eq!(file.items.len(), count + 3);
    let last = file.items.last().expect("items");
    assert_eq!((last.name.as_str(), last.span.line), ("last", file.lines));
}

#[test]
fn comments_that_declare_orders() {
    let kinds = |text: &str| -> Vec<(u32, CommentKind)> {
        parse_file(text)
            .comments
            .into_iter()
            .map(|comment| (comment.line, comment.kind))
            .collect()
    };
    let order = |names: &[&str]| {
        CommentKind::LockOrder(names.iter().map(|name| (*name).to_owned()).collect())
    };
    assert_eq!(
        kinds("// Lock order: a -> B::c -> d\n"),
        [(1, order(&["a", "B::c", "d"]))]
    );
    assert_eq!(
        kinds("\n/// x (Lock order: sessions -> listeners)\nfn f() {}"),
        [(2, order(&["sessions", "listeners"]))]
    );
    assert_eq!(
        kinds("/* locking order: `a` \u{2192} `b` */"),
        [(1, order(&["a", "b"]))]
    );
    assert_eq!(
        kinds("//! lock ordering:\n//!   a then b, always."),
        [(1, order(&["a", "b"]))]
    );
    assert_eq!(kinds("// LOCK ORDER: only_one"), []);
    assert_eq!(kinds("const A: &str = \"// lock order: a -> b\";"), []);
    let declared = |line| (line, CommentKind::DeclarationOrder);
    assert_eq!(
        kinds("\n// All locks must be captured in the order declared here.\n"),
        [declared(2)]
    );
    assert_eq!(
        kinds("// NOTE: When locking,\n// always lock in this order!"),
        [declared(1)]
    );
    assert_eq!(kinds("// locks in declaration order"), [declared(1)]);
    assert_eq!(
        kinds("// Fields drop in declaration order. Blocks are not locks."),
        []
    );
    let listed = "/// # Lock Ordering\n///\n/// To prevent deadlocks, locks must be acquired in this order:\n\
                  /// 1. `active` - serializes writes\n/// 2. `levels` - tables\n/// 3. `pending` - the queue\n///\n\
                  /// Read locks follow the same ordering.\n";
    assert_eq!(
        kinds(listed),
        [(3, order(&["active", "levels", "pending"]))],
        "a list after `in this order:`, and not the order of the fields"
    );
    assert_eq!(
        kinds("// Lock order:\n// 1) state_lock, 2) queue.items\n"),
        [(1, order(&["state_lock", "queue.items"]))]
    );
    assert_eq!(
        kinds("// Locks are taken in this order:\n//  - `b` - why\n//  - `a`\n"),
        [(1, order(&["b", "a"]))]
    );
    assert_eq!(
        kinds("// Locks must be acquired in this order: parents come first, children later."),
        [],
        "what cannot be read is not taken for the order of the fields"
    );
    assert_eq!(
        kinds("// This module has locks. In order:\n// 1. read the file\n// 2. write it"),
        []
    );
    assert_eq!(
        kinds("fn f() {\n    // detached: lives as long as the process\n    g();\n}"),
        [(
            2,
            CommentKind::Detached("lives as long as the process".to_owned())
        )]
    );
    assert_eq!(
        kinds("fn f() {\n    // detached:\n    g();\n}").len(),
        0,
        "without a reason"
    );
    assert_eq!(
        kinds("fn f<'a>(c: char) { if c == '\"' { /* detached: x */ } }").len(),
        1
    );
}
