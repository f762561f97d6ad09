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
            let mut guard = self.waiton.wait(guard).unwrap();
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
        "guard.parks -= 1; drop(guard); return self.check(depth);",
        "if !guard.suspended { guard.parks = 0; return Ok(depth); } drop(guard); self.check(depth)?;",
    ] {
        assert!(names_in(&text(again)).is_empty(), "{again}");
    }
    for once in [
        "drop(guard); return Ok(depth + 1);",
        "drop(guard); if depth > 8 { return Ok(depth); } return self.check(depth + 1);",
        "drop(guard); if let Some(other) = &self.other { return other.check(depth); }",
        "drop(guard); self.resume();",
        "guard.suspended = false; drop(guard); return self.check(depth);",
        "let again = guard.suspended; guard.parks = 0; drop(guard); if again { return self.check(depth); }",
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

/// Holds a lock while it calls what takes it again; `frame` is run before.
fn nested(items: &str, frame: &str) -> String {
    format!(
        "
use std::collections::HashMap;
use std::process;
use std::sync::RwLock;

pub struct Jvm {{ classes: RwLock<HashMap<u32, u64>>, stopped: bool }}

{items}

impl Jvm {{
    fn object(&self, class: u32, frame: u64) -> u64 {{
        self.classes.write().unwrap().insert(class, frame).unwrap_or(0)
    }}

    pub fn loaded(&self) -> u64 {{
        let classes = self.classes.read().unwrap();
        let mut sum = 0;
        for class in classes.keys() {{
            {frame}
        }}
        sum
    }}
}}
"
    )
}

/// As it stands in the loop: what `frame` gives is an argument.
const PASSED: &str = "sum += self.object(*class, frame());";

#[test]
fn what_stands_after_a_call_that_never_comes_back_is_not_reached() {
    for body in [
        "todo!()",
        "unimplemented!(\"{}\", 1)",
        "eprintln!(\"no frame\"); process::exit(1)",
        "let code = 3; std::process::abort();",
        "let n: u64 = panic!(\"no frame\"); n + 1",
        "loop { std::hint::spin_loop(); }",
        "loop { for i in 0..7 { if i > 3 { break; } } }",
        "match std::env::args().count() { 0 => panic!(), n => unreachable!(\"{n}\") }",
        "die(7)",
    ] {
        let items = format!(
            "fn frame() -> u64 {{ {body} }}
fn die(code: i32) -> ! {{ eprintln!(\"{{code}}\"); loop {{ if code > 9 {{ process::exit(code); }} }} }}"
        );
        assert!(names_in(&nested(&items, PASSED)).is_empty(), "{body}");
    }
    // Here, and as a method.
    for (items, frame) in [
        ("", "process::exit(1); sum += self.object(*class, 1);"),
        (
            "impl Jvm { fn fail(&self, class: u32) -> ! { panic!(\"{class}\") } }",
            "if *class > 7 { self.fail(*class); }
            if *class < 9 { sum += *class as u64; continue; } else { self.fail(*class) };
            sum += self.object(*class, 1);",
        ),
    ] {
        assert!(names_in(&nested(items, frame)).is_empty(), "{frame}");
    }
}

#[test]
fn a_function_that_may_come_back_is_not_taken_for_one_that_does_not() {
    for body in [
        "1",
        "if std::env::args().count() > 3 { todo!() } 1",
        "if std::env::args().count() > 3 { return 1; } todo!()",
        "std::env::args().next().map_or(1, |_| todo!())",
        "loop { if std::env::args().count() > 3 { break; } } 1",
        "'a: loop { loop { if std::env::args().count() > 3 { break 'a 1; } } }",
        "match std::env::args().count() { 0 => panic!(), n => n as u64 }",
        "#[cfg(unix)] { unimplemented!() } 1",
        "assert!(std::env::args().count() > 3); 1",
        "let _later = || -> u64 { todo!() }; 1",
        "exit(1)",
        "stream! { loop { yield tick().await; } }",
        "try_or!(loop {}, 7); 1",
        "if std::env::args().count() > 3 { frame() } else { 1 }",
    ] {
        let items = format!(
            "fn frame() -> u64 {{ {body} }}
fn exit(code: u64) -> u64 {{ code }}"
        );
        assert_eq!(names_in(&nested(&items, PASSED)), ["double-lock"], "{body}");
    }
    // Fallible ones give their error back.
    let fallible = "
fn frame() -> u64 { find().unwrap_or(1) }
fn find() -> Result<u64, String> { let n: u64 = std::env::var(\"N\").map_err(|e| e.to_string())?.len() as u64; panic!(\"{n}\") }
";
    assert_eq!(names_in(&nested(fallible, PASSED)), ["double-lock"]);
    // One of two builds has it.
    let twins = "
#[cfg(feature = \"frames\")]
fn frame() -> u64 { 1 }
#[cfg(not(feature = \"frames\"))]
fn frame() -> u64 { unimplemented!() }
";
    assert_eq!(names_in(&nested(twins, PASSED)), ["double-lock"]);
}

#[test]
fn who_calls_a_function_does_not_come_to_what_is_not_reached_in_it() {
    let reach = |first: &str| {
        let items = format!(
            "impl Jvm {{ fn frame(&self) -> u64 {{ {first}; self.classes.write().unwrap().len() as u64 }} }}"
        );
        names_in(&nested(&items, "sum += self.frame() + *class as u64;"))
    };
    assert!(reach("todo!()").is_empty());
    assert!(reach("process::exit(1)").is_empty());
    assert_eq!(reach("if self.stopped { todo!() }"), ["double-lock"]);
}

#[test]
fn what_one_of_several_does_says_nothing_of_the_others() {
    let items = |body: &str| {
        format!(
            "
pub trait Frames {{ fn frame(&self) -> u64; fn known(&self) -> u64 {{ unimplemented!() }} }}
pub struct Real;
pub struct Stub;
impl Frames for Real {{ fn frame(&self) -> u64 {{ 1 }} fn known(&self) -> u64 {{ 1 }} }}
impl Frames for Stub {{ fn frame(&self) -> u64 {{ {body} }} }}
fn frames() -> Box<dyn Frames> {{ Box::new(Real) }}
"
        )
    };
    let items = items("unimplemented!()");
    let fault = |frame: &str| {
        let text = nested(&items, &format!("sum += self.object(*class, {frame});"));
        names_in(&text)
    };
    assert_eq!(fault("frames().frame()"), ["double-lock"]);
    assert_eq!(fault("frames().known()"), ["double-lock"]);
    assert!(fault("Stub.frame()").is_empty());
    assert_eq!(fault("Real.frame()"), ["double-lock"]);
    // The only one that there is to see.
    let alone = "
pub trait Frames { fn frame(&self) -> u64; }
pub struct Stub;
impl Frames for Stub { fn frame(&self) -> u64 { unimplemented!() } }
";
    let text = nested(
        alone,
        "let of: &dyn Frames = &Stub; sum += self.object(*class, of.frame());",
    );
    assert_eq!(names_in(&text), ["double-lock"]);
}

#[test]
fn functions_that_call_each_other_are_read_to_the_end() {
    let items = "
fn frame() -> u64 { if std::env::args().count() > 3 { other() } else { panic!() } }
fn other() -> u64 { frame() }
";
    assert_eq!(names_in(&nested(items, PASSED)), ["double-lock"]);
}

#[test]
fn who_empties_a_channel_does_not_wait_for_it() {
    let text = |arms: &str| {
        format!(
            "
use std::sync::mpsc::{{Receiver, TryRecvError}};

pub struct Listener {{ recv: Receiver<u64>, queue: Vec<u64> }}

impl Listener {{
    pub fn accept(&mut self) -> Option<u64> {{
        let mut open = true;
        while open {{
            match self.recv.try_recv() {{
                Ok(stream) => self.queue.push(stream),
                {arms}
            }}
        }}
        self.queue.pop()
    }}
}}
"
        )
    };
    for drains in [
        "Err(TryRecvError::Empty) => break, Err(TryRecvError::Disconnected) => return None,",
        "Err(TryRecvError::Empty) => break, Err(TryRecvError::Disconnected) => open = false,",
        "Err(TryRecvError::Empty) => return None,
         Err(TryRecvError::Disconnected) => { if self.queue.is_empty() { return None; } open = false; }",
    ] {
        assert!(names_in(&text(drains)).is_empty(), "{drains}");
    }
    for waits in [
        "Err(TryRecvError::Empty) => {} Err(TryRecvError::Disconnected) => break,",
        "Err(TryRecvError::Empty) => continue, Err(TryRecvError::Disconnected) => open = false,",
        // Nothing will come any more, ever.
        "Err(TryRecvError::Empty) => break,
         Err(TryRecvError::Disconnected) => { if self.queue.len() == 0 { return None; } }",
    ] {
        assert_eq!(names_in(&text(waits)), ["busy-wait"], "{waits}");
    }
}
