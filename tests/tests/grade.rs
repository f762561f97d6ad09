//! `conclint grade` end to end: the assignments hold what they promise, hostile submissions gain
//! nothing, and the same submissions get the same marks and receipts however they are run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conclint_tests::{Run, repository, run};
use serde_json::Value;

/// A run never takes this long; one that hangs ends here.
const LIMIT: Duration = Duration::from_secs(900);

fn assignment(name: &str) -> PathBuf {
    repository().join("fixtures/assignments").join(name)
}

fn grade(arguments: &[&str]) -> Run {
    let mut all = vec!["grade"];
    all.extend(arguments);
    run(repository(), &all, LIMIT)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn check(name: &str) {
    let run = grade(&["check-assignment", text(&assignment(name))]);
    let out = String::from_utf8_lossy(&run.stdout);
    assert_eq!(run.code, Some(0), "{out}\n{}", run.stderr);
    let bad = out.lines().filter(|l| l.starts_with("ok   known-bad/"));
    assert!(bad.count() >= 6, "{out}");
}

#[test]
fn the_counter_holds_what_it_promises() {
    check("counter");
}

#[test]
fn small_mistakes_that_keep_full_marks_are_listed() {
    let weak = tempfile::tempdir().unwrap();
    let files = [
        "skeleton/Cargo.toml",
        "starter/src/lib.rs",
        "reference/src/lib.rs",
        "hidden/tests.rs",
        "assignment.toml",
    ];
    for file in files {
        let to = weak.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(assignment("counter").join(file), to).unwrap();
    }
    fs::create_dir(weak.path().join("known-bad")).unwrap();
    fs::write(weak.path().join("known-bad/expect.toml"), "").unwrap();
    // Without the test of the mean, nobody sees that two numbers no longer fit together.
    let path = weak.path().join("assignment.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let test = "explore = [\"mean_fits\"]";
    assert!(manifest.contains(test));
    fs::write(&path, manifest.replace(test, "explore = [\"two_adders\"]")).unwrap();
    let run = grade(&["check-assignment", "--mutants", text(weak.path())]);
    let out = String::from_utf8_lossy(&run.stdout);
    // What is bad does not keep the mutants away.
    let unnamed = "BAD  hidden test mean_fits: no criterion names it";
    assert!(out.contains(unnamed), "{out}");
    assert_eq!(run.code, Some(1), "{out}\n{}", run.stderr);
    let survivor = "SURVIVES src/lib.rs:24: add, split, `state.additions += 1;`\n\
        \x20          24: `state.additions += 1;` -> `drop(state); state = self.state.lock().unwrap(); \
        state.additions += 1;`\n";
    let killed = "killed   src/lib.rs:34: mean, no lock, \
        `let state = self.state.lock().unwrap();`: by alone (one_thread, nothing_yet, nothing_added)";
    let place = |part: &str| out.find(part).unwrap_or_else(|| panic!("no {part}: {out}"));
    assert!(place(survivor) < place(killed), "{out}");
    assert!(out.contains("1 of 3 small mistakes lose marks"), "{out}");
}

#[test]
fn the_pipeline_holds_what_it_promises() {
    check("pipeline");
}

#[test]
fn the_crawler_holds_what_it_promises() {
    check("crawler");
}

/// Files below a directory, by relative path.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap();
                out.insert(text(name).to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    out
}

fn marks(out: &Path) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(out.join("marks.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let list = value["submissions"].as_array().unwrap();
    let by_id = list
        .iter()
        .map(|e| (e["id"].as_str().unwrap().to_owned(), e["marks"].clone()));
    by_id.collect()
}

#[test]
fn the_same_marks_and_receipts_however_they_are_run() {
    let counter = assignment("counter");
    let dir = tempfile::tempdir().unwrap();
    let submissions = dir.path().join("submissions");
    fs::create_dir_all(submissions.join("ann/src")).unwrap();
    fs::create_dir_all(submissions.join("nobody")).unwrap();
    let bad = |name: &str| counter.join("known-bad").join(format!("{name}.rs"));
    let copy = |from: PathBuf, to: &str| fs::copy(from, submissions.join(to)).unwrap();
    copy(counter.join("reference/src/lib.rs"), "ann/src/lib.rs");
    copy(bad("split_update"), "bob.rs");
    copy(bad("split_update"), "bobs_friend.rs");
    copy(bad("locked_twice"), "=cmd.rs");
    fs::write(submissions.join("noise.rs"), [0xff, 0x00, b'{']).unwrap();
    fs::write(submissions.join("nothing.zip"), "no archive").unwrap();
    let times = "id,submitted_at\nbob,2026-12-03T12:00:00Z\n";
    fs::write(submissions.join("submissions.csv"), times).unwrap();

    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let args = |out, jobs| {
        let run = grade(&[
            "run",
            text(&counter),
            text(&submissions),
            "--out",
            text(out),
            "--jobs",
            jobs,
        ]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run
    };
    let first = args(&one, "1");
    args(&two, "2");
    assert_eq!(files(&one.join("students")), files(&two.join("students")));
    assert_eq!(marks(&one), marks(&two));
    assert!(first.stderr.contains("6 looked at"), "{}", first.stderr);

    let marks = marks(&one);
    let points = |id: &str| marks[id]["points"].as_f64();
    assert_eq!(points("ann"), Some(10.0));
    assert_eq!(points("bobs_friend.rs"), Some(6.5));
    assert_eq!(points("bob.rs"), Some(5.2), "two days late");
    for (id, entry) in &marks {
        let ungradable = ["nobody", "noise.rs", "nothing.zip"].contains(&id.as_str());
        assert_eq!(entry["outcome"] == "ungradable", ungradable, "{id}");
        assert_eq!(entry["points"].is_null(), ungradable, "{id}");
    }

    let again = args(&one, "2");
    assert!(again.stderr.contains("0 looked at"), "{}", again.stderr);
    let receipt = one.join("students/bob.rs/receipt.json");
    let replay = grade(&["replay", text(&receipt)]);
    assert_eq!(
        replay.code,
        Some(0),
        "{}",
        String::from_utf8_lossy(&replay.stdout)
    );

    let kept = fs::read_to_string(&receipt).unwrap();
    let mut edited: Value = serde_json::from_str(&kept).unwrap();
    edited["id"] = "ann".into();
    edited["budget"]["seeds"] = serde_json::json!([1]);
    edited["limits"]["run-memory"] = 1.into();
    fs::write(&receipt, edited.to_string()).unwrap();
    let replay = grade(&["replay", text(&receipt)]);
    let told = String::from_utf8_lossy(&replay.stdout);
    for said in ["id: ann in", "seeds: [1] in", "run-memory: 1 in"] {
        assert!(told.contains(&format!("not the same: {said}")), "{told}");
    }
    assert_eq!(replay.code, Some(1));

    let sheet = dir.path().join("canvas.csv");
    let head = "Student,ID,SIS Login ID,Section,A counter that threads share (9)";
    fs::write(&sheet, format!("{head}\nB,1,bob,A,\n")).unwrap();
    let export = ["export", text(&one), "--format", "canvas", "--template"];
    let filled = grade(&[export.as_slice(), &[text(&sheet)]].concat());
    let table = String::from_utf8_lossy(&filled.stdout);
    assert!(table.ends_with("B,1,bob,A,5.2\n"), "{table}");
    let missing = "not written: ann (10 points): no row";
    assert!(filled.stderr.contains(missing), "{}", filled.stderr);
    assert_eq!(filled.code, Some(4));

    let page = fs::read_to_string(one.join("students/bob.rs/feedback.html")).unwrap();
    assert!(page.contains("interrupted"), "the interleaving is drawn");
    assert!(!page.contains("two_adders") && !page.contains("scope.spawn(|| counter.add(2))"));
}
