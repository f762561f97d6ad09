//! `cargo xtask seeded`: mistakes put into checkouts, and how many of them are reported.
//!
//! A mistake stands on the line of the acquisition it repeats or spoils, so lines keep their
//! numbers and each seed says where a finding of which lint must be. What is missed is a place
//! where a user's mistake would be missed too.

mod acquisition;
mod calls;
mod orders;
mod places;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use conclint_check::Settings;
use conclint_diag::{Confidence, Finding, Role};
use rayon::prelude::*;
use walkdir::WalkDir;

use crate::analyse::check_tree;
use crate::lines::is_test_path;
use crate::mirror::{Source, Tree};
use crate::robustness::pseudo_random;
use places::{Seed, plant, seeds};

/// Seeds mistakes into checkouts and counts those that are reported.
#[derive(Debug, clap::Args)]
pub struct Seeded {
    /// A checkout, or a directory of checkouts. Nothing in it is changed.
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// The mistakes to seed, each in a run of its own.
    #[arg(
        long,
        value_name = "KIND",
        value_delimiter = ',',
        default_value = "double,sleep,call,deep,free,order"
    )]
    kind: Vec<Kind>,
    /// At most so many of each kind in a checkout. Which ones hangs on their
    /// places, so the choice is blind and stays the same.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Run this checkout only; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Write a table too, tab by tab: kind, checkout, file:line, confidence
    /// or `missed`, line.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Write the seeded sources to DIR/kind/checkout too, to look at misses.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The same acquisition again while the first guard lives.
    Double,
    /// Seven seconds of sleep under the guard.
    Sleep,
    /// A call, under the guard, of a method that takes the lock again.
    Call,
    /// The same, one more call away.
    Deep,
    /// A call of a function that is handed the lock and takes it.
    Free,
    /// Two methods that take two locks in opposite orders.
    Order,
}

impl Kind {
    /// The lint that has to report it.
    fn code(self) -> &'static str {
        match self {
            Kind::Double | Kind::Call | Kind::Deep | Kind::Free => "CL102",
            Kind::Sleep => "CL103",
            Kind::Order => "CL101",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Double => "double",
            Kind::Sleep => "sleep",
            Kind::Call => "call",
            Kind::Deep => "deep",
            Kind::Free => "free",
            Kind::Order => "order",
        }
    }
}

/// A seed in its checkout, and what became of it.
struct Row {
    kind: Kind,
    checkout: String,
    file: String,
    line: usize,
    text: String,
    found: Option<Confidence>,
}

impl Row {
    /// The kind, the checkout, the place as `file:line`, and the line's text.
    fn columns(&self) -> (&str, &str, String, &str) {
        let place = format!("{}:{}", self.file, self.line);
        (self.kind.name(), &self.checkout, place, &self.text)
    }
}

impl Seeded {
    /// Runs the checkouts kind by kind and prints misses and figures.
    pub fn run(&self) -> Result<()> {
        let mut checkouts = Vec::new();
        for dir in &self.dirs {
            checkouts.extend(checkouts_of(dir)?);
        }
        if !self.only.is_empty() {
            checkouts.retain(|dir| self.only.contains(&name_of(dir)));
        }
        if checkouts.is_empty() {
            bail!("no checkout");
        }
        let pool = conclint_check::workers(None)?;
        let mut rows = Vec::new();
        for dir in &checkouts {
            let tree = read(dir)?;
            for &kind in &self.kind {
                rows.extend(pool.install(|| self.checkout(kind, dir, &tree))?);
            }
        }
        for row in rows.iter().filter(|row| row.found.is_none()) {
            let (kind, checkout, place, text) = row.columns();
            println!("{kind} missed: {checkout} {place} {text}");
        }
        if let Some(path) = &self.table {
            fs::write(path, table(&rows)).with_context(|| path.display().to_string())?;
        }
        for &kind in &self.kind {
            println!("{}", total(kind, &rows));
        }
        Ok(())
    }

    fn checkout(&self, kind: Kind, dir: &Path, tree: &Tree) -> Result<Vec<Row>> {
        let mut places: Vec<(usize, Seed)> = tree
            .files
            .par_iter()
            .enumerate()
            .flat_map_iter(|(at, file)| in_file(kind, at, file).into_iter().map(move |s| (at, s)))
            .collect();
        if let Some(most) = self.sample {
            let lot = |(at, seed): &(usize, Seed)| {
                let path = tree.files.get(*at).map_or("", |file| &file.path);
                pseudo_random(&format!("{path}:{}", seed.line), 1 << 32)
            };
            places.sort_by_key(lot);
            places.truncate(most);
            places.sort_by_key(|(at, seed)| (*at, seed.line));
        }
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let seeded = planted(tree, &places);
        if let Some(keep) = &self.keep {
            write(&keep.join(kind.name()).join(name_of(dir)), &seeded)?;
        }
        let settings = Settings {
            min_confidence: Confidence::Low,
            ..Settings::default()
        };
        let reported = Reported::new(kind, &check_tree(&seeded, &settings).findings);
        let row = |(at, seed): (usize, Seed)| {
            let file = seeded.files.get(at).map_or("", |file| &file.path);
            Row {
                kind,
                checkout: name_of(dir),
                file: file.to_owned(),
                line: seed.line,
                found: reported.at(file, seed.line),
                text: seed.text,
            }
        };
        Ok(places.into_iter().map(row).collect())
    }
}

/// `double 20 of 22 (low 3)`
fn total(kind: Kind, rows: &[Row]) -> String {
    let of_kind = || rows.iter().filter(|row| row.kind == kind);
    let found = of_kind().filter(|row| row.found.is_some()).count();
    let low = of_kind()
        .filter(|row| row.found == Some(Confidence::Low))
        .count();
    let all = of_kind().count();
    format!("{} {found} of {all} (low {low})", kind.name())
}

fn table(rows: &[Row]) -> String {
    rows.iter()
        .map(|row| {
            let found = row.found.map_or("missed", Confidence::as_str);
            let (kind, checkout, place, text) = row.columns();
            format!("{kind}\t{checkout}\t{place}\t{found}\t{text}\n")
        })
        .collect()
}

/// The findings of the lint that a kind is for, by the lines that count.
struct Reported(HashMap<(String, usize), Confidence>);

impl Reported {
    fn new(kind: Kind, findings: &[Finding]) -> Reported {
        let mut lines = HashMap::new();
        for finding in findings.iter().filter(|f| f.code == kind.code()) {
            for path in &finding.paths {
                // The first lock was there before: a finding that only begins on the
                // line is about something else.
                let steps = path
                    .steps
                    .iter()
                    .enumerate()
                    .filter(|(at, step)| match kind {
                        Kind::Sleep => at + 1 == path.steps.len(),
                        // `self.lock()` of a helper is a call, and the lock is taken there.
                        Kind::Double => {
                            at + 1 == path.steps.len() || *at > 0 && step.role == Role::Call
                        }
                        Kind::Call | Kind::Deep | Kind::Free => step.role == Role::Call,
                        Kind::Order => true,
                    });
                for (_, step) in steps {
                    let line = (step.span.file.to_string(), step.span.line as usize);
                    let sure = lines.entry(line).or_insert(finding.confidence);
                    *sure = (*sure).max(finding.confidence);
                }
            }
        }
        Reported(lines)
    }

    fn at(&self, file: &str, line: usize) -> Option<Confidence> {
        self.0.get(&(file.to_owned(), line)).copied()
    }
}

fn in_file(kind: Kind, at: usize, file: &Source) -> Vec<Seed> {
    if !file.path.ends_with(".rs") || is_test_path(&file.path) {
        return Vec::new();
    }
    str::from_utf8(&file.bytes).map_or_else(|_| Vec::new(), |text| seeds(kind, text, at))
}

/// The tree with its seeds; places are in the order of files.
fn planted(tree: &Tree, places: &[(usize, Seed)]) -> Tree {
    let mut files = tree.files.clone();
    for of_file in places.chunk_by(|a, b| a.0 == b.0) {
        let Some((at, _)) = of_file.first() else {
            continue;
        };
        if let Some(file) = files.get_mut(*at) {
            let seeds: Vec<&Seed> = of_file.iter().map(|(_, seed)| seed).collect();
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            file.bytes = plant(&text, &seeds).into_bytes();
        }
    }
    Tree {
        files,
        absent: Vec::new(),
    }
}

/// The directory itself where it looks like a checkout, else those in it.
fn checkouts_of(dir: &Path) -> Result<Vec<PathBuf>> {
    let here = ["Cargo.toml", ".git", "src"];
    if here.iter().any(|name| dir.join(name).exists()) {
        return Ok(vec![dir.to_owned()]);
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            inside.push(path);
        }
    }
    inside.sort();
    Ok(inside)
}

fn name_of(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or(dir.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The sources and manifests of a checkout, in byte order of whole paths.
fn read(dir: &Path) -> Result<Tree> {
    let mut files = Vec::new();
    let walk = WalkDir::new(dir).into_iter().filter_entry(|entry| {
        let name = entry.file_name();
        entry.depth() == 0 || (name != ".git" && name != "target")
    });
    for entry in walk {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if !entry.file_type().is_file() || !(name.ends_with(".rs") || name == "Cargo.toml") {
            continue;
        }
        let Some(path) = entry.path().strip_prefix(dir).ok().and_then(Path::to_str) else {
            continue;
        };
        let bytes = fs::read(entry.path()).with_context(|| entry.path().display().to_string())?;
        files.push(Source {
            path: path.replace('\\', "/"),
            bytes,
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Tree {
        files,
        absent: Vec::new(),
    })
}

fn write(dir: &Path, tree: &Tree) -> Result<()> {
    for file in &tree.files {
        let path = dir.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        fs::write(&path, &file.bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
