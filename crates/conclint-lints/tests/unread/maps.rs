//! Maps with locks inside, and the iterators that keep them.

use super::names_in;

#[test]
fn who_collects_an_iterator_ends_it() {
    let found = |head: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;

pub struct Pieces {{ collected: DashMap<u32, Vec<u32>> }}

impl Pieces {{
    pub fn sweep(&self) -> usize {{
        let mut swept = 0;
        for number in {head} {{
            if let Some((_, piece)) = self.collected.remove(&number) {{
                swept += piece.len();
            }}
        }}
        swept
    }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    let all = "self.collected.iter()";
    for rest in [
        ".filter(|e| !e.value().is_empty()).map(|e| *e.key()).collect::<Vec<u32>>()",
        ".filter_map(|e| e.value().first().copied()).collect::<Vec<u32>>()",
        ".map(|e| *e.key()).max()",
    ] {
        assert_eq!(found(&format!("{all}{rest}")), nothing, "{rest}");
    }
    for rest in [
        ".map(|e| *e.key())",
        ".filter(|e| e.value().is_empty()).map(|e| *e.key())",
    ] {
        assert_eq!(found(&format!("{all}{rest}")), ["double-lock"], "{rest}");
    }
}

#[test]
fn one_field_after_the_other() {
    let found = |rest: &str| {
        names_in(&format!(
            "
use dashmap::DashMap;
use parking_lot::RwLock;
use std::collections::HashMap;

pub struct Wrapper {{ table: HashMap<u32, u32>, version: u64 }}
pub struct Groups {{ table: DashMap<u32, u32>, version: RwLock<u64> }}

impl Groups {{
    pub fn encode(&self) -> Wrapper {{
        Wrapper {{
            table: self.table.iter(){rest}.collect(),
            version: *self.version.read(),
        }}
    }}
    pub fn update(&self, key: u32) {{
        let mut version = self.version.write();
        self.table.insert(key, 1);
        *version += 1;
    }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(found(".map(|e| (*e.key(), *e.value()))"), nothing);
    assert_eq!(found(""), ["lock-order-inversion"]);
}
