//! Attributes: `cfg`, `path` and marks of test functions. The rest is dropped.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use smol_str::SmolStr;
use syn::{Attribute, Expr, Lit, Meta};

use crate::hir::{Attrs, Name};

/// What the attributes of one item say.
pub(super) fn attrs(list: &[Attribute]) -> Attrs {
    let mut out = Attrs::default();
    for attr in list {
        add_meta(&attr.meta, &mut out);
    }
    out
}

fn add_meta(meta: &Meta, out: &mut Attrs) {
    let path = match meta {
        Meta::Path(path) => path,
        Meta::List(list) => &list.path,
        Meta::NameValue(pair) => {
            if pair.path.is_ident("path")
                && let Expr::Lit(lit) = &pair.value
                && let Lit::Str(text) = &lit.lit
            {
                out.path = Some(text.value());
            }
            return;
        }
    };
    let Some(last) = path.segments.last() else {
        return;
    };
    if let Meta::List(list) = meta {
        if last.ident == "cfg" {
            add_cfg(list.tokens.clone(), out);
        } else if last.ident == "cfg_attr" {
            add_cfg_attr(list.tokens.clone(), out);
        } else if last.ident == "derive" {
            let is_clone =
                |token: TokenTree| matches!(token, TokenTree::Ident(ident) if ident == "Clone");
            out.clone |= list.tokens.clone().into_iter().any(is_clone);
        }
    }
    let name = super::span::name(&last.ident);
    match name.as_str() {
        "test" | "rstest" | "bench" | "test_case" | "quickcheck" => out.test = true,
        "no_std" => out.no_std = Some(Box::default()),
        "proc_macro" | "proc_macro_derive" | "proc_macro_attribute" => out.proc_macro = true,
        name if name.ends_with("_test") => out.test = true,
        _ => {}
    }
}

/// `cfg_attr(pred, path = "..", test)`: what it adds is taken as given, but for
/// `no_std`, of which the condition is kept.
fn add_cfg_attr(tokens: TokenStream, out: &mut Attrs) {
    let mut parts = split_commas(tokens).into_iter();
    let condition = parts.next().unwrap_or_default();
    for part in parts {
        if let Ok(meta) = syn::parse2::<Meta>(part)
            && !meta.path().is_ident("cfg")
        {
            add_meta(&meta, out);
            if meta.path().is_ident("no_std") {
                let mut when = Attrs::default();
                add_cfg(condition.clone(), &mut when);
                out.no_std = Some(when.cfg.into());
            }
        }
    }
}

/// Adds a `cfg` predicate, splitting `all(..)`.
pub(super) fn add_cfg(tokens: TokenStream, out: &mut Attrs) {
    let mut pending = vec![tokens];
    while let Some(tokens) = pending.pop() {
        let list: Vec<TokenTree> = tokens.clone().into_iter().take(3).collect();
        if let [TokenTree::Ident(all), TokenTree::Group(group)] = &list[..]
            && all == "all"
            && group.delimiter() == Delimiter::Parenthesis
        {
            pending.extend(split_commas(group.stream()).into_iter().rev());
        } else if let text @ Some(_) = Some(predicate(tokens)).filter(|text| !text.is_empty()) {
            out.cfg.extend(text);
        }
    }
}

fn split_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    tokens
        .split(is_comma)
        .map(|part| part.iter().cloned().collect())
        .collect()
}

/// A predicate with its white space normalised.
pub(super) fn predicate(tokens: TokenStream) -> Name {
    let mut text = String::new();
    write_predicate(tokens, &mut text);
    SmolStr::from(text.trim_end_matches([',', ' ']))
}

fn write_predicate(tokens: TokenStream, out: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => out.push_str(&super::span::name(&ident)),
            TokenTree::Literal(literal) => out.push_str(&literal.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '=' => out.push_str(" = "),
            TokenTree::Punct(punct) if punct.as_char() == ',' => out.push_str(", "),
            TokenTree::Punct(punct) => out.push(punct.as_char()),
            TokenTree::Group(group) => {
                out.push('(');
                write_predicate(group.stream(), out);
                let kept = out.trim_end_matches([',', ' ']).len();
                out.truncate(kept);
                out.push(')');
            }
        }
    }
}
