//! Builds the project's tests on the runtime, beside the project's own build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::request::Request;
use crate::runtime::{Runtime, cargo};
use crate::wrapper;

/// A test binary.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub package: String,
    /// The target as cargo names it: `lib`, `bin x`, `test x`, `example x`.
    pub target: String,
    pub executable: PathBuf,
    /// A procedural macro: its tests run in the compiler's surroundings, unshadowed.
    pub proc_macro: bool,
    /// Directory of the package.
    pub dir: PathBuf,
}

/// The project.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// Directory of the workspace.
    pub root: PathBuf,
    /// Where everything is written.
    pub conclint_dir: PathBuf,
}

/// The project could not be built; rustc has said why on stderr.
#[derive(Clone, Copy, Debug)]
pub struct BuildFailed;

impl std::fmt::Display for BuildFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the project does not build")
    }
}

impl std::error::Error for BuildFailed {}

pub(crate) fn locate(request: &Request) -> Result<Project> {
    let mut command = cargo();
    command
        .args(["locate-project", "--workspace", "--message-format=plain"])
        .current_dir(&request.dir)
        .stdin(Stdio::null());
    if let Some(path) = &request.manifest_path {
        command.arg("--manifest-path").arg(path);
    }
    let output = command.output().context("cannot run cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // Cargo says that it is an error, and so do we.
        bail!("{}", said.trim().trim_start_matches("error: "));
    }
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let root = manifest.parent().context("no project")?.to_path_buf();
    let target = match &request.target_dir {
        Some(dir) => request.dir.join(dir),
        None => match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => request.dir.join(dir),
            None => root.join("target"),
        },
    };
    let conclint_dir = target.join("conclint");
    fs::create_dir_all(&conclint_dir)
        .with_context(|| format!("cannot write to {}", conclint_dir.display()))?;
    Ok(Project { root, conclint_dir })
}

/// Removes a lock file that was not there before.
struct LockFile(Option<PathBuf>);

impl Drop for LockFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

pub(crate) fn build(
    request: &Request,
    project: &Project,
    runtime: &Runtime,
) -> Result<Vec<Binary>> {
    let lock = project.root.join("Cargo.lock");
    let _lock = LockFile((!lock.is_file()).then_some(lock));
    let (mut found, programs) = call(request, project, runtime, &Call::Tests)?;
    if let Some(arguments) = mains(&request.cargo_args)
        && (programs || arguments.iter().any(|a| a.starts_with("--example")))
    {
        found.extend(call(request, project, runtime, &Call::Mains(arguments))?.0);
    }
    // Cargo tells of them in the order in which they happened to be ready.
    found.sort_by_cached_key(|b| (b.package.clone(), rank(&b.target), b.target.clone()));
    Ok(found)
}

/// The order of targets (`lib`, `test x`), as `cargo test` runs them; those of a kind are in the
/// order of their names.
#[must_use]
pub fn rank(target: &str) -> usize {
    let kinds = ["lib", "bin", "test", "example", "bench", "main"];
    let kind = target.split(' ').next().unwrap_or_default();
    kinds.iter().position(|k| *k == kind).unwrap_or(kinds.len())
}

/// One call of cargo.
enum Call {
    /// `cargo test --no-run`.
    Tests,
    /// `cargo build` of the programs whose `main` is explored, with these arguments.
    Mains(Vec<String>),
}

/// The arguments that build the wanted programs: binaries unless other targets are asked for,
/// examples only when they are asked for.
fn mains(arguments: &[String]) -> Option<Vec<String>> {
    let mut kept = Vec::new();
    let (mut wanted, mut other) = (false, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.split('=').next().unwrap_or_default() {
            "--bins" | "--examples" | "--all-targets" => {
                wanted = true;
                kept.push(argument.clone());
            }
            "--bin" | "--example" => {
                wanted = true;
                kept.push(argument.clone());
                if !argument.contains('=') {
                    kept.extend(rest.next().cloned());
                }
            }
            "--lib" | "--tests" | "--benches" => other = true,
            "--test" | "--bench" => {
                other = true;
                if !argument.contains('=') {
                    rest.next();
                }
            }
            _ => kept.push(argument.clone()),
        }
    }
    if !wanted && other {
        return None;
    }
    if !wanted {
        kept.push("--bins".to_owned());
    }
    Some(kept)
}

/// Calls cargo. Gives what it built to run, and whether there are binaries at all.
fn call(
    request: &Request,
    project: &Project,
    runtime: &Runtime,
    what: &Call,
) -> Result<(Vec<Binary>, bool)> {
    let locked = project.root.join("Cargo.lock").is_file();
    let mut command = cargo();
    match what {
        Call::Tests => command.args(["test", "--no-run"]).args(&request.cargo_args),
        Call::Mains(arguments) => command.arg("build").args(arguments),
    };
    command
        .arg("--message-format=json-render-diagnostics")
        .args(["--target", &runtime.host])
        .arg("--target-dir")
        // Cargo does not know that the shadows are an input, so their key is in the path.
        .arg(project.conclint_dir.join("build").join(&runtime.key))
        .current_dir(&request.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    if locked {
        command.arg("--locked");
    }
    if let Some(path) = &request.manifest_path {
        command.arg("--manifest-path").arg(path);
    }
    wrapper::install(&mut command, runtime)?;
    let output = command.output().context("cannot run cargo")?;
    if !output.status.success() {
        return Err(BuildFailed.into());
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let messages = stdout.lines().filter_map(|l| serde_json::from_str(l).ok());
    let messages: Vec<Value> = messages.collect();
    let tests = matches!(what, Call::Tests);
    let programs = messages.iter().any(|m| m["target"]["kind"][0] == "bin");
    let binaries = messages.iter().filter_map(|m| binary(m, tests));
    Ok((binaries.collect(), programs))
}

fn binary(message: &Value, tests: bool) -> Option<Binary> {
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != tests {
        return None;
    }
    let executable = PathBuf::from(message["executable"].as_str()?);
    let manifest = Path::new(message["manifest_path"].as_str()?);
    let name = message["target"]["name"].as_str()?;
    let kind = message["target"]["kind"][0].as_str()?;
    let target = match kind {
        "bin" | "example" if !tests => format!("main {name}"),
        "bin" | "test" | "example" | "bench" => format!("{kind} {name}"),
        _ => "lib".to_owned(),
    };
    Some(Binary {
        package: package_name(message["package_id"].as_str()?, manifest),
        target,
        executable,
        proc_macro: kind == "proc-macro",
        dir: manifest.parent()?.to_path_buf(),
    })
}

/// `path+file:///a/b#name@1.0.0`, or `path+file:///a/name#1.0.0`.
fn package_name(id: &str, manifest: &Path) -> String {
    let fragment = id.rsplit('#').next().unwrap_or_default();
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => {
            let dir = manifest.parent().and_then(Path::file_name);
            dir.map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_for_programs() {
        let list =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(mains(&[]), Some(list("--bins")));
        assert_eq!(mains(&list("--lib")), None);
        assert_eq!(mains(&list("-p a --test x")), None);
        assert_eq!(mains(&list("-p a")), Some(list("-p a --bins")));
        assert_eq!(mains(&list("--lib --bin x")), Some(list("--bin x")));
        assert_eq!(mains(&list("--example=x")), Some(list("--example=x")));
    }

    #[test]
    fn names_of_packages() {
        let manifest = Path::new("/w/dir/Cargo.toml");
        assert_eq!(package_name("path+file:///w/dir#1.0.0", manifest), "dir");
        assert_eq!(
            package_name("path+file:///w/dir#name@1.0.0", manifest),
            "name"
        );
    }
}
