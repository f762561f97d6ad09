//! Ways that lead to a lock: wrappers of other people's, `Deref` and spinning.

use super::names_in;

#[test]
fn an_extractor_hands_out_what_it_wraps() {
    let text = |second: &str| {
        format!(
            "
use axum::extract::{{Json, State}};
use std::sync::Arc;
use tokio::sync::Mutex;
#[derive(Clone)]
pub struct App {{ client: Arc<Mutex<u64>>, log: Arc<Mutex<u64>> }}
pub async fn pay(State(app): State<App>, Json(sum): Json<u64>) -> u64 {{
    let mut client = app.client.lock().await;
    *client += sum;
    *client + *app.{second}.lock().await
}}
"
        )
    };
    assert_eq!(names_in(&text("client")), ["double-lock"]);
    assert!(names_in(&text("log")).is_empty());
}

#[test]
fn a_cell_that_is_borrowed_mutably_needs_no_borrow() {
    let text = |first: &str| {
        format!(
            "
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{{Arc, Mutex}};
pub struct State {{ windows: RefCell<HashMap<u32, Arc<Mutex<u64>>>> }}
impl State {{
    pub fn resize(&mut self, id: u32) {{
        let windows = self.windows.get_mut();
        let one = {first}windows.get(&id).unwrap().lock().unwrap();
        drop(windows.get(&id).unwrap().lock().unwrap());
        drop(one);
    }}
}}
"
        )
    };
    assert_eq!(names_in(&text("")), ["double-lock"]);
    assert!(names_in(&text("*")).is_empty());
}

#[test]
fn a_value_may_come_later() {
    let text = |body: &str| {
        format!(
            "
use embassy_sync::{{mutex::Mutex, once_lock::OnceLock}};
use futures_util::lock::BiLock;
use kspin::SpinNoIrq;
use lazy_init::LazyInit;
use std::mem::MaybeUninit;
static TIMERS: LazyInit<SpinNoIrq<u64>> = LazyInit::new();
static mut TASKS: MaybeUninit<std::sync::Mutex<u64>> = MaybeUninit::uninit();
fn tasks() -> &'static std::sync::Mutex<u64> {{ unsafe {{ TASKS.assume_init_ref() }} }}
pub struct Sensor {{ bus: OnceLock<Mutex<u64>>, stats: BiLock<u64> }}
impl Sensor {{
    pub async fn measure(&self) -> u64 {{ {body} }}
}}
"
        )
    };
    for lock in [
        "self.bus.get().await.lock().await",
        "self.stats.lock().await",
        "TIMERS.lock()",
        "tasks().lock().unwrap()",
    ] {
        let again = format!("let one = {lock}; *one + *{lock}");
        assert_eq!(names_in(&text(&again)), ["double-lock"], "{lock}");
        let in_turn = format!("let one = *{lock}; one + *{lock}");
        assert!(names_in(&text(&in_turn)).is_empty(), "{lock}");
    }
}

#[test]
fn a_trait_that_takes_more_does_not_hide_a_lock() {
    let found = |second: &str| {
        names_in(&format!(
            "
use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::{{Arc, Mutex}};
pub trait FileLock: Sized {{ fn lock(self, path: &Path) -> Locked<Self>; }}
pub struct Locked<T>(T);
impl<T> FileLock for T {{ fn lock(self, _path: &Path) -> Locked<T> {{ Locked(self) }} }}
pub struct Pty {{ screen: Arc<Mutex<u64>>, file: File }}
impl Deref for Pty {{
    type Target = Arc<Mutex<u64>>;
    fn deref(&self) -> &Self::Target {{ &self.screen }}
}}
pub struct Composer {{ pty: Option<Pty>, other: Mutex<u64> }}
impl Composer {{
    pub fn draw(&mut self) {{
        if let Some(ref mut pty) = self.pty {{
            let mut screen = pty.lock().unwrap();
            *screen += *{second}.lock().unwrap();
        }}
    }}
}}
"
        ))
    };
    assert_eq!(found("pty"), ["double-lock"]);
    assert!(found("self.other").is_empty());
}

#[test]
fn who_is_called_on_hands_the_call_on() {
    let text = |method: &str| {
        format!(
            "
use std::sync::Mutex;
static SOCKETS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
fn with<R>(then: impl FnOnce(&outside::Socket) -> R) -> R {{
    let sockets = SOCKETS.lock().unwrap();
    then(outside::find(&sockets))
}}
pub struct Tcp;
impl Tcp {{
    pub fn recv_capacity(&self) -> usize {{ with(|socket| socket.opaque().{method}()) }}
    pub fn send_capacity(&self) -> usize {{ SOCKETS.lock().unwrap().len() }}
}}
"
        )
    };
    assert!(names_in(&text("recv_capacity")).is_empty());
    assert_eq!(names_in(&text("send_capacity")), ["double-lock"]);
}

/// A lock that is tried until it is there, something else being done between.
fn sleeping(lock: &str) -> String {
    format!(
        "
pub struct SleepLock<T> {{ inner: spin::Mutex<T>, waiting: Waiting }}
pub struct SleepLockGuard<'a, T> {{ guard: spin::MutexGuard<'a, T>, of: &'a SleepLock<T> }}
impl<T> SleepLock<T> {{
    pub fn lock(&self) -> SleepLockGuard<'_, T> {{ {lock} }}
}}
pub struct Cache {{ index: SleepLock<u64> }}
impl Cache {{
    pub fn clear(&self) {{
        let first = self.index.lock();
        let again = self.index.lock();
        drop((first, again));
    }}
}}
"
    )
}

#[test]
fn a_lock_may_be_tried_until_it_is_there() {
    let tried = "if let Some(guard) = self.inner.try_lock() {
        return SleepLockGuard { guard, of: self };
    }";
    let sleeps = sleeping(&format!("loop {{ {tried} let _ = self.waiting.sleep(); }}"));
    assert_eq!(names_in(&sleeps), ["double-lock"]);
    let gives_up = format!("loop {{ {tried} if self.waiting.for_long() {{ panic!() }} }}");
    assert_eq!(names_in(&sleeping(&gives_up)), ["double-lock"]);
    let leaves =
        format!("loop {{ {tried} if self.waiting.for_long() {{ return self.stolen(); }} }}");
    assert!(names_in(&sleeping(&leaves)).is_empty());
}

#[test]
fn a_guard_may_be_hidden() {
    let text = |second: &str| {
        format!(
            "
use std::ops::{{Deref, DerefMut}};
pub struct Mutex<T> {{ underlying: parking_lot::Mutex<T>, listener: Listener }}
#[derive(Clone)]
pub struct Listener;
struct Listened<U> {{ underlying: U, listener: Listener }}
impl<U> Listened<U> {{
    fn new(lock: impl FnOnce() -> U, listener: Listener) -> Self {{
        let underlying = lock();
        Listened {{ underlying, listener }}
    }}
}}
impl<T, U: Deref<Target = T>> Deref for Listened<U> {{
    type Target = T;
    fn deref(&self) -> &T {{ self.underlying.deref() }}
}}
impl<T, U: DerefMut<Target = T>> DerefMut for Listened<U> {{
    fn deref_mut(&mut self) -> &mut T {{ self.underlying.deref_mut() }}
}}
impl<T> Mutex<T> {{
    pub fn lock(&self) -> impl DerefMut<Target = T> + '_ {{
        Listened::new(|| self.underlying.lock(), self.listener.clone())
    }}
}}
pub struct Store {{ database: Mutex<u64>, cache: Mutex<u64> }}
impl Store {{
    pub fn commit(&self) -> u64 {{
        let database = self.database.lock();
        *database + *self.{second}.lock()
    }}
}}
"
        )
    };
    assert_eq!(names_in(&text("database")), ["double-lock"]);
    assert!(names_in(&text("cache")).is_empty());
}

#[test]
fn a_closure_gets_what_the_function_says() {
    let text = |with: &str, second: &str| {
        format!(
            "
use std::sync::Mutex;
pub struct State {{ count: Mutex<u64>, log: Mutex<u64> }}
pub struct Engine {{ state: State }}
impl Engine {{
    {with}
    pub fn bump(&mut self) {{
        self.with(|state| {{
            let mut count = state.count.lock().unwrap();
            *count += *state.{second}.lock().unwrap();
        }});
    }}
}}
"
        )
    };
    for with in [
        "fn with<R>(&mut self, then: impl FnOnce(&State) -> R) -> R { then(&self.state) }",
        "fn with<R, F: FnOnce(&mut State) -> R>(&mut self, then: F) -> R { then(&mut self.state) }",
        "fn with<F>(&mut self, then: F) where F: Fn(&State) { then(&self.state) }",
        "fn with(&mut self, then: fn(&State)) { then(&self.state) }",
    ] {
        assert_eq!(names_in(&text(with, "count")), ["double-lock"], "{with}");
        assert!(names_in(&text(with, "log")).is_empty(), "{with}");
    }
}

#[test]
fn a_closure_may_run_inside_of_a_sequence() {
    let text = |with: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering}};
use std::sync::Arc;
use std::thread;
pub struct Header {{ seq: AtomicU64, epoch: AtomicU64 }}
impl Header {{
    fn with_write<R>(&self, then: impl FnOnce(&Header) -> R) -> R {{ {with} }}
    pub fn bump(&self) {{
        self.with_write(|header| {{
            let epoch = header.epoch.load(Ordering::Acquire);
            header.epoch.store(epoch + 1, Ordering::Release);
        }});
    }}
}}
pub fn start(header: Arc<Header>) {{
    for _ in 0..4 {{ let header = Arc::clone(&header); thread::spawn(move || header.bump()); }}
}}
"
        )
    };
    assert!(names_in(&text("then(self)")).contains(&"non-atomic-update"));
    let sequence = "loop {
        let seq = self.seq.load(Ordering::Acquire);
        let next = self.seq.compare_exchange(seq, seq + 1, Ordering::AcqRel, Ordering::Acquire);
        if seq % 2 == 0 && next.is_ok() {
            let result = then(self);
            self.seq.store(seq + 2, Ordering::Release);
            return result;
        }
        std::hint::spin_loop();
    }";
    assert!(!names_in(&text(sequence)).contains(&"non-atomic-update"));
}

#[test]
fn a_future_reaches_itself_through_its_pin() {
    let text = |this: &str, second: &str| {
        format!(
            "
use std::future::Future;
use std::pin::Pin;
use std::sync::{{Arc, Mutex}};
use std::task::{{Context, Poll}};
pub struct Shutdown {{ core: Arc<Mutex<bool>>, log: Mutex<Vec<bool>> }}
impl Future for Shutdown {{
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {{
        let this = {this};
        let core = this.core.lock().unwrap();
        drop(this.{second}.lock().unwrap());
        if *core {{ Poll::Ready(()) }} else {{ Poll::Pending }}
    }}
}}
"
        )
    };
    for this in [
        "self.get_mut()",
        "self.as_mut().project()",
        "unsafe { self.get_unchecked_mut() }",
        "Pin::get_mut(self)",
    ] {
        assert_eq!(names_in(&text(this, "core")), ["double-lock"], "{this}");
        assert!(names_in(&text(this, "log")).is_empty(), "{this}");
    }
}

#[test]
fn a_pointer_from_outside_leads_to_an_object() {
    let found = |instance: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
pub struct Instance {{ state: Mutex<u64> }}
pub unsafe extern \"C\" fn enter(instance: *mut Instance) -> u64 {{
    let instance = {instance};
    let state = instance.state.lock().unwrap();
    *state + *instance.state.lock().unwrap()
}}
"
        ))
    };
    for instance in [
        "instance.as_mut().expect(\"null\")",
        "instance.as_ref().unwrap()",
        "Arc::from_raw(instance)",
        "&*instance",
    ] {
        assert_eq!(found(instance), ["double-lock"], "{instance}");
    }
}

#[test]
fn a_cell_of_others_lends_a_lock() {
    let text = |first: &str| {
        format!(
            "
use atomic_refcell::{{AtomicRef, AtomicRefCell}};
use std::sync::{{Arc, Mutex}};
pub struct Process {{ memory: AtomicRefCell<Option<Arc<Mutex<u64>>>> }}
impl Process {{
    fn memory(&self) -> AtomicRef<'_, Option<Arc<Mutex<u64>>>> {{ self.memory.borrow() }}
    pub fn grow(&self) {{
        let memory = self.memory();
        let first = {first}memory.as_ref().unwrap().lock().unwrap();
        drop(memory.as_ref().unwrap().lock().unwrap());
        drop(first);
    }}
}}
"
        )
    };
    assert_eq!(names_in(&text("")), ["double-lock"]);
    assert!(names_in(&text("*")).is_empty());
}

#[test]
fn a_macro_may_declare_a_static() {
    let found = |second: &str| {
        names_in(&format!(
            "
#[cached(sync_writes = true)]
fn cached_answer(url: &str) -> String {{ ask(url) }}
pub fn forget(url: &str) {{
    let mut cache = CACHED_ANSWER.lock().unwrap();
    cache.remove(url);
    {second}.lock().unwrap().clear();
}}
"
        ))
    };
    assert_eq!(found("CACHED_ANSWER"), ["double-lock"]);
    assert!(found("CACHED_QUESTION").is_empty());
}

#[test]
fn a_prelude_may_be_imported() {
    let text = |prelude: &str| {
        format!(
            "
use {prelude}::*;
pub struct Table(spin::RwLock<u64>);
impl Table {{
    pub fn write(&self) -> Result<spin::RwLockWriteGuard<u64>, u32> {{ Ok(self.0.write()) }}
}}
pub struct Process {{ table: Table }}
impl Process {{
    pub fn grow(&self) {{
        let first = self.table.write().unwrap();
        let again = self.table.write().unwrap();
        drop((first, again));
    }}
}}
"
        )
    };
    for prelude in ["std::prelude::v1", "core::prelude::rust_2021"] {
        assert_eq!(names_in(&text(prelude)), ["double-lock"], "{prelude}");
    }
}
