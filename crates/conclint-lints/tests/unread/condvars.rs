//! Wake-ups that are lost, and those that never come.

use super::names_in;

const POOL: &str = "
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
";

#[test]
fn a_pair_in_a_variable_is_the_pair_of_the_field_it_moves_into() {
    let found = |take: &str| {
        names_in(&format!(
            "{POOL}
pub struct Pool {{ signal: Arc<(Mutex<()>, Condvar)>, needed: Arc<AtomicBool>, thread: Option<JoinHandle<()>> }}
impl Pool {{
    pub fn new() -> Self {{
        let signal = Arc::new((Mutex::new(()), Condvar::new()));
        let needed = Arc::new(AtomicBool::new(false));
        let (its, asked) = (Arc::clone(&signal), Arc::clone(&needed));
        let thread = thread::spawn(move || {{
            let (lock, wake) = &*its;
            let mut guard = lock.lock().unwrap();
            while !asked.load(Ordering::Acquire) {{
                guard = wake.wait(guard).unwrap();
            }}
        }});
        Self {{ signal, needed, thread: Some(thread) }}
    }}
    pub fn ask(&self) {{
        self.needed.store(true, Ordering::Release);
        let (lock, wake) = &*self.signal;
        {take}
        wake.notify_one();
    }}
}}
impl Drop for Pool {{
    fn drop(&mut self) {{ self.ask(); self.thread.take().unwrap().join().unwrap(); }}
}}
"
        ))
    };
    assert_eq!(found(""), ["notify-without-lock"]);
    assert_eq!(found("drop(lock.lock().unwrap());"), [""; 0]);
}

#[test]
fn a_mutex_that_only_those_who_wait_take_keeps_nobody_out() {
    let found = |taken: &str| {
        names_in(&format!(
            "{POOL}
pub struct Work {{ queue: Mutex<Vec<u32>>, idle: Mutex<()>, filled: Condvar }}
impl Work {{
    fn next(&self) -> Option<u32> {{ self.queue.lock().unwrap().pop() }}
    pub fn run(&self) {{
        let mut idle = self.idle.lock().unwrap();
        loop {{
            match self.next() {{
                Some(job) => println!(\"{{job}}\"),
                None => idle = self.filled.wait(idle).unwrap(),
            }}
        }}
    }}
    fn add(&self, job: u32) {{ self.queue.lock().unwrap().push(job); {taken} }}
    pub fn push(&self, job: u32) {{
        self.add(job);
        self.filled.notify_one();
    }}
}}
"
        ))
    };
    assert!(found("").contains(&"notify-without-lock"));
    let taken = found("let _idle = self.idle.lock().unwrap();");
    assert!(!taken.contains(&"notify-without-lock"));
}

#[test]
fn who_waits_and_wakes_keeps_its_state_under_the_mutex() {
    let found = |wake: &str, wait: &str| {
        names_in(&format!(
            "{POOL}
pub struct Rings {{ free: Mutex<Vec<u32>>, given_back: Condvar }}
impl Rings {{
    pub fn with_ring(&self, run: impl Fn(u32)) {{
        let mut free = self.free.lock().unwrap();
        while free.is_empty() {{ {wait} }}
        let ring = free.pop().unwrap();
        drop(free);
        run(ring);
        {wake}
    }}
    pub fn nudge(&self) {{ self.given_back.notify_one(); }}
}}
"
        ))
    };
    let untimed = "free = self.given_back.wait(free).unwrap();";
    let timed =
        "free = self.given_back.wait_timeout(free, std::time::Duration::from_secs(1)).unwrap().0;";
    let under = "self.free.lock().unwrap().push(ring); self.given_back.notify_one();";
    assert_eq!(found(under, untimed), [""; 0]);
    assert_eq!(found("", untimed), ["notify-without-lock"]);
    assert_eq!(found("", timed), [""; 0]);
}

#[test]
fn who_is_joined_has_to_be_woken() {
    let found = |(stop, wait): (&str, &str)| {
        names_in(&format!(
            "{POOL}
#[derive(Default)]
pub struct Shared {{ jobs: Mutex<Vec<u32>>, filled: Condvar, stop: AtomicBool }}
pub struct Worker {{ shared: Arc<Shared>, thread: Mutex<Option<JoinHandle<()>>> }}
fn work(shared: &Shared) {{
    let mut jobs = shared.jobs.lock().unwrap();
    while !shared.stop.load(Ordering::SeqCst) {{
        jobs.clear();
        {wait}
    }}
}}
impl Worker {{
    pub fn start() -> Worker {{
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let worker = Worker {{ shared, thread: Mutex::new(None) }};
        *worker.thread.lock().unwrap() = Some(thread::spawn(move || work(&its)));
        worker
    }}
    pub fn push(&self, job: u32) {{
        self.shared.jobs.lock().unwrap().push(job);
        self.shared.filled.notify_one();
    }}
    fn wake(&self) {{ drop(self.shared.jobs.lock().unwrap()); self.shared.filled.notify_all(); }}
}}
impl Drop for Worker {{
    fn drop(&mut self) {{
        if let Some(thread) = self.thread.lock().unwrap().take() {{
            {stop}
            thread.join().unwrap();
        }}
    }}
}}
"
        ))
    };
    let untimed = "jobs = shared.filled.wait(jobs).unwrap();";
    let timed =
        "jobs = shared.filled.wait_timeout(jobs, std::time::Duration::from_secs(1)).unwrap().0;";
    let flag = "self.shared.stop.store(true, Ordering::SeqCst);";
    assert_eq!(found((flag, untimed)), ["never-notified"]);
    assert_eq!(found((flag, timed)), [""; 0]);
    let woken = format!("{flag} self.wake();");
    assert_eq!(found((&woken, untimed)), [""; 0]);
}

#[test]
fn a_condition_variable_that_nobody_notifies() {
    let found = |open: &str| {
        names_in(&format!(
            "{POOL}
#[derive(Default)]
pub struct Gate {{ open: Mutex<bool>, opened: Condvar }}
impl Gate {{
    pub fn open(&self) {{ *self.open.lock().unwrap() = true; {open} }}
    pub fn pass(&self) {{
        let mut open = self.open.lock().unwrap();
        while !*open {{ open = self.opened.wait(open).unwrap(); }}
    }}
}}
"
        ))
    };
    assert_eq!(found(""), ["never-notified"]);
    assert_eq!(found("self.opened.notify_all();"), [""; 0]);
    // Whoever notifies has it by another name: nobody waits on that one.
    let other = "} }
pub struct Opener { opened: Arc<Condvar> }
impl Opener { pub fn all(&self) { self.opened.notify_all();";
    assert_eq!(found(other), [""; 0]);
    // Which one that is nobody knows.
    assert_eq!(
        found(
            "let each: Vec<&Condvar> = vec![&self.opened]; for one in each { one.notify_all(); }"
        ),
        [""; 0]
    );
}

#[test]
fn a_lost_wake_up_is_a_delay_where_the_wait_ends_by_itself() {
    let found = |wait: &str| {
        names_in(&format!(
            "{POOL}
pub struct Ticker {{ stop: AtomicBool, lock: Mutex<()>, changed: Condvar }}
impl Ticker {{
    pub fn run(&self) {{
        let mut guard = self.lock.lock().unwrap();
        while !self.stop.load(Ordering::SeqCst) {{ println!(\"tick\"); {wait} }}
    }}
    pub fn stop(&self) {{
        self.stop.store(true, Ordering::SeqCst);
        self.changed.notify_all();
    }}
}}
"
        ))
    };
    let untimed = "guard = self.changed.wait(guard).unwrap();";
    let timed = "guard = self.changed.wait_timeout(guard, std::time::Duration::from_millis(50)).unwrap().0;";
    assert_eq!(found(untimed), ["notify-without-lock"]);
    assert_eq!(found(timed), [""; 0]);
}
