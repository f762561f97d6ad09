//! What is done after a wait as if that had come which was waited for, before
//! anybody looks again.
//!
//! A loop around a wait helps where it leads back to the test that led to the
//! wait. Here it is asked what comes before that: whether the data that were
//! tested are changed, or something is taken out of them that has to be there.

use std::collections::BTreeSet;

use conclint_facts::{
    Analysis, BlockId, Event, EventKind, Function, GuardId, Origin, Origins, StmtKind, Target,
    Tells, Writing,
};
use smol_str::SmolStr;

use super::again::may_look;
use crate::flow::{Point, after, ends, event_at, events, leads_to_block, reaches, within};
use crate::reads::{may_be_one_field, origins_of};
use crate::ways::decides;

/// A field of the guarded data; `None` is all of them.
type Field = Option<SmolStr>;

/// What is done without a look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act<'f> {
    pub(super) event: &'f Event,
    pub(super) how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The data are changed.
    Changes,
    /// The program panics unless something is there.
    Insists,
    /// The loop is left for good when nothing is there.
    Leaves,
}

/// A wait and what was looked at before.
pub(super) struct Awaited<'f> {
    analysis: &'f Analysis,
    function: &'f Function,
    guard: GuardId,
    wait: Point,
    of_guard: Origins,
    /// The tests that lead to it.
    tests: Vec<Point>,
    /// What the last of them look at.
    fields: BTreeSet<Field>,
    /// Tests of `a && b` and `a || b`.
    joint: Vec<&'f Event>,
}

impl<'f> Awaited<'f> {
    /// `None` where no test of the guarded data tells whether to wait, or the
    /// condition of a loop does.
    pub(super) fn new(
        analysis: &'f Analysis,
        function: &'f Function,
        guard: GuardId,
        wait: Point,
    ) -> Option<Self> {
        let of_guard = origins_of(function, guard);
        let (tests, last) = tests(function, of_guard, wait)?;
        let fields = last.iter().flat_map(|event| match &event.kind {
            EventKind::Test { from, .. } => fields(function, from.and(of_guard)).collect(),
            _ => Vec::new(),
        });
        let joint = events(function).map(|(_, event)| event);
        Some(Awaited {
            analysis,
            function,
            guard,
            wait,
            of_guard,
            fields: fields.collect(),
            tests,
            joint: joint.filter(|event| is_joint(event)).collect(),
        })
    }

    /// The first thing that is done without a look. `again`: whoever calls the
    /// function does so again and again.
    pub(super) fn act(&self, again: bool) -> Option<Act<'f>> {
        self.fields
            .iter()
            .filter(|field| !self.is_noted(field))
            .find_map(|field| self.act_on(field, again))
    }

    /// Another field of the data is changed, and the lock let go, with no look at
    /// any of them.
    pub(super) fn beside(&self) -> Option<Act<'f>> {
        let looks = |event: &Event| match &event.kind {
            EventKind::Test { from, .. } => !from.and(self.of_guard).is_empty(),
            _ => self.hands_over(event),
        };
        let stop = |event: &Event| looks(event) || ends(event, self.guard);
        let changes = |event: &Event| match &event.kind {
            EventKind::Store {
                target: Target::Guarded { guard, field },
                how: Writing::Update | Writing::Assign,
                ..
            } => *guard == self.guard && !self.is_noted(field),
            _ => false,
        };
        let is_last = |at: Point| {
            let mut last = false;
            let visit = |_, event: &'f Event| last |= ends(event, self.guard);
            after(self.function, at, visit, stop);
            last
        };
        let mut found = None;
        after(
            self.function,
            self.wait,
            |at, event| {
                if found.is_none() && changes(event) && is_last(at) {
                    found = Some(event);
                }
            },
            stop,
        );
        let how = How::Changes;
        found.map(|event| Act { event, how })
    }

    fn act_on(&self, field: &Field, again: bool) -> Option<Act<'f>> {
        let function = self.function;
        let mut seen = vec![false; function.blocks.len()];
        let mut work = vec![(self.wait.block, self.wait.index as usize + 1, false)];
        while let Some((block, first, given_back)) = work.pop() {
            let Some(body) = function.blocks.get(block.index()) else {
                continue;
            };
            let mut given_back = given_back;
            let mut next = body.successors.as_slice();
            let numbered = body.events.iter().enumerate().skip(first);
            for (index, event) in numbered {
                let at = Point {
                    block,
                    index: index as u32,
                };
                if self.tests.contains(&at) {
                    next = &[];
                    break;
                }
                if let Some(act) = self.does(event, field, given_back) {
                    return Some(act);
                }
                given_back |= ends(event, self.guard);
                match self.looks(event, field) {
                    Look::No => {}
                    Look::Yes => {
                        next = &[];
                        break;
                    }
                    Look::OnlyLast => next = first_of(next),
                    Look::OnlyFirst => next = last_of(next),
                }
            }
            if again && block == EXIT {
                next = &[ENTRY];
            }
            for next in next {
                let known = seen.get_mut(next.index());
                if known.is_some_and(|known| !std::mem::replace(known, true)) {
                    work.push((*next, 0, given_back));
                }
            }
        }
        None
    }

    /// What the event does, as if `field` were as it was waited for. Once the
    /// guard was `given_back`, only a count that goes on tells.
    fn does(&self, event: &'f Event, field: &Field, given_back: bool) -> Option<Act<'f>> {
        let how = match &event.kind {
            EventKind::Store {
                target: Target::Guarded { guard, field: to },
                how,
                ..
            } if *guard == self.guard && is_of(to, field) => {
                let changes = match how {
                    Writing::Update => true,
                    Writing::Assign => !given_back,
                    Writing::Method(name) => !given_back && adds(name),
                    Writing::Call => false,
                };
                changes.then_some(How::Changes)
            }
            EventKind::Insist { from } => {
                let mut of = fields(self.function, from.and(self.of_guard));
                of.any(|of| is_of(&of, field)).then_some(How::Insists)
            }
            EventKind::Test {
                from,
                tells: Tells::Missing(nothing),
                ..
            } if self.covers(*from, field) && self.leaves(*nothing) => Some(How::Leaves),
            _ => None,
        }?;
        Some(Act { event, how })
    }

    /// In a loop around the wait: no way leads back to it from there.
    fn leaves(&self, block: BlockId) -> bool {
        reaches(self.function, self.wait, self.wait)
            && !leads_to_block(self.function, block, self.wait.block)
    }

    fn looks(&self, event: &Event, field: &Field) -> Look {
        match &event.kind {
            EventKind::Test { from, tells, .. } if self.covers(*from, field) => match tells {
                _ if self.is_operand(event) => Look::No,
                Tells::Both => Look::OnlyLast,
                Tells::Neither => Look::OnlyFirst,
                Tells::Each | Tells::Missing(_) => Look::Yes,
            },
            _ if self.hands_over(event) => Look::Yes,
            _ => Look::No,
        }
    }

    /// Whoever is handed the data may look, unless it has no branches.
    fn hands_over(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Call(call) => {
                let mut args = call.args.iter();
                args.any(|arg| arg.borrows == Some(self.guard) || arg.guards.contains(&self.guard))
                    && may_look(self.analysis, call)
            }
            EventKind::Wait { guard, .. } => *guard == Some(self.guard),
            EventKind::CallParam { .. } => true,
            _ => false,
        }
    }

    /// The event is the test of one side of an `&&` or `||`.
    fn is_operand(&self, event: &Event) -> bool {
        let mut joint = self.joint.iter();
        joint.any(|whole| whole.site != event.site && within(event.site, whole.site))
    }

    fn covers(&self, from: Origins, field: &Field) -> bool {
        fields(self.function, from.and(self.of_guard))
            .any(|one| may_be_one_field(one.as_ref(), field.as_ref()))
    }

    /// The field is changed in the branch before the wait: it tells others of
    /// who waits.
    fn is_noted(&self, field: &Field) -> bool {
        let block = self.function.blocks.get(self.wait.block.index());
        let before = block.map_or(&[][..], |block| {
            &block.events[..(self.wait.index as usize).min(block.events.len())]
        });
        before.iter().any(|event| {
            matches!(
                &event.kind,
                EventKind::Store { target: Target::Guarded { guard, field: to }, .. }
                    if *guard == self.guard && may_be_one_field(to.as_ref(), field.as_ref())
            )
        })
    }
}

/// The tests of guarded data that tell whether to wait, and which of them are
/// the last word: those of the branch around the wait, or else all. `None` where
/// there is none, or a loop's condition is the last word.
fn tests(function: &Function, of_guard: Origins, wait: Point) -> Option<(Vec<Point>, Vec<&Event>)> {
    let at_wait = event_at(function, wait)?;
    let start = |event: &Event| (event.site.line, event.site.column);
    let looks = |event: &Event| match &event.kind {
        EventKind::Test { from, .. } => !from.and(of_guard).is_empty(),
        _ => false,
    };
    let before: Vec<(Point, &Event)> = events(function)
        .filter(|(_, event)| looks(event) && start(event) < start(at_wait))
        .collect();
    let tells = |at: Point| decides(function, at, wait);
    let mut last: Vec<&Event> = before.iter().map(|(_, event)| *event).collect();
    let mut stmt = Some(at_wait.stmt);
    while let Some(id) = stmt {
        let body = function.stmts.get(id.index())?;
        let own = || before.iter().filter(|(_, event)| event.stmt == id);
        if own().any(|(at, _)| tells(*at)) {
            if body.kind == StmtKind::Loop {
                return None;
            }
            last = own().map(|(_, event)| *event).collect();
            break;
        }
        stmt = body.parent;
    }
    let is_last = |event: &Event| last.iter().any(|last| std::ptr::eq(*last, event));
    let mut all = before.clone();
    all.retain(|(at, event)| is_last(event) || tells(*at));
    let tells = all.iter().any(|(at, _)| tells(*at));
    tells.then(|| (all.into_iter().map(|(at, _)| at).collect(), last))
}

/// Whether the field was looked at, and on which way out of the block.
enum Look {
    No,
    Yes,
    OnlyFirst,
    OnlyLast,
}

const ENTRY: BlockId = BlockId(0);
const EXIT: BlockId = BlockId(1);

fn first_of(ways: &[BlockId]) -> &[BlockId] {
    ways.get(..1).unwrap_or(ways)
}

fn last_of(ways: &[BlockId]) -> &[BlockId] {
    ways.get(1..).unwrap_or(ways)
}

fn is_joint(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Test {
            tells: Tells::Both | Tells::Neither,
            ..
        }
    )
}

fn fields(function: &Function, from: Origins) -> impl Iterator<Item = Field> {
    from.iter()
        .filter_map(|position| match function.origins.get(position) {
            Some(Origin::Guarded { field, .. }) => Some(field.clone()),
            _ => None,
        })
}

/// What is done to `part` is done to what was waited for.
fn is_of(part: &Field, waited_for: &Field) -> bool {
    part.is_none() || part == waited_for
}

/// Methods that add to a collection: there has to be room.
fn adds(name: &str) -> bool {
    name.starts_with("push") || matches!(name, "insert" | "extend" | "append" | "enqueue")
}
