//! One program out of functions that were lowered apart: classes and closures
//! get their numbers, which do not depend on who was ready first.
//!
//! Nothing is found out about code here; a class is looked at no further than
//! its key, its kind and its declaration.

use std::collections::{BTreeMap, BTreeSet};

use conclint_facts::{
    Arg, Class, ClassId, ClassScope, EventKind, FileId, FnId, Function, Handle, LockSource,
    ObjectKind, ObjectRef, Program, Target,
};
use rayon::prelude::*;

use super::assemble::Lowered;
use super::body::{ClassDraft, NESTED_BASE, site_of};
use super::sole;
use super::types;
use super::unshared;
use super::value::{ClassBase, ClassKey};
use crate::index::{Index, Ty};

/// In place of the number of a class of which nothing is known after all.
const UNKNOWN: ClassId = ClassId(u32::MAX);

/// Puts functions into the program: the named ones first, then all closures.
pub(super) fn link(program: &mut Program, mut lowered: Vec<Lowered>, index: &Index) {
    let maps = number(program, &lowered, index);
    let named = lowered.len() as u32;
    let mut next_closure = named;
    let bases: Vec<u32> = lowered
        .iter()
        .map(|one| {
            let base = next_closure;
            next_closure += one.nested.len() as u32;
            base
        })
        .collect();
    lowered
        .par_iter_mut()
        .zip(&maps)
        .zip(&bases)
        .enumerate()
        .with_min_len(64)
        // Most functions name nothing that has a number of its own.
        .filter(|(_, ((one, map), _))| !map.is_empty() || !one.nested.is_empty())
        .for_each(|(i, ((one, map), base))| {
            let relink = Relink {
                map,
                base: *base,
                merged: &BTreeSet::new(),
            };
            relink.function(&mut one.function);
            for nested in &mut one.nested {
                nested.parent = Some(FnId(i as u32));
                relink.function(nested);
            }
        });
    let closures: Vec<Vec<Function>> = lowered
        .iter_mut()
        .map(|one| std::mem::take(&mut one.nested))
        .collect();
    program.functions.reserve_exact(next_closure as usize);
    let functions = lowered.into_par_iter().map(|one| one.function);
    program.functions.par_extend(functions);
    for mut closures in closures {
        program.functions.append(&mut closures);
    }
}

/// By function: the program-wide numbers of its classes.
fn number(program: &mut Program, lowered: &[Lowered], index: &Index) -> Vec<Vec<ClassId>> {
    let mut known: BTreeMap<ClassKey, ClassId> = BTreeMap::new();
    let soles = sole::soles(lowered);
    lowered
        .iter()
        .map(|one| {
            one.classes
                .iter()
                .map(|(key, draft)| {
                    let sole = draft.whole.and_then(|whole| soles.get(&whole));
                    match (sole, &key.base) {
                        (None, ClassBase::Whole(_)) => UNKNOWN,
                        (sole, _) => {
                            class(program, &mut known, key, sole, draft, &one.function, index)
                        }
                    }
                })
                .collect()
        })
        .collect()
}

/// The program-wide number of a class.
fn class(
    program: &mut Program,
    known: &mut BTreeMap<ClassKey, ClassId>,
    key: &ClassKey,
    sole: Option<&ClassKey>,
    draft: &ClassDraft,
    function: &Function,
    index: &Index,
) -> ClassId {
    let key = sole.unwrap_or(key);
    let own = matches!(key.base, ClassBase::Local(_) | ClassBase::Param(_));
    if !own && let Some(&id) = known.get(key) {
        // One function saw that it is awaited: then so it is everywhere.
        if let Some(Class { kind, .. }) = program.classes.get_mut(id.index())
            && let ObjectKind::Lock(traits) = kind
            && let ObjectKind::Lock(seen) = &draft.kind
        {
            traits.is_async |= seen.is_async;
        }
        return id;
    }
    let id = ClassId(program.classes.len() as u32);
    let suffix = if key.elem { "[]" } else { "" };
    let (name, full, site, scope) = match &key.base {
        ClassBase::Field(ty, field) => {
            let name = format!("{}.{field}", index.type_name(*ty));
            let full = format!("{}.{field}", index.type_key(*ty));
            (name, full, index.field_site(*ty, field), ClassScope::Field)
        }
        ClassBase::Static(id) => {
            let entry = index.static_(*id);
            (
                entry.name.to_string(),
                entry.key.to_string(),
                Some((entry.file, entry.span)),
                ClassScope::Static,
            )
        }
        ClassBase::Named(name) => (name.to_string(), name.to_string(), None, ClassScope::Static),
        ClassBase::Whole(ty) => {
            let lock = match &draft.kind {
                ObjectKind::Lock(traits) => traits.type_name.as_str(),
                _ => "",
            };
            (
                format!("{lock}<{}>", index.type_name(*ty)),
                format!("{lock}<{}>", index.type_key(*ty)),
                None,
                ClassScope::Static,
            )
        }
        ClassBase::Local(_) => (
            draft.name.clone(),
            local_key(function, &draft.name),
            None,
            ClassScope::Local,
        ),
        ClassBase::Param(_) => (
            draft.name.clone(),
            local_key(function, &draft.name),
            None,
            ClassScope::Param,
        ),
    };
    program.classes.push(Class {
        key: format!("{full}{suffix}"),
        name: format!("{name}{suffix}"),
        kind: draft.kind.clone(),
        type_text: declared_text(index, key).unwrap_or_else(|| draft.type_text.clone()),
        whole: draft.whole,
        site: draft
            .site
            .or_else(|| site.map(|(file, span)| site_of(FileId(file), span))),
        is_inner: is_inner(index, key),
        is_unshared: unshared::is_unshared(index, key),
        also: Vec::new(),
        scope: if sole.is_some() {
            ClassScope::Static
        } else if key.elem && scope != ClassScope::Param {
            ClassScope::Element
        } else {
            scope
        },
    });
    if !own {
        known.insert(key.clone(), id);
    }
    id
}

/// A field whose declared type names a parameter of its type: `Vec<Bucket<V>>`.
pub(super) fn is_of_parameter(index: &Index, key: &ClassKey) -> bool {
    let ClassBase::Field(owner, field) = &key.base else {
        return false;
    };
    let declared = index.variant_field(*owner, 0, field);
    declared.is_some_and(|ty| names_parameter(&ty))
}

/// A type that names a parameter of what declares it.
pub(super) fn names_parameter(ty: &Ty) -> bool {
    match ty {
        Ty::Param(_) => true,
        Ty::Adt(_, args) | Ty::Ext(_, args) | Ty::Tuple(args) => args.iter().any(names_parameter),
        Ty::Ref(_, inner) | Ty::Ptr(inner) | Ty::Slice(inner) => names_parameter(inner),
        _ => false,
    }
}

/// A field declared as a lock of the type's own parameter: `RwLock<T>`.
pub(super) fn is_inner(index: &Index, key: &ClassKey) -> bool {
    let ClassBase::Field(owner, field) = &key.base else {
        return false;
    };
    let declared = index.variant_field(*owner, 0, field);
    matches!(
        declared.map(|ty| types::peel_wrappers(index, &ty)),
        Some(Ty::Ext(_, args)) if matches!(args.last(), Some(Ty::Param(_)))
    )
}

/// A field's type as it is declared: where it is used, the pointers around the
/// lock are out of sight.
fn declared_text(index: &Index, key: &ClassKey) -> Option<String> {
    let declared = match &key.base {
        ClassBase::Field(owner, field) => index.variant_field(*owner, 0, field)?,
        ClassBase::Static(id) => index.static_(*id).ty.clone(),
        _ => return None,
    };
    (!is_inner(index, key) && declared != Ty::Unknown).then(|| types::text(index, &declared))
}

fn local_key(function: &Function, name: &str) -> String {
    format!("{}::{}::{name}", function.krate, function.qualified)
}

/// Replaces a function's own numbers by the program's.
pub(super) struct Relink<'m> {
    pub map: &'m [ClassId],
    pub base: u32,
    /// Fields that become one class: which of them it is stays known.
    pub merged: &'m BTreeSet<ClassId>,
}

impl Relink<'_> {
    pub fn function(&self, function: &mut Function) {
        for param in &mut function.params {
            self.class(&mut param.class);
        }
        for made in &mut function.made {
            self.class(&mut made.field);
            self.class(&mut made.element);
            self.class(&mut made.source);
        }
        for block in &mut function.blocks {
            for event in &mut block.events {
                self.event(&mut event.kind);
            }
        }
    }

    fn class(&self, class: &mut Option<ClassId>) {
        *class = class
            .and_then(|id| self.map.get(id.index()).copied())
            .filter(|id| *id != UNKNOWN);
    }

    fn object(&self, object: &mut ObjectRef) {
        if let Some(id) = object.class.filter(|id| self.merged.contains(id)) {
            object.field = Some(id);
        }
        self.class(&mut object.class);
    }

    fn target(&self, f: &mut FnId) {
        if f.0 >= NESTED_BASE {
            f.0 = f.0 - NESTED_BASE + self.base;
        }
    }

    fn call(&self, call: &mut conclint_facts::Call) {
        for target in &mut call.targets {
            self.target(target);
        }
        for Arg { class, closure, .. } in &mut call.args {
            self.class(class);
            if let Some(closure) = closure {
                self.target(closure);
            }
        }
    }

    fn event(&self, event: &mut EventKind) {
        match event {
            EventKind::Acquire {
                source: LockSource::Direct(object),
                ..
            } => self.object(object),
            EventKind::Acquire {
                source: LockSource::Callee(call),
                ..
            }
            | EventKind::Call(call) => self.call(call),
            EventKind::Spawn(spawn) => {
                if let Some(body) = &mut spawn.body {
                    self.target(body);
                }
                if let Handle::Stored(class) = &mut spawn.handle
                    && let Some(&to) = self.map.get(class.index())
                {
                    *class = to;
                }
            }
            EventKind::Join {
                handle: Some(handle),
                ..
            } => self.object(handle),
            EventKind::Wait { condvar, .. } | EventKind::Notify { condvar, .. } => {
                self.object(condvar)
            }
            EventKind::Send { channel, .. } | EventKind::Recv { channel, .. } => {
                if let Some(channel) = channel {
                    self.object(channel);
                }
            }
            EventKind::SharedWrite {
                object: Some(object),
                ..
            }
            | EventKind::Load { object, .. }
            | EventKind::Store {
                target: Target::Atomic { object, .. },
                ..
            } => self.object(object),
            _ => {}
        }
    }
}
