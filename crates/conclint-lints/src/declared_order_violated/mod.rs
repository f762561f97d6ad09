//! Locks taken against an order that the source or the configuration states.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Class, ClassId, DeclaredOrder, FnId, Nesting, ObjectKind, SameInstance, Site,
};

use crate::trace::{Draw, confidence, lower};
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "declared-order-violated",
    code: "CL108",
    severity: Severity::Error,
    level: Level::Default,
    summary: "locks are taken against the order written in a comment or in conclint.toml",
    page: include_str!("lint.md"),
    check,
};

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let classes = &analysis.program().classes;
    let mut orders: Vec<Order> = analysis
        .program()
        .orders
        .iter()
        .map(|declared| Order::from_source(declared, classes))
        .collect();
    orders.extend(
        settings
            .orders
            .iter()
            .map(|names| Order::from_config(names, classes)),
    );
    // A function that disregards an order is one finding, whatever it takes.
    let mut by_function: BTreeMap<(usize, FnId), Vec<&Nesting>> = BTreeMap::new();
    let mut seen: BTreeSet<(usize, FnId, ClassId, ClassId)> = BTreeSet::new();
    for nesting in analysis.nestings() {
        for (number, order) in orders.iter().enumerate() {
            let Some((held, taken)) = order.violated_by(nesting) else {
                continue;
            };
            if seen.insert((number, nesting.function, held, taken)) {
                by_function
                    .entry((number, nesting.function))
                    .or_default()
                    .push(nesting);
            }
        }
    }
    for ((number, _), mut nestings) in by_function {
        nestings.sort_by_key(|n| (std::cmp::Reverse(n.confidence), n.chain.len()));
        if let (Some(order), Some(best)) = (orders.get(number), nestings.first()) {
            findings.push(report(&draw, order, best, &nestings));
        }
    }
}

/// Places shown of one function.
const PLACES: usize = 4;

/// A stated order: at each position the classes that its name can mean.
struct Order {
    names: Vec<String>,
    classes: Vec<Vec<ClassId>>,
    /// Where it is stated; `None`: in the configuration.
    site: Option<Site>,
    /// Every name means one lock.
    exact: bool,
}

impl Order {
    fn from_source(declared: &DeclaredOrder, all: &[Class]) -> Self {
        let file = declared.site.file;
        let here = |class: &Class| class.site.is_some_and(|site| site.file == file);
        let resolved = declared.names.iter().enumerate().map(|(i, name)| {
            match declared.classes.get(i).copied().flatten() {
                Some(class) => vec![class],
                None => matching(name, all, here),
            }
        });
        Order::new(
            declared.names.clone(),
            resolved.collect(),
            Some(declared.site),
        )
    }

    fn from_config(names: &[String], all: &[Class]) -> Self {
        let classes = names
            .iter()
            .map(|name| matching(name, all, |_| true))
            .collect();
        Order::new(names.to_vec(), classes, None)
    }

    fn new(names: Vec<String>, classes: Vec<Vec<ClassId>>, site: Option<Site>) -> Self {
        let exact = classes.iter().all(|candidates| candidates.len() <= 1);
        Order {
            names,
            classes,
            site,
            exact,
        }
    }

    /// The order in words; of a long one the two names that matter.
    fn between(&self, nesting: &Nesting) -> String {
        let at = |class: Option<ClassId>| self.names.get(self.position(class?)?).cloned();
        match (at(nesting.taken.class), at(nesting.held.lock.class)) {
            (Some(first), Some(second)) if self.names.len() > 4 => {
                format!("{first} -> .. -> {second}")
            }
            _ => self.names.join(" -> "),
        }
    }

    fn position(&self, class: ClassId) -> Option<usize> {
        self.classes
            .iter()
            .position(|candidates| candidates.contains(&class))
    }

    /// The two classes, where the one taken should come before the one held.
    fn violated_by(&self, nesting: &Nesting) -> Option<(ClassId, ClassId)> {
        let (held, taken) = (nesting.held.lock.class?, nesting.taken.class?);
        let exclusive = nesting.held.lock.exclusive || nesting.taken.exclusive;
        let against = self.position(taken)? < self.position(held)?;
        (against && held != taken && !exclusive && nesting.same != SameInstance::Certain)
            .then_some((held, taken))
    }
}

/// The locks that `name` means: by their whole name or its end, `users` or
/// `Registry.users` for `Registry.users`.
fn matching(name: &str, all: &[Class], fits: impl Fn(&Class) -> bool) -> Vec<ClassId> {
    (0..)
        .map(ClassId)
        .zip(all)
        .filter(|(_, class)| {
            matches!(class.kind, ObjectKind::Lock(_)) && is_named(class, name) && fits(class)
        })
        .map(|(id, _)| id)
        .collect()
}

fn is_named(class: &Class, name: &str) -> bool {
    let ends = |whole: &str| {
        whole
            .strip_suffix(name)
            .is_some_and(|front| front.is_empty() || front.ends_with('.') || front.ends_with("::"))
    };
    !name.is_empty() && (ends(&class.name) || ends(&class.key))
}

fn report(draw: &Draw<'_>, order: &Order, nesting: &Nesting, all: &[&Nesting]) -> Finding {
    let (held, taken) = (draw.name(&nesting.held.lock), draw.name(&nesting.taken));
    let name = draw.function_name(nesting.function);
    let stated = order.between(nesting);
    let mut paths: Vec<Trace> = all
        .iter()
        .take(PLACES)
        .map(|n| {
            let title = format!(
                "`{}` then `{}`{}",
                draw.name(&n.held.lock),
                draw.name(&n.taken),
                draw.context(n)
            );
            draw.nesting_trace(title, n)
        })
        .collect();
    let place = match order.site {
        Some(site) => {
            let span = draw.span(site);
            let place = format!("{}:{}", span.file, span.line);
            let what = format!("states the order `{stated}`");
            let step = conclint_diag::Step {
                span,
                function: String::new(),
                role: Role::Use,
                object: String::new(),
                what,
            };
            paths.push(Trace {
                title: format!("the order is `{stated}`"),
                steps: vec![step],
            });
            place
        }
        None => "the configuration".to_owned(),
    };
    let sure = confidence(nesting.confidence);
    let more = match all.len().saturating_sub(1) {
        0 => String::new(),
        n => format!(" (and {n} more of its locks likewise)"),
    };
    LINT.finding(Found {
        severity: Severity::Error,
        confidence: if order.exact { sure } else { lower(sure) },
        message: format!(
            "`{name}` takes `{taken}` while it holds `{held}`, against the order `{stated}` stated in {place}{more}: \
             with a thread that keeps to the order, both can wait for each other for ever"
        ),
        paths,
        help: vec![
            format!("take `{taken}` before `{held}`, or release `{held}` first"),
            "if the stated order is out of date, correct it: others rely on it".to_owned(),
        ],
        identity: vec![draw.key(&nesting.held.lock), draw.key(&nesting.taken), name],
        in_test: nesting.in_test,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclint_facts::{ClassScope, LockShape, LockTraits};

    fn class(key: &str, name: &str) -> Class {
        Class {
            is_inner: false,
            is_unshared: false,
            whole: None,
            also: Vec::new(),
            key: key.to_owned(),
            name: name.to_owned(),
            kind: ObjectKind::Lock(LockTraits {
                family: "std".into(),
                type_name: "Mutex".into(),
                shape: LockShape::Mutex,
                reentrant: false,
                read_reentrant: false,
                is_async: false,
                self_locking: false,
            }),
            type_text: String::new(),
            site: None,
            scope: ClassScope::Field,
        }
    }

    #[test]
    fn a_name_is_the_whole_or_an_end_at_a_joint() {
        let users = class("app::state::Registry.users", "Registry.users");
        for name in [
            "users",
            "Registry.users",
            "app::state::Registry.users",
            "state::Registry.users",
        ] {
            assert!(is_named(&users, name), "{name}");
        }
        for name in ["sers", "", "y.users", "Registry", "super_users"] {
            assert!(!is_named(&users, name), "{name}");
        }
    }

    #[test]
    fn an_ambiguous_name_is_not_exact() {
        let all = [
            class("a::A.state", "A.state"),
            class("b::B.state", "B.state"),
            class("b::B.log", "B.log"),
        ];
        let order = Order::from_config(&["state".to_owned(), "log".to_owned()], &all);
        assert!(!order.exact);
        assert_eq!(order.position(ClassId(1)), Some(0));
        assert_eq!(order.position(ClassId(2)), Some(1));
        assert!(Order::from_config(&["A.state".to_owned(), "log".to_owned()], &all).exact);
    }
}
