//! Who owns a value, and so runs its `Drop`.

use super::names_in;

#[test]
fn who_gives_up_one_of_several_owners_drops_nothing() {
    let found = |fields: &str, taken: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex, Weak}};

static DIRTY: Mutex<Vec<u64>> = Mutex::new(Vec::new());

#[derive(Debug)]
pub struct Disk {{ id: u64 }}
impl Disk {{
    pub fn open() -> Self {{ Disk {{ id: 1 }} }}
    fn queue(&self, _: u64) {{}}
}}
impl Drop for Disk {{
    fn drop(&mut self) {{ DIRTY.lock().unwrap().push(self.id); }}
}}

pub struct Inode {{ {fields} }}
impl Inode {{
    pub fn evict(&self) -> Option<()> {{
        let mut dirty = DIRTY.lock().unwrap();
        {taken}
        disk.queue(1);
        dirty.push(1);
        drop(disk);
        Some(())
    }}
}}
"
        ))
    };
    for (fields, taken) in [
        ("disk: Weak<Disk>", "let disk = self.disk.upgrade()?;"),
        (
            "disk: Mutex<Weak<Disk>>",
            "let disk = match self.disk.lock().unwrap().upgrade() { Some(disk) => disk, None => return None };",
        ),
        (
            "disks: Vec<Weak<Disk>>",
            "let disk = self.disks.iter().find_map(|disk| disk.upgrade())?;",
        ),
        ("disk: Arc<Disk>", "let disk = self.disk.clone();"),
        (
            "disk: Arc<Disk>",
            "let disk = Arc::downgrade(&self.disk); let _ = disk.upgrade();",
        ),
        ("disk: Arc<Disk>", "let disk = self.disk.as_ref();"),
        (
            "disks: Vec<Arc<Disk>>",
            "let disk = self.disks.first().cloned()?;",
        ),
        ("disks: Vec<Disk>", "let disk = self.disks.first()?;"),
        ("disks: Vec<Disk>", "let disk = self.disks.iter().next()?;"),
        ("disk: Option<Disk>", "let disk = self.disk.as_ref()?;"),
        (
            "disk: Option<Disk>",
            "let Some(disk) = &self.disk else { return None };",
        ),
        ("disk: Box<Disk>", "let disk = self.disk.as_ref();"),
        // Methods of a library's trait for all types.
        ("disk: Disk", "let disk = self.disk.downgrade();"),
        ("disk: Disk", "let disk = self.disk.to_owned();"),
    ] {
        assert!(found(fields, taken).is_empty(), "{fields} {taken}");
    }
    for taken in [
        "let disk = Disk::open();",
        "let Some(disk) = Some(Disk::open()) else { return None };",
    ] {
        assert_eq!(found("disk: Weak<Disk>", taken), ["double-lock"], "{taken}");
    }
    let last = "let disk = self.disk.lock().unwrap().take()?;";
    assert_eq!(found("disk: Mutex<Option<Disk>>", last), ["double-lock"]);
}

#[test]
fn what_a_closure_takes_along_ends_with_it() {
    let found = |run: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

static DIRTY: Mutex<Vec<u64>> = Mutex::new(Vec::new());

pub struct Disk {{ id: u64 }}
impl Disk {{ fn queue(&self, _: u64) {{}} }}
impl Drop for Disk {{
    fn drop(&mut self) {{ DIRTY.lock().unwrap().push(self.id); }}
}}

pub fn evict() {{
    let mut dirty = DIRTY.lock().unwrap();
    let disk = Disk {{ id: 1 }};
    {run}
    dirty.push(1);
}}
"
        ))
    };
    for run in [
        "later(move || disk.queue(1));",
        "later(async move { disk.queue(1) });",
        "later(move || drop(disk));",
    ] {
        assert!(found(run).is_empty(), "{run}");
    }
    for run in ["later(|| disk.queue(1));", "later(disk.id);"] {
        assert_eq!(found(run), ["double-lock"], "{run}");
    }
}

#[test]
fn no_writer_comes_between_the_reads_of_who_has_the_object_alone() {
    let found = |lock: &str, receiver: &str, read: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, RwLock}};

pub struct Device {{ kind: {lock} }}
impl Device {{
    pub fn assign(&self) {{ *self.kind.write().unwrap() = 1; }}
    fn kind(&self) -> Option<&RwLock<u64>> {{ Some(&self.kind) }}
    fn msi(&self) -> u64 {{ *self.kind.{read}().unwrap() }}
    pub fn remove({receiver}) -> u64 {{
        if let Some(kind) = self.kind() {{
            match *kind.read().unwrap() {{ 1 => return self.msi(), _ => return 0 }}
        }}
        1
    }}
}}
"
        ))
    };
    assert!(found("RwLock<u64>", "&mut self", "read").is_empty());
    for (lock, receiver, read) in [
        ("RwLock<u64>", "&self", "read"),
        ("Arc<RwLock<u64>>", "&mut self", "read"),
        ("RwLock<u64>", "&mut self", "write"),
    ] {
        let found = found(lock, receiver, read);
        assert_eq!(found, ["double-lock"], "{lock} {receiver} {read}");
    }
}

#[test]
fn what_sets_up_comes_between_no_reads() {
    let found = |writer: &str, reader: &str| {
        names_in(&format!(
            "
use std::sync::RwLock;

pub struct Device {{ queue: RwLock<Option<u64>> }}
impl Device {{
    pub fn new() -> Device {{ Device {{ queue: RwLock::new(None) }} }}
    pub fn {writer}(&self) {{ *self.queue.write().unwrap() = Some(1); }}
    pub fn {reader}(&self) -> bool {{
        let queue = self.queue.read().unwrap();
        queue.is_some() && self.queue.read().unwrap().is_some()
    }}
    pub async fn send(&self) {{
        let queue = self.queue.read().unwrap();
        tick().await;
        println!(\"{{queue:?}}\");
    }}
}}
async fn tick() {{ wait().await }}
"
        ))
    };
    let both = ["double-lock", "guard-across-await"];
    assert_eq!(found("fill", "ready"), both);
    assert_eq!(found("fill", "irq_init"), both[1..]);
    assert!(found("init_queue", "ready").is_empty());
}

#[test]
fn what_is_called_later_sets_nothing_up() {
    let found = |caller: &str| {
        names_in(&format!(
            "
use std::sync::RwLock;

pub struct Host {{ info: RwLock<Option<u64>> }}
impl Host {{
    pub fn {caller}(&self) {{ self.init_public(); }}
    fn init_public(&self) {{ *self.info.write().unwrap() = Some(1); }}
    pub fn ready(&self) -> bool {{
        let info = self.info.read().unwrap();
        info.is_some() && self.info.read().unwrap().is_some()
    }}
}}
"
        ))
    };
    for later in ["on_timeout", "main_loop"] {
        assert_eq!(found(later), ["double-lock"], "{later}");
    }
    assert!(found("setup").is_empty());
}
