//! Elements of lists, rings of locks, and variables that have one of several.

use super::names_in;

#[test]
fn a_ring_has_a_slot_for_each() {
    let code = |slot: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering}};
use std::sync::Arc;
use std::thread;
pub struct Slot {{ ready: AtomicU64 }}
pub struct Ring {{ slots: Vec<Slot>, first: Slot }}
impl Ring {{
    pub fn drain(&self, at: usize) {{
        let slot = {slot};
        let ready = slot.ready.load(Ordering::Acquire);
        println!(\"{{at}}\");
        slot.ready.store(ready + 1, Ordering::Release);
    }}
}}
pub fn start(ring: Arc<Ring>) {{
    for at in 0..4 {{ let ring = Arc::clone(&ring); thread::spawn(move || ring.drain(at)); }}
}}
"
        )
    };
    assert!(!names_in(&code("&self.slots[at]")).contains(&"non-atomic-update"));
    assert!(names_in(&code("&self.first")).contains(&"non-atomic-update"));
}

#[test]
fn neighbours_of_one_list_meet_in_a_circle() {
    let found = |maker: &str, eat: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
static WAITER: Mutex<u32> = Mutex::new(0);
struct Philosopher {{ left: Arc<Mutex<u32>>, right: Arc<Mutex<u32>> }}
impl Philosopher {{
    fn new(left: Arc<Mutex<u32>>, right: Arc<Mutex<u32>>) -> Self {{ Philosopher {{ left, right }} }}
    fn eat(&self) {{ {eat} }}
}}
pub fn dine() {{
    let forks: Vec<_> = (0..5).map(|_| Arc::new(Mutex::new(0))).collect();
    let threads: Vec<_> = (0..5).map(|i| {{
        {maker}
        thread::spawn(move || one.eat())
    }}).collect();
    for thread in threads {{ thread.join().unwrap(); }}
}}
"
        ))
    };
    let both = "let a = self.left.lock().unwrap(); *self.right.lock().unwrap() += *a;";
    let literal =
        "let one = Philosopher { left: forks[i].clone(), right: forks[(i + 1) % 5].clone() };";
    let called =
        "let one = Philosopher::new(Arc::clone(&forks[i]), Arc::clone(&forks[(i + 1) % 5]));";
    assert_eq!(found(literal, both), ["double-lock"]);
    assert_eq!(found(called, both), ["double-lock"]);
    // In order, one after the other, or one philosopher at a time.
    let ordered = "let (a, b) = (i, (i + 1) % 5); let (a, b) = if a < b { (a, b) } else { (b, a) };
        let one = Philosopher { left: forks[a].clone(), right: forks[b].clone() };";
    assert!(found(ordered, both).is_empty());
    let swapped = "let (mut left, mut right) = (forks[i].clone(), forks[(i + 1) % 5].clone());
        if i == 4 { std::mem::swap(&mut left, &mut right); }
        let one = Philosopher { left, right };";
    assert!(found(swapped, both).is_empty());
    let in_turn = "*self.left.lock().unwrap() += 1; *self.right.lock().unwrap() += 1;";
    assert!(found(literal, in_turn).is_empty());
    let asked = format!("let _turn = WAITER.lock().unwrap(); {both}");
    assert!(found(literal, &asked).is_empty());
    let lists = "let one = Philosopher { left: forks[i].clone(), right: Arc::new(Mutex::new(1)) };";
    assert!(found(lists, both).is_empty());
}

#[test]
fn a_variable_tells_which_element_as_long_as_it_has_that_one() {
    let found = |body: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
pub struct One {{ n: Mutex<u32> }}
impl One {{ fn bump(&self) {{ *self.n.lock().unwrap() += 1; }} }}
fn first(all: &[One]) {{ let one = &all[0]; *one.n.lock().unwrap() += 1; }}
pub fn both(all: &[One]) {{ {body} }}
"
        ))
    };
    let same = "let one = &all[1]; let n = one.n.lock().unwrap(); one.bump(); drop(n);";
    let next =
        "let mut one = &all[1]; let n = one.n.lock().unwrap(); one = &all[2]; one.bump(); drop(n);";
    // A variable of another function says nothing here.
    let there = "let one = &all[1]; let n = one.n.lock().unwrap(); first(all); drop(n);";
    assert_eq!(found(same), ["double-lock"]);
    assert!(found(next).is_empty());
    assert!(found(there).is_empty());
}

#[test]
fn an_arm_that_leaves_gives_no_type() {
    let text = |get: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::{{Arc, Mutex}};

pub struct Peer {{ sent: Mutex<u64> }}

pub struct Peers {{ all: HashMap<u64, Arc<Peer>>, best: Option<Arc<Peer>> }}

impl Peers {{
    pub fn send(&self, id: u64) {{
        for _ in 0..2 {{
            let peer = {get};
            let mut sent = peer.sent.lock().unwrap();
            *sent += *peer.sent.lock().unwrap();
        }}
    }}
}}
"
        )
    };
    for get in [
        "match self.all.get(&id) { None => { return; } Some(peer) => peer }",
        "match self.all.get(&id) { None => { println!(\"none\"); continue; } Some(peer) => peer.clone() }",
        "match &self.best { None => { break; } Some(peer) => peer }",
        "match &self.best { Some(peer) => peer, None => { return; } }",
        "match &self.best { None => return, Some(peer) => peer }",
        "match &self.best { None => { panic!(\"none\"); } Some(peer) => peer }",
        "if self.all.is_empty() { return; } else { &self.all[&id] }",
        "if let Some(peer) = &self.best { peer } else { return; }",
    ] {
        assert_eq!(names_in(&text(get)), ["double-lock"], "{get}");
    }
}
