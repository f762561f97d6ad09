//! Calls by path of functions outside the workspace.

use conclint_facts::{BlockKind, EventKind, Origins, ReleaseWhy, Writing};
use smol_str::SmolStr;

use super::body::{Lower, end_of};
use super::call::{is_builder, is_method_name, path_type_args, short_path};
use super::library;
use super::method::MethodCall;
use super::never::ends_all;
use super::types;
use super::value::Val;
use crate::hir::{self, Expr, ExprKind, Span};
use crate::index::{Ty, Tys, last_segment};
use crate::table::{self, Effect};

impl Lower<'_> {
    pub fn external_call(
        &mut self,
        ext: &str,
        path: &hir::Path,
        args: &[Expr],
        span: Span,
        awaited: bool,
    ) -> Val {
        let what = short_path(path);
        if last_segment(ext) == "swap" {
            self.swapped(args);
        }
        if let Some(effect) = table::function_effect(ext) {
            let channel = matches!(effect, Effect::Channel(_));
            let val = self.effect_call(effect, what, args, span);
            return match channel {
                true => self.of_messages(val, path),
                false => val,
            };
        }
        let (head, name) = ext.rsplit_once("::").unwrap_or(("", ext));
        if self.initialises && name == "new" && self.out.level == 0 && types::is_lazy_path(head) {
            // Called where the static is used, which is when this closure runs.
            return self.in_place_args(args, false);
        }
        // Who asks whether two are one object takes care of both answers.
        self.out.compares_order |= matches!(name, "ptr_eq" | "addr_eq") || ext.ends_with("ptr::eq");
        // `Mutex::lock(&m)`, `Option::map(x, f)`: the method in other words.
        let is_type = head
            .rsplit("::")
            .next()
            .is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase()));
        let constructor = matches!(
            name,
            "new" | "default" | "from" | "with_capacity" | "const_new" | "new_in" | "with_hasher"
        );
        if is_type && !constructor && !args.is_empty() && is_method_name(head, name) {
            let recv = self.expr(&args[0]);
            let name = SmolStr::new(name);
            let call = MethodCall {
                name: &name,
                generics: &[],
                args: &args[1..],
                span,
                name_span: span,
                outer: None,
                awaited,
                thrown: false,
            };
            return self.method(recv, &call);
        }
        let vals: Vec<Val> = args.iter().map(|arg| self.arg(arg)).collect();
        if ext.starts_with("signal_hook") {
            // Flags that a handler sets are told from others.
            self.escaping(&what, &vals, span);
        } else if ext.contains("affinity") {
            // So are threads that choose their processor.
            self.escaping(&what, &vals, span);
        } else {
            self.escaping_closures(&what, &vals, span);
        }
        for val in vals.iter().filter(|val| matches!(val.ty, Ty::Ref(true, _))) {
            self.store_guarded(val, Writing::Call, val.from, span);
        }
        if let ("std::sync::Arc::strong_count", [counted]) = (ext, &vals[..]) {
            return self.asks(counted, what, "usize", span);
        }
        if !constructor && !head.ends_with("::Duration") {
            self.other(span);
        }
        if ends_all(ext) {
            self.swallow(&vals, span);
            return self.dead_end(span);
        }
        if is_type {
            let inner = vals.first().map_or(Ty::Unknown, |val| val.ty.clone());
            let channel = vals.first().map_or(0, |val| val.channel);
            self.swallow(&vals, span);
            let last = last_segment(head);
            let args = match last {
                "Mutex" | "RwLock" | "RefCell" | "Cell" | "OnceCell" | "FairMutex"
                | "ReentrantMutex" | "CachePadded" | "AtomicCell" | "LazyLock" | "Lazy"
                | "ShardedLock" => vec![inner],
                _ => path_type_args(self, path),
            };
            if constructor || is_builder(head) {
                let mut val = Val::of(Ty::Ext(SmolStr::new(head), args.into()));
                val.channel = channel;
                if let Some(whole) = self.whole_in(&val.ty) {
                    let once = self.out.level == 0 && self.out.loops.is_empty();
                    self.locks_made.push((whole, once));
                }
                return val;
            }
            if let Some(table::MethodEffect::Block(kind)) =
                table::method_effect(head, name, vals.len())
            {
                let of = None;
                self.emit(EventKind::Block { kind, what, of }, span);
            }
            if let Some(first) = vals.first()
                && let Some(ty) = library::of_pointer_function(head, name, &first.ty)
            {
                let mut val = first.clone().with_ty(ty);
                val.local = None;
                return val;
            }
            return Val::of(returned(ext));
        }
        self.swallow(&vals, span);
        let mut val = Val::of(returned(ext));
        // `timeout(limit, f()).await`: still that future.
        val.future = vals.iter().find_map(|val| val.future.clone());
        val
    }

    pub fn effect_call(&mut self, effect: Effect, what: SmolStr, args: &[Expr], span: Span) -> Val {
        match effect {
            Effect::Spawn(kind) => return self.spawn(kind, what, args.last(), span, false),
            Effect::Pause(kind) => {
                self.pause(kind, span);
                return Val::of(Ty::unit());
            }
            Effect::Scope | Effect::InPlace | Effect::PoolInPlace => {
                let mut args = args;
                if what.ends_with("catch_unwind") {
                    self.emit(EventKind::Catch, span);
                    args = asserted(args);
                    // `catch_unwind(job)` calls what somebody handed over.
                    if let [job] = args
                        && let ExprKind::Path(path) = &job.kind
                        && let Some(id) = path.as_name().and_then(|name| self.lookup(name))
                    {
                        return self.call_local(id, &[], span);
                    }
                }
                if effect == Effect::PoolInPlace {
                    self.emit(
                        EventKind::Block {
                            kind: BlockKind::Pool,
                            what,
                            of: None,
                        },
                        span,
                    );
                }
                return self.in_place_args(args, effect == Effect::Scope);
            }
            _ => {}
        }
        let mut vals: Vec<Val> = args.iter().map(|arg| self.expr(arg)).collect();
        if effect == Effect::GuardUnlocked {
            self.taken_along(&mut vals, span);
        }
        let first = vals.first().cloned().unwrap_or_else(Val::unknown);
        match effect {
            Effect::Drop => {
                if first.guards.is_empty() {
                    self.drop_value(&first.ty, first.place.clone(), span);
                }
                for guard in first.guards.clone() {
                    self.release(guard, ReleaseWhy::Dropped, end_of(span));
                }
                if first.local.is_none() {
                    self.drop_handles(&first);
                } else {
                    for &spawn in &first.handles {
                        self.set_handle(spawn, conclint_facts::Handle::DroppedAtOnce);
                    }
                }
                Val::of(Ty::unit())
            }
            Effect::Forget => {
                for guard in first.guards.clone() {
                    self.escapes(guard);
                    self.forget(guard);
                }
                self.lose_handles(&first);
                Val::unknown()
            }
            Effect::Identity => {
                if what.starts_with("Pin::") {
                    // What is polled changes.
                    self.store_guarded(&first, Writing::Call, first.from, span);
                }
                self.rehome(&first);
                self.becomes_temporary(&first);
                let mut val = first;
                val.local = None;
                val.exclusive = false;
                val.ty = match what.rsplit("::").nth(1) {
                    Some("Arc") if what.ends_with("new") => {
                        types::ext("std::sync::Arc", vec![val.ty])
                    }
                    Some("Box") if what.ends_with("new") => {
                        types::ext("std::boxed::Box", vec![val.ty])
                    }
                    Some("Rc") if what.ends_with("new") => types::ext("std::rc::Rc", vec![val.ty]),
                    _ => match what.as_str() {
                        "Some" => types::option_of(val.ty),
                        "Ok" => types::result_of(val.ty),
                        "PoisonError::into_inner" => types::unwrap_ty(&val.ty),
                        "Weak::upgrade" => {
                            let inner = types::peel(self.index(), &val.ty);
                            types::option_of(types::shared(inner))
                        }
                        "Arc::clone" | "Rc::clone" => match &val.ty {
                            Ty::Ref(_, inner) => (**inner).clone(),
                            ty => ty.clone(),
                        },
                        _ => val.ty,
                    },
                };
                val
            }
            Effect::GuardMap => {
                self.becomes_temporary(&first);
                let mut val = first;
                val.local = None;
                val.ty = types::guard_of(Ty::Unknown);
                val
            }
            Effect::GuardTryMap => {
                self.becomes_temporary(&first);
                let mut val = first;
                val.local = None;
                val.ty = types::result_of(types::guard_of(Ty::Unknown));
                val
            }
            Effect::GuardUpgrade => self.upgrade(first, span),
            Effect::GuardUnlocked => {
                let mut held = first.guards.clone();
                held.extend(first.borrows);
                // All that the variable may be, which branches have given it.
                let of_variable = self.locals.iter().rev().find(|info| {
                    let guards = &info.val.guards;
                    !guards.is_empty() && held.iter().any(|guard| guards.contains(guard))
                });
                if let Some(info) = of_variable {
                    held.clone_from(&info.val.guards);
                }
                for &guard in &held {
                    self.release(guard, ReleaseWhy::Dropped, span);
                }
                if let Some(closure) = vals.get(1).and_then(|val| val.closure) {
                    self.call_closure(closure, what, span);
                }
                // Taken again afterwards: of several that it may be, one.
                if let Some(&guard) = held.first() {
                    self.acquire_again(guard, span);
                }
                Val::unknown()
            }
            Effect::Replace => {
                for val in vals.iter().skip(1) {
                    self.lose_handles(val);
                }
                if let [one, other] = &vals[..]
                    && what.ends_with("swap")
                {
                    self.swapped_in(one, other);
                    self.swapped_in(other, one);
                }
                if let Some(guard) = first.borrows {
                    self.emit(EventKind::Use { guard, write: true }, span);
                    let from = vals.get(1).map_or(Origins::NONE, |val| val.from);
                    let how = Writing::Method(SmolStr::new_static("replace"));
                    self.store_guarded(&first, how, from, span);
                }
                let ty = match &first.ty {
                    Ty::Ref(_, inner) => (**inner).clone(),
                    ty => ty.clone(),
                };
                let mut val = Val::of(ty);
                val.class = first.class;
                val.place = first.place;
                val
            }
            Effect::Channel(bounded) => {
                let val = self.channel(bounded);
                self.note_room(args);
                val
            }
            Effect::Block(kind) => {
                self.swallow(&vals, span);
                self.emit(
                    EventKind::Block {
                        kind,
                        what: what.clone(),
                        of: None,
                    },
                    span,
                );
                if kind == BlockKind::BlockOn {
                    self.run_future(&first, span);
                }
                match what.as_str() {
                    "File::open" | "File::create" | "File::create_new" => {
                        Val::of(types::result_of(types::ext("std::fs::File", vec![])))
                    }
                    "TcpStream::connect" => {
                        Val::of(types::result_of(types::ext("std::net::TcpStream", vec![])))
                    }
                    _ => Val::unknown(),
                }
            }
            Effect::Work(kind) => {
                self.emit(EventKind::Work { kind, what }, span);
                Val::unknown()
            }
            Effect::Spawn(_)
            | Effect::Scope
            | Effect::InPlace
            | Effect::PoolInPlace
            | Effect::Pause(_) => Val::unknown(),
        }
    }

    /// A variable that is given what a field holds is that object from now on.
    fn swapped_in(&mut self, variable: &Val, of: &Val) {
        let field = of.class.clone().filter(|_| of.local.is_none());
        let info = variable
            .local
            .and_then(|local| self.locals.get_mut(local.0 as usize));
        if let (Some(field), Some(info)) = (field, info) {
            info.val.class = Some(field);
        }
    }

    pub fn channel(&mut self, bounded: bool) -> Val {
        let mut val = Val::of(Ty::Tuple(Tys::from([
            types::ext(
                if bounded {
                    "std::sync::mpsc::SyncSender"
                } else {
                    "std::sync::mpsc::Sender"
                },
                vec![Ty::Unknown],
            ),
            types::ext("std::sync::mpsc::Receiver", vec![Ty::Unknown]),
        ])));
        if let Ty::Tuple(parts) = val.ty.clone() {
            val.parts = parts.iter().map(|ty| Val::of(ty.clone())).collect();
            self.channels += 1;
            for part in &mut val.parts {
                part.channel = self.channels;
            }
        }
        val
    }

    /// `channel::<Job>()`: both ends say of what they are.
    fn of_messages(&self, mut ends: Val, path: &hir::Path) -> Val {
        let written = path.segments.last().and_then(|last| last.args().first());
        let Some(message) = written.map(|ty| self.resolve_type(ty)) else {
            return ends;
        };
        for part in &mut ends.parts {
            if let Ty::Ext(end, _) = &part.ty {
                part.ty = Ty::Ext(end.clone(), [message.clone()].into());
            }
        }
        let tys: Vec<Ty> = ends.parts.iter().map(|part| part.ty.clone()).collect();
        ends.with_ty(Ty::Tuple(tys.into()))
    }
}

/// The type of what a function outside the workspace gives.
fn returned(ext: &str) -> Ty {
    match table::returns(ext) {
        Some((path, true)) => types::result_of(types::ext(path, vec![])),
        Some((path, false)) => types::ext(path, vec![]),
        None => Ty::Unknown,
    }
}

/// What stands in `AssertUnwindSafe(..)`, where that is the argument.
fn asserted(args: &[Expr]) -> &[Expr] {
    match args {
        [
            Expr {
                kind:
                    ExprKind::Call {
                        callee,
                        args: inner,
                    },
                ..
            },
        ] if matches!(&callee.kind, ExprKind::Path(path) if path.last() == "AssertUnwindSafe") => {
            inner
        }
        _ => args,
    }
}
