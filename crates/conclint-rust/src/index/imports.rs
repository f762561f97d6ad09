//! Imports, to a fixpoint: names, globs, re-exports, `extern crate`.

use smol_str::SmolStr;

use super::collect::MAX_TWINS;
use super::defs::{Def, Entry, Import, Ns};
use super::names::{Defs, GLOB, GLOB_OF_TOOL, Reading};
use super::{Index, ModId, builds, ext};
use crate::hir::Vis;

/// Longest chain of re-exports that is followed.
const MAX_ROUNDS: usize = 64;
/// Names that globs may copy in all: modules that import each other in full
/// would take a long time otherwise.
const MAX_COPIED: usize = 30_000_000;

impl Index {
    /// Resolves all imports.
    pub(super) fn import_all(&mut self) {
        let mut imports = std::mem::take(&mut self.imports);
        // `extern crate mine as core`: before any `use core::..` is read.
        imports.sort_by_key(|import| !import.krate);
        // A name that is filled late can give others more meanings: after the
        // first fixpoint all are looked at once more.
        self.fixpoint(&mut imports);
        self.assume_external(&mut imports);
        for import in &mut imports {
            import.done = false;
        }
        self.fixpoint(&mut imports);
        self.assume_external(&mut imports);
    }

    fn fixpoint(&mut self, imports: &mut [Import]) {
        for _ in 0..MAX_ROUNDS {
            let before = self.growth;
            for import in imports.iter_mut() {
                if import.name.glob {
                    self.glob(import);
                } else if !import.done {
                    self.single(import);
                }
            }
            if self.growth == before {
                break;
            }
        }
    }

    fn found(&self, import: &Import) -> Defs {
        let path = &import.name.path[..];
        if import.krate {
            return self.extern_crate(import).into_iter().collect();
        }
        let ns = if import.name.glob { Ns::Type } else { Ns::Any };
        let how = Reading {
            ns,
            global: import.name.global,
            import: true,
        };
        if path.is_empty() {
            // `use ::*` of 2015.
            return Defs::new();
        }
        let found = self.walk(import.module, path, how);
        if found.used == path.len() {
            found.defs
        } else {
            Defs::new()
        }
    }

    fn extern_crate(&self, import: &Import) -> Option<Def> {
        let krate = self.modules.get(import.module.index())?.krate;
        let name = import.name.path.first()?;
        if name == "self" {
            return Some(Def::Mod(self.crates.get(krate.index())?.root));
        }
        // Not its own alias.
        let info = self.crates.get(krate.index())?;
        match info.deps.get(name.as_str()) {
            Some(dep) => Some(match dep.krate.and_then(|id| self.crates.get(id.index())) {
                Some(other) => Def::Mod(other.root),
                None => Def::Ext(ext::canonical(dep.package.clone())),
            }),
            None => Some(Def::Ext(ext::canonical(name.clone()))),
        }
    }

    fn single(&mut self, import: &mut Import) {
        let defs = self.found(import);
        import.done = !defs.is_empty();
        for def in defs {
            let rank = import.rank.max(self.rank_of(&def));
            if import.krate
                && let Some(module) = self.modules.get(import.into.index())
                && let Some(info) = self
                    .crates
                    .get_mut(module.krate.index())
                    .filter(|c| c.root == import.into)
            {
                info.externs
                    .entry(import.name.alias.clone())
                    .or_insert_with(|| def.clone());
            }
            self.add(
                import.into,
                &import.name.alias,
                Entry {
                    def,
                    vis: import.vis,
                    rank,
                },
            );
        }
    }

    /// That of the module that `def` stands in: under `cfg(loom)` all in it
    /// gives way to its twin elsewhere, whichever is imported first.
    fn rank_of(&self, def: &Def) -> u8 {
        let module = match def {
            Def::Mod(m) => Some(*m),
            Def::Type(t) => self.types.get(t.index()).map(|def| def.module),
            Def::Trait(t) => self.traits.get(t.index()).map(|def| def.module),
            Def::Alias(a) => self.aliases.get(a.index()).map(|def| def.module),
            _ => None,
        };
        let module = module.and_then(|m| self.modules.get(m.index()));
        module.map_or(0, |module| builds::rank(&module.cfgs))
    }

    fn glob(&mut self, import: &mut Import) {
        for def in self.found(import) {
            match def {
                Def::Mod(m) => {
                    let known =
                        m == import.into || import.sources.iter().any(|(known, _)| *known == m);
                    if !known {
                        import.sources.push((m, u64::MAX));
                    }
                }
                Def::Type(t) => {
                    let variants = self
                        .types
                        .get(t.index())
                        .filter(|d| d.kind == super::TypeKind::Enum);
                    let names: Vec<SmolStr> = variants
                        .into_iter()
                        .flat_map(|d| d.variants.iter().map(|v| v.name.clone()))
                        .collect();
                    for (name, i) in names.iter().zip(0..) {
                        let entry = Entry {
                            def: Def::Variant(t, i),
                            vis: import.vis,
                            rank: GLOB,
                        };
                        self.add(import.into, name, entry);
                    }
                }
                Def::Ext(path) => self.ext_glob(import.into, path),
                _ => {}
            }
        }
        for i in 0..import.sources.len() {
            let Some((source, seen)) = import.sources.get_mut(i) else {
                break;
            };
            let source = *source;
            let Some(module) = self.modules.get(source.index()) else {
                continue;
            };
            if *seen == module.changed {
                continue;
            }
            *seen = module.changed;
            self.copy(source, import);
        }
    }

    /// Copies what is visible from one module into another.
    fn copy(&mut self, source: ModId, import: &Import) {
        let sees_private = self.is_inside(import.into, source);
        let Some(module) = self.modules.get(source.index()) else {
            return;
        };
        let same_crate = self
            .modules
            .get(import.into.index())
            .is_some_and(|m| m.krate == module.krate);
        let sees = |vis: Vis| match vis {
            Vis::Public => true,
            Vis::Restricted => same_crate,
            Vis::Private => sees_private,
        };
        let mut names: Vec<(SmolStr, Entry)> = Vec::new();
        for (name, entries) in &module.names {
            for entry in entries.iter().filter(|e| sees(e.vis)) {
                let gives_way = matches!(entry.rank, 1 | GLOB_OF_TOOL);
                let rank = match gives_way || self.rank_of(&entry.def) > 0 {
                    true => GLOB_OF_TOOL,
                    false => GLOB,
                };
                names.push((
                    name.clone(),
                    Entry {
                        def: entry.def.clone(),
                        vis: import.vis,
                        rank,
                    },
                ));
            }
        }
        let globs = module.ext_globs.clone();
        self.copied = self.copied.saturating_add(names.len());
        if self.copied > MAX_COPIED {
            return;
        }
        // The order within one name is kept; between names it means nothing.
        for (name, entry) in names {
            self.add(import.into, &name, entry);
        }
        for glob in globs {
            self.ext_glob(import.into, glob);
        }
    }

    pub(super) fn is_inside(&self, inner: ModId, outer: ModId) -> bool {
        let mut at = Some(inner);
        for _ in 0..256 {
            match at {
                Some(m) if m == outer => return true,
                Some(m) => at = self.modules.get(m.index()).and_then(|m| m.parent),
                None => return false,
            }
        }
        false
    }

    fn ext_glob(&mut self, m: ModId, path: SmolStr) {
        let growth = self.growth + 1;
        if let Some(module) = self.modules.get_mut(m.index())
            && !module.ext_globs.contains(&path)
        {
            module.ext_globs.push(path);
            module.changed = growth;
            self.growth = growth;
        }
    }

    fn add(&mut self, m: ModId, name: &SmolStr, entry: Entry) {
        let growth = self.growth + 1;
        let Some(module) = self.modules.get_mut(m.index()) else {
            return;
        };
        let entries = module.names.entry(name.clone()).or_default();
        if let Some(old) = entries.iter_mut().find(|e| e.def == entry.def) {
            // The same by name and by glob: the better of the two counts.
            let wider = old.vis != Vis::Public && entry.vis == Vis::Public;
            if entry.rank >= old.rank && !wider {
                return;
            }
            old.rank = old.rank.min(entry.rank);
            if wider {
                old.vis = entry.vis;
            }
        } else if entries.len() < MAX_TWINS {
            entries.push(entry);
        } else {
            return;
        }
        module.changed = growth;
        self.growth = growth;
    }

    /// A `use` whose first name is nothing here names an external crate.
    fn assume_external(&mut self, imports: &mut [Import]) {
        for import in imports.iter_mut().filter(|i| !i.krate) {
            let path = &import.name.path[..];
            let Some(first) = path.first() else { continue };
            if matches!(first.as_str(), "crate" | "self" | "super" | "$crate") {
                continue;
            }
            let how = Reading {
                ns: Ns::Any,
                global: import.name.global,
                import: true,
            };
            if import.done || self.walk(import.module, path, how).used > 0 {
                continue;
            }
            let whole = ext::canonical(path.join("::").into());
            if import.name.glob {
                self.ext_glob(import.into, whole);
            } else {
                let entry = Entry {
                    def: Def::Ext(whole),
                    vis: import.vis,
                    rank: import.rank,
                };
                let (into, alias) = (import.into, import.name.alias.clone());
                self.add(into, &alias, entry);
            }
            import.done = true;
        }
    }
}
