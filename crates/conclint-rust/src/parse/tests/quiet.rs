//! What is blanked before the text is parsed.

use super::super::quiet::quiet;
use super::super::{parse_file, scan};

fn blanked(text: &str) -> String {
    let scan = scan::scan(text, |_| {});
    quiet(text, &scan).unwrap_or_else(|| text.to_owned())
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(blanked(text), expected, "{text}");
}

#[test]
fn documentation_becomes_a_comment() {
    check("/// a\nfn f() {}", "//  a\nfn f() {}");
    check("//! a\nfn f() {}", "//  a\nfn f() {}");
    check("/** a */ fn f() {}", "/*  a */ fn f() {}");
    check("/*! a */ fn f() {}", "/*  a */ fn f() {}");
    check("//// a\n/**/ /***/ // b\n", "//// a\n/**/ /***/ // b\n");
    check("f(\"/// a\");", "f(\"/// a\");");
}

#[test]
fn attributes_without_a_meaning_go() {
    check(
        "#![allow(a)] #[derive(A,\n B)] struct S;",
        "                        \n     struct S;",
    );
    check(
        "#[derive(Debug, Clone,\n Copy)] struct S;",
        "#[derive(       Clone \n     )] struct S;",
    );
    check("#[derive(Cloned)] struct S;", "                  struct S;");
    check(
        "#[cfg(test)] #[test] fn f() {}",
        "#[cfg(test)] #[test] fn f() {}",
    );
    check("#[derive::me] struct S;", "#[derive::me] struct S;");
    check(
        "#[doc = \"] /// é\"] fn f() {}",
        "                   fn f() {}",
    );
}

#[test]
fn rules_go_and_arguments_of_macros_stay() {
    check(
        "macro_rules! m { (é) => { /// a\n }; } fn f() {}",
        "macro_rules! m {               \n    } fn f() {}",
    );
    check("m! { /// a\n #[inline] b }", "m! { /// a\n #[inline] b }");
    check("m!(a) /// b\n", "m!(a) //  b\n");
    check("if a != (b) {} /// c\n", "if a != (b) {} //  c\n");
    check("f::macro_rules(a, /// b\n)", "f::macro_rules(a, //  b\n)");
}

#[test]
fn long_lists_of_literals_keep_two() {
    check("[1, 2, 3, 4, 5, 6, 7, 8, 9]", "[1, 2                     ]");
    check(
        "vec![-1.5, 2u8, \n\"é\", b'x', r\"7\", 4, '\\'', (1, []), 9,]",
        "vec![-1.5, 2u8  \n                                     ]",
    );
    check(
        "m!(a, [[1, 2], [3, 4], [5], [6], [7], [8], [9], [10], [11]])",
        "m!(a, [[1, 2], [3, 4]                                     ])",
    );
    for kept in [
        "[1, 2, 3, 4, 5, 6, 7, 8]",
        "(1, 2, 3, 4, 5, 6, 7, 8, 9)",
        "[1, 2, 3, 4, a, 6, 7, 8, 9]",
        "[1, 2, 3, 4, f(5), 6, 7, 8, 9]",
        "[1, 2, 3, 4, 5 + 5, 6, 7, 8, 9]",
        "[1, 2, 3, 4, {5}, 6, 7, 8, 9]",
        // Not what Rust knows as a list.
        "[1, 2, 3, 4, , 5, 6, 7, 8, 9]",
        "[1, 2, 3, 4, 5 6, 7, 8, 9, 10]",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, -]",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9; 2]",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, 'a]",
        // Who knows what the macro makes of it.
        "m![1, 2, 3, 4, 5, 6, 7, 8, 9]",
    ] {
        check(kept, kept);
    }
}

#[test]
fn a_text_out_of_balance_stays_as_it_is() {
    check("/// a\nfn f() { (", "/// a\nfn f() { (");
}

#[test]
fn places_stay_where_they_are() {
    let text = "#[inline] /** é */ #[doc = \"é\"] fn f() {}";
    let file = parse_file(text);
    assert!(file.unread.is_empty(), "{:?}", file.unread);
    let span = file.items[0].span;
    // Columns are in characters.
    assert_eq!((span.line, span.column, span.end_column), (1, 33, 42));
}
