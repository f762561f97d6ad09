//! The one place that calls front end, analysis and lints.

use std::collections::BTreeMap;
use std::sync::Arc;

use conclint_diag::{Finding, Summary, Unparsed};
use conclint_facts::{Analysis, Program, Unread};
use conclint_rust::{GuardWrap, Input, LockTypeConfig, ManifestInput, SourceInput};

use crate::progress::{Progress, Stage};
use crate::settings::{GuardKind, LockShape, LockType};
use crate::{Partition, Problem, Settings, names, select};

/// What front end, analysis and lints have to say.
pub(crate) struct Analysed {
    /// As the lints report them, with the paths that people see.
    pub(crate) findings: Vec<Finding>,
    /// What was looked at; findings are not counted yet.
    pub(crate) summary: Summary,
    /// What was not understood.
    pub(crate) problems: Vec<Problem>,
}

/// From texts to findings.
pub(crate) fn analyse(
    sources: Vec<SourceInput>,
    manifests: Vec<ManifestInput>,
    settings: &Settings,
    shown: &BTreeMap<Arc<str>, Arc<str>>,
    progress: &dyn Progress,
) -> Analysed {
    progress.stage(Stage::Parsing);
    let lock_types = settings.lock_types.iter().map(lock_type).collect();
    let (program, leftovers) = conclint_rust::read(Input {
        sources,
        manifests,
        lock_types,
    });

    let mut summary = Summary {
        files: program.files.len(),
        lines: program.files.iter().map(|file| file.lines as usize).sum(),
        partition: settings.partition.map(Partition::number_and_count),
        unparsed: unparsed(&program, shown),
        ..Summary::default()
    };
    let mut problems = remarks(&summary.unparsed);
    problems.extend(program.problems.iter().map(|problem| {
        let file = shown
            .get(problem.path.as_str())
            .map_or(problem.path.as_str(), |path| &**path);
        Problem {
            line: Some(problem.line),
            ..Problem::not_read(file, &*problem.message)
        }
    }));

    progress.stage(Stage::Linking);
    let analysis = Analysis::of(program);
    let counts = analysis.counts();
    summary.locks = counts.locks;
    summary.acquisitions = counts.acquisitions;
    summary.spawns = counts.spawns;
    summary.unresolved_calls_under_lock = counts.unresolved_calls_under_lock;
    summary.cut_chains = counts.dropped_chains;

    progress.stage(Stage::Linting);
    let lints = names::catalogue()
        .filter(|lint| select::runs(lint, settings))
        .collect();
    let orders = settings.lock_orders.clone();
    let asked = conclint_lints::Settings {
        lints,
        orders,
        level: settings.level,
        excuses: settings.excuses,
    };
    let mut findings = conclint_lints::run(&analysis, &asked);
    // A finding that points nowhere could not be shown to anyone.
    findings.retain(|f| f.paths.first().is_some_and(|path| !path.steps.is_empty()));
    for step in findings
        .iter_mut()
        .flat_map(|f| &mut f.paths)
        .flat_map(|path| &mut path.steps)
    {
        if let Some(path) = shown.get(&step.span.file) {
            step.span.file = path.clone();
        }
    }
    // Nobody needs to wait for that.
    rayon::spawn(move || drop((analysis, leftovers)));
    Analysed {
        findings,
        summary,
        problems,
    }
}

fn lock_type(lock: &LockType) -> LockTypeConfig {
    LockTypeConfig {
        path: lock.path.clone(),
        shape: match lock.shape {
            LockShape::Mutex => conclint_facts::LockShape::Mutex,
            LockShape::Rwlock => conclint_facts::LockShape::RwLock,
        },
        guard: match lock.guard {
            GuardKind::Plain => GuardWrap::Plain,
            GuardKind::Result => GuardWrap::Result,
            GuardKind::Future => GuardWrap::Future,
        },
        reentrant: lock.reentrant,
    }
}

/// All that was not understood, by file and line.
fn unparsed(program: &Program, shown: &BTreeMap<Arc<str>, Arc<str>>) -> Vec<Unparsed> {
    let path = |part: &Unread| Some(&program.files.get(part.site.file.index())?.path);
    let mut parts: Vec<&Unread> = program.unread.iter().collect();
    parts.sort_by_key(|part| (path(part), part.site));
    let shown = |part: &&Unread| {
        let file = path(part)?;
        Some(Unparsed {
            file: shown.get(file).unwrap_or(file).clone(),
            line: part.site.line,
            what: part.what.clone(),
            why: part.why.clone(),
            mentions_lock: part.mentions_lock,
        })
    };
    parts.iter().filter_map(shown).collect()
}

/// One remark for each file that holds something unread that matters.
fn remarks(unparsed: &[Unparsed]) -> Vec<Problem> {
    let mut by_file: BTreeMap<&Arc<str>, Vec<&Unparsed>> = BTreeMap::new();
    for part in unparsed.iter().filter(|part| part.matters()) {
        by_file.entry(&part.file).or_default().push(part);
    }
    let mut problems = Vec::with_capacity(by_file.len());
    for (file, parts) in by_file {
        let Some(first) = parts.first() else { continue };
        let mut reason = format!("{} not understood: {}", first.what, first.why);
        if parts.len() > 1 {
            reason.push_str(&format!(" (and {} more in this file)", parts.len() - 1));
        }
        problems.push(Problem::remark(&**file, first.line, reason));
    }
    problems
}
