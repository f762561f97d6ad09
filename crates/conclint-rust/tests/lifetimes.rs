//! Guard lifetimes, probe by probe: is the guard alive at `here()`?
//!
//! The expected answers are those of the compiler: the second test compiles
//! the same probes with a guard that counts its drops, runs them and compares.
//! `A` is alive, `f` is free; the two letters are editions 2021 and 2024, and
//! a space stands where an edition has no such syntax.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use conclint_facts::{Analysis, EventKind};
use conclint_rust::{Input, ManifestInput, SourceInput, read};

/// What every probe may use. `m` is a lock whose `lock` gives the guard
/// itself, `s` a std one.
const PRELUDE: &str = r"
use parking_lot::Mutex;
pub struct D { pub v: i32, pub b: bool, pub field: i32, pub o: Over }
pub struct Over(i32);
impl std::ops::AddAssign<i32> for Over { fn add_assign(&mut self, o: i32) { self.0 += o; } }
impl D {
    fn opt(&self) -> Option<i32> { self.b.then_some(self.v) }
    fn none(&self) -> Option<i32> { None }
    fn iter(&self) -> std::vec::IntoIter<i32> { vec![1].into_iter() }
    fn method(&self, x: i32) -> i32 { x }
}
pub struct S { a: i32, b: i32 }
pub struct L;
impl Drop for L { fn drop(&mut self) { here(); } }
fn here() -> i32 { 0 }
fn run(f: impl FnOnce() -> i32) -> i32 { f() }
fn hb() -> bool { here() == 0 }
fn f1(x: &D) -> i32 { x.v }
fn f2(a: i32, b: i32) -> i32 { a + b }
trait Locking { fn held(&self) -> parking_lot::MutexGuard<'_, D>; }
impl Locking for Mutex<D> { fn held(&self) -> parking_lot::MutexGuard<'_, D> { self.lock() } }
struct Wrap<'a> { g: parking_lot::MutexGuard<'a, D> }
fn wrap(g: parking_lot::MutexGuard<'_, D>) -> Wrap<'_> { Wrap { g } }
impl<'a> Wrap<'a> { fn look(&self) -> i32 { self.g.v } fn close(self) {} }
fn place(a: &mut [i32; 3], i: i32) -> &mut i32 { &mut a[i as usize] }
";

/// Statements for the body of `fn p(m: &Mutex<D>, s: &std::sync::Mutex<D>, c: bool)`.
const PROBES: &[(&str, &str)] = &[
    // Alive in both editions.
    ("AA", "let _g = m.lock(); here();"),
    ("AA", "let g = m.lock(); let _ = g; here();"),
    ("AA", "let g = m.lock(); let g = 0; here();"),
    ("AA", "let (_g, b) = (m.lock(), 0); here();"),
    ("AA", "let g = m.lock(); let k = move || g.v; here(); k();"),
    ("AA", "let r = &m.lock(); here(); r.v;"),
    ("AA", "let r = &*m.lock(); here(); r.v;"),
    ("AA", "let r = &m.lock().field; here(); *r;"),
    ("AA", "let ref r = m.lock(); here(); r.v;"),
    ("AA", "let r = (&m.lock(), 1); here(); r.1;"),
    ("AA", "let r = Some(&m.lock()); here(); r.is_some();"),
    ("AA", "let r = { &m.lock() }; here(); r.v;"),
    (
        "AA",
        "let z = 0; let r = if c { &m.lock().v } else { &z }; here(); *r;",
    ),
    ("AA", "match m.lock().v { _ => { here(); } }"),
    ("AA", "match m.lock().v { x if here() == x => {} _ => {} }"),
    ("AA", "match (m.lock().v, 1) { _ => { here(); } }"),
    ("AA", "match f1(&m.lock()) { _ => { here(); } }"),
    ("AA", "if let Some(x) = m.lock().opt() { here(); }"),
    (
        "AA",
        "while let Some(x) = m.lock().opt() { here(); break; }",
    ),
    ("AA", "for x in m.lock().iter() { here(); }"),
    (" A", "if let Some(x) = m.lock().opt() && hb() { }"),
    (
        " A",
        "while let Some(x) = m.lock().opt() && hb() { break; }",
    ),
    ("AA", "let Ok(g) = s.lock() else { return; }; here();"),
    ("AA", "m.lock().method(here());"),
    ("AA", "f2(m.lock().v, here());"),
    ("AA", "let x = m.lock().v + here();"),
    ("AA", "let x = S { a: m.lock().v, b: here() };"),
    ("AA", "let x = [m.lock().v, here()];"),
    ("AA", "let x = (m.lock().v, here());"),
    ("AA", "let x = vec![m.lock().v, here()];"),
    ("AA", "let x = m.lock().opt().map(|x| here());"),
    ("AA", "let x = m.lock().none().unwrap_or_else(|| here());"),
    (
        "AA",
        "let mut a = [0; 3]; *place(&mut a, here()) = m.lock().v;",
    ),
    ("AA", "m.lock().o += here();"),
    ("AA", "let mut g = m.lock(); g = { here(); m.lock() };"),
    ("AA", "println!(\"{} {}\", m.lock().v, here());"),
    ("AA", "assert_eq!(m.lock().v, here());"),
    ("AA", "matches!(m.lock().opt(), Some(_) if hb());"),
    ("AA", "let x = dbg!(m.lock().v) + here();"),
    // Free in both editions.
    ("ff", "m.lock(); here();"),
    ("ff", "let _ = m.lock(); here();"),
    ("ff", "_ = m.lock(); here();"),
    ("ff", "let g = m.lock(); drop(g); here();"),
    ("ff", "let (_, b) = (m.lock(), 0); here();"),
    ("ff", "let v = m.lock().v; here();"),
    ("ff", "let r = f1(&m.lock()); here();"),
    ("ff", "let x = match m.lock().v { 0 => 1, _ => 2 }; here();"),
    (
        "ff",
        "let k = || -> Option<i32> { let x = m.lock().opt()?; here(); Some(x) }; k();",
    ),
    ("ff", "let s = format!(\"{}\", m.lock().v); here();"),
    ("ff", "if m.lock().b { here(); } else { here(); }"),
    ("ff", "while m.lock().b { here(); break; }"),
    (
        "ff",
        "let Some(x) = m.lock().opt() else { here(); return; };",
    ),
    (
        "ff",
        "let Some(x) = m.lock().opt() else { return; }; here();",
    ),
    ("ff", "let Ok(g) = s.lock() else { here(); return; };"),
    ("ff", "let x = m.lock().b && hb();"),
    ("ff", "let x = (c && m.lock().b) | hb();"),
    (" f", "if m.lock().b && let Some(x) = Some(here()) { }"),
    ("ff", "assert!(m.lock().b && hb());"),
    ("ff", "match 0 { _ if m.lock().b => { here(); } _ => {} }"),
    ("ff", "match m.lock() { g => { drop(g); here(); } }"),
    ("ff", "match { let v = m.lock().v; v } { _ => { here(); } }"),
    ("ff", "m.lock().v = here();"),
    ("ff", "m.lock().v += here();"),
    ("ff", "f2(here(), m.lock().v);"),
    ("ff", "f2((|| m.lock().v)(), here());"),
    ("ff", "f2(if c { m.lock().v } else { 0 }, here());"),
    ("ff", "f2(match c { _ => m.lock().v }, here());"),
    ("ff", "let x = loop { break m.lock().v } + here();"),
    // The edition decides.
    ("Af", "if let Some(x) = m.lock().opt() {} else { here(); }"),
    ("Af", "if let Some(x) = m.lock().opt() {} else if hb() {}"),
    (
        "Af",
        "let v = if let Some(x) = m.lock().opt() { x } else { here() };",
    ),
    ("Af", "if let Ok(g) = s.lock() {} else { here(); }"),
    ("Af", "match { m.lock().v } { _ => { here(); } }"),
    ("Af", "f2({ m.lock().v }, here());"),
    ("Af", "f2(unsafe { m.lock().v }, here());"),
    // The first guard of an `else if let` chain.
    (
        "Af",
        "if let Some(x) = m.lock().opt() {} else if let Some(y) = Some(1) { here(); }",
    ),
    // Moves, overwriting, conditional drops.
    ("ff", "let g = m.lock(); let h = g; drop(h); here();"),
    ("ff", "{ let g = m.lock(); } here();"),
    ("AA", "let g = { let g = m.lock(); g }; here();"),
    ("AA", "let g = m.lock(); if c { drop(g); } here();"),
    (
        "ff",
        "let mut o = None; { let g = m.lock(); o = Some(g); } drop(o); here();",
    ),
    (
        "AA",
        "let mut o = None; { let g = m.lock(); o = Some(g); } here(); drop(o);",
    ),
    ("ff", "let g = s.lock().unwrap(); drop(g); here();"),
    (
        "AA",
        "let g = s.lock().unwrap_or_else(|e| e.into_inner()); here();",
    ),
    ("ff", "let n = s.lock().unwrap().v; here();"),
    ("AA", "if let Ok(g) = s.try_lock() { here(); }"),
    ("ff", "if let Ok(g) = s.try_lock() { } else { here(); }"),
    (
        "ff",
        "match m.try_lock() { Some(g) => {} None => { here(); } }",
    ),
    ("ff", "loop { let g = m.lock(); if c { break; } } here();"),
    ("AA", "let g = m.lock(); loop { if c { break; } here(); }"),
    // A guard that a variable gets further down, in the round before.
    (
        "ff",
        "let mut g = m.lock(); loop { drop(g); here(); g = m.lock(); }",
    ),
    (
        "AA",
        "let mut g = m.lock(); loop { here(); drop(g); g = m.lock(); }",
    ),
    // A closure that takes the guard along and lets it go.
    ("ff", "let g = m.lock(); run(move || { drop(g); here() });"),
    ("ff", "let g = m.lock(); run(|| { drop(g); 0 }); here();"),
    ("AA", "let g = m.lock(); run(|| { g.v }); here();"),
    // A trait of one's own on a lock.
    ("AA", "let g = m.held(); here();"),
    ("ff", "let v = m.held().v; here();"),
    ("Af", "if let Some(x) = m.held().none() {} else { here(); }"),
    // Guards inside of other values.
    ("AA", "let w = Wrap { g: m.lock() }; here();"),
    ("AA", "let w = Wrap { g: m.lock() }; w.look(); here();"),
    ("AA", "let w = wrap(m.lock()); here();"),
    ("ff", "let w = wrap(m.lock()); drop(w); here();"),
    (
        "ff",
        "let mut all = Vec::new(); all.push(m.lock()); all.clear(); here();",
    ),
    ("ff", "let w = Wrap { g: m.lock() }; w.close(); here();"),
    ("AA", "let w = Wrap { g: m.lock() }; let g = w.g; here();"),
    (
        "ff",
        "let w = Wrap { g: m.lock() }; let g = w.g; drop(g); here();",
    ),
    (
        "ff",
        "let w = Wrap { g: m.lock() }; { let Wrap { g } = w; } here();",
    ),
    (
        "AA",
        "let w = Wrap { g: m.lock() }; { let Wrap { g } = &w; } here();",
    ),
];

/// Whole functions, where the body's tail is what matters.
const TAILS: &[(&str, &str)] = &[
    ("Af", "fn p(m: &Mutex<D>) -> i32 { let l = L; m.lock().v }"),
    (
        "Af",
        "fn p(m: &Mutex<D>) -> i32 { let l = L; match m.lock().v { x => x } }",
    ),
    (
        "ff",
        "fn p(m: &Mutex<D>) -> i32 { let l = L; return m.lock().v; }",
    ),
];

fn alive(code: &str, edition: &str) -> bool {
    let input = Input {
        sources: vec![SourceInput {
            path: Arc::from("src/lib.rs"),
            text: Arc::from(code),
        }],
        manifests: vec![ManifestInput {
            dir: String::new(),
            text: format!(
                "[package]\nname = \"probe\"\nedition = \"{edition}\"\n[dependencies]\nparking_lot = \"*\"\n"
            ),
        }],
        lock_types: Vec::new(),
    };
    let analysis = Analysis::of(read(input).0);
    let mut seen = false;
    let mut held = false;
    for (at, event) in analysis.events() {
        if analysis.function(at.function).name != "p" {
            continue;
        }
        if let EventKind::Call(call) = &event.kind
            && matches!(call.name.as_str(), "here" | "hb" | "drop")
        {
            seen = true;
            held |= !analysis.held_before(at).is_empty();
        }
    }
    assert!(seen, "no `here()` found in: {code}");
    held
}

/// Signature of what stands around the statements of a probe.
fn probe(statements: &str, std_mutex: &str) -> String {
    format!("fn p(m: &Mutex<D>, s: &{std_mutex}<D>, c: bool) {{ {statements} }}")
}

const EDITIONS: [&str; 2] = ["2021", "2024"];

fn differing(answer: impl Fn(usize, &str, &str) -> String) -> Vec<String> {
    let mut differ = Vec::new();
    for (number, (expected, code)) in PROBES.iter().chain(TAILS).enumerate() {
        for (letter, edition) in expected.chars().zip(EDITIONS) {
            let expected = match letter {
                'A' => "alive",
                'f' => "free",
                _ => continue,
            };
            let answer = answer(number, code, edition);
            if answer != expected {
                differ.push(format!(
                    "edition {edition}, expected {expected}, is {answer}: {code}"
                ));
            }
        }
    }
    differ
}

#[test]
fn every_probe_in_both_editions() {
    let differ = differing(|number, code, edition| {
        let function = match number < PROBES.len() {
            true => probe(code, "std::sync::Mutex"),
            false => code.to_owned(),
        };
        let alive = alive(&format!("{PRELUDE}{function}\n"), edition);
        if alive { "alive" } else { "free" }.to_owned()
    });
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// All probes that an edition has as one program, each in a module of its own.
fn program(edition: usize) -> String {
    let here = "fn here() -> i32 { 0 }\n";
    assert!(PRELUDE.contains(here));
    let counting = include_str!("lifetimes/counting.rs");
    let mut out = format!("{counting}{}", PRELUDE.replace(here, ""));
    let mut calls = String::new();
    for (number, (expected, code)) in PROBES.iter().chain(TAILS).enumerate() {
        if expected.chars().nth(edition) == Some(' ') {
            continue;
        }
        let (function, call) = match number < PROBES.len() {
            true => (probe(code, "poisoning::Mutex"), "p(m, s, c)"),
            false => ((*code).to_owned(), "{ p(m); }"),
        };
        let _ = writeln!(out, "mod p{number} {{ use super::*; pub {function} }}");
        let _ = writeln!(
            calls,
            "probe({number}, |m, s, c| {{ use p{number}::p; {call} }});"
        );
    }
    let _ = writeln!(out, "fn main() {{ {calls} }}");
    out
}

/// Number of a probe to what the compiled one says.
fn compiled(dir: &Path, edition: usize) -> BTreeMap<usize, String> {
    let (source, binary) = (dir.join("probes.rs"), dir.join("probes"));
    std::fs::write(&source, program(edition)).expect("the program can be written");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .args(["--edition", EDITIONS[edition], "-o"])
        .args([&binary, &source])
        .output()
        .expect("rustc runs");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "the probes compile:\n{errors}");
    let ran = Command::new(&binary).output().expect("the probes run");
    let output = String::from_utf8_lossy(&ran.stdout);
    let answers = output.lines().filter_map(|line| {
        let (number, answer) = line.strip_prefix("probe ")?.split_once(' ')?;
        Some((number.parse().ok()?, answer.to_owned()))
    });
    answers.collect()
}

#[test]
fn the_compiler_says_the_same() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let editions = [0, 1].map(|edition| compiled(dir.path(), edition));
    let differ = differing(|number, _, edition| {
        let answers = &editions[usize::from(edition == EDITIONS[1])];
        answers.get(&number).cloned().unwrap_or_default()
    });
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
