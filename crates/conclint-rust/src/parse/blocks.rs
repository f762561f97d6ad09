//! Blocks and statements.

use conclint_facts::cfgs_exclusive;

use super::expand::is_alone;
use super::macros::holds_items;
use super::span::join;
use super::{Cx, MAX_DEPTH};
use crate::hir::{Block, Expr, ExprKind, Item, Let, Name, Span, Stmt, StmtKind};

/// The `cfg` predicates on a statement.
fn cfgs(stmt: &syn::Stmt) -> Vec<Name> {
    let attrs = match stmt {
        syn::Stmt::Local(local) => &local.attrs,
        syn::Stmt::Macro(mac) => &mac.attrs,
        syn::Stmt::Expr(expr, _) => match expr {
            syn::Expr::If(e) => &e.attrs,
            syn::Expr::Block(e) => &e.attrs,
            syn::Expr::Unsafe(e) => &e.attrs,
            syn::Expr::Match(e) => &e.attrs,
            syn::Expr::ForLoop(e) => &e.attrs,
            syn::Expr::While(e) => &e.attrs,
            syn::Expr::Loop(e) => &e.attrs,
            syn::Expr::Call(e) => &e.attrs,
            syn::Expr::MethodCall(e) => &e.attrs,
            syn::Expr::Assign(e) => &e.attrs,
            syn::Expr::Macro(e) => &e.attrs,
            _ => return Vec::new(),
        },
        syn::Stmt::Item(_) => return Vec::new(),
    };
    if attrs.is_empty() {
        return Vec::new();
    }
    super::attrs::attrs(attrs).cfg
}

/// Whether a statement with these predicates is in no usual build: the
/// function is not a test, the statement is, or it stands in for an atomic
/// operation that the processor does not have.
fn left_out(cfgs: &[Name]) -> bool {
    cfgs.iter()
        .any(|cfg| cfg == "test" || cfg.starts_with("not(target_has_atomic"))
}

/// Whether a statement does nothing but give up: where some builds do so, the
/// others are the ones to read.
fn gives_up(stmt: &syn::Stmt) -> bool {
    let mac = match stmt {
        syn::Stmt::Macro(stmt) => &stmt.mac,
        syn::Stmt::Expr(syn::Expr::Macro(expr), _) => &expr.mac,
        syn::Stmt::Expr(syn::Expr::Block(inner), _) => {
            return matches!(&inner.block.stmts[..], [only] if gives_up(only));
        }
        _ => return false,
    };
    let name = mac.path.segments.last();
    name.is_some_and(|name| {
        [
            "panic",
            "unimplemented",
            "todo",
            "unreachable",
            "compile_error",
        ]
        .iter()
        .any(|known| name.ident == known)
    })
}

impl Cx {
    pub fn block(&mut self, block: &mut syn::Block) -> Block {
        let span = self.span(block.brace_token.span.join());
        self.stmts(span, &mut block.stmts)
    }

    /// A block whose braces are at `span`.
    ///
    /// Of statements that no build has both, the first one stands for all.
    pub fn stmts(&mut self, span: Span, stmts: &mut [syn::Stmt]) -> Block {
        let mut seen: Vec<Name> = Vec::new();
        let mut conditional = false;
        let mut out = Block {
            span,
            ..Block::default()
        };
        let Some((last, rest)) = stmts.split_last_mut() else {
            return out;
        };
        let has_tail = match last {
            syn::Stmt::Expr(_, semi) => semi.is_none(),
            syn::Stmt::Macro(stmt) => stmt.semi_token.is_none() && !holds_items(&stmt.mac),
            _ => false,
        };
        // Statements are large: no room for more than there are.
        out.stmts.reserve_exact(rest.len() + usize::from(!has_tail));
        let mut is_built = |stmt: &syn::Stmt| {
            let cfgs = cfgs(stmt);
            let built = !left_out(&cfgs)
                && (cfgs.is_empty() || !gives_up(stmt))
                && !seen.iter().any(|other| {
                    let other = std::slice::from_ref(other);
                    cfgs_exclusive(&cfgs, other)
                });
            if built {
                conditional |= !cfgs.is_empty();
                seen.extend(cfgs);
            }
            built
        };
        let mut is_open = false;
        for stmt in rest {
            if is_built(stmt) {
                is_open = matches!(stmt, syn::Stmt::Expr(_, None));
                self.stmt(stmt, &mut out);
            }
        }
        let last_is_built = is_built(last);
        out.conditional |= conditional;
        if !last_is_built {
            // Without the last one, the block's value is the one before.
            if has_tail && is_open {
                out.tail = out.stmts.pop().and_then(|stmt| match stmt.kind {
                    StmtKind::Expr(expr) => Some(Box::new(expr)),
                    _ => None,
                });
            }
            return out;
        }
        match last {
            syn::Stmt::Expr(expr, _) if has_tail => out.tail = Some(self.boxed(expr)),
            syn::Stmt::Macro(stmt) if has_tail => {
                match self.expanded_stmts(&stmt.mac, is_alone(&stmt.mac.path)) {
                    Some(mut block) => {
                        out.stmts.append(&mut block.stmts);
                        out.conditional |= block.conditional;
                        out.tail = block.tail;
                    }
                    None => out.tail = Some(Box::new(self.nested_macro(&mut stmt.mac))),
                }
            }
            last => self.stmt(last, &mut out),
        }
        out
    }

    fn stmt(&mut self, stmt: &mut syn::Stmt, out: &mut Block) {
        match stmt {
            syn::Stmt::Local(local) => out.stmts.push(self.local(local)),
            syn::Stmt::Expr(syn::Expr::Verbatim(tokens), _) if tokens.is_empty() => {}
            syn::Stmt::Expr(expr, semi) => {
                let expr = self.expr(expr);
                let span = semi
                    .as_ref()
                    .map_or(expr.span, |semi| self.until(expr.span, semi.spans[0]));
                out.stmts.push(Stmt {
                    span,
                    kind: StmtKind::Expr(expr),
                });
            }
            syn::Stmt::Item(item) => self.stmt_items(item, &mut out.stmts),
            syn::Stmt::Macro(stmt) if holds_items(&stmt.mac) => {
                let mut items = Vec::new();
                self.item_macro(&mut stmt.mac, &stmt.attrs, &mut items);
                self.push_items(items, &mut out.stmts);
            }
            syn::Stmt::Macro(stmt) => {
                if let Some(mut block) = self.expanded_stmts(&stmt.mac, is_alone(&stmt.mac.path)) {
                    out.stmts.append(&mut block.stmts);
                    out.conditional |= block.conditional;
                    out.stmts.extend(block.tail.map(|expr| Stmt {
                        span: expr.span,
                        kind: StmtKind::Expr(*expr),
                    }));
                    return;
                }
                let expr = self.nested_macro(&mut stmt.mac);
                let semi = stmt.semi_token.as_ref();
                let span = semi.map_or(expr.span, |semi| self.until(expr.span, semi.spans[0]));
                out.stmts.push(Stmt {
                    span,
                    kind: StmtKind::Expr(expr),
                });
            }
        }
    }

    /// A macro call that is a statement is one level below its block, too.
    fn nested_macro(&mut self, mac: &mut syn::Macro) -> Expr {
        if self.depth >= MAX_DEPTH {
            let at = self.path_span(&mac.path, None);
            self.too_deep("expression", at, true);
            return Expr {
                span: at,
                kind: ExprKind::Other,
            };
        }
        self.depth += 1;
        let out = self.macro_expr(mac);
        self.depth -= 1;
        out
    }

    pub fn stmt_items(&mut self, item: &mut syn::Item, out: &mut Vec<Stmt>) {
        let mut items = Vec::new();
        self.item(item, &mut items);
        self.push_items(items, out);
    }

    fn push_items(&mut self, items: Vec<Item>, out: &mut Vec<Stmt>) {
        self.stmt_items += items.len();
        let stmt = |item: Item| Stmt {
            span: item.span,
            kind: StmtKind::Item(Box::new(item)),
        };
        out.extend(items.into_iter().map(stmt));
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
                    kind => block_of(Expr {
                        kind,
                        span: diverge.span,
                    }),
                });
            }
        }
        let semi = self.word(local.semi_token.spans[0], 1);
        Stmt {
            span: join(from, semi),
            kind: StmtKind::Let(Box::new(Let {
                pat,
                ty,
                init,
                else_,
            })),
        }
    }
}

/// A block with nothing but `expr`.
pub(super) fn block_of(expr: Expr) -> Block {
    Block {
        span: expr.span,
        tail: Some(Box::new(expr)),
        ..Block::default()
    }
}
