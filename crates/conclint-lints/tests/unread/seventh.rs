//! Code that no build has, crates without threads, objects that only one
//! thread ever wants.

use super::{names, names_in};

/// A spin on a flag, in a function with these attributes.
fn spins(attributes: &str) -> String {
    format!(
        "
use core::sync::atomic::{{AtomicBool, Ordering}};

static DONE: AtomicBool = AtomicBool::new(false);

{attributes}
pub fn flush() {{
    while !DONE.load(Ordering::Acquire) {{}}
}}

pub fn on_interrupt() {{ DONE.store(true, Ordering::Release); }}
"
    )
}

#[test]
fn without_a_standard_library_nobody_can_be_parked() {
    let found = |head: &str, attributes: &str| names_in(&format!("{head}{}", spins(attributes)));
    for head in [
        "#![no_std]",
        "#![cfg_attr(not(test), no_std)]",
        "#![cfg_attr(not(feature = \"std\"), no_std)]",
        "#![no_std]\n#[cfg(feature = \"std\")] extern crate std;",
        "#![cfg_attr(target_os = \"none\", no_std)]",
    ] {
        assert!(found(head, "").is_empty(), "{head}");
    }
    for (head, attributes) in [
        ("", ""),
        ("#![no_std]\nextern crate std;", ""),
        (
            "#![cfg_attr(not(feature = \"std\"), no_std)]",
            "#[cfg(feature = \"std\")]",
        ),
        (
            "#![no_std]\n#[cfg(feature = \"std\")] extern crate std;",
            "#[cfg(feature = \"std\")]",
        ),
        // An operating system can be asked without a library.
        ("#![no_std]", "#[cfg(target_os = \"linux\")]"),
        ("#![cfg_attr(any(unix, windows), no_std)]", ""),
    ] {
        assert_eq!(found(head, attributes), ["busy-wait"], "{head}{attributes}");
    }
    // The attribute stands on the root, and is the crate's.
    let module = spins("");
    let files = |root: &'static str| [("src/lib.rs", root), ("src/uart.rs", module.as_str())];
    assert!(names(&files("#![no_std]\npub mod uart;")).is_empty());
    assert_eq!(names(&files("pub mod uart;")), ["busy-wait"]);
}

#[test]
fn what_no_build_has_is_not_judged() {
    let found = |root: &str, attributes: &str| {
        let module = spins(attributes);
        names(&[("src/lib.rs", root), ("src/errno.rs", &module)])
    };
    let macos = "#[cfg(target_os = \"macos\")] pub mod errno;";
    assert!(found(macos, "#[cfg(target_os = \"linux\")]").is_empty());
    assert!(found("pub mod errno;", "#[cfg(any())]").is_empty());
    assert_eq!(found(macos, "#[cfg(unix)]"), ["busy-wait"]);
    assert_eq!(found(macos, "#[cfg(feature = \"spin\")]"), ["busy-wait"]);
    // A file of two modules is there on either of their conditions.
    let both = "
#[cfg(target_os = \"macos\")] #[path = \"errno.rs\"] pub mod errno;
#[cfg(target_os = \"linux\")] #[path = \"errno.rs\"] pub mod linux;
";
    assert_eq!(found(both, "#[cfg(target_os = \"linux\")]"), ["busy-wait"]);
}

#[test]
fn a_round_because_messages_were_missed_is_no_wait() {
    let found = |lagged: &str, empty: &str, closed: &str| {
        names_in(&format!(
            "
use tokio::sync::broadcast::{{Receiver, error::TryRecvError}};

pub fn next(events: &mut Receiver<u64>) -> Result<u64, TryRecvError> {{
    loop {{
        match events.try_recv() {{
            Ok(event) => return Ok(event),
            Err(TryRecvError::Lagged(_)) => {lagged},
            Err(TryRecvError::Empty) => {empty},
            Err(TryRecvError::Closed) => {closed},
        }}
    }}
}}
"
        ))
    };
    let (gives_up, closed) = (
        "return Err(TryRecvError::Empty)",
        "return Err(TryRecvError::Closed)",
    );
    assert!(found("continue", gives_up, closed).is_empty());
    assert_eq!(found("continue", "continue", closed), ["busy-wait"]);
    assert_eq!(found(gives_up, "continue", closed), ["busy-wait"]);
    // Nothing will ever come.
    assert_eq!(found("continue", gives_up, "continue"), ["busy-wait"]);
}
