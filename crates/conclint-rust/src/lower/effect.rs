//! Methods of library types that matter: what they wait for, start, send or
//! write.

use conclint_facts::{BlockKind, EventKind, GuardId, Handle, LocalId, ObjectKind, Origins};
use smol_str::SmolStr;

use super::body::Lower;
use super::method::MethodCall;
use super::std_result::library_result;
use super::types::{self, GuardTy};
use super::value::{LocalInfo, Val};
use crate::hir::{ExprKind, Span};
use crate::index::{MethodRes, Ty, Tys, last_segment};
use crate::table::{self, MethodEffect};

impl Lower<'_> {
    pub fn method_effect(
        &mut self,
        cur: &Val,
        effect: MethodEffect,
        call: &MethodCall,
    ) -> Option<Val> {
        use conclint_facts::Blocking;
        let span = call.site();
        let name = call.name.as_str();
        let what = call.name.clone();
        if let MethodEffect::Spawn(kind) = effect {
            let name = match &cur.ty {
                Ty::Ext(path, _) => SmolStr::new(format!("{}::{what}", last_segment(path))),
                _ => what,
            };
            let handle = self.spawn(kind, name, call.args.last(), span, cur.named);
            let fallible = matches!(&cur.ty, Ty::Ext(path, _) if path.ends_with("thread::Builder"));
            let ty = if fallible {
                types::result_of(handle.ty.clone())
            } else {
                handle.ty.clone()
            };
            return Some(handle.with_ty(ty));
        }
        if let MethodEffect::Work(kind) = effect {
            self.work(kind, &what, span);
            return None;
        }
        if effect == MethodEffect::Asks {
            return Some(self.asks(cur, what, "bool", span));
        }
        if effect == MethodEffect::AtomicLoad {
            for arg in call.args {
                self.base(arg);
            }
            return Some(self.atomic_load(cur, call.args, span));
        }
        let vals: Vec<Val> = call.args.iter().map(|arg| self.expr(arg)).collect();
        for val in &vals {
            self.lose_handles(val);
        }
        if let Ty::Ext(path, _) = &cur.ty
            && call.thrown
            && table::is_future(path, name)
        {
            return Some(Val::unknown());
        }
        match effect {
            MethodEffect::Block(kind) => {
                let of = cur.guards.first().copied().or(cur.borrows);
                self.emit(EventKind::Block { kind, what, of }, span);
                if kind == BlockKind::BlockOn {
                    vals.iter().for_each(|val| self.run_future(val, span));
                }
                let mut val = Val::unknown();
                if let Some(ty) = library_result(&cur.ty, name) {
                    val.ty = ty;
                }
                if kind == BlockKind::File && call.name == "open" {
                    val.ty = types::result_of(types::ext("std::fs::File", vec![]));
                }
                val.borrows = cur.borrows;
                Some(val)
            }
            MethodEffect::Join => {
                let kind = match &cur.ty {
                    Ty::Ext(path, _) if path.ends_with("::Child") => ObjectKind::Child,
                    _ => ObjectKind::Handle,
                };
                if kind == ObjectKind::Child && cur.class.is_none() {
                    // A process that has no name here: no thread ends with it.
                    if !call.awaited {
                        let kind = BlockKind::Process;
                        let of = cur.borrows;
                        self.emit(EventKind::Block { kind, what, of }, span);
                    }
                    return Some(Val::of(types::result_of(Ty::Unknown)));
                }
                let handle = cur.class.is_some().then(|| self.object(cur, &kind));
                for &spawn in &cur.handles {
                    self.set_handle(spawn, Handle::Joined);
                }
                let join = EventKind::Join {
                    handle,
                    result_ignored: false,
                    value_wanted: false,
                };
                self.emit(join, span);
                self.joined(&cur.handles);
                let from = self.event_origin();
                self.joined_before_dry(&cur.handles, span);
                let mut result = Val::of(types::result_of(types::arg(&cur.ty, 0)));
                result.from = from;
                Some(result)
            }
            MethodEffect::Send | MethodEffect::TrySend => {
                let bounded = match self.object_kind(&cur.ty) {
                    Some(ObjectKind::Sender { bounded }) => bounded,
                    _ => None,
                };
                let kind = ObjectKind::Sender { bounded };
                let channel = Some(self.object(cur, &kind));
                let blocking = if effect == MethodEffect::Send {
                    Blocking::Waits
                } else {
                    Blocking::Try
                };
                if effect == MethodEffect::Send && self.is_unread(cur.channel) {
                    let kind = BlockKind::NoReceiver;
                    self.emit(
                        EventKind::Block {
                            kind,
                            what,
                            of: None,
                        },
                        span,
                    );
                }
                if !call.awaited {
                    self.emit(
                        EventKind::Send {
                            channel,
                            bounded,
                            blocking,
                        },
                        span,
                    );
                } else if bounded == Some(true)
                    && effect == MethodEffect::Send
                    && let of @ Some(_) = self.keeps_one_of_many(cur)
                {
                    let kind = BlockKind::Room;
                    let what = SmolStr::new(name);
                    self.emit(EventKind::Block { kind, what, of }, span);
                }
                Some(Val::of(types::result_of(Ty::Unknown)))
            }
            MethodEffect::Recv | MethodEffect::TryRecv => {
                let loop_head = std::mem::take(&mut self.recv_loop);
                if matches!(cur.ty, Ty::Unknown) && cur.place.is_none() {
                    return None;
                }
                let channel = Some(self.object(cur, &ObjectKind::Receiver));
                let blocking = if effect == MethodEffect::Recv {
                    Blocking::Waits
                } else if call.name.starts_with("recv_") {
                    Blocking::Timed
                } else {
                    Blocking::Try
                };
                if !call.awaited {
                    self.emit(
                        EventKind::Recv {
                            channel,
                            blocking,
                            loop_head,
                        },
                        span,
                    );
                }
                let mut val = Val::of(types::result_of(types::arg(&cur.ty, 0)));
                if !call.awaited && name == "try_recv" {
                    val.from = self.event_origin();
                }
                Some(val)
            }
            MethodEffect::AtomicWrite => {
                let object = self.object(cur, &ObjectKind::Atomic);
                self.emit(
                    EventKind::SharedWrite {
                        object: Some(object),
                        idempotent: matches!(
                            call.name.as_str(),
                            "fetch_max" | "fetch_min" | "fetch_or" | "fetch_and"
                        ),
                    },
                    span,
                );
                let from = vals.iter().fold(Origins::NONE, |all, val| all.or(val.from));
                let mut val = Val::of(types::ext("u64", vec![]));
                val.from = self.atomic_written(cur, call.name, call.args, from, span);
                Some(val)
            }
            MethodEffect::Notify(all) => {
                let condvar = self.object(cur, &ObjectKind::Condvar);
                self.emit(EventKind::Notify { condvar, all }, span);
                Some(Val::of(Ty::unit()))
            }
            MethodEffect::Spawn(_)
            | MethodEffect::Work(_)
            | MethodEffect::Asks
            | MethodEffect::AtomicLoad => None,
        }
    }

    /// The guard of the collection that `val` is an element of, and stays in.
    fn keeps_one_of_many(&self, val: &Val) -> Option<GuardId> {
        let place = val.place.as_ref()?;
        let is_element = |step: &SmolStr| conclint_facts::is_element(step);
        let around = |info: &LocalInfo| {
            let lock = info.val.place.as_ref()?;
            let inside = lock.root == place.root && place.path.starts_with(&lock.path);
            let guard = info.val.guards.first().copied();
            guard.filter(|_| inside && info.level == self.out.level)
        };
        let info = |id: LocalId| self.locals.get(id.0 as usize);
        let mut locals = self.env.iter().filter_map(|(_, id)| info(*id));
        // What was taken out is a variable's own; so reads what a loop goes over.
        let lent = |info: &LocalInfo| matches!(info.val.ty, Ty::Ref(..));
        let stays = val.local.and_then(info).is_none_or(lent) || self.out.loop_depth > 0;
        let guard = val.borrows.or_else(|| locals.find_map(around));
        let guard = guard.filter(|_| stays);
        guard.filter(|_| place.path.iter().any(is_element))
    }

    /// `sender.send(x)` on a sink that always has room: a future that is ready.
    pub fn ready_sink(&mut self, cur: &Val, call: &MethodCall) -> Val {
        for arg in call.args {
            let val = self.expr(arg);
            self.lose_handles(&val);
        }
        if call.awaited && matches!(call.name.as_str(), "send" | "feed") {
            let bounded = Some(false);
            let send = EventKind::Send {
                channel: Some(self.object(cur, &ObjectKind::Sender { bounded })),
                bounded,
                blocking: conclint_facts::Blocking::Try,
            };
            self.emit(send, call.site());
        }
        Val::of(types::ext(
            types::READY,
            vec![types::result_of(Ty::Unknown)],
        ))
    }

    /// `cv.wait(guard)` and its relatives.
    pub fn wait(&mut self, cur: &Val, call: &MethodCall) -> Val {
        let name = call.name.as_str();
        let first = call
            .args
            .first()
            .map_or_else(Val::unknown, |arg| self.expr(arg));
        let guard = first.guards.first().copied().or(first.borrows);
        let predicate_read =
            guard.is_some_and(|guard| self.was_read(guard, call.args.first().map(|arg| arg.span)));
        let checks_predicate = name.contains("while");
        if let Some(guard) = guard
            && checks_predicate
        {
            self.emit(
                EventKind::Use {
                    guard,
                    write: false,
                },
                call.name_span,
            );
        }
        if call.args.len() > 1 {
            let mut data = first.clone();
            data.guards.clear();
            self.in_place_closures(&call.args[1..], &data, true);
        }
        let condvar = self.object(cur, &ObjectKind::Condvar);
        let timed = name.contains("timeout") || name.contains("_for") || name.contains("_until");
        let kind = EventKind::Wait {
            condvar,
            guard,
            checks_predicate,
            in_loop: self.out.loop_depth > 0,
            predicate_read,
            timed,
            by_reference: matches!(
                call.args.first().map(|arg| &arg.kind),
                Some(ExprKind::Ref { .. })
            ),
        };
        self.emit(kind, call.site());
        let mut back = first;
        back.local = None;
        if back.guards.is_empty() {
            // `wait(&mut guard)`: nothing comes back but perhaps a time-out.
            return Val::unknown();
        }
        let inner = if types::is_option_or_result(&back.ty) {
            types::unwrap_ty(&back.ty)
        } else {
            back.ty.clone()
        };
        if name.starts_with("wait_timeout") {
            let guard = back.clone().with_ty(inner.clone());
            let timeout = Val::of(types::ext("std::sync::WaitTimeoutResult", vec![]));
            back.parts = vec![guard, timeout];
            let pair = Ty::Tuple(Tys::from([
                inner,
                types::ext("std::sync::WaitTimeoutResult", vec![]),
            ]));
            return back.with_ty(types::result_of(pair));
        }
        // Elsewhere mostly the guard comes back as it is; who unwraps it gets the same.
        let plain = matches!(types::peel(self.index(), &cur.ty), Ty::Ext(path, _) if !path.starts_with("std::"));
        back.with_ty(match plain {
            true => inner,
            false => types::result_of(inner),
        })
    }

    /// A wait on a condition variable that the workspace itself defines, and that
    /// takes a guard. What it does inside with the lock is no second locking.
    pub fn own_wait(&mut self, cur: &Val, res: &MethodRes, call: &MethodCall) -> Option<Val> {
        let Ty::Adt(id, _) = &res.self_ty else {
            return None;
        };
        let name = self.index().type_name(*id).to_ascii_lowercase();
        if !name.ends_with("condvar") || !call.name.starts_with("wait") || call.args.is_empty() {
            return None;
        }
        let &f = res.fns.first()?;
        let given = types::peel(self.index(), &self.index().fn_param_ty(f, 1));
        if !matches!(self.guard_ty(&given), Some(GuardTy::Guard(_))) {
            return None;
        }
        let ret = self.index().fn_ret(f, Some(&res.self_ty), &[]);
        let condvar = self.dereferenced_to(cur, &res.self_ty)?;
        let val = self.wait(&condvar, call);
        if val.guards.is_empty() || types::is_option_or_result(&ret) {
            return Some(val);
        }
        let ty = types::unwrap_ty(&val.ty);
        Some(val.with_ty(ty))
    }

    /// Whether the data of `guard` was looked at before this wait; handing the
    /// guard over is not a look.
    fn was_read(&self, guard: GuardId, arg: Option<Span>) -> bool {
        self.out
            .blocks
            .iter()
            .flat_map(|block| &block.events)
            .any(|event| {
                let here = arg.is_some_and(|arg| {
                    event.site.line == arg.line
                        && event.site.column >= arg.column
                        && event.site.end_column <= arg.end_column
                });
                matches!(event.kind, EventKind::Use { guard: g, .. } if g == guard) && !here
            })
    }
}
