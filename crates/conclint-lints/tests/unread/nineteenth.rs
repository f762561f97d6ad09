//! What the eighteenth group left and the nineteenth group of repositories showed.

use conclint_lints::Level;

use super::{all_findings_at, errors_in, names, names_in};

#[test]
fn a_signal_handler_of_c_can_only_set_a_flag() {
    let found = |abi: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::thread;
static STOP: AtomicBool = AtomicBool::new(false);
{abi} fn on_signal(_: i32) {{ stop(); }}
fn stop() {{ STOP.store(true, Ordering::SeqCst); }}
pub fn run() {{
    let action = SigAction::new(SigHandler::Handler(on_signal), flags(), SigSet::empty());
    unsafe {{ sigaction(SIGINT, &action).unwrap(); }}
    while !STOP.load(Ordering::SeqCst) {{
        thread::yield_now();
    }}
}}
"
        ))
    };
    assert_eq!(found("extern \"C\""), [""; 0]);
    assert_eq!(found("pub"), ["busy-wait"]);
}

#[test]
fn a_loop_over_a_map_holds_it_without_a_word() {
    let found = |of: &str, over: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;
pub struct Index {{ name: String }}
impl Index {{
    pub async fn commit(&self) {{ tokio::time::sleep(std::time::Duration::from_secs(1)).await; }}
}}
pub struct Db {{ map: DashMap<String, Index> }}
impl Db {{
    pub fn map(&self) -> &DashMap<String, Index> {{ &self.map }}
    pub fn into_map(self) -> DashMap<String, Index> {{ self.map }}
    pub fn add(&self, name: String) {{ self.map.insert(name.clone(), Index {{ name }}); }}
    pub async fn commit({of}) {{
        for index in {over} {{ index.commit().await; }}
    }}
}}
"
        ))
    };
    for over in ["self.map.iter()", "&self.map", "self.map()", "&*self.map()"] {
        assert_eq!(found("&self", over), ["guard-across-await"], "{over}");
    }
    // Given away whole, the map is nobody else's.
    assert_eq!(found("self", "self.into_map()"), [""; 0]);
}

#[test]
fn what_a_comparison_means_is_said_by_a_method() {
    let found = |body: &str| {
        errors_in(&format!(
            "
use std::cmp::Ordering;
use std::sync::RwLock;
static NAMES: RwLock<Vec<String>> = RwLock::new(Vec::new());
pub struct Name(usize);
fn text(of: &Name) -> String {{ NAMES.read().unwrap()[of.0].clone() }}
impl PartialEq for Name {{ fn eq(&self, other: &Self) -> bool {{ text(self) == text(other) }} }}
impl PartialOrd for Name {{
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {{ text(self).partial_cmp(&text(other)) }}
}}
pub fn replace(a: &Name, b: &Name) -> bool {{
    {body}
}}
"
        ))
    };
    for compared in ["a == b", "*a != *b", "a < b"] {
        let held = format!("let mut names = NAMES.write().unwrap(); names.clear(); {compared}");
        assert_eq!(found(&held), ["double-lock"], "{compared}");
        let first = format!("let same = {compared}; NAMES.write().unwrap().clear(); same");
        assert_eq!(found(&first), [""; 0], "{compared}");
    }
    // Numbers have no such method.
    assert_eq!(
        found("let mut names = NAMES.write().unwrap(); names.clear(); a.0 == b.0"),
        [""; 0]
    );
}

#[test]
fn a_handle_that_derefs_by_a_method_is_its_lock() {
    let found = |given: &str| {
        errors_in(&format!(
            "
use std::ops::Deref;
use std::sync::{{Arc, Mutex, RwLock}};
pub struct Account {{ index: u32 }}
pub struct Handle {{ account: Arc<RwLock<Account>>, storage: Arc<Mutex<Vec<u32>>> }}
impl Deref for Handle {{
    type Target = RwLock<Account>;
    fn deref(&self) -> &Self::Target {{ {given} }}
}}
impl Handle {{
    pub fn store(&self) {{ self.storage.lock().unwrap().push(self.read().unwrap().index); }}
    pub fn rename(&self) {{
        let mut account = self.write().unwrap();
        account.index = 1;
        self.storage.lock().unwrap().push(1);
    }}
}}
"
        ))
    };
    for given in [
        "&self.account",
        "self.account.deref()",
        "self.account.as_ref()",
    ] {
        assert_eq!(found(given), ["lock-order-inversion"], "{given}");
    }
}

#[test]
fn a_getter_that_awaits_gives_what_it_looked_up() {
    let found = |get: &str| {
        errors_in(&format!(
            "
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{{Mutex, RwLock}};
pub struct Manager {{
    undo: RwLock<HashMap<u32, Arc<Mutex<Vec<u32>>>>>,
    session: Mutex<u32>,
}}
impl Manager {{
    pub async fn undo(&self, id: u32) -> Arc<Mutex<Vec<u32>>> {{
        {get}
    }}
    pub async fn take_back(&self, id: u32) {{
        let undo = self.undo(id).await;
        let mut undo = undo.lock().await;
        *self.session.lock().await = undo.pop().unwrap();
    }}
    pub async fn keep(&self, id: u32) {{
        let undo = self.undo(id).await;
        let session = self.session.lock().await;
        undo.lock().await.push(*session);
    }}
}}
"
        ))
    };
    let make = "let new = Arc::new(Mutex::new(vec![1])); ";
    let put = "all.insert(id, Arc::clone(&new)); ";
    for get in [
        "let all = self.undo.read().await; all.get(&id).unwrap().clone()".to_owned(),
        // Looked up, made where it is missing, and put there.
        format!(
            "{{
                let all = self.undo.read().await;
                if let Some(undo) = all.get(&id) {{ return Arc::clone(undo); }}
            }}
            let mut all = self.undo.write().await;
            if let Some(undo) = all.get(&id) {{ return undo.clone(); }}
            {make} {put} new"
        ),
        format!(
            "let mut all = self.undo.write().await;
            match all.get(&id) {{
                Some(undo) => undo.clone(),
                None => {{ {make} {put} new }}
            }}"
        ),
        format!(
            "let mut all = self.undo.write().await;
            if let Some(new) = all.get(&id) {{ new.clone() }} else {{ {make} {put} new }}"
        ),
    ] {
        assert_eq!(found(&get), ["lock-order-inversion"], "{get}");
    }
    // One of its own for whoever finds none.
    let own = format!(
        "let mut all = self.undo.write().await;
        if let Some(undo) = all.get(&id) {{ return undo.clone(); }}
        {make} new"
    );
    assert_eq!(found(&own), [""; 0]);
}

#[test]
fn the_one_lock_that_everybody_comes_through_keeps_its_callers_apart() {
    let nest =
        "let mut names = NAMES.lock().unwrap(); RULES.lock().unwrap().push(3); names.push(1);";
    let found = |shared: &str, other: &str| {
        let touch = match other.contains("touch()") {
            true => format!("fn touch() {{ {nest} }}"),
            false => String::new(),
        };
        errors_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
static NAMES: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static RULES: Mutex<Vec<u32>> = Mutex::new(Vec::new());
pub struct Manager {{ count: u32 }}
struct Config {{ count: u32 }}
impl Config {{
    fn apply(&self) {{
        let mut rules = RULES.lock().unwrap();
        NAMES.lock().unwrap().push(self.count);
        rules.push(1);
    }}
    fn load() -> Result<Manager, String> {{
        let config = Config {{ count: 1 }};
        config.apply();
        Ok(Manager {{ count: config.count }})
    }}
    fn reload(manager: &mut Manager) {{ Config {{ count: manager.count }}.apply(); }}
}}
impl Manager {{
    fn handle(&mut self) {{
        let mut names = NAMES.lock().unwrap();
        RULES.lock().unwrap().push(self.count);
        names.push(1);
    }}
}}
fn handle_all(manager: {shared}) {{
    loop {{ manager.lock().unwrap().handle(); }}
}}
fn reload_all(manager: {shared}) {{
    loop {{
        let mut manager = manager.lock().unwrap();
        Config::reload(&mut manager);
    }}
}}
fn look(manager: {shared}) {{
    loop {{
        {other}
    }}
}}
{touch}
fn main() {{
    let manager = Arc::new(Mutex::new(Config::load().unwrap()));
    let (a, b, c) = (manager.clone(), manager.clone(), manager);
    let a = thread::spawn(move || handle_all(a));
    let b = thread::spawn(move || reload_all(b));
    let c = thread::spawn(move || look(c));
    for it in [a, b, c] {{ it.join().unwrap(); }}
}}
"
        ))
    };
    let one = "Arc<Mutex<Manager>>";
    let held = "let manager = manager.lock().unwrap();";
    for body in [nest, "touch();"] {
        assert_eq!(found(one, &format!("{held} {body}")), [""; 0], "{body}");
        let free = found(one, body);
        assert_eq!(free, ["lock-order-inversion"], "a way without it: {body}");
        let before = found(one, &format!("drop(manager.lock().unwrap()); {body}"));
        assert_eq!(before, ["lock-order-inversion"], "let go before: {body}");
    }
    // One of many: each has a lock of its own.
    let one_of_many = format!("let manager = manager[0].lock().unwrap(); {nest}");
    assert_eq!(
        found("&Vec<Mutex<Manager>>", &one_of_many),
        ["lock-order-inversion"]
    );
}

#[test]
fn a_block_that_has_a_value_ends_the_function_in_some_build() {
    let found = |other: &str, body: &str| {
        names_in(&format!(
            "
use parking_lot::{{RwLock, RwLockReadGuard}};
pub struct Lock {{ inner: RwLock<u32>, spare: RwLock<u32> }}
impl Lock {{
    pub fn read(&self) -> RwLockReadGuard<'_, u32> {{
        #[cfg(any(feature = \"fair\", not(feature = \"plain\")))]
        {{
            self.inner.read()
        }}
        #[cfg(feature = \"plain\")]
        {{
            {other}
        }}
    }}
    pub fn write(&self) {{ *self.inner.write() += 1; }}
    pub fn both(&self) -> u32 {{ {body} }}
}}
"
        ))
    };
    for other in ["self.inner.read_recursive()", "self.spare.read()"] {
        assert_eq!(found(other, "*self.read()"), [""; 0], "{other}");
        let twice = found(other, "let a = self.read(); self.write(); *a");
        assert_eq!(twice, ["double-lock"], "the guard is given: {other}");
    }
}

/// The messages, those of low confidence included.
fn messages(text: &str) -> Vec<String> {
    let found = all_findings_at(Level::Default, &[("src/lib.rs", text)]);
    found.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn an_await_under_an_async_lock_is_told_with_little_weight() {
    let text = |body: &str| {
        format!(
            "
use tokio::sync::RwLock;
pub struct Answer;
pub struct Beacon {{ cache: RwLock<Vec<u32>>, client: some_http::Client }}
impl Beacon {{
    async fn count(&self) -> usize {{ self.cache.read().await.len() }}
    async fn ready(&self) -> usize {{ self.parts().len() }}
    fn parts(&self) -> Vec<u32> {{ Vec::new() }}
    pub async fn entry(&self, round: u32) -> u32 {{
        {body}
    }}
}}
"
        )
    };
    let asked = "let mut cache = self.cache.write().await; \
                 let answer = self.client.round(round).await; cache.push(answer); answer";
    let found = messages(&text(asked));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`Beacon.cache`") && found[0].contains("every task"));
    assert!(names_in(&text(asked)).is_empty(), "not without being asked");
    for fine in [
        "let answer = self.client.round(round).await; self.cache.write().await.push(answer); answer",
        "let cache = self.cache.write().await; self.ready().await; cache[0]",
    ] {
        assert_eq!(messages(&text(fine)), [""; 0], "{fine}");
    }
}

#[test]
fn what_is_being_made_has_no_writer_yet() {
    let found = |name: &str, of: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::{{Arc, RwLock}};
use std::thread;
pub struct Db {{ tables: RwLock<HashMap<u32, u32>> }}
impl Db {{
    pub fn {name}({of}) {{
        let db = Arc::new(Db {{ tables: RwLock::new(HashMap::new()) }});
        let other = db.clone();
        thread::spawn(move || other.work()).join().unwrap();
        let tables = db.tables.read().unwrap();
        println!(\"{{}} {{}}\", tables.len(), db.columns());
    }}
    fn work(&self) {{ self.tables.write().unwrap().insert(1, 2); }}
    fn columns(&self) -> usize {{ self.tables.read().unwrap().len() }}
}}
"
        ))
    };
    assert_eq!(found("new", ""), [""; 0]);
    assert_eq!(found("compact", "&self"), ["double-lock"]);
}

#[test]
fn two_locks_around_one_type_are_two_locks() {
    let found = |clone: &str, other: &str, timer: &str| {
        errors_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
use std::thread;
{clone}
pub struct Timer {{ left: u32 }}
pub struct Clock {{ hold: Mutex<Timer>, {other} registry: Mutex<u32>, names: Mutex<u32> }}
impl Clock {{
    fn keep(&self) {{
        let hold = self.hold.lock().unwrap();
        self.both(&hold);
    }}
    fn both(&self, timer: &Timer) {{
        let mut registry = self.registry.lock().unwrap();
        *self.names.lock().unwrap() += timer.left;
        *registry += 1;
    }}
    fn shown(&self, timer: &Timer) {{
        let mut names = self.names.lock().unwrap();
        *self.registry.lock().unwrap() += timer.left;
        *names += 1;
    }}
    fn tell(&self) {{
        {timer}
        self.shown(&timer);
    }}
}}
pub fn start(clock: Arc<Clock>) {{
    let other = clock.clone();
    let a = thread::spawn(move || loop {{ clock.keep(); }});
    let b = thread::spawn(move || loop {{ other.tell(); }});
    a.join().unwrap();
    b.join().unwrap();
}}
"
        ))
    };
    let held = "let timer = self.hold.lock().unwrap();";
    assert_eq!(found("", "", held), [""; 0], "behind one lock");
    assert_eq!(
        found(
            "",
            "wait: Mutex<Timer>,",
            "let timer = self.wait.lock().unwrap();"
        ),
        ["lock-order-inversion"],
        "each behind its own"
    );
    assert_eq!(
        found(
            "#[derive(Clone)]",
            "",
            "let timer = self.hold.lock().unwrap().clone();"
        ),
        ["lock-order-inversion"],
        "what is copied is behind nothing"
    );
}

#[test]
fn a_client_for_tests_meets_no_writer() {
    let found = |path: &str, client: &str| {
        let text = format!(
            "
use std::sync::RwLock;
pub struct {client} {{ score: RwLock<u32>, best: RwLock<u32> }}
impl {client} {{
    pub fn both(&self) -> (u32, u32) {{ (*self.score.read().unwrap(), self.sum()) }}
    fn sum(&self) -> u32 {{ *self.score.read().unwrap() + *self.best.read().unwrap() }}
    pub fn import(&self) {{ *self.score.write().unwrap() += 1; }}
}}
"
        );
        names(&[
            ("src/lib.rs", "pub mod client; pub mod test_client;"),
            (path, &text),
        ])
    };
    assert_eq!(found("src/test_client.rs", "TestClient"), [""; 0]);
    assert_eq!(found("src/client.rs", "TestClient"), ["double-lock"]);
    assert_eq!(found("src/test_client.rs", "Client"), ["double-lock"]);
}

#[test]
fn of_a_tuple_each_part_is_what_all_ways_give() {
    let found = |second: &str| {
        errors_in(&format!(
            "
use std::collections::HashMap;
use std::sync::{{Arc, Mutex}};
pub struct Manager {{
    sessions: Mutex<HashMap<u32, Arc<Mutex<u32>>>>,
    others: Mutex<HashMap<u32, Arc<Mutex<u32>>>>,
    undo: Mutex<u32>,
}}
impl Manager {{
    fn resolve(&self, id: u32) -> (Arc<Mutex<u32>>, u32) {{
        let sessions = self.sessions.lock().unwrap();
        let session = sessions.get(&id).unwrap().clone();
        if id > 3 {{
            return (session, 1);
        }}
        let others = self.others.lock().unwrap();
        let other = others.get(&id).unwrap().clone();
        ({second}, 2)
    }}
    pub fn take_back(&self, id: u32) {{
        let (session, n) = self.resolve(id);
        let mut undo = self.undo.lock().unwrap();
        *undo += n + *session.lock().unwrap();
    }}
    pub fn keep(&self, id: u32) {{
        let (session, n) = self.resolve(id);
        let session = session.lock().unwrap();
        *self.undo.lock().unwrap() += n + *session;
    }}
}}
"
        ))
    };
    assert_eq!(found("session"), ["lock-order-inversion"]);
    assert_eq!(found("other"), [""; 0], "one or the other");
}

#[test]
fn places_that_another_lock_keeps_apart_are_listed_with_the_rest() {
    let text = "
use std::sync::Mutex;
pub struct Chain { gate: Mutex<u32>, head: Mutex<u32>, body: Mutex<u32> }
impl Chain {
    pub fn forward(&self) {
        let _gate = self.gate.lock().unwrap();
        let head = self.head.lock().unwrap();
        *self.body.lock().unwrap() += *head;
    }
    pub fn backward(&self) {
        let _gate = self.gate.lock().unwrap();
        let body = self.body.lock().unwrap();
        *self.head.lock().unwrap() += *body;
    }
    pub fn ungated(&self) {
        let body = self.body.lock().unwrap();
        *self.head.lock().unwrap() += *body;
    }
}
";
    let all = |text: &str| {
        let found = all_findings_at(Level::Default, &[("src/lib.rs", text)]);
        let steps = found.iter().flat_map(|f| &f.paths).flat_map(|p| &p.steps);
        steps
            .map(|step| step.function.to_string())
            .collect::<Vec<_>>()
    };
    let last = "let body = self.body.lock().unwrap();
        *self.head.lock().unwrap() += *body;
    }
}";
    let other_way = "let head = self.head.lock().unwrap();
        *self.body.lock().unwrap() += *head;
    }
}";
    assert!(text.contains(last));
    for text in [text.to_owned(), text.replace(last, other_way)] {
        let named = all(&text);
        for function in ["Chain::forward", "Chain::backward", "Chain::ungated"] {
            assert!(named.iter().any(|name| name == function), "{function}");
        }
    }
    // On their own they harm nobody.
    let (gated, _) = text.split_once("    pub fn ungated").unwrap();
    assert_eq!(all(&format!("{gated}}}")), [""; 0]);
}

#[test]
fn one_of_many_locks_keeps_nobody_apart() {
    let found = |given: &str, one: &str| {
        errors_in(&format!(
            "
use std::sync::{{Arc, Mutex}};
static NAMES: Mutex<u32> = Mutex::new(1);
static RULES: Mutex<u32> = Mutex::new(1);
pub struct Session {{ count: u32 }}
fn name(session: &mut Session) {{
    let names = NAMES.lock().unwrap();
    session.count += *names + *RULES.lock().unwrap();
}}
fn rule(session: &mut Session) {{
    let rules = RULES.lock().unwrap();
    session.count += *rules + *NAMES.lock().unwrap();
}}
pub fn names(sessions: {given}) {{ name(&mut {one}.lock().unwrap()); }}
pub fn rules(sessions: {given}) {{ rule(&mut {one}.lock().unwrap()); }}
"
        ))
    };
    assert_eq!(found("Arc<Mutex<Session>>", "sessions"), [""; 0]);
    for many in ["&Vec<Mutex<Session>>", "&[Arc<Mutex<Session>>]"] {
        assert_eq!(
            found(many, "sessions[0]"),
            ["lock-order-inversion"],
            "{many}"
        );
    }
}
