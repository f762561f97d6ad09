//! Items that well-known macros of others write beside those that are given to
//! them: the views of `pin_project`, and the object that `glib::wrapper!` puts
//! around what a program declares.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::{Attribute, Expr, Meta, Visibility};

use super::Cx;
use super::items::vis as grade;
use super::span::name;
use crate::hir::{Attrs, GenericArgs, Item, ItemKind, Name, Path, Segment, Ty};

impl Cx {
    /// `#[pin_project(project = View)]`: the view has all fields of its struct
    /// or enum, so its name is another for that.
    pub fn projections(
        &mut self,
        list: &[Attribute],
        (ident, generics): (&Ident, &syn::Generics),
        vis: &Visibility,
        out: &mut Vec<Item>,
    ) {
        let views: Vec<Ident> = list.iter().flat_map(|attr| views(&attr.meta)).collect();
        for view in views {
            let generics = self.generics(generics);
            let params = generics.params.iter();
            let args = params.map(|param| Ty::Path(plain(Segment::plain(param.name.clone()))));
            let of = Segment {
                name: name(ident),
                generic: Some(Box::new(GenericArgs {
                    args: args.collect(),
                    ..GenericArgs::default()
                })),
            };
            let (name, span) = self.ident(&view);
            out.push(Item {
                name,
                attrs: Attrs::default(),
                vis: grade(vis),
                span,
                kind: ItemKind::TypeAlias {
                    generics,
                    ty: Some(Ty::Path(plain(of))),
                    bounds: Vec::new(),
                },
            });
        }
    }
}

fn plain(segment: Segment) -> Path {
    Path {
        segments: [segment].into(),
        ..Path::default()
    }
}

/// The names that an attribute gives to views.
fn views(meta: &Meta) -> Vec<Ident> {
    let is_view = |name: &Name| matches!(name.as_str(), "project" | "project_ref");
    match meta {
        // `pin_project_lite` has `#[project = View]`.
        Meta::NameValue(pair) => {
            let named = pair
                .path
                .get_ident()
                .is_some_and(|ident| is_view(&name(ident)));
            match &pair.value {
                Expr::Path(path) if named => path.path.get_ident().cloned().into_iter().collect(),
                _ => Vec::new(),
            }
        }
        Meta::List(list) => {
            let of_pins = list.path.segments.last();
            if of_pins.is_none_or(|last| last.ident != "pin_project") {
                return Vec::new();
            }
            let tokens: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
            let view = |three: &[TokenTree]| match three {
                [
                    TokenTree::Ident(key),
                    TokenTree::Punct(eq),
                    TokenTree::Ident(view),
                ] if eq.as_char() == '=' && is_view(&name(key)) => Some(view.clone()),
                _ => None,
            };
            tokens.windows(3).filter_map(view).collect()
        }
        Meta::Path(_) => Vec::new(),
    }
}

/// `pub struct Pad(ObjectSubclass<imp::Pad>) @extends ..;` as what it amounts
/// to here: an object with its implementation inside, which `imp` hands out.
pub(super) fn wrapped_subclass(tokens: TokenStream) -> Option<TokenStream> {
    let list: Vec<TokenTree> = tokens.into_iter().collect();
    let at = list.iter().position(|token| is_ident(token, "struct"))?;
    let TokenTree::Ident(object) = list.get(at + 1)? else {
        return None;
    };
    let inside = list.iter().skip(at + 2).find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            Some(group.stream())
        }
        _ => None,
    })?;
    let inside: Vec<TokenTree> = inside.into_iter().collect();
    let [
        kind,
        TokenTree::Punct(open),
        own @ ..,
        TokenTree::Punct(close),
    ] = &inside[..]
    else {
        return None;
    };
    let is_subclass = is_ident(kind, "ObjectSubclass");
    if !is_subclass || open.as_char() != '<' || close.as_char() != '>' {
        return None;
    }
    let own: TokenStream = own.iter().cloned().collect();
    let before: TokenStream = list.get(..at)?.iter().cloned().collect();
    let text = format!(
        "{before} struct {object} {{ imp: {own} }} \
         impl {object} {{ pub fn imp(&self) -> &{own} {{ &self.imp }} }}"
    );
    let written: TokenStream = text.parse().ok()?;
    Some(placed(written, object.span()))
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// The tokens, all at one place.
fn placed(tokens: TokenStream, place: proc_macro2::Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            let inside = placed(group.stream(), place);
            token = proc_macro2::Group::new(group.delimiter(), inside).into();
        }
        token.set_span(place);
        token
    };
    tokens.into_iter().map(at_place).collect()
}

/// Whether a macro of this name is `glib`'s, which binds what a closure takes
/// along before it.
pub(super) fn binds_captures(name: &str) -> bool {
    matches!(name, "clone" | "closure" | "closure_local")
}

/// `@weak self as this => move |..| ..`, or in newer code
/// `#[weak(rename_to = this)] self, move |..| ..`, as a block that binds the
/// names and ends in the closure. `None` where it is neither.
pub(super) fn with_captures(tokens: TokenStream) -> Option<TokenStream> {
    let list: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = Vec::new();
    let closure = match list.first()? {
        TokenTree::Punct(sign) if sign.as_char() == '@' => old_captures(&list, &mut out)?,
        TokenTree::Punct(sign) if sign.as_char() == '#' => new_captures(&list, &mut out)?,
        _ => return None,
    };
    out.extend(closure.iter().cloned());
    let block = proc_macro2::Group::new(Delimiter::Brace, out.into_iter().collect());
    Some(TokenTree::from(block).into())
}

/// The captures before `=>`; gives what comes after it and its options.
fn old_captures<'t>(list: &'t [TokenTree], out: &mut Vec<TokenTree>) -> Option<&'t [TokenTree]> {
    let arrow = |two: &[TokenTree]| is_sign(&two[0], '=') && is_sign(&two[1], '>');
    let end = list.windows(2).position(arrow)?;
    for capture in list.get(..end)?.split(|token| is_sign(token, ',')) {
        // `@weak-allow-none`: the sign, then words between dashes.
        let mut at = 2;
        while capture.get(at).is_some_and(|token| is_sign(token, '-')) {
            at += 2;
        }
        let optional = at > 4;
        let named = capture.get(at..)?;
        match named {
            [of @ .., word, TokenTree::Ident(name)] if is_ident(word, "as") => {
                bind(name, of, optional, out);
            }
            [TokenTree::Ident(name)] => bind(name, named, optional, out),
            _ => {}
        }
    }
    let mut rest = list.get(end + 2..)?;
    // `@default-return false,`.
    while rest.first().is_some_and(|token| is_sign(token, '@')) {
        let comma = rest.iter().position(|token| is_sign(token, ','))?;
        rest = rest.get(comma + 1..)?;
    }
    Some(rest)
}

/// The captures, one attribute each; gives what comes after them.
fn new_captures<'t>(list: &'t [TokenTree], out: &mut Vec<TokenTree>) -> Option<&'t [TokenTree]> {
    let mut rest = list;
    while let [sign, TokenTree::Group(attribute), after @ ..] = rest
        && is_sign(sign, '#')
    {
        let words: Vec<TokenTree> = attribute.stream().into_iter().collect();
        let TokenTree::Ident(kind) = words.first()? else {
            return None;
        };
        let kind = name(kind);
        if matches!(kind.as_str(), "upgrade_or_default" | "upgrade_or_panic") {
            rest = match after {
                [comma, after @ ..] if is_sign(comma, ',') => after,
                after => after,
            };
            continue;
        }
        let comma = after.iter().position(|token| is_sign(token, ','))?;
        let of = after.get(..comma)?;
        rest = after.get(comma + 1..)?;
        if kind.starts_with("upgrade_or") {
            continue;
        }
        let renamed = match words.get(1) {
            Some(TokenTree::Group(group)) => match group.stream().into_iter().last() {
                Some(TokenTree::Ident(name)) => Some(name),
                _ => None,
            },
            _ => None,
        };
        let own = match of {
            [TokenTree::Ident(name)] => Some(name.clone()),
            _ => None,
        };
        if let Some(name) = renamed.or(own) {
            bind(&name, of, kind == "weak_allow_none", out);
        }
    }
    Some(rest)
}

/// `let name = &(of);`: what is weak is made strong again in the closure, so it
/// is the same object there.
fn bind(name: &Ident, of: &[TokenTree], optional: bool, out: &mut Vec<TokenTree>) {
    // `self` itself keeps its name.
    if name == "self" {
        return;
    }
    let word = |text: &str| TokenTree::from(Ident::new(text, name.span()));
    let sign = |sign: char| {
        let mut sign = proc_macro2::Punct::new(sign, proc_macro2::Spacing::Alone);
        sign.set_span(name.span());
        TokenTree::from(sign)
    };
    let group = |inside: TokenStream| {
        let mut group = proc_macro2::Group::new(Delimiter::Parenthesis, inside);
        group.set_span(name.span());
        TokenTree::from(group)
    };
    let value = group(of.iter().cloned().collect());
    let borrowed: TokenStream = [sign('&'), value].into_iter().collect();
    out.extend([word("let"), name.clone().into(), sign('=')]);
    match optional {
        true => out.extend([word("Some"), group(borrowed)]),
        false => out.extend(borrowed),
    }
    out.push(sign(';'));
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}
