//! Text that others wrote, made fit for the place it is shown in.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// One line without control characters, bidirectional overrides and other invisible ones, cut
/// at `limit` characters.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        match c {
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Characters that change how others are shown.
fn hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// For HTML, in text and in quoted attributes.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// For Markdown text and table cells: nothing is markup, a link or HTML.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|'
            | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// For a spreadsheet: a cell that begins like a formula gets an apostrophe, and nothing but line
/// ends is left of what cannot be seen.
pub(crate) fn cell(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| *c == '\n' || !(c.is_control() || hidden(*c)))
        .collect();
    match text.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{text}"),
        _ => text,
    }
}

/// A name that is safe as a file name on every system.
pub(crate) fn file_name(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(80)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => c,
            _ => '_',
        })
        .collect();
    if out.is_empty() || out.starts_with('.') {
        out.insert(0, '_');
    }
    if out != text {
        // Two names must not become one.
        let _ = write!(out, "-{}", &hash([text.as_bytes()])[..8]);
    }
    out
}

/// SHA-256 over length-prefixed parts, in hexadecimal.
pub(crate) fn hash<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// A number of points as people write it: at most two decimals, none that say nothing.
pub(crate) fn points(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_tame() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{202e}c\nd", 99),
            "a\u{fffd}[31mb\u{fffd}c d"
        );
        assert_eq!(clean("abcdef", 3), "abc…");
        assert_eq!(html("<a href='x'>&"), "&lt;a href=&#39;x&#39;&gt;&amp;");
        assert_eq!(markdown("[x](y)|<b>`"), "\\[x\\]\\(y\\)\\|&lt;b&gt;\\`");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("Ann"), "Ann");
    }

    #[test]
    fn file_names_stay_apart_and_inside() {
        assert_eq!(file_name("ann_1.rs"), "ann_1.rs");
        assert!(file_name("../../x").starts_with("_.._.._x-"));
        assert_ne!(file_name("a/b"), file_name("a:b"));
    }

    #[test]
    fn points_are_short() {
        assert_eq!(points(3.0), "3");
        assert_eq!(points(2.5), "2.5");
        assert_eq!(points(10.0 / 3.0), "3.33");
        assert_eq!(points(-0.0), "0");
        assert_eq!(points(100.0), "100");
    }
}
