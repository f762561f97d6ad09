//! What the initialisers of statics run was not read at all. Each once with
//! both guards alive, and once with the first gone.

use super::names_in;

const COUNT: &str = "
use std::sync::{LazyLock, Mutex, OnceLock};
use std::cell::Cell;

static COUNT: Mutex<u64> = Mutex::new(0);
fn table(count: u64) -> Vec<u64> { vec![count] }
";

#[test]
fn initialisers_of_statics_run() {
    let around = [
        (
            "static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| {",
            "});",
        ),
        (
            "pub static TABLE: once_cell::sync::Lazy<Vec<u64>> = once_cell::sync::Lazy::new(|| {",
            "});",
        ),
        (
            "lazy_static::lazy_static! { static ref TABLE: Vec<u64> = {",
            "}; }",
        ),
        ("thread_local! { static TABLE: Vec<u64> = {", "}; }"),
        (
            "fn outer() { static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| {",
            "}); }",
        ),
        (
            "mod inner { use super::*; static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| {",
            "}); }",
        ),
    ];
    for (head, tail) in around {
        let text = |between: &str| {
            format!(
                "{COUNT}
{head}
    let first = COUNT.lock().unwrap();
    {between}
    let second = COUNT.lock().unwrap();
    table(*second)
{tail}"
            )
        };
        assert_eq!(names_in(&text("")), ["double-lock"], "{head}");
        assert!(names_in(&text("drop(first);")).is_empty(), "{head}");
    }
}
