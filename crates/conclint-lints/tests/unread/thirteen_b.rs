//! Bugs of the thirteenth round that were not found, each as small as it gets.

use super::names_in;

/// What a cell gives that is filled on the first use is one object each time.
#[test]
fn a_getter_that_fills_a_cell_gives_one_object() {
    let text = |statics: &str, got: &str| {
        format!(
            "
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use std::sync::Arc;

pub struct Handle {{ app: Arc<Mutex<Option<u32>>> }}

{statics}
impl Handle {{
    pub fn global() -> &'static Handle {{
        {got}
    }}

    pub fn update() -> Option<u32> {{
        let app = Self::global().app.lock();
        let _version = (*app)?;
        home()
    }}
}}

fn home() -> Option<u32> {{
    let handle = Handle::global();
    let app = handle.app.lock().clone();
    app
}}
"
        )
    };
    let cell = "static HANDLE: OnceCell<Handle> = OnceCell::new();";
    let make = "|| Handle { app: Arc::new(Mutex::new(None)) }";
    let filled = format!("{cell} HANDLE.get_or_init({make})");
    assert_eq!(names_in(&text("", &filled)), ["double-lock"]);
    let got = text(cell, "HANDLE.get().unwrap()");
    assert_eq!(names_in(&got), ["double-lock"]);
    let leaked = format!("Box::leak(Box::new(({make})()))");
    assert!(names_in(&text("", &leaked)).is_empty());
}

/// `Option::map` with a function: what the function does with the guard counts
/// as if it stood in a closure.
#[test]
fn a_function_in_the_place_of_a_closure_keeps_the_guard() {
    let text = |gives: &str, wrap: &str| {
        format!(
            "
use std::sync::{{RwLock, RwLockReadGuard}};

enum Inner<'a> {{ Guard(RwLockReadGuard<'a, u32>), Owned(Box<u32>) }}

pub struct Entry<'a> {{ inner: Inner<'a> }}

impl<'a> Entry<'a> {{
    fn new(inner: Inner<'a>) -> Self {{ Self {{ inner }} }}
    fn of_guard(guard: RwLockReadGuard<'a, u32>) -> Self {{ Self::new(Inner::Guard(guard)) }}
}}

fn copied(guard: RwLockReadGuard<'_, u32>) -> u32 {{ *guard }}

pub struct Cache {{ value: RwLock<u32> }}

impl Cache {{
    fn guard(&self) -> Option<RwLockReadGuard<'_, u32>> {{ self.value.read().ok() }}

    fn wrapped(&self) -> Option<{gives}> {{ self.guard().map({wrap}) }}

    pub fn change(&self) {{
        let entry = self.wrapped();
        *self.value.write().unwrap() = 2;
        drop(entry);
    }}
}}
"
        )
    };
    let closure = text("Entry<'_>", "|guard| Entry::of_guard(guard)");
    assert_eq!(names_in(&closure), ["double-lock"]);
    let function = text("Entry<'_>", "Entry::of_guard");
    assert_eq!(names_in(&function), ["double-lock"]);
    let variant = text("Inner<'_>", "Inner::Guard");
    assert_eq!(names_in(&variant), ["double-lock"]);
    assert!(names_in(&text("u32", "copied")).is_empty());
}

/// The name and the guards that the lock had before Rust 1.0.
#[test]
fn the_old_name_of_the_lock() {
    let text = |arm: &str| {
        format!(
            "
use std::sync::{{Arc, RWLock}};
use std::collections::HashMap;

pub struct Response {{ templates: Arc<RWLock<HashMap<&'static str, uint>>> }}

impl Response {{
    pub fn render(&self, path: &'static str) {{
        let _ = match self.templates.read().find(&path) {{
            Some(template) => println!(\"{{}}\", template),
            None => {arm},
        }};
    }}
}}
"
        )
    };
    let writes = text("{ let mut templates = self.templates.write(); templates.insert(path, 1); }");
    assert_eq!(names_in(&writes), ["double-lock"]);
    assert!(names_in(&text("()")).is_empty());
}

/// What `impl AsRef<Cache>` gives is the same cache each time.
#[test]
fn a_bound_says_what_as_ref_gives() {
    let text = |bound: &str, second: &str| {
        format!(
            "
use std::sync::{{RwLock, RwLockReadGuard}};
use std::collections::HashMap;

pub struct Member {{ guild: u64 }}
pub struct Cache {{ members: RwLock<HashMap<u64, Member>> }}

impl Cache {{
    pub fn members(&self) -> RwLockReadGuard<'_, HashMap<u64, Member>> {{ self.members.read().unwrap() }}
    pub fn insert(&self, id: u64) {{ self.members.write().unwrap().insert(id, Member {{ guild: id }}); }}
}}

impl Member {{
    fn rank(&self, cache: {bound}) -> u64 {{
        let cache = cache.as_ref();
        cache.insert(self.guild);
        1
    }}
}}

pub fn rank(cache: {bound}, other: {bound}, id: u64) -> Option<u64> {{
    let rank = cache.as_ref().members().get(&id)?.rank({second});
    Some(rank)
}}
"
        )
    };
    assert_eq!(
        names_in(&text("impl AsRef<Cache>", "&cache")),
        ["double-lock"]
    );
    assert_eq!(
        names_in(&text("&dyn AsRef<Cache>", "cache")),
        ["double-lock"]
    );
    assert!(names_in(&text("impl AsRef<Cache>", "&other")).is_empty());
}

/// A part of what a reference into a map leads to keeps the map locked as well.
#[test]
fn a_mapped_reference_is_one() {
    let text = |second: &str| {
        format!(
            "
use dashmap::{{DashMap, mapref::one::{{MappedRef, Ref}}}};
use std::collections::HashMap;

pub struct Guild {{ id: u64, channels: HashMap<u64, Channel> }}
pub struct Channel {{ guild: u64 }}

enum Inner<'a, T> {{
    Whole(Ref<'a, u64, T>),
    Part(MappedRef<'a, u64, Guild, T>),
}}

pub struct Entry<'a, T> {{ inner: Inner<'a, T> }}

impl<'a, T> Entry<'a, T> {{
    fn part(inner: MappedRef<'a, u64, Guild, T>) -> Self {{ Self {{ inner: Inner::Part(inner) }} }}
}}

impl<T> std::ops::Deref for Entry<'_, T> {{
    type Target = T;
    fn deref(&self) -> &T {{
        match &self.inner {{
            Inner::Whole(whole) => whole.value(),
            Inner::Part(part) => part.value(),
        }}
    }}
}}

pub struct Cache {{ guilds: DashMap<u64, Guild> }}

impl Cache {{
    fn channel(&self, guild: u64, id: u64) -> Option<Entry<'_, Channel>> {{
        let guild = self.guilds.get(&guild)?;
        let channel = guild.try_map(|guild| guild.channels.get(&id)).ok();
        if let Some(channel) = channel {{
            return Some(Entry::part(channel));
        }}
        None
    }}

    pub fn remove(&self, guild: u64, id: u64) -> bool {{
        let Some(channel) = self.channel(guild, id) else {{
            return false;
        }};
        {second}
        self.guilds.remove(&id);
        true
    }}
}}
"
        )
    };
    assert_eq!(names_in(&text("let id = channel.guild;")), ["double-lock"]);
    assert!(names_in(&text("let id = channel.guild; drop(channel);")).is_empty());
}

#[test]
fn what_makes_an_error_leaves_the_guard_alone() {
    let found = |keep: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;
pub struct Files {{ texts: DashMap<String, u32>, trees: DashMap<String, u32> }}
pub struct Missing;
fn missing() -> Missing {{ Missing }}
impl Files {{
    pub fn change(&self, path: &str) -> Result<(), Missing> {{
        {keep}
        *text += 1;
        self.trees.remove(path);
        Ok(())
    }}
    pub fn parse(&self, path: &str) {{
        let tree = self.trees.get_mut(path).unwrap();
        println!(\"{{}} {{}}\", *tree, *self.texts.get_mut(path).unwrap());
    }}
}}
"
        ))
    };
    let kept = "let mut text = self.texts.get_mut(path).ok_or_else(missing)?;";
    assert_eq!(found(kept), ["lock-order-inversion"]);
    let copied = "let mut text = *self.texts.get_mut(path).ok_or_else(missing)?;";
    assert!(found(copied).is_empty());
}
