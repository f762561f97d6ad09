//! What ends under a lock, and locks again in its `drop`.

use conclint_diag::Severity;

use super::{errors_in, findings, names_in};

/// A table of sessions that take themselves out of it when they end.
fn table(held: &str, deed: &str) -> String {
    format!(
        "
use std::collections::HashMap;
use std::sync::{{Arc, Mutex}};

pub struct Table {{ sessions: Mutex<HashMap<u32, {held}>>, last: Mutex<Option<{held}>> }}
pub struct Session {{ id: u32, table: Arc<Table> }}
impl Drop for Session {{
    fn drop(&mut self) {{
        self.table.sessions.lock().unwrap().len();
        self.table.last.lock().unwrap().is_some();
    }}
}}
impl Table {{
    pub fn end(&self, id: u32) {{ {deed} }}
}}
"
    )
}

#[test]
fn what_is_thrown_away_ends_under_the_lock() {
    let found = |deed: &str| names_in(&table("Session", deed));
    for deed in [
        "self.sessions.lock().unwrap().remove(&id);",
        "self.sessions.lock().unwrap().clear();",
        "self.last.lock().unwrap().take();",
        "*self.last.lock().unwrap() = None;",
    ] {
        assert!(found(deed).contains(&"double-lock"), "{deed}");
    }
    for deed in [
        // The variable outlives the guard of its statement.
        "let ended = self.sessions.lock().unwrap().remove(&id); drop(ended);",
        "self.sessions.lock().unwrap().get(&id);",
        "self.sessions.lock().unwrap().len();",
    ] {
        assert!(!found(deed).contains(&"double-lock"), "{deed}");
    }
    // Others may have it, too.
    let shared = table("Arc<Session>", "self.sessions.lock().unwrap().remove(&id);");
    assert!(names_in(&shared).is_empty());
}

#[test]
fn a_destructor_may_be_that_of_a_part() {
    let severities = |part: &str| -> Vec<Severity> {
        let text = format!(
            "
use std::sync::Mutex;
static COUNT: Mutex<u32> = Mutex::new(0);
static LAST: Mutex<Job> = Mutex::new(Job::new());
pub struct Permit;
impl Drop for Permit {{ fn drop(&mut self) {{ *COUNT.lock().unwrap() -= 1; }} }}
pub struct Job {{ permit: {part}, name: String }}
pub fn next(job: Job) {{
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    *LAST.lock().unwrap() = job;
}}
"
        );
        let found = findings(&[("src/lib.rs", &text)]);
        found.iter().map(|finding| finding.severity).collect()
    };
    for part in ["Permit", "Box<(u8, Permit)>"] {
        assert!(severities(part).contains(&Severity::Error), "{part}");
    }
    // There may be none.
    for part in ["Option<Box<Permit>>", "Vec<(u8, Permit)>"] {
        assert_eq!(severities(part), [Severity::Warning], "{part}");
    }
    for part in ["&'static Permit", "std::sync::Arc<Permit>", "*const Permit"] {
        assert!(severities(part).is_empty(), "{part}");
    }
}

#[test]
fn a_child_that_locks_its_own_children_is_another_object() {
    let found = names_in(
        "
use std::sync::Mutex;
pub struct Node { children: Mutex<Vec<Node>>, name: String }
impl Drop for Node {
    fn drop(&mut self) { println!(\"{}\", self.children.lock().unwrap().len()); }
}
impl Node {
    pub fn cut(&self) { self.children.lock().unwrap().pop(); }
}
",
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_comes_from_elsewhere_has_another_keeper() {
    let dropped = |other: &str| {
        let deed = format!(
            "let sessions = self.sessions.lock().unwrap(); {other}; println!(\"{{id}} {{}}\", sessions.len());"
        );
        let text = table("Session", &deed).replace("id: u32) {", "id: u32, other: Session) {");
        names_in(&text).contains(&"double-lock")
    };
    assert!(!dropped("drop(other)"));
    assert!(!dropped("let it = other"));
}

#[test]
fn parts_end_with_what_is_dropped_by_hand() {
    let found = |deed: &str| {
        errors_in(&format!(
            "
use std::sync::Mutex;
static COUNT: Mutex<u32> = Mutex::new(0);
pub struct Permit;
impl Drop for Permit {{ fn drop(&mut self) {{ *COUNT.lock().unwrap() -= 1; }} }}
pub struct Job {{ permit: Permit, name: String }}
pub fn end(job: Job) {{
    let mut count = COUNT.lock().unwrap();
    *count += 1;
    {deed}
}}
"
        ))
    };
    assert_eq!(found("drop(job);"), ["double-lock"]);
    assert!(found("drop(count); drop(job);").is_empty());
}
