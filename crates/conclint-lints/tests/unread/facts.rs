//! What was misread: who is called, what is held, what is used.

use conclint_facts::Analysis;
use conclint_rust::{Input, SourceInput};

use super::names_in;

#[test]
fn a_closure_is_its_callers_own() {
    let text = |receiver: &str| {
        format!(
            "
use std::sync::Mutex;

#[derive(Default)]
pub struct Space {{ tree: Mutex<Vec<u32>> }}

impl Space {{
    fn for_each(&self, mut run: impl FnMut(u32)) {{
        for item in self.tree.lock().unwrap().iter() {{ run(*item); }}
    }}
    pub fn total(&self) -> u32 {{
        let mut total = 0;
        self.for_each(|item| total += item);
        total
    }}
    pub fn swap(&self) {{
        let fresh = Space::default();
        {receiver}.for_each(|item| self.tree.lock().unwrap().push(item));
    }}
}}
"
        )
    };
    let errors = |receiver: &str| {
        let found = names_in(&text(receiver));
        found.contains(&"double-lock")
    };
    assert!(errors("self"));
    // Of two spaces it is a warning at most, and never by way of `total`.
    let found = super::errors_in(&text("fresh"));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_function_without_self_is_no_method() {
    let text = |taker: &str| {
        format!(
            "
use std::sync::{{Mutex, MutexGuard}};

pub trait Flavor {{
    fn read_flavored({taker}: &Mutex<u32>) -> u32;
}}
pub struct Port(u32);
impl Flavor for Port {{
    fn read_flavored({taker}: &Mutex<u32>) -> u32 {{ *PORT_STATE.lock().unwrap() + *{taker}.lock().unwrap() }}
}}
static PORT_STATE: Mutex<u32> = Mutex::new(0);

pub fn serve(port: &Port, state: &Mutex<u32>) -> u32 {{
    let held: MutexGuard<'_, u32> = PORT_STATE.lock().unwrap();
    *held + port.read_flavored()
}}
"
        )
    };
    assert!(names_in(&text("lock")).is_empty());
}

#[test]
fn what_std_gives_a_type_comes_before_a_trait() {
    let text = |make: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub trait Make {{ fn {make}(value: u32) -> Self; }}
impl Make for Arc<u32> {{ fn {make}(value: u32) -> Self {{ Arc::from(value) }} }}

pub struct Store {{ items: Mutex<Vec<u32>> }}
impl Store {{
    pub fn fill(&self) {{ self.items.lock().unwrap().push(1); }}
}}
pub fn run() {{
    let store = Arc::new(Store {{ items: Mutex::new(Vec::new()) }});
    let items = store.items.lock().unwrap();
    store.fill();
    drop(items);
}}
"
        )
    };
    assert_eq!(names_in(&text("new")), ["double-lock"]);
    assert_eq!(names_in(&text("made")), ["double-lock"]);
}

#[test]
fn what_a_format_string_names_is_used() {
    let text = |printed: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::Mutex;

pub struct Urls {{ known: Mutex<HashMap<u32, String>>, verbose: bool }}

impl Urls {{
    pub fn told(&self, key: u32) {{
        let mut known = self.known.lock().unwrap();
        let Some(url) = known.get_mut(&key) else {{ return }};
        url.push('/');
        let mut parts: Vec<u32> = (0..key).collect();
        parts.sort();
        println!({printed});
    }}
    pub fn add(&self, key: u32) {{
        self.known.lock().unwrap().insert(key, String::new());
    }}
}}
"
        )
    };
    assert!(names_in(&text("\"got {url}\"")).is_empty());
    assert_eq!(
        names_in(&text("\"got {{url}} {key}\"")),
        ["oversized-critical-section"]
    );
}

#[test]
fn an_upgraded_guard_is_one_section() {
    let text = |write: &str| {
        format!(
            "
use parking_lot::{{RwLock, RwLockUpgradableReadGuard}};

pub struct Versions {{ latest: RwLock<u64> }}

impl Versions {{
    pub fn bump(&self) {{
        let latest = self.latest.upgradable_read();
        let next = *latest + 1;
        {write} = next;
    }}
    pub fn reset(&self) {{ *self.latest.write() = 0; }}
}}
"
        )
    };
    assert!(names_in(&text("*RwLockUpgradableReadGuard::upgrade(latest)")).is_empty());
    assert_eq!(
        names_in(&text("drop(latest); *self.latest.write()")),
        ["check-then-act"]
    );
}

#[test]
fn one_helper_is_one_finding() {
    let text = |callers: u32| {
        let callers: String = (0..callers)
            .map(|n| {
                format!(
                    "pub fn op{n}(&self, id: u32) {{ let map = self.map.read().unwrap(); \
                     if map.contains_key(&id) {{ self.remove(id); }} }}\n"
                )
            })
            .collect();
        format!(
            "
use std::collections::HashMap;
use std::sync::RwLock;

pub struct Muxer {{ map: RwLock<HashMap<u32, u32>> }}

impl Muxer {{
    fn remove(&self, id: u32) {{ self.map.write().unwrap().remove(&id); }}
    {callers}
}}
"
        )
    };
    assert_eq!(names_in(&text(2)), ["double-lock"; 2]);
    assert_eq!(names_in(&text(5)), ["double-lock"]);
}

#[test]
fn a_gate_is_come_by_on_purpose() {
    let text = |kind: &str, take: &str| {
        format!(
            "
use tokio::sync::{kind};

pub struct Pages {{ flushed: {kind}<()>, buffer: std::sync::Mutex<Vec<u8>> }}

impl Pages {{
    pub async fn commit(&self) -> usize {{
        let _ = self.flushed.{take}().await;
        self.send();
        self.buffer.lock().unwrap().len()
    }}
    fn send(&self) {{ self.buffer.lock().unwrap().clear(); }}
}}
"
        )
    };
    assert!(names_in(&text("RwLock", "write")).is_empty());
    assert_eq!(names_in(&text("Mutex", "lock")), ["guard-dropped-at-once"]);
}

#[test]
fn what_is_lent_is_not_dropped_here() {
    let text = |init: &str| {
        format!(
            "
use std::sync::Mutex;

static LIVE: Mutex<u32> = Mutex::new(0);

pub struct Slot(u32);
impl Drop for Slot {{
    fn drop(&mut self) {{ *LIVE.lock().unwrap() -= 1; }}
}}

pub fn first(slots: &mut Vec<Slot>) -> u32 {{
    let live = LIVE.lock().unwrap();
    let slot = {init}.unwrap();
    slot.0 + *live
}}
"
        )
    };
    assert!(names_in(&text("slots.iter().next()")).is_empty());
    assert!(names_in(&text("slots.first()")).is_empty());
    assert_eq!(names_in(&text("Some(Slot(1))")), ["double-lock"]);
}

#[test]
fn a_mapped_guard_is_in_either_variant() {
    let text = |body: &str| {
        format!(
            "
use std::collections::HashMap;
use tokio::sync::{{RwLock, RwLockReadGuard}};

pub struct Cache {{ data: RwLock<HashMap<u32, String>> }}

impl Cache {{
    pub async fn get(&self) -> usize {{
        let guard = self.data.read().await;
        {body}
    }}
}}
"
        )
    };
    let taken = "RwLockReadGuard::try_map(guard, |data| data.get(&1))";
    let again = "self.data.write().await.clear();";
    for free in [
        format!("if let Ok(found) = {taken} {{ return found.len(); }} {again} 0"),
        format!("let n = match {taken} {{ Ok(found) => found.len(), Err(_) => 0 }}; {again} n"),
        format!("let n = {taken}.ok().map(|found| found.len()); {again} n.unwrap_or(0)"),
        format!("let Ok(found) = {taken} else {{ {again} return 0; }}; found.len()"),
    ] {
        assert!(names_in(&text(&free)).is_empty(), "{free}");
    }
    for held in [
        format!("match {taken} {{ Ok(found) => found.len(), Err(_) => {{ {again} 0 }} }}"),
        format!("let Ok(found) = {taken} else {{ return 0 }}; {again} found.len()"),
    ] {
        assert_eq!(names_in(&text(&held)), ["double-lock"], "{held}");
    }
}

#[test]
fn what_every_writer_has_is_nobodys_in_particular() {
    let text = |name: &str| {
        format!(
            "
use std::sync::Mutex;
use irq::Locked;
static LOG: Mutex<Vec<Locked>> = Mutex::new(Vec::new());
pub struct Out;
impl Out {{
    pub fn print(&self, line: u32) {{
        for writer in LOG.lock().unwrap().iter() {{ writer.inner().{name}(line); }}
    }}
    pub fn {name}(&self, _line: u32) {{ LOG.lock().unwrap().clear(); }}
}}
"
        )
    };
    assert!(names_in(&text("write_fmt")).is_empty());
    assert_eq!(names_in(&text("put_line")), ["double-lock"]);
    // Who hands a call on calls somebody else's method of that name.
    assert!(
        names_in(&text("print").replace("pub fn print(&self, _line", "fn of(&self, _line"))
            .is_empty()
    );
}

#[test]
fn a_name_bound_through_a_reference_borrows() {
    let found = |take: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::Mutex;

pub struct Engine {{ ops: HashMap<u32, u32> }}
pub enum Phase {{ Idle, Running(Engine) }}
pub struct Job {{ phase: Mutex<Phase>, other: Engine }}

impl Job {{
    pub fn commit(&self, data: Vec<u32>) -> Vec<String> {{
        let mut phase = self.phase.lock().unwrap();
        {take}
        let mut texts: Vec<String> = data.iter().map(|id| format!(\"{{:?}}\", engine.ops.get(id))).collect();
        texts.sort();
        texts
    }}
    pub fn stop(&self) {{ *self.phase.lock().unwrap() = Phase::Idle; }}
}}
"
        ))
    };
    for borrows in [
        "let engine = match &*phase { Phase::Running(engine) => engine, _ => return vec![] };",
        "let Phase::Running(engine) = &mut *phase else { return vec![] };",
        "let Phase::Running(ref engine) = *phase else { return vec![] };",
    ] {
        assert!(found(borrows).is_empty(), "{borrows}");
    }
    assert_eq!(
        found("*phase = Phase::Idle; let engine = &self.other;"),
        ["oversized-critical-section"]
    );
}

#[test]
fn a_type_may_be_its_own_target() {
    let found = names_in(
        "
use std::ops::Deref;
use std::sync::Mutex;

pub struct Any;
pub struct Bound<T>(T);
impl<T> Deref for Bound<T> { type Target = Bound<Any>; fn deref(&self) -> &Bound<Any> { loop {} } }
pub struct Ping;
pub struct Pong;
impl Deref for Ping { type Target = Pong; fn deref(&self) -> &Pong { loop {} } }
impl Deref for Pong { type Target = Ping; fn deref(&self) -> &Ping { loop {} } }

pub fn walk(all: Bound<u32>, ping: Ping, lock: &Mutex<u32>) {
    for one in all { drop(one); }
    for one in &ping { drop(one); }
    let _ = (all[0], &all[1..2], ping[0], &ping[1..], all.missing(), ping.missing, *ping);
    let held = lock.lock().unwrap();
    let again = lock.lock().unwrap();
}
",
    );
    assert_eq!(found, ["double-lock"]);
}

#[test]
fn what_outlives_a_temporary_guard_borrows_nothing_from_it() {
    let found = |bind: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex, MutexGuard}};

pub struct Space {{ pages: Vec<u64> }}
impl Space {{
    pub fn array(&self, at: usize) -> Result<&'static mut [u64], ()> {{ unsafe {{ make(at) }} }}
    pub fn translate(&self, at: u64) -> u64 {{ self.pages[at as usize] }}
}}
pub struct Call {{ vm: Arc<Mutex<Space>> }}
impl Call {{
    fn vm(&self) -> MutexGuard<'_, Space> {{ self.vm.lock().unwrap() }}
    pub fn addresses(&self, count: usize) -> Result<(), ()> {{
        {bind}
        for at in 0..count {{
            let page = self.vm().translate(all[at]);
            all[at] = page;
        }}
        Ok(())
    }}
    pub fn clear(&self) {{ self.vm().pages.clear(); }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(found("let all = self.vm().array(count)?;"), nothing);
    let from_block = "let all = unsafe { self.vm().array(count)? };";
    assert_eq!(found(from_block), nothing);
    assert_eq!(
        found("let space = self.vm(); let all = space.array(count)?;"),
        ["double-lock"]
    );
}

#[test]
fn of_many_locks_held_at_once_some_are_paired() {
    let cut = |locks: usize| {
        let line = |n: usize| {
            format!("let m{n} = std::sync::Mutex::new(0u64); let g{n} = m{n}.lock().unwrap();\n")
        };
        let lines: String = (0..locks).map(line).collect();
        let input = Input {
            sources: vec![SourceInput {
                path: "src/lib.rs".into(),
                text: format!("pub fn all() {{\n{lines}}}\n").into(),
            }],
            ..Input::default()
        };
        let analysis = Analysis::of(conclint_rust::read(input).0);
        (analysis.counts().dropped_chains, analysis.nestings().len())
    };
    assert_eq!(cut(60), (0, 60 * 59 / 2));
    let (dropped, paired) = cut(300);
    assert!(dropped > 0 && paired <= 300 * 64, "{dropped} {paired}");
}
