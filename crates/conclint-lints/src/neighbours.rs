//! Fields that hold neighbours of one list: the left and the right fork.
//!
//! `Philosopher { left: forks[i].clone(), right: forks[i + 1].clone() }`: the
//! two fields are two names, and what is right for one is left for the next.
//! So the order `left`, `right`, though it is the same everywhere, is none
//! (Dijkstra, "Hierarchical Ordering of Sequential Processes", 1971). Whoever
//! makes the objects may still put the two in order, or let the last one take
//! them the other way round: where an `if`, a `match` or a `swap` stands there,
//! nothing is claimed.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{Analysis, ClassId, EventKind, Function, Kinds, Nesting};

use crate::flow::events;

/// Pairs of fields that are filled from one list.
pub(crate) struct Pools(BTreeSet<(ClassId, ClassId)>);

impl Pools {
    pub(crate) fn of(analysis: &Analysis) -> Self {
        let mut pools = Pools(BTreeSet::new());
        let functions = &analysis.program().functions;
        for function in functions.iter().filter(|f| !f.made.is_empty()) {
            let of_list = function.made.iter().map(|made| (made.element, made.field));
            pools.add(analysis, function, of_list);
        }
        for (_, function) in analysis.functions_with(Kinds::OBJECT_ARG) {
            for (_, event) in events(function) {
                let EventKind::Call(call) = &event.kind else {
                    continue;
                };
                let maker = call
                    .targets
                    .first()
                    .and_then(|id| functions.get(id.index()));
                let made = maker.into_iter().flat_map(|maker| &maker.made);
                let given = made.filter_map(|made| {
                    let class = call.args.get(usize::from(made.param?))?.class?;
                    let is_element = analysis.class(class).name.ends_with("[]");
                    Some((is_element.then_some(class), made.field))
                });
                pools.add(analysis, function, given);
            }
        }
        pools
    }

    fn add(
        &mut self,
        analysis: &Analysis,
        function: &Function,
        filled: impl Iterator<Item = (Option<ClassId>, Option<ClassId>)>,
    ) {
        let around = function.parent.map(|parent| analysis.function(parent));
        let chooses = |function: &Function| function.chooses || function.compares_order;
        if function.is_test || chooses(function) || around.is_some_and(chooses) {
            return;
        }
        let mut by_list: BTreeMap<ClassId, BTreeSet<ClassId>> = BTreeMap::new();
        for (list, field) in filled {
            if let (Some(list), Some(field)) = (list, field) {
                by_list.entry(list).or_default().insert(field);
            }
        }
        for fields in by_list.values() {
            for one in fields {
                let others = fields.iter().filter(|other| *other != one);
                self.0.extend(others.map(|other| (*one, *other)));
            }
        }
    }

    /// Whether `nesting` takes one neighbour while it holds the other.
    pub(crate) fn is_next(&self, nesting: &Nesting) -> bool {
        self.are_next(nesting) && nesting.gates.is_empty()
    }

    /// Whether the two of `nesting` are neighbours.
    pub(crate) fn are_next(&self, nesting: &Nesting) -> bool {
        let (held, taken) = (&nesting.held.lock, &nesting.taken);
        let fields = held.class.zip(taken.class);
        fields.is_some_and(|fields| self.0.contains(&fields)) && held.place.root == taken.place.root
    }
}
