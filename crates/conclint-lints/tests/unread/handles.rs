//! Locks under two names, locks that are tried for until they are there, and
//! getters of them.

use super::{errors_in, findings, names_in};

/// A server and the snapshots it gives away.
fn snapshots(maker: &str, more: &str) -> String {
    format!(
        "
use std::sync::{{Arc, Mutex}};

pub struct Server {{ docs: Arc<Mutex<Vec<u32>>>, sources: Arc<Mutex<Vec<u32>>> }}
pub struct Snapshot {{ docs: Arc<Mutex<Vec<u32>>>, sources: Arc<Mutex<Vec<u32>>> }}

impl Server {{
    {maker}
    pub fn line(&self) -> usize {{
        let docs = self.docs.lock().unwrap();
        docs.len() + self.sources.lock().unwrap().len()
    }}
}}
impl Snapshot {{
    pub fn check(&self) -> usize {{
        let sources = self.sources.lock().unwrap();
        sources.len() + self.docs.lock().unwrap().len()
    }}
}}
{more}
"
    )
}

#[test]
fn a_clone_in_another_field_is_the_same_lock() {
    let by_literal = "pub fn snapshot(&self) -> Snapshot {
        Snapshot { docs: self.docs.clone(), sources: Arc::clone(&self.sources) }
    }";
    let by_maker = "pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.docs.clone(), self.sources.clone())
    }";
    let maker = "impl Snapshot {
    fn new(docs: Arc<Mutex<Vec<u32>>>, sources: Arc<Mutex<Vec<u32>>>) -> Self { Snapshot { docs, sources } }
}";
    for text in [snapshots(by_literal, ""), snapshots(by_maker, maker)] {
        let found = findings(&[("src/lib.rs", &text)]);
        let [one] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(one.rule, "lock-order-inversion");
        let same = "`Server.docs` is the same lock as `Snapshot.docs`";
        assert!(one.help.iter().any(|help| help == same), "{:?}", one.help);
    }
}

#[test]
fn what_may_be_another_lock_is_none() {
    let fresh = "pub fn snapshot(&self) -> Snapshot {
        Snapshot { docs: self.docs.clone(), sources: Arc::new(Mutex::new(Vec::new())) }
    }";
    let copies = "pub fn snapshot(&self) -> Snapshot {
        let docs = self.docs.lock().unwrap().clone();
        Snapshot { docs: Arc::new(Mutex::new(docs)), sources: self.sources.clone() }
    }";
    for maker in [fresh, copies] {
        assert!(names_in(&snapshots(maker, "")).is_empty(), "{maker}");
    }
    // Two makers, of which one has its own.
    let shared = "pub fn snapshot(&self) -> Snapshot {
        Snapshot { docs: self.docs.clone(), sources: self.sources.clone() }
    }";
    let own = "impl Snapshot { pub fn empty() -> Self {
        Snapshot { docs: Arc::new(Mutex::new(Vec::new())), sources: Arc::new(Mutex::new(Vec::new())) }
    } }";
    assert!(names_in(&snapshots(shared, own)).is_empty());
    let given_later = "impl Snapshot { pub fn refill(&mut self) {
        self.docs = Arc::new(Mutex::new(Vec::new()));
    } }";
    assert!(names_in(&snapshots(shared, given_later)).is_empty());
    // What tests make is no evidence of another lock.
    let in_tests = format!("#[cfg(test)] mod tests {{ use super::*; {own} }}");
    assert_eq!(
        errors_in(&snapshots(shared, &in_tests)),
        ["lock-order-inversion"]
    );
}

#[test]
fn one_lock_handed_to_two_objects() {
    let text = |second: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct View {{ targets: Arc<Mutex<u32>>, cancellers: Arc<Mutex<u32>> }}
pub struct Facade {{ targets: Arc<Mutex<u32>>, workers: Arc<Mutex<u32>> }}

impl View {{
    fn new(targets: Arc<Mutex<u32>>, cancellers: Arc<Mutex<u32>>) -> Self {{ Self {{ targets, cancellers }} }}
    pub fn status(&self) -> u32 {{
        let workers = self.cancellers.lock().unwrap();
        *workers + *self.targets.lock().unwrap()
    }}
}}
impl Facade {{
    fn new(targets: Arc<Mutex<u32>>, workers: Arc<Mutex<u32>>) -> Self {{ Self {{ targets, workers }} }}
    pub fn replace(&self) {{
        let mut targets = self.targets.lock().unwrap();
        *targets += *self.workers.lock().unwrap();
    }}
}}
pub struct Services {{ view: View, facade: Facade }}
impl Services {{
    pub fn new(targets: Arc<Mutex<u32>>, workers: Arc<Mutex<u32>>) -> Self {{
        let view = View::new(targets.clone(), workers.clone());
        let facade = Facade::new(targets, {second});
        Services {{ view, facade }}
    }}
}}
"
        )
    };
    assert_eq!(errors_in(&text("workers")), ["lock-order-inversion"]);
    assert!(names_in(&text("Arc::new(Mutex::new(0))")).is_empty());
}

#[test]
fn a_loop_that_tries_until_it_succeeds_takes_the_lock() {
    let text = |body: &str| {
        format!(
            "
use std::sync::{{Mutex, MutexGuard}};

macro_rules! insist {{
    ($thing:expr) => {{
        loop {{ if let Ok(inner) = $thing.try_lock() {{ break inner; }} }}
    }};
}}

pub struct Cache {{ n: Mutex<u32> }}
impl Cache {{
    fn lock(&self) -> MutexGuard<'_, u32> {{ insist!(self.n) }}
    pub fn look(&self, again: bool) -> u32 {{ {body} }}
}}
"
        )
    };
    for held in [
        "let n = insist!(self.n); *n + *insist!(self.n)",
        "let n = self.lock(); *n + *self.lock()",
        "let n = if again { self.lock() } else { return 0 }; *n + *insist!(self.n)",
        "let n = self.n.lock().unwrap();
         let m = loop { match self.n.try_lock() { Ok(m) => break m, Err(_) => std::thread::yield_now() } };
         *n + *m",
    ] {
        assert!(names_in(&text(held)).contains(&"double-lock"), "{held}");
    }
    for free in [
        "let n = *insist!(self.n); n + *insist!(self.n)",
        "let n = self.lock(); drop(n); *self.lock()",
        "let n = self.n.lock().unwrap();
         let m = loop { if let Ok(m) = self.n.try_lock() { break m; } else { return 0; } };
         *n + *m",
        // It gives up.
        "let n = self.n.lock().unwrap();
         let mut left = 3;
         let m = loop {
             if let Ok(m) = self.n.try_lock() { break *m; }
             left -= 1;
             if left == 0 { break 0; }
         };
         *n + m",
    ] {
        assert!(!names_in(&text(free)).contains(&"double-lock"), "{free}");
    }
}

#[test]
fn a_getter_of_several_locks() {
    let text = |body: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Ledger {{ canon: Arc<Mutex<u32>>, requests: Arc<Mutex<u32>>, open: Option<u32> }}
impl Ledger {{
    fn close(&self) -> (Arc<Mutex<u32>>, Arc<Mutex<u32>>) {{
        println!(\"closing\");
        let canon = self.canon.clone();
        let requests = self.requests.clone();
        (canon, requests)
    }}
    fn opened(&self) -> Option<&Mutex<u32>> {{
        if let Some(id) = self.open {{ println!(\"{{id}}\"); }}
        if self.open.is_some() {{ Some(&self.canon) }} else {{ None }}
    }}
    pub fn add(&self) {{
        let mut requests = self.requests.lock().unwrap();
        *requests += *self.canon.lock().unwrap();
    }}
    fn bump(&self) -> Option<()> {{ *self.opened()?.lock().unwrap() += 1; None }}
    pub fn go(&self) {{ {body} }}
}}
"
        )
    };
    let swapped = "let (canon, requests) = self.close();
        let canon = canon.lock().unwrap();
        *requests.lock().unwrap() += *canon;";
    assert_eq!(errors_in(&text(swapped)), ["lock-order-inversion"]);
    let in_order = "let (canon, requests) = self.close();
        let mut requests = requests.lock().unwrap();
        *requests += *canon.lock().unwrap();";
    assert!(names_in(&text(in_order)).is_empty());
}

#[test]
fn who_asks_whether_he_is_alone_with_something_else_may_meet_others() {
    let text = |ask: &str| {
        format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct Env {{ arena: RwLock<u32>, dbs: RwLock<u32>, readers: Arc<()> }}
impl Env {{
    pub fn serialize(&self) -> u32 {{
        let arena = self.arena.read().unwrap();
        *arena + *self.dbs.read().unwrap()
    }}
    pub fn create(&self) {{
        {ask}
        let mut dbs = self.dbs.write().unwrap();
        *dbs += *self.arena.write().unwrap();
    }}
}}
"
        )
    };
    for ask in ["", "if Arc::strong_count(&self.readers) > 1 { return; }"] {
        assert_eq!(errors_in(&text(ask)), ["lock-order-inversion"], "{ask}");
    }
}

#[test]
fn a_lazy_pointer_is_cloned_to_the_one_object() {
    let found = |declared: &str| {
        names_in(&format!(
            "
use parking_lot::Mutex;
use std::sync::{{Arc, LazyLock}};

{declared}
pub struct Tcp {{ inner: Arc<Mutex<u64>> }}

pub fn sockets() -> Arc<Mutex<Vec<u64>>> {{ SOCKETS.clone() }}

impl Tcp {{
    pub fn read(&self) {{
        let inner = self.inner.lock();
        let sockets = sockets();
        sockets.lock().push(*inner);
    }}
    pub fn write(&self) {{
        let sockets = SOCKETS.clone();
        let all = sockets.lock();
        *self.inner.lock() += all.len() as u64;
    }}
}}
"
        ))
    };
    let made = "Arc::new(Mutex::new(Vec::new()))";
    for lazy in [
        format!("lazy_static! {{ pub static ref SOCKETS: Arc<Mutex<Vec<u64>>> = {made}; }}"),
        format!("pub static SOCKETS: LazyLock<Arc<Mutex<Vec<u64>>>> = LazyLock::new(|| {made});"),
    ] {
        assert_eq!(found(&lazy), ["lock-order-inversion"], "{lazy}");
    }
}

#[test]
fn a_reason_lets_a_thread_go() {
    let found = |comment: &str| {
        names_in(&format!(
            "
use std::thread;

pub fn start() {{
    {comment}
    let worker = thread::spawn(|| std::fs::write(\"a\", \"b\").unwrap());
    println!(\"{{:?}}\", worker.thread().id());
}}
"
        ))
    };
    assert_eq!(found("// detached: nobody misses the file"), [""; 0]);
    assert_eq!(found("// detached:"), ["unjoined-thread"]);
}
