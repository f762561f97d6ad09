//! What lies in a folder or an archive, read into memory with bounds.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::archive;
use crate::text;

/// A single file may have so many bytes.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// How much is read before a submission, or a whole course's download, is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of an archive.
    pub(crate) packed: u64,
    /// Bytes of all files that are looked at.
    pub(crate) total: u64,
    /// Bytes of what is not looked at: they cost time only.
    pub(crate) skipped: u64,
    /// Files.
    pub(crate) entries: usize,
}

/// Of one student.
pub(crate) const STUDENT: Bounds = Bounds {
    packed: 64 << 20,
    total: 32 << 20,
    skipped: 1 << 30,
    entries: 10_000,
};

/// Of a course's download in one archive.
pub(crate) const COURSE: Bounds = Bounds {
    packed: 4 << 30,
    total: 1 << 30,
    skipped: 16 << 30,
    entries: 1_000_000,
};

/// What is known of one file.
#[derive(Debug)]
pub(crate) enum Content {
    Rust(Vec<u8>),
    /// An archive within, not yet unpacked.
    Archive(Vec<u8>),
    /// Not looked at.
    Other,
    /// Would be looked at, but cannot be read: why.
    Broken(String),
}

/// Files by relative path, and what is to be said about them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: BTreeMap<String, Content>,
    pub(crate) notes: Vec<String>,
}

impl Found {
    /// A file alone.
    pub(crate) fn of(name: String, content: Content) -> Self {
        Found {
            files: BTreeMap::from([(name, content)]),
            notes: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, name: String, content: Content) {
        if self.files.contains_key(&name) {
            let name = text::clean(&name, 80);
            self.notes
                .push(format!("{name} is there twice: the last one counts"));
        }
        self.files.insert(name, content);
    }

    pub(crate) fn extend(&mut self, other: Found) {
        for (name, content) in other.files {
            self.insert(name, content);
        }
        self.notes.extend(other.notes);
    }

    /// Names of all Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &String> {
        let is_rust = |c: &Content| matches!(c, Content::Rust(_));
        self.files
            .iter()
            .filter_map(move |(name, content)| is_rust(content).then_some(name))
    }

    /// With what lies in archives, where there is no Rust file beside them.
    pub(crate) fn unpacked(mut self) -> Self {
        if self.rust().next().is_some() {
            return self;
        }
        let (archives, files) = self
            .files
            .into_iter()
            .partition(|(_, content)| matches!(content, Content::Archive(_)));
        self.files = files;
        let archives: BTreeMap<String, Content> = archives;
        for (name, content) in archives {
            let Content::Archive(bytes) = content else {
                continue;
            };
            match archive::read(&name, Cursor::new(&bytes), STUDENT) {
                Ok(inner) => {
                    self.notes.extend(inner.notes);
                    for (path, content) in inner.files {
                        // One archive in another is enough.
                        if !matches!(content, Content::Archive(_)) {
                            self.insert(format!("{name}/{path}"), content);
                        }
                    }
                }
                Err(error) => {
                    let why = format!("{}: {error:#}", text::clean(&name, 80));
                    self.insert(name, Content::Broken(why));
                }
            }
        }
        self
    }
}

/// `a/b.rs`: relative, no `..`, no other way out, nothing hidden in it.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty() && p != "." && p != ".." && !p.contains(['\\', ':', '\0']) && p.len() < 256
    };
    path.len() < 1024 && path.split('/').all(part)
}

/// What systems leave lying about: nobody handed it in.
pub(crate) fn is_litter(name: &str) -> bool {
    matches!(name, "target" | "__MACOSX" | "Thumbs.db" | "desktop.ini") || name.starts_with('.')
}

/// What a file's name says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rust,
    Archive,
    Other,
}

/// `None` in build directories and the like.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    if name.split('/').any(is_litter) {
        return None;
    }
    Some(if !is_plain_path(name) {
        Kind::Other
    } else if name.ends_with(".rs") {
        Kind::Rust
    } else if archive::is_archive(name) {
        Kind::Archive
    } else {
        Kind::Other
    })
}

/// Bytes of a file of that kind, and no more than it may have.
pub(crate) fn content(name: &str, kind: Kind, reader: impl Read) -> Content {
    let limit = match kind {
        Kind::Rust => MAX_FILE,
        Kind::Archive => STUDENT.packed,
        Kind::Other => return Content::Other,
    };
    let mut bytes = Vec::new();
    let name = text::clean(name, 80);
    match reader.take(limit + 1).read_to_end(&mut bytes) {
        Err(error) => Content::Broken(format!("{name} cannot be read: {error}")),
        Ok(size) if size as u64 > limit => {
            Content::Broken(format!("{name} has more than {limit} bytes"))
        }
        Ok(_) if kind == Kind::Rust => Content::Rust(bytes),
        Ok(_) => Content::Archive(bytes),
    }
}

/// A file on disk.
pub(crate) fn single(name: &str, path: &Path) -> Content {
    let Some(kind) = kind(name) else {
        return Content::Other;
    };
    match fs::File::open(path) {
        Ok(file) => content(name, kind, file),
        Err(error) => Content::Broken(format!("{} cannot be read: {error}", text::clean(name, 80))),
    }
}

/// All files below a folder; links are not followed.
///
/// # Errors
/// Where there are too many.
pub(crate) fn folder(path: &Path) -> Result<Found> {
    let mut found = Found::default();
    let mut total = 0;
    let walk = walkdir::WalkDir::new(path)
        .max_depth(16)
        .sort_by_file_name();
    for (count, entry) in walk.into_iter().enumerate() {
        ensure!(
            count < STUDENT.entries,
            "more than {} files",
            STUDENT.entries
        );
        let Ok(entry) = entry else {
            found.notes.push("something could not be read".to_owned());
            continue;
        };
        let relative = entry.path().strip_prefix(path).unwrap_or(entry.path());
        let name: Vec<_> = relative.iter().map(lossless).collect();
        let name = name.join("/");
        if entry.file_type().is_symlink() {
            let name = text::clean(&name, 80);
            found
                .notes
                .push(format!("{name} is a link and not followed"));
            continue;
        }
        if !entry.file_type().is_file() || kind(&name).is_none() {
            continue;
        }
        let content = single(&name, entry.path());
        if let Content::Rust(bytes) | Content::Archive(bytes) = &content {
            total += bytes.len() as u64;
        }
        ensure!(
            total <= STUDENT.packed,
            "the folder has more than {} bytes of Rust files and archives",
            STUDENT.packed
        );
        found.insert(name, content);
    }
    Ok(found)
}

/// A name as text, so that two different names stay different.
pub(crate) fn lossless(name: &OsStr) -> String {
    decoded(name.as_bytes())
}

/// Bytes that are no UTF-8 are written as `%E9`.
pub(crate) fn decoded(name: &[u8]) -> String {
    match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => name.utf8_chunks().fold(String::new(), |text, chunk| {
            let bytes = chunk.invalid().iter().map(|byte| format!("%{byte:02X}"));
            text + chunk.valid() + &bytes.collect::<String>()
        }),
    }
}

/// Opens an archive on disk.
///
/// # Errors
/// Where it is too large, or cannot be read.
pub(crate) fn packed(path: &Path, bounds: Bounds) -> Result<Found> {
    let name = lossless(path.file_name().unwrap_or_default());
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let size = file.metadata()?.len();
    ensure!(
        size <= bounds.packed,
        "the archive has more than {} bytes",
        bounds.packed
    );
    archive::read(&name, std::io::BufReader::new(file), bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths() {
        for good in ["a.rs", "src/a.rs", "a b/ü.rs", "..x/a.rs"] {
            assert!(is_plain_path(good), "{good}");
        }
        for bad in [
            "",
            "/a.rs",
            "../a.rs",
            "a/../b.rs",
            "a//b",
            "./a",
            "C:\\a",
            "a\0",
            "a/",
        ] {
            assert!(!is_plain_path(bad), "{bad:?}");
        }
    }

    #[test]
    fn build_directories_are_left_out() {
        assert_eq!(kind("x/src/lib.rs"), Some(Kind::Rust));
        assert_eq!(kind("target/debug/build/x/out/a.rs"), None);
        assert_eq!(kind("__MACOSX/src/._lib.rs"), None);
        assert_eq!(kind("build.sh"), Some(Kind::Other));
        assert_eq!(kind("work/all.tar.gz"), Some(Kind::Archive));
    }

    #[test]
    fn names_stay_apart() {
        assert_eq!(decoded("ü.rs".as_bytes()), "ü.rs");
        assert_eq!(decoded(b"lat\xe9in"), "lat%E9in");
        assert_ne!(decoded(b"lat\xe9in"), decoded(b"lat\xe8in"));
    }
}
