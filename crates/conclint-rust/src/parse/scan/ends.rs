//! Where comments, literals and words end, byte by byte.
//!
//! One that never ends goes to the end of the text, and is noted: what is wrong
//! with the text is for the recovery to say.

use memchr::{memchr, memchr2};

use super::Scanner;

impl Scanner<'_> {
    /// The end of the comment at `start`.
    pub(super) fn comment(&mut self, start: usize) -> usize {
        let rest = self.bytes.get(start..).unwrap_or_default();
        if self.at(start + 1) == b'/' {
            return start + memchr(b'\n', rest).unwrap_or(rest.len());
        }
        let mut nested = 1_u32;
        let mut i = start + 2;
        while let Some(found) = self
            .bytes
            .get(i..)
            .and_then(|rest| memchr2(b'*', b'/', rest))
        {
            i += found;
            match (self.at(i), self.at(i + 1)) {
                (b'*', b'/') => {
                    nested -= 1;
                    i += 2;
                    if nested == 0 {
                        return i;
                    }
                }
                (b'/', b'*') => {
                    nested += 1;
                    i += 2;
                }
                _ => i += 1,
            }
        }
        self.unterminated(start)
    }

    fn unterminated(&mut self, start: usize) -> usize {
        self.out.balance.unterminated.get_or_insert(start);
        self.bytes.len()
    }

    /// `b"..`, `r#"..`, `br"..`, `c"..`, `b'x'`: the end of the literal whose
    /// prefix is `word`; `None` when it is a plain word.
    pub(super) fn prefixed_literal(&mut self, word: &[u8], end: usize) -> Option<usize> {
        let start = end - word.len();
        match word {
            b"b" | b"c" if self.at(end) == b'"' => Some(self.string(start, end)),
            b"b" if self.at(end) == b'\'' => Some(self.quote(end)),
            b"r" | b"br" | b"cr" => {
                let hashes = self
                    .bytes
                    .get(end..)?
                    .iter()
                    .take_while(|b| **b == b'#')
                    .count();
                (self.at(end + hashes) == b'"')
                    .then(|| self.raw_string(start, end + hashes, hashes))
            }
            _ => None,
        }
        .inspect(|_| self.new_statement())
    }

    /// A string with escapes whose quote is at `quote`.
    pub(super) fn string(&mut self, start: usize, quote: usize) -> usize {
        let mut i = quote + 1;
        while let Some(found) = self
            .bytes
            .get(i..)
            .and_then(|rest| memchr2(b'"', b'\\', rest))
        {
            i += found;
            if self.at(i) == b'"' {
                return i + 1;
            }
            i += 2;
        }
        self.unterminated(start)
    }

    fn raw_string(&mut self, start: usize, quote: usize, hashes: usize) -> usize {
        let mut i = quote + 1;
        while let Some(found) = self.bytes.get(i..).and_then(|rest| memchr(b'"', rest)) {
            i += found + 1;
            let close = self.bytes.get(i..i + hashes);
            if close.is_some_and(|close| close.iter().all(|b| *b == b'#')) {
                return i + hashes;
            }
        }
        self.unterminated(start)
    }

    /// A character or a lifetime whose `'` is at `start`.
    pub(super) fn quote(&mut self, start: usize) -> usize {
        let next = self.at(start + 1);
        if next == b'\\' {
            // The escaped character can itself be a quote.
            let rest = self.bytes.get(start + 3..).unwrap_or_default();
            return match memchr2(b'\'', b'\n', rest) {
                Some(found) if rest.get(found) == Some(&b'\'') => start + 3 + found + 1,
                _ => self.unterminated(start),
            };
        }
        let width = match next {
            0x00..0x80 => 1,
            0x80..0xE0 => 2,
            0xE0..0xF0 => 3,
            _ => 4,
        };
        if next != b'\'' && self.at(start + 1 + width) == b'\'' {
            return start + 1 + width + 1;
        }
        word_end(self.bytes, start + 1)
    }

    /// The end of the number at `start`.
    pub(super) fn number(&self, start: usize) -> usize {
        let end = word_end(self.bytes, start);
        if self.at(end) == b'.' && self.at(end + 1).is_ascii_digit() {
            return word_end(self.bytes, end + 1);
        }
        end
    }
}

/// The end of a word or number that starts at `start`; at least one byte on,
/// except at the end of the text.
pub(in crate::parse) fn word_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start
        + rest
            .iter()
            .position(|b| !IS_WORD[usize::from(*b)])
            .unwrap_or(rest.len())
}

/// Letters, digits, `_` and all that is not ASCII.
pub(super) const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// `#!/usr/bin/env ..` on the first line, but not `#![attribute]`.
pub(super) fn skip_shebang(bytes: &[u8]) -> usize {
    let start = if bytes.starts_with("\u{feff}".as_bytes()) {
        3
    } else {
        0
    };
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(after) = rest.strip_prefix(b"#!") else {
        return start;
    };
    match after.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'[') | None => start,
        Some(_) => start + memchr(b'\n', rest).unwrap_or(rest.len()),
    }
}
