//! Moodle: a gradebook import, or the offline grading worksheet of an assignment filled in
//! (`mod/assign/feedback/offline/importgradeslib.php`).

use anyhow::{Context as _, Result, ensure};

use super::sheet::{Fits, has_email, number, place, read_table, same, table, told, write_table};
use super::{Export, summary};
use crate::batch::{Batch, Entry};
use crate::intake::Origin;
use crate::text::{cell, points};

/// The table. Feedback is never sent without a grade, which would delete the grade. A row is found by
/// the participant's number where the submission came from Moodle, otherwise by the e-mail address,
/// or the full name of who has none.
///
/// # Errors
/// Where the file is no worksheet, or Moodle would skip a mark for the sheet's maximum.
pub(super) fn write(batch: &Batch, template: Option<&str>) -> Result<Export> {
    let Some(template) = template else {
        return Ok(fresh(batch)?.into());
    };
    let (mut rows, delimiter) = read_table(template)?;
    let head = rows.first().cloned().unwrap_or_default();
    let at = |name: &str| head.iter().position(|h| h == name);
    // Headers are in the site's language; the order of the first columns is not.
    let identifier = Some(at("Identifier").unwrap_or(0));
    let grade = at("Grade").context("the worksheet has no column `Grade`; export it in English")?;
    let feedback = at("Feedback comments");
    let (email, name) = (at("Email address"), at("Full name"));
    let (maximum, changeable) = (at("Maximum Grade"), at("Grade can be changed"));
    let field = |row: &[String], at: Option<usize>| {
        let value = at.and_then(|at| row.get(at)).map(|v| v.trim().to_owned());
        value.filter(|v| !v.is_empty())
    };
    let by_number = |row: &[String], e: &Entry| {
        let number = field(row, identifier).unwrap_or_default();
        let number: String = number.chars().filter(char::is_ascii_digit).collect();
        e.origin == Origin::Moodle && !number.is_empty() && e.student_id == number
    };
    let by_email = |row: &[String], e: &Entry| field(row, email).is_some_and(|m| has_email(e, &m));
    let by_name = |row: &[String], e: &Entry| {
        e.origin == Origin::Unknown && field(row, name).is_some_and(|n| e.name == n)
    };
    let by: [Fits<'_>; 3] = [&by_number, &by_email, &by_name];
    let mut places = place(batch, rows.get(1..).unwrap_or_default(), &by);
    let mut above = Vec::new();
    for (at, entry) in &places.rows {
        let (Some(row), Some(mark)) = (rows.get_mut(at + 1), entry.marks.points) else {
            continue;
        };
        if field(row, changeable).is_some_and(|c| c.eq_ignore_ascii_case("no")) {
            let why = "Moodle says that the grade cannot be changed";
            places.unplaced.push(format!("{}: {why}", told(entry)));
            continue;
        }
        if let Some(maximum) = field(row, maximum) {
            same_maximum(batch, &maximum)?;
            if mark > batch.max_points + 0.005 {
                above.push(told(entry));
                continue;
            }
        }
        let last = feedback.unwrap_or(grade).max(grade);
        row.resize(row.len().max(last + 1), String::new());
        row[grade] = points(mark);
        if let Some(feedback) = feedback {
            row[feedback] = cell(&summary(entry));
        }
    }
    ensure!(
        above.is_empty(),
        "Moodle skips marks above its maximum of {}: {}. Take these rows out of the worksheet and \
         enter the marks by hand",
        points(batch.max_points),
        above.join(", ")
    );
    Ok(Export {
        text: write_table(&rows, delimiter)?,
        notes: Vec::new(),
        unplaced: places.unplaced,
    })
}

/// Moodle skips without a word what is above its maximum.
fn same_maximum(batch: &Batch, maximum: &str) -> Result<()> {
    let ours = points(batch.max_points);
    ensure!(
        number(maximum).is_some_and(|most| same(most, batch.max_points)),
        "the worksheet's maximum is {maximum} and the assignment's {ours}: set the maximum grade of \
         the assignment in Moodle to {ours} points and download the worksheet again"
    );
    Ok(())
}

/// No number of a submission is the one that Moodle calls the id number of a user.
fn fresh(batch: &Batch) -> Result<String> {
    let head = ["useremail", "fullname", batch.title.as_str(), "feedback"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for entry in &batch.submissions {
        let Some(mark) = entry.marks.points else {
            continue;
        };
        rows.push(vec![
            cell(&entry.email),
            cell(&entry.name),
            points(mark),
            cell(&summary(entry)),
        ]);
    }
    table(&rows)
}
