//! Maps with locks inside (`table/maps.rs`): what their methods take, and the
//! references that they give, which are guards.

use conclint_facts::{
    Blocking, EventKind, GuardId, LockSource, LockTraits, Mode, ObjectKind, ReleaseWhy,
};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::method::MethodCall;
use super::types;
use super::value::Val;
use crate::hir::{Expr, ExprKind};
use crate::index::{Ty, Tys};
use crate::table::{self, Hold};

/// What `entry` gives, and its two variants.
const ENTRY: &str = "dashmap::Entry";
/// What an iterator over such a map gives.
const ITEM: &str = "dashmap::RefMulti";

impl Lower<'_> {
    /// A method that takes the lock of a map.
    pub fn map_method(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        let Ty::Ext(path, args) = &cur.ty else {
            return None;
        };
        let taking = table::taking(path, call.name)?;
        let traits = table::lock_inside(path)?;
        let data = args.get(1).or(args.first());
        let data = data.cloned().unwrap_or(Ty::Unknown);
        if taking.hold == Hold::Within {
            return Some(self.within_map(cur, taking.mode, &traits, call));
        }
        for arg in call.args {
            self.base(arg);
        }
        if taking.writes_first {
            let guard = self.take_map(cur, Mode::Exclusive, &traits, Blocking::Waits, call);
            self.release(guard, ReleaseWhy::Dropped, call.span);
        }
        // `None` is no guard, though the call waits for the lock.
        let fails = match taking.hold {
            Hold::MaybeReference => Blocking::Try,
            _ => Blocking::Waits,
        };
        let guard = self.take_map(cur, taking.mode, &traits, fails, call);
        let ty = match taking.hold {
            Hold::MaybeReference => types::option_of(reference_to(data)),
            Hold::Entry => types::ext(ENTRY, vec![data]),
            Hold::Iterator => types::ext("conclint::Iter", vec![types::ext(ITEM, vec![data])]),
            Hold::Reference | Hold::Within => reference_to(data),
        };
        let mut val = Val::of(ty);
        val.place.clone_from(&cur.place);
        val.class.clone_from(&cur.class);
        if let Some(place) = &mut val.place {
            place.path.push(SmolStr::new_static("[]"));
        }
        if let ("get" | "get_mut" | "entry", [key]) = (call.name.as_str(), call.args) {
            self.found_by(&mut val, key);
        }
        if taking.hold == Hold::Iterator {
            // What is collected from it is mostly copied out: the guard is a
            // temporary of the statement, or of the loop's head.
            val.borrows = Some(guard);
            self.out.map_iterators.push((call.span, guard));
        } else {
            val.guards = vec![guard];
        }
        Some(val)
    }

    /// `for entry in &map`, which is `map.iter()`. A map that is given away whole is
    /// nobody else's any more.
    pub fn items_of_map(&mut self, over: &Val, iter: &Expr) -> Option<Val> {
        let Ty::Ref(write, _) = &over.ty else {
            return None;
        };
        let name = SmolStr::new_static(if *write { "iter_mut" } else { "iter" });
        let mut map = over.clone();
        while matches!(map.ty, Ty::Ref(..)) {
            map = self.step(&map)?;
        }
        let call = MethodCall {
            name: &name,
            generics: &[],
            args: &[],
            span: iter.span,
            name_span: iter.span,
            outer: None,
            awaited: false,
            thrown: false,
        };
        self.map_method(&map, &call)
    }

    /// `map.iter().map(..).collect()`: whatever takes the iterator away ends it,
    /// and with it its guard. The references that it gives hold the lock, too,
    /// as long as none is mapped to something else: `map.iter().max_by_key(..)`
    /// is a guard, and so is what collects them. `val` is what the call gives.
    pub fn map_iterated(&mut self, val: Val, receiver: &Expr, call: &MethodCall) -> Val {
        let gives = table::gives_items(call.name);
        if self.out.map_iterators.is_empty() || !gives && !table::ends_iterator(call.name) {
            return val;
        }
        let mut mapped = false;
        let mut chain = receiver;
        while let ExprKind::MethodCall { receiver, name, .. } = &chain.kind {
            let span = chain.span;
            let mut known = self.out.map_iterators.iter();
            if let Some(at) = known.position(|(made, _)| *made == span) {
                if gives && !mapped {
                    let (_, guard) = self.out.map_iterators.remove(at);
                    return keeps_items(val, guard, call.name);
                }
                if table::ends_iterator(call.name) {
                    let (_, guard) = self.out.map_iterators.remove(at);
                    self.release(guard, ReleaseWhy::Dropped, end_of(call.span));
                }
                return val;
            }
            mapped |= table::maps_items(name);
            chain = receiver;
        }
        val
    }

    /// Takes the guards that the closures of the iterator `recv` have taken along
    /// out of it: what it gives is not behind them.
    pub fn captured_in(&self, recv: &mut Val) -> Vec<GuardId> {
        let (captured, own) = std::mem::take(&mut recv.guards)
            .into_iter()
            .partition(|guard| self.out.captured.contains(guard));
        recv.guards = own;
        captured
    }

    /// A method of an iterator whose closures have `captured` these guards: they end
    /// with it, go on in the iterator that it gives, or stay where they are.
    pub fn goes_on(&mut self, val: &mut Val, captured: Vec<GuardId>, call: &MethodCall) {
        if table::ends_iterator(call.name) {
            for guard in captured {
                self.release(guard, ReleaseWhy::Dropped, end_of(call.span));
            }
        } else if !table::advances_iterator(call.name) {
            val.guards.extend(captured);
        }
    }

    /// The lock is free again when the method returns; its arguments come
    /// first, and closures run under it.
    fn within_map(&mut self, cur: &Val, mode: Mode, traits: &LockTraits, call: &MethodCall) -> Val {
        let is_closure = |arg: &Expr| matches!(arg.kind, ExprKind::Closure(_));
        if call.args.iter().any(is_closure) {
            let guard = self.take_map(cur, mode, traits, Blocking::Waits, call);
            let val = self.method_outside(cur.clone(), call);
            self.release(guard, ReleaseWhy::Dropped, call.span);
            return val;
        }
        let val = self.method_outside(cur.clone(), call);
        let guard = self.take_map(cur, mode, traits, Blocking::Waits, call);
        self.release(guard, ReleaseWhy::Dropped, call.span);
        val
    }

    fn take_map(
        &mut self,
        map: &Val,
        mode: Mode,
        traits: &LockTraits,
        fails: Blocking,
        call: &MethodCall,
    ) -> GuardId {
        let mut object = self.object(map, &ObjectKind::Lock(traits.clone()));
        object.exclusive |= self.is_own_variable(map);
        let guard = self.new_guard(call.site(), fails);
        let event = EventKind::Acquire {
            guard,
            source: LockSource::Direct(object),
            mode,
            blocking: Blocking::Waits,
        };
        self.emit(event, call.site());
        guard
    }

    /// The map as such is a variable of this function: no pointer to what
    /// others have, too.
    fn is_own_variable(&self, map: &Val) -> bool {
        let info = map.local.and_then(|id| self.locals.get(id.0 as usize));
        info.is_some_and(|info| info.level == self.out.level && info.val.ty == map.ty)
    }

    /// Methods of the references, entries and items of such a map.
    pub fn map_reference_method(&mut self, recv: &Val, call: &MethodCall) -> Option<Val> {
        match &recv.ty {
            Ty::Ext(path, args) if path == ENTRY => {
                let data = args.first().cloned().unwrap_or(Ty::Unknown);
                self.entry_method(recv, data, call)
            }
            Ty::Ext(path, args) if path == ITEM => {
                let data = recv.clone().with_ty(args.first()?.clone());
                part_of_reference(data, call)
            }
            ty if is_reference(ty) => {
                if matches!(call.name.as_str(), "map" | "try_map") {
                    // The closure borrows what the reference keeps.
                    let mut data = self.step(recv)?;
                    self.look_through(&mut data, call.name_span, false);
                    let mapped = self.in_place_closures(call.args, &data, false)?;
                    let ty = match call.name == "map" {
                        true => reference_to(mapped.ty),
                        // Without a part, the whole comes back.
                        false => types::result_of(reference_to(types::unwrap_ty(&mapped.ty))),
                    };
                    let mut val = recv.clone().with_ty(ty);
                    val.local = None;
                    return Some(val);
                }
                let mut through = recv.clone();
                let write = call.name.ends_with("_mut");
                let data = self.step(recv)?;
                let part = part_of_reference(data, call)?;
                self.look_through(&mut through, call.name_span, write);
                Some(Val {
                    borrows: through.borrows,
                    guards: Vec::new(),
                    local: None,
                    ..part
                })
            }
            _ => None,
        }
    }

    fn entry_method(&mut self, recv: &Val, data: Ty, call: &MethodCall) -> Option<Val> {
        let mut val = recv.clone();
        let ty = match call.name.as_str() {
            "or_insert" | "or_insert_with" | "or_default" | "insert" | "into_ref" => {
                reference_to(data.clone())
            }
            "or_try_insert_with" => types::result_of(reference_to(data.clone())),
            "and_modify" | "insert_entry" => recv.ty.clone(),
            "remove" | "remove_entry" | "into_key" => Ty::Unknown,
            _ => return None,
        };
        let mut param = recv.clone().with_ty(data.clone());
        param.borrows = param.guards.pop();
        self.in_place_closures(call.args, &param, false);
        self.becomes_temporary(recv);
        val.local = None;
        if ty == Ty::Unknown {
            for guard in std::mem::take(&mut val.guards) {
                self.release(guard, ReleaseWhy::Dropped, call.span);
            }
            return Some(Val::unknown());
        }
        Some(val.with_ty(ty))
    }
}

/// Whether it is the entry of such a map, which `Occupied(e)` takes along.
pub(super) fn is_entry(ty: &Ty) -> bool {
    matches!(ty, Ty::Ext(path, _) if path == ENTRY)
}

/// `val`, which is one or some of the items that `guard` keeps locked.
fn keeps_items(mut val: Val, guard: GuardId, method: &str) -> Val {
    if let Ty::Ext(path, args) = types::unwrap_ty(&val.ty)
        && path == ITEM
        && types::is_option_or_result(&val.ty)
    {
        let data = args.first().cloned().unwrap_or(Ty::Unknown);
        val.ty = types::option_of(reference_to(data));
    }
    val.borrows = None;
    val.local = None;
    val.guards = vec![guard];
    if method == "partition" {
        val.parts = vec![val.clone(), val.clone()];
    }
    val
}

/// A guard that says what it is of: it has methods of its own.
fn reference_to(data: Ty) -> Ty {
    types::ext(
        super::value::GUARD,
        vec![data, types::ext("dashmap::Ref", vec![])],
    )
}

/// The guard of `data` that a function of the type `ret` gives.
pub(super) fn guard_like(ret: &Ty, data: Ty) -> Ty {
    let mut ty = ret.clone();
    while types::is_option_or_result(&ty) {
        ty = types::arg(&ty, 0);
    }
    match &ty {
        Ty::Ext(path, _) if table::is_reference(path) && path.contains("Ref") => reference_to(data),
        _ => types::guard_of(data),
    }
}

fn is_reference(ty: &Ty) -> bool {
    types::is_guard(ty) && matches!(ty, Ty::Ext(_, args) if args.len() == 2)
}

/// `value()`, `key()`, `pair()` of a reference to `data`.
fn part_of_reference(data: Val, call: &MethodCall) -> Option<Val> {
    let mut part = data;
    match call.name.as_str() {
        "value" | "value_mut" => {}
        "key" => part = Val::unknown(),
        "pair" | "pair_mut" => {
            let ty = std::mem::replace(&mut part.ty, Ty::Unknown);
            part.parts = vec![Val::unknown(), part.clone().with_ty(ty.clone())];
            part.ty = Ty::Tuple(Tys::from([Ty::Unknown, ty]));
        }
        _ => return None,
    }
    call.args.is_empty().then_some(part)
}
