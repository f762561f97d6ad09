//! Bugs that were written down before the tool saw them, and that it missed.

use conclint_facts::Analysis;
use conclint_lints::{Level, Settings};
use conclint_rust::{Input, ManifestInput, SourceInput};

use super::names_in;

#[test]
fn the_locks_of_an_enclave_are_locks() {
    let found = |uses: &str, then: &str| {
        names_in(&format!(
            "
{uses}

pub struct State {{ height: u64 }}

lazy_static! {{
    static ref STATE: SgxMutex<State> = SgxMutex::new(State {{ height: 0 }});
}}

fn height() -> u64 {{
    let state = STATE.lock().unwrap();
    state.height
}}

pub fn dispatch(block: u64) {{
    let mut state: SgxMutexGuard<State> = STATE.lock().unwrap();
    state.height = block;
    {then}
    println!(\"{{}}\", height());
}}
"
        ))
    };
    for uses in [
        "use std::sync::{SgxMutex, SgxMutexGuard};",
        "extern crate sgx_tstd as std;\nuse std::sync::*;",
        "use sgx_tstd::sync::{SgxMutex, SgxMutexGuard};",
    ] {
        assert_eq!(found(uses, ""), ["double-lock"], "{uses}");
        assert!(found(uses, "drop(state);").is_empty(), "{uses}");
    }
}

#[test]
fn what_a_listener_gives_is_a_stream() {
    let found = |stream: &str, then: &str| {
        names_in(&format!(
            "
use std::io::Write;
use std::net::TcpListener;
use std::sync::{{Arc, Mutex}};

pub struct App {{ name: String, n: u64 }}

pub fn serve(app: Arc<Mutex<App>>) {{
    let listener = TcpListener::bind(\"localhost:80\").expect(\"a port\");
    loop {{
        {stream}
        let mut app = app.lock().unwrap();
        app.n += 1;
        let name = app.name.clone();
        {then}
        if stream.write(name.as_bytes()).is_err() {{ break; }}
    }}
}}
"
        ))
    };
    for stream in [
        "let (mut stream, _) = listener.accept().unwrap();",
        "let Ok((mut stream, _)) = listener.accept() else { continue };",
        "let mut stream = listener.incoming().next().unwrap().unwrap();",
        "let (stream, _) = listener.accept().unwrap(); let mut stream = stream.try_clone().unwrap();",
    ] {
        assert_eq!(found(stream, ""), ["blocking-under-lock"], "{stream}");
        assert!(found(stream, "drop(app);").is_empty(), "{stream}");
    }
}

#[test]
fn the_runtime_that_is_running_blocks_like_any() {
    let found = |handle: &str, then: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
use tokio::runtime::{{Handle, Runtime}};

pub struct Wallet {{ inner: Mutex<Vec<u64>>, runtime: Runtime }}

async fn store(all: Vec<u64>) {{ disk::write(all).await; }}

impl Wallet {{
    pub fn connected(&self, block: u64) {{
        let mut inner = self.inner.lock().unwrap();
        inner.push(block);
        let all = inner.clone();
        {then}
        let handle = {handle};
        handle.block_on(store(all));
    }}
}}
"
        ))
    };
    for handle in [
        "Handle::current()",
        "Handle::try_current().unwrap()",
        "Handle::try_current().unwrap_or(self.runtime.handle().clone())",
        "self.runtime.handle()",
    ] {
        assert_eq!(found(handle, ""), ["blocking-under-lock"], "{handle}");
        assert!(found(handle, "drop(inner);").is_empty(), "{handle}");
    }
}

#[test]
fn a_crate_may_be_named_like_one_of_the_library() {
    let manifest = |dir: &str, name: &str, more: &str| ManifestInput {
        dir: dir.into(),
        text: format!("[package]\nname = \"{name}\"\n{more}"),
    };
    let source = |path: &str, text: &str| SourceInput {
        path: path.into(),
        text: text.into(),
    };
    let input = Input {
        manifests: vec![
            manifest("", "app", "[dependencies]\nmy-core = { path = \"core\" }"),
            manifest("core", "my-core", ""),
        ],
        sources: vec![
            source(
                "src/main.rs",
                "extern crate my_core as core;\nmod inner;\nfn main() {}",
            ),
            source(
                "src/inner.rs",
                "
use core::Executor;
pub fn resend(executor: &Executor) {
    for height in executor.executed.read().unwrap().keys() {
        executor.send(*height);
    }
}
",
            ),
            source(
                "core/src/lib.rs",
                "
use std::collections::BTreeMap;
use std::sync::RwLock;
pub struct Executor { pub executed: RwLock<BTreeMap<u64, u64>> }
impl Executor {
    pub fn send(&self, height: u64) { self.executed.write().unwrap().remove(&height); }
}
",
            ),
        ],
        ..Input::default()
    };
    let analysis = Analysis::of(conclint_rust::read(input).0);
    let found = conclint_lints::run(&analysis, &Settings::at_level(Level::Default));
    let rules: Vec<_> = found.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["double-lock"]);
}

/// A kernel with locks of its own.
fn kernel(code: &str) -> String {
    format!(
        "
#![no_std]
use core::cell::UnsafeCell;
use core::ops::{{Deref, DerefMut}};
use core::sync::atomic::{{AtomicBool, Ordering}};
use alloc::sync::Arc;

pub struct Spin;
pub trait Support {{}}
impl Support for Spin {{}}
pub type SpinLock<T> = Mutex<T, Spin>;

pub struct Mutex<T: ?Sized, S: Support> {{ lock: AtomicBool, support: S, data: UnsafeCell<T> }}
pub struct MutexGuard<'a, T: ?Sized + 'a, S: Support + 'a> {{ mutex: &'a Mutex<T, S> }}

impl<T: ?Sized, S: Support> Mutex<T, S> {{
    pub fn lock(&self) -> MutexGuard<T, S> {{
        while self.lock.swap(true, Ordering::Acquire) {{ core::hint::spin_loop(); }}
        MutexGuard {{ mutex: self }}
    }}
}}
impl<'a, T: ?Sized, S: Support> Deref for MutexGuard<'a, T, S> {{
    type Target = T;
    fn deref(&self) -> &T {{ unsafe {{ &*self.mutex.data.get() }} }}
}}
impl<'a, T: ?Sized, S: Support> DerefMut for MutexGuard<'a, T, S> {{
    fn deref_mut(&mut self) -> &mut T {{ unsafe {{ &mut *self.mutex.data.get() }} }}
}}
impl<'a, T: ?Sized, S: Support> Drop for MutexGuard<'a, T, S> {{
    fn drop(&mut self) {{ self.mutex.lock.store(false, Ordering::Release); }}
}}
{code}
"
    )
}

#[test]
fn a_function_gives_the_guard_of_the_programs_own_lock() {
    let found = |then: &str| {
        names_in(&kernel(&format!(
            "
pub struct Process {{ files: SpinLock<u64>, n: u64 }}
pub struct Thread {{ proc: Arc<SpinLock<Process>> }}

impl Thread {{
    fn process(&self) -> MutexGuard<'_, Process, Spin> {{ self.proc.lock() }}
    fn number(&self) -> u64 {{ self.proc.lock().n }}
    pub fn exit(&self) -> u64 {{
        let mut process = self.process();
        process.n += 1;
        {then}
    }}
}}
"
        )))
    };
    for twice in ["self.process().n", "self.number()"] {
        assert_eq!(found(twice), ["double-lock"], "{twice}");
        let released = format!("drop(process); {twice}");
        assert!(found(&released).is_empty(), "{twice}");
    }
    // What is guarded has its own type.
    assert!(found("let n = *process.files.lock(); n").is_empty());
    assert_eq!(
        found("let files = process.files.lock(); *files + *process.files.lock()"),
        ["double-lock"]
    );
}

#[test]
fn the_programs_own_condition_variable_gives_back_one_lock_only() {
    let found = |acquire: &str| {
        names_in(&kernel(&format!(
            "
pub struct Thread;
pub struct Condvar {{ queue: SpinLock<Vec<Arc<Thread>>> }}

impl Condvar {{
    pub fn wait<'a, T, S: Support>(&self, guard: MutexGuard<'a, T, S>) -> MutexGuard<'a, T, S> {{
        let mutex = guard.mutex;
        let mut queue = self.queue.lock();
        queue.push(Arc::new(Thread));
        thread::park_action(move || {{
            drop(queue);
            drop(guard);
        }});
        let ret = mutex.lock();
        self.queue.lock().pop();
        ret
    }}
    pub fn notify_one(&self) {{
        if let Some(thread) = self.queue.lock().first() {{ thread::unpark(thread); }}
    }}
}}

pub struct Semaphore {{ count: SpinLock<i64>, changed: Condvar }}

impl Semaphore {{
    pub fn acquire(&self) {{
        let mut count = self.count.lock();
        while *count <= 0 {{ count = self.changed.wait(count); }}
        *count -= 1;
    }}
    pub fn release(&self) {{
        *self.count.lock() += 1;
        self.changed.notify_one();
    }}
}}

pub struct Process {{ semaphores: Vec<Arc<Semaphore>> }}
pub struct Kernel {{ process: SpinLock<Process> }}

impl Kernel {{
    fn process(&self) -> MutexGuard<'_, Process, Spin> {{ self.process.lock() }}
    pub fn acquire(&self, id: usize) {{
        {acquire}
    }}
    pub fn release(&self, id: usize) {{
        self.process().semaphores[id].release();
    }}
}}
"
        )))
    };
    assert_eq!(
        found(
            "let process = self.process(); let sem = process.semaphores[id].clone(); sem.acquire();"
        ),
        ["blocking-under-lock"]
    );
    let released = "let semaphore = self.process().semaphores[id].clone(); semaphore.acquire();";
    assert!(found(released).is_empty());
}

#[test]
fn a_lock_is_for_a_file_that_it_guards_only() {
    let found = |field: &str, stream: &str| {
        names_in(&format!(
            "
use std::io::Write;
use std::net::TcpStream;
use std::sync::{{Arc, Mutex}};

pub struct App {{ name: String, n: u64, {field} }}
pub struct Server {{ app: Arc<Mutex<App>> }}

impl Server {{
    pub fn greet(&self, mut client: TcpStream) {{
        let mut app = self.app.lock().unwrap();
        if {stream}.write(app.name.as_bytes()).is_err() {{ app.n += 1; }}
    }}
    pub fn answer(&self, mut client: TcpStream) -> bool {{
        let mut app = self.app.lock().unwrap();
        app.n += 1;
        let name = app.name.clone();
        client.write(name.as_bytes()).is_ok()
    }}
}}
"
        ))
    };
    assert_eq!(found("", "client"), ["blocking-under-lock"]);
    assert!(found("stream: TcpStream", "app.stream").is_empty());
}

/// What is found where `f` runs under the lock of the state.
fn under_the_state(f: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::sync::{{Arc, Mutex, RwLock}};

pub struct Executor {{ state: RwLock<u64>, n: u64 }}
pub struct Config<'a> {{ executor: &'a Executor, limit: u64 }}

impl<'a> Config<'a> {{
    pub fn new(executor: &'a Executor) -> Self {{ Config {{ executor, limit: 7 }} }}
    fn value(&self) -> u64 {{ self.executor.call() + self.limit }}
    pub fn delay(&self) -> Option<u64> {{ Some(self.executor.call()) }}
}}

impl Executor {{
    fn call(&self) -> u64 {{ *self.state.read().unwrap() }}
    fn load(&self, other: &Executor) -> u64 {{ {f} }}
    pub fn restore(&self, other: &Executor) {{
        let mut state = self.state.write().unwrap();
        *state += self.load(other);
    }}
}}
"
    ))
}

#[test]
fn an_object_that_points_to_another_is_a_view_of_it() {
    for view in [
        "Config::new(self).delay().unwrap_or(1)",
        "let config = Config::new(self); config.delay().unwrap_or(1)",
        "let config = Config { executor: self, limit: 1 }; config.executor.call()",
        "let config = Config { executor: self, limit: 1 }; *config.executor.state.read().unwrap()",
        "let mut config = Config::new(self); config.limit = 3; config.value()",
    ] {
        assert_eq!(under_the_state(view), ["double-lock"], "{view}");
    }
    for other in [
        "Config::new(self).limit",
        "let mut config = Config::new(self); config.executor = other; config.executor.n",
    ] {
        assert!(under_the_state(other).is_empty(), "{other}");
    }
}

#[test]
fn references_that_helpers_give_are_mapped_and_kept() {
    let found = |keep: &str| {
        let text = format!(
            "
use dashmap::DashMap;
use dashmap::mapref::one::Ref;

pub struct Cache {{ data: DashMap<String, u64> }}

impl Cache {{
    fn get(&self, id: &str) -> Option<Ref<'_, String, u64>> {{
        if let Some(data) = self.data.get(id) {{
            return Some(data);
        }}
        self.data.insert(id.to_string(), 1);
        self.data.get(id)
    }}
    pub fn all(&self, ids: &[String]) -> usize {{
        let mut all = vec![];
        for id in ids {{
            if let Some(data) = self.get(id) {{
                all.push({keep});
            }}
        }}
        all.len()
    }}
}}
"
        );
        let input = Input {
            sources: vec![SourceInput {
                path: "src/lib.rs".into(),
                text: text.into(),
            }],
            ..Input::default()
        };
        let analysis = Analysis::of(conclint_rust::read(input).0);
        // Round a loop: of low confidence.
        let found = conclint_lints::run(&analysis, &Settings::at_level(Level::Default));
        found.iter().any(|finding| finding.rule == "double-lock")
    };
    for kept in ["data", "data.map(|data| data)"] {
        assert!(found(kept), "{kept}");
    }
    for copied in [
        "*data",
        "*data.value()",
        "data.key().clone()",
        "*data.map(|data| data)",
    ] {
        assert!(!found(copied), "{copied}");
    }
}

#[test]
fn a_transaction_with_the_guard_in_an_option_may_have_let_go() {
    let found = |field: &str, made: &str, again: &str| {
        names_in(&kernel(&format!(
            "
pub struct Pipe {{ writers: SpinLock<u64> }}
pub struct Transaction<'a> {{ pipe: &'a Pipe, guard: {field} }}

impl<'a> Transaction<'a> {{
    fn again(&mut self) {{ {again} }}
}}
impl Pipe {{
    fn begin(&self) -> Transaction<'_> {{
        let guard = self.writers.lock();
        Transaction {{ pipe: self, guard: {made} }}
    }}
    pub fn write(&self) {{
        let mut transaction = self.begin();
        transaction.again();
    }}
}}
"
        )))
    };
    let optional = "drop(self.guard.take()); self.guard = Some(self.pipe.writers.lock());";
    assert!(found("Option<MutexGuard<'a, u64, Spin>>", "Some(guard)", optional).is_empty());
    assert_eq!(
        found(
            "MutexGuard<'a, u64, Spin>",
            "guard",
            "*self.pipe.writers.lock() += 1;"
        ),
        ["double-lock"]
    );
}
