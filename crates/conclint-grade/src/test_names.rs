//! The names of the tests in a crate of tests, read from its source.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item};

/// The crate's root.
pub(crate) const ROOT: &str = "tests.rs";

/// What tests there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tests {
    /// As `cargo test` names them, `module::name`.
    pub(crate) names: BTreeSet<String>,
    /// Those of them that `#[ignore]` is said of.
    pub(crate) ignored: BTreeSet<String>,
    /// There can be no others: every file parses, and no macro could write one.
    pub(crate) all: bool,
}

impl Tests {
    /// Of a crate's files, by their path beside [`ROOT`]. Modules are looked for where the compiler
    /// does.
    pub(crate) fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut tests = Tests {
            all: true,
            ..Tests::default()
        };
        tests.file(files, ROOT, "", &[]);
        tests
    }

    /// `dir` is where the modules of a file lie, with `/` at its end.
    fn file(
        &mut self,
        files: &BTreeMap<String, Vec<u8>>,
        name: &str,
        dir: &str,
        modules: &[String],
    ) {
        let text = files.get(name).map(|bytes| String::from_utf8_lossy(bytes));
        match text.map(|text| syn::parse_file(&text)) {
            Some(Ok(file)) => self.items(files, &file.items, dir, modules),
            _ => self.all = false,
        }
    }

    fn items(
        &mut self,
        files: &BTreeMap<String, Vec<u8>>,
        items: &[Item],
        dir: &str,
        modules: &[String],
    ) {
        for item in items {
            match item {
                Item::Fn(item) if has(&item.attrs, "test") => {
                    let name = [modules, &[item.sig.ident.to_string()]].concat().join("::");
                    if has(&item.attrs, "ignore") {
                        self.ignored.insert(name.clone());
                    }
                    self.names.insert(name);
                }
                // Another attribute may make tests of it, under other names.
                Item::Fn(item) if item.attrs.iter().any(is_foreign) => self.all = false,
                Item::Mod(item) => {
                    let name = item.ident.to_string();
                    let inner = [modules, std::slice::from_ref(&name)].concat();
                    let below = format!("{dir}{name}/");
                    if has(&item.attrs, "path") {
                        self.all = false;
                    } else if let Some((_, items)) = &item.content {
                        self.items(files, items, &below, &inner);
                    } else {
                        let beside = format!("{dir}{name}.rs");
                        let file = match files.contains_key(&beside) {
                            true => beside,
                            false => format!("{below}mod.rs"),
                        };
                        self.file(files, &file, &below, &inner);
                    }
                }
                // `macro_rules!` has a name; a call has none.
                Item::Macro(item) if item.ident.is_none() => self.all = false,
                _ => {}
            }
        }
    }
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|a| a.path().is_ident(name))
}

/// No attribute of the language's own.
fn is_foreign(attribute: &Attribute) -> bool {
    let own = [
        "allow", "cfg", "cfg_attr", "cold", "deny", "doc", "expect", "inline", "must_use", "warn",
    ];
    !own.iter().any(|name| attribute.path().is_ident(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(files: &[(&str, &str)]) -> Tests {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Tests::of(&files.collect())
    }

    fn names(tests: &Tests) -> Vec<&str> {
        tests.names.iter().map(String::as_str).collect()
    }

    #[test]
    fn tests_are_found_in_modules_and_their_files() {
        let root = "mod a; mod b { mod c; #[test] fn two() {} }\n\
                    #[test] fn one() {} #[inline] fn helper() {} macro_rules! m { () => {} }";
        let tests = tests(&[
            ("tests.rs", root),
            ("a.rs", "mod d; #[test] #[ignore] fn three() {}"),
            ("a/d/mod.rs", "#[test] fn four() {}"),
            ("b/c.rs", "#[test] fn five() {}"),
            ("no_module.rs", "#[test] fn six() {}"),
        ]);
        assert_eq!(
            names(&tests),
            ["a::d::four", "a::three", "b::c::five", "b::two", "one"]
        );
        assert!(tests.ignored.contains("a::three") && tests.ignored.len() == 1);
        assert!(tests.all);
    }

    #[test]
    fn where_there_may_be_others_that_is_known() {
        let all = |text| tests(&[("tests.rs", text)]).all;
        assert!(all("#[test] fn one() {}"));
        assert!(!all("many! { one two }"));
        assert!(!all("#[test_case(1)] fn one() {}"));
        assert!(!all("#[path = \"x.rs\"] mod a;"));
        assert!(!all("mod nowhere;"));
        assert!(!all("fn {"));
    }
}
