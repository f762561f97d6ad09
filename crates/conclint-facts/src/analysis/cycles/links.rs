//! The edges of the lock-order graph that a cycle can be made of.
//!
//! A link is a nesting of two locks that several threads can see, with what
//! tells whether another one can happen at the same time. Which links go
//! together is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use crate::analysis::graph::{self, Graph};
use crate::analysis::held::HeldSets;
use crate::analysis::owners::{self, Owners};
use crate::analysis::setup::Setup;
use crate::analysis::{Certainty, EventRef, Nesting, cfgs, instance};
use crate::program::*;

/// One direction between two classes: nestings, best first.
pub(super) type Links<'a> = BTreeMap<(ClassId, ClassId), Vec<Link<'a>>>;

/// An edge of the lock-order graph.
#[derive(Clone)]
pub(super) struct Link<'a> {
    pub(super) nesting: &'a Nesting,
    /// The function from which on the locks are known: what runs in parallel.
    pub(super) runs_in: FnId,
    /// What it does there: the call that leads on, or the taking itself.
    pub(super) deed: Option<EventRef>,
    /// All conditions it is compiled under.
    pub(super) cfgs: Vec<SmolStr>,
    /// The lock that its `&mut self` must have come out of.
    owner: Option<ClassId>,
    /// Guarded types that it has a part of as `&mut`.
    pub(super) behind: Vec<u32>,
}

pub(super) fn links<'a>(
    program: &Program,
    graph: &Graph,
    held: &[HeldSets],
    setup: &Setup<'_>,
    nestings: &'a [Nesting],
) -> Links<'a> {
    let shared = shared_locals(program);
    let usable = |class: ClassId| {
        let Some(class_of) = program.classes.get(class.index()) else {
            return false;
        };
        matches!(class_of.kind, ObjectKind::Lock(_))
            && match class_of.scope {
                ClassScope::Param => false,
                ClassScope::Local => shared.contains(&class),
                ClassScope::Field | ClassScope::Static | ClassScope::Element => true,
            }
    };
    let owners = Owners::of(program);
    let behind = owners::behind(program, graph, held);
    let mut links: Links<'a> = BTreeMap::new();
    for nesting in nestings {
        let (Some(from), Some(to)) = (nesting.held.lock.class, nesting.taken.class) else {
            continue;
        };
        let exclusive = nesting.held.lock.exclusive || nesting.taken.exclusive;
        // Of one class, two elements that literals name can be taken in some order.
        if from == to && instance::elements(&nesting.held.lock, &nesting.taken).is_none()
            || exclusive
            || !nesting.blocking.needs_lock()
            || !usable(from)
            || !usable(to)
            || setup.covers(nesting)
        {
            continue;
        }
        if let Some(mut link) = Link::of(program, &owners, &behind, nesting) {
            link.behind.extend(held_beside(program, held, nesting));
            links.entry((from, to)).or_default().push(link);
        }
    }
    for list in links.values_mut() {
        // Stable: by site among equals.
        list.sort_by_key(|link| link.rank());
    }
    links
}

/// The guarded types whose locks are held where `nesting` takes both.
fn held_beside(program: &Program, held: &[HeldSets], nesting: &Nesting) -> Vec<u32> {
    let inner = nesting.chain.first().map_or(nesting.site, |step| step.site);
    let outer = nesting
        .context
        .iter()
        .map(|step| (step.function, step.site));
    outer
        .chain([(nesting.function, inner)])
        .filter_map(|(function, site)| {
            graph::events_of(program, function).find(|(_, event)| event.site == site)
        })
        .flat_map(|(at, _)| owners::held_at(program, held, at))
        .collect()
}

impl<'a> Link<'a> {
    fn of(
        program: &Program,
        owners: &Owners<'_>,
        behind: &[Vec<u32>],
        nesting: &'a Nesting,
    ) -> Option<Self> {
        let steps = nesting
            .context
            .iter()
            .chain(&nesting.chain)
            .map(|step| step.function);
        let functions: BTreeSet<FnId> = steps.chain([nesting.function, nesting.taken_in]).collect();
        let lists: Vec<&[SmolStr]> = functions
            .iter()
            .filter_map(|id| program.functions.get(id.index()))
            .map(|f| f.cfgs.as_slice())
            .filter(|cfgs| !cfgs.is_empty())
            .collect();
        for (index, a) in lists.iter().enumerate() {
            if lists[index + 1..].iter().any(|b| cfgs::exclusive(a, b)) {
                return None;
            }
        }
        let mut cfgs = lists.concat();
        cfgs.sort();
        cfgs.dedup();
        let runs_in = nesting
            .context
            .first()
            .map_or(nesting.function, |step| step.function);
        let step = nesting.context.first().or(nesting.chain.first());
        let site = step.map_or(nesting.site, |step| step.site);
        let deed = graph::events_of(program, runs_in)
            .find(|(_, event)| event.site == site)
            .map(|(at, _)| at);
        Some(Link {
            nesting,
            runs_in,
            deed,
            cfgs,
            owner: owners.of_self(program, nesting.function),
            behind: nesting
                .context
                .iter()
                .map(|step| step.function)
                .chain([nesting.function])
                .filter_map(|id| behind.get(id.index()))
                .flatten()
                .copied()
                .collect(),
        })
    }

    /// Best first: no test code, sure, short.
    pub(super) fn rank(&self) -> (bool, std::cmp::Reverse<Certainty>, usize) {
        let length = self.nesting.chain.len() + self.nesting.context.len();
        (
            self.nesting.in_test,
            std::cmp::Reverse(self.nesting.confidence),
            length,
        )
    }

    /// What it holds besides what it takes, and whether for reading only.
    pub(super) fn lock_set(&self) -> impl Iterator<Item = (ClassId, bool)> {
        let reading = matches!(self.nesting.held.mode, Mode::Read | Mode::ReadRecursive);
        // Another element of the same list keeps nobody out.
        let held = self.nesting.held.lock.class;
        let held = held.filter(|_| held != self.nesting.taken.class);
        let gates = self
            .nesting
            .gates
            .iter()
            .map(|gate| (*gate, self.nesting.shared_gates.contains(gate)));
        gates
            .chain(held.map(|class| (class, reading)))
            .chain(self.owner.map(|class| (class, false)))
    }
}
/// Local locks that a spawned body sees, too.
fn shared_locals(program: &Program) -> BTreeSet<ClassId> {
    let local = |class: Option<ClassId>| {
        class.filter(|id| {
            program
                .classes
                .get(id.index())
                .is_some_and(|class| class.scope == ClassScope::Local)
        })
    };
    let bodies = spawned_bodies(program);
    let mut shared = BTreeSet::new();
    for (index, f) in program.functions.iter().enumerate() {
        let Some(inner) = spawned_part(program, &bodies, FnId(index as u32)) else {
            continue;
        };
        let defined_inside = |place: &Place| match place.root {
            Root::Local(id) => inner.iter().any(|f| {
                program.functions[f.index()]
                    .stmts
                    .iter()
                    .any(|stmt| stmt.defs.contains(&id))
            }),
            _ => false,
        };
        for event in f.blocks.iter().flat_map(|block| &block.events) {
            if let EventKind::Acquire {
                source: LockSource::Direct(lock),
                ..
            } = &event.kind
            {
                shared.extend(local(lock.class).filter(|_| !defined_inside(&lock.place)));
            }
            for arg in graph::call_of(event).map_or(&[][..], |call| &call.args) {
                let outside = arg
                    .place
                    .as_ref()
                    .is_none_or(|place| !defined_inside(place));
                shared.extend(local(arg.class).filter(|_| outside));
            }
        }
    }
    shared
}

/// `function` and the spawned body it stands in, by parent or by place.
fn spawned_part(
    program: &Program,
    bodies: &BTreeMap<FnId, Vec<FnId>>,
    function: FnId,
) -> Option<Vec<FnId>> {
    let f = program.functions.get(function.index())?;
    if f.kind == FnKind::SpawnBody {
        return Some(vec![function]);
    }
    let parent = f.parent?;
    if program.functions.get(parent.index())?.kind == FnKind::SpawnBody {
        return Some(vec![function, parent]);
    }
    // The parent of a closure in a spawned body may be their common function.
    let around = |body: &&FnId| {
        let site = program.functions[body.index()].site;
        site.file == f.site.file
            && (site.line, site.column) <= (f.site.line, f.site.column)
            && (f.site.end_line, f.site.end_column) <= (site.end_line, site.end_column)
    };
    bodies
        .get(&parent)?
        .iter()
        .find(around)
        .map(|body| vec![function, *body])
}

/// Spawned bodies by the function they stand in.
fn spawned_bodies(program: &Program) -> BTreeMap<FnId, Vec<FnId>> {
    let mut bodies: BTreeMap<FnId, Vec<FnId>> = BTreeMap::new();
    for (index, f) in program
        .functions
        .iter()
        .enumerate()
        .filter(|(_, f)| f.kind == FnKind::SpawnBody)
    {
        if let Some(parent) = f.parent {
            bodies.entry(parent).or_default().push(FnId(index as u32));
        }
    }
    bodies
}
