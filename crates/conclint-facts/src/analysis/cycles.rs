//! Cycles of the lock-order graph.
//!
//! Nodes are lock classes, links are nestings. A cycle is reported when for
//! each step a nesting exists such that any two of them may run in parallel,
//! share no gate and can be compiled together, and when at each class the one
//! really waits for the other. Short cycles come first; a longer one is
//! reported only when no cycle of some of its classes is, and when it contains
//! an order that no reported cycle contains.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::alone::Alone;
use super::graph::{self, Graph};
use super::instance;
use super::lifespans::Lifespans;
use super::owners::{self, Owners};
use super::setup::Setup;
use super::{Certainty, Cycle, EventRef, Nesting, cfgs};
use crate::program::*;

/// Classes in a cycle.
const MAX_LENGTH: usize = 5;
/// Nestings of one direction that are tried in pairs, and in longer cycles.
const MAX_PAIRED: usize = 64;
const MAX_CHAINED: usize = 16;
/// Steps of the search for longer cycles.
const MAX_STEPS: usize = 100_000;
/// Choices tried for one longer cycle.
const MAX_CHOICES: usize = 1_000;

/// One direction between two classes: nestings, best first.
type Links<'a> = BTreeMap<(ClassId, ClassId), Vec<Link<'a>>>;

/// An edge of the lock-order graph.
#[derive(Clone)]
struct Link<'a> {
    nesting: &'a Nesting,
    /// The function from which on the locks are known: what runs in parallel.
    runs_in: FnId,
    /// What it does there: the call that leads on, or the taking itself.
    deed: Option<EventRef>,
    /// All conditions it is compiled under.
    cfgs: Vec<SmolStr>,
    /// The lock that its `&mut self` must have come out of.
    owner: Option<ClassId>,
    /// Guarded types that it has a part of as `&mut`.
    behind: Vec<u32>,
}

struct Search<'a> {
    program: &'a Program,
    lifespans: Lifespans<'a>,
    writers: &'a BTreeMap<ClassId, EventRef>,
    links: Links<'a>,
    alone: &'a [Alone],
    cycles: Vec<Cycle>,
    /// Orders that a reported cycle contains.
    covered: BTreeSet<(ClassId, ClassId)>,
    sets: BTreeSet<Vec<ClassId>>,
    steps: usize,
}

/// The cycles among `nestings`, which are in their final order.
pub(super) fn of(
    lifespans: Lifespans<'_>,
    setup: &Setup<'_>,
    writers: &BTreeMap<ClassId, EventRef>,
    alone: &[Alone],
    nestings: &[Nesting],
) -> Vec<Cycle> {
    let Lifespans { program, graph, .. } = lifespans;
    let mut search = Search {
        program,
        lifespans,
        writers,
        links: links(program, graph, setup, nestings),
        alone,
        cycles: Vec::new(),
        covered: BTreeSet::new(),
        sets: BTreeSet::new(),
        steps: 0,
    };
    search.pairs();
    for length in 3..=MAX_LENGTH {
        search.longer(length);
    }
    search.cycles.sort_by_cached_key(|cycle| {
        let first = cycle.edges.first();
        (first.map(|n| (n.held.site, n.site)), cycle.classes.clone())
    });
    search.cycles
}

fn links<'a>(
    program: &Program,
    graph: &Graph,
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
    let behind = owners::behind(program, graph);
    let mut links: Links<'a> = BTreeMap::new();
    for nesting in nestings {
        let (Some(from), Some(to)) = (nesting.held.lock.class, nesting.taken.class) else {
            continue;
        };
        let exclusive = nesting.held.lock.exclusive || nesting.taken.exclusive;
        if from == to
            || exclusive
            || !nesting.blocking.needs_lock()
            || !usable(from)
            || !usable(to)
            || setup.covers(nesting)
        {
            continue;
        }
        if let Some(link) = Link::of(program, &owners, &behind, nesting) {
            links.entry((from, to)).or_default().push(link);
        }
    }
    for list in links.values_mut() {
        // Stable: by site among equals.
        list.sort_by_key(|link| link.rank());
    }
    links
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
    fn rank(&self) -> (bool, std::cmp::Reverse<Certainty>, usize) {
        let length = self.nesting.chain.len() + self.nesting.context.len();
        (
            self.nesting.in_test,
            std::cmp::Reverse(self.nesting.confidence),
            length,
        )
    }

    /// What it holds besides what it takes, and whether for reading only.
    fn lock_set(&self) -> impl Iterator<Item = (ClassId, bool)> {
        let reading = matches!(self.nesting.held.mode, Mode::Read | Mode::ReadRecursive);
        let gates = self
            .nesting
            .gates
            .iter()
            .map(|gate| (*gate, self.nesting.shared_gates.contains(gate)));
        gates
            .chain(self.nesting.held.lock.class.map(|class| (class, reading)))
            .chain(self.owner.map(|class| (class, false)))
    }
}

/// The object that has the lock as a field.
fn holder(lock: &Place) -> Option<(&Root, &[SmolStr])> {
    let (_, path) = lock.path.split_last()?;
    (!matches!(lock.root, Root::Opaque(_))).then_some((&lock.root, path))
}

/// Whether all of `links` take their locks in the order of one key, so that
/// someone holds the last one.
fn keep_one_order(links: &[&Link<'_>]) -> bool {
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
enum OneOwner {
    No,
    /// The object holds one of the locks itself: only one of the two can run.
    Surely,
    /// It shares the lock with others, which may be objects of its own type.
    Likely,
}

/// How the wait at a class comes about.
enum Waits {
    /// One keeps the other out.
    Directly,
    /// Two readers, of which the second waits behind a waiting writer.
    BehindWriter(EventRef),
}

impl<'a> Search<'a> {
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
                let writer = self
                    .writers
                    .get(&class)
                    .filter(|_| !traits.read_reentrant)?;
                Some(Waits::BehindWriter(*writer))
            }
        }
    }

    /// Whether `a` and `b` run on one object, which at least one of them has
    /// as `&mut self`: then never at the same time.
    fn one_owner(&self, a: &Link<'_>, b: &Link<'_>) -> OneOwner {
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
            if class.type_text.contains("Arc") || class.type_text.contains('&') {
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
    fn fit(&self, a: &Link<'_>, b: &Link<'_>, statics: bool) -> bool {
        let apart = |(class, shared): (ClassId, bool)| {
            b.lock_set()
                .all(|(other, other_shared)| class != other || (shared && other_shared))
        };
        (a.nesting.in_test == b.nesting.in_test || statics)
            && a.lock_set().all(apart)
            && a.behind.iter().all(|root| !b.behind.contains(root))
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
    fn goes_down(&self, down: &Link<'_>, within: &Link<'_>) -> bool {
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
                || matches!(place.root, Root::Local(local) if graph.rebound(runs_in, local, true))
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
    fn follows(&self, link: &Link<'_>, next: &Link<'_>) -> Option<Waits> {
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

    fn all_static(&self, classes: &[ClassId]) -> bool {
        let scope = |class: &ClassId| {
            self.program
                .classes
                .get(class.index())
                .map(|class| class.scope)
        };
        classes
            .iter()
            .all(|class| scope(class) == Some(ClassScope::Static))
    }

    /// Both directions between two classes.
    fn pairs(&mut self) {
        let both: Vec<(ClassId, ClassId)> = self
            .links
            .keys()
            .copied()
            .filter(|(a, b)| a < b && self.links.contains_key(&(*b, *a)))
            .collect();
        for (a, b) in both {
            let statics = self.all_static(&[a, b]);
            let (forward, backward) = (&self.links[&(a, b)], &self.links[&(b, a)]);
            let fits = |x: &Link<'_>, y: &Link<'_>| {
                self.follows(x, y).is_some()
                    && self.follows(y, x).is_some()
                    && self.fit(x, y, statics)
                    && !self.goes_down(x, y)
                    && !self.goes_down(y, x)
                    && !keep_one_order(&[x, y])
            };
            let mut best: Option<(_, usize, usize)> = None;
            for (i, x) in forward.iter().enumerate().take(MAX_PAIRED) {
                for (j, y) in backward.iter().enumerate().take(MAX_PAIRED) {
                    let score = |sure: Certainty| {
                        let sum = x.rank().2 + y.rank().2;
                        (
                            x.nesting.in_test || y.nesting.in_test,
                            std::cmp::Reverse(sure),
                            sum,
                        )
                    };
                    let better = |score: &_| best.as_ref().is_none_or(|(known, ..)| score < known);
                    // What it takes for readers to wait can only make it worse.
                    let at_best = score(x.nesting.confidence.min(y.nesting.confidence));
                    if better(&at_best) && fits(x, y) {
                        let score = score(self.confidence(&[x, y]));
                        if better(&score) {
                            best = Some((score, i, j));
                        }
                    }
                }
            }
            let Some((_, i, j)) = best else { continue };
            let others = |list: &[Link<'_>],
                          chosen: usize,
                          fits: &dyn Fn(&Link<'_>) -> bool|
             -> Vec<Nesting> {
                let rest = list
                    .iter()
                    .enumerate()
                    .take(MAX_PAIRED)
                    .filter(|(index, _)| *index != chosen);
                rest.filter(|(_, link)| fits(link))
                    .map(|(_, link)| link.nesting.clone())
                    .collect()
            };
            let alternatives = vec![
                others(forward, i, &|x| {
                    backward.iter().take(MAX_PAIRED).any(|y| fits(x, y))
                }),
                others(backward, j, &|y| {
                    forward.iter().take(MAX_PAIRED).any(|x| fits(x, y))
                }),
            ];
            let chosen = [forward[i].clone(), backward[j].clone()];
            self.report(vec![a, b], &chosen, alternatives);
        }
    }

    /// Cycles of `length` classes that contain an order not reported yet.
    fn longer(&mut self, length: usize) {
        let mut after: BTreeMap<ClassId, Vec<ClassId>> = BTreeMap::new();
        for &(from, to) in self.links.keys() {
            after.entry(from).or_default().push(to);
        }
        let starts: Vec<ClassId> = after.keys().copied().collect();
        for start in starts {
            self.extend(&after, &mut vec![start], length);
        }
    }

    /// Depth first over simple paths; the first class is the smallest one.
    fn extend(
        &mut self,
        after: &BTreeMap<ClassId, Vec<ClassId>>,
        path: &mut Vec<ClassId>,
        length: usize,
    ) {
        let (Some(&first), Some(&last)) = (path.first(), path.last()) else {
            return;
        };
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return;
        }
        if path.len() == length {
            if self.links.contains_key(&(last, first)) {
                self.close(path);
            }
            return;
        }
        for &next in after.get(&last).map_or(&[][..], Vec::as_slice) {
            if next > first && !path.contains(&next) {
                path.push(next);
                self.extend(after, path, length);
                path.pop();
            }
        }
    }

    fn close(&mut self, classes: &[ClassId]) {
        let mut set = classes.to_vec();
        set.sort();
        let orders: Vec<(ClassId, ClassId)> = (0..classes.len())
            .map(|i| (classes[i], classes[(i + 1) % classes.len()]))
            .collect();
        if self.sets.contains(&set) || orders.iter().all(|order| self.covered.contains(order)) {
            return;
        }
        let statics = self.all_static(classes);
        let mut chosen = Vec::new();
        if !self.choose(&orders, statics, &mut chosen, &mut 0) {
            return;
        }
        // A smaller cycle among the same classes is the thing to look at first,
        // unless it is the less certain one.
        let confidence = self.confidence(&chosen.iter().collect::<Vec<_>>());
        let smaller = |cycle: &Cycle| {
            cycle.confidence >= confidence && cycle.classes.iter().all(|class| set.contains(class))
        };
        if self.cycles.iter().any(smaller) {
            return;
        }
        let alternatives = orders
            .iter()
            .zip(&chosen)
            .map(|(order, best)| {
                let rest = self.links[order]
                    .iter()
                    .take(MAX_CHAINED)
                    .filter(|link| link.nesting != best.nesting);
                let beside = |link: &&Link<'_>| {
                    chosen.iter().all(|other| {
                        other.nesting == best.nesting || self.fit(link, other, statics)
                    })
                };
                rest.filter(beside)
                    .map(|link| link.nesting.clone())
                    .collect()
            })
            .collect();
        self.report(classes.to_vec(), &chosen, alternatives);
    }

    /// The first choice of one nesting for each order such that all fit.
    fn choose(
        &self,
        orders: &[(ClassId, ClassId)],
        statics: bool,
        chosen: &mut Vec<Link<'a>>,
        tried: &mut usize,
    ) -> bool {
        let Some(order) = orders.get(chosen.len()) else {
            return !keep_one_order(&chosen.iter().collect::<Vec<_>>());
        };
        for link in self
            .links
            .get(order)
            .into_iter()
            .flatten()
            .take(MAX_CHAINED)
        {
            *tried += 1;
            if *tried > MAX_CHOICES {
                return false;
            }
            let after_last = chosen
                .last()
                .is_none_or(|last| self.follows(last, link).is_some());
            let closes = chosen.len() + 1 < orders.len()
                || chosen
                    .first()
                    .is_none_or(|first| self.follows(link, first).is_some());
            if after_last && closes && chosen.iter().all(|other| self.fit(link, other, statics)) {
                chosen.push(link.clone());
                if self.choose(orders, statics, chosen, tried) {
                    return true;
                }
                chosen.pop();
            }
        }
        false
    }

    /// Writers that the cycle of `links` needs.
    fn writers_of(&self, links: &[&Link<'_>]) -> Vec<EventRef> {
        let around = links.iter().zip(links.iter().cycle().skip(1));
        let behind = around.filter_map(|(link, next)| match self.follows(link, next)? {
            Waits::BehindWriter(writer) => Some(writer),
            Waits::Directly => None,
        });
        behind.collect()
    }

    fn confidence(&self, links: &[&Link<'_>]) -> Certainty {
        let weakest = links
            .iter()
            .map(|link| link.nesting.confidence)
            .min()
            .unwrap_or(Certainty::Low);
        // One guess on each side is more than one guess.
        let guesses = links
            .iter()
            .filter(|link| link.nesting.confidence < Certainty::High)
            .count();
        let weakest = if guesses > 1 {
            weakest.lower()
        } else {
            weakest
        };
        let mut pairs = links
            .iter()
            .enumerate()
            .flat_map(|(i, a)| links.iter().skip(i + 1).map(move |b| (a, b)));
        if pairs.any(|(a, b)| self.one_owner(a, b) == OneOwner::Likely) {
            return Certainty::Low;
        }
        if self.writers_of(links).is_empty() {
            weakest
        } else {
            weakest.lower()
        }
    }

    fn report(
        &mut self,
        classes: Vec<ClassId>,
        chosen: &[Link<'a>],
        alternatives: Vec<Vec<Nesting>>,
    ) {
        let links: Vec<&Link<'_>> = chosen.iter().collect();
        let (confidence, writers) = (self.confidence(&links), self.writers_of(&links));
        let mut set = classes.clone();
        set.sort();
        self.sets.insert(set);
        for i in 0..classes.len() {
            self.covered
                .insert((classes[i], classes[(i + 1) % classes.len()]));
        }
        let edges = chosen.iter().map(|link| link.nesting.clone()).collect();
        self.cycles.push(Cycle {
            classes,
            edges,
            alternatives,
            confidence,
            writers,
        });
    }
}
