//! Work for a thread pool under a lock, and small work that a called function
//! does in loops.

use super::names_in;

#[test]
fn work_for_a_pool_hangs_where_it_wants_the_lock_itself() {
    let found = |job: &str| {
        names_in(&format!(
            "
use rayon::prelude::*;
use std::sync::Mutex;

pub struct Store {{ index: Mutex<Vec<u64>>, names: Mutex<Vec<String>> }}

impl Store {{
    pub fn rebuild(&self, raw: &[u64]) {{
        let mut index = self.index.lock().unwrap();
        let fresh: Vec<u64> = raw.par_iter().map(|x| {{ {job} }}).collect();
        *index = fresh;
    }}

    pub fn size(&self) -> u64 {{ self.index.lock().unwrap().len() as u64 }}

    pub fn report(&self, wanted: &[u64]) -> u64 {{
        wanted.par_iter().map(|at| self.size() + at).sum()
    }}
}}
"
        ))
    };
    assert_eq!(found("x * 2"), [""; 0]);
    assert_eq!(
        found("self.names.lock().unwrap().len() as u64 + x"),
        [""; 0]
    );
    assert_eq!(found("self.size() + x"), ["double-lock"]);
    assert_eq!(
        found("self.index.lock().unwrap().len() as u64 + x"),
        ["double-lock"]
    );
}

#[test]
fn loops_of_a_called_function_weigh_when_something_in_them_does() {
    let found = |body: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

pub struct Node {{ pub id: u64, pub parts: Vec<u64> }}
pub struct Pantry {{ volumes: Mutex<Vec<(u64, u64)>> }}

fn fresh(nodes: &[Node]) -> u64 {{
    let mut next = 0;
    for node in nodes {{
        for part in &node.parts {{
            {body}
        }}
    }}
    next
}}

impl Pantry {{
    pub fn attach(&self, id: u64, nodes: &[Node]) {{
        let mut volumes = self.volumes.lock().unwrap();
        let next = fresh(nodes);
        volumes.push((id, next));
    }}
    pub fn detach(&self, id: u64) {{
        self.volumes.lock().unwrap().retain(|(known, _)| *known != id);
    }}
}}
"
        ))
    };
    let light: [&str; 0] = [];
    assert_eq!(found("next = next.max(*part + node.id);"), light);
    assert_eq!(
        found("let mut all = node.parts.clone(); all.sort(); next += all.len() as u64 + part;"),
        ["oversized-critical-section"]
    );
}

#[test]
fn small_work_beside_a_file_that_is_read_is_no_matter() {
    let found = |read: &str| {
        names_in(&format!(
            "
use std::fs::File;
use std::io::Read;
use std::sync::Mutex;

pub struct Slots {{ file: Mutex<File>, count: usize }}

fn decode(record: &[u8]) -> String {{ record.iter().map(|b| b.to_string()).collect() }}

impl Slots {{
    pub fn batch(&self, path: &str) -> Vec<String> {{
        let mut file = self.file.lock().unwrap();
        let mut bytes = vec![0u8; 64];
        {read}
        let mut all = Vec::new();
        for record in path.as_bytes().chunks(8) {{ all.push(decode(record)); }}
        all.sort();
        all
    }}
    pub fn replace(&self, file: File) {{ *self.file.lock().unwrap() = file; }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(found("file.read_exact(&mut bytes).unwrap();"), nothing);
    assert_eq!(
        found("file.set_permissions(permissions()); drop(bytes);"),
        ["oversized-critical-section"]
    );
}

#[test]
fn what_a_call_fills_depends_on_what_it_is_given() {
    let found = |filter: &str| {
        names_in(&format!(
            "
use std::sync::Mutex;

pub struct Manifest {{ pub runs: Vec<u64> }}
pub struct Timeline {{ manifest: Mutex<Manifest> }}

fn hash(records: &[u64]) -> u64 {{
    let mut sum = 0;
    for round in 0..1000u64 {{ for r in records {{ sum ^= r * round; }} }}
    sum
}}

impl Timeline {{
    fn remove_known(&self, manifest: &Manifest, grouped: &mut Vec<Vec<u64>>) {{
        for group in grouped.iter_mut() {{ group.retain(|r| !manifest.runs.contains(r)); }}
    }}
    pub fn append(&self, mut grouped: Vec<Vec<u64>>) {{
        let mut manifest = self.manifest.lock().unwrap();
        {filter}
        for group in grouped {{
            let run = hash(&group);
            manifest.runs.push(run);
        }}
    }}
    pub fn size(&self) -> usize {{ self.manifest.lock().unwrap().runs.len() }}
}}
"
        ))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(
        found("self.remove_known(&manifest, &mut grouped);"),
        nothing
    );
    assert_eq!(
        found("manifest.runs.clear();"),
        ["oversized-critical-section"]
    );
}
