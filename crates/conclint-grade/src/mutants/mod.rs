//! Small mistakes in a reference solution, one at a time, and which of them cost marks.
//!
//! A mutant is the reference with one edit of the kind that course work has (`operators`). One
//! that keeps full marks is a mistake that the hidden tests and the rubric do not see: a test is
//! missing, or nobody can tell the mutant from the reference. Then the assignment's
//! `equivalent-mutants.toml` may say why (`equivalent`).
//!
//! Edits that no schedule can tell from the reference are not made where a general rule knows
//! them: a guard used once and given up sooner, an atomic that a lock guards already, threads whose
//! end a drained channel has told of.

mod critical;
mod equivalent;
mod harmless;
mod operators;

use std::fmt;

use anyhow::{Result, ensure};

use crate::batch::{lost, run};
use crate::intake::{self, Submission};
use crate::judge::Grader;
use crate::{Assignment, Marks};

pub use operators::Mutant;

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does not compile, so it is no program.
    NoProgram,
    /// It loses these criteria.
    Killed(String),
    /// It keeps full marks, or has none: the outcome.
    Survived(&'static str),
    /// It keeps full marks, and the assignment says why.
    Equivalent(String),
}

/// A mutant and what became of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The mutant.
    pub mutant: Mutant,
    /// What became of it.
    pub fate: Fate,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mutant = &self.mutant;
        match &self.fate {
            Fate::NoProgram => write!(f, "no program {mutant}"),
            Fate::Killed(lost) => write!(f, "killed   {mutant}: {lost}"),
            Fate::Survived(outcome) => write!(f, "SURVIVES {mutant}: {outcome}"),
            Fate::Equivalent(why) => write!(f, "survives {mutant}: {why}"),
        }
    }
}

/// Every mutant of an assignment's reference, in the order of its files and lines.
///
/// # Errors
/// Where the reference cannot be read or is no Rust.
pub fn of(assignment: &Assignment) -> Result<Vec<Mutant>> {
    let reference = intake::read_one(assignment, &assignment.dir.join("reference"))?;
    if let Some(why) = &reference.refused {
        anyhow::bail!("the reference is refused: {why}");
    }
    let mut out = Vec::new();
    for (name, bytes) in &reference.files {
        if name.ends_with(".rs") {
            out.extend(operators::mutants(name, &String::from_utf8_lossy(bytes))?);
        }
    }
    Ok(out)
}

/// What the assignment's mutants came to, and entries of the ledger that explain no survivor.
#[derive(Clone, Debug)]
pub struct Report {
    /// All of them, in the order of [`of`].
    pub judged: Vec<Judged>,
    /// Entries that are not needed any more.
    pub stale: Vec<String>,
}

impl Report {
    /// How many lose marks, of how many that are programs.
    #[must_use]
    pub fn share(&self) -> (usize, usize) {
        let count = |f: fn(&Fate) -> bool| self.judged.iter().filter(|j| f(&j.fate)).count();
        let killed = count(|fate| matches!(fate, Fate::Killed(_)));
        (killed, count(|fate| *fate != Fate::NoProgram))
    }
}

/// Grades every mutant, `jobs` at a time.
///
/// # Errors
/// Where the assignment cannot be read, or the reference itself does not have full marks: then
/// that a mutant loses some says nothing.
pub fn grade(grader: &Grader, jobs: usize) -> Result<Report> {
    let assignment = &grader.assignment;
    let mutants = of(assignment)?;
    let ledger = equivalent::load(&assignment.dir.join("equivalent-mutants.toml"))?;
    let reference = intake::read_one(assignment, &assignment.dir.join("reference"))?;
    let mut submissions = vec![Submission::of("reference", reference.files.clone())];
    for (number, mutant) in mutants.iter().enumerate() {
        let mut files = reference.files.clone();
        files.insert(mutant.file.clone(), mutant.text.clone().into_bytes());
        submissions.push(Submission::of(&format!("mutant-{number:03}"), files));
    }
    let out = tempfile::tempdir()?;
    let report = run(grader, submissions, out.path(), jobs, &|_| {})?;
    let mut marks = report.batch.submissions.iter().map(|entry| &entry.marks);
    if let Some(reference) = marks.next() {
        ensure!(
            reference.points == Some(reference.max_points),
            "the reference does not have full marks: {} {}",
            reference.outcome.text(),
            lost(reference).join(", ")
        );
    }
    let mut used = vec![false; ledger.len()];
    let mut fate = |mutant: &Mutant, marks: &Marks| {
        let lost = lost(marks);
        if lost.contains(&"compiles") {
            return Fate::NoProgram;
        }
        if marks.points.is_some_and(|points| points < marks.max_points) {
            return Fate::Killed(lost.join(", "));
        }
        match ledger.iter().position(|e| e.fits(mutant)) {
            Some(at) => {
                used[at] = true;
                Fate::Equivalent(ledger[at].why.clone())
            }
            None => Fate::Survived(marks.outcome.text()),
        }
    };
    let judged = mutants
        .into_iter()
        .zip(marks)
        .map(|(mutant, marks)| Judged {
            fate: fate(&mutant, marks),
            mutant,
        })
        .collect();
    let unused = ledger.iter().zip(used).filter(|(_, used)| !used);
    Ok(Report {
        judged,
        stale: unused.map(|(entry, _)| entry.to_string()).collect(),
    })
}
