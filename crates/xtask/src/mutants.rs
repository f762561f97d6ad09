//! `cargo xtask mutants`: how many small mistakes in a reference solution lose marks.
//!
//! What a mutant is, and what becomes of it, is `conclint_grade::mutants`; here are the bar and the
//! list over several assignments. A survivor that `equivalent-mutants.toml` explains is counted as
//! surviving all the same.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use conclint_grade::build::Toolchain;
use conclint_grade::mutants::{Fate, grade, of};
use conclint_grade::{Assignment, Grader, Spent};
use conclint_sandbox::{Sandbox, doctor};

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
        let name = assignment.manifest.name.clone();
        if self.list {
            for mutant in of(&assignment)? {
                println!("{name} {mutant}");
            }
            return Ok(Tally::default());
        }
        let launcher = std::env::current_exe()?;
        let tier = doctor(&launcher).best().context("no sandbox works here")?;
        let work = tempfile::tempdir()?;
        let grader = Grader {
            toolchain: Toolchain::find(&assignment)?,
            sandbox: Sandbox::new(tier, launcher),
            work: work.path().canonicalize()?,
            spent: Spent::default(),
            assignment,
        };
        let report = grade(&grader, self.jobs).with_context(|| name.clone())?;
        let mut open: Vec<String> = Vec::new();
        for judged in &report.judged {
            match judged.fate {
                Fate::NoProgram => continue,
                Fate::Survived(_) => open.push(format!("{name}: {} survives", judged.mutant)),
                Fate::Killed(_) | Fate::Equivalent(_) => {}
            }
            println!("{name} {judged}");
        }
        let stale = report.stale.iter();
        open.extend(
            stale.map(|e| format!("{name}: no survivor is {e}: remove it from the ledger")),
        );
        let (killed, all) = report.share();
        println!("{name} {}", share(killed, all));
        Ok(Tally { killed, all, open })
    }
}

fn share(killed: usize, all: usize) -> String {
    let percent = killed * 100 / all.max(1);
    format!("{killed} of {all} mutants lose marks ({percent} %)")
}
