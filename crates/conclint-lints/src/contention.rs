//! Who else wants a lock.
//!
//! A lock that is held for long hurts when somebody waits for it: another
//! thread that takes it, or the very thread that the holder waits for.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{
    Analysis, Blocking, Class, ClassId, ClassScope, EventKind, FnId, FnKind, Function, GuardId,
    Handle, Held, Kinds, LockShape, Mode, ObjectKind, ObjectRef,
};

use crate::flow::{Point, events, reaches};

/// Where locks are taken, and by which threads.
pub(crate) struct Contention<'a> {
    analysis: &'a Analysis,
    /// The functions that take a lock of this class; whether to change something.
    takers: BTreeMap<ClassId, BTreeMap<FnId, bool>>,
    /// What is held alone wherever a lock of the class is taken.
    gates: BTreeMap<ClassId, BTreeSet<ClassId>>,
    /// Bodies of threads and tasks, with the field that keeps the handle, and
    /// whether many are started.
    bodies: Vec<Body>,
    /// Functions that lead to where a lock of the class is taken.
    leading: BTreeMap<ClassId, BTreeSet<FnId>>,
    /// Functions that are called once, when the process ends.
    at_exit: BTreeSet<FnId>,
}

static NOBODY: BTreeSet<FnId> = BTreeSet::new();

struct Body {
    function: FnId,
    started_in: FnId,
    handle: Option<ClassId>,
    /// Nobody outside of the function that starts it has its handle.
    is_kept_here: bool,
    many: bool,
    in_loop: bool,
}

impl<'a> Contention<'a> {
    pub(crate) fn of(analysis: &'a Analysis) -> Self {
        let mut takers: BTreeMap<ClassId, BTreeMap<FnId, bool>> = BTreeMap::new();
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
                for held in locks {
                    if let Some(class) = held.lock.class {
                        let reads = matches!(held.mode, Mode::Read | Mode::ReadRecursive);
                        *takers.entry(class).or_default().entry(id).or_default() |= !reads;
                    }
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
                    is_kept_here: matches!(
                        spawn.handle,
                        Handle::DroppedAtOnce | Handle::NeverJoined(_) | Handle::Joined
                    ),
                    in_loop: spawn.in_loop,
                    many: spawn.in_loop || analysis.may_run_in_parallel(body, body),
                })
            }));
        }
        Contention {
            analysis,
            takers,
            gates: gates(analysis),
            bodies,
            leading: BTreeMap::new(),
            at_exit: at_exit(analysis),
        }
    }

    /// Whether the function runs once in a while at most: by its name and kind,
    /// or because it was given to `atexit`.
    pub(crate) fn is_cold(&self, function: FnId) -> bool {
        self.at_exit.contains(&function) || is_cold(self.analysis.function(function))
    }

    /// Whether another thread can want `lock`, held by `holder` in this mode,
    /// and then has to wait. Of a lock that is not known by name nothing is claimed.
    pub(crate) fn is_wanted(&self, lock: &ObjectRef, mode: Mode, holder: FnId) -> bool {
        let Some(class) = lock.class else { return true };
        if is_of_one_thread_alone(self.analysis, lock) {
            return false;
        }
        // Without any thread it is a piece of a program: its locks say that
        // there are others.
        if self.bodies.is_empty() {
            return true;
        }
        if self.analysis.runs_alone(holder) {
            return false;
        }
        let scope = self.analysis.class(class).scope;
        if matches!(scope, ClassScope::Local | ClassScope::Param) {
            return true;
        }
        // Whoever wants it waits for another lock first.
        if self.is_gated(class) {
            return false;
        }
        let statics = scope == ClassScope::Static;
        let reads = matches!(mode, Mode::Read | Mode::ReadRecursive);
        let functions = &self.analysis.program().functions;
        let test = |id: FnId| functions.get(id.index()).is_some_and(|f| f.is_test);
        self.takers.get(&class).is_some_and(|takers| {
            takers.iter().any(|(&taker, &changes)| {
                // One thread does not wait for itself here.
                let itself = taker == holder
                    && !self.analysis.runs_on_several(holder)
                    && functions.get(holder.index()).is_some_and(|f| !f.in_library);
                // Readers wait for a writer only; not for one that has the object
                // to itself, or that comes while it is set up.
                let apart = functions
                    .get(taker.index())
                    .is_some_and(|taker| taker.mut_self || is_cold(taker));
                if reads && (!changes || apart) || itself || test(taker) && !test(holder) {
                    false
                } else if statics {
                    self.analysis.may_run_in_parallel_on_statics(holder, taker)
                } else {
                    self.analysis.may_run_in_parallel(holder, taker)
                }
            })
        })
    }

    /// Whether another lock is held alone wherever one of this class is taken.
    pub(crate) fn is_gated(&self, class: ClassId) -> bool {
        self.gates
            .get(&class)
            .is_some_and(|gates| !gates.is_empty())
    }

    /// Whether it is seen that more than one thread comes to `lock`: a thread or
    /// task that the program starts, or something that is handed to others to run,
    /// a job or a handler, takes it; tests say, too, what is meant to be shared.
    /// Where no thread is started at all nothing can be seen, and locks say that
    /// there are others; a variable's lock has another name elsewhere.
    pub(crate) fn is_shared(&mut self, lock: &ObjectRef) -> bool {
        let analysis = self.analysis;
        let scope = lock.class.map(|class| analysis.class(class).scope);
        if self.bodies.is_empty() || matches!(scope, Some(ClassScope::Local | ClassScope::Param)) {
            return true;
        }
        if is_of_one_thread_alone(analysis, lock) {
            return false;
        }
        let handed = |id: &FnId| analysis.is_handed_on(*id);
        self.is_taken_by_any_thread(lock) || self.leading(lock).iter().any(handed)
    }

    /// Whether a thread or task that the program starts takes `lock`.
    pub(crate) fn is_taken_by_any_thread(&mut self, lock: &ObjectRef) -> bool {
        self.is_taken_by(lock, |_| true)
    }

    /// Whether a thread or task takes `lock` that can be joined elsewhere than
    /// where it is started; of those whose handle is kept in a field, only the
    /// threads of `handle` count where that is known.
    pub(crate) fn is_taken_by_joined(&mut self, lock: &ObjectRef, handle: Option<ClassId>) -> bool {
        let known = self.bodies.iter().any(|body| body.handle == handle);
        // The lock keeps the handle itself, of a thread that is not seen.
        if !known && handle.is_some() && handle == lock.class {
            return false;
        }
        let handle = handle.filter(|_| known);
        self.is_taken_by(lock, |body| match handle {
            Some(_) => body.handle == handle,
            None => !body.is_kept_here,
        })
    }

    /// Whether `function` starts threads or tasks.
    pub(crate) fn started_by(&self, function: FnId) -> bool {
        self.bodies.iter().any(|body| body.started_in == function)
    }

    /// Whether a thread or task that `function` starts takes `lock`.
    pub(crate) fn is_taken_by_threads_of(&mut self, lock: &ObjectRef, function: FnId) -> bool {
        self.is_taken_by(lock, |body| body.started_in == function)
    }

    /// Whether a function that receives what `channel` carries takes `lock`,
    /// itself or by a call. The two ends of a channel are known to belong
    /// together by the type of the messages alone.
    pub(crate) fn is_taken_by_receivers(&mut self, lock: &ObjectRef, channel: ClassId) -> bool {
        let analysis = self.analysis;
        let Some(sent) = message(&analysis.class(channel).type_text) else {
            return false;
        };
        let receives = |function: &Function| {
            events(function).any(|(_, event)| match &event.kind {
                EventKind::Recv {
                    channel: Some(from),
                    ..
                } => from
                    .class
                    .and_then(|class| message(&analysis.class(class).type_text))
                    .is_some_and(|received| received == sent),
                _ => false,
            })
        };
        self.leading(lock)
            .iter()
            .any(|id| receives(analysis.function(*id)))
    }

    /// Whether those who notify `condvar` need `lock`, held in this mode, for it: the
    /// function that does, or one that calls it. Of a condition variable that nobody
    /// is seen to notify, anything may be so.
    pub(crate) fn is_taken_by_wakers(
        &mut self,
        lock: &ObjectRef,
        mode: Mode,
        condvar: &ObjectRef,
    ) -> bool {
        let notifies = |function: &Function| {
            events(function).any(|(_, event)| {
                matches!(&event.kind, EventKind::Notify { condvar: other, .. } if other.class == condvar.class)
            })
        };
        let wakers: Vec<FnId> = self
            .analysis
            .functions_with(Kinds::NOTIFY)
            .filter(|(_, function)| !function.is_test && notifies(function))
            .map(|(id, _)| id)
            .collect();
        if condvar.class.is_none() || wakers.is_empty() {
            return true;
        }
        let takers = lock.class.and_then(|class| self.takers.get(&class));
        // Readers let each other by.
        let reads = matches!(mode, Mode::Read | Mode::ReadRecursive);
        let takes: BTreeSet<FnId> = takers
            .into_iter()
            .flatten()
            .filter(|(_, changes)| **changes || !reads)
            .map(|(taker, _)| *taker)
            .collect();
        let mut near = wakers
            .iter()
            .flat_map(|id| self.analysis.runners().runners(*id));
        if near.any(|caller| takes.contains(caller)) {
            return true;
        }
        let leading = self.analysis.runners().reaching_these(takes.into_iter());
        wakers.iter().any(|waker| leading.contains(waker))
    }

    /// Whether nobody but `holder` takes `lock`. Of one that comes from elsewhere,
    /// that is not known.
    pub(crate) fn is_taken_by_nobody_else(&self, lock: &ObjectRef, holder: FnId) -> bool {
        let takers = lock
            .class
            .filter(|class| {
                let scope = self.analysis.class(*class).scope;
                !matches!(scope, ClassScope::Local | ClassScope::Param)
            })
            .and_then(|class| self.takers.get(&class));
        takers.is_some_and(|takers| takers.keys().all(|taker| *taker == holder))
    }

    fn is_taken_by(&mut self, lock: &ObjectRef, counts: impl Fn(&Body) -> bool) -> bool {
        let bodies: Vec<FnId> = self
            .bodies
            .iter()
            .filter(|body| counts(body))
            .map(|body| body.function)
            .collect();
        let leading = self.leading(lock);
        bodies.iter().any(|body| leading.contains(body))
    }

    /// The functions that take a lock of this class, or lead to one that does.
    fn leading(&mut self, lock: &ObjectRef) -> &BTreeSet<FnId> {
        let Some(class) = lock.class else {
            return &NOBODY;
        };
        let runners = self.analysis.runners();
        let takers = self.takers.get(&class).map(BTreeMap::keys);
        self.leading
            .entry(class)
            .or_insert_with(|| runners.reaching_these(takers.into_iter().flatten().copied()))
    }

    /// Whether one thread takes the guard before its loop and keeps it as long
    /// as it lives: the lock says whose the data is.
    pub(crate) fn is_owned_for_life(&self, holder: FnId, guard: GuardId, at: Point) -> bool {
        let function = self.analysis.function(holder);
        let body = |id: FnId| self.analysis.function(id).kind == FnKind::SpawnBody;
        let callers = self.analysis.runners().runners(holder);
        let of_thread = body(holder) || !callers.is_empty() && callers.iter().all(|c| body(*c));
        // A lock that the thread's starter made for it has no other threads of its kind.
        let own = || {
            let scope = |held: &Held| held.lock.class.map(|c| self.analysis.class(c).scope);
            let info = self.analysis.guard(holder, guard);
            let started = self.bodies.iter().find(|b| b.function == holder);
            started.is_some_and(|body| !body.in_loop)
                && info.is_some_and(|info| {
                    info.locks
                        .iter()
                        .all(|held| scope(held) == Some(ClassScope::Local))
                })
        };
        of_thread
            && (!self.analysis.runs_on_several(holder) || own())
            && reaches(function, at, at)
            && events(function).all(|(point, event)| match &event.kind {
                EventKind::Acquire { guard: g, .. } => {
                    *g != guard || !reaches(function, point, point)
                }
                EventKind::Release { guard: g, .. } => {
                    *g != guard || !reaches(function, point, point)
                }
                _ => true,
            })
    }

    /// Whether several threads of one kind run `function`: it is their body, or
    /// called by it.
    pub(crate) fn is_run_by_many(&self, function: FnId) -> bool {
        let near = |body: &Body| {
            body.function == function
                || self
                    .analysis
                    .runners()
                    .runners(function)
                    .contains(&body.function)
        };
        self.bodies.iter().any(|body| body.many && near(body))
    }
}

/// What is handed to `atexit`, and called by nobody else.
fn at_exit(analysis: &Analysis) -> BTreeSet<FnId> {
    let (mut handed, mut called) = (BTreeSet::new(), BTreeSet::new());
    for (_, function) in analysis.functions_with(Kinds::CLOSURE_ARG) {
        for (_, event) in events(function) {
            if let EventKind::Call(call) = &event.kind {
                let given = call.args.iter().filter_map(|arg| arg.closure);
                match call.name.rsplit("::").next() {
                    Some("atexit") => handed.extend(given),
                    _ => called.extend(given),
                }
            }
        }
    }
    handed.retain(|function| !called.contains(function));
    handed
}

/// `Job` of `Arc<mpsc::SyncSender<Job>>`: what an end of a channel carries.
pub(crate) fn message(type_text: &str) -> Option<&str> {
    let end = type_text.rfind("Sender<").map(|at| at + "Sender<".len());
    let end = end.or_else(|| {
        type_text
            .rfind("Receiver<")
            .map(|at| at + "Receiver<".len())
    })?;
    let mut depth = 1;
    let rest = type_text.get(end..)?;
    let close = rest.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '<') - i32::from(*c == '>');
        depth == 0
    });
    rest.get(..close?.0).map(str::trim)
}

/// What is held alone, on every way, wherever a lock of the class is taken
/// outside of tests: the lock inside is then nobody's to wait for.
fn gates(analysis: &Analysis) -> BTreeMap<ClassId, BTreeSet<ClassId>> {
    let alone = |class: &ClassId| matches!(&analysis.class(*class).kind, ObjectKind::Lock(traits) if traits.shape == LockShape::Mutex);
    let mut gates: BTreeMap<ClassId, BTreeSet<ClassId>> = BTreeMap::new();
    for (id, function) in analysis.functions_with(Kinds::ACQUIRE) {
        if function.is_test {
            continue;
        }
        for (at, event) in events(function) {
            let EventKind::Acquire { guard, .. } = &event.kind else {
                continue;
            };
            let Some(info) = analysis.guard(id, *guard) else {
                continue;
            };
            let held = analysis.held_before(at.in_function(id));
            let around: BTreeSet<ClassId> = held
                .iter()
                .filter(|held| held.must && held.mode == Mode::Exclusive)
                .filter_map(|held| held.lock.class)
                .chain(analysis.entry_held(id).iter().copied().filter(alone))
                .collect();
            for class in info.locks.iter().filter_map(|held| held.lock.class) {
                let outer = around.iter().copied().filter(|outer| *outer != class);
                gates
                    .entry(class)
                    .and_modify(|known| known.retain(|class| around.contains(class)))
                    .or_insert_with(|| outer.collect());
            }
        }
    }
    gates
}

/// Whether the function runs once in a while at most, by its name and kind:
/// while something is set up or taken down there is seldom anybody who waits,
/// and some milliseconds do not matter.
pub(crate) fn is_cold(function: &Function) -> bool {
    // `on_load`, `on_start`: called when something comes up.
    let name = function.name.strip_prefix("on_");
    let mut words = name.unwrap_or(&function.name).split('_');
    let (first, last) = (words.next().unwrap_or_default(), words.next_back());
    match function.kind {
        // A thread's body carries the name of the function that starts it.
        FnKind::SpawnBody | FnKind::Main => false,
        FnKind::Drop => true,
        FnKind::Fn | FnKind::Closure => {
            COLD.contains(&first)
                || name.is_some() && matches!(first, "load" | "unload")
                // Somebody prints it with `{:?}`.
                || function.name == "fmt"
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

/// No other thread has it, for what it is (`Rc<RwLock<T>>`) or what stands beside
/// it.
pub(crate) fn is_of_one_thread(class: &Class) -> bool {
    let text = &class.type_text;
    let has_rc = text
        .match_indices("Rc<")
        .any(|(at, _)| at == 0 || !text[..at].ends_with('A'));
    class.is_unshared || has_rc && !text.contains("Arc<")
}

/// A lock of one thread, whose tasks cannot wait for each other there either.
fn is_of_one_thread_alone(analysis: &Analysis, lock: &ObjectRef) -> bool {
    lock.class.is_some_and(|class| {
        let class = analysis.class(class);
        let is_async = matches!(&class.kind, ObjectKind::Lock(traits) if traits.is_async);
        !is_async && is_of_one_thread(class)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_channel_carries() {
        assert_eq!(message("Arc<mpsc::SyncSender<Vec<Job>>>"), Some("Vec<Job>"));
        assert_eq!(message("Mutex<Receiver<u64>>"), Some("u64"));
        assert_eq!(message("Sender<"), None);
        assert_eq!(message("Mutex<u64>"), None);
    }

    #[test]
    fn unit_guards() {
        assert!(guards_nothing("Arc<Mutex<( )>>"));
        assert!(!guards_nothing("Mutex<Vec<()>>"));
        assert!(!guards_nothing("Mutex<u32>"));
    }
}
