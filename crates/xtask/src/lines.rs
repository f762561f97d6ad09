//! How many lines of a file are not test code.

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

fn attributes(item: &Item) -> &[Attribute] {
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
}
