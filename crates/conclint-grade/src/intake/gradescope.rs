//! Gradescope's `/autograder`, with `submission/` and the metadata beside it (autograder_samples,
//! `docs/submission_metadata.md`).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Origin, Person, Submission, layout};
use crate::assignment::Assignment;
use crate::text;

const METADATA: &str = "submission_metadata.json";

/// The directory looks like it.
pub(super) fn is_here(path: &Path) -> bool {
    path.join(METADATA).is_file()
        || path.join("submission").is_dir()
            && ["run_autograder", "source", "results"]
                .iter()
                .any(|name| path.join(name).exists())
}

/// The one submission there.
///
/// # Errors
/// Where the metadata is missing or no JSON.
pub(super) fn read(assignment: &Assignment, path: &Path) -> Result<Submission> {
    let file = path.join(METADATA);
    ensure!(
        file.is_file(),
        "{} looks like Gradescope's /autograder, but {METADATA} is missing: name its submission/ \
         to grade that alone",
        path.display()
    );
    let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    let data: Value = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    let mut submission = layout::one(assignment, &path.join("submission"));
    let name = format!("gradescope-{}", plain(&data["id"]));
    submission.id = text::file_name(&name);
    submission.name = name;
    submission.submitted_at = data["created_at"].as_str().map(str::to_owned);
    if submission.submitted_at.is_none() {
        let note = format!("{METADATA} has no created_at: lateness is not known");
        submission.notes.push(note);
    }
    // A group hands in together.
    let users = data["users"].as_array().map_or(&[][..], Vec::as_slice);
    let all = |key: &str| {
        let fields = users.iter().map(|user| plain(&user[key]));
        let fields: Vec<String> = fields.filter(|field| !field.is_empty()).collect();
        text::clean(&fields.join(", "), 400)
    };
    submission.person = Person {
        name: all("name"),
        email: all("email"),
        id: all("id"),
        origin: Origin::Gradescope,
    };
    Ok(submission)
}

/// A number or a text; nothing for all else.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text::clean(text, 200),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
