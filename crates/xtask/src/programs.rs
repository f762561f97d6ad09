//! `cargo xtask programs`: the reference programs under exploration, with
//! many seeds.
//!
//! Every seeded mistake that a schedule can show must be found with every
//! seed within the default budget, by a schedule that is easy to read; every
//! correct variant must pass many more schedules than that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use conclint_diag::explore::{Explored, Verdict};
use conclint_explore::Request;
use serde::Deserialize;

/// A shown schedule has at most so many preemptions.
const MOST_PREEMPTIONS: u64 = 2;

/// Explores the reference programs and compares with their `expect.toml`.
#[derive(Debug, clap::Args)]
pub struct Programs {
    /// Where the programs are.
    #[arg(long, value_name = "DIR", default_value = "fixtures/programs")]
    dir: PathBuf,
    /// Only these programs.
    #[arg(value_name = "NAME")]
    only: Vec<String>,
    /// Seeds to try for each mistake.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seeds: u64,
    /// Schedules that each correct variant must pass; 0 leaves them out.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    correct_schedules: u64,
    /// Where to build; a temporary directory unless given.
    #[arg(long, value_name = "DIR", default_value = "target/programs")]
    target_dir: PathBuf,
}

#[derive(Deserialize)]
struct Expectations {
    variant: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    name: String,
    explore: Vec<Exploration>,
}

#[derive(Deserialize)]
struct Exploration {
    test: String,
    verdict: String,
}

/// What was seen of one test.
#[derive(Default)]
struct Seen {
    tried: u64,
    found: u64,
    schedules: Vec<u64>,
    most_preemptions: u64,
    /// Why a try does not count.
    wrong: Vec<String>,
}

impl Programs {
    pub fn run(self) -> Result<()> {
        let mut programs: Vec<PathBuf> = fs::read_dir(&self.dir)
            .with_context(|| self.dir.display().to_string())?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        programs.retain(|p| p.join("expect.toml").is_file());
        programs.sort();
        let mut wrong = 0;
        let target_dir = std::path::absolute(&self.target_dir)?;
        for program in programs {
            let name = program.file_name().unwrap_or_default().to_string_lossy();
            if !self.only.is_empty() && !self.only.iter().any(|o| *o == name) {
                continue;
            }
            let text = fs::read_to_string(program.join("expect.toml"))?;
            let expected: Expectations = toml::from_str(&text)?;
            let seen = self.explore(&program, &target_dir, &expected)?;
            println!("{name}");
            for (test, seen) in &seen {
                println!("  {test}: {}", seen.line());
                wrong += seen.wrong.len();
                for why in &seen.wrong {
                    println!("    {why}");
                }
            }
        }
        if wrong > 0 {
            bail!("{wrong} runs were not as expected");
        }
        Ok(())
    }

    /// The tests of one program by name.
    fn explore(
        &self,
        program: &Path,
        target_dir: &Path,
        expected: &Expectations,
    ) -> Result<BTreeMap<String, Seen>> {
        let all = || expected.variant.iter().flat_map(|v| &v.explore);
        let mistakes: Vec<&Exploration> = all().filter(|e| e.verdict != "passed").collect();
        let correct = expected.variant.iter().filter(|v| v.name == "correct");
        let correct: Vec<&Exploration> = correct.flat_map(|v| &v.explore).collect();
        let request = Request {
            dir: program.to_owned(),
            target_dir: Some(target_dir.to_owned()),
            cargo_args: vec!["--lib".to_owned()],
            exact: true,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            keep_going: true,
            ..Request::default()
        };
        let mut seen = BTreeMap::new();
        for seed in 0..self.seeds {
            let request = Request {
                seed,
                ..request.clone()
            };
            compare(&request, &mistakes, &mut seen)?;
        }
        if self.correct_schedules > 0 {
            let request = Request {
                schedules: self.correct_schedules,
                time: Duration::from_secs(3600),
                ..request
            };
            compare(&request, &correct, &mut seen)?;
        }
        Ok(seen)
    }
}

fn compare(
    request: &Request,
    expected: &[&Exploration],
    seen: &mut BTreeMap<String, Seen>,
) -> Result<()> {
    if expected.is_empty() {
        return Ok(());
    }
    let request = Request {
        filters: expected.iter().map(|e| e.test.clone()).collect(),
        ..request.clone()
    };
    let outcome = conclint_explore::run(&request, &())?;
    for one in expected {
        let seen = seen.entry(one.test.clone()).or_default();
        seen.tried += 1;
        match outcome
            .exploration
            .tests
            .iter()
            .find(|t| t.test == one.test)
        {
            None => seen.wrong.push("there is no such test".to_owned()),
            Some(test) => seen.add(test, &one.verdict, request.seed),
        }
    }
    Ok(())
}

impl Seen {
    fn add(&mut self, test: &Explored, expected: &str, seed: u64) {
        let preemptions = test.failure.as_ref().map_or(0, |f| f.preemptions);
        self.schedules.push(test.executions);
        self.most_preemptions = self.most_preemptions.max(preemptions);
        let reason = &test.reason;
        if test.verdict.as_str() != expected {
            self.wrong.push(format!(
                "seed {seed}: {} {reason} after {} schedules",
                test.verdict.as_str(),
                test.executions
            ));
        } else if test.verdict != Verdict::Passed && preemptions > MOST_PREEMPTIONS {
            self.wrong
                .push(format!("seed {seed}: {preemptions} preemptions"));
        } else {
            self.found += 1;
        }
    }

    fn line(&self) -> String {
        let most = self.schedules.iter().max().copied().unwrap_or(0);
        let sum: u64 = self.schedules.iter().sum();
        format!(
            "{} of {} as expected; schedules: {} on average, {most} at most; preemptions: {} at most",
            self.found,
            self.tried,
            sum / self.tried.max(1),
            self.most_preemptions
        )
    }
}
