//! What the lowering knows of a value while it walks a body.

use std::sync::Arc;

use conclint_facts::{Call, Flag, FnId, GuardId, LocalId, Look, Origins, Own, Place, Root};
use smol_str::SmolStr;

use super::parts::Identity;
use super::types;
use crate::hir;
use crate::index::{StaticId, Ty, TypeId};

/// The pseudo type of every lock guard: one type argument, the data.
pub(super) const GUARD: &str = "conclint::Guard";

/// The view of an entry of a map that is its key.
const ENTRY_KEY: &str = "[key]";

/// The declaration an object goes back to. `elem` is set once the value came
/// out of a collection or out of another lock's data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClassKey {
    pub base: ClassBase,
    pub elem: bool,
    /// Tells apart what lies in one tuple: `(Mutex<bool>, Condvar)`.
    pub sort: Sort,
}

/// What a class is of, as far as that tells it from others of one declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sort {
    Atomic,
    Condvar,
    /// Locks, and all else.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ClassBase {
    /// A field; variants' fields read `Variant.0`.
    Field(TypeId, SmolStr),
    Static(StaticId),
    /// A variable of the outermost function.
    Local(LocalId),
    /// A parameter of the outermost function.
    Param(u16),
    /// Something of the standard library that exists once, `std::io::stdin`.
    Named(SmolStr),
    /// The lock around the objects of this type, come to without a name: where
    /// there is more than one, nothing is known.
    Whole(TypeId),
}

impl ClassKey {
    pub fn new(base: ClassBase) -> Self {
        ClassKey {
            base,
            elem: false,
            sort: Sort::Other,
        }
    }

    pub fn element(&self) -> Self {
        ClassKey {
            elem: true,
            ..self.clone()
        }
    }
}

/// Names a spawn event of the function being lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpawnId(pub u32);

impl SpawnId {
    /// From here on they name no event, but calls that may have started a thread.
    const CALLS: u32 = 1 << 31;

    /// And these, those of a call in a loop.
    const STARTS: u32 = Self::CALLS | 1 << 30;

    /// As `of_call`, of a call that is in a list of its own.
    pub fn of_start(number: usize) -> Self {
        SpawnId(Self::STARTS | number as u32)
    }

    /// The call's number in that list.
    pub fn start(self) -> Option<usize> {
        (self.0 & Self::STARTS == Self::STARTS).then_some((self.0 & !Self::STARTS) as usize)
    }

    /// The thread of which the call gives the handle, if it starts one.
    pub fn of_call(number: usize) -> Self {
        SpawnId(Self::CALLS | number as u32)
    }
}

/// A value or place.
#[derive(Debug, Clone)]
pub(super) struct Val {
    pub ty: Ty,
    pub place: Option<Place>,
    pub class: Option<ClassKey>,
    /// Guards that this value owns (is, or holds inside).
    pub guards: Vec<GuardId>,
    /// It may borrow from the data behind this guard.
    pub borrows: Option<GuardId>,
    /// Reached through `&mut` or ownership, with nothing shared on the way.
    pub exclusive: bool,
    /// It is a closure, async block or named function.
    pub closure: Option<FnId>,
    /// It is (or holds) the handles of these spawns.
    pub handles: Vec<SpawnId>,
    /// It is this variable.
    pub local: Option<LocalId>,
    /// The parts of a tuple literal.
    pub parts: Vec<Val>,
    /// A thread builder that was given a name.
    pub named: bool,
    /// The reads it depends on.
    pub from: Origins,
    /// It is the future of this call of an `async fn`: its body runs when the
    /// future is awaited.
    pub future: Option<Arc<Call>>,
    /// It is (or wraps) an end of this channel; 0 for all else.
    pub channel: u32,
    /// Which value it is: written out, or a parameter's.
    pub flag: Option<Flag>,
    /// The number that is written out.
    pub number: Option<u64>,
    /// Its fields that only point to another object, and to which.
    pub views: Vec<(SmolStr, Place)>,
    /// The reads that its fields depend on, where it is written out.
    pub fields: Option<Arc<[(SmolStr, Origins)]>>,
}

impl Val {
    pub fn of(ty: Ty) -> Self {
        Val {
            ty,
            place: None,
            class: None,
            guards: Vec::new(),
            borrows: None,
            exclusive: false,
            closure: None,
            handles: Vec::new(),
            local: None,
            parts: Vec::new(),
            named: false,
            from: Origins::NONE,
            future: None,
            channel: 0,
            flag: None,
            number: None,
            views: Vec::new(),
            fields: None,
        }
    }

    pub fn unknown() -> Self {
        Val::of(Ty::Unknown)
    }

    /// The same object seen with another type.
    pub fn with_ty(mut self, ty: Ty) -> Self {
        self.ty = ty;
        self
    }

    /// What two branches give: what both could be.
    pub fn join(mut self, other: Val) -> Self {
        let parts = match (&self.ty, &other.ty) {
            (Ty::Never, _) => other.parts.clone(),
            (_, Ty::Never) => std::mem::take(&mut self.parts),
            _ if self.parts.len() == other.parts.len() => {
                let pairs = std::mem::take(&mut self.parts)
                    .into_iter()
                    .zip(other.parts.clone());
                pairs.map(|(one, another)| one.join(another)).collect()
            }
            _ => Vec::new(),
        };
        if self.ty == Ty::Never || self.ty == Ty::Unknown && other.ty != Ty::Never {
            self.ty = other.ty;
            if self.place.is_none() {
                self.place = other.place;
                self.class = other.class;
            }
        } else if self.place != other.place && other.ty != Ty::Never {
            self.place = None;
        }
        for guard in other.guards {
            if !self.guards.contains(&guard) {
                self.guards.push(guard);
            }
        }
        self.handles.extend(other.handles);
        self.from = self.from.or(other.from);
        if self.fields != other.fields {
            self.fields = None;
        }
        self.borrows = self.borrows.or(other.borrows);
        self.closure = self.closure.or(other.closure);
        self.future = self.future.or(other.future);
        self.local = None;
        self.flag = None;
        self.number = None;
        self.parts = parts;
        if self.views != other.views {
            self.views.clear();
        }
        self
    }

    /// Its field `name` is given `field`: where that is a pointer to an object,
    /// both are views of it.
    pub fn note_view(&mut self, name: &SmolStr, field: &Val) {
        let points = matches!(field.ty, Ty::Ref(..)) || types::is_shared_pointer(&field.ty);
        if let Some(place) = field.place.clone().filter(|_| points) {
            self.views.push((name.clone(), place));
        }
    }

    /// The entry of a map under the key that stands at `key`.
    pub fn note_key(&mut self, key: Option<Place>) {
        if let Some(key) = key {
            self.views.push((SmolStr::new_static(ENTRY_KEY), key));
        }
    }

    /// What the entry of a map has, a `ty`.
    pub fn entered(&self, ty: Ty) -> Val {
        let mut part = self.project("[]", ty);
        let key = self.views.iter().find(|(name, _)| name == ENTRY_KEY);
        if let (Some(place), Some((_, key))) = (&mut part.place, key) {
            place.keyed(key);
        }
        part
    }

    /// A part of it, by field name or `[]`.
    pub fn project(&self, step: &str, ty: Ty) -> Val {
        let mut part = Val::of(ty);
        part.place = self.place.clone().map(|mut place| {
            place.path.push(SmolStr::new(step));
            place
        });
        part.class = self.class.as_ref().map(ClassKey::element);
        part.borrows = self.borrows;
        part.exclusive = self.exclusive;
        part.handles = self.handles.clone();
        part.from = self.from;
        part
    }
}

/// A variable.
#[derive(Debug, Clone)]
pub(super) struct LocalInfo {
    pub name: SmolStr,
    pub val: Val,
    /// Nesting of separately lowered closures in which it is declared: guards
    /// of an outer function mean nothing inside.
    pub level: u32,
    /// Some use other than a join was seen: its handles are out of sight.
    pub handles_used: bool,
    /// It may have been moved away: its `Drop` is not claimed to run.
    pub moved: bool,
    /// What it is all its life: `let eager = true;`.
    pub flag: Option<Flag>,
    /// It is what tells an object apart.
    pub identity: Option<Identity>,
    /// It has the value that stands at this place, in whatever form.
    pub key: Option<Place>,
    /// It is this function of a library: `let start = thread::spawn;`.
    pub function: Option<Arc<hir::Path>>,
    /// It may be given another value.
    pub mutable: bool,
    /// It is bound to an object that is made there.
    pub made: bool,
    /// A test has chosen its value.
    pub chosen: bool,
    /// In a loop: what makes it another one in each round, and how deep in loops.
    pub round: Option<(Own, u32)>,
    /// What was asked for its value.
    pub look: Look,
}

pub(super) fn local_place(id: LocalId) -> Place {
    Place {
        root: Root::Local(id),
        path: Vec::new(),
    }
}
