//! Which types lie behind a lock: their objects are parts of what one type of
//! locks guards, wherever the program keeps them.
//!
//! Told by declarations alone: a type that a field holds by value lies where
//! the field's type lies. One field that shares it otherwise (`Arc<T>`, a map
//! that locks itself, a generic type of the workspace) and nothing is claimed.
//! What functions are given counts as well (`fn listen(wm: Arc<Mutex<Manager>>)`):
//! a program may keep its one manager in variables only. Other locals are left
//! out: who has an object in one has it alone.

use crate::index::{FnIdx, Index, Ty, TypeId, Tys, last_segment};
use crate::table::LockTable;
use conclint_facts::LockShape;

use super::types;

/// What guards a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// The type that is guarded as a whole, of which its objects are parts, or
    /// which it is.
    pub whole: TypeId,
    /// By locks that one thread holds at a time, each of them.
    pub alone: bool,
}

/// Where a field has an object of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    /// By value in an object of this type.
    In(TypeId),
    /// In a lock around this type.
    Locked(Guarded),
    /// Where several may have it.
    Shared,
}

/// By type: what guards it, if there is one answer.
pub(super) fn behind(index: &Index, table: &LockTable) -> Vec<Option<Guarded>> {
    let count = index.type_count();
    let mut found = Found {
        table,
        lies: vec![Vec::new(); count],
        inline: vec![0; count],
    };
    for owner in (0..count as u32).map(TypeId) {
        let def = index.type_def(owner);
        if is_handle(index, owner) {
            found.lies[owner.index()].push(Lies::Shared);
        }
        if !def.is_test {
            for ty in index.field_types(owner) {
                found.walk(&ty, Lies::In(owner), false);
            }
        }
    }
    for (ty, local) in index.static_types() {
        if !local {
            found.walk(ty, Lies::Shared, false);
        }
    }
    for (number, function) in (0..).zip(index.functions()) {
        if !function.is_test {
            for param in 0..function.def.params.len() {
                found.given(&index.fn_param_ty(FnIdx(number), param), false);
            }
        }
    }
    (0..count as u32)
        .map(|id| found.root(TypeId(id), &mut Vec::new()).unwrap_or_default())
        .collect()
}

struct Found<'a> {
    table: &'a LockTable,
    lies: Vec<Vec<Lies>>,
    /// Fields that are a lock around the type, and no clone of another one's.
    inline: Vec<u32>,
}

impl Found<'_> {
    /// What a function is given: by value or borrowed it tells nothing, shared
    /// it does. `many` as in [`Self::walk`].
    fn given(&mut self, ty: &Ty, many: bool) {
        match ty {
            Ty::Ref(_, inner) => self.given(inner, many),
            Ty::Slice(inner) => self.given(inner, true),
            Ty::Ext(path, args) => {
                let shared = types::is_shared_pointer(ty);
                if shared || self.table.get(path).is_some() {
                    self.walk(ty, Lies::Shared, many);
                } else {
                    let many = many || !is_single(path);
                    args.iter().for_each(|arg| self.given(arg, many));
                }
            }
            Ty::Tuple(parts) => parts.iter().for_each(|part| self.given(part, many)),
            _ => {}
        }
    }

    /// `many`: it is one of many in a collection, each with its own lock.
    fn walk(&mut self, ty: &Ty, at: Lies, many: bool) {
        match ty {
            Ty::Adt(id, args) => {
                if let Some(lies) = self.lies.get_mut(id.index()).filter(|l| !l.contains(&at)) {
                    lies.push(at);
                }
                for arg in args.iter() {
                    self.walk(arg, Lies::Shared, true);
                }
            }
            Ty::Ext(path, args) => {
                let lock = self.table.get(path);
                let (at, many) = match (&lock, args.last()) {
                    (Some(lock), Some(Ty::Adt(data, _))) if !many && !lock.traits.self_locking => {
                        let alone = lock.traits.shape == LockShape::Mutex;
                        let whole = *data;
                        let own = u32::from(matches!(at, Lies::In(_)));
                        if let Some(inline) = self.inline.get_mut(whole.index()) {
                            *inline += own;
                            if *inline > 1 {
                                // Each keeps out others than the other.
                                self.lies[whole.index()].push(Lies::Shared);
                            }
                        }
                        (Lies::Locked(Guarded { whole, alone }), false)
                    }
                    (Some(_), _) => (Lies::Shared, true),
                    (None, _) if types::is_shared_pointer(ty) => (Lies::Shared, many),
                    (None, _) => (at, many || !is_single(path)),
                };
                for arg in args.iter() {
                    self.walk(arg, at, many);
                }
            }
            Ty::Tuple(parts) => parts.iter().for_each(|part| self.walk(part, at, many)),
            Ty::Slice(inner) => self.walk(inner, at, true),
            Ty::Ptr(inner) => self.walk(inner, Lies::Shared, true),
            // What is borrowed has its owner elsewhere.
            Ty::Ref(..) => {}
            Ty::Unknown | Ty::Param(_) | Ty::Bounded(..) | Ty::Fn(..) | Ty::Never => {}
        }
    }

    /// What guards `ty`: `None` while it is being asked for (a type that holds
    /// itself), `Some(None)` where there is no one answer.
    fn root(&self, ty: TypeId, asked: &mut Vec<TypeId>) -> Option<Option<Guarded>> {
        if asked.contains(&ty) {
            return None;
        }
        // Deep nests of types are not worth more.
        if asked.len() > 12 {
            return Some(None);
        }
        asked.push(ty);
        let mut answer = None;
        for lies in self.lies.get(ty.index()).into_iter().flatten() {
            let one = match lies {
                Lies::Locked(guarded) => Some(Some(*guarded)),
                Lies::Shared => Some(None),
                Lies::In(owner) => self.root(*owner, asked),
            };
            answer = match (answer, one) {
                (known, None) => known,
                (None, one) => one,
                (Some(Some(a)), Some(Some(b))) if a.whole == b.whole => Some(Some(Guarded {
                    whole: a.whole,
                    alone: a.alone && b.alone,
                })),
                _ => Some(None),
            };
            if answer == Some(None) {
                break;
            }
        }
        asked.pop();
        answer.or(Some(None))
    }
}

/// `#[derive(Clone)] struct PoolRef(Arc<Mutex<Pool>>)`: a pointer with methods of its own. Where
/// one lies says nothing of where its clones are.
fn is_handle(index: &Index, ty: TypeId) -> bool {
    let fields = index.field_types(ty);
    let [only] = &fields[..] else {
        return false;
    };
    types::is_shared_pointer(only)
        && (index.type_def(ty).is_clone || index.implements(&Ty::Adt(ty, Tys::default()), "Clone"))
}

/// Around one object; so are the extractors of web frameworks.
fn is_single(path: &str) -> bool {
    matches!(
        last_segment(path),
        "Option"
            | "Box"
            | "Result"
            | "RefCell"
            | "Cell"
            | "Pin"
            | "ManuallyDrop"
            | "OnceCell"
            | "Data"
            | "Extension"
            | "State"
    )
}
