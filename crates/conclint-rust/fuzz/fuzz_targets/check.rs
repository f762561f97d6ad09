//! Any bytes as a source file: front end, analysis and lints must neither
//! panic nor hang, and must say the same thing twice.

#![no_main]

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use conclint_check::{Outcome, Settings, SourceInput, check_sources, workers};
use libfuzzer_sys::fuzz_target;
use rayon::ThreadPool;

// The command's own workers, with the stacks that deep nesting is given there.
static POOL: LazyLock<ThreadPool> =
    LazyLock::new(|| workers(Some(NonZeroUsize::MIN)).expect("a worker thread starts"));

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let first = check(&text);
    let second = check(&text);
    assert_eq!(first.findings, second.findings);
    assert_eq!(first.summary, second.summary);
});

fn check(text: &str) -> Outcome {
    let sources = vec![SourceInput {
        path: Arc::from("src/lib.rs"),
        text: Arc::from(text),
    }];
    POOL.install(|| check_sources(sources, Vec::new(), &Settings::default()))
}
