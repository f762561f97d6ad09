//! The command line, as data.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use conclint_check::{FailOn, Request, config};
use conclint_diag::Confidence;
use conclint_lints::Level;

use crate::explore_args::{ExploreArgs, ReplayArgs};

/// Finds concurrency bugs in Rust code.
///
/// `check` reads source files and never runs them: no cargo, no compiler, no build script.
/// `explore` builds a project and runs its tests, again and again, each time in another order of
/// threads.
#[derive(Debug, Parser)]
#[command(
    name = "conclint",
    bin_name = "conclint",
    version,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = "\
Exit codes:
  0  nothing at or above the fail level; no schedule breaks a test
  1  findings at or above the fail level; a schedule breaks a test
  2  wrong usage or configuration, a build error, or an error of conclint itself
  3  nothing to do: no Rust file was read, no test was explored")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) check: CheckArgs,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Colours in the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: When,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Looks for concurrency bugs; what `conclint` does without a command
    Check(CheckArgs),
    /// Lists every lint: code, name, severity, level
    Rules(RulesArgs),
    /// Prints the page of a lint
    Explain(ExplainArgs),
    /// Shows the configuration in effect and where each value comes from
    Config(ConfigArgs),
    /// Runs a project's tests under controlled schedules, as they are, and shows what breaks them
    Explore(Box<ExploreArgs>),
    /// Runs one saved failing schedule again
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// Form of the report
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        help_heading = "Output"
    )]
    pub(crate) format: FormatArg,

    /// Writes the report to FILE
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Worker threads; the number of cores by default
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// What to look at and what to say about it.
#[derive(Debug, Args)]
pub(crate) struct SelectArgs {
    /// Files and directories [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Runs exactly these lints, by name or code
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    select: Option<Vec<String>>,

    /// Leaves these lints out
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    ignore: Option<Vec<String>>,

    /// Which lints run: those for a gate, those that teach, those for course work
    #[arg(long, value_name = "LEVEL")]
    level: Option<LevelArg>,

    /// Shows findings of at least this confidence
    #[arg(long, value_name = "CONFIDENCE")]
    min_confidence: Option<ConfidenceArg>,

    /// Fails on findings of at least this severity
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOnArg>,

    /// Shows findings in test code as well
    #[arg(long)]
    include_tests: bool,

    /// Reads FILE instead of the nearest conclint.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SelectArgs {
    pub(crate) fn request(self, jobs: Option<NonZeroUsize>) -> Request {
        Request {
            paths: self.paths,
            config: self
                .config
                .map_or(config::Source::Nearest, config::Source::File),
            overrides: config::Overrides {
                level: self.level.map(Into::into),
                min_confidence: self.min_confidence.map(Into::into),
                fail_on: self.fail_on.map(Into::into),
                select: self.select,
                ignore: self.ignore,
                include_tests: self.include_tests.then_some(true),
            },
            jobs,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Form of the list
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: RulesFormatArg,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Name or code of a lint, `lock-order-inversion` or `CL101`
    #[arg(value_name = "LINT")]
    pub(crate) lint: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Prints it
    #[arg(long, required = true)]
    show: bool,

    #[command(flatten)]
    pub(crate) select: SelectArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

impl From<When> for anstream::ColorChoice {
    fn from(when: When) -> Self {
        match when {
            When::Auto => anstream::ColorChoice::Auto,
            When::Always => anstream::ColorChoice::Always,
            When::Never => anstream::ColorChoice::Never,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    /// Source lines with the paths drawn in
    Human,
    /// One line for each finding
    Short,
    /// The versioned document conclint/check/1
    Json,
}

impl From<FormatArg> for conclint_report::Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Human => conclint_report::Format::Human,
            FormatArg::Short => conclint_report::Format::Short,
            FormatArg::Json => conclint_report::Format::Json,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RulesFormatArg {
    Human,
    Json,
}

impl From<RulesFormatArg> for conclint_report::RulesFormat {
    fn from(arg: RulesFormatArg) -> Self {
        match arg {
            RulesFormatArg::Human => conclint_report::RulesFormat::Human,
            RulesFormatArg::Json => conclint_report::RulesFormat::Json,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelArg {
    Default,
    Pedantic,
    Grading,
}

impl From<LevelArg> for Level {
    fn from(arg: LevelArg) -> Self {
        match arg {
            LevelArg::Default => Level::Default,
            LevelArg::Pedantic => Level::Pedantic,
            LevelArg::Grading => Level::Grading,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ConfidenceArg {
    Low,
    Medium,
    High,
}

impl From<ConfidenceArg> for Confidence {
    fn from(arg: ConfidenceArg) -> Self {
        match arg {
            ConfidenceArg::Low => Confidence::Low,
            ConfidenceArg::Medium => Confidence::Medium,
            ConfidenceArg::High => Confidence::High,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOnArg {
    Error,
    Warning,
    Never,
}

impl From<FailOnArg> for FailOn {
    fn from(arg: FailOnArg) -> Self {
        match arg {
            FailOnArg::Error => FailOn::Error,
            FailOnArg::Warning => FailOn::Warning,
            FailOnArg::Never => FailOn::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Cli {
        Cli::try_parse_from(std::iter::once("conclint").chain(args.iter().copied())).unwrap()
    }

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn paths_without_a_command_are_checked() {
        let cli = parse(&[
            "src",
            "./rules",
            "--select",
            "CL101,double-lock",
            "--jobs",
            "2",
        ]);
        assert!(cli.command.is_none());
        let request = cli.check.select.request(cli.check.jobs);
        assert_eq!(
            request.paths,
            [PathBuf::from("src"), PathBuf::from("./rules")]
        );
        assert_eq!(
            request.overrides.select.as_deref(),
            Some(&["CL101".to_owned(), "double-lock".to_owned()][..])
        );
        assert_eq!(request.overrides.include_tests, None);
        assert_eq!(request.jobs.map(NonZeroUsize::get), Some(2));
    }

    #[test]
    fn colour_goes_with_every_command() {
        assert_eq!(
            parse(&["check", "--color", "never", "src"]).color,
            When::Never
        );
        assert_eq!(parse(&["--color=always"]).color, When::Always);
    }

    #[test]
    fn no_workers_is_no_answer() {
        assert!(Cli::try_parse_from(["conclint", "--jobs", "0"]).is_err());
    }
}
