//! Chores of conclint's own development: `cargo xtask --help`.
//!
//! Measures the analyser (real bugs, a corpus of repositories, seeded
//! mistakes, speed, robustness) and the explorer (reference programs), and lays out new lints. Nothing here is part of the tool.

// A development tool talks through its standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod analyse;
mod build_ratio;
mod codegen;
mod corpus;
mod explore_crates;
mod ledger;
mod lines;
mod matching;
mod mirror;
mod mutants;
mod new_lint;
mod programs;
mod real_bugs;
mod records;
mod replays;
mod robustness;
mod seeded;
mod speed;

use std::process::ExitCode;

use clap::Parser;

/// The same allocator as `conclint`, so that what is measured is the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Chores of conclint's own development.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    RealBugs(real_bugs::RealBugs),
    Corpus(corpus::Corpus),
    Programs(programs::Programs),
    ExploreCrates(explore_crates::ExploreCrates),
    BuildRatio(build_ratio::BuildRatio),
    Replays(replays::Replays),
    Mutants(mutants::Mutants),
    Speed(speed::Speed),
    Robustness(robustness::Robustness),
    Seeded(seeded::Seeded),
    NewLint(new_lint::NewLint),
    Codegen(codegen::Codegen),
}

fn main() -> ExitCode {
    // While a reference program is built, cargo calls this program in the compiler's place.
    if let Some(code) = conclint_explore::act_as_compiler() {
        return code;
    }
    // While submissions are graded, this program is started as the sandbox's launcher, and to
    // run the lints.
    if let Some(code) = conclint_sandbox::act_as_launcher() {
        return code;
    }
    if let Some(code) = conclint_grade::act_as_linter() {
        return code;
    }
    let result = match Command::parse() {
        Command::RealBugs(command) => command.run(),
        Command::Corpus(command) => command.run(),
        Command::Programs(command) => command.run(),
        Command::ExploreCrates(command) => command.run(),
        Command::BuildRatio(command) => command.run(),
        Command::Replays(command) => command.run(),
        Command::Mutants(command) => command.run(),
        Command::Speed(command) => command.run(),
        Command::Robustness(command) => command.run(),
        Command::Seeded(command) => command.run(),
        Command::NewLint(command) => command.run(),
        Command::Codegen(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
