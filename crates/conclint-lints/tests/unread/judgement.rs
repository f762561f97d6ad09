//! What is so, and yet not worth a word at level `default`.

use conclint_lints::Level;

use super::{findings_at, names, names_in};

#[test]
fn operators_and_objects_told_apart_seldom_meet_themselves() {
    let text = |head: &str, start: &str| {
        format!(
            "
use std::sync::Mutex;
pub struct Pool {{ id: u64, items: Mutex<Vec<u32>> }}
impl Pool {{
    pub fn {head} -> bool {{
        {start}
        let mine = self.items.lock().unwrap();
        let theirs = other.items.lock().unwrap();
        mine.len() == theirs.len()
    }}
}}
"
        )
    };
    let of = |head: &str, start: &str| names_in(&text(head, start));
    assert!(of("eq(&self, other: &Pool)", "").is_empty());
    assert!(of("like(&mut self, other: &Pool)", "").is_empty());
    assert!(of("like(&self, other: &Pool)", "assert!(self.id != other.id);").is_empty());
    assert_eq!(of("like(&self, other: &Pool)", ""), ["double-lock"]);
}

#[test]
fn a_section_that_syncs_a_file_is_long_anyway() {
    let text = |last: &str| {
        format!(
            "
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
pub struct Manifest {{ file: Mutex<File> }}
impl Manifest {{
    pub fn add(&self, records: &[u64]) {{
        let mut file = self.file.lock().unwrap();
        let mut sum = Vec::new();
        for record in records {{ sum.push(hash(*record)); }}
        file.write_all(&sum).unwrap();
        {last}
    }}
}}
fn hash(record: u64) -> u8 {{ (0..record).fold(1, |hash: u8, n| hash.wrapping_mul(n as u8)) }}
"
        )
    };
    let oversized = |last: &str| names_in(&text(last)).contains(&"oversized-critical-section");
    assert!(!oversized("file.sync_all().unwrap();"));
    assert!(oversized(""));
}

#[test]
fn a_future_that_never_awaits_blocks_nobody() {
    let text = |body: &str| {
        format!(
            "
use std::sync::Mutex;
use tokio::runtime::Runtime;
pub struct Client {{ state: Mutex<u32>, runtime: Runtime }}
impl Client {{
    pub fn begin(&self) -> u32 {{
        let mut state = self.state.lock().unwrap();
        *state += 1;
        let port = self.runtime.block_on(connect(7));
        port + *state
    }}
    pub fn peek(&self) -> u32 {{ *self.state.lock().unwrap() }}
}}
async fn connect(port: u32) -> u32 {{ {body} }}
async fn dial(port: u32) -> u32 {{ tokio::task::yield_now().await; port }}
"
        )
    };
    let blocks = |body: &str| names_in(&text(body)).contains(&"blocking-under-lock");
    assert!(!blocks("port + 1"));
    assert!(blocks("dial(port).await"));
}

#[test]
fn where_a_sender_runs_for_ever_no_end_is_kept_away() {
    let text = |end: &str| {
        format!(
            "
use std::sync::mpsc::{{Sender, channel}};
use std::thread;
fn tick(sender: Sender<u32>) {{
    loop {{
        sender.send(1).unwrap();
        {end}
    }}
}}
fn main() {{
    let (sender, receiver) = channel();
    let ticks = sender.clone();
    thread::spawn(move || tick(ticks));
    while let Ok(n) = receiver.recv() {{ println!(\"{{n}}\"); }}
    drop(sender);
}}
"
        )
    };
    let never = |end: &str| names(&[("src/main.rs", &text(end))]).contains(&"receiver-never-ends");
    assert!(!never(""));
    assert!(never("if std::env::args().count() > 1 { break; }"));
}

#[test]
fn a_lock_and_a_job_are_no_waits() {
    let of = |name: &str, body: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, AtomicU32, Ordering}};
use std::thread;
use std::time::Duration;
pub struct Turn {{ taken: AtomicBool, seen: AtomicU32 }}
impl Turn {{
    pub fn {name}(&self) {{ {body} }}
    pub fn leave(&self) {{ self.taken.store(false, Ordering::Release); }}
    fn is_due(&self) -> bool {{ self.seen.load(Ordering::Relaxed) > 0 }}
}}
"
        ))
    };
    let spin = "while self.taken.load(Ordering::Acquire) { thread::yield_now(); }";
    assert!(of("lock", spin).is_empty());
    assert_eq!(of("rest", spin), ["busy-wait"]);
    let pause = "thread::sleep(Duration::from_millis(1));";
    let job = format!("loop {{ if self.is_due() {{ println!(\"due\"); }} {pause} }}");
    assert!(of("serve", &job).is_empty());
    let wait = "while !self.is_due() { thread::yield_now(); }";
    assert_eq!(of("serve", wait), ["busy-wait"]);
}

/// Retries of an exchange and loops that take something in each round wait for nobody.
#[test]
fn a_round_that_takes_or_changes_something_is_no_wait() {
    let found = |level, body: &str| {
        let text = format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering::SeqCst}};
use std::thread;
use tokio::sync::broadcast::{{Receiver, error::TryRecvError}};
static N: AtomicU64 = AtomicU64::new(0);
static SET: AtomicU64 = AtomicU64::new(0);
fn is_set() -> bool {{ SET.load(SeqCst) > 0 }}
fn go(new: u64, only: u64, events: &mut Receiver<u64>) -> Result<u64, TryRecvError> {{
    {body}
}}
pub fn run(mut events: Receiver<u64>) {{
    thread::spawn(move || go(1, 2, &mut events));
    thread::spawn(|| N.store(3, SeqCst));
}}
"
        );
        let found = findings_at(level, &[("src/lib.rs", &text)]);
        found.iter().any(|finding| finding.rule == "busy-wait")
    };
    let none = |body: &str| assert!(!found(Level::Grading, body), "{body}");
    let some = |level, body: &str| assert!(found(level, body), "{body}");
    none(
        "loop { let now = N.load(SeqCst);
         if now < new && N.compare_exchange(now, new, SeqCst, SeqCst).is_err() { continue; }
         return Ok(now); }",
    );
    none("loop { let event = events.try_recv()?; if event == only { return Ok(event); } }");
    none(
        "loop { match events.try_recv() { Ok(event) => return Ok(event),
         Err(TryRecvError::Lagged(_)) => {} Err(err) => return Err(err) } }",
    );
    some(
        Level::Default,
        "loop { match events.try_recv() { Ok(event) => return Ok(event),
         Err(TryRecvError::Empty) => {} Err(err) => return Err(err) } }",
    );
    // It waits until there is one to take.
    let takes = "loop { let now = N.load(SeqCst);
        if now > 0 && N.compare_exchange(now, now - 1, SeqCst, SeqCst).is_ok() { return Ok(now); } }";
    some(Level::Grading, takes);
    // Which cannot be told from a step that is tried again.
    assert!(!found(Level::Default, takes));
    // Two questions, and nothing is done between them.
    some(
        Level::Default,
        "while is_set() { if N.load(SeqCst) == 7 { return Ok(only); } thread::yield_now(); } Ok(new)",
    );
    // To let go of it is no step.
    some(
        Level::Default,
        "loop { if N.compare_exchange(0, 1, SeqCst, SeqCst).is_ok() {
            if only == 0 { break; } N.store(0, SeqCst); } }
        Ok(new)",
    );
}

#[test]
fn who_wins_an_exchange_is_alone() {
    let found = |sweep: &str, last: &str| {
        let text = format!(
            "
use std::sync::Mutex;
use std::sync::atomic::{{AtomicBool, Ordering::*}};
use std::thread;
static BUSY: AtomicBool = AtomicBool::new(false);
static CURSOR: Mutex<usize> = Mutex::new(0);
struct Gate;
impl Drop for Gate {{ fn drop(&mut self) {{ BUSY.store(false, Release); }} }}
fn clean(_: usize) {{}}
fn sweep() {{ {sweep} }}
fn step() {{
    let start = *CURSOR.lock().unwrap();
    {last}
    *CURSOR.lock().unwrap() = start + 10;
}}
pub fn run() {{
    for _ in 0..2 {{ thread::spawn(sweep); }}
}}
"
        );
        let found = findings_at(Level::Grading, &[("src/lib.rs", &text)]);
        found.iter().any(|finding| finding.rule == "check-then-act")
    };
    let exchange = "if BUSY.compare_exchange(false, true, AcqRel, Acquire).is_err() { return; }
        let _gate = Gate; step();";
    assert!(!found(exchange, "clean(start);"));
    assert!(!found(
        "if !BUSY.swap(true, SeqCst) { step(); BUSY.store(false, SeqCst); }",
        ""
    ));
    assert!(found("step();", "clean(start);"));
    // Whoever loses does it all the same.
    assert!(found(
        "if BUSY.swap(true, SeqCst) { clean(0); } step();",
        ""
    ));
    let inside = |between: &str| {
        format!(
            "if BUSY.swap(true, SeqCst) {{ return; }}
             let start = *CURSOR.lock().unwrap(); {between} *CURSOR.lock().unwrap() = start + 1;"
        )
    };
    assert!(!found(&inside("clean(start);"), "return;"));
    assert!(found(&inside("BUSY.store(false, SeqCst);"), "return;"));
}

/// What passes a limit twice is one too many; a maximum or a bit is not.
#[test]
fn an_update_behind_a_test_is_a_limit_that_is_passed() {
    let found = |body: &str| {
        let text = format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering::SeqCst}};
use std::thread;
static N: AtomicU64 = AtomicU64::new(0);
fn go(new: u64) {{ {body} }}
fn report(n: u64) {{ println!(\"{{n}}\"); }}
pub fn run() {{
    for _ in 0..2 {{ thread::spawn(|| {{ go(1); report(2) }}); }}
}}
"
        );
        let found = findings_at(Level::Grading, &[("src/lib.rs", &text)]);
        found
            .iter()
            .any(|finding| finding.rule == "non-atomic-update")
    };
    let none = |body: &str| assert!(!found(body), "{body}");
    let some = |body: &str| assert!(found(body), "{body}");
    some("if N.load(SeqCst) < 10 { N.fetch_add(1, SeqCst); report(new); }");
    some("if N.load(SeqCst) == 0 { N.fetch_add(1, SeqCst); report(new); }");
    none("if N.load(SeqCst) < new { N.fetch_max(new, SeqCst); }");
    none("if N.load(SeqCst) & 4 == 0 { N.fetch_or(4, SeqCst); }");
    none(
        "if let Some(it) = solver::solve(N.load(SeqCst), new) { N.fetch_add(1, SeqCst); report(it) }",
    );
}

#[test]
fn a_panic_that_is_thrown_away_is_told_from_level_pedantic_on() {
    let text = |join: &str| {
        format!(
            "
use std::thread::{{self, JoinHandle}};
pub fn total(parts: Vec<Vec<u32>>) -> u32 {{
    let threads: Vec<JoinHandle<u32>> =
        parts.into_iter().map(|part| thread::spawn(move || part.iter().sum())).collect();
    let mut total = 0;
    for thread in threads {{ {join} }}
    total
}}
"
        )
    };
    let swallowed = |level, join: &str| {
        let found = findings_at(level, &[("src/lib.rs", &text(join))]);
        found
            .iter()
            .any(|finding| finding.rule == "panic-swallowed")
    };
    for join in [
        "total += thread.join().unwrap_or_default();",
        "let _ = thread.join(); total += 1;",
    ] {
        assert!(!swallowed(Level::Default, join), "{join}");
        assert!(swallowed(Level::Pedantic, join), "{join}");
    }
    let looked_at = "total += thread.join().unwrap();";
    assert!(!swallowed(Level::Pedantic, looked_at));
}

#[test]
fn an_index_beside_what_is_handed_over_has_one_owner() {
    let text = |publish: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicBool, AtomicUsize, Ordering}};
use std::thread;
#[derive(Default)]
pub struct Ring {{ tail: AtomicUsize, full: AtomicBool }}
impl Ring {{
    fn push(&self) {{
        let tail = self.tail.load(Ordering::Relaxed);
        {publish}
        self.tail.store(tail + 1, Ordering::Relaxed);
    }}
}}
fn main() {{
    let ring = Ring::default();
    thread::scope(|scope| {{
        for _ in 0..4 {{ scope.spawn(|| ring.push()); }}
    }});
}}
"
        )
    };
    let in_main = |publish: &str| names(&[("src/main.rs", &text(publish))]);
    assert!(in_main("self.full.store(true, Ordering::Release);").is_empty());
    assert_eq!(in_main(""), ["non-atomic-update"]);
}

#[test]
fn an_example_by_the_name_of_its_directory() {
    let spin = "use std::sync::atomic::{AtomicBool, Ordering};
pub static READY: AtomicBool = AtomicBool::new(false);
pub fn set() { READY.store(true, Ordering::Release); }
pub fn rest() { while !READY.load(Ordering::Acquire) {} }";
    assert!(names(&[("locks_examples/spin.rs", spin)]).is_empty());
    assert!(names(&[("test/rust/spin.rs", spin)]).is_empty());
    assert!(names(&[("e2e-runner/spin.rs", spin)]).is_empty());
    assert!(!names(&[("attest/spin.rs", spin)]).is_empty());
    assert_eq!(names(&[("locks/spin.rs", spin)]), ["busy-wait"]);
}

#[test]
fn readers_wait_for_writers_that_may_come() {
    let text = |writer: &str| {
        format!(
            "
use std::sync::RwLock;
use std::thread;
use std::time::Duration;
pub struct Names {{ all: RwLock<Vec<String>> }}
impl Names {{
    pub fn show(&self) {{
        let all = self.all.read().unwrap();
        for name in all.iter() {{ println!(\"{{name}}\"); }}
        thread::sleep(Duration::from_secs(1));
        println!(\"{{}}\", all.len());
    }}
    pub fn {writer}, name: String) {{ self.all.write().unwrap().push(name); }}
    pub fn watch(&'static self) {{ thread::spawn(|| self.show()).join().unwrap(); }}
}}
"
        )
    };
    assert!(names_in(&text("add(&mut self")).is_empty());
    assert!(names_in(&text("init_first(&self")).is_empty());
    assert_eq!(names_in(&text("add(&self")), ["blocking-under-lock"]);
}

/// What `body` of a method does under `jobs`, where another thread takes it, too.
fn under_lock(body: &str, rest: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::collections::HashMap;
use std::process::Command;
use std::sync::mpsc::{{Receiver, SyncSender, sync_channel}};
use std::sync::{{Arc, Mutex, RwLock}};
use std::thread;

#[derive(Default)]
pub struct Client;
impl Client {{ pub async fn ask(&self, n: u32) -> u32 {{ tick().await; n }} }}
pub async fn tick() {{}}

pub struct Hub {{
    jobs: Mutex<HashMap<String, String>>,
    names: RwLock<Vec<String>>,
    client: Mutex<Option<Client>>,
    out: SyncSender<u32>,
    inbox: Mutex<Receiver<u32>>,
}}

impl Hub {{
    pub fn run(self: Arc<Self>) {{
        let hub = Arc::clone(&self);
        let worker = thread::spawn(move || hub.turn());
        self.turn();
        worker.join().unwrap();
    }}
    fn turn(&self) {{
        self.names.write().unwrap().push(String::new());
        self.jobs.lock().unwrap().clear();
        *self.client.lock().unwrap() = None;
        self.work(3);
        {rest}
    }}
    fn work(&self, n: u32) {{
        {body}
    }}
}}
"
    ))
}

#[test]
fn a_request_that_fills_the_guarded_data_is_made_once() {
    let fill = "let mut jobs = self.jobs.lock().unwrap();
        if jobs.contains_key(\"a\") { return; }
        let out = Command::new(\"ls\").output().unwrap();
        jobs.insert(\"a\".into(), String::from_utf8_lossy(&out.stdout).into());";
    assert!(under_lock(fill, "").is_empty());
    let tell = "let mut jobs = self.jobs.lock().unwrap();
        let job = jobs.remove(\"a\");
        Command::new(\"ls\").output().unwrap();";
    assert_eq!(under_lock(tell, ""), ["blocking-under-lock"]);
}

#[test]
fn a_file_read_under_a_read_lock_keeps_no_reader_out() {
    let body = |lock: &str| {
        format!(
            "let names = self.names.{lock}().unwrap(); let count = names.len();
             let text = std::fs::read_to_string(\"a\").unwrap(); drop((count, text));"
        )
    };
    assert!(under_lock(&body("read"), "").is_empty());
    assert_eq!(under_lock(&body("write"), ""), ["blocking-under-lock"]);
}

#[test]
fn a_full_channel_matters_where_the_receiver_wants_the_lock() {
    let send = "let mut jobs = self.jobs.lock().unwrap(); jobs.clear();
        self.out.send(n).unwrap();";
    let receive = |each: &str| {
        format!(
            "let inbox = self.inbox.lock().unwrap(); while let Ok(n) = inbox.recv() {{ {each} }}"
        )
    };
    // `turn` receives and takes the lock, whatever it does with the messages.
    assert_eq!(
        under_lock(send, &receive("drop(n);")),
        ["blocking-under-lock"]
    );
    assert!(under_lock(send, "").is_empty());
}

#[test]
fn a_future_of_the_guarded_data_is_what_the_lock_is_for() {
    let of = |client: &str| {
        format!(
            "let client = self.client.lock().unwrap();
             if client.is_none() {{ return; }}
             let fresh = Client; drop(&fresh);
             let asked = {client};
             futures::executor::block_on(async move {{ asked.ask(n).await; }});"
        )
    };
    assert!(
        under_lock(
            &of("match client.as_ref() { Some(client) => client, None => return }"),
            ""
        )
        .is_empty()
    );
    assert!(under_lock(&of("client.as_ref().ok_or_else(|| 3).unwrap()"), "").is_empty());
    assert_eq!(under_lock(&of("&fresh"), ""), ["blocking-under-lock"]);
}

#[test]
fn a_retry_is_no_wait() {
    let waits = |body: &str| {
        let text = format!(
            "
use std::sync::atomic::{{AtomicU8, Ordering::SeqCst}};
use std::sync::{{Mutex, MutexGuard}};

pub struct Task {{ state: AtomicU8, queue: Mutex<Vec<u32>> }}
impl Task {{ {body} }}
"
        );
        names_in(&text).contains(&"busy-wait")
    };
    let exchange = |second: &str| {
        format!(
            "pub fn notify(&self) -> bool {{ loop {{
                match self.state.compare_exchange_weak(0, 1, SeqCst, SeqCst) {{
                    Ok(_) => return true,
                    Err(2) => {{ {second} }}
                    Err(_) => {{}}
                }}
            }} }}"
        )
    };
    assert!(waits(&exchange("")));
    assert!(!waits(&exchange(
        "if self.state.compare_exchange_weak(2, 1, SeqCst, SeqCst).is_ok() { return false; }"
    )));
    let queue = |end: &str, is: &str| {
        format!(
            "pub fn take(&self) -> {is} {{ loop {{
            let queue = self.queue.lock().unwrap();
            if queue.is_empty() {{ continue; }}
            {end}
        }} }}"
        )
    };
    assert!(!waits(&queue("return queue;", "MutexGuard<'_, Vec<u32>>")));
    assert!(waits(&queue("return;", "()")));
}

#[test]
fn what_is_printed_behind_a_line_stays_behind_it() {
    let text = |write: &str, name: &str| {
        format!(
            "
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
pub struct Log {{ lines: Mutex<Vec<String>>, file: Mutex<File> }}
impl Log {{
    pub fn {name}(&self, line: &str) {{
        {write}
        println!(\"{{line}}\");
        let mut words: Vec<&str> = line.split(' ').collect();
        words.sort();
    }}
    pub fn clear(&self) {{ self.lines.lock().unwrap().clear(); self.file.lock().unwrap().flush().unwrap(); }}
}}
"
        )
    };
    let list = "let mut lines = self.lines.lock().unwrap(); lines.push(line.to_owned());";
    let file = "let mut file = self.file.lock().unwrap(); writeln!(file, \"{line}\").unwrap();";
    assert_eq!(names_in(&text(list, "log")), ["oversized-critical-section"]);
    assert!(names_in(&text(file, "log")).is_empty());
    assert!(names_in(&text(list, "on_load")).is_empty());
    assert!(names_in(&text(list, "fmt")).is_empty());
}

#[test]
fn what_is_built_for_tests_of_others_is_test_code() {
    let found = |cfg: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
pub static READY: AtomicBool = AtomicBool::new(false);
#[cfg({cfg})]
pub fn rest() {{ while !READY.load(Ordering::Acquire) {{}} }}
"
        ))
    };
    assert!(found("any(test, feature = \"testing\")").is_empty());
    assert!(found("feature = \"test-support\"").is_empty());
    assert_eq!(found("any(test, feature = \"attestation\")"), ["busy-wait"]);
    assert_eq!(found("any(unix, feature = \"mock\")"), ["busy-wait"]);
}

#[test]
fn a_future_that_has_its_thread_to_itself() {
    let found = |run: &str, lock: &str| {
        names_in(&format!(
            "
use std::io::Write;
use std::sync::{{Arc, Mutex}};
async fn tick() {{}}
pub fn run(count: Arc<Mutex<u32>>) {{
    let other = Arc::clone(&count);
    std::thread::spawn(move || *other.lock().unwrap() += 1).join().unwrap();
    {run}(async move {{
        let mut held = {lock};
        tick().await;
        drop(held);
    }});
}}
"
        ))
    };
    let count = "count.lock().unwrap()";
    assert_eq!(found("tokio::spawn", count), ["guard-across-await"]);
    assert!(found("futures::executor::block_on", count).is_empty());
}

#[test]
fn a_loop_weighs_by_what_its_rounds_cost() {
    let found = |work: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::Mutex;
fn is_wide(n: u32) -> bool {{ n > 9 }}
pub struct Seen {{ all: Mutex<HashMap<u32, Vec<String>>> }}
impl Seen {{
    pub fn add(&self, key: u32, names: &[(u32, u32)]) {{
        let mut all = self.all.lock().unwrap();
        {work}
        all.insert(key, found);
        all.remove(&0);
    }}
}}
"
        ))
    };
    let texts = "let found: Vec<String> = names.iter().map(|n| n.0.to_string()).collect();";
    let costs = "let mut found: Vec<String> = names.iter().map(|n| n.0.to_string()).collect(); found.sort();";
    let looks = "let wide = names.iter().filter(|n| is_wide(n.0)).count(); let found = vec![String::new(); wide];";
    let once = "let found = vec![names_of::find(key).map(|n| serde_json::to_string(&n).unwrap().to_string()).unwrap_or_default()];";
    let lazy = "let more = names.iter().map(|n| serde_json::to_string(&n.0).unwrap().to_string()).enumerate().map(|(_, n)| n); let found = Vec::new(); all.insert(1, more.collect());";
    assert_eq!(found(costs), ["oversized-critical-section"]);
    assert!(found(texts).is_empty(), "one small thing alone");
    assert!(found(looks).is_empty());
    assert!(found(once).is_empty());
    // Somebody else may wait at the other end of what is not known.
    let pushed = "let found = Vec::new(); for n in names { queue_of::all().push(serde_json::to_string(&n.0).unwrap().to_string()); }";
    assert!(found(pushed).is_empty());
    assert!(found(lazy).is_empty());
}

#[test]
fn two_of_one_type_two_calls_down_are_seldom_one() {
    let found = |taken: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
pub struct Account {{ balance: Mutex<u64> }}
impl Account {{
    fn add(&self, n: u64) {{ *self.balance.lock().unwrap() += n; }}
    pub fn give(&self, other: &Account, n: u64) {{
        let mut own = self.balance.lock().unwrap();
        *own -= n;
        {taken}
    }}
}}
"
        ))
    };
    assert_eq!(
        found("*other.balance.lock().unwrap() += n;"),
        ["double-lock"]
    );
    assert!(found("other.add(n);").is_empty());
}

#[test]
fn an_output_is_locked_for_what_is_printed() {
    let found = |out: &str| {
        names_in(&format!(
            "
use std::io::Write;
use std::sync::Mutex;
pub static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
pub async fn show(lines: Vec<String>) -> Result<(), std::io::Error> {{
    let out = {out};
    let mut out = out.lock();
    for line in lines {{
        next().await;
        writeln!(out, \"{{line}}\")?;
    }}
    Ok(())
}}
pub async fn next() {{}}
pub fn clear() {{ LINES.lock().clear(); }}
"
        ))
    };
    assert!(found("termcolor::StandardStream::stdout(termcolor::ColorChoice::Auto)").is_empty());
    assert!(found("&LINES").contains(&"guard-across-await"));
}

#[test]
fn what_a_called_function_waits_for_is_its_business() {
    let wait = "futures::executor::block_on(Client.ask(3));";
    let use_it = "let mut jobs = self.jobs.lock().unwrap(); jobs.clear();";
    assert_eq!(
        under_lock(&format!("{use_it} {wait}"), ""),
        ["blocking-under-lock"]
    );
    let through = format!("{use_it} settle(); }} }} fn settle() {{ {{ {wait}");
    assert!(under_lock(&through, "").is_empty());
    // While something is set up, nobody waits for it yet.
    let early = format!("}} fn start_up(&self) {{ {use_it} {wait}");
    assert!(under_lock(&early, "").is_empty());
}

#[test]
fn a_lock_made_for_one_thread_is_that_threads_own() {
    let found = |start: &str| {
        names_in(&format!(
            "
use std::sync::mpsc::Receiver;
use std::sync::{{Arc, Mutex}};
use std::thread;
pub fn show(events: Receiver<u32>) {{
    let spinner = Arc::new(Mutex::new(0));
    let shown = Arc::clone(&spinner);
    {start}
    *spinner.lock().unwrap() += 1;
}}
pub fn all(lists: Vec<Receiver<u32>>) {{
    for events in lists {{ show(events); }}
}}
"
        ))
    };
    let keeps = "thread::spawn(move || {
        let mut shown = shown.lock().unwrap();
        while let Ok(event) = events.recv() { *shown += event; }
    }).join().unwrap();";
    let again = "thread::spawn(move || loop {
        let mut shown = shown.lock().unwrap();
        if let Ok(event) = events.recv() { *shown += event; }
    }).join().unwrap();";
    assert!(!found(keeps).contains(&"blocking-under-lock"));
    assert!(found(again).contains(&"blocking-under-lock"));
}

#[test]
fn one_loop_of_a_called_function_weighs_only_in_rounds() {
    let found = |section: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
fn digest(text: &str) -> u64 {{
    let mut digest = 0;
    for c in text.chars() {{ digest = digest * 31 + c as u64; }}
    digest
}}
pub fn total(list: Arc<Mutex<Vec<u64>>>, texts: Vec<String>, names: Vec<String>) {{
    let texts = Arc::new(texts);
    let workers: Vec<_> = (0..4).map(|_| {{
        let (list, texts, names) = (Arc::clone(&list), Arc::clone(&texts), names.clone());
        thread::spawn(move || {{
            let mut list = list.lock().unwrap();
            {section}
        }})
    }}).collect();
    for worker in workers {{ worker.join().unwrap(); }}
}}
"
        ))
    };
    let once = "list.push(digest(&texts[0]));";
    let before = "let one = digest(&texts[0]); list.push(one); drop(names);";
    let rounds = "for text in texts.iter() { let one = digest(text); list.push(one); }";
    assert!(found(once).is_empty());
    assert!(found(before).is_empty());
    assert_eq!(found(rounds), ["oversized-critical-section"]);
}

#[test]
fn a_response_is_ready_at_once() {
    let text = |awaited: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Client {{ sent: Mutex<Vec<u64>> }}

async fn count(sent: &[u64]) -> u64 {{ sent.iter().sum() }}
async fn ask(id: u64) -> u64 {{ remote::get(id).await }}

impl Client {{
    pub async fn put(&self, id: u64) -> u64 {{
        let mut sent = self.sent.lock().unwrap();
        sent.push(id);
        let answer = {awaited};
        sent.push(answer);
        answer
    }}
}}
"
        )
    };
    assert!(names_in(&text("HttpResponse::Ok().await.status()")).is_empty());
    // A body that never awaits stands in for one that does.
    for sleeps in [
        "ask(id).await",
        "count(&sent).await",
        "std::future::ready(id).await",
    ] {
        assert_eq!(names_in(&text(sleeps)), ["guard-across-await"], "{sleeps}");
    }
}
