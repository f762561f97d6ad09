//! Locks in the order of a key, values that are filled in, objects that one
//! function has all to itself.

use super::names_in;

/// Two types with a lock and an id each; `body` takes both locks.
fn linked(links: &str, body: &str) -> String {
    format!(
        "
use std::cmp::Ordering;
use std::sync::{{Arc, Mutex}};

pub struct Actor {{ id: u64, size: u64, links: {links} }}
pub struct Weak {{ id: u64, size: u64, links: {links} }}

fn link(first: &Mutex<Vec<u64>>, second: &Mutex<Vec<u64>>) {{
    let first = first.lock().unwrap();
    second.lock().unwrap().extend(first.iter());
}}

impl Actor {{
    fn id(&self) -> u64 {{ self.id }}
    fn forget(&self, id: u64) {{ self.links.lock().unwrap().retain(|link| *link != id); }}
}}

impl Weak {{
    fn id(&self) -> u64 {{ self.id }}
    fn forget(&self, id: u64) {{ self.links.lock().unwrap().retain(|link| *link != id); }}

    {body}
}}
"
    )
}

const OWN: &str = "Mutex<Vec<u64>>";
const SHARED: &str = "Arc<Mutex<Vec<u64>>>";

fn unlink(name: &str, cond: &str) -> String {
    format!(
        "
    pub fn {name}(&self, other: &Actor) {{
        if {cond} {{
            let mut mine = self.links.lock().unwrap();
            let mut others = other.links.lock().unwrap();
            mine.append(&mut others);
        }} else {{
            let mut others = other.links.lock().unwrap();
            let mut mine = self.links.lock().unwrap();
            mine.append(&mut others);
        }}
    }}
"
    )
}

#[test]
fn locks_in_the_order_of_their_ids_have_one_order() {
    let inverted = ["lock-order-inversion"];
    let found = |links: &str, body: &str| names_in(&linked(links, body));
    for cond in ["self.id < other.id", "self.id() <= other.id()"] {
        assert!(found(SHARED, &unlink("unlink", cond)).is_empty(), "{cond}");
    }
    // How large they are says nothing of who they are; nor does one of the two.
    for cond in [
        "self.size < other.size",
        "self.id < 7",
        "self.id == other.id",
    ] {
        assert_eq!(found(SHARED, &unlink("unlink", cond)), inverted, "{cond}");
    }
    // Two functions, the same order and the opposite one.
    let rising = unlink("unlink", "self.id < other.id");
    let again = unlink("merge", "!(self.id > other.id)");
    assert!(found(SHARED, &format!("{rising}{again}")).is_empty());
    let falling = unlink("merge", "self.id > other.id");
    assert_eq!(found(SHARED, &format!("{rising}{falling}")), inverted);
    // Someone who does not ask.
    let plain = "
    pub fn copy(&self, other: &Actor) {
        let others = other.links.lock().unwrap();
        self.links.lock().unwrap().extend(others.iter());
    }
";
    assert_eq!(found(SHARED, &format!("{rising}{plain}")), inverted);
}

#[test]
fn addresses_are_an_order_of_what_lies_there() {
    let body = unlink(
        "unlink",
        "(self as *const Self as usize) < (other as *const Actor as usize)",
    );
    assert!(names_in(&linked(OWN, &body)).is_empty());
    // Two objects may share one lock.
    assert_eq!(names_in(&linked(SHARED, &body)), ["lock-order-inversion"]);
}

#[test]
fn a_match_of_the_ordering_and_calls_on_the_way() {
    let compared = |less: &str| {
        format!(
            "
    pub fn unlink(&self, other: &Actor) {{
        match self.id.cmp(&other.id) {{
            {less} => {{
                let mine = self.links.lock().unwrap();
                other.forget(mine.len() as u64);
            }}
            Ordering::Greater => {{
                let others = other.links.lock().unwrap();
                self.forget(others.len() as u64);
            }}
            _ => {{}}
        }}
    }}
"
        )
    };
    assert!(names_in(&linked(OWN, &compared("Ordering::Less"))).is_empty());
    let wrong = compared("Ordering::Equal if self.size > 0");
    let wrong = wrong.replace("Ordering::Greater", "Ordering::Greater | Ordering::Less");
    assert_eq!(names_in(&linked(OWN, &wrong)), ["lock-order-inversion"]);

    // The caller compares, and a callee takes what it is given.
    let given = |cond: &str| {
        format!(
            "
    pub fn pair(&self, other: &Actor) {{
        if {cond} {{ link(&self.links, &other.links) }} else {{ link(&other.links, &self.links) }}
    }}
"
        )
    };
    assert!(names_in(&linked(OWN, &given("self.id < other.id"))).is_empty());
    assert_eq!(
        names_in(&linked(OWN, &given("self.size < other.size"))),
        ["lock-order-inversion"]
    );
}

#[test]
fn what_is_filled_in_once_does_not_come_from_the_load() {
    let text = |body: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering}};

const UNSET: u64 = 0;
static FREQUENCY: AtomicU64 = AtomicU64::new(0);

fn now() -> u64 {{
    let mut frequency = FREQUENCY.load(Ordering::Relaxed);
    {body}
    frequency
}}

fn main() {{
    for _ in 0..4 {{
        std::thread::spawn(|| println!(\"{{}}\", now())).join().unwrap();
    }}
    std::thread::scope(|scope| {{
        for _ in 0..4 {{ scope.spawn(|| println!(\"{{}}\", now())); }}
    }});
}}
"
        )
    };
    let fill = "sys::query_frequency(&mut frequency as *mut u64 as *mut i64);";
    let store = "FREQUENCY.store(frequency, Ordering::Relaxed);";
    let found = |body: &str| {
        let found = names_in(&text(body));
        found.contains(&"non-atomic-update")
    };
    assert!(!found(&format!("if frequency == 0 {{ {fill} {store} }}")));
    assert!(!found(&format!(
        "if UNSET == frequency {{ {fill} {store} }}"
    )));
    assert!(!found(&format!(
        "if frequency != 0 {{ return frequency; }} {fill} {store}"
    )));
    // Any of several values, one that is computed, one that is loaded again.
    assert!(found(&format!("if frequency < 9 {{ {fill} {store} }}")));
    assert!(found(&format!(
        "if frequency == 0 {{ frequency += 1; {store} }}"
    )));
    assert!(found(&format!("if frequency != 0 {{ {fill} {store} }}")));
    assert!(found(&format!(
        "if frequency == 0 {{ frequency = FREQUENCY.load(Ordering::Relaxed); {fill} {store} }}"
    )));
    assert!(found(&format!(
        "if frequency == 0 {{ println!(\"none\"); }} {fill} {store}"
    )));
}

/// An average in the statistics of a program, which several threads change.
fn averages(field: &str, vis: &str, note: &str) -> String {
    format!(
        "
use std::sync::atomic::{{AtomicU64, Ordering}};
use std::sync::{{Arc, RwLock}};

pub struct Average {{ value: AtomicU64 }}

impl Average {{
    {vis} fn add(&self, value: u64) {{
        let old = self.value.load(Ordering::SeqCst);
        self.value.store((old + value) / 2, Ordering::SeqCst);
    }}
}}

pub struct Stats {{ count: u64, average: {field} }}

impl Stats {{
    {note}
}}

pub fn serve(stats: Arc<RwLock<Stats>>) {{
    for n in 0..4 {{
        let stats = stats.clone();
        // detached: it serves as long as the program runs
        std::thread::spawn(move || stats.write().unwrap().note(n));
    }}
}}
"
    )
}

#[test]
fn a_method_that_only_owners_call_meets_nobody() {
    let lost = ["non-atomic-update"];
    let own = "pub fn note(&mut self, n: u64) { self.count += 1; self.average.add(n); }";
    let shared = "pub fn note(&self, n: u64) { self.average.add(n); }";
    for vis in ["", "pub(crate)", "pub"] {
        assert!(names_in(&averages("Average", vis, own)).is_empty(), "{vis}");
        assert_eq!(names_in(&averages("Average", vis, shared)), lost, "{vis}");
        // Others may have the pointer.
        assert_eq!(names_in(&averages("Arc<Average>", vis, own)), lost, "{vis}");
        // One more caller, who has not.
        let also = format!("{own} pub fn sample(&self) {{ self.average.add(1); }}");
        assert_eq!(names_in(&averages("Average", vis, &also)), lost, "{vis}");
    }
}

#[test]
fn a_writer_with_the_object_to_itself_does_not_come_between() {
    let text = |receiver: &str| {
        format!(
            "
use std::sync::Mutex;

pub struct Blob {{ header: Mutex<Option<u64>>, disk: Vec<u64> }}

impl Blob {{
    pub fn read(&self) -> u64 {{
        let header = match *self.header.lock().unwrap() {{
            Some(header) => header,
            None => self.disk[0],
        }};
        let sum = self.disk.iter().map(|n| n % header).sum();
        *self.header.lock().unwrap() = Some(header);
        sum
    }}

    pub fn write(&{receiver} self, header: u64) {{
        *self.header.lock().unwrap() = Some(header);
    }}
}}
"
        )
    };
    assert!(names_in(&text("mut")).is_empty());
    assert_eq!(names_in(&text("")), ["check-then-act"]);
}
