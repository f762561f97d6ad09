//! The command line, as data.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use conclint_check::{FailOn, Partition, Request, config};
use conclint_diag::Confidence;
use conclint_lints::Level;
use conclint_report::Format;

use crate::explore_args::{ExploreArgs, ReplayArgs};
use crate::grade_args::GradeCommand;

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
  3  nothing to do: no Rust file was read, no test was explored
  4  grade: some submissions need a human")]
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
    /// Draws what a body that explored itself came to; `conclint_test::explored` calls it
    #[command(hide = true)]
    Tell(TellArgs),
    /// Marks submissions to an assignment, safely and so that every mark can be defended
    #[command(subcommand)]
    Grade(GradeCommand),
    /// Writes down, checks or shortens the list of known findings
    Baseline(BaselineArgs),
    /// Puts the reports of the parts of a run together
    Merge(MergeArgs),
    /// Sets conclint up in a package: configuration, test, CI
    Init(InitArgs),
    /// Prints completions for a shell
    Completions(CompletionsArgs),
    /// Prints the manual page
    Man,
    /// Prints the JSON schema of a file that conclint reads or writes
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,

    #[command(flatten)]
    narrow: NarrowArgs,

    /// Worker threads; the number of cores by default
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    // Last: its heading goes on to what follows.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl CheckArgs {
    /// What to check, and how to report it.
    pub(crate) fn split(self) -> (Request, OutputArgs) {
        let mut request = self.select.request(self.jobs);
        request.diff = self.narrow.diff;
        request.overrides.baseline = self.narrow.baseline;
        request.overrides.partition = self.narrow.partition;
        (request, self.output)
    }
}

/// Which of the findings matter now.
#[derive(Debug, Args)]
struct NarrowArgs {
    /// Leaves out the findings that FILE knows, see `conclint baseline`
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Shows only findings with a step on a line changed since this git revision
    #[arg(long, value_name = "REV")]
    diff: Option<String>,

    /// Runs one of N parts of the lints; `conclint merge` puts the parts together
    #[arg(long, value_name = "K/N")]
    partition: Option<Partition>,
}

/// In which forms the report is written, and where to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Form of the report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: FormatArg,

    /// Writes the report to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Writes the report to FILE as well, in this form; as often as needed
    #[arg(long, value_name = "FORMAT=FILE", value_parser = also)]
    pub(crate) also: Vec<Also>,
}

/// One more report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Also {
    pub(crate) format: Format,
    pub(crate) file: PathBuf,
}

fn also(text: &str) -> Result<Also, String> {
    let names = || Format::ALL.map(Format::name).join(", ");
    let (name, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or_else(|| "reads FORMAT=FILE, such as sarif=conclint.sarif".to_owned())?;
    let format = Format::of_name(name)
        .ok_or_else(|| format!("`{name}` is no format; there are {}", names()))?;
    let file = PathBuf::from(file);
    Ok(Also { format, file })
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
                baseline: None,
                partition: None,
            },
            diff: None,
            without_baseline: false,
            jobs,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct BaselineArgs {
    #[command(subcommand)]
    pub(crate) action: BaselineAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineAction {
    /// Writes all findings down; refuses where a count of the old file would rise
    Write {
        /// Lets counts rise
        #[arg(long)]
        force: bool,

        #[command(flatten)]
        file: BaselineFileArgs,
    },
    /// Fails where something is found that is not written down, or written
    /// down and no longer found
    Check(BaselineFileArgs),
    /// Takes out what is no longer found
    Prune(BaselineFileArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BaselineFileArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// The file [default: as configured, else conclint-baseline.toml beside the
    /// configuration or in the directory given]
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Reports that `conclint check --partition K/N --format json` wrote
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Fails on findings of at least this severity
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOnArg>,

    /// Reads FILE instead of the nearest conclint.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl MergeArgs {
    /// Whose settings say what counts as failed.
    pub(crate) fn request(&self) -> Request {
        let config = self.config.clone();
        let mut request = Request {
            config: config.map_or(config::Source::Nearest, config::Source::File),
            ..Request::default()
        };
        request.overrides.fail_on = self.fail_on.map(Into::into);
        request
    }
}

#[derive(Debug, Args)]
pub(crate) struct TellArgs {
    /// The name of the test around the body
    #[arg(long, value_name = "NAME")]
    pub(crate) test: String,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The directory of the package or workspace
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Writes a file for this CI as well
    #[arg(long, value_name = "CI")]
    pub(crate) ci: Option<CiArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CiArg {
    /// .github/workflows/conclint.yml
    Github,
    /// .gitlab/conclint.yml, to be included from .gitlab-ci.yml
    Gitlab,
    /// conclint-slurm.sh, a job array for a batch cluster
    Slurm,
    /// conclint-kubernetes.yaml, an indexed Job
    Kubernetes,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Of what
    #[arg(value_name = "FILE")]
    pub(crate) of: SchemaArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaArg {
    /// conclint.toml
    Config,
    /// conclint/check/1, what check --format json writes
    Check,
    /// conclint/explore/1, what explore --format json writes
    Explore,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Under GitHub Actions github, under GitLab CI gitlab, else human
    Auto,
    /// Source lines with the paths drawn in
    Human,
    /// One line for each finding
    Short,
    /// The versioned document conclint/check/1
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations and step summary of GitHub Actions
    Github,
    /// GitLab Code Quality
    Gitlab,
    /// JUnit XML
    Junit,
    /// The messages of cargo check, for rust-analyzer and other editors
    CargoJson,
    /// reviewdog's rdjson
    Rdjson,
    /// Markdown
    Markdown,
}

impl FormatArg {
    /// The format meant; `env` gives the value of an environment variable.
    pub(crate) fn resolve(self, env: impl Fn(&str) -> Option<String>) -> Format {
        let set = |name| env(name).is_some_and(|value| value == "true");
        match self {
            FormatArg::Auto if set("GITHUB_ACTIONS") => Format::Github,
            FormatArg::Auto if set("GITLAB_CI") => Format::Gitlab,
            FormatArg::Auto | FormatArg::Human => Format::Human,
            FormatArg::Short => Format::Short,
            FormatArg::Json => Format::Json,
            FormatArg::Sarif => Format::Sarif,
            FormatArg::Github => Format::Github,
            FormatArg::Gitlab => Format::Gitlab,
            FormatArg::Junit => Format::Junit,
            FormatArg::CargoJson => Format::CargoJson,
            FormatArg::Rdjson => Format::Rdjson,
            FormatArg::Markdown => Format::Markdown,
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
        let (request, _) = cli.check.split();
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
    fn every_format_can_be_asked_for_and_auto_looks_around() {
        let none = |_: &str| None;
        for format in Format::ALL {
            let cli = parse(&["--format", format.name()]);
            assert_eq!(cli.check.output.format.resolve(none), format);
        }
        let auto = |name: &'static str, value: &'static str| {
            FormatArg::Auto.resolve(move |n| (n == name).then(|| value.to_owned()))
        };
        assert_eq!(auto("GITHUB_ACTIONS", "true"), Format::Github);
        assert_eq!(auto("GITLAB_CI", "true"), Format::Gitlab);
        assert_eq!(auto("GITHUB_ACTIONS", ""), Format::Human);
        assert_eq!(auto("HOME", "/"), Format::Human);
    }

    #[test]
    fn several_reports_at_once() {
        let cli = parse(&["--also", "sarif=a.sarif", "--also", "junit=b=c.xml"]);
        let file = |at: usize| cli.check.output.also[at].file.to_str().unwrap();
        assert_eq!((file(0), file(1)), ("a.sarif", "b=c.xml"));
        for wrong in ["sarif", "sarif=", "xml=a", "auto=a"] {
            assert!(
                Cli::try_parse_from(["conclint", "--also", wrong]).is_err(),
                "{wrong}"
            );
        }
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
