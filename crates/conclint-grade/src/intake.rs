//! From whatever a course system hands out to submissions: named sets of allow-listed files in
//! memory. Nothing is ever unpacked to disk, linked or run.
//!
//! Layouts, each found by itself: one folder a student (any depth inside, so a whole project or
//! only its files), one `.rs` file a student, archives of either, Canvas's and Moodle's downloads
//! (the student's name is taken from the file's or folder's name), all of these in one archive, and
//! Gradescope's `/autograder`.

mod archive;
mod gradescope;
mod layout;
mod names;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::assignment::Assignment;
use crate::text;
use tree::{Content, Found};

pub use names::{LATE, Origin, Person};
pub use tree::is_plain_path;

/// What one student handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Unique, fit for a file name.
    pub id: String,
    /// As the course system named the submission.
    pub name: String,
    /// Who, as far as the names tell.
    pub person: Person,
    /// When, RFC 3339, where it is known; [`LATE`] where only that is.
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
            person: names::label(name).person,
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

    /// The files of the assignment among all that were found: by the whole path below a common
    /// folder, otherwise by the file's name alone where there is only one of it.
    fn choose(&mut self, assignment: &Assignment, mut found: Found) {
        self.notes.append(&mut found.notes);
        if self.refused.is_some() {
            return;
        }
        let mut taken = Vec::new();
        for wanted in &assignment.manifest.files {
            match candidates(&found, wanted, assignment.manifest.files.len() == 1).as_slice() {
                [] => self.refused = Some(missing(&found, wanted)),
                [one] => taken.push((wanted.clone(), (*one).clone())),
                many => {
                    let names = some(many.iter().map(|name| name.as_str()));
                    self.refused = Some(format!("{} files could be {wanted}: {names}", many.len()));
                }
            }
        }
        for (wanted, name) in taken {
            if name != wanted {
                let name = text::clean(&name, 80);
                self.notes.push(format!("{name} is taken for {wanted}"));
            }
            match found.files.remove(&name) {
                Some(Content::Rust(bytes)) => {
                    self.files.insert(wanted, bytes);
                }
                Some(Content::Broken(why)) => self.refused = Some(why),
                _ => {}
            }
        }
        let left: Vec<&str> = found.rust().map(String::as_str).collect();
        if !left.is_empty() {
            self.notes
                .push(format!("not used: {}", some(left.into_iter())));
        }
    }
}

/// Files that could be the one that is wanted.
fn candidates<'a>(found: &'a Found, wanted: &str, alone: bool) -> Vec<&'a String> {
    let last = wanted.rsplit('/').next().unwrap_or(wanted);
    let ends = |name: &str, end: &str| {
        name == end
            || name
                .strip_suffix(end)
                .is_some_and(|rest| rest.ends_with('/'))
    };
    let files: Vec<&String> = found
        .files
        .iter()
        .filter(|(_, content)| matches!(content, Content::Rust(_) | Content::Broken(_)))
        .map(|(name, _)| name)
        .collect();
    let of = |end: &str| -> Vec<&String> {
        let hits = files.iter().filter(|name| ends(name, end));
        hits.copied().collect()
    };
    let mut hits = of(wanted);
    if hits.is_empty() {
        hits = of(last);
    }
    if hits.is_empty() && alone && files.len() == 1 {
        hits = files;
    }
    // What lies least deep is meant; two at one depth are not guessed between.
    let depth = |name: &str| name.matches('/').count();
    let least = hits.iter().map(|name| depth(name)).min();
    hits.retain(|name| Some(depth(name)) == least);
    hits
}

/// Why there is no such file, with what there is.
fn missing(found: &Found, wanted: &str) -> String {
    let broken = found.files.values().find_map(|content| match content {
        Content::Broken(why) => Some(why.clone()),
        _ => None,
    });
    if let Some(why) = broken {
        return why;
    }
    let foreign = found.files.keys().find(|name| archive::is_foreign(name));
    if let Some(name) = foreign {
        let name = text::clean(name, 80);
        return format!("{name} cannot be unpacked: zip, tar and tar.gz can");
    }
    if found.files.is_empty() {
        return format!("{wanted} is missing: nothing was handed in");
    }
    let names = some(found.files.keys().map(String::as_str));
    format!("{wanted} is missing: there is {names}")
}

/// The first names of a list, and how many more there are.
fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| text::clean(name, 80)).collect();
    let first = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(3) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// What was read: submissions, and what lay beside them.
#[derive(Clone, Debug)]
pub struct Intake {
    /// By id.
    pub submissions: Vec<Submission>,
    /// Names of files that were not taken for submissions, and what is to be said of an archive of
    /// many.
    pub left_out: Vec<String>,
}

/// Reads every submission at `path`, sorted by id.
///
/// # Errors
/// Where `path` itself cannot be read or holds nothing. A submission that cannot be read says so
/// itself and stops nobody.
pub fn read(assignment: &Assignment, path: &Path) -> Result<Intake> {
    ensure!(path.exists(), "no submissions at {}", path.display());
    let (mut submissions, left_out) = if gradescope::is_here(path) {
        (vec![gradescope::read(assignment, path)?], Vec::new())
    } else if path.join(assignment.main_file()).is_file() {
        // A project, and not a folder of them.
        (vec![layout::one(assignment, path)], Vec::new())
    } else if path.is_dir() {
        let (mut list, left) = layout::directory(assignment, path)?;
        names::times(&path.join(names::TIMES), &mut list)?;
        (list, left)
    } else {
        layout::archive(assignment, path)
    };
    if submissions.is_empty() {
        bail!("no submission in {}", path.display());
    }
    submissions.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Intake {
        submissions,
        left_out,
    })
}

/// One submission, whatever `path` is.
///
/// # Errors
/// Where there is nothing at `path`.
pub fn read_one(assignment: &Assignment, path: &Path) -> Result<Submission> {
    ensure!(path.exists(), "no submission at {}", path.display());
    Ok(layout::one(assignment, path))
}
