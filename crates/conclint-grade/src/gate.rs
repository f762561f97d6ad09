//! The safety gate: refuses, with the line, what a submission has no business doing.
//!
//! It reads the token tree of a file rather than its syntax tree, so that what stands in macros is
//! seen as well. It is the first of several walls, and the only one that can say *why*: what gets
//! past it meets `-F unsafe_code`, two-phase compilation and the sandbox.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use serde::{Deserialize, Serialize};
use syn::UseTree;
use syn::ext::IdentExt as _;

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
    // Of `std::io` alone: many things are called that.
    ("pipe", "what goes through it is not explored"),
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
            macros: BTreeSet::new(),
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
            let tokens = without_tests(plain(tokens));
            gate.macros = defined_macros(&tokens);
            gate.stream(tokens, false);
        }
    }
    out.sort();
    out.dedup();
    out
}

/// With `r#process` as `process`: the compiler takes both for one name.
fn plain(tokens: TokenStream) -> TokenStream {
    let token = |token: TokenTree| match token {
        TokenTree::Ident(name) => TokenTree::Ident(name.unraw()),
        TokenTree::Group(group) => {
            let mut out = Group::new(group.delimiter(), plain(group.stream()));
            out.set_span(group.span());
            TokenTree::Group(out)
        }
        other => other,
    };
    tokens.into_iter().map(token).collect()
}

/// The names of the `macro_rules!` of a file, wherever they stand.
fn defined_macros(tokens: &TokenStream) -> BTreeSet<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut out = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            out.append(&mut defined_macros(&group.stream()));
        }
        let defines = ident(Some(token)).as_deref() == Some("macro_rules");
        if defines && is_punct(tokens.get(at + 1), '!') {
            out.extend(ident(tokens.get(at + 2)));
        }
    }
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
    /// The file's own macros.
    macros: BTreeSet<String>,
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

/// A path that goes on to a name of its own, with nothing in it that a macro puts in.
fn is_whole(path: &[TokenTree]) -> bool {
    let mut at = 0;
    while is_colons(path, at + 1) {
        at += 3;
        match path.get(at) {
            Some(TokenTree::Ident(_)) => {}
            Some(TokenTree::Group(group)) => return group.delimiter() == Delimiter::Brace,
            Some(TokenTree::Punct(punct)) => return matches!(punct.as_char(), '*' | '<'),
            _ => return false,
        }
    }
    true
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

    /// `given` to a macro of the file's own, which can put any name anywhere.
    fn stream(&mut self, stream: TokenStream, given: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let before = |back: usize| at.checked_sub(back).and_then(|i| tokens.get(i));
                    let inner = is_punct(before(2), '#') && is_punct(before(1), '!');
                    if group.delimiter() == Delimiter::Bracket
                        && (is_punct(before(1), '#') || inner)
                    {
                        self.attribute(group);
                    }
                    let own = ident(before(2)).is_some_and(|name| self.macros.contains(&name));
                    let given = given || own && is_punct(before(1), '!');
                    self.stream(group.stream(), given);
                }
                TokenTree::Ident(name) => self.word(&tokens, at, &name.to_string(), given),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn word(&mut self, tokens: &[TokenTree], at: usize, name: &str, given: bool) {
        let here = line(&tokens[at]);
        match name {
            "unsafe" => self.refuse(here, "`unsafe` code"),
            "extern" => self.refuse(here, "`extern`: other crates and foreign functions"),
            "use" => self.import(tokens, at),
            "std" | "core" | "alloc" => self.path(tokens, at, name),
            _ => {}
        }
        let after = |name: &str| at >= 3 && ident(tokens.get(at - 3)).as_deref() == Some(name);
        if name == "pipe" && at >= 2 && is_colons(tokens, at - 2) && after("io") {
            self.refuse_name(here, name);
        }
        let called = is_punct(tokens.get(at + 1), '!') && !is_punct(tokens.get(at + 2), '=');
        if at >= 1 && is_punct(tokens.get(at - 1), '$') && called {
            self.refuse(here, "the name of a macro that a macro puts together");
        }
        // A name alone, that the macro puts behind `std::` or before a `!`; some are anybody's.
        let common = matches!(name, "asm" | "env" | "include" | "Location" | "pipe");
        let alone = given && !common && !is_punct(tokens.get(at + 1), ':');
        if name != "pipe" && NAMES.iter().any(|(n, _)| *n == name) && (is_use(tokens, at) || alone)
        {
            self.refuse_name(here, name);
        }
        if MACROS.contains(&name) && !self.allows(name) {
            let named = at >= 2 && is_colons(tokens, at - 2) && !is_colons(tokens, at + 1);
            if called || alone || (named && name != "env") {
                let what = format!("the macro `{name}!`: files and the environment");
                self.refuse(here, what);
            }
        }
    }

    /// One of [`NAMES`].
    fn refuse_name(&mut self, here: usize, name: &str) {
        if self.allows(name) {
            return;
        }
        let why = NAMES
            .iter()
            .find(|(n, _)| *n == name)
            .map_or("", |(_, w)| w);
        self.refuse(here, format!("`{name}`: {why}"));
    }

    /// A path that begins with the name of a standard crate.
    fn path(&mut self, tokens: &[TokenTree], at: usize, root: &str) {
        let inner = at >= 3 && is_colons(tokens, at - 2) && ident(tokens.get(at - 3)).is_some();
        if inner {
            return;
        }
        let here = line(&tokens[at]);
        // `core` and `alloc` are names of all kinds of things.
        let path = is_colons(tokens, at + 1);
        if !path && root != "std" {
            return;
        }
        if !path || !is_whole(&tokens[at..]) {
            let what = format!("a path into `{root}` that a macro puts together");
            self.refuse(here, what);
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
            [.., name] if name != "pipe" && NAMES.iter().any(|(n, _)| n == name) => {
                self.refuse_name(here, name);
            }
            [.., module, name] if module == "io" && name == "pipe" => {
                self.refuse_name(here, name);
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
                path.push(next.ident.unraw().to_string());
                self.tree(here, path, &next.tree);
                path.pop();
            }
            UseTree::Name(name) => {
                let name = name.ident.unraw().to_string();
                if name == "self" {
                    self.module(here, path);
                } else {
                    path.push(name);
                    self.module(here, path);
                    path.pop();
                }
            }
            UseTree::Rename(rename) => {
                let name = rename.ident.unraw().to_string();
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
                if matches!(lint_name.as_str(), "unsafe_code" | "conclint") {
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
            macro_rules! locked { ($m:expr, $t:ty) => { $m.lock().unwrap() != 0 } }
            fn pipe() { let core = 1; let env = 2; println!("{}{}", env, core); self::pipe() }
            fn k(include: &std::sync::Mutex<std::vec::Vec<u8>>) { locked!(*include, u8); }
            fn r#match(r#type: u8) -> u8 { r#type }
            #[allow(warnings)] fn w() { <std::vec::Vec<u8>>::new(); }
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
            "fn f() { std::r#process::exit(0) }",
            "use r#std::r#fs;",
            "use std::{r#env as e};",
            "const X: &str = r#include_str!(\"x\");",
            "fn f() { r#unsafe { } }",
            "#[r#path = \"x\"] mod x;",
            "macro_rules! m { ($($t:tt)*) => { std $($t)* } } m!(::process::exit(0));",
            "macro_rules! m { ($a:ident) => { $a::process::exit(0) } } m!(std);",
            "macro_rules! m { ($($a:tt)*, $b:tt) => { $($a)* $b } } m!(std::, process);",
            "macro_rules! m { ($a:ident) => { $a!(\"x\") } } m!(include_str);",
            "macro_rules! m { ($a:tt $b:tt $c:tt) => { $a $b $c } } m!(env ! (\"HOME\"));",
            "macro_rules! m { ($a:tt, $b:tt, $c:tt) => { $a $b $c } } m!(include_str, !, (\"x\"));",
            "macro_rules! m { ($a:ident) => { std::any::$a::<u8>() } } m!(type_name);",
            "use std::panic; macro_rules! m { ($a:ident) => { panic::$a(f) } } m!(set_hook);",
            "fn f() { std::io::pipe(); }",
            "use std::io::{self, pipe};",
            "use std::io; fn f() { io::pipe(); }",
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
