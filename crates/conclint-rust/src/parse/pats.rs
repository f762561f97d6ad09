//! Patterns.

use syn::parse::Parser;
use syn::{Expr, Member};

use super::span::name;
use super::{Cx, MAX_TYPE_DEPTH};
use crate::hir::{Name, Pat, Span};

/// The name of a field; positions are written as numbers.
pub(super) fn member(member: &Member) -> Name {
    match member {
        Member::Named(ident) => name(ident),
        Member::Unnamed(index) => smol_str::format_smolstr!("{}", index.index),
    }
}

impl Cx {
    pub fn pat(&mut self, pat: &syn::Pat) -> Pat {
        if self.type_depth >= MAX_TYPE_DEPTH {
            self.too_deep("pattern", Span::default(), false);
            return Pat::Wild;
        }
        self.type_depth += 1;
        let out = self.pat_inner(pat);
        self.type_depth -= 1;
        out
    }

    fn pat_inner(&mut self, pat: &syn::Pat) -> Pat {
        match pat {
            syn::Pat::Ident(pat) => {
                let (name, span) = self.ident(&pat.ident);
                Pat::Bind {
                    name,
                    by_ref: pat.by_ref.is_some(),
                    mutable: pat.mutability.is_some(),
                    sub: pat.subpat.as_ref().map(|(_, sub)| Box::new(self.pat(sub))),
                    span,
                }
            }
            syn::Pat::Wild(_) => Pat::Wild,
            syn::Pat::Rest(_) => Pat::Rest,
            syn::Pat::Tuple(pat) => Pat::Tuple(self.pats(&pat.elems)),
            syn::Pat::Slice(pat) => Pat::Slice(self.pats(&pat.elems)),
            syn::Pat::Or(pat) => Pat::Or(pat.cases.iter().map(|pat| self.pat(pat)).collect()),
            syn::Pat::TupleStruct(pat) => Pat::TupleStruct {
                path: self.path(&pat.path, pat.qself.as_ref()),
                pats: self.pats(&pat.elems),
            },
            syn::Pat::Struct(pat) => Pat::Struct {
                path: self.path(&pat.path, pat.qself.as_ref()),
                fields: pat
                    .fields
                    .iter()
                    .map(|field| (member(&field.member), self.pat(&field.pat)))
                    .collect(),
            },
            syn::Pat::Reference(pat) => Pat::Ref(Box::new(self.pat(&pat.pat))),
            syn::Pat::Paren(pat) => self.pat(&pat.pat),
            syn::Pat::Path(pat) => Pat::Path(self.path(&pat.path, pat.qself.as_ref())),
            syn::Pat::Type(pat) => {
                let ty = self.ty(&pat.ty);
                Pat::Typed(Box::new(self.pat(&pat.pat)), ty)
            }
            syn::Pat::Guard(pat) => self.pat(&pat.pat),
            syn::Pat::Verbatim(tokens) => self.box_pat(tokens),
            _ => Pat::Lit,
        }
    }

    fn pats<'a>(&mut self, pats: impl IntoIterator<Item = &'a syn::Pat>) -> Vec<Pat> {
        pats.into_iter().map(|pat| self.pat(pat)).collect()
    }

    /// `box pat`, which the parser leaves as tokens.
    fn box_pat(&mut self, tokens: &proc_macro2::TokenStream) -> Pat {
        let boxed = |input: syn::parse::ParseStream| {
            input.parse::<syn::Token![box]>()?;
            syn::Pat::parse_single(input)
        };
        match boxed.parse2(tokens.clone()) {
            Ok(pat) => self.pat(&pat),
            Err(_) => Pat::Lit,
        }
    }

    /// The pattern and guard of a match arm.
    pub fn guarded<'a>(&mut self, pat: &'a mut syn::Pat) -> (Pat, Option<&'a mut Expr>) {
        match pat {
            syn::Pat::Guard(guarded) => (self.pat(&guarded.pat), Some(&mut guarded.guard)),
            pat => (self.pat(pat), None),
        }
    }
}
