//! What the eighteenth group of repositories and the sixth list of records showed:
//! false alarms that one cause each had, and ways to a lock that were not seen.

use conclint_lints::Level;

use super::{errors_in, findings_at, names, names_in};

/// What is found at the level that hides nothing but what has low confidence.
fn pedantic(text: &str) -> Vec<&'static str> {
    let found = findings_at(Level::Pedantic, &[("src/lib.rs", text)]);
    found.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_closure_that_gives_up_has_let_go() {
    let found = |look_up: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::{{Arc, Mutex}};
pub struct Session {{ name: Option<String> }}
pub type Sessions = Arc<Mutex<HashMap<u32, Session>>>;
pub async fn answer(sessions: &Sessions, id: Option<u32>) {{
    let name = {look_up};
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    println!(\"{{name:?}}\");
}}
"
        ))
    };
    // The guard is a temporary of the closure, whichever `?` ends that.
    for within in [
        "id.and_then(|id| sessions.lock().ok()?.get(&id).map(|s| s.name.clone()))",
        "id.and_then(|id| sessions.lock().ok()?.get(&id)?.name.clone())",
        "id.and_then(|id| sessions.lock().unwrap().get(&id)?.name.clone())",
        "id.and_then(|id| { let all = sessions.lock().ok()?; all.get(&id)?.name.clone() })",
    ] {
        assert!(found(within).is_empty(), "{within}");
    }
    assert_eq!(
        found("sessions.lock().unwrap()"),
        ["guard-across-await"],
        "a guard that is there is seen"
    );
}

#[test]
fn an_error_is_no_handle() {
    let message = |of: &str| {
        let text = format!(
            "
use std::thread;
fn work() {{ std::fs::write(\"a\", \"b\").unwrap(); }}
pub fn request() {{
    {of}
}}
"
        );
        let found = findings_at(Level::Pedantic, &[("src/lib.rs", &text)]);
        found.into_iter().map(|f| f.message).collect::<Vec<_>>()
    };
    let dropped = [
        "if let Err(err) = thread::Builder::new().spawn(work) { println!(\"{err}\"); }",
        "match thread::Builder::new().spawn(work) { Ok(_) => {} Err(err) => println!(\"{err}\") }",
    ];
    for of in dropped {
        let found = message(of);
        assert!(
            found.iter().all(|m| m.contains("drops its handle")),
            "{found:?}"
        );
        assert_eq!(found.len(), 1, "{of}");
    }
    for failed in [
        "Err(err) => { println!(\"{err}\"); None }",
        "Err(_) => None",
    ] {
        let text = format!(
            "
use std::thread;
fn work() {{ std::fs::write(\"a\", \"b\").unwrap(); }}
pub fn start() -> Option<thread::JoinHandle<()>> {{
    match thread::Builder::new().spawn(work) {{ Ok(thread) => Some(thread), {failed} }}
}}
"
        );
        assert!(pedantic(&text).is_empty(), "{failed}");
    }
    let joined = "match thread::Builder::new().spawn(work) { Ok(t) => t.join().unwrap(), Err(err) => println!(\"{err}\") }";
    assert!(message(joined).is_empty());
}

const SETTINGS: &str = "
use parking_lot::{Mutex, RwLock};
use std::sync::LazyLock;
static SETTINGS: LazyLock<RwLock<u32>> = LazyLock::new(|| RwLock::new(1));
";

#[test]
fn a_static_is_made_where_it_is_first_used() {
    let found = |made: &str, used: &str| {
        names_in(&format!(
            "{SETTINGS}
{made}
fn load() -> u32 {{ *SETTINGS.read() }}
fn count(of: &u32) -> u32 {{ *of }}
pub fn apply() {{ let mut settings = SETTINGS.write(); *settings += {used}; }}
"
        ))
    };
    let of_closure =
        "static NAMES: LazyLock<u32> = LazyLock::new(|| { let s = SETTINGS.read(); *s });";
    let of_macro =
        "lazy_static::lazy_static! { static ref NAMES: u32 = { let s = SETTINGS.read(); *s }; }";
    let of_call = "static NAMES: LazyLock<u32> = LazyLock::new(|| load());";
    let behind_lock = "static NAMES: LazyLock<Mutex<u32>> = LazyLock::new(|| Mutex::new(load()));";
    for (made, used) in [
        (of_closure, "*NAMES"),
        (of_closure, "count(&NAMES)"),
        (of_macro, "*NAMES"),
        (of_call, "*NAMES"),
        (behind_lock, "*NAMES.lock()"),
    ] {
        assert_eq!(found(made, used), ["double-lock"], "{made} {used}");
    }
    let of_value = "static NAMES: LazyLock<u32> = LazyLock::new(|| 1);";
    assert!(found(of_value, "*NAMES").is_empty());
    // The way says what runs there.
    let text = format!(
        "{SETTINGS}{of_closure} pub fn apply() {{ let mut s = SETTINGS.write(); *s += *NAMES; }}"
    );
    let steps: Vec<String> = findings_at(Level::Default, &[("src/lib.rs", &text)])
        .into_iter()
        .flat_map(|finding| finding.paths)
        .flat_map(|path| path.steps)
        .map(|step| step.what)
        .collect();
    let makes = |what: &String| what == "makes `NAMES`, when it comes to it first";
    assert!(steps.iter().any(makes), "{steps:?}");
    // Most often it is there already: worth a word, and no reason to stop.
    assert!(errors_in(&text).is_empty());
}

#[test]
fn a_lazy_local_runs_later() {
    let text = format!(
        "{SETTINGS}
pub fn apply() {{
    let mut settings = SETTINGS.write();
    let names = LazyLock::new(|| *SETTINGS.read());
    *settings += 1;
    drop(settings);
    println!(\"{{}}\", *names);
}}
"
    );
    assert!(names_in(&text).is_empty());
}

#[test]
fn what_a_watch_lends_keeps_its_sender_waiting() {
    let found = |borrow: &str| {
        errors_in(&format!(
            "
use tokio::sync::watch;
pub struct State {{ sender: watch::Sender<Option<u32>> }}
impl State {{
    pub fn next(&self) {{
        {borrow}
        self.sender.send_replace(Some(n + 1));
    }}
}}
"
        ))
    };
    assert_eq!(
        found("let Some(n) = &*self.sender.borrow() else { return };"),
        ["double-lock"]
    );
    assert!(found("let n = self.sender.borrow().unwrap_or(0);").is_empty());
}

#[test]
fn arms_give_tuples_part_by_part() {
    let found = |bound: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
pub enum Change {{ None, Revert, Apply }}
pub struct Pool {{ head: Arc<Mutex<u32>>, pending: Mutex<u32> }}
fn set(head: &Mutex<u32>, to: u32) {{ *head.lock().unwrap() = to; }}
impl Pool {{
    pub fn change(&self, change: Change) {{
        let head = self.head.clone();
        {bound}
        let pending = self.pending.lock().unwrap();
        set(&at, *pending + to);
    }}
    pub fn push(&self) {{
        let head = self.head.lock().unwrap();
        *self.pending.lock().unwrap() += *head;
    }}
}}
pub fn start(pool: Arc<Pool>) -> (std::thread::JoinHandle<()>, std::thread::JoinHandle<()>) {{
    let other = pool.clone();
    (std::thread::spawn(move || pool.push()), std::thread::spawn(move || other.change(Change::Apply)))
}}
"
        ))
    };
    let plain = "let (at, to) = (head.clone(), 1);";
    let arms = "let (at, to) = match change { Change::Revert => (head.clone(), 1), _ => (head.clone(), 2) };";
    let leaves = "let (at, to) = match change { Change::None => return, Change::Revert => (head.clone(), 1), Change::Apply => (head.clone(), 2) };";
    let ends = "let (at, to) = match change { Change::Revert => (head.clone(), 1), Change::Apply => (head.clone(), 2), Change::None => return };";
    for bound in [plain, arms, leaves, ends] {
        assert_eq!(found(bound), ["lock-order-inversion"], "{bound}");
    }
}

#[test]
fn a_default_is_no_argument() {
    // `Entity::new(guard)` is an `Entity` of the guard, whatever `D` is by default.
    let text = "
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::sync::Arc;
pub struct World { x: u32 }
pub struct Entity<D = Arc<World>> { world: D, id: u32 }
impl<D> Entity<D> { pub fn new(world: D, id: u32) -> Self { Self { world, id } } }
pub struct Client { world: Arc<RwLock<World>> }
impl Client {
    pub fn entity(&self) -> Entity<RwLockReadGuard<World>> {
        let world = self.world.read();
        Entity::new(world, 1)
    }
    pub fn entity_mut(&self) -> Entity<RwLockWriteGuard<World>> {
        let world = self.world.write();
        Entity::new(world, 1)
    }
    pub fn send(&self) {
        let entity = self.entity();
        let id = entity.id;
        let mut entity = self.entity_mut();
        entity.id = id;
    }
}
";
    assert_eq!(errors_in(text), ["double-lock"]);
}

#[test]
fn what_lies_inside_is_not_around() {
    let text = "
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
struct Object { inner: Arc<Mutex<BTreeMap<String, Value>>> }
struct Array { inner: Arc<Mutex<Vec<Value>>> }
enum Value { Null, Array(Array), Object(Object) }
fn show<'s>(screen: &'s Screen, value: &Value) -> screen::Result<Shown<'s>> {
    match value {
        Value::Array(array) => {
            let table = screen.table()?;
            let array = array.inner.lock().unwrap();
            for (at, value) in array.iter().enumerate() { table.set(at, show(screen, value)?)?; }
            Ok(Shown::Table(table))
        }
        Value::Object(object) => {
            let table = screen.table()?;
            let object = object.inner.lock().unwrap();
            for (key, value) in object.iter() { table.set(key.clone(), show(screen, value)?)?; }
            Ok(Shown::Table(table))
        }
        Value::Null => Ok(Shown::Nil),
    }
}
pub fn register(screen: &Screen) -> screen::Result<()> { screen.set(\"values\", VALUES.clone()) }
";
    assert!(names_in(text).is_empty());
}

#[test]
fn a_lock_by_another_name_is_the_lock() {
    let text = |release: &str, wait: &str| {
        format!(
            "
use parking_lot::{{Condvar, Mutex}};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{{AtomicU64, Ordering}};
pub struct Entry {{ holders: Vec<u32> }}
pub struct Locks {{ all: Mutex<HashMap<u32, Arc<Mutex<Entry>>>>, freed: Condvar, releases: AtomicU64 }}
impl Locks {{
    fn entry(&self, key: u32) -> Arc<Mutex<Entry>> {{ self.all.lock().entry(key).or_insert_with(made).clone() }}
    pub fn acquire(&self, key: u32) {{
        let entry = self.entry(key);
        let mut entry = entry.lock();
        while !entry.holders.is_empty() {{ {wait} }}
        entry.holders.push(1);
    }}
    pub fn release(&self, key: u32) {{
        self.releases.fetch_add(1, Ordering::Relaxed);
        {release}
    }}
}}
fn made() -> Arc<Mutex<Entry>> {{ Arc::new(Mutex::new(Entry {{ holders: Vec::new() }})) }}
"
        )
    };
    let wait = "self.freed.wait(&mut entry);";
    let held = "let of_key = self.entry(key); let mut of_key = of_key.lock(); of_key.holders.clear(); self.freed.notify_all();";
    let names = |text: &str| -> Vec<_> {
        let found = names(&[("src/lib.rs", text)]);
        found
            .into_iter()
            .filter(|name| *name == "notify-without-lock")
            .collect()
    };
    assert!(names(&text(held, wait)).is_empty());
    let free = "self.freed.notify_all();";
    assert_eq!(names(&text(free, wait)), ["notify-without-lock"]);
    // Who looks again by himself is only late.
    let timed = "self.freed.wait_for(&mut entry, std::time::Duration::from_millis(50));";
    assert!(names(&text(free, timed)).is_empty());
}

#[test]
fn who_drops_a_handle_mostly_knows() {
    let text = "
use std::sync::mpsc::channel;
use std::thread;
pub fn step() -> Option<u32> {
    let (tell, reports) = channel();
    thread::spawn(move || tell.send(1).unwrap());
    reports.try_recv().ok()
}
";
    assert!(names_in(text).is_empty());
    assert_eq!(pedantic(text), ["unjoined-thread"]);
}

#[test]
fn one_of_two_guards_is_unlocked() {
    let text = "
use parking_lot::{Mutex, MutexGuard};
pub struct Switch { state: Mutex<u32>, pad: Mutex<u32> }
impl Switch {
    pub fn chain(&self, changed: bool) {
        let state = self.state.lock();
        let pad = self.pad.lock();
        let (mut state, pad) = if changed {
            drop(pad);
            drop(state);
            (self.state.lock(), self.pad.lock())
        } else {
            (state, pad)
        };
        drop(pad);
        MutexGuard::unlocked(&mut state, || println!(\"free\"));
        *state += 1;
    }
}
";
    assert!(errors_in(text).is_empty());
    assert!(!pedantic(text).contains(&"double-lock"));
}

/// A lock type around one of the standard library, and an object with two of it.
fn wrapped(lock: &str, body: &str) -> String {
    format!(
        "
use std::ops::Deref;
use std::sync;
pub struct Mutex<T: ?Sized> {{ inner: sync::Mutex<T> }}
pub struct Tracker;
pub struct MutexGuard<'a, T: ?Sized> {{ inner: sync::MutexGuard<'a, T>, tracker: Tracker }}
impl<T: ?Sized> Deref for MutexGuard<'_, T> {{
    type Target = T;
    fn deref(&self) -> &T {{ self.inner.deref() }}
}}
impl<T: ?Sized> Mutex<T> {{ {lock} }}
fn map<T, U>(taken: sync::LockResult<T>, with: impl FnOnce(T) -> U) -> sync::LockResult<U> {{
    match taken {{
        Ok(guard) => Ok(with(guard)),
        Err(error) => Err(sync::PoisonError::new(with(error.into_inner()))),
    }}
}}
pub struct Account {{ owner: Mutex<u32>, balance: Mutex<u32> }}
impl Account {{ {body} }}
"
    )
}

#[test]
fn a_wrapper_is_the_lock_that_it_wraps() {
    let orders = "
    pub fn ab(&self) { let a = self.owner.lock().unwrap(); let b = self.balance.lock().unwrap(); println!(\"{}\", *a + *b); }
    pub fn ba(&self) { let b = self.balance.lock().unwrap(); let a = self.owner.lock().unwrap(); println!(\"{}\", *a + *b); }";
    let twice = "
    pub fn twice(&self) { let a = self.owner.lock().unwrap(); let b = self.owner.lock().unwrap(); println!(\"{}\", *a + *b); }";
    let once = "
    pub fn both(&self) { let a = self.owner.lock().unwrap(); let b = self.balance.lock().unwrap(); println!(\"{}\", *a + *b); }";
    let ways = [
        // The library's guard.
        "pub fn lock(&self) -> sync::LockResult<sync::MutexGuard<'_, T>> { self.inner.lock() }",
        // Its own around it.
        "pub fn lock(&self) -> Result<MutexGuard<'_, T>, ()> {
            Ok(MutexGuard { inner: self.inner.lock().unwrap(), tracker: Tracker })
        }",
        // Made by a closure.
        "pub fn lock(&self) -> sync::LockResult<MutexGuard<'_, T>> {
            map(self.inner.lock(), |inner| MutexGuard { inner, tracker: Tracker })
        }",
    ];
    for lock in ways {
        assert_eq!(
            errors_in(&wrapped(lock, orders)),
            ["lock-order-inversion"],
            "{lock}"
        );
        assert_eq!(errors_in(&wrapped(lock, twice)), ["double-lock"], "{lock}");
        assert!(errors_in(&wrapped(lock, once)).is_empty(), "{lock}");
    }
    // Who gives up does not wait for ever.
    let tries = "pub fn lock(&self) -> Result<MutexGuard<'_, T>, ()> {
        for _ in 0..10 {
            if let Ok(inner) = self.inner.try_lock() { return Ok(MutexGuard { inner, tracker: Tracker }); }
        }
        Err(())
    }";
    assert!(errors_in(&wrapped(tries, orders)).is_empty());
}

#[test]
fn a_wrapper_is_one_lock_inside_and_outside() {
    let found = |body: &str| {
        errors_in(&format!(
            "
use std::sync::{{Arc, Mutex, MutexGuard}};
#[derive(Clone)]
pub struct Shared<T> {{ inner: Arc<Mutex<T>>, name: String }}
impl<T> Shared<T> {{
    pub fn lock(&self) -> MutexGuard<'_, T> {{ self.inner.lock().unwrap() }}
    pub fn with<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {{
        let mut guard = self.inner.lock().unwrap();
        run(&mut guard)
    }}
}}
pub struct Account {{ owner: Shared<u32>, balance: Shared<u32> }}
impl Account {{ {body} }}
"
        ))
    };
    let ab = "pub fn ab(&self) { let a = self.owner.lock(); let b = self.balance.lock(); println!(\"{}\", *a + *b); }";
    let ba = "pub fn ba(&self) { let b = self.balance.lock(); self.owner.with(|a| println!(\"{}\", *a + *b)); }";
    let twice = "pub fn twice(&self) { let a = self.owner.lock(); self.owner.with(|b| println!(\"{}\", *a + *b)); }";
    assert_eq!(found(&format!("{ab} {ba}")), ["lock-order-inversion"]);
    assert_eq!(found(twice), ["double-lock"]);
    assert!(found(ab).is_empty());
    assert!(found(ba).is_empty());
}

#[test]
fn poison_may_be_got_rid_of_by_any_name() {
    let found = |recovered: &str| {
        errors_in(&format!(
            "
use std::sync::{{LockResult, Mutex, MutexGuard, PoisonError}};
pub trait Recover {{ type Guard; fn recovered(self) -> Self::Guard; }}
impl<G> Recover for LockResult<G> {{
    type Guard = G;
    fn recovered(self) -> G {{ self.unwrap_or_else(PoisonError::into_inner) }}
}}
pub trait Sure<'a, T> {{ fn sure(self) -> MutexGuard<'a, T>; }}
impl<'a, T> Sure<'a, T> for LockResult<MutexGuard<'a, T>> {{
    fn sure(self) -> MutexGuard<'a, T> {{ self.unwrap_or_else(PoisonError::into_inner) }}
}}
pub struct Account {{ balance: Mutex<u32> }}
impl Account {{
    pub fn twice(&self) {{
        let one = self.balance.lock(){recovered};
        let two = self.balance.lock(){recovered};
        println!(\"{{}}\", *one + *two);
    }}
}}
"
        ))
    };
    for recovered in [".recovered()", ".sure()", ".ignore_poison()"] {
        assert_eq!(found(recovered), ["double-lock"], "{recovered}");
    }
    assert!(found(".is_poisoned()").is_empty());
    assert!(found(".unwrap().clone()").is_empty());
}

#[test]
fn a_promised_guard_comes_out_of_a_closure() {
    let text = "
use std::sync::{LockResult, Mutex, MutexGuard, PoisonError};
pub struct View<'a> { of: MutexGuard<'a, u32>, name: &'a str }
fn map<T, U>(taken: LockResult<T>, with: impl FnOnce(T) -> U) -> LockResult<U> {
    match taken {
        Ok(guard) => Ok(with(guard)),
        Err(error) => Err(PoisonError::new(with(error.into_inner()))),
    }
}
pub struct Account { balance: Mutex<u32>, name: String }
impl Account {
    pub fn view(&self) -> LockResult<View<'_>> {
        map(self.balance.lock(), |of| View { of, name: &self.name })
    }
    pub fn twice(&self) {
        let one = self.view().unwrap();
        let two = self.view().unwrap();
        println!(\"{} {}\", one.of, two.name);
    }
}
";
    assert_eq!(errors_in(text), ["double-lock"]);
}

#[test]
fn a_wrapper_reads_again_where_its_lock_does() {
    let found = |inner: &str| {
        names_in(&format!(
            "
use std::sync;
pub struct RwLock<T>({inner}::RwLock<T>);
impl<T> RwLock<T> {{
    pub fn read(&self) -> {inner}::RwLockReadGuard<'_, T> {{ self.0.read() }}
    pub fn write(&self) -> {inner}::RwLockWriteGuard<'_, T> {{ self.0.write() }}
}}
pub struct Account {{ balance: RwLock<u32> }}
impl Account {{
    pub fn set(&self, to: u32) {{ *self.balance.write() = to; }}
    pub fn twice(&self) -> u32 {{
        let one = self.balance.read();
        let two = self.balance.read();
        *one + *two
    }}
}}
"
        ))
    };
    assert_eq!(found("parking_lot"), ["double-lock"]);
    assert!(found("spin").is_empty());
}

#[test]
fn to_make_a_static_is_work_that_can_be_moved() {
    let text = "
use std::sync::{LazyLock, Mutex};
static LIMIT: LazyLock<u64> = LazyLock::new(|| { let limit: u64 = 7; limit + 1 });
pub struct Numbers { all: Mutex<Vec<u64>> }
impl Numbers {
    pub fn fill(&self) {
        let mut all = self.all.lock().unwrap();
        let mut items = Vec::new();
        for i in 0..1000u64 {
            let text = format!(\"{i} of {}\", *LIMIT);
            items.push(text.len() as u64);
        }
        items.sort();
        all.extend(items);
    }
}
";
    assert_eq!(pedantic(text), ["oversized-critical-section"]);
}
