//! Waits under an `if`, in a loop further out: what is done before that loop
//! looks again.

use conclint_lints::Level;

use super::{findings, findings_at, names_in};

fn text(body: &str) -> String {
    format!(
        "
use std::collections::VecDeque;
use std::sync::{{Condvar, Mutex, MutexGuard}};
use std::time::Duration;
#[derive(Default)]
pub struct State {{
    items: VecDeque<u32>, list: Vec<u32>, slot: Option<u32>,
    closed: bool, writer: bool, readers: u32, waiting: u32,
}}
impl State {{
    fn none(&self) -> bool {{ self.items.is_empty() }}
    fn next(&mut self) -> Option<u32> {{ self.items.pop_front() }}
    fn next_or_zero(&mut self) -> Option<u32> {{
        if self.items.is_empty() {{ return Some(0); }}
        self.items.pop_front()
    }}
    fn step(&mut self) -> bool {{
        if let Some(item) = self.items.pop_front() {{ work(item); }}
        !self.closed
    }}
}}
pub struct Queue {{ state: Mutex<State>, changed: Condvar }}
fn work(item: u32) {{ println!(\"{{item}}\"); }}
impl Queue {{
    fn full<'a>(&'a self, mut s: MutexGuard<'a, State>) -> MutexGuard<'a, State> {{
        while s.items.is_empty() {{ s = self.changed.wait(s).unwrap(); }}
        s
    }}
    fn nap<'a>(&'a self, s: MutexGuard<'a, State>) -> MutexGuard<'a, State> {{
        self.changed.wait(s).unwrap()
    }}
    pub fn run(&self) {{
        loop {{ let mut s = self.state.lock().unwrap(); {body} }}
    }}
    pub fn change(&self) {{
        let mut s = self.state.lock().unwrap();
        s.closed = true;
        self.changed.notify_all();
    }}
}}
"
    )
}

const EMPTY: &str = "if s.items.is_empty() { s = self.changed.wait(s).unwrap(); } ";
const OPEN: &str = "if s.items.is_empty() && !s.closed { s = self.changed.wait(s).unwrap(); } ";

fn found(body: &str) -> bool {
    names_in(&text(body)).contains(&"wait-without-loop")
}

#[test]
fn what_was_waited_for_is_used_before_the_loop_looks_again() {
    for (wait, after) in [
        (
            EMPTY,
            "let item = s.items.pop_front().unwrap(); drop(s); work(item);",
        ),
        (EMPTY, "let item = s.next().unwrap(); drop(s); work(item);"),
        (
            EMPTY,
            "let Some(item) = s.items.pop_front() else { break }; drop(s); work(item);",
        ),
        (
            EMPTY,
            "match s.items.pop_front() { Some(item) => work(item), None => return }",
        ),
        (
            OPEN,
            "if s.closed && s.items.is_empty() { return; } work(s.items.pop_front().unwrap());",
        ),
        (
            OPEN,
            "if s.items.is_empty() && s.closed { return; } work(s.items.pop_front().expect(\"one\"));",
        ),
        (
            "if s.list.is_empty() { s = self.changed.wait(s).unwrap(); }",
            "let item = s.list.remove(0); if item == 0 { return; }",
        ),
        (
            "if s.slot.is_some() { s = self.changed.wait(s).unwrap(); }",
            "s.slot = Some(1); self.changed.notify_all();",
        ),
        (
            "if s.items.len() > 2 { s = self.changed.wait(s).unwrap(); }",
            "s.items.push_back(1); if s.closed { return; }",
        ),
        (
            "if s.items.len() > 2 { s = self.changed.wait(s).unwrap(); }",
            "if s.closed { return; } s.items.push_back(1);",
        ),
        (
            "if s.items.is_empty() { s = self.nap(s); }",
            "let item = s.items.pop_front().unwrap(); drop(s); work(item);",
        ),
        (
            "let mut s = if s.items.is_empty() { self.changed.wait(s).unwrap() } else { s };",
            "work(s.items.pop_front().unwrap());",
        ),
        (
            "if s.slot.is_none() { s = self.changed.wait_timeout(s, Duration::from_secs(1)).unwrap().0; }",
            "work(s.slot.take().unwrap());",
        ),
        (
            EMPTY,
            "if let Some(item) = s.items.pop_front() { work(item); } return;",
        ),
    ] {
        assert!(found(&format!("{wait} {after}")), "{wait} {after}");
    }
}

#[test]
fn a_look_that_leads_back_is_one() {
    for (wait, after) in [
        (
            EMPTY,
            "if let Some(item) = s.items.pop_front() { drop(s); work(item); }",
        ),
        (
            EMPTY,
            "if s.items.is_empty() { continue; } work(s.items.pop_front().unwrap());",
        ),
        (
            EMPTY,
            "if s.items.is_empty() || s.closed { continue; } work(s.items.pop_front().unwrap());",
        ),
        (
            EMPTY,
            "for item in s.items.drain(..) { work(item); } if s.closed { return; }",
        ),
        (
            EMPTY,
            "while let Some(item) = s.items.pop_front() { work(item); }",
        ),
        (
            EMPTY,
            "let item = s.items.pop_front().unwrap_or(0); drop(s); work(item);",
        ),
        (
            EMPTY,
            "let Some(item) = s.next() else { continue }; drop(s); work(item);",
        ),
        (
            EMPTY,
            "let item = s.next_or_zero().unwrap(); drop(s); work(item);",
        ),
        (EMPTY, "if !s.step() { return; }"),
        (
            OPEN,
            "if s.closed { return; } if let Some(item) = s.items.pop_front() { work(item); }",
        ),
        (
            OPEN,
            "match s.items.pop_front() { Some(item) => work(item), None if s.closed => return, None => {} }",
        ),
        (
            OPEN,
            "let Some(item) = s.items.pop_front() else { if s.closed { return; } continue; }; work(item);",
        ),
        (
            OPEN,
            "let all = std::mem::take(&mut s.items); drop(s); for item in all { work(item); }",
        ),
        (
            "if s.items.is_empty() { s = self.changed.wait(s).unwrap(); continue; }",
            "work(s.items.pop_front().unwrap());",
        ),
        (
            "if s.items.is_empty() { s.waiting += 1; s = self.changed.wait(s).unwrap(); s.waiting -= 1; continue; }",
            "work(s.items.pop_front().unwrap());",
        ),
        (
            "while !s.closed { if let Some(item) = s.items.pop_front() { s.waiting += 1; drop(s); return work(item); } \
                if s.waiting == 0 { s.closed = true; } else { s = self.changed.wait(s).unwrap(); } }",
            "return;",
        ),
        (
            "while s.items.is_empty() { s = self.nap(s); }",
            "work(s.items.pop_front().unwrap());",
        ),
        ("s = self.full(s);", "work(s.items.pop_front().unwrap());"),
        (
            "if s.slot.is_none() { s = self.changed.wait_timeout(s, Duration::from_secs(1)).unwrap().0; }",
            "if s.slot.is_some() { work(s.slot.take().unwrap()); }",
        ),
        (
            "if !s.closed { s = self.changed.wait_timeout(s, Duration::from_secs(1)).unwrap().0; }",
            "s.closed = false; s.waiting += 1;",
        ),
    ] {
        assert!(!found(&format!("{wait} {after}")), "{wait} {after}");
    }
}

#[test]
fn another_field_is_changed_unseen_in_course_work_only() {
    let body =
        "if s.writer { s = self.changed.wait(s).unwrap(); } s.readers += 1; drop(s); work(1);";
    assert!(!found(body));
    let findings = findings_at(Level::Grading, &[("src/lib.rs", &text(body))]);
    let is_wait = |rule: &str| rule == "wait-without-loop";
    assert!(findings.iter().any(|finding| is_wait(finding.rule)));
}

#[test]
fn a_pair_that_is_handed_in_has_a_name() {
    let found = findings(&[(
        "src/lib.rs",
        "
use std::sync::{Condvar, Mutex};
pub fn pass(gate: &(Mutex<bool>, Condvar)) {
    let (open, opened) = gate;
    let mut open = open.lock().unwrap();
    if !*open { open = opened.wait(open).unwrap(); }
    *open = false;
}
",
    )]);
    let told = |text: &str| found.iter().any(|finding| finding.message.contains(text));
    assert!(told("waits on `gate.1`"), "{found:?}");
}
