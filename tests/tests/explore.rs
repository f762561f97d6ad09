//! `conclint explore` and `conclint replay` on projects as users have them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conclint_tests::{Run, copy, repository, run};
use serde_json::Value;

/// A run never takes this long; one that hangs ends here.
const LIMIT: Duration = Duration::from_secs(600);

/// A copy of a fixture, in a directory of its own.
struct Project(tempfile::TempDir);

impl Project {
    fn copy(fixture: &str) -> Self {
        let project = Self::empty();
        copy(&repository().join("fixtures").join(fixture), project.dir());
        project
    }

    fn empty() -> Self {
        Project(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A package with this library.
    fn library(text: &str) -> Self {
        let project = Self::empty();
        let manifest = "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        project
            .write("Cargo.toml", manifest)
            .write("src/lib.rs", text);
        project
    }

    fn conclint(&self, arguments: &[&str]) -> Run {
        run(self.dir(), arguments, LIMIT)
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut all = vec!["explore", "--format", "json"];
        all.extend(arguments);
        let run = self.conclint(&all);
        (run.code, run.json())
    }

    fn cargo(&self, arguments: &[&str]) -> String {
        let output = Command::new("cargo")
            .args(arguments)
            .current_dir(self.dir())
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        text
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The arguments of the command that a report gives for its first failure.
#[track_caller]
fn replay_of(shown: &str) -> Vec<&str> {
    let mut lines = shown.lines();
    let line = lines.find_map(|line| line.strip_prefix("replay: conclint "));
    line.unwrap_or_else(|| panic!("{shown}"))
        .split(' ')
        .collect()
}

/// Test and verdict of each target.
fn verdicts(value: &Value) -> Vec<(String, String)> {
    let list = value["targets"].as_array().unwrap();
    let of = |v: &Value| v.as_str().unwrap().to_owned();
    list.iter()
        .map(|t| (of(&t["test"]), of(&t["verdict"])))
        .collect()
}

#[test]
fn unedited_tests_are_judged() {
    let project = Project::copy("explore/bank");
    let (code, value) = project.json(&["--keep-going"]);
    assert_eq!(code, Some(1));
    assert_eq!(value["schema"], "conclint/explore/1");
    let expected = [
        ("tests::correct_counter", "passed"),
        ("tests::correct_transfers", "passed"),
        ("tests::deadlock", "deadlock"),
        ("tests::ignored", "skipped"),
        ("tests::lost_update", "failed"),
        ("tests::panics", "passed"),
        ("tests::result", "passed"),
    ];
    let expected = expected.map(|(t, v)| (t.to_owned(), v.to_owned()));
    assert_eq!(verdicts(&value), expected);
    let failure = &value["targets"][4]["failure"];
    assert_eq!(
        (&failure["file"], &failure["line"]),
        (&"src/lib.rs".into(), &75.into())
    );
    assert_eq!(failure["preemptions"], 1);
    assert_eq!(failure["timeline"][4]["object"], "counter");
    assert_eq!(failure["timeline"][4]["function"], "add_racy");
}

#[test]
fn a_failure_replays_after_cargo_clean_and_an_added_comment() {
    let project = Project::copy("explore/bank");
    let explored = project.conclint(&["explore", "lost_update"]);
    assert_eq!(explored.code, Some(1), "{}", explored.stderr);
    let shown = text(&explored.stdout);
    let [_, file] = replay_of(&shown)[..] else {
        panic!("{shown}")
    };
    let saved = project.dir().join(file);
    assert!(saved.is_file(), "{file}");
    let kept = project.dir().join("kept.json");
    fs::copy(&saved, &kept).unwrap();
    let first = project.conclint(&["replay", "kept.json"]);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    project.cargo(&["clean"]);
    let second = project.conclint(&["replay", "kept.json"]);
    assert_eq!(text(&first.stdout), text(&second.stdout));

    let source = fs::read_to_string(project.dir().join("src/lib.rs")).unwrap();
    project.write(
        "src/lib.rs",
        &source.replace("/// Adds one in", "// Added.\n/// Adds one in"),
    );
    let third = project.conclint(&["replay", "kept.json"]);
    assert_eq!(third.code, Some(1));
    assert!(
        text(&third.stdout).contains("store(seen + 1"),
        "{}",
        text(&third.stdout)
    );
    assert!(!text(&third.stdout).contains("no longer applies"));

    // The second half of the update is gone, and with it the switch before it.
    let edited = source.replace("    counter.store(seen + 1, Ordering::SeqCst);\n", "");
    project.write("src/lib.rs", &edited.replace("let seen", "let _seen"));
    let fourth = project.conclint(&["replay", "kept.json"]);
    let lost =
        "no longer applies: thread 1 gives way to thread 2 before store counter (src/lib.rs:10)";
    assert!(
        text(&fourth.stdout).contains(lost),
        "{}",
        text(&fourth.stdout)
    );
}

#[test]
fn the_project_stays_untouched() {
    let project = Project::copy("explore/bank");
    project.write(".gitignore", "/target\n");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(arguments)
            .current_dir(project.dir())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    project.cargo(&["build"]);
    let lock = fs::read(project.dir().join("Cargo.lock")).unwrap();
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "all"]);
    assert_eq!(project.conclint(&["explore"]).code, Some(1));
    assert_eq!(git(&["status", "--porcelain"]), "");
    assert_eq!(fs::read(project.dir().join("Cargo.lock")).unwrap(), lock);
    let again = project.cargo(&["build"]);
    assert!(!again.contains("Compiling"), "{again}");
}

/// The name of every entry below `dir`.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    out.sort();
    out
}

#[test]
fn a_lock_file_that_is_not_there_is_not_left_behind() {
    let project = Project::library("#[test]\nfn one() {}\n");
    let before = entries(project.dir());
    assert_eq!(project.conclint(&["explore"]).code, Some(0));
    let after = entries(project.dir());
    let new: Vec<_> = after.iter().filter(|p| !before.contains(p)).collect();
    assert_eq!(new, [&project.dir().join("target")]);
}

#[test]
fn what_cannot_be_explored_is_said() {
    let nothing = Project::empty();
    let run = nothing.conclint(&["explore"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("Cargo.toml"), "{}", run.stderr);

    let broken = Project::library("fn f() -> u8 { \"text\" }\n");
    let run = broken.conclint(&["explore"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("error[E0308]"), "{}", run.stderr);
    assert!(run.stderr.contains("src/lib.rs:1"), "{}", run.stderr);

    let empty = Project::library("pub fn f() {}\n");
    assert_eq!(empty.conclint(&["explore"]).code, Some(3));

    let one = Project::library("#[test]\nfn one() {}\n");
    assert_eq!(one.conclint(&["explore", "two"]).code, Some(3));
    let run = one.conclint(&["explore", "--strategy", "randon"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("did you mean random?"),
        "{}",
        run.stderr
    );
    one.write("file", "");
    let run = one.conclint(&["explore", "--target-dir", "file"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("cannot write to"), "{}", run.stderr);
    one.write("no.json", "{}");
    let run = one.conclint(&["replay", "no.json"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("is not a schedule"), "{}", run.stderr);
}

/// The first failure ends the run, whatever the number of workers.
#[test]
fn jobs_change_nothing() {
    let project = Project::copy("explore/bank");
    let human = |jobs: &str| {
        let run = project.conclint(&["explore", "--jobs", jobs, "--schedules", "50"]);
        assert_eq!(run.code, Some(1));
        text(&run.stdout)
    };
    let one = human("1");
    assert!(one.contains("stopped at the first failure"), "{one}");
    assert_eq!(one, human("4"));
}

/// What answers outside of the program is not scheduled; the call is named.
#[test]
fn calls_that_leave_the_program_are_named() {
    let project = Project::library(
        r#"
        #[test]
        fn network() {
            std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        }

        #[test]
        fn process() {
            std::process::Command::new("true").status().unwrap();
        }

        #[test]
        fn copy() {
            unsafe extern "C" {
                fn fork() -> i32;
            }
            assert!(unsafe { fork() } >= 0);
        }

        #[test]
        fn foreign() {
            extern "C" fn run(_: *mut u8) -> *mut u8 {
                std::ptr::null_mut()
            }
            type Run = extern "C" fn(*mut u8) -> *mut u8;
            unsafe extern "C" {
                fn pthread_create(t: *mut usize, a: *const u8, f: Run, x: *mut u8) -> i32;
            }
            let (mut thread, none) = (0, std::ptr::null_mut());
            assert_eq!(unsafe { pthread_create(&mut thread, none, run, none) }, 0);
        }

        #[test]
        fn alone() {}
        "#,
    );
    let (code, value) = project.json(&[]);
    assert_eq!(code, Some(0));
    let of = |test: &str| {
        let mut all = value["targets"].as_array().unwrap().iter();
        let target = all.find(|t| t["test"] == test).unwrap();
        let text = |key: &str| target[key].as_str().unwrap().to_owned();
        (text("verdict"), text("reason"))
    };
    assert_eq!(of("alone"), ("passed".to_owned(), String::new()));
    for (test, call) in [
        ("network", "calls bind"),
        ("process", "calls posix_spawn"),
        ("copy", "calls fork"),
        ("foreign", "calls pthread_create"),
    ] {
        let (verdict, reason) = of(test);
        assert_eq!(verdict, "inconclusive");
        assert!(reason.starts_with(call), "{reason}");
    }
}

/// Every execution is sequentially consistent, so what relies on less is not judged by it.
#[test]
fn relaxed_is_said_to_be_taken_for_more() {
    let project = Project::library(
        r#"
        use std::sync::atomic::{AtomicU32, Ordering::{self, Acquire, Relaxed, Release}};

        fn publish(store: Ordering, load: Ordering) {
            let (data, ready) = (AtomicU32::new(0), AtomicU32::new(0));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    data.fetch_add(1, Relaxed);
                    ready.store(1, store);
                });
                let _ = ready.load(load);
            });
            assert_eq!(data.load(Relaxed), 1);
        }

        #[test]
        fn weak() {
            publish(Relaxed, Acquire);
        }

        #[test]
        fn strong() {
            publish(Release, Acquire);
        }
        "#,
    );
    let (code, value) = project.json(&[]);
    assert_eq!(code, Some(0));
    let of = |test: &str| {
        let mut all = value["targets"].as_array().unwrap().iter();
        all.find(|t| t["test"] == test).unwrap()["reason"].clone()
    };
    assert_eq!(of("weak"), "Relaxed taken as SeqCst (src/lib.rs:9)");
    assert_eq!(of("strong"), "");
}

/// A program whose two threads add one to `n`, and now and then both to the same value; what it
/// does `then` is on line 10.
fn two_add_one(then: &str) -> String {
    let program = r#"
        use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
        fn main() {
            let n = AtomicU32::new(0);
            std::thread::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| n.store(n.load(SeqCst) + 1, SeqCst));
                }
            });
            THEN;
        }
    "#;
    program.replace("THEN", then)
}

/// A program that wants arguments says nothing about its threads.
#[test]
fn mains_are_explored() {
    let project = Project::library("");
    let asserts = "assert_eq!(n.into_inner(), 2)";
    project.write("src/bin/race.rs", &two_add_one(asserts));
    project.write("src/bin/usage.rs", "fn main() { std::process::exit(2) }\n");
    project.write(
        "src/bin/code.rs",
        r#"
        use std::sync::{Arc, atomic::{AtomicU32, Ordering::SeqCst}};
        fn main() -> std::process::ExitCode {
            let n = Arc::new(AtomicU32::new(0));
            let theirs = n.clone();
            std::thread::spawn(move || theirs.store(1, SeqCst));
            std::process::ExitCode::from(u8::from(n.load(SeqCst) == 0))
        }
        "#,
    );
    let prints = "println!(\"n = {}\", n.into_inner())";
    project.write("src/bin/prints.rs", &two_add_one(prints));
    project.write(
        "src/bin/forgets.rs",
        "fn main() { std::thread::spawn(|| std::fs::write(\"a\", \"b\")); println!(\"done\"); }\n",
    );
    project.write(
        "src/bin/waits.rs",
        r#"
        fn main() {
            let (tx, rx) = std::sync::mpsc::channel();
            let (done, all) = std::sync::mpsc::channel();
            std::thread::spawn(move || for i in rx { let _ = done.send(i); });
            tx.send(1).unwrap();
            println!("{}", all.recv().unwrap());
        }
        "#,
    );
    let (code, value) = project.json(&["--keep-going"]);
    assert_eq!(code, Some(1));
    let list = value["targets"].as_array().unwrap();
    let of = |target: &str| list.iter().find(|t| t["target"] == target).unwrap();
    assert_eq!(of("main race")["verdict"], "failed");
    assert_eq!(of("main race")["failure"]["line"], 10);
    assert_eq!(of("main usage")["verdict"], "inconclusive");
    assert_eq!(of("main code")["verdict"], "failed");
    // What no assertion tells is said all the same.
    let note = |target: &str| {
        assert_eq!(of(target)["verdict"], "passed");
        of(target)["reason"].as_str().unwrap().to_owned()
    };
    assert!(note("main prints").ends_with("`n = 2` or `n = 1`"));
    assert!(
        note("main forgets").starts_with("main ends before thread 1 has (src/bin/forgets.rs:1)")
    );
    assert_eq!(note("main waits"), "");
}

/// A binary that ends before it says what its tests are does not end the run.
#[test]
fn a_binary_that_does_not_answer_is_inconclusive() {
    let project = Project::library("#[test]\nfn one() {}\n");
    let manifest = fs::read_to_string(project.dir().join("Cargo.toml")).unwrap();
    let more = "\n[dependencies]\n[[test]]\nname = \"dead\"\n";
    project
        .write("Cargo.toml", &format!("{manifest}{more}"))
        .write(
            "tests/dead.rs",
            r#"
        #[used]
        #[unsafe(link_section = ".init_array")]
        static DIE: extern "C" fn() = {
            extern "C" fn die() {
                std::process::abort()
            }
            die
        };
        "#,
        );
    let (code, value) = project.json(&[]);
    assert_eq!(code, Some(0));
    let expected = [("one", "passed"), ("(all)", "inconclusive")];
    let expected = expected.map(|(t, v)| (t.to_owned(), v.to_owned()));
    assert_eq!(verdicts(&value), expected);
}

/// From elsewhere, by the path of the manifest; the line that replays it works as it is printed.
#[test]
fn explored_from_elsewhere() {
    let project = Project::copy("explore/bank");
    let elsewhere = Project::empty();
    let manifest = project.dir().join("Cargo.toml");
    let manifest = manifest.to_str().unwrap();
    let arguments = ["explore", "lost_update", "--manifest-path", manifest];
    let explored = elsewhere.conclint(&arguments);
    assert_eq!(explored.code, Some(1), "{}", explored.stderr);
    let shown = text(&explored.stdout);
    let replayed = elsewhere.conclint(&replay_of(&shown));
    assert_eq!(replayed.code, Some(1), "{}", replayed.stderr);
    assert!(text(&replayed.stdout).contains("an update of `counter` is lost"));
    assert!(entries(elsewhere.dir()).is_empty());
}

/// What hash order decides is decided alike in each process, message and all.
#[test]
fn hash_order_replays() {
    let project = Project::copy("explore/verdicts");
    let explored = project.conclint(&["explore", "hashes_repeat"]);
    assert_eq!(explored.code, Some(1), "{}", explored.stderr);
    let shown = text(&explored.stdout);
    let line = replay_of(&shown);
    let said = |text: &str| {
        let at = text.find("somebody else took").expect("the message");
        text[at..].lines().next().map(str::to_owned)
    };
    let first = text(&project.conclint(&line).stdout);
    assert_eq!(said(&first), said(&shown));
    assert_eq!(first, text(&project.conclint(&line).stdout));
}

/// Threads that wait in an event loop are scheduled; what wakes them is the program's own.
#[test]
fn event_loops_are_scheduled() {
    let project = Project::copy("explore/event-loop");
    let (code, value) = project.json(&["--lib", "--keep-going"]);
    assert_eq!(code, Some(1), "{value}");
    let expected = [
        ("is_woken", "passed"),
        ("is_woken_too_early", "failed"),
        ("times_out", "passed"),
        ("waits_for_ever", "deadlock"),
    ];
    let expected = expected.map(|(test, is)| (format!("tests::{test}"), is.to_owned()));
    assert_eq!(verdicts(&value), expected);
    let targets = value["targets"].as_array().unwrap();
    let failure = &targets[3]["failure"];
    assert_eq!(failure["kind"], "event-never-comes", "{failure}");
    assert_eq!(
        failure["explanation"],
        "main waits for an event, and nobody is left to bring one about"
    );
    // The system call is the project's own, and so is its line.
    let timeline = failure["timeline"].as_array().unwrap();
    let polls = timeline.iter().filter(|step| step["op"] == "poll");
    let mut lines: Vec<&Value> = polls.map(|step| &step["line"]).collect();
    lines.dedup();
    assert_eq!(lines, [45]);
    assert!(timeline.iter().all(|step| step["inside"].is_null()));
}

/// Locks of parking_lot are an atomic and a queue: the explanation names the program's own lines.
#[test]
fn a_deadlock_in_locks_of_another_crate_names_the_callers() {
    let project = Project::library(
        r#"#[cfg(test)]
mod tests {
    use parking_lot::{Mutex, RwLock};
    use std::thread;

    #[test]
    fn circle() {
        let (left, right) = (Mutex::new(1), Mutex::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                let a = left.lock();
                let b = right.lock();
                let _ = *a + *b;
            });
            let b = right.lock();
            let a = left.lock();
            let _ = *a + *b;
        });
    }

    #[test]
    fn upgrade() {
        let table = RwLock::new(1);
        let seen = table.read();
        *table.write() += *seen;
    }

    #[test]
    fn nobody() {
        let (ready, gate) = (parking_lot::Condvar::new(), Mutex::new(()));
        ready.wait(&mut gate.lock());
    }

    /// Its thread is started through a call that the compiler has written.
    #[test]
    fn scoped() {
        crossbeam_utils::thread::scope(|scope| drop(scope.spawn(|_| Mutex::new(1)))).unwrap();
        panic!("shown");
    }
}
"#,
    );
    let manifest = fs::read_to_string(project.dir().join("Cargo.toml")).unwrap();
    let manifest =
        format!("{manifest}\n[dependencies]\nparking_lot = \"0.12\"\ncrossbeam-utils = \"0.8\"\n");
    project.write("Cargo.toml", &manifest);
    let (code, value) = project.json(&["--lib", "--keep-going"]);
    assert_eq!(code, Some(1), "{value}");
    let failure = |name: &str| {
        let targets = value["targets"].as_array().unwrap().iter();
        let mut named = targets.filter(|t| t["test"] == name);
        named.next().unwrap()["failure"].clone()
    };
    let circle = failure("tests::circle");
    assert_eq!(circle["kind"], "lock-cycle", "{circle}");
    let explanation = circle["explanation"].as_str().unwrap();
    for part in [
        "holds `right` and waits to lock `left`",
        "holds `left` and waits to lock `right`",
    ] {
        assert!(explanation.contains(part), "{explanation}");
    }
    let places = |failure: &Value| -> Vec<(String, u64)> {
        let waits = failure["stuck"].as_array().unwrap().iter();
        waits
            .map(|w| {
                let file = w["file"].as_str().unwrap().to_owned();
                (file, w["line"].as_u64().unwrap())
            })
            .collect()
    };
    let own = |line: u64| ("src/lib.rs".to_owned(), line);
    assert_eq!(places(&circle), [own(16), own(12)], "{circle}");
    let timeline = circle["timeline"].as_array().unwrap();
    let inside = || timeline.iter().filter(|step| step["inside"].is_object());
    assert!(inside().count() > 4, "{circle}");
    for step in inside() {
        assert_eq!(step["file"], "src/lib.rs", "{step}");
        let file = step["inside"]["file"].as_str().unwrap();
        assert!(file.starts_with("parking_lot"), "{step}");
    }
    let upgrade = failure("tests::upgrade");
    assert_eq!(upgrade["kind"], "self-lock", "{upgrade}");
    assert_eq!(places(&upgrade), [own(25)], "{upgrade}");
    let held = &upgrade["stuck"][0]["holds"];
    assert_eq!(held[0]["line"], 24, "{upgrade}");
    assert_eq!(held.as_array().unwrap().len(), 1, "{upgrade}");
    let explanation = upgrade["explanation"].as_str().unwrap();
    assert!(
        explanation.contains("waits to write `table`, which it holds"),
        "{explanation}"
    );
    // The words do not say what is waited for: the call does.
    let nobody = failure("tests::nobody");
    assert_eq!(places(&nobody), [own(31)], "{nobody}");
    let what = nobody["stuck"][0]["what"].as_str().unwrap();
    assert!(what.ends_with("in `Condvar::wait`"), "{what}");
    let scoped = failure("tests::scoped");
    let started = scoped["timeline"].as_array().unwrap().iter();
    let mut started = started.filter(|s| s["thread"] != "main" && s["inside"].is_object());
    assert!(started.clone().count() > 1, "{scoped}");
    assert!(started.all(|s| s["line"] != 1), "{scoped}");
    for failure in [&circle, &upgrade, &nobody] {
        let steps = failure["timeline"].as_array().unwrap().iter();
        for step in steps.filter(|s| s["op"].as_str().unwrap().starts_with("futex")) {
            assert_eq!(step["file"], "src/lib.rs", "{step}");
        }
    }
}

/// Processes whose program lies below a directory.
fn running(dir: &Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let programs = processes.filter_map(|p| fs::read_link(p.path().join("exe")).ok());
    programs.filter(|program| program.starts_with(dir)).count()
}

/// Whoever ends the explorer, even where it cannot notice, ends what it has started.
#[test]
fn nothing_runs_on_without_the_explorer() {
    let project = Project::library(
        "#[test]\nfn long() {\n    std::thread::spawn(|| loop { std::thread::yield_now() });\n    \
         loop { std::thread::yield_now() }\n}\n",
    );
    let dir = project.dir().canonicalize().unwrap();
    let mut explorer = Command::new(conclint_tests::binary())
        .args(["explore", "--lib", "--time", "300s"])
        .current_dir(&dir)
        .env("CONCLINT_CACHE", conclint_tests::cache())
        .env_remove("CARGO_TARGET_DIR")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let wait_for = |what: &dyn Fn(usize) -> bool| {
        let began = Instant::now();
        while !what(running(&dir)) {
            assert!(began.elapsed() < LIMIT);
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // The supervisor and its child.
    wait_for(&|count| count >= 2);
    explorer.kill().unwrap();
    explorer.wait().unwrap();
    wait_for(&|count| count == 0);
}
