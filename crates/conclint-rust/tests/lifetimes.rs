//! Guard lifetimes, probe by probe: is the guard alive at `here()`?
//!
//! The expected answers are those of the compiler: the second test compiles
//! the same probes with a guard that counts its drops, runs them and compares.
//! `A` is alive, `f` is free; the two letters are editions 2021 and 2024, and
//! a space stands where an edition has no such syntax.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use conclint_facts::{Analysis, EventKind};
use conclint_rust::{Input, ManifestInput, SourceInput, read};
use probes::{PRELUDE, PROBES, TAILS};

#[path = "lifetimes/probes.rs"]
mod probes;

fn alive(code: &str, edition: &str) -> bool {
    let input = Input {
        sources: vec![SourceInput {
            path: Arc::from("src/lib.rs"),
            text: Arc::from(code),
        }],
        manifests: vec![ManifestInput {
            dir: String::new(),
            text: format!(
                "[package]\nname = \"probe\"\nedition = \"{edition}\"\n[dependencies]\nparking_lot = \"*\"\n"
            ),
        }],
        lock_types: Vec::new(),
    };
    let analysis = Analysis::of(read(input).0);
    let mut seen = false;
    let mut held = false;
    for (at, event) in analysis.events() {
        if analysis.function(at.function).name != "p" {
            continue;
        }
        if let EventKind::Call(call) = &event.kind
            && (matches!(call.name.as_str(), "here" | "hb") || call.name.ends_with("::drop"))
        {
            seen = true;
            held |= !analysis.held_before(at).is_empty();
        }
    }
    assert!(seen, "no `here()` found in: {code}");
    held
}

/// Signature of what stands around the statements of a probe.
fn probe(statements: &str, std_mutex: &str) -> String {
    format!("fn p(m: &Mutex<D>, s: &{std_mutex}<D>, c: bool) {{ {statements} }}")
}

const EDITIONS: [&str; 2] = ["2021", "2024"];

fn differing(answer: impl Fn(usize, &str, &str) -> String) -> Vec<String> {
    let mut differ = Vec::new();
    for (number, (expected, code)) in PROBES.iter().chain(TAILS).enumerate() {
        for (letter, edition) in expected.chars().zip(EDITIONS) {
            let expected = match letter {
                'A' => "alive",
                'f' => "free",
                _ => continue,
            };
            let answer = answer(number, code, edition);
            if answer != expected {
                differ.push(format!(
                    "edition {edition}, expected {expected}, is {answer}: {code}"
                ));
            }
        }
    }
    differ
}

#[test]
fn every_probe_in_both_editions() {
    let differ = differing(|number, code, edition| {
        let function = match number < PROBES.len() {
            true => probe(code, "std::sync::Mutex"),
            false => code.to_owned(),
        };
        let alive = alive(&format!("{PRELUDE}{function}\n"), edition);
        if alive { "alive" } else { "free" }.to_owned()
    });
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// All probes that an edition has as one program, each in a module of its own.
fn program(edition: usize) -> String {
    let here = "fn here() -> i32 { 0 }\n";
    assert!(PRELUDE.contains(here));
    let counting = include_str!("lifetimes/counting.rs");
    let mut out = format!("{counting}{}", PRELUDE.replace(here, ""));
    let mut calls = String::new();
    for (number, (expected, code)) in PROBES.iter().chain(TAILS).enumerate() {
        if expected.chars().nth(edition) == Some(' ') {
            continue;
        }
        let (function, call) = match number < PROBES.len() {
            true => (probe(code, "poisoning::Mutex"), "p(m, s, c)"),
            false => ((*code).to_owned(), "{ p(m); }"),
        };
        let _ = writeln!(out, "mod p{number} {{ use super::*; pub {function} }}");
        let _ = writeln!(
            calls,
            "probe({number}, |m, s, c| {{ use p{number}::p; {call} }});"
        );
    }
    let _ = writeln!(out, "fn main() {{ {calls} }}");
    out
}

/// Number of a probe to what the compiled one says.
fn compiled(dir: &Path, edition: usize) -> BTreeMap<usize, String> {
    let (source, binary) = (dir.join("probes.rs"), dir.join("probes"));
    std::fs::write(&source, program(edition)).expect("the program can be written");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc)
        .args(["--edition", EDITIONS[edition], "-o"])
        .args([&binary, &source])
        .output()
        .expect("rustc runs");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "the probes compile:\n{errors}");
    let ran = Command::new(&binary).output().expect("the probes run");
    let output = String::from_utf8_lossy(&ran.stdout);
    let answers = output.lines().filter_map(|line| {
        let (number, answer) = line.strip_prefix("probe ")?.split_once(' ')?;
        Some((number.parse().ok()?, answer.to_owned()))
    });
    answers.collect()
}

#[test]
fn the_compiler_says_the_same() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let editions = [0, 1].map(|edition| compiled(dir.path(), edition));
    let differ = differing(|number, _, edition| {
        let answers = &editions[usize::from(edition == EDITIONS[1])];
        answers.get(&number).cloned().unwrap_or_default()
    });
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
