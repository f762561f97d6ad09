//! Expressions.
//!
//! Spans are joined bottom-up: asking `syn` for the span of a compound node
//! prints the whole node each time.

use std::sync::Arc;

use smol_str::SmolStr;
use syn::{Expr as Syn, Member, ReturnType};

use super::pats::member;
use super::span::{join, name};
use super::{Cx, MAX_DEPTH};
use crate::hir::{Arm, BinOp, Block, Closure, Expr, ExprKind, Lit, Name, Operator, Span, Ty, UnOp};

/// An expression made up by a rewrite.
pub(super) fn made(span: Span, kind: ExprKind) -> Expr {
    Expr { span, kind }
}

impl Cx {
    /// Converts `expr`; the tokens of macros are taken out of it.
    pub fn expr(&mut self, expr: &mut Syn) -> Expr {
        if self.depth >= MAX_DEPTH {
            let at = self.first_token(expr);
            self.too_deep("expression", at, true);
            return made(at, ExprKind::Other);
        }
        self.depth += 1;
        let out = self.expr_inner(expr);
        self.depth -= 1;
        out
    }

    pub fn boxed(&mut self, expr: &mut Syn) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    pub fn exprs<'a>(&mut self, exprs: impl IntoIterator<Item = &'a mut Syn>) -> Vec<Expr> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    fn expr_inner(&mut self, expr: &mut Syn) -> Expr {
        match expr {
            Syn::Path(e) => {
                let path = self.path(&e.path, e.qself.as_ref());
                let span = match (e.path.get_ident(), path.as_name()) {
                    (Some(ident), Some(name)) => self.name_span(ident, name),
                    _ => self.path_span(&e.path, e.qself.as_ref()),
                };
                made(span, ExprKind::Path(path))
            }
            Syn::MethodCall(e) => self.method_call(e),
            Syn::Call(e) => self.call(e),
            Syn::Field(e) => self.field(e),
            Syn::Lit(e) => self.lit(&e.lit),
            Syn::Reference(e) => {
                let from = self.word(e.and_token.spans[0], 1);
                self.prefixed(from, &mut e.expr, |expr| ExprKind::Ref {
                    mutable: e.mutability.is_some(),
                    expr,
                })
            }
            Syn::RawAddr(e) => {
                let from = self.word(e.and_token.spans[0], 1);
                let mutable = matches!(e.mutability, syn::PointerMutability::Mut(_));
                self.prefixed(from, &mut e.expr, |expr| ExprKind::Ref { mutable, expr })
            }
            Syn::Unary(e) => self.unary(e),
            Syn::Binary(e) => self.binary(e),
            Syn::Assign(e) => {
                let (left, right) = (self.boxed(&mut e.left), self.boxed(&mut e.right));
                made(
                    join(left.span, right.span),
                    ExprKind::Assign { left, right },
                )
            }
            Syn::Paren(e) => {
                let inner = self.expr(&mut e.expr);
                Expr {
                    span: self.span(e.paren_token.span.join()),
                    ..inner
                }
            }
            Syn::Group(e) => self.expr(&mut e.expr),
            Syn::Macro(e) => self.macro_expr(&mut e.mac),
            Syn::Verbatim(tokens) => self.verbatim_expr(std::mem::take(tokens)),
            Syn::Infer(e) => made(
                self.word(e.underscore_token.spans[0], 1),
                ExprKind::Path(super::single("_")),
            ),
            other => self.control(other),
        }
    }

    /// Blocks, jumps and everything with blocks inside.
    fn control(&mut self, expr: &mut Syn) -> Expr {
        match expr {
            Syn::Block(e) => {
                let label = e
                    .label
                    .as_ref()
                    .map(|label| Box::new(name(&label.name.ident)));
                let block = self.block(&mut e.block);
                made(block.span, ExprKind::Block(Block { label, ..block }))
            }
            Syn::Unsafe(e) => {
                self.keyword_block(e.unsafe_token.span, &mut e.block, ExprKind::Block)
            }
            Syn::Const(e) => self.keyword_block(e.const_token.span, &mut e.block, ExprKind::Block),
            Syn::TryBlock(e) => self.keyword_block(e.try_token.span, &mut e.block, ExprKind::Block),
            Syn::Async(e) => self.keyword_block(e.async_token.span, &mut e.block, |block| {
                ExprKind::Async { block }
            }),
            Syn::If(e) => self.if_(e),
            Syn::Match(e) => self.match_(e),
            Syn::Loop(e) => {
                let from = self.labelled(e.label.as_ref(), e.loop_token.span);
                let label = e
                    .label
                    .as_ref()
                    .map(|label| Box::new(name(&label.name.ident)));
                let body = self.block(&mut e.body);
                made(join(from, body.span), ExprKind::Loop { label, body })
            }
            Syn::While(e) => {
                let from = self.labelled(e.label.as_ref(), e.while_token.span);
                let label = e
                    .label
                    .as_ref()
                    .map(|label| Box::new(name(&label.name.ident)));
                let cond = self.boxed(&mut e.cond);
                let body = self.block(&mut e.body);
                made(join(from, body.span), ExprKind::While { label, cond, body })
            }
            Syn::ForLoop(e) => {
                let from = self.labelled(e.label.as_ref(), e.for_token.span);
                let label = e
                    .label
                    .as_ref()
                    .map(|label| Box::new(name(&label.name.ident)));
                let pat = Box::new(self.pat(&e.pat));
                let iter = self.boxed(&mut e.expr);
                let body = self.block(&mut e.body);
                made(
                    join(from, body.span),
                    ExprKind::For {
                        label,
                        pat,
                        iter,
                        body,
                    },
                )
            }
            Syn::Break(e) => {
                let label = e.label.as_ref();
                let from = self.jump(e.break_token.span, "break", label);
                let label = label.map(|label| Box::new(name(&label.ident)));
                let value = e.expr.as_mut().map(|value| self.boxed(value));
                made(
                    value.as_ref().map_or(from, |value| join(from, value.span)),
                    ExprKind::Break { label, value },
                )
            }
            Syn::Continue(e) => {
                let span = self.jump(e.continue_token.span, "continue", e.label.as_ref());
                let label = e.label.as_ref().map(|label| Box::new(name(&label.ident)));
                made(span, ExprKind::Continue { label })
            }
            Syn::Return(e) => {
                let from = self.word(e.return_token.span, "return".len());
                let value = e.expr.as_mut().map(|value| self.boxed(value));
                made(
                    value.as_ref().map_or(from, |value| join(from, value.span)),
                    ExprKind::Return(value),
                )
            }
            Syn::Yield(e) => {
                let from = self.word(e.yield_token.span, "yield".len());
                match e.expr.as_mut().map(|value| self.expr(value)) {
                    Some(value) => Expr {
                        span: join(from, value.span),
                        ..value
                    },
                    None => made(from, ExprKind::Other),
                }
            }
            Syn::Closure(e) => self.closure(e),
            other => self.data(other),
        }
    }

    /// Values put together from others, and what wraps one expression.
    fn data(&mut self, expr: &mut Syn) -> Expr {
        match expr {
            Syn::Try(e) => {
                let inner = self.boxed(&mut e.expr);
                made(
                    self.until(inner.span, e.question_token.spans[0]),
                    ExprKind::Try(inner),
                )
            }
            Syn::Await(e) => {
                let expr = self.boxed(&mut e.base);
                let await_span = self.word(e.await_token.span, "await".len());
                made(
                    join(expr.span, await_span),
                    ExprKind::Await { expr, await_span },
                )
            }
            Syn::Cast(e) => {
                let expr = self.boxed(&mut e.expr);
                let ty = self.ty(&e.ty);
                let to = self
                    .type_end(&e.ty)
                    .unwrap_or_else(|| self.word(e.as_token.span, "as".len()));
                made(join(expr.span, to), ExprKind::Cast { expr, ty })
            }
            Syn::Let(e) => {
                let from = self.word(e.let_token.span, "let".len());
                let pat = Box::new(self.pat(&e.pat));
                let expr = self.boxed(&mut e.expr);
                made(join(from, expr.span), ExprKind::Let { pat, expr })
            }
            Syn::Tuple(e) => made(
                self.span(e.paren_token.span.join()),
                ExprKind::Tuple(self.exprs(&mut e.elems)),
            ),
            Syn::Array(e) => made(
                self.span(e.bracket_token.span.join()),
                ExprKind::Array(self.exprs(&mut e.elems)),
            ),
            Syn::Repeat(e) => {
                let elem = self.boxed(&mut e.expr);
                let len = literal_int(&e.len);
                made(
                    self.span(e.bracket_token.span.join()),
                    ExprKind::Repeat { elem, len },
                )
            }
            Syn::Index(e) => {
                let (base, index) = (self.boxed(&mut e.expr), self.boxed(&mut e.index));
                made(
                    self.until(base.span, e.bracket_token.span.close()),
                    ExprKind::Index { base, index },
                )
            }
            Syn::Struct(e) => self.struct_(e),
            Syn::Range(e) => {
                let start = e.start.as_mut().map(|start| self.boxed(start));
                let end = e.end.as_mut().map(|end| self.boxed(end));
                let dots = match &e.limits {
                    syn::RangeLimits::HalfOpen(dots) => self.word(dots.spans[0], 2),
                    syn::RangeLimits::Closed(dots) => self.word(dots.spans[0], 3),
                };
                let from = start.as_ref().map_or(dots, |start| start.span);
                let to = end.as_ref().map_or(dots, |end| end.span);
                made(join(from, to), ExprKind::Range(start, end))
            }
            _ => {
                let at = self.first_token(expr);
                self.unread(at, "expression", "syntax not known", &Default::default());
                made(at, ExprKind::Other)
            }
        }
    }

    fn method_call(&mut self, e: &mut syn::ExprMethodCall) -> Expr {
        let receiver = self.boxed(&mut e.receiver);
        let (name, name_span) = self.ident(&e.method);
        let mut generics = Vec::new();
        for arg in e.turbofish.iter().flat_map(|list| &list.args) {
            if let syn::GenericArgument::Type(ty) = arg {
                generics.push(self.ty(ty));
            }
        }
        let args = self.exprs(&mut e.args).into();
        let span = self.until(receiver.span, e.paren_token.span.close());
        made(
            span,
            ExprKind::MethodCall {
                receiver,
                name,
                name_span,
                generics: generics.into(),
                args,
            },
        )
    }

    fn call(&mut self, e: &mut syn::ExprCall) -> Expr {
        let callee = self.boxed(&mut e.func);
        let args = self.exprs(&mut e.args);
        made(
            self.until(callee.span, e.paren_token.span.close()),
            ExprKind::Call { callee, args },
        )
    }

    fn field(&mut self, e: &mut syn::ExprField) -> Expr {
        let base = self.boxed(&mut e.base);
        let (name, name_span) = match &e.member {
            Member::Named(ident) => self.ident(ident),
            index @ Member::Unnamed(unnamed) => {
                let name = member(index);
                let width = name.len();
                (name, self.word(unnamed.span, width))
            }
        };
        // `t.0.1` is one float token to the lexer: both parts have its span.
        let span = Span {
            column: base.span.column,
            line: base.span.line,
            ..name_span
        };
        made(
            span,
            ExprKind::Field {
                base,
                name,
                name_span,
            },
        )
    }

    fn prefixed(
        &mut self,
        from: Span,
        expr: &mut Syn,
        kind: impl FnOnce(Box<Expr>) -> ExprKind,
    ) -> Expr {
        let expr = self.boxed(expr);
        made(join(from, expr.span), kind(expr))
    }

    fn unary(&mut self, e: &mut syn::ExprUnary) -> Expr {
        let (op, token) = match &e.op {
            syn::UnOp::Deref(token) => (UnOp::Deref, token.spans[0]),
            syn::UnOp::Not(token) => (UnOp::Not, token.spans[0]),
            syn::UnOp::Neg(token) => (UnOp::Neg, token.spans[0]),
            _ => return self.expr(&mut e.expr),
        };
        let from = self.word(token, 1);
        self.prefixed(from, &mut e.expr, |expr| ExprKind::Unary { op, expr })
    }

    fn binary(&mut self, e: &mut syn::ExprBinary) -> Expr {
        use syn::BinOp as Op;
        let (left, right) = (self.boxed(&mut e.left), self.boxed(&mut e.right));
        let span = join(left.span, right.span);
        let op = match &e.op {
            Op::And(_) => BinOp::And,
            Op::Or(_) => BinOp::Or,
            Op::Eq(_) => BinOp::Eq,
            Op::Ne(_) => BinOp::Ne,
            Op::Lt(_) | Op::Le(_) | Op::Gt(_) | Op::Ge(_) => BinOp::Order {
                less: matches!(e.op, Op::Lt(_) | Op::Le(_)),
                or_equal: matches!(e.op, Op::Le(_) | Op::Ge(_)),
            },
            other => {
                let (op, assigns) = operator(other);
                if assigns {
                    return made(span, ExprKind::AssignOp { op, left, right });
                }
                BinOp::Arith(op)
            }
        };
        made(span, ExprKind::Binary { op, left, right })
    }

    fn lit(&mut self, lit: &syn::Lit) -> Expr {
        let kind = match lit {
            syn::Lit::Int(int) => Lit::Int(int.base10_parse().ok()),
            syn::Lit::Float(_) => Lit::Float,
            syn::Lit::Bool(bool) => Lit::Bool(bool.value),
            syn::Lit::Str(text) => Lit::Str(SmolStr::from(text.value())),
            _ => Lit::Other,
        };
        made(self.span(lit.span()), ExprKind::Lit(kind))
    }

    fn keyword_block(
        &mut self,
        keyword: proc_macro2::Span,
        block: &mut syn::Block,
        kind: impl FnOnce(Block) -> ExprKind,
    ) -> Expr {
        let from = self.word(keyword, 0);
        let block = self.block(block);
        made(join(from, block.span), kind(block))
    }

    fn labelled(&self, label: Option<&syn::Label>, keyword: proc_macro2::Span) -> Span {
        self.word(label.map_or(keyword, |label| label.name.apostrophe), 0)
    }

    fn jump(&self, keyword: proc_macro2::Span, text: &str, label: Option<&syn::Lifetime>) -> Span {
        let from = self.word(keyword, text.len());
        label.map_or(from, |label| join(from, self.ident(&label.ident).1))
    }

    fn if_(&mut self, e: &mut syn::ExprIf) -> Expr {
        let from = self.word(e.if_token.span, "if".len());
        let cond = self.boxed(&mut e.cond);
        let then = self.block(&mut e.then_branch);
        let else_ = e.else_branch.as_mut().map(|(_, branch)| self.boxed(branch));
        let to = else_.as_ref().map_or(then.span, |branch| branch.span);
        made(join(from, to), ExprKind::If { cond, then, else_ })
    }

    fn match_(&mut self, e: &mut syn::ExprMatch) -> Expr {
        let from = self.word(e.match_token.span, "match".len());
        let scrutinee = self.boxed(&mut e.expr);
        let arms = e.arms.iter_mut().map(|arm| {
            let (pat, guard) = self.guarded(&mut arm.pat);
            let guard = guard.map(|guard| self.expr(guard));
            Arm {
                pat,
                guard,
                body: self.expr(&mut arm.body),
            }
        });
        let arms = arms.collect();
        made(
            self.until(from, e.brace_token.span.close()),
            ExprKind::Match { scrutinee, arms },
        )
    }

    fn closure(&mut self, e: &mut syn::ExprClosure) -> Expr {
        let start = match (&e.lifetimes, &e.constness, &e.asyncness, &e.capture) {
            (Some(lifetimes), ..) => lifetimes.for_token.span,
            (_, Some(token), ..) => token.span,
            (_, _, Some(token), _) => token.span,
            (.., Some(token)) => token.span,
            _ => e.inputs_begin.spans[0],
        };
        let from = self.word(start, 0);
        let params = e.inputs.iter().map(|pat| match pat {
            syn::Pat::Type(typed) => (self.pat(&typed.pat), Some(self.ty(&typed.ty))),
            pat => (self.pat(pat), None),
        });
        let params: Vec<(_, Option<Ty>)> = params.collect();
        let body = self.expr(&mut e.body);
        let span = join(from, body.span);
        let (is_move, is_async) = (e.capture.is_some(), e.asyncness.is_some());
        made(
            span,
            ExprKind::Closure(Arc::new(Closure {
                is_move,
                is_async,
                params,
                body,
            })),
        )
    }

    fn struct_(&mut self, e: &mut syn::ExprStruct) -> Expr {
        let from = self.path_span(&e.path, e.qself.as_ref());
        let path = self.path(&e.path, e.qself.as_ref());
        let fields = e
            .fields
            .iter_mut()
            .map(|field| (member(&field.member), self.expr(&mut field.expr)));
        let fields: Vec<(Name, Expr)> = fields.collect();
        let base = e.rest.as_mut().map(|rest| self.boxed(rest));
        made(
            self.until(from, e.brace_token.span.close()),
            ExprKind::Struct { path, fields, base },
        )
    }

    /// The end of a type after `as`.
    fn type_end(&self, ty: &syn::Type) -> Option<Span> {
        let mut ty = ty;
        loop {
            ty = match ty {
                syn::Type::Path(path) => {
                    return Some(self.path_span(&path.path, path.qself.as_ref()));
                }
                syn::Type::Infer(ty) => return Some(self.word(ty.underscore_token.spans[0], 1)),
                syn::Type::Never(ty) => return Some(self.word(ty.bang_token.spans[0], 1)),
                syn::Type::Tuple(ty) => return Some(self.span(ty.paren_token.span.join())),
                syn::Type::Paren(ty) => return Some(self.span(ty.paren_token.span.join())),
                syn::Type::Slice(ty) => return Some(self.span(ty.bracket_token.span.join())),
                syn::Type::Array(ty) => return Some(self.span(ty.bracket_token.span.join())),
                syn::Type::Macro(ty) => return Some(self.span(ty.mac.delimiter.span().join())),
                syn::Type::Ptr(ty) => &ty.elem,
                syn::Type::Reference(ty) => &ty.elem,
                syn::Type::FnPtr(fn_) => match &fn_.output {
                    ReturnType::Default => return Some(self.span(fn_.paren_token.span.join())),
                    ReturnType::Type(_, ty) => ty,
                },
                _ => return None,
            }
        }
    }

    /// The span of a type; of its last part where the start is not at hand.
    pub fn type_span(&self, ty: &syn::Type) -> Span {
        let end = self.type_end(ty).unwrap_or_default();
        match ty {
            syn::Type::Reference(ty) => join(self.word(ty.and_token.spans[0], 1), end),
            syn::Type::Ptr(ty) => join(self.word(ty.star_token.spans[0], 1), end),
            _ => end,
        }
    }

    /// A place near the start of an expression that is not converted.
    fn first_token(&self, expr: &Syn) -> Span {
        let mut expr = expr;
        loop {
            expr = match expr {
                Syn::MethodCall(e) => &e.receiver,
                Syn::Call(e) => &e.func,
                Syn::Field(e) => &e.base,
                Syn::Binary(e) => &e.left,
                Syn::Assign(e) => &e.left,
                Syn::Index(e) => &e.expr,
                Syn::Try(e) => &e.expr,
                Syn::Await(e) => &e.base,
                Syn::Cast(e) => &e.expr,
                Syn::Path(e) => return self.path_span(&e.path, e.qself.as_ref()),
                Syn::Lit(e) => return self.span(e.lit.span()),
                Syn::Paren(e) => return self.span(e.paren_token.span.join()),
                Syn::Tuple(e) => return self.span(e.paren_token.span.join()),
                Syn::Array(e) => return self.span(e.bracket_token.span.join()),
                Syn::Block(e) => return self.span(e.block.brace_token.span.join()),
                Syn::Unsafe(e) => return self.span(e.block.brace_token.span.join()),
                Syn::If(e) => return self.word(e.if_token.span, 2),
                Syn::Match(e) => return self.word(e.match_token.span, 5),
                Syn::Reference(e) => return self.word(e.and_token.spans[0], 1),
                Syn::Unary(e) => match &e.op {
                    syn::UnOp::Not(token) => return self.word(token.spans[0], 1),
                    syn::UnOp::Neg(token) => return self.word(token.spans[0], 1),
                    _ => &e.expr,
                },
                Syn::Closure(e) => return self.word(e.inputs_begin.spans[0], 1),
                Syn::Macro(e) => return self.path_span(&e.mac.path, None),
                _ => return Span::default(),
            }
        }
    }
}

/// The value of an integer literal.
/// What the operator computes, and whether it also assigns.
fn operator(op: &syn::BinOp) -> (Operator, bool) {
    use syn::BinOp as Op;
    match op {
        Op::Sub(_) => (Operator::Sub, false),
        Op::Mul(_) => (Operator::Mul, false),
        Op::Div(_) => (Operator::Div, false),
        Op::Rem(_) => (Operator::Rem, false),
        Op::BitXor(_) => (Operator::BitXor, false),
        Op::BitAnd(_) => (Operator::BitAnd, false),
        Op::BitOr(_) => (Operator::BitOr, false),
        Op::Shl(_) => (Operator::Shl, false),
        Op::Shr(_) => (Operator::Shr, false),
        Op::SubAssign(_) => (Operator::Sub, true),
        Op::MulAssign(_) => (Operator::Mul, true),
        Op::DivAssign(_) => (Operator::Div, true),
        Op::RemAssign(_) => (Operator::Rem, true),
        Op::BitXorAssign(_) => (Operator::BitXor, true),
        Op::BitAndAssign(_) => (Operator::BitAnd, true),
        Op::BitOrAssign(_) => (Operator::BitOr, true),
        Op::ShlAssign(_) => (Operator::Shl, true),
        Op::ShrAssign(_) => (Operator::Shr, true),
        Op::Add(_) => (Operator::Add, false),
        _ => (Operator::Add, true),
    }
}

pub(super) fn literal_int(expr: &Syn) -> Option<u64> {
    match expr {
        Syn::Lit(lit) => match &lit.lit {
            syn::Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
