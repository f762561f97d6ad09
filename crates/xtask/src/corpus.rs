//! `cargo xtask corpus`: what is found in mature repositories, beside what was
//! judged by reading.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use conclint_check::{Outcome, Settings};
use conclint_diag::{Confidence, Finding, Severity, Summary};
use conclint_report::{Format, Places, Report};

use crate::analyse::{brief, check_tree};
use crate::ledger::{Ledger, Verdict};
use crate::lines::code_lines;
use crate::mirror::Mirror;

/// The bar for errors: so many on 10 000 lines at most.
const MAX_ERROR_RATE: f64 = 0.3;
/// The bar for errors: this part of the judged ones is right at least.
const MIN_RIGHT: f64 = 0.8;

/// Runs pinned repositories and compares with the ledger.
#[derive(Debug, clap::Args)]
pub struct Corpus {
    /// Lines of `owner/name commit`.
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// Where the bare git directories are, as `DIR/owner+name/repo`.
    #[arg(long, value_name = "DIR")]
    mirrors: PathBuf,
    /// What was judged; `ledger.toml` beside LIST unless given.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Show findings that nobody has judged only, and show them in full.
    #[arg(long)]
    new: bool,
    /// Run this repository only; may be given several times.
    #[arg(long, value_name = "OWNER/NAME")]
    only: Vec<String>,
    /// Show findings of this lint only; may be given several times.
    #[arg(long, value_name = "NAME")]
    lint: Vec<String>,
    /// Show no more than so many findings of each lint. Which ones hangs on
    /// their fingerprints, so the choice is blind and stays the same.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Run with this confidence instead of a user's: low, medium or high.
    #[arg(long, value_name = "C", default_value = "medium", value_parser = parse_confidence)]
    min_confidence: Confidence,
    /// Fail when there are more errors than 0.3 on 10 000 lines, when one of
    /// them is not judged, or when fewer than 80 % of them are right.
    #[arg(long)]
    check: bool,
    /// Write a table of the findings too, tab by tab: repository, code,
    /// severity, confidence, steps of the longest of its first two paths,
    /// fingerprint, verdict. What a rule for confidence is held against.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
}

fn parse_confidence(word: &str) -> Result<Confidence> {
    [Confidence::Low, Confidence::Medium, Confidence::High]
        .into_iter()
        .find(|confidence| confidence.as_str() == word)
        .context("low, medium or high")
}

/// A repository at its commit, checked.
struct Run {
    repository: String,
    commit: String,
    /// Lines of code that is not test code.
    lines: usize,
    outcome: Outcome,
}

impl Run {
    fn shown(&self) -> impl Iterator<Item = &Finding> {
        self.outcome
            .findings
            .iter()
            .filter(|f| f.suppressed.is_none())
    }
}

impl Corpus {
    /// Runs the repositories and prints the tables.
    pub fn run(&self) -> Result<()> {
        for lint in &self.lint {
            if conclint_lints::find(lint).is_none() {
                bail!("there is no lint {lint}");
            }
        }
        let ledger_path = match &self.ledger {
            Some(path) => path.clone(),
            None => self.list.with_file_name("ledger.toml"),
        };
        let ledger = Ledger::read(&ledger_path)?;
        let mut repositories = read_list(&self.list)?;
        if !self.only.is_empty() {
            repositories.retain(|(repository, _)| self.only.contains(repository));
        }
        let pool = conclint_check::workers(None)?;
        let mut runs = Vec::new();
        for (repository, commit) in repositories {
            match pool.install(|| check(&self.mirrors, &repository, &commit, self.min_confidence)) {
                Ok(run) => runs.push(run),
                Err(error) => println!("{repository} not run: {error:#}"),
            }
        }

        self.print_findings(&runs, &ledger)?;
        if let Some(path) = &self.table {
            fs::write(path, table(&runs, &ledger)).with_context(|| path.display().to_string())?;
        }
        print_table(&runs);
        let good = print_verdicts(&runs, &ledger);
        if self.check && !good {
            bail!("the errors do not hold the bar");
        }
        Ok(())
    }

    fn print_findings(&self, runs: &[Run], ledger: &Ledger) -> Result<()> {
        let mut chosen: Vec<(&Run, &Finding)> = Vec::new();
        for run in runs {
            for finding in run.shown() {
                let wanted = self.lint.is_empty()
                    || self.lint.iter().any(|name| {
                        conclint_lints::find(name).is_some_and(|l| l.name == finding.rule)
                    });
                let judged = judgement(ledger, run, finding).is_some();
                if wanted && !(self.new && judged) {
                    chosen.push((run, finding));
                }
            }
        }
        if let Some(most) = self.sample {
            chosen = sample(chosen, most);
        }
        for (run, finding) in chosen {
            let verdict = match judgement(ledger, run, finding) {
                Some(judgement) => format!("{}: {}", judgement.verdict, judgement.why),
                None => "not judged".to_owned(),
            };
            println!("{} {}\n      {verdict}", run.repository, brief(finding));
            if self.new {
                print_in_full(run, finding)?;
            }
        }
        Ok(())
    }
}

/// One line for each finding, as `--table` says.
fn table(runs: &[Run], ledger: &Ledger) -> String {
    let mut text = String::new();
    for run in runs {
        for finding in run.shown() {
            let paths = finding.paths.iter().take(2);
            let steps = paths.map(|path| path.steps.len()).max().unwrap_or(0);
            let verdict = judgement(ledger, run, finding).map_or_else(
                || "none".to_owned(),
                |judgement| judgement.verdict.to_string(),
            );
            let cells = [
                run.repository.as_str(),
                finding.code,
                finding.severity.as_str(),
                finding.confidence.as_str(),
                &steps.to_string(),
                finding.fingerprint.as_str(),
                &verdict,
            ];
            text.push_str(&cells.join("\t"));
            text.push('\n');
        }
    }
    text
}

fn judgement<'a>(
    ledger: &'a Ledger,
    run: &Run,
    finding: &Finding,
) -> Option<&'a crate::ledger::Judgement> {
    ledger.judgement(&run.repository, finding.rule, finding.fingerprint.as_str())
}

/// At most `most` of each lint: those with the lowest fingerprints, which are
/// hashes and so as good as drawn by lot.
fn sample<'a>(chosen: Vec<(&'a Run, &'a Finding)>, most: usize) -> Vec<(&'a Run, &'a Finding)> {
    let mut by_lint: BTreeMap<&str, Vec<(&Run, &Finding)>> = BTreeMap::new();
    for pair in chosen {
        by_lint.entry(pair.1.rule).or_default().push(pair);
    }
    for findings in by_lint.values_mut() {
        findings.sort_by(|a, b| a.1.fingerprint.cmp(&b.1.fingerprint));
        findings.truncate(most);
    }
    by_lint.into_values().flatten().collect()
}

fn print_in_full(run: &Run, finding: &Finding) -> Result<()> {
    let report = Report {
        findings: std::slice::from_ref(finding),
        summary: &Summary::default(),
        sources: &run.outcome.sources,
        rules: &[],
        places: &Places::default(),
        version: env!("CARGO_PKG_VERSION"),
        closing: None,
    };
    let mut text = Vec::new();
    Format::Human.write(&report, false, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    // The last line sums up a run, and this is none.
    let findings = text.trim_end().rsplit_once('\n').map_or("", |(all, _)| all);
    println!("{}\n", findings.trim_end());
    Ok(())
}

fn read_list(path: &Path) -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse_list(&text).with_context(|| path.display().to_string())
}

fn parse_list(text: &str) -> Result<Vec<(String, String)>> {
    let mut list = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (None, ..) => {}
            (Some(repository), Some(commit), None) if repository.contains('/') => {
                list.push((repository.to_owned(), commit.to_owned()));
            }
            _ => bail!("line {number} is not `owner/name commit`"),
        }
    }
    Ok(list)
}

fn check(
    mirrors: &Path,
    repository: &str,
    commit: &str,
    min_confidence: Confidence,
) -> Result<Run> {
    let mirror = Mirror::open(mirrors, repository).context("no mirror")?;
    let tree = mirror.tree(commit)?;
    for path in &tree.absent {
        println!("{repository}: {path} is absent from the mirror");
    }
    let lines = tree
        .files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .map(|file| code_lines(&file.path, &String::from_utf8_lossy(&file.bytes)))
        .sum();
    let settings = Settings {
        min_confidence,
        ..Settings::default()
    };
    Ok(Run {
        repository: repository.to_owned(),
        commit: commit.to_owned(),
        lines,
        outcome: check_tree(&tree, &settings),
    })
}

fn rate(count: usize, lines: usize) -> f64 {
    if lines == 0 {
        return 0.0;
    }
    count as f64 * 10_000.0 / lines as f64
}

fn print_table(runs: &[Run]) {
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for run in runs {
        for finding in run.shown() {
            *counts
                .entry(finding.rule)
                .or_default()
                .entry(&run.repository)
                .or_default() += 1;
        }
    }
    let lines: usize = runs.iter().map(|run| run.lines).sum();
    println!("\nfindings, and in brackets per 10 000 lines of non-test code");
    for run in runs {
        println!("{} at {}: {} lines", run.repository, run.commit, run.lines);
        for (lint, by_repository) in &counts {
            if let Some(&count) = by_repository.get(&*run.repository) {
                println!("    {lint} {count} ({:.2})", rate(count, run.lines));
            }
        }
    }
    println!("all: {lines} lines");
    for (lint, by_repository) in &counts {
        let count = by_repository.values().sum();
        println!("    {lint} {count} ({:.2})", rate(count, lines));
    }
}

/// Prints how the findings stand in the ledger; whether the errors hold the bar.
fn print_verdicts(runs: &[Run], ledger: &Ledger) -> bool {
    let lines: usize = runs.iter().map(|run| run.lines).sum();
    let mut good = true;
    for severity in [Severity::Error, Severity::Warning] {
        let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
        let mut count = 0;
        for run in runs {
            for finding in run.shown().filter(|f| f.severity == severity) {
                count += 1;
                let verdict = match judgement(ledger, run, finding).map(|j| j.verdict) {
                    Some(Verdict::Right) => "right",
                    Some(Verdict::Wrong) => "wrong",
                    Some(Verdict::Unsure) => "unsure",
                    None => "not judged",
                };
                *tally.entry(verdict).or_default() += 1;
            }
        }
        let of = |verdict| tally.get(verdict).copied().unwrap_or(0);
        let judged = count - of("not judged");
        println!(
            "{severity}s {count}, {:.2} per 10 000 lines; right {} of {judged} judged, wrong {}, unsure {}, not judged {}",
            rate(count, lines),
            of("right"),
            of("wrong"),
            of("unsure"),
            of("not judged")
        );
        if severity == Severity::Error {
            let right = judged == 0 || of("right") as f64 >= MIN_RIGHT * judged as f64;
            good = rate(count, lines) <= MAX_ERROR_RATE && right && judged == count;
        }
    }
    let seen = |judgement: &crate::ledger::Judgement| {
        let run = runs
            .iter()
            .find(|run| run.repository == judgement.repository);
        run.is_none_or(|run| {
            run.shown().any(|f| {
                f.rule == judgement.lint && f.fingerprint.as_str() == judgement.fingerprint
            })
        })
    };
    for judgement in ledger.stale(seen) {
        println!(
            "no longer found: {} {} {} ({} at {})",
            judgement.repository,
            judgement.lint,
            judgement.fingerprint,
            judgement.verdict,
            judgement.commit
        );
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_in_the_repository_can_be_read() {
        let list = parse_list(include_str!("../../../fixtures/corpus/repositories.txt")).unwrap();
        assert_eq!(list.len(), 12);
        assert!(list.iter().all(|(_, commit)| commit.len() == 40));
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(
            parse_list("# a\n\na/b 12 # c\n").unwrap(),
            [("a/b".to_owned(), "12".to_owned())]
        );
        let error = parse_list("a/b 12\na/b\n").unwrap_err();
        assert!(error.to_string().contains("line 2"));
    }

    #[test]
    fn rates_are_per_ten_thousand_lines() {
        assert_eq!(rate(3, 100_000), 0.3);
        assert_eq!(rate(0, 0), 0.0);
    }
}
