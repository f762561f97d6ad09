//! The `conclint` command. Thin: arguments in, calls to `conclint-check`,
//! `conclint-explore` and `conclint-report`, an exit code out.
//!
//! While `explore` builds a project, cargo calls this same program in the
//! compiler's place.
//!
//! A library so that both binaries and the end-to-end tests share one `main`.
//! Results go to standard output, everything else to standard error. Never
//! panics in the face of the user: a bug is called one and ends with
//! [`exit::ERROR`].

mod args;
mod baseline;
mod commands;
pub mod exit;
mod explore;
mod explore_args;
mod generate;
mod grade;
mod grade_args;
mod init;
mod judging;
mod merge;
mod output;
mod progress;
mod reports;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

/// Syntax trees are many small pieces: a faster allocator is a quarter of the
/// running time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a command did not end well.
enum Failure {
    /// The reader of our output went away: nobody is left to tell.
    BrokenPipe,
    /// The message, and the exit code.
    Message(String, u8),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Message(
                format!("the output could not be written: {error}"),
                exit::ERROR,
            ),
        }
    }
}

impl From<conclint_check::Error> for Failure {
    fn from(error: conclint_check::Error) -> Self {
        let code = match error {
            conclint_check::Error::NothingToCheck { .. } => exit::NOTHING_TO_DO,
            _ => exit::ERROR,
        };
        Failure::Message(error.to_string(), code)
    }
}

/// Runs the command line `args`, program name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    if let Some(code) = conclint_explore::act_as_compiler() {
        return code;
    }
    if let Some(code) = conclint_sandbox::act_as_launcher() {
        return code;
    }
    if let Some(code) = conclint_grade::act_as_linter() {
        return code;
    }
    install_panic_hook();
    let args = without_cargos_word(args.into_iter().collect());
    let code = match panic::catch_unwind(AssertUnwindSafe(|| run(args))) {
        Ok(code) => code,
        // The hook has said what happened.
        Err(_) => exit::ERROR,
    };
    ExitCode::from(code)
}

/// Cargo calls `cargo-conclint conclint ..` for `cargo conclint ..`.
fn without_cargos_word(mut args: Vec<OsString>) -> Vec<OsString> {
    let program = args.first().map(std::path::Path::new);
    let by_cargo = program
        .and_then(|path| path.file_stem())
        .is_some_and(|name| name == "cargo-conclint");
    if by_cargo && args.get(1).is_some_and(|arg| arg == "conclint") {
        args.remove(1);
    }
    args
}

fn run(args: Vec<OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe is nobody's.
            let _ = error.print();
            return if error.use_stderr() {
                exit::ERROR
            } else {
                exit::CLEAN
            };
        }
    };
    let color = cli.color.into();
    let result = match cli.command {
        None => commands::check(cli.check, color),
        Some(Command::Check(args)) => commands::check(args, color),
        Some(Command::Rules(args)) => commands::rules(&args, color),
        Some(Command::Explain(args)) => commands::explain(&args, color),
        Some(Command::Config(args)) => commands::config(args, color),
        Some(Command::Explore(args)) => explore::explore(*args, color),
        Some(Command::Replay(args)) => explore::replay(args, color),
        Some(Command::Tell(args)) => explore::tell(&args, color),
        Some(Command::Baseline(args)) => baseline::run(args.action, color),
        Some(Command::Merge(args)) => merge::run(&args, color),
        Some(Command::Init(args)) => init::run(&args, color),
        Some(Command::Completions(args)) => generate::completions(&args, color),
        Some(Command::Man) => generate::man(color),
        Some(Command::Schema(args)) => generate::schema(&args, color),
        Some(Command::Grade(command)) => grade::grade(command, color),
    };
    match result {
        Ok(code) => code,
        Err(Failure::BrokenPipe) => exit::CLEAN,
        Err(Failure::Message(message, code)) => {
            say(color, &format!("error: {message}"));
            code
        }
    }
}

/// One line on standard error; there is nothing to do where that fails.
fn say(color: anstream::ColorChoice, line: &str) {
    let mut err = anstream::AutoStream::new(io::stderr(), color);
    let _ = writeln!(err, "{}", conclint_report::one_line(line));
}

fn install_panic_hook() {
    panic::set_hook(Box::new(|info| {
        let mut err = io::stderr().lock();
        let _ = writeln!(
            err,
            "error: a bug in conclint, not in the code it looks at: {info}"
        );
        let _ = writeln!(
            err,
            "Please report it, with the file it happened on if you can."
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_the_name_twice() {
        let args = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let same = |text: &str| assert_eq!(without_cargos_word(args(text)), args(text));
        assert_eq!(
            without_cargos_word(args("/bin/cargo-conclint conclint rules")),
            args("/bin/cargo-conclint rules")
        );
        same("cargo-conclint rules");
        // A directory of that name.
        same("conclint conclint");
        same("conclint");
    }
}
