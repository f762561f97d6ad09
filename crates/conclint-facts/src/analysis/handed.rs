//! Guards that calls hand over by value: where the callee still has them.

use super::graph::{self, Edge, Via};
use super::nesting::{Context, MOVED, Under};
use super::summary::Reach;
use super::{EventRef, Held};
use crate::program::*;

impl Under<'_> {
    /// The guards that a call takes over. A receiver is mostly the guarded
    /// data, not the guard: that one moves only where the front end ends it.
    pub(super) fn moved_guards(&self, at: EventRef, event: &Event) -> Vec<(GuardId, u16)> {
        let Some(call) = graph::call_of(event) else {
            return Vec::new();
        };
        let next = EventRef {
            index: at.index + 1,
            ..at
        };
        let after = graph::event_at(self.context.program, next).map(|event| &event.kind);
        let ended = |guard: GuardId| matches!(after, Some(EventKind::Release { guard: g, why: ReleaseWhy::Moved }) if *g == guard);
        let is_method = call.name.contains('.');
        let args = (0_u16..).zip(&call.args);
        args.flat_map(|(index, arg)| arg.guards.iter().map(move |guard| (*guard, index)))
            .filter(|(guard, index)| *index > 0 || !is_method || ended(*guard))
            .collect()
    }

    /// The doubt whether `holder`, held before the call at `edge` with the doubt
    /// `own`, still is where the callee goes on to `reach`; `None` if it is not.
    pub(super) fn doubt(
        &self,
        moved: &[(GuardId, u16)],
        edge: &Edge,
        reach: &Reach,
        holder: &Held,
        own: u8,
    ) -> Option<u8> {
        if self.given_back(moved, edge, reach) == Some(&holder.lock) {
            return None;
        }
        let handed = moved.iter().find(|(guard, _)| *guard == holder.guard);
        match handed.filter(|_| edge.via == Via::Call) {
            Some(&(_, param)) => {
                let doubt = self.still_held(edge, reach, param)?;
                Some(own.saturating_sub(MOVED).saturating_add(doubt))
            }
            None => Some(own),
        }
    }

    /// The lock of the guard that a call hands over and `reach` waits with: the
    /// wait gives it back.
    fn given_back(
        &self,
        moved: &[(GuardId, u16)],
        edge: &Edge,
        reach: &Reach,
    ) -> Option<&ObjectRef> {
        let program = self.context.program;
        let EventKind::Wait {
            guard: Some(own), ..
        } = graph::event_at(program, reach.at)?.kind
        else {
            return None;
        };
        let callee = program.functions.get(reach.at.function.index())?;
        let param = callee.guards.get(own.index())?.given?;
        if reach.at.function != edge.callee {
            return None;
        }
        let (guard, _) = moved.iter().find(|(_, index)| *index == param)?;
        let info = self
            .context
            .held
            .get(edge.at.function.index())?
            .guard(*guard)?;
        info.locks.first().map(|held| &held.lock)
    }

    /// Whether a guard that the call at `edge` hands over is still held where the
    /// callee goes on to `reach`; the doubt that stays if so.
    fn still_held(&self, edge: &Edge, reach: &Reach, param: u16) -> Option<u8> {
        let Context {
            program,
            held,
            summaries,
            ..
        } = self.context;
        let first = summaries.chain(reach).next().unwrap_or(reach.at);
        let has_it = |f: &Function| f.guards.iter().any(|guard| guard.given == Some(param));
        let callee = program.functions.get(edge.callee.index());
        if first.function != edge.callee || !callee.is_some_and(has_it) {
            return Some(MOVED);
        }
        let must = held.get(edge.callee.index())?.given_before(first, param)?;
        let handed_on = graph::event_at(program, first)
            .is_some_and(|event| !self.moved_guards(first, event).is_empty());
        Some(if must && !handed_on { 0 } else { MOVED })
    }
}
