//! Calls, under a guard, of what takes the lock again.

use super::{findings, names_in};

/// A lock of the program's own, as kernels have them.
const OWN: &str = "
use std::cell::UnsafeCell;
use std::ops::Deref;
use std::sync::Arc;

pub struct SpinLock<T> { data: UnsafeCell<T> }

pub struct SpinLockGuard<'a, T> { lock: &'a SpinLock<T> }

impl<T> SpinLock<T> {
    pub fn lock(&self) -> SpinLockGuard<'_, T> { unsafe { take(self) } }
}

impl<T> Deref for SpinLockGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T { unsafe { &*self.lock.data.get() } }
}
";

#[test]
fn an_own_lock_that_is_handed_over_is_the_callers() {
    let text = |first: &str, second: &str| {
        format!(
            "{OWN}
pub struct Cache {{ pages: SpinLock<Vec<u64>>, dirty: Arc<SpinLock<Vec<u64>>> }}

impl Cache {{
    pub fn evict(&self) -> usize {{
        let pages = self.pages.lock();
        pages.len() + count(&self.{first})
    }}

    pub fn write_back(&self) -> usize {{
        let dirty = self.dirty.lock();
        dirty.len() + count_shared(&self.{second})
    }}
}}

fn count(list: &SpinLock<Vec<u64>>) -> usize {{ list.lock().len() }}

fn count_shared(list: &Arc<SpinLock<Vec<u64>>>) -> usize {{ count(list) }}
"
        )
    };
    assert_eq!(names_in(&text("pages", "dirty")), ["double-lock"; 2]);
    // One after the other in one order, in one of the two only.
    let text = text("dirty", "dirty").replace("let dirty = self.dirty.lock();", "let dirty = [0];");
    assert_eq!(names_in(&text), [""; 0]);
}

#[test]
fn an_own_lock_given_to_helpers_both_ways_is_a_conflict() {
    let text = |second: &str| {
        format!(
            "{OWN}
pub struct Cache {{ pages: SpinLock<Vec<u64>>, dirty: SpinLock<Vec<u64>> }}

impl Cache {{
    pub fn evict(&self) -> usize {{
        let pages = self.pages.lock();
        pages.len() + count(&self.dirty)
    }}

    pub fn write_back(&self) -> usize {{ {second} }}
}}

fn count(list: &SpinLock<Vec<u64>>) -> usize {{ list.lock().len() }}
"
        )
    };
    let back = "let dirty = self.dirty.lock(); dirty.len() + count(&self.pages)";
    assert_eq!(names_in(&text(back)), ["lock-order-inversion"]);
    assert_eq!(
        names_in(&text("count(&self.dirty) + count(&self.pages)")),
        [""; 0]
    );
}

#[test]
fn who_compares_addresses_takes_two_locks_in_order() {
    let text = "
use std::sync::{Mutex, MutexGuard};

pub struct Object { tree: Mutex<u32> }

pub fn lock_two<'a>(
    one: &'a Mutex<u32>,
    other: &'a Mutex<u32>,
) -> (MutexGuard<'a, u32>, MutexGuard<'a, u32>) {
    let first = one as *const Mutex<u32> as usize;
    let second = other as *const Mutex<u32> as usize;
    if first > second {
        let b = other.lock().unwrap();
        let a = one.lock().unwrap();
        (a, b)
    } else {
        let a = one.lock().unwrap();
        let b = other.lock().unwrap();
        (a, b)
    }
}

pub fn copy(from: &Object, into: &Object) {
    let (from, mut into) = lock_two(&from.tree, &into.tree);
    *into = *from;
}
";
    assert_eq!(names_in(text), [""; 0]);
    let one_way = text.replace("first > second", "is_odd(first)");
    assert_eq!(names_in(&one_way), ["double-lock"; 2]);
}

#[test]
fn every_function_that_calls_is_shown() {
    let callers: String = (0..9)
        .map(|number| {
            format!(
                "    pub fn step_{number}(&self) {{ let mut state = self.state.lock().unwrap(); \
                 self.post(); state.push({number}); }}\n"
            )
        })
        .collect();
    let text = format!(
        "
use std::sync::Mutex;

pub struct Source {{ state: Mutex<Vec<u32>> }}

impl Source {{
{callers}
    fn post(&self) {{
        let first = self.state.lock().unwrap().len();
        send(first);
        self.state.lock().unwrap().clear();
    }}
}}
"
    );
    let found = findings(&[("src/lib.rs", &text)]);
    let [finding] = &found[..] else {
        panic!("{found:#?}");
    };
    let shown = |number: u32| {
        let function = format!("Source::step_{number}");
        let mut steps = finding.paths.iter().flat_map(|path| &path.steps);
        steps.any(|step| step.function == function)
    };
    let missing: Vec<u32> = (0..9).filter(|&number| !shown(number)).collect();
    assert_eq!(missing, [0; 0]);
}
