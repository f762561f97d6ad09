//! Calls that nobody writes, and fields of values of unknown type.

use conclint_lints::Level;

use super::{all_findings_at, names_in};

const SHELF: &str = r#"
use std::fmt;
use std::ops::{Add, AddAssign, Index, Neg, Not};
use std::sync::{Arc, Mutex};
pub static SHELF: Mutex<Vec<u32>> = Mutex::new(Vec::new());
pub struct Item { pub at: usize }
impl Item { fn seen(&self) -> u32 { SHELF.lock().unwrap()[self.at] } }
impl PartialEq for Item { fn eq(&self, other: &Item) -> bool { self.seen() == other.seen() } }
impl Add for Item { type Output = u32; fn add(self, other: Item) -> u32 { self.seen() + other.seen() } }
impl AddAssign<u32> for Item { fn add_assign(&mut self, by: u32) { self.at += self.seen() as usize + by as usize } }
impl Index<usize> for Item { type Output = u32; fn index(&self, by: usize) -> &u32 { self.seen(); &7 } }
impl Neg for Item { type Output = u32; fn neg(self) -> u32 { self.seen() } }
impl Not for Item { type Output = u32; fn not(self) -> u32 { self.seen() } }
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}", self.seen()) }
}
#[derive(Debug)]
pub struct Plain { pub at: usize }
impl std::ops::Deref for Plain { type Target = Item; fn deref(&self) -> &Item { &ITEM } }
pub static ITEM: Item = Item { at: 0 };
"#;

/// What is found where the statement runs under the lock.
fn under_the_lock(statement: &str) -> Vec<&'static str> {
    names_in(&format!(
        "{SHELF}
pub fn run(item: Item, other: Item, mut shared: Arc<Item>, plain: Plain, text: &mut String) {{
    let mut shelf = SHELF.lock().unwrap();
    shelf.push(1);
    {statement}
    shelf.push(2);
}}
"
    ))
}

#[test]
fn an_operator_is_a_call_of_what_the_type_says() {
    for statement in [
        "let same = item == other;",
        "let same = item != other;",
        "let sum = item + other;",
        "let mut item = item; item += 2;",
        "let seen = item[1];",
        "let seen = shared[1];",
        "let seen = -item;",
        "let seen = !item;",
    ] {
        assert_eq!(under_the_lock(statement), ["double-lock"], "{statement}");
    }
    for statement in [
        "let same = item.at == other.at;",
        "let sum = item.at + other.at;",
        // An operator other than indexing goes through no `Deref`.
        "let sum = -plain;",
    ] {
        assert_eq!(under_the_lock(statement), [""; 0], "{statement}");
    }
}

#[test]
fn a_placeholder_is_a_call_of_what_shows_the_value() {
    for statement in [
        r#"let text = format!("{}", item);"#,
        r#"let text = format!("{item}");"#,
        r#"let text = format!("{1} and {0}", 1, item);"#,
        r#"println!("{:?} and {}", plain, shared);"#,
        r#"log::debug!("{} and {item:>8}", 1);"#,
        r#"let _ = write!(text, "{}", &item);"#,
        "let text = item.to_string();",
    ] {
        assert!(
            under_the_lock(statement).contains(&"double-lock"),
            "{statement}"
        );
    }
    // The method of that name which the type itself has is another one.
    let own = under_the_lock(
        "struct Own; impl Own { fn to_string(&self) -> u32 { 1 } }
    impl fmt::Display for Own {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { SHELF.lock().unwrap(); Ok(()) }
    }
    let n = Own.to_string();",
    );
    assert!(!own.contains(&"double-lock"));
    for statement in [
        // The one without a placeholder, and one that says it another way.
        r#"let text = format!("{0} {{item}}", 1, item);"#,
        r#"let text = format!("{plain:?}");"#,
        r#"let text = format!("{:?}", plain);"#,
    ] {
        assert!(
            !under_the_lock(statement).contains(&"double-lock"),
            "{statement}"
        );
    }
}

#[test]
fn a_field_that_one_struct_has_tells_the_type() {
    let found = |more: &str| {
        names_in(&format!(
            "
use std::sync::RwLock;
pub struct Session {{ store: RwLock<u32> }}
{more}
pub fn run(query: foreign::Query<Session>) {{
    let session = query.get_one();
    let mut store = session.store.write().unwrap();
    *store += 1;
    let again = *session.store.read().unwrap();
    *store += again;
}}
"
        ))
    };
    assert_eq!(found(""), ["double-lock"]);
    assert_eq!(found("pub struct Other { store: u32 }"), [""; 0]);
}

#[test]
fn a_closure_that_borrows_runs_before_the_call_is_over() {
    let found = |visit: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;
pub struct Chain {{ state: Mutex<Vec<u32>> }}
impl Chain {{
    fn one(&self, item: u32) -> Result<(), u32> {{ self.state.lock().unwrap().push(item); Ok(()) }}
    pub fn all(&self, list: foreign::List) -> Result<(), u32> {{
        let mut state = self.state.lock().unwrap();
        let mut failed = Ok(());
        {visit}
        state.push(1);
        failed
    }}
}}
"
        ))
    };
    let closure = "|item, _| if let Err(why) = self.one(item) { failed = Err(why); }";
    assert_eq!(found(&format!("list.visit({closure});")), ["double-lock"]);
    // It may be kept: by what the call gives, by a thread, by whoever is told of it.
    assert_eq!(
        found(&format!("let later = list.visit({closure});")),
        [""; 0]
    );
    assert_eq!(found(&format!("list.spawn_all({closure});")), [""; 0]);
    assert_eq!(found("list.visit(|item, _| item + 1);"), [""; 0]);
    assert_eq!(found(&format!("list.visit(move {closure});")), [""; 0]);
}

#[test]
fn what_lies_behind_a_lock_that_is_passed_is_not_that_lock() {
    let found = |twice: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;
use std::sync::{{Arc, RwLock}};
pub struct Flows {{ table: Arc<RwLock<DashMap<u32, u32>>> }}
fn forget(table: Arc<RwLock<DashMap<u32, u32>>>, key: u32) {{
    let table = {twice};
    if let Ok(flows) = table.read() {{ flows.remove(&key); }}
}}
impl Flows {{
    pub fn forget(&self, key: u32) {{ forget(self.table.clone(), key); }}
}}
"
        ))
    };
    assert_eq!(found("table"), [""; 0]);
    assert_eq!(
        found(
            "{ let held = table.write().unwrap(); table.read().unwrap().clear(); drop(held); table }"
        ),
        ["double-lock"]
    );
}

#[test]
fn a_closure_comes_by_the_call_that_gives_it() {
    let found = |first: &str, second: &str| {
        names_in(&format!(
            "
use std::sync::RwLock;
pub struct Routes {{ near: RwLock<Vec<u32>>, far: RwLock<Vec<u32>> }}
fn get_or_set(routes: &RwLock<Vec<u32>>, compute: impl FnOnce() -> u32) -> u32 {{
    let mut routes = routes.write().unwrap();
    let route = compute();
    routes.push(route);
    route
}}
fn far(all: &Routes) -> u32 {{ get_or_set(&all.{second}, || 1) }}
pub fn near(all: &Routes) -> u32 {{ get_or_set(&all.{first}, || far(all)) }}
"
        ))
    };
    assert_eq!(found("near", "far"), [""; 0]);
    assert_eq!(found("near", "near"), ["double-lock"]);
}

#[test]
fn from_an_older_object_to_the_one_that_is_made() {
    let found = |dep: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
pub struct Installer {{ inner: Arc<Mutex<u32>>, abort: Arc<Mutex<u32>>, next: Option<Box<Installer>> }}
impl Installer {{
    pub fn new(n: u32) -> Self {{
        Installer {{ inner: Arc::new(Mutex::new(n)), abort: Arc::new(Mutex::new(0)), next: None }}
    }}
    fn finish(&self) {{ *self.abort.lock().unwrap() += 1; }}
    pub fn install(&self) {{
        let inner = self.inner.lock().unwrap();
        let dep = {dep};
        dep.finish();
        drop(inner);
    }}
    pub fn roll_back(&self) {{
        let abort = self.abort.lock().unwrap();
        *self.inner.lock().unwrap() -= *abort;
    }}
}}
"
        ))
    };
    assert_eq!(found("Installer::new(*inner)"), [""; 0]);
    assert_eq!(found("self"), ["lock-order-inversion"]);
}

#[test]
fn an_element_that_an_operator_gives_is_still_of_the_guarded_data() {
    let bump = |grid: &str| {
        let text = format!(
            "
use std::ops::{{Index, IndexMut}};
use std::sync::Mutex;
pub struct Grid {{ cells: Vec<u32> }}
impl Index<usize> for Grid {{ type Output = u32; fn index(&self, i: usize) -> &u32 {{ &self.cells[i] }} }}
impl IndexMut<usize> for Grid {{ fn index_mut(&mut self, i: usize) -> &mut u32 {{ &mut self.cells[i] }} }}
pub struct World {{ grid: Mutex<Grid> }}
impl World {{
    pub fn bump(&self, i: usize) {{
        {grid}
    }}
}}
"
        );
        let found = all_findings_at(Level::Pedantic, &[("src/lib.rs", &text)]);
        found.iter().any(|found| found.rule == "check-then-act")
    };
    let apart = "let old = self.grid.lock().unwrap()[i]; self.grid.lock().unwrap()[i] = old + 1;";
    assert!(bump(apart));
    let together = "let mut grid = self.grid.lock().unwrap(); grid[i] += 1;";
    assert!(!bump(together));
}
