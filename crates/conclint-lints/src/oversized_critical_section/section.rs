//! From the statements of a function to its critical sections, and to those
//! of their statements that could stand outside.
//!
//! A section is what follows the guard's `let` in the same block until the
//! guard ends. Only its first statements, up to the first one that touches
//! the guarded data, and its last ones, after the last such one, are
//! candidates: those can move without splitting the section in two. So can,
//! in a loop that runs over something else, what each round computes first.

use std::collections::BTreeSet;

use conclint_facts::{Function, Guard, GuardId, LocalId, Site, StmtId, StmtKind};

use super::tree::Tree;
use super::weight::Weights;

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
    /// A line or three that sort what was copied out, or make texts of it: the
    /// section has to go through all of it anyway.
    pub(super) brief: bool,
    /// One thing alone weighs, and is over soon where there is little to go
    /// through: a sort, a text, a line for the terminal.
    pub(super) alone: bool,
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
