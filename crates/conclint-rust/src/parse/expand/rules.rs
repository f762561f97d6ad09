//! The arms of a `macro_rules!` definition.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use smol_str::{SmolStr, ToSmolStr};

use super::MAX_BRACKETS;

/// `matcher => body`.
#[derive(Debug)]
pub(super) struct Rule {
    pub matcher: Vec<Matcher>,
    pub body: Vec<Piece>,
}

/// What a part of the arguments has to be.
#[derive(Debug)]
pub(super) enum Matcher {
    Word(Word),
    Group(Delimiter, Vec<Matcher>),
    Variable(SmolStr, Fragment),
    Repeat(Repeat),
}

#[derive(Debug)]
pub(super) struct Repeat {
    pub inner: Vec<Matcher>,
    pub separator: Option<Word>,
    pub times: Times,
    /// The variables inside.
    pub names: Vec<SmolStr>,
}

/// How often a repetition may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Any,
    Some,
    Optional,
}

/// A token as `macro_rules!` compares them: an operator is one, however many
/// characters it has, and so is a lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word(pub SmolStr);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fragment {
    Block,
    Expr,
    Ident,
    Item,
    Lifetime,
    Literal,
    Meta,
    Pat,
    PatParam,
    Path,
    Stmt,
    Tt,
    Ty,
    Vis,
}

/// What a body writes.
#[derive(Debug)]
pub(super) enum Piece {
    Token(TokenTree),
    Group(Delimiter, Vec<Piece>),
    Variable(TokenTree, SmolStr),
    Repeat {
        inner: Vec<Piece>,
        separator: Vec<TokenTree>,
        /// The variables inside.
        names: Vec<SmolStr>,
    },
}

/// Reads what stands between the braces of a definition; `None` where that is
/// not what `macro_rules!` takes.
pub(super) fn rules(text: &str) -> Option<Vec<Rule>> {
    let tokens: Vec<TokenTree> = text.parse::<TokenStream>().ok()?.into_iter().collect();
    let mut rest = tokens.as_slice();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let [
            TokenTree::Group(matcher),
            TokenTree::Punct(equal),
            TokenTree::Punct(arrow),
            TokenTree::Group(body),
            after @ ..,
        ] = rest
        else {
            return None;
        };
        if equal.as_char() != '=' || arrow.as_char() != '>' {
            return None;
        }
        let mut names = Vec::new();
        out.push(Rule {
            matcher: matchers(&list(matcher), &mut names, 0)?,
            body: pieces(&list(body), &mut Vec::new(), 0)?,
        });
        rest = match after {
            [TokenTree::Punct(semi), after @ ..] if semi.as_char() == ';' => after,
            after => after,
        };
    }
    Some(out)
}

fn list(group: &proc_macro2::Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

/// `names` gets the variables.
fn matchers(tokens: &[TokenTree], names: &mut Vec<SmolStr>, depth: u32) -> Option<Vec<Matcher>> {
    if depth > MAX_BRACKETS {
        return None;
    }
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_punct(Some(token), '$') {
            at += 1;
            match tokens.get(at)? {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    let mut own = Vec::new();
                    let inner = matchers(&list(group), &mut own, depth + 1)?;
                    let suffix = suffix(tokens, at + 1)?;
                    names.extend(own.iter().cloned());
                    out.push(Matcher::Repeat(Repeat {
                        inner,
                        separator: suffix.separator.map(|(word, _)| word),
                        times: suffix.times,
                        names: own,
                    }));
                    at = suffix.end;
                }
                TokenTree::Ident(name) if is_punct(tokens.get(at + 1), ':') => {
                    let name = name.to_smolstr();
                    let TokenTree::Ident(fragment) = tokens.get(at + 2)? else {
                        return None;
                    };
                    names.push(name.clone());
                    out.push(Matcher::Variable(name, self::fragment(fragment)?));
                    at += 3;
                }
                _ => return None,
            }
        } else if let TokenTree::Group(group) = token {
            let inner = matchers(&list(group), names, depth + 1)?;
            out.push(Matcher::Group(group.delimiter(), inner));
            at += 1;
        } else {
            let (word, end) = word(tokens, at)?;
            out.push(Matcher::Word(word));
            at = end;
        }
    }
    Some(out)
}

/// `names` gets what may be variables.
fn pieces(tokens: &[TokenTree], names: &mut Vec<SmolStr>, depth: u32) -> Option<Vec<Piece>> {
    if depth > MAX_BRACKETS {
        return None;
    }
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(dollar) if dollar.as_char() == '$' => match tokens.get(at)? {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    let mut own = Vec::new();
                    let inner = pieces(&list(group), &mut own, depth + 1)?;
                    let suffix = suffix(tokens, at + 1)?;
                    names.extend(own.iter().cloned());
                    let separator = suffix.separator.map(|(_, tokens)| tokens);
                    out.push(Piece::Repeat {
                        inner,
                        separator: separator.unwrap_or_default(),
                        names: own,
                    });
                    at = suffix.end;
                }
                // The crate of the definition.
                krate @ TokenTree::Ident(name) if name == "crate" => {
                    out.push(Piece::Token(krate.clone()));
                    at += 1;
                }
                variable @ TokenTree::Ident(name) => {
                    names.push(name.to_smolstr());
                    out.push(Piece::Variable(variable.clone(), name.to_smolstr()));
                    at += 1;
                }
                // `$$` and `${count(..)}`, which no stable compiler takes.
                _ => return None,
            },
            TokenTree::Group(group) => {
                let inner = pieces(&list(group), names, depth + 1)?;
                out.push(Piece::Group(group.delimiter(), inner));
            }
            token => out.push(Piece::Token(token.clone())),
        }
    }
    Some(out)
}

/// What follows the bracket of a repetition.
struct Suffix {
    separator: Option<(Word, Vec<TokenTree>)>,
    times: Times,
    /// The place after it.
    end: usize,
}

fn suffix(tokens: &[TokenTree], at: usize) -> Option<Suffix> {
    if let Some(times) = times(tokens.get(at)) {
        return Some(Suffix {
            separator: None,
            times,
            end: at + 1,
        });
    }
    let (word, end) = word(tokens, at)?;
    Some(Suffix {
        separator: Some((word, tokens.get(at..end)?.to_vec())),
        times: times(tokens.get(end))?,
        end: end + 1,
    })
}

fn times(token: Option<&TokenTree>) -> Option<Times> {
    let Some(TokenTree::Punct(punct)) = token else {
        return None;
    };
    match punct.as_char() {
        '*' => Some(Times::Any),
        '+' => Some(Times::Some),
        '?' => Some(Times::Optional),
        _ => None,
    }
}

/// The token at `at` and the place after it; `None` for groups.
fn word(tokens: &[TokenTree], at: usize) -> Option<(Word, usize)> {
    match tokens.get(at)? {
        TokenTree::Group(_) => None,
        TokenTree::Punct(punct) if punct.as_char() == '\'' => {
            let name = tokens.get(at + 1)?;
            Some((Word(smol_str::format_smolstr!("'{name}")), at + 2))
        }
        TokenTree::Punct(_) => {
            let run = tokens.get(at..)?.iter().map_while(|token| match token {
                TokenTree::Punct(punct) => Some((punct.as_char(), punct.spacing())),
                _ => None,
            });
            let operator = operator(run);
            let end = at + operator.0.chars().count();
            Some((operator, end))
        }
        token => Some((Word(token.to_smolstr()), at + 1)),
    }
}

/// The longest operator at the start of a run of punctuation.
pub(super) fn operator(run: impl Iterator<Item = (char, Spacing)>) -> Word {
    const THREE: [&str; 4] = ["<<=", ">>=", "...", "..="];
    const TWO: [&str; 20] = [
        "==", "=>", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=",
        "<<", ">>", "->", "::", "..",
    ];
    let mut text = String::new();
    for (char, spacing) in run.take(3) {
        text.push(char);
        if spacing == Spacing::Alone {
            break;
        }
    }
    let starts = |operators: &[&str]| {
        let of = |operator: &&&str| text.starts_with(**operator);
        operators
            .iter()
            .find(of)
            .map(|operator| Word((*operator).into()))
    };
    let single = || Word(text.chars().take(1).collect::<String>().into());
    starts(&THREE)
        .or_else(|| starts(&TWO))
        .unwrap_or_else(single)
}

fn fragment(kind: &proc_macro2::Ident) -> Option<Fragment> {
    Some(match kind.to_smolstr().as_str() {
        "block" => Fragment::Block,
        "expr" | "expr_2021" => Fragment::Expr,
        "ident" => Fragment::Ident,
        "item" => Fragment::Item,
        "lifetime" => Fragment::Lifetime,
        "literal" => Fragment::Literal,
        "meta" => Fragment::Meta,
        "pat" => Fragment::Pat,
        "pat_param" => Fragment::PatParam,
        "path" => Fragment::Path,
        "stmt" => Fragment::Stmt,
        "tt" => Fragment::Tt,
        "ty" => Fragment::Ty,
        "vis" => Fragment::Vis,
        _ => return None,
    })
}
