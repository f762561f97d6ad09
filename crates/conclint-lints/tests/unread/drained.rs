//! Loops that end where there is nothing left, and threads that never do.

use super::names_in;

#[test]
fn while_it_is_not_empty_there_is_something_to_take() {
    let found = |asked: &str| {
        names_in(&format!(
            "
use std::sync::mpsc::Receiver;
pub struct Listener {{ incoming: Receiver<u32>, other: Vec<u32>, last: u32 }}
impl Listener {{
    pub fn last(&mut self) -> u32 {{
        while !self.{asked}.is_empty() {{
            if let Ok(last) = self.incoming.try_recv() {{ self.last = last }}
        }}
        self.last
    }}
}}
"
        ))
    };
    assert_eq!(found("incoming"), [""; 0]);
    assert_eq!(found("other"), ["busy-wait"]);
}

#[test]
fn a_thread_that_only_a_panic_ends_has_no_end_to_wait_for() {
    let found = |otherwise: &str| {
        let text = format!(
            r#"
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::thread::{{self, JoinHandle}};
pub struct Driver {{ enumerator: Mutex<Option<JoinHandle<()>>> }}
impl Drop for Driver {{ fn drop(&mut self) {{ println!("ends"); }} }}
struct Enumerator {{ requests: Receiver<u32> }}
impl Enumerator {{
    fn run(&mut self) {{
        loop {{
            let request = match self.requests.recv() {{
                Ok(request) => request,
                Err(error) => {otherwise},
            }};
            println!("{{request}}");
        }}
    }}
}}
fn start(driver: &Driver, requests: Receiver<u32>) {{
    *driver.enumerator.lock().unwrap() = Some(thread::spawn(move || {{
        Enumerator {{ requests }}.run();
    }}));
}}
fn main() {{}}
"#
        );
        names_in(&text)
    };
    assert_eq!(found(r#"panic!("no more requests: {error}")"#), [""; 0]);
    assert_eq!(
        found(r#"{ eprintln!("{error}"); return; }"#),
        ["unjoined-thread"]
    );
}
