//! What the end-to-end tests of this package share: running the command the
//! way a user does, with a limit on its time.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jsonschema::Validator;
use serde_json::Value;

/// How a run of the command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The exit code; `None` when a signal or the time limit ended it.
    pub code: Option<i32>,
    /// The bytes of standard output.
    pub stdout: Vec<u8>,
    /// Standard error as text.
    pub stderr: String,
}

impl Run {
    /// [`json_of`] standard output.
    ///
    /// # Panics
    ///
    /// As [`json_of`].
    #[track_caller]
    pub fn json(&self) -> Value {
        json_of(&self.stdout, &self.stderr)
    }
}

/// What `text` says, which has to be as `conclint schema` describes it under
/// the name that it gives itself (`conclint/explore/1`: `explore`).
///
/// # Panics
///
/// When it is no JSON (`otherwise` says why), or other than its schema says.
#[track_caller]
pub fn json_of(text: &[u8], otherwise: &str) -> Value {
    let value: Value =
        serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {otherwise}"));
    let name = value["schema"].as_str().unwrap_or_default();
    let validator = match name {
        "conclint/check/1" => schema("check"),
        "conclint/explore/1" => schema("explore"),
        other => panic!("no schema is known of {other:?}"),
    };
    let wrong: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    value
}

/// What `conclint schema NAME` prints.
fn schema(name: &str) -> Validator {
    let run = run(repository(), &["schema", name], Duration::from_secs(60));
    let schema = serde_json::from_slice(&run.stdout).expect("a schema is JSON");
    jsonschema::validator_for(&schema).expect("a schema is one")
}

/// The root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Copies a fixture, without what a build left in it.
///
/// # Panics
///
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("a fixture is there") {
        let path = entry.expect("a fixture can be listed").path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_file() {
            fs::copy(&path, &target).expect("a file can be copied");
        } else if !path.ends_with("target") {
            copy(&path, &target);
        }
    }
}

/// Runs `conclint` with `arguments` in `dir`; after `limit` it is killed.
///
/// # Panics
///
/// When the command cannot be started: the test has nothing to look at then.
pub fn run(dir: &Path, arguments: &[&str], limit: Duration) -> Run {
    run_with(dir, arguments, &[], limit)
}

/// [`run`] with these environment variables, and none of a CI system.
///
/// # Panics
///
/// As [`run`].
pub fn run_with(
    dir: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Run {
    let mut child = Command::new(binary())
        .args(arguments)
        .current_dir(dir)
        .env_remove("CLICOLOR_FORCE")
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY")
        .env_remove("GITLAB_CI")
        .envs(variables.iter().copied())
        .env_remove("CARGO_TARGET_DIR")
        // CI builds without debug information; who explores has it, and its lines are shown.
        .env_remove("CARGO_PROFILE_DEV_DEBUG")
        .env("CONCLINT_CACHE", cache())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("conclint starts");
    let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let start = Instant::now();
    let code = loop {
        match child.try_wait().expect("conclint can be waited for") {
            Some(status) => break status.code(),
            None if start.elapsed() > limit => {
                child.kill().expect("conclint can be killed");
                child.wait().expect("conclint can be waited for");
                break None;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = |reader: thread::JoinHandle<Vec<u8>>| reader.join().expect("a reader ends");
    Run {
        code,
        stdout: text(stdout),
        stderr: String::from_utf8_lossy(&text(stderr)).into_owned(),
    }
}

/// Reads to the end in a thread of its own, so that no pipe fills up.
fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until an error is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Where the runtime of `explore` is built once for all tests.
///
/// # Panics
///
/// As [`binary`].
pub fn cache() -> PathBuf {
    let binary = binary();
    let target = binary.parent().and_then(Path::parent);
    target.unwrap_or(Path::new(".")).join("conclint-cache")
}

/// The program that cargo builds for the tests of this package; it lies one
/// directory above them.
///
/// # Panics
///
/// Outside of a test that cargo built.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let name = format!("story-conclint{}", std::env::consts::EXE_SUFFIX);
    test.parent()
        .and_then(Path::parent)
        .expect("target/debug/deps")
        .join(name)
}
