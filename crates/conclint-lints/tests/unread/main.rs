//! What went wrong on code that nobody had read before: each case once as it
//! is no fault, and once as it is one. Runs are as a user's, at level
//! `default` and without findings of low confidence.

use conclint_diag::{Confidence, Finding, Severity};
use conclint_facts::Analysis;
use conclint_lints::{Level, Settings};
use conclint_rust::{Input, SourceInput};

mod condvars;
mod course;
mod drained;
mod dropped;
mod eighteenth;
mod elements;
mod evidence;
mod facts;
mod far;
mod fifteenth;
mod fifteenth_a;
mod fifteenth_b;
mod fifth;
mod fourteen_a;
mod fourteen_b;
mod fourteenth;
mod fresh;
mod futures;
mod handed;
mod handles;
mod inference;
mod initialisers;
mod judgement;
mod layers;
mod left_over;
mod macros;
mod maps;
mod missed_a;
mod missed_b;
mod nineteenth;
mod objects;
mod operators;
mod own_locks;
mod owners;
mod pools;
mod same_element;
mod seeded_b;
mod seeded_blocking;
mod seeded_calls;
mod seeded_results;
mod seventh;
mod sixth;
mod thirteen_a;
mod thirteen_b;
mod thirteen_c;
mod thirteen_d;
mod threads;
mod too_late;
mod twentieth;
mod twentysecond;
mod twentythird;
mod variants;
mod ways_to_a_lock;

/// What is found in these files, test code left out.
fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
    findings_at(Level::Default, files)
}

/// As [`findings`], at another level.
fn findings_at(level: Level, files: &[(&str, &str)]) -> Vec<Finding> {
    let mut found = all_findings_at(level, files);
    found.retain(|finding| finding.confidence > Confidence::Low);
    found
}

/// As [`findings_at`], those of low confidence included.
fn all_findings_at(level: Level, files: &[(&str, &str)]) -> Vec<Finding> {
    let source = |(path, text): &(&str, &str)| SourceInput {
        path: (*path).into(),
        text: (*text).into(),
    };
    let input = Input {
        sources: files.iter().map(source).collect(),
        ..Input::default()
    };
    let analysis = Analysis::of(conclint_rust::read(input).0);
    conclint_lints::run(&analysis, &Settings::at_level(level))
        .into_iter()
        .filter(|finding| !finding.in_test)
        .collect()
}

/// The names of the lints that fire in these files.
fn names(files: &[(&str, &str)]) -> Vec<&'static str> {
    let found = findings(files);
    found.into_iter().map(|finding| finding.rule).collect()
}

/// Those of them that are errors.
fn errors_in(text: &str) -> Vec<&'static str> {
    findings(&[("src/lib.rs", text)])
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.rule)
        .collect()
}

fn names_in(text: &str) -> Vec<&'static str> {
    names(&[("src/lib.rs", text)])
}

#[test]
fn the_map_of_a_future_is_no_loop() {
    let text = |of: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::RwLock;

pub struct Pending(u64);

impl Pending {{
    pub fn map<T>(self, f: impl FnOnce(u64) -> T) -> T {{ f(self.0) }}
}}

pub struct Receipts {{ verified: RwLock<HashMap<u64, u64>> }}

impl Receipts {{
    pub fn request(&self, epoch: u64, epochs: Vec<u64>) -> String {{
        let mut verified = self.verified.write().unwrap();
        verified.entry(epoch).or_insert(0);
        {of}
    }}
}}
"
        )
    };
    let future = text("Pending(epochs.len() as u64).map(|res| format!(\"{res} of {epochs:?}\"))");
    assert!(names_in(&future).is_empty());
    let list = text(
        "let mut texts: Vec<String> = epochs.iter().map(|res| format!(\"{res}\")).collect(); texts.sort(); texts.concat()",
    );
    assert_eq!(names_in(&list), ["oversized-critical-section"]);
}

#[test]
fn an_implementation_for_tests_is_no_choice_for_other_code() {
    let store = "
use std::sync::RwLock;
use std::sync::mpsc::Receiver;

pub trait Store { fn get(&self) -> u64; }

pub struct Guarded<S> { inner: RwLock<Vec<u64>>, store: S }

impl<S: Store> Guarded<S> {
    pub fn look(&self) {
        let mut inner = self.inner.write().unwrap();
        inner.push(1);
        self.store.get();
    }
}
";
    let gated = "
pub struct Gated { release: Receiver<u64> }

impl Store for Gated {
    fn get(&self) -> u64 { self.release.recv().unwrap() }
}
";
    assert_eq!(
        names_in(&format!("{store}{gated}")),
        ["blocking-under-lock"]
    );
    let in_tests = format!("{store}#[cfg(test)] mod tests {{ use super::*; {gated} }}");
    assert!(names_in(&in_tests).is_empty());
}

#[test]
fn what_stands_in_for_a_missing_instruction_is_not_judged() {
    let text = |cfg: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU16, Ordering}};
use std::sync::Arc;

pub fn run(joined: Arc<AtomicU16>) {{
    for _ in 0..2 {{
        let joined = joined.clone();
        std::thread::spawn(move || {{
            {cfg}
            {{
                let value = joined.load(Ordering::SeqCst);
                joined.store(value + 1, Ordering::SeqCst);
            }}
        }});
    }}
}}
"
        )
    };
    assert!(names_in(&text("")).contains(&"non-atomic-update"));
    let absent = text("#[cfg(not(target_has_atomic = \"16\"))]");
    assert!(!names_in(&absent).contains(&"non-atomic-update"));
}

#[test]
fn no_build_has_two_statements_that_exclude_each_other() {
    let text = |second: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Log {{ lines: Mutex<Vec<String>> }}

impl Log {{
    pub fn note(&self, line: String) {{
        #[cfg(unix)]
        let mut lines = self.lines.lock().unwrap();
        #[cfg({second})]
        let mut lines = self.lines.lock().unwrap();
        lines.push(line);
    }}
}}
"
        )
    };
    assert_eq!(names_in(&text("feature = \"log\"")), ["double-lock"]);
    assert!(names_in(&text("not(unix)")).is_empty());
    assert!(names_in(&text("windows")).is_empty());
}

#[test]
fn a_closure_that_looks_at_each_item_does_not_wait() {
    let looks = "
use std::sync::RwLock;

pub struct Host { least: RwLock<u32> }

pub fn read_hello(host: &Host, mut caps: Vec<u32>) -> Vec<u32> {
    caps.retain(|cap| *host.least.read().unwrap() <= *cap);
    caps
}
";
    assert!(names_in(looks).is_empty());
    let waits = "
use std::sync::RwLock;

pub struct Host { least: RwLock<Option<u32>> }

pub fn wait(host: &Host) {
    loop {
        if host.least.read().unwrap().is_some() { break; }
    }
}
";
    assert_eq!(names_in(waits), ["busy-wait"]);
}

#[test]
fn a_sender_in_another_closure_is_not_held_by_the_reader() {
    let text = |sender: &str, reader: &str| {
        format!(
            "
use std::sync::mpsc;

pub fn migrate(pool: &Pool) {{
    let (tx, rx) = mpsc::channel::<u64>();
    pool.scope(|s| {{
        s.spawn(move |_| {{ {sender} }});
        s.spawn(move |_| {{
            {reader}
            while let Ok(state) = rx.recv() {{ println!(\"{{state}}\"); }}
        }});
    }});
}}
"
        )
    };
    assert!(names_in(&text("tx.send(1).unwrap();", "")).is_empty());
    let own = text("", "tx.send(1).unwrap();");
    assert_eq!(names_in(&own), ["receiver-never-ends"]);
}

#[test]
fn the_condition_variable_of_parking_lot_wakes_for_notifications_only() {
    let text = |wait: &str| {
        format!(
            "
pub fn run(exit: Arc<(Mutex<bool>, Condvar)>) {{
    let mut lock = exit.0.lock();
    if !*lock {{
        {wait}
    }}
}}
"
        )
    };
    assert!(names_in(&text("exit.1.wait(&mut lock);")).is_empty());
    let of_std = text("lock = exit.1.wait(lock).unwrap();");
    let of_std = format!("use std::sync::{{Arc, Condvar, Mutex}};{of_std}")
        .replace("exit.0.lock()", "exit.0.lock().unwrap()");
    assert_eq!(names_in(&of_std), ["wait-without-loop"]);
}

#[test]
fn a_value_written_far_from_where_it_was_read_follows_a_protocol() {
    let text = |write: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Rate {{ value: Mutex<u64> }}

impl Rate {{
    fn get(&self) -> u64 {{ *self.value.lock().unwrap() }}
    fn set(&self, value: u64) {{ *self.value.lock().unwrap() = value; }}

    pub fn increase(&self) {{
        let current = self.get();
        {write}
    }}
}}

pub fn run(rate: &'static Rate) {{
    for _ in 0..2 {{
        std::thread::spawn(move || rate.increase()).join().unwrap();
    }}
}}
"
        )
    };
    let near = text("*self.value.lock().unwrap() = current * 2;");
    assert!(names_in(&near).contains(&"check-then-act"));
    let far = text("self.set(current * 2);");
    assert!(!names_in(&far).contains(&"check-then-act"));
}

#[test]
fn a_lock_around_a_worker_keeps_its_channel() {
    let text = |guarded: &str, way: &str| {
        format!(
            "
use std::sync::Mutex;
use std::sync::mpsc::{{Receiver, SyncSender, sync_channel}};

pub struct Worker {{ pub jobs: SyncSender<u64>, pub sent: u64 }}

pub struct Pool {{ workers: {guarded}, all: Worker, inbox: Receiver<u64> }}

impl Pool {{
    pub fn give(&self, n: usize, job: u64) {{
        {way}
    }}
    pub fn count(&self) -> usize {{
        self.inbox.recv().map_or(0, |_| self.workers.lock().unwrap().len())
    }}
}}
pub fn pool() -> Pool {{
    let (jobs, inbox) = sync_channel(1);
    Pool {{ workers: Default::default(), all: Worker {{ jobs, sent: 0 }}, inbox }}
}}
"
        )
    };
    let own = text(
        "Vec<Mutex<Worker>>",
        "self.workers[n].lock().unwrap().jobs.send(job).unwrap();",
    );
    assert!(names_in(&own).is_empty());
    let other = text(
        "Mutex<Vec<u64>>",
        "let mut list = self.workers.lock().unwrap(); list.push(job); self.all.jobs.send(job).unwrap(); list.clear();",
    );
    assert_eq!(names_in(&other), ["blocking-under-lock"]);
}

#[test]
fn nobody_waits_for_an_example() {
    let text = "
use std::sync::Mutex;
use std::time::Duration;

pub struct State { count: Mutex<u64> }

impl State {
    pub fn step(&self) {
        let mut count = self.count.lock().unwrap();
        *count += 1;
        std::thread::sleep(Duration::from_millis(10));
    }
}
";
    assert_eq!(names(&[("src/state.rs", text)]), ["blocking-under-lock"]);
    assert!(names(&[("examples/state.rs", text)]).is_empty());
}

#[test]
fn private_steps_of_a_method_that_has_the_object_alone() {
    let text = |receiver: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Transaction {{ tables: Mutex<u64>, system: Mutex<u64> }}

impl Transaction {{
    pub fn stats(&self) -> u64 {{
        let tables = self.tables.lock().unwrap();
        let system = self.system.lock().unwrap();
        *tables + *system
    }}

    fn store_freed(&self) {{
        let system = self.system.lock().unwrap();
        let mut tables = self.tables.lock().unwrap();
        *tables += *system;
    }}

    pub fn commit({receiver}) {{
        self.store_freed();
    }}
}}
"
        )
    };
    assert_eq!(names_in(&text("&self")), ["lock-order-inversion"]);
    assert!(names_in(&text("&mut self")).is_empty());
}
