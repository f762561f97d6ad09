//! Arguments against the matcher of an arm.
//!
//! As rustc does it, nothing that was taken is given back, but for the last
//! round of a repetition: `macro_rules!` allows no matcher that needs more.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use smol_str::{SmolStr, ToSmolStr};
use syn::buffer::Cursor;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseBuffer, ParseStream, Result};
use syn::{Ident, Lifetime, Token};

use super::bindings::{Binding, Bindings};
use super::rules::{Fragment, Matcher, Repeat, Times, Word, operator};

/// What the variables stand for where the matcher takes all of `input`.
pub(super) fn all(matcher: &[Matcher], input: ParseStream) -> Result<Bindings> {
    let mut bindings = Bindings::default();
    sequence(matcher, input, &mut bindings)?;
    finished(input)?;
    Ok(bindings)
}

fn finished(input: ParseStream) -> Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    Err(input.error("more than the matcher takes"))
}

fn sequence(matchers: &[Matcher], input: ParseStream, bindings: &mut Bindings) -> Result<()> {
    for matcher in matchers {
        match matcher {
            Matcher::Word(word) => {
                let found = input.step(|cursor| {
                    next_word(*cursor).ok_or_else(|| cursor.error("no such token"))
                })?;
                if found != *word {
                    return Err(input.error("another token"));
                }
            }
            Matcher::Group(delimiter, inner) => {
                let content = content(*delimiter, input)?;
                sequence(inner, &content, bindings)?;
                finished(&content)?;
            }
            Matcher::Variable(name, fragment) => {
                let tokens = taken(*fragment, input)?;
                let size = size(&tokens);
                bindings.insert(name.clone(), Binding::One(tokens, size));
            }
            Matcher::Repeat(repeat) => repetition(repeat, input, bindings)?,
        }
    }
    Ok(())
}

fn content<'a>(delimiter: Delimiter, input: &ParseBuffer<'a>) -> Result<ParseBuffer<'a>> {
    let content;
    match delimiter {
        Delimiter::Parenthesis => {
            syn::parenthesized!(content in input);
        }
        Delimiter::Brace => {
            syn::braced!(content in input);
        }
        Delimiter::Bracket => {
            syn::bracketed!(content in input);
        }
        Delimiter::None => return Err(input.error("no such group")),
    }
    Ok(content)
}

fn repetition(repeat: &Repeat, input: ParseStream, bindings: &mut Bindings) -> Result<()> {
    let mut rounds: Vec<Bindings> = Vec::new();
    loop {
        let ahead = input.fork();
        if let Some(separator) = &repeat.separator
            && !rounds.is_empty()
            && !matches!(ahead.step(|c| next_word(*c).ok_or_else(|| c.error(""))), Ok(word) if word == *separator)
        {
            break;
        }
        let mut round = Bindings::default();
        if ahead.is_empty() || sequence(&repeat.inner, &ahead, &mut round).is_err() {
            break;
        }
        if ahead.cursor() == input.cursor() {
            break;
        }
        input.advance_to(&ahead);
        rounds.push(round);
        if repeat.times == Times::Optional {
            break;
        }
    }
    if repeat.times == Times::Some && rounds.is_empty() {
        return Err(input.error("at least one is needed"));
    }
    for name in &repeat.names {
        let rounds = rounds.iter_mut().filter_map(|round| round.remove(name));
        bindings.insert(name.clone(), Binding::Many(rounds.collect()));
    }
    Ok(())
}

/// The token at a place, and what follows it.
fn next_word(cursor: Cursor<'_>) -> Option<(Word, Cursor<'_>)> {
    if let Some((ident, rest)) = cursor.ident() {
        return Some((Word(ident.to_smolstr()), rest));
    }
    if let Some((lifetime, rest)) = cursor.lifetime() {
        return Some((Word(lifetime.to_smolstr()), rest));
    }
    if let Some((literal, rest)) = cursor.literal() {
        return Some((Word(literal.to_smolstr()), rest));
    }
    let mut run: Vec<(char, Spacing)> = Vec::new();
    let mut rests = Vec::new();
    let mut at = cursor;
    while let Some((punct, rest)) = at.punct().filter(|_| run.len() < 3) {
        run.push((punct.as_char(), punct.spacing()));
        rests.push(rest);
        at = rest;
    }
    if run.is_empty() {
        return None;
    }
    let operator = operator(run.into_iter());
    let last = operator.0.chars().count().checked_sub(1)?;
    Some((operator, *rests.get(last)?))
}

/// Takes a fragment; its tokens in a form that stays one thing wherever it is
/// put.
fn taken(fragment: Fragment, input: ParseStream) -> Result<Vec<TokenTree>> {
    let start = input.cursor();
    let mut ends_in_semi = false;
    match fragment {
        Fragment::Block => drop(input.parse::<syn::Block>()?),
        Fragment::Expr => drop(input.parse::<syn::Expr>()?),
        Fragment::Ident => {
            if input.peek(Token![_]) {
                return Err(input.error("not a name"));
            }
            drop(input.call(Ident::parse_any)?);
        }
        Fragment::Item => drop(input.parse::<syn::Item>()?),
        Fragment::Lifetime => drop(input.parse::<Lifetime>()?),
        Fragment::Literal => {
            input.parse::<Option<Token![-]>>()?;
            drop(input.parse::<syn::Lit>()?);
        }
        Fragment::Meta => drop(input.parse::<syn::Meta>()?),
        Fragment::Pat => drop(syn::Pat::parse_multi_with_leading_vert(input)?),
        Fragment::PatParam => drop(syn::Pat::parse_single(input)?),
        Fragment::Path => drop(input.parse::<syn::Path>()?),
        Fragment::Stmt => ends_in_semi = statement(input)?,
        Fragment::Tt => tree(input)?,
        Fragment::Ty => drop(input.call(syn::Type::without_plus)?),
        Fragment::Vis => drop(input.parse::<syn::Visibility>()?),
    }
    let mut tokens = between(start, input.cursor())
        .ok_or_else(|| input.error("the fragment ends inside a group"))?;
    if ends_in_semi {
        tokens.push(TokenTree::Punct(proc_macro2::Punct::new(
            ';',
            Spacing::Alone,
        )));
    }
    let stays_one = match fragment {
        Fragment::Expr | Fragment::Ty => is_plain(&tokens),
        _ => true,
    };
    Ok(if stays_one {
        tokens
    } else {
        vec![grouped(tokens)]
    })
}

/// A statement without its `;`. Whether it needs one to be whole.
fn statement(input: ParseStream) -> Result<bool> {
    if input.peek(Token![let]) {
        while !input.is_empty() && !input.peek(Token![;]) {
            input.parse::<TokenTree>()?;
        }
        return Ok(true);
    }
    let ahead = input.fork();
    if ahead.parse::<syn::Expr>().is_ok() {
        input.advance_to(&ahead);
    } else {
        drop(input.parse::<syn::Item>()?);
    }
    Ok(false)
}

/// One token, one lifetime, one operator, or one group.
fn tree(input: ParseStream) -> Result<()> {
    input.step(|cursor| {
        if let Some((_, rest)) = next_word(*cursor) {
            return Ok(((), rest));
        }
        match cursor.token_tree() {
            Some((_, rest)) => Ok(((), rest)),
            None => Err(cursor.error("nothing left")),
        }
    })
}

/// The tokens from one place to another.
fn between(start: Cursor<'_>, end: Cursor<'_>) -> Option<Vec<TokenTree>> {
    let mut out = Vec::new();
    let mut at = start;
    while at != end {
        let (token, rest) = at.token_tree()?;
        out.push(token);
        at = rest;
    }
    Some(out)
}

/// A path without generic arguments, or a literal: nothing around it can tear it
/// apart.
fn is_plain(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Ident(_) | TokenTree::Literal(_)] => true,
        // A group of an earlier call.
        [TokenTree::Group(group)] => group.delimiter() == Delimiter::None,
        _ => tokens.iter().all(|token| match token {
            TokenTree::Ident(ident) => !is_operator_word(&ident.to_smolstr()),
            TokenTree::Punct(punct) => punct.as_char() == ':',
            _ => false,
        }),
    }
}

fn is_operator_word(word: &SmolStr) -> bool {
    matches!(
        word.as_str(),
        "as" | "return" | "break" | "continue" | "dyn" | "impl" | "mut" | "const" | "move"
    )
}

/// In a group without brackets.
fn grouped(tokens: Vec<TokenTree>) -> TokenTree {
    let place = tokens.first().map(TokenTree::span);
    let mut group = Group::new(Delimiter::None, tokens.into_iter().collect());
    if let Some(place) = place {
        group.set_span(place);
    }
    TokenTree::Group(group)
}

/// How many tokens there are with all that is inside.
pub(super) fn size(tokens: &[TokenTree]) -> usize {
    let one = |token: &TokenTree| match token {
        TokenTree::Group(group) => 1 + stream_size(&group.stream()),
        _ => 1,
    };
    tokens.iter().map(one).sum()
}

fn stream_size(tokens: &TokenStream) -> usize {
    size(&tokens.clone().into_iter().collect::<Vec<_>>())
}
