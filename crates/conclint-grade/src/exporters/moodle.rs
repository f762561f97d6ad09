//! Moodle: a gradebook import, or the offline grading worksheet of an assignment filled in
//! (`mod/assign/feedback/offline/importgradeslib.php`).

use anyhow::{Context as _, Result};

use super::{read_table, summary, table, write_table};
use crate::batch::{Batch, Entry};
use crate::text::{cell, points};

/// The table. Feedback is never sent without a grade, which would delete the grade.
pub(super) fn write(batch: &Batch, template: Option<&str>) -> Result<String> {
    let Some(template) = template else {
        return fresh(batch);
    };
    let (mut rows, delimiter) = read_table(template)?;
    let head = rows.first().cloned().unwrap_or_default();
    let at = |name: &str| head.iter().position(|h| h == name);
    // Headers are in the site's language; the order of the first columns is not.
    let identifier = at("Identifier").unwrap_or(0);
    let grade = at("Grade").context("the worksheet has no column `Grade`; export it in English")?;
    let feedback = at("Feedback comments");
    let email = at("Email address");
    let name = at("Full name");
    for row in rows.iter_mut().skip(1) {
        let field = |at: Option<usize>| at.and_then(|a| row.get(a)).cloned().unwrap_or_default();
        let participant = field(Some(identifier));
        let number: String = participant.chars().filter(char::is_ascii_digit).collect();
        let (email, name) = (field(email), field(name));
        let fits = |e: &&Entry| {
            (!number.is_empty() && e.student_id == number)
                || (!email.is_empty() && e.email == email)
                || (e.student_id.is_empty() && !name.is_empty() && e.name == name)
        };
        let Some(entry) = batch.submissions.iter().find(fits) else {
            continue;
        };
        if let Some(mark) = entry.marks.points {
            let last = feedback.unwrap_or(grade).max(grade);
            row.resize(row.len().max(last + 1), String::new());
            row[grade] = points(mark);
            if let Some(feedback) = feedback {
                row[feedback] = cell(&summary(entry));
            }
        }
    }
    write_table(&rows, delimiter)
}

fn fresh(batch: &Batch) -> Result<String> {
    let head = [
        "useremail",
        "useridnumber",
        "fullname",
        batch.title.as_str(),
        "feedback",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for entry in &batch.submissions {
        let Some(mark) = entry.marks.points else {
            continue;
        };
        rows.push(vec![
            cell(&entry.email),
            cell(&entry.student_id),
            cell(&entry.name),
            points(mark),
            cell(&summary(entry)),
        ]);
    }
    table(rows)
}
