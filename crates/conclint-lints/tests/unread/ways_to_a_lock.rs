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
