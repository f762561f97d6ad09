//! Misses of the thirteenth round, first part: macros of the program.

use super::{names, names_in};

#[test]
fn a_macro_of_another_package_is_the_one_that_is_exported() {
    let files = |attribute: &str, second: &str| {
        let common = format!(
            "
{attribute}
/// Locks, or dies.
macro_rules! lock {{
    ($mutex:expr) => {{ $mutex.lock().expect(\"lock\") }};
}}
"
        );
        let session = "
use common::lock;
use std::sync::Mutex;

pub struct Session { info: Mutex<u64> }

impl Session {
    pub fn established(&self) -> u64 {
        let info = lock!(self.info);
        if *info == 0 { return self.leave(); }
        *info
    }
    fn leave(&self) -> u64 {
        *lock!(self.info) += 1;
        0
    }
}
";
        let admin = format!(
            "
{second}
macro_rules! lock {{
    ($mutex:expr) => {{ $mutex.lock().map_err(failed)? }};
}}
"
        );
        let files = [
            ("common/src/lib.rs", common.as_str()),
            ("admin/src/lib.rs", admin.as_str()),
            ("bgp/src/session.rs", session),
        ];
        names(&files)
    };
    let exported = "#[macro_export]";
    // Another package's own macro is none of this one's.
    assert_eq!(files(exported, ""), ["double-lock"]);
    assert_eq!(
        files(
            "#[macro_export(local_inner_macros)]",
            "#[allow(unused_macros)]"
        ),
        ["double-lock"]
    );
    // Which of two is meant, nobody knows; the name says it.
    assert_eq!(files(exported, exported), ["double-lock"]);
    assert_eq!(files("", ""), ["double-lock"]);
}

#[test]
fn items_that_a_macro_writes() {
    let text = |arm: &str| {
        format!(
            "
use std::sync::{{Arc, Mutex}};

#[derive(PartialEq, Clone, Copy)]
pub enum Kind {{ Array, Map, Unknown }}

pub struct Type {{ pub kind: Kind }}

pub type TypeRef = Arc<Mutex<Type>>;

macro_rules! impl_type {{
    ($name:ident) => {{
        /// A view.
        pub struct $name(TypeRef);

        impl TryFrom<TypeRef> for $name {{
            type Error = u64;

            fn try_from(value: TypeRef) -> Result<Self, u64> {{
                let mut inner = value.lock().unwrap();
                inner.kind = Kind::$name;
                drop(inner);
                Ok($name(value))
            }}
        }}
    }};
}}

impl_type!(Array);
impl_type! {{ Map }}

macro_rules! counts {{
    () => {{
        fn count(&self) -> usize {{ self.all.lock().unwrap().len() }}
    }};
}}

pub struct Store {{ all: Mutex<Vec<TypeRef>> }}

impl Store {{
    counts!();

    pub fn look(&self, of: &TypeRef) -> Result<usize, u64> {{
        {arm}
    }}
}}
"
        )
    };
    for (arm, expected) in [
        (
            "match of.lock().unwrap().kind {
                Kind::Array => Array::try_from(of.clone()).map(|_| 1),
                _ => Ok(0),
            }",
            vec!["double-lock"],
        ),
        (
            "let kind = of.lock().unwrap().kind;
            match kind {
                Kind::Map => Map::try_from(of.clone()).map(|_| 1),
                _ => Ok(0),
            }",
            vec![],
        ),
        (
            "let all = self.all.lock().unwrap(); Ok(self.count() + all.len())",
            vec!["double-lock"],
        ),
        (
            "let n = self.all.lock().unwrap().len(); Ok(self.count() + n)",
            vec![],
        ),
    ] {
        assert_eq!(names_in(&text(arm)), expected, "{arm}");
    }
}

#[test]
fn an_atomic_behind_an_rc_is_of_one_thread() {
    let text = |pointer: &str| {
        format!(
            "
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{{AtomicU32, Ordering}};

pub struct Suspension {{ resumed: {pointer}<AtomicU32> }}

impl Suspension {{
    fn resume(&self) {{
        let times = self.resumed.load(Ordering::SeqCst);
        self.resumed.store(times + 1, Ordering::SeqCst);
    }}
}}

pub fn run(of: &'static Suspension) {{
    for _ in 0..4 {{
        std::thread::spawn(move || of.resume());
    }}
}}
"
        )
    };
    assert!(names_in(&text("Arc")).contains(&"non-atomic-update"));
    assert!(!names_in(&text("Rc")).contains(&"non-atomic-update"));
}

#[test]
fn to_give_way_with_the_guard_of_this_round_still_alive() {
    let text = |yields: &str, body: &str| {
        format!(
            "
use std::sync::Mutex;

pub trait Pal {{ fn sched_yield() -> i32; }}
pub struct Sys;
impl Pal for Sys {{ fn sched_yield() -> i32 {{ syscall(24) }} }}

pub struct Semaphore {{ lock: Mutex<()>, count: u64 }}

impl Semaphore {{
    pub fn post(&mut self) {{
        let _guard = self.lock.lock();
        self.count += 1;
    }}

    pub fn pend(&mut self) {{
        let mut acquired = false;
        {body}
    }}
}}
"
        )
        .replace("YIELD", yields)
    };
    let held = "while !acquired {
            let _guard = self.lock.lock();
            if self.count > 0 { self.count -= 1; acquired = true; }
            YIELD;
        }";
    let free = "while !acquired {
            {
                let _guard = self.lock.lock();
                if self.count > 0 { self.count -= 1; acquired = true; }
            }
            YIELD;
        }";
    // Who waits for something else keeps the lock on purpose.
    let around = "let _guard = self.lock.lock();
        while !acquired { acquired = ready(); YIELD; }";
    let of_each = "for n in 0..4 {
            let _guard = self.lock.lock();
            while !is_done(n) { YIELD; }
        }";
    for yields in ["Sys::sched_yield()", "std::thread::yield_now()"] {
        let found = |body: &str| names_in(&text(yields, body)).contains(&"blocking-under-lock");
        assert!(found(held), "{yields}");
        assert!(!found(free), "{yields}");
        assert!(!found(around), "{yields}");
        assert!(!found(of_each), "{yields}");
    }
}
