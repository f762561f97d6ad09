//! Which kinds of events a function has at all.
//!
//! Most questions are about few functions: those that wait, that spawn, that
//! lock. To walk through all events of a large program takes longer than to
//! answer, so the kinds are noted once.

use std::ops::BitOr;

use rayon::prelude::*;

use super::graph;
use crate::program::*;

/// A set of kinds of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// [`EventKind::Acquire`].
    pub const ACQUIRE: Kinds = Kinds(1);
    /// [`EventKind::CallParam`].
    pub const CALL_PARAM: Kinds = Kinds(1 << 1);
    /// [`EventKind::Await`].
    pub const AWAIT: Kinds = Kinds(1 << 2);
    /// [`EventKind::Spawn`].
    pub const SPAWN: Kinds = Kinds(1 << 3);
    /// [`EventKind::Join`].
    pub const JOIN: Kinds = Kinds(1 << 4);
    /// [`EventKind::Wait`].
    pub const WAIT: Kinds = Kinds(1 << 5);
    /// [`EventKind::Notify`].
    pub const NOTIFY: Kinds = Kinds(1 << 6);
    /// [`EventKind::Store`].
    pub const STORE: Kinds = Kinds(1 << 7);
    /// [`EventKind::SenderAlive`].
    pub const SENDER_ALIVE: Kinds = Kinds(1 << 8);
    /// [`EventKind::Stop`].
    pub const STOP: Kinds = Kinds(1 << 9);
    /// A call whose target is not known.
    pub const UNKNOWN_CALL: Kinds = Kinds(1 << 10);
    /// A call that is given a closure or a named function.
    pub const CLOSURE_ARG: Kinds = Kinds(1 << 11);
    /// A call that is given an object with a class.
    pub const OBJECT_ARG: Kinds = Kinds(1 << 12);
    /// [`EventKind::SenderKept`].
    pub const SENDER_KEPT: Kinds = Kinds(1 << 13);
    /// [`EventKind::SenderLetGo`].
    pub const SENDER_LET_GO: Kinds = Kinds(1 << 14);

    /// Whether some kind is in both.
    pub fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// Those of each function.
    pub(super) fn of(program: &Program) -> Vec<Kinds> {
        let of = |function: &Function| {
            function
                .blocks
                .iter()
                .flat_map(|block| &block.events)
                .fold(Kinds::default(), |kinds, event| kinds | of_event(event))
        };
        let functions = program.functions.par_iter().with_min_len(256);
        functions.map(of).collect()
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

fn of_event(event: &Event) -> Kinds {
    let plain = match &event.kind {
        EventKind::Acquire { .. } => Kinds::ACQUIRE,
        EventKind::CallParam { .. } => Kinds::CALL_PARAM,
        EventKind::Await => Kinds::AWAIT,
        EventKind::Spawn(_) => Kinds::SPAWN,
        EventKind::Join { .. } => Kinds::JOIN,
        EventKind::Wait { .. } => Kinds::WAIT,
        EventKind::Notify { .. } => Kinds::NOTIFY,
        EventKind::Store { .. } => Kinds::STORE,
        EventKind::SenderAlive { .. } => Kinds::SENDER_ALIVE,
        EventKind::Stop { .. } => Kinds::STOP,
        EventKind::SenderKept(_) => Kinds::SENDER_KEPT,
        EventKind::SenderLetGo { .. } => Kinds::SENDER_LET_GO,
        _ => Kinds::default(),
    };
    graph::call_of(event).map_or(plain, |call| plain | of_call(call))
}

fn of_call(call: &Call) -> Kinds {
    let only = |kinds: Kinds, fits: bool| if fits { kinds } else { Kinds::default() };
    only(Kinds::UNKNOWN_CALL, call.resolution == Resolution::Unknown)
        | only(
            Kinds::CLOSURE_ARG,
            call.args.iter().any(|arg| arg.closure.is_some()),
        )
        | only(
            Kinds::OBJECT_ARG,
            call.args.iter().any(|arg| arg.class.is_some()),
        )
}
