//! Whatever the input: no panic, no hang, no stack overflow, the same bytes
//! every time, and one line for each file that could not be read.

use std::fs;
use std::path::Path;
use std::time::Duration;

use conclint_tests::{Run, repository, run};

const LIMIT: Duration = Duration::from_secs(120);
const DEPTH: usize = 10_000;

/// A lock taken twice: found unless the run stopped before it.
const DOUBLE_LOCK: &str = "\
pub struct Shared { state: std::sync::Mutex<u32> }
impl Shared {
    pub fn twice(&self) -> u32 {
        let first = self.state.lock().unwrap();
        let second = self.state.lock().unwrap();
        *first + *second
    }
}
";

fn check(dir: &Path) -> Run {
    run(dir, &["check", "."], LIMIT)
}

/// Ended by itself, with a documented code that is not an internal error.
fn assert_orderly(run: &Run, what: &str) {
    assert!(
        matches!(run.code, Some(0 | 1 | 3)) && !run.stderr.contains("panicked"),
        "{what}: code {:?}\n{}",
        run.code,
        run.stderr
    );
}

/// `before` and `after` repeated around `middle`.
fn nested(before: &str, middle: &str, after: &str) -> String {
    format!("{}{middle}{}", before.repeat(DEPTH), after.repeat(DEPTH))
}

fn in_fn(body: &str) -> String {
    format!("fn f() {{\n{body}\n}}\n")
}

fn deep_files() -> Vec<(&'static str, String)> {
    vec![
        (
            "parens",
            in_fn(&format!("let x = {};", nested("(", "1", ")"))),
        ),
        ("blocks", in_fn(&nested("{", "", "}"))),
        (
            "arrays",
            in_fn(&format!("let x = {};", nested("[", "1", "]"))),
        ),
        (
            "not",
            in_fn(&format!("let x = {};", nested("!", "true", ""))),
        ),
        (
            "refs",
            in_fn(&format!("let x = {};", nested("& ", "1", ""))),
        ),
        (
            "deref",
            in_fn(&format!("let x = {};", nested("*", "y", ""))),
        ),
        (
            "sums",
            in_fn(&format!("let x = {};", nested("", "1", " + 1"))),
        ),
        (
            "methods",
            in_fn(&format!("let x = {};", nested("", "y", ".lock().unwrap()"))),
        ),
        (
            "fields",
            in_fn(&format!("let x = {};", nested("", "y", ".a"))),
        ),
        (
            "tries",
            in_fn(&format!("let x = {};", nested("", "y", "?"))),
        ),
        (
            "calls",
            in_fn(&format!("let x = {};", nested("f(", "1", ")"))),
        ),
        (
            "closures",
            in_fn(&format!("let x = {};", nested("|| ", "1", ""))),
        ),
        ("else-if", in_fn(&nested("if a { } else ", "{ }", ""))),
        ("ifs", in_fn(&nested("if a { ", "", " }"))),
        ("matches", in_fn(&nested("match a { _ => ", "1", " }"))),
        (
            "if-lets",
            in_fn(&nested(
                "if let Some(g) = m.lock().unwrap().take() { ",
                "",
                " }",
            )),
        ),
        ("loops", in_fn(&nested("loop { ", "", " }"))),
        ("assigns", in_fn(&format!("{};", nested("a = ", "1", "")))),
        (
            "macros",
            in_fn(&format!("let x = {};", nested("vec![", "1", "]"))),
        ),
        (
            "unknown-macros",
            in_fn(&format!("{};", nested("m!(", "1", ")"))),
        ),
        (
            "types",
            format!("type T = {};\n", nested("Vec<", "u8", ">")),
        ),
        ("tuples", format!("type T = {};\n", nested("(", "u8", ",)"))),
        (
            "ref-types",
            format!("fn f(x: {}) {{}}\n", nested("& ", "u8", "")),
        ),
        (
            "patterns",
            in_fn(&format!("let {} = x;", nested("Some(", "x", ")"))),
        ),
        ("modules", nested("mod m { ", "", " }")),
        ("functions", nested("fn f() { ", "", " }")),
        ("uses", format!("use {};\n", nested("a::{", "b", "}"))),
        ("comments", nested("/* ", "", " */")),
        ("open-parens", in_fn(&"(".repeat(DEPTH))),
        ("open-blocks", "fn f() {".repeat(DEPTH)),
        ("closed", "}".repeat(DEPTH)),
        ("angles", "<".repeat(DEPTH)),
        ("attributes", "#[a(".repeat(DEPTH)),
        ("async", in_fn(&nested("async { ", "", " };"))),
        (
            "drops",
            in_fn(&format!(
                "let g = m.lock();\n{}",
                "drop(g);\n".repeat(DEPTH)
            )),
        ),
    ]
}

#[test]
fn deep_nesting() {
    for (name, text) in deep_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("deep.rs"), text).unwrap();
        fs::write(dir.path().join("plain.rs"), DOUBLE_LOCK).unwrap();
        let run = check(dir.path());
        assert_orderly(&run, name);
        assert_eq!(
            run.code,
            Some(1),
            "{name}: the other file was not checked\n{}",
            run.stderr
        );
    }
}

#[test]
fn truncated_files() {
    let source =
        fs::read_to_string(repository().join("fixtures/programs/crawler/src/check_then_insert.rs"))
            .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let step = source.len() / 199;
    for cut in (0..source.len())
        .step_by(step)
        .filter(|&cut| source.is_char_boundary(cut))
    {
        fs::write(dir.path().join(format!("cut_{cut}.rs")), &source[..cut]).unwrap();
    }
    fs::write(dir.path().join("plain.rs"), DOUBLE_LOCK).unwrap();
    let run = check(dir.path());
    assert_orderly(&run, "truncated");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}

#[test]
fn odd_texts() {
    let texts: [(&str, &[u8]); 8] = [
        ("empty", b""),
        ("bom", b"\xef\xbb\xbffn f() {}\n"),
        ("crlf", b"fn f() {\r\n}\r\n"),
        ("cr", b"fn f() {\r}\r"),
        ("nul", b"fn f() { \0 }\n"),
        ("shebang", b"#!/bin/sh\nfn f() {}\n"),
        ("quote", b"fn f() { \"\n"),
        ("raw", b"fn f() { r####\"\n"),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        fs::write(dir.path().join(format!("{name}.rs")), text).unwrap();
    }
    assert_orderly(&check(dir.path()), "odd texts");
}

#[test]
fn files_that_are_not_utf8_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("latin.rs"), b"// caf\xe9\nfn f() {}\n").unwrap();
    fs::write(dir.path().join("plain.rs"), DOUBLE_LOCK).unwrap();
    let run = check(dir.path());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let naming = run
        .stderr
        .lines()
        .filter(|line| line.contains("latin.rs"))
        .count();
    assert_eq!(naming, 1, "{}", run.stderr);
}

#[test]
fn nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(check(dir.path()).code, Some(3));
    fs::write(dir.path().join("README.md"), "nothing here").unwrap();
    assert_eq!(check(dir.path()).code, Some(3));
}

#[test]
fn a_path_that_does_not_exist_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path(), &["check", "absent"], LIMIT);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("absent"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn symlink_loops() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    symlink("..", dir.path().join("a/up")).unwrap();
    symlink("self.rs", dir.path().join("self.rs")).unwrap();
    symlink("absent.rs", dir.path().join("dangling.rs")).unwrap();
    fs::write(dir.path().join("a/plain.rs"), DOUBLE_LOCK).unwrap();
    let run = check(dir.path());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn unreadable_files_are_named() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret.rs");
    fs::write(&secret, DOUBLE_LOCK).unwrap();
    fs::write(dir.path().join("plain.rs"), DOUBLE_LOCK).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&secret).is_ok() {
        // The superuser reads everything.
        return;
    }
    let run = check(dir.path());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("secret.rs"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn pipes_are_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.rs");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        // No mkfifo here.
        return;
    }
    fs::write(dir.path().join("plain.rs"), DOUBLE_LOCK).unwrap();
    assert_eq!(check(dir.path()).code, Some(1));
}

#[test]
fn a_huge_file_does_not_stop_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let line = "fn f(m: &std::sync::Mutex<u32>) -> u32 { *m.lock().unwrap() }\n";
    fs::write(
        dir.path().join("huge.rs"),
        line.repeat((100 << 20) / line.len() + 1),
    )
    .unwrap();
    fs::write(dir.path().join("plain.rs"), DOUBLE_LOCK).unwrap();
    let run = check(dir.path());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}

/// As large as a file may be that is still read.
#[test]
fn a_large_file_is_checked_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let function = "pub fn f(m: &std::sync::Mutex<u32>) -> u32 {\n    *m.lock().unwrap()\n}\n";
    let text = format!(
        "{}{DOUBLE_LOCK}",
        function.repeat((2 << 20) / function.len())
    );
    fs::write(dir.path().join("large.rs"), text).unwrap();
    assert_eq!(check(dir.path()).code, Some(1));
}

#[test]
fn same_input_same_bytes() {
    for format in ["human", "short", "json"] {
        let with = |jobs| {
            let arguments = [
                "check",
                "--format",
                format,
                "--level",
                "pedantic",
                "--min-confidence",
                "low",
                "--jobs",
                jobs,
                "fixtures",
            ];
            run(repository(), &arguments, LIMIT)
        };
        let first = with("1");
        assert_eq!(first.code, Some(1), "{}", first.stderr);
        assert_eq!(first, with("1"), "{format}: two runs differ");
        assert_eq!(first, with("2"), "{format}: --jobs makes a difference");
    }
}
