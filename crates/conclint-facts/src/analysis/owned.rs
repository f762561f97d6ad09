//! Objects of which each of several threads that run one body has another one: a
//! counter that is made in the loop that starts them, the element of a list at
//! the number of the round.

use super::{Analysis, instance};
use crate::program::*;
use crate::values::{Own, Target};

/// So many calls may lie between the start of a thread and the object's use.
const DEPTH: u32 = 4;

impl Analysis {
    /// Whether the threads that run `function` have each an `object`, as it is
    /// named there, of their own, and nobody else writes those.
    pub fn is_owned(&self, function: FnId, object: &ObjectRef) -> bool {
        let Some((body, class)) = self.owner(function, object, DEPTH) else {
            return false;
        };
        let is_own = |function: FnId, other: &ObjectRef| {
            other.class != class
                || self.owner(function, other, DEPTH) == Some((body, class))
                || !self.may_run_in_parallel(function, body)
        };
        class.is_none()
            || self.events().all(|(at, event)| match &event.kind {
                EventKind::Store {
                    target: Target::Atomic { object, .. },
                    ..
                }
                | EventKind::SharedWrite {
                    object: Some(object),
                    ..
                } => is_own(at.function, object),
                EventKind::Store {
                    target: Target::Guarded { guard, .. },
                    ..
                } => {
                    let guard = self.guard(at.function, *guard);
                    let mut locks = guard.into_iter().flat_map(|guard| &guard.locks);
                    locks.all(|held| is_own(at.function, &held.lock))
                }
                _ => true,
            })
    }

    /// The one body of threads that comes to `object` in `function`, where each of
    /// them has another one, and what that is to the body.
    fn owner(
        &self,
        function: FnId,
        object: &ObjectRef,
        depth: u32,
    ) -> Option<(FnId, Option<ClassId>)> {
        if let Some(body) = self.body_around(function) {
            return self
                .is_of_thread(body, object)
                .then_some((body, object.class));
        }
        let own = self.function(function);
        if depth == 0 || own.parent.is_some() || own.is_pub && own.in_library {
            return None;
        }
        let mut found = None;
        for at in self.callers(function) {
            let caller = self.function(at.function);
            if caller.is_test && !own.is_test {
                continue;
            }
            let EventKind::Call(call) = &self.event(*at).kind else {
                return None;
            };
            let named = instance::bind(&self.program, &call.args, object);
            let owner = self.owner(at.function, &named, depth - 1)?;
            if found.is_some_and(|known| known != owner) {
                return None;
            }
            found = Some(owner);
        }
        found
    }

    /// The body of a thread that `function` is, or stands in.
    fn body_around(&self, function: FnId) -> Option<FnId> {
        let mut next = Some(function);
        while let Some(id) = next {
            let function = self.function(id);
            if function.kind == FnKind::SpawnBody {
                return Some(id);
            }
            next = function.parent;
        }
        None
    }

    /// Whether each thread that runs `body` has another `object`.
    fn is_of_thread(&self, body: FnId, object: &ObjectRef) -> bool {
        let own = &self.function(body).own;
        let is_own = |local: LocalId, how: &[Own]| {
            own.iter()
                .any(|(known, own)| *known == local && how.contains(own))
        };
        let place = &object.place;
        // A field of what the thread has may be a pointer to what all have.
        let inline = || {
            let class = object
                .class
                .and_then(|id| self.program.classes.get(id.index()));
            class.is_some_and(instance::is_inline)
        };
        let rest_is_own = |rest: &[smol_str::SmolStr]| match rest {
            [] => true,
            [_] => inline(),
            _ => false,
        };
        let by_root = matches!(place.root, Root::Local(local)
            if is_own(local, &[Own::Made]) && place.path.is_empty());
        by_root
            || place.path.iter().enumerate().any(|(at, step)| {
                let told = element_owner(step).is_some_and(|l| is_own(l, &[Own::Item]))
                    || element_key(step).is_some_and(|l| is_own(l, &[Own::Number]));
                told && rest_is_own(place.path.get(at + 1..).unwrap_or_default())
            })
    }
}
