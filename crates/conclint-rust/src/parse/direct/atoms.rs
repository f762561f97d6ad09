//! Expressions that operators stand between: literals, paths, brackets, blocks,
//! jumps, closures.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Reader;
use super::exprs::{Binds, Shape, Shaped};
use super::lex::{self, Kind, Token};
use crate::hir::{Arm, Block, Closure, Expr, ExprKind, Lit, Name, Path, Span, Ty};
use crate::parse::exprs::made;
use crate::parse::single;
use crate::parse::span::join;

impl Reader<'_, '_> {
    pub fn atom(&mut self, structs: bool) -> Option<Shaped> {
        let token = self.peek(0);
        let plain = |expr| Some((expr, Shape::Other));
        match token.kind {
            Kind::Ident => self.path_or_macro(structs),
            Kind::Int | Kind::Float | Kind::Str | Kind::Literal => plain(self.literal()?),
            Kind::Keyword => self.keyword(structs),
            Kind::Lifetime => self.labelled(),
            Kind::Open(b'(') => self.paren(),
            Kind::Open(b'[') => plain(self.array()?),
            Kind::Open(_) => {
                let block = self.block()?;
                Some((made(block.span, ExprKind::Block(block)), Shape::Block))
            }
            Kind::Punct(b'|') => plain(self.closure(structs)?),
            Kind::Punct(b':') if self.is(b"::") => self.path_or_macro(structs),
            Kind::Punct(b'.') if self.is(b"..") && !self.is(b"...") => {
                let closed = self.is(b"..=");
                self.at += if closed { 3 } else { 2 };
                let dots = join(token.span, self.last().span);
                self.range(None, dots, closed, structs)
            }
            _ => None,
        }
    }

    /// An expression that starts with a keyword.
    fn keyword(&mut self, structs: bool) -> Option<Shaped> {
        let token = self.peek(0);
        let plain = |expr| Some((expr, Shape::Other));
        let block = |expr| Some((expr, Shape::Block));
        match self.word(token) {
            "true" | "false" => plain(self.literal()?),
            "self" | "Self" | "super" | "crate" => self.path_or_macro(structs),
            "if" => block(self.if_()?),
            "match" => block(self.match_()?),
            "loop" | "while" | "for" => block(self.loop_(None)?),
            "unsafe" => {
                self.at += 1;
                let body = self.block()?;
                block(made(join(token.span, body.span), ExprKind::Block(body)))
            }
            "move" => plain(self.closure(structs)?),
            "async" => {
                self.at += 1;
                self.eat_keyword("move");
                let block = self.block()?;
                let span = join(token.span, block.span);
                plain(made(span, ExprKind::Async { block }))
            }
            "let" => {
                self.at += 1;
                let pat = Box::new(self.pat()?);
                self.expect(b"=")?;
                let left = self.unary(structs)?;
                let expr = Box::new(self.operators(left, structs, Binds::Compare)?.0);
                let span = join(token.span, expr.span);
                plain(made(span, ExprKind::Let { pat, expr }))
            }
            "return" => {
                self.at += 1;
                let value = match self.starts_expr() {
                    true => Some(self.boxed()?),
                    false => None,
                };
                let span = value
                    .as_ref()
                    .map_or(token.span, |value| join(token.span, value.span));
                plain(made(span, ExprKind::Return(value)))
            }
            "break" => {
                self.at += 1;
                let (label, from) = self.jump_label(token.span);
                if label.is_some() && self.is(b":") {
                    return None;
                }
                let value = match self.starts_expr() && (structs || !self.is_open(0, b'{')) {
                    true => Some(self.boxed()?),
                    false => None,
                };
                let span = value.as_ref().map_or(from, |value| join(from, value.span));
                plain(made(span, ExprKind::Break { label, value }))
            }
            "continue" => {
                self.at += 1;
                let (label, span) = self.jump_label(token.span);
                plain(made(span, ExprKind::Continue { label }))
            }
            "_" => {
                self.at += 1;
                plain(made(token.span, ExprKind::Path(single("_"))))
            }
            _ => None,
        }
    }

    /// Something follows that an expression can begin with.
    fn starts_expr(&self) -> bool {
        let token = self.peek(0);
        match token.kind {
            Kind::Close => false,
            Kind::Keyword => self.word(token) != "as",
            Kind::Punct(b'!') => !self.is(b"!="),
            Kind::Punct(b'-') => !self.is(b"-="),
            Kind::Punct(b'*') => !self.is(b"*="),
            Kind::Punct(b'|') => !self.is(b"|="),
            Kind::Punct(b'&') => !self.is(b"&="),
            Kind::Punct(b'.') => self.is(b".."),
            Kind::Punct(b':') => self.is(b"::"),
            Kind::Punct(b'<' | b'#') => true,
            Kind::Punct(_) => false,
            _ => true,
        }
    }

    fn jump_label(&mut self, keyword: Span) -> (Option<Box<Name>>, Span) {
        let token = self.peek(0);
        if token.kind != Kind::Lifetime {
            return (None, keyword);
        }
        self.at += 1;
        (Some(self.label(token)), join(keyword, token.span))
    }

    fn label(&self, token: &Token) -> Box<Name> {
        Box::new(self.word(token).trim_start_matches('\'').into())
    }

    fn labelled(&mut self) -> Option<Shaped> {
        let token = self.next();
        self.expect(b":")?;
        if !self.is_open(0, b'{') {
            return Some((self.loop_(Some(token))?, Shape::Block));
        }
        let block = Block {
            label: Some(self.label(token)),
            ..self.block()?
        };
        Some((made(block.span, ExprKind::Block(block)), Shape::Block))
    }

    fn loop_(&mut self, label: Option<&Token>) -> Option<Expr> {
        let token = self.next();
        let from = label.map_or(token.span, |label| label.span);
        let label = label.map(|label| self.label(label));
        match self.word(token) {
            "loop" => {
                let body = self.block()?;
                let span = join(from, body.span);
                Some(made(span, ExprKind::Loop { label, body }))
            }
            "while" => {
                let cond = Box::new(self.shaped(false)?.0);
                let body = self.block()?;
                let span = join(from, body.span);
                Some(made(span, ExprKind::While { label, cond, body }))
            }
            "for" => {
                let pat = Box::new(self.pat()?);
                if !self.eat_keyword("in") {
                    return None;
                }
                let iter = Box::new(self.shaped(false)?.0);
                let body = self.block()?;
                let span = join(from, body.span);
                let kind = ExprKind::For {
                    label,
                    pat,
                    iter,
                    body,
                };
                Some(made(span, kind))
            }
            _ => None,
        }
    }

    fn if_(&mut self) -> Option<Expr> {
        let from = self.next().span;
        let cond = Box::new(self.shaped(false)?.0);
        let then = self.block()?;
        let mut else_ = None;
        if self.eat_keyword("else") {
            else_ = Some(Box::new(if self.is_keyword(0, "if") {
                self.if_()?
            } else {
                let block = self.block()?;
                made(block.span, ExprKind::Block(block))
            }));
        }
        let to = else_.as_ref().map_or(then.span, |branch| branch.span);
        Some(made(join(from, to), ExprKind::If { cond, then, else_ }))
    }

    fn match_(&mut self) -> Option<Expr> {
        let from = self.next().span;
        let scrutinee = Box::new(self.shaped(false)?.0);
        let close = self.open(b'{')?;
        let mut arms = Vec::new();
        while !self.is_empty() {
            let pat = self.pat()?;
            let guard = match self.eat_keyword("if") {
                true => Some(self.expr()?),
                false => None,
            };
            self.expect(b"=>")?;
            let (body, shape) = self.early()?;
            arms.push(Arm { pat, guard, body });
            if !self.eat(b",") && shape != Shape::Block && !self.is_empty() {
                return None;
            }
        }
        self.close()?;
        Some(made(
            join(from, close.span),
            ExprKind::Match { scrutinee, arms },
        ))
    }

    /// An expression that ends with its block where it begins with one, as
    /// statements and arms do.
    pub fn early(&mut self) -> Option<Shaped> {
        let token = self.peek(0);
        let is_block = match token.kind {
            Kind::Open(b'{') | Kind::Lifetime => true,
            Kind::Keyword => matches!(
                self.word(token),
                "if" | "while" | "for" | "loop" | "match" | "unsafe"
            ),
            _ => false,
        };
        if !is_block {
            return self.shaped(true);
        }
        let (expr, shape) = self.atom(true)?;
        if self.is(b".") && !self.is(b"..") || self.is(b"?") {
            let whole = self.trailers((expr, shape))?;
            return self.operators(whole, true, Binds::Jump);
        }
        Some((expr, shape))
    }

    fn closure(&mut self, structs: bool) -> Option<Expr> {
        let from = self.peek(0).span;
        let is_move = self.eat_keyword("move");
        self.expect(b"|")?;
        let mut params = Vec::new();
        while !self.is(b"|") {
            let pat = self.single_pat()?;
            let ty: Option<Ty> = match self.eat(b":") {
                true => Some(self.ty()?),
                false => None,
            };
            params.push((pat, ty));
            if !self.eat(b",") {
                break;
            }
        }
        self.expect(b"|")?;
        let body = if self.eat(b"->") {
            self.ty()?;
            let block = self.block()?;
            made(block.span, ExprKind::Block(block))
        } else {
            self.shaped(structs)?.0
        };
        let span = join(from, body.span);
        let closure = Closure {
            is_move,
            is_async: false,
            params,
            body,
        };
        Some(made(span, ExprKind::Closure(Arc::new(closure))))
    }

    fn paren(&mut self) -> Option<Shaped> {
        let open = self.peek(0).span;
        let span = join(open, self.open(b'(')?.span);
        let mut elems = self.list(Self::expr)?;
        let before = self.tokens.get(self.at.checked_sub(2)?)?;
        let comma = before.kind == Kind::Punct(b',');
        if elems.len() == 1 && !comma {
            let inner = elems.pop()?;
            return Some((Expr { span, ..inner }, Shape::Paren));
        }
        Some((made(span, ExprKind::Tuple(elems)), Shape::Other))
    }

    fn array(&mut self) -> Option<Expr> {
        let open = self.peek(0).span;
        let span = join(open, self.open(b'[')?.span);
        if self.is_empty() {
            self.close()?;
            return Some(made(span, ExprKind::Array(Vec::new())));
        }
        let first = self.expr()?;
        if self.eat(b";") {
            let (len, _) = self.length()?;
            self.close()?;
            let elem = Box::new(first);
            return Some(made(span, ExprKind::Repeat { elem, len }));
        }
        let mut elems = vec![first];
        if self.eat(b",") {
            elems.append(&mut self.list(Self::expr)?);
        } else {
            self.close()?;
        }
        Some(made(span, ExprKind::Array(elems)))
    }

    /// How often something is repeated: the number, where it is a literal, and
    /// the expression.
    pub fn length(&mut self) -> Option<(Option<u64>, Expr)> {
        let (expr, shape) = self.shaped(true)?;
        let len = match &expr.kind {
            ExprKind::Lit(Lit::Int(len)) if shape != Shape::Paren => *len,
            _ => None,
        };
        Some((len, expr))
    }

    fn literal(&mut self) -> Option<Expr> {
        let token = self.next();
        let text = self.word(token);
        let lit = match token.kind {
            Kind::Int => Lit::Int(lex::int(text)?),
            Kind::Float => Lit::Float,
            Kind::Str => Lit::Str(SmolStr::from(lex::string_value(text)?)),
            Kind::Keyword => Lit::Bool(text == "true"),
            _ => Lit::Other,
        };
        Some(made(token.span, ExprKind::Lit(lit)))
    }

    fn path_or_macro(&mut self, structs: bool) -> Option<Shaped> {
        let (path, span) = self.expr_path()?;
        if self.is(b"!") && !self.is(b"!=") {
            if path
                .segments
                .iter()
                .any(|segment| segment.generic.is_some())
            {
                return None;
            }
            return self.macro_call(path, span);
        }
        if structs && self.is_open(0, b'{') {
            return Some((self.struct_(path, span)?, Shape::Other));
        }
        Some((made(span, ExprKind::Path(path)), Shape::Other))
    }

    fn struct_(&mut self, path: Path, from: Span) -> Option<Expr> {
        let close = self.open(b'{')?;
        let mut fields: Vec<(Name, Expr)> = Vec::new();
        let mut base = None;
        while !self.is_empty() {
            if self.eat(b"..") {
                if !self.is_empty() {
                    base = Some(self.boxed()?);
                }
                break;
            }
            let token = self.next();
            let name = self.word(token);
            let is_number = token.kind == Kind::Int && name.bytes().all(|b| b.is_ascii_digit());
            if token.kind != Kind::Ident && !is_number {
                return None;
            }
            let value = if self.is(b":") && !self.is(b"::") {
                self.at += 1;
                self.expr()?
            } else if is_number {
                return None;
            } else {
                made(token.span, ExprKind::Path(single(name)))
            };
            fields.push((name.into(), value));
            if !self.eat(b",") {
                break;
            }
        }
        self.close()?;
        Some(made(
            join(from, close.span),
            ExprKind::Struct { path, fields, base },
        ))
    }
}
