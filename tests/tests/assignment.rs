//! Assignments as instructors write them: dependencies besides std, and mistakes in the manifest
//! that are answered with a file, a place and what to do.

use std::fs;
use std::path::Path;
use std::time::Duration;

use conclint_tests::{Run, repository, run};

/// A run never takes this long; one that hangs ends here.
const LIMIT: Duration = Duration::from_secs(900);

fn put(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn check(dir: &Path) -> Run {
    let path = dir.to_str().unwrap();
    run(repository(), &["grade", "check-assignment", path], LIMIT)
}

const MANIFEST: &str = r#"schema = "conclint/assignment/1"
name = "tally"
title = "A tally"
files = ["src/lib.rs"]

[budget]
schedules = 500
seeds = [1]

[[criterion]]
id = "compiles"
title = "It compiles"
points = 1
source = "compiles"

[[criterion]]
id = "exact"
title = "Nothing is lost"
points = 1
source = { explore = ["two_votes"] }
needs = ["compiles"]
"#;

/// An assignment about a tally that is kept in a crate of the instructor's.
fn tally(dir: &Path) {
    put(dir, "assignment.toml", MANIFEST);
    let skeleton = "[package]\nname = \"tally\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                    [workspace]\n\n[dependencies]\nbox-of = { path = \"vendor/box-of\" }\n";
    put(dir, "skeleton/Cargo.toml", skeleton);
    let lock = "version = 4\n\n[[package]]\nname = \"box-of\"\nversion = \"1.0.0\"\n\n\
                [[package]]\nname = \"tally\"\nversion = \"0.1.0\"\n\
                dependencies = [\n \"box-of\",\n]\n";
    put(dir, "skeleton/Cargo.lock", lock);
    let manifest = "[package]\nname = \"box-of\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
    put(dir, "skeleton/vendor/box-of/Cargo.toml", manifest);
    let library = "use std::sync::{Mutex, PoisonError};\n\
        #[derive(Debug, Default)]\npub struct BoxOf<T>(Mutex<T>);\n\
        impl<T: Copy> BoxOf<T> {\n\
            pub fn get(&self) -> T { *self.0.lock().unwrap_or_else(PoisonError::into_inner) }\n\
            pub fn set(&self, value: T) { *self.0.lock().unwrap() = value; }\n\
            pub fn change(&self, f: impl FnOnce(T) -> T) {\n\
                let mut value = self.0.lock().unwrap();\n*value = f(*value);\n}\n}\n";
    put(dir, "skeleton/vendor/box-of/src/lib.rs", library);
    let solution = |vote: &str| {
        format!(
            "use box_of::BoxOf;\n#[derive(Debug, Default)]\npub struct Tally {{ votes: BoxOf<u64> }}\n\
             impl Tally {{\npub fn vote(&self) {{ {vote} }}\n\
             pub fn votes(&self) -> u64 {{ self.votes.get() }}\n}}\n"
        )
    };
    put(
        dir,
        "reference/src/lib.rs",
        &solution("self.votes.change(|n| n + 1);"),
    );
    put(dir, "starter/src/lib.rs", &solution("todo!()"));
    put(
        dir,
        "known-bad/two_steps.rs",
        &solution("self.votes.set(self.votes.get() + 1);"),
    );
    put(
        dir,
        "known-bad/expect.toml",
        "[two_steps]\nloses = [\"exact\"]\n",
    );
    let tests = "use tally::Tally;\n#[test]\nfn two_votes() {\n\
        let tally = Tally::default();\n\
        std::thread::scope(|s| { for _ in 0..2 { s.spawn(|| tally.vote()); } });\n\
        assert_eq!(tally.votes(), 2, \"votes of two\");\n}\n";
    put(dir, "hidden/tests.rs", tests);
    let text = MANIFEST.replace("[budget]", "starter-bound = 1\n\n[budget]");
    put(dir, "assignment.toml", &text);
}

#[test]
fn dependencies_are_explored_with_the_submission() {
    let dir = tempfile::tempdir().unwrap();
    tally(dir.path());
    let checked = check(dir.path());
    let out = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.code, Some(0), "{out}\n{}", checked.stderr);
    // The lost update is between two critical sections of the dependency.
    assert!(
        out.contains("ok   known-bad/two_steps: 1 of 2, loses exact"),
        "{out}"
    );
}

#[test]
fn what_is_for_after_the_due_date_is_shown_when_released() {
    let dir = tempfile::tempdir().unwrap();
    let (assignment, out) = (dir.path().join("tally"), dir.path().join("out"));
    tally(&assignment);
    let path = assignment.join("assignment.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let later = "title = \"Nothing is lost\"\nvisibility = \"after-due-date\"";
    let manifest = manifest.replace("title = \"Nothing is lost\"", later);
    fs::write(&path, manifest).unwrap();
    let bad = assignment.join("known-bad/two_steps.rs");
    let grade = |more: &[&str]| {
        let paths = [&assignment, &bad, &out].map(|path| path.to_str().unwrap());
        let arguments = ["grade", "run", paths[0], paths[1], "--out", paths[2]];
        let run = run(repository(), &[&arguments, more].concat(), LIMIT);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let page = fs::read_to_string(out.join("students/two_steps.rs/feedback.md"));
        (run, page.unwrap())
    };
    let (_, page) = grade(&[]);
    assert!(!page.contains("Nothing is lost"), "{page}");
    let (released, page) = grade(&["--released"]);
    assert!(page.contains("Nothing is lost"), "{page}");
    assert!(page.contains("1 of 2 points"), "{page}");
    assert!(released.stderr.contains("0 looked at"), "the same evidence");
    let told = String::from_utf8_lossy(&released.stdout);
    assert!(
        !told.contains("changed since"),
        "no mark has changed: {told}"
    );
    let receipt = out.join("students/two_steps.rs/receipt.json");
    let again = run(
        repository(),
        &["grade", "replay", receipt.to_str().unwrap()],
        LIMIT,
    );
    assert_eq!(
        again.code,
        Some(0),
        "{}",
        String::from_utf8_lossy(&again.stdout)
    );
}

/// What `check-assignment` prints, and its exit code.
fn said(dir: &Path, more: &[&str]) -> (String, Option<u8>) {
    let arguments = ["grade", "check-assignment", dir.to_str().unwrap()];
    let run = run(repository(), &[&arguments, more].concat(), LIMIT);
    let code = run.code.and_then(|code| u8::try_from(code).ok());
    (String::from_utf8_lossy(&run.stdout).into_owned(), code)
}

#[test]
fn what_is_bad_has_its_test_and_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    tally(dir);
    let starter = fs::read_to_string(dir.join("starter/src/lib.rs")).unwrap();
    let broken = starter.replace("todo!()", "todo!(\"{voter}\")");
    put(dir, "starter/src/lib.rs", &broken);
    let tests = fs::read_to_string(dir.join("hidden/tests.rs")).unwrap();
    let forgotten = format!("{tests}#[test]\nfn forgotten() {{ assert_eq!(1, 2) }}\n");
    put(dir, "hidden/tests.rs", &forgotten);
    let public = "use tally::Tally;\n#[test]\nfn one_vote() {\n\
        let tally = Tally::default();\ntally.vote();\n\
        assert_eq!(tally.votes(), 2, \"votes of one\");\n}\n";
    put(dir, "public/tests.rs", public);
    let expect = "[two_steps]\nloses = [\"compiles\"]\n";
    put(dir, "known-bad/expect.toml", expect);
    let (out, code) = said(dir, &["--mutants"]);
    let lines = [
        "BAD  hidden test forgotten: no criterion names it",
        "ok   reference: 2 of 2",
        "BAD  starter: 0 of 2, loses compiles: does not compile, and students begin with it",
        "       src/lib.rs:5: cannot find value `voter` in this scope",
        "BAD  public tests: 1 test: the reference does not pass them",
        "       one_vote: fails: votes of one: 1 is not 2",
        "BAD  known-bad/two_steps: 1 of 2, loses exact: should lose compiles",
        "       compiles is not lost: it compiles",
        "       exact is lost: two_votes: fails when a thread is interrupted once",
        "5 checked, 4 not as they should be",
        "--mutants: the reference has no place for any of the small mistakes",
    ];
    for line in lines {
        let there = out.lines().any(|l| l.starts_with(line));
        assert!(there, "no {line:?} in\n{out}");
    }
    assert_eq!(code, Some(1), "{out}");

    // Where making it compile is the exercise, the starter need not.
    let manifest = fs::read_to_string(dir.join("assignment.toml")).unwrap();
    let without = manifest.replace("starter-bound = 1", "starter-compiles = false");
    put(dir, "assignment.toml", &without);
    fs::remove_file(dir.join("known-bad/expect.toml")).unwrap();
    put(
        dir,
        "public/tests.rs",
        &public.replace("vote()", "votes(1)"),
    );
    let (out, code) = said(dir, &[]);
    let lines = [
        "ok   starter: 0 of 2, loses compiles",
        "BAD  public tests: do not compile with the reference",
        "       public/tests.rs:5: this method takes 0 arguments but 1 argument was supplied",
        "BAD  known-bad/expect.toml: there is no such file",
    ];
    for line in lines {
        let there = out.lines().any(|l| l.starts_with(line));
        assert!(there, "no {line:?} in\n{out}");
    }
    assert_eq!(code, Some(1), "{out}");
}

#[test]
fn errors_in_hidden_tests_are_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    tally(dir);
    let tests = fs::read_to_string(dir.join("hidden/tests.rs")).unwrap();
    put(
        dir,
        "hidden/tests.rs",
        &tests.replace("votes(), 2", "votes(), \"2\""),
    );
    let (out, code) = said(dir, &["--mutants"]);
    let lines = [
        "BAD  hidden tests: do not compile with the reference",
        "       hidden/tests.rs:6: mismatched types: expected `u64`, found `&str` [E0308]",
        "nothing else was graded",
        "1 checked, 1 not as they should be",
        "--mutants: nothing was tried",
    ];
    for line in lines {
        let there = out.lines().any(|l| l.starts_with(line));
        assert!(there, "no {line:?} in\n{out}");
    }
    assert!(!out.contains("reference:"), "{out}");
    assert_eq!(code, Some(1), "{out}");

    // Students are not told where.
    let bad = dir.join("known-bad/two_steps.rs");
    let (bad, out) = (bad.to_str().unwrap(), dir.join("out"));
    let arguments = ["grade", "run", dir.to_str().unwrap(), bad, "--out"];
    let arguments = [arguments.as_slice(), &[out.to_str().unwrap()]].concat();
    run(repository(), &arguments, LIMIT);
    let page = fs::read_to_string(out.join("students/two_steps.rs/feedback.md")).unwrap();
    assert!(
        page.contains("mismatched types") && !page.contains("hidden/"),
        "{page}"
    );
}

#[test]
fn a_limit_that_is_too_short_is_told_as_timing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    tally(dir);
    let tests = "use std::sync::mpsc;\nuse std::time::Duration;\nuse tally::Tally;\n\
        #[test]\nfn two_votes() {\nlet (tally, (done, told)) = (Tally::default(), mpsc::channel());\n\
        std::thread::scope(|s| {\ns.spawn(|| { tally.vote(); let _ = done.send(()); });\n\
        let in_time = told.recv_timeout(Duration::from_millis(100)).is_ok();\n\
        assert!(in_time, \"a vote in time\");\n});\n}\n";
    put(dir, "hidden/tests.rs", tests);
    let (out, code) = said(dir, &[]);
    let lost = out
        .lines()
        .find(|l| l.contains("exact is lost: two_votes: fails"));
    assert!(
        lost.is_some_and(|l| l.ends_with("a vote in time (timing)")),
        "{out}"
    );
    assert!(
        out.contains("\n(timing): only time stands between."),
        "{out}"
    );
    assert_eq!(code, Some(1), "{out}");

    let reference = dir.join("reference/src/lib.rs");
    let (reference, out) = (reference.to_str().unwrap(), dir.join("out"));
    let arguments = ["grade", "run", dir.to_str().unwrap(), reference, "--out"];
    let arguments = [arguments.as_slice(), &[out.to_str().unwrap()]].concat();
    run(repository(), &arguments, LIMIT);
    let page = fs::read_to_string(out.join("students/lib.rs/feedback.md")).unwrap();
    assert!(page.contains("Do not rely on time"), "{page}");

    // More than a second is enough.
    put(
        dir,
        "hidden/tests.rs",
        &tests.replace("millis(100)", "millis(1100)"),
    );
    let (out, _) = said(dir, &[]);
    assert!(out.contains("ok   reference: 2 of 2"), "{out}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "points = 1\nsource = \"compiles\"",
            "point = 1\nsource = \"compiles\"",
            &[
                "assignment.toml",
                "assignment.toml:15:",
                "unknown field `point`",
                "expected one of",
            ],
        ),
        (
            "points = 1",
            "points = -1",
            &["criterion compiles: points must not be negative"],
        ),
        (
            "seeds = [1]",
            "seeds = [1",
            &["assignment.toml", "assignment.toml:12:"],
        ),
        (
            "seeds = [1]",
            "seeds = []",
            &["assignment.toml", "budget.seeds"],
        ),
        (
            "two_votes",
            "two_vote",
            &[
                "assignment.toml",
                "criterion exact",
                "two_vote",
                "did you mean \"two_votes\"?",
            ],
        ),
        (
            "needs = [\"compiles\"]",
            "needs = [\"compile\"]",
            &[
                "criterion exact",
                "needs \"compile\"",
                "no criterion above it",
            ],
        ),
        ("src/lib.rs", "../lib.rs", &["files", "not a relative path"]),
        (
            "{ explore = [\"two_votes\"] }",
            "{ lints = [\"double-lok\"] }",
            &["criterion exact", "double-lok"],
        ),
        (
            "schedules = 500",
            "schedules = 500\nstrategy = \"lucky\"",
            &["budget.strategy", "portfolio"],
        ),
        (
            "id = \"exact\"",
            "id = \"compiles\"",
            &["criterion compiles", "there are two"],
        ),
    ];
    for (from, to, said) in cases {
        tally(dir.path());
        let text = fs::read_to_string(dir.path().join("assignment.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        put(dir.path(), "assignment.toml", &text.replacen(from, to, 1));
        let checked = check(dir.path());
        assert_eq!(checked.code, Some(2), "{to}: {}", checked.stderr);
        for word in *said {
            assert!(
                checked.stderr.contains(word),
                "{to}: no {word:?} in {}",
                checked.stderr
            );
        }
    }
    tally(dir.path());
    put(
        dir.path(),
        "known-bad/expect.toml",
        "[two_steps]\nloses = [\"exac\"]\n",
    );
    let said = check(dir.path()).stderr;
    assert!(said.contains("no criterion \"exac\""), "{said}");
    tally(dir.path());
    fs::remove_file(dir.path().join("skeleton/Cargo.lock")).unwrap();
    assert!(check(dir.path()).stderr.contains("cargo generate-lockfile"));
    tally(dir.path());
    put(
        dir.path(),
        "hidden/tests.rs",
        "use tally::*;\n#[test]\nfn two_votes() {}\n",
    );
    let said = check(dir.path()).stderr;
    assert!(
        said.contains("hidden/tests.rs:1") && said.contains("import by name"),
        "{said}"
    );
    tally(dir.path());
    put(dir.path(), "starter/src/lib.rs", "pub fn (");
    let said = check(dir.path()).stderr;
    assert!(
        said.contains("starter/src/lib.rs") && said.contains("line 1"),
        "{said}"
    );
}
