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
