//! From whatever a course system hands out to submissions: named sets of allow-listed files in
//! memory. Nothing is ever unpacked to disk, linked or run.
//!
//! Layouts, each found by itself: one folder a student (any depth inside, so a whole project or
//! only its files), one `.rs` file a student, archives of either, Canvas's and Moodle's downloads
//! (the student's name is taken from the file's or folder's name), and Gradescope's `/autograder`.

mod archive;
mod names;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::assignment::Assignment;
use crate::text;

pub use names::Person;

/// A single file may have so many bytes.
const MAX_FILE: u64 = 1 << 20;
/// So many files of a submission are looked at.
const MAX_ENTRIES: usize = 10_000;

/// What one student handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Unique, fit for a file name.
    pub id: String,
    /// As the course system named the submission.
    pub name: String,
    /// Who, as far as the names tell.
    pub person: Person,
    /// When, RFC 3339, where it is known.
    pub submitted_at: Option<String>,
    /// Allow-listed files by their name in the assignment.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Why it cannot be graded.
    pub refused: Option<String>,
    /// What was left out or guessed.
    pub notes: Vec<String>,
}

impl Submission {
    fn new(name: &str) -> Self {
        Submission {
            id: text::file_name(name),
            name: text::clean(name, 200),
            person: names::person(name),
            submitted_at: None,
            files: BTreeMap::new(),
            refused: None,
            notes: Vec::new(),
        }
    }

    /// SHA-256 over the allow-listed files and the refusal.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut parts: Vec<&[u8]> = Vec::new();
        for (name, bytes) in &self.files {
            parts.extend([name.as_bytes(), bytes.as_slice()]);
        }
        parts.extend(self.refused.as_deref().map(str::as_bytes));
        text::hash(parts)
    }

    /// A submission from files that are known to be the assignment's.
    #[must_use]
    pub fn of(name: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        Submission {
            files,
            ..Submission::new(name)
        }
    }

    /// Takes what the assignment asks for out of a file, folder or archive.
    fn take(&mut self, assignment: &Assignment, path: &Path) {
        let result = if path.is_dir() {
            folder(path).map(|found| self.choose(assignment, found))
        } else if archive::is_archive(path) {
            archive::read(path).map(|found| self.choose(assignment, found))
        } else {
            single(path).map(|bytes| {
                self.files.insert(assignment.main_file().to_owned(), bytes);
            })
        };
        if let Err(error) = result {
            self.refused = Some(text::clean(&format!("{error:#}"), 300));
        }
    }

    /// The files of the assignment among all that were found: by the whole path below a common
    /// folder, otherwise by the file's name alone where there is only one of it.
    fn choose(&mut self, assignment: &Assignment, found: Found) {
        self.notes.extend(found.notes);
        for wanted in &assignment.manifest.files {
            let last = wanted.rsplit('/').next().unwrap_or(wanted);
            let ends = |name: &str, end: &str| {
                name == end
                    || name
                        .strip_suffix(end)
                        .is_some_and(|rest| rest.ends_with('/'))
            };
            let mut hits: Vec<_> = found
                .files
                .keys()
                .filter(|name| ends(name, wanted))
                .collect();
            if hits.is_empty() {
                hits = found.files.keys().filter(|name| ends(name, last)).collect();
            }
            let rust: Vec<_> = found.files.keys().filter(|n| n.ends_with(".rs")).collect();
            if hits.is_empty() && assignment.manifest.files.len() == 1 && rust.len() == 1 {
                hits = rust;
            }
            // What lies least deep is meant; two at one depth are not guessed between.
            let depth = |name: &&&String| name.matches('/').count();
            let least = hits.iter().map(|h| depth(&h)).min();
            hits.retain(|h| Some(depth(&h)) == least);
            match hits.as_slice() {
                [] => {}
                [one] => {
                    let bytes = found.files.get(*one).cloned().unwrap_or_default();
                    if ***one != **wanted {
                        self.notes.push(format!("{one} is taken for {wanted}"));
                    }
                    self.files.insert(wanted.clone(), bytes);
                }
                many => {
                    self.refused = Some(format!("{} files could be {wanted}", many.len()));
                }
            }
        }
        let taken = self.files.len();
        if found.files.len() > taken {
            let left = found.files.len() - taken;
            self.notes.push(format!("{left} other files are not used"));
        }
    }
}

/// Files by relative path, and what is to be said about them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) notes: Vec<String>,
}

/// `a/b.rs`: relative, no `..`, no other way out, nothing hidden in it.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty() && p != "." && p != ".." && !p.contains(['\\', ':', '\0']) && p.len() < 256
    };
    path.len() < 1024 && path.split('/').all(part)
}

fn single(path: &Path) -> Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    ensure!(size <= MAX_FILE, "the file has more than {MAX_FILE} bytes");
    Ok(fs::read(path)?)
}

fn folder(path: &Path) -> Result<Found> {
    let mut found = Found::default();
    let walk = walkdir::WalkDir::new(path)
        .max_depth(16)
        .sort_by_file_name();
    for (count, entry) in walk.into_iter().enumerate() {
        ensure!(count < MAX_ENTRIES, "more than {MAX_ENTRIES} files");
        let Ok(entry) = entry else {
            found.notes.push("something could not be read".to_owned());
            continue;
        };
        let relative = entry.path().strip_prefix(path).unwrap_or(entry.path());
        let name: Vec<_> = relative.iter().map(|p| p.to_string_lossy()).collect();
        let name = name.join("/");
        if entry.file_type().is_symlink() {
            let name = text::clean(&name, 80);
            found
                .notes
                .push(format!("{name} is a link and not followed"));
            continue;
        }
        if !entry.file_type().is_file() || !wanted(&name) {
            continue;
        }
        let bytes = single(entry.path()).with_context(|| text::clean(&name, 80))?;
        found.files.insert(name, bytes);
    }
    Ok(found)
}

/// Rust files outside of build directories.
pub(crate) fn wanted(name: &str) -> bool {
    let mut parts = name.split('/');
    name.ends_with(".rs")
        && is_plain_path(name)
        && !parts.any(|p| matches!(p, "target" | "__MACOSX" | ".git") || p.starts_with("._"))
}

/// Reads every submission at `path`, sorted by id.
///
/// # Errors
/// Where `path` itself cannot be read or holds nothing. A submission that cannot be read says so
/// itself and stops nobody.
pub fn read(assignment: &Assignment, path: &Path) -> Result<Vec<Submission>> {
    let mut list = Vec::new();
    if path.join("submission_metadata.json").is_file() {
        list.push(gradescope(assignment, path)?);
    } else if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .collect::<Result<_, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_link = entry.file_type().is_ok_and(|t| t.is_symlink());
            if name.starts_with('.') || name == names::TIMES || is_link {
                continue;
            }
            let mut submission = Submission::new(&name);
            submission.take(assignment, &entry.path());
            list.push(submission);
        }
        names::merge(&mut list);
        names::times(&path.join(names::TIMES), &mut list)?;
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if archive::is_archive(path) && archive::many(path) {
            list = archive::split(assignment, path)?;
        } else {
            let mut submission = Submission::new(&name);
            submission.take(assignment, path);
            list.push(submission);
        }
    }
    ensure!(!list.is_empty(), "no submission in {}", path.display());
    list.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(list)
}

/// One submission, whatever `path` is.
///
/// # Errors
/// Where there is nothing at `path`.
pub fn read_one(assignment: &Assignment, path: &Path) -> Result<Submission> {
    ensure!(path.exists(), "no submission at {}", path.display());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut submission = Submission::new(&name);
    submission.take(assignment, path);
    Ok(submission)
}

/// `/autograder`, with `submission/` and the metadata beside it.
fn gradescope(assignment: &Assignment, path: &Path) -> Result<Submission> {
    let file = path.join("submission_metadata.json");
    let text = fs::read_to_string(&file)?;
    let data: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    let id = data["id"].to_string();
    let mut submission = Submission::new(&format!("gradescope-{}", id.trim_matches('"')));
    submission.submitted_at = data["created_at"].as_str().map(str::to_owned);
    let user = &data["users"][0];
    let field = |key: &str| user[key].as_str().map(|t| text::clean(t, 200));
    submission.person = Person {
        name: field("name").unwrap_or_default(),
        email: field("email").unwrap_or_default(),
        id: user["id"].to_string().trim_matches('"').to_owned(),
    };
    submission.take(assignment, &path.join("submission"));
    Ok(submission)
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
        assert!(wanted("x/src/lib.rs"));
        assert!(!wanted("target/debug/build/x/out/a.rs"));
        assert!(!wanted("__MACOSX/src/._lib.rs"));
        assert!(!wanted("build.sh"));
    }
}
