//! Builds the dependencies of a project on the runtime, for somebody who calls rustc for the
//! project itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::runtime::{Runtime, cache_dir, cargo};
use crate::wrapper;

/// Built dependencies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crates {
    /// Those of the library, by the name that its code calls them by.
    pub normal: Vec<(String, PathBuf)>,
    /// Those of tests alone.
    pub dev: Vec<(String, PathBuf)>,
    /// Directories that hold them and what they need.
    pub search: Vec<PathBuf>,
}

impl Crates {
    /// What rustc needs to find them, those of tests included or not.
    #[must_use]
    pub fn rustc_arguments(&self, tests: bool) -> Vec<String> {
        let dev = self.dev.iter().filter(|_| tests);
        let mut out = Vec::new();
        for (name, path) in self.normal.iter().chain(dev) {
            out.extend(["--extern".to_owned(), format!("{name}={}", path.display())]);
        }
        for dir in &self.search {
            out.extend(["-L".to_owned(), format!("dependency={}", dir.display())]);
        }
        out
    }
}

/// Builds what the manifest in `dir` depends on, once for each lock file and runtime. `root` is
/// the path of the library's root file below `dir`, which need not exist.
///
/// The manifest is trusted: build scripts and proc macros of dependencies run.
///
/// # Errors
/// Where there is no lock file, or cargo says why it fails.
pub fn dependencies(dir: &Path, root: &str, runtime: &Runtime) -> Result<Crates> {
    let lock = dir.join("Cargo.lock");
    if !lock.is_file() {
        let dir = dir.display();
        bail!("{dir}: dependencies need a lock file: run `cargo generate-lockfile` there");
    }
    let mut hasher = Sha256::new();
    hasher.update(&runtime.key);
    for name in ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"] {
        hasher.update(fs::read(dir.join(name)).unwrap_or_default());
    }
    let digest = hasher.finalize();
    let key: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    let home = cache_dir()?.join("crates").join(key);
    fs::create_dir_all(&home).with_context(|| format!("cannot write to {}", home.display()))?;
    // Two at once: one builds, the other waits and finds it built.
    let held = fs::File::create(home.join("lock"))?;
    held.lock().context("cannot lock the cache")?;
    let project = home.join("project");
    copy(dir, &project)?;
    let library = project.join(root);
    if let Some(parent) = library.parent() {
        fs::create_dir_all(parent)?;
    }
    put(&library, b"")?;
    let target = home.join("target");
    let metadata = metadata(&project)?;
    let artifacts = build(&project, &target, runtime)?;
    let mut crates = direct(&metadata, &artifacts)?;
    crates.search = vec![
        target.join(&runtime.host).join("debug/deps"),
        target.join("debug/deps"),
    ];
    crates.search.retain(|dir| dir.is_dir());
    Ok(crates)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_dir() && name != "target" {
            copy(&entry.path(), &to.join(name))?;
        } else if kind.is_file() {
            put(&to.join(name), &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Writes a file that is not there or not the same. A file that is written anew is newer than what
/// was built of it: cargo would build it again, under the hands of who uses it by now.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn metadata(project: &Path) -> Result<Value> {
    let mut command = cargo();
    command
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(project);
    let text = output(&mut command).context("the dependencies cannot be resolved")?;
    serde_json::from_str(&text).context("cargo metadata says nothing useful")
}

/// Files by the id of the package that they were built from.
fn build(project: &Path, target: &Path, runtime: &Runtime) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo();
    command
        .args(["test", "--no-run", "--lib", "--locked"])
        .args(["--message-format=json", "--target", &runtime.host])
        .arg("--target-dir")
        .arg(target)
        .current_dir(project)
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_TEST_DEBUG", "0");
    wrapper::install(&mut command, runtime)?;
    let text = output(&mut command).context("the dependencies do not build")?;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let kinds = message["target"]["kind"].as_array().into_iter().flatten();
        let is_library = kinds
            .filter_map(Value::as_str)
            .any(|kind| matches!(kind, "lib" | "rlib" | "dylib" | "proc-macro"));
        if message["reason"] != "compiler-artifact" || !is_library {
            continue;
        }
        let files = message["filenames"].as_array().into_iter().flatten();
        let file = files
            .filter_map(Value::as_str)
            .find(|f| f.ends_with(".rlib") || f.ends_with(".so"));
        if let (Some(id), Some(file)) = (message["package_id"].as_str(), file) {
            found.insert(id.to_owned(), PathBuf::from(file));
        }
    }
    Ok(found)
}

/// The direct dependencies of the root package, by the names that its code uses.
fn direct(metadata: &Value, artifacts: &BTreeMap<String, PathBuf>) -> Result<Crates> {
    let root = metadata["resolve"]["root"].as_str().context("no package")?;
    let nodes = metadata["resolve"]["nodes"].as_array();
    let node = nodes.into_iter().flatten().find(|n| n["id"] == root);
    let list = node.and_then(|n| n["deps"].as_array());
    let mut crates = Crates::default();
    for dependency in list.into_iter().flatten() {
        let name = dependency["name"].as_str().unwrap_or_default().to_owned();
        let package = dependency["pkg"].as_str().unwrap_or_default();
        let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
        let kinds: Vec<&Value> = kinds.map(|k| &k["kind"]).collect();
        // What is for another system was not built.
        let Some(file) = artifacts.get(package) else {
            continue;
        };
        if kinds.iter().any(|k| k.is_null()) {
            crates.normal.push((name, file.clone()));
        } else if kinds.iter().any(|k| **k == "dev") {
            crates.dev.push((name, file.clone()));
        }
    }
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_dependencies_by_their_names() {
        let metadata = serde_json::json!({ "resolve": { "root": "me", "nodes": [
            { "id": "other", "deps": [] },
            { "id": "me", "deps": [
                { "name": "renamed", "pkg": "a", "dep_kinds": [{ "kind": null }] },
                { "name": "helper", "pkg": "b", "dep_kinds": [{ "kind": "dev" }] },
                { "name": "windows", "pkg": "c", "dep_kinds": [{ "kind": null }] },
            ] },
        ] } });
        let artifacts = [("a", "/t/liba.rlib"), ("b", "/t/libb.rlib")];
        let artifacts = artifacts.map(|(id, file)| (id.to_owned(), PathBuf::from(file)));
        let crates = direct(&metadata, &artifacts.into()).expect("a root");
        assert_eq!(
            crates.rustc_arguments(false),
            ["--extern", "renamed=/t/liba.rlib"]
        );
        assert_eq!(crates.rustc_arguments(true).len(), 4);
    }

    #[test]
    fn what_is_there_stays_as_old_as_it_is() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("src")).unwrap();
        fs::write(from.path().join("src/lib.rs"), "one").unwrap();
        copy(from.path(), to.path()).unwrap();
        let copied = to.path().join("src/lib.rs");
        let long_ago =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        let file = fs::File::options().write(true).open(&copied).unwrap();
        file.set_modified(long_ago).unwrap();
        copy(from.path(), to.path()).unwrap();
        let modified = || fs::metadata(&copied).unwrap().modified().unwrap();
        assert_eq!(modified(), long_ago);
        fs::write(from.path().join("src/lib.rs"), "two").unwrap();
        copy(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(&copied).unwrap(), "two");
        assert!(modified() > long_ago);
    }

    #[test]
    fn a_lock_file_is_asked_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Runtime::default();
        let error = dependencies(dir.path(), "src/lib.rs", &runtime).unwrap_err();
        assert!(error.to_string().contains("cargo generate-lockfile"));
    }
}
