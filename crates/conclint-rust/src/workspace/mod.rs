//! Which files belong to which crate, and which `mod` names which file.
//!
//! Works on texts and parsed files in memory: manifests are read as TOML and
//! nothing is ever run, so a hostile `Cargo.toml` is only data. Refuses to
//! guess at generated files and at registry sources: what was not given does
//! not exist. Every file ends up in exactly one crate, whatever the input.

mod manifest;
mod modules;
mod paths;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod unreached;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::hir::{HirFile, ItemKind, Span};
use crate::index::CrateId;

/// A source file as given, not yet parsed.
#[derive(Debug, Clone)]
pub struct SourceInput {
    /// Relative, with `/`.
    pub path: Arc<str>,
    /// The whole file.
    pub text: Arc<str>,
}

/// A source file after parsing.
#[derive(Debug, Clone)]
pub struct ParsedFile {
    /// Relative, with `/`.
    pub path: Arc<str>,
    /// What the parser made of it.
    pub hir: HirFile,
}

/// A `Cargo.toml` as given.
#[derive(Debug, Clone)]
pub struct ManifestInput {
    /// Its directory, relative, with `/`; empty for the directory given, and
    /// `..`, `../..` for the directories above it.
    pub dir: String,
    /// The whole file.
    pub text: String,
}

/// A manifest that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The manifest.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// What the TOML reader says.
    pub message: String,
}

/// A Rust edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// 2015, also where a manifest names none.
    E2015,
    /// 2018.
    E2018,
    /// 2021, also where there is no manifest.
    E2021,
    /// 2024.
    E2024,
}

impl Edition {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "2015" => Self::E2015,
            "2018" => Self::E2018,
            "2021" => Self::E2021,
            "2024" => Self::E2024,
            _ => return None,
        })
    }
}

/// What a crate is built for; the order is the order in which crates claim
/// the files they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrateKind {
    /// A library or a procedural macro.
    Lib,
    /// A program.
    Bin,
    /// An integration test.
    Test,
    /// An example.
    Example,
    /// A benchmark.
    Bench,
    /// `build.rs`.
    BuildScript,
    /// A file that no target reaches, with the files it declares.
    Loose,
}

/// What a crate name means in a crate's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dep {
    /// The library of the workspace, or `None` for an external crate.
    pub krate: Option<CrateId>,
    /// The real package name with `_`, after `package = ".."`.
    pub package: SmolStr,
}

/// One compilation unit.
#[derive(Debug, Clone)]
pub struct Crate {
    /// As written in code, with `_`.
    pub name: SmolStr,
    /// The package of its manifest; empty where there is none.
    pub package: SmolStr,
    /// Decides the temporaries' scopes and how `use` paths are read.
    pub edition: Edition,
    /// What it is built for.
    pub kind: CrateKind,
    /// Index of its first file in [`Workspace::files`].
    pub root: u32,
    /// By name in code.
    pub deps: BTreeMap<SmolStr, Dep>,
    /// Whether a manifest says what `deps` are.
    pub has_manifest: bool,
    /// For a loose file inside a package: the package's library or program,
    /// which most likely declares it in a way that was not understood.
    pub host: Option<CrateId>,
}

/// One source file and its place.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative, with `/`.
    pub path: Arc<str>,
    /// What the parser made of it.
    pub hir: HirFile,
    /// The crate it is analysed in.
    pub krate: CrateId,
    /// A file of a test or benchmark target.
    pub is_test: bool,
    /// No target reaches it, nor does anything built name it.
    pub unreached: bool,
    /// `mod x;` and `include!` items by their span: index of the file named.
    pub links: FxHashMap<Span, u32>,
    /// The item through which its crate reaches it; `None` for roots.
    pub owner: Option<Owner>,
}

/// The `mod x;` or `include!` that a file hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Index of the file with the item.
    pub file: u32,
    /// Of the item.
    pub span: Span,
    /// An `include!`: the items belong to the module around it.
    pub included: bool,
}

/// All files, in crates.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// Libraries first, then programs and so on; within a kind by directory.
    pub crates: Vec<Crate>,
    /// By path.
    pub files: Vec<File>,
    /// Manifests that could not be read.
    pub problems: Vec<Problem>,
}

impl Workspace {
    /// Whether a crate has no standard library, and the conditions under which
    /// it has none: those of `#![no_std]`, and that `extern crate std` is not there.
    pub fn no_std(&self, krate: &Crate) -> Option<Vec<SmolStr>> {
        let host = krate.host.and_then(|host| self.crates.get(host.index()));
        let root = self.files.get(host.unwrap_or(krate).root as usize)?;
        let mut when = root.hir.attrs.no_std.as_ref()?.to_vec();
        for item in &root.hir.items {
            if matches!(&item.kind, ItemKind::ExternCrate { krate } if krate == "std") {
                if item.attrs.cfg.is_empty() {
                    return None;
                }
                when.push(format!("not(all({}))", item.attrs.cfg.join(", ")).into());
            }
        }
        Some(when)
    }

    /// Sorts files into crates. Of two files with one path the first counts.
    pub fn build(manifests: &[ManifestInput], mut files: Vec<ParsedFile>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|later, first| later.path == first.path);
        let paths: Vec<Arc<str>> = files.iter().map(|f| f.path.clone()).collect();
        let set = paths::FileSet::new(&paths);
        let (manifests, problems) = manifest::read(manifests);
        let packages = manifest::packages(&manifests, &set);
        let mut crates = manifest::crates(&packages);
        let items: Vec<_> = files.iter().map(|f| &f.hir.items[..]).collect();
        let places = modules::link(&mut crates, &packages, &set, &items);
        let files = files
            .into_iter()
            .zip(places)
            .map(|(file, place)| {
                let kind = crates
                    .get(place.krate.index())
                    .map_or(CrateKind::Loose, |c| c.kind);
                let is_test = match kind {
                    CrateKind::Test | CrateKind::Bench => true,
                    CrateKind::Loose => paths::in_test_dir(&file.path),
                    _ => paths::is_test_support(&file.path),
                };
                File {
                    path: file.path,
                    hir: file.hir,
                    krate: place.krate,
                    is_test,
                    unreached: false,
                    links: place.links,
                    owner: place.owner,
                }
            })
            .collect();
        Workspace {
            crates,
            files,
            problems,
        }
    }
}
