//! Expressions: operators by precedence, and what follows an operand.

use super::Reader;
use super::lex::{Kind, Token};
use crate::hir::{BinOp, Expr, ExprKind, Name, Operator, Span, UnOp};
use crate::parse::exprs::made;
use crate::parse::span::join;

/// What decides how an expression may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Other,
    /// `a..b`, which is no operand.
    Range,
    /// A comparison, which is no operand of another.
    Compare,
    /// Ends a statement by itself.
    Block,
    /// `name! { .. }`.
    BraceMacro,
    /// In parentheses.
    Paren,
}

/// An expression and its shape.
pub(super) type Shaped = (Expr, Shape);

/// How tightly operators bind; jumps and closures least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binds {
    Jump,
    Assign,
    Range,
    Or,
    And,
    Compare,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Sum,
    Product,
    Cast,
}

/// What stands between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Binary(BinOp),
    AssignOp(Operator),
    Assign,
    Range,
    Cast,
}

impl Reader<'_, '_> {
    /// Any expression.
    pub fn expr(&mut self) -> Option<Expr> {
        Some(self.shaped(true)?.0)
    }

    pub fn boxed(&mut self) -> Option<Box<Expr>> {
        Some(Box::new(self.expr()?))
    }

    /// `structs`: `Name { .. }` is a value here, not a name and a block.
    pub fn shaped(&mut self, structs: bool) -> Option<Shaped> {
        let left = self.unary(structs)?;
        self.operators(left, structs, Binds::Jump)
    }

    /// Goes on after `left` as long as operators bind at least like `base`.
    pub fn operators(&mut self, left: Shaped, structs: bool, base: Binds) -> Option<Shaped> {
        let mut left = left;
        while left.1 != Shape::Range {
            let Some((binds, between, width)) = self.operator() else {
                break;
            };
            if binds < base {
                break;
            }
            if binds == Binds::Compare && left.1 == Shape::Compare {
                return None;
            }
            let token = self.peek(0);
            self.at += width;
            left = match between {
                Between::Range => {
                    let dots = Span {
                        end_column: token.span.column + width as u32,
                        ..token.span
                    };
                    self.range(Some(left.0), dots, width == 3, structs)?
                }
                Between::Cast => {
                    let has_bounds = self.has_bounds();
                    let ty = self.ty()?;
                    // `syn` does not say where a list of bounds ends.
                    let to = if has_bounds { token } else { self.last() }.span;
                    let (span, expr) = (join(left.0.span, to), Box::new(left.0));
                    (made(span, ExprKind::Cast { expr, ty }), Shape::Other)
                }
                _ => {
                    let right = Box::new(self.right(structs, binds)?);
                    let left = Box::new(left.0);
                    let span = join(left.span, right.span);
                    let shape = match binds {
                        Binds::Compare => Shape::Compare,
                        _ => Shape::Other,
                    };
                    let kind = match between {
                        Between::Binary(op) => ExprKind::Binary { op, left, right },
                        Between::AssignOp(op) => ExprKind::AssignOp { op, left, right },
                        _ => ExprKind::Assign { left, right },
                    };
                    (made(span, kind), shape)
                }
            };
        }
        Some(left)
    }

    /// A type that comes next is `dyn A + B` or a pointer to it.
    fn has_bounds(&self) -> bool {
        let is_pointer = |token: &Token| match token.kind {
            Kind::Punct(b'&' | b'*') | Kind::Lifetime => true,
            Kind::Keyword => matches!(self.word(token), "mut" | "const"),
            _ => false,
        };
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        rest.iter()
            .find(|token| !is_pointer(token))
            .is_some_and(|token| {
                token.kind == Kind::Keyword && matches!(self.word(token), "dyn" | "impl")
            })
    }

    /// The right side of an operator.
    fn right(&mut self, structs: bool, binds: Binds) -> Option<Expr> {
        let mut right = self.unary(structs)?;
        while let Some((next, ..)) = self.operator() {
            if next < binds || next == binds && binds != Binds::Assign {
                break;
            }
            let before = self.at;
            right = self.operators(right, structs, next)?;
            if self.at == before {
                break;
            }
        }
        Some(right.0)
    }

    /// The operator here, and how many tokens it has.
    fn operator(&self) -> Option<(Binds, Between, usize)> {
        use Binds as B;
        let token = self.peek(0);
        let first = match token.kind {
            Kind::Punct(first) => first,
            Kind::Keyword if self.word(token) == "as" => return Some((B::Cast, Between::Cast, 1)),
            _ => return None,
        };
        let touching = |ahead: usize| match self.peek(ahead).kind {
            Kind::Punct(punct) if self.peek(ahead - 1).end == self.peek(ahead).start => punct,
            _ => 0,
        };
        let second = touching(1);
        let third = if second == 0 { 0 } else { touching(2) };
        let binary = |binds, op, width| Some((binds, Between::Binary(op), width));
        let order = |first, or_equal| BinOp::Order {
            less: first == b'<',
            or_equal,
        };
        let assign = |width| Some((B::Assign, Between::AssignOp(Operator::of(first)), width));
        let arith = BinOp::Arith(Operator::of(first));
        match (first, second, third) {
            (b'<', b'<', b'=') | (b'>', b'>', b'=') => assign(3),
            (b'.', b'.', b'.') => None,
            (b'.', b'.', b'=') => Some((B::Range, Between::Range, 3)),
            (b'.', b'.', _) => Some((B::Range, Between::Range, 2)),
            (b'&', b'&', _) => binary(B::And, BinOp::And, 2),
            (b'|', b'|', _) => binary(B::Or, BinOp::Or, 2),
            (b'<', b'<', _) | (b'>', b'>', _) => binary(B::Shift, arith, 2),
            (b'=', b'=', _) => binary(B::Compare, BinOp::Eq, 2),
            (b'!', b'=', _) => binary(B::Compare, BinOp::Ne, 2),
            (b'<' | b'>', b'=', _) => binary(B::Compare, order(first, true), 2),
            (b'<', b'-', _) | (b'=', b'>', _) => None,
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'&' | b'|', b'=', _) => assign(2),
            (b'=', ..) => Some((B::Assign, Between::Assign, 1)),
            (b'<' | b'>', ..) => binary(B::Compare, order(first, false), 1),
            (b'|', ..) => binary(B::BitOr, arith, 1),
            (b'^', ..) => binary(B::BitXor, arith, 1),
            (b'&', ..) => binary(B::BitAnd, arith, 1),
            (b'+' | b'-', ..) => binary(B::Sum, arith, 1),
            (b'*' | b'/' | b'%', ..) => binary(B::Product, arith, 1),
            _ => None,
        }
    }

    /// A range from behind its dots on.
    pub fn range(
        &mut self,
        start: Option<Expr>,
        dots: Span,
        closed: bool,
        structs: bool,
    ) -> Option<Shaped> {
        let end = match !closed && self.range_ends(structs) {
            true => None,
            false => Some(Box::new(self.right(structs, Binds::Range)?)),
        };
        let start = start.map(Box::new);
        let from = start.as_ref().map_or(dots, |start| start.span);
        let to = end.as_ref().map_or(dots, |end| end.span);
        Some((
            made(join(from, to), ExprKind::Range(start, end)),
            Shape::Range,
        ))
    }

    fn range_ends(&self, structs: bool) -> bool {
        if self.is_empty() || !structs && self.is_open(0, b'{') || self.is_keyword(0, "as") {
            return true;
        }
        let ends: [&[u8]; 15] = [
            b",", b";", b"?", b"=", b"+", b"/", b"%", b"^", b">", b"<=", b"!=", b"-=", b"*=",
            b"&=", b"|=",
        ];
        self.is(b".") && !self.is(b"..") || ends.iter().any(|end| self.is(end))
    }

    pub fn unary(&mut self, structs: bool) -> Option<Shaped> {
        let token = self.peek(0);
        let Kind::Punct(punct @ (b'&' | b'*' | b'!' | b'-')) = token.kind else {
            let atom = self.atom(structs)?;
            return self.trailers(atom);
        };
        self.at += 1;
        if punct == b'&' {
            let raw = self.is_ident(0) && self.word(self.peek(0)) == "raw";
            if raw && (self.is_keyword(1, "mut") || self.is_keyword(1, "const")) {
                return None;
            }
            let mutable = self.eat_keyword("mut");
            let expr = Box::new(self.unary(structs)?.0);
            let span = join(token.span, expr.span);
            return Some((made(span, ExprKind::Ref { mutable, expr }), Shape::Other));
        }
        let op = match punct {
            b'*' => UnOp::Deref,
            b'!' => UnOp::Not,
            _ => UnOp::Neg,
        };
        let expr = Box::new(self.unary(structs)?.0);
        let span = join(token.span, expr.span);
        Some((made(span, ExprKind::Unary { op, expr }), Shape::Other))
    }

    /// Calls, fields, indices, `?` and `.await`.
    pub fn trailers(&mut self, atom: Shaped) -> Option<Shaped> {
        let (mut expr, mut shape) = atom;
        loop {
            let token = self.peek(0);
            let is_range = shape == Shape::Range;
            expr = match token.kind {
                Kind::Open(b'(') => {
                    let close = self.open(b'(')?;
                    let args = self.list(Self::expr)?;
                    let callee = Box::new(expr);
                    made(
                        join(callee.span, close.span),
                        ExprKind::Call { callee, args },
                    )
                }
                Kind::Open(b'[') => {
                    let close = self.open(b'[')?;
                    let (base, index) = (Box::new(expr), self.boxed()?);
                    self.close()?;
                    made(join(base.span, close.span), ExprKind::Index { base, index })
                }
                Kind::Punct(b'?') if !is_range => {
                    self.at += 1;
                    let inner = Box::new(expr);
                    made(join(inner.span, token.span), ExprKind::Try(inner))
                }
                Kind::Punct(b'.') if !is_range && !self.is(b"..") => {
                    self.at += 1;
                    self.member(expr)?
                }
                _ => return Some((expr, shape)),
            };
            shape = Shape::Other;
        }
    }

    /// What follows a dot.
    fn member(&mut self, base: Expr) -> Option<Expr> {
        if self.is_keyword(0, "await") {
            let await_span = self.next().span;
            let (span, expr) = (join(base.span, await_span), Box::new(base));
            return Some(made(span, ExprKind::Await { expr, await_span }));
        }
        let token = self.next();
        let name = self.word(token);
        match token.kind {
            Kind::Ident => {}
            Kind::Int if name.bytes().all(|b| b.is_ascii_digit()) => {
                return Some(field(base, name.into(), token.span));
            }
            _ => return None,
        }
        let mut generics = Vec::new();
        let turbofish = self.is(b"::");
        if turbofish {
            self.at += 2;
            generics = self.generic_args()?.args;
        }
        if !turbofish && !self.is_open(0, b'(') {
            return Some(field(base, name.into(), token.span));
        }
        let close = self.open(b'(')?;
        let args = self.list(Self::expr)?;
        let receiver = Box::new(base);
        Some(made(
            join(receiver.span, close.span),
            ExprKind::MethodCall {
                receiver,
                name: name.into(),
                name_span: token.span,
                generics: generics.into(),
                args: args.into(),
            },
        ))
    }
}

fn field(base: Expr, name: Name, name_span: Span) -> Expr {
    let span = join(base.span, name_span);
    let base = Box::new(base);
    made(
        span,
        ExprKind::Field {
            base,
            name,
            name_span,
        },
    )
}
