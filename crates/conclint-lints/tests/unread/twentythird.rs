//! What a twenty-third group of programs that nobody here wrote showed.

use conclint_facts::Analysis;
use conclint_lints::{Level, Settings};
use conclint_rust::{Input, ManifestInput, SourceInput};

use super::{names, names_in};

/// A program with two threads, the lock `SIZE` and a second one.
fn program(body: &str) -> Vec<&'static str> {
    names(&[(
        "src/main.rs",
        &format!(
            "
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{{Arc, Mutex, RwLock}};
use std::thread;

static SIZE: RwLock<u32> = RwLock::new(1);

fn area() -> u32 {{
    let width = SIZE.read().unwrap();
    let height = SIZE.read().unwrap();
    *width * *height
}}

fn resize(size: u32) {{
    *SIZE.write().unwrap() = size;
}}

{body}
"
        ),
    )])
}

#[test]
fn a_closure_that_holds_an_rc_stays_on_its_thread() {
    let found = |state: &str| {
        program(&format!(
            "
fn main() {{
    thread::spawn(|| println!(\"{{}}\", area()));
    let state = {state};
    winit::event_loop::EventLoop::new().unwrap().run(move |event, target| {{
        println!(\"{{:?}} {{}}\", state, area());
        resize(event.size);
    }});
}}
"
        ))
    };
    // The thread reads, and only the loop writes: not between its own reads.
    assert_eq!(found("Rc::new(RefCell::new(0))"), ["double-lock"]);
    let alone = |state: &str| {
        program(&format!(
            "
fn main() {{
    thread::spawn(|| println!(\"no size\"));
    let state = {state};
    winit::event_loop::EventLoop::new().unwrap().run(move |event, target| {{
        println!(\"{{:?}} {{}}\", state, area());
        resize(event.size);
    }});
}}
"
        ))
    };
    assert_eq!(alone("Rc::new(RefCell::new(0))"), [""; 0]);
    assert_eq!(alone("Arc::new(Mutex::new(0))"), ["double-lock"]);
}

#[test]
fn the_thread_of_an_interface_is_one() {
    let found = |window: &str| {
        program(&format!(
            "
struct View;

impl gpui::Render for View {{
    fn render(&mut self, window: &mut {window}) {{
        println!(\"{{}}\", area());
        window.button(|window| resize(2));
    }}
}}

fn main() {{
    let other = thread::spawn(|| println!(\"no size\"));
    gpui::run(View);
    other.join().unwrap();
}}
"
        ))
    };
    assert_eq!(found("gpui::Window"), [""; 0]);
    assert_eq!(found("other::Window"), ["double-lock"]);
}

#[test]
fn who_only_tries_does_not_queue() {
    let found = |write: &str| {
        names_in(&format!(
            "
use parking_lot::RwLock;

pub struct Sizes {{ size: RwLock<u32> }}

impl Sizes {{
    pub fn area(&self) -> u32 {{
        let width = self.size.read();
        let height = self.size.read();
        *width * *height
    }}

    pub fn resize(&self, size: u32) {{
        {write}
    }}
}}
"
        ))
    };
    assert_eq!(
        found("if let Some(mut old) = self.size.try_write() { *old = size; }"),
        [""; 0]
    );
    assert_eq!(found("*self.size.write() = size;"), ["double-lock"]);
}

#[test]
fn a_loop_that_empties_a_channel() {
    let found = |cond: &str| {
        names_in(&format!(
            "
use std::sync::mpsc::{{Receiver, TryRecvError}};

pub fn rest(rx: &Receiver<u32>) {{
    while {cond} {{}}
}}
"
        ))
    };
    for empties in [
        "matches!(rx.try_recv(), Ok(_))",
        "!rx.try_recv().is_err()",
        "!matches!(rx.try_recv(), Err(_))",
        "!matches!(rx.try_recv(), Err(TryRecvError::Empty | TryRecvError::Disconnected))",
    ] {
        assert_eq!(found(empties), [""; 0], "{empties}");
    }
    for waits in [
        "!matches!(rx.try_recv(), Ok(_))",
        "rx.try_recv().is_err()",
        "matches!(rx.try_recv(), Err(TryRecvError::Empty))",
        "!matches!(rx.try_recv(), Err(TryRecvError::Disconnected))",
    ] {
        assert_eq!(found(waits), ["busy-wait"], "{waits}");
    }
}

#[test]
fn a_library_of_an_interface_is_for_its_program() {
    let found = |window: &str| {
        let lib = format!(
            "
use gpui::*;
use std::sync::RwLock;

static SIZE: RwLock<u32> = RwLock::new(1);

pub fn area() -> u32 {{
    let width = SIZE.read().unwrap();
    let height = SIZE.read().unwrap();
    *width * *height
}}

pub fn resize(size: u32) {{
    *SIZE.write().unwrap() = size;
}}

pub struct View;

impl Render for View {{
    fn render(&mut self, window: &mut {window}) {{
        println!(\"{{}}\", area());
        window.spawn_in(async move |this, cx| resize(2));
    }}
}}
"
        );
        let main = "fn main() { std::thread::spawn(|| println!(\"tick\")).join().unwrap(); gpui::run(views::View); }";
        let source = |path: &str, text: &str| SourceInput {
            path: path.into(),
            text: text.into(),
        };
        let input = Input {
            sources: vec![source("src/lib.rs", &lib), source("src/main.rs", main)],
            manifests: vec![ManifestInput {
                dir: String::new(),
                text: "[package]\nname = \"views\"\nedition = \"2024\"\n".into(),
            }],
            ..Input::default()
        };
        let analysis = Analysis::of(conclint_rust::read(input).0);
        let found = conclint_lints::run(&analysis, &Settings::at_level(Level::Default));
        found.into_iter().map(|f| f.rule).collect::<Vec<_>>()
    };
    assert_eq!(found("Window"), [""; 0]);
    assert_eq!(found("Screen"), ["double-lock"]);
}
