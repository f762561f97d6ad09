//! What names of files and folders tell: Canvas, Moodle, plain names, and a table of times.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Submission;
use crate::text;

/// The optional table beside the submissions: `id,submitted_at`, and `name`, `email` if wanted.
pub(crate) const TIMES: &str = "submissions.csv";

/// Who handed something in, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// For people.
    pub name: String,
    /// Empty where unknown.
    pub email: String,
    /// In the course system; empty where unknown.
    pub id: String,
}

/// Reads a person from the name of a file or folder.
///
/// Canvas: `doejane_LATE_12345_67890_lib.rs`. Moodle: `Jane Doe_12345_assignsubmission_file_`.
pub(crate) fn person(name: &str) -> Person {
    let clean = |t: &str| text::clean(t, 200);
    if let Some((front, _)) = name.split_once("_assignsubmission_")
        && let Some((who, id)) = front.rsplit_once('_')
    {
        return Person {
            name: clean(who),
            email: String::new(),
            id: clean(id),
        };
    }
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('_').filter(|p| *p != "LATE").collect();
    if let [who, user, submission, _, ..] = parts.as_slice()
        && digits(user)
        && digits(submission)
    {
        return Person {
            name: clean(who),
            email: String::new(),
            id: clean(user),
        };
    }
    let stem = name.split('.').next().unwrap_or(name);
    Person {
        name: clean(stem),
        ..Person::default()
    }
}

/// Canvas hands out several files of one student side by side: puts them together.
pub(crate) fn merge(list: &mut Vec<Submission>) {
    let mut merged: Vec<Submission> = Vec::new();
    for submission in list.drain(..) {
        let same = merged.iter_mut().find(|m| {
            !m.person.id.is_empty() && m.person == submission.person && m.person.name != m.name
        });
        match same {
            Some(first) => {
                let overlap = submission.files.keys().any(|f| first.files.contains_key(f));
                if overlap {
                    first
                        .notes
                        .push(format!("{} comes on top of it", submission.name));
                }
                first.files.extend(submission.files);
                first.notes.extend(submission.notes);
                first.refused = first.refused.take().or(submission.refused);
            }
            None => merged.push(submission),
        }
    }
    *list = merged;
}

/// Takes times and persons from the table, where there is one.
pub(crate) fn times(path: &Path, list: &mut [Submission]) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let headers = reader.headers()?.clone();
    for row in reader.records() {
        let row = row.with_context(|| format!("{}", path.display()))?;
        let field = |name: &str| {
            let at = headers.iter().position(|h| h.trim() == name)?;
            let value = row.get(at)?.trim();
            (!value.is_empty()).then(|| text::clean(value, 200))
        };
        let Some(id) = field("id") else { continue };
        let stem = |s: &Submission| s.name.split('.').next().map(str::to_owned);
        let hit = list.iter_mut().find(|s| {
            s.id == id || s.name == id || s.person.id == id || stem(s).as_deref() == Some(&id)
        });
        if let Some(submission) = hit {
            submission.submitted_at = field("submitted_at");
            if let Some(name) = field("name") {
                submission.person.name = name;
            }
            if let Some(email) = field("email") {
                submission.person.email = email;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems() {
        let canvas = person("doejane_LATE_12345_67890_lib-1.rs");
        assert_eq!(
            (canvas.name.as_str(), canvas.id.as_str()),
            ("doejane", "12345")
        );
        let canvas = person("doejane_12345_67890_src.zip");
        assert_eq!(
            (canvas.name.as_str(), canvas.id.as_str()),
            ("doejane", "12345")
        );
        let moodle = person("Jane Doe_4711_assignsubmission_file_");
        assert_eq!(
            (moodle.name.as_str(), moodle.id.as_str()),
            ("Jane Doe", "4711")
        );
        assert_eq!(person("ann_lee.rs").name, "ann_lee");
    }
}
