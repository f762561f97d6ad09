//! The `conclint` that does the work: the one that `CONCLINT` names, one that
//! was built here before, the installed one of this version, or one that is
//! built now, from the sources beside this crate.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The crate of the command, where this crate was built; empty where it is not there.
const SOURCE: &str = env!("CONCLINT_SOURCE");

/// What the sources of the command are.
const KEY: &str = env!("CONCLINT_SOURCE_KEY");

/// How to get it.
const INSTALL: &str = "install `conclint`, or set CONCLINT to its path";

/// The command, to be given arguments.
///
/// # Errors
/// Why there is none.
pub(crate) fn conclint() -> Result<Command, String> {
    let mut command = Command::new(find()?);
    command.stdin(Stdio::null());
    Ok(command)
}

fn find() -> Result<PathBuf, String> {
    if let Some(path) = set("CONCLINT") {
        return match path.is_file() {
            true => Ok(path),
            false => Err(format!("CONCLINT names {}: no such file", path.display())),
        };
    }
    let built = cache().map(|dir| Built::below(&dir));
    if let Some(built) = built.as_ref().filter(|built| built.program.is_file()) {
        return Ok(built.program.clone());
    }
    if let Some(installed) = installed() {
        return Ok(installed);
    }
    let Some(built) = built.filter(|_| !SOURCE.is_empty()) else {
        return Err(format!("conclint {VERSION} is not installed: {INSTALL}"));
    };
    built.build()?;
    Ok(built.program)
}

/// A variable that is set to something.
fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The installed command, where it is of this version.
fn installed() -> Option<PathBuf> {
    let home = set("CARGO_HOME").or_else(|| Some(set("HOME")?.join(".cargo")));
    let path = env::var_os("PATH").unwrap_or_default();
    let name = format!("conclint{}", env::consts::EXE_SUFFIX);
    let mut found = env::split_paths(&path)
        .chain(home.map(|home| home.join("bin")))
        .map(|dir| dir.join(&name))
        .filter(|program| program.is_file());
    found.find(|program| version_of(program).as_deref() == Some(VERSION))
}

fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().strip_prefix("conclint ")?.to_owned())
}

/// Where conclint keeps what it builds.
fn cache() -> Option<PathBuf> {
    set("CONCLINT_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("conclint")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/conclint")))
        .or_else(|| set("LOCALAPPDATA").map(|dir| dir.join("conclint")))
}

/// A command that is or will be built from [`SOURCE`].
struct Built {
    /// For all versions, so that the next one builds faster.
    target: PathBuf,
    root: PathBuf,
    program: PathBuf,
}

impl Built {
    fn below(cache: &Path) -> Self {
        let root = cache.join(format!("tool-{KEY}"));
        let name = format!("conclint{}", env::consts::EXE_SUFFIX);
        Self {
            target: cache.join("tool-target"),
            program: root.join("bin").join(name),
            root,
        }
    }

    fn build(&self) -> Result<(), String> {
        let failed = |why: &dyn std::fmt::Display| {
            format!("conclint {VERSION} is not installed and could not be built: {why}\n{INSTALL}")
        };
        fs::create_dir_all(&self.target).map_err(|error| {
            let dir = self.target.display();
            failed(&format!("{dir}: {error}"))
        })?;
        // Two tests at once: one builds, the other waits and finds it built.
        let lock = fs::File::create(self.target.join("lock"))
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(|error| failed(&error))?;
        if self.program.is_file() {
            return Ok(());
        }
        // Past the harness, which would show it only if the test failed.
        let _ = writeln!(
            std::io::stderr(),
            "conclint {VERSION} is not installed: it is built now, once, with optimisation"
        );
        let output = self.command().output().map_err(|error| failed(&error))?;
        drop(lock);
        match output.status.success() && self.program.is_file() {
            true => Ok(()),
            false => Err(failed(&String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    fn command(&self) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command
            .args([
                "install",
                "--locked",
                "--no-track",
                "--force",
                "--bin",
                "conclint",
            ])
            .args(["--config", "profile.release.debug=false", "--path"])
            .arg(SOURCE)
            .arg("--root")
            .arg(&self.root)
            .arg("--target-dir")
            .arg(&self.target)
            // Not the settings of the project that is tested.
            .current_dir(SOURCE)
            .env_remove("CARGO_BUILD_TARGET")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTFLAGS")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .stdin(Stdio::null());
        command
    }
}
