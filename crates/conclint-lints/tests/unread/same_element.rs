//! Elements that one variable finds twice, and locks in tuples and behind parameters.

use super::names_in;

const SHARDS: &str = "
use std::collections::HashMap;
use std::sync::{Mutex, RwLock};
pub struct Shard { count: Mutex<u64> }
pub struct Shards { all: Vec<Mutex<u64>>, named: HashMap<u32, RwLock<u64>>, own: Vec<Shard> }
";

fn found(body: &str) -> Vec<&'static str> {
    names_in(&format!(
        "{SHARDS}
impl Shards {{
    fn total(&self) -> u64 {{ self.all.iter().map(|shard| *shard.lock().unwrap()).sum() }}
    pub fn add(&self, i: usize, j: usize, id: u32) {{ {body} }}
}}
"
    ))
}

#[test]
fn an_index_finds_the_same_element_again() {
    let again = "let mut one = self.all[i].lock().unwrap(); *one += *self.all[i].lock().unwrap();";
    assert_eq!(found(again), ["double-lock"]);
    let cast = "let i = id; let mut one = self.all[i as usize].lock().unwrap();
        *one += *self.all[i as usize].lock().unwrap();";
    assert_eq!(found(cast), ["double-lock"]);
    let field = "let mut one = self.own[i].count.lock().unwrap();
        *one += *self.own[i].count.lock().unwrap();";
    assert_eq!(found(field), ["double-lock"]);
    let in_loop = "for k in 0..j { let mut one = self.all[k].lock().unwrap();
        *one += *self.all[k].lock().unwrap(); }";
    assert_eq!(found(in_loop), ["double-lock"]);
    let named = "let shard = &self.own[i]; let mut one = shard.count.lock().unwrap();
        *one += *self.own[i].count.lock().unwrap();";
    assert_eq!(found(named), ["double-lock"]);
}

#[test]
fn a_key_finds_the_same_element_again() {
    let again = "let mut one = self.named.get(&id).unwrap().write().unwrap();
        *one += *self.named.get(&id).unwrap().read().unwrap();";
    assert_eq!(found(again), ["double-lock"]);
    let indexed = "let mut one = self.named[&id].write().unwrap();
        *one += *self.named.get(&id).unwrap().read().unwrap();";
    assert_eq!(found(indexed), ["double-lock"]);
    let other = "let mut one = self.named[&id].write().unwrap(); let id = id + 1;
        *one += *self.named[&id].read().unwrap();";
    assert!(found(other).is_empty());
}

#[test]
fn another_index_finds_another_element() {
    let other = "let mut one = self.all[i].lock().unwrap(); *one += *self.all[j].lock().unwrap();";
    assert!(found(other).is_empty());
    let next =
        "let mut one = self.all[i].lock().unwrap(); *one += *self.all[i + 1].lock().unwrap();";
    assert!(found(next).is_empty());
    let moved_on = "let mut k = i; let mut one = self.all[k].lock().unwrap(); k += 1;
        *one += *self.all[k].lock().unwrap();";
    assert!(found(moved_on).is_empty());
    let each = "let mut held = Vec::new();
        for k in 0..j { held.push(self.all[k].lock().unwrap()); }";
    assert!(found(each).is_empty());
    let in_turn =
        "for k in 0..j { *self.all[k].lock().unwrap() += 1; *self.all[k].lock().unwrap() += 1; }";
    assert!(found(in_turn).is_empty());
}

#[test]
fn an_index_of_another_function_says_nothing() {
    let text = |inside: &str| {
        format!(
            "
use std::sync::Mutex;
static ALL: [Mutex<u64>; 4] = [const {{ Mutex::new(0) }}; 4];
pub fn add(i: usize) {{ let mut one = ALL[i].lock().unwrap(); *one += {inside}; }}
fn other(j: usize) -> u64 {{ *ALL[j].lock().unwrap() }}
"
        )
    };
    assert_eq!(names_in(&text("*ALL[i].lock().unwrap()")), ["double-lock"]);
    assert!(names_in(&text("other(i + 1)")).is_empty());
}

#[test]
fn a_list_may_be_the_callers() {
    let text = |second: &str| {
        format!(
            "
use std::sync::Mutex;
pub fn flush(local: &mut [u64], shared: &[Mutex<u64>]) {{
    for (i, own) in local.iter_mut().enumerate() {{
        let mut target = shared[i].lock().unwrap();
        *target += *own + {second};
    }}
}}
"
        )
    };
    assert_eq!(
        names_in(&text("*shared[i].lock().unwrap()")),
        ["double-lock"]
    );
    assert!(names_in(&text("*shared[i + 1].lock().unwrap()")).is_empty());
}

#[test]
fn a_lock_of_the_programs_own_may_be_the_callers() {
    let text = |second: &str| {
        format!(
            "
use std::cell::UnsafeCell;
use std::ops::Deref;
pub struct SpinLock<T> {{ data: UnsafeCell<T> }}
pub struct SpinLockGuard<'a, T> {{ lock: &'a SpinLock<T> }}
impl<T> SpinLock<T> {{
    pub fn lock(&self) -> SpinLockGuard<'_, T> {{ unsafe {{ take(self) }} }}
}}
impl<T> Deref for SpinLockGuard<'_, T> {{
    type Target = T;
    fn deref(&self) -> &T {{ unsafe {{ &*self.lock.data.get() }} }}
}}
pub fn merge(done: &SpinLock<u64>, next: &SpinLock<u64>) -> u64 {{
    let one = done.lock();
    *one + *{second}.lock()
}}
"
        )
    };
    assert_eq!(names_in(&text("done")), ["double-lock"]);
    assert!(names_in(&text("next")).is_empty());
}

#[test]
fn a_lock_may_lie_in_a_tuple() {
    let text = |pair: &str, second: &str| {
        format!(
            "
use std::sync::{{Arc, Condvar, Mutex}};
pub fn wait({pair}
    let mut ready = pair.0.lock().unwrap();
    while !*ready {{ ready = pair.1.wait(ready).unwrap(); }}
    let _again = pair.{second}.lock().unwrap();
}}
"
        )
    };
    let given = ") { let pair = Arc::new((Mutex::new(false), Condvar::new(), Mutex::new(0)));";
    let taken = "pair: &Arc<(Mutex<bool>, Condvar, Mutex<u64>)>) {";
    for pair in [given, taken] {
        assert!(names_in(&text(pair, "0")).contains(&"double-lock"));
        assert!(!names_in(&text(pair, "2")).contains(&"double-lock"));
    }
}
