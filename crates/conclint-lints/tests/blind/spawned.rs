//! Locks that are handed to a task.

use super::findings;

/// How many inversions of two locks there are in `code`.
fn inversions(code: &str) -> usize {
    let dependencies = "tokio = \"1\"\n";
    findings("lock-order-inversion", dependencies, code).len()
}

/// Two functions that take two locks in opposite orders.
const FUNCTIONS: &str = "
use std::sync::{Arc, Mutex};
async fn front(known: Arc<Mutex<u32>>, paths: Arc<Mutex<u32>>) {
    let known = known.lock().unwrap();
    *paths.lock().unwrap() += *known;
}
fn back(known: Arc<Mutex<u32>>, paths: Arc<Mutex<u32>>) {
    let paths = paths.lock().unwrap();
    *known.lock().unwrap() += *paths;
}
";

#[test]
fn a_task_that_is_one_call_takes_what_the_call_is_handed() {
    let one_pair = format!(
        "{FUNCTIONS}
pub fn start() {{
    let known = Arc::new(Mutex::new(0));
    let paths = Arc::new(Mutex::new(0));
    tokio::spawn(front(known.clone(), paths.clone()));
    back(known, paths);
}}"
    );
    assert_eq!(inversions(&one_pair), 1);
    let two_pairs = format!(
        "{FUNCTIONS}
pub fn start() {{
    let (known, paths) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (other_known, other_paths) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    tokio::spawn(front(known.clone(), paths.clone()));
    back(other_known, other_paths);
}}"
    );
    assert_eq!(inversions(&two_pairs), 0);
    let in_turn = format!(
        "{FUNCTIONS}
pub fn start() {{
    let known = Arc::new(Mutex::new(0));
    let paths = Arc::new(Mutex::new(0));
    tokio::spawn(front(known.clone(), paths.clone()));
    tokio::spawn(front(known, paths));
}}"
    );
    assert_eq!(inversions(&in_turn), 0);
}
