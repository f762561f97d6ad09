//! Which object a lock is of, and who holds it: what conditions and patterns say.

use super::{errors_in, names, names_in};

#[test]
fn the_guard_of_one_variant_is_in_no_other() {
    let text = |body: &str| {
        format!(
            "
use std::sync::{{Mutex, MutexGuard, OnceLock}};

pub struct Queue {{ remote: OnceLock<u32>, local: Mutex<Vec<u32>> }}
pub enum Access<'a> {{ Local(MutexGuard<'a, Vec<u32>>), Remote(&'a u32) }}

impl Queue {{
    fn access(&self) -> Access<'_> {{
        if let Some(port) = self.remote.get() {{ return Access::Remote(port); }}
        Access::Local(self.local.lock().unwrap())
    }}
    fn len(&self) -> usize {{ self.local.lock().unwrap().len() }}
    pub fn look(&self) -> usize {{
        {body}
    }}
}}
"
        )
    };
    for free in [
        "match self.access() { Access::Local(local) => local.len(), Access::Remote(_) => self.len() }",
        "if let Access::Remote(_) = self.access() { self.len() } else { 0 }",
        "if let Access::Local(local) = self.access() { local.len() } else { self.len() }",
        "let Access::Local(local) = self.access() else { return self.len(); }; local.len()",
        "let access = self.access(); match access { Access::Remote(_) => self.len(), _ => 0 }",
    ] {
        assert!(names_in(&text(free)).is_empty(), "{free}");
    }
    for held in [
        "match self.access() { Access::Local(local) => local.len() + self.len(), Access::Remote(_) => 0 }",
        "let access = self.access(); match access { Access::Remote(_) => 0, _ => self.len() }",
        "let Access::Local(local) = self.access() else { return 0; }; local.len() + self.len()",
    ] {
        assert_eq!(names_in(&text(held)), ["double-lock"], "{held}");
    }
}

#[test]
fn who_turned_back_on_itself_has_another_object() {
    let text = |test: &str, call: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Thread {{ id: u64, context: Mutex<u32>, state: Arc<Mutex<u32>> }}

impl Thread {{
    fn id(&self) -> u64 {{ self.id }}
    fn shares(&self, own: &mut u32, other: &Thread) -> bool {{
        {test}
        let theirs = *other.context.lock().unwrap();
        *own == theirs
    }}
    fn clone_from(&self, other: &Thread) -> bool {{
        let mut context = self.context.lock().unwrap();
        self.shares(&mut context, other)
    }}
    fn shares_state(&self, own: &mut u32, other: &Thread) -> bool {{
        {test}
        let theirs = *other.state.lock().unwrap();
        *own == theirs
    }}
    fn state_from(&self, other: &Thread) -> bool {{
        let mut state = self.state.lock().unwrap();
        self.shares_state(&mut state, other)
    }}
    pub fn refresh(&self) -> bool {{ self.{call}(self) }}
}}
"
        )
    };
    let of = |test: &str| errors_in(&text(test, "clone_from"));
    assert_eq!(of(""), ["double-lock"]);
    for apart in [
        "if self as *const Thread == other as *const Thread { return true; }",
        "if std::ptr::eq(self, other) { return true; }",
        "if self.id() == other.id() { return true; }",
        "let (mine, theirs) = (1, 2); let first = self.id(); let second = other.id(); if first == second { return mine < theirs; }",
        "assert!(!std::ptr::eq(self, other));",
        "assert_ne!(self as *const Thread, other as *const Thread);",
    ] {
        assert!(of(apart).is_empty(), "{apart}");
    }
    // What is asked of something else, or for something else, says nothing.
    for open in [
        "if std::ptr::eq(self, other) { println!(\"one\"); }",
        "if *own == 1 { if std::ptr::eq(self, other) { return true; } }",
        "if !std::ptr::eq(self, other) { return true; }",
        "if std::ptr::eq(self, other) && *own == 1 { return true; }",
    ] {
        assert_eq!(of(open), ["double-lock"], "{open}");
    }
    // Two objects may share what lies behind a pointer.
    let shared = "if std::ptr::eq(self, other) { return true; }";
    let shared = names_in(&text(shared, "state_from"));
    assert!(shared.contains(&"double-lock"), "{shared:?}");
}

#[test]
fn who_drops_a_clone_is_not_the_last_owner() {
    let text = |last: &str, given: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Manager {{ calls: u32 }}
impl Manager {{ fn take(&mut self, call: Call) {{ self.calls += call.id; }} }}

#[derive(Clone)]
pub struct Call {{ manager: Arc<Mutex<Manager>>, state: Arc<u32>, id: u32 }}

impl Call {{
    fn owners(&self) -> usize {{ Arc::strong_count(&self.state) }}
    pub fn go(&self) {{
        let mut manager = self.manager.lock().unwrap();
        manager.take({given});
    }}
}}
impl Drop for Call {{
    fn drop(&mut self) {{
        {last} {{ self.manager.lock().unwrap().calls += 1; }}
    }}
}}
"
        )
    };
    let of = |last: &str| names_in(&text(last, "self.clone()"));
    for last in [
        "if Arc::strong_count(&self.state) == 1",
        "if self.owners() <= 1",
        "if 2 > self.owners()",
        "if Arc::get_mut(&mut self.state).is_none() { return; } if let Some(_) = Arc::get_mut(&mut self.state)",
        "if self.owners() != 1 { return; }",
    ] {
        assert!(of(last).is_empty(), "{last}");
    }
    for any in [
        "",
        "if self.owners() > 1",
        "if self.owners() == 2",
        "if self.id == 1",
    ] {
        assert_eq!(of(any), ["double-lock"], "{any}");
    }
}

#[test]
fn to_be_the_only_owner_does_not_undo_ones_own_locks() {
    // Tokens of open transactions are counted, and both functions hold `self`.
    let text = "
use std::sync::{Arc, RwLock};

pub struct Environment { open: Arc<()>, arena: RwLock<Vec<u64>>, names: RwLock<Vec<u64>> }

impl Environment {
    pub fn write(&self) -> Result<usize, ()> {
        let arena = self.arena.read().map_err(|_| ())?;
        let names = self.names.read().map_err(|_| ())?;
        Ok(arena.len() + names.len())
    }

    pub fn create(&self) -> Result<(), ()> {
        if Arc::strong_count(&self.open) > 1 { return Err(()); }
        let mut names = self.names.write().map_err(|_| ())?;
        let mut arena = self.arena.write().map_err(|_| ())?;
        names.push(1);
        arena.push(1);
        Ok(())
    }
}
";
    assert_eq!(names_in(text), ["lock-order-inversion"]);
}

#[test]
fn who_hands_over_what_a_lock_guards_holds_the_lock() {
    let text = |taken: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering::Relaxed}};
use std::sync::{{Arc, Mutex}};
use std::thread;

pub struct Queue<K>(Vec<K>);
type Scheduler<K> = Arc<Mutex<Queue<K>>>;
struct Cache<K> {{ scheduler: Option<Scheduler<K>>, len: AtomicU64 }}

impl<K: Default + Send + 'static> Cache<K> {{
    fn changed(&self, _: &mut Queue<K>, added: u64) {{
        let len = self.len.load(Relaxed);
        self.len.store(len + added, Relaxed);
    }}
    fn push_locked(&self, queue: &mut Queue<K>) {{
        queue.0.push(K::default());
        self.changed(queue, 1);
    }}
    fn push(&self) {{
        let Some(ref scheduler) = self.scheduler else {{ return }};
        let mut queue = scheduler.lock().unwrap();
        self.push_locked(&mut queue);
    }}
    fn fill(cache: Arc<Cache<K>>, scheduler: &Scheduler<K>) {{
        {taken}
        queue.0.push(K::default());
        cache.changed(&mut queue, 1);
    }}
}}

fn main() {{
    let scheduler = Arc::new(Mutex::new(Queue(vec![0_u8])));
    let cache = Arc::new(Cache {{ scheduler: Some(scheduler.clone()), len: AtomicU64::new(0) }});
    let other = cache.clone();
    let filler = thread::spawn(move || Cache::fill(other, &scheduler));
    cache.push();
    filler.join().unwrap();
}}
"
        )
    };
    let in_main = |taken: &str| names(&[("src/main.rs", &text(taken))]);
    assert!(in_main("let mut queue = scheduler.lock().unwrap();").is_empty());
    let own = "drop(scheduler); let mut queue = Queue(Vec::new());";
    assert_eq!(in_main(own), ["non-atomic-update"]);
}

#[test]
fn parts_of_what_one_lock_guards_have_one_user_at_a_time() {
    let text = |common: &str, receiver: &str, window: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::{{Arc, Mutex, RwLock}};

pub struct Window {{ maximized: Mutex<u32>, tiled: Mutex<u32> }}
pub struct Floating {{ windows: Vec<Arc<Window>> }}
pub struct Space {{ floating: Floating }}
pub struct Shell {{ spaces: HashMap<u32, Space>, {window} }}
pub struct Common {{ {common} }}

impl Floating {{
    fn snap({receiver}, window: &Window) {{ *window.tiled.lock().unwrap() += 1; }}
    pub fn put({receiver}, window: &Window) {{
        let mut tiled = window.tiled.lock().unwrap();
        *tiled += *window.maximized.lock().unwrap();
    }}
}}
impl Shell {{
    pub fn shrink({receiver}, floating: &mut Floating, window: &Window) {{
        let mut maximized = window.maximized.lock().unwrap();
        *maximized = 0;
        floating.snap(window);
    }}
}}
"
        )
    };
    let one = "shell: Arc<RwLock<Shell>>, again: Arc<RwLock<Shell>>";
    assert!(names_in(&text(one, "&mut self", "")).is_empty());
    for (common, receiver, window) in [
        ("shell: Shell", "&mut self", ""),
        ("shell: Arc<RwLock<Shell>>", "&self", ""),
        (
            "shell: Arc<RwLock<Shell>>, top: Mutex<Floating>",
            "&mut self",
            "",
        ),
        ("shell: Vec<RwLock<Shell>>", "&mut self", ""),
        (one, "&mut self", "top: Arc<Floating>"),
    ] {
        let found = names_in(&text(common, receiver, window));
        assert_eq!(
            found,
            ["lock-order-inversion"],
            "{common} {receiver} {window}"
        );
    }
}

#[test]
fn from_a_parent_to_its_children_there_is_one_order() {
    let text = |child: &str, taken: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Node {{ children: Mutex<Vec<Arc<Node>>>, context: {taken} }}

impl Node {{
    pub fn mark(&self) {{
        let children = self.children.lock().unwrap();
        let mut stack = children.clone();
        while let Some(node) = stack.pop() {{
            *{child}.context.lock().unwrap() += 1;
        }}
    }}
    pub fn add(&self, node: Arc<Node>) {{
        let mut context = self.context.lock().unwrap();
        *context += 1;
        self.children.lock().unwrap().push(node);
    }}
}}
"
        )
    };
    assert!(names_in(&text("node", "Mutex<u32>")).is_empty());
    assert_eq!(
        names_in(&text("self", "Mutex<u32>")),
        ["lock-order-inversion"]
    );
    // All nodes may have one context.
    assert_eq!(
        names_in(&text("node", "Arc<Mutex<u32>>")),
        ["lock-order-inversion"]
    );
}

#[test]
fn who_writes_while_the_object_is_made_comes_between_no_reads() {
    let text = |builder: &str, visible: &str| {
        format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct Inner {{ state: RwLock<Option<u32>> }}
pub struct Client {{ inner: Arc<Inner> }}
pub struct {builder} {{ state: u32 }}

impl {builder} {{
    pub fn build(self) -> Client {{
        let client = Client {{ inner: Arc::new(Inner {{ state: RwLock::new(None) }}) }};
        client.fill(self.state);
        client
    }}
}}
impl Client {{
    {visible} fn fill(&self, state: u32) {{ *self.inner.state.write().unwrap() = Some(state); }}
    fn size(&self) -> u32 {{ self.inner.state.read().unwrap().unwrap_or_default() }}
    pub fn run(&self) -> u32 {{
        let state = self.inner.state.read().unwrap();
        state.unwrap_or_default() + self.size()
    }}
}}
"
        )
    };
    assert!(names_in(&text("ClientBuilder", "pub(crate)")).is_empty());
    assert_eq!(names_in(&text("ClientBuilder", "pub")), ["double-lock"]);
    assert_eq!(names_in(&text("Settings", "pub(crate)")), ["double-lock"]);
}

#[test]
fn a_pointer_that_was_moved_points_to_the_same_type() {
    let text = |kind: &str| {
        format!(
            "
use std::sync::Arc;
use std::sync::atomic::{{AtomicBool, AtomicUsize, Ordering::{{Relaxed, Release}}}};
use std::thread;

struct Slot {{ full: AtomicBool, value: {kind} }}
struct Ring {{ slots: *mut Slot, tail: AtomicUsize }}
unsafe impl Send for Ring {{}}
unsafe impl Sync for Ring {{}}

impl Ring {{
    fn push(&self, value: u32) {{
        let tail = self.tail.load(Relaxed);
        let slot = unsafe {{ &*self.slots.add(tail % 8) }};
        slot.full.{}
        let _ = value;
        self.tail.store(tail + 1, Relaxed);
    }}
}}
fn main() {{
    let ring: Arc<Ring> = open();
    let other = ring.clone();
    let pusher = thread::spawn(move || other.push(1));
    ring.push(2);
    pusher.join().unwrap();
}}
",
            if kind == "u32" {
                "store(true, Release);"
            } else {
                "load(Relaxed);"
            }
        )
    };
    let in_main = |kind: &str| names(&[("src/main.rs", &text(kind))]);
    // The index is its owner's; what is handed over is the slot.
    assert!(in_main("u32").is_empty());
    assert_eq!(in_main("u64"), ["non-atomic-update"]);
}
