//! Syntax that older editions had, rewritten to what the parser takes.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

use super::macro_items::is_word;

/// Rewrites tokens of an item that does not parse: `async` and `await` as
/// names, `box` expressions, documentation where nothing follows, and trait
/// objects without `dyn` that are more than a path (`Fn(A)`, `Any + Send`).
pub(super) fn rewrite(tokens: TokenStream) -> TokenStream {
    let list: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = Vec::with_capacity(list.len());
    let mut at = 0;
    while let Some(token) = list.get(at) {
        let next = list.get(at + 1);
        if let Some(len) = doc_len(&list, at) {
            at += len;
            continue;
        }
        if let Some(len) = marker_len(&list, at) {
            at += len;
            continue;
        }
        if is_bare_closure(&list, at) {
            out.push(TokenTree::Ident(Ident::new("dyn", token.span())));
        }
        match token {
            TokenTree::Group(group) => out.push(regroup(group, rewrite(group.stream()))),
            TokenTree::Ident(ident) if ident == "box" && starts_value(next) => {}
            TokenTree::Ident(ident) if ident == "async" && !starts_async(next) => {
                out.push(raw("async", ident.span()));
            }
            TokenTree::Ident(ident) if ident == "await" && !follows_dot(&list, at) => {
                out.push(raw("await", ident.span()));
            }
            token => out.push(token.clone()),
        }
        at += 1;
    }
    out.into_iter().collect()
}

/// Gives names to the parameters of a trait method that have none.
pub(super) fn name_params(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = tokens.into_iter().collect();
    let Some(fn_at) = out.iter().position(|token| is_word(token, &["fn"])) else {
        return out.into_iter().collect();
    };
    let is_params = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis);
    // Bounds such as `Fn(A)` come inside `<..>`, before the parameters.
    let mut angle = 0_i32;
    for at in fn_at..out.len() {
        match out.get(at) {
            Some(TokenTree::Punct(punct)) => {
                angle += angle_step(punct, out.get(at.wrapping_sub(1)))
            }
            Some(token) if angle == 0 && is_params(token) => {
                if let Some(TokenTree::Group(group)) = out.get(at).cloned() {
                    out[at] = regroup(&group, named(group.stream()));
                }
                break;
            }
            _ => {}
        }
    }
    out.into_iter().collect()
}

fn angle_step(punct: &Punct, before: Option<&TokenTree>) -> i32 {
    match punct.as_char() {
        '<' => 1,
        '>' if !matches!(before, Some(TokenTree::Punct(before)) if matches!(before.as_char(), '-' | '=')) => {
            -1
        }
        _ => 0,
    }
}

fn named(params: TokenStream) -> TokenStream {
    let list: Vec<TokenTree> = params.into_iter().collect();
    let mut out = Vec::with_capacity(list.len());
    let mut start = 0;
    let mut angle = 0;
    for at in 0..=list.len() {
        let comma = match list.get(at) {
            Some(TokenTree::Punct(punct)) => {
                angle += angle_step(punct, list.get(at.wrapping_sub(1)));
                punct.as_char() == ',' && angle == 0
            }
            None => true,
            _ => false,
        };
        if comma {
            let param = list.get(start..at).unwrap_or_default();
            if let Some(first) = param.first()
                && !has_name(param)
            {
                out.push(TokenTree::Ident(Ident::new("_", first.span())));
                let mut colon = Punct::new(':', Spacing::Alone);
                colon.set_span(first.span());
                out.push(TokenTree::Punct(colon));
            }
            out.extend(list.get(start..=at).unwrap_or(param).iter().cloned());
            start = at + 1;
        }
    }
    out.into_iter().collect()
}

/// `self` in any form, or a `:` that is not part of `::`.
fn has_name(param: &[TokenTree]) -> bool {
    let mut angle = 0;
    for (at, token) in param.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "self" && angle == 0 => return true,
            TokenTree::Punct(punct) => {
                angle += angle_step(punct, param.get(at.wrapping_sub(1)));
                let is_colon = |at: usize| matches!(param.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                if angle == 0 && is_colon(at) && !is_colon(at + 1) && !is_colon(at.wrapping_sub(1))
                {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

fn regroup(group: &Group, stream: TokenStream) -> TokenTree {
    let mut out = Group::new(group.delimiter(), stream);
    out.set_span(group.span());
    TokenTree::Group(out)
}

fn raw(name: &str, span: Span) -> TokenTree {
    TokenTree::Ident(Ident::new_raw(name, span))
}

/// `box` in front of a value, not a name of its own.
fn starts_value(next: Option<&TokenTree>) -> bool {
    match next {
        Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), '&' | '*' | '|' | '-' | '!'),
        Some(TokenTree::Ident(_) | TokenTree::Literal(_)) => true,
        Some(TokenTree::Group(group)) => group.delimiter() != Delimiter::Brace,
        None => false,
    }
}

fn starts_async(next: Option<&TokenTree>) -> bool {
    match next {
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Brace,
        Some(TokenTree::Punct(punct)) => punct.as_char() == '|',
        Some(token) => is_word(token, &["move", "fn", "unsafe", "extern"]),
        None => false,
    }
}

fn follows_dot(list: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| list.get(at));
    matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
}

/// How many tokens the doc comment at `at` has, as `#[doc = ".."]`.
fn doc_len(list: &[TokenTree], at: usize) -> Option<usize> {
    let punct = |at: usize, c: char| matches!(list.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == c);
    if !punct(at, '#') {
        return None;
    }
    let len = if punct(at + 1, '!') { 3 } else { 2 };
    let Some(TokenTree::Group(group)) = list.get(at + len - 1) else {
        return None;
    };
    let mut inside = group.stream().into_iter();
    let is_doc = inside.next().is_some_and(|token| is_word(&token, &["doc"]));
    let is_text = matches!(inside.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == '=');
    (is_doc && is_text).then_some(len)
}

/// How many tokens `+ Send` or `+ 'a` at `at` has.
fn marker_len(list: &[TokenTree], at: usize) -> Option<usize> {
    let punct = |at: usize, c: char| matches!(list.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == c);
    if !punct(at, '+') {
        return None;
    }
    if punct(at + 1, '\'') {
        return Some(3);
    }
    let is_marker = list
        .get(at + 1)
        .is_some_and(|token| is_word(token, &["Send", "Sync", "UnwindSafe", "RefUnwindSafe"]));
    (is_marker && !punct(at + 2, ':')).then_some(2)
}

/// `Fn(..)` or `for<'a> Fn(..)` where a type stands, not a bound.
fn is_bare_closure(list: &[TokenTree], at: usize) -> bool {
    let token = list.get(at);
    let next = list.get(at + 1);
    let is_closure = token.is_some_and(|token| is_word(token, &["Fn", "FnMut", "FnOnce", "FnBox"]))
        && matches!(next, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
    let is_quantified = token.is_some_and(|token| is_word(token, &["for"]))
        && matches!(next, Some(TokenTree::Punct(punct)) if punct.as_char() == '<');
    if !is_closure && !is_quantified {
        return false;
    }
    let punct = |at: Option<usize>| match at.and_then(|at| list.get(at)) {
        Some(TokenTree::Punct(punct)) => punct.as_char(),
        _ => ' ',
    };
    match at.checked_sub(1).and_then(|before| list.get(before)) {
        Some(TokenTree::Punct(before)) => match before.as_char() {
            ':' | '+' | '?' => false,
            // After `->` stands a type, after `for<'a>` the bound itself.
            '>' => punct(at.checked_sub(2)) == '-',
            _ => true,
        },
        Some(TokenTree::Ident(word)) => {
            // `&'a Fn()`, `&mut Fn()`, `impl Trait for Fn()`.
            punct(at.checked_sub(2)) == '\'' || word == "mut" || word == "const" || word == "for"
        }
        _ => true,
    }
}
