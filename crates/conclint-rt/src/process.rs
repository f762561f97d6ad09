//! What of `std::process` ends an execution.

use std::panic::Location;

use crate::exec;

/// See [`std::process::exit`]. Ends the execution, not the child that runs it.
#[track_caller]
pub fn exit(code: i32) -> ! {
    exec::exit(code, Location::caller())
}
