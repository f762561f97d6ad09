//! Under plain `cargo test` the attributes change nothing.

use std::sync::atomic::{AtomicU32, Ordering};

static RUNS: AtomicU32 = AtomicU32::new(0);

#[conclint_test::explore(schedules = 100, strategy = "pct", seed = 7)]
#[test]
fn explored_runs_once() {
    assert_eq!(RUNS.fetch_add(1, Ordering::SeqCst), 0);
}

#[conclint_test::skip(reason = "only to see that it runs")]
#[test]
#[should_panic(expected = "it runs")]
fn skipped_runs() {
    panic!("it runs");
}

#[conclint_test::explore(preemptions = 1)]
#[test]
fn results_are_kept() -> Result<(), std::fmt::Error> {
    Ok(())
}
