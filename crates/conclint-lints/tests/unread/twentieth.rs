//! What the twentieth group of repositories showed.

use super::names_in;

#[test]
fn a_look_with_a_sleep_in_between_is_polling_and_no_spin() {
    let found = |signature: &str, look: &str, pause: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicU32, Ordering}};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;
pub struct Pool {{ starting: AtomicU32, orders: Receiver<u32> }}
impl Pool {{
    pub {signature} started(&self) {{
        while {look} {{ {pause} }}
    }}
}}
"
        ))
    };
    let (look, pause) = (
        "self.starting.load(Ordering::Acquire) > 0",
        "thread::sleep(Duration::from_millis(50));",
    );
    assert_eq!(found("fn", look, pause), [""; 0]);
    assert_eq!(found("fn", look, "thread::yield_now();"), ["busy-wait"]);
    // A task that sleeps keeps its worker, and `recv` is at hand.
    assert_eq!(found("async fn", look, pause), ["busy-wait"]);
    let look = "self.orders.try_recv().is_err()";
    assert_eq!(found("fn", look, pause), ["busy-wait"]);
}

#[test]
fn far_behind_the_start_of_a_thread_an_object_is_its_own() {
    let found = |calls: usize, test: &str| {
        let steps: String = (0..calls)
            .map(|step| format!("fn step{step}(load: &Load) {{ step{}(load); }}\n", step + 1))
            .collect();
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicU32, Ordering}};
use std::sync::Arc;
use std::thread;
pub struct Load {{ mean: AtomicU32 }}
{steps}
fn step{calls}(load: &Load) {{
    let mean = load.mean.load(Ordering::SeqCst);
    load.mean.store(mean / 2, Ordering::SeqCst);
}}
{test}
pub fn start(load: &Arc<Load>) {{
    for _ in 0..2 {{
        let load = Arc::clone(load);
        thread::spawn(move || step0(&load)).join().unwrap();
    }}
}}
"
        ))
        .contains(&"non-atomic-update")
    };
    assert!(found(2, ""));
    assert!(!found(3, ""));
    // Who calls it in a test on several threads, means it so; what lies behind
    // that says nothing of the program.
    assert!(found(0, "#[cfg(test)]"));
    assert!(!found(1, "#[cfg(test)]"));
}

#[test]
fn what_a_test_calls_on_two_threads_is_meant_for_two() {
    let found = |test: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicU32, Ordering}};
use std::thread;
pub struct Load {{ mean: AtomicU32 }}
impl Load {{
    pub fn halve(&self) {{
        let mean = self.mean.load(Ordering::SeqCst);
        self.mean.store(mean / 2, Ordering::SeqCst);
    }}
}}
#[cfg(test)]
mod tests {{
    use super::*;
    fn start(load: &'static Load) {{ thread::spawn(|| load.halve()).join().unwrap(); }}
    static LOAD: Load = Load {{ mean: AtomicU32::new(8) }};
    #[test]
    fn halves() {{ {test} }}
}}
"
        ))
        .contains(&"non-atomic-update")
    };
    let once = "scope.spawn(|| LOAD.halve());";
    assert!(!found(&format!("thread::scope(|scope| {{ {once} }});")));
    assert!(found(&format!(
        "thread::scope(|scope| {{ {once} {once} }});"
    )));
    assert!(!found("start(&LOAD);"));
    assert!(found("for _ in 0..2 { start(&LOAD); }"));
}

#[test]
fn a_lock_beside_an_rc_is_of_one_thread() {
    let found = |field: &str, context: &str, rest: &str| {
        names_in(&format!(
            "
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{{Arc, Mutex}};
pub struct Command;
pub struct Prompt {{ seen: RefCell<u32> }}
pub struct Manager {{ {field}, context: {context} }}
{rest}
impl Manager {{
    pub async fn run(&self) {{
        let context = self.context.lock().unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(*context)).await;
    }}
}}
"
        ))
    };
    let lock = "Mutex<u64>";
    let told = ["guard-across-await"];
    for field in [
        "commands: Mutex<Vec<Rc<Command>>>",
        "seen: RefCell<u32>",
        "prompt: Option<Box<Prompt>>",
    ] {
        assert_eq!(found(field, lock, ""), [""; 0], "{field}");
        assert_eq!(found(field, "Arc<Mutex<u64>>", ""), told, "{field}");
        let otherwise = "unsafe impl Sync for Manager {}";
        assert_eq!(found(field, lock, otherwise), told, "{field}");
    }
    for field in [
        "commands: Mutex<Vec<Arc<Command>>>",
        "seen: Mutex<RefCell<u32>>",
        "prompt: Mutex<Prompt>",
    ] {
        assert_eq!(found(field, lock, ""), told, "{field}");
    }
}

#[test]
fn to_wait_for_a_lock_that_nobody_keeps_is_over_at_once() {
    let found = |other: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
pub struct Manager {{ handles: DashMap<u32, Mutex<JoinHandle<()>>> }}
impl Manager {{
    pub async fn stop(&self) {{
        for pair in self.handles.iter() {{
            pair.value().lock().await.abort();
        }}
    }}
    pub fn add(&self, id: u32, handle: JoinHandle<()>) {{ self.handles.insert(id, Mutex::new(handle)); }}
    {other}
}}
"
        ))
    };
    assert_eq!(found(""), [""; 0]);
    let keeps = "pub async fn wait(&self, handles: &DashMap<u32, Mutex<JoinHandle<()>>>) {
        let handle = self.handles.get(&1).unwrap();
        let mut handle = handle.lock().await;
        (&mut *handle).await.unwrap();
    }";
    assert_eq!(found(keeps), ["guard-across-await"; 2]);
    // Whoever has it may have to wait for another lock first.
    let takes_another = "pub async fn count(&self, counts: &std::sync::Mutex<u64>) {
        let handle = self.handles.get(&1).unwrap();
        let handle = handle.lock().await;
        *counts.lock().unwrap() += u64::from(handle.is_finished());
    }";
    assert_eq!(found(takes_another), ["guard-across-await"; 2]);
}

#[test]
fn what_the_data_say_may_be_that_the_thread_is_done() {
    let found = |test: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Condvar, Mutex}};
use std::thread::{{self, JoinHandle}};
pub struct Helper {{ state: Arc<(Mutex<State>, Condvar)>, thread: Mutex<Option<JoinHandle<()>>> }}
pub struct State {{ done: bool, rounds: u32 }}
impl Helper {{
    pub fn start(&self) {{
        let state = Arc::clone(&self.state);
        let thread = thread::spawn(move || {{
            state.0.lock().unwrap().done = true;
            state.1.notify_one();
        }});
        *self.thread.lock().unwrap() = Some(thread);
    }}
    pub fn stop(&self, thread: JoinHandle<()>) {{
        let mut state = self.state.0.lock().unwrap();
        state.rounds += 1;
        {test} {{ thread.join().unwrap(); }}
    }}
}}
"
        ))
        .contains(&"blocking-under-lock")
    };
    assert!(found(""));
    assert!(!found("if state.done"));
}

#[test]
fn a_lock_around_the_lock_of_a_file_is_there_to_be_waited_for() {
    let found = |data: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
use std::time::Duration;
pub struct Rest {{ turn: Mutex<{data}> }}
impl Rest {{
    pub fn fetch(&self) {{
        let mut turn = self.turn.lock().unwrap();
        turn.touch();
        thread::sleep(Duration::from_secs(1));
    }}
}}
pub fn start(rest: &Arc<Rest>) {{
    for _ in 0..2 {{
        let rest = Arc::clone(rest);
        thread::spawn(move || rest.fetch()).join().unwrap();
    }}
}}
"
        ))
        .contains(&"blocking-under-lock")
    };
    assert!(!found("fslock::LockFile"));
    assert!(found("fslock::Symbols"));
}

#[test]
fn a_wait_that_ends_its_function_is_in_the_loop_of_the_caller() {
    let found = |before: &str, after: &str, call: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::sync::{{Condvar, Mutex}};
pub struct Worker {{ alive: AtomicBool, due: Mutex<Vec<u64>>, changed: Condvar }}
impl Worker {{
    pub fn run(&self) {{ {call} }}
    fn turn(&self) {{
        let due = self.due.lock().unwrap();
        {before}
        let _due = self.changed.wait(due).unwrap();
        {after}
    }}
    pub fn add(&self) {{
        self.due.lock().unwrap().push(1);
        self.changed.notify_one();
    }}
}}
fn serve(_: &Worker) {{ println!(\"served\"); }}
"
        ))
        .contains(&"wait-without-loop")
    };
    let (before, call) = (
        "if !self.alive.load(Ordering::Acquire) { return; }",
        "while self.alive.load(Ordering::Acquire) { self.turn(); }",
    );
    assert!(!found(before, "", call));
    assert!(found(before, "serve(self);", call));
    assert!(found(before, "", "self.turn();"));
    assert!(found("", "", call));
}

/// The one context of a program, that everybody is given.
fn context(made: &str, rest: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use axum::Extension;
use parking_lot::{{Mutex, RwLock}};
use std::sync::Arc;
use std::thread;
pub struct Context {{ name: String, keys: Arc<Keys> }}
pub struct Keys {{ mode: Mutex<u32> }}
impl Context {{
    fn new() -> Context {{
        Context {{ name: String::new(), keys: Arc::new(Keys {{ mode: Mutex::new(1) }}) }}
    }}
}}
fn name(context: Arc<RwLock<Context>>) -> usize {{ context.write().name.len() }}
{made}
{rest}
"
    ))
}

const MADE_ONCE: &str = "
fn make() -> Arc<RwLock<Context>> { Arc::new(RwLock::new(Context::new())) }
fn main() { serve(make()); }
fn serve(context: Arc<RwLock<Context>>) { route(links, context); }
";

#[test]
fn a_lock_that_is_made_once_is_one_lock_by_whatever_way_it_comes() {
    let handler = "
async fn links(Extension(context): Extension<Arc<RwLock<Context>>>) -> usize {
    let known = context.write();
    known.name.len() + other()
}
fn other() -> usize { name(CONTEXTS.current()) }
";
    assert_eq!(context(MADE_ONCE, handler), ["double-lock"]);
    // Another one for each that asks: two objects.
    let each = MADE_ONCE.replace("serve(make());", "loop { serve(make()); }");
    assert_eq!(context(&each, handler), [""; 0]);
    let twice = MADE_ONCE.replace("serve(make());", "serve(make()); serve(make());");
    assert_eq!(context(&twice, handler), [""; 0]);
    let as_value = MADE_ONCE.replace("serve(make());", "start(make); serve(make());");
    assert_eq!(context(&as_value, handler), [""; 0]);
    let in_a_loop = MADE_ONCE.replace(
        "{ Arc::new(RwLock::new(Context::new())) }",
        "{ loop { let made = Arc::new(RwLock::new(Context::new())); if fits(&made) { return made; } } }",
    );
    assert_eq!(context(&in_a_loop, handler), [""; 0]);
    let a_static = "
static SPARE: RwLock<Context> = outside::context();
fn spare() -> usize { SPARE.read().name.len() }
";
    assert_eq!(context(MADE_ONCE, &format!("{handler}{a_static}")), [""; 0]);
    // By its type alone.
    let asked = "
pub trait Contexts { fn current(&self) -> Arc<RwLock<Context>>; }
async fn links(Extension(context): Extension<Arc<RwLock<Context>>>, all: &dyn Contexts) -> usize {
    let known = context.write();
    known.name.len() + all.current().read().name.len()
}
";
    assert_eq!(context(MADE_ONCE, asked), ["double-lock"]);
}

#[test]
fn the_order_of_a_lock_that_is_made_once_is_one_order() {
    let rest = "
impl Keys {
    fn start(self: Arc<Self>, state: Arc<RwLock<Context>>) {
        thread::spawn(move || {
            let mode = self.mode.lock();
            println!(\"{} {}\", state.write().name, *mode);
        });
    }
    fn mode(&self) -> u32 { *self.mode.lock() }
}
pub fn bar(context: Arc<RwLock<Context>>) -> Box<dyn Fn() -> u32 + Send> {
    Box::new(move || context.write().keys.mode())
}
fn links() {}
";
    let found = |made: &str| context(made, rest).contains(&"lock-order-inversion");
    assert!(found(MADE_ONCE));
}

#[test]
fn a_lock_with_a_node_to_wait_by_is_a_lock() {
    let found = |uses: &str, lock: &str| {
        names_in(&format!(
            "
{uses}
pub struct Meta {{ handle: Mutex<u32>, state: Mutex<bool> }}
impl Meta {{
    pub fn permitted(&self) -> u32 {{
        let mut node = MCSNode::new();
        let state = self.state.lock(&mut node);
        let mut node = MCSNode::new();
        if *state {{ *self.handle.lock(&mut node) }} else {{ 0 }}
    }}
    pub fn missing(&self) {{
        let mut node = MCSNode::new();
        let handle = self.handle.lock(&mut node);
        let mut node = MCSNode::new();
        *self.state.lock(&mut node) = *handle > 1;
    }}
}}
{lock}
"
        ))
    };
    let told = ["lock-order-inversion"];
    assert_eq!(
        found("use kernel_sync::{mcs::MCSNode, mutex::Mutex};", ""),
        told
    );
    let own = "
pub struct MCSNode { next: usize }
impl MCSNode { pub fn new() -> Self { MCSNode { next: 0 } } }
pub struct Mutex<T> { tail: std::sync::atomic::AtomicUsize, data: std::cell::UnsafeCell<T> }
pub struct MCSGuard<'a, T> { lock: &'a Mutex<T>, node: &'a mut MCSNode }
impl<T> std::ops::Deref for MCSGuard<'_, T> { type Target = T; fn deref(&self) -> &T { unsafe { &*self.lock.data.get() } } }
impl<T> std::ops::DerefMut for MCSGuard<'_, T> { fn deref_mut(&mut self) -> &mut T { unsafe { &mut *self.lock.data.get() } } }
impl<T> Mutex<T> {
    pub fn lock<'a>(&'a self, node: &'a mut MCSNode) -> MCSGuard<'a, T> {
        self.tail.swap(node as *mut MCSNode as usize, std::sync::atomic::Ordering::AcqRel);
        MCSGuard { lock: self, node }
    }
}
unsafe impl<T: Send> Sync for Mutex<T> {}
";
    assert_eq!(found("", own), told);
}

#[test]
fn a_wrapper_that_gives_a_guard_or_a_panic_waits() {
    let found = |give: &str, none: &str| {
        names_in(&format!(
            "
use parking_lot::{{Mutex, MutexGuard}};
use std::time::Duration;
pub struct TracedMutex<T> {{ inner: Mutex<T>, at: String }}
impl<T> TracedMutex<T> {{
    pub fn lock<'a>(&'a self) -> {give} {{
        match self.inner.try_lock_for(Duration::from_secs(5)) {{
            Some(guard) => {none}
        }}
    }}
}}
pub struct Resources {{ pack: TracedMutex<Vec<String>> }}
impl Resources {{
    pub fn has(&self, name: &str) -> bool {{
        let pack = self.pack.lock();
        pack.iter().any(|known| known == name) || self.count() > 9
    }}
    fn count(&self) -> usize {{ self.pack.lock().len() }}
}}
"
        ))
    };
    let panics = "guard, None => panic!(\"locked at {}\", self.at),";
    assert_eq!(found("MutexGuard<'a, T>", panics), ["double-lock"]);
    let gives_up = "Some(guard), None => None,";
    assert_eq!(found("Option<MutexGuard<'a, T>>", gives_up), [""; 0]);
}
