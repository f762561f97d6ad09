//! Just enough of Rust's tokens to find comments and attributes, and to say
//! how far a statement or an item reaches.
//!
//! `syn` drops comments, and a file that does not parse may hold suppressions
//! too, so this works on any text: it never fails and knows no grammar beyond
//! literals, brackets and nested comments.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `// ..` or `/* .. */`; `doc` for `///`, `//!`, `/**`, `/*!`.
    Comment { doc: bool },
    /// `(`, `[`, `{`.
    Open(u8),
    /// `)`, `]`, `}`.
    Close(u8),
    /// A word: a keyword or name.
    Word,
    /// A string, character or number.
    Literal,
    /// Any other single byte.
    Mark(u8),
}

/// A token and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Bytes.
    pub(crate) range: Range<usize>,
    /// Line of its first byte, from 1.
    pub(crate) line: u32,
    /// Line of its last byte.
    pub(crate) end_line: u32,
}

/// All tokens of a text; white space is left out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        at: 0,
        line: 1,
    };
    let mut out = Vec::new();
    while let Some(token) = lexer.next() {
        out.push(token);
    }
    out
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Moves over one byte.
    fn bump(&mut self) {
        if self.peek(0) == b'\n' {
            self.line += 1;
        }
        self.at += 1;
    }

    fn done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn next(&mut self) -> Option<Token> {
        while self.peek(0).is_ascii_whitespace() && !self.done() {
            self.bump();
        }
        if self.done() {
            return None;
        }
        let (start, line) = (self.at, self.line);
        let kind = self.token();
        Some(Token {
            kind,
            range: start..self.at.min(self.bytes.len()),
            line,
            end_line: self.line,
        })
    }

    fn token(&mut self) -> Kind {
        let byte = self.peek(0);
        match byte {
            b'/' if self.peek(1) == b'/' => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'"' => self.string(),
            b'\'' => self.quote(),
            b'(' | b'[' | b'{' => {
                self.bump();
                Kind::Open(byte)
            }
            b')' | b']' | b'}' => {
                self.bump();
                Kind::Close(byte)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
            b'0'..=b'9' => {
                self.skip_word();
                Kind::Literal
            }
            _ => {
                self.bump();
                Kind::Mark(byte)
            }
        }
    }

    fn line_comment(&mut self) -> Kind {
        // `////` is an ordinary comment again.
        let doc = self.peek(2) == b'!' || (self.peek(2) == b'/' && self.peek(3) != b'/');
        while !self.done() && self.peek(0) != b'\n' {
            self.bump();
        }
        Kind::Comment { doc }
    }

    fn block_comment(&mut self) -> Kind {
        let doc =
            self.peek(2) == b'!' || (self.peek(2) == b'*' && !matches!(self.peek(3), b'*' | b'/'));
        let mut depth = 0_usize;
        while !self.done() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                }
                _ => self.bump(),
            }
        }
        Kind::Comment { doc }
    }

    fn string(&mut self) -> Kind {
        self.bump();
        while !self.done() {
            match self.peek(0) {
                b'\\' => {
                    self.bump();
                    self.bump();
                }
                b'"' => {
                    self.bump();
                    break;
                }
                _ => self.bump(),
            }
        }
        Kind::Literal
    }

    /// `r"..."`, `r#"..."#`: the lexer stands at the first `#` or `"`.
    fn raw_string(&mut self) -> bool {
        let hashes = (0..).take_while(|&n| self.peek(n) == b'#').count();
        if self.peek(hashes) != b'"' {
            return false;
        }
        self.at += hashes + 1;
        while !self.done() {
            let closes = self.peek(0) == b'"' && (1..=hashes).all(|n| self.peek(n) == b'#');
            self.bump();
            if closes {
                self.at += hashes;
                break;
            }
        }
        true
    }

    /// A character, or a lifetime or label.
    fn quote(&mut self) -> Kind {
        self.bump();
        if self.peek(0) == b'\\' {
            self.bump();
            self.bump();
            while !self.done() && !matches!(self.peek(0), b'\'' | b'\n') {
                self.bump();
            }
            self.bump();
            return Kind::Literal;
        }
        // One character, of however many bytes, and a quote.
        let width = match self.peek(0) {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        if self.peek(width) == b'\'' {
            for _ in 0..=width {
                self.bump();
            }
            return Kind::Literal;
        }
        self.skip_word();
        Kind::Mark(b'\'')
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        self.skip_word();
        let word = self.bytes.get(start..self.at).unwrap_or_default();
        match (word, self.peek(0)) {
            (b"r" | b"br" | b"cr", b'"' | b'#') if self.raw_string() => Kind::Literal,
            (b"r", b'#') => {
                self.bump();
                self.skip_word();
                Kind::Word
            }
            (b"b" | b"c", b'"') => self.string(),
            (b"b", b'\'') => self.quote(),
            _ => Kind::Word,
        }
    }

    fn skip_word(&mut self) {
        while matches!(self.peek(0), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..) {
            self.at += 1;
        }
    }
}

/// Position after the bracket that matches the one at `open`; the end of the
/// tokens if there is none.
pub(crate) fn after_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Last line of the statement that begins at `start`, without a block that it
/// opens: up to `;`, to a `,` or `{` at the end of a line, or to the end of
/// what encloses it.
pub(crate) fn statement_end(tokens: &[Token], start: usize) -> u32 {
    let mut depth = 0_usize;
    let mut last = tokens.get(start).map_or(0, |t| t.end_line);
    for (i, token) in tokens.iter().enumerate().skip(start) {
        match token.kind {
            Kind::Comment { .. } => continue,
            Kind::Close(_) if depth == 0 => return last,
            Kind::Close(_) => depth -= 1,
            Kind::Open(b'{') if ends_line(tokens, i) => return token.line,
            Kind::Open(_) => depth += 1,
            Kind::Mark(b';') if depth == 0 => return token.line,
            Kind::Mark(b',') if depth == 0 && ends_line(tokens, i) => return token.line,
            _ => {}
        }
        last = token.end_line;
    }
    last
}

/// Last line of the item, field, variant, arm or statement that begins at
/// `start`, with its body.
pub(crate) fn item_end(text: &str, tokens: &[Token], start: usize) -> u32 {
    let comma_ends = !is_item(text, tokens, start);
    let mut i = start;
    let mut last = tokens.get(start).map_or(0, |t| t.end_line);
    while let Some(token) = tokens.get(i) {
        match token.kind {
            Kind::Close(_) => return last,
            Kind::Open(open) => {
                i = after_group(tokens, i);
                last = i
                    .checked_sub(1)
                    .and_then(|i| tokens.get(i))
                    .map_or(last, |t| t.end_line);
                let goes_on = matches!(
                    tokens.get(i).map(|t| t.kind),
                    Some(Kind::Mark(b';' | b',' | b'.' | b'?')) | Some(Kind::Open(_))
                );
                if open == b'{' && !goes_on {
                    return last;
                }
                continue;
            }
            Kind::Mark(b';') => return token.line,
            Kind::Mark(b',') if comma_ends => return token.line,
            Kind::Comment { .. } => {}
            _ => last = token.end_line,
        }
        i += 1;
    }
    last
}

/// Whether an item or a `let` begins here, in which a comma ends nothing.
fn is_item(text: &str, tokens: &[Token], start: usize) -> bool {
    const KEYWORDS: &[&str] = &[
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "let",
        "macro_rules",
        "mod",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "unsafe",
        "use",
    ];
    let mut i = start;
    let word = |i: usize| tokens.get(i).and_then(|t| text.get(t.range.clone()));
    if word(i) == Some("pub") {
        i += 1;
        if matches!(tokens.get(i).map(|t| t.kind), Some(Kind::Open(b'('))) {
            i = after_group(tokens, i);
        }
    }
    word(i).is_some_and(|word| KEYWORDS.contains(&word))
}

fn ends_line(tokens: &[Token], i: usize) -> bool {
    let line = tokens.get(i).map_or(0, |t| t.line);
    tokens
        .iter()
        .skip(i + 1)
        .find(|t| !matches!(t.kind, Kind::Comment { .. }))
        .is_none_or(|next| next.line > line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(text: &str) -> Vec<&str> {
        tokens(text)
            .into_iter()
            .filter(|t| matches!(t.kind, Kind::Comment { .. }))
            .map(|t| &text[t.range])
            .collect()
    }

    #[test]
    fn comments_are_told_from_literals() {
        assert_eq!(comments(r#"let a = "// no"; // yes"#), ["// yes"]);
        assert_eq!(
            comments("let a = r##\"// no \"# // no\"##; // yes"),
            ["// yes"]
        );
        assert_eq!(
            comments(r"let a = '\''; let b = '/'; /* y /* e */ s */ x"),
            ["/* y /* e */ s */"]
        );
        assert_eq!(comments("fn f<'a>(x: &'a str) {} // yes '"), ["// yes '"]);
        assert_eq!(comments(r#"b"\"//" b'/' br"//" r#type // yes"#), ["// yes"]);
        assert_eq!(comments("'é' // yes"), ["// yes"]);
    }

    #[test]
    fn any_text_ends() {
        for text in [
            "\"",
            "'",
            "/*",
            "r#\"",
            "'\\",
            "b'",
            "\\",
            "}}}",
            "((((",
            "/* /*",
            "é'",
            "'\u{10ffff}",
            "r#",
        ] {
            let found = tokens(text);
            assert!(found.iter().all(|t| t.range.end <= text.len()), "{text}");
            for i in 0..found.len() {
                statement_end(&found, i);
                item_end(text, &found, i);
                after_group(&found, i);
            }
        }
    }

    fn ends(text: &str) -> (u32, u32) {
        let tokens = tokens(text);
        (statement_end(&tokens, 0), item_end(text, &tokens, 0))
    }

    #[test]
    fn statements_end_before_the_block_they_open() {
        assert_eq!(ends("let a = self\n    .b\n    .lock();\nnext();"), (3, 3));
        assert_eq!(ends("for x in\n    m.lock() {\n    a();\n}\nb();"), (2, 4));
        assert_eq!(ends("spawn(move || {\n    a();\n});\nb();"), (1, 3));
        assert_eq!(ends("m.lock()\n    .push(1)\n}\n"), (2, 2));
        assert_eq!(ends("a: Mutex<u8>,\nb: u8,"), (1, 1));
    }

    #[test]
    fn items_reach_to_the_end_of_their_body() {
        assert_eq!(
            ends("fn f<A, B>(a: A,\n b: B) {\n  g();\n}\nfn h() {}"),
            (2, 4)
        );
        assert_eq!(ends("pub(crate) fn f<A,\nB>() {\n}\n"), (1, 3));
        assert_eq!(ends("let x = match a {\n  _ => 1,\n};\nb();"), (1, 3));
        assert_eq!(ends("struct S(u8);\nstruct T;"), (1, 1));
    }
}
