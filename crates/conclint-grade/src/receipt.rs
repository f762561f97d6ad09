//! Receipts: everything a mark hangs on, so that it can be defended and made again.
//!
//! A receipt has no time and no machine in it: the same submission gets the same receipt.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::assignment::{Budget, Gate, Limits, Visibility};
use crate::batch::Graded;
use crate::evidence::{How, Kind};
use crate::judge::Grader;
use crate::rubric::Marks;

const SCHEMA: &str = "conclint/receipt/1";

/// What a mark hangs on, and the mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// `conclint/receipt/1`.
    pub schema: String,
    /// The submission's id in the batch.
    pub id: String,
    /// SHA-256 of its allow-listed files.
    pub submission: String,
    /// When it was submitted, where that is known.
    pub submitted_at: Option<String>,
    /// The assignment's name.
    pub assignment: String,
    /// SHA-256 of rubric, skeleton and hidden tests.
    pub assignment_hash: String,
    /// Version of conclint.
    pub tool: String,
    /// The compiler's release.
    pub rustc: String,
    /// The runtime under the tests: a hash of its sources and its compiler.
    pub runtime: String,
    /// 1 or 2.
    pub sandbox_tier: u8,
    /// Strategy, seeds, schedules, step bound.
    pub budget: Budget,
    /// Limits of processes.
    pub limits: Limits,
    /// What the gate let through.
    pub gate: Gate,
    /// Every test that ran, with the failing schedule.
    pub tests: Vec<Run>,
    /// The marks.
    pub marks: Marks,
}

/// A test that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The test.
    pub test: String,
    /// Once, or explored from a seed.
    pub how: How,
    /// What became of it.
    pub kind: Kind,
    /// Schedules tried.
    pub schedules: u64,
    /// What tells the failure from another; empty where there is none.
    pub fingerprint: String,
    /// Settings of the failing execution.
    pub flags: u64,
    /// The failing schedule.
    pub deviations: Vec<(u32, u32, u32)>,
}

impl Receipt {
    /// The receipt for what was graded.
    #[must_use]
    pub fn of(grader: &Grader, graded: &Graded) -> Self {
        let manifest = &grader.assignment.manifest;
        let tests = graded.evidence.tests.iter().map(|seen| {
            let story = seen.story.as_ref();
            Run {
                test: seen.test.clone(),
                how: seen.how,
                kind: seen.kind,
                schedules: seen.schedules,
                fingerprint: story.map_or(String::new(), |s| s.fingerprint.clone()),
                flags: story.map_or(0, |s| s.flags),
                deviations: story.map_or(Vec::new(), |s| s.deviations.clone()),
            }
        });
        Receipt {
            schema: SCHEMA.to_owned(),
            id: graded.submission.id.clone(),
            submission: graded.submission.hash(),
            submitted_at: graded.submission.submitted_at.clone(),
            assignment: manifest.name.clone(),
            assignment_hash: grader.assignment.hash.clone(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            rustc: grader.toolchain.runtime.rustc.clone(),
            runtime: grader.toolchain.runtime.key.clone(),
            sandbox_tier: grader.sandbox.tier.number(),
            budget: manifest.budget.clone(),
            limits: manifest.limits.clone(),
            gate: manifest.gate.clone(),
            tests: tests.collect(),
            marks: graded.marks.clone(),
        }
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// Where the file is none.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let receipt: Receipt = serde_json::from_str(&text)
            .with_context(|| format!("{} is no receipt", path.display()))?;
        if receipt.schema != SCHEMA {
            bail!("{}: {:?} is not {SCHEMA:?}", path.display(), receipt.schema);
        }
        Ok(receipt)
    }

    /// What is not the same in another receipt of the same submission, one line each. Marks do not
    /// hang on the sandbox tier: see [`Receipt::tiers`].
    #[must_use]
    pub fn differences(&self, other: &Receipt) -> Vec<String> {
        let mut out = Vec::new();
        let mut compare = |what: &str, a: String, b: String| {
            if a != b {
                out.push(format!("{what}: {a} in the receipt, {b} now"));
            }
        };
        let short = |hash: &str| hash.chars().take(16).collect::<String>();
        compare("id", self.id.clone(), other.id.clone());
        compare(
            "submission",
            short(&self.submission),
            short(&other.submission),
        );
        compare(
            "assignment",
            short(&self.assignment_hash),
            short(&other.assignment_hash),
        );
        let name = |r: &Receipt| r.assignment.clone();
        compare("name of the assignment", name(self), name(other));
        compare("conclint", self.tool.clone(), other.tool.clone());
        compare("rustc", self.rustc.clone(), other.rustc.clone());
        compare("runtime", self.runtime.clone(), other.runtime.clone());
        for ((what, then), (_, now)) in self.settings().into_iter().zip(other.settings()) {
            compare(what, then, now);
        }
        let total = |r: &Receipt| match r.marks.points {
            Some(points) => crate::text::points(points),
            None => r.marks.outcome.text().to_owned(),
        };
        compare("marks", total(self), total(other));
        let outcome = |r: &Receipt| r.marks.outcome.text().to_owned();
        compare("outcome", outcome(self), outcome(other));
        // Who sees a criterion changes with the due date, and is no part of a mark.
        let shown = |r: &Receipt| {
            let mut marks = r.marks.clone();
            for mark in &mut marks.criteria {
                mark.visibility = Visibility::Visible;
            }
            marks
        };
        if out.is_empty() && shown(self) != shown(other) {
            out.push("the marks are the same, their reasons differ".to_owned());
        }
        if out.is_empty() && self.tests != other.tests {
            out.push("the marks are the same, the failing schedules differ".to_owned());
        }
        out
    }

    /// What to say where the sandbox was another one.
    #[must_use]
    pub fn tiers(&self, other: &Receipt) -> Option<String> {
        let (then, now) = (self.sandbox_tier, other.sandbox_tier);
        (then != now)
            .then(|| format!("sandbox tier: {then} in the receipt, {now} now; no mark hangs on it"))
    }

    /// Budget, limits and gate by name, in a fixed order.
    fn settings(&self) -> [(&'static str, String); 9] {
        let Receipt {
            budget,
            limits,
            gate,
            ..
        } = self;
        [
            ("schedules", budget.schedules.to_string()),
            ("seeds", format!("{:?}", budget.seeds)),
            ("strategy", budget.strategy.clone()),
            ("max-steps", budget.max_steps.to_string()),
            ("compile-seconds", limits.compile_seconds.to_string()),
            ("run-seconds", limits.run_seconds.to_string()),
            ("compile-memory", limits.compile_memory.to_string()),
            ("run-memory", limits.run_memory.to_string()),
            ("gate", format!("{:?}", gate.allow)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rubric::{Mark, Outcome, Status};

    fn receipt() -> Receipt {
        let text = |text: &str| text.to_owned();
        Receipt {
            schema: text(SCHEMA),
            id: text("ann"),
            submission: text("00"),
            submitted_at: None,
            assignment: text("counter"),
            assignment_hash: text("11"),
            tool: text("1"),
            rustc: text("1.95.0"),
            runtime: text("22"),
            sandbox_tier: 1,
            budget: Budget {
                schedules: 300,
                seeds: vec![1, 2],
                strategy: text("portfolio"),
                max_steps: 5000,
            },
            limits: Limits::default(),
            gate: Gate::default(),
            tests: Vec::new(),
            marks: Marks {
                outcome: Outcome::Graded,
                reasons: Vec::new(),
                points: Some(1.0),
                raw_points: 1.0,
                max_points: 1.0,
                late_percent: 0.0,
                criteria: Vec::new(),
            },
        }
    }

    #[test]
    fn every_edit_is_seen() {
        type Edit = fn(&mut Receipt);
        let edits: [(&str, Edit); 10] = [
            ("id: bob", |r| "bob".clone_into(&mut r.id)),
            ("name of the assignment: x", |r| {
                "x".clone_into(&mut r.assignment)
            }),
            ("schedules: 9", |r| r.budget.schedules = 9),
            ("seeds: [3]", |r| r.budget.seeds = vec![3]),
            ("strategy: pct", |r| {
                "pct".clone_into(&mut r.budget.strategy)
            }),
            ("max-steps: 7", |r| r.budget.max_steps = 7),
            ("run-seconds: 1", |r| r.limits.run_seconds = 1),
            ("compile-memory: 1", |r| r.limits.compile_memory = 1),
            ("gate: [\"fs\"]", |r| r.gate.allow = vec!["fs".to_owned()]),
            ("outcome: failed", |r| r.marks.outcome = Outcome::Failed),
        ];
        for (said, edit) in edits {
            let mut edited = receipt();
            edit(&mut edited);
            let lines = edited.differences(&receipt());
            let [line] = lines.as_slice() else {
                panic!("{said}: {lines:?}");
            };
            assert!(
                line.starts_with(&format!("{said} in the receipt, ")),
                "{line}"
            );
        }
        assert_eq!(receipt().differences(&receipt()), [""; 0]);
    }

    #[test]
    fn a_released_criterion_is_no_difference() {
        let with = |visibility| {
            let mut receipt = receipt();
            receipt.marks.criteria = vec![Mark {
                id: "a".to_owned(),
                title: "A".to_owned(),
                status: Status::Met,
                points: Some(1.0),
                max_points: 1.0,
                extra_credit: false,
                visibility,
                reasons: Vec::new(),
            }];
            receipt
        };
        let (later, now) = (
            Visibility::AfterDueDate,
            Visibility::AfterDueDate.released(),
        );
        assert_eq!(with(now).differences(&with(later)), [""; 0]);
        let mut lost = with(now);
        lost.marks.criteria[0].status = Status::Lost;
        assert_eq!(lost.differences(&with(later)).len(), 1);
    }

    #[test]
    fn another_tier_is_told_and_no_difference() {
        let mut edited = receipt();
        edited.sandbox_tier = 2;
        assert_eq!(edited.differences(&receipt()), [""; 0]);
        let told = edited.tiers(&receipt()).unwrap();
        assert!(told.contains("2 in the receipt, 1 now"), "{told}");
        assert_eq!(receipt().tiers(&receipt()), None);
    }
}
