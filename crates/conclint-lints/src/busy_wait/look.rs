//! What a loop looks at: a value that another thread changes, or a method that
//! tells of one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use conclint_facts::{
    Analysis, Blocking, Call, ClassId, Event, EventKind, FnId, Function, Origin, Origins,
    Resolution, Writing, takes_out,
};

use crate::flow::{Point, events};
use crate::reads::origins_of;
use crate::trace::Draw;

/// How deep methods that are asked ask others.
const DEPTH: u32 = 3;

/// A look at what another thread changes.
pub(super) struct Look {
    /// What is looked at, for people.
    pub(super) name: String,
    pub(super) what: String,
    /// The atomic that is looked at.
    pub(super) object: Option<ClassId>,
    /// The results that tell of it.
    pub(super) from: Origins,
    /// It is an exchange: where it fails, the state is another one, and the next
    /// round may go another way.
    pub(super) exchanges: bool,
    /// It tries to take a lock.
    pub(super) tries: bool,
    /// It is a call.
    pub(super) asks: bool,
    /// A pause must show that the loop waits: the look itself may do some work.
    pub(super) needs_pause: bool,
    /// It takes something out, where there is something.
    pub(super) takes: bool,
}

impl Look {
    fn new(name: String, what: String, from: Origins) -> Self {
        Look {
            name,
            what,
            object: None,
            from,
            exchanges: false,
            tries: false,
            asks: false,
            needs_pause: false,
            takes: false,
        }
    }

    pub(super) fn of(
        analysis: &Analysis,
        questions: &Questions<'_>,
        id: FnId,
        function: &Function,
        at: Point,
        event: &Event,
    ) -> Option<Look> {
        let draw = Draw::new(analysis.program());
        let result = || position(function, at).map(Origins::one);
        match &event.kind {
            EventKind::Load {
                object, exchange, ..
            } if !object.exclusive => {
                let name = draw.name(object);
                let what = format!("looks at `{name}`");
                Some(Look {
                    object: object.class,
                    exchanges: *exchange,
                    ..Look::new(name, what, result()?)
                })
            }
            EventKind::Acquire {
                guard, blocking, ..
            } if *blocking != Blocking::Timed => {
                let info = analysis.guard(id, *guard)?;
                let name = draw.name(&info.locks.first()?.lock);
                let data = origins_of(function, *guard);
                if *blocking == Blocking::Waits && !data.is_empty() {
                    let what = format!("takes `{name}` to look at what it guards");
                    return Some(Look::new(name, what, data));
                }
                let what = format!("tries to take `{name}`");
                Some(Look {
                    tries: *blocking != Blocking::Waits,
                    ..Look::new(name, what, result()?)
                })
            }
            EventKind::Recv {
                channel,
                blocking: Blocking::Try | Blocking::Spins,
                ..
            } => {
                let name = channel.as_ref().map_or_else(String::new, |c| draw.name(c));
                Some(Look::new(name, "looks for a message".to_owned(), result()?))
            }
            EventKind::Asks { of, what } => {
                let asked = match of.as_str() {
                    "" => what.to_string(),
                    of => of.to_owned(),
                };
                let what = format!("asks `{what}`");
                Some(Look::new(asked, what, result()?))
            }
            EventKind::Call(call) => {
                let asked = questions.asked(call)?;
                let what = format!("asks `{}`", call.name);
                Some(Look {
                    asks: true,
                    needs_pause: !asked.only,
                    takes: asked.takes,
                    ..Look::new(call.name.to_string(), what, result()?)
                })
            }
            _ => None,
        }
    }
}

/// What a call that asks does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// It does nothing else.
    pub(super) only: bool,
    /// It takes something out, where there is something.
    pub(super) takes: bool,
}

/// What calls ask, by function and by how deep they are followed from there.
pub(super) struct Questions<'a> {
    analysis: &'a Analysis,
    known: RefCell<BTreeMap<(FnId, u32), Option<Asked>>>,
}

impl<'a> Questions<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        Questions {
            analysis,
            known: RefCell::default(),
        }
    }

    /// Nothing where the call does not surely take a lock or read an atomic, or
    /// does something that waits.
    pub(super) fn asked(&self, call: &Call) -> Option<Asked> {
        self.within(call, DEPTH)
    }

    fn within(&self, call: &Call, depth: u32) -> Option<Asked> {
        let (Resolution::Exact, &[callee]) = (call.resolution, call.targets.as_slice()) else {
            return None;
        };
        // What is polled under that name is mostly a device, or a future; and who
        // asks for the time gives up after some.
        let name = call.name.rsplit(['.', ':']).next().unwrap_or_default();
        if name.starts_with("poll") || matches!(name, "now" | "elapsed") {
            return None;
        }
        if let Some(known) = self.known.borrow().get(&(callee, depth)) {
            return *known;
        }
        let asked = self.of_body(self.analysis.function(callee), depth);
        self.known.borrow_mut().insert((callee, depth), asked);
        asked
    }

    fn of_body(&self, body: &Function, depth: u32) -> Option<Asked> {
        if body.is_async {
            return None;
        }
        let mut looks = false;
        let mut asked = Asked {
            only: !body.acts,
            takes: false,
        };
        for (_, event) in events(body) {
            match &event.kind {
                EventKind::Acquire { blocking, .. } => {
                    looks = true;
                    asked.only &= *blocking != Blocking::Timed;
                }
                EventKind::Load { exchange, .. } => {
                    looks = true;
                    asked.only &= !exchange;
                }
                EventKind::Asks { .. } => looks = true,
                EventKind::Recv {
                    blocking: Blocking::Try | Blocking::Spins,
                    ..
                } => {
                    looks = true;
                    asked.takes = true;
                }
                EventKind::Recv { .. }
                | EventKind::Wait { .. }
                | EventKind::Block { .. }
                | EventKind::Await
                | EventKind::Join { .. } => return None,
                EventKind::Call(inner) => match depth {
                    0 => asked.only = false,
                    _ => match self.within(inner, depth - 1) {
                        Some(inner) => {
                            looks = true;
                            asked.only &= inner.only;
                            asked.takes |= inner.takes;
                        }
                        None => asked.only = false,
                    },
                },
                EventKind::Store { how, .. } => match is_taking(how) {
                    true => asked.takes = true,
                    false => asked.only = false,
                },
                EventKind::Release { .. }
                | EventKind::Use { .. }
                | EventKind::ReturnGuard { .. }
                | EventKind::Test { .. }
                | EventKind::Take { .. }
                | EventKind::Insist { .. } => {}
                _ => asked.only = false,
            }
        }
        looks.then_some(asked)
    }
}

/// The write takes something out, where there is something.
pub(super) fn is_taking(how: &Writing) -> bool {
    matches!(how, Writing::Method(name) if takes_out(name))
}

/// Where the result of the event stands among the origins.
pub(super) fn position(function: &Function, at: Point) -> Option<usize> {
    let this = Origin::Event {
        block: at.block,
        index: at.index,
    };
    function.origins.iter().position(|origin| *origin == this)
}
