//! Compiles a submission in two phases, so that no hidden test can be read.
//!
//! First the submission alone becomes a library, in a sandbox that holds nothing else. Then the
//! hidden tests are compiled against that library; none of the submission's text is read any more.
//! rustc is called directly: a submission has no manifest, no build script and no flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use conclint_explore::{Crates, Runtime};
use conclint_sandbox::{End, Finished, Job, Limits, Sandbox, run};

use crate::assignment::Assignment;
use crate::evidence::CompileError;
use crate::spent::{Phase, Spent};
use crate::{interface, text};

/// Errors of the compiler that are kept.
const ERRORS: usize = 8;
/// The directory of the hidden tests in the build.
pub(crate) const HIDDEN: &str = "hidden";

/// The compiler, and the runtime that tests are built on.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The runtime.
    pub runtime: Runtime,
    /// Where the compiler lives.
    pub sysroot: PathBuf,
    /// Crates besides std that the assignment offers.
    pub crates: Crates,
}

impl Toolchain {
    /// The toolchain for an assignment: its `skeleton/rust-toolchain.toml` counts.
    ///
    /// # Errors
    /// Where there is no compiler or the runtime cannot be built.
    pub fn find(assignment: &Assignment) -> Result<Self> {
        let dir = assignment.dir.join("skeleton");
        let output = Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(&dir)
            .output()
            .context("cannot run rustc")?;
        ensure!(output.status.success(), "rustc does not say where it lives");
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let runtime = conclint_explore::prepare(&dir, &())?;
        let crates = if assignment.has_dependencies {
            conclint_explore::dependencies(&dir, assignment.main_file(), &runtime)?
        } else {
            Crates::default()
        };
        Ok(Toolchain {
            runtime,
            crates,
            sysroot: sysroot.canonicalize().context("no sysroot")?,
        })
    }
}

/// One submission's build: a directory of its own.
#[derive(Debug)]
pub struct Build<'a> {
    /// The compiler.
    pub toolchain: &'a Toolchain,
    /// Where it runs.
    pub sandbox: &'a Sandbox,
    /// What is built for.
    pub assignment: &'a Assignment,
    /// An empty directory.
    pub work: &'a Path,
    /// Errors have their places in the hidden tests, too: for their author alone.
    pub open: bool,
    /// Where the time goes.
    pub spent: &'a Spent,
}

/// A test binary, or what the compiler says.
pub type Built = Result<PathBuf, Vec<CompileError>>;

impl Build<'_> {
    /// Builds the test binary.
    ///
    /// # Errors
    /// Only what is the grader's own fault; the submission's is in [`Built`].
    pub fn run(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<Built> {
        let source = self.work.join("submission");
        put(&source, files)?;
        put(&source, &self.assignment.provided)?;
        let library = self.work.join("library");
        let binary = self.work.join("tests");
        let hidden = self.work.join("tests-source");
        let temporary = self.work.join("temporary");
        for dir in [&library, &binary, &temporary] {
            fs::create_dir(dir)?;
        }
        let mut args = self.arguments(&self.assignment.crate_name, &library);
        args.extend(["--crate-type", "rlib", "-F", "unsafe_code"].map(Into::into));
        args.extend(self.externs(false));
        args.push(self.assignment.main_file().into());
        let compile = || self.rustc(args, &source, &[], &library, &temporary);
        let finished = self.spent.on(Phase::Library, compile)?;
        if finished.end != End::Exited(0) {
            let own = |file: &str| files.contains_key(file);
            return errors(&finished, &own, &[]).map(Err);
        }
        // Only now do the hidden tests exist in this directory.
        put(&hidden.join(HIDDEN), &self.tests())?;
        let mut args = self.arguments("hidden", &binary);
        let file = library.join(format!("lib{}.rlib", self.assignment.crate_name));
        args.extend(["--test", "--extern"].map(Into::into));
        args.push(format!("{}={}", self.assignment.crate_name, file.display()).into());
        args.extend(self.externs(true));
        args.push(format!("{HIDDEN}/tests.rs").into());
        // rustc's own linker looks for itself in `/proc`.
        args.push("-Clinker-features=-lld".into());
        let compile = || self.rustc(args, &hidden, &[&library], &binary, &temporary);
        let finished = self.spent.on(Phase::Tests, compile)?;
        if finished.end != End::Exited(0) {
            let pins = &self.assignment.interface.lines;
            let shown = |file: &str| {
                let hidden = file.strip_prefix(HIDDEN).and_then(|f| f.strip_prefix('/'));
                self.open && hidden.is_some_and(|f| self.assignment.hidden.contains_key(f))
            };
            return errors(&finished, &shown, pins).map(Err);
        }
        Ok(Ok(binary.join("hidden")))
    }

    /// The hidden tests, with the module that pins the interface.
    fn tests(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.assignment.hidden.clone();
        let interface = &self.assignment.interface;
        if !interface.text.is_empty() {
            let file = format!("{}.rs", interface::MODULE);
            files.insert(file, interface.text.clone().into_bytes());
            if let Some(root) = files.get_mut("tests.rs") {
                root.extend(format!("\nmod {};\n", interface::MODULE).into_bytes());
            }
        }
        files
    }

    /// The runtime and the crates that the assignment offers.
    fn externs(&self, tests: bool) -> Vec<OsString> {
        let runtime = self.toolchain.runtime.rustc_arguments(tests);
        let crates = self.toolchain.crates.rustc_arguments(tests);
        runtime.into_iter().chain(crates).map(Into::into).collect()
    }

    fn arguments(&self, name: &str, out: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = [
            "--crate-name",
            name,
            "--edition",
            &self.assignment.edition,
            "--error-format=json",
            "-Cdebuginfo=0",
            "-Copt-level=1",
            "-Cdebug-assertions=on",
            "-Ccodegen-units=1",
            "-Awarnings",
            "--sysroot",
        ]
        .map(Into::into)
        .to_vec();
        args.push(self.toolchain.sysroot.clone().into());
        args.push("--out-dir".into());
        args.push(out.into());
        args
    }

    fn rustc(
        &self,
        args: Vec<OsString>,
        dir: &Path,
        read: &[&Path],
        out: &Path,
        temporary: &Path,
    ) -> Result<Finished> {
        let limits = &self.assignment.manifest.limits;
        let mut readable = vec![
            dir.to_path_buf(),
            self.toolchain.sysroot.clone(),
            self.toolchain.runtime.deps.clone(),
        ];
        readable.extend(self.toolchain.crates.search.iter().cloned());
        readable.extend(read.iter().map(|p| p.to_path_buf()));
        let job = Job {
            program: self.toolchain.sysroot.join("bin/rustc"),
            args,
            env: vec![
                ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
                ("TMPDIR".to_owned(), temporary.display().to_string()),
                // The loader finds `$ORIGIN` through `/proc`, which is not there.
                (
                    "LD_LIBRARY_PATH".to_owned(),
                    self.toolchain.sysroot.join("lib").display().to_string(),
                ),
            ],
            stdin: Vec::new(),
            dir: dir.to_path_buf(),
            read: readable,
            write: vec![out.to_path_buf(), temporary.to_path_buf()],
            limits: Limits {
                cpu_seconds: limits.compile_seconds,
                wall: Duration::from_secs(limits.compile_seconds.saturating_mul(10)),
                memory_bytes: limits.compile_memory << 20,
                processes: 1024,
                file_bytes: 256 << 20,
                output_bytes: 1 << 20,
            },
        };
        Ok(run(self.sandbox, &job)?)
    }
}

fn put(dir: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for (name, bytes) in files {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// The compiler's errors. Source text, which may be a hidden test's, is left out; where a pin of
/// the interface does not hold, what it stands for is said instead. A compiler that ends by itself
/// and says nothing is the grader's problem; one that a limit ends is not.
fn errors(
    finished: &Finished,
    own: &dyn Fn(&str) -> bool,
    pins: &[String],
) -> Result<Vec<CompileError>> {
    let (mut missing, mut out): (Vec<CompileError>, Vec<CompileError>) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&finished.stderr).lines() {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        let message = value["message"].as_str().unwrap_or_default();
        if value["level"] != "error" || message.starts_with("aborting due to") {
            continue;
        }
        if message.starts_with("linking with") {
            // No submission can reach the linker: nothing of it names a symbol or a library.
            let notes = value["children"].as_array().into_iter().flatten();
            let notes: Vec<&str> = notes.filter_map(|n| n["message"].as_str()).collect();
            bail!(
                "{message}: {}",
                text::clean(notes.last().unwrap_or(&""), 400)
            );
        }
        let spans = value["spans"].as_array().into_iter().flatten();
        let mut primary = spans.filter(|s| s["is_primary"] == true);
        let shown = primary.find(|s| s["file_name"].as_str().is_some_and(own));
        let place = shown.map(|s| {
            let file = s["file_name"].as_str().unwrap_or_default();
            (file.to_owned(), s["line_start"].as_u64().unwrap_or(0))
        });
        // What stands under the line, `expected u64, found usize`.
        let label = shown.and_then(|s| s["label"].as_str()).unwrap_or_default();
        if let Some(pin) = pinned(&value, pins) {
            let message = format!("there is no {pin}, as the starter has it");
            if !missing.iter().any(|e| e.message == message) {
                missing.push(CompileError {
                    message,
                    file: None,
                    line: 0,
                });
            }
            continue;
        }
        let said = match label.is_empty() || message.contains(label) {
            true => message.to_owned(),
            false => format!("{message}: {label}"),
        };
        let message = match value["code"]["code"].as_str() {
            Some(code) => format!("{said} [{code}]"),
            None => said,
        };
        let error = CompileError {
            message: text::clean(&message, 400),
            line: u32::try_from(place.as_ref().map_or(0, |(_, line)| *line)).unwrap_or(0),
            file: place.map(|(file, _)| file),
        };
        if !out.contains(&error) {
            out.push(error);
        }
    }
    // What else the tests then stumble over says less.
    if !missing.is_empty() {
        out = missing;
    }
    out.truncate(ERRORS);
    if out.is_empty() {
        if let End::Exited(code) = finished.end {
            let said = String::from_utf8_lossy(&finished.stderr);
            bail!(
                "rustc ended with status {code}: {}",
                text::clean(&said, 300)
            );
        }
        out.push(CompileError {
            message: format!("the compiler ended with {}", finished.end),
            file: None,
            line: 0,
        });
    }
    Ok(out)
}

/// What the line of the interface that an error points at stands for.
fn pinned<'a>(error: &serde_json::Value, pins: &'a [String]) -> Option<&'a str> {
    let file = format!("{HIDDEN}/{}.rs", interface::MODULE);
    let spans = error["spans"].as_array().into_iter().flatten();
    let line = spans
        .filter(|s| s["is_primary"] == true && s["file_name"] == *file)
        .find_map(|s| s["line_start"].as_u64())?;
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    let pin = pins.get(index)?;
    (!pin.is_empty()).then_some(pin.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a student is told when the compiler says this.
    fn told(stderr: &str) -> Vec<String> {
        let finished = Finished {
            end: End::Exited(1),
            stdout: Vec::new(),
            stderr: stderr.into(),
        };
        let own = |file: &str| file.starts_with("src/");
        let told = errors(&finished, &own, &[]).unwrap();
        told.into_iter().map(|error| error.message).collect()
    }

    fn mismatch(file: &str, label: &str) -> String {
        serde_json::json!({
            "level": "error", "message": "mismatched types", "code": {"code": "E0308"},
            "spans": [{"is_primary": true, "file_name": file, "line_start": 3, "label": label}],
        })
        .to_string()
    }

    #[test]
    fn what_stands_under_a_line_of_the_submission_is_told() {
        let expected = "expected `u64`, found `usize`";
        assert_eq!(
            told(&mismatch("src/lib.rs", expected)),
            [format!("mismatched types: {expected} [E0308]")]
        );
        assert_eq!(
            told(&mismatch("hidden/tests.rs", expected)),
            ["mismatched types [E0308]"]
        );
        assert_eq!(
            told(&mismatch("src/lib.rs", "")),
            ["mismatched types [E0308]"]
        );
    }

    #[test]
    fn one_error_is_told_once() {
        let one = mismatch("src/lib.rs", "here");
        assert_eq!(told(&format!("{one}\n{one}\nnot json\n")).len(), 1);
    }
}
