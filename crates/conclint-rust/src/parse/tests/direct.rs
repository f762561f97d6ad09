//! Bodies read without `syn` against bodies read with it.

use std::path::Path;

use super::super::expand::seen_in;
use super::super::parse;
use super::corpus::{roots, sources_in};
use crate::hir::HirFile;

/// All of a file, spans included. Bodies come first when they are read
/// directly, so what is unread is put in order.
fn sorted(mut file: HirFile) -> HirFile {
    file.unread
        .sort_by(|a, b| (a.span, &a.what, &a.why).cmp(&(b.span, &b.what, &b.why)));
    file
}

/// The lines around the first difference; `None` where there is none.
fn difference(text: &str) -> Option<String> {
    let (direct, general) = {
        let seen = seen_in(text);
        let read = |directly| sorted(parse(text, &seen, directly));
        (read(true), read(false))
    };
    if format!("{direct:?}") == format!("{general:?}") {
        return None;
    }
    let (direct, general) = (format!("{direct:#?}"), format!("{general:#?}"));
    let pairs = direct.lines().zip(general.lines());
    let at = pairs.take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let lines = text.lines().skip(at.saturating_sub(12)).take(24);
        lines.collect::<Vec<_>>().join("\n")
    };
    Some(format!(
        "directly:\n{}\ngenerally:\n{}",
        around(&direct),
        around(&general)
    ))
}

fn check(name: &str, text: &str) {
    if let Some(difference) = difference(text) {
        panic!("{name}:\n{difference}");
    }
}

/// How much of the bodies of a text is read directly, and of how much, white
/// space aside.
fn share(text: &str) -> (usize, usize) {
    let scan = super::super::scan::scan(text, |_| {});
    let mut cx = super::super::Cx::new(0, &seen_in(text));
    let rest = super::super::direct::read(text, &scan.bodies, &mut cx);
    let size = |text: &str| text.bytes().filter(|b| !b.is_ascii_whitespace()).count();
    let bodies = scan
        .bodies
        .iter()
        .filter_map(|range| text.get(range.clone()));
    (size(text) - size(&rest), bodies.map(size).sum())
}

fn is_direct(text: &str) -> bool {
    share(text).0 > 0
}

#[test]
fn statements_and_expressions() {
    for body in [
        "let a = 1; a",
        "let Some(x) = y else { return };",
        "let (a, mut b): (u32, Vec<Vec<u8>>) = f(x)?;",
        "if let Some(x) = self.a.lock().unwrap().get(&k) && x > 1 || y { z() } else if w {} else { v }",
        "match x { A | B(..) => 1, C { a, ref mut b, c: Some(_), .. } if a == b => { 2 } 3..=5 => {} -1 => {}, _ => return }",
        "match x { | A | B => {} (a,) => {} (a) => {} () => {} [a, rest @ .., b] => {} &(ref a, b) => {} X::Y => {} 'a'..='z' => {} .. => {} }",
        "for (i, x) in xs.iter().enumerate() { if i > 3 { continue } else { break } }",
        "'outer: loop { while let Some(x) = q.pop() { break 'outer x + 1; } } ",
        "'a: { break 'a 3 }",
        "let f = move |a, (b, c): (u8, u8)| -> u8 { a + b + c }; f(1, (2, 3))",
        "let f = || x; let g = |_| {}; let h = |a: &str, | a;",
        "a.b.0.c(d)[e]?.await.f::<T, 3>(g, h,)",
        "x = y = z; x += 1; x <<= 2; x >>= 3; a == b && c != d || !e & f | g ^ h << 3 >> 1",
        "a as usize as u64 + b as *const u8 as usize - 1",
        "S { a, b: 1, ..c }; T { ..U::default() }; V { 0: a }",
        "if x == (S { a: 1 }) {}",
        "for x in a..b {} for y in ..=c {} let r = ..; let q = a..; let s = &x[..n]; (a..b).map(f)",
        "unsafe { *p = 1 } a; { b }.c(); match d {}.e(); if f {} else {}.g; {} -1; {} *a = 1; {} (1, 2)",
        "println!(\"{} {x}\", a, b = c); info!(target: \"a\", ?b, c = %d, \"e\"); assert!(a == b, \"{}\", c);",
        "assert_eq!(a.lock(), 1); assert!(matches!(x, Some(1 | 2) if y)); vec![1, 2]; vec![a; n]; vec![0; 3]",
        "dbg!(a); dbg!(a, b,); format!(\"a\\n\\\"b\") + &write!(f, \"{}\", x)?; panic!()",
        "foo! { a } bar! { b }.c(); baz![d]; a::b!(c; d); todo!()",
        "tokio::select! { x = f() => y, _ = g() => {} }",
        "json!({ \"a\": b.lock(), \"c\": [d] });",
        "use a::{b, c}; const N: usize = 3; fn g() { let x = 1; } struct S { a: u8 } impl S { fn f(&self) {} } g()",
        "async move { x.await }; async { 1 }; return; ",
        "return Err(x); break; loop { return x.y() }",
        "let a: &'static dyn Fn(u8) -> u8 = &f; let b: Box<dyn A + Send + 'static> = c as Box<dyn A>; x as &dyn A; y as &mut (dyn A + B); z as *const dyn A",
        "let v: impl Iterator<Item = u8> = f::<{ 1 }>(); let w: [u8; N] = [0; N]; g::<'a, _, 1>()",
        "r#\"raw \"x\" \"#; b\"x\"; b'x'; 'x'; '\\''; \"a\\\n   b\"; \"\\u{1f600}\\x41\"; 1_000u64; 0xff_u8; 1.5e3; 2.; 1.0f32",
        "let é = 1;",
        "let s = \"é\"; f(s) /* ü */ ; g(s);",
        "#[cfg(test)] f(); #[allow(x)] g();",
        "/// doc\n let a = 1;",
        "a.0.1; t.0 .1; (a.0).1",
        "&raw const x; &&y; &mut *z; - -1; !!a",
        "if a {} ; ; b;",
        "let x = if a { 1 } else { 2 } + 3; let y = match b { _ => 1 } as u8;",
        "while x < y && z {} if a < b as usize {} if let A = b {} else {}",
        "<T as A>::f(x); <[u8]>::len(y); T::<u8>::new(); ::std::f(); Self::g(); super::h(); crate::i()",
        "let _ = |x: &mut Vec<u8>| x.push(1); _ = f(); (a, _) = g();",
        "macro_rules! m { () => {} } m!(); thread_local! { static A: u8 = 1; } lazy_static! { static ref B: u8 = 2; }",
        "yield x; try { a }; do yeet b; become c(); box d; const { 1 }; static || 1; async || 2; for<'a> |x| 3",
        "union.a; default.b(); auto = 1; raw(1); builtin # offset_of(a, b)",
    ] {
        for text in [
            format!("fn f() {{ {body} }}"),
            format!(
                "impl A {{\n    /// é\n    pub async fn f<F: Fn(u8)>(&self, g: fn(u8)) -> [u8; {{ 1 }}]\n where A: B {{\n        {body}\n    }}\n fn g(); fn h() {{}} }}"
            ),
            format!(
                "mod a {{ trait T {{ fn f() {{ let x = 1; {body} }} }} }} bad bad; fn g() {{ {body}; 1 }}"
            ),
        ] {
            check(body, &text);
        }
    }
}

/// What is common must not fall back to the general way unseen.
#[test]
fn what_is_common_is_read_directly() {
    for body in [
        "let guard = self.state.lock().unwrap(); guard.count += 1; drop(guard);",
        "for x in &self.items { if x.is_done() { tx.send(x.clone()).unwrap(); } }",
        "match rx.recv() { Ok(Message::Stop) | Err(_) => break, Ok(m) => handle(m)?, }",
        "let h = thread::spawn(move || { println!(\"{}\", n); });",
        "use std::sync::Arc; assert_eq!(Arc::strong_count(&a), 1);",
        "let x: HashMap<String, Vec<u8>> = HashMap::new(); x.iter().map(|(k, v)| v.len()).sum::<usize>()",
    ] {
        assert!(is_direct(&format!("fn f() {{ {body} }}")), "{body}");
    }
    assert!(!is_direct("fn f() { <T as A>::f() }"));
}

/// The sources of this workspace: its own crates and the programs it is tested on.
#[test]
fn the_workspace_reads_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dirs = ["crates", "fixtures", "tests"].map(|dir| root.join(dir));
    let sources = sources_in(dirs.to_vec());
    assert!(sources.len() > 100, "{} files", sources.len());
    let (mut direct, mut all) = (0, 0);
    for (path, text) in sources {
        check(&path.display().to_string(), &text);
        let share = share(&text);
        direct += share.0;
        all += share.1;
    }
    assert!(direct * 5 > all * 4, "{direct} of {all} bytes");
}

/// What `syn` does not take is not taken directly either: one character of a
/// sound source is left out, brackets, quotes and comments aside.
#[test]
fn damaged_sources_read_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dirs = ["crates", "fixtures"].map(|dir| root.join(dir));
    let mut damaged = 0;
    for (path, text) in sources_in(dirs.to_vec()) {
        // Each file at other places, the same ones each time.
        let step = 1009 + text.len() % 997;
        for at in (step / 2..text.len()).step_by(step * 8) {
            let rest = text.get(at..).unwrap_or("");
            let is_harmless = |c: char| c.is_ascii_graphic() && !"()[]{}\"'/*#\\".contains(c);
            if let Some(first) = rest.chars().next().filter(|c| is_harmless(*c)) {
                let less = [text.get(..at).unwrap_or(""), &rest[first.len_utf8()..]].concat();
                let name = format!("{} without {first:?} at {at}", path.display());
                check(&name, &less);
                damaged += 1;
            }
        }
    }
    assert!(damaged > 200, "{damaged} sources");
}

#[test]
#[ignore = "reads all sources of the cargo registry, or of CONCLINT_CORPUS"]
#[expect(clippy::print_stderr, reason = "its figures are what it is for")]
fn every_source_reads_the_same() {
    let reader = || {
        let (mut files, mut differ) = (0, 0);
        let (mut direct, mut all) = (0, 0);
        for (path, text) in sources_in(roots()) {
            files += 1;
            let share = share(&text);
            direct += share.0;
            all += share.1;
            if let Some(difference) = difference(&text) {
                differ += 1;
                if differ <= 20 {
                    eprintln!("{}:\n{difference}", path.display());
                }
            }
        }
        eprintln!(
            "{files} files, {differ} differ; {direct} of {all} bytes of bodies read directly"
        );
        assert_eq!(differ, 0);
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, reader);
        assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
    });
}
