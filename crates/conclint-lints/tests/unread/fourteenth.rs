//! The fourteenth group of repositories: programs and services, no kernels.

use super::names_in;

#[test]
fn a_line_that_sorts_what_was_copied_out_is_not_worth_a_word() {
    let snapshot = |tail: &str| {
        format!(
            "
use std::collections::HashMap;
use std::sync::Mutex;

pub struct Nodes {{ all: Mutex<HashMap<String, u64>> }}

impl Nodes {{
    pub fn add(&self, name: String) {{
        self.all.lock().unwrap().insert(name, 0);
    }}

    pub fn names(&self) -> Vec<String> {{
        let all = self.all.lock().unwrap();
        let mut names: Vec<String> = all.keys().cloned().collect();
        {tail}
    }}
}}"
        )
    };
    assert!(names_in(&snapshot("names.sort();\n        names")).is_empty());
    assert!(names_in(&snapshot("names.sort_by(|a, b| b.cmp(a));\n        names")).is_empty());
    // Who makes a text of each does more than sort.
    let text = "names.sort();
        let mut lines = Vec::new();
        for name in &names {
            lines.push(format!(\"name: {name}\"));
        }
        lines";
    assert_eq!(names_in(&snapshot(text)), ["oversized-critical-section"]);
    let encoded = "serde_json::from_str(&serde_json::to_string(&names).unwrap()).unwrap()";
    assert_eq!(names_in(&snapshot(encoded)), ["oversized-critical-section"]);
}
