//! From a submission's files to evidence: gate, lints, build, one run of the hidden tests.

use std::fs::File;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use conclint_check::{ManifestInput, Settings, SourceInput};
use conclint_diag::Trace;
use conclint_explore as explore;
use conclint_sandbox::{End, Job, Limits, Sandbox};

use crate::assignment::Assignment;
use crate::build::{Build, Toolchain};
use crate::evidence::{Evidence, How, Kind, Line, Lint, Seen};
use crate::intake::Submission;
use crate::spent::{Phase, Spent};
use crate::{gate, rubric, text};

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

/// What happens along a path, with the lines; those of other files than `file` have its name.
fn along(path: &Trace, file: &str) -> String {
    let steps = path.steps.iter().map(|step| {
        let (at, line) = (&*step.span.file, step.span.line);
        match at == file {
            true => format!("{} (line {line})", step.what),
            false => format!("{} ({at}:{line})", step.what),
        }
    });
    steps.collect::<Vec<_>>().join(", ")
}

impl Grader {
    /// What evidence depends on besides the files of a submission: the key under which it is kept.
    #[must_use]
    pub fn key(&self) -> String {
        let tier = self.sandbox.tier.number().to_string();
        text::hash([
            env!("CARGO_PKG_VERSION"),
            &self.assignment.hash,
            &self.toolchain.runtime.key,
            &tier,
        ])
    }

    /// Looks at a submission. What goes wrong on the grader's side is in the evidence too, so that
    /// one submission never stops the others.
    #[must_use]
    pub fn judge(&self, submission: &Submission) -> Evidence {
        let mut evidence = Evidence::default();
        if let Err(error) = self.look(submission, &mut evidence) {
            evidence.broken = Some(text::clean(&format!("{error:#}"), 500));
        }
        evidence
    }

    fn look(&self, submission: &Submission, evidence: &mut Evidence) -> Result<()> {
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
        let mut sources = Vec::new();
        for (name, bytes) in submission.files.iter().chain(&self.assignment.provided) {
            sources.push(SourceInput {
                path: Arc::from(name.as_str()),
                text: Arc::from(String::from_utf8_lossy(bytes)),
            });
        }
        let manifest = std::fs::read_to_string(self.assignment.dir.join("skeleton/Cargo.toml"))?;
        let manifests = vec![ManifestInput {
            dir: String::new(),
            text: manifest,
        }];
        let settings = Settings {
            level: conclint_lints::Level::Grading,
            ..Settings::default()
        };
        let pool = conclint_check::workers(NonZeroUsize::new(1))?;
        let outcome = pool.install(|| conclint_check::check_sources(sources, manifests, &settings));
        for finding in &outcome.findings {
            let at = Line {
                file: finding.primary().file.to_string(),
                line: finding.primary().line,
            };
            if !submission.files.contains_key(&at.file) {
                continue;
            }
            if finding.suppressed.is_some() {
                evidence.silenced.push((at.file.clone(), at.line));
            }
            evidence.lints.push(Lint {
                rule: finding.rule.to_owned(),
                code: finding.code.to_owned(),
                severity: finding.severity.to_string(),
                confidence: finding.confidence.to_string(),
                message: finding.message.clone(),
                paths: finding.paths.iter().map(|p| along(p, &at.file)).collect(),
                at,
                help: finding.help.clone(),
            });
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
        if !answers.complete && end != End::Wall {
            // Something outside may have killed it; a second time it is the program's own.
            (answers, end) = call()?;
        }
        let why = if answers.complete {
            "there is no such hidden test".to_owned()
        } else {
            format!("the tests ended early: {end}")
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

    /// Runs the test binary without any file but itself.
    fn call(&self, binary: &Path, jobs: &[explore::Job]) -> Result<(explore::Answers, End)> {
        let nonce = nonce()?;
        let limits = &self.assignment.manifest.limits;
        let dir = binary.parent().unwrap_or(Path::new("/"));
        let job = Job {
            program: binary.to_path_buf(),
            args: Vec::new(),
            env: vec![(
                "CONCLINT_JOB".to_owned(),
                explore::PRIVATE_CHANNEL.to_owned(),
            )],
            stdin: explore::encode(&nonce, jobs),
            dir: dir.to_path_buf(),
            read: vec![dir.to_path_buf()],
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
