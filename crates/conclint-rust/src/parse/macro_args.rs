//! The grammars of macro arguments, as parsers over token streams.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser, Result};
use syn::{Attribute, Expr, Ident, LitStr, Pat, Stmt, Token, Type, Visibility, token};

use super::known::Known;

/// The arguments of a macro call, by the first grammar that takes all of them.
pub(super) enum Args {
    /// Expressions.
    List(Vec<Expr>),
    /// `elem; len`.
    Repeat(Box<(Expr, Expr)>),
    Match(Box<MatchArgs>),
    Select(Vec<Branch>),
    CfgIf(Vec<CfgBranch>),
    Stmts(Vec<Stmt>),
    /// Expressions out of a grammar of its own.
    Found(Vec<Expr>),
    Unread(TokenStream),
}

/// Parses arguments, trying what `known` has first. One buffer of tokens serves
/// all attempts: to fill it takes longer than to parse.
pub(super) fn arguments(known: &Known, mut tokens: TokenStream) -> Args {
    // The others have a grammar of their own that comes first.
    if !matches!(
        known,
        Known::Matches | Known::Select | Known::CfgIf | Known::CfgSelect
    ) {
        // Taken apart and put together again, not cloned: that copies each token.
        let list: Vec<TokenTree> = tokens.into_iter().collect();
        if is_plain(&list) {
            return Args::List(list.into_iter().filter_map(value).collect());
        }
        tokens = list.into_iter().collect();
    }
    let parse = |input: ParseStream| -> Result<Args> {
        let first = match known {
            Known::Call(_) | Known::Assert | Known::AssertPair | Known::Join => {
                attempt(input, loose).map(Args::List)
            }
            Known::Matches => {
                attempt(input, MatchArgs::parse).map(|args| Args::Match(Box::new(args)))
            }
            Known::Select => attempt(input, select).map(Args::Select),
            Known::CfgIf => attempt(input, cfg_if).map(Args::CfgIf),
            Known::CfgSelect => attempt(input, cfg_select).map(Args::CfgIf),
            _ => None,
        };
        let args = first
            .or_else(|| attempt(input, exprs).map(Args::List))
            .or_else(|| match known {
                Known::Vec => attempt(input, repeat).map(|pair| Args::Repeat(Box::new(pair))),
                _ => None,
            })
            .or_else(|| attempt(input, syn::Block::parse_within).map(Args::Stmts));
        if let Some(args) = args {
            return Ok(args);
        }
        let tokens: TokenStream = input.parse()?;
        let mut found = Vec::new();
        Ok(match scavenge(tokens.clone(), &mut found) {
            Some(()) => Args::Found(found),
            None => Args::Unread(tokens),
        })
    };
    parse
        .parse2(tokens)
        .unwrap_or_else(|_| Args::Unread(TokenStream::new()))
}

/// Arguments that are names and literals only, as most of those of `println!`
/// and of long `vec!` lists are: no parser is needed for them, and the time it
/// takes is felt.
fn is_plain(tokens: &[TokenTree]) -> bool {
    let mut after_comma = true;
    for token in tokens {
        after_comma = match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && !after_comma => true,
            TokenTree::Ident(ident) if after_comma && !is_keyword(ident) => false,
            TokenTree::Literal(_) if after_comma => false,
            _ => return false,
        };
    }
    true
}

/// A name or literal as an expression.
fn value(token: TokenTree) -> Option<Expr> {
    match token {
        TokenTree::Ident(ident) => Some(Expr::Path(syn::ExprPath {
            attrs: Vec::new(),
            qself: None,
            path: ident.into(),
        })),
        TokenTree::Literal(literal) => Some(Expr::Lit(syn::ExprLit {
            attrs: Vec::new(),
            lit: syn::Lit::new(literal),
        })),
        _ => None,
    }
}

/// Not a name that stands for a value by itself.
fn is_keyword(ident: &Ident) -> bool {
    let words = [
        "true", "false", "break", "continue", "return", "loop", "move", "async", "unsafe", "const",
        "static", "if", "match", "while", "for", "let", "box", "yield", "fn", "ref", "mut", "in",
        "as", "dyn", "impl", "else", "default", "await", "struct", "enum", "union", "use", "pub",
        "where", "mod", "trait", "type", "extern", "macro", "try", "do", "abstract", "become",
        "final", "override", "priv", "typeof", "unsized", "virtual", "builtin", "raw", "auto",
        "safe",
    ];
    words.iter().any(|word| ident == word)
}

/// Moves on only when the parser takes all that is left.
fn attempt<T>(input: ParseStream, parser: impl Fn(ParseStream) -> Result<T>) -> Option<T> {
    let ahead = input.fork();
    let out = parser(&ahead).ok().filter(|_| ahead.is_empty())?;
    input.advance_to(&ahead);
    Some(out)
}

/// `a, b, c`.
fn exprs(input: ParseStream) -> Result<Vec<Expr>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        out.push(input.parse()?);
        if input.is_empty() {
            break;
        }
        input.parse::<Token![,]>()?;
    }
    Ok(out)
}

pub(super) fn items(input: ParseStream) -> Result<Vec<syn::Item>> {
    input.call(Attribute::parse_inner)?;
    list(input)
}

/// Nodes without separators.
pub(super) fn list<T: Parse>(input: ParseStream) -> Result<Vec<T>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        out.push(input.parse()?);
    }
    Ok(out)
}

/// The arguments of formatting and logging macros: expressions, of which each
/// can have a name (`a = x`, `target: x`, `"k" => x`) and a sigil (`%x`, `?x`).
fn loose(input: ParseStream) -> Result<Vec<Expr>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![else]) {
            // `try_lock!(x, else return)`: runs only when the rest fails.
            input.parse::<Token![else]>()?;
            input.parse::<Expr>()?;
            continue;
        }
        label(input)?;
        if input.peek(token::Brace) {
            braced_fields(input, &mut out)?;
        } else if !input.is_empty() && !input.peek(Token![,]) {
            out.push(input.parse()?);
        }
        if input.is_empty() {
            break;
        }
        if input.peek(Token![=>]) {
            input.parse::<Token![=>]>()?;
        } else if input.peek(Token![=]) {
            // `{ NAME } = value` of `tracing`.
            input.parse::<Token![=]>()?;
        } else if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
        } else {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(out)
}

/// A block, or the old `{ field = value }` of `tracing`.
fn braced_fields(input: ParseStream, out: &mut Vec<Expr>) -> Result<()> {
    let ahead = input.fork();
    let is_fields = {
        let inside;
        syn::braced!(inside in ahead);
        key(&inside)
    };
    let ahead = input.fork();
    if !is_fields && let Ok(expr) = ahead.parse::<Expr>() {
        input.advance_to(&ahead);
        out.push(expr);
        return Ok(());
    }
    let fields;
    syn::braced!(fields in input);
    out.extend(loose(&fields)?);
    Ok(())
}

/// Skips names and sigils before a value.
fn label(input: ParseStream) -> Result<()> {
    // Most arguments have no name: look before the fork, which costs more.
    if input.peek2(Token![=]) || input.peek2(Token![:]) || input.peek2(Token![.]) {
        let ahead = input.fork();
        if key(&ahead) {
            input.advance_to(&ahead);
        }
    }
    while input.peek(Token![%])
        || input.peek(Token![?])
        || input.peek(Token![#]) && !input.peek2(token::Bracket)
    {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// `a.b =`, `a:? =`, `target:`, `"key" =`.
fn key(input: ParseStream) -> bool {
    let named = if input.peek(LitStr) {
        input.parse::<LitStr>().is_ok()
    } else {
        let dotted = |input: ParseStream| -> Result<()> {
            input.call(Ident::parse_any)?;
            while input.peek(Token![.]) && !input.peek(Token![..]) {
                input.parse::<Token![.]>()?;
                input.call(Ident::parse_any)?;
            }
            Ok(())
        };
        dotted(input).is_ok()
    };
    if !named {
        return false;
    }
    if input.peek(Token![:]) && !input.peek(Token![::]) {
        let _ = input.parse::<Token![:]>();
        let sigil = input.peek(Token![?]) || input.peek(Token![%]) || input.peek(Ident);
        if sigil && input.peek2(Token![=]) && !input.peek2(Token![==]) && !input.peek2(Token![=>]) {
            return input.parse::<TokenTree>().is_ok() && input.parse::<Token![=]>().is_ok();
        }
        return true;
    }
    input.peek(Token![=])
        && !input.peek(Token![==])
        && !input.peek(Token![=>])
        && input.parse::<Token![=]>().is_ok()
}

/// Expressions anywhere between separators and brackets, for macros with a
/// grammar of their own (`json!`); `None` when a piece does not parse.
fn scavenge(tokens: TokenStream, out: &mut Vec<Expr>) -> Option<()> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for piece in pieces(&tokens) {
        if let [TokenTree::Group(group)] = piece
            && group.delimiter() != Delimiter::Parenthesis
            && syn::parse2::<Expr>(piece.iter().cloned().collect()).is_err()
        {
            scavenge(group.stream(), out)?;
            continue;
        }
        let stream: TokenStream = piece.iter().cloned().collect();
        out.extend(loose.parse2(stream).ok()?);
    }
    Some(())
}

/// Splits at `,`, `;`, `=>` and single `:`.
fn pieces(tokens: &[TokenTree]) -> Vec<&[TokenTree]> {
    let punct = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some(TokenTree::Punct(punct)) => punct.as_char(),
        _ => ' ',
    };
    let mut out = Vec::new();
    let mut start = 0;
    for at in 0..tokens.len() {
        let before = punct(at.checked_sub(1));
        let after = punct(Some(at + 1));
        let cut = match punct(Some(at)) {
            ',' | ';' => 1,
            ':' if before != ':' && after != ':' => 1,
            '>' if before == '=' => 2,
            _ => continue,
        };
        out.push(
            tokens
                .get(start..(at + 1).saturating_sub(cut))
                .unwrap_or_default(),
        );
        start = at + 1;
    }
    out.push(tokens.get(start..).unwrap_or_default());
    out.retain(|piece| !piece.is_empty());
    out
}

/// `[elem; len]` of `vec!`.
fn repeat(input: ParseStream) -> Result<(Expr, Expr)> {
    let elem = input.parse()?;
    input.parse::<Token![;]>()?;
    Ok((elem, input.parse()?))
}

/// `expr, pattern if guard`.
pub(super) struct MatchArgs {
    pub expr: Expr,
    pub pat: Pat,
    pub guard: Option<Expr>,
    /// What `assert_matches!` prints.
    pub rest: Vec<Expr>,
}

impl Parse for MatchArgs {
    fn parse(input: ParseStream) -> Result<Self> {
        let expr = input.parse()?;
        input.parse::<Token![,]>()?;
        let pat = Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.peek(Token![if]) {
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self {
            expr,
            pat,
            guard,
            rest: loose(input)?,
        })
    }
}

/// One branch of a `select!`.
pub(super) struct Branch {
    /// None for `else`, `default`, `complete`.
    pub pat: Option<Pat>,
    pub event: Event,
    pub guard: Option<Expr>,
    pub body: Expr,
}

/// What a branch waits for.
pub(super) enum Event {
    Future(Expr),
    /// `recv(r)`, `send(s, x)` of crossbeam.
    Channel {
        op: Ident,
        args: Vec<Expr>,
    },
    Nothing,
}

fn select(input: ParseStream) -> Result<Vec<Branch>> {
    if input.peek(Ident) && input.peek2(Token![;]) {
        input.parse::<Ident>()?;
        input.parse::<Token![;]>()?;
    }
    let mut out = Vec::new();
    while !input.is_empty() {
        out.push(branch(input)?);
    }
    Ok(out)
}

fn branch(input: ParseStream) -> Result<Branch> {
    let (pat, event, guard) = if input.peek(Token![else]) || last_resort(input) {
        input.call(Ident::parse_any)?;
        let event = if input.peek(token::Paren) {
            let timeout;
            syn::parenthesized!(timeout in input);
            exprs(&timeout)?
                .into_iter()
                .next()
                .map_or(Event::Nothing, Event::Future)
        } else {
            Event::Nothing
        };
        (None, event, None)
    } else if let Some(op) = channel_op(input) {
        input.parse::<Ident>()?;
        let inside;
        syn::parenthesized!(inside in input);
        let args = exprs(&inside)?;
        let mut pat = None;
        if input.peek(Token![->]) {
            input.parse::<Token![->]>()?;
            pat = Some(Pat::parse_single(input)?);
        }
        (pat, Event::Channel { op, args }, None)
    } else {
        let pat = Pat::parse_multi_with_leading_vert(input)?;
        input.parse::<Token![=]>()?;
        let future = input.parse()?;
        let mut guard = None;
        if input.peek(Token![,]) && input.peek2(Token![if]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            guard = Some(input.parse()?);
        }
        (Some(pat), Event::Future(future), guard)
    };
    input.parse::<Token![=>]>()?;
    let body = Expr::parse_with_earlier_boundary_rule(input)?;
    input.parse::<Option<Token![,]>>()?;
    Ok(Branch {
        pat,
        event,
        guard,
        body,
    })
}

fn last_resort(input: ParseStream) -> bool {
    let word = input.fork().call(Ident::parse_any);
    word.is_ok_and(|word| word == "default" || word == "complete")
        && (input.peek2(Token![=>]) || input.peek2(token::Paren))
}

fn channel_op(input: ParseStream) -> Option<Ident> {
    let word = input.fork().parse::<Ident>().ok()?;
    ((word == "recv" || word == "send") && input.peek2(token::Paren)).then_some(word)
}

/// One declaration of `lazy_static!` or `thread_local!`.
pub(super) struct Static {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub keyword: Token![static],
    pub ident: Ident,
    pub ty: Type,
    pub init: Expr,
}

pub(super) fn statics(input: ParseStream) -> Result<Vec<Static>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let keyword = input.parse()?;
        input.parse::<Option<Token![ref]>>()?;
        let ident = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        input.parse::<Token![=]>()?;
        let init = input.parse()?;
        while input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
        }
        out.push(Static {
            attrs,
            vis,
            keyword,
            ident,
            ty,
            init,
        });
    }
    Ok(out)
}

/// One branch of `cfg_if!`: the predicate (none for `else`) and what it guards.
pub(super) struct CfgBranch {
    pub predicate: Option<TokenStream>,
    pub body: TokenStream,
    pub span: Span,
}

pub(super) fn cfg_if(input: ParseStream) -> Result<Vec<CfgBranch>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        let mut predicate = None;
        if input.peek(Token![if]) {
            input.parse::<Token![if]>()?;
            let mut attrs = input.call(Attribute::parse_outer)?;
            let attr = attrs
                .pop()
                .ok_or_else(|| input.error("expected #[cfg(..)]"))?;
            predicate = Some(attr.meta.require_list()?.tokens.clone());
        }
        let content;
        let brace = syn::braced!(content in input);
        out.push(CfgBranch {
            predicate,
            body: content.parse()?,
            span: brace.span.join(),
        });
        if !input.is_empty() {
            input.parse::<Token![else]>()?;
        }
    }
    Ok(out)
}

/// `cfg_select! { unix => { .. } windows => one(), _ => other() }`.
pub(super) fn cfg_select(input: ParseStream) -> Result<Vec<CfgBranch>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        let span = input.span();
        let predicate = until(input, |input| input.peek(Token![=>]))?;
        input.parse::<Token![=>]>()?;
        let body = if input.peek(token::Brace) {
            let content;
            syn::braced!(content in input);
            content.parse()?
        } else {
            until(input, |input| input.peek(Token![,]))?
        };
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        let is_else = predicate.to_string() == "_";
        out.push(CfgBranch {
            predicate: (!is_else).then_some(predicate),
            body,
            span,
        });
    }
    Ok(out)
}

/// The tokens up to where `end` says so, or to the end.
fn until(input: ParseStream, end: impl Fn(ParseStream) -> bool) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !end(input) {
        tokens.extend(std::iter::once(input.parse::<TokenTree>()?));
    }
    Ok(tokens)
}
