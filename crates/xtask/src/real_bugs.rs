//! `cargo xtask real-bugs`: how many known bugs are found, and how many
//! findings survive the fix.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use conclint_diag::Finding;
use rayon::prelude::*;

use crate::analyse::{brief, check_tree, everything};
use crate::matching::{Hit, all_steps, class_fits, hits, nearest, neighbour, survivor};
use crate::mirror::Mirror;
use crate::records::{self, Difficulty, Record, RecordStep};

/// Runs the records of real bugs: recall, and specificity at the fixes.
#[derive(Debug, clap::Args)]
pub struct RealBugs {
    /// The records.
    #[arg(long, value_name = "FILE")]
    records: PathBuf,
    /// Where the bare git directories are, as `DIR/owner+name/repo`.
    #[arg(long, value_name = "DIR")]
    mirrors: PathBuf,
    /// Run this record only; may be given several times.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Print every finding in the files that a record concerns.
    #[arg(long)]
    dump: bool,
}

/// A repository and a commit of it.
type Commit<'a> = (&'a str, &'a str);
/// What was found there, or why nothing was looked for.
type Checked = Result<Vec<Finding>, String>;

/// What became of a record.
enum Verdict {
    NotRun,
    Missed,
    Hit(Fix),
}

/// What became of a hit at the fixing commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fix {
    NotRun,
    Gone,
    /// Gone, and its lines are still named, on other locks.
    Replaced,
    Survives,
}

impl RealBugs {
    /// Runs them and prints the figures.
    pub fn run(&self) -> Result<()> {
        let text = fs::read_to_string(&self.records)
            .with_context(|| self.records.display().to_string())?;
        let mut records = records::parse(&text)?;
        for id in &self.only {
            if !records.iter().any(|record| record.id == *id) {
                bail!("there is no record {id}");
            }
        }
        if !self.only.is_empty() {
            records.retain(|record| self.only.contains(&record.id));
        }
        if !self.mirrors.is_dir() {
            bail!("{}: no such directory", self.mirrors.display());
        }

        let started = Instant::now();
        let checked = self.check_commits(&records)?;
        eprintln!(
            "{} commits in {:.1} s",
            checked.len(),
            started.elapsed().as_secs_f64()
        );

        let verdicts: Vec<Verdict> = records
            .iter()
            .map(|record| self.judge(record, &checked))
            .collect();
        print_totals(&records, &verdicts);
        Ok(())
    }

    fn check_commits<'a>(&self, records: &'a [Record]) -> Result<BTreeMap<Commit<'a>, Checked>> {
        let commits: BTreeSet<Commit<'a>> = records
            .iter()
            .flat_map(|r| [(&*r.repository, &*r.buggy), (&*r.repository, &*r.fix)])
            .collect();
        let pool = conclint_check::workers(None)?;
        Ok(pool.install(|| {
            commits
                .into_par_iter()
                .map(|commit| (commit, self.check(commit, records)))
                .collect()
        }))
    }

    fn check(&self, (repository, commit): Commit<'_>, records: &[Record]) -> Checked {
        let mirror = Mirror::open(&self.mirrors, repository)
            .ok_or_else(|| format!("no mirror of {repository}"))?;
        let tree = mirror.tree(commit).map_err(|error| format!("{error:#}"))?;
        // A file that a record does not speak of may be absent; its own may not.
        let concerned = |path: &String| {
            records.iter().any(|record| {
                record.repository == repository
                    && (record.buggy == commit || record.fix == commit)
                    && record.steps().any(|step| step.file == *path)
            })
        };
        if let Some(path) = tree.absent.iter().find(|path| concerned(path)) {
            return Err(format!("{path} is absent at {commit}"));
        }
        Ok(check_tree(&tree, &everything()).findings)
    }

    fn judge(&self, record: &Record, checked: &BTreeMap<Commit<'_>, Checked>) -> Verdict {
        let at = |commit| checked.get(&(&*record.repository, commit));
        let findings = match at(&record.buggy) {
            Some(Ok(findings)) => findings,
            Some(Err(reason)) => {
                println!("{} not run: {reason}", record.id);
                return Verdict::NotRun;
            }
            None => return Verdict::NotRun,
        };
        if self.dump {
            dump(record, "buggy", findings);
            if let Some(Ok(after)) = at(&record.fix) {
                dump(record, "fix", after);
            }
        }
        let hitting = hits(record, findings);
        if hitting.is_empty() {
            print_miss(record, findings);
            return Verdict::Missed;
        }
        if let Some(hit) = hitting.first()
            && !hit.whole
        {
            println!(
                "{} hit, but its first locks are not named: {}",
                record.id,
                brief(hit.finding)
            );
        }
        let fix = match at(&record.fix) {
            Some(Ok(after)) => self.judge_fix(record, &hitting, findings, after),
            Some(Err(reason)) => {
                println!("{} hit, fix not run: {reason}", record.id);
                Fix::NotRun
            }
            None => Fix::NotRun,
        };
        Verdict::Hit(fix)
    }

    /// Whether the pair of sites is still there after the fix; see
    /// [`crate::matching`].
    fn judge_fix(
        &self,
        record: &Record,
        hitting: &[Hit<'_>],
        before: &[Finding],
        after: &[Finding],
    ) -> Fix {
        let maps: BTreeMap<&str, _> = record
            .steps()
            .map(|step| {
                let mirror = Mirror::open(&self.mirrors, &record.repository);
                let map = mirror.and_then(|m| m.line_map(&record.buggy, &record.fix, &step.file));
                (&*step.file, map)
            })
            .collect();
        let image = |step: &RecordStep| match maps.get(&*step.file) {
            Some(Some(map)) => map.image(step.line),
            _ => (0, u32::MAX - 8),
        };
        let surviving = hitting.iter().find_map(|hit| {
            let finding = survivor(record, hit, before, after, image)?;
            Some((hit.finding, finding))
        });
        match surviving {
            Some((hit, finding)) => {
                println!(
                    "{} hit, but survives its fix: {}",
                    record.id,
                    brief(finding)
                );
                println!("    before: {}", brief(hit));
                Fix::Survives
            }
            None => match neighbour(record, after, image) {
                Some(finding) => {
                    println!(
                        "{} gone; its lines are named for other reasons: {}",
                        record.id,
                        brief(finding)
                    );
                    Fix::Replaced
                }
                None => Fix::Gone,
            },
        }
    }
}

fn dump(record: &Record, when: &str, findings: &[Finding]) {
    let files: BTreeSet<&str> = record.steps().map(|step| &*step.file).collect();
    println!("{} at its {when} commit:", record.id);
    for finding in findings {
        if all_steps(finding).any(|step| files.contains(&*step.span.file)) {
            println!("    {}", brief(finding));
        }
    }
}

fn print_miss(record: &Record, findings: &[Finding]) {
    println!(
        "{} missed ({}): {}",
        record.id, record.difficulty, record.say
    );
    for path in &record.paths {
        let steps: Vec<String> = path
            .steps()
            .map(|step| format!("{}:{} {}", step.file, step.line, step.function))
            .collect();
        println!("    {} {}", path.name, steps.join(" > "));
    }
    match nearest(record, findings).first() {
        Some(finding) => println!("    nearest: {}", brief(finding)),
        None => {
            let of_class = findings
                .iter()
                .filter(|f| class_fits(record.kind, f.rule))
                .count();
            println!("    nothing in these functions ({of_class} findings of its class elsewhere)");
        }
    }
}

fn print_totals(records: &[Record], verdicts: &[Verdict]) {
    let not_run = verdicts
        .iter()
        .filter(|verdict| matches!(verdict, Verdict::NotRun))
        .count();
    if not_run > 0 {
        println!("not run {not_run}");
    }
    let count = |wanted: &[Fix]| {
        let hit = |verdict: &&Verdict| matches!(verdict, Verdict::Hit(fix) if wanted.contains(fix));
        verdicts.iter().filter(hit).count()
    };
    let gone = count(&[Fix::Gone, Fix::Replaced]);
    let fixes = gone + count(&[Fix::Survives]);
    println!(
        "by lines alone, whatever the locks, {} of {fixes} are gone",
        count(&[Fix::Gone])
    );
    let print = |name: &str, wanted: &dyn Fn(Difficulty) -> bool| {
        let of = |verdict: &Verdict| match verdict {
            Verdict::NotRun => None,
            Verdict::Missed => Some(false),
            Verdict::Hit(_) => Some(true),
        };
        let run: Vec<bool> = records
            .iter()
            .zip(verdicts)
            .filter(|(record, _)| wanted(record.difficulty))
            .filter_map(|(_, verdict)| of(verdict))
            .collect();
        println!(
            "{name} {} of {}",
            run.iter().filter(|&&hit| hit).count(),
            run.len()
        );
    };
    print("E", &|difficulty| difficulty == Difficulty::E);
    print("M", &|difficulty| difficulty == Difficulty::M);
    print("H", &|difficulty| difficulty == Difficulty::H);
    print("total", &|_| true);
    println!("paired specificity {gone} of {fixes}");
}
