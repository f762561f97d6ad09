//! What becomes of a guard on its way out of the `Result` that `lock` gives.

use super::{findings, names_in};
use conclint_diag::Confidence;

/// A pool whose version is taken by `how`, and a second time before it is changed.
fn pool(how: &str) -> String {
    format!(
        "
use std::sync::{{Mutex, PoisonError}};

pub enum Error {{ Poisoned(String) }}

pub struct Pool {{ version: Mutex<u32> }}

impl Pool {{
    pub fn renew(&self) -> Result<(), Error> {{
        let mut version = self.version.lock(){how};
        *version = self.next();
        Ok(())
    }}

    fn next(&self) -> u32 {{ *self.version.lock().unwrap() + 1 }}
}}
"
    )
}

#[test]
fn who_makes_an_error_of_the_poison_has_the_guard_otherwise() {
    for how in [
        ".map_err(|_| Error::Poisoned(String::new()))?",
        ".map_err(|e| Error::Poisoned(e.to_string()))?",
        ".map_err(|e: PoisonError<_>| Error::Poisoned(e.to_string()))?",
        ".map_err(|e| { log::error!(\"{e}\"); Error::Poisoned(e.to_string()) })?",
        ".map_err(|e| anyhow!(e.to_string()).context(\"version\"))?",
        ".map_err(|e| e.to_string()).unwrap()",
        ".or_else(|e| Err(Error::Poisoned(e.to_string())))?",
        ".inspect_err(|e| log::error!(\"{e}\")).unwrap()",
        ".unwrap_or_else(|e| panic!(\"{e}\"))",
        ".unwrap_or_else(|e| { log::error!(\"{e}\"); std::process::exit(1) })",
        ".unwrap_or_else(|e| e.into_inner())",
        ".unwrap_or_else(PoisonError::into_inner)",
        ".into_diagnostic()?",
        ".wrap_err(\"version\")?",
        ".wrap_err_with(|| format!(\"version\"))?",
        ".change_context(Error::Poisoned(String::new()))?",
        ".unwrap_or_log()",
        ".expect_or_log(\"version\")",
    ] {
        let found = findings(&[("src/lib.rs", &pool(how))]);
        let [finding] = &found[..] else {
            panic!("{how}: {found:#?}");
        };
        assert_eq!(finding.rule, "double-lock", "{how}");
        assert_eq!(finding.confidence, Confidence::High, "{how}");
    }
}

#[test]
fn who_takes_something_else_out_of_it_has_no_guard() {
    for how in [
        ".map(|version| *version).map_err(|e| Error::Poisoned(e.to_string()))?",
        ".map_or(0, |version| *version)",
        ".map_err(|e| e.to_string()).map(|version| *version).unwrap()",
        ".map_err(|e| e.to_string()).is_ok()",
    ] {
        assert_eq!(
            names_in(&pool(how).replace("*version = self", "let _ = version + self")),
            [""; 0],
            "{how}"
        );
    }
}

#[test]
fn what_waits_in_the_error_of_a_try_does_not_hold_the_lock() {
    let text = pool("").replace(
        "self.version.lock();",
        "self.version.try_lock().unwrap_or_else(|e| { log::warn!(\"{e}\"); self.version.lock().unwrap() });",
    );
    let text = text.replace("*version = self.next();", "*version += 1;");
    assert_eq!(names_in(&text), [""; 0]);
}
