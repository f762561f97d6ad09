//! One function for each command; each returns an exit code.

use anstream::ColorChoice;
use conclint_check::{Error, Outcome, Problem};
use conclint_report::{Format, Report, RuleRow, summary_line, write_rules};

use crate::args::{CheckArgs, ConfigArgs, ExplainArgs, RulesArgs};
use crate::{Failure, exit, output, progress, say};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `conclint check`.
pub(crate) fn check(args: CheckArgs, color: ColorChoice) -> Result<u8, Failure> {
    let CheckArgs {
        select,
        format,
        output,
        jobs,
    } = args;
    let request = select.request(jobs);
    let outcome = match progress::with_bar(|bar| conclint_check::check(&request, bar)) {
        Ok(outcome) => outcome,
        Err(error) => {
            if let Error::NothingToCheck { problems } = &error {
                tell(problems, color);
            }
            return Err(error.into());
        }
    };
    tell(&outcome.problems, color);
    let format = Format::from(format);
    let report = report(&outcome);
    match output {
        None => output::to_stdout(color, |color, out| format.write(&report, color, out))?,
        Some(file) => {
            output::to_file(&file, |out| format.write(&report, false, out)).map_err(|error| {
                Failure::Message(format!("{}: {error}", file.display()), exit::ERROR)
            })?;
            say(color, &summary_line(&outcome.summary));
        }
    }
    Ok(if outcome.failed() {
        exit::FINDINGS
    } else {
        exit::CLEAN
    })
}

fn report(outcome: &Outcome) -> Report<'_> {
    Report {
        findings: &outcome.findings,
        summary: &outcome.summary,
        sources: &outcome.sources,
        version: VERSION,
    }
}

fn tell(problems: &[Problem], color: ColorChoice) {
    for problem in problems {
        say(color, &problem.to_string());
    }
}

/// `conclint rules`.
pub(crate) fn rules(args: &RulesArgs, color: ColorChoice) -> Result<u8, Failure> {
    let rows: Vec<RuleRow<'_>> = conclint_check::catalogue()
        .map(|lint| RuleRow {
            name: lint.name,
            code: lint.code,
            level: lint.level.as_str(),
            severity: lint.severity.as_str(),
            summary: lint.summary,
        })
        .collect();
    output::to_stdout(color, |_, out| write_rules(&rows, args.format.into(), out))?;
    Ok(exit::CLEAN)
}

/// `conclint explain`.
pub(crate) fn explain(args: &ExplainArgs, color: ColorChoice) -> Result<u8, Failure> {
    let lint = conclint_check::lint(&args.lint).map_err(Error::from)?;
    output::to_stdout(color, |_, out| writeln!(out, "{}", lint.page.trim_end()))?;
    Ok(exit::CLEAN)
}

/// `conclint config --show`.
pub(crate) fn config(args: ConfigArgs, color: ColorChoice) -> Result<u8, Failure> {
    let resolved = conclint_check::config::resolve(&args.select.request(None))?;
    let text = conclint_check::config::show(&resolved);
    output::to_stdout(color, |_, out| {
        out.write_all(conclint_report::printable(&text).as_bytes())
    })?;
    Ok(exit::CLEAN)
}
