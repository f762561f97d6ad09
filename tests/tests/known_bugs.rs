//! Bugs of published crates, found from outside: `fixtures/explore/known-bug`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use conclint_tests::{repository, run};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(600);

/// Explores the client with this version of crossbeam-channel, within the default budget.
fn explored(version: &str, dir: &Path) -> Value {
    let fixture = repository().join("fixtures/explore/known-bug");
    let manifest = fs::read_to_string(fixture.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("\"=0.5.14\"", &format!("\"={version}\""));
    assert!(manifest.contains(version), "{manifest}");
    if version == "0.5.14" {
        // It is yanked: only a lock file still brings it.
        fs::create_dir_all(dir).unwrap();
        fs::copy(fixture.join("Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    }
    fs::create_dir_all(dir.join("src")).unwrap();
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    fs::copy(fixture.join("src/lib.rs"), dir.join("src/lib.rs")).unwrap();
    let arguments = ["explore", "--format", "json", "--time", "60s"];
    let run = run(dir, &arguments, LIMIT);
    let value = run.json();
    value["targets"][0].clone()
}

/// RUSTSEC-2025-0024. The crate is as the registry has it; only the client is ours.
#[test]
fn crossbeam_channel_frees_a_block_twice() {
    let dir = tempfile::tempdir().unwrap();
    let broken = explored("0.5.14", &dir.path().join("broken"));
    let failure = &broken["failure"];
    let how = failure["kind"].as_str().unwrap_or_default();
    assert!(
        matches!(broken["verdict"].as_str(), Some("crashed" | "failed")),
        "{broken}"
    );
    assert!(matches!(how, "abort" | "signal" | "panic"), "{broken}");
    assert!(broken["executions"].as_u64().unwrap() < 10_000, "{broken}");
    assert!(failure["preemptions"].as_u64().unwrap() <= 2, "{broken}");

    let mended = explored("0.5.15", &dir.path().join("mended"));
    assert_eq!(mended["verdict"], "passed", "{mended}");
    assert!(mended["executions"].as_u64() >= broken["executions"].as_u64());
}
