//! What the program's own macros lock, keep and call.

use super::{findings, names, names_in};

/// A structure whose `bump` locks `n`, with these macros and this body.
fn text(rules: &str, body: &str) -> String {
    format!(
        "
use std::sync::{{Mutex, RwLock}};
use std::sync::mpsc::Receiver;

{rules}

pub struct S {{ n: Mutex<u32>, table: RwLock<Vec<u32>>, inbox: Receiver<u32> }}

impl S {{
    fn bump(&self) {{ *self.n.lock().unwrap() += 1; }}
    pub fn look(&self) -> u32 {{
        {body}
    }}
}}
"
    )
}

#[test]
fn a_guard_that_a_macro_returns() {
    let lock = "macro_rules! lk { ($e:expr) => { $e.lock().unwrap() }; }";
    for held in [
        "let g = lk!(self.n); self.bump(); *g",
        "let g = self.n.lock().unwrap(); *lk!(self.n) + *g",
        "let g = lk! { self.n }; let x = *lk!(self.n); *g + x",
        "match *lk!(self.n) { 0 => { self.bump(); 1 } n => n }",
    ] {
        assert_eq!(names_in(&text(lock, held)), ["double-lock"], "{held}");
    }
    for free in [
        "let n = *lk!(self.n); self.bump(); n",
        "{ let g = lk!(self.n); let _ = *g; } self.bump(); 0",
        "let g = lk!(self.n); drop(g); self.bump(); 0",
    ] {
        let found = names_in(&text(lock, free));
        assert!(found.is_empty(), "{free}: {found:?}");
    }
    // All else is as if it had been written out.
    for body in [
        "*lk!(self.n) += 1; *lk!(self.n)",
        "let n = *lk!(self.n); *lk!(self.n) = n + 1; n",
        "let g = lk!(self.n); self.inbox.recv().unwrap(); *g",
    ] {
        let plain = body.replace("lk!(self.n)", "self.n.lock().unwrap()");
        let (ours, plain) = (names_in(&text(lock, body)), names_in(&text("", &plain)));
        assert!(!plain.is_empty(), "{body}");
        assert_eq!(ours, plain, "{body}");
    }
}

#[test]
fn a_guard_that_a_macro_keeps_in_its_callers_block() {
    let keep = "macro_rules! keep { ($g:ident, $e:expr) => { let $g = $e.lock().unwrap(); }; }";
    let held = "keep!(g, self.n); self.bump(); *g";
    assert_eq!(names_in(&text(keep, held)), ["double-lock"]);
    let own = "macro_rules! add { ($e:expr) => {{ let mut g = $e.lock().unwrap(); *g += 1; }}; }";
    let free = "add!(self.n); self.bump(); add!(self.n); 0";
    assert!(names_in(&text(own, free)).is_empty());
}

#[test]
fn a_call_that_a_macro_makes_under_a_guard() {
    let notify = "macro_rules! notify { ($s:expr, $($x:expr),*) => { $( println!(\"{}\", $x); )* $s.bump(); }; }";
    let held = "let g = self.n.lock().unwrap(); notify!(self, 1, 2); *g";
    let found = findings(&[("src/lib.rs", &text(notify, held))]);
    let double: Vec<_> = found
        .iter()
        .filter(|one| one.rule == "double-lock")
        .collect();
    assert_eq!(double.len(), 1, "{found:?}");
    let free = "let g = *self.table.read().unwrap().first().unwrap(); notify!(self, 1, 2); g";
    assert!(names_in(&text(notify, free)).is_empty());
}

#[test]
fn a_lock_in_the_head_of_a_loop_and_one_in_a_macro_of_its_body() {
    let rules = "
macro_rules! remove { ($x:expr, $table:expr) => { $table.write().unwrap().push($x); }; }
macro_rules! send {
    ($x:expr, $table:expr) => {
        let result = u8::try_from($x);
        if let Err(e) = result {
            println!(\"{e}\");
            remove!($x, $table);
        }
    };
}";
    let held = "for x in self.table.read().unwrap().iter() { send!(*x, self.table); } 0";
    assert_eq!(names_in(&text(rules, held)), ["double-lock"]);
    let free =
        "let all = self.table.read().unwrap().clone(); for x in all { send!(x, self.table); } 0";
    assert!(names_in(&text(rules, free)).is_empty());
}

#[test]
fn a_macro_that_leaves_the_function() {
    let rules = "macro_rules! leave { ($g:ident, $e:expr) => { if $e { drop($g); return 0; } }; }";
    let free = "let g = self.n.lock().unwrap(); leave!(g, *g == 0); drop(g); self.bump(); 1";
    assert!(names_in(&text(rules, free)).is_empty());
}

#[test]
fn a_macro_of_another_file() {
    let rules = "#[macro_export] macro_rules! lk { ($e:expr) => { $e.lock().unwrap() }; }";
    let text = text("", "let g = lk!(self.n); self.bump(); *g");
    let files = [
        ("src/lib.rs", "#[macro_use] mod macros; mod s;"),
        ("src/macros.rs", rules),
        ("src/s.rs", &text),
    ];
    assert_eq!(names(&files), ["double-lock"]);
}

#[test]
fn a_macro_that_gives_back_what_it_is_given() {
    let rules = "
macro_rules! same { ($e:expr) => { $e }; }
macro_rules! kept { ($e:expr) => {{ let kept = $e; kept }}; }";
    for (body, found) in [
        (
            "let g = same!(self.n.lock()).unwrap(); self.bump(); *g",
            "double-lock",
        ),
        (
            "let g = kept!(self.n.lock().unwrap()); self.bump(); *g",
            "double-lock",
        ),
    ] {
        assert_eq!(names_in(&text(rules, body)), [found], "{body}");
    }
    for free in [
        "let n = *same!(self.n.lock()).unwrap(); self.bump(); n",
        "let h = same!(std::thread::spawn(|| ())); h.join().unwrap(); 0",
    ] {
        assert!(names_in(&text(rules, free)).is_empty(), "{free}");
    }
}

#[test]
fn a_function_of_a_library_by_another_name() {
    let held = "let lock = Mutex::lock; let g = lock(&self.n).unwrap(); self.bump(); *g";
    assert_eq!(names_in(&text("", held)), ["double-lock"]);
    for free in [
        "let lock = Mutex::lock; let n = *lock(&self.n).unwrap(); self.bump(); n",
        "let lock = RwLock::read; let g = lock(&self.table).unwrap(); self.bump(); g.len() as u32",
    ] {
        assert!(names_in(&text("", free)).is_empty(), "{free}");
    }
}
