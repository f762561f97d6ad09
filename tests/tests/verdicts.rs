//! What exploring comes to, one way of ending after the other: `fixtures/explore/verdicts`.

use std::time::Duration;

use conclint_tests::{repository, run};
use serde_json::Value;

/// The test, its verdict, and the failure's kind or a part of the reason.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("counts::destructors_after_a_join", "passed", ""),
    ("counts::destructors_after_a_scope", "failed", "panic"),
    ("counts::unwrapped_after_a_join", "passed", ""),
    ("counts::unwrapped_after_a_message", "failed", "panic"),
    (
        "deadlocks::join_on_a_blocked_thread",
        "deadlock",
        "join-on-blocked-thread",
    ),
    ("deadlocks::lock_cycle", "deadlock", "lock-cycle"),
    ("deadlocks::lost_wakeup", "deadlock", "lost-wakeup"),
    (
        "deadlocks::receiver_with_live_senders",
        "deadlock",
        "receiver-with-live-senders",
    ),
    ("deadlocks::self_lock", "deadlock", "self-lock"),
    ("ends::a_fair_scheduler_ends_it", "passed", ""),
    ("ends::a_long_test", "passed", ""),
    ("ends::aborts", "crashed", "abort"),
    ("ends::exits", "failed", "exit"),
    ("ends::frees_twice", "crashed", "abort"),
    ("ends::hangs_in_the_kernel", "inconclusive", "pause"),
    ("ends::invalid_memory", "crashed", "signal"),
    ("ends::livelock", "livelock", "livelock"),
    ("ends::looks_for_one_that_unwinds", "passed", ""),
    ("ends::stack_overflow", "crashed", "stack-overflow"),
    ("ends::takes_all_memory", "inconclusive", "memory"),
    ("harness::bad_result", "failed", "panic"),
    ("harness::does_not_panic", "failed", "no-panic"),
    ("harness::good_result", "passed", ""),
    ("harness::ignored", "skipped", "not now"),
    ("harness::panics_as_it_should", "passed", ""),
    ("harness::panics_otherwise", "failed", "wrong-panic"),
    ("state::hashes_repeat", "failed", "panic"),
    ("state::locals_begin_anew", "passed", ""),
    ("state::plain_statics_begin_anew", "passed", ""),
    ("state::statics_begin_anew", "passed", ""),
    ("state::temporary_files_are_a_tests_own", "passed", ""),
    ("state::temporary_files_begin_anew", "passed", ""),
    ("state::temporary_files_do_not_stay", "passed", ""),
    (
        "structures::initialisers_in_a_circle",
        "deadlock",
        "initialiser-waits-for-itself",
    ),
    ("structures::sequence_lock", "passed", ""),
    (
        "structures::sequence_lock_without_a_second_look",
        "failed",
        "panic",
    ),
    ("structures::stack_with_aba", "failed", "panic"),
    ("structures::stack_with_tags", "passed", ""),
    ("structures::waker_and_a_second_look", "passed", ""),
    (
        "structures::waker_left_too_late",
        "deadlock",
        "park-without-unpark",
    ),
    ("time::a_long_timeout_is_not_early", "passed", ""),
    ("time::a_watchdog_is_not_early", "passed", ""),
    ("time::an_earlier_timeout_comes_first", "passed", ""),
    ("time::hold_ups_do_not_repeat", "passed", ""),
    ("time::short_waits_do_not_add_up", "passed", ""),
    ("time::sleep_for_a_join", "failed", "timing"),
    ("time::sleep_until_somebody_waits", "deadlock", "timing"),
    ("time::sleeps_are_long_enough", "passed", ""),
    ("time::timeout_taken_for_the_end", "failed", "timing"),
];

#[test]
fn each_way_of_ending_has_its_verdict() {
    let target = tempfile::tempdir().unwrap();
    let arguments = [
        "explore",
        "--keep-going",
        "--format",
        "json",
        "--schedules",
        "500",
        "--target-dir",
        target.path().to_str().unwrap(),
    ];
    let dir = repository().join("fixtures/explore/verdicts");
    let run = run(&dir, &arguments, Duration::from_secs(1200));
    let value = run.json();
    let seen: Vec<(String, String, String)> = value["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            let why = match &test["failure"] {
                Value::Null => text(&test["reason"]),
                failure => text(&failure["kind"]),
            };
            (text(&test["test"]), text(&test["verdict"]), why)
        })
        .collect();
    let mut wrong = Vec::new();
    for (name, verdict, why) in EXPECTED {
        let found = seen.iter().find(|(test, ..)| test == name);
        if !found.is_some_and(|(_, v, w)| v == verdict && w.contains(why)) {
            wrong.push(format!("{name}: {verdict} {why} expected, {found:?} seen"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A process that dies leaves the way to its death, and each test its number of traces.
    let test = |name: &str| {
        let mut all = value["targets"].as_array().unwrap().iter();
        all.find(|t| t["test"] == name).unwrap()
    };
    let crash = &test("ends::frees_twice")["failure"];
    assert_eq!(crash["timeline"][1]["op"], "load", "{crash}");
    assert_eq!(crash["preemptions"], 1, "{crash}");
    let early = &test("time::sleep_for_a_join")["failure"]["notes"];
    assert!(early.to_string().contains("for 1000 ms"), "{early}");
    let passed = test("structures::sequence_lock");
    let (schedules, traces) = (
        passed["distinct_schedules"].as_u64().unwrap(),
        passed["distinct_traces"].as_u64().unwrap(),
    );
    assert!(1 < traces && traces < schedules, "{passed}");
    assert_eq!(seen.len(), EXPECTED.len());
}
