//! The reference programs in `fixtures/programs/`: what their `expect.toml`
//! says is found, and nothing else in the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conclint_tests::{repository, run};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    variant: Vec<Variant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    #[serde(default)]
    check: Vec<Expected>,
    #[serde(default)]
    missed: Vec<Expected>,
    #[serde(default)]
    later: Vec<Expected>,
    explore: Vec<Exploration>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Expected {
    lint: String,
    function: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exploration {
    test: String,
    verdict: String,
}

fn programs() -> Vec<PathBuf> {
    let mut programs: Vec<PathBuf> = fs::read_dir(repository().join("fixtures/programs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    programs.sort();
    assert!(programs.len() >= 19);
    programs
}

fn expectations(program: &Path) -> Expectations {
    let path = program.join("expect.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// `lint function` of all findings, by file.
fn findings(program: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let arguments = ["check", "--format", "json", "--level", "pedantic", "."];
    let run = run(program, &arguments, Duration::from_secs(60));
    let report = run.json();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in report["findings"].as_array().expect("an array of findings") {
        let step = &finding["paths"][0]["steps"][0];
        let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
        found
            .entry(text(&step["file"]))
            .or_default()
            .insert(format!(
                "{} {}",
                text(&finding["rule"]),
                text(&step["function"])
            ));
    }
    found
}

#[test]
fn check_finds_what_is_expected() {
    let mut wrong = Vec::new();
    for program in programs() {
        let mut found = findings(&program);
        for variant in expectations(&program).variant {
            let file = format!("src/{}.rs", variant.name);
            let expected: BTreeSet<String> = variant
                .check
                .iter()
                .map(|expected| format!("{} {}", expected.lint, expected.function))
                .collect();
            let found = found.remove(&file).unwrap_or_default();
            if found != expected {
                wrong.push(format!(
                    "{}/{file}: expected {expected:?}, found {found:?}",
                    program.file_name().unwrap_or_default().display()
                ));
            }
        }
        for (file, findings) in found {
            wrong.push(format!("{}/{file}: found {findings:?}", program.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_expectations() {
    for program in programs() {
        let expectations = expectations(&program);
        let root = fs::read_to_string(program.join("src/lib.rs")).unwrap();
        let names: BTreeSet<&str> = expectations.variant.iter().map(|v| &*v.name).collect();
        assert!(names.contains("correct"), "{}", program.display());
        for variant in &expectations.variant {
            let file = program.join(format!("src/{}.rs", variant.name));
            let source =
                fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            assert!(
                root.contains(&format!("pub mod {};", variant.name)),
                "{}",
                file.display()
            );
            for exploration in &variant.explore {
                let prefix = format!("{}::tests::", variant.name);
                let test = exploration
                    .test
                    .strip_prefix(&prefix)
                    .expect("a test of the variant");
                assert!(
                    source.contains(&format!("fn {test}()")),
                    "{}: no test {test}",
                    file.display()
                );
                assert!(
                    matches!(
                        &*exploration.verdict,
                        "passed" | "failed" | "deadlock" | "livelock"
                    ),
                    "{}: verdict {}",
                    file.display(),
                    exploration.verdict
                );
            }
        }
    }
}

/// A lint that exists belongs under `check`, one that does not under `later`.
#[test]
fn lints_are_where_they_belong() {
    let rules = run(
        repository(),
        &["rules", "--format", "json"],
        Duration::from_secs(60),
    );
    let rules = String::from_utf8(rules.stdout).unwrap();
    let exists = |lint: &str| rules.contains(&format!("\"{lint}\""));
    for program in programs() {
        for variant in expectations(&program).variant {
            for expected in variant.check.iter().chain(&variant.missed) {
                assert!(
                    exists(&expected.lint),
                    "{}: no lint {}",
                    variant.name,
                    expected.lint
                );
            }
            for expected in &variant.later {
                assert!(
                    !exists(&expected.lint),
                    "{}: {} exists now",
                    variant.name,
                    expected.lint
                );
            }
        }
    }
}

/// One seed and few schedules; `cargo xtask programs` is thorough.
#[test]
fn explore_finds_what_is_expected() {
    let mut wrong = Vec::new();
    let target = tempfile::tempdir().unwrap();
    for program in programs() {
        let name = program
            .file_name()
            .unwrap_or_default()
            .display()
            .to_string();
        let target = target.path().to_str().unwrap();
        let arguments = [
            "explore",
            "--lib",
            "--keep-going",
            "--schedules",
            "1000",
            "--format",
            "json",
            "--target-dir",
            target,
        ];
        let run = run(&program, &arguments, Duration::from_secs(600));
        let report = run.json();
        let targets = report["targets"].as_array().expect("an array of targets");
        for variant in expectations(&program).variant {
            for expected in variant.explore {
                let target = targets.iter().find(|t| t["test"] == *expected.test);
                let target = target.unwrap_or_else(|| panic!("{name}: no {}", expected.test));
                if target["verdict"] != *expected.verdict {
                    let (verdict, reason) = (&target["verdict"], &target["reason"]);
                    let test = &expected.test;
                    wrong.push(format!("{name}: {test}: {verdict} {reason}"));
                }
                let preemptions = target["failure"]["preemptions"].as_u64();
                if preemptions.is_some_and(|n| n > 2) {
                    wrong.push(format!("{name}: {}: {preemptions:?}", expected.test));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The crawler's client against a server on this machine, without conclint.
#[test]
fn the_crawler_speaks_http() {
    let target = tempfile::tempdir().unwrap();
    let output = std::process::Command::new("cargo")
        .args(["test", "--locked", "--test", "http", "--target-dir"])
        .arg(target.path())
        .current_dir(repository().join("fixtures/programs/crawler"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
