//! Explores an unedited cargo project: builds its tests on the runtime, runs every test under
//! controlled schedules in child processes, and explains what fails.
//!
//! The project's sources, manifests and lock file stay as they are; everything is written below
//! `target/conclint/`. What is explored is what `cargo test` would run, except doc tests. Knows no
//! output format: a run comes to an [`Outcome`], which is plain data.

mod answer;
mod attributes;
mod build;
mod crates;
mod drive;
mod job;
mod request;
mod runtime;
mod saved;
mod story;
mod temp;
mod wrapper;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use conclint_diag::explore::{Exploration, Explored, Settings};

pub use answer::{Failure, Held, Panicked, Place, Step, Stuck, Taken, TestResult};
pub use build::{BuildFailed, rank};
pub use crates::{Crates, dependencies};
pub use drive::Progress;
pub use job::{Answers, Job, JobMode, PRIVATE_CHANNEL, decode, encode};
pub use request::{Ignored, Request};
pub use runtime::{Runtime, prepare};
pub use wrapper::act_as_compiler;

use crate::story::{Callers, Texts};

/// The strategies by name, the default first.
pub const STRATEGIES: [&str; 6] = ["portfolio", "random", "pct", "pos", "bounded", "exhaustive"];

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdicts and their stories.
    pub exploration: Exploration,
    /// Source texts by the paths that the stories name.
    pub sources: BTreeMap<Arc<str>, Arc<str>>,
    /// The directory that paths of stories are relative to.
    pub root: PathBuf,
}

/// Tells the story of a result on these texts alone, by the names that they are compiled under.
/// Places outside of them become line 0 of no file and threads are numbered: a hidden test stays
/// hidden.
#[must_use]
pub fn explain(mut result: TestResult, texts: &BTreeMap<String, Vec<u8>>) -> Explored {
    let hide = |place: &mut Place| {
        if !texts.contains_key(&place.file) {
            *place = Place::default();
        }
    };
    if let Some(failure) = &mut result.failure {
        // Their names are the test's, too.
        for (number, name) in failure.threads.iter_mut().enumerate() {
            *name = match number {
                0 => "the test".to_owned(),
                number => format!("thread {number}"),
            };
        }
        failure.timeline.iter_mut().for_each(|s| hide(&mut s.place));
        failure.panics.iter_mut().for_each(|p| hide(&mut p.place));
        failure.last.iter_mut().for_each(hide);
        for stuck in &mut failure.stuck {
            hide(&mut stuck.place);
            stuck.holds.iter_mut().for_each(|h| hide(&mut h.place));
        }
    }
    story::tell(
        "",
        "",
        result,
        &mut Texts::given(texts),
        &mut Callers::unknown(),
    )
}

/// Explores what `request` asks for.
///
/// # Errors
/// [`BuildFailed`] where rustc has said why; anything else is a problem of the set-up.
pub fn run(request: &Request, progress: &dyn Progress) -> Result<Outcome> {
    let project = build::locate(request)?;
    let runtime = prepare(&request.dir, progress)?;
    let binaries = build::build(request, &project, &runtime)?;
    let results = drive::run(request, &project, &binaries, None, progress)?;
    let mut texts = Texts::new(&project.root);
    let mut tests = Vec::new();
    for (binary, answer) in results {
        let file = match answer.verdict.is_failure() {
            true => saved::of(binary, &answer, &runtime.rustc, &request.cargo_args),
            false => None,
        };
        let mut test = tell(&project, binary, answer, &mut texts);
        if let (Some(mut file), Some(failure)) = (file, &mut test.failure) {
            file.switches = story::switches(failure);
            let path = saved::save(&project, &file)
                .with_context(|| format!("cannot save the schedule of {}", file.test))?;
            failure.schedule_file = Some(saved::shown(&path, &request.dir));
        }
        tests.push(test);
    }
    let mut outcome = outcome(request, runtime, tests, texts, false);
    outcome.root = project.root;
    Ok(outcome)
}

/// The story of a test of `binary`.
fn tell(
    project: &build::Project,
    binary: &build::Binary,
    answer: TestResult,
    texts: &mut Texts,
) -> Explored {
    let mut callers = Callers::of(&binary.executable, &project.root);
    story::tell(&binary.package, &binary.target, answer, texts, &mut callers)
}

/// What a body that explored itself (`conclint_test::explored`) came to. `answer` is what its
/// runtime wrote, `test` what it calls itself; files are named from `root`.
///
/// # Errors
/// When `answer` is none.
pub fn told(answer: &str, test: &str, root: &Path) -> Result<Told> {
    let mut answer: TestResult = serde_json::from_str(answer).context("not an answer")?;
    test.clone_into(&mut answer.test);
    let schedule = answer.failure.as_ref().map(|failure| {
        let deviations = failure.deviations.iter();
        let deviations: Vec<String> = deviations
            .map(|(thread, nth, to)| format!("{thread}.{nth}.{to}"))
            .collect();
        format!("{}:{}", failure.flags, deviations.join(","))
    });
    let mut texts = Texts::new(root);
    let test = story::tell("", "", answer, &mut texts, &mut Callers::unknown());
    Ok(Told {
        outcome: Outcome {
            exploration: Exploration {
                tests: vec![test],
                // One test, and nothing about the others.
                replay: true,
                ..Exploration::default()
            },
            sources: texts.into_map(),
            root: root.to_owned(),
        },
        schedule,
    })
}

/// See [`told`].
#[derive(Clone, Debug)]
pub struct Told {
    /// The one test.
    pub outcome: Outcome,
    /// What the variable `CONCLINT_SCHEDULE` must hold to run the failing schedule again.
    pub schedule: Option<String>,
}

fn outcome(
    request: &Request,
    runtime: Runtime,
    tests: Vec<Explored>,
    texts: Texts,
    replay: bool,
) -> Outcome {
    Outcome {
        exploration: Exploration {
            rustc: runtime.rustc,
            settings: Settings {
                schedules: request.schedules,
                milliseconds: u64::try_from(request.time.as_millis()).unwrap_or(u64::MAX),
                strategy: request.strategy.clone(),
                seed: request.seed,
                max_steps: request.max_steps,
            },
            tests,
            replay,
            partition: request.partition,
            replay_arguments: replay_arguments(request),
        },
        sources: texts.into_map(),
        root: PathBuf::new(),
    }
}

/// Runs a saved schedule once more, in the project around `request.dir`.
///
/// # Errors
/// As for [`run`], and where the file is not a schedule or its test is gone.
pub fn replay(request: &Request, file: &Path, progress: &dyn Progress) -> Result<Outcome> {
    let saved = saved::load(file)?;
    let request = Request {
        cargo_args: saved.cargo_args.clone(),
        filters: vec![saved.test.clone()],
        exact: true,
        ignored: Ignored::Include,
        max_steps: saved.max_steps,
        ..request.clone()
    };
    let project = build::locate(&request)?;
    let runtime = prepare(&request.dir, progress)?;
    let mut binaries = build::build(&request, &project, &runtime)?;
    binaries.retain(|b| b.package == saved.package && b.target == saved.target);
    let fixed = drive::Fixed {
        flags: saved.flags,
        deviations: saved.deviations.clone(),
    };
    let results = drive::run(&request, &project, &binaries, Some(&fixed), progress)?;
    anyhow::ensure!(
        !results.is_empty(),
        "the test {} is gone from {} ({})",
        saved.test,
        saved.package,
        saved.target
    );
    let mut texts = Texts::new(&project.root);
    let tests = results
        .into_iter()
        .map(|(binary, answer)| {
            let lost = lost(&saved, &answer.unapplied);
            let mut test = tell(&project, binary, answer, &mut texts);
            if let Some(failure) = &mut test.failure {
                failure.unapplied = lost;
            }
            // Of a search these numbers speak; one schedule has none.
            (test.executions, test.milliseconds) = (0, 0);
            test
        })
        .collect();
    let mut outcome = outcome(&request, runtime, tests, texts, true);
    outcome.root = project.root;
    Ok(outcome)
}

fn replay_arguments(request: &Request) -> Vec<String> {
    let given = [
        ("--manifest-path", &request.manifest_path),
        ("--target-dir", &request.target_dir),
    ];
    given
        .into_iter()
        .filter_map(|(flag, path)| Some([flag.to_owned(), path.as_ref()?.display().to_string()]))
        .flatten()
        .collect()
}

/// The deviations of `saved` that were not made, in words.
fn lost(saved: &saved::Saved, unapplied: &[(u32, u32, u32)]) -> Vec<String> {
    let listed = saved.deviations.iter().enumerate();
    listed
        .filter(|(_, deviation)| unapplied.contains(deviation))
        .map(|(index, (from, nth, to))| match saved.switches.get(index) {
            Some(words) => words.clone(),
            None => format!("thread {from} gives way to thread {to} at its decision {nth}"),
        })
        .collect()
}
