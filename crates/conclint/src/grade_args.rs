//! The command line of `conclint grade`, as data.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use conclint_grade::exporters::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum GradeCommand {
    /// Grades submissions into a directory; run it again to resume
    #[command(after_help = "\
Exit codes:
  0  every submission has an outcome
  2  wrong usage or configuration, or an error of conclint itself
  4  some submissions need a human")]
    Run(RunArgs),
    /// Checks an assignment with its reference, starter, known-bad submissions and tests
    #[command(after_help = "\
Exit codes:
  0  all is as it should be; small mistakes (--mutants) may keep full marks
  1  a line says BAD: a submission does not get the marks that it should, a test does not
     compile, fails with the reference or is named by no criterion
  2  wrong usage or configuration, or an error of conclint itself")]
    CheckAssignment(CheckAssignmentArgs),
    /// Grades the submission of a receipt once more and compares
    Replay(ReplayArgs),
    /// Writes marks in the form of another system
    #[command(after_help = "\
Exit codes:
  0  every mark is written
  2  wrong usage or configuration, or an error of conclint itself
  4  some marks have no row in the template: they are named")]
    Export(ExportArgs),
    /// Says how strongly this machine can isolate submissions, and why
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct TierArgs {
    /// Refuses to run in a weaker sandbox: 1 bubblewrap, 2 Landlock
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) require_tier: Option<u8>,

    /// Runs in this sandbox, not in the strongest there is
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) tier: Option<u8>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Directory of the assignment
    #[arg(value_name = "ASSIGNMENT")]
    pub(crate) assignment: PathBuf,

    /// Folder or archive of submissions, or Gradescope's /autograder
    #[arg(value_name = "SUBMISSIONS")]
    pub(crate) submissions: PathBuf,

    /// Where marks, feedback and receipts are written
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Shows students the criteria that they see after the due date; the clock is never asked
    #[arg(long)]
    pub(crate) released: bool,

    /// Submissions at a time; the number of cores by default
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) tier: TierArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckAssignmentArgs {
    /// Directory of the assignment
    #[arg(value_name = "ASSIGNMENT")]
    pub(crate) assignment: PathBuf,

    /// Also grades the reference with one small mistake at a time, and lists them: first those that
    /// keep full marks, a test is missing for each, then the others with the tests that see them
    #[arg(long)]
    pub(crate) mutants: bool,

    #[command(flatten)]
    pub(crate) tier: TierArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// A receipt.json
    #[arg(value_name = "RECEIPT")]
    pub(crate) receipt: PathBuf,

    /// Directory of the assignment; by default the one that the run used
    #[arg(long, value_name = "DIR")]
    pub(crate) assignment: Option<PathBuf>,

    /// The submission; by default the files kept beside the receipt
    #[arg(long, value_name = "PATH")]
    pub(crate) submission: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) tier: TierArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The directory that was graded into
    #[arg(value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The other system
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: FormatArg,

    /// Exports one submission, by its id; systems that take one at a time need it
    #[arg(long, value_name = "ID")]
    pub(crate) submission: Option<String>,

    /// A file downloaded from the system that is to be filled in (Canvas, Moodle)
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,

    /// Shows students the criteria that they see after the due date; the clock is never asked
    #[arg(long)]
    pub(crate) released: bool,

    /// Writes to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    /// results.json of Gradescope
    Gradescope,
    /// results.json of PrairieLearn
    Prairielearn,
    /// Last lines of Autolab's output; its problems are the criteria's ids, `not-shown`, `lateness`
    Autolab,
    /// results.json of Exercism, version 3
    Exercism,
    /// One object a line for MarkUs
    Markus,
    /// Objects for CodeGrade's file descriptor 3
    Codegrade,
    /// JUnit XML
    Junit,
    /// Gradebook of Canvas
    Canvas,
    /// Gradebook import of Moodle
    Moodle,
    /// Plain table
    Csv,
    /// The document conclint/marks/1
    Json,
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Gradescope => Format::Gradescope,
            FormatArg::Prairielearn => Format::PrairieLearn,
            FormatArg::Autolab => Format::Autolab,
            FormatArg::Exercism => Format::Exercism,
            FormatArg::Markus => Format::MarkUs,
            FormatArg::Codegrade => Format::CodeGrade,
            FormatArg::Junit => Format::JUnit,
            FormatArg::Canvas => Format::Canvas,
            FormatArg::Moodle => Format::Moodle,
            FormatArg::Csv => Format::Csv,
            FormatArg::Json => Format::Json,
        }
    }
}
