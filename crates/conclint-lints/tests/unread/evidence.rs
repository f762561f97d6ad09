//! Signs that somebody waits, or is hurt: without them a finding has low
//! confidence.

use super::*;

/// A client whose `refresh` sleeps under the lock of its token, beside a worker
/// thread; `work` is what runs elsewhere.
fn client(work: &str) -> Vec<&'static str> {
    names_in(&client_text(work))
}

fn client_text(work: &str) -> String {
    format!(
        "
use std::sync::{{Arc, Mutex}};
use std::thread;
use std::time::Duration;

pub struct Client {{ token: Mutex<String>, sent: Mutex<u64> }}

impl Client {{
    pub fn refresh(&self) {{
        let mut token = self.token.lock().unwrap();
        thread::sleep(Duration::from_secs(1));
        token.clear();
    }}

    pub fn token(&self) -> String {{ self.token.lock().unwrap().clone() }}

    pub fn count(&self) {{ *self.sent.lock().unwrap() += 1; }}
}}

pub fn run(client: Arc<Client>, pool: &other::Pool) {{
    {work}
}}
"
    )
}

#[test]
fn a_lock_that_no_started_thread_comes_to_keeps_nobody_waiting() {
    let apart = "thread::spawn(move || client.count()).join().unwrap();";
    assert!(client(apart).is_empty());
    let meets = "thread::spawn(move || println!(\"{}\", client.token())).join().unwrap();";
    assert_eq!(client(meets), ["blocking-under-lock"]);
    let job = "pool.execute(move || println!(\"{}\", client.token()));
        thread::spawn(|| println!(\"ready\")).join().unwrap();";
    assert_eq!(client(job), ["blocking-under-lock"]);
    assert_eq!(
        client("client.count();"),
        ["blocking-under-lock"],
        "a library without threads of its own"
    );
}

#[test]
fn in_course_work_the_threads_may_be_those_of_the_tests() {
    let apart = "thread::spawn(move || client.count()).join().unwrap();";
    let sorts = "ids.sort();\nids.push(2);\nids.push(3);\nids.push(4);";
    for (text, rule) in [
        (client_text(apart), "blocking-under-lock"),
        (rows_text(sorts), "oversized-critical-section"),
        (pair_text("pair.count()"), "lock-order-inversion"),
    ] {
        let files = [("src/lib.rs", text.as_str())];
        assert!(!names(&files).contains(&rule), "{rule}");
        let found = findings_at(Level::Grading, &files);
        assert!(found.iter().any(|finding| finding.rule == rule), "{rule}");
    }
    // A line that sorts what was copied out is nothing to any teacher.
    let text = rows_text("ids.sort();");
    assert!(findings_at(Level::Grading, &[("src/lib.rs", &text)]).is_empty());
}

#[test]
fn threads_of_tests_say_that_an_object_is_shared() {
    let apart = "thread::spawn(move || client.count()).join().unwrap(); }
        #[cfg(test)] fn check(client: Arc<Client>, pool: &other::Pool) {";
    for starts in [
        "thread::spawn(move || println!(\"{}\", client.token())).join().unwrap();",
        "pool.execute(move || println!(\"{}\", client.token()));",
    ] {
        let found = client(&format!("{apart} {starts}"));
        assert_eq!(found, ["blocking-under-lock"], "{starts}");
    }
}

/// A registry whose `add` calls a function that waits.
fn registry(wait: &str, then: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::sync::mpsc::Receiver;
use std::sync::{{Arc, Barrier, Mutex}};
use std::thread;
use std::time::Duration;

pub struct Registry {{ ids: Mutex<Vec<u64>> }}

fn answer(from: &Receiver<u64>, ready: &Barrier) -> u64 {{ {wait} }}

pub fn add(registry: &Registry, from: &Receiver<u64>, ready: &Barrier) -> u64 {{
    let mut ids = registry.ids.lock().unwrap();
    ids.push(0);
    let id = answer(from, ready);
    {then}
    id
}}

pub fn watch(registry: Arc<Registry>) {{
    thread::spawn(move || println!(\"{{}}\", registry.ids.lock().unwrap().len())).join().unwrap();
}}
"
    ))
}

#[test]
fn what_a_called_function_waits_for_may_be_what_the_lock_is_kept_for() {
    for wait in [
        "from.recv().unwrap()",
        "thread::sleep(Duration::from_secs(1)); 7",
        "ready.wait(); 7",
    ] {
        assert_eq!(registry(wait, ""), ["blocking-under-lock"], "{wait}");
        assert!(registry(wait, "ids.push(id);").is_empty(), "{wait}");
    }
    let pause = "fn pause() {{ thread::sleep(Duration::from_secs(1)); }} pause(); 7";
    assert!(
        registry(&pause.replace("{{", "{").replace("}}", "}"), "").is_empty(),
        "two calls away"
    );
}

#[test]
fn a_reader_lets_the_waker_by_that_reads_too() {
    let found = |wakes: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Condvar, Mutex, RwLock}};
use std::thread;

pub struct Job {{ state: RwLock<u64>, done: Mutex<bool>, ended: Condvar }}

impl Job {{
    pub fn wait(&self) {{
        let state = self.state.read().unwrap();
        let mut done = self.done.lock().unwrap();
        while !*done {{ done = self.ended.wait(done).unwrap(); }}
        println!(\"{{}}\", *state);
    }}

    fn end(&self) {{
        let state = self.state.{wakes}().unwrap();
        *self.done.lock().unwrap() = *state > 0;
        self.ended.notify_all();
    }}

    fn set(&self) {{ *self.state.write().unwrap() += 1; }}
}}

pub fn start(job: Arc<Job>) {{
    let other = Arc::clone(&job);
    let thread = thread::spawn(move || {{ other.set(); other.end(); }});
    job.wait();
    thread.join().unwrap();
}}
"
        ))
        .contains(&"blocking-under-lock")
    };
    assert!(found("write"));
    assert!(!found("read"));
}

/// Rows that are worked on under a lock that threads share.
fn rows(work: &str) -> bool {
    names_in(&rows_text(work)).contains(&"oversized-critical-section")
}

fn rows_text(work: &str) -> String {
    format!(
        "
use std::sync::Mutex;

pub struct Store {{ rows: Mutex<Vec<u64>> }}

impl Store {{
    pub fn keep(&self, mut ids: Vec<u64>) -> Vec<u64> {{
        let mut rows = self.rows.lock().unwrap();
        rows.push(1);
        {work}
        ids
    }}

    pub fn clear(&self) {{ self.rows.lock().unwrap().clear(); }}
}}
"
    )
}

#[test]
fn one_small_thing_under_a_lock_is_soon_over() {
    assert!(!rows(
        "ids.sort();\nids.push(2);\nids.push(3);\nids.push(4);"
    ));
    assert!(rows(
        "ids.sort();\nlet text: String = ids.iter().map(|id| format!(\"{id}\")).collect();\nids.push(text.len() as u64);\nids.push(4);"
    ));
    assert!(!rows("ids.push(2);\nprintln!(\"{ids:?}\");"));
    assert!(rows("ids.sort();\nprintln!(\"{ids:?}\");"));
    assert!(!rows("ids.sort_by(|a, b| b.cmp(a));"));
    // Numbers are run through to the end.
    assert!(rows(
        "for id in 0..100_000 {\n    ids.extend(format!(\"{id}\").bytes().map(u64::from));\n}"
    ));
}

/// A wallet that reads under its lock, and writes under it in another section.
fn wallet(is_pub: &str, read: &str, write: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::collections::HashMap;
use std::sync::Mutex;

pub struct Wallet {{ next: Mutex<u64>, keys: Mutex<HashMap<u64, u64>> }}

impl Wallet {{
    {is_pub} fn address(&self, id: u64) -> u64 {{
        let old = {read};
        let key = old + 1;
        {write};
        key
    }}

    pub fn reset(&self) {{
        *self.next.lock().unwrap() = 0;
        self.keys.lock().unwrap().insert(0, 0);
    }}
}}
"
    ))
}

#[test]
fn an_update_is_lost_where_two_threads_may_make_it() {
    let read = "*self.next.lock().unwrap()";
    let write = "*self.next.lock().unwrap() = key";
    assert_eq!(wallet("pub", read, write), ["check-then-act"]);
    assert!(
        wallet("", read, write).is_empty(),
        "nobody is seen to call it from two threads"
    );
    let read = "self.keys.lock().unwrap()[&id]";
    let write = "self.keys.lock().unwrap().insert(key, old)";
    assert!(
        wallet("pub", read, write).is_empty(),
        "another entry than was read"
    );
}

#[test]
fn programs_of_the_same_machine_are_few() {
    let found = |listener: &str, each: &str| {
        names_in(&format!(
            "
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;

pub fn serve(listener: {listener}) {{
    {each}
}}
"
        ))
        .contains(&"unbounded-spawn")
    };
    let loops = "for stream in listener.incoming() { thread::spawn(move || drop(stream)); }";
    let accepts = "loop { let (stream, _) = listener.accept().unwrap(); thread::spawn(move || drop(stream)); }";
    for each in [loops, accepts] {
        assert!(found("TcpListener", each), "{each}");
        assert!(!found("UnixListener", each), "{each}");
    }
}

#[test]
fn messages_that_were_missed_are_no_wait() {
    let found = |error: &str| {
        names_in(&format!(
            "
use tokio::sync::broadcast::{{Receiver, error::TryRecvError}};

pub fn drain(from: &mut Receiver<u64>) -> u64 {{
    let mut sum = 0;
    loop {{
        match from.try_recv() {{
            Ok(more) => sum += more,
            Err(e) => {error}
        }}
    }}
}}
"
        ))
    };
    for missed in [
        "match e {
            TryRecvError::Empty | TryRecvError::Closed => return sum,
            TryRecvError::Lagged(_) => continue,
        },",
        "if let TryRecvError::Lagged(_) = e { continue; } else { return sum; }",
    ] {
        assert!(found(missed).is_empty(), "{missed}");
    }
    // The other errors: nothing has come yet.
    for again in [
        "match e {
            TryRecvError::Closed => return sum,
            TryRecvError::Empty => continue,
        },",
        "if let TryRecvError::Empty = e { continue; } else { return sum; }",
    ] {
        assert_eq!(found(again), ["busy-wait"], "{again}");
    }
}

#[test]
fn a_variant_called_empty_is_no_error() {
    let found = names_in(
        "
use std::sync::atomic::{AtomicU32, Ordering};

pub enum Room { Empty, Full, Closed }

pub fn wait(count: &AtomicU32) {
    loop {
        let room = if count.load(Ordering::Acquire) == 0 { Room::Empty } else { Room::Full };
        match room {
            Room::Empty => {}
            Room::Full => {}
            Room::Closed => return,
        }
    }
}
",
    );
    assert_eq!(found, ["busy-wait"]);
}

#[test]
fn a_copy_of_a_map_has_locks_of_its_own() {
    let found = |copy: &str| {
        errors_in(&format!(
            "
use dashmap::DashMap;
use std::sync::Arc;

pub struct Sizes {{ of: DashMap<String, u64>, shared: Arc<DashMap<String, u64>> }}

impl Sizes {{
    pub fn flush(&self) {{
        for size in {copy}.iter() {{ self.set(size.key()); }}
    }}

    fn set(&self, name: &str) {{
        *self.of.get_mut(name).unwrap() = 0;
        *self.shared.get_mut(name).unwrap() = 0;
    }}
}}
"
        ))
    };
    assert!(found("self.of.clone()").is_empty());
    assert_eq!(found("self.of"), ["double-lock"]);
    assert_eq!(found("self.shared.clone()"), ["double-lock"]);
}

/// Two locks in opposite orders, one of them two calls away.
fn pair_text(job: &str) -> String {
    format!(
        "
use std::sync::{{Arc, Mutex}};
use std::thread;

pub struct Pair {{ left: Mutex<u64>, right: Mutex<u64>, third: Mutex<u64> }}

impl Pair {{
    pub fn far(&self) {{
        let left = self.left.lock().unwrap();
        self.step(*left);
    }}

    fn step(&self, n: u64) {{ self.last(n); }}

    fn last(&self, n: u64) {{ *self.right.lock().unwrap() += n; }}

    pub fn back(&self) {{
        let right = self.right.lock().unwrap();
        *self.left.lock().unwrap() += *right;
    }}

    fn count(&self) {{ *self.third.lock().unwrap() += 1; }}
}}

pub fn run(pair: Arc<Pair>) {{ thread::spawn(move || {job}).join().unwrap(); }}
"
    )
}

#[test]
fn a_circle_that_is_no_error_asks_for_a_thread() {
    assert_eq!(
        names_in(&pair_text("pair.back()")),
        ["lock-order-inversion"]
    );
    assert!(names_in(&pair_text("pair.count()")).is_empty());
}

#[test]
fn a_circle_that_two_more_must_close_is_a_guess() {
    let found = |first: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};
use std::thread;

pub struct Pair {{ left: RwLock<u64>, right: RwLock<u64> }}

impl Pair {{
    pub fn sum(&self) -> u64 {{
        let left = self.left.read().unwrap();
        *left + *self.right.{first}().unwrap()
    }}

    pub fn difference(&self) -> u64 {{
        let right = self.right.read().unwrap();
        *right - *self.left.read().unwrap()
    }}

    pub fn set(&self) {{ *self.left.write().unwrap() = 1; }}

    pub fn reset(&self) {{ *self.right.write().unwrap() = 1; }}
}}

pub fn run(pair: Arc<Pair>) {{
    thread::spawn(move || println!(\"{{}}\", pair.sum())).join().unwrap();
}}
"
        ))
    };
    assert_eq!(found("write"), ["lock-order-inversion"]);
    assert!(found("read").is_empty());
}
