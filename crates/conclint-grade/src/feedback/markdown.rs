//! A student's page as Markdown.

use std::fmt::Write as _;

use super::{Drawing, Page};
use crate::text::{markdown as escape, points};

/// The page.
#[must_use]
pub fn markdown(page: &Page) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}: {}\n", escape(&page.title), escape(&page.name));
    let _ = writeln!(out, "**{}**", escape(&page.result));
    for remark in &page.remarks {
        let _ = writeln!(out, "\n{}", escape(remark));
    }
    if !page.headlines.is_empty() {
        out.push_str("\n## What matters most\n");
    }
    for (number, headline) in page.headlines.iter().enumerate() {
        let place = headline
            .file
            .as_ref()
            .map_or(String::new(), |f| format!(" ({f}:{})", headline.line));
        let place = if headline.what.contains(place.trim()) {
            String::new()
        } else {
            place
        };
        let _ = writeln!(
            out,
            "\n{}. **{}**{}\n   {}",
            number + 1,
            escape(&headline.what),
            escape(&place),
            escape(&headline.why)
        );
        if !headline.advice.is_empty() {
            let _ = writeln!(out, "   *What to do:* {}", escape(&headline.advice));
        }
    }
    if !page.criteria.is_empty() {
        out.push_str("\n## Criteria\n\n| criterion | points | | why |\n|---|---|---|---|\n");
    }
    for mark in &page.criteria {
        let got = mark.points.map_or("?".to_owned(), points);
        let reasons: Vec<String> = mark.reasons.iter().map(|r| escape(r)).collect();
        let _ = writeln!(
            out,
            "| {} | {got} of {}{} | {} | {} |",
            escape(&mark.title),
            points(mark.max_points),
            if mark.extra_credit { " (extra)" } else { "" },
            mark.status.text(),
            reasons.join("<br>")
        );
    }
    for drawing in &page.drawings {
        draw(drawing, &mut out);
    }
    if !page.notes.is_empty() {
        out.push_str("\n## On the way in\n\n");
        for note in &page.notes {
            let _ = writeln!(out, "- {}", escape(note));
        }
    }
    out
}

fn draw(drawing: &Drawing, out: &mut String) {
    let _ = writeln!(out, "\n## {}\n", escape(&drawing.title));
    let _ = writeln!(out, "{}\n", escape(&drawing.what));
    out.push_str("Time runs downwards; ⚡ marks where a thread is interrupted.\n\n|");
    for thread in &drawing.threads {
        let _ = write!(out, " {thread} |");
    }
    out.push_str(" your line |\n|");
    out.push_str(&"---|".repeat(drawing.threads.len() + 1));
    out.push('\n');
    for row in &drawing.rows {
        out.push('|');
        for column in 0..drawing.threads.len() {
            if column == row.thread {
                let mark = if row.preempting { "⚡ " } else { "" };
                let _ = write!(out, " {mark}{} |", escape(&row.what));
            } else {
                out.push_str(" |");
            }
        }
        for part in [&row.place, &row.code] {
            if !part.is_empty() {
                let _ = write!(out, " {}", escape(part));
            }
        }
        out.push_str(" |\n");
    }
    for line in &drawing.end {
        let _ = writeln!(out, "\n{}", escape(line));
    }
}
