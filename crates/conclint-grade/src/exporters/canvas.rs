//! Canvas: a gradebook to import (`lib/gradebook_importer.rb`).
//!
//! The safest way is to export the gradebook and have the assignment's column filled in; without
//! that file, a new one with the columns that Canvas insists on.

use anyhow::{Result, ensure};

use super::{read_table, table, write_table};
use crate::batch::{Batch, Entry};
use crate::text::{cell, points};

/// The table. Cells of submissions without a mark are left as they are.
pub(super) fn write(batch: &Batch, template: Option<&str>) -> Result<String> {
    let Some(template) = template else {
        return fresh(batch);
    };
    let (mut rows, delimiter) = read_table(template)?;
    let head = rows.first().cloned().unwrap_or_default();
    ensure!(
        head.first()
            .is_some_and(|h| h == "Student" || h == "LastName"),
        "the file is no gradebook of Canvas: its first column is not `Student`"
    );
    let column = head
        .iter()
        .position(|h| *h == batch.title || h.starts_with(&format!("{} (", batch.title)))
        .or_else(|| head.iter().position(|h| h.starts_with(&batch.assignment)));
    let column = match column {
        Some(column) => column,
        None => {
            if let Some(head) = rows.first_mut() {
                head.push(batch.title.clone());
            }
            head.len()
        }
    };
    let id = head.iter().position(|h| h == "ID");
    let login = head.iter().position(|h| h == "SIS Login ID");
    for row in rows.iter_mut().skip(1) {
        let field = |at: Option<usize>| at.and_then(|a| row.get(a)).cloned().unwrap_or_default();
        if field(Some(0)).trim_start().starts_with("Points Possible") {
            continue;
        }
        let (id, login) = (field(id), field(login));
        let fits = |e: &&Entry| {
            (!id.is_empty() && e.student_id == id)
                || (!login.is_empty() && (e.email == login || e.name == login || e.id == login))
        };
        let found = batch.submissions.iter().find(fits);
        if let Some(mark) = found.and_then(|e| e.marks.points) {
            row.resize(row.len().max(column + 1), String::new());
            row[column] = points(mark);
        }
    }
    write_table(&rows, delimiter)
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
        "    Points Possible".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        points(batch.max_points),
    ]);
    for entry in &batch.submissions {
        rows.push(vec![
            cell(&entry.name),
            cell(&entry.student_id),
            cell(&entry.email),
            String::new(),
            entry.marks.points.map_or(String::new(), points),
        ]);
    }
    table(rows)
}
