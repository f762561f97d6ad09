//! The texts that a story points into, and what they say about a place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conclint_diag::explore::Place;

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
