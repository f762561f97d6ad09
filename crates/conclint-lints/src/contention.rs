//! Who else wants a lock.
//!
//! A lock that is held for long hurts when somebody waits for it: another
//! thread that takes it, or the very thread that the holder waits for.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{
    Analysis, Blocking, ClassId, ClassScope, EventKind, FnId, FnKind, Function, GuardId, Handle,
    Kinds, ObjectRef,
};

use crate::flow::events;
use crate::graph::Callers;

/// Where locks are taken, and by which threads.
pub(crate) struct Contention<'a> {
    analysis: &'a Analysis,
    callers: Callers,
    /// The functions that take a lock of this class.
    takers: BTreeMap<ClassId, BTreeSet<FnId>>,
    /// Bodies of threads and tasks, with the field that keeps the handle, and
    /// whether many are started.
    bodies: Vec<Body>,
    /// Functions that lead to where a lock of the class is taken.
    leading: BTreeMap<ClassId, BTreeSet<FnId>>,
}

struct Body {
    function: FnId,
    started_in: FnId,
    handle: Option<ClassId>,
    many: bool,
}

impl<'a> Contention<'a> {
    pub(crate) fn of(analysis: &'a Analysis) -> Self {
        let program = analysis.program();
        let mut takers: BTreeMap<ClassId, BTreeSet<FnId>> = BTreeMap::new();
        let mut bodies = Vec::new();
        for (id, function) in analysis.functions_with(Kinds::ACQUIRE | Kinds::SPAWN) {
            for guard in (0..function.guards.len()).map(|index| GuardId(index as u32)) {
                let Some(info) = analysis.guard(id, guard) else {
                    continue;
                };
                // Who only tries does not wait.
                if info.blocking == Blocking::Try {
                    continue;
                }
                let locks = &info.locks;
                for class in locks.iter().filter_map(|held| held.lock.class) {
                    takers.entry(class).or_default().insert(id);
                }
            }
            bodies.extend(events(function).filter_map(|(_, event)| {
                let EventKind::Spawn(spawn) = &event.kind else {
                    return None;
                };
                let body = spawn.body?;
                Some(Body {
                    function: body,
                    started_in: id,
                    handle: match spawn.handle {
                        Handle::Stored(class) => Some(class),
                        _ => None,
                    },
                    many: spawn.in_loop || analysis.may_run_in_parallel(body, body),
                })
            }));
        }
        Contention {
            analysis,
            callers: Callers::of(program),
            takers,
            bodies,
            leading: BTreeMap::new(),
        }
    }

    /// Whether another thread can want `lock` while `holder` runs. Of a lock
    /// that is not known by name nothing is claimed.
    pub(crate) fn is_wanted(&self, lock: &ObjectRef, holder: FnId) -> bool {
        let Some(class) = lock.class else { return true };
        // Without any thread it is a piece of a program: its locks say that
        // there are others.
        if self.bodies.is_empty() {
            return true;
        }
        let scope = self.analysis.class(class).scope;
        if matches!(scope, ClassScope::Local | ClassScope::Param) {
            return true;
        }
        let statics = scope == ClassScope::Static;
        self.takers.get(&class).is_some_and(|takers| {
            takers.iter().any(|&taker| {
                if statics {
                    self.analysis.may_run_in_parallel_on_statics(holder, taker)
                } else {
                    self.analysis.may_run_in_parallel(holder, taker)
                }
            })
        })
    }

    /// Whether a thread or task that the program starts takes `lock`; of those
    /// whose handle is kept in a field, only the threads of `handle` count
    /// where that is known.
    pub(crate) fn is_taken_by_threads(
        &mut self,
        lock: &ObjectRef,
        handle: Option<ClassId>,
    ) -> bool {
        let known = self.bodies.iter().any(|body| body.handle == handle);
        // The lock keeps the handle itself, of a thread that is not seen.
        if !known && handle.is_some() && handle == lock.class {
            return false;
        }
        let handle = handle.filter(|_| known);
        self.is_taken_by(lock, |body| handle.is_none() || body.handle == handle)
    }

    /// Whether `function` starts threads or tasks.
    pub(crate) fn started_by(&self, function: FnId) -> bool {
        self.bodies.iter().any(|body| body.started_in == function)
    }

    /// Whether a thread or task that `function` starts takes `lock`.
    pub(crate) fn is_taken_by_threads_of(&mut self, lock: &ObjectRef, function: FnId) -> bool {
        self.is_taken_by(lock, |body| body.started_in == function)
    }

    fn is_taken_by(&mut self, lock: &ObjectRef, counts: impl Fn(&Body) -> bool) -> bool {
        let Some(class) = lock.class else {
            return false;
        };
        let (callers, takers) = (&self.callers, self.takers.get(&class));
        let leading = self
            .leading
            .entry(class)
            .or_insert_with(|| callers.reaching_these(takers.into_iter().flatten().copied()));
        self.bodies
            .iter()
            .filter(|body| counts(body))
            .any(|body| leading.contains(&body.function))
    }

    /// Whether several threads of one kind run `function`: it is their body, or
    /// called by it.
    pub(crate) fn is_run_by_many(&self, function: FnId) -> bool {
        let near = |body: &Body| {
            body.function == function || self.callers.callers(function).contains(&body.function)
        };
        self.bodies.iter().any(|body| body.many && near(body))
    }
}

/// Whether the function runs once in a while at most, by its name and kind:
/// while something is set up or taken down there is seldom anybody who waits,
/// and some milliseconds do not matter.
pub(crate) fn is_cold(function: &Function) -> bool {
    let mut words = function.name.split('_');
    let (first, last) = (words.next().unwrap_or_default(), words.next_back());
    match function.kind {
        // A thread's body carries the name of the function that starts it.
        FnKind::SpawnBody | FnKind::Main => false,
        FnKind::Drop => true,
        FnKind::Fn | FnKind::Closure => {
            COLD.contains(&first)
                || matches!(last, Some("shutdown" | "stop"))
                || function.name.starts_with("try_new")
        }
    }
}

/// First words of the names of such functions.
const COLD: &[&str] = &[
    "activate",
    "bench",
    "boot",
    "bootstrap",
    "build",
    "close",
    "configure",
    "connect",
    "create",
    "default",
    "ensure",
    "from",
    "init",
    "initialize",
    "initialise",
    "install",
    "new",
    "open",
    "prepare",
    "reconnect",
    "recover",
    "restore",
    "setup",
    "shutdown",
    "signal",
    "start",
    "startup",
    "stop",
    "terminate",
    "uninstall",
];

/// `Mutex<()>`, `Arc<RwLock<()>>`.
pub(crate) fn guards_nothing(type_text: &str) -> bool {
    let text = type_text.replace(' ', "");
    text.match_indices("<()>").any(|(at, _)| {
        text.get(..at)
            .is_some_and(|t| t.ends_with("Mutex") || t.ends_with("Lock"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_guards() {
        assert!(guards_nothing("Arc<Mutex<( )>>"));
        assert!(!guards_nothing("Mutex<Vec<()>>"));
        assert!(!guards_nothing("Mutex<u32>"));
    }
}
