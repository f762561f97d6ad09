//! Calls of the program's own `macro_rules!` where expressions, statements and
//! items stand: what the macro writes is read as if it stood there.
//!
//! Tokens of the macro's body get the place of the call's name, those of the
//! arguments keep their own, so that findings point at the caller's lines.
//! Definitions are found by name (`definitions`): those of the same file, and
//! those of other files where only one has that name. Whatever does not work
//! out (no arm takes the arguments, the result is no expression, too deep, too
//! much) leaves the call to `macros`, as a macro that nobody knows.
//!
//! Not modelled: hygiene (a name that the macro declares is visible to its
//! caller), scopes of definitions other than their order in a file, macros in
//! the place of patterns and types.

mod bindings;
mod definitions;
mod interest;
mod matching;
mod rules;
mod transcribe;

use std::rc::Rc;
use std::sync::Arc;

use proc_macro2::{Delimiter, Span as TokenSpan, TokenStream, TokenTree};
use rustc_hash::FxHashMap;
use syn::Token;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};

use definitions::Definition;
pub(crate) use definitions::{Definitions, File};
use rules::Rule;

use super::Cx;
use super::known::{Known, known};
use super::macro_args::list;
use super::span::name;
use crate::hir::{Block, Expr, Item};

/// How deep calls in what calls write are expanded.
const MAX_DEPTH: u32 = 16;
/// How many tokens all calls of one file may write.
const MAX_TOKENS: usize = 40_000;
/// How deep what is being expanded may nest, in the measure of `scan`: it comes
/// on top of what the stack was measured for.
pub(super) const MAX_NESTING: u32 = 200;
/// How deep brackets may nest in definitions and arguments.
const MAX_BRACKETS: u32 = 40;

/// The definitions that a file sees, and how much of them was used so far.
#[derive(Default)]
pub(super) struct Expander {
    file: File,
    /// The arms of definitions, once they are needed.
    rules: FxHashMap<*const Definition, Option<Rc<Vec<Rule>>>>,
    depth: u32,
    nesting: u32,
    spent: usize,
}

impl Expander {
    pub fn new(file: File) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// Whether something is being expanded.
    pub fn is_at_work(&self) -> bool {
        self.depth > 0
    }

    /// What was written so far; for [`Expander::back_to`].
    pub fn spent(&self) -> usize {
        self.spent
    }

    /// Forgets what was written for a result that is thrown away.
    pub fn back_to(&mut self, spent: usize) {
        self.spent = spent;
    }

    /// Whether a macro may be one of the program's that is worth a look; `alone`:
    /// there is no path before its name.
    pub fn concerns(&self, name: &str, alone: bool, line: u32) -> bool {
        self.definition(name, alone, line).is_some()
    }

    fn definition(&self, name: &str, alone: bool, line: u32) -> Option<Arc<Definition>> {
        if self.file.is_empty() {
            return None;
        }
        let is_known = known(name) != Known::Unknown;
        self.file.find(name, is_known, alone, line)
    }

    fn rules(&mut self, definition: &Arc<Definition>) -> Option<Rc<Vec<Rule>>> {
        let read = || rules::rules(&definition.text).map(Rc::new);
        self.rules
            .entry(Arc::as_ptr(definition))
            .or_insert_with(read)
            .clone()
    }
}

/// What a call writes.
struct Written {
    tokens: TokenStream,
    nesting: u32,
}

impl Cx {
    /// What a call of the program's own macro stands for, as an expression;
    /// `alone`: no path stands before its name.
    pub fn expanded_expr(&mut self, mac: &syn::Macro, alone: bool) -> Option<Expr> {
        let written = self.written(mac, mac.tokens.clone(), alone)?;
        let mut expr = whole_expr.parse2(written.tokens).ok()?;
        Some(self.inside(written.nesting, |cx| cx.expr(&mut expr)))
    }

    /// The same as statements; the block's place is the call's.
    pub fn expanded_stmts(&mut self, mac: &syn::Macro, alone: bool) -> Option<Block> {
        let written = self.written(mac, mac.tokens.clone(), alone)?;
        let mut stmts = syn::Block::parse_within.parse2(written.tokens).ok()?;
        let from = self.path_span(&mac.path, None);
        let span = self.until(from, mac.delimiter.span().close());
        Some(self.inside(written.nesting, |cx| cx.stmts(span, &mut stmts)))
    }

    /// The same as items, with these arguments.
    pub fn expanded_items(
        &mut self,
        mac: &syn::Macro,
        arguments: &TokenStream,
    ) -> Option<Vec<Item>> {
        let written = self.written(mac, arguments.clone(), is_alone(&mac.path))?;
        let mut items = list::<syn::Item>.parse2(written.tokens).ok()?;
        Some(self.inside(written.nesting, |cx| cx.items(&mut items)))
    }

    /// The same as members of an impl or a trait.
    pub fn expanded_members(
        &mut self,
        mac: &syn::Macro,
        arguments: &TokenStream,
    ) -> Option<Vec<Item>> {
        let written = self.written(mac, arguments.clone(), is_alone(&mac.path))?;
        let mut members = list::<syn::ImplItem>.parse2(written.tokens).ok()?;
        Some(self.inside(written.nesting, |cx| {
            let mut out = Vec::new();
            for member in &mut members {
                cx.impl_item(member, &mut out);
            }
            out
        }))
    }

    fn inside<T>(&mut self, nesting: u32, read: impl FnOnce(&mut Self) -> T) -> T {
        self.expander.depth += 1;
        self.expander.nesting += nesting;
        let out = read(self);
        self.expander.depth -= 1;
        self.expander.nesting -= nesting;
        out
    }

    fn written(
        &mut self,
        mac: &syn::Macro,
        arguments: TokenStream,
        alone: bool,
    ) -> Option<Written> {
        if self.expander.file.is_empty() || self.expander.depth >= MAX_DEPTH {
            return None;
        }
        let last = mac.path.segments.last()?;
        let place: TokenSpan = last.ident.span();
        let line = self.word(place, 0).line;
        let definition = self.expander.definition(&name(&last.ident), alone, line)?;
        let rules = self.expander.rules(&definition)?;
        let left = MAX_TOKENS.checked_sub(self.expander.spent)?;
        let mut fuel = transcribe::Fuel(left);
        let tokens = first_match(&rules, arguments, place, &mut fuel);
        self.expander.spent = MAX_TOKENS - fuel.0;
        let tokens = tokens?;
        let nesting = nesting(&tokens, 0)?;
        let fits = self.expander.nesting.saturating_add(nesting) <= MAX_NESTING;
        fits.then_some(Written { tokens, nesting })
    }
}

/// Whether there is nothing before the name.
pub(super) fn is_alone(path: &syn::Path) -> bool {
    path.segments.len() == 1 && path.leading_colon.is_none()
}

/// The macros that a text defines for itself.
#[cfg(test)]
pub(super) fn seen_in(text: &str) -> File {
    let source = crate::SourceInput {
        path: "src/lib.rs".into(),
        text: text.into(),
    };
    Definitions::of(std::slice::from_ref(&source)).file(&source.path)
}

/// What the first arm that takes the arguments writes.
fn first_match(
    rules: &[Rule],
    arguments: TokenStream,
    place: TokenSpan,
    fuel: &mut transcribe::Fuel,
) -> Option<TokenStream> {
    nesting(&arguments, 0)?;
    let mut out = None;
    let parse = |input: ParseStream| {
        for rule in rules {
            fuel.take(1);
            let ahead = input.fork();
            let Ok(bindings) = matching::all(&rule.matcher, &ahead) else {
                continue;
            };
            input.advance_to(&ahead);
            out = transcribe::transcribe(&rule.body, &bindings, place, fuel);
            return Ok(());
        }
        Err(input.error("no arm takes this"))
    };
    parse.parse2(arguments).ok()?;
    out
}

/// An expression, perhaps with the `;` that rustc overlooks there.
fn whole_expr(input: ParseStream) -> syn::Result<syn::Expr> {
    let expr = input.parse()?;
    input.parse::<Option<Token![;]>>()?;
    Ok(expr)
}

/// An estimate of how deep the syntax tree of these tokens is, as `scan` makes
/// it of text; `None` beyond [`MAX_BRACKETS`].
fn nesting(tokens: &TokenStream, brackets: u32) -> Option<u32> {
    if brackets > MAX_BRACKETS {
        return None;
    }
    let (mut run, mut deepest) = (0_u32, 0_u32);
    let mut after_brace = false;
    for token in tokens.clone() {
        let mut below = 0;
        match token {
            TokenTree::Group(group) => {
                run += 4;
                below = nesting(&group.stream(), brackets + 1)?;
                after_brace = group.delimiter() == Delimiter::Brace;
            }
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => run = 0,
            TokenTree::Punct(_) => {
                run += 2;
                after_brace = false;
            }
            TokenTree::Ident(ident) => {
                if after_brace && ident != "else" && ident != "as" {
                    run = 0;
                }
                after_brace = false;
                run += if is_opening(&ident) { 4 } else { 0 };
            }
            TokenTree::Literal(_) => after_brace = false,
        }
        deepest = deepest.max(run.saturating_add(below));
    }
    Some(deepest)
}

/// Keywords that open one more level of an expression.
fn is_opening(ident: &proc_macro2::Ident) -> bool {
    let words = [
        "else", "as", "if", "return", "break", "in", "let", "match", "while", "for", "loop",
        "move", "async", "unsafe", "mut", "dyn", "const", "static", "do", "try", "box", "yield",
    ];
    words.iter().any(|word| ident == word)
}
