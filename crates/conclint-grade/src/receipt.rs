//! Receipts: everything a mark hangs on, so that it can be defended and made again.
//!
//! A receipt has no time and no machine in it: the same submission gets the same receipt.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::assignment::{Budget, Gate, Limits};
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

    /// What is not the same in another receipt of the same submission, one line each. The sandbox
    /// tier may differ: marks do not hang on it.
    #[must_use]
    pub fn differences(&self, other: &Receipt) -> Vec<String> {
        let mut out = Vec::new();
        let mut compare = |what: &str, a: String, b: String| {
            if a != b {
                out.push(format!("{what}: {a} in the receipt, {b} now"));
            }
        };
        let short = |hash: &str| hash.chars().take(16).collect::<String>();
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
        compare("conclint", self.tool.clone(), other.tool.clone());
        compare("rustc", self.rustc.clone(), other.rustc.clone());
        compare("runtime", self.runtime.clone(), other.runtime.clone());
        let total = |r: &Receipt| match r.marks.points {
            Some(points) => crate::text::points(points),
            None => r.marks.outcome.text().to_owned(),
        };
        compare("marks", total(self), total(other));
        if out.is_empty() && self.marks != other.marks {
            out.push("the marks are the same, their reasons differ".to_owned());
        }
        if out.is_empty() && self.tests != other.tests {
            out.push("the marks are the same, the failing schedules differ".to_owned());
        }
        out
    }
}
