//! The tokens of a function body.
//!
//! Knows the everyday part of the language. What is rare (raw names, names
//! beyond ASCII, documentation) ends it: the body is then left to `syn`.

use std::ops::Range;

use crate::hir::Span;
use crate::parse::quiet::doc_mark;
use crate::parse::scan::word_end;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name that is no keyword.
    Ident,
    /// A keyword, or `_`.
    Keyword,
    /// With its quote.
    Lifetime,
    Int,
    Float,
    /// A string, raw or not.
    Str,
    /// Characters, bytes and strings of bytes.
    Literal,
    /// One character; whether it touches the next is seen from its place.
    Punct(u8),
    Open(u8),
    Close,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    pub span: Span,
    /// The other bracket, by position in the list.
    pub mate: usize,
}

/// A place in a text, with its line and column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    at: usize,
    line: u32,
    /// Where the line starts, and how many bytes since then are no character.
    start: usize,
    inner: usize,
}

impl Cursor {
    pub fn start() -> Self {
        Cursor {
            at: 0,
            line: 1,
            start: 0,
            inner: 0,
        }
    }

    fn column(&self) -> u32 {
        u32::try_from(self.at - self.start - self.inner + 1).unwrap_or(u32::MAX)
    }

    /// Moves on to `to`, over anything.
    pub fn pass(&mut self, text: &[u8], to: usize) {
        let mut passed = text.get(self.at..to).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            let lines = memchr::memchr_iter(b'\n', passed).count();
            let lines = u32::try_from(lines).unwrap_or(u32::MAX);
            self.line = self.line.saturating_add(lines);
            self.start = self.at + last + 1;
            self.inner = 0;
            passed = passed.get(last + 1..).unwrap_or_default();
        }
        self.inner += passed.iter().filter(|byte| **byte & 0xC0 == 0x80).count();
        self.at = to;
    }
}

/// The tokens of `range`, a brace pair and what is inside; `None` where
/// something in it is not known here.
pub(super) fn lex(
    text: &str,
    range: Range<usize>,
    cursor: &mut Cursor,
    out: &mut Vec<Token>,
) -> Option<()> {
    out.clear();
    let bytes = text.as_bytes().get(..range.end)?;
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let mut open = Vec::new();
    cursor.pass(bytes, range.start);
    while cursor.at < bytes.len() {
        let i = cursor.at;
        let byte = at(i);
        let (kind, end) = match byte {
            b' ' | b'\t' | b'\r' => {
                cursor.at += 1;
                continue;
            }
            b'\n' => {
                cursor.at += 1;
                cursor.line = cursor.line.saturating_add(1);
                cursor.start = cursor.at;
                cursor.inner = 0;
                continue;
            }
            b'/' if matches!(at(i + 1), b'/' | b'*') => {
                let end = comment(bytes, i)?;
                if doc_mark(bytes, &(i..end)).is_some() {
                    return None;
                }
                cursor.pass(bytes, end);
                continue;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => word(bytes, i)?,
            b'0'..=b'9' => number(bytes, i)?,
            b'"' => (Kind::Str, string(bytes, i)?),
            b'\'' => quote(text, i)?,
            b'(' | b'[' | b'{' => {
                open.push(out.len());
                (Kind::Open(byte), i + 1)
            }
            b')' | b']' | b'}' => (Kind::Close, i + 1),
            b'!'..=b'~' => (Kind::Punct(byte), i + 1),
            _ => return None,
        };
        let (line, column) = (cursor.line, cursor.column());
        match kind {
            Kind::Str | Kind::Literal => cursor.pass(bytes, end),
            // One line of ASCII.
            _ => cursor.at = end,
        }
        let mut mate = 0;
        if kind == Kind::Close {
            mate = open.pop()?;
            let other = out.len();
            let opener = out.get_mut(mate)?;
            let fits = matches!(
                (opener.kind, byte),
                (Kind::Open(b'('), b')') | (Kind::Open(b'['), b']') | (Kind::Open(b'{'), b'}')
            );
            if !fits {
                return None;
            }
            opener.mate = other;
        }
        out.push(Token {
            kind,
            start: i,
            end,
            span: Span {
                line,
                column,
                end_line: cursor.line,
                end_column: cursor.column(),
            },
            mate,
        });
    }
    open.is_empty().then_some(())
}

/// The end of the comment at `start`.
fn comment(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    if rest.starts_with(b"//") {
        return Some(start + memchr::memchr(b'\n', rest).unwrap_or(rest.len()));
    }
    let mut nested = 0_u32;
    let mut i = start;
    loop {
        match (bytes.get(i)?, bytes.get(i + 1)?) {
            (b'/', b'*') => {
                nested += 1;
                i += 2;
            }
            (b'*', b'/') => {
                nested -= 1;
                i += 2;
                if nested == 0 {
                    return Some(i);
                }
            }
            _ => i += 1,
        }
    }
}

fn word(bytes: &[u8], start: usize) -> Option<(Kind, usize)> {
    let end = word_end(bytes, start);
    let word = bytes.get(start..end)?;
    let next = bytes.get(end).copied().unwrap_or(0);
    match (word, next) {
        (b"b" | b"c", b'"') => return Some((Kind::Literal, string(bytes, end)?)),
        (b"b", b'\'') => return Some((Kind::Literal, char_end(bytes, end)?)),
        (b"r", b'"' | b'#') => return Some((Kind::Str, raw_string(bytes, end)?)),
        (b"br" | b"cr", b'"' | b'#') => return Some((Kind::Literal, raw_string(bytes, end)?)),
        // Prefixes that a later edition may give a meaning.
        (_, b'"' | b'\'' | b'#') => return None,
        _ if !word.is_ascii() => return None,
        _ => {}
    }
    let kind = if is_keyword(word) {
        Kind::Keyword
    } else {
        Kind::Ident
    };
    Some((kind, end))
}

fn is_keyword(word: &[u8]) -> bool {
    word.len() <= 8
        && matches!(
            word,
            b"_" | b"abstract"
                | b"as"
                | b"async"
                | b"await"
                | b"become"
                | b"box"
                | b"break"
                | b"const"
                | b"continue"
                | b"crate"
                | b"do"
                | b"dyn"
                | b"else"
                | b"enum"
                | b"extern"
                | b"false"
                | b"final"
                | b"fn"
                | b"for"
                | b"if"
                | b"impl"
                | b"in"
                | b"let"
                | b"loop"
                | b"macro"
                | b"match"
                | b"mod"
                | b"move"
                | b"mut"
                | b"override"
                | b"priv"
                | b"pub"
                | b"ref"
                | b"return"
                | b"Self"
                | b"self"
                | b"static"
                | b"struct"
                | b"super"
                | b"trait"
                | b"true"
                | b"try"
                | b"type"
                | b"typeof"
                | b"unsafe"
                | b"unsized"
                | b"use"
                | b"virtual"
                | b"where"
                | b"while"
                | b"yield"
        )
}

fn number(bytes: &[u8], start: usize) -> Option<(Kind, usize)> {
    let end = word_end(bytes, start);
    let word = bytes.get(start..end)?;
    let radix = matches!(word, [b'0', b'x' | b'o' | b'b', ..]);
    let after = bytes.get(end + 1).copied().unwrap_or(0);
    let has_point = !radix
        && bytes.get(end) == Some(&b'.')
        && after != b'.'
        && after != b'_'
        && !after.is_ascii_alphabetic()
        && after < 0x80;
    if has_point {
        if !is_digits(word) {
            return None;
        }
        if !after.is_ascii_digit() {
            return Some((Kind::Float, end + 1));
        }
        let end = word_end(bytes, end + 1);
        let fraction = bytes.get(start + word.len() + 1..end)?;
        let fraction = fraction
            .strip_suffix(b"f64")
            .or_else(|| fraction.strip_suffix(b"f32"))
            .unwrap_or(fraction);
        return is_digits(fraction).then_some((Kind::Float, end));
    }
    let digits = digits(word);
    let plain = match radix {
        true => digits.len() > 2 && digits.iter().skip(2).any(|b| *b != b'_'),
        false => is_digits(digits),
    };
    plain.then_some((Kind::Int, end))
}

fn is_digits(word: &[u8]) -> bool {
    word.iter().all(|b| b.is_ascii_digit() || *b == b'_')
}

/// An integer without its suffix.
fn digits(word: &[u8]) -> &[u8] {
    let suffixes: [&[u8]; 12] = [
        b"usize", b"isize", b"u8", b"u16", b"u32", b"u64", b"u128", b"i8", b"i16", b"i32", b"i64",
        b"i128",
    ];
    suffixes
        .iter()
        .find_map(|suffix| word.strip_suffix(*suffix))
        .unwrap_or(word)
}

/// The value of an integer token, where it fits; the outer `None` where the
/// token is not understood.
pub(super) fn int(text: &str) -> Option<Option<u64>> {
    let digits = std::str::from_utf8(digits(text.as_bytes())).ok()?;
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (digits.get(2..)?, 16),
        Some("0o") => (digits.get(2..)?, 8),
        Some("0b") => (digits.get(2..)?, 2),
        _ => (digits, 10),
    };
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(u64::from_str_radix(&plain, radix).ok())
}

/// The end of the string whose quote is at `quote`; a suffix ends it all.
fn string(bytes: &[u8], quote: usize) -> Option<usize> {
    let mut i = quote + 1;
    loop {
        i += memchr::memchr2(b'"', b'\\', bytes.get(i..)?)?;
        if bytes.get(i) == Some(&b'"') {
            return without_suffix(bytes, i + 1);
        }
        i += 2;
    }
}

fn raw_string(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes
        .get(start..)?
        .iter()
        .take_while(|b| **b == b'#')
        .count();
    if bytes.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let mut i = start + hashes + 1;
    loop {
        i += memchr::memchr(b'"', bytes.get(i..)?)? + 1;
        if bytes.get(i..i + hashes)?.iter().all(|b| *b == b'#') {
            return without_suffix(bytes, i + hashes);
        }
    }
}

fn without_suffix(bytes: &[u8], end: usize) -> Option<usize> {
    (word_end(bytes, end) == end).then_some(end)
}

/// A character or a lifetime.
fn quote(text: &str, start: usize) -> Option<(Kind, usize)> {
    let bytes = text.as_bytes();
    let mut chars = text.get(start + 1..)?.chars();
    let first = chars.next()?;
    if first == '\\' || chars.next() == Some('\'') {
        return Some((Kind::Literal, char_end(bytes, start)?));
    }
    let end = word_end(bytes, start + 1);
    let name = bytes.get(start + 1..end)?;
    let named = first.is_ascii_alphabetic() || first == '_';
    (named && name.is_ascii() && bytes.get(end) != Some(&b'\'')).then_some((Kind::Lifetime, end))
}

/// The end of the character whose first quote is at `start`.
fn char_end(bytes: &[u8], start: usize) -> Option<usize> {
    let escaped = bytes.get(start + 1) == Some(&b'\\');
    let inside = start + if escaped { 3 } else { 2 };
    let end = inside
        + memchr::memchr(
            b'\'',
            bytes.get(inside..)?.get(..12.min(bytes.len() - inside))?,
        )?;
    without_suffix(bytes, end + 1)
}

/// The value of a string token; `None` for escapes that are rare.
pub(super) fn string_value(token: &str) -> Option<String> {
    if token.contains('\r') {
        return None;
    }
    if let Some(raw) = token.strip_prefix('r') {
        let inside = raw.trim_matches('#');
        return Some(inside.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    let inside = token.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(inside.to_owned());
    }
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '0' => out.push('\0'),
            c @ ('\\' | '"' | '\'') => out.push(c),
            '\n' => while chars.next_if(|c| matches!(c, ' ' | '\t' | '\n')).is_some() {},
            _ => return None,
        }
    }
    Some(out)
}
