//! `conclint`.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclint::main(std::env::args_os())
}
