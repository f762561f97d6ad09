//! Function bodies straight from the text, without `syn`.
//!
//! Two thirds of all code stands in bodies, and a general parser pays for each
//! of their tokens several times: as a token tree, in a buffer, and as a node
//! that is taken apart again for `hir`. What is written here all day (calls,
//! blocks, patterns, paths, the arguments of known macros) is read in one pass
//! instead.
//!
//! This is no second opinion on the language: whatever it does not know makes
//! it give the whole body up, and `syn` reads it as ever. What it does read is
//! what `syn` would have read, node by node and span by span; the tests compare
//! both over all sources at hand. A body that was read is blanked (`blanked`),
//! so that `syn` sees signatures and an empty block.

mod atoms;
mod exprs;
mod lex;
mod macros;
mod pats;
mod stmts;
mod types;

use std::ops::Range;

use super::{Cx, MAX_DEPTH};
use crate::hir::{Block, Span};
use lex::{Cursor, Kind, Token};

/// Scan depth up to which bodies are read here: no expression in such a text
/// comes near [`MAX_DEPTH`], since each level weighs two at least.
pub(super) const DEPTH: u32 = 2 * MAX_DEPTH - 100;
/// Types and patterns nested deeper are left to `syn`, which counts them.
const TYPE_DEPTH: u32 = 60;
/// The same for macros in macros.
const MACRO_DEPTH: u32 = 20;

/// A body that was read.
pub(super) struct Body {
    pub block: Block,
    pub has_items: bool,
}

/// Bodies by the place of their brace, in order.
#[derive(Default)]
pub(super) struct Bodies(Vec<(Span, Option<Body>)>);

impl Bodies {
    /// The body whose braces are at `span`, once.
    pub fn take(&mut self, span: Span) -> Option<Body> {
        let key = (span.line, span.column);
        let at = self
            .0
            .binary_search_by_key(&key, |(span, _)| (span.line, span.column));
        self.0.get_mut(at.ok()?)?.1.take()
    }
}

/// Reads those of the bodies at `ranges` that it can into `cx`. What is left is
/// the text without them: in their place stand as many lines.
pub(super) fn read(text: &str, ranges: &[Range<usize>], cx: &mut Cx) -> String {
    let mut bodies = Vec::with_capacity(ranges.len());
    let mut tokens = Vec::new();
    let mut cursor = Cursor::start();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        cursor.pass(text.as_bytes(), range.start);
        let mut inner = cursor;
        if lex::lex(text, range.clone(), &mut inner, &mut tokens).is_none() {
            continue;
        }
        let Some(body) = body(text, &tokens, cx) else {
            continue;
        };
        bodies.push((body.block.span, Some(body)));
        let inside = range.start + 1..range.end - 1;
        out.push_str(text.get(done..inside.start).unwrap_or(""));
        leave_lines(text.get(inside.clone()).unwrap_or(""), &mut out);
        done = inside.end;
        cursor = inner;
    }
    out.push_str(text.get(done..).unwrap_or(""));
    cx.bodies = Bodies(bodies);
    out
}

/// White space that ends at the line and column where `text` does.
fn leave_lines(text: &str, out: &mut String) {
    let last = memchr::memrchr(b'\n', text.as_bytes()).map_or(0, |at| at + 1);
    let lines = text.get(..last).unwrap_or("").as_bytes();
    out.extend(memchr::memchr_iter(b'\n', lines).map(|_| '\n'));
    let width = text.get(last..).unwrap_or("").chars();
    out.extend(width.map(|_| ' '));
}

fn body(text: &str, tokens: &[Token], cx: &mut Cx) -> Option<Body> {
    let (unread, items) = (cx.unread.len(), cx.stmt_items);
    let spent = cx.expander.spent();
    let first = tokens.first()?;
    cx.here = first.span;
    let mut reader = Reader {
        text,
        tokens,
        at: 0,
        types: 0,
        macros: 0,
        cx,
    };
    let block = reader.block();
    let whole = reader.at == tokens.len();
    let has_items = cx.stmt_items > items;
    let block = block.filter(|_| whole);
    if block.is_none() {
        cx.unread.truncate(unread);
        cx.stmt_items = items;
        cx.expander.back_to(spent);
    }
    Some(Body {
        block: block?,
        has_items,
    })
}

/// What stands for a token beyond the last one.
const NOTHING: Token = Token {
    kind: Kind::Close,
    start: 0,
    end: 0,
    span: Span {
        line: 0,
        column: 0,
        end_line: 0,
        end_column: 0,
    },
    mate: 0,
};

/// Reads the tokens of one body. All that reads returns `None` for what is not
/// known here; the place is then of no meaning.
struct Reader<'t, 'c> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    /// How deep in types and patterns.
    types: u32,
    macros: u32,
    cx: &'c mut Cx,
}

impl<'t> Reader<'t, '_> {
    fn peek(&self, ahead: usize) -> &'t Token {
        self.tokens.get(self.at + ahead).unwrap_or(&NOTHING)
    }

    /// The token before this place.
    fn last(&self) -> &'t Token {
        let last = self.at.checked_sub(1);
        last.and_then(|at| self.tokens.get(at)).unwrap_or(&NOTHING)
    }

    fn word(&self, token: &Token) -> &'t str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    /// The end of the brackets around this place.
    fn is_empty(&self) -> bool {
        self.peek(0).kind == Kind::Close
    }

    fn is_punct(&self, ahead: usize, punct: u8) -> bool {
        self.peek(ahead).kind == Kind::Punct(punct)
    }

    /// The punctuation `puncts`, each touching the next.
    fn is(&self, puncts: &[u8]) -> bool {
        self.is_at(0, puncts)
    }

    fn is_at(&self, ahead: usize, puncts: &[u8]) -> bool {
        puncts.iter().enumerate().all(|(i, punct)| {
            self.is_punct(ahead + i, *punct)
                && (i == 0 || self.peek(ahead + i - 1).end == self.peek(ahead + i).start)
        })
    }

    fn is_open(&self, ahead: usize, bracket: u8) -> bool {
        self.peek(ahead).kind == Kind::Open(bracket)
    }

    fn is_keyword(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek(ahead);
        token.kind == Kind::Keyword && self.word(token) == word
    }

    fn is_ident(&self, ahead: usize) -> bool {
        self.peek(ahead).kind == Kind::Ident
    }

    /// Takes a token.
    fn next(&mut self) -> &'t Token {
        let token = self.peek(0);
        self.at += 1;
        token
    }

    fn eat(&mut self, puncts: &[u8]) -> bool {
        let found = self.is(puncts);
        if found {
            self.at += puncts.len();
        }
        found
    }

    fn eat_keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(0, word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, puncts: &[u8]) -> Option<()> {
        self.eat(puncts).then_some(())
    }

    fn ident(&mut self) -> Option<&'t Token> {
        self.is_ident(0).then(|| self.next())
    }

    /// Takes an open bracket; the token is the one that closes it.
    fn open(&mut self, bracket: u8) -> Option<&'t Token> {
        let token = self.peek(0);
        if token.kind != Kind::Open(bracket) {
            return None;
        }
        self.at += 1;
        self.tokens.get(token.mate)
    }

    /// Takes the bracket that closes, where nothing else is left before it.
    fn close(&mut self) -> Option<()> {
        let done = self.is_empty();
        self.at += 1;
        done.then_some(())
    }

    /// `a, b, c` up to the closing bracket, which is taken, too.
    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut out = Vec::new();
        while !self.is_empty() {
            out.push(one(self)?);
            if !self.eat(b",") {
                break;
            }
        }
        self.close()?;
        Some(out)
    }
}
