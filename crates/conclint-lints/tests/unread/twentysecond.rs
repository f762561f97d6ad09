//! What a twenty-second group of programs that nobody here wrote showed.

use conclint_lints::Level;

use super::{all_findings_at, findings_at, names_in};

/// The lints that find something at the level for course work.
fn in_course_work(text: &str) -> Vec<&'static str> {
    let found = findings_at(Level::Grading, &[("src/lib.rs", text)]);
    found.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn what_was_put_into_an_entry_lies_in_the_map() {
    let found = |list: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::RwLock;

pub struct Routes {{ table: RwLock<HashMap<u32, Vec<u32>>> }}

impl Routes {{
    pub fn number(&self) -> usize {{
        self.table.read().unwrap().len()
    }}

    pub fn add(&self, id: u32, route: u32, known: &mut Vec<u32>) {{
        let mut table = self.table.write().unwrap();
        {list}
        list.retain(|one| one.count_ones() > 3);
        list.sort_by_key(|one| one.count_ones());
        for one in 0..1000 {{
            list.push(route.wrapping_mul(one));
        }}
        list.sort();
    }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    for entry in [
        "let list = table.entry(id).or_insert(Vec::new());",
        "let list = table.entry(id).or_insert_with(|| Vec::with_capacity(4));",
        "let list = table.entry(id).or_insert_with_key(|id| vec![*id]);",
    ] {
        assert_eq!(found(entry), nothing, "{entry}");
    }
    assert_eq!(
        found("table.entry(id).or_insert_with(|| Vec::with_capacity(4)); let list = known;"),
        ["oversized-critical-section"],
    );
}

#[test]
fn an_item_of_a_map_keeps_it_locked() {
    let found = |what: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;

pub struct Peers {{ peers: DashMap<u32, u64> }}

impl Peers {{
    pub fn cull(&self) {{
        {what}
    }}
}}
"
        ))
    };
    for picked in [
        ".min_by_key(|p| *p.value())",
        ".filter(|p| *p.value() > 3).next()",
        ".find(|p| *p.value() > 3)",
        ".reduce(|a, b| if a.value() < b.value() { a } else { b })",
    ] {
        let text = format!(
            "let oldest = self.peers.iter(){picked}.unwrap(); self.peers.remove(oldest.key());"
        );
        assert_eq!(found(&text), ["double-lock"], "{picked}");
        let text = format!(
            "let oldest = self.peers.iter(){picked}.map(|it| *it.key()).unwrap(); self.peers.remove(&oldest);"
        );
        assert_eq!(found(&text), [""; 0], "{picked}");
    }
    for kept in [
        "let all: Vec<_> = self.peers.iter().filter(|p| *p.value() > 3).collect(); \
         for one in all { self.peers.remove(one.key()); }",
        "let (old, new): (Vec<_>, Vec<_>) = self.peers.iter().partition(|p| *p.value() > 3); \
         for one in old { self.peers.remove(one.key()); }",
    ] {
        assert_eq!(found(kept), ["double-lock"], "{kept}");
    }
    let keys = "let all: Vec<u32> = self.peers.iter().map(|p| *p.key()).collect(); \
                for one in all { self.peers.remove(&one); }";
    assert_eq!(found(keys), [""; 0]);
}

#[test]
fn what_a_constructor_is_given_others_have() {
    let found = |made: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Sync {{ status: Mutex<u32>, listeners: Mutex<Vec<u32>> }}

impl Sync {{
    fn reset(&self) {{
        *self.status.lock().unwrap() = 0;
    }}

    fn listen(&self, one: u32) {{
        let mut listeners = self.listeners.lock().unwrap();
        listeners.push(one);
        self.reset();
    }}

    pub fn answer(&self) -> u32 {{
        let status = self.status.lock().unwrap();
        self.listeners.lock().unwrap().len() as u32 + *status
    }}
}}

pub struct Parts {{ sync: Arc<Sync> }}

impl Parts {{
    pub fn new(sync: Arc<Sync>) -> Parts {{
        {made}
        sync.listen(1);
        Parts {{ sync }}
    }}
}}
"
        ))
    };
    assert_eq!(found(""), ["lock-order-inversion"]);
    let own = "let sync = Arc::new(Sync { status: Mutex::new(0), listeners: Mutex::new(vec![]) });";
    assert_eq!(found(own), [""; 0]);
}

#[test]
fn a_handle_that_is_borrowed_alone_is_not_its_lock() {
    let found = |object: &str| {
        names_in(&format!(
            "
use std::collections::BTreeMap;
use std::sync::{{Arc, Mutex, MutexGuard, Weak}};

pub struct Plugin {{ id: u32, manager: Weak<Mutex<Manager>> }}
pub struct PluginRef(Arc<Mutex<Plugin>>);
pub struct Manager {{ running: BTreeMap<u32, PluginRef> }}
pub struct ManagerRef(Arc<Mutex<Manager>>);

impl PluginRef {{
    pub fn handle(&self) -> bool {{
        let manager = self.0.lock().unwrap().manager.upgrade();
        manager.is_some_and(|manager| ManagerRef(manager).knows(&self.0.lock().unwrap().id))
    }}

    pub fn update(&self, by: u32) {{
        self.0.lock().unwrap().id += by;
    }}
}}

impl ManagerRef {{
    fn lock(&self) -> MutexGuard<Manager> {{
        self.0.lock().unwrap()
    }}

    pub fn update({object}, by: u32) {{
        let inner = self.lock();
        for plugin in inner.running.values() {{
            plugin.update(by);
        }}
    }}

    pub fn knows(&self, id: &u32) -> bool {{
        self.lock().running.contains_key(id)
    }}
}}
"
        ))
    };
    assert_eq!(found("&self"), ["lock-order-inversion"]);
    assert_eq!(found("&mut self"), ["lock-order-inversion"]);
}

#[test]
fn a_join_on_the_branch_that_fails() {
    let found = |last: &str| {
        let text = format!(
            "
use std::thread;

pub fn capture(limit: u64, given: u64) -> Result<u64, String> {{
    let reader: thread::JoinHandle<u64> = thread::spawn(move || given * 2);
    if given > limit {{
        let _ = reader.join();
        return Err(\"too much\".to_owned());
    }}
    {last}
}}
"
        );
        let found = findings_at(Level::Pedantic, &[("src/lib.rs", &text)]);
        let names = found.iter().map(|finding| finding.rule);
        names
            .filter(|name| *name == "panic-swallowed")
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("reader.join().map_err(|_| \"the reader panicked\".to_owned())"),
        [""; 0]
    );
    // Of that thread nobody hears that it panicked.
    assert_eq!(
        found("Ok(reader.join().unwrap_or_default())"),
        ["panic-swallowed"]
    );
    assert_eq!(
        found("let _ = reader.join(); Ok(1)"),
        ["panic-swallowed"; 2]
    );
}

#[test]
fn what_a_function_makes_it_writes_at_another_time() {
    let found = |index: &str| {
        names_in(&format!(
            "
use std::sync::Arc;
use tokio::sync::RwLock;

pub struct Index {{ words: Option<u32>, number: u32 }}

pub struct Shared {{ index: Arc<RwLock<Index>> }}

pub async fn open(shared: &Shared) -> Arc<RwLock<Index>> {{
    let index = {index};
    if let Some(words) = index.read().await.words.as_ref() {{
        println!(\"{{}}\", index.read().await.number + *words);
    }}
    index.write().await.number = 4;
    index
}}
"
        ))
    };
    let made = "Arc::new(RwLock::new(Index { words: None, number: 1 }))";
    assert_eq!(found(made), [""; 0]);
    assert_eq!(found("shared.index.clone()"), ["double-lock"]);
}

#[test]
fn a_handle_moves_from_field_to_field() {
    let found = |joined: &str| {
        names_in(&format!(
            "
use std::thread::{{self, JoinHandle}};

pub struct Worker {{ handle: JoinHandle<()>, number: u32 }}
pub struct Waiting {{ handle: Option<JoinHandle<()>> }}

impl Worker {{
    pub fn new(number: u32) -> Self {{
        let handle = thread::spawn(move || std::fs::write(\"out\", number.to_string()).unwrap());
        Worker {{ handle, number }}
    }}

    pub fn wait(self) -> Waiting {{
        Waiting {{ handle: Some(self.handle) }}
    }}
}}

impl Waiting {{
    pub fn end(&mut self) {{
        {joined}
    }}
}}

fn main() {{
    let mut waiting = Worker::new(1).wait();
    waiting.end();
}}
"
        ))
    };
    assert_eq!(
        found("self.handle.take().unwrap().join().unwrap();"),
        [""; 0]
    );
    assert_eq!(found("self.handle = None;"), ["unjoined-thread"]);
}

#[test]
fn readers_across_an_await_wait_for_other_writers() {
    let found = |writer: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct Driver {{ cursor: Arc<RwLock<u64>> }}

impl Driver {{
    pub fn new(start: u64) -> Self {{
        Driver {{ cursor: Arc::new(RwLock::new(start)) }}
    }}

    async fn payload(&self, at: u64) -> u64 {{
        tokio::time::sleep(std::time::Duration::from_millis(at)).await;
        at
    }}

    pub async fn advance(&mut self) {{
        let cursor = self.cursor.read().unwrap();
        let next = self.payload(*cursor).await;
        drop(cursor);
        *self.cursor.write().unwrap() = next;
    }}

    {writer}
}}
"
        ))
    };
    assert_eq!(found(""), [""; 0]);
    assert_eq!(
        found("pub fn reset(&self) { *self.cursor.write().unwrap() = 0; }"),
        ["guard-across-await"]
    );
}

#[test]
fn an_iterator_keeps_the_guard_that_its_closure_took() {
    let found = |rest: &str| {
        names_in(&format!(
            "
use std::sync::RwLock;

pub struct Routes {{ table: RwLock<Vec<u32>> }}

impl Routes {{
    pub fn update(&self, list: &[usize]) {{
        let mut better = {{
            let table = self.table.read().unwrap();
            list.iter().filter_map(move |i| table.get(*i).copied()).peekable()
        }};
        {rest}
    }}
}}
"
        ))
    };
    let write = "self.table.write().unwrap().clear();";
    let looks = format!("if better.peek().is_some() {{ {write} }}");
    assert_eq!(found(&looks), ["double-lock"]);
    let counts = format!("if better.count() > 3 {{ {write} }}");
    assert_eq!(found(&counts), [""; 0]);
}

#[test]
fn a_lock_far_down_is_still_the_same() {
    let text = "
use dashmap::DashMap;
use std::collections::HashMap;

pub struct Layout { places: DashMap<u32, Vec<u32>> }
pub struct Part { layouts: HashMap<u32, Layout> }
pub struct Whole { parts: DashMap<u32, Part> }

impl Layout {
    fn set(&self, at: u32) {
        if let Some(mut place) = self.places.get_mut(&at) {
            place.push(at);
        }
    }
}

impl Whole {
    pub fn sweep(&self) {
        for part in self.parts.iter() {
            for (_name, layout) in part.layouts.iter() {
                for place in layout.places.iter() {
                    layout.set(*place.key());
                }
            }
        }
    }
}
";
    assert_eq!(names_in(text), ["double-lock"]);
}

#[test]
fn what_never_gives_anything_is_no_other_place() {
    let found = |system: &str| {
        names_in(&format!(
            "
use std::mem::MaybeUninit;
use std::sync::RwLock;
use std::sync::atomic::{{AtomicBool, Ordering::Acquire}};

pub struct System {{ blocks: RwLock<Vec<u32>> }}

static mut SYSTEM: MaybeUninit<System> = MaybeUninit::uninit();
static READY: AtomicBool = AtomicBool::new(false);

pub fn system() -> &'static System {{
    {system}
}}

pub fn scan() {{
    let blocks = system().blocks.read().unwrap();
    system().blocks.write().unwrap().push(blocks[0]);
}}
"
        ))
    };
    for body in [
        "if READY.load(Acquire) { unsafe { SYSTEM.assume_init_ref() } } else { panic!(\"not yet\"); }",
        "if !READY.load(Acquire) { panic!(\"not yet\"); } else { unsafe { SYSTEM.assume_init_ref() } }",
    ] {
        assert_eq!(found(body), ["double-lock"], "{body}");
    }
}

#[test]
fn course_work_waits_for_its_threads() {
    let text = "
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

pub struct Pool { jobs: Sender<u32>, done: Arc<Mutex<u32>> }

impl Pool {
    pub fn new() -> Pool {
        let (jobs, taken) = channel::<u32>();
        let done = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&done);
        thread::spawn(move || {
            for job in taken {
                *counter.lock().unwrap() += job;
            }
        });
        Pool { jobs, done }
    }
}
";
    assert_eq!(names_in(text), [""; 0]);
    assert_eq!(in_course_work(text), ["unjoined-thread"]);
}

#[test]
fn an_element_that_is_checked_and_then_changed() {
    let found = |account: &str| {
        let text = format!(
            "
use std::sync::Mutex;

pub struct Account {{ balance: Mutex<u64> }}
pub struct Bank {{ accounts: Vec<Account> }}

impl Bank {{
    fn account(&self, number: usize) -> Option<&Account> {{
        self.accounts.get(number)
    }}

    pub fn withdraw(&self, number: usize, other: usize, amount: u64) -> Option<u64> {{
        {account}
        if *account.balance.lock().unwrap() < amount {{
            return None;
        }}
        *changed.balance.lock().unwrap() -= amount;
        Some(amount)
    }}
}}
"
        );
        in_course_work(&text)
    };
    for account in [
        "let account = &self.accounts[number]; let changed = account;",
        "let account = self.accounts.get(number)?; let changed = account;",
        "let account = self.account(number)?; let changed = account;",
        "let account = &self.accounts[number]; let changed = &self.accounts[number];",
    ] {
        assert_eq!(found(account), ["check-then-act"], "{account}");
    }
    let others = "let account = &self.accounts[number]; let changed = &self.accounts[other];";
    assert_eq!(found(others), [""; 0]);
}

#[test]
fn a_job_that_is_caught_is_still_run() {
    let found = |run: &str| {
        let text = format!(
            "
use std::panic::{{catch_unwind, AssertUnwindSafe}};
use std::sync::{{mpsc::Receiver, Mutex}};

pub type Job = Box<dyn FnOnce() + Send>;

pub fn serve(jobs: &Mutex<Receiver<Job>>) {{
    while let Ok(job) = jobs.lock().unwrap().recv() {{
        {run}
    }}
}}
"
        );
        let found = all_findings_at(Level::Grading, &[("src/lib.rs", &text)]);
        found.into_iter().map(|it| it.rule).collect::<Vec<_>>()
    };
    for run in [
        "job();",
        "let _ = catch_unwind(AssertUnwindSafe(job));",
        "let _ = catch_unwind(AssertUnwindSafe(|| job()));",
    ] {
        assert_eq!(found(run), ["blocking-under-lock"], "{run}");
    }
}

#[test]
fn where_a_handle_lies_says_nothing_of_its_clones() {
    let found = |clone: &str| {
        names_in(&format!(
            "
use std::collections::BTreeMap;
use std::sync::{{Arc, Mutex, Weak}};

pub struct Plugin {{ id: u32, manager: WeakRef }}
{clone}
pub struct PluginRef(Arc<Mutex<Plugin>>);
pub struct Manager {{ running: BTreeMap<u32, PluginRef> }}
#[derive(Clone)]
pub struct ManagerRef(Arc<Mutex<Manager>>);
pub struct WeakRef(Weak<Mutex<Manager>>);

impl WeakRef {{
    fn upgrade(&self) -> Option<ManagerRef> {{
        self.0.upgrade().map(ManagerRef)
    }}
}}

impl PluginRef {{
    pub fn answer(&mut self) {{
        self.handle();
    }}

    fn handle(&self) {{
        let manager = self.0.lock().unwrap().manager.upgrade();
        if let Some(manager) = manager {{
            manager.forget(&self.0.lock().unwrap().id);
        }}
    }}

    fn update(&self, by: u32) {{
        self.0.lock().unwrap().id += by;
    }}
}}

impl ManagerRef {{
    pub fn update(&mut self, by: u32) {{
        let inner = self.0.lock().unwrap();
        for plugin in inner.running.values() {{
            plugin.update(by);
        }}
    }}

    fn forget(&self, id: &u32) {{
        self.0.lock().unwrap().running.remove(id);
    }}
}}
"
        ))
    };
    assert_eq!(found("#[derive(Clone)]"), ["lock-order-inversion"]);
    assert_eq!(found(""), [""; 0]);
}

#[test]
fn room_in_a_channel_is_awaited_under_an_async_lock() {
    let found = |data: &str, sent: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{{mpsc, Mutex}};

pub struct Hub {{ peers: Arc<Mutex<{data}>>, out: mpsc::Sender<u32>, fast: mpsc::UnboundedSender<u32> }}

impl Hub {{
    pub async fn add(&self, id: u32, peer: mpsc::Sender<u32>) {{
        let mut peers = self.peers.lock().await;
        peers.insert(id, peer);
    }}

    pub async fn tell(&self, id: u32) {{
        let mut peers = self.peers.lock().await;
        {sent}
    }}

    pub async fn tell_two(&self) {{
        self.tell(1).await;
        self.tell(2).await;
    }}
}}

#[tokio::main]
async fn main() {{
    let (out, mut taken) = mpsc::channel(8);
    let (fast, _other) = mpsc::unbounded_channel();
    let hub = Arc::new(Hub {{ peers: Default::default(), out: out.clone(), fast }});
    let other = Arc::clone(&hub);
    tokio::spawn(async move {{ other.add(1, out).await }});
    tokio::spawn(async move {{ hub.tell_two().await }});
    println!(\"{{:?}}\", taken.recv().await);
}}
"
        ))
    };
    let map = "HashMap<u32, mpsc::Sender<u32>>";
    for one_of_many in [
        "if let Some(peer) = peers.get(&id) { let _ = peer.send(1).await; }",
        "for peer in peers.values() { let _ = peer.send(id).await; }",
    ] {
        assert_eq!(
            found(map, one_of_many),
            ["blocking-under-lock"],
            "{one_of_many}"
        );
    }
    for harmless in [
        "if let Some(peer) = peers.remove(&id) { let _ = peer.send(1).await; }",
        "let _ = self.out.send(peers.len() as u32).await;",
        "let _ = self.fast.send(peers.len() as u32);",
        "let _ = self.out.try_send(peers.len() as u32);",
        "drop(peers); let _ = self.out.send(id).await;",
    ] {
        assert_eq!(found(map, harmless), [""; 0], "{harmless}");
    }
}

#[test]
fn a_line_of_many_is_not_what_the_lock_is_held_for() {
    let found = |more: usize, ask: &str| {
        let rest = "        state.total = state.total.wrapping_mul(31) + 7;\n".repeat(more);
        names_in(&format!(
            "
use std::sync::Mutex;

pub struct State {{ total: u64, seen: Vec<u64> }}
pub struct Report {{ state: Mutex<State> }}

fn digits(of: u64) -> u64 {{
    let mut sum = 0;
    for digit in of.to_string().bytes() {{
        sum += u64::from(digit);
    }}
    sum
}}

impl Report {{
    pub fn size(&self) -> usize {{
        self.state.lock().unwrap().seen.len()
    }}

    pub fn add(&self, items: &[u64]) {{
        let mut state = self.state.lock().unwrap();
        {ask}
        for item in items {{
            let sum = digits(*item);
            state.seen.push(sum);
        }}
{rest}    }}
}}
"
        ))
    };
    assert_eq!(found(1, ""), ["oversized-critical-section"]);
    assert_eq!(found(30, ""), [""; 0]);
    let ask = "let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap(); state.total += line.len() as u64;";
    assert!(!found(1, ask).contains(&"oversized-critical-section"));
}
