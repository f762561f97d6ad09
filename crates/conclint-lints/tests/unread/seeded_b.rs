//! Second locks on the same line that were not seen, because the type of what
//! is locked was not: behind pins and raw pointers, in the wrappers of
//! frameworks, in what a closure is given. Each once with both guards alive,
//! and once with the first gone.

use super::names_in;

const SERVICE: &str = "
use std::sync::{Arc, Mutex};

pub struct Service { count: Mutex<u64> }
";

/// Functions that are given a `Service` as `it`, by the lines before; `also` is
/// what stands beside them.
fn locks(also: &str, head: &str, tail: &str) {
    let text = |between: &str| {
        format!(
            "{SERVICE}
{also}
{head}
    let first = it.count.lock().unwrap();
    {between}
    let second = it.count.lock().unwrap();
{tail}"
        )
    };
    assert_eq!(names_in(&text("")), ["double-lock"], "{head}");
    assert!(names_in(&text("drop(first);")).is_empty(), "{head}");
}

#[test]
fn what_a_function_gives_to_a_closure_has_the_type_that_it_says() {
    let with = [
        "fn with<T>(f: impl FnOnce(&Service) -> T) -> T { f(&SERVICE) }",
        "fn with<F: Fn(&Service)>(f: F) { f(&SERVICE) }",
        "fn with<F>(f: F) where F: FnMut(&mut Arc<Service>) { keep(f) }",
        "fn with(f: fn(Arc<Service>)) { f(shared()) }",
    ];
    for with in with {
        locks(with, "pub fn run() { with(|it| {", "}); }");
    }
    let boxed = "fn on_event(f: Box<dyn Fn(&Service) + Send>) { keep(f) }";
    locks(boxed, "pub fn run() { on_event(Box::new(|it| {", "})); }");
    let of_own = "
pub struct Table<T> { items: Vec<T> }
impl<T> Table<T> { fn each(&self, f: impl Fn(&T)) { for item in &self.items { f(item); } } }";
    let head = "pub fn run(table: &Table<Service>) { table.each(|it| {";
    locks(of_own, head, "}); }");
}

#[test]
fn a_pin_is_no_collection() {
    let heads = [
        "let it = self.get_mut();",
        "let it = Pin::get_mut(self);",
        "let it = Pin::into_inner(self);",
        "let it = unsafe { self.as_mut().get_unchecked_mut() };",
        "let it = self.project();",
        "let it = self.as_mut().project();",
    ];
    for head in heads {
        let head =
            format!("impl Service {{ pub fn poll(mut self: std::pin::Pin<&mut Self>) {{ {head}");
        locks("use std::pin::Pin;", &head, "} }");
    }
}

#[test]
fn the_views_of_pins_have_the_fields_of_what_they_view() {
    let task = "
#[pin_project::pin_project(project = TaskView)]
pub struct Task<F> { it: Arc<Service>, #[pin] future: F }
";
    locks(
        task,
        "fn update(view: &TaskView<u64>) { let it = view.it.clone();",
        "}",
    );
    let state = "
pin_project_lite::pin_project! {
    #[project = StateView]
    pub enum State<F> { Running { it: Arc<Service>, #[pin] future: F }, Done }
}
";
    let head = "
impl<F> State<F> {
    pub fn poll(self: std::pin::Pin<&mut Self>) {
        if let StateView::Running { it, .. } = self.project() {";
    locks(state, head, "} } }");
}

#[test]
fn a_raw_pointer_gives_what_it_points_to() {
    let given = [
        "it: *mut Service) { let it = it.as_mut().expect(\"never null\");",
        "it: *const Service) { let Some(it) = it.as_ref() else { return };",
        "it: std::ptr::NonNull<Service>) { let it = it.as_ref();",
        "it: std::ptr::NonNull<Service>) { let it = &*it.as_ptr();",
        "it: *mut u8) { let it = &*it.cast::<Service>();",
        "it: *mut u8) { let it = Arc::from_raw(it as *const Service);",
    ];
    for given in given {
        locks("", &format!("pub unsafe fn run({given}"), "}");
    }
}

#[test]
fn the_wrappers_of_frameworks_are_looked_into() {
    let given = [
        "State(it): State<Arc<Service>>",
        "Extension(it): axum::Extension<Arc<Service>>",
        "it: axum::Extension<Arc<Service>>",
        "it: actix_web::web::Data<Service>",
        "it: tauri::State<'_, Service>",
        "it: pyo3::PyRef<'_, Service>",
    ];
    for given in given {
        let head = format!("pub async fn handle({given}) {{");
        locks("use axum::extract::State;", &head, "}");
    }
    let head = "pub async fn handle(request: RequestContext<Arc<Service>>) {
    let it = request.context();";
    locks("use dropshot::RequestContext;", head, "}");
}

#[test]
fn the_field_of_a_wrapper_that_has_none_for_others_is_that_of_what_is_inside() {
    let text = "
use std::sync::Mutex;

pub struct Counts(Mutex<u64>);

pub fn count(counts: tauri::State<'_, Counts>) -> u64 {
    let first = counts.0.lock().unwrap();
    *first + *counts.0.lock().unwrap()
}
";
    assert_eq!(names_in(text), ["double-lock"]);
}

#[test]
fn what_is_asked_for_by_its_type_has_it() {
    let asked = [
        "app: &tauri::AppHandle) { let it = app.state::<Service>();",
        "app: &tauri::AppHandle) { let Some(it) = app.try_state::<Service>() else { return };",
        "world: &mut World) { let it = world.resource_mut::<Service>();",
        "any: &dyn std::any::Any) { let it = any.downcast_ref::<Service>().unwrap();",
        "any: Arc<dyn std::any::Any + Send + Sync>) { let it = any.downcast::<Service>().unwrap();",
        "all: &http::Extensions) { let it = all.get::<Arc<Service>>().unwrap();",
    ];
    for asked in asked {
        locks("", &format!("pub fn run({asked}"), "}");
    }
}

#[test]
fn what_lies_in_the_cells_and_maps_of_others_is_seen() {
    let cell = "
use atomic_refcell::{AtomicRef, AtomicRefCell};
pub struct Process { memory: AtomicRefCell<Option<Arc<Service>>> }
impl Process {
    pub fn memory(&self) -> AtomicRef<'_, Option<Arc<Service>>> { self.memory.borrow() }
}";
    let head = "pub fn run(process: &Process) {
    let memory = process.memory();
    let it = memory.as_ref().unwrap();";
    locks(cell, head, "}");
    let maps = [
        "map: &mut std::collections::HashMap<u64, Arc<Service>>, new: Arc<Service>) {
    if let Some(it) = map.insert(1, new) {",
        "cache: &moka::sync::Cache<u64, Arc<Service>>) {
    if let Some(it) = cache.get(&1) {",
    ];
    for map in maps {
        locks("", &format!("pub fn run({map}"), "} }");
    }
    let head = "pub fn run(map: &dashmap::DashMap<u64, Arc<Service>>) {
    for entry in map {
        let it = entry.value();";
    locks("", head, "} }");
    let head = "static GUARDED: (u64, std::panic::AssertUnwindSafe<Arc<Service>>) = todo!();
pub fn run() {
    let it = GUARDED.1.0.clone();";
    locks("", head, "}");
}

#[test]
fn an_object_of_glib_has_its_implementation_inside() {
    let object = "
mod imp { pub use super::Service as Pad; }

glib::wrapper! {
    pub struct Pad(ObjectSubclass<imp::Pad>) @extends gst::Pad, gst::Object;
}
";
    let heads = [
        "impl Pad { pub fn run(&self) { let it = self.imp();",
        "impl Service { pub fn run(&self, pad: &gst::Pad) {
    let it = pad.downcast_ref::<Pad>().unwrap().imp();",
        "impl Service { pub fn run(&self, pad: glib::WeakRef<Pad>) {
    let Some(pad) = pad.upgrade() else { return };
    let it = pad.imp();",
    ];
    for head in heads {
        locks(object, head, "} }");
    }
}

#[test]
fn what_is_put_in_later_tells_of_what_a_collection_is() {
    let heads = [
        "pub fn run(new: Arc<Service>) {
    let mut all = Vec::new();
    all.push(new);
    for it in &all {",
        "pub fn run(new: Arc<Service>) {
    let mut all = std::collections::HashMap::new();
    all.insert(1, new);
    for (_, it) in all {",
        "pub fn run(new: Vec<Arc<Service>>) {
    let mut all = Vec::new();
    all.extend(new);
    for it in all.iter() {",
    ];
    for head in heads {
        locks("", head, "} }");
    }
    let fill = "fn fill(all: &mut Vec<Arc<Service>>) { all.push(made()); }";
    let head = "pub fn run() {
    let mut all = Vec::new();
    fill(&mut all);
    for it in all {";
    locks(fill, head, "} }");
}

#[test]
fn what_else_lies_in_a_tuple_with_a_lock_is_no_lock() {
    let text = |between: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering}};
use std::sync::{{Condvar, Mutex}};

static COUNTED: (AtomicU64, Mutex<u64>) = (AtomicU64::new(0), Mutex::new(0));

pub struct Bell {{ rung: (Mutex<bool>, Condvar) }}

impl Bell {{
    pub fn ring(&self) {{
        *self.rung.0.lock().unwrap() = true;
        self.rung.1.notify_all();
    }}
}}

pub fn count(bell: &Bell) -> u64 {{
    if COUNTED.0.load(Ordering::SeqCst) > 0 {{ return 0; }}
    let first = COUNTED.1.lock().unwrap();
    {between}
    bell.ring();
    *COUNTED.1.lock().unwrap()
}}
"
        )
    };
    assert_eq!(names_in(&text("")), ["double-lock"]);
    assert!(names_in(&text("drop(first);")).is_empty());
}

#[test]
fn map_of_something_unknown_gives_what_its_closure_gives() {
    let heads = [
        "pub fn run(pad: &gst::Pad) {
    let it = pad.parent().map(|it| it.downcast::<Service>().unwrap()).ok_or(1).unwrap();",
        "pub fn run(pad: &gst::Pad) {
    let it = match pad.parent().map(|it| it.downcast::<Service>().unwrap()) {
        Some(it) => it,
        None => return,
    };",
    ];
    for head in heads {
        locks("", head, "}");
    }
}

#[test]
fn a_getter_that_says_of_what_type_its_object_is_gives_the_same_one_each_time() {
    let text = |between: &str| {
        format!(
            "{SERVICE}
pub struct Process {{ own: Box<dyn std::any::Any + Send + Sync> }}

impl Process {{
    pub fn service(&self) -> &Service {{ self.own.downcast_ref::<Service>().unwrap() }}
}}

pub fn run(process: &Arc<Process>) -> u64 {{
    let first = process.service().count.lock().unwrap();
    {between}
    *process.service().count.lock().unwrap()
}}
"
        )
    };
    assert_eq!(names_in(&text("")), ["double-lock"]);
    assert!(names_in(&text("drop(first);")).is_empty());
}

#[test]
fn the_host_of_web_assembly_keeps_data_of_its_own() {
    for host in [
        "wasmtime::Caller<'_, Service>",
        "wasmer::FunctionEnvMut<Service>",
    ] {
        let head = format!("pub fn run(host: {host}) {{ let it = host.data();");
        locks("", &head, "}");
    }
}

#[test]
fn a_macro_that_is_given_a_struct_may_put_the_lock_in() {
    let guarded = "
pub struct Ring { at: u64 }

macro_rules! end_point {
    ($vis:vis struct $name:ident { count: $inner:ty }) => {
        $vis struct $name { count: Mutex<$inner>, other: u64 }
    };
}

end_point! { pub struct Sender { count: Ring } }
";
    locks(guarded, "impl Sender { pub fn send(it: &Self) {", "} }");
}

#[test]
fn what_a_macro_binds_for_a_closure_is_the_object_it_names() {
    let old = [
        "clone!(@weak self as it => move |event|",
        "glib::clone!(@strong self as it => @default-return false, move |event|",
        "glib::clone!(@weak-allow-none self as shell => move |event| { let it = shell.unwrap();",
        "glib::clone!(@weak self as it, @strong name => async move",
    ];
    let new = [
        "clone!(#[weak(rename_to = it)] self, move |event|",
        "glib::clone!(#[strong] name, #[weak(rename_to = it)] self, #[upgrade_or] false, move |event|",
        "glib::clone!(#[weak(rename_to = it)] self, #[upgrade_or_default] move |event|",
        "glib::closure_local!(#[watch(rename_to = it)] self, move |event|",
    ];
    for call in old.into_iter().chain(new) {
        let block = if call.contains('{') { "" } else { "{" };
        let head = format!(
            "impl Service {{ pub fn watch(&self, button: &gtk::Button, name: String) {{
    button.connect_clicked({call} {block}"
        );
        locks("", &head, "})); } }");
    }
}

#[test]
fn a_closure_that_is_run_between_two_steps_of_a_sequence_lock_may_store() {
    let text = |with: &str| {
        format!(
            "
use std::sync::atomic::{{AtomicU64, Ordering}};
use std::thread;

pub struct Header {{ sequence: AtomicU64, epoch: AtomicU64 }}

static HEADER: Header = Header {{ sequence: AtomicU64::new(0), epoch: AtomicU64::new(0) }};

fn with_write(change: impl FnOnce(&Header) -> u64) -> u64 {{
    {with}
}}

fn next_epoch() -> u64 {{
    with_write(|header| {{
        let before = header.epoch.load(Ordering::Acquire);
        header.epoch.store(before + 1, Ordering::Release);
        before
    }})
}}

fn main() {{
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(|| next_epoch())).collect();
    for thread in threads {{ thread.join().unwrap(); }}
}}
"
        )
    };
    let sequence = "loop {
        let at = HEADER.sequence.load(Ordering::Acquire);
        let taken = HEADER.sequence.compare_exchange(at, at + 1, Ordering::AcqRel, Ordering::Acquire);
        if at & 1 == 0 && taken.is_ok() {
            let result = change(&HEADER);
            HEADER.sequence.store(at + 2, Ordering::Release);
            return result;
        }
        std::hint::spin_loop();
    }";
    assert!(names_in(&text(sequence)).is_empty());
    assert_eq!(names_in(&text("change(&HEADER)")), ["non-atomic-update"]);
}
