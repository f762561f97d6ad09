//! `conclint explore` and `conclint replay`.

use std::path::Path;

use anstream::ColorChoice;
use conclint_explore::{BuildFailed, Outcome, Progress, Request};
use conclint_report::{ExploreFormat, ExploreReport, Format, explore_summary_line};

use crate::args::{OutputArgs, TellArgs};
use crate::explore_args::{ExploreArgs, ReplayArgs};
use crate::{Failure, exit, output, progress, reports, say};

/// Columns of a report that does not go to a terminal.
const WIDTH: usize = 100;

/// `conclint explore`.
pub(crate) fn explore(args: ExploreArgs, color: ColorChoice) -> Result<u8, Failure> {
    if args.prepare {
        return prepare(color);
    }
    let form = args.output.clone();
    let request = args.request()?;
    let part = request.partition.is_some();
    let result = progress::while_exploring(color, |bar| conclint_explore::run(&request, bar));
    match finish(result, &form, color)? {
        // A part may be empty where the whole is not.
        exit::NOTHING_TO_DO if part => Ok(exit::CLEAN),
        code => Ok(code),
    }
}

/// `conclint explore --prepare`.
fn prepare(color: ColorChoice) -> Result<u8, Failure> {
    let here = Path::new(".");
    let runtime = progress::while_exploring(color, |bar| conclint_explore::prepare(here, bar));
    let runtime = runtime.map_err(failed)?;
    let how = if runtime.fresh {
        "built"
    } else {
        "there already"
    };
    say(
        color,
        &format!("the runtime for rustc {} is {how}", runtime.rustc),
    );
    Ok(exit::CLEAN)
}

/// `conclint replay`.
pub(crate) fn replay(args: ReplayArgs, color: ColorChoice) -> Result<u8, Failure> {
    let request = args.request();
    let (file, form) = (args.file, args.output);
    let result = progress::while_exploring(color, |bar| replay_file(&request, &file, bar));
    finish(result, &form, color)
}

fn replay_file(request: &Request, file: &Path, bar: &dyn Progress) -> anyhow::Result<Outcome> {
    conclint_explore::replay(request, file, bar)
}

/// `conclint tell`: reads what the runtime of a test wrote, and draws it.
pub(crate) fn tell(args: &TellArgs, color: ColorChoice) -> Result<u8, Failure> {
    let root = std::env::current_dir()?;
    let answer = std::io::read_to_string(std::io::stdin())?;
    let told = conclint_explore::told(&answer, &args.test, &root).map_err(failed)?;
    let outcome = &told.outcome;
    let report = ExploreReport {
        exploration: &outcome.exploration,
        sources: &outcome.sources,
        places: &reports::places(&root),
        version: env!("CARGO_PKG_VERSION"),
        width: WIDTH,
    };
    output::to_stdout(color, |color, out| report.write_stories(color, out))?;
    if let Some(schedule) = &told.schedule {
        let test = conclint_report::one_line(&args.test);
        let line = format!("replay: CONCLINT_SCHEDULE={schedule} cargo test {test}\n");
        output::to_stdout(color, |_, out| out.write_all(line.as_bytes()))?;
    }
    Ok(exit::CLEAN)
}

fn failed(error: anyhow::Error) -> Failure {
    match error.downcast_ref::<BuildFailed>() {
        // Said by rustc already; one line more says whose error it is.
        Some(failed) => Failure::Message(failed.to_string(), exit::ERROR),
        None => Failure::Message(format!("{error:#}"), exit::ERROR),
    }
}

fn finish(
    result: anyhow::Result<Outcome>,
    form: &OutputArgs,
    color: ColorChoice,
) -> Result<u8, Failure> {
    let outcome = result.map_err(failed)?;
    report(&outcome, form, color)
}

/// Writes the reports that `form` asks for, and gives the exit code.
pub(crate) fn report(
    outcome: &Outcome,
    form: &OutputArgs,
    color: ColorChoice,
) -> Result<u8, Failure> {
    let exploration = &outcome.exploration;
    let format = form.format.resolve(|name| std::env::var(name).ok());
    let report = ExploreReport {
        exploration,
        sources: &outcome.sources,
        places: &reports::places(&outcome.root),
        version: env!("CARGO_PKG_VERSION"),
        width: match form.output {
            None => terminal_size::terminal_size_of(std::io::stdout())
                .map_or(WIDTH, |(width, _)| width.0.into()),
            Some(_) => WIDTH,
        },
    };
    let to_file = |format: Format, file: &Path| {
        let format = ExploreFormat::from(format);
        output::to_file(file, |out| format.write(&report, false, out))
            .map_err(|error| Failure::Message(reports::cannot_write(file, &error), exit::ERROR))
    };
    let also = form.also.iter();
    let mut written: Vec<_> = also.map(|also| to_file(also.format, &also.file)).collect();
    if format == Format::Github {
        written.push(report.with_findings(reports::step_summary));
    }
    match &form.output {
        None => {
            let format = ExploreFormat::from(format);
            output::to_stdout(color, |color, out| format.write(&report, color, out))?;
        }
        Some(file) => {
            written.push(to_file(format, file));
            say(color, &explore_summary_line(exploration));
        }
    }
    reports::all(written)?;
    if exploration.failures() > 0 {
        return Ok(exit::FINDINGS);
    }
    if exploration.nothing_ran() {
        let why = "nothing was explored: no test was found, or all were skipped";
        say(color, why);
        return Ok(exit::NOTHING_TO_DO);
    }
    Ok(exit::CLEAN)
}
