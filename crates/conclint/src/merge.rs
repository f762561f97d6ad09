//! `conclint merge`: the reports of the parts of a run, as one report.
//!
//! Every part has read the whole program, so what was looked at must be the
//! same in all of them; findings and what was left out add up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anstream::ColorChoice;
use conclint_check::{Outcome, config};
use conclint_diag::explore::Exploration;
use conclint_diag::{Severity, Summary};
use conclint_report::{ReadBack, ReportHeader, Sources, read_explore_json, read_header, read_json};

use crate::args::MergeArgs;
use crate::{Failure, commands, exit, explore, reports};

/// Larger sources are not drawn.
const MAX_SOURCE: u64 = 8 << 20;

/// Runs the command.
pub(crate) fn run(args: &MergeArgs, color: ColorChoice) -> Result<u8, Failure> {
    let texts = read(&args.files)?;
    if belong_together(&texts)? {
        return explorations(&texts, args, color);
    }
    let fail_on = config::resolve(&args.request())?.settings.fail_on;
    let mut parts = Vec::new();
    for (file, text) in &texts {
        let known = |code: &str| {
            let lint = conclint_check::lint(code).ok()?;
            Some((lint.name, lint.code))
        };
        let part = read_json(text, known).map_err(|error| wrong(file, &error))?;
        parts.push((*file, part));
    }
    let mut outcome = merged(parts)?;
    outcome.fail_on = fail_on;
    outcome.base = std::env::current_dir().unwrap_or_default();
    outcome.sources = sources(&outcome);
    reports::write(&outcome, &args.output, color)?;
    Ok(commands::code(&outcome))
}

type Texts<'a> = Vec<(&'a PathBuf, String)>;

fn read(files: &[PathBuf]) -> Result<Texts<'_>, Failure> {
    files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).map_err(|error| wrong(file, &error))?;
            Ok((file, text))
        })
        .collect()
}

/// The reports are of one command and version, and all parts of one run, each
/// once. Says whether the command is `explore`.
fn belong_together(texts: &Texts<'_>) -> Result<bool, Failure> {
    let mut first: Option<(&Path, ReportHeader)> = None;
    let mut seen: BTreeMap<usize, &Path> = BTreeMap::new();
    for (file, text) in texts {
        let header = read_header(text).map_err(|error| wrong(file, &error))?;
        if let Some((number, _)) = header.partition
            && let Some(other) = seen.insert(number, file)
        {
            let why = format!("part {number} is in {} already", other.display());
            return Err(wrong(file, &why));
        }
        let Some((other, known)) = &first else {
            first = Some((file, header));
            continue;
        };
        let other = other.display();
        let differs = |what: &str, this: &str, that: &str| {
            Err(wrong(file, &format!("{what} {this}, but {other} {that}")))
        };
        if header.explores != known.explores {
            let name = |explores| if explores { "explore" } else { "check" };
            return differs("a report of", name(header.explores), name(known.explores));
        }
        if header.version != known.version {
            return differs("written by conclint", &header.version, &known.version);
        }
        let count = |header: &ReportHeader| match header.partition {
            Some((_, count)) => format!("one of {count} parts"),
            None => "a whole run".to_owned(),
        };
        if count(&header) != count(known) {
            return differs("is", &count(&header), &count(known));
        }
    }
    let Some((_, header)) = first else {
        return Ok(false);
    };
    if let Some((_, count)) = header.partition {
        let missing: Vec<String> = (1..=count)
            .filter(|number| !seen.contains_key(number))
            .map(|number| number.to_string())
            .collect();
        if !missing.is_empty() {
            let numbers = missing.join(", ");
            let message = format!("of {count} parts these are missing: {numbers}");
            return Err(Failure::Message(message, exit::ERROR));
        }
    }
    Ok(header.explores)
}

fn wrong(file: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::Message(format!("{}: {why}", file.display()), exit::ERROR)
}

/// Parts of an exploration, by package, target and test.
fn explorations(texts: &Texts<'_>, args: &MergeArgs, color: ColorChoice) -> Result<u8, Failure> {
    let mut parts: Vec<(&PathBuf, Exploration)> = Vec::new();
    for (file, text) in texts {
        let part = read_explore_json(text).map_err(|error| wrong(file, &error))?;
        let same = |first: &Exploration| {
            first.rustc == part.rustc && first.settings == part.settings && !part.replay
        };
        if !parts.first().is_none_or(|(_, first)| same(first)) {
            return Err(wrong(file, &"a part of another run"));
        }
        parts.push((*file, part));
    }
    let Some((_, first)) = parts.first() else {
        return Ok(exit::NOTHING_TO_DO);
    };
    let mut whole = Exploration {
        tests: Vec::new(),
        partition: None,
        ..first.clone()
    };
    let mut seen = BTreeSet::new();
    for (file, part) in parts {
        for test in part.tests {
            let name = (test.package.clone(), test.target.clone(), test.test.clone());
            if !seen.insert(name) {
                let why = format!("`{}` is in another part already", test.test);
                return Err(wrong(file, &why));
            }
            whole.tests.push(test);
        }
    }
    whole.tests.sort_by_cached_key(|t| {
        let rank = conclint_explore::rank(&t.target);
        (t.package.clone(), rank, t.target.clone(), t.test.clone())
    });
    let mut files = BTreeSet::new();
    for failure in whole.tests.iter().filter_map(|test| test.failure.as_ref()) {
        files.extend(
            failure
                .timeline
                .iter()
                .map(|event| event.place.file.clone()),
        );
        files.extend(failure.place.iter().map(|place| place.file.clone()));
    }
    let outcome = conclint_explore::Outcome {
        exploration: whole,
        sources: texts_of(files.iter()),
        root: std::env::current_dir().unwrap_or_default(),
    };
    explore::report(&outcome, &args.output, color)
}

fn merged(parts: Vec<(&PathBuf, ReadBack)>) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut lints: BTreeSet<String> = BTreeSet::new();
    let mut seen: Option<Summary> = None;
    for (file, part) in parts {
        let looked_at = looked_at(&part.summary);
        if seen.as_ref().is_some_and(|seen| *seen != looked_at) {
            let message = format!("{}: a part of another run", file.display());
            return Err(Failure::Message(message, exit::ERROR));
        }
        seen = Some(looked_at);
        if let Some(twice) = part.lints.iter().find(|lint| lints.contains(*lint)) {
            let message = format!(
                "{}: {twice} has run in another part already",
                file.display()
            );
            return Err(Failure::Message(message, exit::ERROR));
        }
        lints.extend(part.lints);
        let (sum, summary) = (&mut outcome.summary, &part.summary);
        sum.suppressed += summary.suppressed;
        sum.in_tests += summary.in_tests;
        sum.below_confidence += summary.below_confidence;
        sum.in_baseline += summary.in_baseline;
        sum.unchanged += summary.unchanged;
        outcome.findings.extend(part.findings);
    }
    conclint_check::sort(&mut outcome.findings);
    let counted = outcome.summary;
    outcome.summary = Summary {
        suppressed: counted.suppressed,
        in_tests: counted.in_tests,
        below_confidence: counted.below_confidence,
        in_baseline: counted.in_baseline,
        unchanged: counted.unchanged,
        ..seen.unwrap_or_default()
    };
    for finding in outcome.findings.iter().filter(|f| f.suppressed.is_none()) {
        match finding.severity {
            Severity::Error => outcome.summary.errors += 1,
            Severity::Warning => outcome.summary.warnings += 1,
            Severity::Note => outcome.summary.notes += 1,
        }
    }
    outcome.lints = conclint_check::catalogue()
        .filter(|lint| lints.contains(lint.code))
        .collect();
    Ok(outcome)
}

/// The part of a summary that does not depend on which lints ran.
fn looked_at(summary: &Summary) -> Summary {
    Summary {
        errors: 0,
        warnings: 0,
        notes: 0,
        suppressed: 0,
        in_tests: 0,
        below_confidence: 0,
        in_baseline: 0,
        unchanged: 0,
        partition: None,
        ..summary.clone()
    }
}

/// Sources that lie below the current directory, to draw findings into. A
/// report may come from anywhere, so no path in it leads elsewhere.
fn sources(outcome: &Outcome) -> Sources {
    let steps = outcome.findings.iter().flat_map(|f| &f.paths);
    let files: BTreeSet<&Arc<str>> = steps
        .flat_map(|path| &path.steps)
        .map(|step| &step.span.file)
        .collect();
    texts_of(files.into_iter())
}

fn texts_of<'a>(files: impl Iterator<Item = &'a Arc<str>>) -> Sources {
    files
        .filter_map(|file| {
            let path = Path::new(&**file);
            let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
            let meta = fs::metadata(path).ok()?;
            if !inside || !meta.is_file() || meta.len() > MAX_SOURCE {
                return None;
            }
            let text = fs::read_to_string(path).ok()?;
            Some((file.clone(), Arc::from(text)))
        })
        .collect()
}
