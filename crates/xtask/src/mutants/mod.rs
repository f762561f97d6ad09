//! `cargo xtask mutants`: how many small mistakes in a reference solution lose marks.
//!
//! A mutant is the reference with one edit of the kind that course work has ([`operators`]). One
//! that does not compile is no program and not counted; every other one counts. Those that keep
//! full marks are listed. Where such a mutant cannot be told from the reference, the assignment's
//! `equivalent-mutants.toml` says why ([`equivalent`]); it is counted as surviving all the same.

mod critical;
mod equivalent;
mod operators;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use conclint_grade::batch::{lost, run};
use conclint_grade::build::Toolchain;
use conclint_grade::intake::Submission;
use conclint_grade::{Assignment, Grader, Spent};
use conclint_sandbox::{Sandbox, doctor};

use operators::{Mutant, mutants};

/// The share of mutants that has to lose marks, in per cent.
const BAR: usize = 95;

/// Grades mutants of the references of assignments and lists those that keep full marks
#[derive(Debug, Args)]
pub(crate) struct Mutants {
    /// Directories of assignments
    #[arg(required = true)]
    assignments: Vec<PathBuf>,

    /// Mutants at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,

    /// Only says what the mutants are
    #[arg(long)]
    list: bool,
}

/// What became of an assignment's mutants.
#[derive(Default)]
struct Tally {
    killed: usize,
    all: usize,
    /// Survivors that no ledger explains, and entries of a ledger that explain nothing.
    open: Vec<String>,
}

impl Mutants {
    pub(crate) fn run(self) -> Result<()> {
        let mut total = Tally::default();
        for dir in &self.assignments {
            let one = self.one(dir)?;
            total.killed += one.killed;
            total.all += one.all;
            total.open.extend(one.open);
        }
        if self.list {
            return Ok(());
        }
        println!("total {}", share(total.killed, total.all));
        ensure!(total.open.is_empty(), "{}", total.open.join("\n"));
        ensure!(
            total.killed * 100 >= total.all * BAR,
            "fewer than {BAR} % lose marks"
        );
        Ok(())
    }

    fn one(&self, dir: &Path) -> Result<Tally> {
        let assignment = Assignment::load(dir)?;
        let file = assignment.main_file().to_owned();
        let path = assignment.dir.join("reference").join(&file);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mutants = mutants(&text).with_context(|| format!("{}", path.display()))?;
        if self.list {
            for mutant in &mutants {
                println!("{} {mutant}", assignment.manifest.name);
            }
            return Ok(Tally::default());
        }
        let ledger = equivalent::load(&assignment.dir.join("equivalent-mutants.toml"))?;
        let name = assignment.manifest.name.clone();
        let outcomes = self.grade(assignment, &file, &mutants)?;
        let mut tally = Tally::default();
        let mut explained = vec![false; ledger.len()];
        for (mutant, outcome) in mutants.iter().zip(outcomes) {
            match outcome {
                Fate::NoProgram => continue,
                Fate::Killed(lost) => {
                    tally.killed += 1;
                    println!("killed   {name} {mutant}: {lost}");
                }
                Fate::Survived(outcome) => match ledger.iter().position(|e| e.fits(mutant)) {
                    Some(at) => {
                        explained[at] = true;
                        println!("survives {name} {mutant}: {}", ledger[at].why);
                    }
                    None => {
                        println!("SURVIVES {name} {mutant}: {outcome}");
                        tally.open.push(format!("{name}: {mutant} survives"));
                    }
                },
            }
            tally.all += 1;
        }
        for (entry, used) in ledger.iter().zip(explained) {
            if !used {
                let stale = format!("{name}: no survivor is {entry}: remove it from the ledger");
                tally.open.push(stale);
            }
        }
        println!("{name} {}", share(tally.killed, tally.all));
        Ok(tally)
    }

    fn grade(&self, assignment: Assignment, file: &str, mutants: &[Mutant]) -> Result<Vec<Fate>> {
        let launcher = std::env::current_exe()?;
        let tier = doctor(&launcher).best().context("no sandbox works here")?;
        let submissions = mutants.iter().enumerate().map(|(number, mutant)| {
            let files = [(file.to_owned(), mutant.text.clone().into_bytes())].into();
            Submission::of(&format!("mutant-{number:03}"), files)
        });
        let (work, out) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let grader = Grader {
            toolchain: Toolchain::find(&assignment)?,
            sandbox: Sandbox::new(tier, launcher),
            work: work.path().canonicalize()?,
            spent: Spent::default(),
            assignment,
        };
        let submissions: Vec<Submission> = submissions.collect();
        let report = run(&grader, submissions, out.path(), self.jobs, &|_, _, _| {})?;
        let entries = report.batch.submissions.iter();
        Ok(entries
            .map(|entry| {
                let lost = lost(&entry.marks);
                if lost.contains(&"compiles") {
                    return Fate::NoProgram;
                }
                match entry.marks.points {
                    Some(points) if points < entry.marks.max_points => {
                        Fate::Killed(lost.join(", "))
                    }
                    _ => Fate::Survived(entry.marks.outcome.text()),
                }
            })
            .collect())
    }
}

/// What became of a mutant.
enum Fate {
    /// It does not compile.
    NoProgram,
    /// It loses these criteria.
    Killed(String),
    /// It does not.
    Survived(&'static str),
}

fn share(killed: usize, all: usize) -> String {
    let percent = killed * 100 / all.max(1);
    format!("{killed} of {all} mutants lose marks ({percent} %)")
}
