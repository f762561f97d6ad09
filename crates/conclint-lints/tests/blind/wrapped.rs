//! Locks and guards in wrappers: types for whatever guard, pointers that are
//! swapped.

use super::{findings, last_line};

/// The lines of the last steps of the double locks in `code`.
fn double_locks(code: &str) -> Vec<u32> {
    let dependencies = "arc-swap = \"1\"\nparking_lot = \"0.12\"\n";
    findings("double-lock", dependencies, code)
        .iter()
        .filter_map(last_line)
        .collect()
}

#[test]
fn a_wrapper_for_whatever_guard_holds_it() {
    let code = "
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use parking_lot::{RwLock, RwLockWriteGuard};
pub struct Traced<G>(G);
impl<T, G: Deref<Target = T>> Deref for Traced<G> {
    type Target = T;
    fn deref(&self) -> &T { &self.0 }
}
pub struct Shared<T>(T);
impl<T> Shared<Arc<RwLock<T>>> {
    pub fn write(&self) -> Traced<RwLockWriteGuard<'_, T>> {
        let guard = Traced(self.0.write());
        println!(\"taken\");
        guard
    }
}
pub fn destroy(pools: &Shared<Arc<RwLock<Vec<u32>>>>, id: u32) {
    let all = pools.write();
    if all.contains(&id) {
        unregister(pools, id);
    }
}
pub fn destroy_in_turn(pools: &Shared<Arc<RwLock<Vec<u32>>>>, id: u32) {
    let there = { pools.write().contains(&id) };
    if there {
        unregister(pools, id);
    }
}
fn unregister(pools: &Shared<Arc<RwLock<Vec<u32>>>>, id: u32) {
    let mut all = pools.write();
    all.0.retain(|other| *other != id);
}
";
    assert_eq!(double_locks(code), [13]);
}

#[test]
fn what_is_loaded_from_an_arc_swap_is_one_lock() {
    let code = "
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::RwLock;
pub struct Folders { current: ArcSwapOption<RwLock<Vec<u32>>>, rules: ArcSwap<RwLock<u32>> }
impl Folders {
    pub fn duplicate(&self) -> Option<u32> {
        let lock = self.current.load_full()?;
        let folder = lock.read();
        let first = *folder.first()?;
        Some(first + self.parent())
    }
    fn parent(&self) -> u32 {
        match self.current.load_full() {
            None => 0,
            Some(lock) => lock.write().pop().unwrap_or(0),
        }
    }
    pub fn both(&self) {
        let rules = self.rules.load();
        let held = rules.write();
        *self.rules.load().write() += *held;
    }
    pub fn in_turn(&self) {
        let lock = self.rules.load_full();
        *lock.write() += 1;
        *self.rules.load().write() += 1;
    }
}
";
    assert_eq!(double_locks(code), [15, 21]);
}
