//! `cargo xtask mutants`: how many small mistakes in a reference solution lose marks.
//!
//! A mutant is the reference with one edit of the kind that course work has: `notify_one` for
//! `notify_all`, a notification left out, `if` for `while` around a wait, a critical section split
//! in two, threads that are not joined. Edits are made on lines, so the reference has to be
//! formatted; an edit that does not compile is not counted.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use conclint_grade::batch::{lost, run};
use conclint_grade::build::Toolchain;
use conclint_grade::intake::Submission;
use conclint_grade::{Assignment, Grader};
use conclint_sandbox::{Sandbox, doctor};

/// Grades mutants of the references of assignments and lists those that keep full marks
#[derive(Debug, Args)]
pub(crate) struct Mutants {
    /// Directories of assignments
    #[arg(required = true)]
    assignments: Vec<PathBuf>,

    /// Mutants at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// One edit.
struct Mutant {
    what: String,
    text: String,
}

impl Mutants {
    pub(crate) fn run(self) -> Result<()> {
        let (mut killed, mut all) = (0, 0);
        for dir in &self.assignments {
            let (k, n) = self.one(dir)?;
            killed += k;
            all += n;
        }
        println!("total {killed} of {all}");
        Ok(())
    }

    fn one(&self, dir: &std::path::Path) -> Result<(usize, usize)> {
        let assignment = Assignment::load(dir)?;
        let launcher = std::env::current_exe()?;
        let tier = doctor(&launcher).best().context("no sandbox works here")?;
        let file = assignment.main_file().to_owned();
        let path = assignment.dir.join("reference").join(&file);
        let text = std::fs::read_to_string(&path)?;
        let mutants = mutants(&text);
        let submissions: Vec<Submission> = mutants
            .iter()
            .enumerate()
            .map(|(n, m)| {
                let files = [(file.clone(), m.text.clone().into_bytes())].into();
                Submission::of(&format!("mutant-{n:03}"), files)
            })
            .collect();
        let work = tempfile::tempdir()?;
        let out = tempfile::tempdir()?;
        let grader = Grader {
            toolchain: Toolchain::find(&assignment)?,
            sandbox: Sandbox::new(tier, launcher),
            work: work.path().canonicalize()?,
            assignment,
        };
        let report = run(&grader, submissions, out.path(), self.jobs, &|_, _, _| {})?;
        let name = &report.batch.assignment;
        let (mut killed, mut all) = (0, 0);
        for (mutant, entry) in mutants.iter().zip(&report.batch.submissions) {
            let lost = lost(&entry.marks);
            if lost.contains(&"compiles") {
                continue;
            }
            all += 1;
            if entry
                .marks
                .points
                .is_some_and(|p| p < entry.marks.max_points)
            {
                killed += 1;
                println!("killed   {name} {}: {}", mutant.what, lost.join(", "));
            } else {
                println!(
                    "SURVIVES {name} {}: {}",
                    mutant.what,
                    entry.marks.outcome.text()
                );
            }
        }
        println!("{name} {killed} of {all}");
        Ok((killed, all))
    }
}

fn mutants(text: &str) -> Vec<Mutant> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = Vec::new();
    let mut add = |at: usize, what: &str, from: usize, to: usize, with: &[String]| {
        let mut edited: Vec<String> = lines[..from].iter().map(|l| (*l).to_owned()).collect();
        edited.extend(with.iter().cloned());
        edited.extend(lines[to..].iter().map(|l| (*l).to_owned()));
        out.push(Mutant {
            what: format!("line {}: {what}", at + 1),
            text: edited.join("\n") + "\n",
        });
    };
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        if line.contains(".notify_all();") {
            let with = [line.replace("notify_all", "notify_one")];
            add(at, "notify_one for notify_all", at, at + 1, &with);
        }
        if line.contains(".notify_all();") || line.contains(".notify_one();") {
            add(at, "no notification", at, at + 1, &[]);
        }
        if line.trim_start().starts_with("while ") && next.contains(".wait(") {
            let with = [line.replacen("while ", "if ", 1)];
            add(at, "if for while", at, at + 1, &with);
        }
        if line.trim_start().starts_with("for ")
            && next.contains(".join()")
            && let Some(list) = line.trim_end().strip_suffix(" {")
            && let Some((_, list)) = list.split_once(" in ")
        {
            let with = [format!("drop({list});")];
            add(at, "threads not joined", at, at + 3, &with);
        }
        if let Some((guard, taken)) = guard(line) {
            for place in inside(&lines, at) {
                let with = [format!("drop({guard}); let mut {guard} = {taken};")];
                let what = format!("`{guard}` given up before line {}", place + 1);
                add(at, &what, place, place, &with);
            }
        }
    }
    out
}

/// `let [mut] G = ..lock().unwrap();`: the guard and how it is taken.
fn guard(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim().strip_prefix("let ")?;
    let rest = rest.strip_prefix("mut ").unwrap_or(rest);
    let (guard, taken) = rest.strip_suffix(';')?.split_once(" = ")?;
    let plain = guard.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && taken.ends_with(".lock().unwrap()")).then_some((guard, taken))
}

/// Lines after `at`, in the same block, that begin a statement; not the first, before which
/// nothing has happened yet.
fn inside(lines: &[&str], at: usize) -> Vec<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let level = indent(lines[at]);
    let body = lines.iter().enumerate().skip(at + 1);
    let body = body.take_while(|(_, l)| l.trim().is_empty() || indent(l) >= level);
    let starts = body.filter(|(_, l)| {
        let text = l.trim();
        indent(l) == level && !text.is_empty() && !text.starts_with(['}', '.', ')', '/'])
    });
    let gone = format!("drop({})", guard(lines[at]).map_or("", |(g, _)| g));
    let starts = starts.skip(1).take_while(|(_, l)| !l.contains(&gone));
    starts.map(|(n, _)| n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind() {
        let text = "\
fn f(&self) {
    let mut state = self.state.lock().unwrap();
    while state.empty {
        state = self.c.wait(state).unwrap();
    }
    state.n += 1;
    self.c.notify_all();
}
fn g() {
    for a in list {
        a.join().unwrap();
    }
}
";
        let whats: Vec<String> = mutants(text).into_iter().map(|m| m.what).collect();
        assert_eq!(
            whats,
            [
                "line 2: `state` given up before line 6",
                "line 2: `state` given up before line 7",
                "line 3: if for while",
                "line 7: notify_one for notify_all",
                "line 7: no notification",
                "line 10: threads not joined",
            ]
        );
        let joined = mutants(text).pop().map(|m| m.text).unwrap_or_default();
        assert!(joined.ends_with("fn g() {\ndrop(list);\n}\n"), "{joined}");
    }
}
