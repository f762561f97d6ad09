//! From the statements of a function to its critical sections, and to those
//! of their statements that could stand outside.
//!
//! A section is what follows the guard's `let` in the same block until the
//! guard ends. Only its first statements, up to the first one that touches
//! the guarded data, and its last ones, after the last such one, are
//! candidates: those can move without splitting the section in two. So can,
//! in a loop that runs over something else, what each round computes first.

use std::collections::BTreeSet;

use conclint_facts::{
    BlockKind, Event, EventKind, Function, Guard, GuardId, LocalId, LockSource, Place as Path,
    ReleaseWhy, Site, Stmt, StmtId, StmtKind, WorkKind,
};

use super::weight::{Weight, Weights};
use crate::flow::{Point, after, ends, events, touches};

/// A critical section with something to move out.
pub(super) struct Section {
    pub(super) guard: GuardId,
    /// The statement that takes the lock.
    pub(super) taken: Site,
    /// Where the section ends.
    end: u32,
    /// Statements that could stand elsewhere, in the order of the source.
    pub(super) groups: Vec<Group>,
}

impl Section {
    /// Lines under the lock, the one that takes it included.
    pub(super) fn lines(&self) -> u32 {
        (self.end + 1).saturating_sub(self.taken.line)
    }
}

/// Where statements stand, and so where they can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first use of the guarded data.
    Before,
    /// In the rounds of a loop that uses the guarded data: what they compute.
    InRounds,
    /// After the last use of the guarded data.
    After,
    /// Among the arguments of its first use: evaluated with the lock held.
    InArguments,
}

/// Neighbouring statements that can move together.
pub(super) struct Group {
    pub(super) place: Place,
    pub(super) first: Site,
    pub(super) last: Site,
    /// What makes them worth moving.
    pub(super) reasons: Vec<String>,
    /// All that weighs are calls to functions that loop: how long that takes
    /// hangs on what they are given.
    pub(super) by_call: bool,
    /// One thing weighs, and is over soon where there is little to go through: a
    /// sort of what was copied out, a text made of it, a line for the terminal.
    pub(super) brief: bool,
}

impl Group {
    pub(super) fn lines(&self) -> u32 {
        (self.last.end_line + 1).saturating_sub(self.first.line)
    }
}

/// The sections of a function that are worth a word.
pub(super) fn sections(function: &Function, weights: &Weights<'_>) -> Vec<Section> {
    let mut found = Vec::new();
    if function.guards.is_empty() {
        return found;
    }
    let tree = Tree::of(function);
    for (index, guard) in function.guards.iter().enumerate() {
        // A guard that goes elsewhere ends elsewhere.
        if guard.returned || guard.escapes {
            continue;
        }
        let id = GuardId(index as u32);
        if guard.name.is_some() {
            found.extend(section(&tree, weights, id, guard));
        } else {
            found.extend(one_statement(&tree, weights, id, guard));
        }
    }
    found
}

fn section(tree: &Tree<'_>, weights: &Weights<'_>, id: GuardId, guard: &Guard) -> Option<Section> {
    let taken = tree.stmt(guard.stmt)?;
    let body = tree.under_lock(id, guard)?;
    let touching = tree.touching(&body, id);
    // A guard that is never used protects something else: that is for the author to know.
    let first = touching.iter().position(|t| *t)?;
    let last = touching.iter().rposition(|t| *t)?;
    let end = body
        .iter()
        .filter_map(|stmt| tree.stmt(*stmt))
        .map(|stmt| stmt.site.end_line)
        .max()?;
    let mut before: Vec<StmtId> = body
        .get(..first)?
        .iter()
        .copied()
        .take_while(|stmt| tree.movable(*stmt, id, weights))
        .collect();
    let mut behind: Vec<StmtId> = body
        .get(last + 1..)?
        .iter()
        .rev()
        .copied()
        .take_while(|stmt| tree.movable(*stmt, id, weights))
        .collect();
    behind.reverse();
    let used = body.get(first..=last)?;
    if used
        .iter()
        .any(|stmt| tree.prints(*stmt) || tree.writes(*stmt))
    {
        // The order of what is printed is part of what the lock keeps.
        let silent = |stmt: &StmtId| !tree.prints(*stmt);
        let from = before
            .iter()
            .rposition(|stmt| !silent(stmt))
            .map_or(0, |at| at + 1);
        before.drain(..from);
        behind = behind.into_iter().take_while(silent).collect();
    }
    let mut groups = Vec::new();
    groups.extend(tree.group(&before, weights, Place::Before));
    if before.len() == first {
        groups.extend(tree.arguments(*body.get(first)?, id, weights));
    }
    groups.extend(in_rounds(tree, weights, id, used));
    groups.extend(tree.group(&behind, weights, Place::After));
    let end = end.max(taken.site.end_line);
    (!groups.is_empty()).then_some(Section {
        guard: id,
        taken: taken.site,
        end,
        groups,
    })
}

/// The section of a temporary guard: the rest of its statement.
fn one_statement(
    tree: &Tree<'_>,
    weights: &Weights<'_>,
    id: GuardId,
    guard: &Guard,
) -> Option<Section> {
    let taken = tree.stmt(guard.stmt)?;
    let group = tree.arguments(guard.stmt, id, weights)?;
    Some(Section {
        guard: id,
        taken: taken.site,
        end: taken.site.end_line,
        groups: vec![group],
    })
}

/// What the rounds of a loop compute before they touch the guarded data, from
/// nothing that comes out of it: all rounds can do so before the lock is taken.
fn in_rounds(
    tree: &Tree<'_>,
    weights: &Weights<'_>,
    id: GuardId,
    body: &[StmtId],
) -> Option<Group> {
    let mut derived: BTreeSet<LocalId> = BTreeSet::new();
    for outer in body {
        let stmt = tree.stmt(*outer)?;
        let head_touches =
            tree.touches_itself(*outer, id) || stmt.uses.iter().any(|used| derived.contains(used));
        if stmt.kind == StmtKind::Loop && !head_touches {
            let mut inner = derived.clone();
            for child in tree.children.get(outer.index())? {
                let round = tree.stmt(*child)?;
                let depends = tree
                    .within(*child)
                    .iter()
                    .filter_map(|s| tree.stmt(*s))
                    .any(|s| s.uses.iter().any(|used| inner.contains(used)));
                if tree.touches(*child, id) || depends {
                    inner.extend(tree.changed(*child));
                } else if round.kind == StmtKind::Let
                    && !tree
                        .within(*child)
                        .iter()
                        .filter_map(|s| tree.stmt(*s))
                        .any(|s| s.pinned)
                    && tree.movable(*child, id, weights)
                    && tree.weight(*child, weights).is_heavy()
                {
                    return tree.group(&[*child], weights, Place::InRounds);
                }
            }
        }
        let depends = tree
            .within(*outer)
            .iter()
            .filter_map(|s| tree.stmt(*s))
            .any(|s| s.uses.iter().any(|used| derived.contains(used)));
        if depends || tree.touches(*outer, id) {
            derived.extend(tree.changed(*outer));
        }
    }
    None
}

fn lies_in(inner: Site, outer: Site) -> bool {
    (inner.line, inner.column) >= (outer.line, outer.column)
        && (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
}

/// Whether `place` is, or lies in, what the lock at `lock` guards.
fn is_part_of(place: &Path, lock: Option<&Path>) -> bool {
    lock.is_none_or(|lock| place.root == lock.root && place.path.starts_with(&lock.path))
}

/// A function's statements as a tree, each with the events that happen in it.
struct Tree<'f> {
    function: &'f Function,
    children: Vec<Vec<StmtId>>,
    roots: Vec<StmtId>,
    events: Vec<Vec<(Point, &'f Event)>>,
}

impl<'f> Tree<'f> {
    fn of(function: &'f Function) -> Self {
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
        Tree {
            function,
            children,
            roots,
            events: by_stmt,
        }
    }

    fn stmt(&self, id: StmtId) -> Option<&'f Stmt> {
        self.function.stmts.get(id.index())
    }

    /// The statement and all statements in it.
    fn within(&self, id: StmtId) -> Vec<StmtId> {
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
    fn touching(&self, body: &[StmtId], id: GuardId) -> Vec<bool> {
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
                derived.extend(self.defs(stmt).filter(|local| !self.is_owned(*local)));
            }
            touching.push(touches);
        }
        touching
    }

    fn is_owned(&self, local: LocalId) -> bool {
        let locals = &self.function.locals;
        locals.iter().any(|l| l.id == local && l.owned)
    }

    /// Heavy calls among the arguments of the first use of the guarded data,
    /// which is in the statement itself: `m.lock().insert(key, compute(x))`.
    fn arguments(&self, stmt: StmtId, id: GuardId, weights: &Weights<'_>) -> Option<Group> {
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
            reasons: weight.reasons(),
        })
    }

    /// Whether something goes to the terminal or a log there.
    fn prints(&self, stmt: StmtId) -> bool {
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
    fn writes(&self, stmt: StmtId) -> bool {
        self.events_within(stmt)
            .any(|(_, event)| match &event.kind {
                EventKind::Work { what, .. } => {
                    matches!(what.trim_end_matches('!'), "write" | "writeln")
                }
                EventKind::Block { kind, .. } => *kind == BlockKind::File,
                _ => false,
            })
    }

    /// The variables that the statement and those in it bind or assign.
    /// The variables that a statement may give a new value: those that it binds,
    /// and what a call that gives nothing back may fill: `check(&guard, &mut all)?;`.
    fn changed(&self, id: StmtId) -> Vec<LocalId> {
        let mut changed: Vec<LocalId> = self.defs(id).collect();
        if let Some(stmt) = self.stmt(id).filter(|stmt| stmt.kind == StmtKind::Expr) {
            changed.extend(&stmt.uses);
        }
        changed
    }

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
    fn under_lock(&self, id: GuardId, guard: &Guard) -> Option<Vec<StmtId>> {
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
    fn touches(&self, stmt: StmtId, id: GuardId) -> bool {
        self.within(stmt)
            .into_iter()
            .any(|stmt| self.touches_itself(stmt, id))
    }

    /// As `touches`, leaving aside the statements in it.
    fn touches_itself(&self, stmt: StmtId, id: GuardId) -> bool {
        let borrowed = |local: &LocalId| {
            self.function
                .locals
                .iter()
                .any(|l| l.id == *local && l.borrows == Some(id))
        };
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
    fn movable(&self, stmt: StmtId, id: GuardId, weights: &Weights<'_>) -> bool {
        self.events_within(stmt)
            .all(|(_, event)| match &event.kind {
                EventKind::Release { guard, .. } => *guard == id,
                EventKind::Work { .. }
                | EventKind::Test { .. }
                | EventKind::Take { .. }
                | EventKind::Other => true,
                EventKind::Call(call) => weights.only_computes(call),
                _ => false,
            })
    }

    /// The statements as one group, where they weigh enough.
    fn group(&self, stmts: &[StmtId], weights: &Weights<'_>, place: Place) -> Option<Group> {
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
        let by_call =
            place != Place::InRounds && stmts.iter().all(|(_, weight)| weight.is_by_call());
        let mut reasons: Vec<String> = Vec::new();
        for (_, weight) in &stmts {
            for reason in weight.reasons() {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        reasons.truncate(3);
        let mut group = Group {
            place,
            first,
            last,
            reasons,
            by_call,
            brief: false,
        };
        let small = |(_, weight): &&(StmtId, Weight)| weight.may_be_small();
        let counts = self.function.counts;
        let sorts = || place == Place::After && stmts.iter().all(|(_, weight)| weight.only_sorts());
        let alone = place != Place::InRounds && group.reasons.len() == 1;
        group.brief = group.lines() <= 3 && sorts() || alone && !counts && stmts.iter().all(small);
        Some(group)
    }

    fn weight(&self, id: StmtId, weights: &Weights<'_>) -> Weight {
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
