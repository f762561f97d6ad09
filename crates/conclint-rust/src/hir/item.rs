//! Items: modules, imports, types, traits, functions and statics.
//!
//! What no lint asks for is not kept: lifetimes, const parameters, visibility
//! beyond three grades, attributes that say nothing of concurrency.

use std::sync::Arc;

use super::{Attrs, Block, Expr, ExprKind, Name, Pat, Path, Span, Ty};

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
    /// `extern "C"`, or of another ABI.
    pub is_foreign: bool,
    /// Its body declares items: most do not, and then nobody has to look.
    pub has_items: bool,
    pub body: Option<Block>,
}

#[derive(Debug, Clone)]
pub struct FnParam {
    pub pat: Pat,
    pub ty: Ty,
}

impl FnDef {
    /// The function, with neither parameters nor result, that runs the
    /// initialiser of the static `item`, and is called as that is.
    pub fn of_initialiser(item: &Item, init: &Body) -> Self {
        FnDef {
            name: item.name.clone(),
            name_span: item.span,
            span: item.span,
            attrs: item.attrs.clone(),
            generics: Arc::default(),
            params: Vec::new(),
            has_self: false,
            ret: None,
            is_async: false,
            is_foreign: false,
            has_items: false,
            body: Some(Block {
                stmts: Vec::new(),
                tail: Some(Box::new(init.expr.clone())),
                span: init.expr.span,
                label: None,
                conditional: false,
            }),
        }
    }
}

/// The initialiser of a static or const.
#[derive(Debug, Clone)]
pub struct Body {
    /// It declares items inside.
    pub has_items: bool,
    pub expr: Expr,
}

impl Body {
    /// More than making a value: it has statements, or calls a method or function.
    pub fn does_something(&self) -> bool {
        let mut found = false;
        self.expr.each_expr(&mut |expr| {
            found |= match &expr.kind {
                ExprKind::Block(block) => !block.stmts.is_empty(),
                ExprKind::MethodCall { .. } => true,
                // `load()`; `Mutex::new(..)` only makes.
                ExprKind::Call { callee, .. } => is_function(callee),
                _ => false,
            }
        });
        found
    }
}

/// `load`, `config::load`; a `new` is the constructor of some type.
fn is_function(callee: &Expr) -> bool {
    let ExprKind::Path(path) = &callee.kind else {
        return false;
    };
    let name = path.last();
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !matches!(
            name,
            "new" | "const_new" | "default" | "from" | "with_capacity"
        )
}
