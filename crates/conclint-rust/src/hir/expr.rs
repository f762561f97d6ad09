//! What stands in a body: statements, expressions, patterns, and calls of macros
//! that were opened.
//!
//! Literals have no text, operators only the kinds that matter, and what has
//! no parts of interest is [`ExprKind::Other`].

use std::sync::Arc;

use super::{Item, Name, Path, Span, Ty};

#[derive(Debug, Clone, Default)]
pub struct Block {
    pub stmts: Vec<Stmt>,
    /// The expression without a semicolon at the end.
    pub tail: Option<Box<Expr>>,
    pub span: Span,
    pub label: Label,
    /// Some of its statements are in some builds only.
    pub conditional: bool,
}

/// Few have one.
pub type Label = Option<Box<Name>>;

#[derive(Debug, Clone)]
pub struct Stmt {
    pub span: Span,
    pub kind: StmtKind,
}

#[derive(Debug, Clone)]
pub enum StmtKind {
    Let(Box<Let>),
    /// With or without semicolon, but never the tail.
    Expr(Expr),
    Item(Box<Item>),
}

/// `let pat: ty = init else { .. };`
#[derive(Debug, Clone)]
pub struct Let {
    pub pat: Pat,
    pub ty: Option<Ty>,
    pub init: Option<Expr>,
    pub else_: Option<Block>,
}

#[derive(Debug, Clone)]
pub struct Expr {
    /// The whole expression.
    pub span: Span,
    pub kind: ExprKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnOp {
    Deref,
    Not,
    Neg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinOp {
    And,
    Or,
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`, `<=`, `>`, `>=`.
    Order {
        /// The left side is the smaller one.
        less: bool,
        or_equal: bool,
    },
    /// `+`, `<<` ..
    Arith(Operator),
}

/// An operator that a type gives a meaning by a trait of `std::ops`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    BitXor,
    BitAnd,
    BitOr,
    Shl,
    Shr,
}

impl Operator {
    /// By its first character.
    pub fn of(first: u8) -> Self {
        match first {
            b'-' => Operator::Sub,
            b'*' => Operator::Mul,
            b'/' => Operator::Div,
            b'%' => Operator::Rem,
            b'^' => Operator::BitXor,
            b'&' => Operator::BitAnd,
            b'|' => Operator::BitOr,
            b'<' => Operator::Shl,
            b'>' => Operator::Shr,
            _ => Operator::Add,
        }
    }
}

impl BinOp {
    /// Its result is a `bool` that says how two values compare.
    pub fn compares(self) -> bool {
        matches!(self, BinOp::Eq | BinOp::Ne | BinOp::Order { .. })
    }
}

#[derive(Debug, Clone)]
pub enum Lit {
    Int(Option<u64>),
    Float,
    Bool(bool),
    Str(Name),
    Other,
}

#[derive(Debug, Clone)]
pub enum ExprKind {
    Path(Path),
    Lit(Lit),
    Field {
        base: Box<Expr>,
        name: Name,
        name_span: Span,
    },
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    Call {
        callee: Box<Expr>,
        args: Vec<Expr>,
    },
    MethodCall {
        receiver: Box<Expr>,
        name: Name,
        name_span: Span,
        generics: Box<[Ty]>,
        args: Box<[Expr]>,
    },
    Unary {
        op: UnOp,
        expr: Box<Expr>,
    },
    /// `&e`, `&mut e`, `&raw e`.
    Ref {
        mutable: bool,
        expr: Box<Expr>,
    },
    Try(Box<Expr>),
    Await {
        expr: Box<Expr>,
        await_span: Span,
    },
    Cast {
        expr: Box<Expr>,
        ty: Ty,
    },
    Binary {
        op: BinOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Assign {
        left: Box<Expr>,
        right: Box<Expr>,
    },
    AssignOp {
        op: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `let pat = e` in a condition.
    Let {
        pat: Box<Pat>,
        expr: Box<Expr>,
    },
    /// `{ .. }`, `unsafe { .. }`, `const { .. }`.
    Block(Block),
    Async {
        block: Block,
    },
    If {
        cond: Box<Expr>,
        then: Block,
        else_: Option<Box<Expr>>,
    },
    Match {
        scrutinee: Box<Expr>,
        arms: Vec<Arm>,
    },
    Loop {
        label: Label,
        body: Block,
    },
    While {
        label: Label,
        cond: Box<Expr>,
        body: Block,
    },
    For {
        label: Label,
        pat: Box<Pat>,
        iter: Box<Expr>,
        body: Block,
    },
    Break {
        label: Label,
        value: Option<Box<Expr>>,
    },
    Continue {
        label: Label,
    },
    Return(Option<Box<Expr>>),
    Closure(Arc<Closure>),
    Tuple(Vec<Expr>),
    Array(Vec<Expr>),
    /// `[e; n]`; `len` where it is a literal.
    Repeat {
        elem: Box<Expr>,
        len: Option<u64>,
    },
    /// Fields in source order.
    Struct {
        path: Path,
        fields: Vec<(Name, Expr)>,
        base: Option<Box<Expr>>,
    },
    Range(Option<Box<Expr>>, Option<Box<Expr>>),
    Macro(Box<MacroCall>),
    /// Something without parts of interest.
    Other,
}

#[derive(Debug, Clone)]
pub struct Arm {
    pub pat: Pat,
    pub guard: Option<Expr>,
    pub body: Expr,
}

#[derive(Debug, Clone)]
pub struct Closure {
    pub is_move: bool,
    pub is_async: bool,
    pub params: Vec<(Pat, Option<Ty>)>,
    pub body: Expr,
}

/// A macro call that was opened. Those that are plain syntax in disguise are
/// already rewritten: `assert!(c, ..)` is an `If`, `assert_eq!(a, b)` and
/// `dbg!(e)` and `matches!(e, p if g)` a `Match`.
#[derive(Debug, Clone)]
pub struct MacroCall {
    /// As written, `log::debug`; the last segment without `!`.
    pub path: Path,
    pub kind: MacroKind,
    /// Evaluated left to right.
    pub args: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MacroKind {
    /// `format!`, `format_args!`: formats into memory.
    Format,
    /// `print!`, `println!`, `eprint!`, `eprintln!`.
    Print,
    /// `write!`, `writeln!`: the first argument is the destination.
    Write,
    /// `log`, `tracing`, `slog` and the like.
    Log,
    /// `panic!`, `unreachable!`, `todo!`, `unimplemented!`, `bail!`: never returns here.
    Panic,
    /// `vec!`; for `vec![e; n]` the argument is a `Repeat`, followed by `n` where
    /// that is not a literal.
    Vec,
    /// `select!` of tokio and futures: one argument for each branch, of which one
    /// runs: `{ let pat = future.await; body }`, in an `If` where the branch has a
    /// condition; the body alone for `else`. (That of crossbeam is a `Match` of
    /// blocks `{ let pat = r.recv(); body }`.)
    Select,
    /// `join!`, `try_join!`: `args` are awaited together.
    JoinFutures,
    /// Not known; its arguments parsed as expressions, or as statements
    /// (then one `Block` argument).
    Unknown,
}

#[derive(Debug, Clone)]
pub enum Pat {
    Wild,
    /// `x`, `ref x`, `mut x`, `x @ sub`. A lone upper-case name may be a
    /// constant or unit variant.
    Bind {
        name: Name,
        by_ref: bool,
        mutable: bool,
        sub: Option<Box<Pat>>,
        span: Span,
    },
    Tuple(Vec<Pat>),
    TupleStruct {
        path: Path,
        pats: Vec<Pat>,
    },
    Struct {
        path: Path,
        fields: Vec<(Name, Pat)>,
    },
    Ref(Box<Pat>),
    Slice(Vec<Pat>),
    Or(Vec<Pat>),
    /// `Enum::Variant`, a constant.
    Path(Path),
    /// `pat: Ty`.
    Typed(Box<Pat>, Ty),
    /// `..`
    Rest,
    /// Literals, ranges, macros.
    Lit,
}
