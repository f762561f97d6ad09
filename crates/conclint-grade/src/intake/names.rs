//! What names of files and folders tell: Canvas, Moodle, plain names, and a table of times.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::Submission;
use crate::text;

/// The optional table beside the submissions: `id,submitted_at`, and `name`, `email` if wanted.
pub(crate) const TIMES: &str = "submissions.csv";

/// In the place of a time, where all that is known is that it was too late.
pub const LATE: &str = "LATE";

/// The course system that a submission was downloaded from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// No name tells.
    #[default]
    Unknown,
    /// Canvas.
    Canvas,
    /// Moodle.
    Moodle,
    /// Gradescope.
    Gradescope,
}

/// Who handed something in, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// For people.
    pub name: String,
    /// Empty where unknown.
    pub email: String,
    /// In the course system; empty where unknown.
    pub id: String,
    /// Whose the id is: it says nothing to another system.
    pub origin: Origin,
}

/// What the name of one file or folder of a download tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) person: Person,
    /// The course system says that it came after the due date.
    pub(crate) late: bool,
    /// How the student called the file, where that is a part of the name.
    pub(crate) file: Option<String>,
    /// Canvas's number of the file: the later, the larger.
    pub(crate) serial: u64,
    /// A course system gave the name: all with the same person belong together.
    pub(crate) known: bool,
}

/// Reads the name of a file or folder.
///
/// Canvas: `doejane_LATE_12345_67890_lib.rs`, `anon_Ab1cD_67890_lib.rs` where names are hidden.
/// Moodle: `Jane Doe_12345_assignsubmission_file_`, a folder, or without folders
/// `Jane Doe_12345_assignsubmission_file_lib.rs`.
pub(crate) fn label(name: &str) -> Label {
    let clean = |t: &str| text::clean(t, 200);
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let known = |origin, name: &str, id: &str, file: &str, late| Label {
        person: Person {
            name: clean(name),
            email: String::new(),
            id: clean(id),
            origin,
        },
        late,
        file: (!file.is_empty()).then(|| file.to_owned()),
        known: true,
        serial: 0,
    };
    if let Some((front, rest)) = name.split_once("_assignsubmission_")
        && let Some((who, id)) = front.rsplit_once('_')
    {
        let (_kind, file) = rest.split_once('_').unwrap_or((rest, ""));
        return known(Origin::Moodle, who, id, file, false);
    }
    let parts: Vec<&str> = name.split('_').collect();
    for at in 1..parts.len() {
        let (who, rest) = parts.split_at(at);
        let late = rest.first() == Some(&"LATE");
        let rest = rest.get(usize::from(late)..).unwrap_or_default();
        let anonymous = who.len() == 2 && who.first() == Some(&"anon");
        let (id, serial, file) = match rest {
            [id, serial, file @ ..] if digits(id) && digits(serial) => (*id, *serial, file),
            [serial, file @ ..] if anonymous && digits(serial) => (who[1], *serial, file),
            _ => continue,
        };
        if !file.is_empty() {
            let label = known(Origin::Canvas, &who.join("_"), id, &file.join("_"), late);
            let serial = serial.parse().unwrap_or(u64::MAX);
            return Label { serial, ..label };
        }
    }
    Label {
        person: Person {
            name: clean(stem(name)),
            ..Person::default()
        },
        ..Label::default()
    }
}

/// Without what says of what kind the file is.
fn stem(name: &str) -> &str {
    let ends = [".rs", ".zip", ".tar.gz", ".tgz", ".tar"];
    ends.iter()
        .find_map(|end| name.strip_suffix(end))
        .filter(|stem| !stem.is_empty())
        .unwrap_or(name)
}

/// `lib-2.rs` is the third `lib.rs` that a student handed in: Canvas numbers them. The name as it
/// was, and the number.
pub(crate) fn attempt(file: &str) -> (String, u32) {
    let (stem, end) = file.split_once('.').unwrap_or((file, ""));
    if let Some((front, number)) = stem.rsplit_once('-')
        && !front.is_empty()
        && let Ok(number) = number.parse()
    {
        return (format!("{front}.{end}"), number);
    }
    (file.to_owned(), 0)
}

/// Takes times and persons from the table, where there is one.
///
/// # Errors
/// Where it cannot be read.
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
        let hit = list
            .iter_mut()
            .find(|s| s.id == id || s.name == id || s.person.id == id || stem(&s.name) == id);
        if let Some(submission) = hit {
            submission.submitted_at = field("submitted_at").or(submission.submitted_at.take());
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
        let who = |name: &str| {
            let label = label(name);
            let file = label.file.unwrap_or_default();
            format!(
                "{}|{}|{file}|{}|{:?}",
                label.person.name, label.person.id, label.late, label.person.origin
            )
        };
        for (name, told) in [
            (
                "doejane_LATE_12345_67890_lib-1.rs",
                "doejane|12345|lib-1.rs|true|Canvas",
            ),
            (
                "doejane_12345_67890_my_src.zip",
                "doejane|12345|my_src.zip|false|Canvas",
            ),
            (
                "de_la_cruz_12345_67890_lib.rs",
                "de_la_cruz|12345|lib.rs|false|Canvas",
            ),
            (
                "anon_Ab1cD_LATE_67890_lib.rs",
                "anon_Ab1cD|Ab1cD|lib.rs|true|Canvas",
            ),
            (
                "Jane Doe_4711_assignsubmission_file_",
                "Jane Doe|4711||false|Moodle",
            ),
            (
                "Jane Doe_4711_assignsubmission_file",
                "Jane Doe|4711||false|Moodle",
            ),
            (
                "Jane Doe_4711_assignsubmission_file_lib.rs",
                "Jane Doe|4711|lib.rs|false|Moodle",
            ),
            ("ann_lee.rs", "ann_lee|||false|Unknown"),
            ("J. Doe", "J. Doe|||false|Unknown"),
            ("team_12_34", "team_12_34|||false|Unknown"),
        ] {
            assert_eq!(who(name), told, "{name}");
        }
    }

    #[test]
    fn attempts() {
        let of = |file| attempt(file);
        assert_eq!(of("lib-2.rs"), ("lib.rs".to_owned(), 2));
        assert_eq!(of("work-1.tar.gz"), ("work.tar.gz".to_owned(), 1));
        assert_eq!(of("lock-free.rs"), ("lock-free.rs".to_owned(), 0));
        assert_eq!(of("lib.rs"), ("lib.rs".to_owned(), 0));
    }
}
