//! All items of all crates, and what names mean.
//!
//! Resolves paths (through `use`, globs, aliases and re-exports, across the
//! crates of a workspace), types, fields and methods. Refuses to look into
//! bodies, but for the items they declare: the rest is `lower`.
//!
//! Built once, then only read, from any thread. What is not known reads as
//! `Unknown` or `None`; no input makes it panic or loop.

mod builds;
mod collect;
mod defs;
mod ext;
mod finish;
mod globs;
mod glue;
mod imports;
mod lookup;
mod members;
mod names;
mod nested;
mod sigs;
mod subst;
#[cfg(test)]
mod tests;
mod types;
mod tys;
mod values;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use crate::hir;

pub use defs::{StaticDef, TypeDef, TypeKind};
pub use tys::Tys;

use defs::{AliasDef, ConstDef, CrateInfo, Head, ImplEntry, Import, Module, Sig, TraitEntry};

macro_rules! id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            /// As an index into its table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(CrateId, "A crate of the workspace.");
id!(
    ModId,
    "A module; those of files come first, in the order of the files."
);
id!(TypeId, "A struct, enum or union.");
id!(TraitId, "A trait.");
id!(ImplId, "An impl block.");
id!(FnIdx, "A function; in the order of files and positions.");
id!(StaticId, "A static.");

id!(AliasId, "A `type` alias.");
id!(ConstId, "A constant, also of an impl.");

/// A resolved type. References are kept, lifetimes are not.
#[derive(Debug, Clone, PartialEq)]
pub enum Ty {
    /// Nothing is known.
    Unknown,
    /// A struct, enum or union of the workspace.
    Adt(TypeId, Tys),
    /// A type of another crate by canonical path (`core` and `alloc` read as
    /// `std`): `std::sync::Mutex`; primitives are `u32`, `str`, `bool`.
    Ext(SmolStr, Tys),
    /// `&T`; `&mut T` where true.
    Ref(bool, Arc<Ty>),
    /// A raw pointer.
    Ptr(Arc<Ty>),
    /// A type parameter in scope; `Index::bounds` tells what is known of it.
    Param(SmolStr),
    /// `dyn A + B` (true) or `impl A + B` (false).
    Bounded(bool, Arc<[Bound]>),
    /// A tuple; empty for `()`.
    Tuple(Tys),
    /// Slices and arrays.
    Slice(Arc<Ty>),
    /// Function pointers and `Fn*` bounds.
    Fn(Tys, Arc<Ty>),
    /// `!`.
    Never,
}

impl Ty {
    /// `()`.
    pub fn unit() -> Self {
        Ty::Tuple(Tys::default())
    }
}

/// A primitive type of one value: `u32`, `bool`, `char`.
pub fn is_number(path: &str) -> bool {
    path != "str" && ext::is_primitive(path)
}

/// The last name of a path such as `std::sync::Mutex`.
pub fn last_segment(path: &str) -> &str {
    path.rfind(':')
        .and_then(|at| path.get(at + 1..))
        .unwrap_or(path)
}

/// A resolved trait bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Which trait.
    pub trait_: TraitRef,
    /// Its type arguments; the parameters for `Fn(A)`.
    pub args: Tys,
    /// `Item = T`, and for `Fn(A) -> B` the name `Output`.
    pub assoc: Vec<(SmolStr, Ty)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TraitRef {
    /// Of the workspace.
    Here(TraitId),
    /// Canonical path.
    Ext(SmolStr),
}

/// From where a name is looked up.
#[derive(Debug, Clone)]
pub struct Scope {
    /// May be that of a function's own items.
    pub module: ModId,
    /// Outermost first: impl or trait, then function.
    pub generics: Vec<Arc<hir::Generics>>,
    /// What `Self` is: a type in an impl, the parameter `Self` in a trait.
    pub self_ty: Option<Ty>,
}

/// A function or method of the workspace.
#[derive(Debug, Clone)]
pub struct FnEntry {
    /// As written.
    pub def: Arc<hir::FnDef>,
    /// Where it is analysed.
    pub krate: CrateId,
    /// Index of its file in `Workspace::files`.
    pub file: u32,
    /// The module names in its body are looked up from (an anonymous one
    /// where the body declares items).
    pub scope: Scope,
    /// Its impl block.
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
    /// There is a build that has it: the predicates do not contradict each other.
    pub is_built: bool,
    /// The initialiser of a static.
    pub of_static: bool,
    /// The method of this trait it implements (`Drop`, `Iterator`, ..), canonical path.
    pub trait_path: Option<SmolStr>,
}

/// A field found by name.
#[derive(Debug, Clone)]
pub struct FieldInfo {
    /// The type that declares it.
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
    /// A static.
    Static(StaticId),
    /// A constant, by its type.
    Const(Ty),
    /// A struct or variant used as a function or value.
    Ctor {
        /// The struct or enum.
        ty: TypeId,
        /// Position of the variant.
        variant: Option<u32>,
    },
    /// Canonical path of something outside: `std::thread::spawn`,
    /// `std::sync::Arc::clone`, `std::option::Option::Some`.
    Ext(SmolStr),
    /// Nothing is known.
    Unknown,
}

/// Functions found by name.
#[derive(Debug, Clone)]
pub struct MethodRes {
    /// At least one.
    pub fns: Vec<FnIdx>,
    /// How sure it is.
    pub how: How,
    /// The receiver's type the method was found on (after dereferencing
    /// through workspace `Deref` impls), for substituting type parameters.
    pub self_ty: Ty,
}

/// How a name led to functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// One function (or its `cfg` twins).
    Exact,
    /// A trait's implementations.
    Trait,
}

/// All items of a workspace. See the module's documentation.
#[derive(Debug, Default)]
pub struct Index {
    crates: Vec<CrateInfo>,
    modules: Vec<Module>,
    types: Vec<TypeDef>,
    traits: Vec<TraitEntry>,
    impls: Vec<ImplEntry>,
    fns: Vec<FnEntry>,
    /// Of `fns`.
    sigs: Vec<std::sync::OnceLock<Sig>>,
    statics: Vec<StaticDef>,
    consts: Vec<ConstDef>,
    aliases: Vec<AliasDef>,
    imports: Vec<Import>,
    by_head: FxHashMap<Head, HeadImpls>,
    /// Impls for a type parameter.
    blanket: Vec<ImplId>,
    /// Methods of impls and traits.
    by_method: FxHashMap<SmolStr, Vec<FnIdx>>,
    /// Traits that declare a method of this name.
    traits_by_method: FxHashMap<SmolStr, Vec<TraitId>>,
    /// See [`Index::only_owner`].
    owners: std::sync::OnceLock<FxHashMap<SmolStr, Option<TypeId>>>,
    impls_by_trait: FxHashMap<TraitId, Vec<ImplId>>,
    /// Drives the imports: raised with each name added.
    growth: u64,
    /// Names copied by globs so far.
    copied: usize,
}

/// The impls of one kind of type.
#[derive(Debug, Default)]
struct HeadImpls {
    impls: Vec<ImplId>,
    /// Names of methods; inherent impls and impls of traits.
    methods: FxHashMap<SmolStr, Vec<FnIdx>>,
    traits: FxHashSet<TraitId>,
    /// Impls of `Deref`.
    derefs: Vec<ImplId>,
}

impl Index {
    /// All functions, with and without bodies, also those inside of bodies,
    /// in the order of files and positions.
    pub fn functions(&self) -> &[FnEntry] {
        &self.fns
    }

    /// A type's declaration.
    pub fn type_def(&self, id: TypeId) -> &TypeDef {
        &self.types[id.index()]
    }

    /// A type's own name.
    pub fn type_name(&self, id: TypeId) -> &str {
        &self.type_def(id).name
    }

    /// `crate::module::Type`.
    pub fn type_key(&self, id: TypeId) -> &str {
        &self.type_def(id).key
    }

    /// A static's declaration.
    pub fn static_(&self, id: StaticId) -> &StaticDef {
        &self.statics[id.index()]
    }

    /// All methods of that name in impls and traits.
    pub fn methods_named(&self, name: &str) -> &[FnIdx] {
        self.by_method.get(name).map_or(&[], Vec::as_slice)
    }
}
