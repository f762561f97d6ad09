//! Fields of several types that hold one lock: clones of one `Arc`.
//!
//! `Snapshot { sources: self.sources.clone() }`: both fields are one lock, and
//! an order between it and others is the same under both names. Only where
//! every place that fills a field, tests left out, puts the same thing into it:
//! another field, a static, or what a maker hands to several objects.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{
    Call, ClassId, ClassScope, EventKind, FnId, Function, LockSource, ObjectKind, Program,
};
use rayon::prelude::*;

use super::link::Relink;

/// How far what a maker is given is followed through the makers that call it.
const DEPTH: usize = 4;

/// Makes one class of those that are one lock.
pub(super) fn merge(program: &mut Program) {
    let sole = Sources::of(program).sole();
    if sole.is_empty() {
        return;
    }
    // What all of them go back to, and who they are.
    let mut groups: BTreeMap<ClassId, BTreeSet<ClassId>> = BTreeMap::new();
    for &field in sole.keys() {
        groups
            .entry(origin(&sole, field))
            .or_default()
            .insert(field);
    }
    let mut map: Vec<ClassId> = (0..program.classes.len() as u32).map(ClassId).collect();
    let mut merged = BTreeSet::new();
    for (origin, fields) in groups {
        // It is called by where it stays: a maker's variable is soon gone.
        let stays = matches!(
            scope(program, origin),
            Some(ClassScope::Field | ClassScope::Static)
        );
        let Some(&first) = fields.first() else {
            continue;
        };
        let name = if stays { origin } else { first };
        let alike =
            |id: &ClassId| program.classes[id.index()].kind == program.classes[name.index()].kind;
        let others: Vec<ClassId> = fields.into_iter().filter(|id| *id != name).collect();
        if others.is_empty() || !others.iter().all(alike) {
            continue;
        }
        for id in others {
            let also = program.classes[id.index()].name.clone();
            program.classes[name.index()].also.push(also);
            map[id.index()] = name;
            merged.insert(id);
        }
        merged.insert(name);
    }
    let relink = Relink {
        map: &map,
        base: 0,
        merged: &merged,
    };
    program
        .functions
        .par_iter_mut()
        .for_each(|function| relink.function(function));
    for class in program
        .orders
        .iter_mut()
        .flat_map(|order| &mut order.classes)
    {
        *class = class.map(|id| map[id.index()]);
    }
}

fn scope(program: &Program, id: ClassId) -> Option<ClassScope> {
    program.classes.get(id.index()).map(|class| class.scope)
}

/// What `field` goes back to.
fn origin(sole: &BTreeMap<ClassId, ClassId>, field: ClassId) -> ClassId {
    let mut seen = BTreeSet::from([field]);
    let mut origin = field;
    while let Some(&next) = sole.get(&origin) {
        if !seen.insert(next) {
            // In a circle: any of them, and always the same.
            return seen.first().copied().unwrap_or(field);
        }
        origin = next;
    }
    origin
}

/// What fields are filled with; `None` is a lock of which no more is known.
struct Sources<'p> {
    program: &'p Program,
    /// What is called, by whom, and how, sorted by the first; nothing, where
    /// nobody asks.
    callers: Vec<(FnId, FnId, &'p Call)>,
    of: BTreeMap<ClassId, BTreeSet<Option<ClassId>>>,
}

impl<'p> Sources<'p> {
    fn of(program: &'p Program) -> Self {
        let mut sources = Sources {
            program,
            callers: Vec::new(),
            of: BTreeMap::new(),
        };
        let makers: Vec<(FnId, &Function)> = (0..)
            .map(FnId)
            .zip(&program.functions)
            .filter(|(_, f)| !f.is_test && !f.made.is_empty())
            .collect();
        if makers
            .iter()
            .any(|(_, f)| f.made.iter().any(|made| made.param.is_some()))
        {
            sources.callers = callers(program);
        }
        for (id, maker) in makers {
            // What a closure names is the function's that it stands in.
            let owner = maker.parent.unwrap_or(id);
            for made in &maker.made {
                let Some(field) = made.field.filter(|id| sources.is_own(*id)) else {
                    continue;
                };
                let mut found = BTreeSet::new();
                match made.param {
                    Some(param) => sources.given(owner, param, DEPTH, &mut found),
                    None => {
                        found.insert(made.source.filter(|_| made.element.is_none()));
                    }
                }
                found.remove(&Some(field));
                sources.of.entry(field).or_default().extend(found);
            }
        }
        sources
    }

    /// A lock in a field, and not the one inside of every lock of a type.
    fn is_own(&self, id: ClassId) -> bool {
        self.program.classes.get(id.index()).is_some_and(|class| {
            class.scope == ClassScope::Field
                && !class.is_inner
                && matches!(class.kind, ObjectKind::Lock(_))
        })
    }

    /// What `function` is given as its parameter `param`.
    fn given(
        &self,
        function: FnId,
        param: u16,
        depth: usize,
        found: &mut BTreeSet<Option<ClassId>>,
    ) {
        let first = self.callers.partition_point(|(to, ..)| *to < function);
        let callers = self.callers.get(first..).unwrap_or_default();
        let mut callers = callers
            .iter()
            .take_while(|(to, ..)| *to == function)
            .peekable();
        if callers.peek().is_none() || depth == 0 {
            let own = self.program.functions.get(function.index());
            let own = own.and_then(|f| f.params.get(usize::from(param)));
            found.insert(own.and_then(|param| param.class));
            return;
        }
        for (_, caller, call) in callers {
            let class = call.args.get(usize::from(param)).and_then(|arg| arg.class);
            // A maker that hands on what it was given itself.
            let params = &self.program.functions[caller.index()].params;
            let handed_on = params
                .iter()
                .position(|own| own.class.is_some() && own.class == class);
            match handed_on.and_then(|at| u16::try_from(at).ok()) {
                Some(own) => self.given(*caller, own, depth - 1, found),
                None => {
                    found.insert(
                        class.filter(|id| scope(self.program, *id) != Some(ClassScope::Element)),
                    );
                }
            }
        }
    }

    /// The fields that only one thing is put into.
    fn sole(&self) -> BTreeMap<ClassId, ClassId> {
        let one = |(&field, sources): (&ClassId, &BTreeSet<Option<ClassId>>)| {
            let mut sources = sources.iter();
            match (sources.next(), sources.next()) {
                (Some(Some(source)), None) => Some((field, *source)),
                _ => None,
            }
        };
        self.of.iter().filter_map(one).collect()
    }
}

/// The calls outside of tests: what is called, by whom, and how; sorted by the
/// first.
fn callers(program: &Program) -> Vec<(FnId, FnId, &Call)> {
    let mut callers: Vec<(FnId, FnId, &Call)> = program
        .functions
        .par_iter()
        .enumerate()
        .filter(|(_, function)| !function.is_test)
        .flat_map_iter(|(id, function)| {
            let by = function.parent.unwrap_or(FnId(id as u32));
            let events = function.blocks.iter().flat_map(|block| &block.events);
            let calls = events.filter_map(|event| match &event.kind {
                EventKind::Call(call)
                | EventKind::Acquire {
                    source: LockSource::Callee(call),
                    ..
                } => Some(call),
                _ => None,
            });
            calls.flat_map(move |call| call.targets.iter().map(move |target| (*target, by, call)))
        })
        .collect();
    callers.par_sort_by_key(|(target, ..)| *target);
    callers
}
