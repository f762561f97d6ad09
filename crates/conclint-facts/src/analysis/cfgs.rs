//! Whether two pieces of code can be compiled together.
//!
//! Reads `cfg` predicates as far as they can contradict each other: negation,
//! platforms, and keys that have one value only. Whatever it does not know is
//! an atom that contradicts nothing but its own negation.

use smol_str::SmolStr;

/// More alternatives than this are taken to be satisfiable.
const MAX_ALTERNATIVES: usize = 64;
const MAX_DEPTH: usize = 32;

/// Keys that have exactly one value in a build.
const SINGLE_VALUED: &[&str] = &[
    "target_os",
    "target_arch",
    "target_endian",
    "target_env",
    "target_pointer_width",
    "target_vendor",
    "panic",
];

const UNIX_SYSTEMS: &[&str] = &[
    "linux",
    "macos",
    "android",
    "ios",
    "freebsd",
    "netbsd",
    "openbsd",
    "dragonfly",
    "solaris",
    "illumos",
    "fuchsia",
    "haiku",
    "redox",
    "aix",
    "hurd",
    "nto",
    "emscripten",
    "tvos",
    "watchos",
    "visionos",
];

/// No build contains code under the conditions `a` and code under `b`.
pub fn exclusive(a: &[SmolStr], b: &[SmolStr]) -> bool {
    if a.is_empty() || b.is_empty() || a == b {
        return false;
    }
    together(a.iter().chain(b)).is_some_and(|ways| ways.is_empty())
}

/// No build contains code under all of these conditions: they contradict each
/// other (a function for one platform in a module for another), or one of them
/// is never so, `any()`.
pub fn never_built(conditions: &[SmolStr]) -> bool {
    !conditions.is_empty() && together(conditions.iter()).is_some_and(|ways| ways.is_empty())
}

/// One of the conditions is so on an operating system that it names, be it
/// among others: `unix`, `target_os = "linux"`.
pub fn names_system(conditions: &[SmolStr]) -> bool {
    let system = |literal: &Literal| {
        let os = literal.atom.strip_prefix("target_os=");
        literal.holds
            && (family_of(&literal.atom).is_some() || os.is_some_and(|os| os != "\"none\""))
    };
    conditions
        .iter()
        .any(|text| parse(text).alternatives(true).iter().flatten().any(system))
}

/// The ways in which all of the conditions hold; `None` where they are too many
/// to look at.
fn together<'a>(conditions: impl Iterator<Item = &'a SmolStr>) -> Option<Vec<Vec<Literal>>> {
    let mut ways: Vec<Vec<Literal>> = vec![Vec::new()];
    for text in conditions {
        let options = parse(text).alternatives(true);
        if ways.len() * options.len() > MAX_ALTERNATIVES {
            return None;
        }
        ways = ways
            .iter()
            .flat_map(|left| {
                options
                    .iter()
                    .map(move |right| [left.as_slice(), right].concat())
            })
            .filter(|literals| !contradictory(literals))
            .collect();
    }
    Some(ways)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Literal {
    atom: String,
    holds: bool,
}

#[derive(Debug)]
enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Not(Box<Predicate>),
    Atom(String),
}

impl Predicate {
    /// The predicate (or its negation) as alternatives of literals.
    fn alternatives(&self, positive: bool) -> Vec<Vec<Literal>> {
        match (self, positive) {
            (Predicate::Atom(atom), holds) => vec![vec![Literal {
                atom: atom.clone(),
                holds,
            }]],
            (Predicate::Not(inner), _) => inner.alternatives(!positive),
            (Predicate::Any(parts), true) | (Predicate::All(parts), false) => {
                let mut all: Vec<_> = parts
                    .iter()
                    .flat_map(|part| part.alternatives(positive))
                    .collect();
                all.truncate(MAX_ALTERNATIVES + 1);
                all
            }
            (Predicate::All(parts), true) | (Predicate::Any(parts), false) => {
                let mut all = vec![Vec::new()];
                for part in parts {
                    let options = part.alternatives(positive);
                    if all.len() * options.len() > MAX_ALTERNATIVES {
                        // Too many to look at: this part says nothing then.
                        continue;
                    }
                    all = all
                        .iter()
                        .flat_map(|left: &Vec<Literal>| {
                            options
                                .iter()
                                .map(move |right| [left.as_slice(), right].concat())
                        })
                        .collect();
                }
                all
            }
        }
    }
}

fn contradictory(literals: &[Literal]) -> bool {
    literals.iter().enumerate().any(|(i, a)| {
        literals[i + 1..]
            .iter()
            .any(|b| conflict(a, b) || conflict(b, a))
    })
}

fn conflict(a: &Literal, b: &Literal) -> bool {
    if a.atom == b.atom {
        return a.holds != b.holds;
    }
    if !a.holds {
        return false;
    }
    let family = family_of(&a.atom);
    if b.holds {
        let values = (a.atom.split_once('='), b.atom.split_once('='));
        let single = matches!(values, (Some((ka, _)), Some((kb, _))) if ka == kb && SINGLE_VALUED.contains(&ka));
        let other = family_of(&b.atom);
        return single || (family.is_some() && other.is_some() && family != other);
    }
    // `a` implies its platform family, which `b` denies.
    family.is_some_and(|family| b.atom == family)
}

/// `unix` or `windows`, where an atom implies it.
fn family_of(atom: &str) -> Option<&'static str> {
    match atom {
        "unix" => return Some("unix"),
        "windows" => return Some("windows"),
        _ => {}
    }
    let system = atom.strip_prefix("target_os=")?.trim_matches('"');
    if system == "windows" {
        Some("windows")
    } else {
        UNIX_SYSTEMS.contains(&system).then_some("unix")
    }
}

fn parse(text: &str) -> Predicate {
    let mut quoted = false;
    let compact: String = text
        .chars()
        .filter(|c| {
            quoted ^= *c == '"';
            quoted || !c.is_whitespace()
        })
        .collect();
    predicate(&compact, 0)
}

fn predicate(text: &str, depth: usize) -> Predicate {
    if depth < MAX_DEPTH
        && let Some((head, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('('))
    {
        let mut parts = split(inner)
            .into_iter()
            .map(|part| predicate(part, depth + 1));
        match head {
            "all" => return Predicate::All(parts.collect()),
            "any" => return Predicate::Any(parts.collect()),
            "cfg" | "not" => {
                if let (Some(only), None) = (parts.next(), parts.next()) {
                    return if head == "not" {
                        Predicate::Not(Box::new(only))
                    } else {
                        only
                    };
                }
            }
            _ => {}
        }
    }
    match text {
        "true" => return Predicate::All(Vec::new()),
        "false" => return Predicate::Any(Vec::new()),
        _ => {}
    }
    Predicate::Atom(match text {
        "target_family=\"unix\"" => "unix".to_owned(),
        "target_family=\"windows\"" => "windows".to_owned(),
        _ => text.to_owned(),
    })
}

/// Splits at the commas outside parentheses and quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(a: &str, b: &str) -> bool {
        let (a, b) = ([SmolStr::from(a)], [SmolStr::from(b)]);
        let forward = exclusive(&a, &b);
        assert_eq!(forward, exclusive(&b, &a), "exclusion is symmetric");
        forward
    }

    #[test]
    fn negations_and_platforms_exclude_each_other() {
        assert!(clash("unix", "windows"));
        assert!(clash("unix", "not(unix)"));
        assert!(clash("feature = \"a\"", "not(feature=\"a\")"));
        assert!(clash("target_os = \"linux\"", "windows"));
        assert!(clash("target_os = \"linux\"", "not(unix)"));
        assert!(clash("target_os = \"linux\"", "target_os = \"macos\""));
        assert!(clash(
            "all(feature = \"a\", unix)",
            "not(any(unix, feature = \"b\"))"
        ));
        assert!(clash(
            "any(windows, not(feature = \"a\"))",
            "all(unix, feature = \"a\")"
        ));
        assert!(clash("cfg(loom)", "not(loom)"));
        assert!(clash(
            "target_family = \"unix\"",
            "target_family = \"windows\""
        ));
    }

    #[test]
    fn what_can_be_built_together_is_not_excluded() {
        assert!(!clash("feature = \"a\"", "feature = \"b\""));
        assert!(!clash("feature = \"a\"", "not(feature = \"b\")"));
        assert!(!clash("unix", "target_os = \"linux\""));
        assert!(!clash("any(unix, windows)", "windows"));
        assert!(!clash("not(unix)", "not(windows)"));
        assert!(!exclusive(&[], &[SmolStr::from("unix")]));
    }

    fn list(texts: &[&str]) -> Vec<SmolStr> {
        texts.iter().map(|text| SmolStr::from(*text)).collect()
    }

    #[test]
    fn conditions_of_one_piece_of_code_can_contradict_each_other() {
        let never = |texts: &[&str]| never_built(&list(texts));
        assert!(never(&["target_os = \"macos\"", "target_os = \"linux\""]));
        assert!(never(&["unix", "feature = \"a\"", "not(feature = \"a\")"]));
        assert!(never(&["any()"]) && never(&["unix", "false"]) && !never(&["true"]));
        assert!(!never(&[]));
        assert!(!never(&["unix", "target_os = \"linux\""]));
        assert!(!never(&["any(unix, windows)", "windows"]));
        assert!(!never(&["feature = \"a\"", "feature = \"b\""]));
        assert!(!never(&["test", "test"]));
    }

    #[test]
    fn systems_by_name() {
        let named = |text: &str| names_system(&list(&[text]));
        assert!(named("unix"));
        assert!(named("any(target_os = \"linux\", target_os = \"none\")"));
        assert!(named("target_os = \"hermit\""));
        assert!(!named("target_os = \"none\""));
        assert!(!named("not(any(unix, windows))"));
        assert!(!named("not(feature = \"std\")"));
        assert!(!named("not(test)"));
    }

    #[test]
    fn malformed_conditions_exclude_nothing() {
        for text in [
            "", "not()", "all(", ")", "not(a,b)", "any()x", "\"", "((((", "não(π)",
        ] {
            assert!(!clash(text, "unix") || text == "any()", "{text}");
        }
        let deep = format!("{}a{}", "not(".repeat(10_000), ")".repeat(10_000));
        assert!(!clash(&deep, "unix"));
    }
}
