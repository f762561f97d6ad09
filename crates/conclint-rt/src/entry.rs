//! `fn main` of binaries and examples.
//!
//! The linker is told to put [`conclint_lang_start`] in the place of the function of std that
//! calls `main` (`--wrap`), so that `main` can be run again and again.

use std::panic::RefUnwindSafe;
use std::rc::Rc;

use crate::supervise::{self, Test};

type Main = &'static (dyn Fn() -> i32 + Sync + RefUnwindSafe);

/// Stands in the place of `std::rt::lang_start_internal`.
#[unsafe(no_mangle)]
pub fn conclint_lang_start(main: Main, _argc: isize, _argv: *const *const u8, _pipe: u8) -> isize {
    let test = Test {
        name: "main".to_owned(),
        ignored: None,
        should_panic: None,
        file: String::new(),
        line: 0,
        body: Rc::new(move || match main() {
            0 => Ok(()),
            code => Err(format!("main ended with exit code {code}")),
        }),
    };
    if supervise::run(std::slice::from_ref(&test)) {
        return 0;
    }
    supervise::run_main(&test)
}
