//! Small texts in, seeded texts out.

use super::Kind;
use super::places::{Seed, plant, seeds};

/// The seeded text, held against what seeding promises for any text.
fn seeded(kind: Kind, text: &str) -> String {
    let found = seeds(kind, text, 7);
    let planted = plant(text, &found.iter().collect::<Vec<_>>());
    assert_eq!(planted.lines().count(), text.lines().count());
    for (before, after) in text.lines().zip(planted.lines()) {
        // What was there is still there, in its order.
        let mut rest = after.chars();
        assert!(before.chars().all(|c| rest.any(|other| other == c)));
    }
    syn::parse_file(&planted).unwrap();
    planted
}

fn lines(kind: Kind, text: &str) -> Vec<usize> {
    seeds(kind, text, 7).iter().map(|seed| seed.line).collect()
}

#[test]
fn double_repeats_the_acquisition_on_its_line() {
    let text = "
async fn f(s: &S) -> Result<()> {
    let mut g = s.map[0]
        .lock()
        .await
        .map_err(drop)?; // kept
    let second = s.map[0].lock().await;
}
";
    let planted = seeded(Kind::Double, text);
    let line = planted.lines().nth(5).unwrap();
    assert_eq!(
        line.trim(),
        ".map_err(drop)?; let _conclint_again = s.map[0].lock().await.map_err(drop)?; \
         let _ = &_conclint_again; let _ = &g; // kept"
    );
    assert!(planted.ends_with("let second = s.map[0].lock().await;\n}\n"));
    assert_eq!(lines(Kind::Double, text), [6]);
}

#[test]
fn sleep_uses_the_guard_afterwards() {
    assert_eq!(
        seeded(Kind::Sleep, "fn f() {\n    let g = TABLE.write();\n}\n"),
        "fn f() {\n    let g = TABLE.write(); std::thread::sleep(std::time::Duration::from_secs(7)); \
         let _ = &g;\n}\n"
    );
}

#[test]
fn each_function_has_one_seed_and_closures_are_part_of_it() {
    let text = "
fn outer() {
    let f = || { let g = A.lock(); };
    fn inner() { let g = A.lock(); }
    let g = A.lock();
}
trait T { fn f(&self) { let g = self.a().lock(); } }
";
    assert_eq!(lines(Kind::Double, text), [3, 4, 7]);
}

#[test]
fn what_may_be_another_lock_or_no_guard_has_no_seed() {
    for body in [
        "let a = a.lock().unwrap();",
        "let g = self.shard(key).lock();",
        "let g = list.next().unwrap().lock();",
        "let v = *a.lock();",
        "let n = a.lock().len();",
        "let _ = a.lock();",
        "let Some(g) = a.lock() else { return };",
        "let out = std::io::stdout().lock();",
        "let n = file.write(bytes);",
        "let g = a.read();",
    ] {
        let text = format!("fn f() {{ {body} }}");
        assert_eq!(lines(Kind::Double, &text), [0; 0], "{body}");
    }
}

#[test]
fn test_code_and_what_is_no_rust_have_no_seed() {
    for text in [
        "#[cfg(test)] mod t { fn f() { let g = A.lock(); } }",
        "#[test] fn f() { let g = A.lock(); }",
        "impl S { #[cfg(any(test, fuzzing))] fn f() { let g = A.lock(); } }",
        "fn f() { let g = A.lock();",
        "#!/usr/bin/env run\nfn f() { let g = A.lock(); }",
    ] {
        assert_eq!(lines(Kind::Double, text), [0; 0], "{text}");
    }
    let marked = "\u{feff}fn f() {\n let g = A.lock(); }\n";
    assert!(seeded(Kind::Double, marked).contains("A.lock(); let _conclint_again = A.lock();"));
}

#[test]
fn call_takes_a_method_that_is_there() {
    let text = "
impl T for S {
    fn len(&self) -> usize {
        if self.off { return 0 }
        self.state.list.lock().unwrap().len()
    }
    fn add(&self) {
        let list = self.state.list.lock().unwrap();
    }
    fn maybe(&self) {
        if self.on { self.state.list.lock().unwrap().clear(); }
    }
}
";
    let planted = seeded(Kind::Call, text);
    let expected = "let list = self.state.list.lock().unwrap(); let _ = self.len();";
    assert!(planted.contains(expected), "{planted}");
    assert_eq!(lines(Kind::Call, text), [8]);
    // A trait's impl takes no further methods.
    assert_eq!(lines(Kind::Deep, text), [0; 0]);
}

#[test]
fn who_is_called_does_not_call() {
    let text = "
impl S {
    fn a(&self) { let g = self.l.lock(); }
    fn b(&self) { let g = self.l.lock(); }
}
";
    let planted = seeded(Kind::Call, text);
    assert!(planted.contains("fn a(&self) { let g = self.l.lock(); let _ = self.b(); }"));
    assert!(planted.contains("fn b(&self) { let g = self.l.lock(); }"));
}

#[test]
fn methods_are_added_where_none_is_there() {
    let text = "impl<T> S<T> {
    async fn a(&self) {
        let g = self.l.lock().await;
    }
} // end
";
    assert_eq!(
        seeded(Kind::Call, text),
        "impl<T> S<T> {
    async fn a(&self) {
        let g = self.l.lock().await; self.conclint_again_7_0().await;
    }
 async fn conclint_again_7_0(&self) { let _g = self.l.lock().await; let _ = &_g; } } // end
"
    );
    let planted = seeded(Kind::Deep, text);
    assert!(planted.contains("let g = self.l.lock().await; self.conclint_outer_7_0().await;"));
    assert!(planted.contains(
        "async fn conclint_outer_7_0(&self) { self.conclint_again_7_0().await; } } // end"
    ));
}

#[test]
fn free_needs_the_type_of_the_field() {
    let text = "
mod m {
    struct S { l: Arc<Mutex<u8>> }
    impl S {
        fn a(&self) -> Result<()> {
            let g = self.l.lock()?;
        }
    }
}
struct G<T> { l: Mutex<T> }
impl<T> G<T> { fn a(&self) { let g = self.l.lock(); } }
";
    let planted = seeded(Kind::Free, text);
    assert!(planted.contains("let g = self.l.lock()?; conclint_free_7_0(&self.l);"));
    assert!(planted.contains(
        "} fn conclint_free_7_0(x: &Arc<Mutex<u8>>) { let _g = x.lock().unwrap(); let _ = &_g; }"
    ));
    assert_eq!(lines(Kind::Free, text), [6]);
}

#[test]
fn order_takes_both_locks_both_ways() {
    let text = "
impl S {
    fn a(&self) { self.l.lock().unwrap().clear(); self.l.lock().unwrap(); }
    fn b(&self) -> usize { self.m.write().len() }
    async fn c(&self) { self.n.lock().await; }
}
impl T { fn a(&self) { self.l.lock(); self.x.m.lock(); } }
";
    let planted = seeded(Kind::Order, text);
    let there = "pub fn conclint_there(&self) { let _a = self.l.lock().unwrap(); \
                 let _b = self.m.write(); let _ = (&_a, &_b); }";
    let back = "pub fn conclint_back(&self) { let _a = self.m.write(); \
                let _b = self.l.lock().unwrap(); let _ = (&_a, &_b); } }";
    assert!(planted.contains(&format!("{there} {back}\n")), "{planted}");
    let [Seed { line: 6, text, .. }] = &*seeds(Kind::Order, text, 7) else {
        panic!("one seed, at the closing brace");
    };
    assert_eq!(text, "self.l.lock().unwrap() and self.m.write()");
}
