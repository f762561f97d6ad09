//! What the scan keeps track of beside brackets: lists of literals, and bodies
//! of functions.

use std::ops::Range;

/// Values that a list of literals keeps: what it is a list of can be told from
/// the first, and that it is one from the second.
const KEPT: u32 = 2;
/// A shorter list is not worth the trouble.
const LONG: u32 = 8;

/// How far the content of a bracket is a list of literals, or of such lists.
#[derive(Clone, Copy, Default)]
pub(super) struct List {
    pub so_far: bool,
    last: Last,
    values: u32,
    /// Where the last of the values that are kept ends.
    kept_end: usize,
}

/// The last token of a list.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Comma,
    Minus,
    Value,
}

impl List {
    /// Behind an open bracket, where there can be one.
    pub fn begins(so_far: bool) -> Self {
        Self {
            so_far,
            ..Self::default()
        }
    }

    /// A literal, or a bracket that holds nothing else.
    pub fn value(&mut self, end: usize) {
        self.so_far &= self.last != Last::Value;
        self.last = Last::Value;
        self.values = self.values.saturating_add(1);
        if self.values == KEPT {
            self.kept_end = end;
        }
    }

    pub fn punct(&mut self, byte: u8) {
        let (last, fits) = match byte {
            b',' => (Last::Comma, self.last == Last::Value),
            b'-' => (Last::Minus, self.last == Last::Comma),
            _ => (Last::Comma, false),
        };
        self.last = last;
        self.so_far &= fits;
    }

    pub fn is_whole(&self) -> bool {
        self.so_far && self.last != Last::Minus
    }

    /// What a list that closes at `end` can do without.
    pub fn surplus(&self, end: usize) -> Option<Range<usize>> {
        (self.is_whole() && self.values > LONG).then_some(self.kept_end..end)
    }
}

/// How far a function was seen, from `fn` to the end of its body. Each state
/// knows how many brackets were open around `fn`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Function {
    #[default]
    None,
    /// `fn`.
    Keyword(usize),
    /// `fn name`.
    Named(usize),
    /// The place where its body opened.
    Body(usize, usize),
}

impl Function {
    /// `opens`: a function may begin here.
    pub fn word(&mut self, word: &[u8], levels: usize, opens: bool) {
        match *self {
            Function::Keyword(levels) => *self = Function::Named(levels),
            Function::None if opens && word == b"fn" => *self = Function::Keyword(levels),
            _ => {}
        }
    }

    /// One without a body.
    pub fn semicolon(&mut self, levels: usize) {
        if *self == Function::Named(levels) {
            *self = Function::None;
        }
    }

    pub fn open(&mut self, at: usize, byte: u8, levels: usize) {
        match *self {
            // The type of a function.
            Function::Keyword(_) => *self = Function::None,
            Function::Named(around) if byte == b'{' && around == levels => {
                *self = Function::Body(at, levels);
            }
            _ => {}
        }
    }

    /// The bracket at `at` closed: the body that ends there.
    pub fn close(&mut self, at: usize, levels: usize) -> Option<Range<usize>> {
        match *self {
            Function::Body(start, around) if levels <= around => {
                *self = Function::None;
                Some(start..at + 1)
            }
            Function::Named(around) if levels < around => {
                *self = Function::None;
                None
            }
            _ => None,
        }
    }
}
