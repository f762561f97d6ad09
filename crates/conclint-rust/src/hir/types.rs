//! Paths with their arguments, and types, as written. Nobody looks them up here.

use smallvec::SmallVec;

use super::{Bound, Name};

#[derive(Debug, Clone, Default)]
pub struct Path {
    /// Leading `::`.
    pub global: bool,
    /// `<T as Trait>::x`: the `T`; `segments` then starts with the trait's path.
    pub qself: Option<Box<Ty>>,
    /// How many segments belong to the trait of `qself` (0: `<T>::x`).
    pub qself_position: u16,
    /// Nearly all have one.
    pub segments: Segments,
}

pub type Segments = SmallVec<[Segment; 1]>;

#[derive(Debug, Clone, Default)]
pub struct Segment {
    pub name: Name,
    /// Most segments have none.
    pub generic: Option<Box<GenericArgs>>,
}

#[derive(Debug, Clone, Default)]
pub struct GenericArgs {
    pub args: Vec<Ty>,
    /// `Item = T`.
    pub assoc: Vec<(Name, Ty)>,
    /// `Fn(A, B) -> C`.
    pub fn_args: Option<FnArgs>,
}

/// The types of the arguments and of the result.
pub type FnArgs = (Vec<Ty>, Option<Box<Ty>>);

impl Segment {
    /// A name without arguments.
    pub fn plain(name: Name) -> Self {
        Segment {
            name,
            generic: None,
        }
    }

    /// `<A, B>`.
    pub fn args(&self) -> &[Ty] {
        self.generic.as_ref().map_or(&[], |list| &list.args)
    }

    /// `Item = T`.
    pub fn assoc(&self) -> &[(Name, Ty)] {
        self.generic.as_ref().map_or(&[], |list| &list.assoc)
    }

    /// `Fn(A, B) -> C`.
    pub fn fn_args(&self) -> Option<&FnArgs> {
        self.generic.as_ref()?.fn_args.as_ref()
    }
}

impl Path {
    /// The only segment's name of a plain one-segment path without arguments.
    pub fn as_name(&self) -> Option<&Name> {
        match &self.segments[..] {
            [one] if !self.global && self.qself.is_none() => Some(&one.name),
            _ => None,
        }
    }

    /// The last segment's name; empty for an empty path.
    pub fn last(&self) -> &str {
        self.segments.last().map_or("", |s| s.name.as_str())
    }
}

#[derive(Debug, Clone)]
pub enum Ty {
    Path(Path),
    Ref {
        mutable: bool,
        inner: Box<Ty>,
    },
    Ptr(Box<Ty>),
    Tuple(Vec<Ty>),
    Slice(Box<Ty>),
    Array(Box<Ty>),
    Fn {
        params: Vec<Ty>,
        ret: Option<Box<Ty>>,
    },
    Impl(Vec<Bound>),
    Dyn(Vec<Bound>),
    Never,
    /// `_`, macros, anything else.
    Infer,
}

impl Ty {
    /// An array, or a reference to one.
    pub fn is_array(&self) -> bool {
        match self {
            Ty::Array(_) => true,
            Ty::Ref { inner, .. } => inner.is_array(),
            _ => false,
        }
    }
}
