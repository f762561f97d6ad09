//! A compact, owned picture of a source file: what `syn` parsed, reduced to
//! what concurrency facts need.
//!
//! Syntax trees of `syn` are large and tied to their thread; these are small
//! and `Send`, so all files can be parsed in parallel, dropped, and looked at
//! together afterwards. Macros with known arguments are already opened here.
//! Nothing is resolved: names are as written.

use smol_str::SmolStr;

mod expr;
mod item;
mod types;
mod walk;

pub use expr::*;
pub use item::*;
pub use types::*;

/// A name as written.
pub type Name = SmolStr;

/// From the first character to one past the last; lines and columns from 1,
/// columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// One source file.
#[derive(Debug, Clone, Default)]
pub struct HirFile {
    pub items: Vec<Item>,
    pub unread: Vec<UnreadPart>,
    pub lines: u32,
    /// `#![cfg(..)]` and `#![cfg(test)]` of the file itself.
    pub attrs: Attrs,
    pub comments: Vec<Comment>,
}

/// Something that did not parse, or a macro whose arguments did not.
#[derive(Debug, Clone)]
pub struct UnreadPart {
    pub span: Span,
    pub what: String,
    pub why: String,
    pub mentions_lock: bool,
}

/// A comment that means something to the analysis.
#[derive(Debug, Clone)]
pub struct Comment {
    pub line: u32,
    pub kind: CommentKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentKind {
    /// `lock order: a -> b -> c` (any case, also `lock ordering:`).
    LockOrder(Vec<String>),
    /// `locks .. in the order declared here`, `in declaration order`: the
    /// fields of the struct that encloses or follows the comment.
    DeclarationOrder,
    /// `detached: reason` (a thread that is meant to outlive its handle).
    Detached(String),
}

#[derive(Debug, Clone, Default)]
pub struct Attrs {
    /// `cfg(..)` predicates, white space normalised: `test`, `feature = "x"`, `not(unix)`.
    /// `all(a, b)` is split; anything else is kept whole.
    pub cfg: Vec<Name>,
    /// `#[test]`, `#[tokio::test]`, `#[rstest]`, `#[bench]`, any path ending in `test`.
    pub test: bool,
    /// `#[path = ".."]`.
    pub path: Option<String>,
    /// `#[derive(Clone)]`.
    pub clone: bool,
    /// `#![no_std]`, and the conditions under which it stands there.
    pub no_std: Option<Box<[Name]>>,
    /// `#[macro_use]`, `#[macro_export]` and the like are not kept.
    pub proc_macro: bool,
}
