//! The fifteenth group: locks that are found under a key, and guards that are
//! handed on in structs of the program's own.

use super::*;

/// Programs in which a helper gives the guard of one lock.
fn handed_out(guard: &str, take: &str) -> String {
    format!(
        "
use std::sync::Arc;
use parking_lot::{{Mutex, RwLock}};

pub struct Depot {{ stock: Arc<RwLock<u32>>, doors: Arc<Mutex<u32>> }}

impl Depot {{
    fn closed(&self) -> {guard} {{
        self.{take}()
    }}

    pub fn count(&self) -> u32 {{
        let _closed = self.closed();
        self.check()
    }}

    fn check(&self) -> u32 {{
        let _closed = self.closed();
        1
    }}

    pub fn count_twice(&self) -> u32 {{
        drop(self.closed());
        self.check()
    }}
}}"
    )
}

#[test]
fn guards_that_keep_their_lock_alive() {
    for (guard, take) in [
        ("RwLockWriteGuard<'_, u32>", "stock.write"),
        (
            "ArcRwLockWriteGuard<parking_lot::RawRwLock, u32>",
            "stock.write_arc",
        ),
        (
            "ArcRwLockUpgradableReadGuard<parking_lot::RawRwLock, u32>",
            "stock.upgradable_read_arc",
        ),
        (
            "ArcMutexGuard<parking_lot::RawMutex, u32>",
            "doors.lock_arc",
        ),
    ] {
        let text = handed_out(&format!("parking_lot::{guard}"), take);
        let found = findings(&[("src/lib.rs", &text)]);
        let [found] = &found[..] else {
            panic!("{take}: {found:?}");
        };
        assert_eq!(found.rule, "double-lock", "{take}");
        assert!(found.message.contains("Depot::count"), "{}", found.message);
    }
}

/// A lock for each path in a static map, its guard in a struct with a `Drop`,
/// and a handle whose path is the key.
const PATHS: &str = "
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use parking_lot::{ArcRwLockWriteGuard, RawRwLock};

static LOCKS: parking_lot::Mutex<BTreeMap<PathBuf, Arc<parking_lot::RwLock<()>>>> =
    parking_lot::Mutex::new(BTreeMap::new());

pub struct Permission(());

pub struct Exclusive {
    inner: Option<ArcRwLockWriteGuard<RawRwLock, ()>>,
    permission: Permission,
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        let guard = self.inner.take().expect(\"taken only once\");
        ArcRwLockWriteGuard::unlock_fair(guard);
    }
}

impl Exclusive {
    pub fn permission(&mut self) -> &mut Permission {
        &mut self.permission
    }
}

pub fn exclusive(directory: impl Into<PathBuf>) -> Exclusive {
    let mut locks = LOCKS.lock();
    let directory = directory.into();
    Exclusive {
        inner: locks.entry(directory).or_default().write_arc().into(),
        permission: Permission(()),
    }
}

pub struct Project {
    directory: PathBuf,
}

impl Project {
    pub fn exclusive(&self) -> Exclusive {
        exclusive(&self.directory)
    }
}

pub fn rename(project: &mut Project) {
    let mut guard = project.exclusive();
    record(guard.permission());
}

fn record(_: &mut Permission) {}
";

#[test]
fn a_lock_found_under_one_key_twice() {
    let same = |body: &str| {
        let text = format!("{PATHS}\npub fn commit(project: &mut Project) {{ {body} }}");
        let mut found = findings(&[("src/lib.rs", &text)]);
        // That the map is locked under a lock of it is another matter.
        found.retain(|finding| finding.rule != "lock-order-inversion");
        found
    };
    let found = same("let _guard = project.exclusive(); rename(project);");
    let [found] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(found.rule, "double-lock");
    // What is found under the key, or the key, may have changed.
    assert_eq!(
        (found.severity, found.confidence),
        (Severity::Warning, Confidence::Medium)
    );
    // Without a struct around, and through a field of one.
    let found = same(
        "let held = Held { project }; let _guard = held.project.exclusive(); rename(held.project);
        } pub struct Held<'a> { project: &'a mut Project } fn nothing() {",
    );
    assert_eq!(found.len(), 1, "{found:?}");

    assert!(same("drop(project.exclusive()); rename(project);").is_empty());
    let other = format!(
        "{PATHS}
pub fn copy(from: &mut Project, to: &mut Project) {{
    let _guard = from.exclusive();
    rename(to);
}}"
    );
    assert!(!names_in(&other).contains(&"double-lock"));
}

#[test]
fn a_key_that_moves_on_finds_another_lock() {
    let text = |next: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Seats {{ all: Vec<Mutex<u32>> }}

impl Seats {{
    fn take(&self, at: usize) {{
        *self.all[at].lock().unwrap() += 1;
    }}

    pub fn swap(&self, first: usize) {{
        let mut at = first;
        let _seat = self.all[at].lock().unwrap();
        {next}
        self.take(at);
    }}
}}"
        )
    };
    assert!(names_in(&text("at += 1;")).is_empty());
    let again = text("").replace("let mut at", "let at");
    assert_eq!(names_in(&again), ["double-lock"]);
}

#[test]
fn locks_in_a_map_with_shards_are_told_apart_by_their_keys() {
    let text = |second: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};
use dashmap::DashMap;

pub struct Rooms {{ all: DashMap<String, Arc<Mutex<u32>>> }}

impl Rooms {{
    pub fn connect(&self, from: &String, to: &String) {{
        let one = self.all.get(from).unwrap().clone();
        let guard = one.lock().unwrap();
        let other = self.all.get({second}).unwrap().clone();
        *other.lock().unwrap() += *guard;
    }}
}}"
        )
    };
    assert_eq!(errors_in(&text("from")), ["double-lock"]);
    assert!(errors_in(&text("to")).is_empty());
}

#[test]
fn a_lock_that_a_getter_finds_under_a_key() {
    let text = |key: &str, other: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::{{Arc, Mutex}};

pub struct Job {{ room: String, hall: String }}

#[derive(Default)]
pub struct Rooms {{ locks: Mutex<HashMap<String, Arc<Mutex<u32>>>> }}

impl Rooms {{
    fn lock_of(&self, name: &str) -> Arc<Mutex<u32>> {{
        self.locks.lock().unwrap().entry(name.to_string()).or_default().clone()
    }}

    pub fn enter(&self, job: &Job) {{
        let lock = self.lock_of(&job.{key});
        let _room = lock.lock().unwrap();
        self.leave(job);
    }}

    fn leave(&self, job: &Job) {{
        let lock = self.lock_of(&job.{other});
        *lock.lock().unwrap() += 1;
    }}
}}"
        )
    };
    assert_eq!(names_in(&text("room", "room")), ["double-lock"]);
    assert!(errors_in(&text("room", "room")).is_empty());
    assert!(names_in(&text("room", "hall")).is_empty());
}

/// A repository whose stores have clones of its lock.
fn stores(index: &str) -> String {
    format!(
        "
use std::sync::{{Arc, Mutex}};

pub struct Git;

pub mod sessions {{
    use super::Git;
    use std::sync::{{Arc, Mutex}};

    #[derive(Clone)]
    pub struct Sessions {{ git: Arc<Mutex<Git>> }}

    impl Sessions {{
        pub fn new(git: Arc<Mutex<Git>>) -> Self {{ Self {{ git }} }}

        pub fn by_id(&self) -> usize {{
            let _git = self.git.lock().unwrap();
            1
        }}
    }}
}}

pub struct Deltas {{ sessions: sessions::Sessions }}

impl Deltas {{
    pub fn list(&self) -> usize {{ self.sessions.by_id() }}
}}

pub struct Repository {{ git: Arc<Mutex<Git>>, deltas: Deltas }}

impl Repository {{
    pub fn new() -> Self {{
        let git = Arc::new(Mutex::new(Git));
        let sessions = sessions::Sessions::new(git.clone());
        Repository {{ deltas: Deltas {{ sessions }}, git }}
    }}
}}

pub fn reindex(deltas: &Deltas) -> usize {{
    deltas.list()
}}

pub fn open(other: &Repository) -> usize {{
    let repository = Repository::new();
    {index}
}}"
    )
}

#[test]
fn a_store_that_has_a_clone_of_the_lock() {
    let held = "let _git = repository.git.lock().unwrap(); reindex(&repository.deltas)";
    let found = findings(&[("src/lib.rs", &stores(held))]);
    let [found] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (found.rule, found.severity, found.confidence),
        ("double-lock", Severity::Warning, Confidence::Medium)
    );
    let before = "drop(repository.git.lock().unwrap()); reindex(&repository.deltas)";
    assert!(names_in(&stores(before)).is_empty());
    let other = "let _git = repository.git.lock().unwrap(); reindex(&other.deltas)";
    assert!(names_in(&stores(other)).is_empty());
    // Each has one of its own.
    let own = stores(held).replace("new(git.clone())", "new(Arc::new(Mutex::new(Git)))");
    assert!(names_in(&own).is_empty());
}

#[test]
fn who_writes_or_reads_as_it_is_told() {
    let text = |body: &str| {
        format!(
            "
use std::sync::RwLock;

pub enum Statement {{ Create(u32), Select }}

pub struct Database {{ tables: RwLock<Vec<u32>> }}

impl Database {{
    pub fn run(&self, statement: &Statement) -> usize {{
        {body}
    }}

    pub fn all(&self, statements: &[Statement]) -> usize {{
        let tables = self.tables.read().unwrap();
        let mut sum = tables.len();
        for statement in statements {{
            sum += self.run(statement);
        }}
        sum
    }}
}}"
        )
    };
    // Reading twice is the usual case, and a wait only where a writer comes.
    let either = text(
        "match statement {
            Statement::Create(table) => { self.tables.write().unwrap().push(*table); 1 }
            Statement::Select => self.tables.read().unwrap().len(),
        }",
    );
    assert!(errors_in(&either).is_empty());
    assert_eq!(names_in(&either), ["double-lock"]);
    let both = text(
        "let count = self.tables.read().unwrap().len();
        self.tables.write().unwrap().push(1);
        count",
    );
    assert_eq!(errors_in(&both), ["double-lock"]);
}

#[test]
fn what_a_lock_guards_points_to_other_locks_of_its_type() {
    let found = |held: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct State {{ target: Target, lines: usize }}

pub struct Target {{ state: Arc<RwLock<State>>, name: String }}

impl Target {{
    pub fn new_remote(state: Arc<RwLock<State>>) -> Self {{ Target {{ state, name: String::new() }} }}

    pub fn disconnect(&self) {{ self.state.write().unwrap().lines = 0; }}
}}

pub struct Progress {{ state: Arc<RwLock<State>>, own: Target }}

impl Progress {{
    pub fn new(target: Target) -> Self {{
        let state = Arc::new(RwLock::new(State {{ target, lines: 1 }}));
        Progress {{ own: Target::new_remote(Arc::clone(&state)), state }}
    }}

    pub fn clear(&self) {{
        let state = self.state.write().unwrap();
        {held}
    }}
}}
"
        ))
    };
    assert_eq!(found("self.own.disconnect();"), ["double-lock"]);
    assert_eq!(found("state.target.disconnect();"), [""; 0]);
}
