//! The texts that a story points into, and what they say about a place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conclint_diag::explore::Place;
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use crate::answer;

/// Larger files are generated; their places are named without their text.
const LARGEST: u64 = 4 << 20;

/// Texts by the names they are shown under.
#[derive(Debug)]
pub(crate) struct Texts {
    root: PathBuf,
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    shown: Arc<str>,
    text: Option<Arc<str>>,
    /// First and last line of each function, outer ones first.
    functions: Vec<(u32, u32, String)>,
}

impl Texts {
    /// Relative names are those of files below `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
        }
    }

    /// Only these texts: nothing is read from disk.
    pub(crate) fn given(texts: &BTreeMap<String, Vec<u8>>) -> Self {
        let files = texts.iter().map(|(name, bytes)| {
            let text = String::from_utf8_lossy(bytes);
            let file = File {
                shown: Arc::from(name.as_str()),
                functions: functions(&text),
                text: Some(Arc::from(text)),
            };
            (name.clone(), file)
        });
        Self {
            root: PathBuf::new(),
            files: files.collect(),
        }
    }

    /// rustc was given the file with its directory, as no member of the workspace is, or it is ours.
    pub(crate) fn is_foreign(&self, name: &str) -> bool {
        let path = Path::new(name);
        let inside = path.strip_prefix(&self.root).is_ok_and(is_source);
        is_ours(name) || path.is_absolute() && !inside
    }

    fn file(&mut self, name: &str) -> &File {
        let root = &self.root;
        self.files.entry(name.to_owned()).or_insert_with(|| {
            let path = root.join(name);
            let small = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= LARGEST);
            let text = small.then(|| fs::read_to_string(&path).ok()).flatten();
            File {
                shown: Arc::from(shown(name, root)),
                functions: text.as_deref().map(functions).unwrap_or_default(),
                text: text.map(Arc::from),
            }
        })
    }

    /// A place as a reader sees it.
    pub(crate) fn place(&mut self, place: &answer::Place) -> Place {
        let file = self.file(&place.file);
        let around = |f: &&(u32, u32, String)| f.0 <= place.line && place.line <= f.1;
        let function = file.functions.iter().rfind(around);
        Place {
            file: file.shown.clone(),
            line: place.line,
            column: place.column,
            function: function.map(|f| f.2.clone()).unwrap_or_default(),
        }
    }

    /// The text of a file, and the byte that a place stands for in it.
    pub(crate) fn at(&mut self, place: &answer::Place) -> Option<(Arc<str>, usize)> {
        let text = self.file(&place.file).text.clone()?;
        let index = (place.line as usize).checked_sub(1)?;
        let before: usize = text.split_inclusive('\n').take(index).map(str::len).sum();
        let line = text.split_inclusive('\n').nth(index)?;
        let column = (place.column as usize).checked_sub(1)?;
        let (byte, _) = line.char_indices().nth(column)?;
        Some((text, before + byte))
    }

    /// A function works at `first`, or calls the function that does, and after that it works at
    /// `second` or calls that. Who is called is known by name alone.
    pub(super) fn calls_in_order(&self, first: &Place, second: &Place) -> bool {
        self.files.values().any(|file| {
            let called = file.text.as_deref().map(calls).unwrap_or_default();
            file.functions.iter().any(|(from, to, owner)| {
                let lines = |place: &Place| -> Vec<u32> {
                    if file.shown == place.file && *owner == place.function {
                        return vec![place.line];
                    }
                    let name = place.function.rsplit("::").next().unwrap_or_default();
                    let inside = called.iter().filter(|(line, _)| from <= line && line <= to);
                    let of_it = inside.filter(|(_, callee)| callee == name);
                    of_it.map(|(line, _)| *line).collect()
                };
                let (before, after) = (lines(first), lines(second));
                before.iter().min() <= after.iter().max() && !before.is_empty()
            })
        })
    }

    /// Every text that was read, by the name it is shown under.
    pub(crate) fn into_map(self) -> BTreeMap<Arc<str>, Arc<str>> {
        let files = self.files.into_values();
        files.filter_map(|f| Some((f.shown, f.text?))).collect()
    }
}

/// A file of the runtime.
pub(super) fn is_ours(name: &str) -> bool {
    let dirs = ["conclint-rt/", "conclint-std/", "conclint-libtest/"];
    dirs.iter().any(|dir| name.contains(dir))
}

/// A path below the project that is no copy of somebody else's code.
pub(super) fn is_source(inside: &Path) -> bool {
    let copies = ["target", "vendor"];
    !copies.iter().any(|dir| inside.starts_with(dir))
}

/// A name without the machine's directories: relative to the project, or
/// beginning with the name of the package.
fn shown(name: &str, root: &Path) -> String {
    let after = |marker: &str| name.find(marker).map(|at| &name[at + marker.len()..]);
    if let Ok(inside) = Path::new(name).strip_prefix(root) {
        return inside.display().to_string();
    }
    if let Some(rest) = after("/registry/src/") {
        return rest
            .split_once('/')
            .map_or(rest, |(_, rest)| rest)
            .to_owned();
    }
    if let Some(rest) = after("/git/checkouts/") {
        return rest.to_owned();
    }
    if let Some(rest) = after("/rustlib/src/rust/library/").or_else(|| after("/library/")) {
        return rest.to_owned();
    }
    match name.rfind("/crates/conclint-") {
        Some(at) => name[at + "/crates/".len()..].to_owned(),
        None => name.to_owned(),
    }
}

/// Functions with their lines, in the order of their beginnings.
fn functions(text: &str) -> Vec<(u32, u32, String)> {
    let mut out = Vec::new();
    if let Ok(file) = syn::parse_file(text) {
        items(&file.items, &mut out);
    }
    out
}

/// Names that are called, with their lines, also in the arguments of macros.
fn calls(text: &str) -> Vec<(u32, String)> {
    let mut out = Vec::new();
    let tokens = text.parse().unwrap_or_default();
    calls_in(tokens, &mut out);
    out
}

fn calls_in(tokens: TokenStream, out: &mut Vec<(u32, String)>) {
    let mut name: Option<Ident> = None;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                name = name.is_none_or(|before| before != "fn").then_some(ident);
                continue;
            }
            TokenTree::Group(group) => {
                let called = name.filter(|_| group.delimiter() == Delimiter::Parenthesis);
                if let Some(ident) = called {
                    let line = ident.span().start().line;
                    out.push((u32::try_from(line).unwrap_or(u32::MAX), ident.to_string()));
                }
                calls_in(group.stream(), out);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        name = None;
    }
}

fn items(items: &[syn::Item], out: &mut Vec<(u32, u32, String)>) {
    for item in items {
        match item {
            syn::Item::Fn(f) => add(&f.sig, &f.block, "", out),
            syn::Item::Mod(m) => {
                if let Some((_, inner)) = &m.content {
                    self::items(inner, out);
                }
            }
            syn::Item::Impl(i) => {
                let owner = match &*i.self_ty {
                    syn::Type::Path(p) => p.path.segments.last().map(|s| s.ident.to_string()),
                    _ => None,
                };
                for member in &i.items {
                    if let syn::ImplItem::Fn(f) = member {
                        add(&f.sig, &f.block, owner.as_deref().unwrap_or_default(), out);
                    }
                }
            }
            syn::Item::Trait(t) => {
                for member in &t.items {
                    if let syn::TraitItem::Fn(f) = member
                        && let Some(block) = &f.default
                    {
                        add(&f.sig, block, &t.ident.to_string(), out);
                    }
                }
            }
            _ => {}
        }
    }
}

fn add(
    signature: &syn::Signature,
    block: &syn::Block,
    owner: &str,
    out: &mut Vec<(u32, u32, String)>,
) {
    let line = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let name = match owner {
        "" => signature.ident.to_string(),
        owner => format!("{owner}::{}", signature.ident),
    };
    out.push((
        line(signature.fn_token.span.start().line),
        line(block.brace_token.span.close().end().line),
        name,
    ));
    // Functions inside of functions are found by their own, narrower lines.
    let inner: Vec<syn::Item> = block
        .stmts
        .iter()
        .filter_map(|s| match s {
            syn::Stmt::Item(item) => Some(item.clone()),
            _ => None,
        })
        .collect();
    items(&inner, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_line() {
        let text = "\
impl<T> Queue<T> {
    fn push(&self) {
        fn inner() {
        }
    }
}
mod m { fn free() {} }
";
        let found = functions(text);
        assert_eq!(
            found,
            [
                (2, 5, "Queue::push".to_owned()),
                (3, 4, "inner".to_owned()),
                (7, 7, "free".to_owned()),
            ]
        );
    }

    #[test]
    fn calls_have_an_order() {
        let text = "\
fn get() { load() }
fn set() { store() }
fn both() {
    assert!(get() > 0);
    set();
}
fn other() { set(); }
";
        let texts = Texts::given(&BTreeMap::from([("a.rs".to_owned(), text.into())]));
        let place = |line: u32, function: &str| Place {
            file: "a.rs".into(),
            line,
            column: 1,
            function: function.to_owned(),
        };
        let (get, set) = (place(1, "get"), place(2, "T::set"));
        assert!(texts.calls_in_order(&get, &set));
        assert!(!texts.calls_in_order(&set, &get));
        assert!(texts.calls_in_order(&place(4, "both"), &set));
        assert!(!texts.calls_in_order(&place(7, "other"), &get));
    }

    #[test]
    fn machine_paths_are_not_shown() {
        let root = Path::new("/home/a/project");
        assert_eq!(shown("/home/a/project/src/lib.rs", root), "src/lib.rs");
        assert_eq!(shown("src/lib.rs", root), "src/lib.rs");
        assert_eq!(
            shown(
                "/h/.cargo/registry/src/index-12/flume-0.11.0/src/lib.rs",
                root
            ),
            "flume-0.11.0/src/lib.rs"
        );
        assert_eq!(
            shown("/rustc/5980/library/std/src/a.rs", root),
            "std/src/a.rs"
        );
    }
}
