//! `cargo conclint`: the same as `conclint`.

use std::process::ExitCode;

fn main() -> ExitCode {
    conclint::main(std::env::args_os())
}
