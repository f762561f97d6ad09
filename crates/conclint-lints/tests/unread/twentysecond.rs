//! What a twenty-second group of programs that nobody here wrote showed.

use super::names_in;

#[test]
fn what_was_put_into_an_entry_lies_in_the_map() {
    let found = |list: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::RwLock;

pub struct Routes {{ table: RwLock<HashMap<u32, Vec<u32>>> }}

impl Routes {{
    pub fn number(&self) -> usize {{
        self.table.read().unwrap().len()
    }}

    pub fn add(&self, id: u32, route: u32, known: &mut Vec<u32>) {{
        let mut table = self.table.write().unwrap();
        {list}
        list.retain(|one| one.count_ones() > 3);
        list.sort_by_key(|one| one.count_ones());
        for one in 0..1000 {{
            list.push(route.wrapping_mul(one));
        }}
        list.sort();
    }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    for entry in [
        "let list = table.entry(id).or_insert(Vec::new());",
        "let list = table.entry(id).or_insert_with(|| Vec::with_capacity(4));",
        "let list = table.entry(id).or_insert_with_key(|id| vec![*id]);",
    ] {
        assert_eq!(found(entry), nothing, "{entry}");
    }
    assert_eq!(
        found("table.entry(id).or_insert_with(|| Vec::with_capacity(4)); let list = known;"),
        ["oversized-critical-section"],
    );
}
