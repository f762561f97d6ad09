//! Macro calls where items or members stand.

use proc_macro2::{TokenStream, TokenTree};
use syn::Attribute;
use syn::parse::Parser;

use super::attrs::{add_cfg, attrs, predicate};
use super::items::vis;
use super::macro_args as grammar;
use super::span::{join, name};
use super::{Cx, twins};
use crate::hir::{
    Attrs, GenericArgs, Item, ItemKind, Name, Path, Segment, Segments, Span, Ty, Vis,
};

impl Cx {
    pub fn macro_item(&mut self, item: &mut syn::ItemMacro, out: &mut Vec<Item>) {
        if item.mac.path.is_ident("macro_rules") {
            let span = self.call_span(&item.mac);
            let name = item.ident.as_ref().map(name).unwrap_or_default();
            out.push(Item {
                name,
                attrs: attrs(&item.attrs),
                vis: Vis::Private,
                span,
                kind: ItemKind::MacroRules,
            });
            return;
        }
        self.item_macro(&mut item.mac, &item.attrs, out);
    }

    /// A macro call that stands for items.
    pub fn item_macro(&mut self, mac: &mut syn::Macro, list: &[Attribute], out: &mut Vec<Item>) {
        let tokens = std::mem::take(&mut mac.tokens);
        let start = out.len();
        let called = called(mac);
        let tokens = match called.as_str() {
            "wrapper" => twins::wrapped_subclass(tokens.clone()).unwrap_or(tokens),
            _ => tokens,
        };
        let read = match called.as_str() {
            "lazy_static" => self.statics(tokens.clone(), false, out),
            "thread_local" => self.statics(tokens.clone(), true, out),
            "cfg_if" => self.cfg_items(grammar::cfg_if.parse2(tokens.clone()), out),
            "cfg_select" => self.cfg_items(grammar::cfg_select.parse2(tokens.clone()), out),
            "include" => self.include(tokens.clone(), self.call_span(mac), out),
            // These expand to nothing that runs at this place.
            "compile_error" | "global_asm" => Some(()),
            // Most macros of items give back those that they are given.
            _ => match self.items_of(tokens.clone()) {
                Ok(items) if !tokens.is_empty() => {
                    let written = are_types(&items)
                        .then(|| self.expanded_items(mac, &tokens))
                        .flatten()
                        .filter(|written| declares_all(written, &items));
                    out.append(&mut written.unwrap_or(items));
                    Some(())
                }
                given => self
                    .expanded_items(mac, &tokens)
                    .or(given.ok())
                    .map(|mut items| out.append(&mut items)),
            },
        };
        if read.is_none() {
            return self.not_items(mac, &tokens);
        }
        // What stands before the call holds for all that is inside.
        let outer = attrs(list);
        for item in out.iter_mut().skip(start) {
            item.attrs.cfg.splice(0..0, outer.cfg.iter().cloned());
        }
    }

    /// The type of a thread's own static is the `LocalKey` around what is written.
    fn statics(
        &mut self,
        tokens: TokenStream,
        own_of_thread: bool,
        out: &mut Vec<Item>,
    ) -> Option<()> {
        let declared = grammar::statics.parse2(tokens).ok()?;
        for mut one in declared {
            let ty = self.ty(&one.ty);
            let ty = if own_of_thread {
                of_std(["std", "thread", "LocalKey"], ty)
            } else {
                of_std(["std", "sync", "LazyLock"], ty)
            };
            let init = self.body(&mut one.init);
            let (name, name_span) = self.ident(&one.ident);
            let from = self.word(one.keyword.span, 0);
            let to = if init.expr.span > name_span {
                init.expr.span
            } else {
                name_span
            };
            let kind = ItemKind::Static {
                ty,
                mutable: false,
                init: Some(init),
            };
            out.push(Item {
                name,
                attrs: attrs(&one.attrs),
                vis: vis(&one.vis),
                span: join(from, to),
                kind,
            });
        }
        Some(())
    }

    /// Each branch's items get its predicate and the negation of those before.
    fn cfg_items(
        &mut self,
        branches: syn::Result<Vec<grammar::CfgBranch>>,
        out: &mut Vec<Item>,
    ) -> Option<()> {
        let mut before = Attrs::default();
        for branch in branches.ok()? {
            let mut cfg = before.clone();
            if let Some(tokens) = branch.predicate {
                let not = smol_str::format_smolstr!("not({})", predicate(tokens.clone()));
                add_cfg(tokens, &mut cfg);
                before.cfg.push(not);
            }
            for mut item in self.items_of(branch.body).ok()? {
                item.attrs.cfg.splice(0..0, cfg.cfg.iter().cloned());
                out.push(item);
            }
        }
        Some(())
    }

    /// `include!` of a literal; of a computed path (`concat!(env!(..))`) nothing
    /// can be known.
    fn include(&mut self, tokens: TokenStream, span: Span, out: &mut Vec<Item>) -> Option<()> {
        let file: syn::LitStr = syn::parse2(tokens).ok()?;
        let kind = ItemKind::Include(file.value());
        out.push(Item {
            name: Default::default(),
            attrs: Attrs::default(),
            vis: Vis::Private,
            span,
            kind,
        });
        Some(())
    }

    /// A macro call among the members of an impl or a trait.
    pub fn impl_macro(&mut self, mac: &mut syn::Macro, out: &mut Vec<Item>) {
        let tokens = std::mem::take(&mut mac.tokens);
        let given = grammar::list::<syn::ImplItem>.parse2(tokens.clone()).ok();
        if let Some(mut members) = given.filter(|_| !tokens.is_empty()) {
            for member in &mut members {
                self.impl_item(member, out);
            }
        } else if let Some(mut members) = self.expanded_members(mac, &tokens) {
            out.append(&mut members);
        } else if !tokens.is_empty() {
            self.not_items(mac, &tokens);
        }
    }

    /// A macro call whose arguments do not read as what stands there.
    fn not_items(&mut self, mac: &syn::Macro, tokens: &TokenStream) {
        let what = format!("macro {}!", called(mac));
        self.unread(self.call_span(mac), what, "arguments are not items", tokens);
    }

    fn call_span(&self, mac: &syn::Macro) -> Span {
        let from = self.path_span(&mac.path, None);
        self.until(from, mac.delimiter.span().close())
    }

    /// An item that the parser left as tokens.
    pub fn verbatim_item(&mut self, tokens: TokenStream, out: &mut Vec<Item>) {
        let list: Vec<TokenTree> = tokens.clone().into_iter().collect();
        if let Some(at) = list.iter().position(|token| is_word(token, &["macro"])) {
            let name = match list.get(at + 1) {
                Some(TokenTree::Ident(ident)) => name(ident),
                _ => Default::default(),
            };
            let span = self.tokens(&tokens);
            out.push(Item {
                name,
                attrs: Attrs::default(),
                vis: Vis::Private,
                span,
                kind: ItemKind::MacroRules,
            });
            return;
        }
        match syn::parse2::<syn::Item>(without_gated(&list)) {
            Ok(mut item) if !matches!(item, syn::Item::Verbatim(_)) => self.item(&mut item, out),
            _ => {
                let span = self.tokens(&tokens);
                self.unread(span, "item", "syntax not known", &tokens);
            }
        }
    }

    /// A member that the parser left as tokens, such as a method without a body
    /// in an impl.
    pub fn verbatim_member(&mut self, tokens: &mut TokenStream, out: &mut Vec<Item>) {
        let tokens = std::mem::take(tokens);
        match syn::parse2::<syn::TraitItem>(tokens.clone()) {
            Ok(mut item) if !matches!(item, syn::TraitItem::Verbatim(_)) => {
                self.trait_item(&mut item, out)
            }
            _ => {
                let span = self.tokens(&tokens);
                self.unread(span, "item", "syntax not known", &tokens);
            }
        }
    }
}

pub(super) fn is_word(token: &TokenTree, words: &[&str]) -> bool {
    matches!(token, TokenTree::Ident(ident) if words.iter().any(|word| ident == word))
}

/// `const impl`, `const trait` and `impl(crate) trait` without what is gated.
fn without_gated(list: &[TokenTree]) -> TokenStream {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(token) = list.get(at) {
        let next = list.get(at + 1);
        if is_word(token, &["const"])
            && next.is_some_and(|next| is_word(next, &["impl", "trait", "unsafe", "auto"]))
        {
            at += 1;
        } else if is_word(token, &["impl"])
            && matches!(next, Some(TokenTree::Group(_)))
            && list
                .get(at + 2)
                .is_some_and(|after| is_word(after, &["trait", "const", "unsafe", "auto"]))
        {
            at += 2;
        } else {
            out.push(token.clone());
            at += 1;
        }
    }
    out.into_iter().collect()
}

/// Declarations of types alone: a macro that is given those mostly writes more
/// than that, or other fields.
fn are_types(items: &[Item]) -> bool {
    items.iter().all(is_type)
}

fn is_type(item: &Item) -> bool {
    matches!(item.kind, ItemKind::Struct(_) | ItemKind::Enum(_))
}

/// Whether all `items`, which are types, are among those that a macro wrote.
fn declares_all(written: &[Item], items: &[Item]) -> bool {
    let is_there = |item: &Item| {
        written
            .iter()
            .any(|one| is_type(one) && one.name == item.name)
    };
    items.iter().all(is_there)
}

/// The name of a macro, without the path before it.
fn called(mac: &syn::Macro) -> Name {
    let last = mac.path.segments.last();
    last.map(|last| name(&last.ident)).unwrap_or_default()
}

/// `::std::sync::LazyLock<ty>`, of the three segments of its path.
fn of_std(path: [&str; 3], ty: Ty) -> Ty {
    let mut segments: Segments = path
        .map(|name| Segment::plain(name.into()))
        .into_iter()
        .collect();
    if let Some(last) = segments.last_mut() {
        last.generic = Some(Box::new(GenericArgs {
            args: vec![ty],
            ..GenericArgs::default()
        }));
    }
    Ty::Path(Path {
        global: true,
        segments,
        ..Path::default()
    })
}
