//! The probes of `lifetimes.rs`, as data.

/// What every probe may use. `m` is a lock whose `lock` gives the guard
/// itself, `s` a std one.
pub const PRELUDE: &str = r"
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
enum Either<'a> { Locked(parking_lot::MutexGuard<'a, D>), Not }
struct Wrap<'a> { g: parking_lot::MutexGuard<'a, D> }
fn wrap(g: parking_lot::MutexGuard<'_, D>) -> Wrap<'_> { Wrap { g } }
impl<'a> Wrap<'a> { fn look(&self) -> i32 { self.g.v } fn close(self) {} }
fn place(a: &mut [i32; 3], i: i32) -> &mut i32 { &mut a[i as usize] }
";

/// Statements for the body of `fn p(m: &Mutex<D>, s: &std::sync::Mutex<D>, c: bool)`.
pub const PROBES: &[(&str, &str)] = &[
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
    // Moves into, within and out of other values; what closures take along.
    ("AA", "let x = &mut *m.lock(); here(); x.v;"),
    ("AA", "let x = Some(m.lock()); here();"),
    ("ff", "let x = Some(m.lock()); drop(x); here();"),
    ("AA", "let x = vec![m.lock()]; here();"),
    ("ff", "let x = vec![m.lock()]; drop(x); here();"),
    ("AA", "let b = Box::new(m.lock()); here();"),
    ("ff", "let b = Box::new(m.lock()); drop(b); here();"),
    ("AA", "let g; g = m.lock(); here();"),
    ("ff", "let (g, h) = (m.lock(), 1); drop(g); here();"),
    (
        "ff",
        "let t = (m.lock(), 1); let (a, _) = t; drop(a); here();",
    ),
    ("AA", "let t = (m.lock(), 1); let (_, b) = t; here();"),
    (
        "AA",
        "match Some(m.lock()) { Some(_) => { here(); } None => {} }",
    ),
    (
        "ff",
        "match Some(m.lock()) { Some(g) => drop(g), None => {} } here();",
    ),
    ("AA", "if let Some(_) = m.try_lock() { here(); }"),
    ("ff", "if let Some(g) = m.try_lock() { drop(g); here(); }"),
    (
        "ff",
        "while let Some(g) = m.try_lock() { drop(g); here(); break; }",
    ),
    ("AA", "let x = m.lock().opt().unwrap_or(here());"),
    ("ff", "let x = { let g = m.lock(); g.v }; here();"),
    (
        "ff",
        "let x = if c { let g = m.lock(); g.v } else { here() };",
    ),
    ("ff", "let k = || m.lock().v; k(); here();"),
    ("AA", "let k = || m.lock(); let g = k(); here();"),
    ("ff", "let k = || m.lock(); here(); let g = k();"),
    ("ff", "std::mem::drop(m.lock()); here();"),
    ("AA", "let g = m.lock(); std::mem::forget(g); here();"),
    ("ff", "let mut o = Some(m.lock()); o.take(); here();"),
    (
        "AA",
        "let mut o = Some(m.lock()); let g = o.take(); here();",
    ),
    ("ff", "let mut o = Some(m.lock()); o = None; here();"),
    ("ff", "let g = m.lock(); { let h = g; } here();"),
    (
        "AA",
        "let g = m.lock(); let f = move || { let _ = &g; }; f(); here();",
    ),
    (
        "ff",
        "let g = m.lock(); let f = move || { drop(g); }; f(); here();",
    ),
    (
        "AA",
        "let g = m.lock(); let f = move || { drop(g); }; here(); f();",
    ),
    ("ff", "let v = [m.lock().v; 2]; here();"),
    ("AA", "for i in 0..m.lock().v { here(); }"),
    ("ff", "for i in { let n = m.lock().v; 0..n } { here(); }"),
    ("ff", "while m.lock().v == 0 || hb() { break; }"),
    ("AA", "if m.lock().v == here() {}"),
    ("AA", "let x = m.lock().v == here();"),
    (
        "ff",
        "match m.lock().opt() { Some(x) => {}, None => {} }; here();",
    ),
    (
        "ff",
        "let Some(x) = m.lock().opt() else { panic!() }; here();",
    ),
    ("ff", "let D { v, .. } = *m.lock(); here();"),
    ("AA", "let D { v, .. } = &*m.lock(); here(); *v;"),
    ("AA", "let ref x = m.lock().v; here(); *x;"),
    ("AA", "let x = &m.lock().v as &i32; here(); *x;"),
    (
        "AA",
        "let z = 0; let x = match c { true => &m.lock().v, false => &z }; here(); *x;",
    ),
    ("ff", "let s = S { a: m.lock().v, b: 0 }; here();"),
    (
        "ff",
        "let w = Wrap { g: m.lock() }; let Wrap { g } = w; drop(g); here();",
    ),
    (
        "ff",
        "let w = Some(Wrap { g: m.lock() }); if let Some(w) = w { w.close(); } here();",
    ),
    (
        "AA",
        "let w = Some(Wrap { g: m.lock() }); if let Some(w) = &w { } here();",
    ),
    ("ff", "let a = [m.lock()]; let [g] = a; drop(g); here();"),
    ("AA", "let g = m.lock(); let g2 = &g; here(); g2.v;"),
    ("AA", "let mut g = m.lock(); g.v = here();"),
    ("ff", "m.lock().v = { here() };"),
    (
        "ff",
        "*m.lock() = D { v: here(), b: c, field: 1, o: Over(1) };",
    ),
    ("ff", "let x = (|| { let g = m.lock(); g.v })(); here();"),
    (
        "ff",
        "let x = 'a: { let g = m.lock(); if c { break 'a 1; } 2 }; here();",
    ),
    (
        "AA",
        "'o: loop { let g = m.lock(); loop { if c { break 'o; } here(); break 'o; } }",
    ),
    (
        "ff",
        "let r: Result<i32, ()> = (|| { let g = m.lock(); Err(())?; Ok(g.v) })(); here();",
    ),
    (
        "AA",
        "let x = m.lock().iter().map(|x| x + here()).sum::<i32>();",
    ),
    ("ff", "let it = m.lock().iter(); for x in it { here(); }"),
    ("ff", "let x = Some(1).map(|x| m.lock().v + x); here();"),
    (
        "ff",
        "let g = m.lock(); let o = if c { Some(1) } else { None }; let x = o.map(|v| { let h = g; h.v + v }); here();",
    ),
    (
        "ff",
        "let g = m.lock(); let o = if c { Some(1) } else { None }; let x = o.and_then(|v| { drop(g); Some(v) }); here();",
    ),
    (
        "AA",
        "let g = m.lock(); let o = if c { Some(1) } else { None }; let x = o.map(|v| g.v + v); here();",
    ),
    (
        "AA",
        "let x = Some(1).and_then(|x| { let g = m.lock(); here(); Some(g.v) });",
    ),
    (
        "AA",
        "std::thread::scope(|_| { let g = m.lock(); here(); });",
    ),
    (
        "ff",
        "let g = m.lock(); let h = m.lock(); drop(g); drop(h); here();",
    ),
    ("AA", "let g = m.lock(); let h = m.lock(); drop(g); here();"),
    ("AA", "let g = c.then(|| m.lock()); here();"),
    (
        "AA",
        "let g = if c { Some(m.lock()) } else { None }; here();",
    ),
    (
        "AA",
        "let g = match c { true => m.lock(), false => m.lock() }; here();",
    ),
    (
        "ff",
        "let g = match c { true => m.lock(), false => m.lock() }; drop(g); here();",
    ),
    ("AA", "let x = m.lock().b as i32 + here();"),
    ("AA", "let x = -m.lock().v + here();"),
    ("ff", "let x = !m.lock().b && hb();"),
    ("AA", "let x = [1, 2, 3][m.lock().v as usize] + here();"),
    ("ff", "let n = (m.lock().v..5).count(); here();"),
    ("ff", "if c && m.lock().b { here(); }"),
    ("AA", "if let true = m.lock().b { here(); }"),
    ("AA", "match m.lock() { g if hb() => {} _ => {} }"),
    (
        "ff",
        "match (m.lock(), 0) { (g, _) => { drop(g); here(); } }",
    ),
    ("ff", "match m.lock() { ref g => {} } here();"),
    (
        "ff",
        "let f = |g: parking_lot::MutexGuard<'_, D>| {}; f(m.lock()); here();",
    ),
    (
        "ff",
        "fn take(g: parking_lot::MutexGuard<'_, D>) {} take(m.lock()); here();",
    ),
    (
        "ff",
        "fn take(g: parking_lot::MutexGuard<'_, D>) {} let g = m.lock(); take(g); here();",
    ),
    (
        "AA",
        "fn look(g: &parking_lot::MutexGuard<'_, D>) {} let g = m.lock(); look(&g); here();",
    ),
    (
        "AA",
        "let mut g = m.lock(); let old = std::mem::replace(&mut g, m.lock()); drop(old); here();",
    ),
    (
        "ff",
        "let mut g = m.lock(); let old = std::mem::replace(&mut g, m.lock()); drop(old); drop(g); here();",
    ),
    ("AA", "let mut v = Vec::new(); v.push(m.lock()); here();"),
    ("AA", "let mut o = None; o.replace(m.lock()); here();"),
    ("AA", "let mut o = None; o.insert(m.lock()); here();"),
    (
        "ff",
        "let g = Box::new(m.lock()); let g = *g; drop(g); here();",
    ),
    (
        "ff",
        "let g = m.lock(); match Some(g) { Some(g) => {} None => {} } here();",
    ),
    (
        "ff",
        "let g = m.lock(); match Some(g) { Some(_) => {} None => {} } here();",
    ),
    (
        "AA",
        "let o = Some(m.lock()); match o { Some(_) => {} None => {} } here();",
    ),
    (
        "ff",
        "let o = Some(m.lock()); match o { Some(g) => {} None => {} } here();",
    ),
    (
        "ff",
        "let o = Some(m.lock()); if let Some(g) = o {} here();",
    ),
    ("AA", "let o = Some(m.lock()); let _ = o; here();"),
    ("ff", "let o = Some(m.lock()); o; here();"),
    ("ff", "let g = m.lock(); g; here();"),
    ("ff", "let g = m.lock(); { g }; here();"),
    ("ff", "let g = m.lock(); (g, 1); here();"),
    ("AA", "let g = m.lock(); let t = (g, 1); here();"),
    ("ff", "let g = m.lock(); let t = (g, 1); drop(t); here();"),
    ("ff", "let g = m.lock(); let t = (g, 1); drop(t.0); here();"),
    ("ff", "let g = m.lock(); std::convert::identity(g); here();"),
    ("AA", "let x = Ok::<_, ()>(m.lock()).unwrap(); here();"),
    (
        "ff",
        "let x = S { a: 0, ..S { a: 1, b: m.lock().v } }; here();",
    ),
    ("ff", r#"let g = s.lock().expect("free"); drop(g); here();"#),
    (
        "AA",
        "let g = match s.lock() { Ok(g) => g, Err(e) => e.into_inner() }; here();",
    ),
    (
        "ff",
        "let g = match s.lock() { Ok(g) => g, Err(e) => e.into_inner() }; drop(g); here();",
    ),
    ("ff", "let n = s.lock().map(|g| g.v).unwrap_or(0); here();"),
    ("AA", "let n = s.lock().map(|g| g.v + here()).unwrap_or(0);"),
    (
        "AA",
        "let n = match s.lock() { Ok(g) => g.v, Err(_) => here() };",
    ),
    (
        "ff",
        "let n = match s.lock() { Ok(g) => g.v, Err(_) => 0 }; here();",
    ),
    ("ff", "let n = s.lock().ok().map(|g| g.v); here();"),
    ("AA", "let g = s.lock().ok(); here();"),
    ("AA", "let n = s.lock().ok().map_or(0, |g| here());"),
    ("ff", "if let Ok(mut g) = s.lock() { g.v += 1; } here();"),
    ("ff", "if s.lock().is_ok() { here(); }"),
    ("ff", "if let Ok(g) = s.lock() { drop(g); here(); }"),
    (
        "ff",
        "let g = s.lock(); let g = g.unwrap(); drop(g); here();",
    ),
    (
        "AA",
        "let g = s.lock(); if let Ok(g) = g { drop(g); } here();",
    ),
    ("AA", "let g = s.lock(); if let Ok(g) = &g { } here();"),
    ("ff", "let ok = s.lock().is_ok_and(|g| g.b); here();"),
    (
        "ff",
        "loop { let g = m.lock(); if c { drop(g); here(); break; } break; }",
    ),
    (
        "ff",
        "loop { let g = m.lock(); if c { continue; } break; } here();",
    ),
    (
        "ff",
        "let g = m.lock(); while c { drop(g); here(); return; }",
    ),
    ("ff", "for _ in 0..2 { let g = m.lock(); } here();"),
    ("ff", "for _ in 0..2 { here(); let g = m.lock(); }"),
    (
        "AA",
        "let mut o = None; for _ in 0..2 { here(); o = Some(m.lock()); }",
    ),
    (
        "ff",
        "let mut o = None; for _ in 0..2 { o = None; here(); o = Some(m.lock()); }",
    ),
    (
        "ff",
        "let x = c.then(|| m.lock().v).unwrap_or_else(|| here());",
    ),
    (
        "AA",
        "let x = c.then_some(m.lock().v).unwrap_or_else(|| here());",
    ),
    (
        "AA",
        "let x = m.lock().opt().ok_or(()).and_then(|x| { here(); Ok::<i32, ()>(x) });",
    ),
    ("AA", "let x = m.lock().v.max(here());"),
    ("AA", "let x = i32::max(m.lock().v, here());"),
    ("ff", "let x = std::cmp::max(here(), m.lock().v);"),
    ("ff", "let x = (here(), m.lock().v);"),
    (
        "AA",
        "let x = Some(m.lock().v).into_iter().map(|x| here()).count();",
    ),
    (
        "ff",
        "let x: Vec<i32> = vec![1].into_iter().map(|i| { let g = m.lock(); g.v }).collect(); here();",
    ),
    (
        "AA",
        "let x: Vec<i32> = vec![1].into_iter().map(|i| { let g = m.lock(); here() }).collect();",
    ),
    (
        "AA",
        r#"let y = String::from("a") + &m.lock().v.to_string() + &here().to_string();"#,
    ),
    ("AA", r#"let y = format!("{}{}", m.lock().v, { here() });"#),
    (
        "AA",
        r#"write_it(format_args!("{} {}", m.lock().v, here())); fn write_it(_: std::fmt::Arguments<'_>) {}"#,
    ),
    ("ff", r#"eprintln!("{}", m.lock().v); here();"#),
    (
        "AA",
        "let g = m.lock(); let r = (|| { if c { return 1; } here() })();",
    ),
    ("ff", "let g = m.lock(); if c { return; } drop(g); here();"),
    (
        "ff",
        "let g = m.lock(); let g = { drop(g); m.lock() }; drop(g); here();",
    ),
    ("AA", "let g = m.lock(); let h = { here(); g };"),
    (
        "ff",
        "let mut g = m.lock(); if c { drop(g); here(); g = m.lock(); }",
    ),
    (
        "ff",
        "let mut g = Some(m.lock()); if c { g = None; here(); return; }",
    ),
    (
        "AA",
        "let w = Wrap { g: m.lock() }; let f = move || w.look(); here();",
    ),
    (
        "AA",
        "struct H<'a> { a: Option<parking_lot::MutexGuard<'a, D>> } let h = H { a: Some(m.lock()) }; here();",
    ),
    (
        "ff",
        "struct H<'a> { a: Option<parking_lot::MutexGuard<'a, D>> } let mut h = H { a: Some(m.lock()) }; h.a.take(); here();",
    ),
    (
        "ff",
        "enum E<'a> { A(parking_lot::MutexGuard<'a, D>), B } let e = E::A(m.lock()); match e { E::A(g) => drop(g), E::B => {} } here();",
    ),
    (
        "AA",
        "enum E<'a> { A(parking_lot::MutexGuard<'a, D>), B } let e = if c { E::A(m.lock()) } else { E::B }; here();",
    ),
    ("AA", "let (a, b); (a, b) = (m.lock(), 1); here();"),
    (
        "ff",
        "let (mut a, b); (a, b) = (m.lock(), 1); drop(a); here();",
    ),
    (
        "ff",
        "let g = m.lock(); let ref_v = &g.v; let n = *ref_v; drop(g); here();",
    ),
    ("AA", "const { 1 }; let g = m.lock(); here();"),
    ("AA", "let x = unsafe { m.lock() }; here();"),
    ("ff", "let x = { m.lock() }.v; here();"),
    ("AA", "let x = { m.lock() }.v + here();"),
    ("AA", "let x = (m.lock()).v + here();"),
    ("AA", "let x = loop { let g = m.lock(); break g; }; here();"),
    (
        "ff",
        "let x = loop { let g = m.lock(); break g.v; }; here();",
    ),
    ("AA", "let x = 'a: { break 'a m.lock(); }; here();"),
    (
        "AA",
        "let x = if let Some(g) = m.try_lock() { g } else { return; }; here();",
    ),
    ("ff", "let Some(g) = m.try_lock() else { here(); return; };"),
    (
        "ff",
        "let Some(g) = m.try_lock() else { return; }; drop(g); here();",
    ),
    ("AA", "let g = m.try_lock().unwrap(); here();"),
    ("ff", "let n = m.try_lock().map(|g| g.v); here();"),
    (
        "ff",
        "let n = m.try_lock().map_or(0, |g| { drop(g); here() });",
    ),
    ("ff", "let n = m.try_lock().is_some() && hb();"),
    ("ff", "if m.try_lock().is_none() { here(); }"),
    (
        "AA",
        "match m.try_lock() { Some(g) => { here(); } None => {} }",
    ),
    (
        "AA",
        "match m.try_lock() { None => {} Some(_) => { here(); } }",
    ),
    (
        "ff",
        "match m.try_lock() { Some(_) => {} None => {} } here();",
    ),
    (
        "ff",
        "let e = Either::Locked(m.lock()); match e { Either::Locked(g) => drop(g), Either::Not => {} } here();",
    ),
    (
        "AA",
        "let e = Either::Locked(m.lock()); match e { Either::Locked(_) => {} Either::Not => {} } here();",
    ),
    (
        "ff",
        "let e = if c { Either::Locked(m.lock()) } else { Either::Not }; match e { Either::Not => { here(); } _ => {} }",
    ),
    (
        "AA",
        "let o = Some(m.lock()); match o { Some(g) if c => {} _ => { here(); } }",
    ),
    (
        "ff",
        "let o = if c { Some(m.lock()) } else { None }; match o { Some(g) => { drop(g); } _ => { here(); } }",
    ),
    (
        "ff",
        "let o = if c { Some(m.lock()) } else { None }; drop(o); here();",
    ),
    (
        "ff",
        "let x = match s.lock() { Ok(ref g) => g.v, Err(_) => 0 }; here();",
    ),
    (
        "ff",
        "let n = match s.try_lock() { Ok(g) => g.v, Err(std::sync::TryLockError::WouldBlock) => here(), Err(_) => 0 };",
    ),
    (
        "ff",
        "let n = match s.try_lock() { Ok(g) => g.v, Err(_) => here() };",
    ),
    (
        "ff",
        "let n = if let Ok(g) = s.try_lock() { g.v } else { here() };",
    ),
    (
        "ff",
        "let r = s.lock(); match r { Ok(g) => { drop(g); here(); } Err(_) => {} }",
    ),
    (
        "ff",
        "let r = s.lock(); match r { Ok(g) => drop(g), Err(e) => drop(e) } here();",
    ),
    ("ff", "let b = Box::new(Some(m.lock())); drop(b); here();"),
    ("AA", "let b = Box::new((m.lock(), 1)); here();"),
    (
        "ff",
        "let mut v = vec![m.lock(), m.lock()]; v.clear(); here();",
    ),
    ("AA", "let v = vec![m.lock()]; for g in v { here(); }"),
    ("ff", "let v = vec![m.lock()]; for g in v {} here();"),
    ("AA", "let v = vec![m.lock()]; for g in &v {} here();"),
    (
        "ff",
        "let v: Vec<_> = [1].iter().map(|_| m.lock()).collect(); drop(v); here();",
    ),
    ("ff", "let o = c.then(|| m.lock()); drop(o); here();"),
    (
        "ff",
        "let x = m.lock().iter().next().map(|x| x + 1); here();",
    ),
    (
        "ff",
        "let n = { let g = m.lock(); let n = g.v; drop(g); n }; here();",
    ),
    (
        "ff",
        "let n = { let g = m.lock(); if g.b { return; } g.v }; here();",
    ),
    (
        "ff",
        "let (n, b) = { let g = m.lock(); (g.v, g.b) }; here();",
    ),
    (
        "ff",
        "let n = match m.lock().opt() { Some(n) if n > 0 => n, _ => 0 }; here();",
    ),
    (
        "ff",
        "let g = m.lock(); let n = match g.opt() { Some(n) => n, None => { drop(g); here() } };",
    ),
    (
        "ff",
        "let g = m.lock(); let Some(n) = g.opt() else { drop(g); here(); return; };",
    ),
    (
        "AA",
        "let g = m.lock(); if g.b { drop(g); } else { here(); }",
    ),
    ("ff", "let g = m.lock(); if g.b { drop(g); here(); }"),
    (
        "ff",
        "let g = m.lock(); let b = g.b; drop(g); if b { here(); }",
    ),
    ("ff", "let f = || { let g = m.lock(); g.v }; f(); here();"),
    ("AA", "let f = || { let g = m.lock(); here() }; f();"),
    (
        "ff",
        "let n: i32 = (0..2).map(|i| m.lock().v + i).sum(); here();",
    ),
    (
        "AA",
        "let n: i32 = (0..2).map(|i| m.lock().v + here()).sum();",
    ),
    (
        "ff",
        "let n: i32 = (0..2).filter(|i| m.lock().v == *i).map(|i| here()).sum();",
    ),
    ("AA", "let g = m.lock(); (0..2).for_each(|i| { here(); });"),
    (
        "AA",
        "let g = m.lock(); let t = std::thread::Builder::new(); here();",
    ),
    ("AA", "let g = m.lock(); let g = &*g; here(); g.v;"),
    (
        "ff",
        "let g = { let tmp = m.lock(); tmp }; drop(g); here();",
    ),
    ("AA", "let g = (|| m.lock())(); here();"),
    ("ff", "let g = (|| m.lock())(); drop(g); here();"),
    ("ff", "let n = (|| m.lock())().v; here();"),
    (
        "AA",
        "let mut g = m.lock(); { let r = &mut *g; r.v = 1; } here();",
    ),
    ("AA", "let g = m.lock(); let _g2 = g; here();"),
    ("AA", "let g = m.lock(); let _ = g.v; here();"),
    ("ff", "let _ = m.lock().v; here();"),
    ("AA", "let _ = &m.lock(); here();"),
    ("AA", "let _x = &m.lock().v; here();"),
    ("AA", "let (ref a, _) = (m.lock(), 1); here();"),
    ("AA", "let (a, ref b) = (1, m.lock()); here();"),
    (
        "AA",
        "let Some(ref g) = Some(m.lock()) else { return; }; here();",
    ),
    (
        "ff",
        "let Some(_) = Some(m.lock()) else { return; }; here();",
    ),
    (
        "AA",
        "let Some(_g) = Some(m.lock()) else { return; }; here();",
    ),
    ("ff", "let Wrap { g: _ } = (Wrap { g: m.lock() }); here();"),
    ("AA", "let Wrap { g } = (Wrap { g: m.lock() }); here();"),
    ("ff", "let Wrap { .. } = (Wrap { g: m.lock() }); here();"),
    ("AA", "let w = &Wrap { g: m.lock() }; here(); w.look();"),
    ("ff", "let n = Wrap { g: m.lock() }.look(); here();"),
    ("AA", "let n = Wrap { g: m.lock() }.look() + here();"),
    ("ff", "Wrap { g: m.lock() }.close(); here();"),
    ("ff", "wrap(m.lock()).close(); here();"),
    ("ff", "let n = wrap(m.lock()).look(); here();"),
    // Iterators that take a guard along in a closure.
    (
        "AA",
        "let g = m.lock(); let it = [1].iter().map(move |i| g.v + i); here(); drop(it);",
    ),
    (
        "ff",
        "let g = m.lock(); let it = [1].iter().map(move |i| g.v + i); drop(it); here();",
    ),
    (
        "ff",
        "let g = m.lock(); for _ in [1].iter().map(move |i| g.v + i) {} here();",
    ),
    (
        "AA",
        "let g = m.lock(); for _ in [1].iter().map(move |i| g.v + i) { here(); }",
    ),
    (
        "ff",
        "let g = m.lock(); let it = [1].iter().map(move |i| g.v + i); for _ in it {} here();",
    ),
    (
        "AA",
        "let g = m.lock(); let it = [1].iter().map(move |i| g.v + i); for _ in it { here(); }",
    ),
    (
        "ff",
        "let g = m.lock(); let v: Vec<i32> = [1].iter().map(move |i| g.v + i).collect(); here();",
    ),
    (
        "ff",
        "let g = m.lock(); [1].iter().map(move |i| g.v + i).for_each(drop); here();",
    ),
    (
        "ff",
        "let g = m.lock(); let n = [1].iter().filter(move |i| g.v > **i).count(); here();",
    ),
    (
        "ff",
        "let g = m.lock(); let n = [1].iter().map(move |i| g.v + i).any(|n| n == 1); here();",
    ),
    (
        "AA",
        "let g = m.lock(); let n = [1].iter().map(move |i| g.v + i).any(|n| n == 1) as i32 + here();",
    ),
    (
        "AA",
        "let it = { let g = m.lock(); [1, 2].into_iter().map(move |i| g.v + i) }; here(); drop(it);",
    ),
    (
        "AA",
        "let mut it = { let g = m.lock(); [1, 2].into_iter().map(move |i| g.v + i).peekable() }; it.next(); here();",
    ),
    (
        "AA",
        "let it = { let g = m.lock(); [1, 2].into_iter().map(move |i| g.v + i) }; let rest = it.skip(1); here(); drop(rest);",
    ),
    (
        "ff",
        "let it = { let g = m.lock(); [1, 2].into_iter().map(move |i| g.v + i) }; let n: i32 = it.skip(1).sum(); here();",
    ),
    (
        "ff",
        "let n: i32 = { let g = m.lock(); [1, 2].into_iter().map(move |i| g.v + i).sum() }; here();",
    ),
];

/// Whole functions, where the body's tail is what matters.
pub const TAILS: &[(&str, &str)] = &[
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
