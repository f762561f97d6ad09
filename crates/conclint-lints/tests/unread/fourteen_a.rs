//! Calls that never come back, waits that a function comes back to by calling
//! itself, and channels that are emptied.

use super::names_in;

#[test]
fn a_function_that_calls_itself_after_a_wait_looks_again() {
    let text = |after: &str| {
        format!(
            "
use std::sync::{{Condvar, Mutex}};

pub struct State {{ suspended: bool, parks: u32 }}

pub struct SafePoint {{ state: Mutex<State>, waiton: Condvar, other: Option<Box<SafePoint>> }}

impl SafePoint {{
    pub fn check(&self, depth: u32) -> Result<u32, String> {{
        let guard = self.state.lock().unwrap();
        if guard.suspended {{
            let guard = self.waiton.wait(guard).unwrap();
            {after}
        }}
        Ok(depth)
    }}

    pub fn resume(&self) {{
        self.state.lock().unwrap().suspended = false;
        self.waiton.notify_all();
    }}
}}
"
        )
    };
    for again in [
        "drop(guard); return self.check(depth + 1);",
        "let parks = guard.parks; drop(guard); if parks > 8 { println!(\"{parks}\"); } self.check(depth)?;",
        "let again = guard.suspended; drop(guard); if again { return self.check(depth); }",
    ] {
        assert!(names_in(&text(again)).is_empty(), "{again}");
    }
    for once in [
        "drop(guard); return Ok(depth + 1);",
        "drop(guard); if depth > 8 { return Ok(depth); } return self.check(depth + 1);",
        "drop(guard); if let Some(other) = &self.other { return other.check(depth); }",
        "drop(guard); self.resume();",
    ] {
        assert_eq!(names_in(&text(once)), ["wait-without-loop"], "{once}");
    }
}

#[test]
fn who_waits_first_and_then_calls_itself_has_not_looked() {
    let text = "
use std::sync::{Condvar, Mutex};

pub struct Gate { open: Mutex<bool>, changed: Condvar }

impl Gate {
    pub fn pass(&self) {
        let guard = self.open.lock().unwrap();
        let guard = self.changed.wait(guard).unwrap();
        if !*guard {
            drop(guard);
            self.pass();
        }
    }

    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}
";
    assert_eq!(names_in(text), ["wait-without-loop"]);
}
