//! Packages and their targets, out of `Cargo.toml` files.
//!
//! Reads tables loosely: one key of an unexpected shape must not cost the
//! whole manifest.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use toml::{Table, Value};

use super::paths::{self, FileSet};
use super::{Crate, CrateKind, Dep, Edition, ManifestInput, Problem};
use crate::index::CrateId;

/// How far up the workspace's own manifest is looked for.
const MAX_PARENTS: usize = 64;

/// A manifest that is valid TOML.
pub(super) struct Manifest {
    dir: String,
    table: Table,
}

/// A `[package]` with its targets.
pub(super) struct Package {
    pub(super) dir: String,
    pub(super) name: SmolStr,
    pub(super) edition: Edition,
    targets: Vec<Target>,
    deps: Vec<DepSpec>,
    build_deps: Vec<DepSpec>,
}

struct Target {
    kind: CrateKind,
    name: SmolStr,
    root: u32,
    root_path: String,
    edition: Option<Edition>,
}

struct DepSpec {
    /// As written in the manifest, with `_`.
    key: SmolStr,
    package: SmolStr,
    /// Of its manifest.
    dir: Option<String>,
    renamed: bool,
}

/// Parses all manifests; sorted by directory.
pub(super) fn read(inputs: &[ManifestInput]) -> (Vec<Manifest>, Vec<Problem>) {
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for input in inputs {
        let dir = paths::join(&input.dir, "");
        match input.text.parse::<Table>() {
            Ok(table) => manifests.push(Manifest { dir, table }),
            Err(error) => {
                let before = error
                    .span()
                    .and_then(|s| input.text.get(..s.start))
                    .unwrap_or("");
                let line = before.matches('\n').count() as u32 + 1;
                let message = error
                    .message()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                problems.push(Problem {
                    path: paths::join(&dir, "Cargo.toml"),
                    line,
                    message,
                });
            }
        }
    }
    manifests.sort_by(|a, b| a.dir.cmp(&b.dir));
    manifests.dedup_by(|later, first| later.dir == first.dir);
    problems.sort_by(|a, b| a.path.cmp(&b.path));
    (manifests, problems)
}

/// All packages, by directory.
pub(super) fn packages(manifests: &[Manifest], set: &FileSet<'_>) -> Vec<Package> {
    let by_dir: FxHashMap<&str, &Manifest> =
        manifests.iter().map(|m| (m.dir.as_str(), m)).collect();
    manifests
        .iter()
        .filter_map(|m| package(m, &by_dir, set))
        .collect()
}

fn package(
    manifest: &Manifest,
    by_dir: &FxHashMap<&str, &Manifest>,
    set: &FileSet<'_>,
) -> Option<Package> {
    let package = manifest
        .table
        .get("package")
        .or_else(|| manifest.table.get("project"))?
        .as_table()?;
    let name = SmolStr::new(package.get("name")?.as_str()?);
    let root = workspace_root(manifest, package, by_dir);
    let edition = match package.get("edition") {
        Some(Value::String(text)) => Edition::parse(text).unwrap_or(Edition::E2024),
        Some(Value::Table(_)) => root
            .and_then(|r| at(&r.table, &["workspace", "package", "edition"])?.as_str())
            .map_or(Edition::E2015, |text| {
                Edition::parse(text).unwrap_or(Edition::E2024)
            }),
        _ => Edition::E2015,
    };
    let (deps, build_deps) = dependencies(manifest, root);
    let targets = targets(manifest, package, &name, set);
    Some(Package {
        dir: manifest.dir.clone(),
        name,
        edition,
        targets,
        deps,
        build_deps,
    })
}

fn workspace_root<'a>(
    manifest: &'a Manifest,
    package: &Table,
    by_dir: &FxHashMap<&str, &'a Manifest>,
) -> Option<&'a Manifest> {
    if manifest.table.contains_key("workspace") {
        return Some(manifest);
    }
    if let Some(rel) = package.get("workspace").and_then(Value::as_str) {
        return by_dir
            .get(paths::join(&manifest.dir, rel).as_str())
            .copied();
    }
    let mut dir = manifest.dir.clone();
    for _ in 0..MAX_PARENTS {
        dir = paths::parent(&dir);
        if let Some(found) = by_dir
            .get(dir.as_str())
            .filter(|m| m.table.contains_key("workspace"))
        {
            return Some(found);
        }
    }
    None
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (last, before) = path.split_last()?;
    let mut table = table;
    for key in before {
        table = table.get(*key)?.as_table()?;
    }
    table.get(*last)
}

fn underscored(name: &str) -> SmolStr {
    if name.contains('-') {
        SmolStr::new(name.replace('-', "_"))
    } else {
        SmolStr::new(name)
    }
}

/// `[dependencies]` and `[dev-dependencies]` together, and `[build-dependencies]`.
fn dependencies(manifest: &Manifest, root: Option<&Manifest>) -> (Vec<DepSpec>, Vec<DepSpec>) {
    let mut tables = vec![&manifest.table];
    if let Some(targets) = manifest.table.get("target").and_then(Value::as_table) {
        tables.extend(targets.iter().filter_map(|(_, t)| t.as_table()));
    }
    let mut deps = Vec::new();
    let mut build_deps = Vec::new();
    for table in tables {
        for (key, value) in table {
            let into = match key.as_str() {
                "dependencies" | "dev-dependencies" | "dev_dependencies" => &mut deps,
                "build-dependencies" | "build_dependencies" => &mut build_deps,
                _ => continue,
            };
            let Some(entries) = value.as_table() else {
                continue;
            };
            into.extend(
                entries
                    .iter()
                    .map(|(name, spec)| dependency(name, spec, manifest, root)),
            );
        }
    }
    (deps, build_deps)
}

fn dependency(name: &str, spec: &Value, manifest: &Manifest, root: Option<&Manifest>) -> DepSpec {
    let inherited = spec.get("workspace").and_then(Value::as_bool) == Some(true);
    let (spec, dir) = if inherited {
        let spec = root.and_then(|r| at(&r.table, &["workspace", "dependencies", name]));
        (
            spec.unwrap_or(spec_none()),
            root.map_or("", |r| r.dir.as_str()),
        )
    } else {
        (spec, manifest.dir.as_str())
    };
    let package = spec.get("package").and_then(Value::as_str);
    DepSpec {
        key: underscored(name),
        package: underscored(package.unwrap_or(name)),
        dir: spec
            .get("path")
            .and_then(Value::as_str)
            .map(|rel| paths::join(dir, rel)),
        renamed: package.is_some(),
    }
}

fn spec_none() -> &'static Value {
    const NONE: &Value = &Value::Boolean(false);
    NONE
}

fn targets(manifest: &Manifest, package: &Table, name: &str, set: &FileSet<'_>) -> Vec<Target> {
    let dir = manifest.dir.as_str();
    let mut list = Targets {
        dir,
        set,
        found: Vec::new(),
    };
    let lib = manifest.table.get("lib").and_then(Value::as_table);
    let lib_text = |key| lib.and_then(|l| l.get(key)).and_then(Value::as_str);
    list.add(
        CrateKind::Lib,
        lib_text("name").unwrap_or(name),
        lib_text("path").unwrap_or("src/lib.rs"),
        lib_text("edition").and_then(Edition::parse),
    );
    for (kind, section, folder) in [
        (CrateKind::Bin, "bin", "src/bin"),
        (CrateKind::Test, "test", "tests"),
        (CrateKind::Example, "example", "examples"),
        (CrateKind::Bench, "bench", "benches"),
    ] {
        let declared = manifest.table.get(section).and_then(Value::as_array);
        for target in declared.into_iter().flatten().filter_map(Value::as_table) {
            list.declared(kind, folder, name, target);
        }
        let auto = match section {
            "bench" => "autobenches".to_owned(),
            other => format!("auto{other}s"),
        };
        if package.get(&auto).and_then(Value::as_bool) == Some(false) {
            continue;
        }
        if kind == CrateKind::Bin {
            list.add(kind, name, "src/main.rs", None);
        }
        list.discover(kind, folder);
    }
    match package.get("build") {
        Some(Value::Boolean(false)) => {}
        build => {
            let path = build.and_then(Value::as_str).unwrap_or("build.rs");
            list.add(CrateKind::BuildScript, "build_script", path, None);
        }
    }
    list.found
}

struct Targets<'a> {
    dir: &'a str,
    set: &'a FileSet<'a>,
    found: Vec<Target>,
}

impl Targets<'_> {
    fn add(&mut self, kind: CrateKind, name: &str, path: &str, edition: Option<Edition>) -> bool {
        let Some(root) = self.set.locate(self.dir, path) else {
            return false;
        };
        if self.found.iter().any(|t| t.root == root) {
            return true;
        }
        let root_path = self
            .set
            .paths
            .get(root as usize)
            .map_or_else(String::new, |p| p.to_string());
        self.found.push(Target {
            kind,
            name: underscored(name),
            root,
            root_path,
            edition,
        });
        true
    }

    fn declared(&mut self, kind: CrateKind, folder: &str, package: &str, target: &Table) {
        let text = |key| target.get(key).and_then(Value::as_str);
        let edition = text("edition").and_then(Edition::parse);
        match (text("name"), text("path")) {
            (name, Some(path)) => {
                self.add(
                    kind,
                    name.unwrap_or_else(|| paths::stem(path)),
                    path,
                    edition,
                );
            }
            (Some(name), None) => {
                let _ = self.add(kind, name, &format!("{folder}/{name}.rs"), edition)
                    || self.add(kind, name, &format!("{folder}/{name}/main.rs"), edition)
                    || (kind == CrateKind::Bin
                        && name == package
                        && self.add(kind, name, "src/main.rs", edition));
            }
            (None, None) => {}
        }
    }

    /// `folder/*.rs` and `folder/*/main.rs`.
    fn discover(&mut self, kind: CrateKind, folder: &str) {
        let dir = paths::join(self.dir, folder);
        for (_, rest) in self.set.below(&dir) {
            let name = match rest.split_once('/') {
                None => rest.strip_suffix(".rs"),
                Some((name, "main.rs")) => Some(name),
                Some(_) => None,
            };
            if let Some(name) = name {
                self.add(kind, name, &format!("{folder}/{rest}"), None);
            }
        }
    }
}

/// The crates of all targets, in the order in which they claim files.
pub(super) fn crates(packages: &[Package]) -> Vec<Crate> {
    let mut order: Vec<(&Target, &Package)> = packages
        .iter()
        .flat_map(|p| p.targets.iter().map(move |t| (t, p)))
        .collect();
    order.sort_by(|(a, p), (b, q)| {
        (a.kind, &p.dir, &a.root_path).cmp(&(b.kind, &q.dir, &b.root_path))
    });
    let mut taken = rustc_hash::FxHashSet::default();
    order.retain(|(target, _)| taken.insert(target.root));

    let mut libs = Libs::default();
    for ((target, package), id) in order.iter().zip(0..) {
        if target.kind == CrateKind::Lib {
            let lib = (CrateId(id), target.name.clone());
            libs.by_package
                .entry(underscored(&package.name))
                .or_default()
                .push(lib.clone());
            libs.by_dir.insert(&package.dir, lib);
        }
    }
    order
        .iter()
        .map(|(target, package)| {
            let specs = match target.kind {
                CrateKind::BuildScript => &package.build_deps,
                _ => &package.deps,
            };
            let mut deps = libs.deps(specs);
            let own = libs.by_dir.get(package.dir.as_str());
            if let Some((id, name)) =
                own.filter(|_| !matches!(target.kind, CrateKind::Lib | CrateKind::BuildScript))
            {
                deps.insert(
                    name.clone(),
                    Dep {
                        krate: Some(*id),
                        package: underscored(&package.name),
                    },
                );
            }
            Crate {
                name: target.name.clone(),
                package: package.name.clone(),
                edition: target.edition.unwrap_or(package.edition),
                kind: target.kind,
                root: target.root,
                deps,
                has_manifest: true,
                host: None,
            }
        })
        .collect()
}

/// The libraries of the workspace with their names in code.
#[derive(Default)]
struct Libs<'a> {
    by_dir: BTreeMap<&'a str, (CrateId, SmolStr)>,
    by_package: BTreeMap<SmolStr, Vec<(CrateId, SmolStr)>>,
}

impl Libs<'_> {
    fn deps(&self, specs: &[DepSpec]) -> BTreeMap<SmolStr, Dep> {
        let mut deps = BTreeMap::new();
        for spec in specs {
            let by_dir = spec
                .dir
                .as_ref()
                .and_then(|dir| self.by_dir.get(dir.as_str()));
            // Without a path the name must be the only one of the workspace
            // (`[patch]`, or a registry copy of a member).
            let found =
                by_dir.or_else(
                    || match self.by_package.get(&spec.package).map(Vec::as_slice) {
                        Some([only]) => Some(only),
                        _ => None,
                    },
                );
            let name = match found {
                Some((_, lib)) if !spec.renamed => lib.clone(),
                _ => spec.key.clone(),
            };
            deps.insert(
                name,
                Dep {
                    krate: found.map(|(id, _)| *id),
                    package: spec.package.clone(),
                },
            );
        }
        deps
    }
}

/// The package whose directory holds a file.
pub(super) fn nearest<'a>(packages: &'a [Package], path: &str) -> Option<&'a Package> {
    let mut dir = paths::dir_of(path).to_owned();
    for _ in 0..MAX_PARENTS {
        if let Ok(i) = packages.binary_search_by(|p| p.dir.as_str().cmp(&dir)) {
            return packages.get(i);
        }
        dir = paths::parent(&dir);
    }
    None
}

/// What loose files of a package may name.
pub(super) fn roots_of<'a>(package: &'a Package) -> impl Iterator<Item = u32> + 'a {
    package
        .targets
        .iter()
        .filter(|t| matches!(t.kind, CrateKind::Lib | CrateKind::Bin))
        .map(|t| t.root)
}
