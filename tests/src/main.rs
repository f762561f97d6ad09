//! The command under test: what `conclint` runs, as a program that cargo
//! builds for the stories of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclint::main(std::env::args_os())
}
