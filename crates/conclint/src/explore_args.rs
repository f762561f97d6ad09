//! The command lines of `explore` and `replay`, as data: what `cargo test`
//! understands, and what the search can be told.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use conclint_check::Partition;
use conclint_explore::{Ignored, Request, STRATEGIES};

use crate::Failure;
use crate::args::OutputArgs;
use crate::exit;

/// Explores what `cargo test` would run, and the `main` of binaries.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing in the project is changed; everything is written below target/conclint/. A failing
schedule is saved there, and `conclint replay FILE` runs it again.")]
pub(crate) struct ExploreArgs {
    /// Only tests whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,

    #[command(flatten)]
    search: SearchArgs,

    #[command(flatten)]
    select: TestArgs,

    /// Explores one of N parts of the tests; `conclint merge` puts the parts together
    #[arg(long, value_name = "K/N", help_heading = "Tests")]
    partition: Option<Partition>,

    #[command(flatten)]
    project: ProjectArgs,

    #[command(flatten)]
    build: BuildArgs,

    /// Only builds the runtime for the compiler in use, ahead of the first run
    #[arg(long)]
    pub(crate) prepare: bool,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    /// The same for tests after `--`, as for `cargo test`: filters, --exact, --skip, --ignored
    #[arg(last = true, value_name = "TEST ARGUMENTS")]
    harness: Vec<String>,
}

/// How to search.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
struct SearchArgs {
    /// Most schedules to try for each test
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    schedules: u64,

    /// Most time for each test: 30s, 500ms, 2m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    time: Duration,

    /// How schedules are chosen: portfolio, random, pct, pos, bounded or exhaustive
    #[arg(long, value_name = "STRATEGY", default_value = STRATEGIES[0])]
    strategy: String,

    /// What runs the threads; there is only conclint's own engine
    #[arg(long, value_name = "ENGINE", default_value = ENGINE)]
    engine: String,

    /// When sleeps and timeouts end: early, also while other threads could move; or when due
    #[arg(long, value_name = "WHEN", default_value = "early", value_parser = ["early", "due"])]
    timeouts: String,

    /// Where the random strategies begin
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Operations in one schedule before a fair scheduler takes over
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..))]
    max_steps: u64,

    /// Tests explored at a time; the number of cores by default
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Goes on after the first test that fails
    #[arg(long, visible_alias = "no-fail-fast")]
    keep_going: bool,
}

/// The only engine.
const ENGINE: &str = "builtin";

/// Which tests, in the words of the test harness.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Tests")]
struct TestArgs {
    /// Filters are whole names
    #[arg(long)]
    exact: bool,

    /// Leaves out tests whose name contains this
    #[arg(long, value_name = "FILTER")]
    skip: Vec<String>,

    /// Explores only the ignored tests
    #[arg(long)]
    ignored: bool,

    /// Explores the ignored tests too
    #[arg(long)]
    include_ignored: bool,
}

/// What may follow `--`.
#[derive(Debug, Parser)]
#[command(name = "--", no_binary_name = true, disable_help_flag = true)]
struct Harness {
    filters: Vec<String>,

    #[command(flatten)]
    select: TestArgs,

    /// Threads are scheduled here, and output is not captured but dropped.
    #[arg(long, hide = true, value_name = "N")]
    test_threads: Option<u32>,

    #[arg(long, visible_alias = "no-capture", hide = true)]
    nocapture: bool,
}

/// Where the project is, and where to write.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Project")]
struct ProjectArgs {
    /// The manifest of the project
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,

    /// Where to write instead of target/
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

/// What to build, in the words of `cargo test`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Cargo")]
struct BuildArgs {
    /// Only this package
    #[arg(short, long, value_name = "SPEC")]
    package: Vec<String>,

    /// All packages of the workspace
    #[arg(long, visible_alias = "all")]
    workspace: bool,

    /// Leaves out a package
    #[arg(long, value_name = "SPEC")]
    exclude: Vec<String>,

    /// Only the library's unit tests
    #[arg(long)]
    lib: bool,

    /// Only binaries
    #[arg(long)]
    bins: bool,

    /// Only this binary
    #[arg(long, value_name = "NAME")]
    bin: Vec<String>,

    /// Only targets with tests
    #[arg(long)]
    tests: bool,

    /// Only this integration test
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,

    /// Only examples
    #[arg(long)]
    examples: bool,

    /// Only this example
    #[arg(long, value_name = "NAME")]
    example: Vec<String>,

    /// All targets
    #[arg(long)]
    all_targets: bool,

    /// Features to turn on
    #[arg(short = 'F', long, value_name = "FEATURES")]
    features: Vec<String>,

    /// Turns all features on
    #[arg(long)]
    all_features: bool,

    /// Turns the default features off
    #[arg(long)]
    no_default_features: bool,

    /// Builds with optimisation
    #[arg(short, long)]
    release: bool,

    /// Builds with this profile
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,

    /// Does not use the network
    #[arg(long)]
    offline: bool,

    /// The lock file must be up to date
    #[arg(long)]
    locked: bool,

    /// Both of these
    #[arg(long)]
    frozen: bool,

    /// Overrides a value of cargo's configuration
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
}

impl BuildArgs {
    /// The arguments as cargo takes them.
    fn into_arguments(self) -> Vec<String> {
        let mut out = Vec::new();
        let flags = [
            (self.workspace, "--workspace"),
            (self.lib, "--lib"),
            (self.bins, "--bins"),
            (self.tests, "--tests"),
            (self.examples, "--examples"),
            (self.all_targets, "--all-targets"),
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
            (self.release, "--release"),
            (self.offline, "--offline"),
            (self.locked, "--locked"),
            (self.frozen, "--frozen"),
        ];
        let set = flags.into_iter().filter(|(set, _)| *set);
        out.extend(set.map(|(_, flag)| flag.to_owned()));
        let lists = [
            (self.package, "--package"),
            (self.exclude, "--exclude"),
            (self.bin, "--bin"),
            (self.test, "--test"),
            (self.example, "--example"),
            (self.features, "--features"),
            (self.profile.into_iter().collect(), "--profile"),
            (self.config, "--config"),
        ];
        for (values, flag) in lists {
            for value in values {
                out.extend([flag.to_owned(), value]);
            }
        }
        out
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// A schedule that `conclint explore` saved
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    project: ProjectArgs,
}

impl ReplayArgs {
    pub(crate) fn request(&self) -> Request {
        Request {
            manifest_path: self.project.manifest_path.clone(),
            target_dir: self.project.target_dir.clone(),
            ..Request::default()
        }
    }
}

impl ExploreArgs {
    /// What to explore, and how.
    pub(crate) fn request(self) -> Result<Request, Failure> {
        let mut select = self.select;
        let mut filters = self.filters;
        if !self.harness.is_empty() {
            let usage =
                |error: clap::Error| Failure::Message(first_line(&error.to_string()), exit::ERROR);
            let more = Harness::try_parse_from(self.harness).map_err(usage)?;
            filters.extend(more.filters);
            select.exact |= more.select.exact;
            select.skip.extend(more.select.skip);
            select.ignored |= more.select.ignored;
            select.include_ignored |= more.select.include_ignored;
        }
        let search = self.search;
        if !STRATEGIES.contains(&search.strategy.as_str()) {
            return Err(unknown("strategy", &search.strategy, &STRATEGIES));
        }
        if search.engine != ENGINE {
            return Err(unknown("engine", &search.engine, &[ENGINE]));
        }
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Request {
            cargo_args: self.build.into_arguments(),
            manifest_path: self.project.manifest_path,
            target_dir: self.project.target_dir,
            filters,
            exact: select.exact,
            skip: select.skip,
            ignored: match (select.ignored, select.include_ignored) {
                (_, true) => Ignored::Include,
                (true, false) => Ignored::Only,
                (false, false) => Ignored::Skip,
            },
            schedules: search.schedules,
            time: search.time,
            max_steps: search.max_steps,
            timeouts_when_due: search.timeouts == "due",
            strategy: search.strategy,
            seed: search.seed,
            jobs: search.jobs.map_or(cores, NonZeroUsize::get),
            keep_going: search.keep_going,
            partition: self.partition.map(Partition::number_and_count),
            ..Request::default()
        })
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// Says what there is, and what was probably meant.
fn unknown(what: &str, given: &str, known: &[&str]) -> Failure {
    let near = known
        .iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = near.map_or(String::new(), |(_, name)| format!("; did you mean {name}?"));
    Failure::Message(
        format!(
            "there is no {what} {given:?}{hint} (there is: {})",
            known.join(", ")
        ),
        exit::ERROR,
    )
}

/// `30s`, `500ms`, `2m`, `1h`, or seconds without a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit.trim() {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is a number with ms, s, m or h".to_owned()),
    };
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| "a time is a number with ms, s, m or h".to_owned())?;
    Duration::try_from_secs_f64(number * factor)
        .ok()
        .filter(|d| *d > Duration::ZERO && *d < Duration::from_secs(1 << 32))
        .ok_or_else(|| "no such time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        explore: ExploreArgs,
    }

    fn request(line: &str) -> Request {
        let line = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace()));
        match line.unwrap().explore.request() {
            Ok(request) => request,
            Err(_) => panic!("refused"),
        }
    }

    #[test]
    fn as_cargo_test_takes_them() {
        let r = request("-p a --test=b -F x,y add --release -- --exact --skip slow -- other");
        let expected = "--release --package a --test b --features x,y";
        assert_eq!(r.cargo_args.join(" "), expected);
        assert_eq!(r.filters, ["add", "other"]);
        assert!(r.exact);
        assert_eq!(r.skip, ["slow"]);
        assert_eq!(r.ignored, Ignored::Skip);
        assert_eq!(request("--ignored").ignored, Ignored::Only);
        assert_eq!(request("-- --include-ignored").ignored, Ignored::Include);
    }

    #[test]
    fn times() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "-1s", "1y", "0", "NaN", "inf", "1e300h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused_with_a_suggestion() {
        let line = Line::try_parse_from(["x", "--strategy", "exaustive"]).unwrap();
        let Err(Failure::Message(text, code)) = line.explore.request() else {
            panic!("taken");
        };
        assert!(text.contains("did you mean exhaustive?"), "{text}");
        assert_eq!(code, exit::ERROR);
    }
}
