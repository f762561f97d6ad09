//! Whatever a course system hands out, through `conclint grade run` to marks: archives, download
//! layouts, and archives that try to get out of where they are unpacked.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conclint_tests::{Run, copy, repository, run};
use serde_json::Value;

/// A run never takes this long; one that hangs ends here.
const LIMIT: Duration = Duration::from_secs(900);

struct Course {
    dir: tempfile::TempDir,
    good: Vec<u8>,
}

impl Course {
    /// The counter with a small budget: what is looked at here is the way in.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let from = repository().join("fixtures/assignments/counter");
        copy(&from, &dir.path().join("assignment"));
        let file = dir.path().join("assignment/assignment.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("schedules = 10000", "schedules = 50")).unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        let good = fs::read(from.join("reference/src/lib.rs")).unwrap();
        Course { dir, good }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("in").join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn zip(&self, name: &str, entries: &[(&str, &[u8])]) {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut zip = zip::ZipWriter::new(&mut bytes);
        for (entry, text) in entries {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(*entry, options).unwrap();
            zip.write_all(text).unwrap();
        }
        zip.finish().unwrap();
        self.put(name, bytes.get_ref());
    }

    /// Names go in as they are: the crate would refuse some of them.
    fn tar_gz(&self, name: &str, entries: &[(&str, tar::EntryType, &[u8])]) {
        let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut tar = tar::Builder::new(packed);
        for (entry, kind, text) in entries {
            let mut header = tar::Header::new_old();
            header.as_old_mut().name[..entry.len()].copy_from_slice(entry.as_bytes());
            header.set_entry_type(*kind);
            if *kind == tar::EntryType::Symlink {
                header.set_link_name(str::from_utf8(text).unwrap()).unwrap();
                header.set_size(0);
            } else {
                header.set_size(text.len() as u64);
            }
            header.set_mode(0o644);
            header.set_cksum();
            let body: &[u8] = if *kind == tar::EntryType::Regular {
                text
            } else {
                &[]
            };
            tar.append(&header, body).unwrap();
        }
        self.put(name, &tar.into_inner().unwrap().finish().unwrap());
    }

    /// Marks by id.
    fn grade(&self, submissions: &Path) -> Vec<(String, Value)> {
        let out = self.dir.path().join("out");
        let path = |p: &Path| p.to_str().unwrap().to_owned();
        let assignment = path(&self.dir.path().join("assignment"));
        let (from, to) = (path(submissions), path(&out));
        let run: Run = run(
            repository(),
            &["grade", "run", &assignment, &from, "--out", &to],
            LIMIT,
        );
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let text = fs::read_to_string(out.join("marks.json")).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let list = value["submissions"].as_array().unwrap().clone();
        list.into_iter()
            .map(|e| (e["submission"].as_str().unwrap().to_owned(), e))
            .collect()
    }
}

#[test]
fn folders_archives_and_downloads() {
    let course = Course::new();
    let good = course.good.as_slice();
    let regular = tar::EntryType::Regular;
    course.put("whole project/Cargo.toml", b"[package]\nname = \"mine\"\n");
    course.put("whole project/build.rs", b"fn main() { panic!() }");
    course.put("whole project/.gitignore", b"*\n");
    course.put("whole project/src/lib.rs", good);
    course.put("whole project/target/debug/lib.rs", b"no Rust");
    course.put("only_the_file/lib.rs", good);
    course.put("other name.rs", good);
    course.zip(
        "zipped.zip",
        &[("work/src/lib.rs", good), ("work/notes.txt", b"hi")],
    );
    course.zip("mac.zip", &[("lib.rs", good), ("__MACOSX/._lib.rs", b"\0")]);
    course.tar_gz("packed.tar.gz", &[("src/lib.rs", regular, good)]);
    course.put("doejane_12345_67890_lib-1.rs", good);
    course.put("Max Muster_4711_assignsubmission_file_/lib.rs", good);
    let marks = course.grade(&course.dir.path().join("in"));
    assert_eq!(marks.len(), 8);
    for (name, entry) in &marks {
        assert_eq!(
            entry["marks"]["points"].as_f64(),
            Some(10.0),
            "{name}: {entry}"
        );
    }
    let who = |name: &str| {
        let entry = &marks.iter().find(|(n, _)| n.contains(name)).unwrap().1;
        format!("{} {}", entry["name"], entry["student_id"])
    };
    assert_eq!(who("doejane"), r#""doejane" "12345""#);
    assert_eq!(who("Muster"), r#""Max Muster" "4711""#);
}

#[test]
fn a_download_of_many_in_one_archive() {
    let course = Course::new();
    let good = course.good.as_slice();
    course.zip(
        "course.zip",
        &[
            ("Ann Lee_11_assignsubmission_file_/lib.rs", good),
            ("Bob Ray_12_assignsubmission_file_/src/lib.rs", good),
            ("Cy Noh_13_assignsubmission_file_/lib.rs", b"pub fn x( {}"),
        ],
    );
    let marks = course.grade(&course.path("course.zip"));
    let points: Vec<(&str, Option<f64>)> = marks
        .iter()
        .map(|(_, e)| (e["name"].as_str().unwrap(), e["marks"]["points"].as_f64()))
        .collect();
    assert_eq!(
        points,
        [
            ("Ann Lee", Some(10.0)),
            ("Bob Ray", Some(10.0)),
            ("Cy Noh", Some(0.0))
        ]
    );
}

#[test]
fn gradescope_autograder() {
    let course = Course::new();
    let metadata = r#"{
        "id": 123456,
        "created_at": "2026-12-03T12:00:00.000000-00:00",
        "assignment": { "due_date": "2026-12-01T23:59:59.000000-00:00", "id": 25828 },
        "submission_method": "upload",
        "users": [{ "email": "student@example.org", "id": 1234, "name": "Student User" }],
        "previous_submissions": []
    }"#;
    course.put("submission_metadata.json", metadata.as_bytes());
    course.put("submission/src/lib.rs", &course.good);
    course.put("source/run_autograder", b"#!/bin/sh\n");
    let marks = course.grade(&course.dir.path().join("in"));
    let [(_, entry)] = marks.as_slice() else {
        panic!("one submission: {marks:?}");
    };
    assert_eq!(entry["email"], "student@example.org");
    assert_eq!(entry["student_id"], "1234");
    // Two days late by the time of submission, whatever the clock says.
    assert_eq!(entry["marks"]["points"].as_f64(), Some(8.0), "{entry}");
    let out = course.dir.path().join("out");
    let arguments = [
        "grade",
        "export",
        out.to_str().unwrap(),
        "--format",
        "gradescope",
    ];
    let export = run(repository(), &arguments, LIMIT);
    let value: Value = serde_json::from_slice(&export.stdout).unwrap();
    assert_eq!(value["score"], 8.0, "{}", export.stderr);
}

/// What would be lost by a slip of the hand is refused, with exit code 2 and nothing written.
#[test]
fn slips_of_the_hand() {
    let course = Course::new();
    course.put("ann.txt", b"no Rust");
    let dir = course.dir.path();
    let text = |p: &Path| p.to_str().unwrap().to_owned();
    let grade = |assignment: &Path, from: &Path, to: &Path| {
        let arguments = [text(assignment), text(from), "--out".to_owned(), text(to)];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(
            repository(),
            &[&["grade", "run"], &arguments[..]].concat(),
            LIMIT,
        )
    };
    let (counter, from, out) = (dir.join("assignment"), dir.join("in"), dir.join("out"));
    assert_eq!(grade(&counter, &from, &out).code, Some(0));
    let kept = |name: &str| fs::read(out.join(name)).unwrap();
    let (marks, note) = (kept("marks.json"), kept("run.json"));
    let crawler = repository().join("fixtures/assignments/crawler");
    for (assignment, from, out, says) in [
        (&counter, dir.join("im"), &out, "no submissions at"),
        (
            &counter,
            from.clone(),
            &from.join("out"),
            "lies among the submissions",
        ),
        (&crawler, from.clone(), &out, "holds the marks of `counter`"),
    ] {
        let refused = grade(assignment, &from, out);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(says), "{says}: {}", refused.stderr);
    }
    assert!(!from.join("out").exists());
    assert!(kept("marks.json") == marks && kept("run.json") == note);
}

#[test]
fn archives_that_try_to_get_out() {
    let course = Course::new();
    let good = course.good.as_slice();
    let (regular, link) = (tar::EntryType::Regular, tar::EntryType::Symlink);
    course.zip(
        "slip.zip",
        &[("src/lib.rs", good), ("../../conclint-slip.rs", good)],
    );
    course.zip(
        "absolute.zip",
        &[("src/lib.rs", good), ("/tmp/conclint-slip.rs", good)],
    );
    course.zip(
        "backslash.zip",
        &[("src/lib.rs", good), ("..\\..\\conclint-slip.rs", good)],
    );
    let bomb = vec![b' '; 40 << 20];
    course.zip("bomb.zip", &[("src/lib.rs", &bomb)]);
    let many: Vec<String> = (0..10_001).map(|n| format!("{n}.rs")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|n| (n.as_str(), [].as_slice())).collect();
    course.zip("many.zip", &many);
    course.tar_gz("slip.tar.gz", &[("../conclint-slip.rs", regular, good)]);
    course.tar_gz(
        "absolute.tar.gz",
        &[("/tmp/conclint-slip.rs", regular, good)],
    );
    course.tar_gz("link.tar.gz", &[("src/lib.rs", link, b"/etc/passwd")]);
    course.tar_gz(
        "through.tar.gz",
        &[("src", link, b"/etc"), ("src/hostname", regular, good)],
    );
    fs::create_dir_all(course.path("linked/src")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", course.path("linked/src/lib.rs")).unwrap();
    std::os::unix::fs::symlink("/etc", course.path("a-link")).unwrap();
    course.put("honest.rs", good);
    let marks = course.grade(&course.dir.path().join("in"));
    assert_eq!(
        marks.len(),
        11,
        "a link among the submissions is no submission"
    );
    for (name, entry) in &marks {
        let honest = name == "honest.rs";
        assert_eq!(
            entry["marks"]["outcome"] == "ungradable",
            !honest,
            "{name}: {entry}"
        );
        assert_eq!(
            entry["marks"]["points"].is_null(),
            !honest,
            "{name}: {entry}"
        );
        assert!(!entry.to_string().contains("root:"), "{name}: {entry}");
        let reasons = entry["marks"]["reasons"].as_array().unwrap();
        assert_eq!(reasons.is_empty(), honest, "{name} says why");
    }
    assert!(!Path::new("/tmp/conclint-slip.rs").exists());
    let beside = course.dir.path().parent().unwrap();
    assert!(!beside.join("conclint-slip.rs").exists());
}
