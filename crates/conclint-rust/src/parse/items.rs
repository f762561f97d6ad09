//! Items and members.

use std::sync::Arc;

use syn::{Attribute, FnArg, ImplItem, ReceiverKind, Signature, TraitItem, Visibility};

use super::attrs::attrs;
use super::span::{join, name};
use super::{Cx, MAX_ITEM_DEPTH, single};
use crate::hir::{
    Attrs, Block, Body, EnumDef, FieldDef, FnDef, FnParam, ImplDef, Item, ItemKind, Pat, Span,
    StructDef, TraitDef, Ty, Variant, Vis,
};

/// The parts that nearly all items have.
struct Head {
    attrs: Attrs,
    vis: Vis,
    /// Where the item starts, attributes aside.
    from: Span,
}

impl Head {
    fn item(self, name: crate::hir::Name, to: Span, kind: ItemKind) -> Item {
        Item {
            name,
            attrs: self.attrs,
            vis: self.vis,
            span: join(self.from, to),
            kind,
        }
    }
}

pub(super) fn vis(vis: &Visibility) -> Vis {
    match vis {
        Visibility::Public(_) => Vis::Public,
        Visibility::Restricted(_) => Vis::Restricted,
        Visibility::Inherited => Vis::Private,
    }
}

impl Cx {
    fn head(
        &self,
        list: &[Attribute],
        visibility: &Visibility,
        keyword: proc_macro2::Span,
    ) -> Head {
        let first = match visibility {
            Visibility::Public(token) => token.span,
            Visibility::Restricted(restricted) => restricted.pub_token.span,
            Visibility::Inherited => keyword,
        };
        Head {
            attrs: attrs(list),
            vis: vis(visibility),
            from: self.word(first, 0),
        }
    }

    fn plain_head(&self, list: &[Attribute], keyword: proc_macro2::Span) -> Head {
        self.head(list, &Visibility::Inherited, keyword)
    }

    pub fn items(&mut self, items: &mut [syn::Item]) -> Vec<Item> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            self.item(item, &mut out);
        }
        out
    }

    /// Converts one item; a macro can give several or none.
    pub fn item(&mut self, item: &mut syn::Item, out: &mut Vec<Item>) {
        if self.item_depth >= MAX_ITEM_DEPTH {
            let at = match item {
                syn::Item::Mod(item) => self.ident(&item.ident).1,
                syn::Item::Fn(item) => self.ident(&item.sig.ident).1,
                _ => Span::default(),
            };
            self.too_deep("item", at, true);
            return;
        }
        self.item_depth += 1;
        self.item_inner(item, out);
        self.item_depth -= 1;
    }

    fn item_inner(&mut self, item: &mut syn::Item, out: &mut Vec<Item>) {
        let item = match item {
            syn::Item::Fn(item) => {
                let head = self.head(&item.attrs, &item.vis, first_of(&item.sig));
                self.fn_(head, &item.sig, Some(&mut item.block), None)
            }
            syn::Item::Impl(item) => match self.impl_(item) {
                Some(item) => item,
                None => return,
            },
            syn::Item::Trait(item) => self.trait_(item),
            syn::Item::Struct(item) => {
                self.projections(&item.attrs, (&item.ident, &item.generics), &item.vis, out);
                let head = self.head(&item.attrs, &item.vis, item.struct_token.span);
                let generics = self.generics(&item.generics);
                let to = match (&item.semi_token, &item.fields) {
                    (Some(semi), _) => self.word(semi.spans[0], 1),
                    (None, syn::Fields::Named(fields)) => {
                        self.span(fields.brace_token.span.close())
                    }
                    (None, _) => self.ident(&item.ident).1,
                };
                let fields = self.fields(&item.fields);
                head.item(
                    name(&item.ident),
                    to,
                    ItemKind::Struct(StructDef { generics, fields }),
                )
            }
            syn::Item::Union(item) => {
                let head = self.head(&item.attrs, &item.vis, item.union_token.span);
                let generics = self.generics(&item.generics);
                let fields = item
                    .fields
                    .named
                    .iter()
                    .enumerate()
                    .map(|(i, field)| self.field_def(i, field))
                    .collect();
                let to = self.span(item.fields.brace_token.span.close());
                head.item(
                    name(&item.ident),
                    to,
                    ItemKind::Struct(StructDef { generics, fields }),
                )
            }
            syn::Item::Enum(item) => {
                self.projections(&item.attrs, (&item.ident, &item.generics), &item.vis, out);
                self.enum_(item)
            }
            syn::Item::Use(item) => {
                let head = self.head(&item.attrs, &item.vis, item.use_token.span);
                let names = self.use_names(item.leading_colon.is_some(), &item.tree);
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(Default::default(), to, ItemKind::Use(names))
            }
            syn::Item::Mod(item) => {
                let head = self.head(&item.attrs, &item.vis, item.mod_token.span);
                let to = match (&item.content, &item.semi) {
                    (Some((brace, _)), _) => self.span(brace.span.close()),
                    (None, Some(semi)) => self.word(semi.spans[0], 1),
                    (None, None) => self.ident(&item.ident).1,
                };
                let content = item.content.as_mut().map(|(_, items)| self.items(items));
                head.item(name(&item.ident), to, ItemKind::Mod(content))
            }
            syn::Item::Macro(item) => return self.macro_item(item, out),
            syn::Item::Verbatim(tokens) => return self.verbatim_item(std::mem::take(tokens), out),
            syn::Item::ForeignMod(_) => return,
            item => match self.small_item(item) {
                Some(item) => item,
                None => return,
            },
        };
        out.push(item);
    }

    /// Items of one line, mostly.
    fn small_item(&mut self, item: &mut syn::Item) -> Option<Item> {
        let item = match item {
            syn::Item::Static(item) => {
                let head = self.head(&item.attrs, &item.vis, item.static_token.span);
                let ty = self.ty(&item.ty);
                let mutable = matches!(item.mutability, syn::StaticMutability::Mut(_));
                let init = Some(self.body(&mut item.expr));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(
                    name(&item.ident),
                    to,
                    ItemKind::Static { ty, mutable, init },
                )
            }
            syn::Item::Const(item) => {
                let head = self.head(&item.attrs, &item.vis, item.const_token.span);
                let ty = self.ty(&item.ty);
                let init = Some(self.body(&mut item.expr));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(name(&item.ident), to, ItemKind::Const { ty, init })
            }
            syn::Item::Type(item) => {
                let head = self.head(&item.attrs, &item.vis, item.type_token.span);
                let generics = self.generics(&item.generics);
                let ty = Some(self.ty(&item.ty));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(
                    name(&item.ident),
                    to,
                    ItemKind::TypeAlias {
                        generics,
                        ty,
                        bounds: Vec::new(),
                    },
                )
            }
            syn::Item::ExternCrate(item) => {
                let head = self.head(&item.attrs, &item.vis, item.extern_token.span);
                let alias = item
                    .rename
                    .as_ref()
                    .map_or(&item.ident, |(_, rename)| rename);
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(
                    name(alias),
                    to,
                    ItemKind::ExternCrate {
                        krate: name(&item.ident),
                    },
                )
            }
            syn::Item::TraitAlias(item) => {
                let head = self.head(&item.attrs, &item.vis, item.trait_token.span);
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(name(&item.ident), to, ItemKind::TraitAlias)
            }
            _ => {
                self.unknown_item();
                return None;
            }
        };
        Some(item)
    }

    pub fn body(&mut self, expr: &mut syn::Expr) -> Arc<Body> {
        let before = self.stmt_items;
        let expr = self.expr(expr);
        Arc::new(Body {
            has_items: self.stmt_items > before,
            expr,
        })
    }

    fn fn_(
        &mut self,
        head: Head,
        sig: &Signature,
        body: Option<&mut syn::Block>,
        semi: Option<&syn::Token![;]>,
    ) -> Item {
        let (fn_name, name_span) = self.ident(&sig.ident);
        self.here = name_span;
        let params: Vec<FnParam> = sig.inputs.iter().map(|arg| self.param(arg)).collect();
        let has_self = matches!(sig.inputs.first(), Some(FnArg::Receiver(_)));
        let generics = self.generics(&sig.generics);
        let ret = self.ret(&sig.output);
        let before = self.stmt_items;
        let body = body.map(|body| self.fn_body(body));
        let to = match (&body, semi) {
            (Some(body), _) => body.span,
            (None, Some(semi)) => self.word(semi.spans[0], 1),
            (None, None) => name_span,
        };
        let def = FnDef {
            name: fn_name.clone(),
            name_span,
            span: join(head.from, to),
            attrs: head.attrs.clone(),
            generics,
            params,
            has_self,
            ret,
            is_async: sig.asyncness.is_some(),
            is_foreign: sig.abi.is_some(),
            has_items: self.stmt_items > before,
            body,
        };
        head.item(fn_name, to, ItemKind::Fn(Arc::new(def)))
    }

    /// A body that was read before stands as an empty block.
    fn fn_body(&mut self, body: &mut syn::Block) -> Block {
        let span = self.span(body.brace_token.span.join());
        if body.stmts.is_empty()
            && let Some(body) = self.bodies.take(span)
        {
            self.stmt_items += usize::from(body.has_items);
            return body.block;
        }
        self.stmts(span, &mut body.stmts)
    }

    fn param(&mut self, arg: &FnArg) -> FnParam {
        match arg {
            FnArg::Typed(arg) => FnParam {
                pat: self.pat(&arg.pat),
                ty: self.ty(&arg.ty),
            },
            FnArg::Receiver(receiver) => {
                let span = self.word(receiver.self_token.span, "self".len());
                let self_ty = || Ty::Path(single("Self"));
                let ty = match &receiver.kind {
                    ReceiverKind::Reference(_, _, mutability) => Ty::Ref {
                        mutable: mutability.is_some(),
                        inner: Box::new(self_ty()),
                    },
                    ReceiverKind::Typed(_, ty) => self.ty(ty),
                    _ => self_ty(),
                };
                let mutable = receiver.mutability.is_some();
                FnParam {
                    pat: Pat::Bind {
                        name: "self".into(),
                        by_ref: false,
                        mutable,
                        sub: None,
                        span,
                    },
                    ty,
                }
            }
        }
    }

    fn impl_(&mut self, item: &mut syn::ItemImpl) -> Option<Item> {
        if item.modifiers.polarity.is_some() {
            return None;
        }
        let first = match (&item.modifiers.defaultness, &item.unsafety) {
            (Some(token), _) => token.span,
            (None, Some(token)) => token.span,
            (None, None) => item.impl_token.span,
        };
        let head = self.plain_head(&item.attrs, first);
        let generics = self.generics(&item.generics);
        let trait_ = item.trait_.as_ref().map(|(path, _)| self.path(path, None));
        let self_ty = self.ty(&item.self_ty);
        let to = self.span(item.brace_token.span.close());
        let mut items = Vec::with_capacity(item.items.len());
        for member in &mut item.items {
            self.impl_item(member, &mut items);
        }
        Some(head.item(
            Default::default(),
            to,
            ItemKind::Impl(ImplDef {
                generics,
                trait_,
                self_ty,
                items,
            }),
        ))
    }

    pub fn impl_item(&mut self, item: &mut ImplItem, out: &mut Vec<Item>) {
        let item = match item {
            ImplItem::Fn(item) => {
                let head = self.head(&item.attrs, &item.vis, first_of(&item.sig));
                self.fn_(head, &item.sig, Some(&mut item.block), None)
            }
            ImplItem::Const(item) => {
                let head = self.head(&item.attrs, &item.vis, item.const_token.span);
                let ty = self.ty(&item.ty);
                let init = Some(self.body(&mut item.expr));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(name(&item.ident), to, ItemKind::Const { ty, init })
            }
            ImplItem::Type(item) => {
                let head = self.head(&item.attrs, &item.vis, item.type_token.span);
                let generics = self.generics(&item.generics);
                let ty = Some(self.ty(&item.ty));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(
                    name(&item.ident),
                    to,
                    ItemKind::TypeAlias {
                        generics,
                        ty,
                        bounds: Vec::new(),
                    },
                )
            }
            ImplItem::Macro(item) => return self.impl_macro(&mut item.mac, out),
            ImplItem::Verbatim(tokens) => return self.verbatim_member(tokens, out),
            _ => return self.unknown_item(),
        };
        out.push(item);
    }

    /// Of a kind that came with a later version of the language.
    fn unknown_item(&mut self) {
        let (span, tokens) = Default::default();
        self.unread(span, "item", "syntax not known", &tokens);
    }

    fn trait_(&mut self, item: &mut syn::ItemTrait) -> Item {
        let head = self.head(&item.attrs, &item.vis, item.trait_token.span);
        let generics = self.generics(&item.generics);
        let supers = self.bounds(&item.supertraits);
        let to = self.span(item.brace_token.span.close());
        let mut items = Vec::with_capacity(item.items.len());
        for member in &mut item.items {
            self.trait_item(member, &mut items);
        }
        head.item(
            name(&item.ident),
            to,
            ItemKind::Trait(TraitDef {
                generics,
                supers,
                items,
            }),
        )
    }

    pub fn trait_item(&mut self, item: &mut TraitItem, out: &mut Vec<Item>) {
        let item = match item {
            TraitItem::Fn(item) => {
                let head = self.plain_head(&item.attrs, first_of(&item.sig));
                self.fn_(
                    head,
                    &item.sig,
                    item.default.as_mut(),
                    item.semi_token.as_ref(),
                )
            }
            TraitItem::Const(item) => {
                let head = self.plain_head(&item.attrs, item.const_token.span);
                let ty = self.ty(&item.ty);
                let init = item.default.as_mut().map(|(_, expr)| self.body(expr));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(name(&item.ident), to, ItemKind::Const { ty, init })
            }
            TraitItem::Type(item) => {
                let head = self.plain_head(&item.attrs, item.type_token.span);
                let generics = self.generics(&item.generics);
                let bounds = self.bounds(&item.bounds);
                let ty = item.default.as_ref().map(|(_, ty)| self.ty(ty));
                let to = self.word(item.semi_token.spans[0], 1);
                head.item(
                    name(&item.ident),
                    to,
                    ItemKind::TypeAlias {
                        generics,
                        ty,
                        bounds,
                    },
                )
            }
            TraitItem::Macro(item) => return self.impl_macro(&mut item.mac, out),
            TraitItem::Verbatim(tokens) => return self.verbatim_member(tokens, out),
            _ => return self.unknown_item(),
        };
        out.push(item);
    }

    fn enum_(&mut self, item: &syn::ItemEnum) -> Item {
        let head = self.head(&item.attrs, &item.vis, item.enum_token.span);
        let generics = self.generics(&item.generics);
        let variants = item.variants.iter();
        let variants = variants.map(|variant| Variant {
            name: name(&variant.ident),
            fields: self.fields(&variant.fields),
        });
        let variants = variants.collect();
        let to = self.span(item.brace_token.span.close());
        head.item(
            name(&item.ident),
            to,
            ItemKind::Enum(EnumDef { generics, variants }),
        )
    }

    fn fields(&mut self, fields: &syn::Fields) -> Vec<FieldDef> {
        fields
            .iter()
            .enumerate()
            .map(|(i, field)| self.field_def(i, field))
            .collect()
    }

    fn field_def(&mut self, position: usize, field: &syn::Field) -> FieldDef {
        let ty = self.ty(&field.ty);
        let (name, span) = match &field.ident {
            Some(ident) => self.ident(ident),
            None => (
                smol_str::format_smolstr!("{position}"),
                self.type_span(&field.ty),
            ),
        };
        FieldDef { name, ty, span }
    }
}

/// The first token of a signature.
fn first_of(sig: &Signature) -> proc_macro2::Span {
    match (&sig.constness, &sig.asyncness, &sig.safety, &sig.abi) {
        (Some(token), ..) => token.span,
        (_, Some(token), ..) => token.span,
        (_, _, syn::Safety::Unsafe(token), _) => token.span,
        (.., Some(abi)) => abi.extern_token.span,
        _ => sig.fn_token.span,
    }
}
