//! One pass over the bytes of a source text: where comments are, how deep the
//! nesting goes, and where the text is out of balance.
//!
//! It knows strings, raw strings, characters against lifetimes and nested
//! comments, and nothing else of Rust. It exists because `syn` drops comments
//! and recurses: the depth has to be known before it is called.

use std::ops::Range;

use super::quiet::{doc_mark, is_inert};
use super::tracks::{Function, List};

mod ends;

pub(super) use ends::word_end;
use ends::{IS_WORD, skip_shebang};

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The highest estimate of syntax tree depth.
    pub depth: u32,
    /// Top-level pieces in source order; together they cover the text.
    pub pieces: Vec<Piece>,
    pub balance: Balance,
    /// What `syn` need not see, by the end of each part (see `quiet`).
    pub silent: Vec<Range<usize>>,
    /// The bodies of functions with their braces, but for those inside others
    /// and those in arguments of macros.
    pub bodies: Vec<Range<usize>>,
    /// What stands between the braces of `macro_rules!`.
    pub rules: Vec<Range<usize>>,
}

/// The text of one top-level item, with the white space before it; pieces can
/// be smaller than an item, never larger.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub range: Range<usize>,
    pub depth: u32,
}

/// How to make the brackets of a text match.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// Brackets without a partner inside their level, by byte offset.
    pub stray: Vec<usize>,
    /// The closers that are missing at the end, outermost first.
    pub open: Vec<u8>,
    /// Where a string, character or block comment begins that never ends.
    pub unterminated: Option<usize>,
}

impl Balance {
    pub fn is_even(&self) -> bool {
        self.stray.is_empty() && self.open.is_empty() && self.unterminated.is_none()
    }
}

/// Bracket levels and keywords weigh more than operators: the parser uses more
/// stack there.
const BRACKET: u32 = 4;
const OPERATOR: u32 = 2;
/// A text with more open brackets than this is not scanned to its end.
const MAX_LEVELS: usize = 1_000_000;

/// What is open at one bracket level.
#[derive(Clone, Copy, Default)]
struct Level {
    open_at: usize,
    closer: u8,
    /// Operators and prefixes since the last `,` or `;`.
    run: u32,
    /// `<` and `|`, which nest across commas, since the last `;`.
    across: u32,
    list: List,
}

impl Level {
    fn weight(self) -> u32 {
        self.run.saturating_add(self.across)
    }
}

/// What stands before an open bracket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Other,
    /// `name!`.
    Call,
    /// `macro_rules`.
    Keyword,
    /// `macro_rules!` and perhaps a name.
    Rules,
}

/// Something that ends where a bracket closes.
struct Open {
    start: usize,
    /// Open brackets around it.
    levels: usize,
    /// What is inside is blanked; for attributes with the brackets.
    kind: OpenKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenKind {
    Arguments,
    Rules,
    Attribute,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    levels: Vec<Level>,
    /// The weight of all levels below the top one.
    below: u32,
    top: Level,
    /// A `}` was the last token: what follows may be a new statement.
    after_brace: bool,
    before: Before,
    /// The outermost macro call or attribute around this place.
    inside: Option<Open>,
    function: Function,
    piece_start: usize,
    piece_depth: u32,
    out: Scan,
}

/// Reads the whole text; `on_comment` gets the byte range of each comment.
pub(super) fn scan(text: &str, on_comment: impl FnMut(Range<usize>)) -> Scan {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        levels: Vec::new(),
        below: 0,
        top: Level::default(),
        after_brace: false,
        before: Before::Other,
        inside: None,
        function: Function::None,
        piece_start: 0,
        piece_depth: 0,
        out: Scan::default(),
    };
    scanner.run(on_comment);
    scanner.finish()
}

impl Scanner<'_> {
    fn at(&self, i: usize) -> u8 {
        self.bytes.get(i).copied().unwrap_or(0)
    }

    fn run(&mut self, mut on_comment: impl FnMut(Range<usize>)) {
        let len = self.bytes.len();
        let mut i = skip_shebang(self.bytes);
        while i < len {
            if self.levels.len() > MAX_LEVELS {
                self.piece_depth = u32::MAX;
                self.levels.clear();
                return;
            }
            let byte = self.at(i);
            match byte {
                b' ' | b'\n' | b'\t' | b'\r' => i += 1,
                b'/' if matches!(self.at(i + 1), b'/' | b'*') => {
                    let end = self.comment(i);
                    if self.inside.is_none() {
                        self.out.silent.extend(doc_mark(self.bytes, &(i..end)));
                    }
                    on_comment(i..end);
                    i = end;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                    let end = word_end(self.bytes, i);
                    let word = self.bytes.get(i..end).unwrap_or_default();
                    i = match self.prefixed_literal(word, end) {
                        Some(end) => {
                            self.top.list.value(end);
                            end
                        }
                        None => {
                            self.top.list.so_far = false;
                            self.word(word);
                            end
                        }
                    };
                }
                b'0'..=b'9' => {
                    self.new_statement();
                    i = self.number(i);
                    self.top.list.value(i);
                }
                b'"' => {
                    self.new_statement();
                    i = self.string(i, i);
                    self.top.list.value(i);
                }
                b'\'' => {
                    self.new_statement();
                    let end = self.quote(i);
                    let is_lifetime = end < i + 3 || self.previous(end) != b'\'';
                    self.top.list.so_far &= !is_lifetime;
                    self.top.list.value(end);
                    i = end;
                }
                b'(' | b'[' | b'{' => {
                    self.open(i, byte);
                    i += 1;
                }
                b')' | b']' | b'}' => {
                    self.close(i, byte);
                    i += 1;
                }
                _ => {
                    self.punct(i, byte);
                    i += 1;
                }
            }
        }
    }

    fn word(&mut self, word: &[u8]) {
        self.function
            .word(word, self.levels.len(), self.inside.is_none());
        self.before = match self.before {
            Before::Rules => Before::Rules,
            _ if word == b"macro_rules" => Before::Keyword,
            _ => Before::Other,
        };
        if word == b"else" || word == b"as" {
            self.after_brace = false;
        } else {
            self.new_statement();
        }
        // Keywords that open one more level of an expression without a bracket.
        if word.len() <= 6
            && matches!(
                word,
                b"else"
                    | b"as"
                    | b"if"
                    | b"return"
                    | b"break"
                    | b"yield"
                    | b"box"
                    | b"move"
                    | b"in"
                    | b"let"
                    | b"match"
                    | b"while"
                    | b"async"
                    | b"static"
                    | b"const"
                    | b"unsafe"
                    | b"mut"
                    | b"dyn"
                    | b"for"
                    | b"loop"
                    | b"do"
                    | b"try"
            )
        {
            self.top.run += BRACKET;
            self.note();
        }
    }

    fn punct(&mut self, at: usize, byte: u8) {
        self.top.list.punct(byte);
        // An attribute belongs to what follows.
        if byte == b'#' {
            self.new_statement();
        }
        self.before = match self.before {
            Before::Keyword if byte == b'!' => Before::Rules,
            _ if byte == b'!' && IS_WORD[usize::from(self.previous(at))] => Before::Call,
            _ => Before::Other,
        };
        match byte {
            b',' => self.top.run = 0,
            b';' => {
                self.function.semicolon(self.levels.len());
                self.top = Level {
                    run: 0,
                    across: 0,
                    ..self.top
                };
                if self.levels.is_empty() {
                    self.end_piece(at + 1);
                }
            }
            b'>' if matches!(self.previous(at), b'-' | b'=') => {
                if self.previous(at) == b'=' {
                    self.top.across = 0;
                }
                self.top.run += OPERATOR;
            }
            b'>' => self.top.across = self.top.across.saturating_sub(BRACKET),
            b'<' | b'|' => self.top.across += BRACKET,
            _ => self.top.run += OPERATOR,
        }
        self.after_brace = false;
        self.note();
    }

    fn previous(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |i| self.at(i))
    }

    /// A token that cannot continue a statement which ended in `}`.
    fn new_statement(&mut self) {
        if self.after_brace {
            self.after_brace = false;
            self.top.run = 0;
            self.top.across = 0;
        }
    }

    fn open(&mut self, at: usize, byte: u8) {
        let closer = match byte {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        if byte == b'{' {
            self.new_statement();
        }
        if self.inside.is_none() {
            self.inside = self.opened(at, byte);
        }
        self.function.open(at, byte, self.levels.len());
        // Of the tokens that a macro gets, each can matter.
        let is_foreign = match self.before {
            Before::Call => !self.bytes.get(..at).unwrap_or_default().ends_with(b"vec!"),
            Before::Keyword | Before::Rules | Before::Other => false,
        };
        self.before = Before::Other;
        self.top.run += BRACKET;
        self.after_brace = false;
        self.below = self.below.saturating_add(self.top.weight());
        self.levels.push(self.top);
        self.top = Level {
            open_at: at,
            closer,
            list: List::begins(byte != b'{' && !is_foreign),
            ..Level::default()
        };
        self.note();
    }

    /// What the bracket at `at` opens.
    fn opened(&self, at: usize, byte: u8) -> Option<Open> {
        let levels = self.levels.len();
        let open = |start, kind| {
            Some(Open {
                start,
                levels,
                kind,
            })
        };
        match self.before {
            Before::Call => return open(at, OpenKind::Arguments),
            Before::Rules => return open(at + 1, OpenKind::Rules),
            Before::Keyword | Before::Other => {}
        }
        if byte != b'[' {
            return None;
        }
        let start = match (at.checked_sub(2).map(|i| self.at(i)), self.previous(at)) {
            (_, b'#') => at - 1,
            (Some(b'#'), b'!') => at - 2,
            _ => return None,
        };
        let end = word_end(self.bytes, at + 1);
        let word = self.bytes.get(at + 1..end).unwrap_or_default();
        (is_inert(word) && self.at(end) != b':')
            .then(|| open(start, OpenKind::Attribute))
            .flatten()
    }

    /// The bracket at `at` was closed.
    fn closed(&mut self, at: usize) {
        let Some(open) = &self.inside else { return };
        if self.levels.len() > open.levels {
            return;
        }
        match open.kind {
            OpenKind::Arguments => {}
            OpenKind::Rules => {
                self.out.silent.push(open.start..at);
                self.out.rules.push(open.start..at);
            }
            OpenKind::Attribute => self.out.silent.push(open.start..at + 1),
        }
        self.inside = None;
    }

    fn close(&mut self, at: usize, byte: u8) {
        if self.top.closer != byte || self.levels.is_empty() {
            self.mismatch(at, byte);
            return;
        }
        let list = self.top.list;
        if byte == b']' {
            self.out.silent.extend(list.surplus(at));
        }
        self.pop();
        self.top.list.so_far &= list.is_whole();
        self.top.list.value(at + 1);
        self.closed(at);
        let body = self.function.close(at, self.levels.len());
        self.out.bodies.extend(body);
        self.before = Before::Other;
        self.after_brace = byte == b'}';
        if self.after_brace && self.levels.is_empty() {
            self.end_piece(at + 1);
        }
    }

    fn pop(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.below = self.below.saturating_sub(level.weight());
            self.top = level;
        }
    }

    /// A closer that does not match: where an outer level waits for it, the
    /// inner ones were never closed; otherwise it is one too many.
    fn mismatch(&mut self, at: usize, byte: u8) {
        // The outermost level is the file itself.
        let waits = self.levels.iter().skip(1).any(|level| level.closer == byte);
        if byte != b'}' || !waits {
            self.out.balance.stray.push(at);
            return;
        }
        while self.top.closer != byte && !self.levels.is_empty() {
            self.out.balance.stray.push(self.top.open_at);
            self.pop();
        }
        self.close(at, byte);
    }

    fn note(&mut self) {
        let depth = self.below.saturating_add(self.top.weight());
        self.piece_depth = self.piece_depth.max(depth);
    }

    fn end_piece(&mut self, end: usize) {
        let range = self.piece_start..end;
        self.out.depth = self.out.depth.max(self.piece_depth);
        self.out.pieces.push(Piece {
            range,
            depth: self.piece_depth,
        });
        self.piece_start = end;
        self.piece_depth = 0;
    }

    fn finish(mut self) -> Scan {
        if !self.levels.is_empty() {
            self.levels.push(self.top);
            self.out.balance.open = self
                .levels
                .iter()
                .skip(1)
                .map(|level| level.closer)
                .collect();
        }
        if self.piece_start < self.bytes.len() {
            self.end_piece(self.bytes.len());
        }
        self.out
    }
}
