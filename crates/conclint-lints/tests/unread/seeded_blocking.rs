//! Waits under a guard.

use super::names_in;

#[test]
fn who_sleeps_in_an_enclave_sleeps() {
    let text = |how: &str| {
        format!(
            "
#![no_std]
extern crate sgx_tstd as std;
use std::sync::SgxMutex as Mutex;
use std::thread;
use std::time::Duration;

pub struct Table {{ entries: Mutex<Vec<u32>> }}

impl Table {{
    pub fn settle(&self) {{
        let mut entries = self.entries.lock().unwrap();
        {how}
        entries.clear();
    }}

    pub fn count(&self) -> usize {{ self.entries.lock().unwrap().len() }}
}}
"
        )
    };
    for how in [
        "std::thread::sleep(Duration::from_secs(7));",
        "thread::sleep(Duration::from_secs(7));",
    ] {
        assert_eq!(names_in(&text(how)), ["blocking-under-lock"], "{how}");
    }
    assert_eq!(names_in(&text("let _ = Duration::from_secs(7);")), [""; 0]);
}
