//! `cargo conclint`: the same as `conclint`, with the word that cargo puts
//! before the arguments taken away.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "conclint") {
        args.remove(1);
    }
    conclint::main(args)
}
