//! Which files a run looks at.
//!
//! Respects `.gitignore`, leaves out hidden files and build output, never
//! follows a symbolic link inside a directory (a loop is then no question),
//! and opens regular files only. Packages that `cargo vendor` put there are left
//! out and counted. Everything that looks like Rust source and is
//! left out for another reason is named.
//!
//! The analysis works with paths relative to one common directory, the
//! workspace root where there is one, so that modules are found by path;
//! people see paths relative to the directory they gave.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use conclint_rust::ManifestInput;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::{Error, Problem, Settings, manifests};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What shown paths are relative to; absolute.
    pub(crate) base: PathBuf,
    /// Sorted by `inner`.
    pub(crate) files: Vec<FoundFile>,
    pub(crate) manifests: Vec<ManifestInput>,
    /// Manifests as people see them, by the path the analysis works with.
    pub(crate) shown_manifests: Vec<(String, String)>,
    pub(crate) problems: Vec<Problem>,
}

/// A file to read.
#[derive(Debug)]
pub(crate) struct FoundFile {
    pub(crate) absolute: PathBuf,
    /// For the analysis: relative to the common directory.
    pub(crate) inner: String,
    /// For people: relative to the directory given.
    pub(crate) shown: String,
}

/// A path as given, and where it really is.
struct Root {
    absolute: PathBuf,
    is_dir: bool,
    /// What stands before the path inside it.
    prefix: String,
}

/// Finds the files below `paths`, or below the current directory, with as many
/// threads as the rayon pool around it has.
pub(crate) fn find(paths: &[PathBuf], settings: &Settings) -> Result<Found, Error> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut finder = Finder {
        exclude: excluder(settings),
        limit: settings.max_file_bytes,
        files: BTreeMap::new(),
        manifests: BTreeMap::new(),
        problems: Vec::new(),
    };
    let mut roots = Vec::new();
    for path in paths {
        if let Some(root) = finder.root(path, paths.len() == 1)? {
            roots.push(root);
        }
    }
    for root in &roots {
        if root.is_dir {
            finder.walk(root);
        } else if root.absolute.extension().is_some_and(|e| e == "rs") {
            finder
                .files
                .entry(root.absolute.clone())
                .or_insert_with(|| root.prefix.clone());
        } else {
            finder.problems.push(Problem::not_read(
                root.prefix.clone(),
                "not a Rust source file",
            ));
        }
    }
    for root in &roots {
        let dir = if root.is_dir {
            Some(root.absolute.as_path())
        } else {
            root.absolute.parent()
        };
        if let Some(dir) = dir {
            manifests::above(dir, settings.max_file_bytes, &mut finder.manifests);
        }
    }
    let base = match roots.as_slice() {
        [root] if root.is_dir && paths.len() == 1 => root.absolute.clone(),
        _ => std::env::current_dir()
            .and_then(fs::canonicalize)
            .unwrap_or_default(),
    };
    let mut found = finder.finish(&roots);
    found.base = base;
    Ok(found)
}

struct Finder {
    exclude: Option<Arc<Gitignore>>,
    limit: u64,
    /// Absolute path to shown path; the first path that reaches a file names it.
    files: BTreeMap<PathBuf, String>,
    manifests: BTreeMap<PathBuf, String>,
    problems: Vec<Problem>,
}

impl Finder {
    fn root(&mut self, path: &Path, alone: bool) -> Result<Option<Root>, Error> {
        let given = slashes(path);
        let (meta, absolute) =
            match fs::metadata(path).and_then(|m| Ok((m, fs::canonicalize(path)?))) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Error::NoSuchPath(path.to_owned()));
                }
                Err(error) => {
                    self.problems.push(Problem::not_read(given, reason(&error)));
                    return Ok(None);
                }
            };
        if !meta.is_dir() && !meta.is_file() {
            self.problems
                .push(Problem::not_read(given, "not a regular file"));
            return Ok(None);
        }
        let prefix = if meta.is_dir() && alone {
            String::new()
        } else {
            given
        };
        Ok(Some(Root {
            absolute,
            is_dir: meta.is_dir(),
            prefix,
        }))
    }

    fn walk(&mut self, root: &Root) {
        let exclude = self.exclude.clone();
        let vendored: Arc<Mutex<BTreeMap<PathBuf, usize>>> = Arc::default();
        let left_out = Arc::clone(&vendored);
        let walk = WalkBuilder::new(&root.absolute)
            // What a run finds depends on the tree alone, not on the machine.
            .git_global(false)
            .git_exclude(false)
            .require_git(false)
            .follow_links(false)
            .filter_entry(move |entry| {
                if entry.depth() == 0 {
                    return true;
                }
                if is_build_output(entry) || is_excluded(entry, exclude.as_deref()) {
                    return false;
                }
                if !is_vendored(entry) {
                    return true;
                }
                let dir = entry.path().parent().unwrap_or(entry.path());
                let mut left_out = left_out.lock().unwrap_or_else(PoisonError::into_inner);
                *left_out.entry(dir.to_owned()).or_default() += 1;
                false
            })
            .threads(rayon::current_num_threads())
            .build_parallel();
        let (sender, seen) = mpsc::channel();
        let limit = self.limit;
        walk.run(|| {
            let sender = sender.clone();
            Box::new(move |entry| {
                let seen = match entry {
                    Ok(entry) => see(root, limit, &entry),
                    Err(error) => {
                        let at = path_of(&error).map_or_else(String::new, |path| show(root, path));
                        let why = error
                            .io_error()
                            .map_or_else(|| "cannot be walked".to_owned(), reason);
                        Some(Seen::Problem(Problem::not_read(at, why)))
                    }
                };
                match seen.map(|seen| sender.send(seen)) {
                    // Nobody listens any more.
                    Some(Err(_)) => WalkState::Quit,
                    Some(Ok(())) | None => WalkState::Continue,
                }
            })
        });
        drop(sender);
        for seen in seen {
            match seen {
                Seen::Source(path, shown) => {
                    self.files.entry(path).or_insert(shown);
                }
                Seen::Manifest(dir, text) => {
                    self.manifests.insert(dir, text);
                }
                Seen::Problem(problem) => self.problems.push(problem),
            }
        }
        let vendored = vendored.lock().unwrap_or_else(PoisonError::into_inner);
        for (dir, count) in vendored.iter() {
            let packages = if *count == 1 { "package" } else { "packages" };
            self.problems.push(Problem::not_read(
                show(root, dir),
                format!(
                    "{count} {packages} put there by `cargo vendor`: give the directory of one to check it"
                ),
            ));
        }
    }

    fn finish(mut self, roots: &[Root]) -> Found {
        // Threads tell of them in any order.
        self.problems.sort();
        let dirs = roots
            .iter()
            .filter_map(|root| {
                if root.is_dir {
                    Some(&*root.absolute)
                } else {
                    root.absolute.parent()
                }
            })
            .chain(self.manifests.keys().map(PathBuf::as_path));
        let base = common(dirs);
        let inner = |path: &Path| slashes(path.strip_prefix(&base).unwrap_or(path));
        let mut files: Vec<FoundFile> = self
            .files
            .into_iter()
            .map(|(absolute, shown)| FoundFile {
                inner: inner(&absolute),
                absolute,
                shown,
            })
            .collect();
        files.sort_by(|a, b| a.inner.cmp(&b.inner));
        let shown_manifests = self
            .manifests
            .keys()
            .filter_map(|dir| {
                let file = dir.join("Cargo.toml");
                let root = roots
                    .iter()
                    .find(|root| root.is_dir && file.starts_with(&root.absolute))?;
                Some((inner(&file), show(root, &file)))
            })
            .collect();
        let manifests = self
            .manifests
            .into_iter()
            .map(|(dir, text)| ManifestInput {
                dir: inner(&dir),
                text,
            })
            .collect();
        Found {
            base: PathBuf::new(),
            files,
            manifests,
            shown_manifests,
            problems: self.problems,
        }
    }
}

/// What a directory has of interest.
enum Seen {
    /// Absolute, and as people see it.
    Source(PathBuf, String),
    /// Where it lies, and its text.
    Manifest(PathBuf, String),
    Problem(Problem),
}

fn see(root: &Root, limit: u64, entry: &DirEntry) -> Option<Seen> {
    let path = entry.path();
    let is_source = path.extension().is_some_and(|e| e == "rs");
    let is_manifest = entry.file_name() == "Cargo.toml";
    if !is_source && !is_manifest {
        return None;
    }
    let shown = show(root, path);
    let why = match entry.file_type() {
        Some(kind) if kind.is_file() && is_source => {
            return Some(Seen::Source(path.to_owned(), shown));
        }
        Some(kind) if kind.is_file() => match read_text(path, limit) {
            Ok(text) => return Some(Seen::Manifest(path.parent()?.to_owned(), text)),
            Err(why) => why,
        },
        Some(kind) if kind.is_dir() && entry.depth() == 0 => return None,
        Some(kind) if kind.is_dir() => "is a directory".to_owned(),
        Some(kind) if kind.is_symlink() => "a symbolic link, not followed".to_owned(),
        _ => "not a regular file".to_owned(),
    };
    Some(Seen::Problem(Problem::not_read(shown, why)))
}

/// The text of a regular file of at most `limit` bytes, or why not.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|e| reason(&e))?;
    let size = file.metadata().map_err(|e| reason(&e))?.len();
    let too_large = || format!("too large: more than {limit} bytes (`max-file-bytes`)");
    if size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    // It may grow while it is read.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| reason(&e))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| format!("not UTF-8 (byte {})", e.utf8_error().valid_up_to()))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// `permission denied`: what the system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

/// A directory `target` beside a `Cargo.toml`, or marked as a cache.
fn is_build_output(entry: &DirEntry) -> bool {
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return false;
    }
    let path = entry.path();
    let beside_manifest = entry.file_name() == "target"
        && path
            .parent()
            .is_some_and(|dir| dir.join("Cargo.toml").is_file());
    beside_manifest || path.join("CACHEDIR.TAG").is_file()
}

/// A package of somebody else that `cargo vendor` has put there: it says so.
/// (The Cargo Book, "Source Replacement", directory sources.)
fn is_vendored(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
        && entry.path().join(".cargo-checksum.json").is_file()
}

fn is_excluded(entry: &DirEntry, exclude: Option<&Gitignore>) -> bool {
    let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
    exclude.is_some_and(|globs| {
        entry.path().starts_with(globs.path()) && globs.matched(entry.path(), is_dir).is_ignore()
    })
}

/// The globs were tried out when the configuration was read.
fn excluder(settings: &Settings) -> Option<Arc<Gitignore>> {
    if settings.exclude.is_empty() {
        return None;
    }
    let root = settings
        .root
        .clone()
        .or_else(|| std::env::current_dir().ok())?;
    let mut builder = GitignoreBuilder::new(fs::canonicalize(&root).unwrap_or(root));
    for glob in &settings.exclude {
        builder.add_line(None, glob).ok()?;
    }
    builder.build().ok().map(Arc::new)
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(errors) => errors.iter().find_map(path_of),
        _ => None,
    }
}

/// A path below `root` for people.
fn show(root: &Root, path: &Path) -> String {
    let below = slashes(path.strip_prefix(&root.absolute).unwrap_or(path));
    match (root.prefix.as_str(), below.as_str()) {
        ("", "") => ".".to_owned(),
        ("", below) => below.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, below) => format!("{}/{below}", prefix.trim_end_matches('/')),
    }
}

/// A path as text, with `/` and without `.`.
pub fn slashes(path: &Path) -> String {
    let mut out = String::new();
    for part in path.components() {
        let text = match part {
            Component::RootDir => {
                out.push('/');
                continue;
            }
            Component::CurDir => continue,
            part => part.as_os_str().to_string_lossy(),
        };
        if !out.is_empty() && !out.ends_with('/') {
            out.push('/');
        }
        out.push_str(&text);
    }
    out
}

fn common<'a>(mut dirs: impl Iterator<Item = &'a Path>) -> PathBuf {
    let mut base = dirs.next().map_or_else(PathBuf::new, Path::to_owned);
    for dir in dirs {
        while !dir.starts_with(&base) && base.pop() {}
    }
    base
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
