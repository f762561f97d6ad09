//! Objects that lie apart, guards that are given away, waits that are repeated.

use super::{errors_in, names_in};

#[test]
fn locks_in_a_lock_type_of_ones_own_meet_only_by_name() {
    let text = |second: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex as StdMutex, MutexGuard}};

pub struct Mutex<T: ?Sized>(StdMutex<T>);

impl<T: ?Sized> Mutex<T> {{
    pub fn lock(&self) -> MutexGuard<'_, T> {{ self.0.lock().unwrap() }}
}}

pub struct Run {{
    running: Mutex<Vec<Arc<Mutex<()>>>>,
    metrics: Mutex<Vec<u64>>,
}}

impl Run {{
    fn of(&self, n: usize) -> Arc<Mutex<()>> {{ self.running.lock()[n].clone() }}

    pub fn load(&self, n: usize) {{
        let turn = self.of(n);
        let held = turn.lock();
        {second}.lock().push(1);
        drop(held);
    }}

    pub fn twice(&self) {{
        let metrics = self.metrics.lock();
        let more = metrics.len() as u64;
        self.metrics.lock().push(more);
        drop(metrics);
    }}
}}
"
        )
    };
    // What is certainly one object stays a fault.
    assert_eq!(names_in(&text("self.metrics")), ["double-lock"]);
}

#[test]
fn none_holds_no_guard() {
    let text = |ret: &str, some: &str, none: &str| {
        format!(
            "
use std::sync::{{RwLock, RwLockReadGuard}};

pub struct Probe {{ status: RwLock<u64> }}

fn usable<'a>(name: String, status: RwLockReadGuard<'a, u64>) -> {ret} {{
    if *status > name.len() as u64 {{ {some} }} else {{ {none} }}
}}

impl Probe {{
    fn probe(&self) -> u64 {{
        let mut status = self.status.write().unwrap();
        *status += 1;
        *status
    }}
    pub fn status(&self, name: String) -> u64 {{
        let status = self.status.read().unwrap();
        *usable(name, status).unwrap_or_else(|_state| {{
            self.probe();
            self.status.read().unwrap()
        }})
    }}
}}
"
        )
    };
    let option =
        text("Option<RwLockReadGuard<'a, u64>>", "Some(status)", "None").replace("|_state|", "||");
    assert!(names_in(&option).is_empty());
    // An error hands the guard back.
    let result = text(
        "Result<RwLockReadGuard<'a, u64>, RwLockReadGuard<'a, u64>>",
        "Ok(status)",
        "Err(status)",
    );
    assert!(names_in(&result).contains(&"double-lock"));
}

#[test]
fn a_guard_comes_back_in_a_tuple() {
    let text = |end: &str| {
        format!(
            "
use std::sync::{{Arc, Condvar, Mutex, MutexGuard}};
use std::time::Instant;

fn wait<'a>(turn: &'a Condvar, mut guard: MutexGuard<'a, bool>, end: Instant) -> (MutexGuard<'a, bool>, bool) {{
    loop {{
        if *guard {{ return (guard, true); }}
        let left = end.saturating_duration_since(Instant::now());
        let (g, result) = turn.wait_timeout(guard, left).unwrap();
        guard = g;
        if result.timed_out() {{ return (guard, false); }}
    }}
}}

pub struct Cancel(Arc<(Mutex<bool>, Condvar)>);

pub fn start(cancel: &Cancel, end: Instant) -> bool {{
    let (lock, turn) = &*cancel.0;
    let guard = lock.lock().unwrap();
    let (guard, cancelled) = wait(turn, guard, end);
    if cancelled {{ return true; }}
    {end}
    let guard = lock.lock().unwrap();
    let (_guard, cancelled) = wait(turn, guard, end);
    cancelled
}}
"
        )
    };
    assert!(names_in(&text("drop(guard);")).is_empty());
    assert_eq!(names_in(&text("let _ = *guard;")), ["double-lock"]);
}

#[test]
fn parameters_end_after_all_that_borrows_from_them() {
    let text = |receiver: &str, end: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Spinner {{ progress: Arc<Mutex<u64>> }}

impl Drop for Spinner {{
    fn drop(&mut self) {{
        if let Ok(mut progress) = self.progress.lock() {{ *progress = 0; }}
    }}
}}

pub fn finish({receiver}: Spinner, all: &Mutex<u64>) {{
    if let Ok(mut progress) = {end}.lock() {{ *progress = 1; }}
}}
"
        )
    };
    let found = names_in(&text("one", "one.progress"));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_a_future_is_mapped_with_runs_later() {
    let text = |chain: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};
use std::panic::AssertUnwindSafe;

pub fn spawn_task<F, C>(handle: &tokio::runtime::Handle, end: C, future: F) -> tokio::task::JoinHandle<u64>
where
    F: Future<Output = u64> + Send + 'static,
    C: FnOnce(u64) + Send + 'static,
{{
    let wrapped = {chain}.map(move |outcome| {{
        end(outcome);
        outcome
    }});
    handle.spawn(wrapped)
}}

pub struct Jobs {{ tasks: Mutex<Vec<u64>>, handle: tokio::runtime::Handle }}

impl Jobs {{
    pub fn start(self: &Arc<Self>) {{
        let mut tasks = self.tasks.lock().unwrap();
        let this = self.clone();
        let task = spawn_task(
            &self.handle,
            move |result| {{ this.tasks.lock().unwrap().retain(|id| *id != result); }},
            async {{ 1 }},
        );
        tasks.push(1);
        drop(task);
    }}
}}
"
        )
    };
    let later = text("AssertUnwindSafe(future).catch_unwind()");
    let found = names_in(&later);
    assert!(!found.contains(&"double-lock"), "{found:?}");
    let at_once = text("Some(1)");
    assert!(errors_in(&at_once).contains(&"double-lock"));
}

#[test]
fn who_came_back_for_nothing_comes_again() {
    let text = |after: &str, caller: &str| {
        format!(
            "
use std::sync::{{Condvar, Mutex}};

#[derive(Default)]
pub struct Signals {{ stop: bool, jobs: Vec<u64> }}

pub enum Event {{ Stop, Job(u64), Nothing }}

impl Signals {{
    fn any(&self) -> bool {{ self.stop || !self.jobs.is_empty() }}
    fn take(&mut self) -> Event {{
        if self.stop {{ self.stop = false; return Event::Stop; }}
        match self.jobs.pop() {{ Some(job) => Event::Job(job), None => Event::Nothing }}
    }}
    fn first(&mut self) -> Event {{ Event::Job(self.jobs.remove(0)) }}
}}

pub struct Inbox {{ signals: Mutex<Signals>, wake: Condvar }}

impl Inbox {{
    fn next(&self) -> Event {{
        let mut signals = self.signals.lock().unwrap();
        if !signals.any() {{
            signals = self.wake.wait(signals).unwrap();
        }}
        signals.{after}()
    }}
    pub fn add(&self, job: u64) {{
        self.signals.lock().unwrap().jobs.push(job);
        self.wake.notify_one();
    }}
    pub fn run(&self) {{
        {caller}
    }}
}}
"
        )
    };
    let looped = "loop { match self.next() { Event::Stop => return, Event::Job(job) => println!(\"{job}\"), Event::Nothing => {} } }";
    let once = "if let Event::Job(job) = self.next() { println!(\"{job}\"); }";
    let found = names_in(&text("take", looped));
    assert!(!found.contains(&"wait-without-loop"), "{found:?}");
    assert!(names_in(&text("first", looped)).contains(&"wait-without-loop"));
    assert!(names_in(&text("take", once)).contains(&"wait-without-loop"));
}

#[test]
fn an_atomic_that_repeats_what_a_lock_guards_spares_the_lock() {
    let text = |written: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};
use std::sync::atomic::{{AtomicUsize, Ordering}};

pub struct Driver;
impl Driver {{ fn unpark(self) {{ println!(\"up\"); }} }}

#[derive(Default)]
pub struct Parked {{ all: Mutex<Vec<Driver>>, count: AtomicUsize }}

impl Parked {{
    fn park(&self, driver: Driver) {{
        let mut all = self.all.lock().unwrap();
        all.push(driver);
        self.count.store({written}, Ordering::SeqCst);
    }}
    fn wake_all(&self) {{
        if self.count.load(Ordering::SeqCst) == 0 {{
            return;
        }}
        let drivers = {{
            let mut all = self.all.lock().unwrap();
            let drivers = all.drain(..).collect::<Vec<_>>();
            self.count.store(0, Ordering::SeqCst);
            drivers
        }};
        for driver in drivers {{
            driver.unpark();
        }}
    }}
}}

pub fn run() {{
    let parked = Arc::new(Parked::default());
    for _ in 0..2 {{
        let parked = parked.clone();
        std::thread::spawn(move || {{
            parked.park(Driver);
            parked.wake_all();
        }});
    }}
}}
"
        )
    };
    let found = names_in(&text("all.len()"));
    assert!(!found.contains(&"non-atomic-update"), "{found:?}");
    assert!(names_in(&text("1")).contains(&"non-atomic-update"));
}

#[test]
fn a_map_that_is_filled_before_it_is_shared_shuts_nobody_out() {
    let found = |more: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;
pub struct Sinks {{ sinks: DashMap<u32, String> }}
async fn send(_: &str) {{ tokio::task::yield_now().await }}
impl Sinks {{
    pub fn new(names: Vec<String>) -> Sinks {{
        let sinks = DashMap::new();
        for (n, name) in names.into_iter().enumerate() {{ sinks.insert(n as u32, name); }}
        Sinks {{ sinks }}
    }}
    pub async fn tell(&self, id: u32) {{
        if let Some(sink) = self.sinks.get(&id) {{ send(&sink).await; }}
    }}
    {more}
}}
"
        ))
    };
    assert!(found("").is_empty());
    let writes = "pub fn close(&self, id: u32) { self.sinks.remove(&id); }";
    assert_eq!(found(writes), ["guard-across-await"]);
    // Where nobody makes the map, others fill it; a thread's body makes none.
    let part = "
use dashmap::DashMap;
pub struct Sinks { sinks: DashMap<u32, String> }
async fn send(_: &str) { tokio::task::yield_now().await }
impl Sinks {
    pub async fn tell(&self, id: u32) {
        std::thread::spawn(|| println!(\"told\")).join().unwrap();
        if let Some(sink) = self.sinks.get(&id) { send(&sink).await; }
    }
}
";
    assert_eq!(names_in(part), ["guard-across-await"]);
}

#[test]
fn a_lock_that_is_awaited_is_an_async_lock() {
    let found = |wait: &str| {
        names_in(&format!(
            "
use bolt::Mutex;
pub struct Log {{ inner: Mutex<Vec<u8>> }}
async fn flush(_: &[u8]) {{ tokio::task::yield_now().await }}
impl Log {{
    pub fn len(&self) -> usize {{ self.inner.lock().len() }}
    pub async fn append(&self) {{
        let mut inner = self.inner.lock(){wait};
        flush(&inner).await;
        inner.clear();
    }}
}}
"
        ))
    };
    assert!(found(".await").is_empty());
    assert_eq!(found(""), ["guard-across-await"]);
}

#[test]
fn result_has_many_names() {
    for result in ["std::io::Result", "anyhow::Result", "Result"] {
        let found = names_in(&format!(
            "
use std::sync::Mutex;
pub struct Conn {{ a: Mutex<u32> }}
pub fn open() -> {result}<Conn> {{ unsafe {{ made() }} }}
pub fn get(conn: &Conn) -> u32 {{ *conn.a.lock().unwrap() }}
pub fn twice() -> u32 {{
    let conn = open().unwrap();
    let a = conn.a.lock().unwrap();
    *a + get(&conn)
}}
"
        ));
        assert_eq!(found, ["double-lock"], "{result}");
    }
}

#[test]
fn what_locks_in_an_unknown_way_may_give_no_guard() {
    let found = |made: &str, ty: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
pub fn step(file: {ty}, count: &mut u32) {{
    {made}
    file.lock().expect(\"not mine yet\");
    *count += 1;
    println!(\"{{count}}\");
}}
"
        ))
    };
    assert!(found("let file = open(file);", "&str").is_empty());
    assert_eq!(found("", "&Mutex<u32>"), ["guard-dropped-at-once"]);
}

#[test]
fn a_policy_that_locks_is_what_implements_it() {
    let found = |guard: &str, lock: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex, MutexGuard}};
pub trait Policy<T> {{
    type Guard<'a> where Self: 'a;
    fn lock(&self) -> Self::Guard<'_>;
}}
pub struct Guarded<T> {{ data: Arc<Mutex<T>> }}
impl<T> Policy<T> for Guarded<T> {{
    type Guard<'a> = {guard} where Self: 'a;
    fn lock(&self) -> Self::Guard<'_> {{ {lock} }}
}}
pub trait Service {{ type Shared<T>: Policy<T>; }}
pub struct Port<S: Service> {{ state: S::Shared<Vec<u32>>, own: Mutex<u32> }}
impl<S: Service> Port<S> {{
    pub fn add(&self, n: u32) -> usize {{
        let mut state = self.state.lock();
        state.push(n);
        self.len()
    }}
    pub fn len(&self) -> usize {{ self.state.lock().len() }}
}}
"
        ))
    };
    assert!(found("Shared<'a, T>", "Shared::of(&self.data)").is_empty());
    let plain = found("MutexGuard<'a, T>", "self.data.lock().unwrap()");
    assert_eq!(plain, ["double-lock"]);
}

#[test]
fn what_an_associated_type_must_implement_is_looked_into() {
    let code = "
use std::sync::Mutex;
static LOG: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static SEEN: Mutex<u32> = Mutex::new(0);
pub trait Store { fn put(&self, n: u32); }
pub struct Disk;
impl Store for Disk {
    fn put(&self, n: u32) { LOG.lock().unwrap().push(n); }
}
pub trait Config { type Store: Store; }
pub struct Node<C: Config> { store: C::Store }
impl<C: Config> Node<C> {
    pub fn put(&self) {
        let seen = SEEN.lock().unwrap();
        self.store.put(*seen);
    }
}
pub fn count() {
    let log = LOG.lock().unwrap();
    *SEEN.lock().unwrap() += log.len() as u32;
}
";
    assert_eq!(names_in(code), ["lock-order-inversion"]);
}

#[test]
fn a_type_that_names_no_lock_may_let_its_holder_in_again() {
    let found = |ty: &str| {
        names_in(&format!(
            "
pub struct Port {{ state: other::{ty}<Vec<u32>> }}
impl Port {{
    pub fn add(&self, n: u32) -> usize {{
        let mut state = self.state.lock();
        state.push(n);
        self.len()
    }}
    pub fn len(&self) -> usize {{ self.state.lock().len() }}
}}
"
        ))
    };
    assert!(found("Policy").is_empty());
    assert_eq!(found("Mutex"), ["double-lock"]);
}
