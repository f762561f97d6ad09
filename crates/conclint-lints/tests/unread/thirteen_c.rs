//! What was missed in bugs that nobody had read: tests of a guard in an `Option`,
//! traits on pointers to locks, cells of statics, macros of other crates.

use conclint_diag::Finding;
use conclint_facts::Analysis;
use conclint_lints::{Level, Settings};
use conclint_rust::{Input, SourceInput};

use super::{errors_in, names_in};

/// A loop that locks once and keeps the guard in `lock`, until it breaks.
fn kept_over_rounds(cond: &str, last: &str) -> String {
    format!(
        "
use std::sync::Mutex;

pub struct Semaphore {{ waiters: Mutex<Vec<u32>> }}

impl Semaphore {{
    pub fn acquire(&self, needed: u32, more: impl Fn() -> u32) {{
        let mut lock = None;
        let mut waiters = loop {{
            let remaining = needed - more();
            if {cond} {{
                lock = Some(self.waiters.lock().unwrap());
            }}
            if more() == 1 {{
                continue;
            }}
            if remaining == 0 {{
                break {last};
            }}
            break lock.expect(\"locked before\");
        }};
        waiters.push(needed);
    }}
}}
"
    )
}

/// The lines of locks that are taken again, of low confidence too.
fn locked_again(text: &str) -> Vec<u32> {
    let source = SourceInput {
        path: "src/lib.rs".into(),
        text: text.into(),
    };
    let input = Input {
        sources: vec![source],
        ..Input::default()
    };
    let analysis = Analysis::of(conclint_rust::read(input).0);
    let found = conclint_lints::run(&analysis, &Settings::at_level(Level::Default));
    let last = |finding: &Finding| Some(finding.paths.last()?.steps.last()?.span.line);
    found
        .iter()
        .filter(|finding| finding.rule == "double-lock")
        .filter_map(last)
        .collect()
}

#[test]
fn a_test_that_there_is_no_guard_is_part_of_a_longer_one() {
    let again = "self.waiters.lock().unwrap()";
    let kept = "lock.unwrap_or_else(|| self.waiters.lock().unwrap())";
    for cond in [
        "lock.is_none()",
        "remaining > 0 && lock.is_none()",
        "lock.is_none() && remaining > 0",
        "!(lock.is_some() || remaining == 0)",
    ] {
        assert!(
            locked_again(&kept_over_rounds(cond, kept)).is_empty(),
            "{cond}"
        );
        let lines = locked_again(&kept_over_rounds(cond, again));
        assert_eq!(lines, [18], "{cond}");
    }
    let either = kept_over_rounds("remaining > 0 || lock.is_none()", kept);
    assert_eq!(locked_again(&either), [12]);
}

#[test]
fn a_trait_on_a_pointer_to_a_lock_is_found() {
    let text = |end: &str| {
        format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct Node {{ states: Vec<u32> }}

pub trait Ops {{
    fn update(&self, state: u32);
    fn clear(&self, node: &RwLock<Node>) {{
        node.write().unwrap().states.clear();
    }}
}}

impl Ops for Arc<RwLock<Node>> {{
    fn update(&self, state: u32) {{
        self.write().unwrap().states.push(state);
    }}
}}

pub fn shut_down(node: &Arc<RwLock<Node>>, state: u32) {{
    if let Some(&first) = node.read().unwrap().states.first() {{
        {end}
    }}
}}
"
        )
    };
    assert_eq!(errors_in(&text("node.update(first);")), ["double-lock"]);
    assert_eq!(errors_in(&text("node.clear(node);")), ["double-lock"]);
    assert!(names_in(&text("drop(first);")).is_empty());
    let other = "let other = Arc::new(RwLock::new(Node { states: vec![first] }));
        other.update(first);";
    assert!(names_in(&text(other)).is_empty());
}

#[test]
fn what_a_pointer_only_passes_on_is_no_choice() {
    let text = "
use std::sync::{Arc, Mutex};

pub trait Ops { fn update(&self, state: u32); }

pub struct Node { states: Mutex<Vec<u32>> }
pub struct Idle;

impl Ops for Node {
    fn update(&self, state: u32) { self.states.lock().unwrap().push(state); }
}
impl Ops for Idle {
    fn update(&self, _: u32) {}
}
impl<T: Ops + ?Sized> Ops for Arc<T> {
    fn update(&self, state: u32) { (**self).update(state) }
}

pub struct Pair { node: Arc<Node>, idle: Arc<Idle> }

impl Pair {
    pub fn run(&self) {
        let states = self.node.states.lock().unwrap();
        self.CALLED.update(states.len() as u32);
    }
}
";
    assert_eq!(errors_in(&text.replace("CALLED", "node")), ["double-lock"]);
    assert!(names_in(&text.replace("CALLED", "idle")).is_empty());
}

#[test]
fn a_helper_may_fill_the_cell_whose_lock_it_gives() {
    let text = |cell: &str, get: &str, last: &str| {
        format!(
            "
use std::sync::{{Mutex, OnceLock}};

type Modules = Mutex<Vec<u32>>;

fn modules() -> &'static Modules {{
    static MODULES: {cell} = OnceLock::new();
    MODULES.{get}
}}

pub fn cached(of: u32) -> u32 {{
    let found = modules().lock().unwrap();
    if let Some(module) = found.iter().find(|module| **module == of) {{
        *module
    }} else {{
        {last}
        modules().lock().unwrap().push(of);
        of
    }}
}}
"
        )
    };
    for get in ["get_or_init(|| Mutex::new(Vec::new()))", "get().unwrap()"] {
        let again = text("OnceLock<Modules>", get, "");
        assert_eq!(errors_in(&again), ["double-lock"], "{get}");
        let dropped = text("OnceLock<Modules>", get, "drop(found);");
        assert!(!names_in(&dropped).contains(&"double-lock"), "{get}");
    }
}

#[test]
fn macros_of_other_crates_lock_what_they_are_given() {
    let text = |other: &str, more: &str| {
        format!(
            "
use std::sync::{{Mutex, RwLock}};
use locks::*;

pub struct Peers {{ list: RwLock<Vec<u32>>, log: Mutex<Vec<u32>>, size: Vec<u32> }}

fn add(list: &RwLock<Vec<u32>>, peer: u32) {{
    let list = &mut write_or_die!(list);
    list.push(peer);
}}

impl Peers {{
    pub fn check(&self) {{
        if let Some(&peer) = {other}.first() {{
            {more}
        }}
    }}
}}
"
        )
    };
    let add = "add(&self.list, peer);";
    assert_eq!(
        errors_in(&text("read_or_die!(self.list)", add)),
        ["double-lock"]
    );
    assert!(names_in(&text("read_or_die!(self.size)", add)).is_empty());
    assert!(names_in(&text("read_or_die!(self.list)", "drop(peer);")).is_empty());
    assert!(names_in(&text("read_stats!(self.list)", add)).is_empty());
    assert!(names_in(&text("try_read!(self.log)", add)).is_empty());
    let log = "safe_lock!(self.log).push(peer);";
    assert_eq!(
        errors_in(&text("safe_lock!(self.log)", log)),
        ["double-lock"]
    );
    assert!(names_in(&text("safe_lock!(self.log, self.list)", log)).is_empty());
}

#[test]
fn twins_for_a_model_checker_give_way_behind_globs_and_imports() {
    let text = |first: &str, second: &str, names: &str| {
        format!(
            "
mod shim {{
    pub(crate) use self::inner::{names};
    {first}
    {second}
}}
use shim::sync::Mutex;

pub struct Queue {{ items: Mutex<Vec<u32>> }}

impl Queue {{
    pub fn push(&self, item: u32) {{
        let mut items = self.items.lock().unwrap();
        self.items.lock().unwrap().push(item);
        items.push(item);
    }}
}}
"
        )
    };
    let checked = "#[cfg(loom)] mod inner {
        pub(crate) mod sync {
            pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);
            impl<T> Mutex<T> {
                pub fn lock(&self) -> Result<u32, u32> { Ok(0) }
            }
        }
    }";
    let built = "#[cfg(not(loom))] mod inner { pub(crate) use std::sync; }";
    for names in ["*", "sync"] {
        for (first, second) in [(checked, built), (built, checked)] {
            let text = text(first, second, names);
            assert_eq!(errors_in(&text), ["double-lock"], "{text}");
        }
    }
}
