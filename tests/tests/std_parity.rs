//! The 71 snippets of `fixtures/std-parity`, against real std and against the shadow.

// The count is the point.
#![allow(clippy::print_stderr)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use conclint_tests::{copy, repository, run};

/// How many snippets must behave as std, and how many both must reject.
const BEHAVE: usize = 69;
const REJECTED: [&str; 2] = ["rc_into_spawn", "send_guard"];

const LIMIT: Duration = Duration::from_secs(1200);

/// Names of the tests that pass under real std.
fn real_std(dir: &Path) -> Vec<String> {
    let output = Command::new("cargo")
        .args(["test", "--no-fail-fast"])
        .current_dir(dir)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let passed = text.lines().filter_map(|line| {
        let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let name = name.trim_end_matches(" - should panic");
        (result == "ok").then(|| name.to_owned())
    });
    passed.collect()
}

#[test]
fn snippets_behave_as_under_std() {
    let dir = tempfile::tempdir().unwrap();
    copy(&repository().join("fixtures/std-parity"), dir.path());
    let real = real_std(dir.path());
    let arguments = ["explore", "--format", "json", "--schedules", "300"];
    let run = run(dir.path(), &arguments, LIMIT);
    let value = run.json();
    let (mut counted, mut good, mut wrong) = (0, 0, Vec::new());
    for test in value["targets"].as_array().unwrap() {
        let name = test["test"].as_str().unwrap();
        let agrees = test["verdict"] == "passed" && real.iter().any(|r| r == name);
        if !agrees {
            wrong.push(format!("{name}: {} {}", test["verdict"], test["reason"]));
        }
        if test["target"] != "test beyond" {
            counted += 1;
            good += usize::from(agrees);
        }
    }
    let refused = REJECTED.iter().filter(|name| rejects(name)).count();
    let (all, total) = (good + refused, BEHAVE + REJECTED.len());
    let summary =
        format!("{all} of {total}: {good} behave as std, {refused} are rejected; wrong: {wrong:?}");
    assert_eq!((counted, all, wrong.len()), (BEHAVE, total, 0), "{summary}");
    eprintln!("std parity: {summary}");
}

/// Neither real std nor the shadow compiles the program, because of a `Send` bound.
fn rejects(name: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let manifest =
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    let fixture = repository().join("fixtures/std-parity/rejected");
    fs::create_dir(dir.path().join("src")).unwrap();
    fs::copy(
        fixture.join(format!("{name}.rs")),
        dir.path().join("src/main.rs"),
    )
    .unwrap();
    let real = Command::new("cargo")
        .args(["check", "--color=never"])
        .current_dir(dir.path())
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo starts");
    let shadow = run(dir.path(), &["explore"], LIMIT);
    String::from_utf8_lossy(&real.stderr).contains("E0277")
        && shadow.stderr.contains("E0277")
        && shadow.code == Some(2)
}
