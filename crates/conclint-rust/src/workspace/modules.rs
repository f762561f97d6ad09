//! The module tree over files: `mod x;`, `#[path]`, `include!`.
//!
//! A file is claimed once, by the first item that reaches it; cycles end
//! there.

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::manifest::{self, Package};
use super::paths::{self, FileSet};
use super::{Crate, CrateKind, Edition, Owner};
use crate::hir::{Item, ItemKind, Span};
use crate::index::CrateId;

/// Where a file belongs.
pub(super) struct Place {
    pub(super) krate: CrateId,
    pub(super) links: FxHashMap<Span, u32>,
    pub(super) owner: Option<Owner>,
}

/// Finds each file's crate; adds crates for the loose ones.
pub(super) fn link(
    crates: &mut Vec<Crate>,
    packages: &[Package],
    set: &FileSet<'_>,
    items: &[&[Item]],
) -> Vec<Place> {
    let mut linker = Linker {
        set,
        items,
        krate: vec![None; items.len()],
        links: vec![FxHashMap::default(); items.len()],
        owner: vec![None; items.len()],
    };
    // Roots first: a program's root is its own, even where another root
    // declares it as a module.
    for (krate, id) in crates.iter().zip(0..) {
        linker.claim(krate.root, CrateId(id), None);
    }
    for krate in crates.iter() {
        linker.walk(krate.root, false);
    }
    loose(&mut linker, crates, packages);
    let Linker {
        krate,
        links,
        owner,
        ..
    } = linker;
    krate
        .into_iter()
        .zip(links)
        .zip(owner)
        .map(|((krate, links), owner)| Place {
            krate: krate.unwrap_or(CrateId(0)),
            links,
            owner,
        })
        .collect()
}

/// Makes crates of the files that no target reaches.
fn loose(linker: &mut Linker<'_>, crates: &mut Vec<Crate>, packages: &[Package]) {
    let by_root: FxHashMap<u32, CrateId> = crates
        .iter()
        .zip(0..)
        .map(|(c, id)| (c.root, CrateId(id)))
        .collect();
    let mut left: Vec<u32> = (0..linker.items.len() as u32)
        .filter(|&f| linker.is_free(f))
        .collect();
    left.sort_by_key(|&f| {
        let path = linker.path(f);
        (loose_rank(path), path)
    });
    let mut declared = vec![false; linker.items.len()];
    for &file in &left {
        for target in linker.targets(file) {
            if target != file
                && let Some(mark) = declared.get_mut(target as usize)
            {
                *mark = true;
            }
        }
    }
    let is_declared = |f: &u32| declared.get(*f as usize).copied().unwrap_or(false);
    let (inner, roots): (Vec<u32>, Vec<u32>) = left.into_iter().partition(is_declared);
    for file in roots.into_iter().chain(inner) {
        if !linker.is_free(file) {
            continue;
        }
        let path = linker.path(file);
        let package = manifest::nearest(packages, path);
        let host = package
            .and_then(|p| manifest::roots_of(p).find_map(|root| by_root.get(&root).copied()));
        let id = CrateId(crates.len() as u32);
        let host_crate = host.and_then(|h| crates.get(h.index()));
        crates.push(Crate {
            name: SmolStr::new(paths::stem(path).replace('-', "_")),
            package: package.map_or_else(SmolStr::default, |p| p.name.clone()),
            edition: package.map_or(Edition::E2021, |p| p.edition),
            kind: CrateKind::Loose,
            root: file,
            deps: host_crate.map(|c| c.deps.clone()).unwrap_or_default(),
            has_manifest: host_crate.is_some(),
            host,
        });
        linker.claim(file, id, None);
        linker.walk(file, true);
    }
}

fn loose_rank(path: &str) -> u8 {
    match paths::file_name(path) {
        "main.rs" | "lib.rs" => 0,
        "mod.rs" => 1,
        _ => 2,
    }
}

struct Linker<'a> {
    set: &'a FileSet<'a>,
    items: &'a [&'a [Item]],
    krate: Vec<Option<CrateId>>,
    links: Vec<FxHashMap<Span, u32>>,
    owner: Vec<Option<Owner>>,
}

/// A list of items and the directories that its `mod`s are looked for in.
struct Frame<'a> {
    file: u32,
    items: &'a [Item],
    /// Of `mod x;`.
    dir: String,
    /// A second try, for loose files whose place in a tree is not known.
    other_dir: Option<String>,
    /// Of `#[path]`.
    base: String,
}

/// One `mod x;` or `include!` that names a file.
struct Link {
    span: Span,
    target: u32,
    included: bool,
    mod_rs: bool,
}

impl<'a> Linker<'a> {
    fn path(&self, file: u32) -> &'a str {
        self.set.paths.get(file as usize).map_or("", |p| p)
    }

    fn is_free(&self, file: u32) -> bool {
        self.krate.get(file as usize).is_some_and(Option::is_none)
    }

    fn claim(&mut self, file: u32, krate: CrateId, owner: Option<Owner>) {
        let i = file as usize;
        if let (Some(k @ None), Some(o)) = (self.krate.get_mut(i), self.owner.get_mut(i)) {
            *k = Some(krate);
            *o = owner;
        }
    }

    /// Claims everything reachable from a file that is claimed already.
    fn walk(&mut self, root: u32, loose: bool) {
        let Some(Some(krate)) = self.krate.get(root as usize).copied() else {
            return;
        };
        let mut stack = vec![self.frame(root, true, loose)];
        while let Some(frame) = stack.pop() {
            for link in self.links_of(&frame, &mut stack) {
                if let Some(links) = self.links.get_mut(frame.file as usize) {
                    links.insert(link.span, link.target);
                }
                if self.is_free(link.target) {
                    let owner = Owner {
                        file: frame.file,
                        span: link.span,
                        included: link.included,
                    };
                    self.claim(link.target, krate, Some(owner));
                    stack.push(self.frame(link.target, link.mod_rs, false));
                }
            }
        }
    }

    /// The files that a loose file's own items name.
    fn targets(&self, file: u32) -> Vec<u32> {
        let mut stack = vec![self.frame(file, true, true)];
        let mut targets = Vec::new();
        while let Some(frame) = stack.pop() {
            targets.extend(self.links_of(&frame, &mut stack).iter().map(|l| l.target));
        }
        targets
    }

    fn frame(&self, file: u32, mod_rs: bool, loose: bool) -> Frame<'a> {
        let path = self.path(file);
        let base = paths::dir_of(path).to_owned();
        let own = paths::join(&base, paths::stem(path));
        let mod_rs = mod_rs || paths::file_name(path) == "mod.rs";
        Frame {
            file,
            items: self.items.get(file as usize).copied().unwrap_or_default(),
            other_dir: (loose && mod_rs).then(|| own.clone()),
            dir: if mod_rs { base.clone() } else { own },
            base,
        }
    }

    /// The links of a frame; inline modules go on the stack.
    fn links_of(&self, frame: &Frame<'a>, stack: &mut Vec<Frame<'a>>) -> Vec<Link> {
        let file_dir = paths::dir_of(self.path(frame.file));
        let mut links = Vec::new();
        for item in frame.items {
            match &item.kind {
                ItemKind::Mod(Some(inner)) => {
                    let name = plain(&item.name);
                    let dir = match &item.attrs.path {
                        Some(path) => paths::join(&frame.base, path),
                        None => paths::join(&frame.dir, name),
                    };
                    let other_dir = frame.other_dir.as_ref().map(|d| paths::join(d, name));
                    stack.push(Frame {
                        file: frame.file,
                        items: inner,
                        base: dir.clone(),
                        dir,
                        other_dir,
                    });
                }
                ItemKind::Mod(None) => {
                    let target = match &item.attrs.path {
                        Some(path) => self.set.locate(&frame.base, path),
                        None => self.module_file(frame, plain(&item.name)),
                    };
                    let mod_rs = item.attrs.path.is_some();
                    links.extend(target.map(|target| Link {
                        span: item.span,
                        target,
                        included: false,
                        mod_rs,
                    }));
                }
                ItemKind::Include(path) => {
                    let target = self.set.locate(file_dir, path);
                    links.extend(target.map(|target| Link {
                        span: item.span,
                        target,
                        included: true,
                        mod_rs: true,
                    }));
                }
                _ => {}
            }
        }
        links
    }

    fn module_file(&self, frame: &Frame<'_>, name: &str) -> Option<u32> {
        [Some(&frame.dir), frame.other_dir.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|dir| {
                self.set
                    .locate(dir, &format!("{name}.rs"))
                    .or_else(|| self.set.locate(dir, &format!("{name}/mod.rs")))
            })
    }
}

fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
