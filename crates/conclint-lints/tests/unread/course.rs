//! What the lints for course work said of programs that are none.

use super::names_in;

#[test]
fn a_count_of_who_waits_is_no_condition() {
    let found = |before: &str, after: &str, [library, unwrap]: [&str; 2]| {
        names_in(&format!(
            "
use std::collections::VecDeque;
use {library}::{{Condvar, Mutex}};

#[derive(Default)]
struct State {{ queue: VecDeque<u64>, waiting: usize, closed: bool }}

#[derive(Default)]
pub struct Channel {{ state: Mutex<State>, added: Condvar, idle: Condvar, consumers: usize }}

impl Channel {{
    pub fn pop(&self) -> Option<u64> {{
        let mut state = self.state.lock(){unwrap};
        loop {{
            if let Some(item) = state.queue.pop_front() {{
                return Some(item);
            }} else {{
                if state.closed {{ return None; }}
                {before}
                if state.waiting == self.consumers {{ self.idle.notify_all(); }}
                state = self.added.wait(state){unwrap};
                {after}
            }}
        }}
    }}

    pub fn push(&self, item: u64) {{
        self.state.lock(){unwrap}.queue.push_back(item);
        self.added.notify_one();
    }}

    pub fn wait_idle(&self) {{
        let mut state = self.state.lock(){unwrap};
        while state.waiting < self.consumers {{ state = self.idle.wait(state){unwrap}; }}
    }}
}}
"
        ))
    };
    for library in [["library", ""], ["std::sync", ".unwrap()"]] {
        let found = |before: &str, after: &str| found(before, after, library);
        assert_eq!(found("state.waiting += 1;", "state.waiting -= 1;"), [""; 0]);
        // Who takes what it waited for has to look first.
        assert_eq!(
            found("", "return state.queue.pop_front();"),
            ["wait-without-loop"]
        );
    }
}

#[test]
fn a_notification_that_is_repeated_cannot_be_lost() {
    let found = |after: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::sync::{{Arc, Condvar, Mutex}};
use std::thread::JoinHandle;

pub struct Shared {{ dropped: AtomicBool, queue: crossbeam_queue::SegQueue<u64>, lock: Mutex<()>, sleep: Condvar }}

impl Shared {{
    pub fn work(&self) {{
        let mut guard = self.lock.lock().unwrap();
        while !self.dropped.load(Ordering::SeqCst) {{
            guard = self.sleep.wait(guard).unwrap();
        }}
    }}
}}

pub struct Jobs {{ shared: Arc<Shared>, workers: Vec<JoinHandle<()>> }}

impl Drop for Jobs {{
    fn drop(&mut self) {{
        self.shared.dropped.store(true, Ordering::SeqCst);
        self.shared.sleep.notify_all();
        {after}
    }}
}}
"
        ))
    };
    assert_eq!(found(""), ["notify-without-lock"]);
    let again = "for worker in &self.workers { while !worker.is_finished() { self.shared.sleep.notify_all(); } }";
    assert_eq!(found(again), [""; 0]);
    for news in [
        "self.tell(worker)",
        "self.shared.queue.push(1)",
        "self.left.fetch_sub(1, Ordering::SeqCst)",
    ] {
        let each =
            format!("for worker in &self.workers {{ {news}; self.shared.sleep.notify_all(); }}");
        assert_eq!(found(&each), ["notify-without-lock"], "{news}");
    }
}

#[test]
fn threads_that_are_tried_one_after_another() {
    let found = |arms: &str| {
        names_in(&format!(
            "
fn measure(core: usize) -> Result<u64, String> {{ core.checked_mul(3).map(|n| n as u64).ok_or_else(String::new) }}

pub fn frequency(cores: &[usize]) -> Option<u64> {{
    let mut found = None;
    for core in cores {{
        let core = *core;
        let handle = std::thread::spawn(move || measure(core));
        match handle.join() {{
            Ok(measured) => match measured {{
                {arms}
            }},
            Err(_) => return None,
        }}
    }}
    found
}}
"
        ))
    };
    let first = "Ok(value) => { found = Some(value); break; } Err(why) => println!(\"{why}\"),";
    assert_eq!(found(first), [""; 0]);
    let all = "Ok(value) => { found = Some(value); } Err(_) => return None,";
    assert_eq!(found(all), ["join-in-spawn-loop"]);
}

#[test]
fn threads_that_are_there_for_their_processor() {
    let found = |first: &str| {
        names_in(&format!(
            "
fn sample(core: usize) -> u64 {{
    {first}
    (0..core as u64).sum()
}}

pub fn offsets(cores: &[usize]) -> Vec<u64> {{
    let mut all = Vec::new();
    for core in cores {{
        let core = *core;
        let handle = std::thread::spawn(move || sample(core));
        all.push(handle.join().unwrap());
    }}
    all
}}
"
        ))
    };
    assert_eq!(
        found("core_affinity::set_for_current(CoreId { id: core });"),
        [""; 0]
    );
    assert_eq!(
        found("core_io::set_for_current(CoreId { id: core });"),
        ["join-in-spawn-loop"]
    );
}

#[test]
fn connections_of_one_machine_are_few() {
    let found = |used: &str, listener: &str| {
        names_in(&format!(
            "
{used}

pub struct Listener {{ inner: {listener} }}

impl Listener {{
    pub fn incoming(&self) -> Incoming<'_> {{ Incoming {{ listener: self }} }}
}}

pub struct Incoming<'a> {{ listener: &'a Listener }}

impl Iterator for Incoming<'_> {{
    type Item = Stream;
    fn next(&mut self) -> Option<Stream> {{
        self.listener.inner.accept().ok().map(|(stream, _)| Stream(stream))
    }}
}}

pub fn serve(listener: Listener) {{
    for stream in listener.incoming() {{
        // detached: ends with its connection
        std::thread::spawn(move || stream.answer());
    }}
}}

pub struct Stream(Inner);

impl Stream {{
    fn answer(self) {{ println!(\"hello\"); }}
}}
"
        ))
    };
    let tcp = "use std::net::{TcpListener, TcpStream as Inner};";
    assert_eq!(found(tcp, "TcpListener"), ["unbounded-spawn"]);
    let unix = "use std::os::unix::net::{UnixListener, UnixStream as Inner};";
    assert_eq!(found(unix, "UnixListener"), [""; 0]);
    let library = "use interprocess::local_socket::{Listener as Local, Stream as Inner};";
    assert_eq!(found(library, "Local"), [""; 0]);
    let both =
        "use std::net::TcpListener; use std::os::unix::net::{UnixListener, UnixStream as Inner};";
    assert_eq!(
        found(both, "(TcpListener, UnixListener)"),
        ["unbounded-spawn"]
    );
}
