//! Objects that are made where they are used.

use super::names_in;

#[test]
fn an_object_made_here_is_not_the_one_it_is_given() {
    let found = |lock: &str, new: &str, child: &str| {
        names_in(&format!(
            "
use std::sync::{{Arc, Mutex}};

pub struct Data {{ children: Vec<Arc<Node>>, size: u64 }}
pub struct Node(pub {lock});

impl Node {{
    fn new(size: u64) -> Result<Arc<Self>, String> {{
        {new}
    }}
    fn empty() -> Self {{ Self(Default::default()) }}
    fn parent() -> Arc<Node> {{ extern_parent() }}
    pub fn attach(&self, size: u64, other: Arc<Node>) -> Result<(), String> {{
        let mut data = self.0.lock().unwrap();
        {child}
        child.0.lock().unwrap().size = size;
        data.children.push(child);
        Ok(())
    }}
}}
"
        ))
    };
    let inline = "Mutex<Data>";
    let new = "let node = Arc::new(Node(Mutex::new(Data { children: Vec::new(), size: 0 })));
        if size > 3 { return Err(String::new()); }
        node.0.lock().unwrap().size = size;
        return Ok(node);";
    for child in [
        "let child = Arc::new(Node(Mutex::new(Data { children: Vec::new(), size })));",
        "let child: Arc<Node> = Arc::new(Node::empty());",
        "let child = Node::new(size)?;",
        "let child = Node::new(size).unwrap();",
    ] {
        assert!(found(inline, new, child).is_empty(), "{child}");
    }
    for child in [
        "let child = other;",
        "let child = Node::parent();",
        "let mut child = Arc::new(Node::empty()); if size > 2 { child = other; }",
    ] {
        assert_eq!(found(inline, new, child), ["double-lock"], "{child}");
    }
    let child = "let child = Node::new(size)?;";
    for old in [
        "if size > 3 { return Ok(Node::parent()); } Ok(Arc::new(Node::empty()))",
        "match size { 0 => Ok(Node::parent()), _ => Ok(Arc::new(Node::empty())) }",
        "let node = Node::parent(); Ok(node)",
        "let node = node?; Ok(node)",
    ] {
        assert_eq!(found(inline, old, child), ["double-lock"], "{old}");
    }
    // What is made new may share what lies behind a pointer.
    let shared = "let child = Arc::new(Node(self.0.clone()));";
    let other = "Err(String::new())";
    assert!(!found("Arc<Mutex<Data>>", other, shared).is_empty());
}
