//! One sample run, given to every format's tests.

use std::sync::Arc;

use conclint_diag::explore::{
    Event, Exhausted, Exploration, Explored, Failure, Panicked, Place, Settings, Verdict,
};

use super::{ExploreFormat, ExploreReport};
use crate::Sources;

const SOURCE: &str = "\
fn add(value: &AtomicU64) {
    let seen = value.load(SeqCst);
    value.store(seen + 1, SeqCst);
}

#[test]
fn total() {
    let total = count();
    assert_eq!(total, 2);
}
";

pub(super) struct Sample {
    pub exploration: Exploration,
    pub sources: Sources,
}

fn place(line: u32, column: u32, function: &str) -> Place {
    Place {
        file: Arc::from("src/lib.rs"),
        line,
        column,
        function: function.to_owned(),
    }
}

fn event(thread: usize, op: &str, line: u32, note: &str) -> Event {
    Event {
        thread,
        op: op.to_owned(),
        object: "value".to_owned(),
        place: place(line, if line == 2 { 21 } else { 11 }, "add"),
        inside: None,
        note: note.to_owned(),
        deviated: false,
        preempting: false,
    }
}

fn explored(test: &str, verdict: Verdict) -> Explored {
    Explored {
        package: "counter".to_owned(),
        target: "lib".to_owned(),
        test: test.to_owned(),
        verdict,
        reason: String::new(),
        executions: 4,
        steps: 40,
        distinct: 4,
        traces: 3,
        exhausted: None,
        milliseconds: 12,
        isolated_for: String::new(),
        failure: None,
    }
}

impl Sample {
    /// A test that passes, one whose update is lost, and one that is skipped.
    pub(super) fn lost_update() -> Self {
        let mut second = event(2, "load", 2, "= 0");
        (second.deviated, second.preempting) = (true, true);
        let failure = Failure {
            explanation: "an addition is lost".to_owned(),
            message: "assertion `left == right` failed".to_owned(),
            place: Some(place(9, 5, "total")),
            threads: ["main", "thread 1", "thread 2"].map(str::to_owned).to_vec(),
            panics: vec![Panicked {
                thread: 0,
                message: "assertion `left == right` failed\n  left: 1\n right: 2".to_owned(),
                place: place(9, 5, "total"),
            }],
            timeline: vec![
                event(1, "load", 2, "= 0"),
                second,
                event(2, "store", 3, "= 1"),
                event(1, "store", 3, "= 1"),
            ],
            preemptions: 1,
            deviations: 1,
            schedule_file: Some("target/conclint/schedules/total.json".to_owned()),
            ..Failure::default()
        };
        let passed = Explored {
            exhausted: Some(Exhausted::All),
            ..explored("tests::one", Verdict::Passed)
        };
        let failed = Explored {
            failure: Some(failure),
            ..explored("tests::total", Verdict::Failed)
        };
        let skipped = Explored {
            reason: "ignored".to_owned(),
            executions: 0,
            ..explored("tests::zero", Verdict::Skipped)
        };
        Sample {
            exploration: Exploration {
                rustc: "1.95.0".to_owned(),
                settings: Settings {
                    schedules: 10_000,
                    milliseconds: 30_000,
                    strategy: "portfolio".to_owned(),
                    seed: 0,
                    max_steps: 100_000,
                },
                tests: vec![passed, failed, skipped],
                replay: false,
                partition: None,
                replay_arguments: Vec::new(),
            },
            sources: Sources::from([(Arc::from("src/lib.rs"), Arc::from(SOURCE))]),
        }
    }

    pub(super) fn render(&self, format: ExploreFormat) -> String {
        let report = ExploreReport {
            exploration: &self.exploration,
            sources: &self.sources,
            places: &crate::Places::default(),
            version: "9.9.9",
            width: 100,
        };
        let mut out = Vec::new();
        format.write(&report, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}
