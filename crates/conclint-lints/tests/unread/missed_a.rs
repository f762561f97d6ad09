//! What was missed in bugs that nobody had read: handles, and local maps.

use super::{errors_in, names_in};

/// A handle that dereferences to the lock, with `methods` of it.
fn handle(target: &str, methods: &str) -> String {
    format!(
        "
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{{Arc, Mutex}};

pub struct Inner {{ items: HashMap<u32, u32>, events: Arc<Mutex<Vec<u32>>> }}
#[derive(Clone)]
pub struct Manager(Arc<Mutex<Inner>>);

impl Deref for Manager {{
    type Target = {target};
    fn deref(&self) -> &{target} {{ &self.0 }}
}}

impl Manager {{
    pub fn get(&self, key: u32) -> Option<u32> {{
        let inner = self.lock().unwrap();
        inner.items.get(&key).copied()
    }}
    {methods}
}}
"
    )
}

const TARGETS: [&str; 2] = ["Arc<Mutex<Inner>>", "Mutex<Inner>"];

#[test]
fn a_handle_is_the_lock_it_dereferences_to() {
    let again = "pub fn remove(&self, key: u32) -> Option<u32> {
        let mut inner = self.lock().unwrap();
        inner.items.remove(&key);
        self.get(key)
    }";
    let once = "pub fn remove(&self, key: u32) -> Option<u32> {
        self.lock().unwrap().items.remove(&key);
        self.get(key)
    }";
    let of_another = "pub fn copy(&self, other: &Manager) -> Option<u32> {
        let mut inner = self.lock().unwrap();
        inner.items.clear();
        other.get(0)
    }";
    for target in TARGETS {
        assert_eq!(errors_in(&handle(target, again)), ["double-lock"]);
        assert!(names_in(&handle(target, once)).is_empty());
        assert!(names_in(&handle(target, of_another)).is_empty());
    }
}

#[test]
fn parts_of_what_is_borrowed_mutably_are_told_apart() {
    let merge = |own: &str| {
        format!(
            "pub fn merge({own}self, first: &Manager, second: &Manager) {{
        let mut first = first.lock().unwrap();
        first.items.extend(second.lock().unwrap().items.drain());
    }}"
        )
    };
    for target in TARGETS {
        assert!(names_in(&handle(target, &merge("&mut "))).is_empty());
        assert_eq!(names_in(&handle(target, &merge("&"))), ["double-lock"]);
    }
}

#[test]
fn handles_and_locks_out_of_them_have_an_order() {
    let forth = "pub fn forth(&self) {
        let inner = self.lock().unwrap();
        let events = inner.events.clone();
        events.lock().unwrap().push(1);
    }";
    let back = "pub fn back(&self) {
        let events = self.lock().unwrap().events.clone();
        let mut events = events.lock().unwrap();
        self.lock().unwrap().items.clear();
        events.clear();
    }";
    for target in TARGETS {
        assert!(names_in(&handle(target, back)).is_empty());
        let both = handle(target, &format!("{forth}{back}"));
        assert_eq!(errors_in(&both), ["lock-order-inversion"]);
    }
}

#[test]
fn a_handle_in_a_variable_is_that_lock_too() {
    let forth = "pub fn forth(&self, found: Option<Manager>) {
        let inner = self.lock().unwrap();
        let events = inner.events.clone();
        events.lock().unwrap().push(1);
    }";
    let back = "pub fn back(&self, find: fn() -> Option<Manager>) {
        let events = self.lock().unwrap().events.clone();
        let mut events = events.lock().unwrap();
        match find() {
            None => events.clear(),
            Some(found) => found.lock().unwrap().items.clear(),
        }
    }";
    for target in TARGETS {
        let both = handle(target, &format!("{forth}{back}"));
        assert_eq!(errors_in(&both), ["lock-order-inversion"]);
    }
}

#[test]
fn a_local_map_stays_the_same_when_it_is_changed() {
    let text = |then: &str| {
        format!(
            "
use dashmap::DashMap;
use std::sync::Arc;

pub fn bench(keys: Vec<u32>, seen: fn(u32)) {{
    let map: Arc<DashMap<u32, u32>> = Arc::new(DashMap::new());
    let theirs = map.clone();
    rayon::join(move || theirs.insert(1, 2), || ());
    for key in keys {{
        let found = map.get(&key).unwrap();
        seen(*found);
        {then}
        map.remove(&key);
    }}
}}
"
        )
    };
    assert_eq!(errors_in(&text("")), ["double-lock"]);
    assert!(errors_in(&text("drop(found);")).is_empty());
}

#[test]
fn locks_of_enclaves_are_locks() {
    let text = "
#![no_std]
extern crate sgx_tstd as std;
use std::sync::{Arc, SgxMutex};

pub struct Process { files: Arc<SgxMutex<Vec<u32>>> }

impl Process {
    fn find(&self) -> usize { self.files.lock().unwrap().len() }
    pub fn add(&self) {
        let mut files = self.files.lock().unwrap();
        files.push(self.find() as u32);
    }
}
";
    assert_eq!(errors_in(text), ["double-lock"]);
}

/// A queue of checks whose two ends lie behind one lock.
fn checks(adding: &str, send: &str) -> String {
    format!(
        "
use std::sync::mpsc::{{Receiver, Sender}};
use std::sync::{{Arc, Mutex}};
use std::thread;

pub struct Checks {{ sender: Sender<()>, receiver: Receiver<()> }}

impl Checks {{
    fn add(&self) {{ self.sender.send(()).unwrap(); }}
}}

pub struct Queue {{ checks: Arc<Mutex<Checks>> }}

impl Queue {{
    pub fn start(self, more: Sender<()>) -> thread::JoinHandle<()> {{
        {adding}
        let adder = thread::spawn(move || for _ in 0..10 {{ {send} }});
        thread::spawn(move || {{
            for _ in 0..10 {{ self.checks.lock().unwrap().receiver.recv().unwrap(); }}
            adder.join().unwrap();
        }})
    }}
}}
"
    )
}

#[test]
fn nobody_sends_while_the_receiver_holds_the_lock_of_both_ends() {
    let locked = checks(
        "let checks = self.checks.clone();",
        "checks.lock().unwrap().add();",
    );
    assert_eq!(names_in(&locked), ["blocking-under-lock"]);
    let free = checks(
        "let sender = self.checks.lock().unwrap().sender.clone();",
        "sender.send(()).unwrap();",
    );
    assert!(names_in(&free).is_empty(), "{:?}", names_in(&free));
    let others_too = checks(
        "let checks = self.checks.clone();",
        "checks.lock().unwrap().add(); more.send(()).unwrap();",
    );
    assert!(names_in(&others_too).is_empty());
}

/// A group and its bars, each of which draws to the group that it knows by
/// `target`, which is made as `made`.
fn group(target: &str, state: &str, made: &str) -> String {
    format!(
        "
use std::sync::{{Arc, Mutex, RwLock}};

pub struct Group {{ state: Arc<RwLock<Vec<u32>>> }}
pub struct Bar {{ state: Arc<Mutex<BarState>> }}
pub struct BarState {{ target: Target, ticks: u32 }}
{target}

impl Target {{
    fn remote(state: Arc<RwLock<Vec<u32>>>) -> Self {{ {made} }}
    fn width(&self) -> usize {{ {state} }}
}}
impl Group {{
    pub fn add(&self, bar: &Bar) {{
        let target = Target::remote(self.state.clone());
        bar.state.lock().unwrap().target = target;
    }}
    pub fn insert(&self, bar: &Bar) {{
        let mut state = self.state.write().unwrap();
        state.push(bar.state.lock().unwrap().ticks);
    }}
}}
impl Bar {{
    pub fn draw(&self) {{
        let mut state = self.state.lock().unwrap();
        state.ticks += state.target.width() as u32;
    }}
}}
"
    )
}

#[test]
fn a_clone_in_a_variant_or_tuple_is_the_same_lock() {
    let in_struct = "match self { Target::Multi { state } => state.read().unwrap().len(), _ => 0 }";
    let in_tuple = "match self { Target::Multi(state) => state.read().unwrap().len(), _ => 0 }";
    for text in [
        group(
            "pub enum Target { Hidden, Multi { state: Arc<RwLock<Vec<u32>>> } }",
            in_struct,
            "Target::Multi { state }",
        ),
        group(
            "pub enum Target { Hidden, Multi(Arc<RwLock<Vec<u32>>>) }",
            in_tuple,
            "Self::Multi(state)",
        ),
        group(
            "pub struct Target(Arc<RwLock<Vec<u32>>>);",
            "self.0.read().unwrap().len()",
            "Target(state)",
        ),
    ] {
        assert_eq!(errors_in(&text), ["lock-order-inversion"], "{text}");
    }
    let own = group(
        "pub enum Target { Hidden, Multi(Arc<RwLock<Vec<u32>>>) }",
        in_tuple,
        "Self::Multi(Arc::new(RwLock::new(state.read().unwrap().clone())))",
    );
    assert!(errors_in(&own).is_empty());
}
