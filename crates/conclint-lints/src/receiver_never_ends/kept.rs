//! Senders in fields: `struct Pool { sender, workers }` whose workers are joined
//! while the pool still has its sender.

use conclint_facts::{Analysis, Event, EventKind, EventRef, FnId, Kept, Kinds, Place, Root};
use smol_str::{SmolStr, format_smolstr};

use super::drain::Dry;
use crate::flow::{self, Point, events};

/// A join that waits for what an object of its own keeps alive.
pub(super) struct Joined<'a> {
    /// The function that joins.
    pub(super) function: FnId,
    /// Where.
    pub(super) event: &'a Event,
    /// What is read.
    pub(super) dry: Dry,
}

/// All joins of a handle from an object whose sender is still there.
pub(super) fn joined(analysis: &Analysis) -> Vec<Joined<'_>> {
    let mut found: Vec<Joined<'_>> = Vec::new();
    for (maker, function) in analysis.functions_with(Kinds::SENDER_KEPT) {
        for (_, event) in events(function) {
            if let EventKind::SenderKept(kept) = &event.kind
                && let Some(dry) = Dry::of(analysis, maker, kept.receive, &kept.sender)
            {
                for (at, own) in joins(analysis, kept) {
                    let event = analysis.event(at);
                    let known = |other: &Joined<'_>| other.event.site == event.site;
                    if has_sender(analysis, kept, at) && !found.iter().any(known) {
                        let dry = Dry {
                            sender: format_smolstr!("{own}.{}", kept.sender),
                            ..dry.clone()
                        };
                        let function = at.function;
                        found.push(Joined {
                            function,
                            event,
                            dry,
                        });
                    }
                }
            }
        }
    }
    found
}

/// Where handles of such an object are joined, and what the object is called there.
fn joins(analysis: &Analysis, kept: &Kept) -> Vec<(EventRef, SmolStr)> {
    let own = |id: FnId, place: &Place| {
        let outer = analysis.function(id).parent.unwrap_or(id);
        let Root::Param(number) = place.root else {
            return None;
        };
        let param = analysis.function(outer).params.get(usize::from(number))?;
        let is_it = param.of == Some(kept.of) && place.path.first() == Some(&kept.handles);
        is_it.then(|| param.name.clone())
    };
    let functions = analysis.functions_with(Kinds::JOIN);
    functions
        .flat_map(|(id, function)| events(function).map(move |(at, event)| (id, at, event)))
        .filter_map(|(id, at, event)| match &event.kind {
            EventKind::Join {
                handle: Some(handle),
                ..
            } => Some((at.in_function(id), own(id, &handle.place)?)),
            _ => None,
        })
        .collect()
}

/// Whether the object has its sender when it joins: nobody takes that away, or
/// the one who does comes later.
fn has_sender(analysis: &Analysis, kept: &Kept, join: EventRef) -> bool {
    let (of, field) = (kept.of, &kept.sender);
    let mut lets_go = analysis
        .functions_with(Kinds::SENDER_LET_GO)
        .flat_map(|(id, function)| events(function).map(move |(at, event)| (id, at, event)))
        .filter(|(.., event)| matches!(&event.kind, EventKind::SenderLetGo { of: o, field: f } if *o == of && f == field));
    let function = analysis.function(join.function);
    let at = Point::of(join);
    lets_go.all(|(id, point, _)| {
        id == join.function
            && flow::reaches(function, at, point)
            && !flow::reaches(function, point, at)
    })
}
