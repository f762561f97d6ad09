//! Hostile submissions gain nothing, stop nobody and get out of no sandbox.

use std::fs;
use std::path::Path;
use std::time::Duration;

use conclint_tests::{copy, repository, run};
use serde_json::Value;

/// A run never takes this long; one that hangs ends here.
const LIMIT: Duration = Duration::from_secs(1800);

/// Everything that the gate can let through.
const OPEN: &str = r#"
[gate]
allow = ["arch", "backtrace", "env", "ffi", "fs", "net", "os", "path", "process", "include",
         "include_str", "include_bytes", "option_env", "link_section", "no_mangle", "used",
         "export_name", "global_allocator", "macro_export", "no_std", "panic_handler", "Location",
         "set_hook", "take_hook", "type_name"]

[limits]
compile-seconds = 20
run-seconds = 60
compile-memory = 2048
run-memory = 1024
"#;

/// They do nothing at all, and answer the tests with values of their own types.
const LIARS: [&str; 2] = ["equal_to_all.rs", "own_integer.rs"];

/// They fail for all to see, so that no person has to look.
const LOST: [&str; 2] = ["endless_drop.rs", "long_message.rs"];

/// Where an attack that got out would leave something.
const TRACES: [&str; 8] = [
    "/tmp/conclint-hostile-0",
    "/tmp/conclint-hostile-1",
    "/var/tmp/conclint-hostile-0",
    "/dev/shm/conclint-hostile-0",
    "/dev/conclint-hostile-0",
    "/tmp/conclint-hostile-build",
    "/tmp/conclint-hostile-rustc",
    "/tmp/conclint-hostile-toolchain",
];

/// This machine gives the tier; where it does not, there is nothing to look at.
fn works(tier: &str) -> bool {
    let doctor = run(repository(), &["grade", "doctor"], LIMIT);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let line = text
        .lines()
        .find(|l| l.starts_with(&format!("tier {tier} ")));
    line.is_some_and(|l| l.ends_with(": works"))
}

fn grade(tier: &str, open: bool) {
    if !works(tier) {
        assert!(
            std::env::var_os("CONCLINT_ALL_TIERS").is_none(),
            "tier {tier} does not work on this machine"
        );
        return;
    }
    let fixtures = repository().join("fixtures");
    let dir = tempfile::tempdir().unwrap();
    let (assignment, submissions) = (dir.path().join("a"), dir.path().join("s"));
    copy(&fixtures.join("assignments/counter"), &assignment);
    copy(&fixtures.join("hostile"), &submissions);
    fs::remove_file(submissions.join("README.md")).unwrap();
    let honest = assignment.join("reference/src/lib.rs");
    fs::copy(honest, submissions.join("honest.rs")).unwrap();
    let file = assignment.join("assignment.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    text = text.replace("schedules = 10000", "schedules = 200");
    if open {
        text = text.replacen("[budget]", &format!("{OPEN}\n[budget]"), 1);
    }
    fs::write(&file, text).unwrap();
    let out = dir.path().join("out");
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    let (a, s, o) = (path(&assignment), path(&submissions), path(&out));
    let arguments = [
        "grade", "run", &a, &s, "--out", &o, "--tier", tier, "--jobs", "2",
    ];
    let run = run(repository(), &arguments, LIMIT);
    assert!(matches!(run.code, Some(0 | 4)), "{}", run.stderr);

    let text = fs::read_to_string(out.join("marks.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let list = value["submissions"].as_array().unwrap();
    assert_eq!(list.len(), fs::read_dir(&submissions).unwrap().count());
    for entry in list {
        let (id, marks) = (entry["id"].as_str().unwrap(), &entry["marks"]);
        if id == "honest.rs" {
            assert_eq!(marks["points"].as_f64(), Some(10.0), "{marks}");
            continue;
        }
        assert_ne!(marks["outcome"], "failed", "{id}: {marks}");
        let criteria = marks["criteria"].as_array().unwrap();
        let exact = criteria.iter().find(|c| c["id"] == "exact");
        let points = exact.map_or(0.0, |c| c["points"].as_f64().unwrap_or(0.0));
        assert!(points == 0.0, "{id} gains points: {marks}");
        if LOST.contains(&id) {
            assert_eq!(exact.unwrap()["status"], "lost", "{id}: {marks}");
        }
        if LIARS.contains(&id) {
            assert_eq!(marks["points"].as_f64(), Some(0.0), "{id}: {marks}");
        }
        let page = fs::read_to_string(out.join("students").join(id).join("feedback.html")).unwrap();
        assert!(
            !page.contains("<script") && !page.contains('\u{1b}'),
            "{id}"
        );
        assert!(!page.contains("conclint-hostile-read"), "{id}: {page}");
    }
    for trace in TRACES {
        assert!(!Path::new(trace).exists(), "{trace}");
    }
}

#[test]
fn behind_the_gate() {
    grade("1", false);
}

#[test]
fn without_the_gate_in_tier_1() {
    grade("1", true);
}

#[test]
fn without_the_gate_in_tier_2() {
    grade("2", true);
}
