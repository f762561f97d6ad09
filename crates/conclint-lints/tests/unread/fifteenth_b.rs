//! What the fifteenth reading of unread code brought: locks that callers pass,
//! and futures that a runtime of others runs.

use super::*;

/// A task that reads its settings twice in one statement, and another that
/// changes them; both get the lock from `main`.
fn settings(read: &str, main: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::sync::Arc;
use tokio::sync::RwLock;

pub struct Settings {{ limit: u64, rate: u64 }}
pub type Shared = Arc<RwLock<Settings>>;
pub struct Options {{ limit: u64, rate: u64 }}

async fn serve(settings: Shared) {{
    loop {{
        {read}
        let mut monitor = tokio::spawn(monitor(settings.clone()));
        (&mut monitor).await;
    }}
}}

async fn monitor(settings: Shared) {{
    settings.write().await.rate = 0;
}}

{main}
"
    ))
}

const TWICE: &str = "
let options = Options { limit: settings.read().await.limit, rate: settings.read().await.rate };
options.start().await;";

#[test]
fn a_lock_that_is_passed_is_read_again_before_its_writer() {
    let main = "
#[tokio::main]
async fn main() {
    let settings = Arc::new(RwLock::new(Settings { limit: 1, rate: 1 }));
    serve(settings).await;
}";
    assert_eq!(settings(TWICE, main), ["double-lock"]);
    let argument = "start(settings.read().await.limit, settings.read().await.rate).await;";
    assert_eq!(settings(argument, main), ["double-lock"]);
    // Each `let` gives its guard back.
    let apart = "
let limit = settings.read().await.limit;
let rate = settings.read().await.rate;
start(limit, rate).await;";
    assert_eq!(settings(apart, main), [""; 0]);
}

#[test]
fn the_writer_of_another_lock_that_is_passed_does_not_come_between() {
    let found = |written: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};

fn total(counts: Arc<RwLock<(u64, u64)>>) -> u64 {{
    counts.read().unwrap().0 + counts.read().unwrap().1
}}

fn count(counts: Arc<RwLock<(u64, u64)>>) {{
    counts.write().unwrap().0 += 1;
}}

pub fn run() {{
    let seen = Arc::new(RwLock::new((0, 0)));
    let sent = Arc::new(RwLock::new((0, 0)));
    let counted = {written}.clone();
    let counter = std::thread::spawn(move || count(counted));
    println!(\"{{}}\", total(seen));
    counter.join().unwrap();
    println!(\"{{}}\", sent.read().unwrap().0);
}}
"
        ))
    };
    assert_eq!(found("seen"), ["double-lock"]);
    assert_eq!(found("sent"), [""; 0]);
}

#[test]
fn who_reads_and_writes_in_one_thread_meets_nobody() {
    let found = |start: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};

fn total(counts: &RwLock<(u64, u64)>) -> u64 {{
    counts.read().unwrap().0 + counts.read().unwrap().1
}}

fn count(counts: &RwLock<(u64, u64)>) {{
    counts.write().unwrap().0 += 1;
}}

fn main() {{
    let seen = Arc::new(RwLock::new((0, 0)));
    let other = seen.clone();
    {start}
    println!(\"{{}}\", total(&seen));
    println!(\"{{}}\", std::thread::spawn(|| 1).join().unwrap());
}}
"
        ))
    };
    assert_eq!(found("count(&other);"), [""; 0]);
    let beside =
        found("let counter = std::thread::spawn(move || count(&other)); counter.join().unwrap();");
    assert_eq!(beside, ["double-lock"]);
}

#[test]
fn a_future_that_a_runtime_runs_is_called() {
    for runs in [
        "tokio_uring::start(serve(settings))",
        "tokio::runtime::Runtime::new().unwrap().block_on(serve(settings))",
        "actix::System::new().block_on(serve(settings))",
        "runtime().block_on(serve(settings))",
    ] {
        let main = format!(
            "
fn main() {{
    let settings = Arc::new(RwLock::new(Settings {{ limit: 1, rate: 1 }}));
    {runs};
}}"
        );
        assert_eq!(settings(TWICE, &main), ["double-lock"], "{runs}");
    }
    // It writes to another, which nobody reads.
    let main = "
fn main() {
    let settings = Arc::new(RwLock::new(Settings { limit: 1, rate: 1 }));
    let copy = Arc::new(RwLock::new(Settings { limit: 1, rate: 1 }));
    tokio_uring::start(show(settings));
    tokio_uring::start(monitor(copy));
}

async fn show(settings: Shared) {
    println!(\"{}\", settings.read().await.limit + settings.read().await.rate);
}";
    assert_eq!(settings("", main), [""; 0]);
}

#[test]
fn what_a_stream_is_given_runs_when_it_is_polled() {
    let found = |items: &str, given: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};
use futures::stream::BoxStream;

pub struct Chain {{ head: u64 }}

impl Chain {{
    pub fn heads(&self) -> {items} {{ self.head.subscribe() }}
}}

pub struct Prover {{ heads: Box<u64>, start: u64 }}

impl Prover {{
    pub fn new(chain: Arc<RwLock<Chain>>) -> Self {{
        let now = chain.read().unwrap();
        let heads = now.heads();
        let later = chain.clone();
        let heads = heads.filter_map(move |head| later.read().unwrap().head.checked_sub(head));
        {given}
        Prover {{ heads: Box::new(heads), start: now.head }}
    }}
}}

fn extend(chain: Arc<RwLock<Chain>>) {{
    chain.write().unwrap().head += 1;
}}

pub fn run() {{
    let chain = Arc::new(RwLock::new(Chain {{ head: 1 }}));
    let extended = chain.clone();
    let extender = std::thread::spawn(move || extend(extended));
    let prover = Prover::new(chain);
    extender.join().unwrap();
}}
"
        ))
    };
    assert_eq!(found("BoxStream<'static, u64>", ""), [""; 0]);
    let here = "println!(\"{}\", chain.read().unwrap().head);";
    assert_eq!(found("BoxStream<'static, u64>", here), ["double-lock"]);
    assert_eq!(found("std::vec::IntoIter<u64>", ""), ["double-lock"]);
}

/// Who subscribes is sent all there is, under the lock.
fn subscribed(room: &str, send: &str, before: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::collections::HashMap;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{{channel, Receiver, Sender}};

#[derive(Default)]
pub struct Known {{ devices: HashMap<String, u64>, subscribers: Vec<Sender<u64>> }}

pub struct Monitor {{ known: Mutex<Known> }}

impl Monitor {{
    pub async fn subscribe(&self, limit: u64) -> Receiver<u64> {{
        let mut known = self.known.lock().await;
        let (sender, mut receiver) = channel({room});
        {before}
        for device in known.devices.values() {{
            if *device < limit {{ {send} }}
        }}
        known.subscribers.push(sender);
        receiver
    }}

    pub async fn add(&self, name: String, device: u64) {{
        self.known.lock().await.devices.insert(name, device);
    }}
}}
"
    ))
}

#[test]
fn nobody_receives_from_a_channel_that_is_not_given_away_yet() {
    let send = "let _ = sender.send(*device).await;";
    assert_eq!(subscribed("1", send, ""), ["blocking-under-lock"]);
    // There is room, or whoever sends does not wait, or only one is sent.
    assert_eq!(subscribed("known.devices.len()", send, ""), [""; 0]);
    assert_eq!(
        subscribed("1", "let _ = sender.try_send(*device);", ""),
        [""; 0]
    );
    let first = "let _ = sender.send(*device).await; break;";
    assert_eq!(subscribed("1", first, ""), [""; 0]);
    let each = "let sender = sender.clone(); tokio::spawn(async move { sender.send(1).await });";
    assert_eq!(subscribed("1", each, ""), [""; 0]);
    // Somebody receives, or this function itself does.
    let task = "tokio::spawn(async move { while let Some(device) = receiver.recv().await { show(device); } });";
    assert_eq!(subscribed("1", send, task), [""; 0]);
    let drains = "let _ = sender.send(*device).await; receiver.recv().await;";
    assert_eq!(subscribed("1", drains, ""), [""; 0]);
}

#[test]
fn a_thread_that_borrows_the_receiver_makes_room() {
    let found = |reader: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

pub struct Store {{ rows: Mutex<Vec<u64>> }}

impl Store {{
    pub fn export(&self) {{
        let rows = self.rows.lock().unwrap();
        let (sender, receiver) = sync_channel(1);
        std::thread::scope(|scope| {{
            {reader}
            for row in rows.iter() {{
                sender.send(*row).unwrap();
            }}
            drop(sender);
        }});
    }}

    pub fn add(&self, row: u64) {{
        self.rows.lock().unwrap().push(row);
    }}
}}
"
        ))
    };
    assert_eq!(found(""), ["blocking-under-lock"]);
    let borrows = "scope.spawn(|| while let Ok(row) = receiver.recv() { println!(\"{row}\"); });";
    assert_eq!(found(borrows), [""; 0]);
}
