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

use anyhow::{Context as _, Result, ensure};
use conclint_explore::{Crates, Runtime};
use conclint_sandbox::{End, Finished, Job, Limits, Sandbox, run};

use crate::assignment::Assignment;
use crate::evidence::CompileError;
use crate::spent::{Phase, Spent};
use crate::{compiler, interface};

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
            return compiler::errors(&finished, &own, &[]).map(Err);
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
            return compiler::errors(&finished, &shown, pins).map(Err);
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
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("cannot write {name} for the compiler"))?;
    }
    Ok(())
}
