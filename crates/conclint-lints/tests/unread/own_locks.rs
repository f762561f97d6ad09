//! Locks that a program defines itself, as kernels do, and what its own cells
//! and getters lend.

use conclint_diag::Severity;

use super::{findings, names_in};

/// A lock with its guard, as a kernel writes one.
const SPIN: &str = "
use core::cell::UnsafeCell;
use core::ops::Deref;
pub struct GenericSpinlock<T, R> { cell: UnsafeCell<T>, relax: R }
pub struct Pause;
pub type Spinlock<T> = GenericSpinlock<T, Pause>;
pub struct LockGuard<'a, T, R> { lock: &'a GenericSpinlock<T, R>, irq: bool }
impl<T, R> GenericSpinlock<T, R> {
    pub const fn new(data: T) -> Self { todo!() }
    pub fn lock(&self) -> LockGuard<'_, T, R> { LockGuard { lock: self, irq: false } }
    pub fn lock_irqsave(&self) -> LockGuard<'_, T, R> { LockGuard { lock: self, irq: true } }
    pub fn lock_nowait(&self) -> LockGuard<'_, T, R> { LockGuard { lock: self, irq: true } }
}
impl<T, R> Deref for LockGuard<'_, T, R> {
    type Target = T;
    fn deref(&self) -> &T { unsafe { &*self.lock.cell.get() } }
}
impl<T, R> Drop for LockGuard<'_, T, R> { fn drop(&mut self) {} }
pub struct RwSem<T> { cell: UnsafeCell<T> }
pub struct RwSemReadGuard<'a, T> { lock: &'a RwSem<T> }
pub struct RwSemWriteGuard<'a, T> { lock: &'a RwSem<T> }
impl<T> RwSem<T> {
    pub fn read(&self) -> RwSemReadGuard<'_, T> { RwSemReadGuard { lock: self } }
    pub fn write(&self) -> RwSemWriteGuard<'_, T> { RwSemWriteGuard { lock: self } }
    pub fn write_interruptible(&self) -> Result<RwSemWriteGuard<'_, T>, ()> { Ok(self.write()) }
}
pub struct Clock { time: UnsafeCell<u64> }
pub struct ClockGuard<'a> { clock: &'a Clock }
impl Clock { pub fn lock(&self) -> ClockGuard<'_> { ClockGuard { clock: self } } }
pub struct Once<T> { cell: UnsafeCell<Option<T>> }
impl<T> Once<T> {
    pub const fn new() -> Self { todo!() }
    pub fn call_once<F: FnOnce() -> T>(&self, make: F) -> &T { unsafe { (*self.cell.get()).as_ref().unwrap() } }
}
";

fn found(program: &str) -> Vec<&'static str> {
    names_in(&format!("{SPIN}{program}"))
}

#[test]
fn own_locks_are_taken_by_more_names_than_lock() {
    let twice = |first: &str, second: &str| {
        found(&format!(
            "
pub struct Queue {{ list: Spinlock<Vec<u64>>, map: RwSem<u64>, clock: Clock }}
impl Queue {{
    pub fn push(&self) {{
        let first = {first};
        let second = {second};
        drop(first);
    }}
}}
"
        ))
    };
    for (first, second) in [
        ("self.list.lock()", "self.list.lock()"),
        ("self.list.lock_irqsave()", "self.list.lock()"),
        ("self.map.write()", "self.map.read()"),
        (
            "self.map.write_interruptible().unwrap()",
            "self.map.write()",
        ),
    ] {
        assert_eq!(twice(first, second), ["double-lock"], "{first}, {second}");
    }
    for (first, second) in [
        ("self.list.lock()", "self.list.lock_nowait()"),
        ("self.list.lock().len()", "self.list.lock_irqsave()"),
        ("self.clock.lock()", "self.clock.lock()"),
    ] {
        assert!(twice(first, second).is_empty(), "{first}, {second}");
    }
}

#[test]
fn a_type_that_derefs_to_an_own_lock_is_that_lock() {
    let twice = |second: &str| {
        found(&format!(
            "
pub struct Space {{ inner: RwSem<u64>, other: RwSem<u64> }}
impl Deref for Space {{
    type Target = RwSem<u64>;
    fn deref(&self) -> &RwSem<u64> {{ &self.inner }}
}}
pub fn map(space: &Space) {{
    let first = space.write();
    let second = {second};
    drop(first);
}}
"
        ))
    };
    assert_eq!(twice("space.write()"), ["double-lock"]);
    assert_eq!(twice("space.inner.write()"), ["double-lock"]);
    assert!(twice("space.other.write()").is_empty());
}

#[test]
fn an_own_cell_lends_the_one_thing_it_keeps() {
    let twice = |second: &str| {
        let text = format!(
            "{SPIN}
static HANDLES: Once<Spinlock<u64>> = Once::new();
static QUEUES: Once<Spinlock<u64>> = Once::new();
fn handles() -> &'static Spinlock<u64> {{ HANDLES.call_once(|| Spinlock::new(0)) }}
fn queues() -> &'static Spinlock<u64> {{ QUEUES.call_once(|| Spinlock::new(0)) }}
pub fn close() {{
    let first = handles().lock();
    let second = {second}.lock();
    drop(first);
}}
"
        );
        let found = findings(&[("src/lib.rs", &text)]).into_iter();
        found.map(|f| (f.rule, f.severity)).collect::<Vec<_>>()
    };
    // Sure, not only perhaps one object.
    assert_eq!(twice("handles()"), [("double-lock", Severity::Error)]);
    assert!(twice("queues()").is_empty());
}

#[test]
fn a_getter_of_a_trait_lends_the_same_part_each_time() {
    let twice = |second: &str| {
        found(&format!(
            "
use std::sync::Mutex;
pub struct Common {{ state: Mutex<u64>, stats: Mutex<u64> }}
pub trait Device {{
    fn common(&self) -> &Common;
    fn state(&self) -> &Mutex<u64> {{ &self.common().state }}
    fn stats(&self) -> &Mutex<u64> {{ &self.common().stats }}
}}
pub struct Wired {{ common: Common }}
impl Device for Wired {{ fn common(&self) -> &Common {{ &self.common }} }}
pub struct Wireless {{ id: u64, common: Common }}
impl Device for Wireless {{ fn common(&self) -> &Common {{ &self.common }} }}
pub fn reset(device: &dyn Device) {{
    let first = device.state().lock().unwrap();
    let second = {second}.lock().unwrap();
    drop(first);
}}
"
        ))
    };
    assert_eq!(twice("device.state()"), ["double-lock"]);
    assert!(twice("device.stats()").is_empty());
}

#[test]
fn a_closure_that_waits_may_be_run_in_a_loop_by_who_gets_it() {
    let pause = |run: &str| {
        names_in(&format!(
            "
use std::sync::{{Condvar, Mutex}};
pub struct Once {{ lock: Mutex<bool>, done: Condvar }}
fn until<R>(mut ready: impl FnMut() -> Option<R>, mut pause: impl FnMut()) -> R {{
    loop {{ if let Some(found) = ready() {{ return found; }} pause(); }}
}}
impl Once {{
    fn poll(&self) -> Option<u64> {{ None }}
    pub fn set(&self) {{ *self.lock.lock().unwrap() = true; self.done.notify_all(); }}
    fn pause(&self) {{
        let guard = self.lock.lock().unwrap();
        if !*guard {{
            let _guard = self.done.wait(guard).unwrap();
        }}
    }}
    pub fn wait(&self) {{ {run} }}
}}
"
        ))
    };
    let closure = "|| { let guard = self.lock.lock().unwrap(); \
        if !*guard { let _guard = self.done.wait(guard).unwrap(); } }";
    assert_eq!(pause("self.pause();"), ["wait-without-loop"]);
    let both = pause(&format!("until(|| self.poll(), {closure});"));
    assert_eq!(both, ["wait-without-loop"], "that of `pause` alone");
}

#[test]
fn one_branch_of_a_cfg_is_there() {
    let lock = |body: &str| {
        names_in(&format!(
            "
pub struct Lock<T> {{ inner: parking_lot::Mutex<T> }}
impl<T> Lock<T> {{
    pub fn lock(&self) -> parking_lot::MutexGuard<'_, T> {{
        {body}
    }}
}}
pub struct State {{ jobs: Lock<u64> }}
impl State {{
    pub fn twice(&self) {{
        let first = self.jobs.lock();
        let second = self.jobs.lock();
        drop(first);
    }}
}}
"
        ))
    };
    for body in [
        "self.inner.lock()",
        "cfg_select! { debug_assertions => { let guard = self.inner.lock(); guard } _ => { self.inner.lock() } }",
        "cfg_select! { debug_assertions => self.inner.lock(), _ => self.inner.lock(), }",
        "cfg_if::cfg_if! { if #[cfg(unix)] { self.inner.lock() } else { self.inner.lock() } }",
    ] {
        assert_eq!(lock(body), ["double-lock"], "{body}");
    }
}

#[test]
fn a_library_is_meant_where_a_model_checker_has_a_twin_of_it() {
    let twins = |import: &str| {
        names_in(&format!(
            "
mod sync {{
    #[cfg(loom)]
    pub use self::checked::*;
    #[cfg(not(loom))]
    pub use parking_lot::*;
    #[cfg(loom)]
    mod checked {{
        pub struct Mutex<T>(loom::sync::Mutex<T>);
        impl<T> Mutex<T> {{
            pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {{ self.0.lock().unwrap() }}
        }}
    }}
}}
{import}
pub struct State {{ jobs: Mutex<u64> }}
impl State {{
    pub fn twice(&self) {{
        let first = self.jobs.lock();
        let second = self.jobs.lock();
        drop(first);
    }}
}}
"
        ))
    };
    assert_eq!(twins("use crate::sync::Mutex;"), ["double-lock"]);
    assert_eq!(twins("use self::sync::*;"), ["double-lock"]);
}

#[test]
fn a_getter_that_each_generic_type_has_is_that_of_its_own() {
    let found = names_in(
        "
use std::sync::Mutex;
pub trait Filters { fn polls(&self) -> &Mutex<u64>; }
pub struct Client<C> { polls: Mutex<u64>, client: C }
impl<C> Filters for Client<C> { fn polls(&self) -> &Mutex<u64> { &self.polls } }
pub trait Api { fn poll(&self); }
impl<T: Filters + Send> Api for T {
    fn poll(&self) {
        let first = self.polls().lock().unwrap();
        let second = self.polls().lock().unwrap();
        drop(first);
    }
}
",
    );
    assert_eq!(found, ["double-lock"]);
}

#[test]
fn the_prelude_may_be_imported() {
    let found = names_in(
        "
mod prelude { pub use std::prelude::v1::*; }
use prelude::*;
use std::sync::{Mutex, MutexGuard};
pub struct State { jobs: Mutex<u64> }
impl State {
    fn jobs(&self) -> Result<MutexGuard<'_, u64>, ()> { Ok(self.jobs.lock().unwrap()) }
    pub fn twice(&self) {
        let first = self.jobs().unwrap();
        let second = self.jobs().unwrap();
        drop(first);
    }
}
",
    );
    assert_eq!(found, ["double-lock"]);
}

#[test]
fn two_parts_of_a_static_tuple_are_two_locks() {
    let twice = |first: &str, second: &str| {
        names_in(&format!(
            "
use std::sync::{{Mutex, OnceLock}};
type Both = (Mutex<u64>, Mutex<u64>);
static STREAMS: OnceLock<Both> = OnceLock::new();
fn streams() -> &'static Both {{ STREAMS.get_or_init(|| (Mutex::new(1), Mutex::new(2))) }}
pub fn swap() {{
    let (left, right) = streams();
    let first = {first}.lock().unwrap();
    let second = {second}.lock().unwrap();
    drop(first);
}}
"
        ))
    };
    assert!(twice("left", "right").is_empty());
    assert!(twice("streams().0", "streams().1").is_empty());
    assert_eq!(twice("left", "left"), ["double-lock"]);
    assert_eq!(twice("streams().1", "right"), ["double-lock"]);
}

#[test]
fn what_a_stream_does_it_does_when_it_is_asked() {
    let found = |outside: &str, inside: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
pub struct Feed {{ last: Mutex<u64> }}
impl Feed {{
    pub async fn read(&self) {{
        {outside}
        let items = async_stream::try_stream! {{ {inside} fetch().await; yield 1; }};
        consume(items);
    }}
}}
async fn fetch() {{ tokio::time::sleep(std::time::Duration::from_secs(1)).await; }}
fn consume<T>(_: T) {{}}
"
        ))
    };
    let guard = "let last = self.last.lock().unwrap();";
    assert!(found(guard, "").is_empty());
    let inside = found("", &format!("{guard} println!(\"{{last}}\");"));
    assert_eq!(inside, ["guard-across-await"]);
}
