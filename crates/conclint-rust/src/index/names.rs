//! Paths to definitions: through modules, imports, crates and the prelude.

use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;

use super::defs::{Def, Ns};
use super::{CrateId, Index, ModId, ext, globs};
use crate::hir;
use crate::workspace::Edition;

/// Parents of a module that are looked at.
const MAX_PARENTS: usize = 512;

/// The names of a path.
pub(super) trait Segments {
    fn len(&self) -> usize;
    fn name(&self, i: usize) -> &str;
}

impl Segments for [SmolStr] {
    fn len(&self) -> usize {
        <[SmolStr]>::len(self)
    }

    fn name(&self, i: usize) -> &str {
        self.get(i).map_or("", SmolStr::as_str)
    }
}

impl Segments for [hir::Segment] {
    fn len(&self) -> usize {
        <[hir::Segment]>::len(self)
    }

    fn name(&self, i: usize) -> &str {
        self.get(i).map_or("", |s| s.name.as_str())
    }
}

/// Definitions of one name: nearly always one.
pub(super) type Defs = SmallVec<[Def; 1]>;

/// The definitions that a path, or its first part, names.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) defs: Defs,
    /// Segments that led there.
    pub(super) used: usize,
}

/// Reading a path is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Of the last segment.
    pub(super) ns: Ns,
    /// Leading `::`.
    pub(super) global: bool,
    /// In a `use`.
    pub(super) import: bool,
}

impl Index {
    /// Follows a path as far as modules, enums and external paths go.
    pub(super) fn walk<S: Segments + ?Sized>(&self, m: ModId, segs: &S, how: Reading) -> Found {
        let n = segs.len();
        let Some(module) = self.modules.get(m.index()).filter(|_| n > 0) else {
            return Found::default();
        };
        let krate = module.krate;
        let first = segs.name(0);
        let mut used = 1;
        let ns = if n == 1 { how.ns } else { Ns::Type };
        let mut defs = match first {
            "crate" | "$crate" => smallvec![Def::Mod(self.root(krate))],
            "self" if n > 1 || how.import => smallvec![Def::Mod(self.normal(m))],
            "super" => {
                let mut at = self.parent_module(m);
                while segs.name(used) == "super" && used < n {
                    at = at.and_then(|a| self.parent_module(a));
                    used += 1;
                }
                at.map(Def::Mod).into_iter().collect()
            }
            _ if how.global || (how.import && self.edition(krate) == Edition::E2015) => {
                self.rooted(m, first, ns, how, n)
            }
            _ => self.lexical(m, first, ns, n > 1),
        };
        if defs.is_empty() {
            used = 0;
        }
        while used < n && !defs.is_empty() {
            let ns = if used + 1 == n { how.ns } else { Ns::Type };
            let name = segs.name(used);
            let mut next = Defs::new();
            for def in &defs {
                self.step(m, def, name, ns, &mut next);
            }
            if next.is_empty() {
                break;
            }
            defs = next;
            used += 1;
        }
        Found { defs, used }
    }

    pub(super) fn edition(&self, krate: CrateId) -> Edition {
        self.crates
            .get(krate.index())
            .map_or(Edition::E2021, |c| c.edition)
    }

    fn root(&self, krate: CrateId) -> ModId {
        self.crates.get(krate.index()).map_or(ModId(0), |c| c.root)
    }

    /// The module itself, or the one around a body.
    pub(super) fn normal(&self, m: ModId) -> ModId {
        let mut at = m;
        for _ in 0..MAX_PARENTS {
            match self.modules.get(at.index()) {
                Some(module) if module.block => match module.parent {
                    Some(parent) => at = parent,
                    None => break,
                },
                _ => break,
            }
        }
        at
    }

    fn parent_module(&self, m: ModId) -> Option<ModId> {
        let parent = self.modules.get(self.normal(m).index())?.parent?;
        Some(self.normal(parent))
    }

    /// `::a` and the paths of 2015's `use`.
    fn rooted(&self, m: ModId, name: &str, ns: Ns, how: Reading, n: usize) -> Defs {
        let Some(module) = self.modules.get(m.index()) else {
            return Defs::new();
        };
        let krate = module.krate;
        if self.edition(krate) == Edition::E2015 {
            let mut found = Defs::new();
            self.names_of(self.root(krate), name, ns, &mut found);
            if !found.is_empty() {
                return found;
            }
        }
        if let Some(def) = self.crate_named(krate, name) {
            return smallvec![def];
        }
        if how.import && !how.global {
            self.lexical(m, name, ns, n > 1)
        } else {
            Defs::new()
        }
    }

    /// A name as seen from a module: its own, those around a body, crates,
    /// the prelude, primitive types.
    pub(super) fn lexical(&self, m: ModId, name: &str, ns: Ns, is_prefix: bool) -> Defs {
        let Some(module) = self.modules.get(m.index()) else {
            return Defs::new();
        };
        let krate = module.krate;
        let mut found = Defs::new();
        let mut at = Some(m);
        for _ in 0..MAX_PARENTS {
            let Some((id, module)) = at.and_then(|id| Some((id, self.modules.get(id.index())?)))
            else {
                break;
            };
            self.names_of(id, name, ns, &mut found);
            if !found.is_empty() || !module.block {
                break;
            }
            at = module.parent;
        }
        // `use log::log` hides no crate: what it brings in is no module.
        if is_prefix {
            found.retain(|def| !matches!(def, Def::Ext(path) if is_item_of(path, name)));
        }
        if !found.is_empty() {
            return found;
        }
        if ns != Ns::Value
            && let Some(def) = self.crate_named(krate, name)
        {
            return smallvec![def];
        }
        if let Some(path) = ext::prelude(name)
            && (ns == Ns::Any || (ns == Ns::Value) == ext::is_prelude_value(name))
        {
            return smallvec![Def::Ext(SmolStr::new_static(path))];
        }
        if ns != Ns::Value && ext::is_primitive(name) {
            return smallvec![Def::Ext(SmolStr::new(name))];
        }
        Defs::new()
    }

    /// A crate by its name in code.
    pub(super) fn crate_named(&self, krate: CrateId, name: &str) -> Option<Def> {
        let info = self.crates.get(krate.index())?;
        if let Some(def) = info.externs.get(name) {
            return Some(def.clone());
        }
        if let Some(dep) = info.deps.get(name) {
            return Some(match dep.krate.and_then(|id| self.crates.get(id.index())) {
                Some(other) => Def::Mod(other.root),
                None => Def::Ext(ext::canonical(dep.package.clone())),
            });
        }
        match name {
            "std" | "core" | "alloc" => Some(Def::Ext(SmolStr::new_static("std"))),
            "proc_macro" | "test" => Some(Def::Ext(SmolStr::new(name))),
            _ => None,
        }
    }

    /// What a name directly in a module stands for; twins all, but those of a
    /// higher rank only where there is nothing better.
    pub(super) fn names_of(&self, m: ModId, name: &str, ns: Ns, out: &mut Defs) {
        let Some(module) = self.modules.get(m.index()) else {
            return;
        };
        let start = out.len();
        let of_ext = || {
            let globs = &mut module.ext_globs.iter();
            globs.find(|glob| globs::known_ext_names(glob).contains(&name))
        };
        if let Some(entries) = module.names.get(name) {
            let fits = || entries.iter().filter(|e| e.def.is_in(ns));
            let globs_only = fits().all(|e| e.rank >= GLOB);
            // A library's own, of which the program has a twin under `cfg(loom)`.
            if fits().count() > 0
                && fits().all(|e| e.rank == GLOB_OF_TOOL)
                && let Some(glob) = of_ext()
            {
                out.push(Def::Ext(ext::join(glob, name)));
            }
            for rank in 0..=GLOB_OF_TOOL {
                for entry in fits().filter(|e| e.rank == rank && (globs_only || e.rank < GLOB)) {
                    if !out.contains(&entry.def) {
                        out.push(entry.def.clone());
                    }
                }
            }
            if ns == Ns::Value && out.len() > start + 1 {
                // A function before the type of the same name.
                out[start..].sort_by_key(|d| matches!(d, Def::Type(_) | Def::Alias(_)));
            }
        }
        if out.len() == start
            && let Some(glob) = of_ext()
        {
            out.push(Def::Ext(ext::join(glob, name)));
        }
    }

    /// The member `name` of `def`, as seen from the module `from`.
    fn step(&self, from: ModId, def: &Def, name: &str, ns: Ns, out: &mut Defs) {
        match def {
            // What `use super::*` brings in is there for the module itself.
            Def::Mod(m) if self.only_by_private_glob(*m, name, ns) && !self.is_inside(from, *m) => {
            }
            Def::Mod(m) => {
                let start = out.len();
                self.names_of(*m, name, ns, out);
                if out.len() == start
                    && let Some(host) = self.host_root(*m)
                {
                    self.names_of(host, name, ns, out);
                }
            }
            Def::Type(t) if ns != Ns::Type => {
                if let Some(i) = self.variant_of(*t, name) {
                    out.push(Def::Variant(*t, i));
                }
            }
            Def::Ext(path) => out.push(Def::Ext(ext::join(path, name))),
            _ => {}
        }
    }

    fn only_by_private_glob(&self, m: ModId, name: &str, ns: Ns) -> bool {
        let entries = self.modules.get(m.index()).and_then(|m| m.names.get(name));
        let mut fits = entries
            .into_iter()
            .flatten()
            .filter(|e| e.def.is_in(ns))
            .peekable();
        fits.peek().is_some() && fits.all(|e| e.rank >= GLOB && e.vis == hir::Vis::Private)
    }

    /// For the root of a loose file in a package: the package's root.
    fn host_root(&self, m: ModId) -> Option<ModId> {
        let info = self
            .crates
            .get(self.modules.get(m.index())?.krate.index())?;
        let host = self.crates.get(info.host?.index())?;
        (info.root == m).then_some(host.root)
    }

    /// The position of an enum's variant.
    pub(super) fn variant_of(&self, t: super::TypeId, name: &str) -> Option<u32> {
        let def = self.types.get(t.index())?;
        if def.kind != super::TypeKind::Enum {
            return None;
        }
        def.variants
            .iter()
            .position(|v| v.name == name)
            .map(|i| i as u32)
    }
}

/// The rank of names that a glob brought in.
pub(super) const GLOB: u8 = 2;

/// That of names that a glob brought in and that stand under `cfg(loom)` and the like.
pub(super) const GLOB_OF_TOOL: u8 = 3;

/// `name::..::name`: an item of the crate that has its name.
fn is_item_of(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| rest.starts_with("::"))
}
