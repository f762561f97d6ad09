//! Values built from others and parts taken out of them: fields, elements,
//! tuples, arrays, struct literals.

use std::sync::Arc;

use conclint_facts::{Flag, GuardId, LocalId, Made, Making, Number, ObjectKind, Root};
use smol_str::SmolStr;

use super::body::Lower;
use super::library;
use super::types::{self, GuardTy};
use super::value::{ClassBase, ClassKey, Val, local_place};
use super::{link, own};
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{Ty, TypeId, Tys, ValueRes};

/// Pointers to pointers that are followed.
pub(super) const MAX_DEREFS: usize = 12;

impl Lower<'_> {
    /// `val.name`, through references, smart pointers and guards.
    pub fn field(&mut self, val: Val, name: &SmolStr) -> Val {
        if let Some(part) = name.parse::<usize>().ok().and_then(|i| val.parts.get(i)) {
            let mut part = part.clone();
            if part.place.is_none() {
                // It was made for this tuple.
                part.place = val.project(name, Ty::Unknown).place;
                part.class = part.class.or_else(|| val.class.clone());
            }
            return part;
        }
        let mut cur = val;
        for _ in 0..MAX_DEREFS {
            if let Some(info) = self.index().field(&cur.ty, name) {
                let mut part = cur.project(name, info.ty);
                if let Some((_, place)) = cur.views.iter().find(|(of, _)| of == name) {
                    part.place = Some(place.clone());
                }
                part.class = Some(ClassKey::new(ClassBase::Field(info.owner, name.clone())));
                if self.is_wrapped_lock(&cur, &part.ty) {
                    part.class.clone_from(&cur.class);
                    part.place.clone_from(&cur.place);
                }
                let mut fields = cur.fields.iter().flat_map(|fields| fields.iter());
                if let Some((_, from)) = fields.find(|(of, _)| of == name) {
                    part.from = *from;
                }
                self.narrow(&mut part, name);
                self.moves_out(&cur, &mut part);
                return part;
            }
            if let Ty::Tuple(parts) = &cur.ty
                && let Some(ty) = name.parse::<usize>().ok().and_then(|i| parts.get(i))
            {
                let mut part = cur.project(name, ty.clone());
                part.class = cur.class.clone();
                self.moves_out(&cur, &mut part);
                return part;
            }
            if name == "0"
                && let Some(ty) = library::wrapped(&cur.ty)
            {
                return cur.project(name, ty);
            }
            match self.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        if let Some(part) = self.field_by_name(&cur, name) {
            return part;
        }
        let mut part = cur.project(name, Ty::Unknown);
        part.class = None;
        part
    }

    /// A lock in a value of unknown type, by the field's name, where a single
    /// struct of the workspace has such a field.
    fn field_by_name(&self, cur: &Val, name: &SmolStr) -> Option<Val> {
        if cur.ty != Ty::Unknown || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let owner = self.index().only_owner(name)?;
        let info = self.index().field(&Ty::Adt(owner, Tys::default()), name)?;
        if !matches!(self.object_kind(&info.ty), Some(ObjectKind::Lock(_))) {
            return None;
        }
        let mut part = cur.project(name, info.ty);
        part.class = Some(ClassKey::new(ClassBase::Field(owner, name.clone())));
        Some(part)
    }

    /// The lock inside of a wrapper, which is the same lock.
    fn is_wrapped_lock(&self, wrapper: &Val, field: &Ty) -> bool {
        let Ty::Adt(id, _) = types::peel(self.index(), &wrapper.ty) else {
            return false;
        };
        wrapper.class.is_some()
            && self.known_lock(id).is_some_and(|lock| lock.wraps.is_some())
            && matches!(self.object_kind(field), Some(ObjectKind::Lock(_)))
    }

    /// A part that is a guard can be moved out of `whole`.
    pub fn moves_out(&self, whole: &Val, part: &mut Val) {
        if matches!(self.guard_ty(&part.ty), Some(GuardTy::Guard(_))) {
            part.guards.extend(self.only_guard(whole));
        }
    }

    /// The guard that `val`, or the variable it is, holds if it is the only
    /// one.
    fn only_guard(&self, val: &Val) -> Option<GuardId> {
        let of_variable = || {
            let local = self.locals.get(val.local?.0 as usize)?;
            Some(local.val.guards.as_slice())
        };
        let guards = match val.guards.as_slice() {
            [] if !matches!(val.ty, Ty::Ref(..)) => of_variable()?,
            guards => guards,
        };
        match guards {
            [guard] => Some(*guard),
            _ => None,
        }
    }

    /// One automatic dereference, of a guard too.
    pub fn step(&self, val: &Val) -> Option<Val> {
        let guard = types::is_guard(&val.ty);
        // Asked once more than it answers for every value: look before copying.
        let ty = if guard {
            types::arg(&val.ty, 0)
        } else {
            types::deref_step(self.index(), &val.ty)?
        };
        let mut next = Val::of(ty);
        next.place.clone_from(&val.place);
        next.guards.clone_from(&val.guards);
        next.handles.clone_from(&val.handles);
        next.borrows = val.borrows;
        next.named = val.named;
        next.from = val.from;
        next.channel = val.channel;
        if guard {
            next.class = val.class.as_ref().map(ClassKey::element);
        } else {
            next.class.clone_from(&val.class);
            next.views.clone_from(&val.views);
            next.local = val.local;
            next.exclusive = val.exclusive
                && !types::is_shared_pointer(&val.ty)
                && !matches!(val.ty, Ty::Ref(false, _));
            if !says_which(val.class.as_ref())
                && let Some(part) = self.lock_of_handle(val, &next.ty)
            {
                next.place = part.place;
                next.class = part.class;
            }
        }
        Some(next)
    }

    /// What dereferencing a handle, `struct Session(Arc<Mutex<Inner>>)`, leads
    /// to, where that is a lock and nothing else says which: that field.
    fn lock_of_handle(&self, val: &Val, target: &Ty) -> Option<Val> {
        let index = self.index();
        let is_lock = || {
            matches!(self.object_kind(target), Some(ObjectKind::Lock(_)))
                || own::is_lock(index, target)
        };
        if !matches!(val.ty, Ty::Adt(..)) || !is_lock() {
            return None;
        }
        let name = index.deref_field(&val.ty)?;
        let field = index.field(&val.ty, name)?;
        let class = ClassKey::new(ClassBase::Field(field.owner, name.clone()));
        // The field of a wrapper for whatever lock is every lock.
        if link::is_inner(index, &class) {
            return None;
        }
        let mut part = val.project(name, field.ty);
        part.class = Some(class);
        Some(part)
    }

    pub fn deref(&mut self, val: Val) -> Val {
        self.step(&val).unwrap_or_else(|| {
            let mut val = val;
            val.ty = Ty::Unknown;
            val
        })
    }

    /// `list[1]`, and `list[1..]`, which is a list again.
    pub fn indexed(&mut self, val: Val, list: &Expr, index: &Expr) -> Val {
        match index.kind {
            ExprKind::Range(..) => self.slice_of(val),
            ExprKind::Lit(hir::Lit::Int(Some(at))) if self.is_whole(list, &val) => {
                let mut element = self.element_of(val);
                let step = element
                    .place
                    .as_mut()
                    .and_then(|place| place.path.last_mut());
                if let Some(step) = step {
                    *step = conclint_facts::element_at(at);
                }
                element
            }
            _ => {
                let mut element = self.element_of(val);
                self.found_by(&mut element, index);
                element
            }
        }
    }

    /// `element` was found at the index, or under the key, `by`: where that is a
    /// variable, it tells which element this is; and where it is read from a
    /// place, that does to callers.
    pub fn found_by(&self, element: &mut Val, by: &Expr) {
        self.found_by_variable(element, by);
        if let (Some(place), Some(key)) = (&mut element.place, self.key_place(by)) {
            place.keyed(&key);
        }
    }

    fn found_by_variable(&self, element: &mut Val, by: &Expr) {
        if let Some(local) = self.variable_of(by)
            && let Some(step) = element
                .place
                .as_mut()
                .and_then(|place| place.path.last_mut())
            && step == "[]"
        {
            *step = conclint_facts::element_by(local);
        }
    }

    /// Where the key `expr` is read from, in whatever form: `self.id`,
    /// `path.to_owned()`, `name.into()`.
    pub fn key_place(&self, expr: &Expr) -> Option<conclint_facts::Place> {
        match &expr.kind {
            ExprKind::Path(path) => {
                let local = self.lookup(path.as_name()?)?;
                let info = self.locals.get(local.0 as usize)?;
                // It moves on from key to key.
                let place = || info.val.place.clone();
                (!info.mutable).then(|| info.key.clone().or_else(place))?
            }
            ExprKind::Field { .. } => self.place_of(expr),
            // `slot % 8`, of what does not change either.
            ExprKind::Binary {
                op: hir::BinOp::Arith(op),
                left,
                right,
            } => {
                let mut place = self.key_place(left)?;
                let right = match &right.kind {
                    ExprKind::Lit(hir::Lit::Int(Some(number))) => SmolStr::new(number.to_string()),
                    ExprKind::Path(path) if self.is_constant(right) => SmolStr::new(path.last()),
                    _ => return None,
                };
                place.path.push(SmolStr::new(format!("{op:?} {right}")));
                Some(place)
            }
            ExprKind::Cast { expr, .. }
            | ExprKind::Ref { expr, .. }
            | ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr,
            } => self.key_place(expr),
            ExprKind::MethodCall {
                receiver,
                name,
                args,
                ..
            } if args.is_empty() && types::keeps_value(name) => self.key_place(receiver),
            _ => None,
        }
    }

    /// The variable whose value `expr` is: `i`, `&id`, `i as usize`.
    fn variable_of(&self, expr: &Expr) -> Option<LocalId> {
        match &expr.kind {
            ExprKind::Path(path) => self.lookup(path.as_name()?),
            ExprKind::Cast { expr, .. }
            | ExprKind::Ref { expr, .. }
            | ExprKind::Unary {
                op: hir::UnOp::Deref,
                expr,
            } => self.variable_of(expr),
            _ => None,
        }
    }

    /// `list` is a field, static or variable that owns its elements, not a part
    /// of some other list: an index means the same all the time.
    fn is_whole(&self, list: &Expr, val: &Val) -> bool {
        let owns = match &val.ty {
            Ty::Slice(_) => true,
            Ty::Ext(path, _) => path == "std::vec::Vec",
            _ => false,
        };
        let own_place = || match (&val.place, val.local) {
            (Some(place), Some(local)) => {
                let is_param = matches!(val.flag, Some(Flag::Param(_)));
                is_param || *place == local_place(local)
            }
            (Some(place), None) => matches!(place.root, Root::Static(_)),
            (None, _) => false,
        };
        owns && match &list.kind {
            ExprKind::Field { .. } => true,
            ExprKind::Path(_) => own_place(),
            _ => false,
        }
    }

    /// What dereferencing `val` leads to where that is a `ty`.
    pub fn dereferenced_to(&self, val: &Val, ty: &Ty) -> Option<Val> {
        let mut cur = val.clone();
        for _ in 0..MAX_DEREFS {
            if cur.ty == *ty {
                return Some(cur);
            }
            cur = self.step(&cur)?;
        }
        None
    }

    /// What references, smart pointers and guards lead to. A type may be its
    /// own `Deref::Target`, or two each other's: then some value on the way.
    pub fn behind_pointers(&self, val: Val) -> Val {
        let mut cur = val;
        for _ in 0..MAX_DEREFS {
            match self.step(&cur) {
                Some(next) => cur = next,
                None => break,
            }
        }
        cur
    }

    fn slice_of(&mut self, val: Val) -> Val {
        let cur = self.behind_pointers(val);
        match types::value_of(self.index(), &cur.ty) {
            Ty::Unknown => cur,
            element => cur.with_ty(Ty::Slice(Arc::new(element))),
        }
    }

    fn element_of(&mut self, val: Val) -> Val {
        let cur = self.behind_pointers(val);
        let ty = types::value_of(self.index(), &cur.ty);
        cur.project("[]", ty)
    }

    /// The guards of a variable go into a new value, which is a temporary
    /// until something takes it.
    pub fn becomes_temporary(&mut self, part: &Val) {
        if part.local.is_some() {
            for &guard in &part.guards {
                self.register_temp(guard);
            }
        }
    }

    pub fn tuple(&mut self, parts: Vec<Val>) -> Val {
        let mut val = Val::of(Ty::Tuple(
            parts
                .iter()
                .map(|part| part.ty.clone())
                .collect::<Vec<_>>()
                .into(),
        ));
        for part in &parts {
            self.becomes_temporary(part);
            val.guards.extend(part.guards.iter().copied());
            val.handles.extend(part.handles.iter().copied());
            val.borrows = val.borrows.or(part.borrows);
            val.from = val.from.or(part.from);
        }
        val.parts = parts;
        val
    }

    pub fn array(&mut self, vals: Vec<Val>) -> Val {
        let ty = vals.first().map_or(Ty::Unknown, |val| val.ty.clone());
        let mut val = Val::of(Ty::Slice(Arc::new(ty)));
        for part in vals {
            self.becomes_temporary(&part);
            val.guards.extend(part.guards.iter().copied());
            val.handles.extend(part.handles.iter().copied());
            val.borrows = val.borrows.or(part.borrows);
        }
        val
    }

    pub fn struct_literal(
        &mut self,
        path: &hir::Path,
        fields: Vec<(SmolStr, Val)>,
        base: Option<&Expr>,
        span: Span,
    ) -> Val {
        let ty = self.resolve_type(&hir::Ty::Path(path.clone()));
        let mut val = Val::of(ty.clone());
        // Nobody else has seen it yet.
        val.exclusive = true;
        let of_fields = fields
            .iter()
            .map(|(name, field)| (name.clone(), field.from));
        let of_fields: Vec<_> = of_fields.collect();
        if of_fields.iter().any(|(_, from)| !from.is_empty()) && base.is_none() {
            val.fields = Some(of_fields.into());
        }
        if let Ty::Adt(id, _) = &val.ty {
            self.note_making(*id, &fields);
        }
        let mut of_variant = None;
        if let ValueRes::Ctor { ty, variant } = self.index().resolve_value(&self.scope, path) {
            of_variant = variant.map(|variant| (ty, variant));
            if matches!(val.ty, Ty::Unknown) {
                val.ty = Ty::Adt(ty, Tys::default());
            }
        }
        if of_variant.is_none() {
            self.keeps_senders(&val.ty.clone(), &fields, span);
        }
        for (name, field) in fields {
            match of_variant {
                Some(of) => self.note_variant(&field, of, path.last(), &name),
                None => {
                    self.alias_field(&field, &val.ty, &name);
                    self.note_made(&field, &val.ty, &name);
                }
            }
            val.note_view(&name, &field);
            self.becomes_temporary(&field);
            val.guards.extend(field.guards.iter().copied());
            val.borrows = val.borrows.or(field.borrows);
            val.from = val.from.or(field.from);
            if !field.handles.is_empty() {
                self.store_handles(&field, &val.ty.clone(), &name);
            }
        }
        if let Some(base) = base {
            self.base(base);
        }
        val
    }

    /// An object with these fields is written out.
    fn note_making(&mut self, of: TypeId, fields: &[(SmolStr, Val)]) {
        let number = |val: &Val| match val.place.as_ref().map(|place| (&place.root, &place.path)) {
            Some((Root::Param(param), path)) if path.is_empty() => Some(Number::Param(*param)),
            _ => val.number.map(Number::Written),
        };
        let fields = fields.iter();
        let making = Making {
            of: of.0,
            numbers: fields
                .filter_map(|(name, val)| Some((name.clone(), number(val)?)))
                .collect(),
        };
        if !self.out.makes.contains(&making) {
            self.out.makes.push(making);
        }
    }

    /// [`Self::note_made`] for a constructor that is called like a function.
    pub fn note_constructed(
        &mut self,
        val: &Val,
        (owner, variant): (TypeId, Option<u32>),
        path: &hir::Path,
        position: usize,
    ) {
        let name = SmolStr::new(position.to_string());
        match variant {
            Some(variant) => self.note_variant(val, (owner, variant), path.last(), &name),
            None => self.note_made(val, &Ty::Adt(owner, Tys::default()), &name),
        }
    }

    fn note_variant(
        &mut self,
        val: &Val,
        (owner, variant): (TypeId, u32),
        variant_name: &str,
        name: &SmolStr,
    ) {
        if let Some(ty) = self.index().variant_field(owner, variant, name) {
            let name = SmolStr::new(format!("{variant_name}.{name}"));
            let field = ClassKey::new(ClassBase::Field(owner, name));
            self.note_source(field, &ty, val);
        }
    }

    /// A lock or a thread's handle that goes into a field of a new object, and where
    /// it comes from.
    fn note_made(&mut self, val: &Val, owner: &Ty, name: &SmolStr) {
        if let Some(info) = self.index().field(owner, name) {
            let field = ClassKey::new(ClassBase::Field(info.owner, name.clone()));
            self.note_source(field, &info.ty, val);
        }
    }

    /// The same, for an assignment.
    pub fn note_filled(&mut self, place: &Val, val: &Val) {
        let is_field = |key: &&ClassKey| matches!(key.base, ClassBase::Field(..)) && !key.elem;
        if let Some(field) = place.class.as_ref().filter(is_field).cloned() {
            self.note_source(field, &place.ty, val);
        }
    }

    fn note_source(&mut self, field: ClassKey, ty: &Ty, val: &Val) {
        let Some(kind @ (ObjectKind::Lock(_) | ObjectKind::Handle)) = self.object_kind(ty) else {
            return;
        };
        let param = val.place.as_ref().and_then(|place| match place.root {
            Root::Param(param) if place.path.is_empty() => Some(param),
            _ => None,
        });
        let of = |this: &mut Self, elem: bool| {
            let key = val.class.clone().filter(|key| key.elem == elem)?;
            let kind = this.object_kind(&val.ty)?;
            Some(this.class_id(key, &kind, &val.ty))
        };
        let element = of(self, true);
        // Of a static tuple, each part is a lock of its own.
        let of_tuple = val.place.as_ref().is_some_and(|place| {
            let number = |part: &SmolStr| part.parse::<u32>().is_ok();
            matches!(place.root, Root::Static(_)) && place.path.iter().any(number)
        });
        let source = of(self, false).filter(|_| param.is_none() && !of_tuple);
        let made = Made {
            field: Some(self.class_id(field, &kind, ty)),
            element,
            source,
            param,
        };
        self.out.made.push(made);
    }

    /// A lock, a condition variable or the like, or a tuple with one.
    fn holds_objects(&self, ty: &Ty) -> bool {
        match types::peel_wrappers(self.index(), ty) {
            Ty::Tuple(parts) => parts.iter().any(|part| self.object_kind(part).is_some()),
            ty => self.object_kind(&ty).is_some(),
        }
    }

    /// A variable's object moves into a field: both names mean one class.
    fn alias_field(&mut self, val: &Val, owner: &Ty, name: &SmolStr) {
        let Some(key) = val
            .class
            .as_ref()
            .filter(|key| matches!(key.base, ClassBase::Local(_)) && !key.elem)
        else {
            return;
        };
        if !self.aliases.contains_key(key)
            && let Some(info) = self.index().field(owner, name)
            && self.holds_objects(&info.ty)
        {
            self.aliases.insert(
                key.clone(),
                ClassKey::new(ClassBase::Field(info.owner, name.clone())),
            );
        }
    }
}

/// Whether a class is the declaration of an object: a variable may hold any.
fn says_which(class: Option<&ClassKey>) -> bool {
    class.is_some_and(|class| !matches!(class.base, ClassBase::Local(_)))
}
