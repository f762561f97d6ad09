//! Patterns.

use super::Reader;
use super::lex::Kind;
use crate::hir::{Name, Pat};

impl Reader<'_, '_> {
    /// With `|` between, and perhaps one in front.
    pub fn pat(&mut self) -> Option<Pat> {
        let leading = self.eat(b"|");
        let first = self.single_pat()?;
        let goes_on = |cx: &Self| cx.is(b"|") && !cx.is(b"||") && !cx.is(b"|=");
        if !leading && !goes_on(self) {
            return Some(first);
        }
        let mut cases = vec![first];
        while goes_on(self) {
            self.at += 1;
            cases.push(self.single_pat()?);
        }
        Some(Pat::Or(cases))
    }

    /// Without `|`.
    pub fn single_pat(&mut self) -> Option<Pat> {
        self.deeper(Self::pat_inner)
    }

    fn pat_inner(&mut self) -> Option<Pat> {
        let token = self.peek(0);
        match token.kind {
            Kind::Ident => {
                let starts_path = self.is_at(1, b"::")
                    || self.is_punct(1, b'!')
                    || self.is_open(1, b'{')
                    || self.is_open(1, b'(')
                    || self.is_at(1, b"..");
                if starts_path {
                    self.path_pat()
                } else {
                    self.binding()
                }
            }
            Kind::Keyword => match self.word(token) {
                "_" => {
                    self.at += 1;
                    Some(Pat::Wild)
                }
                "ref" | "mut" => self.binding(),
                "Self" | "super" | "crate" => self.path_pat(),
                "true" | "false" => self.literal_pat(),
                _ => None,
            },
            Kind::Int | Kind::Float | Kind::Str | Kind::Literal | Kind::Punct(b'-') => {
                self.literal_pat()
            }
            Kind::Punct(b':') => self.path_pat(),
            Kind::Punct(b'&') => {
                self.at += 1;
                self.eat_keyword("mut");
                Some(Pat::Ref(Box::new(self.single_pat()?)))
            }
            Kind::Punct(b'.') if self.is(b"..") && !self.is(b"...") && !self.is(b"..=") => {
                self.at += 2;
                self.ends_here().then_some(Pat::Rest)
            }
            Kind::Open(b'(') => {
                self.at += 1;
                let pats = self.list(Self::pat)?;
                let before = self.tokens.get(self.at.checked_sub(2)?)?;
                let comma = before.kind == Kind::Punct(b',');
                Some(match <[Pat; 1]>::try_from(pats) {
                    Ok([one]) if !comma && !matches!(one, Pat::Rest) => one,
                    Ok([one]) => Pat::Tuple(vec![one]),
                    Err(pats) => Pat::Tuple(pats),
                })
            }
            Kind::Open(b'[') => {
                self.at += 1;
                Some(Pat::Slice(self.list(Self::pat)?))
            }
            _ => None,
        }
    }

    /// `ref mut x @ sub`.
    fn binding(&mut self) -> Option<Pat> {
        let by_ref = self.eat_keyword("ref");
        let mutable = self.eat_keyword("mut");
        let token = self.ident()?;
        let sub = match self.eat(b"@") {
            true => Some(Box::new(self.single_pat()?)),
            false => None,
        };
        Some(Pat::Bind {
            name: self.word(token).into(),
            by_ref,
            mutable,
            sub,
            span: token.span,
        })
    }

    fn path_pat(&mut self) -> Option<Pat> {
        let (path, _) = self.expr_path()?;
        if self.is_open(0, b'(') {
            self.at += 1;
            let pats = self.list(Self::pat)?;
            return Some(Pat::TupleStruct { path, pats });
        }
        if self.is_open(0, b'{') {
            self.at += 1;
            return self.struct_pat(path);
        }
        if self.is(b"..") {
            return self.range_pat();
        }
        (!self.is(b"!")).then_some(Pat::Path(path))
    }

    fn struct_pat(&mut self, path: crate::hir::Path) -> Option<Pat> {
        let mut fields: Vec<(Name, Pat)> = Vec::new();
        while !self.is_empty() {
            if self.eat(b"..") {
                break;
            }
            let token = self.peek(0);
            let named = matches!(token.kind, Kind::Ident | Kind::Int);
            if named && self.is_punct(1, b':') && !self.is_at(1, b"::") {
                self.at += 2;
                let name = self.word(token);
                // Positions are plain numbers.
                if token.kind == Kind::Int && !name.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                fields.push((name.into(), self.pat()?));
            } else {
                let pat = self.binding()?;
                let Pat::Bind {
                    name, sub: None, ..
                } = &pat
                else {
                    return None;
                };
                fields.push((name.clone(), pat));
            }
            if !self.eat(b",") {
                break;
            }
        }
        self.close()?;
        Some(Pat::Struct { path, fields })
    }

    fn literal_pat(&mut self) -> Option<Pat> {
        self.bound()?;
        if self.is(b"..") {
            return self.range_pat();
        }
        Some(Pat::Lit)
    }

    /// A range from its dots on.
    fn range_pat(&mut self) -> Option<Pat> {
        if self.is(b"...") {
            return None;
        }
        let closed = self.is(b"..=");
        self.at += if closed { 3 } else { 2 };
        if self.ends_here() {
            return (!closed).then_some(Pat::Lit);
        }
        self.bound()?;
        Some(Pat::Lit)
    }

    /// A literal or path at one end of a range.
    fn bound(&mut self) -> Option<()> {
        self.eat(b"-");
        let token = self.peek(0);
        match token.kind {
            Kind::Int | Kind::Float | Kind::Str | Kind::Literal => self.at += 1,
            Kind::Keyword if matches!(self.word(token), "true" | "false") => self.at += 1,
            _ => drop(self.expr_path()?),
        }
        Some(())
    }

    /// No pattern goes on here.
    fn ends_here(&self) -> bool {
        self.is_empty()
            || self.is(b"|")
            || self.is(b"=")
            || self.is(b":") && !self.is(b"::")
            || self.is(b",")
            || self.is(b";")
            || self.is_keyword(0, "if")
    }
}
