//! Who runs what, when, and how often.

use conclint_lints::Level;

use super::{findings_at, names, names_in};

#[test]
fn an_atomic_of_one_thread_loses_nothing() {
    let text = |main: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering}};
use std::thread;

static STEPS: AtomicU64 = AtomicU64::new(0);

fn step() {{
    let steps = STEPS.load(Ordering::SeqCst);
    STEPS.store(steps + 1, Ordering::SeqCst);
}}

fn main() {{
    {main}
    println!(\"{{}}\", STEPS.load(Ordering::SeqCst));
}}
"
        )
    };
    let in_main = |main: &str| names(&[("src/main.rs", &text(main))]);
    assert!(in_main("thread::spawn(step).join().unwrap();").is_empty());
    let two = "let a = thread::spawn(step); let b = thread::spawn(step); a.join().unwrap(); b.join().unwrap();";
    assert_eq!(in_main(two), ["non-atomic-update"]);
}

#[test]
fn before_main_starts_anything_nobody_meets_it() {
    let text = |before: &str| {
        format!(
            "
use std::sync::Mutex;

static MAP: Mutex<u32> = Mutex::new(0);
static SIM: Mutex<u32> = Mutex::new(0);

async fn serve(_request: u32) {{
    std::thread::spawn(|| println!(\"served\")).join().unwrap();
    let sim = SIM.lock().unwrap();
    *MAP.lock().unwrap() += *sim;
}}

#[tokio::main]
async fn main() {{
    {before}
    {{
        let map = MAP.lock().unwrap();
        *SIM.lock().unwrap() = *map;
    }}
    hyper::run(serve).await;
}}
"
        )
    };
    let in_main = |before: &str| names(&[("src/main.rs", &text(before))]);
    assert!(in_main("").is_empty());
    assert_eq!(in_main("hyper::ready().await;"), ["lock-order-inversion"]);
}

#[test]
fn a_program_that_serves_for_ever_cuts_nobody_off() {
    let text = |rest: &str| {
        format!(
            "
use std::fs::File;
use std::io::Write;
use std::thread;
use std::time::Duration;

fn main() {{
    let _writer = thread::spawn(|| {{
        let mut file = File::create(\"state\").unwrap();
        file.write_all(b\"all of it\").unwrap();
    }});
    {rest}
}}
"
        )
    };
    let in_main = |rest: &str| names(&[("src/main.rs", &text(rest))]);
    assert!(in_main("loop { thread::sleep(Duration::from_secs(1)); }").is_empty());
    assert_eq!(in_main("println!(\"done\");"), ["unjoined-thread"]);
}

#[test]
fn a_thread_that_serves_for_ever_has_no_end_to_wait_for() {
    let text = |run: &str| {
        format!(
            "
use std::sync::Mutex;
use std::thread;

static PORTS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

struct Reactor {{ ports: u64 }}
impl Reactor {{
    fn run(&self) {{ self.run_polling() }}
    fn run_polling(&self) {{ self.poll() }}
    fn poll(&self) {{ {run} }}
}}

pub fn start(reactor: Reactor) {{
    let handle = thread::spawn(move || reactor.run());
    println!(\"{{:?}}\", PORTS.lock().unwrap());
}}
"
        )
    };
    let found = |run: &str| names(&[("src/lib.rs", &text(run))]);
    let look = "PORTS.lock().unwrap().push(self.ports);";
    assert!(found(&format!("loop {{ {look} }}")).is_empty());
    assert_eq!(found(look), ["unjoined-thread"]);
}

#[test]
fn a_lock_that_is_only_taken_under_another_is_nobodys_to_wait_for() {
    let text = |extra: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct Player {{ turn: Mutex<u32>, list: Arc<Mutex<Vec<u32>>> }}

impl Player {{
    fn play(&self) {{
        let turn = self.turn.lock().unwrap();
        let mut list = self.list.lock().unwrap();
        list.push(*turn);
        drop(list);
    }}
    fn wait(&self) {{
        let _turn = self.turn.lock().unwrap();
        let list = self.list.lock().unwrap();
        let sum = list.iter().sum::<u32>();
        println!(\"{{sum}}\");
        expensive();
    }}
    {extra}
}}

fn expensive() {{
    for n in 0..1_000_000u64 {{ std::hint::black_box(n); }}
}}

fn main() {{
    let player = Arc::new(Player::default());
    let other = Arc::clone(&player);
    let thread = thread::spawn(move || other.play());
    player.wait();
    thread.join().unwrap();
    thread::sleep(Duration::from_millis(1));
}}
"
        )
    };
    let of_list = |extra: &str| {
        let found = names(&[("src/main.rs", &text(extra))]);
        found
            .iter()
            .filter(|name| **name == "oversized-critical-section")
            .count()
    };
    let gated = of_list("");
    let open = of_list("pub fn peek(&self) -> usize { self.list.lock().unwrap().len() }");
    assert!(open > gated, "{open} {gated}");
}

#[test]
fn a_thread_that_keeps_its_own_data_locked_owns_it() {
    let text = |start: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::sync::{{Arc, Mutex}};
use std::thread;
use std::time::Duration;

pub struct Spinner {{ ticks: u32 }}

fn turn(spinner: &Mutex<Spinner>, stop: &AtomicBool) {{
    let mut spinner = spinner.lock().unwrap();
    while !stop.load(Ordering::Relaxed) {{
        spinner.ticks += 1;
        thread::sleep(Duration::from_millis(100));
        println!(\"{{}}\", spinner.ticks);
    }}
}}

pub fn run(work: Vec<u32>) -> u32 {{
    let spinner = Arc::new(Mutex::new(Spinner {{ ticks: 0 }}));
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    {start}
    let sum = work.iter().sum::<u32>();
    stop.store(true, Ordering::Relaxed);
    for thread in threads {{ thread.join().unwrap(); }}
    let ticks = spinner.lock().unwrap().ticks;
    sum + ticks
}}
"
        )
    };
    let start = "let (a, b) = (spinner.clone(), stop.clone()); \
                 threads.push(thread::spawn(move || turn(&a, &b)));";
    assert!(names_in(&text(start)).is_empty());
    let many = names_in(&text(&format!("for _ in 0..4 {{ {start} }}")));
    assert!(many.contains(&"blocking-under-lock"), "{many:?}");
}

#[test]
fn a_value_from_elsewhere_is_stored_once_more_without_harm() {
    let text = |value: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::thread;

pub struct Door {{ open: AtomicBool }}

impl Door {{
    fn set(&self, open: bool) {{
        if self.open.load(Ordering::SeqCst) != open {{
            self.open.store({value}, Ordering::SeqCst);
            self.tell(open);
        }}
    }}
    fn tell(&self, open: bool) {{ println!(\"{{open}}\"); }}
}}

fn main() {{
    let door = Door {{ open: AtomicBool::new(false) }};
    thread::scope(|scope| {{
        for n in 0..4 {{
            let door = &door;
            scope.spawn(move || door.set(n % 2 == 0));
        }}
    }});
}}
"
        )
    };
    let in_main = |value: &str| names(&[("src/main.rs", &text(value))]);
    assert!(in_main("open").is_empty());
    assert_eq!(in_main("true"), ["non-atomic-update"]);
}

#[test]
fn a_handle_is_missed_where_its_keeper_ends_in_order() {
    let found = |method: &str, work: &str| {
        names_in(&format!(
            "
use std::thread::{{self, JoinHandle}};
pub struct Feed {{ worker: JoinHandle<()>, name: String }}
impl Feed {{
    pub fn open(name: String) -> Feed {{
        let worker = thread::spawn(|| {{ {work} }});
        Feed {{ worker, name }}
    }}
    pub fn {method}(&self) -> &str {{ &self.name }}
}}
"
        ))
    };
    assert!(found("title", "println!(\"fed\");").is_empty());
    assert_eq!(found("stop", "println!(\"fed\");"), ["unjoined-thread"]);
    assert_eq!(
        found("title", "std::fs::write(\"a\", \"b\").unwrap();"),
        ["unjoined-thread"]
    );
}

#[test]
fn a_report_is_missed_where_this_call_alone_could_read_it() {
    let found_at = |level: Level, given: &str, receiver: &str| -> Vec<&'static str> {
        let text = format!(
            "
use std::sync::mpsc::{{channel, Receiver, Sender}};
use std::thread;
pub struct Feed {{ reports: Receiver<u32>, tell: Sender<u32> }}
impl Feed {{
    pub fn step(&self) -> Option<u32> {{
        {given}
        thread::spawn(move || tell.send(1).unwrap());
        {receiver}.try_recv().ok()
    }}
}}
"
        );
        let found = findings_at(level, &[("src/lib.rs", &text)]);
        found.into_iter().map(|finding| finding.rule).collect()
    };
    let found = |given: &str, receiver: &str| found_at(Level::Pedantic, given, receiver);
    let kept = "let tell = self.tell.clone();";
    let own = "let (tell, reports) = channel();";
    assert!(found(kept, "self.reports").is_empty());
    assert_eq!(found(own, "reports"), ["unjoined-thread"]);
    // Who drops a handle mostly knows.
    assert!(found_at(Level::Default, own, "reports").is_empty());
}

#[test]
fn to_look_again_and_again_is_to_wait() {
    let found = |rest: &str| {
        names_in(&format!(
            "
use std::sync::mpsc::{{channel, Receiver, Sender}};
use std::thread;

enum Info {{ Found(String), End }}

fn search(tx: Sender<Info>) {{
    tx.send(Info::Found(String::new())).unwrap();
    tx.send(Info::End).unwrap();
}}

fn main() {{
    let (tx, rx) = channel();
    let _ = thread::Builder::new().spawn(move || search(tx));
    {rest}
}}
"
        ))
        .into_iter()
        .filter(|name| *name == "unjoined-thread")
        .collect::<Vec<_>>()
    };
    let nothing: [&str; 0] = [];
    let look = "match rx.try_recv() { Ok(Info::End) => break, Ok(Info::Found(s)) => println!(\"{s}\"), _ => {} }";
    assert_eq!(found(&format!("loop {{ {look} }}")), nothing);
    assert_eq!(
        found("if let Ok(Info::Found(s)) = rx.try_recv() { println!(\"{s}\"); }"),
        ["unjoined-thread"]
    );
}

#[test]
fn twins_of_which_a_build_has_one_are_joined_together() {
    let found = |cfg: &str| {
        names_in(&format!(
            "
use std::thread::JoinHandle;

#[cfg(target_os = \"macos\")]
pub mod kqueue {{
    pub struct Timer {{ pub handle: Option<super::JoinHandle<()>> }}
    impl Timer {{
        pub fn start() -> Self {{ Timer {{ handle: Some(std::thread::spawn(|| super::tick())) }} }}
        pub fn stop(&self) {{}}
    }}
}}
#[cfg(target_os = \"macos\")]
pub use kqueue::Timer;
{cfg}
pub mod epoll {{
    pub struct Timer {{ pub handle: Option<super::JoinHandle<()>> }}
    impl Timer {{
        pub fn start() -> Self {{ Timer {{ handle: Some(std::thread::spawn(|| super::tick())) }} }}
        pub fn stop(&self) {{}}
    }}
}}
{cfg}
pub use epoll::Timer;

fn tick() {{ std::fs::rename(\"a\", \"b\").unwrap(); }}
pub struct Agent {{ timer: Timer }}
impl Agent {{
    pub fn stop(&mut self) {{
        if let Some(handle) = self.timer.handle.take() {{ handle.join().unwrap(); }}
    }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(found("#[cfg(target_os = \"linux\")]"), nothing);
}

/// A client whose constructor starts `worker`, and offers `more`.
fn client(worker: &str, more: &str) -> String {
    format!(
        "
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

struct Client {{ spaces: Arc<RwLock<Vec<u64>>>, cache: Arc<RwLock<Vec<u64>>> }}

impl Client {{
    fn new(events: Arc<Events>) -> Client {{
        let spaces = Arc::new(RwLock::new(Vec::new()));
        let cache = Arc::new(RwLock::new(Vec::new()));
        let events = Arc::clone(&events);
        let (own, others) = (Arc::clone(&spaces), Arc::clone(&cache));
        let spaces = own;
        let cache = others;
        thread::spawn(move || {{
            while let Some(event) = events.next() {{ {worker} }}
        }});
        Client {{ spaces, cache }}
    }}
    {more}
}}

struct Events;
impl Events {{ fn next(&self) -> Option<u64> {{ None }} }}

fn main() {{
    let first = Client::new(Arc::new(Events));
    let second = Client::new(Arc::new(Events));
    {use_it}
}}
",
        use_it = if more.is_empty() {
            ""
        } else {
            "first.other(); second.other();"
        },
    )
}

#[test]
fn each_object_has_one_worker() {
    let found = |worker: &str, more: &str| {
        names(&[("src/main.rs", &client(worker, more))])
            .into_iter()
            .filter(|name| *name != "unjoined-thread")
            .collect::<Vec<_>>()
    };
    let nothing: [&str; 0] = [];
    let reads = "
        if event > 1 { let s = spaces.read(); if spaces.read().len() > s.len() { continue; } }
        else { spaces.write().push(event); }";
    assert_eq!(found(reads, ""), nothing);
    let writes = "fn other(&self) { self.spaces.write().clear(); }";
    assert_eq!(found(reads, writes), ["double-lock"]);
}

#[test]
fn a_task_that_a_builder_starts_is_no_thread() {
    let found = |builder: &str| {
        names_in(&format!(
            "
use std::net::TcpListener;

pub fn serve(listener: TcpListener) {{
    for stream in listener.incoming() {{
        let stream = stream.unwrap();
        {builder}::new().name(\"conn\".to_string()).spawn({body}).expect(\"to start\");
    }}
}}
fn answer(_: std::net::TcpStream) {{}}
",
            body = if builder.starts_with("tokio") {
                "async move { answer(stream) }"
            } else {
                "move || answer(stream)"
            }
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(found("tokio::task::Builder"), nothing);
    assert_eq!(found("std::thread::Builder"), ["unbounded-spawn"]);
}

#[test]
fn a_flag_that_a_signal_sets_is_looked_at_again_and_again() {
    let found = |tell: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::sync::{{Arc, LazyLock}};

static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

pub fn install() {{ {tell} }}
pub fn wait() {{
    while !STOP.load(Ordering::SeqCst) {{ std::thread::yield_now(); }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(
        found("signal_hook::flag::register(signal_hook::consts::SIGINT, STOP.clone()).unwrap();"),
        nothing
    );
    assert_eq!(
        found("ctrlc::set_handler(move || STOP.store(true, Ordering::SeqCst)).unwrap();"),
        nothing
    );
    let told = [
        "std::thread::spawn(|| STOP.store(true, Ordering::SeqCst)).join().unwrap();",
        "signal(&STOP); fn signal(stop: &AtomicBool) { stop.store(true, Ordering::SeqCst); }",
    ];
    for tell in told {
        assert_eq!(found(tell), ["busy-wait"], "{tell}");
    }
}
