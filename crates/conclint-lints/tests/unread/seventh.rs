//! Code that no build has, crates without threads, objects that only one
//! thread ever wants.

use super::{names, names_in};

/// A spin on a flag, in a function with these attributes.
fn spins(attributes: &str) -> String {
    format!(
        "
use core::sync::atomic::{{AtomicBool, Ordering}};

static DONE: AtomicBool = AtomicBool::new(false);

{attributes}
pub fn flush() {{
    while !DONE.load(Ordering::Acquire) {{}}
}}

pub fn on_interrupt() {{ DONE.store(true, Ordering::Release); }}
"
    )
}

#[test]
fn without_a_standard_library_nobody_can_be_parked() {
    let found = |head: &str, attributes: &str| names_in(&format!("{head}{}", spins(attributes)));
    for head in [
        "#![no_std]",
        "#![cfg_attr(not(test), no_std)]",
        "#![cfg_attr(not(feature = \"std\"), no_std)]",
        "#![no_std]\n#[cfg(feature = \"std\")] extern crate std;",
        "#![cfg_attr(target_os = \"none\", no_std)]",
    ] {
        assert!(found(head, "").is_empty(), "{head}");
    }
    for (head, attributes) in [
        ("", ""),
        ("#![no_std]\nextern crate std;", ""),
        (
            "#![cfg_attr(not(feature = \"std\"), no_std)]",
            "#[cfg(feature = \"std\")]",
        ),
        (
            "#![no_std]\n#[cfg(feature = \"std\")] extern crate std;",
            "#[cfg(feature = \"std\")]",
        ),
        // An operating system can be asked without a library.
        ("#![no_std]", "#[cfg(target_os = \"linux\")]"),
        ("#![cfg_attr(any(unix, windows), no_std)]", ""),
    ] {
        assert_eq!(found(head, attributes), ["busy-wait"], "{head}{attributes}");
    }
    // The attribute stands on the root, and is the crate's.
    let module = spins("");
    let files = |root: &'static str| [("src/lib.rs", root), ("src/uart.rs", module.as_str())];
    assert!(names(&files("#![no_std]\npub mod uart;")).is_empty());
    assert_eq!(names(&files("pub mod uart;")), ["busy-wait"]);
}

#[test]
fn what_no_build_has_is_not_judged() {
    let found = |root: &str, attributes: &str| {
        let module = spins(attributes);
        names(&[("src/lib.rs", root), ("src/errno.rs", &module)])
    };
    let macos = "#[cfg(target_os = \"macos\")] pub mod errno;";
    assert!(found(macos, "#[cfg(target_os = \"linux\")]").is_empty());
    assert!(found("pub mod errno;", "#[cfg(any())]").is_empty());
    assert_eq!(found(macos, "#[cfg(unix)]"), ["busy-wait"]);
    assert_eq!(found(macos, "#[cfg(feature = \"spin\")]"), ["busy-wait"]);
    // A file of two modules is there on either of their conditions.
    let both = "
#[cfg(target_os = \"macos\")] #[path = \"errno.rs\"] pub mod errno;
#[cfg(target_os = \"linux\")] #[path = \"errno.rs\"] pub mod linux;
";
    assert_eq!(found(both, "#[cfg(target_os = \"linux\")]"), ["busy-wait"]);
}

#[test]
fn a_round_because_messages_were_missed_is_no_wait() {
    let found = |lagged: &str, empty: &str, closed: &str| {
        names_in(&format!(
            "
use tokio::sync::broadcast::{{Receiver, error::TryRecvError}};

pub fn next(events: &mut Receiver<u64>) -> Result<u64, TryRecvError> {{
    loop {{
        match events.try_recv() {{
            Ok(event) => return Ok(event),
            Err(TryRecvError::Lagged(_)) => {lagged},
            Err(TryRecvError::Empty) => {empty},
            Err(TryRecvError::Closed) => {closed},
        }}
    }}
}}
"
        ))
    };
    let (gives_up, closed) = (
        "return Err(TryRecvError::Empty)",
        "return Err(TryRecvError::Closed)",
    );
    assert!(found("continue", gives_up, closed).is_empty());
    assert_eq!(found("continue", "continue", closed), ["busy-wait"]);
    assert_eq!(found(gives_up, "continue", closed), ["busy-wait"]);
    // Nothing will ever come.
    assert_eq!(found("continue", gives_up, "continue"), ["busy-wait"]);
}

#[test]
fn a_handle_that_is_swapped_out_of_its_field_is_joined_there() {
    let found = |end: &str| {
        names_in(&format!(
            "
use std::sync::mpsc::{{self, Sender}};
use std::thread::{{self, JoinHandle}};

pub struct Pool {{
    worker: Option<JoinHandle<()>>,
    tx: Sender<Option<u64>>,
}}

impl Pool {{
    pub fn new() -> Self {{
        let (tx, rx) = mpsc::channel();
        let worker = Some(thread::spawn(move || {{
            while let Ok(Some(job)) = rx.recv() {{
                println!(\"{{job}}\");
            }}
        }}));
        Self {{ worker, tx }}
    }}
}}

impl Drop for Pool {{
    fn drop(&mut self) {{
        self.tx.send(None).unwrap();
        let mut worker: Option<JoinHandle<()>> = None;
        {end}
    }}
}}
"
        ))
    };
    let joins = "std::mem::swap(&mut self.worker, &mut worker); worker.unwrap().join().unwrap();";
    assert!(found(joins).is_empty());
    let other_way =
        "std::mem::swap(&mut worker, &mut self.worker); worker.unwrap().join().unwrap();";
    assert!(found(other_way).is_empty());
    assert_eq!(found("drop(worker);"), ["unjoined-thread"]);
    assert_eq!(
        found("std::mem::swap(&mut self.worker, &mut worker);"),
        ["unjoined-thread"]
    );
}

#[test]
fn an_answer_that_is_waited_for_once_and_kept() {
    let found = |state: &str, take: &str, keep: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
use std::sync::mpsc::Receiver;

pub enum State {{ Pending(Receiver<u64>), Ready(u64), Taken }}

pub struct Layer {{ {state} }}

impl Layer {{
    pub fn replace(&self, layer: u64) {{ *self.inner.lock().unwrap() = State::Ready(layer); }}

    pub fn resolve(&self) -> Option<u64> {{
        let mut state = self.inner.lock().unwrap();
        if let State::Ready(layer) = &*state {{ return Some(*layer); }}
        {take}
        let layer = rx.recv().ok()?;
        {keep}
        Some(layer)
    }}
}}
"
        ))
    };
    let inside = "inner: Mutex<State>";
    let take = "let State::Pending(rx) = std::mem::replace(&mut *state, State::Taken) else { return None };";
    let keep = "*state = State::Ready(layer);";
    assert!(found(inside, take, keep).is_empty());
    // Nothing comes back: the lock could have been released.
    assert_eq!(found(inside, take, ""), ["blocking-under-lock"]);
    let beside = "inner: Mutex<State>, rx: Receiver<u64>";
    assert_eq!(
        found(beside, "let rx = &self.rx;", keep),
        ["blocking-under-lock"]
    );
}

#[test]
fn in_a_program_without_threads_nobody_waits() {
    let found = |start: &str| {
        let simulator = format!(
            "
use std::panic;
use std::sync::{{Arc, Mutex}};
use std::thread;
use std::time::Duration;

struct Env {{ ticks: u64 }}

fn main() {{
    panic::set_hook(Box::new(move |info| println!(\"{{info}}\")));
    let env = Arc::new(Mutex::new(Env {{ ticks: 3 }}));
    {start}
    let result = panic::catch_unwind(|| run(env.clone()));
    println!(\"{{}} {{}}\", result.is_ok(), env.lock().unwrap().ticks);
}}

fn run(env: Arc<Mutex<Env>>) {{
    let env = env.lock().unwrap();
    for tick in 0..env.ticks {{
        thread::sleep(Duration::from_millis(tick));
    }}
}}
"
        );
        let server = "
use std::thread;

fn main() {
    let worker = thread::spawn(|| println!(\"served\"));
    worker.join().unwrap();
}
";
        names(&[
            ("simulator/src/main.rs", &simulator),
            ("server/src/main.rs", server),
        ])
    };
    assert!(found("").is_empty());
    // Whoever runs it: it takes no lock.
    assert!(found("table::each_row(|row| row.columns() + 1);").is_empty());
    for given in [
        "let other = env.clone(); table::each_row(move |row| other.lock().unwrap().ticks = row);",
        "let other = env.clone(); table::each_row(move |row| run(other));",
    ] {
        assert_eq!(found(given), ["blocking-under-lock"], "{given}");
    }
    let watcher = "let other = env.clone(); let watcher = thread::spawn(move || println!(\"{}\", other.lock().unwrap().ticks));";
    let join = "watcher.join().unwrap();";
    assert_eq!(found(&format!("{watcher} {join}")), ["blocking-under-lock"]);
}

#[test]
fn what_runs_when_the_process_ends_runs_once() {
    let found = |register: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::fs;
use std::sync::{{LazyLock, Mutex}};

static BUFFERS: LazyLock<Mutex<HashMap<String, Vec<u8>>>> = LazyLock::new(Default::default);

unsafe extern \"C\" {{ fn atexit(f: extern \"C\" fn()) -> i32; }}

pub fn append(file: &str, content: &[u8]) {{
    let mut buffers = BUFFERS.lock().unwrap();
    buffers.entry(file.to_owned()).or_default().extend_from_slice(content);
    drop(buffers);
    {register}
}}

extern \"C\" fn flush() {{
    let buffers = BUFFERS.lock().unwrap();
    for (file, buffer) in buffers.iter() {{
        let same = fs::read(file).is_ok_and(|old| old == *buffer);
        println!(\"{{same}}\");
    }}
}}
"
        ))
    };
    assert!(found("unsafe { atexit(flush) };").is_empty());
    assert_eq!(found("flush();"), ["blocking-under-lock"]);
}
