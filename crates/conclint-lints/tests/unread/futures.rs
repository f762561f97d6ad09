//! What is awaited, and whether it ever makes the task sleep.

use super::names_in;

#[test]
fn an_async_fn_without_an_await_never_sleeps() {
    let waiting = |body: &str, wait: &str| {
        names_in(&format!(
            "
use std::collections::HashMap;
use std::sync::RwLock;

pub struct Brokers {{ table: RwLock<HashMap<u32, u32>>, versions: RwLock<HashMap<u32, u32>> }}

impl Brokers {{
    pub fn add(&self, id: u32) {{ self.table.write().unwrap().insert(id, id); }}
    async fn version(&self, id: u32) -> u32 {{ {body} }}
    pub async fn find(&self, id: u32) -> u32 {{
        let table = self.table.read().unwrap();
        {wait}
        table.len() as u32 + version
    }}
}}
"
        ))
    };
    let found = |body: &str| waiting(body, "let version = self.version(id).await;");
    let nothing: [&str; 0] = [];
    assert_eq!(
        found("*self.versions.read().unwrap().get(&id).unwrap()"),
        nothing
    );
    // A body that does nothing stands in for one that does.
    assert_eq!(found("id + 1"), ["guard-across-await"]);
    assert_eq!(
        found("tokio::task::yield_now().await; id"),
        ["guard-across-await"]
    );
    assert_eq!(found("fetch(id).await"), ["guard-across-await"]);
    // What was called before is not what is awaited.
    let later =
        "let later = self.version(id); tokio::time::sleep(SOON).await; let version = later.await;";
    assert_eq!(
        waiting("*self.versions.read().unwrap().get(&id).unwrap()", later),
        ["guard-across-await"]
    );
}
