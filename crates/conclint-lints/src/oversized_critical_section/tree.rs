//! The statements of a function as a tree, with what happens in each: which of
//! them the guarded data takes part in, and which could stand elsewhere.

use std::collections::BTreeSet;

use conclint_facts::{
    BlockKind, Event, EventKind, Function, Guard, GuardId, LocalId, LockSource, Place as Path,
    ReleaseWhy, Site, Stmt, StmtId, StmtKind, WorkKind,
};

use super::section::{Group, Place};
use super::weight::{Weight, Weights};
use crate::flow::{Point, after, ends, events, touches};

fn lies_in(inner: Site, outer: Site) -> bool {
    (inner.line, inner.column) >= (outer.line, outer.column)
        && (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
}

/// Whether `place` is, or lies in, what the lock at `lock` guards.
fn is_part_of(place: &Path, lock: Option<&Path>) -> bool {
    lock.is_none_or(|lock| place.root == lock.root && place.path.starts_with(&lock.path))
}

/// A function's statements as a tree, each with the events that happen in it.
pub(super) struct Tree<'f> {
    function: &'f Function,
    pub(super) children: Vec<Vec<StmtId>>,
    roots: Vec<StmtId>,
    events: Vec<Vec<(Point, &'f Event)>>,
    /// The variables that borrow what a guard gives access to.
    borrows: BTreeSet<(LocalId, GuardId)>,
    owned: BTreeSet<LocalId>,
}

impl<'f> Tree<'f> {
    pub(super) fn of(function: &'f Function) -> Self {
        let mut children = vec![Vec::new(); function.stmts.len()];
        let mut roots = Vec::new();
        for (id, stmt) in (0..).map(StmtId).zip(&function.stmts) {
            match stmt
                .parent
                .and_then(|parent| children.get_mut(parent.index()))
            {
                Some(siblings) => siblings.push(id),
                None => roots.push(id),
            }
        }
        let mut by_stmt = vec![Vec::new(); function.stmts.len()];
        for (point, event) in events(function) {
            if let Some(list) = by_stmt.get_mut(event.stmt.index()) {
                list.push((point, event));
            }
        }
        let locals = &function.locals;
        let borrows = locals.iter().filter_map(|l| Some((l.id, l.borrows?)));
        let owned = locals.iter().filter(|l| l.owned).map(|l| l.id);
        Tree {
            function,
            children,
            roots,
            events: by_stmt,
            borrows: borrows.collect(),
            owned: owned.collect(),
        }
    }

    pub(super) fn stmt(&self, id: StmtId) -> Option<&'f Stmt> {
        self.function.stmts.get(id.index())
    }

    /// The statement and all statements in it.
    pub(super) fn within(&self, id: StmtId) -> Vec<StmtId> {
        let mut all = vec![id];
        let mut next = 0;
        while let Some(stmt) = all.get(next) {
            if let Some(children) = self.children.get(stmt.index()) {
                all.extend(children);
            }
            next += 1;
        }
        all
    }

    /// Which of these statements the guarded data takes part in: also by a
    /// variable that came out of it and may still borrow from it.
    pub(super) fn touching(&self, body: &[StmtId], id: GuardId) -> Vec<bool> {
        let mut derived: BTreeSet<LocalId> = BTreeSet::new();
        let mut touching = Vec::with_capacity(body.len());
        for &stmt in body {
            let uses_derived = self
                .within(stmt)
                .iter()
                .filter_map(|inner| self.stmt(*inner))
                .any(|inner| inner.uses.iter().any(|used| derived.contains(used)));
            let touches = uses_derived || self.touches(stmt, id);
            if touches {
                derived.extend(self.defs(stmt).filter(|local| !self.owned.contains(local)));
            }
            touching.push(touches);
        }
        touching
    }

    /// Heavy calls among the arguments of the first use of the guarded data,
    /// which is in the statement itself: `m.lock().insert(key, compute(x))`.
    pub(super) fn arguments(
        &self,
        stmt: StmtId,
        id: GuardId,
        weights: &Weights<'_>,
    ) -> Option<Group> {
        let own = self.events.get(stmt.index())?;
        let declared = self.function.guards.get(id.index())?;
        let acquired = self
            .events
            .iter()
            .flatten()
            .find_map(|(_, event)| match &event.kind {
                EventKind::Acquire {
                    guard,
                    source: LockSource::Direct(lock),
                    ..
                } if *guard == id => Some(&lock.place),
                _ => None,
            });
        let mut taken = declared.stmt != stmt;
        let mut uses = 0;
        let mut weight = Weight::default();
        let mut site: Option<Site> = None;
        for (_, event) in own {
            let apart = match &event.kind {
                EventKind::Acquire { guard, .. } if *guard == id => {
                    taken = true;
                    continue;
                }
                EventKind::Use { guard, .. } if *guard == id => {
                    uses += 1;
                    continue;
                }
                _ if ends(event, id) => break,
                EventKind::Work { what, .. } => what.contains("::"),
                EventKind::Call(call) if weights.only_computes(call) => {
                    call.args.iter().all(|arg| {
                        arg.place
                            .as_ref()
                            .is_some_and(|place| !is_part_of(place, acquired))
                    })
                }
                // What comes behind it may hang on it.
                _ if taken => break,
                _ => continue,
            };
            // Behind where the lock is taken, not around it.
            let given = own.iter().any(|(_, other)| {
                matches!(other.kind, EventKind::Use { guard, .. } if guard == id)
                    && other.site != event.site
                    && lies_in(other.site, event.site)
            });
            let behind = (event.site.line, event.site.column)
                >= (declared.site.end_line, declared.site.end_column);
            if taken && uses == 1 && apart && !given && behind && weights.is_heavy(event) {
                weights.add(&mut weight, event, false);
                site.get_or_insert(event.site);
            }
        }
        let site = site?;
        Some(Group {
            place: Place::InArguments,
            first: site,
            last: site,
            by_call: !own.iter().any(|(_, event)| {
                matches!(event.kind, EventKind::Work { .. }) && weights.is_heavy(event)
            }),
            brief: false,
            alone: false,
            reasons: weight.reasons(),
        })
    }

    /// Whether something goes to the terminal or a log there.
    pub(super) fn prints(&self, stmt: StmtId) -> bool {
        self.events_within(stmt).any(|(_, event)| {
            matches!(
                event.kind,
                EventKind::Work {
                    kind: WorkKind::Print,
                    ..
                }
            )
        })
    }

    /// Whether a line is put into a file or a buffer there.
    pub(super) fn writes(&self, stmt: StmtId) -> bool {
        self.events_within(stmt)
            .any(|(_, event)| match &event.kind {
                EventKind::Work { what, .. } => {
                    matches!(what.trim_end_matches('!'), "write" | "writeln")
                }
                EventKind::Block { kind, .. } => *kind == BlockKind::File,
                _ => false,
            })
    }

    /// The variables that a statement may give a new value: those that it binds,
    /// and what a call that gives nothing back may fill: `check(&guard, &mut all)?;`.
    pub(super) fn changed(&self, id: StmtId) -> Vec<LocalId> {
        let mut changed: Vec<LocalId> = self.defs(id).collect();
        if let Some(stmt) = self.stmt(id).filter(|stmt| stmt.kind == StmtKind::Expr) {
            changed.extend(&stmt.uses);
        }
        changed
    }

    /// The variables that the statement and those in it bind or assign.
    fn defs(&self, id: StmtId) -> impl Iterator<Item = LocalId> + '_ {
        self.within(id)
            .into_iter()
            .filter_map(|stmt| self.stmt(stmt))
            .flat_map(|stmt| stmt.defs.iter().copied())
    }

    /// The events in the statement and in those in it.
    fn events_within(&self, id: StmtId) -> impl Iterator<Item = (Point, &'f Event)> + '_ {
        self.within(id)
            .into_iter()
            .filter_map(|stmt| self.events.get(stmt.index()))
            .flatten()
            .copied()
    }

    /// The statements behind the guard's own, in its block, that run under the lock.
    pub(super) fn under_lock(&self, id: GuardId, guard: &Guard) -> Option<Vec<StmtId>> {
        let own = self.stmt(guard.stmt)?;
        let siblings = match own.parent {
            Some(parent) => self.children.get(parent.index())?,
            None => &self.roots,
        };
        let taken = self
            .events_within(guard.stmt)
            .find_map(|(point, event)| match event.kind {
                EventKind::Acquire { guard: g, .. } if g == id => Some(point),
                _ => None,
            })?;
        let mut held = BTreeSet::new();
        let mut scope_end = (0, 0);
        let note = |_, event: &Event| {
            held.insert(event.stmt);
            if matches!(event.kind, EventKind::Release { guard, why: ReleaseWhy::ScopeEnd } if guard == id)
            {
                scope_end = scope_end.max((event.site.line, event.site.column));
            }
        };
        after(self.function, taken, note, |event| ends(event, id));
        let covered = |stmt: StmtId| {
            self.within(stmt).iter().any(|inner| held.contains(inner))
                // Nothing of note happens in it, but the scope's end comes later.
                || self.stmt(stmt).is_some_and(|stmt| (stmt.site.line, stmt.site.column) < scope_end)
        };
        let mut body: Vec<StmtId> = siblings
            .iter()
            .copied()
            .skip_while(|stmt| *stmt != guard.stmt)
            .skip(1)
            .collect();
        // Behind the last statement in which the guard is seen, it is gone.
        let last = body.iter().rposition(|stmt| covered(*stmt))?;
        body.truncate(last + 1);
        if body
            .last()
            .is_some_and(|stmt| self.only_releases(*stmt, id))
        {
            body.pop();
        }
        Some(body)
    }

    /// `drop(guard);`: where the section ends.
    fn only_releases(&self, stmt: StmtId, id: GuardId) -> bool {
        let own = self.events.get(stmt.index()).map_or(&[][..], Vec::as_slice);
        own.iter().any(|(_, event)| {
            matches!(event.kind, EventKind::Release { guard, why: ReleaseWhy::Dropped | ReleaseWhy::Moved } if guard == id)
        }) && self.children.get(stmt.index()).is_none_or(Vec::is_empty)
    }

    /// Whether the guarded data takes part in the statement, or the guard can end in it.
    pub(super) fn touches(&self, stmt: StmtId, id: GuardId) -> bool {
        self.within(stmt)
            .into_iter()
            .any(|stmt| self.touches_itself(stmt, id))
    }

    /// As `touches`, leaving aside the statements in it.
    pub(super) fn touches_itself(&self, stmt: StmtId, id: GuardId) -> bool {
        let borrowed = |local: &LocalId| self.borrows.contains(&(*local, id));
        // The end of the guard's scope may be noted in the block's last statement.
        let gone = |event: &Event| match event.kind {
            EventKind::Release { guard, why } => {
                guard == id && !matches!(why, ReleaseWhy::ScopeEnd | ReleaseWhy::NotTaken)
            }
            _ => false,
        };
        let own = self.events.get(stmt.index()).map_or(&[][..], Vec::as_slice);
        self.stmt(stmt)
            .is_some_and(|stmt| stmt.uses.iter().any(borrowed))
            || own
                .iter()
                .any(|(_, event)| touches(event, id) || gone(event))
    }

    /// Whether the statement can run without this lock: nothing in it is seen
    /// by other threads, takes part in another lock's section, or can block.
    pub(super) fn movable(&self, stmt: StmtId, id: GuardId, weights: &Weights<'_>) -> bool {
        self.events_within(stmt)
            .all(|(_, event)| match &event.kind {
                EventKind::Release { guard, .. } => *guard == id,
                EventKind::Work { .. }
                | EventKind::Test { .. }
                | EventKind::Insist { .. }
                | EventKind::Take { .. }
                | EventKind::EndsOn { .. }
                | EventKind::Closed { .. }
                | EventKind::Asks { .. }
                | EventKind::Other => true,
                EventKind::Call(call) => weights.only_computes(call),
                _ => false,
            })
    }

    /// The statements as one group, where they weigh enough.
    pub(super) fn group(
        &self,
        stmts: &[StmtId],
        weights: &Weights<'_>,
        place: Place,
    ) -> Option<Group> {
        let weighed: Vec<(StmtId, Weight)> = stmts
            .iter()
            .map(|stmt| (*stmt, self.weight(*stmt, weights)))
            .collect();
        // Statements that weigh nothing need not move, unless one that does
        // stands on their far side.
        let heavy = |(_, weight): &(StmtId, Weight)| weight.is_reason();
        let stmts: Vec<&(StmtId, Weight)> = if place != Place::After {
            let last = weighed.iter().rposition(heavy)?;
            weighed.get(..=last)?.iter().collect()
        } else {
            let first = weighed.iter().position(heavy)?;
            weighed.get(first..)?.iter().collect()
        };
        let first = self.stmt(stmts.first()?.0)?.site;
        let last = self.stmt(stmts.last()?.0)?.site;
        let by_call = stmts.iter().all(|(_, weight)| weight.is_by_call());
        let mut reasons: Vec<String> = Vec::new();
        for (_, weight) in &stmts {
            for reason in weight.reasons() {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        reasons.truncate(3);
        let sorts = stmts.iter().all(|(_, weight)| weight.only_sorts());
        let small = stmts.iter().all(|(_, weight)| weight.may_be_small());
        let mut group = Group {
            place,
            first,
            last,
            by_call,
            brief: false,
            alone: reasons.len() == 1 && small && place != Place::InRounds && !self.function.counts,
            reasons,
        };
        group.brief = sorts && place == Place::After && group.lines() <= 3;
        Some(group)
    }

    pub(super) fn weight(&self, id: StmtId, weights: &Weights<'_>) -> Weight {
        let within = self.within(id);
        let looped: BTreeSet<StmtId> = within
            .iter()
            .copied()
            .filter(|stmt| {
                self.stmt(*stmt)
                    .is_some_and(|stmt| stmt.kind == StmtKind::Loop)
            })
            .flat_map(|stmt| self.within(stmt))
            .collect();
        let mut weight = Weight::default();
        if !looped.is_empty() {
            weight.looped();
        }
        for (point, event) in self.events_within(id) {
            let in_loop = looped.contains(&event.stmt) || self.repeats(point, &within);
            weights.add(&mut weight, event, in_loop);
        }
        weight
    }

    /// Whether control can come back to `point` without leaving these
    /// statements: the closure of an iterator runs once for each element.
    fn repeats(&self, point: Point, within: &[StmtId]) -> bool {
        let mut again = false;
        after(
            self.function,
            point,
            |reached, _| again |= reached == point,
            |event| !within.contains(&event.stmt),
        );
        again
    }
}
