//! `explore [--dir DIR] [--schedules N] [--seconds S] [--seed N] [--strategy S] [--jobs N]
//! [--format json] [--replay FILE] [CARGO ARGUMENTS ..] [-- FILTER ..]`: exploring without the
//! rest of the command.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use conclint_explore::{Request, act_as_compiler, replay, run, write_human, write_json};

fn main() -> ExitCode {
    if let Some(code) = act_as_compiler() {
        return code;
    }
    let mut request = Request::default();
    let (mut json, mut file) = (false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--dir" => request.dir = PathBuf::from(value()),
            "--schedules" => request.schedules = value().parse().unwrap_or(request.schedules),
            "--seconds" => request.time = Duration::from_secs(value().parse().unwrap_or(30)),
            "--max-steps" => request.max_steps = value().parse().unwrap_or(request.max_steps),
            "--seed" => request.seed = value().parse().unwrap_or(0),
            "--jobs" => request.jobs = value().parse().unwrap_or(1),
            "--strategy" => request.strategy = value(),
            "--format" => json = value() == "json",
            "--replay" => file = Some(PathBuf::from(value())),
            "--" => {
                request.filters.extend(arguments.by_ref());
            }
            _ => request.cargo_args.push(argument),
        }
    }
    let result = match &file {
        Some(file) => replay(&request, file),
        None => run(&request, &|_, _, _| {}),
    };
    let mut out = std::io::stdout().lock();
    match result {
        Ok(outcome) => {
            let written = if json {
                write_json(&mut out, &request, &outcome)
            } else {
                write_human(&mut out, &outcome)
            };
            match (written, outcome.tests.is_empty(), outcome.failures()) {
                (Err(_), ..) => ExitCode::from(2),
                (_, true, _) => ExitCode::from(3),
                (_, _, 0) => ExitCode::SUCCESS,
                _ => ExitCode::from(1),
            }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}
