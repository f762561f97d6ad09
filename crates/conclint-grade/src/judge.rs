//! From a submission's files to evidence: gate, lints, build, one run of the hidden tests.

use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use conclint_explore as explore;
use conclint_sandbox::{End, Job, Limits, Sandbox};

use crate::assignment::Assignment;
use crate::build::{Build, Toolchain};
use crate::evidence::{Evidence, How, Kind, Seen};
use crate::intake::Submission;
use crate::spent::{Phase, Spent};
use crate::{gate, lint, rubric, text};

/// Time until a test process is killed, for each second of processor time that it has.
const WALL_FACTOR: u64 = 4;

/// Everything that grading needs besides a submission.
#[derive(Debug)]
pub struct Grader {
    /// The assignment.
    pub assignment: Assignment,
    /// The compiler and the runtime.
    pub toolchain: Toolchain,
    /// Where foreign code runs.
    pub sandbox: Sandbox,
    /// An existing directory for builds; what is in it is removed.
    pub work: PathBuf,
    /// Where the time went so far.
    pub spent: Spent,
}

impl Grader {
    /// What evidence depends on besides the files of a submission: the key under which it is kept.
    /// The executable is part of it, as lints and words change between builds of a version.
    ///
    /// # Errors
    /// Where the executable cannot be read.
    pub fn key(&self) -> Result<String> {
        let launcher = &self.sandbox.launcher;
        let build =
            fs::read(launcher).with_context(|| format!("cannot read {}", launcher.display()))?;
        let tier = self.sandbox.tier.number().to_string();
        Ok(text::hash([
            build.as_slice(),
            self.assignment.hash.as_bytes(),
            self.toolchain.runtime.key.as_bytes(),
            tier.as_bytes(),
        ]))
    }

    /// Looks at a submission. What goes wrong on the grader's side is in the evidence too, so that
    /// one submission never stops the others.
    #[must_use]
    pub fn judge(&self, submission: &Submission) -> Evidence {
        self.judged(submission, false)
    }

    /// The same for the assignment's author: errors of the compiler have their lines in the hidden
    /// tests.
    #[must_use]
    pub fn judge_openly(&self, submission: &Submission) -> Evidence {
        self.judged(submission, true)
    }

    fn judged(&self, submission: &Submission, open: bool) -> Evidence {
        let mut evidence = Evidence::default();
        if let Err(error) = self.look(submission, open, &mut evidence) {
            evidence.broken = Some(text::clean(&format!("{error:#}"), 500));
        }
        evidence
    }

    fn look(&self, submission: &Submission, open: bool, evidence: &mut Evidence) -> Result<()> {
        evidence.unreadable.extend(submission.refused.clone());
        for file in &self.assignment.manifest.files {
            if evidence.unreadable.is_empty() && !submission.files.contains_key(file) {
                evidence.unreadable.push(format!("{file} is missing"));
            }
        }
        if !evidence.unreadable.is_empty() {
            return Ok(());
        }
        let allow = &self.assignment.manifest.gate.allow;
        let check = || gate::check(&submission.files, allow);
        evidence.refusals = self.spent.on(Phase::Lint, check);
        if !evidence.refusals.is_empty() {
            return Ok(());
        }
        self.spent
            .on(Phase::Lint, || self.lint(submission, evidence))?;
        let work = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(&self.work)?;
        let build = Build {
            toolchain: &self.toolchain,
            sandbox: &self.sandbox,
            assignment: &self.assignment,
            work: work.path(),
            open,
            spent: &self.spent,
        };
        match build.run(&submission.files)? {
            Err(errors) => evidence.errors = errors,
            Ok(binary) => {
                evidence.compiled = true;
                self.test(&binary, submission, evidence)?;
            }
        }
        Ok(())
    }

    fn lint(&self, submission: &Submission, evidence: &mut Evidence) -> Result<()> {
        let files = submission.files.iter().chain(&self.assignment.provided);
        let request = lint::Request {
            files: files
                .map(|(name, bytes)| (name.clone(), String::from_utf8_lossy(bytes).into_owned()))
                .collect(),
            manifest: fs::read_to_string(self.assignment.dir.join("skeleton/Cargo.toml"))?,
        };
        let memory = self.assignment.manifest.limits.compile_memory << 20;
        match lint::run(&self.sandbox, &request, memory)? {
            Err(limit) => evidence.unlinted = Some(limit),
            Ok(found) => {
                for found in found {
                    let at = &found.lint.at;
                    if !submission.files.contains_key(&at.file) {
                        continue;
                    }
                    if found.silenced {
                        evidence.silenced.push((at.file.clone(), at.line));
                    }
                    evidence.lints.push(found.lint);
                }
            }
        }
        Ok(())
    }

    /// Runs what the rubric asks for: first the tests that run once, then, seed by seed, those that
    /// are explored. What cannot count any more is not explored: tests of criteria whose needs are
    /// not met, and tests that an earlier seed has broken.
    fn test(&self, binary: &Path, submission: &Submission, evidence: &mut Evidence) -> Result<()> {
        let budget = &self.assignment.manifest.budget;
        let job = |test: &str, mode| explore::Job {
            test: test.to_owned(),
            max_steps: budget.max_steps,
            mode,
        };
        let (once, _) = self.assignment.tests();
        let once = once.iter().map(|test| {
            let (flags, deviations) = (0, Vec::new());
            job(test, explore::JobMode::Replay { flags, deviations })
        });
        evidence.tests = self.ask(binary, submission, How::Once, &once.collect::<Vec<_>>())?;
        let wanted = rubric::reachable(&self.assignment, evidence);
        let share = budget.schedules / budget.seeds.len().max(1) as u64;
        for seed in &budget.seeds {
            let broken = |test: &str| {
                let same = |s: &Seen| s.how != How::Once && s.test == test;
                evidence
                    .tests
                    .iter()
                    .any(|s| same(s) && s.kind != Kind::Passed)
            };
            let jobs = wanted.iter().filter(|test| !broken(test)).map(|test| {
                let mode = explore::JobMode::Explore {
                    strategy: budget.strategy.clone(),
                    seed: *seed,
                    schedules: share.max(1),
                };
                job(test, mode)
            });
            let jobs: Vec<explore::Job> = jobs.collect();
            let seen = self.ask(binary, submission, How::Explored(*seed), &jobs)?;
            evidence.tests.extend(seen);
        }
        Ok(())
    }

    fn ask(
        &self,
        binary: &Path,
        submission: &Submission,
        how: How,
        jobs: &[explore::Job],
    ) -> Result<Vec<Seen>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let phase = match how {
            How::Once => Phase::Once,
            How::Explored(_) => Phase::Explore,
        };
        let call = || self.spent.on(phase, || self.call(binary, jobs));
        let (mut answers, mut end) = call()?;
        if !answers.complete && !matches!(end, End::Wall | End::Signalled(libc::SIGXCPU)) {
            // Something outside may have killed it; a second time it is the program's own. What
            // was out of time would take as long again.
            (answers, end) = call()?;
        }
        let why = match (answers.complete, answers.unread) {
            (false, _) => format!("the tests ended early: {end}"),
            (true, true) => "what the tests answer cannot be read".to_owned(),
            (true, false) => "there is no such hidden test".to_owned(),
        };
        Ok(jobs
            .iter()
            .zip(&answers.results)
            .map(|(job, result)| match result {
                Some(result) if result.test == job.test => Seen::of(how, result, &submission.files),
                _ => Seen::missing(&job.test, how, why.clone()),
            })
            .collect())
    }

    /// Where the virtual clocks of tests begin, in milliseconds since 1970: at some moment of 2026
    /// or 2027, the same for all submissions to the assignment. A moment that is always the same
    /// would tell a submission that it is graded.
    fn clock(&self) -> u64 {
        const BEGIN: u64 = 1_767_225_600_000;
        const YEARS: u64 = 2 * 365 * 86_400_000;
        let seeds = format!("{:?}", self.assignment.manifest.budget.seeds);
        let drawn = text::hash([self.assignment.hash.as_bytes(), seeds.as_bytes()]);
        let drawn = drawn
            .get(..15)
            .and_then(|d| u64::from_str_radix(d, 16).ok());
        BEGIN + drawn.unwrap_or(0) % YEARS
    }

    /// Runs the test binary without any file, not even itself: the hidden tests are in it.
    fn call(&self, binary: &Path, jobs: &[explore::Job]) -> Result<(explore::Answers, End)> {
        let nonce = nonce()?;
        let limits = &self.assignment.manifest.limits;
        let dir = binary.parent().unwrap_or(Path::new("/"));
        fs::set_permissions(binary, Permissions::from_mode(0o111))?;
        let job = Job {
            program: binary.to_path_buf(),
            args: Vec::new(),
            env: vec![(
                "CONCLINT_JOB".to_owned(),
                explore::PRIVATE_CHANNEL.to_owned(),
            )],
            stdin: explore::encode(&nonce, self.clock(), jobs),
            dir: dir.to_path_buf(),
            read: Vec::new(),
            write: Vec::new(),
            limits: Limits {
                cpu_seconds: limits.run_seconds,
                wall: Duration::from_secs(limits.run_seconds.saturating_mul(WALL_FACTOR)),
                memory_bytes: limits.run_memory << 20,
                processes: 256,
                file_bytes: 0,
                output_bytes: 64 << 20,
            },
        };
        let finished = conclint_sandbox::run(&self.sandbox, &job)?;
        let answers = explore::decode(&nonce, &finished.stdout, jobs.len());
        Ok((answers, finished.end))
    }
}

/// 128 random bits: the only randomness in grading, and nothing depends on it.
fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("no random numbers")?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use conclint_sandbox::Tier;

    use super::*;

    #[test]
    fn another_build_looks_again() {
        let dir = tempfile::tempdir().unwrap();
        let build = |name: &str, content: &str| {
            let launcher = dir.path().join(name);
            fs::write(&launcher, content).unwrap();
            launcher
        };
        let counter = "../../fixtures/assignments/counter";
        let counter = Path::new(env!("CARGO_MANIFEST_DIR")).join(counter);
        let key = |launcher: PathBuf| {
            let grader = Grader {
                assignment: Assignment::load(&counter).unwrap(),
                toolchain: Toolchain {
                    runtime: explore::Runtime::default(),
                    sysroot: PathBuf::new(),
                    crates: explore::Crates::default(),
                },
                sandbox: Sandbox {
                    tier: Tier::Bubblewrap,
                    launcher,
                    groups: None,
                },
                work: PathBuf::new(),
                spent: Spent::default(),
            };
            grader.key().unwrap()
        };
        let one = key(build("one", "a"));
        assert_eq!(one, key(build("elsewhere", "a")));
        assert_ne!(one, key(build("two", "b")));
    }
}
