//! Small sources and what becomes of them.

use super::super::parse_file;
use super::dump;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(dump::file(&parse_file(text)), expected, "{text}");
}

/// Checks the body of a function.
#[track_caller]
fn body(text: &str, expected: &str) {
    check(
        &format!("fn f() {{ {text} }}"),
        &format!("fn f() {{ {expected} }}"),
    );
}

#[test]
fn items() {
    check(
        "mod a; mod b { fn c() {} }",
        "mod a;\nmod b { fn c() {  } }",
    );
    check(
        "use a::{self, b as c, d::*, e as _}; use ::f; use g::*;",
        "use a as a, a::b as c, a::d::*, a::e as _\nuse ::f as f\nuse g::*",
    );
    check(
        "extern crate a as b; extern \"C\" { fn c(); }",
        "extern crate a as b",
    );
    check(
        "pub struct A<T> { pub b: Mutex<T>, c: u8 }",
        "struct A { b: Mutex<T>, c: u8 }",
    );
    check(
        "struct A(u8, &'static str); struct B;",
        "struct A { 0: u8, 1: &str }\nstruct B {  }",
    );
    check(
        "enum A { B, C(u8), D { e: u8 } }",
        "enum A { B(), C(0: u8), D(e: u8) }",
    );
    check("union A { b: u8, c: i8 }", "struct A { b: u8, c: i8 }");
    check(
        "trait A: B + 'static { const C: u8; type D; fn e(&self); fn f() {} }",
        "trait A: B { const C: u8 = , type D = , fn e(self: &Self);, fn f() {  } }",
    );
    check(
        "impl<T> A<T> for B { type C = D; }",
        "impl A<T> for B { type C = D }",
    );
    check("impl !Send for A {}", "");
    check(
        "static mut A: u8 = 1; const B: u8 = 2; type C = D;",
        "static mut A: u8 = 1\nconst B: u8 = 2\ntype C = D",
    );
    check(
        "macro_rules! a { () => {} } include!(\"b.rs\");",
        "macro_rules a\ninclude b.rs",
    );
    check(
        "unsafe impl Send for A {} unsafe extern \"C\" {}",
        "impl Send for A {  }",
    );
}

#[test]
fn signatures() {
    check(
        "async fn a(b: u8, (c, d): (E, F)) -> G {}",
        "async fn a(b: u8, (c, d): (E, F)) -> G {  }",
    );
    check(
        "impl A { fn b(self) {} fn c(mut self: Arc<Self>) {} fn d(&mut self) {} }",
        "impl A { fn b(self: Self) {  }, fn c(mut self: Arc<Self>) {  }, fn d(self: &mut Self) {  } }",
    );
    check(
        "fn a(b: impl Fn(C) -> D + Send, e: &dyn F<G, Item = H>, i: *const [J; 3], k: fn(L) -> !, m: <N as O>::P) {}",
        "fn a(b: impl Fn(C) -> D + Send, e: &dyn F<G, Item = H>, i: *[J; _], k: fn(L) -> !, m: <N as 1>::O::P) {  }",
    );
}

#[test]
fn attributes() {
    check("#[cfg(test)] mod a {}", "#[test] mod a {  }");
    check(
        "#[cfg(all(unix, feature=\"x\", not( any(a,b) )))] fn a() {}",
        "#[unix] #[feature = \"x\"] #[not(any(a, b))] fn a() {  }",
    );
    check(
        "#[tokio::test] async fn a() {} #[test] fn b() {}",
        "#test async fn a() {  }\n#test fn b() {  }",
    );
    let file = parse_file("#![cfg(unix)]\n#[cfg_attr(windows, path = \"w.rs\")] mod a;");
    assert_eq!(file.attrs.cfg, ["unix"]);
    assert_eq!(file.items[0].attrs.path.as_deref(), Some("w.rs"));
    let no_std = |text: &str| parse_file(text).attrs.no_std;
    assert_eq!(no_std("#![no_std]\nfn a() {}").as_deref(), Some(&[][..]));
    assert_eq!(
        no_std("#![cfg_attr(all(not(test), a), no_std, x)]").as_deref(),
        Some(&["not(test)".into(), "a".into()][..])
    );
    assert_eq!(no_std("#![cfg_attr(a, no_main)]"), None);
    assert!(
        parse_file("#[proc_macro] pub fn a() {}").items[0]
            .attrs
            .proc_macro
    );
}

#[test]
fn statements() {
    body("let a: B = c; d; e", "let a: B = c; d; e");
    body(
        "let Some(a) = b else { return };",
        "let Some(a) = b else { return };",
    );
    body("let a; a = 1; a += 2; ; {}", "let a; a = 1; a Add= 2; {  }");
    body("fn g() {} struct H; g()", "fn g() {  } struct H {  } g()");
    body(
        "a - b * c | d; a >>= 1",
        "(BitOr (Sub a (Mul b c)) d); a Shr= 1",
    );
    body("if a {} b.c()", "if a {  }; b.c()");
}

#[test]
fn expressions() {
    body("a.b.0.c::<D>(e)[f]?", "a.b.0.c::<D>(e)[f]?");
    body(
        "*a.lock() = !-b && (c || d) == (e + 1)",
        "*a.lock() = (And !-b (Eq (Or c d) (Add e 1)))",
    );
    body("&mut a as *mut u8", "(&mut a as *u8)");
    body("&raw const a", "&a");
    body(
        "'a: loop { break 'a 1; continue 'a }",
        "loop 'a { break 'a 1; continue 'a }",
    );
    body(
        "while let Some(x) = a && b {}",
        "while (And let Some(x) = a b) {  }",
    );
    body("for (a, _) in &b {}", "for (a, _) in &b {  }");
    body(
        "if a {} else if let B = c {} else {}",
        "if a {  } else if let B = c {  } else {  }",
    );
    body(
        "match a { B | C if d => 1, ref e @ F(..) => {} }",
        "match a { B | C if d => 1, ref e @ F(..) => {  } }",
    );
    body("move |a, b: C| -> D { e }", "move |a, b: C| { e }");
    body("async move { a.await }", "async { a.await }");
    body(
        "unsafe { a }; const { b }; 'c: { d }",
        "{ a }; { b }; 'c: { d }",
    );
    body("S { a, b: c, ..d }", "S { a: a, b: c ..d }");
    body(
        "[1, 2.0, true]; [0; 9]; (\"x\", b'y', 0xff_u8)",
        "[1, float, true]; [0; Some(9)]; (\"x\", lit, 255)",
    );
    body("a..=b; ..; r#\"q\"\"#", "(a .. b); ( ..); \"q\\\"\"");
    body("<A as B>::c(); <D>::e()", "<A as 1>::B::c(); <D as 0>::e()");
}

#[test]
fn the_value_of_a_block_with_twins_is_the_first_one() {
    let tail = |text: &str| {
        let file = parse_file(text);
        format!("{file:?}")
    };
    let twins = "fn f() -> u8 { #[cfg(unix)] { 1 } #[cfg(not(unix))] { 2 } }";
    let alone = "fn f() -> u8 { #[cfg(unix)] { 1 }                            }";
    let no_lines = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(no_lines(tail(twins)), no_lines(tail(alone)));
}

#[test]
fn formatting_macros() {
    body(
        "println!(\"{}\", a.lock());",
        "Print println!(\"{}\", a.lock());",
    );
    body(
        "format!(\"{x} {y}\", y = b)",
        "Format format!(\"{x} {y}\", b, x, y)",
    );
    body(
        "format!(\"{{a}} {b:?} {0} {} {c.d}\", e)",
        "Format format!(\"{{a}} {b:?} {0} {} {c.d}\", e, b)",
    );
    body("write!(f, \"{}\", a)?;", "Write write!(f, \"{}\", a)?;");
    body("panic!(\"{}\", a)", "Panic panic!(\"{}\", a)");
    body("std::eprintln!()", "Print std::eprintln!()");
}

#[test]
fn logging_macros() {
    body(
        "log::debug!(target: \"t\", \"{}\", a);",
        "Log log::debug!(\"t\", \"{}\", a);",
    );
    body(
        "info!(a = %b.lock(), ?c, %d, e.f = ?g, \"msg {}\", h);",
        "Log info!(b.lock(), c, d, g, \"msg {}\", h);",
    );
    body(
        "info!(log, \"m {}\", x; \"k\" => %a, \"l\" => ?b);",
        "Log info!(log, \"m {}\", x, \"k\", a, \"l\", b);",
    );
    body(
        "info_span!(\"a\", b = c.d())",
        "Log info_span!(\"a\", c.d())",
    );
    body(
        "error!(a:? = b, c:% = d; \"m\");",
        "Log error!(b, d, \"m\");",
    );
    body("debug!({ a = b }, \"m\");", "Log debug!(b, \"m\");");
}

#[test]
fn asserting_macros() {
    body(
        "assert!(a && b, \"{}\", c);",
        "if !(And a b) { Panic assert!(\"{}\", c); };",
    );
    body(
        "assert_eq!(a.lock().b, 1, \"{}\", d);",
        "match (&a.lock().b, &1) { lit => (), _ => { Panic assert_eq!(\"{}\", d); } };",
    );
    body(
        "matches!(a, Some(b) if c)",
        "match a { Some(b) if c => true, _ => false }",
    );
    body(
        "dbg!(a.lock().b) + c",
        "(Add match a.lock().b { tmp => tmp } c)",
    );
}

#[test]
fn other_known_macros() {
    body(
        "vec![a, b]; vec![c; 3]; vec![d; e]; vec![]",
        "Vec vec!(a, b); Vec vec!([c; Some(3)]); Vec vec!([d; None], e); Vec vec!()",
    );
    body("try!(a.b())", "a.b()?");
    body("tokio::join!(a, b)", "JoinFutures tokio::join!(a, b)");
    body("ptr::addr_of_mut!(a.b)", "&mut a.b");
    body("quote! { a.lock() #b }", "lit");
}

#[test]
fn selecting_macros() {
    body(
        "tokio::select! { biased; Some(a) = b.recv(), if c => d, _ = e => { f } else => g }",
        "Select tokio::select!(if c { let Some(a) = b.recv().await; d }, { let _ = e.await; { f } }, g)",
    );
    body(
        "select! { recv(a) -> m => b, send(c, d) -> _ => e, default(t) => f, }",
        "match () { lit => { let m = a.recv(); b }, lit => { let _ = c.send(d); e }, _ => { let _ = t; f } }",
    );
    body(
        "select! { recv(a) -> m => b, default => c }",
        "match () { lit => { let m = a.try_recv(); b }, _ => c }",
    );
    body(
        "futures::select! { a = b => c, complete => break }",
        "Select futures::select!({ let a = b.await; c }, break)",
    );
}

#[test]
fn unknown_macros_in_bodies() {
    body("mine!(a.lock(), b);", "Unknown mine!(a.lock(), b);");
    body(
        "mine! { let x = a.lock(); x.b() }",
        "Unknown mine!({ let x = a.lock(); x.b() })",
    );
    body(
        "json!({ \"a\": b.c(), \"d\": [1, e] })",
        "Unknown json!(\"a\", b.c(), \"d\", [1, e])",
    );
    check(
        "fn f() { odd!(a => => .lock()); odd!(<= b) }",
        "fn f() { ?; ? }\n\
         unread macro odd! at 1: arguments are neither expressions nor statements (lock)\n\
         unread macro odd! at 1: arguments are neither expressions nor statements",
    );
}

#[test]
fn item_macros() {
    check(
        "lazy_static! { /// doc\n pub static ref A: Mutex<u8> = Mutex::new(1); static ref B: u8 = 2; }",
        "static A: ::std::sync::LazyLock<Mutex<u8>> = Mutex::new(1)\nstatic B: ::std::sync::LazyLock<u8> = 2",
    );
    check(
        "thread_local! { static A: RefCell<u8> = const { RefCell::new(1) }; pub static B: u8 = 2 }",
        "static A: ::std::thread::LocalKey<RefCell<u8>> = { RefCell::new(1) }\nstatic B: ::std::thread::LocalKey<u8> = 2",
    );
    check(
        "cfg_if! { if #[cfg(unix)] { fn a() {} } else if #[cfg(windows)] { fn b() {} } else { fn c() {} } }",
        "#[unix] fn a() {  }\n#[not(unix)] #[windows] fn b() {  }\n#[not(unix)] #[not(windows)] fn c() {  }",
    );
    check(
        "#[cfg(x)] cfg_rt! { fn a() {} mod b; }",
        "#[x] fn a() {  }\n#[x] mod b;",
    );
    check(
        "mine! { a => b }",
        "unread macro mine! at 1: arguments are not items",
    );
    body(
        "lazy_static! { static ref A: u8 = 1; } A.b()",
        "static A: ::std::sync::LazyLock<u8> = 1 A.b()",
    );
    check("impl A { mine! { fn b() {} } }", "impl A { fn b() {  } }");
}
