//! Many submissions: in parallel, each content once, and resumable after a kill at any moment.
//!
//! ```text
//! OUT/judged/HASH.json            evidence by content: what a resumed run of this build does not
//!                                 do again
//! OUT/students/ID/receipt.json    with feedback.md, feedback.html and the files as taken in
//! OUT/marks.json                  everybody's marks, written last
//! ```
//!
//! Everything but `judged/` is a pure function of it and of the submissions, and every file appears
//! whole, so there is no state that a kill could leave half done.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::assignment::Assignment;
use crate::evidence::Evidence;
use crate::feedback;
use crate::intake::{Origin, Submission};
use crate::judge::Grader;
use crate::receipt::Receipt;
use crate::rubric::{Mark, Marks, Outcome, Status, marks};
use crate::{parallel, text, write};

/// Schema of `marks.json`.
pub const SCHEMA: &str = "conclint/marks/1";
const STORED: &str = "conclint/judged/1";
/// Everybody's marks, in the directory of results.
const MARKS: &str = "marks.json";

/// A submission with what was seen of it and its marks.
#[derive(Clone, Debug)]
pub struct Graded {
    /// The submission.
    pub submission: Submission,
    /// What was seen.
    pub evidence: Evidence,
    /// The marks.
    pub marks: Marks,
}

/// `marks.json`: what exporters read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// `conclint/marks/1`.
    pub schema: String,
    /// The assignment's short name.
    pub assignment: String,
    /// Its title.
    pub title: String,
    /// SHA-256 of rubric, skeleton and hidden tests.
    pub assignment_hash: String,
    /// Points to get.
    pub max_points: f64,
    /// By id.
    pub submissions: Vec<Entry>,
}

/// One submission in `marks.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Id in the batch.
    pub id: String,
    /// As the course system named the submission.
    pub submission: String,
    /// Who, as far as it is known.
    pub name: String,
    /// Empty where unknown.
    pub email: String,
    /// In the course system; empty where unknown.
    pub student_id: String,
    /// Whose the id is; marks of earlier versions do not say.
    #[serde(default)]
    pub origin: Origin,
    /// RFC 3339, where it is known.
    pub submitted_at: Option<String>,
    /// SHA-256 of the files that were taken.
    pub hash: String,
    /// What was left out or guessed on the way in.
    pub notes: Vec<String>,
    /// The marks.
    pub marks: Marks,
    /// The most important things to say, at most three.
    pub headlines: Vec<feedback::Headline>,
    /// Findings of lints.
    pub lints: Vec<crate::evidence::Lint>,
}

/// What a run tells while it runs. The submission is named by its id.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A worker begins with a submission.
    Begins(&'a str),
    /// A worker is done with one: so many, of how many.
    Ends(&'a str, usize, usize),
}

/// Told how far a run is.
pub type Progress<'a> = &'a (dyn Fn(Step<'_>) + Sync);

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The marks.
    pub batch: Batch,
    /// Contents that were looked at in this run.
    pub judged: usize,
    /// Contents that an earlier run had looked at.
    pub resumed: usize,
    /// Whose marks changed since the last run into the same directory, by how much and why.
    pub changes: Vec<String>,
}

/// Keeps a second run out of the directory for as long as it lives.
struct Lock(#[expect(dead_code, reason = "held, not read")] File);

fn lock(out: &Path) -> Result<Lock> {
    fs::create_dir_all(out).with_context(|| format!("cannot write to {}", out.display()))?;
    let file = File::create(out.join(".lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => bail!("another run writes to {}", out.display()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    schema: String,
    evidence: Evidence,
}

fn stored(path: &Path) -> Option<Evidence> {
    let text = fs::read_to_string(path).ok()?;
    let stored: Stored = serde_json::from_str(&text).ok()?;
    (stored.schema == STORED).then_some(stored.evidence)
}

/// Evidence for a submission: from an earlier run, or looked at now.
fn judge(grader: &Grader, submission: &Submission, path: &Path) -> (Evidence, bool) {
    if let Some(evidence) = stored(path) {
        return (evidence, true);
    }
    let mut evidence = grader.judge(submission);
    if evidence.broken.is_none() {
        let value = Stored {
            schema: STORED.to_owned(),
            evidence: evidence.clone(),
        };
        if let Err(error) = write::json(path, &value) {
            evidence.broken = Some(format!("{error:#}"));
        }
    }
    (evidence, false)
}

/// The marks that an earlier run of the same assignment left in `out`.
///
/// # Errors
/// Where they are another assignment's, which the next run would overwrite, or cannot be read.
pub fn earlier(assignment: &Assignment, out: &Path) -> Result<Option<Batch>> {
    let path = out.join(MARKS);
    if !path.exists() {
        return Ok(None);
    }
    let before = Batch::load(&path)?;
    if before.assignment != assignment.manifest.name {
        bail!(
            "{} holds the marks of `{}`, another assignment: give a directory of its own",
            out.display(),
            before.assignment
        );
    }
    Ok(Some(before))
}

/// Grades submissions into `out`.
///
/// # Errors
/// Where `out` cannot be written, or another run is writing to it.
pub fn run(
    grader: &Grader,
    submissions: Vec<Submission>,
    out: &Path,
    jobs: usize,
    progress: Progress<'_>,
) -> Result<Report> {
    let _lock = lock(out)?;
    let manifest = &grader.assignment.manifest;
    let before = earlier(&grader.assignment, out)?;
    let key = grader.key()?;
    let mut contents: BTreeMap<String, usize> = BTreeMap::new();
    for (index, submission) in submissions.iter().enumerate() {
        contents.entry(submission.hash()).or_insert(index);
    }
    let work: Vec<(&String, &Submission)> = contents
        .iter()
        .filter_map(|(hash, index)| Some((hash, submissions.get(*index)?)))
        .collect();
    let done = AtomicUsize::new(0);
    let results = parallel::map(&work, jobs, |(hash, submission)| {
        let name = text::hash([key.as_str(), hash.as_str()]);
        let path = out.join("judged").join(format!("{name}.json"));
        progress(Step::Begins(&submission.id));
        let result = judge(grader, submission, &path);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(Step::Ends(&submission.id, done, work.len()));
        result
    });
    let hashes = work.iter().map(|(hash, _)| (*hash).clone());
    let found: BTreeMap<String, (Evidence, bool)> = hashes.zip(results).collect();
    let resumed = found.values().filter(|(_, resumed)| *resumed).count();
    let mut entries = Vec::new();
    for submission in submissions {
        let (evidence, _) = found
            .get(&submission.hash())
            .with_context(|| format!("nothing is known of {}", submission.id))?;
        let evidence = evidence.clone();
        let at = submission.submitted_at.as_deref();
        let graded = Graded {
            marks: marks(&grader.assignment, &evidence, at),
            evidence,
            submission,
        };
        hand_out(grader, &graded, out)?;
        entries.push(entry(grader, &graded));
    }
    let batch = Batch {
        schema: SCHEMA.to_owned(),
        assignment: manifest.name.clone(),
        title: manifest.title.clone(),
        assignment_hash: grader.assignment.hash.clone(),
        max_points: grader.assignment.max_points(),
        submissions: entries,
    };
    let changes = before.map_or_else(Vec::new, |old| changes(&old, &batch));
    write::json(&out.join(MARKS), &batch)?;
    Ok(Report {
        judged: found.len() - resumed,
        resumed,
        batch,
        changes,
    })
}

fn entry(grader: &Grader, graded: &Graded) -> Entry {
    let submission = &graded.submission;
    Entry {
        id: submission.id.clone(),
        submission: submission.name.clone(),
        name: submission.person.name.clone(),
        email: submission.person.email.clone(),
        student_id: submission.person.id.clone(),
        origin: submission.person.origin,
        submitted_at: submission.submitted_at.clone(),
        hash: submission.hash(),
        notes: submission.notes.clone(),
        marks: graded.marks.clone(),
        headlines: feedback::headlines(&grader.assignment, graded),
        lints: graded.evidence.lints.clone(),
    }
}

/// Writes what belongs to one student.
fn hand_out(grader: &Grader, graded: &Graded, out: &Path) -> Result<()> {
    let dir = out.join("students").join(&graded.submission.id);
    for (name, bytes) in &graded.submission.files {
        write::whole(&dir.join("submission").join(name), bytes)?;
    }
    let page = feedback::page(&grader.assignment, graded);
    write::whole(
        &dir.join("feedback.md"),
        feedback::markdown(&page).as_bytes(),
    )?;
    write::whole(&dir.join("feedback.html"), feedback::html(&page).as_bytes())?;
    write::json(&dir.join("receipt.json"), &Receipt::of(grader, graded))
}

impl Batch {
    /// Reads `marks.json`.
    ///
    /// # Errors
    /// Where the file is none.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let batch: Batch = serde_json::from_str(&text)
            .with_context(|| format!("{} holds no marks", path.display()))?;
        if batch.schema != SCHEMA {
            bail!("{}: {:?} is not {SCHEMA:?}", path.display(), batch.schema);
        }
        Ok(batch)
    }

    /// Submissions of an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        let of = |e: &&Entry| e.marks.outcome == outcome;
        self.submissions.iter().filter(of).count()
    }
}

/// Who changed, by how much and why; who has the same mark from the same criteria is left out.
#[must_use]
pub fn changes(old: &Batch, new: &Batch) -> Vec<String> {
    let mut out = Vec::new();
    for entry in &old.submissions {
        if !new.submissions.iter().any(|e| e.id == entry.id) {
            let points = total(&entry.marks, false);
            out.push(format!("{}: {points} -> no longer handed in", entry.id));
        }
    }
    for entry in &new.submissions {
        let Some(before) = old.submissions.iter().find(|e| e.id == entry.id) else {
            let points = total(&entry.marks, false);
            out.push(format!("{}: new -> {points}", entry.id));
            continue;
        };
        let rescaled =
            text::points(before.marks.max_points) != text::points(entry.marks.max_points);
        let was = total(&before.marks, rescaled);
        let is = total(&entry.marks, rescaled);
        let criteria = changed_criteria(&before.marks, &entry.marks);
        if was == is && criteria.is_empty() {
            continue;
        }
        let mut why = Vec::new();
        if before.hash != entry.hash {
            why.push("another submission".to_owned());
        }
        if old.assignment_hash != new.assignment_hash {
            why.push("the assignment changed".to_owned());
        }
        why.extend(criteria);
        if before.marks.late_percent.to_bits() != entry.marks.late_percent.to_bits() {
            why.push("lateness".to_owned());
        }
        out.push(format!("{}: {was} -> {is} ({})", entry.id, why.join("; ")));
    }
    out
}

/// The mark, or why there is none; with the maximum where it matters.
fn total(marks: &Marks, maximum: bool) -> String {
    match marks.points {
        Some(points) if maximum => of(points, marks.max_points),
        Some(points) => text::points(points),
        None => marks.outcome.text().to_owned(),
    }
}

fn of(points: f64, maximum: f64) -> String {
    format!("{} of {}", text::points(points), text::points(maximum))
}

/// Criteria with another status, or other points.
fn changed_criteria(old: &Marks, new: &Marks) -> Vec<String> {
    let mut out = Vec::new();
    let known = |list: &[Mark], id: &str| list.iter().any(|m| m.id == id);
    // Nothing is told of criteria where there are none: the outcome says why.
    if !new.criteria.is_empty() {
        let gone = old.criteria.iter().filter(|m| !known(&new.criteria, &m.id));
        out.extend(gone.map(|m| format!("{}: {} -> not there", m.id, m.status.text())));
    }
    for mark in &new.criteria {
        let status = mark.status.text();
        match old.criteria.iter().find(|m| m.id == mark.id) {
            None => out.push(format!("{}: not there -> {status}", mark.id)),
            Some(before) if before.status != mark.status => {
                out.push(format!("{}: {} -> {status}", mark.id, before.status.text()));
            }
            Some(before) if before.points != mark.points => {
                let points = |m: &Mark| of(m.points.unwrap_or(0.0), m.max_points);
                out.push(format!(
                    "{}: {} -> {}",
                    mark.id,
                    points(before),
                    points(mark)
                ));
            }
            Some(_) => {}
        }
    }
    out
}

/// Ids of the criteria that cost points, `not run` ones left out.
#[must_use]
pub fn lost(marks: &Marks) -> Vec<&str> {
    let lost = marks
        .criteria
        .iter()
        .filter(|m| matches!(m.status, Status::Lost | Status::Partly));
    lost.map(|m| m.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::Visibility;

    fn mark(id: &str, points: f64, maximum: f64) -> Mark {
        Mark {
            id: id.to_owned(),
            title: id.to_owned(),
            status: if points < maximum {
                Status::Lost
            } else {
                Status::Met
            },
            points: Some(points),
            max_points: maximum,
            extra_credit: false,
            visibility: Visibility::Visible,
            reasons: Vec::new(),
        }
    }

    /// The marks of one student, without criteria for what cannot be graded.
    fn of(hash: &str, maximum: f64, criteria: Vec<Mark>) -> Batch {
        let raw = criteria.iter().filter_map(|m| m.points).sum();
        let entry = Entry {
            id: "ann".to_owned(),
            submission: "ann".to_owned(),
            name: "Ann".to_owned(),
            email: String::new(),
            student_id: String::new(),
            origin: Origin::Unknown,
            submitted_at: None,
            hash: hash.to_owned(),
            notes: Vec::new(),
            marks: Marks {
                outcome: if criteria.is_empty() {
                    Outcome::Ungradable
                } else {
                    Outcome::Graded
                },
                reasons: vec![hash.to_owned()],
                points: (!criteria.is_empty()).then_some(raw),
                raw_points: raw,
                max_points: maximum,
                late_percent: 0.0,
                criteria,
            },
            headlines: Vec::new(),
            lints: Vec::new(),
        };
        Batch {
            schema: SCHEMA.to_owned(),
            assignment: "a".to_owned(),
            title: "A".to_owned(),
            assignment_hash: format!("{maximum}"),
            max_points: maximum,
            submissions: vec![entry],
        }
    }

    #[test]
    fn who_has_the_same_mark_is_not_listed() {
        let lost = |title: &str| {
            let mut mark = mark("exact", 0.0, 3.0);
            title.clone_into(&mut mark.title);
            of("1", 3.0, vec![mark])
        };
        let mut retitled = lost("Another title");
        "another".clone_into(&mut retitled.assignment_hash);
        assert_eq!(changes(&lost("A title"), &retitled), [""; 0]);
        let ungradable = |why: &str| of(why, 3.0, Vec::new());
        assert_eq!(changes(&ungradable("1"), &ungradable("2")), [""; 0]);
    }

    #[test]
    fn another_maximum_is_shown() {
        let old = of(
            "1",
            10.0,
            vec![mark("exact", 3.0, 3.0), mark("rest", 7.0, 7.0)],
        );
        let new = of(
            "1",
            13.0,
            vec![mark("exact", 6.0, 6.0), mark("rest", 7.0, 7.0)],
        );
        assert_eq!(
            changes(&old, &new),
            ["ann: 10 of 10 -> 13 of 13 (the assignment changed; exact: 3 of 3 -> 6 of 6)"]
        );
        let gone = of("2", 10.0, vec![mark("exact", 0.0, 3.0)]);
        assert_eq!(
            changes(&old, &gone),
            ["ann: 10 -> 0 (another submission; rest: met -> not there; exact: met -> lost)"]
        );
    }
}
