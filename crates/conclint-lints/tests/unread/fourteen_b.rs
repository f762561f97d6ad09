//! What the fourteenth reading of unread code brought: futures that are thrown
//! away or ready at once, readers and writers of two kinds of objects, and
//! handles that are joined under their own lock.

use super::*;

/// A section that sends into a bounded channel whose receiver needs the lock.
fn sending(import: &str, channel: &str, send: &str) -> Vec<&'static str> {
    names_in(&format!(
        "
use std::sync::{{Arc, Mutex}};
{import}

pub struct Hub {{ state: Mutex<Vec<u64>>, jobs: {channel} }}

impl Hub {{
    pub async fn give(&self, job: u64) {{
        let mut state = self.state.lock().unwrap();
        state.push(job);
        {send}
        state.pop();
    }}
}}

pub fn run(hub: Arc<Hub>, mut inbox: Receiver<u64>) {{
    std::thread::spawn(move || loop {{
        let Ok(job) = inbox.recv() else {{ return }};
        hub.state.lock().unwrap().push(job);
    }});
}}
"
    ))
}

#[test]
fn a_future_that_is_thrown_away_never_waits() {
    let tokio = "use tokio::sync::mpsc::{Receiver, Sender};";
    for thrown in [
        "self.jobs.send(job);",
        "let _ = self.jobs.send(job);",
        "_ = self.jobs.send(job);",
    ] {
        assert!(sending(tokio, "Sender<u64>", thrown).is_empty(), "{thrown}");
    }
    // It is kept, and may be awaited later.
    let kept = "let sent = self.jobs.send(job); self.later(sent);";
    assert_eq!(sending(tokio, "Sender<u64>", kept), ["blocking-under-lock"]);
    // It is a method that waits by itself.
    let waits = "let _ = self.jobs.blocking_send(job);";
    assert_eq!(
        sending(tokio, "Sender<u64>", waits),
        ["blocking-under-lock"]
    );
    let std = "use std::sync::mpsc::{Receiver, SyncSender};";
    for waits in [
        "self.jobs.send(job);",
        "let _ = self.jobs.send(job);",
        "_ = self.jobs.send(job);",
    ] {
        assert_eq!(
            sending(std, "SyncSender<u64>", waits),
            ["blocking-under-lock"],
            "{waits}"
        );
    }
}

#[test]
fn a_channel_without_bounds_is_ready_at_once() {
    let found = |channel: &str, send: &str| {
        names_in(&format!(
            "
use std::sync::{{Mutex, MutexGuard}};
use futures::SinkExt;
use futures::channel::mpsc::{{Sender, UnboundedSender}};

pub struct Client {{ outgoing: {channel} }}

impl Client {{
    async fn put(&mut self, id: u64) {{
        {send}
    }}

    async fn named(&mut self, name: MutexGuard<'_, u64>) {{
        self.put(*name).await;
    }}
}}

pub struct Game {{ clients: Mutex<Vec<Client>> }}

impl Game {{
    pub async fn put(&self, id: u64) {{
        let mut clients = self.clients.lock().unwrap();
        for client in clients.iter_mut() {{
            client.put(id).await;
        }}
    }}

    pub async fn put_named(&self, name: MutexGuard<'_, u64>) {{
        let mut clients = self.clients.lock().unwrap();
        clients[0].named(name).await;
    }}

    pub async fn put_first(&self, id: u64) {{
        let mut clients = self.clients.lock().unwrap();
        let client = clients.first_mut().unwrap();
        let _ = client.outgoing.send(id).await;
    }}
}}
"
        ))
    };
    let send = "self.outgoing.feed(id).await.unwrap(); self.outgoing.send(id).await.unwrap();";
    assert_eq!(found("UnboundedSender<u64>", send), [""; 0]);
    let bounded = found("Sender<u64>", send);
    assert_eq!(bounded, ["guard-across-await"; 3]);
    // What else it waits for may take its time.
    let asks = "self.outgoing.send(remote::get(id).await).await.unwrap();";
    let asks = found("UnboundedSender<u64>", asks);
    assert_eq!(asks, ["guard-across-await"; 2]);
}

#[test]
fn who_only_joins_is_not_waited_for() {
    let found = |worker: &str, reaper: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread::{{self, JoinHandle}};

pub struct Worker {{ handle: JoinHandle<u64>, id: u64 }}

pub struct Suite {{ handles: Mutex<Vec<Worker>> }}

impl Suite {{
    pub fn start(self: Arc<Self>, id: u64) {{
        let (suite, handle) = self.clone().make(id);
        suite.handles.lock().unwrap().push(Worker {{ handle, id }});
    }}

    fn make(self: Arc<Self>, id: u64) -> (Arc<Self>, JoinHandle<u64>) {{
        let suite = self.clone();
        let handle = thread::spawn(move || {worker});
        (self, handle)
    }}

    pub fn finish(&self) {{
        for worker in self.handles.lock().unwrap().drain(..) {{
            worker.handle.join().unwrap();
        }}
    }}
}}

pub fn run(suite: Arc<Suite>) {{
    for id in 0..4 {{ suite.clone().start(id); }}
    {reaper}
}}

pub fn quit(suite: &Suite) {{ suite.finish(); }}
"
        ))
    };
    let counts = "{ let _suite = suite; id + 1 }";
    // The thread that joins the others is not among them.
    let apart = "{ let suite = suite.clone(); thread::spawn(move || suite.finish()); };";
    assert_eq!(found(counts, apart), [""; 0]);
    let starts = "{ if id > 4 { suite.start(id - 1); } id }";
    assert_eq!(found(starts, apart), ["blocking-under-lock"]);
}

#[test]
fn a_writer_of_other_objects_comes_between_no_reads() {
    let found = |padding: &str, new: &str, reads: &str, writes: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct Session {{ padding: {padding}, is_client: bool }}

impl Session {{
    pub fn client(other: &Session) -> Self {{ Session {{ padding: {new}, is_client: true }} }}
    pub fn server(other: &Session) -> Self {{ Session {{ padding: {new}, is_client: false }} }}

    pub fn handle(&self, frame: &[u64]) {{
        if {reads} && !frame.is_empty() {{
            let padding = self.padding.read().unwrap();
            if padding.len() < frame.len() {{ self.send(); }}
        }}
    }}

    pub fn update(&self, frame: &[u64]) {{
        if {writes} {{
            self.padding.write().unwrap().extend(frame);
        }}
    }}

    fn send(&self) {{
        println!(\"{{}}\", self.padding.read().unwrap().len());
    }}

    pub fn turn(&mut self) {{ self.is_client = !self.is_client; }}
}}
"
        ))
    };
    let (server, client) = ("!self.is_client", "self.is_client");
    let inline = "RwLock<Vec<u64>>";
    let fresh = "RwLock::new(Vec::new())";
    assert_eq!(found(inline, fresh, server, client), [""; 0]);
    let (shared, of_its_own) = ("Arc<RwLock<Vec<u64>>>", "Arc::new(RwLock::new(Vec::new()))");
    assert_eq!(found(shared, of_its_own, server, client), [""; 0]);
    assert_eq!(found(shared, of_its_own, client, client), ["double-lock"]);
    assert_eq!(
        found(inline, fresh, server, "frame.len() > 1"),
        ["double-lock"]
    );
    // Two sessions may have one.
    let of_other = "other.padding.clone()";
    assert_eq!(found(shared, of_other, server, client), ["double-lock"]);
}
