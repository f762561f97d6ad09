//! A student's page as one HTML file that loads nothing.

use std::fmt::Write as _;

use super::{Drawing, Page};
use crate::text::{html as escape, points};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;\
padding:0 1rem;color:#1b1f24}table{border-collapse:collapse;width:100%;font-size:14px}\
th,td{border:1px solid #d0d7de;padding:.3rem .5rem;text-align:left;vertical-align:top}\
th{background:#f6f8fa}.result{font-size:1.3rem;font-weight:600}code{font:13px ui-monospace,\
monospace}.cut td{border-top:3px solid #bc4c00}.met{color:#1a7f37}.lost{color:#b32117}\
.place{color:#57606a;white-space:nowrap}";

/// The page.
#[must_use]
pub fn html(page: &Page) -> String {
    let mut out = String::new();
    let title = escape(&format!("{}: {}", page.title, page.name));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>{title}</title>\n<style>{STYLE}</style></head>\n\
         <body>\n<h1>{title}</h1>\n<p class=\"result\">{}</p>\n",
        escape(&page.result)
    );
    for remark in &page.remarks {
        let _ = writeln!(out, "<p>{}</p>", escape(remark));
    }
    if !page.headlines.is_empty() {
        out.push_str("<h2>What matters most</h2>\n<ol>\n");
        for headline in &page.headlines {
            let _ = write!(
                out,
                "<li><b>{}</b><br>{}",
                escape(&headline.what),
                escape(&headline.why)
            );
            if !headline.advice.is_empty() {
                let _ = write!(out, "<br><i>What to do:</i> {}", escape(&headline.advice));
            }
            out.push_str("</li>\n");
        }
        out.push_str("</ol>\n");
    }
    if !page.criteria.is_empty() {
        out.push_str(
            "<h2>Criteria</h2>\n<table><tr><th>criterion</th><th>points</th><th></th>\
             <th>why</th></tr>\n",
        );
        for mark in &page.criteria {
            let class = if mark.reasons.is_empty() {
                "met"
            } else {
                "lost"
            };
            let reasons: Vec<String> = mark.reasons.iter().map(|r| escape(r)).collect();
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{} of {}{}</td><td class=\"{class}\">{}</td><td>{}</td></tr>",
                escape(&mark.title),
                mark.points.map_or("?".to_owned(), points),
                points(mark.max_points),
                if mark.extra_credit { " (extra)" } else { "" },
                mark.status.text(),
                reasons.join("<br>")
            );
        }
        out.push_str("</table>\n");
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

fn draw(drawing: &Drawing, out: &mut String) {
    let _ = write!(
        out,
        "<h2>{}</h2>\n<p>Time runs downwards; a bold line marks where a thread is \
         interrupted.</p>\n<table><tr>",
        escape(&drawing.title)
    );
    for thread in &drawing.threads {
        let _ = write!(out, "<th>{}</th>", escape(thread));
    }
    out.push_str("<th>your line</th></tr>\n");
    for row in &drawing.rows {
        out.push_str(if row.preempting {
            "<tr class=\"cut\">"
        } else {
            "<tr>"
        });
        for column in 0..drawing.threads.len() {
            let what = if column == row.thread { &row.what } else { "" };
            let _ = write!(out, "<td>{}</td>", escape(what));
        }
        let _ = writeln!(
            out,
            "<td><span class=\"place\">{}</span> <code>{}</code></td></tr>",
            escape(&row.place),
            escape(&row.code)
        );
    }
    out.push_str("</table>\n");
    for line in &drawing.end {
        let _ = writeln!(out, "<p>{}</p>", escape(line));
    }
}
