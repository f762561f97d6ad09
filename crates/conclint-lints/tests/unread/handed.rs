//! Guards that a function hands over by value, and what the callee does with them.

use super::{errors_in, names_in};

/// `sink` hands its guard to `helper`.
fn player(sink: &str, helper: &str) -> String {
    format!(
        "
use std::sync::{{Condvar, Mutex, MutexGuard}};

#[derive(Default)]
pub struct State {{ position: u64, flushing: bool }}

pub struct Player {{ state: Mutex<State>, filled: Condvar, log: Mutex<Vec<u64>> }}

impl Player {{
    pub fn sink(&self) -> Result<(), u64> {{
        let mut state = self.state.lock().unwrap();
        {sink}
        state.position += 1;
        Ok(())
    }}

    fn push(&self, position: u64) {{
        println!(\"{{position}}\");
    }}

    pub fn filled(&self) {{ self.log.lock().unwrap().push(1); self.state.lock().unwrap().position += 1; self.filled.notify_all(); }}

    {helper}
}}
"
    )
}

const DROPS: &str =
    "fn flush<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.flushing = true;
        let position = state.position;
        drop(state);
        self.push(position);
        self.state.lock().unwrap()
    }";

#[test]
fn the_callee_lets_go_before_it_takes_the_lock_again() {
    assert!(names_in(&player("state = self.flush(state);", DROPS)).is_empty());
    let again = "if state.flushing {
            drop(state);
            self.push(0);
            state = self.state.lock().unwrap();
        }
        state = self.flush(state);";
    assert!(
        names_in(&player(again, DROPS)).is_empty(),
        "a variable that had two guards hands over either"
    );
    let sometimes = "fn flush<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, u64> {
        if state.flushing {
            let position = state.position;
            drop(state);
            self.push(position);
            state = self.state.lock().unwrap();
        }
        Ok(state)
    }";
    assert!(names_in(&player("state = self.flush(state)?;", sometimes)).is_empty());
}

#[test]
fn the_callee_still_has_it_and_takes_the_lock_again() {
    let keeps = "fn flush<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let position = self.state.lock().unwrap().position;
        self.push(position);
        state
    }";
    assert_eq!(
        errors_in(&player("state = self.flush(state);", keeps)),
        ["double-lock"],
        "it is as sure as if the guard had stayed with the caller"
    );
}

#[test]
fn an_error_brings_no_guard_back() {
    let failing = "fn flush<'a>(&'a self, state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, u64> {
        if state.flushing { return Err(state.position); }
        Ok(state)
    }";
    let arms = "state = match self.flush(state) {
            Ok(state) => state,
            Err(_) => self.state.lock().unwrap(),
        };";
    assert!(names_in(&player(arms, failing)).is_empty());
    let poisoned = "fn flush<'a>(&'a self, state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>, std::sync::PoisonError<MutexGuard<'a, State>>> {
        self.filled.wait_while(state, |state| state.flushing)
    }";
    assert_eq!(
        errors_in(&player(arms, poisoned)),
        ["double-lock"],
        "a poison error has the guard in it"
    );
}

#[test]
fn a_wait_for_the_caller_gives_its_lock_back() {
    let waits = "fn flush<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.filled.wait(state).unwrap()
    }";
    let looped = "while state.position == 0 { state = self.flush(state); }";
    assert!(names_in(&player(looped, waits)).is_empty());
    let other = "let log = self.log.lock().unwrap();
        while state.position == log.len() as u64 { state = self.flush(state); }
        drop(log);";
    assert_eq!(
        names_in(&player(other, waits)),
        ["blocking-under-lock"],
        "another lock stays held all through the wait"
    );
}

/// A pool whose `get` takes the writers' lock unless it is told not to.
fn pool(call: &str) -> String {
    format!(
        "
use std::sync::{{Mutex, MutexGuard}};

pub struct Inner {{ writer: Mutex<u64> }}

impl Inner {{
    fn get(&self, query_only: bool) -> u64 {{
        if query_only {{ 1 }} else {{ *self.writer.lock().unwrap() }}
    }}
}}

pub struct Pool {{ inner: Inner }}

impl Pool {{
    fn get(&self, query_only: bool) -> u64 {{ self.inner.get(query_only) }}

    pub fn checkpoint(&self) -> u64 {{
        let writer: MutexGuard<'_, u64> = self.inner.writer.lock().unwrap();
        {call} + *writer
    }}
}}
"
    )
}

#[test]
fn a_flag_that_is_handed_on_switches_off_what_is_behind_it() {
    for call in [
        "self.get(true)",
        "{ let query_only = true; self.get(query_only) }",
        "self.inner.get(true)",
    ] {
        assert!(names_in(&pool(call)).is_empty(), "{call}");
    }
    for call in [
        "self.get(false)",
        "{ let query_only = false; self.get(query_only) }",
        "{ let mut query_only = true; if *writer > 3 { query_only = false; } self.get(query_only) }",
        "self.get(*writer > 3)",
    ] {
        assert_eq!(names_in(&pool(call)), ["double-lock"], "{call}");
    }
}

#[test]
fn a_process_is_no_thread() {
    let text = "
use tokio::process::Child;
use tokio::sync::Mutex;

pub struct Command { args: Vec<String> }

impl Command {
    fn start(&mut self) -> Result<Child, std::io::Error> {
        tokio::process::Command::new(&self.args[0]).spawn()
    }
}

pub struct Runner { command: Mutex<Command> }

impl Runner {
    pub async fn run(&self) -> std::io::Result<()> {
        let mut command = self.command.lock().await;
        command.start()?.wait().await?;
        command.args.clear();
        Ok(())
    }

    pub fn watch(self: std::sync::Arc<Self>) {
        std::thread::spawn(move || self.command.blocking_lock().args.clear());
    }
}
";
    assert!(names_in(text).is_empty());
}

#[test]
fn a_call_for_its_effect_may_hand_back_a_guard_that_nobody_wants() {
    let found = |store: &str| {
        names_in(&format!(
            "
use std::sync::{{Mutex, MutexGuard}};

pub struct Doc {{ txn: Mutex<Option<u64>>, log: Mutex<Vec<u64>> }}

impl Doc {{
    fn renew(&self) {{ {store} }}
    fn commit_internal(&self) -> (u64, Option<MutexGuard<'_, Option<u64>>>) {{
        self.renew();
        (1, Some(self.txn.lock().unwrap()))
    }}
    pub fn commit_with(&self) -> (u64, Option<MutexGuard<'_, Option<u64>>>) {{
        self.commit_internal()
    }}
    pub fn commit(&self, wanted: bool) -> Result<(), ()> {{
        if wanted {{
            self.commit_with();
        }}
        Ok(())
    }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(found("self.log.lock().unwrap().push(1);"), nothing);
    assert_eq!(found(""), ["guard-dropped-at-once"]);
}

#[test]
fn a_static_that_is_made_on_first_use_may_be_made_by_locking_it() {
    let locking = |declared: &str, lock: &str| {
        names_in(&format!(
            "
use parking_lot::Mutex;
use std::sync::LazyLock;

{declared}

pub fn set_up() {{
    {{
        {lock}
    }}
    attach();
}}
fn attach() {{ URING.lock().push(1); }}
"
        ))
    };
    let found = |declared: &str| locking(declared, "URING.lock();");
    let nothing: [&str; 0] = [];
    let made = "Mutex::new(Vec::new())";
    for lazy in [
        format!("lazy_static! {{ pub static ref URING: Mutex<Vec<u64>> = {made}; }}"),
        format!("pub static URING: LazyLock<Mutex<Vec<u64>>> = LazyLock::new(|| {made});"),
    ] {
        assert_eq!(found(&lazy), nothing, "{lazy}");
        assert_eq!(
            locking(&lazy, "let _ = URING.lock();"),
            ["guard-dropped-at-once"]
        );
    }
    assert_eq!(
        found(&format!("pub static URING: Mutex<Vec<u64>> = {made};")),
        ["guard-dropped-at-once"]
    );
}
