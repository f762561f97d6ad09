//! All items of all crates, and what names mean.
//!
//! Resolves paths (through `use`, globs, aliases and re-exports, across the
//! crates of a workspace), types, fields and methods. Refuses to look into
//! bodies: that is `lower`.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::hir;

macro_rules! id {
    ($name:ident) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(CrateId);
id!(ModId);
id!(TypeId);
id!(TraitId);
id!(ImplId);
id!(FnIdx);
id!(StaticId);

pub type Tys = Arc<[Ty]>;

/// A resolved type. References are kept, lifetimes are not.
#[derive(Debug, Clone, PartialEq)]
pub enum Ty {
    Unknown,
    /// A struct, enum or union of the workspace.
    Adt(TypeId, Tys),
    /// A type of another crate by canonical path (`core` and `alloc` read as
    /// `std`): `std::sync::Mutex`; primitives are `u32`, `str`, `bool`.
    Ext(SmolStr, Tys),
    Ref(bool, Arc<Ty>),
    Ptr(Arc<Ty>),
    /// A type parameter in scope; `Index::bounds` tells what is known of it.
    Param(SmolStr),
    /// `dyn A + B` (true) or `impl A + B` (false).
    Bounded(bool, Arc<[Bound]>),
    Tuple(Tys),
    /// Slices and arrays.
    Slice(Arc<Ty>),
    /// Function pointers and `Fn*` bounds.
    Fn(Tys, Arc<Ty>),
    Never,
}

/// A resolved trait bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    pub trait_: TraitRef,
    pub args: Tys,
    /// `Item = T`, and for `Fn(A) -> B` the name `Output`.
    pub assoc: Vec<(SmolStr, Ty)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TraitRef {
    Here(TraitId),
    /// Canonical path.
    Ext(SmolStr),
}

/// From where a name is looked up.
#[derive(Debug, Clone)]
pub struct Scope {
    pub module: ModId,
    /// Outermost first: impl or trait, then function.
    pub generics: Vec<Arc<hir::Generics>>,
    pub self_ty: Option<Ty>,
}

/// A function or method of the workspace.
#[derive(Debug, Clone)]
pub struct FnEntry {
    pub def: Arc<hir::FnDef>,
    pub krate: CrateId,
    /// Index of its file in `Workspace::files`.
    pub file: u32,
    /// The module names in its body are looked up from (an anonymous one
    /// where the body declares items).
    pub scope: Scope,
    pub impl_: Option<ImplId>,
    /// Declared in this trait (with or without a default body).
    pub in_trait: Option<TraitId>,
    /// `Type::name`, `name`, `Trait::name`.
    pub qualified: String,
    /// Crate, modules, type and name: unique but for `cfg` twins.
    pub key: String,
    /// `pub` all the way, or a method of a public trait's impl.
    pub is_pub: bool,
    /// In test code.
    pub is_test: bool,
    /// All `cfg` predicates on it and around it.
    pub cfgs: Vec<SmolStr>,
    /// The method of this trait it implements (`Drop`, `Iterator`, ..), canonical path.
    pub trait_path: Option<SmolStr>,
}

#[derive(Debug, Clone)]
pub struct FieldInfo {
    pub owner: TypeId,
    /// With the owner's type arguments put in.
    pub ty: Ty,
}

/// What a path in expression position names.
#[derive(Debug, Clone)]
pub enum ValueRes {
    /// Functions (several: `cfg` twins), or methods named by path
    /// (`Type::method`, `Self::method`, `Trait::method`).
    Fns(MethodRes),
    Static(StaticId),
    Const(Ty),
    /// A struct or variant used as a function or value.
    Ctor {
        ty: TypeId,
        variant: Option<u32>,
    },
    /// Canonical path of something outside: `std::thread::spawn`,
    /// `std::sync::Arc::clone`, `std::option::Option::Some`.
    Ext(SmolStr),
    Unknown,
}

#[derive(Debug, Clone)]
pub struct MethodRes {
    pub fns: Vec<FnIdx>,
    pub how: How,
    /// The receiver's type the method was found on (after dereferencing
    /// through workspace `Deref` impls), for substituting type parameters.
    pub self_ty: Ty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// One function (or its `cfg` twins).
    Exact,
    /// A trait's implementations.
    Trait,
}
