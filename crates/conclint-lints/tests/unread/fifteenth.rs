//! What was reported of a fifteenth group of repositories, and should not be.

use conclint_lints::Level;

use super::{findings_at, names_in};

const NOTHING: [&str; 0] = [];

#[test]
fn who_wakes_it_must_want_the_lock() {
    let found = |wake: &str, caller: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Condvar, Mutex}};
use std::thread;

#[derive(Default)]
pub struct Db {{ index: Mutex<Vec<u64>>, pending: Mutex<u32>, done: Condvar }}

impl Db {{
    fn clean(&self) {{
        {wake}
        *self.pending.lock().unwrap() -= 1;
        self.done.notify_all();
    }}

    fn round(&self) {{
        {caller}
        self.clean();
    }}

    pub fn flush(&self, last: u64) {{
        let mut index = self.index.lock().unwrap();
        let mut pending = self.pending.lock().unwrap();
        while *pending > 0 {{
            pending = self.done.wait(pending).unwrap();
        }}
        index.push(last);
    }}
}}

pub fn start(db: &Arc<Db>) {{
    let worker = Arc::clone(db);
    thread::spawn(move || loop {{ worker.round(); }});
}}
"
        ))
    };
    let clear = "self.index.lock().unwrap().clear();";
    assert!(!found("", "").contains(&"blocking-under-lock"));
    assert!(found(clear, "").contains(&"blocking-under-lock"));
    assert!(found("", clear).contains(&"blocking-under-lock"));
}

#[test]
fn who_wants_it_wants_to_do_just_that() {
    let found = |elsewhere: &str| {
        names_in(&format!(
            "
use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

pub struct Links {{ seen: Mutex<BTreeSet<String>>, n: usize }}

impl Links {{
    pub fn read(&self, path: &str) -> String {{
        let mut seen = self.seen.lock().unwrap();
        seen.insert(path.to_owned());
        fs::read_to_string(path).unwrap_or_default()
    }}

    pub fn len(&self) -> usize {{ {elsewhere} }}
}}
"
        ))
    };
    assert_eq!(found("self.n"), NOTHING);
    assert_eq!(
        found("self.seen.lock().unwrap().len()"),
        ["blocking-under-lock"]
    );
}

#[test]
fn a_block_on_of_its_own_has_the_thread_to_itself() {
    let found = |flush: &str, run: &str| {
        names_in(&format!(
            "
use std::future::Future;
use std::sync::{{Arc, Mutex}};

pub mod task {{
    pub fn block_on<T>(future: impl super::Future<Output = T>) -> T {{ super::drive(future) }}
    pub fn start(future: impl super::Future<Output = ()>) {{ super::queue(future) }}
}}

pub struct Store {{ rows: Mutex<Vec<u64>> }}

async fn send(rows: &[u64]) {{ wire::write(rows).await; }}

{flush}

pub fn save(store: Arc<Store>) {{
    {run}
}}
"
        ))
    };
    let own = "async move { let rows = store.rows.lock().unwrap(); send(&rows).await; }";
    let flush = "
async fn flush(store: &Store) {
    let rows = store.rows.lock().unwrap();
    send(&rows).await;
}";
    let called = "async move { flush(&store).await; }";
    for (flush, future) in [("", own), (flush, called)] {
        let blocked_on = format!("task::block_on({future});");
        let started = format!("task::start({future});");
        assert_eq!(found(flush, &blocked_on), NOTHING);
        assert_eq!(found(flush, &started), ["guard-across-await"]);
    }
    let both = format!(
        "let also = Arc::clone(&store); task::block_on({called}); \
         task::start(async move {{ flush(&also).await; }});"
    );
    assert_eq!(found(flush, &both), ["guard-across-await"]);
}

#[test]
fn a_thread_for_each_connection_reports_to_the_other_end() {
    let found = |rounds: &str| {
        names_in(&format!(
            "
use std::fs;
use std::io::Read;
use std::net::{{TcpListener, TcpStream}};
use std::thread;

fn handle(mut stream: TcpStream) {{
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let _ = fs::write(\"log\", text);
}}

fn main() {{
    let listener = TcpListener::bind(\"localhost:80\").expect(\"a port\");
    {rounds}
}}
"
        ))
        .contains(&"unjoined-thread")
    };
    assert!(found(
        "let (stream, _) = listener.accept().unwrap(); thread::spawn(move || handle(stream));"
    ));
    for rounds in [
        "for stream in listener.incoming() {
            match stream { Ok(stream) => { thread::spawn(move || handle(stream)); } Err(_) => break }
        }",
        "while let Ok((stream, _)) = listener.accept() { thread::spawn(move || handle(stream)); }",
        "loop {
            match listener.accept() {
                Ok((stream, _)) => { thread::spawn(move || handle(stream)); }
                Err(_) => break,
            }
        }",
    ] {
        assert!(!found(rounds), "{rounds}");
    }
}

#[test]
fn callbacks_that_only_answer_take_no_time() {
    let found = |name: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
use std::thread;

fn work<F: Fn(u32) -> bool>(queue: &Mutex<Vec<u32>>, {name}: &F) {{
    loop {{
        let mut queue = queue.lock().unwrap();
        let Some(job) = queue.pop() else {{ return }};
        if {name}(job) {{ queue.push(job - 1); }}
    }}
}}

pub fn run<F: Fn(u32) -> bool + Sync>(jobs: Vec<u32>, {name}: F) {{
    let queue = Mutex::new(jobs);
    thread::scope(|scope| {{
        for _ in 0..4 {{ scope.spawn(|| work(&queue, &{name})); }}
    }});
}}
"
        ))
        .contains(&"blocking-under-lock")
    };
    assert!(found("fetch"));
    assert!(!found("filter"));
    assert!(!found("predicate"));
}

#[test]
fn small_work_beside_a_query_is_no_matter() {
    let found = |guarded: &str, then: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

pub struct Store {{ rows: Mutex<{guarded}> }}

impl Store {{
    pub fn signals(&self, id: u64) -> Vec<Signal> {{
        let rows = self.rows.lock().unwrap();
        let texts: Vec<String> = rows.texts_of(id);
        {then}
        let mut signals = Vec::new();
        for text in texts {{
            let signal: Signal = serde_json::from_str(&text).unwrap();
            signals.push(signal);
        }}
        signals
    }}

    pub fn clear(&self) {{ self.rows.lock().unwrap().clear(); }}
}}
"
        ))
        .contains(&"oversized-critical-section")
    };
    assert!(found("Rows", ""));
    assert!(!found("Rows", "drop(rows);"));
    for connection in [
        "rusqlite::Connection",
        "Option<sqlx::SqliteConnection>",
        "redis::Client",
    ] {
        assert!(!found(connection, ""), "{connection}");
    }
}

#[test]
fn small_work_beside_an_await_is_no_matter() {
    let found = |wait: &str| {
        names_in(&format!(
            "
use std::sync::Arc;
use tokio::sync::Mutex;

pub struct State {{ rows: Arc<Mutex<Vec<u64>>> }}

impl State {{
    pub async fn report(&self, id: u64) -> String {{
        let mut rows = self.rows.lock().await;
        {wait}
        rows.push(id);
        let mut found: Vec<u64> = rows.clone();
        found.sort_unstable();
        let mut names = String::new();
        for row in found {{
            names.push_str(&format!(\"{{row}}, \"));
        }}
        names
    }}

    pub async fn clear(&self) {{ self.rows.lock().await.clear(); }}
}}
"
        ))
        .contains(&"oversized-critical-section")
    };
    assert!(found(""));
    assert!(!found("notify(id).await;"));
}

#[test]
fn a_join_of_its_own_may_only_take_the_handle_out() {
    let found = |own: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
use std::thread::{{self, JoinHandle}};

pub struct Worker {{ handle: Option<JoinHandle<()>> }}

impl Worker {{
    pub fn {own}(&mut self) -> Option<JoinHandle<()>> {{ self.handle.take() }}
}}

pub struct Pool {{ jobs: Mutex<Vec<u64>> }}

pub fn drain(pool: &Pool) {{
    let mut jobs = pool.jobs.lock().unwrap();
    jobs.clear();
    for (_, worker) in registry::workers() {{
        registry::keep(worker.join());
    }}
    jobs.push(1);
}}

pub fn work(pool: &'static Pool) {{
    registry::keep(thread::spawn(move || pool.jobs.lock().unwrap().push(2)));
}}
"
        ))
    };
    assert_eq!(found("take_handle"), ["blocking-under-lock"]);
    assert_eq!(found("join"), NOTHING);
}

#[test]
fn a_file_that_a_detached_helper_writes() {
    let found = |level: Level, start: &str| {
        let source = format!(
            "
use std::fs;
use std::thread;

pub struct App {{ name: String }}

impl App {{
    pub fn report(&self) {{
        let name = self.name.clone();
        {start}
    }}
}}
"
        );
        findings_at(level, &[("src/lib.rs", &source)])
            .iter()
            .any(|finding| finding.rule == "unjoined-thread")
    };
    let dropped = "thread::spawn(move || { let _ = fs::write(\"report\", name); });";
    let named = "let _report = thread::spawn(move || { let _ = fs::write(\"report\", name); });";
    assert!(!found(Level::Default, dropped));
    assert!(found(Level::Default, named));
    assert!(found(Level::Pedantic, dropped));
}

#[test]
fn guesses_about_circles() {
    let found = |third: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

#[derive(Default)]
pub struct Bank {{ a: Mutex<u32>, b: Mutex<u32>, c: Mutex<u32> }}

impl Bank {{
    pub fn one(&self) {{ let a = self.a.lock().unwrap(); *self.b.lock().unwrap() += *a; }}
    pub fn two(&self) {{ let b = self.b.lock().unwrap(); *self.c.lock().unwrap() += *b; }}
    pub fn three(&self) {{ {third} }}
}}
"
        ))
    };
    let circle = "let c = self.c.lock().unwrap(); *self.a.lock().unwrap() += *c;";
    let pair = "let c = self.c.lock().unwrap(); *self.b.lock().unwrap() += *c;";
    assert_eq!(found(circle), NOTHING);
    assert_eq!(found(pair), ["lock-order-inversion"]);
}

#[test]
fn who_wakes_it_may_not_be_seen() {
    let text = "
use std::sync::{Condvar, Mutex};

pub struct Db { index: Mutex<Vec<u64>>, pending: Mutex<u32>, done: Condvar }

impl Db {
    pub fn flush(&self, last: u64) {
        let mut index = self.index.lock().unwrap();
        let mut pending = self.pending.lock().unwrap();
        while *pending > 0 {
            pending = self.done.wait(pending).unwrap();
        }
        index.push(last);
    }

    pub fn add(&self, n: u64) { self.index.lock().unwrap().push(n); }
}
";
    assert_eq!(names_in(text), ["blocking-under-lock", "never-notified"]);
}

#[test]
fn to_sort_what_was_copied_out_is_little() {
    let found = |tail: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::Mutex;

pub struct Bans {{ ips: Mutex<HashMap<String, u64>> }}

impl Bans {{
    pub fn all(&self) -> Vec<String> {{
        let ips = self.ips.lock().unwrap();
        let mut all: Vec<String> = ips.keys().cloned().collect();
        {tail}
    }}

    pub fn add(&self, ip: String) {{ self.ips.lock().unwrap().insert(ip, 1); }}
}}
"
        ))
    };
    assert_eq!(
        found("all.sort();\n        all.dedup();\n        all"),
        NOTHING
    );
    assert_eq!(
        found(
            "all.sort();\n        all.dedup();\n        let mut pages = Vec::new();\n        \
             for page in all.chunks(10) { pages.push(page.join(\" \")); }\n        pages"
        ),
        ["oversized-critical-section"]
    );
}

#[test]
fn guesses_about_elements() {
    let found = |many: &str, at: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

pub struct Bank {{ a: Mutex<Vec<u64>>, b: {many} }}

impl Bank {{
    pub fn one(&self, at: usize) {{
        let mut a = self.a.lock().unwrap();
        a.push(self.get(at));
    }}

    fn get(&self, at: usize) -> u64 {{ self.read(at) }}

    fn read(&self, at: usize) -> u64 {{ *self.b{at}.lock().unwrap() + at as u64 }}

    pub fn two(&self, at: usize) {{
        let b = self.b{at}.lock().unwrap();
        self.push(*b);
    }}

    fn push(&self, n: u64) {{ self.add(n) }}

    fn add(&self, n: u64) {{ self.a.lock().unwrap().push(n) }}
}}
"
        ))
    };
    assert_eq!(found("Mutex<u64>", ""), ["lock-order-inversion"]);
    assert_eq!(found("Vec<Mutex<u64>>", "[at]"), NOTHING);
}
