//! What an arm's body writes for given variables.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use smol_str::SmolStr;

use super::bindings::{Binding, Bindings};
use super::rules::Piece;

/// How many tokens may still be written.
pub(super) struct Fuel(pub usize);

impl Fuel {
    /// `None` where there is not as much left.
    pub fn take(&mut self, tokens: usize) -> Option<()> {
        let left = self.0.checked_sub(tokens);
        self.0 = left.unwrap_or(0);
        left.map(drop)
    }
}

/// The variables in sight: those of the innermost round last.
type Sight<'a> = Vec<(&'a SmolStr, &'a Binding)>;

/// `None` where the variables do not fit the body, or too much would be written.
/// The body's own tokens are put at `place`.
pub(super) fn transcribe(
    body: &[Piece],
    bindings: &Bindings,
    place: Span,
    fuel: &mut Fuel,
) -> Option<TokenStream> {
    let mut writer = Writer {
        sight: bindings.iter().collect(),
        place,
        fuel,
    };
    let mut out = Vec::new();
    writer.all(body, &mut out)?;
    Some(out.into_iter().collect())
}

struct Writer<'a, 'f> {
    sight: Sight<'a>,
    place: Span,
    fuel: &'f mut Fuel,
}

impl<'a> Writer<'a, '_> {
    fn all(&mut self, body: &'a [Piece], out: &mut Vec<TokenTree>) -> Option<()> {
        for piece in body {
            match piece {
                Piece::Token(token) => self.own(token, out)?,
                Piece::Group(delimiter, inner) => {
                    self.fuel.take(1)?;
                    let mut tokens = Vec::new();
                    self.all(inner, &mut tokens)?;
                    let mut group = Group::new(*delimiter, tokens.into_iter().collect());
                    group.set_span(self.place);
                    out.push(TokenTree::Group(group));
                }
                Piece::Variable(word, name) => match self.look_up(name) {
                    Some(Binding::One(tokens, size)) => {
                        self.fuel.take(*size)?;
                        out.extend(tokens.iter().cloned());
                    }
                    // Without its repetition.
                    Some(Binding::Many(_)) => return None,
                    // Of a definition inside of this one.
                    None => {
                        let dollar = proc_macro2::Punct::new('$', proc_macro2::Spacing::Alone);
                        self.own(&TokenTree::Punct(dollar), out)?;
                        self.own(word, out)?;
                    }
                },
                Piece::Repeat {
                    inner,
                    separator,
                    names,
                } => self.repeat(inner, separator, names, out)?,
            }
        }
        Some(())
    }

    fn own(&mut self, token: &TokenTree, out: &mut Vec<TokenTree>) -> Option<()> {
        self.fuel.take(1)?;
        let mut token = token.clone();
        token.set_span(self.place);
        out.push(token);
        Some(())
    }

    fn look_up(&self, name: &SmolStr) -> Option<&'a Binding> {
        let found = self.sight.iter().rev().find(|(other, _)| *other == name);
        found.map(|(_, binding)| *binding)
    }

    fn repeat(
        &mut self,
        inner: &'a [Piece],
        separator: &'a [TokenTree],
        names: &'a [SmolStr],
        out: &mut Vec<TokenTree>,
    ) -> Option<()> {
        let mut lists: Vec<(&'a SmolStr, &'a [Binding])> = Vec::new();
        for name in names {
            if let Some(Binding::Many(list)) = self.look_up(name) {
                lists.push((name, list));
            }
        }
        let (_, first) = lists.first()?;
        let rounds = first.len();
        if lists.iter().any(|(_, list)| list.len() != rounds) {
            return None;
        }
        let outer = self.sight.len();
        for round in 0..rounds {
            self.fuel.take(1)?;
            if round > 0 {
                for token in separator {
                    self.own(token, out)?;
                }
            }
            for (name, list) in &lists {
                self.sight.push((*name, list.get(round)?));
            }
            self.all(inner, out)?;
            self.sight.truncate(outer);
        }
        Some(())
    }
}
