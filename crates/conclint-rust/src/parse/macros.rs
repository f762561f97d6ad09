//! Macro calls in expressions and statements.

use proc_macro2::TokenStream;
use syn::parse::Parser;

use super::expand::is_alone;
use super::exprs::{literal_int, made};
use super::known::{Known, known};
use super::macro_args::{self as grammar, Args, Branch, Event};
use super::span::join;
use super::{Cx, MAX_MACRO_DEPTH, single, twins};
use crate::hir::{
    Arm, Block, Expr, ExprKind, Let, Lit, MacroCall, MacroKind, Pat, Path, Span, Stmt, StmtKind,
    UnOp,
};

/// Whether a macro in statement position declares items.
pub(super) fn holds_items(mac: &syn::Macro) -> bool {
    let last = mac.path.segments.last();
    last.is_some_and(|last| last.ident == "lazy_static" || last.ident == "thread_local")
}

/// One macro call that is being opened.
pub(super) struct Call {
    pub path: Path,
    pub span: Span,
}

impl Cx {
    /// Opens a macro call in an expression.
    pub fn macro_expr(&mut self, mac: &mut syn::Macro) -> Expr {
        if let Some(expr) = self.expanded_expr(mac, is_alone(&mac.path)) {
            return expr;
        }
        let from = self.path_span(&mac.path, None);
        let call = Call {
            path: self.path(&mac.path, None),
            span: self.until(from, mac.delimiter.span().close()),
        };
        let known = known(call.path.last());
        if known == Known::Inert {
            return made(call.span, ExprKind::Lit(Lit::Other));
        }
        let tokens = std::mem::take(&mut mac.tokens);
        self.macro_call(&known, call, tokens, from)
    }

    /// Opens a macro that is not inert; `name` is where its name stands.
    pub fn macro_call(
        &mut self,
        known: &Known,
        call: Call,
        tokens: TokenStream,
        name: Span,
    ) -> Expr {
        if self.macro_depth >= MAX_MACRO_DEPTH {
            let mentions_lock = super::mentions_lock(&tokens);
            self.too_deep("macro", call.span, mentions_lock);
            return made(call.span, ExprKind::Other);
        }
        self.macro_depth += 1;
        if twins::binds_captures(call.path.last())
            && let Some(block) = twins::with_captures(tokens.clone())
            && let Ok(mut block) = syn::parse2::<syn::Expr>(block)
        {
            let out = self.expr(&mut block);
            self.macro_depth -= 1;
            return out;
        }
        let out = self.open(known, call, tokens, name);
        self.macro_depth -= 1;
        out
    }

    fn open(&mut self, known: &Known, call: Call, tokens: TokenStream, name: Span) -> Expr {
        match grammar::arguments(known, tokens) {
            Args::List(args) => self.list(known, &call, args, name),
            Args::Repeat(pair) => self.repeat(&call, pair.0, pair.1),
            Args::Match(args) => self.matches(&call, *args),
            Args::Select(branches) => self.select(&call, branches),
            Args::CfgIf(branches) => match self.cfg_branches(branches) {
                Some(chain) => chain,
                None => self.opened(&call, MacroKind::Unknown, Vec::new()),
            },
            Args::Stmts(mut stmts) => {
                let block = self.stmts(call.span, &mut stmts);
                // async_stream's: nothing of it runs before the stream is asked.
                let kind = match call.path.last() {
                    "stream" | "try_stream" => ExprKind::Async { block },
                    _ => ExprKind::Block(block),
                };
                let args = vec![made(call.span, kind)];
                self.opened(&call, MacroKind::Unknown, args)
            }
            Args::Found(mut found) => {
                let args = self.exprs(&mut found);
                self.opened(&call, MacroKind::Unknown, args)
            }
            Args::Unread(tokens) => {
                let what = format!("macro {}!", call.path.last());
                self.unread(
                    call.span,
                    what,
                    "arguments are neither expressions nor statements",
                    &tokens,
                );
                made(call.span, ExprKind::Other)
            }
        }
    }

    fn opened(&self, call: &Call, kind: MacroKind, args: Vec<Expr>) -> Expr {
        let call_ = MacroCall {
            path: call.path.clone(),
            kind,
            args,
        };
        made(call.span, ExprKind::Macro(Box::new(call_)))
    }

    /// A call whose arguments are expressions; `name` is where its name stands.
    fn list(&mut self, known: &Known, call: &Call, mut args: Vec<syn::Expr>, name: Span) -> Expr {
        if *known == Known::Join {
            // `biased;` comes first in recent versions of tokio.
            args.retain(
                |arg| !matches!(arg, syn::Expr::Path(path) if path.path.is_ident("biased")),
            );
        }
        let args = self.exprs(&mut args);
        self.listed(known, call, args, name)
    }

    /// What a call with these arguments amounts to.
    pub fn listed(&mut self, known: &Known, call: &Call, mut args: Vec<Expr>, name: Span) -> Expr {
        if matches!(known, Known::Call(_) | Known::Assert | Known::AssertPair) {
            args.extend(captured(&args));
        }
        match (known, args.len()) {
            (Known::Call(kind), _) => self.opened(call, kind.clone(), args),
            (Known::Assert, 1..) => self.assert(call, args),
            (Known::AssertPair, 2..) => self.assert_pair(call, args),
            (Known::Vec, _) => self.opened(call, MacroKind::Vec, args),
            (Known::Dbg, 1) => Expr {
                span: call.span,
                ..show(args.remove(0))
            },
            (Known::Dbg, 2..) => made(
                call.span,
                ExprKind::Tuple(args.into_iter().map(show).collect()),
            ),
            (Known::Dbg, 0) => self.opened(call, MacroKind::Print, args),
            (Known::Try, 1) => made(call.span, ExprKind::Try(Box::new(args.remove(0)))),
            (Known::Await, 1) => made(
                call.span,
                ExprKind::Await {
                    expr: Box::new(args.remove(0)),
                    await_span: name,
                },
            ),
            (Known::AddrOf { mutable }, 1) => made(
                call.span,
                ExprKind::Ref {
                    mutable: *mutable,
                    expr: Box::new(args.remove(0)),
                },
            ),
            (Known::Join, _) => self.opened(call, MacroKind::JoinFutures, args),
            _ => self.opened(call, MacroKind::Unknown, args),
        }
    }

    /// `assert!(c, ..)` is `if !c { panic!(..) }`.
    fn assert(&self, call: &Call, mut args: Vec<Expr>) -> Expr {
        let cond = Box::new(args.remove(0));
        let cond = Box::new(made(
            cond.span,
            ExprKind::Unary {
                op: UnOp::Not,
                expr: cond,
            },
        ));
        let then = statement(self.opened(call, MacroKind::Panic, args));
        made(
            call.span,
            ExprKind::If {
                cond,
                then,
                else_: None,
            },
        )
    }

    /// `assert_eq!(a, b, ..)` is `match (&a, &b) { equal => (), _ => panic!(..) }`,
    /// `assert_ne!` has the arms' bodies the other way round.
    fn assert_pair(&self, call: &Call, mut args: Vec<Expr>) -> Expr {
        let message = args.split_off(2);
        let by_ref = |expr: Expr| {
            made(
                expr.span,
                ExprKind::Ref {
                    mutable: false,
                    expr: Box::new(expr),
                },
            )
        };
        let sides = args.into_iter().map(by_ref).collect();
        let scrutinee = Box::new(made(call.span, ExprKind::Tuple(sides)));
        let panic = made(
            call.span,
            ExprKind::Block(statement(self.opened(call, MacroKind::Panic, message))),
        );
        let (equal, unequal) = if call.path.last().ends_with("_ne") {
            (panic, unit(call.span))
        } else {
            (unit(call.span), panic)
        };
        let arm = |pat, body| Arm {
            pat,
            guard: None,
            body,
        };
        let arms = vec![arm(Pat::Lit, equal), arm(Pat::Wild, unequal)];
        made(call.span, ExprKind::Match { scrutinee, arms })
    }

    fn repeat(&mut self, call: &Call, mut elem: syn::Expr, mut count: syn::Expr) -> Expr {
        let elem = self.expr(&mut elem);
        let len = literal_int(&count);
        let count = match len {
            Some(_) => None,
            None => Some(self.expr(&mut count)),
        };
        self.repeated(call, elem, len, count)
    }

    /// Of `vec![e; n]` the argument is a `Repeat`, with `n` behind it where it
    /// is not a literal.
    pub fn repeated(
        &mut self,
        call: &Call,
        elem: Expr,
        len: Option<u64>,
        count: Option<Expr>,
    ) -> Expr {
        let elem = Box::new(elem);
        let mut args = vec![made(call.span, ExprKind::Repeat { elem, len })];
        args.extend(count);
        self.opened(call, MacroKind::Vec, args)
    }

    fn matches(&mut self, call: &Call, mut args: grammar::MatchArgs) -> Expr {
        let scrutinee = self.expr(&mut args.expr);
        let pat = self.pat(&args.pat);
        let guard = args.guard.as_mut().map(|guard| self.expr(guard));
        let message = match call.path.last() {
            "matches" => Vec::new(),
            _ => self.exprs(&mut args.rest),
        };
        self.matched(call, scrutinee, pat, guard, message)
    }

    /// `matches!` and `assert_matches!`, with what the latter prints.
    pub fn matched(
        &mut self,
        call: &Call,
        scrutinee: Expr,
        pat: Pat,
        guard: Option<Expr>,
        message: Vec<Expr>,
    ) -> Expr {
        let scrutinee = Box::new(scrutinee);
        let (hit, miss) = if call.path.last() == "matches" {
            let bool = |value| made(call.span, ExprKind::Lit(Lit::Bool(value)));
            (bool(true), bool(false))
        } else {
            let panic = statement(self.opened(call, MacroKind::Panic, message));
            (unit(call.span), made(call.span, ExprKind::Block(panic)))
        };
        let arms = vec![
            Arm {
                pat,
                guard,
                body: hit,
            },
            Arm {
                pat: Pat::Wild,
                guard: None,
                body: miss,
            },
        ];
        made(call.span, ExprKind::Match { scrutinee, arms })
    }

    /// Each branch becomes `{ let pat = future.await; body }`. With channels
    /// there is nothing to await: the branches are those of a `match`.
    fn select(&mut self, call: &Call, mut branches: Vec<Branch>) -> Expr {
        let channels = branches
            .iter()
            .any(|branch| matches!(branch.event, Event::Channel { .. }));
        let polls = branches
            .iter()
            .any(|branch| matches!(branch.event, Event::Nothing));
        let bodies: Vec<Expr> = branches
            .iter_mut()
            .map(|branch| self.branch(branch, polls))
            .collect();
        if !channels {
            return self.opened(call, MacroKind::Select, bodies);
        }
        let arms = bodies.into_iter().map(|body| Arm {
            pat: Pat::Lit,
            guard: None,
            body,
        });
        let mut arms: Vec<Arm> = arms.collect();
        if let Some(last) = arms.last_mut() {
            last.pat = Pat::Wild;
        }
        made(
            call.span,
            ExprKind::Match {
                scrutinee: Box::new(unit(call.span)),
                arms,
            },
        )
    }

    fn branch(&mut self, branch: &mut Branch, polls: bool) -> Expr {
        let event = match &mut branch.event {
            Event::Future(future) if branch.pat.is_some() => {
                let expr = self.boxed(future);
                let span = expr.span;
                Some(made(
                    span,
                    ExprKind::Await {
                        expr,
                        await_span: span,
                    },
                ))
            }
            Event::Future(timeout) => Some(self.expr(timeout)),
            Event::Channel { op, args } => self.channel(op, args, polls),
            Event::Nothing => None,
        };
        let pat = branch.pat.as_ref().map_or(Pat::Wild, |pat| self.pat(pat));
        let guard = branch.guard.as_mut().map(|guard| self.boxed(guard));
        let body = self.expr(&mut branch.body);
        let Some(event) = event else { return body };
        let span = join(event.span, body.span);
        let wait = StmtKind::Let(Box::new(Let {
            pat,
            ty: None,
            init: Some(event),
            else_: None,
        }));
        let stmts = vec![Stmt { span, kind: wait }];
        let block = Block {
            stmts,
            tail: Some(Box::new(body)),
            span,
            label: None,
            conditional: false,
        };
        match guard {
            Some(cond) => made(
                span,
                ExprKind::If {
                    cond,
                    then: block,
                    else_: None,
                },
            ),
            None => made(span, ExprKind::Block(block)),
        }
    }

    /// `recv(r)` is `r.recv()`, which does not wait next to a `default`.
    fn channel(
        &mut self,
        op: &proc_macro2::Ident,
        args: &mut [syn::Expr],
        polls: bool,
    ) -> Option<Expr> {
        let (name, name_span) = self.ident(op);
        let name = if polls {
            smol_str::format_smolstr!("try_{name}")
        } else {
            name
        };
        let (receiver, args) = args.split_first_mut()?;
        let (receiver, args) = (self.boxed(receiver), self.exprs(args).into());
        let span = join(name_span, receiver.span);
        Some(made(
            span,
            ExprKind::MethodCall {
                receiver,
                name,
                name_span,
                generics: Box::default(),
                args,
            },
        ))
    }

    /// The branches of a `cfg_if!` or `cfg_select!`: one of them is there.
    fn cfg_branches(&mut self, branches: Vec<grammar::CfgBranch>) -> Option<Expr> {
        let mut chain: Option<Expr> = None;
        for branch in branches.into_iter().rev() {
            let span = self.span(branch.span);
            let then = match syn::Block::parse_within.parse2(branch.body.clone()) {
                Ok(mut stmts) => self.stmts(span, &mut stmts),
                Err(error) => {
                    self.unread(span, "macro cfg_if!", error.to_string(), &branch.body);
                    continue;
                }
            };
            let kind = match (branch.predicate, chain.take()) {
                (None, None) => ExprKind::Block(then),
                (_, rest) => ExprKind::If {
                    cond: Box::new(made(span, ExprKind::Other)),
                    then,
                    else_: rest.map(Box::new),
                },
            };
            chain = Some(made(span, kind));
        }
        chain
    }

    /// Tokens that the parser left alone: syntax behind feature gates.
    pub fn verbatim_expr(&mut self, tokens: TokenStream) -> Expr {
        let span = self.tokens(&tokens);
        let mut rest = tokens.clone();
        for _ in 0..2 {
            let mut inner = rest.into_iter();
            let Some(proc_macro2::TokenTree::Ident(word)) = inner.next() else {
                break;
            };
            if word == "builtin" {
                return made(span, ExprKind::Other);
            }
            rest = inner.collect();
            if let Ok(mut expr) = syn::parse2::<syn::Expr>(rest.clone())
                && !matches!(expr, syn::Expr::Verbatim(_))
            {
                return self.expr(&mut expr);
            }
        }
        self.unread(span, "expression", "syntax not known", &tokens);
        made(span, ExprKind::Other)
    }
}

fn unit(span: Span) -> Expr {
    made(span, ExprKind::Tuple(Vec::new()))
}

/// `{ expr; }`.
fn statement(expr: Expr) -> Block {
    let span = expr.span;
    Block {
        stmts: vec![Stmt {
            span,
            kind: StmtKind::Expr(expr),
        }],
        span,
        ..Block::default()
    }
}

/// `match e { tmp => tmp }`.
fn show(expr: Expr) -> Expr {
    let span = expr.span;
    let pat = Pat::Bind {
        name: "tmp".into(),
        by_ref: false,
        mutable: false,
        sub: None,
        span,
    };
    let arms = vec![Arm {
        pat,
        guard: None,
        body: made(span, ExprKind::Path(single("tmp"))),
    }];
    made(
        span,
        ExprKind::Match {
            scrutinee: Box::new(expr),
            arms,
        },
    )
}

/// The names in format strings, `"{name:?}"`: each is an argument, too.
fn captured(args: &[Expr]) -> Vec<Expr> {
    let texts = args.iter().filter_map(|arg| match &arg.kind {
        ExprKind::Lit(Lit::Str(text)) => Some((arg.span, text.replace("{{", ""))),
        _ => None,
    });
    let mut found = Vec::new();
    for (span, text) in texts {
        for part in text.split('{').skip(1) {
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
            let (name, rest) = part.split_at(end.unwrap_or(part.len()));
            let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
            if starts && rest.starts_with([':', '}']) {
                found.push(made(span, ExprKind::Path(single(name))));
            }
        }
    }
    found
}
