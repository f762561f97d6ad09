//! Blanks what says nothing to the analysis, before `syn` sees it: doc
//! comments, attributes such as `derive` (but for `Clone` in it), the rules of
//! `macro_rules!`, and of long lists of literals all but the first values.
//!
//! A line of documentation is an attribute of ten tokens to a parser and costs
//! as much as a line of code; a table of numbers costs more. Lines and columns
//! stay as they are. Arguments of macros are left alone, since any token can
//! matter there, but for lists in brackets of their own.

use std::ops::Range;

use super::scan::Scan;

/// The text without what is of no interest; `None` where that is all of it.
///
/// A text whose brackets do not match is left alone, too: what seems to be an
/// attribute may be part of something else there.
pub(super) fn quiet(text: &str, scan: &Scan) -> Option<String> {
    if scan.silent.is_empty() || !scan.balance.is_even() {
        return None;
    }
    let mut ranges: Vec<&Range<usize>> = scan.silent.iter().collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        // Comments inside of what is blanked already.
        if range.start < done {
            continue;
        }
        let (before, blank) = (text.get(done..range.start)?, text.get(range.clone())?);
        out.push_str(before);
        match derived_clone(blank) {
            Some(kept) => {
                let mut from = 0;
                for part in kept {
                    push_blank(&mut out, &blank[from..part.start]);
                    out.push_str(&blank[part.clone()]);
                    from = part.end;
                }
            }
            None => push_blank(&mut out, blank),
        }
        done = range.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

fn push_blank(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| match c {
        '\n' | '\r' => c,
        _ => ' ',
    }));
}

/// What stays of `#[derive(.., Clone, ..)]`: that there are copies.
fn derived_clone(attribute: &str) -> Option<[Range<usize>; 3]> {
    const START: &str = "#[derive(";
    let end = attribute.len().checked_sub(2)?;
    let list = attribute.get(START.len()..end)?;
    if !attribute.starts_with(START) || !attribute.ends_with(")]") {
        return None;
    }
    let is_word = |at: usize| {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        !list[..at].ends_with(part) && !list[at + "Clone".len()..].starts_with(part)
    };
    let (at, word) = list.match_indices("Clone").find(|(at, _)| is_word(*at))?;
    let at = START.len() + at;
    Some([0..START.len(), at..at + word.len(), end..attribute.len()])
}

/// Whether a comment is documentation. What to blank of it then: its third
/// character, which makes it a comment like any other.
pub(super) fn doc_mark(bytes: &[u8], comment: &Range<usize>) -> Option<Range<usize>> {
    let at = |i: usize| bytes.get(comment.start + i).copied().unwrap_or(0);
    let is_doc = match (at(1), at(2)) {
        (b'/' | b'*', b'!') => true,
        (b'/', b'/') => at(3) != b'/',
        (b'*', b'*') => !matches!(at(3), b'*' | b'/'),
        _ => false,
    };
    let third = comment.start + 2;
    (is_doc && third < comment.end).then(|| third..third + 1)
}

/// Attributes that nothing here reads, by their first word.
pub(super) fn is_inert(attribute: &[u8]) -> bool {
    matches!(
        attribute,
        b"allow"
            | b"automatically_derived"
            | b"cold"
            | b"deny"
            | b"deprecated"
            | b"derive"
            | b"doc"
            | b"expect"
            | b"ignore"
            | b"inline"
            | b"must_use"
            | b"no_mangle"
            | b"non_exhaustive"
            | b"repr"
            | b"serde"
            | b"should_panic"
            | b"track_caller"
            | b"warn"
    )
}
