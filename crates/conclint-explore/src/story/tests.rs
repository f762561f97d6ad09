//! Stories of executions that are written down step by step, as students read them: on the texts of
//! `src/lib.rs` alone.

use std::collections::BTreeMap;

use conclint_diag::explore::Verdict;

use crate::answer::{Failure, Held, Panicked, Place, Step, Stuck, TestResult};

/// Where `line` of `text` works on an object; nothing of line 0, which is in the test.
fn place(text: &str, line: u32) -> Place {
    let Some(index) = (line as usize).checked_sub(1) else {
        return Place {
            file: "hidden/tests.rs".to_owned(),
            line: 7,
            column: 9,
        };
    };
    let code = text.lines().nth(index).unwrap();
    let methods = [
        ".lock(", ".read(", ".write(", ".load(", ".store(", ".fetch", ".wait(", ".notify",
    ];
    let dot = methods.iter().find_map(|method| code.find(method));
    Place {
        file: "src/lib.rs".to_owned(),
        line,
        column: u32::try_from(dot.map_or(1, |dot| dot + 2)).unwrap(),
    }
}

/// A step from `thread op; object; line; note`; `!` before it interrupts the thread before.
fn step(text: &str, told: &str) -> Step {
    let mut parts = told.split(';').map(str::trim);
    let mut part = || parts.next().unwrap_or_default();
    let (who, op) = part().split_once(' ').unwrap();
    let interrupts = who.starts_with('!');
    Step {
        thread: who.trim_start_matches('!').parse().unwrap(),
        op: op.to_owned(),
        object: part().to_owned(),
        place: place(text, part().parse().unwrap()),
        frames: Vec::new(),
        note: part().to_owned(),
        deviated: interrupts,
        preempting: interrupts,
    }
}

/// A failure of three threads with these steps.
fn failure(text: &str, steps: &[&str]) -> Failure {
    let timeline: Vec<Step> = steps.iter().map(|told| step(text, told)).collect();
    let interruptions = timeline.iter().filter(|s| s.preempting).count();
    Failure {
        fingerprint: "panic".to_owned(),
        kind: String::new(),
        flags: 0,
        preemptions: interruptions as u64,
        held_up_ms: 0,
        deviations: vec![(0, 0, 0); interruptions],
        threads: vec!["t".to_owned(); 4],
        panics: Vec::new(),
        stuck: Vec::new(),
        skipped: 0,
        timeline,
        last: None,
    }
}

fn told(text: &str, verdict: Verdict, failure: Failure) -> conclint_diag::explore::Failure {
    let result = TestResult {
        test: "t".to_owned(),
        verdict,
        reason: String::new(),
        executions: 1,
        steps: 1,
        distinct: 1,
        traces: 1,
        exhausted: None,
        max_steps: 99,
        milliseconds: 1,
        fresh_process: String::new(),
        unapplied: Vec::new(),
        failure: Some(failure),
    };
    let texts = BTreeMap::from([("src/lib.rs".to_owned(), text.as_bytes().to_vec())]);
    crate::explain(result, &texts).failure.unwrap()
}

/// The sentence on a test that fails under these steps.
fn failed(text: &str, steps: &[&str]) -> String {
    told(text, Verdict::Failed, failure(text, steps)).explanation
}

const COUNTER: &str = "\
impl Counter {
    fn add(&self) {
        let state = self.state.lock().unwrap();
        drop(state);
        *self.state.lock().unwrap() += 1;
    }
}
";

#[test]
fn a_guard_does_not_end_where_it_is_taken() {
    let split = failed(
        COUNTER,
        &[
            "1 lock; mutex 1; 3",
            "1 unlock; mutex 1; 3",
            "!2 lock; mutex 1; 3",
            "2 unlock; mutex 1; 3",
            "2 lock; mutex 1; 5",
            "2 unlock; mutex 1; 5",
            "1 lock; mutex 1; 5",
            "1 unlock; mutex 1; 5",
        ],
    );
    assert_eq!(
        split,
        "thread 1 gives `state` back (the guard of line 3 ends) and takes it again (line 5); \
         thread 2 takes it in between"
    );
    let tried = failed(
        COUNTER,
        &[
            "1 try-lock; mutex 1; 3",
            "!2 try-lock; mutex 1; 3; held",
            "1 unlock; mutex 1; 3",
        ],
    );
    assert_eq!(
        tried,
        "thread 2 runs while thread 1 stands before its unlock of `state` (the guard of line 3 \
         ends)"
    );
}

const QUEUES: &str = "\
fn pop(&self) {
    let state = self.state.lock().unwrap();
}
fn push(&self) {
    let state = self.state.lock().unwrap();
}
fn close(&self) {
    self.state.lock().unwrap().closed = true;
}
fn stage(input: &Queue, output: &Queue) {
    while let Some(item) = input.pop() {
        output.push(item);
    }
    output.close();
}
";

#[test]
fn who_has_changed_an_object_is_read_off_the_steps() {
    let steps = [
        "1 lock; mutex 1; 2",
        "1 unlock; mutex 1; 2",
        "!3 lock; mutex 2; 2",
        "3 wait; condvar 1; 2; waits",
        "2 lock; mutex 1; 2",
        "2 unlock; mutex 1; 2",
        "2 lock; mutex 2; 8",
        "2 unlock; mutex 2; 8",
        "3 lock; mutex 2; 2; goes on",
        "1 lock; mutex 2; 5",
    ];
    assert_eq!(
        failed(QUEUES, &steps),
        "thread 1 works on `state #1` (line 2) and on `state #2` (line 5) at two moments; thread 2 works on both in between (line 2, line 8)"
    );
}

#[test]
fn a_pair_is_no_two_calls_of_the_test() {
    let steps = [
        "0 lock; mutex 1; 5",
        "0 unlock; mutex 1; 5",
        "0 spawn; thread 1; 0",
        "!1 lock; mutex 1; 5",
        "1 wait; condvar 1; 5; waits",
        "0 lock; mutex 1; 8",
        "0 unlock; mutex 1; 8",
    ];
    let told = failed(QUEUES, &steps);
    assert_eq!(
        told,
        "thread 1 runs while the test stands before its lock of `state` (line 8)"
    );
}

#[test]
fn who_waits_for_a_lock_has_not_taken_it() {
    let told = failed(
        COUNTER,
        &[
            "1 lock; mutex 1; 3",
            "1 unlock; mutex 1; 3",
            "!2 lock; mutex 2; 3",
            "1 lock; mutex 1; 5; waits",
            "2 lock; mutex 1; 5",
            "2 unlock; mutex 1; 5",
            "1 lock; mutex 1; 5",
        ],
    );
    assert!(told.ends_with("thread 2 takes it in between"), "{told}");
}

#[test]
fn of_several_pairs_the_closest_is_told() {
    let text = "\
fn next(&self) {
    let state = self.state.lock().unwrap();
}
fn offer(&self) {
    let state = self.state.lock().unwrap();
    drop(state);
    let state = self.state.lock().unwrap();
}
fn work(&self) {
    self.next();
    self.offer();
}
";
    let steps = [
        "1 lock; mutex 1; 2",
        "1 unlock; mutex 1; 2",
        "!2 lock; mutex 1; 2",
        "2 unlock; mutex 1; 2",
        "1 lock; mutex 1; 5",
        "1 unlock; mutex 1; 5",
        "!2 lock; mutex 1; 5",
        "2 unlock; mutex 1; 5",
        "1 lock; mutex 1; 7",
        "1 unlock; mutex 1; 7",
    ];
    let closest = told(text, Verdict::Failed, failure(text, &steps));
    assert_eq!(
        closest.explanation,
        "thread 1 gives `state` back (the guard of line 5 ends) and takes it again (line 7); \
         thread 2 takes it in between"
    );
    assert_eq!(closest.named, [5, 6, 8]);
    assert_eq!(
        failed(text, &steps[..6]),
        "thread 1 gives `state` back (the guard of line 2 ends) and takes it again (line 5); \
         thread 2 takes it in between"
    );
}

#[test]
fn the_last_interruption_decides() {
    let text = "\
fn add(&self) {
    self.sum.fetch_add(1, SeqCst);
    self.n.fetch_add(1, SeqCst);
}
fn mean(&self) {
    let sum = self.sum.load(SeqCst);
    let n = self.n.load(SeqCst);
    if self.sum.load(SeqCst) == sum {
    }
}
";
    let steps = [
        "0 load; atomic 1; 6; = 3",
        "0 load; atomic 2; 7; = 1",
        "!1 modify; atomic 1; 2; 3 -> 6",
        "!0 load; atomic 1; 8; = 6",
        "0 load; atomic 1; 6; = 6",
        "0 load; atomic 2; 7; = 1",
        "0 load; atomic 1; 8; = 6",
        "1 modify; atomic 2; 3; 1 -> 2",
    ];
    assert_eq!(
        failed(text, &steps),
        "the test runs while thread 1 stands before its modify of `n` (line 3)"
    );
}

const WAITS: &str = "\
fn pop(&self) {
    let mut state = self.state.lock().unwrap();
    while state.is_empty() {
        state = self.changed.wait(state).unwrap();
    }
}
fn close(&self) {
    self.closed.store(true);
    self.changed.notify_all();
}
fn run(&self) {
    let state = self.state.lock().unwrap();
    self.state.lock().unwrap();
}
";

/// The sentence on a deadlock in which thread 1 waits on the condition variable.
fn asleep(steps: &[&str]) -> String {
    let stuck = Stuck {
        thread: 1,
        op: "wait".to_owned(),
        object: "condvar 1".to_owned(),
        place: place(WAITS, 4),
        waits_for: Vec::new(),
        holds: Vec::new(),
        frames: Vec::new(),
        took: Vec::new(),
        missed: 1,
        runnable: false,
    };
    let failure = Failure {
        stuck: vec![stuck],
        ..failure(WAITS, steps)
    };
    told(WAITS, Verdict::Deadlock, failure).explanation
}

#[test]
fn why_nobody_wakes_a_thread() {
    let woken = [
        "1 lock; mutex 1; 2",
        "1 wait; condvar 1; 4; waits",
        "0 notify-all; condvar 1; 9; wakes 1",
        "1 lock; mutex 1; 4; goes on",
        "1 wait; condvar 1; 4",
        "1 wait; condvar 1; 4; waits",
    ];
    assert_eq!(
        asleep(&woken),
        "thread 1 was woken by line 9 and went back to sleep (line 4), and nobody is left to notify \
         it: look at the condition of the wait"
    );
    let between = [
        "1 lock; mutex 1; 2",
        "!0 store; atomic 1; 8; = true",
        "0 notify-all; condvar 1; 9; nobody waits",
        "1 wait; condvar 1; 4; waits",
    ];
    assert_eq!(
        asleep(&between),
        "thread 1 looks and then waits (line 4), and the last notification (line 9) comes in \
         between, when nobody waits: what is waited for has to be changed under the waiter's lock"
    );
    let own = [
        "1 notify-all; condvar 1; 9; nobody waits",
        "1 lock; mutex 1; 2",
        "1 wait; condvar 1; 4; waits",
    ];
    assert_eq!(
        asleep(&own),
        "thread 1 waits (line 4), and nobody is left to notify it: the last notification (line 9) \
         was its own"
    );
    let before = own.map(|step| step.replace("1 notify", "0 notify"));
    assert_eq!(
        asleep(&before.each_ref().map(String::as_str)),
        "thread 1 waits (line 4) and is never notified: the last notification (line 9) came when \
         nobody waited"
    );
}

#[test]
fn who_locks_twice_is_told_since_when_and_where() {
    let held = Held {
        object: "mutex 1".to_owned(),
        place: place(WAITS, 12),
    };
    let stuck = Stuck {
        thread: 0,
        op: "lock".to_owned(),
        object: "mutex 1".to_owned(),
        place: place(WAITS, 13),
        waits_for: vec![0],
        holds: vec![held],
        frames: Vec::new(),
        took: Vec::new(),
        missed: 0,
        runnable: false,
    };
    let failure = Failure {
        stuck: vec![stuck],
        ..failure(WAITS, &["0 lock; mutex 1; 12"])
    };
    assert_eq!(
        told(WAITS, Verdict::Deadlock, failure).explanation,
        "the test, in `run`, waits to lock `state`, which it holds itself since line 12"
    );
}

#[test]
fn what_the_test_waits_for_is_not_named() {
    let stuck = |thread, op: &str, line| Stuck {
        thread,
        op: op.to_owned(),
        object: "channel 1".to_owned(),
        place: place(WAITS, line),
        waits_for: Vec::new(),
        holds: Vec::new(),
        frames: Vec::new(),
        took: Vec::new(),
        missed: 0,
        runnable: false,
    };
    let failure = Failure {
        stuck: vec![stuck(0, "scope-end", 11), stuck(2, "recv", 0)],
        ..failure(WAITS, &["1 lock; mutex 1; 2", "1 unlock; mutex 1; 2"])
    };
    assert_eq!(
        told(WAITS, Verdict::Deadlock, failure).explanation,
        "thread 2 waits in the test for another thread, and thread 1 has ended before (the last it \
         did: line 2)"
    );
}

#[test]
fn a_wait_in_vain_is_told_of_the_first_panic() {
    let panic = |thread, message: &str, line| Panicked {
        thread,
        message: message.to_owned(),
        place: place(WAITS, line),
    };
    let steps = [
        "1 lock; mutex 1; 2",
        "1 wait; condvar 1; 4; waits",
        "!2 notify-all; condvar 1; 9; wakes 1",
        "1 lock; mutex 1; 4; goes on",
        "1 unlock; mutex 1; 4",
        "2 lock; mutex 1; 2",
    ];
    let failure = Failure {
        panics: vec![
            panic(1, "called `Option::unwrap()` on a `None` value", 5),
            panic(2, "called `Result::unwrap()`: PoisonError { .. }", 2),
            panic(0, "3 is not 4", 0),
        ],
        ..failure(WAITS, &steps)
    };
    assert_eq!(
        told(WAITS, Verdict::Failed, failure).explanation,
        "thread 1 wakes from its wait (line 4) and fails at once: what it waited for is not there"
    );
}
