//! Builds the runtime once per compiler, from sources that this binary carries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::drive::Progress;

/// The runtime's sources by their path in the workspace.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// A built runtime.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// What it was built from and with, as a short hash.
    pub key: String,
    /// The compiler's release.
    pub rustc: String,
    /// The target that explored code is built for: the host.
    pub host: String,
    /// The shadow of `std`.
    pub std: PathBuf,
    /// The shadow of `core`.
    pub core: PathBuf,
    /// The shadow of the test harness.
    pub test: PathBuf,
    /// Where their dependencies lie.
    pub deps: PathBuf,
    /// The symbol of the function of std that calls `main`.
    pub start: String,
    /// The runtime had to be built now.
    pub fresh: bool,
}

/// The cargo to call.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

pub(crate) fn cache_dir() -> Result<PathBuf> {
    let var = |name| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    var("CONCLINT_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|d| d.join("conclint")))
        .or_else(|| var("HOME").map(|d| d.join(".cache/conclint")))
        .context("no directory for the runtime: set CONCLINT_CACHE")
}

/// Version and host of the compiler that cargo uses in `dir`.
fn rustc(dir: &Path) -> Result<(String, String, String)> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program)
        .arg("-vV")
        .current_dir(dir)
        .output()
        .context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name));
        line.map(|v| v.trim().to_owned())
    };
    match (field("release:"), field("host:")) {
        (Some(release), Some(host)) => Ok((text, release, host)),
        _ => bail!("rustc -vV says nothing useful"),
    }
}

/// The manifest of the runtime's own small workspace, from the one of the sources.
fn workspace_manifest(manifest: &str) -> String {
    let mut out = String::new();
    for line in manifest.lines() {
        match line {
            l if l.starts_with("members") => out.push_str("members = [\"crates/*\"]"),
            l if l.starts_with("default-members") => continue,
            l => out.push_str(l),
        }
        out.push('\n');
    }
    out
}

/// Finds the runtime for the compiler in use in `dir`, and builds it where it is not there yet.
///
/// # Errors
/// When the compiler cannot be run, the cache cannot be written, or the build fails.
pub fn prepare(dir: &Path, progress: &dyn Progress) -> Result<Runtime> {
    let (verbose, release, host) = rustc(dir)?;
    if host != "x86_64-unknown-linux-gnu" {
        bail!("exploring works on x86_64-unknown-linux-gnu only for now; this host is {host}");
    }
    let mut hasher = Sha256::new();
    hasher.update(&verbose);
    for (name, text) in SOURCES {
        hasher.update(name);
        hasher.update(text);
    }
    let digest = hasher.finalize();
    let key: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    let home = cache_dir()?.join(&key);
    let listed = home.join("artifacts");
    let mut fresh = false;
    if !listed.is_file() {
        fs::create_dir_all(&home).with_context(|| format!("cannot write to {}", home.display()))?;
        // Two first runs at once: one builds, the other waits and finds it built.
        let lock = fs::File::create(home.join("lock"))?;
        lock.lock().context("cannot lock the cache")?;
        fresh = !listed.is_file();
        if fresh {
            progress.notice(&format!(
                "building the runtime for rustc {release}, once for this compiler"
            ));
            build(&home, dir, &host).with_context(|| {
                let home = home.display();
                format!("cannot build the runtime for rustc {release} in {home}")
            })?;
        }
    }
    let text = fs::read_to_string(&listed)?;
    let mut lines = text.lines().map(PathBuf::from);
    let (Some(std), Some(core), Some(test)) = (lines.next(), lines.next(), lines.next()) else {
        bail!("{} is damaged; remove it", listed.display());
    };
    let deps = std.parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(Runtime {
        key,
        rustc: release,
        host,
        std,
        core,
        test,
        deps,
        start: lines
            .next()
            .map(|l| l.display().to_string())
            .unwrap_or_default(),
        fresh,
    })
}

fn build(home: &Path, dir: &Path, host: &str) -> Result<()> {
    let source = home.join("src");
    for (name, text) in SOURCES {
        let path = source.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if *name == "Cargo.toml" {
            fs::write(path, workspace_manifest(text))?;
        } else {
            fs::write(path, text)?;
        }
    }
    // The toolchain is the project's (its `rust-toolchain.toml` counts), the manifest is ours.
    let output = cargo()
        .args([
            "build",
            "--release",
            "--message-format=json",
            "--target",
            host,
        ])
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(home.join("target"))
        .current_dir(dir)
        // Crates that occur both here and in the explored project must not look the same.
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            "-Cmetadata=conclint-runtime\u{1f}-Cembed-bitcode=yes",
        )
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env("CARGO_INCREMENTAL", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let find = |wanted: &str| -> Result<String> {
        for line in stdout.lines() {
            let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            if value["target"]["name"] != wanted {
                continue;
            }
            let files = value["filenames"].as_array().into_iter().flatten();
            let mut files = files.filter_map(|f| f.as_str());
            if let Some(file) = files.find(|f| f.ends_with(".rlib")) {
                // The copy in `deps` is the one that `-L dependency=` belongs to.
                return in_deps(Path::new(file));
            }
        }
        bail!("cargo did not say where {wanted} is")
    };
    let list = [
        find("conclint_std")?,
        find("conclint_core")?,
        find("conclint_libtest")?,
        start_symbol(dir, host)?,
    ];
    let part = home.join("artifacts.part");
    fs::write(&part, list.join("\n"))?;
    fs::rename(part, home.join("artifacts"))?;
    Ok(())
}

/// `release/libx.rlib` is a hard link to `release/deps/libx-<hash>.rlib`.
fn in_deps(file: &Path) -> Result<String> {
    let dir = file.parent().context("no directory")?;
    let deps = if dir.ends_with("deps") {
        dir.to_path_buf()
    } else {
        dir.join("deps")
    };
    let stem = file
        .file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or_default();
    let stem = stem.split('-').next().unwrap_or(stem);
    for entry in fs::read_dir(&deps)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        if name.starts_with(&format!("{stem}-")) && name.ends_with(".rlib") {
            return Ok(path.display().to_string());
        }
    }
    bail!("{stem} is not in {}", deps.display())
}

/// Reads the mangled name of `std::rt::lang_start_internal` from std's own library.
fn start_symbol(dir: &Path, host: &str) -> Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(program)
        .args(["--print", "target-libdir", "--target", host])
        .current_dir(dir)
        .output()
        .context("cannot run rustc")?;
    let lib = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    for entry in fs::read_dir(&lib)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        if name.starts_with("libstd-") && name.ends_with(".rlib") {
            let bytes = fs::read(&path)?;
            return symbol_in(&bytes).context("std has no lang_start_internal");
        }
    }
    bail!("no std in {}", lib.display())
}

/// The longest run of symbol characters around the function's name, in either mangling.
fn symbol_in(bytes: &[u8]) -> Option<String> {
    let part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.' || b == b'$';
    let wanted = b"lang_start_internal";
    let mut from = 0;
    while let Some(at) = position(bytes.get(from..)?, wanted).map(|at| at + from) {
        let start = bytes[..at]
            .iter()
            .rposition(|b| !part(*b))
            .map_or(0, |p| p + 1);
        let rest = &bytes[at..];
        let end = at + rest.iter().position(|b| !part(*b)).unwrap_or(rest.len());
        let symbol = String::from_utf8_lossy(&bytes[start..end]).into_owned();
        let plain = symbol.ends_with("lang_start_internal");
        let legacy = symbol.starts_with("_ZN") && symbol.ends_with('E');
        if (symbol.starts_with("_R") && plain) || legacy {
            return Some(symbol);
        }
        from = at + wanted.len();
    }
    None
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_symbol() {
        let v0: &[u8] = b"\0x_lang_start_internal\0_RNvNtCsab1_3std2rt19lang_start_internal\0";
        assert_eq!(
            symbol_in(v0).as_deref(),
            Some("_RNvNtCsab1_3std2rt19lang_start_internal")
        );
        let closure: &[u8] = b"_RNCNvNtCsab1_3std2rt19lang_start_internal0Bb_\0";
        assert_eq!(symbol_in(closure), None);
    }

    #[test]
    fn carries_the_runtime() {
        assert!(
            SOURCES
                .iter()
                .any(|(name, _)| name.ends_with("conclint-rt/src/lib.rs"))
        );
        let manifest = SOURCES.iter().find(|(name, _)| *name == "Cargo.toml");
        let text = workspace_manifest(manifest.map(|(_, t)| *t).unwrap_or_default());
        assert!(!text.contains("default-members"), "{text}");
    }
}
