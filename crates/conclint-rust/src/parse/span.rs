//! From `proc-macro2` spans to lines and columns.
//!
//! Each look-up searches the line table, so that a token is looked up once and
//! the spans of compound nodes are joined from those of their parts.

use proc_macro2::{LineColumn, TokenStream};
use smol_str::ToSmolStr;

use super::Cx;
use crate::hir::{Name, Span};

/// From the start of `from` to the end of both. What an expanded macro writes
/// stands before the arguments that come first in it.
pub(super) fn join(from: Span, to: Span) -> Span {
    let (end_line, end_column) = (from.end_line, from.end_column).max((to.end_line, to.end_column));
    Span {
        end_line,
        end_column,
        ..from
    }
}

/// A name without `r#`.
pub(super) fn name(ident: &proc_macro2::Ident) -> Name {
    let text = ident.to_smolstr();
    match text.strip_prefix("r#") {
        Some(plain) => plain.into(),
        None => text,
    }
}

/// In characters.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

impl Cx {
    fn place(&self, at: LineColumn) -> (u32, u32) {
        let line = u32::try_from(at.line).unwrap_or(u32::MAX);
        let column = u32::try_from(at.column)
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        (line.saturating_add(self.first_line), column)
    }

    /// Any token, also of several lines.
    pub fn span(&self, span: proc_macro2::Span) -> Span {
        let (line, column) = self.place(span.start());
        let (end_line, end_column) = self.place(span.end());
        Span {
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// A token of one line that is `width` characters wide.
    pub fn word(&self, span: proc_macro2::Span, width: usize) -> Span {
        if self.expander.is_at_work() {
            // What a macro writes has the extent of the macro's name.
            return self.span(span);
        }
        let (line, column) = self.place(span.start());
        let width = u32::try_from(width).unwrap_or(0);
        Span {
            line,
            column,
            end_line: line,
            end_column: column.saturating_add(width),
        }
    }

    /// Where `ident` stands, of which `name` is the text without `r#`.
    pub fn name_span(&self, ident: &proc_macro2::Ident, name: &Name) -> Span {
        let width = width(name) + if ident == name.as_str() { 0 } else { 2 };
        self.word(ident.span(), width)
    }

    pub fn ident(&self, ident: &proc_macro2::Ident) -> (Name, Span) {
        let text = ident.to_smolstr();
        let span = self.word(ident.span(), width(&text));
        match text.strip_prefix("r#") {
            Some(plain) => (plain.into(), span),
            None => (text, span),
        }
    }

    /// From the start of `from` to the end of the bracket pair or token `to`.
    pub fn until(&self, from: Span, to: proc_macro2::Span) -> Span {
        let (end_line, end_column) = self.place(to.end()).max((from.end_line, from.end_column));
        Span {
            end_line,
            end_column,
            ..from
        }
    }

    /// All of a token stream; the default for an empty one.
    pub fn tokens(&self, tokens: &TokenStream) -> Span {
        let mut all = tokens.clone().into_iter();
        let Some(first) = all.next() else {
            return Span::default();
        };
        let from = self.span(first.span());
        all.last()
            .map_or(from, |last| self.until(from, last.span()))
    }
}
