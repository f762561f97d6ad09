//! What callers say of the variant that they hand in, and which element of an
//! array a literal names.

use super::names_in;

/// A method that locks where it looks at its parameter with `look`, called
/// under the lock as `call`.
fn emits(look: &str, call: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::sync::Mutex;

#[derive(PartialEq, Clone)]
pub enum Event {{ Found(u32), Lost(u32), Named {{ id: u32 }}, Idle }}

pub struct Manager {{ known: Mutex<Vec<u32>> }}

impl Manager {{
    fn emit(&self, event: Event) {{ {look} }}

    fn on(&self, event: Event) {{ self.emit(event) }}

    pub fn update(&self, id: u32, event: Event) {{
        let known = self.known.lock().unwrap();
        if known.contains(&id) {{ {call}; }}
    }}
}}
"
    ))
}

const LOOKS: [&str; 8] = [
    "if let Event::Lost(ref id) = event { self.known.lock().unwrap().push(*id); }",
    "match event { Event::Lost(id) => { self.known.lock().unwrap().push(id); } _ => {} }",
    "match &event { Event::Found(_) | Event::Named { .. } => {}, Event::Idle => {}, _ => self.known.lock().unwrap().clear() }",
    "if matches!(event, Event::Lost(..)) { self.known.lock().unwrap().clear(); }",
    "if event == Event::Lost(1) { self.known.lock().unwrap().clear(); }",
    "let Event::Lost(id) = event else { return }; self.known.lock().unwrap().push(id);",
    "let id = match event { Event::Lost(id) => id, _ => return }; self.known.lock().unwrap().push(id);",
    "if !matches!(event, Event::Lost(_)) { return; } self.known.lock().unwrap().clear();",
];

#[test]
fn a_variant_that_is_handed_in_switches_off_what_others_are_for() {
    for look in LOOKS {
        for call in [
            "self.emit(Event::Found(id))",
            "self.emit(Event::Named { id })",
            "self.emit(Event::Idle)",
            "self.on(Event::Found(id))",
            "{ let event = Event::Found(id); self.emit(event.clone()) }",
        ] {
            assert!(emits(look, call).is_empty(), "{look} {call}");
        }
        for call in [
            "self.emit(Event::Lost(id))",
            "self.on(Event::Lost(id))",
            "self.emit(event)",
            "{ let mut event = Event::Found(id); if id > 3 { event = Event::Lost(id); } self.emit(event) }",
            "self.emit(if id > 3 { Event::Lost(id) } else { Event::Idle })",
        ] {
            assert_eq!(emits(look, call), ["double-lock"], "{look} {call}");
        }
    }
}

#[test]
fn what_is_left_of_the_variants() {
    let other = "if let Event::Idle = event {} else { self.known.lock().unwrap().clear(); }";
    assert!(emits(other, "self.emit(Event::Idle)").is_empty());
    assert_eq!(emits(other, "self.emit(Event::Lost(id))"), ["double-lock"]);
    // Of one variant, some come here and some do not.
    for look in [
        "if event != Event::Lost(1) { self.known.lock().unwrap().clear(); }",
        "if let Event::Lost(1) = event {} else { self.known.lock().unwrap().clear(); }",
        "match event { Event::Lost(1) => {} _ => self.known.lock().unwrap().clear() }",
        "match event { Event::Lost(id) if id > 1 => {} _ => self.known.lock().unwrap().clear() }",
    ] {
        let found = emits(look, "self.emit(Event::Lost(id))");
        assert_eq!(found, ["double-lock"], "{look}");
    }
    // The variable is another event by then.
    let changed = "let event = next(event); if let Event::Lost(id) = event { self.known.lock().unwrap().push(id); }";
    assert_eq!(
        emits(changed, "self.emit(Event::Found(id))"),
        ["double-lock"]
    );
}

#[test]
fn a_condition_on_the_way_keeps_its_variant() {
    let look = LOOKS[1];
    let only = "if let Event::Found(_) = event { self.emit(event) }";
    assert!(emits(look, only).is_empty());
    let this = "if let Event::Lost(_) = event { self.emit(event) }";
    assert_eq!(emits(look, this), ["double-lock"]);
}

#[test]
fn many_variants_of_which_each_locks() {
    let code = |variant: &str| {
        let arms: String = (0..20)
            .map(|n| format!("Kind::K{n} => {{ println!(\"{n}\"); self.note({n}) }}\n"))
            .collect();
        let names: String = (0..=20).map(|n| format!("K{n}, ")).collect();
        names_in(&format!(
            "
use std::sync::Mutex;
pub enum Kind {{ {names} }}
pub struct Log {{ lines: Mutex<Vec<u32>> }}
impl Log {{
    fn note(&self, n: u32) {{ self.lines.lock().unwrap().push(n); }}
    fn take(&self, kind: Kind) {{ match kind {{ {arms} Kind::K20 => {{}} }} }}
    pub fn all(&self) {{
        let mut lines = self.lines.lock().unwrap();
        self.take(Kind::{variant});
        lines.clear();
    }}
}}
"
        ))
    };
    for variant in ["K0", "K4", "K10", "K19"] {
        assert_eq!(code(variant), ["double-lock"], "{variant}");
    }
}

#[test]
fn something_or_nothing_is_handed_in() {
    let found = |look: &str, call: &str| {
        names_in(&format!(
            "
use std::collections::BTreeMap;
use std::sync::{{Mutex, MutexGuard}};

pub struct Dag {{ map: Mutex<BTreeMap<u32, u32>> }}

impl Dag {{
    fn split(&self, id: u32, map: Option<&mut BTreeMap<u32, u32>>) {{ {look} }}

    pub fn change(&self, id: u32) {{
        let mut map = self.map.lock().unwrap();
        map.insert(id, 0);
        {call};
        map.remove(&id);
    }}
}}
"
        ))
    };
    for look in [
        "if map.is_none() { self.map.lock().unwrap().clear(); }",
        "if let Some(map) = map { map.clear(); } else { self.map.lock().unwrap().clear(); }",
        "match map { Some(map) => map.clear(), None => self.map.lock().unwrap().clear() }",
        "let mut guard = None;
         let map = map.unwrap_or_else(|| { guard = Some(self.map.lock().unwrap()); guard.as_mut().unwrap() });
         map.insert(id, 1);",
    ] {
        let handed = found(look, "self.split(id, Some(&mut map))");
        assert!(handed.is_empty(), "{look}");
        assert_eq!(found(look, "self.split(id, None)"), ["double-lock"], "{look}");
    }
    let look = "if map.is_some() { self.map.lock().unwrap().clear(); }";
    assert!(found(look, "self.split(id, None)").is_empty());
}

/// Frames of a device, taken like this by two methods.
fn frames(one: &str, other: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::sync::{{Arc, Mutex}};

pub struct Frame {{ n: Mutex<u32> }}

pub struct Device {{ frames: [Mutex<Vec<u32>>; 3], list: Vec<Frame>, shared: Arc<[Mutex<u32>]> }}

impl Device {{
    fn first(&self) {{ self.frames[0].lock().unwrap().clear(); }}

    pub fn begin(&self, i: usize) {{ {one} }}

    pub fn finish(&self, i: usize) {{ {other} }}
}}
"
    ))
}

#[test]
fn literals_name_elements() {
    for apart in [
        "let mut a = self.frames[0].lock().unwrap(); let b = self.frames[1].lock().unwrap(); a.extend(b.iter());",
        "let a = self.list[0].n.lock().unwrap(); let b = self.list[1].n.lock().unwrap(); drop((a, b));",
        "let a = self.frames[1].lock().unwrap(); self.first(); drop(a);",
    ] {
        assert!(frames(apart, "").is_empty(), "{apart}");
    }
    for one in [
        "let mut a = self.frames[0].lock().unwrap(); let b = self.frames[0].lock().unwrap(); a.extend(b.iter());",
        "let a = self.list[1].n.lock().unwrap(); let b = self.list[1].n.lock().unwrap(); drop((a, b));",
        "let a = self.frames[0].lock().unwrap(); self.first(); drop(a);",
        // Any of them.
        "let mut a = self.frames[0].lock().unwrap(); let b = self.frames[i].lock().unwrap(); a.extend(b.iter());",
        "let mut a = self.frames[i].lock().unwrap(); let b = self.frames[1].lock().unwrap(); a.extend(b.iter());",
        // The second of the rest is another one than the first of all.
        "let mut a = self.frames[1].lock().unwrap(); let b = self.frames[1..][0].lock().unwrap(); a.extend(b.iter());",
    ] {
        assert_eq!(frames(one, ""), ["double-lock"], "{one}");
    }
    // Which it is then nobody says.
    let moved = "let mut at = &self.list[0]; let a = at.n.lock().unwrap(); at = &self.list[1];
        let b = at.n.lock().unwrap(); drop((a, b));";
    assert!(frames(moved, "").is_empty());
}

#[test]
fn elements_in_opposite_orders() {
    let take = |list: &str, a: u32, b: u32| {
        format!(
            "let a = self.{list}[{a}]{n}.lock().unwrap(); let b = self.{list}[{b}]{n}.lock().unwrap(); drop((a, b));",
            n = if list == "list" { ".n" } else { "" },
        )
    };
    for list in ["frames", "list"] {
        let opposite = frames(&take(list, 0, 1), &take(list, 1, 0));
        assert_eq!(opposite, ["lock-order-inversion"], "{list}");
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            let kept = frames(&take(list, 0, 1), &take(list, a, b));
            assert!(kept.is_empty(), "{list} {a} {b}");
        }
    }
    let gate = |a, b| format!("let gate = self.frames[2].lock(); {}", take("list", a, b));
    assert!(frames(&gate(0, 1), &gate(1, 0)).is_empty());
}

#[test]
fn elements_have_their_number_in_messages() {
    let text = "
use std::sync::Mutex;
pub struct Device { frames: [Mutex<u32>; 2] }
impl Device {
    pub fn begin(&self) -> u32 { let a = self.frames[0].lock().unwrap(); *a + *self.frames[1].lock().unwrap() }
    pub fn finish(&self) -> u32 { let a = self.frames[1].lock().unwrap(); *a + *self.frames[0].lock().unwrap() }
}
";
    let found = super::findings(&[("src/lib.rs", text)]);
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    let start = "`Device.frames[0]` and `Device.frames[1]` are taken in opposite orders";
    assert!(finding.message.starts_with(start), "{}", finding.message);
}
