//! Which links can be parts of one deadlock.
//!
//! Two threads have to be in their parts at the same time, with objects that
//! are the same ones, and the one has to wait for the other. Nothing is searched
//! here: the search asks for each pair, and for the order in which all go.

use smol_str::SmolStr;

use super::Search;
use super::links::Link;
use crate::analysis::alone::Alone;
use crate::analysis::{EventRef, cfgs, instance};
use crate::program::*;

/// The object that has the lock as a field.
fn holder(lock: &Place) -> Option<(&Root, &[SmolStr])> {
    let (_, path) = lock.path.split_last()?;
    (!matches!(lock.root, Root::Opaque(_))).then_some((&lock.root, path))
}

/// Whether all of `links` take their locks in the order of one key, so that
/// someone holds the last one.
pub(super) fn keep_one_order(links: &[&Link<'_>]) -> bool {
    let Some((first, others)) = links.split_first() else {
        return false;
    };
    first.nesting.in_order.iter().any(|order| {
        others
            .iter()
            .all(|link| link.nesting.in_order.contains(order))
    })
}

/// Two methods of one type, at least one of which takes `&mut self`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OneOwner {
    No,
    /// The object holds one of the locks itself: only one of the two can run.
    Surely,
    /// It shares the lock with others, which may be objects of its own type.
    Likely,
}

/// How the wait at a class comes about.
pub(super) enum Waits {
    /// One keeps the other out.
    Directly,
    /// Two readers, of which the second waits behind a waiting writer.
    BehindWriter(EventRef),
}

impl Search<'_> {
    /// Whether taking `class` as `taken` waits for one who holds it as `held`.
    fn waits(&self, class: ClassId, held: Mode, taken: Mode) -> Option<Waits> {
        match (held, taken) {
            (Mode::Exclusive, _) | (_, Mode::Exclusive) | (Mode::Upgradable, Mode::Upgradable) => {
                Some(Waits::Directly)
            }
            (_, Mode::ReadRecursive) => None,
            _ => {
                let ObjectKind::Lock(traits) = &self.program.classes.get(class.index())?.kind
                else {
                    return None;
                };
                if held == Mode::Upgradable {
                    return traits.upgradable_stops_readers().then_some(Waits::Directly);
                }
                let writer = self.writers.first(class);
                Some(Waits::BehindWriter(
                    writer.filter(|_| !traits.read_reentrant)?,
                ))
            }
        }
    }

    /// Whether `a` and `b` run on one object, which at least one of them has
    /// as `&mut self`: then never at the same time.
    pub(super) fn one_owner(&self, a: &Link<'_>, b: &Link<'_>) -> OneOwner {
        let alone =
            |link: &Link<'_>| self.alone.get(link.nesting.function.index()) == Some(&Alone::Surely);
        let mut answer = OneOwner::No;
        if !alone(a) && !alone(b) {
            return answer;
        }
        let others = self.own_locks(b);
        for class in self.own_locks(a).filter_map(|class| {
            let class = others.clone().find(|other| *other == class)?;
            self.program.classes.get(class.index())
        }) {
            let text = &class.type_text;
            if text.contains("Arc") || text.contains("Weak") || text.contains('&') {
                // A `&self` beside it may be that of another sharer.
                if alone(a) && alone(b) {
                    answer = OneOwner::Likely;
                }
            } else {
                return OneOwner::Surely;
            }
        }
        answer
    }

    /// The locks of `link` that are fields of `self`.
    fn own_locks<'s>(&'s self, link: &'s Link<'_>) -> impl Iterator<Item = ClassId> + Clone + 's {
        let nesting = link.nesting;
        let method = nesting.context.is_empty()
            && self
                .program
                .functions
                .get(nesting.function.index())
                .and_then(|f| f.params.first().filter(|_| f.kind == FnKind::Fn))
                .is_some_and(|param| param.name == "self");
        let field = |lock: &ObjectRef| {
            let own = lock.place.root == Root::Param(0) && lock.place.path.len() == 1;
            lock.class.filter(|_| own)
        };
        [&nesting.held.lock, &nesting.taken]
            .into_iter()
            .filter(move |_| method)
            .filter_map(field)
    }

    /// `b` may hold what `a` takes, in another thread at the same time.
    pub(super) fn fit(&self, a: &Link<'_>, b: &Link<'_>, statics: bool) -> bool {
        let apart = |(class, shared): (ClassId, bool)| {
            b.lock_set()
                .all(|(other, other_shared)| class != other || (shared && other_shared))
        };
        a.lock_set().all(apart)
            && a.behind.iter().all(|root| !b.behind.contains(root))
            && self.meet(a, b, statics)
    }

    /// As [`Self::fit`], whatever lock both have come through.
    pub(super) fn meet(&self, a: &Link<'_>, b: &Link<'_>, statics: bool) -> bool {
        (a.nesting.in_test == b.nesting.in_test || statics)
            && self.one_owner(a, b) != OneOwner::Surely
            && self
                .lifespans
                .threads
                .parallel(a.runs_in, b.runs_in, statics)
            && !self.apart(a, b)
            && !cfgs::exclusive(&a.cfgs, &b.cfgs)
    }

    /// `down` holds a lock of one object and takes the other lock of one of
    /// many, its children or peers, and `within` takes both of one object:
    /// it then wants that child's own, and not the one that `down` holds.
    pub(super) fn goes_down(&self, down: &Link<'_>, within: &Link<'_>) -> bool {
        let own = |lock: &ObjectRef| {
            let class = lock
                .class
                .and_then(|id| self.program.classes.get(id.index()));
            class.is_some_and(|class| {
                class.scope == ClassScope::Field && !class.is_inner && instance::is_inline(class)
            })
        };
        let graph = self.lifespans.graph;
        let runs_in = down.runs_in;
        let is_one_of_many = |place: &Place| {
            place.path.iter().any(|step| is_element(step))
                || matches!(place.root, Root::Local(local) if graph.bindings.rebound(runs_in, local, true))
        };
        let (parent, child) = (&down.nesting.held.lock, &down.nesting.taken);
        let (first, second) = (&within.nesting.held.lock, &within.nesting.taken);
        [parent, child, first, second].into_iter().all(own)
            && holder(&first.place).is_some_and(|one| Some(one) == holder(&second.place))
            && is_one_of_many(&child.place)
            && !is_one_of_many(&parent.place)
            && !matches!(child.place.root, Root::Opaque(_))
            && !matches!(parent.place.root, Root::Opaque(_))
    }

    /// Whether one of the two threads is over, or not there yet, when the
    /// other comes to its part.
    fn apart(&self, a: &Link<'_>, b: &Link<'_>) -> bool {
        let local = |lock: &ObjectRef| {
            let class = lock
                .class
                .and_then(|id| self.program.classes.get(id.index()));
            class.is_some_and(|class| class.scope == ClassScope::Local)
        };
        let own = [a, b]
            .iter()
            .all(|link| local(&link.nesting.held.lock) && local(&link.nesting.taken));
        match (a.deed, b.deed) {
            (Some(a), Some(b)) => self.lifespans.apart(a, b, own),
            _ => false,
        }
    }

    /// `next` holds what `link` takes, and that makes `link` wait.
    pub(super) fn follows(&self, link: &Link<'_>, next: &Link<'_>) -> Option<Waits> {
        let class = next.nesting.held.lock.class?;
        if instance::held_apart(self.program, &next.nesting.held.lock, &link.nesting.taken) {
            return None;
        }
        let (held, taken) = (next.nesting.held.mode, link.nesting.taken_mode);
        if let Some(already) = link.nesting.again {
            // It has the lock: `next` can only have it beside that. Reading
            // again is a matter of that lock alone.
            let apart = |mode| matches!(mode, Mode::Exclusive | Mode::Upgradable);
            let shared = |mode| matches!(mode, Mode::Read | Mode::ReadRecursive);
            let beside = shared(already) && held != Mode::Exclusive
                || already == Mode::Upgradable && shared(held);
            if !beside || !apart(taken) {
                return None;
            }
        }
        self.waits(class, held, taken)
    }
}
