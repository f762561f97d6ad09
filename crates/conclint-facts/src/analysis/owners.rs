//! Which lock an object lies behind.
//!
//! Only types that one lock of the program guards, told by their names, and
//! only methods that take `&mut self`: whoever calls one has come through that
//! lock, or has the object all alone.

use std::collections::BTreeMap;

use super::graph::{Edge, Graph};
use super::held::HeldSets;
use super::{EventRef, Mode};
use crate::program::*;

/// The types that one lock guards, by name, and that lock.
pub(super) struct Owners<'p>(BTreeMap<&'p str, Option<ClassId>>);

impl<'p> Owners<'p> {
    pub(super) fn of(program: &'p Program) -> Self {
        let mut owners: BTreeMap<&str, Option<ClassId>> = BTreeMap::new();
        for (id, class) in (0..).map(ClassId).zip(&program.classes) {
            let declared = matches!(class.scope, ClassScope::Field | ClassScope::Static);
            if let ObjectKind::Lock(_) = class.kind
                && declared
                && let Some(guarded) = guarded_type(&class.type_text)
            {
                owners
                    .entry(guarded)
                    .and_modify(|known| *known = None)
                    .or_insert(Some(id));
            }
        }
        Owners(owners)
    }

    /// The lock around the object whose method `function` is, taking `&mut self`.
    pub(super) fn of_self(&self, program: &Program, function: FnId) -> Option<ClassId> {
        let function = program.functions.get(function.index())?;
        if !function.mut_self || function.kind != FnKind::Fn {
            return None;
        }
        let (owner, _) = function.qualified.rsplit_once("::")?;
        let name = owner.rsplit("::").next()?;
        self.0.get(name).copied().flatten()
    }
}

/// The guarded types whose locks are held alone on every path to `at`.
pub(super) fn held_at(program: &Program, held: &[HeldSets], at: EventRef) -> Vec<u32> {
    let held = held
        .get(at.function.index())
        .map_or(&[][..], |sets| sets.before(at));
    let alone = held
        .iter()
        .filter(|held| held.must && held.mode == Mode::Exclusive);
    let classes = alone.filter_map(|held| program.classes.get(held.lock.class?.index()));
    classes.filter_map(|class| class.whole).collect()
}

/// By function: the guarded types of which it has a part as `&mut`, or all its
/// callers have, where these are known.
pub(super) fn behind(program: &Program, graph: &Graph, held: &[HeldSets]) -> Vec<Vec<u32>> {
    let functions = &program.functions;
    let mut behind: Vec<Vec<u32>> = functions.iter().map(|f| f.behind.clone()).collect();
    let called = |edge: &Edge, callee: FnId| {
        functions[callee.index()].is_test || !functions[edge.at.function.index()].is_test
    };
    let inner = |index: &usize| {
        let function = &functions[*index];
        let id = FnId(*index as u32);
        // A program asks for its functions itself, public or not.
        let known = !(function.is_pub && function.in_library)
            || function.in_program && graph.entering(id).any(|edge| called(edge, id));
        matches!(function.kind, FnKind::Fn | FnKind::Closure) && known && !graph.taken.contains(&id)
    };
    let inner: Vec<usize> = (0..functions.len()).filter(inner).collect();
    loop {
        let mut more = Vec::new();
        for &index in &inner {
            let id = FnId(index as u32);
            let mut callers = graph.entering(id).filter(|edge| called(edge, id));
            let there = |edge: &Edge| {
                let mut there = behind[edge.at.function.index()].clone();
                there.extend(held_at(program, held, edge.at));
                there
            };
            let Some(first) = callers.next() else {
                continue;
            };
            let mut common = there(first);
            for edge in callers {
                if common.is_empty() {
                    break;
                }
                let there = there(edge);
                common.retain(|root| there.contains(root));
            }
            common.retain(|root| !behind[index].contains(root));
            more.extend(common.into_iter().map(|root| (index, root)));
        }
        if more.is_empty() {
            return behind;
        }
        for (index, root) in more {
            if !behind[index].contains(&root) {
                behind[index].push(root);
            }
        }
    }
}

/// `Registry` of `Arc<Mutex<Registry>>`, where that is a plain name.
fn guarded_type(text: &str) -> Option<&str> {
    let (_, inner) = text.rsplit_once('<')?;
    let name = inner.trim_end_matches('>');
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (plain && name.starts_with(char::is_uppercase)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lock_guards() {
        assert_eq!(guarded_type("Arc<Mutex<Registry>>"), Some("Registry"));
        assert_eq!(guarded_type("RwLock<Vec<Job>>"), Some("Job"));
        assert_eq!(guarded_type("Mutex<HashMap<Id, Job>>"), None);
        assert_eq!(guarded_type("Mutex<u32>"), None);
        assert_eq!(guarded_type("Mutex<Box<dyn Any>>"), None);
        assert_eq!(guarded_type("Mutex"), None);
    }
}
