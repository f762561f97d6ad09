//! What signal handlers tell: they may neither lock nor notify, so that whoever
//! waits for them has to look again and again (signal-safety(7)).

use std::collections::BTreeSet;

use conclint_facts::{Analysis, ClassId, EventKind, Kinds};

use crate::flow::events;

/// The atomics that are given to the registration of a handler, or stored by
/// a closure that is.
pub(super) fn told(analysis: &Analysis) -> BTreeSet<ClassId> {
    let mut told = BTreeSet::new();
    for (_, function) in analysis.functions_with(Kinds::CLOSURE_ARG | Kinds::OBJECT_ARG) {
        for (_, event) in events(function) {
            let EventKind::Call(call) = &event.kind else {
                continue;
            };
            if !call.targets.is_empty() || !registers(&call.name) {
                continue;
            }
            for arg in &call.args {
                told.extend(arg.class);
                let handler = arg.closure.map(|handler| analysis.function(handler));
                let stored = handler.into_iter().flat_map(events);
                told.extend(stored.filter_map(|(_, event)| match &event.kind {
                    EventKind::SharedWrite { object } => object.as_ref()?.class,
                    _ => None,
                }));
            }
        }
    }
    told
}

/// `signal_hook::flag::register`, `ctrlc::set_handler`, `libc::sigaction`.
fn registers(name: &str) -> bool {
    let mut parts = name.rsplit("::");
    let (last, around) = (parts.next().unwrap_or(name), parts.next());
    matches!(
        last,
        "signal" | "sigaction" | "set_handler" | "try_set_handler"
    ) || last.starts_with("register")
        && matches!(around, Some("flag" | "low_level" | "signal_hook"))
}
