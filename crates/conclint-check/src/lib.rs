//! Everything around the analyser: finds files, reads the configuration, runs
//! front end, analysis and lints in parallel, and decides which findings are
//! shown: levels, confidence, suppressions.
//!
//! Refuses to print (that is `conclint-report`), to know how facts are made
//! (`conclint-rust`, `conclint-facts`) and to run anything of the code it
//! looks at: no cargo, no compiler, no build script.
//!
//! Same input, same [`Outcome`], whatever the number of workers.

pub mod baseline;
mod changes;
pub mod config;
mod engine;
mod error;
mod find;
mod lex;
mod macros;
mod manifests;
mod names;
mod narrow;
mod problem;
mod progress;
mod select;
mod settings;
mod suppress;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use conclint_diag::{Finding, Severity, Summary};
use conclint_lints::Lint;
use rayon::ThreadPool;
use rayon::prelude::*;

pub use conclint_rust::{ManifestInput, SourceInput};
pub use error::{ConfigError, Error, UnknownLint};
pub use find::slashes;
pub use names::{catalogue, closest, lint};
pub use problem::Problem;
pub use progress::{NoProgress, Progress, Stage};
pub use select::sort;
pub use settings::{
    BaselineFile, FailOn, GuardKind, LintSeverity, LockShape, LockType, Partition, Settings,
};

/// Syntax trees recurse, and so does what walks them.
const WORKER_STACK: usize = 64 << 20;

/// One run over files.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Files and directories; empty means the current directory.
    pub paths: Vec<PathBuf>,
    /// Where settings come from.
    pub config: config::Source,
    /// What the command line says; wins over the file.
    pub overrides: config::Overrides,
    /// Shows what the baseline knows as well.
    pub without_baseline: bool,
    /// Shows only findings that touch lines changed since this git revision.
    pub diff: Option<String>,
    /// Worker threads; `None` for as many as there are cores.
    pub jobs: Option<NonZeroUsize>,
}

/// What a run found.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Findings in a stable order; suppressed ones included, with their reason.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub summary: Summary,
    /// Source texts by the paths that findings name.
    pub sources: BTreeMap<Arc<str>, Arc<str>>,
    /// What could not be read or understood, one line each.
    pub problems: Vec<Problem>,
    /// From which severity on the run counts as failed.
    pub fail_on: FailOn,
    /// The lints that ran, by code.
    pub lints: Vec<&'static Lint>,
    /// The directory that paths of findings are relative to, absolute; empty
    /// for texts in memory.
    pub base: PathBuf,
}

impl Outcome {
    /// Sorts and counts the problems once they are complete.
    fn tidy(&mut self) {
        self.problems.sort();
        self.problems.dedup();
        self.summary.unread_files = self.problems.iter().filter(|p| p.not_read).count();
    }

    /// Whether a finding stands at or above the fail level.
    pub fn failed(&self) -> bool {
        let bar = match self.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Never => return false,
        };
        self.findings
            .iter()
            .any(|f| f.suppressed.is_none() && f.severity >= bar)
    }
}

/// Checks the files that `request` names.
pub fn check(request: &Request, progress: &dyn Progress) -> Result<Outcome, Error> {
    let mut resolved = config::resolve(request)?;
    if request.without_baseline {
        resolved.settings.baseline = None;
    }
    let pool = workers(request.jobs)?;
    progress.stage(Stage::Finding);
    let found = pool.install(|| find::find(&request.paths, &resolved.settings))?;
    if found.files.is_empty() {
        return Err(Error::NothingToCheck {
            problems: found.problems,
        });
    }
    pool.install(|| {
        progress.stage(Stage::Reading {
            files: found.files.len(),
        });
        let (texts, mut problems) =
            read_all(&found.files, resolved.settings.max_file_bytes, progress);
        problems.extend(found.problems);
        if texts.is_empty() {
            problems.sort();
            return Err(Error::NothingToCheck { problems });
        }
        let mut shown: BTreeMap<Arc<str>, Arc<str>> = found
            .shown_manifests
            .iter()
            .map(|(inner, shown)| (inner.as_str().into(), shown.as_str().into()))
            .collect();
        let mut sources = Vec::with_capacity(texts.len());
        for (file, text) in texts {
            let path: Arc<str> = Arc::from(file.inner.as_str());
            shown.insert(path.clone(), Arc::from(file.shown.as_str()));
            sources.push(SourceInput { path, text });
        }
        let narrow = narrow::Narrow::new(&resolved.settings, request.diff.clone(), &found.base)?;
        let mut outcome = run(
            sources,
            found.manifests,
            &resolved.settings,
            &shown,
            &narrow,
            progress,
        )?;
        outcome.problems.extend(problems);
        outcome.base = found.base;
        outcome.tidy();
        Ok(outcome)
    })
}

/// Checks texts in memory, on the rayon pool of the caller: run it inside
/// [`workers`] unless the texts are known to be tame. Reads no file, so a
/// baseline that `settings` name does not count.
pub fn check_sources(
    sources: Vec<SourceInput>,
    manifests: Vec<ManifestInput>,
    settings: &Settings,
) -> Outcome {
    let narrow = narrow::Narrow::default();
    let run = run(
        sources,
        manifests,
        settings,
        &BTreeMap::new(),
        &narrow,
        &NoProgress,
    );
    // Only narrowing can fail, and nothing narrows this run.
    let mut outcome = run.unwrap_or_default();
    outcome.tidy();
    outcome
}

/// A pool of workers with stacks that deep nesting does not exhaust.
pub fn workers(jobs: Option<NonZeroUsize>) -> Result<ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.map_or(0, NonZeroUsize::get))
        .stack_size(WORKER_STACK)
        .thread_name(|n| format!("conclint-{n}"))
        .build()
        .map_err(Error::Workers)
}

type Texts<'a> = Vec<(&'a find::FoundFile, Arc<str>)>;

fn read_all<'a>(
    files: &'a [find::FoundFile],
    limit: u64,
    progress: &dyn Progress,
) -> (Texts<'a>, Vec<Problem>) {
    let read: Vec<_> = files
        .par_iter()
        .map(|file| {
            let text = find::read_text(&file.absolute, limit).map(Arc::from);
            progress.file_read();
            (file, text)
        })
        .collect();
    let mut texts = Vec::with_capacity(read.len());
    let mut problems = Vec::new();
    for (file, text) in read {
        match text {
            Ok(text) => texts.push((file, text)),
            Err(reason) => problems.push(Problem::not_read(file.shown.clone(), reason)),
        }
    }
    (texts, problems)
}

/// From texts to an outcome. `shown` maps the paths the analysis works with to
/// the paths people see; a path that is absent is shown as it is.
fn run(
    sources: Vec<SourceInput>,
    manifests: Vec<ManifestInput>,
    settings: &Settings,
    shown: &BTreeMap<Arc<str>, Arc<str>>,
    narrow: &narrow::Narrow,
    progress: &dyn Progress,
) -> Result<Outcome, Error> {
    let texts: Vec<(Arc<str>, Arc<str>)> = sources
        .iter()
        .map(|s| {
            (
                shown.get(&s.path).unwrap_or(&s.path).clone(),
                s.text.clone(),
            )
        })
        .collect();
    let engine::Analysed {
        mut findings,
        mut summary,
        mut problems,
    } = engine::analyse(sources, manifests, settings, shown, progress);

    let (mut directives, unclear) = suppress::Directives::of(&texts);
    problems.extend(unclear);
    problems.extend(directives.apply(&mut findings, settings.reasons_required()));
    findings.extend(directives.unfulfilled(settings));

    let mut findings = select::shown(findings, settings, &mut summary);
    macros::group(&mut findings, &texts);
    narrow.apply(&mut findings, &texts, &mut summary)?;
    select::count(&findings, &mut summary);
    Ok(Outcome {
        findings,
        summary,
        sources: texts.into_iter().collect(),
        problems,
        fail_on: settings.fail_on,
        lints: catalogue()
            .filter(|lint| select::runs(lint, settings))
            .collect(),
        base: PathBuf::new(),
    })
}
