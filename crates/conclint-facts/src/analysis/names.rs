//! What objects are called in messages.

use crate::program::*;

/// The class's name, else the place as it would be written in `function`.
pub(super) fn object(program: &Program, object: &ObjectRef, function: FnId) -> String {
    if let Some(class) = object.class.and_then(|id| program.classes.get(id.index())) {
        return element_name(&class.name, &object.place);
    }
    let mut name = root(program, &object.place.root, function);
    for field in &object.place.path {
        if let Some(index) = element_index(field) {
            name.push_str(&format!("[{index}]"));
        } else if is_element(field) {
            name.push_str("[..]");
        } else {
            name.push('.');
            name.push_str(field);
        }
    }
    name
}

fn root(program: &Program, root: &Root, function: FnId) -> String {
    const UNKNOWN: &str = "a lock";
    match root {
        Root::Param(index) => family(program, function)
            .last()
            .and_then(|f| f.params.get(usize::from(*index)))
            .map_or_else(|| UNKNOWN.to_owned(), |p| p.name.to_string()),
        Root::Local(id) => family(program, function)
            .find_map(|f| f.locals.iter().find(|local| local.id == *id))
            .map_or_else(|| UNKNOWN.to_owned(), |local| local.name.to_string()),
        Root::Static(key) => key.rsplit("::").next().unwrap_or(key).to_owned(),
        Root::Opaque(_) => UNKNOWN.to_owned(),
    }
}

/// `function` and the functions it stands in, innermost first.
fn family(program: &Program, function: FnId) -> impl Iterator<Item = &Function> {
    let first = program.functions.get(function.index());
    // The bound keeps a malformed parent chain from running for ever.
    std::iter::successors(first, |f| program.functions.get(f.parent?.index())).take(64)
}
