//! Writes what a check found: one report to standard output or to a file, and
//! as many others as were asked for.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anstream::ColorChoice;
use conclint_check::{Outcome, slashes};
use conclint_report::{Format, Places, Report, RulePage, summary_line, write_step_summary};

use crate::args::OutputArgs;
use crate::{Failure, exit, output, say};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes the reports that `args` asks for. Under GitHub Actions the format
/// `github` also appends to the step summary.
pub(crate) fn write(
    outcome: &Outcome,
    args: &OutputArgs,
    color: ColorChoice,
) -> Result<(), Failure> {
    let format = args.format.resolve(|name| std::env::var(name).ok());
    let rules: Vec<RulePage<'_>> = outcome
        .lints
        .iter()
        .map(|lint| RulePage {
            code: lint.code,
            name: lint.name,
            severity: lint.severity,
            summary: lint.summary,
            page: lint.page,
        })
        .collect();
    let report = Report {
        findings: &outcome.findings,
        summary: &outcome.summary,
        sources: &outcome.sources,
        rules: &rules,
        places: &places(&outcome.base),
        version: VERSION,
        closing: None,
    };
    // The files first: whoever reads standard output may stop reading.
    let mut written = args
        .also
        .iter()
        .map(|also| to_file(&report, also.format, &also.file))
        .collect::<Vec<_>>();
    if format == Format::Github {
        written.push(step_summary(&report));
    }
    match &args.output {
        None => output::to_stdout(color, |color, out| format.write(&report, color, out))?,
        Some(file) => {
            written.push(to_file(&report, format, file));
            say(color, &summary_line(&outcome.summary));
        }
    }
    all(written)
}

/// What could not be written loses nothing of the rest, and is still an error.
pub(crate) fn all(written: Vec<Result<(), Failure>>) -> Result<(), Failure> {
    let mut messages = Vec::new();
    for result in written {
        match result {
            Ok(()) => {}
            Err(Failure::Message(message, _)) => messages.push(message),
            Err(other) => return Err(other),
        }
    }
    match messages.is_empty() {
        true => Ok(()),
        false => Err(Failure::Message(messages.join("; "), exit::ERROR)),
    }
}

fn to_file(report: &Report<'_>, format: Format, file: &Path) -> Result<(), Failure> {
    output::to_file(file, |out| format.write(report, false, out))
        .map_err(|error| Failure::Message(cannot_write(file, &error), exit::ERROR))
}

/// The message for a report that cannot be written.
pub(crate) fn cannot_write(file: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", file.display())
}

/// Appends to the file that the runner names, where it names one.
pub(crate) fn step_summary(report: &Report<'_>) -> Result<(), Failure> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let append = || -> io::Result<()> {
        let file = File::options().append(true).create(true).open(&path)?;
        let present = file.metadata()?.len();
        let mut out = io::BufWriter::new(file);
        write_step_summary(report, present, &mut out)?;
        out.flush()
    };
    append().map_err(|error| {
        let message = cannot_write(Path::new(&path), &error);
        Failure::Message(message, exit::ERROR)
    })
}

/// Where paths lead: `base` is what those of findings are relative to.
pub(crate) fn places(base: &Path) -> Places {
    let here = std::env::current_dir()
        .and_then(fs::canonicalize)
        .unwrap_or_default();
    let repository = base.ancestors().find(|dir| dir.join(".git").exists());
    Places {
        base: slashes(base),
        root: slashes(repository.unwrap_or(&here)),
        here: slashes(&here),
    }
}
