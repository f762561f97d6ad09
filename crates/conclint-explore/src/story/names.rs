//! What the program calls the objects that its threads meet at.
//!
//! The runtime only knows addresses. The name is read from the source, from
//! what stands before the dot of the operations on the object: `self.accounts[from].lock()` is an
//! operation on `accounts[..]`.

use std::collections::BTreeMap;

use super::callers::Wait;
use super::sources::Texts;
use crate::answer::{Failure, Place};

/// Names of objects by what the runtime calls them, `mutex 1`.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// Reads the names of everything that `failure` mentions; `waits` are those of its stuck
    /// threads.
    pub(super) fn of(failure: &Failure, waits: &[Wait], texts: &mut Texts) -> Self {
        // In the order of first use, so that numbers follow the story.
        let mut order: Vec<&str> = Vec::new();
        let mut votes: BTreeMap<&str, Vec<(String, usize)>> = BTreeMap::new();
        let steps = failure.timeline.iter().map(|s| (&s.object, &s.place));
        let stuck = failure.stuck.iter().zip(waits).map(|(s, wait)| {
            let call = wait.call.as_ref();
            (&s.object, call.map_or(&s.place, |call| &call.place))
        });
        let held = failure.stuck.iter().flat_map(|s| &s.holds);
        let held = held.chain(waits.iter().flat_map(|wait| &wait.took));
        let held = held.map(|h| (&h.object, &h.place));
        for (object, place) in steps.chain(stuck).chain(held) {
            if object.is_empty() {
                continue;
            }
            if !order.contains(&object.as_str()) {
                order.push(object);
            }
            let Some(name) = written(object, place, texts) else {
                continue;
            };
            let seen = votes.entry(object).or_default();
            match seen.iter_mut().find(|(n, _)| *n == name) {
                Some((_, count)) => *count += 1,
                None => seen.push((name, 1)),
            }
        }
        let mut names: Vec<(&str, String)> = Vec::new();
        for object in &order {
            if let Some(seen) = votes.get(object) {
                let kind = kind_of(object);
                let alike = votes
                    .iter()
                    .filter(|(other, names)| kind_of(other) == kind && share(seen, names));
                names.push((object, pick(alike.flat_map(|(_, names)| names))));
            }
        }
        let mut out = BTreeMap::new();
        for (index, (object, name)) in names.iter().enumerate() {
            let alike = names.iter().filter(|(_, n)| n == name).count();
            let before = names[..index].iter().filter(|(_, n)| n == name).count();
            let shown = match alike {
                1 => name.clone(),
                _ => format!("{name} #{}", before + 1),
            };
            out.insert((*object).to_owned(), shown);
        }
        Self(out)
    }

    /// The name to show for what the runtime calls `object`.
    pub(crate) fn get<'a>(&'a self, object: &'a str) -> &'a str {
        self.0.get(object).map_or(object, String::as_str)
    }
}

/// What the runtime says an object is: `mutex 1`.
fn kind_of(object: &str) -> &str {
    object.split(' ').next().unwrap_or_default()
}

/// The source calls both objects by one name somewhere, as it does with the arguments of a
/// function that is called twice.
fn share(a: &[(String, usize)], b: &[(String, usize)]) -> bool {
    a.iter().any(|(name, _)| b.iter().any(|(n, _)| n == name))
}

/// The name used most often; two that are used equally often stand for one object together.
fn pick<'a>(seen: impl Iterator<Item = &'a (String, usize)>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, count) in seen {
        *counts.entry(name).or_insert(0) += count;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    // Two names of two objects: which of them is seen once more is chance.
    let best: Vec<&str> = counts
        .iter()
        .filter(|(_, count)| **count * 2 > most)
        .map(|(name, _)| *name)
        .collect();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    match best.as_slice() {
        [] => String::new(),
        // `left.uses` and `right.uses`: both are `uses`.
        [first, rest @ ..] if rest.iter().all(|n| last(n) == last(first)) => match rest {
            [] => (*first).to_owned(),
            _ => last(first),
        },
        [a, b] if a.len() + b.len() < 14 => format!("{a}/{b}"),
        [first, ..] => {
            let common = counts.iter().find(|(_, count)| **count == most);
            common.map_or(*first, |(name, _)| *name).to_owned()
        }
    }
}

/// Methods whose receiver is the object, by the kind of object.
fn is_method(kind: &str, method: &str) -> bool {
    match kind {
        "mutex" | "rwlock" => matches!(
            method,
            "lock" | "try_lock" | "read" | "write" | "try_read" | "try_write"
        ),
        "condvar" => method.starts_with("wait") || method.starts_with("notify"),
        "atomic" => {
            matches!(method, "load" | "store" | "swap")
                || method.starts_with("fetch_")
                || method.starts_with("compare_")
        }
        "channel" => {
            method.contains("send")
                || method.contains("recv")
                || matches!(method, "iter" | "try_iter" | "into_iter")
        }
        "barrier" => method == "wait",
        "once" => method.starts_with("get") || method.starts_with("call_once") || method == "set",
        _ => false,
    }
}

/// The receiver of the call at a place, where that call works on the object.
fn written(object: &str, place: &Place, texts: &mut Texts) -> Option<String> {
    let kind = kind_of(object);
    let (text, at) = texts.at(place)?;
    let rest = text.get(at..)?;
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    if !is_method(kind, &rest[..end]) {
        let method = text[..at].trim_end().ends_with('.');
        return (kind == "once" && !method).then(|| looked_into(rest))?;
    }
    receiver(text.get(..at)?)
}

/// Methods that lead to what their receiver holds: `rx.lock().unwrap()` is what `rx` guards.
fn is_way(method: &str) -> bool {
    matches!(
        method,
        "clone" | "as_ref" | "as_mut" | "borrow" | "borrow_mut" | "by_ref" | "lock" | "read"
    ) || matches!(method, "write" | "expect")
        || method.starts_with("unwrap")
}

/// What stands at a place where a lazy value is looked into: `*TABLE`, or `TABLE.get(1)`.
fn looked_into(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['*', '&', '(', ' ']);
    let end = text.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | ':'));
    let (path, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut parts: Vec<&str> = path.split(['.', ':']).filter(|p| !p.is_empty()).collect();
    if rest.starts_with('(') {
        parts.pop();
    }
    // A static is known by its capitals; what follows is inside of it.
    let capitals = |p: &&str| p.chars().any(char::is_uppercase) && **p == p.to_uppercase();
    if let Some(last) = parts.iter().position(capitals) {
        parts.truncate(last + 1);
    }
    parts.retain(|p| *p != "self");
    parts.last().map(|name| (*name).to_owned())
}

/// The receiver that ends with the dot at the end of `before`, without `self` and arguments.
fn receiver(before: &str) -> Option<String> {
    let mut rest = before.trim_end().strip_suffix('.')?;
    let mut parts: Vec<String> = Vec::new();
    let mut suffix = String::new();
    loop {
        rest = rest.trim_end();
        match rest.chars().last()? {
            '?' => rest = &rest[..rest.len() - 1],
            ')' => {
                rest = &rest[..opening(rest)?];
                suffix.insert_str(0, "()");
            }
            ']' => {
                let from = opening(rest)?;
                let index = rest[from + 1..rest.len() - 1].trim();
                let plain = !index.is_empty() && index.chars().all(|c| c.is_ascii_digit());
                suffix.insert_str(0, &format!("[{}]", if plain { index } else { ".." }));
                rest = &rest[..from];
            }
            c if c.is_alphanumeric() || c == '_' => {
                let word = rest
                    .rfind(|c: char| !c.is_alphanumeric() && c != '_')
                    .map_or(0, |at| {
                        at + rest[at..].chars().next().map_or(1, char::len_utf8)
                    });
                let name = &rest[word..];
                let noise = suffix == "()" && is_way(name);
                if !noise && name != "self" {
                    parts.push(format!("{name}{suffix}"));
                }
                suffix.clear();
                rest = rest[..word].trim_end();
                if let Some(shorter) = rest.strip_suffix('.') {
                    rest = shorter;
                } else if let Some(shorter) = rest.strip_suffix("::") {
                    rest = shorter;
                } else {
                    break;
                }
            }
            _ => return None,
        }
    }
    parts.reverse();
    // The last two say enough.
    let skip = parts.len().saturating_sub(2);
    let name = parts.into_iter().skip(skip).collect::<Vec<_>>().join(".");
    (!name.is_empty() && name.chars().count() <= 40).then_some(name)
}

/// Where the bracket that ends `text` opens.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, c) in text.char_indices().rev() {
        match c {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers() {
        let name = |text: &str| receiver(text);
        assert_eq!(name("let a = counter."), Some("counter".to_owned()));
        assert_eq!(name("  *self.total."), Some("total".to_owned()));
        assert_eq!(
            name("self.accounts[from + 1]."),
            Some("accounts[..]".to_owned())
        );
        assert_eq!(name("forks[0]\n        ."), Some("forks[0]".to_owned()));
        assert_eq!(
            name("if bank.account(id(3))?."),
            Some("bank.account()".to_owned())
        );
        assert_eq!(name("a.b.c.d."), Some("c.d".to_owned()));
        assert_eq!(name("COUNTERS::ONE."), Some("COUNTERS.ONE".to_owned()));
        assert_eq!(name("shared.clone()."), Some("shared".to_owned()));
        assert_eq!(name("self.rx.lock().unwrap()."), Some("rx".to_owned()));
        assert_eq!(name("Mutex::"), None);
        assert_eq!(name("self."), None);
        assert_eq!(name("(*x)."), None);
        assert_eq!(name("]."), None);
        assert_eq!(name("."), None);
    }

    #[test]
    fn lazy_values() {
        let name = |text: &str| looked_into(text);
        assert_eq!(name("*TABLE + 1"), Some("TABLE".to_owned()));
        assert_eq!(name("TABLE.get(1)"), Some("TABLE".to_owned()));
        assert_eq!(name("config::TABLE.rows.len()"), Some("TABLE".to_owned()));
        assert_eq!(name("*self.table)"), Some("table".to_owned()));
        assert_eq!(name("self.table.len()"), Some("table".to_owned()));
        assert_eq!(name("{"), None);
    }

    #[test]
    fn most_votes_win() {
        let votes = |list: &[(&str, usize)]| -> Vec<(String, usize)> {
            list.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect()
        };
        assert_eq!(pick(votes(&[("a", 1), ("b", 2)]).iter()), "b");
        assert_eq!(pick(votes(&[("to", 2), ("from", 3)]).iter()), "from/to");
        assert_eq!(
            pick(votes(&[("left.uses", 2), ("right.uses", 2)]).iter()),
            "uses"
        );
        assert_eq!(pick(votes(&[("a.uses", 2)]).iter()), "a.uses");
        assert!(share(&votes(&[("a", 1), ("b", 1)]), &votes(&[("b", 7)])));
        assert!(!share(&votes(&[("a", 1)]), &votes(&[("b", 1)])));
    }
}
