//! Macro calls: those whose arguments are expressions are read here, the
//! grammars of the others belong to `syn`.

use std::ops::Range;

use proc_macro2::TokenStream;

use super::exprs::{Shape, Shaped};
use super::{MACRO_DEPTH, Reader};
use crate::hir::{Expr, ExprKind, Lit, Path, Span};
use crate::parse::Cx;
use crate::parse::exprs::made;
use crate::parse::known::{Known, known};
use crate::parse::macros::Call;
use crate::parse::span::join;
use crate::parse::twins::binds_captures;

impl Reader<'_, '_> {
    /// A macro call whose name, at `name`, was read.
    pub fn macro_call(&mut self, path: Path, name: Span) -> Option<Shaped> {
        self.expect(b"!")?;
        let open = self.peek(0);
        let close = self
            .tokens
            .get(open.mate)
            .filter(|_| self.macros < MACRO_DEPTH)?;
        let shape = match open.kind {
            super::Kind::Open(b'{') => Shape::BraceMacro,
            super::Kind::Open(_) => Shape::Other,
            _ => return None,
        };
        // They declare items where they are statements.
        if matches!(path.last(), "lazy_static" | "thread_local") {
            return None;
        }
        if let Some(expr) = self.expanded(self.at - 1, &path, |cx, mac, alone| {
            cx.expanded_expr(mac, alone)
        }) {
            self.at = open.mate + 1;
            return Some((expr, shape));
        }
        let known = known(path.last());
        let call = Call {
            path,
            span: join(name, close.span),
        };
        if known == Known::Inert {
            self.at = open.mate + 1;
            return Some((made(call.span, ExprKind::Lit(Lit::Other)), shape));
        }
        self.macros += 1;
        let (at, unread, items) = (self.at, self.cx.unread.len(), self.cx.stmt_items);
        self.at += 1;
        let mut out = self.arguments(&known, &call, name);
        if out.is_none() {
            self.at = at;
            self.cx.unread.truncate(unread);
            self.cx.stmt_items = items;
            let inside = open.end..close.start;
            out = self.foreign(
                inside,
                (open.span.end_line, open.span.end_column),
                |cx, tokens| Some(cx.macro_call(&known, call, tokens, name)),
            );
        }
        self.macros -= 1;
        self.at = open.mate + 1;
        Some((out?, shape))
    }

    /// What a call of the program's own macro stands for, whose `!` is the token
    /// at `bang` and whose arguments are closed.
    pub fn expanded<T>(
        &mut self,
        bang: usize,
        path: &Path,
        read: impl FnOnce(&mut Cx, &syn::Macro, bool) -> Option<T>,
    ) -> Option<T> {
        let name = self.tokens.get(bang.checked_sub(1)?)?;
        let close = self.tokens.get(self.tokens.get(bang + 1)?.mate)?;
        let alone = path.segments.len() == 1 && !path.global;
        if !self
            .cx
            .expander
            .concerns(path.last(), alone, name.span.line)
        {
            return None;
        }
        let place = (name.span.line, name.span.column);
        self.foreign(name.start..close.end, place, |cx, tokens| {
            let mac = syn::parse2::<syn::Macro>(tokens).ok()?;
            read(cx, &mac, alone)
        })
    }

    /// Arguments that are expressions, up to the closing bracket.
    fn arguments(&mut self, known: &Known, call: &Call, name: Span) -> Option<Expr> {
        match known {
            Known::Select | Known::CfgIf | Known::CfgSelect | Known::Join | Known::Inert => {
                return None;
            }
            Known::Matches => return self.matches(call),
            Known::Unknown if binds_captures(call.path.last()) => return None,
            _ => {}
        }
        // `name = value` and `{ name } = value` mean something else there.
        let loose = matches!(known, Known::Call(_) | Known::Assert | Known::AssertPair);
        let mut args = Vec::new();
        while !self.is_empty() {
            if loose && self.is_open(0, b'{') {
                return None;
            }
            let arg = self.expr()?;
            if loose && matches!(arg.kind, ExprKind::Assign { .. }) {
                return None;
            }
            args.push(arg);
            if self.eat(b",") {
                continue;
            }
            if *known == Known::Vec && args.len() == 1 && self.eat(b";") {
                let (len, count) = self.length()?;
                self.close()?;
                let count = Some(count).filter(|_| len.is_none());
                return Some(self.cx.repeated(call, args.pop()?, len, count));
            }
            break;
        }
        self.close()?;
        Some(self.cx.listed(known, call, args, name))
    }

    /// `expr, pattern if guard`.
    fn matches(&mut self, call: &Call) -> Option<Expr> {
        let scrutinee = self.expr()?;
        self.expect(b",")?;
        let pat = self.pat()?;
        let guard = match self.eat_keyword("if") {
            true => Some(self.expr()?),
            false => None,
        };
        self.eat(b",");
        self.close()?;
        Some(self.cx.matched(call, scrutinee, pat, guard, Vec::new()))
    }

    /// Gives the text at `range`, which starts at `line` and `column`, to
    /// something that reads token streams. It is padded to its column, so that
    /// spans come out right.
    pub fn foreign<T>(
        &mut self,
        range: Range<usize>,
        (line, column): (u32, u32),
        read: impl FnOnce(&mut Cx, TokenStream) -> Option<T>,
    ) -> Option<T> {
        let mut padded = " ".repeat(usize::try_from(column).ok()?.checked_sub(1)?);
        padded.push_str(self.text.get(range)?);
        let tokens = padded.parse().ok()?;
        let first_line = std::mem::replace(&mut self.cx.first_line, line.checked_sub(1)?);
        let out = read(self.cx, tokens);
        self.cx.first_line = first_line;
        out
    }
}
