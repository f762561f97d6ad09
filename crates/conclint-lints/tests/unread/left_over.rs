//! Files of a package that nothing builds.

use conclint_diag::Confidence;
use conclint_facts::Analysis;
use conclint_lints::{Level, Settings};
use conclint_rust::{Input, ManifestInput, SourceInput};

const OLD: &str = "
use std::sync::Mutex;
static LOCK: Mutex<u32> = Mutex::new(0);
pub fn twice() { let a = LOCK.lock().unwrap(); println!(\"{}\", *LOCK.lock().unwrap() + *a); }
";

/// How sure the finding in `src/old.rs` is, beside this `src/lib.rs`.
fn confidence(lib: &str, in_package: bool) -> Confidence {
    let source = |path: &str, text: &str| SourceInput {
        path: path.into(),
        text: text.into(),
    };
    let manifest = ManifestInput {
        dir: String::new(),
        text: "[package]\nname = \"bank\"\nedition = \"2021\"\n".into(),
    };
    let input = Input {
        sources: vec![source("src/lib.rs", lib), source("src/old.rs", OLD)],
        manifests: in_package.then_some(manifest).into_iter().collect(),
        ..Input::default()
    };
    let analysis = Analysis::of(conclint_rust::read(input).0);
    let found = conclint_lints::run(&analysis, &Settings::at_level(Level::Default));
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].confidence
}

#[test]
fn what_nothing_builds_has_less_weight() {
    assert_eq!(confidence("pub fn new() {}", true), Confidence::Low);
    assert_eq!(confidence("pub mod old;", true), Confidence::High);
    assert_eq!(confidence("pub fn new() {}", false), Confidence::High);
    assert_eq!(confidence("// pub mod old;", true), Confidence::Low);
    assert_eq!(
        confidence("// pub mod old;\npub mod old;", true),
        Confidence::High
    );
    for names_it in [
        "declare! { pub mod old; }",
        "macro_rules! modules { ($($name:ident)*) => { $(mod $name;)* } } modules! { old }",
        "include_parts!(\"parts/old.rs\");",
        "automod::dir!(\"src\");",
    ] {
        assert_eq!(confidence(names_it, true), Confidence::High, "{names_it}");
    }
}

#[test]
fn a_file_of_the_same_name_elsewhere_is_another() {
    let source = |path: &str, text: &str| SourceInput {
        path: path.into(),
        text: text.into(),
    };
    let found = |declared: &str| {
        let input = Input {
            sources: vec![
                source("src/lib.rs", &format!("pub mod parts; {declared}")),
                source("src/parts/mod.rs", "pub mod old;"),
                source("src/parts/old.rs", "pub fn new() {}"),
                source("src/old.rs", OLD),
            ],
            manifests: vec![ManifestInput {
                dir: String::new(),
                text: "[package]\nname = \"bank\"\nedition = \"2021\"\n".into(),
            }],
            ..Input::default()
        };
        let analysis = Analysis::of(conclint_rust::read(input).0);
        let found = conclint_lints::run(&analysis, &Settings::at_level(Level::Default));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].confidence
    };
    assert_eq!(found(""), Confidence::Low);
    assert_eq!(found("pub mod old;"), Confidence::High);
    // Perhaps this is where it is declared.
    assert_eq!(found("declare! { pub mod old; }"), Confidence::High);
}
