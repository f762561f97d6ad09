//! Types, paths and generics.

use std::sync::Arc;

use syn::{
    GenericArgument, GenericParam as SynParam, PathArguments, ReturnType, Type, TypeParamBound,
    UseTree, WherePredicate,
};

use super::span::{join, name};
use super::{Cx, MAX_TYPE_DEPTH};
use crate::hir::{Bound, GenericArgs, GenericParam, Generics, Path, Segment, Span, Ty, UseName};

type Bounds = syn::punctuated::Punctuated<TypeParamBound, syn::Token![+]>;

impl Cx {
    pub fn ty(&mut self, ty: &Type) -> Ty {
        if self.type_depth >= MAX_TYPE_DEPTH {
            self.too_deep("type", Span::default(), false);
            return Ty::Infer;
        }
        self.type_depth += 1;
        let out = self.ty_inner(ty);
        self.type_depth -= 1;
        out
    }

    fn ty_inner(&mut self, ty: &Type) -> Ty {
        match ty {
            Type::Path(ty) => Ty::Path(self.path(&ty.path, ty.qself.as_ref())),
            Type::Reference(ty) => Ty::Ref {
                mutable: ty.mutability.is_some(),
                inner: Box::new(self.ty(&ty.elem)),
            },
            Type::Ptr(ty) => Ty::Ptr(Box::new(self.ty(&ty.elem))),
            Type::Tuple(ty) => Ty::Tuple(ty.elems.iter().map(|ty| self.ty(ty)).collect()),
            Type::Array(ty) => Ty::Array(Box::new(self.ty(&ty.elem))),
            Type::Slice(ty) => Ty::Slice(Box::new(self.ty(&ty.elem))),
            Type::FnPtr(ty) => Ty::Fn {
                params: ty.inputs.iter().map(|arg| self.ty(&arg.ty)).collect(),
                ret: self.ret(&ty.output).map(Box::new),
            },
            Type::ImplTrait(ty) => Ty::Impl(self.bounds(&ty.bounds)),
            Type::TraitObject(ty) => Ty::Dyn(self.bounds(&ty.bounds)),
            Type::Paren(ty) => self.ty(&ty.elem),
            Type::Group(ty) => self.ty(&ty.elem),
            Type::Never(_) => Ty::Never,
            _ => Ty::Infer,
        }
    }

    pub fn ret(&mut self, ret: &ReturnType) -> Option<Ty> {
        match ret {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(self.ty(ty)),
        }
    }

    pub fn path(&mut self, path: &syn::Path, qself: Option<&syn::QSelf>) -> Path {
        Path {
            global: path.leading_colon.is_some() && qself.is_none(),
            qself: qself.map(|qself| Box::new(self.ty(&qself.ty))),
            qself_position: qself
                .map_or(0, |qself| u16::try_from(qself.position).unwrap_or(u16::MAX)),
            segments: path
                .segments
                .iter()
                .map(|segment| self.segment(segment))
                .collect(),
        }
    }

    fn segment(&mut self, segment: &syn::PathSegment) -> Segment {
        let mut out = GenericArgs::default();
        match &segment.arguments {
            PathArguments::None => return Segment::plain(name(&segment.ident)),
            PathArguments::AngleBracketed(list) => {
                for arg in &list.args {
                    match arg {
                        GenericArgument::Type(ty) => out.args.push(self.ty(ty)),
                        GenericArgument::AssocType(assoc) => {
                            let ty = self.ty(&assoc.ty);
                            out.assoc.push((name(&assoc.ident), ty));
                        }
                        _ => {}
                    }
                }
            }
            PathArguments::Parenthesized(list) => {
                let args = list.inputs.iter().map(|arg| self.ty(&arg.ty)).collect();
                out.fn_args = Some((args, self.ret(&list.output).map(Box::new)));
            }
        }
        Segment {
            name: name(&segment.ident),
            generic: Some(Box::new(out)),
        }
    }

    /// Where a path in an expression stands.
    pub fn path_span(&self, path: &syn::Path, qself: Option<&syn::QSelf>) -> Span {
        let Some(last) = path.segments.last() else {
            return Span::default();
        };
        let end = match &last.arguments {
            PathArguments::None => self.span(last.ident.span()),
            PathArguments::AngleBracketed(list) => self.word(list.gt_token.span, 1),
            PathArguments::Parenthesized(list) => self.span(list.paren_token.span.close()),
        };
        let from = match (qself, path.leading_colon, path.segments.first()) {
            (Some(qself), ..) => self.word(qself.lt_token.span, 1),
            (None, Some(colons), _) => self.span(colons.spans[0]),
            (None, None, Some(_)) if path.segments.len() == 1 && last.arguments.is_none() => end,
            (None, None, Some(first)) => self.word(first.ident.span(), 0),
            (None, None, None) => end,
        };
        join(from, end)
    }

    pub fn bounds(&mut self, bounds: &Bounds) -> Vec<Bound> {
        let mut out = Vec::new();
        for bound in bounds {
            // `?Sized` takes a bound away, it adds none.
            if let TypeParamBound::Trait(bound) = bound
                && bound.maybe.is_none()
            {
                out.push(self.path(&bound.path, None));
            }
        }
        out
    }

    pub fn generics(&mut self, generics: &syn::Generics) -> Arc<Generics> {
        if generics.params.is_empty() && generics.where_clause.is_none() {
            return Arc::clone(&self.no_generics);
        }
        let mut out = Generics::default();
        for param in &generics.params {
            if let SynParam::Type(param) = param {
                out.params.push(GenericParam {
                    name: name(&param.ident),
                    bounds: self.bounds(&param.bounds),
                    default: param.default.as_ref().map(|(_, ty)| self.ty(ty)),
                });
            }
        }
        for predicate in generics
            .where_clause
            .iter()
            .flat_map(|clause| &clause.predicates)
        {
            if let WherePredicate::Type(predicate) = predicate {
                let ty = self.ty(&predicate.bounded_ty);
                out.wheres.push((ty, self.bounds(&predicate.bounds)));
            }
        }
        Arc::new(out)
    }

    /// Flattens a `use` tree.
    pub fn use_names(&mut self, global: bool, tree: &UseTree) -> Vec<UseName> {
        let mut out = Vec::new();
        let mut pending = vec![(Vec::new(), tree)];
        while let Some((mut path, tree)) = pending.pop() {
            let mut add = |mut path: Vec<_>, alias, glob| {
                path.shrink_to_fit();
                out.push(UseName {
                    path,
                    global,
                    alias,
                    glob,
                })
            };
            match tree {
                // Each level below repeats this path: stop before that is quadratic.
                UseTree::Path(_) if path.len() >= usize::from(u8::MAX) => {
                    self.too_deep("use", Span::default(), false);
                }
                UseTree::Path(tree) => {
                    path.push(name(&tree.ident));
                    pending.push((path, &tree.tree));
                }
                UseTree::Name(tree) if tree.ident == "self" => {
                    let alias = path.last().cloned().unwrap_or_default();
                    add(path, alias, false);
                }
                UseTree::Name(tree) => {
                    let alias = name(&tree.ident);
                    path.push(alias.clone());
                    add(path, alias, false);
                }
                UseTree::Rename(tree) => {
                    if tree.ident != "self" || path.is_empty() {
                        path.push(name(&tree.ident));
                    }
                    add(path, name(&tree.rename), false);
                }
                UseTree::Glob(_) => add(path, Default::default(), true),
                UseTree::Group(tree) => {
                    for branch in tree.items.iter().rev() {
                        pending.push((path.clone(), branch));
                    }
                }
            }
        }
        out
    }
}
