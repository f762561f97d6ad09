//! Bugs that were written down before the tool saw them, and that it missed.

use super::names_in;

#[test]
fn the_locks_of_an_enclave_are_locks() {
    let found = |uses: &str, then: &str| {
        names_in(&format!(
            "
{uses}

pub struct State {{ height: u64 }}

lazy_static! {{
    static ref STATE: SgxMutex<State> = SgxMutex::new(State {{ height: 0 }});
}}

fn height() -> u64 {{
    let state = STATE.lock().unwrap();
    state.height
}}

pub fn dispatch(block: u64) {{
    let mut state: SgxMutexGuard<State> = STATE.lock().unwrap();
    state.height = block;
    {then}
    println!(\"{{}}\", height());
}}
"
        ))
    };
    for uses in [
        "use std::sync::{SgxMutex, SgxMutexGuard};",
        "extern crate sgx_tstd as std;\nuse std::sync::*;",
        "use sgx_tstd::sync::{SgxMutex, SgxMutexGuard};",
    ] {
        assert_eq!(found(uses, ""), ["double-lock"], "{uses}");
        assert!(found(uses, "drop(state);").is_empty(), "{uses}");
    }
}
