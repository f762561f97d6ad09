//! What the index keeps of each kind of item.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{
    AliasId, Bound, ConstId, CrateId, FnIdx, ModId, Scope, StaticId, TraitId, TraitRef, Ty, TypeId,
    Tys,
};
use crate::hir;
use crate::workspace::{Dep, Edition};

/// A crate, as far as names need it.
#[derive(Debug)]
pub(super) struct CrateInfo {
    /// Starts the keys of its items; no other crate has it.
    pub(super) key: String,
    pub(super) edition: Edition,
    pub(super) root: ModId,
    pub(super) deps: BTreeMap<SmolStr, Dep>,
    pub(super) host: Option<CrateId>,
    pub(super) has_manifest: bool,
    pub(super) is_lib: bool,
    /// `extern crate a as b` in its root: `b`.
    pub(super) externs: BTreeMap<SmolStr, Def>,
}

/// A module, or the items of one function.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) krate: CrateId,
    pub(super) parent: Option<ModId>,
    pub(super) name: SmolStr,
    /// The items of a body or of an included file: names that are not here
    /// are looked up in the parent, and `self` is the parent's.
    pub(super) block: bool,
    /// An included file: its names are the parent's too.
    pub(super) included: bool,
    pub(super) is_test: bool,
    /// Several `mod` items name its file, under conditions of their own.
    pub(super) shared: bool,
    pub(super) cfgs: Vec<SmolStr>,
    /// `crate::a::b`, set when all modules are there.
    pub(super) path: String,
    pub(super) names: FxHashMap<SmolStr, Vec<Entry>>,
    /// `use path::*` of external modules.
    pub(super) ext_globs: Vec<SmolStr>,
    /// What `Index::growth` was when a name was last added.
    pub(super) changed: u64,
    /// Reachable from outside of its crate.
    pub(super) is_pub: bool,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Def {
    Mod(ModId),
    Type(TypeId),
    Trait(TraitId),
    Alias(AliasId),
    Fn(FnIdx),
    Static(StaticId),
    Const(ConstId),
    Variant(TypeId, u32),
    /// Canonical path of something outside.
    Ext(SmolStr),
}

/// Where a name is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ns {
    Type,
    Value,
    /// Both, for imports.
    Any,
}

impl Def {
    pub(super) fn is_in(&self, ns: Ns) -> bool {
        match ns {
            Ns::Any => true,
            Ns::Type => {
                matches!(
                    self,
                    Def::Mod(_) | Def::Type(_) | Def::Trait(_) | Def::Alias(_) | Def::Ext(_)
                )
            }
            Ns::Value => !matches!(self, Def::Mod(_) | Def::Trait(_)),
        }
    }
}

/// A name of a module.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) def: Def,
    pub(super) vis: hir::Vis,
    /// 0, 1 under `cfg(test)`, `cfg(loom)` and the like, 2 and 3 so from a glob.
    pub(super) rank: u8,
}

/// One `use`d name or glob, or `extern crate`.
#[derive(Debug)]
pub(super) struct Import {
    /// Where it stands.
    pub(super) module: ModId,
    /// Which module gets the names: not an included file's.
    pub(super) into: ModId,
    pub(super) name: hir::UseName,
    pub(super) vis: hir::Vis,
    pub(super) rank: u8,
    /// `extern crate`: the path's only segment is a crate.
    pub(super) krate: bool,
    pub(super) done: bool,
    /// For globs: the modules, with the state of each when it was last copied.
    pub(super) sources: Vec<(ModId, u64)>,
}

/// What kind of type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// A struct or union.
    Struct,
    /// An enum.
    Enum,
}

/// A struct, enum or union.
#[derive(Debug)]
pub struct TypeDef {
    /// Its own name.
    pub name: SmolStr,
    /// `crate::module::Type`.
    pub key: String,
    /// Its module.
    pub module: ModId,
    /// Index into `Workspace::files`.
    pub file: u32,
    /// Of the whole item.
    pub span: hir::Span,
    /// Struct or enum.
    pub kind: TypeKind,
    /// Its type parameters.
    pub generics: Arc<hir::Generics>,
    /// The one and only of a struct has the struct's name.
    pub variants: Vec<VariantEntry>,
    /// It derives `Clone`.
    pub is_clone: bool,
    /// In test code.
    pub is_test: bool,
    /// The next type of the same path under another `cfg`.
    pub(super) twin: Option<TypeId>,
    /// See [`super::Index::drop_glue`].
    pub(super) glue: OnceLock<Vec<(TypeId, bool)>>,
}

/// A variant, or the fields of a struct.
#[derive(Debug)]
pub struct VariantEntry {
    /// Its name.
    pub name: SmolStr,
    /// In the order of the source.
    pub fields: Vec<FieldEntry>,
}

/// A field.
#[derive(Debug)]
pub struct FieldEntry {
    /// The position for tuple structs and variants.
    pub name: SmolStr,
    /// As written.
    pub hir: hir::Ty,
    /// Of the field.
    pub span: hir::Span,
    pub(super) ty: OnceLock<Ty>,
}

/// A trait.
#[derive(Debug)]
pub struct TraitEntry {
    /// Its own name.
    pub name: SmolStr,
    /// `crate::module::Trait`.
    pub key: String,
    /// Its module.
    pub module: ModId,
    /// Its functions, with and without bodies.
    pub fns: Vec<FnIdx>,
    /// Names of `fns`.
    pub(super) fn_names: Vec<SmolStr>,
    /// `Self`, then its own parameters.
    pub(super) generics: Vec<Arc<hir::Generics>>,
    pub(super) hir_supers: Vec<hir::Bound>,
    pub(super) supers: Vec<Bound>,
    /// `type Name: Bound;`
    pub(super) hir_assoc: Vec<(SmolStr, Vec<hir::Bound>)>,
    pub(super) is_pub: bool,
}

impl TraitEntry {
    pub(super) fn find(&self, name: &str) -> Option<FnIdx> {
        self.fn_names
            .iter()
            .position(|n| n == name)
            .and_then(|i| self.fns.get(i).copied())
    }
}

/// An impl block.
#[derive(Debug)]
pub(super) struct ImplEntry {
    pub(super) module: ModId,
    /// Its own copy: tells the impl from the scope of its functions.
    pub(super) generics: Arc<hir::Generics>,
    pub(super) hir_self: hir::Ty,
    pub(super) hir_trait: Option<hir::Path>,
    pub(super) fns: Vec<FnIdx>,
    pub(super) consts: Vec<(SmolStr, ConstId)>,
    pub(super) assoc: Vec<(SmolStr, hir::Ty)>,
    pub(super) self_ty: Ty,
    pub(super) trait_ref: Option<TraitRef>,
    pub(super) trait_args: Tys,
}

impl ImplEntry {
    pub(super) fn scope(&self) -> Scope {
        Scope {
            module: self.module,
            generics: vec![self.generics.clone()],
            self_ty: Some(self.self_ty.clone()),
        }
    }
}

/// A static, also one of `lazy_static!` or `thread_local!`.
#[derive(Debug)]
pub struct StaticDef {
    /// Its own name.
    pub name: SmolStr,
    /// `crate::module::NAME`.
    pub key: String,
    /// Its type.
    pub ty: Ty,
    /// Index into `Workspace::files`.
    pub file: u32,
    /// Of the whole item.
    pub span: hir::Span,
    /// One for each thread.
    pub is_thread_local: bool,
    /// In test code.
    pub is_test: bool,
    /// What its initialiser runs, where that is something.
    pub initialiser: Option<FnIdx>,
    /// The names of its type.
    pub scope: Scope,
    pub(super) hir_ty: hir::Ty,
}

/// A constant.
#[derive(Debug)]
pub(super) struct ConstDef {
    pub(super) scope: Scope,
    pub(super) hir_ty: hir::Ty,
    pub(super) ty: Ty,
    pub(super) impl_: Option<super::ImplId>,
}

/// A `type` alias.
#[derive(Debug)]
pub(super) struct AliasDef {
    pub(super) module: ModId,
    pub(super) generics: Arc<hir::Generics>,
    pub(super) hir_ty: Option<hir::Ty>,
    pub(super) ty: OnceLock<Ty>,
}

/// What impls are found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Head {
    Adt(TypeId),
    Ext(SmolStr),
    Dyn(TraitId),
    DynExt(SmolStr),
    Tuple(usize),
    Slice,
    Ptr,
    Fn,
    Never,
}

/// The impls of a head, where there are any.
pub(super) type HeadImplsRef<'a> = Option<&'a super::HeadImpls>;

/// A function's types, seen from inside of it.
#[derive(Debug)]
pub(super) struct Sig {
    pub(super) params: Vec<Ty>,
    pub(super) ret: Ty,
}
