//! What signal handlers tell: they may neither lock nor notify, so that whoever
//! waits for them has to look again and again (signal-safety(7)).

use std::collections::BTreeSet;

use conclint_facts::{Analysis, ClassId, ClassScope, EventKind, Kinds};

use crate::flow::events;

/// The atomics that are given to the registration of a handler, or stored by
/// a closure that is, or by what other languages call (`extern "C"`): handlers
/// are such functions, and the registration tells little of which.
pub(super) fn told(analysis: &Analysis) -> BTreeSet<ClassId> {
    let stores = |function| {
        events(function).filter_map(|(_, event)| match &event.kind {
            EventKind::SharedWrite { object, .. } => object.as_ref()?.class,
            _ => None,
        })
    };
    // A handler is given nothing that could hold the flag.
    let is_static = |class: &ClassId| analysis.class(*class).scope == ClassScope::Static;
    let mut told = BTreeSet::new();
    for function in &analysis.program().functions {
        if function.is_foreign {
            told.extend(stores(function).filter(is_static));
            let called = events(function).filter_map(|(_, event)| match &event.kind {
                EventKind::Call(call) => Some(&call.targets),
                _ => None,
            });
            let called = called.flatten().map(|f| analysis.function(*f));
            told.extend(called.flat_map(stores).filter(is_static));
        }
    }
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
                told.extend(handler.into_iter().flat_map(stores));
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
