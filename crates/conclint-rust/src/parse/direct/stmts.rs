//! Blocks and statements.

use super::Reader;
use super::exprs::Shape;
use super::lex::Kind;
use crate::hir::{Block, Expr, Let, Span, Stmt, StmtKind};
use crate::parse::span::join;

impl Reader<'_, '_> {
    /// `{ .. }`.
    pub fn block(&mut self) -> Option<Block> {
        let open = self.peek(0).span;
        let close = self.open(b'{')?;
        let mut out = Block {
            span: join(open, close.span),
            ..Block::default()
        };
        loop {
            while self.eat(b";") {}
            if self.is_empty() {
                break;
            }
            if self.is_keyword(0, "let") {
                out.stmts.push(self.local()?);
            } else if self.starts_item() {
                self.item(&mut out.stmts)?;
            } else {
                if self.macro_stmts(&mut out)? {
                    continue;
                }
                let (expr, shape) = match self.brace_macro()? {
                    Some(expr) => (expr, Shape::BraceMacro),
                    None => self.early()?,
                };
                let semi = self.peek(0).span;
                if self.eat(b";") {
                    out.stmts.push(statement(join(expr.span, semi), expr));
                } else if self.is_empty() {
                    out.tail = Some(Box::new(expr));
                } else if matches!(shape, Shape::Block | Shape::BraceMacro) {
                    out.stmts.push(statement(expr.span, expr));
                } else {
                    return None;
                }
            }
        }
        self.close()?;
        // Statements are large: no room for more than there are.
        out.stmts.shrink_to_fit();
        Some(out)
    }

    fn local(&mut self) -> Option<Stmt> {
        let from = self.next().span;
        let pat = self.single_pat()?;
        let ty = match self.is(b":") && !self.is(b"::") {
            true => {
                self.at += 1;
                Some(self.ty()?)
            }
            false => None,
        };
        let mut init = None;
        let mut else_ = None;
        if self.eat(b"=") {
            init = Some(self.expr()?);
            if self.eat_keyword("else") {
                else_ = Some(self.block()?);
            }
        }
        let semi = self.peek(0).span;
        self.expect(b";")?;
        let kind = StmtKind::Let(Box::new(Let {
            pat,
            ty,
            init,
            else_,
        }));
        Some(Stmt {
            span: join(from, semi),
            kind,
        })
    }

    /// A statement that is a call of the program's own macro: adds what it
    /// writes to `out`, and says whether there was one.
    fn macro_stmts(&mut self, out: &mut Block) -> Option<bool> {
        let Some(bang) = self.macro_bang() else {
            return Some(false);
        };
        let open = self.peek(bang + 1);
        if !matches!(open.kind, Kind::Open(_)) {
            return Some(false);
        }
        let after = open.mate + 1 - self.at;
        let is_stmt = match open.kind {
            Kind::Open(b'{') => !self.goes_on(after),
            _ => self.is_at(after, b";"),
        };
        let name = self.peek(bang - 1);
        let line = name.span.line;
        if !is_stmt || !self.cx.expander.concerns(self.word(name), bang == 1, line) {
            return Some(false);
        }
        let start = self.at;
        let (path, _) = self.expr_path()?;
        let Some(mut block) = self.expanded(self.at, &path, |cx, mac, alone| {
            cx.expanded_stmts(mac, alone)
        }) else {
            self.at = start;
            return Some(false);
        };
        self.at = start + after;
        out.stmts.append(&mut block.stmts);
        out.conditional |= block.conditional;
        if let Some(tail) = block.tail {
            if !self.is(b";") && self.is_empty() {
                out.tail = Some(tail);
            } else {
                out.stmts.push(statement(tail.span, *tail));
            }
        }
        Some(true)
    }

    /// `name! { .. }` as a statement goes no further than its brace, unless a
    /// method is called on it. The inner `None` where there is none.
    fn brace_macro(&mut self) -> Option<Option<Expr>> {
        let Some(bang) = self.macro_bang() else {
            return Some(None);
        };
        if !self.is_open(bang + 1, b'{') {
            return Some(None);
        }
        let after = self.peek(bang + 1).mate + 1 - self.at;
        if self.goes_on(after) {
            return Some(None);
        }
        let (path, span) = self.expr_path()?;
        Some(Some(self.macro_call(path, span)?.0))
    }

    /// Whether the tokens from there on belong to the expression before them.
    fn goes_on(&self, after: usize) -> bool {
        self.is_at(after, b".") && !self.is_at(after, b"..") || self.is_punct(after, b'?')
    }

    /// How far ahead the `!` after a path is.
    fn macro_bang(&self) -> Option<usize> {
        let mut ahead = 0;
        let is_name = |ahead: usize| {
            let token = self.peek(ahead);
            match token.kind {
                Kind::Ident => true,
                Kind::Keyword => matches!(self.word(token), "self" | "super" | "crate"),
                _ => false,
            }
        };
        if self.is(b"::") {
            ahead += 2;
        }
        while is_name(ahead) && self.is_at(ahead + 1, b"::") {
            ahead += 3;
        }
        (is_name(ahead) && self.is_punct(ahead + 1, b'!')).then_some(ahead + 1)
    }

    /// A declaration stands here.
    fn starts_item(&self) -> bool {
        let token = self.peek(0);
        match token.kind {
            Kind::Keyword => match self.word(token) {
                "pub" | "extern" | "use" | "static" | "fn" | "mod" | "type" | "struct" | "enum"
                | "trait" | "impl" | "macro" => true,
                "const" | "unsafe" => !self.is_open(1, b'{'),
                "async" => self.is_keyword(1, "fn") || self.is_keyword(1, "unsafe"),
                "crate" => !self.is_at(1, b"::"),
                _ => false,
            },
            Kind::Ident if self.is_ident(1) => {
                matches!(self.word(token), "union" | "auto" | "default")
            }
            Kind::Ident => {
                self.word(token) == "default"
                    && (self.is_keyword(1, "unsafe") || self.is_keyword(1, "impl"))
            }
            _ => false,
        }
    }

    /// Declarations in bodies are rare, and their grammar is large: `syn` reads
    /// those whose end is plain to see.
    fn item(&mut self, out: &mut Vec<Stmt>) -> Option<()> {
        let first = self.peek(0);
        let to_semicolon = match self.word(first) {
            "use" | "const" | "type" | "static" => !self.is_keyword(1, "fn"),
            "fn" | "struct" | "enum" | "impl" | "trait" | "async" => false,
            _ => return None,
        };
        loop {
            let token = self.next();
            match token.kind {
                Kind::Close => return None,
                Kind::Punct(b';') => break,
                Kind::Open(bracket) => {
                    self.at = token.mate + 1;
                    if bracket == b'{' && !to_semicolon {
                        break;
                    }
                }
                _ => {}
            }
        }
        let range = first.start..self.last().end;
        self.foreign(range, (first.span.line, first.span.column), |cx, tokens| {
            let mut item = syn::parse2::<syn::Item>(tokens).ok()?;
            cx.stmt_items(&mut item, out);
            Some(())
        })
    }
}

fn statement(span: Span, expr: Expr) -> Stmt {
    Stmt {
        span,
        kind: StmtKind::Expr(expr),
    }
}
