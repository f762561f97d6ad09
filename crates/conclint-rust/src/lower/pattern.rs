//! Patterns: what each name is bound to, and who owns a guard from then on.

use std::sync::Arc;

use conclint_facts::{GuardId, LocalId};
use smol_str::SmolStr;

use super::body::Lower;
use super::library;
use super::scopes::ScopeKind;
use super::types;
use super::value::{ClassBase, ClassKey, Val};
use crate::hir::{self, Pat, Span};
use crate::index::{Ty, Tys, ValueRes};

impl Lower<'_> {
    /// Binds what `pat` names. Guards go to the innermost block scope.
    pub fn bind(&mut self, pat: &Pat, val: Val) {
        let outer = self.binds_by_ref;
        self.bind_part(pat, val);
        self.binds_by_ref = outer;
    }

    fn bind_part(&mut self, pat: &Pat, mut val: Val) {
        match pat {
            Pat::Wild | Pat::Rest | Pat::Lit | Pat::Path(_) => {}
            Pat::Bind {
                name,
                by_ref,
                mutable,
                sub,
                span,
            } => {
                val.flag = val.flag.filter(|_| !mutable);
                if *mutable && let Some(place) = &mut val.place {
                    // Later it may have another one.
                    place.forget_elements();
                }
                if is_constant(name) && self.is_unit(name) {
                    return;
                }
                if let Some(sub) = sub {
                    self.bind(sub, val.clone());
                }
                self.bind_name(name, val, *by_ref, *span);
                if let Some(info) = self.locals.last_mut() {
                    info.mutable = *mutable;
                }
            }
            Pat::Typed(inner, ty) => {
                let ty = self.resolve_type(ty);
                let val = if self.holds_guard(&val) || ty == Ty::Unknown {
                    val
                } else {
                    val.with_ty(ty)
                };
                self.bind(inner, val);
            }
            Pat::Ref(inner) => {
                let val = self.step(&val).unwrap_or(val);
                self.binds_by_ref = None;
                self.bind(inner, val);
            }
            Pat::Tuple(pats) => self.bind_tuple(pats, val),
            Pat::TupleStruct { path, pats } => self.bind_tuple_struct(path, pats, val),
            Pat::Struct { path, fields } => self.bind_struct(path, fields, val),
            Pat::Slice(pats) => {
                for pat in pats {
                    let mut item = self.item_of(&val);
                    self.moves_out(&val, &mut item);
                    self.bind(pat, item);
                }
            }
            Pat::Or(pats) => {
                if let Some(first) = pats.first() {
                    self.bind(first, val);
                }
            }
        }
    }

    fn bind_name(&mut self, name: &SmolStr, mut val: Val, by_ref: bool, span: Span) {
        if by_ref {
            self.look_through(&mut val, span, false);
            val.ty = Ty::Ref(false, Arc::new(val.ty));
        }
        if let Some(exclusive) = self.binds_by_ref.filter(|_| !by_ref)
            && val.ty != Ty::Unknown
        {
            val.ty = Ty::Ref(exclusive, Arc::new(val.ty));
        }
        if val.borrows.is_some() && types::owns(self.shared.index, &val.ty) && val.guards.is_empty()
        {
            val.borrows = None;
        }
        let scope = self.block_scope();
        for &guard in &val.guards {
            self.move_to_scope(guard, scope);
        }
        if let Some(from) = val.local.take() {
            // Moved on: the old name has nothing to join any more.
            if let Some(info) = self.locals.get_mut(from.0 as usize) {
                info.handles_used = true;
            }
        }
        let guards = val.guards.clone();
        let id = self.declare(name.clone(), val);
        for guard in guards {
            self.name_guard(guard, id);
        }
    }

    pub fn name_guard(&mut self, guard: GuardId, local: LocalId) {
        let name = self.locals[local.0 as usize].name.clone();
        if let Some(guard) = self.out.guards.get_mut(guard.index()) {
            guard.name.get_or_insert(name);
        }
    }

    /// The scope that drops a variable.
    pub fn scope_of(&self, id: LocalId) -> usize {
        let position = self
            .env
            .iter()
            .rposition(|&(_, local)| local == id)
            .unwrap_or(0);
        self.out
            .scopes
            .iter()
            .rposition(|scope| scope.kind != ScopeKind::Temp && scope.env_mark <= position)
            .unwrap_or(0)
    }

    fn bind_tuple(&mut self, pats: &[Pat], val: Val) {
        let val = self.through(val);
        let rest = pats.iter().position(|pat| matches!(pat, Pat::Rest));
        let arity = match &val.ty {
            Ty::Tuple(parts) => parts.len(),
            _ => pats.len(),
        };
        for (i, pat) in pats.iter().enumerate() {
            let at = match rest {
                Some(rest) if i > rest => (arity + i).saturating_sub(pats.len()),
                _ => i,
            };
            let part = match val.parts.get(at) {
                Some(part) => part.clone(),
                None => self.field(val.clone(), &SmolStr::new(at.to_string())),
            };
            self.bind(pat, part);
        }
    }

    /// References in front of what a pattern takes apart: the names in it are
    /// bound by reference from then on (Reference, "Binding modes").
    fn through(&mut self, val: Val) -> Val {
        let mut cur = val;
        for _ in 0..6 {
            let Ty::Ref(exclusive, _) = cur.ty else { break };
            match self.step(&cur) {
                Some(next) => {
                    self.binds_by_ref = Some(exclusive && self.binds_by_ref != Some(false));
                    let parts = std::mem::take(&mut cur.parts);
                    cur = next;
                    cur.parts = parts;
                }
                None => break,
            }
        }
        cur
    }

    fn bind_tuple_struct(&mut self, path: &hir::Path, pats: &[Pat], val: Val) {
        let val = self.through(val);
        if matches!(path.last(), "Some" | "Ok" | "Err" | "Ready" | "Poisoned")
            && path.segments.len() <= 3
        {
            // `Err` of a lock's result holds the guard as well.
            let mut inner = val.clone();
            inner.ty = match path.last() {
                "Err" if !self.holds_guard(&val) => types::arg(&val.ty, 1),
                "Err" | "Poisoned" => val.ty.clone(),
                // What `map` gave of something unknown was no iterator then.
                _ if types::is_iter(&val.ty) => types::arg(&val.ty, 0),
                _ => types::unwrap_ty(&val.ty),
            };
            inner.parts.clear();
            inner.flag = None;
            if path.last() != "Err" && matches!(pats.first(), Some(Pat::Wild)) {
                self.drop_handles(&val);
            }
            if inner.local.is_some() && inner.guards.is_empty() {
                inner.local = None;
            }
            if let Some(pat) = pats.first() {
                self.bind(pat, inner);
            }
            return;
        }
        let is_entry = super::maps::is_entry(&val.ty) || types::is_map_entry(&val.ty);
        if is_entry && matches!(path.last(), "Occupied" | "Vacant") {
            if let Some(pat) = pats.first() {
                self.bind(pat, val);
            }
            return;
        }
        let ctor = match self.index().resolve_value(&self.scope, path) {
            ValueRes::Ctor { ty, variant } => Some((ty, variant)),
            _ => None,
        };
        if let ([pat], None, Some(ty)) = (pats, ctor, library::only_field(&val.ty, path.last())) {
            let part = val.project("0", ty);
            return self.bind(pat, part);
        }
        for (i, pat) in pats.iter().enumerate() {
            if matches!(pat, Pat::Rest) {
                break;
            }
            let name = SmolStr::new(i.to_string());
            let part = self.part_of(&val, ctor, &name, path.last());
            self.bind(pat, part);
        }
    }

    fn bind_struct(&mut self, path: &hir::Path, fields: &[(SmolStr, Pat)], val: Val) {
        let val = self.through(val);
        let ctor = match self.index().resolve_value(&self.scope, path) {
            ValueRes::Ctor { ty, variant } => Some((ty, variant)),
            _ => match self.resolve_type(&hir::Ty::Path(path.clone())) {
                Ty::Adt(ty, _) => Some((ty, None)),
                _ => None,
            },
        };
        for (name, pat) in fields {
            let part = self.part_of(&val, ctor, name, path.last());
            if let (Some((owner, None)), Pat::Bind { span, .. }) = (ctor, pat) {
                let ty = Ty::Adt(owner, Tys::default());
                self.field_is_named(&ty, name, &part, *span);
            }
            self.bind(pat, part);
        }
    }

    /// A field of a struct or variant that a pattern takes out.
    fn part_of(
        &mut self,
        val: &Val,
        ctor: Option<(crate::index::TypeId, Option<u32>)>,
        name: &SmolStr,
        variant_name: &str,
    ) -> Val {
        let mut val = val.clone();
        val.local = None;
        match ctor {
            Some((owner, Some(variant))) => {
                let ty = self
                    .index()
                    .variant_field(owner, variant, name)
                    .unwrap_or(Ty::Unknown);
                let full = SmolStr::new(format!("{variant_name}.{name}"));
                let mut part = val.project(&full, ty);
                part.class = Some(ClassKey::new(ClassBase::Field(owner, full)));
                self.moves_out(&val, &mut part);
                part
            }
            Some((owner, None)) => {
                if !matches!(val.ty, Ty::Adt(id, _) if id == owner) {
                    val.ty = Ty::Adt(owner, Tys::default());
                }
                self.field(val, name)
            }
            None => self.field(val, name),
        }
    }

    fn is_unit(&self, name: &SmolStr) -> bool {
        let path = hir::Path {
            segments: [hir::Segment::plain(name.clone())].into(),
            ..hir::Path::default()
        };
        matches!(
            self.index().resolve_value(&self.scope, &path),
            ValueRes::Ctor { .. } | ValueRes::Const(_) | ValueRes::Static(_) | ValueRes::Ext(_)
        )
    }
}

fn is_constant(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The pattern matches only values with nothing in them (`None`, a constant, a
/// variant without fields): whatever the value holds elsewhere, not here.
pub(super) fn is_bare(pat: &Pat) -> bool {
    match pat {
        Pat::Lit => true,
        Pat::Path(path) => is_constant(path.last()),
        Pat::Bind { name, .. } => name == "None",
        Pat::TupleStruct { path, pats } => {
            matches!(path.last(), "Ok" | "Err") && matches!(&pats[..], [pat] if is_bare(pat))
        }
        Pat::Or(pats) => pats.iter().all(is_bare),
        _ => false,
    }
}

/// `Some(x)` for every `x`: a value that it does not match is `None`.
pub(super) fn is_any_some(pat: &Pat) -> bool {
    let any = |pat: &Pat| match pat {
        Pat::Wild => true,
        Pat::Bind { name, sub, .. } => sub.is_none() && !is_constant(name),
        _ => false,
    };
    matches!(pat, Pat::TupleStruct { path, pats }
        if path.last() == "Some" && matches!(&pats[..], [pat] if any(pat)))
}

/// The arm of a `try_lock` that did not get the lock.
pub(super) fn is_failure(pat: &Pat) -> bool {
    match pat {
        Pat::Path(path) => matches!(path.last(), "None"),
        Pat::Bind { name, .. } => name == "None",
        Pat::TupleStruct { path, pats } => {
            path.last() == "Err"
                && !pats.iter().any(
                    |pat| matches!(pat, Pat::TupleStruct { path, .. } if path.last() == "Poisoned"),
                )
        }
        Pat::Wild => true,
        Pat::Or(pats) => pats.iter().all(is_failure),
        _ => false,
    }
}

pub(super) fn by_ref(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { by_ref, sub, .. } => *by_ref || sub.as_deref().is_some_and(by_ref_inner),
        Pat::Typed(inner, _) => by_ref(inner),
        _ => by_ref_inner(pat),
    }
}

fn by_ref_inner(pat: &Pat) -> bool {
    match pat {
        Pat::Bind { by_ref, .. } => *by_ref,
        Pat::Tuple(pats) | Pat::Slice(pats) | Pat::Or(pats) => pats.iter().any(by_ref_inner),
        Pat::TupleStruct { pats, .. } => pats.iter().any(by_ref_inner),
        Pat::Struct { fields, .. } => fields.iter().any(|(_, pat)| by_ref_inner(pat)),
        Pat::Ref(inner) | Pat::Typed(inner, _) => by_ref_inner(inner),
        _ => false,
    }
}

/// The pattern matches the success of a `try_lock`: `Some(g)`, `Ok(g)`.
pub(super) fn binds_success(pat: &Pat) -> bool {
    match pat {
        Pat::TupleStruct { path, .. } => matches!(path.last(), "Some" | "Ok"),
        Pat::Typed(inner, _) | Pat::Ref(inner) => binds_success(inner),
        Pat::Bind { sub: Some(sub), .. } => binds_success(sub),
        _ => false,
    }
}

/// The pattern takes in that nothing has come yet, by its name: `Err(TryRecvError::Empty)`.
pub(super) fn is_not_ready(pat: &Pat) -> bool {
    match pat {
        Pat::Or(pats) => pats.iter().any(is_not_ready),
        _ => {
            error_name(pat).is_some_and(|name| matches!(name, "Empty" | "NotReady" | "WouldBlock"))
        }
    }
}

/// The pattern takes in all cases in which nothing has come yet: `None`, `Err(_)`,
/// `Err(TryRecvError::Empty)`.
pub(super) fn is_nothing(pat: &Pat) -> bool {
    match pat {
        Pat::Path(path) => path.last() == "None",
        Pat::Bind {
            name, sub: None, ..
        } => name == "None",
        Pat::TupleStruct { path, .. } => {
            path.last() == "Err" && (error_name(pat).is_none() || is_not_ready(pat))
        }
        Pat::Or(pats) => pats.iter().any(is_nothing),
        _ => false,
    }
}

/// The pattern matches only errors by names that tell neither that nothing has
/// come yet nor that nothing will: `Err(TryRecvError::Lagged(_))`.
pub(super) fn tells_of_event(pat: &Pat) -> bool {
    match pat {
        Pat::Or(pats) => pats.iter().all(tells_of_event),
        _ => error_name(pat).is_some_and(|name| {
            !matches!(
                name,
                "Closed" | "Disconnected" | "Empty" | "NotReady" | "Terminated" | "WouldBlock"
            )
        }),
    }
}

/// Messages were missed: the next look finds some.
pub(super) fn was_missed(pat: &Pat) -> bool {
    error_name(pat) == Some("Lagged")
}

/// `Lagged` of `Err(TryRecvError::Lagged(_))`, and of the error alone.
fn error_name(pat: &Pat) -> Option<&str> {
    match pat {
        Pat::TupleStruct { path, pats } if path.last() == "Err" => match &pats[..] {
            [Pat::Path(path) | Pat::TupleStruct { path, .. } | Pat::Struct { path, .. }] => {
                Some(path.last())
            }
            [Pat::Bind { name, .. }] => is_constant(name).then_some(name),
            _ => None,
        },
        Pat::Path(path) | Pat::TupleStruct { path, .. } | Pat::Struct { path, .. } => {
            let of = path.segments.iter().rev().nth(1);
            of.is_some_and(|of| of.name.ends_with("Error"))
                .then(|| path.last())
        }
        _ => None,
    }
}
