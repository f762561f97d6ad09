//! A compact, owned picture of a source file: what `syn` parsed, reduced to
//! what concurrency facts need.
//!
//! Syntax trees of `syn` are large and tied to their thread; these are small
//! and `Send`, so all files can be parsed in parallel, dropped, and looked at
//! together afterwards. Macros with known arguments are already opened here.
//! Nothing is resolved: names are as written.

use std::sync::Arc;

use smallvec::SmallVec;
use smol_str::SmolStr;

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
    /// `#![no_std]`, and the conditions under which it stands there.
    pub no_std: Option<Box<[Name]>>,
    /// `#[macro_use]`, `#[macro_export]` and the like are not kept.
    pub proc_macro: bool,
}

#[derive(Debug, Clone)]
pub struct Item {
    pub name: Name,
    pub attrs: Attrs,
    pub vis: Vis,
    pub span: Span,
    pub kind: ItemKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vis {
    Private,
    /// `pub(crate)`, `pub(super)`, `pub(in ..)`.
    Restricted,
    Public,
}

#[derive(Debug, Clone)]
pub enum ItemKind {
    /// `mod name;` (None) or `mod name { .. }`.
    Mod(Option<Vec<Item>>),
    Use(Vec<UseName>),
    ExternCrate {
        krate: Name,
    },
    Struct(StructDef),
    Enum(EnumDef),
    Trait(TraitDef),
    TraitAlias,
    Impl(ImplDef),
    Fn(Arc<FnDef>),
    Static {
        ty: Ty,
        mutable: bool,
        init: Option<Arc<Body>>,
    },
    Const {
        ty: Ty,
        init: Option<Arc<Body>>,
    },
    TypeAlias {
        generics: Arc<Generics>,
        ty: Option<Ty>,
        /// `type Name: Bound;` of a trait.
        bounds: Vec<Bound>,
    },
    /// `include!("file")` with a literal.
    Include(String),
    /// `macro_rules! name`.
    MacroRules,
}

/// One name brought in by a `use`, flattened out of its tree.
#[derive(Debug, Clone)]
pub struct UseName {
    /// `["std", "sync", "Mutex"]`; for a glob the path before `*`.
    pub path: Vec<Name>,
    /// Leading `::`.
    pub global: bool,
    /// The name it gets here; `_` for `as _`; empty for a glob.
    pub alias: Name,
    pub glob: bool,
}

#[derive(Debug, Clone)]
pub struct StructDef {
    pub generics: Arc<Generics>,
    pub fields: Vec<FieldDef>,
}

#[derive(Debug, Clone)]
pub struct FieldDef {
    /// The position (`0`, `1`) for tuple structs and variants.
    pub name: Name,
    pub ty: Ty,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct EnumDef {
    pub generics: Arc<Generics>,
    pub variants: Vec<Variant>,
}

#[derive(Debug, Clone)]
pub struct Variant {
    pub name: Name,
    pub fields: Vec<FieldDef>,
}

#[derive(Debug, Clone)]
pub struct TraitDef {
    pub generics: Arc<Generics>,
    pub supers: Vec<Bound>,
    pub items: Vec<Item>,
}

/// `items` are `Fn`, `Const`, `TypeAlias`.
#[derive(Debug, Clone)]
pub struct ImplDef {
    pub generics: Arc<Generics>,
    /// `None` for an inherent impl. Negative impls are left out.
    pub trait_: Option<Path>,
    pub self_ty: Ty,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, Default)]
pub struct Generics {
    pub params: Vec<GenericParam>,
    /// `where T: A + B`.
    pub wheres: Vec<(Ty, Vec<Bound>)>,
}

/// A type parameter (lifetimes and const parameters are left out).
#[derive(Debug, Clone)]
pub struct GenericParam {
    pub name: Name,
    pub bounds: Vec<Bound>,
    pub default: Option<Ty>,
}

/// A trait bound; lifetimes are left out. `Fn(A) -> B` has `fn_args`/`fn_ret`
/// in its last segment.
pub type Bound = Path;

#[derive(Debug, Clone)]
pub struct FnDef {
    pub name: Name,
    pub name_span: Span,
    pub span: Span,
    pub attrs: Attrs,
    pub generics: Arc<Generics>,
    /// `self` first, where there is one (pattern `Bind("self")`, type as
    /// declared: `Self`, `&Self`, `&mut Self`, `Arc<Self>` ..).
    pub params: Vec<FnParam>,
    pub has_self: bool,
    pub ret: Option<Ty>,
    pub is_async: bool,
    /// Its body declares items: most do not, and then nobody has to look.
    pub has_items: bool,
    pub body: Option<Block>,
}

#[derive(Debug, Clone)]
pub struct FnParam {
    pub pat: Pat,
    pub ty: Ty,
}

/// The initialiser of a static or const.
#[derive(Debug, Clone)]
pub struct Body {
    /// It declares items inside.
    pub has_items: bool,
    pub expr: Expr,
}

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
    /// Slices and arrays.
    Slice(Box<Ty>),
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

#[derive(Debug, Clone, Default)]
pub struct Block {
    pub stmts: Vec<Stmt>,
    /// The expression without a semicolon at the end.
    pub tail: Option<Box<Expr>>,
    pub span: Span,
    pub label: Label,
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
    Arith,
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

impl Block {
    /// Every expression inside, outer before inner; closures' bodies included.
    pub fn each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        for stmt in &self.stmts {
            match &stmt.kind {
                StmtKind::Let(stmt) => {
                    if let Some(init) = &stmt.init {
                        init.each_expr(f);
                    }
                    if let Some(block) = &stmt.else_ {
                        block.each_expr(f);
                    }
                }
                StmtKind::Expr(expr) => expr.each_expr(f),
                StmtKind::Item(_) => {}
            }
        }
        if let Some(tail) = &self.tail {
            tail.each_expr(f);
        }
    }
}

impl Expr {
    /// This expression and every one inside.
    pub fn each_expr(&self, f: &mut dyn FnMut(&Expr)) {
        f(self);
        let all = |list: &[Expr], f: &mut dyn FnMut(&Expr)| {
            list.iter().for_each(|expr| expr.each_expr(f))
        };
        match &self.kind {
            ExprKind::Path(_) | ExprKind::Lit(_) | ExprKind::Continue { .. } | ExprKind::Other => {}
            ExprKind::Field { base: expr, .. }
            | ExprKind::Unary { expr, .. }
            | ExprKind::Ref { expr, .. }
            | ExprKind::Try(expr)
            | ExprKind::Await { expr, .. }
            | ExprKind::Cast { expr, .. }
            | ExprKind::Let { expr, .. }
            | ExprKind::Repeat { elem: expr, .. } => expr.each_expr(f),
            ExprKind::Index {
                base: left,
                index: right,
            }
            | ExprKind::Binary { left, right, .. }
            | ExprKind::Assign { left, right }
            | ExprKind::AssignOp { left, right } => {
                left.each_expr(f);
                right.each_expr(f);
            }
            ExprKind::Call { callee, args } => {
                callee.each_expr(f);
                all(args, f);
            }
            ExprKind::MethodCall { receiver, args, .. } => {
                receiver.each_expr(f);
                all(args, f);
            }
            ExprKind::Block(block)
            | ExprKind::Async { block }
            | ExprKind::Loop { body: block, .. } => block.each_expr(f),
            ExprKind::If { cond, then, else_ } => {
                cond.each_expr(f);
                then.each_expr(f);
                if let Some(else_) = else_ {
                    else_.each_expr(f);
                }
            }
            ExprKind::Match { scrutinee, arms } => {
                scrutinee.each_expr(f);
                for arm in arms {
                    if let Some(guard) = &arm.guard {
                        guard.each_expr(f);
                    }
                    arm.body.each_expr(f);
                }
            }
            ExprKind::While {
                cond: head, body, ..
            }
            | ExprKind::For {
                iter: head, body, ..
            } => {
                head.each_expr(f);
                body.each_expr(f);
            }
            ExprKind::Break { value, .. } | ExprKind::Return(value) => {
                if let Some(value) = value {
                    value.each_expr(f);
                }
            }
            ExprKind::Closure(closure) => closure.body.each_expr(f),
            ExprKind::Tuple(list) | ExprKind::Array(list) => all(list, f),
            ExprKind::Struct { fields, base, .. } => {
                for (_, value) in fields {
                    value.each_expr(f);
                }
                if let Some(base) = base {
                    base.each_expr(f);
                }
            }
            ExprKind::Range(from, to) => {
                for end in [from, to].into_iter().flatten() {
                    end.each_expr(f);
                }
            }
            ExprKind::Macro(call) => all(&call.args, f),
        }
    }
}
