//! Paths and types.

use super::lex::Kind;
use super::{Reader, TYPE_DEPTH};
use crate::hir::{Bound, GenericArgs, Path, Segment, Span, Ty};
use crate::parse::span::join;

impl Reader<'_, '_> {
    /// A path of an expression or pattern (`Vec::<T>::new`), and where it stands.
    pub fn expr_path(&mut self) -> Option<(Path, Span)> {
        self.path(false)
    }

    /// `in_type`: arguments need no `::`.
    fn path(&mut self, in_type: bool) -> Option<(Path, Span)> {
        let from = self.peek(0).span;
        let mut path = Path {
            global: self.eat(b"::"),
            ..Path::default()
        };
        loop {
            let token = self.next();
            let is_name = match token.kind {
                Kind::Ident => true,
                Kind::Keyword => {
                    matches!(self.word(token), "self" | "Self" | "super" | "crate")
                }
                _ => false,
            };
            if !is_name {
                return None;
            }
            let mut segment = Segment::plain(self.word(token).into());
            if in_type && self.is_open(0, b'(') {
                segment.generic = Some(Box::new(self.fn_args()?));
            } else if in_type && self.is(b"<") && !self.is(b"<=") {
                segment.generic = Some(Box::new(self.generic_args()?));
            } else if self.is(b"::") && self.is_punct(2, b'<') {
                self.at += 2;
                segment.generic = Some(Box::new(self.generic_args()?));
            }
            path.segments.push(segment);
            if !self.eat(b"::") {
                break;
            }
        }
        Some((path, join(from, self.last().span)))
    }

    /// `(A, B) -> C`.
    fn fn_args(&mut self) -> Option<GenericArgs> {
        self.open(b'(')?;
        let args = self.list(Self::ty)?;
        let ret = match self.eat(b"->") {
            true => Some(Box::new(self.ty()?)),
            false => None,
        };
        Some(GenericArgs {
            fn_args: Some((args, ret)),
            ..GenericArgs::default()
        })
    }

    /// `<A, 'a, Item = B, 3>`; lifetimes and constants are left out.
    pub fn generic_args(&mut self) -> Option<GenericArgs> {
        self.expect(b"<")?;
        let mut out = GenericArgs::default();
        while !self.is(b">") {
            let token = self.peek(0);
            match token.kind {
                Kind::Lifetime | Kind::Int | Kind::Str | Kind::Literal => self.at += 1,
                Kind::Keyword if matches!(self.word(token), "true" | "false") => self.at += 1,
                Kind::Ident if self.is_punct(1, b'=') => {
                    self.at += 2;
                    let ty = self.ty()?;
                    out.assoc.push((self.word(token).into(), ty));
                }
                _ => out.args.push(self.ty()?),
            }
            if !self.eat(b",") {
                break;
            }
        }
        self.expect(b">")?;
        Some(out)
    }

    pub fn ty(&mut self) -> Option<Ty> {
        self.deeper(Self::ty_inner)
    }

    /// One level further into types and patterns, which nest without end in
    /// hostile files only.
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.types >= TYPE_DEPTH {
            return None;
        }
        self.types += 1;
        let out = read(self);
        self.types -= 1;
        out
    }

    fn ty_inner(&mut self) -> Option<Ty> {
        let token = self.peek(0);
        Some(match token.kind {
            Kind::Punct(b'&') => {
                self.at += 1;
                if self.peek(0).kind == Kind::Lifetime {
                    self.at += 1;
                }
                Ty::Ref {
                    mutable: self.eat_keyword("mut"),
                    inner: Box::new(self.ty()?),
                }
            }
            Kind::Punct(b'*') => {
                self.at += 1;
                if !self.eat_keyword("const") && !self.eat_keyword("mut") {
                    return None;
                }
                Ty::Ptr(Box::new(self.ty()?))
            }
            Kind::Punct(b'!') => {
                self.at += 1;
                Ty::Never
            }
            Kind::Open(b'(') => {
                self.at += 1;
                let mut types = self.list(Self::ty)?;
                let before = self.tokens.get(self.at.checked_sub(2)?)?;
                let comma = before.kind == Kind::Punct(b',');
                match (types.pop(), types.is_empty() && !comma) {
                    (Some(one), true) => one,
                    (last, _) => {
                        types.extend(last);
                        Ty::Tuple(types)
                    }
                }
            }
            Kind::Open(b'[') => {
                let open = self.at;
                self.open(b'[')?;
                let ty = self.ty()?;
                let is_array = !self.is_empty();
                if is_array {
                    self.expect(b";")?;
                }
                // Nothing asks how long an array is.
                self.at = self.tokens.get(open)?.mate + 1;
                match is_array {
                    true => Ty::Array(Box::new(ty)),
                    false => Ty::Slice(Box::new(ty)),
                }
            }
            Kind::Keyword => match self.word(token) {
                "_" => {
                    self.at += 1;
                    Ty::Infer
                }
                "dyn" => {
                    self.at += 1;
                    Ty::Dyn(self.bounds()?)
                }
                "impl" => {
                    self.at += 1;
                    Ty::Impl(self.bounds()?)
                }
                "self" | "Self" | "super" | "crate" => self.path_ty()?,
                _ => return None,
            },
            Kind::Ident => self.path_ty()?,
            Kind::Punct(b':') => self.path_ty()?,
            _ => return None,
        })
    }

    fn path_ty(&mut self) -> Option<Ty> {
        let (path, _) = self.path(true)?;
        // A macro.
        (!self.is(b"!") || self.is(b"!=")).then_some(Ty::Path(path))
    }

    /// `A + 'a + ?Sized + B`.
    fn bounds(&mut self) -> Option<Vec<Bound>> {
        let mut out = Vec::new();
        loop {
            if self.peek(0).kind == Kind::Lifetime {
                self.at += 1;
            } else {
                let taken_away = self.eat(b"?");
                let (path, _) = self.path(true)?;
                if !taken_away {
                    out.push(path);
                }
            }
            if !self.eat(b"+") {
                return Some(out);
            }
        }
    }
}
