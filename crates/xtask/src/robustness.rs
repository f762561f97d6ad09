//! `cargo xtask robustness`: the front end over every file of a directory, as
//! it is and cut off in the middle. Nothing may panic or hang.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use conclint_check::{SourceInput, check_sources};
use rayon::prelude::*;
use walkdir::WalkDir;

use crate::analyse::everything;

/// Runs every `.rs` file, whole and truncated, and counts what goes wrong.
#[derive(Debug, clap::Args)]
pub struct Robustness {
    /// Where the files are; everything below it is read.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A file that takes longer is named.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    slow: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    files: usize,
    bytes: u64,
    not_parsed: usize,
    panics: usize,
    slow: usize,
}

impl Tally {
    fn add(self, other: Tally) -> Tally {
        Tally {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            not_parsed: self.not_parsed + other.not_parsed,
            panics: self.panics + other.panics,
            slow: self.slow + other.slow,
        }
    }
}

impl Robustness {
    /// Runs them all; fails when one panics.
    pub fn run(&self) -> Result<()> {
        let mut files: Vec<PathBuf> = WalkDir::new(&self.dir)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.into_path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .collect();
        files.sort();
        if files.is_empty() {
            bail!("{}: no .rs file", self.dir.display());
        }
        let started = Instant::now();
        let pool = conclint_check::workers(None)?;
        let both =
            |one: [Tally; 2], other: [Tally; 2]| [one[0].add(other[0]), one[1].add(other[1])];
        let [whole, cut] = pool.install(|| {
            files
                .par_iter()
                .map(|path| self.file(path))
                .reduce(|| [Tally::default(); 2], both)
        });
        for (name, tally) in [("whole", whole), ("truncated", cut)] {
            println!(
                "{name}: {} files, {} bytes, {} with unread parts, {} panics, {} slow",
                tally.files, tally.bytes, tally.not_parsed, tally.panics, tally.slow
            );
        }
        println!("{:.1} s", started.elapsed().as_secs_f64());
        if whole.panics + cut.panics > 0 {
            bail!("the analyser panicked");
        }
        Ok(())
    }

    fn file(&self, path: &Path) -> [Tally; 2] {
        let Ok(bytes) = fs::read(path) else {
            println!("{}: cannot be read", path.display());
            return [Tally::default(); 2];
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut cut = pseudo_random(&path.to_string_lossy(), text.len());
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        [self.one(path, &text), self.one(path, &text[..cut])]
    }

    fn one(&self, path: &Path, text: &str) -> Tally {
        let name = path.display().to_string();
        let sources = vec![SourceInput {
            path: Arc::from("file.rs"),
            text: Arc::from(text),
        }];
        let started = Instant::now();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            check_sources(sources, Vec::new(), &everything())
        }));
        let slow = started.elapsed() > Duration::from_secs(self.slow);
        if slow {
            println!(
                "{name}: {:.1} s for {} bytes",
                started.elapsed().as_secs_f64(),
                text.len()
            );
        }
        let unread = outcome
            .as_ref()
            .is_ok_and(|outcome| !outcome.summary.unparsed.is_empty());
        if outcome.is_err() {
            println!("{name}: panic with the first {} bytes", text.len());
        }
        Tally {
            files: 1,
            bytes: text.len() as u64,
            not_parsed: usize::from(unread),
            panics: usize::from(outcome.is_err()),
            slow: usize::from(slow),
        }
    }
}

/// A number up to `bound` that hangs on `seed` alone (FNV-1a).
pub fn pseudo_random(seed: &str, bound: usize) -> usize {
    let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % (bound as u64 + 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_inside_and_repeatable() {
        for bound in [0, 1, 7, 1000] {
            let cut = pseudo_random("a/b.rs", bound);
            assert!(cut <= bound);
            assert_eq!(cut, pseudo_random("a/b.rs", bound));
        }
    }
}
