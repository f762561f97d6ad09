//! Cycles of the lock-order graph.
//!
//! Nodes are lock classes, links are nestings. A cycle is reported when for
//! each step a nesting exists such that any two of them may run in parallel,
//! share no gate and can be compiled together, and when at each class the one
//! really waits for the other. Short cycles come first; a longer one is
//! reported only when no cycle of some of its classes is, and when it contains
//! an order that no reported cycle contains.

use std::collections::{BTreeMap, BTreeSet};

use super::alone::Alone;
use super::held::HeldSets;
use super::lifespans::Lifespans;
use super::setup::Setup;
use super::writers::Writers;
use super::{Certainty, Cycle, EventRef, Nesting, instance};
use crate::program::*;

mod fit;
mod links;

use fit::{OneOwner, Waits, keep_one_order};
use links::{Link, Links, links};

/// Classes in a cycle.
const MAX_LENGTH: usize = 5;
/// Nestings of one direction that are tried in pairs, and in longer cycles.
const MAX_PAIRED: usize = 64;
const MAX_CHAINED: usize = 16;
/// Steps of the search for longer cycles.
const MAX_STEPS: usize = 100_000;
/// Choices tried for one longer cycle.
const MAX_CHOICES: usize = 1_000;

struct Search<'a> {
    program: &'a Program,
    lifespans: Lifespans<'a>,
    writers: &'a Writers,
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
    held: &[HeldSets],
    setup: &Setup<'_>,
    writers: &Writers,
    alone: &[Alone],
    nestings: &[Nesting],
) -> Vec<Cycle> {
    let Lifespans { program, graph, .. } = lifespans;
    let mut search = Search {
        program,
        lifespans,
        writers,
        links: links(program, graph, held, setup, nestings),
        alone,
        cycles: Vec::new(),
        covered: BTreeSet::new(),
        sets: BTreeSet::new(),
        steps: 0,
    };
    search.pairs();
    search.elements();
    for length in 3..=MAX_LENGTH {
        search.longer(length);
    }
    search.cycles.sort_by_cached_key(|cycle| {
        let first = cycle.edges.first();
        (first.map(|n| (n.held.site, n.site)), cycle.classes.clone())
    });
    search.cycles
}

impl<'a> Search<'a> {
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
            let (forward, backward) = (&self.links[&(a, b)], &self.links[&(b, a)]);
            if let Some((chosen, alternatives)) = self.best_pair(forward, backward) {
                self.report(vec![a, b], &chosen, alternatives);
            }
        }
    }

    /// Both directions between two elements of one list.
    fn elements(&mut self) {
        let mut found = Vec::new();
        for (&(class, _), links) in self.links.iter().filter(|((a, b), _)| a == b) {
            let mut orders: BTreeMap<(u64, u64), Vec<Link<'a>>> = BTreeMap::new();
            for link in links {
                let (held, taken) = (&link.nesting.held.lock, &link.nesting.taken);
                if let Some(order) = instance::elements(held, taken) {
                    orders.entry(order).or_default().push(link.clone());
                }
            }
            for (&(a, b), forward) in orders.iter().filter(|((a, b), _)| a < b) {
                let backward = orders.get(&(b, a)).map_or(&[][..], Vec::as_slice);
                found.extend(self.best_pair(forward, backward).map(|pair| (class, pair)));
            }
        }
        for (class, (chosen, alternatives)) in found {
            self.report(vec![class, class], &chosen, alternatives);
        }
    }

    /// The best two links in opposite directions that go together, and for
    /// each direction what would do as well.
    fn best_pair(
        &self,
        forward: &[Link<'a>],
        backward: &[Link<'a>],
    ) -> Option<([Link<'a>; 2], Vec<Vec<Nesting>>)> {
        let classes = forward.first()?.nesting;
        let classes = [classes.held.lock.class?, classes.taken.class?];
        let statics = self.all_static(&classes);
        let meets = |x: &Link<'_>, y: &Link<'_>| {
            self.follows(x, y).is_some()
                && self.follows(y, x).is_some()
                && self.meet(x, y, statics)
                && !self.goes_down(x, y)
                && !self.goes_down(y, x)
                && !keep_one_order(&[x, y])
        };
        let fits = |x: &Link<'_>, y: &Link<'_>| self.fit(x, y, statics) && meets(x, y);
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
        let (_, i, j) = best?;
        let others =
            |list: &[Link<'_>], chosen: usize, fits: &dyn Fn(&Link<'_>) -> bool| -> Vec<Nesting> {
                let rest = list
                    .iter()
                    .enumerate()
                    .take(MAX_PAIRED)
                    .filter(|(index, _)| *index != chosen);
                rest.filter(|(_, link)| fits(link))
                    .map(|(_, link)| link.nesting.clone())
                    .collect()
            };
        // Whoever puts the order right wants to know of each place, also of one
        // that another lock keeps apart today.
        let alternatives = vec![
            others(forward, i, &|x| {
                backward.iter().take(MAX_PAIRED).any(|y| meets(x, y))
            }),
            others(backward, j, &|y| {
                forward.iter().take(MAX_PAIRED).any(|x| meets(x, y))
            }),
        ];
        Some(([forward[i].clone(), backward[j].clone()], alternatives))
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
