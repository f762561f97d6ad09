//! The fourteenth group of repositories: programs and services, no kernels.

use super::*;

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
    // Of a reference, only a copy moves.
    let lent = guard("(0..3).for_each(move |i| println!(\"{}\", all[i]));")
        .replace("let all = self", "let all = &self");
    assert_eq!(names_in(&lent), ["double-lock"]);

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

#[test]
fn builds_that_give_up_are_not_the_ones_to_read() {
    let text = |first: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

macro_rules! only_plain {{
    ($t:expr) => {{
        #[cfg(any(feature = \"a\", feature = \"b\"))]
        {first}
        #[cfg(all(not(feature = \"a\"), not(feature = \"b\")))]
        $t;
    }};
}}

pub struct Node {{ peers: Mutex<Vec<u64>>, sent: u64 }}

impl Node {{
    pub fn send(&self, message: &str) {{
        let peers = self.peers.lock().unwrap();
        only_plain!(write(message));
        self.peers.lock().unwrap().push(peers[0]);
    }}
}}

fn write(_: &str) {{}}"
        ))
    };
    assert_eq!(text("unimplemented!(\"plain only\");"), ["double-lock"]);
    assert_eq!(text("{ panic!() }"), ["double-lock"]);
    // Not a matter of builds.
    let both = text("()").len();
    assert_eq!(both, 1);
    let always = "
use std::sync::Mutex;
static PEERS: Mutex<u64> = Mutex::new(0);
pub fn send() {
    let peers = PEERS.lock().unwrap();
    unimplemented!();
    *PEERS.lock().unwrap() += *peers;
}";
    assert!(names_in(always).is_empty());
}

/// A program of two crates: what it hands to the library, it does under `gate`
/// or not.
fn program(main: &str, target: &str) -> Vec<&'static str> {
    let manifest = |dir: &str, text: &str| conclint_rust::ManifestInput {
        dir: dir.into(),
        text: text.into(),
    };
    let source = |path: &str, text: &str| SourceInput {
        path: path.into(),
        text: text.into(),
    };
    let queue = "
use std::sync::Mutex;

pub trait Turns { fn forth(&self); fn back(&self); }

#[derive(Default)]
pub struct Queue { left: Mutex<u64>, right: Mutex<u64> }

impl Turns for Queue {
    fn forth(&self) {
        let mut left = self.left.lock().unwrap();
        *left += *self.right.lock().unwrap();
    }

    fn back(&self) {
        let mut right = self.right.lock().unwrap();
        *right += *self.left.lock().unwrap();
    }
}
";
    let input = Input {
        sources: vec![source("queue/src/lib.rs", queue), source(target, main)],
        manifests: vec![
            manifest("queue", "[package]\nname = \"queue\"\nedition = \"2021\"\n"),
            manifest(
                "app",
                "[package]\nname = \"app\"\nedition = \"2021\"\n[dependencies]\nqueue = { path = \"../queue\" }\n",
            ),
        ],
        ..Input::default()
    };
    let analysis = Analysis::of(conclint_rust::read(input).0);
    conclint_lints::run(&analysis, &Settings::at_level(Level::Default))
        .into_iter()
        .filter(|finding| finding.confidence > Confidence::Low && !finding.in_test)
        .map(|finding| finding.rule)
        .collect()
}

#[test]
fn what_all_callers_in_a_program_hold_is_a_gate() {
    let app = |back: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
use queue::{{Queue, Turns}};

struct App {{ gate: Mutex<u64>, queue: Arc<dyn Turns + Send + Sync> }}

impl App {{
    fn turn(&self) {{
        let mut gate = self.gate.lock().unwrap();
        self.queue.forth();
        *gate += 1;
    }}

    fn turn_back(&self) {{
        {back}
    }}
}}

fn main() {{
    let app = Arc::new(App {{ gate: Mutex::new(0), queue: Arc::new(Queue::default()) }});
    let other = app.clone();
    let thread = thread::spawn(move || other.turn());
    app.turn_back();
    thread.join().unwrap();
}}
"
        )
    };
    let gated = app("let mut gate = self.gate.lock().unwrap(); self.queue.back(); *gate += 1;");
    let free = app("self.queue.back();");
    assert_eq!(program(&gated, "app/src/main.rs"), [""; 0]);
    assert_eq!(program(&free, "app/src/main.rs"), ["lock-order-inversion"]);
    // A library's users are not all seen.
    let library = gated.replace("fn main()", "pub fn start()");
    assert_eq!(
        program(&library, "app/src/lib.rs"),
        ["lock-order-inversion"]
    );
    // Nor are an example's, which shows what others may do.
    assert_eq!(
        program(&gated, "app/examples/turns.rs"),
        ["lock-order-inversion"]
    );
}

#[test]
fn an_inversion_names_its_places_beyond_those_that_are_drawn() {
    let places = |count: usize| {
        let forth: String = (0..count)
            .map(|i| {
                format!("    pub fn forth{i}(&self) {{ let a = self.a.lock().unwrap(); *self.b.lock().unwrap() += *a; }}\n")
            })
            .collect();
        let text = format!(
            "
use std::sync::Mutex;

pub struct Pair {{ a: Mutex<u64>, b: Mutex<u64> }}

impl Pair {{
{forth}    pub fn back(&self) {{ let b = self.b.lock().unwrap(); *self.a.lock().unwrap() += *b; }}
}}"
        );
        let found = findings(&[("src/lib.rs", &text)]);
        assert_eq!(found.len(), 1);
        (found[0].paths.len(), found[0].help.join(" "))
    };
    let (all, help) = places(20);
    assert_eq!(all, 21);
    assert!(!help.contains("more places"), "{help}");
    let (some, help) = places(40);
    assert_eq!(some, 33);
    assert!(
        help.contains("8 more places take them in these orders"),
        "{help}"
    );
}
