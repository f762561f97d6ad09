//! One execution of a test under settings, and what tells one failure from another.

use conclint_schedule::Strategy;

use super::Test;
use crate::exec::{self, End, Outcome, Runner, Settings};
use crate::interpose::real_millis;

/// The step bound of a test for which the usual one is too small, and how many more steps a fair
/// scheduler may then take.
pub(super) const LONG: u64 = 4_000_000;
const LONG_FAIR: u64 = 400_000_000;
/// An execution may take so long even where a test's time is shorter.
const EXECUTION_MS: u64 = 20_000;

/// Bit of a schedule's flags: timeouts fire although others can move.
pub(crate) const EARLY: u64 = 1;
/// Bit of a schedule's flags: scheduling points after what others can see.
pub(super) const AFTER: u64 = 2;

/// Bit of a schedule's flags: waits on condition variables return without a notification.
pub(super) const SPURIOUS: u64 = 4;

/// The flags of an execution that is sampled. All bits are the exception, not the rule.
pub(super) fn flags_for(execution: u64) -> u64 {
    match execution % 16 {
        3 | 11 => EARLY,
        5 | 13 => AFTER,
        7 | 15 => EARLY | AFTER,
        9 => SPURIOUS,
        _ => 0,
    }
}

/// The flags of a phase of the systematic search.
pub(super) fn flags_of_phase(phase: u32) -> u64 {
    match phase {
        0 => 0,
        1 => AFTER,
        _ => AFTER | EARLY | SPURIOUS,
    }
}

pub(super) fn settings(flags: u64, max_steps: u64, trace: bool) -> Settings {
    Settings {
        max_steps,
        fair_steps: if max_steps < LONG {
            max_steps
        } else {
            LONG_FAIR
        },
        deadline: real_millis() + EXECUTION_MS,
        early_timers: flags & EARLY != 0,
        points_after: flags & AFTER != 0,
        spurious: flags & SPURIOUS != 0,
        trace,
    }
}

/// Installs the hook that keeps panics of executions to itself.
pub(super) fn quiet() {
    std::panic::set_hook(Box::new(|info| {
        let text = exec::text_of(info.payload());
        let at = info.location();
        exec::panicked(text, at.map(|l| (l.file(), l.line(), l.column())));
    }));
}

/// One execution of a test in this process.
pub(super) fn once(
    test: &Test,
    strategy: &mut (dyn Strategy + 'static),
    settings: Settings,
) -> Outcome {
    quiet();
    strategy.begin(0);
    Runner::default().run(strategy, settings, test.thread(), body(test))
}

pub(super) fn body(test: &Test) -> Box<dyn FnOnce()> {
    let body = test.body.clone();
    Box::new(move || {
        if let Err(message) = body() {
            panic!("{message}");
        }
    })
}

/// What tells one panic from another.
pub(super) fn panic(outcome: &Outcome) -> String {
    let at = outcome.panics.first();
    let at = at.map(|p| format!("{}:{}", p.file, p.line));
    format!("panic {}", at.unwrap_or_default())
}

/// What tells one failure from another; `None` where the test passed.
pub(super) fn fingerprint(test: &Test, outcome: &Outcome) -> Option<String> {
    match (&outcome.end, &test.should_panic) {
        (End::Finished, None) => None,
        (End::Finished, Some(_)) => Some("no-panic".to_owned()),
        (End::Panicked, Some(_)) if outcome.payload.is_none() => Some("unwinding".to_owned()),
        (End::Panicked, Some(expected)) => {
            // As libtest does: what was caught counts, which need not be what the hook saw.
            let said = outcome.payload.as_deref().unwrap_or_default();
            match expected {
                Some(expected) if !said.contains(expected.as_str()) => Some("wrong-panic".into()),
                _ => None,
            }
        }
        (End::Panicked, None) => Some(panic(outcome)),
        (End::Deadlock, _) => {
            let mut lines: Vec<String> = outcome
                .stuck
                .iter()
                .map(|s| format!("{} {}", s.kind.text(), s.at))
                .collect();
            lines.sort();
            Some(format!("deadlock {}", lines.join(", ")))
        }
        (End::Exited(0, _), None) if test.name == "main" => None,
        (End::Exited(code, at), _) => Some(format!("process::exit({code}) at {at}")),
        (End::TooLong { livelock: true }, _) => Some("livelock".to_owned()),
        (End::TooLong { livelock: false }, _) => Some("long".to_owned()),
        (End::Broken(why), _) => Some(format!("broken {why}")),
    }
}
