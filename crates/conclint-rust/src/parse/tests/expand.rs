//! What the program's own macros write.

use proptest::prelude::*;

use super::super::expand::{Definitions, seen_in};
use super::super::{parse, parse_source};
use super::dump;
use crate::SourceInput;
use crate::hir::{ExprKind, HirFile, ItemKind, StmtKind};

/// The function after these definitions, read both ways.
fn check(rules: &str, body: &str, expected: &str) {
    let text = format!("{rules} fn f() {{ {body} }}");
    for directly in [true, false] {
        let file = parse(&text, &seen_in(&text), directly);
        let function = file.items.iter().find(|item| item.name == "f");
        let function = function.map(dump::item).unwrap_or_default();
        assert_eq!(function, format!("fn f() {{ {expected} }}"), "{text}");
    }
}

#[test]
fn arguments_go_where_the_body_says() {
    check(
        "macro_rules! lk { ($e:expr) => { $e.lock().unwrap() }; }",
        "let g = lk!(s.n); lk!(a + b); lk! { *c }; if lk!(d).e() {} lk!(e)",
        "let g = s.n.lock().unwrap(); (Add a b).lock().unwrap(); *c.lock().unwrap(); \
         if d.lock().unwrap().e() {  }; e.lock().unwrap()",
    );
}

#[test]
fn statements_stand_in_the_callers_block() {
    check(
        "macro_rules! keep { ($g:ident = $e:expr) => { let $g = $e.lock(); $g.note(); }; }",
        "keep!(g = a); g.b(); keep! { h = c } h.d()",
        "let g = a.lock(); g.note(); g.b(); let h = c.lock(); h.note(); h.d()",
    );
    check(
        "macro_rules! last { ($e:expr) => { let g = $e.lock(); g.get() }; }",
        "last! { a }",
        "let g = a.lock(); g.get()",
    );
    check(
        "macro_rules! none { () => {}; ($e:expr) => { $e.lock(); } }",
        "none!(); a.b();",
        "a.b();",
    );
}

#[test]
fn each_kind_of_fragment() {
    for (fragment, argument, body, expected) in [
        ("block", "{ a.b(); c }", "go($x)", "go({ a.b(); c })"),
        ("expr", "a + b", "go($x * 2)", "go((Mul (Add a b) 2))"),
        ("ident", "a", "$x.lock()", "a.lock()"),
        ("ident", "lock", "a.$x()", "a.lock()"),
        (
            "lifetime",
            "'a",
            "$x: loop { break $x }",
            "loop 'a { break 'a }",
        ),
        ("literal", "-1", "go($x)", "go(-1)"),
        ("literal", "\"a\"", "go($x)", "go(\"a\")"),
        (
            "pat",
            "A | B(_)",
            "match go() { $x => c, _ => d }",
            "match go() { A | B(_) => c, _ => d }",
        ),
        (
            "pat_param",
            "Some(a)",
            "if let $x = go() {}",
            "if let Some(a) = go() {  }",
        ),
        ("path", "a::b", "$x(c)", "a::b(c)"),
        (
            "stmt",
            "let a = b.lock()",
            "$x; a.c()",
            "let a = b.lock(); a.c()",
        ),
        ("tt", "(a, b)", "go $x.lock()", "go(a, b).lock()"),
        ("tt", "a", "$x.lock()", "a.lock()"),
        (
            "ty",
            "Vec<u8>",
            "go(<$x>::new())",
            "go(<Vec<u8> as 0>::new())",
        ),
        ("ty", "Table", "$x::lock()", "Table::lock()"),
        ("meta", "doc = \"a\"", "go()", "go()"),
        ("vis", "pub(crate)", "go()", "go()"),
        ("item", "fn g() {}", "go()", "go()"),
    ] {
        let rules = format!("macro_rules! m {{ ($x:{fragment}) => {{ {body} }} }}");
        check(&rules, &format!("m! {{ {argument} }}"), expected);
    }
}

#[test]
fn repetitions() {
    let rules = "macro_rules! all { ($($e:expr),+ $(,)?) => { ($($e.lock()),+) }; () => { go() } }";
    check(
        rules,
        "all!(a, b.c,); all!()",
        "(a.lock(), b.c.lock()); go()",
    );
    check(
        "macro_rules! pairs { ($($k:ident => [$($v:expr);*]),*) => { $( $k.put(); $( $k.add($v); )* )* } }",
        "pairs!(a => [1; b], c => []);",
        "a.put(); a.add(1); a.add(b); c.put();",
    );
    check(
        "macro_rules! opt { ($a:expr $(, if $b:expr)?) => { $a.lock() $(.and($b))? } }",
        "opt!(x); opt!(x, if y);",
        "x.lock(); x.lock().and(y);",
    );
    check(
        "macro_rules! with { ($x:expr, $($y:ident)&&*) => { $( $x.go($y); )* } }",
        "with!(a, b && c);",
        "a.go(b); a.go(c);",
    );
}

#[test]
fn the_first_arm_that_takes_all_wins() {
    check(
        "macro_rules! m { (write $e:expr) => { $e.write() }; ($e:expr) => { $e.read() }; ($($t:tt)*) => { go() } }",
        "m!(write a); m!(a); m!(write); m!(a b); m!(a == b)",
        "a.write(); a.read(); write.read(); go(); (Eq a b).read()",
    );
    // One `=` is no `==`.
    check(
        "macro_rules! m { ($a:ident = $b:ident) => { $a.set($b) }; ($($t:tt)*) => { go() } }",
        "m!(a = b); m!(a == b);",
        "a.set(b); go();",
    );
}

#[test]
fn macros_in_macros() {
    check(
        "macro_rules! outer { ($e:expr) => { $crate::inner!($e, 1).go() } } macro_rules! inner { ($e:expr, $n:literal) => { $e.lock($n) } }",
        "outer!(a + b)",
        "(Add a b).lock(1).go()",
    );
    check(
        "macro_rules! lk { ($e:expr) => { $e.lock() } }",
        "println!(\"{}\", lk!(a)); lk!(lk!(b))",
        "Print println!(\"{}\", a.lock()); b.lock().lock()",
    );
    check(
        "macro_rules! each { () => {}; ($a:ident $($rest:tt)*) => { $a.lock(); each!($($rest)*); } }",
        "each!(a b c);",
        "a.lock(); b.lock(); c.lock();",
    );
}

#[test]
fn what_does_not_work_out_is_left_as_it_was() {
    let rules = "macro_rules! m { ($a:ident = $b:expr) => { $a.lock($b) } }";
    check(rules, "m!(a.lock(), b)", "Unknown m!(a.lock(), b)");
    for rules in [
        // An unknown fragment, a body that is no code, one round too many.
        "macro_rules! m { ($a:future) => { $a.lock() } }",
        "macro_rules! m { ($a:expr) => { = = $a.lock() } }",
        "macro_rules! m { ($($a:expr),*) => { $a.lock() } }",
        "macro_rules! m { ($a:expr) => { $($a.lock())* } }",
        "macro_rules! m { ($a:expr) = { $a.lock() } }",
        // Nothing of interest.
        "macro_rules! m { ($a:expr) => { println!(\"{}\", $a) } }",
    ] {
        check(rules, "m!(a.b())", "Unknown m!(a.b())");
    }
}

#[test]
fn known_macros_are_known_unless_the_file_has_its_own() {
    check(
        "macro_rules! info { ($e:expr) => { $e.lock() } }",
        "info!(a); log::info!(b)",
        "a.lock(); Log log::info!(b)",
    );
    let other = "macro_rules! info { ($e:expr) => { $e.lock() } } macro_rules! lk { ($e:expr) => { $e.lock() } }";
    let file = read(&[
        ("a/src/x.rs", other),
        ("a/src/lib.rs", "fn f() { info!(a); lk!(b) }"),
    ]);
    assert_eq!(dump::file(&file), "fn f() { Log info!(a); b.lock() }");
    // What only prints stays closed, whatever another file means by printing.
    let other = "macro_rules! println { ($e:expr) => { $e.lock() } }";
    let text = "macro_rules! say { ($e:expr) => { println!($e) } } fn f() { say!(a) }";
    let file = read(&[("a/src/x.rs", other), ("a/src/lib.rs", text)]);
    assert_eq!(
        dump::file(&file),
        "macro_rules say\nfn f() { Unknown say!(a) }"
    );
}

/// The last of these files.
fn read(files: &[(&str, &str)]) -> HirFile {
    let source = |(path, text): &(&str, &str)| SourceInput {
        path: (*path).into(),
        text: (*text).into(),
    };
    let sources: Vec<SourceInput> = files.iter().map(source).collect();
    let last = sources.last().expect("there is one");
    parse_source(&last.text, &Definitions::of(&sources).file(&last.path))
}

#[test]
fn a_definition_elsewhere_is_the_one_of_its_name() {
    let lock = "macro_rules! m { ($e:expr) => { $e.lock() } }";
    let exported = &format!("#[macro_export]\n// It locks.\n#[doc = \"..\"]\n{lock}");
    let own = "macro_rules! m { ($e:expr) => { $crate::go($e) } }";
    let text = "fn f() { m!(a) }";
    let (expanded, left) = ("fn f() { a.lock() }", "fn f() { Unknown m!(a) }");
    for (files, expected) in [
        (vec![("a/src/m.rs", lock)], expanded),
        (vec![("b/src/m.rs", lock)], expanded),
        (vec![("b/src/m.rs", own)], left),
        (vec![("a/src/m.rs", own)], "fn f() { crate::go(a) }"),
        (vec![("a/src/m.rs", lock), ("a/src/n.rs", lock)], left),
        (vec![("a/src/m.rs", lock), ("b/src/n.rs", own)], expanded),
        (vec![("b/src/m.rs", lock), ("c/src/n.rs", lock)], left),
        (
            vec![("b/src/m.rs", lock), ("c/src/n.rs", exported)],
            expanded,
        ),
        (
            vec![("b/src/m.rs", exported), ("c/src/n.rs", exported)],
            left,
        ),
    ] {
        let mut all = files.clone();
        all.push(("a/src/lib.rs", text));
        assert_eq!(dump::file(&read(&all)), expected, "{files:?}");
    }
}

#[test]
fn items_and_members_that_a_macro_writes() {
    let text = "macro_rules! go { ($n:ident, $t:ty) => { impl Go for $n { fn go(&self) -> $t { self.lock() } } } }\n\
                macro_rules! none { () => { fn none() { go() } } }\n\
                macro_rules! same { ($($i:item)*) => { $($i)* fn more() { go() } } }\n\
                go!(A, Vec<u8>);\n\
                none! {}\n\
                same! { fn given() { go(); } }\n\
                impl B { none!(); other!(); }";
    assert_eq!(
        dump::file(&super::super::parse_file(text)),
        "macro_rules go\nmacro_rules none\nmacro_rules same\n\
         impl Go for A { fn go(self: &Self) -> Vec<u8> { self.lock() } }\n\
         fn none() { go() }\n\
         fn given() { go(); }\n\
         impl B { fn none() { go() } }"
    );
}

#[test]
fn the_latest_definition_before_the_call_counts() {
    let text = "macro_rules! m { () => { one() } }\nfn a() { m!() }\nmacro_rules! m { () => { two() } }\nfn b() { m!() }";
    let file = super::super::parse_file(text);
    assert_eq!(
        dump::file(&file),
        "macro_rules m\nfn a() { one() }\nmacro_rules m\nfn b() { two() }"
    );
    let text = "fn a() { m!() }\nmacro_rules! m { () => { one() } }";
    let file = super::super::parse_file(text);
    assert_eq!(dump::file(&file), "fn a() { one() }\nmacro_rules m");
}

#[test]
fn places_are_those_of_the_caller() {
    let text = "macro_rules! lk { ($e:expr) => { $e.lock_it_all().unwrap() } }\nfn f() {\n    let é = 1; lk!(\n        a.b\n    );\n}";
    for directly in [true, false] {
        let file = parse(text, &seen_in(text), directly);
        let Some(ItemKind::Fn(def)) = file.items.last().map(|item| &item.kind) else {
            panic!("{file:?}");
        };
        let block = def.body.as_ref().expect("a body");
        let StmtKind::Expr(expr) = &block.stmts[1].kind else {
            panic!("{block:?}");
        };
        let ExprKind::MethodCall {
            receiver,
            name_span,
            ..
        } = &expr.kind
        else {
            panic!("{expr:?}");
        };
        assert_eq!(dump::at(*name_span), "3:16-3:18");
        let ExprKind::MethodCall { receiver, .. } = &receiver.kind else {
            panic!("{receiver:?}");
        };
        assert_eq!(dump::at(receiver.span), "4:9-4:12");
        // The name stands before the argument: no place ends before its start.
        assert_eq!(dump::at(expr.span), "4:9-4:12");
    }
}

/// In a debug build, too, whose stack frames are larger.
#[test]
fn what_nests_is_expanded_in_any_build() {
    let nested = |inner: &str| format!("{}{inner}{}", "g(".repeat(35), ")".repeat(35));
    let rules = format!(
        "macro_rules! m {{ ($e:expr) => {{ {} }} }}",
        nested("$e.lock()")
    );
    check(&rules, "m!(a)", &nested("a.lock()"));
}

#[test]
fn recursion_ends() {
    for rules in [
        "macro_rules! m { ($($t:tt)*) => { m!($($t)* x.lock()) } }",
        "macro_rules! m { ($($t:tt)*) => { { m!($($t)* $($t)*); m!($($t)*); x.lock() } } }",
        "macro_rules! m { ($($t:tt)*) => { n!($($t)*).lock() } } macro_rules! n { ($($t:tt)*) => { m!($($t)*).lock() } }",
        "macro_rules! m { ($e:expr) => { m!(((((((((((($e.lock())))))))))))) } }",
    ] {
        let text = format!("{rules} fn f() {{ {} }}", "m!(1);".repeat(60));
        let file = super::super::parse_file(&text);
        assert_eq!(file.items.last().map(|item| item.name.as_str()), Some("f"));
    }
}

/// What matchers, bodies and arguments are made of.
fn tokens() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "$", "$a", "$b", "$a:expr", "$b:tt", "$a:ty", "$b:pat", "$b:stmt", "$a:ident", "$crate",
        "a", "b", "1", "'a", "\"s\"", ",", ";", "=>", "=", "+", "*", "?", ":", "::", "<", ">", ".",
        "&&", "|", "!", "m!", "let", "if", "match", "return", "lock", ".lock()", "_", "#", "as",
    ]);
    let leaf = prop::collection::vec(token, 0..6).prop_map(|tokens| tokens.join(" "));
    leaf.prop_recursive(3, 24, 4, |inner| {
        let shape = prop::sample::select(vec![
            ("(", ")"),
            ("{", "}"),
            ("[", "]"),
            ("$(", ")*"),
            ("$(", "),+"),
            ("$(", ")?"),
            ("", ""),
        ]);
        prop::collection::vec((shape, inner), 1..4).prop_map(|parts| {
            let part =
                |((open, close), inner): &((&str, &str), String)| format!("{open} {inner} {close}");
            parts.iter().map(part).collect::<Vec<_>>().join(" ")
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_tokens_make_it_fail(
        matcher in tokens(),
        body in tokens(),
        arguments in tokens(),
        rest in tokens(),
    ) {
        let text = format!(
            "macro_rules! m {{ ({matcher}) => {{ {body} .lock() }}; ($($t:tt)*) => {{ {rest} ; x.lock() }} }}
             fn f() {{ m!({arguments}); let x = m! {{ {arguments} }}; m![{arguments}] }}"
        );
        let seen = seen_in(&text);
        let one = parse(&text, &seen, true);
        let other = parse(&text, &seen, true);
        prop_assert_eq!(dump::file(&one), dump::file(&other));
        prop_assert_eq!(dump::file(&one), dump::file(&parse(&text, &seen, false)));
    }
}
