//! Reading a text that does not parse as a whole: item by item, member by
//! member and, in functions that fail, statement by statement.

use proc_macro2::{Delimiter, Group, LineColumn, TokenStream, TokenTree};
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser, Result};
use syn::{Attribute, ImplItem, Item as SynItem, Stmt, TraitItem};

use super::macro_items::is_word;
use super::scan::{self, Balance};
use super::span::name;
use super::{Cx, attrs, legacy};
use crate::hir::{Attrs, Item, ItemKind, Span};

/// How often the brackets and characters of a text are mended before it is
/// given up.
const MENDS: usize = 32;
/// How many levels of items in items are taken apart: each is parsed anew.
const NESTED: u32 = 12;
/// How many places of a bad item are tried as the start of a sound one.
const TRIES: usize = 8;

/// Reads what it can of a whole text.
pub(super) fn file(cx: &mut Cx, text: &str, error: &syn::Error) -> (Attrs, Vec<Item>) {
    let text = without_shebang(text);
    let mut items = Vec::new();
    let tokens = match text.parse::<TokenStream>() {
        Ok(tokens) => tokens,
        Err(lex) => {
            let at = cx.span(lex.span());
            let at = Span {
                end_line: at.line,
                end_column: at.column,
                ..at
            };
            cx.unread(at, "file", error.to_string(), &TokenStream::new());
            match mended(text) {
                Some(tokens) => tokens,
                None => return (Attrs::default(), items),
            }
        }
    };
    let split = |input: ParseStream| -> Result<(Vec<Attribute>, TokenStream)> {
        let attrs = input.call(Attribute::parse_inner).unwrap_or_default();
        Ok((attrs, input.parse()?))
    };
    let (inner, tokens) = split.parse2(tokens.clone()).unwrap_or((Vec::new(), tokens));
    cx.recover_items(tokens, &mut items);
    (attrs::attrs(&inner), items)
}

/// Without the byte order mark and the first line's `#!..`; lines stay.
fn without_shebang(text: &str) -> &str {
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_shebang = plain
        .strip_prefix("#!")
        .is_some_and(|rest| !rest.trim_start().starts_with('['));
    match plain.find('\n') {
        Some(end) if is_shebang => plain.get(end..).unwrap_or(""),
        None if is_shebang => "",
        _ => plain,
    }
}

/// The tokens of a text whose brackets, quotes or characters are wrong.
fn mended(text: &str) -> Option<TokenStream> {
    let mut text = text.to_owned();
    for _ in 0..MENDS {
        let found = scan::scan(&text, |_| {}).balance;
        if !found.is_even() {
            text = mend(&text, &found);
        }
        match text.parse::<TokenStream>() {
            Ok(tokens) => return Some(tokens),
            Err(error) => text = without_char(&text, error.span().start()),
        }
    }
    None
}

/// Blanks brackets without a partner and what never ends, closes what is open.
fn mend(text: &str, found: &Balance) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(start) = found.unterminated {
        // On its line only: the rest of the text may be sound.
        let rest = bytes.iter_mut().skip(start);
        rest.take_while(|b| **b != b'\n').for_each(|b| *b = b' ');
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    for at in &found.stray {
        if let Some(byte) = bytes.get_mut(*at) {
            *byte = b' ';
        }
    }
    bytes.push(b'\n');
    bytes.extend(found.open.iter().rev());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Blanks the character at a place (lines from 1, columns from 0).
fn without_char(text: &str, at: LineColumn) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if i + 1 == at.line {
            let blank = |(column, c): (usize, char)| {
                if column == at.column && c != '\n' {
                    ' '
                } else {
                    c
                }
            };
            out.extend(line.chars().enumerate().map(blank));
        } else {
            out.push_str(line);
        }
    }
    out
}

/// A node, or the tokens of one that did not parse, with the reason.
enum Part<T> {
    Good(T),
    Bad(TokenStream, String),
}

/// Reads nodes one after the other, skipping those that do not parse.
fn parts<T: Parse>(tokens: TokenStream) -> Vec<Part<T>> {
    let parse = |input: ParseStream| -> Result<Vec<Part<T>>> {
        let mut out = Vec::new();
        while !input.is_empty() {
            let ahead = input.fork();
            match ahead.parse::<T>() {
                Ok(node) => {
                    input.advance_to(&ahead);
                    out.push(Part::Good(node));
                }
                Err(error) => {
                    let bad = skip_one(input)?;
                    if !bad.is_empty() {
                        out.push(Part::Bad(bad, error.to_string()));
                    }
                }
            }
        }
        Ok(out)
    };
    parse.parse2(tokens).unwrap_or_default()
}

/// Takes the tokens up to the end of what looks like one item or statement;
/// always at least one token.
fn skip_one(input: ParseStream) -> Result<TokenStream> {
    let mut out = Vec::new();
    let mut to_semicolon = false;
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let in_lifetime = is_quote(out.last());
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => {
                // A semicolon alone is nothing.
                if !out.is_empty() {
                    out.push(token);
                }
                break;
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                out.push(token);
                let goes_on = input.peek(syn::Token![else])
                    || input.peek(syn::Token![.])
                    || input.peek(syn::Token![?]);
                if !to_semicolon && !goes_on {
                    break;
                }
                continue;
            }
            TokenTree::Ident(_) if in_lifetime => {}
            token if is_word(token, &["use", "static", "const", "type", "let"]) => {
                to_semicolon = true
            }
            token if is_word(token, &["fn", "impl", "trait", "mod"]) => to_semicolon = false,
            _ => {}
        }
        out.push(token);
    }
    Ok(out.into_iter().collect())
}

impl Cx {
    /// Reads items one by one.
    pub fn recover_items(&mut self, tokens: TokenStream, out: &mut Vec<Item>) {
        for part in parts::<SynItem>(tokens) {
            match part {
                Part::Good(mut item) => self.item(&mut item, out),
                Part::Bad(tokens, why) => self.recover_item(tokens, why, out),
            }
        }
    }

    fn recover_item(&mut self, tokens: TokenStream, why: String, out: &mut Vec<Item>) {
        let tokens = legacy::rewrite(tokens);
        if let Ok(mut item) = syn::parse2::<SynItem>(tokens.clone()) {
            return self.item(&mut item, out);
        }
        let shell = shell::<SynItem>(&tokens).filter(|_| self.item_depth < NESTED);
        let Some((shell, inside)) = shell else {
            return match sound_end(&tokens) {
                Some((before, mut item)) => {
                    self.give_up(&before, why);
                    self.item(&mut item, out);
                }
                None => self.give_up(&tokens, why),
            };
        };
        self.item_depth += 1;
        self.recover_inside(shell, inside, out);
        self.item_depth -= 1;
    }

    /// Reads `inside` as the body of `shell`.
    fn recover_inside(&mut self, mut shell: SynItem, inside: TokenStream, out: &mut Vec<Item>) {
        let start = out.len();
        self.item(&mut shell, out);
        let Some(item) = out.get_mut(start) else {
            return;
        };
        let mut members = Vec::new();
        match &shell {
            SynItem::Fn(_) => {
                let mut item = item.clone();
                self.recover_body(&mut item, inside);
                if let Some(slot) = out.get_mut(start) {
                    *slot = item;
                }
                return;
            }
            SynItem::Mod(_) => self.recover_items(inside, &mut members),
            SynItem::Impl(_) => {
                self.recover_members::<ImplItem>(inside, Self::impl_item, &mut members)
            }
            SynItem::Trait(_) => {
                self.recover_members::<TraitItem>(inside, Self::trait_item, &mut members)
            }
            _ => {}
        }
        if let Some(item) = out.get_mut(start) {
            match &mut item.kind {
                ItemKind::Mod(Some(items)) => *items = members,
                ItemKind::Impl(def) => def.items = members,
                ItemKind::Trait(def) => def.items = members,
                _ => {}
            }
        }
    }

    fn recover_members<T: Parse>(
        &mut self,
        tokens: TokenStream,
        convert: fn(&mut Self, &mut T, &mut Vec<Item>),
        out: &mut Vec<Item>,
    ) {
        for part in parts::<T>(tokens) {
            let (tokens, why) = match part {
                Part::Good(mut member) => {
                    convert(self, &mut member, out);
                    continue;
                }
                Part::Bad(tokens, why) => (legacy::name_params(legacy::rewrite(tokens)), why),
            };
            if let Ok(mut member) = syn::parse2::<T>(tokens.clone()) {
                convert(self, &mut member, out);
                continue;
            }
            let start = out.len();
            match shell::<T>(&tokens) {
                Some((mut member, inside)) => {
                    convert(self, &mut member, out);
                    if let Some(mut item) = out.get(start).cloned() {
                        self.recover_body(&mut item, inside);
                        out.truncate(start);
                        out.push(item);
                    }
                }
                None => self.give_up(&tokens, why),
            }
        }
    }

    /// Reads the body of a function whose signature is already in `item`.
    fn recover_body(&mut self, item: &mut Item, tokens: TokenStream) {
        let ItemKind::Fn(def) = &mut item.kind else {
            return;
        };
        let what = format!("statement in fn {}", item.name);
        let mut stmts = Vec::new();
        for part in parts::<AnyStmt>(tokens) {
            match part {
                Part::Good(AnyStmt(stmt)) => stmts.push(stmt),
                Part::Bad(tokens, why) => {
                    let span = self.tokens(&tokens);
                    self.unread(span, what.clone(), why, &tokens);
                }
            }
        }
        let def = std::sync::Arc::make_mut(def);
        if let Some(span) = def.body.as_ref().map(|body| body.span) {
            def.body = Some(self.stmts(span, &mut stmts));
        }
    }

    fn give_up(&mut self, tokens: &TokenStream, why: String) {
        let span = self.tokens(tokens);
        self.unread(span, what(tokens), why, tokens);
    }
}

/// A statement, or the expression at the end of a block.
struct AnyStmt(Stmt);

impl Parse for AnyStmt {
    fn parse(input: ParseStream) -> Result<Self> {
        let ahead = input.fork();
        if let Ok(stmt) = ahead.parse::<Stmt>() {
            input.advance_to(&ahead);
            return Ok(Self(stmt));
        }
        let tail = input.parse()?;
        if input.is_empty() {
            Ok(Self(Stmt::Expr(tail, None)))
        } else {
            Err(input.error("expected `;`"))
        }
    }
}

/// An item whose last token is a brace pair, without what is inside, and that.
fn shell<T: Parse>(tokens: &TokenStream) -> Option<(T, TokenStream)> {
    let mut list: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let Some(TokenTree::Group(body)) = list.pop() else {
        return None;
    };
    if body.delimiter() != Delimiter::Brace
        || !list
            .iter()
            .any(|token| is_word(token, &["impl", "trait", "mod", "fn"]))
    {
        return None;
    }
    let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
    empty.set_span(body.span());
    list.push(TokenTree::Group(empty));
    Some((syn::parse2(list.into_iter().collect()).ok()?, body.stream()))
}

/// A sound item at the end of tokens that do not parse: where one before it
/// lacks its end.
fn sound_end(tokens: &TokenStream) -> Option<(TokenStream, SynItem)> {
    let list: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let starts = (1..list.len()).filter(|at| {
        let (before, rest) = list.split_at(*at);
        !is_quote(before.last()) && rest.first().is_some_and(starts_item)
    });
    starts.take(TRIES).find_map(|at| {
        let (before, rest) = list.split_at(at);
        let item = syn::parse2(rest.iter().cloned().collect()).ok()?;
        Some((before.iter().cloned().collect(), item))
    })
}

fn starts_item(token: &TokenTree) -> bool {
    let words = [
        "pub", "fn", "impl", "struct", "enum", "mod", "trait", "static", "const", "type", "unsafe",
    ];
    is_word(token, &words) || matches!(token, TokenTree::Punct(punct) if punct.as_char() == '#')
}

/// The `'` of a lifetime, whose name is a token of its own.
fn is_quote(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == '\'')
}

/// `fn foo`, `struct Bar`, or `item`.
fn what(tokens: &TokenStream) -> String {
    let mut before: Option<proc_macro2::Ident> = None;
    let mut last: Option<TokenTree> = None;
    for token in tokens.clone() {
        let in_lifetime = is_quote(last.as_ref());
        last = Some(token.clone());
        match token {
            TokenTree::Ident(_) if in_lifetime => before = None,
            TokenTree::Ident(ident) => {
                let keyword = before.replace(ident.clone());
                if let Some(keyword) = keyword.filter(|keyword| {
                    [
                        "fn", "struct", "enum", "trait", "mod", "static", "type", "union",
                    ]
                    .iter()
                    .any(|word| keyword == word)
                }) {
                    return format!("{keyword} {}", name(&ident));
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            _ => before = None,
        }
    }
    "item".to_owned()
}
