//! The fourteenth group of repositories: programs and services, no kernels.

use super::names_in;

#[test]
fn a_line_that_sorts_what_was_copied_out_is_not_worth_a_word() {
    let snapshot = |tail: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::Mutex;

pub struct Nodes {{ all: Mutex<HashMap<String, u64>> }}

impl Nodes {{
    pub fn add(&self, name: String) {{
        self.all.lock().unwrap().insert(name, 0);
    }}

    pub fn names(&self) -> Vec<String> {{
        let all = self.all.lock().unwrap();
        let mut names: Vec<String> = all.keys().cloned().collect();
        {tail}
    }}
}}"
        )
    };
    assert!(names_in(&snapshot("names.sort();\n        names")).is_empty());
    assert!(names_in(&snapshot("names.sort_by(|a, b| b.cmp(a));\n        names")).is_empty());
    assert!(
        names_in(&snapshot(
            "names.iter().map(|name| name.to_string()).collect()"
        ))
        .is_empty()
    );
    // Who formats each does more than sort.
    let text = "names.sort();
        let mut lines = Vec::new();
        for name in &names {
            lines.push(format!(\"name: {name}\"));
        }
        lines";
    assert_eq!(names_in(&snapshot(text)), ["oversized-critical-section"]);
    let encoded = "serde_json::from_str(&serde_json::to_string(&names).unwrap()).unwrap()";
    assert_eq!(names_in(&snapshot(encoded)), ["oversized-critical-section"]);
}

#[test]
fn what_moves_into_a_closure_that_runs_here_is_gone_with_it() {
    let guard = |run: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Rows {{ all: Mutex<Vec<u32>>, first: Option<u32> }}

impl Rows {{
    pub fn show(&self) {{
        let all = self.all.lock().unwrap();
        {run}
        self.all.lock().unwrap().push(1);
    }}
}}"
        )
    };
    for run in [
        "(0..3).for_each(move |i| println!(\"{}\", all[i]));",
        "self.first.map(move |i| all.contains(&i));",
        "std::thread::scope(move |scope| { scope.spawn(|| println!(\"{}\", all.len())); });",
    ] {
        assert!(names_in(&guard(run)).is_empty(), "{run}");
        let kept = run.replace("move ", "");
        assert_eq!(names_in(&guard(&kept)), ["double-lock"], "{kept}");
        // The parameter has the name, and is another thing.
        let other = run.replace("|i|", "|all|").replace("|scope|", "|all|");
        let other = other
            .replace("all[i]", "all")
            .replace("all.contains(&i)", "all");
        let other = other.replace("scope.spawn(|| println!(\"{}\", all.len()))", "drop(all)");
        assert_eq!(names_in(&guard(&other)), ["double-lock"], "{other}");
    }
    // An iterator that nobody has run yet keeps it.
    let later = "let rows = (0..3).map(move |i| all[i]);";
    assert_eq!(names_in(&guard(later)), ["double-lock"]);

    let sender = |scope: &str| {
        format!(
            "
use std::sync::mpsc;
use std::thread;

pub fn run() {{
    let (tx, rx) = mpsc::channel::<u32>();
    thread::scope({scope} {{
        for i in 0..3 {{
            let tx = tx.clone();
            scope.spawn(move || tx.send(i).unwrap());
        }}
    }});
    for x in rx.iter() {{ println!(\"{{x}}\"); }}
}}"
        )
    };
    assert!(names_in(&sender("move |scope|")).is_empty());
    assert_eq!(names_in(&sender("|scope|")), ["receiver-never-ends"]);
}

#[test]
fn an_assignment_to_nothing_is_a_let_of_nothing() {
    let found = |line: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
use std::thread;

static STATE: Mutex<u32> = Mutex::new(0);
static COUNT: Mutex<u32> = Mutex::new(0);

fn work() {{ *COUNT.lock().unwrap() += 1; }}

fn main() {{
    {line}
    work();
}}"
        ))
    };
    for (wild, other) in [("_ = ", "let _ = "), ("_ = ", "let _: _ = ")] {
        for (value, name) in [
            ("STATE.lock();", "guard-dropped-at-once"),
            ("STATE.lock().unwrap();", "guard-dropped-at-once"),
            ("thread::spawn(work);", "unjoined-thread"),
        ] {
            let lines = [format!("{wild}{value}"), format!("{other}{value}")];
            for line in lines {
                assert_eq!(found(&line), [name], "{line}");
            }
        }
    }
    // What has a name keeps it.
    let kept = "let guard = STATE.lock().unwrap(); _ = guard; *STATE.lock().unwrap() += 1;";
    assert_eq!(found(kept), ["double-lock"]);
    assert!(found("let all = STATE.lock().unwrap(); _ = all.to_string();").is_empty());
}

#[test]
fn fields_that_hold_two_parts_of_one_static_are_two_locks() {
    let ring = |second: &str| {
        names_in(&format!(
            "
use std::net::TcpStream;
use std::sync::{{Arc, Mutex, OnceLock}};

type Stream = Arc<Mutex<TcpStream>>;
static STREAMS: OnceLock<(Stream, Stream)> = OnceLock::new();

fn streams() -> (Stream, Stream) {{ STREAMS.get_or_init(connect).clone() }}
fn connect() -> (Stream, Stream) {{ panic!() }}

pub struct Ring {{ left: Stream, right: Stream }}

impl Ring {{
    pub fn new() -> Self {{
        let (left, right) = streams();
        Self {{ left, right }}
    }}

    pub fn run(&self) {{
        let right = self.right.lock().unwrap();
        let left = self.{second}.lock().unwrap();
        pass(&right, &left);
    }}
}}

fn pass(_: &TcpStream, _: &TcpStream) {{}}"
        ))
    };
    assert!(ring("left").is_empty());
    assert_eq!(ring("right"), ["double-lock"]);
}
