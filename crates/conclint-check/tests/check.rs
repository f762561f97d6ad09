//! Whole runs, on disk and in memory.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use conclint_check::{
    Error, FailOn, LintSeverity, ManifestInput, NoProgress, Outcome, Request, Settings,
    SourceInput, check, check_sources, config,
};
use conclint_diag::Severity;

const TWICE: &str = "\
use std::sync::Mutex;
pub struct Shared { state: Mutex<u32> }
impl Shared {
    pub fn twice(&self) -> u32 {
        let first = self.state.lock().unwrap();
        let second = self.state.lock().unwrap();
        *first + *second
    }
}
";

fn source(path: &str, text: &str) -> SourceInput {
    SourceInput {
        path: Arc::from(path),
        text: Arc::from(text),
    }
}

fn only_double_lock() -> Settings {
    Settings {
        select: vec!["double-lock"],
        ..Settings::default()
    }
}

fn in_memory(settings: &Settings, text: &str) -> Outcome {
    check_sources(vec![source("src/lib.rs", text)], Vec::new(), settings)
}

fn tree(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(".git")).unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn on_disk(dir: &Path, jobs: usize) -> Result<Outcome, Error> {
    let overrides = config::Overrides {
        select: Some(vec!["double-lock".to_owned()]),
        ..Default::default()
    };
    let paths = vec![dir.to_owned()];
    check(
        &Request {
            paths,
            overrides,
            jobs: NonZeroUsize::new(jobs),
            ..Request::default()
        },
        &NoProgress,
    )
}

#[test]
fn texts_in_memory() {
    let manifest = "[package]\nname = \"m\"\nedition = \"2024\"\n";
    let outcome = check_sources(
        vec![source("src/lib.rs", TWICE)],
        vec![ManifestInput {
            dir: String::new(),
            text: manifest.to_owned(),
        }],
        &only_double_lock(),
    );
    assert_eq!(outcome.findings.len(), 1);
    assert_eq!(outcome.findings[0].rule, "double-lock");
    assert_eq!(&*outcome.findings[0].primary().file, "src/lib.rs");
    assert!(outcome.sources.contains_key("src/lib.rs"));
    assert_eq!(
        (
            outcome.summary.files,
            outcome.summary.lines,
            outcome.summary.locks
        ),
        (1, 9, 1)
    );
    assert_eq!(outcome.summary.errors, 1);
    assert!(outcome.failed());
    assert_eq!(outcome.problems, []);
}

#[test]
fn severities_and_the_fail_level() {
    let mut settings = only_double_lock();
    settings
        .severities
        .insert("double-lock", LintSeverity::Warn);
    settings.fail_on = FailOn::Error;
    let outcome = in_memory(&settings, TWICE);
    assert_eq!(outcome.findings[0].severity, Severity::Warning);
    assert!(!outcome.failed());
    settings.fail_on = FailOn::Warning;
    assert!(in_memory(&settings, TWICE).failed());
    settings.fail_on = FailOn::Never;
    assert!(!in_memory(&settings, TWICE).failed());
}

#[test]
fn a_suppressed_finding_does_not_fail_the_run() {
    let text = TWICE.replace(
        "        let second",
        "        // conclint: allow(double-lock) a test wants it so\n        let second",
    );
    let outcome = in_memory(&only_double_lock(), &text);
    assert_eq!(
        outcome.findings[0].suppressed.as_deref(),
        Some("a test wants it so")
    );
    assert_eq!(
        (outcome.summary.suppressed, outcome.summary.findings()),
        (1, 0)
    );
    assert!(!outcome.failed());
}

#[test]
fn bad_input_is_named_counted_and_stops_nothing() {
    let dir = tree(&[
        ("good.rs", TWICE.as_bytes()),
        ("latin.rs", b"// caf\xe9"),
        ("large.rs", &vec![b' '; 3000]),
        ("conclint.toml", b"max-file-bytes = 2000"),
        ("Cargo.toml", b"[package\n"),
    ]);
    let outcome = on_disk(dir.path(), 2).unwrap();
    assert_eq!(outcome.findings.len(), 1);
    let named: Vec<_> = outcome
        .problems
        .iter()
        .map(|p| (p.file.as_str(), p.not_read))
        .collect();
    assert_eq!(
        named,
        [("Cargo.toml", true), ("large.rs", true), ("latin.rs", true)]
    );
    assert_eq!(
        (outcome.summary.files, outcome.summary.unread_files),
        (1, 3)
    );
}

#[test]
fn nothing_to_check_is_an_error_of_its_own() {
    let dir = tree(&[("README.md", b"")]);
    assert!(
        matches!(on_disk(dir.path(), 1), Err(Error::NothingToCheck { problems }) if problems.is_empty())
    );
    fs::write(dir.path().join("a.rs"), b"\xff").unwrap();
    assert!(
        matches!(on_disk(dir.path(), 1), Err(Error::NothingToCheck { problems }) if problems.len() == 1)
    );
    assert!(matches!(
        on_disk(&dir.path().join("absent"), 1),
        Err(Error::NoSuchPath(_))
    ));
}

#[test]
fn a_path_inside_a_package_is_shown_relative_to_what_was_given() {
    let dir = tree(&[
        ("Cargo.toml", b"[workspace]\nmembers = [\"a\"]\n"),
        (
            "a/Cargo.toml",
            b"[package]\nname = \"a\"\nedition = \"2021\"\n",
        ),
        ("a/src/lib.rs", b"mod deep;\n"),
        ("a/src/deep/mod.rs", TWICE.as_bytes()),
    ]);
    let shown = |path: &str| {
        let outcome = on_disk(&dir.path().join(path), 1).unwrap();
        let file = outcome.findings[0].primary().file.clone();
        assert!(outcome.sources.contains_key(&file));
        file.to_string()
    };
    assert_eq!(shown(""), "a/src/deep/mod.rs");
    assert_eq!(shown("a"), "src/deep/mod.rs");
    assert_eq!(shown("a/src/deep"), "mod.rs");
    assert!(shown("a/src/deep/mod.rs").ends_with("/a/src/deep/mod.rs"));
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let files: Vec<_> = (0..40)
        .map(|i| {
            (
                format!("src/m{i}.rs"),
                TWICE.replace("Shared", &format!("Shared{i}")),
            )
        })
        .collect();
    let dir = tree(
        &files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect::<Vec<_>>(),
    );
    let one = on_disk(dir.path(), 1).unwrap();
    let four = on_disk(dir.path(), 4).unwrap();
    assert_eq!(one.findings.len(), 40);
    assert_eq!(one.findings, four.findings);
    assert_eq!(one.summary, four.summary);
    assert_eq!(one.problems, four.problems);
}
