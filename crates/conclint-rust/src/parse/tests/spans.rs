//! Lines and columns.

use super::super::parse_file;
use super::dump::at;
use crate::hir::{Block, Expr, ExprKind, HirFile, ItemKind, StmtKind};

fn body(file: &HirFile) -> &Block {
    let mut fns = file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Fn(def) => def.body.as_ref(),
        _ => None,
    });
    fns.next_back().expect("a function")
}

/// The span of the expression of each statement.
fn spans(text: &str) -> Vec<String> {
    let file = parse_file(text);
    assert!(file.unread.is_empty(), "{:?}", file.unread);
    let block = body(&file);
    let exprs = block.stmts.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Expr(expr) => Some(expr),
        StmtKind::Let(stmt) => stmt.init.as_ref(),
        StmtKind::Item(_) => None,
    });
    exprs
        .chain(block.tail.as_deref())
        .map(|expr| at(expr.span))
        .collect()
}

#[track_caller]
fn check(expr: &str, expected: &str) {
    // The expression starts at column 9.
    let text = format!("fn f() {{\nlet _ = {expr};\n}}");
    assert_eq!(spans(&text), [expected], "{expr}");
}

#[test]
fn each_kind_spans_from_its_first_to_its_last_character() {
    check("x", "2:9-2:10");
    check("r#fn", "2:9-2:13");
    check("a::b::<C>", "2:9-2:18");
    check("<A as B>::c", "2:9-2:20");
    check("::a::b", "2:9-2:15");
    check("a.b.c", "2:9-2:14");
    check("a.0.1", "2:9-2:14");
    check("a.b(c, d)", "2:9-2:18");
    check("a.b::<C>()", "2:9-2:19");
    check("a(b)", "2:9-2:13");
    check("a[b]", "2:9-2:13");
    check("&mut a", "2:9-2:15");
    check("!a", "2:9-2:11");
    check("a + b * c", "2:9-2:18");
    check("a?", "2:9-2:11");
    check("a.await", "2:9-2:16");
    check("a as u8", "2:9-2:16");
    check("a as &'static [u8]", "2:9-2:27");
    check("(a, b)", "2:9-2:15");
    check("(a)", "2:9-2:12");
    check("(a).b", "2:9-2:14");
    check("[a, b]", "2:9-2:15");
    check("[a; 2]", "2:9-2:15");
    check("S { a, b: c }", "2:9-2:22");
    check("a..b", "2:9-2:13");
    check("..=b", "2:9-2:13");
    check("|a| b", "2:9-2:14");
    check("async move |a| b", "2:9-2:25");
    check("async move { b }", "2:9-2:25");
    check("unsafe { b }", "2:9-2:21");
    check("'a: loop { break 'a b; }", "2:9-2:33");
    check("if a { b } else { c }", "2:9-2:30");
    check("match a { _ => b }", "2:9-2:27");
    check("return a", "2:9-2:17");
    check("vec![a, b]", "2:9-2:19");
    check("std::println!(\"{}\", a)", "2:9-2:31");
    check("assert!(a)", "2:9-2:19");
    check("\"a\nb\"", "2:9-3:3");
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        spans("fn f() { /* \u{e4}\u{f6}\u{1f980} */ x.lock(); }"),
        ["1:20-1:28"]
    );
    assert_eq!(spans("fn f() {\n\tx.lock();\n}"), ["2:2-2:10"]);
    assert_eq!(spans("fn f() { \u{e4}.lock(); }"), ["1:10-1:18"]);
}

#[test]
fn line_ends_bom_and_shebang_move_nothing() {
    assert_eq!(
        spans("fn f() {\r\n  a();\r\n  b();\r\n}\r\n"),
        ["2:3-2:6", "3:3-3:6"]
    );
    assert_eq!(spans("\u{feff}fn f() { a(); }"), ["1:10-1:13"]);
    assert_eq!(spans("#!/usr/bin/env run\nfn f() { a(); }"), ["2:10-2:13"]);
    assert_eq!(spans("#![allow(x)]\nfn f() { a(); }"), ["2:10-2:13"]);
}

#[test]
fn names_have_spans_of_their_own() {
    let file = parse_file("fn f() {\n    a.b.lock_it(c).await;\n}");
    let stmt = &body(&file).stmts[0];
    assert_eq!(at(stmt.span), "2:5-2:26");
    let StmtKind::Expr(Expr {
        kind: ExprKind::Await { expr, await_span },
        ..
    }) = &stmt.kind
    else {
        panic!("{stmt:?}");
    };
    assert_eq!(at(*await_span), "2:20-2:25");
    let ExprKind::MethodCall {
        receiver,
        name_span,
        ..
    } = &expr.kind
    else {
        panic!("{expr:?}")
    };
    assert_eq!(at(*name_span), "2:9-2:16");
    let ExprKind::Field { name_span, .. } = &receiver.kind else {
        panic!("{receiver:?}")
    };
    assert_eq!(at(*name_span), "2:7-2:8");
}

#[test]
fn items_span_from_their_visibility_to_their_end() {
    let file = parse_file(
        "/// doc\n#[inline]\npub fn f() {\n}\n  struct S { a: u8 }\npub(crate) use a::b;\nimpl S {\n}",
    );
    let spans: Vec<String> = file.items.iter().map(|item| at(item.span)).collect();
    assert_eq!(spans, ["3:1-4:2", "5:3-5:21", "6:1-6:21", "7:1-8:2"]);
    let ItemKind::Fn(def) = &file.items[0].kind else {
        panic!("{file:?}")
    };
    assert_eq!(
        (at(def.name_span).as_str(), at(def.span).as_str()),
        ("3:8-3:9", "3:1-4:2")
    );
}

#[test]
fn spans_inside_macro_arguments_are_those_of_the_source() {
    let file = parse_file("fn f() {\n    info!(\n        \"{}\",\n        a.lock()\n    );\n}");
    let StmtKind::Expr(Expr {
        kind: ExprKind::Macro(call),
        span,
    }) = &body(&file).stmts[0].kind
    else {
        panic!("{file:?}");
    };
    assert_eq!(
        (at(*span).as_str(), at(call.args[1].span).as_str()),
        ("2:5-5:6", "4:9-4:17")
    );
}
