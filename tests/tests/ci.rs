//! What a team needs to adopt `conclint check`: formats in CI, baselines,
//! changes since a revision, parts of a run, `conclint init`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use conclint_tests::{Run, repository, run, run_with};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);

/// Two methods that take two locks in opposite orders.
const INVERSION: &str = "\
use std::sync::Mutex;

pub struct Bank {
    accounts: Mutex<u32>,
    journal: Mutex<u32>,
}

impl Bank {
    pub fn transfer(&self) {
        let mut accounts = self.accounts.lock().unwrap();
        *accounts += 1;
        *self.journal.lock().unwrap() += *accounts;
    }

    pub fn audit(&self) {
        let journal = self.journal.lock().unwrap();
        *self.accounts.lock().unwrap() -= *journal;
    }
}
";

/// One lock taken twice.
const TWICE: &str = "
pub struct Till {
    cash: std::sync::Mutex<u32>,
}

impl Till {
    pub fn count(&self) -> u32 {
        let first = self.cash.lock().unwrap();
        let second = self.cash.lock().unwrap();
        *first + *second
    }
}
";

struct Project(tempfile::TempDir);

impl Project {
    fn new(library: &str) -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        project.write(
            "Cargo.toml",
            "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        project.write("src/lib.rs", library);
        project
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir().join(name)).unwrap()
    }

    fn run(&self, arguments: &str) -> Run {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        run(self.dir(), &arguments, LIMIT)
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(self.dir())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.dir())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}

fn text(run: &Run) -> String {
    String::from_utf8(run.stdout.clone()).unwrap()
}

#[test]
fn auto_looks_at_where_it_runs() {
    let project = Project::new(INVERSION);
    let auto = |variables: &[(&str, &str)]| {
        let run = run_with(project.dir(), &["--format", "auto"], variables, LIMIT);
        assert_eq!(run.code, Some(1));
        text(&run)
    };
    assert!(auto(&[]).starts_with("error[CL101"));
    let gitlab: Value = serde_json::from_str(&auto(&[("GITLAB_CI", "true")])).unwrap();
    assert_eq!(gitlab[0]["check_name"], "lock-order-inversion");

    project.write("summary.md", "before\n");
    let summary = project.dir().join("summary.md");
    let github = auto(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ]);
    assert!(
        github.starts_with("::error file=src/lib.rs,line=10,"),
        "{github}"
    );
    let summary = project.read("summary.md");
    assert!(summary.starts_with("before\n"), "{summary}");
    assert!(
        summary.contains("### error CL101 lock-order-inversion"),
        "{summary}"
    );
}

#[test]
fn several_reports_of_one_run() {
    let project = Project::new(INVERSION);
    project.write("old.sarif", "an older report");
    let run = project.run("--format short --also sarif=old.sarif --also junit=new.xml");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(text(&run).starts_with("src/lib.rs:10:"));
    let sarif: Value = serde_json::from_str(&project.read("old.sarif")).unwrap();
    assert_eq!(
        sarif["runs"][0]["results"].as_array().map(Vec::len),
        Some(1)
    );
    let rules = &sarif["runs"][0]["tool"]["driver"]["rules"];
    assert!(rules.as_array().is_some_and(|rules| rules.len() > 5));
    assert!(project.read("new.xml").contains("<failure "));
    let names: Vec<_> = fs::read_dir(project.dir()).unwrap().collect();
    assert_eq!(names.len(), 4, "nothing is left beside the reports");

    // What cannot be written costs nothing of the rest.
    let run = project.run("--format short --also json=no/a --also junit=2.xml --also sarif=src");
    assert_eq!(run.code, Some(2));
    assert!(text(&run).starts_with("src/lib.rs:10:"));
    assert!(project.read("2.xml").contains("<failure "));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for file in ["cannot write no/a: ", "; cannot write src: "] {
        assert!(run.stderr.contains(file), "{}", run.stderr);
    }
}

/// `conclint sub` in a repository: code hosts want paths from its root, editors
/// from where the command ran.
#[test]
fn paths_lead_to_the_files_wherever_the_command_runs() {
    let project = Project::new("");
    project.write("crates/a/src/lib.rs", INVERSION);
    fs::create_dir(project.dir().join(".git")).unwrap();
    let path = |dir: &str, format: &str, pointer: &str| {
        let arguments = ["--format", format, "a"];
        let run = run(&project.dir().join(dir), &arguments, LIMIT);
        let line = text(&run).lines().next().unwrap().to_owned();
        let document = serde_json::from_str(&text(&run));
        let value: Value = document.unwrap_or_else(|_| serde_json::from_str(&line).unwrap());
        value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
    };
    let sarif = "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri";
    assert_eq!(path("crates", "sarif", sarif), "crates/a/src/lib.rs");
    assert_eq!(
        path("crates", "gitlab", "/0/location/path"),
        "crates/a/src/lib.rs"
    );
    assert_eq!(
        path("crates", "cargo-json", "/message/spans/0/file_name"),
        "a/src/lib.rs"
    );
    assert_eq!(
        path("crates", "rdjson", "/diagnostics/0/location/path"),
        "a/src/lib.rs"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_utf_8_survives_in_every_format() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let project = Project::new("");
    // Of a package it would be a file that nothing builds, which has less weight.
    fs::remove_file(project.dir().join("Cargo.toml")).unwrap();
    let name = OsStr::from_bytes(b"src/odd\xff name,::x]]>.rs");
    fs::write(project.dir().join(name), INVERSION).unwrap();
    for format in [
        "human",
        "short",
        "json",
        "sarif",
        "github",
        "gitlab",
        "junit",
        "cargo-json",
        "rdjson",
        "markdown",
    ] {
        let run = run(project.dir(), &["--format", format], LIMIT);
        assert_eq!(run.code, Some(1), "{format}: {}", run.stderr);
        let text = String::from_utf8(run.stdout).unwrap();
        assert!(text.contains("odd"), "{format}");
        match format {
            "json" | "sarif" | "gitlab" | "rdjson" => {
                serde_json::from_str::<Value>(&text).unwrap();
            }
            "cargo-json" => {
                for line in text.lines() {
                    serde_json::from_str::<Value>(line).unwrap();
                }
            }
            "junit" => assert!(!text.contains("]]>"), "{text}"),
            _ => {}
        }
    }
}

#[test]
fn a_baseline_hides_what_is_known_and_nothing_new() {
    let project = Project::new(INVERSION);
    assert_eq!(project.run("").code, Some(1));
    let written = project.run("baseline write");
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert!(
        written.stderr.contains("1 known findings"),
        "{}",
        written.stderr
    );
    let known = project.read("conclint-baseline.toml");
    assert!(known.contains("item = \"Bank::transfer\""), "{known}");
    assert!(
        known.contains("locks = [\"Bank.accounts\", \"Bank.journal\"]"),
        "{known}"
    );

    let quiet = project.run("--baseline conclint-baseline.toml");
    assert_eq!(quiet.code, Some(0));
    assert!(
        text(&quiet).contains("0 findings; 1 in the baseline"),
        "{}",
        text(&quiet)
    );
    // Through the configuration, from elsewhere, and with lines inserted.
    project.write("conclint.toml", "baseline = \"conclint-baseline.toml\"\n");
    project.write("src/lib.rs", &format!("\n\n\n{INVERSION}"));
    assert_eq!(project.run("src").code, Some(0));
    assert_eq!(project.run("baseline check").code, Some(0));

    project.write("src/lib.rs", &format!("{INVERSION}{TWICE}"));
    let new = project.run("");
    assert_eq!(new.code, Some(1));
    assert!(text(&new).starts_with("error[CL102"), "{}", text(&new));
    let check = project.run("baseline check");
    assert_eq!(check.code, Some(1));
    assert!(
        text(&check).contains("double-lock in `Till::count` (Till.cash): 1 more than written down"),
        "{}",
        text(&check)
    );
    let refused = project.run("baseline write");
    assert_eq!(refused.code, Some(1), "counts only fall");
    assert_eq!(project.read("conclint-baseline.toml"), known);

    project.write("src/lib.rs", TWICE);
    let stale = project.run("baseline check");
    assert_eq!(stale.code, Some(1));
    assert!(
        text(&stale).contains("1 fewer than written down"),
        "{}",
        text(&stale)
    );
    let pruned = project.run("baseline prune");
    assert_eq!(pruned.code, Some(0));
    assert!(
        pruned.stderr.contains("1 taken out, 0 left"),
        "{}",
        pruned.stderr
    );
    assert!(
        !project
            .read("conclint-baseline.toml")
            .contains("[[finding]]")
    );
    assert_eq!(project.run("baseline write --force").code, Some(0));
    assert_eq!(project.run("").code, Some(0));
}

#[test]
fn a_baseline_named_on_the_command_line_must_exist() {
    let project = Project::new(INVERSION);
    let run = project.run("--baseline nowhere.toml");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("nowhere.toml"), "{}", run.stderr);
    project.write("conclint.toml", "baseline = \"nowhere.toml\"\n");
    assert_eq!(project.run("").code, Some(1), "known findings: none yet");
}

#[test]
fn only_what_touches_changed_lines() {
    let project = Project::new(INVERSION);
    project.git(&["init", "-q"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-qm", "one"]);
    let diff = |arguments: &str| project.run(&format!("--format short {arguments}"));
    let unchanged = diff("--diff HEAD");
    assert_eq!(unchanged.code, Some(0), "{}", unchanged.stderr);
    assert!(text(&unchanged).ends_with("0 findings; 1 outside the changes\n"));

    project.write("src/lib.rs", &format!("// a comment\n{INVERSION}{TWICE}"));
    let added = diff("--diff HEAD");
    assert_eq!(added.code, Some(1));
    assert_eq!(text(&added).lines().count(), 2, "{}", text(&added));
    assert!(text(&added).contains("error[CL102]"));
    // From below, and with a file that the revision does not have.
    project.write("src/new.rs", &INVERSION.replace("Bank", "Shop"));
    project.write("src/lib.rs", &format!("mod new;\n{INVERSION}"));
    let new = diff("--diff HEAD src");
    assert!(text(&new).starts_with("new.rs:"), "{}", text(&new));
    assert_eq!(text(&new).lines().count(), 2, "{}", text(&new));

    for (wrong, says) in [("nope", "revision `nope`"), ("--output=x", "")] {
        let run = run(project.dir(), &["--diff", wrong], LIMIT);
        assert_eq!(run.code, Some(2), "{wrong}");
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    // As CI systems clone.
    let shallow = Project::new("");
    let from = format!("file://{}", project.dir().display());
    project.git(&["commit", "-qam", "two"]);
    shallow.git(&["clone", "-q", "--depth", "1", &from, "clone"]);
    let run = run(&shallow.dir().join("clone"), &["--diff", "HEAD~1"], LIMIT);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("shallow clone"), "{}", run.stderr);
    let outside = Project::new(INVERSION).run("--diff HEAD");
    assert_eq!(outside.code, Some(2));
    assert!(
        outside.stderr.contains("no git repository"),
        "{}",
        outside.stderr
    );
}

#[test]
fn the_parts_of_a_run_merged_are_the_run() {
    let programs = repository().join("fixtures/programs");
    let out = tempfile::tempdir().unwrap();
    let whole = run(&programs, &["--format", "json", "--include-tests"], LIMIT);
    let mut files = Vec::new();
    let mut counts = Vec::new();
    for part in 1..=3 {
        let file = out.path().join(format!("{part}.json"));
        let file = file.to_str().unwrap().to_owned();
        let partition = format!("{part}/3");
        let arguments = [
            "--format",
            "json",
            "--include-tests",
            "--partition",
            &partition,
            "--output",
            &file,
        ];
        run(&programs, &arguments, LIMIT);
        let value: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        counts.push(value["findings"].as_array().unwrap().len());
        files.push(file);
    }
    assert!(counts.iter().filter(|n| **n > 0).count() > 1, "{counts:?}");
    let mut arguments: Vec<&str> = vec!["merge", "--format", "json"];
    // In any order.
    arguments.extend(files.iter().rev().map(String::as_str));
    let merged = run(&programs, &arguments, LIMIT);
    assert_eq!(merged.code, whole.code, "{}", merged.stderr);
    assert_eq!(merged.json(), whole.json());
    assert_eq!(text(&merged), text(&whole));
    for format in ["human", "sarif", "junit"] {
        let whole = run(&programs, &["--format", format, "--include-tests"], LIMIT);
        arguments[2] = format;
        assert_eq!(
            text(&run(&programs, &arguments, LIMIT)),
            text(&whole),
            "{format}"
        );
    }
    let twice = run(&programs, &["merge", &files[0], &files[0]], LIMIT);
    assert_eq!(twice.code, Some(2));
    assert!(twice.stderr.contains("part 1 is in"), "{}", twice.stderr);
    let some = run(&programs, &["merge", &files[2], &files[0]], LIMIT);
    assert_eq!(some.code, Some(2));
    assert_eq!(some.stderr, "error: of 3 parts these are missing: 2\n");
    let says = |from: &str, to: &str, why: &str| {
        let other = out.path().join("other.json");
        let text = fs::read_to_string(&files[1]).unwrap();
        fs::write(&other, text.replacen(from, to, 1)).unwrap();
        let other = other.to_str().unwrap();
        let merged = run(&programs, &["merge", &files[0], other, &files[2]], LIMIT);
        assert_eq!(merged.code, Some(2), "{to}");
        assert!(merged.stderr.contains(why), "{}", merged.stderr);
        assert_eq!(merged.stderr.lines().count(), 1, "{}", merged.stderr);
    };
    says("\"count\": 3", "\"count\": 4", "is one of 4 parts, but ");
    says(
        "conclint/check/1",
        "conclint/explore/1",
        "a report of explore, but ",
    );
    says(
        "conclint/check/1",
        "conclint/check/2",
        "the schema is `conclint/check/2`",
    );
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    says(
        &version,
        "\"version\": \"0.0.1\"",
        "written by conclint 0.0.1, but ",
    );
    says("\"files\": ", "\"files\": 1", "a part of another run");
    says("{", "", "not a report of conclint");
}

#[test]
fn init_writes_what_is_not_there() {
    let project = Project::new("pub fn f() {}\n");
    project.write("tests/conclint.rs", "// mine\n");
    let first = project.run("init --ci github");
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stderr.contains("conclint.toml: written"),
        "{}",
        first.stderr
    );
    assert!(
        first.stderr.contains("tests/conclint.rs: there already"),
        "{}",
        first.stderr
    );
    assert!(
        first.stderr.contains("cargo add --dev conclint-test"),
        "{}",
        first.stderr
    );
    assert_eq!(project.read("tests/conclint.rs"), "// mine\n");
    assert_eq!(project.run("").code, Some(0), "the configuration is one");
    project.write(".github/workflows/conclint.yml", "mine");
    assert_eq!(project.run("init --ci github").code, Some(0));
    assert_eq!(project.read(".github/workflows/conclint.yml"), "mine");
}

#[test]
fn completions_manual_and_schemas() {
    let project = Project::new("");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = project.run(&format!("completions {shell}"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            text(&run).contains("--baseline") || shell == "fish",
            "{shell}"
        );
        assert!(text(&run).contains("partition"), "{shell}");
    }
    let man = text(&project.run("man"));
    assert!(man.contains(".TH conclint 1"), "{man}");
    assert!(man.contains("CONCLINT BASELINE PRUNE"), "{man}");
    for file in ["config", "check", "explore"] {
        let schema: Value =
            serde_json::from_str(&text(&project.run(&format!("schema {file}")))).unwrap();
        assert_eq!(schema["type"], "object");
    }
}
