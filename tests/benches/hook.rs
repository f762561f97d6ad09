//! What `conclint_test::lint!(workspace)` adds to `cargo test` of a workspace of
//! 50 000 lines, in the dev profile, as its users have it.
//!
//! The workspace is generated, the same each time: packages that call each
//! other, with locks, channels and threads in them. `cargo test` runs with and
//! without the package that holds the one-line test, in turns; once with
//! nothing to build, and once after an edit of the package below all others.
//! What is printed is the median and the difference.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conclint_tests::repository;

/// Lines of the workspace, at least.
const LINES: usize = 50_000;
const PACKAGES: usize = 10;
const ROUNDS: usize = 7;

fn main() {
    // `cargo test --benches` only wants to see it start.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let dir = repository().join("target/hook");
    let lines = generate(&dir);
    say(&format!(
        "{lines} lines in {PACKAGES} packages, in {}",
        dir.display()
    ));

    let first = |what: &str, arguments: &[&str]| {
        let took = cargo(&dir, arguments);
        say(&format!("{what:52} {:7.2} s", took.as_secs_f64()));
    };
    first(
        "first build of the workspace's own tests",
        &["--workspace", "--exclude", "lint", "--no-run"],
    );
    first(
        "first build of conclint-test and the one-line test",
        &["-p", "lint", "--no-run"],
    );
    first(
        "first run: where conclint is not installed, it is built",
        &["-p", "lint"],
    );

    let with = ["--workspace"];
    let without = ["--workspace", "--exclude", "lint"];
    compare("nothing to build", || {
        (cargo(&dir, &without), cargo(&dir, &with))
    });
    let mut edit = 0;
    compare("after an edit of the lowest package", || {
        let mut after_edit = |arguments: &[&str]| {
            edit += 1;
            let text = format!("\n/// Edited.\npub const EDIT: u32 = {edit};\n");
            fs::write(dir.join("p0/src/edit.rs"), text).expect("the workspace can be written");
            cargo(&dir, arguments)
        };
        (after_edit(&without), after_edit(&with))
    });
}

#[expect(clippy::print_stdout, reason = "what a benchmark is for")]
fn say(line: &str) {
    println!("{line}");
}

/// Runs both in turns and prints the medians.
fn compare(what: &str, mut round: impl FnMut() -> (Duration, Duration)) {
    let mut times: (Vec<Duration>, Vec<Duration>) = (0..ROUNDS).map(|_| round()).unzip();
    let mut added: Vec<f64> = times
        .0
        .iter()
        .zip(&times.1)
        .map(|(without, with)| with.as_secs_f64() - without.as_secs_f64())
        .collect();
    added.sort_by(f64::total_cmp);
    let median = |of: &mut Vec<Duration>| {
        of.sort();
        of[of.len() / 2].as_secs_f64()
    };
    say(&format!(
        "{what}: without {:.2} s, with {:.2} s; added {:.2} s (median of {ROUNDS}, {:.2} to {:.2})",
        median(&mut times.0),
        median(&mut times.1),
        added[added.len() / 2],
        added[0],
        added[added.len() - 1],
    ));
}

/// Runs `cargo test`, which must pass.
fn cargo(dir: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .arg("test")
        .args(arguments)
        .current_dir(dir)
        .env("CONCLINT_CACHE", repository().join("target/conclint-cache"))
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .output()
        .expect("cargo starts");
    let took = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let tests = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{tests}");
    took
}

/// Writes the workspace, anew but for what is built of it. Gives its lines.
fn generate(dir: &Path) -> usize {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        let parent = path.parent().expect("a file lies in a directory");
        fs::create_dir_all(parent).expect("the target directory can be written");
        // What is as it was keeps its time, so that nothing is built for it.
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return;
        }
        fs::write(path, text).expect("the target directory can be written");
    };
    let members: Vec<String> = (0..PACKAGES).map(|p| format!("\"p{p}\"")).collect();
    let members = members.join(", ");
    write(
        "Cargo.toml",
        &format!("[workspace]\nresolver = \"3\"\nmembers = [{members}, \"lint\"]\n"),
    );
    let conclint_test = repository().join("crates/conclint-test");
    write(
        "lint/Cargo.toml",
        &format!(
            "{}[dependencies]\np0 = {{ path = \"../p0\" }}\n\n[dev-dependencies]\nconclint-test = {{ path = {conclint_test:?} }}\n",
            package("lint")
        ),
    );
    write("lint/src/lib.rs", "//! Holds the test.\n");
    write(
        "lint/tests/conclint.rs",
        "conclint_test::lint!(workspace);\n",
    );
    let mut lines = 0;
    for p in 0..PACKAGES {
        let below = match p {
            0 => String::new(),
            p => format!("[dependencies]\np{0} = {{ path = \"../p{0}\" }}\n", p - 1),
        };
        write(
            &format!("p{p}/Cargo.toml"),
            &(package(&format!("p{p}")) + &below),
        );
        let mut root = String::from("//! Generated.\n\n");
        if p == 0 {
            root.push_str("pub mod edit;\n");
        }
        let mut own = 0;
        for m in 0.. {
            if own >= LINES / PACKAGES {
                break;
            }
            let text = module(p, m);
            own += text.lines().count();
            let _ = writeln!(root, "pub mod m{m};");
            write(&format!("p{p}/src/m{m}.rs"), &text);
        }
        lines += own;
        write(&format!("p{p}/src/lib.rs"), &root);
    }
    write("p0/src/edit.rs", "\npub const EDIT: u32 = 0;\n");
    lines
}

fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n")
}

/// A module of a few hundred lines, with what servers are made of.
fn module(p: usize, m: usize) -> String {
    let mut text = String::from(
        "//! Generated.\n\nuse std::collections::HashMap;\nuse std::sync::atomic::{AtomicU64, Ordering};\n\
         use std::sync::{Arc, Mutex, RwLock, mpsc};\nuse std::thread;\n\n",
    );
    for s in 0..6 {
        let below = match (p, m) {
            (0, _) => "id".to_owned(),
            (p, m) => format!("p{}::m{m}::weigh{s}(id)", p - 1),
        };
        text.push_str(
            &SERVICE
                .replace("@S", &s.to_string())
                .replace("@BELOW", &below)
                .replace("@N", &(p * 1000 + m * 10 + s).to_string()),
        );
    }
    text
}

const SERVICE: &str = r#"
/// What is known of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Client@S {
    pub name: String,
    pub seen: u64,
    pub tags: Vec<String>,
}

/// Service number @N.
#[derive(Debug, Default)]
pub struct Service@S {
    clients: RwLock<HashMap<u64, Client@S>>,
    pending: Mutex<Vec<u64>>,
    served: AtomicU64,
}

/// What an identity weighs, here and below.
pub fn weigh@S(id: u64) -> u64 {
    let own = match id % 4 {
        0 => id / 2,
        1 => id + @N,
        2 if id > 100 => id - 100,
        _ => id,
    };
    own.wrapping_add(@BELOW)
}

impl Service@S {
    /// Remembers a client.
    pub fn insert(&self, id: u64, name: &str) -> Option<Client@S> {
        let client = Client@S {
            name: name.to_owned(),
            seen: weigh@S(id),
            tags: name.split(' ').map(str::to_owned).collect(),
        };
        let mut clients = self.clients.write().unwrap();
        let old = clients.insert(id, client);
        drop(clients);
        if old.is_none() {
            self.pending.lock().unwrap().push(id);
        }
        old
    }

    /// What is known of a client.
    pub fn lookup(&self, id: u64) -> Option<Client@S> {
        let clients = self.clients.read().unwrap();
        let found = clients.get(&id).cloned();
        if found.is_some() {
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Those that wait, heaviest first.
    pub fn drain(&self) -> Vec<u64> {
        let mut ids = std::mem::take(&mut *self.pending.lock().unwrap());
        ids.sort_by_key(|id| std::cmp::Reverse(weigh@S(*id)));
        ids
    }

    /// Serves everybody on two threads.
    pub fn serve(self: &Arc<Self>) -> u64 {
        let (sender, receiver) = mpsc::channel();
        let workers: Vec<_> = (0..2_u64)
            .map(|worker| {
                let (service, sender) = (self.clone(), sender.clone());
                thread::spawn(move || {
                    for id in service.drain() {
                        if let Some(client) = service.lookup(id) {
                            let _ = sender.send((worker, client.seen));
                        }
                    }
                })
            })
            .collect();
        drop(sender);
        let total = receiver.iter().map(|(_, seen)| seen).fold(0_u64, u64::wrapping_add);
        for worker in workers {
            worker.join().unwrap();
        }
        total
    }
}

#[cfg(test)]
mod tests@S {
    use super::*;

    #[test]
    fn serves() {
        let service = Arc::new(Service@S::default());
        assert_eq!(service.insert(@N, "a b"), None);
        assert_eq!(service.lookup(@N).unwrap().tags.len(), 2);
        assert_eq!(service.serve(), weigh@S(@N));
        assert!(service.drain().is_empty());
    }
}
"#;
