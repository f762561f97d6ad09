//! Maps of libraries with locks inside: their references are guards.

use conclint_diag::Confidence;

use super::findings;

/// The lines of the last steps of what `rule` finds in `code`, sure enough to
/// be shown.
fn lines(rule: &str, code: &str) -> Vec<u32> {
    let dependencies = "dashmap = \"6\"\nprometheus-client = \"0.22\"\n";
    let mut lines: Vec<u32> = findings(rule, dependencies, code)
        .iter()
        .filter(|finding| finding.confidence > Confidence::Low)
        .flat_map(|finding| &finding.paths)
        .filter_map(|path| Some(path.steps.last()?.span.line))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// The lines with `//~` in `code`, which is the body of an `impl` of a map.
fn check(body: &str) {
    let code = format!(
        "use dashmap::DashMap;
         use dashmap::mapref::entry::Entry;
         pub struct Peers {{ by_id: DashMap<u32, Vec<u8>> }}
         impl Peers {{ {body} }}"
    );
    let expected: Vec<u32> = (1..)
        .zip(code.lines())
        .filter(|(_, line)| line.contains("//~"))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(lines("double-lock", &code), expected, "{code}");
}

#[test]
fn a_reference_that_lives_is_a_guard() {
    check(
        "fn named(&self, id: u32) {
            let peer = self.by_id.get(&id).unwrap();
            self.by_id.remove(&id); //~
            drop(peer);
        }
        fn in_the_head(&self, id: u32) {
            if let Some(mut peer) = self.by_id.get_mut(&id) {
                peer.push(self.by_id.len() as u8); //~
            }
        }
        fn through_a_call(&self, id: u32) {
            match self.by_id.get(&id) {
                Some(peer) if peer.is_empty() => self.forget(id),
                _ => {}
            }
        }
        fn forget(&self, id: u32) {
            self.by_id.remove(&id); //~
        }
        fn of_a_block(&self, id: u32) {
            let peer = {
                if let Some(peer) = self.by_id.get(&id) { peer } else { return; }
            };
            self.by_id.insert(id, peer.value().clone()); //~
        }
        fn while_iterating(&self) {
            for peer in self.by_id.iter() {
                if peer.value().is_empty() {
                    self.by_id.remove(peer.key()); //~
                }
            }
        }
        fn of_an_entry(&self, id: u32) {
            let mut peer = self.by_id.entry(id).or_default();
            peer.push(1);
            self.by_id.remove(&0); //~
        }
        fn of_an_argument(&self, id: u32) {
            self.by_id.insert(id, self.by_id.get(&0).unwrap().clone()); //~
        }
        fn in_a_closure(&self) {
            self.by_id.retain(|_, peer| peer.len() < self.by_id.len()); //~
        }",
    );
}

#[test]
fn a_reference_that_is_gone_is_none() {
    check(
        "fn copied(&self, id: u32) {
            let peer = self.by_id.get(&id).map(|peer| peer.value().clone());
            self.by_id.insert(id, peer.unwrap_or_default());
            let copy = self.by_id.get(&id).unwrap().clone();
            self.by_id.insert(id, copy);
        }
        fn not_there(&self, id: u32) {
            if let Some(peer) = self.by_id.get(&id) {
                let _ = peer.len();
            } else {
                self.by_id.insert(id, Vec::new());
            }
            match self.by_id.get(&id) {
                Some(_) => {}
                None => { self.by_id.insert(id, Vec::new()); }
            }
            if !self.by_id.contains_key(&id) {
                self.by_id.insert(id, Vec::new());
            }
        }
        fn collected(&self) {
            let empty: Vec<u32> = self.by_id.iter().filter(|p| p.is_empty()).map(|p| *p.key()).collect();
            for id in empty {
                self.by_id.remove(&id);
            }
        }
        fn two_readers(&self) {
            for peer in self.by_id.iter() {
                let _ = self.by_id.get(peer.key()).is_some();
            }
        }
        fn used_up(&self, id: u32) {
            match self.by_id.entry(id) {
                Entry::Occupied(entry) => { entry.remove(); self.by_id.clear(); }
                Entry::Vacant(entry) => { entry.insert(Vec::new()); self.by_id.clear(); }
            }
            *self.by_id.entry(id).or_default() = Vec::new();
            self.by_id.clear();
        }
        fn moved_into_the_closure(&self, id: u32) {
            self.by_id.insert(id, self.by_id.get(&0).map(|p| p.value().clone()).unwrap_or_default());
        }",
    );
}

#[test]
fn two_maps_have_an_order() {
    let code = "
use dashmap::DashMap;
pub struct Workspace { documents: DashMap<u32, String>, trees: DashMap<u32, u64> }
impl Workspace {
    pub fn change(&self, id: u32) {
        let mut document = self.documents.get_mut(&id).unwrap();
        document.push(' ');
        self.trees.remove(&id);
    }
    pub fn tree(&self, id: u32) {
        let mut tree = self.trees.entry(id).or_insert(0);
        *tree += self.documents.get(&id).unwrap().len() as u64;
    }
}
";
    assert_eq!(lines("lock-order-inversion", code), [8, 12]);
}

#[test]
fn a_metric_of_a_family_is_a_guard() {
    let code = "
use prometheus_client::metrics::{counter::Counter, family::Family};
pub struct Metrics { sectors: Family<Vec<(String, String)>, Counter> }
impl Metrics {
    pub fn plotted(&self) {
        let left = self.sectors.get_or_create(&vec![]);
        if left.get() == 0 {
            self.sectors.get_or_create(&vec![]).inc();
        }
    }
    pub fn one_by_one(&self) {
        self.sectors.get_or_create(&vec![]).inc();
        self.sectors.get_or_create(&vec![]).inc();
    }
}
";
    assert_eq!(lines("double-lock", code), [8]);
}

#[test]
fn what_a_map_locks_within_a_call_protects_nothing_else() {
    let code = "
use dashmap::DashMap;
pub struct Tree { nodes: DashMap<u32, Vec<u32>> }
impl Tree {
    pub fn add(&self, id: u32) -> usize {
        self.nodes.entry(id).or_default();
        if self.nodes.get(&id).is_some() {
            self.nodes.insert(id, Vec::new());
        }
        self.nodes.len()
    }
    pub fn copy_from(&self, other: &Tree) {
        for node in other.nodes.iter() {
            self.nodes.insert(*node.key(), node.value().clone());
        }
    }
}
";
    assert_eq!(lines("guard-dropped-at-once", code), [] as [u32; 0]);
    assert_eq!(lines("double-lock", code), [] as [u32; 0]);
    assert_eq!(lines("check-then-act", code), [] as [u32; 0]);
}

#[test]
fn a_reference_does_not_outlive_an_await() {
    let code = "
use dashmap::DashMap;
pub struct Sessions { by_id: DashMap<u32, String> }
impl Sessions {
    pub async fn greet(&self, id: u32) {
        if let Some(session) = self.by_id.get(&id) {
            send(session.value()).await;
        }
        let name = self.by_id.get(&id).map(|session| session.value().clone());
        send(&name.unwrap_or_default()).await;
        let session = self.by_id.get(&id);
        if session.is_none() {
            return send(\"\").await;
        }
        drop(session);
        let own: DashMap<u32, String> = DashMap::new();
        let mut entry = own.entry(id).or_default();
        send(&entry).await;
        entry.clear();
    }
}
async fn send(_: &str) { tokio::task::yield_now().await }
";
    assert_eq!(lines("guard-across-await", code), [7]);
}
