//! Locks of the program itself behind its own handles, maps of locks that a
//! library keeps, and objects that a function gives each time.

use super::names_in;

/// A lock, a handle and a value that is made later, as kernels have them.
const OWN: &str = "
use core::cell::UnsafeCell;
use core::ops::Deref;
use core::ptr::NonNull;

pub struct SpinLock<T> { data: UnsafeCell<T> }

pub struct SpinLockGuard<'a, T> { lock: &'a SpinLock<T> }

impl<T> SpinLock<T> {
    pub fn lock(&self) -> SpinLockGuard<'_, T> { unsafe { take(self) } }
}

impl<T> Deref for SpinLockGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T { unsafe { &*self.lock.data.get() } }
}

pub struct Shared<T> { inner: NonNull<T> }

impl<T> Shared<T> {
    fn inner(&self) -> &T { unsafe { self.inner.as_ref() } }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T { self.inner() }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self { Shared { inner: self.inner } }
}
";

#[test]
fn an_own_lock_behind_an_own_handle_is_a_lock() {
    let text = |between: &str| {
        format!(
            "{OWN}
pub struct Process {{ pub handlers: Shared<SpinLock<Vec<u64>>>, state: u64 }}

impl Process {{
    pub fn kill(&mut self) {{
        let handlers = self.handlers.clone();
        let handlers = handlers.lock();
        let first = handlers.len();
        {between}
        self.prepare(first as u64);
    }}

    fn prepare(&mut self, signal: u64) {{ self.state = self.handlers.lock()[0] + signal; }}
}}
"
        )
    };
    assert_eq!(names_in(&text("")), ["double-lock"]);
    assert!(names_in(&text("drop(handlers);")).is_empty());
}

#[test]
fn two_handles_lead_to_two_locks() {
    let text = format!(
        "{OWN}
pub struct Process {{ handlers: Shared<SpinLock<u64>>, files: Shared<SpinLock<u64>> }}

impl Process {{
    pub fn sum(&self) -> u64 {{
        let handlers = self.handlers.lock();
        *handlers + *self.files.lock()
    }}
}}
"
    );
    assert!(names_in(&text).is_empty());
}

#[test]
fn an_own_lock_in_a_late_static_is_a_lock() {
    let text = format!(
        "{OWN}
static QUEUE: Shared<SpinLock<u64>> = Shared::new();
static TIMERS: Shared<SpinLock<u64>> = Shared::new();

pub fn sleep() {{
    let queue = QUEUE.lock();
    set_alarm(*queue);
}}

fn set_alarm(at: u64) {{ wait(at + *TIMERS.lock()); }}

pub fn expire() {{
    let timers = TIMERS.lock();
    wake(*timers);
}}

fn wake(at: u64) {{ wait(at + *QUEUE.lock()); }}
"
    );
    assert_eq!(names_in(&text), ["lock-order-inversion"]);
}

#[test]
fn locks_are_the_values_of_an_ordered_map_of_a_library() {
    let text = |second: &str| {
        format!(
            "
use crossbeam_skiplist::SkipMap;
use std::sync::RwLock;

pub struct Database {{
    rows: SkipMap<u64, RwLock<Vec<u64>>>,
    transactions: SkipMap<u64, RwLock<Vec<u64>>>,
}}

impl Database {{
    pub fn insert(&self, id: u64) -> Result<(), String> {{
        let entry = self.transactions.get(&id).ok_or(String::new())?;
        let mut transaction = entry.value().write().unwrap();
        let rows = self.rows.get_or_insert_with(id, || RwLock::new(Vec::new()));
        let mut rows = rows.value().write().unwrap();
        rows.push(transaction.len() as u64);
        transaction.push(id);
        Ok(())
    }}

    pub fn delete(&self, id: u64) {{
        let found = self.rows.get(&id);
        if let Some(ref rows) = found {{
            {second}
        }}
    }}
}}
"
        )
    };
    let inverted = "
            let mut rows = rows.value().write().unwrap();
            let transaction = self.transactions.get(&id).unwrap();
            rows.push(transaction.value().read().unwrap()[0]);";
    assert_eq!(names_in(&text(inverted)), ["lock-order-inversion"]);
    let same = "
            let transaction = self.transactions.get(&id).unwrap();
            let transaction = transaction.value().read().unwrap();
            rows.value().write().unwrap().push(transaction[0]);";
    assert!(names_in(&text(same)).is_empty());
}

/// What each processor has of its own, at an address that is always the same.
fn per_processor(use_of_it: &str) -> String {
    format!(
        "
use std::sync::{{Mutex, MutexGuard}};

const BASE: usize = 0xffff_8000;
const OTHER: usize = 0xffff_9000;

pub struct Area {{ state: Mutex<u64> }}

pub struct Processor {{ pub area: &'static Area }}

impl Processor {{
    pub fn state(&self) -> MutexGuard<'_, u64> {{ self.area.state.lock().unwrap() }}
    pub fn next(&self) -> u64 {{ *self.area.state.lock().unwrap() + 1 }}
}}

pub fn this() -> &'static Processor {{ unsafe {{ &*(BASE as *const Processor) }} }}

pub fn this_mut() -> &'static mut Processor {{
    unsafe {{ (BASE as *mut Processor).as_mut().unwrap() }}
}}

pub fn other() -> &'static Processor {{ unsafe {{ &*(OTHER as *const Processor) }} }}

fn once(request: u64) -> u64 {{ this_mut().next() + request }}

{use_of_it}
"
    )
}

#[test]
fn an_object_at_a_constant_address_is_one_object() {
    let handle = |between: &str| {
        per_processor(&format!(
            "
pub fn handle() -> u64 {{
    let state = this().state();
    let request = *state;
    {between}
    once(request)
}}"
        ))
    };
    assert_eq!(names_in(&handle("")), ["double-lock"]);
    assert!(names_in(&handle("drop(state);")).is_empty());
}

#[test]
fn objects_at_two_addresses_are_two() {
    let both = "
pub fn both() -> u64 {
    let state = this().state();
    *state + other().next()
}";
    assert!(names_in(&per_processor(both)).is_empty());
}

#[test]
fn a_getter_looks_through_a_lock() {
    let text = |locks: &str, second: &str| {
        format!(
            "{locks}
use std::collections::HashMap;

static OPEN: SpinLock<HashMap<u64, Shared<SpinLock<u64>>>> = SpinLock::new();

pub struct File;

impl File {{
    pub fn get(id: u64) -> Option<Shared<SpinLock<u64>>> {{ OPEN.lock().get(&id).cloned() }}
}}

pub struct Process {{ memory: Option<Shared<SpinLock<u64>>> }}

impl Process {{
    pub fn memory(&self) -> Option<Shared<SpinLock<u64>>> {{ self.memory.clone() }}
}}

pub fn write(process: &Process, id: u64) -> u64 {{
    let memory = process.memory().unwrap();
    let file = File::get(id).unwrap();
    let held = memory.lock();
    *held + *file.lock()
}}

pub fn write_all(process: &Process, id: u64) -> u64 {{
    let (memory, file) = {{
        let memory = process.memory().unwrap();
        (memory, File::get(id).unwrap())
    }};
    {second}
}}
"
        )
    };
    let inverted = "let open = file.lock(); *open + *memory.lock()";
    assert_eq!(names_in(&text(OWN, inverted)), ["lock-order-inversion"]);
    let same = "let held = memory.lock(); *held + *file.lock()";
    assert!(names_in(&text(OWN, same)).is_empty());
    let in_std = |second| {
        let text = text("use std::sync::{Arc as Shared, Mutex as SpinLock};", second);
        names_in(&text.replace(".lock()", ".lock().unwrap()"))
    };
    assert_eq!(in_std(inverted), ["lock-order-inversion"]);
    assert!(in_std(same).is_empty());
}

#[test]
fn what_two_own_collections_hold_is_not_one_lock() {
    let text = format!(
        "{OWN}
pub struct Table<V> {{ slots: Vec<V> }}

impl<V> Table<V> {{
    pub fn get(&self, at: usize) -> Option<&V> {{ self.slots.get(at) }}
}}

static FILES: SpinLock<Table<Shared<SpinLock<u64>>>> = SpinLock::new();
static MOUNTS: SpinLock<Table<Shared<SpinLock<u64>>>> = SpinLock::new();
static MEMORY: SpinLock<u64> = SpinLock::new();

fn file(at: usize) -> Option<Shared<SpinLock<u64>>> {{ FILES.lock().get(at).cloned() }}
fn mount(at: usize) -> Option<Shared<SpinLock<u64>>> {{ MOUNTS.lock().get(at).cloned() }}

pub fn read(at: usize) -> u64 {{
    let file = file(at).unwrap();
    let held = file.lock();
    *held + *MEMORY.lock()
}}

pub fn mounted(at: usize) -> u64 {{
    let mount = mount(at).unwrap();
    let memory = MEMORY.lock();
    *memory + *mount.lock()
}}
"
    );
    assert!(names_in(&text).is_empty());
}
