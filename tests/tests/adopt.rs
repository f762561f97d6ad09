//! The story of a team that adopts conclint, told by running it: a crate with
//! bugs, `conclint init`, plain `cargo test`, a baseline, `cargo conclint
//! explore`; and the fixture that uses every attribute.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use conclint_tests::{binary, cache, json_of, repository};
use serde_json::Value;

/// A bank whose two locks are taken in both orders, and whose visits can be lost.
const LIBRARY: &str = r#"
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Bank {
    accounts: Mutex<Vec<u64>>,
    journal: Mutex<Vec<u64>>,
    visits: AtomicU64,
}

impl Bank {
    pub fn open(&self, amount: u64) {
        let mut accounts = self.accounts.lock().unwrap();
        accounts.push(amount);
        self.journal.lock().unwrap().push(amount);
    }

    pub fn audit(&self) -> bool {
        let journal = self.journal.lock().unwrap();
        let accounts = self.accounts.lock().unwrap();
        journal.len() == accounts.len()
    }

    pub fn visit(&self) -> u64 {
        let seen = self.visits.load(Ordering::SeqCst);
        self.visits.store(seen + 1, Ordering::SeqCst);
        self.visits.load(Ordering::SeqCst)
    }
}

#[test]
fn visits_are_counted() {
    let bank = Bank::default();
    std::thread::scope(|scope| {
        scope.spawn(|| bank.visit());
        scope.spawn(|| bank.visit());
    });
    assert_eq!(bank.visit(), 3);
}
"#;

/// One more inversion, of other locks.
const SECOND: &str = r#"
#[derive(Default)]
pub struct Shop {
    stock: Mutex<u32>,
    orders: Mutex<u32>,
}

impl Shop {
    pub fn order(&self) {
        let mut stock = self.stock.lock().unwrap();
        *stock -= 1;
        *self.orders.lock().unwrap() += 1;
    }

    pub fn cancel(&self) {
        let mut orders = self.orders.lock().unwrap();
        *orders -= 1;
        *self.stock.lock().unwrap() += 1;
    }
}
"#;

/// A project in a directory of its own, outside of this repository.
struct Project {
    dir: tempfile::TempDir,
    bin: tempfile::TempDir,
}

impl Project {
    fn empty() -> Self {
        let project = Self {
            dir: tempfile::tempdir().unwrap(),
            bin: tempfile::tempdir().unwrap(),
        };
        // Installed under both of its names.
        for name in ["conclint", "cargo-conclint"] {
            let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            fs::hard_link(binary(), project.bin.path().join(&name))
                .or_else(|_| fs::copy(binary(), project.bin.path().join(&name)).map(drop))
                .unwrap();
        }
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// It needs a dependency, which is not what the test is about.
    fn remove_the_lint_test(&self) {
        fs::remove_file(self.dir.path().join("tests/conclint.rs")).unwrap();
    }

    /// Runs a command as the user's shell does, with conclint installed.
    fn run(&self, line: &str) -> Run {
        let mut words = line.split_whitespace();
        let mut path = vec![self.bin.path().to_owned()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .current_dir(self.dir.path())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_TERM_COLOR", "never")
            .env("CONCLINT_CACHE", cache());
        for name in [
            "GITHUB_ACTIONS",
            "GITLAB_CI",
            "CONCLINT",
            "CONCLINT_SCHEDULE",
        ] {
            command.env_remove(name);
        }
        // Of the package that runs this test.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG") || text == "CARGO_MANIFEST_DIR" {
                command.env_remove(&name);
            }
        }
        Run(line.to_owned(), command.output().unwrap())
    }
}

/// Where the projects are built: beside this repository's own build, so that
/// the dependencies of conclint-test are built once.
fn target() -> PathBuf {
    binary().parent().unwrap().with_file_name("adopt")
}

struct Run(String, Output);

impl Run {
    /// Both streams.
    fn text(&self) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        text(&self.1.stdout) + &text(&self.1.stderr)
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        let text = self.text();
        assert_eq!(self.1.status.code(), Some(code), "{}\n{text}", self.0);
        self
    }

    #[track_caller]
    fn says(self, what: &str) -> Self {
        let text = self.text();
        assert!(text.contains(what), "no {what:?} in {}:\n{text}", self.0);
        self
    }

    #[track_caller]
    fn does_not_say(self, what: &str) -> Self {
        let text = self.text();
        assert!(!text.contains(what), "{what:?} in {}:\n{text}", self.0);
        self
    }

    fn json(&self) -> Value {
        json_of(&self.1.stdout, &self.text())
    }
}

/// `crates/conclint-test` of this repository, as a dependency has it.
fn path_of_conclint_test() -> String {
    let path = repository().join("crates/conclint-test");
    format!("{:?}", path.to_str().unwrap())
}

#[test]
fn a_team_adopts_conclint() {
    let project = Project::empty();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"bank\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    project.write("src/lib.rs", LIBRARY);
    project
        .run("conclint init")
        .ends_with(0)
        .says("conclint.toml: written")
        .says("tests/conclint.rs: written")
        .says("cargo add --dev conclint-test");
    let manifest = project.read("Cargo.toml");
    let dependency = format!(
        "\n[dev-dependencies]\nconclint-test = {{ path = {} }}\n",
        path_of_conclint_test()
    );
    project.write("Cargo.toml", &(manifest + &dependency));

    // The test fails, and shows both paths of the inversion. (The project's own
    // test has a lost update, which a plain run sees once in a blue moon.)
    project
        .run("cargo test --test conclint")
        .ends_with(101)
        .says("test conclint ... FAILED")
        .says("error[CL101 lock-order-inversion]: `Bank.accounts` and `Bank.journal`")
        .says("src/lib.rs:16:")
        .says("path A: `Bank.accounts` then `Bank.journal`")
        .says("path B: `Bank.journal` then `Bank.accounts`");

    // What is known is written down, and new bugs still count.
    project
        .run("conclint baseline write")
        .ends_with(0)
        .says("conclint-baseline.toml: 2 known findings");
    project
        .run("cargo test --test conclint")
        .ends_with(0)
        .says("test conclint ... ok");
    project.write("src/lib.rs", &format!("{LIBRARY}{SECOND}"));
    project
        .run("cargo test --test conclint")
        .ends_with(101)
        .says("error[CL101 lock-order-inversion]: `Shop.")
        .says("2 in the baseline")
        .does_not_say("Bank.journal");

    // The lost update that plain tests do not see.
    project
        .run("cargo conclint explore")
        .ends_with(1)
        .says("failed   ")
        .says("an update of `visits` is lost")
        .says("self.visits.store(seen + 1, Ordering::SeqCst);")
        .says("replay: conclint replay ")
        .says("looks at source files and starts no thread of the program");
}

/// A copy of `fixtures/adopt`, which may lie anywhere.
fn fixture() -> Project {
    let project = Project::empty();
    let from = repository().join("fixtures/adopt");
    for file in ["src/lib.rs", "src/tickets.rs", "tests/conclint.rs"] {
        project.write(file, &fs::read_to_string(from.join(file)).unwrap());
    }
    let manifest = fs::read_to_string(from.join("Cargo.toml")).unwrap();
    let relative = "\"../../crates/conclint-test\"";
    assert!(manifest.contains(relative), "{manifest}");
    project.write(
        "Cargo.toml",
        &manifest.replace(relative, &path_of_conclint_test()),
    );
    project
}

#[test]
fn attributes_change_nothing_under_plain_cargo_test() {
    let project = fixture();
    let run = project
        .run("cargo test --no-fail-fast")
        .ends_with(101)
        .says("test tests::visits_add_up ... ok")
        .says("test tests::accounts_are_opened_at_once ... ok")
        .says("test tests::an_account_is_opened ... ok")
        .says("test tickets::tests::whole ... ok")
        .says("test tickets::tests::with_real_threads ... ok")
        .says("test tickets::tests::in_two_steps ... FAILED")
        .says("test conclint ... FAILED")
        .says("5 passed; 1 failed")
        .does_not_say("__conclint_settings");
    // The body that explores itself shows the interleaving, and how to run it again.
    let run = run
        .says("panicked at src/tickets.rs:")
        .says("error[failed]: tickets::tests::in_two_steps: an update of `next` is lost")
        .says("let number = self.next.load(Ordering::SeqCst);")
        .says(">> thread ");
    let text = run.text();
    let line = text.lines().find_map(|line| line.strip_prefix("replay: "));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    let (variable, command) = line.split_once(' ').unwrap();
    assert_eq!(command, "cargo test tickets::tests::in_two_steps");
    let replayed = project
        .run(&format!("env {variable} {command} --lib"))
        .ends_with(101)
        .says("an update of `next` is lost");
    let timeline = |text: &str| {
        let from = text.find("  main  ").unwrap_or_else(|| panic!("{text}"));
        text[from..text[from..].find("\n\n").unwrap() + from].to_owned()
    };
    assert_eq!(timeline(&replayed.text()), timeline(&text));
    project
        .run("env CONCLINT_SCHEDULE=nonsense cargo test --lib in_two_steps")
        .ends_with(101)
        .says("CONCLINT_SCHEDULE=\"nonsense\" is no schedule");
    // The default schedule does not lose anything.
    project
        .run("env CONCLINT_SCHEDULE=0: cargo test --lib in_two_steps")
        .ends_with(0);
}

#[test]
fn attributes_are_obeyed_by_explore() {
    let project = fixture();
    let run = project
        .run("cargo conclint explore --keep-going --format json --also human=shown.txt")
        .ends_with(1);
    let value = run.json();
    let of = |test: &str| {
        let mut all = value["targets"].as_array().unwrap().iter();
        all.find(|t| t["test"] == test)
            .unwrap_or_else(|| panic!("{test}: {value:#}"))
    };
    assert_eq!(of("tests::visits_add_up")["verdict"], "failed");
    assert_eq!(of("tests::visits_add_up")["failure"]["preemptions"], 1);
    let random = of("tests::accounts_are_opened_at_once");
    assert_eq!(random["verdict"], "passed");
    assert_eq!(random["executions"], 40);
    assert_eq!(random["exhaustive_preemptions"], Value::Null, "random");
    let skipped = of("tests::an_account_is_opened");
    assert_eq!(skipped["verdict"], "skipped");
    assert_eq!(skipped["reason"], "ignored: one thread only");
    assert_eq!(of("conclint")["verdict"], "skipped");
    // With std's place taken, a body that explores itself is explored like any other.
    assert_eq!(of("tickets::tests::whole")["verdict"], "passed");
    assert_eq!(of("tickets::tests::in_two_steps")["verdict"], "failed");
    assert!(project.read("shown.txt").contains("one thread only"));

    // The parts of the run, merged, are the run.
    let mut files = Vec::new();
    for part in 1..=3 {
        let line = format!(
            "cargo conclint explore --keep-going --format json --output part-{part}.json \
             --partition {part}/3"
        );
        project.run(&line);
        let part: Value =
            serde_json::from_str(&project.read(&format!("part-{part}.json"))).unwrap();
        files.push(part["targets"].as_array().unwrap().len());
    }
    assert!(files.iter().all(|n| *n > 1), "{files:?}");
    let merged = project
        .run("conclint merge part-3.json part-1.json part-2.json --format json --also human=merged.txt")
        .ends_with(1);
    assert_eq!(timeless(merged.json()), timeless(value));
    assert_eq!(project.read("merged.txt"), project.read("shown.txt"));
    project
        .run("conclint merge part-1.json part-2.json")
        .ends_with(2)
        .says("error: of 3 parts these are missing: 3\n");
    project
        .run("conclint merge part-1.json part-2.json part-2.json")
        .ends_with(2)
        .says("error: part-2.json: part 2 is in part-2.json already\n");
    project.write(
        "other.json",
        &project
            .read("part-3.json")
            .replace("\"seed\": 0", "\"seed\": 1"),
    );
    project
        .run("conclint merge part-1.json part-2.json other.json")
        .ends_with(2)
        .says("error: other.json: a part of another run\n");
}

/// Without how long it took.
fn timeless(mut value: Value) -> Value {
    for target in value["targets"].as_array_mut().unwrap() {
        target["seconds"] = Value::Null;
    }
    value
}

/// Two tests, one of which some schedule breaks, and no dependency.
fn small() -> Project {
    let project = Project::empty();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    let (_, test) = LIBRARY.split_once("#[test]").unwrap();
    let again = test.replace("fn visits", "fn all_visits");
    project.write("src/lib.rs", &format!("{LIBRARY}\n#[test]{again}"));
    project
}

/// The file that `conclint init --ci slurm` writes, as the cluster runs it.
#[cfg(unix)]
#[test]
fn a_job_array_explores_in_parts() {
    let project = small();
    project
        .run("conclint init --ci slurm")
        .ends_with(0)
        .says("conclint-slurm.sh: written");
    project.remove_the_lint_test();
    for task in 1..=2 {
        let line = format!(
            "env SLURM_ARRAY_TASK_ID={task} SLURM_ARRAY_TASK_COUNT=2 SLURM_CPUS_PER_TASK=1 \
             sh conclint-slurm.sh"
        );
        project.run(&line).ends_with(0);
    }
    project
        .run("conclint merge explore-1.json explore-2.json")
        .ends_with(1)
        .says("2 tests, ")
        .says("an update of `visits` is lost");
    let error = "env SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=2 SLURM_CPUS_PER_TASK=1 \
                 sh conclint-slurm.sh";
    assert_ne!(project.run(error).1.status.code(), Some(0), "no such part");
}

/// The command of the pod that `conclint init --ci kubernetes` describes.
#[cfg(unix)]
#[test]
fn an_indexed_job_explores_in_parts() {
    let project = small();
    project.run("conclint init --ci kubernetes").ends_with(0);
    project.remove_the_lint_test();
    let text = project.read("conclint-kubernetes.yaml");
    let job: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let parts = container["env"][0]["value"].as_str().unwrap();
    assert_eq!(job["spec"]["completions"].to_string(), parts);
    assert_eq!(container["command"], serde_json::json!(["sh", "-c"]));
    let command = container["args"][0].as_str().unwrap();
    project.write("pod.sh", command);
    fs::create_dir(project.dir.path().join("results")).unwrap();
    for index in 0..2 {
        let line = format!("env JOB_COMPLETION_INDEX={index} PARTS=2 RESULTS=results sh pod.sh");
        project.run(&line).ends_with(0);
    }
    project
        .run("conclint merge results/explore-1.json results/explore-2.json")
        .ends_with(1)
        .says("2 tests, ");
}

/// Templates are YAML; what they call is there.
#[test]
fn the_files_for_ci_are_in_order() {
    let project = small();
    for (ci, file) in [
        ("github", ".github/workflows/conclint.yml"),
        ("gitlab", ".gitlab/conclint.yml"),
    ] {
        project
            .run(&format!("conclint init --ci {ci}"))
            .ends_with(0);
        let text = project.read(file);
        let _: Value = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert!(text.contains("CONCLINT_GIT"), "{file}");
    }
    for file in [
        ".pre-commit-hooks.yaml",
        ".github/actions/conclint/action.yml",
    ] {
        let text = fs::read_to_string(repository().join(file)).unwrap();
        let value: Value = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        let hooks = value.as_array().into_iter().flatten();
        for hook in hooks.filter_map(|hook| hook["entry"].as_str()) {
            // The command line is understood; what it finds is not the question.
            let code = project.run(hook).1.status.code();
            assert!(
                code.is_some_and(|code| code < 2 || hook.contains("baseline")),
                "{hook}"
            );
        }
    }
}
