//! JUnit XML in the dialect of Jenkins, as nextest writes it: a suite for each submission. It knows no
//! points: the mark is in the text of the suite.

use std::fmt::Write as _;

use super::parts::criteria;
use super::result;
use crate::batch::{Batch, Entry};
use crate::rubric::Status;
use crate::text::html as escape;

/// Text and attributes without what XML 1.0 cannot hold.
fn xml(text: &str) -> String {
    let fits = |c: &char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    escape(&text.chars().filter(fits).collect::<String>())
}

/// The document. A criterion that was not run is skipped; a submission without a mark is an error
/// of its suite. Criteria that are not shown are one test without a text.
pub(super) fn write(batch: &Batch) -> String {
    let suites: Vec<(String, [usize; 4])> = batch.submissions.iter().map(suite).collect();
    let total = |i: usize| suites.iter().map(|(_, n)| n[i]).sum::<usize>();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" \
         failures=\"{}\" errors=\"{}\">\n",
        xml(&batch.assignment),
        total(0),
        total(1),
        total(2)
    );
    for (text, _) in &suites {
        out.push_str(text);
    }
    out.push_str("</testsuites>\n");
    out
}

/// A suite, and its tests, failures, errors and skipped tests.
fn suite(entry: &Entry) -> (String, [usize; 4]) {
    let name = xml(&entry.id);
    let mut cases = String::new();
    let mut counts = [0; 4];
    let mut case = |title: &str, kind: Option<usize>, message: &str| {
        let head = format!("    <testcase name=\"{}\" classname=\"{name}\"", xml(title));
        counts[0] += 1;
        let tag = match kind {
            None => {
                let _ = writeln!(cases, "{head}/>");
                return;
            }
            Some(1) => "failure",
            Some(2) => "error",
            Some(_) => "skipped",
        };
        counts[kind.unwrap_or(3).min(3)] += 1;
        let text = xml(message);
        let _ = writeln!(
            cases,
            "{head}>\n      <{tag} message=\"{text}\"/>\n    </testcase>"
        );
    };
    for part in criteria(entry) {
        let kind = match part.status {
            Status::Met => None,
            Status::Partly | Status::Lost => Some(1),
            Status::Pending => Some(2),
            Status::NotRun => Some(3),
        };
        case(&part.title, kind, &part.reasons.replace('\n', "; "));
    }
    if entry.marks.criteria.is_empty() {
        let why = format!(
            "{}: {}",
            entry.marks.outcome.text(),
            entry.marks.reasons.join("; ")
        );
        case("grading", Some(2), &why);
    }
    let [tests, failures, errors, skipped] = counts;
    let text = format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" disabled=\"{skipped}\" \
         errors=\"{errors}\" failures=\"{failures}\">\n{cases}    \
         <system-out>{}</system-out>\n  </testsuite>\n",
        xml(&result(entry).join("\n"))
    );
    (text, counts)
}
