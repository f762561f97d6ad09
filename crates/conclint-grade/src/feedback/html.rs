//! A student's page as one HTML file that loads nothing and runs nothing.

use std::fmt::Write as _;

use super::{Drawing, Headline, Page, Row};
use crate::rubric::{Mark, Status};
use crate::text::{html as escape, points};

/// Light and dark, for screens and for paper.
const STYLE: &str = include_str!("page.css");

/// The page.
#[must_use]
pub fn html(page: &Page) -> String {
    let mut out = String::new();
    let title = escape(&format!("{}: {}", page.title, page.name));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>{title}</title>\n<style>{STYLE}</style></head>\n\
         <body>\n<header><p class=\"who\">{}</p>\n<h1>{}</h1>\n<p class=\"result\">{}</p>\n",
        escape(&page.name),
        escape(&page.title),
        escape(&page.result)
    );
    for remark in &page.remarks {
        let _ = writeln!(out, "<p class=\"remark\">{}</p>", spans(remark));
    }
    out.push_str("</header>\n");
    if !page.headlines.is_empty() {
        out.push_str("<h2>What matters most</h2>\n<ol class=\"headlines\">\n");
        for headline in &page.headlines {
            comment(headline, &mut out);
        }
        out.push_str("</ol>\n");
    }
    if !page.criteria.is_empty() {
        out.push_str(
            "<h2>Criteria</h2>\n<table class=\"criteria\"><thead><tr><th>criterion</th>\
             <th>points</th><th>result</th></tr></thead>\n<tbody>\n",
        );
        for mark in &page.criteria {
            criterion(mark, &mut out);
        }
        out.push_str("</tbody></table>\n");
    }
    for drawing in &page.drawings {
        draw(drawing, &mut out);
    }
    if !page.notes.is_empty() {
        out.push_str("<h2>On the way in</h2>\n<ul>\n");
        for note in &page.notes {
            let _ = writeln!(out, "<li>{}</li>", escape(note));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</body></html>\n");
    out
}

/// Text with what stands between backticks set as code.
fn spans(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let mut out = String::new();
    for (index, part) in parts.iter().enumerate() {
        let part = escape(part);
        if index % 2 == 1 {
            let _ = write!(out, "<code>{part}</code>");
        } else {
            out.push_str(&part);
        }
    }
    out
}

fn comment(headline: &Headline, out: &mut String) {
    let _ = write!(
        out,
        "<li><p class=\"what\">{}</p>\n<p>{}</p>",
        spans(&headline.what),
        spans(&headline.why)
    );
    if !headline.advice.is_empty() {
        let advice = spans(&headline.advice);
        let _ = write!(out, "\n<p class=\"advice\"><b>What to do</b> {advice}</p>");
    }
    out.push_str("</li>\n");
}

fn criterion(mark: &Mark, out: &mut String) {
    let class = match mark.status {
        Status::Met => "met",
        Status::Partly => "partly",
        Status::Lost => "lost",
        Status::NotRun | Status::Pending => "open",
    };
    let reasons: Vec<String> = mark.reasons.iter().map(|r| spans(r)).collect();
    let reasons = match reasons.as_slice() {
        [] => String::new(),
        list => format!("<p class=\"why\">{}</p>", list.join("<br>")),
    };
    let _ = writeln!(
        out,
        "<tr><td>{}{reasons}</td><td class=\"points\">{} of {}{}</td>\
         <td><span class=\"badge {class}\">{}</span></td></tr>",
        spans(&mark.title),
        mark.points.map_or("?".to_owned(), points),
        points(mark.max_points),
        if mark.extra_credit { " extra" } else { "" },
        mark.status.text(),
    );
}

fn draw(drawing: &Drawing, out: &mut String) {
    let _ = write!(
        out,
        "<section>\n<h2>{}</h2>\n<p class=\"sub\">{}</p>\n<p class=\"legend\">Time runs \
         downwards, one column for each thread. A red line marks where a thread is interrupted \
         although it could have gone on.</p>\n<div class=\"scroll\"><table class=\"schedule\">\
         <thead><tr>",
        spans(&drawing.title),
        spans(&drawing.what)
    );
    for (number, thread) in drawing.threads.iter().enumerate() {
        let _ = write!(out, "<th class=\"t{}\">{}</th>", number % 6, escape(thread));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &drawing.rows {
        step(row, drawing.threads.len(), out);
    }
    out.push_str("</tbody></table></div>\n");
    if !drawing.end.is_empty() {
        out.push_str("<ul class=\"end\">\n");
        for line in &drawing.end {
            let _ = writeln!(out, "<li>{}</li>", spans(line));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

fn step(row: &Row, columns: usize, out: &mut String) {
    out.push_str(if row.preempting {
        "<tr class=\"cut\">"
    } else {
        "<tr>"
    });
    if row.place.is_empty() && row.code.is_empty() && row.what.starts_with('…') {
        let what = escape(&row.what);
        let _ = writeln!(
            out,
            "<td class=\"gap\" colspan=\"{columns}\">{what}</td></tr>"
        );
        return;
    }
    for column in 0..columns {
        if column != row.thread {
            out.push_str("<td></td>");
            continue;
        }
        let place = row.place.rsplit_once(':').map_or("", |(_, line)| line);
        let _ = write!(
            out,
            "<td class=\"step t{}\"><span class=\"op\">{}</span>",
            column % 6,
            spans(&row.what)
        );
        if !row.code.is_empty() {
            let _ = write!(
                out,
                "<span class=\"code\" title=\"{}\"><b>{}</b><code>{}</code></span>",
                escape(&row.place),
                escape(place),
                escape(&row.code)
            );
        }
        out.push_str("</td>");
    }
    out.push_str("</tr>\n");
}
