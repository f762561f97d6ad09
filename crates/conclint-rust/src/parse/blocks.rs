//! Blocks and statements.

use super::span::join;
use super::{Cx, MAX_DEPTH};
use crate::hir::{Block, Expr, ExprKind, Item, Span, Stmt, StmtKind};

impl Cx {
    pub fn block(&mut self, block: &mut syn::Block) -> Block {
        let span = self.span(block.brace_token.span.join());
        self.stmts(span, &mut block.stmts)
    }

    /// A block whose braces are at `span`.
    pub fn stmts(&mut self, span: Span, stmts: &mut [syn::Stmt]) -> Block {
        let mut out = Block { span, ..Block::default() };
        let Some((last, rest)) = stmts.split_last_mut() else { return out };
        out.stmts.reserve(rest.len() + 1);
        for stmt in rest {
            self.stmt(stmt, &mut out.stmts);
        }
        match last {
            syn::Stmt::Expr(expr, None) => out.tail = Some(self.boxed(expr)),
            syn::Stmt::Macro(stmt) if stmt.semi_token.is_none() && !super::macros::holds_items(&stmt.mac) => {
                out.tail = Some(Box::new(self.nested_macro(&mut stmt.mac)));
            }
            last => self.stmt(last, &mut out.stmts),
        }
        out
    }

    fn stmt(&mut self, stmt: &mut syn::Stmt, out: &mut Vec<Stmt>) {
        match stmt {
            syn::Stmt::Local(local) => out.push(self.local(local)),
            syn::Stmt::Expr(syn::Expr::Verbatim(tokens), _) if tokens.is_empty() => {}
            syn::Stmt::Expr(expr, semi) => {
                let expr = self.expr(expr);
                let span = semi.as_ref().map_or(expr.span, |semi| self.until(expr.span, semi.spans[0]));
                out.push(Stmt { span, kind: StmtKind::Expr(expr) });
            }
            syn::Stmt::Item(item) => self.stmt_items(item, out),
            syn::Stmt::Macro(stmt) if super::macros::holds_items(&stmt.mac) => {
                let mut items = Vec::new();
                self.item_macro(&mut stmt.mac, &stmt.attrs, &mut items);
                push_items(items, out);
            }
            syn::Stmt::Macro(stmt) => {
                let expr = self.nested_macro(&mut stmt.mac);
                let semi = stmt.semi_token.as_ref();
                let span = semi.map_or(expr.span, |semi| self.until(expr.span, semi.spans[0]));
                out.push(Stmt { span, kind: StmtKind::Expr(expr) });
            }
        }
    }

    /// A macro call that is a statement is one level below its block, too.
    fn nested_macro(&mut self, mac: &mut syn::Macro) -> Expr {
        if self.depth >= MAX_DEPTH {
            let at = self.path_span(&mac.path, None);
            self.too_deep("expression", at, true);
            return Expr { span: at, kind: ExprKind::Other };
        }
        self.depth += 1;
        let out = self.macro_expr(mac);
        self.depth -= 1;
        out
    }

    fn stmt_items(&mut self, item: &mut syn::Item, out: &mut Vec<Stmt>) {
        let mut items = Vec::new();
        self.item(item, &mut items);
        push_items(items, out);
    }

    fn local(&mut self, local: &mut syn::Local) -> Stmt {
        let from = self.word(local.let_token.span, "let".len());
        let (pat, ty) = match &local.pat {
            syn::Pat::Type(typed) => (self.pat(&typed.pat), Some(self.ty(&typed.ty))),
            pat => (self.pat(pat), None),
        };
        let mut init = None;
        let mut else_ = None;
        if let Some(value) = &mut local.init {
            init = Some(self.expr(&mut value.expr));
            if let Some((_, diverge)) = &mut value.diverge {
                let diverge = self.expr(diverge);
                else_ = Some(match diverge.kind {
                    ExprKind::Block(block) => block,
                    kind => block_of(Expr { kind, span: diverge.span }),
                });
            }
        }
        let semi = self.word(local.semi_token.spans[0], 1);
        Stmt { span: join(from, semi), kind: StmtKind::Let { pat, ty, init, else_ } }
    }
}

/// A block with nothing but `expr`.
pub(super) fn block_of(expr: Expr) -> Block {
    Block { span: expr.span, tail: Some(Box::new(expr)), ..Block::default() }
}

fn push_items(items: Vec<Item>, out: &mut Vec<Stmt>) {
    let stmt = |item: Item| Stmt { span: item.span, kind: StmtKind::Item(Box::new(item)) };
    out.extend(items.into_iter().map(stmt));
}
