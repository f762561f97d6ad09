//! Canvas: a gradebook to import (`lib/gradebook_importer.rb`).
//!
//! The safest way is to export the gradebook and have the assignment's column filled in; without
//! that file, a new one with the columns that Canvas insists on.

use anyhow::{Result, ensure};

use super::Export;
use super::sheet::{Fits, has_email, number, place, read_table, same, table, write_table};
use crate::batch::{Batch, Entry};
use crate::intake::Origin;
use crate::text::{cell, points};

/// The first cell of the row of maxima.
const POSSIBLE: &str = "Points Possible";

/// The table. Cells of submissions without a mark are left as they are. A row is found by Canvas's
/// own id where the submission came from Canvas, otherwise by the login.
pub(super) fn write(batch: &Batch, template: Option<&str>) -> Result<Export> {
    let Some(template) = template else {
        return Ok(fresh(batch)?.into());
    };
    let (mut rows, delimiter) = read_table(template)?;
    let head = rows.first().cloned().unwrap_or_default();
    ensure!(
        head.first()
            .is_some_and(|h| h == "Student" || h == "LastName"),
        "the file is no gradebook of Canvas: its first column is not `Student`"
    );
    let mut notes = Vec::new();
    let column = column(batch, &mut rows, &mut notes);
    let field = |row: &[String], name: &str| {
        let at = head.iter().position(|h| h == name);
        let value = at.and_then(|at| row.get(at)).map(|v| v.trim().to_owned());
        value.filter(|v| !v.is_empty() && !is_maximum(row))
    };
    let by_id = |row: &[String], e: &Entry| {
        e.origin == Origin::Canvas && field(row, "ID").is_some_and(|id| e.student_id == id)
    };
    let login = |row: &[String]| field(row, "SIS Login ID");
    let by_email = |row: &[String], e: &Entry| login(row).is_some_and(|l| has_email(e, &l));
    let by_name = |row: &[String], e: &Entry| {
        e.origin == Origin::Unknown && login(row).is_some_and(|l| e.name == l || e.id == l)
    };
    let by: [Fits<'_>; 3] = [&by_id, &by_email, &by_name];
    let places = place(batch, rows.get(1..).unwrap_or_default(), &by);
    for (at, entry) in &places.rows {
        if let (Some(row), Some(mark)) = (rows.get_mut(at + 1), entry.marks.points) {
            row.resize(row.len().max(column + 1), String::new());
            row[column] = points(mark);
        }
    }
    Ok(Export {
        text: write_table(&rows, delimiter)?,
        notes,
        unplaced: places.unplaced,
    })
}

/// A row of maxima, and no student's.
fn is_maximum(row: &[String]) -> bool {
    row.first()
        .is_some_and(|cell| cell.trim_start().starts_with(POSSIBLE))
}

/// The assignment's column: the one with its title, or a new one with its maximum.
fn column(batch: &Batch, rows: &mut Vec<Vec<String>>, notes: &mut Vec<String>) -> usize {
    let head = rows.first().cloned().unwrap_or_default();
    let named = |name: &str| {
        let front = format!("{name} (");
        head.iter().position(|h| h == name || h.starts_with(&front))
    };
    let maximum = points(batch.max_points);
    if let Some(column) = named(&batch.title).or_else(|| named(&batch.assignment)) {
        let cells = rows.iter().filter(|row| is_maximum(row));
        for cell in cells.filter_map(|row| row.get(column)) {
            if number(cell).is_some_and(|n| !same(n, batch.max_points)) {
                notes.push(format!(
                    "Canvas has {cell} points possible and the assignment {maximum}: change one of \
                     them"
                ));
            }
        }
        return column;
    }
    if !rows.iter().any(|row| is_maximum(row)) {
        rows.insert(1.min(rows.len()), vec![format!("    {POSSIBLE}")]);
    }
    for (at, row) in rows.iter_mut().enumerate() {
        row.resize(head.len() + 1, String::new());
        if at == 0 {
            row[head.len()].clone_from(&batch.title);
        } else if is_maximum(row) {
            row[head.len()].clone_from(&maximum);
        }
    }
    notes.push(format!(
        "no column is called `{}`: it is added, and Canvas makes a new assignment of it; to fill an \
         assignment that exists, give both the same title",
        batch.title
    ));
    head.len()
}

fn fresh(batch: &Batch) -> Result<String> {
    let head = [
        "Student",
        "ID",
        "SIS Login ID",
        "Section",
        batch.title.as_str(),
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.push(vec![
        format!("    {POSSIBLE}"),
        String::new(),
        String::new(),
        String::new(),
        points(batch.max_points),
    ]);
    for entry in &batch.submissions {
        // Another system's id is somebody else's here.
        let id = match entry.origin {
            Origin::Canvas => cell(&entry.student_id),
            _ => String::new(),
        };
        rows.push(vec![
            cell(&entry.name),
            id,
            cell(&entry.email),
            String::new(),
            entry.marks.points.map_or(String::new(), points),
        ]);
    }
    table(&rows)
}
