//! Downloads as course systems and teachers make them, and what is taken out of them.

use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::*;

/// The counter, of one file or of the files named.
fn assignment(files: &[&str]) -> Assignment {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/assignments/counter");
    let mut assignment = Assignment::load(&fixtures).unwrap();
    if !files.is_empty() {
        assignment.manifest.files = files.iter().map(|file| (*file).to_owned()).collect();
    }
    assignment
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let dir = Dir(tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            let path = dir.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("in").join(name)
    }

    /// `id <person>: what each file holds`, or why there is none.
    fn read(&self, name: &str, files: &[&str]) -> Vec<String> {
        let intake = read(&assignment(files), &self.path(name)).unwrap();
        let mut lines: Vec<String> = intake.submissions.iter().map(line).collect();
        if !intake.left_out.is_empty() {
            lines.push(format!("beside: {}", intake.left_out.join(", ")));
        }
        lines
    }
}

fn line(s: &Submission) -> String {
    let files = s.files.iter().map(|(name, bytes)| {
        let name = name.strip_prefix("src/").unwrap_or(name);
        format!("{name}={}", String::from_utf8_lossy(bytes))
    });
    let files = files.collect::<Vec<_>>().join(" ");
    let late = s
        .submitted_at
        .as_deref()
        .map_or(String::new(), |t| format!(" at {t}"));
    let who = &s.person;
    // Without what keeps names apart that would be the same file's.
    let id = s.id.rsplit_once('-').filter(|(_, hash)| hash.len() == 8);
    format!(
        "{} <{}{}{}>{late}: {}",
        id.map_or(s.id.as_str(), |(id, _)| id),
        who.name,
        if who.id.is_empty() { "" } else { " " },
        who.id,
        s.refused.clone().unwrap_or(files)
    )
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for (entry, text) in entries {
        zip.start_file(*entry, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text).unwrap();
    }
    zip.finish().unwrap();
    bytes.into_inner()
}

#[test]
fn a_teachers_folder() {
    let work = zip(&[("work/src/lib.rs", b"zipped"), ("work/notes.txt", b"")]);
    let twice = zip(&[("a/src/lib.rs", b"1"), ("b/src/lib.rs", b"2")]);
    let dir = Dir::with(&[
        ("ann/src/lib.rs", b"ann"),
        ("ann/target/debug/lib.rs", b"built"),
        ("bob.rs", b"bob"),
        ("C. Noh.zip", &work),
        ("dee/work.zip", &work),
        ("eve.docx", b""),
        ("fay/essay.pdf", b""),
        ("gil.7z", b""),
        ("hal.zip", b"PK"),
        ("ina.zip", &twice),
        ("jo/a.rs", b""),
        ("jo/b.rs", b""),
        ("README.md", b""),
        ("grades.csv", b""),
        ("__MACOSX/._bob.rs", b""),
        ("Thumbs.db", b""),
        (".DS_Store", b""),
    ]);
    fs::create_dir(dir.path("kim")).unwrap();
    assert_eq!(
        dir.read("", &[]),
        [
            "C._Noh.zip <C. Noh>: lib.rs=zipped",
            "ann <ann>: lib.rs=ann",
            "bob.rs <bob>: lib.rs=bob",
            "dee <dee>: lib.rs=zipped",
            "eve.docx <eve.docx>: src/lib.rs is missing: there is eve.docx",
            "fay <fay>: src/lib.rs is missing: there is essay.pdf",
            "gil.7z <gil.7z>: gil.7z cannot be unpacked: zip, tar and tar.gz can",
            "hal.zip <hal>: it is no zip archive, or a damaged one",
            "ina.zip <ina>: 2 files could be src/lib.rs: a/src/lib.rs, b/src/lib.rs",
            "jo <jo>: src/lib.rs is missing: there is a.rs, b.rs",
            "kim <kim>: src/lib.rs is missing: nothing was handed in",
            "beside: README.md, Thumbs.db, __MACOSX, grades.csv",
        ]
    );
}

#[test]
fn canvas() {
    let files: &[(&str, &[u8])] = &[
        ("doejane_123_456_lib.rs", b"jane"),
        ("doejane_123_457_README.md", b""),
        ("raybob_LATE_124_458_lib-1.rs", b"second"),
        ("raybob_LATE_124_401_lib.rs", b"first"),
        ("nohcy_125_459_text.html", b""),
        ("foxdee_127_999_lib.rs", b"first"),
        ("foxdee_127_1000_lib.rs", b"second"),
        ("leeann_126_460_work.zip", &zip(&[("src/lib.rs", b"ann")])),
    ];
    let expected = [
        "doejane_123 <doejane 123>: lib.rs=jane",
        "foxdee_127 <foxdee 127>: lib.rs=second",
        "leeann_126 <leeann 126>: lib.rs=ann",
        "nohcy_125 <nohcy 125>: src/lib.rs is missing: there is text.html",
        "raybob_124 <raybob 124> at LATE: lib.rs=second",
    ];
    // As a folder, and as it is downloaded.
    assert_eq!(Dir::with(files).read("", &[]), expected);
    let packed = Dir::with(&[("submissions.zip", &zip(files))]);
    assert_eq!(packed.read("submissions.zip", &[]), expected);
}

#[test]
fn canvas_with_two_files_each() {
    let dir = Dir::with(&[
        ("doejane_123_456_lib.rs", b"jane"),
        ("doejane_123_457_state.rs", b"her state"),
        ("raybob_124_458_lib.rs", b"bob"),
    ]);
    assert_eq!(
        dir.read("", &["src/lib.rs", "src/state.rs"]),
        [
            "doejane_123 <doejane 123>: lib.rs=jane state.rs=her state",
            "raybob_124 <raybob 124>: src/state.rs is missing: there is lib.rs",
        ]
    );
}

#[test]
fn moodle() {
    let work = zip(&[("work/src/lib.rs", b"zipped")]);
    let files: &[(&str, &[u8])] = &[
        ("Ann Lee_11_assignsubmission_file_/lib.rs", b"ann"),
        (
            "Ann Lee_11_assignsubmission_onlinetext_/onlinetext.html",
            b"",
        ),
        ("Bob Ray_12_assignsubmission_file_/work.zip", &work),
        (
            "Cy Noh_13_assignsubmission_onlinetext_/onlinetext.html",
            b"",
        ),
        ("Dee Fox_14_assignsubmission_file_lib.rs", b"dee"),
    ];
    let expected = [
        "Ann_Lee_11 <Ann Lee 11>: lib.rs=ann",
        "Bob_Ray_12 <Bob Ray 12>: lib.rs=zipped",
        "Cy_Noh_13 <Cy Noh 13>: src/lib.rs is missing: there is onlinetext.html",
        "Dee_Fox_14 <Dee Fox 14>: lib.rs=dee",
    ];
    assert_eq!(Dir::with(files).read("", &[]), expected);
    let packed = Dir::with(&[("all.zip", &zip(files))]);
    assert_eq!(packed.read("all.zip", &[]), expected);
}

#[test]
fn an_archive_of_many_or_of_one() {
    let one = zip(&[("src/lib.rs", b"one")]);
    type Case<'a> = (&'a [(&'a str, &'a [u8])], &'a [&'a str]);
    let cases: &[Case] = &[
        (
            &[("ann/src/lib.rs", b"ann"), ("bob/lib.rs", b"bob")],
            &["ann <ann>: lib.rs=ann", "bob <bob>: lib.rs=bob"],
        ),
        (
            &[
                ("class/ann/src/lib.rs", b"ann"),
                ("class/bob.zip", &one),
                ("class/README.md", b""),
            ],
            &[
                "ann <ann>: lib.rs=ann",
                "bob.zip <bob>: lib.rs=one",
                "beside: README.md",
            ],
        ),
        (
            &[("ann.rs", b"ann"), ("bob.rs", b"bob"), ("cy.txt", b"")],
            &[
                "ann.rs <ann>: lib.rs=ann",
                "bob.rs <bob>: lib.rs=bob",
                "cy.txt <cy.txt>: src/lib.rs is missing: there is cy.txt",
            ],
        ),
        (
            &[
                ("counter/src/lib.rs", b"one"),
                ("counter/tests/lib.rs", b""),
                ("counter/examples/show/src/lib.rs", b""),
            ],
            &["all.zip <all>: lib.rs=one"],
        ),
        (&[("counter.rs", b"one")], &["all.zip <all>: lib.rs=one"]),
        (
            &[("main.rs", b""), ("lib.rs", b"one")],
            &["all.zip <all>: lib.rs=one"],
        ),
    ];
    for (files, expected) in cases {
        let dir = Dir::with(&[("all.zip", &zip(files))]);
        assert_eq!(dir.read("all.zip", &[]), *expected, "{files:?}");
    }
}

#[test]
fn names_that_are_no_text_stay_apart() {
    let dir = Dir::with(&[("ann.rs", b"")]);
    for name in [b"lat\xe9in.rs", b"lat\xe8in.rs"] {
        let path = dir.path("").join(OsStr::from_bytes(name));
        fs::write(path, name).unwrap();
    }
    let list = read(&assignment(&[]), &dir.path("")).unwrap().submissions;
    let ids: std::collections::BTreeSet<&str> = list.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(list.iter().all(|s| s.refused.is_none()), "{list:?}");
}

#[test]
fn one_project_is_no_folder_of_students() {
    let dir = Dir::with(&[
        ("mine/Cargo.toml", b""),
        ("mine/src/lib.rs", b"one"),
        ("mine/tests/all.rs", b""),
    ]);
    assert_eq!(dir.read("mine", &[]), ["mine <mine>: lib.rs=one"]);
    let none = read(&assignment(&[]), &dir.path("nobody")).unwrap_err();
    assert!(none.to_string().starts_with("no submissions at"), "{none}");
}

#[test]
fn gradescope_as_it_should_not_be() {
    let work: (&str, &[u8]) = ("submission/src/lib.rs", b"one");
    let dir = Dir::with(&[work, ("run_autograder", b""), ("results/x", b"")]);
    let error = read(&assignment(&[]), &dir.path("")).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    let read = |metadata: &str| {
        let metadata = ("submission_metadata.json", metadata.as_bytes());
        Dir::with(&[work, metadata]).read("", &[])
    };
    assert_eq!(
        read(r#"{"id": 7, "created_at": null, "users": []}"#),
        ["gradescope-7 <>: lib.rs=one"]
    );
    let group = r#"{"id": 7, "created_at": "2026-12-03T12:00:00Z", "users": [
        {"name": "Ann", "id": 1, "email": "a@x"}, {"name": "Bob", "id": 2, "email": "b@x"}]}"#;
    assert_eq!(
        read(group),
        ["gradescope-7 <Ann, Bob 1, 2> at 2026-12-03T12:00:00Z: lib.rs=one"]
    );
}
