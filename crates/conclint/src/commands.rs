//! One function for each command; each returns an exit code.

use anstream::ColorChoice;
use conclint_check::{Error, Outcome, Problem, Request};
use conclint_report::{RuleRow, write_rules};

use crate::args::{CheckArgs, ConfigArgs, ExplainArgs, RulesArgs};
use crate::{Failure, exit, output, progress, reports, say};

/// `conclint check`.
pub(crate) fn check(args: CheckArgs, color: ColorChoice) -> Result<u8, Failure> {
    let (request, output) = args.split();
    let outcome = run(&request, color)?;
    reports::write(&outcome, &output, color)?;
    Ok(code(&outcome))
}

/// Runs a check; says what could not be read on standard error.
pub(crate) fn run(request: &Request, color: ColorChoice) -> Result<Outcome, Failure> {
    let result = progress::with_bar(|bar| conclint_check::check(request, bar));
    match &result {
        Ok(outcome) => tell(&outcome.problems, color),
        Err(Error::NothingToCheck { problems }) => tell(problems, color),
        Err(_) => {}
    }
    Ok(result?)
}

/// The exit code of a run.
pub(crate) fn code(outcome: &Outcome) -> u8 {
    if outcome.failed() {
        exit::FINDINGS
    } else {
        exit::CLEAN
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
