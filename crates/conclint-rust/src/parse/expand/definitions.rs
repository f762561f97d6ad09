//! Which macros a program defines, and which of them are worth expanding.

use std::sync::Arc;

use memchr::memmem;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::super::known::{Known, known};
use super::super::scan;
use super::interest;
use crate::workspace::SourceInput;

/// One `macro_rules!`.
#[derive(Debug)]
pub(super) struct Definition {
    pub name: SmolStr,
    /// What stands between its braces.
    pub text: String,
    /// Where the brace opens.
    line: u32,
    /// See `interest`; also by the macros that it calls.
    is_interesting: bool,
    /// `#[macro_export]`: other packages see it.
    is_exported: bool,
}

/// All definitions of a program.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    files: FxHashMap<Arc<str>, Arc<[Arc<Definition>]>>,
    /// Each with the package that it is in.
    by_name: FxHashMap<SmolStr, Vec<(String, Arc<Definition>)>>,
}

/// The definitions that one file sees.
#[derive(Debug, Default, Clone)]
pub(crate) struct File {
    here: Option<Arc<[Arc<Definition>]>>,
    all: Arc<Definitions>,
    path: Arc<str>,
}

impl Definitions {
    /// Reads the definitions of all files. Few files have any, and only those
    /// are looked at closely.
    pub fn of(sources: &[SourceInput]) -> Arc<Self> {
        let finder = memmem::Finder::new("macro_rules");
        let mut found: Vec<(&SourceInput, Vec<Definition>)> = sources
            .par_iter()
            .filter(|source| finder.find(source.text.as_bytes()).is_some())
            .map(|source| (source, definitions(&source.text)))
            .collect();
        spread(&mut found);
        let mut out = Self::default();
        for (source, definitions) in found {
            let here: Arc<[Arc<Definition>]> = definitions.into_iter().map(Arc::new).collect();
            for definition in here.iter() {
                let package = package(&source.path).to_owned();
                let named = out.by_name.entry(definition.name.clone()).or_default();
                named.push((package, definition.clone()));
            }
            out.files.insert(source.path.clone(), here);
        }
        Arc::new(out)
    }

    /// What the file at `path` sees.
    pub fn file(self: &Arc<Self>, path: &Arc<str>) -> File {
        File {
            here: self.files.get(path).cloned(),
            all: self.clone(),
            path: path.clone(),
        }
    }
}

impl File {
    pub fn is_empty(&self) -> bool {
        self.all.by_name.is_empty()
    }

    /// The definition that a call at `line` means, where it is one to expand.
    /// `is_known`: a macro that everybody knows has the name; `alone`: there is
    /// no path before it.
    pub(super) fn find(
        &self,
        name: &str,
        is_known: bool,
        alone: bool,
        line: u32,
    ) -> Option<Arc<Definition>> {
        if is_known && (!alone || self.here.is_none()) {
            return None;
        }
        let here = self.here.as_deref().unwrap_or_default();
        let here: Vec<&Arc<Definition>> = here.iter().filter(|one| one.name == name).collect();
        if here.is_empty() {
            return if is_known { None } else { self.elsewhere(name) };
        }
        // A later definition replaces an earlier one; a call before all of them
        // means one that is exported. Of those that exclude each other by `cfg`
        // one that does something.
        let before: Vec<_> = here.iter().filter(|one| one.line <= line).collect();
        let candidates = if before.is_empty() {
            here.iter().collect()
        } else {
            before
        };
        let mut latest = candidates.into_iter().rev();
        latest
            .find(|one| one.is_interesting)
            .map(|one| (*one).clone())
    }

    /// The only definition of this name in the package, or else in the program;
    /// of several in other packages the only one that is exported.
    fn elsewhere(&self, name: &str) -> Option<Arc<Definition>> {
        let named = self.all.by_name.get(name)?;
        let package = package(&self.path);
        let mut near = named.iter().filter(|(other, _)| other == package);
        let found = match (near.next(), near.next()) {
            (Some((_, only)), None) => only,
            (Some(_), Some(_)) => return None,
            (None, _) => {
                let mut exported = named.iter().filter(|(_, one)| one.is_exported);
                let only = match (named.as_slice(), exported.next(), exported.next()) {
                    ([(_, only)], ..) => only,
                    (_, Some((_, only)), None) => only,
                    _ => return None,
                };
                // There, `$crate` is another crate than here.
                if only.text.contains("$crate") {
                    return None;
                }
                only
            }
        };
        found.is_interesting.then(|| found.clone())
    }
}

/// The directory of the package that a file is in, as far as its path tells.
fn package(path: &str) -> &str {
    let is_root = |part: &str| matches!(part, "src" | "tests" | "benches" | "examples");
    let mut end = 0;
    let mut at = 0;
    for part in path.split('/') {
        if is_root(part) {
            end = at;
        }
        at += part.len() + 1;
    }
    path.get(..end).unwrap_or("")
}

/// The definitions in a text, in order; those in arguments of macros are not
/// seen.
fn definitions(text: &str) -> Vec<Definition> {
    let scan = scan::scan(text, |_| {});
    let mut ranges = scan.rules;
    ranges.sort_by_key(|range| range.start);
    let (mut line, mut counted) = (1_u32, 0);
    let mut out = Vec::new();
    for range in ranges {
        let between = text.get(counted..range.start).unwrap_or("");
        line = line.saturating_add(super::super::count_lines(between));
        counted = range.start;
        let before = text.get(..range.start.saturating_sub(1)).unwrap_or("");
        let before = before.trim_end();
        let name = before
            .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
            .next();
        let (Some(name), Some(rules)) = (name, text.get(range)) else {
            continue;
        };
        if name.is_empty() {
            continue;
        }
        out.push(Definition {
            name: name.into(),
            text: rules.to_owned(),
            line,
            is_interesting: interest::is_interesting(rules),
            is_exported: is_exported(before),
        });
    }
    out
}

/// Whether `#[macro_export]` is among the attributes of a definition; `before`
/// ends with its name.
fn is_exported(before: &str) -> bool {
    let Some(at) = before.rfind("macro_rules") else {
        return false;
    };
    let mut rest = before.get(..at).unwrap_or("").trim_end();
    loop {
        let line = rest.get(rest.rfind('\n').map_or(0, |at| at + 1)..);
        if line.is_some_and(|line| line.trim_start().starts_with("//")) {
            rest = rest.get(..rest.rfind('\n').unwrap_or(0)).unwrap_or("");
        } else if rest.ends_with(']')
            && let Some(at) = rest.rfind("#[")
        {
            let attribute = rest.get(at + 2..).unwrap_or("").trim_start();
            if attribute.starts_with("macro_export") {
                return true;
            }
            rest = rest.get(..at).unwrap_or("");
        } else {
            return false;
        }
        rest = rest.trim_end();
    }
}

/// What calls an interesting macro of the program is interesting, too. One that
/// everybody knows by another meaning is called in its own file only.
fn spread(found: &mut [(&SourceInput, Vec<Definition>)]) {
    loop {
        let mut names: FxHashSet<SmolStr> = FxHashSet::default();
        for one in found.iter().flat_map(|(_, list)| list) {
            if one.is_interesting && known(&one.name) == Known::Unknown {
                names.insert(one.name.clone());
            }
        }
        let mut has_changed = false;
        for (_, list) in found.iter_mut() {
            let own: FxHashSet<SmolStr> = list
                .iter()
                .filter(|one| one.is_interesting)
                .map(|one| one.name.clone())
                .collect();
            for definition in list.iter_mut().filter(|one| !one.is_interesting) {
                let calls = |names| interest::calls(&definition.text, names);
                definition.is_interesting = calls(&names) || calls(&own);
                has_changed |= definition.is_interesting;
            }
        }
        if !has_changed {
            return;
        }
    }
}
