//! What of a file is test code, and how many lines are not.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Item, Meta};

/// Lines outside test targets, `#[cfg(test)]` items and `#[test]` functions.
pub fn code_lines(path: &str, text: &str) -> usize {
    let lines = text.lines().count();
    let in_test_target = path
        .split('/')
        .rev()
        .skip(1)
        .any(|dir| matches!(dir, "tests" | "benches"));
    if in_test_target {
        return 0;
    }
    match syn::parse_file(text) {
        Ok(file) if has_cfg_test(&file.attrs) => 0,
        Ok(file) => lines.saturating_sub(test_lines(&file.items)),
        Err(_) => lines,
    }
}

fn test_lines(items: &[Item]) -> usize {
    items
        .iter()
        .map(|item| {
            let attributes = attributes(item);
            if has_cfg_test(attributes) || attributes.iter().any(is_test) {
                return length(item.span());
            }
            match item {
                Item::Mod(module) => module
                    .content
                    .as_ref()
                    .map_or(0, |(_, items)| test_lines(items)),
                _ => 0,
            }
        })
        .sum()
}

fn length(span: Span) -> usize {
    span.end().line.saturating_sub(span.start().line) + 1
}

/// The attributes of the items that can be test code.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| segment.ident == "test" || segment.ident == "bench")
}

fn has_cfg_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let predicate: String = list.tokens.to_string().split_whitespace().collect();
            predicate == "test" || predicate.starts_with("all(test,")
        }
        _ => false,
    })
}

/// Whether a directory, a package or a file is named after testing.
pub fn is_test_path(path: &str) -> bool {
    const WORDS: [&str; 9] = [
        "test", "tests", "testing", "mock", "mocks", "bench", "benches", "example", "examples",
    ];
    path.split(['/', '.', '_', '-'])
        .any(|word| WORDS.contains(&word))
}

/// Whether attributes say, in whatever way, that code is for tests.
pub fn is_test_code(attributes: &[Attribute]) -> bool {
    let runs = |attribute: &Attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| {
            let name = segment.ident.to_string();
            name.starts_with("test") || name.ends_with("test") || name == "bench"
        })
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let predicate: String = list.tokens.to_string().split_whitespace().collect();
            let mut words = predicate.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| word == "test") && !predicate.contains("not(test")
        }
        _ => runs(attribute),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_does_not_count() {
        let text = "fn a() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nmod c {\n    #[test]\n    fn d() {}\n}\n";
        assert_eq!(code_lines("src/lib.rs", text), 11 - 4 - 2);
        assert_eq!(code_lines("tests/a.rs", text), 0);
        assert_eq!(code_lines("a/benches/b/c.rs", text), 0);
        assert_eq!(code_lines("src/tests.rs", text), 5);
        assert_eq!(code_lines("src/lib.rs", "#![cfg(test)]\nfn a() {}\n"), 0);
        assert_eq!(code_lines("src/lib.rs", "fn (\n"), 1);
    }

    #[test]
    fn test_code_is_known_by_paths_and_attributes() {
        for path in ["tests/a.rs", "a/src/store_test.rs", "net-mock/src/lib.rs"] {
            assert!(is_test_path(path), "{path}");
        }
        assert!(!is_test_path("src/latest/attestation.rs"));
        let code = |text: &str| {
            let item: Item = syn::parse_str(text).unwrap();
            is_test_code(attributes(&item))
        };
        for attribute in ["test", "tokio::test", "rstest", "cfg(any(test, unix))"] {
            assert!(code(&format!("#[{attribute}] fn f() {{}}")), "{attribute}");
        }
        for attribute in ["inline", "cfg(not(test))", "cfg(unix)"] {
            assert!(!code(&format!("#[{attribute}] fn f() {{}}")), "{attribute}");
        }
    }
}
