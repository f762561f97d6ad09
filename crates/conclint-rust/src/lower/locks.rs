//! Locks and guards: what takes a lock, what a guard is, and what kind of
//! synchronisation object a type is.

use conclint_facts::{
    Blocking, Call, EventKind, GuardId, LockShape, LockSource, LockTraits, Mode, ObjectKind,
    ObjectRef, Origins, ReleaseWhy, Root, is_element,
};
use smol_str::SmolStr;

use super::body::Lower;
use super::method::MethodCall;
use super::own;
use super::types::{self, GuardTy};
use super::value::{ClassBase, ClassKey, Val};
use super::workspace_call::rewrap;
use crate::hir::Span;
use crate::index::{MethodRes, Ty, TypeId, last_segment};
use crate::table;

impl Lower<'_> {
    /// Whether a value of this type is, or holds, a lock guard.
    pub fn guard_ty(&self, ty: &Ty) -> Option<GuardTy> {
        match ty {
            Ty::Ext(path, args) => {
                if path == super::value::GUARD {
                    return Some(GuardTy::Guard(args.first().cloned().unwrap_or(Ty::Unknown)));
                }
                if types::is_option_or_result(ty) {
                    return self.guard_ty(args.first()?);
                }
                let last = last_segment(path);
                if types::is_guard_name(last) {
                    return Some(GuardTy::Guard(args.last().cloned().unwrap_or(Ty::Unknown)));
                }
                if last == "Box" || last == "Pin" {
                    return self.guard_ty(args.first()?);
                }
                if table::is_reference(path) {
                    let data = args.get(1).cloned().unwrap_or(Ty::Unknown);
                    return Some(GuardTy::Guard(data));
                }
                None
            }
            Ty::Adt(id, _) if self.is_own_guard(*id) => {
                let data = self.index().deref_target(ty);
                Some(GuardTy::Guard(data.unwrap_or(Ty::Unknown)))
            }
            Ty::Adt(id, args) => {
                let holder = self.shared.holders.get(id.index()).copied();
                // `Traced<MutexGuard<T>>`: a wrapper for whatever guard.
                let wraps = || {
                    args.iter()
                        .any(|arg| matches!(self.guard_ty(arg), Some(GuardTy::Guard(_))))
                };
                (holder.unwrap_or(false) || wraps()).then_some(GuardTy::Holder)
            }
            Ty::Tuple(parts) => parts
                .iter()
                .find_map(|part| self.guard_ty(part))
                .map(|_| GuardTy::Holder),
            Ty::Bounded(false, bounds) => bounds.iter().find_map(|bound| match &bound.trait_ {
                crate::index::TraitRef::Ext(path)
                    if path.ends_with("::Deref") || path.ends_with("::DerefMut") =>
                {
                    let target = bound.assoc.iter().find(|(name, _)| name == "Target");
                    Some(GuardTy::Guard(
                        target.map_or(Ty::Unknown, |(_, ty)| ty.clone()),
                    ))
                }
                _ => None,
            }),
            _ => None,
        }
    }

    pub fn upgrade(&mut self, first: Val, span: Span) -> Val {
        // Its scope keeps it: other paths may not come by here.
        for &guard in &first.guards {
            self.release(guard, ReleaseWhy::Moved, span);
        }
        let mut val = first;
        if val.guards.is_empty() {
            return val.with_ty(types::guard_of(Ty::Unknown));
        }
        let fresh = self.new_guard(span, Blocking::Waits);
        let source = self.source_of(val.guards[0]);
        if let Some(source) = source {
            let kind = EventKind::Acquire {
                guard: fresh,
                source,
                mode: Mode::Exclusive,
                blocking: Blocking::Waits,
            };
            self.emit(kind, span);
        }
        val.guards = vec![fresh];
        val.local = None;
        val
    }

    pub fn acquire_again(&mut self, guard: GuardId, span: Span) {
        let found = self
            .out
            .blocks
            .iter()
            .flat_map(|block| &block.events)
            .find_map(|event| match &event.kind {
                EventKind::Acquire { guard: g, .. } if *g == guard => Some(event.kind.clone()),
                _ => None,
            });
        if let Some(kind) = found {
            self.emit(kind, span);
        }
    }

    pub fn source_of(&self, guard: GuardId) -> Option<LockSource> {
        self.out
            .blocks
            .iter()
            .flat_map(|block| &block.events)
            .find_map(|event| match &event.kind {
                EventKind::Acquire {
                    guard: g, source, ..
                } if *g == guard => Some(source.clone()),
                _ => None,
            })
    }

    /// A call that returns a guard: the lock is found in the callee.
    pub fn acquire_through(
        &mut self,
        call: Call,
        ret: &Ty,
        guard_ty: Option<GuardTy>,
        site: Span,
        accessed: Option<Val>,
    ) -> Val {
        let fallible = types::is_option_or_result(ret);
        let guard = self.new_guard(
            site,
            if fallible {
                Blocking::Try
            } else {
                Blocking::Waits
            },
        );
        let kind = EventKind::Acquire {
            guard,
            source: LockSource::Callee(call),
            mode: Mode::Exclusive,
            blocking: Blocking::Waits,
        };
        self.emit(kind, site);
        let ty = match guard_ty {
            Some(GuardTy::Guard(data)) => rewrap(ret, super::maps::guard_like(ret, data)),
            _ => ret.clone(),
        };
        let mut val = accessed.unwrap_or_else(Val::unknown).with_ty(ty);
        val.guards = vec![guard];
        val
    }

    /// A lock that the workspace itself defines: `fn lock(&self) -> XGuard`.
    /// `cur` may be a handle of the workspace's own that leads to it.
    pub fn own_lock(&mut self, cur: &Val, res: &MethodRes, call: &MethodCall) -> Option<Val> {
        if !call.args.is_empty() && !own::queues(call.name, call.args) {
            return None;
        }
        let (op, guard) = self.takes_own(res, call.name)?;
        let Ty::Adt(id, _) = &res.self_ty else {
            return None;
        };
        let lock = table::LockType {
            traits: self.own_traits(*id, call.awaited)?,
            wrap: if call.awaited {
                table::GuardWrap::Future
            } else if types::is_option_or_result(&guard) && op.blocking == Blocking::Waits {
                table::GuardWrap::Result
            } else {
                table::GuardWrap::Plain
            },
        };
        let data = self.own_data(&res.self_ty, &guard);
        let lock_val = self.dereferenced_to(cur, &res.self_ty)?;
        Some(self.acquire(&lock_val, &lock, op, data, call))
    }

    /// What a lock that the workspace itself defines is like, by its name.
    fn own_traits(&self, id: TypeId, is_async: bool) -> Option<LockTraits> {
        let type_name = self.index().type_name(id);
        let inside = |of: fn(&LockTraits) -> bool| {
            let lock = self.known_lock(id).and_then(|lock| lock.wraps.as_ref());
            lock.is_some_and(of)
        };
        Some(LockTraits {
            family: SmolStr::new(self.index().type_key(id).split("::").next().unwrap_or("")),
            type_name: SmolStr::new(type_name),
            shape: self.own_shape(id)?,
            reentrant: inside(|lock| lock.reentrant) || type_name.contains("Reentrant"),
            read_reentrant: inside(|lock| lock.read_reentrant)
                || type_name.contains("Spin")
                || type_name.contains("Reentrant"),
            is_async,
            self_locking: false,
        })
    }

    /// What kind of object a function is given: also a lock that the workspace
    /// itself defines.
    pub fn given_kind(&self, ty: &Ty) -> Option<ObjectKind> {
        let Ty::Adt(id, _) = types::peel_wrappers(self.index(), ty) else {
            return self.object_kind(ty);
        };
        let lock = self.known_lock(id)?;
        self.own_traits(id, lock.is_async).map(ObjectKind::Lock)
    }

    pub fn known_lock(&self, id: TypeId) -> Option<&own::OwnLock> {
        self.shared.own_locks.get(id.index())?.as_ref()
    }

    fn own_shape(&self, id: TypeId) -> Option<LockShape> {
        let named = own::shape(self.index().type_name(id));
        named.or_else(|| self.known_lock(id).map(|lock| lock.shape))
    }

    /// Whether this method takes a lock that the workspace itself defines: how,
    /// and what it gives.
    fn takes_own(&self, res: &MethodRes, name: &str) -> Option<(table::Op, Ty)> {
        let Ty::Adt(id, _) = &res.self_ty else {
            return None;
        };
        let shape = self.own_shape(*id)?;
        let op = own::op(self.shared.table, shape, name)?;
        let ret = self
            .index()
            .fn_ret(*res.fns.first()?, Some(&res.self_ty), &[]);
        // `-> impl Deref<Target = T>`: nobody is to know what the guard is called.
        let is_hidden = matches!(self.guard_ty(&ret), Some(GuardTy::Guard(_)))
            && matches!(ret, Ty::Bounded(..));
        let wraps = || {
            self.known_lock(*id)
                .and(own::wrapped_guard(self.index(), &self.shared.holders, &ret))
        };
        if !is_hidden && own::guard(self.index(), &self.shared.holders, &ret).is_none() {
            wraps()?;
        }
        Some((op, ret))
    }

    /// What a lock of the type `lock` guards, whose method gives a `guard`.
    fn own_data(&self, lock: &Ty, guard: &Ty) -> Ty {
        let guard = types::peel_wrappers(self.index(), guard);
        let of_lock = || match lock {
            Ty::Adt(_, args) => args.last().cloned(),
            _ => None,
        };
        let data = self.index().deref_target(&guard).or_else(of_lock);
        data.unwrap_or(Ty::Unknown)
    }

    /// What is behind a lock that the workspace itself defines, where this
    /// method of `cur` takes it.
    pub fn behind_own_lock(&self, cur: &Val, res: &MethodRes, name: &str) -> Option<Val> {
        let (_, guard) = self.takes_own(res, name)?;
        let mut val = self.dereferenced_to(cur, &res.self_ty)?;
        val.class = val.class.as_ref().map(ClassKey::element);
        let data = self.own_data(&res.self_ty, &guard);
        // What comes wrapped is unwrapped next.
        Some(val.with_ty(match types::is_option_or_result(&guard) {
            true => types::option_of(data),
            false => data,
        }))
    }

    /// The type is the guard of a lock that the workspace itself defines.
    fn is_own_guard(&self, id: TypeId) -> bool {
        let own = self.shared.own_guards.get(id.index());
        own.copied().unwrap_or(false)
    }

    pub fn acquire(
        &mut self,
        lock_val: &Val,
        lock: &table::LockType,
        op: table::Op,
        data: Ty,
        call: &MethodCall,
    ) -> Val {
        for arg in call.args {
            self.base(arg);
        }
        let mut lock = lock.clone();
        // The lock of a crate that the table does not know says by the `.await`
        // what it is.
        if call.awaited && lock.wrap == table::GuardWrap::Plain && op.blocking == Blocking::Waits {
            lock.wrap = table::GuardWrap::Future;
            lock.traits.is_async = true;
        }
        let is_async = lock.wrap == table::GuardWrap::Future && !op.sync_on_async;
        if is_async && call.awaited {
            self.emit(EventKind::Await, call.site());
        }
        let kind = ObjectKind::Lock(lock.traits.clone());
        let named = lock_val.class.is_none().then(|| of_parameter(lock_val));
        let object = match named.flatten() {
            Some(class) => {
                let mut named = lock_val.clone();
                named.class = Some(class);
                self.object(&named, &kind)
            }
            None => self.object(lock_val, &kind),
        };
        let guard = self.new_guard(call.site(), op.blocking);
        let event = EventKind::Acquire {
            guard,
            source: LockSource::Direct(object),
            mode: op.mode,
            blocking: match op.blocking {
                Blocking::Try if self.tried_until_taken == Some(call.name_span) => Blocking::Spins,
                blocking => blocking,
            },
        };
        self.emit(event, call.site());
        let from = match op.blocking {
            Blocking::Try => self.event_origin(),
            _ => Origins::NONE,
        };
        let inner = types::guard_of(data);
        let ty = match (lock.wrap, op.blocking) {
            (table::GuardWrap::Result, _) => types::result_of(inner),
            (_, Blocking::Waits) => inner,
            (table::GuardWrap::Plain, _) => types::option_of(inner),
            (table::GuardWrap::Future, _) => types::result_of(inner),
        };
        let mut val = Val::of(ty);
        val.place = lock_val.place.clone();
        val.class = lock_val.class.clone();
        val.guards = vec![guard];
        val.from = from;
        val.channel = lock_val.channel;
        val
    }

    pub fn acquire_stdin(&mut self, call: &MethodCall) -> Val {
        let lock = table::LockType {
            traits: LockTraits {
                family: SmolStr::new_static("std"),
                type_name: SmolStr::new_static("Stdin"),
                shape: LockShape::Mutex,
                reentrant: false,
                read_reentrant: false,
                is_async: false,
                self_locking: false,
            },
            wrap: table::GuardWrap::Plain,
        };
        let mut stdin = Val::of(types::ext("std::io::Stdin", vec![]));
        let name = SmolStr::new_static("std::io::stdin");
        stdin.place = Some(conclint_facts::Place {
            root: Root::Static(name.clone()),
            path: Vec::new(),
        });
        stdin.class = Some(ClassKey::new(ClassBase::Named(name)));
        let op = table::Op {
            mode: Mode::Exclusive,
            blocking: Blocking::Waits,
            sync_on_async: true,
        };
        self.acquire(
            &stdin,
            &lock,
            op,
            types::ext("std::io::StdinLock", vec![]),
            call,
        )
    }

    /// Methods on an `Option` or `Result` with a guard inside.
    pub fn method_on_wrapped_guard(&mut self, recv: &Val, call: &MethodCall) -> Option<Val> {
        if !types::is_option_or_result(&recv.ty) && recv.ty != Ty::Unknown {
            return None;
        }
        if let Some(args) = self.named_as_closures(call) {
            let call = MethodCall {
                args: &args,
                outer: call.outer.clone(),
                ..*call
            };
            return self.method_on_wrapped_guard(recv, &call);
        }
        let inner = types::unwrap_ty(&recv.ty);
        let mut val = recv.clone();
        val.local = None;
        match call.name.as_str() {
            "unwrap" | "expect" | "unwrap_or_default" | "into_inner" | "unwrap_unchecked" => {
                for arg in call.args {
                    self.base(arg);
                }
                Some(val.with_ty(inner))
            }
            name if table::runs_on_failure(name) => {
                let keep = val.clone();
                let mut error = val.clone();
                // What becomes of the guard in there says nothing of the success,
                // and it ends with the closure, or is what comes out.
                error.guards.clear();
                // It runs where the attempt failed; and `None` holds nothing.
                let none = types::is_option(&recv.ty);
                let free = |guard: &GuardId| none || self.is_fallible(*guard);
                self.not_held = val.guards.iter().copied().filter(free).collect();
                let result = self.in_place_closures(call.args, &error, false);
                self.not_held.clear();
                let ty = if name == "unwrap_or_else" {
                    inner
                } else {
                    keep.ty.clone()
                };
                let mut joined = keep.with_ty(ty);
                if let Some(result) = result {
                    for guard in result.guards {
                        if !joined.guards.contains(&guard) {
                            joined.guards.push(guard);
                        }
                    }
                }
                Some(joined)
            }
            "ok" | "ok_or" | "or" | "err" | "context" | "with_context" | "take" | "into_future" => {
                for arg in call.args {
                    self.base(arg);
                }
                Some(val)
            }
            // Whether the lock was taken: no look at its data.
            "is_ok" | "is_err" | "is_some" | "is_none" if recv.ty != Ty::Unknown => {
                Some(Val::of(types::ext("bool", vec![])))
            }
            "map" | "and_then" | "map_or" | "map_or_else" => {
                let payload = val.with_ty(inner);
                // The closure takes the guard along; where it does not run,
                // the result has none.
                self.not_taken = payload.guards.clone();
                let result = self.in_place_closures(call.args, &payload, false);
                self.not_taken.clear();
                let mut result = result.unwrap_or_else(Val::unknown);
                if call.name == "map" {
                    result.ty = types::option_of(result.ty);
                }
                Some(result)
            }
            name => {
                let recovers = || self.recovers(call).then_some(true);
                let unwraps = table::tells_of_error(name).or_else(recovers)?;
                for arg in call.args {
                    self.base(arg);
                }
                Some(if unwraps { val.with_ty(inner) } else { val })
            }
        }
    }

    /// A method that the program itself gives to `Result`, and that takes out of it
    /// whatever there is, or the guard: `lock().recovered()`.
    fn recovers(&self, call: &MethodCall) -> bool {
        let entries = self.index().functions();
        let mut named = self.index().methods_named(call.name).iter();
        call.args.is_empty()
            && named.any(|f| {
                let Some(entry) = entries.get(f.index()) else {
                    return false;
                };
                let of_result = entry.scope.self_ty.as_ref();
                let ret = self.index().fn_ret(*f, None, &[]);
                entry.def.params.len() == 1
                    && of_result.is_some_and(types::is_option_or_result)
                    && (super::workspace_call::is_open(&ret) || self.guard_ty(&ret).is_some())
            })
    }

    /// `.lock()`, `.read().unwrap()` and the like on something whose type is
    /// not known.
    pub fn lock_by_name(&mut self, cur: &Val, call: &MethodCall) -> Option<Val> {
        if !call.args.is_empty() || cur.place.is_none() {
            return None;
        }
        let unwrapped = matches!(
            call.outer.as_deref(),
            Some("unwrap" | "expect" | "unwrap_or_else" | "map_err" | "?" | "ok")
        );
        let shape = match call.name.as_str() {
            "lock" => LockShape::Mutex,
            "read" | "write" if unwrapped || call.awaited => LockShape::RwLock,
            _ => return None,
        };
        if self
            .scope
            .generics
            .iter()
            .any(|g| matches!(&cur.ty, Ty::Param(name) if g.params.iter().any(|p| p.name == *name)))
        {
            return None;
        }
        let op = self.shared.table.op(shape, call.name)?;
        let wrap = if call.awaited {
            table::GuardWrap::Future
        } else if unwrapped {
            table::GuardWrap::Result
        } else {
            table::GuardWrap::Plain
        };
        let lock = table::LockType {
            traits: LockTraits {
                family: SmolStr::new_static("unknown"),
                type_name: SmolStr::new_static(if shape == LockShape::Mutex {
                    "Mutex"
                } else {
                    "RwLock"
                }),
                shape,
                reentrant: false,
                read_reentrant: false,
                is_async: call.awaited,
                self_locking: false,
            },
            wrap,
        };
        Some(self.acquire(cur, &lock, op, Ty::Unknown, call))
    }

    /// The receiving end that a `for` loop runs over.
    pub fn receiver_of(&mut self, val: &Val) -> Option<ObjectRef> {
        let ty = types::peel(self.index(), &val.ty);
        match &ty {
            Ty::Ext(path, _) if path.ends_with("::Receiver") => {
                Some(self.object(val, &ObjectKind::Receiver))
            }
            _ => None,
        }
    }

    /// What kind of synchronisation object a type is.
    pub fn object_kind(&self, ty: &Ty) -> Option<ObjectKind> {
        let ty = types::peel_wrappers(self.index(), ty);
        let Ty::Ext(path, args) = &ty else {
            return None;
        };
        if let Some(lock) = self.shared.table.get(path) {
            return Some(ObjectKind::Lock(lock.traits));
        }
        if let Some(traits) = table::lock_inside(path) {
            return Some(ObjectKind::Lock(traits));
        }
        Some(match last_segment(path) {
            "Condvar" | "SgxCondvar" => ObjectKind::Condvar,
            "Barrier" => ObjectKind::Barrier,
            "SyncSender" => ObjectKind::Sender {
                bounded: Some(true),
            },
            "Sender" | "UnboundedSender" => {
                let bounded = match path.as_str() {
                    "std::sync::mpsc::Sender" | "tokio::sync::mpsc::UnboundedSender" => Some(false),
                    "tokio::sync::mpsc::Sender" => Some(true),
                    _ => None,
                };
                ObjectKind::Sender { bounded }
            }
            "Receiver" | "UnboundedReceiver" => ObjectKind::Receiver,
            "Once" | "OnceLock" | "LazyLock" | "OnceCell" => ObjectKind::Once,
            "JoinHandle" | "ScopedJoinHandle" => ObjectKind::Handle,
            "Child" => ObjectKind::Child,
            "Vec" | "VecDeque" => {
                return args
                    .first()
                    .and_then(|arg| self.object_kind(arg))
                    .filter(|kind| *kind == ObjectKind::Handle);
            }
            name if name.starts_with("Atomic") => ObjectKind::Atomic,
            _ => return None,
        })
    }
}

/// The name of a lock that the caller passes, by itself, in a tuple, or in a
/// list where something tells which one it is.
fn of_parameter(lock: &Val) -> Option<ClassKey> {
    let place = lock.place.as_ref()?;
    let Root::Param(number) = place.root else {
        return None;
    };
    let whole = ClassKey::new(ClassBase::Param(number));
    let in_tuple = |step: &SmolStr| step.parse::<u8>().is_ok();
    let told = |step: &SmolStr| is_element(step) && step != "[]";
    if place.path.iter().all(in_tuple) {
        return Some(whole);
    }
    let known = place.path.iter().all(|step| told(step) || in_tuple(step));
    known.then(|| whole.element())
}
