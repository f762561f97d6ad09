//! The safety gate: refuses, with the line, what a submission has no business doing.
//!
//! It reads the token tree of a file rather than its syntax tree, so that what stands in macros is
//! seen as well. It is the first of several walls, and the only one that can say *why*: what gets
//! past it meets `-F unsafe_code`, two-phase compilation and the sandbox.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use serde::{Deserialize, Serialize};
use syn::UseTree;

/// Something that is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusal {
    /// The file, as the assignment names it.
    pub file: String,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// What, and why.
    pub what: String,
}

/// Modules of std that reach out of the program, or to its outputs. Names that `gate.allow` takes.
const MODULES: &[(&str, &str)] = &[
    ("arch", "instructions of the processor"),
    ("backtrace", "names of the tests"),
    ("env", "the environment and arguments of the process"),
    ("ffi", "foreign functions"),
    ("fs", "files"),
    ("net", "the network"),
    ("os", "the operating system"),
    ("path", "files"),
    ("process", "other processes, and ending this one"),
];

/// Functions and types of std that reach the harness or tell about it, by their last name: what is
/// before it may have been imported.
const NAMES: &[(&str, &str)] = &[
    ("set_hook", "the harness's own panic hook"),
    ("take_hook", "the harness's own panic hook"),
    ("update_hook", "the harness's own panic hook"),
    ("type_name", "it tells the names of the tests"),
    ("type_name_of_val", "it tells the names of the tests"),
    ("Location", "it tells where the tests stand"),
];

/// Macros that read files or the environment, or are assembly.
const MACROS: &[&str] = &[
    "include",
    "include_str",
    "include_bytes",
    "env",
    "option_env",
    "asm",
    "global_asm",
    "naked_asm",
];

/// Attributes that change how the program is linked, compiled or run.
const ATTRIBUTES: &[&str] = &[
    "crate_name",
    "crate_type",
    "export_name",
    "feature",
    "global_allocator",
    "link",
    "link_args",
    "link_name",
    "link_section",
    // It could stand in for a macro of the tests.
    "macro_export",
    "no_builtins",
    "no_core",
    "no_main",
    "no_mangle",
    "no_std",
    "panic_handler",
    "path",
    "proc_macro",
    "proc_macro_attribute",
    "proc_macro_derive",
    "recursion_limit",
    "type_length_limit",
    "used",
];

/// Deeper brackets than anybody writes.
const MAX_DEPTH: usize = 200;

/// Looks at every file. Empty means that nothing is refused; a file that is no Rust is left to the
/// compiler, which says so better.
#[must_use]
pub fn check(files: &BTreeMap<String, Vec<u8>>, allow: &[String]) -> Vec<Refusal> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        let mut gate = Gate {
            file: name,
            allow,
            out: &mut out,
        };
        let Ok(text) = str::from_utf8(bytes) else {
            gate.refuse(0, "the file is not UTF-8 text");
            continue;
        };
        if depth(bytes) > MAX_DEPTH {
            gate.refuse(0, "brackets are nested too deeply");
            continue;
        }
        if let Ok(tokens) = text.strip_prefix('\u{feff}').unwrap_or(text).parse() {
            gate.stream(without_tests(tokens));
        }
    }
    out.sort();
    out.dedup();
    out
}

/// The file without its own `#[cfg(test)] mod tests { .. }`: a submission is compiled as a library
/// and never as a test, so nothing of that module is. Only where it stands in the file itself: a
/// macro could make something else of what it is given.
fn without_tests(file: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = file.into_iter().collect();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match test_module(&tokens[at..]) {
            Some(length) => at += length,
            None => {
                kept.push(token.clone());
                at += 1;
            }
        }
    }
    kept.into_iter().collect()
}

/// How many tokens a test module has that begins here, with `#[cfg(test)]`.
fn test_module(tokens: &[TokenTree]) -> Option<usize> {
    let attribute = |at: usize| match tokens.get(at + 1) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            is_punct(tokens.get(at), '#').then(|| group.stream().to_string().replace(' ', ""))
        }
        _ => None,
    };
    if attribute(0)? != "cfg(test)" {
        return None;
    }
    let mut at = 2;
    while attribute(at).is_some() {
        at += 2;
    }
    if ident(tokens.get(at))? == "pub" {
        at += 1;
        let restricted = matches!(tokens.get(at), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis);
        at += usize::from(restricted);
    }
    let named = ident(tokens.get(at))? == "mod" && ident(tokens.get(at + 1)).is_some();
    let body = matches!(tokens.get(at + 2), Some(TokenTree::Group(group))
        if group.delimiter() == Delimiter::Brace);
    (named && body).then_some(at + 3)
}

/// How deep brackets are nested at most, strings and comments counted as well.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most) = (0usize, 0);
    for byte in bytes {
        match byte {
            b'(' | b'[' | b'{' => now += 1,
            b')' | b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

struct Gate<'a> {
    file: &'a str,
    allow: &'a [String],
    out: &'a mut Vec<Refusal>,
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == wanted)
}

/// `::` at `at`.
fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p))
        if p.as_char() == ':' && p.spacing() == Spacing::Joint)
        && is_punct(tokens.get(at + 1), ':')
}

/// The name is a path's end or is called: no field, no method, no definition. A type is one of std's
/// only where its path or its constructor says so.
fn is_use(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| tokens.get(i));
    if at >= 2 && is_colons(tokens, at - 2) {
        return true;
    }
    let defined = matches!(
        ident(before(1)).as_deref(),
        Some("fn" | "struct" | "enum" | "type" | "trait" | "mod")
    );
    let is_type = ident(tokens.get(at)).is_some_and(|n| n.starts_with(char::is_uppercase));
    if defined || is_type || is_punct(before(1), '.') {
        return false;
    }
    let called = matches!(tokens.get(at + 1), Some(TokenTree::Group(g))
        if g.delimiter() == Delimiter::Parenthesis);
    called || is_colons(tokens, at + 1)
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

impl Gate<'_> {
    fn refuse(&mut self, line: usize, what: impl Into<String>) {
        self.out.push(Refusal {
            file: self.file.to_owned(),
            line,
            what: what.into(),
        });
    }

    fn allows(&self, name: &str) -> bool {
        self.allow.iter().any(|a| a == name)
    }

    fn stream(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let hash = |back: usize| {
                        at.checked_sub(back)
                            .is_some_and(|i| is_punct(tokens.get(i), '#'))
                    };
                    let inner = hash(2) && is_punct(tokens.get(at - 1), '!');
                    if group.delimiter() == Delimiter::Bracket && (hash(1) || inner) {
                        self.attribute(group);
                    }
                    self.stream(group.stream());
                }
                TokenTree::Ident(name) => self.word(&tokens, at, &name.to_string()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn word(&mut self, tokens: &[TokenTree], at: usize, name: &str) {
        let here = line(&tokens[at]);
        match name {
            "unsafe" => self.refuse(here, "`unsafe` code"),
            "extern" => self.refuse(here, "`extern`: other crates and foreign functions"),
            "use" => self.import(tokens, at),
            "std" | "core" | "alloc" => self.path(tokens, at, name),
            _ => {}
        }
        if let Some((_, why)) = NAMES.iter().find(|(n, _)| *n == name)
            && !self.allows(name)
            && is_use(tokens, at)
        {
            self.refuse(here, format!("`{name}`: {why}"));
        }
        if MACROS.contains(&name) && !self.allows(name) {
            let called = is_punct(tokens.get(at + 1), '!') && !is_punct(tokens.get(at + 2), '=');
            let named = at >= 2 && is_colons(tokens, at - 2) && !is_colons(tokens, at + 1);
            if called || (named && name != "env") {
                let what = format!("the macro `{name}!`: files and the environment");
                self.refuse(here, what);
            }
        }
    }

    /// A path that begins with the name of a standard crate.
    fn path(&mut self, tokens: &[TokenTree], at: usize, root: &str) {
        let inner = at >= 3 && is_colons(tokens, at - 2) && ident(tokens.get(at - 3)).is_some();
        if inner || !is_colons(tokens, at + 1) {
            return;
        }
        let here = line(&tokens[at]);
        if is_punct(tokens.get(at + 3), '$') {
            self.refuse(
                here,
                format!("a path into `{root}` that a macro puts together"),
            );
        }
        let first = ident(tokens.get(at + 3));
        let second = is_colons(tokens, at + 4)
            .then(|| ident(tokens.get(at + 6)))
            .flatten();
        let path: Vec<String> = [Some(root.to_owned()), first, second]
            .into_iter()
            .flatten()
            .collect();
        self.module(here, &path);
    }

    /// A full path: is it into a module that is refused?
    fn module(&mut self, here: usize, path: &[String]) {
        let [root, rest @ ..] = path else { return };
        if !matches!(root.as_str(), "std" | "core" | "alloc") {
            return;
        }
        let refused = |module: &String| MODULES.iter().any(|(m, _)| m == module);
        match rest {
            [] => {}
            [module, ..] if refused(module) && !self.allows(module) => {
                let why = MODULES.iter().find(|(m, _)| m == module);
                let why = why.map_or("", |(_, w)| w);
                self.refuse(here, format!("`{root}::{module}`: {why}"));
            }
            [.., name] if NAMES.iter().any(|(n, _)| n == name) && !self.allows(name) => {
                let why = NAMES.iter().find(|(n, _)| n == name).map_or("", |(_, w)| w);
                self.refuse(here, format!("`{name}`: {why}"));
            }
            [name] if MACROS.contains(&name.as_str()) && !self.allows(name) => {
                self.refuse(
                    here,
                    format!("the macro `{name}!`: files and the environment"),
                );
            }
            _ => {}
        }
    }

    fn import(&mut self, tokens: &[TokenTree], at: usize) {
        let end = tokens[at..].iter().position(|t| is_punct(Some(t), ';'));
        // `use<'a>` in a type is no import.
        let Some(end) = end.filter(|_| !is_punct(tokens.get(at + 1), '<')) else {
            return;
        };
        let here = line(&tokens[at]);
        let item: TokenStream = tokens[at..=at + end].iter().cloned().collect();
        match syn::parse2::<syn::ItemUse>(item) {
            Ok(item) => self.tree(here, &mut Vec::new(), &item.tree),
            // In a macro's pattern or body; `path` has seen what is spelt out.
            Err(_) => {
                let spelt = tokens[at..at + end]
                    .iter()
                    .any(|t| matches!(ident(Some(t)).as_deref(), Some("std" | "core" | "alloc")));
                if spelt && tokens[at..at + end].iter().any(|t| is_punct(Some(t), '$')) {
                    self.refuse(here, "an import from std that a macro puts together");
                }
            }
        }
    }

    fn tree(&mut self, here: usize, path: &mut Vec<String>, tree: &UseTree) {
        let standard = |path: &[String]| matches!(path, [root] if matches!(root.as_str(), "std" | "core" | "alloc"));
        match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.tree(here, path, &next.tree);
                path.pop();
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                if name == "self" {
                    self.module(here, path);
                } else {
                    path.push(name);
                    self.module(here, path);
                    path.pop();
                }
            }
            UseTree::Rename(rename) => {
                let name = rename.ident.to_string();
                let length = path.len();
                if name != "self" {
                    path.push(name);
                }
                if standard(path) {
                    self.refuse(here, format!("another name for `{}`", path[0]));
                }
                self.module(here, path);
                path.truncate(length);
            }
            UseTree::Glob(_) => {
                if standard(path) {
                    self.refuse(here, format!("`use {}::*`: name what is used", path[0]));
                }
                self.module(here, path);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(here, path, tree);
                }
            }
        }
    }

    fn attribute(&mut self, group: &Group) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let Some(name) = ident(tokens.first()) else {
            return;
        };
        match name.as_str() {
            "doc" => {}
            // What it puts on the item stands in its arguments, and so does `unsafe(..)`'s.
            "cfg_attr" | "unsafe" => {
                for token in &tokens {
                    if let TokenTree::Group(arguments) = token {
                        self.conditional(arguments);
                    }
                }
            }
            _ => self.named(&tokens),
        }
    }

    /// The arguments of `cfg_attr`: a condition, then attributes.
    fn conditional(&mut self, arguments: &Group) {
        let tokens: Vec<TokenTree> = arguments.stream().into_iter().collect();
        for part in tokens.split(|t| is_punct(Some(t), ',')) {
            self.named(part);
            if let [TokenTree::Ident(_), TokenTree::Group(inner)] = part {
                self.conditional(inner);
            }
        }
    }

    fn named(&mut self, tokens: &[TokenTree]) {
        let Some(first) = tokens.first() else { return };
        let Some(name) = ident(Some(first)) else {
            return;
        };
        if ATTRIBUTES.contains(&name.as_str()) && !self.allows(&name) {
            self.refuse(line(first), format!("the attribute `{name}`"));
        }
        if matches!(name.as_str(), "allow" | "expect" | "warn")
            && let Some(TokenTree::Group(lints)) = tokens.get(1)
        {
            let lints: Vec<TokenTree> = lints.stream().into_iter().collect();
            for lint in lints.split(|t| is_punct(Some(t), ',')) {
                let Some(lint_name) = ident(lint.first()) else {
                    continue;
                };
                if matches!(lint_name.as_str(), "unsafe_code" | "warnings" | "conclint") {
                    let what = format!("an allowance of the lint `{lint_name}`");
                    self.refuse(line(first), what);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let files = BTreeMap::from([("src/lib.rs".to_owned(), text.as_bytes().to_vec())]);
        check(&files, &[]).iter().map(|r| r.line).collect()
    }

    #[test]
    fn ordinary_code_passes() {
        let text = r#"
            //! Mentions unsafe, std::process and include_str! in a comment.
            #![allow(dead_code)]
            use std::sync::{Arc, Mutex, atomic::{self, AtomicU64}};
            use std::{thread, time::Duration};
            #[derive(Debug)]
            struct Path { env: u64, process: u64, type_name: u8 }
            struct Location { type_name: u8 }
            fn h(l: Location) -> u8 { let m = Location { type_name: 1 }; l.type_name + m.type_name() }
            mod process { pub fn exit(_: i32) {} }
            fn f<'a>(env: u64) -> impl Fn() -> u64 + use<'a> { move || env }
            fn g() { process::exit(1); println!("std::fs"); let include = 1; let _ = include != 2; }
            macro_rules! m { ($a:ident) => { $a::f() } }
        "#;
        assert_eq!(lines(text), Vec::<usize>::new());
    }

    #[test]
    fn each_way_out_is_refused() {
        for text in [
            "fn f() { unsafe { } }",
            "#[unsafe(no_mangle)] fn main() {}",
            "#[cfg_attr(all(), unsafe(link_section = \"x\"))] static X: u8 = 0;",
            "extern crate std as s;",
            "extern \"C\" {}",
            "#[path = \"/etc/passwd\"] mod x;",
            "#[cfg_attr(any(), path = \"x\")] mod x;",
            "const X: &str = include_str!(\"/etc/passwd\");",
            "use std::include_str as s;",
            "const X: &str = std::include_str!(\"x\");",
            "const X: &str = env!(\"HOME\");",
            "fn f() { std::process::exit(0) }",
            "fn f() { ::std::process::exit(0) }",
            "use std::{process, thread};",
            "use std::{sync::Mutex, fs::{self, File}};",
            "use std::*;",
            "use std as s;",
            "use ::std::{self as s};",
            "use core::{self as c};",
            "macro_rules! m { ($a:ident) => { std::$a::exit(0) } }",
            "macro_rules! m { () => { std::process::exit(0) } }",
            "macro_rules! m { ($a:ident) => { use std::$a; } }",
            "#![allow(unsafe_code)]",
            "#![feature(asm)]",
            "#![no_std]",
            "fn f() { std::panic::set_hook(x) }",
            "use std::panic::take_hook;",
            "fn f<T>(_: T) -> &'static str { std::any::type_name::<T>() }",
            "use std::any::{self, type_name_of_val};",
            "use std::any::*; fn f() { type_name::<u8>() }",
            "fn f() { let a = std::any::Any; any::type_name::<u8>() }",
            "use std::panic; fn f() { panic::set_hook(x) }",
            "use std::panic::{self, Location}; fn f() { Location::caller() }",
            "use std::backtrace::Backtrace;",
            "use core::panic::Location;",
            "#[macro_export] macro_rules! assert_eq { ($($t:tt)*) => {} }",
            "#[global_allocator] static A: X = X;",
        ] {
            assert!(!lines(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn own_tests_are_never_compiled() {
        for text in [
            "#[cfg(test)] mod tests { use std::fs; fn f() { std::process::exit(0) } }",
            "fn f() {} #[cfg(test)]\n#[allow(x)] pub(crate) mod tests { use std::{env, fs}; }",
        ] {
            assert_eq!(lines(text), Vec::<usize>::new(), "{text}");
        }
        for text in [
            "#[cfg(test)] mod tests {} fn f() { std::process::exit(0) }",
            "#[cfg(not(test))] mod tests { use std::fs; }",
            "#[cfg(any(test, all()))] mod tests { use std::fs; }",
            "#[cfg(test)] fn f() {} fn g() { std::process::exit(0) }",
            "m! { #[cfg(test)] mod tests { use std::fs; } }",
            "struct S { #[cfg(test)] a: u8, b: [u8; { std::process::id() }] }",
            "#[cfg(test)] use x; use std::fs;",
        ] {
            assert!(!lines(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_line_is_given() {
        assert_eq!(lines("\n\nfn f() {\n    std::process::abort()\n}"), [4]);
    }

    #[test]
    fn the_instructor_can_allow() {
        let text = b"use std::env; fn f() { env::var(\"X\"); }".to_vec();
        let files = BTreeMap::from([("src/lib.rs".to_owned(), text)]);
        assert_eq!(check(&files, &["env".to_owned()]), []);
    }

    #[test]
    fn any_bytes() {
        assert_eq!(
            lines("fn f( {"),
            Vec::<usize>::new(),
            "left to the compiler"
        );
        assert_eq!(lines(&"(".repeat(100_000)), [0]);
        let files = BTreeMap::from([("src/lib.rs".to_owned(), vec![0xff, 0xfe])]);
        assert_eq!(check(&files, &[]).len(), 1);
    }
}
