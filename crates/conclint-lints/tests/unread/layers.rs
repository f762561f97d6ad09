//! Objects that stand on objects of their own type.

use super::names_in;

#[test]
fn a_layer_below_is_another_object() {
    let found = |lower: &str, call: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};

pub trait Store: Send + Sync {{
    fn put(&self, key: u64);
    fn get(&self, key: u64) -> u64;
    fn renew(&self, key: u64) {{ self.put(key); }}
}}

pub struct Plain;
impl Store for Plain {{
    fn put(&self, _: u64) {{}}
    fn get(&self, key: u64) -> u64 {{ key }}
}}

pub struct Counting {{ lower: {lower}, names: Mutex<u64>, puts: Mutex<u64> }}

fn count(store: &Counting, key: u64) {{
    let mut puts = store.puts.lock().unwrap();
    *puts += key;
    *store.names.lock().unwrap() += 1;
}}

impl Store for Counting {{
    fn put(&self, key: u64) {{
        count(self, key);
    }}
    fn get(&self, key: u64) -> u64 {{
        let mut names = self.names.lock().unwrap();
        *names += 1;
        {call}
        key
    }}
}}
"
        ))
    };
    for (lower, call) in [
        ("Arc<dyn Store>", "self.lower.put(key);"),
        (
            "Vec<Box<dyn Store>>",
            "for store in &self.lower { store.put(key); }",
        ),
        (
            "Arc<dyn Store>",
            "let lower = self.lower.clone(); lower.renew(key);",
        ),
    ] {
        assert!(found(lower, call).is_empty(), "{lower} {call}");
    }
    for call in ["self.put(key);", "self.renew(key);"] {
        let found = found("Arc<dyn Store>", call);
        assert!(found.contains(&"lock-order-inversion"), "{call} {found:?}");
    }
    // A lock there is once for all of them.
    let once = "static ALL: Mutex<u64> = Mutex::new(0);";
    let statics = format!("{once}\n");
    let text = |call: &str| {
        format!(
            "{statics}
use std::sync::{{Arc, Mutex}};
pub trait Store {{ fn put(&self, key: u64); fn get(&self, key: u64); }}
pub struct Plain;
impl Store for Plain {{ fn put(&self, _: u64) {{}} fn get(&self, _: u64) {{}} }}
pub struct Counting {{ lower: Arc<dyn Store>, names: Mutex<u64> }}
impl Store for Counting {{
    fn put(&self, key: u64) {{ *self.names.lock().unwrap() += key; }}
    fn get(&self, key: u64) {{
        let mut all = ALL.lock().unwrap();
        {call}
        *all += 1;
    }}
}}
pub fn both(store: &Counting) {{
    let names = store.names.lock().unwrap();
    *ALL.lock().unwrap() += *names;
}}
"
        )
    };
    assert_eq!(
        names_in(&text("self.lower.put(key);")),
        ["lock-order-inversion"]
    );
}

#[test]
fn a_listener_may_be_the_one_who_tells() {
    let found = |tell: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};

pub trait Listener: Send + Sync {{ fn changed(&self, key: u64); }}
pub struct Log;
impl Listener for Log {{ fn changed(&self, _: u64) {{}} }}

pub struct Bus {{ listener: Arc<dyn Listener> }}
impl Bus {{
    fn tell(&self, key: u64) {{ self.listener.changed(key); }}
}}
fn told(listener: &dyn Listener, key: u64) {{ listener.changed(key); }}
fn twice(mut run: impl FnMut(u64)) {{ run(1); run(2); }}
fn told_twice(listener: &dyn Listener) {{ twice(|key| listener.changed(key)); }}

pub struct Cache {{ bus: Bus, next: Arc<dyn Listener>, names: Mutex<u64>, puts: Mutex<u64> }}
impl Listener for Cache {{
    fn changed(&self, key: u64) {{
        let mut puts = self.puts.lock().unwrap();
        *puts += *self.names.lock().unwrap() + key;
    }}
}}
impl Cache {{
    pub fn rename(&self, key: u64) {{
        let mut names = self.names.lock().unwrap();
        *names += key;
        {tell}
    }}
}}
"
        ))
    };
    assert_eq!(found("self.bus.tell(key);"), ["lock-order-inversion"]);
    assert!(found("self.next.changed(key);").is_empty());
    assert!(found("told(&*self.next, key);").is_empty());
    assert!(found("told_twice(&*self.next);").is_empty());
    let own = found("told(self, key);");
    assert!(own.contains(&"lock-order-inversion"), "{own:?}");
}

#[test]
fn who_comes_back_by_way_of_a_field_is_another_object() {
    let found = |flags: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Backing {{ file: Arc<File> }}
pub struct File {{ queue: Mutex<u64>, data: Mutex<Option<Backing>>, other: Mutex<u64> }}

impl Backing {{
    fn set_flags(&mut self, flags: u64) {{ self.file.set_flags(flags); }}
}}
impl File {{
    fn more(&self) {{ *self.queue.lock().unwrap() += 1; }}
    pub fn set_flags(&self, flags: u64) {{
        let mut queue = self.queue.lock().unwrap();
        *queue = flags;
        let other = self.other.lock().unwrap();
        drop(other);
        drop(queue);
        let mut other = self.other.lock().unwrap();
        {flags}
        *other += 1;
    }}
}}
"
        ))
    };
    let below =
        "if let Some(backing) = self.data.lock().unwrap().as_mut() { backing.set_flags(flags); }";
    assert!(found(below).is_empty());
    assert_eq!(found("self.more();"), ["lock-order-inversion"]);
}
