//! Tables, and whose row is whose in a table that a teacher has downloaded.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::batch::{Batch, Entry};
use crate::text;

/// Whether a row is somebody's, by one of the things that tell.
pub(super) type Fits<'a> = &'a dyn Fn(&[String], &Entry) -> bool;

/// A mark to be written, or why it is not.
#[derive(Default)]
pub(super) struct Places<'a> {
    /// By row.
    pub(super) rows: BTreeMap<usize, &'a Entry>,
    /// Marks that are in no row, with the reason.
    pub(super) unplaced: Vec<String>,
}

/// Finds the row of everybody who has a mark, by the first thing that tells. Nobody is guessed: two
/// for one row get none, nor does one with two rows, save a group, where each has a row.
pub(super) fn place<'a>(batch: &'a Batch, rows: &[Vec<String>], by: &[Fits<'_>]) -> Places<'a> {
    let mut claims: BTreeMap<usize, Vec<&Entry>> = BTreeMap::new();
    let mut out = Places::default();
    for entry in batch
        .submissions
        .iter()
        .filter(|e| e.marks.points.is_some())
    {
        let found = by.iter().find_map(|fits| {
            let hits = rows.iter().enumerate().filter(|(_, row)| fits(row, entry));
            let hits: Vec<usize> = hits.map(|(at, _)| at).collect();
            (!hits.is_empty()).then_some(hits)
        });
        let found = found.unwrap_or_default();
        let members = emails(entry).count().max(1);
        if found.is_empty() {
            out.unplaced.push(format!("{}: no row", told(entry)));
        } else if found.len() > members {
            out.unplaced
                .push(format!("{}: {} rows fit", told(entry), found.len()));
        } else {
            if found.len() < members {
                let missing = members - found.len();
                out.unplaced
                    .push(format!("{}: no row for {missing} of them", told(entry)));
            }
            for at in found {
                claims.entry(at).or_default().push(entry);
            }
        }
    }
    for (at, entries) in claims {
        if let [entry] = entries[..] {
            out.rows.insert(at, entry);
        } else {
            let all: Vec<String> = entries.iter().map(|e| told(e)).collect();
            out.unplaced
                .push(format!("{}: all fit one row", all.join(" and ")));
        }
    }
    out
}

/// Who, with the mark.
pub(super) fn told(entry: &Entry) -> String {
    let mark = entry.marks.points.map_or(String::new(), text::points);
    let name = text::clean(&entry.name, 80);
    if name.is_empty() || name == entry.id {
        format!("{} ({mark} points)", entry.id)
    } else {
        format!("{} ({name}, {mark} points)", entry.id)
    }
}

/// The addresses of a submission: a group has several.
pub(super) fn emails(entry: &Entry) -> impl Iterator<Item = &str> {
    let all = entry.email.split(',').map(str::trim);
    all.filter(|email| !email.is_empty())
}

/// One of the addresses of a submission.
pub(super) fn has_email(entry: &Entry, email: &str) -> bool {
    emails(entry).any(|e| e.eq_ignore_ascii_case(email.trim()))
}

/// A number of points as course systems write it; `None` where it is none.
pub(super) fn number(cell: &str) -> Option<f64> {
    let cell = cell.trim();
    let number = cell.parse().or_else(|_| cell.replace(',', ".").parse());
    number.ok().filter(|n: &f64| n.is_finite())
}

/// The same number of points, to hundredths.
pub(super) fn same(a: f64, b: f64) -> bool {
    text::points(a) == text::points(b)
}

/// A table as CSV.
pub(super) fn table(rows: &[Vec<String>]) -> Result<String> {
    write_table(rows, b',')
}

/// Reads a downloaded table: its rows, and whether `;` separates them.
pub(super) fn read_table(text: &str) -> Result<(Vec<Vec<String>>, u8)> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.matches(';').count() > first.matches(',').count() {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        rows.push(row?.iter().map(str::to_owned).collect());
    }
    Ok((rows, delimiter))
}

/// Writes a table back the way it came.
pub(super) fn write_table(rows: &[Vec<String>], delimiter: u8) -> Result<String> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
