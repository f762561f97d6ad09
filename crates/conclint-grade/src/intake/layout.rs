//! Whose is what: folders, single files and archives side by side, as a teacher keeps them, and as
//! Canvas and Moodle hand them out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::names::{self, Label, label};
use super::tree::{COURSE, Content, Found, STUDENT, folder, is_litter, lossless, packed, single};
use super::{Submission, archive};
use crate::assignment::Assignment;
use crate::text;

/// One of the things that lie side by side.
struct Part {
    name: String,
    body: Body,
}

enum Body {
    Disk(PathBuf),
    /// Out of an archive.
    Folder(Found),
    File(Content),
}

/// Submissions, and what was found beside them.
pub(super) type Students = (Vec<Submission>, Vec<String>);

/// Everything in a directory of submissions.
pub(super) fn directory(assignment: &Assignment, path: &Path) -> Result<Students> {
    let mut parts = Vec::new();
    let mut left = Vec::new();
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = lossless(&entry.file_name());
        let kind = entry.file_type()?;
        if matches!(
            name.as_str(),
            ".DS_Store" | ".git" | ".gitignore" | names::TIMES
        ) {
            continue;
        }
        if is_litter(&name) || kind.is_symlink() || kind.is_file() && is_beside(&name) {
            left.push(text::clean(&name, 80));
            continue;
        }
        let body = Body::Disk(entry.path());
        parts.push(Part { name, body });
    }
    left.sort();
    Ok((students(assignment, parts), left))
}

/// A file that teachers keep beside submissions.
fn is_beside(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let front = ["readme", "license", "index.html"];
    let ends = [
        ".csv", ".tsv", ".xlsx", ".ods", ".json", ".toml", ".yml", ".yaml", ".sh", ".log",
    ];
    !label(name).known
        && (front.iter().any(|f| lower.starts_with(f)) || ends.iter().any(|e| lower.ends_with(e)))
}

/// Everything in an archive: the work of many, or of one.
pub(super) fn archive(assignment: &Assignment, path: &Path) -> Students {
    // What is damaged is one student's until it can be read.
    let found = packed(path, COURSE).unwrap_or_default();
    let Some(front) = course(assignment, &found) else {
        return (vec![one(assignment, path)], Vec::new());
    };
    let mut folders: BTreeMap<String, Found> = BTreeMap::new();
    let mut parts = Vec::new();
    let mut left = found.notes;
    for (name, content) in found.files {
        let Some(name) = name.strip_prefix(&front) else {
            left.push(text::clean(&name, 80));
            continue;
        };
        match name.split_once('/') {
            Some((top, rest)) => {
                let folder = folders.entry(top.to_owned()).or_default();
                folder.insert(rest.to_owned(), content);
            }
            None if is_beside(name) => left.push(text::clean(name, 80)),
            None => parts.push(Part {
                name: name.to_owned(),
                body: Body::File(content),
            }),
        }
    }
    parts.extend(folders.into_iter().map(|(name, found)| Part {
        name,
        body: Body::Folder(found),
    }));
    (students(assignment, parts), left)
}

/// Whether an archive holds many students' work, and below which folder: a course system's names,
/// or two and more things side by side that could each be somebody's work.
fn course(assignment: &Assignment, found: &Found) -> Option<String> {
    let names: Vec<&str> = found.files.keys().map(String::as_str).collect();
    let mut front = String::new();
    loop {
        let below = || names.iter().filter_map(|name| name.strip_prefix(&front));
        let tops: BTreeSet<&str> = below().filter_map(|name| name.split('/').next()).collect();
        if tops.iter().any(|top| label(top).known) {
            return Some(front);
        }
        let main = assignment.main_file();
        let last = main.rsplit('/').next().unwrap_or(main);
        // One project, whatever else lies in it.
        if below().any(|name| name == main || name == last || name.starts_with("src/")) {
            return None;
        }
        let own = |top: &&&str| {
            let inside = |name: &str| {
                name.strip_prefix(**top)
                    .and_then(|rest| rest.strip_prefix('/'))
                    .is_some_and(|rest| rest.rsplit('/').next() == Some(last))
            };
            archive::is_archive(top) || below().any(inside) || is_own_file(top)
        };
        if tops.iter().filter(own).count() > 1 {
            return Some(front);
        }
        match tops.iter().collect::<Vec<_>>()[..] {
            [one] if below().any(|name| name != *one) => {
                front = format!("{front}{one}/");
            }
            _ => return None,
        }
    }
}

/// `ann.rs`, as no part of a project is called.
fn is_own_file(name: &str) -> bool {
    name.ends_with(".rs") && !matches!(name, "main.rs" | "lib.rs" | "mod.rs" | "build.rs")
}

/// Puts together what belongs to one student.
fn students(assignment: &Assignment, mut parts: Vec<Part>) -> Vec<Submission> {
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    let mut grouped: BTreeMap<String, Vec<(Part, Label)>> = BTreeMap::new();
    for part in parts {
        let label = label(&part.name);
        let key = if label.known {
            format!("{}_{}", label.person.name, label.person.id)
        } else {
            // No label has this in it.
            format!("{}\0", part.name)
        };
        grouped.entry(key).or_default().push((part, label));
    }
    let mut list = Vec::new();
    let mut ids = BTreeSet::new();
    for (key, mut parts) in grouped {
        parts.sort_by_key(|(_, label)| label.serial);
        let mut submission = together(assignment, key.trim_end_matches('\0'), parts);
        let id = submission.id.clone();
        let more = (2..).map(|n| format!("{id}-{n}"));
        if let Some(id) = std::iter::once(id.clone())
            .chain(more)
            .find(|id| ids.insert(id.clone()))
        {
            submission.id = id;
        }
        list.push(submission);
    }
    list
}

fn together(assignment: &Assignment, key: &str, parts: Vec<(Part, Label)>) -> Submission {
    let mut submission = Submission::new(key);
    if let [(part, label), ..] = parts.as_slice() {
        submission.name = text::clean(&part.name, 200);
        submission.person = label.person.clone();
    }
    if parts.iter().any(|(_, label)| label.late) {
        submission.submitted_at = Some(names::LATE.to_owned());
        submission.notes.push(format!(
            "its name says that it is late; the time can be given in {}",
            names::TIMES
        ));
    }
    let mut all = Found::default();
    // The number of each file of a student that Canvas has numbered.
    let mut latest: BTreeMap<String, u32> = BTreeMap::new();
    for (part, label) in parts {
        let known = label.known;
        let (name, number) = match label.file {
            Some(file) if known => names::attempt(&file),
            _ => (part.name.replace(['/', '\\', ':'], "_"), 0),
        };
        if latest.get(&name).is_some_and(|last| *last > number) {
            let earlier = text::clean(&part.name, 80);
            submission
                .notes
                .push(format!("{earlier} is an earlier one"));
            continue;
        }
        match part.body.read(&name) {
            Err(error) => submission.refused = Some(text::clean(&format!("{error:#}"), 300)),
            Ok(found) => all.extend(found),
        }
        latest.insert(name, number);
    }
    submission.choose(assignment, all.unpacked());
    submission
}

impl Body {
    /// The files; a single one is called `name`.
    fn read(self, name: &str) -> Result<Found> {
        match self {
            Body::Disk(path) if path.is_dir() => folder(&path),
            Body::Disk(path) if archive::is_archive(name) => packed(&path, STUDENT),
            Body::Disk(path) => Ok(Found::of(name.to_owned(), single(name, &path))),
            Body::Folder(found) => Ok(found),
            Body::File(content) => Ok(Found::of(name.to_owned(), content)),
        }
    }
}

/// One submission, whatever lies there.
pub(super) fn one(assignment: &Assignment, path: &Path) -> Submission {
    let name = lossless(path.file_name().unwrap_or_default());
    let label = Label {
        person: label(&name).person,
        ..Label::default()
    };
    let body = Body::Disk(path.to_owned());
    let key = name.clone();
    together(assignment, &key, vec![(Part { name, body }, label)])
}
