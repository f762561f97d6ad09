//! Access paths, and the steps of them that lead to elements of collections.

use smol_str::{SmolStr, format_smolstr};

use super::LocalId;

/// An access path: which object, seen from one function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Where the path starts.
    pub root: Root,
    /// Fields followed; `[]` is an element of a collection, `[7]` the one that
    /// the variable 7 of this function has, `[=7]` the one at the index, or under
    /// the key, that the variable 7 has, `[8=7]` both, `[#7]` the one at 7, and
    /// `[=@key]` the one under what stands at a place (see [`Place::keyed`]).
    /// Dereferences, borrows, `Arc::clone` and `unwrap` leave no trace here.
    pub path: Vec<SmolStr>,
}

/// The step of a path to some element of a collection.
const ELEMENT: &str = "[]";

/// Whether a step of a path leads to an element of a collection.
pub fn is_element(step: &str) -> bool {
    step.starts_with('[')
}

/// Whether the path leads to an element that no variable has, and of which no
/// literal tells which it is.
pub fn is_any_element(step: &str) -> bool {
    step == ELEMENT || step.starts_with("[=")
}

/// The step of a path to the element of a collection at `index`.
pub fn element_at(index: u64) -> SmolStr {
    format_smolstr!("[#{index}]")
}

/// The step of a path to the element of a collection at the index, or under the
/// key, that the variable `local` has.
pub fn element_by(local: LocalId) -> SmolStr {
    format_smolstr!("[={}]", local.0)
}

/// The variables that tell to which element a step leads: the one that has it,
/// and the one that has its index.
fn tellers(step: &str) -> (Option<LocalId>, Option<LocalId>) {
    let inside = step.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    let inside = inside.unwrap_or("");
    let inside = inside.split_once(KEY).map_or(inside, |(inside, _)| inside);
    let (has, at) = inside.split_once('=').unwrap_or((inside, ""));
    let local = |number: &str| number.parse().ok().map(LocalId);
    (local(has), local(at))
}

/// Whether both steps are one field, or lead to one element of a collection, as
/// long as the variables that tell so are `unchanged`.
pub fn is_one_step(a: &str, b: &str, unchanged: impl Fn(LocalId) -> bool) -> bool {
    if !is_element(a) || element_index(a).is_some() {
        return a == b;
    }
    let ((has, at), (other_has, other_at)) = (tellers(a), tellers(b));
    let same =
        |a: Option<LocalId>, b: Option<LocalId>| a.is_some_and(|a| b == Some(a) && unchanged(a));
    same(has, other_has) || same(at, other_at)
}

/// The variable that has the element that a step leads to.
pub fn element_owner(step: &str) -> Option<LocalId> {
    tellers(step).0
}

/// Before the key of an element, in a step.
const KEY: char = '@';

/// The key of the element that a step leads to, as [`written`].
fn key_of(step: &str) -> Option<&str> {
    let inside = step.strip_prefix('[')?.strip_suffix(']')?;
    inside.split_once(KEY).map(|(_, key)| key)
}

/// A place as the key of an element: `p0/id` of the first parameter, `l7` is
/// the variable 7.
fn written(key: &Place) -> Option<SmolStr> {
    let root = match &key.root {
        Root::Param(number) => format_smolstr!("p{number}"),
        Root::Local(local) => format_smolstr!("l{}", local.0),
        Root::Static(name) => format_smolstr!("s{name}"),
        Root::Opaque(_) => return None,
    };
    if key.path.iter().any(|step| is_element(step)) {
        return None;
    }
    Some(
        key.path
            .iter()
            .fold(root, |key, step| format_smolstr!("{key}/{step}")),
    )
}

/// The key of an element as a caller writes it who gave `given`.
fn key_from_outside<'p>(key: &str, given: impl Fn(u16) -> Option<&'p Place>) -> Option<SmolStr> {
    if key.starts_with('s') {
        return Some(SmolStr::new(key));
    }
    let key = key.strip_prefix('p')?;
    let number = key.split('/').next()?;
    let outer = written(given(number.parse().ok()?)?)?;
    Some(format_smolstr!("{outer}{}", &key[number.len()..]))
}

/// All variables that tell to which element a step leads.
pub fn element_tellers(step: &str) -> impl Iterator<Item = LocalId> {
    let (has, at) = tellers(step);
    [has, at, element_key(step)].into_iter().flatten()
}

/// The field of a parameter that is the key, or the index, of the element that a
/// step leads to: `philosopher.left`.
pub fn element_field(step: &str) -> Option<(u16, &str)> {
    let (param, field) = key_of(step)?.strip_prefix('p')?.split_once('/')?;
    Some((param.parse().ok()?, field))
}

/// The variable whose value is the key, or the index, of the element that a
/// step leads to.
pub fn element_key(step: &str) -> Option<LocalId> {
    let key = key_of(step)?.strip_prefix('l')?;
    key.parse().ok().map(LocalId)
}

/// Whether the step leads to one and the same element each time that it is
/// taken in a call: a literal, or a variable that is bound once, tells which.
pub fn is_one_element(step: &str) -> bool {
    element_index(step).is_some() || key_of(step).is_some() || tellers(step).0.is_some()
}

/// Whether both steps lead to one element of a collection by what is read from
/// one place, as long as variables are `unchanged`.
pub fn is_one_key(a: &str, b: &str, unchanged: impl Fn(LocalId) -> bool) -> bool {
    let local = |key: &str| key.strip_prefix('l')?.split('/').next()?.parse().ok();
    key_of(a).is_some_and(|key| {
        key_of(b) == Some(key) && local(key).is_none_or(|local| unchanged(LocalId(local)))
    })
}

/// The index of the element that a step leads to, where a literal tells it.
pub fn element_index(step: &str) -> Option<u64> {
    step.strip_prefix("[#")?.strip_suffix(']')?.parse().ok()
}

impl Place {
    /// Of the elements on the way, nothing tells which they are.
    pub fn forget_elements(&mut self) {
        for step in self.path.iter_mut().filter(|step| is_element(step)) {
            *step = SmolStr::new_static(ELEMENT);
        }
    }

    /// The elements on the way become the ones that the variable `local` has,
    /// where no other one has them.
    pub fn bind_elements(&mut self, local: LocalId) {
        for step in &mut self.path {
            if is_any_element(step) {
                *step = format_smolstr!("[{}{}", local.0, &step[1..]);
            }
        }
    }

    /// The element that the path leads to last is the one under the key that
    /// stands at `key`.
    pub fn keyed(&mut self, key: &Place) {
        if let Some(step) = self.path.last_mut().filter(|step| is_any_element(step))
            && key_of(step).is_none()
            && let Some(key) = written(key)
        {
            let inside = step.trim_matches(['[', '=', ']']);
            *step = format_smolstr!("[={inside}{KEY}{key}]");
        }
    }

    /// What `inner`, a place of a called function, is for the caller, to whom
    /// its root is this place.
    pub fn then(&self, inner: &Place) -> Place {
        self.then_with(inner, |_| None)
    }

    /// The same where the caller knows what it gave: the places of arguments.
    pub fn then_with<'p>(&self, inner: &Place, given: impl Fn(u16) -> Option<&'p Place>) -> Place {
        let path = self.path.iter().cloned();
        Place {
            root: self.root.clone(),
            path: path.chain(inner.path_from_outside(given)).collect(),
        }
    }

    /// The path as another function sees it, to which the variables of this
    /// one say nothing, but its parameters do that were `given`.
    pub fn path_from_outside<'p>(
        &self,
        given: impl Fn(u16) -> Option<&'p Place>,
    ) -> impl Iterator<Item = SmolStr> {
        self.path.iter().map(move |step| {
            if !is_element(step) || element_index(step).is_some() {
                return step.clone();
            }
            match key_of(step).and_then(|key| key_from_outside(key, &given)) {
                Some(key) => format_smolstr!("[={KEY}{key}]"),
                None => SmolStr::new_static(ELEMENT),
            }
        })
    }
}

/// What the element at `place` of a class called `name` is called, where a
/// literal tells which it is: `Device.frames[0]`, `Frame.n` of `frames[0]`.
pub fn element_name(name: &str, place: &Place) -> String {
    let told = |step: &SmolStr| element_index(step);
    let Some((at, index)) = place
        .path
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, step)| Some((at, told(step)?)))
    else {
        return name.to_owned();
    };
    match name.strip_suffix(ELEMENT) {
        Some(list) => format!("{list}[{index}]"),
        None => match at.checked_sub(1).and_then(|at| place.path.get(at)) {
            Some(list) if !is_element(list) => {
                let inner = place.path[at + 1..].iter().filter(|step| !is_element(step));
                let inner: Vec<&str> = inner.map(SmolStr::as_str).collect();
                format!("{list}[{index}].{}", inner.join("."))
            }
            _ => name.to_owned(),
        },
    }
}

/// Where an access path starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// A parameter; 0 is the first one, `self` included. In a closure: of the
    /// outermost function, so that captured places read alike in both.
    Param(u16),
    /// A local variable of the outermost function or of one of its closures.
    Local(LocalId),
    /// A static, by its stable key.
    Static(SmolStr),
    /// The result of something not looked into; equal to nothing else.
    Opaque(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: Root, path: &[&str]) -> Place {
        Place {
            root,
            path: path.iter().copied().map(SmolStr::new).collect(),
        }
    }

    /// The element of a list under `key`, as a caller sees it who gave `given`.
    fn seen(key: &Place, given: Option<&Place>) -> String {
        let mut element = place(Root::Static("LOCKS".into()), &["[]"]);
        element.keyed(key);
        let path: Vec<SmolStr> = element.path_from_outside(|_| given).collect();
        path.concat()
    }

    #[test]
    fn keys_are_told_to_callers_by_what_they_gave() {
        let id = place(Root::Param(0), &["id"]);
        let project = place(Root::Local(LocalId(7)), &["project"]);
        assert_eq!(seen(&id, Some(&project)), "[=@l7/project/id]");
        assert_eq!(seen(&id, None), "[]");
        // A variable of the callee, and one of many.
        assert_eq!(seen(&project, Some(&id)), "[]");
        let one_of_many = place(Root::Param(1), &["[]"]);
        assert_eq!(seen(&id, Some(&one_of_many)), "[]");
        let fixed = place(Root::Static("MAIN".into()), &[]);
        assert_eq!(seen(&fixed, None), "[=@sMAIN]");
    }

    #[test]
    fn a_key_says_more_and_no_less() {
        let mut element = place(Root::Param(0), &["[=7]"]);
        element.keyed(&place(Root::Param(1), &[]));
        assert_eq!(element.path, ["[=7@p1]"]);
        assert!(is_any_element(&element.path[0]));
        assert!(is_one_step("[=7@p1]", "[8=7@p1]", |_| true));
        assert!(!is_one_step("[=7@p1]", "[=8@p1]", |_| true));
        assert!(is_one_key("[=7@p1]", "[=8@p1]", |_| true));
        assert!(!is_one_key("[=@l1/id]", "[=@l1/id]", |_| false));
        assert!(!is_one_key("[]", "[]", |_| true));
        element.bind_elements(LocalId(9));
        assert_eq!(element_owner(&element.path[0]), Some(LocalId(9)));
    }
}
