//! From facts to what people read: spans, steps, traces and the names in them.

use conclint_diag::{Confidence, Role, Span, Step, Trace};
use conclint_facts::{
    Certainty, ChainStep, Class, ClassId, EventKind, FnId, Function, Held, Mode, Nesting,
    ObjectRef, Program, Resolution, Root, Site,
};

use crate::flow::events;

/// Draws steps out of a program's facts.
///
/// Every name a message uses comes through here, so that one lock is called
/// the same everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Draw<'p> {
    program: &'p Program,
}

impl<'p> Draw<'p> {
    /// For this program.
    pub fn new(program: &'p Program) -> Self {
        Draw { program }
    }

    /// The place as a span.
    pub fn span(&self, site: Site) -> Span {
        let file = match self.program.files.get(site.file.index()) {
            Some(file) => file.path.clone(),
            None => "".into(),
        };
        Span {
            file,
            line: site.line,
            column: site.column,
            end_line: site.end_line,
            end_column: site.end_column,
        }
    }

    /// The facts of a function.
    pub fn function(&self, id: FnId) -> Option<&'p Function> {
        self.program.functions.get(id.index())
    }

    /// A function as people write it, `Registry::close`.
    pub fn function_name(&self, id: FnId) -> String {
        self.function(id)
            .map(|f| f.qualified.clone())
            .unwrap_or_default()
    }

    /// Whether a function is test code.
    pub fn in_test(&self, id: FnId) -> bool {
        self.function(id).is_some_and(|function| {
            function.is_test
                || function.cfgs.iter().any(|cfg| serves_tests(cfg))
                || stands_in(&function.qualified)
                || function.name.contains("doctest")
                || self
                    .program
                    .files
                    .get(function.site.file.index())
                    .is_some_and(|file| {
                        file.is_test
                            || stands_in_by_path(&file.path)
                            || is_for_tests(&function.qualified, &file.path)
                    })
        })
    }

    /// The declaration of an object, where it is known.
    pub fn class(&self, object: &ObjectRef) -> Option<&'p Class> {
        self.class_of(object.class?)
    }

    /// The declaration of this number.
    pub fn class_of(&self, id: ClassId) -> Option<&'p Class> {
        self.program.classes.get(id.index())
    }

    /// An object's name for people: `Registry.sessions`.
    pub fn name(&self, object: &ObjectRef) -> String {
        match self.class(object) {
            Some(class) => conclint_facts::element_name(&class.name, &object.place),
            None => place_name(object),
        }
    }

    /// What else the locks of these classes are called.
    pub fn also(&self, classes: &[ClassId]) -> Vec<String> {
        let named = classes.iter().filter_map(|id| self.class_of(*id));
        named
            .filter(|class| !class.also.is_empty())
            .map(|class| {
                let others: Vec<String> = class.also.iter().map(|n| format!("`{n}`")).collect();
                format!("`{}` is the same lock as {}", class.name, list(&others))
            })
            .collect()
    }

    /// A class's name for people.
    pub fn class_name(&self, id: ClassId) -> &'p str {
        self.class_of(id).map_or("a lock", |class| &class.name)
    }

    /// What identifies an object in fingerprints: stable, unique where the class is known.
    pub fn key(&self, object: &ObjectRef) -> String {
        match self.class(object) {
            Some(class) => class.key.clone(),
            None => place_name(object),
        }
    }

    /// One step.
    pub fn step(
        &self,
        function: FnId,
        site: Site,
        role: Role,
        object: impl Into<String>,
        what: String,
    ) -> Step {
        Step {
            span: self.span(site),
            function: self.function_name(function),
            role,
            object: object.into(),
            what,
        }
    }

    /// Where a held lock was taken.
    pub fn hold(&self, function: FnId, held: &Held) -> Step {
        let name = self.name(&held.lock);
        let mut what = format!("{} `{name}`", taking(held.mode));
        if let Some(helper) = held.via.first() {
            let helper = self.function_name(helper.function);
            what.push_str(&format!(" through `{helper}`"));
        }
        if !held.must {
            what.push_str(" (still held on some paths)");
        }
        self.step(function, held.site, Role::Hold, name, what)
    }

    /// What runs is the initialiser of a static.
    fn is_first_use(&self, step: &ChainStep) -> bool {
        let function = self.function(step.function);
        function.is_some_and(|function| {
            events(function).any(|(_, event)| {
                event.site == step.site
                    && matches!(&event.kind, EventKind::Call(call)
                        if call.resolution == Resolution::FirstUse && call.name == step.name)
            })
        })
    }

    /// The calls of a chain.
    pub fn calls<'a>(&'a self, chain: &'a [ChainStep]) -> impl Iterator<Item = Step> + 'a {
        chain.iter().map(|call| {
            let what = match call.name.as_str() {
                "" => "runs a closure".to_owned(),
                name if self.is_first_use(call) => {
                    format!("makes `{name}`, when it comes to it first")
                }
                name => format!("calls `{name}`"),
            };
            self.step(call.function, call.site, Role::Call, "", what)
        })
    }

    /// The steps of a nesting: hold, calls, acquire.
    pub fn nesting(&self, nesting: &Nesting) -> Vec<Step> {
        let held = self.name(&nesting.held.lock);
        let taken = self.name(&nesting.taken);
        let mut what = format!("{} `{taken}`", taking(nesting.taken_mode));
        if held == taken {
            what.push_str(" again");
        } else {
            what.push_str(&format!(" while `{held}` is held"));
        }
        let mut steps = vec![self.hold(nesting.function, &nesting.held)];
        steps.extend(self.calls(&nesting.chain));
        steps.push(self.step(nesting.taken_in, nesting.site, Role::Acquire, taken, what));
        steps
    }

    /// The calls that lead to a nesting whose locks only they tell, as the end of a title.
    pub fn context(&self, nesting: &Nesting) -> String {
        match nesting.context.first() {
            None => String::new(),
            Some(call) => {
                let span = self.span(call.site);
                let caller = self.function_name(call.function);
                format!(
                    " (as `{caller}` calls `{}`, {}:{})",
                    call.name, span.file, span.line
                )
            }
        }
    }

    /// A trace of a nesting.
    pub fn nesting_trace(&self, title: impl Into<String>, nesting: &Nesting) -> Trace {
        Trace {
            title: title.into(),
            steps: self.nesting(nesting),
        }
    }
}

/// The last name of an access path, for an object whose declaration is unknown.
fn place_name(object: &ObjectRef) -> String {
    let field = object
        .place
        .path
        .iter()
        .rev()
        .find(|part| !conclint_facts::is_element(part));
    match (field, &object.place.root) {
        (Some(field), _) => field.to_string(),
        (None, Root::Static(key)) => key.rsplit("::").next().unwrap_or(key).to_owned(),
        (None, _) => "a lock".to_owned(),
    }
}

/// The verb for taking a lock in this mode.
pub fn taking(mode: Mode) -> &'static str {
    match mode {
        Mode::Exclusive | Mode::Upgradable => "takes",
        Mode::Read | Mode::ReadRecursive => "reads",
    }
}

/// A destructor that runs because a value ends, or `drop(..)`.
pub fn is_drop(call: &ChainStep) -> bool {
    call.name == "drop" || call.name.ends_with("::drop")
}

/// The confidence that a fact of this certainty lends.
pub fn confidence(certainty: Certainty) -> Confidence {
    match certainty {
        Certainty::Low => Confidence::Low,
        Certainty::Medium => Confidence::Medium,
        Certainty::High => Confidence::High,
    }
}

/// One step less sure.
pub fn lower(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::High => Confidence::Medium,
        Confidence::Medium | Confidence::Low => Confidence::Low,
    }
}

/// `1 line`, `3 lines`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {one}s")
    }
}

/// `line 7`, `lines 7-9`.
pub fn lines(first: u32, last: u32) -> String {
    if first >= last {
        format!("line {first}")
    } else {
        format!("lines {first}-{last}")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(parts: &[S]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", head.join(", "), last.as_ref())
        }
    }
}

/// `any(test, feature = "testing")`: built for the tests of other crates, too.
/// What is wrong there is a fault still, but nobody waits for it.
fn serves_tests(cfg: &str) -> bool {
    let named = |predicate: &str| {
        let feature = predicate
            .strip_prefix("feature")
            .map(|rest| rest.trim_matches([' ', '=', '"']));
        let mut words = feature.unwrap_or_default().split(['-', '_']);
        words.any(|word| {
            matches!(
                word,
                "test"
                    | "tests"
                    | "testing"
                    | "testutil"
                    | "testutils"
                    | "mock"
                    | "mocks"
                    | "fuzz"
                    | "fuzzing"
            )
        })
    };
    let any = cfg
        .strip_prefix("any(")
        .and_then(|list| list.strip_suffix(')'));
    any.map_or_else(
        || named(cfg),
        |list| {
            list.split(',')
                .map(str::trim)
                .all(|one| one == "test" || named(one))
        },
    )
}

/// `crates/mockcore/`, `client_mock/`, `transport/faulty.rs`: likewise, by the
/// name of a directory or of the file.
fn stands_in_by_path(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let stem = parts.pop().map_or("", |file| file.trim_end_matches(".rs"));
    let double = |part: &str| {
        part.starts_with("mock")
            || part.ends_with("_mock")
            || part.ends_with("-mock")
            || part == "fake"
            || part == "faulty"
    };
    parts.into_iter().any(double) || stem.starts_with("mock_") || matches!(stem, "fake" | "faulty")
}

/// `MockStore::put`: what stands in for the real thing, in tests.
fn stands_in(qualified: &str) -> bool {
    qualified.split_once("::").is_some_and(|(owner, _)| {
        ["Mock", "Fake", "Dummy"]
            .iter()
            .any(|word| owner.starts_with(word))
    })
}

/// `TestClient::put` in `client/test_client.rs`: by both names. (One of them alone
/// may be what the program is about.)
fn is_for_tests(qualified: &str, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let kind = qualified.split_once("::").map_or("", |(owner, _)| owner);
    file.starts_with("test_")
        && kind
            .strip_prefix("Test")
            .is_some_and(|rest| rest.starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclint_facts::Place;

    #[test]
    fn doubles_by_both_names() {
        assert!(is_for_tests("TestClient::put", "core/src/test_client.rs"));
        assert!(!is_for_tests("TestRunner::run", "src/runner.rs"));
        assert!(!is_for_tests("Testament::read", "src/test_ament.rs"));
        assert!(!is_for_tests("Client::put", "src/test_client.rs"));
    }

    #[test]
    fn doubles_by_path() {
        for path in [
            "crates/mockcore/src/server.rs",
            "viewer/client_mock/src/main.rs",
            "src/transport/faulty.rs",
            "core/mock_time.rs",
        ] {
            assert!(stands_in_by_path(path), "{path}");
        }
        assert!(!stands_in_by_path("src/hammock/mod.rs"));
        assert!(!stands_in_by_path("src/defaulty.rs"));
    }

    #[test]
    fn small_words() {
        assert_eq!(count(1, "place"), "1 place");
        assert_eq!(count(0, "place"), "0 places");
        assert_eq!(lines(4, 4), "line 4");
        assert_eq!(lines(4, 6), "lines 4-6");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list::<&str>(&[]), "");
    }

    #[test]
    fn an_unknown_object_is_named_by_its_path() {
        let object = |root, path: &[&str]| ObjectRef {
            class: None,
            place: Place {
                root,
                path: path.iter().map(|&p| p.into()).collect(),
            },
            exclusive: false,
            field: None,
        };
        assert_eq!(
            place_name(&object(Root::Param(0), &["rooms", "[]"])),
            "rooms"
        );
        assert_eq!(
            place_name(&object(Root::Static("demo::LOG".into()), &[])),
            "LOG"
        );
        assert_eq!(place_name(&object(Root::Opaque(1), &[])), "a lock");
    }
}
