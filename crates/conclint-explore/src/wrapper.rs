//! The compiler wrapper: the same executable, called by cargo in rustc's place.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use crate::runtime::Runtime;

const STD: &str = "CONCLINT_SHADOW_STD";
const CORE: &str = "CONCLINT_SHADOW_CORE";
const TEST: &str = "CONCLINT_SHADOW_TEST";
const DEPS: &str = "CONCLINT_SHADOW_DEPS";
const START: &str = "CONCLINT_SHADOW_START";

/// Makes `cargo` call this executable for every compiler call of the build.
pub(crate) fn install(command: &mut Command, runtime: &Runtime) -> std::io::Result<()> {
    command
        .env("RUSTC_WRAPPER", std::env::current_exe()?)
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env(STD, &runtime.std)
        .env(CORE, &runtime.core)
        .env(TEST, &runtime.test)
        .env(DEPS, &runtime.deps)
        .env(START, &runtime.start);
    Ok(())
}

/// Acts as the compiler where cargo called this executable as one. Call it first in `main`.
#[must_use]
pub fn act_as_compiler() -> Option<ExitCode> {
    let std = std::env::var_os(STD)?;
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let mut command = Command::new(rustc);
    command.args(&arguments);
    if shadowed(&arguments) {
        let var = |name| std::env::var_os(name).unwrap_or_default();
        let assign = |name: &str, path: &OsStr| {
            let mut text = OsString::from(name);
            text.push("=");
            text.push(path);
            text
        };
        command.arg("--extern").arg(assign("std", &std));
        command.arg("--extern").arg(assign("core", &var(CORE)));
        if arguments.iter().any(|a| a == "--test") {
            command.arg("--extern").arg(assign("test", &var(TEST)));
        }
        command.arg("-L").arg(assign("dependency", &var(DEPS)));
        if has_main(&arguments) {
            // The linker puts our function in the place of the one of std that calls `main`.
            let start = var(START);
            let start = start.to_string_lossy();
            for option in [
                format!("--wrap={start}"),
                format!("--defsym=__wrap_{start}=conclint_lang_start"),
                "-u,conclint_lang_start".to_owned(),
            ] {
                command.arg(format!("-Clink-arg=-Wl,{option}"));
            }
        }
    }
    let code = match command.status() {
        Ok(status) => status.code().unwrap_or(101),
        Err(_) => 101,
    };
    Some(ExitCode::from(u8::try_from(code).unwrap_or(101)))
}

/// With an explicit `--target`, cargo passes it on for what runs in the explored program and not
/// for build scripts and proc macros.
fn shadowed(arguments: &[OsString]) -> bool {
    let has = |wanted: &str| arguments.iter().any(|a| a == wanted);
    has("--target") && has("--crate-name")
}

/// The unit is linked to a program with a `main` of its own, rather than to a test binary.
fn has_main(arguments: &[OsString]) -> bool {
    let mut pairs = arguments.windows(2);
    pairs.any(|p| p[0] == "--crate-type" && p[1] == "bin")
        && !arguments.iter().any(|a| a == "--test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_target_units() {
        let list = |text: &str| -> Vec<OsString> { text.split(' ').map(Into::into).collect() };
        assert!(shadowed(&list("--crate-name a src/lib.rs --target x")));
        assert!(!shadowed(&list("--crate-name build_script_build build.rs")));
        assert!(!shadowed(&list("-vV")));
    }
}
