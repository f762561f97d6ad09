//! Files of a package that nothing builds: left over, or not yet used.
//!
//! A file that no target reaches may still be declared in a way that was not
//! understood, by a macro say. So it only counts as unreached where no file of
//! its package that is built so much as names it. Nothing is left out for it;
//! what is found there has less weight.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{CrateKind, Workspace, paths};

/// The numbers of those files; `text` gives the source of a path.
pub(crate) fn find<'a>(
    ws: &Workspace,
    text: impl Fn(&str) -> Option<&'a str> + Sync,
) -> Vec<usize> {
    let loose = |ws: &Workspace, file: usize| {
        let krate = ws.crates.get(ws.files[file].krate.index())?;
        (krate.kind == CrateKind::Loose && krate.host.is_some()).then(|| krate.package.clone())
    };
    let candidates: Vec<_> = (0..ws.files.len())
        .filter_map(|file| Some((file, loose(ws, file)?)))
        .collect();
    let mut named: FxHashMap<_, Named<'_>> = FxHashMap::default();
    for (_, package) in &candidates {
        named.entry(package.clone()).or_default();
    }
    if named.is_empty() {
        return Vec::new();
    }
    let read: Vec<_> = ws
        .files
        .par_iter()
        .filter_map(|file| {
            let krate = ws.crates.get(file.krate.index())?;
            if krate.kind == CrateKind::Loose || !named.contains_key(&krate.package) {
                return None;
            }
            let mut names = Named::default();
            names.read(text(&file.path)?);
            names.found(&file.path);
            Some((&krate.package, names))
        })
        .collect();
    for (package, names) in read {
        if let Some(named) = named.get_mut(package) {
            named.join(names);
        }
    }
    candidates
        .into_iter()
        .filter(|(file, package)| {
            let root = ws.crates[ws.files[*file].krate.index()].root;
            let known = named.get(package).is_some_and(|named| {
                let root = ws.files.get(root as usize).map_or("", |root| &root.path);
                named.has(root)
            });
            !known
        })
        .map(|(file, _)| file)
        .collect()
}

/// Files that the texts of a package name, one way or another.
#[derive(Default)]
struct Named<'a> {
    /// `mod name`, in macros too, not in comments: how often, without those whose
    /// file was found.
    modules: FxHashMap<String, isize>,
    /// Of `".../name.rs"`.
    stems: FxHashSet<&'a str>,
    /// Names are put together somewhere: any file may be meant.
    any: bool,
}

impl<'a> Named<'a> {
    fn read(&mut self, text: &'a str) {
        self.any |= text.contains("automod");
        for (at, _) in text.match_indices("mod ") {
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            if text[line..at].contains("//") {
                continue;
            }
            let name = text[at + 4..].trim_start();
            self.any |= name.starts_with('$');
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &name[..end.unwrap_or(name.len())];
            *self.modules.entry(name.to_owned()).or_default() += 1;
        }
        for (at, _) in text.match_indices(".rs\"") {
            let start = text[..at].rfind(['"', '/', '\\']).map_or(0, |at| at + 1);
            self.stems.insert(&text[start..at]);
        }
    }

    fn join(&mut self, other: Named<'a>) {
        self.any |= other.any;
        self.stems.extend(other.stems);
        for (name, times) in other.modules {
            *self.modules.entry(name).or_default() += times;
        }
    }

    /// A file that is built has been declared somewhere.
    fn found(&mut self, path: &str) {
        *self.modules.entry(module(path).to_owned()).or_default() -= 1;
    }

    fn has(&self, path: &str) -> bool {
        let declared = self.modules.get(module(path)).copied().unwrap_or_default();
        self.any || declared > 0 || self.stems.contains(paths::stem(path))
    }
}

/// The module that a file of this name is.
fn module(path: &str) -> &str {
    match paths::stem(path) {
        stem @ ("mod" | "main" | "lib") => path.rsplit('/').nth(1).unwrap_or(stem),
        stem => stem,
    }
}
